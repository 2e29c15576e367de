//! Isolation: code that may be wrong runs in worker processes.
//!
//! A worker is this same program, started as `lockstep worker`. Tasks go in and answers come back over one socket, which the worker
//! duplicates from its standard input before anything else runs; its standard output and error are memory files, read only
//! to explain a failure. So a backend may crash, hang, abort, exit, print, overflow the stack or eat memory: the answer to
//! the task at hand becomes a [`Death`], the next task gets a fresh process, and nothing else suffers. What it leaves running costs the
//! same, and is ended ([`left`]).

mod child;
mod client;
pub mod left;
mod pool;
mod task;
mod usage;

pub use child::serve;
pub use client::{Death, How, Limits, Worker};
pub use pool::Pool;
pub use task::{Answer, Context, Task};
