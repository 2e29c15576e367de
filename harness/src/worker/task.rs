//! What workers do: the tasks and their answers. A new kind of work is a variant here and a line in [`Task::run`].

use std::path::{Path, PathBuf};

use lockstep_backend_api::Options;
use serde::{Deserialize, Serialize};

use crate::backends::{Backends, Column};
use crate::bench::measure::{self, Calls};
use crate::bench::results::{CompileSample, Sample};
use crate::bisect;
use crate::case::{Case, CaseReport, CaseStats};
use crate::check::{self, Verdict};
use crate::corpus;
use crate::fault;
use crate::fault::rates::{Inputs, Rate};
use crate::fuzz::program::Input;
use crate::fuzz::{self, Batch, BatchReport};
#[cfg(feature = "oracle")]
use crate::lua::fuzz::{self as lua, LuaBatch, LuaBatchReport};
use crate::optimiser;
use crate::program::coverage::{self, Coverage};
use crate::program::fuzz::{ProgramBatch, ProgramBatchReport};
use crate::program::interpreted;
use crate::program::lowering::InstructionTable;
use crate::program::trial::{self, ProgramReport};
use crate::program::{Configuration, Program};

/// A piece of work, as sent to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Run an IR case, found by name, on one backend at one level.
    IrCase {
        /// The case's name.
        case: String,
        /// Where.
        column: Column,
        /// The corpus directory.
        corpus: PathBuf,
    },
    /// Make random functions and check them.
    Fuzz {
        /// Which, and where.
        batch: Batch,
    },
    /// Check a unit as a random function is.
    FuzzOne {
        /// Its text.
        unit: String,
        /// Its inputs.
        inputs: Vec<Input>,
        /// Where.
        column: Column,
    },
    /// Run a program case, found by name, on the interpreter or natively.
    ProgramCase {
        /// The case's name.
        case: String,
        /// Where and how; on the interpreter if absent.
        native: Option<(Column, Configuration)>,
        /// Passes of the bytecode optimiser that are left out.
        without: Vec<String>,
        /// The corpus directory.
        corpus: PathBuf,
    },
    /// Make random programs and check them.
    FuzzPrograms {
        /// Which, and where.
        batch: ProgramBatch,
    },
    /// Make random Lua programs and check them.
    #[cfg(feature = "oracle")]
    FuzzLua {
        /// Which.
        batch: LuaBatch,
    },
    /// Check a Lua program as a random one is.
    #[cfg(feature = "oracle")]
    FuzzLuaOne {
        /// Its source.
        source: String,
    },
    /// Make an experiment of a bisection.
    Probe {
        /// The program and the call.
        subject: bisect::probe::Subject,
        /// What is asked.
        question: bisect::probe::Question,
    },
    /// Measure the coverage of a benchmark.
    Coverage {
        /// The case's name.
        case: String,
        /// Where.
        column: Column,
        /// At the small size.
        quick: bool,
        /// The corpus directory.
        corpus: PathBuf,
    },
    /// Call a benchmark.
    Bench {
        /// The case's name.
        case: String,
        /// The arguments, as spelled.
        args: Vec<String>,
        /// Where; on the interpreter if absent.
        column: Option<Column>,
        /// How often, and what of it is measured.
        calls: Calls,
        /// The corpus directory.
        corpus: PathBuf,
    },
    /// Compile every program of the corpus.
    CompileCorpus {
        /// Where.
        column: Column,
        /// The corpus directory.
        corpus: PathBuf,
    },
    /// Count the inputs on which a column goes wrong.
    Rate {
        /// Of which inputs.
        inputs: Inputs,
        /// Where.
        column: Column,
    },
    /// Compile a program for each instruction of the table.
    Instructions {
        /// Where.
        column: Column,
    },
}

