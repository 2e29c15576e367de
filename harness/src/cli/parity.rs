//! `lockstep parity`: case × backend × level, each trial in a worker process, shown as test programs show their tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use libtest_mimic::{Arguments, Failed, Trial};

use super::optimiser::Passes;
use super::{Corpus, Done, Selection, program, shell_word};
use crate::backends::{Backends, Column};
use crate::bench::build;
use crate::case::Case;
use crate::check::Verdict;
use crate::corpus;
use crate::lua::case::LuaCase;
use crate::program::interpreted::STRESSED_UP_TO;
use crate::program::trial::TrialStats;
use crate::program::{Configuration, trial};
use crate::results::{ParityResults, Status, Summary, TrialResult, VERSION, Verified};
use crate::waiver::{Date, Expectation, Waivers};
use crate::worker::{Answer, Death, Limits, Pool, Task};

/// Run cases on backends and compare with what is expected.
///
/// A trial is a case on a backend at a level, named CASE/BACKEND/LEVEL. Each runs in a worker process: a crash, a hang, an
/// exit, noise or a huge allocation fails that trial alone. A trial that a backend declares it cannot do (`lockstep backends`
/// lists what it lacks) must be refused, and counts as such. A trial with a waiver runs, and fails if it passes or the waiver has expired.
#[derive(Args)]
pub(super) struct Options {
    /// Only trials whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Filters are whole names
    #[arg(long)]
    exact: bool,
    /// Not trials whose name contains this (or, with --exact, is this); may be repeated
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,
    /// List the trials and run none
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    corpus: Corpus,
    /// Put a whole VM from outside under test, as this file describes it (docs/subjects.md)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["backends", "levels", "corpus", "timeout", "memory", "waivers"])]
    subject: Option<PathBuf>,
    /// Waivers: trials known to fail or to be flaky, with reason, owner and date; `waivers.yaml` of the corpus if not stated
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    #[command(flatten)]
    passes: Passes,
    /// Trials at a time
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,
    /// Print one character per trial
    #[arg(long, short)]
    quiet: bool,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Seconds a trial may go without a sign of life
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT)]
    timeout: f64,
    /// Memory a trial may use, in MiB of address space
    #[arg(long, value_name = "MIB", default_value_t = MEMORY)]
    memory: u64,
}

/// What `--timeout` is if it is not said.
const TIMEOUT: f64 = 60.0;

/// What `--memory` is if it is not said.
const MEMORY: u64 = 4096;

impl Options {
    /// The line that runs one of the trials again under the same conditions, without its backend and its name.
    fn again(&self) -> String {
        let mut line = format!("{} parity{}{}", program(), self.corpus.again(), self.passes.again());
        if let Some(file) = &self.waivers {
            line += &format!(" --waivers {}", shell_word(&file.display().to_string()));
        }
        if self.timeout != TIMEOUT {
            line += &format!(" --timeout {}", self.timeout);
        }
        if self.memory != MEMORY {
            line += &format!(" --memory {}", self.memory);
        }
        line + " --exact"
    }

    fn selects(&self, name: &str) -> bool {
        let hits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(hits)) && !self.skip.iter().any(hits)
    }
}

