//! The history of results: one line for each kept run, with typical values only, and the points in time at which a value changed for good.
//!
//! Runs of different machines, builds or sizes have histories of their own: nothing is compared across them. Change points of what varies are those of
//! [`crate::stats::changepoint`], the same search that finds when a process has warmed up: a single odd run is no change. What must not vary changes whenever it does.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::run::{CORPUS, Run};
use super::series::Data;
use crate::stats::{Warmup, median};

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A kept run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub lockstep_history: u32,
    /// When it began, as RFC 3339.
    pub date: String,
    /// Of which commit; empty where that is not known.
    pub commit: String,
    /// Short name of the machine's fingerprint.
    pub id: String,
    /// On what.
    pub environment: Environment,
    /// What varies: the median over processes, by series.
    pub medians: BTreeMap<String, f64>,
    /// What must not vary, by series.
    pub exact: BTreeMap<String, f64>,
}

/// A series over time, if it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// The series.
    pub series: String,
    /// The first run with the new value.
    pub date: String,
    /// Its commit.
    pub commit: String,
    /// The value before; of what varies, its level over the runs before.
    pub before: f64,
    /// The value since.
    pub after: f64,
    /// Whether the quantity is one that must not vary.
    pub exact: bool,
}

impl Record {
    /// Of a run.
    ///
    /// # Errors
    /// Nothing is known of where the run was made.
    pub fn of(run: &Run, date: String) -> Result<Self, String> {
        let environment = run.environment.clone().ok_or("data from outside have no environment, and so no history")?;
        let mut record = Self {
            lockstep_history: VERSION,
            date: if run.date.is_empty() { date } else { run.date.clone() },
            commit: run.commit.clone(),
            id: environment.machine.id(),
            environment,
            medians: BTreeMap::new(),
            exact: BTreeMap::new(),
        };
        for series in &run.series {
            let name = series.key.to_string();
            match &series.data {
                Data::Noisy(_) => {
                    let values: Vec<f64> = series.processes().into_values().collect();
                    let six = |v: f64| format!("{v:.5e}").parse().unwrap_or(v);
                    record.medians.extend(median(&values).map(|m| (name, six(m))));
                }
                Data::Exact(values) => record.exact.extend(values.last().map(|v| (name, *v))),
                Data::Void(_) => {}
            }
        }
        Ok(record)
    }

    /// Whether it belongs into one history with another: the same machine, build and sizes.
    fn continues(&self, other: &Self) -> bool {
        !other.environment.differences(&self.environment).iter().any(|d| d.forbids)
    }
}

/// Reads a history; a file that is not there has no runs.
///
/// # Errors
/// It cannot be read, or a line is no record.
pub fn load(path: &Path) -> Result<Vec<Record>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let record = |(nth, line): (usize, &str)| {
        let record: Record =
            serde_json::from_str(line).map_err(|e| format!("{shown}:{}:{}: error: {e}", nth + 1, e.column()))?;
        match record.lockstep_history {
            VERSION => Ok(record),
            found => Err(format!("{shown}:{}:1: error: version {found}; this build reads version {VERSION}", nth + 1)),
        }
    };
    lines.map(record).collect()
}

/// Adds a line.
///
/// # Errors
/// The file cannot be written.
pub fn append(path: &Path, record: &Record) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    let line = serde_json::to_string(record).map_err(|e| e.to_string())? + "\n";
    file.write_all(line.as_bytes()).map_err(failed)
}

/// Runs that belong together, each group in the order of the file.
pub fn groups(records: &[Record]) -> Vec<Vec<&Record>> {
    let mut groups: Vec<Vec<&Record>> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|group| record.continues(group[group.len() - 1])) {
            Some(group) => group.push(record),
            None => groups.push(vec![record]),
        }
    }
    groups
}

/// What changed over runs that belong together, series by series.
pub fn changes(runs: &[&Record]) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, values) in over_time(runs, |record| &record.medians) {
        let seconds: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
        let segments = Warmup::of(&seconds).map_or_else(Vec::new, |warmup| warmup.segments);
        for pair in segments.windows(2) {
            let run = values[pair[1].start].0;
            found.push(change(&name, run, pair[0].level, pair[1].level, false));
        }
    }
    for (name, values) in over_time(runs, |record| &record.exact) {
        for pair in values.windows(2).filter(|pair| pair[0].1 != pair[1].1) {
            found.push(change(&name, pair[1].0, pair[0].1, pair[1].1, true));
        }
    }
    found
}

