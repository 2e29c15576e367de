//! A program case on one column in one configuration: is it what the interpreter does, and did it run natively?

use std::collections::BTreeSet;
use std::sync::Arc;

use lockstep_backend_api::{Backend, Execution, Level};
use lockstep_bytecode::Kind;
use lockstep_bytecode::optimise::PassConfig;
use lockstep_engine::{Cache, Executions, Refused, Session, Snapshot, Stats, Stress};
use serde::{Deserialize, Serialize};

use super::case::{Call, Program};
use super::interpreted::{self, STRESSES, Unstressed};
use super::observe::{Configuration, Observed, Setup, observe, run};
use crate::backends::Column;
use crate::fault::Seams;

/// Runs of at most so many instructions have an exit forced at every back edge and call; longer ones at ever sparser ones.
pub const EVERY_EXIT_UP_TO: u64 = 20_000;

/// The same where units are evaluated, which takes ten times as long: of the kernels' trials, forced exits of the evaluator alone took a third.
const EVERY_EXIT_EVALUATED_UP_TO: u64 = 2_000;

/// What a passed trial amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStats {
    /// Runs compared.
    pub runs: u64,
    /// Units compiled.
    pub units: u64,
    /// Instructions executed natively, counted in the configurations that prove native execution.
    pub native: u64,
    /// Instructions interpreted in the same runs.
    pub interpreted: u64,
    /// Exits forced.
    pub exits: u64,
    /// Functions that the backend refused, as it declares, or that the compiler refused for instructions of the dynamic half: they were interpreted.
    #[serde(default)]
    pub refused: u64,
    /// Runs under stress of the collector that were left out: the case sees when something is collected, or has too many back edges and calls.
    #[serde(default)]
    pub unstressed: u64,
    /// Collections in runs under stress.
    #[serde(default)]
    pub collections: u64,
}

/// How a trial ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProgramReport {
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// What it amounts to.
    pub stats: TrialStats,
    /// Mnemonics of the instructions that were executed natively and counted as such, if it passed.
    pub natively: BTreeSet<String>,
    /// Why functions were refused that may be: names of reasons.
    #[serde(default)]
    pub refusals: BTreeSet<String>,
}

/// The name of a trial: the case, then `interpreter`, or backend, level and configuration.
pub fn name(case: &str, native: Option<&(Column, Configuration)>) -> String {
    match native {
        None => format!("{case}/interpreter"),
        Some((column, configuration)) => format!("{case}/{column}/{}", configuration.name()),
    }
}

/// Checks that a backend gives what the interpreter gives, in one configuration. The report is of a trial that passed.
///
/// # Errors
/// What differs, or why it cannot be trusted: a function refused, native code asked for and not run.
pub fn native(
    program: &Program,
    backend: &Arc<dyn Backend>,
    level: Level,
    configuration: Configuration,
    passes: &PassConfig,
) -> Result<ProgramReport, String> {
    let mut report = ProgramReport::default();
    let caches = Caches::default();
    let optimised = (configuration == Configuration::Optimised).then(|| interpreted::optimised(program, passes));
    for (n, call) in program.calls()?.iter().enumerate() {
        Trial {
            written: program,
            program: optimised.as_ref().unwrap_or(program),
            call,
            backend,
            level,
            configuration,
            caches: &caches,
            stats: &mut report.stats,
            natively: &mut report.natively,
            refusals: &mut report.refusals,
        }
        .run()
        .map_err(|e| format!("run {n}: {e}"))?;
    }
    Ok(report)
}

/// Code kept from run to run, by what it depends on within a trial.
#[derive(Default)]
struct Caches {
    plain: Arc<Cache>,
    counting: Arc<Cache>,
    leaving: Arc<Cache>,
}

/// Whether a forced exit leaves the frame that the interpreter has at the same event: every live register, with its tag.
fn same_frame(program: &Program, ours: Option<Snapshot>, theirs: Option<Snapshot>) -> Result<(), String> {
    let place = |s: &Snapshot| (s.func, s.pc, s.depth, s.output);
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Ok(()),
        (Some(ours), Some(theirs)) => (ours, theirs),
        (ours, _) => {
            return Err(format!("only {} gets there", if ours.is_some() { "native code" } else { "the interpreter" }));
        }
    };
    let name = &program.module.function(theirs.func).name;
    if place(&ours) != place(&theirs) {
        return Err(format!(
            "native code left at {:?}, the interpreter is at {:?} in `{name}`",
            place(&ours),
            place(&theirs)
        ));
    }
    let pc = theirs.pc;
    match ours.registers.iter().zip(&theirs.registers).find(|(a, b)| a != b) {
        Some((ours, theirs)) => Err(format!(
            "`{name}` pc {}: the exit leaves {:?} in r{}, the interpreter has {:?}",
            pc.0, ours.1, ours.0.0, theirs.1
        )),
        None => Ok(()),
    }
}

/// Whether every function was refused, each for a reason. Then a run is the interpreter's own, which the case's trial on the interpreter puts under stress; and there is no code to leave.
fn is_interpreted(stats: &Stats) -> bool {
    stats.units.is_empty() && !stats.refusals.is_empty()
}

