//! Units and functions: the IR as data.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::op::{Imm, Op, Stage};
use crate::types::{Block, FrameStateId, FuncRef, HelperRef, Inst, Region, SigRef, SourceLoc, Type, Value};

/// What one compilation hands to a backend: functions that may call each other directly, and what they refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// A name for people: dumps, reports.
    pub name: String,
    /// The stage all its functions are in.
    pub stage: Stage,
    /// Names of the alias regions; row 0 is always `any`.
    pub regions: Vec<String>,
    /// Signatures of indirect calls.
    pub signatures: Vec<Signature>,
    /// Helpers called.
    pub helpers: Vec<Helper>,
    /// Where instructions come from.
    pub sources: Vec<SourcePos>,
    /// The functions, in order.
    pub functions: Vec<Function>,
}

/// A source position: a bytecode instruction, and the call it was inlined at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourcePos {
    /// Index of the bytecode function.
    pub func: u32,
    /// Index of the instruction in it.
    pub pc: u32,
    /// The position of the call this one was inlined at, or [`SourceLoc::NONE`].
    pub inlined_at: SourceLoc,
}

/// How a parameter narrower than a register is extended by the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Not: the bits above are unspecified.
    #[default]
    None,
    /// Sign-extended to 32 bits at least (to 64 from 32).
    Sign,
    /// Zero-extended to 32 bits at least (to 64 from 32).
    Zero,
}

/// A parameter of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its type.
    pub ty: Type,
    /// Its extension, for integers.
    pub extension: Extension,
}

impl From<Type> for Param {
    fn from(ty: Type) -> Self {
        Self { ty, extension: Extension::None }
    }
}

/// Parameters and results, in the System V calling convention.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Parameters in order; any number.
    pub params: Vec<Param>,
    /// At most [`Signature::MAX_RESULTS`]: integers in rax then rdx, floats in xmm0 then xmm1; bits above a narrow integer are
    /// unspecified.
    pub results: Vec<Type>,
}

impl Signature {
    /// How many results a function may have.
    pub const MAX_RESULTS: usize = 2;

    /// A signature without extensions.
    pub fn new(params: &[Type], results: &[Type]) -> Self {
        Self { params: params.iter().map(|&ty| ty.into()).collect(), results: results.to_vec() }
    }

    /// The signature of native entries and of every IR case's entry: `(i64, i64, i64) -> i32`.
    pub fn entry() -> Self {
        Self::new(&[Type::I64; 3], &[Type::I32])
    }
}

/// A helper of the runtime, as a unit sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Helper {
    /// Its name, for people.
    pub name: String,
    /// Its place in the helper table that generated code gets as an operand.
    pub index: u32,
    /// Its signature, without the helper table.
    pub signature: Signature,
}

/// A function in SSA form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// A name for people.
    pub name: String,
    /// Its signature. The entry block's parameters are its parameters.
    pub signature: Signature,
    /// All values ever made, those no longer used included.
    pub values: Vec<ValueData>,
    /// All instructions ever made, those no longer in a block included.
    pub insts: Vec<InstData>,
    /// The blocks; the first is the entry, which nothing branches to. Their order is the intended code order.
    pub blocks: Vec<BlockData>,
    /// Frame states (value stage only).
    pub frame_states: Vec<FrameState>,
}

/// A value: its type and where it is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueData {
    /// Its type.
    pub ty: Type,
    /// Its definition.
    pub def: ValueDef,
}

/// Where a value is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueDef {
    /// The n-th parameter of a block.
    Param(Block, u32),
    /// The n-th result of an instruction.
    Result(Inst, u32),
}

/// A block: parameters, then instructions of which the last is the only terminator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockData {
    /// Parameters, bound by each branch to it.
    pub params: Vec<Value>,
    /// Instructions in order.
    pub insts: Vec<Inst>,
    /// Unlikely to run: exits, slow paths.
    pub cold: bool,
}

