//! Joins interpreter and native code: loading, tiers, exits, OSR, invalidation.
//!
//! - [`Session`] runs a module, with or without native code, and counts what happened ([`Stats`], [`Executions`], [`Cause`]).
//! - [`loader`] puts any backend's artifact into executable memory; [`kit`] runs IR cases without a VM.
//!
//! It knows backends by their trait alone.

mod attribution;
pub mod crash;
mod data;
mod evaluated;
mod foreign;
pub mod kit;
pub mod loader;
mod session;
mod stats;
mod tiering;
mod unit;
mod value_stage;

pub use attribution::Cause;
pub use session::{Config, DEFAULT_THRESHOLDS, Executions, Mode, Session, Stress};
pub use stats::{Refused, Stats, UnitStats};
pub use tiering::{Cache, Pipeline, Tamper, UnitKey};

pub use lockstep_runtime::{Held, Snapshot};
