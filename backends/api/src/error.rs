//! Why a unit was not compiled.

use lockstep_ir::Op;

use crate::target::{Arch, Level};

/// A refusal. Each is a value that reports count by name; none is a panic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// An operation the backend does not lower.
    #[error("operation `{}` is not supported: {detail}", op.info().name)]
    Unsupported {
        /// The operation.
        op: Op,
        /// At which type, with which operands, why.
        detail: String,
    },
    /// A target the backend makes no code for.
    #[error("no code for {}", .0.name())]
    UnsupportedTarget(Arch),
    /// A level the backend does not know.
    #[error("no level `{0}`")]
    UnsupportedLevel(Level),
    /// The generated code refers to a symbol outside itself, which artifacts must not.
    #[error("the code needs the symbol `{0}`, but artifacts are self-contained")]
    ResidualSymbol(String),
    /// A function is too large for the backend.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The unit is not valid; only with [`crate::Options::verify`].
    #[error("the unit is invalid: {0}")]
    InvalidUnit(String),
    /// A defect of the backend.
    #[error("internal error: {0}")]
    Internal(String),
    /// An `exec:` backend could not be run, or broke the protocol.
    #[error("backend process: {0}")]
    Process(String),
}

impl CompileError {
    /// A stable name for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            CompileError::Unsupported { .. } => "unsupported_operation",
            CompileError::UnsupportedTarget(_) => "unsupported_target",
            CompileError::UnsupportedLevel(_) => "unsupported_level",
            CompileError::ResidualSymbol(_) => "residual_symbol",
            CompileError::TooLarge(_) => "too_large",
            CompileError::InvalidUnit(_) => "invalid_unit",
            CompileError::Internal(_) => "internal_error",
            CompileError::Process(_) => "backend_process",
        }
    }
}
