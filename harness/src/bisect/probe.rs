//! One experiment: a program and a call, run by the interpreter and in one other way, and compared. What workers do for a bisection.
//!
//! A probe is plain data, so that a crash or a hang costs one worker. It judges nothing but that one run; what the answers mean is the
//! business of the files beside this one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use lockstep_bytecode::{ErrorKind, FuncId, Kind, Pc, Verified, decode};
use lockstep_compiler::{OsrEntries, PassConfig, PassId};
use lockstep_engine::{Held, Session, Snapshot, UnitKey};
use lockstep_ir::Stage;
use lockstep_runtime::Limits;
use serde::{Deserialize, Serialize};

use super::datum::Datum;
use crate::backends::{Backends, Column};
use crate::program::case::{Call, Expectation};
use crate::program::{CaseLimits, Configuration, Observation, Program, ProgramCase, Setup};

/// A program and one call of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// The encoded module.
    pub module: Vec<u8>,
    /// The function called.
    pub entry: u32,
    /// Its arguments.
    pub args: Vec<Datum>,
    /// What it may use.
    pub limits: CaseLimits,
    /// Back edges and calls after which the interpreter gives up: such a program says nothing.
    pub patience_events: u64,
    /// Milliseconds that a native run may take.
    pub patience_ms: u64,
}

/// How it is run beside the interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The backend that makes the code, and its level.
    pub column: Column,
    /// The backend whose session it is: what the session itself does wrong goes by its id.
    pub session_of: String,
    /// Whether the column is an evaluator, which takes longer and is waited for longer.
    pub evaluated: bool,
    /// Whether the IR is evaluated before lowering; the column must be an evaluator.
    pub value_stage: bool,
    /// When native code is used.
    pub configuration: Configuration,
    /// Changes each pass may make in a unit, by [`PassId`]; no limit where there is `None`.
    pub fuel: Vec<Option<u64>>,
    /// The units that may be made: function, loop header; all, if not said.
    pub only: Option<Vec<(u32, Option<u32>)>>,
    /// Events at which an exit is forced, one run each; a run without, if there are none.
    pub exits: Vec<u64>,
    /// Whether every instruction is an event, instead of back edges and calls.
    pub step: bool,
}

impl Way {
    /// On a backend, with all passes and everything compiled.
    pub fn new(column: &Column, configuration: Configuration) -> Self {
        Self {
            column: column.clone(),
            session_of: column.backend.clone(),
            evaluated: false,
            value_stage: false,
            configuration,
            fuel: vec![None; PassId::ALL.len()],
            only: None,
            exits: Vec::new(),
            step: false,
        }
    }

    /// The same without any pass.
    #[must_use]
    pub fn without_passes(&self) -> Self {
        Self { fuel: vec![Some(0); PassId::ALL.len()], ..self.clone() }
    }

    fn passes(&self, dump: bool) -> PassConfig {
        let limits = PassId::ALL.iter().zip(&self.fuel);
        let mut config = limits.fold(PassConfig::default(), |config, (&pass, &limit)| config.with_fuel(pass, limit));
        config.dump = dump;
        config
    }

    /// How the compiler is told to; with the unit's text after each step, if asked for.
    pub fn compiler(&self, dump: bool) -> lockstep_compiler::Options {
        lockstep_compiler::Options {
            countdown: !self.step && !self.exits.is_empty(),
            step: self.step,
            stage: if self.value_stage { Stage::Value } else { Stage::Machine },
            passes: self.passes(dump),
            ..lockstep_compiler::Options::default()
        }
    }

    fn setup(&self, backends: &mut Backends) -> Result<Setup, String> {
        let backend = backends.share(&self.column.backend).map_err(|e| e.to_string())?;
        let units = |list: &Vec<(u32, Option<u32>)>| -> Arc<BTreeSet<UnitKey>> {
            Arc::new(list.iter().map(|&(func, header)| (FuncId(func), header.map(Pc))).collect())
        };
        Ok(Setup {
            compiler: self.compiler(false),
            countdown: !self.step && !self.exits.is_empty(),
            only: self.only.as_ref().map(units),
            session_of: Some(self.session_of.clone()),
            ..Setup::native(backend, self.column.level, self.configuration)
        })
    }
}

