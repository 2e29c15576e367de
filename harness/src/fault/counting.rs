//! Mistakes of those who count and those who claim: executions counted wrongly, code that is native in name only, trials that did not take
//! place, errors reported as others.

use lockstep_backend_api::Capabilities;
use lockstep_bytecode::ErrorKind;
use lockstep_compiler::{Compiled, DataWord, Fuel, PassId};
use lockstep_ir::{Builder, FuncRef, Function, Imm, InstData, Op, Signature, Type, Unit};

use super::edit::{constant, places, places_in, region_name, remove};
use super::{Fault, Layer, Plant};
use crate::program::Observation;

const fn fault(layer: Layer, id: &'static str, gate: &'static str, about: &'static str, plant: Plant) -> Fault {
    Fault { id, layer, about, gate, plant }
}

/// The faults of these layers.
pub(super) const FAULTS: &[Fault] = &[
    fault(
        Layer::Coverage,
        "counted-twice",
        "coverage",
        "the last counter of a unit counts by two",
        Plant::Compiled(counted_twice),
    ),
    fault(
        Layer::Coverage,
        "not-counted",
        "coverage",
        "the last counter of a unit is not written back",
        Plant::Compiled(not_counted),
    ),
    fault(
        Layer::Coverage,
        "counted-and-left",
        "programs",
        "an instruction is counted before the check that makes it leave, and again by the interpreter",
        Plant::Pass(PassId::ConstantFolding, counted_and_left),
    ),
    fault(
        Layer::Coverage,
        "helper-only",
        "coverage",
        "integer arithmetic is made by calls of helpers, and counted so",
        Plant::Compiled(helper_only),
    ),
    fault(
        Layer::Coverage,
        "interpreter-in-disguise",
        "coverage",
        "native code leaves for the interpreter as soon as it is entered, always for a reason that counts",
        Plant::Compiled(disguise),
    ),
    fault(
        Layer::Coverage,
        "silent-fallback",
        "coverage",
        "the engine interprets everything and does not say so",
        Plant::Interpret,
    ),
    fault(
        Layer::Coverage,
        "convenient-gap",
        "coverage",
        "a backend declares an operation unsupported instead of getting it right",
        Plant::Capabilities(convenient_gap),
    ),
    fault(
        Layer::Harness,
        "silent-skip",
        "kit",
        "a worker answers that a trial passed, and has not made it",
        Plant::Skip,
    ),
    fault(
        Layer::Errors,
        "wrong-error-kind",
        "programs",
        "a failed conversion is reported as an overflow",
        Plant::Run(wrong_error_kind),
    ),
    fault(
        Layer::Errors,
        "wrong-error-line",
        "programs",
        "an error two calls deep or deeper is reported one line below its own",
        Plant::Run(wrong_error_line),
    ),
];

fn counted_twice(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let Some(&(block, at, inst)) =
            places(func, |i| i.op == Op::Store && region_name(regions, i) == "counters").last()
        else {
            continue;
        };
        let (count, address) = (func.insts[inst.index()].args[0], func.insts[inst.index()].args[1]);
        let one = constant(func, (block, at), Type::I64, 1);
        let more =
            super::edit::insert(func, (block, at + 1), InstData::new(Op::Iadd, Type::I64, &[count, one]), Type::I64);
        func.insts[inst.index()].args = [more, address].into_iter().collect();
    }
}

fn not_counted(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        if let Some(&place) = places(func, |i| i.op == Op::Store && region_name(regions, i) == "counters").last() {
            remove(func, place);
        }
    }
}

fn counted_and_left(unit: &mut Unit, fuel: &mut Fuel) {
    for func in &mut unit.functions {
        for block in &mut func.blocks {
            let op = |n: usize| func.insts[block.insts[n].index()].op;
            let counts = (1..block.insts.len()).filter(|&n| op(n) == Op::CountInline);
            // The check that stands last before the count.
            let moves: Vec<(usize, usize)> =
                counts.filter_map(|n| Some(((0..n).rev().find(|&m| op(m) == Op::ExitIf)?, n))).collect();
            for (check, count) in moves {
                let counted_before = (check..count).any(|n| func.insts[block.insts[n].index()].op == Op::CountInline);
                if !counted_before && fuel.take() {
                    let moved = block.insts.remove(count);
                    block.insts.insert(check, moved);
                }
            }
        }
    }
}

/// Operations that a backend without code generation would leave to helpers.
const ARITHMETIC: [Op; 6] = [Op::Iadd, Op::Isub, Op::Imul, Op::Band, Op::Bor, Op::Bxor];

fn helper_only(compiled: &mut Compiled) {
    for word in &mut compiled.data {
        if let DataWord::CounterInline(pc) = *word {
            *word = DataWord::CounterHelper(pc);
        }
    }
    let unit = &mut compiled.unit;
    for op in ARITHMETIC {
        let helper = FuncRef(unit.functions.len() as u32);
        for func in &mut unit.functions {
            for (_, _, inst) in places_in(func, |i, cold| !cold && i.op == op && i.ty == Type::I64) {
                let data = &mut func.insts[inst.index()];
                (data.op, data.imm) = (Op::Call, Imm::Func(helper));
            }
        }
        unit.add(out_of_line(op));
    }
}

/// A function that does nothing but one operation.
fn out_of_line(op: Op) -> Function {
    let mut func = Function::new(op.info().name, Signature::new(&[Type::I64, Type::I64], &[Type::I64]));
    let mut b = Builder::new(&mut func);
    let [x, y] = [0, 1].map(|n| b.param(Function::ENTRY, n));
    let result = b.one(op, Type::I64, &[x, y]);
    b.ret(&[result]);
    func
}

fn disguise(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        // The machine stack always seems used up, and the VM always seems to want attention.
        let low = |i: &InstData| i.op == Op::IcmpUlt && func.def(i.args[0]).is_some_and(|d| d.op == Op::StackPointer);
        let checks = places(func, |i| low(i) || i.op == Op::AtomicLoad);
        for (_, _, inst) in checks {
            let data = &func.insts[inst.index()];
            let ty = func.ty(data.results[0]);
            super::edit::replace(func, inst, InstData { imm: Imm::Int(1), ..InstData::new(Op::Iconst, ty, &[]) });
        }
    }
}

fn convenient_gap(capabilities: &mut Capabilities) {
    capabilities.unsupported.push(Op::Fsqrt);
}

fn wrong_error_kind(seen: &mut Observation) {
    if let Err(error) = &mut seen.outcome
        && error.kind == ErrorKind::Conversion
    {
        error.kind = ErrorKind::IntegerOverflow;
    }
}

fn wrong_error_line(seen: &mut Observation) {
    if let Err(error) = &mut seen.outcome
        && error.traceback.innermost.len() > 2
    {
        error.position.line += 1;
    }
}
