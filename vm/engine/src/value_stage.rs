//! Units before lowering, run by an evaluator on the VM's own frames: what guards, exits, calls and events mean, said a second time.
//!
//! Lowering turns these operations into loads, stores, branches and calls; here each is done as its row in the operation table says. So where
//! an evaluation in the machine stage goes wrong and one in the value stage does not, lowering is to blame. It serves diagnosis alone: coverage
//! counters are not kept.

use std::sync::Arc;

use lockstep_backend_api::{Backend, Fault, Flow, Machine};
use lockstep_bytecode::{FuncId, Kind, Pc, Verified};
use lockstep_compiler::{ExitReason, ExitSite};
use lockstep_ir::eval::Results;
use lockstep_ir::{FrameState, FuncRef, Function, Imm, InstData, Op, Signature, Type, Unit};
use lockstep_layout::{
    HelperId, Status, callee_offset, ctx_offset, frame_offset, frame_size, function_offset, payload_offset, tag_offset,
};

use crate::evaluated::VmMachine;

/// What evaluation needs to know of the function that a unit was made from.
pub struct Origin {
    /// Its module.
    pub module: Arc<Verified>,
    /// The function.
    pub func: FuncId,
    /// The exit sites of the unit.
    pub exits: Vec<ExitSite>,
    /// Whether calls are counted down: an operation of back edges, of calls a property.
    pub countdown: bool,
}

/// Runs a function of a value-stage unit as a universal entry: arguments from the frame's slots, result into slot 0. Returns the status.
///
/// # Errors
/// What the evaluator met.
pub fn run(
    backend: &dyn Backend,
    unit: &Unit,
    func: FuncRef,
    origin: &Origin,
    [ctx, frame, data]: [u64; 3],
) -> Result<i32, Fault> {
    let evaluator = backend.evaluator().expect("the backend's artifacts are evaluated");
    let mut machine = ValueMachine { vm: VmMachine, origin, ctx, frame, data };
    let function = origin.module.function(origin.func);
    let mut args = vec![ctx, frame, data];
    let is_body = func == FuncRef(0);
    if is_body {
        for (n, kind) in (0..).zip(function.params()) {
            args.push(machine.slot(frame, n, kind)?);
        }
    }
    let results = evaluator.evaluate(unit, func, &args, &mut machine)?;
    let status = results[0] as i32;
    if status == Status::OK
        && let (Some(kind), Some(&result)) = (function.result, results.get(1).filter(|_| is_body))
    {
        machine.set_slot(frame, 0, kind, result)?;
    }
    Ok(status)
}

struct ValueMachine<'o> {
    vm: VmMachine,
    origin: &'o Origin,
    ctx: u64,
    frame: u64,
    data: u64,
}

