//! From results of other commands to a passport. Nothing is measured here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::build::Build;
use super::digest;
use super::model::{Bench, Counts, Coverage, Family, NotRun, Parity, Passport, Tested, VERSION};
use crate::bench::results::Build as MadeBy;
use crate::bench::{BenchReport, results as bench};
use crate::compare::environment::Fingerprint;
use crate::program::coverage::{self, CoverageResults};
use crate::report::gather::read;
use crate::report::model::BackendRow;
use crate::report::{SourceError, environment};
use crate::results::{self, ParityResults, Status, Summary, TrialResult};
use crate::subject::Subject;
use crate::subject::evidence::Native;

/// Where results of other commands are, and what they are about.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Of `parity`.
    pub parity: Option<PathBuf>,
    /// Of `coverage`.
    pub coverage: Option<PathBuf>,
    /// Of `bench`.
    pub bench: Option<PathBuf>,
    /// The corpus.
    pub corpus: PathBuf,
    /// The subject, if it is not the backends that were under test.
    pub subject: Option<PathBuf>,
}

/// Why a passport could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Results that cannot be read.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The corpus or the subject cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What the results are about is not what is to be certified.
    #[error("{0}")]
    Other(String),
}

/// Makes a passport of results. It is not sealed yet.
///
/// # Errors
/// Results, the corpus or the subject cannot be read, or do not belong together.
pub fn issue(sources: &Sources) -> Result<Passport, IssueError> {
    let parity = read::<ParityResults>(sources.parity.as_deref(), "parity", results::VERSION)?;
    let coverage = read::<CoverageResults>(sources.coverage.as_deref(), "coverage", coverage::VERSION)?;
    let bench = read::<BenchReport>(sources.bench.as_deref(), "bench", bench::VERSION)?;
    let build = Build::here();
    let made_by = [
        ("parity", parity.as_ref().map(|p| &p.build)),
        ("coverage", coverage.as_ref().map(|c| &c.build)),
        ("bench", bench.as_ref().map(|b| &b.results.build)),
    ];
    of_one_build(&build, &made_by)?;
    let here = environment::here();
    let machine = bench.as_ref().map_or(here.machine, |b| b.results.machine.clone());
    let subject = sources.subject.as_deref().map(tested_subject).transpose()?;
    let (tested, name) = match subject {
        Some((tested, name)) => (tested, Some(name)),
        None => (tested_corpus(&sources.corpus)?, None),
    };
    if let Some(parity) = &parity {
        belongs(parity, name.as_deref())?;
    }
    let mut not_run = Vec::new();
    unknown(&made_by, &mut not_run);
    missing(&[("parity", parity.is_some()), ("bench", bench.is_some())], &mut not_run);
    if name.is_none() {
        missing(&[("coverage", coverage.is_some())], &mut not_run);
    }
    if let Some(parity) = &parity {
        without_trials(parity, if name.is_none() { &here.backends } else { &[] }, &mut not_run);
        unproven(parity, &mut not_run);
    }
    if coverage.as_ref().is_some_and(|c| c.quick) {
        not_run.push(NotRun { what: "coverage at full sizes".into(), why: "the small sizes were asked for".into() });
    }
    if let Some(bench) = &bench {
        unmeasured(bench, &mut not_run);
    }
    Ok(Passport {
        lockstep_passport: VERSION,
        digest: String::new(),
        issued: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        build,
        fingerprint: Fingerprint::of(&machine).id(),
        machine,
        backends: here.backends,
        tested,
        parity: parity.map(|p| certify(&p)),
        coverage: coverage.map(counts),
        bench: bench.map(figures),
        not_run,
    })
}

fn tested_corpus(corpus: &Path) -> Result<Tested, IssueError> {
    let failed = |error| IssueError::Io { path: corpus.to_owned(), error };
    let files = digest::below(corpus).map_err(failed)?;
    Ok(Tested::Corpus { digest: digest::files(corpus, &files).map_err(failed)?, files: files.len() })
}

