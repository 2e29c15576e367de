//! The IR conformance kit: cases made from the operation table. There is no list of operations here: whatever the table holds gets a
//! case, and a test fails for an operation that has none.
//!
//! - [`edge`]: `ir/edge/OP.TYPE`, every operation at the cross product of its operands' edge values, in the surroundings in
//!   which backends select different instructions.
//! - [`memory`], [`control`], [`calls`]: the operations that are more than a function of their operands.
//! - [`families`]: `ir/family/NAME.N`, functions whose size is the point.

mod calls;
mod control;
mod edge;
mod families;
mod memory;
mod table;
pub mod values;

pub use calls::host_helpers;

use lockstep_ir::{Op, OpInstance};

use crate::case::Case;

/// Prefix of the names of edge cases.
const EDGE: &str = "ir/edge/";
/// Prefix of the names of members of families.
const FAMILY: &str = "ir/family/";

/// Operations at their types, in table order, with the names that cases and coverage know them by; those whose operands a
/// signature gives appear once.
pub fn instances() -> impl Iterator<Item = (String, Op, Option<OpInstance>)> {
    Op::machine().flat_map(|op| {
        let instances = op.instances();
        if instances.is_empty() {
            vec![(op.info().name.to_owned(), op, None)]
        } else if op.info().types.is_empty() {
            instances.into_iter().map(|i| (op.info().name.to_owned(), op, Some(i))).collect()
        } else {
            instances.into_iter().map(|i| (i.to_string(), op, Some(i))).collect()
        }
    })
}

/// Whether an operation's result of a type is defined bit for bit, NaNs included.
pub fn exact(op: Op, ty: lockstep_ir::Type) -> bool {
    edge::compare_of(op, ty) == crate::case::Compare::Bits
}

/// Names of all cases of the kit.
pub fn names() -> Vec<String> {
    let edges = instances().map(|(name, ..)| format!("{EDGE}{name}"));
    edges.chain(families::names().map(|name| format!("{FAMILY}{name}"))).collect()
}

/// The case of that name, if the kit has it.
pub fn build(name: &str) -> Option<Case> {
    if let Some(member) = name.strip_prefix(FAMILY) {
        let (about, unit, runs) = families::build(member)?;
        return Some(Case { name: name.to_owned(), about: about.to_owned(), unit, runs });
    }
    let edge = name.strip_prefix(EDGE)?;
    let (_, op, instance) = instances().find(|(n, ..)| n == edge)?;
    let (unit, runs) = match (op, instance) {
        (Op::Load | Op::AtomicLoad, Some(instance)) => memory::loads(&instance),
        (Op::Store, Some(instance)) => memory::stores(&instance),
        (Op::StackPointer, _) => calls::stack_pointer(),
        (Op::Iconst | Op::Fconst, Some(instance)) => edge::constants(&instance),
        (Op::Jump, _) => control::jumps(),
        (Op::Brif, _) => control::brifs(),
        (Op::Switch, Some(instance)) => control::switches(instance.ty),
        (Op::Call, _) => calls::direct(),
        (Op::Return, _) => calls::returns(),
        (Op::CallIndirect, _) => calls::indirect(),
        (Op::CallHelper, _) => calls::helpers(),
        (_, Some(instance)) => edge::operation(&instance),
        (_, None) => return None,
    };
    Some(Case { name: name.to_owned(), about: op.info().doc.to_owned(), unit, runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_valid_case() {
        for name in names() {
            let case = build(&name).unwrap_or_else(|| panic!("`{name}` has no case"));
            lockstep_ir::verify::verify(&case.unit).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!case.runs.is_empty() && case.runs.iter().all(|r| !r.memory.is_empty()), "{name} runs nothing");
        }
    }
}