impl ValueMachine<'_> {
    fn ctx(&mut self, offset: u32, bytes: u32) -> Result<u64, Fault> {
        self.vm.load(self.ctx + u64::from(offset), bytes)
    }

    fn slot(&mut self, frame: u64, slot: u32, kind: Kind) -> Result<u64, Fault> {
        let bytes = match kind {
            Kind::Bool => 1,
            Kind::I32 | Kind::U32 => 4,
            _ => 8,
        };
        self.vm.load(frame + u64::from(payload_offset(slot)), bytes)
    }

    fn set_slot(&mut self, frame: u64, slot: u32, kind: Kind, payload: u64) -> Result<(), Fault> {
        self.vm.store(frame + u64::from(payload_offset(slot)), 8, payload)?;
        self.vm.store(frame + u64::from(tag_offset(slot)), 8, kind.tag())
    }

    /// Writes the frame back and says where the function leaves.
    fn leave(
        &mut self,
        func: &Function,
        state: &FrameState,
        reason: ExitReason,
        values: &[u64],
    ) -> Result<Flow, Fault> {
        let frame = self.frame;
        self.vm.store(frame + u64::from(frame_offset::PC), 4, u64::from(state.pc))?;
        for slot in &state.slots {
            self.vm.store(frame + u64::from(payload_offset(slot.slot)), 8, values[slot.value.index()])?;
        }
        for (n, register) in (0..).zip(&self.origin.module.function(self.origin.func).registers) {
            self.vm.store(frame + u64::from(tag_offset(n)), 8, register.kind.tag())?;
        }
        let site = ExitSite { func: FuncId(state.func), pc: Pc(state.pc), reason };
        let number = self.origin.exits.iter().position(|s| *s == site).ok_or(Fault::WrongStage)?;
        Ok(Flow::Return(with_status(func, Status::Exit(number as u32).encode())))
    }

    /// Takes one from the countdown; false if there was none left.
    fn count_down(&mut self) -> Result<bool, Fault> {
        let left = self.ctx(ctx_offset::COUNTDOWN, 8)?;
        if left != 0 {
            self.vm.store(self.ctx + u64::from(ctx_offset::COUNTDOWN), 8, left - 1)?;
        }
        Ok(left != 0)
    }

    fn helper(&mut self, helper: HelperId, signature: &Signature, args: &[u64]) -> Result<Results, Fault> {
        let table = self.ctx(ctx_offset::HELPERS, 8)?;
        let address = self.vm.load(table + 8 * helper as u64, 8)?;
        self.vm.call(address, signature, args)
    }

    /// Before code that may collect: the pc and the live references are where the collector looks.
    fn store_references(&mut self, state: &FrameState, values: &[u64]) -> Result<(), Fault> {
        self.vm.store(self.frame + u64::from(frame_offset::PC), 4, u64::from(state.pc))?;
        let is_reference = |tag: u64| Kind::from_tag(tag).is_some_and(|kind| kind.element().is_some());
        for slot in state.slots.iter().filter(|slot| is_reference(slot.tag)) {
            self.vm.store(self.frame + u64::from(payload_offset(slot.slot)), 8, values[slot.value.index()])?;
        }
        Ok(())
    }

    fn call_function(
        &mut self,
        func: &Function,
        inst: &InstData,
        state: &FrameState,
        values: &[u64],
    ) -> Result<Flow, Fault> {
        let Imm::Callee(callee) = inst.imm else { return Err(Fault::WrongStage) };
        let module = self.origin.module.clone();
        let target = module.function(FuncId(callee));
        let depth = self.vm.load(self.frame + u64::from(frame_offset::DEPTH), 4)?;
        if depth >= self.ctx(ctx_offset::DEPTH_LIMIT, 4)? {
            return self.leave(func, state, ExitReason::DepthLimit, values);
        }
        let frame = self.frame + u64::from(callee_offset(module.function(self.origin.func).frame_slots()));
        if frame + u64::from(frame_size(target.frame_slots())) > self.ctx(ctx_offset::SEGMENT_END, 8)? {
            return self.leave(func, state, ExitReason::SegmentFull, values);
        }
        if self.origin.countdown && !self.count_down()? {
            return self.leave(func, state, ExitReason::Countdown, values);
        }
        self.store_references(state, values)?;
        let at = |offset: u32| frame + u64::from(offset);
        self.vm.store(at(frame_offset::FUNC), 8, u64::from(callee))?;
        self.vm.store(at(frame_offset::CALLER), 8, self.frame)?;
        self.vm.store(at(frame_offset::DEPTH), 8, depth + 1)?;
        self.vm.store(at(frame_offset::CALLEE), 8, 0)?;
        for ((n, kind), arg) in (0..).zip(target.params()).zip(&inst.args) {
            self.set_slot(frame, n, kind, values[arg.index()])?;
        }
        let record = self.ctx(ctx_offset::FUNCTIONS, 8)? + u64::from(function_offset::SIZE) * u64::from(callee);
        let entry = self.vm.load(record + u64::from(function_offset::ENTRY), 8)?;
        let data = self.vm.load(record + u64::from(function_offset::DATA), 8)?;
        let mut status = self.vm.call(entry, &Signature::entry(), &[self.ctx, frame, data])?[0] as i32;
        if status >= Status::EXIT {
            let signature = Signature::new(&[Type::I64, Type::I64, Type::I32], &[Type::I32]);
            let args = [self.ctx, frame, status as u64 & Type::I32.mask()];
            status = self.helper(HelperId::Finish, &signature, &args)?[0] as i32;
        } else if status == Status::TAIL_CALL {
            let signature = Signature::new(&[Type::I64, Type::I64], &[Type::I32]);
            status = self.helper(HelperId::InterpretCall, &signature, &[self.ctx, frame])?[0] as i32;
        }
        if status != Status::OK {
            return Ok(Flow::Return(with_status(func, status)));
        }
        let result = inst.results.first().and(target.result).map(|kind| self.slot(frame, 0, kind)).transpose()?;
        Ok(Flow::Next(result.into_iter().collect()))
    }
}

