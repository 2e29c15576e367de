//! THE check of random Lua programs, for the command, its shrinker and the tests: in every way that Lockstep runs a program, it does what PUC Lua does.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lockstep_bytecode::optimise::PassConfig;
use lockstep_lua::standalone::{self, Conditions, Outcome, Stress};
use lockstep_oracle::evaluate;
use lockstep_runtime::Limits;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::lua::side::{Placed, Program, Side, Way};
use crate::subject::manifest;

/// What programs are called in their messages.
pub const NAME: &str = "@case.lua";

/// How long a program may take on PUC Lua, in 100,000 instructions. They end long before.
const PERIODS: u32 = 100;

/// Back edges and calls that a program may take on Lockstep: far more than it takes to come to its end on PUC Lua in its time.
const BUDGET: u64 = 20_000_000;

/// What the check says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The same everywhere.
    Agrees {
        /// Runs on Lockstep.
        runs: u64,
        /// Bytes of output.
        output: u64,
    },
    /// PUC Lua does not always do the same, or does not come to an end.
    GivenUp,
    /// They differ.
    Differs {
        /// In which way of running, and how.
        what: String,
    },
}

/// What is seen of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it wrote.
    pub output: Vec<u8>,
    /// The message with which it ended, if it did not return.
    pub message: Option<Vec<u8>>,
}

/// Runs a program on PUC Lua; none if it does not come to an end.
///
/// # Errors
/// PUC Lua cannot be started.
pub fn on_puc(source: &str) -> Result<Option<Seen>, String> {
    let seen = evaluate(source.as_bytes(), NAME, PERIODS, false)?;
    let message = match seen.outcome {
        lockstep_oracle::Outcome::Returned => None,
        lockstep_oracle::Outcome::Raised(message) => Some(message),
        lockstep_oracle::Outcome::Stopped => return Ok(None),
    };
    Ok(Some(Seen { output: seen.output, message }))
}

/// Checks a program.
///
/// # Errors
/// PUC Lua cannot be started.
pub fn check(source: &str) -> Result<Verdict, String> {
    let Some(expected) = on_puc(source)? else { return Ok(Verdict::GivenUp) };
    let mut runs = 0;
    for way in Way::ALL {
        if let Err(what) = caught(source, way).and_then(|seen| seen.agrees(&expected)) {
            // What shows addresses in ways that the comparison does not know, or the order of a table, is not the same twice.
            let garbage = evaluate(b"local t = {} for i = 1, 3000 do t[i] = {i .. ''} end", NAME, PERIODS, false)?;
            drop(garbage);
            let again = on_puc(source)?;
            let is_steady = again.is_some_and(|again| again.agrees(&expected).is_ok());
            if !is_steady || reads_addresses(source)? || depends_on_addresses(source) {
                return Ok(Verdict::GivenUp);
            }
            return Ok(Verdict::Differs { what: format!("{way}: {what}") });
        }
        runs += 1;
    }
    Ok(Verdict::Agrees { runs, output: expected.output.len() as u64 })
}

/// Whether a program goes by the digits of an address in a text that `tostring` gives it: it does something else on PUC Lua where they are others.
fn reads_addresses(source: &str) -> Result<bool, String> {
    let with = |digits: &str| {
        // On the first line, so that all lines keep their numbers.
        on_puc(&format!(
            "do local old = tostring tostring = function(...) local text = old(...) \
             return type(...) == 'string' and text or (text:gsub('0x%x+', '{digits}')) end end {source}"
        ))
    };
    let (one, other) = (with("0x5555")?, with("0xaaaa")?);
    Ok(one.zip(other).is_some_and(|(one, other)| one.agrees(&other).is_err()))
}

/// In so many processes a program that goes by addresses is seen to.
const PROCESSES: usize = 10;

