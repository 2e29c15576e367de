//! A bytecode function as the compiler sees it: basic blocks, loops, liveness. It knows no IR.

use lockstep_bytecode::{Block, BlockId, Cfg, FuncId, Function, Instr, Liveness, Module, Pc, Reg, RegSet, Sem};

/// A function with what has been found out about it.
pub struct Code<'m> {
    /// The module it belongs to.
    pub module: &'m Module,
    /// Its index.
    pub id: FuncId,
    /// The function.
    pub function: &'m Function,
    cfg: Cfg,
    liveness: Liveness,
    /// For each block, the headers of the loops around it, innermost first.
    loops: Vec<Vec<BlockId>>,
}

impl<'m> Code<'m> {
    /// Analyses a function.
    pub fn new(module: &'m Module, id: FuncId) -> Self {
        let function = module.function(id);
        let cfg = Cfg::new(function);
        let liveness = Liveness::new(module, function, &cfg);
        let mut code = Self { module, id, function, cfg, liveness, loops: Vec::new() };
        code.loops = code.find_loops();
        code
    }

    /// A basic block.
    pub fn block(&self, id: BlockId) -> &Block {
        self.cfg.block(id)
    }

    /// The block that an instruction stands in.
    pub fn block_of(&self, pc: Pc) -> BlockId {
        self.cfg.block_of(pc)
    }

    /// The headers of the loops around a block, innermost first.
    pub fn loops_around(&self, block: BlockId) -> &[BlockId] {
        &self.loops[block.index()]
    }

    /// The targets of back edges.
    pub fn loop_headers(&self) -> &[Pc] {
        self.cfg.loop_headers()
    }

    /// The registers whose values may be read from `pc` on.
    pub fn live_in(&self, pc: Pc) -> RegSet {
        self.liveness.before(pc)
    }

    /// The array registers that are live across the call or allocation at `pc`: what a collection inside must find.
    pub fn references_across(&self, pc: Pc) -> RegSet {
        let dst = self.function.instr(pc).def();
        let is_reference = |reg: &Reg| self.function.kind(*reg).element().is_some() && Some(*reg) != dst;
        self.liveness.after(pc).iter().filter(is_reference).collect()
    }

    /// Whether the instruction is a tail call of the function itself, which is compiled as a branch to its start.
    pub fn is_self_tail_call(&self, instr: Instr) -> bool {
        instr.info().sem == Sem::TailCall && instr.callee() == Some(self.id)
    }

    /// Calls `visit` with each register that the instruction reads.
    pub fn for_each_use(&self, instr: Instr, visit: impl FnMut(Reg)) {
        instr.for_each_use(self.function, |callee| usize::from(self.module.function(callee).param_count), visit);
    }

    /// The blocks that may follow a block, without repetition.
    fn successors(&self, block: &Block) -> Vec<usize> {
        let mut successors: Vec<usize> = block.successors.iter().map(|to| to.index()).collect();
        if self.is_self_tail_call(self.function.instr(Pc(block.end.0 - 1))) {
            successors.push(0);
        }
        successors
    }

    /// Natural loops around each block. On irreducible graphs some cycles are missed, which costs nothing but speed.
    fn find_loops(&self) -> Vec<Vec<BlockId>> {
        let successors: Vec<Vec<usize>> = self.cfg.blocks().iter().map(|block| self.successors(block)).collect();
        let count = successors.len();
        let mut order = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        let mut stack = vec![(0, 0)];
        seen[0] = true;
        while let Some((block, next)) = stack.last_mut() {
            if let Some(&to) = successors[*block].get(*next) {
                *next += 1;
                if !std::mem::replace(&mut seen[to], true) {
                    stack.push((to, 0));
                }
            } else {
                order.push(*block);
                stack.pop();
            }
        }
        order.reverse();
        let mut preds = vec![Vec::new(); count];
        for &block in &order {
            successors[block].iter().for_each(|&to| preds[to].push(block));
        }
        let dominators = dominators(count, &order, &preds);
        let dominates = |a: usize, mut b: usize| loop {
            if a == b {
                return true;
            }
            match dominators[b] {
                Some(up) if up != b => b = up,
                _ => return false,
            }
        };
        let mut around = vec![Vec::new(); count];
        // Headers in reverse postorder come outermost first; so inserting at the front leaves the innermost there.
        for &header in &order {
            let mut work: Vec<usize> = preds[header].iter().copied().filter(|&pred| dominates(header, pred)).collect();
            if work.is_empty() {
                continue;
            }
            let mut member = vec![false; count];
            member[header] = true;
            while let Some(block) = work.pop() {
                if !std::mem::replace(&mut member[block], true) {
                    work.extend(&preds[block]);
                }
            }
            (0..count).filter(|&block| member[block]).for_each(|block| around[block].insert(0, BlockId(header as u32)));
        }
        around
    }
}

/// Immediate dominators, by the iterative algorithm of Cooper, Harvey and Kennedy.
fn dominators(count: usize, order: &[usize], preds: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut place = vec![usize::MAX; count];
    order.iter().enumerate().for_each(|(n, &block)| place[block] = n);
    let mut idom: Vec<Option<usize>> = vec![None; count];
    idom[order[0]] = Some(order[0]);
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &order[1..] {
            let mut known = preds[block].iter().copied().filter(|&pred| idom[pred].is_some());
            let first = known.next();
            let new = known.fold(first, |a, b| {
                let (mut a, mut b) = (a?, b);
                while a != b {
                    while place[a] > place[b] {
                        a = idom[a]?;
                    }
                    while place[b] > place[a] {
                        b = idom[b]?;
                    }
                }
                Some(a)
            });
            if idom[block] != new {
                idom[block] = new;
                changed = true;
            }
        }
    }
    idom
}
