//! A passport against new results: what matches, what differs, and what could not be compared.
//!
//! What is deterministic must match exactly: what was under test, the backends, every family of trials, every count, every gate's bound. A gate's verdict
//! must not turn from pass to fail or back. Times are compared on an equal machine only, ratio by ratio on a logarithmic scale: two estimates differ if they are
//! further apart than their intervals together allow, with the level corrected (Bonferroni) so that the whole verification raises a false alarm in at most 5 % of
//! repetitions, and by more than 5 %, which matters to nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::model::{Bench, Passport, Tested};
use crate::bench::analysis::Figure;
use crate::bench::gates::GateResult;
use crate::stats::{Interval, Verdict};

/// How often a verification of what has not changed may find any time that differs.
const FALSE_ALARMS: f64 = 0.05;

/// Ratios that differ by less are not told apart.
const NEGLIGIBLE: f64 = 1.05;

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub outcome: Outcome,
    /// What the passport says.
    pub expected: String,
    /// What the new results say.
    pub found: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The same.
    Matches,
    /// Not the same, and it should be.
    Differs,
    /// Cannot be told.
    NotCompared,
    /// Not the same, and only to be known: who built it where.
    Stated,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Matches => "matches",
            Outcome::Differs => "DIFFERS",
            Outcome::NotCompared => "not compared",
            Outcome::Stated => "stated",
        })
    }
}

/// Version of the format of [`Verification`].
pub const VERSION: u32 = 1;

/// A verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// [`VERSION`].
    pub lockstep_passport_verification: u32,
    /// The digest of the passport that was verified.
    pub passport: String,
    /// Whether nothing differs.
    pub holds: bool,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
}

/// Holds a passport against a newer one of the same things.
pub fn verify(old: &Passport, new: &Passport) -> Verification {
    let mut checks = Checks(Vec::new());
    checks.identity(old, new);
    checks.parity(old, new);
    checks.coverage(old, new);
    match (&old.bench, &new.bench) {
        (Some(one), Some(other)) => checks.bench(one, other, old, new),
        (Some(_), None) => checks.absent("bench"),
        _ => {}
    }
    let holds = checks.0.iter().all(|c| c.outcome != Outcome::Differs);
    Verification { lockstep_passport_verification: VERSION, passport: old.digest.clone(), holds, checks: checks.0 }
}

struct Checks(Vec<Check>);

impl Checks {
    fn push(
        &mut self,
        what: impl Into<String>,
        outcome: Outcome,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.0.push(Check { what: what.into(), outcome, expected, found });
    }

    fn equal(&mut self, what: impl Into<String>, expected: impl fmt::Display, found: impl fmt::Display) {
        self.either(what, Outcome::Differs, expected, found);
    }

    /// Equal, or what it is if not.
    fn either(
        &mut self,
        what: impl Into<String>,
        unequal: Outcome,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        let (expected, found) = (expected.to_string(), found.to_string());
        let outcome = if expected == found { Outcome::Matches } else { unequal };
        self.push(what, outcome, expected, found);
    }

    fn absent(&mut self, part: &str) {
        self.push(part, Outcome::NotCompared, "results", "none were given");
    }

