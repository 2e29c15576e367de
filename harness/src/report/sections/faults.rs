//! Whether the gates see: planted faults against gates.

use crate::report::answers::State;
use crate::report::document::{Cell, Section, Table};
use crate::report::model::{Faults, PlantedFault};

pub(super) fn section(faults: Option<&Faults>) -> Section {
    let mut section = Section::new(
        "faults",
        "Planted faults",
        "Faults",
        &[
            "A gate that never fires proves nothing. Each fault is planted at the layer where it would arise, and names the gate that is meant to see it; \
             gates cannot see which is planted. ✓ saw it; – did not, which only matters for the gate that is meant to, in brackets.",
        ],
    );
    let Some(faults) = faults else { return section.missing("No faults were planted in this run.") };
    if !faults.false_alarms.is_empty() {
        let gates = faults.false_alarms.join(", ");
        section.missing.push(format!("Without any fault planted these gates sounded: {gates}."));
    }
    if !faults.not_planted.is_empty() {
        let names = faults.not_planted.join(", ");
        section
            .missing
            .push(format!("Not planted, as they take a build with the features `plant` and `oracle`: {names}."));
    }
    let rows = faults.planted.iter().map(|fault| {
        let caught = if fault.caught() {
            Cell::text("found").state(State::Good)
        } else {
            Cell::text("missed").state(State::Bad)
        };
        let marks = faults.gates.iter().map(|gate| mark(fault, gate));
        let traits = [(fault.rare, "rare"), (fault.blind, "blind")];
        let traits: Vec<&str> = traits.into_iter().filter(|t| t.0).map(|t| t.1).collect();
        let first = [
            Cell::text(fault.name.as_str()),
            Cell::text(fault.layer.as_str()),
            Cell::text(fault.about.as_str()),
            Cell::text(traits.join(", ")),
            caught,
        ];
        first.into_iter().chain(marks).collect()
    });
    let head = ["fault", "layer", "what it does", "traits", "verdict"].into_iter().map(str::to_owned);
    let head = head.chain(faults.gates.iter().cloned()).collect();
    section.tables.push(Table { caption: "Faults by gates".to_owned(), head, rows: rows.collect(), long: false });
    section
        .text
        .push("rare: fires on less than one input in a hundred; blind: written without sight of the gates.".to_owned());
    section
}

fn mark(fault: &PlantedFault, gate: &String) -> Cell {
    let text = match (fault.seen_by.contains(gate), fault.not_asked.contains(gate)) {
        (true, _) => "✓",
        (false, true) => "",
        (false, false) => "–",
    };
    if fault.intended != *gate {
        return Cell::text(text);
    }
    Cell::text(format!("({text})")).state(if fault.caught() { State::Good } else { State::Bad })
}
