//! Block surgery that several parts need.

use lockstep_ir::cfg::Cfg;
use lockstep_ir::{Block, Function, ValueDef};

/// Drops the blocks that cannot be reached; whether there were any.
pub fn drop_unreachable(func: &mut Function) -> bool {
    let cfg = Cfg::new(func);
    let some = cfg.rpo.len() < func.blocks.len();
    if some {
        let order: Vec<Block> = func.block_ids().filter(|&block| cfg.is_reachable(block)).collect();
        arrange(func, &order);
    }
    some
}

/// Puts a function's blocks into an order, drops those that are not in it, and renumbers branches and parameters. The
/// entry stays first, and no block that stays branches to one that is dropped.
pub fn arrange(func: &mut Function, order: &[Block]) {
    debug_assert_eq!(order.first(), Some(&Function::ENTRY));
    let mut old: Vec<_> = std::mem::take(&mut func.blocks).into_iter().map(Some).collect();
    let mut place = vec![None; old.len()];
    for (n, block) in order.iter().enumerate() {
        place[block.index()] = Some(Block(n as u32));
        func.blocks.push(old[block.index()].take().expect("a block stands in the order once"));
    }
    for (n, block) in func.blocks.iter().enumerate() {
        for (k, param) in block.params.iter().enumerate() {
            func.values[param.index()].def = ValueDef::Param(Block(n as u32), k as u32);
        }
        for inst in &block.insts {
            for target in &mut func.insts[inst.index()].targets {
                target.block = place[target.block.index()].expect("branches lead to blocks that stay");
            }
        }
    }
}
