//! Integer operations, comparisons and selection.

use lockstep_backend_api::Feature;
use lockstep_ir::{Imm, InstData, Op, Type, Value};
use regalloc2::{Operand, VReg};

use super::{Isel, fixed_def, fixed_use};
use crate::abi;
use crate::mach::{AluOp, BitsOp, Cc, Cond, Mach, ShiftOp, Size, Source, Src, UnaryOp};

impl<'a> Isel<'a> {
    pub(super) fn lower_int(&mut self, data: &'a InstData) {
        use Op::*;
        let size = Size::of(data.ty.bytes());
        match data.op {
            Iconst => {
                if let Imm::Int(bits) = data.imm {
                    let def = self.vreg(data.results[0]);
                    self.put(Mach::MovImm(bits), &[Operand::reg_def(def)]);
                }
            }
            Iadd => self.lower_add(data),
            Isub => self.lower_sub(data),
            Imul => self.lower_mul(data),
            Band | Bor | Bxor => self.lower_bitwise(data),
            Ineg => self.unary(UnaryOp::Neg, data),
            Bnot => self.unary(UnaryOp::Not, data),
            Bswap if size == Size::W => {
                let (x, def) = (self.reg(data.args[0]), self.vreg(data.results[0]));
                self.shift_imm(ShiftOp::Rol, Size::W, x, 8, def);
            }
            Bswap => self.unary(UnaryOp::Bswap, data),
            Smulhi | Umulhi => self.lower_mulhi(data),
            Shl | Lshr | Ashr | Rotl | Rotr => self.lower_shift(data),
            Clz => self.lower_clz(data),
            Ctz => self.lower_ctz(data),
            Popcnt => {
                let x = self.extended(data.args[0], data.ty, false);
                let def = self.vreg(data.results[0]);
                self.bits(BitsOp::Popcnt, size.wide(), x, def);
            }
            Sext | Zext => {
                let from = Size::of(self.func.ty(data.args[0]).bytes());
                let x = self.rm(data.args[0], from);
                let def = self.vreg(data.results[0]);
                let mach = Mach::Ext { signed: data.op == Sext, from, to: size.wide(), src: x.src };
                self.put_load(mach, &x, def);
            }
            SaddOverflow | UaddOverflow | SsubOverflow | UsubOverflow | SmulOverflow | UmulOverflow => {
                let cond = self.overflow(data);
                if self.code.used[data.results[1].index()] {
                    let def = self.vreg(data.results[1]);
                    self.set(cond, def);
                }
            }
            Select => self.lower_select(data),
            _ => {
                let cond = self.comparison(data);
                let def = self.vreg(data.results[0]);
                self.set(cond, def);
            }
        }
    }

    // Small pieces.

    fn unary(&mut self, op: UnaryOp, data: &InstData) {
        let (x, def) = (self.reg(data.args[0]), self.vreg(data.results[0]));
        let size = Size::of(data.ty.bytes()).wide();
        self.put(Mach::Unary(op, size), &[Operand::reg_use(x), Operand::reg_reuse_def(def, 0)]);
    }

    pub(super) fn alu(&mut self, op: AluOp, size: Size, x: VReg, y: &Source, def: VReg) {
        self.put_two(Mach::Alu { op, size, src: y.src }, x, y, def);
    }

    pub(super) fn alu_imm(&mut self, op: AluOp, size: Size, x: VReg, imm: i32, def: VReg) {
        self.alu(op, size, x, &Source::imm(imm), def);
    }

    pub(super) fn shift_imm(&mut self, op: ShiftOp, size: Size, x: VReg, amount: u8, def: VReg) {
        if amount == 0 {
            self.put(Mach::Mov(size.wide()), &[Operand::reg_use(x), Operand::reg_def(def)]);
        } else {
            let mach = Mach::ShiftImm(op, size, amount);
            self.put(mach, &[Operand::reg_use(x), Operand::reg_reuse_def(def, 0)]);
        }
    }

