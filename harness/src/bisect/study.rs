//! How often a bisection is right: faults drawn by lot, in random programs on which they show, localised by something that does not know them.
//!
//! A draw is a fault and a program of at least 200 instructions. The bisection is given the backend's id with the fault's seal in place of its
//! name, and nothing else. Only when its verdict is there is the fault looked up, and layer and pass compared. docs/bisect.md has the transcript
//! of a run.

use std::fmt::Write;
use std::time::{Duration, Instant};

use lockstep_backend_api::{Artifact, Options, Target};
use lockstep_bytecode::{Module, Pc, Verified};
use lockstep_compiler::OsrEntries;
use lockstep_engine::UnitKey;
use serde::{Deserialize, Serialize};

use super::lab::Lab;
use super::probe::Way;
use super::show;
use super::verdict::{Layer, Verdict};
use super::{Found, Request, localise};
use crate::backends::{Backends, Column};
use crate::fault::{self, Fault};
use crate::program::fuzz::{self, Half, ProgramBatch};
use crate::worker::{Answer, Limits, Pool, Task};

/// Programs of fewer instructions are not drawn.
pub const LEAST: usize = 200;
/// Programs tried until the fault shows on one.
const PROGRAMS: usize = 60;

/// What to draw.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seed of the lot, and of the programs.
    pub seed: u64,
    /// How many draws.
    pub draws: usize,
    /// The backends that faults are planted in, in turn.
    pub columns: Vec<Column>,
    /// The evaluator.
    pub reference: Column,
    /// How long each program is reduced.
    pub reduce_for: Duration,
    /// How long native code may run before it counts as hanging.
    pub patience: Duration,
}

/// One draw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draw {
    /// The fault's id, revealed after the verdict.
    pub fault: String,
    /// Its layer.
    pub layer: String,
    /// The mistake.
    pub about: String,
    /// The program's index among those of the seed.
    pub program: u64,
    /// Its instructions.
    pub instructions: usize,
    /// The verdict, or why there is none.
    pub verdict: Result<Box<Verdict>, String>,
    /// Whether it is right.
    pub right: bool,
}

/// All draws.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Study {
    /// The seed.
    pub seed: u64,
    /// The draws.
    pub draws: Vec<Draw>,
    /// Faults that were drawn and showed on none of the programs tried.
    pub unseen: Vec<String>,
}

/// Whether a fault makes runs differ at all: others are for other gates to find.
fn shows_in_runs(fault: &Fault) -> bool {
    use fault::Layer as L;
    matches!(fault.layer, L::CodeGeneration | L::Optimiser | L::Exits | L::Osr | L::Loader | L::Errors | L::Process)
}

/// Whether a verdict names the layer at which a fault was planted, and its pass. What builds, lowers and leaves is one layer of the registry.
pub fn is_right(fault: &Fault, verdict: &Layer) -> bool {
    use fault::Layer as L;
    match (fault.layer, verdict) {
        (L::CodeGeneration | L::Loader | L::Process, Layer::Native) => true,
        (L::Optimiser, Layer::Optimiser { change }) => fault.pass().is_some_and(|pass| pass.name() == change.pass),
        (L::Exits, Layer::Construction | Layer::Lowering) => true,
        (L::Osr, Layer::Osr) => true,
        (L::Errors, Layer::Session) => true,
        _ => false,
    }
}

