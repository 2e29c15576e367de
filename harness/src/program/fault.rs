//! Faults planted in the compiler's answer, before any backend sees it: what a wrong exit, a wrong loop entry or a wrong pass would leave. The
//! gates see an ordinary backend.

use std::sync::Arc;

use lockstep_compiler::Compiled;
use lockstep_engine::Tamper;
use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, Type, Unit};
use lockstep_layout::{FRAME_HEADER_SIZE, SLOT_SIZE, frame_offset};

/// A planted fault.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    plant: fn(&mut Compiled),
}

/// All of them.
pub const FAULTS: [Fault; 11] = [
    Fault { name: "lost-slot", about: "an exit does not write one live register back", plant: lost_slot },
    Fault { name: "wrong-exit-pc", about: "exits resume one instruction too late", plant: wrong_exit_pc },
    Fault {
        name: "stale-loop-slot",
        about: "a loop entry takes a register from its neighbour's slot",
        plant: stale_loop_slot,
    },
    Fault {
        name: "bounds-off-by-one",
        about: "an index equal to the length passes the bounds check",
        plant: bounds_off_by_one,
    },
    Fault { name: "no-zero-check", about: "a zero divisor is not noticed", plant: no_zero_check },
    Fault { name: "wrong-constant", about: "a 64-bit constant is off by one", plant: wrong_constant },
    Fault { name: "lost-array-store", about: "array elements are not written", plant: lost_array_store },
    Fault {
        name: "swapped-arguments",
        about: "a call passes its last two arguments in the wrong order",
        plant: swapped_arguments,
    },
    Fault { name: "compare-off-by-one", about: "less becomes less or equal", plant: compare_off_by_one },
    Fault {
        name: "unsigned-overflow",
        about: "overflow of checked signed sums is read as unsigned",
        plant: unsigned_overflow,
    },
    Fault { name: "lost-result", about: "the universal entry leaves no result in slot 0", plant: lost_result },
];

/// The fault of that name, as a change of what the compiler answers.
///
/// # Errors
/// There is none; the text names those there are.
pub fn tamper(name: &str) -> Result<Tamper, String> {
    let fault = FAULTS.iter().find(|f| f.name == name).ok_or_else(|| {
        let known: Vec<&str> = FAULTS.iter().map(|f| f.name).collect();
        format!("no fault `{name}`; there are {}", known.join(", "))
    })?;
    let plant = fault.plant;
    Ok(Arc::new(move |compiled: &mut Compiled| plant(compiled)))
}

/// Places of instructions for which `wanted` holds.
fn find(func: &Function, wanted: impl Fn(&InstData, bool) -> bool) -> Vec<(Block, Inst)> {
    let mut found = Vec::new();
    for block in func.block_ids() {
        let data = &func.blocks[block.index()];
        let hits = data.insts.iter().filter(|i| wanted(&func.insts[i.index()], data.cold));
        found.extend(hits.map(|&inst| (block, inst)));
    }
    found
}

fn remove(func: &mut Function, (block, inst): (Block, Inst)) {
    func.blocks[block.index()].insts.retain(|&i| i != inst);
}

fn region_name<'u>(regions: &'u [String], data: &InstData) -> &'u str {
    data.mem().map_or("", |(region, _)| &regions[region.index()])
}

/// Whether an access is to the payload of a slot of the function's own frame.
fn is_payload(regions: &[String], data: &InstData) -> bool {
    let slot = |offset: i32| {
        offset >= FRAME_HEADER_SIZE as i32 && (offset as u32 - FRAME_HEADER_SIZE).is_multiple_of(SLOT_SIZE)
    };
    region_name(regions, data) == "frame" && data.mem().is_some_and(|(_, offset)| slot(offset))
}

fn lost_slot(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        if let Some(&place) = find(func, |i, cold| cold && i.op == Op::Store && is_payload(regions, i)).first() {
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
        for (_, inst) in find(func, |i, cold| cold && i.op == Op::Store && is_pc(i)) {
            let value = func.insts[inst.index()].args[0];
            if func.int_constant(value).is_some() {
                bump(func, value);
            }
        }
    }
}

/// Makes the constant that defines `value` one greater.
fn bump(func: &mut Function, value: lockstep_ir::Value) {
    if let lockstep_ir::ValueDef::Result(def, _) = func.values[value.index()].def {
        let data = &mut func.insts[def.index()];
        if let Imm::Int(bits) = data.imm {
            data.imm = Imm::Int(bits.wrapping_add(1) & data.ty.mask());
        }
    }
}

fn stale_loop_slot(compiled: &mut Compiled) {
    let loops: Vec<usize> = compiled.osr.iter().map(|(_, func)| func.index()).collect();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for index in loops {
        let func = &mut functions[index];
        if let Some(&(_, inst)) = find(func, |i, _| i.op == Op::Load && is_payload(regions, i)).first()
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
        for (_, inst) in find(func, |i, _| matches!(i.op, Op::IcmpUge | Op::IcmpUlt) && of_length(i)) {
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
        for (_, branch) in find(func, |i, _| i.op == Op::Brif) {
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
        if let Some(&(_, inst)) = find(func, |i, cold| !cold && large(i)).first() {
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
        for place in find(func, |i, _| element(i)) {
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
        for (_, inst) in find(func, |i, _| swappable(i)) {
            let args = &mut func.insts[inst.index()].args;
            let last = args.len() - 1;
            args.swap(last, last - 1);
        }
    }
}

fn compare_off_by_one(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        if let Some(&(_, inst)) = find(func, |i, _| i.op == Op::IcmpSlt).first() {
            func.insts[inst.index()].op = Op::IcmpSle;
        }
    }
}

fn unsigned_overflow(compiled: &mut Compiled) {
    for func in &mut compiled.unit.functions {
        for (_, inst) in find(func, |i, _| i.op == Op::SaddOverflow) {
            func.insts[inst.index()].op = Op::UaddOverflow;
        }
    }
}

fn lost_result(compiled: &mut Compiled) {
    let universal = compiled.universal.index();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    let func = &mut functions[universal];
    for place in find(func, |i, _| i.op == Op::Store && is_payload(regions, i)) {
        remove(func, place);
    }
}
