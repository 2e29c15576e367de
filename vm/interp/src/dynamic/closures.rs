//! Closures, upvalues, and the ends of variables.

use lockstep_bytecode::{Capture, ErrorKind, FuncId, Reg, TemplateId};
use lockstep_layout::{CLOSURE_UPVALUES, FrameFlags, Slot};
use lockstep_runtime::{FunctionInfo, Metamethod, UpvalueRef};

use super::{Go, Here, Outcome, no_memory};
use crate::activation::entry_of;

impl Here<'_> {
    /// The slots of the frame: the first, and the one behind the last.
    ///
    /// # Safety
    /// The frame is live.
    pub unsafe fn bounds(&self) -> (*mut Slot, *mut Slot) {
        // SAFETY: the caller says so.
        unsafe { (self.slot(Reg(0)), self.s.top.cast()) }
    }

    /// `closure`.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    #[inline(never)]
    pub unsafe fn closure(&mut self, dst: Reg, template: TemplateId) -> Outcome {
        // SAFETY: the caller says so. The closure is kept while its upvalues are made.
        unsafe {
            self.store_pc();
            let frame = self.s.frame;
            let info = (*entry_of(self.ctx, (*frame).func)).info as *const FunctionInfo;
            let template = &(&(*info).templates)[usize::from(template.0)];
            let vm = self.vm();
            let heap = vm.heap_mut();
            let closure = heap.new_closure(template.func.0, template.captures.len() as u32).map_err(no_memory)?;
            let kept = heap.kept();
            heap.keep(if lockstep_runtime::planted!("unrooted-closure") { Slot::NIL } else { closure.slot() });
            let (first, end) = self.bounds();
            for (index, capture) in template.captures.iter().enumerate() {
                let upvalue = match capture {
                    Capture::Upvalue(own) => Ok(self.upvalue(own.0)),
                    Capture::Register(reg) => {
                        (*frame).flags |= FrameFlags::CAPTURED;
                        let slot = self.slot(*reg);
                        (*self.vm().dynamic.current).capture(self.heap(), slot, first, end)
                    }
                };
                match upvalue {
                    Ok(upvalue) => closure.set_upvalue(self.heap(), index as u32, upvalue),
                    Err(error) => {
                        self.heap().release_to(kept);
                        return Err(no_memory(error));
                    }
                }
            }
            self.heap().release_to(kept);
            self.slot(dst).write(closure.slot());
            Ok(Go::Next)
        }
    }

    /// An upvalue of the running closure.
    ///
    /// # Safety
    /// The frame is one of a closure with this upvalue.
    #[inline(always)]
    pub unsafe fn upvalue(&self, index: u8) -> UpvalueRef {
        // SAFETY: the caller says so.
        unsafe {
            let first = (*self.s.frame).callee + u64::from(CLOSURE_UPVALUES);
            UpvalueRef::from_payload((first as *const u64).add(usize::from(index)).read())
        }
    }

    /// `to_be_closed`.
    ///
    /// # Safety
    /// As for [`Here::closure`].
    #[inline(never)]
    pub unsafe fn mark_to_close(&mut self, a: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let value = *self.slot(a);
            if value.is_falsy() {
                return Ok(Go::Next);
            }
            if self.heap().metamethod(value, Metamethod::Close).is_nil() {
                let name = self.vm().modules().name_of_closing(FuncId((*self.s.frame).func), self.s.pc(), a);
                let message = format!("variable '{}' got a non-closable value", name.as_deref().unwrap_or("?"));
                return self.fail(ErrorKind::TypeError, message);
            }
            (*self.s.frame).flags |= FrameFlags::CLOSING;
            let slot = self.slot(a);
            self.vm().thread().to_close.push(slot);
            Ok(Go::Next)
        }
    }

    /// `close`: ends the variables from a register on.
    ///
    /// # Safety
    /// As for [`Here::closure`].
    #[inline(never)]
    pub unsafe fn close(&mut self, from: u8) -> Outcome {
        // SAFETY: the caller says so; the slot is only compared.
        unsafe {
            let first = self.slot(Reg(0)).add(usize::from(from));
            self.end_variables(first).unwrap_or(Ok(Go::Next))
        }
    }

    /// The innermost variable of the frame from `first` on that is to be closed.
    ///
    /// # Safety
    /// The frame is live.
    pub unsafe fn next_to_close(&self, first: *mut Slot) -> Option<*mut Slot> {
        // SAFETY: the caller says so.
        unsafe {
            let (_, end) = self.bounds();
            self.vm().thread().to_close.last().copied().filter(|&slot| slot >= first && slot < end)
        }
    }

    /// Ends the variables of the frame from a slot on. Answers how to go on if one of them is to be closed first: then the instruction is
    /// executed again when that is done.
    ///
    /// # Safety
    /// As for [`Here::closure`].
    pub unsafe fn end_variables(&mut self, first: *mut Slot) -> Option<Outcome> {
        // SAFETY: the caller says so; variables to be closed are assigned.
        unsafe {
            self.store_pc();
            let (_, end) = self.bounds();
            if let Some(slot) = self.next_to_close(first) {
                let thread = self.vm().thread();
                thread.to_close.pop();
                // What captured the variable sees its last value.
                thread.close_upvalues(self.heap(), slot.add(1), end);
                let value = *slot;
                let handler = self.heap().metamethod(value, Metamethod::Close);
                self.stage_values(&[value, Slot::NIL]);
                return Some(self.call_value(handler, 0));
            }
            if !lockstep_runtime::planted!("lost-upvalue") {
                self.vm().thread().close_upvalues(self.heap(), first, end);
            }
            None
        }
    }
}
