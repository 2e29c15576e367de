//! Functions of the host that programs can call: how they are registered, what they are handed, how they answer.
//!
//! A host function runs on the machine's stack, above the activation of the interpreter that called it. It may call back into the VM
//! ([`HostCall::call`]), which begins another activation; a coroutine cannot be suspended across it.

use std::fmt;
use std::rc::Rc;

use lockstep_layout::{Slot, Tag};

use crate::heap::OutOfMemory;
use crate::string::StringRef;
use crate::table::TableRef;
use crate::vm::Vm;

/// The code of a host function.
pub type HostCode = Rc<dyn Fn(&mut HostCall<'_>) -> Result<(), HostError>>;

/// A registered host function.
#[derive(Clone)]
pub struct HostFunction {
    /// Its name, for messages.
    pub name: Rc<str>,
    /// What it does.
    pub code: HostCode,
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFunction({})", self.name)
    }
}

/// Why a host function has no results.
#[derive(Debug)]
pub enum HostError {
    /// An error with this message; the position of the caller is put in front.
    Message(String),
    /// A value raised.
    Value(Slot),
    /// There is no memory.
    OutOfMemory,
    /// The error that a call back into the VM has left there.
    Pending,
}

impl From<OutOfMemory> for HostError {
    fn from(OutOfMemory: OutOfMemory) -> HostError {
        HostError::OutOfMemory
    }
}

/// A call of a host function: arguments, and where the results go.
///
/// Arguments and results are roots as long as the call lasts.
#[derive(Debug)]
pub struct HostCall<'v> {
    vm: &'v mut Vm,
    name: Rc<str>,
    /// Where the arguments begin among the heap's kept values.
    first: usize,
    args: usize,
}

impl<'v> HostCall<'v> {
    /// A call with the values that the heap keeps from `first` on as arguments.
    pub fn new(vm: &'v mut Vm, name: Rc<str>, first: usize) -> HostCall<'v> {
        let args = vm.heap().kept() - first;
        HostCall { vm, name, first, args }
    }

    /// The VM.
    pub fn vm(&mut self) -> &mut Vm {
        self.vm
    }

    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.args
    }

    /// An argument, counted from 0; nil if there are fewer.
    pub fn arg(&self, index: usize) -> Slot {
        if index < self.args { self.vm.heap().kept_value(self.first + index) } else { Slot::NIL }
    }

    /// Adds a result.
    pub fn push(&mut self, value: Slot) {
        self.vm.heap_mut().keep(value);
    }

    /// Adds a string to the results.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn push_text(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let string = self.vm.heap_mut().new_string(bytes)?;
        self.push(string.slot());
        Ok(())
    }

    /// The error for an argument of a wrong type, as Lua words it.
    pub fn bad_argument(&self, index: usize, expected: &str) -> HostError {
        let got = if index < self.args { type_name(self.arg(index)) } else { "no value" };
        HostError::Message(format!("bad argument #{} to '{}' ({expected} expected, got {got})", index + 1, self.name))
    }

    /// An argument that must be a table.
    ///
    /// # Errors
    /// It is none.
    pub fn table(&self, index: usize) -> Result<TableRef, HostError> {
        // SAFETY: arguments are valid slots, and kept alive.
        unsafe { TableRef::from_slot(self.arg(index)) }.ok_or_else(|| self.bad_argument(index, "table"))
    }

    /// An argument that must be a string.
    ///
    /// # Errors
    /// It is none.
    pub fn string(&self, index: usize) -> Result<StringRef, HostError> {
        // SAFETY: arguments are valid slots, and kept alive.
        unsafe { StringRef::from_slot(self.arg(index)) }.ok_or_else(|| self.bad_argument(index, "string"))
    }

    /// Calls a value of the program; its results are added to this call's results.
    ///
    /// # Errors
    /// [`HostError::Pending`]: what the call has raised waits in the VM.
    pub fn call(&mut self, callee: Slot, args: &[Slot]) -> Result<usize, HostError> {
        let call = self.vm.interpreter_call();
        let before = self.vm.heap().kept();
        call(self.vm, callee, args)?;
        Ok(self.vm.heap().kept() - before)
    }

    /// Where the results begin among the kept values.
    pub fn results_from(&self) -> usize {
        self.first + self.args
    }
}

/// The name of a value's type in programs.
pub fn type_name(value: Slot) -> &'static str {
    match Tag(value.tag) {
        Tag::NIL => "nil",
        Tag::BOOL => "boolean",
        Tag::I64 | Tag::F64 => "number",
        Tag::STRING => "string",
        Tag::TABLE => "table",
        Tag::CLOSURE | Tag::FOREIGN => "function",
        Tag::COROUTINE => "thread",
        _ => "userdata",
    }
}
