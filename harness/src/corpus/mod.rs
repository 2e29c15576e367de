//! The corpus: cases written by hand, as YAML. This module reads files and tells mistakes in their place; the schemas
//! stand in a module each.

pub mod ir;
pub mod program;

use std::path::{Path, PathBuf};

use lockstep_text::Diagnostic;
use lockstep_text::Location;
use serde::de::DeserializeOwned;

/// Why a corpus could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A mistake in a file.
    #[error("{0}")]
    Mistake(#[from] Box<Diagnostic>),
}

/// The text of a file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<String, CorpusError> {
    std::fs::read_to_string(path).map_err(|error| CorpusError::Io { path: path.to_owned(), error })
}

/// The YAML files of a directory, in order of their names. A directory that is not there has none.
///
/// # Errors
/// It cannot be read.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let failed = |error| CorpusError::Io { path: directory.to_owned(), error };
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Parses YAML. Unknown fields and wrong types are diagnostics with file, line and column.
///
/// # Errors
/// The first mistake.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, CorpusError> {
    serde_yaml::from_str(text).map_err(|error| {
        let at = error.location();
        let location = at.map_or(Location { line: 1, column: 1 }, |at| Location {
            line: at.line() as u32,
            column: at.column() as u32,
        });
        let full = error.to_string();
        let message = match full.find(" at line ") {
            Some(end) => full[..end].to_owned(),
            None => full,
        };
        let mut diagnostic = Diagnostic::new(file, text, location, 1, message.clone());
        if message.contains("unknown field") {
            diagnostic = diagnostic.hint("the fields of each corpus file are described in docs/corpus.md");
        }
        CorpusError::Mistake(diagnostic)
    })
}

/// Moves a diagnostic about a text that stands inside a YAML block scalar to its place in the file.
pub fn relocate(inner: Box<Diagnostic>, file: &str, yaml: &str, inline: &str) -> Box<Diagnostic> {
    let lines: Vec<&str> = yaml.lines().collect();
    let wanted: Vec<&str> = inline.lines().map(str::trim).collect();
    let fits = |start: usize| {
        wanted.iter().enumerate().all(|(n, line)| lines.get(start + n).is_some_and(|l| l.trim() == *line))
    };
    let Some(start) = (0..lines.len()).find(|&start| fits(start)) else { return inner };
    let line = start + inner.location.line.saturating_sub(1) as usize;
    let Some(shown) = lines.get(line) else { return inner };
    let indent = |text: &str| text.chars().take_while(|c| *c == ' ').count() as u32;
    let own = inline.lines().nth(inner.location.line.saturating_sub(1) as usize).map_or(0, indent);
    let shift = indent(shown).saturating_sub(own);
    Box::new(Diagnostic {
        file: file.to_owned(),
        location: Location { line: line as u32 + 1, column: inner.location.column + shift },
        source_line: (*shown).to_owned(),
        ..*inner
    })
}

/// A diagnostic at the first line that holds `needle`: for rules that the YAML parser does not know.
pub fn mistake_at(file: &str, yaml: &str, needle: &str, message: impl Into<String>) -> Box<Diagnostic> {
    let found =
        yaml.lines().enumerate().find_map(|(n, line)| line.find(needle).map(|at| (n, line[..at].chars().count())));
    let (line, column) = found.unwrap_or((0, 0));
    let location = Location { line: line as u32 + 1, column: column as u32 + 1 };
    Diagnostic::new(file, yaml, location, needle.chars().count().max(1) as u32, message)
}
