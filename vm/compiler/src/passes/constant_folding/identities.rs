//! Identities that hold for every operand, bit for bit (payloads of NaNs aside).
//!
//! Constants of commutative operations stand on the right afterwards, subtractions of constants are additions, and
//! multiplications and unsigned divisions by powers of two are shifts and masks: forms that value numbering can compare and
//! that backends select well.

use lockstep_ir::eval::sign_extend;
use lockstep_ir::{Function, InstData, Op, Type, Value};
use smallvec::{SmallVec, smallvec};

use super::constant;

/// What an operation is the same as.
pub enum Simpler {
    /// A value that is already there.
    Value(Value),
    /// A constant of the result's type.
    Constant(u64),
    /// Another operation.
    Operation(Op, Type, SmallVec<[Value; 3]>),
    /// Another operation on a value and a new constant of the controlling type.
    WithConstant(Op, Type, Value, u64),
}

/// A simpler form of a pure operation that is not on constants alone.
pub fn simplify(func: &Function, inst: &InstData) -> Option<Simpler> {
    let args = inst.args.as_slice();
    match *args {
        [a] => unary(func, inst, a),
        [a, b] => binary(func, inst, a, b),
        [condition, a, b] => select(func, inst, condition, a, b),
        _ => None,
    }
}

fn unary(func: &Function, inst: &InstData, a: Value) -> Option<Simpler> {
    let inner = func.def(a)?;
    let ty = inst.ty;
    match (inst.op, inner.op) {
        // An involution twice.
        (Op::Ineg, Op::Ineg) | (Op::Bnot, Op::Bnot) | (Op::Fneg, Op::Fneg) | (Op::Bswap, Op::Bswap) => {
            Some(Simpler::Value(inner.args[0]))
        }
        (Op::BitsToF64, Op::F64ToBits) | (Op::F64ToBits, Op::BitsToF64) => Some(Simpler::Value(inner.args[0])),
        (Op::Fabs, Op::Fabs | Op::Fneg) => Some(Simpler::Operation(Op::Fabs, ty, smallvec![inner.args[0]])),
        // Extending an extended value again, or undoing an extension.
        (Op::Zext, Op::Zext) | (Op::Sext, Op::Sext) => Some(Simpler::Operation(inst.op, ty, smallvec![inner.args[0]])),
        (Op::Sext, Op::Zext) => Some(Simpler::Operation(Op::Zext, ty, smallvec![inner.args[0]])),
        (Op::Trunc, Op::Zext | Op::Sext) => {
            let source = inner.args[0];
            let from = func.ty(source);
            if from == ty {
                Some(Simpler::Value(source))
            } else if from.bits() > ty.bits() {
                Some(Simpler::Operation(Op::Trunc, ty, smallvec![source]))
            } else {
                Some(Simpler::Operation(inner.op, ty, smallvec![source]))
            }
        }
        _ => None,
    }
}

fn select(func: &Function, inst: &InstData, condition: Value, a: Value, b: Value) -> Option<Simpler> {
    if a == b {
        return Some(Simpler::Value(a));
    }
    match constant(func, condition) {
        Some(0) => return Some(Simpler::Value(b)),
        Some(_) => return Some(Simpler::Value(a)),
        None => {}
    }
    if inst.ty == Type::I8 && is_truth(func, condition) {
        match (constant(func, a), constant(func, b)) {
            (Some(1), Some(0)) => return Some(Simpler::Value(condition)),
            (Some(0), Some(1)) => return Some(Simpler::WithConstant(Op::Bxor, Type::I8, condition, 1)),
            _ => {}
        }
    }
    // A test for zero of what is tested for not being zero anyway.
    let (value, when) = truth_tested(func, condition)?;
    let (then, otherwise) = if when { (a, b) } else { (b, a) };
    Some(Simpler::Operation(Op::Select, inst.ty, smallvec![value, then, otherwise]))
}

