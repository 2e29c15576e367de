//! Constant folding. Both stages.
//!
//! **Idea.** An operation on constants becomes its result; one that an exact identity simplifies (`identities.rs`) becomes the
//! simpler one; a branch, switch or exit on a constant becomes what it will do. Blocks are visited in reverse postorder, so
//! that one visit sees most consequences of its own changes.
//!
//! **Why it is sound.** Results come from the evaluation that defines the operations (`lockstep_ir::eval`), and every operation is
//! total. Floating-point operations whose result is a NaN are left alone: its payload is unspecified, and only the machine
//! knows which one it makes.
//!
//! **Changes.** One operation or terminator each. Blocks that a change cuts off go with it, since what follows a certain exit, and
//! is used in them, goes too.

mod identities;

use std::collections::HashMap;

use lockstep_ir::cfg::Cfg;
use lockstep_ir::eval::{Results, evaluate};
use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, Type, Unit, Value};

use super::Fuel;
use crate::blocks::drop_unreachable;
use identities::Simpler;

/// Runs the pass.
pub fn run(_unit: &Unit, func: &mut Function, fuel: &mut Fuel) {
    let mut folding = Folding { func, fuel, map: HashMap::new() };
    let order = Cfg::new(folding.func).rpo;
    for block in order {
        folding.block(block);
    }
    let map = folding.map;
    func.replace_uses(&map);
    drop_unreachable(func);
}

struct Folding<'a> {
    func: &'a mut Function,
    fuel: &'a mut Fuel,
    /// Values replaced.
    map: HashMap<Value, Value>,
}

/// The bits of a constant of any type.
fn constant(func: &Function, value: Value) -> Option<u64> {
    match func.def(value)?.imm {
        Imm::Int(bits) | Imm::Float(bits) => Some(bits),
        _ => None,
    }
}

/// A constant of any type but `f32`, which has none.
fn constant_data(ty: Type, bits: u64) -> InstData {
    let (op, imm) =
        if ty == Type::F64 { (Op::Fconst, Imm::Float(bits)) } else { (Op::Iconst, Imm::Int(bits & ty.mask())) };
    InstData { imm, ..InstData::new(op, ty, &[]) }
}

