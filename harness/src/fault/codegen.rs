//! Mistakes of code generators: the unit is changed before the real backend compiles it, so that the result is what a backend with that mistake
//! gives. Each strikes only at one operation, one type, one constant, one shape of control flow.

use std::collections::HashMap;

use lockstep_ir::{FuncRef, Function, Imm, Inst, InstData, Op, Signature, Type, Unit, Value};

use super::edit::{constant, insert, places, replace, users};
use super::{Fault, Layer, Plant};

const fn fault(id: &'static str, about: &'static str, change: fn(&mut Function)) -> Fault {
    Fault { id, layer: Layer::CodeGeneration, about, gate: "kit", plant: Plant::Function(change) }
}

/// The faults of this layer that are changes of IR; those of bytes are in `machine_code.rs`.
pub(super) const FAULTS: &[Fault] = &[
    fault("shift-mask", "8-bit left shifts take their amount modulo 32, as the machine's instruction does", shift_mask),
    fault("sub-swapped", "a 64-bit subtraction of a constant has its operands swapped", sub_swapped),
    fault("large-constant", "64-bit constants whose bit 31 is clear are encoded in 32 bits", large_constant),
    fault(
        "dropped-store",
        "the first of two 16-bit stores in a block is taken for dead, although they are to different addresses",
        dropped_store,
    ),
    fault("fused-compare", "a signed less-than that only a branch uses is fused as an unsigned one", fused_compare),
    fault("sign-extension", "sign extensions from 16 to 64 bits fill with zeros", sign_extension),
    fault("narrow-compare", "8-bit equality looks at the low seven bits", narrow_compare),
    fault("nan-compare", "float less-or-equal is the negation of greater, and so true for NaNs", nan_compare),
    fault(
        "lost-across-call",
        "an integer result that is used after a call was in a register that the call clobbers",
        lost_across_call,
    ),
    fault("parallel-move", "moves at a back edge are made one after the other, so that a swap copies", parallel_move),
    fault("switch-bound", "the last case of a switch lies outside its table", switch_bound),
    fault("signed-overflow", "signed overflow of 32-bit products is read from the unsigned product", signed_overflow),
    fault(
        "divide-by-power",
        "64-bit signed quotients by a constant power of two are rounded down, not towards zero",
        divide_by_power,
    ),
    fault("zero-sign", "the smaller of -0 and 0 is the second operand, as the machine's instruction has it", zero_sign),
    fault(
        "rotate-by-width",
        "a 32-bit rotation by 0 shifts everything out, as two shifts joined by or do",
        rotate_by_width,
    ),
    fault(
        "zero-bits",
        "the leading zeros of a 64-bit 0 are 63: the machine's bit scan has no answer for it",
        zero_bits,
    ),
    fault(
        "saturation-edge",
        "2^63 and above convert to the smallest signed integer, as the machine's instruction has it",
        saturation_edge,
    ),
    fault(
        "sticky-bit",
        "unsigned 64-bit integers above 2^63 lose their lowest bit before they are rounded to a float",
        sticky_bit,
    ),
    Fault {
        id: "wrong-callee",
        layer: Layer::CodeGeneration,
        about: "direct calls reach the function behind the one called, where it has the same signature",
        gate: "kit",
        plant: Plant::Unit(wrong_callee),
    },
];

fn shift_mask(func: &mut Function) {
    // An 8-bit shift by 8 to 31 gives 0 where the amount is not reduced modulo 8.
    for (block, at, inst) in places(func, |d| d.op == Op::Shl && d.ty == Type::I8).into_iter().rev() {
        let [value, amount] = func.insts[inst.index()].args[..] else { continue };
        let one = |op, ty, args: &[Value]| InstData::new(op, ty, args);
        let wide = insert(func, (block, at), one(Op::Zext, Type::I32, &[value]), Type::I32);
        let wide_amount = insert(func, (block, at + 1), one(Op::Zext, Type::I32, &[amount]), Type::I32);
        let shifted = insert(func, (block, at + 2), one(Op::Shl, Type::I32, &[wide, wide_amount]), Type::I32);
        let data = &mut func.insts[inst.index()];
        data.op = Op::Trunc;
        data.args = [shifted].into_iter().collect();
    }
}

fn sub_swapped(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Isub && d.ty == Type::I64) {
        let args = &func.insts[inst.index()].args;
        // Counters of loops are left alone: a hang is found by anyone.
        if func.int_constant(args[1]).is_some_and(|c| c > 1) {
            func.insts[inst.index()].args.swap(0, 1);
        }
    }
}

fn large_constant(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Iconst && d.ty == Type::I64) {
        if let Imm::Int(bits) = &mut func.insts[inst.index()].imm
            && *bits >> 31 & 1 == 0
        {
            *bits &= 0xffff_ffff;
        }
    }
}

