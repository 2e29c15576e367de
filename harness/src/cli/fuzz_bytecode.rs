//! `lockstep fuzz bytecode`: random programs against the interpreter.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use lockstep_bytecode::{ConvertMode, Kind, Op, Sem};

use super::{Done, Selection};
use crate::backends::Backends;
use crate::fuzz::drive::{self, Drive, Next};
use crate::program::ProgramCase;
use crate::program::fuzz::{Half, ProgramBatch, ProgramBatchReport};
use crate::worker::{Answer, Limits, Pool, Task};

/// Random bytecode programs, eight inputs each, compared with the interpreter in every configuration.
///
/// The same seed gives the same programs. A divergence is shrunk and written as a case that can be put into corpus/bytecode as it is. The exit
/// status tells whether there was one, and also fails if some instruction was never generated although enough programs were.
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
    /// Programs of the dynamic half: optimised and not, under stress of the collector and not, typed functions compiled and not
    #[arg(long)]
    dynamic: bool,
    #[command(flatten)]
    selection: Selection,
    /// Report programs as they were found, not shrunk
    #[arg(long)]
    no_shrink: bool,
    /// Batches at a time
    #[arg(long, short, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Stop once so many divergences are found
    #[arg(long, value_name = "N", default_value_t = 5)]
    stop_after: usize,
    /// Seconds a batch of ten programs may go without a sign of life: far more than any takes
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    timeout: f64,
    /// Where shrunk cases are written
    #[arg(long, value_name = "DIR", default_value = "target/lockstep/fuzz")]
    save: PathBuf,
}

/// Programs per batch.
const BATCH: u64 = 10;

/// Programs from which on an instruction that was never generated is a failure.
const COVERAGE_FROM: u64 = 2000;

pub(super) fn run(options: &Options) -> Done {
    let report = campaign(options)?;
    for divergence in &report.divergences {
        println!("program {} on {}: {}", divergence.index, divergence.way, divergence.what);
        println!("  saved as {}", save(options, &divergence.case)?.display());
        println!(
            "  run it again: lockstep fuzz bytecode{} --seed {} --first {} --count 1",
            if options.dynamic { " --dynamic" } else { "" },
            options.seed,
            divergence.index
        );
    }
    for death in &report.deaths {
        println!("{death}");
    }
    let mut lengths = report.lengths.clone();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    let ended = 100.0 * report.reached_end as f64 / report.runs.max(1) as f64;
    let wanted: Vec<Op> = if options.dynamic { Op::dynamic().collect() } else { Op::typed().collect() };
    let missing: Vec<&str> = (wanted.into_iter())
        .filter(|op| !replaced(*op))
        .map(|op| op.info().mnemonic)
        .filter(|m| !report.instructions.contains(*m))
        .collect();
    println!(
        "{} programs, median {median} instructions; {ended:.1} % of {} runs reached their end",
        report.programs, report.runs
    );
    if !report.errors.is_empty() {
        let shown: Vec<String> = report.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        println!("errors that ended runs: {}", shown.join(", "));
    }
    let incomplete = report.programs >= COVERAGE_FROM && !missing.is_empty();
    if incomplete {
        println!("never generated: {}", missing.join(", "));
    }
    let divergences = report.divergences.len() + report.deaths.len();
    let failed = incomplete || divergences > 0 || report.programs == 0;
    println!(
        "fuzz bytecode: {}: {} programs, {} divergences",
        if failed { "FAILED" } else { "ok" },
        report.programs,
        divergences
    );
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether the fuzzer replaces an instruction: casts of floats to their bits.
fn replaced(op: Op) -> bool {
    op.info().sem == Sem::Convert(ConvertMode::Bits) && op.info().from == Some(Kind::F64)
}

fn save(options: &Options, case: &ProgramCase) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
    #[derive(serde::Serialize)]
    struct File<'c> {
        about: &'static str,
        cases: [&'c ProgramCase; 1],
    }
    std::fs::create_dir_all(&options.save)?;
    let path = options.save.join(format!("{}.yaml", case.name));
    std::fs::write(&path, serde_yaml::to_string(&File { about: "Found by random programs.", cases: [case] })?)?;
    Ok(path)
}

/// Runs batches on workers until the count is reached or enough diverged.
fn campaign(options: &Options) -> Result<ProgramBatchReport, Box<dyn std::error::Error + Send + Sync>> {
    let mut columns = Backends::new().columns(&options.selection.backends, &options.selection.levels)?;
    // The evaluator is a hundred times slower; it takes part where it is named.
    let mut backends = Backends::new();
    if options.selection.backends.is_empty() {
        columns.retain(|c| backends.resolve(&c.backend).is_ok_and(|b| b.evaluator().is_none()));
    }
    let silence = Duration::try_from_secs_f64(options.timeout).map_err(|e| format!("--timeout: {e}"))?;
    let pool = Pool::new(Limits { silence, ..Limits::default() });
    let drive = Drive { first: options.first, count: options.count, time: None, jobs: options.jobs };
    let whole = Mutex::new(ProgramBatchReport::default());
    drive::run(&drive, BATCH, &|first, count| {
        let batch = ProgramBatch {
            seed: options.seed,
            first,
            count,
            columns: columns.clone(),
            half: if options.dynamic { Half::Dynamic } else { Half::Typed },
            shrink: !options.no_shrink,
        };
        let answer = pool.run(&Task::FuzzPrograms { batch });
        let mut report = whole.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(Answer::FuzzPrograms(part)) => report.add(part),
            Ok(Answer::Refused { why }) => return Err(why),
            Ok(_) => return Err("the worker answered another task".to_owned()),
            // A crash or a hang is what one program did to its backend.
            Err(death) => report.deaths.push(format!("programs {first} to {}: {death}", first + count - 1)),
        }
        let is_enough = report.divergences.len() + report.deaths.len() >= options.stop_after;
        Ok(if is_enough { Next::Stop } else { Next::GoOn })
    })?;
    Ok(whole.into_inner().unwrap_or_else(PoisonError::into_inner))
}
