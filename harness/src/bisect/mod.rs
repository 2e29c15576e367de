//! Localisation: from a program that fails on a backend to the layer, the unit, the pass and the change, the first differing instruction with
//! both frames, and a reduced program that shows it.
//!
//! - [`probe`]: one experiment, as plain data, made in a worker; [`lab`]: where they are made.
//! - [`search`]: in which way it fails; which layer, units, change; [`parting`]: where the runs part.
//! - [`mod@reduce`] over [`edit`]: the smallest program found; [`case`]: it as YAML.
//! - [`verdict`]: what was found; [`show`]: for people.
//! - [`ir`]: the same for IR cases, as far as it applies; [`study`]: how often it is right.
//!
//! It knows no fault: whatever is wrong with a backend, planted or not, it learns from runs. docs/bisect.md tells how to use it.

pub mod case;
mod datum;
mod diff;
pub mod edit;
pub mod ir;
pub mod lab;
pub mod parting;
pub mod probe;
pub mod reduce;
pub mod search;
pub mod show;
pub mod study;
pub mod verdict;

use std::time::{Duration, Instant};

use lockstep_bytecode::{FuncId, Verified, encode};

pub use datum::Datum;

use self::lab::{Difference, Lab, Outcome};
use self::parting::first_difference;
use self::probe::{Subject, Way};
use self::reduce::{Candidate, reduce};
use self::search::{Ladder, reproduce};
use self::verdict::{Layer, Manner, Reduced, VERSION, Verdict};
use crate::backends::Column;
use crate::program::case::Call;
use crate::program::{Configuration, Program};

/// What to localise, and how far to go.
#[derive(Clone, Debug)]
pub struct Request {
    /// The case's name.
    pub case: String,
    /// Which of its runs; the first that fails, if not said.
    pub run: Option<usize>,
    /// Where it fails.
    pub column: Column,
    /// In which configuration; the first that fails, if not said.
    pub configuration: Option<Configuration>,
    /// The evaluator.
    pub reference: Column,
    /// How long to reduce; not at all, if zero.
    pub reduce_for: Duration,
    /// How long native code may run before it counts as hanging.
    pub patience: Duration,
}

/// What a request comes to.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing fails.
    Nothing,
    /// This.
    Verdict(Box<Verdict>),
}

/// How long the interpreter may run, in back edges and calls, on a program that was changed.
const PATIENCE_EVENTS: u64 = 50_000;

/// How long native code may run on a program that was changed, in milliseconds: far longer than the interpreter may.
const PATIENCE_MS: u64 = 120;

/// Programs of so many instructions are small enough to be read; above it, a reduction may change the symptom.
const SMALL: usize = 15;

/// Exits forced one by one in runs of reduced programs.
const REDUCED_EXITS: u64 = 12;

impl Subject {
    /// A call of a program.
    pub fn new(program: &Program, call: &Call, patience: Duration) -> Self {
        Self {
            module: encode(&program.module),
            entry: call.entry.0,
            args: call.args.iter().map(Datum::new).collect(),
            limits: program.case.limits,
            patience_events: u64::MAX,
            patience_ms: patience.as_millis() as u64,
        }
    }

    fn of(candidate: &Candidate, like: &Subject) -> Self {
        Self {
            module: encode(&candidate.module),
            entry: candidate.entry.0,
            args: candidate.args.clone(),
            patience_events: PATIENCE_EVENTS,
            patience_ms: like.patience_ms.min(PATIENCE_MS),
            ..like.clone()
        }
    }
}

/// Localises what is wrong with a case on a backend. `tell` hears of each step.
///
/// # Errors
/// It cannot be tried.
pub fn localise(lab: &Lab, program: &Program, request: &Request, tell: &mut dyn FnMut(&str)) -> Result<Found, String> {
    let start = Instant::now();
    let calls = program.calls()?;
    let chosen = |n: usize| request.run.is_none_or(|run| run == n);
    for (n, call) in calls.iter().enumerate().filter(|(n, _)| chosen(*n)) {
        tell(&format!("run {n}"));
        let subject = Subject::new(program, call, request.patience);
        let line = line(request, n);
        if let Err(what) = lab.interpreter(&subject, program, n)? {
            let difference = Difference { class: probe::Class::Wrong, what, exit: None, compiling: false };
            let mut verdict = Verdict::new(request, n, difference, line);
            verdict.rungs = others(lab, &subject, request)?;
            verdict.finish(lab, start);
            return Ok(Found::Verdict(Box::new(verdict)));
        }
        let Some((way, difference)) = reproduce(lab, &subject, &request.column, request.configuration)? else {
            continue;
        };
        let mut verdict = Verdict::new(request, n, difference, line);
        let mut search = Localisation { lab, request, subject, tell, verdict: &mut verdict };
        search.run(&program.module, way)?;
        verdict.finish(lab, start);
        return Ok(Found::Verdict(Box::new(verdict)));
    }
    Ok(Found::Nothing)
}

