//! What registers are known to hold, and what operations on known values give.

use crate::semantics::{self, Binary, Convert, Relation, Unary, types};
use crate::{
    AnyOp, AnyUnOp, Function, Instr, Kind, NumberKind, Op, Pc, Reg, Sem, StrId, Test, Value, for_each_instruction,
};

/// A value that is known before the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Its kind: that of the fixed register, or of the value in an `any` register.
    pub kind: Kind,
    /// Its payload; of a string its number.
    pub bits: u64,
}

impl Constant {
    fn int(value: i64) -> Constant {
        Constant { kind: Kind::I64, bits: value as u64 }
    }

    fn float(value: f64) -> Option<Constant> {
        // Which NaN an operation gives is not said.
        (!value.is_nan()).then_some(Constant { kind: Kind::F64, bits: value.to_bits() })
    }

    fn truth(value: bool) -> Constant {
        Constant { kind: Kind::Bool, bits: u64::from(value) }
    }

    /// Its value, if it is an integer of any kind that fits in 64 bits with sign.
    pub fn as_int(self) -> Option<i64> {
        match self.kind {
            Kind::I32 => Some(i64::from(self.bits as u32 as i32)),
            Kind::I64 => Some(self.bits as i64),
            Kind::U32 | Kind::U64 => i64::try_from(self.bits).ok(),
            _ => None,
        }
    }

    fn as_float(self) -> Option<f64> {
        match self.kind {
            Kind::I64 => Some(self.bits as i64 as f64),
            Kind::F64 => Some(f64::from_bits(self.bits)),
            _ => None,
        }
    }

    /// Whether it is nil or false.
    pub fn is_falsy(self) -> bool {
        self.kind == Kind::Nil || self.kind == Kind::Bool && self.bits == 0
    }
}

/// What an instruction's result is, if its operands' values say so and it cannot raise with them.
pub fn result(function: &Function, instr: Instr, known: &impl Fn(Reg) -> Option<Constant>) -> Option<Constant> {
    let info = instr.info();
    let operand = |name: &str| info.operand(name).map(|index| instr.operands()[index]);
    let constant = |name: &str| operand(name).and_then(Value::reg).and_then(known);
    let imm = operand("imm").or(operand("value")).and_then(Value::imm);
    let kind = info.kind?;
    match info.sem {
        Sem::Const => Some(Constant { kind, bits: kind.normalise(imm? as u64) }),
        Sem::Pool | Sem::Number(_) => match operand("value")? {
            Value::Pool(id) => {
                let kind = match info.sem {
                    Sem::Number(NumberKind::Int) => Kind::I64,
                    Sem::Number(NumberKind::Float) => Kind::F64,
                    _ => kind,
                };
                Some(Constant { kind, bits: function.pool[id.index()] })
            }
            _ => None,
        },
        Sem::Nil => Some(Constant { kind: Kind::Nil, bits: 0 }),
        Sem::Truth => Some(Constant::truth(imm? != 0)),
        Sem::Integer => Some(Constant::int(imm?)),
        Sem::Text => match operand("value")? {
            Value::Str(StrId(id)) => Some(Constant { kind: Kind::String, bits: u64::from(id) }),
            _ => None,
        },
        Sem::Move | Sem::Box => constant("a"),
        Sem::Unbox => constant("a").filter(|value| value.kind == kind),
        Sem::Select => match constant("cond")?.bits {
            0 => constant("b"),
            _ => constant("a"),
        },
        Sem::Binary(_) | Sem::BinaryImm(_) | Sem::Unary(_) | Sem::Convert(_) => {
            let bits = typed(instr.op(), constant("a")?.bits, constant("b").map(|b| b.bits), imm)?;
            let is_nan = kind == Kind::F64 && f64::from_bits(bits).is_nan();
            (!is_nan).then_some(Constant { kind, bits })
        }
        Sem::Compare(_) => Some(Constant {
            kind: Kind::Bool,
            bits: typed(instr.op(), constant("a")?.bits, Some(constant("b")?.bits), None)?,
        }),
        Sem::Arith(op) => arithmetic(op, constant("a")?, constant("b")?),
        Sem::ArithImm(op) => arithmetic(op, constant("a")?, Constant::int(imm?)),
        Sem::AnyUnary(op) => {
            let a = constant("a")?;
            match (op, a.kind) {
                (AnyUnOp::Not, _) => Some(Constant::truth(a.is_falsy())),
                (AnyUnOp::Neg, Kind::I64) => Some(Constant::int((a.bits as i64).wrapping_neg())),
                (AnyUnOp::Neg, Kind::F64) => Constant::float(-f64::from_bits(a.bits)),
                (AnyUnOp::Bnot, Kind::I64) => Some(Constant::int(!(a.bits as i64))),
                (AnyUnOp::Len, Kind::String) => Some(Constant::int(function.strings[a.bits as usize].len() as i64)),
                _ => None,
            }
        }
        Sem::AnyCompare(test) => compare(function, test, constant("a")?, constant("b")?).map(Constant::truth),
        _ => None,
    }
}

