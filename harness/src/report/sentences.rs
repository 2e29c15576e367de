//! The three answers a reader wants first, generated from the data.
//!
//! Two implementations are told apart only where their intervals do not touch. That is stricter than a test of their difference: where it
//! says which is faster, it is; where it says that it cannot be told, more rounds may tell.

use super::format::{counted, list, ratio_interval, seconds_interval};
use super::model::{Bench, Report};
use crate::bench::Implementation;
use crate::bench::gates::GateResult;
use crate::stats::{Interval, Verdict};

/// How good an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Cannot be told.
    Unknown,
    /// Neither good nor bad.
    Plain,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: &'static str,
    /// In a word or two.
    pub short: String,
    /// How good.
    pub state: State,
    /// In sentences.
    pub sentences: Vec<String>,
}

/// The three answers.
pub fn answers(report: &Report) -> [Answer; 3] {
    [right(report), which(report), failing(report)]
}

fn right(report: &Report) -> Answer {
    let answer =
        |short: &str, state, sentences| Answer { question: "Is it right?", short: short.to_owned(), state, sentences };
    let Some(parity) = &report.parity else {
        let why = "Parity was not run: nothing below says that any backend computes the right thing.";
        return answer("Not known", State::Unknown, vec![why.to_owned()]);
    };
    let sums = &parity.sums;
    let all = sums.passed + sums.failed;
    if all == 0 {
        let why = "Parity ran no trial: nothing was compared.";
        return answer("Not known", State::Unknown, vec![why.to_owned()]);
    }
    let mut who: Vec<String> = Vec::new();
    for row in &parity.rows {
        if !who.contains(&row.implementation) {
            who.push(row.implementation.clone());
        }
    }
    let scope = format!(
        "{} of {} on {}",
        counted(all.into(), "trial"),
        counted(parity.cases as u64, "case"),
        counted(who.len() as u64, "implementation")
    );
    let mut sentences = Vec::new();
    if sums.failed == 0 {
        sentences.push(format!("{scope}: all agree with what is expected."));
    } else {
        let failing: Vec<String> = who
            .into_iter()
            .filter(|w| parity.rows.iter().any(|r| r.implementation == *w && r.sums.failed > 0))
            .collect();
        let died = if sums.died == 0 { String::new() } else { format!(", {} without an answer", sums.died) };
        sentences.push(format!("{scope}: {} failed{died}, on {}.", sums.failed, list(&failing)));
    }
    if sums.refused > 0 {
        sentences.push(format!("{} refused, as the backends declare.", counted(sums.refused.into(), "more trial")));
    }
    if sums.failed == 0 { answer("Yes", State::Good, sentences) } else { answer("No", State::Bad, sentences) }
}

fn which(report: &Report) -> Answer {
    let answer = |short: String, state, sentences| Answer { question: "Which backend?", short, state, sentences };
    let not_known = |why: &str| answer("Not known".to_owned(), State::Unknown, vec![why.to_owned()]);
    let Some(bench) = &report.bench else {
        return not_known("Benchmarks were not run: there is nothing to compare.");
    };
    let fast = ranked(bench, |who| bench.uplift_of(who, None), |a, b| b.estimate.total_cmp(&a.estimate));
    let quick = ranked(bench, |who| bench.compile_of(who).map(|c| c.median), |a, b| a.estimate.total_cmp(&b.estimate));
    let Some((fastest, uplift)) = fast.first() else {
        return not_known("No backend has a timing that counts.");
    };
    let level = tied(&fast);
    let mut sentences = Vec::new();
    let short = if level.is_empty() {
        sentences.push(format!(
            "{fastest} makes the fastest code: {} over the interpreter, geometric mean of {}.",
            ratio_interval(uplift),
            counted(bench.kernels.len() as u64, "kernel")
        ));
        fastest.clone()
    } else {
        let others: Vec<String> = level.iter().map(|(who, _)| who.clone()).collect();
        sentences.push(format!(
            "Which makes the fastest code cannot be told: the intervals of {fastest}, {}, and {} overlap.",
            ratio_interval(uplift),
            list(&others)
        ));
        "Cannot be told".to_owned()
    };
    match quick.first() {
        None => sentences.push("Time of compilation was not measured.".to_owned()),
        Some((quickest, median)) => {
            let level = tied(&quick);
            sentences.push(if level.is_empty() {
                let time = seconds_interval(median);
                let also = if *quickest == short { " also" } else { "" };
                format!("{quickest}{also} compiles quickest: {time} for the median unit.")
            } else {
                let others: Vec<String> = level.iter().map(|(who, _)| who.clone()).collect();
                format!("Which compiles quickest cannot be told: {quickest} and {} overlap.", list(&others))
            });
        }
    }
    if bench.conditions.quick {
        sentences.push("This was a quick look at small sizes.".to_owned());
    }
    let state = if level.is_empty() { State::Plain } else { State::Unknown };
    answer(short, state, sentences)
}

