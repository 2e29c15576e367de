//! Everything about frames that is off the fast path: entering native code and answering its status, leaving frames with
//! flags, chaining stack segments, raising errors.
//!
//! An *activation* is one run of the dispatch loop. It has a *home*: the frame it was asked to run, marked as boundary,
//! whose return ends the activation and in whose slot 0 the result is left. Calls between functions of the VM never nest
//! activations; a native function that calls back into the interpreter does.

use std::sync::atomic::{AtomicU32, Ordering};

use lockstep_bytecode::{FuncId, Instr, Pc, Reg};
use lockstep_layout::{
    Ctx, FRESH_PARAM, Frame, FrameFlags, FunctionEntry, Slot, Status, frame_size, payload_offset, tag_offset,
};
use lockstep_runtime::{Cause, FunctionInfo, Metamethod, NativeEntry, Vm, instr_at};

use crate::dynamic::{Go, Here, is_function};
use crate::slots::payload;

/// The interpreter's registers: where it is. Everything else is reached from here and from the context.
#[derive(Clone, Copy)]
pub struct Registers {
    /// The running frame.
    pub frame: *mut Frame,
    /// First instruction of its function; the function's constants lie in front of it.
    pub code: *const Instr,
    /// The instruction to execute.
    pub ip: *const Instr,
    /// First address behind the frame: where a callee's frame goes.
    pub top: *mut Frame,
    /// Execution counts of its function, or null. Kept up by the full loop alone.
    pub counts: *mut u64,
}

/// How the dispatch loop goes on after a slow path.
pub enum Flow {
    /// With the registers as they now are.
    Continue,
    /// It returns this status.
    Leave(i32),
}

/// The VM behind a context.
///
/// # Safety
/// A run has begun on the VM, and the returned reference is gone before anything else uses the VM.
pub unsafe fn vm<'a>(ctx: *mut Ctx) -> &'a mut Vm {
    // SAFETY: `begin_run` stored the address; the caller answers for exclusiveness.
    unsafe { &mut *(*ctx).vm.cast::<Vm>() }
}

/// The entry of a function.
///
/// # Safety
/// `func` is a function of the context's module.
#[inline(always)]
pub unsafe fn entry_of(ctx: *mut Ctx, func: u32) -> *mut FunctionEntry {
    // SAFETY: the table has an entry for each function of the module.
    unsafe { (*ctx).functions.add(func as usize) }
}

impl Registers {
    /// The registers that go on with `frame` at its stored pc.
    ///
    /// # Safety
    /// `frame` is a live frame whose header is valid.
    pub unsafe fn of(ctx: *mut Ctx, frame: *mut Frame) -> Registers {
        // SAFETY: a valid header names a function of the module, and a pc of that function's code.
        unsafe {
            let entry = entry_of(ctx, (*frame).func);
            let code = (*entry).code as *const Instr;
            Registers {
                frame,
                code,
                ip: code.add((*frame).pc as usize),
                top: frame.byte_add(frame_size(u32::from((*entry).frame_slots)) as usize),
                counts: counts_of(entry),
            }
        }
    }

    /// The registers of a host's function that `frame` has called; `frame` is null if the host has entered the VM.
    ///
    /// # Safety
    /// As for [`Registers::of`]; with a null frame the stack is empty, and nothing uses the registers but to make the first frame.
    pub unsafe fn of_host(ctx: *mut Ctx, frame: *mut Frame) -> Registers {
        // SAFETY: the caller says so.
        unsafe {
            if !frame.is_null() {
                return Registers::of(ctx, frame);
            }
            let null = std::ptr::null();
            Registers {
                frame,
                code: null,
                ip: null,
                top: vm(ctx).stack().base() as *mut Frame,
                counts: null as *mut u64,
            }
        }
    }

    /// The pc of the current instruction.
    ///
    /// # Safety
    /// `ip` points into the function's code.
    #[inline(always)]
    pub unsafe fn pc(&self) -> Pc {
        // SAFETY: both pointers are into the same code.
        Pc(unsafe { self.ip.offset_from_unsigned(self.code) } as u32)
    }
}

