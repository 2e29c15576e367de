//! A virtual machine: one module, its functions' entries, a stack, a heap, limits, output and the error record.
//!
//! The interpreter and generated code reach it through the address of its [`Ctx`]. While a program runs, the host's
//! `&mut Vm` is lent to them as a raw pointer; nothing here keeps references across a run.

use std::any::Any;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lockstep_bytecode::optimise::{self, PassConfig};
use lockstep_bytecode::{FuncId, Function, Pc, Seen, Verified};
use lockstep_layout::{Ctx, Frame, FunctionEntry, HelperId, Slot, Tag, payload_offset, tag_offset};

use crate::base;
use crate::closure::CoroutineRef;
use crate::collector::{CoroutineHooks, Roots};
use crate::dynamic::{Dynamic, InterpreterCall, Pending};
use crate::error::{Error, Position, Traceback};
use crate::functions::Functions;
use crate::heap::{Heap, OutOfMemory};
use crate::helpers;
use crate::machine_stack::machine_stack_limit;
use crate::modules::Modules;
use crate::request::{InterruptHandle, POLL_FINALIZERS, POLL_INTERRUPT, POLL_STRESS, SharedCtx};
use crate::roots::{self, VmRoots};
use crate::safepoints::Safepoints;
use crate::snapshot::Snapshot;
use crate::stack::Stack;
use crate::string::StringRef;
use crate::thread::{Thread, ThreadStatus};
use crate::tiering::{NativeEntry, Thresholds, Tiering};
use crate::value::Value;

/// What a program may use. Exceeding a limit is an error of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many activations may be on the stack.
    pub depth: u32,
    /// Bytes of heap objects and output.
    pub memory: u64,
    /// Back edges and calls of one run; `None` switches counting off.
    pub budget: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 200_000, memory: 1 << 30, budget: None }
    }
}

/// Sizes of stack segments in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StackSizes {
    /// The first segment; the host commits it as it is touched.
    pub first: usize,
    /// Each further segment.
    pub chained: usize,
}

impl Default for StackSizes {
    fn default() -> StackSizes {
        StackSizes { first: 64 << 20, chained: 1 << 20 }
    }
}

/// The interpreter's addresses that a VM needs; the interpreter crate provides them.
#[derive(Clone, Copy, Debug)]
pub struct InterpreterEntries {
    /// The universal entry of functions without native code.
    pub trampoline: extern "C" fn(*mut Ctx, *mut Frame, *mut u64) -> i32,
    /// [`HelperId::Finish`].
    pub finish: extern "C" fn(*mut Ctx, *mut Frame, i32) -> i32,
    /// [`HelperId::InterpretCall`].
    pub interpret_call: extern "C" fn(*mut Ctx, *mut Frame) -> i32,
    /// Calls a value from the host.
    pub call: InterpreterCall,
}

/// A virtual machine; see the module's documentation.
pub struct Vm {
    ctx: Arc<SharedCtx>,
    /// At an address of its own, which the collector's roots know.
    modules: Box<Modules>,
    functions: Functions,
    helpers: Box<[usize]>,
    trampoline: u64,
    main: Box<Thread>,
    heap: Heap,
    /// What belongs to the dynamic half.
    pub dynamic: Box<Dynamic>,
    roots: Box<VmRoots>,
    /// Whether each safepoint collects.
    stress_safepoints: bool,
    /// The passes that modules go through when they are loaded; none if they stay as they are.
    optimiser: Option<PassConfig>,
    call: InterpreterCall,
    output: Vec<u8>,
    limits: Limits,
    forced_exit: Option<u64>,
    /// Whether every instruction is an event, instead of back edges and calls.
    steps: bool,
    /// Whether a forced exit leaves a snapshot.
    watching: bool,
    snapshot: Option<Box<Snapshot>>,
    /// What the countdown began with.
    countdown_from: i64,
    /// What the countdown is set to when it reaches zero; `None` makes that the end of the budget.
    countdown_then: Option<i64>,
    counting: bool,
    linked: bool,
    thresholds: Thresholds,
    tiering: Option<Box<dyn Tiering>>,
    /// The message of the error about to be raised, if it says more than its kind.
    message: Option<String>,
    panic: Option<Box<dyn Any + Send>>,
    safepoints: Safepoints,
}