/// What is asked of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Does the interpreter do what a case states?
    Stated {
        /// The run of the case, as YAML.
        run: String,
    },
    /// Does this way do what the interpreter does?
    Compare(Way),
    /// What do interpreter and this way hold at its only exit?
    Frames(Way),
    /// How many events has the interpreter's run?
    Events {
        /// Count instructions instead.
        step: bool,
    },
    /// With which arguments was a function last called before a step?
    CallBefore {
        /// The function.
        func: u32,
        /// The instruction's number.
        step: u64,
    },
    /// Was the loop at a header gone round before a step, in the same activation? Then native code had been entered there already.
    WentRound {
        /// The function.
        func: u32,
        /// The header.
        header: u32,
        /// The instruction's number.
        step: u64,
    },
    /// What does the compiler do with a unit?
    Passes {
        /// How it is told to.
        way: Way,
        /// The unit: function, loop header.
        unit: (u32, Option<u32>),
    },
}

/// The answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// They are the same; or the interpreter does not end, which says nothing.
    Same {
        /// Whether the interpreter came to an end.
        ends: bool,
    },
    /// They differ.
    Differs {
        /// In which respect.
        class: Class,
        /// How, for people.
        what: String,
        /// The exit at which they do, if one was forced.
        exit: Option<u64>,
    },
    /// The frames; absent where a run did not get to the event.
    Frames {
        /// The interpreter's.
        interpreter: Option<Frame>,
        /// Of the way asked about.
        other: Option<Frame>,
    },
    /// Events of the interpreter's run.
    Events(u64),
    /// The arguments of a call, if there was one.
    Call(Option<Vec<Datum>>),
    /// Yes or no.
    Yes(bool),
    /// Changes by pass, in the order of the pipeline, and texts of the unit.
    Passes {
        /// Pass and number of changes.
        changes: Vec<(String, u64)>,
        /// After what, and the unit's text.
        dumps: Vec<(String, String)>,
    },
}

/// In which respect two runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Result, error or output.
    Wrong,
    /// It does not end.
    Hang,
    /// The process dies.
    Crash,
    /// The code is not made.
    Refused,
    /// Something is printed where nothing may be.
    Noise,
}

impl Class {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Wrong => "wrong result",
            Class::Hang => "hang",
            Class::Crash => "crash",
            Class::Refused => "refusal",
            Class::Noise => "noise",
        }
    }
}

/// A frame at an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function.
    pub func: u32,
    /// The instruction to execute next.
    pub pc: u32,
    /// Frames on the stack.
    pub depth: u32,
    /// Live registers: index, and what they hold.
    pub registers: Vec<(u8, String)>,
    /// Bytes written so far.
    pub output: usize,
}

impl From<Snapshot> for Frame {
    fn from(snapshot: Snapshot) -> Self {
        let text = |held: Held| match held {
            Held::Value(value) => value.to_string(),
            Held::Object { tag } => format!("an object tagged {tag}"),
            Held::Mistagged { tag, payload } => format!("{payload:#x} tagged {tag}"),
        };
        let registers = snapshot.registers.into_iter().map(|(reg, held)| (reg.0, text(held)));
        Self {
            func: snapshot.func.0,
            pc: snapshot.pc.0,
            depth: snapshot.depth,
            registers: registers.collect(),
            output: snapshot.output,
        }
    }
}

impl Subject {
    fn patience(&self, way: &Way) -> Duration {
        Duration::from_millis(self.patience_ms) * if way.evaluated { EVALUATION } else { 1 }
    }

    /// The program and the call.
    fn prepare(&self) -> Result<(Program, Call), String> {
        let module: Verified = decode(&self.module).map_err(|e| e.to_string())?;
        let entry = FuncId(self.entry);
        let case = ProgramCase {
            name: "subject".to_owned(),
            about: String::new(),
            program: None,
            file: None,
            entry: module.function(entry).name.clone(),
            runs: Vec::new(),
            limits: self.limits,
            sees_collector: false,
            cells: Vec::new(),
            twin: None,
            bench: None,
        };
        let args = self.args.iter().map(Datum::value).collect::<Option<Vec<_>>>().ok_or("no value")?;
        Ok((Program::new(module, case)?, Call { entry, args, expected: Expectation::Result(None) }))
    }

