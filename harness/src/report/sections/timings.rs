//! Times in seconds: what the ratios were made from.

use super::{NO_BENCH, backend, kernel};
use crate::report::answers::State;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{seconds, seconds_interval};
use crate::report::model::Bench;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "timings",
        "Times, compilation and code by kernel",
        "Times",
        &[
            "Seconds of a call in a warm process: the median of its calls, then a typical value over processes. Compilation is that of the kernel's own \
           functions, from bytecode to loaded code.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    let rows = bench.analysis.timings.iter().map(|t| {
        let native = t.implementation.column().is_some();
        vec![
            kernel(&t.kernel),
            Cell::text(t.size.name()),
            backend(Some(bench), &t.implementation.to_string()),
            Cell::number(seconds_interval(&t.seconds), t.seconds.estimate),
            Cell::count(t.seconds.samples as u64),
            Cell::measured(t.compile, |compile| seconds(compile.estimate)),
            Cell::maybe(native.then_some(t.code_bytes), Cell::count),
            Cell::measured(t.break_even, |i| seconds(i.estimate)),
        ]
    });
    let head =
        ["kernel", "size", "implementation", "seconds", "processes", "compilation", "bytes of code", "break-even"];
    section.tables.push(Table::new("Times by kernel and implementation", &head, rows.collect()));
    if !bench.void.is_empty() {
        let rows = bench.void.iter().map(|v| {
            let what = v.kernel.as_deref().map_or_else(|| Cell::text("compilation of the corpus"), kernel);
            vec![what, Cell::text(v.implementation.to_string()), Cell::text(v.why.as_str()).state(State::Unknown)]
        });
        let head = ["kernel", "implementation", "why"];
        section.tables.push(Table::new("Samples that do not count", &head, rows.collect()));
    }
    section
}
