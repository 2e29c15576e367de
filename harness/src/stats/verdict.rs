//! Gates: a bound that a quantity must keep, and what an interval says about it.

use serde::{Deserialize, Serialize};

use super::Interval;

/// Fewer processes than this decide nothing: their spread is not known.
pub const FEWEST: usize = 3;

/// What a quantity must keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Not below this.
    AtLeast(f64),
    /// Not above this.
    AtMost(f64),
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval keeps the bound.
    Pass,
    /// The interval lies on both sides: cannot be told.
    Inconclusive,
    /// The whole interval breaks the bound.
    Fail,
}

impl Bound {
    /// The verdict on a measured quantity. Reads the ends of the interval, never the estimate.
    pub fn judge(self, interval: &Interval) -> Verdict {
        if interval.samples < FEWEST {
            return Verdict::Inconclusive;
        }
        self.decide(interval.low, interval.high)
    }

    /// The verdict on a quantity that has no spread, such as a count.
    pub fn judge_exact(self, value: f64) -> Verdict {
        self.decide(value, value)
    }

    fn decide(self, low: f64, high: f64) -> Verdict {
        let (keeps, breaks) = match self {
            Bound::AtLeast(bound) => (low >= bound, high < bound),
            Bound::AtMost(bound) => (high <= bound, low > bound),
        };
        match (keeps, breaks) {
            (true, _) => Verdict::Pass,
            (_, true) => Verdict::Fail,
            // Also where an end is not a number.
            _ => Verdict::Inconclusive,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::AtLeast(bound) => write!(f, "≥ {bound}"),
            Bound::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

impl Verdict {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Fail => "fail",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { estimate: (low + high) / 2.0, low, high, samples: 10 }
    }

    #[test]
    fn a_verdict_reads_the_ends_of_the_interval() {
        let least = Bound::AtLeast(3.0);
        assert_eq!(least.judge(&interval(3.0, 9.0)), Verdict::Pass);
        // Its middle is far above the bound, and that does not matter.
        assert_eq!(least.judge(&interval(2.9, 9.0)), Verdict::Inconclusive);
        assert_eq!(least.judge(&interval(1.0, 2.9)), Verdict::Fail);

        let most = Bound::AtMost(1.3);
        assert_eq!(most.judge(&interval(0.9, 1.3)), Verdict::Pass);
        assert_eq!(most.judge(&interval(0.9, 1.31)), Verdict::Inconclusive);
        assert_eq!(most.judge(&interval(1.31, 1.4)), Verdict::Fail);
    }

    #[test]
    fn nothing_is_decided_by_too_little_or_by_no_number() {
        let few = Interval { samples: 2, ..interval(5.0, 5.0) };
        assert_eq!(Bound::AtLeast(3.0).judge(&few), Verdict::Inconclusive);
        assert_eq!(Bound::AtLeast(3.0).judge(&interval(f64::NAN, f64::NAN)), Verdict::Inconclusive);
        assert_eq!(Bound::AtMost(3.0).judge_exact(f64::NAN), Verdict::Inconclusive);
        assert_eq!(Bound::AtMost(3.0).judge_exact(3.1), Verdict::Fail);
    }
}
