//! Each backend at each level: everything that is known of it.

use super::kernel;
use crate::bench::Implementation;
use crate::report::answers::State;
use crate::report::document::{Cell, Part, Section, Table, anchor};
use crate::report::format::{mebibytes, percent, ratio, ratio_interval, seconds, seconds_interval};
use crate::report::model::{Bench, Report};

pub(super) fn section(report: &Report) -> Section {
    let text = &[
        "Everything that was measured of a backend at a level, by kernel. Figures mean what they mean in the sections above.",
    ];
    let mut section = Section::new("backends", "Backend by backend", "Backends", text);
    let mut names: Vec<String> = Vec::new();
    let measured = report.bench.iter().flat_map(|b| b.natives()).map(|p| p.implementation.to_string());
    let tried = report.parity.iter().flat_map(|p| &p.rows).map(|r| r.implementation.clone());
    for name in measured.chain(tried).filter(|name| name.contains('/')) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return section.missing("No backend took part.");
    }
    section.parts = names.iter().map(|name| part(report, name)).collect();
    section
}

fn part(report: &Report, name: &str) -> Part {
    let mut part = Part::new(anchor("backend", name), name);
    let id = name.rsplit_once('/').map_or(name, |(id, _)| id);
    if let Some(row) = report.environment.backends.iter().find(|b| b.id == id) {
        part.text.push(format!("{} {}: {}.", row.id, row.version, row.about));
    }
    let who: Option<Implementation> = name.parse().ok();
    if let (Some(bench), Some(who)) = (&report.bench, &who) {
        part.facts.push(("uplift", Cell::measured(bench.uplift_of(who, None), |i| ratio(i.estimate))));
        part.facts
            .push(("median unit", Cell::maybe(bench.compile_of(who), |c| Cell::text(seconds(c.median.estimate)))));
        part.facts.push(("code bytes", Cell::maybe(bench.compile_of(who), |c| Cell::count(c.code_bytes))));
        part.tables.extend(by_kernel(report, bench, who));
    }
    let failed: u32 =
        report.parity.iter().flat_map(|p| &p.rows).filter(|r| r.implementation == name).map(|r| r.sums.failed).sum();
    let passed: u32 =
        report.parity.iter().flat_map(|p| &p.rows).filter(|r| r.implementation == name).map(|r| r.sums.passed).sum();
    if passed + failed > 0 {
        let state = if failed == 0 { State::Good } else { State::Bad };
        part.facts.push(("trials failed", Cell::count(failed.into()).state(state)));
    }
    if failed > 0 {
        let rows = report.parity.iter().flat_map(|p| &p.failures).filter(|f| f.implementation == name).map(|f| {
            vec![
                Cell::text(f.trial.as_str()).link(anchor("trial", &f.trial)),
                Cell::text(f.what.as_str()).state(State::Bad),
            ]
        });
        part.tables
            .push(Table::new(format!("Trials of {name} that failed"), &["trial", "what"], rows.collect()).long());
    }
    part
}

fn by_kernel(report: &Report, bench: &Bench, who: &Implementation) -> Option<Table> {
    let rows: Vec<Vec<Cell>> = bench
        .kernels
        .iter()
        .filter_map(|name| {
            // The largest size at which it ran.
            let all = bench.analysis.timings.iter().filter(|t| t.kernel == *name && t.implementation == *who);
            let timing = all.max_by_key(|t| t.size)?;
            let programs = report.coverage.iter().flat_map(|c| &c.programs);
            let native =
                programs.filter(|p| p.program == *name && p.implementation == who.to_string()).find_map(|p| p.native());
            Some(vec![
                kernel(name),
                Cell::measured(bench.uplift_of(who, Some(name)), ratio_interval),
                Cell::number(seconds_interval(&timing.seconds), timing.seconds.estimate),
                Cell::measured(timing.compile, |i| seconds(i.estimate)),
                Cell::measured(timing.break_even, |i| seconds(i.estimate)),
                Cell::count(timing.code_bytes),
                Cell::measured(timing.peak_memory, |i| mebibytes(i.estimate)),
                Cell::maybe(native, |n| Cell::number(percent(n), n)),
            ])
        })
        .collect();
    rows.first()?;
    let head = ["kernel", "uplift", "seconds", "compilation", "break-even", "bytes of code", "peak memory", "native"];
    Some(Table::new(format!("{who} by kernel"), &head, rows).long())
}
