//! Division and remainder: shifts for powers of two, a multiplication for other constants, otherwise the processor's division with its two traps
//! taken care of on cold paths.
//!
//! The multipliers are those of Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994): x / d is the high half of
//! x times about 2^k / d, shifted.

use lockstep_ir::eval::sign_extend;
use lockstep_ir::{InstData, Op, Type};
use regalloc2::{Operand, VReg};

use super::{Isel, fixed_def, fixed_use};
use crate::abi;
use crate::mach::{AluOp, Mach, ShiftOp, Size, Source, UnaryOp};

impl<'a> Isel<'a> {
    pub(super) fn lower_division(&mut self, data: &'a InstData) {
        let signed = matches!(data.op, Op::Sdiv | Op::Srem);
        let remainder = matches!(data.op, Op::Srem | Op::Urem);
        let def = self.vreg(data.results[0]);
        let size = Size::of(data.ty.bytes()).wide();
        let divisor = self.constant(data.args[1]);
        if let Some(bits) = divisor {
            let value = if signed { sign_extend(data.ty, bits) } else { bits as i64 };
            if self.lower_constant_division(data, value, signed, remainder, def) {
                return;
            }
        }
        let x = self.extended(data.args[0], data.ty, signed);
        let y = self.extended(data.args[1], data.ty, signed);
        let high = self.int_temp();
        if signed {
            let operands = [fixed_use(x, abi::int(abi::RAX)), fixed_def(high, abi::int(abi::RDX))];
            self.put(Mach::SignOf(size), &operands);
        } else {
            self.put(Mach::MovImm(0), &[Operand::reg_def(high)]);
        }
        let (quotient, rest) = if remainder { (self.int_temp(), def) } else { (def, self.int_temp()) };
        // Narrow operands are divided at 32 bits, where MIN / -1 fits.
        let minus = signed && divisor.is_none() && data.ty.bits() >= 32;
        self.put(
            Mach::Div { signed, size, zero: divisor.is_none(), minus },
            &[
                fixed_use(x, abi::int(abi::RAX)),
                fixed_use(high, abi::int(abi::RDX)),
                Operand::reg_use(y),
                fixed_def(quotient, abi::int(abi::RAX)),
                fixed_def(rest, abi::int(abi::RDX)),
            ],
        );
    }

    /// Division by a constant; false if it is left to the processor.
    fn lower_constant_division(
        &mut self,
        data: &InstData,
        divisor: i64,
        signed: bool,
        remainder: bool,
        def: VReg,
    ) -> bool {
        let size = Size::of(data.ty.bytes()).wide();
        let copy = |s: &mut Self| {
            let x = s.reg(data.args[0]);
            s.put(Mach::Mov(size), &[Operand::reg_use(x), Operand::reg_def(def)]);
        };
        match divisor {
            // x / 0 = 0 and x rem 1 = 0; x rem 0 = x and x / 1 = x.
            0 | 1 => {
                if remainder == (divisor == 1) {
                    self.put(Mach::MovImm(0), &[Operand::reg_def(def)]);
                } else {
                    copy(self);
                }
                return true;
            }
            -1 if signed => {
                if remainder {
                    self.put(Mach::MovImm(0), &[Operand::reg_def(def)]);
                } else {
                    let x = self.reg(data.args[0]);
                    let operands = [Operand::reg_use(x), Operand::reg_reuse_def(def, 0)];
                    self.put(Mach::Unary(UnaryOp::Neg, size), &operands);
                }
                return true;
            }
            _ => {}
        }
        let power = if signed { divisor.unsigned_abs() } else { divisor as u64 };
        if !power.is_power_of_two() || (signed && divisor < 0) {
            return self.divide_by_multiplying(data, divisor, signed, remainder, def);
        }
        let shift = power.trailing_zeros() as u8;
        let x = self.extended(data.args[0], data.ty, signed);
        if !signed {
            if !remainder {
                self.shift_imm(ShiftOp::Shr, size, x, shift, def);
            } else if let Ok(mask) = i32::try_from(power - 1) {
                self.alu_imm(AluOp::And, size, x, mask, def);
            } else {
                let mask = self.materialise(power - 1);
                self.alu(AluOp::And, size, x, &Source::reg(mask), def);
            }
            return true;
        }
        // Round towards zero: add power - 1 to what is negative.
        let bits = size.bytes() as u8 * 8;
        let (sign, bias, biased) = (self.int_temp(), self.int_temp(), self.int_temp());
        self.shift_imm(ShiftOp::Sar, size, x, bits - 1, sign);
        self.shift_imm(ShiftOp::Shr, size, sign, bits - shift, bias);
        self.alu(AluOp::Add, size, x, &Source::reg(bias), biased);
        if !remainder {
            self.shift_imm(ShiftOp::Sar, size, biased, shift, def);
        } else {
            let (low, whole) = (self.int_temp(), self.int_temp());
            self.shift_imm(ShiftOp::Sar, size, biased, shift, low);
            self.shift_imm(ShiftOp::Shl, size, low, shift, whole);
            self.alu(AluOp::Sub, size, x, &Source::reg(whole), def);
        }
        true
    }

