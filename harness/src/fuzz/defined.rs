//! Whether what a unit does is defined: nothing that is compared may depend on the payload or sign of a NaN that arithmetic made.
//!
//! Not analysed but tried: the unit is changed so that every such NaN becomes another one, and the reference runs it again. The
//! generator keeps to the rule by construction, the shrinker could leave it unawares.

use lockstep_ir::{Imm, InstData, Op, Type, Unit, Value};

use crate::kit;

/// A NaN unlike the one that the evaluator makes: quiet, negative, with a payload.
const OTHER_F64: u64 = 0xfff8_0000_0bad_cafe;
/// The same for 32 bits.
const OTHER_F32: u64 = 0xffc0_cafe;

/// The unit with other NaNs: after each operation whose NaNs are not defined, every NaN becomes [`OTHER_F64`].
pub fn with_other_nans(unit: &Unit) -> Unit {
    let mut unit = unit.clone();
    for func in &mut unit.functions {
        for block in func.block_ids() {
            let mut at = 0;
            while at < func.blocks[block.index()].insts.len() {
                let inst = func.blocks[block.index()].insts[at];
                at += 1;
                let data = &func.insts[inst.index()];
                let Some(&result) = data.results.first() else { continue };
                let ty = func.ty(result);
                if ty.is_int() || kit::exact(data.op, ty) {
                    continue;
                }
                let mut new: Vec<InstData> = Vec::new();
                if ty == Type::F32 {
                    new.push(InstData { imm: Imm::Int(OTHER_F32), ..InstData::new(Op::Iconst, Type::I32, &[]) });
                    new.push(InstData::new(Op::BitsToF32, Type::F32, &[]));
                    new.push(InstData::new(Op::F32ToF64, Type::F64, &[]));
                } else {
                    new.push(InstData { imm: Imm::Float(OTHER_F64), ..InstData::new(Op::Fconst, Type::F64, &[]) });
                }
                new.push(InstData::new(Op::FcmpUno, Type::F64, &[]));
                new.push(InstData::new(Op::Select, ty, &[]));
                // Uses of the result become uses of the selection, but for those made here.
                let mut made: Vec<Value> = Vec::new();
                for mut data in new {
                    let last = made.last().copied();
                    let args: Vec<Value> = match data.op {
                        Op::BitsToF32 => last.into_iter().collect(),
                        Op::F32ToF64 => vec![result],
                        Op::FcmpUno => {
                            let double = if ty == Type::F32 { last.expect("the double") } else { result };
                            vec![double, double]
                        }
                        Op::Select => vec![last.expect("the test"), made[usize::from(ty == Type::F32)], result],
                        _ => Vec::new(),
                    };
                    data.args = args.into_iter().collect();
                    let own = match data.op {
                        Op::FcmpUno => Type::I8,
                        _ => data.ty,
                    };
                    let inst = func.make_inst(data, &[own]);
                    made.push(func.insts[inst.index()].results[0]);
                    func.blocks[block.index()].insts.insert(at, inst);
                    at += 1;
                }
                let selected = *made.last().expect("a selection");
                let first_new = func.insts.len() - made.len();
                for (n, inst) in func.insts.iter_mut().enumerate() {
                    if n < first_new {
                        let targets = inst.targets.iter_mut().flat_map(|t| &mut t.args);
                        inst.args.iter_mut().chain(targets).filter(|v| **v == result).for_each(|v| *v = selected);
                    }
                }
            }
        }
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::expect;
    use crate::fuzz::generate::Generator;

    #[test]
    fn units_with_other_nans_are_valid() {
        for index in 0..50 {
            let unit = with_other_nans(&Generator::default().program(9, index).unit);
            lockstep_ir::verify::verify(&unit).unwrap_or_else(|e| panic!("function {index}: {e}"));
        }
    }

    #[test]
    fn a_leaked_nan_is_seen() {
        let text = |store: &str| {
            format!(
                "lockstep_ir 1 machine\nunit \"u\"\nfunction %0 \"entry\" (i64, i64, i64) -> (i32) {{\n\
                 block0(v0: i64, v1: i64, v2: i64):\n    v3 = fconst -1.0\n    v4 = fsqrt.f64 v3\n    {store}\n    \
                 v5 = iconst.i32 0\n    return v5\n}}\n"
            )
        };
        let backends = crate::backends::Backends::new();
        let inputs = [crate::fuzz::program::Input::random(&mut crate::fuzz::rng::Rng::of(1, 1))];
        let defined = |store: &str| {
            let unit = lockstep_ir::text::parse("test", &text(store)).unwrap_or_else(|e| panic!("{e}"));
            expect(&unit, &inputs, backends.reference()).is_some()
        };
        assert!(!defined("store.f64 region0 v4, v0 + 0"));
        assert!(defined("store.f64 region0 v4, v0 + 256"), "floats have words of their own");
    }
}
