//! How much of a program ran natively: per instruction in program order, inline, through helpers, interpreted.
//!
//! Counted in an instrumented build of the same code, at the benchmark's own size, at the default thresholds. The three counts must sum,
//! instruction by instruction, to those of a run on the interpreter alone: a count that cannot fail proves nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_backend_api::{Backend, Execution, Level};
use lockstep_engine::Cause;
use lockstep_runtime::Value;
use serde::{Deserialize, Serialize};

use super::case::{Call, CoverageGate, Expectation, Program};
use super::lowering::InstructionTable;
use super::observe::{Configuration, Setup, observe};
use crate::backends::Column;
use crate::bench::results::Build;

/// Version of the format of results. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// What a run of `coverage` found, as it is written to its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageResults {
    /// [`VERSION`].
    pub lockstep_coverage: u32,
    /// What ran; unknown of older results.
    #[serde(default)]
    pub build: Build,
    /// Whether the small sizes were run.
    pub quick: bool,
    /// The instructions of the table that each column compiles.
    pub instructions: BTreeMap<String, InstructionTable>,
    /// Each program on each column.
    pub programs: Vec<CoverageRow>,
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
    /// Why what was interpreted was interpreted: sums to `interpreted`, in total and for each instruction.
    #[serde(default)]
    pub remainder: Vec<Remainder>,
    /// Units compiled.
    pub units: u64,
    /// Why functions were not compiled, with how many.
    pub refusals: BTreeMap<String, u64>,
    /// Why native code was left, with how often.
    pub exits: BTreeMap<String, u64>,
}

/// Executions of an instruction that were interpreted, for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// Its mnemonic.
    pub instruction: String,
    /// Why.
    #[serde(flatten)]
    pub cause: InterpretedBecause,
    /// How often.
    pub count: u64,
}

/// Why instructions were interpreted although native code was asked for: [`Cause`], as it is written to results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "cause", content = "reason", rename_all = "snake_case")]
pub enum InterpretedBecause {
    /// Their function had not been compiled: it was not hot, or not yet.
    Cold,
    /// Their function was refused, for the reason of this name.
    Refused(String),
    /// Their function was left out of what is compiled.
    LeftOut,
    /// The code of their function was invalidated.
    Invalidated,
    /// Their function was compiled, but their activation began before, and had come to no entry of the code since.
    NotEntered,
    /// Native code had been left, for the reason of this name.
    AfterExit(String),
}

impl From<Cause> for InterpretedBecause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Cold => Self::Cold,
            Cause::Refused(reason) => Self::Refused(reason),
            Cause::LeftOut => Self::LeftOut,
            Cause::Invalidated => Self::Invalidated,
            Cause::NotEntered => Self::NotEntered,
            Cause::AfterExit(reason) => Self::AfterExit(reason.to_owned()),
        }
    }
}

impl std::fmt::Display for InterpretedBecause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cold => f.write_str("not hot yet"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::LeftOut => f.write_str("left out"),
            Self::Invalidated => f.write_str("code invalidated"),
            Self::NotEntered => f.write_str("begun before the code was there"),
            Self::AfterExit(reason) => write!(f, "after an exit: {reason}"),
        }
    }
}

impl Coverage {
    /// Interpreted executions by cause, most frequent first.
    pub fn causes(&self) -> Vec<(&InterpretedBecause, u64)> {
        let mut sums: BTreeMap<&InterpretedBecause, u64> = BTreeMap::new();
        for row in &self.remainder {
            *sums.entry(&row.cause).or_default() += row.count;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sums
    }

    /// Whether every interpreted execution of every instruction has a cause.
    ///
    /// # Errors
    /// An instruction with more or fewer.
    pub fn check_causes(&self) -> Result<(), String> {
        for (name, &[_, _, interpreted]) in &self.by_instruction {
            let explained: u64 = self.remainder.iter().filter(|r| r.instruction == *name).map(|r| r.count).sum();
            if explained != interpreted {
                return Err(format!(
                    "`{name}` was interpreted {interpreted} times, {explained} of them for a known cause"
                ));
            }
        }
        Ok(())
    }

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
    let mut remainder: BTreeMap<(&str, InterpretedBecause), u64> = BTreeMap::new();
    for (func, pc, cause, count) in observed.causes {
        let mnemonic = program.module.function(func).code[pc.index()].info().mnemonic;
        *remainder.entry((mnemonic, cause.into())).or_default() += count;
    }
    let row = |((name, cause), count): ((&str, _), u64)| Remainder { instruction: name.to_owned(), cause, count };
    coverage.remainder = remainder.into_iter().map(row).collect();
    coverage.check_causes()?;
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
    fn an_interpreted_execution_without_a_cause_is_an_error() {
        let row = |cause, count| Remainder { instruction: "ret".to_owned(), cause, count };
        let mut coverage = Coverage {
            by_instruction: [("ret".to_owned(), [3, 0, 5])].into(),
            remainder: vec![row(InterpretedBecause::Cold, 1), row(InterpretedBecause::AfterExit("poll".to_owned()), 4)],
            ..Coverage::default()
        };
        assert_eq!(coverage.check_causes(), Ok(()));
        assert_eq!(coverage.causes()[0], (&InterpretedBecause::AfterExit("poll".to_owned()), 4));
        let text = serde_json::to_string(&coverage.remainder).expect("JSON");
        assert!(text.contains(r#"{"instruction":"ret","cause":"after_exit","reason":"poll","count":4}"#), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Remainder>>(&text).expect("JSON"), coverage.remainder);
        coverage.remainder.pop();
        assert!(coverage.check_causes().unwrap_err().contains("5 times, 1 of them"));
    }

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