    fn bits(&mut self, op: BitsOp, size: Size, x: VReg, def: VReg) {
        self.put(Mach::Bits(op, size), &[Operand::reg_use(x), Operand::reg_def(def)]);
    }

    pub(super) fn set(&mut self, cond: Cond, def: VReg) {
        match cond {
            Cond::One(_) => self.put(Mach::Set(cond), &[Operand::reg_def(def)]),
            _ => {
                let temp = self.int_temp();
                self.put(Mach::Set(cond), &[Operand::reg_def(def), Operand::reg_def(temp)]);
            }
        }
    }

    /// A narrow value extended to 32 bits; wider ones as they are.
    pub(super) fn extended(&mut self, value: Value, ty: Type, signed: bool) -> VReg {
        let from = Size::of(ty.bytes());
        if from >= Size::D {
            return self.reg(value);
        }
        self.extended_to(value, from, Size::D, signed)
    }

    /// The value of a size extended to a greater one.
    pub(super) fn extended_to(&mut self, value: Value, from: Size, to: Size, signed: bool) -> VReg {
        if let Some(bits) = self.constant(value) {
            let bits = if signed { lockstep_ir::eval::sign_extend(self.func.ty(value), bits) as u64 } else { bits };
            return self.materialise(if to == Size::Q { bits } else { bits & u64::from(u32::MAX) });
        }
        let x = self.rm(value, from);
        let def = self.int_temp();
        self.put_load(Mach::Ext { signed, from, to, src: x.src }, &x, def);
        def
    }

    /// Operands of a commutative operation: what is a constant, a foldable load or used again comes second.
    fn commute(&self, data: &InstData) -> (Value, Value) {
        let (x, y) = (data.args[0], data.args[1]);
        let better_second = |v: Value| {
            self.immediate(v).is_some() || self.sinkable_load(v).is_some_and(|l| l.ty.bytes() >= data.ty.bytes())
        };
        if better_second(y) {
            (x, y)
        } else if better_second(x) || (self.single_use(y) && !self.single_use(x)) {
            (y, x)
        } else {
            (x, y)
        }
    }

    // Arithmetic.

    fn lower_add(&mut self, data: &InstData) {
        let size = Size::of(data.ty.bytes()).wide();
        let def = self.vreg(data.results[0]);
        let (x, y) = self.commute(data);
        if let Some(imm) = self.immediate(y) {
            // A longer sum of registers and constants is one `lea`.
            let parts = self.split_address(data.results[0], 0, data.ty);
            if parts.index.is_some() && self.single_use(x) {
                return self.lea(size, parts, def);
            }
            return self.add_imm(size, x, imm, def);
        }
        if self.sinkable_load(y).is_some_and(|load| load.ty.bytes() >= size.bytes()) {
            let (x, y) = (self.reg(x), self.source(y, size));
            return self.alu(AluOp::Add, size, x, &y, def);
        }
        let parts = self.split_address(data.results[0], 0, data.ty);
        let plain = parts.shift == 0 && parts.disp == 0;
        if parts.index.is_some() && (!plain || (!self.single_use(x) && !self.single_use(y))) {
            return self.lea(size, parts, def);
        }
        let (x, y) = (self.reg(x), self.source(y, size));
        self.alu(AluOp::Add, size, x, &y, def);
    }

    fn lea(&mut self, size: Size, parts: super::Parts, def: VReg) {
        let place = self.finish_address(parts);
        self.put_load(Mach::Lea(size, place.am), &place.source(), def);
    }

    fn add_imm(&mut self, size: Size, x: Value, imm: i32, def: VReg) {
        if self.single_use(x) {
            let x = self.reg(x);
            self.alu_imm(AluOp::Add, size, x, imm, def);
        } else {
            self.lea(size, super::Parts { base: x, index: None, shift: 0, disp: imm }, def);
        }
    }

