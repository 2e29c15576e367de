//! Digests: of files, and of a passport, so that a figure changed after the fact is noticed.
//!
//! The digest of a passport is the SHA-256 of its file with zeros in place of the digest's own 64 digits; without Lockstep:
//! `sed 's/"sha256:[0-9a-f]*"/"sha256:0000000000000000000000000000000000000000000000000000000000000000"/' passport.json | sha256sum`.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::model::Passport;

/// How the digest of a passport begins.
const PREFIX: &str = "sha256:";

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest over files: over each file's name from `root`, its length and its content, in the order of the names.
///
/// # Errors
/// A file cannot be read.
pub fn files(root: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut sorted: Vec<&PathBuf> = files.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for file in sorted {
        let content = std::fs::read(root.join(file))?;
        hash.update(format!("{}\n{}\n", file.display(), content.len()));
        hash.update(content);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// All files below a directory, by their paths from it.
///
/// # Errors
/// A directory cannot be read.
pub fn below(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type()?.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a passport, with its digest in place.
///
/// # Panics
/// Never: what a passport holds can be written as JSON.
pub fn seal(mut passport: Passport) -> (Passport, String) {
    passport.digest = format!("{PREFIX}{}", "0".repeat(64));
    let blank = serde_json::to_string_pretty(&passport).expect("a passport is JSON") + "\n";
    passport.digest = format!("{PREFIX}{}", sha256(blank.as_bytes()));
    let text = serde_json::to_string_pretty(&passport).expect("a passport is JSON") + "\n";
    (passport, text)
}

/// Whether a passport's text is as it was sealed; otherwise the digest it should have.
///
/// # Errors
/// The digest that its content has now.
pub fn check(text: &str, claimed: &str) -> Result<(), String> {
    let found = match claimed.strip_prefix(PREFIX) {
        Some(digits) if digits.len() == 64 => sha256(text.replacen(digits, &"0".repeat(64), 1).as_bytes()),
        _ => sha256(text.as_bytes()),
    };
    let found = format!("{PREFIX}{found}");
    if found == claimed { Ok(()) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_every_other_tool() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_digest_of_files_tells_names_and_contents_apart() {
        let root = std::env::temp_dir().join(format!("lockstep-digest-{}", std::process::id()));
        let digest = |all: &[(&str, &str)]| {
            let _ = std::fs::remove_dir_all(&root);
            std::fs::create_dir_all(root.join("in")).expect("a directory");
            for (name, content) in all {
                std::fs::write(root.join(name), content).expect("a file");
            }
            files(&root, &below(&root).expect("files")).expect("a digest")
        };
        let all = [
            [("a", "1"), ("in/b", "2")],
            [("a", "12"), ("in/b", "")],
            [("a", "1"), ("in/c", "2")],
            [("a", "1"), ("in/b", "3")],
        ];
        let digests: std::collections::BTreeSet<String> = all.iter().map(|files| digest(files)).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(digest(&all[0]), digest(&all[0]));
        let _ = std::fs::remove_dir_all(&root);
    }
}
