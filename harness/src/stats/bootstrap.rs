//! Bootstrap intervals on a logarithmic scale.
//!
//! The interval is the percentile interval of the bootstrap distribution, with its levels widened for small samples: with `n` processes the
//! plain percentile interval is too narrow by about `sqrt((n-1)/n)` and by the difference between Student's and the normal distribution. The
//! widened level is `Φ(−sqrt(n/(n−1)) · t(α/2, n−1))` (Hesterberg, *What teachers should know about the bootstrap*, 2015).
//!
//! The spread of a mean over groups is better known than that of any group: its degrees of freedom are Welch's and Satterthwaite's, `(Σ v)² / Σ (v² / (n−1))` of the groups' contributions
//! `v` to the variance (Satterthwaite, *An approximate distribution of estimates of variance components*, 1946). One group's are `n−1`.
//!
//! Below [`ENOUGH`] samples even the whole bootstrap distribution is too narrow: of three pairs all lie on the same side of the truth once in four experiments. There the interval
//! is at least Student's, from the variance of the logarithms or, for a quantity of any shape, from its jackknife.

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::median_of;

/// From so many samples on the bootstrap distribution alone reaches 95 %.
const ENOUGH: usize = 6;

/// An estimate with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end of the confidence interval.
    pub low: f64,
    /// Upper end of the confidence interval.
    pub high: f64,
    /// How many processes (for ratios: pairs of processes) it rests on; the fewest of any group.
    pub samples: usize,
}

/// How intervals are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Confidence level, such as 0.95, two-sided.
    pub confidence: f64,
    /// How many resamples.
    pub resamples: usize,
    /// Where the random numbers start: the same samples give the same interval.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { confidence: 0.95, resamples: 4000, seed: 0x10c5_7e90 }
    }
}

impl Bootstrap {
    /// A typical value of positive samples, one for each process.
    pub fn location(&self, samples: &[f64]) -> Option<Interval> {
        self.logarithmic(&[samples.iter().map(|s| s.ln()).collect()])
    }

    /// The ratio `a / b` of samples taken in the same round.
    pub fn ratio(&self, pairs: &[(f64, f64)]) -> Option<Interval> {
        self.geometric_mean(&[pairs])
    }

    /// The geometric mean over groups of each group's ratio. Groups (kernels) are what they are: only the processes within them are
    /// resampled, so the interval speaks about these kernels, not about others.
    pub fn geometric_mean<G: AsRef<[(f64, f64)]>>(&self, groups: &[G]) -> Option<Interval> {
        let logs = |group: &G| group.as_ref().iter().map(|(a, b)| a.ln() - b.ln()).collect();
        self.logarithmic(&groups.iter().map(logs).collect::<Vec<_>>())
    }

    /// Any quantity that follows from samples in groups, of so many samples each. `quantity` gets which samples to take of each group: first each once, for the
    /// estimate, then resampled. It may be infinite; what has no value at all is not a number.
    ///
    /// `None` if a group is empty or any value is not a number. Ends may be infinite: ask before they are stored.
    pub fn quantity(&self, groups: &[usize], quantity: impl Fn(&[Vec<usize>]) -> f64) -> Option<Interval> {
        let samples = groups.iter().copied().min().filter(|n| *n > 0)?;
        let mut chosen: Vec<Vec<usize>> = groups.iter().map(|&n| (0..n).collect()).collect();
        let estimate = quantity(&chosen);
        let mut rng = Rng::with_seed(self.seed);
        let mut distribution: Vec<f64> = (0..self.resamples)
            .map(|_| {
                for (group, &n) in chosen.iter_mut().zip(groups) {
                    group.fill_with(|| rng.usize(..n));
                }
                quantity(&chosen)
            })
            .collect();
        if estimate.is_nan() || distribution.iter().any(|v| v.is_nan()) {
            return None;
        }
        let spread = jackknife(groups, &quantity);
        let (low, high) = self.ends(&mut distribution, estimate, samples, &spread);
        let margin = self.student(groups, &spread);
        let margin = if margin.is_finite() && estimate.is_finite() && estimate > 0.0 { margin.exp() } else { 1.0 };
        Some(Interval { estimate, low: low.min(estimate / margin), high: high.max(estimate * margin), samples })
    }

