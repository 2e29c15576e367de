//! Mistakes in what the compiler answers, before any backend sees it: what a wrong exit, a wrong entry, a wrong guard or a wrong call would leave.

use lockstep_compiler::Compiled;
use lockstep_ir::{Imm, InstData, Op, Type, Unit};
use lockstep_layout::{SLOT_SIZE, ctx_offset, frame_offset};

use super::edit::{bump, is_slot, places, places_in, region_name, remove, replace};
use super::{Fault, Layer, Plant};

const fn exit(id: &'static str, gate: &'static str, about: &'static str, change: fn(&mut Compiled)) -> Fault {
    Fault { id, layer: Layer::Exits, about, gate, plant: Plant::Compiled(change) }
}

const fn osr(id: &'static str, gate: &'static str, about: &'static str, change: fn(&mut Compiled)) -> Fault {
    Fault { id, layer: Layer::Osr, about, gate, plant: Plant::Compiled(change) }
}

/// The faults of these layers.
pub(super) const FAULTS: &[Fault] = &[
    exit("lost-slot", "programs", "the last exit of a function does not write one live register back", lost_slot),
    exit("lost-tag", "programs", "exits do not write the tags of registers, which native code defers", lost_tag),
    exit("wrong-exit-pc", "programs", "exits resume one instruction too late", wrong_exit_pc),
    exit(
        "stale-call-pc",
        "programs",
        "the pc is not stored before a call, so that tracebacks name another line",
        stale_call_pc,
    ),
    exit("depth-off-by-one", "programs", "native code goes one call deeper than the limit", depth_off_by_one),
    exit("bounds-off-by-one", "programs", "an index equal to the length passes the bounds check", bounds_off_by_one),
    exit("no-zero-check", "programs", "a zero divisor is not noticed", no_zero_check),
    exit(
        "quotient-overflow",
        "programs",
        "the one quotient that overflows, MIN / -1, is not noticed",
        quotient_overflow,
    ),
    exit("wrong-constant", "fuzz-bytecode", "a 64-bit constant is off by one", wrong_constant),
    exit("lost-array-store", "programs", "array elements are not written", lost_array_store),
    exit(
        "swapped-arguments",
        "fuzz-bytecode",
        "a call passes its last two arguments in the wrong order",
        swapped_arguments,
    ),
    exit("compare-off-by-one", "fuzz-bytecode", "less becomes less or equal", compare_off_by_one),
    exit("unsigned-overflow", "programs", "overflow of checked signed sums is read as unsigned", unsigned_overflow),
    exit("lost-result", "programs", "the universal entry leaves no result in slot 0", lost_result),
    osr("stale-loop-slot", "fuzz-bytecode", "a loop entry takes a register from its neighbour's slot", stale_loop_slot),
    osr("lost-loop-slot", "programs", "a loop entry takes its last integer of several to be zero", lost_loop_slot),
];

fn lost_slot(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        if let Some(&place) = places_in(func, |i, cold| cold && i.op == Op::Store && is_slot(regions, i, 0)).last() {
            remove(func, place);
        }
    }
}

fn wrong_exit_pc(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let is_pc = |i: &InstData| {
            region_name(regions, i) == "frame" && i.mem().is_some_and(|m| m.1 == frame_offset::PC as i32)
        };
        for (_, _, inst) in places_in(func, |i, cold| cold && i.op == Op::Store && is_pc(i)) {
            let value = func.insts[inst.index()].args[0];
            if func.int_constant(value).is_some() {
                bump(func, value);
            }
        }
    }
}

fn stale_loop_slot(compiled: &mut Compiled) {
    let loops: Vec<usize> = compiled.osr.iter().map(|(_, func)| func.index()).collect();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for index in loops {
        let func = &mut functions[index];
        if let Some(&(_, _, inst)) = places_in(func, |i, _| i.op == Op::Load && is_slot(regions, i, 0)).first()
            && let Imm::Mem { offset, .. } = &mut func.insts[inst.index()].imm
        {
            *offset += SLOT_SIZE as i32;
        }
    }
}

fn bounds_off_by_one(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let of_length = |i: &InstData| {
            i.args
                .iter()
                .any(|&v| func.def(v).is_some_and(|d| d.op == Op::Load && region_name(regions, d).contains("header")))
        };
        for (_, _, inst) in places_in(func, |i, _| matches!(i.op, Op::IcmpUge | Op::IcmpUlt) && of_length(i)) {
            let data = &mut func.insts[inst.index()];
            data.op = if data.op == Op::IcmpUge { Op::IcmpUgt } else { Op::IcmpUle };
        }
    }
}