pub(super) fn run(options: &Options) -> Done {
    if let Some(file) = &options.subject {
        return super::subject::parity::run(&super::subject::parity::Request {
            file,
            selects: &|name| options.selects(name),
            jobs: options.jobs,
            quiet: options.quiet,
            list: options.list,
            results: options.results.as_ref(),
        });
    }
    let start = Instant::now();
    let silence = Duration::try_from_secs_f64(options.timeout).map_err(|e| format!("--timeout: {e}"))?;
    let limits = Limits { memory: options.memory << 20, silence, ..Limits::default() };
    let mut all = Case::names(&options.corpus.corpus)?;
    let ir_cases = all.len();
    all.extend(corpus::program::names(&options.corpus.corpus)?);
    let programs = ir_cases..all.len();
    let lua = crate::lua::case::cases(&options.corpus.corpus)?;
    all.extend(lua.iter().map(|case| case.0.clone()));
    let waivers = Waivers::load(&options.corpus.corpus, options.waivers.as_deref(), &all)?;
    let shared = Arc::new(Shared {
        pool: Pool::new(limits),
        waivers,
        without: options.passes.names()?,
        today: Date::today(),
        results: Mutex::default(),
        verified: Mutex::default(),
        corpus: options.corpus.corpus.clone(),
        again: options.again(),
    });
    let columns = Backends::new().columns(&options.selection.backends, &options.selection.levels)?;
    let (mut trials, mut cases) = (Vec::new(), Vec::new());
    for case in &all[..ir_cases] {
        for column in &columns {
            let name = format!("{case}/{column}");
            if options.selects(&name) {
                cases.push(case.as_str());
                let (shared, case, column, name_) = (shared.clone(), case.clone(), column.clone(), name.clone());
                trials.push(Trial::test(name, move || shared.conclude(|| shared.ir_trial(&name_, &case, &column))));
            }
        }
    }
    // A selection of backends leaves the interpreter's own trials out.
    let alone = options.selection.backends.is_empty() && options.selection.levels.is_empty();
    let natives = columns.iter().flat_map(|c| Configuration::ALL.map(|configuration| (c.clone(), configuration)));
    let places: Vec<Option<(Column, Configuration)>> =
        alone.then_some(None).into_iter().chain(natives.map(Some)).collect();
    for case in &all[programs] {
        for native in &places {
            let name = trial::name(case, native.as_ref());
            if options.selects(&name) {
                cases.push(case.as_str());
                let (shared, case, native, name_) = (shared.clone(), case.clone(), native.clone(), name.clone());
                trials.push(Trial::test(name, move || {
                    shared.conclude(|| (shared.program_trial(&name_, &case, native.as_ref()), None))
                }));
            }
        }
    }
    // Nothing of them is compiled yet: they are the interpreter's.
    for (case, lua, source) in lua.into_iter().filter(|_| alone) {
        let name = format!("{case}/interpreter");
        if options.selects(&name) {
            let shared = shared.clone();
            trials.push(Trial::test(name.clone(), move || {
                shared.conclude(|| (lua_trial(&name, &case, &lua, &source), None))
            }));
        }
    }
    if trials.is_empty() {
        return Err("no trial has such a name; `lockstep parity --list` shows all".into());
    }
    if !options.list {
        let tried: BTreeSet<&str> = cases.into_iter().collect();
        check(&options.corpus.corpus, &|name| tried.contains(name))?;
    }
    let arguments =
        Arguments { list: options.list, quiet: options.quiet, test_threads: options.jobs, ..Arguments::default() };
    let conclusion = libtest_mimic::run(&arguments, trials);
    if options.list {
        return Ok(ExitCode::SUCCESS);
    }
    let mut trials = std::mem::take(&mut *shared.results());
    trials.sort_by(|a, b| a.name.cmp(&b.name));
    let summary = Summary::of(&trials);
    let sum = |count: fn(&TrialStats) -> u64| trials.iter().filter_map(|t| t.program.as_ref()).map(count).sum::<u64>();
    let (unstressed, collections) = (sum(|stats| stats.unstressed), sum(|stats| stats.collections));
    println!("under stress of the collector: {collections} collections; {unstressed} runs left out");
    if unstressed > 0 {
        let cases = trials.iter().filter(|t| t.program.is_some_and(|p| p.unstressed > 0)).map(|t| t.case.as_str());
        tell_unstressed(&options.corpus.corpus, &cases.collect())?;
    }
    if let Some(file) = &options.results {
        let verified = std::mem::take(&mut *shared.verified());
        let again = Some(shared.again.clone());
        let build = build::this();
        let results = ParityResults { lockstep_parity: VERSION, build, summary, trials, verified, again };
        std::fs::write(file, serde_json::to_string_pretty(&results)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    println!(
        "parity: {}: {} passed, {} failed ({} died), {} refused as declared{}; {:.1} s",
        if conclusion.has_failed() { "FAILED" } else { "ok" },
        summary.passed,
        summary.failed,
        summary.died,
        summary.refused,
        match (summary.waived, summary.flaky) {
            (0, 0) => String::new(),
            (waived, flaky) => format!(", {waived} waived, {flaky} flaky"),
        },
        start.elapsed().as_secs_f64()
    );
    Ok(if conclusion.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tells which cases were not put under stress of the collector, and why.
fn tell_unstressed(corpus: &Path, cases: &BTreeSet<&str>) -> Result<(), corpus::CorpusError> {
    let all = corpus::program::cases(corpus)?;
    let sees: BTreeSet<&str> =
        all.iter().filter(|(_, case)| case.sees_collector).map(|(name, _)| name.as_str()).collect();
    let (seen, long): (Vec<&str>, Vec<&str>) = cases.iter().copied().partition(|case| sees.contains(case));
    if !seen.is_empty() {
        println!("  cases that see when something is collected: {}", seen.join(", "));
    }
    if !long.is_empty() {
        println!("  cases with more than {STRESSED_UP_TO} back edges and calls: {}", long.join(", "));
    }
    Ok(())
}

/// Tells each mistake in cases that are tried once, rather than once for each of their trials.
fn check(corpus: &Path, tried: &dyn Fn(&str) -> bool) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut mistakes = corpus::ir::mistakes(corpus, tried)?;
    mistakes.extend(corpus::program::mistakes(corpus, tried)?);
    mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
    match mistakes.len() {
        0 => Ok(()),
        1 => Err("a case has a mistake; nothing was run".into()),
        some => Err(format!("{some} cases have mistakes; nothing was run").into()),
    }
}

/// The line that runs a trial again, from what [`ParityResults::again`] begins it with.
pub(crate) fn again(line: &str, trial: &TrialResult) -> String {
    let backend = trial.column.as_ref().map_or_else(String::new, |c| Selection::for_backend(&c.backend));
    format!("{line}{backend} {}", shell_word(&trial.name))
}

/// What all trials of a run share.
struct Shared {
    pool: Pool,
    results: Mutex<Vec<TrialResult>>,
    verified: Mutex<Verified>,
    corpus: PathBuf,
    waivers: Waivers,
    /// Passes of the bytecode optimiser that are left out.
    without: Vec<String>,
    today: Date,
    /// The line that runs a trial again, without its name.
    again: String,
}

impl Shared {
    fn results(&self) -> std::sync::MutexGuard<'_, Vec<TrialResult>> {
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes a trial once; a short unit's text comes with a failure.
    fn ir_trial(&self, name: &str, case: &str, column: &Column) -> (TrialResult, Option<String>) {
        let task = Task::IrCase { case: case.to_owned(), column: column.clone(), corpus: self.corpus.clone() };
        let mut result = TrialResult::new(name.to_owned(), case.to_owned(), Some(column.clone()));
        let mut unit = None;
        match self.pool.run(&task) {
            Ok(Answer::Case(report)) => {
                let runs = report.stats.runs.into();
                unit = report.unit;
                result.stats = Some(report.stats);
                match report.verdict {
                    Verdict::Passed => made_runs(&mut result, runs),
                    Verdict::Refused { why } => {
                        let reason = Some("unsupported".to_owned());
                        (result.status, result.kind, result.what) = (Status::Refused, reason, Some(why));
                    }
                    Verdict::Failed { kind, what } => {
                        let kind = serde_json::to_value(kind).ok().and_then(|k| k.as_str().map(str::to_owned));
                        result.fail(Status::Failed, kind, what);
                    }
                }
            }
            answer => no_answer(&mut result, answer),
        }
        (result, unit)
    }

    fn program_trial(&self, name: &str, case: &str, native: Option<&(Column, Configuration)>) -> TrialResult {
        let task = Task::ProgramCase {
            case: case.to_owned(),
            native: native.cloned(),
            without: self.without.clone(),
            corpus: self.corpus.clone(),
        };
        let mut result = TrialResult::new(name.to_owned(), case.to_owned(), native.map(|n| n.0.clone()));
        result.configuration = native.map(|n| n.1);
        match self.pool.run(&task) {
            Ok(Answer::Program(report)) => {
                result.program = Some(report.stats);
                if let Some(column) = &result.column {
                    let mut verified = self.verified();
                    let counts = verified.entry(column.to_string()).or_default();
                    report.natively.into_iter().for_each(|mnemonic| *counts.entry(mnemonic).or_default() += 1);
                }
                match report.failure {
                    Some(what) => result.fail(Status::Failed, Some("parity".to_owned()), what),
                    None if report.stats.refused > 0 => {
                        let reasons = report.refusals.into_iter().collect::<Vec<_>>().join(", ");
                        let what = format!("{} functions: {reasons}; all agrees", report.stats.refused);
                        (result.status, result.kind, result.what) = (Status::Refused, Some(reasons), Some(what));
                    }
                    None => made_runs(&mut result, report.stats.runs),
                }
            }
            answer => no_answer(&mut result, answer),
        }
        result
    }

    /// Makes a trial as often as is said of it, judges it, records the result, and turns a failure into what the test runner shows.
    fn conclude(&self, once: impl Fn() -> (TrialResult, Option<String>)) -> Result<(), Failed> {
        let start = Instant::now();
        let (mut result, mut unit) = once();
        match self.waivers.expectation(&result) {
            None => {}
            Some(Expectation::Fails(waiver)) => waiver.judge(&mut result, self.today),
            Some(Expectation::Flaky(waiver, runs)) => {
                let (mut passed, mut failed) = (0, 0);
                for run in 0..runs {
                    if run > 0 {
                        (result, unit) = once();
                    }
                    match result.status {
                        Status::Failed | Status::Died => failed += 1,
                        _ => passed += 1,
                    }
                    if passed > 0 && failed > 0 {
                        break;
                    }
                }
                waiver.judge_flaky(&mut result, passed, failed, self.today);
            }
        }
        result.seconds = start.elapsed().as_secs_f64();
        let failure = matches!(result.status, Status::Failed | Status::Died).then(|| {
            let mut text = result.what.clone().unwrap_or_default();
            if let Some(unit) = unit {
                text += &format!("\n\n{unit}");
            }
            let name = &result.name;
            Failed::from(format!("{name}: {text}\nrun it again: {}", again(&self.again, &result)))
        });
        self.results().push(result);
        failure.map_or(Ok(()), Err)
    }
}

/// Runs a Lua case in processes of its own: `lockstep run`, as users do.
fn lua_trial(name: &str, case: &str, lua: &LuaCase, source: &str) -> TrialResult {
    let mut result = TrialResult::new(name.to_owned(), case.to_owned(), None);
    match crate::lua::trial::run(lua, source) {
        Ok(runs) => {
            result.program = Some(TrialStats { runs, ..TrialStats::default() });
            made_runs(&mut result, runs);
        }
        Err(what) => result.fail(Status::Failed, Some("parity".to_owned()), what),
    }
    result
}

/// A trial that passed must have made runs: a pass that nothing ran for is a skip.
fn made_runs(result: &mut TrialResult, runs: u64) {
    if runs == 0 {
        result.fail(Status::Failed, Some("not_run".to_owned()), "it passed, and nothing was run".to_owned());
    }
}

/// Records that a trial was not tried, or that its worker died. Any other answer belongs to another kind of task.
fn no_answer(result: &mut TrialResult, answer: Result<Answer, Box<Death>>) {
    match answer {
        Ok(Answer::Refused { why }) => result.fail(Status::Failed, Some("not_tried".to_owned()), why),
        Ok(_) => result.fail(Status::Failed, Some("channel".to_owned()), "the worker answered another task".to_owned()),
        Err(death) => result.fail(Status::Died, Some(death.how.name().to_owned()), death.to_string()),
    }
}
