//! The control flow graph of one function of a unit, before there is any IR: which bytecode blocks it holds, the edges that
//! do something of their own, and which registers need a block parameter where.
//!
//! **Nodes.** A node is the entry, a copy of a bytecode block, or an edge that does work: a back edge (countdown, poll), the
//! stepping edge of a counted loop, a self tail call. Edges are nodes so that a register may have different values on
//! two edges out of one block.
//!
//! **Copies.** An entry at a loop header inside other loops would make one tangled loop of the whole nest, in which nothing can be
//! told to be invariant. So the rest of each loop's current turn is a copy of its own (as if peeled), and runs into a copy that
//! enters that loop at its header:
//! `header's loop, rest of the next outer loop's turn, that loop, …, the rest of the function`. A node stands for the same bytecode
//! whatever its copy, so how loops were found cannot affect correctness.
//!
//! **Parameters.** A register needs a parameter where two definitions of it meet and it is live. Which definitions reach is found by
//! an optimistic iteration over (node, register): undecided until a predecessor says something; a single definition while all
//! that have spoken agree; a parameter for good once two disagree. The result is the minimal form that iterated dominance
//! frontiers give, also on irreducible graphs.

use std::collections::HashMap;

use lockstep_bytecode::{BlockId, Cc, Function, Pc, Reg, RegSet, Sem};

use crate::code::Code;

/// Where a function of the unit starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first instruction, with arguments as parameters.
    Call,
    /// At a loop header, with all values in frame slots.
    Loop(Pc),
}

/// Which way out of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// To the next instruction.
    Next,
    /// To the target of a branch.
    Taken(Pc),
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Where the function begins.
    Entry,
    /// A basic block of the bytecode.
    Block(BlockId),
    /// An edge out of the instruction at `branch`.
    Edge {
        /// The branching instruction.
        branch: Pc,
        /// Where it leads.
        target: Pc,
        /// Whether it is taken: an event, if it leads back.
        taken: bool,
    },
}

/// A node of the graph.
#[derive(Debug)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    copy: u32,
    /// The ways out, each once.
    pub ways: Vec<(Way, usize)>,
    /// Registers that need a parameter here.
    pub params: Vec<Reg>,
}

/// The graph.
pub struct Graph {
    /// The nodes; the first is the entry.
    pub nodes: Vec<Node>,
    /// The nodes in reverse postorder.
    pub order: Vec<usize>,
}

/// Whether going this way is an event: a back edge, which a self tail call is too, as it leads to the first instruction.
pub fn is_event(branch: Pc, way: Way) -> bool {
    matches!(way, Way::Taken(target) if Function::is_back_edge(branch, target))
}

impl Graph {
    /// The graph of a function that starts at `start`. With `split_counts`, every way out of a block that has an event among
    /// them becomes a node: instructions are then counted behind the event.
    pub fn new(code: &Code<'_>, start: Start, split_counts: bool) -> Self {
        let mut graph = Self { nodes: Vec::new(), order: Vec::new() };
        graph.discover(code, start, split_counts);
        graph.find_order();
        graph.find_params(code, start);
        graph
    }

    fn add(&mut self, kind: NodeKind, copy: u32) -> usize {
        self.nodes.push(Node { kind, copy, ways: Vec::new(), params: Vec::new() });
        self.nodes.len() - 1
    }

    fn discover(&mut self, code: &Code<'_>, start: Start, split_counts: bool) {
        let first = code.block_of(match start {
            Start::Call => Pc(0),
            Start::Loop(header) => header,
        });
        let nest: &[BlockId] = match start {
            Start::Call => &[],
            Start::Loop(_) => code.loops_around(first),
        };
        let mut known = HashMap::new();
        let mut work = Vec::new();
        let entry = self.add(NodeKind::Entry, 0);
        let node = self.add(NodeKind::Block(first), 0);
        known.insert((first, 0), node);
        work.push(node);
        self.nodes[entry].ways.push((Way::Next, node));
        while let Some(node) = work.pop() {
            let NodeKind::Block(block) = self.nodes[node].kind else { unreachable!("only blocks are worked on") };
            let copy = self.nodes[node].copy;
            let branch = Pc(code.block(block).end.0 - 1);
            let ways = ways(code, branch);
            let events = ways.iter().any(|&(way, _)| is_event(branch, way));
            for (way, target) in ways {
                let to = code.block_of(target);
                let to_copy = next_copy(code, nest, copy, to);
                let next = *known.entry((to, to_copy)).or_insert_with(|| {
                    let next = self.add(NodeKind::Block(to), to_copy);
                    work.push(next);
                    next
                });
                let steps = matches!(code.function.instr(branch).info().sem, Sem::Loop(Cc::Le | Cc::Ge));
                let taken = matches!(way, Way::Taken(_));
                let next = if is_event(branch, way) || taken && steps || split_counts && events {
                    let edge = self.add(NodeKind::Edge { branch, target, taken }, copy);
                    self.nodes[edge].ways.push((Way::Next, next));
                    edge
                } else {
                    next
                };
                self.nodes[node].ways.push((way, next));
            }
        }
    }

