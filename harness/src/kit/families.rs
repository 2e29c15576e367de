//! `ir/family/NAME.N`: functions whose size is the point, made by a parameter. What must come out is computed beside them where
//! it is simple, and by the reference otherwise.

use lockstep_ir::{Builder, Function, Op, Param, Region, Signature, Stage, Type, Unit, Value};

use super::calls::{fold, run};
use crate::case::{Expected, Run};

/// A family: how to make a member, and the sizes that the kit has.
struct Family {
    name: &'static str,
    about: &'static str,
    sizes: &'static [usize],
    make: fn(usize) -> (Unit, Vec<Run>),
}

const FAMILIES: &[Family] = &[
    Family {
        name: "far_branches",
        about: "Branches forward and back over blocks so large that short displacements do not reach.",
        // The last is more than 10 KiB each way. One optimiser's time grows with the square: 18 s of processor time over its three levels for 1,200.
        sizes: &[5, 12, 40, 600],
        make: far_branches,
    },
    Family {
        name: "integers_alive",
        about: "So many integers alive at once, across divisions and shifts, which want registers of their own.",
        sizes: &[8, 14, 17, 40, 150],
        make: integers_alive,
    },
    Family {
        name: "floats_alive",
        about: "So many floats alive at once.",
        sizes: &[14, 17, 40, 150],
        make: floats_alive,
    },
    Family {
        name: "arguments",
        about: "A callee with so many arguments, integers and floats by turns, each of which counts.",
        sizes: &[6, 15, 30, 90],
        make: arguments,
    },
    Family {
        name: "large_frame",
        about: "So many values alive across a call: a frame whose offsets outgrow 8 bits, and pages.",
        sizes: &[30, 300, 1200],
        make: large_frame,
    },
    Family {
        name: "blocks",
        about: "A chain of so many small blocks, each with a branch out of it.",
        sizes: &[50, 1000],
        make: blocks,
    },
    Family { name: "nesting", about: "So many loops, each in the one before.", sizes: &[4, 9], make: nesting },
];

/// Names of all members.
pub fn names() -> impl Iterator<Item = String> {
    FAMILIES.iter().flat_map(|f| f.sizes.iter().map(|n| format!("{}.{n}", f.name)))
}

/// The member of that name: what it shows, its unit and runs.
pub fn build(name: &str) -> Option<(&'static str, Unit, Vec<Run>)> {
    let (name, size) = name.rsplit_once('.')?;
    let family = FAMILIES.iter().find(|f| f.name == name)?;
    let (unit, runs) = (family.make)(size.parse().ok()?);
    Some((family.about, unit, runs))
}

