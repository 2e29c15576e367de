//! What agrees: sums, every case, and each failure with the line that runs it again.

use super::backend;
use crate::report::answers::State;
use crate::report::document::{Cell, Part, Section, Table, anchor};
use crate::report::format::{count, counted};
use crate::report::model::{INTERPRETER, Parity, ParityRow, Sums};

pub(super) fn section(parity: Option<&Parity>) -> Section {
    let mut section = Section::new(
        "parity",
        "Parity",
        "Parity",
        &[
            "A trial runs a case on an implementation in a configuration and compares result, error and output with what is stated or what the \
             reference computes. A process that dies or hangs is a failed trial. Refusals are declared by the backend, and counted apart.",
            "Parity shows that these cases agree. It cannot show that others do: random programs and planted faults are separate checks.",
        ],
    );
    let Some(parity) = parity else { return section.missing("Parity was not run.") };
    section.tables.push(by_configuration(parity));
    section.parts.extend(parity.failures.iter().map(|failure| {
        let mut part = Part::new(anchor("trial", &failure.trial), failure.trial.as_str());
        let how = if failure.died { "no answer" } else { "failed" };
        part.facts.push(("outcome", Cell::text(how).state(State::Bad)));
        part.facts.push(("implementation", backend(None, &failure.implementation)));
        part.text.push(failure.what.clone());
        part.text.push(format!("Run it again: {}", failure.again));
        part
    }));
    section.parts.extend(cases(parity));
    section
}

fn by_configuration(parity: &Parity) -> Table {
    let mut configurations: Vec<Option<&str>> = Vec::new();
    let mut who: Vec<&str> = Vec::new();
    for row in &parity.rows {
        if !configurations.contains(&row.configuration.as_deref()) {
            configurations.push(row.configuration.as_deref());
        }
        if !who.contains(&row.implementation.as_str()) {
            who.push(&row.implementation);
        }
    }
    // The interpreter is what the others are compared with.
    who.sort_by_key(|name| *name != INTERPRETER);
    let rows = who.iter().map(|&name| {
        let mut total = Sums::default();
        let mut cells = vec![backend(None, name)];
        for configuration in &configurations {
            let mine = |r: &&ParityRow| r.implementation == name && r.configuration.as_deref() == *configuration;
            let sums = parity.rows.iter().find(mine).map(|r| r.sums);
            if let Some(sums) = sums {
                total.passed += sums.passed;
                total.failed += sums.failed;
                total.refused += sums.refused;
            }
            cells.push(Cell::maybe(sums, |s| passed(&s)));
        }
        cells.push(passed(&total));
        cells.push(Cell::count(total.refused.into()));
        cells
    });
    let titles = configurations.iter().map(|c| c.unwrap_or("single").to_owned());
    let head = ["implementation".to_owned()].into_iter().chain(titles).chain(["all", "refused"].map(String::from));
    let caption =
        format!("Trials that pass, by implementation and configuration; {}", counted(parity.cases as u64, "case"));
    Table { caption, head: head.collect(), rows: rows.collect(), long: false }
}

fn passed(sums: &Sums) -> Cell {
    if sums.failed == 0 {
        Cell::count(sums.passed.into()).state(State::Good)
    } else {
        let of = count((sums.passed + sums.failed).into());
        Cell::number(format!("{} of {of}", count(sums.passed.into())), f64::from(sums.passed)).state(State::Bad)
    }
}

/// Every case.
fn cases(parity: &Parity) -> Option<Part> {
    parity.by_case.first()?;
    let rows = parity.by_case.iter().map(|row| {
        let failed: Vec<&str> =
            parity.failures.iter().filter(|f| f.case == row.case).map(|f| f.implementation.as_str()).collect();
        let first = parity.failures.iter().find(|f| f.case == row.case);
        let verdict = match (first, row.sums.passed) {
            (Some(failure), _) => Cell::text(format!("fail on {}", distinct(failed).join(", ")))
                .state(State::Bad)
                .link(anchor("trial", &failure.trial)),
            (None, 0) => Cell::text("refused").state(State::Unknown),
            (None, _) => Cell::text("pass").state(State::Good),
        };
        let trials = row.sums.passed + row.sums.failed;
        vec![Cell::text(row.case.as_str()), Cell::count(trials.into()), Cell::count(row.sums.refused.into()), verdict]
    });
    let mut part = Part::new("cases".to_owned(), "Every case");
    part.facts.push(("cases", Cell::count(parity.cases as u64)));
    let head = ["case", "trials", "refused", "verdict"];
    part.tables.push(Table::new("Cases, with their trials on all implementations", &head, rows.collect()).long());
    Some(part)
}

fn distinct(mut names: Vec<&str>) -> Vec<&str> {
    names.dedup();
    names
}
