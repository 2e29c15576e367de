//! Calls and returns: every mix of parameters and results, extended narrow arguments, helpers by table and by address, values
//! alive across calls, the stack pointer.

use lockstep_engine::kit::host_table;
use lockstep_ir::{
    Builder, Extension, FuncRef, Function, Helper, Op, Param, Region, Signature, Stage, Type, Unit, Value,
};

use super::table::GARBAGE;
use crate::case::{Expected, Explain, Rules, Run};

/// A run whose expectation the reference gives.
pub(super) fn run(label: &str, func: FuncRef, words: usize) -> Run {
    let word = |n: u64| (n + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ GARBAGE >> (n % 7);
    Run {
        label: label.to_owned(),
        func,
        memory: (0..words as u64).map(word).collect(),
        argument: 5,
        expected: Expected::Stated { returned: None, memory: Vec::new() },
        rules: Rules::default(),
        explain: Explain::by(|word| format!("word {word}")),
    }
}

/// A value of any type, as 64 bits.
fn widen(b: &mut Builder<'_>, value: Value, signed: bool) -> Value {
    let op = if signed { Op::Sext } else { Op::Zext };
    match b.func.ty(value) {
        Type::I64 => value,
        Type::F64 => b.one(Op::F64ToBits, Type::I64, &[value]),
        Type::F32 => {
            let bits = b.one(Op::F32ToBits, Type::I32, &[value]);
            b.one(op, Type::I64, &[bits])
        }
        _ => b.one(op, Type::I64, &[value]),
    }
}

/// A value of a type made from 64 bits; narrow integers keep garbage above, where the machine shows it.
fn narrow(b: &mut Builder<'_>, bits: Value, ty: Type) -> Value {
    match ty {
        Type::I64 => bits,
        Type::F64 => b.one(Op::BitsToF64, Type::F64, &[bits]),
        Type::F32 => {
            let low = b.one(Op::Trunc, Type::I32, &[bits]);
            b.one(Op::BitsToF32, Type::F32, &[low])
        }
        _ => b.one(Op::Trunc, ty, &[bits]),
    }
}

/// Mixes 64 bits into a sum, so that order and every bit count.
pub(super) fn fold(b: &mut Builder<'_>, sum: Value, bits: Value) -> Value {
    let seven = b.iconst(Type::I64, 7);
    let factor = b.iconst(Type::I64, 0x9e37_79b9_7f4a_7c15u64 as i64);
    let turned = b.one(Op::Rotl, Type::I64, &[sum, seven]);
    let mixed = b.one(Op::Imul, Type::I64, &[bits, factor]);
    b.one(Op::Bxor, Type::I64, &[turned, mixed])
}

/// Parameter lists: each type alone in growing number, and mixtures, so that registers of either class run out in every order.
fn parameter_lists() -> Vec<Vec<Param>> {
    let mut lists = Vec::new();
    for ty in Type::ALL {
        lists.extend([1, 2, 6, 7, 8, 9, 16].map(|n| vec![Param::from(ty); n]));
    }
    lists.push(Vec::new());
    let mut state = 12345u64;
    for n in 0..16 {
        let length = 4 + n * 3 / 2;
        let list = (0..length).map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let ty = Type::ALL[(state >> 40) as usize % 6];
            let extension = match (state >> 50) % 3 {
                1 if ty.is_int() => Extension::Sign,
                2 if ty.is_int() => Extension::Zero,
                _ => Extension::None,
            };
            Param { ty, extension }
        });
        lists.push(list.collect());
    }
    lists
}

/// A case for `call`: every parameter list, with values alive across the call.
pub fn direct() -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("call", Stage::Machine);
    let mut runs = Vec::new();
    for (number, params) in parameter_lists().into_iter().enumerate() {
        let count = params.len();
        let signature = Signature { params, results: vec![Type::I64] };
        let mut callee = Function::new(format!("callee{number}"), signature.clone());
        let mut b = Builder::new(&mut callee);
        let mut sum = b.iconst(Type::I64, 1);
        for n in 0..count {
            let value = b.param(Function::ENTRY, n);
            let bits = widen(&mut b, value, signature.params[n].extension == Extension::Sign);
            sum = fold(&mut b, sum, bits);
        }
        b.ret(&[sum]);
        let callee = unit.add(callee);

        let mut func = Function::new(format!("caller{number}"), Signature::entry());
        let mut b = Builder::new(&mut func);
        let memory = b.param(Function::ENTRY, 0);
        let words: Vec<Value> = (0..count).map(|n| b.load(Type::I64, Region::ANY, memory, 8 * n as i32)).collect();
        let args: Vec<Value> = (0..count).map(|n| narrow(&mut b, words[n], signature.params[n].ty)).collect();
        let first = b.call(callee, &signature, &args)[0];
        let mut turned = args.clone();
        // Arguments of one type change places for the second call.
        for n in 1..count {
            if b.func.ty(turned[n]) == b.func.ty(turned[n - 1]) {
                turned.swap(n, n - 1);
            }
        }
        let second = b.call(callee, &signature, &turned)[0];
        let mut sum = fold(&mut b, first, second);
        for value in args {
            let bits = widen(&mut b, value, false);
            sum = fold(&mut b, sum, bits);
        }
        b.store(Region::ANY, sum, memory, 8 * count as i32);
        let result = b.one(Op::Trunc, Type::I32, &[second]);
        b.ret(&[result]);
        let func = unit.add(func);
        let shown: Vec<String> = signature.params.iter().map(|p| p.ty.to_string()).collect();
        runs.push(run(&format!("({})", shown.join(", ")), func, count + 1));
    }
    (unit, runs)
}

