//! Instruction selection: IR to machine instructions over virtual registers, one pass from the last block to the first.
//!
//! Going backwards, a consumer comes before the producers of its operands and decides what to do with each: encode a constant as an immediate,
//! fold a load or an addition into its operand, fuse a comparison with itself, or ask for the value in a register ([`Isel::reg`]). A producer nobody
//! asked for makes no code. Instructions are appended in reverse, each IR instruction's own turned round as it is finished, and the whole is
//! turned round at the end.

mod control;
mod convert;
mod division;
mod float;
mod int;

use lockstep_backend_api::{CompileError, Feature, Features};
use lockstep_ir::{Block, Function, Imm, Inst, InstData, Op, SourceLoc, Type, Unit, Value, ValueDef};
use regalloc2::{Operand, OperandConstraint, OperandKind, OperandPos, PReg, RegClass, VReg};

use crate::abi;
use crate::constants::Constants;
use crate::mach::{Amode, Base, Code, Mach, MachInst, Origin, Place, Size, Source, Span, Src};
use crate::plan::Plan;

/// Selection of one function.
pub(crate) struct Isel<'a> {
    unit: &'a Unit,
    func: &'a Function,
    plan: &'a Plan,
    code: &'a mut Code,
    consts: &'a mut Constants,
    features: Features,
    /// The fast allocator keeps nothing in registers between blocks, so constants are made anew rather than carried.
    fast: bool,
    /// Where code is being placed.
    epoch: u32,
    block_epoch: u32,
    loc: SourceLoc,
    /// The overflow operation that the current block's terminator took along.
    sunk: Option<Inst>,
}

/// Selects instructions for a function, whose plan and machine blocks are made.
pub(crate) fn select(
    unit: &Unit,
    func: &Function,
    plan: &Plan,
    code: &mut Code,
    consts: &mut Constants,
    features: Features,
    fast: bool,
) -> Result<(), CompileError> {
    code.used.resize(func.values.len(), false);
    code.vregs = func.values.len();
    let isel = Isel {
        unit,
        func,
        plan,
        code,
        consts,
        features,
        fast,
        epoch: 0,
        block_epoch: 0,
        loc: SourceLoc::NONE,
        sunk: None,
    };
    isel.run()
}

impl<'a> Isel<'a> {
    fn run(mut self) -> Result<(), CompileError> {
        for n in (0..self.code.blocks.len()).rev() {
            let start = self.code.insts.len();
            match self.code.blocks[n].origin {
                Origin::Edge(block, target) => self.lower_edge(n, Block(block), target as usize),
                Origin::Block(block) => self.lower_block(n, Block(block))?,
            }
            self.code.blocks[n].insts = Span { start: start as u32, end: self.code.insts.len() as u32 };
        }
        // Turn everything round.
        let total = self.code.insts.len() as u32;
        self.code.insts.reverse();
        for block in &mut self.code.blocks {
            block.insts = Span { start: total - block.insts.end, end: total - block.insts.start };
        }
        Ok(())
    }

    fn lower_block(&mut self, n: usize, block: Block) -> Result<(), CompileError> {
        let func = self.func;
        let data = &func.blocks[block.index()];
        self.block_epoch = self.plan.block_epoch[block.index()];
        self.sunk = None;
        for &inst in data.insts.iter().rev() {
            let data = &func.insts[inst.index()];
            if Some(inst) == self.sunk {
                continue;
            }
            let effect = data.op.info().effect;
            let needed = match effect {
                lockstep_ir::Effect::Pure | lockstep_ir::Effect::Load | lockstep_ir::Effect::ReadsMachine => {
                    data.results.iter().any(|r| self.code.used[r.index()])
                }
                _ => true,
            };
            if !needed {
                continue;
            }
            self.epoch = self.plan.epoch[inst.index()];
            self.loc = data.loc;
            let start = self.code.insts.len();
            if data.op.is_terminator() {
                self.lower_terminator(n, block, data)?;
            } else {
                self.lower(data)?;
            }
            self.code.insts[start..].reverse();
        }
        let start = self.code.params.len() as u32;
        if block == Function::ENTRY {
            self.loc = SourceLoc::NONE;
            let start = self.code.insts.len();
            self.lower_params();
            self.code.insts[start..].reverse();
        } else if !self.plan.has_single_edge(block) {
            for &param in &data.params {
                let vreg = self.vreg(param);
                self.code.params.push(vreg);
            }
        }
        self.code.blocks[n].params = Span { start, end: self.code.params.len() as u32 };
        Ok(())
    }

