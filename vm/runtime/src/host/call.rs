//! Calls of host functions: arguments, captured values, results.

use std::rc::Rc;

use lockstep_layout::Slot;

use super::{FromArgument, HostError, HostFunction, HostResult, IntoResults, IntoValue, Local, Locals, Scope};
use crate::closure::ForeignRef;
use crate::dynamic::HostActivation;
use crate::metamethod::Metamethod;
use crate::string::StringRef;
use crate::vm::Vm;

impl Vm {
    /// Calls a function of the host with what is staged; its results are staged then.
    ///
    /// # Errors
    /// Those of the function; nothing is staged then.
    ///
    /// # Safety
    /// `foreign` is a live function of this VM's host, and what is staged is valid. `dynamic.host_frame` is the frame that calls, its pc stored.
    pub unsafe fn call_host_function(&mut self, foreign: Slot) -> HostResult {
        let (first, results) = (self.heap().kept(), self.dynamic.results.len());
        self.keep_staged(foreign);
        // SAFETY: the caller says so.
        unsafe { self.run_host_function(foreign, first)? };
        let dynamic = &mut *self.dynamic;
        dynamic.staged.extend(dynamic.results.drain(results..));
        Ok(())
    }

    /// The same with these arguments, and the open list behind them if it belongs to them. What `dynamic.results` grows by are the results.
    ///
    /// # Errors
    /// Those of the function; there are no results then.
    ///
    /// # Safety
    /// As for [`Vm::call_host_function`].
    pub unsafe fn call_host_with(&mut self, foreign: Slot, args: &[Slot], open: bool) -> HostResult {
        let first = self.heap().kept();
        self.keep_arguments(foreign, args, open);
        // SAFETY: the caller says so.
        unsafe { self.run_host_function(foreign, first) }
    }

    /// Calls a function of the host that the heap keeps, with its arguments behind it, from number `first` on.
    ///
    /// # Safety
    /// As for [`Vm::call_host_function`].
    unsafe fn run_host_function(&mut self, foreign: Slot, first: usize) -> HostResult {
        // SAFETY: the caller says so.
        let number = unsafe { ForeignRef::from_payload(foreign.payload).function() } as usize;
        // SAFETY: host functions are never removed, and each lies in an allocation of its own.
        let function: &HostFunction = unsafe { &*Rc::as_ptr(&self.dynamic.hosts[number]) };
        let results = self.dynamic.results.len();
        let count = self.heap().kept() - first - 1;
        let was_asked = self.is_asked();
        let frame = self.dynamic.host_frame;
        self.dynamic.host_stack.push(HostActivation { frame, function: foreign });
        let outcome = (function.code)(&mut Scope::of_call(self, first, count));
        if !was_asked {
            self.host_returned(&function.name);
        }
        self.heap_mut().release_to(first);
        let dynamic = &mut *self.dynamic;
        dynamic.host_stack.pop();
        dynamic.staged.clear();
        // Nothing is moved where all is well: a copy of the result would wait for the stores that have just made it.
        if let Err(error) = outcome {
            dynamic.results.truncate(results);
            dynamic.failed_host = foreign;
            return Err(error);
        }
        // What a nested call has raised, and the function has not passed on, is over.
        dynamic.pending = None;
        Ok(())
    }
}

impl<'s> Scope<'s> {
    /// An argument, counted from 0; nil if there are fewer.
    #[inline]
    pub fn value(&self, index: usize) -> Local<'s> {
        if index >= self.count() {
            return Local::NIL;
        }
        // SAFETY: arguments are kept as long as the call lasts.
        unsafe { Local::new(self.vm().heap().kept_value(self.first() + 1 + index)) }
    }

    /// The arguments from number `from` on.
    pub fn values(&self, from: usize) -> Locals<'s> {
        (from..self.count()).map(|index| self.value(index)).collect()
    }

    /// An argument as `T`, counted from 0.
    ///
    /// # Errors
    /// It is none, in the words of Lua: `bad argument #1 to 'insert' (table expected, got nil)`.
    #[inline]
    pub fn arg<T: FromArgument<'s>>(&mut self, index: usize) -> HostResult<T> {
        T::from_argument(self, index)
    }

    /// An argument that must be there, nil or not.
    ///
    /// # Errors
    /// It is not.
    pub fn present(&self, index: usize) -> HostResult<Local<'s>> {
        if index < self.count() { Ok(self.value(index)) } else { Err(self.bad_argument(index, "value expected")) }
    }

    /// The error for an argument with which something is wrong.
    pub fn bad_argument(&self, index: usize, problem: impl Into<String>) -> HostError {
        HostError::Argument { index, problem: problem.into() }
    }

    /// The error for an argument of a wrong type.
    pub fn wrong_type(&self, index: usize, expected: &str) -> HostError {
        let got = if index < self.count() { self.type_of(self.value(index)) } else { "no value".to_owned() };
        self.bad_argument(index, format!("{expected} expected, got {got}"))
    }

    /// A value that the function was made with; nil if there are fewer.
    pub fn capture(&mut self, index: usize) -> Local<'s> {
        // SAFETY: the function is kept as long as the call lasts; what it captures is live with it until it is set anew, and so is rooted here.
        unsafe {
            let value = self.callee().and_then(|callee| callee.captures().get(index).copied());
            self.root(value.unwrap_or(Slot::NIL))
        }
    }

    /// Sets a value that the function was made with.
    ///
    /// # Errors
    /// There is no memory for the value.
    ///
    /// # Panics
    /// If it was made with fewer, or no function runs.
    pub fn set_capture(&mut self, index: usize, value: impl IntoValue) -> HostResult {
        let value = value.into_value(self)?.slot();
        let callee = self.callee().expect("no function of the host runs");
        let index = u32::try_from(index).expect("the number of a captured value");
        // SAFETY: the function is kept as long as the call lasts, and locals are valid and live.
        unsafe { callee.set_capture(self.vm_mut().heap_mut(), index, value) };
        Ok(())
    }

    fn callee(&self) -> Option<ForeignRef> {
        // SAFETY: the function is kept as long as the call lasts.
        self.is_call().then(|| unsafe { ForeignRef::from_payload(self.vm().heap().kept_value(self.first()).payload) })
    }

    /// Adds a result.
    ///
    /// # Errors
    /// There is no memory for it.
    #[inline]
    pub fn push(&mut self, value: impl IntoValue) -> HostResult {
        let value = value.into_value(self)?.slot();
        self.vm_mut().dynamic.results.push(value);
        Ok(())
    }

    /// Adds results.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn push_all(&mut self, values: &[Local<'_>]) {
        self.vm_mut().dynamic.results.extend_from_slice(Local::slots(values));
    }

    /// Adds results, and is done: for the end of a function.
    ///
    /// # Errors
    /// There is no memory for them.
    #[inline]
    pub fn answer(&mut self, values: impl IntoResults) -> HostResult {
        values.push_to(self)
    }

    /// The name of a value's type for messages: its metatable's `__name`, or that of its type.
    pub fn type_of(&self, value: Local<'_>) -> String {
        // SAFETY: locals are valid and live, and so are their metatables.
        unsafe {
            let name = self.vm().heap().metamethod(value.slot(), Metamethod::Name);
            match StringRef::from_slot(name) {
                Some(name) => String::from_utf8_lossy(name.bytes()).into_owned(),
                None => value.type_name().to_owned(),
            }
        }
    }
}
