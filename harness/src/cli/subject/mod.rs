//! Commands on whole VMs from outside: what `--subject FILE` makes of `parity`, `bench` and `bisect`.

pub(super) mod bisect;
pub(super) mod parity;

use std::path::Path;

use crate::subject::Subject;

/// Reads a subject and asks its version.
///
/// # Errors
/// A mistake in the file; the subject is not on this machine.
pub(super) fn load(file: &Path) -> Result<(Subject, String), Box<dyn std::error::Error + Send + Sync>> {
    let subject = Subject::load(file)?;
    let version = subject.version().map_err(|why| format!("{} is absent: {why}", subject.manifest.subject))?;
    Ok((subject, version))
}
