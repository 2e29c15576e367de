//! Calls of bytecode functions.
//!
//! In order: depth and stack segment are checked, then the countdown, so that whatever exits has changed nothing and the
//! interpreter makes the whole call; then a leaf prefix of the callee, if it has one, may make the call unnecessary (`leaf.rs`); then the pc is stored, the live references, and the callee's header; then the typed
//! entry is called, directly where the callee is the function itself, otherwise through the callee's record.
//!
//! Depth, its limit and the segment's end are the same as long as a frame is there. So what a call has checked needs no check
//! at the calls that it dominates, unless their callee has the larger frame.
//!
//! A status other than `Ok`, and a callee without a typed entry, go to cold code, which asks the unit's `answer` function
//! to bring the call to its end, takes the result from the callee's slot 0 and rejoins, or returns the error.

use std::collections::HashSet;

use lockstep_bytecode::{FuncId, Function as Callee, Kind};
use lockstep_ir::cfg::Cfg;
use lockstep_ir::{Block, Function, Imm, Inst, Op, Signature, Type, Value};
use lockstep_layout::{Status, callee_offset, ctx_offset, frame_offset, frame_size, function_offset, payload_offset};

use super::leaf::LeafPrefix;
use super::{Lowering, TYPED, store_slot};
use crate::build::{CTX, DATA, FRAME};
use crate::code::Code;
use crate::kinds::{type_of, typed_signature};
use crate::regions;
use crate::request::{DataWord, ExitReason};

/// The calls of a body that a dominating call has checked the limits for.
pub fn calls_within_limits(func: &Function, code: &Code<'_>) -> HashSet<Inst> {
    let calls = func.blocks.iter().flat_map(|block| &block.insts);
    if calls.filter(|inst| func.insts[inst.index()].op == Op::CallFunction).count() < 2 {
        return HashSet::new();
    }
    let cfg = Cfg::new(func);
    // Slots of the largest frame that was found to fit, at the end of each block.
    let mut checked: Vec<Option<u32>> = vec![None; func.blocks.len()];
    let mut within = HashSet::new();
    for &block in &cfg.rpo {
        let mut largest = cfg.idom[block.index()].and_then(|dominator| checked[dominator.index()]);
        for &inst in &func.blocks[block.index()].insts {
            let Imm::Callee(callee) = func.insts[inst.index()].imm else { continue };
            let slots = Some(code.module.function(FuncId(callee)).frame_slots());
            if largest >= slots {
                within.insert(inst);
            }
            largest = largest.max(slots);
        }
        checked[block.index()] = largest;
    }
    within
}