impl Folding<'_> {
    fn block(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.func.blocks[block.index()].insts);
        let mut out = Vec::with_capacity(insts.len());
        for inst in insts {
            let map = &self.map;
            for arg in &mut self.func.insts[inst.index()].args {
                while let Some(&to) = map.get(arg) {
                    *arg = to;
                }
            }
            if self.inst(inst, &mut out) {
                out.push(inst);
            }
            // A certain exit ends the block: what follows is never reached.
            if self.func.insts[out.last().map_or(0, |last| last.index())].op.is_terminator() && !out.is_empty() {
                break;
            }
        }
        self.func.blocks[block.index()].insts = out;
    }

    /// Simplifies an instruction; whether it stays. New instructions go to `out`.
    fn inst(&mut self, inst: Inst, out: &mut Vec<Inst>) -> bool {
        let data = &self.func.insts[inst.index()];
        match data.op {
            Op::Iconst | Op::Fconst => true,
            Op::Brif | Op::Switch => {
                self.branch(inst);
                true
            }
            Op::ExitIf => self.exit_if(inst),
            op if op.is_pure() => match self.evaluated(inst) {
                Some(results) => self.fold(inst, &results, out),
                None => self.simplify(inst, out),
            },
            _ => true,
        }
    }

    fn evaluated(&self, inst: Inst) -> Option<Results> {
        let data = &self.func.insts[inst.index()];
        let bits = data.args.iter().map(|&arg| constant(self.func, arg)).collect::<Option<Vec<u64>>>()?;
        let types: Vec<Type> = data.args.iter().map(|&arg| self.func.ty(arg)).collect();
        let results = evaluate(data.op, data.ty, data.imm, &types, &bits)?;
        let foldable = |(&value, &bits): (&Value, &u64)| match self.func.ty(value) {
            Type::F64 => !f64::from_bits(bits).is_nan() || data.op == Op::BitsToF64,
            Type::F32 => false,
            _ => true,
        };
        data.results.iter().zip(&results).all(foldable).then_some(results)
    }

    /// Makes an instruction the constant it computes; whether it stays.
    fn fold(&mut self, inst: Inst, results: &[u64], out: &mut Vec<Inst>) -> bool {
        if !self.fuel.take() {
            return true;
        }
        let values = self.func.insts[inst.index()].results.clone();
        let loc = self.func.insts[inst.index()].loc;
        if let ([value], [bits]) = (values.as_slice(), results) {
            let ty = self.func.ty(*value);
            self.func.insts[inst.index()] = InstData { results: values, loc, ..constant_data(ty, *bits) };
            return true;
        }
        for (&value, &bits) in values.iter().zip(results) {
            let ty = self.func.ty(value);
            let new = self.append(InstData { loc, ..constant_data(ty, bits) }, ty, out);
            self.map.insert(value, new);
        }
        false
    }

    fn append(&mut self, data: InstData, ty: Type, out: &mut Vec<Inst>) -> Value {
        let inst = self.func.make_inst(data, &[ty]);
        out.push(inst);
        self.func.insts[inst.index()].results[0]
    }

    fn simplify(&mut self, inst: Inst, out: &mut Vec<Inst>) -> bool {
        let Some(simpler) = identities::simplify(self.func, &self.func.insts[inst.index()]) else { return true };
        if !self.fuel.take() {
            return true;
        }
        let data = &self.func.insts[inst.index()];
        let (loc, results) = (data.loc, data.results.clone());
        match simpler {
            Simpler::Value(value) => {
                self.map.insert(results[0], value);
                false
            }
            Simpler::Constant(bits) => {
                let ty = self.func.ty(results[0]);
                self.func.insts[inst.index()] = InstData { results, loc, ..constant_data(ty, bits) };
                true
            }
            Simpler::Operation(op, ty, args) => {
                self.func.insts[inst.index()] = InstData { results, loc, ..InstData::new(op, ty, &args) };
                true
            }
            Simpler::WithConstant(op, ty, arg, bits) => {
                let constant = self.append(InstData { loc, ..constant_data(ty, bits) }, ty, out);
                self.func.insts[inst.index()] = InstData { results, loc, ..InstData::new(op, ty, &[arg, constant]) };
                true
            }
        }
    }

    fn branch(&mut self, inst: Inst) {
        let data = &self.func.insts[inst.index()];
        let chosen = match constant(self.func, data.args[0]) {
            Some(bits) if data.op == Op::Brif => usize::from(bits == 0),
            Some(bits) => data.cases.iter().position(|&case| case == bits).map_or(0, |n| n + 1),
            None if data.targets.iter().all(|target| *target == data.targets[0]) => 0,
            None => return self.branch_on_comparison(inst),
        };
        if self.fuel.take() {
            let data = &mut self.func.insts[inst.index()];
            let target = data.targets.swap_remove(chosen);
            *data = InstData { targets: vec![target], loc: data.loc, ..InstData::new(Op::Jump, Type::I64, &[]) };
        }
    }

    /// A branch on `x != 0` or `x == 0`, where `x` is a truth value, is one on `x`.
    fn branch_on_comparison(&mut self, inst: Inst) {
        let data = &self.func.insts[inst.index()];
        let Some((value, when)) = identities::truth_tested(self.func, data.args[0]) else { return };
        if data.op == Op::Brif && self.fuel.take() {
            let data = &mut self.func.insts[inst.index()];
            data.args[0] = value;
            if !when {
                data.targets.swap(0, 1);
            }
        }
    }

    fn exit_if(&mut self, inst: Inst) -> bool {
        let data = &self.func.insts[inst.index()];
        let Some(bits) = constant(self.func, data.args[0]) else { return true };
        if !self.fuel.take() {
            return true;
        }
        if bits == 0 {
            return false;
        }
        let data = &mut self.func.insts[inst.index()];
        data.op = Op::Exit;
        data.args.clear();
        true
    }
}
