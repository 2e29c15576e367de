//! `lockstep study`: what is shown once, with its data, outside of CI.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::progress::Progress;
use super::{Corpus, Done};
use crate::compare::gate::Gate;
use crate::compare::study::{self, LEAST, Study};
use crate::compare::suite::{ROUNDS, Suite};

/// Find out how often a gate cries wolf and what it finds, and keep the data.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Which study
    #[arg(value_name = "STUDY")]
    study: Which,
    /// Record complete runs of this build until there are so many; without it, what is recorded is studied
    #[arg(long, value_name = "N")]
    record: Option<usize>,
    /// Processes of each series in a recorded run
    #[arg(long, value_name = "N", default_value_t = ROUNDS, requires = "record")]
    rounds: usize,
    /// Directory of the recorded runs and of what was found
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Simulated comparisons of each kind
    #[arg(long, value_name = "N", default_value_t = 2000)]
    simulations: usize,
    #[command(flatten)]
    corpus: Corpus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// False alarms and power of the regression gate (`lockstep baseline check`)
    Regression,
}

const EXAMPLES: &str = "\
Examples:
  lockstep study regression --record 25 --out docs/studies/regression   record 25 complete runs, then study them
  lockstep study regression --out docs/studies/regression               study what is recorded so far

Recording may be interrupted and goes on with the same command. docs/compare.md tells what is simulated.";

pub(super) fn run(options: &Options) -> Done {
    let Which::Regression = options.study;
    let mut recorded = study::load(&options.out)?;
    if let Some(wanted) = options.record.filter(|wanted| *wanted > recorded.len()) {
        let mut suite = Suite::new(&options.corpus.corpus, &[], &[], options.rounds)?;
        let bar = Progress::new(suite.jobs() * (wanted - recorded.len()), "processes");
        let before = recorded.len();
        while recorded.len() < wanted {
            let (nth, jobs) = (recorded.len(), suite.jobs());
            let run = suite.run(nth as u64 + 1, &mut |at| {
                bar.at((nth - before) * jobs + at.done, format!("run {} of {wanted}: {}", nth + 1, at.implementation));
            })?;
            study::append(&options.out, &mut recorded, run)?;
        }
        bar.finish();
    }
    if options.record.is_some() && recorded.len() < LEAST {
        println!("study: {} runs recorded; from {LEAST} on they can be studied", recorded.len());
        return Ok(ExitCode::SUCCESS);
    }
    let study = Study::of(&recorded, Gate::default(), options.simulations)?;
    let file = options.out.join("rates.json");
    std::fs::write(&file, serde_json::to_string_pretty(&study)? + "\n")
        .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    show(&study);
    Ok(ExitCode::SUCCESS)
}

fn show(study: &Study) {
    let Study { runs, rounds, series, .. } = study;
    println!("{runs} runs of one build, {series} series that vary, {rounds} processes each; 95 % intervals (Wilson)");
    println!("simulated comparisons");
    println!("  times not judged: another speed      {}", study.untold);
    println!("  anything suspicious, measured anew   {}", study.suspicions);
    println!("  false alarms                         {}", study.false_alarms);
    println!("  slow-down of 15 % found              {}", study.slow_downs);
    println!("  compilation 10 % slower found        {}", study.compilation);
    println!("  one byte more code found             {}", study.code);
    println!("slow-down of 15 % found, by processes of each series in a run");
    for (processes, rate) in &study.power {
        println!("  {processes:<37}{rate}");
    }
    println!("recorded runs as they are, against the first ones");
    let alarms = study.real.iter().filter(|real| !real.alarms.is_empty()).count();
    let suspicious = study.real.iter().filter(|real| !real.suspicious.is_empty()).count();
    println!("  {} runs: {suspicious} with something suspicious, {alarms} with an alarm", study.real.len());
    for (real, alarm) in study.real.iter().flat_map(|real| real.alarms.iter().map(move |alarm| (real, alarm))) {
        println!("  {} {}: {}", real.date, alarm.key, alarm.what);
    }
}
