//! A run of the fuzzer: batches on a pool of workers, crashes attributed to their function, divergences shrunk and written
//! as cases for the corpus.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lockstep_ir::Unit;

use super::drive::{self, Drive, Next};
use super::generate::Generator;
use super::program::{FLOATS, Input, Program};
use super::{Batch, BatchReport, Divergence, kind_name, progress_of, shrink};
use crate::backends::Column;
use crate::check::Verdict;
use crate::corpus::ir::{CaseText, File, RunText, Word};
use crate::worker::{Answer, Death, Pool, Task};

/// Functions per batch.
const BATCH: u64 = 50;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Which functions, how many at a time, and for how long.
    pub drive: Drive,
    /// Where functions run.
    pub columns: Vec<Column>,
    /// Stop once this many functions diverge.
    pub stop_after: usize,
}

/// Runs a plan. `tell` hears of progress: functions done, divergences so far.
///
/// # Errors
/// A worker that refuses: an unknown backend.
pub fn run(plan: &Plan, pool: &Pool, tell: &(dyn Fn(u64, usize) + Sync)) -> Result<BatchReport, String> {
    let whole = Mutex::new(BatchReport::default());
    drive::run(&plan.drive, BATCH, &|first, count| {
        let report = whole_batch(&Batch { seed: plan.seed, first, count, columns: plan.columns.clone() }, pool)?;
        let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.merge(report);
        tell(whole.functions, whole.divergences.len());
        Ok(if whole.divergences.len() >= plan.stop_after { Next::Stop } else { Next::GoOn })
    })?;
    let mut report = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.divergences.sort_by_key(|d| (d.index, d.column.clone()));
    Ok(report)
}

/// A batch, however often its worker dies: each death is a divergence of the function and column it happened on, and the
/// rest goes on without them.
fn whole_batch(batch: &Batch, pool: &Pool) -> Result<BatchReport, String> {
    let mut report = BatchReport::default();
    if batch.count == 0 || batch.columns.is_empty() {
        return Ok(report);
    }
    match pool.run(&Task::Fuzz { batch: batch.clone() }) {
        Ok(Answer::Fuzz(report)) => return Ok(report),
        Ok(Answer::Refused { why }) => return Err(why),
        Ok(other) => return Err(format!("a worker gave another answer than was asked for: {other:?}")),
        Err(death) => {
            let at = death.at.as_deref().and_then(progress_of).unwrap_or((batch.first, 0));
            // Again without the function that killed the worker: what came before it, then it alone on the other columns,
            // then what comes after.
            let (index, column) = at;
            let part = |first: u64, count: u64, columns: &[Column]| Batch {
                first,
                count,
                columns: columns.to_vec(),
                ..batch.clone()
            };
            report.merge(whole_batch(&part(batch.first, index - batch.first, &batch.columns), pool)?);
            report.divergences.push(died(index, &batch.columns[column], &death));
            let others: Vec<Column> =
                batch.columns.iter().enumerate().filter(|(n, _)| *n != column).map(|(_, c)| c.clone()).collect();
            report.merge(whole_batch(&part(index, 1, &others), pool)?);
            report.merge(whole_batch(&part(index + 1, batch.first + batch.count - index - 1, &batch.columns), pool)?);
        }
    }
    Ok(report)
}

fn died(index: u64, column: &Column, death: &Death) -> Divergence {
    let (column, kind) = (column.clone(), death.how.name().to_owned());
    Divergence { index, column, kind, what: death.to_string() }
}

/// A divergence made small.
pub struct Shrunk {
    /// The unit.
    pub unit: Unit,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// What goes wrong now.
    pub what: String,
    /// Instructions before.
    pub before: usize,
    /// Instructions after.
    pub after: usize,
}

/// Shrinks a divergence; every candidate runs in a worker.
pub fn shrink_divergence(seed: u64, divergence: &Divergence, pool: &Pool) -> Shrunk {
    let Program { unit, inputs } = Generator::default().program(seed, divergence.index);
    let mut what = divergence.what.clone();
    let mut fails = |unit: &Unit, inputs: &[Input]| {
        let task = Task::FuzzOne {
            unit: lockstep_ir::text::print(unit),
            inputs: inputs.to_vec(),
            column: divergence.column.clone(),
        };
        let found = match pool.run(&task) {
            Ok(Answer::Verdict(Verdict::Failed { kind, what })) => (kind_name(kind), what),
            Ok(_) => return false,
            Err(death) => (death.how.name().to_owned(), death.to_string()),
        };
        let same = found.0 == divergence.kind;
        if same {
            what = found.1;
        }
        same
    };
    let size = |unit: &Unit| unit.functions.iter().map(lockstep_ir::Function::inst_count).sum();
    let before = size(&unit);
    let (unit, inputs) = shrink::shrink(&unit, &inputs, &mut fails);
    let after = size(&unit);
    Shrunk { unit, inputs, what, before, after }
}

/// Writes a shrunk divergence as a corpus file and returns its path.
///
/// # Errors
/// It cannot be written.
pub fn save(seed: u64, divergence: &Divergence, shrunk: &Shrunk, directory: &Path) -> std::io::Result<PathBuf> {
    let mut unit = shrunk.unit.clone();
    let name = format!("fuzz_{seed}_{}", divergence.index);
    unit.name.clone_from(&name);
    let last = |input: &Input| input.memory.iter().rposition(|&w| w != 0).map_or(0, |n| n + 1);
    let run = |input: &Input| RunText {
        argument: Word(input.argument),
        memory: input.memory[..last(input)].iter().map(|&w| Word(w)).collect(),
        ..RunText::default()
    };
    let case = CaseText {
        name: name.clone(),
        about: format!(
            "Found by `lockstep fuzz ir --seed {seed} --first {} --count 1` on {}: {}",
            divergence.index, divergence.column, divergence.kind
        ),
        unit: Some(lockstep_ir::text::print(&unit)),
        file: None,
        function: "entry".to_owned(),
        memory: Vec::new(),
        words: super::program::WORDS,
        floats: FLOATS.words().collect(),
        runs: shrunk.inputs.iter().map(run).collect(),
    };
    let file = File { about: "A random function that a backend got wrong, made small.".to_owned(), cases: vec![case] };
    std::fs::create_dir_all(directory)?;
    let path = directory.join(format!("{name}.yaml"));
    std::fs::write(&path, serde_yaml::to_string(&file).map_err(std::io::Error::other)?)?;
    Ok(path)
}
