//! Leaf prefixes: what a call can answer without making it.
//!
//! Recursion ends in functions that compare a parameter and return at once. Where a callee begins so, its caller makes the
//! comparison, and a call only if it has to: *partial inlining* (Muth and Debray, "Partial Inlining", 1997), of the smallest prefix there
//! is, one branch and what one of its ways returns.
//!
//! Nothing of it can be seen: the limits of depth and segment have been checked as for any call, a prefix neither exits nor
//! touches memory, and code that counts instructions, or stops at each, makes all calls. Half the calls of `fib` are such; docs/compiler.md has the figures.

use lockstep_bytecode::{Function, Instr, Kind, Pc, Reg, Sem, Value as Operand};
use lockstep_ir::{Builder, Value};

use crate::build::operation::{condition, constant, pool_constant};

/// A branch on parameters, and what is returned on one of its ways.
pub struct LeafPrefix {
    branch: Instr,
    /// Whether the way is the taken one.
    pub taken: bool,
    result: LeafResult,
}

enum LeafResult {
    None,
    Param(Reg),
    Constant(Kind, i64),
    Pool(Kind, u64),
}

impl LeafPrefix {
    /// The prefix of a function, if it has one. Of two ways that both return, it is the taken one.
    pub fn of(function: &Function) -> Option<Self> {
        let branch = function.instr(Pc(0));
        if !matches!(branch.info().sem, Sem::Branch(_) | Sem::BranchImm(_) | Sem::BranchBool(_)) {
            return None;
        }
        let target = branch.target().expect("a branch has a target");
        [(true, target), (false, Pc(1))]
            .into_iter()
            .find_map(|(taken, pc)| Some(Self { branch, taken, result: returned(function, pc)? }))
    }

    /// The branch's condition for these arguments, and whether the branch is taken when it holds.
    pub fn condition(&self, b: &mut Builder<'_>, args: &[Value]) -> (Value, bool) {
        let operands = self.branch.operands();
        let values: Vec<Value> = operands.iter().filter_map(|operand| Some(args[operand.reg()?.index()])).collect();
        condition(b, self.branch, &values)
    }

    /// What is returned for these arguments.
    pub fn result(&self, b: &mut Builder<'_>, args: &[Value]) -> Option<Value> {
        match self.result {
            LeafResult::None => None,
            LeafResult::Param(reg) => Some(args[reg.index()]),
            LeafResult::Constant(kind, value) => Some(constant(b, kind, value)),
            LeafResult::Pool(kind, bits) => Some(pool_constant(b, kind, bits)),
        }
    }
}

/// What the code at a pc does, if it returns a parameter, a constant or nothing.
fn returned(function: &Function, pc: Pc) -> Option<LeafResult> {
    let first = function.instr(pc);
    let (info, operands) = (first.info(), first.operands());
    match info.sem {
        Sem::RetVoid => Some(LeafResult::None),
        Sem::Ret => {
            let value = operands[0].reg().expect("a result is in a register");
            (value.0 < function.param_count).then_some(LeafResult::Param(value))
        }
        Sem::Const | Sem::Pool => {
            let kind = info.kind.expect("a constant has a kind");
            let ret = function.instr(Pc(pc.0 + 1));
            if ret.info().sem != Sem::Ret || ret.operands()[0].reg() != first.def() {
                return None;
            }
            match operands[1] {
                Operand::Pool(index) => Some(LeafResult::Pool(kind, function.pool[index.index()])),
                other => Some(LeafResult::Constant(kind, other.imm().expect("an immediate"))),
            }
        }
        _ => None,
    }
}
