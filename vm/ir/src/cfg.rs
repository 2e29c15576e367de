//! Control flow: predecessors, reverse postorder, dominators, natural loops.

use crate::types::Block;
use crate::unit::Function;

/// Predecessors, orders and dominators of a function's blocks.
///
/// Immediate dominators by the iterative algorithm of Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"
/// (2001): linear in practice on reducible graphs.
pub struct Cfg {
    /// Predecessors of each block, once per edge.
    pub preds: Vec<Vec<Block>>,
    /// Reachable blocks in reverse postorder; the entry is first.
    pub rpo: Vec<Block>,
    /// Position in `rpo`, or `u32::MAX` for unreachable blocks.
    pub order: Vec<u32>,
    /// Immediate dominators; the entry's is itself, unreachable blocks have none.
    pub idom: Vec<Option<Block>>,
}

impl Cfg {
    /// Computes all of it. The function needs terminators, nothing else.
    pub fn new(func: &Function) -> Self {
        let count = func.blocks.len();
        let mut preds = vec![Vec::new(); count];
        let mut postorder = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        let mut stack: Vec<(Block, Vec<Block>)> = Vec::new();
        let enter = |block: Block, seen: &mut Vec<bool>, preds: &mut Vec<Vec<Block>>| {
            seen[block.index()] = true;
            let successors: Vec<Block> = func.successors(block).collect();
            successors.iter().for_each(|s| preds[s.index()].push(block));
            (block, successors)
        };
        if count > 0 {
            stack.push(enter(Function::ENTRY, &mut seen, &mut preds));
        }
        while let Some((block, successors)) = stack.last_mut() {
            match successors.pop() {
                Some(next) if !seen[next.index()] => {
                    let entry = enter(next, &mut seen, &mut preds);
                    stack.push(entry);
                }
                Some(_) => {}
                None => {
                    postorder.push(*block);
                    stack.pop();
                }
            }
        }
        let rpo: Vec<Block> = postorder.into_iter().rev().collect();
        let mut order = vec![u32::MAX; count];
        for (n, block) in rpo.iter().enumerate() {
            order[block.index()] = n as u32;
        }
        let idom = dominators(&preds, &rpo, &order);
        Self { preds, rpo, order, idom }
    }

    /// Whether the block can be reached from the entry.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.order[block.index()] != u32::MAX
    }

    /// Whether every path from the entry to `b` goes through `a`. Unreachable blocks dominate nothing but themselves.
    pub fn dominates(&self, a: Block, mut b: Block) -> bool {
        while a != b {
            match self.idom[b.index()] {
                Some(up) if up != b => b = up,
                _ => return false,
            }
        }
        true
    }

    /// Natural loops, outermost first where nested: header and member blocks (header included). Loops that share a header
    /// are one.
    pub fn loops(&self) -> Vec<Loop> {
        let mut loops: Vec<Loop> = Vec::new();
        for &header in &self.rpo {
            let mut work: Vec<Block> = Vec::new();
            for &pred in &self.preds[header.index()] {
                if self.dominates(header, pred) && !work.contains(&pred) {
                    work.push(pred);
                }
            }
            if work.is_empty() {
                continue;
            }
            let mut member = vec![false; self.order.len()];
            member[header.index()] = true;
            let mut blocks = vec![header];
            while let Some(block) = work.pop() {
                if !std::mem::replace(&mut member[block.index()], true) {
                    blocks.push(block);
                    work.extend(&self.preds[block.index()]);
                }
            }
            loops.push(Loop { header, blocks, member });
        }
        loops
    }
}

/// A natural loop.
pub struct Loop {
    /// Its header, which dominates all its blocks.
    pub header: Block,
    /// Its blocks, header first.
    pub blocks: Vec<Block>,
    member: Vec<bool>,
}

impl Loop {
    /// Whether the block belongs to the loop.
    pub fn contains(&self, block: Block) -> bool {
        self.member.get(block.index()).copied().unwrap_or(false)
    }
}

fn dominators(preds: &[Vec<Block>], rpo: &[Block], order: &[u32]) -> Vec<Option<Block>> {
    let mut idom: Vec<Option<Block>> = vec![None; preds.len()];
    let Some(&entry) = rpo.first() else { return idom };
    idom[entry.index()] = Some(entry);
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &rpo[1..] {
            let mut new: Option<Block> = None;
            for &pred in preds[block.index()].iter().filter(|p| idom[p.index()].is_some()) {
                new = Some(match new {
                    None => pred,
                    Some(other) => {
                        let (mut a, mut b) = (pred, other);
                        while a != b {
                            while order[a.index()] > order[b.index()] {
                                a = idom[a.index()].expect("processed");
                            }
                            while order[b.index()] > order[a.index()] {
                                b = idom[b.index()].expect("processed");
                            }
                        }
                        a
                    }
                });
            }
            if idom[block.index()] != new {
                idom[block.index()] = new;
                changed = true;
            }
        }
    }
    idom
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::types::Type;
    use crate::unit::Signature;

    /// entry -> header; header -> body, exit; body -> left, right; both -> latch -> header.
    fn diamond_in_loop() -> Function {
        let mut func = Function::new("f", Signature::new(&[Type::I8], &[]));
        let mut b = Builder::new(&mut func);
        let c = b.param(Block(0), 0);
        let [header, body, left, right, latch, exit] = [(); 6].map(|()| b.block(&[]));
        b.jump(header, &[]);
        b.switch_to(header);
        b.brif(c, (body, &[]), (exit, &[]));
        b.switch_to(body);
        b.brif(c, (left, &[]), (right, &[]));
        for side in [left, right] {
            b.switch_to(side);
            b.jump(latch, &[]);
        }
        b.switch_to(latch);
        b.jump(header, &[]);
        b.switch_to(exit);
        b.ret(&[]);
        func
    }

    #[test]
    fn dominators_and_loops() {
        let cfg = Cfg::new(&diamond_in_loop());
        let [header, body, left, latch, exit] = [1, 2, 3, 5, 6].map(Block);
        assert_eq!(cfg.idom[latch.index()], Some(body));
        assert_eq!(cfg.idom[exit.index()], Some(header));
        assert!(cfg.dominates(header, latch) && !cfg.dominates(left, latch));
        let loops = cfg.loops();
        assert_eq!(loops.len(), 1);
        assert_eq!(loops[0].header, header);
        assert_eq!(loops[0].blocks.len(), 5);
        assert!(loops[0].contains(latch) && !loops[0].contains(exit));
    }

    #[test]
    fn unreachable_blocks_have_no_order() {
        let mut func = diamond_in_loop();
        let lost = func.make_block();
        Builder::new(&mut func).switch_to(lost);
        let cfg = Cfg::new(&func);
        assert!(!cfg.is_reachable(lost));
    }
}
