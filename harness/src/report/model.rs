//! What a report says, as data: the content of `results.json`, and all that the other files of this module read.
//!
//! Figures and verdicts are those of [`crate::bench`]; here are sums of the rest. The order of implementations is that of the data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::choice::Choice;
use crate::bench::Implementation;
use crate::bench::analysis::{Analysis, CompileFigure};
use crate::bench::gates::GateResult;
use crate::bench::machine::Machine;
use crate::bench::results::{Build, Conditions, Exact, Finding, Participant};
use crate::bench::warmup::WarmupFigure;
use crate::compare::{Outcome, history};
use crate::stats::{Interval, Verdict};

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 2;

/// How the interpreter is called.
pub const INTERPRETER: &str = "interpreter";

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// [`VERSION`].
    pub lockstep_report: u32,
    /// On what, and with what.
    pub environment: Environment,
    /// What agrees; none if it was not run.
    pub parity: Option<Parity>,
    /// What runs natively; none if it was not run.
    pub coverage: Option<CoverageTable>,
    /// How fast; none if it was not run.
    pub bench: Option<Bench>,
    /// Which planted faults the gates see; none if it was not run.
    pub faults: Option<Faults>,
    /// What changed; none if nothing was compared.
    pub comparison: Option<Comparison>,
    /// Earlier results of the same machine, oldest first; none if none are kept.
    pub history: Option<History>,
}

/// On what, and with what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Environment {
    /// Version of Lockstep.
    pub lockstep: String,
    /// When the report was written, as RFC 3339.
    #[serde(default)]
    pub date: String,
    /// The commit of the source tree that the writer of the report was built in, with a plus if files differ from it; empty where that is not known.
    #[serde(default)]
    pub commit: String,
    /// What made the results, by the command that wrote them.
    #[serde(default)]
    pub builds: BTreeMap<String, Build>,
    /// The machine, as the benchmarks found it; without them, as it is now.
    pub machine: Machine,
    /// Compilers on the machine, by name, with the first line of their own account of their version.
    pub compilers: BTreeMap<String, String>,
    /// Backends of the build.
    pub backends: Vec<BackendRow>,
}

impl Environment {
    /// The commands whose results come from several builds, each with its executable's fingerprint; none if they come from one. Planted faults take a build of their own.
    pub fn mixture(&self) -> Option<Vec<(&str, &str)>> {
        let known = self.builds.iter().filter(|(what, build)| *what != "faults" && !build.executable.is_empty());
        let known: Vec<_> = known.map(|(what, build)| (what.as_str(), build.executable.as_str())).collect();
        known.iter().any(|(_, executable)| *executable != known[0].1).then_some(known)
    }
}

/// A backend of the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BackendRow {
    /// Its id.
    pub id: String,
    /// Its own account of its version.
    pub version: String,
    /// What it is, for people.
    pub about: String,
    /// Its levels.
    pub levels: Vec<String>,
    /// The level it takes by itself.
    pub default_level: String,
    /// Whether it makes native code.
    pub native: bool,
}

/// Sums over trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sums {
    /// As expected.
    pub passed: u32,
    /// Not as expected, or no answer.
    pub failed: u32,
    /// Of those failed: no answer.
    pub died: u32,
    /// Of which a function was refused, as is allowed, and interpreted.
    pub refused: u32,
    /// Failing, as a waiver says.
    #[serde(default)]
    pub waived: u32,
    /// Passing and failing, as an entry says.
    #[serde(default)]
    pub flaky: u32,
}

/// What agrees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Parity {
    /// Sums over all trials.
    pub sums: Sums,
    /// Trials that were refused, by the reasons.
    #[serde(default)]
    pub refusals: BTreeMap<String, u32>,
    /// How many cases.
    pub cases: usize,
    /// Sums by implementation and configuration.
    pub rows: Vec<ParityRow>,
    /// Sums by case.
    pub by_case: Vec<CaseRow>,
    /// What failed.
    pub failures: Vec<Failure>,
}