    fn lower_sub(&mut self, data: &InstData) {
        let size = Size::of(data.ty.bytes()).wide();
        let def = self.vreg(data.results[0]);
        let (x, y) = (data.args[0], data.args[1]);
        if let Some(minus) = self.immediate(y).and_then(i32::checked_neg) {
            return self.add_imm(size, x, minus, def);
        }
        if self.constant(x) == Some(0) {
            let y = self.reg(y);
            return self.put(Mach::Unary(UnaryOp::Neg, size), &[Operand::reg_use(y), Operand::reg_reuse_def(def, 0)]);
        }
        let x = self.reg(x);
        let y = self.source(y, size);
        self.alu(AluOp::Sub, size, x, &y, def);
    }

    fn lower_mul(&mut self, data: &InstData) {
        let size = Size::of(data.ty.bytes()).wide();
        let def = self.vreg(data.results[0]);
        let (x, y) = self.commute(data);
        if let Some(imm) = self.immediate(y) {
            let scale = match imm {
                3 => Some(1),
                5 => Some(2),
                9 => Some(3),
                _ => None,
            };
            if let Some(shift) = scale {
                return self.lea(size, super::Parts { base: x, index: Some(x), shift, disp: 0 }, def);
            }
            let bits = self.constant(y).unwrap_or(0);
            if bits.is_power_of_two() {
                let x = self.reg(x);
                return self.shift_imm(ShiftOp::Shl, size, x, bits.trailing_zeros() as u8, def);
            }
            let x = self.rm(x, size);
            return self.put_load(Mach::ImulImm { size, src: x.src, imm }, &x, def);
        }
        let x = self.reg(x);
        let y = self.rm(y, size);
        self.alu(AluOp::Imul, size, x, &y, def);
    }

    fn lower_bitwise(&mut self, data: &InstData) {
        let size = Size::of(data.ty.bytes()).wide();
        let def = self.vreg(data.results[0]);
        let (x, y) = self.commute(data);
        let op = match data.op {
            Op::Band => AluOp::And,
            Op::Bor => AluOp::Or,
            _ => AluOp::Xor,
        };
        match (op, self.constant(y)) {
            (AluOp::And, Some(mask @ (0xff | 0xffff | 0xffff_ffff))) if mask < data.ty.mask() => {
                let from = Size::of((64 - mask.leading_zeros()) / 8);
                let x = self.rm(x, from);
                return self.put_load(Mach::Ext { signed: false, from, to: Size::D, src: x.src }, &x, def);
            }
            (AluOp::Xor, Some(mask)) if mask == data.ty.mask() => {
                let x = self.reg(x);
                return self
                    .put(Mach::Unary(UnaryOp::Not, size), &[Operand::reg_use(x), Operand::reg_reuse_def(def, 0)]);
            }
            _ => {}
        }
        let x = self.reg(x);
        let y = self.source(y, size);
        self.alu(op, size, x, &y, def);
    }

    fn lower_mulhi(&mut self, data: &InstData) {
        let signed = data.op == Op::Smulhi;
        let (x, y) = (data.args[0], data.args[1]);
        let def = self.vreg(data.results[0]);
        if data.ty == Type::I64 {
            let x = self.reg(x);
            let y = self.rm(y, Size::Q);
            let low = self.int_temp();
            return self.mul_wide(signed, x, &y, low, def);
        }
        // The whole product fits a register.
        let from = Size::of(data.ty.bytes());
        let to = if from == Size::D { Size::Q } else { Size::D };
        let x = self.extended_to(x, from, to, signed);
        let y = self.extended_to(y, from, to, signed);
        let product = self.int_temp();
        self.alu(AluOp::Imul, to, x, &Source::reg(y), product);
        let shift = if signed { ShiftOp::Sar } else { ShiftOp::Shr };
        self.shift_imm(shift, to, product, data.ty.bits() as u8, def);
    }

