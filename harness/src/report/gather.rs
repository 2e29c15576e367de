//! From the results of other commands to one [`Report`]: files in, sums out.

mod changes;
mod faults;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::choice::Choice;
use super::model::{
    Bench, CaseRow, CoverageTable, Environment, Failure, INTERPRETER, Instructions, Parity, ParityRow, ProgramCoverage,
    Report, Sums, VERSION, Void,
};
use crate::bench::BenchReport;
use crate::bench::results as bench;
use crate::cli::again;
use crate::compare::environment::Fingerprint;
use crate::program::coverage::{self, CoverageResults};
use crate::program::lowering::Lowering;
use crate::results::{self, ParityResults, Status};
use crate::stats::Bootstrap;

/// Where results of other commands are.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Of `parity`.
    pub parity: Option<PathBuf>,
    /// Of `coverage`.
    pub coverage: Option<PathBuf>,
    /// Of `bench`.
    pub bench: Option<PathBuf>,
    /// Of `faults`.
    pub faults: Option<PathBuf>,
    /// Of `baseline check` or `compare`.
    pub compare: Option<PathBuf>,
    /// The history that `history add` keeps.
    pub history: Option<PathBuf>,
    /// How intervals are made of what `bench` measured.
    pub bootstrap: Bootstrap,
}

/// Why results could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No file, or no way to read it.
    #[error("cannot read {path}: {source}; `lockstep {command}` writes it")]
    Read {
        /// The file.
        path: String,
        /// The command that writes it.
        command: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Not JSON, or not of that command.
    #[error("{path} is not what `lockstep {command}` writes: {why}")]
    Malformed {
        /// The file.
        path: String,
        /// The command that writes it.
        command: &'static str,
        /// Why.
        why: String,
    },
    /// Of another version.
    #[error("{path} has version {found} of the format, this build reads {expected}; run `lockstep {command}` again")]
    Version {
        /// The file.
        path: String,
        /// The command that writes it.
        command: &'static str,
        /// Its version.
        found: String,
        /// The version that is read.
        expected: u32,
    },
}

/// Reads all that there is and sums it up.
///
/// # Errors
/// A file that is named but cannot be read, or holds something else.
pub fn gather(sources: &Sources, mut environment: Environment) -> Result<Report, SourceError> {
    let parity = read::<ParityResults>(sources.parity.as_deref(), "parity", results::VERSION)?;
    let coverage = read::<CoverageResults>(sources.coverage.as_deref(), "coverage", coverage::VERSION)?;
    let bench = read::<BenchReport>(sources.bench.as_deref(), "bench", bench::VERSION)?;
    if let Some(bench) = &bench {
        environment.machine = bench.results.machine.clone();
    }
    let faults = faults::read(sources.faults.as_deref())?;
    let builds = [
        ("parity", parity.as_ref().map(|p| &p.build)),
        ("coverage", coverage.as_ref().map(|c| &c.build)),
        ("bench", bench.as_ref().map(|b| &b.results.build)),
        ("faults", faults.as_ref().map(|f| &f.build)),
    ];
    environment.builds = builds.into_iter().filter_map(|(what, by)| Some((what.to_owned(), by?.clone()))).collect();
    let machine = Fingerprint::of(&environment.machine);
    Ok(Report {
        lockstep_report: VERSION,
        environment,
        parity: parity.map(|p| sum(&p)),
        coverage: coverage.map(table),
        bench: bench.map(|b| figures(b, &sources.bootstrap)),
        faults: faults.map(faults::table),
        comparison: sources.compare.as_deref().map(changes::comparison).transpose()?,
        history: sources.history.as_deref().map(|file| changes::history(file, &machine)).transpose()?.flatten(),
    })
}

/// Reads what a command wrote with `--results`.
///
/// # Errors
/// No such file, something else, or another version.
pub fn read<T: DeserializeOwned>(
    path: Option<&Path>,
    command: &'static str,
    expected: u32,
) -> Result<Option<T>, SourceError> {
    let Some(file) = path else { return Ok(None) };
    parse(file, &text(file, command)?, command, expected).map(Some)
}

/// The text of a file.
fn text(file: &Path, command: &'static str) -> Result<String, SourceError> {
    let read = std::fs::read_to_string(file);
    read.map_err(|source| SourceError::Read { path: file.display().to_string(), command, source })
}

