//! One step of a pipeline, its result file, and the sum over all result files.
//!
//! A stage's output goes to a log beside its result file: a pipeline of many stages is read one line per stage, and the end of a log
//! is shown when its stage fails. What counts at the end are the files, not what a stage meant to say: a stage that left no
//! file has failed, and so has one that tested nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// How many lines of a failed stage's log are shown.
const TAIL: usize = 60;

/// A step of a pipeline: commands, begun in turn until one fails.
pub struct Stage {
    /// Its name: that of its files.
    pub name: &'static str,
    /// What it runs.
    pub commands: Vec<Command>,
    /// How many of them at a time.
    pub at_once: usize,
}

/// The result file of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageResult {
    /// The stage.
    pub name: String,
    /// Tests passed; a command that counts nothing is one test.
    pub passed: u64,
    /// Tests failed.
    pub failed: u64,
    /// Wall time.
    pub seconds: f64,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// The sum over a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Tests passed.
    pub passed: u64,
    /// Tests failed; a missing stage is one.
    pub failed: u64,
    /// Stages that should have left a result file and did not, or left one that says nothing.
    pub missing: Vec<String>,
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Stage {
    /// Runs it and writes its result file into `dir`.
    ///
    /// # Errors
    /// A file could not be written. A command that fails is a result, not an error.
    pub fn run(self, dir: &Path) -> io::Result<StageResult> {
        let started = Instant::now();
        let log_path = dir.join(format!("{}.log", self.name));
        let begun = Mutex::new(self.commands.into_iter().enumerate());
        let ended = Mutex::new((Tally::default(), File::create(&log_path)?));
        let work = || -> io::Result<()> {
            loop {
                let next = lock(&begun).next();
                let Some((index, command)) = next.filter(|_| !lock(&ended).0.is_over) else { return Ok(()) };
                let part = dir.join(format!("{}.{index}.log", self.name));
                let end = execute(command, &part)?;
                let (tally, log) = &mut *lock(&ended);
                write!(log, "$ {}\n{}", end.line, end.output)?;
                fs::remove_file(part)?;
                tally.add(&end, &log_path);
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.at_once).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
        })?;
        let Tally { passed, failed, notes, .. } = std::mem::take(&mut lock(&ended).0);
        let result =
            StageResult { name: self.name.to_owned(), passed, failed, seconds: started.elapsed().as_secs_f64(), notes };
        fs::write(result_path(dir, self.name), serde_json::to_string_pretty(&result)? + "\n")?;
        Ok(result)
    }
}

/// What a panic elsewhere may have left is whole: a command is told of at once, at its end.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a command ended.
struct End {
    line: String,
    output: String,
    ok: bool,
    /// Its exit status, or why it did not run.
    status: String,
}

/// Runs a command; what it writes can be read in `log` meanwhile.
fn execute(mut command: Command, log: &Path) -> io::Result<End> {
    let line = describe(&command);
    let file = File::create(log)?;
    let status = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).status();
    let (ok, status) = match status {
        Ok(status) => (status.success(), status.to_string()),
        Err(error) => (false, error.to_string()),
    };
    Ok(End { line, output: String::from_utf8_lossy(&fs::read(log)?).into_owned(), ok, status })
}

/// What the commands of a stage have come to so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    notes: Vec<String>,
    /// Whether one has failed, so that no more are begun.
    is_over: bool,
}

impl Tally {
    fn add(&mut self, end: &End, log: &Path) {
        let counts = Counts::of(&end.output);
        self.notes.extend(end.output.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_owned));
        self.passed += if counts == Counts::default() { u64::from(end.ok) } else { counts.passed };
        self.failed += if end.ok { counts.failed } else { counts.failed.max(1) };
        if !end.ok {
            self.is_over = true;
            self.notes.push(format!("`{}`: {}", end.line, end.status));
            eprintln!("{}", tail(&end.output));
            eprintln!("(the whole log: {})", log.display());
        }
    }
}

/// Where a stage's result file is.
pub fn result_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.json"))
}

/// Sums the result files of these stages.
pub fn sum(dir: &Path, stages: &[&str]) -> Sum {
    let mut sum = Sum::default();
    for &name in stages {
        let result = fs::read(result_path(dir, name))
            .ok()
            .and_then(|text| serde_json::from_slice::<StageResult>(&text).ok())
            .filter(|result| result.name == name && result.passed + result.failed > 0);
        match result {
            Some(result) => {
                sum.passed += result.passed;
                sum.failed += result.failed;
            }
            None => {
                sum.failed += 1;
                sum.missing.push(name.to_owned());
            }
        }
    }
    sum
}

