//! What the coverage-guided fuzzers share: how inputs are changed so that many are accepted, how they are run, and what is counted.
//!
//! - [`lua`]: source text, token by token; [`module`]: encoded modules, instruction by instruction; [`stats`]: executions and accepted inputs.

pub mod lua;
pub mod module;
pub mod random;
pub mod stats;

// Tests are built with the fuzzers' instrumentation, whose symbols lie in libFuzzer.
#[cfg(test)]
use libfuzzer_sys as _;

/// Plants the mistake that the environment names, in builds with the feature `plant`.
pub fn plant() {
    #[cfg(feature = "plant")]
    if let Ok(name) = std::env::var("LOCKSTEP_FUZZ_PLANT") {
        lockstep_runtime::plant::set(name.leak());
    }
}
