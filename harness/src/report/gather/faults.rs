//! Which planted faults the gates see: what the report reads of what `faults` writes.

use std::path::Path;

use serde::Deserialize;

use super::{SourceError, read};
use crate::report::model::{Faults, PlantedFault};

/// Version of the format that is read.
const VERSION: u32 = 1;

/// Faults that show on a smaller share of inputs are rare.
const RARE: f64 = 0.01;

#[derive(Deserialize)]
struct Results {
    gates: Vec<Gate>,
    faults: Vec<Fault>,
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Gate {
    id: String,
}

#[derive(Deserialize)]
struct Fault {
    id: String,
    layer: String,
    about: String,
    gate: String,
    blind: bool,
    rate: Option<Rate>,
}

#[derive(Deserialize)]
struct Rate {
    inputs: f64,
    wrong: f64,
}

/// What a gate said; of no fault, if none was planted.
#[derive(Deserialize)]
struct Cell {
    fault: Option<String>,
    gate: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Passed,
    Caught,
    #[serde(other)]
    Otherwise,
}

/// Reads the results of `lockstep faults`.
pub(super) fn faults(file: Option<&Path>) -> Result<Option<Faults>, SourceError> {
    Ok(read::<Results>(file, "faults", VERSION)?.map(table))
}

fn table(results: Results) -> Faults {
    let said = |fault: Option<&str>, gate: &str| {
        results.cells.iter().find(|c| c.fault.as_deref() == fault && c.gate == gate).map(|c| c.verdict)
    };
    let gates: Vec<String> = results.gates.into_iter().map(|gate| gate.id).collect();
    let of = |wanted: &dyn Fn(&str) -> bool| gates.iter().filter(|gate| wanted(gate)).cloned().collect::<Vec<_>>();
    let planted = results.faults.into_iter().map(|fault| PlantedFault {
        seen_by: of(&|gate| said(Some(&fault.id), gate) == Some(Verdict::Caught)),
        not_asked: of(&|gate| said(Some(&fault.id), gate).is_none()),
        rare: fault.rate.is_some_and(|rate| rate.wrong > 0.0 && rate.wrong / rate.inputs < RARE),
        name: fault.id,
        layer: fault.layer.replace('_', " "),
        about: fault.about,
        intended: fault.gate,
        blind: fault.blind,
    });
    let planted = planted.collect();
    // A gate that could not be run is no better than one that sounded.
    let false_alarms = of(&|gate| said(None, gate).is_some_and(|verdict| verdict != Verdict::Passed));
    Faults { planted, false_alarms, gates: gates.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::File;

    #[test]
    fn the_matrix_says_who_saw_what() {
        let text = r#"{"lockstep_faults": 1, "gates": [{"id": "kit", "about": "x"}, {"id": "fuzz"}],
            "faults": [
                {"id": "a", "layer": "code_generation", "about": "y", "gate": "fuzz", "blind": false, "rate": {"population": "functions", "inputs": 2000, "wrong": 3}},
                {"id": "b", "layer": "osr", "about": "z", "gate": "kit", "blind": true, "rate": null}],
            "cells": [
                {"fault": null, "gate": "kit", "verdict": "passed"}, {"fault": null, "gate": "fuzz", "verdict": "timed_out"},
                {"fault": "a", "gate": "kit", "verdict": "passed"}, {"fault": "a", "gate": "fuzz", "verdict": "caught"},
                {"fault": "b", "gate": "kit", "verdict": "error"}]}"#;
        let file = File::new("faults-matrix", text);
        let faults = faults(Some(&file.0)).unwrap_or_else(|e| panic!("{e}")).expect("it was given");
        assert_eq!(faults.false_alarms, ["fuzz"]);
        let [a, b] = faults.planted.as_slice() else { panic!("{faults:?}") };
        assert!(a.caught() && a.rare && a.layer == "code generation" && a.not_asked.is_empty(), "{a:?}");
        // An error is no catch.
        assert!(!b.caught() && b.blind && !b.rare && b.not_asked == ["fuzz"], "{b:?}");
    }
}