/// A unit with one function `entry`, built by `body`; it returns what `body` gives.
fn entry(name: &str, words: usize, body: impl FnOnce(&mut Builder<'_>, [Value; 3]) -> Value) -> (Unit, Vec<Run>) {
    let mut unit = Unit::new(name, Stage::Machine);
    let run = add_entry(&mut unit, words, body);
    (unit, vec![run])
}

fn add_entry(unit: &mut Unit, words: usize, body: impl FnOnce(&mut Builder<'_>, [Value; 3]) -> Value) -> Run {
    let mut func = Function::new("entry", Signature::entry());
    let mut b = Builder::new(&mut func);
    let params = [0, 1, 2].map(|n| b.param(Function::ENTRY, n));
    let result = body(&mut b, params);
    b.ret(&[result]);
    let func = unit.add(func);
    run("entry", func, words)
}

fn word(b: &mut Builder<'_>, memory: Value, n: usize) -> Value {
    b.load(Type::I64, Region::ANY, memory, 8 * n as i32)
}

/// A loop whose body is a branch over `size` stores either way.
fn far_branches(size: usize) -> (Unit, Vec<Run>) {
    let (unit, mut runs) = entry("far_branches", 4, |b, [memory, count, _]| {
        let (head, left, right, latch, exit) =
            (b.block(&[Type::I64, Type::I64]), b.block(&[]), b.block(&[]), b.block(&[Type::I64]), b.block(&[]));
        let (zero, one) = (b.iconst(Type::I64, 0), b.iconst(Type::I64, 1));
        b.jump(head, &[count, zero]);
        b.switch_to(head);
        let (n, sum) = (b.param(head, 0), b.param(head, 1));
        let odd = b.one(Op::Band, Type::I64, &[n, one]);
        let odd = b.one(Op::Trunc, Type::I8, &[odd]);
        b.brif(odd, (left, &[]), (right, &[]));
        for (block, factor) in [(left, 3), (right, 5)] {
            b.switch_to(block);
            let mut value = sum;
            for k in 0..size {
                let constant = b.iconst(Type::I64, (k as i64 + 1) * factor * 0x0123_4567);
                let added = b.one(Op::Iadd, Type::I64, &[value, constant]);
                value = b.one(Op::Bxor, Type::I64, &[added, n]);
                b.store(Region::ANY, value, memory, 8 * (k % 4) as i32);
            }
            b.jump(latch, &[value]);
        }
        b.switch_to(latch);
        let value = b.param(latch, 0);
        let less = b.one(Op::Isub, Type::I64, &[n, one]);
        let done = b.one(Op::IcmpEq, Type::I64, &[less, zero]);
        b.brif(done, (exit, &[]), (head, &[less, value]));
        b.switch_to(exit);
        b.one(Op::Trunc, Type::I32, &[value])
    });
    for (argument, label) in [(1, "once"), (2, "twice")] {
        runs.push(Run { argument, label: label.to_owned(), ..runs[0].clone() });
    }
    (unit, runs)
}

fn integers_alive(size: usize) -> (Unit, Vec<Run>) {
    entry("integers_alive", size + 1, |b, [memory, argument, _]| {
        let words: Vec<Value> = (0..size).map(|n| word(b, memory, n)).collect();
        // All are alive over all of these; each of them wants fixed registers on some machines.
        let mut changed = Vec::new();
        for (n, &value) in words.iter().enumerate() {
            let other = words[(n * 7 + 3) % size];
            let op = [Op::Sdiv, Op::Shl, Op::Urem, Op::Umulhi, Op::Rotr, Op::Smulhi, Op::Isub][n % 7];
            changed.push(b.one(op, Type::I64, &[value, other]));
        }
        let mut sum = argument;
        for value in words.into_iter().chain(changed) {
            sum = fold(b, sum, value);
        }
        b.store(Region::ANY, sum, memory, 8 * size as i32);
        b.one(Op::Trunc, Type::I32, &[sum])
    })
}

fn floats_alive(size: usize) -> (Unit, Vec<Run>) {
    entry("floats_alive", size + 1, |b, [memory, argument, _]| {
        // Small integers as floats: sums and products stay exact, and NaNs do not arise.
        let words: Vec<Value> = (0..size)
            .map(|n| {
                let bits = word(b, memory, n);
                let mask = b.iconst(Type::I64, 0xff);
                let small = b.one(Op::Band, Type::I64, &[bits, mask]);
                b.one(Op::SintToF64, Type::I64, &[small])
            })
            .collect();
        let mut changed = Vec::new();
        for (n, &value) in words.iter().enumerate() {
            let other = words[(n * 5 + 2) % size];
            let op = [Op::Fsub, Op::Fmul, Op::Fmin, Op::Fadd, Op::Fcopysign][n % 5];
            changed.push(b.one(op, Type::F64, &[value, other]));
        }
        let mut sum = argument;
        for value in words.into_iter().chain(changed) {
            let bits = b.one(Op::F64ToBits, Type::I64, &[value]);
            sum = fold(b, sum, bits);
        }
        b.store(Region::ANY, sum, memory, 8 * size as i32);
        b.one(Op::Trunc, Type::I32, &[sum])
    })
}

fn arguments(size: usize) -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("arguments", Stage::Machine);
    let params: Vec<Param> = (0..size).map(|n| [Type::I64, Type::F64, Type::I32][n % 3].into()).collect();
    let signature = Signature { params, results: vec![Type::I64] };
    let mut callee = Function::new("callee", signature.clone());
    let mut b = Builder::new(&mut callee);
    let mut sum = b.iconst(Type::I64, 0);
    for n in 0..size {
        let value = b.param(Function::ENTRY, n);
        let bits = match b.func.ty(value) {
            Type::F64 => b.one(Op::F64ToBits, Type::I64, &[value]),
            Type::I32 => b.one(Op::Sext, Type::I64, &[value]),
            _ => value,
        };
        sum = fold(&mut b, sum, bits);
    }
    b.ret(&[sum]);
    let callee = unit.add(callee);
    let run = add_entry(&mut unit, size + 1, |b, [memory, _, _]| {
        let args: Vec<Value> = (0..size)
            .map(|n| {
                let bits = word(b, memory, n);
                match n % 3 {
                    0 => bits,
                    1 => b.one(Op::BitsToF64, Type::F64, &[bits]),
                    _ => b.one(Op::Trunc, Type::I32, &[bits]),
                }
            })
            .collect();
        let sum = b.call(callee, &signature, &args)[0];
        b.store(Region::ANY, sum, memory, 8 * size as i32);
        b.one(Op::Trunc, Type::I32, &[sum])
    });
    (unit, vec![run])
}

fn large_frame(size: usize) -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("large_frame", Stage::Machine);
    let signature = Signature::new(&[Type::I64], &[Type::I64]);
    let mut callee = Function::new("callee", signature.clone());
    let mut b = Builder::new(&mut callee);
    let value = b.param(Function::ENTRY, 0);
    let result = fold(&mut b, value, value);
    b.ret(&[result]);
    let callee = unit.add(callee);
    let run = add_entry(&mut unit, size + 1, |b, [memory, argument, _]| {
        let words: Vec<Value> = (0..size).map(|n| word(b, memory, n)).collect();
        let mut sum = b.call(callee, &signature, &[argument])[0];
        // Memory is written before the values are used, so that they cannot be loaded again.
        for n in 0..size {
            b.store(Region::ANY, sum, memory, 8 * n as i32);
        }
        for value in words {
            sum = fold(b, sum, value);
        }
        b.store(Region::ANY, sum, memory, 8 * size as i32);
        b.one(Op::Trunc, Type::I32, &[sum])
    });
    (unit, vec![run])
}