fn tested_subject(file: &Path) -> Result<(Tested, String), IssueError> {
    let failed = |error| IssueError::Io { path: file.to_owned(), error };
    let subject = Subject::load(file).map_err(|e| IssueError::Other(e.to_string()))?;
    let version = subject.version().map_err(IssueError::Other)?;
    let files = subject.files();
    let name = subject.manifest.subject.clone();
    let tested = Tested::Subject {
        name: name.clone(),
        version,
        file: file.display().to_string(),
        digest: digest::files(&subject.directory, &files).map_err(failed)?,
        files: files.len(),
    };
    Ok((tested, name))
}

/// Results of backends do not certify a subject, nor the other way round.
fn belongs(parity: &ParityResults, subject: Option<&str>) -> Result<(), IssueError> {
    let of = |trial: &TrialResult| trial.subject.as_ref().map(|s| s.subject.clone());
    match parity.trials.iter().find(|trial| of(trial).as_deref() != subject) {
        None => Ok(()),
        Some(trial) => Err(IssueError::Other(match (of(trial), subject) {
            (Some(name), None) => format!("the parity results are of the subject `{name}`; say --subject FILE"),
            (_, subject) => format!("the trial {} is not of the subject `{}`", trial.name, subject.unwrap_or_default()),
        })),
    }
}

/// A passport certifies one build: the one that issues it.
fn of_one_build(issuer: &Build, made_by: &[(&str, Option<&MadeBy>)]) -> Result<(), IssueError> {
    let other =
        made_by.iter().find_map(|(what, by)| Some((what, by.filter(|by| by.is_another_than(&issuer.executable))?)));
    other.map_or(Ok(()), |(what, by)| {
        Err(IssueError::Other(format!(
            "the results of {what} were made by another build (executable {}) than this one ({}), and a passport is of one build",
            by.executable,
            issuer.executable.get(..by.executable.len()).unwrap_or_default()
        )))
    })
}

/// Results that do not say which build made them.
fn unknown(made_by: &[(&str, Option<&MadeBy>)], not_run: &mut Vec<NotRun>) {
    let silent = made_by.iter().filter(|(_, by)| by.is_some_and(|by| by.executable.is_empty()));
    not_run.extend(silent.map(|(what, _)| NotRun {
        what: format!("{what} by this build"),
        why: "the results do not say which build made them".into(),
    }));
}

fn missing(parts: &[(&str, bool)], not_run: &mut Vec<NotRun>) {
    let absent = parts.iter().filter(|(_, there)| !there);
    not_run.extend(absent.map(|(what, _)| NotRun { what: (*what).to_owned(), why: "no results were given".into() }));
}

fn without_trials(parity: &ParityResults, backends: &[BackendRow], not_run: &mut Vec<NotRun>) {
    let ran = |id: &str| parity.trials.iter().filter_map(|t| t.column.as_ref()).any(|column| column.backend == id);
    for backend in backends.iter().filter(|b| !ran(&b.id)) {
        not_run.push(NotRun {
            what: format!("parity of {}", backend.id),
            why: "no trial of it is among the results".into(),
        });
    }
}

fn unproven(parity: &ParityResults, not_run: &mut Vec<NotRun>) {
    let mut configurations: BTreeMap<(&str, Native), usize> = BTreeMap::new();
    for subject in parity.trials.iter().filter_map(|t| t.subject.as_ref()) {
        let native = subject.evidence.native;
        if !matches!(native, Native::Reference | Native::Proven) {
            *configurations.entry((&subject.configuration, native)).or_default() += 1;
        }
    }
    not_run.extend(configurations.into_iter().map(|((configuration, native), trials)| NotRun {
        what: format!("native execution of {configuration}"),
        why: format!("native execution {native} in {trials} trials"),
    }));
}

fn unmeasured(bench: &BenchReport, not_run: &mut Vec<NotRun>) {
    let results = &bench.results;
    let absent = results.participants.iter().filter_map(|p| Some((p, p.absent.as_ref()?)));
    not_run.extend(absent.map(|(p, why)| NotRun { what: format!("times of {}", p.implementation), why: why.clone() }));
    if results.conditions.quick {
        not_run.push(NotRun { what: "times at full sizes".into(), why: "a quick run was asked for".into() });
    }
    if results.conditions.filtered {
        not_run.push(NotRun { what: "times of everyone on everything".into(), why: "a part was asked for".into() });
    }
    let unjudged = bench.gates.iter().filter(|g| g.measured.is_none());
    not_run.extend(unjudged.map(|gate| NotRun {
        what: format!("the gate {} of {} on {}", gate.gate, gate.of, gate.kernel.as_deref().unwrap_or("all kernels")),
        why: gate.why.clone().unwrap_or_else(|| "it was not measured".to_owned()),
    }));
}