struct Trial<'t> {
    /// The program as written.
    written: &'t Program,
    /// The program that is run: as written, or as the bytecode optimiser leaves it.
    program: &'t Program,
    call: &'t Call,
    backend: &'t Arc<dyn Backend>,
    level: Level,
    configuration: Configuration,
    caches: &'t Caches,
    stats: &'t mut TrialStats,
    natively: &'t mut BTreeSet<String>,
    refusals: &'t mut BTreeSet<String>,
}

impl Trial<'_> {
    fn run(mut self) -> Result<(), String> {
        let reference = observe(self.program, self.call, &Setup { coverage: true, ..Setup::interpreter() })?;
        match self.configuration {
            Configuration::Exits => self.forced_exits(&reference),
            Configuration::Eager | Configuration::Osr | Configuration::Optimised => {
                if self.configuration == Configuration::Optimised {
                    let written = observe(self.written, self.call, &Setup::interpreter())?;
                    let agrees = reference.seen.agrees(self.written, &written.seen);
                    agrees.map_err(|e| format!("on the interpreter, optimised: {e}"))?;
                }
                self.compare(&reference, |_| {})?;
                let counted = self.compare(&reference, |setup| setup.coverage = true)?;
                self.prove_native(&reference, &counted)?;
                match self.configuration {
                    Configuration::Optimised if !is_interpreted(&counted.stats) => self.stressed(&reference),
                    _ => Ok(()),
                }
            }
            Configuration::Stressed => {
                // A run of its own, so that a case that must not be put under stress is tried at all.
                let plain = self.compare(&reference, |_| {})?;
                if is_interpreted(&plain.stats) { Ok(()) } else { self.stressed(&reference) }
            }
            Configuration::Tiered | Configuration::Churn => self.compare(&reference, |_| {}).map(drop),
        }
    }

    fn is_evaluated(&self) -> bool {
        self.backend.capabilities().execution == Execution::Evaluated
    }

    fn setup(&self) -> Setup {
        Setup { verify: true, ..Setup::native(self.backend.clone(), self.level, self.configuration) }
    }

    fn compare(&mut self, reference: &Observed, change: impl FnOnce(&mut Setup)) -> Result<Observed, String> {
        let mut setup = self.setup();
        change(&mut setup);
        let cache = if setup.coverage { &self.caches.counting } else { &self.caches.plain };
        setup.cache = Some(cache.clone());
        let observed = observe(self.program, self.call, &setup)?;
        self.stats.runs += 1;
        self.stats.units += observed.stats.units.len() as u64;
        self.check_refusals(&observed.stats)?;
        observed.seen.agrees(self.program, &reference.seen)?;
        Ok(observed)
    }

    /// Runs with the collector under stress. Native code allocates without collecting and leaves where that fails; so it is allocations of the interpreter that collect.
    fn stressed(&mut self, reference: &Observed) -> Result<(), String> {
        if Unstressed::of(self.program, self.events()?).is_some() {
            self.stats.unstressed += STRESSES.len() as u64;
            return Ok(());
        }
        for stress in STRESSES {
            let what = |e: String| format!("with a collection at {stress}: {e}");
            let observed = self.compare(reference, |setup| setup.stress = stress).map_err(what)?;
            if stress == Stress::Allocations {
                interpreted::collected(stress, &observed.collector, 0, false).map_err(what)?;
            }
            self.stats.collections += observed.collector.total_collections();
        }
        Ok(())
    }

    /// What the backend declares that it lacks it may refuse; the compiler may refuse what is of the dynamic half, which it does not compile yet, and what waits for
    /// calls that can be suspended; and nothing else. The rest of the program is compared all the same.
    fn check_refusals(&mut self, stats: &Stats) -> Result<(), String> {
        let lacks = self.backend.capabilities().unsupported;
        let module = &self.program.module;
        let declared = |refused: &&Refused| {
            let function = module.function(refused.func);
            let is_dynamic = function.registers.iter().any(|register| register.kind == Kind::Any)
                || function.code.iter().any(|instr| instr.info().family.is_dynamic());
            // As the error's own text begins.
            lacks.iter().any(|op| refused.detail.starts_with(&format!("operation `{}` ", op.info().name)))
                || refused.reason == "may_suspend"
                || is_dynamic && matches!(refused.reason.as_str(), "not_yet_compiled" | "register_kind")
        };
        self.stats.refused = self.stats.refused.max(stats.refusals.iter().filter(declared).count() as u64);
        self.refusals.extend(stats.refusals.iter().filter(declared).map(|refused| refused.reason.clone()));
        let Some(refused) = stats.refusals.iter().find(|refused| !declared(refused)) else { return Ok(()) };
        let name = &self.program.module.function(refused.func).name;
        Err(format!("`{name}` was not compiled: {} ({})", refused.reason, refused.detail))
    }

    /// The counts must sum exactly to the interpreter's; what was asked to run natively must have, or have left for a reason.
    fn prove_native(&mut self, reference: &Observed, counted: &Observed) -> Result<(), String> {
        let (mut native, mut interpreted) = (0, 0);
        for (index, (ours, theirs)) in counted.executions.iter().zip(&reference.executions).enumerate() {
            for (pc, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                let sum = ours.inline + ours.helper + ours.interpreted;
                if sum != theirs.interpreted {
                    let Executions { inline, helper, interpreted } = *ours;
                    let name = &self.program.module.functions[index].name;
                    return Err(format!(
                        "`{name}` pc {pc} was counted {inline} inline + {helper} through helpers + {interpreted} interpreted = {sum} times, the interpreter executes it {} times",
                        theirs.interpreted
                    ));
                }
                native += ours.inline + ours.helper;
                if ours.inline + ours.helper > 0 {
                    let mnemonic = self.program.module.functions[index].code[pc].info().mnemonic;
                    if !self.natively.contains(mnemonic) {
                        self.natively.insert(mnemonic.to_owned());
                    }
                }
                interpreted += ours.interpreted;
            }
        }
        self.stats.native += native;
        self.stats.interpreted += interpreted;
        let exits: u64 = counted.stats.exits.values().sum();
        if self.stats.refused > 0 {
            return Ok(());
        }
        let what = if self.is_evaluated() { "evaluated" } else { "run natively" };
        match self.configuration {
            Configuration::Eager | Configuration::Optimised if native == 0 && exits == 0 => {
                Err(format!("nothing was {what}"))
            }
            Configuration::Eager | Configuration::Optimised if interpreted > 0 && exits == 0 => {
                Err(format!("{interpreted} instructions were interpreted, and no exit says why"))
            }
            Configuration::Osr if native == 0 && exits == 0 && self.takes_back_edges(reference) => {
                Err(format!("loops ran, and nothing was {what}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether any instruction was executed more often than its function was entered and not by recursion: then it is in a loop that ran.
    fn takes_back_edges(&self, reference: &Observed) -> bool {
        self.program.module.functions.iter().zip(&reference.executions).any(|(function, counts)| {
            // Functions of the dynamic half are refused, at the latest.
            if function.code.iter().any(|instr| instr.info().family.is_dynamic()) {
                return false;
            }
            let entered = counts.first().map_or(0, |c| c.interpreted);
            function.loop_headers().iter().any(|header| {
                let header_count = counts[header.index()].interpreted;
                header.0 != 0 && header_count > entered
            })
        })
    }

    /// One session serves all exits, as what is compiled does not depend on where the exit comes; but the heap is what earlier runs have left, so that a
    /// program with a stated memory limit, or one that sees the collector, wants a heap of its own for each.
    fn forced_exits(&mut self, reference: &Observed) -> Result<(), String> {
        let cache = Some(self.caches.leaving.clone());
        let setup = Setup { countdown: true, cache, ..self.setup() };
        let limits = self.program.case.limits;
        let events = self.events()?;
        let mut session = setup.session(self.program, limits.resolve())?;
        self.check_refusals(&session.stats())?;
        if is_interpreted(&session.stats()) {
            return self.compare(reference, |_| {}).map(drop);
        }
        self.stats.units += session.stats().units.len() as u64;
        let executed: u64 = reference.executions.iter().flatten().map(|e| e.interpreted).sum();
        let short = executed <= if self.is_evaluated() { EVERY_EXIT_EVALUATED_UP_TO } else { EVERY_EXIT_UP_TO };
        let exits = |session: &Session| session.stats().exits.get("countdown").copied().unwrap_or(0);
        let mut interpreter = Setup::interpreter().session(self.program, limits.resolve())?;
        [&mut interpreter, &mut session].into_iter().for_each(|s| s.watch(true));
        let mut k = 1;
        loop {
            let before = exits(&session);
            session.force_exit(Some(k));
            let seen = run(&mut session, self.call, setup.seams());
            seen.agrees(self.program, &reference.seen)
                .map_err(|e| format!("with an exit forced at back edge or call {k}: {e}"))?;
            interpreter.force_exit(Some(k));
            run(&mut interpreter, self.call, Seams::default());
            same_frame(self.program, session.take_snapshot(), interpreter.take_snapshot())
                .map_err(|e| format!("at back edge or call {k}: {e}"))?;
            self.stats.runs += 1;
            self.stats.exits += u64::from(exits(&session) > before);
            k = if short { k + 1 } else { k + 1 + k / 4 };
            if k > events {
                return Ok(());
            }
            if limits.memory.is_some() || self.program.case.sees_collector {
                session = setup.session(self.program, limits.resolve())?;
                interpreter = Setup::interpreter().session(self.program, limits.resolve())?;
                [&mut interpreter, &mut session].into_iter().for_each(|s| s.watch(true));
            }
        }
    }

    /// Back edges and calls of the run, by the interpreter's count.
    fn events(&self) -> Result<u64, String> {
        let mut session = Setup::interpreter().session(self.program, self.program.case.limits.resolve())?;
        session.force_exit(Some(u64::MAX));
        run(&mut session, self.call, Seams::default());
        Ok(session.events())
    }
}
