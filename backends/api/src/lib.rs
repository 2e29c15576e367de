//! All that an author of a backend depends on.
//!
//! A backend is a pure function from a machine-stage [`lockstep_ir::Unit`] to bytes: [`Backend::compile`]. It knows no bytecode, no
//! value tags, no collector, no deoptimisation and no exceptions: all of that is plain control flow, loads, stores and calls
//! by the time a unit reaches it. What it hands back, an [`Artifact`], is data: the harness loads, runs, disassembles,
//! caches and compares it without asking the backend again.
//!
//! A backend in another language takes part as a process: [`exec`].
#![forbid(unsafe_code)]

mod artifact;
mod error;
pub mod evaluator;
pub mod exec;
mod registry;
mod target;

pub use artifact::{Artifact, Code, PhaseTime, SourceSpan};
pub use error::CompileError;
pub use evaluator::{Evaluator, Fault, Flow, Machine};
pub use registry::{Registry, UnknownBackend};
pub use target::{Arch, Feature, Features, Level, Target};

use lockstep_ir::{Op, Unit};

/// Version of this interface. It grows with every change that makes a backend written against an older one wrong.
pub const API_VERSION: u32 = 1;

/// A code generator.
///
/// # Contract
/// - **Total**: every verified machine-stage unit is compiled, or refused with a [`CompileError`]; never a panic, never an operation
///   skipped in silence.
/// - **Pure and deterministic**: the same unit, target and options give the same bytes, on any thread, in any order.
/// - **Self-contained**: the code needs no relocation and refers to no host address or symbol.
pub trait Backend: Send + Sync {
    /// The registry key: lower case, no spaces. It names columns, filters and gates.
    fn id(&self) -> &str;

    /// The version of the code generator behind it, for reports.
    fn version(&self) -> String;

    /// One sentence for people: what it is built on.
    fn summary(&self) -> String;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Compiles a unit.
    ///
    /// # Errors
    /// See [`CompileError`].
    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError>;

    /// The evaluator that runs its artifacts, if they are [`Code::Evaluated`].
    fn evaluator(&self) -> Option<&dyn Evaluator> {
        None
    }
}

/// What a backend can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Architectures it makes code for; empty if its artifacts are evaluated.
    pub targets: Vec<Arch>,
    /// Levels it knows, slowest code first.
    pub levels: Vec<Level>,
    /// The level that gates and one-line answers refer to.
    pub default_level: Level,
    /// Machine-stage operations it cannot lower. Units that hold one are refused with [`CompileError::Unsupported`].
    pub unsupported: Vec<Op>,
    /// Whether artifacts are native code, or evaluated.
    pub execution: Execution,
}

/// How artifacts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Execution {
    /// As machine code.
    Native,
    /// By an [`Evaluator`]; never counted as native execution.
    Evaluated,
}

/// How a unit is to be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// The optimisation level; one of the backend's.
    pub level: Level,
    /// Whether the backend checks its own intermediate results (its verifier, its register allocation checker) and the
    /// unit. An internal error is a [`CompileError::Internal`].
    pub verify: bool,
}

impl Options {
    /// Options at a level, without checking.
    pub const fn at(level: Level) -> Self {
        Self { level, verify: false }
    }
}