    /// Asks a question about it.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn ask(
        &self,
        question: &Question,
        backends: &mut Backends,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, String> {
        let (program, call) = self.prepare()?;
        match question {
            Question::Stated { run: stated } => {
                let mut program = program;
                program.case.runs = vec![serde_yaml::from_str(stated).map_err(|e| e.to_string())?];
                let expected = program.calls()?.remove(0).expected;
                let mut session = Setup::interpreter().session(&program, self.limits.resolve())?;
                let seen = run(&mut session, &call);
                Ok(match seen.meets(&program, &expected, &program.case.runs[0]) {
                    Ok(()) => Reply::Same { ends: true },
                    Err(what) => Reply::Differs { class: Class::Wrong, what, exit: None },
                })
            }
            Question::Compare(way) => self.compare(&program, &call, way, backends, progress),
            Question::Frames(way) => self.frames(&program, &call, way, backends, progress),
            Question::Events { step } => {
                let mut session = Setup::interpreter().session(&program, self.limits.resolve())?;
                session.set_steps(*step);
                session.force_exit(Some(u64::MAX));
                run(&mut session, &call);
                Ok(Reply::Events(session.events()))
            }
            Question::CallBefore { func, step } => self.call_before(&program, &call, FuncId(*func), *step),
            Question::WentRound { func, header, step } => {
                self.went_round(&program, &call, FuncId(*func), Pc(*header), *step)
            }
            Question::Passes { way, unit } => passes(&program, way, *unit, backends),
        }
    }

    fn compare(
        &self,
        program: &Program,
        call: &Call,
        way: &Way,
        backends: &mut Backends,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, String> {
        let limits = self.limits.resolve();
        let budget = limits.budget.unwrap_or(u64::MAX).min(self.patience_events);
        let mut reference = Setup::interpreter().session(program, Limits { budget: Some(budget), ..limits })?;
        let wanted = run(&mut reference, call);
        let exhausted = matches!(&wanted.outcome, Err(e) if e.kind == ErrorKind::BudgetExhausted);
        if exhausted && limits.budget.is_none() {
            return Ok(Reply::Same { ends: false });
        }
        let setup = way.setup(backends)?;
        let seams = setup.seams();
        progress("compiling");
        let mut session = setup.session(program, limits)?;
        session.set_steps(way.step);
        let watchdog = Watchdog::new(&session, self.patience(way));
        let differs = |class, what, exit| Ok(Reply::Differs { class, what, exit });
        let exits: Vec<Option<u64>> =
            if way.exits.is_empty() { vec![None] } else { way.exits.iter().copied().map(Some).collect() };
        for exit in exits {
            progress(&exit.map_or("running".to_owned(), |k| format!("{RUNNING_TO}{k}")));
            session.force_exit(exit);
            let seen = watchdog.during(|| {
                let mut seen = run(&mut session, call);
                seams.seen(&mut seen);
                seen
            });
            if let Some(refused) = session.stats().refusals.first() {
                let what =
                    format!("`{}` was not compiled: {}", program.module.function(refused.func).name, refused.detail);
                return differs(Class::Refused, what, exit);
            }
            if matches!(&seen.outcome, Err(e) if e.kind == ErrorKind::Interrupted) {
                return differs(Class::Hang, format!("still running after {} ms", self.patience_ms), exit);
            }
            if let Err(what) = seen.agrees(program, &wanted) {
                return differs(Class::Wrong, what, exit);
            }
        }
        Ok(Reply::Same { ends: true })
    }

    /// The interpreter's frames before a step, last first; as far back as is worth the time.
    fn backwards<'c>(
        &self,
        program: &Program,
        call: &'c Call,
        step: u64,
    ) -> Result<impl Iterator<Item = Snapshot> + use<'c>, String> {
        let mut session = Setup::interpreter().session(program, self.limits.resolve())?;
        session.set_steps(true);
        session.watch(true);
        Ok((1..=step).rev().take(STEPS_BACK).filter_map(move |k| {
            session.force_exit(Some(k));
            run(&mut session, call);
            session.take_snapshot()
        }))
    }

    fn went_round(&self, program: &Program, call: &Call, func: FuncId, header: Pc, step: u64) -> Result<Reply, String> {
        let mut frames = self.backwards(program, call, step)?;
        let Some(last) = frames.next() else { return Ok(Reply::Yes(false)) };
        // Deeper frames are calls that the loop makes; shallower ones end the activation.
        let mut after = last.pc;
        for frame in frames.take_while(|f| f.depth >= last.depth).filter(|f| f.depth == last.depth && f.func == func) {
            if after == header && frame.pc >= header {
                return Ok(Reply::Yes(true));
            }
            after = frame.pc;
        }
        Ok(Reply::Yes(false))
    }

    fn call_before(&self, program: &Program, call: &Call, func: FuncId, step: u64) -> Result<Reply, String> {
        let function = program.module.functions.get(func.index()).ok_or("no such function")?;
        let mut frames = self.backwards(program, call, step)?;
        let args = frames.find(|s| s.func == func && s.pc == Pc(0)).map(|seen| {
            let held = |n: usize| seen.registers.iter().find(|(reg, _)| reg.index() == n);
            let arg = |(n, kind): (usize, Kind)| match held(n) {
                Some((_, Held::Value(value))) => Datum::new(value),
                // Nothing reads it.
                _ => Datum::zero(kind),
            };
            function.params().enumerate().map(arg).collect()
        });
        Ok(Reply::Call(args))
    }

    fn frames(
        &self,
        program: &Program,
        call: &Call,
        way: &Way,
        backends: &mut Backends,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Reply, String> {
        let k = way.exits.first().copied();
        let look = |session: &mut Session| {
            session.set_steps(way.step);
            session.watch(true);
            session.force_exit(k);
            let watchdog = Watchdog::new(session, self.patience(way));
            watchdog.during(|| run(session, call));
            session.take_snapshot().map(Frame::from)
        };
        let limits = self.limits.resolve();
        let interpreter = look(&mut Setup::interpreter().session(program, limits)?);
        let setup = way.setup(backends)?;
        progress("compiling");
        let mut session = setup.session(program, limits)?;
        progress(&format!("{RUNNING_TO}{}", k.unwrap_or(0)));
        Ok(Reply::Frames { interpreter, other: look(&mut session) })
    }
}

