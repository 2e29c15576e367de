//! Runs exported cases: every `.wast` and `.clif` file of the directories named.
#![forbid(unsafe_code)]

mod clif;
mod script;

use std::path::Path;
use std::process::ExitCode;

/// What came of a file's checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks made.
    pub made: usize,
    /// Of these: not as stated.
    pub wrong: usize,
    /// Not made, because the interpreter lacks an instruction.
    pub lacking: usize,
}

fn main() -> ExitCode {
    let (mut sum, mut files) = (Tally::default(), 0);
    for directory in std::env::args().skip(1) {
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{directory}: {e}"));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let Some(tally) = run(&path) else { continue };
            files += 1;
            if tally.wrong > 0 {
                println!("{}: {} of {} checks fail", path.display(), tally.wrong, tally.made);
            }
            sum.made += tally.made;
            sum.wrong += tally.wrong;
            sum.lacking += tally.lacking;
        }
    }
    let Tally { made, wrong, lacking } = sum;
    println!("{files} files, {made} checks, {wrong} wrong; {lacking} could not be made");
    if wrong == 0 && made > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The checks of a file; none if it is of another kind.
fn run(path: &Path) -> Option<Tally> {
    let run = match path.extension()?.to_str()? {
        "wast" => script::run,
        "clif" => clif::run,
        _ => return None,
    };
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(run(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}
