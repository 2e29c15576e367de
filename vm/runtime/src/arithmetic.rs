//! Raw arithmetic and bitwise operations of Lua 5.4 (manual §3.4.1 to §3.4.3), metamethods apart.

use lockstep_layout::{Slot, Tag};

use crate::conversion::{float_to_integer, to_number};
use crate::metamethod::Metamethod;

/// An arithmetic or bitwise operation. Unary ones take their operand twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ArithOp {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a * b`.
    Mul,
    /// `a / b`, always a float.
    Div,
    /// `a % b`, with the divisor's sign.
    Mod,
    /// `a ^ b`, always a float.
    Pow,
    /// `a // b`, rounded down.
    IDiv,
    /// `-a`.
    Unm,
    /// `a & b`.
    BAnd,
    /// `a | b`.
    BOr,
    /// `a ~ b`.
    BXor,
    /// `a << b`.
    Shl,
    /// `a >> b`, logical.
    Shr,
    /// `~a`.
    BNot,
}

impl ArithOp {
    /// Every operation.
    pub const ALL: [ArithOp; 14] = [
        ArithOp::Add,
        ArithOp::Sub,
        ArithOp::Mul,
        ArithOp::Div,
        ArithOp::Mod,
        ArithOp::Pow,
        ArithOp::IDiv,
        ArithOp::Unm,
        ArithOp::BAnd,
        ArithOp::BOr,
        ArithOp::BXor,
        ArithOp::Shl,
        ArithOp::Shr,
        ArithOp::BNot,
    ];

    /// The metamethod that can stand in.
    pub const fn metamethod(self) -> Metamethod {
        match self {
            ArithOp::Add => Metamethod::Add,
            ArithOp::Sub => Metamethod::Sub,
            ArithOp::Mul => Metamethod::Mul,
            ArithOp::Div => Metamethod::Div,
            ArithOp::Mod => Metamethod::Mod,
            ArithOp::Pow => Metamethod::Pow,
            ArithOp::IDiv => Metamethod::IDiv,
            ArithOp::Unm => Metamethod::Unm,
            ArithOp::BAnd => Metamethod::BAnd,
            ArithOp::BOr => Metamethod::BOr,
            ArithOp::BXor => Metamethod::BXor,
            ArithOp::Shl => Metamethod::Shl,
            ArithOp::Shr => Metamethod::Shr,
            ArithOp::BNot => Metamethod::BNot,
        }
    }

    /// Whether the operation works on integers alone.
    pub const fn is_bitwise(self) -> bool {
        matches!(self, ArithOp::BAnd | ArithOp::BOr | ArithOp::BXor | ArithOp::Shl | ArithOp::Shr | ArithOp::BNot)
    }
}

/// Why an operation has no raw result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ArithError {
    /// An operand is no number and spells none. Metamethods are tried.
    Operand,
    /// An operand of a bitwise operation is a number without an integer's value. Metamethods are tried.
    NoInteger,
    /// `n // 0` of integers.
    DivideByZero,
    /// `n % 0` of integers.
    ModuloByZero,
}

impl ArithError {
    /// The message of PUC Lua 5.4, as far as it does not depend on the operand.
    pub const fn message(self) -> Option<&'static str> {
        match self {
            ArithError::Operand => None,
            ArithError::NoInteger => Some("number has no integer representation"),
            ArithError::DivideByZero => Some("attempt to divide by zero"),
            ArithError::ModuloByZero => Some("attempt to perform 'n%0'"),
        }
    }
}

/// The result of an operation on two values. Strings that spell numbers count as these in arithmetic, and not in bitwise
/// operations, as in PUC Lua 5.4.
///
/// # Safety
/// The slots are valid, and what they refer to is live.
#[inline]
pub unsafe fn arith(op: ArithOp, a: Slot, b: Slot) -> Result<Slot, ArithError> {
    if op.is_bitwise() {
        let integer = |value: Slot| value.as_i64().or_else(|| value.as_f64().and_then(float_to_integer));
        return match (integer(a), integer(b)) {
            (Some(a), Some(b)) => Ok(Slot::i64(bitwise(op, a, b))),
            _ if a.is_number() && b.is_number() => Err(ArithError::NoInteger),
            _ => Err(ArithError::Operand),
        };
    }
    // SAFETY: the caller says so.
    let (a, b) = unsafe { (to_number(a), to_number(b)) };
    match (Tag(a.tag), Tag(b.tag)) {
        (Tag::I64, Tag::I64) => on_integers(op, a.payload as i64, b.payload as i64),
        (Tag::NIL, _) | (_, Tag::NIL) => Err(ArithError::Operand),
        _ => Ok(Slot::f64(on_floats(op, number_as_float(a), number_as_float(b)))),
    }
}

