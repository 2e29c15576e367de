//! The Lockstep harness: proves that every backend does what the reference does, and reports what it found.
//!
//! - [`backends`]: the columns of every table: backend × level, from the registry alone. No backend is named in this crate.
//! - [`worker`]: processes in which code that may be wrong runs, so that a crash is one failed case and nothing else.
//! - [`compare`]: two sides, judged: better, worse, the same, cannot be told.
//! - [`case`] and [`check`]: what an IR case is, and the one function that runs and judges it.
//! - [`kit`]: IR cases made from the operation table; [`corpus`]: cases written by hand, in YAML.
//! - [`program`]: bytecode programs with stated results, on the interpreter and natively in every configuration.
//! - [`optimiser`]: what the bytecode optimiser does to the corpus.
//! - [`doctor`]: what this machine has and lacks.
//! - [`waiver`]: trials known to fail or to be flaky, with reason, owner and date.
//! - [`fault`]: planted faults, which show that the gates see.
//! - [`fuzz`]: random functions, judged and shrunk.
//! - [`grid`]: the required cells of the instruction grid as cases, with an outside judge.
//! - [`twin`]: cases that state their program in Lua, too, run by PUC Lua.
//! - [`export`]: IR cases for others' runners.
//! - [`conformance`]: whether a process speaks the exec protocol.
//! - [`stats`]: intervals and verdicts.
//! - [`judge`]: the evaluator itself, against C.
//! - [`report`]: what was found, as a page, as Markdown and as data.
//! - [`subject`]: whole virtual machines from outside, as processes.
//! - [`passport`]: certificates of what was run, and their verification.
//! - [`mod@bisect`]: from a failure to what is behind it.
//! - [`cli`]: one file per command.
//!
//! A program of one's own gets the whole command with a backend of one's own in it by [`cli::main_with`] and [`registry`]: see
//! docs/write-a-backend.md, and `examples/baseline-x64` for one that does.
#![forbid(unsafe_code)]

pub mod backends;
pub mod bench;
pub mod bisect;
pub mod case;
pub mod check;
pub mod cli;
pub mod compare;
pub mod conformance;
pub mod corpus;
pub mod doctor;
pub mod export;
pub mod fault;
pub mod fuzz;
pub mod grid;
pub mod judge;
pub mod kit;
pub mod lua;
pub mod machine_code;
pub mod optimiser;
pub mod passport;
pub mod program;
pub mod report;
pub mod results;
pub mod stats;
pub mod subject;
pub mod twin;
pub mod waiver;
pub mod worker;

pub use lockstep_registry::registry;