    fn identity(&mut self, old: &Passport, new: &Passport) {
        let tested = |p: &Passport| match &p.tested {
            Tested::Corpus { digest, files } => format!("a corpus of {files} files, {digest}"),
            Tested::Subject { name, version, digest, files, .. } => {
                format!("{name}, {version}, {files} files, {digest}")
            }
        };
        self.equal("under test", tested(old), tested(new));
        if matches!(old.tested, Tested::Corpus { .. }) {
            let backends = |p: &Passport| -> BTreeMap<String, String> {
                p.backends
                    .iter()
                    .map(|b| (b.id.clone(), format!("{}, levels {}", b.version, b.levels.join(" "))))
                    .collect()
            };
            let (one, other) = (backends(old), backends(new));
            for id in union(&one, &other) {
                let shown =
                    |all: &BTreeMap<String, String>| all.get(id).cloned().unwrap_or_else(|| "absent".to_owned());
                self.equal(format!("backend {id}"), shown(&one), shown(&other));
            }
        }
        let (one, other) = (&old.build, &new.build);
        self.either("version of Lockstep", Outcome::Stated, &one.version, &other.version);
        self.either("compiler", Outcome::Stated, &one.rustc, &other.rustc);
        let how = |b: &super::build::Build| format!("{} [{}]", b.profile, b.features.join(" "));
        self.either("build", Outcome::Stated, how(one), how(other));
        self.either("executable", Outcome::Stated, &one.executable, &other.executable);
        let tree = |b: &super::build::Build| {
            let changed = if b.changed == Some(true) { ", with changes" } else { "" };
            b.commit.as_ref().map_or_else(|| "unknown".to_owned(), |commit| format!("{commit}{changed}"))
        };
        self.either("source tree", Outcome::Stated, tree(one), tree(other));
        let machine = |p: &Passport| format!("{} ({})", p.fingerprint, p.machine.cpu);
        self.either("machine", Outcome::Stated, machine(old), machine(new));
    }

    fn parity(&mut self, old: &Passport, new: &Passport) {
        let Some(one) = &old.parity else { return };
        let Some(other) = &new.parity else { return self.absent("parity") };
        for family in union(&one.families, &other.families) {
            let shown = |p: &super::model::Parity| match p.families.get(family) {
                None => "no trials".to_owned(),
                Some(f) => {
                    let s = &f.summary;
                    let digest: String = f.digest.chars().take(16).collect();
                    format!(
                        "{} passed, {} failed ({} died), {} refused, {digest}",
                        s.passed, s.failed, s.died, s.refused
                    )
                }
            };
            self.equal(format!("parity of {family}"), shown(one), shown(other));
        }
        let names = |p: &super::model::Parity| p.failures.keys().cloned().collect::<BTreeSet<String>>();
        for name in names(one).symmetric_difference(&names(other)) {
            let shown =
                |p: &super::model::Parity| if p.failures.contains_key(name) { "failed" } else { "did not fail" };
            self.equal(format!("trial {name}"), shown(one), shown(other));
        }
    }

    fn coverage(&mut self, old: &Passport, new: &Passport) {
        let Some(one) = &old.coverage else { return };
        let Some(other) = &new.coverage else { return self.absent("coverage") };
        if one.quick != other.quick {
            let size = |quick: bool| if quick { "small sizes" } else { "full sizes" };
            return self.push("coverage", Outcome::NotCompared, size(one.quick), size(other.quick));
        }
        for row in union(&one.rows, &other.rows) {
            let shown = |c: &super::model::Coverage| match c.rows.get(row) {
                None => "not counted".to_owned(),
                Some(c) => {
                    let failure = c.failure.as_ref().map_or_else(String::new, |f| format!("; {f}"));
                    format!("{} inline, {} through helpers, {} interpreted{failure}", c.inline, c.helper, c.interpreted)
                }
            };
            self.equal(format!("coverage of {row}"), shown(one), shown(other));
        }
    }

    fn bench(&mut self, one: &Bench, other: &Bench, old: &Passport, new: &Passport) {
        let key = |e: &crate::bench::results::Exact| {
            let (kernel, size) = (e.kernel.as_deref().unwrap_or("the corpus"), e.size.map_or("", |s| s.name()));
            format!("{} of {kernel} {size} on {}", e.measure.name(), e.implementation)
        };
        let exact = |b: &Bench| -> BTreeMap<String, u64> { b.exact.iter().map(|e| (key(e), e.value)).collect() };
        let (counts, others) = (exact(one), exact(other));
        for (what, value) in &counts {
            match others.get(what) {
                Some(found) => self.equal(what, value, found),
                None => self.push(what, Outcome::NotCompared, value, "not measured"),
            }
        }
        for (name, why) in &other.void {
            if !one.void.contains_key(name) {
                self.push(format!("times of {name}"), Outcome::Differs, "they count", format!("void: {why}"));
            }
        }
        let (machine, sizes) = (old.fingerprint == new.fingerprint, one.conditions.quick == other.conditions.quick);
        let profiles = old.build.profile == new.build.profile;
        if !(machine && sizes && profiles) {
            let why = match (machine, sizes) {
                (false, _) => "another machine",
                (_, false) => "other sizes",
                _ => "another kind of build",
            };
            return self.push("times and gates", Outcome::NotCompared, "measured", why);
        }
        self.gates(&one.gates, &other.gates);
        self.figures(&one.figures, &other.figures);
    }

