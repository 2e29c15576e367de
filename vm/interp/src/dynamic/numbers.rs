//! Arithmetic of two integers or two floats, for the fast paths of the dispatch loop. All other operands are the runtime's `arith`'s.

use lockstep_bytecode::AnyOp;
use lockstep_runtime::{ArithOp, float_mod, floor_div, floor_mod, power, shift_left};

/// The operation on operands of one kind. `None` leaves it to the slow path.
pub trait Arith {
    /// Of two integers to an integer.
    fn int(a: i64, b: i64) -> Option<i64>;
    /// Of two floats to a float.
    fn float(a: f64, b: f64) -> Option<f64>;
}

macro_rules! arith {
    ($($Op:ident: |$a:ident, $b:ident| $int:expr, $float:expr;)*) => { $(
        #[doc = concat!("The operation `", stringify!($Op), "`.")]
        pub struct $Op;

        impl Arith for $Op {
            #[inline(always)]
            #[allow(unused_variables, reason = "not every operation has both forms")]
            fn int($a: i64, $b: i64) -> Option<i64> { $int }
            #[inline(always)]
            #[allow(unused_variables, reason = "not every operation has both forms")]
            fn float($a: f64, $b: f64) -> Option<f64> { $float }
        }
    )* };
}

arith! {
    Add: |a, b| Some(a.wrapping_add(b)), Some(a + b);
    Sub: |a, b| Some(a.wrapping_sub(b)), Some(a - b);
    Mul: |a, b| Some(a.wrapping_mul(b)), Some(a * b);
    Div: |a, b| None, Some(a / b);
    Mod: |a, b| floor_mod(a, b), Some(float_mod(a, b));
    Idiv: |a, b| floor_div(a, b), Some((a / b).floor());
    Pow: |a, b| None, Some(power(a, b));
    Band: |a, b| Some(a & b), None;
    Bor: |a, b| Some(a | b), None;
    Bxor: |a, b| Some(a ^ b), None;
    Shl: |a, b| Some(shift_left(a, b)), None;
    Shr: |a, b| Some(shift_left(a, b.wrapping_neg())), None;
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
