//! Arithmetic of two integers or two floats, for the fast paths of the dispatch loop. All other operands are the runtime's `arith`'s.

use lockstep_bytecode::AnyOp;
use lockstep_layout::{Slot, Tag};
use lockstep_runtime::{ArithOp, float_mod, floor_div, floor_mod, power, shift_left, shift_right};

/// The operation on operands of one kind. `None` leaves it to the slow path.
pub trait Arith {
    /// Whether numbers of different kinds are taken as floats; of two integers it is [`Arith::int`] that decides.
    const IS_FLOAT: bool;
    /// Whether two integers are, too.
    const DIVIDES: bool;
    /// Of two integers to an integer.
    fn int(a: i64, b: i64) -> Option<i64>;
    /// Of two integers to a float.
    fn of_ints(a: i64, b: i64) -> Option<f64>;
    /// Of two floats to a float.
    fn float(a: f64, b: f64) -> Option<f64>;
}

macro_rules! arith {
    ($($Op:ident($is_float:literal, $divides:literal): |$a:ident, $b:ident| $int:expr, $float:expr;)*) => { $(
        #[doc = concat!("The operation `", stringify!($Op), "`.")]
        pub struct $Op;

        impl Arith for $Op {
            const IS_FLOAT: bool = $is_float;
            const DIVIDES: bool = $divides;
            #[inline(always)]
            #[allow(unused_variables, reason = "not every operation has both forms")]
            fn int($a: i64, $b: i64) -> Option<i64> { $int }
            #[inline(always)]
            fn of_ints(a: i64, b: i64) -> Option<f64> {
                if Self::DIVIDES { Self::float(a as f64, b as f64) } else { None }
            }
            #[inline(always)]
            #[allow(unused_variables, reason = "not every operation has both forms")]
            fn float($a: f64, $b: f64) -> Option<f64> { $float }
        }
    )* };
}

arith! {
    Add(true, false): |a, b| Some(a.wrapping_add(b)), Some(a + b);
    Sub(true, false): |a, b| Some(a.wrapping_sub(b)), Some(a - b);
    Mul(true, false): |a, b| Some(a.wrapping_mul(b)), Some(a * b);
    Div(true, true): |a, b| None, Some(a / b);
    Mod(true, false): |a, b| floor_mod(a, b), Some(float_mod(a, b));
    Idiv(true, false): |a, b| floor_div(a, b), Some((a / b).floor());
    Pow(true, true): |a, b| None, Some(power(a, b));
    Band(false, false): |a, b| Some(a & b), None;
    Bor(false, false): |a, b| Some(a | b), None;
    Bxor(false, false): |a, b| Some(a ^ b), None;
    Shl(false, false): |a, b| Some(shift_left(a, b)), None;
    Shr(false, false): |a, b| Some(shift_right(a, b)), None;
}

/// Two numbers of different kinds as floats; `None` if they are no such.
///
/// # Safety
/// Both are readable.
#[inline(always)]
pub unsafe fn mixed(a: *const Slot, b: *const Slot) -> Option<(f64, f64)> {
    // SAFETY: the caller says so.
    unsafe {
        let (x, y) = ((*a).payload, (*b).payload);
        match (Tag((*a).tag), Tag((*b).tag)) {
            (Tag::I64, Tag::F64) => Some((x as i64 as f64, f64::from_bits(y))),
            (Tag::F64, Tag::I64) => Some((f64::from_bits(x), y as i64 as f64)),
            _ => None,
        }
    }
}

/// The runtime's name of an operation.
pub const fn operation(op: AnyOp) -> ArithOp {
    match op {
        AnyOp::Add => ArithOp::Add,
        AnyOp::Sub => ArithOp::Sub,
        AnyOp::Mul => ArithOp::Mul,
        AnyOp::Div => ArithOp::Div,
        AnyOp::Mod => ArithOp::Mod,
        AnyOp::Idiv => ArithOp::IDiv,
        AnyOp::Pow => ArithOp::Pow,
        AnyOp::Band => ArithOp::BAnd,
        AnyOp::Bor => ArithOp::BOr,
        AnyOp::Bxor => ArithOp::BXor,
        AnyOp::Shl => ArithOp::Shl,
        AnyOp::Shr => ArithOp::Shr,
    }
}