/// A case for `return`: no result, one, and every pair of types; used at once and after another call.
pub fn returns() -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("return", Stage::Machine);
    let mut lists: Vec<Vec<Type>> = vec![Vec::new()];
    lists.extend(Type::ALL.map(|a| vec![a]));
    lists.extend(Type::ALL.iter().flat_map(|&a| Type::ALL.map(|b| vec![a, b])));
    let mut runs = Vec::new();
    for (number, results) in lists.into_iter().enumerate() {
        let signature = Signature::new(&[Type::I64; 3], &results);
        let mut callee = Function::new(format!("callee{number}"), signature.clone());
        let mut b = Builder::new(&mut callee);
        let [memory, one, two] = [0, 1, 2].map(|n| b.param(Function::ENTRY, n));
        b.store(Region::ANY, two, memory, 0);
        let values: Vec<Value> = results.iter().zip([one, two]).map(|(&ty, bits)| narrow(&mut b, bits, ty)).collect();
        b.ret(&values);
        let callee = unit.add(callee);

        let mut func = Function::new(format!("caller{number}"), Signature::entry());
        let mut b = Builder::new(&mut func);
        let memory = b.param(Function::ENTRY, 0);
        let [one, two] = [1, 2].map(|n| b.load(Type::I64, Region::ANY, memory, 8 * n));
        let first = b.call(callee, &signature, &[memory, one, two]).to_vec();
        let second = b.call(callee, &signature, &[memory, two, one]).to_vec();
        for (n, value) in first.into_iter().chain(second).enumerate() {
            let wide = widen(&mut b, value, n % 2 == 0);
            b.store(Region::ANY, wide, memory, 8 * (3 + n as i32));
        }
        let result = b.iconst(Type::I32, -3);
        b.ret(&[result]);
        let func = unit.add(func);
        let shown: Vec<&str> = results.iter().map(|t| t.name()).collect();
        runs.push(run(&format!("({})", shown.join(", ")), func, 8));
    }
    (unit, runs)
}

/// The host functions of the engine's kit, in table order.
pub fn host_helpers() -> Vec<Helper> {
    let extended = |ty, extension| Param { ty, extension };
    let plain = |params: &[Type], result| Signature::new(params, &[result]);
    let narrow = Signature {
        params: vec![
            extended(Type::I8, Extension::Sign),
            extended(Type::I8, Extension::Zero),
            extended(Type::I16, Extension::Sign),
            extended(Type::I16, Extension::Zero),
            extended(Type::I32, Extension::None),
        ],
        results: vec![Type::I64],
    };
    let signatures = [
        ("mix", plain(&[Type::I64; 2], Type::I64)),
        ("mix8", plain(&[Type::I64; 8], Type::I64)),
        ("blend", plain(&[Type::I64, Type::F64, Type::I64, Type::F64], Type::F64)),
        ("narrow", narrow),
    ];
    assert_eq!(signatures.len(), host_table().len(), "every host function has its signature here");
    signatures
        .into_iter()
        .enumerate()
        .map(|(index, (name, signature))| Helper { name: name.to_owned(), index: index as u32, signature })
        .collect()
}

/// A case for `call_helper`.
pub fn helpers() -> (Unit, Vec<Run>) {
    through_the_table("call_helper", |b, unit, helper, table, args| {
        let reference = unit.helper(helper.clone());
        let args: Vec<Value> = [table].iter().chain(args).copied().collect();
        b.call_helper(reference, &helper.signature, &args)[0]
    })
}

/// A case for `call_indirect`: the addresses in the helper table, loaded and called.
pub fn indirect() -> (Unit, Vec<Run>) {
    through_the_table("call_indirect", |b, unit, helper, table, args| {
        let signature = unit.signature(helper.signature.clone());
        let address = b.load(Type::I64, Region::ANY, table, 8 * helper.index as i32);
        let args: Vec<Value> = [address].iter().chain(args).copied().collect();
        b.call_indirect(signature, &helper.signature, &args)[0]
    })
}

