//! Faults written without sight of the gates that judge them. docs/faults.md tells how: read it, and nothing else, before adding one.
//!
//! They are scored apart, and their score is published as it comes.

use std::collections::{HashMap, HashSet};

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use lockstep_backend_api::{Arch, Artifact, Code};
use lockstep_compiler::{Compiled, Fuel, PassId};
use lockstep_ir::cfg::Cfg;
use lockstep_ir::eval::sign_extend;
use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, Type, Unit, Value};

use super::edit::{Place, constant, insert, is_slot, places, places_in, region_name, remove, replace, users};
use super::{Fault, Layer, Plant};

#[cfg(test)]
mod tests;

const fn fault(id: &'static str, layer: Layer, gate: &'static str, about: &'static str, plant: Plant) -> Fault {
    Fault { id, layer, about, gate, plant }
}

/// The blind faults.
pub(super) const FAULTS: &[Fault] = &[
    fault(
        "lost-product-carry",
        Layer::CodeGeneration,
        "kit",
        "unsigned overflow of 64-bit products made of 32-bit halves misses the carry of the low product",
        Plant::Function(lost_product_carry),
    ),
    fault(
        "folded-extension",
        Layer::CodeGeneration,
        "fuzz-ir",
        "the zero extension of a 32-bit left shift by 1 to 3 is folded into a scaled index, which keeps the bits shifted out",
        Plant::Function(folded_extension),
    ),
    fault(
        "unordered-equal",
        Layer::CodeGeneration,
        "fuzz-ir",
        "a float equality fused with the selection that alone uses it reads the zero flag, which NaNs set as well",
        Plant::Function(unordered_equal),
    ),
    fault(
        "elided-test",
        Layer::CodeGeneration,
        "fuzz-ir",
        "a test against zero right behind the arithmetic that made the value is dropped, although signed conditions then read its overflow",
        Plant::Artifact(elided_test),
    ),
    fault(
        "chunk-edge",
        Layer::Loader,
        "kit",
        "code is copied in chunks of 2048 bytes, and the last byte of each chunk that another follows is left out",
        Plant::Artifact(chunk_edge),
    ),
    fault(
        "dropped-check",
        Layer::Optimiser,
        "programs",
        "dead code elimination drops a checked operation whose number nobody reads, and with it the overflow it would report",
        Plant::Pass(PassId::DeadCode, dropped_check),
    ),
    fault(
        "moved-constant",
        Layer::Optimiser,
        "fuzz-bytecode",
        "constant folding makes x + c < d into x < d - c, as if sums never wrapped",
        Plant::Pass(PassId::ConstantFolding, moved_constant),
    ),
    fault(
        "exit-minus-zero",
        Layer::Exits,
        "fuzz-bytecode",
        "exits write a float that was just computed through a form that has no negative zero",
        Plant::Compiled(exit_minus_zero),
    ),
    fault(
        "read-behind-loop",
        Layer::Osr,
        "fuzz-bytecode",
        "a loop entry does not load floats that the loop does not touch and only the code behind it reads",
        Plant::Compiled(read_behind_loop),
    ),
    fault(
        "counter-over-call",
        Layer::Coverage,
        "coverage",
        "the counter of a call stays in a register until the call returns, so that calls of the same instruction inside are not counted",
        Plant::Compiled(counter_over_call),
    ),
];

/// Inserts operations one behind the other in front of an instruction.
struct Emitter<'f> {
    func: &'f mut Function,
    block: Block,
    at: usize,
}

impl Emitter<'_> {
    /// An operation on operands of one type; its result is of that type, or a truth value if it compares.
    fn op(&mut self, op: Op, args: &[Value]) -> Value {
        let operand = self.func.ty(args[0]);
        let compares = matches!(op, Op::IcmpNe | Op::FcmpEq | Op::FcmpNe | Op::FcmpOrd | Op::FcmpUno);
        self.at += 1;
        let place = (self.block, self.at - 1);
        insert(self.func, place, InstData::new(op, operand, args), if compares { Type::I8 } else { operand })
    }

    fn constant(&mut self, ty: Type, bits: u64) -> Value {
        self.at += 1;
        constant(self.func, (self.block, self.at - 1), ty, bits)
    }
}

