//! What every pure operation computes: the executable side of the table.
//!
//! A value is its bit pattern, zero-extended to 64 bits. This is independent of the bytecode interpreter's arithmetic: the
//! two are opinions that parity compares.

use smallvec::{SmallVec, smallvec};

use crate::op::{Imm, Op};
use crate::types::Type;

/// Bits of the results of an operation.
pub type Results = SmallVec<[u64; 2]>;

/// The bits of the one NaN that this evaluation produces from arithmetic; payloads are unspecified, so any would do.
pub const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// Sign-extends the low `ty.bits()` bits.
pub fn sign_extend(ty: Type, bits: u64) -> i64 {
    let shift = 64 - ty.bits();
    ((bits << shift) as i64) >> shift
}

/// Whether two values of a type are the same to a parity check: equal bits, or both NaN.
pub fn same(ty: Type, a: u64, b: u64) -> bool {
    a == b
        || match ty {
            Type::F64 => f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan(),
            Type::F32 => f32::from_bits(a as u32).is_nan() && f32::from_bits(b as u32).is_nan(),
            _ => false,
        }
}

/// Evaluates a pure operation with controlling type `ty`; `arg_types` are its operands' types.
///
/// Returns `None` for an operation that is not pure: those are the business of an executor.
///
/// # Panics
/// Operands or immediate do not fit the operation; a verified instruction's do.
pub fn evaluate(op: Op, ty: Type, imm: Imm, arg_types: &[Type], args: &[u64]) -> Option<Results> {
    if !op.is_pure() {
        return None;
    }
    Some(match op {
        Op::Iconst => match imm {
            Imm::Int(bits) => smallvec![bits],
            _ => panic!("iconst without its constant"),
        },
        Op::Fconst => match imm {
            Imm::Float(bits) => smallvec![bits],
            _ => panic!("fconst without its constant"),
        },
        Op::Select => smallvec![if args[0] != 0 { args[1] } else { args[2] }],
        Op::Sext => smallvec![sign_extend(arg_types[0], args[0]) as u64 & ty.mask()],
        Op::Zext => smallvec![args[0]],
        Op::Trunc => smallvec![args[0] & ty.mask()],
        Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits => smallvec![args[0]],
        _ => match ty {
            Type::F64 | Type::F32 => float(op, args),
            _ => integer(op, ty, args),
        },
    })
}

fn truth(value: bool) -> Results {
    smallvec![u64::from(value)]
}

