//! What instruction selection knows before it starts: block order, split edges, uses, aliases and memory epochs, gathered in one forward pass.
//!
//! - *Order*: blocks in the unit's order if every block has a predecessor before it (then definitions precede uses, as the fast allocator
//!   needs), otherwise in reverse postorder. Unreachable blocks are left out.
//! - *Aliases*: a value that needs no code of its own stands for another: truncations, zero extensions of what a 32-bit instruction wrote, and
//!   parameters of blocks with a single predecessor. Uses are counted, and operands looked up, at the root.
//! - *Epochs*: a number that grows with every block, store and call. A load may be moved to any later place of the same epoch.

use lockstep_ir::{Block, Effect, Function, InstData, Op, Type, Value};

use crate::mach::{Code, MachBlock, Origin, Span};

/// See the module's documentation. Reused from function to function.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) order: Vec<u32>,
    /// Edges into each IR block.
    preds: Vec<u32>,
    /// Uses of each root value, saturating.
    pub(crate) uses: Vec<u8>,
    pub(crate) alias: Vec<Value>,
    /// By instruction.
    pub(crate) epoch: Vec<u32>,
    /// First epoch of each IR block.
    pub(crate) block_epoch: Vec<u32>,
    /// Machine block of each IR block.
    pub(crate) mach_block: Vec<u32>,
    /// For each target of each terminator in block order, the machine block it goes to.
    pub(crate) targets: Vec<u32>,
    /// Where the targets of each IR block start in `targets`.
    pub(crate) first_target: Vec<u32>,
    /// Scratch: where a switch already goes to a block without arguments.
    seen: Vec<u32>,
}

/// Targets of a branch without arguments share an edge with one of the first so many.
const TWINS: usize = 8;

fn refill<T: Clone>(vec: &mut Vec<T>, len: usize, value: T) {
    vec.clear();
    vec.resize(len, value);
}

impl Plan {
    /// Makes the plan of a function and the machine blocks, without instructions.
    pub(crate) fn make(&mut self, func: &Function, code: &mut Code) {
        self.find_order(func);
        refill(&mut self.uses, func.values.len(), 0);
        refill(&mut self.epoch, func.insts.len(), 0);
        refill(&mut self.block_epoch, func.blocks.len(), 0);
        refill(&mut self.mach_block, func.blocks.len(), u32::MAX);
        refill(&mut self.first_target, func.blocks.len(), 0);
        self.targets.clear();
        self.alias.clear();
        self.alias.extend((0..func.values.len() as u32).map(Value));
        let mut epoch = 0;
        for n in 0..self.order.len() {
            let block = Block(self.order[n]);
            epoch += 1;
            self.block_epoch[block.index()] = epoch;
            for &inst in &func.blocks[block.index()].insts {
                let data = &func.insts[inst.index()];
                self.epoch[inst.index()] = epoch;
                if matches!(data.op.info().effect, Effect::Store | Effect::Call) {
                    epoch += 1;
                }
                self.scan(func, data);
            }
        }
        self.make_blocks(func, code);
    }

    /// Whether the block's parameters are aliases of the one edge's arguments.
    pub(crate) fn has_single_edge(&self, block: Block) -> bool {
        self.preds[block.index()] == 1
    }

    fn find_order(&mut self, func: &Function) {
        let count = func.blocks.len();
        refill(&mut self.preds, count, 0);
        refill(&mut self.seen, count, 0);
        self.order.clear();
        self.seen[0] = 1;
        for block in 0..count {
            if self.seen[block] == 0 {
                continue;
            }
            self.order.push(block as u32);
            for target in func.successors(Block(block as u32)) {
                if target.index() <= block && self.seen[target.index()] == 0 {
                    return self.find_postorder(func);
                }
                self.seen[target.index()] = 1;
                self.preds[target.index()] += 1;
            }
        }
    }

    fn find_postorder(&mut self, func: &Function) {
        refill(&mut self.preds, func.blocks.len(), 0);
        let cfg = lockstep_ir::cfg::Cfg::new(func);
        self.order.clear();
        self.order.extend(cfg.rpo.iter().map(|b| b.0));
        for (count, preds) in self.preds.iter_mut().zip(&cfg.preds) {
            *count = preds.len() as u32;
        }
    }

    fn scan(&mut self, func: &Function, data: &InstData) {
        match data.op {
            Op::Trunc => self.alias[data.results[0].index()] = self.alias[data.args[0].index()],
            Op::Zext if data.ty == Type::I64 && self.clears_upper_half(func, data.args[0]) => {
                self.alias[data.results[0].index()] = self.alias[data.args[0].index()];
            }
            _ => {
                for arg in &data.args {
                    self.count(*arg);
                }
                for target in &data.targets {
                    if self.has_single_edge(target.block) {
                        for (param, arg) in func.blocks[target.block.index()].params.iter().zip(&target.args) {
                            self.alias[param.index()] = self.alias[arg.index()];
                        }
                    } else {
                        target.args.iter().for_each(|&arg| self.count(arg));
                    }
                }
            }
        }
    }

