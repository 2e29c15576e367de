//! Integer instructions.

use dynasmrt::{DynasmApi, DynasmLabelApi};

use super::Emitter;
use super::cold::Cold;
use super::forms::{Addr, Allocs, Rhs, by_code, mem, x64};
use crate::mach::{AluOp, BitsOp, Cc, Cond, Mach, ShiftOp, Size, UnaryOp};

/// A two-operand instruction at every width and form.
macro_rules! two {
    ($e:ident, $op:ident, $size:expr, $d:expr, $rhs:expr $(, $long:ident)?) => {{
        let d = $d;
        match ($size, $rhs) {
            (Size::B, Rhs::Reg(s)) => x64!($e ; $op Rb(d), Rb(s)),
            (Size::W, Rhs::Reg(s)) => x64!($e ; $op Rw(d), Rw(s)),
            (Size::D, Rhs::Reg(s)) => x64!($e ; $op Rd(d), Rd(s)),
            (Size::Q, Rhs::Reg(s)) => x64!($e ; $op Rq(d), Rq(s)),
            (Size::B, Rhs::Mem(m)) => mem!($e, m, [$op Rb(d),]),
            (Size::W, Rhs::Mem(m)) => mem!($e, m, [$op Rw(d),]),
            (Size::D, Rhs::Mem(m)) => mem!($e, m, [$op Rd(d),]),
            (Size::Q, Rhs::Mem(m)) => mem!($e, m, [$op Rq(d),]),
            (Size::B, Rhs::Imm(imm)) => x64!($e ; $op Rb(d), BYTE imm as i8),
            (Size::W, Rhs::Imm(imm)) => x64!($e ; $op Rw(d), WORD imm as i16),
            (Size::D, Rhs::Imm(imm)) => two!(@imm $e, $op, Rd, d, imm $(, $long)?),
            (Size::Q, Rhs::Imm(imm)) => two!(@imm $e, $op, Rq, d, imm $(, $long)?),
        }
    }};
    (@imm $e:ident, $op:ident, $r:ident, $d:ident, $imm:ident) => {
        match i8::try_from($imm) {
            Ok(imm) => x64!($e ; $op $r($d), BYTE imm),
            Err(_) => x64!($e ; $op $r($d), DWORD $imm),
        }
    };
    // dynasm-rs has no short immediate for `cmp`.
    (@imm $e:ident, $op:ident, $r:ident, $d:ident, $imm:ident, long) => {
        x64!($e ; $op $r($d), DWORD $imm)
    };
}

/// The same at 32 and 64 bits only.
macro_rules! two_wide {
    ($e:ident, $op:ident, $size:expr, $d:expr, $rhs:expr) => {{
        let d = $d;
        match ($size, $rhs) {
            (Size::Q, Rhs::Reg(s)) => x64!($e ; $op Rq(d), Rq(s)),
            (_, Rhs::Reg(s)) => x64!($e ; $op Rd(d), Rd(s)),
            (Size::Q, Rhs::Mem(m)) => mem!($e, m, [$op Rq(d),]),
            (_, Rhs::Mem(m)) => mem!($e, m, [$op Rd(d),]),
            (Size::Q, Rhs::Imm(imm)) => match i8::try_from(imm) {
                Ok(imm) => x64!($e ; $op Rq(d), BYTE imm),
                Err(_) => x64!($e ; $op Rq(d), DWORD imm),
            },
            (_, Rhs::Imm(imm)) => match i8::try_from(imm) {
                Ok(imm) => x64!($e ; $op Rd(d), BYTE imm),
                Err(_) => x64!($e ; $op Rd(d), DWORD imm),
            },
        }
    }};
}

/// A shift at 32 and 64 bits by an immediate or by cl.
macro_rules! shift {
    ($e:ident, $op:ident, $size:expr, $d:expr, $($amount:tt)*) => {
        match $size {
            Size::Q => x64!($e ; $op Rq($d), $($amount)*),
            _ => x64!($e ; $op Rd($d), $($amount)*),
        }
    };
}

