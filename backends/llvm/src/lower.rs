//! From a unit to an LLVM module: functions, blocks, control flow and calls. The single operations are in [`crate::ops`].
//!
//! Blocks are lowered in reverse postorder, so that each value is there before its uses; block parameters are phis. Blocks that cannot be
//! reached are left out, as LLVM would.

use std::collections::HashMap;

use inkwell::AddressSpace;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::{Builder, BuilderError};
use inkwell::context::Context;
use inkwell::debug_info::{AsDIScope, DISubprogram};
use inkwell::module::Module;
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FunctionType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, CallSiteValue, FunctionValue, InstructionValue, IntValue,
    MetadataValue, PhiValue, PointerValue,
};
use lockstep_backend_api::CompileError;
use lockstep_ir::cfg::Cfg;
use lockstep_ir::{
    Block, BlockCall, Extension, Function, Imm, InstData, Op, Param, Region, Signature, SourceLoc, Type, Unit, Value,
};

use crate::lines::DebugInfo;
use crate::machine::Machine;

/// Why lowering stopped: a refusal, or an instruction that LLVM's builder would not make.
pub struct Stop(pub CompileError);

impl From<CompileError> for Stop {
    fn from(error: CompileError) -> Self {
        Self(error)
    }
}

impl From<BuilderError> for Stop {
    fn from(error: BuilderError) -> Self {
        Self(CompileError::Internal(format!("LLVM's builder: {error}")))
    }
}

/// A defect, where a verified unit leaves no other explanation.
pub fn broken(what: &str) -> Stop {
    Stop(CompileError::Internal(format!("{what} (is the unit verified?)")))
}

/// The result of lowering something.
pub type Lowered<T> = Result<T, Stop>;

/// How much likelier a block is that is not cold.
const HOT_WEIGHT: u64 = 2000;

/// Lowers a unit.
pub fn unit<'ctx>(context: &'ctx Context, machine: &Machine, unit: &Unit) -> Result<Module<'ctx>, CompileError> {
    let module = context.create_module("lockstep");
    module.set_triple(&machine.triple);
    module.set_data_layout(&machine.layout.get_data_layout());
    let mut lowering = UnitLowering::new(context, &module, unit);
    lowering.declare().map_err(|stop| stop.0)?;
    for (n, func) in unit.functions.iter().enumerate() {
        FunctionLowering::new(&lowering, func, n).run().map_err(|stop| stop.0)?;
    }
    if let Some(debug) = &lowering.debug {
        debug.finish();
    }
    Ok(module)
}

/// What the functions of a unit share.
pub struct UnitLowering<'u, 'ctx> {
    pub context: &'ctx Context,
    pub module: &'u Module<'ctx>,
    pub unit: &'u Unit,
    functions: Vec<FunctionValue<'ctx>>,
    /// Access tags by region.
    tags: Vec<MetadataValue<'ctx>>,
    tag_kind: u32,
    weights_kind: u32,
    nounwind: Attribute,
    sign_extended: Attribute,
    zero_extended: Attribute,
    debug: Option<DebugInfo<'ctx>>,
}

