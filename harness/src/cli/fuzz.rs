//! `lockstep fuzz`: random programs against the reference.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Done, Selection};
use crate::backends::Backends;
use crate::fuzz::BatchReport;
use crate::fuzz::campaign::{self, Plan};
use crate::fuzz::drive::Drive;
use crate::worker::{Limits, Pool};

/// Make random programs, run them everywhere, shrink what diverges.
#[derive(Args)]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Random IR functions, eight inputs each, memory compared with the reference
    Ir(IrOptions),
    /// Random bytecode programs, eight inputs each, compared with the interpreter in every configuration
    Bytecode(super::fuzz_bytecode::Options),
    /// Random Lua programs, compared with PUC Lua
    #[cfg(feature = "oracle")]
    Lua(super::fuzz_lua::Options),
}

/// Random IR functions, eight inputs each, memory compared with the reference.
///
/// The same seed gives the same functions for ever. A divergence is shrunk and written as a case that can be put into corpus/ir
/// as it is; the line that checks the function again is printed with it. The exit status tells whether there was one, and also fails
/// if some operation was never generated although enough functions were.
#[derive(Args)]
struct IrOptions {
    /// Seed of the whole run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Index of the first function
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many functions
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Stop after so many minutes
    #[arg(long)]
    minutes: Option<f64>,
    #[command(flatten)]
    selection: Selection,
    /// Batches at a time
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
    /// Stop once so many divergences are found
    #[arg(long, value_name = "N", default_value_t = 20)]
    stop_after: usize,
    /// Shrink at most so many divergences
    #[arg(long, value_name = "N", default_value_t = 3)]
    shrink: usize,
    /// Seconds a batch of functions may go without a sign of life: far more than any takes
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    timeout: f64,
    /// Where shrunk cases are written
    #[arg(long, value_name = "DIR", default_value = "target/lockstep/fuzz")]
    save: PathBuf,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

/// Functions from which on an operation that was never generated is a failure.
const COVERAGE_FROM: u64 = 2000;
/// In how many places each operation must then stand.
const COVERAGE_LEAST: u64 = 3;

#[derive(Serialize)]
struct Results<'r> {
    lockstep_fuzz_ir: u32,
    seed: u64,
    first: u64,
    median_operations: u32,
    reached_end: f64,
    seconds: f64,
    report: &'r BatchReport,
}

pub(super) fn run(options: &Options) -> Done {
    let options = match &options.what {
        What::Ir(options) => options,
        What::Bytecode(options) => return super::fuzz_bytecode::run(options),
        #[cfg(feature = "oracle")]
        What::Lua(options) => return super::fuzz_lua::run(options),
    };
    ir(options)
}

fn ir(options: &IrOptions) -> Done {
    let start = Instant::now();
    let mut backends = Backends::new();
    let columns = backends.columns(&options.selection.backends, &options.selection.levels)?;
    let time = options.minutes.map(|m| Duration::try_from_secs_f64(m * 60.0)).transpose();
    let plan = Plan {
        seed: options.seed,
        drive: Drive {
            first: options.first,
            count: options.count,
            time: time.map_err(|e| format!("--minutes: {e}"))?,
            jobs: options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into)),
        },
        columns,
        stop_after: options.stop_after.max(1),
    };
    let silence = Duration::try_from_secs_f64(options.timeout).map_err(|e| format!("--timeout: {e}"))?;
    let pool = Pool::new(Limits { silence, ..Limits::default() });
    let shown = std::io::stderr().is_terminal();
    let mut report = campaign::run(&plan, &pool, &|functions, divergences| {
        if shown {
            eprint!("\r{functions} functions, {divergences} divergences ");
        }
    })?;
    if shown {
        eprintln!();
    }
    report.sizes.sort_unstable();
    let median = report.sizes.get(report.sizes.len() / 2).copied().unwrap_or(0);
    let reached = report.reached_end as f64 / report.runs.max(1) as f64;
    let seconds = start.elapsed().as_secs_f64();
    tell(&report, median, reached);
    for (number, divergence) in report.divergences.iter().enumerate() {
        println!("\ndivergence: function {} on {}: {}", divergence.index, divergence.column, divergence.what);
        if number < options.shrink {
            let shrunk = campaign::shrink_divergence(plan.seed, divergence, &pool);
            let path = campaign::save(plan.seed, divergence, &shrunk, &options.save)
                .map_err(|e| format!("cannot write below {}: {e}", options.save.display()))?;
            println!("  shrunk from {} instructions to {}: {}", shrunk.before, shrunk.after, shrunk.what);
            println!("{}", lockstep_ir::text::print(&shrunk.unit));
            println!("  keep it: cp {} corpus/ir/", path.display());
        }
        println!(
            "run it again: lockstep fuzz ir --seed {} --first {} --count 1 --backend {} --level {}",
            plan.seed,
            divergence.index,
            super::shell_word(&divergence.column.backend),
            divergence.column.level
        );
    }
    let missing = if report.functions >= COVERAGE_FROM { report.coverage.missing(COVERAGE_LEAST) } else { Vec::new() };
    for (name, count) in &missing {
        println!("`{name}` was generated {count} times only");
    }
    if let Some(file) = &options.results {
        let results = Results {
            lockstep_fuzz_ir: 1,
            seed: plan.seed,
            first: plan.drive.first,
            median_operations: median,
            reached_end: reached,
            seconds,
            report: &report,
        };
        std::fs::write(file, serde_json::to_string_pretty(&results)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    let failed = !report.divergences.is_empty() || !missing.is_empty() || report.functions == 0;
    println!(
        "fuzz ir: {}: {} functions on {} columns, {} divergences, {} operations missing; {seconds:.1} s, {:.0} functions/s",
        if failed { "FAILED" } else { "ok" },
        report.functions,
        plan.columns.len(),
        report.divergences.len(),
        missing.len(),
        report.functions as f64 / seconds
    );
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(report: &BatchReport, median: u32, reached: f64) {
    let (operations, least) = report.coverage.summary();
    println!(
        "{} functions, median {median} operations, {} given up by the reference",
        report.functions, report.given_up
    );
    println!("{:.1} % of {} runs reached the function's end", reached * 100.0, report.runs);
    println!("{operations} operations at their types, each in at least {least} places");
    for (column, stats) in &report.cost {
        let mean = 1e3 * stats.compile_seconds / f64::from(stats.compiles.max(1));
        println!(
            "{column}: {mean:.3} ms and {} bytes per function",
            stats.code_bytes / u64::from(stats.compiles.max(1))
        );
    }
}