/// A rotation at every width.
macro_rules! rotate {
    ($e:ident, $op:ident, $size:expr, $d:expr, $($amount:tt)*) => {
        match $size {
            Size::B => x64!($e ; $op Rb($d), $($amount)*),
            Size::W => x64!($e ; $op Rw($d), $($amount)*),
            Size::D => x64!($e ; $op Rd($d), $($amount)*),
            Size::Q => x64!($e ; $op Rq($d), $($amount)*),
        }
    };
}

/// All shifts and rotations with an amount.
macro_rules! shifts {
    ($e:ident, $op:expr, $size:expr, $d:expr, $($amount:tt)*) => {
        match $op {
            ShiftOp::Shl => shift!($e, shl, $size, $d, $($amount)*),
            ShiftOp::Shr => shift!($e, shr, $size, $d, $($amount)*),
            ShiftOp::Sar => shift!($e, sar, $size, $d, $($amount)*),
            ShiftOp::Rol => rotate!($e, rol, $size, $d, $($amount)*),
            ShiftOp::Ror => rotate!($e, ror, $size, $d, $($amount)*),
        }
    };
}

/// A register-to-register instruction at 32 and 64 bits.
macro_rules! pair {
    ($e:ident, $op:ident, $size:expr, $d:expr, $s:expr) => {
        match $size {
            Size::Q => x64!($e ; $op Rq($d), Rq($s)),
            _ => x64!($e ; $op Rd($d), Rd($s)),
        }
    };
}

