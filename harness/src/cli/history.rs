//! `lockstep history`: results over time.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, Subcommand};

use super::Done;
use crate::compare::history::{self, Record};
use crate::compare::series::Better;
use crate::compare::show::quantity;
use crate::compare::source::{self, Reading};
use crate::compare::suite::commit;

/// Show how results changed over time, and keep new ones.
///
/// A kept run is a line with its date, commit, machine and typical values. What changed for good is shown with the first commit that had the new value; a single odd run is no
/// change. Runs of different machines, builds or sizes have histories of their own.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only series whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// The history
    #[arg(long, value_name = "FILE", default_value = "reports/history.jsonl", global = true)]
    file: PathBuf,
    /// Write what changed as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Keep a run
    Add {
        /// Results of `lockstep bench`
        #[arg(value_name = "RESULTS")]
        results: PathBuf,
    },
}

const EXAMPLES: &str = "\
Examples:
  lockstep history add bench.json     keep a run
  lockstep history                    what changed, and since which commit
  lockstep history time fib           only series whose name contains `time` or `fib`";

pub(super) fn run(options: &Options) -> Done {
    let records = history::load(&options.file)?;
    if let Some(Command::Add { results }) = &options.command {
        let mut run = source::read(results, Reading { better: Better::Lower, skip: 0 })?;
        if run.commit.is_empty() {
            run.commit = commit();
        }
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let record = Record::of(&run, now)?;
        history::append(&options.file, &record)?;
        println!("history: {} {} kept in {}", record.date, record.commit, options.file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = |name: &str| options.filters.is_empty() || options.filters.iter().any(|f| name.contains(f.as_str()));
    let mut all = Vec::new();
    for group in history::groups(&records) {
        let (first, last) = (group[0], group[group.len() - 1]);
        println!("{}  {}, {}", last.id, last.environment.machine, last.environment.profile);
        println!("  {} runs, {} {} to {} {}", group.len(), first.date, first.commit, last.date, last.commit);
        let mut changes = history::changes(&group);
        changes.retain(|change| chosen(&change.series));
        for change in &changes {
            let value = |v: f64| quantity(change.series.split(' ').next().unwrap_or_default(), v);
            println!(
                "  {} {:<12} {:<40} {} -> {} ({:+.1} %)",
                change.date,
                change.commit,
                change.series,
                value(change.before),
                value(change.after),
                100.0 * (change.after / change.before - 1.0)
            );
        }
        let series = last.medians.keys().chain(last.exact.keys()).filter(|name| chosen(name)).count();
        println!("  {} changes in {series} series", changes.len());
        all.extend(changes);
    }
    if records.is_empty() {
        println!("{} has no runs; `lockstep history add RESULTS` keeps one", options.file.display());
    }
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(&all)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
