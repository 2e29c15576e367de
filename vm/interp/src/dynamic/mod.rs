//! What instructions on dynamic values do off the fast path of their arms.

pub mod numbers;

use lockstep_bytecode::{AnyOp, AnyUnOp, ErrorKind, Instr, Reg, Seen, Test};
use lockstep_layout::{Ctx, Slot, Tag};

use crate::activation::{Registers, vm};
use crate::slots::slot_at;
use numbers::{Number, Undefined};

/// How an instruction goes on after a slow path.
pub enum Step {
    /// It is done.
    Done,
    /// It raises.
    Raise(ErrorKind),
}

/// The outcome of a comparison.
pub enum Verdict {
    /// The test holds, or not.
    Holds(bool),
    /// It raises.
    Raise(ErrorKind),
}

/// Notes in the instruction that such operands were seen.
///
/// # Safety
/// `ip` points into a VM's own copy of a function's code.
#[cold]
#[inline(never)]
pub unsafe fn see(ip: *const Instr, what: Seen) {
    // SAFETY: the copy is the VM's own and writable, and nobody else reads it while the program runs.
    if let Some(seen) = unsafe { (*ip.cast_mut()).seen() } {
        seen.0 |= what.0;
    }
}

/// The number that a value is.
fn number(value: Slot) -> Option<Number> {
    match Tag(value.tag) {
        Tag::I64 => Some(Number::Int(value.payload as i64)),
        Tag::F64 => Some(Number::Float(f64::from_bits(value.payload))),
        _ => None,
    }
}

fn slot_of(value: Number) -> Slot {
    match value {
        Number::Int(value) => Slot::i64(value),
        Number::Float(value) => Slot::f64(value),
    }
}

/// The name of a value's type in Lua.
pub fn type_name(tag: Tag) -> &'static str {
    match tag {
        Tag::NIL => "nil",
        Tag::BOOL => "boolean",
        Tag::I64 | Tag::F64 => "number",
        Tag::STRING => "string",
        Tag::TABLE => "table",
        Tag::CLOSURE | Tag::FOREIGN => "function",
        Tag::COROUTINE => "thread",
        _ => "userdata",
    }
}

/// Raises with a message of its own.
///
/// # Safety
/// The VM is not otherwise in use.
unsafe fn fail(ctx: *mut Ctx, kind: ErrorKind, message: String) -> ErrorKind {
    // SAFETY: the caller says so.
    unsafe { vm(ctx).set_message(message) };
    kind
}

/// A checked move found a value of another kind.
///
/// # Safety
/// The registers are those of a running activation; the VM is not otherwise in use.
#[cold]
#[inline(never)]
pub unsafe fn not_of_kind(ctx: *mut Ctx, registers: &Registers, wanted: Tag, found: u64) -> ErrorKind {
    let name = |tag: Tag| match tag {
        Tag::I64 => "integer",
        Tag::F64 => "float",
        tag => type_name(tag),
    };
    // SAFETY: the caller says so.
    unsafe {
        let (Instr::UnboxI64 { a, .. } | Instr::UnboxF64 { a, .. } | Instr::UnboxBool { a, .. }) = *registers.ip else {
            unreachable!("no other instruction demands a kind")
        };
        let message = format!("{} expected, got {}{}", name(wanted), name(Tag(found)), describe(ctx, registers, a));
        fail(ctx, ErrorKind::TypeError, message)
    }
}

/// What a register is called, for messages: ` (local 'x')`, or nothing.
///
/// # Safety
/// The registers are those of a running activation; the VM is not otherwise in use.
unsafe fn describe(ctx: *mut Ctx, registers: &Registers, reg: Reg) -> String {
    // SAFETY: the frame is live; the module lives as long as the VM.
    let name = unsafe {
        let function = lockstep_bytecode::FuncId((*registers.frame).func);
        vm(ctx).module().function(function).registers[reg.index()].name.clone()
    };
    name.map_or(String::new(), |name| format!(" (local '{name}')"))
}

/// The register operands of the current instruction that hold `a` and `b`.
///
/// # Safety
/// `ip` points to an instruction.
unsafe fn operand_registers(registers: &Registers) -> (Option<Reg>, Option<Reg>) {
    // SAFETY: the caller says so.
    let instr = unsafe { *registers.ip };
    let named =
        |name: &str| instr.declared().find(|(operand, _)| operand.name == name).and_then(|(_, value)| value.reg());
    (named("a"), named("b"))
}

/// A generic operation on two operands.
///
/// # Safety
/// The registers are those of a running activation at a generic instruction; the VM is not otherwise in use.
#[cold]
#[inline(never)]
pub unsafe fn operate(ctx: *mut Ctx, registers: &mut Registers, op: AnyOp, a: Slot, b: Slot, dst: Reg) -> Step {
    // SAFETY: the caller says so; the instruction names `dst`.
    unsafe {
        let (Some(x), Some(y)) = (number(a), number(b)) else {
            return Step::Raise(no_number(ctx, registers, op, a, b));
        };
        see(registers.ip, if a.tag == b.tag { Seen::INT } else { Seen::MIXED });
        match numbers::arith(op, x, y) {
            Ok(value) => {
                slot_at(registers.frame, dst).write(slot_of(value));
                Step::Done
            }
            Err(why) => Step::Raise(undefined(ctx, why)),
        }
    }
}