/// Adds slots to a list, word by word: they were written just before, by two stores each, for which a wide load would have to wait.
#[inline]
pub fn push_slots(list: &mut Vec<Slot>, slots: &[Slot]) {
    list.reserve(slots.len());
    for slot in slots {
        // SAFETY: a reference is readable. Volatile, so that the two loads stay two.
        let (payload, tag) =
            unsafe { ((&raw const slot.payload).read_volatile(), (&raw const slot.tag).read_volatile()) };
        list.push(Slot { payload, tag });
    }
}

impl Vm {
    /// A VM for one verified module. The interpreter crate has a constructor that fills in its entries.
    pub fn new(module: Arc<Verified>, limits: Limits, sizes: StackSizes, entries: InterpreterEntries) -> Vm {
        let helpers = helpers::table(&entries);
        let trampoline = entries.trampoline as usize as u64;
        let mut heap = Heap::new(u64::MAX);
        let mut fixed = |text: &str| heap.new_string(text.as_bytes()).expect("the host has memory").slot();
        let mut dynamic = Box::new(Dynamic::new(fixed("not enough memory"), fixed("error in error handling")));
        let mut functions = Functions::new(module.functions.len(), trampoline);
        for function in &module.functions {
            let strings = constants(&mut heap, &mut dynamic, function).expect("the host has memory for constants");
            functions.add(function, 0, &strings);
        }
        let modules = Box::new(Modules::new(module));
        base::register(&mut heap, &mut dynamic);
        heap.limit_from_here(limits.memory);
        let stack = Stack::new(sizes.first, sizes.chained).expect("the host has memory for a stack");
        let mut main = Box::new(Thread::new(stack, Slot::NIL, Slot::NIL));
        main.status = ThreadStatus::Running;
        dynamic.current = &raw mut *main;
        let ctx = Ctx {
            poll: AtomicU32::new(0),
            depth_limit: limits.depth,
            countdown: i64::MAX,
            segment_end: main.stack.end(),
            stack_limit: u64::MAX,
            functions: functions.entries(),
            helpers: helpers.as_ptr(),
            exit_frame: 0,
            vm: std::ptr::null_mut(),
        };
        let ctx = Arc::new(SharedCtx::new(ctx));
        let roots = VmRoots::new(&raw const *modules, &raw mut *dynamic, &raw mut *main, ctx.clone());
        // SAFETY: the hooks are made for the threads that the interpreter gives coroutines.
        unsafe {
            heap.set_coroutine_hooks(CoroutineHooks {
                trace: roots::trace_coroutine,
                prune: roots::prune_coroutine,
                release: roots::release_coroutine,
            });
        }
        Vm {
            ctx,
            modules,
            functions,
            helpers,
            trampoline,
            main,
            heap,
            dynamic,
            roots: Box::new(roots),
            stress_safepoints: false,
            optimiser: None,
            call: entries.call,
            output: Vec::new(),
            limits,
            forced_exit: None,
            steps: false,
            watching: false,
            snapshot: None,
            countdown_from: i64::MAX,
            countdown_then: None,
            counting: false,
            linked: false,
            thresholds: Thresholds::NEVER,
            tiering: None,
            message: None,
            panic: None,
            safepoints: Safepoints::default(),
        }
    }

    /// The module that the VM was made with.
    pub fn module(&self) -> &Arc<Verified> {
        self.modules.first()
    }

    /// All modules.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// Makes room for the functions of modules that will be loaded: so many in all. Before any native code is linked.
    ///
    /// # Panics
    /// If native code was linked, which knows where the table of functions is.
    pub fn make_room(&mut self, functions: usize) {
        assert!(!self.may_run_native(), "the table of functions is known to native code");
        self.functions.make_room(functions);
        let entries = self.functions.entries();
        // SAFETY: the field is plain data of the context that `self` owns, and no program runs.
        unsafe { (*self.ctx()).functions = entries };
    }

