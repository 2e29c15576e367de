//! What changed: from what `baseline check`, `compare` and `history` write.

use std::collections::BTreeMap;
use std::path::Path;

use super::{SourceError, parse, text};
use crate::compare::check::{self, Check};
use crate::compare::comparison::{self, Comparison as Compared};
use crate::compare::environment::Fingerprint;
use crate::compare::history::{self, Record};
use crate::compare::series::{Data, Key};
use crate::compare::{Outcome, gate};
use crate::report::model::{Change, Comparison, History, HistoryLine};

/// The command that writes what is compared.
const COMMAND: &str = "baseline check";

/// Reads a comparison: with a baseline, or of any two sides.
pub(super) fn comparison(file: &Path) -> Result<Comparison, SourceError> {
    let text = text(file, COMMAND)?;
    if text.contains("\"lockstep_compare\"") {
        return Ok(of_sides(parse(file, &text, "compare", comparison::VERSION)?));
    }
    Ok(of_check(parse(file, &text, "check", check::VERSION)?))
}

fn of_sides(compared: Compared) -> Comparison {
    let changes = compared.findings.into_iter().map(|finding| Change {
        ratio: finding.ratio.map(|r| r.estimate),
        interval: finding.ratio,
        note: finding.note,
        ..change(&finding.key, finding.outcome)
    });
    Comparison {
        with: compared.a,
        flags: compared.differences.into_iter().map(|d| d.what).collect(),
        changes: changes.collect(),
    }
}

fn of_check(check: Check) -> Comparison {
    let alarmed = |alarm: &gate::Alarm, verdict| Change {
        ratio: alarm.ratio,
        note: Some(alarm.what.clone()),
        ..change(&alarm.key, verdict)
    };
    let mut changes: Vec<Change> = check.alarms.iter().map(|alarm| alarmed(alarm, Outcome::Worse)).collect();
    let untold = |key: &Key, why: &str| Change { note: Some(why.to_owned()), ..change(key, Outcome::Unclear) };
    changes.extend(check.missing.iter().map(|key| untold(key, "the baseline has it, this run has not")));
    changes.extend(check.blind.iter().map(|key| untold(key, "too noisy to exclude a slow-down")));
    changes.extend(check.gains.iter().map(|alarm| alarmed(alarm, Outcome::Better)));
    let said = |key: &Key| {
        let same = |k: &Key| k == key;
        check.alarms.iter().chain(&check.gains).any(|a| same(&a.key)) || check.blind.iter().any(same)
    };
    let quiet = check.run.series.iter().filter(|s| !matches!(s.data, Data::Void(_)) && !said(&s.key));
    changes.extend(quiet.map(|series| change(&series.key, Outcome::Same)));
    Comparison { with: format!("the baseline of this machine ({})", check.baseline), flags: check.notes, changes }
}

fn change(key: &Key, verdict: Outcome) -> Change {
    Change {
        measure: key.measure.clone(),
        on: key.on.clone(),
        subject: key.of.clone(),
        ratio: None,
        interval: None,
        verdict,
        note: None,
    }
}

/// Reads the history of a machine; none if it has none.
pub(super) fn history(file: &Path, machine: &Fingerprint) -> Result<Option<History>, SourceError> {
    let malformed = |why| SourceError::Malformed { path: file.display().to_string(), command: "history add", why };
    let records = history::load(file).map_err(malformed)?;
    let groups = history::groups(&records);
    let mine = groups.iter().rfind(|group| group.iter().any(|record| record.environment.machine == *machine));
    Ok(mine.map(|runs| History {
        runs: runs.iter().map(|r| format!("{} {}", r.date, r.commit).trim().to_owned()).collect(),
        lines: lines(runs),
        changes: history::changes(runs),
    }))
}

/// Whose a series of times is, by its name: `time KERNEL SIZE IMPLEMENTATION`.
fn timed(name: &str) -> Option<&str> {
    let implementation = name.strip_prefix("time ")?.rsplit(' ').next()?;
    implementation.contains('/').then_some(implementation)
}

fn lines(runs: &[&Record]) -> Vec<HistoryLine> {
    let mut by_subject: BTreeMap<&str, Vec<Vec<f64>>> = BTreeMap::new();
    let Some(first) = runs.first() else { return Vec::new() };
    for (name, start) in &first.medians {
        let Some(subject) = timed(name) else { continue };
        let logs: Option<Vec<f64>> = runs.iter().map(|r| Some((r.medians.get(name)? / start).ln())).collect();
        by_subject.entry(subject).or_default().extend(logs);
    }
    let mean = |series: &[Vec<f64>], run: usize| {
        (series.iter().map(|logs| logs[run]).sum::<f64>() / series.len() as f64).exp()
    };
    let line = |(subject, series): (&str, Vec<Vec<f64>>)| HistoryLine {
        subject: subject.to_owned(),
        values: (0..runs.len()).map(|run| mean(&series, run)).collect(),
    };
    by_subject.into_iter().filter(|(_, series)| !series.is_empty()).map(line).collect()
}