    fn lower(&mut self, data: &'a InstData) -> Result<(), CompileError> {
        use Op::*;
        match data.op {
            Iconst | Iadd | Isub | Imul | Ineg | Smulhi | Umulhi | Band | Bor | Bxor | Bnot | Shl | Lshr | Ashr
            | Rotl | Rotr | Clz | Ctz | Popcnt | Bswap | Select | Sext | Zext | SaddOverflow | UaddOverflow
            | SsubOverflow | UsubOverflow | SmulOverflow | UmulOverflow | IcmpEq | IcmpNe | IcmpSlt | IcmpSle
            | IcmpSgt | IcmpSge | IcmpUlt | IcmpUle | IcmpUgt | IcmpUge | FcmpEq | FcmpNe | FcmpLt | FcmpLe
            | FcmpGt | FcmpGe | FcmpOrd | FcmpUno => self.lower_int(data),
            Sdiv | Udiv | Srem | Urem => self.lower_division(data),
            Fconst | Fadd | Fsub | Fmul | Fdiv | Fmin | Fmax | Fneg | Fabs | Fcopysign | Fsqrt | Fceil | Ffloor
            | Ftrunc | Fnearest => self.lower_float(data),
            SintToF64 | UintToF64 | F64ToSintSat | F64ToUintSat | F64ToSintExact | F64ToUintExact | F32ToF64
            | F64ToF32 | BitsToF64 | F64ToBits | BitsToF32 | F32ToBits => self.lower_conversion(data),
            Load | AtomicLoad => self.lower_load(data),
            Store => self.lower_store(data),
            StackPointer => self.put(Mach::StackPointer, &[Operand::reg_def(self.vreg(data.results[0]))]),
            Call | CallIndirect | CallHelper => return self.lower_call(data),
            // Truncations are aliases and never asked for; the rest are terminators or of the value stage.
            _ => {
                return Err(CompileError::Unsupported { op: data.op, detail: "not a machine-stage operation".into() });
            }
        }
        Ok(())
    }

    // Values and registers.

    fn root(&self, value: Value) -> Value {
        self.plan.alias[value.index()]
    }

    /// Virtual registers are numbered by root value; temporaries follow.
    fn vreg(&self, value: Value) -> VReg {
        let root = self.root(value);
        VReg::new(root.index(), abi::class(self.func.ty(root)))
    }

    fn temp(&mut self, class: RegClass) -> VReg {
        self.code.vregs += 1;
        VReg::new(self.code.vregs - 1, class)
    }

    fn int_temp(&mut self) -> VReg {
        self.temp(RegClass::Int)
    }

    fn float_temp(&mut self) -> VReg {
        self.temp(RegClass::Float)
    }

    /// The instruction that makes the value, and whether it stands in the current block.
    fn def(&self, value: Value) -> Option<(Inst, &'a InstData)> {
        match self.func.values[self.root(value).index()].def {
            ValueDef::Result(inst, _) => Some((inst, &self.func.insts[inst.index()])),
            ValueDef::Param(..) => None,
        }
    }

    fn in_this_block(&self, inst: Inst) -> bool {
        self.plan.epoch[inst.index()] >= self.block_epoch
    }

    /// The producer, if it is the operation at the type and this is the value's only use.
    fn only_use(&self, value: Value) -> Option<(Inst, &'a InstData)> {
        self.def(value).filter(|_| self.single_use(value))
    }

    fn single_use(&self, value: Value) -> bool {
        self.plan.uses[self.root(value).index()] == 1
    }

