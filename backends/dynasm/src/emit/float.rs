//! Vector-register instructions and conversions.

use dynasmrt::{DynasmApi, DynasmLabelApi};

use super::Emitter;
use super::cold::Cold;
use super::forms::{Addr, Allocs, Rhs, mem, x64};
use crate::mach::{Cc, Mach, Size, SseOp, SseUnary};

/// A vector instruction with a register or memory source.
macro_rules! sse {
    ($e:ident, $op:ident, $d:expr, $rhs:expr $(, $imm:expr)?) => {{
        let d = $d;
        match $rhs {
            Rhs::Reg(s) => x64!($e ; $op Rx(d), Rx(s) $(, BYTE $imm)?),
            Rhs::Mem(m) => sse!(@ $e, $op, d, m $(, $imm)?),
            Rhs::Imm(_) => $e.broken = true
        }
    }};
    (@ $e:ident, $op:ident, $d:ident, $m:ident) => {
        mem!($e, $m, [$op Rx($d),])
    };
    (@ $e:ident, $op:ident, $d:ident, $m:ident, $imm:expr) => {
        mem!($e, $m, 1, [$op Rx($d),] [, BYTE $imm])
    };
}

impl Emitter<'_> {
    pub(super) fn float(&mut self, mach: &Mach, ops: &mut Allocs<'_>) {
        match *mach {
            Mach::FloatZero => {
                let d = ops.reg();
                x64!(self ; xorps Rx(d), Rx(d));
            }
            Mach::FloatLoad { double, am } => {
                let addr = ops.addr(am);
                let d = ops.reg();
                if double {
                    mem!(self, addr, [movsd Rx(d),]);
                } else {
                    mem!(self, addr, [movss Rx(d),]);
                }
            }
            Mach::FloatStore { double, am } => {
                let addr = ops.addr(am);
                let s = ops.reg();
                if double {
                    mem!(self, addr, 0, [movsd] [, Rx(s)]);
                } else {
                    mem!(self, addr, 0, [movss] [, Rx(s)]);
                }
            }
            Mach::FloatSelect(cond) => {
                let (d, s) = (ops.reg(), ops.reg());
                let done = self.asm.new_dynamic_label();
                self.jump_if(cond.invert(), done);
                x64!(self ; movaps Rx(d), Rx(s) ; =>done);
            }
            Mach::Sse(op, src) => {
                let (d, src) = (ops.reg(), ops.rhs(src));
                match op {
                    SseOp::Add => sse!(self, addsd, d, src),
                    SseOp::Sub => sse!(self, subsd, d, src),
                    SseOp::Mul => sse!(self, mulsd, d, src),
                    SseOp::Div => sse!(self, divsd, d, src),
                    SseOp::And => sse!(self, andps, d, src),
                    SseOp::Or => sse!(self, orps, d, src),
                    SseOp::Xor => sse!(self, xorps, d, src),
                }
            }
            Mach::SseUnary(op, src) => {
                let (src, d) = (ops.rhs(src), ops.reg());
                // These keep the upper half of their target; clearing it first saves waiting for whoever wrote it last.
                if !matches!(src, Rhs::Reg(s) if s == d) {
                    x64!(self ; xorps Rx(d), Rx(d));
                }
                match op {
                    SseUnary::Sqrt => sse!(self, sqrtsd, d, src),
                    SseUnary::Round(mode) => sse!(self, roundsd, d, src, mode as i8),
                    SseUnary::Widen => sse!(self, cvtss2sd, d, src),
                    SseUnary::Narrow => sse!(self, cvtsd2ss, d, src),
                }
            }
            Mach::Ucomi(src) => {
                let (x, src) = (ops.reg(), ops.rhs(src));
                sse!(self, ucomisd, x, src);
            }
            Mach::MinMax { max } => {
                let (d, y) = (ops.reg(), ops.reg());
                let done = self.asm.new_dynamic_label();
                let nan = self.cold_path(Cold::AddFloats { d, y }, done);
                let equal = self.cold_path(Cold::MergeZeros { max, d, y }, done);
                x64!(self ; ucomisd Rx(d), Rx(y) ; jp =>nan ; je =>equal);
                if max {
                    x64!(self ; maxsd Rx(d), Rx(y));
                } else {
                    x64!(self ; minsd Rx(d), Rx(y));
                }
                x64!(self ; =>done);
            }
            Mach::ToXmm(size) => {
                let (s, d) = (ops.reg(), ops.reg());
                match size {
                    Size::Q => x64!(self ; movq Rx(d), Rq(s)),
                    _ => x64!(self ; movd Rx(d), Rd(s)),
                }
            }
            Mach::FromXmm(size) => {
                let (s, d) = (ops.reg(), ops.reg());
                match size {
                    Size::Q => x64!(self ; movq Rq(d), Rx(s)),
                    _ => x64!(self ; movd Rd(d), Rx(s)),
                }
            }
            Mach::IntToFloat(size) => {
                let (s, d) = (ops.reg(), ops.reg());
                self.int_to_float(size, d, s);
            }
            Mach::UintToFloat => {
                let (s, d, temp) = (ops.reg(), ops.reg(), ops.reg());
                let done = self.asm.new_dynamic_label();
                let cold = self.cold_path(Cold::BigUintToFloat { s, d, temp }, done);
                x64!(self ; test Rq(s), Rq(s) ; js =>cold);
                self.int_to_float(Size::Q, d, s);
                x64!(self ; =>done);
            }
            Mach::FloatToInt { signed, size } => self.float_to_int(signed, size, ops),
            Mach::FloatToIntExact { signed, size } => self.float_to_int_exact(signed, size, ops),
            _ => self.broken = true,
        }
    }

    pub(super) fn int_to_float(&mut self, size: Size, d: u8, s: u8) {
        x64!(self ; xorps Rx(d), Rx(d));
        match size {
            Size::Q => x64!(self ; cvtsi2sd Rx(d), Rq(s)),
            _ => x64!(self ; cvtsi2sd Rx(d), Rd(s)),
        }
    }

    /// `cvttsd2si` gives MIN for what does not fit its width; only then is there more to do.
    fn float_to_int(&mut self, signed: bool, size: Size, ops: &mut Allocs<'_>) {
        let (x, d) = (ops.reg(), ops.reg());
        let done = self.asm.new_dynamic_label();
        match (signed, size) {
            (true, Size::Q) => {
                let cold = self.cold_path(Cold::SaturateSigned { size, x, d }, done);
                x64!(self ; cvttsd2si Rq(d), Rx(x) ; cmp Rq(d), BYTE 1 ; jo =>cold);
            }
            (true, _) => {
                let cold = self.cold_path(Cold::SaturateSigned { size, x, d }, done);
                x64!(self ; cvttsd2si Rd(d), Rx(x) ; cmp Rd(d), BYTE 1 ; jo =>cold);
            }
            (false, Size::Q) => {
                let temp = ops.reg();
                let cold = self.cold_path(Cold::BigFloatToUint { x, d, temp }, done);
                x64!(self ; cvttsd2si Rq(d), Rx(x) ; test Rq(d), Rq(d) ; js =>cold);
            }
            (false, _) => {
                let temp = ops.reg();
                let cold = self.cold_path(Cold::SaturateUint32 { x, d }, done);
                x64!(self
                    ; cvttsd2si Rq(d), Rx(x)
                    ; mov Rq(temp), Rq(d)
                    ; shr Rq(temp), BYTE 32
                    ; jnz =>cold
                );
            }
        }
        x64!(self ; =>done);
    }

    /// Converts there and back: what comes back equal was integral and in range.
    fn float_to_int_exact(&mut self, signed: bool, size: Size, ops: &mut Allocs<'_>) {
        let (x, d, truth, zero, back) = (ops.reg(), ops.reg(), ops.reg(), ops.reg(), ops.reg());
        let done = self.asm.new_dynamic_label();
        match (signed, size) {
            (true, Size::D) => x64!(self ; cvttsd2si Rd(d), Rx(x)),
            (false, Size::D) => x64!(self ; cvttsd2si Rq(d), Rx(x) ; mov Rd(d), Rd(d)),
            _ => x64!(self ; cvttsd2si Rq(d), Rx(x)),
        }
        if !signed && size == Size::Q {
            let cold = self.cold_path(Cold::BigFloatToUintExact { x, d, truth, temp: back }, done);
            x64!(self ; test Rq(d), Rq(d) ; js =>cold);
        }
        let whole = if signed { size } else { Size::Q };
        self.int_to_float(whole, back, d);
        self.mov_imm(zero, 0);
        x64!(self ; mov Rd(truth), DWORD 1 ; ucomisd Rx(back), Rx(x));
        for cc in [Cc::Ne, Cc::P] {
            self.cmov(Size::Q, cc, d, zero);
            self.cmov(Size::D, cc, truth, zero);
        }
        x64!(self ; =>done);
    }
}
