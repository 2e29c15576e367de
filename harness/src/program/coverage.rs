//! How much of a program ran natively: per instruction in program order, inline, through helpers, interpreted.
//!
//! Counted in an instrumented build of the same code, at the benchmark's own size, at the default thresholds. The three counts must sum,
//! instruction by instruction, to those of a run on the interpreter alone: a count that cannot fail proves nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_backend_api::{Backend, Execution, Level};
use lockstep_runtime::Value;
use serde::{Deserialize, Serialize};

use super::case::{Call, CoverageGate, Expectation, Program};
use super::observe::{Configuration, Setup, observe};
use crate::backends::Column;

/// Version of the format of results. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// What a run of `coverage` found, as it is written to its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageResults {
    /// [`VERSION`].
    pub lockstep_coverage: u32,
    /// Whether the small sizes were run.
    pub quick: bool,
    /// The instructions of the table that each column compiles.
    pub instructions: BTreeMap<String, InstructionTable>,
    /// Each program on each column.
    pub programs: Vec<CoverageRow>,
}

/// Which instructions of the table a column compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstructionTable {
    /// So many …
    pub compiled: usize,
    /// … of so many.
    pub of: usize,
    /// Those it does not, and why.
    pub missing: BTreeMap<String, String>,
}

/// One program on one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// The case.
    pub case: String,
    /// The backend and level.
    #[serde(flatten)]
    pub column: Column,
    /// What was counted, if it could be.
    pub coverage: Option<Coverage>,
    /// Why there is none, or what the gate found.
    pub failure: Option<String>,
}

/// Coverage of a program on a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Instructions executed natively, inline.
    pub inline: u64,
    /// Instructions executed natively, through a helper.
    pub helper: u64,
    /// Instructions interpreted.
    pub interpreted: u64,
    /// Instructions of the interpreter's own run: the sum of the three.
    pub total: u64,
    /// The same by instruction's mnemonic: inline, helper, interpreted.
    pub by_instruction: BTreeMap<String, [u64; 3]>,
    /// Units compiled.
    pub units: u64,
    /// Why functions were not compiled, with how many.
    pub refusals: BTreeMap<String, u64>,
    /// Why native code was left, with how often.
    pub exits: BTreeMap<String, u64>,
}

impl Coverage {
    /// Share that ran natively, in percent.
    pub fn native_percent(&self) -> f64 {
        percent(self.inline + self.helper, self.total)
    }

    /// Share that ran natively and inline, in percent.
    pub fn inline_percent(&self) -> f64 {
        percent(self.inline, self.total)
    }

    /// What a gate finds wrong.
    ///
    /// # Errors
    /// The shares that are too low; nothing having run natively is always too little.
    pub fn check(&self, gate: CoverageGate) -> Result<(), String> {
        let mut low = Vec::new();
        if self.inline + self.helper == 0 {
            low.push("nothing ran natively".to_owned());
        }
        if self.native_percent() < gate.native {
            low.push(format!("native {:.2} % is below {} %", self.native_percent(), gate.native));
        }
        if self.inline_percent() < gate.inline {
            low.push(format!("inline {:.2} % is below {} %", self.inline_percent(), gate.inline));
        }
        low.extend(self.refusals.iter().map(|(why, n)| format!("{n} functions refused: {why}")));
        if low.is_empty() { Ok(()) } else { Err(low.join("; ")) }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// Measures a program on a backend, called with `args`.
///
/// # Errors
/// The runs differ, the counts do not add up, or the artifacts are not native code.
pub fn measure(
    program: &Program,
    args: Vec<Value>,
    backend: &Arc<dyn Backend>,
    level: Level,
) -> Result<Coverage, String> {
    if backend.capabilities().execution == Execution::Evaluated {
        return Err(format!("`{}` makes no native code", backend.id()));
    }
    let call = Call { entry: program.entry, args, expected: Expectation::Result(None) };
    let reference = observe(program, &call, &Setup { coverage: true, ..Setup::interpreter() })?;
    let setup = Setup { coverage: true, ..Setup::native(backend.clone(), level, Configuration::Tiered) };
    let observed = observe(program, &call, &setup)?;
    observed.seen.agrees(program, &reference.seen)?;
    let mut coverage = Coverage::default();
    let functions = program.module.functions.iter().zip(&observed.executions).zip(&reference.executions);
    for ((function, ours), theirs) in functions {
        for (pc, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let sum = ours.inline + ours.helper + ours.interpreted;
            if sum != theirs.interpreted {
                return Err(format!(
                    "`{}` pc {pc}: {} inline + {} through helpers + {} interpreted = {sum}, but the interpreter alone executes it {} times",
                    function.name, ours.inline, ours.helper, ours.interpreted, theirs.interpreted
                ));
            }
            coverage.inline += ours.inline;
            coverage.helper += ours.helper;
            coverage.interpreted += ours.interpreted;
            coverage.total += sum;
            if sum > 0 {
                let name = function.code[pc].info().mnemonic.to_owned();
                let row = coverage.by_instruction.entry(name).or_default();
                for (total, n) in row.iter_mut().zip([ours.inline, ours.helper, ours.interpreted]) {
                    *total += n;
                }
            }
        }
    }
    coverage.units = observed.stats.units.len() as u64;
    for refused in &observed.stats.refusals {
        *coverage.refusals.entry(refused.reason.clone()).or_default() += 1;
    }
    coverage.exits = observed.stats.exits.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect();
    Ok(coverage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_reads_both_shares_and_refuses_pure_interpretation() {
        let gate = CoverageGate { native: 90.0, inline: 80.0 };
        let counts = |inline, helper, interpreted| Coverage {
            inline,
            helper,
            interpreted,
            total: inline + helper + interpreted,
            ..Coverage::default()
        };
        assert_eq!(counts(85, 6, 9).check(gate), Ok(()));
        assert!(counts(70, 25, 5).check(gate).unwrap_err().contains("inline 70.00 %"));
        assert!(counts(80, 5, 15).check(gate).unwrap_err().contains("native 85.00 %"));
        assert!(
            counts(0, 0, 100).check(CoverageGate { native: 0.0, inline: 0.0 }).unwrap_err().contains("nothing ran")
        );
        let refused = Coverage { refusals: [("instruction".to_owned(), 1)].into(), ..counts(100, 0, 0) };
        assert!(refused.check(gate).unwrap_err().contains("refused"));
    }
}
