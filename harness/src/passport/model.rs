//! What a passport says, as data: the content of `passport.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::build::Build;
use crate::bench::analysis::Figure;
use crate::bench::gates::GateResult;
use crate::bench::machine::Machine;
use crate::bench::results::{Conditions, Exact};
use crate::report::model::BackendRow;
use crate::results::Summary;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passport {
    /// [`VERSION`].
    pub lockstep_passport: u32,
    /// SHA-256 of the file, with zeros where these digits stand: see [`super::digest`].
    pub digest: String,
    /// When it was issued: seconds since 1970, UTC.
    pub issued: u64,
    /// What ran.
    pub build: Build,
    /// On what.
    pub machine: Machine,
    /// Short name of the machine: equal machines have equal names.
    pub fingerprint: String,
    /// The backends of the build.
    pub backends: Vec<BackendRow>,
    /// What was put under test.
    pub tested: Tested,
    /// What agreed.
    pub parity: Option<Parity>,
    /// What ran natively.
    pub coverage: Option<Coverage>,
    /// How fast.
    pub bench: Option<Bench>,
    /// What was not run, or not proven, and why.
    pub not_run: Vec<NotRun>,
}

/// What was put under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tested {
    /// The backends of the build, on a corpus.
    Corpus {
        /// SHA-256 over the names and contents of its files.
        digest: String,
        /// How many files.
        files: usize,
    },
    /// A whole VM from outside.
    Subject {
        /// Its name.
        name: String,
        /// Its own account of its version.
        version: String,
        /// The file that describes it, from the directory in which the passport was made.
        file: String,
        /// SHA-256 over that file and its programs.
        digest: String,
        /// How many files.
        files: usize,
    },
}

/// What agreed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    /// Sums over all trials.
    pub summary: Summary,
    /// Sums by family of trials.
    pub families: BTreeMap<String, Family>,
    /// Names of trials that failed, with what was wrong.
    pub failures: BTreeMap<String, String>,
}

/// Trials of one family: of a directory of the corpus, or of a configuration of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// The sums.
    #[serde(flatten)]
    pub summary: Summary,
    /// SHA-256 over the trials' names and how each ended.
    pub digest: String,
}

/// What ran natively.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Whether the small sizes were run.
    pub quick: bool,
    /// By program and implementation.
    pub rows: BTreeMap<String, Counts>,
}

/// Executed instructions of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Natively, inline.
    pub inline: u64,
    /// Natively, through a helper.
    pub helper: u64,
    /// Interpreted.
    pub interpreted: u64,
    /// What the gate found, or why nothing was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How fast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// How it was measured.
    pub conditions: Conditions,
    /// Ratios: uplift over the reference, time over the C twin's, the interpreter's over PUC Lua's.
    pub figures: Vec<Figure>,
    /// Deterministic quantities.
    pub exact: Vec<Exact>,
    /// Gates, judged.
    pub gates: Vec<GateResult>,
    /// Series that do not count, and why.
    pub void: BTreeMap<String, String>,
}

/// What was not run, or not proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}
