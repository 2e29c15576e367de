//! What instructions do to memory, as passes need to know it: the operation table's effects, refined by the registry of
//! helpers and the table of regions.

use lockstep_ir::op::Effect;
use lockstep_ir::{Imm, InstData, Op, Region, Unit};
use lockstep_layout::Effects;

use crate::kinds::helper_id;
use crate::regions;

/// What an instruction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nothing that a load can read.
    Nothing,
    /// One region.
    Region(Region),
    /// Every region that is not immutable.
    Everything,
}

/// The registry's effects of the helper that an instruction calls, if it calls one.
fn helper_effects(unit: &Unit, inst: &InstData) -> Option<Effects> {
    match inst.imm {
        Imm::Helper(helper) => Some(helper_id(unit, helper).map_or(Effects::ANY, |helper| helper.effects())),
        _ => None,
    }
}

/// What an instruction may write.
pub fn writes(unit: &Unit, inst: &InstData) -> Writes {
    match inst.op.info().effect {
        Effect::Store => Writes::Region(inst.mem().map_or(Region::ANY, |(region, _)| region)),
        Effect::Count => Writes::Region(regions::COUNTERS),
        Effect::Exit if inst.op == Op::Countdown => Writes::Region(regions::CTX),
        Effect::Call => match helper_effects(unit, inst) {
            // What a helper allocates was not there before, and output is no memory that code reads.
            Some(Effects { reads: false, .. }) => Writes::Nothing,
            _ => Writes::Everything,
        },
        _ => Writes::Nothing,
    }
}

/// Whether an instruction gives the same results for the same operands wherever it stands, and does nothing else.
pub fn is_pure(unit: &Unit, inst: &InstData) -> bool {
    match inst.op.info().effect {
        Effect::Pure | Effect::ReadsMachine => true,
        Effect::Call => helper_effects(unit, inst).is_some_and(|effects| effects.is_pure()),
        _ => false,
    }
}
