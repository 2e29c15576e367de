//! What was built, and from what.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::digest::sha256;

/// A build of Lockstep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of Lockstep.
    pub version: String,
    /// SHA-256 of the executable.
    pub executable: String,
    /// The compiler that built it.
    pub rustc: String,
    /// Features of the build.
    pub features: Vec<String>,
    /// `debug` or `release`.
    pub profile: String,
    /// The commit of the source tree that it was built in, as it is now; none where that tree or git is not there.
    pub commit: Option<String>,
    /// Whether that tree has changes that are not committed.
    pub changed: Option<bool>,
}

impl Build {
    /// This one.
    pub fn here() -> Self {
        let executable = std::env::current_exe().and_then(std::fs::read).map(|bytes| sha256(&bytes));
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            executable: executable.unwrap_or_default(),
            rustc: env!("LOCKSTEP_RUSTC").to_owned(),
            features: env!("LOCKSTEP_FEATURES").split_whitespace().map(str::to_owned).collect(),
            profile: crate::bench::build::profile().to_owned(),
            commit: git(&["rev-parse", "HEAD"]).filter(|commit| !commit.is_empty()),
            changed: git(&["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty()),
        }
    }
}

fn git(args: &[&str]) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("git").arg("-C").arg(root).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
