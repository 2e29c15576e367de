//! What was measured, as it is written to `bench.json`: the samples, not what follows from them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::kernel::Size;
use super::machine::Machine;
use super::plan::Shard;

/// Version of the format. It grows with each change that an old reader would misread.
///
/// What version 2 changed: the calls of a sample begin with the first one, and `warm` says how many of them do not count.
pub const VERSION: u32 = 2;

/// A run of benchmarks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchResults {
    /// [`VERSION`].
    pub lockstep_bench: u32,
    /// What measured.
    #[serde(default)]
    pub build: Build,
    /// Fingerprint of the plan: equal plans of equal builds measure the same. Shards of a plan share it.
    #[serde(default)]
    pub plan: String,
    /// On what.
    pub machine: Machine,
    /// How.
    pub conditions: Conditions,
    /// Who took part, and who could not.
    pub participants: Vec<Participant>,
    /// The kernels at the size at which speed is judged.
    pub workloads: Vec<Workload>,
    /// The kernels at [`Size::Warm`]: many short calls from a cold start, which show how each implementation warms up.
    #[serde(default)]
    pub warmup: Vec<Workload>,
    /// Compilations of the whole corpus.
    pub compile: Vec<CompileSeries>,
    /// What must be the same in every process, and is compared exactly.
    #[serde(default)]
    pub exact: Vec<Exact>,
    /// What the run says about itself.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The VM from outside, if one was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<crate::subject::bench::Notes>,
}

/// The executable that measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Build {
    /// Version of Lockstep.
    pub version: String,
    /// Fingerprint of the executable, 16 hexadecimal digits.
    pub executable: String,
    /// How it was built: `release` or `debug`; empty in older results.
    #[serde(default)]
    pub profile: String,
}

/// How a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Conditions {
    /// Whether it was a quick look.
    pub quick: bool,
    /// Whether only some kernels or implementations were asked for: the gates of the others are not judged.
    pub filtered: bool,
    /// Rounds: processes per implementation and workload.
    pub rounds: usize,
    /// Rounds in all of the kernels with a gate that did not pass in [`Self::rounds`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<usize>,
    /// Seed of the order.
    pub seed: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Load of the machine at the end; the machine has that at the beginning.
    pub load_at_end: Option<f64>,
    /// Which part of the plan this is; none for all of it.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// Who took part twice, under two names.
    #[serde(default)]
    pub again: Option<Implementation>,
    /// Seconds of the calibration loop: the median of the run.
    #[serde(default)]
    pub calibration: Option<f64>,
    /// A sample is disturbed if the loop before or after it took more than so many times the median, or less than its inverse.
    #[serde(default)]
    pub disturbed_beyond: f64,
    /// How often an interrupted run was continued.
    #[serde(default)]
    pub resumed: usize,
}

/// An implementation, and whether it took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Why no backend takes part, if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreted: Option<String>,
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
    /// Processor time of each call in seconds, compilation within it included, from the first call of the process on.
    pub calls: Vec<f64>,
    /// How many calls, from the first, warm up and do not count. At [`Size::Warm`] none: there the calls themselves are asked.
    #[serde(default)]
    pub warm: usize,
    /// Wall time of compilation by phase.
    #[serde(default)]
    pub compile: Vec<Phase>,
    /// Bytes of machine code.
    #[serde(default)]
    pub code_bytes: u64,
    /// Units of native code.
    #[serde(default)]
    pub units: u64,
    /// Times that native code was left for the interpreter.
    #[serde(default)]
    pub exits: u64,
    /// The result, spelled.
    pub checksum: String,
    /// The most memory that the process held, in bytes; none where it was not found out.
    #[serde(default)]
    pub peak_memory: Option<u64>,
    /// The calibration loop around it.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// Whether the machine was not itself: see [`Conditions::disturbed_beyond`].
    #[serde(default)]
    pub disturbed: bool,
}

/// A fixed piece of work before and after a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Its seconds right before.
    pub before: f64,
    /// Its seconds right after.
    pub after: f64,
}

/// Seconds of a phase of compilation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Phase {
    /// Its name. What does not depend on the code that is compiled is called `setup`.
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
    /// Fingerprint of the programs, as they were assembled: quantities of different programs are not compared. Empty of older results.
    #[serde(default)]
    pub programs: String,
    /// How many units.
    pub units: u64,
    /// How many functions were left out because they have an instruction that is not compiled yet.
    #[serde(default)]
    pub not_yet_compiled: u64,
    /// The median over units of the backend's time, its set-up apart.
    pub median: f64,
    /// As `median`, in processor time: what other processes of the machine take is not in it. 0 of older results, and of backends that are processes.
    #[serde(default)]
    pub processor: f64,
    /// The sum over units by phase.
    pub phases: Vec<Phase>,
    /// Bytes of machine code of all units.
    pub code_bytes: u64,
    /// The most memory that the process held, in bytes.
    #[serde(default)]
    pub peak_memory: Option<u64>,
    /// The calibration loop around it.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// Whether the machine was not itself: see [`Conditions::disturbed_beyond`].
    #[serde(default)]
    pub disturbed: bool,
}

/// A deterministic quantity: the same in every process, or it is a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Exact {
    /// The kernel; none for the whole corpus, compiled.
    pub kernel: Option<String>,
    /// At which size; none for the whole corpus.
    pub size: Option<Size>,
    /// Who.
    pub implementation: Implementation,
    /// What.
    pub measure: Measure,
    /// The value.
    pub value: u64,
    /// What other processes of the run found instead, each value once; empty if all agree.
    pub others: Vec<u64>,
}

