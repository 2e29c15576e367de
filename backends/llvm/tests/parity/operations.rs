//! Every operation at every type over edge values, in every configuration, against the table's own evaluation: with operands from
//! memory, so that nothing folds, and with each constant operand, so that everything does.

use std::collections::HashMap;

use crate::common::{configurations, edges, load};
use lockstep_engine::kit;
use lockstep_ir::eval::{evaluate, same};
use lockstep_ir::op::Operands;
use lockstep_ir::{
    Builder, Effect, FuncRef, Function, Imm, ImmKind, InstData, Op, OpInstance, Region, Signature, Stage, Type, Unit,
};

/// Bytes of memory at which results are stored.
const RESULTS: i32 = 64;

/// Operand values: every pair of edges, or for three operands a sample.
fn rows(instance: &OpInstance) -> Vec<Vec<u64>> {
    let mut rows: Vec<Vec<u64>> = vec![Vec::new()];
    for &ty in &instance.args {
        let values = if instance.op == Op::Select && ty == Type::I8 { vec![0, 1, 2, 0x80, 0xff] } else { edges(ty) };
        rows = rows.iter().flat_map(|row| values.iter().map(|&v| [&row[..], &[v]].concat())).collect();
    }
    let stride = rows.len().div_ceil(4000).max(1);
    rows.into_iter().step_by(stride).collect()
}

/// A function that loads the operands that are not given as constants, computes, and stores the results.
fn function(instance: &OpInstance, constants: &HashMap<usize, u64>, imm: Imm) -> Function {
    let mut func = Function::new("f", Signature::entry());
    let mut b = Builder::new(&mut func);
    let memory = b.param(Function::ENTRY, 0);
    let mut args = Vec::new();
    for (n, &ty) in instance.args.iter().enumerate() {
        args.push(match constants.get(&n) {
            Some(&bits) => constant(&mut b, ty, bits),
            None => b.load(ty, Region::ANY, memory, 8 * n as i32),
        });
    }
    let data = InstData { imm, ..InstData::new(instance.op, instance.ty, &args) };
    let results = b.push(data, &instance.results).to_vec();
    for (n, &value) in results.iter().enumerate() {
        b.store(Region::ANY, value, memory, RESULTS + 8 * n as i32);
    }
    let zero = b.iconst(Type::I32, 0);
    b.ret(&[zero]);
    func
}

fn constant(b: &mut Builder<'_>, ty: Type, bits: u64) -> lockstep_ir::Value {
    match ty {
        Type::F64 => {
            let data = InstData { imm: Imm::Float(bits), ..InstData::new(Op::Fconst, Type::F64, &[]) };
            b.push(data, &[Type::F64])[0]
        }
        Type::F32 => {
            let int = b.iconst(Type::I32, bits as i64);
            b.one(Op::BitsToF32, Type::F32, &[int])
        }
        _ => b.iconst(ty, bits as i64),
    }
}

fn check(
    code: &lockstep_engine::loader::CodeBlock,
    func: FuncRef,
    instance: &OpInstance,
    imm: Imm,
    row: &[u64],
    what: &str,
) {
    let mut memory = [0xa5a5_a5a5_a5a5_a5a5_u64; 16];
    // Above a narrow operand lies garbage.
    for (word, (&bits, &ty)) in memory.iter_mut().zip(row.iter().zip(&instance.args)) {
        *word = *word & !ty.mask() | bits;
    }
    kit::call_native(code, func, &mut memory, 0);
    let expected = evaluate(instance.op, instance.ty, imm, &instance.args, row).expect("pure");
    for (n, (&ty, &bits)) in instance.results.iter().zip(&expected).enumerate() {
        let actual = memory[RESULTS as usize / 8 + n] & ty.mask();
        let equal = if keeps_bits(instance.op) { actual == bits } else { same(ty, actual, bits) };
        assert!(equal, "{instance} ({what}) of {row:x?}: result {n} is {actual:#x}, not {bits:#x}");
        let above = memory[RESULTS as usize / 8 + n] & !ty.mask();
        assert_eq!(above, 0xa5a5_a5a5_a5a5_a5a5 & !ty.mask(), "{instance}: the store of {ty} is too wide");
    }
}

fn pure_instances() -> impl Iterator<Item = OpInstance> {
    Op::ALL
        .iter()
        .filter(|op| op.info().stage == Stage::Machine && op.info().effect == Effect::Pure)
        .flat_map(|op| op.instances())
}

/// Whether NaN payloads count.
fn keeps_bits(op: Op) -> bool {
    matches!(
        op,
        Op::Fneg
            | Op::Fabs
            | Op::Fcopysign
            | Op::BitsToF64
            | Op::F64ToBits
            | Op::BitsToF32
            | Op::F32ToBits
            | Op::Select
    )
}

#[test]
fn operands_from_memory() {
    for instance in pure_instances().filter(|i| !i.args.is_empty()) {
        assert!(matches!(instance.op.info().args, Operands::Fixed(_)));
        let mut unit = Unit::new(instance.to_string(), Stage::Machine);
        unit.add(function(&instance, &HashMap::new(), Imm::None));
        for configuration in configurations() {
            let code = load(&unit, configuration);
            for row in rows(&instance) {
                check(&code, FuncRef(0), &instance, Imm::None, &row, &format!("{configuration:?}"));
            }
        }
    }
}

#[test]
fn constant_operands() {
    for instance in pure_instances().filter(|i| !i.args.is_empty()) {
        // One function per operand place and value; every place is constant at once in the last ones.
        let mut unit = Unit::new(instance.to_string(), Stage::Machine);
        let mut functions = Vec::new();
        for place in 0..instance.args.len() {
            for &value in edges(instance.args[place]).iter().step_by(3) {
                let constants = HashMap::from([(place, value)]);
                functions.push((unit.add(function(&instance, &constants, Imm::None)), constants));
            }
        }
        for row in rows(&instance).into_iter().step_by(53) {
            let constants: HashMap<usize, u64> = row.into_iter().enumerate().collect();
            functions.push((unit.add(function(&instance, &constants, Imm::None)), constants));
        }
        let rows: Vec<Vec<u64>> = rows(&instance).into_iter().step_by(17).collect();
        let all = configurations();
        for &configuration in &all[..2] {
            let code = load(&unit, configuration);
            for (func, constants) in &functions {
                for row in &rows {
                    let row: Vec<u64> = row.iter().enumerate().map(|(n, v)| *constants.get(&n).unwrap_or(v)).collect();
                    check(&code, *func, &instance, Imm::None, &row, &format!("constants {constants:x?}"));
                }
            }
        }
    }
}

#[test]
fn constants() {
    for instance in pure_instances().filter(|i| i.args.is_empty()) {
        let immediate = |bits| match instance.op.info().imm {
            ImmKind::Float => Imm::Float(bits),
            _ => Imm::Int(bits),
        };
        let values = edges(instance.ty);
        let mut unit = Unit::new(instance.to_string(), Stage::Machine);
        for &bits in &values {
            unit.add(function(&instance, &HashMap::new(), immediate(bits)));
        }
        for configuration in configurations() {
            let code = load(&unit, configuration);
            for (n, &bits) in values.iter().enumerate() {
                let mut memory = [0u64; 16];
                kit::call_native(&code, FuncRef(n as u32), &mut memory, 0);
                assert_eq!(memory[RESULTS as usize / 8], bits, "{instance} {bits:#x}");
            }
        }
    }
}
