//! Value stage to machine stage: everything speculative becomes loads, stores, branches and calls.
//!
//! A unit of bodies comes in; out comes a unit with the entries that the VM calls. Each body is rewritten block by block:
//! value-stage operations are replaced where they stand, splitting the block where they branch; all else is kept as it is, with
//! the same values.
//!
//! - *Exits* (`exit.rs`) are cold blocks that write the frame back. Exits with equal frame states share one.
//! - *Calls* (`call.rs`) check limits, write the callee's header, and answer every status there is; where the callee begins with
//!   a leaf prefix (`leaf.rs`), only if they must.
//! - *Entries* (`entry.rs`): the universal entry around the typed one, and `answer`, the cold half of all calls.

mod call;
mod entry;
mod exit;
mod leaf;

use std::collections::{HashMap, HashSet};

use lockstep_bytecode::{FuncId, Pc, Reg};
use lockstep_ir::{
    Block, Builder, FrameState, FrameStateId, FuncRef, Function, Imm, Inst, Op, Stage, Type, Unit, Value, ValueDef,
};
use lockstep_layout::{HelperId, Status, ctx_offset, frame_offset, payload_offset, tag_offset};

use crate::blocks::arrange;
use crate::build::{CTX, DATA, FRAME, zero};
use crate::code::Code;
use crate::kinds::helper_id;
use crate::regions;
use crate::request::{DataWord, ExitReason, ExitSite, Options};

/// The universal entry.
pub const UNIVERSAL: FuncRef = FuncRef(0);
/// The typed entry.
pub const TYPED: FuncRef = FuncRef(1);
/// The first of the entries at loop headers.
pub const FIRST_OSR: u32 = 2;

/// What lowering finds out besides the code.
#[derive(Default)]
pub struct Symbols {
    /// The words of the data block.
    pub data: Vec<DataWord>,
    /// The exit sites.
    pub exits: Vec<ExitSite>,
    words: HashMap<DataWord, usize>,
    sites: HashMap<ExitSite, usize>,
}

impl Symbols {
    /// The offset of a word in the data block.
    fn word(&mut self, word: DataWord) -> i32 {
        let data = &mut self.data;
        let index = *self.words.entry(word).or_insert_with(|| {
            data.push(word);
            data.len() - 1
        });
        index as i32 * 8
    }

    /// The encoded status of an exit.
    fn exit_status(&mut self, state: &FrameState) -> i32 {
        let reason = ExitReason::ALL[state.reason as usize];
        let site = ExitSite { func: FuncId(state.func), pc: Pc(state.pc), reason };
        let exits = &mut self.exits;
        let index = *self.sites.entry(site).or_insert_with(|| {
            exits.push(site);
            exits.len() - 1
        });
        Status::Exit(index as u32).encode()
    }
}

/// Lowers a unit of bodies (the first starts at the call, the others at loop headers).
pub fn lower(unit: Unit, code: &Code<'_>, options: &Options) -> (Unit, Symbols) {
    let mut symbols = Symbols::default();
    symbols.word(DataWord::Valid);
    let mut unit = Unit { stage: Stage::Machine, ..unit };
    let bodies = std::mem::take(&mut unit.functions);
    let answer = FuncRef(1 + bodies.len() as u32);
    unit.add(entry::universal(code, &bodies[0]));
    let mut calls = false;
    for (n, body) in bodies.into_iter().enumerate() {
        let mut lowering = Lowering {
            unit: &mut unit,
            code,
            options,
            symbols: &mut symbols,
            func: body,
            typed: n == 0,
            answer,
            hot: Vec::new(),
            cold: Vec::new(),
            current: Function::ENTRY,
            states: Vec::new(),
            exits: HashMap::new(),
            tail: None,
            calls: false,
            within_limits: HashSet::new(),
        };
        lowering.run();
        calls |= lowering.calls;
        let func = lowering.func;
        unit.add(func);
    }
    if calls {
        let function = entry::answer(&mut unit);
        let added = unit.add(function);
        debug_assert_eq!(added, answer);
    }
    (unit, symbols)
}

struct Lowering<'a> {
    unit: &'a mut Unit,
    code: &'a Code<'a>,
    options: &'a Options,
    symbols: &'a mut Symbols,
    func: Function,
    /// Whether this is the body that starts at the call, and not at a loop header.
    typed: bool,
    /// The function that answers statuses of calls.
    answer: FuncRef,
    /// Blocks in the order of the code.
    hot: Vec<Block>,
    /// Blocks behind all others.
    cold: Vec<Block>,
    /// The block that code is appended to.
    current: Block,
    states: Vec<FrameState>,
    exits: HashMap<FrameState, Block>,
    tail: Option<Block>,
    calls: bool,
    /// Calls that need no check of depth and segment.
    within_limits: HashSet<Inst>,
}

