//! Bytecode to machine-stage IR: SSA construction, passes, lowering.
#![forbid(unsafe_code)]

pub mod passes;
mod request;

pub use passes::{PassConfig, PassId, PassInfo, passes};
pub use request::{Compiled, DataWord, Dump, ExitReason, ExitSite, Options, OsrEntries, Refusal, Request};

/// Compiles a function of a module.
///
/// # Errors
/// Why it is not compiled.
pub fn compile(request: &Request<'_>) -> Result<Compiled, Refusal> {
    let function = request.module.function(request.func);
    Err(Refusal::TooLarge { instructions: function.code.len(), limit: request.options.max_instructions })
}
