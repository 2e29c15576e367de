//! What each operation of the typed half computes, in Rust's own operations: the interpreter executes this, and the bytecode optimiser
//! evaluates constants by it. The IR has an evaluation of its own; the two share no code, so that they can judge each other.
//!
//! Operations are types here, named as in the instruction table, and kinds are Rust types: `Rem` of `F64` is
//! `<Rem as Binary<f64>>::apply`. What a kind lacks has no implementation, and a table row that asks for it does not compile.

use crate::ErrorKind;

/// The result of an operation that may raise. For those that never do, the error path folds away.
pub type Answer<T> = Result<T, ErrorKind>;

/// An operation of two operands of kind `T`.
pub trait Binary<T> {
    /// `a` op `b`.
    fn apply(a: T, b: T) -> Answer<T>;
}

/// An operation of one operand of kind `T`.
pub trait Unary<T> {
    /// op `a`.
    fn apply(a: T) -> Answer<T>;
}

/// A relation of two operands of kind `T`.
pub trait Relation<T> {
    /// Whether `a` and `b` relate so.
    fn holds(a: T, b: T) -> bool;
}

/// A conversion from kind `J` to kind `K`.
pub trait Convert<J, K> {
    /// `a` as a `K`.
    fn apply(a: J) -> Answer<K>;
}