/// Where control goes on behind a branch or switch, if the values of its operands say so.
pub fn decision(function: &Function, pc: Pc, known: &impl Fn(Reg) -> Option<Constant>) -> Option<Pc> {
    let instr = function.instr(pc);
    let info = instr.info();
    let operand = |name: &str| info.operand(name).map(|index| instr.operands()[index]);
    let a = operand("a").and_then(Value::reg).and_then(known)?;
    let b = || operand("b").and_then(Value::reg).and_then(known);
    let imm = operand("imm").and_then(Value::imm);
    let taken = match info.sem {
        Sem::BranchBool(when) => (a.bits != 0) == when,
        Sem::Branch(_) => typed(instr.op(), a.bits, Some(b()?.bits), None)? != 0,
        Sem::BranchImm(_) => typed(instr.op(), a.bits, None, imm)? != 0,
        Sem::BranchTruth(when) => a.is_falsy() != when,
        Sem::BranchNil(when) => (a.kind == Kind::Nil) == when,
        Sem::AnyBranch(test) => compare(function, test, a, b()?)?,
        Sem::AnyBranchImm(test) => compare(function, test, a, Constant::int(imm?))?,
        Sem::Switch => {
            let Value::Table(table) = operand("table")? else { return None };
            let table = &function.tables[table.index()];
            let entry =
                a.as_int().and_then(|index| usize::try_from(index).ok()).and_then(|index| table.targets.get(index));
            return Some(*entry.unwrap_or(&table.default));
        }
        _ => return None,
    };
    Some(if taken { instr.target()? } else { Pc(pc.0 + 1) })
}

/// A generic operation on two numbers. Strings are left to the run: numerals in them have an error of their own.
fn arithmetic(op: AnyOp, a: Constant, b: Constant) -> Option<Constant> {
    let both = |kind: Kind| a.kind == kind && b.kind == kind;
    let (x, y) = (a.bits as i64, b.bits as i64);
    let ints = both(Kind::I64);
    let floats = || Some((a.as_float()?, b.as_float()?));
    match op {
        AnyOp::Add if ints => Some(Constant::int(x.wrapping_add(y))),
        AnyOp::Sub if ints => Some(Constant::int(x.wrapping_sub(y))),
        AnyOp::Mul if ints => Some(Constant::int(x.wrapping_mul(y))),
        AnyOp::Mod if ints => <semantics::RemFloor as Binary<i64>>::apply(x, y).ok().map(Constant::int),
        AnyOp::Idiv if ints => <semantics::DivFloor as Binary<i64>>::apply(x, y).ok().map(Constant::int),
        AnyOp::Band if ints => Some(Constant::int(x & y)),
        AnyOp::Bor if ints => Some(Constant::int(x | y)),
        AnyOp::Bxor if ints => Some(Constant::int(x ^ y)),
        AnyOp::Shl if ints && (0..64).contains(&y) => Some(Constant::int(x << y)),
        AnyOp::Shr if ints && (0..64).contains(&y) => Some(Constant::int(((x as u64) >> y) as i64)),
        AnyOp::Add => floats().and_then(|(x, y)| Constant::float(x + y)),
        AnyOp::Sub => floats().and_then(|(x, y)| Constant::float(x - y)),
        AnyOp::Mul => floats().and_then(|(x, y)| Constant::float(x * y)),
        AnyOp::Div => floats().and_then(|(x, y)| Constant::float(x / y)),
        _ => None,
    }
}

