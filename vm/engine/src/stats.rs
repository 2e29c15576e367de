//! What the engine did, counted: units, compile time, refusals, exits, invalidations. Everything has a reason with a name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lockstep_bytecode::FuncId;

use crate::tiering::UnitKey;

/// Counters of one session.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// One entry per compiled unit, in order.
    pub units: Vec<UnitStats>,
    /// Functions not compiled, with the reason's name and its text.
    pub refusals: Vec<Refused>,
    /// Functions, and loops of them, not compiled because the pipeline does not list them.
    pub left_out: BTreeSet<UnitKey>,
    /// How often native code was left, by the reason's name.
    pub exits: BTreeMap<&'static str, u64>,
    /// Units invalidated.
    pub invalidated: u64,
    /// Units whose memory was freed before the session ended.
    pub freed: u64,
}

/// One compiled unit.
#[derive(Clone, Debug)]
pub struct UnitStats {
    /// The function.
    pub func: FuncId,
    /// Whether it was compiled for a loop entry.
    pub osr: bool,
    /// Size of the code.
    pub code_bytes: usize,
    /// Machine-stage instructions handed to the backend.
    pub ir_insts: usize,
    /// Wall time by phase: the compiler's, then the backend's, then `load`.
    pub phases: Vec<(&'static str, Duration)>,
    /// How many of the phases, from the first, are the compiler's own.
    pub own_phases: usize,
}

/// A function that was not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The function.
    pub func: FuncId,
    /// Stable name of the reason.
    pub reason: String,
    /// The whole of it, for people.
    pub detail: String,
}

impl Stats {
    /// Code bytes of all units.
    pub fn code_bytes(&self) -> usize {
        self.units.iter().map(|u| u.code_bytes).sum()
    }

    /// Compile time of all units: everything from bytecode to loaded code.
    pub fn compile_time(&self) -> Duration {
        self.units.iter().flat_map(|u| &u.phases).map(|p| p.1).sum()
    }
}