/// The family of a trial: the first two names of its case, or its subject's configuration.
fn family(trial: &TrialResult) -> String {
    match &trial.subject {
        Some(subject) => format!("{}/{}", subject.subject, subject.configuration),
        None => trial.case.split('/').take(2).collect::<Vec<_>>().join("/"),
    }
}

fn certify(results: &ParityResults) -> Parity {
    let mut families: BTreeMap<String, Vec<&TrialResult>> = BTreeMap::new();
    for trial in &results.trials {
        families.entry(family(trial)).or_default().push(trial);
    }
    let sum = |mut trials: Vec<&TrialResult>| {
        trials.sort_by(|a, b| a.name.cmp(&b.name));
        let line = |t: &&TrialResult| format!("{} {:?} {}\n", t.name, t.status, t.kind.as_deref().unwrap_or_default());
        let lines: String = trials.iter().map(line).collect();
        Family { summary: Summary::of(trials), digest: digest::sha256(lines.as_bytes()) }
    };
    let failed = results.trials.iter().filter(|t| matches!(t.status, Status::Failed | Status::Died));
    Parity {
        summary: Summary::of(&results.trials),
        families: families.into_iter().map(|(name, trials)| (name, sum(trials))).collect(),
        failures: failed.map(|t| (t.name.clone(), t.what.clone().unwrap_or_default())).collect(),
    }
}

fn counts(results: CoverageResults) -> Coverage {
    let row = |row: coverage::CoverageRow| {
        let counted = row.coverage.unwrap_or_default();
        let counts = Counts {
            inline: counted.inline,
            helper: counted.helper,
            interpreted: counted.interpreted,
            failure: row.failure,
        };
        (format!("{} {}", row.case, row.column), counts)
    };
    Coverage { quick: results.quick, rows: results.programs.into_iter().map(row).collect() }
}

fn figures(report: BenchReport) -> Bench {
    let BenchReport { results, analysis, gates, .. } = report;
    let runs = results.workloads.iter().flat_map(|w| w.series.iter().map(|s| (w.kernel.as_str(), s)));
    let runs = runs.filter_map(|(kernel, s)| Some((format!("{kernel} {}", s.implementation), s.void.clone()?)));
    let compiled = results.compile.iter();
    let compiled = compiled.filter_map(|s| Some((format!("the corpus {}", s.implementation), s.void.clone()?)));
    let void = runs.chain(compiled).collect();
    let figures =
        [analysis.uplift, analysis.native_ratio, analysis.interpreter_ratio, analysis.interpreted_ratio].concat();
    Bench { conditions: results.conditions, figures, exact: results.exact, gates, void }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_by(executable: &str) -> MadeBy {
        MadeBy { executable: executable.to_owned(), ..MadeBy::default() }
    }

    #[test]
    fn results_of_another_build_are_not_certified() {
        let issuer = Build { executable: "0123456789abcdef0123".to_owned(), ..Build::default() };
        let (own, silent) = (made_by("0123456789abcdef"), made_by(""));
        let all = [("parity", Some(&own)), ("coverage", Some(&silent)), ("bench", None)];
        of_one_build(&issuer, &all).expect("one build, as far as is known");
        let mut not_run = Vec::new();
        unknown(&all, &mut not_run);
        let named: Vec<&str> = not_run.iter().map(|n| n.what.as_str()).collect();
        assert_eq!(named, ["coverage by this build"]);
        let other = made_by("fedcba9876543210");
        let why = of_one_build(&issuer, &[("parity", Some(&own)), ("bench", Some(&other))]).expect_err("another build");
        assert!(why.to_string().contains("of bench were made by another build (executable fedcba9876543210)"), "{why}");
    }
}
