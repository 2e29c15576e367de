//! Rules over source text and manifests.

use crate::workspace::{File, Package, files, packages, root};
use crate::{assert_found, assert_none};

/// Where Rust of the workspace lies.
const RUST: [&str; 4] = ["vm", "backends", "harness", "xtask"];

/// The only packages that may hold `unsafe`. *Why*: generated code, the heap and the LLVM bindings cannot do without; whoever looks
/// for memory unsafety looks here and nowhere else.
const MAY_BE_UNSAFE: [&str; 5] =
    ["lockstep-runtime", "lockstep-interp", "lockstep-engine", "lockstep-llvm", "lockstep-oracle"];

/// A file longer than this holds more than one idea.
const MAX_LINES: usize = 900;

/// Every root of a package that must be safe says so to the compiler.
fn unsafe_packages(packages: &[Package], text: impl Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|p| !MAY_BE_UNSAFE.contains(&p.name.as_str())) {
        for root in package.roots.iter().filter(|root| !says_forbid(&text(root))) {
            found.push(format!("{root}: `#![forbid(unsafe_code)]` is missing"));
        }
    }
    found
}

fn says_forbid(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]")
}

/// Where `unsafe` may stand, clippy demands a `// SAFETY:` for each block, and nobody tells it not to.
fn unexplained_unsafe(workspace: &str, packages: &[Package], files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    if !workspace.lines().any(|line| line.trim() == r#"undocumented_unsafe_blocks = "deny""#) {
        found.push("Cargo.toml: `undocumented_unsafe_blocks` is not denied".to_owned());
    }
    for package in packages {
        if !package.manifest.contains("[lints]\nworkspace = true") {
            found.push(format!("{}: the lints of the workspace are not inherited", package.name));
        }
    }
    for (file, line, text) in lines(files) {
        if text.trim_start().starts_with('#') && text.contains(concat!("undocumented_", "unsafe_blocks")) {
            found.push(format!("{}:{line}: the lint that demands a SAFETY comment is switched off", file.path));
        }
    }
    found
}

/// Files say what they are in their first line, and are not too long to be read.
fn unreadable(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let count = file.text.lines().count();
        if count > MAX_LINES {
            found.push(format!("{}: {count} lines, more than {MAX_LINES}", file.path));
        }
        if !file.text.starts_with("//! ") {
            found.push(format!("{}: does not open with what it is (`//! …`)", file.path));
        }
    }
    found
}

/// Nothing is left for later, and no test is kept from running.
fn unfinished(files: &[File]) -> Vec<String> {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
        concat!("allow(dead", "_code"),
        concat!("unimpl", "emented!("),
    ];
    let mut found = Vec::new();
    for (file, line, text) in lines(files) {
        for mark in marks.iter().filter(|mark| text.contains(*mark)) {
            found.push(format!("{}:{line}: `{mark}`", file.path));
        }
    }
    found
}

/// Ids of backends that also mean something else: these count only as a string.
const AMBIGUOUS: [&str; 1] = ["eval"];

/// The harness's source names no backend: what it knows of them comes from the registry. *Why*: an author of a backend from outside gets every
/// column, filter and gate that ours get, and no result can depend on a name.
fn named_backends(files: &[File], ids: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, line, text) in lines(files) {
        let lower = text.to_lowercase();
        for id in ids {
            let named = if AMBIGUOUS.contains(&id.as_str()) {
                lower.contains(&format!("\"{id}\""))
            } else {
                lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == id)
            };
            if named {
                found.push(format!("{}:{line}: names the backend `{id}`", file.path));
            }
        }
    }
    found
}

/// The ids of all backends there are, built or not: each lies in a directory of its name.
fn backend_ids(packages: &[Package]) -> Vec<String> {
    let dirs = packages.iter().filter_map(|p| p.dir.strip_prefix("backends/"));
    dirs.filter(|dir| !["api", "registry"].contains(dir)).map(str::to_owned).collect()
}

/// Where the registry of planted faults is looked into: itself, the commands that plant, the place that resolves ids of backends, and what
/// looks for faults by drawing them.
const SEES_FAULTS: [&str; 5] = [
    "harness/src/fault/",
    "harness/src/cli/faults.rs",
    "harness/src/cli/mod.rs",
    "harness/src/backends.rs",
    "harness/src/bisect/",
];

/// Nothing that judges knows which fault is planted, or that one is. *Why*: a gate that knew would prove nothing.
fn seeing_gates(files: &[File]) -> Vec<String> {
    let looks = [
        "fault::find",
        "fault::all",
        "fault::known",
        "fault::blind",
        "fault::environment",
        "fault::parse_id",
        "fault::plant",
        "LOCKSTEP_PLANT",
    ];
    let blind = files.iter().filter(|file| !SEES_FAULTS.iter().any(|sees| file.path.starts_with(sees)));
    let blind: Vec<File> = blind.map(|f| File { path: f.path.clone(), text: f.text.clone() }).collect();
    lines(&blind)
        .filter(|(_, _, text)| looks.iter().any(|look| text.contains(look)) || text.contains("use crate::fault::{find"))
        .map(|(file, line, _)| format!("{}:{line}: looks into the registry of faults", file.path))
        .collect()
}

