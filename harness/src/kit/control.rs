//! Jumps, branches and switches: parallel moves at edges, every truth value, every shape of switch.

use lockstep_ir::{BlockCall, Builder, FuncRef, Function, Op, Region, Signature, Stage, Type, Unit};

use super::table::{Form, GARBAGE, Table, input};
use super::values::edges;
use crate::case::{Compare, Expected, Explain, Outcome, Rules, Run};

/// What the parameters of a loop become at its back edge: indices into themselves.
const SHUFFLES: [&[usize]; 12] = [
    &[1, 0],
    &[1, 2, 0],
    &[2, 0, 1],
    &[0, 0, 1],
    &[1, 1, 0, 0],
    &[1, 0, 3, 2, 5, 4],
    &[5, 4, 3, 2, 1, 0],
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0],
    &[3, 0, 1, 2, 3, 0, 1, 2],
    // More than there are registers.
    &[23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    &[1, 0, 2, 4, 3, 5, 7, 6, 8, 10, 9, 11, 13, 12, 14, 16, 15, 17, 19, 18, 20, 22, 21, 23],
    &[7, 7, 7, 7, 0, 1, 2, 3],
];

/// A case for `jump`: shuffles of parameters, integers, floats and both, as often as the argument says.
pub fn jumps() -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("jump", Stage::Machine);
    let mut runs = Vec::new();
    type TypeOf = fn(usize) -> Type;
    let kinds: [(&str, TypeOf); 4] = [
        ("i64", |_| Type::I64),
        ("f64", |_| Type::F64),
        ("narrow", |_| Type::I16),
        ("mixed", |n| if n % 2 == 0 { Type::I64 } else { Type::F64 }),
    ];
    for (kind, ty) in kinds {
        for (number, shuffle) in SHUFFLES.iter().enumerate() {
            let types: Vec<Type> = (0..shuffle.len()).map(ty).collect();
            if shuffle.iter().enumerate().any(|(to, &from)| types[to] != types[from]) {
                continue;
            }
            let func = shuffler(&mut unit, &format!("{kind}{number}"), &types, shuffle);
            for times in [0u64, 1, 2, 7] {
                runs.push(shuffled(func, &format!("{kind}{number} {times} times"), &types, shuffle, times));
            }
        }
    }
    (unit, runs)
}

fn shuffler(unit: &mut Unit, name: &str, types: &[Type], shuffle: &[usize]) -> FuncRef {
    let mut func = Function::new(name, Signature::entry());
    let mut b = Builder::new(&mut func);
    let (memory, times) = (b.param(Function::ENTRY, 0), b.param(Function::ENTRY, 1));
    let params: Vec<Type> = [Type::I64].iter().chain(types).copied().collect();
    let head = b.block(&params);
    let (again, done) = (b.block(&[]), b.block(&[]));
    let mut values = vec![times];
    values.extend((0..types.len()).map(|n| b.load(types[n], Region::ANY, memory, 8 * n as i32)));
    b.jump(head, &values);
    b.switch_to(head);
    let left = b.param(head, 0);
    let zero = b.iconst(Type::I64, 0);
    let more = b.one(Op::IcmpNe, Type::I64, &[left, zero]);
    b.brif(more, (again, &[]), (done, &[]));
    b.switch_to(again);
    let one = b.iconst(Type::I64, 1);
    let mut next = vec![b.one(Op::Isub, Type::I64, &[left, one])];
    next.extend(shuffle.iter().map(|&from| b.param(head, 1 + from)));
    b.jump(head, &next);
    b.switch_to(done);
    for n in 0..types.len() {
        let value = b.param(head, 1 + n);
        b.store(Region::ANY, value, memory, 8 * n as i32);
    }
    let result = b.iconst(Type::I32, 7);
    b.ret(&[result]);
    unit.add(func)
}

fn shuffled(func: FuncRef, label: &str, types: &[Type], shuffle: &[usize], times: u64) -> Run {
    let memory: Vec<u64> = (0..types.len() as u64).map(|n| ((0x3ff0 + n) << 48) | (0x1111 * (n + 1))).collect();
    let mut words = memory.clone();
    for _ in 0..times {
        let masked = |to: usize| {
            let mask = types[to].mask();
            memory[to] & !mask | words[shuffle[to]] & mask
        };
        words = (0..types.len()).map(masked).collect();
    }
    Run {
        label: label.to_owned(),
        func,
        memory,
        argument: times,
        expected: Expected::All(Outcome { returned: 7, memory: words }),
        rules: Rules::default(),
        explain: Explain::by(|word| format!("value {word}")),
    }
}