    fn gates(&mut self, one: &[GateResult], other: &[GateResult]) {
        let name = |g: &GateResult| {
            format!("gate {} of {} over {} on {}", g.gate, g.of, g.over, g.kernel.as_deref().unwrap_or("all kernels"))
        };
        for gate in one {
            let shown = |g: &GateResult| format!("{}, must be {}", g.verdict, g.bound);
            let Some(again) = other.iter().find(|g| name(g) == name(gate)) else {
                self.push(name(gate), Outcome::NotCompared, shown(gate), "not judged");
                continue;
            };
            let flipped = matches!(
                (gate.verdict, again.verdict),
                (Verdict::Pass, Verdict::Fail) | (Verdict::Fail, Verdict::Pass)
            );
            let outcome = match (flipped || gate.bound != again.bound, gate.verdict == again.verdict) {
                (true, _) => Outcome::Differs,
                (false, true) => Outcome::Matches,
                // One of the two could not be told.
                (false, false) => Outcome::NotCompared,
            };
            self.push(name(gate), outcome, shown(gate), shown(again));
        }
    }

    fn figures(&mut self, one: &[Figure], other: &[Figure]) {
        let same = |a: &Figure, b: &Figure| (&a.kernel, a.size, &a.of, &a.over) == (&b.kernel, b.size, &b.of, &b.over);
        // Means over several sets of kernels have the same names, and come in the same order.
        let nth = |n: usize| one[..n].iter().filter(|f| same(&one[n], f)).count();
        let again = |n: usize| other.iter().filter(|o| same(&one[n], o)).nth(nth(n));
        let both: Vec<(&Figure, Option<&Figure>)> = one.iter().enumerate().map(|(n, f)| (f, again(n))).collect();
        let far = far(both.iter().filter(|(_, again)| again.is_some()).count());
        for (figure, again) in both {
            let kernel = figure.kernel.as_deref().unwrap_or("all kernels");
            let what = format!("time of {} over {} on {kernel}", figure.of, figure.over);
            let shown = |i: &Interval| format!("{:.3} [{:.3}, {:.3}]", i.estimate, i.low, i.high);
            match again {
                None => self.push(what, Outcome::NotCompared, shown(&figure.ratio), "not measured"),
                Some(again) => {
                    let differs = differs(&figure.ratio, &again.ratio, far);
                    let outcome = if differs { Outcome::Differs } else { Outcome::Matches };
                    self.push(what, outcome, shown(&figure.ratio), shown(&again.ratio));
                }
            }
        }
    }
}

/// How far two estimates may be apart, in units of what their 95 % intervals allow, when so many pairs are compared.
fn far(comparisons: usize) -> f64 {
    let Ok(normal) = Normal::new(0.0, 1.0) else { return f64::INFINITY };
    let quantile = |tail: f64| normal.inverse_cdf(1.0 - tail / 2.0);
    quantile(FALSE_ALARMS / comparisons.max(1) as f64) / quantile(0.05)
}

fn differs(one: &Interval, other: &Interval, far: f64) -> bool {
    // Half the width, on the side that faces the other.
    let (below, above) = if one.estimate < other.estimate { (one, other) } else { (other, one) };
    let (up, down) = ((below.high / below.estimate).ln(), (above.estimate / above.low).ln());
    let apart = (above.estimate / below.estimate).ln();
    apart > NEGLIGIBLE.ln() && apart > far * up.hypot(down)
}

