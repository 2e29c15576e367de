//! The text form: what dumps show, cases hold and `exec:` backends read.
//!
//! It is versioned ([`VERSION`], in the first line) and round-trips: parsing what was printed gives an equal unit, provided
//! that its instructions and values are numbered in the order of their blocks, as [`renumber`] makes them. Its grammar
//! stands in docs/ir.md.

mod parse;
mod print;

pub use parse::parse;
pub use print::{function_to_string, inst_to_string, print};

use std::collections::HashMap;

use crate::types::{Inst, Value};
use crate::unit::{Function, Unit, ValueDef};

/// Version of the text form. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// Numbers values and instructions in the order in which the text form defines them, and drops those in no block.
pub fn renumber(unit: &mut Unit) {
    unit.functions.iter_mut().for_each(renumber_function);
}

fn renumber_function(func: &mut Function) {
    let mut map: HashMap<Value, Value> = HashMap::new();
    let mut values = Vec::with_capacity(func.values.len());
    let mut insts = Vec::with_capacity(func.insts.len());
    let old_insts = std::mem::take(&mut func.insts);
    for block in &mut func.blocks {
        for param in &mut block.params {
            let new = Value(values.len() as u32);
            values.push(func.values[param.index()]);
            map.insert(*param, new);
            *param = new;
        }
        for inst in &mut block.insts {
            let mut data = old_insts[inst.index()].clone();
            *inst = Inst(insts.len() as u32);
            for (n, result) in data.results.iter_mut().enumerate() {
                let new = Value(values.len() as u32);
                let mut value = func.values[result.index()];
                value.def = ValueDef::Result(*inst, n as u32);
                values.push(value);
                map.insert(*result, new);
                *result = new;
            }
            insts.push(data);
        }
    }
    let resolve = |v: &mut Value| *v = map.get(v).copied().unwrap_or(Value(u32::MAX));
    for inst in &mut insts {
        inst.args.iter_mut().for_each(resolve);
        inst.targets.iter_mut().flat_map(|t| &mut t.args).for_each(resolve);
    }
    func.frame_states.iter_mut().flat_map(|fs| &mut fs.slots).for_each(|s| resolve(&mut s.value));
    func.values = values;
    func.insts = insts;
}
