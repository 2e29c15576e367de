//! One lowering per operation. What is not here is declared unsupported and refused by name.
//!
//! Between two operations nothing is in registers. The sections are the steps of docs/write-a-backend.md.

use lockstep_ir::{Imm, InstData, Op, Type};

use crate::Lowerer;
use crate::asm::Cond::{self, *};
use crate::asm::{R11, RAX, RCX, RDX, RSP, Rm};

/// Emits code for an instruction.
pub type Lowering = fn(&mut Lowerer<'_>, &InstData);

/// How an operation is lowered; `None` if it is not.
pub fn lowering(op: Op) -> Option<Lowering> {
    let lowering: Lowering = match op {
        Op::Iconst | Op::Fconst => constant,
        Op::Iadd => |f, i| binary(f, i, &[0x03]),
        Op::Isub => |f, i| binary(f, i, &[0x2b]),
        Op::Load => load,
        Op::Store => store,
        Op::Select => select,
        Op::IcmpEq => |f, i| compare(f, i, Equal),
        Op::IcmpNe => |f, i| compare(f, i, NotEqual),
        Op::IcmpSlt => |f, i| compare(f, i, Less),
        Op::IcmpSle => |f, i| compare(f, i, LessEqual),
        Op::IcmpSgt => |f, i| compare(f, i, Greater),
        Op::IcmpSge => |f, i| compare(f, i, GreaterEqual),
        Op::IcmpUlt => |f, i| compare(f, i, Below),
        Op::IcmpUle => |f, i| compare(f, i, BelowEqual),
        Op::IcmpUgt => |f, i| compare(f, i, Above),
        Op::IcmpUge => |f, i| compare(f, i, AboveEqual),
        Op::Sext => sext,
        // A slot holds its value zero-extended, and floats as their bits.
        Op::Zext | Op::Trunc | Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits => copy,
        Op::Call => call,
        Op::Jump => |f, i| f.branch(&i.targets[0]),
        Op::Brif => brif,
        Op::Return => |f, i| f.ret(&i.args),
        // step 1: logic
        Op::Imul => |f, i| binary(f, i, &[0x0f, 0xaf]),
        Op::Band => |f, i| binary(f, i, &[0x23]),
        Op::Bor => |f, i| binary(f, i, &[0x0b]),
        Op::Bxor => |f, i| binary(f, i, &[0x33]),
        Op::Bnot => |f, i| unary(f, i, 2),
        Op::Ineg => |f, i| unary(f, i, 3),
        // end of step
        // step 2: shifts
        Op::Shl => |f, i| shift(f, i, 4),
        Op::Lshr => |f, i| shift(f, i, 5),
        Op::Ashr => |f, i| shift(f, i, 7),
        Op::Rotl => |f, i| rotate(f, i, 0),
        Op::Rotr => |f, i| rotate(f, i, 1),
        // end of step
        // step 3: division
        Op::Sdiv => |f, i| divide(f, i, true, false),
        Op::Udiv => |f, i| divide(f, i, false, false),
        Op::Srem => |f, i| divide(f, i, true, true),
        Op::Urem => |f, i| divide(f, i, false, true),
        // end of step
        // step 4: counting
        Op::Clz => clz,
        Op::Ctz => ctz,
        Op::Popcnt => popcnt,
        Op::Bswap => bswap,
        // end of step
        // step 5: overflow
        Op::SaddOverflow => |f, i| overflow(f, i, 0x03, Overflow),
        Op::UaddOverflow => |f, i| overflow(f, i, 0x03, Below),
        Op::SsubOverflow => |f, i| overflow(f, i, 0x2b, Overflow),
        Op::UsubOverflow => |f, i| overflow(f, i, 0x2b, Below),
        Op::SmulOverflow => |f, i| multiply(f, i, 5, false),
        Op::UmulOverflow => |f, i| multiply(f, i, 4, false),
        Op::Smulhi => |f, i| multiply(f, i, 5, true),
        Op::Umulhi => |f, i| multiply(f, i, 4, true),
        // end of step
        // step 6: control
        Op::Switch => switch,
        Op::AtomicLoad => load,
        Op::StackPointer => |f, i| f.define(i.results[0], RSP),
        Op::CallIndirect | Op::CallHelper => call_address,
        // end of step
        _ => return None,
    };
    Some(lowering)
}

fn constant(f: &mut Lowerer<'_>, inst: &InstData) {
    let (Imm::Int(bits) | Imm::Float(bits)) = inst.imm else { unreachable!("a constant has its bits") };
    f.asm.constant(RAX, bits);
    f.define(inst.results[0], RAX);
}

/// The low bits of a result depend on the low bits of the operands alone: one instruction on 64 bits serves every width.
fn binary(f: &mut Lowerer<'_>, inst: &InstData, opcode: &[u8]) {
    f.load(RAX, inst.args[0]);
    f.load(RCX, inst.args[1]);
    f.asm.wide(opcode, RAX, Rm::Reg(RCX));
    f.define(inst.results[0], RAX);
}

fn load(f: &mut Lowerer<'_>, inst: &InstData) {
    let (_, offset) = inst.mem().expect("an access has its offset");
    f.load(RAX, inst.args[0]);
    let at = Rm::Mem(RAX, offset);
    match inst.ty {
        Type::I8 => f.asm.wide(&[0x0f, 0xb6], RAX, at),
        Type::I16 => f.asm.wide(&[0x0f, 0xb7], RAX, at),
        Type::I32 | Type::F32 => f.asm.inst(&[], false, &[0x8b], RAX.0, at),
        Type::I64 | Type::F64 => f.asm.wide(&[0x8b], RAX, at),
    }
    f.define(inst.results[0], RAX);
}

fn store(f: &mut Lowerer<'_>, inst: &InstData) {
    let (_, offset) = inst.mem().expect("an access has its offset");
    f.load(RCX, inst.args[0]);
    f.load(RAX, inst.args[1]);
    f.asm.sized(inst.ty.bits(), 0x89, RCX.0, Rm::Mem(RAX, offset));
}

fn select(f: &mut Lowerer<'_>, inst: &InstData) {
    f.load(RDX, inst.args[0]);
    f.load(RAX, inst.args[1]);
    f.load(RCX, inst.args[2]);
    f.asm.test(RDX);
    f.asm.copy_if(Equal, RAX, RCX);
    f.define(inst.results[0], RAX);
}

/// Operands extended to 64 bits, by the comparison's own signedness, compare as they do at their width.
fn compare(f: &mut Lowerer<'_>, inst: &InstData, cond: Cond) {
    let load =
        if matches!(cond, Less | LessEqual | Greater | GreaterEqual) { Lowerer::load_signed } else { Lowerer::load };
    load(f, RAX, inst.args[0]);
    load(f, RCX, inst.args[1]);
    f.asm.wide(&[0x3b], RAX, Rm::Reg(RCX));
    f.asm.set(cond, RAX);
    f.define(inst.results[0], RAX);
}

fn sext(f: &mut Lowerer<'_>, inst: &InstData) {
    f.load_signed(RAX, inst.args[0]);
    f.define(inst.results[0], RAX);
}

fn copy(f: &mut Lowerer<'_>, inst: &InstData) {
    f.load(RAX, inst.args[0]);
    f.define(inst.results[0], RAX);
}

fn call(f: &mut Lowerer<'_>, inst: &InstData) {
    let Imm::Func(callee) = inst.imm else { unreachable!("a call has its callee") };
    let unit = f.unit;
    f.call(&unit.functions[callee.index()].signature.params, &inst.args, &inst.results, |f| {
        f.asm.call(f.entries[callee.index()]);
    });
}

fn brif(f: &mut Lowerer<'_>, inst: &InstData) {
    let otherwise = f.asm.label();
    f.load(RAX, inst.args[0]);
    f.asm.test(RAX);
    f.asm.jump_if(Equal, otherwise);
    f.branch(&inst.targets[0]);
    f.asm.bind(otherwise);
    f.branch(&inst.targets[1]);
}

// step 1: logic
/// `not` is /2 and `neg` /3 of the same opcode.
fn unary(f: &mut Lowerer<'_>, inst: &InstData, extension: u8) {
    f.load(RAX, inst.args[0]);
    f.asm.inst(&[], true, &[0xf7], extension, Rm::Reg(RAX));
    f.define(inst.results[0], RAX);
}
// end of step

// step 2: shifts
/// On 64 bits, by an amount reduced to the width: the machine would reduce it to 64.
fn shift(f: &mut Lowerer<'_>, inst: &InstData, extension: u8) {
    if inst.op == Op::Ashr {
        f.load_signed(RAX, inst.args[0])
    } else {
        f.load(RAX, inst.args[0])
    }
    f.load(RCX, inst.args[1]);
    f.asm.inst(&[], false, &[0x83], 4, Rm::Reg(RCX)); // and ecx, width - 1
    f.asm.byte(inst.ty.bits() as u8 - 1);
    f.asm.inst(&[], true, &[0xd3], extension, Rm::Reg(RAX));
    f.define(inst.results[0], RAX);
}

/// At the value's own width. The machine takes the amount modulo 32 or 64 first, which every width divides.
fn rotate(f: &mut Lowerer<'_>, inst: &InstData, extension: u8) {
    f.load(RAX, inst.args[0]);
    f.load(RCX, inst.args[1]);
    f.asm.sized(inst.ty.bits(), 0xd3, extension, Rm::Reg(RAX));
    f.define(inst.results[0], RAX);
}
// end of step

// step 3: division
/// On 64 bits, of extended operands. Two divisors the machine traps at, or might: 0, and -1 (for the least dividend).
fn divide(f: &mut Lowerer<'_>, inst: &InstData, signed: bool, remainder: bool) {
    let [zero, minus_one, done] = [(); 3].map(|()| f.asm.label());
    let load = if signed { Lowerer::load_signed } else { Lowerer::load };
    load(f, RAX, inst.args[0]);
    load(f, RCX, inst.args[1]);
    f.asm.test(RCX);
    f.asm.jump_if(Equal, zero);
    f.asm.constant(RDX, 0);
    if signed {
        f.asm.inst(&[], true, &[0x83], 7, Rm::Reg(RCX)); // cmp rcx, -1
        f.asm.byte(0xff);
        f.asm.jump_if(Equal, minus_one);
        f.asm.copy(RDX, RAX); // the sign of rax, in all bits of rdx
        f.asm.inst(&[], true, &[0xc1], 7, Rm::Reg(RDX));
        f.asm.byte(63);
    }
    f.asm.inst(&[], true, &[0xf7], if signed { 7 } else { 6 }, Rm::Reg(RCX));
    if remainder {
        f.asm.copy(RAX, RDX);
    }
    f.asm.jump(done);
    f.asm.bind(zero);
    if !remainder {
        f.asm.constant(RAX, 0);
    }
    f.asm.jump(done);
    f.asm.bind(minus_one);
    if remainder {
        f.asm.constant(RAX, 0);
    } else {
        f.asm.inst(&[], true, &[0xf7], 3, Rm::Reg(RAX)); // neg rax
    }
    f.asm.bind(done);
    f.define(inst.results[0], RAX);
}
// end of step

// step 4: counting
/// The machine's scan leaves its target undefined and sets the zero flag where no bit is set.
fn scan(f: &mut Lowerer<'_>, inst: &InstData, opcode: u8, none: u64) {
    f.load(RAX, inst.args[0]);
    f.asm.constant(RCX, none);
    f.asm.wide(&[0x0f, opcode], RAX, Rm::Reg(RAX));
    f.asm.copy_if(Equal, RAX, RCX);
}

/// `width - 1 -` the index of the highest bit, which is taken to be -1 where there is none.
fn clz(f: &mut Lowerer<'_>, inst: &InstData) {
    scan(f, inst, 0xbd, u64::MAX);
    f.asm.constant(RCX, u64::from(inst.ty.bits()) - 1);
    f.asm.wide(&[0x2b], RCX, Rm::Reg(RAX));
    f.define(inst.results[0], RCX);
}

fn ctz(f: &mut Lowerer<'_>, inst: &InstData) {
    scan(f, inst, 0xbc, u64::from(inst.ty.bits()));
    f.define(inst.results[0], RAX);
}

fn popcnt(f: &mut Lowerer<'_>, inst: &InstData) {
    let slot = f.slot(inst.args[0]);
    f.asm.inst(&[0xf3], true, &[0x0f, 0xb8], RAX.0, slot);
    f.define(inst.results[0], RAX);
}

fn bswap(f: &mut Lowerer<'_>, inst: &InstData) {
    f.load(RAX, inst.args[0]);
    // The register stands in the opcode's last byte, which looks like a ModRM for rax.
    f.asm.inst(&[], true, &[0x0f], 1, Rm::Reg(RAX));
    f.asm.inst(&[], true, &[0xc1], 5, Rm::Reg(RAX)); // shr rax, 64 - width
    f.asm.byte(64 - inst.ty.bits() as u8);
    f.define(inst.results[0], RAX);
}
// end of step

// step 5: overflow
/// At the value's own width, where the machine's flags say what is asked.
fn overflow(f: &mut Lowerer<'_>, inst: &InstData, opcode: u8, cond: Cond) {
    f.load(RAX, inst.args[0]);
    f.load(RCX, inst.args[1]);
    f.asm.sized(inst.ty.bits(), opcode, RAX.0, Rm::Reg(RCX));
    f.asm.set(cond, RDX);
    f.define(inst.results[0], RAX);
    f.define(inst.results[1], RDX);
}

/// The double-width product of rax and rcx: `mul` is /4, `imul` /5. It is in rdx and rax, but for bytes in ax.
fn multiply(f: &mut Lowerer<'_>, inst: &InstData, extension: u8, high: bool) {
    f.load(RAX, inst.args[0]);
    f.load(RCX, inst.args[1]);
    f.asm.sized(inst.ty.bits(), 0xf7, extension, Rm::Reg(RCX));
    if !high {
        f.asm.set(Overflow, RDX);
        f.define(inst.results[0], RAX);
        f.define(inst.results[1], RDX);
    } else if inst.ty == Type::I8 {
        f.asm.inst(&[], false, &[0xc1], 5, Rm::Reg(RAX)); // shr eax, 8
        f.asm.byte(8);
        f.define(inst.results[0], RAX);
    } else {
        f.define(inst.results[0], RDX);
    }
}
// end of step

// step 6: control
/// One comparison per case.
fn switch(f: &mut Lowerer<'_>, inst: &InstData) {
    for (&case, target) in inst.cases.iter().zip(&inst.targets[1..]) {
        let next = f.asm.label();
        f.load(RAX, inst.args[0]);
        f.asm.constant(RCX, case);
        f.asm.wide(&[0x3b], RAX, Rm::Reg(RCX));
        f.asm.jump_if(NotEqual, next);
        f.branch(target);
        f.asm.bind(next);
    }
    f.branch(&inst.targets[0]);
}

/// Calls the address in the first operand, or the one found in the helper table at it.
fn call_address(f: &mut Lowerer<'_>, inst: &InstData) {
    let unit = f.unit;
    let signature = unit.call_signature(inst).expect("a call has its signature");
    f.call(&signature.params, &inst.args[1..], &inst.results, |f| {
        f.load(R11, inst.args[0]);
        if let Imm::Helper(helper) = inst.imm {
            f.asm.wide(&[0x8b], R11, Rm::Mem(R11, 8 * unit.helpers[helper.index()].index as i32));
        }
        f.asm.inst(&[], false, &[0xff], 2, Rm::Reg(R11));
    });
}
// end of step
