//! What changed: against a baseline, and over time.

use crate::compare::Outcome;
use crate::report::answers::State;
use crate::report::charts;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{number, ratio, ratio_interval};
use crate::report::model::{Change, Comparison, History, Report};

pub(super) fn section(report: &Report) -> Section {
    let mut section = Section::new(
        "changes",
        "Changes",
        "Changes",
        &[
            "Against the baseline of this machine: what varies is worse only if fresh processes confirm a suspicion beyond every run of the baseline; what must not \
             vary, such as bytes of code, is compared exactly. Where a slow-down could hide in the noise, it cannot be told (docs/compare.md).",
        ],
    );
    match &report.comparison {
        None => {
            section.missing.push("No result of `lockstep baseline check` or `lockstep compare` was given.".to_owned())
        }
        Some(comparison) => compared(&mut section, report, comparison),
    }
    match &report.history {
        Some(history) if history.runs.len() > 1 => over_time(&mut section, history),
        _ => section.missing.push("There is no history yet: fewer than two runs of this machine are kept.".to_owned()),
    }
    section
}

fn compared(section: &mut Section, report: &Report, comparison: &Comparison) {
    section.missing.extend(comparison.flags.iter().map(|flag| format!("another baseline would fit better: {flag}")));
    let mut changes: Vec<&Change> = comparison.changes.iter().collect();
    // What needs attention first; otherwise in the order of the data.
    changes.sort_by_key(|c| c.verdict);
    let rows = changes.into_iter().map(|change| {
        let state = match change.verdict {
            Outcome::Worse => State::Bad,
            Outcome::Unclear => State::Unknown,
            Outcome::Better => State::Good,
            Outcome::Same | Outcome::Changed => State::Plain,
        };
        let kernel = change.on.split(' ').next().unwrap_or_default();
        let known = report.bench.as_ref().is_some_and(|b| b.kernels.iter().any(|k| k == kernel));
        let on = Cell::text(change.on.as_str());
        vec![
            Cell::text(change.measure.replace('_', " ")),
            if known { Cell { link: super::kernel(kernel).link, ..on } } else { on },
            subject(report, &change.subject),
            match change.interval {
                Some(_) => Cell::measured(change.interval, ratio_interval),
                None => Cell::maybe(change.ratio, |r| Cell::number(ratio(r), r)),
            },
            Cell::text(change.note.as_deref().unwrap_or_default()),
            Cell::text(change.verdict.name()).state(state),
        ]
    });
    let head = ["what", "on", "whose", "now / before", "note", "verdict"];
    let table = Table::new(format!("This run against {}", comparison.with), &head, rows.collect());
    // What is the same is for the page.
    section.tables.push(if table.rows.len() > 60 { table.long() } else { table });
}

fn subject(report: &Report, name: &str) -> Cell {
    let known = report.bench.iter().flat_map(|b| b.natives()).any(|p| p.implementation.to_string() == name);
    if known { super::backend(None, name) } else { Cell::text(name) }
}

fn over_time(section: &mut Section, history: &History) {
    section.charts.extend(charts::history(history));
    let rows = history.runs.iter().enumerate().rev().map(|(n, run)| {
        let values = history
            .lines
            .iter()
            .map(|line| Cell::maybe(line.values.get(n).copied(), |value| Cell::number(ratio(value), value)));
        [Cell::text(run.as_str())].into_iter().chain(values).collect()
    });
    let head = ["run".to_owned()].into_iter().chain(history.lines.iter().map(|line| line.subject.clone()));
    let caption = "Time over that of the first kept run, geometric mean over the kernels".to_owned();
    section.tables.push(Table { caption, head: head.collect(), rows: rows.collect(), long: false });
    let rows = history.changes.iter().map(|c| {
        vec![
            Cell::text(c.series.as_str()),
            Cell::text(format!("{} {}", c.date, c.commit)),
            Cell::number(format!("{} → {}", number(c.before), number(c.after)), c.after / c.before),
        ]
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    if rows.is_empty() {
        section.text.push(format!("Nothing changed for good over {} kept runs.", history.runs.len()));
    } else {
        section.tables.push(Table::new("What changed for good", &["what", "since", "from → to"], rows));
    }
}
