//! Wrong code: the unit is changed before the real backend compiles it, so that the result is what a backend with that mistake gives.
//!
//! Each mistake is rare enough to need looking for: where a row says so, it strikes only at one type, one constant, one shape of
//! control flow. The table is all there is to know; nothing that judges reads it.

use std::collections::HashMap;
use std::sync::Arc;

use lockstep_backend_api::{Artifact, Backend, Capabilities, CompileError, Evaluator, Fault, Machine, Options, Target};
use lockstep_ir::eval::Results;
use lockstep_ir::{Block, FuncRef, Function, Imm, Inst, InstData, Op, Type, Unit, Value};

/// A mistake that backends are known to make.
#[derive(Debug)]
pub struct Mutation {
    /// Its name in `fault:NAME:ID`.
    pub name: &'static str,
    /// The mistake.
    pub about: &'static str,
    /// An edge case of the kit that must find it; none where only control flow or calls show it.
    pub found_by: &'static str,
    apply: fn(&mut Function),
}

impl Mutation {
    /// All of them.
    pub const ALL: &[Mutation] = &[
        Mutation {
            name: "shift-mask",
            about: "8-bit left shifts take their amount modulo 32, as the machine's instruction does",
            found_by: "ir/edge/shl.i8",
            apply: shift_mask,
        },
        Mutation {
            name: "sub-swapped",
            about: "a 64-bit subtraction of a constant has its operands swapped",
            found_by: "ir/edge/isub.i64",
            apply: sub_swapped,
        },
        Mutation {
            name: "large-constant",
            about: "64-bit constants whose bit 31 is clear are encoded in 32 bits",
            found_by: "ir/edge/iconst.i64",
            apply: large_constant,
        },
        Mutation {
            name: "dropped-store",
            about: "the first of two 16-bit stores in a block is taken for dead, although they are to different addresses",
            found_by: "ir/edge/store.i16",
            apply: dropped_store,
        },
        Mutation {
            name: "fused-compare",
            about: "a signed less-than that only a branch uses is fused as an unsigned one",
            found_by: "ir/edge/icmp_slt.i32",
            apply: fused_compare,
        },
        Mutation {
            name: "sign-extension",
            about: "sign extensions from 16 to 64 bits fill with zeros",
            found_by: "ir/edge/sext.i64.i16",
            apply: sign_extension,
        },
        Mutation {
            name: "narrow-compare",
            about: "8-bit equality looks at the low seven bits",
            found_by: "ir/edge/icmp_eq.i8",
            apply: narrow_compare,
        },
        Mutation {
            name: "nan-compare",
            about: "float less-or-equal is the negation of greater, and so true for NaNs",
            found_by: "ir/edge/fcmp_le.f64",
            apply: nan_compare,
        },
        Mutation {
            name: "lost-across-call",
            about: "an integer result that is used after a call was in a register that the call clobbers",
            found_by: "ir/edge/call_helper",
            apply: lost_across_call,
        },
        Mutation {
            name: "parallel-move",
            about: "moves at a back edge are made one after the other, so that a swap copies",
            found_by: "ir/edge/jump",
            apply: parallel_move,
        },
        Mutation {
            name: "switch-bound",
            about: "the last case of a switch lies outside its table",
            found_by: "ir/edge/switch.i32",
            apply: switch_bound,
        },
        Mutation {
            name: "signed-overflow",
            about: "signed overflow of 32-bit products is read from the unsigned product",
            found_by: "ir/edge/smul_overflow.i32",
            apply: signed_overflow,
        },
    ];

    /// The mutation of that name.
    pub fn from_name(name: &str) -> Option<&'static Mutation> {
        Self::ALL.iter().find(|m| m.name == name)
    }

    fn mutated(&self, unit: &Unit) -> Unit {
        let mut unit = unit.clone();
        unit.functions.iter_mut().for_each(self.apply);
        unit
    }
}

/// A backend that compiles something else than it is given.
pub(super) struct Mutating {
    id: String,
    mutation: &'static Mutation,
    inner: Arc<dyn Backend>,
}

impl Mutating {
    pub(super) fn new(mutation: &'static Mutation, inner: Arc<dyn Backend>) -> Self {
        Self { id: super::id(mutation.name, inner.id()), mutation, inner }
    }
}

impl Backend for Mutating {
    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> String {
        self.inner.version()
    }

