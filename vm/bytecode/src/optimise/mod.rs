//! The optimiser of bytecode: from a verified module to a better one that does the same. One function to read first: [`run`].
//!
//! Each pass stands in a file of its own, which opens with the idea and why it is sound. A pass changes one function, asks [`Fuel`] before every change
//! and stops when there is none left. docs/optimiser.md tells what "the same" is.
//!
//! It is not the compiler's optimiser: that one works on IR, knows more, and runs for hot code. This one runs once for all engines.

mod body;
mod constant_folding;
mod constants;
mod dead_code;
mod jump_threading;
mod move_simplification;
mod register_reuse;

use std::sync::Arc;

use crate::passes::{Fuel, PassSet};
use crate::{FuncId, Module, Origin, Verified, disassemble};
use body::Body;

/// What is known of a pass without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassInfo {
    /// The pass.
    pub id: PassId,
    /// Its name on command lines and in dumps.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! passes {
    ($($Name:ident $name:literal $run:path, $doc:literal;)*) => {
        /// A pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PassId {
            $(#[doc = $doc] $Name,)*
        }

        const PASSES: &[PassInfo] = &[$(PassInfo { id: PassId::$Name, name: $name, doc: $doc }),*];

        impl PassSet for PassId {
            const ALL: &'static [PassId] = &[$(PassId::$Name),*];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                PASSES[self as usize].name
            }
        }

        impl PassId {
            fn run(self, body: &mut Body<'_>, fuel: &mut Fuel) {
                match self {
                    $(PassId::$Name => $run(body, fuel),)*
                }
            }
        }
    };
}

passes! {
    JumpThreading "jump-threading" jump_threading::run,
        "Leads branches past jumps and to returns, turns branches around jumps, and drops jumps to the next instruction.";
    ConstantFolding "constant-folding" constant_folding::run,
        "Evaluates operations on constants, decides branches on them, and puts small ones into instructions.";
    MoveSimplification "move-simplification" move_simplification::run,
        "Reads values where they were copied from, and writes results where they are moved to.";
    DeadCode "dead-code" dead_code::run,
        "Drops instructions that cannot be reached, and those whose results nothing needs.";
    RegisterReuse "register-reuse" register_reuse::run,
        "Lets registers of one kind share a place if their values are never needed at the same time.";
}

/// Every pass, in the order in which the pipeline first runs them.
pub fn passes() -> &'static [PassInfo] {
    PASSES
}

/// Which passes run, and how far, in one module: the bytecode verifier runs between them.
pub type PassConfig = crate::passes::PassConfig<PassId>;

/// The pipeline.
pub const PIPELINE: [PassId; 9] = [
    PassId::JumpThreading,
    PassId::ConstantFolding,
    PassId::MoveSimplification,
    PassId::DeadCode,
    PassId::JumpThreading,
    PassId::ConstantFolding,
    PassId::MoveSimplification,
    PassId::DeadCode,
    PassId::RegisterReuse,
];

/// A module after optimisation.
#[derive(Clone, Debug)]
pub struct Optimised {
    /// The module, which knows its origin: positions and messages of errors are those of the program as it was written.
    pub module: Verified,
    /// How many changes each pass made; one that runs twice is listed twice.
    pub changes: Vec<(PassId, u64)>,
    /// The module's assembly after each pass, if [`PassConfig::dump`](crate::passes::PassConfig::dump) asks for it.
    pub dumps: Vec<Dump>,
}

/// The assembly of a module after a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The pass.
    pub after: PassId,
    /// The module.
    pub text: String,
}

impl Optimised {
    /// How many changes a pass made.
    pub fn changes_of(&self, pass: PassId) -> u64 {
        self.changes.iter().filter(|(own, _)| *own == pass).map(|(_, changes)| changes).sum()
    }
}

/// Optimises a module: results, output, errors with their positions and messages, the heap, allocations, back edges, calls and depth stay the same.
///
/// # Panics
/// A module that the verifier rejects, at the end or, in debug builds and where the configuration says so, between any two passes: a defect of a pass.
pub fn run(module: &Verified, config: &PassConfig) -> Optimised {
    let origin = module.origin.as_ref().map_or_else(|| Arc::new(Module::clone(module)), |origin| origin.module.clone());
    let mut current: Module = Module::clone(module);
    let mut fuel: Vec<Fuel> = PassId::ALL.iter().map(|&pass| Fuel::new(config.fuel(pass))).collect();
    let mut total = Fuel::new(config.total());
    let (mut changes, mut dumps) = (Vec::new(), Vec::new());
    for pass in PIPELINE.into_iter().filter(|pass| config.is_on(*pass)) {
        let own = &mut fuel[pass.index()];
        let mut left = own.within(&total);
        current = each_function(&origin, &current, |body| pass.run(body, &mut left));
        let made = left.used() - own.used();
        own.spend(made);
        total.spend(made);
        changes.push((pass, made));
        if config.verify || cfg!(debug_assertions) {
            check(pass.name(), current.clone());
        }
        if config.dump {
            dumps.push(Dump { after: pass, text: disassemble(&current) });
        }
    }
    Optimised { module: check("the optimiser", current), changes, dumps }
}

/// The module with a pass run over each of its functions. No pass looks at another function's code than the one it changes.
fn each_function(origin: &Arc<Module>, module: &Module, mut pass: impl FnMut(&mut Body<'_>)) -> Module {
    let (mut functions, mut pcs) = (Vec::new(), Vec::new());
    for func in (0..module.functions.len() as u32).map(FuncId) {
        let mut body = Body::new(module, func);
        pass(&mut body);
        let (function, from) = body.finish();
        functions.push(function);
        pcs.push(from);
    }
    let origin = Origin { module: origin.clone(), pcs };
    Module { source: module.source.clone(), functions, origin: Some(Arc::new(origin)) }
}

fn check(what: &str, module: Module) -> Verified {
    let text = if cfg!(debug_assertions) { disassemble(&module) } else { String::new() };
    Verified::new(module).unwrap_or_else(|error| panic!("`{what}` left a broken module: {error}\n{text}"))
}
