//! Functions of the program that C calls: while it runs, and not afterwards.
//!
//! A callback is a piece of code that libffi makes for one call of a C function. It calls the program in an activation of its own; an error of the program cannot be thrown through C, so
//! that it waits until C has returned, and further callbacks answer zero until then.

use std::any::Any;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libffi::low::ffi_cif;
use libffi::middle::Closure;

use super::marshal::{pack, unpack};
use super::signature::{CType, Signature};
use crate::host::{HostError, HostResult, Local, Scope};

/// Why a callback has no answer: the program's error, or a panic.
pub(super) type Failure = Result<HostError, Box<dyn Any + Send>>;

/// The scope of a call of C's, which callbacks use while C runs.
pub(super) struct Outer<'a, 's> {
    scope: UnsafeCell<&'a mut Scope<'s>>,
    /// A callback runs, or the scope is not at hand.
    busy: Cell<bool>,
    failure: RefCell<Option<Failure>>,
}

/// What a callback calls.
pub(super) struct Target<'a> {
    run: Box<dyn Fn(*const *const c_void) -> u64 + 'a>,
}

/// A function of the program with an address.
pub(super) struct Callback<'a> {
    closure: Closure<'a>,
    /// The closure refers to it.
    _target: Box<Target<'a>>,
}

impl Callback<'_> {
    /// The address, as a word.
    pub fn code(&self) -> u64 {
        *self.closure.code_ptr() as usize as u64
    }
}

impl<'a, 's> Outer<'a, 's> {
    pub fn new(scope: &'a mut Scope<'s>) -> Outer<'a, 's> {
        Outer { scope: UnsafeCell::new(scope), busy: Cell::new(false), failure: RefCell::new(None) }
    }

    /// A callback for an argument; `None` if that is nil.
    pub fn callback<'c>(&'c self, index: usize, signature: &'c Signature) -> Option<Callback<'c>> {
        // SAFETY: C does not run yet, so that nobody else uses the scope.
        let function = unsafe { &*self.scope.get() }.value(index);
        function.as_function()?;
        let run = Box::new(move |args: *const *const c_void| self.run(function, signature, args));
        let target = Box::new(Target { run });
        let userdata: *const Target<'c> = &raw const *target;
        // SAFETY: the box stays where it is as long as the closure lives, which drops first.
        let closure = Closure::new(signature.cif(), answer, unsafe { &*userdata });
        Some(Callback { closure, _target: target })
    }

    fn run(&self, function: Local<'_>, signature: &Signature, args: *const *const c_void) -> u64 {
        if self.failure.borrow().is_some() || self.busy.replace(true) {
            return 0;
        }
        // SAFETY: C runs, so that nobody uses the scope but callbacks, of which this is the only one; libffi hands over as many arguments as the signature has.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe {
            let scope: &mut Scope<'s> = *self.scope.get();
            scope.scope(|scope| call(scope, function, signature, args))
        }));
        self.busy.set(false);
        let failure = match outcome {
            Ok(Ok(bits)) => return bits,
            Ok(Err(error)) => Ok(error),
            Err(panic) => Err(panic),
        };
        *self.failure.borrow_mut() = Some(failure);
        0
    }

    /// C has returned: the scope is its owner's again.
    pub fn finish(self) -> (&'a mut Scope<'s>, Option<Failure>) {
        (self.scope.into_inner(), self.failure.into_inner())
    }
}

/// Calls the function of the program with the arguments that C hands over; answers the word of the result.
///
/// # Safety
/// There are as many arguments as the signature has, of its types.
unsafe fn call(
    scope: &mut Scope<'_>,
    function: Local<'_>,
    signature: &Signature,
    args: *const *const c_void,
) -> HostResult<u64> {
    let mut values = Vec::with_capacity(signature.parameters.len());
    for (index, ty) in signature.parameters.iter().enumerate() {
        // SAFETY: the caller says so; each argument is read as many bytes as it has.
        values.push(unsafe {
            let at = *args.add(index);
            let bits = match ty {
                CType::Bool => u64::from(at.cast::<u8>().read()),
                CType::I32 | CType::U32 | CType::F32 => u64::from(at.cast::<u32>().read()),
                _ => at.cast::<u64>().read(),
            };
            unpack(scope, bits, ty)?
        });
    }
    let result = scope.call_one(function, &values)?;
    // libffi takes integers widened as their type says, which `pack` has done.
    let word = pack(scope, result, &signature.result)
        .map_err(|problem| HostError::Message(format!("bad result of a callback ({problem})")))?;
    Ok(word.bits())
}

/// What libffi calls.
unsafe extern "C" fn answer(_cif: &ffi_cif, result: &mut u64, args: *const *const c_void, target: &Target<'_>) {
    *result = (target.run)(args);
}
