//! From a machine-stage function to CLIF.
//!
//! Both are SSA with block parameters, so values and blocks map one to one and no variables are needed. Most operations
//! have a twin in CLIF with the same total semantics; the rest (division, exact conversions) are put together here from
//! total parts. Only reachable blocks are translated, in reverse postorder, which meets definitions before uses.

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{
    self as clif, AbiParam, AliasRegionData, BlockArg, ExtFuncData, ExternalName, InstBuilder, MemFlagsData,
    UserExternalName, UserFuncName, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_codegen::packed_option::ReservedValue;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Switch};
use lockstep_backend_api::CompileError;
use lockstep_ir::cfg::Cfg;
use lockstep_ir::{
    BlockCall, Extension, FuncRef, Function, Imm, InstData, Op, Region, Signature, SourceLoc, Type, Unit, Value,
};
use smallvec::SmallVec;

/// Cranelift numbers its sets of memory flags in 16 bits. Regions from this one on are treated as one, which is correct
/// and merely less precise.
const LAST_REGION: u32 = 1000;

/// Results of an instruction, in CLIF.
type Results = SmallVec<[clif::Value; 2]>;

/// Translates a function of the unit into the empty `out`.
pub fn translate(
    unit: &Unit,
    index: FuncRef,
    generator: &dyn TargetIsa,
    out: &mut clif::Function,
    context: &mut FunctionBuilderContext,
) -> Result<(), CompileError> {
    let func = &unit.functions[index.index()];
    out.signature = signature(&func.signature);
    out.name = UserFuncName::user(0, index.0);
    let cfg = Cfg::new(func);
    let mut t = Translator {
        unit,
        func,
        builder: FunctionBuilder::new(out, context),
        values: vec![clif::Value::reserved_value(); func.values.len()],
        blocks: vec![clif::Block::reserved_value(); func.blocks.len()],
        regions_are_disjoint: regions_are_disjoint(func, &cfg),
        signatures: HashMap::new(),
        functions: HashMap::new(),
    };
    // Blocks and their parameters first: branches refer to them in any order.
    for &block in &cfg.rpo {
        t.declare_block(block);
    }
    for &block in &cfg.rpo {
        t.builder.switch_to_block(t.blocks[block.index()]);
        for &inst in &func.blocks[block.index()].insts {
            let inst = &func.insts[inst.index()];
            t.builder.set_srcloc(location(inst.loc));
            let results = t.instruction(inst)?;
            for (&value, made) in inst.results.iter().zip(results) {
                t.values[value.index()] = made;
            }
        }
    }
    t.builder.seal_all_blocks();
    t.builder.finalize(generator.frontend_config());
    Ok(())
}

/// Cranelift knows regions that never touch each other, and none that may alias all of them. So a function that uses
/// `region0` cannot tell it about any.
fn regions_are_disjoint(func: &Function, cfg: &Cfg) -> bool {
    let mut insts = cfg.rpo.iter().flat_map(|block| &func.blocks[block.index()].insts);
    insts.all(|inst| func.insts[inst.index()].mem().is_none_or(|(region, _)| region != Region::ANY))
}

fn location(loc: SourceLoc) -> clif::SourceLoc {
    if loc == SourceLoc::NONE { clif::SourceLoc::default() } else { clif::SourceLoc::new(loc.0) }
}

fn clif_type(ty: Type) -> clif::Type {
    match ty {
        Type::I8 => types::I8,
        Type::I16 => types::I16,
        Type::I32 => types::I32,
        Type::I64 => types::I64,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
    }
}

fn signature(from: &Signature) -> clif::Signature {
    let mut to = clif::Signature::new(CallConv::SystemV);
    to.params.extend(from.params.iter().map(|param| {
        let plain = AbiParam::new(clif_type(param.ty));
        match param.extension {
            Extension::Sign if param.ty.is_int() => plain.sext(),
            Extension::Zero if param.ty.is_int() => plain.uext(),
            _ => plain,
        }
    }));
    to.returns.extend(from.results.iter().map(|&ty| AbiParam::new(clif_type(ty))));
    to
}