fn binary(func: &Function, inst: &InstData, a: Value, b: Value) -> Option<Simpler> {
    let (ca, cb) = (constant(func, a), constant(func, b));
    if inst.results.len() != 1 {
        return None;
    }
    if ca.is_some() && cb.is_none() {
        if inst.op.is_commutative() {
            return Some(Simpler::Operation(inst.op, inst.ty, smallvec![b, a]));
        }
        if let Some(op) = swapped(inst.op) {
            return Some(Simpler::Operation(op, inst.ty, smallvec![b, a]));
        }
    }
    if a == b {
        return same_operands(inst, a);
    }
    let c = cb?;
    match inst.ty {
        Type::F64 => float_with_constant(inst, a, f64::from_bits(c)),
        ty if ty.is_int() => integer_with_constant(func, inst, a, c),
        _ => None,
    }
}

/// The comparison with its operands exchanged.
fn swapped(op: Op) -> Option<Op> {
    Some(match op {
        Op::IcmpSlt => Op::IcmpSgt,
        Op::IcmpSle => Op::IcmpSge,
        Op::IcmpSgt => Op::IcmpSlt,
        Op::IcmpSge => Op::IcmpSle,
        Op::IcmpUlt => Op::IcmpUgt,
        Op::IcmpUle => Op::IcmpUge,
        Op::IcmpUgt => Op::IcmpUlt,
        Op::IcmpUge => Op::IcmpUle,
        Op::FcmpLt => Op::FcmpGt,
        Op::FcmpLe => Op::FcmpGe,
        Op::FcmpGt => Op::FcmpLt,
        Op::FcmpGe => Op::FcmpLe,
        _ => return None,
    })
}

/// The comparison that holds exactly when this one does not. Ordered float comparisons have none: with a NaN, neither
/// `a < b` nor `a >= b` holds.
fn inverted(op: Op) -> Option<Op> {
    Some(match op {
        Op::IcmpEq => Op::IcmpNe,
        Op::IcmpNe => Op::IcmpEq,
        Op::IcmpSlt => Op::IcmpSge,
        Op::IcmpSle => Op::IcmpSgt,
        Op::IcmpSgt => Op::IcmpSle,
        Op::IcmpSge => Op::IcmpSlt,
        Op::IcmpUlt => Op::IcmpUge,
        Op::IcmpUle => Op::IcmpUgt,
        Op::IcmpUgt => Op::IcmpUle,
        Op::IcmpUge => Op::IcmpUlt,
        Op::FcmpEq => Op::FcmpNe,
        Op::FcmpNe => Op::FcmpEq,
        Op::FcmpOrd => Op::FcmpUno,
        Op::FcmpUno => Op::FcmpOrd,
        _ => return None,
    })
}

fn same_operands(inst: &InstData, a: Value) -> Option<Simpler> {
    match inst.op {
        Op::Isub | Op::Bxor => Some(Simpler::Constant(0)),
        Op::Band | Op::Bor => Some(Simpler::Value(a)),
        Op::IcmpEq | Op::IcmpSle | Op::IcmpSge | Op::IcmpUle | Op::IcmpUge => Some(Simpler::Constant(1)),
        Op::IcmpNe | Op::IcmpSlt | Op::IcmpSgt | Op::IcmpUlt | Op::IcmpUgt => Some(Simpler::Constant(0)),
        _ => None,
    }
}

/// Whether a value is always 0 or 1: a comparison's, or made of such bit by bit.
fn is_truth(func: &Function, value: Value) -> bool {
    let Some(inst) = func.def(value) else { return false };
    match inst.op {
        Op::Iconst => func.int_constant(value).is_some_and(|bits| bits <= 1),
        Op::Band | Op::Bor | Op::Bxor => inst.args.iter().all(|&arg| is_comparison(func, arg)),
        _ => is_comparison(func, value),
    }
}

fn is_comparison(func: &Function, value: Value) -> bool {
    func.def(value).is_some_and(|inst| inverted(inst.op).is_some() || swapped(inst.op).is_some())
        || func.int_constant(value).is_some_and(|bits| bits <= 1)
}

/// If a value is `x != 0`, `x == 0` or `x ^ 1` for a truth value `x`: `x`, and whether the value is true when `x` is.
pub fn truth_tested(func: &Function, value: Value) -> Option<(Value, bool)> {
    let inst = func.def(value)?;
    let when = match inst.op {
        Op::IcmpNe => true,
        Op::IcmpEq | Op::Bxor => false,
        _ => return None,
    };
    let (x, against) = (inst.args[0], if inst.op == Op::Bxor { 1 } else { 0 });
    let tested = func.ty(x) == Type::I8 && constant(func, inst.args[1]) == Some(against);
    // Any `i8` that is not zero is true, so that a comparison with zero needs no more than that.
    (tested && (inst.op != Op::Bxor || is_truth(func, x))).then_some((x, when))
}

