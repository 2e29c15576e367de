//! Calls of values, returns of any number of them, and how the instruction that caused a call is finished.
//!
//! Arguments and results pass through `staged`, a list of the VM, wherever they do not go straight from registers to registers
//! (the arms' fast paths).

use lockstep_bytecode::{Count, ErrorKind, FuncId, Instr, Reg, Sem, Test};
use lockstep_layout::{
    ClosureHeader, Frame, FrameFlags, FunctionTraits, Slot, Status, Tag, frame_size, payload_offset,
};
use lockstep_runtime::{CallKind, HostError, Metamethod, Named, instr_at, push_slots};

use super::names::in_parentheses;
use super::{Go, Here, Outcome, is_function};
use crate::activation::{
    Registers, attend, chain_segment, count_down, counts_of, entry_of, interrupted, is_asked, native_fits,
};
use crate::slots::{copy_slots, read, slot_at};

/// How often `__call` may stand for another value that is no function.
const CALL_CHAIN: usize = 100;

/// How many calls from functions of the host may be nested, as in Lua: they take room on the machine's stack, and all machines shall see the same limit.
const HOST_CALLS: u32 = 200;

/// Flags that a tail call leaves to the frame that takes the place of the caller's.
const INHERITED: u32 = FrameFlags::BOUNDARY
    | FrameFlags::SEGMENT
    | FrameFlags::BASE
    | FrameFlags::HANDLER
    | FrameFlags::UNWIND
    | FrameFlags::FINALIZER
    | 0xff << FrameFlags::AUX_SHIFT;

