//! The pipeline: one function to read aloud.

use std::time::{Duration, Instant};

use lockstep_bytecode::{FuncId, Pc, Sem};
use lockstep_ir::{FuncRef, Stage, Unit, verify};

use crate::build::{Start, build};
use crate::code::Code;
use crate::lower::{FIRST_OSR, TYPED, UNIVERSAL, lower};
use crate::passes::{Fuel, PassConfig, PassId, run};
use crate::regions;
use crate::request::{
    Compiled, DataWord, Dump, ExitReason, ExitSite, ExtraPass, Options, OsrEntries, Refusal, Request,
};
use crate::suspension::suspended_callee;

/// Compiles a function of a module.
///
/// # Errors
/// Why it is not compiled.
///
/// # Panics
/// A unit that the IR verifier rejects, between any two steps: a defect of this crate.
pub fn compile(request: &Request<'_>) -> Result<Compiled, Refusal> {
    let options = request.options;
    check(request)?;
    let mut log = Log::new(&options.passes, options.extra.as_ref());

    let code = Code::new(request.module, request.func);
    let headers = osr_headers(&code, options);
    log.phase("analyse");

    let mut unit = Unit::new(code.function.name.as_str(), Stage::Value);
    regions::declare(&mut unit);
    build(&mut unit, &code, options, Start::Call);
    headers.iter().for_each(|&header| build(&mut unit, &code, options, Start::Loop(header)));
    log.step("ssa", &unit);

    for pass in PassId::VALUE_STAGE {
        log.pass(pass, &mut unit);
    }
    if options.stage == Stage::Value {
        return Ok(value_stage(unit, headers, log));
    }

    let (mut unit, symbols) = lower(unit, &code, options);
    log.step("to-machine", &unit);

    for pass in PassId::MACHINE_STAGE {
        log.pass(pass, &mut unit);
    }
    lockstep_ir::text::renumber(&mut unit);
    log.step("renumber", &unit);

    let osr = headers.into_iter().zip((FIRST_OSR..).map(FuncRef)).collect();
    Ok(Compiled {
        unit,
        universal: UNIVERSAL,
        typed: Some(TYPED),
        osr,
        data: symbols.data,
        exits: symbols.exits,
        phases: log.phases,
        changes: log.changes,
        dumps: log.dumps,
    })
}

/// What there is to evaluate before lowering: the bodies, and the exits that they may leave by.
fn value_stage(unit: Unit, headers: Vec<Pc>, log: Log<'_>) -> Compiled {
    let osr = headers.into_iter().zip((1..).map(FuncRef)).collect();
    // A call may leave for three more reasons than its frame state names.
    let by_call = [ExitReason::DepthLimit, ExitReason::SegmentFull, ExitReason::Countdown];
    let mut exits: Vec<ExitSite> = Vec::new();
    for state in unit.functions.iter().flat_map(|f| &f.frame_states) {
        let reasons = by_call.into_iter().chain([ExitReason::ALL[state.reason as usize]]);
        exits.extend(reasons.map(|reason| ExitSite { func: FuncId(state.func), pc: Pc(state.pc), reason }));
    }
    exits.sort_unstable();
    exits.dedup();
    Compiled {
        unit,
        universal: FuncRef(0),
        typed: None,
        osr,
        data: vec![DataWord::Valid],
        exits,
        phases: log.phases,
        changes: log.changes,
        dumps: log.dumps,
    }
}

/// Refuses what the compiler does not handle.
fn check(request: &Request<'_>) -> Result<(), Refusal> {
    let function = request.module.function(request.func);
    let (instructions, limit) = (function.code.len(), request.options.max_instructions);
    if instructions > limit {
        return Err(Refusal::TooLarge { instructions, limit });
    }
    if let Some(pc) = function.code.iter().position(|instr| !is_compiled(instr.info().sem)) {
        return Err(Refusal::NotYetCompiled { pc: Pc(pc as u32), op: function.code[pc].op() });
    }
    if let Some(register) = function.registers.iter().find(|register| !register.kind.is_fixed()) {
        return Err(Refusal::RegisterKind { kind: register.kind });
    }
    match suspended_callee(request.module, request.func) {
        Some((callee, pc)) => Err(Refusal::MaySuspend { callee, pc }),
        None => Ok(()),
    }
}

