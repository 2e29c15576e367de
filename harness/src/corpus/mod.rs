//! The corpus: cases written by hand, as YAML. This module reads files and tells mistakes in their place; the schemas
//! stand in a module each.

pub mod ir;
mod place;
pub mod program;
pub mod schema;

use std::path::{Path, PathBuf};

use lockstep_text::{Diagnostic, Location};
use serde::de::DeserializeOwned;

pub use place::{Step, mistake_in, place, relocate};

/// What a corpus consists of; it has some of these.
pub const DIRECTORIES: [&str; 4] = ["ir", "bytecode", "bench", crate::lua::case::DIRECTORY];

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

/// Parses YAML. Unknown fields and wrong types are diagnostics with file, line and column, and with a hint where one is known.
///
/// # Errors
/// The first mistake.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, CorpusError> {
    serde_yaml::from_str(text).map_err(|error| CorpusError::Mistake(mistake(file, text, &error)))
}

/// What the YAML parser complains of, in its place and with a hint.
fn mistake(file: &str, text: &str, error: &serde_yaml::Error) -> Box<Diagnostic> {
    let at = error.location();
    let mut location = at
        .map_or(Location { line: 1, column: 1 }, |at| Location { line: at.line() as u32, column: at.column() as u32 });
    let full = error.to_string();
    let message = full.find(" at line ").map_or(full.as_str(), |end| &full[..end]);
    let mut width = 1;
    let mut hint = None;
    let mut quoted = message.split('`').skip(1).step_by(2);
    if let (true, Some(unknown)) = (message.contains("unknown field"), quoted.next()) {
        // The parser tells where the mapping with that field starts; the field itself is what the eye looks for.
        if let Some(place) = key_from(text, unknown, location.line) {
            (location, width) = (place, unknown.chars().count() as u32);
        }
        let near = quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known)).min().filter(
            |(distance, known)| *distance <= 2.max(known.len() / 3) && *distance < unknown.len().min(known.len()),
        );
        hint = Some(match near {
            Some((_, known)) => format!("did you mean `{known}`? docs/corpus.md describes all fields"),
            None => "docs/corpus.md describes the fields; `lockstep schema` lets an editor complete them".to_owned(),
        });
    } else if message.contains("missing field") {
        hint = Some("docs/corpus.md describes the fields, and which may be left out".to_owned());
    } else if text
        .lines()
        .nth(location.line.saturating_sub(1) as usize)
        .is_some_and(|l| l.trim_start_matches(' ').starts_with('\t'))
    {
        hint = Some("YAML is indented with spaces, never with tabs".to_owned());
    } else if message.contains("mapping values are not allowed") {
        hint = Some("text that holds `: ` needs quotes".to_owned());
    } else if message.contains("did not find expected key") || message.contains("did not find expected '-'") {
        hint = Some("is this line, or the one before it, indented like its neighbours?".to_owned());
    }
    let diagnostic = Diagnostic::new(file, text, location, width, message);
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The first place from a line on where `key` stands as a key.
fn key_from(text: &str, key: &str, line: u32) -> Option<Location> {
    let first = line.saturating_sub(1) as usize;
    text.lines().enumerate().skip(first).find_map(|(n, line)| {
        let starts = line.match_indices(key).map(|(at, _)| at);
        let at = starts.into_iter().find(|&at| {
            let before = line[..at].chars().next_back();
            let after = line[at + key.len()..].trim_start_matches(['"', '\'', ' ']);
            before.is_none_or(|c| " {,\"'".contains(c)) && after.starts_with(':')
        })?;
        Some(Location { line: n as u32 + 1, column: line[..at].chars().count() as u32 + 1 })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        match parse::<ir::File>("cases.yaml", text) {
            Err(CorpusError::Mistake(diagnostic)) => diagnostic.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_field_is_shown_where_it_stands_with_the_one_that_was_meant() {
        let shown = complaint("about: x\ncases:\n  - name: a\n    about: b\n    unit: c\n    memroy: [1]\n");
        assert!(shown.starts_with("cases.yaml:6:5: error: "), "{shown}");
        assert!(shown.contains("\n 6 |     memroy: [1]\n   |     ^^^^^^\n"), "{shown}");
        assert!(shown.contains("did you mean `memory`?"), "{shown}");
        let nothing_near = complaint("about: x\ncases:\n  - {name: a, about: b, unit: c, colour: 1}\n");
        assert!(nothing_near.starts_with("cases.yaml:3:34: error: "), "{nothing_near}");
        assert!(nothing_near.contains("docs/corpus.md") && !nothing_near.contains("did you mean"), "{nothing_near}");
    }

    #[test]
    fn other_mistakes_have_their_line_and_a_hint() {
        let missing = complaint("about: x\ncases:\n  - name: a\n    unit: c\n");
        assert!(missing.contains("missing field `about`") && missing.contains("may be left out"), "{missing}");
        let tab = complaint("about: x\ncases:\n\t- name: a\n");
        assert!(tab.starts_with("cases.yaml:3:") && tab.contains("never with tabs"), "{tab}");
        let colon = complaint("about: x\ncases:\n  - name: a\n    about: this: that\n");
        assert!(colon.starts_with("cases.yaml:4:") && colon.contains("needs quotes"), "{colon}");
        let word = complaint("about: x\ncases:\n  - {name: a, about: b, unit: c, words: many}\n");
        assert!(word.starts_with("cases.yaml:3:") && word.contains("invalid type"), "{word}");
    }
}
