//! The modules of a VM: the one it was made with, and those that were loaded since. Functions are numbered through all of them.

use std::sync::Arc;

use lockstep_bytecode::{FuncId, Function, Pc, Reg, Verified};

/// See the module's documentation. Modules are never removed.
#[derive(Debug)]
pub struct Modules {
    /// Each module with the number of its first function.
    loaded: Vec<(u32, Arc<Verified>)>,
    /// How many of the first functions are a library's.
    library: u32,
}

impl Modules {
    /// One module.
    pub(crate) fn new(module: Arc<Verified>) -> Modules {
        let is_library = module.functions.iter().all(|function| function.lines.runs().is_empty());
        let library = if is_library { module.functions.len() as u32 } else { 0 };
        Modules { loaded: vec![(0, module)], library }
    }

    /// Whether a function is a library's: one of the first module, if that has no lines. Such functions stand for functions of the host.
    #[inline]
    pub fn is_library(&self, func: FuncId) -> bool {
        func.0 < self.library
    }

    /// Adds a module whose first function gets the number `first`, the next that is free.
    pub(crate) fn add(&mut self, first: FuncId, module: Arc<Verified>) {
        self.loaded.push((first.0, module));
    }

    /// The module that the VM was made with.
    pub fn first(&self) -> &Arc<Verified> {
        &self.loaded[0].1
    }

    /// The module of a function, and the function's number there.
    pub fn find(&self, func: FuncId) -> (&Arc<Verified>, FuncId) {
        let after = self.loaded.partition_point(|(first, _)| *first <= func.0);
        let (first, module) = &self.loaded[after - 1];
        (module, FuncId(func.0 - first))
    }

    /// A function. Panics if there is none: frames and closures refer to no such function.
    pub fn function(&self, func: FuncId) -> &Function {
        let (module, func) = self.find(func);
        module.function(func)
    }

    /// The name of the source that a function comes from.
    pub fn source(&self, func: FuncId) -> &str {
        &self.find(func).0.source
    }

    /// The instruction that the one at `pc` stands for in the program as it was written, and its source line.
    pub fn place(&self, func: FuncId, pc: Pc) -> (Pc, u32) {
        let (module, func) = self.find(func);
        module.place(func, pc)
    }

    /// The function, the instruction and the register that an operand of the instruction at `pc` was in the program as it was written.
    pub fn original(&self, func: FuncId, pc: Pc, reg: Reg) -> (&Function, Pc, Reg) {
        let (module, func) = self.find(func);
        let reg = module.original_operand(func, pc, reg);
        let (function, pc) = module.original(func, pc);
        (function, pc, reg)
    }
}