impl Lowering<'_> {
    fn run(&mut self) {
        self.states = std::mem::take(&mut self.func.frame_states);
        self.within_limits = call::calls_within_limits(&self.func, self.code);
        for block in self.func.block_ids() {
            let data = &mut self.func.blocks[block.index()];
            let insts = std::mem::take(&mut data.insts);
            if data.cold { &mut self.cold } else { &mut self.hot }.push(block);
            self.current = block;
            for inst in insts {
                self.inst(inst);
            }
        }
        let mut order = std::mem::take(&mut self.hot);
        order.append(&mut self.cold);
        arrange(&mut self.func, &order);
    }

    /// Appends an instruction as it is.
    fn keep(&mut self, inst: Inst) {
        self.func.blocks[self.current.index()].insts.push(inst);
    }

    /// A builder at the end of the current block, for code that stems from the same place as `inst`.
    fn builder(&mut self, inst: Inst) -> Builder<'_> {
        let loc = self.func.insts[inst.index()].loc;
        let mut b = Builder::new(&mut self.func);
        b.switch_to(self.current);
        b.set_loc(loc);
        b
    }

    /// A new block behind the current one, which goes on there once it has branched.
    fn make_hot(&mut self) -> Block {
        let block = self.func.make_block();
        self.hot.push(block);
        block
    }

    fn make_cold(&mut self) -> Block {
        let block = self.func.make_block();
        self.func.blocks[block.index()].cold = true;
        self.cold.push(block);
        block
    }

    /// Branches to `cold` if the condition holds, and goes on in a new block.
    fn leave_if(&mut self, inst: Inst, condition: Value, cold: Block) {
        let next = self.make_hot();
        self.builder(inst).brif(condition, (cold, &[]), (next, &[]));
        self.current = next;
    }

    fn state_of(&self, inst: Inst) -> FrameStateId {
        self.func.insts[inst.index()].frame_state.expect("the verifier demands a frame state")
    }

    fn inst(&mut self, inst: Inst) {
        let op = self.func.insts[inst.index()].op;
        match op {
            Op::SlotLoad => {
                let data = &mut self.func.insts[inst.index()];
                let Imm::Slot(slot) = data.imm else { unreachable!("a slot load names its slot") };
                data.op = Op::Load;
                data.imm = Imm::Mem { region: regions::FRAME, offset: payload_offset(slot) as i32 };
                data.args.push(FRAME);
                self.keep(inst);
            }
            Op::ExitIf => {
                let condition = self.func.insts[inst.index()].args[0];
                let exit = self.exit(self.state_of(inst));
                self.leave_if(inst, condition, exit);
            }
            Op::Exit => {
                let exit = self.exit(self.state_of(inst));
                self.builder(inst).jump(exit, &[]);
            }
            Op::Poll => {
                let exit = self.exit(self.state_of(inst));
                let poll = self.builder(inst).atomic_load(Type::I32, regions::CTX, CTX, ctx_offset::POLL as i32);
                self.leave_if_not_zero(inst, poll, exit);
            }
            Op::CheckValid => {
                let exit = self.exit(self.state_of(inst));
                let offset = self.symbols.word(DataWord::Valid);
                let mut b = self.builder(inst);
                let valid = b.load(Type::I64, regions::VALID, DATA, offset);
                let none = b.iconst(Type::I64, 0);
                let invalid = b.one(Op::IcmpEq, Type::I64, &[valid, none]);
                self.leave_if(inst, invalid, exit);
            }
            Op::Countdown => {
                let exit = self.exit(self.state_of(inst));
                self.countdown(inst, exit);
            }
            Op::CountInline | Op::CountHelper => {
                let Imm::Slot(pc) = self.func.insts[inst.index()].imm else { unreachable!("a count names its pc") };
                let word = if op == Op::CountInline { DataWord::CounterInline } else { DataWord::CounterHelper };
                self.bump(inst, word(Pc(pc)));
            }
            Op::CallFunction => self.call_function(inst),
            Op::RuntimeCall => self.runtime_call(inst),
            Op::ReturnValue => self.return_value(inst),
            _ => self.keep(inst),
        }
    }

    fn leave_if_not_zero(&mut self, inst: Inst, value: Value, cold: Block) {
        let ty = self.func.ty(value);
        let mut b = self.builder(inst);
        let none = b.iconst(ty, 0);
        let some = b.one(Op::IcmpNe, ty, &[value, none]);
        self.leave_if(inst, some, cold);
    }

    /// Tests the countdown before it is changed: whoever exits here has not counted.
    fn countdown(&mut self, inst: Inst, exit: Block) {
        let offset = ctx_offset::COUNTDOWN as i32;
        let mut b = self.builder(inst);
        let left = b.load(Type::I64, regions::CTX, CTX, offset);
        let none = b.iconst(Type::I64, 0);
        let over = b.one(Op::IcmpEq, Type::I64, &[left, none]);
        self.leave_if(inst, over, exit);
        let mut b = self.builder(inst);
        let one = b.iconst(Type::I64, 1);
        let less = b.one(Op::Isub, Type::I64, &[left, one]);
        b.store(regions::CTX, less, CTX, offset);
    }

    fn bump(&mut self, inst: Inst, counter: DataWord) {
        let offset = self.symbols.word(counter);
        let mut b = self.builder(inst);
        let count = b.load(Type::I64, regions::COUNTERS, DATA, offset);
        let one = b.iconst(Type::I64, 1);
        let more = b.one(Op::Iadd, Type::I64, &[count, one]);
        b.store(regions::COUNTERS, more, DATA, offset);
    }

    fn runtime_call(&mut self, inst: Inst) {
        let data = &self.func.insts[inst.index()];
        let Imm::Helper(helper) = data.imm else { unreachable!("a runtime call names its helper") };
        let state = data.frame_state;
        if helper_id(self.unit, helper).is_some_and(HelperId::is_safepoint) {
            let state = state.expect("a safepoint has a frame state");
            self.store_pc_and_references(inst, state);
        }
        let table = self.builder(inst).load(Type::I64, regions::CTX, CTX, ctx_offset::HELPERS as i32);
        let data = &mut self.func.insts[inst.index()];
        data.op = Op::CallHelper;
        data.args.insert(0, table);
        data.frame_state = None;
        self.keep(inst);
    }

    /// Before code that may collect: stores the pc, by which the collector knows which slots are live, and the live
    /// references. It goes by the registers' declared kinds, so that tags need not be there.
    fn store_pc_and_references(&mut self, inst: Inst, state: FrameStateId) {
        let state = self.states[state.index()].clone();
        let references = self.code.references_across(Pc(state.pc));
        let mut b = self.builder(inst);
        let pc = b.iconst(Type::I32, i64::from(state.pc));
        b.store(regions::FRAME, pc, FRAME, frame_offset::PC as i32);
        for slot in &state.slots {
            if references.contains(Reg(slot.slot as u8)) {
                b.store(regions::FRAME, slot.value, FRAME, payload_offset(slot.slot) as i32);
            }
        }
    }

    fn return_value(&mut self, inst: Inst) {
        let result = self.func.insts[inst.index()].args.first().copied();
        let (typed, kind) = (self.typed, self.code.function.result);
        let mut b = self.builder(inst);
        let ok = b.iconst(Type::I32, i64::from(Status::OK));
        match result {
            Some(value) if typed => b.ret(&[ok, value]),
            Some(value) => {
                store_slot(&mut b, FRAME, 0, kind.expect("a result has a kind").tag(), value);
                b.ret(&[ok]);
            }
            None => b.ret(&[ok]),
        }
    }

    /// Returns a status without a result.
    fn return_status(&mut self, block: Block, status: Value) {
        let types = self.func.signature.results.clone();
        let mut b = Builder::new(&mut self.func);
        b.switch_to(block);
        let mut values = vec![status];
        values.extend(types[1..].iter().map(|&ty| zero(&mut b, ty)));
        b.ret(&values);
    }

    /// Makes a value that an instruction defined the parameter of a block instead.
    fn redefine_as_param(&mut self, value: Value, block: Block) {
        let params = &mut self.func.blocks[block.index()].params;
        self.func.values[value.index()].def = ValueDef::Param(block, params.len() as u32);
        params.push(value);
    }
}

/// Stores payload and tag of a slot.
fn store_slot(b: &mut Builder<'_>, frame: Value, slot: u32, tag: u64, value: Value) {
    let payload = match b.func.ty(value) {
        Type::I64 | Type::F64 => value,
        _ => b.one(Op::Zext, Type::I64, &[value]),
    };
    b.store(regions::FRAME, payload, frame, payload_offset(slot) as i32);
    let tag = b.iconst(Type::I64, tag as i64);
    b.store(regions::FRAME, tag, frame, tag_offset(slot) as i32);
}
