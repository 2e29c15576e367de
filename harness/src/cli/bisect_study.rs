//! `lockstep bisect-study`: how often `bisect` is right.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_backend_api::Execution;

use super::Done;
use crate::backends::Backends;
use crate::bisect::study::{Plan, run as study};

/// How often `bisect` is right: faults drawn by lot in random programs of at least 200 instructions, the answer looked up after the verdict.
///
/// Writes a transcript. Fails if fewer than 28 of 30 verdicts are right (or that share of --draws).
#[derive(Args)]
pub(super) struct Options {
    /// How many draws
    #[arg(long, value_name = "N", default_value_t = 30)]
    draws: usize,
    /// Seed of the lot and of the programs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The backends that faults are planted in, in turn; all native ones of the build, if none is named
    #[arg(long = "backend", value_name = "ID")]
    backends: Vec<String>,
    /// Reduce each program for at most so many seconds
    #[arg(long, value_name = "S", default_value_t = 60)]
    reduce: u64,
    /// Native code that runs for longer, in milliseconds, hangs
    #[arg(long, value_name = "MS", default_value_t = 500)]
    patience: u64,
    /// Where the transcript is written, as Markdown
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Write the draws as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let mut backends = Backends::new();
    let mut columns = backends.columns(&options.backends, &["default".to_owned()])?;
    columns.retain(|c| backends.resolve(&c.backend).is_ok_and(|b| b.capabilities().execution == Execution::Native));
    if columns.is_empty() {
        return Err("no native backend to plant faults in".into());
    }
    let plan = Plan {
        seed: options.seed,
        draws: options.draws,
        columns,
        reference: super::bisect::reference(&backends)?,
        reduce_for: Duration::from_secs(options.reduce),
        patience: Duration::from_millis(options.patience),
    };
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed}: {msg}").expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(120));
    let study = study(&plan, &mut |step| bar.set_message(step.to_owned()), &mut |draw| {
        bar.suspend(|| println!("{}", draw.line()));
    })?;
    bar.finish_and_clear();
    let write = |file: &Option<PathBuf>, text: String| match file {
        Some(file) => std::fs::write(file, text).map_err(|e| format!("cannot write {}: {e}", file.display())),
        None => Ok(()),
    };
    write(&options.transcript, study.transcript())?;
    write(&options.results, serde_json::to_string_pretty(&study)? + "\n")?;
    let (right, draws) = (study.right(), study.draws.len());
    let ok = draws == options.draws && right * 30 >= draws * 28;
    println!(
        "bisect study: {}: {right} of {draws} verdicts right, {} reduced to 15 instructions or fewer, median {:.1} s",
        if ok { "ok" } else { "FAILED" },
        study.reduced_to(15),
        study.median_seconds()
    );
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
