//! How implementations warm up.

use super::{NO_BENCH, backend, kernel};
use crate::report::answers::State;
use crate::report::charts;
use crate::report::document::{Cell, Section, Table};
use crate::report::format::{mebibytes, number, seconds, seconds_interval};
use crate::report::model::Bench;
use crate::stats::{Class, Interval, median};

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "warmup",
        "Warming up",
        "Warm-up",
        &[
            "Short calls from a cold start, judged by change points of the series of each process: flat, warming up, slowing down, or without a steady state. Time to peak is what the \
             calls before the steady state took, compilation included. A first call is one at full size in a process of its own. The curve of each kernel stands with the kernel.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    section.tables.extend(start(bench));
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

/// What a start costs: short enough to be read, and enough to choose by.
fn start(bench: &Bench) -> Option<Table> {
    let names = bench.headline();
    names.first()?;
    let rows = names.iter().map(|who| {
        // The largest size at which it ran a kernel.
        let largest = |kernel: &String| {
            let all = bench.analysis.timings.iter().filter(|t| t.kernel == *kernel && t.implementation == **who);
            all.max_by_key(|t| t.size)
        };
        let timings: Vec<_> = bench.kernels.iter().filter_map(largest).collect();
        let warming = || bench.analysis.warmup.iter().filter(|w| w.implementation == **who);
        let steady = warming().filter(|w| matches!(w.class, Some(Class::Flat | Class::Warmup))).count();
        vec![
            backend(Some(bench), &who.to_string()),
            spread(timings.iter().filter_map(|t| t.first), seconds),
            spread(warming().filter_map(|w| w.time_to_peak), seconds),
            match warming().count() {
                0 => Cell::none(),
                all => Cell::number(format!("{steady} of {all}"), steady as f64),
            },
            spread(timings.iter().filter_map(|t| t.peak_memory), mebibytes),
        ]
    });
    let caption = "Start and memory of backends at their default levels: the median kernel (least–greatest)";
    let head = ["backend", "first call", "time to peak", "kernels that settle", "peak memory"];
    Some(Table::new(caption, &head, rows.collect()))
}

/// The median of what kernels have, and the ends.
fn spread(values: impl Iterator<Item = Interval>, write: impl Fn(f64) -> String) -> Cell {
    let mut values: Vec<f64> = values.map(|interval| interval.estimate).collect();
    values.sort_by(f64::total_cmp);
    let (Some(middle), Some(least), Some(greatest)) = (median(&values), values.first(), values.last()) else {
        return Cell::none();
    };
    Cell::number(format!("{} ({}–{})", write(middle), write(*least), write(*greatest)), middle)
}