fn dropped_store(func: &mut Function) {
    for block in func.block_ids() {
        let stores = places(func, |d| d.op == Op::Store && d.ty == Type::I16);
        let mut here = stores.into_iter().filter(|p| p.0 == block);
        if let (Some((_, at, _)), Some(_)) = (here.next(), here.next()) {
            func.blocks[block.index()].insts.remove(at);
        }
    }
}

fn fused_compare(func: &mut Function) {
    let users = users(func);
    for (_, _, inst) in places(func, |d| d.op == Op::IcmpSlt) {
        let result = func.insts[inst.index()].results[0];
        if let Some([user]) = users.get(&result).map(|u| &u[..])
            && func.insts[user.index()].op == Op::Brif
        {
            func.insts[inst.index()].op = Op::IcmpUlt;
        }
    }
}

fn sign_extension(func: &mut Function) {
    let wanted =
        |func: &Function, d: &InstData| d.op == Op::Sext && d.ty == Type::I64 && func.ty(d.args[0]) == Type::I16;
    for (_, _, inst) in places(func, |d| wanted(func, d)) {
        func.insts[inst.index()].op = Op::Zext;
    }
}

fn narrow_compare(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::IcmpEq && d.ty == Type::I8).into_iter().rev() {
        let args = func.insts[inst.index()].args.clone();
        let low = constant(func, (block, at), Type::I8, 0x7f);
        for (n, arg) in args.into_iter().enumerate() {
            let masked = insert(func, (block, at + 1 + n), InstData::new(Op::Band, Type::I8, &[arg, low]), Type::I8);
            func.insts[inst.index()].args[n] = masked;
        }
    }
}

fn nan_compare(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::FcmpLe).into_iter().rev() {
        let args = func.insts[inst.index()].args.clone();
        let greater = insert(func, (block, at), InstData::new(Op::FcmpGt, Type::F64, &args), Type::I8);
        let zero = constant(func, (block, at + 1), Type::I8, 0);
        let data = &mut func.insts[inst.index()];
        *data = InstData { results: data.results.clone(), ..InstData::new(Op::IcmpEq, Type::I8, &[greater, zero]) };
    }
}

/// Operations whose results are plain data: nothing is addressed, counted or branched on with them in what the kit makes.
fn is_data(op: Op) -> bool {
    matches!(op, Op::Bxor | Op::Imul | Op::Rotl | Op::SintToF64 | Op::Bor | Op::Popcnt | Op::Bswap | Op::Bnot)
}

fn lost_across_call(func: &mut Function) {
    for block in func.block_ids() {
        let insts = func.blocks[block.index()].insts.clone();
        let is_call = |inst: &Inst| matches!(func.insts[inst.index()].op, Op::CallHelper | Op::CallIndirect);
        let Some(call) = insts.iter().position(is_call) else { continue };
        // The last value made before the call that something in the block uses after it.
        let used_after = |value: Value| insts[call + 1..].iter().any(|i| func.insts[i.index()].args.contains(&value));
        let lost = insts[..call].iter().rev().find_map(|inst| {
            let data = &func.insts[inst.index()];
            let value = *data.results.first()?;
            (is_data(data.op) && used_after(value)).then_some(value)
        });
        let Some(lost) = lost else { continue };
        let ty = func.ty(lost);
        let clobber = if ty == Type::F64 {
            let data = InstData { imm: Imm::Float(0x4008_0000_dead_beef), ..InstData::new(Op::Fconst, ty, &[]) };
            insert(func, (block, call + 1), data, ty)
        } else {
            constant(func, (block, call + 1), ty, 0xdead_beef_dead_beef & ty.mask())
        };
        for inst in &func.blocks[block.index()].insts[call + 2..] {
            func.insts[inst.index()].args.iter_mut().filter(|a| **a == lost).for_each(|a| *a = clobber);
        }
    }
}

fn parallel_move(func: &mut Function) {
    for block in func.block_ids() {
        let inst = *func.blocks[block.index()].insts.last().expect("a terminator");
        let data = &func.insts[inst.index()];
        let [target] = &data.targets[..] else { continue };
        if target.block > block {
            continue;
        }
        // In order: what was overwritten already is read anew.
        let params = func.blocks[target.block.index()].params.clone();
        let mut current: HashMap<Value, Value> = HashMap::new();
        let mut args = target.args.clone();
        for (param, arg) in params.iter().zip(&mut args) {
            if let Some(&now) = current.get(arg) {
                *arg = now;
            }
            current.insert(*param, *arg);
        }
        func.insts[inst.index()].targets[0].args = args;
    }
}

