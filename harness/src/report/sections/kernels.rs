//! Each kernel: everyone who ran it.

use super::backend;
use crate::report::answers::State;
use crate::report::charts;
use crate::report::document::{Cell, Part, Section, Table, anchor};
use crate::report::format::{mebibytes, percent, ratio, ratio_interval, seconds, seconds_interval};
use crate::report::model::{Bench, Report};
use crate::stats::Verdict;

pub(super) fn section(report: &Report) -> Section {
    let text = &["Everyone who ran a kernel, fastest first."];
    let mut section = Section::new("kernels", "Kernel by kernel", "Kernels", text);
    let Some(bench) = &report.bench else { return section.missing(super::NO_BENCH) };
    section.parts = bench.kernels.iter().map(|name| part(report, bench, name)).collect();
    section
}

fn part(report: &Report, bench: &Bench, name: &str) -> Part {
    let mut part = Part::new(anchor("kernel", name), name);
    let uplifts = bench.headline().into_iter().filter_map(|who| Some((who, bench.uplift_of(who, Some(name))?)));
    if let Some((who, uplift)) = uplifts.max_by(|a, b| a.1.estimate.total_cmp(&b.1.estimate)) {
        part.facts.push(("highest uplift", Cell::text(format!("{} ({who})", ratio(uplift.estimate)))));
    }
    let gates = bench.gates.iter().filter(|g| g.kernel.as_deref() == Some(name));
    let (kept, all) = gates.fold((0, 0), |(kept, all), g| (kept + u32::from(g.verdict == Verdict::Pass), all + 1));
    if all > 0 {
        let state = if kept == all { State::Good } else { State::Bad };
        part.facts.push(("gates kept", Cell::text(format!("{kept} of {all}")).state(state)));
    }
    part.charts.extend(charts::warmup(bench, name));
    part.tables.push(everyone(report, bench, name));
    part
}

fn everyone(report: &Report, bench: &Bench, name: &str) -> Table {
    let mut timings: Vec<_> = bench.analysis.timings.iter().filter(|t| t.kernel == name).collect();
    timings.sort_by(|a, b| {
        (b.size, a.seconds.estimate).partial_cmp(&(a.size, b.seconds.estimate)).expect("times are numbers")
    });
    let rows = timings.into_iter().map(|t| {
        let who = t.implementation.to_string();
        let programs = report.coverage.iter().flat_map(|c| &c.programs);
        let native = programs.filter(|p| p.program == name && p.implementation == who).find_map(|p| p.native());
        let compiled = t.implementation.column().is_some();
        vec![
            backend(Some(bench), &who),
            Cell::text(t.size.name()),
            Cell::number(seconds_interval(&t.seconds), t.seconds.estimate),
            Cell::measured(bench.uplift_of(&t.implementation, Some(name)), ratio_interval),
            Cell::measured(t.compile, |i| seconds(i.estimate)),
            Cell::measured(t.first, |i| seconds(i.estimate)),
            Cell::maybe(compiled.then_some(t.code_bytes), Cell::count),
            Cell::measured(t.peak_memory, |i| mebibytes(i.estimate)),
            Cell::maybe(native, |n| Cell::number(percent(n), n)),
        ]
    });
    let head = [
        "implementation",
        "size",
        "seconds",
        "uplift",
        "compilation",
        "first call",
        "bytes of code",
        "peak memory",
        "native",
    ];
    Table::new(format!("Everyone on {name}"), &head, rows.collect()).long()
}