impl<'u, 'ctx> UnitLowering<'u, 'ctx> {
    fn new(context: &'ctx Context, module: &'u Module<'ctx>, unit: &'u Unit) -> Self {
        let attribute = |name: &str| context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), 0);
        // Regions become types for type-based alias analysis: siblings, which never alias, below `any`, which aliases all.
        let node = |name: &str, parent: Option<MetadataValue<'ctx>>| {
            let mut fields: Vec<BasicMetadataValueEnum<'ctx>> = vec![context.metadata_string(name).into()];
            if let Some(parent) = parent {
                fields.push(parent.into());
                fields.push(context.i64_type().const_zero().into());
            }
            context.metadata_node(&fields)
        };
        let any = node("any", Some(node("lockstep", None)));
        let tag = |region: usize| {
            let ty = if region == Region::ANY.index() { any } else { node(&format!("region{region}"), Some(any)) };
            context.metadata_node(&[ty.into(), ty.into(), context.i64_type().const_zero().into()])
        };
        Self {
            context,
            module,
            unit,
            functions: Vec::new(),
            tags: (0..unit.regions.len()).map(tag).collect(),
            tag_kind: context.get_kind_id("tbaa"),
            weights_kind: context.get_kind_id("prof"),
            nounwind: attribute("nounwind"),
            sign_extended: attribute("signext"),
            zero_extended: attribute("zeroext"),
            debug: DebugInfo::new(context, module, unit),
        }
    }

    /// Declares all functions, so that they can call each other.
    fn declare(&mut self) -> Lowered<()> {
        let null_is_valid =
            self.context.create_enum_attribute(Attribute::get_named_enum_kind_id("null_pointer_is_valid"), 0);
        let noinline = self.context.create_enum_attribute(Attribute::get_named_enum_kind_id("noinline"), 0);
        // Switches the recognition of library idioms off: there is no library.
        let no_builtins = self.context.create_string_attribute("no-builtins", "");
        let no_tail_calls = self.context.create_string_attribute("disable-tail-calls", "true");
        for (n, func) in self.unit.functions.iter().enumerate() {
            let ty = self.function_type(&func.signature);
            let declared = self.module.add_function(&crate::link::symbol(n), ty, None);
            declared.as_global_value().set_visibility(inkwell::GlobalVisibility::Hidden);
            for attribute in [self.nounwind, null_is_valid, no_builtins] {
                declared.add_attribute(AttributeLoc::Function, attribute);
            }
            for (index, attribute) in self.extensions(&func.signature) {
                declared.add_attribute(AttributeLoc::Param(index), attribute);
            }
            // A function that asks for its stack pointer keeps a frame of its own, below its caller's and above its callees'.
            if func.blocks.iter().flat_map(|b| &b.insts).any(|i| func.insts[i.index()].op == Op::StackPointer) {
                declared.add_attribute(AttributeLoc::Function, noinline);
                declared.add_attribute(AttributeLoc::Function, no_tail_calls);
            }
            self.functions.push(declared);
        }
        Ok(())
    }

    /// The LLVM type of a value.
    pub fn ty(&self, ty: Type) -> BasicTypeEnum<'ctx> {
        match ty {
            Type::F32 => self.context.f32_type().into(),
            Type::F64 => self.context.f64_type().into(),
            _ => self.int_type(ty).into(),
        }
    }

    /// The LLVM type of an integer.
    pub fn int_type(&self, ty: Type) -> inkwell::types::IntType<'ctx> {
        match ty {
            Type::I8 => self.context.i8_type(),
            Type::I16 => self.context.i16_type(),
            Type::I32 | Type::F32 => self.context.i32_type(),
            Type::I64 | Type::F64 => self.context.i64_type(),
        }
    }

    /// The LLVM type of a pointer.
    pub fn pointer_type(&self) -> inkwell::types::PointerType<'ctx> {
        self.context.ptr_type(AddressSpace::default())
    }

    fn function_type(&self, signature: &Signature) -> FunctionType<'ctx> {
        let params: Vec<BasicMetadataTypeEnum<'ctx>> =
            signature.params.iter().map(|&p| self.ty(passed_as(p)).into()).collect();
        let results: Vec<BasicTypeEnum<'ctx>> = signature.results.iter().map(|&ty| self.ty(ty)).collect();
        match results[..] {
            [] => self.context.void_type().fn_type(&params, false),
            [one] => one.fn_type(&params, false),
            // Fields of a structure are returned one by one in the next register of their class: rax, rdx; xmm0, xmm1.
            _ => self.context.struct_type(&results, false).fn_type(&params, false),
        }
    }

    /// Attributes of the parameters that LLVM extends for us.
    fn extensions<'s>(&'s self, signature: &'s Signature) -> impl Iterator<Item = (u32, Attribute)> + 's {
        signature.params.iter().enumerate().filter(|(_, p)| matches!(p.ty, Type::I8 | Type::I16)).filter_map(
            |(n, p)| match p.extension {
                Extension::None => None,
                Extension::Sign => Some((n as u32, self.sign_extended)),
                Extension::Zero => Some((n as u32, self.zero_extended)),
            },
        )
    }

    fn branch_weights(&self, cold: &[bool]) -> Option<MetadataValue<'ctx>> {
        if cold.iter().all(|&c| c) || !cold.iter().any(|&c| c) {
            return None;
        }
        let mut fields: Vec<BasicMetadataValueEnum<'ctx>> = vec![self.context.metadata_string("branch_weights").into()];
        let weight = |cold| self.context.i32_type().const_int(if cold { 1 } else { HOT_WEIGHT }, false);
        fields.extend(cold.iter().map(|&cold| BasicMetadataValueEnum::from(weight(cold))));
        Some(self.context.metadata_node(&fields))
    }
}

