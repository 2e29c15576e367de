//! Who runs a kernel.

use std::fmt;
use std::str::FromStr;

use lockstep_backend_api::Level;
use serde::{Deserialize, Serialize};

use super::peer;
use crate::backends::Column;

/// An implementation: what one bar of a chart stands for. In text its name: `interpreter`, `BACKEND/LEVEL`, a peer's, `again:NAME`, or of a VM from outside
/// `subject:SUBJECT/CONFIGURATION`, and `reference:SUBJECT/CONFIGURATION` for the one that the others are held against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(with = "String")]
#[serde(into = "String", try_from = "String")]
pub enum Implementation {
    /// The interpreter alone: what uplift is relative to.
    Interpreter,
    /// A backend at a level.
    Native(Column),
    /// A program from outside, by its id.
    Peer(String),
    /// The same as another, under a second name: what differs between the two is the machine's noise.
    Again(Box<Implementation>),
    /// A configuration of a VM from outside.
    Subject {
        /// `SUBJECT/CONFIGURATION`.
        name: String,
        /// Whether it says what is right, and uplift is relative to it.
        reference: bool,
    },
}

impl Implementation {
    /// Who really runs: itself, or the one that takes part again.
    pub fn runs(&self) -> &Implementation {
        match self {
            Implementation::Again(who) => who.runs(),
            _ => self,
        }
    }

    /// Whether it only repeats another.
    pub fn is_again(&self) -> bool {
        matches!(self, Implementation::Again(_))
    }

    /// The backend and level, if it is one; none for one that takes part again, which no figure is about.
    pub fn column(&self) -> Option<&Column> {
        match self {
            Implementation::Native(column) => Some(column),
            _ => None,
        }
    }

    /// Whether uplift is relative to it, and its result is the right one.
    pub fn is_reference(&self) -> bool {
        matches!(self, Implementation::Interpreter | Implementation::Subject { reference: true, .. })
    }

    /// Whether its uplift over the reference is asked for: a backend at a level, or a configuration of a subject.
    pub fn has_uplift(&self) -> bool {
        matches!(self, Implementation::Native(_) | Implementation::Subject { reference: false, .. })
    }

    /// The peer's id, if it is one.
    pub fn peer(&self) -> Option<&str> {
        match self {
            Implementation::Peer(id) => Some(id),
            _ => None,
        }
    }
}

/// How the interpreter is called.
const INTERPRETER: &str = "interpreter";

/// How the name of a configuration of a subject begins.
const SUBJECT: &str = "subject:";

/// How the name of a subject's reference begins.
const REFERENCE: &str = "reference:";

/// How the second name of an implementation begins.
const AGAIN: &str = "again:";

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Implementation::Interpreter => f.write_str(INTERPRETER),
            Implementation::Native(column) => write!(f, "{column}"),
            Implementation::Peer(id) => f.write_str(id),
            Implementation::Again(who) => write!(f, "{AGAIN}{who}"),
            Implementation::Subject { name, reference: false } => write!(f, "{SUBJECT}{name}"),
            Implementation::Subject { name, reference: true } => write!(f, "{REFERENCE}{name}"),
        }
    }
}

impl FromStr for Implementation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == INTERPRETER {
            return Ok(Implementation::Interpreter);
        }
        if let Some(name) = name.strip_prefix(AGAIN) {
            return name.parse().map(|who| Implementation::Again(Box::new(who)));
        }
        for (start, reference) in [(SUBJECT, false), (REFERENCE, true)] {
            if let Some(name) = name.strip_prefix(start).filter(|name| name.contains('/')) {
                return Ok(Implementation::Subject { name: name.to_owned(), reference });
            }
        }
        if peer::PEERS.iter().any(|p| p.id == name) {
            return Ok(Implementation::Peer(name.to_owned()));
        }
        // An id may hold slashes (`exec:./mine`); the level does not.
        let column = name
            .rsplit_once('/')
            .and_then(|(backend, level)| Some(Column { backend: backend.to_owned(), level: Level::from_name(level)? }));
        column.map(Implementation::Native).ok_or_else(|| {
            let peers: Vec<&str> = peer::PEERS.iter().map(|p| p.id).collect();
            format!(
                "`{name}` is no implementation; expected `{INTERPRETER}`, BACKEND/LEVEL, or one of {}",
                peers.join(", ")
            )
        })
    }
}

impl From<Implementation> for String {
    fn from(implementation: Implementation) -> Self {
        implementation.to_string()
    }
}

impl TryFrom<String> for Implementation {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let column = |backend: &str| Column { backend: backend.to_owned(), level: Level::Speed };
        for implementation in [
            Implementation::Interpreter,
            Implementation::Native(column("some")),
            Implementation::Native(column("exec:./a/b c")),
            Implementation::Peer(peer::PEERS[0].id.to_owned()),
            Implementation::Again(Box::new(Implementation::Native(column("some")))),
        ] {
            assert_eq!(implementation.to_string().parse(), Ok(implementation));
        }
        assert!("some".parse::<Implementation>().is_err());
        assert!("some/fastest".parse::<Implementation>().is_err());
    }
}