    /// Half the width of Student's interval; 0 where the bootstrap suffices.
    fn student(&self, groups: &[usize], spread: &Spread) -> f64 {
        let few = groups.iter().any(|n| *n < ENOUGH);
        match StudentsT::new(0.0, 1.0, spread.freedom) {
            Ok(student) if few => student.inverse_cdf(1.0 - (1.0 - self.confidence) / 2.0) * spread.variance.sqrt(),
            _ => 0.0,
        }
    }

    /// `None` if a group is empty or holds what no time can be.
    fn logarithmic(&self, groups: &[Vec<f64>]) -> Option<Interval> {
        let samples = groups.iter().map(Vec::len).min()?;
        if samples == 0 || groups.iter().flatten().any(|log| !log.is_finite()) {
            return None;
        }
        let estimate = mean_location(groups.iter().map(Vec::as_slice));
        let mut rng = Rng::with_seed(self.seed);
        let mut resample = groups.to_vec();
        let mut distribution: Vec<f64> = (0..self.resamples)
            .map(|_| {
                for (group, copy) in groups.iter().zip(&mut resample) {
                    copy.fill_with(|| group[rng.usize(..group.len())]);
                }
                mean_location(resample.iter().map(Vec::as_slice))
            })
            .collect();
        let spread = Spread::of_mean(groups);
        let (low, high) = self.ends(&mut distribution, estimate, samples, &spread);
        let margin = self.student(&groups.iter().map(Vec::len).collect::<Vec<_>>(), &spread);
        let (low, high) = (low.min(estimate - margin), high.max(estimate + margin));
        Some(Interval { estimate: estimate.exp(), low: low.exp(), high: high.exp(), samples })
    }

    /// The ends of the interval, from the bootstrap distribution.
    fn ends(&self, distribution: &mut [f64], estimate: f64, samples: usize, spread: &Spread) -> (f64, f64) {
        distribution.sort_by(f64::total_cmp);
        let tail = self.tail(samples, spread.freedom);
        let at = |p: f64| distribution[((p * distribution.len() as f64) as usize).min(distribution.len() - 1)];
        // With few samples the bootstrap may never reach its own estimate on one side.
        (at(tail).min(estimate), at(1.0 - tail).max(estimate))
    }

    /// The share of the bootstrap distribution below the lower end.
    fn tail(&self, samples: usize, freedom: f64) -> f64 {
        let alpha = (1.0 - self.confidence) / 2.0;
        let n = samples as f64;
        let (Ok(normal), Ok(student)) = (Normal::new(0.0, 1.0), StudentsT::new(0.0, 1.0, freedom)) else {
            // One process: its spread is unknown, and the whole (degenerate) distribution is the interval.
            return 0.0;
        };
        normal.cdf((n / (n - 1.0)).sqrt() * student.inverse_cdf(alpha))
    }
}

/// How far an estimate from groups of samples spreads, and how well that is known.
#[derive(Debug)]
struct Spread {
    /// The estimate's variance.
    variance: f64,
    /// Its degrees of freedom; 0 if nothing is known.
    freedom: f64,
}

impl Spread {
    /// Of what the groups contribute: a variance each, from so many samples.
    fn pooled(parts: &[(f64, usize)]) -> Self {
        let variance: f64 = parts.iter().map(|(v, _)| v).sum();
        // A group of one tells nothing about its spread.
        let known = parts.iter().map(|&(v, n)| (v, n as f64 - 1.0)).filter(|(_, freedom)| *freedom > 0.0);
        let fewest = known.clone().map(|(_, freedom)| freedom).reduce(f64::min).unwrap_or(0.0);
        let freedom = variance.powi(2) / known.map(|(v, freedom)| v.powi(2) / freedom).sum::<f64>();
        // It is never below the fewest, but for rounding; of equal samples it is no number.
        Self { variance, freedom: freedom.max(fewest) }
    }

