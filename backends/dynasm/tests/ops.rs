//! Every operation of the machine stage at every type, on edge values, against the evaluator: operands loaded, in registers, and constant on either side;
//! truth values stored, branched on and selected by.

mod common;

use common::{check, compile};
use lockstep_dynasm::DynAsm;
use lockstep_ir::{Builder, Function, Imm, InstData, Op, OpInstance, Region, Signature, Stage, Type, Unit, Value};

fn edges(ty: Type) -> Vec<u64> {
    let bits = ty.bits();
    match ty {
        Type::F64 => [
            0.0,
            -0.0,
            0.5,
            -0.5,
            1.0,
            -1.0,
            2.5,
            -3.5,
            1e300,
            5e-324,
            2147483647.0,
            2147483648.0,
            -2147483648.0,
            -2147483649.0,
            4294967295.0,
            4294967296.0,
            9.223372036854775e18,
            9223372036854775808.0,
            -9223372036854775808.0,
            18446744073709549568.0,
            18446744073709551616.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ]
        .into_iter()
        .map(f64::to_bits)
        .chain([0x7ff0_0000_0000_0001, 0xfff8_0000_0000_0007])
        .collect(),
        Type::F32 => [0.0f32, -0.0, 1.5, -7.25, 3e38, 1e-45, f32::INFINITY, f32::NAN]
            .into_iter()
            .map(|x| u64::from(x.to_bits()))
            .collect(),
        _ => {
            let mut out: Vec<u64> = vec![0, 1, 2, 3, 7, 10, bits as u64 - 1, bits as u64, bits as u64 + 1];
            out.extend([1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << (bits - 1)) + 1, u64::MAX, u64::MAX - 1]);
            out.extend([1 << (bits / 2), 0x1234_5678_9abc_def1, u64::MAX << (bits / 2), 1 << (bits - 2)]);
            out.iter_mut().for_each(|v| *v &= ty.mask());
            out.sort_unstable();
            out.dedup();
            out
        }
    }
}

/// Where operands come from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// Loaded right before, so that the load can be folded.
    Memory,
    /// Loaded, then a store in between.
    Register,
    /// The operand with this index is this constant, the rest loaded.
    Constant(usize, u64),
}

fn operand(b: &mut Builder<'_>, memory: Value, n: usize, ty: Type, from: From) -> Value {
    match from {
        From::Constant(at, bits) if at == n => match ty {
            Type::F64 => b.fconst(f64::from_bits(bits)),
            Type::F32 => {
                let bits = b.iconst(Type::I32, bits as i64);
                b.one(Op::BitsToF32, Type::F32, &[bits])
            }
            _ => b.iconst(ty, bits as i64),
        },
        _ => b.load(ty, Region::ANY, memory, 8 * n as i32),
    }
}

/// Word of the n-th result; truth values are followed by what branching and selecting made of them.
const RESULTS: usize = 4;

fn instance_unit(instance: &OpInstance, from: From, fused: bool) -> Unit {
    unit(|b, [memory, ..]| {
        let args: Vec<Value> =
            instance.args.iter().enumerate().map(|(n, &ty)| operand(b, memory, n, ty, from)).collect();
        if from == From::Register {
            let zero = b.iconst(Type::I64, 0);
            b.store(Region::ANY, zero, memory, 8 * 15);
        }
        let mut data = InstData::new(instance.op, instance.ty, &args);
        data.imm = Imm::None;
        let results = b.push(data, &instance.results).to_vec();
        let truth = *results.last().expect("has results");
        if fused && b.func.ty(truth) == Type::I8 {
            if results.len() == 2 {
                b.store(Region::ANY, results[0], memory, 8 * RESULTS as i32);
            }
            let (yes, no) = (b.block(&[]), b.block(&[]));
            b.brif(truth, (yes, &[]), (no, &[]));
            for (block, value) in [(yes, 1), (no, 2)] {
                b.switch_to(block);
                let value = b.iconst(Type::I32, value);
                b.ret(&[value]);
            }
            return;
        }
        for (n, &result) in results.iter().enumerate() {
            b.store(Region::ANY, result, memory, 8 * (RESULTS + n) as i32);
        }
        let zero = b.iconst(Type::I32, 0);
        b.ret(&[zero]);
    })
}

