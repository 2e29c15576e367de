//! The IR evaluator behind the [`Backend`] trait: the smallest example of a backend, and the third opinion beside the interpreter and native code.
//!
//! Its artifact is [`Code::Evaluated`]: nothing is compiled. Pure operations are [`lockstep_ir::eval`]'s; what is here is control flow, calls and memory.
//! Operations of the value stage are the machine's ([`Machine::value_stage`]): it runs units of either stage.
#![forbid(unsafe_code)]

use lockstep_backend_api::{
    Artifact, Backend, Capabilities, Code, CompileError, Evaluator, Execution, Fault, Flow, Level, Machine, Options,
    Target,
};
use lockstep_ir::eval::{Results, evaluate};
use lockstep_ir::{Block, FuncRef, Function, Imm, InstData, Op, Stage, Type, Unit, Value};

/// The evaluator.
#[derive(Debug, Default)]
pub struct Eval;

impl Backend for Eval {
    fn id(&self) -> &str {
        "eval"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn summary(&self) -> String {
        "evaluates the IR directly; the reference for every operation".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            targets: Vec::new(),
            levels: vec![Level::None],
            default_level: Level::None,
            unsupported: Vec::new(),
            execution: Execution::Evaluated,
        }
    }

    fn compile(&self, unit: &Unit, _target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        if options.level != Level::None {
            return Err(CompileError::UnsupportedLevel(options.level));
        }
        if options.verify {
            lockstep_ir::verify::verify(unit).map_err(|e| CompileError::InvalidUnit(e.to_string()))?;
        }
        Ok(Artifact {
            code: Code::Evaluated,
            functions: vec![0; unit.functions.len()],
            phases: Vec::new(),
            source_map: Vec::new(),
        })
    }

    fn evaluator(&self) -> Option<&dyn Evaluator> {
        Some(self)
    }
}

impl Evaluator for Eval {
    fn evaluate(&self, unit: &Unit, func: FuncRef, args: &[u64], machine: &mut dyn Machine) -> Result<Results, Fault> {
        run(unit, func, args, machine, 0)
    }
}

fn run(unit: &Unit, func: FuncRef, args: &[u64], machine: &mut dyn Machine, depth: u32) -> Result<Results, Fault> {
    if depth > machine.max_depth() {
        return Err(Fault::OutOfDepth);
    }
    let func = &unit.functions[func.index()];
    let value_stage = unit.stage == Stage::Value;
    let mut values = vec![0u64; func.values.len()];
    let mut block = Function::ENTRY;
    bind(func, block, &mut values, args);
    loop {
        for &inst in &func.blocks[block.index()].insts {
            machine.step()?;
            let data = &func.insts[inst.index()];
            let args: Vec<u64> = data.args.iter().map(|v| values[v.index()]).collect();
            let target = match data.op {
                Op::Return => {
                    return Ok(func.signature.results.iter().zip(&args).map(|(ty, bits)| bits & ty.mask()).collect());
                }
                Op::Jump => 0,
                Op::Brif => usize::from(args[0] == 0),
                Op::Switch => data.cases.iter().position(|&c| c == args[0]).map_or(0, |n| n + 1),
                op if value_stage && op.info().stage == Stage::Value => {
                    match machine.value_stage(unit, func, data, &values)? {
                        Flow::Return(results) => return Ok(results),
                        Flow::Next(results) => define(func, data, &mut values, results),
                    }
                    continue;
                }
                _ => {
                    let results = execute(unit, func, data, &args, machine, depth)?;
                    define(func, data, &mut values, results);
                    continue;
                }
            };
            let target = &data.targets[target];
            let args: Vec<u64> = target.args.iter().map(|v: &Value| values[v.index()]).collect();
            block = target.block;
            bind(func, block, &mut values, &args);
        }
    }
}

fn define(func: &Function, data: &InstData, values: &mut [u64], results: Results) {
    for (value, bits) in data.results.iter().zip(results) {
        values[value.index()] = bits & func.ty(*value).mask();
    }
}

fn bind(func: &Function, block: Block, values: &mut [u64], args: &[u64]) {
    for (&param, bits) in func.blocks[block.index()].params.iter().zip(args) {
        values[param.index()] = bits & func.ty(param).mask();
    }
}

/// Everything but terminators.
fn execute(
    unit: &Unit,
    func: &Function,
    data: &InstData,
    args: &[u64],
    machine: &mut dyn Machine,
    depth: u32,
) -> Result<Results, Fault> {
    let address = |base: u64| match data.imm {
        Imm::Mem { offset, .. } => base.wrapping_add_signed(i64::from(offset)),
        _ => base,
    };
    Ok(match data.op {
        Op::Load | Op::AtomicLoad => [machine.load(address(args[0]), data.ty.bytes())?].into_iter().collect(),
        Op::Store => {
            machine.store(address(args[1]), data.ty.bytes(), args[0])?;
            Results::new()
        }
        Op::StackPointer => [machine.stack_pointer(depth)].into_iter().collect(),
        Op::Call => {
            let Imm::Func(callee) = data.imm else { return Err(Fault::WrongStage) };
            run(unit, callee, args, machine, depth + 1)?
        }
        Op::CallIndirect | Op::CallHelper => {
            let signature = unit.call_signature(data).ok_or(Fault::WrongStage)?;
            let target = match data.imm {
                Imm::Helper(helper) => {
                    machine.load(args[0].wrapping_add(8 * u64::from(unit.helpers[helper.index()].index)), 8)?
                }
                _ => args[0],
            };
            machine.call(target, signature, &args[1..])?
        }
        _ => {
            let types: Vec<Type> = data.args.iter().map(|&v| func.ty(v)).collect();
            evaluate(data.op, data.ty, data.imm, &types, args).ok_or(Fault::WrongStage)?
        }
    })
}
