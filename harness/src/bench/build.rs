//! What measured, and what was measured: fingerprints of this executable and of the corpus, so that samples of different builds are not taken for samples of one.

use std::path::Path;
use std::sync::OnceLock;
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::results::Build;

/// This executable; its fingerprint is empty if it cannot be read.
pub fn this() -> Build {
    static EXECUTABLE: OnceLock<String> = OnceLock::new();
    let read = || std::env::current_exe().and_then(fs::read).map_or_else(|_| String::new(), |b| fingerprint(&b));
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        executable: EXECUTABLE.get_or_init(read).clone(),
        profile: profile().to_owned(),
    }
}

/// How it was built.
pub const fn profile() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// The fingerprint of all files below a directory, names included.
///
/// # Errors
/// One cannot be read.
pub fn of_directory(dir: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let list = if entry.file_type()?.is_dir() { &mut pending } else { &mut paths };
            list.push(entry.path());
        }
    }
    paths.sort();
    let mut prints = String::new();
    for path in paths {
        let name = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
        prints += &format!("{name} {}\n", fingerprint(&fs::read(&path)?));
    }
    Ok(fingerprint(prints.as_bytes()))
}

/// The first 64 bits of the SHA-256 of some bytes, as 16 hexadecimal digits.
pub fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_the_beginning_of_the_digest() {
        assert_eq!(fingerprint(b""), "e3b0c44298fc1c14");
        assert_eq!(fingerprint(b"abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_directory_is_its_names_and_contents() {
        let dir = std::env::temp_dir().join(format!("lockstep-fingerprint-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).expect("a directory of its own");
        let write = |name: &str, text: &str| {
            fs::write(dir.join(name), text).expect("writable");
            of_directory(&dir).expect("readable")
        };
        let one = write("sub/a", "1");
        assert_ne!(write("sub/a", "2"), one);
        assert_eq!(write("sub/a", "1"), one);
        assert_ne!(write("b", ""), one);
        fs::remove_dir_all(&dir).expect("there");
    }

    #[test]
    fn this_executable_has_one() {
        assert_eq!(this(), this());
        assert_eq!(this().executable.len(), 16);
    }
}