/// The results of a function that returns a status other than `Ok`.
fn with_status(func: &Function, status: i32) -> Results {
    let mut results: Results = func.signature.results.iter().map(|_| 0).collect();
    results[0] = status as u64 & Type::I32.mask();
    results
}

impl Machine for ValueMachine<'_> {
    fn load(&mut self, address: u64, bytes: u32) -> Result<u64, Fault> {
        self.vm.load(address, bytes)
    }

    fn store(&mut self, address: u64, bytes: u32, value: u64) -> Result<(), Fault> {
        self.vm.store(address, bytes, value)
    }

    fn call(&mut self, address: u64, signature: &Signature, args: &[u64]) -> Result<Results, Fault> {
        self.vm.call(address, signature, args)
    }

    fn stack_pointer(&mut self, depth: u32) -> u64 {
        self.vm.stack_pointer(depth)
    }

    fn max_depth(&self) -> u32 {
        self.vm.max_depth()
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.vm.step()
    }

    fn value_stage(&mut self, unit: &Unit, func: &Function, inst: &InstData, values: &[u64]) -> Result<Flow, Fault> {
        let state = inst.frame_state.map(|id| &func.frame_states[id.index()]);
        let none = Ok(Flow::Next(Results::new()));
        let leaves = match (inst.op, state) {
            (Op::SlotLoad, _) => {
                let Imm::Slot(slot) = inst.imm else { return Err(Fault::WrongStage) };
                let bits = self.vm.load(self.frame + u64::from(payload_offset(slot)), inst.ty.bytes())?;
                return Ok(Flow::Next([bits].into_iter().collect()));
            }
            (Op::ReturnValue, _) => {
                let mut results = with_status(func, Status::OK);
                results.iter_mut().skip(1).zip(&inst.args).for_each(|(to, arg)| *to = values[arg.index()]);
                // A loop's entry has the universal signature: its result goes to slot 0.
                if func.signature == Signature::entry()
                    && let (Some(kind), Some(arg)) =
                        (self.origin.module.function(self.origin.func).result, inst.args.first())
                {
                    self.set_slot(self.frame, 0, kind, values[arg.index()])?;
                }
                return Ok(Flow::Return(results));
            }
            (Op::RuntimeCall, state) => {
                let Imm::Helper(helper) = inst.imm else { return Err(Fault::WrongStage) };
                let helper = &unit.helpers[helper.index()];
                let id = *HelperId::ALL.get(helper.index as usize).ok_or(Fault::WrongStage)?;
                if let Some(state) = state.filter(|_| id.is_safepoint()) {
                    self.store_references(state, values)?;
                }
                let args: Vec<u64> = inst.args.iter().map(|arg| values[arg.index()]).collect();
                return self.helper(id, &helper.signature, &args).map(Flow::Next);
            }
            (Op::CallFunction, Some(state)) => {
                return self.call_function(func, inst, state, values);
            }
            (Op::ExitIf, Some(_)) => values[inst.args[0].index()] & Type::I8.mask() != 0,
            (Op::Exit, Some(_)) => true,
            (Op::Poll, Some(_)) => self.ctx(ctx_offset::POLL, 4)? != 0,
            (Op::Countdown, Some(_)) => !self.count_down()?,
            (Op::CheckValid, Some(_)) => self.vm.load(self.data, 8)? == 0,
            _ => return Err(Fault::WrongStage),
        };
        match state {
            Some(state) if leaves => self.leave(func, state, ExitReason::ALL[state.reason as usize], values),
            _ => none,
        }
    }
}
