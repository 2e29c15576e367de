//! What instructions without control flow compute, by meaning and kind.

use lockstep_bytecode::{BinOp, Cc, ConvertMode, Instr, Kind, Sem, UnOp, Value as Operand};
use lockstep_ir::{Builder, Op, Type, Value};
use lockstep_layout::HelperId;

use super::Translation;
use crate::kinds::{minimum, type_of};
use crate::request::ExitReason;

impl Translation<'_> {
    /// The value of an instruction that writes its first operand and does nothing else, after its checks.
    pub(super) fn operation(&mut self, instr: Instr) -> Value {
        let info = instr.info();
        let operands = instr.operands();
        let get =
            |t: &Self, n: usize| t.get(operands[n].reg().expect("the table says that this operand is a register"));
        let immediate = |n: usize| operands[n].imm().expect("the table says that this operand is an immediate");
        let kind = info.kind.expect("the table says of which kind");
        match info.sem {
            Sem::Const => self.constant(kind, immediate(1)),
            Sem::Pool => {
                let Operand::Pool(index) = operands[1] else { unreachable!("the operand is a constant of the pool") };
                pool_constant(&mut self.b, kind, self.code.function.pool[index.index()])
            }
            Sem::Move => get(self, 1),
            Sem::Select => {
                let args = [get(self, 1), get(self, 2), get(self, 3)];
                self.b.one(Op::Select, type_of(kind), &args)
            }
            Sem::Binary(op) => {
                let (a, b) = (get(self, 1), get(self, 2));
                self.binary(kind, op, a, b)
            }
            Sem::BinaryImm(op) => {
                let (a, b) = (get(self, 1), self.constant(kind, immediate(2)));
                self.binary(kind, op, a, b)
            }
            Sem::Unary(op) => {
                let a = get(self, 1);
                self.unary(kind, op, a)
            }
            Sem::Compare(cc) => {
                let (a, b) = (get(self, 1), get(self, 2));
                let (holds, when) = self.compare(kind, cc, a, b);
                if when { holds } else { self.negated(holds) }
            }
            Sem::Convert(mode) => {
                let a = get(self, 1);
                self.convert(kind, info.from.expect("a conversion has two kinds"), mode, a)
            }
            other => unreachable!("{other:?} is translated elsewhere"),
        }
    }

    pub(super) fn constant(&mut self, kind: Kind, value: i64) -> Value {
        constant(&mut self.b, kind, value)
    }

    fn negated(&mut self, truth: Value) -> Value {
        let one = self.b.iconst(Type::I8, 1);
        self.b.one(Op::Bxor, Type::I8, &[truth, one])
    }

    pub(super) fn compare(&mut self, kind: Kind, cc: Cc, a: Value, b: Value) -> (Value, bool) {
        compare(&mut self.b, kind, cc, a, b)
    }

    fn binary(&mut self, kind: Kind, op: BinOp, a: Value, b: Value) -> Value {
        let ty = type_of(kind);
        let float = kind == Kind::F64;
        let pick = |signed, unsigned| if kind.is_signed() { signed } else { unsigned };
        let op = match op {
            BinOp::Add => {
                if float {
                    Op::Fadd
                } else {
                    Op::Iadd
                }
            }
            BinOp::Sub => {
                if float {
                    Op::Fsub
                } else {
                    Op::Isub
                }
            }
            BinOp::Mul => {
                if float {
                    Op::Fmul
                } else {
                    Op::Imul
                }
            }
            BinOp::AddChecked => return self.checked(pick(Op::SaddOverflow, Op::UaddOverflow), ty, a, b),
            BinOp::SubChecked => return self.checked(pick(Op::SsubOverflow, Op::UsubOverflow), ty, a, b),
            BinOp::MulChecked => return self.checked(pick(Op::SmulOverflow, Op::UmulOverflow), ty, a, b),
            BinOp::Div if float => Op::Fdiv,
            BinOp::Div => {
                self.check_division(kind, a, b, true);
                pick(Op::Sdiv, Op::Udiv)
            }
            BinOp::Rem if float => return self.helper(HelperId::F64RemT, &[a, b], None),
            BinOp::Rem => {
                self.check_division(kind, a, b, false);
                pick(Op::Srem, Op::Urem)
            }
            BinOp::DivFloor => return self.floor_division(kind, a, b),
            BinOp::RemFloor if float => return self.helper(HelperId::F64RemF, &[a, b], None),
            BinOp::RemFloor => return self.floor_remainder(kind, a, b),
            BinOp::And => Op::Band,
            BinOp::Or => Op::Bor,
            BinOp::Xor => Op::Bxor,
            BinOp::Shl => Op::Shl,
            BinOp::Shr => pick(Op::Ashr, Op::Lshr),
            BinOp::ShrLogical => Op::Lshr,
            BinOp::Rotl => Op::Rotl,
            BinOp::Rotr => Op::Rotr,
            BinOp::Min if float => Op::Fmin,
            BinOp::Max if float => Op::Fmax,
            BinOp::Min | BinOp::Max => {
                let less = self.b.one(pick(Op::IcmpSlt, Op::IcmpUlt), ty, &[a, b]);
                let (then, otherwise) = if op == BinOp::Min { (a, b) } else { (b, a) };
                return self.b.one(Op::Select, ty, &[less, then, otherwise]);
            }
        };
        self.b.one(op, ty, &[a, b])
    }

    fn checked(&mut self, op: Op, ty: Type, a: Value, b: Value) -> Value {
        let (value, overflow) = self.b.two(op, ty, &[a, b]);
        self.exit_if(overflow, ExitReason::IntegerOverflow);
        value
    }

    /// Leaves if the divisor is zero or, where that is an error, the quotient does not fit.
    fn check_division(&mut self, kind: Kind, a: Value, b: Value, may_overflow: bool) {
        let ty = type_of(kind);
        let zero = self.b.iconst(ty, 0);
        let by_zero = self.b.one(Op::IcmpEq, ty, &[b, zero]);
        self.exit_if(by_zero, ExitReason::DivideByZero);
        if may_overflow && kind.is_signed() {
            let (least, minus_one) = (self.b.iconst(ty, minimum(kind)), self.b.iconst(ty, -1));
            let is_least = self.b.one(Op::IcmpEq, ty, &[a, least]);
            let is_minus_one = self.b.one(Op::IcmpEq, ty, &[b, minus_one]);
            let overflow = self.b.one(Op::Band, Type::I8, &[is_least, is_minus_one]);
            self.exit_if(overflow, ExitReason::IntegerOverflow);
        }
    }

    /// Whether a remainder is not zero and its sign differs from the divisor's: the quotient was rounded up.
    fn rounded_up(&mut self, ty: Type, rem: Value, b: Value) -> Value {
        let zero = self.b.iconst(ty, 0);
        let inexact = self.b.one(Op::IcmpNe, ty, &[rem, zero]);
        let signs = self.b.one(Op::Bxor, ty, &[rem, b]);
        let differ = self.b.one(Op::IcmpSlt, ty, &[signs, zero]);
        self.b.one(Op::Band, Type::I8, &[inexact, differ])
    }

    fn floor_division(&mut self, kind: Kind, a: Value, b: Value) -> Value {
        let ty = type_of(kind);
        self.check_division(kind, a, b, true);
        let quotient = self.b.one(Op::Sdiv, ty, &[a, b]);
        // The remainder by multiplication: cheaper than a second division.
        let product = self.b.one(Op::Imul, ty, &[quotient, b]);
        let rem = self.b.one(Op::Isub, ty, &[a, product]);
        let up = self.rounded_up(ty, rem, b);
        let up = self.b.one(Op::Zext, ty, &[up]);
        self.b.one(Op::Isub, ty, &[quotient, up])
    }

    fn floor_remainder(&mut self, kind: Kind, a: Value, b: Value) -> Value {
        let ty = type_of(kind);
        self.check_division(kind, a, b, false);
        let rem = self.b.one(Op::Srem, ty, &[a, b]);
        let up = self.rounded_up(ty, rem, b);
        let sum = self.b.one(Op::Iadd, ty, &[rem, b]);
        self.b.one(Op::Select, ty, &[up, sum, rem])
    }

    fn unary(&mut self, kind: Kind, op: UnOp, a: Value) -> Value {
        let ty = type_of(kind);
        let float = kind == Kind::F64;
        if matches!(op, UnOp::NegChecked | UnOp::AbsChecked) {
            let least = self.b.iconst(ty, minimum(kind));
            let overflow = self.b.one(Op::IcmpEq, ty, &[a, least]);
            self.exit_if(overflow, ExitReason::IntegerOverflow);
        }
        let op = match op {
            UnOp::Neg if float => Op::Fneg,
            UnOp::Neg | UnOp::NegChecked => Op::Ineg,
            UnOp::Abs if float => Op::Fabs,
            UnOp::Abs | UnOp::AbsChecked => {
                let zero = self.b.iconst(ty, 0);
                let negative = self.b.one(Op::IcmpSlt, ty, &[a, zero]);
                let negated = self.b.one(Op::Ineg, ty, &[a]);
                return self.b.one(Op::Select, ty, &[negative, negated, a]);
            }
            UnOp::Not if kind == Kind::Bool => return self.negated(a),
            UnOp::Not => Op::Bnot,
            UnOp::Sqrt => Op::Fsqrt,
            UnOp::Floor => Op::Ffloor,
            UnOp::Ceil => Op::Fceil,
            UnOp::Trunc => Op::Ftrunc,
            UnOp::Nearest => Op::Fnearest,
        };
        self.b.one(op, ty, &[a])
    }

    fn convert(&mut self, to: Kind, from: Kind, mode: ConvertMode, a: Value) -> Value {
        let (ty, from_ty) = (type_of(to), type_of(from));
        match mode {
            ConvertMode::Wrap if ty == from_ty => a,
            ConvertMode::Wrap if ty.bits() < from_ty.bits() => self.b.one(Op::Trunc, ty, &[a]),
            ConvertMode::Wrap if from.is_signed() => self.b.one(Op::Sext, ty, &[a]),
            ConvertMode::Wrap => self.b.one(Op::Zext, ty, &[a]),
            ConvertMode::Float if from.is_signed() => self.b.one(Op::SintToF64, from_ty, &[a]),
            ConvertMode::Float => self.b.one(Op::UintToF64, from_ty, &[a]),
            ConvertMode::Exact => {
                let op = if to.is_signed() { Op::F64ToSintExact } else { Op::F64ToUintExact };
                let (value, exact) = self.b.two(op, ty, &[a]);
                let inexact = self.negated(exact);
                self.exit_if(inexact, ExitReason::Conversion);
                value
            }
            ConvertMode::Truncate => {
                self.check_range(to, a);
                self.saturate(to, a)
            }
            ConvertMode::Saturate => self.saturate(to, a),
            ConvertMode::Bits if to == Kind::F64 => self.b.one(Op::BitsToF64, ty, &[a]),
            ConvertMode::Bits => self.b.one(Op::F64ToBits, ty, &[a]),
        }
    }

    fn saturate(&mut self, to: Kind, a: Value) -> Value {
        let op = if to.is_signed() { Op::F64ToSintSat } else { Op::F64ToUintSat };
        self.b.one(op, type_of(to), &[a])
    }

    /// Leaves if the float, rounded towards zero, is out of the kind's range, or a NaN (for which neither comparison holds).
    fn check_range(&mut self, to: Kind, a: Value) {
        // Values strictly between the least value less one and the bound behind the greatest round into the range. The
        // least `i64` less one is no float, but the least `i64` is, and there is none between.
        let (above, low) = match to {
            Kind::I64 => (Op::FcmpGe, -9_223_372_036_854_775_808.0),
            Kind::I32 => (Op::FcmpGt, -2_147_483_649.0),
            _ => (Op::FcmpGt, -1.0),
        };
        let high = match to {
            Kind::I32 => 2_147_483_648.0,
            Kind::I64 => 9_223_372_036_854_775_808.0,
            Kind::U32 => 4_294_967_296.0,
            _ => 18_446_744_073_709_551_616.0,
        };
        let (low, high) = (self.b.fconst(low), self.b.fconst(high));
        let above = self.b.one(above, Type::F64, &[a, low]);
        let below = self.b.one(Op::FcmpLt, Type::F64, &[a, high]);
        let inside = self.b.one(Op::Band, Type::I8, &[above, below]);
        let outside = self.negated(inside);
        self.exit_if(outside, ExitReason::Conversion);
    }
}