impl Lowering<'_> {
    pub(super) fn call_function(&mut self, inst: Inst) {
        self.calls = true;
        let data = &self.func.insts[inst.index()];
        let Imm::Callee(callee) = data.imm else { unreachable!("a call names its callee") };
        let (callee, args, result) = (FuncId(callee), data.args.clone(), data.results.first().copied());
        // Loaded for each call: keeping it would cost as much, as any register must be saved across calls.
        let depth = self.builder(inst).load(Type::I32, regions::FRAME, FRAME, frame_offset::DEPTH as i32);
        if !self.within_limits.contains(&inst) {
            self.check_limits(inst, callee, depth);
        }
        if self.options.countdown {
            let exit = self.exit_for(inst, ExitReason::Countdown);
            self.countdown(inst, exit);
        }
        let function = self.code.module.function(callee);
        let signature = typed_signature(function);
        let join = self.func.make_block();
        if !self.options.countdown && !self.options.coverage && !self.options.step {
            self.answer_leaf(inst, function, &args, result, join);
        }
        let state = self.state_of(inst);
        if self.options.coverage {
            let pc = lockstep_bytecode::Pc(self.states[state.index()].pc);
            self.bump(inst, DataWord::CounterInline(pc));
        }
        self.store_pc_and_references(inst, state);
        let frame = self.write_header(inst, callee, depth);

        let cold = self.make_cold();
        let status = self.func.add_param(cold, Type::I32);
        let results = if callee == self.code.id {
            let args: Vec<Value> = [CTX, frame, DATA].into_iter().chain(args).collect();
            self.builder(inst).call(TYPED, &signature, &args).to_vec()
        } else {
            self.call_through_record(inst, callee, frame, &args, &signature, cold)
        };
        let mut b = self.builder(inst);
        let failed = {
            let ok = b.iconst(Type::I32, i64::from(Status::OK));
            b.one(Op::IcmpNe, Type::I32, &[results[0], ok])
        };
        // A result that nobody takes is dropped here.
        let passed: &[Value] = if result.is_some() { &results[1..] } else { &[] };
        b.brif(failed, (cold, &[results[0]]), (join, passed));
        if let Some(result) = result {
            self.redefine_as_param(result, join);
        }
        self.answer_status(inst, cold, status, join, result.and(function.result));
        self.hot.push(join);
        self.current = join;
    }

    /// Leaves if the callee would be too deep or its frame would not fit the segment.
    fn check_limits(&mut self, inst: Inst, callee: FuncId, depth: Value) {
        let exit = self.exit_for(inst, ExitReason::DepthLimit);
        let mut b = self.builder(inst);
        let limit = b.load(Type::I32, regions::CTX, CTX, ctx_offset::DEPTH_LIMIT as i32);
        let deep = b.one(Op::IcmpUge, Type::I32, &[depth, limit]);
        self.leave_if(inst, deep, exit);

        let exit = self.exit_for(inst, ExitReason::SegmentFull);
        let slots = self.code.module.function(callee).frame_slots();
        let reach = callee_offset(self.code.function.frame_slots()) + frame_size(slots);
        let mut b = self.builder(inst);
        let reach = b.iconst(Type::I64, i64::from(reach));
        let end = b.one(Op::Iadd, Type::I64, &[FRAME, reach]);
        let limit = b.load(Type::I64, regions::CTX, CTX, ctx_offset::SEGMENT_END as i32);
        let beyond = b.one(Op::IcmpUgt, Type::I64, &[end, limit]);
        self.leave_if(inst, beyond, exit);
    }

    /// Goes to `join` with the result if a leaf prefix of the callee has one for these arguments.
    fn answer_leaf(&mut self, inst: Inst, function: &Callee, args: &[Value], result: Option<Value>, join: Block) {
        let Some(prefix) = LeafPrefix::of(function) else { return };
        let next = self.make_hot();
        let mut b = self.builder(inst);
        let (condition, when) = prefix.condition(&mut b, args);
        // A result that nobody takes is dropped.
        let value = prefix.result(&mut b, args).filter(|_| result.is_some());
        let (answered, called) = ((join, value.as_slice()), (next, &[][..]));
        let (then, otherwise) = if when == prefix.taken { (answered, called) } else { (called, answered) };
        b.brif(condition, then, otherwise);
        self.current = next;
    }

    /// The exit at the call's own pc, for another reason than the one its frame state names.
    fn exit_for(&mut self, inst: Inst, reason: ExitReason) -> Block {
        let mut state = self.states[self.state_of(inst).index()].clone();
        state.reason = reason as u32;
        self.states.push(state);
        self.exit(lockstep_ir::FrameStateId(self.states.len() as u32 - 1))
    }

    /// Writes the callee's header, given the caller's depth; the address of its frame.
    fn write_header(&mut self, inst: Inst, callee: FuncId, depth: Value) -> Value {
        let offset = callee_offset(self.code.function.frame_slots());
        let mut b = self.builder(inst);
        let offset = b.iconst(Type::I64, i64::from(offset));
        let frame = b.one(Op::Iadd, Type::I64, &[FRAME, offset]);
        // One word holds the function's index and, above it, pc 0; another the depth and, above it, no flags.
        let func = b.iconst(Type::I64, i64::from(callee.0));
        b.store(regions::FRAME, func, frame, frame_offset::FUNC as i32);
        b.store(regions::FRAME, FRAME, frame, frame_offset::CALLER as i32);
        let one = b.iconst(Type::I32, 1);
        let depth = b.one(Op::Iadd, Type::I32, &[depth, one]);
        let depth = b.one(Op::Zext, Type::I64, &[depth]);
        b.store(regions::FRAME, depth, frame, frame_offset::DEPTH as i32);
        let none = b.iconst(Type::I64, 0);
        b.store(regions::FRAME, none, frame, frame_offset::CALLEE as i32);
        frame
    }

    /// Calls the typed entry that the callee's record names. Without one, the arguments go to the callee's slots, and the
    /// call is answered as one that is still to be dispatched.
    fn call_through_record(
        &mut self,
        inst: Inst,
        callee: FuncId,
        frame: Value,
        args: &[Value],
        signature: &Signature,
        answer: Block,
    ) -> Vec<Value> {
        let sig = self.unit.signature(signature.clone());
        let word = self.symbols.word(DataWord::FunctionEntry(callee));
        let unlinked = self.make_cold();
        let mut b = self.builder(inst);
        let record = b.load(Type::I64, regions::CONSTANTS, DATA, word);
        let entry = b.load(Type::I64, regions::FUNCTIONS, record, function_offset::TYPED_ENTRY as i32);
        let none = b.iconst(Type::I64, 0);
        let missing = b.one(Op::IcmpEq, Type::I64, &[entry, none]);
        self.leave_if(inst, missing, unlinked);

        let kinds: Vec<Kind> = self.code.module.function(callee).params().collect();
        let next = std::mem::replace(&mut self.current, unlinked);
        let mut b = self.builder(inst);
        for ((n, &arg), kind) in (0..).zip(args).zip(kinds) {
            store_slot(&mut b, frame, n, kind.tag(), arg);
        }
        let status = b.iconst(Type::I32, i64::from(Status::TAIL_CALL));
        b.jump(answer, &[status]);

        self.current = next;
        let mut b = self.builder(inst);
        let data = b.load(Type::I64, regions::FUNCTIONS, record, function_offset::DATA as i32);
        let args: Vec<Value> = [entry, CTX, frame, data].into_iter().chain(args.iter().copied()).collect();
        b.call_indirect(sig, signature, &args).to_vec()
    }

    /// The cold half of a call: brings it to its end, and rejoins with the result that it left in the callee's slot 0.
    fn answer_status(&mut self, inst: Inst, cold: Block, status: Value, join: Block, result: Option<Kind>) {
        let offset = callee_offset(self.code.function.frame_slots());
        let (fetch, give_up) = (self.make_cold(), self.make_cold());
        self.current = cold;
        let answer = self.answer;
        let mut b = self.builder(inst);
        let signature = Signature::new(&[Type::I64, Type::I64, Type::I32], &[Type::I32]);
        // Computed again: nothing of a call that succeeds should live across it.
        let offset_value = b.iconst(Type::I64, i64::from(offset));
        let frame = b.one(Op::Iadd, Type::I64, &[FRAME, offset_value]);
        let status = b.call(answer, &signature, &[CTX, frame, status])[0];
        let ok = b.iconst(Type::I32, i64::from(Status::OK));
        let failed = b.one(Op::IcmpNe, Type::I32, &[status, ok]);
        b.brif(failed, (give_up, &[]), (fetch, &[]));
        self.return_status(give_up, status);

        self.current = fetch;
        let mut b = self.builder(inst);
        let values: Vec<Value> = result
            .map(|kind| b.load(type_of(kind), regions::FRAME, FRAME, (offset + payload_offset(0)) as i32))
            .into_iter()
            .collect();
        b.jump(join, &values);
    }
}
