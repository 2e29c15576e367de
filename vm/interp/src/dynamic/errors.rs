//! Errors as values: raising, message handlers, catching, and leaving frames with what has to be closed in them.
//!
//! An error is *pending* in the VM from the raise on. If an `xpcall` will catch it, its message handler runs first, in a frame on top of the one that
//! raised. Then frames are left up to the one that catches: a protected call, the boundary of the activation, or the first frame of a coroutine. Values to be closed are
//! gathered on the way, and closed by calls from there, one after another; an error in such a call takes the place of the one before.

use lockstep_bytecode::{ErrorKind, FuncId, Instr, Pc};
use lockstep_layout::{Frame, FrameFlags, Slot, Status, frame_size, payload_offset};
use lockstep_runtime::{HostActivation, Metamethod, Pending, UnwindEnd, Unwinding, instr_at};

use super::{Go, Here, Outcome, no_memory};
use crate::activation::{Registers, entry_of};

/// Room that a message handler gets above the limit of depth when that is what it handles.
const HANDLER_DEPTH: u32 = 100;

/// An error in a message handler is handled by the handler again, until so many of them wait for each other.
const HANDLERS: u32 = 10;

impl Here<'_> {
    /// `throw`.
    ///
    /// # Safety
    /// Nobody else uses the VM.
    pub unsafe fn throw(&mut self, value: Slot) -> ErrorKind {
        // SAFETY: the caller says so.
        unsafe { self.vm().dynamic.thrown = value };
        ErrorKind::Raised
    }

    /// Raises a text, as it is.
    ///
    /// # Safety
    /// As for [`Here::throw`].
    pub unsafe fn throw_text(&mut self, text: &str) -> ErrorKind {
        // SAFETY: the caller says so; the string was just made.
        unsafe {
            match self.heap().new_string(text.as_bytes()) {
                Ok(string) => self.throw(string.slot()),
                Err(error) => no_memory(error),
            }
        }
    }

    /// Raises at the current instruction.
    ///
    /// # Safety
    /// The registers are those of a running activation; nobody else uses the VM.
    #[cold]
    #[inline(never)]
    pub unsafe fn raise(&mut self, kind: ErrorKind) -> Go {
        // SAFETY: the caller says so; the frame is live, and so are its callers, each with its pc stored.
        unsafe {
            self.store_pc();
            self.leave_pending(kind);
            self.pass_on()
        }
    }

    /// Makes an error pending that nobody passes on here.
    ///
    /// # Safety
    /// As for [`Here::raise`].
    pub unsafe fn leave_pending(&mut self, kind: ErrorKind) {
        // SAFETY: the caller says so.
        unsafe {
            self.vm().dynamic.staged.clear();
            if self.vm().dynamic.pending.is_none() {
                let pending = self.pending(kind);
                self.vm().dynamic.pending = Some(pending);
            }
            // Who only passes an error on has not raised it.
            self.vm().dynamic.failed_host = Slot::NIL;
        }
    }

    /// The error of this kind, with value and message: with its position where the program itself fails, without one in a library and in functions of the host.
    ///
    /// # Safety
    /// As for [`Here::raise`].
    unsafe fn pending(&mut self, kind: ErrorKind) -> Pending {
        // SAFETY: the caller says so.
        unsafe {
            let vm = self.vm();
            let message = vm.take_message();
            let raised_by = std::mem::replace(&mut vm.dynamic.failed_host, Slot::NIL);
            if kind == ErrorKind::Raised {
                let value = std::mem::replace(&mut vm.dynamic.thrown, Slot::NIL);
                return Pending { kind, value, raised_by, ..Pending::default() };
            }
            let mut value = vm.dynamic.no_memory;
            if kind != ErrorKind::MemoryLimit && !kind.is_final() {
                let what = message.as_deref().unwrap_or(kind.message());
                let is_outside = self.s.frame.is_null() || self.is_in_library() || self.is_in_host();
                let text = match is_outside || self.is_of_library() {
                    true => what.to_owned(),
                    false => {
                        let func = FuncId((*self.s.frame).func);
                        let modules = vm.modules();
                        match modules.place(func, self.s.pc()).1 {
                            // A function whose lines were stripped: functions of the host have no position to name.
                            0 if kind == ErrorKind::HostError => what.to_owned(),
                            0 => format!("{}:-1: {what}", modules.source(func)),
                            line => format!("{}:{line}: {what}", modules.source(func)),
                        }
                    }
                };
                if let Ok(string) = vm.heap_mut().new_string(text.as_bytes()) {
                    value = string.slot();
                }
            }
            Pending { kind, value, message, raised_by, ..Pending::default() }
        }
    }

    /// Whether the running function is a library's.
    ///
    /// # Safety
    /// The registers are those of a running activation.
    pub unsafe fn is_in_library(&self) -> bool {
        // SAFETY: the caller says so.
        unsafe { self.vm().modules().is_library(FuncId((*self.s.frame).func)) }
    }

    /// An error of the running function, which is a library's: with the position of its caller, if that is no library.
    ///
    /// # Safety
    /// As for [`Here::raise`].
    #[cold]
    pub unsafe fn library_error(&mut self, message: String) -> ErrorKind {
        // SAFETY: the caller says so; callers of a live frame are live, each with its pc stored.
        unsafe {
            let caller = (*self.s.frame).caller as *const Frame;
            let modules = self.vm().modules();
            let mut text = message;
            if !caller.is_null() {
                let func = FuncId((*caller).func);
                let (_, line) = modules.place(func, Pc((*caller).pc));
                if line != 0 {
                    text = format!("{}:{line}: {text}", modules.source(func));
                }
            }
            self.throw_text(&text)
        }
    }

    /// The error for an argument, counted from 0, of the running function, which is a library's.
    ///
    /// # Safety
    /// As for [`Here::raise`].
    #[cold]
    pub unsafe fn library_argument(&mut self, index: usize, problem: &str) -> ErrorKind {
        // SAFETY: the caller says so; callers of a live frame are live, each with its pc stored.
        unsafe {
            let frame = self.s.frame;
            let modules = self.vm().modules();
            let caller = (*frame).caller as *const Frame;
            let is_named = !caller.is_null() && (*frame).flags & FrameFlags::BOUNDARY == 0;
            let called = match is_named && !modules.is_library(FuncId((*caller).func)) {
                true => modules.name_of_callee(FuncId((*caller).func), Pc((*caller).pc)),
                false => None,
            };
            let callee = Slot { payload: (*frame).callee, tag: lockstep_layout::Tag::CLOSURE.0 };
            let message = self.argument_message(called, callee, index, problem);
            self.library_error(message)
        }
    }

    /// Whether the instruction stands for a function of Lua's library.
    ///
    /// # Safety
    /// The registers are those of a running activation.
    unsafe fn is_of_library(&self) -> bool {
        // SAFETY: the caller says so.
        let instr = unsafe { self.instr() };
        matches!(instr, Instr::PcallAny { .. } | Instr::XpcallAny { .. } | Instr::YieldAny { .. })
    }

    /// The pending error goes to whoever handles or catches it.
    ///
    /// # Safety
    /// As for [`Here::raise`]; an error is pending, and the pc is stored.
    pub unsafe fn pass_on(&mut self) -> Go {
        // SAFETY: the caller says so.
        unsafe {
            let dynamic = &mut self.vm().dynamic;
            let (kind, is_handled) =
                dynamic.pending.as_ref().map_or((ErrorKind::Interrupted, true), |p| (p.kind, p.is_handled));
            let unwinding = &(*dynamic.current).unwinding;
            let closes = |frame: *mut Frame| {
                unwinding.iter().any(|unwinding| unwinding.catcher == frame && unwinding.end == UnwindEnd::Closed)
            };
            let mut frame = self.s.frame;
            let (mut handlers, mut handler, mut reaches_host) = (0, None, false);
            loop {
                match self.waiting_at(frame) {
                    Instr::PcallAny { .. } if !kind.is_final() && !lockstep_runtime::planted!("leaked-handler") => {
                        break;
                    }
                    // What ends a coroutine catches errors of its close handlers, not its own.
                    Instr::CloseCoroutineAny { .. } if !kind.is_final() && closes(frame) => break,
                    Instr::XpcallAny { handler: reg, .. } if !kind.is_final() => {
                        handler = Some(*crate::slots::slot_at(frame, reg));
                        break;
                    }
                    _ => {}
                }
                handlers += u32::from((*frame).flags & FrameFlags::HANDLER != 0);
                if (*frame).flags & (FrameFlags::FINALIZER | FrameFlags::PROTECTED) != 0 {
                    break;
                }
                if (*frame).caller == 0 {
                    reaches_host = (*frame).flags & FrameFlags::BASE == 0;
                    break;
                }
                frame = (*frame).caller as *mut Frame;
            }
            if handlers >= HANDLERS && !is_handled && !kind.is_final() {
                let value = dynamic.handler_error;
                let kind = ErrorKind::HandlerError;
                dynamic.pending = Some(Pending { kind, value, is_handled: true, ..Pending::default() });
            } else if let Some(handler) = handler
                && !is_handled
            {
                return self.handle(handler);
            }
            if reaches_host || kind.is_final() {
                let traceback = self.vm().traceback(self.s.frame);
                if let Some(pending) = &mut self.vm().dynamic.pending
                    && pending.traceback.innermost.is_empty()
                {
                    pending.traceback = traceback;
                }
            }
            self.unwind()
        }
    }

    /// The instruction that a frame is at.
    ///
    /// # Safety
    /// The frame is live, and its pc stored.
    unsafe fn waiting_at(&self, frame: *mut Frame) -> Instr {
        // SAFETY: the caller says so.
        unsafe { instr_at(((*entry_of(self.ctx, (*frame).func)).code as *const Instr).add((*frame).pc as usize)) }
    }

    /// Calls the message handler, on top of the frame that has raised.
    ///
    /// # Safety
    /// As for [`Here::pass_on`].
    unsafe fn handle(&mut self, handler: Slot) -> Go {
        // SAFETY: the caller says so. The frame is not gone back to, so that its depth does not matter any more.
        unsafe {
            let frame = self.s.frame;
            (*frame).depth = (*frame).depth.min((*self.ctx).depth_limit.saturating_sub(HANDLER_DEPTH));
            let Some(pending) = self.vm().dynamic.pending.take() else { unreachable!("an error is pending") };
            self.stage_values(&[pending.value]);
            if !pending.raised_by.is_nil() {
                self.vm().dynamic.host_stack.push(HostActivation { frame, function: pending.raised_by });
            }
            self.vm().dynamic.handling.push(pending);
            let outcome = match handler {
                handler if handler.is(lockstep_layout::Tag::FOREIGN) => match self.call_host(handler) {
                    Ok(()) => self.handled(),
                    Err(kind) => Err(kind),
                },
                handler => self.call_value(handler, FrameFlags::HANDLER),
            };
            match outcome {
                Ok(go) => go,
                Err(_) => {
                    self.end_handling();
                    let dynamic = &mut self.vm().dynamic;
                    dynamic.failed_host = Slot::NIL;
                    dynamic.staged.clear();
                    let value = dynamic.handler_error;
                    let kind = ErrorKind::HandlerError;
                    self.vm().take_message();
                    dynamic.pending = Some(Pending { kind, value, is_handled: true, ..Pending::default() });
                    self.unwind()
                }
            }
        }
    }

    /// A message handler has returned: what it has staged is raised now.
    ///
    /// # Safety
    /// The registers are those of the frame that has raised; nobody else uses the VM.
    pub unsafe fn handled(&mut self) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let dynamic = &mut self.vm().dynamic;
            let value = dynamic.staged.first().copied().unwrap_or(Slot::NIL);
            dynamic.staged.clear();
            let Some(pending) = self.end_handling() else { unreachable!("a handler handles an error") };
            dynamic.pending = Some(Pending { value, is_handled: true, ..pending });
            Ok(self.unwind())
        }
    }

    /// The innermost message handler is done, in whichever way: the error that it handled.
    ///
    /// # Safety
    /// Nobody else uses the VM.
    unsafe fn end_handling(&mut self) -> Option<Pending> {
        // SAFETY: the caller says so.
        let dynamic = unsafe { &mut self.vm().dynamic };
        let pending = dynamic.handling.pop();
        if pending.as_ref().is_some_and(|pending| !pending.raised_by.is_nil()) {
            dynamic.host_stack.pop();
        }
        pending
    }

    /// Leaves frames up to the one that catches.
    ///
    /// # Safety
    /// As for [`Here::pass_on`].
    unsafe fn unwind(&mut self) -> Go {
        // SAFETY: the chain of callers is live and reaches a boundary or the first frame of a coroutine.
        unsafe {
            let kind = self.vm().dynamic.pending.as_ref().map_or(ErrorKind::Interrupted, |pending| pending.kind);
            let mut closing = Vec::new();
            let mut frame = self.s.frame;
            let end = loop {
                let thread = self.vm().thread();
                if let Some(unwinding) = thread.unwinding.last()
                    && unwinding.catcher == frame
                {
                    if !kind.is_final() {
                        break unwinding.end;
                    }
                    thread.unwinding.pop();
                }
                if !kind.is_final()
                    && matches!(self.waiting_at(frame), Instr::PcallAny { .. } | Instr::XpcallAny { .. })
                {
                    break UnwindEnd::Caught;
                }
                let Frame { flags, caller, .. } = *frame;
                self.abandon(frame, &mut closing);
                if flags & FrameFlags::BOUNDARY != 0 {
                    break UnwindEnd::Boundary;
                }
                if flags & FrameFlags::BASE != 0 {
                    break UnwindEnd::Coroutine;
                }
                if flags & FrameFlags::SEGMENT != 0 {
                    self.vm().pop_segment();
                }
                frame = caller as *mut Frame;
                if flags & FrameFlags::FINALIZER != 0 {
                    self.vm().thread().boundaries -= 1;
                    self.vm().finalized();
                    if !kind.is_final() {
                        break UnwindEnd::Finalizer;
                    }
                }
            };
            *self.s = Registers::of(self.ctx, frame);
            if kind.is_final() {
                // Nothing of the program runs any more.
                closing.clear();
            }
            closing.reverse();
            let pending = self.vm().dynamic.pending.take();
            let thread = self.vm().thread();
            match thread.unwinding.last_mut() {
                Some(unwinding) if unwinding.catcher == frame => {
                    unwinding.pending = pending;
                    unwinding.closing.append(&mut closing);
                }
                _ => thread.unwinding.push(Unwinding { catcher: frame, end, pending, closing }),
            }
            match self.unwind_on() {
                Ok(go) => go,
                Err(kind) => self.raise(kind),
            }
        }
    }

    /// A frame is left for good: its variables end. Values to be closed are added to `closing`, innermost first.
    ///
    /// # Safety
    /// The frame is the innermost that is not left yet.
    unsafe fn abandon(&mut self, frame: *mut Frame, closing: &mut Vec<Slot>) {
        // SAFETY: the caller says so; the slots of captured variables and of those to be closed are assigned.
        unsafe {
            let Frame { flags, func, .. } = *frame;
            let dynamic = &mut self.vm().dynamic;
            dynamic.waiting.retain(|(waiting, _)| *waiting != frame);
            if flags & FrameFlags::HANDLER != 0 {
                self.end_handling();
            }
            if flags & (FrameFlags::CAPTURED | FrameFlags::CLOSING) == 0 {
                return;
            }
            let first = frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
            let slots = (*entry_of(self.ctx, func)).frame_slots;
            let end = frame.byte_add(frame_size(u32::from(slots)) as usize).cast::<Slot>();
            let thread = self.vm().thread();
            while let Some(slot) = thread.to_close.pop_if(|slot| *slot >= first && *slot < end) {
                if !lockstep_runtime::planted!("left-open") {
                    closing.push(*slot);
                }
            }
            thread.close_upvalues(self.heap(), first, end);
        }
    }

    /// Goes on leaving: closes the next value, or ends.
    ///
    /// # Safety
    /// The registers are those of the frame that catches; nobody else uses the VM.
    pub unsafe fn unwind_on(&mut self) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            // The frames that were left are no roots any more, and their segments may be gone.
            self.store_pc();
            let thread = self.vm().thread();
            let Some(unwinding) = thread.unwinding.last_mut() else { unreachable!("frames are being left") };
            if unwinding.end == UnwindEnd::Coroutine {
                // What is to be closed stays with the coroutine until somebody closes it.
                let Some(pending) = unwinding.pending.take() else { unreachable!("an error ends the coroutine") };
                return self.coroutine_failed(pending);
            }
            if let Some(value) = unwinding.closing.pop() {
                let error = unwinding.pending.as_ref().map_or(Slot::NIL, |pending| pending.value);
                let handler = self.heap().metamethod(value, Metamethod::Close);
                self.stage_values(&[value, error]);
                return self.call_value(handler, FrameFlags::UNWIND);
            }
            let Some(Unwinding { end, pending, .. }) = thread.unwinding.pop() else { unreachable!("it was there") };
            match (end, self.instr()) {
                (UnwindEnd::Caught, Instr::PcallAny { base, results, .. } | Instr::XpcallAny { base, results, .. })
                | (UnwindEnd::Closed, Instr::CloseCoroutineAny { base, results, .. }) => {
                    let value = pending.as_ref().map(|pending| pending.value);
                    self.stage_values(value.as_slice());
                    self.place(base, results, Some(value.is_none()));
                    Ok(Go::Next)
                }
                (UnwindEnd::Finalizer, _) => {
                    let message = pending.map(|pending| pending.says(self.heap()));
                    self.vm().dynamic.warnings.extend(message);
                    Ok(Go::Continue)
                }
                _ => {
                    self.vm().dynamic.pending = pending;
                    if (*self.s.frame).flags & FrameFlags::SEGMENT != 0 {
                        self.vm().pop_segment();
                    }
                    Ok(Go::Leave(Status::ERROR))
                }
            }
        }
    }
}
