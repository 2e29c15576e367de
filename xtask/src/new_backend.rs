//! `cargo xtask new-backend`: a crate outside the workspace with a backend that passes the first cases of the IR kit.
//!
//! There is no second copy of its source: it is `examples/baseline-x64` without the sections that docs/write-a-backend.md adds step by
//! step. In the source a section stands between `// step N: …` and `// end of step`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::{Done, root};

/// Options of the command.
#[derive(Args, Debug)]
pub struct Options {
    /// Its name: of the package, of the program, and the backend's id (lower case, digits, `-`)
    name: String,
    /// Where to put it; `./NAME` if not stated
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Depend on Lockstep at this git URL instead of on this checkout
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// Begin after this many steps of docs/write-a-backend.md
    #[arg(long, value_name = "N", default_value_t = 0)]
    steps: u32,
}

/// The files of the crate: their paths, and their texts in this repository.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../../examples/baseline-x64/Cargo.toml")),
    ("README.md", include_str!("../templates/backend/README.md")),
    ("src/main.rs", include_str!("../../examples/baseline-x64/src/main.rs")),
    ("src/lib.rs", include_str!("../../examples/baseline-x64/src/lib.rs")),
    ("src/ops.rs", include_str!("../../examples/baseline-x64/src/ops.rs")),
    ("src/asm.rs", include_str!("../../examples/baseline-x64/src/asm.rs")),
    ("tests/conformance.rs", include_str!("../templates/backend/conformance.rs")),
];

/// The packages of Lockstep that a backend uses, with their directories.
const PACKAGES: [(&str, &str); 3] =
    [("lockstep", "harness"), ("lockstep-backend-api", "backends/api"), ("lockstep-ir", "vm/ir")];

/// Writes the crate.
pub fn run(options: &Options) -> Done {
    let name = &options.name;
    if !is_name(name) {
        return Err(format!("`{name}` is no name for a backend: use lower-case letters, digits and `-`").into());
    }
    let dir = options.path.clone().unwrap_or_else(|| PathBuf::from(name));
    if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{} is there already, and not empty", dir.display()).into());
    }
    for (path, text) in FILES {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().expect("files lie in directories"))?;
        fs::write(&file, render(path, text, options)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    // The versions that Lockstep is tested with, to begin with.
    fs::copy(root().join("Cargo.lock"), dir.join("Cargo.lock"))?;
    fs::copy(root().join("rustfmt.toml"), dir.join("rustfmt.toml"))?;
    println!("{} is there. Go on with", dir.display());
    println!("    cd {} && cargo test --release", dir.display());
    println!("and {}", root().join("docs/write-a-backend.md").display());
    Ok(ExitCode::SUCCESS)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A file of the crate.
fn render(path: &str, text: &str, options: &Options) -> String {
    let name = &options.name;
    let text = if path == "src/ops.rs" { without_steps(text, options.steps) } else { text.to_owned() };
    let text = text.replace("{{name}}", name);
    // The README speaks of the example; everything else is the example under another name.
    let mut text = if path == "README.md" { text } else { text.replace("baseline-x64", name) };
    text = text.replace("baseline_x64", &name.replace('-', "_"));
    if path == "Cargo.toml" {
        for (package, dir) in PACKAGES {
            let here = format!("{package} = {{ path = \"../../{dir}\" }}");
            let there = match &options.git {
                Some(url) => format!("{package} = {{ git = {url:?} }}"),
                None => format!("{package} = {{ path = {:?} }}", Path::new(root()).join(dir)),
            };
            text = text.replace(&here, &there);
        }
    }
    text
}

/// The text without the sections of later steps than `kept`, and without the marks of any.
fn without_steps(text: &str, kept: u32) -> String {
    let mut step = None;
    let mut out = String::new();
    for line in text.lines() {
        let mark = line.trim();
        if let Some(rest) = mark.strip_prefix("// step ") {
            step = rest.split(':').next().and_then(|n| n.parse::<u32>().ok());
        } else if mark == "// end of step" {
            step = None;
        } else if step.is_none_or(|step| step <= kept) {
            out += line;
            out.push('\n');
        }
    }
    // What stood between sections leaves more than one blank line behind.
    while out.contains("\n\n\n") {
        out = out.replace("\n\n\n", "\n\n");
    }
    out.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str, git: Option<&str>, steps: u32) -> Options {
        Options { name: name.to_owned(), path: None, git: git.map(str::to_owned), steps }
    }

    fn rendered(path: &str, options: &Options) -> String {
        let (_, text) = FILES.iter().find(|f| f.0 == path).expect("a file of the crate");
        render(path, text, options)
    }

    #[test]
    fn names_are_checked() {
        assert!(is_name("my-backend2"));
        for bad in ["", "2x", "My", "a_b", "a/b", "-a", "a b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn every_file_is_renamed_and_every_dependency_found() {
        for (path, _) in FILES {
            let text = rendered(path, &options("my-jit", None, 0));
            assert!(!text.contains("{{name}}") && !text.contains("baseline_x64"), "{path}");
            assert!(path == "README.md" || !text.contains("baseline-x64"), "{path}");
        }
        let manifest = rendered("Cargo.toml", &options("my-jit", None, 0));
        assert!(!manifest.contains("../../") && manifest.contains("name = \"my-jit\""), "{manifest}");
        let manifest = rendered("Cargo.toml", &options("my-jit", Some("https://example.org/lockstep"), 0));
        assert_eq!(manifest.matches("git = \"https://example.org/lockstep\"").count(), PACKAGES.len(), "{manifest}");
    }

    #[test]
    fn steps_come_back_one_by_one() {
        let at = |steps| rendered("src/ops.rs", &options("my-jit", None, steps));
        assert!(!at(0).contains("Op::Band") && at(0).contains("Op::Iadd") && !at(0).contains("// step"));
        assert!(at(1).contains("Op::Band") && !at(1).contains("Op::Shl"));
        for steps in 0..6 {
            assert!(at(steps).len() < at(steps + 1).len(), "step {} adds nothing", steps + 1);
        }
        assert_eq!(at(6), at(7));
    }

    /// The tutorial has each step of the source, and its lines are in it.
    #[test]
    fn the_tutorial_follows_the_source() {
        let tutorial = include_str!("../../docs/write-a-backend.md");
        let marks = include_str!("../../examples/baseline-x64/src/ops.rs").lines().map(str::trim);
        let steps: std::collections::BTreeSet<&str> = marks.filter_map(|line| line.strip_prefix("// step ")).collect();
        assert_eq!(steps.len(), 6);
        for step in steps {
            let (number, title) = step.split_once(": ").expect("`N: title`");
            assert!(tutorial.contains(&format!("### Step {number}: {title}")), "no section for step {step}");
        }
        let arms = include_str!("../../examples/baseline-x64/src/ops.rs");
        let shown = tutorial.lines().map(str::trim).filter(|line| line.starts_with("Op::") && line.contains("=>"));
        for line in shown {
            assert!(arms.contains(line), "the tutorial shows `{line}`, which the example does not have");
        }
    }
}
