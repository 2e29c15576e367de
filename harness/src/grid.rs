//! The instruction grid as cases. Of the typed half there is one file per instruction, made from the table; what must come out is the outside judge's word
//! (harness/judge/bytecode.py). Of the dynamic half programs come from harness/judge/dynamic, and what must come out is PUC Lua's word. Neither
//! the interpreter nor anything else of the VM is asked.

use std::collections::HashSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lockstep_bytecode::{
    Cell, CellProgram, ErrorKind, Kind, Op, cells, constant_text, dynamic_grid, grid, missing_cells, required_cells,
};
use serde::{Deserialize, Serialize};

use crate::corpus::program::{GRID, cases};
use crate::corpus::{CorpusError, read};
use crate::program::{CaseLimits, ExpectedError, ProgramCase};

/// Activations that cases of instructions that call may have.
const DEPTH: u32 = 100;

/// The command that writes the files anew.
pub const BLESS: &str = "lockstep grid --bless";

/// Why the grid could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum GridError {
    /// The judge could not be asked.
    #[error("the judge ({judge}) cannot be asked: {why}")]
    Judge {
        /// Its path.
        judge: PathBuf,
        /// Why.
        why: String,
    },
    /// The corpus cannot be read.
    #[error("{0}")]
    Corpus(#[from] CorpusError),
}

/// What the judge is asked.
#[derive(Serialize)]
struct Question<'q> {
    source: &'q str,
    entry: &'q str,
    args: &'q [u64],
    limits: CaseLimits,
}

/// What the judge says.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    result: Option<u64>,
    #[serde(default)]
    error: Option<ExpectedError>,
    output: String,
}

/// The outside judge, as a process.
struct Judge {
    path: PathBuf,
}

impl Judge {
    /// Asks all questions at once.
    fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Verdict>, GridError> {
        let failed = |why: String| GridError::Judge { judge: self.path.clone(), why };
        let lines: Result<Vec<String>, _> = questions.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(|e| failed(e.to_string()))?;
        let mut child = Command::new("python3")
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("python3: {e}")))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let verdicts = std::thread::scope(|scope| {
            // It answers while it is still being asked: both at once, or both would wait for ever.
            scope.spawn(move || {
                let Some(mut stdin) = stdin else { return };
                for line in &lines {
                    if writeln!(stdin, "{line}").is_err() {
                        // It has ended; its answers tell.
                        return;
                    }
                }
            });
            let stdout = stdout.ok_or_else(|| failed("it has no output".to_owned()))?;
            let answers = BufReader::new(stdout).lines().map(|line| {
                let line = line.map_err(|e| failed(e.to_string()))?;
                serde_json::from_str(&line).map_err(|e| failed(format!("`{line}`: {e}")))
            });
            answers.collect::<Result<Vec<Verdict>, _>>()
        })?;
        let status = child.wait().map_err(|e| failed(e.to_string()))?;
        if !status.success() || verdicts.len() != questions.len() {
            let text = format!("{} answers to {} questions, then {status}", verdicts.len(), questions.len());
            return Err(failed(text));
        }
        Ok(verdicts)
    }
}

/// A call of a function of an instruction's case, and the cells that it fills.
struct Run {
    variant: usize,
    args: Vec<u64>,
    cells: Vec<Cell>,
}

/// Functions that differ in their text, as one instruction's cells need them.
struct Variant {
    name: String,
    program: CellProgram,
}

/// The case of an instruction, still without what must come out.
struct Draft {
    op: Op,
    source: String,
    variants: Vec<Variant>,
    runs: Vec<Run>,
}

impl Draft {
    fn new(op: Op) -> Self {
        let mut draft = Self { op, source: String::new(), variants: Vec::new(), runs: Vec::new() };
        for cell in cells(op) {
            let program = cell.program();
            let known = draft.variants.iter().position(|v| v.program.source == program.source);
            let variant = known.unwrap_or_else(|| {
                draft.variants.push(Variant { name: suffix(&cell), program: program.clone() });
                draft.variants.len() - 1
            });
            match draft.runs.iter_mut().find(|r| r.variant == variant && r.args == program.args) {
                Some(run) => run.cells.push(cell),
                None => draft.runs.push(Run { variant, args: program.args, cells: vec![cell] }),
            }
        }
        let alone = draft.variants.len() == 1;
        for variant in &mut draft.variants {
            let suffix = if alone { String::new() } else { format!("_{}", variant.name) };
            draft.source += &with_suffix(&variant.program.source, &suffix);
            variant.name = format!("cell{suffix}");
        }
        draft
    }

