//! Did anything get worse? Against a baseline, where there is one, and against the bounds that the corpus sets.

use super::{Answer, State};
use crate::bench::gates::GateResult;
use crate::compare::Outcome;
use crate::report::format::{count, counted, list, ratio, ratio_interval};
use crate::report::model::{Change, Report};
use crate::stats::Verdict;

/// So many are named; the rest are counted.
const NAMED: usize = 4;

/// What is found, sorted by how bad it is.
#[derive(Default)]
struct Findings {
    bad: Vec<String>,
    open: Vec<String>,
    /// What leaves the answer as it is: good news, and what is open about bounds, which are goals and no earlier build.
    said: Vec<String>,
}

pub(super) fn answer(report: &Report) -> Answer {
    let mut found = Findings::default();
    let compared = baseline(report, &mut found);
    coverage(report, &mut found);
    gates(report, &mut found);
    let (short, state) = match (compared, found.bad.is_empty(), found.open.is_empty()) {
        (_, false, _) => ("Yes", State::Bad),
        (false, true, _) => ("Cannot be told", State::Unknown),
        (true, true, false) => ("Not in what was compared", State::Unknown),
        (true, true, true) => ("No", State::Good),
    };
    Answer {
        question: "Did anything get worse?",
        short: short.to_owned(),
        state,
        parts: Vec::new(),
        sentences: [found.bad, found.open, found.said].concat(),
        more: ("changes", "All changes"),
    }
}

/// Whether there is a baseline that this run could be compared with.
fn baseline(report: &Report, found: &mut Findings) -> bool {
    let Some(comparison) = &report.comparison else {
        found.open.push(
            "This build was not compared with an earlier one: no result of such a comparison was given.".to_owned(),
        );
        return false;
    };
    let of = |verdict| -> Vec<&Change> { comparison.with_verdict(verdict).collect() };
    let (worse, untold) = (of(Outcome::Worse), of(Outcome::Unclear));
    let all = counted(comparison.changes.len() as u64, "comparison");
    if worse.is_empty() {
        found.said.push(format!("Nothing is worse than {} in {all}.", comparison.with));
    } else {
        let of = comparison.changes.len();
        found.bad.push(format!(
            "{} of {} are worse than {}: {}.",
            count(worse.len() as u64),
            count(of as u64),
            comparison.with,
            named(&worse)
        ));
    }
    let better = of(Outcome::Better);
    if !better.is_empty() {
        found.said.push(format!("{} better: {}.", counted(better.len() as u64, "figure"), named(&better)));
    }
    if !untold.is_empty() {
        let share = format!("{} of {}", count(untold.len() as u64), count(comparison.changes.len() as u64));
        found.said.push(format!("Of {share} it cannot be told."));
    }
    for flag in &comparison.flags {
        found.open.push(format!("Beware: {flag}."));
    }
    true
}

fn named(changes: &[&Change]) -> String {
    let name = |change: &&Change| {
        let by = change.interval.as_ref().map(ratio_interval).or(change.ratio.map(ratio));
        format!("{}{}", change.name(), by.map_or_else(String::new, |by| format!(" {by}")))
    };
    some(changes.iter().map(name).collect())
}

/// The first of a list, and how many more there are.
fn some(mut names: Vec<String>) -> String {
    if names.len() > NAMED + 1 {
        let more = names.len() - NAMED;
        names.truncate(NAMED);
        names.push(format!("{more} more"));
    }
    list(&names)
}

fn coverage(report: &Report, found: &mut Findings) {
    let Some(coverage) = &report.coverage else {
        return found.open.push("Coverage was not run.".to_owned());
    };
    let failed: Vec<String> = coverage
        .programs
        .iter()
        .filter(|p| p.failure.is_some())
        .map(|p| format!("{} on {}", p.program, p.implementation))
        .collect();
    if !failed.is_empty() {
        found.bad.push(format!("Coverage is below its bound: {}.", some(failed)));
    }
    for (table, names) in coverage.instructions.iter().filter_map(|t| Some((t, t.unverified.as_ref()?))) {
        if !names.is_empty() {
            let names = some(names.clone());
            found.bad.push(format!("No trial that passed executed natively on {}: {names}.", table.implementation));
        }
    }
    for table in coverage.instructions.iter().filter(|t| t.compiled < t.of) {
        let missing = counted((table.of - table.compiled) as u64, "instruction");
        found.bad.push(format!("{} does not compile {missing}.", table.implementation));
    }
}

fn gates(report: &Report, found: &mut Findings) {
    let Some(bench) = &report.bench else {
        return found.open.push("Benchmarks were not run.".to_owned());
    };
    let names = |verdict| -> Vec<String> { bench.gates_with(verdict).map(gate_name).collect() };
    let (failed, inconclusive) = (names(Verdict::Fail), names(Verdict::Inconclusive));
    if !failed.is_empty() {
        found.bad.push(format!("{} of speed broken: {}.", counted(failed.len() as u64, "bound"), some(failed)));
    }
    if bench.gates.is_empty() {
        found.open.push("No bound of speed was judged.".to_owned());
    }
    if !bench.void.is_empty() {
        let void = counted(bench.void.len() as u64, "measurement");
        found.open.push(format!("{void} not counted, for reasons given below."));
    }
    let held = bench.gates_with(Verdict::Pass).count();
    if held > 0 {
        let all = bench.gates.len();
        let held = if held == all { "all".to_owned() } else { count(held as u64) };
        found.said.push(format!("Of {} of speed that the corpus sets {held} hold.", counted(all as u64, "bound")));
    }
    if !inconclusive.is_empty() {
        let gates = counted(inconclusive.len() as u64, "bound");
        let hold = if inconclusive.len() == 1 { "holds" } else { "hold" };
        let conditions = &bench.conditions;
        let rounds = counted(conditions.settle.unwrap_or(0).max(conditions.rounds) as u64, "round");
        let names = some(inconclusive);
        found.said.push(format!("Whether {gates} of speed {hold} cannot be told from {rounds}: {names}."));
    }
}

/// What a gate is called in a sentence.
fn gate_name(gate: &GateResult) -> String {
    let on = gate.kernel.as_ref().map_or_else(String::new, |kernel| format!(" on {kernel}"));
    format!("{} against {}{on} ({})", gate.of, gate.over, gate.gate.replace('_', " "))
}
