//! The passes: which there are, which run, and what they count.
//!
//! Each pass stands in a file of its own, which opens with the idea and why it is sound. A pass changes one function, asks
//! [`Fuel`] before every change and stops when there is none left, so that the first wrong change of a miscompilation can be
//! found by bisection.

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
    /// Whether the IR verifier runs after construction, lowering and each pass. Debug builds always run it.
    pub verify: bool,
    /// Whether to keep the unit's text after each of them.
    pub dump: bool,
}

impl Default for PassConfig {
    /// All passes, without limit.
    fn default() -> Self {
        Self { fuel: [None; PASSES.len()], verify: false, dump: false }
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

    /// The limit of a pass.
    pub fn fuel(&self, pass: PassId) -> Option<u64> {
        self.fuel[pass as usize]
    }

    /// Whether the pass runs at all.
    pub fn is_on(&self, pass: PassId) -> bool {
        self.fuel(pass) != Some(0)
    }
}
