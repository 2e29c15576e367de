//! Twins: cases that state their program in Lua, too. PUC Lua runs it, and must write what the case's first run states.
//!
//! They are for what the instruction grid does not show: limits, errors in handlers and finalizers, coroutines. The VM is not asked.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::corpus::CorpusError;
use crate::corpus::program::cases;
use crate::program::ProgramCase;

/// The program that runs twins.
const LUA: &str = "lua5.4";

/// How the twins of a corpus fared.
#[derive(Debug, Default)]
pub struct Twins {
    /// How many cases have one.
    pub count: usize,
    /// Whether the program that runs them is on this machine.
    pub is_judged: bool,
    /// What differs, by case.
    pub differences: Vec<String>,
}

/// Runs the twins of all cases.
///
/// # Errors
/// The corpus cannot be read.
pub fn check(corpus: &Path) -> Result<Twins, CorpusError> {
    let is_judged = Command::new(LUA).arg("-v").output().is_ok_and(|output| output.status.success());
    let mut twins = Twins { is_judged, ..Twins::default() };
    for (name, case) in cases(corpus)? {
        let Some(twin) = &case.twin else { continue };
        twins.count += 1;
        if twins.is_judged
            && let Err(what) = compare(&case, twin)
        {
            twins.differences.push(format!("{name}: {what}"));
        }
    }
    Ok(twins)
}

/// Whether a twin writes what the case's first run states.
fn compare(case: &ProgramCase, twin: &str) -> Result<(), String> {
    let stated = match &case.runs[..] {
        [run, ..] if run.error.is_none() => &run.output,
        _ => return Err("a twin needs a run that ends without an error".to_owned()),
    };
    // Positions in messages are those of a chunk called `case`.
    let mut child = Command::new(LUA)
        .args(["-e", "assert(load(io.read('a'), '=case', 't'))()"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    // All of it is read before anything is written.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(twin.as_bytes()));
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    if !output.status.success() || written.is_none_or(|written| written.is_err()) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let written = String::from_utf8_lossy(&output.stdout);
    if written != stated.as_str() {
        return Err(format!("the twin writes {written:?}, the case states {stated:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_that_differs_is_found() {
        let lua = Command::new(LUA).arg("-v").output();
        if lua.is_err() {
            // Without the program nothing is compared, and the command says so.
            assert!(!check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")).expect("the corpus").is_judged);
            return;
        }
        let case = |output: &str| -> ProgramCase {
            serde_yaml::from_str(&format!("{{name: c, about: a, program: '', runs: [{{output: {output:?}}}]}}"))
                .expect("a case")
        };
        assert_eq!(compare(&case("3\n"), "print(1 + 2)"), Ok(()));
        assert!(compare(&case("4\n"), "print(1 + 2)").unwrap_err().contains("writes \"3\\n\""));
        assert!(compare(&case(""), "error('oops')").unwrap_err().contains("oops"));
    }
}
