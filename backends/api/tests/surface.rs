//! The public items of this crate against the list that is committed, so that no change of the interface goes unrecorded.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// Every line of the source that declares something public: items, fields, methods of traits, variants of enums.
fn surface() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let mut out = String::new();
    for file in files {
        out += &format!("{}\n", file.strip_prefix(&root).expect("it lies there").display());
        let text = fs::read_to_string(&file).expect("a file");
        // Within a public enum or trait everything is public.
        let mut inside = false;
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            let item = line.trim();
            let opens = line.starts_with("pub enum") || line.starts_with("pub trait");
            let comment = item.is_empty() || item.starts_with("//") || item.starts_with('#');
            let nested = inside && line.starts_with("    ") && !line.starts_with("        ") && !item.starts_with('}');
            if !comment && (opens || item.starts_with("pub ") || nested) {
                out += &format!("    {}\n", item.trim_end_matches(['{', ' ']));
            }
            inside = opens || inside && line != "}";
        }
    }
    out
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

#[test]
fn the_interface_is_the_recorded_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api.txt");
    let found = surface();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &found).expect("the list can be written");
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let changed = || {
        let gone = recorded.lines().filter(|line| !found.lines().any(|l| l == *line)).map(|l| format!("- {l}"));
        let new = found.lines().filter(|line| !recorded.lines().any(|l| l == *line)).map(|l| format!("+ {l}"));
        gone.chain(new).collect::<Vec<_>>().join("\n")
    };
    assert!(
        found == recorded,
        "the interface changed:\n{}\nsay so in backends/api/CHANGELOG.md, raise API_VERSION if a backend can no longer be right, and run \
         `BLESS=1 cargo test -p lockstep-backend-api --test surface`",
        changed()
    );
}

#[test]
fn the_changelog_knows_the_version() {
    let changelog = include_str!("../CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).expect("a version");
    assert_eq!(newest, lockstep_backend_api::API_VERSION.to_string(), "CHANGELOG.md opens with the newest version");
    for item in ["trait Backend", "struct Artifact", "Unsupported {", "ResidualSymbol(String),"] {
        assert!(surface().contains(item.trim_end_matches([' ', '{'])), "`{item}` is public, and not listed");
    }
}
