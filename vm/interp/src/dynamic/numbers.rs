//! Arithmetic of dynamic numbers, as Lua 5.4 defines it (manual §3.4.1 to §3.4.3): integers wrap around, floats are IEEE 754,
//! and what mixes the two is done in floats.
//!
//! [`Arith`] is what the dispatch loop does on its fast path, for two integers or two floats; [`arith`] is all of it.

use lockstep_bytecode::AnyOp;

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
    Mod: |a, b| int_mod(a, b), Some(float_mod(a, b));
    Idiv: |a, b| int_idiv(a, b), Some((a / b).floor());
    Pow: |a, b| None, Some(float_pow(a, b));
    Band: |a, b| Some(a & b), None;
    Bor: |a, b| Some(a | b), None;
    Bxor: |a, b| Some(a ^ b), None;
    Shl: |a, b| Some(shift_left(a, b)), None;
    Shr: |a, b| Some(shift_left(a, b.wrapping_neg())), None;
}

/// Remainder of floor division; `None` by zero.
#[inline(always)]
fn int_mod(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let rem = a.wrapping_rem(b);
    Some(if rem != 0 && (rem ^ b) < 0 { rem + b } else { rem })
}

/// Floor division, wrapping around; `None` by zero.
#[inline(always)]
fn int_idiv(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let quotient = a.wrapping_div(b);
    Some(if a.wrapping_rem(b) != 0 && (a ^ b) < 0 { quotient - 1 } else { quotient })
}

/// Remainder with the divisor's sign. An infinite divisor of the other sign is the result.
#[inline(always)]
fn float_mod(a: f64, b: f64) -> f64 {
    let rem = a % b;
    if rem != 0.0 && (rem < 0.0) != (b < 0.0) { rem + b } else { rem }
}

#[inline(always)]
fn float_pow(a: f64, b: f64) -> f64 {
    if b == 2.0 { a * a } else { a.powf(b) }
}

/// Logical shift to the left; by a negative number to the right.
#[inline(always)]
fn shift_left(a: i64, b: i64) -> i64 {
    let bits = a as u64;
    (match b {
        0..64 => bits << b,
        -63..0 => bits >> -b,
        _ => 0,
    }) as i64
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
}

impl Number {
    /// As a float: the nearest, if it is an integer.
    pub fn float(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// As the integer that it equals.
    pub fn integer(self) -> Option<i64> {
        match self {
            Number::Int(value) => Some(value),
            Number::Float(value) => float_to_integer(value),
        }
    }
}

/// The integer that a float equals.
pub fn float_to_integer(value: f64) -> Option<i64> {
    // The least integer is a float; the first number above the greatest is one, too.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    (fits && value == value.trunc()).then_some(value as i64)
}

/// Why numbers give no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Division of an integer by zero.
    DivideByZero,
    /// Remainder of an integer by zero.
    ModuloByZero,
    /// A float that equals no integer, in a bitwise operation.
    NoInteger,
}

/// An operation on any two numbers.
///
/// # Errors
/// Why there is no result.
pub fn arith(op: AnyOp, a: Number, b: Number) -> Result<Number, Undefined> {
    fn apply<T: Arith>(a: Number, b: Number, undefined: Undefined) -> Result<Number, Undefined> {
        if let (Number::Int(a), Number::Int(b)) = (a, b)
            && let Some(value) = T::int(a, b)
        {
            return Ok(Number::Int(value));
        }
        match (a, b) {
            (Number::Int(_), Number::Int(0)) if undefined != Undefined::NoInteger => Err(undefined),
            _ => T::float(a.float(), b.float()).map(Number::Float).ok_or(undefined),
        }
    }
    fn bitwise<T: Arith>(a: Number, b: Number) -> Result<Number, Undefined> {
        let (Some(a), Some(b)) = (a.integer(), b.integer()) else { return Err(Undefined::NoInteger) };
        T::int(a, b).map(Number::Int).ok_or(Undefined::NoInteger)
    }
    match op {
        AnyOp::Add => apply::<Add>(a, b, Undefined::NoInteger),
        AnyOp::Sub => apply::<Sub>(a, b, Undefined::NoInteger),
        AnyOp::Mul => apply::<Mul>(a, b, Undefined::NoInteger),
        AnyOp::Div => apply::<Div>(a, b, Undefined::NoInteger),
        AnyOp::Mod => apply::<Mod>(a, b, Undefined::ModuloByZero),
        AnyOp::Idiv => apply::<Idiv>(a, b, Undefined::DivideByZero),
        AnyOp::Pow => apply::<Pow>(a, b, Undefined::NoInteger),
        AnyOp::Band => bitwise::<Band>(a, b),
        AnyOp::Bor => bitwise::<Bor>(a, b),
        AnyOp::Bxor => bitwise::<Bxor>(a, b),
        AnyOp::Shl => bitwise::<Shl>(a, b),
        AnyOp::Shr => bitwise::<Shr>(a, b),
    }
}

