//! Tests of the interpreter through its public interface.

mod common;
mod operations;
mod runs;
