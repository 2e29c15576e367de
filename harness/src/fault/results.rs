//! What a run of `faults` found, as it is written to its results file: what the report shows.

use serde::{Deserialize, Serialize};

use super::Layer;
use super::gates::Verdict;
use super::rates::Rate;
use crate::backends::Column;
use crate::bench::results::Build;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultsResults {
    /// [`VERSION`].
    pub lockstep_faults: u32,
    /// What ran.
    #[serde(default)]
    pub build: Build,
    /// Where the faults were planted.
    #[serde(flatten)]
    pub column: Column,
    /// Whether every fault met every gate that neither measures time nor takes long; otherwise each met the gate meant for it alone.
    pub matrix: bool,
    /// The gates: the matrix's columns, in order.
    pub gates: Vec<GateRow>,
    /// The faults: the matrix's rows, in order.
    pub faults: Vec<FaultRow>,
    /// Faults that the build could not hold, and that say nothing therefore.
    #[serde(default)]
    pub not_planted: Vec<String>,
    /// What each gate said. Pairs that were not run are absent.
    pub cells: Vec<Cell>,
    /// The sums.
    pub score: Score,
    /// Wall time of the run in seconds.
    pub seconds: f64,
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRow {
    /// Its name.
    pub id: String,
    /// What it checks.
    pub about: String,
    /// The command line that is it.
    pub command: String,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRow {
    /// Its name.
    pub id: String,
    /// Where it would arise.
    pub layer: Layer,
    /// The mistake.
    pub about: String,
    /// The gate that is meant to catch it.
    pub gate: String,
    /// Whether it was written without sight of the gates.
    pub blind: bool,
    /// On what share of inputs it shows, as measured when its rate was last recorded; none where inputs have nothing to do with it.
    pub rate: Option<Rate>,
}

/// What a gate said of a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The fault; none for the build without one.
    pub fault: Option<String>,
    /// The gate.
    pub gate: String,
    /// What it said.
    pub verdict: Verdict,
    /// Its first finding in one line, or why it could not be run.
    pub what: Option<String>,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Faults whose gates were written with them in view, caught by the gate meant for each …
    pub known: Share,
    /// … and those written without sight of the gates, caught by the gate that their author guessed …
    pub blind: Share,
    /// … or by any gate; the same as `blind` unless every fault met every gate.
    pub blind_by_any: Share,
    /// Gates that passed the build without a fault.
    pub clean: Share,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// So many …
    pub met: usize,
    /// … of so many.
    pub of: usize,
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.met, self.of)
    }
}

impl Share {
    fn count(all: impl Iterator<Item = bool>) -> Self {
        all.fold(Self::default(), |share, met| Share { met: share.met + usize::from(met), of: share.of + 1 })
    }

    /// Whether nothing is missing.
    pub fn is_whole(self) -> bool {
        self.met == self.of
    }
}

impl Score {
    /// The sums over faults and cells. A cell that is absent, timed out or could not be run is no catch.
    pub fn of(faults: &[FaultRow], cells: &[Cell]) -> Self {
        let caught = |fault: &FaultRow, gate: &dyn Fn(&str) -> bool| {
            cells
                .iter()
                .any(|c| c.fault.as_deref() == Some(fault.id.as_str()) && gate(&c.gate) && c.verdict == Verdict::Caught)
        };
        let by_own = |fault: &FaultRow| caught(fault, &|gate| gate == fault.gate);
        let blind = || faults.iter().filter(|f| f.blind);
        Self {
            known: Share::count(faults.iter().filter(|f| !f.blind).map(by_own)),
            blind: Share::count(blind().map(by_own)),
            blind_by_any: Share::count(blind().map(|f| caught(f, &|_| true))),
            clean: Share::count(cells.iter().filter(|c| c.fault.is_none()).map(|c| c.verdict == Verdict::Passed)),
        }
    }

    /// The verdict: each known fault caught by the gate meant for it, and nothing found without one. Blind faults are published, not demanded.
    pub fn is_met(&self) -> bool {
        self.known.is_whole() && self.clean.is_whole() && self.clean.of > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(id: &str, gate: &str, blind: bool) -> FaultRow {
        let text = str::to_owned;
        FaultRow { id: text(id), layer: Layer::Exits, about: text("x"), gate: text(gate), blind, rate: None }
    }

    fn cell(fault: Option<&str>, gate: &str, verdict: Verdict) -> Cell {
        Cell { fault: fault.map(str::to_owned), gate: gate.to_owned(), verdict, what: None, seconds: 1.0 }
    }

    #[test]
    fn only_the_gate_meant_for_a_fault_counts_and_only_a_catch() {
        let faults = [fault("a", "g", false), fault("b", "h", false), fault("c", "g", true)];
        let clean = [cell(None, "g", Verdict::Passed), cell(None, "h", Verdict::Passed)];
        let met = |cells: &[Cell]| Score::of(&faults, &[&clean[..], cells].concat());

        let all = met(&[cell(Some("a"), "g", Verdict::Caught), cell(Some("b"), "h", Verdict::Caught)]);
        assert!(all.is_met(), "{all:?}");
        assert_eq!(all.blind, Share { met: 0, of: 1 });

        let by_another = met(&[cell(Some("a"), "h", Verdict::Caught), cell(Some("b"), "h", Verdict::Caught)]);
        assert!(!by_another.is_met());
        for no_catch in [Verdict::Passed, Verdict::TimedOut, Verdict::Error] {
            assert!(!met(&[cell(Some("a"), "g", no_catch), cell(Some("b"), "h", Verdict::Caught)]).is_met());
        }
        let blind = met(&[cell(Some("c"), "h", Verdict::Caught)]);
        assert_eq!((blind.blind.met, blind.blind_by_any.met), (0, 1));
    }

    #[test]
    fn a_gate_that_trips_without_a_fault_fails_the_run() {
        let faults = [fault("a", "g", false)];
        let caught = cell(Some("a"), "g", Verdict::Caught);
        assert!(Score::of(&faults, &[caught.clone(), cell(None, "g", Verdict::Passed)]).is_met());
        assert!(!Score::of(&faults, &[caught.clone(), cell(None, "g", Verdict::Caught)]).is_met());
        assert!(!Score::of(&faults, &[caught]).is_met(), "a run without a clean build shows nothing");
    }
}
