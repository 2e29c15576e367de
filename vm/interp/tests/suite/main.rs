//! Tests of the interpreter through its public interface.

mod c_functions;
mod common;
#[cfg(target_os = "linux")]
mod coroutine_memory;
mod host;
mod kernels;
mod native;
mod operations;
mod optimiser;
mod runs;
