//! Set-up, CI and chores; thin, over xshell. It knows no other package of the workspace: it runs commands.
//!
//! - [`setup`]: what the machine must have, and how to get it.
//! - [`lockstep`]: building the command in release and handing arguments on to it.
//! - [`stage`]: one step of a pipeline: its commands, its log, its result file, and the sum over all of them.
//! - [`new_backend`]: a scaffold for a backend from outside.
//! - [`fuzz_cover`]: the coverage-guided fuzzers of `fuzz/`.
//! - [`profile`]: the profile that the interpreter is compiled by.
//! - [`pipeline`]: which stages `ci` and `assess` are made of.
#![forbid(unsafe_code)]

mod fuzz_cover;
mod lockstep;
mod new_backend;
mod pipeline;
mod profile;
mod setup;
mod stage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use xshell::Shell;

use crate::pipeline::Run;

/// What commands return: an exit status, or why they could not do their work.
type Done = Result<ExitCode, Box<dyn std::error::Error>>;

/// Set-up, CI and chores. Every other command is one of `lockstep`, which is built in release first: `cargo xtask parity`
#[derive(Parser)]
#[command(bin_name = "cargo xtask", subcommand_help_heading = "Commands", arg_required_else_help = true)]
struct Cli {
    /// Do without what is missing on this machine
    #[arg(long, value_name = "WHAT", global = true)]
    without: Vec<Optional>,
    #[command(subcommand)]
    command: Command,
}

/// What a build can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Optional {
    /// The LLVM backend, which needs LLVM 22 or 19 on the machine.
    Llvm,
    /// The tests of the report in a browser, which need Chromium.
    Browser,
}

#[derive(Subcommand)]
enum Command {
    /// Find what is needed, install what is missing where that is possible, and name the rest
    Setup,
    /// Run all checks: formatting, lints, tests, docs, parity, fuzzing, coverage, benchmarks with gates, report
    Ci(Run),
    /// The main job: compare the backends on the corpus and write the report
    Assess(Run),
    /// Scaffold a crate with a backend of your own, outside the workspace, that passes the first cases
    NewBackend(new_backend::Options),
    /// Fuzz with coverage: Lua source, encoded modules (docs/fuzzing.md)
    FuzzCover(fuzz_cover::Options),
    /// Make anew the profile that the interpreter is compiled by (vm/interp/profile/README.md)
    Profile,
    #[command(external_subcommand)]
    Lockstep(Vec<OsString>),
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn run() -> Done {
    let cli = Cli::parse();
    let mut sh = Shell::new()?;
    sh.set_current_dir(root());
    let without_llvm = cli.without.contains(&Optional::Llvm);
    if cli.without.contains(&Optional::Browser) {
        setup::without_browser(&mut sh);
    }
    match cli.command {
        Command::Setup => {
            setup::backends(&mut sh, without_llvm)?;
            setup::peers(&sh);
            setup::browser(&sh);
            Ok(ExitCode::SUCCESS)
        }
        Command::Ci(run) => pipeline::run(&mut sh, without_llvm, "ci", pipeline::CI, &run),
        Command::Assess(run) => pipeline::run(&mut sh, without_llvm, "assess", pipeline::ASSESS, &run),
        Command::NewBackend(options) => new_backend::run(&options),
        Command::FuzzCover(options) => fuzz_cover::run(&sh, &options),
        Command::Profile => profile::run(&sh),
        Command::Lockstep(args) => {
            let features = setup::backends(&mut sh, without_llvm)?;
            lockstep::forward(&sh, features, &args)
        }
    }
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Where cargo builds.
fn target_dir(sh: &Shell) -> PathBuf {
    sh.var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