fn union<'k, V>(one: &'k BTreeMap<String, V>, other: &'k BTreeMap<String, V>) -> BTreeSet<&'k String> {
    one.keys().chain(other.keys()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Size;
    use crate::bench::results::{Exact, Measure};
    use crate::passport::model::{Counts, Coverage, Family, Parity, VERSION as PASSPORT};
    use crate::results::Summary;
    use crate::stats::Bound;

    fn interval(estimate: f64, width: f64) -> Interval {
        Interval { estimate, low: estimate / width, high: estimate * width, samples: 10 }
    }

    fn passport() -> Passport {
        let who = |name: &str| name.parse::<crate::bench::Implementation>().expect("a name");
        let summary = Summary { passed: 9, failed: 1, ..Summary::default() };
        let figure = |kernel: &str, estimate: f64| Figure {
            kernel: Some(kernel.to_owned()),
            size: Size::Full,
            of: who("interpreter"),
            over: who("a/speed"),
            ratio: interval(estimate, 1.04),
            excluded: 0,
        };
        Passport {
            lockstep_passport: PASSPORT,
            digest: String::new(),
            issued: 0,
            build: crate::passport::build::Build::default(),
            machine: crate::bench::machine::Machine::default(),
            fingerprint: "here".to_owned(),
            backends: Vec::new(),
            tested: Tested::Corpus { digest: "d".to_owned(), files: 3 },
            parity: Some(Parity {
                summary,
                families: [("ir/edge".to_owned(), Family { summary, digest: "x".to_owned() })].into(),
                failures: [("ir/edge/a".to_owned(), "wrong".to_owned())].into(),
            }),
            coverage: Some(Coverage {
                quick: false,
                rows: [("fib a/speed".to_owned(), Counts { inline: 7, ..Counts::default() })].into(),
            }),
            bench: Some(Bench {
                figures: vec![figure("fib", 9.0), figure("sieve", 5.0)],
                exact: vec![Exact {
                    kernel: Some("fib".to_owned()),
                    size: Some(Size::Full),
                    implementation: who("a/speed"),
                    measure: Measure::CodeBytes,
                    value: 300,
                    others: Vec::new(),
                }],
                gates: vec![GateResult {
                    gate: "uplift".to_owned(),
                    kernel: Some("fib".to_owned()),
                    of: "interpreter".to_owned(),
                    over: "a/speed".to_owned(),
                    bound: Bound::AtLeast(3.0),
                    measured: Some(interval(9.0, 1.04)),
                    verdict: Verdict::Pass,
                    why: None,
                }],
                ..Bench::default()
            }),
            not_run: Vec::new(),
        }
    }

    /// What is found of a passport after a change: everything that does not match.
    fn found(change: impl FnOnce(&mut Passport)) -> Vec<(String, Outcome)> {
        let mut new = passport();
        change(&mut new);
        let verification = verify(&passport(), &new);
        let rest: Vec<_> = verification.checks.into_iter().filter(|c| c.outcome != Outcome::Matches).collect();
        assert_eq!(verification.holds, rest.iter().all(|c| c.outcome != Outcome::Differs));
        rest.into_iter().map(|c| (c.what, c.outcome)).collect()
    }

    fn bench(passport: &mut Passport) -> &mut Bench {
        passport.bench.as_mut().expect("it has some")
    }

    #[test]
    fn what_is_deterministic_must_match_exactly() {
        assert_eq!(found(|_| {}), []);
        let differs = |what: &str| vec![(what.to_owned(), Outcome::Differs)];
        assert_eq!(found(|p| p.tested = Tested::Corpus { digest: "e".to_owned(), files: 3 }), differs("under test"));
        let family = |p: &mut Passport, change: fn(&mut Family)| {
            change(p.parity.as_mut().expect("it has some").families.get_mut("ir/edge").expect("it is there"));
        };
        assert_eq!(found(|p| family(p, |f| f.digest = "y".to_owned())), differs("parity of ir/edge"));
        assert_eq!(found(|p| family(p, |f| f.summary.passed = 8)), differs("parity of ir/edge"));
        assert_eq!(found(|p| p.parity.as_mut().expect("it has some").failures.clear()), differs("trial ir/edge/a"));
        let rows =
            |p: &mut Passport| p.coverage.as_mut().expect("it has some").rows.values_mut().for_each(|c| c.inline -= 1);
        assert_eq!(found(rows), differs("coverage of fib a/speed"));
        assert_eq!(found(|p| bench(p).exact[0].value += 1), differs("code_bytes of fib full on a/speed"));
        let void = |p: &mut Passport| drop(bench(p).void.insert("fib a/speed".to_owned(), "checksum".to_owned()));
        assert_eq!(found(void), differs("times of fib a/speed"));
        assert_eq!(found(|p| bench(p).gates[0].bound = Bound::AtLeast(2.0))[0].1, Outcome::Differs);
    }

    #[test]
    fn means_over_several_sets_of_kernels_are_told_apart() {
        let mean = |ratio: f64| {
            let mut figures = passport().bench.expect("it has some").figures;
            figures[0].kernel = None;
            figures[0].ratio = interval(ratio, 1.01);
            figures.remove(0)
        };
        let with = |means: [f64; 2]| {
            let mut passport = passport();
            bench(&mut passport).figures.extend(means.map(mean));
            passport
        };
        let differing = |other: &Passport| {
            verify(&with([0.6, 0.7]), other).checks.iter().filter(|c| c.outcome == Outcome::Differs).count()
        };
        assert_eq!(differing(&with([0.6, 0.7])), 0);
        assert_eq!(differing(&with([0.6, 0.9])), 1);
    }

    #[test]
    fn times_differ_beyond_their_noise_and_verdicts_only_from_pass_to_fail() {
        let times = |factor: f64| found(|p| bench(p).figures[0].ratio = interval(9.0 * factor, 1.04));
        assert_eq!(times(1.03), []);
        assert_eq!(times(0.96), []);
        assert_eq!(times(1.15), [("time of interpreter over a/speed on fib".to_owned(), Outcome::Differs)]);
        assert_eq!(times(0.85).len(), 1);
        // Precise, and of no consequence.
        let precise = interval(9.0 * 1.02, 1.0001);
        assert!(!differs(&interval(9.0, 1.0001), &precise, far(2)));
        let verdict = |verdict: Verdict| found(|p| bench(p).gates[0].verdict = verdict);
        assert_eq!(verdict(Verdict::Fail)[0].1, Outcome::Differs);
        assert_eq!(verdict(Verdict::Inconclusive)[0].1, Outcome::NotCompared);
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let other = found(|p| {
            p.fingerprint = "there".to_owned();
            bench(p).figures[0].ratio = interval(20.0, 1.04);
        });
        let expected = [("machine".to_owned(), Outcome::Stated), ("times and gates".to_owned(), Outcome::NotCompared)];
        assert_eq!(other, expected);
        assert_eq!(found(|p| p.parity = None), [("parity".to_owned(), Outcome::NotCompared)]);
        let built = found(|p| p.build.rustc = "another".to_owned());
        assert_eq!(built, [("compiler".to_owned(), Outcome::Stated)]);
    }

    #[test]
    fn repetitions_of_the_same_rarely_raise_an_alarm() {
        // Estimates with the spread that their intervals state, 84 pairs to a verification.
        let (mut rng, mut alarms) = (fastrand::Rng::with_seed(11), 0);
        let mut normal = move || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        let error: f64 = 0.05;
        for _ in 0..400 {
            let far = far(84);
            let mut again = || interval((error * normal()).exp(), (1.96 * error).exp());
            alarms += usize::from((0..84).any(|_| differs(&again(), &again(), far)));
        }
        assert!(alarms <= 40, "{alarms} of 400");
    }
}