fn switch_bound(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Switch && d.cases.len() > 3) {
        let data = &mut func.insts[inst.index()];
        data.cases.pop();
        data.targets.pop();
    }
}

fn signed_overflow(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::SmulOverflow && d.ty == Type::I32) {
        func.insts[inst.index()].op = Op::UmulOverflow;
    }
}

fn divide_by_power(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::Sdiv && d.ty == Type::I64).into_iter().rev() {
        let [value, divisor] = func.insts[inst.index()].args[..] else { continue };
        let Some(power) = func.int_constant(divisor).filter(|d| d.is_power_of_two() && (1 << 63) != *d) else {
            continue;
        };
        let shift = constant(func, (block, at), Type::I64, u64::from(power.trailing_zeros()));
        replace(func, inst, InstData::new(Op::Ashr, Type::I64, &[value, shift]));
    }
}

fn zero_sign(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::Fmin).into_iter().rev() {
        let [a, b] = func.insts[inst.index()].args[..] else { continue };
        let least = insert(func, (block, at), InstData::new(Op::Fmin, Type::F64, &[a, b]), Type::F64);
        let equal = insert(func, (block, at + 1), InstData::new(Op::FcmpEq, Type::F64, &[a, b]), Type::I8);
        replace(func, inst, InstData::new(Op::Select, Type::F64, &[equal, b, least]));
    }
}

fn rotate_by_width(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::Rotl && d.ty == Type::I32).into_iter().rev() {
        let [value, amount] = func.insts[inst.index()].args[..] else { continue };
        let mask = constant(func, (block, at), Type::I32, 31);
        let zero = constant(func, (block, at + 1), Type::I32, 0);
        let by = insert(func, (block, at + 2), InstData::new(Op::Band, Type::I32, &[amount, mask]), Type::I32);
        let rotated = insert(func, (block, at + 3), InstData::new(Op::Rotl, Type::I32, &[value, amount]), Type::I32);
        let turns = insert(func, (block, at + 4), InstData::new(Op::IcmpNe, Type::I32, &[by, zero]), Type::I8);
        replace(func, inst, InstData::new(Op::Select, Type::I32, &[turns, rotated, zero]));
    }
}

fn zero_bits(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::Clz && d.ty == Type::I64).into_iter().rev() {
        let value = func.insts[inst.index()].args[0];
        let one = constant(func, (block, at), Type::I64, 1);
        let set = insert(func, (block, at + 1), InstData::new(Op::Bor, Type::I64, &[value, one]), Type::I64);
        func.insts[inst.index()].args[0] = set;
    }
}

fn saturation_edge(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::F64ToSintSat && d.ty == Type::I64).into_iter().rev() {
        let value = func.insts[inst.index()].args[0];
        let limit = InstData {
            imm: Imm::Float(9_223_372_036_854_775_808.0_f64.to_bits()),
            ..InstData::new(Op::Fconst, Type::F64, &[])
        };
        let limit = insert(func, (block, at), limit, Type::F64);
        let beyond = insert(func, (block, at + 1), InstData::new(Op::FcmpGe, Type::F64, &[value, limit]), Type::I8);
        let least = constant(func, (block, at + 2), Type::I64, 1 << 63);
        let right = insert(func, (block, at + 3), InstData::new(Op::F64ToSintSat, Type::I64, &[value]), Type::I64);
        replace(func, inst, InstData::new(Op::Select, Type::I64, &[beyond, least, right]));
    }
}

fn sticky_bit(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::UintToF64 && d.ty == Type::I64).into_iter().rev() {
        let value = func.insts[inst.index()].args[0];
        let [one, top] = [1, 63].map(|bits| constant(func, (block, at), Type::I64, bits));
        let place = |n| (block, at + 2 + n);
        let high = insert(func, place(0), InstData::new(Op::Lshr, Type::I64, &[value, top]), Type::I64);
        let low = insert(func, place(1), InstData::new(Op::Band, Type::I64, &[value, one]), Type::I64);
        let both = insert(func, place(2), InstData::new(Op::Band, Type::I64, &[high, low]), Type::I64);
        let lossy = insert(func, place(3), InstData::new(Op::Bxor, Type::I64, &[value, both]), Type::I64);
        func.insts[inst.index()].args[0] = lossy;
    }
}

fn wrong_callee(unit: &mut Unit) {
    let signatures: Vec<Signature> = unit.functions.iter().map(|f| f.signature.clone()).collect();
    for func in &mut unit.functions {
        for inst in &mut func.insts {
            let Imm::Func(callee) = inst.imm else { continue };
            if signatures.get(callee.index() + 1) == signatures.get(callee.index()) {
                inst.imm = Imm::Func(FuncRef(callee.0 + 1));
            }
        }
    }
}
