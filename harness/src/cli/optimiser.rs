//! Options of the bytecode optimiser that commands share, and `lockstep passes`: what each of its passes changes in the corpus.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use lockstep_bytecode::Verified;
use lockstep_bytecode::optimise::{self, PassConfig};

use super::{Corpus, Done};
use crate::optimiser::{self, Effects};

/// Which passes of the bytecode optimiser run.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Passes {
    /// Leave out this pass of the bytecode optimiser (`lockstep passes` lists them); may be repeated
    #[arg(long = "without-pass", value_name = "PASS")]
    without: Vec<String>,
}

impl Passes {
    /// The passes that are left out.
    pub(super) fn names(&self) -> Result<Vec<String>, String> {
        self.config().map(|_| self.without.clone())
    }

    /// The passes that run.
    pub(super) fn config(&self) -> Result<PassConfig, String> {
        optimiser::without(&self.without)
    }

    /// The options that say the same again.
    pub(super) fn again(&self) -> String {
        self.without.iter().map(|pass| format!(" --without-pass {pass}")).collect()
    }
}

/// Whether a program is optimised before anything else happens to it.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Optimise {
    /// Run the bytecode optimiser on the program first
    #[arg(long)]
    pub(super) optimise: bool,
    /// Let the bytecode optimiser make N changes, and no more
    #[arg(long, value_name = "N", requires = "optimise")]
    optimise_fuel: Option<u64>,
    #[command(flatten)]
    passes: Passes,
}

impl Optimise {
    /// The passes that run, if any.
    pub(super) fn config(&self) -> Result<Option<PassConfig>, String> {
        let config = self.passes.config()?.with_total(self.optimise_fuel);
        match self.optimise {
            true => Ok(Some(config)),
            false if self.passes.without.is_empty() => Ok(None),
            false => Err("--without-pass leaves a pass out of what --optimise runs".to_owned()),
        }
    }

    /// The module, optimised if that is asked for.
    pub(super) fn apply(&self, module: Arc<Verified>) -> Result<Arc<Verified>, String> {
        Ok(match self.config()? {
            Some(config) => Arc::new(optimise::run(&module, &config).module),
            None => module,
        })
    }
}

/// What each pass of the bytecode optimiser changes in the corpus.
///
/// Ends with status 1 if a pass changes fewer cases than it must.
#[derive(Args)]
pub(super) struct Options {
    /// Only cases whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Cases that each pass must change
    #[arg(long, value_name = "N", default_value_t = 20)]
    least: u64,
    #[command(flatten)]
    passes: Passes,
    #[command(flatten)]
    corpus: Corpus,
}

pub(super) fn run(options: &Options) -> Done {
    let effects = Effects::of(&options.corpus.corpus, &options.filters, &options.passes.config()?)?;
    println!("{:20} {:>6} {:>8}  what it does", "pass", "cases", "changes");
    for (effect, pass) in effects.passes.iter().zip(optimise::passes()) {
        println!("{:20} {:>6} {:>8}  {}", effect.pass, effect.cases, effect.changes, pass.doc);
    }
    let (before, after) = (effects.before, effects.after);
    println!(
        "{} cases: {} instructions become {}, {} registers {}",
        effects.cases, before.instructions, after.instructions, before.registers, after.registers
    );
    let idle = effects.idle(options.least);
    for effect in &idle {
        println!("FAILED: `{}` changes {} cases, fewer than {}", effect.pass, effect.cases, options.least);
    }
    Ok(if idle.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