/// A branch target with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockCall {
    /// Where to.
    pub block: Block,
    /// One argument per parameter.
    pub args: Vec<Value>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstData {
    /// The operation.
    pub op: Op,
    /// The controlling type (`i64` where the operation has none).
    pub ty: Type,
    /// Operands.
    pub args: SmallVec<[Value; 3]>,
    /// The immediate.
    pub imm: Imm,
    /// Branch targets: one for `jump`; taken, not taken for `brif`; the default, then one per case for `switch`.
    pub targets: Vec<BlockCall>,
    /// Case values of a `switch`, zero-extended; distinct.
    pub cases: Vec<u64>,
    /// Results.
    pub results: SmallVec<[Value; 2]>,
    /// The frame state it leaves with (value stage).
    pub frame_state: Option<FrameStateId>,
    /// Where it comes from.
    pub loc: SourceLoc,
}

impl InstData {
    /// An instruction without immediate, targets or results.
    pub fn new(op: Op, ty: Type, args: &[Value]) -> Self {
        Self {
            op,
            ty,
            args: SmallVec::from_slice(args),
            imm: Imm::None,
            targets: Vec::new(),
            cases: Vec::new(),
            results: SmallVec::new(),
            frame_state: None,
            loc: SourceLoc::NONE,
        }
    }

    /// Alias region and offset of a memory access.
    pub fn mem(&self) -> Option<(Region, i32)> {
        match self.imm {
            Imm::Mem { region, offset } => Some((region, offset)),
            _ => None,
        }
    }
}

/// What a frame holds when an operation leaves the function: pc, and a value for each slot that is live there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameState {
    /// Index of the bytecode function.
    pub func: u32,
    /// The instruction to execute next.
    pub pc: u32,
    /// Why the code leaves: an index into the compiler's list of reasons.
    pub reason: u32,
    /// The live slots.
    pub slots: Vec<FrameValue>,
    /// The caller's state, where the function was inlined.
    pub caller: Option<FrameStateId>,
}

/// One slot of a frame state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameValue {
    /// The slot's index.
    pub slot: u32,
    /// The tag to write.
    pub tag: u64,
    /// The payload; narrower integers are zero-extended.
    pub value: Value,
}

