//! Loop-invariant motion. Both stages.
//!
//! **Idea.** Every natural loop gets a block in front of its header that is run once per entry. A pure operation whose operands are
//! all defined outside the loop moves there, and so does a load, if nothing in the loop may write its region. Inner loops come
//! first, so that what leaves an inner loop can go on to leave the outer one.
//!
//! **Why it is sound.** Pure operations are total: running one that would not have been run changes nothing. A load may fault where
//! its address is not checked yet: it moves only if its region can be read unchecked (`regions.rs`), or if it is run on every
//! entry before anything that can leave the header.
//!
//! **What stays.** Integer constants that fit 32 bits, which most machines encode in the operation; a moved operation takes a copy of
//! its constants along. And what stands in cold blocks, which is better run rarely than kept in a register.
//!
//! **Changes.** One operation or load each. Blocks in front of headers are not counted; copy propagation skips those that
//! stay empty.

use lockstep_ir::cfg::{Cfg, Loop};
use lockstep_ir::eval::sign_extend;
use lockstep_ir::op::Effect;
use lockstep_ir::{Block, BlockCall, Function, Imm, Inst, InstData, Op, Region, Type, Unit, Value, ValueDef};

use super::Fuel;
use super::effects::{self, Writes};
use crate::blocks::arrange;
use crate::regions;

/// Runs the pass.
pub fn run(unit: &Unit, func: &mut Function, fuel: &mut Fuel) {
    make_preheaders(func);
    let cfg = Cfg::new(func);
    let mut place = vec![Function::ENTRY; func.insts.len()];
    for block in func.block_ids() {
        func.blocks[block.index()].insts.iter().for_each(|inst| place[inst.index()] = block);
    }
    for inner in cfg.loops().iter().rev() {
        let outside = cfg.preds[inner.header.index()].iter().find(|pred| !inner.contains(**pred));
        let Some(&preheader) = outside else { continue };
        Motion { unit, func, fuel, place: &mut place, inner, preheader }.run(&cfg);
    }
}

/// Gives every loop header one predecessor outside the loop, which leads nowhere else.
fn make_preheaders(func: &mut Function) {
    let cfg = Cfg::new(func);
    let mut before: Vec<Option<Block>> = vec![None; func.blocks.len()];
    for inner in cfg.loops() {
        let header = inner.header;
        let outside: Vec<Block> =
            cfg.preds[header.index()].iter().copied().filter(|&pred| !inner.contains(pred)).collect();
        if outside.is_empty() || outside.len() == 1 && func.terminator(outside[0]).op == Op::Jump {
            continue;
        }
        let preheader = func.make_block();
        func.blocks[preheader.index()].cold = func.blocks[header.index()].cold;
        let types: Vec<Type> = func.blocks[header.index()].params.iter().map(|&param| func.ty(param)).collect();
        let args = types.into_iter().map(|ty| func.add_param(preheader, ty)).collect();
        let targets = vec![BlockCall { block: header, args }];
        let jump = func.make_inst(InstData { targets, ..InstData::new(Op::Jump, Type::I64, &[]) }, &[]);
        func.blocks[preheader.index()].insts.push(jump);
        for pred in outside {
            let last = *func.blocks[pred.index()].insts.last().expect("a block ends in a terminator");
            for target in func.insts[last.index()].targets.iter_mut().filter(|target| target.block == header) {
                target.block = preheader;
            }
        }
        before[header.index()] = Some(preheader);
    }
    if before.iter().any(Option::is_some) {
        let count = before.len() as u32;
        let order: Vec<Block> =
            (0..count).map(Block).flat_map(|block| before[block.index()].into_iter().chain([block])).collect();
        arrange(func, &order);
    }
}

struct Motion<'a> {
    unit: &'a Unit,
    func: &'a mut Function,
    fuel: &'a mut Fuel,
    /// The block in which each instruction stands.
    place: &'a mut Vec<Block>,
    inner: &'a Loop,
    preheader: Block,
}