/// Links between documents lead somewhere.
fn broken_links(files: &[File], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (file, line, text) in lines(files) {
        let dir = file.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split(['#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains(':') {
                continue;
            }
            if !exists(&format!("{dir}/{target}")) {
                found.push(format!("{}:{line}: `{target}` is not there", file.path));
            }
        }
    }
    found
}

/// The map has every package on it.
fn unmapped(packages: &[Package], map: &str) -> Vec<String> {
    let words: Vec<&str> = map.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').collect();
    let last = |package: &Package| package.dir.rsplit('/').next().unwrap_or_default().to_owned();
    packages
        .iter()
        .filter(|p| !words.contains(&last(p).as_str()))
        .map(|p| format!("docs/ARCHITECTURE.md: `{}` is not on the map", p.dir))
        .collect()
}

fn lines(files: &[File]) -> impl Iterator<Item = (&File, usize, &str)> {
    files.iter().flat_map(|file| file.text.lines().enumerate().map(move |(n, line)| (file, n + 1, line)))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn unsafe_stands_only_where_it_may() {
    assert_none(&unsafe_packages(&packages(), read));
    let mute = unsafe_packages(&packages(), |path| read(path).replace("#![forbid(unsafe_code)]", ""));
    assert_found(&mute, "vm/ir/src/lib.rs");
    assert_found(&mute, "harness/src/lib.rs");
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let (manifest, rust) = (read("Cargo.toml"), files(&RUST, ".rs"));
    assert_none(&unexplained_unsafe(&manifest, &packages(), &rust));
    assert_found(&unexplained_unsafe("[workspace.lints.clippy]", &packages(), &rust), "Cargo.toml");
    let mut deaf = packages();
    deaf[0].manifest.clear();
    assert_found(&unexplained_unsafe(&manifest, &deaf, &rust), &deaf[0].name);
    let hush = format!("#![allow(clippy::{})]", concat!("undocumented_", "unsafe_blocks"));
    assert_found(&unexplained_unsafe(&manifest, &packages(), &[file("a.rs", &hush)]), "a.rs:1");
}

#[test]
fn files_are_readable() {
    assert_none(&unreadable(&files(&RUST, ".rs")));
    assert_found(&unreadable(&[file("long.rs", &"//! Long.\n".repeat(MAX_LINES + 1))]), "long.rs: 901 lines");
    assert_found(&unreadable(&[file("mute.rs", "fn main() {}\n")]), "mute.rs: does not open");
}

#[test]
fn nothing_is_left_for_later() {
    assert_none(&unfinished(&files(&RUST, ".rs")));
    assert_found(&unfinished(&[file("late.rs", concat!("fn f() {}\n// TO", "DO: g"))]), "late.rs:2");
    assert_found(&unfinished(&[file("skipped.rs", concat!("#[ig", "nore = \"slow\"]"))]), "skipped.rs:1");
}

#[test]
fn the_harness_names_no_backend() {
    let ids = backend_ids(&packages());
    assert!(ids.len() >= 4, "all backends are known: {ids:?}");
    assert_none(&named_backends(&files(&["harness/src"], ".rs"), &ids));
    for id in &ids {
        let planted = file("gate.rs", &format!("let fast = column.backend == \"{id}\";"));
        assert_found(&named_backends(&[planted], &ids), &format!("gate.rs:1: names the backend `{id}`"));
    }
    assert_none(&named_backends(&[file("fine.rs", "use lockstep_ir::eval::Results;")], &ids));
}

#[test]
fn gates_do_not_see_which_fault_is_planted() {
    assert_none(&seeing_gates(&files(&["harness/src"], ".rs")));
    let planted = file("harness/src/check.rs", "if fault::find(name).is_ok() {");
    assert_found(&seeing_gates(&[planted]), "harness/src/check.rs:1: looks into");
    let environment = file("harness/src/kit/mod.rs", "std::env::var(\"LOCKSTEP_PLANT\")");
    assert_found(&seeing_gates(&[environment]), "harness/src/kit/mod.rs:1: looks into");
}

#[test]
fn documents_lead_somewhere_and_the_map_is_whole() {
    let exists = |path: &str| root().join(path.trim_start_matches('/')).exists();
    let mut documents = files(&["docs", "vm", "backends", "corpus", "examples"], ".md");
    documents.push(file("README.md", &read("README.md")));
    assert_none(&broken_links(&documents, exists));
    assert_found(&broken_links(&[file("docs/a.md", "\nsee [b](b.md#part)")], |_| false), "docs/a.md:2: `b.md`");
    assert_none(&broken_links(&[file("docs/a.md", "see [b](https://b.example)")], |_| false));

    let map = read("docs/ARCHITECTURE.md");
    assert_none(&unmapped(&packages(), &map));
    assert_found(&unmapped(&packages(), &map.replace("dynasm", "")), "backends/dynasm");
}