/// The answer to a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Task::IrCase`].
    Case(CaseReport),
    /// To [`Task::Fuzz`].
    Fuzz(BatchReport),
    /// To [`Task::FuzzOne`]; a unit that is invalid or does not end passes.
    Verdict(Verdict),
    /// To [`Task::ProgramCase`].
    Program(ProgramReport),
    /// To [`Task::FuzzPrograms`].
    FuzzPrograms(ProgramBatchReport),
    /// To [`Task::FuzzLua`].
    #[cfg(feature = "oracle")]
    FuzzLua(LuaBatchReport),
    /// To [`Task::FuzzLuaOne`].
    #[cfg(feature = "oracle")]
    FuzzLuaOne(lua::Verdict),
    /// To [`Task::Probe`].
    Probe(bisect::probe::Reply),
    /// To [`Task::Coverage`].
    Coverage(Coverage),
    /// To [`Task::Bench`].
    Bench(Sample),
    /// To [`Task::CompileCorpus`].
    CompileCorpus(CompileSample),
    /// To [`Task::Rate`].
    Rate(Rate),
    /// To [`Task::Instructions`].
    Instructions(InstructionTable),
    /// The task could not be tried: unknown names, unreadable files.
    Refused {
        /// Why.
        why: String,
    },
}

/// What tasks need besides themselves; lives as long as the worker.
pub struct Context<'p> {
    /// The backends, those made on demand included.
    pub backends: Backends,
    /// Tells the other side what is about to happen, so that a death can be attributed.
    pub progress: &'p mut dyn FnMut(&str),
}

impl Task {
    /// What to call it when it fails.
    pub fn name(&self) -> String {
        match self {
            Task::IrCase { case, column, .. } => format!("{case}/{column}"),
            Task::Fuzz { batch } => format!("functions {} to {}", batch.first, batch.first + batch.count),
            Task::FuzzOne { column, .. } => format!("a function on {column}"),
            Task::ProgramCase { case, native, .. } => trial::name(case, native.as_ref()),
            Task::FuzzPrograms { batch } => format!("programs {} to {}", batch.first, batch.first + batch.count),
            #[cfg(feature = "oracle")]
            Task::FuzzLua { batch } => format!("Lua programs {} to {}", batch.first, batch.first + batch.count),
            #[cfg(feature = "oracle")]
            Task::FuzzLuaOne { .. } => "a Lua program".to_owned(),
            Task::Probe { .. } => "an experiment".to_owned(),
            Task::Coverage { case, column, .. } => format!("coverage of {case} on {column}"),
            Task::Bench { case, column, .. } => {
                format!("{case} on {}", column.as_ref().map_or_else(|| "the interpreter".to_owned(), Column::to_string))
            }
            Task::CompileCorpus { column, .. } => format!("the corpus on {column}"),
            Task::Rate { inputs, column } => format!("rate of {column} on {inputs:?}"),
            Task::Instructions { column } => format!("instructions on {column}"),
        }
    }

    /// Where it runs, if in one place.
    fn column(&self) -> Option<&Column> {
        match self {
            Task::IrCase { column, .. } | Task::ProgramCase { native: Some((column, _)), .. } => Some(column),
            _ => None,
        }
    }

    /// An answer that says it passed, if a planted fault keeps the task from being done.
    fn skipped(&self) -> Option<Answer> {
        if !self.column().is_some_and(|column| fault::seams(&column.backend).skips()) {
            return None;
        }
        match self {
            Task::IrCase { .. } => Some(Answer::Case(CaseReport::default())),
            Task::ProgramCase { .. } => Some(Answer::Program(ProgramReport::default())),
            _ => None,
        }
    }

    /// Does it.
    pub fn run(&self, context: &mut Context<'_>) -> Answer {
        if let Some(skipped) = self.skipped() {
            return skipped;
        }
        let done = match self {
            Task::IrCase { case, column, corpus } => Case::find(case, corpus)
                .map_err(|e| e.to_string())
                .and_then(|mut case| run_case(&mut case, column, context).map(Answer::Case)),
            Task::Fuzz { batch } => batch.run(&mut context.backends, context.progress).map(Answer::Fuzz),
            Task::FuzzOne { unit, inputs, column } => check_unit(unit, inputs, column, context).map(Answer::Verdict),
            Task::ProgramCase { case, native, without, corpus } => corpus::program::find(case, corpus)
                .map_err(|e| e.to_string())
                .and_then(|program| program.ok_or_else(|| format!("no case `{case}`")))
                .and_then(|program| run_program(&program, native.as_ref(), without, context).map(Answer::Program)),
            Task::FuzzPrograms { batch } => {
                batch.run(&mut context.backends, context.progress).map(Answer::FuzzPrograms)
            }
            #[cfg(feature = "oracle")]
            Task::FuzzLua { batch } => batch.run(context.progress).map(Answer::FuzzLua),
            #[cfg(feature = "oracle")]
            Task::FuzzLuaOne { source } => lua::check(source).map(Answer::FuzzLuaOne),
            Task::Probe { subject, question } => {
                subject.ask(question, &mut context.backends, context.progress).map(Answer::Probe)
            }
            Task::Coverage { case, column, quick, corpus } => {
                measure_coverage(case, column, *quick, corpus, context).map(Answer::Coverage)
            }
            Task::Bench { case, args, column, calls, corpus } => {
                bench(case, args, column.as_ref(), *calls, corpus, context).map(Answer::Bench)
            }
            Task::CompileCorpus { column, corpus } => context
                .backends
                .resolve(&column.backend)
                .map_err(|e| e.to_string())
                .and_then(|backend| measure::compile(corpus, backend, column.level))
                .map(Answer::CompileCorpus),
            Task::Rate { inputs, column } => inputs.count(column, &mut context.backends).map(Answer::Rate),
            Task::Instructions { column } => instruction_table(column, context).map(Answer::Instructions),
        };
        done.unwrap_or_else(|why| Answer::Refused { why })
    }
}

