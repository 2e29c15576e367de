//! The arms of fusions ([`lockstep_runtime::fused`]): two instructions in one, on numbers and elements of tables.
//!
//! What an arm has gained is not only a jump: the second operation takes the first one's result from a machine register, while it would wait for a store
//! and a load of the slot, and need not look at its kind. Whatever is not on the fast path is left to the instructions themselves: to the slow path of the first, which knows
//! where it is by its address and not by its number, or to the second, which is executed next.

use lockstep_bytecode::{Instr, Reg};
use lockstep_layout::{Frame, Slot, Tag};

use crate::dynamic::numbers::Arith;
use crate::slots::slot_at;

/// The slot of the register in an instruction's operand number `index`, which is a register, as all before it are.
///
/// # Safety
/// The frame is that of the instruction's function.
#[inline(always)]
pub unsafe fn operand(frame: *mut Frame, ip: *const Instr, index: usize) -> *mut Slot {
    // SAFETY: an instruction is `repr(u16)`: behind its number come the operands in order, registers as bytes.
    unsafe { slot_at(frame, Reg(*ip.cast::<u8>().add(size_of::<u16>() + index))) }
}

/// The slot of the second instruction's other operand.
///
/// # Safety
/// `ip` points to a fusion of the frame's function.
#[inline(always)]
pub unsafe fn other(frame: *mut Frame, ip: *const Instr) -> *const Slot {
    // SAFETY: the caller says so.
    unsafe { slot_at(frame, Reg(*ip.cast::<u8>().add(lockstep_runtime::OTHER))) }
}

/// The number behind two registers of an instruction.
///
/// # Safety
/// `ip` points to arithmetic with an immediate operand.
#[inline(always)]
pub unsafe fn immediate(ip: *const Instr) -> i16 {
    // SAFETY: behind the number and two bytes, the 16-bit operand is aligned.
    unsafe { ip.cast::<i16>().add(2).read() }
}

/// The number behind a register of a branch.
///
/// # Safety
/// `ip` points to a branch on a comparison with an immediate operand.
#[inline(always)]
pub unsafe fn short_immediate(ip: *const Instr) -> i8 {
    // SAFETY: behind the number and a byte stands the 8-bit operand.
    unsafe { *ip.cast::<i8>().add(3) }
}

/// Where the first result stands among the operands of the second operation: either place will do, or it is the first, or the second.
pub trait Place {
    /// Puts the operands in order.
    fn order<T>(result: T, other: T) -> (T, T);
}

/// Either place.
pub struct Either;
/// The first operand.
pub struct First;
/// The second operand.
pub struct Second;

impl Place for Either {
    #[inline(always)]
    fn order<T>(result: T, other: T) -> (T, T) {
        (result, other)
    }
}

impl Place for First {
    #[inline(always)]
    fn order<T>(result: T, other: T) -> (T, T) {
        (result, other)
    }
}

impl Place for Second {
    #[inline(always)]
    fn order<T>(result: T, other: T) -> (T, T) {
        (other, result)
    }
}

/// The second operation on an integer that the first has given and a slot.
///
/// # Safety
/// `other` is readable.
#[inline(always)]
pub unsafe fn with_int<Op: Arith, At: Place>(result: i64, other: *const Slot) -> Option<Slot> {
    // SAFETY: the caller says so.
    let Slot { payload, tag } = unsafe { crate::slots::read(other) };
    if tag == Tag::I64.0 {
        let (a, b) = At::order(result, payload as i64);
        Op::int(a, b).map(Slot::i64)
    } else if Op::IS_FLOAT && tag == Tag::F64.0 {
        let (a, b) = At::order(result as f64, f64::from_bits(payload));
        Op::float(a, b).map(Slot::f64)
    } else {
        None
    }
}