/// Memory that may be at any alignment and never traps: the unit's maker answers for addresses.
const PLAIN: MemFlagsData = MemFlagsData::new().with_trap_code(None);

struct Translator<'a> {
    unit: &'a Unit,
    func: &'a Function,
    builder: FunctionBuilder<'a>,
    values: Vec<clif::Value>,
    blocks: Vec<clif::Block>,
    regions_are_disjoint: bool,
    signatures: HashMap<&'a Signature, clif::SigRef>,
    functions: HashMap<FuncRef, clif::FuncRef>,
}

impl<'a> Translator<'a> {
    fn declare_block(&mut self, block: lockstep_ir::Block) {
        let data = &self.func.blocks[block.index()];
        let made = self.builder.create_block();
        self.blocks[block.index()] = made;
        for &param in &data.params {
            self.values[param.index()] = self.builder.append_block_param(made, clif_type(self.func.ty(param)));
        }
        if data.cold {
            self.builder.set_cold_block(made);
        }
    }

    fn value(&self, value: Value) -> clif::Value {
        self.values[value.index()]
    }

    fn arguments(&self, values: &[Value]) -> SmallVec<[clif::Value; 8]> {
        values.iter().map(|&v| self.value(v)).collect()
    }

    fn constant(&mut self, ty: Type, bits: u64) -> clif::Value {
        self.builder.ins().iconst(clif_type(ty), (bits & ty.mask()) as i64)
    }

    fn equals(&mut self, ty: Type, value: clif::Value, bits: u64) -> clif::Value {
        let constant = self.constant(ty, bits);
        self.builder.ins().icmp(IntCC::Equal, value, constant)
    }

