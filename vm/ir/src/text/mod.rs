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

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"lockstep_ir 1 machine
unit "example"
region 1 "frame"
sig 0 (i8 sext, i64, f64) -> (i64, f64)
helper 0 "print" 7 (i64) -> (i32)
source 0 func 0 pc 3
source 1 func 1 pc 0 inlined 0

function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = load.f64 region1 v0 + 8
    v4 = fconst -0.0 @1
    v5 = fconst nan:0x7ff8000000000001
    v6 = fadd.f64 v3, v4
    v7 = iconst.i8 -1
    v8, v9 = call_indirect sig0 v1(v7, v0, v6)
    store.f64 region0 v9, v0 - 16
    v10 = call_helper helper0 v2(v8)
    v11 = icmp_slt.i64 v8, v0
    brif v11, block1(v8), block2
block1(v12: i64):
    switch.i64 v12, block2 [0: block1(v8), -3: block3(v10)]
block2 cold:
    v13 = call %0(v0, v1, v2)
    jump block3(v13)
block3(v14: i32):
    return v14
}
"#;

    #[test]
    fn print_of_parse_is_the_text() {
        let unit = parse("example.ir", EXAMPLE).unwrap_or_else(|e| panic!("{e}"));
        crate::verify::verify(&unit).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(print(&unit), EXAMPLE);
        let mut renumbered = unit.clone();
        renumber(&mut renumbered);
        assert_eq!(renumbered, unit);
    }

    #[test]
    fn mistakes_are_shown_in_their_place() {
        let complaint = |from: &str, to: &str| {
            assert!(EXAMPLE.contains(from));
            parse("x.ir", &EXAMPLE.replacen(from, to, 1)).expect_err("a mistake").to_string()
        };
        assert!(
            complaint("fadd.f64", "fad.f64").starts_with("x.ir:14:10: error: no operation `fad`"),
            "{}",
            complaint("fadd.f64", "fad.f64")
        );
        assert!(complaint("v11 = icmp", "v3 = icmp").contains("v3 is defined twice"));
        assert!(complaint("block1(v8), block2", "block1(v8), block9").contains("block9 is not defined"));
        assert!(complaint("v3, v4", "v3, v40").contains("v40 is not defined"));
        assert!(complaint("iconst.i8 -1", "iconst.i8 300").contains("does not fit i8"));
        assert!(complaint("load.f64", "load.v128").contains("reserved"));
        assert!(complaint("lockstep_ir 1", "lockstep_ir 2").contains("version"));
    }
}
