//! The same for IR cases, as far as it applies: which run, whether evaluator or backend is wrong, the unit reduced to the operations that matter.
//!
//! Candidates are written as a corpus of their own and run as any case is: whatever can be wrong with a case on a backend, shows.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lockstep_ir::{FuncRef, Imm, Op, Unit};
use serde::{Deserialize, Serialize};

use super::verdict::VERSION;
use crate::backends::Column;
use crate::case::{Case, Compare, Expected, Run};
use crate::check::Verdict;
use crate::corpus::ir::{CaseText, File, RunText, Word};
use crate::fuzz::program::Input;
use crate::fuzz::{kind_name, shrink};
use crate::worker::{Answer, Pool, Task};

/// What was found about an IR case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IrVerdict {
    /// The format's version.
    pub lockstep_bisect: u32,
    /// The case.
    pub case: String,
    /// Where it fails.
    pub column: String,
    /// The run that fails, if one does alone.
    pub run: Option<String>,
    /// A stable name for the kind of failure.
    pub kind: String,
    /// How it fails.
    pub what: String,
    /// How the evaluator differs from what is stated, if it does: then the case or the evaluator is wrong.
    pub evaluator: Option<String>,
    /// Instructions of the unit before.
    pub from: usize,
    /// Instructions after.
    pub to: usize,
    /// The reduced unit.
    pub unit: String,
    /// The operations that are left besides constants, memory and returns.
    pub operations: Vec<String>,
    /// The reduced case.
    pub yaml: String,
    /// Where it was written.
    pub written: Option<String>,
    /// The line that shows it again.
    pub line: String,
    /// Experiments made.
    pub probes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

struct Bench<'b> {
    pool: &'b Pool,
    /// A corpus for candidates.
    scratch: PathBuf,
    probes: u64,
}

/// The name of the file, and of the case in it, that candidates have.
const CANDIDATE: &str = "candidate";

impl Bench<'_> {
    /// How a unit fails with one run on a column, if it does: kind, and for people.
    fn failure(&mut self, text: CaseText, column: &Column) -> Result<Option<(String, String)>, String> {
        self.probes += 1;
        let path = self.scratch.join("ir").join(format!("{CANDIDATE}.yaml"));
        write(&path, text)?;
        let case = format!("ir/{CANDIDATE}/{CANDIDATE}");
        self.case(&case, column, &self.scratch.clone())
    }

    fn case(&self, case: &str, column: &Column, corpus: &Path) -> Result<Option<(String, String)>, String> {
        let task = Task::IrCase { case: case.to_owned(), column: column.clone(), corpus: corpus.to_owned() };
        match self.pool.run(&task) {
            Ok(Answer::Case(report)) => Ok(match report.verdict {
                Verdict::Failed { kind, what } => Some((kind_name(kind), what)),
                _ => None,
            }),
            // The reference gives up on what a candidate has become.
            Ok(Answer::Refused { .. }) => Ok(None),
            Ok(other) => Err(format!("a worker gave another answer than was asked for: {other:?}")),
            Err(death) => Ok(Some((death.how.name().to_owned(), death.to_string()))),
        }
    }
}

fn write(path: &Path, case: CaseText) -> Result<String, String> {
    let file = File { about: "A unit that once failed, reduced.".to_owned(), cases: vec![case] };
    let yaml = serde_yaml::to_string(&file).map_err(|e| e.to_string())?;
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, &yaml)).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    Ok(yaml)
}

/// A unit with one run as a case. What is stated of the run is kept where `run` is that of the case itself.
fn text(name: &str, about: &str, unit: &Unit, run: &Run, input: &Input, stated: bool) -> CaseText {
    let (mut returns, mut expect) = (None, Vec::new());
    if let (true, Expected::Stated { returned, memory }) = (stated, &run.expected) {
        returns = *returned;
        expect.resize(memory.iter().map(|m| m.0 + 1).max().unwrap_or(0), None);
        memory.iter().for_each(|&(word, value)| expect[word] = Some(Word(value)));
    }
    CaseText {
        name: name.to_owned(),
        about: about.to_owned(),
        unit: Some(lockstep_ir::text::print(unit)),
        file: None,
        function: unit
            .functions
            .get(run.func.index())
            .or(unit.functions.last())
            .map_or(String::new(), |f| f.name.clone()),
        memory: Vec::new(),
        words: input.memory.len(),
        floats: (0..input.memory.len()).filter(|&word| run.rules.get(word) != Compare::Bits).collect(),
        runs: vec![RunText {
            argument: Word(input.argument),
            memory: input.memory.iter().map(|&w| Word(w)).collect(),
            returns,
            expect,
        }],
    }
}

/// The function and what it calls directly, itself last: where the shrinker looks for what is called.
fn reachable(unit: &Unit, func: FuncRef) -> (Unit, FuncRef) {
    let mut kept = vec![func];
    let mut next = 0;
    while let Some(&caller) = kept.get(next) {
        for inst in &unit.functions[caller.index()].insts {
            if let Imm::Func(callee) = inst.imm
                && !kept.contains(&callee)
            {
                kept.push(callee);
            }
        }
        next += 1;
    }
    kept.reverse();
    let mut alone =
        Unit { functions: kept.iter().map(|f| unit.functions[f.index()].clone()).collect(), ..unit.clone() };
    for inst in alone.functions.iter_mut().flat_map(|f| &mut f.insts) {
        if let Imm::Func(callee) = &mut inst.imm {
            *callee = FuncRef(kept.iter().position(|f| f == callee).unwrap_or_default() as u32);
        }
    }
    let last = FuncRef(alone.functions.len() as u32 - 1);
    (alone, last)
}

