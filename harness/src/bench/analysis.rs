//! What follows from the samples: ratios with intervals, within workloads and over all kernels.

use serde::{Deserialize, Serialize};

use super::crossover::{self, Crossover};
use super::implementation::Implementation;
use super::kernel::Size;
use super::noise::{Disturbances, FalseAlarms, undisturbed};
use super::peer::{INTERPRETER_YARDSTICK, LUA_BESIDE, NATIVE_YARDSTICK};
use super::results::{BenchResults, CompileSample, CompileSeries, Phase, Sample, Workload};
use super::warmup::{self, WarmupFigure};
use crate::stats::{Bootstrap, Interval, median};

/// A ratio of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Figure {
    /// The kernel; none for the geometric mean over all.
    pub kernel: Option<String>,
    /// The size.
    pub size: Size,
    /// Whose time is divided …
    pub of: Implementation,
    /// … by whose.
    pub over: Implementation,
    /// The ratio.
    pub ratio: Interval,
    /// Rounds left out because a sample of theirs was disturbed.
    #[serde(default)]
    pub excluded: usize,
}

/// An implementation on a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Timing {
    /// The kernel.
    pub kernel: String,
    /// The size.
    pub size: Size,
    /// Who.
    pub implementation: Implementation,
    /// Seconds of a call.
    pub seconds: Interval,
    /// Seconds from bytecode to loaded code, all units, set-up apart.
    pub compile: Option<Interval>,
    /// Seconds of set-up: what compilation does whatever it compiles.
    #[serde(default)]
    pub setup: Option<Interval>,
    /// Seconds by phase, in order: medians over processes.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// Seconds of the first call, compilation and set-up included.
    pub first: Option<Interval>,
    /// Bytes of machine code.
    pub code_bytes: u64,
    /// The most memory that the process held, in bytes.
    #[serde(default)]
    pub peak_memory: Option<Interval>,
    /// Seconds of interpretation after which compiling, set-up included, has paid for itself; none where it does not, or where that cannot be told.
    pub break_even: Option<Interval>,
    /// Samples, …
    #[serde(default)]
    pub samples: usize,
    /// … of which disturbed, …
    #[serde(default)]
    pub disturbed: usize,
    /// … of which left out: all that are disturbed, or none if too few would remain.
    #[serde(default)]
    pub excluded: usize,
}

/// Compilation of the corpus by a backend at a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CompileFigure {
    /// Who.
    pub implementation: Implementation,
    /// The median over units of the backend's time, in seconds.
    pub median: Interval,
    /// The sum over units by phase, in seconds; the median over processes.
    pub phases: Vec<Phase>,
    /// Units.
    pub units: u64,
    /// Functions left out because they have an instruction that is not compiled yet.
    #[serde(default)]
    pub not_yet_compiled: u64,
    /// Bytes of machine code of all units.
    pub code_bytes: u64,
    /// The most memory that the process held, in bytes.
    #[serde(default)]
    pub peak_memory: Option<Interval>,
    /// Processes left out because they were disturbed.
    #[serde(default)]
    pub excluded: usize,
}

/// All figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Analysis {
    /// Times.
    pub timings: Vec<Timing>,
    /// The reference's time over a backend's, or a subject's configuration's, by kernel, then the geometric means.
    pub uplift: Vec<Figure>,
    /// A backend's time over the C twin's.
    pub native_ratio: Vec<Figure>,
    /// The interpreter's time over PUC Lua's.
    pub interpreter_ratio: Vec<Figure>,
    /// The same on the kernels that no backend runs, by file, and behind those of each file their geometric mean; Lua programs over each peer that runs them.
    #[serde(default)]
    pub interpreted_ratio: Vec<Figure>,
    /// A backend's time over that of a peer that is no yardstick.
    #[serde(default)]
    pub peer_ratio: Vec<Figure>,
    /// Compilation.
    pub compile: Vec<CompileFigure>,
    /// From when on one backend is better than another, for pairs of backends at their default levels.
    #[serde(default)]
    pub crossovers: Vec<Crossover>,
    /// Warming up.
    #[serde(default)]
    pub warmup: Vec<WarmupFigure>,
    /// The run's own rate of false alarms.
    #[serde(default)]
    pub false_alarms: FalseAlarms,
    /// What the calibration loop found.
    #[serde(default)]
    pub disturbances: Disturbances,
}

