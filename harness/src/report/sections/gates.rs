//! Bounds of speed that the corpus sets, and whether they are kept.

use super::NO_BENCH;
use crate::report::answers::State;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::ratio_interval;
use crate::report::model::Bench;
use crate::stats::Verdict;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let section = Section::new(
        "gates",
        "Gates of speed",
        "Gates",
        &[
            "A gate is a bound from the corpus. It passes if the whole 95 % interval keeps the bound, fails if the whole interval breaks it, and is \
           inconclusive if the interval lies on both sides: then more rounds, or a quieter machine, are needed. A missing measurement never passes.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    if bench.gates.is_empty() {
        return section.missing("No gate was judged.");
    }
    let mut gates: Vec<_> = bench.gates.iter().collect();
    // What needs attention first; otherwise in the order of the data.
    gates.sort_by_key(|g| std::cmp::Reverse(g.verdict));
    let rows = gates
        .into_iter()
        .map(|gate| {
            let measured = match &gate.why {
                Some(why) => Cell::text(why.as_str()),
                None => Cell::measured(gate.measured, ratio_interval),
            };
            vec![
                Cell::text(gate.gate.replace('_', " ")),
                gate.kernel.as_deref().map_or_else(|| Cell::text("all kernels"), super::kernel),
                Cell::text(format!("{} / {}", gate.of, gate.over)),
                Cell::text(gate.bound.to_string()),
                measured,
                verdict(gate.verdict),
            ]
        })
        .collect();
    let head = ["gate", "kernel", "time of / time of", "must be", "measured", "verdict"];
    Section { tables: vec![Table::new("Gates, those that need attention first", &head, rows)], ..section }
}

fn verdict(verdict: Verdict) -> Cell {
    let state = match verdict {
        Verdict::Pass => State::Good,
        Verdict::Fail => State::Bad,
        Verdict::Inconclusive => State::Unknown,
    };
    Cell::text(verdict.name()).state(state)
}
