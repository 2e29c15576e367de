//! Files as sides of a comparison: whichever of the known formats they are in.

use std::path::Path;

use super::raw;
use super::run::Run;
use super::series::Better;
use crate::bench::results::BenchResults;
use crate::program::coverage::{self, CoverageResults};

/// How data from outside are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which direction is good.
    pub better: Better,
    /// Iterations at the beginning of each process that warm up.
    pub skip: usize,
}

/// What is wrong with a file, for people; with its place where that is known.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Reads what `lockstep bench --results` or `lockstep coverage --results` writes, or the raw format (`.csv`, `.jsonl`).
///
/// # Errors
/// The file cannot be read, or holds none of these.
pub fn read(path: &Path, reading: Reading) -> Result<Run, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let shown = path.display().to_string();
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => Ok(Run::bare(raw::csv(&shown, &text, reading.better, reading.skip)?)),
        Some("jsonl" | "ndjson") => Ok(Run::bare(raw::json_lines(&shown, &text, reading.better, reading.skip)?)),
        _ => results(&shown, &text),
    }
}

/// Whether arguments on the command line look like files that hold runs.
pub fn is_file(name: &str) -> bool {
    let path = Path::new(name);
    path.is_file() || [".json", ".csv", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end))
}

fn results(file: &str, text: &str) -> Result<Run, Error> {
    let mistake = |e: serde_json::Error| format!("{file}:{}:{}: error: {e}", e.line(), e.column());
    let value: serde_json::Value = serde_json::from_str(text).map_err(mistake)?;
    let version = |name: &str| value.get(name).and_then(serde_json::Value::as_u64);
    if let Some(found) = version("lockstep_bench") {
        if found != u64::from(crate::bench::results::VERSION) {
            let known = crate::bench::results::VERSION;
            return Err(format!("{file}: results of version {found}; this build reads version {known}").into());
        }
        return Ok(Run::of(&serde_json::from_str::<BenchResults>(text).map_err(mistake)?));
    }
    if let Some(found) = version("lockstep_coverage") {
        let known = coverage::VERSION;
        if found != u64::from(known) {
            return Err(format!("{file}: coverage of version {found}; this build reads version {known}").into());
        }
        return Ok(Run::of_coverage(&serde_json::from_str::<CoverageResults>(text).map_err(mistake)?));
    }
    Err(format!(
        "{file}: neither results of `lockstep bench` or `lockstep coverage` nor raw data (which end in .csv or .jsonl: docs/compare.md)"
    )
    .into())
}
