//! Running a module, on the interpreter alone or with native code: what the harness and `lockstep run` use.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use lockstep_bytecode::{FuncId, Pc, Verified};
use lockstep_runtime::{Error, InterruptHandle, Limits, Safepoints, Snapshot, Statistics, Thresholds, Value, Vm};

use crate::attribution::Cause;
use crate::stats::Stats;
use crate::tiering::{Engine, Hooks, Pipeline};

/// When native code is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every function before its first call.
    Eager,
    /// Entered at every loop header, at its first back edge; functions are not compiled for their calls.
    EveryLoop,
    /// Hot functions and loops.
    Tiered(Thresholds),
}

/// Calls and back edges after which code is compiled, unless something else is asked for.
pub const DEFAULT_THRESHOLDS: Thresholds = Thresholds { calls: 10_000, loops: 10_000 };

/// How a session runs.
#[derive(Clone)]
pub struct Config {
    /// How native code is made, and when; `None` is the interpreter alone.
    pub native: Option<(Pipeline, Mode)>,
    /// What the program may use.
    pub limits: Limits,
    /// Count executed instructions. With native code, the pipeline must have coverage on.
    pub coverage: bool,
}

/// When the collector runs without need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stress {
    /// Never.
    #[default]
    None,
    /// Before each allocation.
    Allocations,
    /// At each back edge and call.
    Safepoints,
}

impl std::fmt::Display for Stress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stress::None => "need",
            Stress::Allocations => "every allocation",
            Stress::Safepoints => "every safepoint",
        })
    }
}

/// Executions of one instruction, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executions {
    /// Natively, inline.
    pub inline: u64,
    /// Natively, through a helper.
    pub helper: u64,
    /// By the interpreter.
    pub interpreted: u64,
}

/// A VM with a module, and the engine that compiles for it. It stays on the thread that made it. Its program can call any C function (`c_function`).
pub struct Session {
    vm: Vm,
    engine: Option<Rc<RefCell<Engine>>>,
    coverage: bool,
}

impl Session {
    /// A session for a module. In [`Mode::Eager`] this compiles everything.
    pub fn new(module: Arc<Verified>, config: Config) -> Self {
        let mut vm = lockstep_interp::new_vm(module, config.limits);
        // SAFETY: whoever runs a program in a session trusts it with what C functions can do.
        unsafe {
            // The function is the host's, and does not count as the program's memory.
            vm.heap_mut().limit_from_here(u64::MAX);
            vm.enable_c_functions().expect("the host has memory for a function");
            vm.heap_mut().limit_from_here(config.limits.memory);
        }
        if config.coverage {
            vm.count_executions(true);
        }
        let engine = config.native.map(|(pipeline, mode)| {
            let engine = Rc::new(RefCell::new(Engine::new(pipeline, mode != Mode::EveryLoop)));
            let thresholds = match mode {
                Mode::Eager => {
                    for func in (0..vm.module().functions.len() as u32).map(FuncId) {
                        engine.borrow_mut().compile(&mut vm, func, None);
                    }
                    Thresholds::NEVER
                }
                Mode::EveryLoop => Thresholds { calls: 0, loops: 1 },
                Mode::Tiered(thresholds) => thresholds,
            };
            vm.set_tiering(Box::new(Hooks(engine.clone())), thresholds);
            engine
        });
        Self { vm, engine, coverage: config.coverage }
    }

    /// Makes the collector run without need, to find what is not rooted.
    pub fn stress(&mut self, stress: Stress) {
        let allocations = stress == Stress::Allocations;
        self.vm.heap_mut().set_stress(lockstep_runtime::Stress { allocations, barriers: stress != Stress::None });
        self.vm.stress_safepoints(stress == Stress::Safepoints);
    }

    /// What the collector did since the session began.
    pub fn collector(&self) -> Statistics {
        self.vm.heap().statistics()
    }

    /// Makes native code leave at the `k`-th back edge or call (from 1) of each run from now on; `None` ends that. The pipeline must have
    /// been made with the countdown on.
    pub fn force_exit(&mut self, k: Option<u64>) {
        self.vm.force_exit(k);
    }

    /// Makes every instruction an event for [`Session::force_exit`], instead of back edges and calls. The pipeline must step, too.
    pub fn set_steps(&mut self, on: bool) {
        self.vm.set_steps(on);
    }

    /// Makes forced exits leave a snapshot of the frame they happen in.
    pub fn watch(&mut self, on: bool) {
        self.vm.watch(on);
    }

    /// What the forced exit of the last run saw; `None` if the run did not get there.
    pub fn take_snapshot(&mut self) -> Option<Snapshot> {
        self.vm.take_snapshot()
    }

    /// Events of the last run: of one with a forced exit that it did not get to.
    pub fn events(&self) -> u64 {
        self.vm.events()
    }

    /// Calls a function with arguments of its parameters' kinds.
    ///
    /// # Errors
    /// The program's own error.
    pub fn run(&mut self, func: FuncId, args: &[Value]) -> Result<Option<Value>, Error> {
        let outcome = lockstep_interp::run(&mut self.vm, func, args);
        if let Some(engine) = &self.engine {
            engine.borrow_mut().free_retired();
        }
        outcome
    }

    /// Ends the program after a run: finalizers of all objects are run. What they write belongs to the output.
    pub fn close(&mut self) {
        lockstep_interp::close(&mut self.vm);
    }

    /// Hands over what the program has written.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.vm.take_output()
    }

    /// Hands over what the last run has returned or raised, and the heap reachable from it, as text; see [`Vm::take_reached`].
    pub fn take_reached(&mut self) -> String {
        self.vm.take_reached()
    }

    /// How promptly the program has come to safepoints.
    pub fn safepoints(&self) -> &Safepoints {
        self.vm.safepoints()
    }

    /// A handle with which other threads can stop the program.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.vm.interrupt_handle()
    }

    /// What the engine did so far; nothing without one.
    pub fn stats(&self) -> Stats {
        self.engine.as_ref().map(|e| e.borrow().stats()).unwrap_or_default()
    }

    /// Unlinks all native code and frees it: no program runs now.
    pub fn invalidate_all(&mut self) {
        if let Some(engine) = &self.engine {
            let mut engine = engine.borrow_mut();
            engine.invalidate_all(&mut self.vm);
            engine.free_retired();
        }
    }

    /// Interpreted executions since the session began, by function, instruction and cause; nothing without native code. They sum to what [`Session::executions`] calls interpreted.
    ///
    /// # Panics
    /// The session does not count.
    pub fn causes(&self) -> Vec<(FuncId, Pc, Cause, u64)> {
        assert!(self.coverage, "the session was made without coverage");
        self.engine.as_ref().map(|engine| engine.borrow().causes(&self.vm)).unwrap_or_default()
    }

    /// Executions of each instruction of each function since the session began.
    ///
    /// # Panics
    /// The session does not count.
    pub fn executions(&self) -> Vec<Vec<Executions>> {
        assert!(self.coverage, "the session was made without coverage");
        let functions = (0..self.vm.module().functions.len() as u32).map(FuncId);
        let mut all: Vec<Vec<Executions>> = functions
            .map(|f| {
                self.vm.executions(f).iter().map(|&n| Executions { interpreted: n, ..Executions::default() }).collect()
            })
            .collect();
        for (func, pc, helper, count) in self.engine.iter().flat_map(|e| e.borrow().counters()) {
            let slot = &mut all[func.index()][pc.index()];
            *if helper { &mut slot.helper } else { &mut slot.inline } += count;
        }
        all
    }
}
