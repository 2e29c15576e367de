//! What changed: against a baseline, and over time.

use crate::report::answers::State;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::ratio_interval;
use crate::report::model::{ChangeVerdict, Comparison, History};

pub(super) fn section(comparison: Option<&Comparison>, history: Option<&History>) -> Section {
    let mut section = Section::new(
        "changes",
        "Changes",
        "Changes",
        &[
            "Each figure of this run over that of the baseline, with an interval: worse or better where the whole interval says so, otherwise it cannot be \
             told. Quantities without noise, such as bytes of code, are compared exactly.",
        ],
    );
    match comparison {
        None => section.missing.push("There is no baseline for this machine, so nothing was compared.".to_owned()),
        Some(comparison) => compared(&mut section, comparison),
    }
    if history.is_none_or(|h| h.runs.len() < 2) {
        section.missing.push("There is no history yet: fewer than two runs of this machine are kept.".to_owned());
    }
    section
}

fn compared(section: &mut Section, comparison: &Comparison) {
    if let Some(why) = &comparison.refused {
        section.missing.push(format!("The baseline cannot be compared with: {why}."));
    }
    section.missing.extend(comparison.flags.iter().cloned());
    let mut changes: Vec<_> = comparison.changes.iter().collect();
    // What needs attention first; otherwise in the order of the data.
    changes.sort_by_key(|c| c.verdict);
    let rows = changes.into_iter().map(|change| {
        let state = match change.verdict {
            ChangeVerdict::Worse => State::Bad,
            ChangeVerdict::CannotBeTold => State::Unknown,
            ChangeVerdict::Better => State::Good,
            ChangeVerdict::Same => State::Plain,
        };
        vec![
            Cell::text(change.measure.as_str()),
            change.kernel.as_deref().map_or_else(|| Cell::text("all kernels"), super::kernel),
            super::backend(None, &change.subject),
            Cell::measured(change.ratio, ratio_interval),
            Cell::text(change.note.as_deref().unwrap_or_default()),
            Cell::text(change.verdict.words()).state(state),
        ]
    });
    let head = ["what", "kernel", "whose", "now / before", "note", "verdict"];
    section.tables.push(Table::new(format!("This run against {}", comparison.with), &head, rows.collect()));
}