/// The execution counts of a function, or null.
///
/// # Safety
/// `entry` is an entry of the table of functions.
pub unsafe fn counts_of(entry: *const FunctionEntry) -> *mut u64 {
    // SAFETY: `info` is the address of the runtime's record, which lives as long as the entry.
    unsafe { (*((*entry).info as *mut FunctionInfo)).counts_address() }
}

/// The place where a fresh frame is being made: the pattern's next slot, and the frame's.
#[derive(Clone, Copy)]
pub struct Fresh {
    pattern: *const Slot,
    slot: *mut Slot,
}

impl Fresh {
    /// Copies the arguments into the parameters, lowest first, with the parameters' tags.
    ///
    /// The loops here end on what they read, not on a count: a compiler unrolls loops that count, which costs more than it
    /// saves for a handful of registers (see docs/interpreter.md).
    ///
    /// # Safety
    /// `frame` has room for a frame of this function, and `args` holds its arguments; they may overlap the frame's slots, but
    /// only from above.
    #[inline(always)]
    pub unsafe fn params(frame: *mut Frame, entry: *const FunctionEntry, mut args: *const Slot) -> Fresh {
        // SAFETY: the pattern has one slot per parameter and register, and an end.
        unsafe {
            let mut pattern = (*entry).fresh as *const Slot;
            let mut slot = frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
            while (*pattern).payload == FRESH_PARAM {
                (*slot).payload = (*args).payload;
                (*slot).tag = (*pattern).tag;
                (args, pattern, slot) = (args.add(1), pattern.add(1), slot.add(1));
            }
            Fresh { pattern, slot }
        }
    }

    /// Writes the registers that are no parameters: zero, with their tags.
    ///
    /// # Safety
    /// The frame has room for all of the function's registers.
    #[inline(always)]
    pub unsafe fn rest(self) {
        let Fresh { mut pattern, mut slot } = self;
        // SAFETY: the pattern has one slot per register, and an end.
        unsafe {
            while (*pattern).payload == 0 {
                *slot = *pattern;
                (pattern, slot) = (pattern.add(1), slot.add(1));
            }
        }
    }
}

/// Writes the registers of a fresh frame that are no parameters.
///
/// # Safety
/// `frame` has room for a frame of this function, which has so many parameters.
pub unsafe fn fresh_registers(frame: *mut Frame, entry: *const FunctionEntry, params: usize) {
    if lockstep_runtime::planted!("stale-tag") {
        return;
    }
    // SAFETY: the pattern has one slot per parameter and register, and an end.
    unsafe {
        let pattern = ((*entry).fresh as *const Slot).add(params);
        let slot = frame.byte_add(payload_offset(0) as usize).cast::<Slot>().add(params);
        Fresh { pattern, slot }.rest();
    }
}

/// Makes a fresh frame of one that has its arguments in place.
///
/// # Safety
/// `frame` has room for a frame of this function, and its parameters' payloads are written.
pub unsafe fn freshen(frame: *mut Frame, entry: *const FunctionEntry) {
    // SAFETY: the arguments lie where the parameters do.
    unsafe {
        let slots = frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
        Fresh::params(frame, entry, slots).rest();
    }
}

/// Whether there is machine stack left for native code, judged from about here.
///
/// # Safety
/// `ctx` is a live context.
pub unsafe fn native_fits(ctx: *mut Ctx) -> bool {
    let here = 0u8;
    // SAFETY: the caller says so.
    &raw const here as u64 > unsafe { (*ctx).stack_limit }
}

