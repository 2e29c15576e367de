//! `lockstep parity --subject`: program × configuration of a VM from outside, each held against its reference configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::bench::build;
use crate::cli::{Done, program, shell_word};
use crate::results::{ParityResults, Status, Summary, TrialResult, VERSION, Verified};
use crate::subject::evidence::Native;
use crate::subject::trial::{Subjected, Trials};

/// What `parity` was asked for.
pub(in crate::cli) struct Request<'o> {
    /// The subject.
    pub file: &'o PathBuf,
    /// Which trials.
    pub selects: &'o dyn Fn(&str) -> bool,
    /// Trials at a time.
    pub jobs: Option<usize>,
    /// One character for each trial.
    pub quiet: bool,
    /// List the trials and run none.
    pub list: bool,
    /// Where results go.
    pub results: Option<&'o PathBuf>,
}

pub(in crate::cli) fn run(request: &Request<'_>) -> Done {
    let start = Instant::now();
    let (subject, version) = super::load(request.file)?;
    let trials = Arc::new(Trials::new(subject));
    let results: Arc<Mutex<Vec<TrialResult>>> = Arc::default();
    let mut tests = Vec::new();
    for (index, program) in trials.subject.programs.iter().enumerate() {
        for configuration in &trials.subject.configurations {
            let name = trials.name(program, configuration);
            if !(request.selects)(&name) {
                continue;
            }
            let (trials, results, file) = (trials.clone(), results.clone(), request.file.clone());
            let (configuration, trial) = (configuration.clone(), name.clone());
            tests.push(Trial::test(name, move || {
                let (result, failed) = one(&trials, index, &configuration, trial, &file);
                results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                failed
            }));
        }
    }
    if tests.is_empty() {
        return Err(format!(
            "no trial has such a name; `lockstep parity --subject {} --list` shows all",
            request.file.display()
        )
        .into());
    }
    let arguments =
        Arguments { list: request.list, quiet: request.quiet, test_threads: request.jobs, ..Arguments::default() };
    let conclusion = libtest_mimic::run(&arguments, tests);
    if request.list {
        return Ok(ExitCode::SUCCESS);
    }
    let mut trials = std::mem::take(&mut *results.lock().unwrap_or_else(PoisonError::into_inner));
    trials.sort_by(|a, b| a.name.cmp(&b.name));
    let summary = Summary::of(&trials);
    show_evidence(&trials);
    if let Some(file) = request.results {
        let all = ParityResults {
            lockstep_parity: VERSION,
            build: build::this(),
            summary,
            trials,
            verified: Verified::new(),
            again: Some(again(request.file)),
        };
        std::fs::write(file, serde_json::to_string_pretty(&all)? + "\n")
            .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    }
    println!(
        "parity: {}: {version}: {} passed, {} failed ({} died); {:.1} s",
        if conclusion.has_failed() { "FAILED" } else { "ok" },
        summary.passed,
        summary.failed,
        summary.died,
        start.elapsed().as_secs_f64()
    );
    Ok(if conclusion.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The line that runs a trial again, without its name.
fn again(file: &Path) -> String {
    format!("{} parity --subject {} --exact", program(), shell_word(&file.display().to_string()))
}

fn one(
    trials: &Trials,
    program: usize,
    configuration: &crate::subject::Configuration,
    name: String,
    file: &Path,
) -> (TrialResult, Result<(), Failed>) {
    let start = Instant::now();
    let outcome = trials.run(program, configuration);
    let subject = &trials.subject;
    let entry = &subject.programs[program].name;
    let mut result = TrialResult::new(name.clone(), format!("{}/{entry}", subject.manifest.subject), None);
    result.subject = Some(Subjected {
        subject: subject.manifest.subject.clone(),
        program: entry.clone(),
        configuration: configuration.name.clone(),
        evidence: outcome.evidence,
    });
    let failed = match outcome.failure {
        None => Ok(()),
        Some(wrong) => {
            let again = format!("{} {}", again(file), shell_word(&name));
            let mut text =
                format!("{name}: {}\nthe command: {}\nrun it again: {again}", wrong.what, outcome.invocation.line());
            if !configuration.reference && subject.manifest.compiled.is_some() && wrong.kind != "no_reference" {
                text += &format!(
                    "\nfind what is behind it: lockstep bisect --subject {} {} --configuration {}",
                    shell_word(&file.display().to_string()),
                    shell_word(entry),
                    shell_word(&configuration.name)
                );
            }
            result.fail(wrong.status, Some(wrong.kind), wrong.what);
            Err(Failed::from(text))
        }
    };
    result.seconds = start.elapsed().as_secs_f64();
    (result, failed)
}

/// What is known about native execution, configuration by configuration, in the trials that passed.
fn show_evidence(trials: &[TrialResult]) {
    let passed = trials.iter().filter(|t| t.status == Status::Passed).filter_map(|t| t.subject.as_ref());
    let mut sums: BTreeMap<&str, BTreeMap<Native, usize>> = BTreeMap::new();
    for trial in passed.filter(|s| s.evidence.native != Native::Reference) {
        *sums.entry(&trial.configuration).or_default().entry(trial.evidence.native).or_default() += 1;
    }
    for (configuration, counts) in sums {
        let words: Vec<String> =
            counts.iter().map(|(native, count)| format!("native execution {native} in {count} trials")).collect();
        println!("{configuration}: {}", words.join(", "));
    }
}