/// The type a parameter is passed as. LLVM extends narrow integers to 32 bits if told so; from 32 to 64 is up to us.
fn passed_as(param: Param) -> Type {
    match param {
        Param { ty: Type::I32, extension: Extension::Sign | Extension::Zero } => Type::I64,
        _ => param.ty,
    }
}

/// Lowers one function.
pub struct FunctionLowering<'l, 'u, 'ctx> {
    pub shared: &'l UnitLowering<'u, 'ctx>,
    pub func: &'u Function,
    pub builder: Builder<'ctx>,
    function: FunctionValue<'ctx>,
    values: Vec<Option<BasicValueEnum<'ctx>>>,
    /// The one-bit form of truth values that comparisons made, so that tests need not compare again.
    truths: HashMap<Value, IntValue<'ctx>>,
    /// Addresses of the current block as pointers.
    pub pointers: HashMap<Value, PointerValue<'ctx>>,
    blocks: Vec<Option<BasicBlock<'ctx>>>,
    phis: Vec<Vec<PhiValue<'ctx>>>,
    subprogram: Option<DISubprogram<'ctx>>,
}

/// An edge out of the terminator being lowered, to share or to split when another goes to the same block.
struct Edge<'i, 'ctx> {
    target: &'i BlockCall,
    from: BasicBlock<'ctx>,
}

impl<'l, 'u, 'ctx> FunctionLowering<'l, 'u, 'ctx> {
    fn new(shared: &'l UnitLowering<'u, 'ctx>, func: &'u Function, number: usize) -> Self {
        let function = shared.functions[number];
        let subprogram = shared.debug.as_ref().map(|debug| debug.subprogram(function, number));
        Self {
            shared,
            func,
            builder: shared.context.create_builder(),
            function,
            values: vec![None; func.values.len()],
            truths: HashMap::new(),
            pointers: HashMap::new(),
            blocks: vec![None; func.blocks.len()],
            phis: vec![Vec::new(); func.blocks.len()],
            subprogram,
        }
    }

    fn run(mut self) -> Lowered<()> {
        let cfg = Cfg::new(self.func);
        // Blocks are made in code order, which LLVM keeps where it has no reason not to.
        for block in self.func.block_ids().filter(|&b| cfg.is_reachable(b)) {
            self.blocks[block.index()] = Some(self.shared.context.append_basic_block(self.function, ""));
        }
        for &block in &cfg.rpo {
            self.builder.position_at_end(self.block(block)?);
            self.locate(SourceLoc::NONE);
            if block == Function::ENTRY {
                self.bind_parameters()?;
            } else {
                for &param in &self.func.blocks[block.index()].params {
                    let phi = self.builder.build_phi(self.shared.ty(self.func.ty(param)), "")?;
                    self.phis[block.index()].push(phi);
                    self.define(param, phi.as_basic_value());
                }
            }
        }
        for &block in &cfg.rpo {
            self.builder.position_at_end(self.block(block)?);
            self.pointers.clear();
            for &inst in &self.func.blocks[block.index()].insts {
                let data = &self.func.insts[inst.index()];
                self.locate(data.loc);
                self.inst(data)?;
            }
        }
        Ok(())
    }

    fn locate(&self, loc: SourceLoc) {
        if let (Some(debug), Some(subprogram)) = (&self.shared.debug, self.subprogram) {
            self.builder.set_current_debug_location(debug.location(subprogram.as_debug_info_scope(), loc));
        }
    }

    fn bind_parameters(&mut self) -> Lowered<()> {
        let params = &self.func.blocks[Function::ENTRY.index()].params;
        for (n, (&value, &param)) in params.iter().zip(&self.func.signature.params).enumerate() {
            let mut passed = self.function.get_nth_param(n as u32).ok_or_else(|| broken("a parameter is missing"))?;
            if passed_as(param) != param.ty {
                let narrow = self.shared.int_type(param.ty);
                passed = self.builder.build_int_truncate(passed.into_int_value(), narrow, "")?.into();
            }
            self.define(value, passed);
        }
        Ok(())
    }