/// Whether two numbers are equal as numbers.
pub fn equal(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a == b,
        (Number::Float(a), Number::Float(b)) => a == b,
        (Number::Int(int), Number::Float(float)) | (Number::Float(float), Number::Int(int)) => {
            float_to_integer(float) == Some(int)
        }
    }
}

/// Whether `a` < `b`, compared as the real numbers that they are.
pub fn less(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a < b,
        (Number::Float(a), Number::Float(b)) => a < b,
        // An integer is less than a float if it is less than the least integer not below the float.
        (Number::Int(int), Number::Float(float)) => below(int, float.ceil(), float),
        (Number::Float(float), Number::Int(int)) => above(int, float.floor(), float),
    }
}

/// Whether `a` ≤ `b`, compared as the real numbers that they are.
pub fn less_equal(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a <= b,
        (Number::Float(a), Number::Float(b)) => a <= b,
        // Neither side of these is NaN but perhaps the float, for which nothing holds.
        (Number::Int(int), Number::Float(float)) => !float.is_nan() && !above(int, float.floor(), float),
        (Number::Float(float), Number::Int(int)) => !float.is_nan() && !below(int, float.ceil(), float),
    }
}

/// Whether `int` < `rounded`, which is `float` rounded up.
fn below(int: i64, rounded: f64, float: f64) -> bool {
    match float_to_integer(rounded) {
        Some(bound) => int < bound,
        None => float > 0.0,
    }
}

/// Whether `int` > `rounded`, which is `float` rounded down.
fn above(int: i64, rounded: f64, float: f64) -> bool {
    match float_to_integer(rounded) {
        Some(bound) => int > bound,
        None => float < 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::Number::{Float, Int};
    use super::*;

    #[test]
    fn integers_and_floats_as_the_manual_has_them() {
        let cases = [
            (AnyOp::Add, Int(i64::MAX), Int(1), Ok(Int(i64::MIN))),
            (AnyOp::Add, Int(1), Float(0.5), Ok(Float(1.5))),
            (AnyOp::Div, Int(1), Int(2), Ok(Float(0.5))),
            (AnyOp::Div, Int(1), Int(0), Ok(Float(f64::INFINITY))),
            (AnyOp::Idiv, Int(-7), Int(2), Ok(Int(-4))),
            (AnyOp::Idiv, Int(i64::MIN), Int(-1), Ok(Int(i64::MIN))),
            (AnyOp::Idiv, Int(1), Int(0), Err(Undefined::DivideByZero)),
            (AnyOp::Idiv, Int(7), Float(2.0), Ok(Float(3.0))),
            (AnyOp::Mod, Int(-7), Int(3), Ok(Int(2))),
            (AnyOp::Mod, Int(7), Int(-3), Ok(Int(-2))),
            (AnyOp::Mod, Int(i64::MIN), Int(-1), Ok(Int(0))),
            (AnyOp::Mod, Int(1), Int(0), Err(Undefined::ModuloByZero)),
            (AnyOp::Mod, Float(-1.0), Float(f64::INFINITY), Ok(Float(f64::INFINITY))),
            (AnyOp::Mod, Float(5.5), Int(-2), Ok(Float(-0.5))),
            (AnyOp::Pow, Int(2), Int(10), Ok(Float(1024.0))),
            (AnyOp::Band, Float(7.0), Int(3), Ok(Int(3))),
            (AnyOp::Band, Float(7.5), Int(3), Err(Undefined::NoInteger)),
            (AnyOp::Shl, Int(1), Int(63), Ok(Int(i64::MIN))),
            (AnyOp::Shl, Int(1), Int(64), Ok(Int(0))),
            (AnyOp::Shl, Int(-1), Int(-60), Ok(Int(15))),
            (AnyOp::Shr, Int(-1), Int(63), Ok(Int(1))),
            (AnyOp::Shr, Int(1), Int(i64::MIN), Ok(Int(0))),
        ];
        for (op, a, b, expected) in cases {
            assert_eq!(arith(op, a, b), expected, "{op:?} {a:?} {b:?}");
        }
    }

    #[test]
    fn comparisons_are_exact() {
        let big = 1i64 << 53;
        assert!(!equal(Int(big + 1), Float(big as f64)) && equal(Int(big), Float(big as f64)));
        assert!(less(Float(big as f64), Int(big + 1)) && !less(Int(big + 1), Float(big as f64)));
        assert!(less(Int(i64::MAX), Float(9_223_372_036_854_775_808.0)));
        assert!(!less_equal(Float(9_223_372_036_854_775_808.0), Int(i64::MAX)));
        assert!(less_equal(Int(1), Float(1.0)) && less(Int(1), Float(1.5)) && !less(Int(2), Float(1.5)));
        assert!(less(Float(f64::NEG_INFINITY), Int(i64::MIN)) && less_equal(Int(i64::MIN), Float(-9.3e18 + 1.0e17)));
        for pair in [(Int(0), Float(f64::NAN)), (Float(f64::NAN), Int(0))] {
            assert!(!less(pair.0, pair.1) && !less_equal(pair.0, pair.1) && !equal(pair.0, pair.1));
        }
    }
}
