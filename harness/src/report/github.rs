//! What was judged, for GitHub: annotations, which its runners read from a job's output, and the job's summary page.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::answers::State;
use super::findings::{Finding, findings};
use super::model::Report;

/// More annotations of a kind than this are not shown by GitHub; the last one says how many more there are.
const SHOWN: usize = 10;

/// Annotations, a line each. `corpus` is where cases are looked up.
pub fn annotations(report: &Report, corpus: &Path) -> String {
    let mut out = String::new();
    let all = findings(report);
    for (state, kind) in [(State::Bad, "error"), (State::Unknown, "warning")] {
        let found: Vec<&Finding> = all.iter().filter(|f| f.state == state).collect();
        let shown = if found.len() > SHOWN { SHOWN - 1 } else { found.len() };
        // Writing to a string does not fail.
        for finding in &found[..shown] {
            let title = property(&format!("{}: {}", finding.suite, finding.name));
            let place = finding.case.as_deref().and_then(|case| locate(corpus, case));
            let place = place.map_or_else(String::new, |(file, line)| format!("file={},line={line},", property(&file)));
            let mut said = finding.why.clone().unwrap_or_default();
            if let Some(again) = &finding.again {
                let _ = write!(said, "\nrun it again: {again}");
            }
            let _ = writeln!(out, "::{kind} {place}title={title}::{}", message(&said));
        }
        if shown < found.len() {
            let _ = writeln!(out, "::{kind} title=lockstep::{} more in the report", found.len() - shown);
        }
    }
    out
}

/// Appends to the file that the runner shows as the job's summary.
///
/// # Errors
/// The file cannot be written.
pub fn append_summary(file: &Path, summary: &str) -> io::Result<()> {
    use io::Write as _;
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(summary.as_bytes())
}

/// The file of a case, and the line of its name: the longest beginning of the case's name that is a file of the corpus holds it.
fn locate(corpus: &Path, case: &str) -> Option<(String, usize)> {
    let mut stem = case;
    while let Some((shorter, _)) = stem.rsplit_once('/') {
        stem = shorter;
        let file = corpus.join(format!("{stem}.yaml"));
        if let Ok(text) = std::fs::read_to_string(&file) {
            let name = &case[stem.len() + 1..];
            let names = |line: &str| {
                line.trim_start_matches([' ', '-']).strip_prefix("name:").is_some_and(|n| n.trim() == name)
            };
            let line = text.lines().position(names).map_or(1, |line| line + 1);
            return Some((file.display().to_string(), line));
        }
    }
    None
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{bench, coverage, parity, report};

    #[test]
    fn what_failed_is_an_error_where_it_stands() {
        let dir = std::env::temp_dir().join(format!("lockstep-github-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("some")).expect("a directory of its own");
        std::fs::write(dir.join("some/cases.yaml"), "about: x\ncases:\n  - name: other\n  - name: mine\n")
            .expect("a file");
        assert_eq!(locate(&dir, "some/cases/mine"), Some((dir.join("some/cases.yaml").display().to_string(), 4)));
        assert_eq!(locate(&dir, "elsewhere/mine"), None);
        std::fs::remove_dir_all(&dir).expect("it is ours");
        let failed = report(
            "annotated",
            Some(parity("failed")),
            Some(coverage(None)),
            Some(bench((1.0, 2e-5), (2.0, 4e-4), "fail")),
        );
        let lines = annotations(&failed, Path::new("nowhere"));
        assert!(
            lines.contains("::error title=parity%3A case/red/speed/eager::result 1 is not 2%0Arun it again"),
            "{lines}"
        );
        assert!(lines.contains("::error title=bench%3A native ratio of wheel (red/speed over gcc)::"), "{lines}");
        // What was not run is said as well.
        assert!(lines.contains("::warning title=compare%3A compare was run::no result of a comparison"), "{lines}");
    }

    #[test]
    fn commands_cannot_be_smuggled_in() {
        assert_eq!(message("100 %\n::error::x"), "100 %25%0A::error::x");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
