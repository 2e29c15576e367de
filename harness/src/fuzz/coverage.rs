//! What was generated: how often each operation at each type stands in the functions made.

use std::collections::BTreeMap;

use lockstep_ir::{InstData, Operands, TypePattern, Unit};
use serde::{Deserialize, Serialize};

use crate::kit;

/// Counts by the name of the operation at its types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    /// Counts the instructions of a unit.
    pub fn add(&mut self, unit: &Unit) {
        for func in &unit.functions {
            for inst in func.blocks.iter().flat_map(|b| &b.insts) {
                let data = &func.insts[inst.index()];
                *self.0.entry(name(data, |v| func.ty(v))).or_default() += 1;
            }
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Coverage) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// The operations at their types that stand in fewer than `least` places, with the number of places.
    pub fn missing(&self, least: u64) -> Vec<(String, u64)> {
        let all = kit::instances().map(|(name, ..)| name);
        all.map(|name| (self.0.get(&name).copied().unwrap_or(0), name))
            .filter(|(n, _)| *n < least)
            .map(|(n, name)| (name, n))
            .collect()
    }

    /// How many operations at their types there are, and the least count.
    pub fn summary(&self) -> (usize, u64) {
        let counts: Vec<u64> = kit::instances().map(|(name, ..)| self.0.get(&name).copied().unwrap_or(0)).collect();
        (counts.len(), counts.iter().copied().min().unwrap_or(0))
    }
}

/// The name of an instruction's operation at its types, as [`kit::instances`] has it.
fn name(inst: &InstData, ty: impl Fn(lockstep_ir::Value) -> lockstep_ir::Type) -> String {
    let info = inst.op.info();
    match info.args {
        Operands::Fixed(_) if info.types.is_empty() => info.name.to_owned(),
        Operands::BySignature => info.name.to_owned(),
        Operands::Fixed([TypePattern::NarrowerInt | TypePattern::WiderInt, ..]) => {
            format!("{}.{}.{}", info.name, inst.ty, ty(inst.args[0]))
        }
        Operands::Fixed(_) => format!("{}.{}", info.name, inst.ty),
    }
}