/// A frame has returned: its caller goes on behind the call, or the activation ends. `value` is the result, of any content
/// for a function without one.
///
/// # Safety
/// `frame` is the live innermost frame of this activation with home `home`.
#[inline(never)]
pub unsafe fn returned(
    ctx: *mut Ctx,
    registers: &mut Registers,
    home: *mut Frame,
    frame: *mut Frame,
    value: Slot,
) -> Flow {
    // SAFETY: the frame is live. Without the boundary flag its caller is a live frame of this activation, suspended in a
    // call, and whose result register is part of it; the home is a live frame with at least one slot.
    unsafe {
        let Frame { flags, caller, .. } = *frame;
        if flags & (FrameFlags::CAPTURED | FrameFlags::CLOSING) != 0 {
            // Native code has no such frames: the registers are this one's, at its `ret`.
            let mut here = Here { ctx, s: registers, home };
            let first = here.slot(Reg(0));
            match here.end_variables(first) {
                None => {}
                Some(Ok(Go::Leave(status))) => return Flow::Leave(status),
                Some(Ok(_)) => return Flow::Continue,
                Some(Err(kind)) => {
                    return match here.raise(kind) {
                        Go::Next => {
                            registers.ip = registers.ip.add(1);
                            Flow::Continue
                        }
                        Go::Continue => Flow::Continue,
                        Go::Leave(status) => Flow::Leave(status),
                    };
                }
            }
        }
        if flags & FrameFlags::SEGMENT != 0 {
            vm(ctx).pop_segment();
        }
        if flags & FrameFlags::BOUNDARY != 0 {
            *home.byte_add(payload_offset(0) as usize).cast::<Slot>() = value;
            return Flow::Leave(Status::OK);
        }
        *registers = Registers::of(ctx, caller as *mut Frame);
        if let Instr::Call { dst, .. } = instr_at(registers.ip) {
            payload(registers.frame, dst).write(value.payload);
        }
        registers.ip = registers.ip.add(1);
        Flow::Continue
    }
}

/// Runs native code on `frame` and answers its status.
///
/// # Safety
/// `native` is a live entry for the function of `frame` (and for its pc, if that is not 0), made for this VM; every caller
/// of the frame has its pc stored.
#[inline(never)]
pub unsafe fn enter_native(
    ctx: *mut Ctx,
    registers: &mut Registers,
    home: *mut Frame,
    frame: *mut Frame,
    mut native: NativeEntry,
) -> Flow {
    loop {
        // SAFETY: the caller says that this is a live entry; entries have this signature.
        let status = unsafe {
            let code: extern "C" fn(*mut Ctx, *mut Frame, *mut u64) -> i32 =
                std::mem::transmute::<*const (), _>(native.entry as *const ());
            code(ctx, frame, native.data as *mut u64)
        };
        match Status::decode(status) {
            Some(Status::Ok) => {
                // SAFETY: a universal entry that is done has left its result in slot 0 of its frame.
                unsafe {
                    let value = *frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
                    return returned(ctx, registers, home, frame, value);
                }
            }
            Some(Status::Error) => {
                // SAFETY: the frame and its callers are live until they are left here, each with its pc stored.
                unsafe {
                    *registers = Registers::of(ctx, frame);
                    return match (Here { ctx, s: registers, home }).pass_on() {
                        Go::Next => {
                            registers.ip = registers.ip.add(1);
                            Flow::Continue
                        }
                        Go::Continue => Flow::Continue,
                        Go::Leave(status) => Flow::Leave(status),
                    };
                }
            }
            Some(Status::Exit(site)) => {
                // SAFETY: an exit has written back every frame it stood for.
                unsafe {
                    *registers = after_exit(ctx, frame);
                    vm(ctx).with_tiering(|tiering, vm| tiering.left_native(vm, native, site));
                }
                return Flow::Continue;
            }
            Some(Status::TailCall) => {
                // SAFETY: the frame now holds a call of another function, whose frame fits (native code checks that).
                unsafe {
                    let entry = entry_of(ctx, (*frame).func);
                    if (*entry).entry != trampoline_address() {
                        native = NativeEntry { entry: (*entry).entry, data: (*entry).data };
                        continue;
                    }
                    freshen(frame, entry);
                    *registers = Registers::of(ctx, frame);
                }
                return Flow::Continue;
            }
            Some(Status::Yield) => panic!("native code yielded outside a coroutine"),
            None => panic!("a native entry returned {status}, which is no status"),
        }
    }
}

