//! Conversions between integers and floats.

use lockstep_ir::{InstData, Op, Type};
use regalloc2::{Operand, RegClass};

use super::{Isel, late_use};
use crate::mach::{Mach, Size, SseUnary};

impl<'a> Isel<'a> {
    pub(super) fn lower_conversion(&mut self, data: &'a InstData) {
        let size = Size::of(data.ty.bytes());
        let def = self.vreg(data.results[0]);
        match data.op {
            Op::SintToF64 => {
                let x = self.reg(data.args[0]);
                self.put(Mach::IntToFloat(size), &[Operand::reg_use(x), Operand::reg_def(def)]);
            }
            Op::UintToF64 if data.ty == Type::I32 => {
                let x = self.extended_to(data.args[0], Size::D, Size::Q, false);
                self.put(Mach::IntToFloat(Size::Q), &[Operand::reg_use(x), Operand::reg_def(def)]);
            }
            Op::UintToF64 => {
                let x = self.reg(data.args[0]);
                let temp = self.int_temp();
                self.put(Mach::UintToFloat, &[late_use(x), Operand::reg_def(def), Operand::reg_def(temp)]);
            }
            Op::F64ToSintSat | Op::F64ToUintSat => {
                let signed = data.op == Op::F64ToSintSat;
                let x = self.reg(data.args[0]);
                let class = if size == Size::Q { RegClass::Float } else { RegClass::Int };
                let temp = self.temp(class);
                let operands = [late_use(x), Operand::reg_def(def), Operand::reg_def(temp)];
                let count = if signed { 2 } else { 3 };
                self.put(Mach::FloatToInt { signed, size }, &operands[..count]);
            }
            Op::F64ToSintExact | Op::F64ToUintExact => {
                let x = self.reg(data.args[0]);
                let truth = self.vreg(data.results[1]);
                let (int, float) = (self.int_temp(), self.float_temp());
                let defs = [def, truth, int, float].map(Operand::reg_def);
                let operands = [late_use(x), defs[0], defs[1], defs[2], defs[3]];
                let signed = data.op == Op::F64ToSintExact;
                self.put(Mach::FloatToIntExact { signed, size }, &operands);
            }
            Op::F32ToF64 | Op::F64ToF32 => {
                let op = if data.op == Op::F32ToF64 { SseUnary::Widen } else { SseUnary::Narrow };
                let x = self.float_source(data.args[0]);
                self.put_load(Mach::SseUnary(op, x.src), &x, def);
            }
            Op::BitsToF64 | Op::BitsToF32 => {
                let x = self.reg(data.args[0]);
                let size = if self.is_double(data.results[0]) { Size::Q } else { Size::D };
                self.put(Mach::ToXmm(size), &[Operand::reg_use(x), Operand::reg_def(def)]);
            }
            _ => {
                let x = self.reg(data.args[0]);
                self.put(Mach::FromXmm(size), &[Operand::reg_use(x), Operand::reg_def(def)]);
            }
        }
    }
}
