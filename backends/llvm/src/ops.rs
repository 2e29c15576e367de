//! What each operation that is neither control flow nor a call becomes. Total at all inputs: nothing here may make poison.

use inkwell::intrinsics::Intrinsic;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, FloatValue, InstructionValue, IntValue, PointerValue,
};
use inkwell::{AtomicOrdering, FloatPredicate, IntPredicate};
use lockstep_backend_api::CompileError;
use lockstep_ir::{Imm, InstData, Op, Region, Stage, Type, Value};

use crate::lower::{FunctionLowering, Lowered, Stop, broken};

/// How many additions an address is taken apart into.
const ADDRESS_DEPTH: u32 = 3;

/// The float 2 to the power of 64.
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

impl<'ctx> FunctionLowering<'_, '_, 'ctx> {
    /// Lowers an operation with fixed operands.
    pub fn operation(&mut self, data: &InstData) -> Lowered<()> {
        match data.op {
            Op::Load | Op::AtomicLoad => self.load(data),
            Op::Store => self.store(data),
            _ if data.op.info().stage == Stage::Value => Err(Stop(CompileError::Unsupported {
                op: data.op,
                detail: "it belongs to the value stage, which backends never see".to_owned(),
            })),
            _ => self.compute(data),
        }
    }

    fn compute(&mut self, data: &InstData) -> Lowered<()> {
        if let Some(predicate) = int_predicate(data.op) {
            let bit =
                self.builder.build_int_compare(predicate, self.int(data.args[0])?, self.int(data.args[1])?, "")?;
            return self.define_truth(data.results[0], bit);
        }
        if let Some(predicate) = float_predicate(data.op) {
            let (a, b) = (self.float(data.args[0])?, self.float(data.args[1])?);
            let bit = self.builder.build_float_compare(predicate, a, b, "")?;
            return self.define_truth(data.results[0], bit);
        }
        if let Some(name) = overflow_intrinsic(data.op) {
            let args = [self.value(data.args[0])?, self.value(data.args[1])?];
            let pair = self.intrinsic(name, &[args[0].get_type()], &args)?.into_struct_value();
            let wrapped = self.builder.build_extract_value(pair, 0, "")?;
            let bit = self.builder.build_extract_value(pair, 1, "")?.into_int_value();
            self.define(data.results[0], wrapped);
            return self.define_truth(data.results[1], bit);
        }
        match data.op {
            Op::F64ToSintExact | Op::F64ToUintExact => {
                let (value, exact) = self.exact(data.op == Op::F64ToSintExact, data.ty, self.float(data.args[0])?)?;
                let zero = value.get_type().const_zero();
                let value = self.builder.build_select(exact, value, zero, "")?;
                self.define(data.results[0], value);
                self.define_truth(data.results[1], exact)
            }
            _ => {
                let result = match data.args.first() {
                    Some(&first) if self.func.ty(first).is_int() && data.ty.is_int() => {
                        self.integer(data, self.int(first)?)?
                    }
                    _ => self.other(data)?,
                };
                self.define(data.results[0], result);
                Ok(())
            }
        }
    }

