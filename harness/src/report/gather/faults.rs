//! Which planted faults the gates see: what the report reads of what `faults` writes.

use std::path::Path;

use super::SourceError;
use crate::fault::gates::Verdict;
use crate::fault::results::{FaultsResults, VERSION};
use crate::report::model::{Faults, PlantedFault};

/// Faults that show on a smaller share of inputs are rare.
const RARE: f64 = 0.01;

/// Reads the results of `lockstep faults`.
pub(super) fn read(file: Option<&Path>) -> Result<Option<FaultsResults>, SourceError> {
    super::read(file, "faults", VERSION)
}

/// What the report says of them.
pub(super) fn table(results: FaultsResults) -> Faults {
    let said = |fault: Option<&str>, gate: &str| {
        results.cells.iter().find(|c| c.fault.as_deref() == fault && c.gate == gate).map(|c| c.verdict)
    };
    let gates: Vec<String> = results.gates.iter().map(|gate| gate.id.clone()).collect();
    let of = |wanted: &dyn Fn(&str) -> bool| gates.iter().filter(|gate| wanted(gate)).cloned().collect::<Vec<_>>();
    let planted = results.faults.iter().cloned().map(|fault| PlantedFault {
        seen_by: of(&|gate| said(Some(&fault.id), gate) == Some(Verdict::Caught)),
        not_asked: of(&|gate| said(Some(&fault.id), gate).is_none()),
        rare: fault.rate.is_some_and(|rate| rate.wrong > 0 && rate.share() < RARE),
        name: fault.id,
        layer: fault.layer.name().to_owned(),
        about: fault.about,
        intended: fault.gate,
        blind: fault.blind,
    });
    let planted = planted.collect();
    // A gate that could not be run is no better than one that sounded.
    let false_alarms = of(&|gate| said(None, gate).is_some_and(|verdict| verdict != Verdict::Passed));
    Faults { planted, not_planted: results.not_planted.clone(), false_alarms, gates: gates.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::File;

    #[test]
    fn the_matrix_says_who_saw_what() {
        let text = r#"{"lockstep_faults": 1, "backend": "any", "level": "speed", "matrix": true, "seconds": 1.0,
            "gates": [{"id": "kit", "about": "x", "command": "lockstep parity"}, {"id": "fuzz", "about": "x", "command": "lockstep fuzz"}],
            "score": {"known": {"met": 1, "of": 1}, "blind": {"met": 0, "of": 1}, "blind_by_any": {"met": 0, "of": 1}, "clean": {"met": 1, "of": 2}},
            "faults": [
                {"id": "a", "layer": "code_generation", "about": "y", "gate": "fuzz", "blind": false, "rate": {"population": "functions", "inputs": 2000, "wrong": 3}},
                {"id": "b", "layer": "osr", "about": "z", "gate": "kit", "blind": true, "rate": null}],
            "cells": [
                {"fault": null, "gate": "kit", "verdict": "passed", "what": null, "seconds": 0.1}, {"fault": null, "gate": "fuzz", "verdict": "timed_out", "what": null, "seconds": 0.1},
                {"fault": "a", "gate": "kit", "verdict": "passed", "what": null, "seconds": 0.1}, {"fault": "a", "gate": "fuzz", "verdict": "caught", "what": "w", "seconds": 0.1},
                {"fault": "b", "gate": "kit", "verdict": "error", "what": null, "seconds": 0.1}]}"#;
        let file = File::new("faults-matrix", text);
        let faults = table(read(Some(&file.0)).unwrap_or_else(|e| panic!("{e}")).expect("it was given"));
        assert_eq!(faults.false_alarms, ["fuzz"]);
        let [a, b] = faults.planted.as_slice() else { panic!("{faults:?}") };
        assert!(a.caught() && a.rare && a.layer == "code generation" && a.not_asked.is_empty(), "{a:?}");
        // An error is no catch.
        assert!(!b.caught() && b.blind && !b.rare && b.not_asked == ["fuzz"], "{b:?}");
    }
}
