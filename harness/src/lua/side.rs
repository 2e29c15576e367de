//! Who runs a Lua program, and what is seen of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::subject::manifest::Limits;
use crate::subject::process::{Ended, Invocation, Scratch};

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Lockstep's own VM, in this way.
    Ours(Way),
    /// PUC Lua 5.4.
    Oracle,
}

/// How our own VM runs a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Whether the bytecode is optimised.
    pub optimised: bool,
    /// When the collector runs besides when it must: a value of `lockstep run --stress`.
    pub stress: Option<&'static str>,
}

impl Way {
    /// The ways in which every case must give the same: the optimiser on and off, and both kinds of stress.
    pub const ALL: [Way; 4] = [
        Way { optimised: false, stress: None },
        Way { optimised: true, stress: None },
        Way { optimised: false, stress: Some("allocations") },
        Way { optimised: true, stress: Some("safepoints") },
    ];

    fn options(self) -> Vec<String> {
        let mut options = Vec::new();
        options.extend(self.optimised.then(|| "--optimise".to_owned()));
        options.extend(self.stress.map(|kind| format!("--stress={kind}")));
        options
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.optimised { "optimised" } else { "as written" })?;
        self.stress.map_or(Ok(()), |kind| write!(f, ", collecting at {kind}"))
    }
}

/// A program with what it is given.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p> {
    /// The directory it runs in.
    pub directory: &'p Path,
    /// Its file, from there on.
    pub file: &'p str,
    /// Its arguments.
    pub args: &'p [String],
    /// What it reads from standard input.
    pub input: &'p str,
}

/// What is seen of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Standard output.
    pub output: Vec<u8>,
    /// Standard error without tracebacks, and without the name of the command in front.
    pub message: String,
    /// How the process ended.
    pub ended: Ended,
}

impl Side {
    /// Runs a program.
    ///
    /// # Errors
    /// It cannot be run at all; a program that fails is an answer.
    pub fn run(self, program: &Program<'_>, limits: &Limits) -> Result<Seen, String> {
        let this = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let mut words = vec![this.display().to_string()];
        match self {
            Side::Ours(way) => {
                words.push("run".to_owned());
                words.extend(way.options());
            }
            Side::Oracle => words.push("puc".to_owned()),
        }
        words.push(program.file.to_owned());
        words.extend(program.args.iter().cloned());
        let invocation = Invocation {
            words,
            env: BTreeMap::new(),
            directory: program.directory.to_owned(),
            input: program.input.as_bytes().to_owned(),
        };
        let finished = invocation.run(limits);
        Ok(Seen { output: finished.stdout, message: message(&finished.stderr), ended: finished.ended })
    }
}

impl Seen {
    /// How it differs from another, if it does; addresses of objects, which no program can rely on, are left out of the comparison.
    pub fn differs(&self, other: &Self) -> Option<String> {
        if self.ended != other.ended {
            return Some(format!(
                "it ended with {}, not {}; it said {:?}",
                show(&self.ended),
                show(&other.ended),
                self.message
            ));
        }
        let (ours, theirs) = (lines(&self.output), lines(&other.output));
        if let Some(line) = (0..ours.len().max(theirs.len())).find(|&n| ours.get(n) != theirs.get(n)) {
            let at = |lines: &[String]| lines.get(line).map_or("nothing".to_owned(), |l| format!("{l:?}"));
            return Some(format!("line {} of the output is {}, not {}", line + 1, at(&ours), at(&theirs)));
        }
        let (ours, theirs) = (without_addresses(&self.message), without_addresses(&other.message));
        (ours != theirs).then(|| format!("the message is {ours:?}, not {theirs:?}"))
    }
}

/// How a process ended, in words.
pub fn show(ended: &Ended) -> String {
    match ended {
        Ended::Exited(status) => format!("status {status}"),
        Ended::Died(how) => how.to_string(),
    }
}

fn lines(output: &[u8]) -> Vec<String> {
    let text = without_addresses(&String::from_utf8_lossy(output));
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// What is said on standard error, up to the traceback.
fn message(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.split("\nstack traceback:").next().unwrap_or_default().trim_end();
    text.strip_prefix("lua: ").unwrap_or(text).to_owned()
}

/// Addresses as `0x…`.
fn without_addresses(text: &str) -> String {
    let address = regex_lite::Regex::new(r"\b(table|function|thread|userdata|builtin|file)( \(|: )0x[0-9a-f]+")
        .expect("it is one");
    address.replace_all(text, "$1${2}0x…").into_owned()
}

/// A directory with a program in a file called `case.lua`: positions in messages are the same wherever it is.
pub struct Placed(Scratch);

impl Placed {
    /// Its file, from the directory on.
    pub const FILE: &'static str = "case.lua";

    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(source: &str) -> Result<Self, String> {
        let scratch = Scratch::new().map_err(|e| format!("cannot make a directory: {e}"))?;
        let file = scratch.file(Self::FILE);
        std::fs::write(&file, source).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        Ok(Self(scratch))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.0.directory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(output: &str, message: &str) -> Seen {
        Seen { output: output.into(), message: message.to_owned(), ended: Ended::Exited(0) }
    }

    #[test]
    fn what_a_user_sees_is_compared_and_addresses_are_not() {
        let one = seen("1\ntable: 0x55d0\n", "");
        assert_eq!(one.differs(&seen("1\ntable: 0x7f10\n", "")), None);
        assert!(one.differs(&seen("1\ntable: 0x7f10", "")).is_some_and(|d| d.contains("line 2")));
        assert!(one.differs(&seen("2\ntable: 0x55d0\n", "")).is_some_and(|d| d.contains("line 1")));
        assert!(one.differs(&seen("1\n", "")).is_some_and(|d| d.contains("not nothing")));
        assert!(
            one.differs(&Seen { ended: Ended::Exited(1), ..one.clone() })
                .is_some_and(|d| d.contains("status 0, not status 1"))
        );
        assert!(one.differs(&Seen { message: "x".to_owned(), ..one.clone() }).is_some());
    }

    #[test]
    fn a_message_is_without_command_and_traceback() {
        assert_eq!(message(b"lua: case.lua:1: no\nstack traceback:\n\t[C]: in ?\n"), "case.lua:1: no");
        assert_eq!(message(b"a warning\n"), "a warning");
    }
}
