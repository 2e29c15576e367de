//! Changes of bytecode that make it smaller: what the reducer tries. Each is a pure function on data; nothing here runs a program, and what
//! comes out may be invalid: the verifier judges.

use std::collections::HashMap;

use lockstep_bytecode::{
    Cfg, ConstId, FuncId, Function, Instr, JumpTable, Kind, LineTable, Module, Op, Pc, Reg, Role, Sem, TableId, Value,
};

/// What becomes of an instruction.
pub enum Edit {
    /// It stays.
    Keep,
    /// It goes.
    Drop,
    /// These stand in its place; their targets are positions before the change.
    With(Vec<Instr>),
}

/// Rewrites the code of a function. Branches to what has gone lead to what follows. Source lines are lost.
pub fn rewrite(function: &mut Function, mut edit: impl FnMut(Pc, Instr) -> Edit) {
    let mut place = Vec::with_capacity(function.code.len() + 1);
    let mut code = Vec::with_capacity(function.code.len());
    for (pc, &instr) in (0..).map(Pc).zip(&function.code) {
        place.push(Pc(code.len() as u32));
        match edit(pc, instr) {
            Edit::Keep => code.push(instr),
            Edit::Drop => {}
            Edit::With(instead) => code.extend(instead),
        }
    }
    place.push(Pc(code.len() as u32));
    let moved = |pc: Pc| place.get(pc.index()).copied().unwrap_or(pc);
    for instr in &mut code {
        if let Some(target) = instr.target() {
            *instr = instr.with_target(moved(target));
        }
    }
    for target in function.tables.iter_mut().flat_map(|t| t.targets.iter_mut().chain([&mut t.default])) {
        *target = moved(*target);
    }
    function.code = code;
    function.lines = LineTable::default();
}

/// Instructions of all functions.
pub fn size(module: &Module) -> usize {
    module.functions.iter().map(|f| f.code.len()).sum()
}

/// An instruction that sets a register of a scalar kind to the value with these bits, in the small form if there is one.
pub fn set(function: &mut Function, reg: Reg, bits: u64) -> Option<Instr> {
    let kind = function.registers.get(reg.index())?.kind;
    let number = if kind == Kind::I32 { i64::from(bits as i32) } else { bits as i64 };
    let small = Op::find(Sem::Const, Some(kind), None);
    if let Some(instr) = small.and_then(|op| Instr::build(op, &[Value::Reg(reg), Value::Imm(number)])) {
        return Some(instr);
    }
    let op = Op::find(Sem::Pool, Some(kind), None)?;
    function.pool.push(bits);
    Instr::build(op, &[Value::Reg(reg), Value::Pool(ConstId(function.pool.len() as u32 - 1))])
}

/// The bits of a constant that an instruction loads.
pub fn constant(function: &Function, instr: Instr) -> Option<u64> {
    let value = *instr.operands().get(1)?;
    match (instr.info().sem, value) {
        (Sem::Const, Value::Imm(imm)) => Some(instr.info().kind?.normalise(imm as u64)),
        (Sem::Pool, Value::Pool(id)) => function.pool.get(id.index()).copied(),
        _ => None,
    }
}

/// A copy of one register to another of the same kind.
pub fn copy(function: &Function, dst: Reg, from: Reg) -> Option<Instr> {
    let kind = |reg: Reg| function.registers.get(reg.index()).map(|r| r.kind);
    let op = Op::find(Sem::Move, kind(dst), None).filter(|_| kind(dst) == kind(from))?;
    Instr::build(op, &[Value::Reg(dst), Value::Reg(from)])
}

/// Makes every register operand that satisfies `wanted` another register; call arguments are left alone.
pub fn replace_uses(instr: Instr, wanted: Reg, by: Reg) -> Instr {
    let values: Vec<Value> = instr
        .declared()
        .map(
            |(operand, value)| {
                if operand.role == Role::Use && value == Value::Reg(wanted) { Value::Reg(by) } else { value }
            },
        )
        .collect();
    Instr::build(instr.op(), &values).unwrap_or(instr)
}

/// Removes a function and makes the best of its calls: they give zeros, or nothing.
pub fn remove_function(module: &mut Module, gone: FuncId) {
    let result = module.function(gone).result;
    for function in &mut module.functions {
        let mut zeros: HashMap<Pc, Option<Instr>> = HashMap::new();
        for pc in (0..function.code.len() as u32).map(Pc) {
            let instr = function.instr(pc);
            if instr.callee() == Some(gone) {
                let dst = if instr.info().sem == Sem::Call { instr.def() } else { None };
                zeros.insert(pc, dst.and_then(|dst| set(function, dst, 0)));
            }
        }
        // A call in tail position becomes the return of any register that fits.
        let fitting = result.and_then(|kind| function.registers.iter().position(|r| r.kind == kind));
        let mut ret = Vec::new();
        match (result, fitting) {
            (None, _) => ret.push(Instr::RetVoid {}),
            (Some(_), Some(reg)) => {
                let reg = Reg(reg as u8);
                ret.extend(set(function, reg, 0));
                ret.extend(Instr::build(Op::Ret, &[Value::Reg(reg)]));
            }
            (Some(_), None) => {}
        }
        rewrite(function, |pc, instr| match zeros.get(&pc) {
            None => Edit::Keep,
            Some(_) if instr.info().sem == Sem::TailCall => Edit::With(ret.clone()),
            Some(Some(zero)) => Edit::With(vec![*zero]),
            Some(None) => Edit::Drop,
        });
    }
    module.functions.remove(gone.index());
    renumber_calls(module, |func| if func.0 > gone.0 { FuncId(func.0 - 1) } else { func });
}

