//! Tests of the interpreter through its public interface.

mod common;
mod host;
mod kernels;
mod native;
mod operations;
mod optimiser;
mod runs;
