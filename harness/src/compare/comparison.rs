//! A comparison of two sides, whole: conditions, findings, counts, and what it means for an exit status. As JSON this is what `--results` writes.

use serde::{Deserialize, Serialize};

use super::decide::{Finding, Outcome, Rule};
use super::environment::Difference;
use super::permutation::Design;
use super::run::{CORPUS, Run};
use super::series::{Data, Key, Series};

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`VERSION`].
    pub lockstep_compare: u32,
    /// What the first side is.
    pub a: String,
    /// What the second side is, on which the verdicts are.
    pub b: String,
    /// Whether both were measured side by side, in rounds.
    pub paired: bool,
    /// What counted as a difference.
    pub rule: Rule,
    /// In what the environments differ.
    pub differences: Vec<Difference>,
    /// Series by series, the worst first.
    pub findings: Vec<Finding>,
}

/// Why two sides are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Their environments differ in what decides about times.
    #[error("these runs cannot be compared (--force compares them and flags it):\n  {}", .0.join("\n  "))]
    Incomparable(Vec<String>),
    /// They have no series in common.
    #[error("the two sides have no series in common: {a} has {of_a}, {b} has {of_b}")]
    NothingShared {
        /// The first.
        a: String,
        /// The second.
        b: String,
        /// What the first has.
        of_a: String,
        /// What the second has.
        of_b: String,
    },
}

/// The name of series over all kernels.
pub const ALL: &str = "all kernels";

impl Comparison {
    /// Compares two runs.
    ///
    /// # Errors
    /// They are incomparable and `force` is not set, or have nothing in common.
    pub fn of_runs((a, of_a): (&str, &Run), (b, of_b): (&str, &Run), rule: Rule, force: bool) -> Result<Self, Refusal> {
        let differences = match (&of_a.environment, &of_b.environment) {
            (Some(a), Some(b)) => a.differences(b),
            _ => Vec::new(),
        };
        let forbidding: Vec<String> = differences.iter().filter(|d| d.forbids).map(|d| d.what.clone()).collect();
        if !forbidding.is_empty() && !force {
            return Err(Refusal::Incomparable(forbidding));
        }
        let (one, other) = (&of_a.comparable_with(of_b).series, &of_b.comparable_with(of_a).series);
        Ok(Self { differences, ..Self::of_series((a, one), (b, other), rule, Design::Independent)? })
    }

    /// Compares two implementations of one run, round by round. The mean over all kernels is one more series.
    ///
    /// # Errors
    /// They have nothing in common.
    pub fn of_implementations(run: &Run, a: &str, b: &str, rule: Rule) -> Result<Self, Refusal> {
        let side = |name: &str| {
            let mut series = run.only(name);
            series.extend(over_all(&series));
            series
        };
        Self::of_series((a, &side(a)), (b, &side(b)), rule, Design::Paired)
    }

    /// Compares two names of data from outside, as independent processes.
    ///
    /// # Errors
    /// There are no such names; the message lists those there are.
    pub fn of_names(run: &Run, a: &str, b: &str, rule: Rule) -> Result<Self, String> {
        let names = || run.series.iter().map(|s| format!("`{}`", s.key.on)).collect::<Vec<_>>().join(", ");
        let side = |name: &str| -> Result<Vec<Series>, String> {
            let found = run.series.iter().find(|s| s.key.on == name);
            let series = found.ok_or_else(|| format!("there is no `{name}`; there are {}", names()))?;
            Ok(vec![Series { key: Key { on: String::new(), ..series.key.clone() }, ..series.clone() }])
        };
        Self::of_series((a, &side(a)?), (b, &side(b)?), rule, Design::Independent).map_err(|e| e.to_string())
    }

    fn of_series(
        (a, of_a): (&str, &[Series]),
        (b, of_b): (&str, &[Series]),
        rule: Rule,
        design: Design,
    ) -> Result<Self, Refusal> {
        if !of_a.iter().any(|s| of_b.iter().any(|o| o.key == s.key)) {
            let some = |series: &[Series]| match series {
                [] => "none".to_owned(),
                [one] => format!("`{}`", one.key),
                [one, ..] => format!("`{}` and {} more", one.key, series.len() - 1),
            };
            let (a, b) = (a.to_owned(), b.to_owned());
            return Err(Refusal::NothingShared { a, b, of_a: some(of_a), of_b: some(of_b) });
        }
        let mut findings = rule.judge(of_a, of_b, design);
        findings.sort_by_key(|f| (f.outcome, f.key.on != ALL));
        Ok(Self {
            lockstep_compare: VERSION,
            a: a.to_owned(),
            b: b.to_owned(),
            paired: design == Design::Paired,
            rule,
            differences: Vec::new(),
            findings,
        })
    }

    /// How many findings have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|f| f.outcome == outcome).count()
    }

    /// 0 if nothing is worse, 1 if something is, 3 if `strict` and something cannot be told.
    pub fn status(&self, strict: bool) -> u8 {
        match () {
            () if self.count(Outcome::Worse) > 0 => 1,
            () if strict && self.count(Outcome::Unclear) > 0 => 3,
            () => 0,
        }
    }
}

