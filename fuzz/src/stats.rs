//! Executions and accepted inputs: written to the file that `LOCKSTEP_FUZZ_STATS` names every so often, since libFuzzer ends the process without a word to us.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Executions between two writes.
const PERIOD: u64 = 1 << 12;

thread_local! {
    static START: Instant = Instant::now();
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was refused.
    Refused,
    /// It was accepted, and ran to its budget's or memory's end or into an error.
    Stopped,
    /// It was accepted, and ran to its end.
    Ended,
}

/// Counts an execution.
pub fn count(fate: Fate) {
    let start = START.with(|start| *start);
    let executions = EXECUTIONS.fetch_add(1, Ordering::Relaxed) + 1;
    let accepted =
        ACCEPTED.fetch_add(u64::from(fate != Fate::Refused), Ordering::Relaxed) + u64::from(fate != Fate::Refused);
    let ended = ENDED.fetch_add(u64::from(fate == Fate::Ended), Ordering::Relaxed) + u64::from(fate == Fate::Ended);
    if executions % PERIOD != 0 {
        return;
    }
    let Ok(file) = std::env::var("LOCKSTEP_FUZZ_STATS") else { return };
    let share = |count: u64| 100.0 * count as f64 / executions as f64;
    let line = format!(
        "{executions} executions, {:.1} % accepted, {:.1} % ran to their end, {:.0} s\n",
        share(accepted),
        share(ended),
        start.elapsed().as_secs_f64()
    );
    // Numbers that cannot be written must not stop the search.
    drop(std::fs::write(file, line));
}
