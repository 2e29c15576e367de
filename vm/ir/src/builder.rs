//! Building functions instruction by instruction.

use crate::op::{Imm, Op, Operands};
use crate::types::{Block, FrameStateId, FuncRef, HelperRef, Region, SigRef, SourceLoc, Type, Value};
use crate::unit::{BlockCall, Function, InstData, Signature};

/// Appends instructions to a function, at the end of a current block. It types results from the operation table, and
/// leaves checking to [`crate::verify`].
pub struct Builder<'f> {
    /// The function being built.
    pub func: &'f mut Function,
    block: Block,
    loc: SourceLoc,
}

impl<'f> Builder<'f> {
    /// A builder at the entry block, which is made, with the signature's parameters, if the function has no blocks yet.
    pub fn new(func: &'f mut Function) -> Self {
        if func.blocks.is_empty() {
            let entry = func.make_block();
            for param in func.signature.params.clone() {
                func.add_param(entry, param.ty);
            }
        }
        Self { func, block: Function::ENTRY, loc: SourceLoc::NONE }
    }

    /// A new block with parameters of these types.
    pub fn block(&mut self, params: &[Type]) -> Block {
        let block = self.func.make_block();
        for &ty in params {
            self.func.add_param(block, ty);
        }
        block
    }

    /// A new cold block with parameters of these types.
    pub fn cold_block(&mut self, params: &[Type]) -> Block {
        let block = self.block(params);
        self.func.blocks[block.index()].cold = true;
        block
    }

    /// Continues at the end of `block`.
    pub fn switch_to(&mut self, block: Block) {
        self.block = block;
    }

    /// The block being appended to.
    pub fn current(&self) -> Block {
        self.block
    }

    /// Whether the current block has its terminator.
    pub fn is_terminated(&self) -> bool {
        let insts = &self.func.blocks[self.block.index()].insts;
        insts.last().is_some_and(|i| self.func.insts[i.index()].op.is_terminator())
    }

    /// The `n`-th parameter of a block.
    pub fn param(&self, block: Block, n: usize) -> Value {
        self.func.blocks[block.index()].params[n]
    }

    /// The source location of the instructions to come.
    pub fn set_loc(&mut self, loc: SourceLoc) {
        self.loc = loc;
    }

    /// Appends any instruction, with results of the given types.
    pub fn push(&mut self, mut data: InstData, results: &[Type]) -> &[Value] {
        data.loc = self.loc;
        let inst = self.func.make_inst(data, results);
        self.func.blocks[self.block.index()].insts.push(inst);
        &self.func.insts[inst.index()].results
    }

    /// Appends an operation with fixed operands and no immediate; returns its results.
    ///
    /// # Panics
    /// The operation's operands are given by a signature, or its results depend on an operand's type.
    pub fn ins(&mut self, op: Op, ty: Type, args: &[Value]) -> &[Value] {
        let Operands::Fixed(patterns) = op.info().results else { panic!("{op:?} takes a signature") };
        let mut results = [Type::I64; 2];
        for (slot, pattern) in results.iter_mut().zip(patterns) {
            *slot = pattern.fixed(ty).expect("result types follow from the controlling type");
        }
        self.push(InstData::new(op, ty, args), &results[..patterns.len()])
    }

    /// Appends an operation with exactly one result.
    pub fn one(&mut self, op: Op, ty: Type, args: &[Value]) -> Value {
        self.ins(op, ty, args)[0]
    }

    /// Appends an operation with two results.
    pub fn two(&mut self, op: Op, ty: Type, args: &[Value]) -> (Value, Value) {
        let results = self.ins(op, ty, args);
        (results[0], results[1])
    }

    /// An integer constant; bits above the type's width are dropped.
    pub fn iconst(&mut self, ty: Type, value: i64) -> Value {
        let data = InstData { imm: Imm::Int(value as u64 & ty.mask()), ..InstData::new(Op::Iconst, ty, &[]) };
        self.push(data, &[ty])[0]
    }

    /// A float constant.
    pub fn fconst(&mut self, value: f64) -> Value {
        let data = InstData { imm: Imm::Float(value.to_bits()), ..InstData::new(Op::Fconst, Type::F64, &[]) };
        self.push(data, &[Type::F64])[0]
    }

    /// A load.
    pub fn load(&mut self, ty: Type, region: Region, base: Value, offset: i32) -> Value {
        let data = InstData { imm: Imm::Mem { region, offset }, ..InstData::new(Op::Load, ty, &[base]) };
        self.push(data, &[ty])[0]
    }

    /// A relaxed atomic load.
    pub fn atomic_load(&mut self, ty: Type, region: Region, base: Value, offset: i32) -> Value {
        let data = InstData { imm: Imm::Mem { region, offset }, ..InstData::new(Op::AtomicLoad, ty, &[base]) };
        self.push(data, &[ty])[0]
    }

    /// A store of `value` at `base + offset`.
    pub fn store(&mut self, region: Region, value: Value, base: Value, offset: i32) {
        let ty = self.func.ty(value);
        self.push(InstData { imm: Imm::Mem { region, offset }, ..InstData::new(Op::Store, ty, &[value, base]) }, &[]);
    }

    /// A direct call of a function of the unit, whose signature is given.
    pub fn call(&mut self, callee: FuncRef, signature: &Signature, args: &[Value]) -> &[Value] {
        let data = InstData { imm: Imm::Func(callee), ..InstData::new(Op::Call, Type::I64, args) };
        self.push(data, &signature.results)
    }

    /// A call of the address `args[0]` with the rest as arguments.
    pub fn call_indirect(&mut self, sig: SigRef, signature: &Signature, args: &[Value]) -> &[Value] {
        let data = InstData { imm: Imm::Sig(sig), ..InstData::new(Op::CallIndirect, Type::I64, args) };
        self.push(data, &signature.results)
    }

    /// A call of a helper found through the table at `args[0]`, with the rest as arguments.
    pub fn call_helper(&mut self, helper: HelperRef, signature: &Signature, args: &[Value]) -> &[Value] {
        let data = InstData { imm: Imm::Helper(helper), ..InstData::new(Op::CallHelper, Type::I64, args) };
        self.push(data, &signature.results)
    }

    /// An unconditional branch.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        let targets = vec![BlockCall { block, args: args.to_vec() }];
        self.push(InstData { targets, ..InstData::new(Op::Jump, Type::I64, &[]) }, &[]);
    }

    /// A conditional branch.
    pub fn brif(&mut self, condition: Value, then: (Block, &[Value]), otherwise: (Block, &[Value])) {
        let targets = [then, otherwise].map(|(block, args)| BlockCall { block, args: args.to_vec() }).to_vec();
        self.push(InstData { targets, ..InstData::new(Op::Brif, Type::I64, &[condition]) }, &[]);
    }

    /// A switch on an integer.
    pub fn switch(&mut self, value: Value, default: BlockCall, cases: Vec<(u64, BlockCall)>) {
        let ty = self.func.ty(value);
        let mut data = InstData::new(Op::Switch, ty, &[value]);
        data.targets.push(default);
        for (case, target) in cases {
            data.cases.push(case & ty.mask());
            data.targets.push(target);
        }
        self.push(data, &[]);
    }

    /// A return.
    pub fn ret(&mut self, values: &[Value]) {
        self.push(InstData::new(Op::Return, Type::I64, values), &[]);
    }

    /// Any instruction with a frame state and no results (value stage).
    pub fn with_state(&mut self, op: Op, args: &[Value], state: FrameStateId) {
        self.push(InstData { frame_state: Some(state), ..InstData::new(op, Type::I64, args) }, &[]);
    }
}
