//! Parameters, calls and block ends.

use lockstep_backend_api::CompileError;
use lockstep_ir::{Block, Extension, Function, Imm, InstData, Op, Param, Type, Value};
use regalloc2::{Operand, VReg};
use smallvec::SmallVec;

use super::{Isel, fixed_def, fixed_use};
use crate::abi::{self, ArgPlaces, Place};
use crate::mach::{Amode, Base, Callee, Cond, Mach, Size, Source, Span, Src, SwitchTable};

/// How far back from a branch an overflow operation is looked for.
const SINK_DISTANCE: usize = 8;

impl<'a> Isel<'a> {
    /// The function's parameters, as far as they are used.
    pub(super) fn lower_params(&mut self) {
        let func = self.func;
        let mut places = ArgPlaces::default();
        let mut regs: SmallVec<[Operand; 14]> = SmallVec::new();
        let mut stack: SmallVec<[(Value, i32); 4]> = SmallVec::new();
        for &param in &func.blocks[Function::ENTRY.index()].params {
            let place = places.next(func.ty(param));
            if !self.code.used[param.index()] {
                continue;
            }
            match place {
                Place::Reg(reg) => regs.push(fixed_def(self.vreg(param), reg)),
                Place::Stack(at) => stack.push((param, at)),
            }
        }
        self.put(Mach::Args, &regs);
        for (param, at) in stack {
            let (am, ty, def) = (Amode::fixed(Base::Incoming, at), func.ty(param), self.vreg(param));
            let mach = if ty.is_int() {
                let size = Size::of(ty.bytes());
                Mach::Ext { signed: false, from: size, to: size.wide(), src: Src::Mem(am) }
            } else {
                Mach::FloatLoad { double: ty == Type::F64, am }
            };
            self.put(mach, &[Operand::reg_def(def)]);
        }
    }

    pub(super) fn lower_call(&mut self, data: &InstData) -> Result<(), CompileError> {
        let unit = self.unit;
        let signature = unit
            .call_signature(data)
            .ok_or_else(|| CompileError::InvalidUnit("a call refers to what is not there".into()))?;
        let args = if data.op == Op::Call { &data.args[..] } else { &data.args[1..] };
        let mut operands: SmallVec<[Operand; 20]> = SmallVec::new();
        let (callee, target) = match data.imm {
            Imm::Func(func) => (Callee::Direct(func.0), Source::imm(0)),
            Imm::Helper(helper) => {
                let offset = i32::try_from(u64::from(unit.helpers[helper.index()].index) * 8)
                    .map_err(|_| CompileError::TooLarge("a helper index".into()))?;
                let place = self.address(data.args[0], offset);
                (Callee::Mem(place.am), place.source())
            }
            _ => (Callee::Reg, Source::reg(self.reg(data.args[0]))),
        };
        operands.extend(target.registers().iter().map(|&r| Operand::reg_use(r)));
        let mut places = ArgPlaces::default();
        for (&value, param) in args.iter().zip(&signature.params) {
            match places.next(param.ty) {
                Place::Reg(reg) => {
                    let arg = self.argument(value, param);
                    operands.push(fixed_use(arg, reg));
                }
                Place::Stack(at) => self.store_argument(value, param, at),
            }
        }
        let mut results = 0;
        for (&value, (reg, bit)) in data.results.iter().zip(abi::result_places(&signature.results)) {
            operands.push(fixed_def(self.vreg(value), reg));
            results |= bit;
        }
        self.put(Mach::Call { callee, results }, &operands);
        self.code.has_calls = true;
        self.code.outgoing = self.code.outgoing.max(places.stack_bytes());
        Ok(())
    }

    /// An argument in a register, extended as its parameter says.
    fn argument(&mut self, value: Value, param: &Param) -> VReg {
        let from = Size::of(param.ty.bytes());
        if !param.ty.is_int() || param.extension == Extension::None || from == Size::Q {
            return self.reg(value);
        }
        let to = if from == Size::D { Size::Q } else { Size::D };
        self.extended_to(value, from, to, param.extension == Extension::Sign)
    }