    /// Makes modules that are loaded from now on go through the bytecode optimiser; `None` ends that. Answers what was set before.
    pub fn optimise_loaded(&mut self, passes: Option<PassConfig>) -> Option<PassConfig> {
        std::mem::replace(&mut self.optimiser, passes)
    }

    /// Adds a module, also while a program runs; the number of its first function. `None` if there is no room for its functions.
    ///
    /// # Errors
    /// There is no memory for its constants.
    pub fn load(&mut self, module: Arc<Verified>) -> Result<Option<FuncId>, OutOfMemory> {
        let module = match &self.optimiser {
            Some(passes) => Arc::new(optimise::run(&module, passes).module),
            None => module,
        };
        if !self.functions.has_room(module.functions.len()) {
            return Ok(None);
        }
        let first = self.functions.len() as u32;
        let strings = module.functions.iter().map(|function| constants(&mut self.heap, &mut self.dynamic, function));
        let strings: Vec<Vec<StringRef>> = strings.collect::<Result<_, _>>()?;
        for (function, strings) in module.functions.iter().zip(&strings) {
            self.functions.add(function, first, strings);
        }
        self.modules.add(FuncId(first), module);
        Ok(Some(FuncId(first)))
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The address of the context, as generated code and helpers take it.
    pub fn ctx(&self) -> *mut Ctx {
        self.ctx.get()
    }

    /// A handle with which other threads can stop this VM's program.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle::new(self.ctx.clone())
    }

