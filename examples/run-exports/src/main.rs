//! Runs exported cases: every `.wast` and `.clif` file of the directories named.
#![forbid(unsafe_code)]

mod clif;
mod script;

use std::path::Path;
use std::process::ExitCode;

/// How many wrong checks of a file are shown.
const SHOWN: usize = 5;

/// What came of a file's checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks made.
    pub made: usize,
    /// Of these: what is not as stated, in words.
    pub wrong: Vec<String>,
    /// Of these: not as stated by a known fault of the interpreter, in words.
    pub faults: Vec<String>,
}

fn main() -> ExitCode {
    let (mut made, mut wrong, mut faults, mut passed, mut failed) = (0, 0, 0, 0, 0);
    for directory in std::env::args().skip(1) {
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{directory}: {e}"));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let name = path.display();
            match run(&path) {
                None => {}
                Some(Err(error)) => {
                    failed += 1;
                    println!("{name}: {error}");
                }
                Some(Ok(tally)) => {
                    let right = tally.wrong.is_empty() && tally.made > 0;
                    *if right { &mut passed } else { &mut failed } += 1;
                    if !right {
                        println!("{name}: {} of {} checks fail", tally.wrong.len(), tally.made);
                    }
                    tally.wrong.iter().take(SHOWN).for_each(|check| println!("  {check}"));
                    tally.faults.iter().for_each(|fault| println!("note: {fault}"));
                    made += tally.made;
                    wrong += tally.wrong.len();
                    faults += tally.faults.len();
                }
            }
        }
    }
    println!(
        "{made} checks: {} as stated, {faults} by a fault of the interpreter not, {wrong} wrong",
        made - wrong - faults
    );
    println!("{passed} passed, {failed} failed");
    if passed > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The checks of a file; none if it is of another kind.
fn run(path: &Path) -> Option<Result<Tally, String>> {
    let run = match path.extension()?.to_str()? {
        "wast" => script::run,
        "clif" => clif::run,
        _ => return None,
    };
    Some(std::fs::read_to_string(path).map_err(|e| e.to_string()).and_then(|text| run(&text)))
}
