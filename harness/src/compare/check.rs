//! What `lockstep baseline check` found, as it is written to its results: what the report shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::gate::Alarm;
use super::run::Run;
use super::series::Key;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A run against the baseline of its machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// [`VERSION`].
    pub lockstep_check: u32,
    /// Short name of the baseline's machine.
    pub baseline: String,
    /// In what the baseline was made otherwise.
    pub notes: Vec<String>,
    /// The run.
    pub run: Run,
    /// What was measured again.
    pub suspicious: Vec<Alarm>,
    /// What is worse.
    pub alarms: Vec<Alarm>,
    /// What seems better.
    pub gains: Vec<Alarm>,
    /// Where a slow-down of the promised size cannot be excluded.
    pub blind: Vec<Key>,
    /// What the baseline has and the run has not.
    pub missing: BTreeSet<Key>,
}
