//! What a VM needs for the dynamic half: threads, errors under way, host functions, and values between instructions.
//!
//! The fields are the interpreter's to use; they are public to it as one record, because the interpreter is the only code that knows when each holds what.

use std::ptr;
use std::rc::Rc;

use lockstep_bytecode::ErrorKind;
use lockstep_layout::{Frame, Slot};
use rustc_hash::FxHashMap;

use crate::error::Traceback;
use crate::heap::Heap;
use crate::host::{HostError, HostFunction, type_name};
use crate::string::StringRef;
use crate::thread::Thread;
use crate::vm::Vm;

/// Calls a value from the host: its results are staged.
pub type InterpreterCall = fn(&mut Vm, Slot, &[Slot], CallKind) -> Result<(), HostError>;

/// How a function of the host calls a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallKind {
    /// What is raised goes on through it.
    Plain,
    /// It catches what is raised.
    Protected,
}

/// An error on its way to whoever catches it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its kind, for hosts.
    pub kind: ErrorKind,
    /// The value raised.
    pub value: Slot,
    /// What it says, without a position, if that is more than its kind and its value; see [`Pending::detail`].
    pub message: Option<String>,
    /// Whether a message handler has run, or will not.
    pub is_handled: bool,
    /// The function of the host that has raised it, or nil.
    pub raised_by: Slot,
    /// Who called whom, if nobody in the program catches it.
    pub traceback: Traceback,
}

impl Default for Pending {
    fn default() -> Pending {
        Pending {
            kind: ErrorKind::Raised,
            value: Slot::NIL,
            message: None,
            is_handled: false,
            raised_by: Slot::NIL,
            traceback: Traceback::default(),
        }
    }
}

impl Pending {
    /// What it says beyond its kind, without a position: its message or, of a value that was raised, the value's text. Most errors are caught, and nobody asks.
    pub fn detail(&self, heap: &Heap) -> Option<String> {
        if self.message.is_some() || self.kind != ErrorKind::Raised {
            return self.message.clone();
        }
        // SAFETY: a pending error's value is a root.
        let string = unsafe { StringRef::from_slot(self.value) };
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // SAFETY: as above.
        let text = string.map(|string| lossy(unsafe { string.bytes() }));
        let number = || heap.number_text(self.value).map(|text| lossy(text.bytes()));
        Some(text.or_else(number).unwrap_or_else(|| format!("(error object is a {} value)", type_name(self.value))))
    }

    /// What it says, without a position.
    pub fn says(&self, heap: &Heap) -> String {
        self.detail(heap).unwrap_or_else(|| self.kind.message().to_owned())
    }
}

/// Where leaving frames ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnwindEnd {
    /// At a protected call, which goes on.
    Caught,
    /// At the first frame of an activation, which is left.
    Boundary,
    /// At the first frame of a coroutine, which is dead then; what is to be closed is kept until it is closed itself.
    Coroutine,
    /// At the instruction that has ended a coroutine.
    Closed,
    /// At a frame that was interrupted for a finalizer, and goes on.
    Finalizer,
}

/// A function of the host that runs, or that has raised the error which a message handler handles.
#[derive(Clone, Copy, Debug)]
pub struct HostActivation {
    /// The frame below it; null if the host has entered the VM.
    pub frame: *mut Frame,
    /// The function.
    pub function: Slot,
}