fn change(series: &str, run: &Record, before: f64, after: f64, exact: bool) -> Change {
    let (date, commit) = (run.date.clone(), run.commit.clone());
    Change { series: series.to_owned(), date, commit, before, after, exact }
}

/// Each series with the runs that have it.
fn over_time<'r>(
    runs: &[&'r Record],
    of: fn(&Record) -> &BTreeMap<String, f64>,
) -> BTreeMap<String, Vec<(&'r Record, f64)>> {
    let mut all: BTreeMap<String, Vec<(&Record, f64)>> = BTreeMap::new();
    for run in runs {
        // Of the corpus, only what the same programs gave as those of the last run.
        let same_programs = runs.last().is_none_or(|last| run.environment.same_programs(&last.environment));
        let comparable = |name: &str| same_programs || name.split(' ').nth(1) != Some(CORPUS);
        for (name, value) in of(run).iter().filter(|(name, _)| comparable(name)) {
            all.entry(name.clone()).or_default().push((run, *value));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::compare::series::{Better, Key, Series};

    fn record(nth: usize, seconds: f64, bytes: f64, cpu: &str) -> Record {
        let series = vec![
            Series::noisy(Key::new("time", "fib", "x/speed"), Better::Lower, [(0, vec![seconds])].into()),
            Series::exact(Key::new("code_bytes", "fib", "x/speed"), Better::Lower, [bytes]),
        ];
        let mut run = Run::bare(series);
        run.commit = format!("c{nth}");
        let mut environment = Environment::default();
        environment.machine.cpu = cpu.to_owned();
        run.environment = Some(environment);
        Record::of(&run, format!("2026-01-{:02}", nth + 1)).expect("its environment is known")
    }

    #[test]
    fn a_lasting_change_has_its_commit_and_noise_has_none() {
        let mut rng = Rng::with_seed(2);
        let records: Vec<Record> = (0..24)
            .map(|nth| {
                let level = if nth < 14 { 1.0 } else { 1.2 };
                let odd = if nth == 5 { 1.5 } else { 1.0 };
                record(nth, level * odd * (1.0 + 0.02 * (rng.f64() - 0.5)), if nth < 9 { 700.0 } else { 701.0 }, "one")
            })
            .collect();
        let groups = groups(&records);
        assert_eq!(groups.len(), 1);
        let found = changes(&groups[0]);
        let points: Vec<(&str, bool)> = found.iter().map(|c| (c.commit.as_str(), c.exact)).collect();
        assert_eq!(points, [("c14", false), ("c9", true)]);
        assert!((found[0].after / found[0].before - 1.2).abs() < 0.02, "{found:?}");
        assert_eq!(changes(&groups[0][..9]), []);
    }

    #[test]
    fn machines_have_histories_of_their_own() {
        let records: Vec<Record> =
            (0..12).map(|nth| record(nth, 1.0 + (nth % 2) as f64, 1.0, ["one", "two"][nth % 2])).collect();
        let groups = groups(&records);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6]);
        assert!(groups.iter().all(|group| changes(group).is_empty()));
    }

    #[test]
    fn a_corpus_that_grew_is_no_change() {
        let of_programs = |nth: usize, programs: &str| {
            let mut record = record(nth, 1.0, 700.0, "one");
            let key = Key::new("code_bytes", CORPUS, "x/speed");
            record.exact.insert(key.to_string(), 1000.0 + nth as f64);
            record.environment.workloads.insert(CORPUS.to_owned(), programs.to_owned());
            record
        };
        let found = |programs: [&str; 3]| {
            let records: Vec<Record> = (0..3).map(|nth| of_programs(nth, programs[nth])).collect();
            changes(&records.iter().collect::<Vec<_>>()).len()
        };
        assert_eq!(found(["a", "a", "a"]), 2);
        assert_eq!(found(["a", "b", "b"]), 1);
        assert_eq!(found(["a", "b", "c"]), 0);
    }

    #[test]
    fn lines_are_added_and_read_again() {
        let path = std::env::temp_dir().join(format!("lockstep-history-{}.jsonl", std::process::id()));
        let records = [record(0, 1.0, 7.0, "one"), record(1, 2.0, 7.0, "one")];
        records.iter().for_each(|record| append(&path, record).expect("written"));
        assert_eq!(load(&path).expect("two lines"), records);
        std::fs::write(&path, "{}\n").expect("written");
        assert!(load(&path).expect_err("no record").contains(".jsonl:1:2: error: "));
        std::fs::remove_file(&path).expect("it was there");
        assert_eq!(load(&path).expect("no file"), []);
        assert!(Record::of(&Run::bare(Vec::new()), String::new()).is_err());
    }
}