/// A case for `brif`: every truth value, garbage above it, both orders, both targets the same.
pub fn brifs() -> (Unit, Vec<Run>) {
    let mut unit = Unit::new("brif", Stage::Machine);
    let mut table = Table::default();
    for value in 0..=255u64 {
        table.tuple([value | GARBAGE << 8]);
        let taken = if value != 0 { 1 } else { 2 };
        for what in ["taken first", "not taken first", "same target", "truncated"] {
            table.expect(taken, Compare::Bits, &[value], what);
        }
    }
    let run = table.into_run(&mut unit, "brif", |b, from, out| {
        let (one, two) = (b.iconst(Type::I64, 1), b.iconst(Type::I64, 2));
        for word in 0..4 {
            let condition = if word == 3 {
                let wide = input(b, Type::I64, from, 0);
                b.one(Op::Trunc, Type::I8, &[wide])
            } else {
                input(b, Type::I8, from, 0)
            };
            let (first, second, join) = (b.block(&[]), b.block(&[]), b.block(&[Type::I64]));
            match word {
                0 | 3 => b.brif(condition, (first, &[]), (second, &[])),
                1 => b.brif(condition, (second, &[]), (first, &[])),
                _ => b.brif(condition, (join, &[one]), (join, &[two])),
            }
            let (number_of_first, number_of_second) = if word == 1 { (two, one) } else { (one, two) };
            b.switch_to(first);
            b.jump(join, &[number_of_first]);
            b.switch_to(second);
            b.jump(join, &[number_of_second]);
            b.switch_to(join);
            let number = b.param(join, 0);
            Form::Plain.write(b, number, out, word);
        }
    });
    (unit, vec![run])
}

/// Cases of switches: dense, with holes, sparse, negative, extreme, few, many.
fn shapes(ty: Type) -> Vec<(&'static str, Vec<i64>)> {
    let (min, max) = if ty == Type::I32 { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (i64::MIN, i64::MAX) };
    vec![
        ("none", vec![]),
        ("one", vec![5]),
        ("two", vec![0, -1]),
        ("dense", (0..12).collect()),
        ("dense_from_100", (100..140).collect()),
        ("negative", (-20..-3).collect()),
        ("around_zero", (-6..6).collect()),
        ("holes", (0..40).filter(|n| n % 3 != 1).collect()),
        ("sparse", vec![3, 1000, -70_000, 1 << 20, 77, (1 << 30) + 3]),
        ("extremes", vec![min, min + 1, max, max - 1, 0]),
        ("top", (0..9).map(|n| max - n).collect()),
        ("bottom", (0..9).map(|n| min + n).collect()),
        ("clusters", (0..8).chain(1000..1008).chain(-508..-500).collect()),
        ("many", (0..300).map(|n| n * 7 - 900).collect()),
        ("unsorted", vec![9, 2, 7, 4, 0, 8, 1, 3, 6, 5]),
    ]
}

/// A case for `switch` at a type.
pub fn switches(ty: Type) -> (Unit, Vec<Run>) {
    let mut unit = Unit::new(format!("switch.{ty}"), Stage::Machine);
    let mut runs = Vec::new();
    for (name, cases) in shapes(ty) {
        let mask = ty.mask();
        let mut selectors: Vec<u64> =
            cases.iter().flat_map(|&c| [c, c.wrapping_sub(1), c.wrapping_add(1)]).map(|c| c as u64 & mask).collect();
        selectors.extend(edges(ty));
        // What a switch that looks at too few bits confuses.
        selectors.extend(cases.iter().map(|&c| (c as u64 ^ 1 << 31) & mask));
        if ty == Type::I64 {
            selectors.extend(cases.iter().map(|&c| c as u64 ^ 1 << 32));
        }
        let mut table = Table::default();
        for selector in selectors {
            table.tuple([selector | GARBAGE & !mask]);
            let found = cases.iter().position(|&c| c as u64 & mask == selector);
            table.expect(found.map_or(0, |n| n as u64 + 1), Compare::Bits, &[selector], "target");
        }
        let run = table.into_run(&mut unit, name, |b, from, out| {
            let selector = input(b, ty, from, 0);
            dispatch(b, selector, &cases);
            let number = b.param(b.current(), 0);
            Form::Plain.write(b, number, out, 0);
        });
        runs.push(run);
    }
    (unit, runs)
}

/// Switches to blocks that give the case's number; every third case shares one block by an argument.
fn dispatch(b: &mut Builder<'_>, selector: lockstep_ir::Value, cases: &[i64]) {
    let numbers: Vec<_> = (0..=cases.len() as i64).map(|n| b.iconst(Type::I64, n)).collect();
    let join = b.block(&[Type::I64]);
    let shared = b.block(&[Type::I64]);
    let default = b.block(&[]);
    let mut targets = Vec::new();
    let mut own = Vec::new();
    for (n, &case) in cases.iter().enumerate() {
        let target = if n % 3 == 2 {
            BlockCall { block: shared, args: vec![numbers[n + 1]] }
        } else {
            let block = b.block(&[]);
            own.push((block, numbers[n + 1]));
            BlockCall { block, args: Vec::new() }
        };
        targets.push((case as u64, target));
    }
    b.switch(selector, BlockCall { block: default, args: Vec::new() }, targets);
    own.push((default, numbers[0]));
    own.push((shared, b.param(shared, 0)));
    for (block, number) in own {
        b.switch_to(block);
        b.jump(join, &[number]);
    }
    b.switch_to(join);
}