/// Selects integers and floats by a truth value.
fn select_unit(instance: &OpInstance, from: From) -> Unit {
    unit(|b, [memory, argument, _]| {
        let args: Vec<Value> =
            instance.args.iter().enumerate().map(|(n, &ty)| operand(b, memory, n, ty, from)).collect();
        let truth = b.one(instance.op, instance.ty, &args);
        let chosen = b.one(Op::Select, Type::I64, &[truth, memory, argument]);
        let difference = b.one(Op::Isub, Type::I64, &[chosen, memory]);
        b.store(Region::ANY, difference, memory, 8 * RESULTS as i32);
        let again = b.one(instance.op, instance.ty, &args);
        let (x, y) = (b.fconst(1.5), b.fconst(0.0));
        let float = b.one(Op::Select, Type::F64, &[again, x, y]);
        b.store(Region::ANY, float, memory, 8 * RESULTS as i32 + 8);
        let zero = b.iconst(Type::I32, 0);
        b.ret(&[zero]);
    })
}

fn kinds(instance: &OpInstance) -> Vec<(usize, Type)> {
    // Operations on bits keep NaNs as they are.
    if matches!(instance.op, Op::Fneg | Op::Fabs | Op::Fcopysign | Op::Select | Op::BitsToF64 | Op::BitsToF32) {
        return Vec::new();
    }
    instance.results.iter().enumerate().map(|(n, &ty)| (RESULTS + n, ty)).collect()
}

/// Runs on the cross product of edges; where an operand is constant its word does not matter.
fn run_product(unit: &Unit, codes: &[lockstep_engine::loader::CodeBlock], instance: &OpInstance, from: From) {
    let kinds = kinds(instance);
    let mut inputs: Vec<Vec<u64>> = vec![Vec::new()];
    for (n, &ty) in instance.args.iter().enumerate() {
        let values = match from {
            From::Constant(at, _) if at == n => vec![0],
            _ => edges(ty),
        };
        inputs = inputs
            .into_iter()
            .flat_map(|input| values.iter().map(move |&v| [input.clone(), vec![v]].concat()))
            .collect();
    }
    for input in inputs {
        let mut memory = vec![0x5555_5555_5555_5555u64; 16];
        for (word, (value, ty)) in input.iter().zip(&instance.args).enumerate() {
            // Noise above narrow values.
            memory[word] = value | (0xa5a5_a5a5_a5a5_a5a5 & !ty.mask());
        }
        check(unit, codes, &memory, 77, &kinds);
    }
}

fn is_plain(op: Op) -> bool {
    !matches!(op, Op::Iconst | Op::Fconst | Op::StackPointer) && op.is_pure()
}

#[test]
fn operands_in_memory_and_registers() {
    let backend = DynAsm::new();
    for instance in Op::machine().filter(|&op| is_plain(op)).flat_map(Op::instances) {
        for from in [From::Memory, From::Register] {
            for fused in [false, true] {
                let unit = instance_unit(&instance, from, fused);
                run_product(&unit, &compile(&backend, &unit), &instance, from);
            }
        }
    }
}

#[test]
fn constant_operands() {
    let backend = DynAsm::new();
    for instance in Op::machine().filter(|&op| is_plain(op)).flat_map(Op::instances) {
        for (n, &ty) in instance.args.iter().enumerate() {
            for bits in edges(ty) {
                let from = From::Constant(n, bits);
                let unit = instance_unit(&instance, from, true);
                run_product(&unit, &compile(&backend, &unit), &instance, from);
            }
        }
    }
}