    /// Bits of an integer constant, zero-extended from the value's type.
    fn constant(&self, value: Value) -> Option<u64> {
        match self.def(value)?.1 {
            InstData { op: Op::Iconst, imm: Imm::Int(bits), .. } => Some(bits & self.func.ty(value).mask()),
            _ => None,
        }
    }

    /// An integer constant that an instruction can carry, sign-extended from the value's type.
    fn immediate(&self, value: Value) -> Option<i32> {
        let bits = self.constant(value)?;
        i32::try_from(lockstep_ir::eval::sign_extend(self.func.ty(value), bits)).ok()
    }

    /// The value in a register.
    fn reg(&mut self, value: Value) -> VReg {
        let root = self.root(value);
        if let Some((inst, data)) = self.def(value) {
            let remote = self.fast && !self.in_this_block(inst);
            match data.imm {
                Imm::Int(bits) if remote || bits <= u64::from(u32::MAX) || bits as i64 == i64::from(bits as i32) => {
                    return self.materialise(bits);
                }
                Imm::Float(bits) if remote || bits == 0 => return self.float_constant(bits),
                _ => {}
            }
        }
        self.code.used[root.index()] = true;
        self.vreg(root)
    }

    /// A constant in a register of its own.
    fn materialise(&mut self, bits: u64) -> VReg {
        let reg = self.int_temp();
        self.put(Mach::MovImm(bits), &[Operand::reg_def(reg)]);
        reg
    }