/// Trials of a case, on all implementations, in all configurations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CaseRow {
    /// The case.
    pub case: String,
    /// Sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Trials of an implementation in a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ParityRow {
    /// Who.
    pub implementation: String,
    /// How; none for trials without configurations, such as isolated IR cases.
    pub configuration: Option<String>,
    /// Sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A trial that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// Its name.
    pub trial: String,
    /// The case.
    pub case: String,
    /// Who.
    pub implementation: String,
    /// Whether there was no answer.
    pub died: bool,
    /// What failed.
    pub what: String,
    /// The line that runs it again.
    pub again: String,
}

/// What runs natively.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CoverageTable {
    /// Whether the small sizes were run.
    pub quick: bool,
    /// Instructions that compile.
    pub instructions: Vec<Instructions>,
    /// Programs.
    pub programs: Vec<ProgramCoverage>,
}

/// Instructions that compile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Instructions {
    /// Who.
    pub implementation: String,
    /// So many …
    pub compiled: usize,
    /// … of so many.
    pub of: usize,
    /// Those that do not, and why.
    pub missing: BTreeMap<String, String>,
    /// How many of those that compile go through a helper.
    pub helpers: usize,
    /// Those that compile and were executed natively in no trial that passed; none if that was not asked.
    pub unverified: Option<Vec<String>>,
}

/// A program on an implementation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProgramCoverage {
    /// The program's short name.
    pub program: String,
    /// Who.
    pub implementation: String,
    /// Executed instructions: inline, through a helper, interpreted; none if they could not be counted.
    pub counts: Option<[u64; 3]>,
    /// The same by mnemonic of the instruction.
    pub by_instruction: BTreeMap<String, [u64; 3]>,
    /// Why what was interpreted was interpreted, most frequent first.
    pub causes: Vec<(String, u64)>,
    /// Times that native code was left.
    pub exits: u64,
    /// What the gate found, or why nothing was counted.
    pub failure: Option<String>,
}

impl ProgramCoverage {
    /// Shares in percent: inline, through a helper, interpreted.
    pub fn shares(&self) -> Option<[f64; 3]> {
        let counts = self.counts?;
        shares(&counts)
    }

    /// Share that ran natively, in percent.
    pub fn native(&self) -> Option<f64> {
        self.shares().map(|[inline, helper, _]| inline + helper)
    }
}

/// Shares in percent of counts: inline, through a helper, interpreted; none of nothing.
pub fn shares(counts: &[u64; 3]) -> Option<[f64; 3]> {
    let total: u64 = counts.iter().sum();
    (total > 0).then(|| counts.map(|n| 100.0 * n as f64 / total as f64))
}

/// Which planted faults the gates see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Faults {
    /// The gates, in order.
    pub gates: Vec<String>,
    /// The faults.
    pub planted: Vec<PlantedFault>,
    /// Faults of the registry that the build could not hold.
    #[serde(default)]
    pub not_planted: Vec<String>,
    /// Gates that saw a fault where none was planted.
    pub false_alarms: Vec<String>,
}

/// A planted fault, and who saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlantedFault {
    /// Its name.
    pub name: String,
    /// Where it is planted.
    pub layer: String,
    /// What it does.
    pub about: String,
    /// The gate that is meant to see it.
    pub intended: String,
    /// The gates that saw it.
    pub seen_by: Vec<String>,
    /// The gates that were not asked.
    pub not_asked: Vec<String>,
    /// Whether it was written without sight of the gates.
    pub blind: bool,
    /// Whether it fires on less than one input in a hundred.
    pub rare: bool,
}

impl PlantedFault {
    /// Whether the gate that is meant to see it does.
    pub fn caught(&self) -> bool {
        self.seen_by.contains(&self.intended)
    }
}

/// What changed since a baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// What was compared with what, for people.
    pub with: String,
    /// What makes the two hard to compare.
    pub flags: Vec<String>,
    /// Each quantity.
    pub changes: Vec<Change>,
}

/// A quantity, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// What was measured.
    pub measure: String,
    /// On what: a kernel at a size, the corpus, everything.
    pub on: String,
    /// Whose.
    pub subject: String,
    /// After over before.
    pub ratio: Option<f64>,
    /// Its 95 % interval, where it has one.
    pub interval: Option<Interval>,
    /// What it means.
    pub verdict: Outcome,
    /// More about it, for people.
    pub note: Option<String>,
}

