//! Global value numbering. Both stages.
//!
//! **Idea.** Walk the dominator tree with a table of what has been computed on the way down: operation, immediate, operands, and for
//! loads the *version* of their region, which changes with each write that may touch it. What is found in the table is replaced
//! by the value there; an exit on a condition that has been tested already is dropped; a store makes the value of a load
//! from the same place known.
//!
//! **Versions.** Where paths meet with different versions of a region, a new one begins: found by the same optimistic iteration
//! as the parameters of SSA construction, so that a loop without writes keeps the version it was entered with.
//!
//! **Why it is sound.** A pure operation gives the same results for the same operands; a load that finds its region in the same
//! version reads the same bytes; after an exit that did not happen its condition is known to be zero. What replaces a value
//! dominates it.
//!
//! **What stays.** Constants are keys by their bits but never replaced: most cost nothing where they are used, and sharing them
//! would only make them live longer. For the same reason an addition of a constant is not shared over a call.
//!
//! **Changes.** One operation, load or check each.

use std::collections::HashMap;

use lockstep_ir::cfg::Cfg;
use lockstep_ir::op::Effect;
use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, Region, Type, Unit, Value};
use smallvec::SmallVec;

use super::Fuel;
use super::effects::{self, Writes};
use crate::regions;

/// Runs the pass.
pub fn run(unit: &Unit, func: &mut Function, fuel: &mut Fuel) {
    let cfg = Cfg::new(func);
    let versions = Versions::new(unit, func, &cfg);
    let mut children = vec![Vec::new(); func.blocks.len()];
    for &block in cfg.rpo.iter().skip(1) {
        let parent = cfg.idom[block.index()].expect("reachable blocks have dominators");
        children[parent.index()].push(block);
    }
    let mut numbering = Numbering { unit, func, fuel, versions, table: HashMap::new(), map: HashMap::new() };
    // A preorder walk; each block knows how much of the table's history to undo when its subtree is done.
    let mut history: Vec<(Key, Option<Known>)> = Vec::new();
    let mut stack = vec![(Function::ENTRY, 0, false)];
    while let Some((block, mark, done)) = stack.pop() {
        if done {
            for (key, before) in history.drain(mark..).rev() {
                match before {
                    Some(known) => numbering.table.insert(key, known),
                    None => numbering.table.remove(&key),
                };
            }
            continue;
        }
        stack.push((block, history.len(), true));
        numbering.block(block, &mut history);
        stack.extend(children[block.index()].iter().rev().map(|&child| (child, 0, false)));
    }
    let map = numbering.map;
    func.replace_uses(&map);
}

/// An operand of a key: constants compare by their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Operand {
    Constant(Type, u64),
    Value(Value),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    ty: Type,
    imm: Imm,
    args: SmallVec<[Operand; 3]>,
    version: Version,
}

/// The results known for a key.
type Known = SmallVec<[Value; 2]>;

struct Numbering<'a> {
    unit: &'a Unit,
    func: &'a mut Function,
    fuel: &'a mut Fuel,
    versions: Versions,
    table: HashMap<Key, Known>,
    map: HashMap<Value, Value>,
}

impl Numbering<'_> {
    fn block(&mut self, block: Block, history: &mut Vec<(Key, Option<Known>)>) {
        let mut now = self.versions.at_start[block.index()].clone();
        let mut insts = std::mem::take(&mut self.func.blocks[block.index()].insts);
        insts.retain(|&inst| {
            let keep = self.inst(inst, &now, history);
            if keep {
                self.versions.write(self.unit, &self.func.insts[inst.index()], Version::Write(inst), &mut now);
                self.forward_store(inst, &now, history);
            }
            keep
        });
        self.func.blocks[block.index()].insts = insts;
    }

    /// Whether the instruction stays.
    fn inst(&mut self, inst: Inst, now: &[Version], history: &mut Vec<(Key, Option<Known>)>) -> bool {
        let map = &self.map;
        let data = &mut self.func.insts[inst.index()];
        for arg in &mut data.args {
            while let Some(&to) = map.get(arg) {
                *arg = to;
            }
        }
        let data = &self.func.insts[inst.index()];
        let version = match data.op.info().effect {
            // Slots are loaded once each, at the entry.
            _ if data.op == Op::SlotLoad => return true,
            Effect::Load => self.versions.of_load(data, now),
            Effect::Exit if data.op == Op::ExitIf => Version::START,
            _ if matches!(data.op, Op::Iconst | Op::Fconst) => return true,
            _ if data.op == Op::Iadd && self.func.int_constant(data.args[1]).is_some() => self.versions.of_calls(now),
            _ if effects::is_pure(self.unit, data) => Version::START,
            _ => return true,
        };
        let results = data.results.clone();
        let key = self.key(data, version);
        match self.table.get(&key) {
            Some(known) if self.fuel.take() => {
                self.map.extend(results.into_iter().zip(known.iter().copied()));
                false
            }
            Some(_) => true,
            None => {
                self.remember(key, results, history);
                true
            }
        }
    }

    fn key(&self, data: &InstData, version: Version) -> Key {
        let operand = |&value: &Value| match self.func.def(value) {
            Some(InstData { imm: Imm::Int(bits) | Imm::Float(bits), .. }) => {
                Operand::Constant(self.func.ty(value), *bits)
            }
            _ => Operand::Value(value),
        };
        let mut args: SmallVec<[Operand; 3]> = data.args.iter().map(operand).collect();
        if data.op.is_commutative() {
            args.sort_unstable();
        }
        Key { op: data.op, ty: data.ty, imm: data.imm, args, version }
    }

    fn remember(&mut self, key: Key, known: Known, history: &mut Vec<(Key, Option<Known>)>) {
        let before = self.table.insert(key.clone(), known);
        history.push((key, before));
    }

    /// After a store, a load from the same place would give the value stored.
    fn forward_store(&mut self, inst: Inst, now: &[Version], history: &mut Vec<(Key, Option<Known>)>) {
        let data = &self.func.insts[inst.index()];
        if data.op != Op::Store {
            return;
        }
        let value = data.args[0];
        let load = InstData { imm: data.imm, ..InstData::new(Op::Load, data.ty, &data.args[1..]) };
        let key = self.key(&load, self.versions.of_load(&load, now));
        self.remember(key, [value].into_iter().collect(), history);
    }
}

