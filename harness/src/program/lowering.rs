//! Which instructions of the typed half of the bytecode a backend compiles, and how: the static side of coverage. Nothing runs here. (The compiler
//! refuses functions with instructions of the dynamic half, and says so.)
//!
//! A cell of each instruction in the case grid is compiled with counters; the counter that the compiler sets for the instruction says whether it is inline or goes through a
//! helper. What parity has *verified*, executed natively with the right result, is added from its results.

use std::collections::BTreeMap;

use lockstep_backend_api::{Backend, Level, Options, Target};
use lockstep_bytecode::{FuncId, Op, Pc};
use lockstep_compiler::DataWord;
use serde::{Deserialize, Serialize};

use crate::results::Verified;

/// Which instructions of the table a column compiles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstructionTable {
    /// So many …
    pub compiled: usize,
    /// … of so many.
    pub of: usize,
    /// Those it does not, and why.
    pub missing: BTreeMap<String, String>,
    /// Those it does, and how.
    #[serde(default)]
    pub lowering: BTreeMap<String, Lowering>,
    /// In how many passed parity trials each was executed natively; none if no results of parity were given.
    #[serde(default)]
    pub verified: Option<BTreeMap<String, u64>>,
}

/// How an instruction is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lowering {
    /// To code of its own.
    Inline,
    /// To a call of the runtime.
    Helper,
}

impl InstructionTable {
    /// A table in which nothing compiles, for one reason.
    pub fn nothing(why: String) -> Self {
        Self { of: Op::typed().count(), missing: [("all".to_owned(), why)].into(), ..Self::default() }
    }

    /// Compiles a cell of every instruction.
    ///
    /// # Errors
    /// This machine is no target.
    pub fn of(backend: &dyn Backend, level: Level) -> Result<Self, String> {
        let target = Target::host().ok_or("no backend can make code for this machine")?;
        let mut table = Self { of: Op::typed().count(), ..Self::default() };
        for op in Op::typed() {
            let name = op.info().mnemonic.to_owned();
            match lowering(op, backend, level, &target) {
                Ok(how) => drop(table.lowering.insert(name, how)),
                Err(why) => drop(table.missing.insert(name, why)),
            }
        }
        table.compiled = table.lowering.len();
        Ok(table)
    }

    /// Adds what parity has verified on this column.
    pub fn verify(&mut self, column: &str, verified: &Verified) {
        self.verified = Some(verified.get(column).cloned().unwrap_or_default());
    }

    /// Instructions that compile and were not executed natively in any passed trial; none if nothing is known of trials.
    pub fn unverified(&self) -> Vec<&str> {
        let Some(verified) = &self.verified else { return Vec::new() };
        self.lowering.keys().filter(|name| !verified.contains_key(*name)).map(String::as_str).collect()
    }
}

/// Compiles a cell of an instruction: all of them are compiled in the same way, so the first that has the instruction in it will do.
fn lowering(op: Op, backend: &dyn Backend, level: Level, target: &Target) -> Result<Lowering, String> {
    let options = lockstep_compiler::Options { coverage: true, ..lockstep_compiler::Options::default() };
    for cell in lockstep_bytecode::cells(op) {
        let module = lockstep_bytecode::assemble("cell", &cell.program().source).map_err(|e| e.to_string())?;
        let mut found = None;
        for func in (0..module.functions.len() as u32).map(FuncId) {
            let request = lockstep_compiler::Request { module: &module, func, options: &options };
            let compiled = lockstep_compiler::compile(&request).map_err(|e| e.to_string())?;
            backend.compile(&compiled.unit, target, &Options::at(level)).map_err(|e| e.to_string())?;
            let is_op = |pc: Pc| module.function(func).instr(pc).op() == op;
            found = found.or(compiled.data.iter().find_map(|word| match *word {
                DataWord::CounterInline(pc) if is_op(pc) => Some(Lowering::Inline),
                DataWord::CounterHelper(pc) if is_op(pc) => Some(Lowering::Helper),
                _ => None,
            }));
        }
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err("no case of it in the grid is compiled".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::Backends;

    #[test]
    fn a_backend_compiles_every_instruction_as_the_table_says() {
        let mut backends = Backends::new();
        let column = backends.columns(&[], &[]).expect("there are backends").remove(0);
        let backend = backends.resolve(&column.backend).expect("it is there");
        let table = InstructionTable::of(backend, column.level).expect("a target");
        assert_eq!((table.compiled, table.missing.len()), (Op::typed().count(), 0), "{:?}", table.missing);
        for op in Op::typed() {
            let expected = if op.info().helper { Lowering::Helper } else { Lowering::Inline };
            assert_eq!(table.lowering[op.info().mnemonic], expected, "{}", op.info().mnemonic);
        }
    }

    #[test]
    fn what_no_trial_executed_is_not_verified() {
        let lowering = [("add.i64", Lowering::Inline), ("ret", Lowering::Inline)];
        let lowering = lowering.map(|(name, how)| (name.to_owned(), how)).into();
        let mut table = InstructionTable { lowering, ..InstructionTable::default() };
        assert_eq!(table.unverified(), Vec::<&str>::new(), "nothing is known");
        table.verify("a/none", &[("a/none".to_owned(), [("ret".to_owned(), 3)].into())].into());
        assert_eq!(table.unverified(), ["add.i64"]);
        table.verify("b/none", &Verified::new());
        assert_eq!(table.unverified(), ["add.i64", "ret"]);
    }
}
