//! What can be seen of a run of a subject, and how two runs differ. Addresses, times and the like are left out as the file says.

use super::manifest::Manifest;
use super::process::{Ended, Finished};

/// What parity compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub ended: Ended,
    /// Lines of standard output, less those that are not compared. A last line without an end is another line than one with it.
    pub stdout: Vec<String>,
    /// What is compared of standard error.
    pub stderr: Vec<String>,
}

/// How a run differs from the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In what: a stable name.
    pub kind: &'static str,
    /// For people.
    pub what: String,
}

impl Observation {
    /// What is to be compared of a run.
    pub fn of(manifest: &Manifest, run: &Finished) -> Self {
        let compare = &manifest.compare;
        let ignored = |line: &str| {
            let bare = line.trim_end_matches('\n');
            manifest.time.iter().chain(&compare.ignore).any(|pattern| pattern.matches(bare))
        };
        let text = String::from_utf8_lossy(&run.stdout);
        let stdout = text.split_inclusive('\n').filter(|line| !ignored(line)).map(str::to_owned).collect();
        let errors = String::from_utf8_lossy(&run.stderr);
        let stderr =
            compare.stderr.iter().flat_map(|p| errors.lines().filter_map(|line| p.find(line))).map(str::to_owned);
        Self { ended: run.ended.clone(), stdout, stderr: stderr.collect() }
    }

    /// Whether it equals the reference's.
    ///
    /// # Errors
    /// The first difference: a death, then standard output, exit status, standard error.
    pub fn agrees(&self, reference: &Observation) -> Result<(), Difference> {
        let differs = |kind: &'static str, what: String| Err(Difference { kind, what });
        if self.ended != reference.ended
            && let Ended::Died(how) = &self.ended
        {
            return differs(how.name(), how.to_string());
        }
        if let Some(what) = first_difference(&self.stdout, &reference.stdout, "standard output") {
            return differs("stdout", what);
        }
        if self.ended != reference.ended {
            return differs("status", format!("{}, the reference {}", show(&self.ended), show(&reference.ended)));
        }
        match first_difference(&self.stderr, &reference.stderr, "compared lines of standard error") {
            Some(what) => differs("stderr", what),
            None => Ok(()),
        }
    }
}

/// The seconds of a run: its own account where the file says how to read it, else the wall time of the process.
///
/// # Errors
/// The file says how to read it, and no line holds a time.
pub fn seconds(manifest: &Manifest, run: &Finished) -> Result<f64, String> {
    let Some(pattern) = &manifest.time else { return Ok(run.seconds) };
    let text = String::from_utf8_lossy(&run.stdout);
    let found = text.lines().filter(|line| pattern.matches(line)).find_map(|line| pattern.find(line));
    let found = found.ok_or("no line of standard output holds the time")?;
    let seconds = found.parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0);
    seconds.ok_or_else(|| format!("`{found}` is no time"))
}

fn show(ended: &Ended) -> String {
    match ended {
        Ended::Exited(status) => format!("exits with status {status}"),
        Ended::Died(how) => how.to_string(),
    }
}

fn first_difference(ours: &[String], theirs: &[String], of: &str) -> Option<String> {
    let at = (0..ours.len().max(theirs.len())).find(|&n| ours.get(n) != theirs.get(n))?;
    let line = |lines: &[String]| lines.get(at).map_or_else(|| "nothing".to_owned(), |line| cut(line));
    Some(format!("{of}, line {}: {}, the reference has {}", at + 1, line(ours), line(theirs)))
}

fn cut(line: &str) -> String {
    let shown: String = line.chars().take(200).collect();
    if shown.len() < line.len() { format!("{shown:?}…") } else { format!("{shown:?}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::worker::How;

    fn manifest(compare: &str) -> Manifest {
        let text = format!(
            "subject: toy\nabout: A toy.\nversion: [toy]\nprograms: []\nreference: a\n\
             configurations: {{a: {{about: It., command: [toy, '{{program}}']}}}}\n{compare}"
        );
        Manifest::parse("subject.yaml".as_ref(), &text).expect("no mistake")
    }

    fn run(ended: Ended, stdout: &str, stderr: &str) -> Finished {
        Finished { ended, stdout: stdout.into(), stderr: stderr.into(), seconds: 0.5 }
    }

    fn kind(compare: &str, one: &Finished, other: &Finished) -> Option<(&'static str, String)> {
        let manifest = manifest(compare);
        let seen = |run: &Finished| Observation::of(&manifest, run);
        seen(one).agrees(&seen(other)).err().map(|d| (d.kind, d.what))
    }

    #[test]
    fn every_difference_is_seen_and_named() {
        let good = run(Ended::Exited(0), "1\n2\n", "x at 0x1\n");
        assert_eq!(kind("", &good, &good), None);
        let (name, what) = kind("", &run(Ended::Exited(0), "1\n3\n", ""), &good).expect("another line");
        assert_eq!((name, &*what), ("stdout", "standard output, line 2: \"3\\n\", the reference has \"2\\n\""));
        assert_eq!(kind("", &run(Ended::Exited(0), "1\n", ""), &good).expect("a lost line").0, "stdout");
        assert_eq!(kind("", &run(Ended::Exited(0), "1\n2", ""), &good).expect("a lost end of line").0, "stdout");
        assert_eq!(kind("", &run(Ended::Exited(1), "1\n2\n", ""), &good).expect("another status").0, "status");
        let killed = run(Ended::Died(How::Signal(11)), "1\n", "");
        assert_eq!(kind("", &killed, &good), Some(("signal", "killed by SIGSEGV".to_owned())));
        let slow = run(Ended::Died(How::Silent(Duration::from_secs(1))), "1\n2\n", "");
        assert_eq!(kind("", &slow, &good).expect("a hang").0, "timeout");
    }

    #[test]
    fn what_is_compared_is_the_files_choice() {
        let good = run(Ended::Exited(1), "1\nseconds 0.1\n", "error: a at 0x1\n");
        let other = run(Ended::Exited(1), "1\nseconds 0.2\n", "error: b at 0x1\n");
        assert_eq!(kind("", &other, &good).expect("times differ").0, "stdout");
        assert_eq!(kind("time: '^seconds (.*)'", &other, &good), None);
        assert_eq!(kind("compare: {ignore: ['^sec']}", &other, &good), None);
        let errors = "time: '^seconds (.*)'\ncompare: {stderr: '^error: (\\w+)'}";
        assert_eq!(kind(errors, &other, &good).expect("errors differ").0, "stderr");
        assert_eq!(kind("compare: {ignore: [sec], stderr: 'at 0x1$'}", &other, &good), None);
    }

    #[test]
    fn a_time_is_the_programs_own_or_the_processs() {
        let done = run(Ended::Exited(0), "seconds 0.125\n", "");
        assert_eq!(seconds(&manifest(""), &done), Ok(0.5));
        assert_eq!(seconds(&manifest("time: '^seconds (.*)'"), &done), Ok(0.125));
        let none = run(Ended::Exited(0), "", "");
        assert!(seconds(&manifest("time: '^seconds (.*)'"), &none).is_err());
        let zero = run(Ended::Exited(0), "seconds 0\n", "");
        assert!(seconds(&manifest("time: '^seconds (.*)'"), &zero).is_err());
    }
}