/// Frames are being left: an error, or the end of a coroutine, closes their variables one after another.
#[derive(Clone, Debug)]
pub struct Unwinding {
    /// The frame that goes on afterwards.
    pub catcher: *mut Frame,
    /// What it does then.
    pub end: UnwindEnd,
    /// The error; none if a coroutine is just ended.
    pub pending: Option<Pending>,
    /// Values still to be closed, the next one last.
    pub closing: Vec<Slot>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Dynamic {
    /// The running thread. It is the VM's main thread, or owned by a coroutine object.
    pub current: *mut Thread,
    /// The open list: what an instruction leaves for the next.
    pub open: Vec<Slot>,
    /// Arguments or results on their way from one frame to another. Empty while program code runs.
    pub staged: Vec<Slot>,
    /// The error that is being raised, from the raise until it is caught or has reached the host.
    pub pending: Option<Pending>,
    /// The errors whose message handlers run, innermost last.
    pub handling: Vec<Pending>,
    /// Open lists that wait in a `ret` until variables are closed, with their frames.
    pub waiting: Vec<(*mut Frame, Vec<Slot>)>,
    /// The value that is being thrown.
    pub thrown: Slot,
    /// The frame below the host function that runs.
    pub host_frame: *mut Frame,
    /// The functions of the host that run, innermost last.
    pub host_stack: Vec<HostActivation>,
    /// The function of the host that has just failed, or nil.
    pub failed_host: Slot,
    /// Whether a finalizer runs: no other is begun meanwhile.
    pub is_finalizing: bool,
    /// How many calls from functions of the host are under way.
    pub host_calls: u32,
    /// The innermost frame when its pc was stored last: where a collection begins.
    pub frame: *mut Frame,
    /// What errors in finalizers said.
    pub warnings: Vec<String>,
    /// What the last run returned or raised, with the heap reachable from it, as text.
    pub reached: String,
    /// The value of the error that there is no memory.
    pub no_memory: Slot,
    /// The value of an error in a message handler.
    pub handler_error: Slot,
    /// String constants of the module.
    pub constants: Vec<Slot>,
    /// The host functions, by number.
    pub hosts: Vec<Rc<HostFunction>>,
    /// The number of the host function `next`, which loops over tables need not call.
    pub next: u64,
    /// The number of the program's function that iterates over the elements of a table in order, which loops need not call either.
    pub counting: u32,
    /// Results of host functions that run, the innermost one's last.
    pub results: Vec<Slot>,
    /// What programs can import.
    pub imports: FxHashMap<Vec<u8>, Slot>,
}

impl Dynamic {
    /// Nothing yet. The two values are strings.
    pub(crate) fn new(no_memory: Slot, handler_error: Slot) -> Dynamic {
        Dynamic {
            current: ptr::null_mut(),
            open: Vec::new(),
            staged: Vec::new(),
            pending: None,
            handling: Vec::new(),
            waiting: Vec::new(),
            thrown: Slot::NIL,
            host_frame: ptr::null_mut(),
            host_stack: Vec::new(),
            failed_host: Slot::NIL,
            is_finalizing: false,
            host_calls: 0,
            frame: ptr::null_mut(),
            warnings: Vec::new(),
            reached: String::new(),
            no_memory,
            handler_error,
            constants: Vec::new(),
            hosts: Vec::new(),
            next: u64::MAX,
            results: Vec::new(),
            imports: FxHashMap::default(),
            counting: u32::MAX,
        }
    }

    /// Forgets everything about a run.
    pub(crate) fn reset(&mut self) {
        self.open.clear();
        self.staged.clear();
        self.results.clear();
        self.handling.clear();
        self.waiting.clear();
        self.pending = None;
        self.reached.clear();
        self.host_stack.clear();
        (self.thrown, self.failed_host) = (Slot::NIL, Slot::NIL);
        self.is_finalizing = false;
        self.host_calls = 0;
        (self.host_frame, self.frame) = (ptr::null_mut(), ptr::null_mut());
    }

    /// Calls `visit` with every value that is reachable from here, but for those of frames.
    pub(crate) fn for_each_root(&self, mut visit: impl FnMut(Slot)) {
        let lists = [&self.open, &self.staged, &self.results, &self.constants].into_iter().flatten();
        let waiting = self.waiting.iter().flat_map(|(_, open)| open);
        lists.chain(waiting).chain(self.imports.values()).for_each(|value| visit(*value));
        let pending = self.pending.iter().chain(&self.handling);
        pending.for_each(|pending| [pending.value, pending.raised_by].into_iter().for_each(&mut visit));
        self.host_stack.iter().for_each(|host| visit(host.function));
        [self.thrown, self.failed_host, self.no_memory, self.handler_error].into_iter().for_each(visit);
    }
}

impl Dynamic {
    /// Gives back the list of staged values that was taken, empty.
    pub(crate) fn give_back_staged(&mut self, mut staged: Vec<Slot>) {
        staged.clear();
        self.staged = staged;
    }
}

impl Vm {
    /// Hands over what the last run returned, if its function was generic, or raised, if it was an error of the program's: the values, and the heap
    /// reachable from them, as [`describe`](crate::describe()) writes it. Empty for other runs.
    pub fn take_reached(&mut self) -> String {
        std::mem::take(&mut self.dynamic.reached)
    }
}
