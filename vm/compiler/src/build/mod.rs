//! Bytecode to value-stage IR: SSA construction.
//!
//! Each function of a unit is built from a [`Graph`], whose nodes become blocks. Nodes are visited in reverse postorder, so
//! that when one is reached the registers' values at its beginning are known: parameters where the graph says so, and
//! otherwise what any visited predecessor has. Frame states hold the registers that are live at the pc where the interpreter
//! would go on.
//!
//! What instructions compute is in `operation.rs`; here are blocks, branches, events, calls, arrays and returns.

mod graph;
pub mod operation;

use std::collections::HashMap;

use lockstep_bytecode::{BlockId, Cc, FuncId, Instr, Kind, OpInfo, Pc, Reg, Sem, Value as Operand};
use lockstep_ir::{
    Block, BlockCall, Builder, FrameState, FrameStateId, FrameValue, Function, Imm, InstData, Op, Signature, SourceLoc,
    SourcePos, Type, Unit, Value,
};
use lockstep_layout::{
    ARRAY_ELEMENTS, ARRAY_LEN, HelperId, Status, Tag, array_element_size, ctx_offset, frame_offset, frame_size,
    payload_offset, tag_offset,
};

use crate::code::Code;
use crate::kinds::{declare_helper, type_of, typed_signature};
use crate::regions;
use crate::request::{ExitReason, Options};

pub use graph::Start;
use graph::{Graph, Node, NodeKind, Way, is_event};
use operation::condition;

/// Parameters that every function of a unit has first.
pub const CTX: Value = Value(0);
/// The frame's address.
pub const FRAME: Value = Value(1);
/// The data block's address.
pub const DATA: Value = Value(2);

/// Adds to a value-stage unit the function that starts at `start`.
pub fn build(unit: &mut Unit, code: &Code<'_>, options: &Options, start: Start) {
    if unit.sources.is_empty() {
        let func = code.id.0;
        let position = |pc| SourcePos { func, pc, inlined_at: SourceLoc::NONE };
        unit.sources = (0..code.function.code.len() as u32).map(position).collect();
    }
    let name = &code.function.name;
    let mut func = match start {
        Start::Call => Function::new(name.as_str(), typed_signature(code.function)),
        Start::Loop(header) => Function::new(format!("{name}{header}"), Signature::entry()),
    };
    let graph = Graph::new(code, start, options.coverage && options.countdown);
    let mut translation = Translation {
        unit,
        code,
        options,
        start,
        b: Builder::new(&mut func),
        graph: &graph,
        blocks: Vec::new(),
        states: HashMap::new(),
        arrivals: graph.nodes.iter().map(|_| None).collect(),
        unstepped: HashMap::new(),
        regs: Vec::new(),
        pc: Pc(0),
    };
    translation.run();
    unit.add(func);
}

/// The values of the registers; `None` for those not assigned.
type Registers = Vec<Option<Value>>;

struct Translation<'a> {
    unit: &'a mut Unit,
    code: &'a Code<'a>,
    options: &'a Options,
    start: Start,
    b: Builder<'a>,
    graph: &'a Graph,
    /// The block of each node.
    blocks: Vec<Block>,
    states: HashMap<FrameState, FrameStateId>,
    /// The registers as the first visited predecessor of each node leaves them.
    arrivals: Vec<Option<Registers>>,
    /// What a loop's counter was before its step, by the edge on which the step may still be undone by an exit.
    unstepped: HashMap<usize, Value>,
    /// The registers at the current point.
    regs: Registers,
    /// The current instruction.
    pc: Pc,
}

