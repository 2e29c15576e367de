//! Change points of a series, and what they say about warming up. Not for samples of different processes at one time: order matters here.
//!
//! **Search.** PELT, the exact search of pruned dynamic programming: R. Killick, P. Fearnhead, I. A. Eckley, *Optimal detection of changepoints with a linear
//! computational cost*, Journal of the American Statistical Association 107 (2012). It finds the segmentation that minimises the sum of each segment's cost and of
//! a penalty for each change point.
//!
//! **Cost.** The values are logarithms of times, so that a change is relative. A segment costs the sum of squared deviations from its mean over the noise's variance:
//! twice the negative log-likelihood of a normal distribution whose mean changes and whose variance does not. The noise is estimated from the differences of
//! neighbours (their median absolute value), which a few change points do not move; it is at least [`LEAST_NOISE`].
//!
//! **Penalty.** [`PENALTY`]` · ln n` for each change point, Barrett's and others' choice for such series.
//!
//! **Outliers.** A single call between two that agree is a disturbance, not a level: before the search it is replaced by the median of its neighbours. The first
//! call is never replaced: it is where compiling happens.
//!
//! **Classes.** After E. Barrett, C. F. Bolz-Tereick, R. Killick, S. Mount, L. Tratt, *Virtual machine warmup blows hot and cold*, OOPSLA 2017: segments whose means differ by less
//! than [`EQUAL`] are equivalent; a change point in the last quarter means that there is no steady state.

use serde::{Deserialize, Serialize};

use super::{median, median_of};

/// The penalty of a change point, in units of `ln n`.
pub const PENALTY: f64 = 15.0;

/// The least standard deviation that noise is taken to have, relative: what clocks and rounding do to short calls.
pub const LEAST_NOISE: f64 = 0.005;

/// Segments whose means differ by less than this, relative, are the same level.
pub const EQUAL: f64 = 0.03;

/// How far from the median of its neighbours a single value is an outlier, in standard deviations of the noise.
const OUTLIER: f64 = 6.0;

/// A segment of equal level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its first value, …
    pub start: usize,
    /// … and the one after its last.
    pub end: usize,
    /// Its level: the geometric mean of its values, outliers replaced.
    pub level: f64,
}

/// How a process warms up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// One level from the beginning.
    Flat,
    /// The last level is the fastest.
    Warmup,
    /// An earlier level was faster.
    Slowdown,
    /// The level still changes in the last quarter.
    NoSteadyState,
}

impl Class {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Flat => "flat",
            Class::Warmup => "warmup",
            Class::Slowdown => "slowdown",
            Class::NoSteadyState => "no_steady_state",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The series of a process, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warmup {
    /// The segments, in order; neighbours are no equals.
    pub segments: Vec<Segment>,
    /// What they amount to.
    pub class: Class,
}

impl Warmup {
    /// Judges the times of a process's calls, from the first; `None` of nothing, or of what is no time.
    pub fn of(seconds: &[f64]) -> Option<Self> {
        let segments = merge(segments(seconds)?);
        let last = *segments.last()?;
        let class = match segments.as_slice() {
            [_] => Class::Flat,
            _ if 4 * last.start > 3 * seconds.len() => Class::NoSteadyState,
            [earlier @ .., _] if earlier.iter().any(|s| s.level * (1.0 + EQUAL) < last.level) => Class::Slowdown,
            _ => Class::Warmup,
        };
        Some(Self { segments, class })
    }

    /// The steady state, if there is one: the last segment.
    pub fn steady(&self) -> Option<&Segment> {
        self.segments.last().filter(|_| self.class != Class::NoSteadyState)
    }

