//! The machine's own noise, from the run itself: how often equal things look different (A/A), and how often the machine was not itself.
//!
//! **A/A.** One implementation takes part twice, under two names, in every round: a comparison of the two whose interval leaves out 1 is a false alarm. Besides, the samples of every implementation are
//! dealt at random into two halves, many times: another estimate of the same rate, from more comparisons, which are not independent of each other.
//!
//! **Disturbances.** A fixed piece of work runs right before and right after every sample, whoever is measured. A sample is disturbed if either took more than [`BEYOND`] times the median of all of them, or less
//! than its inverse. The rule for all alike: a disturbed sample is flagged and shown; it is left out of a figure if at least half of the figure's samples, and no fewer than [`FEWEST`], remain without it; otherwise all of
//! them count, and a finding says so. The loop knows nothing of the implementation between, so leaving out by it favours nobody.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::analysis::{Figure, figures};
use super::implementation::Implementation;
use super::results::{BenchResults, Calibration, Finding, FindingKind, Sample, Series, Workload};
use crate::stats::{Bootstrap, FEWEST, Interval, median};

/// How far the calibration loop may be from its median: a factor.
pub const BEYOND: f64 = 1.15;

/// How often the samples of a series are dealt into halves.
const DEALS: usize = 10;

/// How often each deal is resampled: the ends of halves need no precision, there are many of them.
const RESAMPLES: usize = 200;

/// What the machine says of differences that are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FalseAlarms {
    /// An implementation against itself under a second name, by kernel, then over all kernels.
    pub again: Vec<Figure>,
    /// Kernels on which it took part twice …
    pub comparisons: usize,
    /// … and those on which the interval leaves out 1: a false alarm each. So many are expected: 5 % of all.
    pub alarms: usize,
    /// Comparisons of random halves of the samples of one implementation on one kernel, all of them …
    pub halves: usize,
    /// … and those whose interval leaves out 1.
    pub half_alarms: usize,
}

/// What the calibration loop found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Disturbances {
    /// Samples with a calibration …
    pub samples: usize,
    /// … of which disturbed.
    pub disturbed: usize,
    /// The fastest loop of the run over the median, …
    pub fastest: f64,
    /// … and the slowest.
    pub slowest: f64,
}

/// Of samples (or pairs of them) those that count, and how many are left out.
pub fn undisturbed<T>(mut samples: Vec<T>, disturbed: impl Fn(&T) -> bool) -> (Vec<T>, usize) {
    let bad = samples.iter().filter(|s| disturbed(s)).count();
    let remain = samples.len() - bad;
    if bad == 0 || remain < FEWEST || 2 * remain < samples.len() {
        return (samples, 0);
    }
    samples.retain(|s| !disturbed(s));
    (samples, bad)
}

/// A finding for each series whose disturbed samples count all the same, because too few would remain.
pub fn findings(results: &BenchResults) -> Vec<Finding> {
    let finding = |kernel: Option<&String>, who: &Implementation, disturbed: Vec<bool>| {
        let (all, bad) = (disturbed.len(), disturbed.iter().filter(|d| **d).count());
        let (_, excluded) = undisturbed(disturbed, |d| *d);
        (bad > 0 && excluded == 0).then(|| Finding {
            kind: FindingKind::Disturbed,
            kernel: kernel.cloned(),
            implementation: Some(who.clone()),
            what: format!("{bad} of {all} samples were disturbed, too many to leave them out: they count"),
            fails: false,
        })
    };
    let workloads = results.workloads.iter().flat_map(|w| w.series.iter().map(move |s| (&w.kernel, s)));
    let marks = |series: &Series| series.samples.iter().map(|s| s.disturbed).collect();
    let runs = workloads.filter_map(|(kernel, s)| finding(Some(kernel), &s.implementation, marks(s)));
    let compile = results.compile.iter();
    let compile =
        compile.filter_map(|s| finding(None, &s.implementation, s.samples.iter().map(|s| s.disturbed).collect()));
    runs.chain(compile).collect()
}

/// Marks the samples of a run that were disturbed.
pub fn mark(results: &mut BenchResults) {
    let all: Vec<f64> = calibrations(results).flat_map(|c| [c.before, c.after]).collect();
    let middle = median(&all);
    results.conditions.calibration = middle;
    results.conditions.disturbed_beyond = BEYOND;
    let Some(middle) = middle else { return };
    let off = |seconds: f64| seconds > middle * BEYOND || seconds < middle / BEYOND;
    let judge = |c: Option<Calibration>| c.is_some_and(|c| off(c.before) || off(c.after));
    let workloads = results.workloads.iter_mut().chain(&mut results.warmup);
    for sample in workloads.flat_map(|w| &mut w.series).flat_map(|s| &mut s.samples) {
        sample.disturbed = judge(sample.calibration);
    }
    for sample in results.compile.iter_mut().flat_map(|s| &mut s.samples) {
        sample.disturbed = judge(sample.calibration);
    }
}

fn calibrations(results: &BenchResults) -> impl Iterator<Item = Calibration> {
    let workloads = results.workloads.iter().chain(&results.warmup);
    let samples = workloads.flat_map(|w| &w.series).flat_map(|s| &s.samples).filter_map(|s| s.calibration);
    samples.chain(results.compile.iter().flat_map(|s| &s.samples).filter_map(|s| s.calibration))
}

