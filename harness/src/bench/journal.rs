//! The journal of a run: each process that is done, as a line, so that an interrupted run can be continued. It is no result: what follows from the samples is not in it.
//!
//! The first line says which build, plan and shard it belongs to; a run of another is refused. Each other line is a job, by its number in the plan, and what came of it. A last line that was cut
//! off in the middle counts as not written.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plan::Shard;
use super::results::Build;
use super::runner::Measured;

/// Version of the format.
const VERSION: u32 = 1;

/// What a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    lockstep_bench_journal: u32,
    /// What measures.
    pub build: Build,
    /// The plan's fingerprint.
    pub plan: String,
    /// The part of it.
    pub shard: Option<Shard>,
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the plan.
    pub job: usize,
    /// Wall time of it in seconds.
    pub seconds: f64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A measurement.
    Measured(Measured),
    /// Why there is none.
    Failed(String),
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// What was done before.
    done: BTreeMap<usize, Entry>,
}

impl Header {
    /// Of a run.
    pub fn new(build: Build, plan: String, shard: Option<Shard>) -> Self {
        Self { lockstep_bench_journal: VERSION, build, plan, shard }
    }

    /// Why a journal with the other header cannot be continued.
    fn mismatch(&self, other: &Header) -> Option<String> {
        let name = |shard: Option<Shard>| shard.map_or_else(|| "the whole plan".to_owned(), |s| format!("shard {s}"));
        if self.lockstep_bench_journal != other.lockstep_bench_journal {
            return Some(format!("it has version {} of the format", other.lockstep_bench_journal));
        }
        if self.build != other.build {
            return Some(format!(
                "it was begun by another build ({}, executable {}); this one is {}, executable {}",
                other.build.version, other.build.executable, self.build.version, self.build.executable
            ));
        }
        if self.plan != other.plan {
            return Some(format!("it is of another plan ({}, this one is {})", other.plan, self.plan));
        }
        (self.shard != other.shard).then(|| format!("it is of {}, not of {}", name(other.shard), name(self.shard)))
    }
}

impl Journal {
    /// Continues the journal in a file, or begins one.
    ///
    /// # Errors
    /// The file cannot be read or written, is no journal, or belongs to another run.
    pub fn open(path: &Path, header: &Header) -> Result<Self, String> {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(format!("{shown}: {e}")),
        };
        // What follows the last line end was cut off.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines().enumerate();
        let mut done = BTreeMap::new();
        if let Some((_, first)) = lines.next() {
            let found: Header = serde_json::from_str(first).map_err(|e| format!("{shown}:1: no journal: {e}"))?;
            if let Some(why) = header.mismatch(&found) {
                return Err(format!("{shown} cannot be continued: {why}"));
            }
        }
        for (n, line) in lines {
            let entry: Entry = serde_json::from_str(line).map_err(|e| format!("{shown}:{}: {e}", n + 1))?;
            done.insert(entry.job, entry);
        }
        let write = || -> io::Result<File> {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            file.set_len(whole as u64)?;
            if whole == 0 {
                writeln!(file, "{}", serde_json::to_string(header)?)?;
            }
            Ok(file)
        };
        let file = write().map_err(|e| format!("{shown}: {e}"))?;
        Ok(Self { file, done })
    }

    /// What came of a job in an earlier run.
    pub fn done(&self, job: usize) -> Option<&Entry> {
        self.done.get(&job)
    }

    /// How many jobs earlier runs did.
    pub fn count(&self) -> usize {
        self.done.len()
    }

    /// Appends a job.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let line = serde_json::to_string(entry)? + "\n";
        self.file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::bench::results::Sample;

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lockstep-journal-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn header(plan: &str) -> Header {
        let build = Build { version: "1".to_owned(), executable: "abc".to_owned(), profile: String::new() };
        Header::new(build, plan.to_owned(), None)
    }

    fn entry(job: usize) -> Entry {
        let sample = Sample { round: 1, calls: vec![0.5], checksum: "7".to_owned(), ..Sample::default() };
        Entry { job, seconds: 0.25, outcome: Outcome::Measured(Measured::Run(sample)) }
    }

    #[test]
    fn what_was_appended_is_there_again_and_a_torn_line_is_not() {
        let path = path("torn");
        let mut journal = Journal::open(&path, &header("p")).expect("a new one");
        journal.append(&entry(4)).expect("written");
        journal.append(&Entry { outcome: Outcome::Failed("why".to_owned()), ..entry(2) }).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, format!("{text}{{\"job\": 9, \"seco")).expect("writable");
        let mut journal = Journal::open(&path, &header("p")).expect("continued");
        assert_eq!((journal.count(), journal.done(4), journal.done(9)), (2, Some(&entry(4)), None));
        journal.append(&entry(9)).expect("written");
        assert_eq!(Journal::open(&path, &header("p")).expect("again").done(9), Some(&entry(9)));
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn another_build_plan_or_shard_is_refused() {
        let path = path("refused");
        Journal::open(&path, &header("p")).expect("a new one");
        let other = Header { build: Build { executable: "def".to_owned(), ..header("p").build }, ..header("p") };
        let shard = Header { shard: Some("1/2".parse().expect("a shard")), ..header("p") };
        for (header, why) in [(header("q"), "another plan"), (other, "another build"), (shard, "not of shard 1/2")] {
            let error = Journal::open(&path, &header).expect_err("refused");
            assert!(error.contains(why), "{error}");
        }
        std::fs::write(&path, "{}\n").expect("writable");
        assert!(Journal::open(&path, &header("p")).expect_err("refused").contains(":1: no journal"));
        std::fs::remove_file(path).expect("there");
    }
}