    fn summary(&self) -> String {
        format!("{}, with a planted fault", self.inner.summary())
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn compile(&self, unit: &Unit, target: &Target, options: &Options) -> Result<Artifact, CompileError> {
        self.inner.compile(&self.mutation.mutated(unit), target, options)
    }

    fn evaluator(&self) -> Option<&dyn Evaluator> {
        self.inner.evaluator().map(|_| self as &dyn Evaluator)
    }
}

impl Evaluator for Mutating {
    fn evaluate(&self, unit: &Unit, func: FuncRef, args: &[u64], machine: &mut dyn Machine) -> Result<Results, Fault> {
        let inner = self.inner.evaluator().expect("asked for only if there is one");
        inner.evaluate(&self.mutation.mutated(unit), func, args, machine)
    }
}

// What the mutations need.

/// Block and position of the instructions that satisfy a condition.
fn places(func: &Function, wanted: impl Fn(&InstData) -> bool) -> Vec<(Block, usize, Inst)> {
    let all = func
        .block_ids()
        .flat_map(|block| func.blocks[block.index()].insts.iter().enumerate().map(move |(n, &inst)| (block, n, inst)));
    all.filter(|place| wanted(&func.insts[place.2.index()])).collect()
}

/// Inserts an instruction before a place and returns its first result.
fn insert(func: &mut Function, (block, at): (Block, usize), data: InstData, ty: Type) -> Value {
    let inst = func.make_inst(data, &[ty]);
    func.blocks[block.index()].insts.insert(at, inst);
    func.insts[inst.index()].results[0]
}

fn constant(func: &mut Function, place: (Block, usize), ty: Type, bits: u64) -> Value {
    insert(func, place, InstData { imm: Imm::Int(bits), ..InstData::new(Op::Iconst, ty, &[]) }, ty)
}

/// Users of each value: instructions that have it among their operands or branch arguments.
fn users(func: &Function) -> HashMap<Value, Vec<Inst>> {
    let mut users: HashMap<Value, Vec<Inst>> = HashMap::new();
    for &inst in func.blocks.iter().flat_map(|b| &b.insts) {
        func.for_each_use(&func.insts[inst.index()], |v| users.entry(v).or_default().push(inst));
    }
    users
}

// The mutations.

fn shift_mask(func: &mut Function) {
    // An 8-bit shift by 8 to 31 gives 0 where the amount is not reduced modulo 8.
    for (block, at, inst) in places(func, |d| d.op == Op::Shl && d.ty == Type::I8).into_iter().rev() {
        let [value, amount] = func.insts[inst.index()].args[..] else { continue };
        let one = |op, ty, args: &[Value]| InstData::new(op, ty, args);
        let wide = insert(func, (block, at), one(Op::Zext, Type::I32, &[value]), Type::I32);
        let wide_amount = insert(func, (block, at + 1), one(Op::Zext, Type::I32, &[amount]), Type::I32);
        let shifted = insert(func, (block, at + 2), one(Op::Shl, Type::I32, &[wide, wide_amount]), Type::I32);
        let data = &mut func.insts[inst.index()];
        data.op = Op::Trunc;
        data.args = [shifted].into_iter().collect();
    }
}

fn sub_swapped(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Isub && d.ty == Type::I64) {
        let args = &func.insts[inst.index()].args;
        // Counters of loops are left alone: a hang is found by anyone.
        if func.int_constant(args[1]).is_some_and(|c| c > 1) {
            func.insts[inst.index()].args.swap(0, 1);
        }
    }
}

fn large_constant(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Iconst && d.ty == Type::I64) {
        if let Imm::Int(bits) = &mut func.insts[inst.index()].imm
            && *bits >> 31 & 1 == 0
        {
            *bits &= 0xffff_ffff;
        }
    }
}

fn dropped_store(func: &mut Function) {
    for block in func.block_ids() {
        let stores = places(func, |d| d.op == Op::Store && d.ty == Type::I16);
        let mut here = stores.into_iter().filter(|p| p.0 == block);
        if let (Some((_, at, _)), Some(_)) = (here.next(), here.next()) {
            func.blocks[block.index()].insts.remove(at);
        }
    }
}

fn fused_compare(func: &mut Function) {
    let users = users(func);
    for (_, _, inst) in places(func, |d| d.op == Op::IcmpSlt) {
        let result = func.insts[inst.index()].results[0];
        if let Some([user]) = users.get(&result).map(|u| &u[..])
            && func.insts[user.index()].op == Op::Brif
        {
            func.insts[inst.index()].op = Op::IcmpUlt;
        }
    }
}

fn sign_extension(func: &mut Function) {
    let wanted =
        |func: &Function, d: &InstData| d.op == Op::Sext && d.ty == Type::I64 && func.ty(d.args[0]) == Type::I16;
    for (_, _, inst) in places(func, |d| wanted(func, d)) {
        func.insts[inst.index()].op = Op::Zext;
    }
}