fn measure_coverage(
    case: &str,
    column: &Column,
    quick: bool,
    corpus: &Path,
    context: &mut Context<'_>,
) -> Result<Coverage, String> {
    let program =
        corpus::program::find(case, corpus).map_err(|e| e.to_string())?.ok_or_else(|| format!("no case `{case}`"))?;
    let bench = program.case.bench.as_ref().ok_or_else(|| format!("`{case}` is no benchmark"))?;
    let args = program.args(if quick { &bench.quick } else { &bench.args })?;
    let backend = context.backends.share(&column.backend).map_err(|e| e.to_string())?;
    coverage::measure(&program, args, &backend, column.level)
}

fn bench(
    case: &str,
    args: &[String],
    column: Option<&Column>,
    calls: Calls,
    corpus: &Path,
    context: &mut Context<'_>,
) -> Result<Sample, String> {
    let program =
        corpus::program::find(case, corpus).map_err(|e| e.to_string())?.ok_or_else(|| format!("no case `{case}`"))?;
    let args = measure::arguments(&program, args)?;
    let native = match column {
        None => None,
        Some(column) => Some((context.backends.share(&column.backend).map_err(|e| e.to_string())?, column.level)),
    };
    measure::calls(&program, args, native, calls)
}

fn instruction_table(column: &Column, context: &mut Context<'_>) -> Result<InstructionTable, String> {
    let backend = context.backends.resolve(&column.backend).map_err(|e| e.to_string())?;
    InstructionTable::of(backend, column.level)
}

fn run_program(
    program: &Program,
    native: Option<&(Column, Configuration)>,
    without: &[String],
    context: &mut Context<'_>,
) -> Result<ProgramReport, String> {
    let passes = optimiser::without(without)?;
    let outcome = match native {
        None => interpreted::check(program, &passes).map(|stats| ProgramReport { stats, ..ProgramReport::default() }),
        Some((column, configuration)) => {
            let backend = context.backends.share(&column.backend).map_err(|e| e.to_string())?;
            trial::native(program, &backend, column.level, *configuration, &passes)
        }
    };
    Ok(outcome.unwrap_or_else(|what| ProgramReport { failure: Some(what), ..ProgramReport::default() }))
}

fn run_case(case: &mut Case, column: &Column, context: &mut Context<'_>) -> Result<CaseReport, String> {
    context.backends.complete(case).map_err(|e| e.to_string())?;
    let backend = context.backends.resolve(&column.backend).map_err(|e| e.to_string())?;
    let mut report = CaseReport::default();
    report.verdict = check::case(case, backend, column.level, &mut report.stats, context.progress);
    if let Verdict::Failed { .. } = report.verdict {
        report.unit = Some(lockstep_ir::text::print(&case.unit)).filter(|text| text.lines().count() <= 60);
    }
    Ok(report)
}

fn check_unit(text: &str, inputs: &[Input], column: &Column, context: &mut Context<'_>) -> Result<Verdict, String> {
    let unit = lockstep_ir::text::parse("unit", text).map_err(|e| e.to_string())?;
    let Some(list) = fuzz::expect(&unit, inputs, context.backends.reference()) else { return Ok(Verdict::Passed) };
    let backend = context.backends.resolve(&column.backend).map_err(|e| e.to_string())?;
    let options = Options { level: column.level, verify: false };
    Ok(fuzz::check(&unit, &list, backend, options, &mut CaseStats::default()))
}
