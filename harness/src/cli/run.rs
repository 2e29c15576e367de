//! `lockstep run`: a program on the interpreter, or with native code by a backend.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use lockstep_backend_api::{Execution, Level, Options as BackendOptions, Target};
use lockstep_bytecode::{Kind, Verified};
use lockstep_compiler::PassConfig;
use lockstep_engine::{Config, DEFAULT_THRESHOLDS, Mode, Pipeline, Session, UnitKey};
use lockstep_lua::Standard;
use lockstep_lua::standalone::{self, Conditions, Invocation, Step};
use lockstep_runtime::{Limits, Thresholds, Value};

use super::optimiser::Optimise;
use super::{Done, prompt};
use crate::backends::Backends;
use crate::program::case::{miscounted, misfit};
use crate::program::heap::HeapReport;
use crate::program::literal::{self, Literal};
use crate::subject::evidence::Counters;

/// Run a program and print its result.
///
/// FILE is a Lua program, or assembly (`.lks`). A Lua program runs as `lua` runs it: ARGS are in `arg`, messages and exit codes are the same; `-` reads it from standard
/// input. Of assembly, ARGS are given to the entry function, as its parameters' kinds: 42, -1.5, true, [1, 2, 3].
/// Hot functions and loops are compiled by the backend; without one, the interpreter runs everything. Functions with instructions on dynamic values, and so all of Lua, are
/// not compiled yet: they are interpreted with every backend, and `--stats` counts them.
#[derive(Args)]
pub(super) struct Options {
    /// Compile with this backend: an id from `lockstep backends`, or `exec:CMD`; `interpreter` compiles nothing
    #[arg(long, value_name = "ID", default_value = INTERPRETER)]
    backend: String,
    /// The backend's level (its default if not given): none, speed, best
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Compile every function before its first call
    #[arg(long)]
    eager: bool,
    /// Calls and loop iterations after which code is compiled
    #[arg(long, value_name = "N", default_value_t = DEFAULT_THRESHOLDS.loops)]
    threshold: u32,
    /// The function to call
    #[arg(long, value_name = "NAME", default_value = "main")]
    entry: String,
    /// Calls that may nest
    #[arg(long, value_name = "N", default_value_t = Limits::default().depth)]
    depth: u32,
    /// Back edges and calls the run may take
    #[arg(long, value_name = "N")]
    budget: Option<u64>,
    /// Memory the program may use, in MiB
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().memory >> 20)]
    memory: u64,
    /// Print what was compiled, refused and left, and what the collector did, to standard error
    #[arg(long)]
    stats: bool,
    /// Write what the collector did, and how promptly the program came to safepoints, to this file as JSON
    #[arg(long, value_name = "FILE")]
    heap: Option<PathBuf>,
    /// Compile only these functions; an empty list compiles nothing: --only-compile=f,g
    #[arg(long, value_name = "NAMES", value_delimiter = ',', num_args = 0..=1, require_equals = true)]
    only_compile: Option<Vec<String>>,
    /// Let the optimiser make N changes in each unit, and no more
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    #[command(flatten)]
    optimise: Optimise,
    /// Count executed instructions, natively and not, and write the counts to this file as JSON; the code is an instrumented build of the same
    #[arg(long, value_name = "FILE")]
    counters: Option<PathBuf>,
    #[command(flatten)]
    steps: Steps,
    /// Lua: go on at a prompt when the program has ended
    #[arg(short = 'i')]
    interactive: bool,
    /// Lua: let the collector run without need, to find what is not rooted
    #[arg(long, value_enum, value_name = "WHEN")]
    stress: Option<Stress>,
    /// The program
    #[arg(required_unless_present_any = ["statement", "library", "interactive"])]
    file: Option<PathBuf>,
    /// Arguments of the program or of the entry function
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    args: Vec<String>,
}

/// What comes before a Lua program, in the order of the command line.
struct Steps(Vec<Step>);