fn no_zero_check(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        let compares_zero =
            |i: &InstData| i.op == Op::IcmpEq && i.args.len() == 2 && func.int_constant(i.args[1]) == Some(0);
        let mut checks = Vec::new();
        for (_, _, branch) in places_in(func, |i, _| i.op == Op::Brif) {
            let data = &func.insts[branch.index()];
            let leaves = func.blocks[data.targets[0].block.index()].cold;
            if let lockstep_ir::ValueDef::Result(def, _) = func.values[data.args[0].index()].def
                && leaves
                && compares_zero(&func.insts[def.index()])
            {
                checks.push(def);
            }
        }
        for check in checks {
            let data = &mut func.insts[check.index()];
            data.op = Op::IcmpNe;
            data.args[1] = data.args[0];
        }
    }
}

fn wrong_constant(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        let large =
            |i: &InstData| i.op == Op::Iconst && i.ty == Type::I64 && matches!(i.imm, Imm::Int(bits) if bits > 4096);
        if let Some(&(_, _, inst)) = places_in(func, |i, cold| !cold && large(i)).first() {
            let value = func.insts[inst.index()].results[0];
            bump(func, value);
        }
    }
}

fn lost_array_store(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let element = |i: &InstData| {
            i.op == Op::Store
                && region_name(regions, i).starts_with("array")
                && !region_name(regions, i).contains("header")
        };
        for place in places_in(func, |i, _| element(i)) {
            remove(func, place);
        }
    }
}

fn swapped_arguments(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        // The first three of a typed call (four of an indirect one) are not the program's.
        let swappable = |i: &InstData| {
            let own = match i.op {
                Op::Call => 3,
                Op::CallIndirect => 4,
                _ => return false,
            };
            i.args.len() >= own + 2 && func.ty(i.args[i.args.len() - 1]) == func.ty(i.args[i.args.len() - 2])
        };
        for (_, _, inst) in places_in(func, |i, _| swappable(i)) {
            let args = &mut func.insts[inst.index()].args;
            let last = args.len() - 1;
            args.swap(last, last - 1);
        }
    }
}

fn compare_off_by_one(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        if let Some(&(_, _, inst)) = places_in(func, |i, _| i.op == Op::IcmpSlt).first() {
            func.insts[inst.index()].op = Op::IcmpSle;
        }
    }
}

fn unsigned_overflow(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        for (_, _, inst) in places_in(func, |i, _| i.op == Op::SaddOverflow) {
            func.insts[inst.index()].op = Op::UaddOverflow;
        }
    }
}

fn lost_result(compiled: &mut Compiled) {
    let universal = compiled.universal.index();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    let func = &mut functions[universal];
    for place in places_in(func, |i, _| i.op == Op::Store && is_slot(regions, i, 0)) {
        remove(func, place);
    }
}

fn lost_tag(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        for place in places_in(func, |i, cold| cold && i.op == Op::Store && is_slot(regions, i, 8)) {
            remove(func, place);
        }
    }
}

fn stale_call_pc(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let is_pc = |i: &InstData| {
            region_name(regions, i) == "frame" && i.mem().is_some_and(|m| m.1 == frame_offset::PC as i32)
        };
        for place in places_in(func, |i, cold| !cold && i.op == Op::Store && is_pc(i)) {
            remove(func, place);
        }
    }
}

fn depth_off_by_one(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let is_limit = |d: &InstData| {
            d.op == Op::Load
                && region_name(regions, d) == "ctx"
                && d.mem().is_some_and(|m| m.1 == ctx_offset::DEPTH_LIMIT as i32)
        };
        let of_limit = |i: &InstData| i.op == Op::IcmpUge && func.def(i.args[1]).is_some_and(is_limit);
        for (_, _, inst) in places(func, of_limit) {
            func.insts[inst.index()].op = Op::IcmpUgt;
        }
    }
}

fn quotient_overflow(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        let of_minus_one = |i: &InstData| {
            i.op == Op::IcmpEq && i.args.len() == 2 && func.int_constant(i.args[1]) == Some(func.ty(i.args[1]).mask())
        };
        for (_, _, inst) in places(func, of_minus_one) {
            let data = &mut func.insts[inst.index()];
            data.op = Op::IcmpNe;
            data.args[1] = data.args[0];
        }
    }
}

fn lost_loop_slot(compiled: &mut Compiled) {
    let loops: Vec<usize> = compiled.osr.iter().map(|(_, func)| func.index()).collect();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for index in loops {
        let func = &mut functions[index];
        let loads = places(func, |i| i.op == Op::Load && i.ty == Type::I64 && is_slot(regions, i, 0));
        if let [_, .., (_, _, last)] = loads[..] {
            replace(func, last, InstData { imm: Imm::Int(0), ..InstData::new(Op::Iconst, Type::I64, &[]) });
        }
    }
}
