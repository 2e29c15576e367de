//! `corpus/bytecode/*.yaml`, the same in `dynamic` and `grid` below it, and `corpus/bench/*.yaml`: bytecode programs with runs. A case is called
//! `DIRECTORY/FILE/NAME`; those of the grid, alone in their files, `bytecode/grid/NAME`.
//!
//! ```yaml
//! about: What the cases of this file have in common.
//! cases:
//!   - name: min_by_minus_one     # letters, digits, `_`, `-` and `.`
//!     about: What it shows.
//!     program: |                 # assembly; or `file: NAME.lks` beside this file
//!       func main(a: i64, b: i64) -> i64 { … }
//!     entry: main                # which function is called; `main` if not stated
//!     runs:
//!       - args: [7, 2]           # as the parameters' kinds: numbers, true, lists for arrays, "0xff", "bits:0x7ff0000000000001"
//!         result: 3              # as the result's kind
//!         output: "3\n"          # what it writes
//!       - args: [7, 0]
//!         error: {kind: divide_by_zero, function: main, pc: 0, line: 2}
//!         entry: other           # for a run that calls another function than the case's
//!         cells: [div.i64/a/min] # cells of the instruction grid that the run fills; cases can have them too
//!     limits: {depth: 100, budget: 1000, memory: 65536}
//!     bench:                     # makes it a benchmark
//!       args: [100000000]        # the published size: the interpreter needs a second at least
//!       quick: [1000000]
//!       peer: xorshift           # twins in harness/peers
//!       gates: {uplift: {native: 3.0}, native_ratio: {ID: 1.6}, coverage: {native: 90, inline: 90}}
//! ```

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CorpusError, Step, files, mistake_in, parse, read, relocate};
use crate::program::{Program, ProgramCase};

/// The directories of the corpus that hold programs.
pub const DIRECTORIES: [&str; 4] = ["bytecode", GRID, "bench", DYNAMIC];

/// The cases of the dynamic half.
pub const DYNAMIC: &str = "bytecode/dynamic";

/// The generated cases of the instruction grid: one file per instruction, named like its only case.
pub const GRID: &str = "bytecode/grid";

/// A file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A corpus file of bytecode programs")]
pub(super) struct File {
    /// What its cases have in common; for readers of the file.
    #[serde(rename = "about")]
    _about: String,
    /// The cases.
    cases: Vec<ProgramCase>,
}

/// A file that was read, with what diagnostics about it need.
struct Loaded {
    path: PathBuf,
    text: String,
    cases: Vec<ProgramCase>,
}

impl Loaded {
    fn load(path: PathBuf) -> Result<Self, CorpusError> {
        let text = read(&path)?;
        let shown = path.display().to_string();
        let File { cases, .. } = parse(&shown, &text)?;
        let mut seen = std::collections::HashSet::new();
        for (n, case) in cases.iter().enumerate() {
            let name = [Step::Key("cases"), Step::Item(n), Step::Key("name")];
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if case.name.is_empty() || !case.name.chars().all(plain) {
                let message = "names of cases consist of letters, digits, `_`, `-` and `.`";
                return Err(mistake_in(&shown, &text, &name, message).into());
            }
            if !seen.insert(&case.name) {
                return Err(mistake_in(&shown, &text, &name, format!("two cases are called `{}`", case.name)).into());
            }
        }
        Ok(Self { path, text, cases })
    }

    /// Assembles the `n`-th case and checks its runs, so that a mistake is shown in its place.
    fn prepare(&self, n: usize) -> Result<Program, CorpusError> {
        let case = self.cases[n].clone();
        let shown = self.path.display().to_string();
        let within = |steps: &[Step]| [&[Step::Key("cases"), Step::Item(n)], steps].concat();
        let mistake = |message: String| mistake_in(&shown, &self.text, &within(&[]), message);
        let module = match (&case.program, &case.file) {
            (Some(inline), None) => lockstep_bytecode::assemble(&shown, inline)
                .map_err(|e| relocate(e, &shown, &self.text, &within(&[Step::Key("program")]), inline))?,
            (None, Some(file)) => {
                let path = self.path.with_file_name(file);
                lockstep_bytecode::assemble(&file.display().to_string(), &read(&path)?)?
            }
            _ => return Err(mistake(format!("`{}` needs either `program` or `file`", case.name)).into()),
        };
        let program = Program::new(module, case).map_err(mistake)?;
        program.calls().map_err(|wrong| mistake_in(&shown, &self.text, &within(&wrong.at), wrong.what))?;
        Ok(program)
    }
}

