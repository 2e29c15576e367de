//! The sections of a report, one file each: what the figures mean, and the figures.

mod backends;
mod changes;
mod compile;
mod conditions;
mod coverage;
mod faults;
mod gates;
mod kernels;
mod overview;
mod parity;
mod peers;
mod timings;
mod uplift;
mod warmup;

pub use overview::{board, noise};

use super::document::{Cell, Section, Table, anchor};
use super::format::ratio_interval;
use super::model::{Bench, Report};
use crate::bench::Implementation;
use crate::stats::Interval;

/// All sections, in order.
pub fn sections(report: &Report) -> Vec<Section> {
    let bench = report.bench.as_ref();
    vec![
        uplift::section(bench),
        compile::section(bench),
        warmup::section(bench),
        coverage::section(report.coverage.as_ref()),
        parity::section(report.parity.as_ref()),
        faults::section(report.faults.as_ref()),
        changes::section(report),
        gates::section(bench),
        backends::section(report),
        kernels::section(report),
        peers::section(bench),
        timings::section(bench),
        conditions::section(&report.environment, bench),
    ]
}

const NO_BENCH: &str = "Benchmarks were not run.";

/// A backend at a level, leading to what is said of it.
fn backend(bench: Option<&Bench>, name: &str) -> Cell {
    let default =
        bench.is_some_and(|b| b.participants.iter().any(|p| p.default && p.implementation.to_string() == name));
    let mark = if default { " ●" } else { "" };
    let cell = Cell::text(format!("{name}{mark}"));
    if name.contains('/') { cell.link(anchor("backend", name)) } else { cell }
}

/// A kernel, leading to what is said of it.
fn kernel(name: &str) -> Cell {
    Cell::text(name).link(anchor("kernel", name))
}

/// A table of ratios: kernels down, implementations across, the geometric mean last.
fn by_kernel(
    bench: &Bench,
    caption: String,
    names: &[&Implementation],
    cell: impl Fn(&Implementation, Option<&str>) -> Option<Interval>,
) -> Table {
    let kernels = bench.kernels.iter().map(|k| Some(k.as_str())).chain([None]);
    let rows = kernels
        .map(|name| {
            let cells = names.iter().map(|who| Cell::measured(cell(who, name), ratio_interval));
            [name.map_or_else(|| Cell::text("geometric mean"), kernel)].into_iter().chain(cells).collect()
        })
        .collect();
    let head = ["kernel".to_owned()].into_iter().chain(names.iter().map(|name| titled(bench, name))).collect();
    Table { caption, head, rows, long: false }
}

/// A name, with a mark if it is a backend at its default level.
fn titled(bench: &Bench, name: &Implementation) -> String {
    if bench.is_default(name) { format!("{name} ●") } else { name.to_string() }
}

fn natives(bench: &Bench) -> Vec<&Implementation> {
    bench.natives().map(|p| &p.implementation).collect()
}