/// The registers after an exit from the native activation of `frame`.
///
/// # Safety
/// Native code has just exited from `frame` and written back its state.
pub unsafe fn after_exit(ctx: *mut Ctx, frame: *mut Frame) -> Registers {
    // SAFETY: the exit wrote back every frame it stood for; `exit_frame` is the innermost, if it is not `frame` itself.
    unsafe {
        let innermost = (*ctx).exit_frame as *mut Frame;
        (*ctx).exit_frame = 0;
        Registers::of(ctx, if innermost.is_null() { frame } else { innermost })
    }
}

/// The universal entry word of functions that have no native code.
#[inline(always)]
pub fn trampoline_address() -> u64 {
    crate::interpret_entry as extern "C" fn(_, _, _) -> _ as usize as u64
}

/// A call found no room behind the caller's frame: where the callee's frame goes instead.
///
/// # Safety
/// The registers are those of a running activation.
#[cold]
#[inline(never)]
pub unsafe fn chain_segment(ctx: *mut Ctx, least: usize) -> Option<*mut Frame> {
    // SAFETY: the VM is not otherwise in use.
    unsafe { vm(ctx).push_segment(least).ok().map(|base| base as *mut Frame) }
}

/// A tail call found no room for the larger frame: a copy of the frame's header in a segment of its own.
///
/// # Safety
/// The VM is not otherwise in use, and `frame` is the innermost frame.
#[cold]
#[inline(never)]
pub unsafe fn move_to_segment(ctx: *mut Ctx, frame: *mut Frame) -> Option<*mut Frame> {
    // SAFETY: a fresh segment holds a frame of any size.
    unsafe {
        assert_eq!((*frame).flags & FrameFlags::SEGMENT, 0, "a frame at the start of a segment always fits");
        let moved = chain_segment(ctx, lockstep_runtime::MAX_FRAME_SIZE)?;
        *moved = *frame;
        (*moved).flags |= FrameFlags::SEGMENT;
        Some(moved)
    }
}

/// A function's countdown of calls has reached zero: the engine may link native code.
///
/// # Safety
/// `entry` is the function's entry; the VM is not otherwise in use.
#[cold]
#[inline(never)]
pub unsafe fn hot_function(ctx: *mut Ctx, entry: *mut FunctionEntry, func: u32) {
    // SAFETY: the caller says so.
    unsafe {
        let vm = vm(ctx);
        let threshold = vm.thresholds().calls;
        (*entry).calls = threshold;
        if threshold != 0 {
            vm.with_tiering(|tiering, vm| tiering.hot_function(vm, FuncId(func)));
        }
    }
}

/// A loop's countdown has reached zero: the engine may have native code that continues at its header.
///
/// # Safety
/// The registers are those of a running activation at a back edge to `header`, whose other effects are done; `counter` is
/// the loop's countdown.
#[cold]
#[inline(never)]
pub unsafe fn hot_loop(
    ctx: *mut Ctx,
    registers: &mut Registers,
    home: *mut Frame,
    header: Pc,
    counter: *mut u32,
) -> Flow {
    // SAFETY: the caller says so; the frame is complete, as the interpreter keeps nothing elsewhere.
    unsafe {
        let vm = vm(ctx);
        let threshold = vm.thresholds().loops;
        *counter = threshold;
        registers.ip = registers.code.add(header.index());
        if threshold == 0 || !native_fits(ctx) {
            return Flow::Continue;
        }
        let frame = registers.frame;
        let func = FuncId((*frame).func);
        match vm.with_tiering(|tiering, vm| tiering.hot_loop(vm, func, header)).flatten() {
            Some(native) => {
                (*frame).pc = header.0;
                enter_native(ctx, registers, home, frame, native)
            }
            None => Flow::Continue,
        }
    }
}

/// Whether the VM asks for attention.
///
/// # Safety
/// `ctx` is a VM's context.
#[inline(always)]
pub unsafe fn is_asked(ctx: *mut Ctx) -> bool {
    // SAFETY: the caller says so. Other threads set the word while the rest of the context is in use here.
    unsafe { (*(&raw const (*ctx).poll).cast::<AtomicU32>()).load(Ordering::Relaxed) != 0 }
}