    fn block(&self, block: Block) -> Lowered<BasicBlock<'ctx>> {
        self.blocks[block.index()].ok_or_else(|| broken("a branch to a block that does not exist"))
    }

    /// The LLVM value of a value.
    pub fn value(&self, value: Value) -> Lowered<BasicValueEnum<'ctx>> {
        self.values[value.index()].ok_or_else(|| broken("a value is used before its definition"))
    }

    /// The LLVM value of an integer.
    pub fn int(&self, value: Value) -> Lowered<IntValue<'ctx>> {
        match self.value(value)? {
            BasicValueEnum::IntValue(int) => Ok(int),
            _ => Err(broken("an integer is expected")),
        }
    }

    /// Says what a value is.
    pub fn define(&mut self, value: Value, is: BasicValueEnum<'ctx>) {
        self.values[value.index()] = Some(is);
    }

    /// Says that a value is this truth value, given as one bit.
    pub fn define_truth(&mut self, value: Value, bit: IntValue<'ctx>) -> Lowered<()> {
        let wide = self.builder.build_int_z_extend(bit, self.shared.context.i8_type(), "")?;
        self.truths.insert(value, bit);
        self.define(value, wide.into());
        Ok(())
    }

    /// One bit: whether a value is not zero.
    pub fn truth(&self, value: Value) -> Lowered<IntValue<'ctx>> {
        if let Some(&bit) = self.truths.get(&value) {
            return Ok(bit);
        }
        let int = self.int(value)?;
        let zero = int.get_type().const_zero();
        Ok(self.builder.build_int_compare(inkwell::IntPredicate::NE, int, zero, "")?)
    }

    /// Gives an access its alias region.
    pub fn tag(&self, access: InstructionValue<'ctx>, region: Region) -> Lowered<()> {
        let tag = self.shared.tags.get(region.index()).ok_or_else(|| broken("an undeclared region"))?;
        access.set_metadata(*tag, self.shared.tag_kind).map_err(|_| broken("an access without metadata"))
    }

    fn inst(&mut self, data: &'u InstData) -> Lowered<()> {
        match data.op {
            Op::Jump | Op::Brif | Op::Switch => self.branch(data),
            Op::Return => {
                let values = data.args.iter().map(|&v| self.value(v)).collect::<Lowered<Vec<_>>>()?;
                match &values[..] {
                    [] => self.builder.build_return(None)?,
                    [one] => self.builder.build_return(Some(one))?,
                    _ => self.builder.build_aggregate_return(&values)?,
                };
                Ok(())
            }
            Op::Call | Op::CallIndirect | Op::CallHelper => self.call(data),
            _ => self.operation(data),
        }
    }

    fn branch(&mut self, data: &'u InstData) -> Lowered<()> {
        let from = self.builder.get_insert_block().ok_or_else(|| broken("no current block"))?;
        let mut edges = Vec::with_capacity(data.targets.len());
        let mut targets = Vec::with_capacity(data.targets.len());
        for target in &data.targets {
            targets.push(self.edge(from, target, &mut edges)?);
        }
        let terminator = match (data.op, &targets[..]) {
            (Op::Jump, &[target]) => self.builder.build_unconditional_branch(target)?,
            (Op::Brif, &[then, otherwise]) => {
                self.builder.build_conditional_branch(self.truth(data.args[0])?, then, otherwise)?
            }
            (Op::Switch, [default, cases @ ..]) => {
                let value = self.int(data.args[0])?;
                let ty = value.get_type();
                let cases: Vec<_> =
                    data.cases.iter().zip(cases).map(|(&case, &target)| (ty.const_int(case, false), target)).collect();
                self.builder.build_switch(value, *default, &cases)?
            }
            _ => return Err(broken("a branch with the wrong number of targets")),
        };
        let cold: Vec<bool> = data.targets.iter().map(|t| self.func.blocks[t.block.index()].cold).collect();
        if let Some(weights) = self.shared.branch_weights(&cold) {
            let set = terminator.set_metadata(weights, self.shared.weights_kind);
            set.map_err(|_| broken("a branch without metadata"))?;
        }
        Ok(())
    }

    /// Binds the arguments of an edge and returns where the terminator is to go. A phi has one value per predecessor block: two edges
    /// of one terminator to the same block with different arguments need a block between.
    fn edge(
        &mut self,
        from: BasicBlock<'ctx>,
        target: &'u BlockCall,
        edges: &mut Vec<Edge<'u, 'ctx>>,
    ) -> Lowered<BasicBlock<'ctx>> {
        let to = self.block(target.block)?;
        if target.args.is_empty() {
            return Ok(to);
        }
        let mut through = from;
        let mut earlier = edges.iter().filter(|e| e.target.block == target.block).peekable();
        if earlier.peek().is_some() {
            if let Some(same) = earlier.find(|e| e.target.args == target.args && e.from != from) {
                return Ok(same.from);
            }
            through = self.shared.context.insert_basic_block_after(from, "");
            self.builder.position_at_end(through);
            self.builder.build_unconditional_branch(to)?;
            self.builder.position_at_end(from);
        }
        for (phi, &arg) in self.phis[target.block.index()].iter().zip(&target.args) {
            phi.add_incoming(&[(&self.value(arg)?, through)]);
        }
        edges.push(Edge { target, from: through });
        Ok(through).map(|block| if block == from { to } else { block })
    }

    fn call(&mut self, data: &InstData) -> Lowered<()> {
        let shared = self.shared;
        let signature = shared.unit.call_signature(data).ok_or_else(|| broken("a call without a signature"))?;
        let direct = data.op == Op::Call;
        let mut args: Vec<BasicMetadataValueEnum<'ctx>> = Vec::with_capacity(signature.params.len());
        for (&value, &param) in data.args[usize::from(!direct)..].iter().zip(&signature.params) {
            args.push(self.argument(value, param)?.into());
        }
        let call = match data.imm {
            Imm::Func(callee) => {
                let callee = *shared.functions.get(callee.index()).ok_or_else(|| broken("no such callee"))?;
                self.builder.build_direct_call(callee, &args, "")?
            }
            Imm::Helper(helper) => {
                let index = shared.unit.helpers[helper.index()].index;
                let slot = self.offset(self.int_to_pointer(data.args[0])?, i64::from(index) * 8)?;
                let callee = self.builder.build_load(shared.pointer_type(), slot, "")?;
                if let Some(load) = callee.as_instruction_value() {
                    self.tag(load, Region::ANY)?;
                }
                self.indirect(signature, callee.into_pointer_value(), &args)?
            }
            _ => self.indirect(signature, self.int_to_pointer(data.args[0])?, &args)?,
        };
        call.add_attribute(AttributeLoc::Function, shared.nounwind);
        for (index, attribute) in shared.extensions(signature) {
            call.add_attribute(AttributeLoc::Param(index), attribute);
        }
        match (&data.results[..], call.try_as_basic_value().basic()) {
            ([], _) => {}
            (&[one], Some(value)) => self.define(one, value),
            (&[first, second], Some(BasicValueEnum::StructValue(pair))) => {
                for (n, result) in [(0, first), (1, second)] {
                    let field = self.builder.build_extract_value(pair, n, "")?;
                    self.define(result, field);
                }
            }
            _ => return Err(broken("a call whose results are not its signature's")),
        }
        Ok(())
    }

    fn indirect(
        &self,
        signature: &Signature,
        callee: PointerValue<'ctx>,
        args: &[BasicMetadataValueEnum<'ctx>],
    ) -> Lowered<CallSiteValue<'ctx>> {
        Ok(self.builder.build_indirect_call(self.shared.function_type(signature), callee, args, "")?)
    }

    fn argument(&self, value: Value, param: Param) -> Lowered<BasicValueEnum<'ctx>> {
        if passed_as(param) == param.ty {
            return self.value(value);
        }
        let (narrow, wide) = (self.int(value)?, self.shared.context.i64_type());
        Ok(match param.extension {
            Extension::Sign => self.builder.build_int_s_extend(narrow, wide, "")?.into(),
            _ => self.builder.build_int_z_extend(narrow, wide, "")?.into(),
        })
    }
}
