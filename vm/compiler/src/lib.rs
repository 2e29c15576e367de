//! Bytecode to machine-stage IR: SSA construction, passes, lowering.
#![forbid(unsafe_code)]

mod blocks;
mod build;
mod code;
mod kinds;
mod lower;
pub mod passes;
mod pipeline;
pub mod regions;
mod request;

pub use passes::{PassConfig, PassId, PassInfo, passes};
pub use pipeline::compile;
pub use request::{Compiled, DataWord, Dump, ExitReason, ExitSite, Options, OsrEntries, Refusal, Request};