impl Emitter<'_> {
    pub(super) fn int(&mut self, mach: &Mach, ops: &mut Allocs<'_>) {
        match *mach {
            Mach::MovImm(bits) => self.mov_imm(ops.reg(), bits),
            Mach::Mov(size) => {
                let (s, d) = (ops.reg(), ops.reg());
                if size == Size::D || s != d {
                    pair!(self, mov, size, d, s);
                }
            }
            Mach::Ext { signed, from, to, src } => {
                let src = ops.rhs(src);
                self.extend(signed, from, to, ops.reg(), src);
            }
            Mach::Lea(size, am) => {
                let addr = ops.addr(am);
                let d = ops.reg();
                match size {
                    Size::Q => mem!(self, addr, [lea Rq(d),]),
                    _ => mem!(self, addr, [lea Rd(d),]),
                }
            }
            Mach::Alu { op, size, src } => {
                let (d, src) = (ops.reg(), ops.rhs(src));
                self.alu(op, size, d, src);
            }
            Mach::ImulImm { size, src, imm } => {
                let (src, d) = (ops.rhs(src), ops.reg());
                self.imul_imm(size, d, src, imm);
            }
            Mach::Unary(op, size) => {
                let d = ops.reg();
                match (op, size) {
                    (UnaryOp::Neg, Size::Q) => x64!(self ; neg Rq(d)),
                    (UnaryOp::Neg, _) => x64!(self ; neg Rd(d)),
                    (UnaryOp::Not, Size::Q) => x64!(self ; not Rq(d)),
                    (UnaryOp::Not, _) => x64!(self ; not Rd(d)),
                    (UnaryOp::Bswap, Size::Q) => x64!(self ; bswap Rq(d)),
                    (UnaryOp::Bswap, _) => x64!(self ; bswap Rd(d)),
                }
            }
            Mach::ShiftImm(op, size, amount) => {
                let d = ops.reg();
                shifts!(self, op, size, d, BYTE amount as i8);
            }
            Mach::ShiftCl(op, size) => {
                let d = ops.reg();
                shifts!(self, op, size, d, cl);
            }
            Mach::ShiftX(op, size) => {
                let (s, amount, d) = (ops.reg(), ops.reg(), ops.reg());
                match (op, size) {
                    (ShiftOp::Shl, Size::Q) => x64!(self ; shlx Rq(d), Rq(s), Rq(amount)),
                    (ShiftOp::Shl, _) => x64!(self ; shlx Rd(d), Rd(s), Rd(amount)),
                    (ShiftOp::Shr, Size::Q) => x64!(self ; shrx Rq(d), Rq(s), Rq(amount)),
                    (ShiftOp::Shr, _) => x64!(self ; shrx Rd(d), Rd(s), Rd(amount)),
                    (_, Size::Q) => x64!(self ; sarx Rq(d), Rq(s), Rq(amount)),
                    (_, _) => x64!(self ; sarx Rd(d), Rd(s), Rd(amount)),
                }
            }
            Mach::Bits(op, size) => {
                let (s, d) = (ops.reg(), ops.reg());
                match op {
                    BitsOp::Bsr => pair!(self, bsr, size, d, s),
                    BitsOp::Bsf => pair!(self, bsf, size, d, s),
                    BitsOp::Lzcnt => pair!(self, lzcnt, size, d, s),
                    BitsOp::Tzcnt => pair!(self, tzcnt, size, d, s),
                    BitsOp::Popcnt => pair!(self, popcnt, size, d, s),
                }
            }
            Mach::MulWide { signed, src } => {
                ops.reg();
                match (signed, ops.rhs(src)) {
                    (true, Rhs::Mem(m)) => mem!(self, m, [imul QWORD]),
                    (false, Rhs::Mem(m)) => mem!(self, m, [mul QWORD]),
                    (true, Rhs::Reg(s)) => x64!(self ; imul Rq(s)),
                    (false, Rhs::Reg(s)) => x64!(self ; mul Rq(s)),
                    (_, Rhs::Imm(_)) => self.broken = true,
                }
            }
            Mach::SignOf(Size::Q) => x64!(self ; cqo),
            Mach::SignOf(_) => x64!(self ; cdq),
            Mach::Div { signed, size, zero, minus } => {
                ops.reg();
                ops.reg();
                self.divide(signed, size, zero, minus, ops.reg());
            }
            Mach::Cmp(size, src) => {
                let (x, src) = (ops.reg(), ops.rhs(src));
                two!(self, cmp, size, x, src, long);
            }
            Mach::Test(size, src) => {
                let (x, src) = (ops.reg(), ops.rhs(src));
                self.test(size, x, src);
            }
            Mach::CmpMem(size, am, imm) => {
                let addr = ops.addr(am);
                self.cmp_mem(size, addr, imm);
            }
            Mach::Set(cond) => self.set(cond, ops),
            Mach::Cmov(size, cond) => {
                let (d, s) = (ops.reg(), ops.reg());
                match cond {
                    Cond::One(cc) => self.cmov(size, cc, d, s),
                    // Selection never asks for both codes at once.
                    Cond::EqualOrdered | Cond::DifferentUnordered => {
                        self.cmov(size, Cc::Ne, d, s);
                        self.cmov(size, Cc::P, d, s);
                    }
                }
            }
            Mach::Store(size, am) => {
                let addr = ops.addr(am);
                let s = ops.reg();
                match size {
                    Size::B => mem!(self, addr, 0, [mov] [, Rb(s)]),
                    Size::W => mem!(self, addr, 0, [mov] [, Rw(s)]),
                    Size::D => mem!(self, addr, 0, [mov] [, Rd(s)]),
                    Size::Q => mem!(self, addr, 0, [mov] [, Rq(s)]),
                }
            }
            Mach::StoreImm(size, am, imm) => {
                let addr = ops.addr(am);
                match size {
                    Size::B => mem!(self, addr, 1, [mov BYTE] [, imm as i8]),
                    Size::W => mem!(self, addr, 2, [mov WORD] [, imm as i16]),
                    Size::D => mem!(self, addr, 4, [mov DWORD] [, imm]),
                    Size::Q => mem!(self, addr, 4, [mov QWORD] [, imm]),
                }
            }
            _ => self.broken = true,
        }
    }

    pub(super) fn mov_imm(&mut self, d: u8, bits: u64) {
        if bits == 0 {
            x64!(self ; xor Rd(d), Rd(d));
        } else if let Ok(bits) = u32::try_from(bits) {
            x64!(self ; mov Rd(d), DWORD bits as i32);
        } else if let Ok(bits) = i32::try_from(bits as i64) {
            x64!(self ; mov Rq(d), DWORD bits);
        } else {
            x64!(self ; mov Rq(d), QWORD bits as i64);
        }
    }

    fn extend(&mut self, signed: bool, from: Size, to: Size, d: u8, src: Rhs) {
        match (signed, from, to, src) {
            (false, Size::B, _, Rhs::Reg(s)) => x64!(self ; movzx Rd(d), Rb(s)),
            (false, Size::B, _, Rhs::Mem(m)) => mem!(self, m, [movzx Rd(d), BYTE]),
            (false, Size::W, _, Rhs::Reg(s)) => x64!(self ; movzx Rd(d), Rw(s)),
            (false, Size::W, _, Rhs::Mem(m)) => mem!(self, m, [movzx Rd(d), WORD]),
            (false, Size::Q, _, Rhs::Reg(s)) => x64!(self ; mov Rq(d), Rq(s)),
            (false, Size::Q, _, Rhs::Mem(m)) => mem!(self, m, [mov Rq(d),]),
            (true, Size::B, Size::Q, Rhs::Reg(s)) => x64!(self ; movsx Rq(d), Rb(s)),
            (true, Size::B, Size::Q, Rhs::Mem(m)) => mem!(self, m, [movsx Rq(d), BYTE]),
            (true, Size::B, _, Rhs::Reg(s)) => x64!(self ; movsx Rd(d), Rb(s)),
            (true, Size::B, _, Rhs::Mem(m)) => mem!(self, m, [movsx Rd(d), BYTE]),
            (true, Size::W, Size::Q, Rhs::Reg(s)) => x64!(self ; movsx Rq(d), Rw(s)),
            (true, Size::W, Size::Q, Rhs::Mem(m)) => mem!(self, m, [movsx Rq(d), WORD]),
            (true, Size::W, _, Rhs::Reg(s)) => x64!(self ; movsx Rd(d), Rw(s)),
            (true, Size::W, _, Rhs::Mem(m)) => mem!(self, m, [movsx Rd(d), WORD]),
            (true, Size::D, Size::Q, Rhs::Reg(s)) => x64!(self ; movsxd Rq(d), Rd(s)),
            (true, Size::D, Size::Q, Rhs::Mem(m)) => mem!(self, m, [movsxd Rq(d), DWORD]),
            (_, _, _, Rhs::Reg(s)) => x64!(self ; mov Rd(d), Rd(s)),
            (_, _, _, Rhs::Mem(m)) => mem!(self, m, [mov Rd(d),]),
            (_, _, _, Rhs::Imm(_)) => self.broken = true,
        }
    }

    fn alu(&mut self, op: AluOp, size: Size, d: u8, src: Rhs) {
        match op {
            AluOp::Add => two!(self, add, size, d, src),
            AluOp::Sub => two!(self, sub, size, d, src),
            AluOp::And => two_wide!(self, and, size, d, src),
            AluOp::Or => two_wide!(self, or, size, d, src),
            AluOp::Xor => two_wide!(self, xor, size, d, src),
            AluOp::Imul => match (size, src) {
                (Size::W, Rhs::Reg(s)) => x64!(self ; imul Rw(d), Rw(s)),
                (Size::W, Rhs::Mem(m)) => mem!(self, m, [imul Rw(d),]),
                (Size::Q, Rhs::Reg(s)) => x64!(self ; imul Rq(d), Rq(s)),
                (Size::Q, Rhs::Mem(m)) => mem!(self, m, [imul Rq(d),]),
                (_, Rhs::Reg(s)) => x64!(self ; imul Rd(d), Rd(s)),
                (_, Rhs::Mem(m)) => mem!(self, m, [imul Rd(d),]),
                (_, Rhs::Imm(_)) => self.broken = true,
            },
        }
    }

    fn imul_imm(&mut self, size: Size, d: u8, src: Rhs, imm: i32) {
        match (size, src, i8::try_from(imm)) {
            (Size::Q, Rhs::Reg(s), Ok(imm)) => x64!(self ; imul Rq(d), Rq(s), BYTE imm),
            (Size::Q, Rhs::Reg(s), _) => x64!(self ; imul Rq(d), Rq(s), DWORD imm),
            (Size::Q, Rhs::Mem(m), _) => mem!(self, m, 4, [imul Rq(d),] [, DWORD imm]),
            (_, Rhs::Reg(s), Ok(imm)) => x64!(self ; imul Rd(d), Rd(s), BYTE imm),
            (_, Rhs::Reg(s), _) => x64!(self ; imul Rd(d), Rd(s), DWORD imm),
            (_, Rhs::Mem(m), _) => mem!(self, m, 4, [imul Rd(d),] [, DWORD imm]),
            (_, Rhs::Imm(_), _) => self.broken = true,
        }
    }

    fn divide(&mut self, signed: bool, size: Size, zero: bool, minus: bool, divisor: u8) {
        let back = (zero || minus).then(|| self.asm.new_dynamic_label());
        if let (true, Some(back)) = (zero, back) {
            self.test(size, divisor, Rhs::Reg(divisor));
            let cold = self.cold_path(Cold::DivideByZero(size), back);
            x64!(self ; jz =>cold);
        }
        if let (true, Some(back)) = (minus, back) {
            two!(self, cmp, size, divisor, Rhs::Imm(-1), long);
            let cold = self.cold_path(Cold::DivideByMinusOne(size), back);
            x64!(self ; je =>cold);
        }
        match (signed, size) {
            (true, Size::Q) => x64!(self ; idiv Rq(divisor)),
            (true, _) => x64!(self ; idiv Rd(divisor)),
            (false, Size::Q) => x64!(self ; div Rq(divisor)),
            (false, _) => x64!(self ; div Rd(divisor)),
        }
        if let Some(back) = back {
            x64!(self ; =>back);
        }
    }

    fn test(&mut self, size: Size, x: u8, src: Rhs) {
        match (size, src) {
            (Size::B, Rhs::Reg(s)) => x64!(self ; test Rb(x), Rb(s)),
            (Size::W, Rhs::Reg(s)) => x64!(self ; test Rw(x), Rw(s)),
            (Size::D, Rhs::Reg(s)) => x64!(self ; test Rd(x), Rd(s)),
            (Size::Q, Rhs::Reg(s)) => x64!(self ; test Rq(x), Rq(s)),
            (Size::B, Rhs::Imm(imm)) => x64!(self ; test Rb(x), BYTE imm as i8),
            (Size::W, Rhs::Imm(imm)) => x64!(self ; test Rw(x), WORD imm as i16),
            (Size::D, Rhs::Imm(imm)) => x64!(self ; test Rd(x), DWORD imm),
            (Size::Q, Rhs::Imm(imm)) => x64!(self ; test Rq(x), DWORD imm),
            (_, Rhs::Mem(_)) => self.broken = true,
        }
    }

    fn cmp_mem(&mut self, size: Size, addr: Addr, imm: i32) {
        match size {
            Size::B => mem!(self, addr, 1, [cmp BYTE] [, imm as i8]),
            Size::W => mem!(self, addr, 2, [cmp WORD] [, WORD imm as i16]),
            Size::D => mem!(self, addr, 4, [cmp DWORD] [, DWORD imm]),
            Size::Q => mem!(self, addr, 4, [cmp QWORD] [, DWORD imm]),
        }
    }

    fn set(&mut self, cond: Cond, ops: &mut Allocs<'_>) {
        let d = ops.reg();
        match cond {
            Cond::One(cc) => self.setcc(cc, d),
            Cond::EqualOrdered => {
                let temp = ops.reg();
                self.setcc(Cc::E, d);
                self.setcc(Cc::Np, temp);
                x64!(self ; and Rd(d), Rd(temp));
            }
            Cond::DifferentUnordered => {
                let temp = ops.reg();
                self.setcc(Cc::Ne, d);
                self.setcc(Cc::P, temp);
                x64!(self ; or Rd(d), Rd(temp));
            }
        }
    }

    pub(super) fn setcc(&mut self, cc: Cc, d: u8) {
        by_code!(self, cc, [seto setno setb setae sete setne setbe seta sets setns setp setnp setl setge setle setg], Rb(d));
    }

    pub(super) fn cmov(&mut self, size: Size, cc: Cc, d: u8, s: u8) {
        if size == Size::Q {
            by_code!(self, cc, [cmovo cmovno cmovb cmovae cmove cmovne cmovbe cmova cmovs cmovns cmovp cmovnp cmovl cmovge cmovle cmovg], Rq(d), Rq(s));
        } else {
            by_code!(self, cc, [cmovo cmovno cmovb cmovae cmove cmovne cmovbe cmova cmovs cmovns cmovp cmovnp cmovl cmovge cmovle cmovg], Rd(d), Rd(s));
        }
    }
}
