//! Copy propagation. Both stages.
//!
//! **Idea.** SSA has no copy operation: what copies are block parameters. A parameter to which every branch passes the same value,
//! or itself, is replaced by that value. A block that only jumps on is skipped by the branches to it; a block that alone leads
//! to another swallows it, and its arguments become the values of the other's parameters.
//!
//! **Why it is sound.** A value passed on every edge into a block (but for edges on which the parameter passes itself on) is
//! available at the end of every predecessor that enters the cycle, and so dominates the block: it may stand for the
//! parameter. Skipping and swallowing keep the sequence of effects on every path.
//!
//! **Changes.** One parameter, one branch target, one block swallowed. Blocks that nobody leads to any more are dropped with them.

use std::collections::HashMap;

use lockstep_ir::cfg::Cfg;
use lockstep_ir::{Block, BlockCall, Function, Op, Unit, Value};

use super::Fuel;
use crate::blocks::drop_unreachable;

/// Runs the pass.
pub fn run(_unit: &Unit, func: &mut Function, fuel: &mut Fuel) {
    let before = fuel.used();
    replace_parameters(func, fuel);
    skip_jumps(func, fuel);
    swallow(func, fuel);
    if fuel.used() > before {
        drop_unreachable(func);
    }
}

/// Follows replacements to their end.
fn resolve(map: &HashMap<Value, Value>, mut value: Value) -> Value {
    while let Some(&to) = map.get(&value) {
        value = to;
    }
    value
}

fn replace_parameters(func: &mut Function, fuel: &mut Fuel) {
    let cfg = Cfg::new(func);
    let mut map: HashMap<Value, Value> = HashMap::new();
    // Blocks into which each block branches, and with what; found once, as only arguments change.
    let mut edges: Vec<Vec<(Block, usize)>> = vec![Vec::new(); func.blocks.len()];
    for &block in &cfg.rpo {
        for (n, target) in func.terminator(block).targets.iter().enumerate() {
            edges[target.block.index()].push((block, n));
        }
    }
    let mut changed = true;
    while changed && !fuel.is_empty() {
        changed = false;
        for &block in cfg.rpo.iter().filter(|&&block| block != Function::ENTRY) {
            for n in (0..func.blocks[block.index()].params.len()).rev() {
                let param = func.blocks[block.index()].params[n];
                let mut only = None;
                let mut several = false;
                for &(from, target) in &edges[block.index()] {
                    let arg = resolve(&map, func.terminator(from).targets[target].args[n]);
                    if arg != param && *only.get_or_insert(arg) != arg {
                        several = true;
                    }
                }
                let Some(value) = only else { continue };
                if several || !fuel.take() {
                    continue;
                }
                changed = true;
                map.insert(param, value);
                remove_parameter(func, block, n);
            }
        }
    }
    func.replace_uses(&map);
}

/// Removes a parameter and its argument in every branch, from unreachable blocks too.
fn remove_parameter(func: &mut Function, block: Block, n: usize) {
    func.blocks[block.index()].params.remove(n);
    for (k, param) in func.blocks[block.index()].params.iter().enumerate().skip(n) {
        func.values[param.index()].def = lockstep_ir::ValueDef::Param(block, k as u32);
    }
    for from in 0..func.blocks.len() {
        let Some(&last) = func.blocks[from].insts.last() else { continue };
        for target in func.insts[last.index()].targets.iter_mut().filter(|target| target.block == block) {
            target.args.remove(n);
        }
    }
}

/// Where a block that does nothing but jump on leads, if its parameters are of no use to anybody else.
fn forward(func: &Function, block: Block, uses: &[u32]) -> Option<BlockCall> {
    let data = &func.blocks[block.index()];
    let [only] = data.insts.as_slice() else { return None };
    let jump = &func.insts[only.index()];
    if block == Function::ENTRY || jump.op != Op::Jump || jump.targets[0].block == block {
        return None;
    }
    let own = |param: &Value| jump.targets[0].args.iter().filter(|&arg| arg == param).count() as u32;
    data.params.iter().all(|param| own(param) == uses[param.index()]).then(|| jump.targets[0].clone())
}

fn count_uses(func: &Function) -> Vec<u32> {
    let mut uses = vec![0; func.values.len()];
    for inst in func.blocks.iter().flat_map(|block| &block.insts) {
        func.for_each_use(&func.insts[inst.index()], |value| uses[value.index()] += 1);
    }
    uses
}

fn skip_jumps(func: &mut Function, fuel: &mut Fuel) {
    let uses = count_uses(func);
    let forwards: Vec<Option<BlockCall>> = func.block_ids().map(|block| forward(func, block, &uses)).collect();
    for block in func.block_ids() {
        let Some(&last) = func.blocks[block.index()].insts.last() else { continue };
        for n in 0..func.insts[last.index()].targets.len() {
            // A circle of empty blocks would never end: each is skipped once at most.
            for _ in 0..forwards.len() {
                let target = &func.insts[last.index()].targets[n];
                let Some(next) = &forwards[target.block.index()] else { break };
                // An unlikely block says that the way to it is unlikely.
                let hint = func.blocks[target.block.index()].cold && !func.blocks[block.index()].cold;
                if hint || !fuel.take() {
                    break;
                }
                let params = &func.blocks[target.block.index()].params;
                let pass = |arg: &Value| match params.iter().position(|param| param == arg) {
                    Some(n) => target.args[n],
                    None => *arg,
                };
                let skipped = BlockCall { block: next.block, args: next.args.iter().map(pass).collect() };
                func.insts[last.index()].targets[n] = skipped;
            }
        }
    }
}

fn swallow(func: &mut Function, fuel: &mut Fuel) {
    let cfg = Cfg::new(func);
    let mut map = HashMap::new();
    let mut gone = vec![false; func.blocks.len()];
    for &block in &cfg.rpo {
        if gone[block.index()] {
            continue;
        }
        loop {
            let last = *func.blocks[block.index()].insts.last().expect("a block ends in a terminator");
            if func.insts[last.index()].op != Op::Jump {
                break;
            }
            let next = func.insts[last.index()].targets[0].block;
            let alone = cfg.preds[next.index()].len() == 1 && next != block && next != Function::ENTRY;
            if !alone || !fuel.take() {
                break;
            }
            let args = std::mem::take(&mut func.insts[last.index()].targets[0].args);
            let other = std::mem::take(&mut func.blocks[next.index()]);
            map.extend(other.params.into_iter().zip(args));
            let data = &mut func.blocks[block.index()];
            data.insts.pop();
            data.insts.extend(other.insts);
            gone[next.index()] = true;
        }
    }
    func.replace_uses(&map);
}
