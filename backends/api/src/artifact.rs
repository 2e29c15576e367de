//! What a backend hands back.

use std::time::Duration;

use lockstep_ir::SourceLoc;

use crate::target::Arch;

/// Compiled code, as data. Two artifacts of the same input are equal in all but the times of their phases.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The code.
    pub code: Code,
    /// Offset in bytes of each function of the unit, in the unit's order; zeros if evaluated.
    pub functions: Vec<u32>,
    /// Wall time by phase, in the order in which the phases ran; disjoint.
    pub phases: Vec<PhaseTime>,
    /// Where code comes from: sorted by offset, each span reaching to the next.
    pub source_map: Vec<SourceSpan>,
}

/// The code of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Machine code, position-independent and self-contained, constants included. It may be loaded at any address that is
    /// a multiple of `align`, and is only read and executed there.
    Native {
        /// What it runs on.
        arch: Arch,
        /// The bytes.
        bytes: Vec<u8>,
        /// A power of two, at most 4096.
        align: u32,
    },
    /// The unit itself is run by the backend's [`crate::Evaluator`].
    Evaluated,
}

/// How long a phase of a compilation took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseTime {
    /// Its name, the backend's own; `setup` is what does not depend on the unit.
    pub name: &'static str,
    /// Wall time.
    pub time: Duration,
}

/// From `offset` to the next span's, code comes from `loc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSpan {
    /// Offset in bytes into the code.
    pub offset: u32,
    /// Row of the unit's source table, or [`SourceLoc::NONE`].
    pub loc: SourceLoc,
}

impl Artifact {
    /// Size of the code in bytes; 0 if evaluated.
    pub fn code_bytes(&self) -> usize {
        match &self.code {
            Code::Native { bytes, .. } => bytes.len(),
            Code::Evaluated => 0,
        }
    }

    /// Whether two artifacts are the same but for times.
    pub fn same_code(&self, other: &Artifact) -> bool {
        self.code == other.code && self.functions == other.functions && self.source_map == other.source_map
    }

    /// Checks what a loader relies on, so that a malformed artifact is an error and not a crash.
    ///
    /// # Errors
    /// What is malformed.
    pub fn check(&self, function_count: usize) -> Result<(), String> {
        if self.functions.len() != function_count {
            return Err(format!("{} function offsets for {function_count} functions", self.functions.len()));
        }
        let Code::Native { bytes, align, .. } = &self.code else { return Ok(()) };
        if !align.is_power_of_two() || *align > 4096 {
            return Err(format!("alignment {align} is no power of two up to 4096"));
        }
        if let Some(offset) = self.functions.iter().find(|&&o| o as usize >= bytes.len()) {
            return Err(format!("function offset {offset} lies outside the {} bytes of code", bytes.len()));
        }
        if self.source_map.windows(2).any(|w| w[0].offset > w[1].offset) {
            return Err("the source map is not sorted".to_owned());
        }
        Ok(())
    }
}