/// What others say of a run that the interpreter gets wrong: whether they agree with it.
fn others(lab: &Lab, subject: &Subject, request: &Request) -> Result<Vec<verdict::Rung>, String> {
    let columns = [("the evaluator", &request.reference, true), ("the backend", &request.column, false)];
    let ask = |(name, column, evaluated): (&str, &Column, bool)| {
        let way = Way { evaluated, ..Way::new(column, Configuration::Eager) };
        let differs = lab.compare(subject, &way)?.difference().map(|d| d.what);
        Ok(verdict::Rung { what: format!("{name} against the interpreter"), differs })
    };
    columns.into_iter().map(ask).collect()
}

/// The line that localises the same again.
fn line(request: &Request, run: usize) -> String {
    let word = crate::cli::shell_word;
    format!(
        "lockstep bisect {} --backend {} --level {} --run {run}",
        word(&request.case),
        word(&request.column.backend),
        request.column.level
    )
}

struct Localisation<'l> {
    lab: &'l Lab,
    request: &'l Request,
    subject: Subject,
    tell: &'l mut dyn FnMut(&str),
    verdict: &'l mut Verdict,
}

impl Localisation<'_> {
    fn ladder(&self) -> Ladder<'_> {
        Ladder { lab: self.lab, reference: self.request.reference.clone(), rungs: Vec::new() }
    }

    fn run(&mut self, module: &Verified, way: Way) -> Result<(), String> {
        (self.tell)("layer");
        let mut ladder = self.ladder();
        let mut layer = ladder.layer(&self.subject, &way)?;
        self.verdict.rungs = std::mem::take(&mut ladder.rungs);
        let mut narrow = way.clone();
        let mut unit = None;
        if layer != Layer::Session && !self.verdict.difference.compiling {
            (self.tell)("units");
            let units = self.ladder().units(&self.subject, module, &way)?;
            narrow.only = Some(units.clone());
            let name = |func: u32| module.function(FuncId(func)).name.clone();
            self.verdict.units = units.iter().map(|&(func, header)| (name(func), header)).collect();
            (self.tell)("first differing instruction");
            let executed = if layer == Layer::Native { narrow.clone() } else { self.ladder().evaluated(&narrow) };
            self.verdict.parting = first_difference(self.lab, &self.subject, module, &executed)?;
            let guilty = self.verdict.parting.as_ref().and_then(|p| p.place.as_ref()).map(|p| p.function.clone());
            unit = units.iter().copied().find(|u| guilty.as_ref() == Some(&name(u.0))).or(units.first().copied());
            self.verdict.function = unit.map(|u| name(u.0));
            if layer == Layer::Lowering && self.verdict.parting.as_ref().is_some_and(|p| p.manner == Manner::Entered) {
                layer = Layer::Osr;
            }
        }
        if let (Layer::Optimiser { change }, Some(unit)) = (&mut layer, unit) {
            (self.tell)("change");
            *change = self.ladder().change(&self.subject, &narrow, unit)?;
        }
        self.verdict.layer = layer;
        self.verdict.way = Some(narrow);
        if self.request.reduce_for > Duration::ZERO {
            self.reduce(module, &way)?;
        }
        // In the whole program an entry's mistake may first show on a later round, in the reduced one at once.
        let entered = |p: &verdict::Parting| p.manner == Manner::Entered;
        let reduced = self.verdict.reduced.as_ref().and_then(|r| r.parting.as_ref());
        if self.verdict.layer == Layer::Lowering && reduced.is_some_and(entered) {
            self.verdict.layer = Layer::Osr;
        }
        Ok(())
    }

    /// Whether a candidate fails as the whole does: on the backend, in the same respect unless `any` will do, and not where the layer's neighbour
    /// is sound.
    fn fails(
        &self,
        candidate: &Candidate,
        way: &Way,
        sound: Option<&Way>,
        any: bool,
    ) -> Result<Option<Difference>, String> {
        let subject = Subject::of(candidate, &self.subject);
        let Outcome::Differs(difference) = self.lab.compare(&subject, way)? else { return Ok(None) };
        if !any && difference.class != self.verdict.difference.class
            || difference.compiling != self.verdict.difference.compiling
        {
            return Ok(None);
        }
        let sound = match sound {
            Some(sound) => self.lab.compare(&subject, sound)? == Outcome::Same { ends: true },
            None => true,
        };
        Ok(sound.then_some(difference))
    }

    fn reduce(&mut self, module: &Verified, way: &Way) -> Result<(), String> {
        (self.tell)("reducing");
        let mut way = Way { only: None, ..way.clone() };
        if self.verdict.layer == Layer::Session {
            way.only = Some(Vec::new());
        }
        if !way.exits.is_empty() {
            // Which event it is changes with the program.
            way.exits = (1..=REDUCED_EXITS).chain(way.exits.iter().copied().filter(|k| *k > REDUCED_EXITS)).collect();
        }
        let sound = self.ladder().sound(&self.verdict.layer, &way);
        let start = Candidate {
            module: (**module).clone(),
            entry: FuncId(self.subject.entry),
            args: self.subject.args.clone(),
        };
        let deadline = Instant::now() + self.request.reduce_for;
        let mut error = None;
        let from = edit::size(&start.module);
        let mut any = false;
        let smallest = {
            let mut failing = |candidate: &Candidate, any: bool| {
                let failed = self.fails(candidate, &way, sound.as_ref(), any).unwrap_or_else(|e| {
                    error = Some(e);
                    None
                });
                failed.is_some()
            };
            let mut fails = |candidate: &Candidate, _: &Verified| failing(candidate, false);
            let hoisted = self.hoisted(&start)?.filter(|candidate| {
                Verified::new(candidate.module.clone()).is_ok_and(|module| fails(candidate, &module))
            });
            let reduced = reduce(hoisted.unwrap_or(start), deadline, &mut fails);
            // Wrong code that crashes here gives a wrong result there. Where a sound neighbour keeps the fault the same one, that may make the rest smaller.
            if sound.is_some() && edit::size(&reduced.module) > SMALL {
                any = true;
                reduce(reduced, deadline, &mut |candidate, _| failing(candidate, true))
            } else {
                reduced
            }
        };
        if let Some(error) = error {
            return Err(error);
        }
        let Some(difference) = self.fails(&smallest, &way, sound.as_ref(), any)? else {
            // Not even the whole program fails where its neighbour is sound: it is not reduced.
            return Ok(());
        };
        way.exits = difference.exit.into_iter().collect();
        (self.tell)("reduced case");
        let subject = Subject::of(&smallest, &self.subject);
        let mut narrow = way.clone();
        let parting = if self.verdict.layer == Layer::Session || difference.compiling {
            None
        } else {
            narrow.only = Some(self.ladder().units(&subject, &smallest.module, &way)?);
            let executed = if self.verdict.layer == Layer::Native { narrow } else { self.ladder().evaluated(&narrow) };
            first_difference(self.lab, &subject, &smallest.module, &executed)?
        };
        let case = case::write(&smallest, &self.subject.limits, self.verdict, &difference)?;
        let confirmed = self.confirmed(&case, &way)?;
        self.verdict.reduced = Some(Reduced {
            from,
            to: edit::size(&smallest.module),
            program: case.program.clone(),
            call: case.call.clone(),
            difference,
            parting,
            yaml: case.yaml,
            confirmed,
        });
        Ok(())
    }

    /// The function in which the runs part, called as it was then.
    fn hoisted(&self, whole: &Candidate) -> Result<Option<Candidate>, String> {
        let Some(parting) = self.verdict.parting.as_ref().filter(|p| p.step) else { return Ok(None) };
        let name = parting.place.as_ref().map(|p| p.function.as_str()).unwrap_or_default();
        let Some(entry) = whole.module.find(name).filter(|entry| *entry != whole.entry) else { return Ok(None) };
        let args = self.lab.call_before(&self.subject, entry.0, parting.event)?;
        Ok(args.map(|args| Candidate { entry, args, ..whole.clone() }))
    }

    /// Whether the written case, read back, fails in the same way.
    fn confirmed(&self, case: &case::Written, way: &Way) -> Result<bool, String> {
        let program = case::read(&case.yaml)?;
        let calls = program.calls()?;
        let call = calls.first().ok_or("a case without runs")?;
        let subject =
            Subject { patience_events: PATIENCE_EVENTS, ..Subject::new(&program, call, self.request.patience) };
        let again = self.lab.compare(&subject, way)?.difference();
        Ok(again.is_some_and(|d| d.class == self.verdict.difference.class))
    }
}

impl Verdict {
    fn new(request: &Request, run: usize, difference: Difference, line: String) -> Self {
        Self {
            lockstep_bisect: VERSION,
            case: request.case.clone(),
            run,
            column: request.column.to_string(),
            way: None,
            difference,
            layer: Layer::Interpreter,
            rungs: Vec::new(),
            units: Vec::new(),
            function: None,
            parting: None,
            reduced: None,
            line,
            written: None,
            probes: 0,
            seconds: 0.0,
        }
    }

    fn finish(&mut self, lab: &Lab, start: Instant) {
        self.probes = lab.probes();
        self.seconds = start.elapsed().as_secs_f64();
    }
}