/// Tests counted in an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Adds up the closing lines of test runners: `test result: ok. 3 passed; 0 failed; …`, and ours, `3 passed, 0 failed`.
    fn of(output: &str) -> Self {
        output.lines().fold(Self::default(), |sum, line| {
            let line = line.trim();
            let counts = match line.strip_prefix("test result: ") {
                Some(rest) => rest.split_once(". ").and_then(|(_, counts)| Self::pair(counts, ';')),
                None => Self::pair(line, ','),
            };
            let counts = counts.unwrap_or_default();
            Self { passed: sum.passed + counts.passed, failed: sum.failed + counts.failed }
        })
    }

    fn pair(text: &str, separator: char) -> Option<Self> {
        let mut parts = text.split(separator).map(str::trim);
        let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
        let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
        Some(Self { passed, failed })
    }
}

/// A command as one would type it.
fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for each test, removed at its end.
    struct Dir(PathBuf);

    impl Dir {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("lockstep-xtask-{}-{test}", std::process::id()));
            fs::create_dir_all(&path).expect("a directory for the test");
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            // Left behind at worst.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn run(dir: &Dir, name: &'static str, scripts: &[&str]) -> StageResult {
        let stage = Stage { name, commands: scripts.iter().map(|s| shell(s)).collect(), at_once: 1 };
        stage.run(&dir.0).expect("the stage runs")
    }

    #[test]
    fn a_missing_stage_fails_the_sum() {
        let dir = Dir::new("missing");
        run(&dir, "one", &["true"]);
        run(&dir, "two", &["echo 5 passed, 0 failed"]);
        assert_eq!(sum(&dir.0, &["one", "two"]).to_string(), "6 passed, 0 failed");

        fs::remove_file(result_path(&dir.0, "two")).expect("it was there");
        let without = sum(&dir.0, &["one", "two"]);
        assert_eq!(without.to_string(), "1 passed, 1 failed");
        assert_eq!(without.missing, ["two"]);
    }

    #[test]
    fn a_result_that_says_nothing_is_missing() {
        let dir = Dir::new("nothing");
        run(&dir, "one", &[]);
        fs::write(result_path(&dir.0, "two"), "{").expect("a broken file");
        fs::copy(result_path(&dir.0, "one"), result_path(&dir.0, "three")).expect("another stage's file");
        assert_eq!(sum(&dir.0, &["one", "two", "three"]).missing, ["one", "two", "three"]);
    }

    #[test]
    fn failures_are_counted_even_where_the_runner_died_before_it_counted() {
        let dir = Dir::new("failures");
        assert_eq!(run(&dir, "dies", &["exit 3", "true"]).failed, 1);
        assert_eq!(run(&dir, "absent", &["no-such-program-anywhere"]).failed, 1);
        let counted = run(&dir, "counts", &["echo 'test result: FAILED. 7 passed; 2 failed; 0 ignored'; exit 101"]);
        assert_eq!((counted.passed, counted.failed), (7, 2));
        let killed = run(&dir, "killed", &["echo 'test result: ok. 7 passed; 0 failed; 0 ignored'; kill -9 $$"]);
        assert_eq!((killed.passed, killed.failed), (7, 1));
        // What a runner counts as failed stays failed, whatever its status says.
        assert_eq!(run(&dir, "lies", &["echo 1 passed, 1 failed"]).failed, 1);
    }

    #[test]
    fn two_at_once_meet_and_are_both_counted() {
        let dir = Dir::new("two");
        let meet = |mine: &str, other: &str| {
            let (mine, other) = (dir.0.join(mine), dir.0.join(other));
            shell(&format!(
                "touch '{}'; for i in $(seq 500); do test -e '{}' && exit 0; sleep 0.01; done; exit 1",
                mine.display(),
                other.display()
            ))
        };
        let commands = vec![meet("a", "b"), meet("b", "a"), shell("echo 3 passed, 1 failed; exit 1"), shell("true")];
        let result = Stage { name: "pairs", commands, at_once: 2 }.run(&dir.0).expect("the stage runs");
        assert!(result.passed >= 5 && result.failed == 1, "{result:?}");
    }

    #[test]
    fn what_a_command_notes_is_kept() {
        let dir = Dir::new("notes");
        let result = run(&dir, "notes", &["echo 'note: nothing was compared'; echo 'no note'"]);
        assert_eq!((result.passed, result.notes), (1, vec!["nothing was compared".to_owned()]));
    }

    #[test]
    fn counts_add_up_over_runners() {
        let output = "\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            about 4 passed, 1 failed in all\n\
            10 passed, 2 failed\n\
            4 passed, 1 failed, 3 skipped\n";
        assert_eq!(Counts::of(output), Counts { passed: 17, failed: 3 });
        assert_eq!(Counts::of("no tests here"), Counts::default());
    }
}
