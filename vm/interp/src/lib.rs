//! The reference interpreter: the oracle of every parity check.
//!
//! It runs verified modules only ([`lockstep_bytecode::Verified`] is the proof), one `match` arm per row of the
//! instruction table. Calls between functions of the VM never nest host frames. It knows the entry words of native code and
//! the statuses they answer with, and neither who made them nor how. docs/interpreter.md tells how it is laid out and what
//! was measured.

mod activation;
#[macro_use]
mod arms;
#[macro_use]
mod fused;
mod dispatch;
mod dynamic;
mod kinds;
mod slots;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use lockstep_bytecode::{ErrorKind, FuncId, Function, Kind, Pc, Verified};
use lockstep_layout::{Ctx, Frame, FrameFlags, FunctionTraits, Slot, Status, payload_offset, tag_offset};
use lockstep_runtime::{
    CallKind, Error, HostError, InterpreterEntries, Limits, Metamethod, NativeEntry, Position, StackSizes, Traceback,
    Value, Vm, describe,
};

use activation::{Flow, Registers, after_exit, enter_native, entry_of, freshen, hot_function, native_fits};
use dynamic::Here;

/// A VM for a verified module, with stack segments of the default sizes.
pub fn new_vm(module: Arc<Verified>, limits: Limits) -> Vm {
    new_vm_with_stack(module, limits, StackSizes::default())
}

/// A VM for a verified module, with stack segments of the given sizes.
pub fn new_vm_with_stack(module: Arc<Verified>, limits: Limits, sizes: StackSizes) -> Vm {
    let entries = InterpreterEntries { trampoline: interpret_entry, finish, interpret_call, call: call_from_host };
    Vm::new(module, limits, sizes, entries)
}

/// Says what is wrong with arguments for a function, if anything is.
pub fn check_arguments(function: &Function, args: &[Value]) -> Result<(), String> {
    let (name, count) = (&function.name, function.params().len());
    if !function.upvalues.is_empty() {
        return Err(format!("`{name}` has upvalues: only closures of it can be called"));
    }
    if args.len() != count {
        return Err(format!("`{name}` takes {count} arguments, but {} are given", args.len()));
    }
    for (index, (kind, arg)) in function.params().zip(args).enumerate() {
        let fits = match kind {
            Kind::Any => matches!(arg, Value::Nil | Value::Bool(_) | Value::I64(_) | Value::F64(_)),
            kind => kind.tag() == arg.tag().0,
        };
        if !fits {
            return Err(format!("argument {index} of `{name}` must be of kind {kind}, but is {arg}"));
        }
    }
    Ok(())
}

/// Calls a function of the VM's module from the host and runs it to its end.
///
/// What a generic function returns, and what a program raises, is described with the heap reachable from it: [`Vm::take_reached`].
///
/// # Panics
/// If the arguments do not fit the function (see [`check_arguments`]), or a helper has panicked.
pub fn run(vm: &mut Vm, func: FuncId, args: &[Value]) -> Result<Option<Value>, Error> {
    let module = vm.module().clone();
    let function = module.function(func);
    if let Err(problem) = check_arguments(function, args) {
        panic!("{problem}");
    }
    vm.begin_run();
    let (pc, line) = module.place(func, Pc(0));
    let position = Position { func, pc, line };
    let refuse =
        |kind| Err(Error { kind, message: None, position, traceback: Traceback::collect([position].into_iter()) });
    if vm.limits().depth == 0 {
        return refuse(ErrorKind::StackOverflow);
    }
    let mut home = vm.stack().base() as *mut Frame;
    let mut header = Frame { func: func.0, pc: 0, caller: 0, depth: 1, flags: 0, callee: 0 };
    // SAFETY: a stack's first segment has room for a frame of any size and a slot more, and no program runs.
    unsafe {
        if function.is_vararg {
            // No arguments behind the parameters: their number lies below the frame.
            header.flags |= FrameFlags::VARARG;
            home.cast::<Slot>().write(Slot { payload: 0, tag: 0 });
            home = home.cast::<Slot>().add(1).cast();
        }
        home.write(header);
    }
    for (index, arg) in args.iter().enumerate() {
        let Ok(payload) = vm.store(arg) else { return refuse(ErrorKind::MemoryLimit) };
        // SAFETY: as above; the function has a register for each argument.
        unsafe {
            home.byte_add(payload_offset(index as u32) as usize).cast::<u64>().write(payload);
            home.byte_add(tag_offset(index as u32) as usize).cast::<u64>().write(arg.tag().0);
        }
    }
    let ctx = vm.ctx();
    vm.dynamic.frame = home;
    vm.allow_collections(true);
    // SAFETY: the run has begun, the module is verified, and the frame was just made; `vm` is not used meanwhile.
    let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { invoke(ctx, home) }));
    vm.allow_collections(false);
    if let Some(panic) = vm.take_panic() {
        resume_unwind(panic);
    }
    // What is described is live: nothing was collected since the run has ended.
    let reached = match (&outcome, &vm.dynamic.pending) {
        (Ok(Status::OK), _) if function.is_generic => vm.dynamic.staged.as_slice(),
        (Ok(Status::ERROR), Some(pending)) if pending.kind == ErrorKind::Raised => std::slice::from_ref(&pending.value),
        _ => &[],
    };
    let has_values = !reached.is_empty() || function.is_generic && outcome.as_ref().is_ok_and(|s| *s == Status::OK);
    // SAFETY: as above.
    let text = if has_values { unsafe { describe(reached) } } else { String::new() };
    vm.dynamic.reached = text;
    match outcome {
        Err(panic) => resume_unwind(panic),
        Ok(Status::OK) => {
            // SAFETY: the function has returned, and left its result in slot 0 of its frame.
            Ok(function.result.map(|_| unsafe { vm.load_slot(home, 0) }))
        }
        Ok(Status::ERROR) => Err(vm.take_error().expect("a failed run leaves an error")),
        Ok(other) => panic!("a run ended with status {other}"),
    }
}

