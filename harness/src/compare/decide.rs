//! The decision: better, worse, the same within the threshold, or cannot be told. From series to findings; no files, no text.
//!
//! For quantities that vary, three conditions make a difference:
//! 1. it is no accident: the step-down max-T permutation test over *all* such series of the comparison rejects at the family's level (module
//!    [`super::permutation`]);
//! 2. it matters: the estimate lies beyond the threshold;
//! 3. it points the wrong way for *worse*, the right way for *better*.
//!
//! *The same* is a claim, too, and needs its own evidence: that the difference is neither above nor below the threshold, by the same test on
//! samples shifted by the threshold (two one-sided tests: Schuirmann, *J. Pharmacokinet. Biopharm.* 15, 1987). What is neither cannot be told.
//!
//! Quantities that must not vary are compared as they are, without threshold and outside the family: they make no false alarms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::permutation::{Design, Member, Permutations, Tail};
use super::series::{Better, Data, Key, Series};
use crate::stats::{Bootstrap, Interval, median};

/// What counts as a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Probability that a comparison of what does not differ finds any difference at all.
    pub level: f64,
    /// Relative differences up to this do not matter: 0.05 is 5 %.
    pub threshold: f64,
    /// Exchanges of the permutation test.
    pub permutations: usize,
    /// Resamples of the intervals shown.
    pub resamples: usize,
    /// Where random numbers start.
    pub seed: u64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { level: 0.05, threshold: 0.05, permutations: 5000, resamples: 2000, seed: 0x10c5_7e90 }
    }
}

/// What the evidence says about the second side, relative to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is worse, beyond the threshold.
    Worse,
    /// Cannot be told.
    Unclear,
    /// It is another, and neither direction is good.
    Changed,
    /// It is better, beyond the threshold.
    Better,
    /// It is the same within the threshold; of exact quantities, the same.
    Same,
}

impl Outcome {
    /// What people read.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Worse => "worse",
            Outcome::Unclear => "cannot be told",
            Outcome::Changed => "changed",
            Outcome::Better => "better",
            Outcome::Same => "same",
        }
    }
}

/// A series, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// Which direction is good.
    pub better: Better,
    /// The verdict.
    pub outcome: Outcome,
    /// Whether the quantity is one that must not vary.
    pub exact: bool,
    /// The typical value of the first side.
    pub a: Option<f64>,
    /// The typical value of the second.
    pub b: Option<f64>,
    /// The second over the first, with a 95 % interval of its own (the verdict does not rest on it, but on the test of the family).
    pub ratio: Option<Interval>,
    /// Probability of so large a difference in any series of the family, if there were none.
    pub p: Option<f64>,
    /// What one should know: why it cannot be told, what is missing.
    pub note: Option<String>,
}

impl Rule {
    /// Judges the series of two sides, in the order of their keys.
    pub fn judge(&self, a: &[Series], b: &[Series], design: Design) -> Vec<Finding> {
        let mut pairs: BTreeMap<&Key, (Option<&Series>, Option<&Series>)> = BTreeMap::new();
        for series in a {
            pairs.entry(&series.key).or_default().0 = Some(series);
        }
        for series in b {
            pairs.entry(&series.key).or_default().1 = Some(series);
        }
        let mut findings: Vec<Finding> = pairs.iter().map(|(key, pair)| plain(key, pair)).collect();
        let noisy: Vec<(usize, Member)> = pairs
            .values()
            .enumerate()
            .filter_map(|(at, pair)| match pair {
                (Some(a), Some(b)) if findings[at].outcome == Outcome::Unclear => Some((at, member(a, b)?)),
                _ => None,
            })
            .collect();
        self.family(&noisy, design, &mut findings);
        findings
    }

    /// Judges the quantities that vary, together.
    fn family(&self, noisy: &[(usize, Member)], design: Design, findings: &mut [Finding]) {
        let margin = self.threshold.ln_1p();
        let test = Permutations { design, most: self.permutations, seed: self.seed, least_error: margin / 8.0 };
        let members: Vec<Member> = noisy.iter().map(|(_, member)| member.clone()).collect();
        let shifted = |by: f64| -> Vec<Member> {
            let shift = |m: &Member| Member { a: m.a.clone(), b: m.b.iter().map(|(&r, v)| (r, v + by)).collect() };
            members.iter().map(shift).collect()
        };
        let differs = test.adjusted(&members, Tail::Both);
        let not_above = test.adjusted(&shifted(-margin), Tail::Below);
        let not_below = test.adjusted(&shifted(margin), Tail::Above);
        let bootstrap = Bootstrap { resamples: self.resamples, seed: self.seed, ..Bootstrap::default() };
        for (nth, (at, member)) in noisy.iter().enumerate() {
            let finding = &mut findings[*at];
            let Some(ratio) = ratio(member, design, &bootstrap) else {
                finding.note = Some("no processes to compare".to_owned());
                continue;
            };
            finding.ratio = Some(ratio);
            finding.p = Some(differs[nth]);
            let above = ratio.estimate.ln();
            let credible = differs[nth] <= self.level;
            finding.outcome = if credible && above.abs() > margin {
                match (finding.better, above > 0.0) {
                    (Better::Neither, _) => Outcome::Changed,
                    (Better::Lower, true) | (Better::Higher, false) => Outcome::Worse,
                    (Better::Lower, false) | (Better::Higher, true) => Outcome::Better,
                }
            } else if not_above[nth].max(not_below[nth]) <= self.level {
                Outcome::Same
            } else {
                let smallest = test.smallest(member, Tail::Both);
                finding.note = (smallest > self.level)
                    .then(|| format!("too few processes: no probability below {smallest:.2} can come of so few"));
                Outcome::Unclear
            };
        }
    }
}