/// How many times longer an evaluation may take than native code.
pub const EVALUATION: u32 = 40;

/// How far back the interpreter's run is looked at, in steps.
const STEPS_BACK: usize = 2000;

/// What a worker says before it runs to a forced exit; the event's number follows.
const RUNNING_TO: &str = "running to event ";

/// The forced exit that a worker was running to when it last spoke.
pub fn exit_of(progress: &str) -> Option<u64> {
    progress.strip_prefix(RUNNING_TO)?.parse().ok()
}

fn run(session: &mut Session, call: &Call) -> Observation {
    let outcome = session.run(call.entry, &call.args);
    session.close();
    Observation { outcome, output: session.take_output(), heap: session.take_reached() }
}

fn passes(
    program: &Program,
    way: &Way,
    (func, header): (u32, Option<u32>),
    backends: &mut Backends,
) -> Result<Reply, String> {
    let setup = way.setup(backends)?;
    let options = lockstep_compiler::Options {
        osr: header.map_or(OsrEntries::None, |pc| OsrEntries::Only(vec![Pc(pc)])),
        extra: setup.seams().extra_pass(),
        ..way.compiler(true)
    };
    let request = lockstep_compiler::Request { module: &program.module, func: FuncId(func), options: &options };
    let compiled = lockstep_compiler::compile(&request).map_err(|refusal| refusal.to_string())?;
    Ok(Reply::Passes {
        changes: compiled.changes.into_iter().map(|(pass, n)| (pass.name().to_owned(), n)).collect(),
        dumps: compiled.dumps.into_iter().map(|d| (d.after.to_owned(), d.text)).collect(),
    })
}

/// Interrupts a session that runs for too long. Code that does not even look for interrupts is ended with its process.
struct Watchdog {
    handle: lockstep_runtime::InterruptHandle,
    patience: Duration,
}

impl Watchdog {
    fn new(session: &Session, patience: Duration) -> Self {
        Self { handle: session.interrupt_handle(), patience }
    }

    fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        let (done, waiting) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if waiting.recv_timeout(self.patience) == Err(RecvTimeoutError::Timeout) {
                    self.handle.interrupt();
                }
            });
            let result = work();
            drop(done);
            result
        })
    }
}
