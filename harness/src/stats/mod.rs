//! Statistics of benchmarks: ratios and geometric means with confidence intervals, and verdicts on them.
//!
//! Three decisions, and why:
//! - **The unit of resampling is the process.** Iterations of one process share its memory layout, its code's address and the machine's mood;
//!   treating them as independent makes intervals far too narrow. A process gives one number, and processes are resampled.
//! - **Ratios are paired.** Implementations run interleaved, in rounds; the two processes of a round met the same machine, so a ratio is
//!   taken within the round, and a machine that slows down for a minute slows both sides.
//! - **Estimates are robust.** A process that was disturbed is off by a factor of two, not by a few per cent. The estimate is the Hodges–Lehmann
//!   median of pairwise means of log ratios: nearly as efficient as the mean on clean data, and unmoved by a fifth of outliers.
//!
//! A verdict reads the bound of an interval, never its middle: what cannot be told is called inconclusive.

mod bootstrap;
pub mod changepoint;
mod verdict;

pub use bootstrap::{Bootstrap, Interval, typical};
pub use changepoint::{Class, Warmup};
pub use verdict::{Bound, FEWEST, Verdict};

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    median_of(values.to_vec())
}

/// As [`median`], of values whose order need not be kept.
fn median_of(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(*upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).expect("an even number is at least two");
    Some((lower + *upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
