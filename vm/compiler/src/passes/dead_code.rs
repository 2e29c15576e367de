//! Dead code elimination. Both stages.
//!
//! **Idea.** Blocks that cannot be reached are dropped. Then everything that matters is marked, starting at what has an effect (stores,
//! calls, exits, terminators) and going from uses to definitions, from a block parameter to the arguments of every branch to its
//! block, and from an operation that exits to the values of its frame state. What is not marked is dropped.
//!
//! **Why it is sound.** What is dropped is pure or a load, and nothing that has an effect depends on it; every operation is
//! total, so that not executing it cannot be noticed either.
//!
//! **Changes.** An operation that only dropped operations use is one change. Parameters may feed each other in circles through
//! branches and operations: all of them together, and what only they use, are one change, and so are all unreachable blocks.

use lockstep_ir::cfg::Cfg;
use lockstep_ir::op::Effect;
use lockstep_ir::{FrameStateId, Function, Inst, InstData, Unit, Value, ValueDef};

use super::{Fuel, effects};
use crate::blocks::drop_unreachable;

/// Runs the pass.
pub fn run(unit: &Unit, func: &mut Function, fuel: &mut Fuel) {
    if !fuel.is_empty() && drop_unreachable(func) {
        fuel.take();
    }
    let cfg = Cfg::new(func);
    drop_operations(unit, func, &cfg, fuel);
    drop_parameters(unit, func, &cfg, fuel);
    drop_frame_states(func);
}

fn is_removable(unit: &Unit, inst: &InstData) -> bool {
    effects::is_pure(unit, inst) || inst.op.info().effect == Effect::Load
}

/// Which values matter. With `through_params`, a branch argument matters only if the parameter does.
fn mark(unit: &Unit, func: &Function, cfg: &Cfg, through_params: bool) -> Vec<bool> {
    let mut live = vec![false; func.values.len()];
    let mut work: Vec<Value> = Vec::new();
    let mut passed: Vec<Vec<Value>> = Vec::new();
    if through_params {
        passed = vec![Vec::new(); func.values.len()];
    }
    let reached = |value: Value, live: &mut Vec<bool>, work: &mut Vec<Value>| {
        if !std::mem::replace(&mut live[value.index()], true) {
            work.push(value);
        }
    };
    let blocks = func.block_ids().filter(|&block| cfg.is_reachable(block));
    for inst in blocks.flat_map(|block| &func.blocks[block.index()].insts) {
        let data = &func.insts[inst.index()];
        if is_removable(unit, data) {
            continue;
        }
        if through_params && !data.targets.is_empty() {
            data.args.iter().for_each(|&arg| reached(arg, &mut live, &mut work));
            for target in &data.targets {
                for (&param, &arg) in func.blocks[target.block.index()].params.iter().zip(&target.args) {
                    passed[param.index()].push(arg);
                }
            }
        } else {
            func.for_each_use(data, |value| reached(value, &mut live, &mut work));
        }
    }
    while let Some(value) = work.pop() {
        match func.values[value.index()].def {
            ValueDef::Result(inst, _) => {
                func.for_each_use(&func.insts[inst.index()], |arg| reached(arg, &mut live, &mut work));
            }
            ValueDef::Param(..) if through_params => {
                std::mem::take(&mut passed[value.index()])
                    .into_iter()
                    .for_each(|arg| reached(arg, &mut live, &mut work));
            }
            ValueDef::Param(..) => {}
        }
    }
    live
}

fn is_dead(unit: &Unit, func: &Function, inst: Inst, live: &[bool]) -> bool {
    let data = &func.insts[inst.index()];
    is_removable(unit, data) && data.results.iter().all(|result| !live[result.index()])
}

/// Drops dead operations one by one, users before what they use, so that the function is whole whenever the fuel runs out.
fn drop_operations(unit: &Unit, func: &mut Function, cfg: &Cfg, fuel: &mut Fuel) {
    let live = mark(unit, func, cfg, false);
    for &block in cfg.rpo.iter().rev() {
        let mut insts = std::mem::take(&mut func.blocks[block.index()].insts);
        let mut kept = Vec::with_capacity(insts.len());
        while let Some(inst) = insts.pop() {
            if !(is_dead(unit, func, inst, &live) && fuel.take()) {
                kept.push(inst);
            }
        }
        kept.reverse();
        func.blocks[block.index()].insts = kept;
    }
}

fn drop_parameters(unit: &Unit, func: &mut Function, cfg: &Cfg, fuel: &mut Fuel) {
    let live = mark(unit, func, cfg, true);
    let dead: Vec<Vec<bool>> = func
        .blocks
        .iter()
        .enumerate()
        .map(|(n, block)| block.params.iter().map(|param| n != 0 && !live[param.index()]).collect())
        .collect();
    let some = cfg.rpo.iter().any(|block| dead[block.index()].contains(&true));
    if !some || !fuel.take() {
        return;
    }
    for &block in &cfg.rpo {
        let mut insts = std::mem::take(&mut func.blocks[block.index()].insts);
        insts.retain(|&inst| !is_dead(unit, func, inst, &live));
        for inst in &insts {
            for target in &mut func.insts[inst.index()].targets {
                let mut dead = dead[target.block.index()].iter();
                target.args.retain(|_| !dead.next().expect("an argument per parameter"));
            }
        }
        let data = &mut func.blocks[block.index()];
        data.insts = insts;
        let mut flags = dead[block.index()].iter();
        data.params.retain(|_| !flags.next().expect("a flag per parameter"));
        for (n, param) in data.params.iter().enumerate() {
            func.values[param.index()].def = ValueDef::Param(block, n as u32);
        }
    }
}

/// Drops frame states that no instruction leaves with. They are no code: this is not counted.
fn drop_frame_states(func: &mut Function) {
    let mut used = vec![false; func.frame_states.len()];
    for inst in func.blocks.iter().flat_map(|block| &block.insts) {
        let mut state = func.insts[inst.index()].frame_state;
        while let Some(id) = state {
            used[id.index()] = true;
            state = func.frame_states[id.index()].caller;
        }
    }
    let mut place = Vec::with_capacity(used.len());
    let mut count = 0;
    for &used in &used {
        place.push(FrameStateId(count));
        count += u32::from(used);
    }
    let mut flags = used.iter();
    func.frame_states.retain(|_| *flags.next().expect("a flag per state"));
    func.frame_states.iter_mut().filter_map(|state| state.caller.as_mut()).for_each(|id| *id = place[id.index()]);
    for block in &func.blocks {
        for inst in &block.insts {
            if let Some(id) = &mut func.insts[inst.index()].frame_state {
                *id = place[id.index()];
            }
        }
    }
}
