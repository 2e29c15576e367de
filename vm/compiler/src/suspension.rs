//! Which functions can be suspended while they wait for a call.
//!
//! A coroutine that yields leaves all its frames as they are, and goes on in them later. Native code cannot be left that way: below it the machine's stack holds frames, too. So a
//! function is compiled only if nothing that it calls, itself or through others, can run an instruction that lets a coroutine yield: one of the dynamic half that may
//! call what is not known here. Typed functions that call nothing but typed functions without such instructions stay as they are.

use lockstep_bytecode::{Effects, FuncId, Instr, Module, Pc, Sem};

/// The first function found that `func` calls, itself or through others, and that can be suspended, and where.
pub(crate) fn suspended_callee(module: &Module, func: FuncId) -> Option<(FuncId, Pc)> {
    let mut reached = vec![false; module.functions.len()];
    let mut waiting = vec![func];
    while let Some(func) = waiting.pop() {
        for (pc, instr) in module.function(func).code.iter().enumerate() {
            match instr.callee() {
                Some(callee) if !std::mem::replace(&mut reached[callee.index()], true) => waiting.push(callee),
                Some(_) => {}
                None if may_suspend(instr) => return Some((func, Pc(pc as u32))),
                None => {}
            }
        }
    }
    None
}

/// Whether the instruction runs what is not known here. Where a variable is to be closed, returns do.
fn may_suspend(instr: &Instr) -> bool {
    instr.info().effects.contains(Effects::CALLS) || instr.info().sem == Sem::ToBeClosed
}