    /// One instruction; gives its results.
    fn instruction(&mut self, inst: &'a InstData) -> Result<Results, CompileError> {
        let args = self.arguments(&inst.args);
        let (ty, clif_ty) = (inst.ty, clif_type(inst.ty));
        let arg = |n: usize| args[n];
        macro_rules! one {
            ($make:ident) => {{
                let x = args[0];
                one(self.builder.ins().$make(x))
            }};
        }
        macro_rules! two {
            ($make:ident) => {
                one(self.builder.ins().$make(arg(0), arg(1)))
            };
        }
        macro_rules! flagged {
            ($make:ident) => {
                pair(self.builder.ins().$make(arg(0), arg(1)))
            };
        }
        macro_rules! icmp {
            ($code:ident) => {
                one(self.builder.ins().icmp(IntCC::$code, arg(0), arg(1)))
            };
        }
        macro_rules! fcmp {
            ($code:ident) => {
                one(self.builder.ins().fcmp(FloatCC::$code, arg(0), arg(1)))
            };
        }
        macro_rules! convert {
            ($make:ident, $to:expr) => {
                one(self.builder.ins().$make($to, arg(0)))
            };
        }
        Ok(match inst.op {
            Op::Iconst => match inst.imm {
                Imm::Int(bits) => one(self.constant(ty, bits)),
                _ => return Err(malformed(inst)),
            },
            Op::Fconst => match inst.imm {
                Imm::Float(bits) => one(self.builder.ins().f64const(Ieee64::with_bits(bits))),
                _ => return Err(malformed(inst)),
            },
            Op::Iadd => two!(iadd),
            Op::Isub => two!(isub),
            Op::Imul => two!(imul),
            Op::Ineg => one!(ineg),
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => one(self.division(inst, arg(0), arg(1))),
            Op::Smulhi => two!(smulhi),
            Op::Umulhi => two!(umulhi),
            Op::SaddOverflow => flagged!(sadd_overflow),
            Op::UaddOverflow => flagged!(uadd_overflow),
            Op::SsubOverflow => flagged!(ssub_overflow),
            Op::UsubOverflow => flagged!(usub_overflow),
            Op::SmulOverflow => flagged!(smul_overflow),
            Op::UmulOverflow => flagged!(umul_overflow),
            Op::Band => two!(band),
            Op::Bor => two!(bor),
            Op::Bxor => two!(bxor),
            Op::Bnot => one!(bnot),
            // CLIF, too, takes amounts modulo the width.
            Op::Shl => two!(ishl),
            Op::Lshr => two!(ushr),
            Op::Ashr => two!(sshr),
            Op::Rotl => two!(rotl),
            Op::Rotr => two!(rotr),
            Op::Clz => one!(clz),
            Op::Ctz => one!(ctz),
            Op::Popcnt => one!(popcnt),
            Op::Bswap => one!(bswap),
            Op::Select => one(self.builder.ins().select(arg(0), arg(1), arg(2))),
            Op::IcmpEq => icmp!(Equal),
            Op::IcmpNe => icmp!(NotEqual),
            Op::IcmpSlt => icmp!(SignedLessThan),
            Op::IcmpSle => icmp!(SignedLessThanOrEqual),
            Op::IcmpSgt => icmp!(SignedGreaterThan),
            Op::IcmpSge => icmp!(SignedGreaterThanOrEqual),
            Op::IcmpUlt => icmp!(UnsignedLessThan),
            Op::IcmpUle => icmp!(UnsignedLessThanOrEqual),
            Op::IcmpUgt => icmp!(UnsignedGreaterThan),
            Op::IcmpUge => icmp!(UnsignedGreaterThanOrEqual),
            Op::FcmpEq => fcmp!(Equal),
            Op::FcmpNe => fcmp!(NotEqual),
            Op::FcmpLt => fcmp!(LessThan),
            Op::FcmpLe => fcmp!(LessThanOrEqual),
            Op::FcmpGt => fcmp!(GreaterThan),
            Op::FcmpGe => fcmp!(GreaterThanOrEqual),
            Op::FcmpOrd => fcmp!(Ordered),
            Op::FcmpUno => fcmp!(Unordered),
            Op::Fadd => two!(fadd),
            Op::Fsub => two!(fsub),
            Op::Fmul => two!(fmul),
            Op::Fdiv => two!(fdiv),
            Op::Fmin => two!(fmin),
            Op::Fmax => two!(fmax),
            Op::Fneg => one!(fneg),
            Op::Fabs => one!(fabs),
            Op::Fcopysign => two!(fcopysign),
            Op::Fsqrt => one!(sqrt),
            Op::Fceil => one!(ceil),
            Op::Ffloor => one!(floor),
            Op::Ftrunc => one!(trunc),
            Op::Fnearest => one!(nearest),
            Op::Sext => convert!(sextend, clif_ty),
            Op::Zext => convert!(uextend, clif_ty),
            Op::Trunc => convert!(ireduce, clif_ty),
            Op::SintToF64 => convert!(fcvt_from_sint, types::F64),
            Op::UintToF64 => convert!(fcvt_from_uint, types::F64),
            Op::F64ToSintSat => convert!(fcvt_to_sint_sat, clif_ty),
            Op::F64ToUintSat => convert!(fcvt_to_uint_sat, clif_ty),
            Op::F64ToSintExact | Op::F64ToUintExact => self.exact_conversion(inst, arg(0)),
            Op::F32ToF64 => convert!(fpromote, types::F64),
            Op::F64ToF32 => convert!(fdemote, types::F32),
            Op::BitsToF64 | Op::F64ToBits | Op::BitsToF32 | Op::F32ToBits => {
                one(self.builder.ins().bitcast(clif_ty, MemFlagsData::new(), arg(0)))
            }
            Op::Load => {
                let (flags, offset) = self.access(inst)?;
                one(self.builder.ins().load(clif_ty, flags, arg(0), offset))
            }
            Op::Store => {
                let (flags, offset) = self.access(inst)?;
                self.builder.ins().store(flags, arg(0), arg(1), offset);
                Results::new()
            }
            Op::AtomicLoad => {
                let (flags, offset) = self.access(inst)?;
                let offset = self.constant(Type::I64, i64::from(offset) as u64);
                let address = self.builder.ins().iadd(arg(0), offset);
                one(self.builder.ins().atomic_load(clif_ty, flags.with_aligned(), address))
            }
            Op::StackPointer => one(self.builder.ins().get_stack_pointer(types::I64)),
            Op::Call | Op::CallIndirect | Op::CallHelper => self.call(inst, &args)?,
            Op::Jump => {
                let (block, args) = self.target(&inst.targets[0]);
                self.builder.ins().jump(block, &args);
                Results::new()
            }
            Op::Brif => {
                let (then, then_args) = self.target(&inst.targets[0]);
                let (otherwise, otherwise_args) = self.target(&inst.targets[1]);
                self.builder.ins().brif(arg(0), then, &then_args, otherwise, &otherwise_args);
                Results::new()
            }
            Op::Switch => {
                self.switch(inst, arg(0));
                Results::new()
            }
            Op::Return => {
                self.builder.ins().return_(&args);
                Results::new()
            }
            op @ (Op::SlotLoad
            | Op::ExitIf
            | Op::Exit
            | Op::Poll
            | Op::Countdown
            | Op::CallFunction
            | Op::CheckValid
            | Op::CountInline
            | Op::CountHelper
            | Op::ReturnValue
            | Op::RuntimeCall) => {
                let detail = "it belongs to the value stage, which backends never see".to_owned();
                return Err(CompileError::Unsupported { op, detail });
            }
        })
    }