fn size(unit: &Unit) -> usize {
    unit.functions.iter().map(lockstep_ir::Function::inst_count).sum()
}

/// Localises what is wrong with an IR case on a backend; `None` if nothing is. `out` becomes a corpus with the reduced case.
///
/// # Errors
/// It cannot be tried.
pub fn localise(
    pool: &Pool,
    name: &str,
    column: &Column,
    reference: &Column,
    corpus: &Path,
    out: &Path,
) -> Result<Option<IrVerdict>, String> {
    let start = Instant::now();
    let case = Case::find(name, corpus).map_err(|e| e.to_string())?;
    let mut bench = Bench { pool, scratch: out.join("scratch"), probes: 1 };
    let Some((kind, what)) = bench.case(name, column, corpus)? else { return Ok(None) };
    let evaluator = bench.case(name, reference, corpus)?.map(|f| f.1);
    let mut found = None;
    for run in &case.runs {
        let input = Input { argument: run.argument, memory: run.memory.clone() };
        let alone = text(CANDIDATE, "One run.", &case.unit, run, &input, true);
        if let Some(failure) = bench.failure(alone, column)? {
            found = Some((run, input, failure));
            break;
        }
    }
    let own = name.rsplit('/').next().unwrap_or(name).to_owned();
    let mut verdict = IrVerdict {
        lockstep_bisect: VERSION,
        case: name.to_owned(),
        column: column.to_string(),
        run: None,
        kind,
        what,
        evaluator,
        from: size(&case.unit),
        to: size(&case.unit),
        unit: lockstep_ir::text::print(&case.unit),
        operations: Vec::new(),
        yaml: String::new(),
        written: None,
        line: again(name, column, None),
        probes: 0,
        seconds: 0.0,
    };
    if let Some((run, input, (kind, what))) = found {
        verdict.run = Some(run.label.clone());
        let (mut unit, mut inputs) = (case.unit.clone(), vec![input]);
        let mut run = run.clone();
        // What evaluator and statement disagree on has no reference to shrink by.
        if verdict.evaluator.is_none() {
            (unit, run.func) = reachable(&unit, run.func);
            let run = &run;
            let mut error = None;
            let mut fails = |unit: &Unit, inputs: &[Input]| {
                let [input] = inputs else { return false };
                let candidate = text(CANDIDATE, "A candidate.", unit, run, input, false);
                let failure = bench.failure(candidate, column).unwrap_or_else(|e| {
                    error = Some(e);
                    None
                });
                failure.is_some_and(|f| f.0 == kind)
            };
            (unit, inputs) = shrink::shrink(&unit, &inputs, &mut fails);
            if let Some(error) = error {
                return Err(error);
            }
        }
        let about = format!("Reduced from {name} on {column}: {}", what.lines().next().unwrap_or_default());
        let stated = verdict.evaluator.is_some();
        let path = out.join("ir").join(format!("{own}.yaml"));
        verdict.yaml = write(&path, text(&own, &about, &unit, &run, &inputs[0], stated))?;
        verdict.line = again(&format!("ir/{own}/{own}"), column, Some(out));
        verdict.written = Some(path.display().to_string());
        verdict.to = size(&unit);
        verdict.unit = lockstep_ir::text::print(&unit);
        verdict.operations = operations(&unit);
        verdict.what = what;
    }
    std::fs::remove_dir_all(&bench.scratch).map_err(|e| format!("cannot remove {}: {e}", bench.scratch.display()))?;
    (verdict.probes, verdict.seconds) = (bench.probes, start.elapsed().as_secs_f64());
    Ok(Some(verdict))
}

fn again(name: &str, column: &Column, corpus: Option<&Path>) -> String {
    let word = crate::cli::shell_word;
    let corpus = corpus.map_or(String::new(), |dir| format!(" --corpus {}", word(&dir.display().to_string())));
    format!("lockstep parity{corpus} --backend {} --level {} {}", word(&column.backend), column.level, word(name))
}

/// Operations that do something: what a backend may have got wrong.
fn operations(unit: &Unit) -> Vec<String> {
    let mut found = Vec::new();
    for func in &unit.functions {
        for &inst in func.blocks.iter().flat_map(|b| &b.insts) {
            let data = &func.insts[inst.index()];
            let plain = matches!(data.op, Op::Iconst | Op::Fconst | Op::Load | Op::Store | Op::Jump | Op::Return);
            let name = format!("{}.{}", data.op.info().name, data.ty);
            if !plain && !matches!(data.imm, Imm::Int(_)) && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The verdict for people.
pub fn text_of(verdict: &IrVerdict) -> String {
    let mut out = format!("{} on {}\n  {}: {}\n", verdict.case, verdict.column, verdict.kind, verdict.what);
    match (&verdict.evaluator, &verdict.run) {
        (Some(differs), _) => {
            out += &format!("  => case or evaluator: the evaluator differs from what is stated: {differs}\n");
        }
        (None, Some(run)) => {
            out += &format!("  => native code: the evaluator agrees with what is stated; run `{run}`\n")
        }
        (None, None) => out += "  => native code: it fails as a whole, and no run does alone\n",
    }
    out += &format!("\nReduced from {} instructions to {}", verdict.from, verdict.to);
    match &verdict.operations[..] {
        [] => out += ": constants, loads and stores\n",
        operations => out += &format!("; what is left: {}\n", operations.join(", ")),
    }
    verdict.unit.lines().for_each(|line| out += &format!("    {line}\n"));
    out.push('\n');
    if let Some(path) = &verdict.written {
        out += &format!("keep it:      {path}\n");
    }
    out + &format!("run it again: {}\n", verdict.line)
}
