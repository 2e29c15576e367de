//! The command line: one file per command. Nothing is computed here.

mod backends;
mod baseline;
mod bench;
mod bisect;
mod bisect_study;
mod compare;
mod completions;
mod coverage;
mod disasm;
mod doctor;
mod exec_conformance;
mod export;
mod faults;
mod fuzz;
mod fuzz_bytecode;
#[cfg(feature = "oracle")]
mod fuzz_lua;
mod grid;
mod history;
mod judge;
mod optimiser;
#[cfg(feature = "oracle")]
mod oracle;
mod parity;
mod passport;
mod pipe;
mod progress;
mod prompt;
#[cfg(feature = "oracle")]
mod puc;
mod report;
mod run;
mod schema;
mod study;
mod subject;
mod twins;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use lockstep_backend_api::Registry;

pub(crate) use parity::again;

use crate::fault;

/// Proves that JIT backends do exactly what the reference does.
#[derive(Parser)]
#[command(name = "lockstep", version, about, long_about = LONG_ABOUT, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "\
Proves that JIT backends do exactly what the reference does, and finds out where they do not.

Start here:
  lockstep backends                        which backends this build has
  lockstep parity ir/edge                  every operation at its edge values, on all of them
  lockstep parity --backend exec:./mine    the same for your own code generator, in any language
  lockstep run --backend ID FILE ARGS…     one program, compiled as it gets hot

Ids of backends are the registry's (`lockstep backends`), `exec:CMD` for a process that speaks the exec protocol, and
`fault:NAME:ID` for a backend with a planted fault.";

#[derive(Subcommand)]
enum Command {
    /// List the backends of this build, their levels and what they can do
    Backends(backends::Options),
    /// Run cases on backends and compare with what is expected
    Parity(parity::Options),
    /// Make random programs, run them everywhere, shrink what diverges
    Fuzz(fuzz::Options),
    /// Plant each known fault in a backend and see that the gates find it
    Faults(faults::Options),
    /// Measure how fast each backend runs each benchmark
    Bench(bench::Options),
    /// From a divergence to what is behind it
    Bisect(bisect::Options),
    /// How often `bisect` is right
    BisectStudy(bisect_study::Options),
    /// Compare two backends, two results, or measurements of any tool
    Compare(compare::Options),
    /// Keep what this machine measures, and see whether a build is worse
    Baseline(baseline::Options),
    /// Show how results changed over time, and keep new ones
    History(history::Options),
    /// Find out how often a gate cries wolf and what it finds
    Study(study::Options),
    /// Measure how much of each benchmark runs natively
    Coverage(coverage::Options),
    /// Write what parity, coverage and benchmarks found as a page
    Report(report::Options),
    /// Write a certificate of what was run, or verify one
    Passport(passport::Options),
    /// Check that the corpus holds every required cell of the instruction grid
    Grid(grid::Options),
    /// Run the Lua twins of cases with PUC Lua
    Twins(twins::Options),
    /// Run a program and print its result
    Run(run::Options),
    /// Show a program's bytecode, IR and machine code
    Disasm(disasm::Options),
    /// Compare what a Lua program does here with what it does on PUC Lua
    #[cfg(feature = "oracle")]
    Oracle(oracle::Options),
    /// Run a Lua program on PUC Lua
    #[cfg(feature = "oracle")]
    #[command(hide = true)]
    Puc(puc::Options),
    /// What each pass of the bytecode optimiser changes in the corpus
    Passes(optimiser::Options),
    /// Compare the IR evaluator with C compiled by gcc
    Judge(judge::Options),
    /// Write IR cases for others' runners: as C, CLIF or WebAssembly scripts
    Export(export::Options),
    /// Check that a command speaks the exec protocol
    ExecConformance(exec_conformance::Options),
    /// Look at this machine: what is found, what is missing and how to get it, how noisy it is
    Doctor(doctor::Options),
    /// Print the JSON schemas of corpus files, for editors, and of a report's data
    Schema(schema::Options),
    /// Print a script that lets a shell complete the command line
    Completions(completions::Options),
    /// Run tasks for other commands, in a process of its own
    #[command(hide = true)]
    Worker(worker::Options),
}

/// Which backends, at which levels: shared by commands.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only this backend: an id from `lockstep backends`, `exec:CMD` or `fault:NAME:ID`; may be repeated
    #[arg(long = "backend", value_name = "ID")]
    pub backends: Vec<String>,
    /// Only this level: none, speed, best, or `default` for each backend's own; may be repeated
    #[arg(long = "level", value_name = "LEVEL")]
    pub levels: Vec<String>,
}