    /// Integers to an integer.
    fn integer(&self, data: &InstData, x: IntValue<'ctx>) -> Lowered<BasicValueEnum<'ctx>> {
        let b = &self.builder;
        let ty = self.shared.int_type(data.ty);
        let second = || self.int(data.args[1]);
        let amount = || -> Lowered<IntValue<'ctx>> {
            Ok(b.build_and(second()?, ty.const_int(u64::from(data.ty.bits() - 1), false), "")?)
        };
        let bit_count = |name: &str, with_flag: bool| {
            let defined_at_zero = self.shared.context.bool_type().const_zero();
            let args: &[BasicValueEnum<'ctx>] = &[x.into(), defined_at_zero.into()];
            self.intrinsic(name, &[ty.into()], &args[..1 + usize::from(with_flag)])
        };
        let rotate = |name: &str| self.intrinsic(name, &[ty.into()], &[x.into(), x.into(), second()?.into()]);
        Ok(match data.op {
            Op::Iadd => b.build_int_add(x, second()?, "")?.into(),
            Op::Isub => b.build_int_sub(x, second()?, "")?.into(),
            Op::Imul => b.build_int_mul(x, second()?, "")?.into(),
            Op::Ineg => b.build_int_neg(x, "")?.into(),
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => self.divide(data.op, x, second()?)?.into(),
            Op::Smulhi | Op::Umulhi => self.multiply_high(data.op == Op::Smulhi, data.ty, x, second()?)?.into(),
            Op::Band => b.build_and(x, second()?, "")?.into(),
            Op::Bor => b.build_or(x, second()?, "")?.into(),
            Op::Bxor => b.build_xor(x, second()?, "")?.into(),
            Op::Bnot => b.build_not(x, "")?.into(),
            Op::Shl => b.build_left_shift(x, amount()?, "")?.into(),
            Op::Lshr => b.build_right_shift(x, amount()?, false, "")?.into(),
            Op::Ashr => b.build_right_shift(x, amount()?, true, "")?.into(),
            Op::Rotl => rotate("llvm.fshl")?,
            Op::Rotr => rotate("llvm.fshr")?,
            Op::Clz => bit_count("llvm.ctlz", true)?,
            Op::Ctz => bit_count("llvm.cttz", true)?,
            Op::Popcnt => bit_count("llvm.ctpop", false)?,
            Op::Bswap => bit_count("llvm.bswap", false)?,
            Op::Select => self.select(data)?,
            Op::Sext => b.build_int_s_extend(x, ty, "")?.into(),
            Op::Zext => b.build_int_z_extend(x, ty, "")?.into(),
            Op::Trunc => b.build_int_truncate(x, ty, "")?.into(),
            Op::SintToF64 => b.build_signed_int_to_float(x, self.shared.context.f64_type(), "")?.into(),
            Op::UintToF64 => b.build_unsigned_int_to_float(x, self.shared.context.f64_type(), "")?.into(),
            _ => return Err(unknown(data.op)),
        })
    }

    /// Everything with a float, and what has no operands.
    fn other(&self, data: &InstData) -> Lowered<BasicValueEnum<'ctx>> {
        let b = &self.builder;
        let context = self.shared.context;
        let f64_type = context.f64_type();
        let x = || self.float(data.args[0]);
        let y = || self.float(data.args[1]);
        let unary = |name: &str| self.intrinsic(name, &[f64_type.into()], &[x()?.into()]);
        let binary = |name: &str| self.intrinsic(name, &[f64_type.into()], &[x()?.into(), y()?.into()]);
        let cast = |ty: BasicTypeEnum<'ctx>| -> Lowered<BasicValueEnum<'ctx>> {
            Ok(b.build_bit_cast(self.value(data.args[0])?, ty, "")?)
        };
        let saturate = |name: &str| {
            let ty = self.shared.int_type(data.ty);
            self.intrinsic(name, &[ty.into(), f64_type.into()], &[x()?.into()])
        };
        Ok(match (data.op, data.imm) {
            (Op::Iconst, Imm::Int(bits)) => self.shared.int_type(data.ty).const_int(bits, false).into(),
            // By its bits, so that no conversion on the way can quiet a NaN.
            (Op::Fconst, Imm::Float(bits)) => {
                b.build_bit_cast(context.i64_type().const_int(bits, false), f64_type, "")?
            }
            (Op::Select, _) => self.select(data)?,
            (Op::Fadd, _) => b.build_float_add(x()?, y()?, "")?.into(),
            (Op::Fsub, _) => b.build_float_sub(x()?, y()?, "")?.into(),
            (Op::Fmul, _) => b.build_float_mul(x()?, y()?, "")?.into(),
            (Op::Fdiv, _) => b.build_float_div(x()?, y()?, "")?.into(),
            (Op::Fmin, _) => binary("llvm.minimum")?,
            (Op::Fmax, _) => binary("llvm.maximum")?,
            (Op::Fneg, _) => b.build_float_neg(x()?, "")?.into(),
            (Op::Fabs, _) => unary("llvm.fabs")?,
            (Op::Fcopysign, _) => binary("llvm.copysign")?,
            // The fence hides the root from LLVM's rewriting of `x u< 0 ? NaN : sqrt x` into `sqrt x`, which takes all NaNs for one: `select`
            // keeps bits. It is no instruction in the end.
            (Op::Fsqrt, _) => {
                let root = unary("llvm.sqrt")?;
                self.intrinsic("llvm.arithmetic.fence", &[f64_type.into()], &[root])?
            }
            (Op::Fceil, _) => unary("llvm.ceil")?,
            (Op::Ffloor, _) => unary("llvm.floor")?,
            (Op::Ftrunc, _) => unary("llvm.trunc")?,
            (Op::Fnearest, _) => unary("llvm.roundeven")?,
            (Op::F64ToSintSat, _) => saturate("llvm.fptosi.sat")?,
            (Op::F64ToUintSat, _) => saturate("llvm.fptoui.sat")?,
            (Op::F32ToF64, _) => b.build_float_ext(x()?, f64_type, "")?.into(),
            (Op::F64ToF32, _) => b.build_float_trunc(x()?, context.f32_type(), "")?.into(),
            (Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits, _) => cast(self.shared.ty(data.ty))?,
            // The address of the return address is where the frame ends. It costs one `lea`, and unlike the stack pointer itself does not
            // stand in the way of optimisation. That the function is not inlined and makes no tail calls is seen to where it is declared.
            (Op::StackPointer, _) => {
                let pointer_type = self.shared.pointer_type();
                let end = self.intrinsic("llvm.addressofreturnaddress", &[pointer_type.into()], &[])?;
                b.build_ptr_to_int(end.into_pointer_value(), context.i64_type(), "")?.into()
            }
            _ => return Err(unknown(data.op)),
        })
    }