/// What can be said without statistics; a pair of noisy series stays [`Outcome::Unclear`].
fn plain(key: &Key, pair: &(Option<&Series>, Option<&Series>)) -> Finding {
    let better = pair.0.or(pair.1).map_or(Better::Neither, |s| s.better);
    let mut finding = Finding {
        key: key.clone(),
        better,
        outcome: Outcome::Unclear,
        exact: false,
        a: None,
        b: None,
        ratio: None,
        p: None,
        note: None,
    };
    let (a, b) = match pair {
        (Some(a), Some(b)) => (a, b),
        (Some(_), None) => return Finding { note: Some("only on the first side".to_owned()), ..finding },
        _ => return Finding { note: Some("only on the second side".to_owned()), ..finding },
    };
    match (&a.data, &b.data) {
        (Data::Void(why), Data::Void(_)) => finding.note = Some(format!("void on both sides: {why}")),
        (Data::Void(why), _) => finding.note = Some(format!("void on the first side: {why}")),
        // It delivered before and does not now.
        (_, Data::Void(why)) => {
            (finding.outcome, finding.note) = (Outcome::Worse, Some(format!("void on the second side: {why}")));
        }
        (Data::Exact(a), Data::Exact(b)) => exact(a, b, &mut finding),
        (Data::Noisy(_), Data::Noisy(_)) => {
            let typical = |s: &Series| median(&s.processes().into_values().collect::<Vec<_>>());
            (finding.a, finding.b) = (typical(a), typical(b));
        }
        _ => finding.note = Some("exact on one side and not on the other".to_owned()),
    }
    finding
}

fn exact(a: &[f64], b: &[f64], finding: &mut Finding) {
    finding.exact = true;
    (finding.a, finding.b) = (a.first().copied(), b.first().copied());
    let (&[a], &[b]) = (a, b) else {
        // What must not vary and does is a fault of its own, if it is new.
        if a.len() == 1 && b.len() > 1 {
            finding.outcome = Outcome::Worse;
        }
        let varies = |side: &[f64]| if side.len() > 1 { "varies" } else { "does not vary" };
        finding.note = Some(format!("on the first side it {}, on the second it {}", varies(a), varies(b)));
        return;
    };
    finding.outcome = match (finding.better, b.total_cmp(&a)) {
        (_, std::cmp::Ordering::Equal) => Outcome::Same,
        (Better::Neither, _) => Outcome::Changed,
        (Better::Lower, std::cmp::Ordering::Greater) | (Better::Higher, std::cmp::Ordering::Less) => Outcome::Worse,
        _ => Outcome::Better,
    };
}

fn member(a: &Series, b: &Series) -> Option<Member> {
    let logs = |s: &Series| s.processes().into_iter().map(|(round, v)| (round, v.ln())).collect();
    let noisy = |s: &Series| matches!(s.data, Data::Noisy(_));
    (noisy(a) && noisy(b)).then(|| Member { a: logs(a), b: logs(b) })
}

