//! Whole virtual machines under test, as processes: whatever runs programs in more than one way and can be started from a command line.
//!
//! A `subject.yaml` says how; nothing links to Lockstep. One configuration is the reference, usually the subject's own interpreter; every other must
//! print what the reference prints and end as it ends.
//!
//! - [`manifest`]: the file; [`command`]: from the file to command lines; [`process`]: one process, isolated.
//! - [`observe`]: what can be seen of a run, and how two runs differ; [`evidence`]: what shows that anything ran natively.
//! - [`trial`] is parity; [`mod@bench`] is times; [`bisect`] goes from a divergence to the functions and the change behind it, with [`reduce`].
//!
//! Without counters nothing here can know that a configuration ran native code at all. Then every result says *native execution unproven*.

pub mod bench;
pub mod bisect;
pub mod command;
pub mod evidence;
pub mod manifest;
pub mod observe;
pub mod process;
pub mod reduce;
pub mod trial;

pub use command::{Configuration, Extras, Program, Subject};
pub use evidence::Evidence;
pub use manifest::Manifest;
