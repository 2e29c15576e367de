//! Proof by type that a module was verified. The interpreter's raw accesses are sound for such modules only.

use std::ops::Deref;

use lockstep_bytecode::Module;

/// A module that has passed the verifier and has not changed since.
#[derive(Clone, Debug)]
pub struct VerifiedModule(Module);

impl VerifiedModule {
    /// Takes the caller's word that the verifier accepts the module.
    ///
    /// # Safety
    /// The module keeps every rule of the verifier.
    pub unsafe fn assume(module: Module) -> VerifiedModule {
        VerifiedModule(module)
    }
}

impl Deref for VerifiedModule {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.0
    }
}