impl Change {
    /// What is compared, in words.
    pub fn name(&self) -> String {
        let subject = if self.subject.is_empty() { String::new() } else { format!(" with {}", self.subject) };
        format!("{} of {}{subject}", self.measure.replace('_', " "), self.on)
    }
}

impl Comparison {
    /// Changes with a verdict.
    pub fn with_verdict(&self, verdict: Outcome) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |c| c.verdict == verdict)
    }
}

/// Earlier results of the same machine, build and sizes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct History {
    /// Runs, oldest first: their dates, with their commits where these are known.
    pub runs: Vec<String>,
    /// Time of each implementation through the runs.
    pub lines: Vec<HistoryLine>,
    /// What changed for good.
    pub changes: Vec<history::Change>,
}

/// A quantity through the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HistoryLine {
    /// Whose.
    pub subject: String,
    /// Time over that of the first run: geometric mean over the series that all runs have.
    pub values: Vec<f64>,
}

/// How fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Bench {
    /// How it was measured.
    pub conditions: Conditions,
    /// Who took part, and who could not.
    pub participants: Vec<Participant>,
    /// Kernels, in order.
    pub kernels: Vec<String>,
    /// Ratios, times, compilation.
    pub analysis: Analysis,
    /// Which backend to use; none if nothing can be chosen from.
    pub choice: Option<Choice>,
    /// Samples that do not count, and why.
    pub void: Vec<Void>,
    /// Gates.
    pub gates: Vec<GateResult>,
    /// What must be the same in every process.
    pub exact: Vec<Exact>,
    /// What the run says about itself.
    pub findings: Vec<Finding>,
}

/// Samples that do not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Void {
    /// The kernel; none for compilation of the corpus.
    pub kernel: Option<String>,
    /// Who.
    pub implementation: Implementation,
    /// Why.
    pub why: String,
}

impl Bench {
    /// Backends at their levels, in the order of the data.
    pub fn natives(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|p| p.absent.is_none() && p.implementation.column().is_some())
    }

    /// Backends at their default levels, or all if none is marked so: what sentences and first pictures are about.
    pub fn headline(&self) -> Vec<&Implementation> {
        let any = self.natives().any(|p| p.default);
        self.natives().filter(|p| p.default || !any).map(|p| &p.implementation).collect()
    }

    /// The uplift of an implementation on a kernel; over all without one.
    pub fn uplift_of(&self, implementation: &Implementation, kernel: Option<&str>) -> Option<Interval> {
        let of = |kernel| self.analysis.uplift_of(implementation, kernel).map(|f| f.ratio);
        // A mean over fewer kernels cannot be compared with others.
        let whole = || self.kernels.iter().all(|kernel| of(Some(kernel)).is_some());
        if kernel.is_some() || whole() { of(kernel) } else { None }
    }

    /// The time of an implementation over that of a peer.
    pub fn peer_ratio(&self, of: &Implementation, peer: &Implementation, kernel: Option<&str>) -> Option<Interval> {
        let Analysis { native_ratio, interpreter_ratio, peer_ratio, .. } = &self.analysis;
        let mut figures = native_ratio.iter().chain(interpreter_ratio).chain(peer_ratio);
        figures.find(|f| f.of == *of && f.over == *peer && f.kernel.as_deref() == kernel).map(|f| f.ratio)
    }

    /// Compilation by an implementation.
    pub fn compile_of(&self, implementation: &Implementation) -> Option<&CompileFigure> {
        self.analysis.compile.iter().find(|c| c.implementation == *implementation)
    }

    /// How an implementation warms up on a kernel.
    pub fn warmup_of(&self, implementation: &Implementation, kernel: &str) -> Option<&WarmupFigure> {
        self.analysis.warmup.iter().find(|w| w.implementation == *implementation && w.kernel == kernel)
    }

    /// Whether an implementation is a backend at its default level.
    pub fn is_default(&self, implementation: &Implementation) -> bool {
        self.participants.iter().any(|p| p.default && p.implementation == *implementation)
    }

    /// Gates with a verdict.
    pub fn gates_with(&self, verdict: Verdict) -> impl Iterator<Item = &GateResult> {
        self.gates.iter().filter(move |g| g.verdict == verdict)
    }
}