fn before(func: &mut Function, (block, at, _): Place) -> Emitter<'_> {
    Emitter { func, block, at }
}

/// The products of the halves are looked at one by one. Wrong where only what is carried from the low one makes them overflow: 3 * 0x5555_5555_5555_5556.
fn lost_product_carry(func: &mut Function) {
    for place in places(func, |d| d.op == Op::UmulOverflow && d.ty == Type::I64).into_iter().rev() {
        let data = &func.insts[place.2.index()];
        let ([a, b], overflow) = ([data.args[0], data.args[1]], data.results[1]);
        let mut e = before(func, place);
        let [half, low, zero] = [32, 0xffff_ffff, 0].map(|bits| e.constant(Type::I64, bits));
        let [high_a, high_b] = [a, b].map(|x| e.op(Op::Lshr, &[x, half]));
        let [low_a, low_b] = [a, b].map(|x| e.op(Op::Band, &[x, low]));
        let crossed = [(high_a, low_b), (low_a, high_b)].map(|(x, y)| e.op(Op::Imul, &[x, y]));
        let [beyond_a, beyond_b] = crossed.map(|x| e.op(Op::Lshr, &[x, half]));
        let some = [high_a, high_b, beyond_a, beyond_b].map(|x| e.op(Op::IcmpNe, &[x, zero]));
        let both = e.op(Op::Band, &[some[0], some[1]]);
        let either = e.op(Op::Bor, &[some[2], some[3]]);
        let seen = e.op(Op::Bor, &[both, either]);
        func.replace_uses(&[(overflow, seen)].into());
    }
}

/// As CVE-2023-26489 had it. Wrong where one of the highest bits of the shifted value is set.
fn folded_extension(func: &mut Function) {
    for place in places(func, |d| d.op == Op::Zext && d.ty == Type::I64).into_iter().rev() {
        let inst = place.2;
        let Some(shift) = func.def(func.insts[inst.index()].args[0]) else { continue };
        if (shift.op, shift.ty) != (Op::Shl, Type::I32) {
            continue;
        }
        let value = shift.args[0];
        let Some(amount) = func.int_constant(shift.args[1]).filter(|n| (1..=3).contains(n)) else { continue };
        let (block, at, _) = place;
        let wide = insert(func, (block, at), InstData::new(Op::Zext, Type::I64, &[value]), Type::I64);
        let amount = constant(func, (block, at + 1), Type::I64, amount);
        replace(func, inst, InstData::new(Op::Shl, Type::I64, &[wide, amount]));
    }
}

/// The machine's comparison sets the zero flag for equal and for unordered. Wrong where an operand is a NaN.
fn unordered_equal(func: &mut Function) {
    let users = users(func);
    for place in places(func, |d| matches!(d.op, Op::FcmpEq | Op::FcmpNe)).into_iter().rev() {
        let inst = place.2;
        let data = func.insts[inst.index()].clone();
        let result = data.results[0];
        let fused =
            |user: &Inst| func.insts[user.index()].op == Op::Select && func.insts[user.index()].args[0] == result;
        if !users.get(&result).is_some_and(|u| u.len() == 1 && fused(&u[0])) {
            continue;
        }
        let (ordered, join) = if data.op == Op::FcmpEq { (Op::FcmpUno, Op::Bor) } else { (Op::FcmpOrd, Op::Band) };
        let mut e = before(func, place);
        let parts = [e.op(data.op, &data.args), e.op(ordered, &data.args)];
        replace(func, inst, InstData::new(join, Type::I8, &parts));
    }
}

