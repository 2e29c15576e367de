//! How promptly a program comes to safepoints: what was asked for (an interrupt, finalizers) waits for the next back edge or call.
//!
//! A wait counts for the function in which it ends. Functions of the host have no safepoints: what waits while one runs counts for that one, too.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use lockstep_bytecode::FuncId;

/// Waits in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waits {
    /// How many there were.
    pub count: u64,
    /// How many of them were longer than [`Safepoints::PROMPT`].
    pub missed: u64,
    /// The longest.
    pub longest: Duration,
}

/// How long requests have waited, and where.
#[derive(Clone, Debug, Default)]
pub struct Safepoints {
    functions: BTreeMap<FuncId, Waits>,
    hosts: BTreeMap<Rc<str>, Waits>,
}

impl Waits {
    fn add(&mut self, wait: Duration) {
        self.count += 1;
        self.missed += u64::from(wait > Safepoints::PROMPT);
        self.longest = self.longest.max(wait);
    }
}

impl Safepoints {
    /// Up to here a wait is prompt; a longer one is a safepoint missed.
    pub const PROMPT: Duration = Duration::from_millis(1);

    pub(crate) fn answered(&mut self, func: FuncId, wait: Duration) {
        self.functions.entry(func).or_default().add(wait);
    }

    pub(crate) fn held_up(&mut self, name: &Rc<str>, wait: Duration) {
        self.hosts.entry(name.clone()).or_default().add(wait);
    }

    /// All waits.
    pub fn total(&self) -> Waits {
        let mut total = Waits::default();
        for waits in self.functions.values() {
            total.count += waits.count;
            total.missed += waits.missed;
            total.longest = total.longest.max(waits.longest);
        }
        total
    }

    /// Waits by the function of the program in which they ended, in order of its number.
    pub fn functions(&self) -> impl Iterator<Item = (FuncId, Waits)> + '_ {
        self.functions.iter().map(|(&func, &waits)| (func, waits))
    }

    /// Waits during functions of the host, by name. These are parts of the others.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, Waits)> + '_ {
        self.hosts.iter().map(|(name, &waits)| (&**name, waits))
    }
}
