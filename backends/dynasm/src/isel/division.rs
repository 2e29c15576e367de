//! Division and remainder: shifts for powers of two, otherwise the processor's division with its two traps taken care of on cold paths.

use lockstep_ir::{InstData, Op, eval::sign_extend};
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
            return false;
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
}
