//! `lockstep compare`: two backends, two results, or measurements of any tool.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::progress::Progress;
use super::{Corpus, Done};
use crate::backends::Column;
use crate::bench::Implementation;
use crate::compare::series::Better;
use crate::compare::source::{self, Reading};
use crate::compare::suite::Suite;
use crate::compare::{Comparison, Rule, Run, run, show};

/// Compare two backends, two results or measurements of any tool: better, worse, the same, cannot be told.
///
/// The verdict is on the second. A difference counts if chance alone would hardly make any series of the whole comparison differ so much, and if it exceeds the
/// threshold; "the same" must be shown, too. Code bytes, units and exits are compared exactly. docs/compare.md tells how and why.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// First: a results file, or an implementation such as BACKEND/LEVEL
    #[arg(value_name = "A")]
    a: String,
    /// Second: what the verdicts are on
    #[arg(value_name = "B")]
    b: String,
    /// A and B are implementations (or, of raw data, names) in this file; without it, implementations are measured now
    #[arg(long = "in", value_name = "FILE")]
    within: Option<PathBuf>,
    /// Measured now: processes of each
    #[arg(long, value_name = "N", default_value_t = 8)]
    rounds: usize,
    /// Measured now: only benchmarks whose name contains this; may be repeated
    #[arg(long = "only", value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    corpus: Corpus,
    /// Differences up to this many per cent do not matter
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    threshold: f64,
    /// Chance, in per cent, that a comparison of what does not differ finds any difference
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    level: f64,
    /// Compare what is incomparable (another machine, build or size), and flag it
    #[arg(long)]
    force: bool,
    /// End with status 3 if anything cannot be told
    #[arg(long)]
    strict: bool,
    /// Raw data: more is better
    #[arg(long)]
    higher_is_better: bool,
    /// Raw data: leave out this many iterations at the beginning of each process
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
    /// Show also what is the same
    #[arg(long)]
    all: bool,
    /// Write the comparison as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  lockstep compare before.json after.json                 two results of `lockstep bench --results`
  lockstep compare coverage-1.json coverage-2.json        two results of `lockstep coverage --results`
  lockstep compare ONE/speed OTHER/speed                  two backends, measured now, side by side
  lockstep compare --in bench.json ONE/speed OTHER/speed  two backends in a result
  lockstep compare old.csv new.csv --skip 5               any tool: process,iteration,value[,name]
  lockstep compare --in runs.jsonl parse-old parse-new    two names in one raw file

Exit status: 0 nothing is worse, 1 something is, 2 could not compare, 3 (--strict) something cannot be told.";

fn percent(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|v| *v > 0.0 && *v < 100.0);
    value.ok_or_else(|| "expected a number between 0 and 100".to_owned())
}

pub(super) fn run(options: &Options) -> Done {
    let rule = Rule { threshold: options.threshold / 100.0, level: options.level / 100.0, ..Rule::default() };
    let better = if options.higher_is_better { Better::Higher } else { Better::Lower };
    let reading = Reading { better, skip: options.skip };
    let comparison = match &options.within {
        Some(file) => {
            let run = source::read(file, reading)?;
            if run.implementations().is_empty() {
                Comparison::of_names(&run, &options.a, &options.b, rule)?
            } else {
                let (a, b) = (run::implementation(&run, &options.a)?, run::implementation(&run, &options.b)?);
                Comparison::of_implementations(&run, a, b, rule)?
            }
        }
        None => {
            if let Some(columns) = columns(options) {
                let run = measure(options, &columns)?;
                return conclude(&Comparison::of_implementations(&run, &options.a, &options.b, rule)?, options);
            }
            if let Some(name) = [&options.a, &options.b].into_iter().find(|name| !source::is_file(name)) {
                return Err(format!("`{name}` is neither a file nor BACKEND/LEVEL").into());
            }
            let a = source::read(options.a.as_ref(), reading)?;
            let b = source::read(options.b.as_ref(), reading)?;
            Comparison::of_runs((&options.a, &a), (&options.b, &b), rule, options.force)?
        }
    };
    conclude(&comparison, options)
}

/// The backends and levels to measure, if that is what is asked for.
fn columns(options: &Options) -> Option<Vec<Column>> {
    let column = |name: &String| match name.parse() {
        Ok(Implementation::Native(column)) if !source::is_file(name) => Some(column),
        _ => None,
    };
    [&options.a, &options.b].into_iter().map(column).collect()
}

fn measure(options: &Options, columns: &[Column]) -> Result<Run, String> {
    let mut suite = Suite::of(&options.corpus.corpus, &options.filters, columns, options.rounds)?;
    let bar = Progress::new(suite.jobs(), "processes");
    let run = suite.run(1, &mut |at| {
        bar.at(at.done, format!("{} {}", at.kernel.map_or("compile", |k| &k.name), at.implementation));
    })?;
    bar.finish();
    Ok(run)
}

fn conclude(comparison: &Comparison, options: &Options) -> Done {
    if let Some(file) = &options.results {
        std::fs::write(file, serde_json::to_string_pretty(comparison)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    print!("{}", show::text(comparison, options.all));
    Ok(ExitCode::from(comparison.status(options.strict)))
}
