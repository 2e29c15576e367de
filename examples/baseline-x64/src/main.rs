//! The whole `lockstep` command with one backend more. Everything is in the libraries.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    lockstep::cli::main_with(|| {
        let mut registry = lockstep::registry();
        registry.register(Arc::new(baseline_x64::Generator));
        registry
    })
}
