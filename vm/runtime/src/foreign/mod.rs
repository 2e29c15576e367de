//! C functions from shared libraries, called with plain C signatures that the program declares.
//!
//! `c_function(library, symbol, signature)` is a function of the host that makes functions of the host: arguments are packed and results unpacked against the declared
//! signature, with checks. What nobody can check is the declaration itself: a wrong one is undefined behaviour, as in C. So a VM has this function only where its host says so
//! ([`Vm::enable_c_functions`]).
//!
//! libffi knows the calling conventions; libloading opens libraries, which stay open as long as the VM exists.

mod callback;
mod marshal;
mod signature;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::rc::Rc;

use libffi::middle::{Arg, Cif, CodePtr, Ret};
use libloading::Library;

use crate::heap::OutOfMemory;
use crate::host::{HostError, HostId, HostResult, Local, Scope, raw};
use crate::vm::Vm;
use callback::{Callback, Outer};
use marshal::{Word, pack, unpack};
use signature::{CType, Signature};

/// The name under which programs import the function.
const NAME: &str = "c_function";

/// A function of a library, ready to be called.
struct CFunction {
    signature: Signature,
    cif: Cif,
    code: CodePtr,
    /// Keeps the code where it is.
    _library: Rc<Library>,
}

/// What was opened and made so far.
#[derive(Default)]
struct Opened {
    libraries: HashMap<Vec<u8>, Rc<Library>>,
    functions: HashMap<[Vec<u8>; 3], HostId>,
}

impl Vm {
    /// Lets programs import `c_function`, and with it call any function of any shared library.
    ///
    /// # Errors
    /// There is no memory for the function's object.
    ///
    /// # Safety
    /// The host trusts its programs: one that declares a function with a signature that is not the function's own, or that hands it what it must not be handed, has undefined behaviour.
    pub unsafe fn enable_c_functions(&mut self) -> Result<(), OutOfMemory> {
        let opened = RefCell::new(Opened::default());
        self.register(NAME, raw(move |scope| make(scope, &opened)))
    }
}

/// `c_function(library, symbol, signature)`.
fn make(scope: &mut Scope<'_>, opened: &RefCell<Opened>) -> HostResult {
    let texts: [&[u8]; 3] = [scope.arg(0)?, scope.arg(1)?, scope.arg(2)?];
    let key = texts.map(<[u8]>::to_vec);
    let known = opened.borrow().functions.get(&key).copied();
    let id = match known {
        Some(id) => id,
        None => {
            let function = open(scope, opened, texts)?;
            let name = String::from_utf8_lossy(texts[1]).into_owned();
            let id = scope.add_function(&name, raw(move |scope| function.call(scope)));
            opened.borrow_mut().functions.insert(key, id);
            id
        }
    };
    let function = scope.function(id, &[])?;
    scope.push(function)
}

fn open(scope: &Scope<'_>, opened: &RefCell<Opened>, texts: [&[u8]; 3]) -> HostResult<CFunction> {
    let [library, symbol, declared] = texts;
    let text = String::from_utf8_lossy(declared);
    let signature = Signature::parse(&text).map_err(|problem| scope.bad_argument(2, problem))?;
    let named = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let mut opened = opened.borrow_mut();
    let opening = match opened.libraries.get(library) {
        Some(open) => open.clone(),
        None => {
            // SAFETY: the initialisers of a library are as safe as its functions, for which the host answers.
            let open = unsafe { Library::new(OsStr::from_bytes(library)) }
                .map_err(|error| HostError::Message(format!("cannot open library '{}': {error}", named(library))))?;
            let open = Rc::new(open);
            opened.libraries.insert(library.to_vec(), open.clone());
            open
        }
    };
    // SAFETY: the symbol is taken for an address alone; that it is a function of the declared signature the host answers for.
    let address = unsafe { opening.get::<*mut c_void>(symbol) }
        .map_err(|_| HostError::Message(format!("library '{}' has no symbol '{}'", named(library), named(symbol))))?;
    // SAFETY: what `dlsym` answers is an address.
    let code = CodePtr(unsafe { address.try_as_raw_ptr() }.unwrap_or(std::ptr::null_mut()));
    if code.0.is_null() {
        return Err(HostError::Message(format!("symbol '{}' of '{}' is null", named(symbol), named(library))));
    }
    let cif = signature.cif();
    Ok(CFunction { signature, cif, code, _library: opening })
}

impl CFunction {
    fn call(&self, scope: &mut Scope<'_>) -> HostResult {
        let types = &self.signature.parameters;
        if scope.count() > types.len() {
            return Err(HostError::Message(format!("{} arguments for {} parameters", scope.count(), types.len())));
        }
        let mut words: Vec<Word> = Vec::with_capacity(types.len());
        for (index, ty) in types.iter().enumerate() {
            let value = scope.value(index);
            words.push(pack(scope, value, ty).map_err(|problem| scope.bad_argument(index, problem))?);
        }
        let outer = Outer::new(scope);
        let callbacks: Vec<Option<Callback<'_>>> = types
            .iter()
            .enumerate()
            .map(|(index, ty)| match ty {
                CType::Function(signature) => outer.callback(index, signature),
                _ => None,
            })
            .collect();
        let bits: Vec<u64> = words
            .iter()
            .zip(&callbacks)
            .map(|(word, callback)| callback.as_ref().map_or(word.bits(), Callback::code))
            .collect();
        let args: Vec<Arg<'_>> = bits.iter().map(Arg::new).collect();
        let mut result = [0u64; 2];
        // SAFETY: the words are of the declared types, and live during the call, as is what they refer to; the host answers for the declaration.
        unsafe { self.cif.call_return_into(self.code, &args, Ret::new(&mut result)) };
        drop(callbacks);
        let (scope, failure) = outer.finish();
        match failure {
            Some(Ok(error)) => return Err(error),
            Some(Err(panic)) => resume_unwind(panic),
            None => {}
        }
        if self.signature.result == CType::Void {
            return Ok(());
        }
        // SAFETY: the function has answered a value of the declared type, for which the host answers.
        let value: Local<'_> = unsafe { unpack(scope, result[0], &self.signature.result)? };
        scope.push(value)
    }
}
