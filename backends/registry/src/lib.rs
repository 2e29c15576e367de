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

/// A backend that this build was made without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Its id.
    pub id: &'static str,
    /// How to get a build with it.
    pub how: &'static str,
}

/// The backends that this build was made without, and how to get them.
pub fn absent() -> Vec<Absent> {
    let all = [
        (cfg!(feature = "cranelift"), "cranelift", "build with `--features cranelift`"),
        (cfg!(feature = "dynasm"), "dynasm", "build with `--features dynasm`"),
        (
            cfg!(any(feature = "llvm", feature = "llvm19")),
            "llvm",
            "`cargo xtask setup` finds or installs LLVM 22 (or finds 19); then `cargo xtask COMMAND`, or build with `--features llvm` (`llvm19`)",
        ),
    ];
    all.into_iter().filter(|(present, ..)| !present).map(|(_, id, how)| Absent { id, how }).collect()
}