    /// Of the mean over groups of the groups' means.
    fn of_mean(groups: &[Vec<f64>]) -> Self {
        let of_group = |group: &Vec<f64>| {
            let n = group.len() as f64;
            let mean = group.iter().sum::<f64>() / n;
            let variance =
                if n > 1.0 { group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n } else { 0.0 };
            (variance / (groups.len() as f64).powi(2), group.len())
        };
        Self::pooled(&groups.iter().map(of_group).collect::<Vec<_>>())
    }
}

/// The spread of the logarithm of a quantity, from its values with each sample left out in turn. It is no number where a value has no logarithm.
fn jackknife(groups: &[usize], quantity: impl Fn(&[Vec<usize>]) -> f64) -> Spread {
    let of_group = |(at, &n): (usize, &usize)| {
        let without = |left_out: usize| {
            let keep = |(group, &n): (usize, &usize)| (0..n).filter(|&i| group != at || i != left_out).collect();
            quantity(&groups.iter().enumerate().map(keep).collect::<Vec<_>>()).ln()
        };
        let logs: Vec<f64> = if n > 1 { (0..n).map(without).collect() } else { Vec::new() };
        let mean = logs.iter().sum::<f64>() / n as f64;
        (logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() * (n as f64 - 1.0) / n as f64, n)
    };
    Spread::pooled(&groups.iter().enumerate().map(of_group).collect::<Vec<_>>())
}

fn mean_location<'g>(groups: impl ExactSizeIterator<Item = &'g [f64]>) -> f64 {
    let count = groups.len() as f64;
    groups.map(hodges_lehmann).sum::<f64>() / count
}

/// The typical value that [`Bootstrap::location`] estimates, of positive samples; not a number of none.
pub fn typical(samples: impl IntoIterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = samples.into_iter().map(f64::ln).collect();
    if logs.is_empty() { f64::NAN } else { hodges_lehmann(&logs).exp() }
}