/// The second side over the first.
fn ratio(member: &Member, design: Design, bootstrap: &Bootstrap) -> Option<Interval> {
    let value = |log: &f64| log.exp();
    match design {
        Design::Paired => {
            let pairs = member.b.iter().filter_map(|(round, b)| Some((value(b), value(member.a.get(round)?))));
            bootstrap.ratio(&pairs.collect::<Vec<_>>())
        }
        Design::Independent => {
            // The mean of the logarithms of both sides, the first negated, is half the logarithm of the ratio.
            let b: Vec<_> = member.b.values().map(|b| (value(b), 1.0)).collect();
            let a: Vec<_> = member.a.values().map(|a| (1.0, value(a))).collect();
            let root = bootstrap.geometric_mean(&[b, a])?;
            let square = |v: f64| v * v;
            Some(Interval {
                estimate: square(root.estimate),
                low: square(root.low),
                high: square(root.high),
                samples: root.samples,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn rule() -> Rule {
        Rule { permutations: 2000, resamples: 200, ..Rule::default() }
    }

    fn key(on: &str) -> Key {
        Key::new("time", on, "")
    }

    /// A series around a value, with 1 % of noise.
    fn noisy(on: &str, value: f64, rng: &mut Rng) -> Series {
        let processes = (0..8).map(|n| (n, vec![value * (1.0 + 0.02 * (rng.f64() - 0.5)); 3])).collect();
        Series::noisy(key(on), Better::Lower, processes)
    }

    fn outcomes(a: &[Series], b: &[Series], design: Design) -> Vec<(String, Outcome)> {
        rule().judge(a, b, design).into_iter().map(|f| (f.key.on, f.outcome)).collect()
    }

    fn side(values: [f64; 4], seed: u64) -> Vec<Series> {
        let mut rng = Rng::with_seed(seed);
        ["a", "b", "c", "d"].iter().zip(values).map(|(on, value)| noisy(on, value, &mut rng)).collect()
    }

    #[test]
    fn known_truth_comes_out_and_exchanged_sides_exchange_the_verdicts() {
        let (one, other) = (side([1.0, 1.0, 1.0, 1.0], 1), side([1.0, 1.15, 0.85, 1.02], 2));
        for design in [Design::Independent, Design::Paired] {
            let expected = |b: Outcome, c: Outcome| {
                [("a", Outcome::Same), ("b", b), ("c", c), ("d", Outcome::Same)].map(|(on, o)| (on.to_owned(), o))
            };
            assert_eq!(outcomes(&one, &other, design), expected(Outcome::Worse, Outcome::Better));
            assert_eq!(outcomes(&other, &one, design), expected(Outcome::Better, Outcome::Worse));
        }
    }

    #[test]
    fn where_more_is_better_the_verdicts_turn_round() {
        let turn =
            |side: Vec<Series>| side.into_iter().map(|s| Series { better: Better::Higher, ..s }).collect::<Vec<_>>();
        let (one, other) = (turn(side([1.0; 4], 1)), turn(side([1.0, 1.15, 0.85, 1.0], 2)));
        let found = outcomes(&one, &other, Design::Independent);
        assert_eq!((found[1].1, found[2].1), (Outcome::Better, Outcome::Worse));
    }

    #[test]
    fn tied_noisy_data_cannot_be_told() {
        // Half the processes of both sides take twice their time: nothing is known to 5 %.
        let wild = |flip: usize| {
            let values = (0..8).map(|n| (n, vec![if (n + flip).is_multiple_of(2) { 1.0 } else { 2.0 }]));
            vec![Series::noisy(key("a"), Better::Lower, values.collect())]
        };
        assert_eq!(outcomes(&wild(0), &wild(1), Design::Independent)[0].1, Outcome::Unclear);
        assert_eq!(outcomes(&wild(0), &wild(0), Design::Independent)[0].1, Outcome::Unclear);
        // Identical quiet data are the same.
        let quiet = side([1.0; 4], 1);
        assert!(outcomes(&quiet, &quiet, Design::Independent).iter().all(|o| o.1 == Outcome::Same));
    }

    #[test]
    fn too_few_processes_tell_nothing_and_say_so() {
        let few = |value: f64| {
            vec![Series::noisy(key("a"), Better::Lower, [(0, vec![value]), (1, vec![value]), (2, vec![value])].into())]
        };
        let found = &rule().judge(&few(1.0), &few(3.0), Design::Independent)[0];
        assert_eq!(found.outcome, Outcome::Unclear);
        assert!(found.note.as_deref().is_some_and(|n| n.contains("no probability below 0.10")), "{found:?}");
    }

    #[test]
    fn what_must_not_vary_is_compared_exactly() {
        let exact = |value: &[f64], better| vec![Series::exact(key("a"), better, value.to_vec())];
        let outcome = |a: &[f64], b: &[f64], better| {
            rule().judge(&exact(a, better), &exact(b, better), Design::Independent)[0].outcome
        };
        assert_eq!(outcome(&[700.0], &[701.0], Better::Lower), Outcome::Worse);
        assert_eq!(outcome(&[700.0], &[699.0], Better::Lower), Outcome::Better);
        assert_eq!(outcome(&[700.0], &[699.0], Better::Higher), Outcome::Worse);
        assert_eq!(outcome(&[700.0], &[699.0], Better::Neither), Outcome::Changed);
        assert_eq!(outcome(&[700.0], &[700.0], Better::Lower), Outcome::Same);
        assert_eq!(outcome(&[700.0], &[700.0, 701.0], Better::Lower), Outcome::Worse);
        assert_eq!(outcome(&[700.0, 701.0], &[700.0], Better::Lower), Outcome::Unclear);
    }

    #[test]
    fn what_is_missing_is_said_and_what_broke_is_worse() {
        let one = side([1.0; 4], 1);
        let mut other = one.clone();
        other.remove(0);
        other[0].data = Data::Void("wrong checksum".to_owned());
        let found = rule().judge(&one, &other, Design::Independent);
        assert_eq!((found[0].outcome, found[0].note.as_deref()), (Outcome::Unclear, Some("only on the first side")));
        assert_eq!(found[1].outcome, Outcome::Worse);
        assert_eq!(rule().judge(&other, &one, Design::Independent)[1].outcome, Outcome::Unclear);
    }
}