    fn questions(&self) -> impl Iterator<Item = Question<'_>> {
        self.runs.iter().map(|run| Question {
            source: &self.source,
            entry: &self.variants[run.variant].name,
            args: &run.args,
            limits: self.limits(),
        })
    }

    /// Endless recursion ends soon enough that an exit can be forced at every call.
    fn limits(&self) -> CaseLimits {
        let overflows = self.op.info().errors.contains(&ErrorKind::StackOverflow);
        CaseLimits { depth: overflows.then_some(DEPTH), ..CaseLimits::default() }
    }

    fn yaml(&self, verdicts: &[Verdict]) -> String {
        let info = self.op.info();
        let name = self.op.to_string();
        let mut text =
            format!("# Written by `{BLESS}`; what must come out is the word of harness/judge/bytecode.py.\n");
        let _ = writeln!(text, "about: \"The cells of `{name}` in the grid of required cases.\"");
        let about = info.doc.trim().replace('"', "'");
        let _ = writeln!(text, "cases:\n  - name: {name}\n    about: \"{about}\"\n    program: |");
        for line in self.source.lines() {
            let _ = writeln!(text, "      {line}");
        }
        let entry = &self.variants[0].name;
        let _ = writeln!(text, "    entry: {entry}\n    runs:");
        for (run, verdict) in self.runs.iter().zip(verdicts) {
            let variant = &self.variants[run.variant];
            let mut fields = Vec::new();
            if variant.name != *entry {
                fields.push(format!("entry: {}", variant.name));
            }
            if !run.args.is_empty() {
                let args: Vec<String> =
                    variant.program.params.iter().zip(&run.args).map(|(kind, bits)| literal(*kind, *bits)).collect();
                fields.push(format!("args: [{}]", args.join(", ")));
            }
            if let (Some(bits), Some(kind)) = (verdict.result, variant.program.result) {
                fields.push(format!("result: {}", literal(kind, bits)));
            }
            if let Some(error) = &verdict.error {
                let ExpectedError { kind, function, pc, line, .. } = error;
                fields.push(format!("error: {{kind: {kind}, function: {function}, pc: {pc}, line: {line}}}"));
            }
            if !verdict.output.is_empty() {
                fields.push(format!("output: {:?}", verdict.output));
            }
            let cells: Vec<String> = run.cells.iter().map(|cell| format!("\"{cell}\"")).collect();
            fields.push(format!("cells: [{}]", cells.join(", ")));
            let _ = writeln!(text, "      - {{{}}}", fields.join(", "));
        }
        if let Some(depth) = self.limits().depth {
            let _ = writeln!(text, "    limits: {{depth: {depth}}}");
        }
        text
    }
}

/// What tells a cell's function from those of the instruction's other cells.
fn suffix(cell: &Cell) -> String {
    let text = cell.to_string();
    let aspect = text.strip_prefix(&format!("{}/", cell.op)).unwrap_or(&text);
    aspect.replace('[', "array_").replace(']', "").replace('/', "_")
}

/// A program with all its functions renamed. Names of functions are what parentheses follow.
fn with_suffix(source: &str, suffix: &str) -> String {
    let mut text = String::new();
    for c in source.chars() {
        if c == '(' {
            text += suffix;
        }
        text.push(c);
    }
    text
}

/// Bits as a case spells them. NaNs keep their bits.
fn literal(kind: Kind, bits: u64) -> String {
    let float = f64::from_bits(bits);
    match kind {
        Kind::F64 if float.is_nan() => format!("\"bits:{bits:#x}\""),
        Kind::F64 if float.is_infinite() => if float > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        kind => constant_text(kind, bits),
    }
}