impl Analysis {
    /// Everything that follows from a run.
    pub fn of(results: &BenchResults, bootstrap: &Bootstrap) -> Self {
        let natives: Vec<&Implementation> =
            results.present().map(|p| &p.implementation).filter(|i| i.column().is_some()).collect();
        let rivals = results.present().map(|p| &p.implementation).filter(|i| i.has_uplift());
        let reference = results.reference();
        let defaults: Vec<&Implementation> =
            results.present().filter(|p| p.default).map(|p| &p.implementation).collect();
        let interpreter = Implementation::Interpreter;
        let c_twin = Implementation::Peer(NATIVE_YARDSTICK.to_owned());
        let lua_twin = Implementation::Peer(INTERPRETER_YARDSTICK.to_owned());
        let lua_beside = Implementation::Peer(LUA_BESIDE.to_owned());
        let other_peers = results
            .present()
            .map(|p| &p.implementation)
            .filter(|i| i.peer().is_some() && ![&c_twin, &lua_twin, &lua_beside].contains(i));
        let ratios = |of: &Implementation, over: &Implementation| figures(results, of, over, bootstrap);
        Self {
            timings: results.workloads.iter().flat_map(|w| timings(w, bootstrap)).collect(),
            uplift: rivals.flat_map(|rival| ratios(&reference, rival)).collect(),
            native_ratio: natives.iter().flat_map(|native| ratios(native, &c_twin)).collect(),
            interpreter_ratio: ratios(&interpreter, &lua_twin),
            interpreted_ratio: results
                .interpreted_files()
                .into_iter()
                .flat_map(|file| {
                    [&lua_twin, &lua_beside].into_iter().flat_map(|over| {
                        let groups = groups(results, &results.kernels_of(file), &interpreter, over);
                        figures_of(groups, &interpreter, over, bootstrap)
                    })
                })
                .collect(),
            peer_ratio: other_peers.flat_map(|peer| natives.iter().flat_map(|native| ratios(native, peer))).collect(),
            compile: results.compile.iter().filter_map(|series| compile(series, bootstrap)).collect(),
            crossovers: defaults
                .iter()
                .enumerate()
                .flat_map(|(n, one)| defaults[..n].iter().map(move |other| (*other, *one)))
                .flat_map(|(one, other)| crossover::crossovers(results, one, other, bootstrap))
                .collect(),
            warmup: results.warmup.iter().flat_map(|w| warmup::figures(w, bootstrap)).collect(),
            false_alarms: FalseAlarms::of(results, bootstrap),
            disturbances: Disturbances::of(results),
        }
    }

    /// The uplift of an implementation on a kernel; over all kernels without one.
    pub fn uplift_of(&self, implementation: &Implementation, kernel: Option<&str>) -> Option<&Figure> {
        self.uplift.iter().find(|f| f.over == *implementation && f.kernel.as_deref() == kernel)
    }

    /// The timing of an implementation on a kernel at the size at which the interpreter ran.
    pub fn timing_of(&self, implementation: &Implementation, kernel: &str, size: Size) -> Option<&Timing> {
        self.timings.iter().find(|t| t.implementation == *implementation && t.kernel == kernel && t.size == size)
    }
}

/// Samples of two implementations in the rounds in which both ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounds<'r> {
    /// The rounds that count.
    pub pairs: Vec<(&'r Sample, &'r Sample)>,
    /// How many more there are, left out because a sample was disturbed.
    pub excluded: usize,
}

impl<'r> Rounds<'r> {
    /// On a workload.
    pub fn of(workload: &'r Workload, of: &Implementation, over: &Implementation) -> Self {
        let others = workload.samples(over);
        let pair = |sample: &'r Sample| Some((sample, others.iter().find(|o| o.round == sample.round)?));
        let all = workload.samples(of).iter().filter_map(pair).collect();
        let (pairs, excluded) = undisturbed(all, |(a, b): &(&Sample, &Sample)| a.disturbed || b.disturbed);
        Self { pairs, excluded }
    }

    /// Seconds of calls.
    pub fn seconds(&self) -> Vec<(f64, f64)> {
        self.pairs.iter().filter_map(|(a, b)| Some((a.seconds()?, b.seconds()?))).collect()
    }
}

/// Backend times of two implementations in the rounds in which both compiled the corpus.
pub fn compile_pairs(results: &BenchResults, of: &Implementation, over: &Implementation) -> Vec<(f64, f64)> {
    let samples = |who: &Implementation| {
        let series = results.compile.iter().find(|s| s.implementation == *who && s.void.is_none());
        series.map_or(&[][..], |s| &s.samples)
    };
    let others = samples(over);
    let pair = |s| {
        let s: &CompileSample = s;
        Some((s, others.iter().find(|o| o.round == s.round && o.units == s.units)?))
    };
    let all = samples(of).iter().filter_map(pair).collect();
    let (pairs, _) = undisturbed(all, |(a, b)| a.disturbed || b.disturbed);
    pairs.into_iter().map(|(a, b)| (a.median, b.median)).collect()
}

/// A kernel, and the times of two implementations on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The kernel.
    pub kernel: String,
    /// The size.
    pub size: Size,
    /// The times of each round, in seconds.
    pub pairs: Vec<(f64, f64)>,
    /// Rounds left out because a sample was disturbed.
    pub excluded: usize,
}