/// The kinds of the instruction table as Rust types, so that a row's kind names the types its body works on.
pub mod types {
    macro_rules! types {
        ($($Name:ident = $T:ty;)*) => { $(#[doc = concat!("The kind `", stringify!($Name), "`.")] pub type $Name = $T;)* };
    }

    types! {
        I32 = i32;
        I64 = i64;
        U32 = u32;
        U64 = u64;
        F64 = f64;
        Bool = bool;
    }
}

macro_rules! operations {
    ($($Op:ident)*) => { $(#[doc = concat!("The operation or relation `", stringify!($Op), "`.")] pub struct $Op;)* };
}

operations! {
    Add Sub Mul AddChecked SubChecked MulChecked Div Rem DivFloor RemFloor And Or Xor Shl Shr ShrLogical Rotl Rotr Min Max
    Neg NegChecked Abs AbsChecked Not Sqrt Floor Ceil Trunc Nearest
    Eq Ne Lt Le Gt Ge NotLt NotLe
    Wrap Float Exact Truncate Saturate Bits
}

macro_rules! binary {
    ($($Op:ident($a:ident, $b:ident): $Type:ty = $body:expr;)*) => {
        $(impl Binary<$Type> for $Op {
            #[inline(always)]
            fn apply($a: $Type, $b: $Type) -> Answer<$Type> { $body }
        })*
    };
}

macro_rules! unary {
    ($($Op:ident($a:ident): $Type:ty = $body:expr;)*) => {
        $(impl Unary<$Type> for $Op {
            #[inline(always)]
            fn apply($a: $Type) -> Answer<$Type> { $body }
        })*
    };
}

macro_rules! integers {
    ($($T:ty)*) => { $(
        binary! {
            Add(a, b): $T = Ok(a.wrapping_add(b));
            Sub(a, b): $T = Ok(a.wrapping_sub(b));
            Mul(a, b): $T = Ok(a.wrapping_mul(b));
            AddChecked(a, b): $T = a.checked_add(b).ok_or(ErrorKind::IntegerOverflow);
            SubChecked(a, b): $T = a.checked_sub(b).ok_or(ErrorKind::IntegerOverflow);
            MulChecked(a, b): $T = a.checked_mul(b).ok_or(ErrorKind::IntegerOverflow);
            Div(a, b): $T =
                if b == 0 { Err(ErrorKind::DivideByZero) } else { a.checked_div(b).ok_or(ErrorKind::IntegerOverflow) };
            Rem(a, b): $T = if b == 0 { Err(ErrorKind::DivideByZero) } else { Ok(a.wrapping_rem(b)) };
            And(a, b): $T = Ok(a & b);
            Or(a, b): $T = Ok(a | b);
            Xor(a, b): $T = Ok(a ^ b);
            Shl(a, b): $T = Ok(a.wrapping_shl(b as u32));
            Shr(a, b): $T = Ok(a.wrapping_shr(b as u32));
            Rotl(a, b): $T = Ok(a.rotate_left(b as u32 % <$T>::BITS));
            Rotr(a, b): $T = Ok(a.rotate_right(b as u32 % <$T>::BITS));
            Min(a, b): $T = Ok(a.min(b));
            Max(a, b): $T = Ok(a.max(b));
        }
        unary! {
            Neg(a): $T = Ok(a.wrapping_neg());
            Not(a): $T = Ok(!a);
        }
    )* };
}

integers! { i32 i64 u32 u64 }

macro_rules! signed {
    ($($T:ty, $Unsigned:ty;)*) => { $(
        binary! {
            DivFloor(a, b): $T = {
                let quotient = <Div as Binary<$T>>::apply(a, b)?;
                Ok(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
            };
            RemFloor(a, b): $T = {
                let rem = <Rem as Binary<$T>>::apply(a, b)?;
                Ok(if rem != 0 && (rem < 0) != (b < 0) { rem + b } else { rem })
            };
            ShrLogical(a, b): $T = Ok((a as $Unsigned).wrapping_shr(b as u32) as $T);
        }
        unary! {
            NegChecked(a): $T = a.checked_neg().ok_or(ErrorKind::IntegerOverflow);
            Abs(a): $T = Ok(a.wrapping_abs());
            AbsChecked(a): $T = a.checked_abs().ok_or(ErrorKind::IntegerOverflow);
        }
    )* };
}

signed! { i32, u32; i64, u64; }

binary! {
    Add(a, b): f64 = Ok(a + b);
    Sub(a, b): f64 = Ok(a - b);
    Mul(a, b): f64 = Ok(a * b);
    Div(a, b): f64 = Ok(a / b);
    Rem(a, b): f64 = Ok(a % b);
    RemFloor(a, b): f64 = {
        let rem = a % b;
        Ok(if rem != 0.0 && (rem < 0.0) != (b < 0.0) { rem + b } else { rem })
    };
    Min(a, b): f64 = Ok(if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a < b || (a == b && a.is_sign_negative()) {
        a
    } else {
        b
    });
    Max(a, b): f64 = Ok(if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a > b || (a == b && a.is_sign_positive()) {
        a
    } else {
        b
    });
    And(a, b): bool = Ok(a & b);
    Or(a, b): bool = Ok(a | b);
    Xor(a, b): bool = Ok(a ^ b);
}

unary! {
    Neg(a): f64 = Ok(-a);
    Abs(a): f64 = Ok(a.abs());
    Sqrt(a): f64 = Ok(a.sqrt());
    Floor(a): f64 = Ok(a.floor());
    Ceil(a): f64 = Ok(a.ceil());
    Trunc(a): f64 = Ok(a.trunc());
    Nearest(a): f64 = Ok(a.round_ties_even());
    Not(a): bool = Ok(!a);
}

macro_rules! relations {
    ($($T:ty)*) => { $(
        relations! { @ $T, Eq a b => a == b; Ne a b => a != b; Lt a b => a < b; Le a b => a <= b; Gt a b => a > b;
                     Ge a b => a >= b; }
    )* };
    (@ $T:ty, $($Cc:ident $a:ident $b:ident => $body:expr;)*) => {
        $(impl Relation<$T> for $Cc {
            #[inline(always)]
            fn holds($a: $T, $b: $T) -> bool { $body }
        })*
    };
}

relations! { i32 i64 u32 u64 f64 bool }

impl Relation<f64> for NotLt {
    #[inline(always)]
    #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "true for NaN: that is the point")]
    fn holds(a: f64, b: f64) -> bool {
        !(a < b)
    }
}

impl Relation<f64> for NotLe {
    #[inline(always)]
    #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "true for NaN: that is the point")]
    fn holds(a: f64, b: f64) -> bool {
        !(a <= b)
    }
}

macro_rules! convert {
    ($($Mode:ident: $J:ty => $K:ty, $a:ident $body:expr;)*) => {
        $(impl Convert<$J, $K> for $Mode {
            #[inline(always)]
            fn apply($a: $J) -> Answer<$K> { $body }
        })*
    };
}

macro_rules! casts {
    ($($Mode:ident: $J:ty => $($K:ty)*;)*) => { $($(
        impl Convert<$J, $K> for $Mode {
            #[inline(always)]
            fn apply(a: $J) -> Answer<$K> { Ok(a as $K) }
        }
    )*)* };
}

// Rust's `as` between integers is modulo two to the width, from integer to float to nearest even, and from float to integer
// saturating with NaN as 0: each exactly what the table says.
casts! {
    Wrap: i32 => i64 u32 u64;
    Wrap: i64 => i32 u32 u64;
    Wrap: u32 => i32 i64 u64;
    Wrap: u64 => i32 i64 u32;
    Float: i32 => f64;
    Float: i64 => f64;
    Float: u32 => f64;
    Float: u64 => f64;
    Saturate: f64 => i32 i64 u32 u64;
}

convert! {
    Bits: i64 => f64, a Ok(f64::from_bits(a as u64));
    Bits: u64 => f64, a Ok(f64::from_bits(a));
    Bits: f64 => i64, a Ok(a.to_bits() as i64);
    Bits: f64 => u64, a Ok(a.to_bits());
}

macro_rules! from_float {
    ($($K:ty, $bound:expr;)*) => { $(
        impl Convert<f64, $K> for Truncate {
            #[inline(always)]
            fn apply(a: f64) -> Answer<$K> {
                let whole = a.trunc();
                // The least value is a float; the greatest of 64 bits is not, but the bound behind it is. NaN fails both.
                if whole >= <$K>::MIN as f64 && whole < $bound { Ok(whole as $K) } else { Err(ErrorKind::Conversion) }
            }
        }
        impl Convert<f64, $K> for Exact {
            #[inline(always)]
            fn apply(a: f64) -> Answer<$K> {
                let value = <Truncate as Convert<f64, $K>>::apply(a)?;
                if a == a.trunc() { Ok(value) } else { Err(ErrorKind::Conversion) }
            }
        }
    )* };
}

from_float! {
    i32, 2_147_483_648.0;
    i64, 9_223_372_036_854_775_808.0;
    u32, 4_294_967_296.0;
    u64, 18_446_744_073_709_551_616.0;
}