fn integer(op: Op, ty: Type, args: &[u64]) -> Results {
    let bits = ty.bits();
    let mask = ty.mask();
    let (a, b) = (args[0], args.get(1).copied().unwrap_or(0));
    let (sa, sb) = (sign_extend(ty, a), sign_extend(ty, b));
    // Wide enough for every product of two 64-bit values, signed or unsigned.
    let (wide_a, wide_b) = (u128::from(a), u128::from(b));
    let (wide_sa, wide_sb) = (i128::from(sa), i128::from(sb));
    let amount = (b % u64::from(bits)) as u32;
    let one = |value: u64| -> Results { smallvec![value & mask] };
    let signed_fits = |exact: i128| -> Results {
        smallvec![exact as u64 & mask, u64::from(i128::from(sign_extend(ty, exact as u64)) != exact)]
    };
    let unsigned_fits =
        |exact: i128| -> Results { smallvec![exact as u64 & mask, u64::from(exact < 0 || exact > i128::from(mask))] };
    match op {
        Op::Iadd => one(a.wrapping_add(b)),
        Op::Isub => one(a.wrapping_sub(b)),
        Op::Imul => one(a.wrapping_mul(b)),
        Op::Ineg => one(a.wrapping_neg()),
        Op::Sdiv => one(if b == 0 { 0 } else { sa.wrapping_div(sb) as u64 }),
        Op::Udiv => one(a.checked_div(b).unwrap_or(0)),
        Op::Srem => one(if b == 0 { a } else { sa.wrapping_rem(sb) as u64 }),
        Op::Urem => one(a.checked_rem(b).unwrap_or(a)),
        Op::Smulhi => one(((wide_sa * wide_sb) >> bits) as u64),
        Op::Umulhi => one(((wide_a * wide_b) >> bits) as u64),
        Op::SaddOverflow => signed_fits(wide_sa + wide_sb),
        Op::SsubOverflow => signed_fits(wide_sa - wide_sb),
        Op::SmulOverflow => signed_fits(wide_sa * wide_sb),
        Op::UaddOverflow => unsigned_fits(i128::from(a) + i128::from(b)),
        Op::UsubOverflow => unsigned_fits(i128::from(a) - i128::from(b)),
        Op::UmulOverflow => {
            let exact = wide_a * wide_b;
            smallvec![exact as u64 & mask, u64::from(exact > u128::from(mask))]
        }
        Op::Band => one(a & b),
        Op::Bor => one(a | b),
        Op::Bxor => one(a ^ b),
        Op::Bnot => one(!a),
        Op::Shl => one(a << amount),
        Op::Lshr => one(a >> amount),
        Op::Ashr => one((sa >> amount) as u64),
        Op::Rotl => one(rotate_left(a, amount, bits)),
        Op::Rotr => one(rotate_left(a, (bits - amount) % bits, bits)),
        Op::Clz => one(u64::from(a.leading_zeros() - (64 - bits))),
        Op::Ctz => one(u64::from(a.trailing_zeros().min(bits))),
        Op::Popcnt => one(u64::from(a.count_ones())),
        Op::Bswap => one(a.swap_bytes() >> (64 - bits)),
        Op::IcmpEq => truth(a == b),
        Op::IcmpNe => truth(a != b),
        Op::IcmpSlt => truth(sa < sb),
        Op::IcmpSle => truth(sa <= sb),
        Op::IcmpSgt => truth(sa > sb),
        Op::IcmpSge => truth(sa >= sb),
        Op::IcmpUlt => truth(a < b),
        Op::IcmpUle => truth(a <= b),
        Op::IcmpUgt => truth(a > b),
        Op::IcmpUge => truth(a >= b),
        Op::SintToF64 => smallvec![(sa as f64).to_bits()],
        Op::UintToF64 => smallvec![(a as f64).to_bits()],
        Op::F64ToSintSat | Op::F64ToUintSat => one(saturate(op == Op::F64ToSintSat, bits, f64::from_bits(a)) as u64),
        Op::F64ToSintExact | Op::F64ToUintExact => {
            let x = f64::from_bits(a);
            let value = saturate(op == Op::F64ToSintExact, bits, x);
            // Saturated, fractional and NaN inputs differ from what they converted to. 2^63 and 2^64 need care: their limits
            // round up to them as floats, so compare as integers.
            let exact = x.is_finite() && x.trunc() == x && i128_of_integral(x) == Some(value);
            if exact { smallvec![value as u64 & mask, 1] } else { smallvec![0, 0] }
        }
        _ => unreachable!("{op:?} is no integer operation"),
    }
}

fn rotate_left(a: u64, amount: u32, bits: u32) -> u64 {
    if amount == 0 { a } else { (a << amount) | (a >> (bits - amount)) }
}

/// An integral float of magnitude at most 2^100 as an integer.
fn i128_of_integral(x: f64) -> Option<i128> {
    (x.abs() <= 2f64.powi(100)).then_some(x as i128)
}

/// Towards zero, to the limits of the integer type, NaN to 0.
fn saturate(signed: bool, bits: u32, x: f64) -> i128 {
    let (low, high) =
        if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    (x as i128).clamp(low, high)
}

fn float(op: Op, args: &[u64]) -> Results {
    let x = f64::from_bits(args[0]);
    let y = f64::from_bits(args.get(1).copied().unwrap_or(0));
    let number = |value: f64| -> Results { smallvec![if value.is_nan() { CANONICAL_NAN } else { value.to_bits() }] };
    const SIGN: u64 = 1 << 63;
    match op {
        Op::Fadd => number(x + y),
        Op::Fsub => number(x - y),
        Op::Fmul => number(x * y),
        Op::Fdiv => number(x / y),
        Op::Fmin | Op::Fmax => number(min_max(op == Op::Fmin, x, y)),
        Op::Fneg => smallvec![args[0] ^ SIGN],
        Op::Fabs => smallvec![args[0] & !SIGN],
        Op::Fcopysign => smallvec![args[0] & !SIGN | args[1] & SIGN],
        Op::Fsqrt => number(x.sqrt()),
        Op::Fceil => number(x.ceil()),
        Op::Ffloor => number(x.floor()),
        Op::Ftrunc => number(x.trunc()),
        Op::Fnearest => number(x.round_ties_even()),
        Op::FcmpEq => truth(x == y),
        Op::FcmpNe => truth(x != y),
        Op::FcmpLt => truth(x < y),
        Op::FcmpLe => truth(x <= y),
        Op::FcmpGt => truth(x > y),
        Op::FcmpGe => truth(x >= y),
        Op::FcmpOrd => truth(!x.is_nan() && !y.is_nan()),
        Op::FcmpUno => truth(x.is_nan() || y.is_nan()),
        Op::F32ToF64 => number(f64::from(f32::from_bits(args[0] as u32))),
        Op::F64ToF32 => {
            let narrow = x as f32;
            smallvec![u64::from(if narrow.is_nan() { 0x7fc0_0000 } else { narrow.to_bits() })]
        }
        _ => unreachable!("{op:?} is no float operation"),
    }
}