    pub(super) fn mul_wide(&mut self, signed: bool, x: VReg, y: &Source, low: VReg, high: VReg) {
        self.put_with(
            Mach::MulWide { signed, src: y.src },
            &[fixed_use(x, abi::int(abi::RAX))],
            y,
            &[fixed_def(low, abi::int(abi::RAX)), fixed_def(high, abi::int(abi::RDX))],
        );
    }

    /// Computes an overflow operation's first result and leaves its second in the flags.
    pub(super) fn overflow(&mut self, data: &InstData) -> Cond {
        use Op::*;
        let size = Size::of(data.ty.bytes());
        let def = self.vreg(data.results[0]);
        let signed = matches!(data.op, SaddOverflow | SsubOverflow | SmulOverflow);
        let carry = Cond::One(if signed { Cc::O } else { Cc::B });
        match data.op {
            SaddOverflow | UaddOverflow | SsubOverflow | UsubOverflow => {
                let add = matches!(data.op, SaddOverflow | UaddOverflow);
                let (x, y) = if add { self.commute(data) } else { (data.args[0], data.args[1]) };
                let x = self.reg(x);
                let y = self.source(y, size);
                self.alu(if add { AluOp::Add } else { AluOp::Sub }, size, x, &y, def);
                carry
            }
            SmulOverflow if size > Size::B => {
                let (x, y) = self.commute(data);
                let x = self.reg(x);
                let y = self.rm(y, size);
                self.alu(AluOp::Imul, size, x, &y, def);
                Cond::One(Cc::O)
            }
            UmulOverflow if size == Size::Q => {
                let (x, y) = self.commute(data);
                let x = self.reg(x);
                let y = self.rm(y, size);
                let high = self.int_temp();
                self.mul_wide(false, x, &y, def, high);
                Cond::One(Cc::O)
            }
            // The exact product in a wider register, then a look at what does not fit.
            _ => {
                let to = if size == Size::D { Size::Q } else { Size::D };
                let x = self.extended_to(data.args[0], size, to, signed);
                let y = self.extended_to(data.args[1], size, to, signed);
                self.alu(AluOp::Imul, to, x, &Source::reg(y), def);
                if signed {
                    let back = self.int_temp();
                    let low = Source::reg(def);
                    self.put_load(Mach::Ext { signed, from: size, to, src: Src::Reg }, &low, back);
                    self.put(Mach::Cmp(to, Src::Reg), &[Operand::reg_use(def), Operand::reg_use(back)]);
                } else {
                    let high = self.int_temp();
                    self.shift_imm(ShiftOp::Shr, to, def, data.ty.bits() as u8, high);
                }
                Cond::One(Cc::Ne)
            }
        }
    }

    // Bits.

    fn lower_shift(&mut self, data: &InstData) {
        use Op::*;
        let size = Size::of(data.ty.bytes());
        let op = match data.op {
            Shl => ShiftOp::Shl,
            Lshr => ShiftOp::Shr,
            Ashr => ShiftOp::Sar,
            Rotl => ShiftOp::Rol,
            _ => ShiftOp::Ror,
        };
        let rotate = matches!(data.op, Rotl | Rotr);
        let def = self.vreg(data.results[0]);
        // Narrow shifts are done at 32 bits on what is extended accordingly; narrow rotations exist.
        let (x, at) = match data.op {
            Lshr | Ashr => (self.extended(data.args[0], data.ty, data.op == Ashr), size.wide()),
            Shl => (self.reg(data.args[0]), size.wide()),
            _ => (self.reg(data.args[0]), size),
        };
        if let Some(amount) = self.constant(data.args[1]) {
            let amount = (amount % u64::from(data.ty.bits())) as u8;
            return self.shift_imm(op, at, x, amount, def);
        }
        let mut amount = self.reg(data.args[1]);
        if size < Size::D && !rotate {
            let masked = self.int_temp();
            self.alu_imm(AluOp::And, Size::D, amount, data.ty.bits() as i32 - 1, masked);
            amount = masked;
        }
        if !rotate && self.has(Feature::Bmi2) {
            let operands = [Operand::reg_use(x), Operand::reg_use(amount), Operand::reg_def(def)];
            return self.put(Mach::ShiftX(op, at), &operands);
        }
        let operands = [Operand::reg_use(x), fixed_use(amount, abi::int(abi::RCX)), Operand::reg_reuse_def(def, 0)];
        self.put(Mach::ShiftCl(op, at), &operands);
    }

