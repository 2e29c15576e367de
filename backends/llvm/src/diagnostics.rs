//! LLVM's errors as values. Without a handler, LLVM prints an error of its code generator and ends the process.
//!
//! Errors LLVM calls fatal (it ran out of memory, an instruction cannot be selected) still end it: they give no way back.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};

use inkwell::context::Context;
use inkwell::llvm_sys::LLVMDiagnosticSeverity;
use inkwell::llvm_sys::core::{
    LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription, LLVMGetDiagInfoSeverity,
};
use inkwell::llvm_sys::prelude::LLVMDiagnosticInfoRef;
use lockstep_backend_api::CompileError;

/// The errors one context reports. It must outlive the context it is attached to.
#[derive(Default)]
pub struct Log(Box<RefCell<Vec<String>>>);

impl Log {
    /// Makes the context report here.
    pub fn attach(&self, context: &Context) {
        let place: *const RefCell<Vec<String>> = &raw const *self.0;
        // SAFETY: the context is live; the boxed cell stays where it is, and its owner is declared before the context it serves, so
        // it is dropped after it.
        unsafe { LLVMContextSetDiagnosticHandler(context.raw(), Some(record), place.cast_mut().cast()) };
    }

    /// The first error reported.
    pub fn check(&self) -> Result<(), CompileError> {
        match self.0.borrow().first() {
            Some(message) => Err(CompileError::Internal(format!("LLVM: {message}"))),
            None => Ok(()),
        }
    }
}

extern "C" fn record(info: LLVMDiagnosticInfoRef, log: *mut c_void) {
    // SAFETY: LLVM calls this with a live diagnostic and the pointer given to `attach`, on the thread that compiles. The description
    // is a C string of ours to free.
    unsafe {
        if matches!(LLVMGetDiagInfoSeverity(info), LLVMDiagnosticSeverity::LLVMDSError) {
            let message = LLVMGetDiagInfoDescription(info);
            let text = CStr::from_ptr(message).to_string_lossy().into_owned();
            LLVMDisposeMessage(message);
            (*log.cast::<RefCell<Vec<String>>>()).borrow_mut().push(text);
        }
    }
}

/// What LLVM calls before it ends the process over a fatal error.
pub extern "C" fn fatal(message: *const c_char) {
    // SAFETY: LLVM passes a C string.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    eprintln!("lockstep-llvm: fatal error in LLVM: {text}");
}