fn min_max(min: bool, x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        // Only zeros of different signs differ in bits.
        if x.is_sign_negative() == min { x } else { y }
    } else if (x < y) == min {
        x
    } else {
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(op: Op, ty: Type, args: &[u64]) -> Vec<u64> {
        let types = vec![ty; args.len()];
        evaluate(op, ty, Imm::None, &types, args).expect("pure").to_vec()
    }

    #[test]
    fn integer_edges() {
        assert_eq!(eval(Op::Sdiv, Type::I8, &[0x80, 0xff]), [0x80]);
        assert_eq!(eval(Op::Srem, Type::I64, &[1 << 63, u64::MAX]), [0]);
        assert_eq!(eval(Op::Srem, Type::I16, &[0xfffb, 0]), [0xfffb]);
        assert_eq!(eval(Op::Smulhi, Type::I64, &[u64::MAX, u64::MAX]), [0]);
        assert_eq!(eval(Op::Umulhi, Type::I64, &[u64::MAX, u64::MAX]), [u64::MAX - 1]);
        assert_eq!(eval(Op::Umulhi, Type::I8, &[0xff, 0xff]), [0xfe]);
        assert_eq!(eval(Op::SsubOverflow, Type::I32, &[0x8000_0000, 1]), [0x7fff_ffff, 1]);
        assert_eq!(eval(Op::UmulOverflow, Type::I64, &[1 << 32, 1 << 32]), [0, 1]);
        assert_eq!(eval(Op::Rotr, Type::I8, &[0x81, 9]), [0xc0]);
        assert_eq!(eval(Op::Shl, Type::I8, &[1, 8]), [1]);
        assert_eq!(eval(Op::Clz, Type::I16, &[0]), [16]);
        assert_eq!(eval(Op::Ctz, Type::I8, &[0]), [8]);
        assert_eq!(eval(Op::Bswap, Type::I16, &[0x1234]), [0x3412]);
    }

    #[test]
    fn conversion_edges() {
        let sat = |x: f64| eval(Op::F64ToSintSat, Type::I64, &[x.to_bits()])[0] as i64;
        assert_eq!(sat(f64::NAN), 0);
        assert_eq!(sat(9.3e18), i64::MAX);
        assert_eq!(sat(-1.9), -1);
        let exact = |x: f64| eval(Op::F64ToSintExact, Type::I64, &[x.to_bits()]);
        assert_eq!(exact(9223372036854775808.0), [0, 0]);
        assert_eq!(exact(-9223372036854775808.0), [1 << 63, 1]);
        assert_eq!(exact(-0.0), [0, 1]);
        assert_eq!(exact(0.5), [0, 0]);
        assert_eq!(eval(Op::F64ToUintExact, Type::I64, &[18446744073709551616f64.to_bits()]), [0, 0]);
        assert_eq!(eval(Op::F64ToUintExact, Type::I32, &[4294967295f64.to_bits()]), [0xffff_ffff, 1]);
    }

    #[test]
    fn float_edges() {
        let bits = f64::to_bits;
        assert_eq!(eval(Op::Fmin, Type::F64, &[bits(0.0), bits(-0.0)]), [bits(-0.0)]);
        assert_eq!(eval(Op::Fmax, Type::F64, &[bits(-0.0), bits(0.0)]), [bits(0.0)]);
        assert_eq!(eval(Op::Fnearest, Type::F64, &[bits(2.5)]), [bits(2.0)]);
        assert_eq!(eval(Op::Fneg, Type::F64, &[0x7ff0_0000_0000_0001]), [0xfff0_0000_0000_0001]);
    }
}
