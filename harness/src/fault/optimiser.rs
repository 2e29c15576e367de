//! Mistakes of passes: after a pass has done its work, something is done that it must not do, on the pass's own fuel, so that what finds wrong
//! passes finds this one.

use lockstep_compiler::{Fuel, PassId};
use lockstep_ir::op::Effect;
use lockstep_ir::{Block, FrameValue, Function, Imm, Inst, InstData, Op, Stage, Type, Unit, Value, ValueDef};

use super::edit::{defined_before, places, region_name, replace};
use super::{Fault, Layer, Plant};

const fn fault(
    id: &'static str,
    gate: &'static str,
    about: &'static str,
    pass: PassId,
    change: fn(&mut Unit, &mut Fuel),
) -> Fault {
    Fault { id, layer: Layer::Optimiser, about, gate, plant: Plant::Pass(pass, change) }
}

/// The faults of this layer.
pub(super) const FAULTS: &[Fault] = &[
    fault(
        "wrong-fold",
        "programs",
        "constant folding takes a 64-bit shift by 32 and more for one of 32 bits, which leaves nothing",
        PassId::ConstantFolding,
        wrong_fold,
    ),
    fault(
        "wrong-identity",
        "programs",
        "constant folding makes the complement of x of a negation, that of x * -1 included",
        PassId::ConstantFolding,
        wrong_identity,
    ),
    fault(
        "bad-value-number",
        "programs",
        "value numbering looks at two bits of a constant operand, and merges what differs in others",
        PassId::ValueNumbering,
        bad_value_number,
    ),
    fault(
        "stale-load",
        "programs",
        "value numbering keeps an array element over a write to the same array",
        PassId::ValueNumbering,
        stale_load,
    ),
    fault(
        "hoisted-error",
        "programs",
        "loop-invariant motion moves a check, and the exit it makes, in front of output or of an array write",
        PassId::LoopInvariantMotion,
        hoisted_error,
    ),
    fault(
        "lost-edge",
        "fuzz-bytecode",
        "copy propagation overlooks the last of three branches that bind a parameter",
        PassId::CopyPropagation,
        lost_edge,
    ),
    fault(
        "dead-write",
        "programs",
        "dead code elimination drops an array write when another to the same array follows in its block",
        PassId::DeadCode,
        dead_write,
    ),
];

/// Whether an instruction writes an element of an array, or reads one.
fn element<'u>(regions: &'u [String], data: &InstData) -> Option<&'u str> {
    Some(region_name(regions, data)).filter(|name| name.starts_with("array_") && *name != "array_header")
}

/// Each function of the unit, together with the names of its regions.
fn each(unit: &mut Unit, mut change: impl FnMut(&[String], &mut Function)) {
    let Unit { functions, regions, .. } = unit;
    functions.iter_mut().for_each(|func| change(regions, func));
}

fn wrong_fold(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |_, func| {
        for (_, _, inst) in places(func, |d| d.op == Op::Shl && d.ty == Type::I64) {
            let amount = func.int_constant(func.insts[inst.index()].args[1]);
            if amount.is_some_and(|a| a % 64 >= 32) && fuel.take() {
                replace(func, inst, InstData { imm: Imm::Int(0), ..InstData::new(Op::Iconst, Type::I64, &[]) });
            }
        }
    });
}

fn wrong_identity(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |_, func| {
        for (_, _, inst) in places(func, |d| d.op == Op::Ineg) {
            let (x, ty) = (func.insts[inst.index()].args[0], func.insts[inst.index()].ty);
            if fuel.take() {
                replace(func, inst, InstData::new(Op::Bnot, ty, &[x]));
            }
        }
    });
}

/// Pairs of instructions of one block, the first before the second.
fn pairs(func: &Function, wanted: impl Fn(&InstData, &InstData) -> bool) -> Vec<(Block, Inst, Inst)> {
    let mut found = Vec::new();
    for block in func.block_ids() {
        let insts = &func.blocks[block.index()].insts;
        for (at, &second) in insts.iter().enumerate() {
            let hit = insts[..at].iter().find(|i| wanted(&func.insts[i.index()], &func.insts[second.index()]));
            found.extend(hit.map(|&first| (block, first, second)));
        }
    }
    found
}

/// Lets everything that uses the second instruction's result use the first's.
fn unify(func: &mut Function, first: Inst, second: Inst) {
    let [old, new]: [Value; 2] = [second, first].map(|i| func.insts[i.index()].results[0]);
    func.replace_uses(&[(old, new)].into());
}