impl Disturbances {
    /// Of a run that is marked.
    pub fn of(results: &BenchResults) -> Self {
        let Some(middle) = results.conditions.calibration else { return Self::default() };
        let workloads = results.workloads.iter().chain(&results.warmup);
        let marks = workloads.flat_map(|w| &w.series).flat_map(|s| &s.samples).filter(|s| s.calibration.is_some());
        let marks = marks.map(|s| s.disturbed);
        let compile = results.compile.iter().flat_map(|s| &s.samples).filter(|s| s.calibration.is_some());
        let marks: Vec<bool> = marks.chain(compile.map(|s| s.disturbed)).collect();
        let ratios = calibrations(results).flat_map(|c| [c.before, c.after]).map(|seconds| seconds / middle);
        let (fastest, slowest) = ratios.fold((f64::MAX, 0.0f64), |(l, h), r| (l.min(r), h.max(r)));
        Self { samples: marks.len(), disturbed: marks.iter().filter(|d| **d).count(), fastest, slowest }
    }
}

impl FalseAlarms {
    /// Of a run.
    pub fn of(results: &BenchResults, bootstrap: &Bootstrap) -> Self {
        let again = match &results.conditions.again {
            None => Vec::new(),
            Some(who) => figures(results, who, &Implementation::Again(Box::new(who.clone())), bootstrap),
        };
        let kernels: Vec<&Figure> = again.iter().filter(|f| f.kernel.is_some()).collect();
        let alarms = kernels.iter().filter(|f| alarm(&f.ratio)).count();
        let comparisons = kernels.len();
        let series = results.workloads.iter().flat_map(|w| w.series.iter().map(move |s| (w, &s.implementation)));
        let halves: Vec<bool> = series.flat_map(|(w, who)| halves(w, who, bootstrap)).collect();
        let half_alarms = halves.iter().filter(|alarm| **alarm).count();
        Self { again, comparisons, alarms, halves: halves.len(), half_alarms }
    }
}

/// Whether an interval of a ratio leaves out 1.
fn alarm(ratio: &Interval) -> bool {
    ratio.low > 1.0 || ratio.high < 1.0
}

/// Compares halves of the samples of an implementation; nothing if a half would be too small to decide anything.
fn halves(workload: &Workload, who: &Implementation, bootstrap: &Bootstrap) -> Vec<bool> {
    let (samples, _) = undisturbed(workload.samples(who).iter().collect(), |s: &&Sample| s.disturbed);
    let mut seconds: Vec<f64> = samples.iter().filter_map(|s| s.seconds()).collect();
    let half = seconds.len() / 2;
    if half < FEWEST {
        return Vec::new();
    }
    let bootstrap = Bootstrap { resamples: RESAMPLES, ..*bootstrap };
    let mut rng = Rng::with_seed(bootstrap.seed);
    let deal = |_| {
        rng.shuffle(&mut seconds);
        let pairs: Vec<(f64, f64)> = seconds[..half].iter().copied().zip(seconds[half..].iter().copied()).collect();
        bootstrap.ratio(&pairs).as_ref().is_some_and(alarm)
    };
    (0..DEALS).map(deal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing;

    #[test]
    fn who_is_left_out_depends_on_the_loop_alone_and_enough_remain() {
        let left = |bad: &[usize]| undisturbed((0..7).collect(), |n| bad.contains(n));
        assert_eq!(left(&[]), ((0..7).collect(), 0));
        assert_eq!(left(&[1, 5]), (vec![0, 2, 3, 4, 6], 2));
        assert_eq!(left(&[0, 1, 2]).1, 3);
        // More than half are disturbed: that is how the machine is.
        assert_eq!(left(&[0, 1, 2, 3]), ((0..7).collect(), 0));
        assert_eq!(undisturbed(vec![1, 2, 3], |n| *n == 1).1, 0);
    }

    #[test]
    fn a_disturbed_round_is_marked_counted_and_left_out() {
        let mut results = testing::results();
        for series in results.workloads.iter_mut().flat_map(|w| &mut w.series) {
            for sample in &mut series.samples {
                let slow = if sample.round == 2 { 1.4 } else { 1.0 };
                sample.calibration = Some(Calibration { before: 0.004, after: 0.004 * slow });
                sample.calls.iter_mut().for_each(|c| *c *= slow);
            }
        }
        mark(&mut results);
        let found = Disturbances::of(&results);
        assert_eq!(found.disturbed * 6, found.samples);
        assert!((found.slowest - 1.4).abs() < 1e-9 && (found.fastest - 1.0).abs() < 1e-9);
        let [of, over] = ["interpreter", "fast/speed"].map(|n| n.parse().expect("a name"));
        let figures = figures(&results, &of, &over, &Bootstrap { resamples: 50, ..Bootstrap::default() });
        assert!(figures.iter().filter(|f| f.kernel.is_some()).all(|f| f.excluded == 1 && f.ratio.samples == 5));
    }

    #[test]
    fn equal_things_raise_few_alarms_and_unequal_ones_raise_them() {
        let mut results = testing::results();
        let again = "again:interpreter".parse::<Implementation>().expect("a name");
        results.conditions.again = Some(Implementation::Interpreter);
        for workload in &mut results.workloads {
            let mut twin = workload.series[0].clone();
            twin.implementation = again.clone();
            twin.samples.rotate_left(1);
            for (round, sample) in twin.samples.iter_mut().enumerate() {
                sample.round = round;
            }
            workload.series.push(twin);
        }
        let bootstrap = Bootstrap { resamples: 400, ..Bootstrap::default() };
        let found = FalseAlarms::of(&results, &bootstrap);
        assert_eq!((found.comparisons, found.alarms), (3, 0));
        assert!(found.halves > 200 && found.half_alarms * 10 < found.halves, "{found:?}");
        for series in results.workloads.iter_mut().flat_map(|w| &mut w.series).filter(|s| s.implementation == again) {
            series.samples.iter_mut().flat_map(|s| &mut s.calls).for_each(|c| *c *= 1.2);
        }
        assert_eq!(FalseAlarms::of(&results, &bootstrap).alarms, 3);
    }
}