    /// What the program has written.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Hands over what the program has written, and starts an empty output.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.heap.discharge_external(self.output.len() as u64);
        std::mem::take(&mut self.output)
    }

    /// The heap.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// The heap, to allocate in it.
    pub fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    /// Lets the heap keep a value and, behind it, what is staged, which is not any more then.
    pub(crate) fn keep_staged(&mut self, value: Slot) {
        self.heap.keep(value);
        self.heap.temporaries.append(&mut self.dynamic.staged);
    }

    /// Keeps a value and, behind it, arguments, and the open list if it belongs to them.
    pub(crate) fn keep_arguments(&mut self, value: Slot, args: &[Slot], open: bool) {
        self.heap.keep(value);
        push_slots(&mut self.heap.temporaries, args);
        if open {
            self.heap.temporaries.append(&mut self.dynamic.open);
        }
    }

    /// How the interpreter is asked to call a value.
    pub fn interpreter_call(&self) -> InterpreterCall {
        self.call
    }

    /// The running thread.
    pub fn thread(&mut self) -> &mut Thread {
        // SAFETY: the running thread is the main one or that of a coroutine object, which a running coroutine keeps alive.
        unsafe { &mut *self.dynamic.current }
    }

    /// The running thread's stack.
    pub fn stack(&mut self) -> &mut Stack {
        &mut self.thread().stack
    }

    /// Makes a thread the running one.
    ///
    /// # Safety
    /// The thread is alive, and one of this VM's.
    pub unsafe fn switch_to(&mut self, thread: *mut Thread) {
        self.dynamic.current = thread;
        self.publish_segment_end();
    }

    // ---- native code -------------------------------------------------------------------------------------------------

    /// The address that universal entry words hold while there is no native code.
    pub fn trampoline(&self) -> u64 {
        self.trampoline
    }

    /// The address of a helper, as it stands in the table at `ctx.helpers`.
    pub fn helper_address(&self, helper: HelperId) -> usize {
        self.helpers[helper as usize]
    }

    /// Makes calls of `func` go to native code: its universal entry, its typed entry (0 if there is none), its data.
    pub fn link(&mut self, func: FuncId, native: NativeEntry, typed_entry: u64) {
        let entry = self.functions.entry(func.index());
        entry.data = native.data;
        entry.entry = native.entry;
        entry.typed_entry = typed_entry;
        self.linked = true;
    }

    /// Makes calls of `func` go to the interpreter again.
    pub fn unlink(&mut self, func: FuncId) {
        let trampoline = self.trampoline;
        let entry = self.functions.entry(func.index());
        entry.typed_entry = 0;
        entry.entry = trampoline;
        entry.data = 0;
    }

    /// The record that callers of `func` see.
    pub fn function_entry(&mut self, func: FuncId) -> &FunctionEntry {
        self.functions.entry(func.index())
    }

    /// Installs an engine, and starts counting calls and back edges for it.
    pub fn set_tiering(&mut self, tiering: Box<dyn Tiering>, thresholds: Thresholds) {
        self.tiering = Some(tiering);
        self.thresholds = thresholds;
        self.functions.arm(thresholds.calls, thresholds.loops);
    }

    /// Removes the engine. Linked entries stay.
    pub fn take_tiering(&mut self) -> Option<Box<dyn Tiering>> {
        self.tiering.take()
    }

    /// Whether native code can come up in a run: an engine is installed, or a function was linked.
    pub fn may_run_native(&self) -> bool {
        self.linked || self.tiering.is_some()
    }

    /// The thresholds in force.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Calls the engine, if there is one. The engine may use the VM, and sees it without an engine meanwhile.
    pub fn with_tiering<R>(&mut self, ask: impl FnOnce(&mut dyn Tiering, &mut Vm) -> R) -> Option<R> {
        let mut tiering = self.tiering.take()?;
        let answer = ask(&mut *tiering, self);
        self.tiering = Some(tiering);
        Some(answer)
    }

    /// What the instruction at `pc` of `func` has seen of its operands' kinds. Where nothing may run natively, fast paths do not note it.
    pub fn seen(&self, func: FuncId, pc: Pc) -> Seen {
        self.functions.seen(func.index(), pc)
    }

    /// Whether a run does nothing but run the program: native code cannot come up, nothing is counted.
    pub fn is_plain(&self) -> bool {
        !(self.counts_down() || self.is_counting() || self.may_run_native())
    }

    /// Fuses neighbouring instructions in the interpreter's code for speed, or takes the fusions apart: only the plain loop executes any.
    pub fn fuse(&mut self, on: bool) {
        self.functions.fuse(on);
    }

    // ---- runs ----------------------------------------------------------------------------------------------------------

    /// Switches counting of executed instructions on (from zero) or off.
    pub fn count_executions(&mut self, on: bool) {
        self.counting = on;
        self.functions.count(on);
    }

    /// Whether the interpreter counts executions.
    pub fn is_counting(&self) -> bool {
        self.counting
    }

    /// How often the interpreter executed each instruction of `func`; empty unless counting is on.
    pub fn executions(&self, func: FuncId) -> &[u64] {
        self.functions.counts(func.index())
    }

    /// Makes native code that counts down leave at the `k`-th back edge or call (from 1) of each run from now on.
    pub fn force_exit(&mut self, k: Option<u64>) {
        assert_ne!(k, Some(0), "events count from 1");
        self.forced_exit = k;
    }

    /// Makes every instruction an event from now on, and back edges and calls no longer. Native code must have been compiled for it.
    pub fn set_steps(&mut self, on: bool) {
        self.steps = on;
    }

    /// Whether every instruction is an event.
    pub fn steps(&self) -> bool {
        self.steps
    }

    /// Whether a forced exit leaves a snapshot of the frame it happens in.
    pub fn watch(&mut self, on: bool) {
        self.watching = on;
    }

    /// The snapshot that the forced exit of the last run has left; `None` if the run did not get there.
    pub fn take_snapshot(&mut self) -> Option<Snapshot> {
        self.snapshot.take().map(|snapshot| *snapshot)
    }

    /// Events of the last run; of one with a forced exit that it did not get to.
    pub fn events(&self) -> u64 {
        // SAFETY: the field is plain data of the context that `self` owns, and no program runs.
        let left = unsafe { (*self.ctx()).countdown };
        (self.countdown_from - left) as u64
    }

    /// Looks at the frame in which a countdown has reached zero, if that is a forced exit and somebody wants to know.
    ///
    /// # Safety
    /// `frame` is the running frame of this VM and complete but for its pc.
    pub unsafe fn look(&mut self, frame: *const Frame, pc: Pc) {
        if !self.watching || self.forced_exit.is_none() || self.snapshot.is_some() {
            return;
        }
        let executions = match self.counting {
            true => (0..self.functions.len()).map(|f| self.functions.counts(f).to_vec()).collect(),
            false => Vec::new(),
        };
        // SAFETY: the caller says so.
        let snapshot = unsafe { Snapshot::of(&self.modules, frame, pc, self.output.len(), executions) };
        self.snapshot = Some(Box::new(snapshot));
    }

    /// Whether back edges and calls are counted down in runs.
    pub fn counts_down(&self) -> bool {
        self.limits.budget.is_some() || self.forced_exit.is_some()
    }

    /// Prepares a run: an empty stack, a full budget, no error, the current thread's machine stack.
    pub fn begin_run(&mut self) {
        self.end_run();
        if self.stress_safepoints {
            self.ctx.poll().fetch_or(POLL_STRESS, Ordering::Relaxed);
        }
        self.main.failure = None;
        self.main.unwinding.clear();
        let clamp = |events: u64| i64::try_from(events).unwrap_or(i64::MAX);
        let budget = self.limits.budget.map(clamp);
        let (countdown, then) = match (budget, self.forced_exit.map(|k| clamp(k - 1))) {
            (None, None) => (i64::MAX, Some(i64::MAX)),
            (Some(budget), None) => (budget, None),
            (None, Some(exit)) => (exit, Some(i64::MAX)),
            (Some(budget), Some(exit)) if exit < budget => (exit, Some(budget - exit)),
            (Some(budget), Some(_)) => (budget, None),
        };
        self.countdown_then = then;
        self.countdown_from = countdown;
        self.snapshot = None;
        if self.is_plain() {
            self.fuse(true);
        }
        let ctx = self.ctx();
        // SAFETY: the context is owned by `self`, and no program runs now. The fields are written one by one, as `poll`
        // may be touched by another thread.
        unsafe {
            (*ctx).countdown = countdown;
            (*ctx).stack_limit = machine_stack_limit();
            (*ctx).exit_frame = 0;
        }
    }

    /// Decides what a countdown at zero means: it is set up again (true), or the budget is used up (false).
    pub fn renew_countdown(&mut self) -> bool {
        match self.countdown_then {
            Some(events) => {
                // After a forced exit, the rest of the budget follows; after that nothing.
                self.countdown_then = if self.limits.budget.is_some() { None } else { Some(i64::MAX) };
                // SAFETY: the field is plain data of the context that `self` owns; generated code is not running.
                unsafe { (*self.ctx()).countdown = events };
                true
            }
            None => false,
        }
    }

    /// The program has come to a safepoint in a function and found that something was asked for: notes how long that has waited.
    pub fn reach_safepoint(&mut self, func: FuncId) {
        if let Some(wait) = self.ctx.take_waiting() {
            self.safepoints.answered(func, wait);
        }
    }

    /// How promptly the program has come to safepoints since the VM was made.
    pub fn safepoints(&self) -> &Safepoints {
        &self.safepoints
    }

    /// Whether something was asked for that still waits.
    pub(crate) fn is_asked(&self) -> bool {
        self.ctx.waiting_since().is_some()
    }

    /// A function of the host has returned. What was asked for meanwhile it has held up.
    pub(crate) fn host_returned(&mut self, name: &std::rc::Rc<str>) {
        if let Some(asked) = self.ctx.waiting_since() {
            self.safepoints.held_up(name, self.ctx.now().saturating_sub(asked));
        }
    }

    /// Whether an interrupt was asked for; forgets it.
    pub fn take_interrupt(&mut self) -> bool {
        self.ctx.poll().fetch_and(!POLL_INTERRUPT, Ordering::Relaxed) & POLL_INTERRUPT != 0
    }

    /// Makes each safepoint (a back edge or a call) collect, or no longer.
    pub fn stress_safepoints(&mut self, on: bool) {
        self.stress_safepoints = on;
        if !on {
            self.ctx.poll().fetch_and(!POLL_STRESS, Ordering::Relaxed);
        }
    }

    /// Whether each safepoint collects.
    pub fn is_stressed(&self) -> bool {
        self.stress_safepoints
    }

    /// A finalizer has ended: the next one may begin.
    pub fn finalized(&mut self) {
        self.dynamic.is_finalizing = false;
        self.announce_finalizers(self.heap.pending_finalizers() != 0);
    }

    /// Says whether the finalizers that wait still ask for attention.
    pub fn announce_finalizers(&mut self, waiting: bool) {
        match waiting {
            true => self.ctx.ask(POLL_FINALIZERS),
            false => drop(self.ctx.poll().fetch_and(!POLL_FINALIZERS, Ordering::Relaxed)),
        }
    }

    /// Lets allocations collect from now on, or no longer. They may as long as a program runs in the interpreter: then the innermost frame is known.
    pub fn allow_collections(&mut self, allow: bool) {
        let roots: *mut dyn Roots = &raw mut *self.roots;
        // SAFETY: the roots live as long as the VM, and reach its parts by addresses that never change.
        unsafe { self.heap.set_roots(allow.then_some(roots)) }
    }

    /// Gives a new coroutine's thread to its object.
    ///
    /// # Safety
    /// The coroutine is live, of this VM's heap, and has no thread.
    pub unsafe fn attach(&mut self, coroutine: CoroutineRef, mut thread: Box<Thread>) {
        thread.maps = self.roots.maps();
        // SAFETY: the caller says so.
        unsafe { coroutine.set_state(Box::into_raw(thread).cast()) }
    }

    /// Chains a stack segment of at least so many bytes and returns the address of its first frame.
    pub fn push_segment(&mut self, least: usize) -> Result<u64, OutOfMemory> {
        let base = self.stack().push(least)?;
        self.publish_segment_end();
        Ok(base)
    }

    /// Leaves the current stack segment.
    pub fn pop_segment(&mut self) {
        self.stack().pop();
        self.publish_segment_end();
        let (object, bytes) = (self.thread().object, self.thread().bytes());
        // SAFETY: the object of a running thread is live.
        unsafe {
            if let Some(coroutine) = CoroutineRef::from_slot(object) {
                self.heap.discharge_coroutine(coroutine, bytes);
            }
        }
    }

    /// Counts a segment of at least so many bytes, which is about to be chained to a coroutine's stack, towards the memory limit. The main program's
    /// stack does not count.
    ///
    /// # Errors
    /// The limit is reached, and a collection has not helped.
    pub fn charge_segment(&mut self, least: usize) -> Result<(), OutOfMemory> {
        let thread = self.thread();
        let bytes = thread.bytes() + thread.stack.growth(least) as u64;
        // SAFETY: the object of a running thread is live.
        match unsafe { CoroutineRef::from_slot(thread.object) } {
            // SAFETY: as above.
            Some(coroutine) => unsafe { self.heap.charge_coroutine(coroutine, bytes) },
            None => Ok(()),
        }
    }

    /// Ends a run, however it has come to its end: nothing of it is on the stack any more.
    pub fn end_run(&mut self) {
        self.dynamic.current = &raw mut *self.main;
        self.main.stack.reset();
        (self.main.open, self.main.boundaries, self.main.status) = (0, 0, ThreadStatus::Running);
        self.main.to_close.clear();
        self.dynamic.reset();
        self.heap.release_to(0);
        self.publish_segment_end();
        let vm: *mut Vm = self;
        // SAFETY: the field is plain data of the context that `self` owns, and no program runs.
        unsafe { (*self.ctx()).vm = vm.cast() };
    }

    fn publish_segment_end(&mut self) {
        let end = self.stack().end();
        // SAFETY: the field is plain data of the context that `self` owns; generated code is not running.
        unsafe { (*self.ctx()).segment_end = end };
    }

    /// Who has called whom, from the frame `frame` on, whose pc is stored.
    ///
    /// # Safety
    /// `frame` is a live frame of this VM, and its chain of callers is intact.
    pub unsafe fn traceback(&self, frame: *const Frame) -> Traceback {
        let modules: &Modules = &self.modules;
        let position = |frame: *const Frame| {
            // SAFETY: the caller says that the chain of frames is live; `caller` is 0 or the next frame of the chain.
            let Frame { func, pc, .. } = unsafe { *frame };
            let func = FuncId(func);
            let (pc, line) = modules.place(func, Pc(pc));
            Position { func, pc, line }
        };
        let frames = std::iter::successors(Some(frame), |&frame| {
            // SAFETY: as above.
            let caller = unsafe { (*frame).caller } as *const Frame;
            (!caller.is_null()).then_some(caller)
        });
        Traceback::collect(frames.map(position))
    }

    /// The message that was set for the error about to be raised.
    pub fn take_message(&mut self) -> Option<String> {
        self.message.take()
    }

    /// Says what the error about to be raised is, beyond its kind.
    pub fn set_message(&mut self, message: String) {
        self.message = Some(message);
    }

    /// The error that the last run ended with; at most one caller gets it.
    pub fn take_error(&mut self) -> Option<Error> {
        let pending = self.dynamic.pending.take()?;
        let message = pending.detail(&self.heap);
        let Pending { kind, traceback, .. } = pending;
        Some(Error { kind, message, position: traceback.innermost[0], traceback })
    }

    /// Keeps a caught panic until native frames are left.
    pub fn set_panic(&mut self, panic: Box<dyn Any + Send>) {
        self.panic = Some(panic);
    }

    /// Takes the panic that a helper caught.
    pub fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        self.panic.take()
    }

    // ---- values --------------------------------------------------------------------------------------------------------

    /// Appends a scalar and a line feed to the output, if the memory limit allows. It may collect to make room.
    ///
    /// # Panics
    /// If `tag` is not that of a scalar.
    pub fn print(&mut self, tag: Tag, payload: u64) -> Result<(), OutOfMemory> {
        let value = Value::from_scalar(tag, payload).unwrap_or_else(|| panic!("{tag:?} is no scalar"));
        let mut text = Line::default();
        write!(text, "{value}").expect("a scalar fits a line");
        self.write_line(&text.bytes[..text.len])
    }

    /// Appends bytes and a line feed to the output, if the memory limit allows. It may collect to make room.
    pub fn write_line(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.heap.charge_external(bytes.len() as u64 + 1)?;
        self.output.extend_from_slice(bytes);
        self.output.push(b'\n');
        Ok(())
    }

    /// Appends bytes to the output, if the memory limit allows. It may collect to make room.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.heap.charge_external(bytes.len() as u64)?;
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    /// The payload word for a host value: scalars as they are, arrays copied into the heap.
    pub fn store(&mut self, value: &Value) -> Result<u64, OutOfMemory> {
        match value.scalar_payload() {
            Some(payload) => Ok(payload),
            None => Ok(self.heap.store(value)?.expect("what is no scalar is an array").payload()),
        }
    }

    /// Copies the value of slot `index` of a frame out of the VM.
    ///
    /// # Safety
    /// `frame` is a frame of this VM whose slot `index` holds a valid payload and tag.
    pub unsafe fn load_slot(&self, frame: *const Frame, index: u32) -> Value {
        // SAFETY: the caller says that the slot is valid.
        let (payload, tag) = unsafe {
            let payload = frame.byte_add(payload_offset(index) as usize).cast::<u64>().read();
            (payload, Tag(frame.byte_add(tag_offset(index) as usize).cast::<u64>().read()))
        };
        match Value::from_scalar(tag, payload) {
            Some(value) => value,
            // SAFETY: a valid slot that is no scalar holds an array of this VM's heap, and the program is not running.
            None => unsafe { Heap::load(payload) },
        }
    }
}

/// The string constants of a function, made and kept alive.
fn constants(heap: &mut Heap, dynamic: &mut Dynamic, function: &Function) -> Result<Vec<StringRef>, OutOfMemory> {
    let make = |bytes: &Vec<u8>| {
        let string = heap.new_string(bytes)?;
        dynamic.constants.push(string.slot());
        Ok(string)
    };
    function.strings.iter().map(make).collect()
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vm")
            .field("functions", &self.functions.len())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A buffer for one printed scalar: the longest float has fewer than 32 characters.
struct Line {
    bytes: [u8; 64],
    len: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line { bytes: [0; 64], len: 0 }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