fn renumber_calls(module: &mut Module, number: impl Fn(FuncId) -> FuncId) {
    for instr in module.functions.iter_mut().flat_map(|f| &mut f.code) {
        let values: Vec<Value> = instr
            .operands()
            .iter()
            .map(|value| match value {
                Value::Func(func) => Value::Func(number(*func)),
                other => *other,
            })
            .collect();
        *instr = Instr::build(instr.op(), &values).unwrap_or(*instr);
    }
}

/// Removes what does not matter: functions that nothing calls, unreachable code, jumps to what follows anyway, registers and constants without
/// use; numbers pool and jump tables as the assembler does. The program means the same afterwards.
pub fn tidy(module: &mut Module, entry: &mut FuncId) {
    for function in &mut module.functions {
        loop {
            let before = function.code.len();
            let cfg = Cfg::new(function);
            let mut reached = vec![false; before];
            for &block in cfg.reverse_postorder() {
                cfg.block(block).pcs().for_each(|pc| reached[pc.index()] = true);
            }
            rewrite(function, |pc, instr| match instr.info().sem {
                _ if !reached[pc.index()] => Edit::Drop,
                Sem::Jump if instr.target() == Some(Pc(pc.0 + 1)) => Edit::Drop,
                _ => Edit::Keep,
            });
            if function.code.len() == before {
                break;
            }
        }
    }
    drop_uncalled(module, entry);
    for n in 0..module.functions.len() {
        let params: Vec<usize> = module.functions.iter().map(|f| usize::from(f.param_count)).collect();
        let function = &mut module.functions[n];
        number_by_use(function);
        drop_registers(function, &params);
    }
}

fn drop_uncalled(module: &mut Module, entry: &mut FuncId) {
    let mut called = vec![false; module.functions.len()];
    let mut list = vec![*entry];
    while let Some(func) = list.pop() {
        if !std::mem::replace(&mut called[func.index()], true) {
            list.extend(module.function(func).code.iter().filter_map(|i| i.callee()));
        }
    }
    let number = |func: FuncId| FuncId(called[..func.index()].iter().filter(|c| **c).count() as u32);
    renumber_calls(module, number);
    *entry = number(*entry);
    let mut kept = called.iter();
    module.functions.retain(|_| *kept.next().unwrap_or(&true));
}

/// Numbers constants and jump tables by their first use, and drops those without.
fn number_by_use(function: &mut Function) {
    let (mut pool, mut tables): (Vec<u64>, Vec<JumpTable>) = (Vec::new(), Vec::new());
    let mut placed: HashMap<TableId, TableId> = HashMap::new();
    for n in 0..function.code.len() {
        let instr = function.code[n];
        let values: Vec<Value> = instr
            .operands()
            .iter()
            .map(|value| match *value {
                Value::Pool(id) => {
                    let bits = function.pool[id.index()];
                    let at = pool.iter().position(|b| *b == bits).unwrap_or_else(|| {
                        pool.push(bits);
                        pool.len() - 1
                    });
                    Value::Pool(ConstId(at as u32))
                }
                Value::Table(id) => Value::Table(*placed.entry(id).or_insert_with(|| {
                    tables.push(function.tables[id.index()].clone());
                    TableId(tables.len() as u32 - 1)
                })),
                other => other,
            })
            .collect();
        function.code[n] = Instr::build(instr.op(), &values).unwrap_or(instr);
    }
    (function.pool, function.tables) = (pool, tables);
}

/// Drops registers without use; parameters stay. Their order stays, so that arguments of calls stay side by side.
fn drop_registers(function: &mut Function, params: &[usize]) {
    // Closures name registers, too; nobody has needed to make such functions smaller yet.
    if !function.templates.is_empty() {
        return;
    }
    let mut used = vec![false; function.registers.len()];
    used[..usize::from(function.param_count)].fill(true);
    for instr in &function.code {
        instr.for_each_use(function, |func| params[func.index()], |reg| used[reg.index()] = true);
        instr.for_each_def(|reg| used[reg.index()] = true);
    }
    let number = |reg: Reg| Reg(used[..reg.index()].iter().filter(|u| **u).count() as u8);
    for instr in &mut function.code {
        let values: Vec<Value> = instr
            .operands()
            .iter()
            .map(|value| match value {
                Value::Reg(reg) => Value::Reg(number(*reg)),
                other => *other,
            })
            .collect();
        *instr = Instr::build(instr.op(), &values).unwrap_or(*instr);
    }
    let mut kept = used.iter();
    function.registers.retain(|_| *kept.next().unwrap_or(&true));
}

