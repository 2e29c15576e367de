//! The roots of a VM: what programs reach from threads, from errors under way, and from the host.
//!
//! Frames are read through the liveness map of their stored pc. Of an `any` register everything that the instruction at the pc may still read is live: for the innermost
//! frame that is about to execute it (or is in the middle of it), and for all others, whose call hangs there. Of typed arrays the latter have only what is read after
//! the call, as native code stores no more than that. Variables with a scope of their own (`Function::locals`) are live up to its end.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

use lockstep_bytecode::{Cfg, FuncId, Kind, Liveness, Pc, Reg, RegSet};
use lockstep_layout::{Frame, FrameFlags, Mark, Slot, payload_offset};

use crate::closure::UpvalueRef;
use crate::collector::{Marker, Roots};
use crate::dynamic::{Dynamic, UnwindEnd, Unwinding};
use crate::modules::Modules;
use crate::request::{POLL_FINALIZERS, SharedCtx};
use crate::thread::{Thread, ThreadStatus};

/// The liveness maps of functions, made when they are first asked for.
#[derive(Debug)]
pub(crate) struct Maps {
    modules: *const Modules,
    maps: HashMap<FuncId, Map>,
}

/// What of a function's registers is marked.
#[derive(Debug)]
struct Map {
    liveness: Liveness,
    /// The registers of variables in scope, per instruction; empty if there are none. Programs can look at them (`debug.getlocal`), and objects live as long as in Lua.
    held: Vec<RegSet>,
}

/// What the collector asks. It lies at an address of its own, and reaches the parts of the VM by theirs.
pub(crate) struct VmRoots {
    maps: Maps,
    dynamic: *mut Dynamic,
    main: *mut Thread,
    /// Asked for attention if finalizers wait.
    ctx: Arc<SharedCtx>,
}

impl VmRoots {
    /// The roots of a VM with these parts, whose addresses never change.
    pub(crate) fn new(
        modules: *const Modules,
        dynamic: *mut Dynamic,
        main: *mut Thread,
        ctx: Arc<SharedCtx>,
    ) -> VmRoots {
        VmRoots { maps: Maps { modules, maps: HashMap::new() }, dynamic, main, ctx }
    }
}

impl Roots for VmRoots {
    fn trace(&mut self, marker: &mut Marker) {
        // SAFETY: the parts live as long as the VM, which sets these roots only while a program runs. A collection happens where the innermost frame's pc
        // is stored, so that its live registers hold valid values.
        unsafe {
            (*self.dynamic).for_each_root(|value| marker.mark(value));
            let mut thread = (*self.dynamic).current;
            self.maps.thread(thread, (*self.dynamic).frame, marker);
            while !(*thread).resumer.is_null() {
                marker.mark((*thread).object);
                thread = (*thread).resumer;
                self.maps.thread(thread, (*thread).frame, marker);
            }
            debug_assert!(thread == self.main, "the main program waits for all others");
        }
    }

    fn prune(&mut self) {
        // SAFETY: as above; nothing is freed yet.
        unsafe {
            let mut thread = (*self.dynamic).current;
            while !thread.is_null() {
                (*thread).open = UpvalueRef::prune_open((*thread).open);
                thread = (*thread).resumer;
            }
        }
    }

    fn finished(&mut self, finalizers: usize) {
        if finalizers != 0 {
            self.ctx.ask(POLL_FINALIZERS);
        }
    }
}

impl Maps {
    /// Marks what a thread holds; `innermost` is its innermost frame.
    ///
    /// # Safety
    /// The thread's frames are live, and their pcs stored.
    unsafe fn thread(&mut self, thread: *const Thread, innermost: *mut Frame, marker: &mut Marker) {
        // SAFETY: the caller says so.
        unsafe {
            marker.mark((*thread).object);
            marker.mark((*thread).start);
            (*thread).failure.into_iter().for_each(|value| marker.mark(value));
            if !crate::planted!("missing-root") {
                (*thread).to_close.iter().for_each(|&slot| marker.mark(*slot));
            }
            for Unwinding { closing, pending, .. } in &(*thread).unwinding {
                closing.iter().for_each(|&value| marker.mark(value));
                let pending = pending.iter().flat_map(|pending| [pending.value, pending.raised_by]);
                pending.for_each(|value| marker.mark(value));
            }
            let (mut frame, mut is_resumed) = (innermost, true);
            while !frame.is_null() {
                // Where frames are left up to here, the instruction is not executed; where a finalizer was left, it is, whoever closes its variables.
                if let Some(unwinding) = (*thread).unwinding.iter().rfind(|unwinding| unwinding.catcher == frame) {
                    is_resumed = unwinding.end == UnwindEnd::Finalizer;
                }
                self.frame(frame, is_resumed, marker);
                is_resumed = (*frame).flags & FrameFlags::FINALIZER != 0;
                frame = (*frame).caller as *mut Frame;
            }
        }
    }

