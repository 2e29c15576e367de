//! How implementations warm up.

use super::{NO_BENCH, backend, kernel};
use crate::report::answers::State;
use crate::report::charts;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{number, seconds_interval};
use crate::report::model::Bench;
use crate::stats::Class;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "warmup",
        "Warming up",
        "Warm-up",
        &[
            "Short calls from a cold start, judged by change points of the series of each process: flat, warming up, slowing down, or without a steady state. Time to peak is what the \
             calls before the steady state took, compilation included. The curve of each kernel stands with the kernel.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    if bench.analysis.warmup.is_empty() {
        return section.missing("Warming up was not measured.");
    }
    section.charts.extend(charts::peak(bench));
    let rows = bench.analysis.warmup.iter().map(|w| {
        let class = match w.class {
            Some(class @ (Class::Flat | Class::Warmup)) => Cell::text(class.name().replace('_', " ")),
            Some(class) => Cell::text(class.name().replace('_', " ")).state(State::Unknown),
            None => Cell::text("processes disagree").state(State::Unknown),
        };
        vec![
            kernel(&w.kernel),
            backend(Some(bench), &w.implementation.to_string()),
            class,
            Cell::maybe(w.calls_to_peak, |calls| Cell::number(number(calls), calls)),
            Cell::measured(w.time_to_peak, seconds_interval),
            Cell::measured(w.steady, seconds_interval),
        ]
    });
    let head = ["kernel", "implementation", "class", "calls to peak", "time to peak", "steady call"];
    section.tables.push(Table::new("Warming up by kernel and implementation", &head, rows.collect()).long());
    section
}
