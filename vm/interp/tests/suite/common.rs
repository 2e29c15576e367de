//! Small programs as instructions, for tests that say exactly which instruction runs.

use std::sync::Arc;

use lockstep_bytecode::{FuncId, Function, Instr, Kind, Module, Pc, Reg, Register, Verified};
use lockstep_interp::{new_vm, run};
use lockstep_runtime::{Error, Limits, Value, Vm};

/// A function of the given registers, the first `params` of which are parameters.
pub fn function(name: &str, params: u8, result: Option<Kind>, registers: &[Kind], code: Vec<Instr>) -> Function {
    let registers = registers.iter().map(|&kind| Register { kind, name: None }).collect();
    let mut function =
        Function { name: name.into(), param_count: params, result, registers, code, ..Function::default() };
    // Line numbers that differ from pcs, so that tests see which is which.
    for pc in 0..function.code.len() as u32 {
        function.lines.push(Pc(pc), pc + 10);
    }
    function
}

/// A module of these functions.
pub fn module(functions: Vec<Function>) -> Arc<Verified> {
    let module = Module { source: "test.lsa".into(), functions, origin: None };
    Arc::new(Verified::new(module).unwrap_or_else(|error| panic!("{error}")))
}

/// A VM for these functions.
pub fn vm(functions: Vec<Function>, limits: Limits) -> Vm {
    new_vm(module(functions), limits)
}

/// Runs the first function on a fresh VM.
pub fn call(functions: Vec<Function>, args: &[Value]) -> Result<Option<Value>, Error> {
    run(&mut vm(functions, Limits::default()), FuncId(0), args)
}

/// Register `n`.
pub const fn r(n: u8) -> Reg {
    Reg(n)
}

/// `fib(n)`, the naive way.
pub fn fib() -> Function {
    let code = vec![
        Instr::JumpLtImmI64 { a: r(0), imm: 2, target: Pc(7) },
        Instr::SubImmI64 { dst: r(1), a: r(0), imm: 1 },
        Instr::Call { dst: r(1), args: r(1), func: FuncId(0) },
        Instr::SubImmI64 { dst: r(2), a: r(0), imm: 2 },
        Instr::Call { dst: r(2), args: r(2), func: FuncId(0) },
        Instr::AddI64 { dst: r(1), a: r(1), b: r(2) },
        Instr::Ret { value: r(1) },
        Instr::Ret { value: r(0) },
    ];
    function("fib", 1, Some(Kind::I64), &[Kind::I64; 3], code)
}

/// `sum(n)`: 1 + 2 + … + n by a counted loop; the back edge is at pc 3, the header at pc 2.
pub fn sum() -> Function {
    let code = vec![
        Instr::ConstI64 { dst: r(1), value: 0 },
        Instr::ConstI64 { dst: r(2), value: 0 },
        Instr::AddI64 { dst: r(2), a: r(2), b: r(1) },
        Instr::LoopLeI64 { i: r(1), limit: r(0), target: Pc(2) },
        Instr::Ret { value: r(2) },
    ];
    function("sum", 1, Some(Kind::I64), &[Kind::I64; 3], code)
}