    fn find_order(&mut self) {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = vec![(0, 0)];
        seen[0] = true;
        while let Some((node, next)) = stack.last_mut() {
            if let Some(&(_, to)) = self.nodes[*node].ways.get(*next) {
                *next += 1;
                if !std::mem::replace(&mut seen[to], true) {
                    stack.push((to, 0));
                }
            } else {
                self.order.push(*node);
                stack.pop();
            }
        }
        self.order.reverse();
    }

    /// The registers that a node gives new values.
    fn defs(&self, code: &Code<'_>, start: Start, node: usize) -> RegSet {
        let params = || (0..code.function.param_count).map(Reg);
        let steps_on_edge = |pc| matches!(code.function.instr(pc).info().sem, Sem::Loop(Cc::Le | Cc::Ge));
        match self.nodes[node].kind {
            NodeKind::Entry => match start {
                Start::Call => params().collect(),
                Start::Loop(header) => code.live_in(header),
            },
            NodeKind::Block(block) => {
                let pcs = code.block(block).pcs().filter(|&pc| !steps_on_edge(pc));
                pcs.filter_map(|pc| code.function.instr(pc).def()).collect()
            }
            NodeKind::Edge { branch, taken, .. } => {
                let instr = code.function.instr(branch);
                if code.is_self_tail_call(instr) {
                    params().collect()
                } else {
                    instr.def().filter(|_| taken && steps_on_edge(branch)).into_iter().collect()
                }
            }
        }
    }

    fn find_params(&mut self, code: &Code<'_>, start: Start) {
        const UNDECIDED: u32 = u32::MAX;
        let registers = code.function.registers.len();
        let defs: Vec<RegSet> = (0..self.nodes.len()).map(|node| self.defs(code, start, node)).collect();
        let mut preds = vec![Vec::new(); self.nodes.len()];
        for (n, node) in self.nodes.iter().enumerate() {
            node.ways.iter().for_each(|&(_, to)| preds[to].push(n));
        }
        // The definition of node n is 2n + 1, its parameter 2n.
        let mut reaching = vec![vec![UNDECIDED; registers]; self.nodes.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for &node in &self.order {
                let own = 2 * node as u32;
                for reg in (0..registers).map(|reg| Reg(reg as u8)) {
                    let mut found = UNDECIDED;
                    for &pred in &preds[node] {
                        let from =
                            if defs[pred].contains(reg) { 2 * pred as u32 + 1 } else { reaching[pred][reg.index()] };
                        if found == UNDECIDED {
                            found = from;
                        } else if from != UNDECIDED && from != found {
                            found = own;
                        }
                    }
                    let slot = &mut reaching[node][reg.index()];
                    if *slot != found && *slot != own {
                        *slot = found;
                        changed = true;
                    }
                }
            }
        }
        for (n, (node, reaching)) in self.nodes.iter_mut().zip(&reaching).enumerate() {
            if let NodeKind::Block(block) = node.kind {
                let live = code.live_in(code.block(block).start);
                node.params = live.iter().filter(|reg| reaching[reg.index()] == 2 * n as u32).collect();
            }
        }
    }

    /// The nodes in the order in which code is to lie: as the bytecode does, copies one after the other.
    pub fn layout(&self, code: &Code<'_>) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..self.nodes.len()).collect();
        nodes.sort_by_key(|&node| match self.nodes[node].kind {
            NodeKind::Entry => (0, 0, 0),
            NodeKind::Block(block) => (1 + self.nodes[node].copy, code.block(block).start.0, 0),
            NodeKind::Edge { branch, .. } => (1 + self.nodes[node].copy, branch.0, 1),
        });
        nodes
    }
}

/// The ways out of an instruction that ends a block, each once, and where they lead.
fn ways(code: &Code<'_>, pc: Pc) -> Vec<(Way, Pc)> {
    let instr = code.function.instr(pc);
    let mut ways = Vec::new();
    if code.is_self_tail_call(instr) {
        ways.push((Way::Taken(Pc(0)), Pc(0)));
    }
    if let Some(target) = instr.target() {
        ways.push((Way::Taken(target), target));
    }
    if instr.info().falls_through() {
        ways.push((Way::Next, Pc(pc.0 + 1)));
    }
    if instr.info().sem == Sem::Switch {
        let mut targets = Vec::new();
        code.function.for_each_successor(pc, |to| targets.push(to));
        targets.sort_unstable();
        targets.dedup();
        ways.extend(targets.into_iter().map(|to| (Way::Taken(to), to)));
    }
    ways
}

/// In which copy an edge from `copy` to the block `to` ends. `nest` are the headers of the loops around the entry, innermost first.
/// Copy 0 is the innermost loop, 2i - 1 the rest of a turn of loop i, 2i that loop entered at its header.
fn next_copy(code: &Code<'_>, nest: &[BlockId], copy: u32, to: BlockId) -> u32 {
    let inside = copy.div_ceil(2) as usize;
    let Some(level) = (inside..nest.len()).find(|&level| code.loops_around(to).contains(&nest[level])) else {
        return (2 * nest.len() as u32).saturating_sub(1);
    };
    match (level == inside, to == nest[level]) {
        (_, true) => 2 * level as u32,
        (true, false) => copy,
        (false, false) => 2 * level as u32 - 1,
    }
}
