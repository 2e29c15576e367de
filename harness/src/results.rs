//! Machine-readable results of a run of `parity`: what reports and CI read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backends::Column;
use crate::bench::results::Build;
use crate::case::CaseStats;
use crate::program::Configuration;
use crate::program::trial::TrialStats;
use crate::subject::trial::Subjected;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParityResults {
    /// [`VERSION`].
    pub lockstep_parity: u32,
    /// What ran; unknown of older results.
    #[serde(default)]
    pub build: Build,
    /// Sums.
    pub summary: Summary,
    /// Every trial, by name.
    pub trials: Vec<TrialResult>,
    /// Instructions of bytecode that were executed natively in trials that passed: by backend and level, then by mnemonic, in how many trials.
    #[serde(default)]
    pub verified: Verified,
    /// How a line begins that runs a trial again under the conditions of this run; its backend and its name follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}

/// In how many passed trials an instruction was executed natively: by backend and level, then by mnemonic.
pub type Verified = BTreeMap<String, BTreeMap<String, u64>>;

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
    /// Failed, as a waiver says.
    #[serde(default)]
    pub waived: u32,
    /// Passed and failed, as their entry says.
    #[serde(default)]
    pub flaky: u32,
}

/// One trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrialResult {
    /// The trial's name: case, backend, level.
    pub name: String,
    /// The case.
    pub case: String,
    /// The backend and level; none for the interpreter alone.
    #[serde(flatten)]
    pub column: Option<Column>,
    /// The configuration, of program cases.
    pub configuration: Option<Configuration>,
    /// The subject, of trials of whole VMs from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subjected>,
    /// How it ended.
    pub status: Status,
    /// Kind of failure, or reasons of a refusal: stable names.
    pub kind: Option<String>,
    /// What failed, for people.
    pub what: Option<String>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What it cost, if it was answered.
    pub stats: Option<CaseStats>,
    /// What it amounts to, of program cases.
    pub program: Option<TrialStats>,
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
    /// Failed, and a waiver that holds says so.
    Waived,
    /// Seen to pass and to fail, and an entry that holds says so.
    Flaky,
}

impl TrialResult {
    /// A trial that passed, until something else is known.
    pub fn new(name: String, case: String, column: Option<Column>) -> Self {
        Self {
            name,
            case,
            column,
            configuration: None,
            subject: None,
            status: Status::Passed,
            kind: None,
            what: None,
            seconds: 0.0,
            stats: None,
            program: None,
        }
    }

    /// Who was under test: a backend at a level, a configuration of a subject, or none for the interpreter alone.
    pub fn implementation(&self) -> Option<String> {
        let subject = self.subject.as_ref().map(|s| format!("{}/{}", s.subject, s.configuration));
        subject.or_else(|| self.column.as_ref().map(ToString::to_string))
    }

    /// It failed.
    pub fn fail(&mut self, status: Status, kind: Option<String>, what: String) {
        (self.status, self.kind, self.what) = (status, kind, Some(what));
    }
}

impl Summary {
    /// The sums over some trials.
    pub fn of<'t>(trials: impl IntoIterator<Item = &'t TrialResult>) -> Self {
        let mut sum = Self::default();
        for trial in trials {
            match trial.status {
                Status::Passed => sum.passed += 1,
                Status::Refused => sum.refused += 1,
                Status::Waived => sum.waived += 1,
                Status::Flaky => sum.flaky += 1,
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