/// The pairs of each of these kernels, at the largest size at which both ran.
pub fn groups(results: &BenchResults, kernels: &[&str], of: &Implementation, over: &Implementation) -> Vec<Group> {
    let group = |workload: &Workload| {
        let rounds = Rounds::of(workload, of, over);
        let (kernel, size) = (workload.kernel.clone(), workload.size);
        Group { kernel, size, pairs: rounds.seconds(), excluded: rounds.excluded }
    };
    let largest = |kernel: &str| {
        let all = results.workloads.iter().filter(|w| w.kernel == kernel).map(group);
        all.filter(|g| !g.pairs.is_empty()).max_by_key(|g| g.size)
    };
    kernels.iter().copied().filter_map(largest).collect()
}

/// The ratio of times of two implementations by kernel that backends run, then over all of these.
pub fn figures(
    results: &BenchResults,
    of: &Implementation,
    over: &Implementation,
    bootstrap: &Bootstrap,
) -> Vec<Figure> {
    figures_of(groups(results, &results.kernels(), of, over), of, over, bootstrap)
}

/// The ratio of times of two implementations by kernel, then over all kernels.
fn figures_of(groups: Vec<Group>, of: &Implementation, over: &Implementation, bootstrap: &Bootstrap) -> Vec<Figure> {
    let figure = |kernel: Option<String>, size: Size, ratio: Interval, excluded: usize| Figure {
        kernel,
        size,
        of: of.clone(),
        over: over.clone(),
        ratio,
        excluded,
    };
    let mut figures: Vec<Figure> = groups
        .iter()
        .filter_map(|g| Some(figure(Some(g.kernel.clone()), g.size, bootstrap.ratio(&g.pairs)?, g.excluded)))
        .collect();
    let all: Vec<&[(f64, f64)]> = groups.iter().map(|g| g.pairs.as_slice()).collect();
    if let (Some(size), Some(mean)) = (groups.iter().map(|g| g.size).max(), bootstrap.geometric_mean(&all)) {
        figures.push(figure(None, size, mean, groups.iter().map(|g| g.excluded).sum()));
    }
    figures
}

fn timings(workload: &Workload, bootstrap: &Bootstrap) -> Vec<Timing> {
    let timing = |who: &Implementation| {
        let all: Vec<&Sample> = workload.samples(who).iter().collect();
        let (count, disturbed) = (all.len(), all.iter().filter(|s| s.disturbed).count());
        let (samples, excluded) = undisturbed(all, |s| s.disturbed);
        let location = |of: &dyn Fn(&Sample) -> Option<f64>| {
            let values: Vec<f64> = samples.iter().filter_map(|s| of(s)).collect();
            bootstrap.location(&values)
        };
        let native = who.column().is_some();
        let phases = |sample: &Sample, setup: bool| {
            let all = sample.compile.iter().filter(|p| p.is_setup() == setup);
            native.then(|| all.map(|p| p.seconds).sum())
        };
        let interpreted = Rounds::of(workload, &Implementation::Interpreter, who);
        Some(Timing {
            kernel: workload.kernel.clone(),
            size: workload.size,
            implementation: who.clone(),
            seconds: location(&|s| s.seconds())?,
            compile: location(&|s| phases(s, false)),
            setup: location(&|s| phases(s, true)),
            phases: medians(samples.iter().map(|s| s.compile.as_slice())),
            first: location(&|s| s.first().filter(|_| native)),
            code_bytes: samples.iter().map(|s| s.code_bytes).max().unwrap_or(0),
            peak_memory: location(&|s| s.peak_memory.map(|bytes| bytes as f64)),
            break_even: native.then(|| crossover::break_even(&interpreted, bootstrap)).flatten(),
            samples: count,
            disturbed,
            excluded,
        })
    };
    let who = workload.series.iter().map(|s| &s.implementation);
    who.filter(|who| !who.is_again()).filter_map(timing).collect()
}

/// The median of each phase over samples, in the order of the first.
fn medians<'s>(samples: impl Iterator<Item = &'s [Phase]> + Clone) -> Vec<Phase> {
    let median_of = |phase: &Phase| {
        let same = |p: &&Phase| p.name == phase.name && p.backend == phase.backend;
        let all: Vec<f64> = samples.clone().filter_map(|s| s.iter().find(same)).map(|p| p.seconds).collect();
        Phase { seconds: median(&all).unwrap_or(0.0), ..phase.clone() }
    };
    samples.clone().next().unwrap_or_default().iter().map(median_of).collect()
}

fn compile(series: &CompileSeries, bootstrap: &Bootstrap) -> Option<CompileFigure> {
    let samples: Vec<&CompileSample> = series.void.is_none().then_some(&series.samples)?.iter().collect();
    let (samples, excluded) = undisturbed(samples, |s| s.disturbed);
    let first = samples.first()?;
    let memory: Vec<f64> = samples.iter().filter_map(|s| Some(s.peak_memory? as f64)).collect();
    Some(CompileFigure {
        implementation: series.implementation.clone(),
        median: bootstrap.location(&samples.iter().map(|s| s.median).collect::<Vec<_>>())?,
        phases: medians(samples.iter().map(|s| s.phases.as_slice())),
        units: first.units,
        not_yet_compiled: first.not_yet_compiled,
        code_bytes: first.code_bytes,
        peak_memory: bootstrap.location(&memory),
        excluded,
    })
}
