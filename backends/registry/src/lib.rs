//! The backends of this build, gathered into one [`Registry`]. The only place that names them all.
#![forbid(unsafe_code)]

use std::sync::Arc;

use lockstep_backend_api::Registry;

/// All backends this build was made with, the evaluator first.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(Arc::new(lockstep_eval::Eval));
    #[cfg(feature = "cranelift")]
    registry.register(Arc::new(lockstep_cranelift::Cranelift::new()));
    #[cfg(feature = "dynasm")]
    registry.register(Arc::new(lockstep_dynasm::DynAsm::new()));
    #[cfg(any(feature = "llvm", feature = "llvm19"))]
    registry.register(Arc::new(lockstep_llvm::Llvm::new()));
    registry
}
