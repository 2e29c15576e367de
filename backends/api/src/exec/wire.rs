//! What goes over the line: requests and answers as data. docs/exec-protocol.md says the same for people.

use serde::{Deserialize, Serialize};

use crate::{Arch, Level, Target};

/// Version of the protocol.
pub const PROTOCOL_VERSION: u32 = 1;

/// What is sent.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Request {
    /// [`PROTOCOL_VERSION`].
    pub lockstep_exec: u32,
    /// What the answer must repeat.
    pub id: u64,
    /// What is asked for.
    #[serde(flatten)]
    pub body: RequestBody,
}

/// The requests there are.
#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum RequestBody {
    /// What are you?
    Describe,
    /// Compile this.
    Compile {
        /// For this target.
        target: Target,
        /// At this level.
        level: Level,
        /// Check your own work.
        verify: bool,
        /// The unit's text.
        ir: String,
    },
}

/// An answer: exactly one of description, artifact and error.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Answer {
    /// [`PROTOCOL_VERSION`].
    pub lockstep_exec: u32,
    /// The request's; none if the request could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// To [`RequestBody::Describe`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// To [`RequestBody::Compile`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<WireArtifact>,
    /// Why there is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

/// What a server is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Version of the code generator.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Levels known.
    pub levels: Vec<Level>,
    /// The level to take where none is asked for.
    pub default_level: Level,
    /// Mnemonics of the operations it does not lower.
    #[serde(default)]
    pub unsupported: Vec<String>,
}

/// An artifact on the wire.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct WireArtifact {
    /// What it runs on.
    pub arch: Arch,
    /// Bytes in hexadecimal.
    pub code: String,
    /// Alignment in bytes.
    pub align: u32,
    /// Offset of each function.
    pub functions: Vec<u32>,
    /// Phases with their seconds.
    #[serde(default)]
    pub phases: Vec<(String, f64)>,
}

/// A refusal on the wire.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// The name of an [`ErrorKind`].
    pub kind: String,
    /// The mnemonic, of [`ErrorKind::Unsupported`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// For people.
    #[serde(default)]
    pub detail: String,
}

/// The kinds of error there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An operation it does not lower, as described.
    Unsupported,
    /// An architecture it makes no code for.
    UnsupportedTarget,
    /// A level it does not know.
    UnsupportedLevel,
    /// A unit too large for it.
    TooLarge,
    /// Text that is no unit.
    InvalidUnit,
    /// A line that is no request.
    BadRequest,
    /// A version of the protocol it does not speak.
    Version,
    /// A defect of its own.
    Internal,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [ErrorKind; 8] = [
        ErrorKind::Unsupported,
        ErrorKind::UnsupportedTarget,
        ErrorKind::UnsupportedLevel,
        ErrorKind::TooLarge,
        ErrorKind::InvalidUnit,
        ErrorKind::BadRequest,
        ErrorKind::Version,
        ErrorKind::Internal,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::UnsupportedTarget => "unsupported_target",
            ErrorKind::UnsupportedLevel => "unsupported_level",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::InvalidUnit => "invalid_unit",
            ErrorKind::BadRequest => "bad_request",
            ErrorKind::Version => "version",
            ErrorKind::Internal => "internal",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hexadecimal digits as bytes; `None` if they are not.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |d: u8| char::from(d).to_digit(16).map(|d| d as u8);
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|d| Some(digit(d[0])? << 4 | digit(d[1])?)).collect())?
}
