//! Float operations and comparisons.

use lockstep_ir::{Imm, InstData, Op, Type, Value};
use regalloc2::{Operand, VReg};

use super::Isel;
use crate::mach::{Amode, Base, Cc, Cond, Mach, Place, Source, Src, SseOp, SseUnary};

/// The sign bit of a double.
const SIGN: u64 = 1 << 63;

impl<'a> Isel<'a> {
    pub(super) fn lower_float(&mut self, data: &'a InstData) {
        let def = self.vreg(data.results[0]);
        let arithmetic = match data.op {
            Op::Fadd => Some(SseOp::Add),
            Op::Fsub => Some(SseOp::Sub),
            Op::Fmul => Some(SseOp::Mul),
            Op::Fdiv => Some(SseOp::Div),
            _ => None,
        };
        if let Some(op) = arithmetic {
            let (mut x, mut y) = (data.args[0], data.args[1]);
            let second = |s: &Self, v| s.float_constant_of(v).is_some() || s.sinkable_load(v).is_some();
            let swap = second(self, x) || (self.single_use(y) && !self.single_use(x));
            if data.op.is_commutative() && !second(self, y) && swap {
                (x, y) = (y, x);
            }
            let x = self.reg(x);
            let y = self.float_source(y);
            return self.put_two(Mach::Sse(op, y.src), x, &y, def);
        }
        match data.op {
            Op::Fconst => {
                if let Imm::Float(bits) = data.imm {
                    self.put_float_constant(bits, def);
                }
            }
            Op::Fmin | Op::Fmax => {
                let (x, y) = (self.reg(data.args[0]), self.reg(data.args[1]));
                let operands = [Operand::reg_use(x), Operand::reg_use(y), Operand::reg_reuse_def(def, 0)];
                self.put(Mach::MinMax { max: data.op == Op::Fmax }, &operands);
            }
            Op::Fneg => self.mask(SseOp::Xor, data.args[0], SIGN, def),
            Op::Fabs => self.mask(SseOp::And, data.args[0], !SIGN, def),
            Op::Fcopysign => {
                let (magnitude, sign) = (self.float_temp(), self.float_temp());
                self.mask(SseOp::And, data.args[0], !SIGN, magnitude);
                self.mask(SseOp::And, data.args[1], SIGN, sign);
                let sign = Source::reg(sign);
                self.put_two(Mach::Sse(SseOp::Or, Src::Reg), magnitude, &sign, def);
            }
            Op::Fsqrt => self.sse_unary(SseUnary::Sqrt, data, def),
            // Modes: 0 nearest even, 1 down, 2 up, 3 towards zero; 8 keeps the inexact flag clear.
            Op::Fnearest => self.sse_unary(SseUnary::Round(8), data, def),
            Op::Ffloor => self.sse_unary(SseUnary::Round(9), data, def),
            Op::Fceil => self.sse_unary(SseUnary::Round(10), data, def),
            _ => self.sse_unary(SseUnary::Round(11), data, def),
        }
    }

    fn sse_unary(&mut self, op: SseUnary, data: &InstData, def: VReg) {
        let x = self.float_source(data.args[0]);
        self.put_load(Mach::SseUnary(op, x.src), &x, def);
    }

    fn mask(&mut self, op: SseOp, x: Value, mask: u64, def: VReg) {
        let x = self.reg(x);
        let mask = self.constant_place(true, mask).source();
        self.put_two(Mach::Sse(op, mask.src), x, &mask, def);
    }

    /// A place in the constant pool, of 8 or of 16 bytes.
    fn constant_place(&mut self, wide: bool, bits: u64) -> Place {
        let at = if wide { self.consts.wide(bits) } else { self.consts.word(bits) };
        Place { am: Amode::fixed(Base::Const, at), regs: [VReg::invalid(); 2] }
    }

    fn float_constant_of(&self, value: Value) -> Option<u64> {
        match self.def(value)?.1.imm {
            Imm::Float(bits) => Some(bits),
            _ => None,
        }
    }

    /// A 64-bit float as a register or memory operand.
    pub(super) fn float_source(&mut self, value: Value) -> Source {
        if let Some(bits) = self.float_constant_of(value).filter(|&bits| bits != 0) {
            return self.constant_place(false, bits).source();
        }
        match self.sinkable_load(value) {
            Some(load) => self.memory(load).source(),
            None => Source::reg(self.reg(value)),
        }
    }

    /// A float constant in a register of its own.
    pub(super) fn float_constant(&mut self, bits: u64) -> VReg {
        let def = self.float_temp();
        self.put_float_constant(bits, def);
        def
    }

    fn put_float_constant(&mut self, bits: u64, def: VReg) {
        if bits == 0 {
            self.put(Mach::FloatZero, &[Operand::reg_def(def)]);
        } else {
            let place = self.constant_place(false, bits);
            self.put_load(Mach::FloatLoad { double: true, am: place.am }, &place.source(), def);
        }
    }

    /// Compares with `ucomisd`, whose "above" is false for NaNs, unlike its "below".
    pub(super) fn compare_floats(&mut self, data: &InstData) -> Cond {
        let (mut x, mut y) = (data.args[0], data.args[1]);
        let cond = match data.op {
            Op::FcmpEq => Cond::EqualOrdered,
            Op::FcmpNe => Cond::DifferentUnordered,
            Op::FcmpGt | Op::FcmpLt => Cond::One(Cc::A),
            Op::FcmpGe | Op::FcmpLe => Cond::One(Cc::Ae),
            Op::FcmpOrd => Cond::One(Cc::Np),
            _ => Cond::One(Cc::P),
        };
        if matches!(data.op, Op::FcmpLt | Op::FcmpLe) {
            (x, y) = (y, x);
        }
        let x = self.reg(x);
        let y = self.float_source(y);
        self.put_with(Mach::Ucomi(y.src), &[Operand::reg_use(x)], &y, &[]);
        cond
    }

    pub(super) fn is_double(&self, value: Value) -> bool {
        self.func.ty(value) == Type::F64
    }
}
