//! Where the time of a compilation goes.
//!
//! Cranelift announces its passes to a profiler per thread. For the time of one compilation that profiler is a [`Clock`],
//! which gives each moment to exactly one phase: that of the innermost pass running. So phases are disjoint and
//! sum to the whole, whatever Cranelift nests into what. It costs one reading of the system clock per pass
//! boundary.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cranelift_codegen::timing::{Pass, Profiler, set_thread_profiler};
use lockstep_backend_api::PhaseTime;

/// What time is given to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Making the code generator for a target; once per backend.
    Setup,
    /// Translation to CLIF.
    Build,
    /// Checks, ours and Cranelift's; only when asked for.
    Verify,
    /// Control flow graph, dominators, and all that has no phase of its own.
    Analyse,
    /// The mid-level optimiser.
    Optimise,
    /// Instruction selection.
    Lower,
    /// Register allocation.
    Regalloc,
    /// Encoding.
    Emit,
    /// Concatenation, calls between functions, source map.
    Link,
}

impl Phase {
    const ALL: [(Phase, &'static str); 9] = [
        (Phase::Setup, "setup"),
        (Phase::Build, "build"),
        (Phase::Verify, "verify"),
        (Phase::Analyse, "analyse"),
        (Phase::Optimise, "optimise"),
        (Phase::Lower, "lower"),
        (Phase::Regalloc, "regalloc"),
        (Phase::Emit, "emit"),
        (Phase::Link, "link"),
    ];

    fn of(pass: Pass) -> Phase {
        match pass {
            Pass::verifier | Pass::regalloc_checker => Phase::Verify,
            Pass::egraph | Pass::preopt | Pass::gvn | Pass::licm | Pass::unreachable_code => Phase::Optimise,
            Pass::remove_constant_phis => Phase::Optimise,
            Pass::vcode_lower => Phase::Lower,
            Pass::regalloc => Phase::Regalloc,
            Pass::vcode_emit | Pass::vcode_emit_finish => Phase::Emit,
            _ => Phase::Analyse,
        }
    }
}

/// Times one compilation on the thread that started it.
pub struct Clock {
    state: Rc<State>,
    previous: Option<Box<dyn Profiler>>,
}

struct State {
    totals: [Cell<Duration>; Phase::ALL.len()],
    current: Cell<Phase>,
    since: Cell<Instant>,
}

impl State {
    /// Gives the time since the last switch to the current phase and continues in another; returns the one left.
    fn switch(&self, to: Phase) -> Phase {
        let now = Instant::now();
        let left = self.current.replace(to);
        let total = &self.totals[left as usize];
        total.set(total.get() + now.duration_since(self.since.replace(now)));
        left
    }
}

/// Returns to the phase it interrupted.
struct Span {
    state: Rc<State>,
    interrupted: Phase,
}

impl Span {
    fn enter(state: &Rc<State>, phase: Phase) -> Self {
        Self { state: state.clone(), interrupted: state.switch(phase) }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.state.switch(self.interrupted);
    }
}

struct PassWatch(Rc<State>);

impl Profiler for PassWatch {
    fn start_pass(&self, pass: Pass) -> Box<dyn Any> {
        Box::new(Span::enter(&self.0, Phase::of(pass)))
    }
}

impl Clock {
    /// Starts in [`Phase::Analyse`].
    pub fn start() -> Self {
        let state = Rc::new(State {
            totals: Default::default(),
            current: Cell::new(Phase::Analyse),
            since: Cell::new(Instant::now()),
        });
        let previous = set_thread_profiler(Box::new(PassWatch(state.clone())));
        Self { state, previous: Some(previous) }
    }

    /// Gives the time of `work` to a phase.
    pub fn during<R>(&self, phase: Phase, work: impl FnOnce() -> R) -> R {
        let _span = Span::enter(&self.state, phase);
        work()
    }

    /// The phases that took any time, in their order.
    pub fn finish(self) -> Vec<PhaseTime> {
        self.state.switch(Phase::Analyse);
        let times = Phase::ALL.map(|(phase, name)| PhaseTime { name, time: self.state.totals[phase as usize].get() });
        times.into_iter().filter(|p| !p.time.is_zero()).collect()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        if let Some(previous) = self.previous.take() {
            set_thread_profiler(previous);
        }
    }
}
