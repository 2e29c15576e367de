//! What faults need to change IR: finding instructions, putting others before them, following values.
//!
//! Nothing here is wrong by itself; what is, stands in the tables.

use std::collections::HashMap;

use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, Type, Value, ValueDef};
use lockstep_layout::{FRAME_HEADER_SIZE, SLOT_SIZE};

/// Where an instruction stands: its block, its position in the block, and itself.
pub type Place = (Block, usize, Inst);

/// The places of instructions that satisfy a condition, in program order.
pub fn places(func: &Function, wanted: impl Fn(&InstData) -> bool) -> Vec<Place> {
    places_in(func, |data, _| wanted(data))
}

/// The same, with whether the block is cold: cold blocks are exits and other ways that are seldom taken.
pub fn places_in(func: &Function, wanted: impl Fn(&InstData, bool) -> bool) -> Vec<Place> {
    let mut found = Vec::new();
    for block in func.block_ids() {
        let data = &func.blocks[block.index()];
        let hits = data.insts.iter().enumerate().filter(|(_, i)| wanted(&func.insts[i.index()], data.cold));
        found.extend(hits.map(|(at, &inst)| (block, at, inst)));
    }
    found
}

/// Inserts an instruction before a place and returns its first result. Places found before shift by one behind it, so that lists of places
/// are best worked through from the end.
pub fn insert(func: &mut Function, (block, at): (Block, usize), data: InstData, ty: Type) -> Value {
    let inst = func.make_inst(data, &[ty]);
    func.blocks[block.index()].insts.insert(at, inst);
    func.insts[inst.index()].results[0]
}

/// Inserts an integer constant.
pub fn constant(func: &mut Function, place: (Block, usize), ty: Type, bits: u64) -> Value {
    insert(func, place, InstData { imm: Imm::Int(bits & ty.mask()), ..InstData::new(Op::Iconst, ty, &[]) }, ty)
}

/// Replaces an instruction by one with the same results.
pub fn replace(func: &mut Function, inst: Inst, data: InstData) {
    let old = &mut func.insts[inst.index()];
    *old = InstData { results: old.results.clone(), loc: old.loc, ..data };
}

/// Takes an instruction without results, or whose results nothing uses, out of its block.
pub fn remove(func: &mut Function, (block, _, inst): Place) {
    func.blocks[block.index()].insts.retain(|&i| i != inst);
}

/// Users of each value: instructions that have it among their operands or branch arguments.
pub fn users(func: &Function) -> HashMap<Value, Vec<Inst>> {
    let mut users: HashMap<Value, Vec<Inst>> = HashMap::new();
    for &inst in func.blocks.iter().flat_map(|b| &b.insts) {
        func.for_each_use(&func.insts[inst.index()], |v| users.entry(v).or_default().push(inst));
    }
    users
}

/// Whether an instruction stands at a place of its block before `at`, so that what it defines can be used there. Parameters of the function
/// and of the block count; whatever other blocks define does not.
pub fn defined_before(func: &Function, value: Value, block: Block, at: usize) -> bool {
    match func.values[value.index()].def {
        ValueDef::Param(home, _) => home == block || home == Function::ENTRY,
        ValueDef::Result(inst, _) => func.blocks[block.index()].insts[..at].contains(&inst),
    }
}

/// Makes the constant that defines `value` one greater, if one does.
pub fn bump(func: &mut Function, value: Value) {
    if let ValueDef::Result(def, _) = func.values[value.index()].def {
        let data = &mut func.insts[def.index()];
        if let Imm::Int(bits) = data.imm {
            data.imm = Imm::Int(bits.wrapping_add(1) & data.ty.mask());
        }
    }
}

/// The name of the region that an instruction accesses; empty if it accesses none.
pub fn region_name<'u>(regions: &'u [String], data: &InstData) -> &'u str {
    data.mem().map_or("", |(region, _)| &regions[region.index()])
}

/// Whether an access is to a word of a slot of the function's own frame: its payload (`word` 0) or its tag (`word` 8).
pub fn is_slot(regions: &[String], data: &InstData, word: i32) -> bool {
    let header = FRAME_HEADER_SIZE as i32;
    region_name(regions, data) == "frame"
        && data.mem().is_some_and(|(_, offset)| offset >= header && (offset - header) % SLOT_SIZE as i32 == word)
}
