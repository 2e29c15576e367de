//! Everything that was judged, as a flat list: what JUnit, annotations and the terminal tell of. A part that was not run is a finding, too.

use super::answers::State;
use super::format::ratio_interval;
use super::model::Report;
use crate::compare::Outcome;
use crate::stats::Verdict;

/// Something that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// By which command: `parity`, `coverage`, …
    pub suite: &'static str,
    /// What was judged.
    pub name: String,
    /// The case of the corpus that it is about, if it is about one.
    pub case: Option<String>,
    /// How good it is: good, bad, or unknown.
    pub state: State,
    /// Why it is not good.
    pub why: Option<String>,
    /// The line that runs it again, if there is one.
    pub again: Option<String>,
}

impl Finding {
    fn new(suite: &'static str, name: impl Into<String>, state: State, why: Option<String>) -> Self {
        Self { suite, name: name.into(), case: None, state, why, again: None }
    }

    fn not_run(suite: &'static str, why: &str) -> Self {
        Self::new(suite, format!("{suite} was run"), State::Unknown, Some(why.to_owned()))
    }
}

/// All findings, suite by suite.
pub fn findings(report: &Report) -> Vec<Finding> {
    [parity(report), coverage(report), bench(report), faults(report), compare(report)].concat()
}

fn parity(report: &Report) -> Vec<Finding> {
    let Some(parity) = &report.parity else {
        return vec![Finding::not_run("parity", "no results of parity were given")];
    };
    let failures = parity.failures.iter().map(|failure| Finding {
        case: Some(failure.case.clone()),
        again: Some(failure.again.clone()),
        ..Finding::new("parity", failure.trial.as_str(), State::Bad, Some(failure.what.clone()))
    });
    let sound = parity.by_case.iter().filter(|row| row.sums.failed == 0).map(|row| Finding {
        case: Some(row.case.clone()),
        ..match row.sums.passed {
            0 => Finding::new("parity", row.case.as_str(), State::Unknown, Some("refused by every backend".to_owned())),
            _ => Finding::new("parity", row.case.as_str(), State::Good, None),
        }
    });
    failures.chain(sound).collect()
}

fn coverage(report: &Report) -> Vec<Finding> {
    let Some(coverage) = &report.coverage else {
        return vec![Finding::not_run("coverage", "no results of coverage were given")];
    };
    let state = |why: &Option<String>| if why.is_some() { State::Bad } else { State::Good };
    let programs = coverage.programs.iter().map(|p| {
        let name = format!("{} on {}", p.program, p.implementation);
        Finding::new("coverage", name, state(&p.failure), p.failure.clone())
    });
    let instructions = coverage.instructions.iter().map(|t| {
        let missing: Vec<String> = t.missing.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        let why = (t.compiled < t.of).then(|| missing.join("; "));
        Finding::new("coverage", format!("instructions of {}", t.implementation), state(&why), why)
    });
    let unverified =
        coverage.instructions.iter().filter_map(|t| Some((t, t.unverified.as_ref()?))).map(|(t, names)| {
            let why =
                (!names.is_empty()).then(|| format!("executed natively in no trial that passed: {}", names.join(", ")));
            Finding::new("coverage", format!("verified instructions of {}", t.implementation), state(&why), why)
        });
    programs.chain(instructions).chain(unverified).collect()
}

fn bench(report: &Report) -> Vec<Finding> {
    let Some(bench) = &report.bench else {
        return vec![Finding::not_run("bench", "no results of benchmarks were given")];
    };
    let gates = bench.gates.iter().map(|gate| {
        let kernel = gate.kernel.as_ref().map_or_else(String::new, |kernel| format!(" of {kernel}"));
        let name = format!("{}{kernel} ({} over {})", gate.gate.replace('_', " "), gate.of, gate.over);
        let state = match gate.verdict {
            Verdict::Pass => State::Good,
            Verdict::Fail => State::Bad,
            Verdict::Inconclusive => State::Unknown,
        };
        let measured = gate.measured.as_ref().map(|m| format!("{} must be {}", ratio_interval(m), gate.bound));
        let why = gate.why.clone().or(measured).filter(|_| state != State::Good);
        Finding::new("bench", name, state, why)
    });
    let void = bench.void.iter().map(|void| {
        let what = void.kernel.as_deref().unwrap_or("compilation of the corpus");
        Finding::new("bench", format!("{what} on {}", void.implementation), State::Bad, Some(void.why.clone()))
    });
    let own = bench.findings.iter().map(|finding| {
        let subject = [finding.kernel.clone(), finding.implementation.as_ref().map(ToString::to_string)];
        let subject: Vec<String> = subject.into_iter().flatten().collect();
        let name = format!("{} {}", finding.kind.name().replace('_', " "), subject.join(" on "));
        let state = if finding.fails { State::Bad } else { State::Unknown };
        Finding::new("bench", name.trim(), state, Some(finding.what.clone()))
    });
    gates.chain(void).chain(own).collect()
}

fn faults(report: &Report) -> Vec<Finding> {
    let Some(faults) = &report.faults else { return vec![Finding::not_run("faults", "no faults were planted")] };
    let planted = faults.planted.iter().map(|fault| {
        // What is blind is a measurement, not a promise.
        let state = match (fault.caught(), fault.blind) {
            (true, _) => State::Good,
            (false, true) => State::Unknown,
            (false, false) => State::Bad,
        };
        let why = (!fault.caught()).then(|| format!("`{}` did not see it: {}", fault.intended, fault.about));
        Finding::new("faults", fault.name.as_str(), state, why)
    });
    let alarms = faults.false_alarms.iter().map(|gate| {
        Finding::new(
            "faults",
            format!("{gate} without a fault"),
            State::Bad,
            Some("it sounded all the same".to_owned()),
        )
    });
    planted.chain(alarms).collect()
}

fn compare(report: &Report) -> Vec<Finding> {
    let Some(comparison) = &report.comparison else {
        return vec![Finding::not_run("compare", "no result of a comparison was given")];
    };
    let change = |change: &super::model::Change| {
        let state = match change.verdict {
            Outcome::Worse => State::Bad,
            Outcome::Unclear => State::Unknown,
            Outcome::Same | Outcome::Better | Outcome::Changed => State::Good,
        };
        let note = change.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
        let why = (state != State::Good).then(|| format!("{}{note}", change.verdict.name()));
        Finding::new("compare", change.name(), state, why)
    };
    comparison.changes.iter().map(change).collect()
}