/// Whether what `poll` announced is an interrupt. This is a safepoint of the function of `frame`.
///
/// # Safety
/// The VM is not otherwise in use, and the frame is its innermost.
#[cold]
#[inline(never)]
pub unsafe fn interrupted(ctx: *mut Ctx, frame: *mut Frame) -> bool {
    // SAFETY: the caller says so.
    unsafe {
        vm(ctx).reach_safepoint(FuncId((*frame).func));
        vm(ctx).take_interrupt()
    }
}

/// Does what the VM was asked to do at a safepoint, other than stop: collects under stress, and begins a finalizer, which then runs in a frame of its own (true).
/// `resume` is where the running frame goes on.
///
/// # Safety
/// The registers are those of a running activation; the VM is not otherwise in use.
#[cold]
#[inline(never)]
pub unsafe fn attend(ctx: *mut Ctx, registers: &mut Registers, home: *mut Frame, resume: *const Instr) -> bool {
    // SAFETY: the caller says so; `resume` points into the function's code.
    unsafe {
        let at = std::mem::replace(&mut registers.ip, resume);
        let mut here = Here { ctx, s: registers, home };
        if !lockstep_runtime::planted!("stale-pc") {
            here.store_pc();
        }
        let vm = vm(ctx);
        if vm.is_stressed() {
            vm.heap_mut().collect(Cause::Safepoint);
        }
        // An open list would not survive a call of the program.
        if vm.heap().pending_finalizers() != 0 && !vm.dynamic.is_finalizing && !instr_at(resume).takes_open() {
            let object = vm.heap_mut().next_finalizer();
            vm.dynamic.is_finalizing = true;
            vm.announce_finalizers(false);
            let object = object.expect("one waits");
            let finalizer = vm.heap().metamethod(object, Metamethod::Gc);
            if is_function(finalizer) {
                here.stage_values(&[object]);
                // A finalizer cannot be left by a yield: nobody has called it.
                here.vm().thread().boundaries += 1;
                if let Err(kind) = here.call_value(finalizer, FrameFlags::FINALIZER) {
                    // It is a function of the host, or there is no room for its frame: the program does not see the error.
                    let vm = here.vm();
                    vm.thread().boundaries -= 1;
                    vm.finalized();
                    (vm.dynamic.thrown, vm.dynamic.failed_host) = (Slot::NIL, Slot::NIL);
                    let pending = vm.dynamic.pending.take().and_then(|pending| pending.detail(vm.heap()));
                    let message = vm.take_message().or(pending);
                    vm.dynamic.warnings.push(message.unwrap_or_else(|| kind.message().to_owned()));
                }
                return true;
            }
            vm.finalized();
        } else if vm.dynamic.is_finalizing {
            vm.announce_finalizers(false);
        }
        here.s.ip = at;
        false
    }
}

/// Takes one event from the countdown; false if the budget is used up. The registers are asked for where it is at zero alone.
///
/// # Safety
/// The VM is not otherwise in use, and the registers are those of its running activation.
#[inline(always)]
pub unsafe fn count_down(ctx: *mut Ctx, registers: impl FnOnce() -> Registers) -> bool {
    // SAFETY: the caller says so.
    unsafe {
        if (*ctx).countdown == 0 {
            return renew_countdown(ctx, &registers());
        }
        (*ctx).countdown -= 1;
        true
    }
}

/// Counts an event at a countdown of zero.
///
/// # Safety
/// As for [`count_down`].
#[cold]
#[inline(never)]
unsafe fn renew_countdown(ctx: *mut Ctx, registers: &Registers) -> bool {
    // SAFETY: the caller says so. What a countdown is renewed to is not zero.
    unsafe {
        vm(ctx).look(registers.frame, registers.pc());
        let renewed = vm(ctx).renew_countdown();
        if renewed {
            (*ctx).countdown -= 1;
        }
        renewed
    }
}

/// The value of a register, with its tag.
///
/// # Safety
/// `frame` is a live frame with this register.
pub unsafe fn slot(frame: *mut Frame, reg: Reg) -> Slot {
    // SAFETY: the caller says so.
    unsafe {
        let tag = frame.byte_add(tag_offset(reg.index() as u32) as usize).cast::<u64>().read();
        Slot { payload: payload(frame, reg).read(), tag }
    }
}