/// The files that the typed half of the grid must consist of: name and text, in the order of the table.
///
/// # Errors
/// The judge cannot be asked.
pub fn files(judge: &Path) -> Result<Vec<(String, String)>, GridError> {
    let drafts: Vec<Draft> = Op::typed().map(Draft::new).collect();
    let questions: Vec<Question<'_>> = drafts.iter().flat_map(Draft::questions).collect();
    let judge = Judge { path: judge.to_owned() };
    let verdicts = judge.ask(&questions)?;
    let mut rest = verdicts.as_slice();
    Ok(drafts
        .iter()
        .map(|draft| {
            let (own, others) = rest.split_at(draft.runs.len());
            rest = others;
            (format!("{}.yaml", draft.op), draft.yaml(own))
        })
        .collect())
}

/// The program that judges the dynamic half.
const LUA: &str = "lua5.4";

/// The files that the dynamic half of the grid must consist of: name and text.
pub struct DynamicFiles {
    /// The files.
    pub files: Vec<(String, String)>,
    /// Whether the outside judge was asked. If it is not on this machine, the files repeat the outcomes that the corpus holds.
    pub is_judged: bool,
}

/// The files of the dynamic half, as `script` makes them.
///
/// # Errors
/// The script cannot be run, or does not answer with files.
pub fn dynamic_files(script: &Path, corpus: &Path) -> Result<DynamicFiles, GridError> {
    let failed = |why: String| GridError::Judge { judge: script.to_owned(), why };
    let is_judged = Command::new(LUA).arg("-v").output().is_ok_and(|output| output.status.success());
    let mut command = Command::new("python3");
    // No `__pycache__` beside the sources.
    command.arg("-B").arg(script).arg("--corpus").arg(corpus);
    if !is_judged {
        command.arg("--stored");
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| failed(format!("python3: {e}")))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8(output.stdout).map_err(|e| failed(e.to_string()))?;
    let files = text.lines().map(|line| {
        let NamedFile { name, text } = serde_json::from_str(line).map_err(|e| failed(e.to_string()))?;
        Ok((name, text))
    });
    Ok(DynamicFiles { files: files.collect::<Result<_, GridError>>()?, is_judged })
}

/// A line of the script's answer.
#[derive(Deserialize)]
struct NamedFile {
    name: String,
    text: String,
}

/// The cells that a case says it fills: those listed, and of the dynamic half those that its output states the outcomes of, in lines `CELL: outcome`.
fn filled(case: &ProgramCase, dynamic: &HashSet<String>) -> Vec<String> {
    let listed = case.cells.iter().chain(case.runs.iter().flat_map(|run| &run.cells));
    let lines = case.runs.iter().flat_map(|run| run.output.lines());
    let stated = lines.filter_map(|line| line.split_once(':')).map(|(cell, _)| cell);
    listed.cloned().chain(stated.filter(|cell| dynamic.contains(*cell)).map(str::to_owned)).collect()
}

/// The names of the required cells that no case of a corpus fills.
///
/// # Errors
/// The corpus cannot be read.
pub fn missing(corpus: &Path) -> Result<Vec<String>, GridError> {
    let dynamic: HashSet<String> = dynamic_grid().into_iter().collect();
    let covered: HashSet<String> = cases(corpus)?.iter().flat_map(|(_, case)| filled(case, &dynamic)).collect();
    Ok(missing_cells(&covered))
}

/// What a corpus claims to fill that is no cell: a misspelt or outdated name.
///
/// # Errors
/// The corpus cannot be read.
pub fn unknown(corpus: &Path) -> Result<Vec<String>, GridError> {
    let known: HashSet<String> = required_cells().into_iter().collect();
    let mut unknown = Vec::new();
    for (name, case) in cases(corpus)? {
        let claimed = case.cells.into_iter().chain(case.runs.into_iter().flat_map(|run| run.cells));
        unknown.extend(claimed.filter(|cell| !known.contains(cell)).map(|cell| format!("{name}: {cell}")));
    }
    Ok(unknown)
}