impl Args for Steps {
    fn augment_args(command: Command) -> Command {
        let option = |id: &'static str, short, value, help: &'static str| {
            Arg::new(id).short(short).value_name(value).help(help).action(ArgAction::Append)
        };
        let library = "Lua: require this library into a global variable of its name (or NAME=MOD), in turn with `-e`; may be repeated";
        command
            .arg(option(
                "statement",
                'e',
                "STAT",
                "Lua: run this statement before the program, or alone; may be repeated",
            ))
            .arg(option("library", 'l', "MOD", library))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut steps = Vec::new();
        for (id, make) in [("statement", Step::Execute as fn(String) -> Step), ("library", Step::Require)] {
            let values = matches.get_many::<String>(id).into_iter().flatten().cloned();
            steps.extend(matches.indices_of(id).into_iter().flatten().zip(values.map(make)));
        }
        steps.sort_by_key(|(index, _)| *index);
        Ok(Self(steps.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// When the collector runs without need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stress {
    /// Before each allocation
    Allocations,
    /// At each back edge and call
    Safepoints,
}

/// The id that stands for no backend at all.
pub(super) const INTERPRETER: &str = "interpreter";

/// Reads a module in assembly.
pub(super) fn read_module(file: &std::path::Path) -> Result<Arc<Verified>, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|e| format!("{name}: not text: {e}"))?;
    Ok(Arc::new(lockstep_bytecode::assemble(&name, &text).map_err(|e| e.to_string())?))
}

pub(super) fn run(options: &Options) -> Done {
    match &options.file {
        Some(file) if file.extension().is_some_and(|e| e == "lks") => assembly(options, file),
        _ => lua(options),
    }
}

/// A Lua program, as `lua` runs it.
fn lua(options: &Options) -> Done {
    if options.backend != INTERPRETER {
        // Known, and of no use to Lua yet.
        Backends::new().resolve(&options.backend)?;
    }
    let steps = options.steps.0.clone();
    let script = match &options.file {
        Some(file) => Some(file.to_str().ok_or("the name of the program is not text")?.to_owned()),
        None => None,
    };
    let words: Vec<String> = std::env::args().collect();
    let before = match script {
        Some(_) => words[..words.len().saturating_sub(options.args.len() + 1)].to_vec(),
        None => Vec::new(),
    };
    let invocation = Invocation { steps, script, args: options.args.clone(), before };
    let limits = Limits { depth: options.depth, memory: options.memory << 20, budget: options.budget };
    let stress = match options.stress {
        None => standalone::Stress::None,
        Some(Stress::Allocations) => standalone::Stress::Allocations,
        Some(Stress::Safepoints) => standalone::Stress::Safepoints,
    };
    let conditions = Conditions { limits, optimiser: options.optimise.config()?, stress };
    let thread = std::thread::Builder::new().stack_size(super::MACHINE_STACK);
    let interactive = options.interactive;
    let status = thread
        .spawn(move || match interactive {
            false => standalone::run(invocation, conditions),
            true => {
                println!("Lua 5.4 on Lockstep {}", env!("CARGO_PKG_VERSION"));
                let standard = Rc::new(Standard::of_process());
                standalone::run_with(invocation, conditions, standard, Some(prompt::terminal()))
            }
        })?
        .join()
        .map_err(|_| "the run panicked; this is a defect of Lockstep")?;
    Ok(ExitCode::from(status))
}

fn assembly(options: &Options, file: &Path) -> Done {
    if options.stress.is_some() || !options.steps.0.is_empty() || options.interactive {
        return Err("-e, -i, -l and --stress are for Lua programs".into());
    }
    let module = options.optimise.apply(read_module(file)?)?;
    let entry =
        module.find(&options.entry).ok_or_else(|| format!("{} has no function `{}`", file.display(), options.entry))?;
    let kinds: Vec<Kind> = module.function(entry).params().collect();
    if kinds.len() != options.args.len() {
        return Err(miscounted(&options.entry, &kinds, options.args.len()).into());
    }
    let args = options
        .args
        .iter()
        .zip(kinds)
        .enumerate()
        .map(|(n, (text, kind))| argument(text, kind).map_err(|e| misfit(&options.entry, n, &e)))
        .collect::<Result<Vec<Value>, String>>()?;
    let limits = Limits { depth: options.depth, memory: options.memory << 20, budget: options.budget };
    let native = if options.backend == INTERPRETER { None } else { Some(pipeline(options, &module)?) };
    // What is evaluated is not native, whoever compiled it.
    let makes_native = native.as_ref().is_some_and(|(p, _)| p.backend.capabilities().execution == Execution::Native);
    let counts = options.counters.is_some();
    let config = Config { native, limits, coverage: counts };
    // A session stays on its thread; this one has room for deep native recursion.
    let thread = std::thread::Builder::new().stack_size(super::MACHINE_STACK);
    let wants_stats = options.stats;
    let (shown, told) = (module.clone(), module.clone());
    let (outcome, output, stats, executions, heap) = thread
        .spawn(move || {
            let mut session = Session::new(module, config);
            let outcome = session.run(entry, &args);
            session.close();
            let executions = if counts { session.executions() } else { Vec::new() };
            let heap = HeapReport::new(&session.collector(), session.safepoints(), &told);
            (outcome, session.take_output(), session.stats(), executions, heap)
        })?
        .join()
        .map_err(|_| "the run panicked; this is a defect of Lockstep")?;
    io::stdout().write_all(&output)?;
    if let Some(file) = &options.counters {
        let mut counters = Counters { exits: Some(stats.exits.values().sum()), ..Counters::default() };
        counters.compiled = Some(stats.units.len() as u64);
        for counted in executions.iter().flatten() {
            let compiled = counted.inline + counted.helper;
            *if makes_native { &mut counters.native } else { &mut counters.interpreted } += compiled;
            counters.interpreted += counted.interpreted;
        }
        std::fs::write(file, serde_json::to_string(&counters)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    if let Some(file) = &options.heap {
        std::fs::write(file, serde_json::to_string(&heap)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    if wants_stats {
        eprint!("{heap}");
        for unit in &stats.units {
            let time: f64 = unit.phases.iter().map(|p| p.1.as_secs_f64()).sum();
            let what = if unit.osr { "loop" } else { "function" };
            let name = &shown.function(unit.func).name;
            eprintln!("compiled {what} of `{name}`: {} bytes in {:.3} ms", unit.code_bytes, time * 1e3);
        }
        for refused in &stats.refusals {
            eprintln!("not compiled: `{}`: {}", shown.function(refused.func).name, refused.detail);
        }
        for (reason, count) in &stats.exits {
            eprintln!("left native code {count} times: {reason}");
        }
    }
    match outcome {
        Ok(None) => Ok(ExitCode::SUCCESS),
        Ok(Some(value)) => {
            println!("{value}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{}:{}: error: {}", shown.source, error.position.line, error.message());
            for position in error.traceback.innermost.iter().take(20) {
                eprintln!(
                    "  in `{}`, line {} (pc {})",
                    shown.function(position.func).name,
                    position.line,
                    position.pc.0
                );
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn argument(text: &str, kind: Kind) -> Result<Value, String> {
    let literal: Literal = serde_yaml::from_str(text).map_err(|e| format!("`{text}`: {e}"))?;
    literal::value(&literal, kind)
}

/// The units of functions that may be compiled, each with all its loops.
fn units(module: &Verified, names: &[String]) -> Result<BTreeSet<UnitKey>, String> {
    let mut units = BTreeSet::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let func = module.find(name).ok_or_else(|| format!("--only-compile: there is no function `{name}`"))?;
        let headers = module.function(func).loop_headers().into_iter().map(Some);
        units.extend(headers.chain([None]).map(|header| (func, header)));
    }
    Ok(units)
}

fn pipeline(
    options: &Options,
    module: &Verified,
) -> Result<(Pipeline, Mode), Box<dyn std::error::Error + Send + Sync>> {
    let mut backends = Backends::new();
    let backend = backends.share(&options.backend)?;
    let level = match &options.level {
        None => backend.capabilities().default_level,
        Some(name) => {
            Level::from_name(name).ok_or_else(|| format!("no level `{name}`; there are none, speed, best"))?
        }
    };
    let target = Target::host().ok_or("no backend can make code for this machine")?;
    let seams = crate::fault::seams(backend.id());
    let compiler = lockstep_compiler::Options {
        extra: seams.extra_pass(),
        countdown: options.budget.is_some(),
        coverage: options.counters.is_some(),
        passes: PassConfig::default().with_total(options.fuel),
        ..Default::default()
    };
    let only = options.only_compile.as_ref().map(|names| units(module, names)).transpose()?;
    let pipeline = Pipeline {
        backend,
        target,
        options: BackendOptions::at(level),
        compiler,
        churn: false,
        only: only.map(Arc::new),
        cache: None,
        tamper: seams.tamper(),
    };
    let thresholds = Thresholds { calls: options.threshold, loops: options.threshold };
    Ok((pipeline, if options.eager { Mode::Eager } else { Mode::Tiered(thresholds) }))
}
