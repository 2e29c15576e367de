//! `lockstep baseline`: keep what this machine measures, and see whether a build is worse.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::progress::Progress;
use super::{Corpus, Done};
use crate::compare::baseline::{Baselines, RUNS};
use crate::compare::check::{Check, VERSION};
use crate::compare::environment::Fingerprint;
use crate::compare::gate::{CONFIRMATIONS, Gate, Readings};
use crate::compare::run::Run;
use crate::compare::series::Key;
use crate::compare::study;
use crate::compare::suite::{ROUNDS, Suite};

/// Keep what this machine measures, and see whether a build is worse.
///
/// A baseline is some complete runs of the regression suite: every kernel at its small size on every native backend's default level, and the corpus compiled by each. One file
/// holds the baselines of several machines. docs/compare.md tells how is decided, and how often that is wrong.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
    /// The file of baselines
    #[arg(long, value_name = "FILE", default_value = "reports/baseline.json", global = true)]
    file: PathBuf,
    /// Only this backend; may be repeated
    #[arg(long = "backend", value_name = "ID", global = true)]
    backends: Vec<String>,
    /// Only benchmarks whose name contains this; may be repeated
    #[arg(long = "only", value_name = "FILTER", global = true)]
    filters: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Measure complete runs and keep them as this machine's baseline
    Save(Save),
    /// Measure a complete run and compare it with this machine's baseline
    Check(CheckOptions),
    /// Show which machines have a baseline
    List,
}

#[derive(Args)]
struct Save {
    /// Complete runs; their spread is what the gate knows of differences between runs
    #[arg(long, value_name = "N", default_value_t = RUNS)]
    runs: usize,
    /// Processes of each series in a run
    #[arg(long, value_name = "N", default_value_t = ROUNDS)]
    rounds: usize,
    /// Do not measure: take the last runs that a study recorded in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "rounds")]
    from: Option<PathBuf>,
    #[command(flatten)]
    corpus: Corpus,
}

#[derive(Args)]
struct CheckOptions {
    /// Where this machine has no baseline, say so and end with status 0
    #[arg(long)]
    if_known: bool,
    /// End with status 3 if a slow-down of 15 % cannot be excluded everywhere
    #[arg(long)]
    strict: bool,
    /// Compare with a baseline of another build profile or of other sizes, and flag it
    #[arg(long)]
    force: bool,
    /// Doctor the measurements, to see that the gate finds it: every series of this implementation takes so many times its time
    #[arg(long, value_name = "NAME=FACTOR", value_parser = plant)]
    plant: Option<(String, f64)>,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    #[command(flatten)]
    corpus: Corpus,
}

const EXAMPLES: &str = "\
Examples:
  lockstep baseline save                          three complete runs, a few minutes
  lockstep baseline check                         one complete run; suspicious series are measured again
  lockstep baseline save --from docs/studies/regression   from what the study recorded

Exit status of `check`: 0 nothing is worse, 1 something is, 2 could not compare, 3 this machine has no baseline
or (--strict) the noise is too large to tell.";

fn plant(text: &str) -> Result<(String, f64), String> {
    let parts = text.rsplit_once('=').and_then(|(name, factor)| Some((name.to_owned(), factor.parse().ok()?)));
    parts.filter(|(_, factor)| *factor > 0.0).ok_or_else(|| "expected NAME=FACTOR".to_owned())
}

pub(super) fn run(options: &Options) -> Done {
    let baselines = Baselines::load(&options.file)?;
    match &options.command {
        Command::List => {
            list(&baselines, options);
            Ok(ExitCode::SUCCESS)
        }
        Command::Save(save) => keep(baselines, save, options),
        Command::Check(check) => judge(&baselines, check, options),
    }
}

fn list(baselines: &Baselines, options: &Options) {
    let here = Fingerprint::here();
    for entry in &baselines.entries {
        let mark = if entry.machine == here { "  (this machine)" } else { "" };
        println!("{}  {}{mark}", entry.id, entry.machine);
        for run in &entry.runs {
            println!("          {}  commit {}  {} series", run.date, run.commit, run.series.len());
        }
    }
    if baselines.of(&here).is_none() {
        println!("{}", unknown(&here, options));
    }
}

fn unknown(here: &Fingerprint, options: &Options) -> String {
    format!("{} has no baseline for this machine, {} ({here})", options.file.display(), here.id())
}

fn keep(mut baselines: Baselines, save: &Save, options: &Options) -> Done {
    let runs = match &save.from {
        Some(dir) => {
            let recorded = study::load(dir)?;
            if recorded.len() < save.runs {
                return Err(format!("{} holds {} runs, not {}", dir.display(), recorded.len(), save.runs).into());
            }
            recorded[recorded.len() - save.runs..].to_vec()
        }
        None => {
            let mut suite = Suite::new(&save.corpus.corpus, &options.filters, &options.backends, save.rounds)?;
            let jobs = suite.jobs();
            let bar = Progress::new(jobs * save.runs, "processes");
            let mut runs = Vec::new();
            for nth in 0..save.runs {
                runs.push(suite.run(nth as u64 + 1, &mut |at| {
                    bar.at(nth * jobs + at.done, format!("run {} of {}: {}", nth + 1, save.runs, at.implementation));
                })?);
            }
            bar.finish();
            runs
        }
    };
    baselines.replace(runs)?;
    let text = baselines.text()?;
    std::fs::write(&options.file, text).map_err(|e| format!("cannot write {}: {e}", options.file.display()))?;
    println!("baseline: {} runs kept in {}", save.runs, options.file.display());
    Ok(ExitCode::SUCCESS)
}