impl Motion<'_> {
    fn run(mut self, cfg: &Cfg) {
        let written = self.written();
        // Blocks in an order in which definitions come before uses.
        let mut blocks = self.inner.blocks.clone();
        blocks.retain(|block| !self.func.blocks[block.index()].cold);
        blocks.sort_by_key(|block| cfg.order[block.index()]);
        for block in blocks {
            // Until something may leave the header, what stands in it runs on every entry.
            let mut certain = block == self.inner.header;
            let insts = std::mem::take(&mut self.func.blocks[block.index()].insts);
            let mut kept = Vec::with_capacity(insts.len());
            for inst in insts {
                let data = &self.func.insts[inst.index()];
                let movable = self.is_movable(data, &written, certain)
                    && data.args.iter().all(|&arg| self.is_outside(arg) || self.is_constant(arg));
                certain &= !matches!(data.op.info().effect, Effect::Exit | Effect::Call);
                if movable && self.fuel.take() {
                    self.hoist(inst);
                } else {
                    kept.push(inst);
                }
            }
            self.func.blocks[block.index()].insts = kept;
        }
    }

    /// For each region, whether the loop may write it.
    fn written(&self) -> Vec<bool> {
        let mut written = vec![false; self.unit.regions.len()];
        let insts = self.inner.blocks.iter().flat_map(|block| &self.func.blocks[block.index()].insts);
        for inst in insts {
            match effects::writes(self.unit, &self.func.insts[inst.index()]) {
                Writes::Nothing => {}
                Writes::Region(Region::ANY) => written.fill(true),
                Writes::Region(region) => {
                    written[0] = true;
                    if let Some(written) = written.get_mut(region.index()) {
                        *written = true;
                    }
                }
                Writes::Everything => {
                    for (n, written) in (0..).zip(&mut written) {
                        *written |= !regions::info(self.unit, Region(n)).immutable;
                    }
                }
            }
        }
        written
    }

    fn is_movable(&self, data: &InstData, written: &[bool], certain: bool) -> bool {
        match data.op.info().effect {
            Effect::Load => data.mem().is_some_and(|(region, _)| {
                !written[region.index()] && (certain || regions::info(self.unit, region).readable)
            }),
            _ if data.op == Op::Iconst => {
                matches!(data.imm, Imm::Int(bits) if i32::try_from(sign_extend(data.ty, bits)).is_err())
            }
            _ => effects::is_pure(self.unit, data),
        }
    }

    fn is_outside(&self, value: Value) -> bool {
        !self.inner.contains(match self.func.values[value.index()].def {
            ValueDef::Param(block, _) => block,
            ValueDef::Result(inst, _) => self.place[inst.index()],
        })
    }

    fn is_constant(&self, value: Value) -> bool {
        self.func.def(value).is_some_and(|data| matches!(data.op, Op::Iconst | Op::Fconst))
    }

    /// Moves an instruction to the end of the block in front, with copies of the constants it uses.
    fn hoist(&mut self, inst: Inst) {
        for n in 0..self.func.insts[inst.index()].args.len() {
            let arg = self.func.insts[inst.index()].args[n];
            if self.is_outside(arg) {
                continue;
            }
            let data = self.func.def(arg).expect("what is inside is a constant").clone();
            let ty = self.func.ty(arg);
            let copy = self.func.make_inst(InstData { results: Default::default(), ..data }, &[ty]);
            self.place.push(self.preheader);
            self.append(copy);
            self.func.insts[inst.index()].args[n] = self.func.insts[copy.index()].results[0];
        }
        self.place[inst.index()] = self.preheader;
        self.append(inst);
    }

    fn append(&mut self, inst: Inst) {
        let insts = &mut self.func.blocks[self.preheader.index()].insts;
        insts.insert(insts.len() - 1, inst);
    }
}