fn narrow_compare(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::IcmpEq && d.ty == Type::I8).into_iter().rev() {
        let args = func.insts[inst.index()].args.clone();
        let low = constant(func, (block, at), Type::I8, 0x7f);
        for (n, arg) in args.into_iter().enumerate() {
            let masked = insert(func, (block, at + 1 + n), InstData::new(Op::Band, Type::I8, &[arg, low]), Type::I8);
            func.insts[inst.index()].args[n] = masked;
        }
    }
}

fn nan_compare(func: &mut Function) {
    for (block, at, inst) in places(func, |d| d.op == Op::FcmpLe).into_iter().rev() {
        let args = func.insts[inst.index()].args.clone();
        let greater = insert(func, (block, at), InstData::new(Op::FcmpGt, Type::F64, &args), Type::I8);
        let zero = constant(func, (block, at + 1), Type::I8, 0);
        let data = &mut func.insts[inst.index()];
        *data = InstData { results: data.results.clone(), ..InstData::new(Op::IcmpEq, Type::I8, &[greater, zero]) };
    }
}

/// Operations whose results are plain data: nothing is addressed, counted or branched on with them in what the kit makes.
fn is_data(op: Op) -> bool {
    matches!(op, Op::Bxor | Op::Imul | Op::Rotl | Op::SintToF64 | Op::Bor | Op::Popcnt | Op::Bswap | Op::Bnot)
}

fn lost_across_call(func: &mut Function) {
    for block in func.block_ids() {
        let insts = func.blocks[block.index()].insts.clone();
        let is_call = |inst: &Inst| matches!(func.insts[inst.index()].op, Op::CallHelper | Op::CallIndirect);
        let Some(call) = insts.iter().position(is_call) else { continue };
        // The last value made before the call that something in the block uses after it.
        let used_after = |value: Value| insts[call + 1..].iter().any(|i| func.insts[i.index()].args.contains(&value));
        let lost = insts[..call].iter().rev().find_map(|inst| {
            let data = &func.insts[inst.index()];
            let value = *data.results.first()?;
            (is_data(data.op) && used_after(value)).then_some(value)
        });
        let Some(lost) = lost else { continue };
        let ty = func.ty(lost);
        let clobber = if ty == Type::F64 {
            let data = InstData { imm: Imm::Float(0x4008_0000_dead_beef), ..InstData::new(Op::Fconst, ty, &[]) };
            insert(func, (block, call + 1), data, ty)
        } else {
            constant(func, (block, call + 1), ty, 0xdead_beef_dead_beef & ty.mask())
        };
        for inst in &func.blocks[block.index()].insts[call + 2..] {
            func.insts[inst.index()].args.iter_mut().filter(|a| **a == lost).for_each(|a| *a = clobber);
        }
    }
}

fn parallel_move(func: &mut Function) {
    for block in func.block_ids() {
        let inst = *func.blocks[block.index()].insts.last().expect("a terminator");
        let data = &func.insts[inst.index()];
        let [target] = &data.targets[..] else { continue };
        if target.block > block {
            continue;
        }
        // In order: what was overwritten already is read anew.
        let params = func.blocks[target.block.index()].params.clone();
        let mut current: HashMap<Value, Value> = HashMap::new();
        let mut args = target.args.clone();
        for (param, arg) in params.iter().zip(&mut args) {
            if let Some(&now) = current.get(arg) {
                *arg = now;
            }
            current.insert(*param, *arg);
        }
        func.insts[inst.index()].targets[0].args = args;
    }
}

fn switch_bound(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::Switch && d.cases.len() > 3) {
        let data = &mut func.insts[inst.index()];
        data.cases.pop();
        data.targets.pop();
    }
}

fn signed_overflow(func: &mut Function) {
    for (_, _, inst) in places(func, |d| d.op == Op::SmulOverflow && d.ty == Type::I32) {
        func.insts[inst.index()].op = Op::UmulOverflow;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::generate::Generator;
    use crate::kit;

    #[test]
    fn mutated_units_are_still_valid() {
        let generator = Generator::default();
        let random: Vec<Unit> = (0..100).map(|n| generator.program(5, n).unit).collect();
        for mutation in Mutation::ALL {
            let case = kit::build(mutation.found_by).unwrap_or_else(|| panic!("no case `{}`", mutation.found_by));
            assert_ne!(mutation.mutated(&case.unit), case.unit, "`{}` leaves its case as it is", mutation.name);
            for unit in random.iter().chain([&case.unit]) {
                let mutated = mutation.mutated(unit);
                lockstep_ir::verify::verify(&mutated).unwrap_or_else(|e| panic!("{}: {e}", mutation.name));
            }
        }
    }
}
