//! The workspace as rules see it: packages with their dependencies, and files with their text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    /// Its directory, from the root.
    pub dir: String,
    /// What it is built with: normal and build dependencies.
    pub uses: BTreeSet<String>,
    /// What only its tests are built with.
    pub tests_use: BTreeSet<String>,
    /// The text of its manifest.
    pub manifest: String,
    /// The root file of its library and of each binary, from the workspace's root.
    pub roots: Vec<String>,
}

/// A text file.
#[derive(Clone, Debug)]
pub struct File {
    /// From the root.
    pub path: String,
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the harness lies in the workspace")
}

/// All packages.
pub fn packages() -> Vec<Package> {
    static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(read_packages);
    PACKAGES.clone()
}

fn read_packages() -> Vec<Package> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata");
    metadata
        .packages
        .iter()
        .map(|package| {
            let names = |wanted: fn(DependencyKind) -> bool| {
                package.dependencies.iter().filter(|d| wanted(d.kind)).map(|d| d.name.clone()).collect()
            };
            let manifest = package.manifest_path.as_std_path();
            Package {
                name: package.name.to_string(),
                dir: relative(manifest.parent().expect("a manifest lies in a directory")),
                uses: names(|kind| kind != DependencyKind::Development),
                tests_use: names(|kind| kind == DependencyKind::Development),
                manifest: std::fs::read_to_string(manifest).expect("a manifest"),
                roots: package
                    .targets
                    .iter()
                    .filter(|t| t.is_lib() || t.is_bin())
                    .map(|t| relative(t.src_path.as_std_path()))
                    .collect(),
            }
        })
        .collect()
}

/// The text files below these directories whose names end so; build products excluded.
pub fn files(dirs: &[&str], ending: &str) -> Vec<File> {
    let mut paths = Vec::new();
    for dir in dirs.iter().map(|dir| root().join(dir)).filter(|dir| dir.is_dir()) {
        walk(&dir, ending, &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| File {
        path: relative(&path),
        text: std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
    };
    paths.into_iter().map(read).collect()
}

fn walk(dir: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("a directory entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(&path, ending, paths);
            }
        } else if name.ends_with(ending) {
            paths.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