impl Translation<'_> {
    fn run(&mut self) {
        self.blocks = vec![Function::ENTRY; self.graph.nodes.len()];
        for node in self.graph.layout(self.code).into_iter().filter(|&node| node != 0) {
            let params: Vec<Type> =
                self.graph.nodes[node].params.iter().map(|&reg| type_of(self.code.function.kind(reg))).collect();
            self.blocks[node] = self.b.block(&params);
        }
        let graph = self.graph;
        for &n in &graph.order {
            let node = &graph.nodes[n];
            let block = self.blocks[n];
            self.b.switch_to(block);
            if let Some(regs) = self.arrivals[n].take() {
                self.regs = regs;
            }
            for (i, &reg) in node.params.iter().enumerate() {
                self.regs[reg.index()] = Some(self.b.param(block, i));
            }
            match node.kind {
                NodeKind::Entry => self.entry(node),
                NodeKind::Block(block) => self.block(node, block),
                NodeKind::Edge { branch, target, taken } => {
                    let unstepped = self.unstepped.get(&n).copied();
                    self.edge(node, branch, target, taken, unstepped);
                }
            }
        }
    }

    // ---- nodes ---------------------------------------------------------------------------------------------------------

    fn entry(&mut self, node: &Node) {
        self.regs = vec![None; self.code.function.registers.len()];
        match self.start {
            Start::Call => {
                for reg in (0..self.code.function.param_count).map(Reg) {
                    self.regs[reg.index()] = Some(self.b.param(Function::ENTRY, 3 + reg.index()));
                }
                self.at(Pc(0));
                let stack = self.b.one(Op::StackPointer, Type::I64, &[]);
                let limit = self.b.load(Type::I64, regions::CTX, CTX, ctx_offset::STACK_LIMIT as i32);
                let low = self.b.one(Op::IcmpUlt, Type::I64, &[stack, limit]);
                self.exit_if(low, ExitReason::StackLimit);
            }
            Start::Loop(header) => {
                self.at(header);
                for reg in self.code.live_in(header).iter() {
                    let ty = type_of(self.code.function.kind(reg));
                    let load = InstData { imm: Imm::Slot(u32::from(reg.0)), ..InstData::new(Op::SlotLoad, ty, &[]) };
                    self.regs[reg.index()] = Some(self.b.push(load, &[ty])[0]);
                }
            }
        }
        self.leave_by_only_way(node);
    }

    fn block(&mut self, node: &Node, block: BlockId) {
        for pc in self.code.block(block).pcs() {
            self.at(pc);
            if self.options.step {
                let state = self.state(pc, ExitReason::Countdown);
                self.b.with_state(Op::Countdown, &[], state);
            }
            let instr = self.code.function.instr(pc);
            self.instruction(node, instr);
        }
        if !self.b.is_terminated() {
            self.leave_by_only_way(node);
        }
    }

    fn edge(&mut self, node: &Node, branch: Pc, target: Pc, taken: bool, unstepped: Option<Value>) {
        self.at(branch);
        let instr = self.code.function.instr(branch);
        let event = taken && is_event(branch, Way::Taken(target));
        if event && self.options.countdown {
            // The interpreter will execute the branch again: it must find the counter as it was before.
            let counter = unstepped.and_then(|_| instr.def());
            let stepped = counter.and_then(|counter| std::mem::replace(&mut self.regs[counter.index()], unstepped));
            let state = self.state(branch, ExitReason::Countdown);
            if let Some(counter) = counter {
                self.regs[counter.index()] = stepped;
            }
            self.b.with_state(Op::Countdown, &[], state);
        }
        if self.counts_on_edges(branch) {
            self.count();
        }
        match instr.info().sem {
            Sem::Loop(cc @ (Cc::Le | Cc::Ge)) if taken => {
                let i = instr.operands()[0].reg().expect("a counter");
                let stepped = self.step(instr.info(), i, cc == Cc::Le);
                self.regs[i.index()] = Some(stepped);
            }
            Sem::TailCall => {
                let args = self.arguments(instr);
                args.iter().enumerate().for_each(|(n, &arg)| self.regs[n] = Some(arg));
            }
            _ => {}
        }
        if event {
            let state = self.state(target, ExitReason::Poll);
            self.b.with_state(Op::Poll, &[], state);
        }
        self.leave_by_only_way(node);
    }

    // ---- instructions --------------------------------------------------------------------------------------------------

    fn instruction(&mut self, node: &Node, instr: Instr) {
        let info = instr.info();
        let operands = instr.operands();
        let reg = |n: usize| -> Reg { operands[n].reg().expect("the table says that this operand is a register") };
        match info.sem {
            Sem::Jump | Sem::BranchBool(_) | Sem::Branch(_) | Sem::BranchImm(_) | Sem::Switch | Sem::Loop(_) => {
                if !self.counts_on_edges(self.pc) {
                    self.count();
                }
                return self.branch(node, instr);
            }
            Sem::Call | Sem::CallVoid => return self.call(instr),
            Sem::TailCall => return self.tail_call(node, instr),
            Sem::Ret => {
                self.count();
                let value = self.get(reg(0));
                self.b.push(InstData::new(Op::ReturnValue, Type::I64, &[value]), &[]);
                return;
            }
            Sem::RetVoid => {
                self.count();
                self.b.push(InstData::new(Op::ReturnValue, Type::I64, &[]), &[]);
                return;
            }
            Sem::ArrayNew => {
                let length = self.get(reg(1));
                let array = self.array_new(info.from.expect("an array kind"), length);
                self.regs[reg(0).index()] = Some(array);
            }
            Sem::ArrayLen => {
                let array = self.get(reg(1));
                let length = self.length(array);
                self.regs[reg(0).index()] = Some(length);
            }
            Sem::ArrayGet => {
                let (array, index) = (self.get(reg(1)), self.get(reg(2)));
                let kind = info.from.expect("an array kind");
                let address = self.element(kind, array, index);
                let ty = type_of(info.kind.expect("an element kind"));
                let value = self.b.load(ty, regions::elements(kind), address, ARRAY_ELEMENTS as i32);
                self.regs[reg(0).index()] = Some(value);
            }
            Sem::ArraySet => {
                let (array, index, value) = (self.get(reg(0)), self.get(reg(1)), self.get(reg(2)));
                let kind = info.from.expect("an array kind");
                let address = self.element(kind, array, index);
                self.b.store(regions::elements(kind), value, address, ARRAY_ELEMENTS as i32);
            }
            Sem::Print => {
                let value = self.get(reg(0));
                self.print(info.kind.expect("a kind"), value);
            }
            _ => {
                let value = self.operation(instr);
                self.regs[reg(0).index()] = Some(value);
            }
        }
        self.count();
    }

    fn branch(&mut self, node: &Node, instr: Instr) {
        let info = instr.info();
        let operands = instr.operands();
        let reg = |n: usize| operands[n].reg().expect("the table says that this operand is a register");
        let mut unstepped = None;
        // The condition, and whether the branch is taken when it holds.
        let (condition, when) = match info.sem {
            Sem::Jump => return self.leave_by_only_way(node),
            Sem::Switch => return self.switch(node, instr),
            Sem::BranchBool(_) | Sem::Branch(_) | Sem::BranchImm(_) => {
                let values = self.arguments(instr);
                condition(&mut self.b, instr, &values)
            }
            Sem::Loop(cc) => {
                let kind = info.kind.expect("a kind");
                let (mut i, limit) = (self.get(reg(0)), self.get(reg(1)));
                if matches!(cc, Cc::Lt | Cc::Gt) {
                    unstepped = Some(i);
                    i = self.step(info, reg(0), cc == Cc::Lt);
                    self.regs[reg(0).index()] = Some(i);
                }
                // `Le` and `Ge` compare strictly before they step: the bound is the last value.
                let strict = if matches!(cc, Cc::Lt | Cc::Le) { Cc::Lt } else { Cc::Gt };
                self.compare(kind, strict, i, limit)
            }
            other => unreachable!("{other:?} is no branch"),
        };
        let way = Way::Taken(instr.target().expect("a branch has a target"));
        let taken = self.way(node, way);
        if let (Some(value), Some(&(_, edge))) = (unstepped, node.ways.iter().find(|(w, _)| *w == way)) {
            self.unstepped.insert(edge, value);
        }
        let next = self.way(node, Way::Next);
        let (then, otherwise) = if when { (taken, next) } else { (next, taken) };
        self.b.brif(condition, (then.block, &then.args), (otherwise.block, &otherwise.args));
    }

    fn switch(&mut self, node: &Node, instr: Instr) {
        let Operand::Table(table) = instr.operands()[1] else { unreachable!("a switch has a jump table") };
        let table = &self.code.function.tables[table.index()];
        let value = self.get(instr.operands()[0].reg().expect("a register"));
        let default = self.way(node, Way::Taken(table.default));
        let cases = table.targets.iter().enumerate().filter(|&(_, &target)| target != table.default);
        let cases: Vec<(u64, BlockCall)> =
            cases.map(|(n, &target)| (n as u64, self.way(node, Way::Taken(target)))).collect();
        self.b.switch(value, default, cases);
    }

    fn step(&mut self, info: &OpInfo, counter: Reg, up: bool) -> Value {
        let kind = info.kind.expect("a counted loop has a kind");
        let (i, one) = (self.get(counter), self.constant(kind, 1));
        self.b.one(if up { Op::Iadd } else { Op::Isub }, type_of(kind), &[i, one])
    }

    // ---- calls ---------------------------------------------------------------------------------------------------------

    fn arguments(&self, instr: Instr) -> Vec<Value> {
        let mut args = Vec::new();
        self.code.for_each_use(instr, |reg| args.push(self.get(reg)));
        args
    }

    fn call(&mut self, instr: Instr) {
        let callee = instr.callee().expect("a call has a callee");
        let args = self.arguments(instr);
        let result = self.code.module.function(callee).result.map(type_of);
        let state = self.state(self.pc, ExitReason::DepthLimit);
        let call = InstData {
            imm: Imm::Callee(callee.0),
            frame_state: Some(state),
            ..InstData::new(Op::CallFunction, Type::I64, &args)
        };
        let results = self.b.push(call, result.as_slice()).to_vec();
        if let Some(dst) = instr.def() {
            self.regs[dst.index()] = Some(results[0]);
        }
        let state = self.state(Pc(self.pc.0 + 1), ExitReason::Invalidated);
        self.b.with_state(Op::CheckValid, &[], state);
    }

    /// A tail call of the function itself is an edge. One of another function turns this frame into that call and leaves
    /// it to the caller to dispatch.
    fn tail_call(&mut self, node: &Node, instr: Instr) {
        if self.code.is_self_tail_call(instr) {
            if !self.counts_on_edges(self.pc) {
                self.count();
            }
            return self.leave_by_only_way(node);
        }
        let callee = instr.callee().expect("a call has a callee");
        let args = self.arguments(instr);
        self.check_room(callee);
        if self.options.countdown {
            let state = self.state(self.pc, ExitReason::Countdown);
            self.b.with_state(Op::Countdown, &[], state);
        }
        self.count();
        let kinds = self.code.module.function(callee).params();
        for ((n, kind), arg) in (0..).zip(kinds).zip(args) {
            let payload = self.payload(arg);
            self.b.store(regions::FRAME, payload, FRAME, payload_offset(n) as i32);
            let tag = self.b.iconst(Type::I64, kind.tag() as i64);
            self.b.store(regions::FRAME, tag, FRAME, tag_offset(n) as i32);
        }
        // One word holds the function's index and, above it, pc 0.
        let header = self.b.iconst(Type::I64, i64::from(callee.0));
        self.b.store(regions::FRAME, header, FRAME, frame_offset::FUNC as i32);
        let status = self.b.iconst(Type::I32, i64::from(Status::TAIL_CALL));
        let results = self.b.func.signature.results.clone();
        let mut values = vec![status];
        values.extend(results[1..].iter().map(|&ty| zero(&mut self.b, ty)));
        self.b.ret(&values);
    }

    /// Leaves if the frame of a tail-called function would not fit this frame's place.
    fn check_room(&mut self, callee: FuncId) {
        let slots = self.code.module.function(callee).frame_slots();
        if slots <= self.code.function.frame_slots() {
            return;
        }
        let size = self.b.iconst(Type::I64, i64::from(frame_size(slots)));
        let end = self.b.one(Op::Iadd, Type::I64, &[FRAME, size]);
        let limit = self.b.load(Type::I64, regions::CTX, CTX, ctx_offset::SEGMENT_END as i32);
        let beyond = self.b.one(Op::IcmpUgt, Type::I64, &[end, limit]);
        self.exit_if(beyond, ExitReason::SegmentFull);
    }

    fn helper(&mut self, helper: HelperId, args: &[Value], state: Option<FrameStateId>) -> Value {
        let declared = declare_helper(self.unit, helper);
        let results = self.unit.helpers[declared.index()].signature.results.clone();
        let call = InstData {
            imm: Imm::Helper(declared),
            frame_state: state,
            ..InstData::new(Op::RuntimeCall, Type::I64, args)
        };
        self.b.push(call, &results)[0]
    }

    // ---- arrays and output ---------------------------------------------------------------------------------------------

    fn array_new(&mut self, kind: Kind, length: Value) -> Value {
        let zero = self.b.iconst(Type::I64, 0);
        let negative = self.b.one(Op::IcmpSlt, Type::I64, &[length, zero]);
        self.exit_if(negative, ExitReason::NegativeLength);
        let tag = self.b.iconst(Type::I64, kind.tag() as i64);
        // The helper may collect: its frame state says at which pc, and so which references must be in their slots.
        let state = self.state(self.pc, ExitReason::Allocation);
        let array = self.helper(HelperId::ArrayNew, &[CTX, tag, length], Some(state));
        let failed = self.b.one(Op::IcmpEq, Type::I64, &[array, zero]);
        self.exit_if(failed, ExitReason::Allocation);
        array
    }

    fn print(&mut self, kind: Kind, value: Value) {
        let tag = self.b.iconst(Type::I64, kind.tag() as i64);
        let mut payload = self.payload(value);
        if kind == Kind::F64 {
            payload = self.b.one(Op::F64ToBits, Type::I64, &[payload]);
        }
        let done = self.helper(HelperId::Print, &[CTX, tag, payload], None);
        let zero = self.b.iconst(Type::I32, 0);
        let failed = self.b.one(Op::IcmpEq, Type::I32, &[done, zero]);
        self.exit_if(failed, ExitReason::Print);
    }

    fn length(&mut self, array: Value) -> Value {
        self.b.load(Type::I64, regions::ARRAY_HEADER, array, ARRAY_LEN as i32)
    }

    /// The address to which [`ARRAY_ELEMENTS`] is the offset of the element, after the bounds check: one unsigned comparison, as
    /// a negative index is a large one.
    fn element(&mut self, kind: Kind, array: Value, index: Value) -> Value {
        let length = self.length(array);
        let outside = self.b.one(Op::IcmpUge, Type::I64, &[index, length]);
        self.exit_if(outside, ExitReason::IndexOutOfBounds);
        let scale = array_element_size(Tag(kind.tag())).trailing_zeros();
        let mut offset = index;
        if scale != 0 {
            let scale = self.b.iconst(Type::I64, i64::from(scale));
            offset = self.b.one(Op::Shl, Type::I64, &[index, scale]);
        }
        self.b.one(Op::Iadd, Type::I64, &[array, offset])
    }

    // ---- pieces --------------------------------------------------------------------------------------------------------

    /// What follows stems from this instruction.
    fn at(&mut self, pc: Pc) {
        self.pc = pc;
        self.b.set_loc(SourceLoc(pc.0));
    }

    fn get(&self, reg: Reg) -> Value {
        self.regs[reg.index()]
            .unwrap_or_else(|| panic!("{reg} is read at {} of `{}` and not assigned", self.pc, self.code.function.name))
    }

    /// A value as the bits of a payload, floats aside, which are stored as they are.
    fn payload(&mut self, value: Value) -> Value {
        match self.b.func.ty(value) {
            Type::I64 | Type::F64 => value,
            _ => self.b.one(Op::Zext, Type::I64, &[value]),
        }
    }

    /// Leaves at the current instruction, before its effect, if the condition holds.
    fn exit_if(&mut self, condition: Value, reason: ExitReason) {
        let state = self.state(self.pc, reason);
        self.b.with_state(Op::ExitIf, &[condition], state);
    }

    /// What the frame holds when the interpreter goes on at `pc` with the registers as they are.
    fn state(&mut self, pc: Pc, reason: ExitReason) -> FrameStateId {
        let slots = self.code.live_in(pc).iter().map(|reg| FrameValue {
            slot: u32::from(reg.0),
            tag: self.code.function.kind(reg).tag(),
            value: self.get(reg),
        });
        let state =
            FrameState { func: self.code.id.0, pc: pc.0, reason: reason as u32, slots: slots.collect(), caller: None };
        *self.states.entry(state.clone()).or_insert_with(|| {
            self.b.func.frame_states.push(state);
            FrameStateId(self.b.func.frame_states.len() as u32 - 1)
        })
    }

    /// Counts the current instruction as executed, in code that does.
    fn count(&mut self) {
        if self.options.coverage {
            let helper = self.code.function.instr(self.pc).info().helper;
            let op = if helper { Op::CountHelper } else { Op::CountInline };
            self.b.push(InstData { imm: Imm::Slot(self.pc.0), ..InstData::new(op, Type::I64, &[]) }, &[]);
        }
    }

    /// Whether the branch at `pc` may still exit on an edge, so that it is counted there.
    fn counts_on_edges(&self, pc: Pc) -> bool {
        let instr = self.code.function.instr(pc);
        let mut event = self.code.is_self_tail_call(instr);
        self.code.function.for_each_successor(pc, |to| event |= is_event(pc, Way::Taken(to)));
        self.options.countdown && event
    }

    /// The branch target for a way out of a node, with the registers as they are.
    fn way(&mut self, node: &Node, way: Way) -> BlockCall {
        let &(_, next) = node.ways.iter().find(|(w, _)| *w == way).expect("the graph has every way out");
        if self.arrivals[next].is_none() {
            self.arrivals[next] = Some(self.regs.clone());
        }
        let args = self.graph.nodes[next].params.iter().map(|&reg| self.get(reg)).collect();
        BlockCall { block: self.blocks[next], args }
    }

    fn leave_by_only_way(&mut self, node: &Node) {
        let &[(way, _)] = node.ways.as_slice() else { unreachable!("the node has one way out") };
        let target = self.way(node, way);
        self.b.jump(target.block, &target.args);
    }
}

/// A zero of any type that registers have.
pub fn zero(b: &mut Builder<'_>, ty: Type) -> Value {
    if ty == Type::F64 { b.fconst(0.0) } else { b.iconst(ty, 0) }
}