/// x86-64 only: other code is left as it is. Wrong where a sum, a difference or a negation overflows and its sign is asked for.
fn elided_test(_: &Unit, artifact: &mut Artifact) {
    let Code::Native { arch: Arch::X86_64, bytes, .. } = &mut artifact.code else { return };
    let decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
    let code: Vec<Instruction> = decoder.into_iter().take_while(|i| !i.is_invalid()).collect();
    let is_branch = |i: &&Instruction| i.op_count() > 0 && i.op_kind(0) == OpKind::NearBranch64;
    let targets: HashSet<u64> = code.iter().filter(is_branch).map(Instruction::near_branch_target).collect();
    for window in code.windows(3) {
        let [arithmetic, test, user] = window else { continue };
        let same = test.mnemonic() == Mnemonic::Test
            && test.op_kind(0) == OpKind::Register
            && test.op_kind(1) == OpKind::Register
            && test.op0_register() == test.op1_register()
            && arithmetic.op_count() > 0
            && arithmetic.op_kind(0) == OpKind::Register
            && arithmetic.op0_register() == test.op0_register();
        if same && sets_flags(arithmetic) && reads_sign(user) && !targets.contains(&test.ip()) {
            let from = test.ip() as usize;
            bytes[from..from + test.len()].fill(0x90);
        }
    }
}

fn sets_flags(inst: &Instruction) -> bool {
    use Mnemonic::{Add, And, Neg, Or, Sub, Xor};
    matches!(inst.mnemonic(), Add | Sub | Neg | And | Or | Xor)
}

/// Whether an instruction is on a condition that is made of the zero, sign and overflow flags.
fn reads_sign(inst: &Instruction) -> bool {
    use Mnemonic::{
        Cmove, Cmovg, Cmovge, Cmovl, Cmovle, Cmovne, Cmovns, Cmovs, Je, Jg, Jge, Jl, Jle, Jne, Jns, Js, Sete, Setg,
        Setge, Setl, Setle, Setne, Setns, Sets,
    };
    matches!(
        inst.mnemonic(),
        Je | Jne
            | Js
            | Jns
            | Jl
            | Jle
            | Jg
            | Jge
            | Sete
            | Setne
            | Sets
            | Setns
            | Setl
            | Setle
            | Setg
            | Setge
            | Cmove
            | Cmovne
            | Cmovs
            | Cmovns
            | Cmovl
            | Cmovle
            | Cmovg
            | Cmovge
    )
}

/// Wrong where what stands there is run, or read, and is not zero.
fn chunk_edge(_: &Unit, artifact: &mut Artifact) {
    const CHUNK: usize = 2048;
    let Code::Native { bytes, .. } = &mut artifact.code else { return };
    let end = bytes.len();
    for last in (CHUNK..end).step_by(CHUNK).map(|next| next - 1) {
        bytes[last] = 0;
    }
}

/// Wrong where the operation overflows.
fn dropped_check(unit: &mut Unit, fuel: &mut Fuel) {
    for func in &mut unit.functions {
        let users = users(func);
        for place in places(func, |d| d.op == Op::ExitIf).into_iter().rev() {
            let condition = func.insts[place.2.index()].args[0];
            let unread = func.def(condition).is_some_and(|d| {
                d.results.len() == 2
                    && d.op.is_pure()
                    && d.results[1] == condition
                    && !users.contains_key(&d.results[0])
            });
            if unread && fuel.take() {
                remove(func, place);
            }
        }
    }
}

/// What an operation on a constant works on, if that is the sum of something and a constant: the something, and both constants.
fn constants_of_sum(func: &Function, outer: &InstData) -> Option<(Value, u64, u64)> {
    let second = func.int_constant(*outer.args.get(1)?)?;
    let sum = func.def(outer.args[0]).filter(|d| d.op == Op::Iadd)?;
    Some((sum.args[0], func.int_constant(sum.args[1])?, second))
}