/// Whether a program does one thing in one process of PUC Lua and something else in another: functions of the library lie where they lie as long as a process lives.
fn depends_on_addresses(source: &str) -> bool {
    let run = |source: &str| {
        let placed = Placed::new(source).ok()?;
        let program = Program { directory: placed.directory(), file: Placed::FILE, args: &[], input: "" };
        Side::Oracle.run(&program, &manifest::Limits::default()).ok()
    };
    // The command runs PUC Lua in a process; a test, which is another program, does not.
    if run("io.write('here')").is_none_or(|seen| seen.output != b"here") {
        return false;
    }
    // Which of two names a function has in messages goes by the order of a table, and comes out the same in every other process.
    let Some(here) = run(source) else { return false };
    (1..PROCESSES).any(|_| run(source).is_some_and(|there| here.differs(&there).is_some()))
}

/// Output that can be read when the run is over.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a program on Lockstep; a panic is what differs, and says where.
fn caught(source: &str, way: Way) -> Result<Seen, String> {
    catch_unwind(AssertUnwindSafe(|| on_lockstep(source, way))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Runs a program on Lockstep.
fn on_lockstep(source: &str, way: Way) -> Result<Seen, String> {
    let stress = match way.stress {
        None => Stress::None,
        Some("allocations") => Stress::Allocations,
        Some(_) => Stress::Safepoints,
    };
    let limits = Limits { budget: Some(BUDGET), ..Limits::default() };
    let conditions = Conditions { limits, optimiser: way.optimised.then(PassConfig::default), stress };
    let output = Output::default();
    let seams = fault::ambient();
    let (source, written) = (seams.source(source).into_bytes(), Box::new(output.clone()));
    let outcome = seams.within(|| standalone::evaluate(source, NAME, conditions, written))?;
    let output = std::mem::take(&mut *output.0.lock().unwrap_or_else(PoisonError::into_inner));
    let message = match outcome {
        Outcome::Returned => None,
        Outcome::Raised(message) => Some(message),
        Outcome::Stopped(why) => return Err(format!("it was stopped: {why}")),
    };
    Ok(Seen { output, message })
}

impl Seen {
    /// Holds it against what is expected. Addresses and the sign of NaN, which depends on the machine, are not compared.
    fn agrees(&self, expected: &Seen) -> Result<(), String> {
        let (ours, theirs) = (comparable(&self.output), comparable(&expected.output));
        if ours != theirs {
            let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
            let line = (0..).find(|&n| ours.get(n) != theirs.get(n)).unwrap_or_default();
            let at = |lines: &[&str]| lines.get(line).map_or("nothing".to_owned(), |l| format!("`{l}`"));
            return Err(format!("line {} of the output is {}, not {}", line + 1, at(&ours), at(&theirs)));
        }
        let text = |message: &Option<Vec<u8>>| message.as_ref().map(|message| comparable(message));
        let (ours, theirs) = (text(&self.message), text(&expected.message));
        let shown = |message: Option<String>| message.map_or("no error".to_owned(), |message| format!("`{message}`"));
        if ours == theirs { Ok(()) } else { Err(format!("it ends with {}, not {}", shown(ours), shown(theirs))) }
    }
}

/// Bytes as text: what is no printable ASCII is escaped, but for the ends of lines.
fn comparable(bytes: &[u8]) -> String {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)(table|function|thread|userdata|builtin|file|Thing)( \(|: )(builtin: )?0x[0-9a-f]+")
            .expect("it is one")
    });
    static NAN: LazyLock<Regex> = LazyLock::new(|| Regex::new("-nan").expect("it is one"));
    let text: String = bytes
        .split_inclusive(|b| *b == b'\n')
        .map(|line| {
            let (line, end) = line.strip_suffix(b"\n").map_or((line, ""), |line| (line, "\n"));
            format!("{}{end}", line.escape_ascii())
        })
        .collect();
    let text = ADDRESS.replace_all(&text, "$1${2}0x…");
    NAN.replace_all(&text, "nan").into_owned()
}
