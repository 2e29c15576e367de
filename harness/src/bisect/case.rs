//! The reduced program as a case for the corpus: what it states is what the interpreter gives.

use lockstep_bytecode::{Verified, disassemble};
use serde::{Deserialize, Serialize};

use super::lab::Difference;
use super::reduce::Candidate;
use super::verdict::Verdict;
use crate::program::case::{Call, Expectation};
use crate::program::{CaseLimits, Program, ProgramCase, Setup, observe};

/// A case that is ready to be committed.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file's text.
    pub yaml: String,
    /// The program's assembly.
    pub program: String,
    /// The call, for people.
    pub call: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    about: String,
    cases: Vec<ProgramCase>,
}

/// The name that the case has in its file.
pub fn name(case: &str, run: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    format!(
        "{}_{run}",
        case.rsplit('/').next().unwrap_or(case).trim_end_matches(".yaml").chars().map(plain).collect::<String>()
    )
}

/// Writes a reduced program as a case. The interpreter is run here: the program is known to end.
///
/// # Errors
/// It cannot be written.
pub fn write(
    candidate: &Candidate,
    limits: &CaseLimits,
    verdict: &Verdict,
    difference: &Difference,
) -> Result<Written, String> {
    let mut module = candidate.module.clone();
    "reduced.lks".clone_into(&mut module.source);
    // The assembler numbers lines: the text must be read before anything can be stated of them.
    let text = without_marks(&disassemble(&module));
    let module: Verified = lockstep_bytecode::assemble("reduced.lks", &text).map_err(|e| format!("{e}\n{text}"))?;
    let entry = module.functions[candidate.entry.index()].name.clone();
    let what = difference.what.lines().next().unwrap_or_default();
    let case = ProgramCase {
        name: name(&verdict.case, verdict.run),
        about: format!(
            "Reduced from {} run {} on {}: {}; {what}.",
            verdict.case,
            verdict.run,
            verdict.column,
            verdict.layer.name()
        ),
        program: Some(text.clone()),
        file: None,
        entry,
        runs: Vec::new(),
        limits: *limits,
        sees_collector: false,
        cells: Vec::new(),
        twin: None,
        bench: None,
    };
    let program = Program::new(module, case)?;
    let args = candidate.args.iter().map(super::Datum::value).collect::<Option<Vec<_>>>().ok_or("no value")?;
    let call = Call { entry: program.entry, args, expected: Expectation::Result(None) };
    let seen = observe::observe(&program, &call, &Setup::interpreter())?.seen;
    let shown: Vec<String> = call.args.iter().map(ToString::to_string).collect();
    let mut case = program.case.clone();
    case.runs.push(seen.stated(&program, &call));
    let call = format!("{}({})", program.case.entry, shown.join(", "));
    let file = File { about: "Programs that once failed, reduced.".to_owned(), cases: vec![case] };
    let yaml = serde_yaml::to_string(&file).map_err(|e| e.to_string())?;
    Ok(Written { yaml, program: text, call })
}

/// Assembly without the directives that speak of another source.
fn without_marks(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(".line") && !line.starts_with(".source"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    text.trim_start().to_owned()
}

/// Reads back the only case of a file's text.
///
/// # Errors
/// It is not one.
pub fn read(yaml: &str) -> Result<Program, String> {
    let file: File = serde_yaml::from_str(yaml).map_err(|e| e.to_string())?;
    let case = file.cases.into_iter().next().ok_or("a file without cases")?;
    let text = case.program.as_deref().ok_or("a case without its program")?;
    Program::new(lockstep_bytecode::assemble("reduced.lks", text).map_err(|e| e.to_string())?, case)
}