    fn select(&self, data: &InstData) -> Lowered<BasicValueEnum<'ctx>> {
        let (then, otherwise) = (self.value(data.args[1])?, self.value(data.args[2])?);
        Ok(self.builder.build_select(self.truth(data.args[0])?, then, otherwise, "")?)
    }

    /// Division with a divisor made harmless first, and the two special cases put right after. Each test is in the form that compilers
    /// write before a division, so that LLVM sees it is already decided.
    fn divide(&self, op: Op, x: IntValue<'ctx>, y: IntValue<'ctx>) -> Lowered<IntValue<'ctx>> {
        let b = &self.builder;
        let ty = x.get_type();
        let (zero, one) = (ty.const_zero(), ty.const_int(1, false));
        let by_zero = b.build_int_compare(IntPredicate::EQ, y, zero, "")?;
        let harmful = match op {
            Op::Udiv | Op::Urem => by_zero,
            _ => {
                let minimum = b.build_left_shift(one, ty.const_int(u64::from(ty.get_bit_width() - 1), false), "")?;
                let lowest = b.build_int_compare(IntPredicate::EQ, x, minimum, "")?;
                let negating = b.build_int_compare(IntPredicate::EQ, y, ty.const_all_ones(), "")?;
                // MIN / 1 = MIN and MIN rem 1 = 0: just what the divisor -1 is to give.
                let overflow = b.build_and(lowest, negating, "")?;
                b.build_or(by_zero, overflow, "")?
            }
        };
        let divisor = b.build_select(harmful, one, y, "")?.into_int_value();
        let (result, instead) = match op {
            Op::Sdiv => (b.build_int_signed_div(x, divisor, "")?, zero),
            Op::Udiv => (b.build_int_unsigned_div(x, divisor, "")?, zero),
            Op::Srem => (b.build_int_signed_rem(x, divisor, "")?, x),
            _ => (b.build_int_unsigned_rem(x, divisor, "")?, x),
        };
        Ok(b.build_select(by_zero, instead, result, "")?.into_int_value())
    }

    fn multiply_high(&self, signed: bool, ty: Type, x: IntValue<'ctx>, y: IntValue<'ctx>) -> Lowered<IntValue<'ctx>> {
        let b = &self.builder;
        let context = self.shared.context;
        let wide = match ty {
            Type::I8 => context.i16_type(),
            Type::I16 => context.i32_type(),
            Type::I32 => context.i64_type(),
            _ => context.i128_type(),
        };
        let widen =
            |value| if signed { b.build_int_s_extend(value, wide, "") } else { b.build_int_z_extend(value, wide, "") };
        let product = b.build_int_mul(widen(x)?, widen(y)?, "")?;
        let high = b.build_right_shift(product, wide.const_int(u64::from(ty.bits()), false), false, "")?;
        Ok(b.build_int_truncate(high, self.shared.int_type(ty), "")?)
    }

    /// A float converted, and whether it was that integer. The conversion back equals the float only if it was; the instruction's
    /// answer to what is out of range, the least integer, is one no float but its own equals.
    fn exact(&self, signed: bool, ty: Type, x: FloatValue<'ctx>) -> Lowered<(IntValue<'ctx>, IntValue<'ctx>)> {
        let b = &self.builder;
        let f64_type = self.shared.context.f64_type();
        let int = self.shared.int_type(ty);
        let convert = |name: &str| -> Lowered<IntValue<'ctx>> {
            let vector = f64_type.vec_type(2).const_zero();
            let vector = b.build_insert_element(vector, x, self.shared.context.i32_type().const_zero(), "")?;
            Ok(self.intrinsic(name, &[], &[vector.into()])?.into_int_value())
        };
        let (value, back) = match (signed, ty) {
            (true, Type::I32) => {
                let value = convert("llvm.x86.sse2.cvttsd2si")?;
                (value, b.build_signed_int_to_float(value, f64_type, "")?)
            }
            (true, _) => {
                let value = convert("llvm.x86.sse2.cvttsd2si64")?;
                (value, b.build_signed_int_to_float(value, f64_type, "")?)
            }
            // All of u32 lies in i64's range, and the low half of the least i64 is 0, which no float out of range equals.
            (false, Type::I32) => {
                let value = b.build_int_truncate(convert("llvm.x86.sse2.cvttsd2si64")?, int, "")?;
                (value, b.build_unsigned_int_to_float(value, f64_type, "")?)
            }
            (false, _) => {
                let types = [int.into(), f64_type.into()];
                let value = self.intrinsic("llvm.fptoui.sat", &types, &[x.into()])?.into_int_value();
                (value, b.build_unsigned_int_to_float(value, f64_type, "")?)
            }
        };
        let mut exact = b.build_float_compare(FloatPredicate::OEQ, back, x, "")?;
        if !signed && ty == Type::I64 {
            // The greatest u64 rounds up to 2^64, which saturates to it.
            let below = b.build_float_compare(FloatPredicate::OLT, x, f64_type.const_float(TWO_64), "")?;
            exact = b.build_and(exact, below, "")?;
        }
        Ok((value, exact))
    }

    fn load(&mut self, data: &InstData) -> Lowered<()> {
        let (region, pointer) = self.accessed(data, data.args[0])?;
        let value = self.builder.build_load(self.shared.ty(data.ty), pointer, "")?;
        let load = value.as_instruction_value().ok_or_else(|| broken("a load is no instruction"))?;
        self.access(load, region, if data.op == Op::AtomicLoad { data.ty.bytes() } else { 1 })?;
        if data.op == Op::AtomicLoad {
            load.set_atomic_ordering(AtomicOrdering::Monotonic).map_err(|_| broken("a load that cannot be atomic"))?;
        }
        self.define(data.results[0], value);
        Ok(())
    }

    fn store(&mut self, data: &InstData) -> Lowered<()> {
        let (region, pointer) = self.accessed(data, data.args[1])?;
        let store = self.builder.build_store(pointer, self.value(data.args[0])?)?;
        self.access(store, region, 1)
    }

    fn access(&self, access: InstructionValue<'ctx>, region: Region, align: u32) -> Lowered<()> {
        access.set_alignment(align).map_err(|_| broken("an access without alignment"))?;
        self.tag(access, region)
    }

    fn accessed(&mut self, data: &InstData, base: Value) -> Lowered<(Region, PointerValue<'ctx>)> {
        let Imm::Mem { region, offset } = data.imm else { return Err(broken("an access without region")) };
        let pointer = self.address(base, 0)?;
        Ok((region, self.offset(pointer, i64::from(offset))?))
    }

    /// An address as a pointer. Sums are taken apart into a base and indices, which LLVM's alias analysis, loop passes and addressing
    /// modes see through; through integer arithmetic they do not.
    fn address(&mut self, value: Value, depth: u32) -> Lowered<PointerValue<'ctx>> {
        if let Some(&pointer) = self.pointers.get(&value) {
            return Ok(pointer);
        }
        let pointer = match self.func.def(value) {
            Some(InstData { op: Op::Iadd, args, .. }) if depth < ADDRESS_DEPTH => {
                let (base, index) = if self.is_index(args[0]) { (args[1], args[0]) } else { (args[0], args[1]) };
                let base = self.address(base, depth + 1)?;
                self.step(base, self.int(index)?)?
            }
            _ => self.int_to_pointer(value)?,
        };
        self.pointers.insert(value, pointer);
        Ok(pointer)
    }

    /// Whether a value looks like an index rather than a base. A wrong guess costs speed, nothing else.
    fn is_index(&self, value: Value) -> bool {
        use Op::{Band, Iconst, Imul, Ineg, Lshr, Sext, Shl, Zext};
        self.func.def(value).is_some_and(|d| matches!(d.op, Shl | Imul | Zext | Sext | Iconst | Ineg | Band | Lshr))
    }

    /// An integer as a pointer.
    pub fn int_to_pointer(&self, value: Value) -> Lowered<PointerValue<'ctx>> {
        Ok(self.builder.build_int_to_ptr(self.int(value)?, self.shared.pointer_type(), "")?)
    }

    /// A pointer that many bytes further on.
    pub fn offset(&self, pointer: PointerValue<'ctx>, bytes: i64) -> Lowered<PointerValue<'ctx>> {
        if bytes == 0 {
            return Ok(pointer);
        }
        self.step(pointer, self.shared.context.i64_type().const_int(bytes.cast_unsigned(), true))
    }

    fn step(&self, pointer: PointerValue<'ctx>, bytes: IntValue<'ctx>) -> Lowered<PointerValue<'ctx>> {
        // SAFETY: a step without `inbounds` is defined for every offset; it wraps.
        Ok(unsafe { self.builder.build_gep(self.shared.context.i8_type(), pointer, &[bytes], "") }?)
    }

    fn float(&self, value: Value) -> Lowered<FloatValue<'ctx>> {
        match self.value(value)? {
            BasicValueEnum::FloatValue(float) => Ok(float),
            _ => Err(broken("a float is expected")),
        }
    }

    /// Calls an intrinsic that has a result.
    fn intrinsic(
        &self,
        name: &str,
        types: &[BasicTypeEnum<'ctx>],
        args: &[BasicValueEnum<'ctx>],
    ) -> Lowered<BasicValueEnum<'ctx>> {
        let missing = || Stop(CompileError::Internal(format!("LLVM has no intrinsic `{name}`")));
        let declared = Intrinsic::find(name).and_then(|i| i.get_declaration(self.shared.module, types));
        let args: Vec<BasicMetadataValueEnum<'ctx>> = args.iter().map(|&a| a.into()).collect();
        self.builder
            .build_direct_call(declared.ok_or_else(missing)?, &args, "")?
            .try_as_basic_value()
            .basic()
            .ok_or_else(missing)
    }
}

