//! Where the instructions of an optimised module come from: errors, tracebacks and messages speak of the program that its author wrote.

use std::sync::Arc;

use crate::{FuncId, Function, Module, Pc, Reg, Role, Value};

/// A module before optimisation, and which of its instructions each instruction of the optimised one stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The module as it was.
    pub module: Arc<Module>,
    /// Per function and instruction of the optimised module: the original instruction.
    pub pcs: Vec<Vec<Pc>>,
}

impl Module {
    /// The instruction that the one at `pc` stands for in the program as it was written, and its source line.
    pub fn place(&self, func: FuncId, pc: Pc) -> (Pc, u32) {
        let (function, pc) = self.original(func, pc);
        (pc, function.lines.line(pc))
    }

    /// The function as it was written, and the instruction there.
    pub fn original(&self, func: FuncId, pc: Pc) -> (&Function, Pc) {
        match &self.origin {
            Some(origin) => (origin.module.function(func), origin.pcs[func.index()][pc.index()]),
            None => (self.function(func), pc),
        }
    }

    /// The register of the original instruction whose place `reg` has taken in the instruction at `pc`, which reads it.
    pub fn original_operand(&self, func: FuncId, pc: Pc, reg: Reg) -> Reg {
        if self.origin.is_none() {
            return reg;
        }
        let instr = self.function(func).instr(pc);
        let (original, origin_pc) = self.original(func, pc);
        let original = original.instr(origin_pc);
        if let (Some(group), Some(was)) = (instr.group(), original.group())
            && let Some(place) = group.reads().position(|read| read == reg)
        {
            return was.reads().nth(place).unwrap_or(reg);
        }
        let read = instr.declared().find(|(operand, value)| operand.role != Role::Def && *value == Value::Reg(reg));
        let was = read.and_then(|(operand, _)| {
            original.declared().find(|(was, _)| was.name == operand.name).and_then(|(_, value)| value.reg())
        });
        was.unwrap_or(reg)
    }
}