    fn lower_clz(&mut self, data: &InstData) {
        let at = Size::of(data.ty.bytes()).wide();
        let bits = data.ty.bits() as i32;
        let def = self.vreg(data.results[0]);
        let x = self.extended(data.args[0], data.ty, false);
        let surplus = at.bytes() as i32 * 8 - bits;
        if self.has(Feature::Lzcnt) {
            if surplus == 0 {
                return self.bits(BitsOp::Lzcnt, at, x, def);
            }
            let count = self.int_temp();
            self.bits(BitsOp::Lzcnt, at, x, count);
            return self.alu_imm(AluOp::Sub, Size::D, count, surplus, def);
        }
        // bits - 1 - bsr(x) = bsr(x) ^ (bits - 1), and 2 bits - 1 in its place gives bits for 0.
        let top = self.int_temp();
        self.found_or(BitsOp::Bsr, at, x, 2 * bits as u64 - 1, top);
        self.alu_imm(AluOp::Xor, Size::D, top, bits - 1, def);
    }

    fn lower_ctz(&mut self, data: &InstData) {
        let def = self.vreg(data.results[0]);
        let at = Size::of(data.ty.bytes()).wide();
        let mut x = self.reg(data.args[0]);
        if data.ty.bits() < 32 {
            // A bit above the value stops the search.
            let stopped = self.int_temp();
            self.alu_imm(AluOp::Or, Size::D, x, 1 << data.ty.bits(), stopped);
            x = stopped;
            return self.bits(BitsOp::Bsf, at, x, def);
        }
        if self.has(Feature::Bmi1) {
            return self.bits(BitsOp::Tzcnt, at, x, def);
        }
        self.found_or(BitsOp::Bsf, at, x, u64::from(data.ty.bits()), def);
    }

    /// A bit search, or `otherwise` for 0.
    fn found_or(&mut self, op: BitsOp, size: Size, x: VReg, otherwise: u64, def: VReg) {
        let otherwise = self.materialise(otherwise);
        let found = self.int_temp();
        self.bits(op, size, x, found);
        let operands = [Operand::reg_use(found), Operand::reg_use(otherwise), Operand::reg_reuse_def(def, 0)];
        self.put(Mach::Cmov(Size::D, Cond::One(Cc::E)), &operands);
    }

    // Comparison and selection.

    fn lower_select(&mut self, data: &'a InstData) {
        let def = self.vreg(data.results[0]);
        let mut then = self.reg(data.args[1]);
        let mut otherwise = self.reg(data.args[2]);
        let mut cond = self.condition(data.args[0]);
        if cond == Cond::EqualOrdered {
            // Either of two codes can be tested by two moves, both cannot.
            (then, otherwise) = (otherwise, then);
            cond = cond.invert();
        }
        let operands = [Operand::reg_use(otherwise), Operand::reg_use(then), Operand::reg_reuse_def(def, 0)];
        let mach =
            if data.ty.is_int() { Mach::Cmov(Size::of(data.ty.bytes()).wide(), cond) } else { Mach::FloatSelect(cond) };
        self.put(mach, &operands);
    }

    /// Leaves the truth of a value in the flags.
    pub(super) fn condition(&mut self, value: Value) -> Cond {
        if let Some((_, data)) = self.only_use(value)
            && is_comparison(data.op)
        {
            return self.comparison(data);
        }
        let x = self.reg(value);
        self.put(Mach::Test(Size::B, Src::Reg), &[Operand::reg_use(x), Operand::reg_use(x)]);
        Cond::One(Cc::Ne)
    }

