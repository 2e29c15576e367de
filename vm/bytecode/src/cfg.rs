//! Basic blocks of a function: what verifier, liveness, interpreter and compiler agree on about the flow of control.
//!
//! It works on unverified code too: targets out of range are left out (the verifier reports them).

use crate::{Effects, Function, Pc};

/// A basic block; blocks are numbered in the order of the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

impl BlockId {
    /// The index as a `usize`.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Instructions that run one after another: entered only at the first, left only at the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first instruction.
    pub start: Pc,
    /// One past the last instruction.
    pub end: Pc,
    /// The blocks that can follow, without repetition.
    pub successors: Vec<BlockId>,
    /// The blocks that can precede, without repetition.
    pub predecessors: Vec<BlockId>,
}

impl Block {
    /// The instructions of the block.
    pub fn pcs(&self) -> impl DoubleEndedIterator<Item = Pc> + use<> {
        (self.start.0..self.end.0).map(Pc)
    }
}

/// The blocks of a function and how they follow each other.
#[derive(Clone, Debug)]
pub struct Cfg {
    blocks: Vec<Block>,
    block_of: Vec<BlockId>,
    order: Vec<BlockId>,
    loop_headers: Vec<Pc>,
}

impl Cfg {
    /// Divides `function` into blocks.
    pub fn new(function: &Function) -> Self {
        let len = function.code.len();
        let mut leader = vec![false; len];
        leader.iter_mut().take(1).for_each(|first| *first = true);
        for pc in (0..len as u32).map(Pc) {
            let effects = function.instr(pc).info().effects;
            if effects.contains(Effects::BRANCHES) || effects.contains(Effects::TERMINATES) {
                function
                    .for_each_successor(pc, |to| leader.iter_mut().skip(to.index()).take(1).for_each(|l| *l = true));
                leader.iter_mut().skip(pc.index() + 1).take(1).for_each(|l| *l = true);
            }
        }

        let starts: Vec<u32> = (0..len as u32).filter(|pc| leader[*pc as usize]).collect();
        let mut block_of = vec![BlockId(0); len];
        let mut blocks: Vec<Block> = Vec::with_capacity(starts.len());
        for (i, start) in starts.iter().copied().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(len as u32);
            block_of[start as usize..end as usize].fill(BlockId(i as u32));
            blocks.push(Block { start: Pc(start), end: Pc(end), successors: Vec::new(), predecessors: Vec::new() });
        }
        for i in 0..blocks.len() {
            let mut successors: Vec<BlockId> = Vec::new();
            function.for_each_successor(Pc(blocks[i].end.0 - 1), |to| successors.extend(block_of.get(to.index())));
            successors.sort_unstable();
            successors.dedup();
            for to in &successors {
                blocks[to.index()].predecessors.push(BlockId(i as u32));
            }
            blocks[i].successors = successors;
        }
        let order = reverse_postorder(&blocks);
        Self { blocks, block_of, order, loop_headers: function.loop_headers() }
    }

    /// All blocks in the order of the code.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// One block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// The block an instruction stands in.
    pub fn block_of(&self, pc: Pc) -> BlockId {
        self.block_of[pc.index()]
    }

    /// The instructions after which `pc` can come next.
    pub fn for_each_predecessor(&self, pc: Pc, mut f: impl FnMut(Pc)) {
        let block = self.block(self.block_of(pc));
        match pc == block.start {
            true => block.predecessors.iter().for_each(|id| f(Pc(self.block(*id).end.0 - 1))),
            false => f(Pc(pc.0 - 1)),
        }
    }

    /// The reachable blocks, each before its successors except along back edges.
    pub fn reverse_postorder(&self) -> &[BlockId] {
        &self.order
    }

    /// Targets of back edges (see [`Function::loop_headers`]): each starts a block.
    pub fn loop_headers(&self) -> &[Pc] {
        &self.loop_headers
    }
}

fn reverse_postorder(blocks: &[Block]) -> Vec<BlockId> {
    let mut order = Vec::with_capacity(blocks.len());
    let mut seen = vec![false; blocks.len()];
    // Each entry is a block and how many of its successors were visited: no recursion, code may be long.
    let mut stack = Vec::new();
    if !blocks.is_empty() {
        seen[0] = true;
        stack.push((BlockId(0), 0));
    }
    while let Some((block, next)) = stack.last_mut() {
        match blocks[block.index()].successors.get(*next) {
            Some(to) => {
                *next += 1;
                if !std::mem::replace(&mut seen[to.index()], true) {
                    stack.push((*to, 0));
                }
            }
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Instr, Reg};

    #[test]
    fn a_loop_has_three_blocks_and_one_header() {
        let code = vec![
            Instr::ConstI64 { dst: Reg(0), value: 0 },
            Instr::AddImmI64 { dst: Reg(0), a: Reg(0), imm: 1 },
            Instr::JumpLtImmI64 { a: Reg(0), imm: 9, target: Pc(1) },
            Instr::RetVoid {},
        ];
        let cfg = Cfg::new(&Function { code, ..Function::default() });
        let spans: Vec<_> = cfg.blocks().iter().map(|b| (b.start.0, b.end.0)).collect();
        assert_eq!(spans, [(0, 1), (1, 3), (3, 4)]);
        assert_eq!(cfg.block(BlockId(1)).successors, [BlockId(1), BlockId(2)]);
        assert_eq!(cfg.block(BlockId(1)).predecessors, [BlockId(0), BlockId(1)]);
        assert_eq!(cfg.loop_headers(), [Pc(1)]);
        assert_eq!(cfg.reverse_postorder(), [BlockId(0), BlockId(1), BlockId(2)]);
    }

    #[test]
    fn unreachable_and_empty_code() {
        let code = vec![Instr::RetVoid {}, Instr::Jump { target: Pc(0) }];
        let cfg = Cfg::new(&Function { code, ..Function::default() });
        assert_eq!(cfg.blocks().len(), 2);
        assert_eq!(cfg.reverse_postorder(), [BlockId(0)]);
        assert!(Cfg::new(&Function::default()).blocks().is_empty());
    }
}