    /// How many calls come before the level of the steady state is reached for the first time, if there is one.
    pub fn calls_to_peak(&self) -> Option<usize> {
        let steady = self.steady()?.level;
        self.segments.iter().find(|s| s.level < steady * (1.0 + EQUAL)).map(|s| s.start)
    }
}

/// Segments of positive values, by the change points of their logarithms; `None` of nothing, or of what is no time.
pub fn segments(values: &[f64]) -> Option<Vec<Segment>> {
    if values.is_empty() || values.iter().any(|v| !(v.is_finite() && *v > 0.0)) {
        return None;
    }
    let mut logs: Vec<f64> = values.iter().map(|v| v.ln()).collect();
    let noise = noise(&logs);
    replace_outliers(&mut logs, OUTLIER * noise);
    let starts = change_points(&logs, noise * noise, PENALTY * (logs.len() as f64).ln());
    let ends = starts.iter().copied().skip(1).chain([logs.len()]);
    let segment = |(&start, end): (&usize, usize)| Segment { start, end, level: mean(&logs[start..end]).exp() };
    Some(starts.iter().zip(ends).map(segment).collect())
}

/// The standard deviation of the noise, from the differences of neighbours: for normal noise their median absolute value is 0.6745·√2 of it.
fn noise(logs: &[f64]) -> f64 {
    let differences: Vec<f64> = logs.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    (median_of(differences).unwrap_or(0.0) / (0.6745 * std::f64::consts::SQRT_2)).max(LEAST_NOISE)
}

/// Replaces single values, but for the first, that lie off up to two neighbours on each side which agree with each other.
fn replace_outliers(logs: &mut [f64], far: f64) {
    let original = logs.to_vec();
    for at in 1..original.len() {
        let around: Vec<f64> =
            (at.saturating_sub(2)..original.len().min(at + 3)).filter(|&n| n != at).map(|n| original[n]).collect();
        let (low, high) = around.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        let middle = median(&around).unwrap_or(original[at]);
        if around.len() > 1 && high - low < far && (original[at] - middle).abs() > far {
            logs[at] = middle;
        }
    }
}

/// PELT: the starts of the segments of an optimal segmentation, the first of which is 0.
///
/// A segment of values costs the sum of squared deviations from its mean, over `variance`.
pub fn change_points(values: &[f64], variance: f64, penalty: f64) -> Vec<usize> {
    // Sums of the first n values and squares, from values near zero so that they do not cancel.
    let centre = median(values).unwrap_or(0.0);
    let mut sums = vec![(0.0, 0.0)];
    for value in values {
        let (sum, squares) = sums[sums.len() - 1];
        let value = value - centre;
        sums.push((sum + value, squares + value * value));
    }
    let cost = |start: usize, end: usize| {
        let (sum, squares) = (sums[end].0 - sums[start].0, sums[end].1 - sums[start].1);
        ((squares - sum * sum / (end - start) as f64) / variance).max(0.0)
    };
    // The least cost of the first n values, and where the last of its segments starts.
    let mut best: Vec<(f64, usize)> = vec![(-penalty, 0)];
    let mut candidates = vec![0];
    for end in 1..=values.len() {
        let total = |start: usize| best[start].0 + cost(start, end) + penalty;
        let least = candidates.iter().copied().min_by(|&a, &b| total(a).total_cmp(&total(b))).expect("never empty");
        let found = (total(least), least);
        // What is worse now by more than a change point costs can never become best again.
        candidates.retain(|&start| best[start].0 + cost(start, end) <= found.0);
        candidates.push(end);
        best.push(found);
    }
    let mut starts = Vec::new();
    let mut at = values.len();
    while at > 0 {
        at = best[at].1;
        starts.push(at);
    }
    starts.reverse();
    starts
}

/// Joins neighbours of the same level.
fn merge(segments: Vec<Segment>) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::new();
    for segment in segments {
        match merged.last_mut() {
            Some(last) if (segment.level / last.level).ln().abs() < EQUAL => {
                let (a, b) = ((last.end - last.start) as f64, (segment.end - segment.start) as f64);
                last.level = ((a * last.level.ln() + b * segment.level.ln()) / (a + b)).exp();
                last.end = segment.end;
            }
            _ => merged.push(segment),
        }
    }
    merged
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// Levels with so many values each, with relative noise.
    fn series(levels: &[(usize, f64)], noise: f64, seed: u64) -> Vec<f64> {
        let mut rng = Rng::with_seed(seed);
        let mut normal = move || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        levels.iter().flat_map(|&(n, level)| vec![level; n]).map(|level| level * (noise * normal()).exp()).collect()
    }