#[test]
fn selection_by_comparisons() {
    let backend = DynAsm::new();
    for instance in Op::machine().filter(|&op| is_plain(op)).flat_map(Op::instances) {
        if instance.results == [Type::I8] && instance.args.len() == 2 && instance.op.info().name.contains("cmp") {
            let unit = select_unit(&instance, From::Memory);
            run_product(&unit, &compile(&backend, &unit), &instance, From::Memory);
        }
    }
}

#[test]
fn constants_and_memory() {
    let backend = DynAsm::new();
    for ty in Type::ALL.into_iter().filter(|t| t.is_int()) {
        for bits in edges(ty) {
            let unit = unit(|b, [memory, ..]| {
                let value = b.iconst(ty, bits as i64);
                b.store(Region::ANY, value, memory, 8);
                let zero = b.iconst(Type::I32, 0);
                b.ret(&[zero]);
            });
            check(&unit, &compile(&backend, &unit), &[1, 2, 3], 0, &[]);
        }
    }
    for ty in Type::ALL {
        let unit = unit(|b, [memory, argument, _]| {
            let place = b.one(Op::Iadd, Type::I64, &[memory, argument]);
            let value = b.load(ty, Region::ANY, place, -3);
            b.store(Region::ANY, value, memory, 33);
            let eight = b.iconst(Type::I64, 3);
            let scaled = b.one(Op::Shl, Type::I64, &[argument, eight]);
            let place = b.one(Op::Iadd, Type::I64, &[scaled, memory]);
            let value = b.load(ty, Region::ANY, place, 0);
            b.store(Region::ANY, value, memory, 41);
            if ty.is_int() {
                let value = b.atomic_load(ty, Region::ANY, memory, 16);
                b.store(Region::ANY, value, place, 32);
            }
            let zero = b.iconst(Type::I32, 0);
            b.ret(&[zero]);
        });
        let memory: Vec<u64> = (0..20u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for argument in 3..12 {
            check(&unit, &compile(&backend, &unit), &memory, argument, &[]);
        }
    }
}

/// A unit with one function of the entry signature, whose body is built by `body` from (memory, argument, table).
fn unit(body: impl FnOnce(&mut Builder<'_>, [Value; 3])) -> Unit {
    let mut unit = Unit::new("test", Stage::Machine);
    let mut func = Function::new("entry", Signature::entry());
    let mut b = Builder::new(&mut func);
    let params = [0, 1, 2].map(|n| b.param(Function::ENTRY, n));
    body(&mut b, params);
    unit.add(func);
    unit
}

/// Division by constants is done by multiplying, whose constants are easily off by one: dividends around multiples of the divisor.
#[test]
fn division_around_multiples() {
    let backend = DynAsm::new();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for instance in [Op::Sdiv, Op::Udiv, Op::Srem, Op::Urem].into_iter().flat_map(Op::instances) {
        let ty = instance.ty;
        let mut divisors: Vec<u64> = (2..14).chain([641, 1000, 1_000_000_007]).collect();
        for _ in 0..10 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            divisors.push(state >> (state % 60));
        }
        divisors.extend(divisors.clone().iter().map(|d| d.wrapping_neg()));
        for divisor in divisors.iter().map(|d| d & ty.mask()).filter(|&d| d != 0) {
            let unit = instance_unit(&instance, From::Constant(1, divisor), false);
            let codes = compile(&backend, &unit);
            for multiple in [0, 1, 2, ty.mask() / divisor, ty.mask() / 2 / divisor, ty.mask() / 2 / divisor + 1] {
                for offset in [u64::MAX, 0, 1, divisor - 1] {
                    let mut memory = vec![0u64; 16];
                    memory[0] = divisor.wrapping_mul(multiple).wrapping_add(offset) & ty.mask();
                    check(&unit, &codes, &memory, 0, &[]);
                }
            }
        }
    }
}
