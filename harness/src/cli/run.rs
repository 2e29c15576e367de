//! `lockstep run`: a program on the interpreter, or with native code by a backend.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use lockstep_backend_api::{Level, Options as BackendOptions, Target};
use lockstep_bytecode::{Kind, Verified};
use lockstep_engine::{Config, DEFAULT_THRESHOLDS, Mode, Pipeline, Session};
use lockstep_runtime::{Limits, Thresholds, Value};

use super::Done;
use crate::backends::Backends;
use crate::program::literal::{self, Literal};

/// Run a program and print its result.
///
/// FILE is assembly (`.lks`) or an encoded module. ARGS are given to the entry function, as its parameters' kinds: 42, -1.5, true, [1, 2, 3].
/// Hot functions and loops are compiled by the backend; without one, the interpreter runs everything.
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
    /// Print what was compiled, refused and left, to standard error
    #[arg(long)]
    stats: bool,
    /// The program
    file: PathBuf,
    /// Arguments of the entry function
    #[arg(allow_negative_numbers = true)]
    args: Vec<String>,
}

/// The id that stands for no backend at all.
pub(super) const INTERPRETER: &str = "interpreter";

/// Reads a module, assembly or encoded.
pub(super) fn read_module(file: &std::path::Path) -> Result<Arc<Verified>, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|e| format!("{name}: not text: {e}"))?;
    Ok(Arc::new(lockstep_bytecode::assemble(&name, &text).map_err(|e| e.to_string())?))
}

pub(super) fn run(options: &Options) -> Done {
    let module = read_module(&options.file)?;
    let entry = module
        .find(&options.entry)
        .ok_or_else(|| format!("{} has no function `{}`", options.file.display(), options.entry))?;
    let kinds: Vec<Kind> = module.function(entry).params().collect();
    if kinds.len() != options.args.len() {
        let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        return Err(format!(
            "`{}` takes {} arguments ({}), {} are given",
            options.entry,
            kinds.len(),
            kinds.join(", "),
            options.args.len()
        )
        .into());
    }
    let args = options
        .args
        .iter()
        .zip(kinds)
        .map(|(text, kind)| argument(text, kind))
        .collect::<Result<Vec<Value>, String>>()?;
    let limits = Limits { depth: options.depth, memory: options.memory << 20, budget: options.budget };
    let native = if options.backend == INTERPRETER { None } else { Some(pipeline(options)?) };
    let config = Config { native, limits, coverage: false };
    // A session stays on its thread; this one has room for deep native recursion.
    let thread = std::thread::Builder::new().stack_size(super::MACHINE_STACK);
    let wants_stats = options.stats;
    let shown = module.clone();
    let (outcome, output, stats) = thread
        .spawn(move || {
            let mut session = Session::new(module, config);
            let outcome = session.run(entry, &args);
            (outcome, session.take_output(), session.stats())
        })?
        .join()
        .map_err(|_| "the run panicked; this is a defect of Lockstep")?;
    io::stdout().write_all(&output)?;
    if wants_stats {
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
    let literal: Literal = serde_yaml::from_str(text).map_err(|e| format!("argument `{text}`: {e}"))?;
    literal::value(&literal, kind)
}

fn pipeline(options: &Options) -> Result<(Pipeline, Mode), Box<dyn std::error::Error + Send + Sync>> {
    let mut backends = Backends::new();
    let backend = backends.share(&options.backend)?;
    let level = match &options.level {
        None => backend.capabilities().default_level,
        Some(name) => {
            Level::from_name(name).ok_or_else(|| format!("no level `{name}`; there are none, speed, best"))?
        }
    };
    let target = Target::host().ok_or("no backend can make code for this machine")?;
    let compiler = lockstep_compiler::Options { countdown: options.budget.is_some(), ..Default::default() };
    let pipeline = Pipeline {
        backend,
        target,
        options: BackendOptions::at(level),
        compiler,
        churn: false,
        only: None,
        cache: None,
        tamper: None,
    };
    let thresholds = Thresholds { calls: options.threshold, loops: options.threshold };
    Ok((pipeline, if options.eager { Mode::Eager } else { Mode::Tiered(thresholds) }))
}