/// Which state of a region's memory: as the function found it, as an instruction left it, as paths met at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Version {
    Undecided,
    Entry,
    Write(Inst),
    Meet(Block),
}

impl Version {
    /// The version of what does not read memory.
    const START: Version = Version::Entry;
}

struct Versions {
    /// For each block, the version of each region at its start; and behind the regions, that of everything that calls may
    /// change, registers included.
    at_start: Vec<Vec<Version>>,
    immutable: Vec<bool>,
}

impl Versions {
    fn new(unit: &Unit, func: &Function, cfg: &Cfg) -> Self {
        let regions = unit.regions.len() as u32;
        let immutable: Vec<bool> = (0..regions).map(|region| regions::info(unit, Region(region)).immutable).collect();
        let count = immutable.len() + 1;
        let mut versions = Self { at_start: vec![vec![Version::Undecided; count]; func.blocks.len()], immutable };
        versions.at_start[0] = vec![Version::Entry; count];
        let mut at_end = versions.at_start.clone();
        at_end[0].fill(Version::Undecided);
        // What each block's last write to each region is does not change: compute the ends from it.
        let last: Vec<Vec<Version>> = func
            .blocks
            .iter()
            .map(|block| {
                let mut last = vec![Version::Undecided; count];
                for &inst in &block.insts {
                    versions.write(unit, &func.insts[inst.index()], Version::Write(inst), &mut last);
                }
                last
            })
            .collect();
        let mut changed = true;
        while changed {
            changed = false;
            for &block in &cfg.rpo {
                for region in 0..count {
                    let meet = Version::Meet(block);
                    let mut found = versions.at_start[block.index()][region];
                    if block != Function::ENTRY && found != meet {
                        found = Version::Undecided;
                        for pred in &cfg.preds[block.index()] {
                            match at_end[pred.index()][region] {
                                Version::Undecided => {}
                                from if found == Version::Undecided => found = from,
                                from if from != found => found = meet,
                                _ => {}
                            }
                        }
                        versions.at_start[block.index()][region] = found;
                    }
                    let end = match last[block.index()][region] {
                        Version::Undecided => found,
                        write => write,
                    };
                    if std::mem::replace(&mut at_end[block.index()][region], end) != end {
                        changed = true;
                    }
                }
            }
        }
        versions
    }

    /// Gives new versions to the regions that an instruction may write.
    fn write(&self, unit: &Unit, inst: &InstData, new: Version, now: &mut [Version]) {
        let (calls, now) = now.split_last_mut().expect("calls come behind the regions");
        if inst.op.info().effect == Effect::Call {
            *calls = new;
        }
        match effects::writes(unit, inst) {
            Writes::Nothing => {}
            Writes::Region(Region::ANY) => now.fill(new),
            Writes::Region(region) => {
                // A load from `any` may read what was written here.
                now[0] = new;
                if let Some(version) = now.get_mut(region.index()) {
                    *version = new;
                }
            }
            Writes::Everything => {
                for (version, _) in now.iter_mut().zip(&self.immutable).filter(|(_, immutable)| !**immutable) {
                    *version = new;
                }
            }
        }
    }

    fn of_calls(&self, now: &[Version]) -> Version {
        *now.last().expect("calls come behind the regions")
    }

    fn of_load(&self, inst: &InstData, now: &[Version]) -> Version {
        let (region, _) = inst.mem().expect("a load names its region");
        now[region.index()]
    }
}