    fn starts(values: &[f64]) -> Vec<usize> {
        segments(values).expect("times").iter().map(|s| s.start).collect()
    }

    #[test]
    fn known_change_points_are_found_where_they_are() {
        for seed in 0..20 {
            let values = series(&[(1, 50.0), (9, 3.0), (40, 1.0), (50, 1.2)], 0.02, seed);
            assert_eq!(starts(&values), [0, 1, 10, 50], "seed {seed}");
        }
    }

    #[test]
    fn noise_alone_has_no_change_points() {
        let found = (0..200).filter(|&seed| starts(&series(&[(100, 1e-3)], 0.05, seed)).len() > 1).count();
        assert_eq!(found, 0);
        assert_eq!(starts(&[1.0; 50]), [0]);
        assert_eq!(starts(&[1.0]), [0]);
    }

    #[test]
    fn what_cannot_be_a_time_is_not_judged() {
        for bad in [&[][..], &[1.0, 0.0], &[1.0, f64::NAN], &[-1.0]] {
            assert_eq!(segments(bad), None);
            assert_eq!(Warmup::of(bad), None);
        }
    }

    #[test]
    fn classes_are_those_of_the_levels() {
        let class = |levels: &[(usize, f64)]| Warmup::of(&series(levels, 0.01, 3)).expect("times").class;
        assert_eq!(class(&[(100, 1.0)]), Class::Flat);
        assert_eq!(class(&[(1, 9.0), (99, 1.0)]), Class::Warmup);
        assert_eq!(class(&[(1, 9.0), (20, 1.0), (79, 1.1)]), Class::Slowdown);
        assert_eq!(class(&[(1, 9.0), (89, 1.0), (10, 0.7)]), Class::NoSteadyState);
        // A change too small to matter is none, however certain it is.
        assert_eq!(class(&[(50, 1.0), (50, 1.02)]), Class::Flat);
    }

    #[test]
    fn a_single_disturbed_call_is_no_level() {
        let mut values = series(&[(1, 9.0), (99, 1.0)], 0.01, 5);
        values[60] *= 3.0;
        values[99] *= 3.0;
        let warmup = Warmup::of(&values).expect("times");
        assert_eq!((warmup.class, warmup.segments.len()), (Class::Warmup, 2));
        assert_eq!(warmup.calls_to_peak(), Some(1));
    }

    #[test]
    fn a_disturbed_stretch_does_not_delay_the_peak() {
        let values = series(&[(4, 5.0), (40, 1.0), (8, 2.0), (48, 1.0)], 0.01, 7);
        let warmup = Warmup::of(&values).expect("times");
        assert_eq!((warmup.class, warmup.segments.len()), (Class::Warmup, 4));
        assert_eq!(warmup.calls_to_peak(), Some(4));
    }

    /// All segmentations, tried.
    fn exhaustive(values: &[f64], penalty: f64) -> f64 {
        let cost = |part: &[f64]| part.iter().map(|v| (v - mean(part)).powi(2)).sum::<f64>();
        let mut best = vec![-penalty];
        for end in 1..=values.len() {
            best.push((0..end).map(|s| best[s] + cost(&values[s..end]) + penalty).fold(f64::MAX, f64::min));
        }
        best[values.len()]
    }

    proptest! {
        #[test]
        fn pruning_loses_no_optimum(values in prop::collection::vec(-3.0..3.0f64, 1..40), penalty in 0.1..10.0f64) {
            let starts = change_points(&values, 1.0, penalty);
            prop_assert_eq!(starts[0], 0);
            let ends = starts.iter().copied().skip(1).chain([values.len()]);
            let parts: Vec<&[f64]> = starts.iter().zip(ends).map(|(&s, e)| &values[s..e]).collect();
            let cost: f64 = parts.iter().map(|p| p.iter().map(|v| (v - mean(p)).powi(2)).sum::<f64>()).sum();
            let total = cost + penalty * (parts.len() - 1) as f64;
            prop_assert!((total - exhaustive(&values, penalty)).abs() < 1e-6, "{total}");
        }
    }
}