fn judge(baselines: &Baselines, check: &CheckOptions, options: &Options) -> Done {
    let here = Fingerprint::here();
    let Some(entry) = baselines.of(&here) else {
        println!("note: {}: nothing was compared", unknown(&here, options));
        println!("      `lockstep baseline save` makes one");
        return Ok(if check.if_known { ExitCode::SUCCESS } else { ExitCode::from(3) });
    };
    let rounds = entry.runs.iter().flat_map(|run| &run.series).map(|s| s.processes().len()).max().unwrap_or(ROUNDS);
    let mut suite = Suite::new(&check.corpus.corpus, &options.filters, &options.backends, rounds)?;
    let bar = Progress::new(suite.jobs(), "processes");
    let mut run = suite.run(0, &mut |at| {
        bar.at(at.done, at.implementation.to_string());
    })?;
    bar.finish();
    doctor(&mut run, check);
    let mut notes = Vec::new();
    if let Some((before, now)) = entry.runs[0].environment.as_ref().zip(run.environment.as_ref()) {
        for difference in before.differences(now) {
            if difference.forbids && !check.force {
                return Err(format!("the baseline cannot be compared with this build: {}", difference.what).into());
            }
            println!("{}: {}", if difference.forbids { "INCOMPARABLE" } else { "note" }, difference.what);
            notes.push(difference.what);
        }
    }
    let gate = Gate::default();
    let baseline: Vec<Readings> = entry.runs.iter().map(|kept| Readings::of(&kept.comparable_with(&run))).collect();
    let current = Readings::of(&run.comparable_with(&entry.runs[0]));
    let another_speed = gate.another_speed(&baseline, &current);
    let suspicious = if another_speed.is_none() { gate.suspects(&baseline, &current) } else { Vec::new() };
    let mut alarms = gate.certain(&baseline, &current);
    if !suspicious.is_empty() {
        let keys: BTreeSet<Key> = suspicious.iter().map(|alarm| alarm.key.clone()).collect();
        println!("{} suspicious series: measured again, in {CONFIRMATIONS} times as many processes", keys.len());
        for alarm in &suspicious {
            println!("  suspicious      {:<44} {}", alarm.key.to_string(), alarm.what);
        }
        let mut anew = suite.again(&keys, 1, &mut |_| {})?;
        doctor(&mut anew, check);
        alarms.extend(gate.confirmed(&baseline, &Readings::of(&anew).only(&keys)));
    }
    let (gains, blind) = match &another_speed {
        None => (gate.gains(&baseline, &current), gate.blind(&baseline, &current)),
        Some(why) => {
            println!("note: {why}: times cannot be told, and only exact quantities were compared");
            (Vec::new(), current.noisy.keys().cloned().collect())
        }
    };
    let missing = gate.missing(&baseline, &current);
    if let Some(file) = &check.results {
        let found = Check {
            lockstep_check: VERSION,
            baseline: entry.id.clone(),
            notes,
            run,
            suspicious,
            alarms: alarms.clone(),
            gains: gains.clone(),
            blind: blind.clone(),
            missing: missing.clone(),
        };
        std::fs::write(file, serde_json::to_string_pretty(&found)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    for alarm in &alarms {
        let p = alarm.p.map_or_else(String::new, |p| format!(", p {p:.4}"));
        println!("  WORSE           {:<44} {}{p}", alarm.key.to_string(), alarm.what);
    }
    for gain in &gains {
        println!("  better          {:<44} {}", gain.key.to_string(), gain.what);
    }
    for key in blind.iter().filter(|_| another_speed.is_none()) {
        println!("  cannot be told  {key}: too noisy to exclude a slow-down of 15 %");
    }
    for key in &missing {
        println!("  missing         {key}: the baseline has it, this run has not");
    }
    println!(
        "baseline: {}: {} series, {} worse, {} seem better, {} cannot be told, {} missing; against {} runs of {}",
        if alarms.is_empty() { "ok" } else { "FAILED" },
        current.noisy.len() + current.exact.len(),
        alarms.len(),
        gains.len(),
        blind.len(),
        missing.len(),
        entry.runs.len(),
        entry.id
    );
    if !alarms.is_empty() {
        println!("if that is intended: lockstep baseline save");
    }
    Ok(match () {
        () if !alarms.is_empty() => ExitCode::FAILURE,
        () if check.strict && !(blind.is_empty() && missing.is_empty()) => ExitCode::from(3),
        () => ExitCode::SUCCESS,
    })
}

/// Plants what was asked for.
fn doctor(run: &mut Run, check: &CheckOptions) {
    if let Some((name, factor)) = &check.plant {
        run.scale(name, *factor);
    }
}