/// Whether the fault has changed the code of the function that a verdict names, in the way in which it fails. True where the verdict needs no
/// function: nothing compiled, or nothing run.
fn is_in_function(verdict: &Verdict, module: &Verified, faulty: &Column, sound: &Column) -> Result<bool, String> {
    let (Some(name), Some(way)) = (&verdict.function, &verdict.way) else { return Ok(true) };
    let units = verdict.units.iter().filter(|unit| unit.0 == *name);
    for (_, header) in units {
        let unit = (module.find(name).ok_or("a verdict names no function")?, header.map(Pc));
        if !code(module, unit, way, faulty)?.same_code(&code(module, unit, way, sound)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a backend makes of a unit, with all that its session adds.
fn code(module: &Verified, (func, header): UnitKey, way: &Way, column: &Column) -> Result<Artifact, String> {
    let seams = fault::seams(&column.backend);
    let options = lockstep_compiler::Options {
        osr: header.map_or(OsrEntries::None, |pc| OsrEntries::Only(vec![pc])),
        extra: seams.extra_pass(),
        ..way.compiler(false)
    };
    let request = lockstep_compiler::Request { module, func, options: &options };
    let mut compiled = lockstep_compiler::compile(&request).map_err(|refusal| refusal.to_string())?;
    if let Some(tamper) = seams.tamper() {
        tamper(&mut compiled);
    }
    let target = Target::host().ok_or("no backend can make code for this machine")?;
    let backend = Backends::new().share(&column.backend).map_err(|e| e.to_string())?;
    backend.compile(&compiled.unit, &target, &Options::at(column.level)).map_err(|e| e.to_string())
}

/// Draws, localises and judges. `tell` hears of each step, `drawn` of each draw when it is judged.
///
/// # Errors
/// It cannot be tried.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&str), drawn: &mut dyn FnMut(&Draw)) -> Result<Study, String> {
    let mut lot = fastrand::Rng::with_seed(plan.seed);
    let mut faults: Vec<&Fault> = fault::all().filter(|f| shows_in_runs(f)).collect();
    lot.shuffle(&mut faults);
    let mut study = Study { seed: plan.seed, draws: Vec::new(), unseen: Vec::new() };
    let pool = Pool::new(Limits { silence: Duration::from_secs(10), ..Limits::default() });
    for fault in faults.into_iter().cycle() {
        if study.draws.len() == plan.draws || study.unseen.len() > plan.draws {
            break;
        }
        let sound = &plan.columns[study.draws.len() % plan.columns.len()];
        let column = Column { backend: fault::id(&fault::seal(fault.id), &sound.backend), level: sound.level };
        tell(&format!("draw {}: looking for a program", study.draws.len() + 1));
        let Some(index) = program(plan.seed, &column, &mut lot, &pool)? else {
            if study.unseen.iter().any(|f| f == fault.id) {
                continue;
            }
            study.unseen.push(fault.id.to_owned());
            continue;
        };
        let program = fuzz::case(plan.seed, index)?;
        let request = Request {
            case: format!("random:{}:{index}", plan.seed),
            run: None,
            column,
            configuration: None,
            reference: plan.reference.clone(),
            reduce_for: plan.reduce_for,
            patience: plan.patience,
        };
        let lab = Lab::new(plan.patience + Duration::from_secs(1));
        let start = Instant::now();
        let found = localise(&lab, &program, &request, &mut |step| {
            tell(&format!("draw {}: {step}, {} s", study.draws.len() + 1, start.elapsed().as_secs()));
        });
        let verdict = match found {
            Ok(Found::Verdict(verdict)) => Ok(verdict),
            Ok(Found::Nothing) => Err("nothing was found to fail".to_owned()),
            Err(why) => Err(why),
        };
        // Only now is the answer looked at.
        let column = &request.column;
        let right = match &verdict {
            // What a backend does to its process is no function's.
            Ok(v) if fault.layer == fault::Layer::Process => is_right(fault, &v.layer),
            Ok(v) => is_right(fault, &v.layer) && is_in_function(v, &program.module, column, sound)?,
            Err(_) => false,
        };
        let instructions = length(&program.module);
        let draw = Draw {
            fault: fault.id.to_owned(),
            layer: fault.layer.name().to_owned(),
            about: fault.about.to_owned(),
            program: index,
            instructions,
            verdict,
            right,
        };
        drawn(&draw);
        study.draws.push(draw);
    }
    Ok(study)
}

fn length(module: &Module) -> usize {
    super::edit::size(module)
}

/// A program that is long enough and on which the column goes wrong.
fn program(seed: u64, column: &Column, lot: &mut fastrand::Rng, pool: &Pool) -> Result<Option<u64>, String> {
    let mut tried = 0;
    while tried < PROGRAMS {
        let index = lot.u64(..1 << 32);
        if fuzz::length(seed, index) < LEAST {
            continue;
        }
        tried += 1;
        let batch = ProgramBatch {
            seed,
            first: index,
            count: 1,
            columns: vec![column.clone()],
            half: Half::Typed,
            shrink: false,
        };
        match pool.run(&Task::FuzzPrograms { batch }) {
            Ok(Answer::FuzzPrograms(report)) if report.divergences.is_empty() => {}
            Ok(Answer::Refused { why }) => return Err(why),
            // A death is a divergence, too.
            _ => return Ok(Some(index)),
        }
    }
    Ok(None)
}

impl Draw {
    /// The draw in a line.
    pub fn line(&self) -> String {
        let (said, reduced, seconds) = match &self.verdict {
            Ok(v) => (brief(&v.layer), v.reduced.as_ref().map_or(0, |r| r.to), v.seconds),
            Err(why) => (format!("no verdict ({why})"), 0, 0.0),
        };
        let (right, from) = (if self.right { "right" } else { "WRONG" }, self.instructions);
        format!(
            "{right}  {said}; {from} to {reduced} instructions, {seconds:.1} s; it was {} ({})",
            self.fault, self.layer
        )
    }
}

impl Study {
    /// How many verdicts are right.
    pub fn right(&self) -> usize {
        self.draws.iter().filter(|d| d.right).count()
    }

    /// How many programs were reduced to so many instructions or fewer.
    pub fn reduced_to(&self, most: usize) -> usize {
        let small = |d: &&Draw| d.verdict.as_ref().is_ok_and(|v| v.reduced.as_ref().is_some_and(|r| r.to <= most));
        self.draws.iter().filter(small).count()
    }

    /// Median of the seconds that bisections took.
    pub fn median_seconds(&self) -> f64 {
        let mut seconds: Vec<f64> =
            self.draws.iter().filter_map(|d| d.verdict.as_ref().ok()).map(|v| v.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The transcript, as Markdown.
    pub fn transcript(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("writing to a string");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "{} of {} verdicts right; {} reduced to 15 instructions or fewer; median {:.1} s.\n",
            self.right(),
            self.draws.len(),
            self.reduced_to(15),
            self.median_seconds()
        )?;
        if !self.unseen.is_empty() {
            writeln!(
                out,
                "Drawn, and showing on none of {PROGRAMS} programs, so replaced: {}.\n",
                self.unseen.join(", ")
            )?;
        }
        writeln!(out, "| draw | program | verdict | reduced | seconds | the fault was | |")?;
        writeln!(out, "| ---: | --- | --- | ---: | ---: | --- | --- |")?;
        for (n, draw) in self.draws.iter().enumerate() {
            let (said, reduced, seconds) = match &draw.verdict {
                Ok(v) => (
                    brief(&v.layer),
                    v.reduced.as_ref().map_or("-".to_owned(), |r| format!("{} → {}", r.from, r.to)),
                    format!("{:.1}", v.seconds),
                ),
                Err(_) => ("none".to_owned(), "-".to_owned(), "-".to_owned()),
            };
            let mark = if draw.right { "right" } else { "**wrong**" };
            writeln!(
                out,
                "| {} | {} | {said} | {reduced} | {seconds} | {} ({}) | {mark} |",
                n + 1,
                draw.program,
                draw.fault,
                draw.layer
            )?;
        }
        for (n, draw) in self.draws.iter().enumerate() {
            writeln!(out, "\n### Draw {}\n", n + 1)?;
            match &draw.verdict {
                Ok(verdict) => {
                    writeln!(out, "```text\n{}```\n", show::text(verdict, show::Style::new(false)))?;
                }
                Err(why) => writeln!(out, "No verdict: {why}\n")?,
            }
            writeln!(
                out,
                "The fault: **{}**, {}: {}. {}.",
                draw.fault,
                draw.layer,
                draw.about,
                if draw.right { "Right" } else { "Wrong" }
            )?;
        }
        Ok(())
    }
}

fn brief(layer: &Layer) -> String {
    match layer {
        Layer::Optimiser { change } => format!("optimiser: {}, change {}", change.pass, change.number),
        other => other.name().to_owned(),
    }
}
