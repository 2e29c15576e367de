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

/// Which passes run, how far, and under which supervision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassConfig {
    /// Changes that each pass may make in one unit, by [`PassId`]; 0 switches it off, `None` sets no limit.
    fuel: [Option<u64>; PASSES.len()],
    /// Changes that all passes together may make in one unit, in the order of the pipeline; `None` sets no limit.
    total: Option<u64>,
    /// Whether the IR verifier runs after construction, lowering and each pass. Debug builds always run it.
    pub verify: bool,
    /// Whether to keep the unit's text after each of them.
    pub dump: bool,
}

impl Default for PassConfig {
    /// All passes, without limit.
    fn default() -> Self {
        Self { fuel: [None; PASSES.len()], total: None, verify: false, dump: false }
    }
}

impl PassConfig {
    /// No pass at all.
    pub fn none() -> Self {
        Self { fuel: [Some(0); PASSES.len()], ..Self::default() }
    }

    /// These passes alone, without limit.
    pub fn only(passes: &[PassId]) -> Self {
        passes.iter().fold(Self::none(), |config, &pass| config.with_fuel(pass, None))
    }

    /// The same without one pass.
    #[must_use]
    pub fn without(self, pass: PassId) -> Self {
        self.with_fuel(pass, Some(0))
    }

    /// The same with another limit for one pass.
    #[must_use]
    pub fn with_fuel(mut self, pass: PassId, changes: Option<u64>) -> Self {
        self.fuel[pass as usize] = changes;
        self
    }

    /// The same with another limit for all passes together.
    #[must_use]
    pub fn with_total(self, changes: Option<u64>) -> Self {
        Self { total: changes, ..self }
    }

    /// The limit of all passes together.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The limit of a pass.
    pub fn fuel(&self, pass: PassId) -> Option<u64> {
        self.fuel[pass as usize]
    }

    /// Whether the pass runs at all.
    pub fn is_on(&self, pass: PassId) -> bool {
        self.fuel(pass) != Some(0)
    }
}

/// What is left of a pass's limit, and how much it has used.
#[derive(Clone, Debug)]
pub struct Fuel {
    left: Option<u64>,
    used: u64,
}

impl Fuel {
    /// A limit, or none.
    pub fn new(limit: Option<u64>) -> Self {
        Self { left: limit, used: 0 }
    }

    /// Whether one more change may be made; the caller then makes it.
    pub fn take(&mut self) -> bool {
        if let Some(left) = &mut self.left {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return false,
            }
        }
        self.used += 1;
        true
    }

    /// The same with another limit beside its own.
    #[must_use]
    pub fn within(&self, other: &Fuel) -> Self {
        let left = self.left.into_iter().chain(other.left).min();
        Self { left, used: self.used }
    }

    /// Counts changes that were made within another limit.
    pub fn spend(&mut self, changes: u64) {
        self.left = self.left.map(|left| left.saturating_sub(changes));
        self.used += changes;
    }

    /// Whether `take` would say no.
    pub fn is_empty(&self) -> bool {
        self.left == Some(0)
    }

    /// How many changes were made.
    pub fn used(&self) -> u64 {
        self.used
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
