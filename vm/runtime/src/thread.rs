//! A line of execution: a stack and what belongs to it. There is one for the main program and one per coroutine.
//!
//! The interpreter runs one at a time, and switches between them without leaving its loop.

use std::ffi::c_void;

use lockstep_layout::{Frame, Slot};

use crate::closure::UpvalueRef;
use crate::dynamic::Unwinding;
use crate::heap::{Heap, OutOfMemory};
use crate::stack::Stack;

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadStatus {
    /// It has not begun, or waits in a yield.
    Suspended,
    /// It runs.
    Running,
    /// It waits for a coroutine that it has resumed.
    Normal,
    /// It has returned, or an error has ended it.
    Dead,
}

impl ThreadStatus {
    /// The name in programs.
    pub const fn name(self) -> &'static str {
        match self {
            ThreadStatus::Suspended => "suspended",
            ThreadStatus::Running => "running",
            ThreadStatus::Normal => "normal",
            ThreadStatus::Dead => "dead",
        }
    }
}

/// A stack with its state.
#[derive(Debug)]
pub struct Thread {
    /// Its frames.
    pub stack: Stack,
    /// What it is doing.
    pub status: ThreadStatus,
    /// The innermost frame, whose pc is stored, while it does not run; null before it begins.
    pub frame: *mut Frame,
    /// The thread that waits for it; null if none does.
    pub resumer: *mut Thread,
    /// The coroutine object, or nil of the main program. Before it begins: see `start`.
    pub object: Slot,
    /// The function that it will run; nil once it has begun.
    pub start: Slot,
    /// Payload of the open upvalue with the highest slot, or 0: the list goes on by `next_open`.
    pub open: u64,
    /// The variables to be closed, by address of their slots, innermost last.
    pub to_close: Vec<*mut Slot>,
    /// Whether it never runs, and its object is the main program's, which has no coroutine of its own.
    pub stands_for_main: bool,
    /// What has ended it, if that was an error and nobody has asked yet.
    pub failure: Option<Slot>,
    /// Frames of it that are being left, innermost last.
    pub unwinding: Vec<Unwinding>,
    /// The VM's liveness maps, for the collector.
    pub(crate) maps: *mut c_void,
    /// Calls from the host or from native code that are under way on this stack: it cannot be left by a yield meanwhile.
    pub boundaries: u32,
}

impl Thread {
    /// A thread that has not begun.
    pub fn new(stack: Stack, object: Slot, start: Slot) -> Thread {
        Thread {
            stack,
            status: ThreadStatus::Suspended,
            frame: std::ptr::null_mut(),
            resumer: std::ptr::null_mut(),
            object,
            start,
            open: 0,
            to_close: Vec::new(),
            stands_for_main: false,
            failure: None,
            unwinding: Vec::new(),
            maps: std::ptr::null_mut(),
            boundaries: 0,
        }
    }

    /// What it costs, its stack included, in bytes.
    pub fn bytes(&self) -> u64 {
        (size_of::<Thread>() + self.stack.bytes()) as u64
    }

    /// The open upvalue of a slot of this thread's stack; a new one if there is none.
    ///
    /// The list is in the order of the frames, innermost first, and within a frame by address: so a frame's upvalues are found at its front.
    /// Segments do not lie in the order of the chain, so that slots of other frames are told by the frame's bounds, not by comparison.
    ///
    /// # Safety
    /// `slot` lies in the innermost frame, which reaches from `first` to `end`. The upvalues on the list are live.
    pub unsafe fn capture(
        &mut self,
        heap: &mut Heap,
        slot: *mut Slot,
        first: *mut Slot,
        end: *mut Slot,
    ) -> Result<UpvalueRef, OutOfMemory> {
        // SAFETY: the upvalues of the list are live and open, says the caller.
        unsafe {
            let (mut before, mut next) = (None::<UpvalueRef>, self.open);
            while next != 0 {
                let upvalue = UpvalueRef::from_payload(next);
                let at = (*upvalue.as_ptr()).slot as *mut Slot;
                if at == slot {
                    return Ok(upvalue);
                }
                if at < slot || at < first || at >= end {
                    break;
                }
                (before, next) = (Some(upvalue), (*upvalue.as_ptr()).next_open);
            }
            let kept = heap.kept();
            before.into_iter().for_each(|upvalue| heap.keep(upvalue.slot()));
            let upvalue = heap.new_open_upvalue(slot, next);
            heap.release_to(kept);
            let upvalue = upvalue?;
            match before {
                Some(before) => (*before.as_ptr()).next_open = upvalue.payload(),
                None => self.open = upvalue.payload(),
            }
            Ok(upvalue)
        }
    }

    /// Closes all open upvalues.
    ///
    /// # Safety
    /// As for [`Thread::close_upvalues`].
    pub unsafe fn close_all(&mut self, heap: &mut Heap) {
        while self.open != 0 {
            // SAFETY: the upvalues of the list are live and open, says the caller.
            unsafe {
                let upvalue = UpvalueRef::from_payload(self.open);
                self.open = (*upvalue.as_ptr()).next_open;
                upvalue.close(heap);
            }
        }
    }

    /// Closes the upvalues of the slots from `first` up to `end`, which are those of the innermost frame that has any.
    ///
    /// # Safety
    /// The upvalues on the list are live, and so are the slots that they refer to.
    pub unsafe fn close_upvalues(&mut self, heap: &mut Heap, first: *mut Slot, end: *mut Slot) {
        while self.open != 0 {
            // SAFETY: the upvalues of the list are live and open, says the caller.
            unsafe {
                let upvalue = UpvalueRef::from_payload(self.open);
                let at = (*upvalue.as_ptr()).slot as *mut Slot;
                if at < first || at >= end {
                    return;
                }
                self.open = (*upvalue.as_ptr()).next_open;
                upvalue.close(heap);
            }
        }
    }
}
