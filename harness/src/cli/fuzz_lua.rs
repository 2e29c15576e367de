//! `lockstep fuzz lua`: random Lua programs against PUC Lua.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::Done;
use crate::fuzz::drive::Drive;
use crate::lua::fuzz::campaign::{self, Plan};
use crate::lua::fuzz::{LuaBatchReport, avoid, generate, reach};
use crate::worker::{Limits, Pool};

/// Random Lua programs, compared with PUC Lua 5.4.
///
/// Output and messages must be the same in every way that Lockstep runs a program: bytecode optimised or as written, with the collector under stress or not. The same seed
/// gives the same programs for ever. A divergence is shrunk and written as a case that can be put into corpus/lua as it is; the line that runs the program
/// again is printed with it. The exit status tells whether there was one, and also fails if something of Lua was never reached although enough programs were made.
#[derive(Args)]
pub(super) struct Options {
    /// Seed of the whole run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Index of the first program
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many programs
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Stop after so many minutes
    #[arg(long)]
    minutes: Option<f64>,
    /// Batches at a time
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
    /// Stop once so many divergences are found
    #[arg(long, value_name = "N", default_value_t = 20)]
    stop_after: usize,
    /// Shrink at most so many divergences
    #[arg(long, value_name = "N", default_value_t = 3)]
    shrink: usize,
    /// Where shrunk cases are written
    #[arg(long, value_name = "DIR", default_value = "target/lockstep/fuzz")]
    save: PathBuf,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Print the table of what was reached
    #[arg(long)]
    reached: bool,
    /// Print the programs, and run nothing
    #[arg(long)]
    print: bool,
}

/// Programs from which on something that was never reached is a failure.
const COVERAGE_FROM: u64 = 2000;

/// How long a program may take: far more than any does.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Results<'r> {
    lockstep_fuzz_lua: u32,
    seed: u64,
    first: u64,
    seconds: f64,
    report: &'r LuaBatchReport,
}

pub(super) fn run(options: &Options) -> Done {
    if options.print {
        for index in options.first..options.first + options.count {
            print!("{}", generate::program(options.seed, index).text());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let time = options.minutes.map(|m| Duration::try_from_secs_f64(m * 60.0)).transpose();
    let plan = Plan {
        seed: options.seed,
        drive: Drive {
            first: options.first,
            count: options.count,
            time: time.map_err(|e| format!("--minutes: {e}"))?,
            jobs: options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into)),
        },
        stop_after: options.stop_after.max(1),
    };
    let pool = Pool::new(Limits { silence: PATIENCE, ..Limits::default() });
    let shown = std::io::stderr().is_terminal();
    let mut report = campaign::run(&plan, &pool, &|programs, divergences| {
        if shown {
            eprint!("\r{programs} programs, {divergences} divergences ");
        }
    })?;
    if shown {
        eprintln!();
    }
    let seconds = start.elapsed().as_secs_f64();
    for (number, divergence) in report.divergences.iter().enumerate() {
        println!("\ndivergence: program {}: {}", divergence.index, divergence.what);
        if number < options.shrink {
            let shrunk = campaign::shrink_divergence(plan.seed, divergence, &pool);
            println!("  shrunk: {}\n{}", shrunk.what, shrunk.source);
            match campaign::save(plan.seed, divergence, &shrunk, &options.save) {
                Ok(path) => println!("  keep it: cp {} corpus/lua/", path.display()),
                Err(why) => println!("  not written: {why}"),
            }
        }
        println!("run it again: {}", campaign::again(plan.seed, divergence.index));
    }
    let missing = tell(&mut report, options.reached);
    if let Some(file) = &options.results {
        let results =
            Results { lockstep_fuzz_lua: 1, seed: plan.seed, first: plan.drive.first, seconds, report: &report };
        std::fs::write(file, serde_json::to_string_pretty(&results)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    let failed = !report.divergences.is_empty() || !missing.is_empty() || report.programs == 0;
    println!(
        "fuzz lua: {}: {} programs, {} divergences, {} missing; {seconds:.1} s, {:.0} programs/s",
        if failed { "FAILED" } else { "ok" },
        report.programs,
        report.divergences.len(),
        missing.len(),
        report.programs as f64 / seconds
    );
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says what was made and reached; what was not, if enough programs were made.
fn tell(report: &mut LuaBatchReport, table: bool) -> Vec<&'static str> {
    report.lines.sort_unstable();
    let median = report.lines.get(report.lines.len() / 2).copied().unwrap_or(0);
    println!(
        "{} programs, median {median} lines, {} chunks; {} runs, {:.0} bytes of output each; {} given up",
        report.programs,
        report.chunks,
        report.runs,
        report.output as f64 / report.programs.max(1) as f64,
        report.given_up
    );
    let rows: Vec<(&'static str, u64)> = report.reached.rows().collect();
    if table {
        rows.iter().for_each(|(name, count)| println!("{count:>10}  {name}"));
        reach::LEFT_OUT.iter().for_each(|(name, why)| println!("  left out  {name}: {why}"));
        avoid::AVOIDED.iter().for_each(|(row, why)| println!("   avoided  {row}: {why}"));
    }
    let missing: Vec<&str> = rows.iter().filter(|row| row.1 == 0).map(|row| row.0).collect();
    let least = rows.iter().map(|row| row.1).min().unwrap_or(0);
    println!("{} of {} things reached, each at least {least} times", rows.len() - missing.len(), rows.len());
    if report.programs < COVERAGE_FROM {
        return Vec::new();
    }
    if !missing.is_empty() {
        println!("never reached: {}", missing.join(", "));
    }
    missing
}