    fn count(&mut self, value: Value) {
        let uses = &mut self.uses[self.alias[value.index()].index()];
        *uses = uses.saturating_add(1);
    }

    /// Whether the value is a 32-bit one made by an instruction that zeroes the upper half of its register.
    fn clears_upper_half(&self, func: &Function, value: Value) -> bool {
        use Op::*;
        let root = self.alias[value.index()];
        func.ty(value) == Type::I32
            && func.ty(root) == Type::I32
            && func.def(root).is_some_and(|data| {
                data.ty == Type::I32
                    && matches!(
                        data.op,
                        Iconst
                            | Iadd
                            | Isub
                            | Imul
                            | Ineg
                            | Sdiv
                            | Udiv
                            | Srem
                            | Urem
                            | Band
                            | Bor
                            | Bxor
                            | Bnot
                            | Shl
                            | Lshr
                            | Ashr
                            | Rotl
                            | Rotr
                            | Popcnt
                            | Bswap
                            | Load
                    )
            })
    }

    fn make_blocks(&mut self, func: &Function, code: &mut Code) {
        let empty = Span::default();
        let blank = |origin, cold| MachBlock {
            insts: empty,
            succs: empty,
            preds: empty,
            params: empty,
            args: empty,
            cold,
            origin,
        };
        // Number the machine blocks: each IR block, then the split edges out of it.
        for n in 0..self.order.len() {
            let block = self.order[n];
            let data = &func.blocks[block as usize];
            self.mach_block[block as usize] = code.blocks.len() as u32;
            code.blocks.push(blank(Origin::Block(block), data.cold));
            self.first_target[block as usize] = self.targets.len() as u32;
            let targets = &func.terminator(Block(block)).targets;
            let one_way =
                targets.windows(2).all(|w| w[0].block == w[1].block) && targets.iter().all(|t| t.args.is_empty());
            let one_way = one_way || targets.len() < 2;
            for (n, target) in targets.iter().enumerate() {
                let merges = self.preds[target.block.index()] > 1;
                let to = if one_way || !merges {
                    // Filled in below, when every block has its number.
                    u32::MAX
                } else {
                    let twin = if target.args.is_empty() {
                        targets[..n.min(TWINS)].iter().position(|t| t.block == target.block && t.args.is_empty())
                    } else {
                        None
                    };
                    match twin {
                        Some(twin) => self.targets[self.targets.len() - n + twin],
                        None => {
                            let cold = data.cold || func.blocks[target.block.index()].cold;
                            code.blocks.push(blank(Origin::Edge(block, n as u32), cold));
                            code.blocks.len() as u32 - 1
                        }
                    }
                };
                self.targets.push(to);
            }
        }
        // Resolve targets, and list successors and the jumps' arguments' owners.
        for &block in &self.order {
            let first = self.first_target[block as usize] as usize;
            for (n, target) in func.terminator(Block(block)).targets.iter().enumerate() {
                let to = &mut self.targets[first + n];
                if *to == u32::MAX {
                    *to = self.mach_block[target.block.index()];
                }
            }
        }
        for n in 0..code.blocks.len() {
            let start = code.succs.len() as u32;
            match code.blocks[n].origin {
                Origin::Block(block) => {
                    let first = self.first_target[block as usize] as usize;
                    let count = func.terminator(Block(block)).targets.len();
                    let targets = &self.targets[first..first + count];
                    for (n, to) in targets.iter().enumerate() {
                        if !targets[..n.min(TWINS)].contains(to) {
                            code.succs.push(regalloc2::Block::new(*to as usize));
                        }
                    }
                }
                Origin::Edge(block, target) => {
                    let target = &func.terminator(Block(block)).targets[target as usize];
                    code.succs.push(regalloc2::Block::new(self.mach_block[target.block.index()] as usize));
                }
            }
            code.blocks[n].succs = Span { start, end: code.succs.len() as u32 };
        }
        self.list_predecessors(code);
    }

    fn list_predecessors(&mut self, code: &mut Code) {
        // Counting sort of the edges by target.
        let counts = &mut self.seen;
        refill(counts, code.blocks.len() + 1, 0);
        for succ in &code.succs {
            counts[succ.index() + 1] += 1;
        }
        for n in 1..counts.len() {
            counts[n] += counts[n - 1];
        }
        for (n, block) in code.blocks.iter_mut().enumerate() {
            block.preds = Span { start: counts[n], end: counts[n + 1] };
        }
        refill(&mut code.preds, code.succs.len(), regalloc2::Block::new(0));
        for n in 0..code.blocks.len() {
            for succ in code.blocks[n].succs.range() {
                let slot = &mut counts[code.succs[succ].index()];
                code.preds[*slot as usize] = regalloc2::Block::new(n);
                *slot += 1;
            }
        }
    }
}
