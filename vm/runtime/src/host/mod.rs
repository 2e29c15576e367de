//! Functions of the host that programs can call: how they are registered, what they are handed, how they answer. docs/dynamic.md shows how one is written.
//!
//! A host function runs on the machine's stack, above the activation of the interpreter that called it. It may call back into the VM
//! ([`Scope::call`]), which begins another activation; a coroutine cannot be suspended across that.
//!
//! Safe code sees values as [`Local`]s: slots that a [`Scope`] keeps alive. Nothing here hands out the VM itself, so that no host function can
//! begin a run inside a run.

mod access;
mod argument;
mod call;
mod embed;
mod finalize;
mod levels;
mod local;
mod result;
mod scope;
mod typed;
mod userdata;

use std::fmt;
use std::rc::Rc;

use lockstep_layout::{Slot, Tag};

use crate::collector::Handle;
use crate::heap::OutOfMemory;
use crate::table::TableError;
use crate::vm::Vm;

pub use argument::FromArgument;
pub use embed::{HostValue, Raised};
pub use levels::{Activation, Activations, Level, Variable};
pub use local::{Function, Local, Str, Table, Userdata, View};
pub use result::{IntoResults, IntoValue};
pub use scope::{Locals, Scope};
pub use typed::{Parameter, Typed, raw, typed};

/// What functions of the host answer.
pub type HostResult<T = ()> = Result<T, HostError>;

/// The code of a host function.
pub type HostCode = Rc<dyn Fn(&mut Scope<'_>) -> HostResult>;

/// A registered host function.
#[derive(Clone)]
pub struct HostFunction {
    /// Its name, for messages where the program has none for it.
    pub name: Rc<str>,
    /// What it does.
    pub code: HostCode,
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFunction({})", self.name)
    }
}

/// Which function of the host: what [`Scope::function`] makes values of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostId(pub(crate) u32);

/// Why a host function has no results.
#[derive(Clone, Debug)]
pub enum HostError {
    /// An error with this message; the position of the caller is put in front.
    Message(String),
    /// An argument is wrong: which, counted from 0, and how. The message names the function as the program does.
    Argument {
        /// Which argument.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An argument of the library's function that has called this one is wrong.
    ArgumentOfCaller {
        /// Which argument.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An error with this message alone: what goes wrong with values in the middle of a function.
    Plain(String),
    /// A value raised.
    Value(Handle),
    /// There is no memory.
    OutOfMemory,
    /// The error that a call back into the VM has left there; without one, an interrupt.
    Pending,
}

impl From<OutOfMemory> for HostError {
    fn from(OutOfMemory: OutOfMemory) -> HostError {
        HostError::OutOfMemory
    }
}

impl From<TableError> for HostError {
    fn from(error: TableError) -> HostError {
        match error {
            TableError::OutOfMemory => HostError::OutOfMemory,
            error => HostError::Plain(error.message().to_owned()),
        }
    }
}

impl From<String> for HostError {
    fn from(message: String) -> HostError {
        HostError::Message(message)
    }
}

impl From<&str> for HostError {
    fn from(message: &str) -> HostError {
        HostError::Message(message.to_owned())
    }
}

impl Vm {
    /// Adds a host function, under a name for messages. [`Scope::function`] makes values of it.
    ///
    /// # Panics
    /// If there are 2³² functions already.
    pub fn add_host_function(&mut self, name: &str, code: HostCode) -> HostId {
        let number = u32::try_from(self.dynamic.hosts.len()).expect("that many functions fit no memory");
        self.dynamic.hosts.push(Rc::new(HostFunction { name: name.into(), code }));
        HostId(number)
    }

    /// Adds a host function that programs can import under its name. [`raw`] and [`typed()`] make code of functions and closures.
    ///
    /// # Errors
    /// There is no memory for the function's object.
    pub fn register(&mut self, name: &str, code: HostCode) -> Result<(), OutOfMemory> {
        let HostId(number) = self.add_host_function(name, code);
        let function = self.heap_mut().new_foreign(u64::from(number), &[])?;
        self.dynamic.imports.insert(name.as_bytes().to_vec(), function.slot());
        Ok(())
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
