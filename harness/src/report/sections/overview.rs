//! The board of the first screen: the backends at their default levels, side by side.

use crate::report::answers::State;
use crate::report::document::{Cell, Table, anchor};
use crate::report::format::{count, counted, percent, ratio, ratio_interval, seconds};
use crate::report::model::{Report, Sums};

/// A row for each backend; none without backends.
pub fn board(report: &Report) -> Option<Table> {
    let bench = report.bench.as_ref()?;
    let names = bench.headline();
    names.first()?;
    let yardstick = bench.participants.iter().find(|p| {
        let peer = p.implementation.peer().is_some() && p.absent.is_none();
        peer && names.iter().any(|name| bench.peer_ratio(name, &p.implementation, None).is_some())
    });
    let rows = names.iter().map(|name| {
        let who = name.to_string();
        let candidate = bench.choice.as_ref().and_then(|c| c.candidate(name));
        let mut cells = vec![
            Cell::text(who.as_str()).link(anchor("backend", &who)),
            trials(report, &who),
            Cell::measured(bench.uplift_of(name, None), ratio_interval),
            Cell::maybe(candidate, |c| Cell::number(seconds(c.compile.estimate), c.compile.estimate)),
            Cell::maybe(bench.compile_of(name), |c| Cell::count(c.code_bytes)),
            native(report, &who),
        ];
        if let Some(peer) = yardstick {
            cells.push(Cell::maybe(bench.peer_ratio(name, &peer.implementation, None), |i| {
                Cell::number(ratio(i.estimate), i.estimate)
            }));
        }
        cells
    });
    let caption = "Backends at their default levels".to_owned();
    let mut head: Vec<String> =
        ["backend", "trials", "uplift", "compile", "code bytes", "native"].map(str::to_owned).into();
    head.extend(yardstick.map(|peer| format!("time / {}", peer.implementation)));
    Some(Table { caption, head, rows: rows.collect(), long: false })
}

/// The run's own noise, in a sentence; none if it was not measured.
pub fn noise(report: &Report) -> Option<String> {
    let bench = report.bench.as_ref()?;
    let alarms = super::conditions::false_alarms(bench)?;
    let disturbances = &bench.analysis.disturbances;
    let disturbed = (disturbances.samples > 0).then(|| {
        format!(
            " {} of {} disturbed.",
            count(disturbances.disturbed as u64),
            counted(disturbances.samples as u64, "sample")
        )
    });
    Some(format!("A/A, one implementation against itself: {alarms}.{}", disturbed.unwrap_or_default()))
}

fn trials(report: &Report, who: &str) -> Cell {
    let mut sums = Sums::default();
    for row in report.parity.iter().flat_map(|p| &p.rows).filter(|r| r.implementation == who) {
        sums.passed += row.sums.passed;
        sums.failed += row.sums.failed;
    }
    match sums {
        Sums { passed: 0, failed: 0, .. } => Cell::none(),
        Sums { failed: 0, passed, .. } => Cell::count(passed.into()).state(State::Good),
        Sums { failed, .. } => {
            Cell::number(format!("{} failed", count(failed.into())), f64::from(failed)).state(State::Bad)
        }
    }
}

/// The least native share over the programs.
fn native(report: &Report, who: &str) -> Cell {
    let programs = report.coverage.iter().flat_map(|c| &c.programs).filter(|p| p.implementation == who);
    let least = programs.filter_map(|p| p.native()).min_by(f64::total_cmp);
    Cell::maybe(least, |least| Cell::number(percent(least), least))
}
