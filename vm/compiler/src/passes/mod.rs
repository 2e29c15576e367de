//! The passes: which there are, which run, and what they count.
//!
//! Each pass stands in a file of its own, which opens with the idea and why it is sound. A pass changes one function, asks
//! [`Fuel`] before every change and stops when there is none left, so that the first wrong change of a miscompilation can be
//! found by bisection.

mod constant_folding;
mod copy_propagation;
mod dead_code;
mod effects;
mod loop_invariant_motion;
mod value_numbering;

pub use lockstep_bytecode::passes::Fuel;
use lockstep_bytecode::passes::PassSet;
use lockstep_ir::{Function, Unit};

/// What is known of a pass without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassInfo {
    /// The pass.
    pub id: PassId,
    /// Its name on command lines and in dumps.
    pub name: &'static str,
    /// The stages it runs in, in words.
    pub stage: &'static str,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! passes {
    ($($Name:ident $name:literal $stage:literal $doc:literal;)*) => {
        /// A pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PassId {
            $(#[doc = $doc] $Name,)*
        }

        impl PassId {
            /// Every pass.
            pub const ALL: &'static [PassId] = &[$(PassId::$Name),*];
        }

        const PASSES: &[PassInfo] = &[$(PassInfo {
            id: PassId::$Name,
            name: $name,
            stage: $stage,
            doc: $doc,
        }),*];
    };
}

passes! {
    ConstantFolding "constant-folding" "value and machine"
        "Evaluates operations on constants, simplifies by exact algebraic identities, and resolves branches on constants.";
    CopyPropagation "copy-propagation" "value and machine"
        "Replaces block parameters that every branch binds to one value, and threads jumps through empty blocks.";
    ValueNumbering "value-numbering" "value and machine"
        "Replaces an operation, check or load by an equal one that dominates it.";
    LoopInvariantMotion "loop-invariant-motion" "value and machine"
        "Moves pure operations, and loads that nothing in the loop can change, in front of their loop.";
    DeadCode "dead-code" "value and machine"
        "Drops blocks that cannot be reached, and operations and block parameters whose results nothing needs.";
}

/// Every pass, in the order in which the pipeline first runs them.
pub fn passes() -> &'static [PassInfo] {
    PASSES
}

impl PassId {
    /// The passes over the value stage, in order.
    pub const VALUE_STAGE: [PassId; 5] = [
        PassId::ConstantFolding,
        PassId::CopyPropagation,
        PassId::ValueNumbering,
        PassId::LoopInvariantMotion,
        PassId::DeadCode,
    ];

    /// The passes over the machine stage, in order.
    pub const MACHINE_STAGE: [PassId; 5] = [
        PassId::ConstantFolding,
        PassId::ValueNumbering,
        PassId::LoopInvariantMotion,
        PassId::CopyPropagation,
        PassId::DeadCode,
    ];

    /// What is known of it.
    pub fn info(self) -> &'static PassInfo {
        &PASSES[self as usize]
    }

    /// Its name on command lines and in dumps.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The pass of that name.
    pub fn from_name(name: &str) -> Option<PassId> {
        PASSES.iter().find(|pass| pass.name == name).map(|pass| pass.id)
    }
}

/// Which passes run, how far, and under which supervision: the IR verifier runs after construction, lowering and each pass.
pub type PassConfig = lockstep_bytecode::passes::PassConfig<PassId>;

impl PassSet for PassId {
    const ALL: &'static [PassId] = PassId::ALL;

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> &'static str {
        self.info().name
    }
}

/// Runs a pass over every function of a unit.
pub fn run(pass: PassId, unit: &mut Unit, fuel: &mut Fuel) {
    let run: fn(&Unit, &mut Function, &mut Fuel) = match pass {
        PassId::ConstantFolding => constant_folding::run,
        PassId::CopyPropagation => copy_propagation::run,
        PassId::ValueNumbering => value_numbering::run,
        PassId::LoopInvariantMotion => loop_invariant_motion::run,
        PassId::DeadCode => dead_code::run,
    };
    // No pass looks at another function than the one it changes.
    let mut functions = std::mem::take(&mut unit.functions);
    functions.iter_mut().for_each(|func| run(unit, func, fuel));
    unit.functions = functions;
}