/// Makes a call; gets the helper, the table and the arguments.
type MakeCall = fn(&mut Builder<'_>, &mut Unit, &Helper, Value, &[Value]) -> Value;

/// For each helper: two calls, with integers and floats alive across both, more than registers hold.
fn through_the_table(name: &str, call: MakeCall) -> (Unit, Vec<Run>) {
    const ALIVE: usize = 20;
    let mut unit = Unit::new(name, Stage::Machine);
    let mut runs = Vec::new();
    for helper in host_helpers() {
        let mut func = Function::new(format!("{name}_{}", helper.name), Signature::entry());
        let mut b = Builder::new(&mut func);
        let (memory, table) = (b.param(Function::ENTRY, 0), b.param(Function::ENTRY, 2));
        let words: Vec<Value> = (0..ALIVE).map(|n| b.load(Type::I64, Region::ANY, memory, 8 * n as i32)).collect();
        let floats: Vec<Value> = words.iter().map(|&w| b.one(Op::SintToF64, Type::I64, &[w])).collect();
        let arguments = |b: &mut Builder<'_>, from: usize| -> Vec<Value> {
            let params = helper.signature.params.iter().enumerate();
            params
                .map(|(n, p)| if p.ty == Type::F64 { floats[from + n] } else { narrow(b, words[from + n], p.ty) })
                .collect()
        };
        let args = arguments(&mut b, 0);
        let first = call(&mut b, &mut unit, &helper, table, &args);
        let args = arguments(&mut b, 3);
        let second = call(&mut b, &mut unit, &helper, table, &args);
        let mut sum = b.iconst(Type::I64, 0);
        for value in [first, second].into_iter().chain(words.iter().copied()).chain(floats.iter().copied()) {
            let bits = widen(&mut b, value, true);
            sum = fold(&mut b, sum, bits);
        }
        b.store(Region::ANY, sum, memory, 8 * ALIVE as i32);
        let result = b.one(Op::Trunc, Type::I32, &[sum]);
        b.ret(&[result]);
        let func = unit.add(func);
        runs.push(run(&helper.name, func, ALIVE + 1));
    }
    (unit, runs)
}

/// A case for `stack_pointer`: lower in a callee than in its caller, in tail position too, at each depth of a recursion.
pub fn stack_pointer() -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("stack_pointer", Stage::Machine);
    let signature = Signature::new(&[Type::I64, Type::I64], &[Type::I64]);
    // Recursions refer to themselves by the place they will have.
    let (tail, sum) = (FuncRef(0), FuncRef(1));
    for (name, itself) in [("tail", tail), ("sum", sum)] {
        let mut func = Function::new(name, signature.clone());
        let mut b = Builder::new(&mut func);
        let (left, above) = (b.param(Function::ENTRY, 0), b.param(Function::ENTRY, 1));
        let (deeper, bottom) = (b.block(&[]), b.block(&[Type::I64]));
        let here = b.one(Op::StackPointer, Type::I64, &[]);
        let lower = b.one(Op::IcmpUlt, Type::I64, &[here, above]);
        let zero = b.iconst(Type::I64, 0);
        let more = b.one(Op::IcmpNe, Type::I64, &[left, zero]);
        // The first activation that is not lower ends the recursion.
        let more = b.one(Op::Band, Type::I8, &[more, lower]);
        let lower = b.one(Op::Zext, Type::I64, &[lower]);
        b.brif(more, (deeper, &[]), (bottom, &[lower]));
        b.switch_to(deeper);
        let one = b.iconst(Type::I64, 1);
        let less = b.one(Op::Isub, Type::I64, &[left, one]);
        let below = b.call(itself, &signature, &[less, here])[0];
        let result = if itself == tail { below } else { b.one(Op::Iadd, Type::I64, &[below, lower]) };
        b.ret(&[result]);
        b.switch_to(bottom);
        let last = b.param(bottom, 0);
        b.ret(&[last]);
        unit.add(func);
    }
    let mut func = Function::new("entry", Signature::entry());
    let mut b = Builder::new(&mut func);
    let (memory, depth) = (b.param(Function::ENTRY, 0), b.param(Function::ENTRY, 1));
    for (word, callee) in [tail, sum].into_iter().enumerate() {
        let here = b.one(Op::StackPointer, Type::I64, &[]);
        let count = b.call(callee, &signature, &[depth, here])[0];
        b.store(Region::ANY, count, memory, 8 * word as i32);
    }
    let result = b.iconst(Type::I32, 0);
    b.ret(&[result]);
    let func = unit.add(func);
    let mut run = run("recursion", func, 2);
    // One for the last activation of the tail recursion; one for each of six activations of the sum.
    run.expected = Expected::Stated { returned: Some(0), memory: vec![(0, 1), (1, 6)] };
    (unit, vec![run])
}