fn unknown(op: Op) -> Stop {
    Stop(CompileError::Unsupported { op, detail: "its operands are not those of the table".to_owned() })
}

const fn int_predicate(op: Op) -> Option<IntPredicate> {
    Some(match op {
        Op::IcmpEq => IntPredicate::EQ,
        Op::IcmpNe => IntPredicate::NE,
        Op::IcmpSlt => IntPredicate::SLT,
        Op::IcmpSle => IntPredicate::SLE,
        Op::IcmpSgt => IntPredicate::SGT,
        Op::IcmpSge => IntPredicate::SGE,
        Op::IcmpUlt => IntPredicate::ULT,
        Op::IcmpUle => IntPredicate::ULE,
        Op::IcmpUgt => IntPredicate::UGT,
        Op::IcmpUge => IntPredicate::UGE,
        _ => return None,
    })
}

const fn float_predicate(op: Op) -> Option<FloatPredicate> {
    Some(match op {
        Op::FcmpEq => FloatPredicate::OEQ,
        // Different, or unordered.
        Op::FcmpNe => FloatPredicate::UNE,
        Op::FcmpLt => FloatPredicate::OLT,
        Op::FcmpLe => FloatPredicate::OLE,
        Op::FcmpGt => FloatPredicate::OGT,
        Op::FcmpGe => FloatPredicate::OGE,
        Op::FcmpOrd => FloatPredicate::ORD,
        Op::FcmpUno => FloatPredicate::UNO,
        _ => return None,
    })
}

const fn overflow_intrinsic(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::SaddOverflow => "llvm.sadd.with.overflow",
        Op::UaddOverflow => "llvm.uadd.with.overflow",
        Op::SsubOverflow => "llvm.ssub.with.overflow",
        Op::UsubOverflow => "llvm.usub.with.overflow",
        Op::SmulOverflow => "llvm.smul.with.overflow",
        Op::UmulOverflow => "llvm.umul.with.overflow",
        _ => return None,
    })
}