/// The median of the means of all pairs, each value with itself included.
fn hodges_lehmann(values: &[f64]) -> f64 {
    let pairs = values.iter().enumerate().flat_map(|(i, a)| values[i..].iter().map(move |b| (a + b) / 2.0));
    median_of(pairs.collect()).expect("no group is empty")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_assert, proptest};

    use super::*;

    fn bootstrap() -> Bootstrap {
        Bootstrap { resamples: 200, ..Bootstrap::default() }
    }

    fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((1e-6..1e3f64, 1e-6..1e3f64), 1..12)
    }

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-9
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_estimate(pairs in pairs()) {
            let ratio = bootstrap().ratio(&pairs).expect("samples");
            prop_assert!(ratio.low <= ratio.estimate && ratio.estimate <= ratio.high);
            let all: Vec<f64> = pairs.iter().map(|(a, b)| a / b).collect();
            let (min, max) = all.iter().fold((f64::MAX, 0.0f64), |(l, h), &r| (l.min(r), h.max(r)));
            // With few samples the interval may be wider than they are: what is not seen yet may lie outside.
            let within = ratio.low > min * (1.0 - 1e-9) && ratio.high < max * (1.0 + 1e-9);
            prop_assert!(within || pairs.len() < ENOUGH);
        }

        #[test]
        fn the_unit_of_time_does_not_matter(pairs in pairs(), unit in 1e-3..1e3f64) {
            let scaled: Vec<_> = pairs.iter().map(|(a, b)| (a * unit, b * unit)).collect();
            let (one, other) = (bootstrap().ratio(&pairs).expect("samples"), bootstrap().ratio(&scaled).expect("samples"));
            prop_assert!(close(one.estimate, other.estimate) && close(one.low, other.low) && close(one.high, other.high));
        }

        #[test]
        fn a_slower_numerator_scales_the_ratio(pairs in pairs(), factor in 0.1..10f64) {
            let slower: Vec<_> = pairs.iter().map(|(a, b)| (a * factor, *b)).collect();
            let (one, other) = (bootstrap().ratio(&pairs).expect("samples"), bootstrap().ratio(&slower).expect("samples"));
            prop_assert!(close(one.estimate * factor, other.estimate) && close(one.high * factor, other.high));
        }

        #[test]
        fn exchanging_the_sides_inverts_the_estimate(pairs in pairs()) {
            let exchanged: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (one, other) = (bootstrap().ratio(&pairs).expect("samples"), bootstrap().ratio(&exchanged).expect("samples"));
            prop_assert!(close(one.estimate, 1.0 / other.estimate));
        }

        #[test]
        fn the_mean_of_equal_groups_is_the_group(pairs in pairs(), count in 1..5usize) {
            let one = bootstrap().ratio(&pairs).expect("samples");
            let many = bootstrap().geometric_mean(&vec![pairs; count]).expect("samples");
            prop_assert!(close(one.estimate, many.estimate));
        }
    }

    /// Approximately normal: the sum of twelve uniform numbers.
    fn normal(rng: &mut Rng) -> f64 {
        (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
    }

    /// How often the interval of a simulated experiment holds the true ratio, in per cent. `disturbed` of all processes take twice
    /// their time, and each round has a speed of its own.
    fn coverage(processes: usize, noise: f64, disturbed: f64) -> f64 {
        const EXPERIMENTS: usize = 200;
        const TRUTH: f64 = 1.7;
        let mut rng = Rng::with_seed(7);
        let mut held = 0;
        for seed in 0..EXPERIMENTS {
            let mut time = |mean: f64, round: f64| {
                let disturbance = if rng.f64() < disturbed { 2.0 } else { 1.0 };
                mean * round * disturbance * (noise * normal(&mut rng)).exp()
            };
            let pairs: Vec<_> = (0..processes)
                .map(|n| {
                    let round = if n % 3 == 0 { 2.0 } else { 1.0 };
                    (time(TRUTH, round), time(1.0, round))
                })
                .collect();
            let ratio = Bootstrap { seed: seed as u64, ..bootstrap() }.ratio(&pairs).expect("samples");
            held += usize::from(ratio.low <= TRUTH && TRUTH <= ratio.high);
        }
        100.0 * held as f64 / EXPERIMENTS as f64
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        // 95 % within what 200 experiments can tell: three standard errors are 4.6 %.
        for (processes, least) in [(3, 90.4), (5, 90.4), (10, 90.4)] {
            let held = coverage(processes, 0.05, 0.0);
            assert!((least..=99.9).contains(&held), "{processes} processes: {held} %");
        }
        // Disturbed processes widen the interval; they do not move it off the truth.
        let held = coverage(10, 0.03, 0.15);
        assert!(held >= 90.4, "with disturbances: {held} %");
    }

    /// A simulated mean over groups of so many pairs, each group as noisy as it is: how often its interval holds the truth, in per cent, and the width it has on average over the one that
    /// who knew the noise would give.
    fn coverage_of_mean(groups: &[(usize, f64)]) -> (f64, f64) {
        const EXPERIMENTS: usize = 200;
        let mut rng = Rng::with_seed(11);
        let (mut held, mut width) = (0, 0.0);
        let variance: f64 = groups.iter().map(|&(n, noise)| noise.powi(2) / n as f64).sum();
        let known = 1.96 * variance.sqrt() / groups.len() as f64;
        for seed in 0..EXPERIMENTS {
            let mut of_group = |&(n, noise): &(usize, f64)| {
                (0..n).map(|_| ((noise * normal(&mut rng)).exp(), 1.0)).collect::<Vec<_>>()
            };
            let pairs: Vec<_> = groups.iter().map(&mut of_group).collect();
            let bootstrap = Bootstrap { seed: seed as u64, resamples: 1000, ..bootstrap() };
            let mean = bootstrap.geometric_mean(&pairs).expect("samples");
            held += usize::from(mean.low <= 1.0 && 1.0 <= mean.high);
            width += (mean.high / mean.low).ln() / 2.0 / known;
        }
        (100.0 * held as f64 / EXPERIMENTS as f64, width / EXPERIMENTS as f64)
    }

    #[test]
    fn a_group_of_one_takes_nothing_from_what_the_others_tell() {
        let three = [(1.0, 1.0), (1.1, 1.0), (0.9, 1.0)];
        let groups = [&three[..], &three, &[(1.0, 1.0)]];
        let logs: Vec<Vec<f64>> = groups.iter().map(|g| g.iter().map(|(a, _): &(f64, f64)| a.ln()).collect()).collect();
        let spread = Spread::of_mean(&logs);
        assert!((spread.freedom - 4.0).abs() < 1e-9, "{spread:?}");
        let mean = bootstrap().geometric_mean(&groups).expect("samples");
        let students = 2.776 * spread.variance.sqrt();
        assert!((mean.high / mean.low).ln() / 2.0 > 0.99 * students, "{mean:?}");
    }

    #[test]
    fn the_interval_of_a_mean_over_groups_holds_the_truth_and_is_not_much_wider_than_it_must_be() {
        let equal = [(3, 0.1); 24];
        let mixed: Vec<(usize, f64)> = (0..24).map(|n| if n % 4 == 0 { (9, 0.2) } else { (3, 0.05) }).collect();
        let one_noisy: Vec<(usize, f64)> = (0..8).map(|n| (3, if n == 0 { 0.3 } else { 0.02 })).collect();
        for (groups, widest) in [(&equal[..], 1.3), (&mixed, 1.5), (&one_noisy, 3.0)] {
            let (held, width) = coverage_of_mean(groups);
            assert!(held >= 90.4, "{groups:?}: {held} %");
            assert!(width <= widest, "{groups:?}: {width} times as wide");
        }
    }

    #[test]
    fn a_quantity_of_two_groups_is_what_the_ratio_is() {
        let (a, b) = ([1.0, 1.1, 0.9, 1.05], [2.0, 2.1, 1.9, 2.2]);
        let of = |values: &[f64], chosen: &[usize]| typical(chosen.iter().map(|&n| values[n]));
        let whole = bootstrap().quantity(&[4, 4], |c| of(&a, &c[0]) / of(&b, &c[1])).expect("samples");
        assert!(whole.low < whole.estimate && whole.estimate < whole.high && whole.samples == 4);
        assert!(whole.low > 0.3 && whole.high < 0.7, "{whole:?}");
        // What is sometimes infinite has an infinite end; what is sometimes nothing has no interval.
        let open =
            bootstrap().quantity(&[4], |c| if c[0].contains(&0) { 1.0 } else { f64::INFINITY }).expect("samples");
        assert!(open.low == 1.0 && open.high == f64::INFINITY);
        assert_eq!(bootstrap().quantity(&[4], |c| if c[0].contains(&0) { 1.0 } else { f64::NAN }), None);
        assert_eq!(bootstrap().quantity(&[4, 0], |_| 1.0), None);
    }

    #[test]
    fn more_processes_narrow_the_interval() {
        let mut rng = Rng::with_seed(3);
        let pairs: Vec<_> = (0..40).map(|_| ((0.1 * normal(&mut rng)).exp(), 1.0)).collect();
        let width = |n: usize| {
            let ratio = bootstrap().ratio(&pairs[..n]).expect("samples");
            ratio.high / ratio.low
        };
        assert!(width(40) < width(10));
    }

    #[test]
    fn what_cannot_be_a_time_gives_no_interval() {
        assert_eq!(bootstrap().ratio(&[]), None);
        assert_eq!(bootstrap().geometric_mean::<Vec<_>>(&[]), None);
        assert_eq!(bootstrap().geometric_mean(&[vec![(1.0, 1.0)], vec![]]), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(bootstrap().location(&[1.0, bad]), None);
        }
    }
}