fn bad_value_number(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |_, func| {
        let alike = |a: &InstData, b: &InstData| {
            let low = |d: &InstData| func.int_constant(*d.args.get(1)?).map(|c| c & 3);
            (a.op, a.ty, a.args.len()) == (b.op, b.ty, 2)
                && matches!(a.op, Op::Band | Op::Iadd | Op::Imul | Op::Bxor)
                && a.args[0] == b.args[0]
                && low(a).is_some()
                && low(a) == low(b)
        };
        for (_, first, second) in pairs(func, alike) {
            if fuel.take() {
                unify(func, first, second);
            }
        }
    });
}

fn stale_load(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |regions, func| {
        let same = |a: &InstData, b: &InstData| {
            a.op == Op::Load
                && b.op == Op::Load
                && element(regions, a).is_some()
                && (a.imm, &a.args) == (b.imm, &b.args)
        };
        // The pass has merged what it may: between the two there is a write.
        for (_, first, second) in pairs(func, |a, b| same(a, b) && a.ty == b.ty) {
            if fuel.take() {
                unify(func, first, second);
            }
        }
    });
}

fn hoisted_error(unit: &mut Unit, fuel: &mut Fuel) {
    if unit.stage != Stage::Value {
        return;
    }
    each(unit, |regions, func| {
        for block in func.block_ids() {
            let insts = func.blocks[block.index()].insts.clone();
            let data = |i: &Inst| &func.insts[i.index()];
            let is_write = |i: &Inst| {
                data(i).op == Op::RuntimeCall || data(i).op == Op::Store && element(regions, data(i)).is_some()
            };
            let Some(write) = insts.iter().position(is_write) else { continue };
            let moved = (write + 1..insts.len()).filter(|&at| data(&insts[at]).op == Op::ExitIf).find_map(|at| {
                let state = data(&insts[at]).frame_state.map(|s| &func.frame_states[s.index()]);
                let known = |slot: &FrameValue| defined_before(func, slot.value, block, write);
                state.is_some_and(|s| s.slots.iter().all(known)).then(|| needs(func, block, write, insts[at])).flatten()
            });
            if let Some(moved) = moved.filter(|_| fuel.take()) {
                let list = &mut func.blocks[block.index()].insts;
                list.retain(|i| !moved.contains(i));
                list.splice(write..write, moved);
            }
        }
    });
}

/// A check with the pure operations behind position `at` of its block that it needs, in order; none if it needs anything else from there.
fn needs(func: &Function, block: Block, at: usize, check: Inst) -> Option<Vec<Inst>> {
    let insts = &func.blocks[block.index()].insts;
    let mut list = vec![check];
    let mut next = 0;
    while let Some(inst) = list.get(next).copied() {
        for &arg in &func.insts[inst.index()].args {
            if defined_before(func, arg, block, at) {
                continue;
            }
            let ValueDef::Result(def, _) = func.values[arg.index()].def else { return None };
            if func.insts[def.index()].op.info().effect != Effect::Pure || !insts.contains(&def) {
                return None;
            }
            if !list.contains(&def) {
                list.push(def);
            }
        }
        next += 1;
    }
    list.sort_by_key(|inst| insts.iter().position(|i| i == inst));
    Some(list)
}

fn lost_edge(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |_, func| {
        for target in func.block_ids() {
            let params = func.blocks[target.index()].params.clone();
            for (n, param) in params.into_iter().enumerate() {
                let calls =
                    func.blocks.iter().filter_map(|b| b.insts.last()).flat_map(|i| &func.insts[i.index()].targets);
                let args: Vec<Value> = calls.filter(|c| c.block == target).map(|c| c.args[n]).collect();
                let [.., a, b, _] = args[..] else { continue };
                // What is bound by all but the last, and defined where nothing can be missed: at the function's entry.
                let entry = |v: Value| matches!(func.values[v.index()].def, ValueDef::Param(home, _) if home == Function::ENTRY);
                if args[..args.len() - 1].iter().all(|&v| v == a) && a == b && entry(a) && a != param && fuel.take() {
                    func.replace_uses(&[(param, a)].into());
                }
            }
        }
    });
}

fn dead_write(unit: &mut Unit, fuel: &mut Fuel) {
    each(unit, |regions, func| {
        let array = |func: &Function, i: &InstData| {
            i.op == Op::Store && element(regions, i).is_some() && i.ty != Type::I8 && func.ty(i.args[0]) == i.ty
        };
        for (block, first, _) in pairs(func, |a, b| array(func, a) && array(func, b) && a.mem() == b.mem()) {
            if fuel.take() {
                func.blocks[block.index()].insts.retain(|&i| i != first);
            }
        }
    });
}
