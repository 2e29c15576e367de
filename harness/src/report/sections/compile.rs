//! What compiling costs: time by phase, bytes of code.

use super::{NO_BENCH, backend};
use crate::report::charts;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{seconds, seconds_interval};
use crate::report::model::Bench;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "compile",
        "Compile time against peak speed",
        "Compile time",
        &[
            "Each backend compiles every function of the corpus; the time is the backend's own, its set-up apart, for the median unit. Phases are wall \
           time summed over all units, the median over processes. The corpus has many small functions, so the median says little about large ones.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    if bench.analysis.compile.is_empty() {
        return section.missing("Time of compilation was not measured.");
    }
    section.charts.extend(charts::trade(bench));
    section.charts.extend(charts::code(bench));
    let rows = bench.analysis.compile.iter().map(|c| {
        vec![
            backend(Some(bench), &c.implementation.to_string()),
            Cell::number(seconds_interval(&c.median), c.median.estimate),
            Cell::count(c.units),
            Cell::count(c.not_yet_compiled),
            Cell::count(c.code_bytes),
            Cell::maybe(c.code_bytes.checked_div(c.units), Cell::count),
        ]
    });
    let head = ["backend", "median unit", "units", "functions not compiled yet", "bytes of code", "bytes per unit"];
    section.tables.push(Table::new("Compilation of the corpus", &head, rows.collect()));
    section.tables.push(phases(bench));
    section
}

fn phases(bench: &Bench) -> Table {
    let mut phases: Vec<(&str, bool)> = Vec::new();
    for phase in bench.analysis.compile.iter().flat_map(|c| &c.phases) {
        if !phases.contains(&(&phase.name, phase.backend)) {
            phases.push((&phase.name, phase.backend));
        }
    }
    phases.sort_by_key(|(_, backend)| *backend);
    let rows = phases.iter().map(|&(name, backend)| {
        let cells = bench.analysis.compile.iter().map(|c| {
            let phase = c.phases.iter().find(|p| p.name == name && p.backend == backend);
            Cell::maybe(phase, |p| Cell::number(seconds(p.seconds), p.seconds))
        });
        let title = Cell::text(if backend { format!("backend: {name}") } else { name.to_owned() });
        [title].into_iter().chain(cells).collect()
    });
    let implementations = bench.analysis.compile.iter().map(|c| c.implementation.to_string());
    let head = ["phase".to_owned()].into_iter().chain(implementations).collect();
    Table { caption: "Compile time of the corpus by phase".to_owned(), head, rows: rows.collect(), long: false }
}