    /// Marks the live registers of a frame. `is_resumed` if it is to execute the instruction at its pc.
    ///
    /// # Safety
    /// The frame is live, and its pc stored.
    unsafe fn frame(&mut self, frame: *mut Frame, is_resumed: bool, marker: &mut Marker) {
        // SAFETY: the frame has a slot for each register; live ones hold valid values of their kinds.
        unsafe {
            let Frame { func, pc, callee, flags, .. } = *frame;
            marker.mark_address(callee);
            let (func, pc) = (FuncId(func), Pc(pc));
            let (module, local) = (*self.modules).find(func);
            let function = module.function(local);
            let map = self.maps.entry(func).or_insert_with(|| {
                let cfg = Cfg::new(function);
                let liveness = Liveness::new(module, function, &cfg);
                let held = function.variables_held(&cfg, &liveness);
                Map { liveness, held }
            });
            let (before, mut across) = (map.liveness.before(pc), map.liveness.after(pc));
            let held = map.held.get(pc.index()).copied().unwrap_or_default();
            function.instr(pc).for_each_def(|reg| across.remove(reg));
            // What waits for its variables to be closed, as a return does, is executed again. Native code has no such frames, so that every slot is stored.
            let is_executed = is_resumed || flags & FrameFlags::CLOSING != 0;
            let slots = frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
            for (index, register) in function.registers.iter().enumerate() {
                let reg = Reg(index as u8);
                let slot = slots.add(index);
                let live = if !is_resumed && crate::planted!("stale-operands") { across } else { before };
                if register.kind == Kind::Any && live.union(held).contains(reg) {
                    marker.mark(*slot);
                } else if register.kind.element().is_some() && (if is_executed { before } else { across }).contains(reg)
                {
                    marker.mark_address((*slot).payload);
                }
            }
            if flags & FrameFlags::VARARG != 0 {
                let number = frame.cast::<Slot>().sub(1);
                let count = (*number).payload as usize;
                (1..=count).for_each(|i| marker.mark(*number.sub(i)));
            }
        }
    }
}

/// Marks what a suspended coroutine holds.
///
/// # Safety
/// `state` is the address of a thread that is not running, with its maps.
pub(crate) unsafe fn trace_coroutine(state: *mut c_void, marker: &mut Marker) {
    let thread = state.cast::<Thread>();
    // SAFETY: the caller says so. A thread that runs, or waits for one that does, is traced by the roots.
    unsafe {
        if (*thread).status == ThreadStatus::Suspended || (*thread).status == ThreadStatus::Dead {
            let maps = (*thread).maps.cast::<Maps>();
            let innermost = if (*thread).status == ThreadStatus::Dead { std::ptr::null_mut() } else { (*thread).frame };
            (*maps).thread(thread, innermost, marker);
        }
    }
}

/// Takes unreachable upvalues off a coroutine's list.
///
/// # Safety
/// As for [`trace_coroutine`].
pub(crate) unsafe fn prune_coroutine(state: *mut c_void) {
    let thread = state.cast::<Thread>();
    // SAFETY: the caller says so.
    unsafe { (*thread).open = UpvalueRef::prune_open((*thread).open) }
}

/// Frees the state of an unreachable coroutine. Upvalues that others still reach keep their values.
///
/// # Safety
/// `state` is the address of a thread that was made by `Box::into_raw`, and nobody uses it afterwards.
pub(crate) unsafe fn release_coroutine(state: *mut c_void) {
    // SAFETY: the caller says so. An open upvalue of the list is not freed yet; its slot lies in the thread's stack.
    unsafe {
        let thread = Box::from_raw(state.cast::<Thread>());
        let mut open = thread.open;
        while open != 0 {
            let upvalue = UpvalueRef::from_payload(open).as_ptr();
            open = (*upvalue).next_open;
            (*upvalue).closed = *((*upvalue).slot as *const Slot);
            (*upvalue).slot = &raw mut (*upvalue).closed as u64;
            (*upvalue).next_open = 0;
            // What the upvalue refers to was reached through it already, so that this is all of a barrier.
            (*upvalue).object.mark &= !Mark::BARRIER;
        }
    }
}

impl VmRoots {
    /// The address of the maps, for threads of coroutines.
    pub(crate) fn maps(&mut self) -> *mut c_void {
        (&raw mut self.maps).cast()
    }
}