/// Ends the program: runs the finalizers of all objects, those reachable too, the youngest first. Errors in them are warnings, as in a run; one that no
/// program can catch (no budget is left, an interrupt) ends it all. What the last run has left on the stack is gone.
pub fn close(vm: &mut Vm) {
    // What the run has left for its host stays.
    let reached = std::mem::take(&mut vm.dynamic.reached);
    vm.end_run();
    vm.heap_mut().finalize_all();
    vm.allow_collections(true);
    while let Some(object) = vm.heap_mut().next_finalizer() {
        // SAFETY: the object was just taken off the list that keeps it, and its metatable lives with it.
        let finalizer = unsafe { vm.heap().metamethod(object, Metamethod::Gc) };
        if !dynamic::is_function(finalizer) {
            continue;
        }
        vm.dynamic.is_finalizing = true;
        // The call stages the object, and holds it so.
        let outcome = catch_unwind(AssertUnwindSafe(|| call_from_host(vm, finalizer, &[object], CallKind::Plain)));
        if let Err(panic) = outcome {
            vm.allow_collections(false);
            resume_unwind(panic);
        }
        let pending = vm.dynamic.pending.take();
        vm.end_run();
        match pending {
            Some(pending) if pending.kind.is_final() => break,
            Some(pending) => {
                let message = pending.says(vm.heap());
                vm.dynamic.warnings.push(message);
            }
            None => {}
        }
    }
    vm.allow_collections(false);
    vm.dynamic.reached = reached;
}

/// Runs the function of a prepared frame from its start, natively if it can.
///
/// # Safety
/// A run has begun on the VM behind `ctx`, and the VM is not otherwise in use. The frame's header and arguments are written,
/// it lies within the current segment, and its callers have their pcs stored.
unsafe fn invoke(ctx: *mut Ctx, home: *mut Frame) -> i32 {
    // SAFETY: the caller says so.
    unsafe {
        (*home).flags |= FrameFlags::BOUNDARY;
        let func = (*home).func;
        let entry = entry_of(ctx, func);
        let mut registers = Registers::of(ctx, home);
        if activation::vm(ctx).may_run_native() {
            let left = (*entry).calls.wrapping_sub(1);
            (*entry).calls = left;
            if left == 0 {
                hot_function(ctx, entry, func);
            }
            if (*entry).entry != activation::trampoline_address() && native_fits(ctx) {
                let native = NativeEntry { entry: (*entry).entry, data: (*entry).data };
                return match enter_native(ctx, &mut registers, home, home, native) {
                    Flow::Continue => interpret(ctx, home, registers),
                    Flow::Leave(status) => status,
                };
            }
        }
        match (*entry).traits & FunctionTraits::GENERIC {
            0 => freshen(home, entry),
            // Its arguments have the tags that they came with.
            _ => activation::fresh_registers(home, entry, usize::from((*entry).params)),
        }
        interpret(ctx, home, registers)
    }
}