/// The geometric mean over kernels of each quantity that varies, in the rounds in which all of them were measured. None for fewer than two
/// kernels, or if one is void: a mean over the others would hide it.
fn over_all(series: &[Series]) -> Vec<Series> {
    let mut all = Vec::new();
    let measures: std::collections::BTreeSet<&str> = series.iter().map(|s| s.key.measure.as_str()).collect();
    for measure in measures {
        // What is about the corpus is over all of it already.
        let own: Vec<&Series> = series.iter().filter(|s| s.key.measure == measure && s.key.on != CORPUS).collect();
        if own.len() < 2 || !own.iter().all(|s| matches!(s.data, Data::Noisy(_))) {
            continue;
        }
        let processes: Vec<_> = own.iter().map(|s| s.processes()).collect();
        let mean = |round: &usize| {
            let logs: Option<Vec<f64>> = processes.iter().map(|p| p.get(round).map(|v| v.ln())).collect();
            logs.map(|logs| (*round, vec![(logs.iter().sum::<f64>() / logs.len() as f64).exp()]))
        };
        let values = processes[0].keys().filter_map(mean).collect();
        all.push(Series::noisy(Key::new(measure, ALL, ""), own[0].better, values));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plant::Plant;
    use crate::bench::testing;
    use crate::compare::show;

    fn rule() -> Rule {
        Rule { permutations: 1000, resamples: 100, ..Rule::default() }
    }

    fn run(plant: Option<&str>) -> Run {
        let mut results = testing::results();
        if let Some(plant) = plant {
            plant.parse::<Plant>().expect("a plant").apply(&mut results);
        }
        Run::of(&results)
    }

    fn compare(a: &Run, b: &Run) -> Comparison {
        Comparison::of_runs(("before", a), ("after", b), rule(), false).expect("comparable")
    }

    #[test]
    fn a_planted_slow_down_is_found_and_turned_round_it_is_a_gain() {
        let (before, after) = (run(None), run(Some("time:fast/speed=1.15")));
        let found = compare(&before, &after);
        assert_eq!((found.count(Outcome::Worse), found.status(false)), (testing::KERNELS.len(), 1));
        assert!(found.findings.iter().filter(|f| f.outcome == Outcome::Worse).all(|f| f.key.of == "fast/speed"));
        let turned = compare(&after, &before);
        assert_eq!((turned.count(Outcome::Worse), turned.status(true)), (0, 0));
        assert_eq!(turned.count(Outcome::Better), testing::KERNELS.len());
        assert_eq!(compare(&before, &before).count(Outcome::Same), before.series.len());
        // Slower compilation is another series.
        let found = compare(&before, &run(Some("compile:slow/none=1.1")));
        let worse: Vec<String> =
            found.findings.iter().filter(|f| f.outcome == Outcome::Worse).map(|f| f.key.to_string()).collect();
        assert_eq!(worse, ["compile corpus slow/none"]);
    }

    #[test]
    fn implementations_of_one_run_are_compared_round_by_round() {
        let run = run(None);
        let found = Comparison::of_implementations(&run, "fast/speed", "fast/none", rule()).expect("both are there");
        // 0.07 s against 0.11 s, 500 µs against 300 µs a unit.
        let mean = |measure: &str| {
            let found = found.findings.iter().find(|f| f.key == Key::new(measure, ALL, ""));
            found.expect("it is judged").outcome
        };
        assert_eq!((mean("time"), mean("compile")), (Outcome::Worse, Outcome::Better));
        assert!(found.paired && found.findings.iter().all(|f| f.key.of.is_empty()));
        let text = show::text(&found, true);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("fast/none against fast/speed"), "{text}");
    }

    #[test]
    fn incomparable_runs_are_refused_unless_forced_and_then_flagged() {
        let (here, mut there) = (run(None), run(None));
        there.environment.as_mut().expect("known").machine.cpu = "Other 1".to_owned();
        let refused = Comparison::of_runs(("a", &here), ("b", &there), rule(), false).expect_err("another processor");
        assert!(refused.to_string().contains("processor: `Imaginary 9000` against `Other 1`"), "{refused}");
        let forced = Comparison::of_runs(("a", &here), ("b", &there), rule(), true).expect("forced");
        assert!(show::text(&forced, false).contains("INCOMPARABLE: processor"));
    }

    #[test]
    fn what_cannot_be_told_fails_only_strictly() {
        let mut one = run(None);
        one.series.retain(|s| s.key.measure == "time");
        for series in &mut one.series {
            if let Data::Noisy(processes) = &mut series.data {
                processes.retain(|round, _| *round < 2);
            }
        }
        let found = compare(&one, &one);
        assert_eq!(found.count(Outcome::Unclear), one.series.len());
        assert_eq!((found.status(false), found.status(true)), (0, 3));
    }

    #[test]
    fn nothing_in_common_is_no_comparison() {
        let bare = |on: &str| {
            Run::bare(vec![Series::exact(Key::new("value", on, ""), super::super::series::Better::Lower, [1.0])])
        };
        let refused = Comparison::of_runs(("a", &bare("x")), ("b", &bare("y")), rule(), false).expect_err("nothing");
        assert!(refused.to_string().contains("a has `value x`, b has `value y`"), "{refused}");
        assert!(Comparison::of_names(&bare("x"), "x", "y", rule()).expect_err("no y").contains("there are `x`"));
    }
}