/// What a text holds that a command wrote.
fn parse<T: DeserializeOwned>(file: &Path, text: &str, command: &'static str, expected: u32) -> Result<T, SourceError> {
    let path = file.display().to_string();
    let malformed = |why: String| SourceError::Malformed { path: path.clone(), command, why };
    let value: Value = serde_json::from_str(text).map_err(|e| malformed(e.to_string()))?;
    let key = format!("lockstep_{command}");
    let found = value.get(&key).ok_or_else(|| malformed(format!("it has no `{key}`")))?;
    if found.as_u64() != Some(expected.into()) {
        return Err(SourceError::Version { path, command, found: found.to_string(), expected });
    }
    // From the text again, for the position of a mistake.
    serde_json::from_str(text).map_err(|e| malformed(e.to_string()))
}

fn sum(results: &ParityResults) -> Parity {
    let mut parity = Parity::default();
    let mut cases: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut rows: BTreeMap<(String, Option<String>), Sums> = BTreeMap::new();
    // Results of an older build do not say under which conditions they were made.
    let line = results.again.as_deref().unwrap_or("lockstep parity --exact");
    for trial in &results.trials {
        let implementation = trial.implementation().unwrap_or_else(|| INTERPRETER.to_owned());
        let configuration = trial.configuration.map(|c| c.name().to_owned());
        let row = rows.entry((implementation.clone(), configuration)).or_default();
        for sums in [&mut parity.sums, row, cases.entry(&trial.case).or_default()] {
            sums.add(trial.status);
        }
        if trial.status == Status::Refused {
            let reason = trial.kind.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
            *parity.refusals.entry(reason).or_default() += 1;
        }
        if matches!(trial.status, Status::Failed | Status::Died) {
            let what = trial.what.as_deref().or(trial.kind.as_deref()).unwrap_or("no reason was recorded");
            parity.failures.push(Failure {
                trial: trial.name.clone(),
                case: trial.case.clone(),
                implementation: implementation.clone(),
                died: trial.status == Status::Died,
                what: what.to_owned(),
                again: again(line, trial),
            });
        }
    }
    parity.cases = cases.len();
    parity.by_case = cases.into_iter().map(|(case, sums)| CaseRow { case: case.to_owned(), sums }).collect();
    parity.rows = rows
        .into_iter()
        .map(|((implementation, configuration), sums)| ParityRow { implementation, configuration, sums })
        .collect();
    parity
}

impl Sums {
    fn add(&mut self, status: Status) {
        match status {
            Status::Passed => self.passed += 1,
            Status::Refused => self.refused += 1,
            Status::Waived => self.waived += 1,
            Status::Flaky => self.flaky += 1,
            Status::Failed => self.failed += 1,
            Status::Died => {
                self.failed += 1;
                self.died += 1;
            }
        }
    }
}

fn table(results: CoverageResults) -> CoverageTable {
    let instructions = results.instructions.into_iter().map(|(implementation, table)| Instructions {
        implementation,
        compiled: table.compiled,
        of: table.of,
        helpers: table.lowering.values().filter(|how| **how == Lowering::Helper).count(),
        unverified: table.verified.as_ref().map(|_| table.unverified().into_iter().map(str::to_owned).collect()),
        missing: table.missing,
    });
    let programs = results.programs.into_iter().map(|row| ProgramCoverage {
        program: row.case.rsplit('/').next().unwrap_or_default().to_owned(),
        implementation: row.column.to_string(),
        counts: row.coverage.as_ref().map(|c| [c.inline, c.helper, c.interpreted]),
        exits: row.coverage.as_ref().map_or(0, |c| c.exits.values().sum()),
        causes: row.coverage.as_ref().map_or_else(Vec::new, |c| {
            c.causes().into_iter().map(|(cause, count)| (cause.to_string(), count)).collect()
        }),
        by_instruction: row.coverage.map(|c| c.by_instruction).unwrap_or_default(),
        failure: row.failure,
    });
    CoverageTable { quick: results.quick, instructions: instructions.collect(), programs: programs.collect() }
}

fn figures(report: BenchReport, bootstrap: &Bootstrap) -> Bench {
    let results = report.results;
    let choice = Choice::of(&results, &report.analysis, bootstrap);
    let runs =
        results.workloads.iter().flat_map(|w| w.series.iter().map(|s| (Some(&w.kernel), &s.implementation, &s.void)));
    let compile = results.compile.iter().map(|s| (None, &s.implementation, &s.void));
    let void = runs.chain(compile).filter_map(|(kernel, implementation, why)| {
        Some(Void { kernel: kernel.cloned(), implementation: implementation.clone(), why: why.clone()? })
    });
    Bench {
        void: void.collect(),
        choice,
        kernels: results.kernels().into_iter().map(str::to_owned).collect(),
        conditions: results.conditions,
        participants: results.participants,
        exact: results.exact,
        findings: results.findings,
        analysis: report.analysis,
        gates: report.gates,
    }
}
