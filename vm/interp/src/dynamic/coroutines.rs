//! Coroutines: each a thread of its own, between which the loop switches by changing its registers.

use lockstep_bytecode::{Count, ErrorKind, Instr, Reg};
use lockstep_layout::{ClosureHeader, Frame, FrameFlags, Slot, Tag};
use lockstep_runtime::{CoroutineRef, Pending, Stack, Thread, ThreadStatus, UnwindEnd, Unwinding};

use super::{Go, Here, Outcome, is_function, no_memory};
use crate::activation::Registers;

impl Here<'_> {
    /// `coroutine`.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    #[inline(never)]
    pub unsafe fn create_coroutine(&mut self, dst: Reg, a: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let function = *self.slot(a);
            if !is_function(function) {
                if self.is_in_library() {
                    let got = self.given(function);
                    return Err(self.library_argument(0, &format!("function expected, got {got}")));
                }
                let message = format!("a coroutine runs a function, not a {} value", self.type_of(function));
                return self.fail(ErrorKind::TypeError, message);
            }
            let heap = self.heap();
            let coroutine = heap.new_coroutine().map_err(no_memory)?;
            let kept = heap.kept();
            heap.keep(coroutine.slot());
            let charged = heap.charge_coroutine(coroutine, (size_of::<Thread>() + Stack::SMALL) as u64);
            heap.release_to(kept);
            charged.map_err(no_memory)?;
            let stack = Stack::small(0).map_err(no_memory)?;
            let thread = Box::new(Thread::new(stack, coroutine.slot(), *self.slot(a)));
            self.vm().attach(coroutine, thread);
            self.slot(dst).write(coroutine.slot());
            Ok(Go::Next)
        }
    }

    /// The thread of a coroutine.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    unsafe fn coroutine_of(&mut self, value: Slot) -> Result<*mut Thread, ErrorKind> {
        // SAFETY: the caller says so. A coroutine that a program can name has its thread.
        unsafe {
            match CoroutineRef::from_slot(value) {
                Some(coroutine) => Ok(coroutine.state().cast()),
                None if self.is_in_library() => {
                    let got = self.given(value);
                    Err(self.library_argument(0, &format!("thread expected, got {got}")))
                }
                None => {
                    let message = format!("coroutine expected, got {}", self.type_of(value));
                    self.fail(ErrorKind::TypeError, message)
                }
            }
        }
    }

    /// What a library's function was given as its first argument, for messages.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    unsafe fn given(&self, value: Slot) -> String {
        // SAFETY: the caller says so. Only of vararg functions it is known whether there was an argument.
        unsafe {
            let frame = self.s.frame;
            let is_missing = (*frame).flags & FrameFlags::VARARG != 0 && (*frame.cast::<Slot>().sub(1)).tag == 0;
            if is_missing { "no value".to_owned() } else { self.type_of(value) }
        }
    }

    /// `resume`.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    #[inline(never)]
    pub unsafe fn resume(&mut self, base: Reg, args: Count, results: Count) -> Outcome {
        // SAFETY: the caller says so. Only the running thread's frames are used; the other's are as it has left them.
        unsafe {
            self.store_pc();
            let thread = self.coroutine_of(*self.slot(base))?;
            let current = self.vm().dynamic.current;
            if (*thread).status != ThreadStatus::Suspended {
                let what = if (*thread).status == ThreadStatus::Dead { "dead" } else { "non-suspended" };
                self.vm().dynamic.open.clear();
                let text = format!("cannot resume {what} coroutine");
                let text = self.heap().new_string(text.as_bytes()).map_err(no_memory)?;
                return self.resumed(base, results, thread, Some(text.slot()));
            }
            let depth = (*self.s.frame).depth;
            if depth >= (*self.ctx).depth_limit {
                return Err(ErrorKind::StackOverflow);
            }
            let start = std::mem::replace(&mut (*thread).start, Slot::NIL);
            let given = self.slot(base).add(1);
            if !start.is_nil() {
                self.stage(base, 1, args);
            }
            if start.is(Tag::FOREIGN) {
                // It needs no stack of its own, and does not become the current thread.
                (*thread).status = ThreadStatus::Running;
                let outcome = self.call_host(start);
                (*thread).status = ThreadStatus::Dead;
                if let Err(kind) = outcome {
                    self.leave_pending(kind);
                    if kind.is_final() {
                        return Ok(self.pass_on());
                    }
                    let pending = self.vm().dynamic.pending.take();
                    let value = pending.map_or(Slot::NIL, |pending| pending.value);
                    (*thread).failure = Some(value);
                }
                return self.resumed(base, results, thread, (*thread).failure);
            }
            ((*current).frame, (*current).status) = (self.s.frame, ThreadStatus::Normal);
            ((*thread).resumer, (*thread).status) = (current, ThreadStatus::Running);
            self.vm().switch_to(thread);
            if start.is_nil() {
                *self.s = Registers::of(self.ctx, (*thread).frame);
                let Instr::YieldAny { values, results, .. } = self.instr() else {
                    unreachable!("a suspended coroutine waits in a yield")
                };
                self.hand_over(given, args, values, results, None);
                return Ok(Go::Next);
            }
            let first = (*thread).stack.base() as *mut Frame;
            let closure = start.payload as *mut ClosureHeader;
            match self.lay_frame(first, closure, std::ptr::null_mut(), depth + 1, FrameFlags::BASE) {
                Ok(()) => Ok(Go::Continue),
                Err(kind) => {
                    (*thread).status = ThreadStatus::Dead;
                    (*current).status = ThreadStatus::Running;
                    self.vm().switch_to(current);
                    Err(kind)
                }
            }
        }
    }

    /// A resume ends with what is staged, or because the coroutine has failed with a value.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`]; the registers are at the instruction, which has resumed the thread.
    unsafe fn resumed(&mut self, base: Reg, results: Count, thread: *mut Thread, failure: Option<Slot>) -> Outcome {
        // SAFETY: the caller says so. The handler is a register that the instruction reads.
        unsafe {
            match (self.instr(), failure) {
                (Instr::ResumeOrAny { handler, .. }, Some(value)) => {
                    // Another thread may have run meanwhile.
                    self.store_pc();
                    self.stage_values(&[(*thread).object, value]);
                    return self.call_value(*self.slot(handler), 0);
                }
                (Instr::ResumeOrAny { .. }, None) => self.place(base, results, None),
                (_, Some(value)) => {
                    self.stage_values(&[value]);
                    self.place(base, results, Some(false));
                }
                (_, None) => self.place(base, results, Some(true)),
            }
            Ok(Go::Next)
        }
    }

    /// Goes back to the thread that has resumed the running one, at its `resume`: where that wants results, and what it has in front of them if all is well.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`]; the running thread is a coroutine's.
    unsafe fn switch_back(&mut self, status: ThreadStatus) -> (Reg, Count, Option<bool>) {
        // SAFETY: the caller says so. What has resumed this thread waits, and lives.
        unsafe {
            let thread = self.vm().dynamic.current;
            (*thread).status = status;
            let resumer = std::mem::replace(&mut (*thread).resumer, std::ptr::null_mut());
            (*resumer).status = ThreadStatus::Running;
            self.vm().switch_to(resumer);
            *self.s = Registers::of(self.ctx, (*resumer).frame);
            match self.instr() {
                Instr::ResumeAny { base, results, .. } => (base, results, Some(true)),
                Instr::ResumeOrAny { base, results, .. } => (base, results, None),
                other => unreachable!("`{}` resumes nothing", other.op()),
            }
        }
    }

    /// `yield`.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    #[inline(never)]
    pub unsafe fn suspend(&mut self, values: Reg, args: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let thread = self.vm().dynamic.current;
            if (*thread).resumer.is_null() {
                return self.fail(ErrorKind::TypeError, "attempt to yield from outside a coroutine".to_owned());
            }
            if (*thread).boundaries != 0 {
                return self.fail(ErrorKind::TypeError, "attempt to yield across a C-call boundary".to_owned());
            }
            let given = self.slot(values);
            (*thread).frame = self.s.frame;
            let (base, results, prefix) = self.switch_back(ThreadStatus::Suspended);
            self.hand_over(given, args, base, results, prefix);
            Ok(Go::Next)
        }
    }

    /// The first frame of the running coroutine has returned with what is staged.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    pub unsafe fn finish_coroutine(&mut self) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let (base, results, prefix) = self.switch_back(ThreadStatus::Dead);
            self.place(base, results, prefix);
            Ok(Go::Next)
        }
    }

    /// An error has ended the running coroutine, whose variables to be closed wait for [`Here::close_coroutine`]. One that cannot be caught goes on where it was resumed.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    pub unsafe fn coroutine_failed(&mut self, pending: Pending) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let thread = self.vm().dynamic.current;
            (*thread).failure = Some(pending.value);
            let (base, results, _) = self.switch_back(ThreadStatus::Dead);
            if pending.kind.is_final() {
                self.vm().dynamic.pending = Some(pending);
                return Ok(self.pass_on());
            }
            self.resumed(base, results, thread, Some(pending.value))
        }
    }

    /// `close_coroutine`.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    #[inline(never)]
    pub unsafe fn close_coroutine(&mut self, base: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            self.vm().dynamic.open.clear();
            let thread = self.coroutine_of(*self.slot(base))?;
            let mut failure = None;
            let mut closing = Vec::new();
            match (*thread).status {
                ThreadStatus::Dead => {
                    failure = (*thread).failure.take();
                    closing.extend((*thread).unwinding.drain(..).flat_map(|unwinding| unwinding.closing));
                }
                ThreadStatus::Suspended => {
                    (*thread).status = ThreadStatus::Dead;
                    (*thread).start = Slot::NIL;
                    closing.extend((*thread).unwinding.drain(..).flat_map(|unwinding| unwinding.closing));
                    closing.extend((*thread).to_close.drain(..).map(|slot| *slot));
                    (*thread).close_all(self.heap());
                    (*thread).stack.reset();
                    if let Some(coroutine) = CoroutineRef::from_slot(*self.slot(base)) {
                        self.heap().discharge_coroutine(coroutine, (*thread).bytes());
                    }
                }
                status => {
                    let message = format!("cannot close a {} coroutine", status.name());
                    if self.is_in_library() {
                        return Err(self.library_error(message));
                    }
                    return self.fail(ErrorKind::TypeError, message);
                }
            }
            let kind = ErrorKind::Raised;
            let pending = failure.map(|value| Pending { kind, value, ..Pending::default() });
            let unwinding = Unwinding { catcher: self.s.frame, end: UnwindEnd::Closed, pending, closing };
            self.vm().thread().unwinding.push(unwinding);
            self.unwind_on()
        }
    }

    /// `status`.
    ///
    /// # Safety
    /// As for [`Here::create_coroutine`].
    #[inline(never)]
    pub unsafe fn coroutine_status(&mut self, dst: Reg, a: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let thread = self.coroutine_of(*self.slot(a))?;
            let name = (*thread).status.name();
            let name = self.heap().new_string(name.as_bytes()).map_err(no_memory)?;
            self.slot(dst).write(name.slot());
            Ok(Go::Next)
        }
    }
}