/// The name of the phase that holds what does not depend on the code that is compiled.
pub const SETUP: &str = "setup";

impl Phase {
    /// Whether it is set-up.
    pub fn is_setup(&self) -> bool {
        self.name == SETUP
    }
}

/// What is compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Bytes of machine code.
    CodeBytes,
    /// Units compiled.
    Units,
    /// Times that native code was left for the interpreter.
    Exits,
    /// Machine instructions of a warm call, as valgrind counts them.
    Instructions,
}

impl Measure {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::CodeBytes => "code_bytes",
            Measure::Units => "units",
            Measure::Exits => "exits",
            Measure::Instructions => "instructions",
        }
    }
}

/// Something that a run says about itself, besides its gates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Which kind: a stable name.
    pub kind: FindingKind,
    /// The kernel, if it concerns one.
    pub kernel: Option<String>,
    /// The implementation, if it concerns one.
    pub implementation: Option<Implementation>,
    /// What was found, for people.
    pub what: String,
    /// Whether the run fails by it.
    pub fails: bool,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Processes disagree on what is deterministic. Fails.
    NotDeterministic,
    /// Too many samples were disturbed to leave them out: they count, and the figures are what they are.
    Disturbed,
    /// A measure that was asked for could not be taken.
    NotMeasured,
    /// Shards of the run come from different machines.
    Machines,
}

impl FindingKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            FindingKind::NotDeterministic => "not_deterministic",
            FindingKind::Disturbed => "disturbed",
            FindingKind::NotMeasured => "not_measured",
            FindingKind::Machines => "machines",
        }
    }
}

impl Sample {
    /// The process's one number: the median of the calls that count.
    pub fn seconds(&self) -> Option<f64> {
        crate::stats::median(self.calls.get(self.warm..)?)
    }

    /// Wall time of compilation in seconds, set-up included.
    pub fn compile_seconds(&self) -> f64 {
        self.compile.iter().map(|p| p.seconds).sum()
    }

    /// Seconds of the first call.
    pub fn first(&self) -> Option<f64> {
        self.calls.first().copied()
    }
}

impl Workload {
    /// The file of its case, such as `bench/generic`.
    pub fn file(&self) -> &str {
        self.case.rsplit_once('/').map_or("", |(file, _)| file)
    }

    /// The samples of an implementation that count.
    pub fn samples(&self, implementation: &Implementation) -> &[Sample] {
        let series = self.series.iter().find(|s| s.implementation == *implementation && s.void.is_none());
        series.map_or(&[], |s| &s.samples)
    }

    /// Voids the series that do not compute what the others compute.
    ///
    /// The reference says what is right, or, where it does not run, what most implementations agree on; where neither tells, all are void.
    pub fn check(&mut self) {
        let of = |series: &Series| series.samples.first().map(|s| s.checksum.clone());
        let valid: Vec<&Series> = self.series.iter().filter(|s| s.void.is_none() && !s.samples.is_empty()).collect();
        let interpreter = valid.iter().find(|s| s.implementation.is_reference()).and_then(|s| of(s));
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

impl Conditions {
    /// Whether it is only a part: what is missing was not asked for, and is no gate's business.
    pub fn is_partial(&self) -> bool {
        self.filtered || self.shard.is_some()
    }
}

impl Build {
    /// Whether this is known not to be the executable of that SHA-256.
    pub fn is_another_than(&self, executable: &str) -> bool {
        !self.executable.is_empty() && !executable.starts_with(&self.executable)
    }
}

impl BenchResults {
    /// The workload of a kernel at a size.
    pub fn workload(&self, kernel: &str, size: Size) -> Option<&Workload> {
        self.workloads.iter().find(|w| w.kernel == kernel && w.size == size)
    }

    /// Names of the kernels that backends run, in order.
    pub fn kernels(&self) -> Vec<&str> {
        self.kernels_where(|w| w.interpreted.is_none())
    }

    /// The kernels of a file of the corpus, such as `bench/generic`, in order; with `*` at its end, those of all files whose names begin so.
    pub fn kernels_of(&self, file: &str) -> Vec<&str> {
        match file.strip_suffix('*') {
            Some(start) => self.kernels_where(|w| w.file().starts_with(start)),
            None => self.kernels_where(|w| w.file() == file),
        }
    }

    /// The files that have kernels that no backend runs.
    pub fn interpreted_files(&self) -> BTreeSet<&str> {
        self.workloads.iter().filter(|w| w.interpreted.is_some()).map(Workload::file).collect()
    }

    fn kernels_where(&self, holds: impl Fn(&Workload) -> bool) -> Vec<&str> {
        let mut kernels: Vec<&str> = Vec::new();
        for workload in self.workloads.iter().filter(|w| holds(w)) {
            if !kernels.contains(&workload.kernel.as_str()) {
                kernels.push(&workload.kernel);
            }
        }
        kernels
    }

    /// The one that uplift is relative to.
    pub fn reference(&self) -> Implementation {
        let mut all = self.present().map(|p| &p.implementation);
        all.find(|i| i.is_reference()).cloned().unwrap_or(Implementation::Interpreter)
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
            interpreted: None,
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
