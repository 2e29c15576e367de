//! The calibration loop: a fixed piece of work that says how fast the machine is right now. Whoever is measured between two of them, the work is the same.
//!
//! It is a chain of dependent integer operations: it needs no memory, so that what it takes depends on the clock of the processor and on who shares its core, and on nothing that was measured
//! before. Processor time of this thread, as samples are; the median of several stretches, so that one interrupt does not count.

use std::hint::black_box;

use super::measure::now;
use crate::stats::median;

/// Stretches.
const STRETCHES: usize = 9;

/// Steps of a stretch: about half a millisecond in an optimised build.
const STEPS: u64 = 200_000;

/// Does the work once: `steps` dependent steps.
pub fn work(steps: u64) {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
}

/// Seconds of a stretch now.
pub fn seconds() -> f64 {
    let stretch = || {
        let start = now();
        work(STEPS);
        now() - start
    };
    // The first wakes the processor up.
    stretch();
    median(&(0..STRETCHES).map(|_| stretch()).collect::<Vec<_>>()).expect("there are stretches")
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_takes_time() {
        let seconds = super::seconds();
        assert!(seconds > 1e-6 && seconds < 1.0, "{seconds}");
    }
}
