//! The VM from outside of runs: entering it, calling generic functions with values of any type, and keeping what they answer.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use lockstep_bytecode::ErrorKind;

use super::{HostError, HostResult, IntoValue, Local, Scope, View};
use crate::collector::Handle;
use crate::error::Traceback;
use crate::vm::Vm;

/// A value that a host owns: it may outlive any scope. Objects stay alive with it.
#[derive(Clone, Debug)]
pub enum HostValue {
    /// Nil.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string, copied.
    Str(Vec<u8>),
    /// A table, function, coroutine or userdata of the VM.
    Object(Handle),
}

impl IntoValue for &HostValue {
    fn into_value<'s>(self, scope: &mut Scope<'s>) -> HostResult<Local<'s>> {
        match self {
            HostValue::Nil => Ok(Local::NIL),
            HostValue::Bool(value) => Ok(Local::bool(*value)),
            HostValue::Int(value) => Ok(Local::int(*value)),
            HostValue::Float(value) => Ok(Local::float(*value)),
            HostValue::Str(bytes) => scope.string(bytes).map(|string| string.local()),
            HostValue::Object(handle) => Ok(scope.held(handle)),
        }
    }
}

/// An error that has reached the host.
#[derive(Clone, Debug)]
pub struct Raised {
    /// Its kind.
    pub kind: ErrorKind,
    /// The value raised: of an error of the VM its message, with the position.
    pub value: HostValue,
    /// What it says.
    pub message: String,
    /// Who had called whom; empty if no function of the program ran.
    pub traceback: Traceback,
}

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            HostValue::Str(text) => f.write_str(&String::from_utf8_lossy(text)),
            _ => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Raised {}

impl Vm {
    /// Runs code of the host on the VM: it may make values, call functions of the program, and so on. Nothing else runs on the VM meanwhile; what an earlier run has left on
    /// the stack is forgotten.
    ///
    /// The code borrows nothing from outside (`'static`), so that no value of another VM gets into its hands.
    pub fn enter<R>(&mut self, body: impl for<'s> FnOnce(&mut Scope<'s>) -> R + 'static) -> R {
        self.enter_with(body)
    }

    fn enter_with<R>(&mut self, body: impl for<'s> FnOnce(&mut Scope<'s>) -> R) -> R {
        self.begin_run();
        self.allow_collections(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&mut Scope::of_host(self))));
        self.allow_collections(false);
        self.heap_mut().release_to(0);
        match (self.take_panic(), outcome) {
            (Some(panic), _) | (None, Err(panic)) => resume_unwind(panic),
            (None, Ok(result)) => result,
        }
    }

    /// Calls a value of the VM's: a closure, a function of the host, whatever can be called. Each call is a run of its own, with its budget.
    ///
    /// # Errors
    /// What the call has raised.
    pub fn call(&mut self, callee: &HostValue, args: &[HostValue]) -> Result<Vec<HostValue>, Box<Raised>> {
        self.enter_with(|scope| scope.call_owned(callee, args).map_err(|error| Box::new(scope.raised(error))))
    }

    /// A closure of the module's generic function `name`, whose upvalues are new variables that are nil; `None` if there is no such function, or no memory.
    pub fn function_value(&mut self, name: &str) -> Option<HostValue> {
        self.enter_with(|scope| {
            let function = scope.closure(name, &[]).ok()??;
            Some(scope.own(function.local()))
        })
    }
}

impl<'s> Scope<'s> {
    fn call_owned(&mut self, callee: &HostValue, args: &[HostValue]) -> HostResult<Vec<HostValue>> {
        let callee = callee.into_value(self)?;
        let args: Vec<Local<'_>> = args.iter().map(|arg| arg.into_value(self)).collect::<HostResult<_>>()?;
        let results = self.call(callee, &args)?;
        Ok(results.iter().map(|&result| self.own(result)).collect())
    }

    /// A value that a host owns, in the scope.
    ///
    /// # Errors
    /// There is no memory for the string.
    pub fn value_of(&mut self, value: &HostValue) -> HostResult<Local<'s>> {
        value.into_value(self)
    }

    /// A value that outlives the scope.
    pub fn own(&mut self, value: Local<'_>) -> HostValue {
        match value.view() {
            View::Nil => HostValue::Nil,
            View::Bool(value) => HostValue::Bool(value),
            View::Int(value) => HostValue::Int(value),
            View::Float(value) => HostValue::Float(value),
            View::Str(string) => HostValue::Str(string.bytes().to_vec()),
            _ => HostValue::Object(self.hold(value)),
        }
    }

    /// What an error says, for hosts that do not pass it on. It is over then.
    pub fn raised(&mut self, error: HostError) -> Raised {
        let pending = self.vm_mut().dynamic.pending.take().filter(|_| matches!(error, HostError::Pending));
        let of_text = |kind, message: String| (kind, HostValue::Str(message.clone().into_bytes()), message);
        let (kind, value, message) = match (error, pending) {
            (HostError::Pending, Some(pending)) => {
                let kind = pending.kind;
                let message = pending.says(self.vm().heap());
                // SAFETY: what was pending is valid and live.
                let value = self.own(unsafe { Local::new(pending.value) });
                return Raised { kind, value, message, traceback: pending.traceback };
            }
            (HostError::Pending, None) => {
                let kind = ErrorKind::Interrupted;
                of_text(kind, kind.message().to_owned())
            }
            (HostError::Message(message) | HostError::Plain(message), _) => of_text(ErrorKind::HostError, message),
            (HostError::Argument { index, problem } | HostError::ArgumentOfCaller { index, problem }, _) => {
                of_text(ErrorKind::HostError, format!("bad argument #{} ({problem})", index + 1))
            }
            (HostError::OutOfMemory, _) => {
                let kind = ErrorKind::MemoryLimit;
                of_text(kind, kind.message().to_owned())
            }
            (HostError::Value(handle), _) => {
                let value = self.held(&handle);
                let message = match value.as_str() {
                    Some(text) => String::from_utf8_lossy(text.bytes()).into_owned(),
                    None => format!("(error object is a {} value)", value.type_name()),
                };
                (ErrorKind::Raised, self.own(value), message)
            }
        };
        Raised { kind, value, message, traceback: self.traceback() }
    }
}