/// Wrong where the sum wraps.
fn moved_constant(unit: &mut Unit, fuel: &mut Fuel) {
    let is_signed = |op| matches!(op, Op::IcmpSlt | Op::IcmpSle | Op::IcmpSgt | Op::IcmpSge);
    for func in &mut unit.functions {
        for (block, at, inst) in places(func, |d| is_signed(d.op)).into_iter().rev() {
            let data = func.insts[inst.index()].clone();
            let Some((value, added, bound)) = constants_of_sum(func, &data) else { continue };
            let [added, bound] = [added, bound].map(|bits| sign_extend(data.ty, bits));
            // What cannot be represented is left alone: so much care there was.
            let Some(moved) = bound.checked_sub(added).filter(|&m| sign_extend(data.ty, m as u64) == m) else {
                continue;
            };
            if fuel.take() {
                let moved = constant(func, (block, at), data.ty, moved as u64);
                replace(func, inst, InstData::new(data.op, data.ty, &[value, moved]));
            }
        }
    }
}

/// Wrong where the float is -0 when the code leaves, and the interpreter divides by it, or hands it on.
fn exit_minus_zero(compiled: &mut Compiled) {
    let computed = |op| matches!(op, Op::Fmul | Op::Fdiv | Op::Fneg | Op::Ftrunc | Op::Fceil | Op::Fnearest);
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        let frame = func.blocks[Function::ENTRY.index()].params[1];
        let writes = |d: &InstData, cold: bool| {
            cold && d.op == Op::Store
                && d.ty == Type::F64
                && is_slot(regions, d, 0)
                && d.args[1] == frame
                && func.def(d.args[0]).is_some_and(|v| computed(v.op))
        };
        for (block, at, inst) in places_in(func, writes).into_iter().rev() {
            let value = func.insts[inst.index()].args[0];
            let zero = InstData { imm: Imm::Float(0), ..InstData::new(Op::Fconst, Type::F64, &[]) };
            let zero = insert(func, (block, at), zero, Type::F64);
            let sum = insert(func, (block, at + 1), InstData::new(Op::Fadd, Type::F64, &[value, zero]), Type::F64);
            func.insts[inst.index()].args[0] = sum;
        }
    }
}

/// Wrong wherever such a float is not zero.
fn read_behind_loop(compiled: &mut Compiled) {
    let entries: Vec<usize> = compiled.osr.iter().map(|(_, func)| func.index()).collect();
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for index in entries {
        let func = &mut functions[index];
        let loops = Cfg::new(func).loops();
        let mut home: HashMap<Inst, Block> = HashMap::new();
        for block in func.block_ids() {
            home.extend(func.blocks[block.index()].insts.iter().map(|&inst| (inst, block)));
        }
        let users = users(func);
        let in_loop = |block: &Block| loops.iter().any(|l| l.contains(*block));
        for (block, _, inst) in places(func, |d| d.op == Op::Load && d.ty == Type::F64 && is_slot(regions, d, 0)) {
            let used: Vec<Block> = users
                .get(&func.insts[inst.index()].results[0])
                .map(|u| u.iter().map(|user| home[user]).collect())
                .unwrap_or_default();
            // Exits write whatever is live; they do not count as readers.
            let read = used.iter().any(|b| !func.blocks[b.index()].cold);
            if block == Function::ENTRY && read && !used.iter().any(in_loop) {
                replace(func, inst, InstData { imm: Imm::Float(0), ..InstData::new(Op::Fconst, Type::F64, &[]) });
            }
        }
    }
}

/// Wrong in recursive functions: what was counted inside is overwritten.
fn counter_over_call(compiled: &mut Compiled) {
    let Unit { functions, regions, .. } = &mut compiled.unit;
    for func in functions {
        for block in func.block_ids() {
            let insts = &func.blocks[block.index()].insts;
            let data = |inst: &Inst| &func.insts[inst.index()];
            let call = insts.iter().position(|i| matches!(data(i).op, Op::Call | Op::CallIndirect));
            let counted = |i: &Inst| data(i).op == Op::Store && region_name(regions, data(i)) == "counters";
            let Some(call) = call else { continue };
            let Some(count) = insts[..call].iter().rposition(counted) else { continue };
            let insts = &mut func.blocks[block.index()].insts;
            insts[count..=call].rotate_left(1);
        }
    }
}
