//! What the optimisers of bytecode and of IR have in common: which passes run, how far, and under which supervision.
//!
//! A pass asks [`Fuel`] before every change and stops when there is none left, so that the first wrong change of a miscompilation can
//! be found by bisection. What the passes are is each optimiser's own affair.

use std::fmt;
use std::marker::PhantomData;

/// The passes of one optimiser: an enumeration without data.
pub trait PassSet: Copy + fmt::Debug + Eq + 'static {
    /// Every pass.
    const ALL: &'static [Self];

    /// Its place in [`PassSet::ALL`].
    fn index(self) -> usize;

    /// Its name on command lines and in dumps.
    fn name(self) -> &'static str;

    /// The pass of that name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|pass| pass.name() == name)
    }
}

/// Which passes run, how far, and under which supervision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassConfig<P> {
    /// Changes that each pass may make in one run, by its index; 0 switches it off, `None` sets no limit.
    fuel: Vec<Option<u64>>,
    /// Changes that all passes together may make in one run, in the order of the pipeline; `None` sets no limit.
    total: Option<u64>,
    /// Whether the verifier runs after each step. Debug builds always run it.
    pub verify: bool,
    /// Whether to keep the text after each step.
    pub dump: bool,
    passes: PhantomData<P>,
}

impl<P: PassSet> Default for PassConfig<P> {
    /// All passes, without limit.
    fn default() -> Self {
        Self { fuel: vec![None; P::ALL.len()], total: None, verify: false, dump: false, passes: PhantomData }
    }
}

impl<P: PassSet> PassConfig<P> {
    /// No pass at all.
    pub fn none() -> Self {
        Self { fuel: vec![Some(0); P::ALL.len()], ..Self::default() }
    }

    /// These passes alone, without limit.
    pub fn only(passes: &[P]) -> Self {
        passes.iter().fold(Self::none(), |config, &pass| config.with_fuel(pass, None))
    }

    /// The same without one pass.
    #[must_use]
    pub fn without(self, pass: P) -> Self {
        self.with_fuel(pass, Some(0))
    }

    /// The same with another limit for one pass.
    #[must_use]
    pub fn with_fuel(mut self, pass: P, changes: Option<u64>) -> Self {
        self.fuel[pass.index()] = changes;
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
    pub fn fuel(&self, pass: P) -> Option<u64> {
        self.fuel[pass.index()]
    }

    /// Whether the pass runs at all.
    pub fn is_on(&self, pass: P) -> bool {
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
