//! Program cases: bytecode programs with stated results, judged on the interpreter and on every backend in every configuration.

pub mod case;
pub mod coverage;
pub mod fuzz;
pub mod heap;
pub mod interpreted;
pub mod literal;
pub mod lowering;
pub mod observe;
pub mod trial;

pub use case::{CaseLimits, ExpectedError, Program, ProgramCase};
pub use observe::{Configuration, Observation, Setup};