impl Unit {
    /// An empty unit.
    pub fn new(name: impl Into<String>, stage: Stage) -> Self {
        Self {
            name: name.into(),
            stage,
            regions: vec!["any".to_owned()],
            signatures: Vec::new(),
            helpers: Vec::new(),
            sources: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// Declares an alias region, or finds it by name.
    pub fn region(&mut self, name: &str) -> Region {
        let index = self.regions.iter().position(|r| r == name).unwrap_or_else(|| {
            self.regions.push(name.to_owned());
            self.regions.len() - 1
        });
        Region(index as u32)
    }

    /// Declares a signature, or finds it.
    pub fn signature(&mut self, signature: Signature) -> SigRef {
        let index = self.signatures.iter().position(|s| *s == signature).unwrap_or_else(|| {
            self.signatures.push(signature);
            self.signatures.len() - 1
        });
        SigRef(index as u32)
    }

    /// Declares a helper, or finds it.
    pub fn helper(&mut self, helper: Helper) -> HelperRef {
        let index = self.helpers.iter().position(|h| *h == helper).unwrap_or_else(|| {
            self.helpers.push(helper);
            self.helpers.len() - 1
        });
        HelperRef(index as u32)
    }

    /// Adds a function.
    pub fn add(&mut self, function: Function) -> FuncRef {
        self.functions.push(function);
        FuncRef(self.functions.len() as u32 - 1)
    }

    /// The inline chain of a source location, innermost first.
    pub fn source_chain(&self, mut loc: SourceLoc) -> Vec<SourcePos> {
        let mut chain = Vec::new();
        while let Some(&pos) = self.sources.get(loc.index()) {
            chain.push(pos);
            loc = pos.inlined_at;
        }
        chain
    }

    /// The signature a call instruction follows, without the address or table operand; `None` for what is no machine-stage
    /// call or refers to what is not there.
    pub fn call_signature(&self, inst: &InstData) -> Option<&Signature> {
        match inst.imm {
            Imm::Func(f) => self.functions.get(f.index()).map(|f| &f.signature),
            Imm::Sig(s) => self.signatures.get(s.index()),
            Imm::Helper(h) => self.helpers.get(h.index()).map(|h| &h.signature),
            _ => None,
        }
    }
}

impl Function {
    /// A function without blocks.
    pub fn new(name: impl Into<String>, signature: Signature) -> Self {
        Self {
            name: name.into(),
            signature,
            values: Vec::new(),
            insts: Vec::new(),
            blocks: Vec::new(),
            frame_states: Vec::new(),
        }
    }

    /// The entry block.
    pub const ENTRY: Block = Block(0);

    /// The type of a value.
    pub fn ty(&self, value: Value) -> Type {
        self.values[value.index()].ty
    }

    /// The instruction that defines a value, unless it is a block parameter.
    pub fn def(&self, value: Value) -> Option<&InstData> {
        match self.values[value.index()].def {
            ValueDef::Result(inst, _) => Some(&self.insts[inst.index()]),
            ValueDef::Param(..) => None,
        }
    }

    /// The bits of a value that is an integer constant, zero-extended.
    pub fn int_constant(&self, value: Value) -> Option<u64> {
        match self.def(value)? {
            InstData { op: Op::Iconst, imm: Imm::Int(bits), .. } => Some(*bits),
            _ => None,
        }
    }

    /// All block indices, in code order.
    pub fn block_ids(&self) -> impl DoubleEndedIterator<Item = Block> + ExactSizeIterator + use<> {
        (0..self.blocks.len() as u32).map(Block)
    }

    /// The terminator of a block.
    ///
    /// # Panics
    /// The block is empty; a verified function has no such block.
    pub fn terminator(&self, block: Block) -> &InstData {
        let last = self.blocks[block.index()].insts.last().expect("a block ends in a terminator");
        &self.insts[last.index()]
    }

    /// The blocks a block may branch to, in operand order, with repetitions.
    pub fn successors(&self, block: Block) -> impl Iterator<Item = Block> + '_ {
        let last = self.blocks[block.index()].insts.last();
        last.into_iter().flat_map(|last| self.insts[last.index()].targets.iter().map(|t| t.block))
    }

    /// How many instructions stand in blocks.
    pub fn inst_count(&self) -> usize {
        self.blocks.iter().map(|b| b.insts.len()).sum()
    }

    /// Makes a new value.
    pub fn make_value(&mut self, ty: Type, def: ValueDef) -> Value {
        self.values.push(ValueData { ty, def });
        Value(self.values.len() as u32 - 1)
    }

    /// Makes a new block at the end of the code order.
    pub fn make_block(&mut self) -> Block {
        self.blocks.push(BlockData::default());
        Block(self.blocks.len() as u32 - 1)
    }

    /// Appends a parameter to a block.
    pub fn add_param(&mut self, block: Block, ty: Type) -> Value {
        let index = self.blocks[block.index()].params.len() as u32;
        let value = self.make_value(ty, ValueDef::Param(block, index));
        self.blocks[block.index()].params.push(value);
        value
    }

    /// Makes an instruction with results of the given types, in no block yet.
    pub fn make_inst(&mut self, mut data: InstData, results: &[Type]) -> Inst {
        let inst = Inst(self.insts.len() as u32);
        data.results =
            results.iter().enumerate().map(|(n, &ty)| self.make_value(ty, ValueDef::Result(inst, n as u32))).collect();
        self.insts.push(data);
        inst
    }

    /// Every value an instruction uses: operands, branch arguments, and its frame state's (callers included).
    pub fn for_each_use(&self, inst: &InstData, mut f: impl FnMut(Value)) {
        inst.args.iter().chain(inst.targets.iter().flat_map(|t| &t.args)).copied().for_each(&mut f);
        let mut state = inst.frame_state;
        while let Some(id) = state {
            let fs = &self.frame_states[id.index()];
            fs.slots.iter().for_each(|s| f(s.value));
            state = fs.caller;
        }
    }

    /// Replaces values everywhere they are used, frame states included, following chains in `map`.
    pub fn replace_uses(&mut self, map: &HashMap<Value, Value>) {
        if map.is_empty() {
            return;
        }
        let resolve = |v: &mut Value| {
            while let Some(&to) = map.get(v) {
                *v = to;
            }
        };
        for inst in &mut self.insts {
            inst.args.iter_mut().for_each(resolve);
            inst.targets.iter_mut().flat_map(|t| &mut t.args).for_each(resolve);
        }
        self.frame_states.iter_mut().flat_map(|fs| &mut fs.slots).for_each(|s| resolve(&mut s.value));
    }
}
