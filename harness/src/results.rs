//! Machine-readable results of a run of `parity`: what reports and CI read.

use serde::{Deserialize, Serialize};

use crate::backends::Column;
use crate::case::CaseStats;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParityResults {
    /// [`VERSION`].
    pub lockstep_parity: u32,
    /// Sums.
    pub summary: Summary,
    /// Every trial, by name.
    pub trials: Vec<TrialResult>,
}

/// Sums over trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As expected.
    pub passed: u32,
    /// Not as expected.
    pub failed: u32,
    /// Of those failed: without an answer, because the process that ran them died or hung.
    pub died: u32,
    /// Refused, as the backend's capabilities say.
    pub refused: u32,
}

/// One trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrialResult {
    /// The trial's name: case, backend, level.
    pub name: String,
    /// The case.
    pub case: String,
    /// The backend and level.
    #[serde(flatten)]
    pub column: Column,
    /// How it ended.
    pub status: Status,
    /// Kind of failure: a stable name.
    pub kind: Option<String>,
    /// What failed, for people.
    pub what: Option<String>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What it cost, if it was answered.
    pub stats: Option<CaseStats>,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed,
    /// The process died or hung.
    Died,
    /// As declared.
    Refused,
}

impl Summary {
    /// The sums over some trials.
    pub fn of(trials: &[TrialResult]) -> Self {
        let mut sum = Self::default();
        for trial in trials {
            match trial.status {
                Status::Passed => sum.passed += 1,
                Status::Refused => sum.refused += 1,
                Status::Failed => sum.failed += 1,
                Status::Died => {
                    sum.failed += 1;
                    sum.died += 1;
                }
            }
        }
        sum
    }
}