/// A comparison of two values that have no metamethods.
fn compare(function: &Function, test: Test, a: Constant, b: Constant) -> Option<bool> {
    use std::cmp::Ordering;
    // Integers and floats compare by value: exactly, where the integer is a float.
    let exact = |value: Constant| value.kind == Kind::F64 || (value.bits as i64).unsigned_abs() <= 1 << 53;
    let order = match (a.kind, b.kind) {
        (Kind::I64, Kind::I64) => Some((a.bits as i64).cmp(&(b.bits as i64))),
        (Kind::I64 | Kind::F64, Kind::I64 | Kind::F64) if exact(a) && exact(b) => {
            a.as_float()?.partial_cmp(&b.as_float()?)
        }
        (Kind::I64 | Kind::F64, Kind::I64 | Kind::F64) => return None,
        (Kind::String, Kind::String) => {
            let same = function.strings[a.bits as usize] == function.strings[b.bits as usize];
            return match test {
                Test::Eq => Some(same),
                Test::Ne => Some(!same),
                _ => None,
            };
        }
        _ => {
            return match test {
                Test::Eq => Some(a == b),
                Test::Ne => Some(a != b),
                _ => None,
            };
        }
    };
    let less = order == Some(Ordering::Less);
    let equal = order == Some(Ordering::Equal);
    let greater = order == Some(Ordering::Greater);
    Some(match test {
        Test::Eq => equal,
        Test::Ne => !equal,
        Test::Lt => less,
        Test::NotLt => !less,
        Test::Le => less || equal,
        Test::NotLe => !(less || equal),
        Test::Gt => greater,
        Test::NotGt => !greater,
        Test::Ge => greater || equal,
        Test::NotGe => !(greater || equal),
    })
}

/// A payload as a value of a kind, and back.
trait Payload: Sized {
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn from_imm(imm: i64) -> Self;
}

macro_rules! payloads {
    ($($T:ty: $bits:ident => $from:expr, $value:ident => $to:expr, $imm:ident => $of:expr;)*) => { $(
        impl Payload for $T {
            fn from_bits($bits: u64) -> Self { $from }
            fn bits(self) -> u64 { let $value = self; $to }
            fn from_imm($imm: i64) -> Self { $of }
        }
    )* };
}

payloads! {
    i32: bits => bits as i32, value => u64::from(value as u32), imm => imm as i32;
    i64: bits => bits as i64, value => value as u64, imm => imm;
    u32: bits => bits as u32, value => u64::from(value), imm => imm as u32;
    u64: bits => bits, value => value, imm => imm as u64;
    f64: bits => f64::from_bits(bits), value => value.to_bits(), imm => imm as f64;
    bool: bits => bits != 0, value => u64::from(value), imm => imm != 0;
}

/// The typed operations by the interpreter's own semantics; truth values as 0 and 1. `None` where they raise.
fn typed(op: Op, a: u64, b: Option<u64>, imm: Option<i64>) -> Option<u64> {
    macro_rules! operation {
        ((Binary($Op:ident)) ($K:ident)) => {
            <semantics::$Op as Binary<types::$K>>::apply(Payload::from_bits(a), Payload::from_bits(b?))
                .ok()
                .map(Payload::bits)
        };
        ((BinaryImm($Op:ident)) ($K:ident)) => {
            <semantics::$Op as Binary<types::$K>>::apply(Payload::from_bits(a), Payload::from_imm(imm?))
                .ok()
                .map(Payload::bits)
        };
        ((Unary($Op:ident)) ($K:ident)) => {
            <semantics::$Op as Unary<types::$K>>::apply(Payload::from_bits(a)).ok().map(Payload::bits)
        };
        ((Convert($Mode:ident)) ($K:ident $J:ident)) => {
            <semantics::$Mode as Convert<types::$J, types::$K>>::apply(Payload::from_bits(a)).ok().map(Payload::bits)
        };
        ((Compare($Cc:ident)) ($K:ident)) => {
            Some(<semantics::$Cc as Relation<types::$K>>::holds(Payload::from_bits(a), Payload::from_bits(b?)).bits())
        };
        ((Branch($Cc:ident)) ($K:ident)) => {
            Some(<semantics::$Cc as Relation<types::$K>>::holds(Payload::from_bits(a), Payload::from_bits(b?)).bits())
        };
        ((BranchImm($Cc:ident)) ($K:ident)) => {
            Some(<semantics::$Cc as Relation<types::$K>>::holds(Payload::from_bits(a), Payload::from_imm(imm?)).bits())
        };
        ($sem:tt $kinds:tt) => {
            None
        };
    }
    macro_rules! by_row {
        ([] $({
            name: $Name:ident, mnemonic: $mnemonic:tt, doc: $doc:tt, family: $family:ident, kinds: $kinds:tt,
            operands: $operands:tt, sem: [$($sem:tt)*], effects: $effects:tt, errors: $errors:tt, helper: $helper:ident
        })*) => {
            match op { $(Op::$Name => operation!(($($sem)*) $kinds),)* }
        };
    }
    for_each_instruction!(by_row)
}
