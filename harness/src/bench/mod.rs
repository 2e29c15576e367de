//! Benchmarks: how fast each implementation runs each kernel, as evidence.
//!
//! - [`kernel`]: what is run, at which sizes, and which gates it must keep: data from the corpus.
//! - [`implementation`]: who runs it: the interpreter, a backend at a level, or a [`peer`] from outside.
//! - [`plan`]: in which order: rounds over all of them, interleaved at random, a process each.
//! - [`runner`]: one process, measured; the rest of this module does not know what a process is.
//! - [`process`]: jobs as processes; [`measure`]: what happens inside one.
//! - [`calibration`]: how fast the machine is right now; [`instructions`]: counts under valgrind.
//! - [`journal`]: an interrupted run goes on; [`merge`]: shards become one run; [`build`]: and neither mixes builds.
//! - [`results`]: what was measured, as JSON; [`machine`]: on what.
//! - [`exact`]: what is deterministic.
//! - [`analysis`]: ratios with intervals; [`crossover`]: from when on compiling pays; [`warmup`]: when the peak is reached; [`noise`]: how far to believe it all; [`gates`]: verdicts; [`plant`]: planted violations, which show that the gates see.
//!
//! Two rules hold throughout. **Parity before speed**: an implementation whose parity has not passed in this very build has no timing. **A timing
//! counts only with its checksum**: if an implementation computes something else than the interpreter, its samples are void.

pub mod analysis;
pub mod build;
pub mod calibration;
pub mod crossover;
pub mod exact;
pub mod gates;
pub mod implementation;
pub mod instructions;
pub mod journal;
pub mod kernel;
pub mod machine;
pub mod measure;
pub mod merge;
pub mod noise;
pub mod peer;
pub mod plan;
pub mod plant;
pub mod process;
pub mod results;
pub mod runner;
#[cfg(test)]
pub(crate) mod testing;
pub mod warmup;

pub use implementation::Implementation;
pub use kernel::{Kernel, Size};
pub use results::BenchResults;

/// What `lockstep bench --results` writes: samples, what follows from them, verdicts.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct BenchReport {
    /// The samples.
    #[serde(flatten)]
    pub results: BenchResults,
    /// What follows from them.
    pub analysis: analysis::Analysis,
    /// The gates.
    pub gates: Vec<gates::GateResult>,
}