impl Here<'_> {
    // ---- staging --------------------------------------------------------------------------------------------------------

    /// Stages registers, and the open list behind them if it belongs to them.
    ///
    /// # Safety
    /// The frame has these registers; nobody else uses the VM.
    pub unsafe fn stage(&mut self, first: Reg, skip: usize, count: Count) {
        // SAFETY: the caller says so.
        unsafe {
            let dynamic = &mut self.vm().dynamic;
            dynamic.staged.clear();
            if count.is_open() && count.fixed() == 0 {
                std::mem::swap(&mut dynamic.staged, &mut dynamic.open);
                return;
            }
            let from = slot_at(self.s.frame, first).add(skip);
            push_slots(&mut dynamic.staged, std::slice::from_raw_parts(from, count.fixed()));
            if count.is_open() {
                dynamic.staged.append(&mut dynamic.open);
            }
        }
    }

    /// Stages values.
    ///
    /// # Safety
    /// Nobody else uses the VM.
    pub unsafe fn stage_values(&mut self, values: &[Slot]) {
        // SAFETY: the caller says so.
        let staged = unsafe { &mut self.vm().dynamic.staged };
        staged.clear();
        staged.extend_from_slice(values);
    }

    /// Puts what is staged where results are wanted, `prefix` in front.
    ///
    /// # Safety
    /// The frame has the registers.
    pub unsafe fn place(&mut self, base: Reg, want: Count, prefix: Option<bool>) {
        // SAFETY: the caller says so.
        unsafe {
            let dynamic = &mut self.vm().dynamic;
            let prefix = prefix.map(Slot::bool);
            if want.is_open() {
                dynamic.open.clear();
                dynamic.open.extend(prefix);
                dynamic.open.append(&mut dynamic.staged);
                return;
            }
            let mut values = prefix.into_iter().chain(dynamic.staged.iter().copied());
            let to = slot_at(self.s.frame, base);
            for i in 0..want.fixed() {
                to.add(i).write(values.next().unwrap_or(Slot::NIL));
            }
            dynamic.staged.clear();
        }
    }

    /// Hands values of another frame, and the open list behind them if it belongs to them, to where the registers' instruction wants them, `prefix` in front.
    ///
    /// # Safety
    /// So many slots can be read, and the frame has the registers; they do not overlap.
    pub unsafe fn hand_over(&mut self, from: *const Slot, count: Count, base: Reg, want: Count, prefix: Option<bool>) {
        // SAFETY: the caller says so.
        unsafe {
            let open = &mut self.vm().dynamic.open;
            if !count.is_open() {
                open.clear();
            }
            let fixed = std::slice::from_raw_parts(from, count.fixed());
            if want.is_open() {
                if open.is_empty() {
                    open.extend(prefix.map(Slot::bool));
                    push_slots(open, fixed);
                    return;
                }
                if !fixed.is_empty() {
                    open.splice(0..0, fixed.iter().copied());
                }
                if let Some(prefix) = prefix {
                    open.insert(0, Slot::bool(prefix));
                }
                return;
            }
            let (mut to, mut wanted) = (slot_at(self.s.frame, base), want.fixed());
            if let Some(prefix) = prefix
                && wanted != 0
            {
                to.write(Slot::bool(prefix));
                (to, wanted) = (to.add(1), wanted - 1);
            }
            let first = fixed.len().min(wanted);
            copy_slots(from, first, to, first);
            copy_slots(open.as_ptr(), open.len(), to.add(first), wanted - first);
            open.clear();
        }
    }

    // ---- calls ----------------------------------------------------------------------------------------------------------

    /// The instruction calls the value of `base`.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    #[inline(never)]
    pub unsafe fn call_registers(&mut self, base: Reg, args: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            self.stage(base, 1, args);
            self.call_value(*self.slot(base), 0)
        }
    }

    /// `call`, of anything but a closure whose frame is a matter of copying registers.
    ///
    /// # Safety
    /// As for [`Here::call_registers`].
    #[inline(never)]
    pub unsafe fn call_any(&mut self, base: Reg, args: Count, results: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let slots = self.slot(base);
            let callee = read(slots);
            if callee.is(Tag::FOREIGN) {
                let given = std::slice::from_raw_parts(slots.add(1), args.fixed());
                self.call_foreign(callee, given, args.is_open(), slots, results)?;
                return Ok(Go::Next);
            }
            if callee.is(Tag::CLOSURE) && !args.is_open() {
                let given = std::slice::from_raw_parts(slots.add(1), args.fixed());
                self.push_closure_with(callee.payload as *mut ClosureHeader, 0, given)?;
                return Ok(Go::Continue);
            }
            self.stage(base, 1, args);
            self.call_value(callee, 0)
        }
    }

    /// Calls a function of the host with values of the frame, and the open list if that belongs to them; the results come to `to`, or make the open list.
    ///
    /// # Safety
    /// As for [`Here::call_value`]; the values are live in the frame, which has the slots.
    pub unsafe fn call_foreign(
        &mut self,
        foreign: Slot,
        args: &[Slot],
        open: bool,
        to: *mut Slot,
        results: Count,
    ) -> Result<(), ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let vm = self.vm();
            let first = vm.dynamic.results.len();
            let outer = std::mem::replace(&mut vm.dynamic.host_frame, self.s.frame);
            let outcome = vm.call_host_with(foreign, args, open);
            let dynamic = &mut *self.vm().dynamic;
            dynamic.host_frame = outer;
            if let Err(error) = outcome {
                return Err(self.host_error(foreign, error));
            }
            if results.is_open() {
                dynamic.open.clear();
                dynamic.open.extend(dynamic.results.drain(first..));
                return Ok(());
            }
            let given = dynamic.results.len() - first;
            copy_slots(dynamic.results.as_ptr().add(first), given, to, results.fixed());
            dynamic.results.truncate(first);
            Ok(())
        }
    }

    /// Calls a value with what is staged. The flags are the new frame's.
    ///
    /// # Safety
    /// As for [`Here::call_registers`]; the pc is stored.
    pub unsafe fn call_value(&mut self, callee: Slot, flags: u32) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let callee = self.resolve(callee)?;
            if callee.is(Tag::FOREIGN) {
                self.call_host(callee)?;
                return self.deliver(flags);
            }
            self.push_closure(callee.payload as *mut ClosureHeader, flags)?;
            Ok(Go::Continue)
        }
    }

    /// # Safety
    /// As for [`Here::call_value`].
    #[cold]
    unsafe fn not_callable(&mut self, callee: Slot) -> ErrorKind {
        // SAFETY: the caller says so.
        unsafe {
            self.vm().dynamic.staged.clear();
            let name = in_parentheses(self.name_of_callee());
            let message = format!("attempt to call a {} value{name}", self.type_of(callee));
            self.vm().set_message(message);
            ErrorKind::TypeError
        }
    }

    /// Makes a frame for a closure behind the running one, with what is staged as arguments, and goes there.
    ///
    /// # Safety
    /// As for [`Here::call_value`]; the closure is live.
    pub unsafe fn push_closure(&mut self, closure: *mut ClosureHeader, flags: u32) -> Result<(), ErrorKind> {
        // SAFETY: the caller says so.
        unsafe { self.with_staged(|here, args| here.push_closure_with(closure, flags, args)) }
    }

    /// The same, with arguments that lie elsewhere.
    ///
    /// # Safety
    /// As for [`Here::push_closure`]; the arguments are roots, and lie in front of the top of the stack.
    pub unsafe fn push_closure_with(
        &mut self,
        closure: *mut ClosureHeader,
        flags: u32,
        args: &[Slot],
    ) -> Result<(), ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let caller = self.s.frame;
            let depth = if caller.is_null() { 0 } else { (*caller).depth };
            if depth >= (*self.ctx).depth_limit {
                return Err(ErrorKind::StackOverflow);
            }
            self.lay_frame_with(self.s.top, closure, caller, depth + 1, flags, args)
        }
    }

    /// Uses up what is staged.
    ///
    /// # Safety
    /// Nobody else uses the VM; nothing that `then` does touches what is staged, which is a root.
    unsafe fn with_staged<T>(&mut self, then: impl FnOnce(&mut Self, &[Slot]) -> T) -> T {
        // SAFETY: the caller says so.
        unsafe {
            let staged = &self.vm().dynamic.staged;
            let args = std::slice::from_raw_parts(staged.as_ptr(), staged.len());
            let result = then(self, args);
            self.vm().dynamic.staged.clear();
            result
        }
    }

    /// Makes a frame at `base` or, if there is no room, in a new segment; and goes there.
    ///
    /// # Safety
    /// As for [`Here::push_closure`]; behind `base` nothing of the segment is in use.
    pub unsafe fn lay_frame(
        &mut self,
        base: *mut Frame,
        closure: *mut ClosureHeader,
        caller: *mut Frame,
        depth: u32,
        flags: u32,
    ) -> Result<(), ErrorKind> {
        // SAFETY: the caller says so.
        unsafe { self.with_staged(|here, args| here.lay_frame_with(base, closure, caller, depth, flags, args)) }
    }

    /// The same, with arguments that lie elsewhere.
    ///
    /// # Safety
    /// As for [`Here::lay_frame`]; the arguments are roots, and do not overlap the frame.
    pub unsafe fn lay_frame_with(
        &mut self,
        mut base: *mut Frame,
        closure: *mut ClosureHeader,
        caller: *mut Frame,
        depth: u32,
        mut flags: u32,
        args: &[Slot],
    ) -> Result<(), ErrorKind> {
        // SAFETY: a closure's function is generic; the segment has room for what was checked.
        unsafe {
            let ctx = self.ctx;
            let func = (*closure).function;
            let entry = entry_of(ctx, func);
            let (params, traits) = (usize::from((*entry).params), (*entry).traits);
            let count = args.len();
            let mut below = 0;
            if traits & FunctionTraits::VARARG != 0 {
                below = (count.saturating_sub(params) + 1) * size_of::<Slot>();
                flags |= FrameFlags::VARARG;
            }
            let size = frame_size(u32::from((*entry).frame_slots)) as usize;
            if base as u64 + (below + size) as u64 > (*ctx).segment_end {
                // Counting the segment may collect: what is called may have no one else to keep it.
                let kept = self.heap().kept();
                self.heap().keep(Slot { payload: closure as u64, tag: Tag::CLOSURE.0 });
                let charged = self.vm().charge_segment(below + size);
                self.heap().release_to(kept);
                match charged.ok().and_then(|()| chain_segment(ctx, below + size)) {
                    Some(chained) => base = chained,
                    None => return Err(ErrorKind::MemoryLimit),
                }
                flags |= FrameFlags::SEGMENT;
            }
            let frame = base.byte_add(below);
            frame.write(Frame { func, pc: 0, caller: caller as u64, depth, flags, callee: closure as u64 });
            let slots = frame.byte_add(payload_offset(0) as usize).cast::<Slot>();
            copy_slots(args.as_ptr(), count, slots, params);
            if traits & FunctionTraits::VARARG != 0 {
                let mut extra = args.get(params..).unwrap_or_default();
                if lockstep_runtime::planted!("lost-vararg") && extra.len() > 1 {
                    extra = &extra[..extra.len() - 1];
                }
                let number = frame.cast::<Slot>().sub(1);
                number.write(Slot { payload: extra.len() as u64, tag: count as u64 });
                copy_slots(extra.as_ptr(), extra.len(), number.sub(extra.len()), extra.len());
            }
            if traits & FunctionTraits::FIXED != 0 {
                crate::activation::fresh_registers(frame, entry, params);
            }
            let code = (*entry).code as *const Instr;
            *self.s = Registers { frame, code, ip: code, top: frame.byte_add(size), counts: counts_of(entry) };
            Ok(())
        }
    }

    /// The arguments behind the parameters of the running frame.
    ///
    /// # Safety
    /// The frame is one of a vararg function, and stays so as long as the slice is used.
    pub unsafe fn extra_arguments<'a>(frame: *mut Frame) -> &'a [Slot] {
        // SAFETY: `lay_frame` has put them there, and their number just below the frame.
        unsafe {
            let number = frame.cast::<Slot>().sub(1);
            let count = (*number).payload as usize;
            std::slice::from_raw_parts(number.sub(count), count)
        }
    }

    /// `vararg`.
    ///
    /// # Safety
    /// The registers are those of a running activation of a vararg function; nobody else uses the VM.
    pub unsafe fn vararg(&mut self, values: Reg, count: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let extra = Self::extra_arguments(self.s.frame);
            if count.is_open() {
                let open = &mut self.vm().dynamic.open;
                open.clear();
                push_slots(open, extra);
            } else {
                copy_slots(extra.as_ptr(), extra.len(), self.slot(values), count.fixed());
            }
            Ok(Go::Next)
        }
    }

    /// Calls a function of the host with what is staged; its results are staged then.
    ///
    /// # Safety
    /// As for [`Here::call_value`]; `foreign` refers to a live function of the host.
    pub unsafe fn call_host(&mut self, foreign: Slot) -> Result<(), ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let vm = self.vm();
            let outer = std::mem::replace(&mut vm.dynamic.host_frame, self.s.frame);
            let outcome = vm.call_host_function(foreign);
            self.vm().dynamic.host_frame = outer;
            outcome.map_err(|error| self.host_error(foreign, error))
        }
    }

    /// Calls a value for a function of the host: `run` runs an activation of its own. The results are staged; otherwise an error is pending.
    ///
    /// # Safety
    /// The registers are those of the frame that has called the host's function; nobody else uses the VM.
    pub unsafe fn call_nested(
        &mut self,
        callee: Slot,
        args: &[Slot],
        kind: CallKind,
        run: impl FnOnce(Registers) -> i32,
    ) -> Result<(), ()> {
        // SAFETY: the caller says so.
        unsafe {
            let flags = match kind {
                CallKind::Plain => FrameFlags::BOUNDARY,
                CallKind::Protected => FrameFlags::BOUNDARY | FrameFlags::PROTECTED,
            };
            // The error of an earlier call, which the function has not passed on, is over.
            self.vm().dynamic.pending = None;
            let caller = self.s.frame;
            self.stage_values(args);
            let dynamic = &mut self.vm().dynamic;
            if dynamic.host_calls >= HOST_CALLS || !native_fits(self.ctx) {
                self.vm().set_message("C stack overflow".to_owned());
                self.leave_pending(ErrorKind::StackOverflow);
                return Err(());
            }
            dynamic.host_calls += 1;
            let outcome = match self.resolve(callee) {
                Ok(callee) if callee.is(Tag::FOREIGN) => self.call_host(callee).map(|()| Status::OK),
                Ok(callee) => self.push_closure(callee.payload as *mut ClosureHeader, flags).map(|()| run(*self.s)),
                Err(kind) => Err(kind),
            };
            let dynamic = &mut self.vm().dynamic;
            dynamic.host_calls -= 1;
            // The frames of the call are gone.
            dynamic.frame = caller;
            match outcome {
                Ok(Status::OK) => Ok(()),
                Ok(_) => Err(()),
                Err(kind) => {
                    self.leave_pending(kind);
                    Err(())
                }
            }
        }
    }

    /// The function that is called for a value; staged arguments grow by the values that are called in its place.
    ///
    /// # Safety
    /// As for [`Here::call_value`].
    unsafe fn resolve(&mut self, mut callee: Slot) -> Result<Slot, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            for _ in 0..CALL_CHAIN {
                if is_function(callee) {
                    return Ok(callee);
                }
                let method = self.heap().metamethod(callee, Metamethod::Call);
                if method.is_nil() {
                    return Err(self.not_callable(callee));
                }
                self.vm().dynamic.staged.insert(0, callee);
                callee = method;
            }
            self.fail(ErrorKind::TypeError, "'__call' chain too long".to_owned())
        }
    }

    /// # Safety
    /// As for [`Here::call_value`].
    #[cold]
    unsafe fn host_error(&mut self, function: Slot, error: HostError) -> ErrorKind {
        // SAFETY: the caller says so.
        unsafe {
            let vm = self.vm();
            match error {
                HostError::Message(message) => {
                    vm.set_message(message);
                    ErrorKind::HostError
                }
                HostError::Argument { index, problem } => {
                    let message = self.bad_argument(function, index, &problem);
                    vm.set_message(message);
                    ErrorKind::HostError
                }
                HostError::ArgumentOfCaller { index, problem } => self.library_argument(index, &problem),
                HostError::Plain(message) => self.throw_text(&message),
                HostError::Value(value) => {
                    vm.dynamic.thrown = value.get();
                    ErrorKind::Raised
                }
                HostError::OutOfMemory => ErrorKind::MemoryLimit,
                HostError::Pending => {
                    vm.dynamic.pending.as_ref().map_or(ErrorKind::Interrupted, |pending| pending.kind)
                }
            }
        }
    }

    /// What is wrong with an argument of a host function, counted from 0, which is called as the program calls it.
    ///
    /// # Safety
    /// As for [`Here::call_value`].
    unsafe fn bad_argument(&mut self, function: Slot, index: usize, problem: &str) -> String {
        // SAFETY: the caller says so.
        unsafe { self.argument_message(self.name_of_callee(), function, index, problem) }
    }

    /// What is wrong with an argument, counted from 0, of a function that is called so; without a name from the call, it is the library's.
    ///
    /// # Safety
    /// As for [`Here::call_value`].
    pub unsafe fn argument_message(
        &self,
        called: Option<Named>,
        function: Slot,
        index: usize,
        problem: &str,
    ) -> String {
        // SAFETY: the caller says so.
        let own = || unsafe { self.vm() }.library_name(function);
        let is_method = called.as_ref().is_some_and(|called| called.what == "method");
        let name = called.map(|called| called.name).or_else(own).unwrap_or_else(|| "?".to_owned());
        match index.checked_sub(usize::from(is_method)) {
            Some(index) => format!("bad argument #{} to '{name}' ({problem})", index + 1),
            None => format!("calling '{name}' on bad self ({problem})"),
        }
    }

    /// `tail_call`.
    ///
    /// # Safety
    /// As for [`Here::call_registers`].
    #[inline(never)]
    pub unsafe fn tail_call(&mut self, base: Reg, args: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            if let Some(outcome) = self.close_for_return(args.is_open()) {
                return outcome;
            }
            let slots = self.slot(base);
            if (*slots).is(Tag::FOREIGN) {
                // The results make the open list, which is returned.
                let given = std::slice::from_raw_parts(slots.add(1), args.fixed());
                let all = Count::open(0).expect("nothing but the open list");
                self.call_foreign(*slots, given, args.is_open(), slots, all)?;
                if let Some(go) = self.return_to_instruction(base, all) {
                    return Ok(go);
                }
                self.stage(base, 0, all);
                return self.leave();
            }
            self.stage(base, 1, args);
            let callee = self.resolve(*slots)?;
            if callee.is(Tag::FOREIGN) {
                self.call_host(callee)?;
                return self.leave();
            }
            // A library's function does as the host's: the frame stays, for messages and tracebacks.
            let func = FuncId((*(callee.payload as *const ClosureHeader)).function);
            if self.vm().modules().is_library(func) && !self.is_in_library() {
                self.push_closure(callee.payload as *mut ClosureHeader, 0)?;
                return Ok(Go::Continue);
            }
            let frame = self.s.frame;
            let Frame { flags, caller, depth, .. } = *frame;
            let mut base = frame;
            if flags & FrameFlags::VARARG != 0 {
                let extra = Self::extra_arguments(frame).len();
                base = frame.cast::<Slot>().sub(extra + 1).cast();
            }
            // A library's functions are one to the program.
            let tail = if self.is_in_library() { flags & FrameFlags::TAIL } else { FrameFlags::TAIL };
            let mut inherited = flags & INHERITED | tail;
            if flags & FrameFlags::SEGMENT != 0 {
                // The frame's segment is all its own; a larger one may take its place.
                (*frame).flags &= !FrameFlags::SEGMENT;
                self.vm().pop_segment();
                inherited &= !FrameFlags::SEGMENT;
                base = (*self.ctx).segment_end as *mut Frame;
            }
            let made =
                self.lay_frame(base, callee.payload as *mut ClosureHeader, caller as *mut Frame, depth, inherited);
            if made.is_err() && flags & FrameFlags::SEGMENT != 0 {
                // The error is raised in the frame: its segment, the one left last, is current again.
                let again = chain_segment(self.ctx, 0);
                assert!(again.is_some_and(|again| again <= frame), "the segment left last is kept");
                (*frame).flags |= FrameFlags::SEGMENT;
            }
            made.map(|()| Go::Continue)
        }
    }

    // ---- returns --------------------------------------------------------------------------------------------------------

    /// `ret.any`, where it is not a matter of copying registers.
    ///
    /// # Safety
    /// As for [`Here::call_registers`].
    #[inline(never)]
    pub unsafe fn return_registers(&mut self, values: Reg, count: Count) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            if let Some(outcome) = self.close_for_return(count.is_open()) {
                return outcome;
            }
            if let Some(go) = self.return_to_instruction(values, count) {
                return Ok(go);
            }
            self.stage(values, 0, count);
            self.leave()
        }
    }

    /// A return to an instruction that waits for just this, without a detour; `None` leaves others to [`Here::leave`].
    ///
    /// # Safety
    /// As for [`Here::leave`].
    unsafe fn return_to_instruction(&mut self, values: Reg, count: Count) -> Option<Go> {
        // SAFETY: the caller says so. Without other flags the caller is a frame of this activation; what it gets lies behind its own registers.
        unsafe {
            let Frame { flags, caller, .. } = *self.s.frame;
            if flags & !(FrameFlags::VARARG | FrameFlags::CAPTURED | FrameFlags::CLOSING | FrameFlags::TAIL) != 0 {
                return None;
            }
            let registers = Registers::of(self.ctx, caller as *mut Frame);
            let from = self.slot(values);
            match instr_at(registers.ip) {
                Instr::CallAny { base, results, .. } | Instr::ResumeOrAny { base, results, .. } => {
                    *self.s = registers;
                    self.hand_over(from, count, base, results, None);
                    Some(Go::Next)
                }
                Instr::PcallAny { base, results, .. } | Instr::XpcallAny { base, results, .. } => {
                    *self.s = registers;
                    self.hand_over(from, count, base, results, Some(true));
                    Some(Go::Next)
                }
                Instr::ForInAny { base, vars, target } if !vars.is_open() && vars.fixed() != 0 => {
                    *self.s = registers;
                    let first = Reg(base.0 + 4);
                    self.hand_over(from, count, first, vars, None);
                    Some(self.next_round(base, read(self.slot(first)), target))
                }
                _ => None,
            }
        }
    }

    /// Ends the variables of the frame before it is left. If one of them has to be closed, answers how that goes on; the instruction is executed
    /// again afterwards. An open list that it takes waits meanwhile.
    ///
    /// # Safety
    /// As for [`Here::call_registers`].
    pub unsafe fn close_for_return(&mut self, takes_open: bool) -> Option<Outcome> {
        // SAFETY: the caller says so.
        unsafe {
            let frame = self.s.frame;
            if (*frame).flags & (FrameFlags::CLOSING | FrameFlags::CAPTURED) == 0 {
                return None;
            }
            let dynamic = &mut self.vm().dynamic;
            if takes_open && let Some((_, open)) = dynamic.waiting.pop_if(|(waiting, _)| *waiting == frame) {
                dynamic.open = open;
            }
            let first = self.slot(Reg(0));
            if self.next_to_close(first).is_some() && takes_open {
                let open = std::mem::take(&mut dynamic.open);
                dynamic.waiting.push((frame, open));
            }
            self.end_variables(first)
        }
    }

    /// The frame is left with what is staged as its results.
    ///
    /// # Safety
    /// As for [`Here::call_registers`]; the frame's variables are ended.
    pub unsafe fn leave(&mut self) -> Outcome {
        // SAFETY: the frame is live. Without the flags its caller is a live frame of this activation, suspended at an instruction.
        unsafe {
            let Frame { flags, caller, .. } = *self.s.frame;
            if flags & FrameFlags::SEGMENT != 0 {
                self.vm().pop_segment();
            }
            if flags & FrameFlags::BOUNDARY != 0 {
                let first = self.vm().dynamic.staged.first().copied().unwrap_or(Slot::NIL);
                self.home.byte_add(payload_offset(0) as usize).cast::<Slot>().write(first);
                return Ok(Go::Leave(Status::OK));
            }
            if flags & FrameFlags::BASE != 0 {
                return self.finish_coroutine();
            }
            *self.s = Registers::of(self.ctx, caller as *mut Frame);
            if flags & FrameFlags::HANDLER != 0 {
                return self.handled();
            }
            self.deliver(flags)
        }
    }

    /// Finishes the instruction that the registers are at with the results that are staged. `flags` are those of the frame that has returned.
    ///
    /// # Safety
    /// The registers are those of a frame suspended at an instruction that calls; nobody else uses the VM.
    pub unsafe fn deliver(&mut self, flags: u32) -> Outcome {
        // SAFETY: the caller says so. An instruction's registers exist.
        unsafe {
            if flags & FrameFlags::FINALIZER != 0 {
                self.vm().thread().boundaries -= 1;
                self.vm().finalized();
                self.vm().dynamic.staged.clear();
                return Ok(Go::Continue);
            }
            if flags & FrameFlags::UNWIND != 0 {
                self.vm().dynamic.staged.clear();
                return self.unwind_on();
            }
            let instr = self.instr();
            match instr {
                // … or of the handler of a coroutine's failure.
                Instr::CallAny { base, results, .. } | Instr::ResumeOrAny { base, results, .. } => {
                    self.place(base, results, None);
                    return Ok(Go::Next);
                }
                Instr::PcallAny { base, results, .. } | Instr::XpcallAny { base, results, .. } => {
                    self.place(base, results, Some(true));
                    return Ok(Go::Next);
                }
                Instr::TailCallAny { .. } => return self.leave(),
                Instr::ForInAny { base, vars, target } => return self.iterated(base, vars, target),
                // A variable was closed: the instruction goes on with the next one.
                Instr::RetAny { .. } | Instr::CloseAny { .. } | Instr::Ret { .. } | Instr::RetVoid {} => {
                    self.vm().dynamic.staged.clear();
                    return Ok(Go::Continue);
                }
                _ => {}
            }
            let staged = &mut self.vm().dynamic.staged;
            let value = staged.first().copied().unwrap_or(Slot::NIL);
            staged.clear();
            match (instr.info().sem, instr) {
                (Sem::AnyBranch(test) | Sem::AnyBranchImm(test), _) => {
                    let holds = value.is_falsy() == is_negation(test);
                    self.branch(holds)
                }
                (Sem::AnyCompare(_), _) => {
                    let dst = instr.def().expect("a comparison has a result");
                    self.slot(dst).write(Slot::bool(!value.is_falsy()));
                    Ok(Go::Next)
                }
                (Sem::Concat, Instr::ConcatAny { values, .. }) => {
                    let at = flags >> FrameFlags::AUX_SHIFT & 0xff;
                    self.slot(values).add(at as usize).write(value);
                    self.concat(values, at as usize + 1)
                }
                (Sem::Set | Sem::SetName, _) => Ok(Go::Next),
                (Sem::Method, Instr::MethodAny { base, object, .. }) => {
                    let object = *self.slot(object);
                    self.slot(base).write(value);
                    self.slot(base).add(1).write(object);
                    Ok(Go::Next)
                }
                _ => {
                    let dst = instr.def().unwrap_or_else(|| panic!("`{}` waits for no call", instr.op()));
                    self.slot(dst).write(value);
                    Ok(Go::Next)
                }
            }
        }
    }

    /// Continues at the instruction's target or behind it. A back edge counts, and is a safepoint, as where no metamethod decides.
    ///
    /// # Safety
    /// The registers are at a branch.
    unsafe fn branch(&mut self, taken: bool) -> Outcome {
        // SAFETY: the caller says so; a verified target is inside the code.
        unsafe {
            if !taken {
                return Ok(Go::Next);
            }
            let target = self.instr().target().expect("a branch has a target");
            let to = self.s.code.add(target.index());
            if to <= self.s.ip {
                let asked = is_asked(self.ctx);
                if asked && interrupted(self.ctx, self.s.frame) {
                    return Err(ErrorKind::Interrupted);
                }
                if self.vm().counts_down() && !self.vm().steps() && !count_down(self.ctx, || *self.s) {
                    return Err(ErrorKind::BudgetExhausted);
                }
                if asked && attend(self.ctx, self.s, self.home, to) {
                    return Ok(Go::Continue);
                }
            }
            self.s.ip = to;
            Ok(Go::Continue)
        }
    }
}

/// Whether a test is the negation of a relation.
pub fn is_negation(test: Test) -> bool {
    matches!(test, Test::Ne | Test::NotLt | Test::NotLe | Test::NotGt | Test::NotGe)
}

/// Notes which function a call has called: the first one, or that there were several.
///
/// # Safety
/// `site` is the word of the call's place.
#[cold]
#[inline(never)]
pub unsafe fn saw_callee(site: *mut u64, func: u32) {
    // SAFETY: the caller says so. Nobody else reads it while the program runs.
    unsafe { site.write(if site.read() == 0 { u64::from(func) + 1 } else { u64::MAX }) }
}
