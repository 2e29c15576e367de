//! `lockstep judge`: the evaluator against C.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::Done;
use crate::judge;

/// Compare the IR evaluator with C compiled by gcc.
///
/// Every backend is judged by the evaluator; this judges the evaluator. For each operation at each type a C function, written from the
/// operation's documentation, computes the edge cases and random ones. An operation without one is a failure.
#[derive(Args)]
pub(super) struct Options {
    /// The C compiler
    #[arg(long, value_name = "PROGRAM", default_value = "gcc")]
    cc: String,
    /// Random tuples per operation, besides the edge cases
    #[arg(long, default_value_t = 2000)]
    random: usize,
    /// Seed of the random tuples
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the C program is put
    #[arg(long, value_name = "DIR", default_value = "target/lockstep/judge")]
    directory: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    let start = Instant::now();
    let judgement = judge::judge(&options.cc, &options.directory, options.random, options.seed)?;
    for line in &judgement.disagreements {
        println!("{line}");
    }
    let failed = !judgement.disagreements.is_empty();
    println!(
        "judge: {}: {} operations at their types, {} tuples, {} disagreements; {:.1} s",
        if failed { "FAILED" } else { "ok" },
        judgement.operations,
        judgement.tuples,
        judgement.disagreements.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