/// A number as a float, rounded to nearest.
#[inline(always)]
pub fn number_as_float(number: Slot) -> f64 {
    debug_assert!(number.is_number());
    if number.is(Tag::I64) { number.payload as i64 as f64 } else { f64::from_bits(number.payload) }
}

fn on_integers(op: ArithOp, a: i64, b: i64) -> Result<Slot, ArithError> {
    Ok(Slot::i64(match op {
        ArithOp::Add => a.wrapping_add(b),
        ArithOp::Sub => a.wrapping_sub(b),
        ArithOp::Mul => a.wrapping_mul(b),
        ArithOp::Unm => a.wrapping_neg(),
        ArithOp::IDiv => floor_div(a, b).ok_or(ArithError::DivideByZero)?,
        ArithOp::Mod => floor_mod(a, b).ok_or(ArithError::ModuloByZero)?,
        ArithOp::Div | ArithOp::Pow => return Ok(Slot::f64(on_floats(op, a as f64, b as f64))),
        _ => bitwise(op, a, b),
    }))
}

/// The quotient rounded down; wraps for the smallest integer by −1. `None` for a divisor of zero.
#[inline(always)]
pub fn floor_div(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let (quotient, remainder) = (a.wrapping_div(b), a.wrapping_rem(b));
    let is_below = remainder != 0 && (remainder ^ b) < 0 && !crate::planted!("truncating-division");
    Some(if is_below { quotient - 1 } else { quotient })
}

/// The remainder of [`floor_div`], which has the divisor's sign.
#[inline(always)]
pub fn floor_mod(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let remainder = a.wrapping_rem(b);
    Some(if remainder != 0 && (remainder ^ b) < 0 { remainder + b } else { remainder })
}

/// The remainder of floats with the divisor's sign.
#[inline]
pub fn float_mod(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if crate::planted!("float-remainder") {
        return remainder;
    }
    if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }
}

fn on_floats(op: ArithOp, a: f64, b: f64) -> f64 {
    match op {
        ArithOp::Add => a + b,
        ArithOp::Sub => a - b,
        ArithOp::Mul => a * b,
        ArithOp::Div => a / b,
        ArithOp::Mod => float_mod(a, b),
        ArithOp::Pow => power(a, b),
        ArithOp::IDiv => (a / b).floor(),
        ArithOp::Unm => -a,
        _ => unreachable!("{op:?} is bitwise"),
    }
}

/// `a ^ b` as C's `pow`.
#[inline]
pub fn power(a: f64, b: f64) -> f64 {
    if b == 2.0 { a * a } else { a.powf(b) }
}

fn bitwise(op: ArithOp, a: i64, b: i64) -> i64 {
    match op {
        ArithOp::BAnd => a & b,
        ArithOp::BOr => a | b,
        ArithOp::BXor => a ^ b,
        ArithOp::Shl => shift_left(a, b),
        ArithOp::Shr => shift_right(a, b),
        ArithOp::BNot => !a,
        _ => unreachable!("{op:?} is not bitwise"),
    }
}

/// `a << b` of Lua: logical, to the right for a negative `b`, and zero once all bits are out.
#[inline(always)]
pub fn shift_left(a: i64, b: i64) -> i64 {
    let a = a as u64;
    (match b {
        0..=63 => a << b,
        -63..=-1 => a >> -b,
        _ if crate::planted!("wrapping-shift") => a << (b & 63),
        _ => 0,
    }) as i64
}

/// `a >> b` of Lua: `a << -b`.
#[inline(always)]
pub fn shift_right(a: i64, b: i64) -> i64 {
    let a = a as u64;
    (match b {
        0..=63 => a >> b,
        -63..=-1 => a << -b,
        _ => 0,
    }) as i64
}