/// # Safety
/// The VM is not otherwise in use.
unsafe fn undefined(ctx: *mut Ctx, why: Undefined) -> ErrorKind {
    // SAFETY: the caller says so.
    unsafe {
        match why {
            Undefined::DivideByZero => fail(ctx, ErrorKind::DivideByZero, "attempt to perform 'n//0'".to_owned()),
            Undefined::ModuloByZero => fail(ctx, ErrorKind::DivideByZero, "attempt to perform 'n%%0'".to_owned()),
            Undefined::NoInteger => ErrorKind::Conversion,
        }
    }
}

/// An operand is no number. As Lua does, blames the second operand if it is the first that is no number.
///
/// # Safety
/// As for [`operate`].
unsafe fn no_number(ctx: *mut Ctx, registers: &Registers, op: AnyOp, a: Slot, b: Slot) -> ErrorKind {
    // SAFETY: the caller says so.
    unsafe {
        let (ra, rb) = operand_registers(registers);
        let (culprit, reg) = if number(b).is_none() { (b, rb) } else { (a, ra) };
        let name = reg.map_or(String::new(), |reg| describe(ctx, registers, reg));
        let what = match op {
            AnyOp::Band | AnyOp::Bor | AnyOp::Bxor | AnyOp::Shl | AnyOp::Shr => "perform bitwise operation on",
            _ => "perform arithmetic on",
        };
        let message = format!("attempt to {what} a {} value{name}", type_name(Tag(culprit.tag)));
        fail(ctx, ErrorKind::TypeError, message)
    }
}

/// A generic operation on one operand.
///
/// # Safety
/// As for [`operate`].
#[cold]
#[inline(never)]
pub unsafe fn unary(ctx: *mut Ctx, registers: &mut Registers, op: AnyUnOp, a: Slot, dst: Reg) -> Step {
    // SAFETY: the caller says so; the instruction names `dst`.
    unsafe {
        let answer = match (op, number(a)) {
            (AnyUnOp::Neg, Some(value)) => numbers::arith(AnyOp::Sub, Number::Int(0), value),
            (AnyUnOp::Bnot, Some(value)) => numbers::arith(AnyOp::Bxor, value, Number::Int(-1)),
            _ => {
                return Step::Raise(no_number(
                    ctx,
                    registers,
                    if op == AnyUnOp::Bnot { AnyOp::Bxor } else { AnyOp::Sub },
                    a,
                    Slot::i64(0),
                ));
            }
        };
        match answer {
            Ok(value) => {
                slot_at(registers.frame, dst).write(slot_of(value));
                Step::Done
            }
            Err(why) => Step::Raise(undefined(ctx, why)),
        }
    }
}

/// A comparison of two operands.
///
/// # Safety
/// As for [`operate`].
#[cold]
#[inline(never)]
pub unsafe fn compare(ctx: *mut Ctx, registers: &mut Registers, test: Test, a: Slot, b: Slot) -> Verdict {
    let numbers = number(a).zip(number(b));
    let equal = || match numbers {
        Some((a, b)) => numbers::equal(a, b),
        None => a.tag == b.tag && (a.payload == b.payload || a.is_nil()),
    };
    // SAFETY: the caller says so.
    unsafe { see(registers.ip, if numbers.is_some() { Seen::MIXED } else { Seen::OTHER }) };
    let holds = match (test, numbers) {
        (Test::Eq, _) => equal(),
        (Test::Ne, _) => !equal(),
        (Test::Lt, Some((a, b))) => numbers::less(a, b),
        (Test::NotLt, Some((a, b))) => !numbers::less(a, b),
        (Test::Le, Some((a, b))) => numbers::less_equal(a, b),
        (Test::NotLe, Some((a, b))) => !numbers::less_equal(a, b),
        (Test::Gt, Some((a, b))) => numbers::less(b, a),
        (Test::NotGt, Some((a, b))) => !numbers::less(b, a),
        (Test::Ge, Some((a, b))) => numbers::less_equal(b, a),
        (Test::NotGe, Some((a, b))) => !numbers::less_equal(b, a),
        (_, None) => {
            // SAFETY: the caller says so.
            return Verdict::Raise(unsafe { not_comparable(ctx, a, b) });
        }
    };
    Verdict::Holds(holds)
}

/// # Safety
/// The VM is not otherwise in use.
unsafe fn not_comparable(ctx: *mut Ctx, a: Slot, b: Slot) -> ErrorKind {
    let (a, b) = (type_name(Tag(a.tag)), type_name(Tag(b.tag)));
    let message = match a == b {
        true => format!("attempt to compare two {a} values"),
        false => format!("attempt to compare {a} with {b}"),
    };
    // SAFETY: the caller says so.
    unsafe { fail(ctx, ErrorKind::TypeError, message) }
}