    fn divide_by_multiplying(
        &mut self,
        data: &InstData,
        divisor: i64,
        signed: bool,
        remainder: bool,
        def: VReg,
    ) -> bool {
        let size = Size::of(data.ty.bytes()).wide();
        let bits = size.bytes() * 8;
        // The smallest integer is left to the processor.
        if signed && divisor == i64::MIN >> (64 - bits) {
            return false;
        }
        let x = self.extended(data.args[0], data.ty, signed);
        let quotient = if remainder { self.int_temp() } else { def };
        if signed {
            self.signed_quotient(x, divisor, size, quotient);
        } else {
            self.unsigned_quotient(x, divisor as u64, size, quotient);
        }
        if remainder {
            let whole = self.int_temp();
            match i32::try_from(divisor) {
                Ok(imm) => {
                    let quotient = Source::reg(quotient);
                    self.put_load(Mach::ImulImm { size, src: quotient.src, imm }, &quotient, whole);
                }
                Err(_) => {
                    let divisor = self.materialise(divisor as u64);
                    self.alu(AluOp::Imul, size, quotient, &Source::reg(divisor), whole);
                }
            }
            self.alu(AluOp::Sub, size, x, &Source::reg(whole), def);
        }
        true
    }

    fn unsigned_quotient(&mut self, x: VReg, divisor: u64, size: Size, def: VReg) {
        let magic = UnsignedMagic::of(divisor, size.bytes() * 8);
        let high = self.int_temp();
        self.multiply_high(x, magic.factor, false, size, high);
        if !magic.add {
            return self.shift_imm(ShiftOp::Shr, size, high, magic.shift, def);
        }
        // The multiplier has one bit more: (x - high) / 2 + high without losing the carry.
        let (rest, half, sum) = (self.int_temp(), self.int_temp(), self.int_temp());
        self.alu(AluOp::Sub, size, x, &Source::reg(high), rest);
        self.shift_imm(ShiftOp::Shr, size, rest, 1, half);
        self.alu(AluOp::Add, size, half, &Source::reg(high), sum);
        self.shift_imm(ShiftOp::Shr, size, sum, magic.shift, def);
    }

    fn signed_quotient(&mut self, x: VReg, divisor: i64, size: Size, def: VReg) {
        let bits = size.bytes() * 8;
        let (factor, shift) = signed_magic(divisor, bits);
        let mut high = self.int_temp();
        self.multiply_high(x, factor as u64, true, size, high);
        // A multiplier outside of the signed range went round by 2^bits.
        if (divisor > 0) != (factor > 0) {
            let sum = self.int_temp();
            let op = if divisor > 0 { AluOp::Add } else { AluOp::Sub };
            self.alu(op, size, high, &Source::reg(x), sum);
            high = sum;
        }
        let (floor, sign) = (self.int_temp(), self.int_temp());
        self.shift_imm(ShiftOp::Sar, size, high, shift, floor);
        self.shift_imm(ShiftOp::Shr, size, floor, bits as u8 - 1, sign);
        self.alu(AluOp::Add, size, floor, &Source::reg(sign), def);
    }