/// Drops a parameter that nothing reads, and leaves the register out; the function must not be called within the module.
pub fn drop_param(function: &mut Function, index: usize) {
    let gone = Reg(index as u8);
    let lower = |reg: Reg| if reg > gone { Reg(reg.0 - 1) } else { reg };
    for instr in &mut function.code {
        let values: Vec<Value> = instr
            .operands()
            .iter()
            .map(|value| match value {
                Value::Reg(reg) => Value::Reg(lower(*reg)),
                other => *other,
            })
            .collect();
        *instr = Instr::build(instr.op(), &values).unwrap_or(*instr);
    }
    function.registers.remove(index);
    function.param_count -= 1;
}

/// Drops the first or last parameter of a function that is called within the module and does not read it; every call passes one argument less.
/// Does nothing if it has none, or touches it.
pub fn drop_passed_param(module: &mut Module, func: FuncId, first: bool) {
    let params: Vec<usize> = module.functions.iter().map(|f| usize::from(f.param_count)).collect();
    let Some(last) = params[func.index()].checked_sub(1) else { return };
    let index = if first { 0 } else { last };
    let function = &mut module.functions[func.index()];
    let mut used = false;
    for instr in &function.code {
        instr.for_each_use(function, |f| params[f.index()], |reg| used |= reg.index() == index);
        used |= instr.def().is_some_and(|reg| reg.index() == index);
    }
    if used {
        return;
    }
    drop_param(function, index);
    if !first {
        return;
    }
    for function in &mut module.functions {
        for instr in function.code.iter_mut().filter(|instr| instr.callee() == Some(func)) {
            let values: Vec<Value> = instr
                .declared()
                .map(|(operand, value)| match value {
                    Value::Reg(reg) if operand.role == Role::Args => Value::Reg(Reg(reg.0.saturating_add(1))),
                    other => other,
                })
                .collect();
            *instr = Instr::build(instr.op(), &values).unwrap_or(*instr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_bytecode::{assemble, disassemble};

    const TEXT: &str = "
func twice(x: i64) -> i64 {
    add.i64 x, x, x
    ret x
}

func main(a: i64, b: f64) -> i64 {
    reg c: i64, d: i64, e: f64
    pool.f64 e, 2.5
    jgti.i64 a, 3, big
    call c, twice(a)
    ret c
big:
    const.i64 d, 7
    ret d
}
";

    fn module() -> Module {
        assemble("test", TEXT).unwrap_or_else(|e| panic!("{e}")).into_inner()
    }

    fn shown(module: &Module) -> String {
        lockstep_bytecode::verify(module).unwrap_or_else(|e| panic!("{e}\n{}", disassemble(module)));
        disassemble(module)
    }

    #[test]
    fn branches_follow_what_moves() {
        let mut module = module();
        rewrite(&mut module.functions[1], |pc, _| if pc == Pc(0) { Edit::Drop } else { Edit::Keep });
        assert!(shown(&module).contains("jgti.i64 a, 3, L1"), "{}", shown(&module));
        assert_eq!(size(&module), 7);
    }

    #[test]
    fn calls_of_a_function_that_goes_give_zero() {
        let mut module = module();
        remove_function(&mut module, FuncId(0));
        assert!(shown(&module).contains("const.i64 c, 0"), "{}", shown(&module));
    }

    #[test]
    fn parameters_that_nothing_reads_go_from_both_ends() {
        let text = "
func f(a: i64, b: f64, c: i64) -> f64 {
    ret b
}

func main() -> f64 {
    reg a: i64, b: f64, c: i64, d: f64
    const.i64 a, 1
    pool.f64 b, 2.5
    const.i64 c, 3
    call d, f(a, b, c)
    ret d
}
";
        let mut module = assemble("t", text).unwrap_or_else(|e| panic!("{e}")).into_inner();
        let f = FuncId(0);
        drop_passed_param(&mut module, f, false);
        drop_passed_param(&mut module, f, true);
        assert!(shown(&module).contains("call d, f(b)"), "{}", shown(&module));
        let before = module.clone();
        drop_passed_param(&mut module, f, true);
        assert_eq!(module, before, "it is read");
        lockstep_bytecode::verify(&module).unwrap_or_else(|e| panic!("{e}"));
    }

    #[test]
    fn tidying_drops_what_does_not_matter() {
        let mut module = module();
        rewrite(&mut module.functions[1], |pc, _| match pc.0 {
            0 | 1 => Edit::Drop,
            2 => Edit::With(vec![Instr::Jump { target: Pc(4) }]),
            _ => Edit::Keep,
        });
        let mut entry = FuncId(1);
        tidy(&mut module, &mut entry);
        assert_eq!(entry, FuncId(0));
        assert_eq!(size(&module), 2, "{}", shown(&module));
        assert_eq!(module.functions[0].registers.len(), 3);
        assert!(module.functions[0].pool.is_empty());
    }
}