    fn store_argument(&mut self, value: Value, param: &Param, at: i32) {
        let am = Amode::fixed(Base::Outgoing, at);
        if param.ty.is_int()
            && param.extension == Extension::None
            && let Some(imm) = self.immediate(value)
        {
            return self.put(Mach::StoreImm(Size::Q, am, imm), &[]);
        }
        let arg = self.argument(value, param);
        let mach = if param.ty.is_int() { Mach::Store(Size::Q, am) } else { Mach::FloatStore { double: true, am } };
        self.put(mach, &[Operand::reg_use(arg)]);
    }

    /// The jump of a split edge, with the edge's arguments.
    pub(super) fn lower_edge(&mut self, n: usize, block: Block, target: usize) {
        let func = self.func;
        let data = func.terminator(block);
        let target = &data.targets[target];
        self.epoch = u32::MAX;
        self.block_epoch = u32::MAX;
        self.loc = data.loc;
        let start = self.code.insts.len();
        self.lower_jump(n, self.plan.mach_block[target.block.index()], &target.args);
        self.code.insts[start..].reverse();
    }

    fn lower_jump(&mut self, n: usize, target: u32, args: &[Value]) {
        let start = self.code.args.len() as u32;
        for &arg in args {
            let arg = self.reg(arg);
            self.code.args.push(arg);
        }
        self.code.blocks[n].args = Span { start, end: self.code.args.len() as u32 };
        self.put(Mach::Jmp(target), &[]);
    }

    pub(super) fn lower_terminator(&mut self, n: usize, block: Block, data: &'a InstData) -> Result<(), CompileError> {
        let plan = self.plan;
        let first = plan.first_target[block.index()] as usize;
        let targets = &plan.targets[first..first + data.targets.len()];
        let succs = self.code.blocks[n].succs;
        match data.op {
            Op::Return => {
                let mut operands: SmallVec<[Operand; 2]> = SmallVec::new();
                let func = self.func;
                for (&value, (reg, _)) in data.args.iter().zip(abi::result_places(&func.signature.results)) {
                    operands.push(fixed_use(self.reg(value), reg));
                }
                self.put(Mach::Ret, &operands);
            }
            Op::Jump => {
                let target = &data.targets[0];
                let args = if plan.has_single_edge(target.block) { &[][..] } else { &target.args[..] };
                self.lower_jump(n, targets[0], args);
            }
            // All ways lead to the same place with nothing to carry.
            Op::Brif | Op::Switch if succs.end - succs.start == 1 => self.lower_jump(n, targets[0], &[]),
            Op::Brif => {
                let cond = self.branch_condition(block, data.args[0]);
                self.put(Mach::Jcc { cond, then: targets[0], otherwise: targets[1] }, &[]);
            }
            Op::Switch => {
                let index = self.reg(data.args[0]);
                let mut cases: Vec<(u64, u32)> = data.cases.iter().copied().zip(targets[1..].iter().copied()).collect();
                cases.sort_unstable();
                let size = Size::of(data.ty.bytes());
                self.code.switches.push(SwitchTable { size, cases, default: targets[0] });
                let (a, b) = (self.int_temp(), self.int_temp());
                let operands = [Operand::reg_use(index), Operand::reg_temp(a), Operand::reg_temp(b)];
                self.put(Mach::Switch(self.code.switches.len() as u32 - 1), &operands);
            }
            _ => {
                return Err(CompileError::Unsupported { op: data.op, detail: "not a machine-stage operation".into() });
            }
        }
        Ok(())
    }

    /// The truth of a branch's operand in the flags; an overflow operation that nothing else needs before the branch moves down to it.
    fn branch_condition(&mut self, block: Block, value: Value) -> Cond {
        use Op::*;
        if let Some((inst, data)) = self.only_use(value) {
            let overflow = matches!(
                data.op,
                SaddOverflow | UaddOverflow | SsubOverflow | UsubOverflow | SmulOverflow | UmulOverflow
            );
            if overflow && self.root(value) == data.results[1] {
                let func = self.func;
                let insts = &func.blocks[block.index()].insts;
                let tail = insts[..insts.len() - 1].iter().rev().take(SINK_DISTANCE);
                for &between in tail {
                    if between == inst {
                        self.sunk = Some(inst);
                        return self.overflow(data);
                    }
                    let uses = func.insts[between.index()].args.iter().any(|&a| self.root(a) == data.results[0]);
                    if uses {
                        break;
                    }
                }
            }
        }
        self.condition(value)
    }
}