/// Whether instructions of this meaning are compiled. A meaning that is new to the instruction set does not compile here until
/// it is decided.
const fn is_compiled(sem: Sem) -> bool {
    match sem {
        Sem::Const | Sem::Pool | Sem::Move | Sem::Select => true,
        Sem::Binary(_) | Sem::BinaryImm(_) | Sem::Unary(_) | Sem::Compare(_) | Sem::Convert(_) => true,
        Sem::Jump | Sem::BranchBool(_) | Sem::Branch(_) | Sem::BranchImm(_) | Sem::Switch | Sem::Loop(_) => true,
        Sem::Call | Sem::CallVoid | Sem::TailCall | Sem::Ret | Sem::RetVoid => true,
        Sem::ArrayNew | Sem::ArrayLen | Sem::ArrayGet | Sem::ArraySet | Sem::Print => true,
        Sem::Nil | Sem::Truth | Sem::Integer | Sem::Number(_) | Sem::Box | Sem::Unbox => false,
        Sem::Arith(_) | Sem::ArithImm(_) | Sem::AnyUnary(_) => false,
        Sem::Text | Sem::Concat | Sem::PrintAny | Sem::Import => false,
        Sem::StringByte | Sem::StringSlice | Sem::StringFind => false,
        Sem::TableNew | Sem::GetName | Sem::SetName | Sem::Get | Sem::Set | Sem::Method | Sem::Append => false,
        Sem::Closure | Sem::UpvalueGet | Sem::UpvalueSet | Sem::Close | Sem::ToBeClosed => false,
        Sem::CallAny | Sem::TailCallAny | Sem::RetAny | Sem::Vararg => false,
        Sem::ForPrep | Sem::ForLoop | Sem::ForIn | Sem::Throw | Sem::ProtectedCall | Sem::HandledCall => false,
        Sem::CoroutineCreate | Sem::Resume | Sem::ResumeOr | Sem::Yield => false,
        Sem::CoroutineStatus | Sem::CoroutineClose | Sem::CoroutineRunning => false,
        Sem::AnyCompare(_) | Sem::AnyBranch(_) | Sem::AnyBranchImm(_) | Sem::BranchTruth(_) | Sem::BranchNil(_) => {
            false
        }
    }
}

fn osr_headers(code: &Code<'_>, options: &Options) -> Vec<Pc> {
    let mut headers = code.loop_headers().to_vec();
    match &options.osr {
        OsrEntries::None => headers.clear(),
        OsrEntries::All => {}
        OsrEntries::Only(wanted) => headers.retain(|header| wanted.contains(header)),
    }
    headers
}

/// Runs passes, and keeps account: times, changes, dumps; verifies after each step.
struct Log<'a> {
    config: &'a PassConfig,
    extra: Option<&'a ExtraPass>,
    fuel: Vec<Fuel>,
    /// Of all passes together.
    total: Fuel,
    since: Instant,
    phases: Vec<(&'static str, Duration)>,
    changes: Vec<(PassId, u64)>,
    dumps: Vec<Dump>,
}

impl<'a> Log<'a> {
    fn new(config: &'a PassConfig, extra: Option<&'a ExtraPass>) -> Self {
        Self {
            config,
            extra,
            fuel: PassId::ALL.iter().map(|&pass| Fuel::new(config.fuel(pass))).collect(),
            total: Fuel::new(config.total()),
            since: Instant::now(),
            phases: Vec::new(),
            changes: Vec::new(),
            dumps: Vec::new(),
        }
    }

    /// Ends a phase.
    fn phase(&mut self, name: &'static str) {
        let now = Instant::now();
        let time = now - std::mem::replace(&mut self.since, now);
        match self.phases.iter_mut().find(|(phase, _)| *phase == name) {
            Some((_, total)) => *total += time,
            None => self.phases.push((name, time)),
        }
    }

    /// Ends a phase that has changed the unit.
    fn step(&mut self, name: &'static str, unit: &Unit) {
        self.phase(name);
        if self.config.verify || cfg!(debug_assertions) {
            if let Err(error) = verify::verify(unit) {
                panic!("`{name}` left a broken unit: {error}\n{}", lockstep_ir::text::print(unit));
            }
            self.phase("verify");
        }
        if self.config.dump {
            self.dumps.push(Dump { after: name, text: lockstep_ir::text::print(unit) });
            self.phase("dump");
        }
    }

    /// Runs a pass, if it is on.
    fn pass(&mut self, pass: PassId, unit: &mut Unit) {
        if !self.config.is_on(pass) {
            return;
        }
        let own = &mut self.fuel[pass as usize];
        let mut fuel = own.within(&self.total);
        run(pass, unit, &mut fuel);
        if let Some(extra) = self.extra.filter(|extra| extra.within == pass) {
            (extra.run)(unit, &mut fuel);
        }
        let changes = fuel.used() - own.used();
        own.spend(changes);
        self.total.spend(changes);
        self.changes.push((pass, changes));
        self.step(pass.name(), unit);
    }
}