/// Backends at their default levels, or all if none is marked so, best first.
fn ranked(
    bench: &Bench,
    figure: impl Fn(&Implementation) -> Option<Interval>,
    order: impl Fn(&Interval, &Interval) -> std::cmp::Ordering,
) -> Vec<(String, Interval)> {
    let any = bench.natives().any(|p| p.default);
    let chosen = bench.natives().filter(|p| p.default || !any);
    let mut all: Vec<(String, Interval)> =
        chosen.filter_map(|p| Some((p.implementation.to_string(), figure(&p.implementation)?))).collect();
    all.sort_by(|a, b| order(&a.1, &b.1));
    all
}

/// Those that cannot be told from the first.
fn tied(ranked: &[(String, Interval)]) -> &[(String, Interval)] {
    let Some(((_, first), rest)) = ranked.split_first() else { return &[] };
    let touching = rest.iter().take_while(|(_, i)| i.low <= first.high && first.low <= i.high).count();
    &rest[..touching]
}

fn failing(report: &Report) -> Answer {
    let mut bad = Vec::new();
    let mut open = Vec::new();
    match &report.parity {
        None => open.push("Parity was not run.".to_owned()),
        Some(p) if p.sums.failed > 0 => {
            bad.push(format!("{} failed.", counted(p.sums.failed.into(), "parity trial")));
        }
        Some(_) => {}
    }
    match &report.coverage {
        None => open.push("Coverage was not run.".to_owned()),
        Some(coverage) => {
            let failed: Vec<String> = coverage
                .programs
                .iter()
                .filter(|p| p.failure.is_some())
                .map(|p| format!("{} on {}", p.program, p.implementation))
                .collect();
            if !failed.is_empty() {
                bad.push(format!("Coverage fails: {}.", list(&failed)));
            }
            for table in coverage.instructions.iter().filter(|t| t.compiled < t.of) {
                let missing = counted((table.of - table.compiled) as u64, "instruction");
                bad.push(format!("{} does not compile {missing}.", table.implementation));
            }
        }
    }
    let mut held = 0;
    match &report.bench {
        None => open.push("Benchmarks were not run.".to_owned()),
        Some(bench) => {
            held = bench.gates_with(Verdict::Pass).count();
            let names = |verdict| -> Vec<String> { bench.gates_with(verdict).map(gate_name).collect() };
            let (failed, inconclusive) = (names(Verdict::Fail), names(Verdict::Inconclusive));
            if !failed.is_empty() {
                let gates = counted(failed.len() as u64, "gate");
                bad.push(format!("{gates} of speed broken: {}.", list(&failed)));
            }
            if !inconclusive.is_empty() {
                let gates = counted(inconclusive.len() as u64, "gate");
                open.push(format!("{gates} cannot be told: {}.", list(&inconclusive)));
            }
            if bench.gates.is_empty() {
                open.push("No gate of speed was judged.".to_owned());
            }
            if !bench.void.is_empty() {
                open.push(format!(
                    "{} not counted, for reasons given below.",
                    counted(bench.void.len() as u64, "measurement")
                ));
            }
        }
    }
    let (short, state) = match (bad.is_empty(), open.is_empty()) {
        (false, _) => ("Yes", State::Bad),
        (true, false) => ("Not all is known", State::Unknown),
        (true, true) => ("No", State::Good),
    };
    let mut sentences = bad;
    sentences.extend(open);
    if held > 0 {
        sentences.push(format!("{} of speed kept.", counted(held as u64, "gate")));
    }
    Answer { question: "Is anything failing?", short: short.to_owned(), state, sentences }
}

/// What a gate is called in a sentence.
fn gate_name(gate: &GateResult) -> String {
    let who = format!("{} over {}", gate.of, gate.over);
    match &gate.kernel {
        Some(kernel) => format!("{} of {kernel} ({who})", gate.gate.replace('_', " ")),
        None => format!("{} ({who})", gate.gate.replace('_', " ")),
    }
}
