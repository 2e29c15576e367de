//! Bootstrap intervals on a logarithmic scale.
//!
//! The interval is the percentile interval of the bootstrap distribution, with its levels widened for small samples: with `n` processes the
//! plain percentile interval is too narrow by about `sqrt((n-1)/n)` and by the difference between Student's and the normal distribution. The
//! widened level is `Φ(−sqrt(n/(n−1)) · t(α/2, n−1))` (Hesterberg, *What teachers should know about the bootstrap*, 2015).

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::median_of;

/// An estimate with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
        distribution.sort_by(f64::total_cmp);
        let tail = self.tail(samples);
        let at = |p: f64| distribution[((p * distribution.len() as f64) as usize).min(distribution.len() - 1)];
        // With few samples the bootstrap may never reach its own estimate on one side.
        let low = at(tail).min(estimate);
        let high = at(1.0 - tail).max(estimate);
        Some(Interval { estimate: estimate.exp(), low: low.exp(), high: high.exp(), samples })
    }

    /// The share of the bootstrap distribution below the lower end.
    fn tail(&self, samples: usize) -> f64 {
        let alpha = (1.0 - self.confidence) / 2.0;
        let n = samples as f64;
        let (Ok(normal), Ok(student)) = (Normal::new(0.0, 1.0), StudentsT::new(0.0, 1.0, n - 1.0)) else {
            // One process: its spread is unknown, and the whole (degenerate) distribution is the interval.
            return 0.0;
        };
        normal.cdf((n / (n - 1.0)).sqrt() * student.inverse_cdf(alpha))
    }
}

fn mean_location<'g>(groups: impl ExactSizeIterator<Item = &'g [f64]>) -> f64 {
    let count = groups.len() as f64;
    groups.map(hodges_lehmann).sum::<f64>() / count
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
            prop_assert!(ratio.low > min * (1.0 - 1e-9) && ratio.high < max * (1.0 + 1e-9));
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
        // 95 % within what 200 experiments can tell (three standard errors are 4.6 %), a little less for very few processes.
        for (processes, least) in [(5, 89.0), (10, 90.4)] {
            let held = coverage(processes, 0.05, 0.0);
            assert!((least..=99.9).contains(&held), "{processes} processes: {held} %");
        }
        // Disturbed processes widen the interval; they do not move it off the truth.
        let held = coverage(10, 0.03, 0.15);
        assert!(held >= 90.4, "with disturbances: {held} %");
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