/// The loop that the VM's settings ask for.
fn mode(vm: &Vm) -> u8 {
    if vm.is_plain() {
        dispatch::PLAIN
    } else if vm.counts_down() || vm.is_counting() {
        dispatch::FULL
    } else {
        dispatch::TIERED
    }
}

/// Interprets the activation of `home` from the given registers, in the loop that the VM's settings ask for.
///
/// # Safety
/// As for [`dispatch::run`].
unsafe fn interpret(ctx: *mut Ctx, home: *mut Frame, registers: Registers) -> i32 {
    // SAFETY: the caller answers for all of it.
    unsafe {
        let vm = activation::vm(ctx);
        let mode = mode(vm);
        if mode != dispatch::PLAIN {
            // Activations that wait are plain ones then; they need no fusions.
            vm.fuse(false);
        }
        match mode {
            dispatch::FULL => dispatch::run::<{ dispatch::FULL }>(ctx, home, registers),
            dispatch::TIERED => dispatch::run::<{ dispatch::TIERED }>(ctx, home, registers),
            _ => dispatch::run::<{ dispatch::PLAIN }>(ctx, home, registers),
        }
    }
}

/// Runs an activation on top of a host frame that must stay: meanwhile the thread cannot be left by a yield.
///
/// # Safety
/// A run has begun on the VM behind `ctx`, and the VM is not otherwise in use.
unsafe fn nested(ctx: *mut Ctx, run: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the running thread lives as long as it runs, which the activation does not change.
    unsafe {
        let thread = activation::vm(ctx).dynamic.current;
        (*thread).boundaries += 1;
        let status = run();
        (*thread).boundaries -= 1;
        status
    }
}

/// Calls a value from a function of the host. Its results are staged.
fn call_from_host(vm: &mut Vm, callee: Slot, args: &[Slot], kind: CallKind) -> Result<(), HostError> {
    let (ctx, frame) = (vm.ctx(), vm.dynamic.host_frame);
    // SAFETY: a function of the host was called from `frame`, whose pc is stored, or the host has entered the VM; the VM is not used through `vm` meanwhile.
    unsafe {
        let mut registers = Registers::of_host(ctx, frame);
        let mut here = Here { ctx, s: &mut registers, home: frame };
        let run = |registers: Registers| nested(ctx, || interpret(ctx, registers.frame, registers));
        here.call_nested(callee, args, kind, run).map_err(|()| HostError::Pending)
    }
}

/// Runs a helper's body; a panic is kept for the host and answered as an error, so that nothing unwinds native frames.
fn guarded(ctx: *mut Ctx, body: impl FnOnce() -> i32) -> i32 {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic: Box<dyn Any + Send>| {
        // SAFETY: the VM lives as long as the run, and the panicked body no longer uses it.
        unsafe { activation::vm(ctx) }.set_panic(panic);
        Status::ERROR
    })
}

/// The universal entry of functions without native code.
pub(crate) extern "C" fn interpret_entry(ctx: *mut Ctx, frame: *mut Frame, _data: *mut u64) -> i32 {
    interpret_call(ctx, frame)
}

/// [`lockstep_layout::HelperId::InterpretCall`].
extern "C" fn interpret_call(ctx: *mut Ctx, frame: *mut Frame) -> i32 {
    // SAFETY: generated code passes its own context, and a frame it has prepared at the end of its own.
    guarded(ctx, || unsafe { nested(ctx, || invoke(ctx, frame)) })
}

/// [`lockstep_layout::HelperId::Finish`].
extern "C" fn finish(ctx: *mut Ctx, frame: *mut Frame, status: i32) -> i32 {
    // SAFETY: generated code passes its own context, and the frame of a call that has just exited, with its status.
    guarded(ctx, || unsafe {
        (*frame).flags |= FrameFlags::BOUNDARY;
        let registers = after_exit(ctx, frame);
        if let Some(Status::Exit(site)) = Status::decode(status) {
            let entry = entry_of(ctx, (*frame).func);
            let native = NativeEntry { entry: (*entry).entry, data: (*entry).data };
            activation::vm(ctx).with_tiering(|tiering, vm| tiering.left_native(vm, native, site));
        }
        nested(ctx, || interpret(ctx, frame, registers))
    })
}