/// A number that controls a loop as an integer limit: `for` of §3.3.5 cuts floats towards the start.
///
/// `None` says that a float is beyond all integers (or NaN), so that the loop's direction decides.
pub fn loop_limit(limit: f64, ascending: bool) -> Option<i64> {
    let ascending = if crate::planted!("loop-limit") { !ascending } else { ascending };
    float_to_integer(if ascending { limit.floor() } else { limit.ceil() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Heap;

    fn int(op: ArithOp, a: i64, b: i64) -> Result<Slot, ArithError> {
        // SAFETY: numbers refer to nothing.
        unsafe { arith(op, Slot::i64(a), Slot::i64(b)) }
    }

    fn float(op: ArithOp, a: f64, b: f64) -> f64 {
        // SAFETY: numbers refer to nothing.
        unsafe { arith(op, Slot::f64(a), Slot::f64(b)) }.unwrap().as_f64().unwrap()
    }

    #[test]
    fn integers_wrap_and_round_down() {
        let ok = |value| Ok(Slot::i64(value));
        assert_eq!(int(ArithOp::Add, i64::MAX, 1), ok(i64::MIN));
        assert_eq!(int(ArithOp::Mul, i64::MIN, -1), ok(i64::MIN));
        assert_eq!(int(ArithOp::Unm, i64::MIN, i64::MIN), ok(i64::MIN));
        for (a, b, quotient, remainder) in [
            (7, 3, 2, 1),
            (-7, 3, -3, 2),
            (7, -3, -3, -2),
            (-7, -3, 2, -1),
            (6, -3, -2, 0),
            (i64::MIN, -1, i64::MIN, 0),
            (i64::MIN, 1, i64::MIN, 0),
            (i64::MAX, i64::MIN, -1, -1),
        ] {
            assert_eq!((int(ArithOp::IDiv, a, b), int(ArithOp::Mod, a, b)), (ok(quotient), ok(remainder)), "{a} {b}");
        }
        assert_eq!(int(ArithOp::IDiv, 1, 0), Err(ArithError::DivideByZero));
        assert_eq!(int(ArithOp::Mod, 1, 0), Err(ArithError::ModuloByZero));
        assert_eq!(int(ArithOp::Div, 7, 2), Ok(Slot::f64(3.5)));
        assert_eq!(int(ArithOp::Pow, 2, 10), Ok(Slot::f64(1024.0)));
    }

    #[test]
    fn shifts_go_both_ways_and_run_out() {
        let ok = |value| Ok(Slot::i64(value));
        assert_eq!(int(ArithOp::Shl, 1, 63), ok(i64::MIN));
        assert_eq!(int(ArithOp::Shl, 1, 64), ok(0));
        assert_eq!(int(ArithOp::Shr, -1, 1), ok(i64::MAX));
        assert_eq!(int(ArithOp::Shl, -1, -1), ok(i64::MAX));
        assert_eq!(int(ArithOp::Shr, 1, -63), ok(i64::MIN));
        assert_eq!(int(ArithOp::Shr, -1, 64), ok(0));
        assert_eq!(int(ArithOp::Shr, -1, i64::MIN), ok(0));
        assert_eq!(int(ArithOp::Shl, -1, i64::MIN), ok(0));
        assert_eq!(int(ArithOp::BNot, 0, 0), ok(-1));
    }

    #[test]
    fn floats_follow_ieee() {
        assert_eq!(float(ArithOp::IDiv, 7.5, 2.0), 3.0);
        assert_eq!(float(ArithOp::IDiv, -7.5, 2.0), -4.0);
        assert_eq!(float(ArithOp::IDiv, 1.0, 0.0), f64::INFINITY);
        assert_eq!(float(ArithOp::Mod, 5.5, -2.0), -0.5);
        assert_eq!(float(ArithOp::Mod, -5.5, 2.0), 0.5);
        assert_eq!(float(ArithOp::Mod, 1.0, f64::INFINITY), 1.0);
        assert_eq!(float(ArithOp::Mod, -1.0, f64::INFINITY), f64::INFINITY);
        assert!(float(ArithOp::Mod, 1.0, 0.0).is_nan());
        assert_eq!(float(ArithOp::Pow, 2.0, 0.5), 2f64.sqrt());
        assert_eq!(float(ArithOp::Unm, 0.0, 0.0).to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    fn strings_take_part_as_the_numbers_they_spell() {
        let mut heap = Heap::new(1 << 20);
        let mut string = |text: &str| heap.new_string(text.as_bytes()).unwrap().slot();
        let (ten, half, word) = (string("10"), string(" 0x.8 "), string("ten"));
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            assert_eq!(arith(ArithOp::Add, ten, Slot::i64(1)), Ok(Slot::i64(11)));
            assert_eq!(arith(ArithOp::Mul, half, ten), Ok(Slot::f64(5.0)));
            assert_eq!(arith(ArithOp::BOr, Slot::i64(10), Slot::f64(1.0)), Ok(Slot::i64(11)));
            assert_eq!(arith(ArithOp::BOr, ten, Slot::i64(1)), Err(ArithError::Operand));
            assert_eq!(arith(ArithOp::Add, word, ten), Err(ArithError::Operand));
            assert_eq!(arith(ArithOp::BAnd, Slot::f64(1.5), Slot::i64(1)), Err(ArithError::NoInteger));
            assert_eq!(arith(ArithOp::BAnd, Slot::TRUE, Slot::f64(1.5)), Err(ArithError::Operand));
            assert_eq!(arith(ArithOp::Add, Slot::NIL, Slot::i64(1)), Err(ArithError::Operand));
        }
    }
}