    /// CLIF's divisions trap on 0 and on MIN / -1. So those divisors are replaced by 1, and the result selected. A constant divisor
    /// other than these needs no care.
    fn division(&mut self, inst: &InstData, a: clif::Value, b: clif::Value) -> clif::Value {
        let ty = inst.ty;
        let plain = |t: &mut Self, divisor| match inst.op {
            Op::Sdiv => t.builder.ins().sdiv(a, divisor),
            Op::Udiv => t.builder.ins().udiv(a, divisor),
            Op::Srem => t.builder.ins().srem(a, divisor),
            _ => t.builder.ins().urem(a, divisor),
        };
        if self.func.int_constant(inst.args[1]).is_some_and(|bits| bits != 0 && bits != ty.mask()) {
            return plain(self, b);
        }
        let one = self.constant(ty, 1);
        let is_zero = self.equals(ty, b, 0);
        if inst.op == Op::Sdiv {
            // 0 and -1 are the two values whose successor is at most 1, unsigned.
            let successor = self.builder.ins().iadd(b, one);
            let special = self.builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, successor, one);
            let divisor = self.builder.ins().select(special, one, b);
            let quotient = plain(self, divisor);
            // Among the special ones, -1 gives 0 - a and 0 gives 0: both are the product of a and b.
            let product = self.builder.ins().imul(a, b);
            return self.builder.ins().select(special, product, quotient);
        }
        // A remainder by 1 is 0, which is not what 0 must give; MIN rem -1 is 0 in CLIF as it is here.
        let divisor = self.builder.ins().select(is_zero, one, b);
        let result = plain(self, divisor);
        let of_zero = if inst.op == Op::Udiv { self.constant(ty, 0) } else { a };
        self.builder.ins().select(is_zero, of_zero, result)
    }

    /// Converts, saturating, and back: equal to the operand if nothing was lost. Only the greatest 64-bit integers differ from the
    /// float they convert to and could still come from it by saturation; no float equals them.
    fn exact_conversion(&mut self, inst: &InstData, x: clif::Value) -> Results {
        let (ty, clif_ty) = (inst.ty, clif_type(inst.ty));
        let signed = inst.op == Op::F64ToSintExact;
        let ins = self.builder.ins();
        let value = if signed { ins.fcvt_to_sint_sat(clif_ty, x) } else { ins.fcvt_to_uint_sat(clif_ty, x) };
        let ins = self.builder.ins();
        let back = if signed { ins.fcvt_from_sint(types::F64, value) } else { ins.fcvt_from_uint(types::F64, value) };
        let mut exact = self.builder.ins().fcmp(FloatCC::Equal, back, x);
        if ty == Type::I64 {
            let greatest = self.constant(ty, if signed { u64::MAX >> 1 } else { u64::MAX });
            let in_range = self.builder.ins().icmp(IntCC::NotEqual, value, greatest);
            exact = self.builder.ins().band(exact, in_range);
        }
        let zero = self.constant(ty, 0);
        let value = self.builder.ins().select(exact, value, zero);
        pair((value, exact))
    }

    fn access(&mut self, inst: &InstData) -> Result<(MemFlagsData, i32), CompileError> {
        let (region, offset) = inst.mem().ok_or_else(|| malformed(inst))?;
        let region = self.regions_are_disjoint.then(|| {
            let data = AliasRegionData { user_id: region.0.min(LAST_REGION), description: "".into() };
            self.builder.func.dfg.alias_regions.insert(data)
        });
        Ok((PLAIN.with_alias_region(region), offset))
    }

    fn call(&mut self, inst: &'a InstData, args: &[clif::Value]) -> Result<Results, CompileError> {
        let followed = self.unit.call_signature(inst).ok_or_else(|| malformed(inst))?;
        let sig = match self.signatures.get(followed) {
            Some(&sig) => sig,
            None => {
                let sig = self.builder.import_signature(signature(followed));
                self.signatures.insert(followed, sig);
                sig
            }
        };
        let made = match inst.imm {
            Imm::Func(callee) => {
                let callee = self.function(callee, sig);
                self.builder.ins().call(callee, args)
            }
            Imm::Helper(helper) => {
                let index = self.unit.helpers[helper.index()].index;
                let offset = i32::try_from(u64::from(index) * 8)
                    .map_err(|_| CompileError::TooLarge(format!("helper table with index {index}")))?;
                let callee = self.builder.ins().load(types::I64, PLAIN, args[0], offset);
                self.builder.ins().call_indirect(sig, callee, &args[1..])
            }
            _ => self.builder.ins().call_indirect(sig, args[0], &args[1..]),
        };
        Ok(Results::from_slice(self.builder.inst_results(made)))
    }

    fn function(&mut self, callee: FuncRef, signature: clif::SigRef) -> clif::FuncRef {
        if let Some(&found) = self.functions.get(&callee) {
            return found;
        }
        let name = self.builder.func.declare_imported_user_function(UserExternalName::new(0, callee.0));
        let name = ExternalName::user(name);
        // Colocated: the call is a 32-bit distance within the blob, never a table entry or an address.
        let made = self.builder.import_function(ExtFuncData { name, signature, colocated: true, patchable: false });
        self.functions.insert(callee, made);
        made
    }

    fn target(&self, target: &BlockCall) -> (clif::Block, SmallVec<[BlockArg; 8]>) {
        let args = target.args.iter().map(|&v| BlockArg::Value(self.value(v))).collect();
        (self.blocks[target.block.index()], args)
    }

    /// Cases become jump tables and comparisons. Those tables take no block arguments, so a target with some is reached through
    /// a block of its own.
    fn switch(&mut self, inst: &InstData, value: clif::Value) {
        let mut edges = Vec::new();
        let mut direct = |t: &mut Self, target: &BlockCall| {
            let block = t.blocks[target.block.index()];
            if target.args.is_empty() {
                return block;
            }
            let edge = t.builder.create_block();
            if t.func.blocks[target.block.index()].cold {
                t.builder.set_cold_block(edge);
            }
            edges.push((edge, target.clone()));
            edge
        };
        let default = direct(self, &inst.targets[0]);
        let mut switch = Switch::new();
        for (&case, target) in inst.cases.iter().zip(&inst.targets[1..]) {
            let block = direct(self, target);
            switch.set_entry(u128::from(case), block);
        }
        switch.emit(&mut self.builder, value, default);
        for (edge, target) in edges {
            let (block, args) = self.target(&target);
            self.builder.switch_to_block(edge);
            self.builder.ins().jump(block, &args);
        }
    }
}

fn one(value: clif::Value) -> Results {
    Results::from_slice(&[value])
}

fn pair((first, second): (clif::Value, clif::Value)) -> Results {
    Results::from_slice(&[first, second])
}

/// An instruction that the verifier would not let pass.
fn malformed(inst: &InstData) -> CompileError {
    CompileError::InvalidUnit(format!("`{}` without its immediate", inst.op.info().name))
}
