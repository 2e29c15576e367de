//! Bytecode to machine-stage IR: SSA construction, passes, lowering.
//!
//! [`compile`] is the pipeline. It takes a snapshot ([`Request`]) and answers with data ([`Compiled`]) or with a named reason
//! ([`Refusal`]). It knows bytecode, layout and IR; it knows no backend, no VM and no address: what depends on a VM stands
//! in the unit's data block, described symbolically ([`DataWord`]). docs/compiler.md tells how it works.
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
mod suspension;

pub use passes::{Fuel, PassConfig, PassId, PassInfo, passes};
pub use pipeline::compile;
pub use request::{Compiled, DataWord, Dump, ExitReason, ExitSite, ExtraPass, Options, OsrEntries, Refusal, Request};
