//! On what and with what a report is made: the machine, the compilers on it, the backends of the build.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use lockstep_backend_api::{Backend, Execution};

use super::model::{BackendRow, Environment};
use crate::backends::Backends;
use crate::bench::machine::Machine;
use crate::passport::build::Build;

/// Compilers whose versions are stated if they are there.
const COMPILERS: [&str; 2] = ["rustc", "gcc"];

/// This machine and this build, now.
pub fn here() -> Environment {
    let version = |name: &&str| Some(((*name).to_owned(), version(name)?));
    Environment {
        lockstep: env!("CARGO_PKG_VERSION").to_owned(),
        date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        commit: commit(),
        builds: BTreeMap::new(),
        machine: Machine::here(),
        compilers: COMPILERS.iter().filter_map(version).collect(),
        backends: Backends::new().iter().map(backend).collect(),
    }
}

fn backend(backend: &dyn Backend) -> BackendRow {
    let capabilities = backend.capabilities();
    BackendRow {
        id: backend.id().to_owned(),
        version: backend.version(),
        about: backend.summary(),
        levels: capabilities.levels.iter().map(|l| l.name().to_owned()).collect(),
        default_level: capabilities.default_level.name().to_owned(),
        native: capabilities.execution == Execution::Native,
    }
}

fn commit() -> String {
    let Build { commit, changed, .. } = Build::here();
    let Some(commit) = commit else { return String::new() };
    let short = commit.get(..10).unwrap_or(&commit);
    format!("{short}{}", if changed == Some(true) { "+" } else { "" })
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    output.status.success().then_some(text)
}
