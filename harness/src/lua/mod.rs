//! Lua programs under test: cases of `corpus/lua`, and the outside judge that states or confirms what they do.
//!
//! Each program runs in a process of its own, as its users start it: ours is `lockstep run FILE`, the judge is PUC Lua 5.4, built into this program where the feature `oracle` is
//! chosen. What counts is what a user sees: standard output, the message on standard error without its traceback, and the exit status.
//!
//! - [`case`]: the schema; [`side`]: who runs a program, and what is seen of it; [`trial`]: a case on a side; [`manual`]: what of the language the cases must show;
//! - `fuzz`: random programs, in builds with the judge.

pub mod case;
#[cfg(feature = "oracle")]
pub mod fuzz;
pub mod manual;
pub mod side;
pub mod trial;