/// The second operation on a float that the first has given and a slot.
///
/// # Safety
/// `other` is readable.
#[inline(always)]
pub unsafe fn with_float<Op: Arith, At: Place>(result: f64, other: *const Slot) -> Option<Slot> {
    if !Op::IS_FLOAT {
        return None;
    }
    // SAFETY: the caller says so.
    let Slot { payload, tag } = unsafe { crate::slots::read(other) };
    let other = match Tag(tag) {
        Tag::F64 => f64::from_bits(payload),
        Tag::I64 => payload as i64 as f64,
        _ => return None,
    };
    let (a, b) = At::order(result, other);
    Op::float(a, b).map(Slot::f64)
}

/// Executes the second instruction on the first one's result if that is on its fast path; otherwise it is executed next.
macro_rules! execute_second {
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (Get) $Takes:ident $with:ident int $result:expr) => {{
        let object = fused::other($s.frame, $ip);
        if (*object).tag == Tag::TABLE.0
            && let Some(value) = TableRef::from_payload((*object).payload).present($result)
        {
            let dst = fused::operand($s.frame, $ip.add(1), 0);
            (*dst).payload = value.payload;
            (*dst).tag = value.tag;
            $s.ip = $ip.add(2);
            continue;
        }
        next!($s, $ip)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (Get) $Takes:ident $with:ident float $result:expr) => {
        next!($s, $ip)
    };
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (Arith($Op:ident)) $Takes:ident $with:ident $kind:ident $result:expr) => {{
        if let Some(value) = fused::$with::<numbers::$Op, fused::$Takes>($result, fused::other($s.frame, $ip)) {
            let dst = fused::operand($s.frame, $ip.add(1), 0);
            (*dst).payload = value.payload;
            (*dst).tag = value.tag;
            $s.ip = $ip.add(2);
            continue;
        }
        next!($s, $ip)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (ArithImm($Op:ident)) $Takes:ident $with:ident int $result:expr) => {{
        if let Some(value) = <numbers::$Op as Arith>::int($result, i64::from(fused::immediate($ip.add(1)))) {
            let dst = fused::operand($s.frame, $ip.add(1), 0);
            (*dst).payload = value as u64;
            (*dst).tag = Tag::I64.0;
            $s.ip = $ip.add(2);
            continue;
        }
        next!($s, $ip)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (ArithImm($Op:ident)) $Takes:ident $with:ident float $result:expr) => {{
        if let Some(value) = <numbers::$Op as Arith>::float($result, f64::from(fused::immediate($ip.add(1)))) {
            let dst = fused::operand($s.frame, $ip.add(1), 0);
            (*dst).payload = value.to_bits();
            (*dst).tag = Tag::F64.0;
            $s.ip = $ip.add(2);
            continue;
        }
        next!($s, $ip)
    }};
    ($state:tt (AnyBranchImm($Test:ident)) $Takes:ident $with:ident $kind:ident $result:expr) => {
        second_branch!($state (AnyBranchImm($Test)) $Takes $kind $result)
    };
    ($state:tt (AnyBranch($Test:ident)) $Takes:ident $with:ident $kind:ident $result:expr) => {
        second_branch!($state (AnyBranch($Test)) $Takes $kind $result)
    };
}

/// A second instruction that is a branch. An interrupt would be found there.
macro_rules! second_branch {
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (AnyBranchImm($Test:ident)) $Takes:ident int $result:expr) => {{
        let second = $ip.add(1);
        $s.ip = second;
        let holds = relation!($Test, $result, i64::from(fused::short_immediate(second)));
        branch!($s, second, $c, $h, $run, holds, near(second))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (AnyBranchImm($Test:ident)) $Takes:ident float $result:expr) => {{
        let second = $ip.add(1);
        $s.ip = second;
        let holds = relation!($Test, $result, f64::from(fused::short_immediate(second)));
        branch!($s, second, $c, $h, $run, holds, near(second))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (AnyBranch($Test:ident)) $Takes:ident int $result:expr) => {{
        let other = fused::other($s.frame, $ip);
        if (*other).tag == Tag::I64.0 {
            let second = $ip.add(1);
            $s.ip = second;
            let (a, b) = <fused::$Takes as fused::Place>::order($result, (*other).payload as i64);
            let holds = relation!($Test, a, b);
            branch!($s, second, $c, $h, $run, holds, near(second))
        }
        next!($s, $ip)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (AnyBranch($Test:ident)) $Takes:ident float $result:expr) => {{
        let other = fused::other($s.frame, $ip);
        if (*other).tag == Tag::F64.0 {
            let second = $ip.add(1);
            $s.ip = second;
            let (a, b) = <fused::$Takes as fused::Place>::order($result, f64::from_bits((*other).payload));
            let holds = relation!($Test, a, b);
            branch!($s, second, $c, $h, $run, holds, near(second))
        }
        next!($s, $ip)
    }};
}

/// A first instruction's result: it is stored, and the second is executed on it.
macro_rules! first_result {
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] $second:tt $Takes:ident int $result:expr) => {{
        let result: i64 = $result;
        let dst = fused::operand($s.frame, $ip, 0);
        (*dst).payload = result as u64;
        (*dst).tag = Tag::I64.0;
        execute_second!([$s $ip $c $h $run] $second $Takes with_int int result)
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] $second:tt $Takes:ident float $result:expr) => {{
        let result: f64 = $result;
        let dst = fused::operand($s.frame, $ip, 0);
        (*dst).payload = result.to_bits();
        (*dst).tag = Tag::F64.0;
        execute_second!([$s $ip $c $h $run] $second $Takes with_float float result)
    }};
}

/// The body of a fusion, by the meanings of its instructions.
macro_rules! execute_fused {
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (Get) $second:tt $Takes:ident) => {{
        let (object, key) = (fused::operand($s.frame, $ip, 1), fused::operand($s.frame, $ip, 2));
        if (*object).tag == Tag::TABLE.0
            && (*key).tag == Tag::I64.0
            && let Some(value) = TableRef::from_payload((*object).payload).present((*key).payload as i64)
        {
            if value.tag == Tag::F64.0 {
                first_result!([$s $ip $c $h $run] $second $Takes float f64::from_bits(value.payload));
            }
            if value.tag == Tag::I64.0 {
                first_result!([$s $ip $c $h $run] $second $Takes int value.payload as i64);
            }
        }
        step!($s, $ip, $run, here!($s, $c, $h, get()))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (Arith($Op:ident)) $second:tt $Takes:ident) => {{
        let (a, b) = (fused::operand($s.frame, $ip, 1), fused::operand($s.frame, $ip, 2));
        if both!(a, b, I64) {
            if let Some(result) = <numbers::$Op as Arith>::int((*a).payload as i64, (*b).payload as i64) {
                first_result!([$s $ip $c $h $run] $second $Takes int result);
            }
        } else if both!(a, b, F64) {
            if let Some(result) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from_bits((*b).payload)) {
                first_result!([$s $ip $c $h $run] $second $Takes float result);
            }
        } else if <numbers::$Op as Arith>::IS_FLOAT
            && let Some((x, y)) = numbers::mixed(a, b)
            && let Some(result) = <numbers::$Op as Arith>::float(x, y)
        {
            first_result!([$s $ip $c $h $run] $second $Takes float result);
        }
        step!($s, $ip, $run, here!($s, $c, $h, operate(AnyOp::$Op)))
    }};
    ([$s:ident $ip:ident $c:ident $h:ident $run:lifetime] (ArithImm($Op:ident)) $second:tt $Takes:ident) => {{
        let a = fused::operand($s.frame, $ip, 1);
        if (*a).tag == Tag::I64.0 {
            if let Some(result) = <numbers::$Op as Arith>::int((*a).payload as i64, i64::from(fused::immediate($ip))) {
                first_result!([$s $ip $c $h $run] $second $Takes int result);
            }
        } else if (*a).tag == Tag::F64.0
            && let Some(result) = <numbers::$Op as Arith>::float(f64::from_bits((*a).payload), f64::from(fused::immediate($ip)))
        {
            first_result!([$s $ip $c $h $run] $second $Takes float result);
        }
        step!($s, $ip, $run, here!($s, $c, $h, operate_imm(AnyOp::$Op)))
    }};
}
