//! Drops instructions that cannot be reached, and those whose results nothing needs.
//!
//! *Idea.* What no path from the entry leads to goes. Of the rest an instruction goes if all it does is write registers that are not live behind it, by the
//! table's word: no effect but reading, and no error of its own. So nothing goes that can raise, call a metamethod, allocate, or be seen by the
//! collector's statistics. A removal can make others dead; rounds go on until nothing changes.
//!
//! *Sound*, because registers that others can see (captured ones, variables to be closed) count as live everywhere, and an open list counts as needed.

use super::body::Body;
use crate::passes::Fuel;
use crate::{Effects, Instr, Pc};

/// Whether an instruction does nothing but write its registers: then it need not be executed if nobody reads them.
pub fn is_harmless(instr: Instr) -> bool {
    let info = instr.info();
    let effects = info.effects;
    (effects.is_pure() || effects == Effects::READS) && info.errors.is_empty() && !instr.leaves_open()
}

pub fn run(body: &mut Body<'_>, fuel: &mut Fuel) {
    loop {
        let before = fuel.used();
        unreachable(body, fuel);
        unneeded(body, fuel);
        if fuel.used() == before || fuel.is_empty() {
            return;
        }
    }
}

fn unreachable(body: &mut Body<'_>, fuel: &mut Fuel) {
    let cfg = body.cfg();
    let mut keep = vec![true; body.function.code.len()];
    let mut reached = vec![false; cfg.blocks().len()];
    cfg.reverse_postorder().iter().for_each(|block| reached[block.index()] = true);
    // In the order of the code, so that what is left when the fuel runs out falls through to nothing that is gone.
    for (block, reached) in cfg.blocks().iter().zip(reached) {
        if !reached && fuel.take() {
            block.pcs().for_each(|pc| keep[pc.index()] = false);
        }
    }
    body.retain(&keep);
}

fn unneeded(body: &mut Body<'_>, fuel: &mut Fuel) {
    let cfg = body.cfg();
    let live = body.liveness(&cfg);
    let mut keep = vec![true; body.function.code.len()];
    for block in cfg.blocks() {
        // Liveness once more, without what was removed behind.
        let mut needed = live.after(Pc(block.end.0 - 1));
        for pc in block.pcs().rev() {
            let instr = body.instr(pc);
            let (mut writes, mut is_needed) = (false, false);
            instr.for_each_def(|reg| {
                writes = true;
                is_needed |= needed.contains(reg) || body.is_pinned(reg);
            });
            if writes && !is_needed && is_harmless(instr) && fuel.take() {
                keep[pc.index()] = false;
                continue;
            }
            instr.for_each_def(|reg| needed.remove(reg));
            instr.for_each_use(&body.function, |callee| body.params(callee), |reg| needed.insert(reg));
        }
    }
    body.retain(&keep);
}
