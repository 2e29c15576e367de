//! Mistakes that cost time alone: everything is right, and late.

use lockstep_ir::cfg::Cfg;
use lockstep_ir::{Function, Op, Type};

use super::edit::places;
use super::{Fault, Layer, Plant};

/// The faults of this layer.
pub(super) const FAULTS: &[Fault] = &[
    Fault {
        id: "slow-loops",
        layer: Layer::Speed,
        about: "the poll of each loop is repeated 100 times",
        gate: "uplift",
        plant: Plant::Function(slow_loops),
    },
    Fault {
        id: "slow-compiler",
        layer: Layer::Speed,
        about: "a unit is compiled again six times, as by passes that repeat until nothing changes",
        gate: "compile-time",
        plant: Plant::Recompile(6),
    },
];

fn slow_loops(func: &mut Function) {
    let cfg = Cfg::new(func);
    let inside: Vec<bool> =
        func.block_ids().map(|block| cfg.loops().iter().any(|l| l.blocks.contains(&block))).collect();
    for (block, at, inst) in places(func, |i| i.op == Op::AtomicLoad).into_iter().rev() {
        if inside[block.index()] {
            let data = func.insts[inst.index()].clone();
            let ty: Type = func.ty(data.results[0]);
            for _ in 0..100 {
                let again = lockstep_ir::InstData { results: smallvec::SmallVec::new(), ..data.clone() };
                super::edit::insert(func, (block, at), again, ty);
            }
        }
    }
}