/// The names of the files that differ from what they must be, or should not be there.
///
/// # Errors
/// The corpus cannot be read.
pub fn stale(corpus: &Path, wanted: &[(String, String)]) -> Result<Vec<String>, GridError> {
    let directory = corpus.join(GRID);
    let mut stale: Vec<String> = wanted
        .iter()
        .filter(|(name, text)| read(&directory.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name.clone())
        .collect();
    let names: HashSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let there = crate::corpus::files(&directory)?;
    let there = there.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    stale.extend(there.filter(|name| !names.contains(name.as_str())));
    Ok(stale)
}

/// Writes the files, and removes those that should not be there.
///
/// # Errors
/// A file cannot be written.
pub fn write(corpus: &Path, wanted: &[(String, String)]) -> Result<(), GridError> {
    let directory = corpus.join(GRID);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| GridError::Corpus(CorpusError::Io { path, error })
    };
    std::fs::create_dir_all(&directory).map_err(failed(&directory))?;
    for name in stale(corpus, wanted)? {
        let path = directory.join(&name);
        match wanted.iter().find(|(n, _)| *n == name) {
            Some((_, text)) => std::fs::write(&path, text).map_err(failed(&path))?,
            None => std::fs::remove_file(&path).map_err(failed(&path))?,
        }
    }
    Ok(())
}

/// How many runs the files of the typed half hold, and how many cells there are of the typed half and of the dynamic one.
pub fn size() -> (usize, usize, usize) {
    let runs = Op::typed().map(|op| Draft::new(op).runs.len()).sum();
    (runs, grid().len(), dynamic_grid().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
    }

    /// The missing cells of a corpus without the lines of the grid that contain `dropped`.
    fn missing_without(dropped: &str) -> Vec<String> {
        let partial = std::env::temp_dir().join(format!("lockstep-grid-{}-{}", std::process::id(), dropped.len()));
        let directory = partial.join(GRID);
        std::fs::create_dir_all(&directory).expect("a directory");
        for file in crate::corpus::files(&corpus().join(GRID)).expect("files") {
            let text = std::fs::read_to_string(&file).expect("text");
            let kept: Vec<&str> = text.lines().filter(|line| !line.contains(dropped)).collect();
            std::fs::write(directory.join(file.file_name().expect("a name")), kept.join("\n")).expect("written");
        }
        let found = missing(&partial).expect("the partial corpus");
        std::fs::remove_dir_all(&partial).expect("removed");
        found
    }

    #[test]
    fn every_cell_is_in_the_corpus_and_a_dropped_case_is_missed() {
        assert_eq!(missing(&corpus()).expect("the corpus"), Vec::<String>::new());
        assert_eq!(unknown(&corpus()).expect("the corpus"), Vec::<String>::new());
        let found = missing_without("\"div.i64/error/divide_by_zero\"");
        assert!(found.contains(&"div.i64/error/divide_by_zero".to_owned()), "{found:?}");
        assert!(found.iter().all(|cell| cell.starts_with("div.i64/")), "{found:?}");
        // Of the dynamic half a cell is filled by the line that states its outcome, or by the run with its error.
        assert_eq!(missing_without("add.any/nil,meta2:"), ["add.any/nil,meta2"]);
        assert_eq!(missing_without("\"mod.any/error/divide_by_zero\""), ["mod.any/error/divide_by_zero"]);
    }

    #[test]
    fn without_the_judge_outcomes_are_those_stored() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("judge/dynamic/grid.py");
        let run = Command::new("python3").arg("-B").arg(&script).arg("--stored").arg("--corpus").arg(corpus()).output();
        let text = String::from_utf8(run.expect("python3").stdout).expect("text");
        let files: Vec<NamedFile> = text.lines().map(|line| serde_json::from_str(line).expect("a file")).collect();
        assert!(!files.is_empty());
        for NamedFile { name, text } in files {
            assert!(read(&corpus().join(GRID).join(&name)).expect("a file") == text, "{name} is stale");
        }
    }

    #[test]
    fn every_aspect_of_an_instruction_is_in_its_draft() {
        let draft = Draft::new(Op::DivI64);
        let cells: Vec<&Cell> = draft.runs.iter().flat_map(|r| &r.cells).collect();
        assert!(cells.iter().any(|c| matches!(c.aspect, lockstep_bytecode::Aspect::Error(_))));
        assert_eq!(cells.len(), lockstep_bytecode::cells(Op::DivI64).len());
    }
}