    /// Leaves the truth of a comparison in the flags.
    fn comparison(&mut self, data: &InstData) -> Cond {
        match integer_condition(data.op) {
            Some(cc) => self.compare_ints(data, cc),
            None => self.compare_floats(data),
        }
    }

    fn compare_ints(&mut self, data: &InstData, mut cc: Cc) -> Cond {
        let size = Size::of(data.ty.bytes());
        let (mut x, mut y) = (data.args[0], data.args[1]);
        if (self.constant(x).is_some() && self.constant(y).is_none())
            || (self.sinkable_load(x).is_some_and(|l| l.ty.bytes() >= size.bytes())
                && self.immediate(y).is_none()
                && self.sinkable_load(y).is_none())
        {
            (x, y) = (y, x);
            cc = swapped(cc);
        }
        if let Some(imm) = self.immediate(y) {
            if imm == 0 {
                return self.compare_zero(x, data.ty, cc);
            }
            if let Some(load) = self.sinkable_load(x).filter(|l| l.ty.bytes() >= size.bytes()) {
                let place = self.memory(load);
                self.put_with(Mach::CmpMem(size, place.am, imm), &[], &place.source(), &[]);
                return Cond::One(cc);
            }
        }
        let x = self.reg(x);
        let y = self.source(y, size);
        self.put_with(Mach::Cmp(size, y.src), &[Operand::reg_use(x)], &y, &[]);
        Cond::One(cc)
    }

    /// Compares with 0; a bit mask is tested as it is.
    fn compare_zero(&mut self, x: Value, ty: Type, cc: Cc) -> Cond {
        let size = Size::of(ty.bytes());
        let masked =
            self.only_use(x).filter(|(_, d)| d.op == Op::Band && d.ty == ty && self.sinkable_load(x).is_none());
        if let Some((_, data)) = masked {
            let (a, b) = self.commute(data);
            let b = match self.immediate(b) {
                Some(imm) => Source::imm(imm),
                None => Source::reg(self.reg(b)),
            };
            let a = self.reg(a);
            self.put_with(Mach::Test(size, b.src), &[Operand::reg_use(a)], &b, &[]);
        } else if let Some(load) = self.sinkable_load(x).filter(|l| l.ty.bytes() >= size.bytes()) {
            let place = self.memory(load);
            self.put_with(Mach::CmpMem(size, place.am, 0), &[], &place.source(), &[]);
        } else {
            let x = self.reg(x);
            self.put(Mach::Test(size, Src::Reg), &[Operand::reg_use(x), Operand::reg_use(x)]);
        }
        Cond::One(cc)
    }
}

pub(super) fn is_comparison(op: Op) -> bool {
    use Op::*;
    integer_condition(op).is_some()
        || matches!(op, FcmpEq | FcmpNe | FcmpLt | FcmpLe | FcmpGt | FcmpGe | FcmpOrd | FcmpUno)
}

fn integer_condition(op: Op) -> Option<Cc> {
    Some(match op {
        Op::IcmpEq => Cc::E,
        Op::IcmpNe => Cc::Ne,
        Op::IcmpSlt => Cc::L,
        Op::IcmpSle => Cc::Le,
        Op::IcmpSgt => Cc::G,
        Op::IcmpSge => Cc::Ge,
        Op::IcmpUlt => Cc::B,
        Op::IcmpUle => Cc::Be,
        Op::IcmpUgt => Cc::A,
        Op::IcmpUge => Cc::Ae,
        _ => return None,
    })
}

/// The condition that holds of (b, a) where `cc` holds of (a, b).
fn swapped(cc: Cc) -> Cc {
    match cc {
        Cc::L => Cc::G,
        Cc::G => Cc::L,
        Cc::Le => Cc::Ge,
        Cc::Ge => Cc::Le,
        Cc::B => Cc::A,
        Cc::A => Cc::B,
        Cc::Be => Cc::Ae,
        Cc::Ae => Cc::Be,
        other => other,
    }
}
