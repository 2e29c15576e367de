//! What was measured, as it is written to `bench.json`: the samples, not what follows from them.

use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::kernel::Size;
use super::machine::Machine;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A run of benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchResults {
    /// [`VERSION`].
    pub lockstep_bench: u32,
    /// On what.
    pub machine: Machine,
    /// How.
    pub conditions: Conditions,
    /// Who took part, and who could not.
    pub participants: Vec<Participant>,
    /// The kernels at their sizes.
    pub workloads: Vec<Workload>,
    /// Compilations of the whole corpus.
    pub compile: Vec<CompileSeries>,
}

/// How a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Whether it was a quick look.
    pub quick: bool,
    /// Whether only some kernels or implementations were asked for: the gates of the others are not judged.
    pub filtered: bool,
    /// Rounds: processes per implementation and workload.
    pub rounds: usize,
    /// Seed of the order.
    pub seed: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Load of the machine at the end; the machine has that at the beginning.
    pub load_at_end: Option<f64>,
}

/// An implementation, and whether it took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub implementation: Implementation,
    /// Its own account of its version.
    pub version: String,
    /// What it is, for people.
    pub about: String,
    /// Whether it is a backend at its default level: the one that gates and one-line answers refer to.
    pub default: bool,
    /// Why it did not take part at all.
    pub absent: Option<String>,
}

/// A kernel at a size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The case.
    pub case: String,
    /// The kernel's short name.
    pub kernel: String,
    /// The size.
    pub size: Size,
    /// The arguments.
    pub args: Vec<String>,
    /// The result that all must agree on: the interpreter's, or the first participant's where the interpreter does not run.
    pub checksum: Option<String>,
    /// The samples by implementation.
    pub series: Vec<Series>,
}

/// The samples of an implementation on a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Who.
    pub implementation: Implementation,
    /// One for each process.
    pub samples: Vec<Sample>,
    /// Why they do not count: parity failed, another checksum, a process that died.
    pub void: Option<String>,
}

/// What one process measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The round it belongs to. Ratios are taken within rounds.
    pub round: usize,
    /// Seconds of each measured call.
    pub calls: Vec<f64>,
    /// Seconds of the first call, which is not measured where it is short: it warms up.
    pub first: f64,
    /// Wall time of compilation by phase.
    pub compile: Vec<Phase>,
    /// Bytes of machine code.
    pub code_bytes: u64,
    /// Units of native code.
    pub units: u64,
    /// Times that native code was left for the interpreter.
    pub exits: u64,
    /// The result, spelled.
    pub checksum: String,
}

/// Seconds of a phase of compilation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Whether it belongs to the backend; the others are the compiler's and the loader's.
    pub backend: bool,
    /// Wall time.
    pub seconds: f64,
}

/// Compilations of the corpus by a backend at a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileSeries {
    /// Who.
    pub implementation: Implementation,
    /// One for each process.
    pub samples: Vec<CompileSample>,
    /// Why they do not count.
    pub void: Option<String>,
}

/// What one process measured while it compiled the corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompileSample {
    /// The round it belongs to.
    pub round: usize,
    /// How many units.
    pub units: u64,
    /// The median over units of the backend's time, its set-up apart.
    pub median: f64,
    /// The sum over units by phase.
    pub phases: Vec<Phase>,
    /// Bytes of machine code of all units.
    pub code_bytes: u64,
}

impl Sample {
    /// The process's one number: the median of its calls.
    pub fn seconds(&self) -> Option<f64> {
        crate::stats::median(&self.calls)
    }
}

impl Workload {
    /// The samples of an implementation that count.
    pub fn samples(&self, implementation: &Implementation) -> &[Sample] {
        let series = self.series.iter().find(|s| s.implementation == *implementation && s.void.is_none());
        series.map_or(&[], |s| &s.samples)
    }

    /// Voids the series that do not compute what the others compute.
    ///
    /// The interpreter says what is right, or, where it does not run, what most implementations agree on; where neither tells, all are void.
    pub fn check(&mut self) {
        let of = |series: &Series| series.samples.first().map(|s| s.checksum.clone());
        let valid: Vec<&Series> = self.series.iter().filter(|s| s.void.is_none() && !s.samples.is_empty()).collect();
        let interpreter = valid.iter().find(|s| s.implementation == Implementation::Interpreter).and_then(|s| of(s));
        let most = || {
            let sums: Vec<String> = valid.iter().filter_map(|s| of(s)).collect();
            let count = |sum: &String| sums.iter().filter(|s| *s == sum).count();
            sums.iter().find(|sum| 2 * count(sum) > sums.len()).cloned()
        };
        self.checksum = interpreter.or_else(most);
        for series in self.series.iter_mut().filter(|s| s.void.is_none()) {
            let wrong = series.samples.iter().find(|s| Some(&s.checksum) != self.checksum.as_ref());
            series.void = wrong.map(|sample| match &self.checksum {
                Some(right) => format!("checksum {} is not {right}", sample.checksum),
                None => format!("checksum {}: no two agree on what is right", sample.checksum),
            });
        }
    }
}

impl BenchResults {
    /// The workload of a kernel at a size.
    pub fn workload(&self, kernel: &str, size: Size) -> Option<&Workload> {
        self.workloads.iter().find(|w| w.kernel == kernel && w.size == size)
    }

    /// Names of the kernels, in order.
    pub fn kernels(&self) -> Vec<&str> {
        let mut kernels: Vec<&str> = Vec::new();
        for workload in &self.workloads {
            if !kernels.contains(&workload.kernel.as_str()) {
                kernels.push(&workload.kernel);
            }
        }
        kernels
    }

    /// Who took part.
    pub fn present(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|p| p.absent.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::peer::NATIVE_YARDSTICK;

    fn series(name: &str, checksum: &str) -> Series {
        let sample = Sample { calls: vec![1.0], checksum: checksum.to_owned(), ..Sample::default() };
        Series { implementation: name.parse().expect("a name"), samples: vec![sample], void: None }
    }

    fn voids(series: Vec<Series>) -> Vec<bool> {
        let mut workload = Workload {
            case: String::new(),
            kernel: String::new(),
            size: Size::Full,
            args: Vec::new(),
            checksum: None,
            series,
        };
        workload.check();
        workload.series.iter().map(|s| s.void.is_some()).collect()
    }

    #[test]
    fn a_timing_with_another_checksum_is_void() {
        let wrong = vec![series("a/none", "8"), series("interpreter", "7"), series("b/speed", "7")];
        assert_eq!(voids(wrong), [true, false, false]);
        // Even where the interpreter is alone.
        let alone = vec![series("interpreter", "7"), series("a/none", "8"), series("b/none", "8")];
        assert_eq!(voids(alone), [false, true, true]);
    }

    #[test]
    fn without_the_interpreter_the_majority_counts() {
        let two = vec![series("a/none", "7"), series("b/none", "8"), series(NATIVE_YARDSTICK, "7")];
        assert_eq!(voids(two), [false, true, false]);
        assert_eq!(voids(vec![series("a/none", "7"), series("b/none", "8")]), [true, true]);
    }

    #[test]
    fn one_wrong_process_voids_the_series() {
        let mut flaky = series("a/none", "7");
        flaky.samples.push(Sample { checksum: "8".to_owned(), ..Sample::default() });
        assert_eq!(voids(vec![series("interpreter", "7"), flaky]), [false, true]);
    }
}