/// A small constant of any kind.
pub fn constant(b: &mut Builder<'_>, kind: Kind, value: i64) -> Value {
    if kind == Kind::F64 { b.fconst(value as f64) } else { b.iconst(type_of(kind), value) }
}

/// A constant of a function's pool.
pub fn pool_constant(b: &mut Builder<'_>, kind: Kind, bits: u64) -> Value {
    if kind == Kind::F64 { b.fconst(f64::from_bits(bits)) } else { b.iconst(type_of(kind), bits as i64) }
}

/// The condition of a branch on registers, given what those it reads hold, and whether the branch is taken when it holds.
pub fn condition(b: &mut Builder<'_>, instr: Instr, values: &[Value]) -> (Value, bool) {
    let info = instr.info();
    match info.sem {
        Sem::BranchBool(when) => (values[0], when),
        Sem::Branch(cc) => compare(b, info.kind.expect("a kind"), cc, values[0], values[1]),
        Sem::BranchImm(cc) => {
            let kind = info.kind.expect("a kind");
            let bound = constant(b, kind, instr.operands()[1].imm().expect("an immediate"));
            compare(b, kind, cc, values[0], bound)
        }
        other => unreachable!("{other:?} is no branch on registers"),
    }
}

/// A truth value, and the one it must have for the relation to hold.
pub fn compare(builder: &mut Builder<'_>, kind: Kind, cc: Cc, a: Value, b: Value) -> (Value, bool) {
    let pick = |float, signed, unsigned| match kind {
        Kind::F64 => float,
        _ if kind.is_signed() => signed,
        _ => unsigned,
    };
    let op = match cc {
        Cc::Eq => pick(Op::FcmpEq, Op::IcmpEq, Op::IcmpEq),
        Cc::Ne => pick(Op::FcmpNe, Op::IcmpNe, Op::IcmpNe),
        Cc::Lt | Cc::NotLt => pick(Op::FcmpLt, Op::IcmpSlt, Op::IcmpUlt),
        Cc::Le | Cc::NotLe => pick(Op::FcmpLe, Op::IcmpSle, Op::IcmpUle),
        Cc::Gt => pick(Op::FcmpGt, Op::IcmpSgt, Op::IcmpUgt),
        Cc::Ge => pick(Op::FcmpGe, Op::IcmpSge, Op::IcmpUge),
    };
    (builder.one(op, type_of(kind), &[a, b]), !matches!(cc, Cc::NotLt | Cc::NotLe))
}