impl Selection {
    /// The options that select the same again, for lines that run something again.
    pub fn for_backend(id: &str) -> String {
        // Only ids that the registry does not list by itself must be named.
        if id.contains(':') { format!(" --backend {}", shell_word(id)) } else { String::new() }
    }
}

/// Where the corpus is: shared by commands.
#[derive(Args, Clone, Debug)]
pub struct Corpus {
    /// Directory of the corpus
    #[arg(long, value_name = "DIR", default_value_os_t = default_corpus(), value_parser = PathBufValueParser::new().try_map(corpus_directory))]
    pub corpus: PathBuf,
}

impl Corpus {
    /// The option that says the same again, if it must be said.
    pub fn again(&self) -> String {
        if self.corpus == default_corpus() {
            return String::new();
        }
        format!(" --corpus {}", shell_word(&self.corpus.display().to_string()))
    }
}

/// The directory of a corpus. One that was named must be one, or else a slip of the pen is a run on no cases that finds nothing wrong; the usual one may be absent, as
/// what is generated needs none.
fn corpus_directory(directory: PathBuf) -> Result<PathBuf, String> {
    let parts = crate::corpus::DIRECTORIES;
    if directory == default_corpus() || parts.iter().any(|part| directory.join(part).is_dir()) {
        Ok(directory)
    } else if directory.is_dir() {
        Err(format!("a corpus has at least one of the directories {}", parts.join(", ")))
    } else {
        Err("there is no such directory".to_owned())
    }
}

/// `corpus` below the current directory or, when run from elsewhere by cargo, below the workspace.
fn default_corpus() -> PathBuf {
    let here = PathBuf::from("corpus");
    if here.is_dir() { here } else { PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus")) }
}

/// Machine stack of threads that run programs, in bytes: native calls nest on it.
const MACHINE_STACK: usize = 256 << 20;

/// A word as a shell reads it.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:%+=@".contains(c);
    if word.chars().all(plain) && !word.is_empty() {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The command with another registry: what a program from outside is made of, whose own backend then takes part in every command.
///
/// Start from [`crate::registry`], which has the evaluator that everything is compared with, and register yours. The program starts
/// itself as `PROGRAM worker …`, so that a backend runs in a process of its own; it must call this before it does anything else, and once.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn mine() -> Arc<dyn lockstep_backend_api::Backend> { unreachable!() }
/// fn main() -> std::process::ExitCode {
///     lockstep::cli::main_with(|| {
///         let mut registry = lockstep::registry();
///         registry.register(mine());
///         registry
///     })
/// }
/// ```
///
/// # Panics
/// It was called before.
pub fn main_with(registry: fn() -> Registry) -> ExitCode {
    crate::backends::provide(registry);
    main()
}

/// How this program was called: `lockstep`, or the path of a program that has the command in it. For lines that run something again.
pub fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let name = std::path::Path::new(&called).file_stem().and_then(|stem| stem.to_str());
    if matches!(name, Some("lockstep") | None) { "lockstep".to_owned() } else { shell_word(&called) }
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    pipe::end_quietly();
    match fault::environment() {
        Ok(None) => {}
        Ok(Some((_, backend))) => eprintln!("warning: {} plants a fault in `{backend}`", fault::PLANT),
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    }
    let done = match Cli::parse().command {
        Command::Backends(options) => backends::run(&options),
        Command::Parity(options) => parity::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Bisect(options) => bisect::run(&options),
        Command::BisectStudy(options) => bisect_study::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Baseline(options) => baseline::run(&options),
        Command::History(options) => history::run(&options),
        Command::Study(options) => study::run(&options),
        Command::Coverage(options) => coverage::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Passport(options) => passport::run(&options),
        Command::Grid(options) => grid::run(&options),
        Command::Passes(options) => optimiser::run(&options),
        Command::Twins(options) => twins::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Disasm(options) => disasm::run(&options),
        #[cfg(feature = "oracle")]
        Command::Oracle(options) => oracle::run(&options),
        #[cfg(feature = "oracle")]
        Command::Puc(options) => puc::run(&options),
        Command::Judge(options) => judge::run(&options),
        Command::Export(options) => export::run(&options),
        Command::ExecConformance(options) => exec_conformance::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Worker(options) => worker::run(&options),
    };
    done.unwrap_or_else(|error| {
        if pipe::is_why(&*error) {
            return ExitCode::from(pipe::STATUS);
        }
        eprintln!("error: {error}");
        // As clap does for what it cannot accept: not a verdict on any backend.
        ExitCode::from(2)
    })
}

/// What commands return: an exit status, or why they could not do their work.
pub type Done = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;