fn float_with_constant(inst: &InstData, a: Value, c: f64) -> Option<Simpler> {
    match inst.op {
        Op::Fmul | Op::Fdiv if c == 1.0 => Some(Simpler::Value(a)),
        // x - 0 is x for both zeros; x + 0 is not for -0, but x + -0 is.
        Op::Fsub if c.to_bits() == 0 => Some(Simpler::Value(a)),
        Op::Fadd if c.to_bits() == (-0.0f64).to_bits() => Some(Simpler::Value(a)),
        // Dividing by a power of two is multiplying by its reciprocal, which is exact while both are normal numbers.
        Op::Fdiv if c.is_normal() && (1.0 / c).is_normal() && c.to_bits() << 12 == 0 => {
            Some(Simpler::WithConstant(Op::Fmul, Type::F64, a, (1.0 / c).to_bits()))
        }
        _ => None,
    }
}

fn integer_with_constant(func: &Function, inst: &InstData, a: Value, c: u64) -> Option<Simpler> {
    let ty = inst.ty;
    let ones = ty.mask();
    let signed = sign_extend(ty, c);
    let with = |op, bits| Some(Simpler::WithConstant(op, ty, a, bits));
    let power = c.is_power_of_two().then(|| u64::from(c.trailing_zeros()));
    match inst.op {
        Op::Iadd | Op::Isub | Op::Bor | Op::Bxor if c == 0 => Some(Simpler::Value(a)),
        Op::Isub => with(Op::Iadd, c.wrapping_neg()),
        Op::Shl | Op::Lshr | Op::Ashr | Op::Rotl | Op::Rotr if c.is_multiple_of(u64::from(ty.bits())) => {
            Some(Simpler::Value(a))
        }
        Op::Imul | Op::Band if c == 0 => Some(Simpler::Constant(0)),
        Op::Imul | Op::Sdiv | Op::Udiv if c == 1 => Some(Simpler::Value(a)),
        Op::Imul if c == ones => Some(Simpler::Operation(Op::Ineg, ty, smallvec![a])),
        Op::Imul => with(Op::Shl, power?),
        Op::Udiv => with(Op::Lshr, power?),
        Op::Urem if power.is_some() => with(Op::Band, c - 1),
        Op::Srem if signed == 1 || signed == -1 => Some(Simpler::Constant(0)),
        Op::Band if c == ones => Some(Simpler::Value(a)),
        Op::Bor if c == ones => Some(Simpler::Constant(ones)),
        Op::Bxor if c == ones && ty != Type::I8 => Some(Simpler::Operation(Op::Bnot, ty, smallvec![a])),
        Op::IcmpUlt if c == 0 => Some(Simpler::Constant(0)),
        Op::IcmpUge if c == 0 => Some(Simpler::Constant(1)),
        _ => None,
    }
    .or_else(|| nested(func, inst, a, c))
}

/// `(x op c1) op c2`, and truth values compared with constants.
fn nested(func: &Function, inst: &InstData, a: Value, c: u64) -> Option<Simpler> {
    let ty = inst.ty;
    let inner = func.def(a)?;
    if ty == Type::I8 && is_comparison(func, a) {
        let same = match (inst.op, c) {
            (Op::IcmpNe, 0) | (Op::IcmpEq, 1) => true,
            (Op::IcmpEq, 0) | (Op::IcmpNe | Op::Bxor, 1) => false,
            _ => return None,
        };
        if same {
            return Some(Simpler::Value(a));
        }
        return Some(Simpler::Operation(inverted(inner.op)?, inner.ty, inner.args.clone()));
    }
    if inner.op != inst.op || inner.results.len() != 1 {
        return None;
    }
    let c1 = constant(func, *inner.args.get(1)?)?;
    let bits = match inst.op {
        Op::Iadd => c1.wrapping_add(c),
        Op::Imul => c1.wrapping_mul(c),
        Op::Band => c1 & c,
        Op::Bor => c1 | c,
        Op::Bxor => c1 ^ c,
        _ => return None,
    };
    Some(Simpler::WithConstant(inst.op, ty, inner.args[0], bits & ty.mask()))
}