fn blocks(size: usize) -> (Unit, Vec<Run>) {
    let (unit, mut runs) = entry("blocks", 1, |b, [_, argument, _]| {
        let out = b.block(&[Type::I64]);
        for n in 0..size {
            let next = b.block(&[]);
            let number = b.iconst(Type::I64, n as i64);
            let here = b.one(Op::IcmpEq, Type::I64, &[argument, number]);
            let result = b.iconst(Type::I64, 3 * n as i64 + 1);
            b.brif(here, (out, &[result]), (next, &[]));
            b.switch_to(next);
        }
        let none = b.iconst(Type::I64, -1);
        b.jump(out, &[none]);
        b.switch_to(out);
        let result = b.param(out, 0);
        b.one(Op::Trunc, Type::I32, &[result])
    });
    let first = runs.remove(0);
    for argument in [0, 1, size / 2, size - 1, size] {
        let returned = if argument < size { 3 * argument as i32 + 1 } else { -1 };
        runs.push(Run {
            argument: argument as u64,
            label: format!("leaves at {argument}"),
            expected: Expected::Stated { returned: Some(returned), memory: Vec::new() },
            ..first.clone()
        });
    }
    (unit, runs)
}

/// Loops that each run twice, one in the other: the innermost counts to 2^size.
fn nesting(size: usize) -> (Unit, Vec<Run>) {
    let (unit, mut runs) = entry("nesting", 1, |b, _| {
        let (zero, one, two) = (b.iconst(Type::I64, 0), b.iconst(Type::I64, 1), b.iconst(Type::I64, 2));
        let heads: Vec<_> = (0..size).map(|_| b.block(&[Type::I64, Type::I64])).collect();
        let latches: Vec<_> = (0..size).map(|_| b.block(&[Type::I64])).collect();
        let exit = b.block(&[Type::I64]);
        b.jump(heads[0], &[zero, zero]);
        for level in 0..size {
            b.switch_to(heads[level]);
            let (n, count) = (b.param(heads[level], 0), b.param(heads[level], 1));
            let body = b.block(&[]);
            let more = b.one(Op::IcmpSlt, Type::I64, &[n, two]);
            let outside = if level == 0 { exit } else { latches[level - 1] };
            b.brif(more, (body, &[]), (outside, &[count]));
            b.switch_to(body);
            if level + 1 < size {
                b.jump(heads[level + 1], &[zero, count]);
            } else {
                let counted = b.one(Op::Iadd, Type::I64, &[count, one]);
                b.jump(latches[level], &[counted]);
            }
            b.switch_to(latches[level]);
            let count = b.param(latches[level], 0);
            let next = b.one(Op::Iadd, Type::I64, &[n, one]);
            b.jump(heads[level], &[next, count]);
        }
        b.switch_to(exit);
        let count = b.param(exit, 0);
        b.one(Op::Trunc, Type::I32, &[count])
    });
    runs[0].expected = Expected::Stated { returned: Some(1 << size), memory: Vec::new() };
    (unit, runs)
}