fn all(corpus: &Path) -> impl Iterator<Item = Result<(String, Loaded), CorpusError>> {
    DIRECTORIES.into_iter().flat_map(move |directory| {
        let (paths, failed) = match files(&corpus.join(directory)) {
            Ok(paths) => (paths, None),
            Err(error) => (Vec::new(), Some(Err(error))),
        };
        let load = move |path: PathBuf| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let prefix = if directory == GRID { GRID.to_owned() } else { format!("{directory}/{stem}") };
            Loaded::load(path).map(|file| (prefix, file))
        };
        failed.into_iter().chain(paths.into_iter().map(load))
    })
}

/// Names of all cases, in order.
///
/// # Errors
/// A file that cannot be read or parsed.
pub fn names(corpus: &Path) -> Result<Vec<String>, CorpusError> {
    let mut names = Vec::new();
    for file in all(corpus) {
        let (prefix, file) = file?;
        names.extend(file.cases.iter().map(|case| format!("{prefix}/{}", case.name)));
    }
    Ok(names)
}

/// The case of that name, assembled; `None` if there is none.
///
/// # Errors
/// Its file or its program has a mistake.
pub fn find(name: &str, corpus: &Path) -> Result<Option<Program>, CorpusError> {
    let Some((prefix, case)) = name.rsplit_once('/') else { return Ok(None) };
    let (directory, stem) = if prefix == GRID { (GRID, case) } else { prefix.rsplit_once('/').unwrap_or((prefix, "")) };
    let path = corpus.join(directory).join(format!("{stem}.yaml"));
    if !DIRECTORIES.contains(&directory) || !path.exists() {
        return Ok(None);
    }
    let file = Loaded::load(path)?;
    let found = file.cases.iter().position(|c| c.name == case);
    found.map(|n| file.prepare(n)).transpose()
}

/// The mistakes of cases, each in its place; of those whose names are chosen.
///
/// # Errors
/// A file that cannot be read or parsed.
pub fn mistakes(corpus: &Path, chosen: &dyn Fn(&str) -> bool) -> Result<Vec<CorpusError>, CorpusError> {
    let mut mistakes = Vec::new();
    for file in all(corpus) {
        let (prefix, file) = file?;
        let wanted = (0..file.cases.len()).filter(|n| chosen(&format!("{prefix}/{}", file.cases[*n].name)));
        mistakes.extend(wanted.filter_map(|n| file.prepare(n).err()));
    }
    Ok(mistakes)
}

/// All cases with their full names, assembled.
///
/// # Errors
/// A file that cannot be read or parsed, or a case with a mistake.
pub fn programs(corpus: &Path) -> Result<Vec<(String, Program)>, CorpusError> {
    let mut programs = Vec::new();
    for file in all(corpus) {
        let (prefix, file) = file?;
        for (n, case) in file.cases.iter().enumerate() {
            programs.push((format!("{prefix}/{}", case.name), file.prepare(n)?));
        }
    }
    Ok(programs)
}

/// All cases with their full names, as written.
///
/// # Errors
/// A file that cannot be read or parsed.
pub fn cases(corpus: &Path) -> Result<Vec<(String, ProgramCase)>, CorpusError> {
    let mut cases = Vec::new();
    for file in all(corpus) {
        let (prefix, file) = file?;
        cases.extend(file.cases.into_iter().map(|case| (format!("{prefix}/{}", case.name), case)));
    }
    Ok(cases)
}
