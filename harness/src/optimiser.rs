//! What the bytecode optimiser does to the corpus: which pass changes how many cases, and what comes of it.

use std::path::Path;
use std::sync::Arc;

use lockstep_bytecode::optimise::{self, PassConfig, PassId, passes};
use lockstep_bytecode::passes::PassSet;
use lockstep_bytecode::{Module, Verified};
use serde::Serialize;

use crate::corpus;

/// All passes but those of these names.
///
/// # Errors
/// A name that no pass has.
pub fn without<S: AsRef<str>>(names: &[S]) -> Result<PassConfig, String> {
    names.iter().try_fold(PassConfig::default(), |config, name| {
        let name = name.as_ref();
        let pass = PassId::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = passes().iter().map(|pass| pass.name).collect();
            format!("the bytecode optimiser has no pass `{name}`; there are {}", known.join(", "))
        })?;
        Ok(config.without(pass))
    })
}

/// What a pass did to a corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassEffect {
    /// Its name.
    pub pass: &'static str,
    /// Cases in which it changed anything.
    pub cases: u64,
    /// Changes.
    pub changes: u64,
}

/// The size of programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Instructions of all functions.
    pub instructions: u64,
    /// Registers of all functions.
    pub registers: u64,
}

impl Size {
    fn add(&mut self, module: &Module) {
        self.instructions += module.functions.iter().map(|function| function.code.len() as u64).sum::<u64>();
        self.registers += module.functions.iter().map(|function| function.registers.len() as u64).sum::<u64>();
    }
}

/// What the optimiser did to a corpus.
#[derive(Clone, Debug, Serialize)]
pub struct Effects {
    /// Cases.
    pub cases: u64,
    /// By pass, in the order of the pipeline.
    pub passes: Vec<PassEffect>,
    /// As written.
    pub before: Size,
    /// Optimised.
    pub after: Size,
}

impl Effects {
    /// Runs the optimiser over every program case of a corpus whose name contains one of the filters, or over all if there is none.
    ///
    /// # Errors
    /// A case that cannot be read.
    pub fn of(corpus: &Path, filters: &[String], config: &PassConfig) -> Result<Effects, String> {
        let programs = corpus::program::programs(corpus).map_err(|e| e.to_string())?;
        let selects = |name: &String| filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
        Ok(Self::on(programs.into_iter().filter(|(name, _)| selects(name)).map(|(_, program)| program.module), config))
    }

    /// Runs the optimiser over programs.
    pub fn on(modules: impl IntoIterator<Item = Arc<Verified>>, config: &PassConfig) -> Effects {
        let row = |pass: &optimise::PassInfo| PassEffect { pass: pass.name, cases: 0, changes: 0 };
        let mut effects = Effects {
            cases: 0,
            passes: passes().iter().map(row).collect(),
            before: Size::default(),
            after: Size::default(),
        };
        for module in modules {
            let optimised = optimise::run(&module, config);
            effects.cases += 1;
            effects.before.add(&module);
            effects.after.add(&optimised.module);
            for (effect, pass) in effects.passes.iter_mut().zip(PassId::ALL) {
                let changes = optimised.changes_of(*pass);
                effect.cases += u64::from(changes > 0);
                effect.changes += changes;
            }
        }
        effects
    }

    /// Passes that changed fewer cases than that.
    pub fn idle(&self, least: u64) -> Vec<&PassEffect> {
        self.passes.iter().filter(|effect| effect.cases < least).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_does_nothing_is_idle() {
        let source = "
func main(n: i64) -> i64 {
    reg a: i64, b: i64, c: i64
    const.i64 a, 1
    addi.i64 b, a, 2
    move.i64 c, n
    add.i64 c, c, b
    jump next
next:
    ret c
}
";
        let module = Arc::new(lockstep_bytecode::assemble("test", source).expect("assembles"));
        let all = Effects::on([module.clone(), module.clone()], &PassConfig::default());
        assert_eq!((all.cases, all.before, all.idle(2)), (2, Size { instructions: 12, registers: 8 }, Vec::new()));
        assert!(all.after.instructions == 4 && all.after.registers == 2, "{:?}", all.after);
        let config = without(&["dead-code"]).expect("there is such a pass");
        let idle = Effects::on([module.clone(), module], &config);
        assert_eq!(idle.idle(1).iter().map(|effect| effect.pass).collect::<Vec<_>>(), ["dead-code"]);
        assert!(without(&["dead_code"]).is_err());
    }
}
