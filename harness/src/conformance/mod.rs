//! Is a process a server of the exec protocol? Requests that are well-formed, malformed and odd, and what each must be answered with.
//!
//! This judges the protocol (docs/exec-protocol.md has each rule under the name that its check has here), not the code that comes out: that is
//! `parity`'s business. No code that a server makes is run.
//!
//! - [`checks`]: one function per rule; [`session`]: a server and what was said to it.

mod checks;
mod session;
mod units;

use std::time::Duration;

use lockstep_backend_api::exec::{Server, running, words};
use serde::Serialize;

use crate::worker::left;
pub use session::Session;

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Over an answer.
    pub answer: Duration,
    /// To end when its input has.
    pub end: Duration,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Finding {
    /// The rule is kept.
    Kept,
    /// The rule does not apply to this server.
    NotApplicable {
        /// Why.
        why: String,
    },
    /// The rule is broken.
    Broken {
        /// How.
        how: String,
    },
}

/// A rule with what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Its name.
    pub rule: &'static str,
    /// What it demands.
    pub demands: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A rule: a server keeps it if the check says so, and if no process is left behind.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it demands, in one sentence.
    pub demands: &'static str,
    check: fn(&mut Session) -> Result<(), Violation>,
}

/// Why a check does not say yes.
enum Violation {
    Broken(String),
    NotApplicable(String),
}

impl From<String> for Violation {
    fn from(how: String) -> Self {
        Violation::Broken(how)
    }
}

/// The rules, in the order in which they are checked.
pub const RULES: &[Rule] = checks::RULES;

/// Checks a command against one rule, with a server of its own.
pub fn check(rule: &'static Rule, command: &str, patience: Patience) -> Checked {
    let checked = |finding| Checked { rule: rule.name, demands: rule.demands, finding };
    let server = match Server::start(&words(command)) {
        Ok(server) => server,
        Err(how) => return checked(Finding::Broken { how }),
    };
    let mut session = Session::new(command, server, patience);
    let done = (rule.check)(&mut session).and_then(|()| session.finish().map_err(Violation::from));
    drop(session);
    let left = left::adopted(&running());
    left.iter().for_each(left::Left::end);
    checked(match done {
        Err(Violation::Broken(how)) => Finding::Broken { how },
        _ if !left.is_empty() => {
            let names: Vec<String> = left.iter().map(ToString::to_string).collect();
            Finding::Broken { how: format!("it has ended, and left running: {}", names.join(", ")) }
        }
        Err(Violation::NotApplicable(why)) => Finding::NotApplicable { why },
        Ok(()) => Finding::Kept,
    })
}
