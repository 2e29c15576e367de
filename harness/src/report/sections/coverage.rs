//! How much of what ran was native code: a heat map by program, then by instruction.

use super::{backend, kernel};
use crate::report::answers::State;
use crate::report::document::{Cell, Part, Section, Table, anchor};
use crate::report::format::{count, percent};
use crate::report::model::{CoverageTable, ProgramCoverage, shares};

pub(super) fn section(coverage: Option<&CoverageTable>) -> Section {
    let mut section = Section::new(
        "coverage",
        "Coverage",
        "Coverage",
        &[
            "Every executed bytecode instruction is counted in an instrumented build as native inline, native through a helper, or interpreted, at the \
           default thresholds; the three must sum, instruction by instruction, to what the interpreter alone executes. It says how much runs \
           natively, not how fast.",
        ],
    );
    let Some(coverage) = coverage else { return section.missing("Coverage was not run.") };
    if coverage.quick {
        section.text.push(
            "The small sizes were run: warm-up in the interpreter weighs more than at the published sizes.".to_owned(),
        );
    }
    let who = distinct(coverage.programs.iter().map(|p| p.implementation.as_str()));
    section.tables.push(heat_map(coverage, &who));
    section.tables.push(counts(coverage));
    let rows = coverage.instructions.iter().map(|t| {
        let missing: Vec<String> = t.missing.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        let state = if t.compiled == t.of { State::Good } else { State::Bad };
        let verified = t.unverified.as_ref().map(|unverified| {
            let state = if unverified.is_empty() { State::Good } else { State::Bad };
            Cell::count((t.compiled.saturating_sub(unverified.len())) as u64).state(state)
        });
        vec![
            backend(None, &t.implementation),
            Cell::number(format!("{} of {}", t.compiled, t.of), t.compiled as f64).state(state),
            Cell::count(t.helpers as u64),
            verified.unwrap_or_else(Cell::none),
            Cell::text(if missing.is_empty() { "none".to_owned() } else { missing.join("; ") }),
        ]
    });
    let head = ["implementation", "instructions compiled", "through helpers", "verified", "missing"];
    let caption =
        "Instructions of the bytecode that compile at all; verified: executed natively in a trial that passed";
    section.tables.push(Table::new(caption, &head, rows.collect()));
    section.parts.extend(who.iter().filter_map(|who| by_instruction(coverage, who)));
    section
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The place of a native share, in percent, in a heat map: what happens above 90 % takes half of the scale.
fn heat(native: f64) -> f64 {
    if native < 90.0 { native / 180.0 } else { 0.5 + (native - 90.0) / 20.0 }
}

fn native(program: Option<&ProgramCoverage>) -> Cell {
    match program.map(|p| (p, p.native())) {
        Some((p, Some(native))) => {
            let cell = Cell::number(percent(native), native).heat(heat(native));
            if p.failure.is_some() { cell.state(State::Bad) } else { cell }
        }
        Some((p, None)) if p.failure.is_some() => Cell::number("failed", -1.0).state(State::Bad),
        _ => Cell::none(),
    }
}

fn heat_map(coverage: &CoverageTable, who: &[&str]) -> Table {
    let programs = distinct(coverage.programs.iter().map(|p| p.program.as_str()));
    let rows = programs.iter().map(|program| {
        let cell =
            |who: &&str| native(coverage.programs.iter().find(|p| p.program == *program && p.implementation == **who));
        [kernel(program)].into_iter().chain(who.iter().map(cell)).collect()
    });
    let head = ["program"].into_iter().chain(who.iter().copied()).map(str::to_owned).collect();
    let caption = "Share of executed instructions that ran natively".to_owned();
    Table { caption, head, rows: rows.collect(), long: false }
}

fn counts(coverage: &CoverageTable) -> Table {
    let rows = coverage.programs.iter().map(|row| {
        let mut cells = vec![kernel(&row.program), backend(None, &row.implementation)];
        match (row.counts, row.shares()) {
            (Some(counts), Some([inline, ..])) => cells.extend([
                Cell::number(percent(inline), inline),
                Cell::count(counts.iter().sum()),
                Cell::count(counts[1]),
                Cell::count(counts[2]),
                Cell::count(row.exits),
            ]),
            _ => cells.extend((0..5).map(|_| Cell::none())),
        }
        let causes: Vec<String> = row.causes.iter().map(|(why, n)| format!("{} {why}", count(*n))).collect();
        cells.push(Cell::text(causes.join("; ")));
        cells.push(match &row.failure {
            None => Cell::text("pass").state(State::Good),
            Some(why) => Cell::text(format!("fail: {why}")).state(State::Bad),
        });
        cells
    });
    let head = [
        "program",
        "implementation",
        "inline",
        "executed",
        "through helpers",
        "interpreted",
        "exits",
        "why interpreted",
        "gate",
    ];
    Table::new("Executed instructions", &head, rows.collect())
}

/// A heat map of instructions by programs.
fn by_instruction(coverage: &CoverageTable, who: &str) -> Option<Part> {
    let programs: Vec<&ProgramCoverage> = coverage.programs.iter().filter(|p| p.implementation == who).collect();
    let mut names: Vec<&String> = programs.iter().flat_map(|p| p.by_instruction.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.first()?;
    let rows = names.iter().map(|name| {
        let all = programs.iter().filter_map(|p| p.by_instruction.get(*name));
        let sum = all.fold([0; 3], |sum, n| [sum[0] + n[0], sum[1] + n[1], sum[2] + n[2]]);
        let share = |counts: &[u64; 3]| match shares(counts) {
            Some([inline, helper, _]) => {
                Cell::number(percent(inline + helper), inline + helper).heat(heat(inline + helper))
            }
            None => Cell::none(),
        };
        let cells = programs.iter().map(|p| Cell::maybe(p.by_instruction.get(*name), share));
        [Cell::text(name.as_str()), Cell::count(sum.iter().sum()), share(&sum)].into_iter().chain(cells).collect()
    });
    let head = ["instruction", "executed", "all"].into_iter().chain(programs.iter().map(|p| p.program.as_str()));
    let table = Table {
        caption: format!("Native share by instruction and program on {who}"),
        head: head.map(str::to_owned).collect(),
        rows: rows.collect(),
        long: true,
    };
    let mut part = Part::new(anchor("coverage", who), format!("By instruction: {who}"));
    part.facts.push(("instructions executed", Cell::count(names.len() as u64)));
    part.tables.push(table);
    Some(part)
}