    /// The high half of a product with a constant.
    fn multiply_high(&mut self, x: VReg, factor: u64, signed: bool, size: Size, def: VReg) {
        let factor = self.materialise(factor);
        if size == Size::Q {
            let low = self.int_temp();
            return self.mul_wide(signed, x, &Source::reg(factor), low, def);
        }
        let (wide, product) = (self.int_temp(), self.int_temp());
        let source = Source::reg(x);
        self.put_load(Mach::Ext { signed, from: Size::D, to: Size::Q, src: source.src }, &source, wide);
        self.alu(AluOp::Imul, Size::Q, wide, &Source::reg(factor), product);
        self.shift_imm(ShiftOp::Shr, Size::Q, product, 32, def);
    }
}

/// A multiplier for unsigned division.
struct UnsignedMagic {
    /// The multiplier, without its highest bit if `add`.
    factor: u64,
    /// How far the high half is shifted.
    shift: u8,
    /// The multiplier has one bit more than a register.
    add: bool,
}

impl UnsignedMagic {
    /// For a divisor that is no power of two and at least 3.
    fn of(divisor: u64, bits: u32) -> Self {
        let shift = divisor.ilog2();
        let (d, power) = (u128::from(divisor), 1u128 << (bits + shift));
        let (quotient, rest) = (power / d, power % d);
        if d - rest < 1 << shift {
            return Self { factor: (quotient + 1) as u64, shift: shift as u8, add: false };
        }
        let mask = (1u128 << bits) - 1;
        let doubled = 2 * quotient + u128::from(2 * rest >= d);
        Self { factor: ((doubled + 1) & mask) as u64, shift: shift as u8, add: true }
    }
}

/// Multiplier, as a signed number of the width, and shift for a signed divisor of magnitude 2 or more that is not the smallest integer.
fn signed_magic(divisor: i64, bits: u32) -> (i64, u8) {
    let d = u128::from(divisor.unsigned_abs());
    // The greatest dividend of the divisor's sign whose remainder is d - 1.
    let edge = (1u128 << (bits - 1)) + u128::from(divisor < 0);
    let greatest = edge - 1 - edge % d;
    let power = (bits..2 * bits)
        .find(|&p| {
            let rest = d - (1u128 << p) % d;
            (1u128 << p) > greatest * rest
        })
        .unwrap_or(2 * bits - 1);
    let magnitude = ((1u128 << power) + d - (1u128 << power) % d) / d;
    let factor = if divisor < 0 { (magnitude as i128).wrapping_neg() } else { magnitude as i128 };
    (sign_extend(if bits == 64 { Type::I64 } else { Type::I32 }, factor as u64), (power - bits) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multipliers of known compilers.
    #[test]
    fn known_multipliers() {
        assert_eq!(signed_magic(7, 32), (0x9249_2493u32 as i32 as i64, 2));
        assert_eq!(signed_magic(10, 32), (0x6666_6667, 2));
        assert_eq!(signed_magic(-5, 32), (0x9999_9999u32 as i32 as i64, 1));
        assert_eq!(signed_magic(3, 64), (0x5555_5555_5555_5556, 0));
        let magic = UnsignedMagic::of(7, 32);
        assert_eq!((magic.factor, magic.shift, magic.add), (0x2492_4925, 2, true));
        let magic = UnsignedMagic::of(10, 64);
        assert_eq!((magic.factor, magic.shift, magic.add), (0xcccc_cccc_cccc_cccd, 3, false));
    }
}