    /// The load that makes a value, if it can be done here instead: it is used once, and nothing stored or called in between.
    fn sinkable_load(&self, value: Value) -> Option<&'a InstData> {
        let (inst, data) = self.only_use(value)?;
        (data.op == Op::Load && self.plan.epoch[inst.index()] == self.epoch).then_some(data)
    }

    /// The value as a register or memory operand of an integer operation of this size.
    fn rm(&mut self, value: Value, size: Size) -> Source {
        match self.sinkable_load(value) {
            Some(load) if load.ty.is_int() && load.ty.bytes() >= size.bytes() => self.memory(load).source(),
            _ => Source::reg(self.reg(value)),
        }
    }

    /// The value as a source operand of an integer operation of this size.
    fn source(&mut self, value: Value, size: Size) -> Source {
        match self.immediate(value) {
            Some(imm) => Source::imm(imm),
            None => self.rm(value, size),
        }
    }

    /// The place a load or store refers to.
    fn memory(&mut self, data: &InstData) -> Place {
        let (base, offset) = match data.imm {
            Imm::Mem { offset, .. } if data.op == Op::Store => (data.args[1], offset),
            Imm::Mem { offset, .. } => (data.args[0], offset),
            _ => (data.args[0], 0),
        };
        self.address(base, offset)
    }

    /// An address as an addressing mode.
    fn address(&mut self, base: Value, offset: i32) -> Place {
        let parts = self.split_address(base, offset, Type::I64);
        self.finish_address(parts)
    }

    fn finish_address(&mut self, parts: Parts) -> Place {
        let base = self.reg(parts.base);
        let index = parts.index.map(|index| self.reg(index));
        let am = Amode { base: Base::Reg, index: index.is_some(), shift: parts.shift, disp: parts.disp };
        Place { am, regs: [base, index.unwrap_or(VReg::invalid())] }
    }

    /// Takes apart sums of a base, a shifted index and constants.
    fn split_address(&self, base: Value, offset: i32, ty: Type) -> Parts {
        let mut parts = Parts { base, index: None, shift: 0, disp: offset };
        for _ in 0..8 {
            let Some((inst, data)) = self.def(parts.base) else { break };
            if data.op != Op::Iadd || data.ty != ty {
                break;
            }
            let (mut x, mut y) = (data.args[0], data.args[1]);
            if self.immediate(x).is_some() {
                (x, y) = (y, x);
            }
            if let Some(disp) = self.immediate(y) {
                match parts.disp.checked_add(disp) {
                    Some(sum) => parts = Parts { base: x, disp: sum, ..parts },
                    None => break,
                }
                continue;
            }
            // A sum of two registers made in another block is better kept than both its operands.
            if parts.index.is_some() || !self.in_this_block(inst) {
                break;
            }
            if self.scaled(x, ty).is_some() {
                (x, y) = (y, x);
            }
            let (index, shift) = self.scaled(y, ty).unwrap_or((y, 0));
            parts = Parts { base: x, index: Some(index), shift, disp: parts.disp };
        }
        parts
    }

    /// A value shifted left by 1 to 3 bits.
    fn scaled(&self, value: Value, ty: Type) -> Option<(Value, u8)> {
        let (_, data) = self.def(value)?;
        if data.op != Op::Shl || data.ty != ty {
            return None;
        }
        let amount = self.constant(data.args[1])? % u64::from(ty.bits());
        (1..=3).contains(&amount).then_some((data.args[0], amount as u8))
    }

    // Instructions.

    /// Appends an instruction with its operands.
    fn put(&mut self, mach: Mach, operands: &[Operand]) {
        let start = self.code.operands.len() as u32;
        self.code.operands.extend_from_slice(operands);
        self.code.insts.push(MachInst { mach, start, count: operands.len() as u16, loc: self.loc });
    }

    /// Appends an instruction whose operands are a few, then those of a source, then more.
    fn put_with(&mut self, mach: Mach, before: &[Operand], source: &Source, after: &[Operand]) {
        let start = self.code.operands.len() as u32;
        self.code.operands.extend_from_slice(before);
        self.code.operands.extend(source.registers().iter().map(|&r| Operand::reg_use(r)));
        self.code.operands.extend_from_slice(after);
        let count = (self.code.operands.len() as u32 - start) as u16;
        self.code.insts.push(MachInst { mach, start, count, loc: self.loc });
    }

    /// An instruction that reads a source and defines a register.
    fn put_load(&mut self, mach: Mach, source: &Source, def: VReg) {
        self.put_with(mach, &[], source, &[Operand::reg_def(def)]);
    }

    /// A two-operand instruction: `def` shares the register of `use_`.
    fn put_two(&mut self, mach: Mach, use_: VReg, source: &Source, def: VReg) {
        self.put_with(mach, &[Operand::reg_use(use_)], source, &[Operand::reg_reuse_def(def, 0)]);
    }

    fn lower_load(&mut self, data: &InstData) {
        let place = self.memory(data);
        let def = self.vreg(data.results[0]);
        let mach = if data.ty.is_int() {
            let size = Size::of(data.ty.bytes());
            Mach::Ext { signed: false, from: size, to: size.wide(), src: Src::Mem(place.am) }
        } else {
            Mach::FloatLoad { double: data.ty == Type::F64, am: place.am }
        };
        self.put_load(mach, &place.source(), def);
    }

    fn lower_store(&mut self, data: &InstData) {
        let value = data.args[0];
        let size = Size::of(data.ty.bytes());
        if let Some(imm) = self.immediate(value).filter(|_| data.ty.is_int()) {
            let place = self.memory(data);
            return self.put_with(Mach::StoreImm(size, place.am, imm), &[], &place.source(), &[]);
        }
        let value = self.reg(value);
        let place = self.memory(data);
        let mach = match data.ty {
            Type::F64 | Type::F32 => Mach::FloatStore { double: data.ty == Type::F64, am: place.am },
            _ => Mach::Store(size, place.am),
        };
        self.put_with(mach, &[], &place.source(), &[Operand::reg_use(value)]);
    }

    fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }
}

/// An address taken apart.
#[derive(Clone, Copy)]
struct Parts {
    base: Value,
    index: Option<Value>,
    shift: u8,
    disp: i32,
}

/// A use in a fixed register.
fn fixed_use(vreg: VReg, reg: PReg) -> Operand {
    Operand::reg_fixed_use(vreg, reg)
}

/// A def in a fixed register.
fn fixed_def(vreg: VReg, reg: PReg) -> Operand {
    Operand::reg_fixed_def(vreg, reg)
}

/// A use that keeps its register to the end of the instruction.
fn late_use(vreg: VReg) -> Operand {
    Operand::new(vreg, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late)
}
