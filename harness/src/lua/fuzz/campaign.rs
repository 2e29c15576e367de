//! A run of the fuzzer: batches on a pool of workers, deaths attributed to their program, divergences shrunk and written as cases for the corpus.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::judge::{Seen, on_puc};
use super::tree::{self, Node};
use super::{LuaBatch, LuaBatchReport, LuaDivergence, Verdict, generate, progress_of};
use crate::fuzz::drive::{self, Drive, Next};
use crate::worker::{Answer, Pool, Task};

/// Programs per batch.
const BATCH: u64 = 50;
/// Questions of the shrinker.
const SHRINK_ATTEMPTS: usize = 3000;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Which programs, how many at a time, and for how long.
    pub drive: Drive,
    /// Stop once this many programs diverge.
    pub stop_after: usize,
}

/// Runs a plan. `tell` hears of progress: programs done, divergences so far.
///
/// # Errors
/// A worker that refuses.
pub fn run(plan: &Plan, pool: &Pool, tell: &(dyn Fn(u64, usize) + Sync)) -> Result<LuaBatchReport, String> {
    let whole = Mutex::new(LuaBatchReport::default());
    drive::run(&plan.drive, BATCH, &|first, count| {
        let report = whole_batch(&LuaBatch { seed: plan.seed, first, count }, pool)?;
        let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.merge(report);
        tell(whole.programs, whole.divergences.len());
        Ok(if whole.divergences.len() >= plan.stop_after { Next::Stop } else { Next::GoOn })
    })?;
    let mut report = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.divergences.sort_by_key(|d| d.index);
    Ok(report)
}

/// A batch, however often its worker dies: each death is a divergence of the program it happened on, and the rest goes on without it.
fn whole_batch(batch: &LuaBatch, pool: &Pool) -> Result<LuaBatchReport, String> {
    if batch.count == 0 {
        return Ok(LuaBatchReport::default());
    }
    match pool.run(&Task::FuzzLua { batch: batch.clone() }) {
        Ok(Answer::FuzzLua(report)) => Ok(report),
        Ok(Answer::Refused { why }) => Err(why),
        Ok(other) => Err(format!("a worker gave another answer than was asked for: {other:?}")),
        Err(death) => {
            let index = death.at.as_deref().and_then(progress_of).unwrap_or(batch.first);
            let part = |first: u64, end: u64| LuaBatch { first, count: end - first, ..batch.clone() };
            let mut report = whole_batch(&part(batch.first, index), pool)?;
            report.programs += 1;
            report.divergences.push(LuaDivergence { index, what: death.to_string() });
            report.merge(whole_batch(&part(index + 1, batch.first + batch.count), pool)?);
            Ok(report)
        }
    }
}

/// A divergence made small.
pub struct Shrunk {
    /// The program.
    pub source: String,
    /// What goes wrong now.
    pub what: String,
}

/// Shrinks a divergence; every candidate runs in a worker.
pub fn shrink_divergence(seed: u64, divergence: &LuaDivergence, pool: &Pool) -> Shrunk {
    let mut what = divergence.what.clone();
    let class = class(&what);
    let fails = |program: &Node| {
        let found = match pool.run(&Task::FuzzLuaOne { source: program.text() }) {
            Ok(Answer::FuzzLuaOne(Verdict::Differs { what })) => what,
            Ok(_) => return false,
            Err(death) => death.to_string(),
        };
        // What is shrunk stays what it was: a death does not become a difference, nor one of output one of syntax.
        let same = self::class(&found) == class;
        if same {
            what = found;
        }
        same
    };
    let shrunk = tree::shrink(generate::program(seed, divergence.index), SHRINK_ATTEMPTS, fails);
    Shrunk { source: shrunk.text(), what }
}

/// What kind of divergence it is, coarsely: how it shows, and on which side there is an error.
fn class(what: &str) -> (&'static str, bool, bool) {
    const CLASSES: [&str; 6] = ["panicked", "killed", "no sign of life", "stopped", "of the output", "it ends with"];
    let shows = CLASSES.into_iter().find(|class| what.contains(class)).unwrap_or_default();
    let (ours, theirs) = what.rsplit_once(", not ").unwrap_or((what, ""));
    let is_error = |text: &str| text.contains("false, ");
    (shows, is_error(ours), is_error(theirs))
}

/// Writes a shrunk divergence as a file for corpus/lua, with what PUC Lua does, and returns its path.
///
/// # Errors
/// It cannot be written.
pub fn save(seed: u64, divergence: &LuaDivergence, shrunk: &Shrunk, directory: &Path) -> Result<PathBuf, String> {
    #[derive(serde::Serialize)]
    struct File<'c> {
        about: &'static str,
        cases: [Case<'c>; 1],
    }
    #[derive(serde::Serialize)]
    struct Case<'c> {
        name: String,
        about: String,
        program: &'c str,
        output: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }
    let name = format!("fuzz_{seed}_{}", divergence.index);
    let Seen { output, message } = on_puc(&shrunk.source)?.ok_or("it does not end on PUC Lua")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let case = Case {
        about: format!("Found by `{}`.", again(seed, divergence.index)),
        name: name.clone(),
        program: &shrunk.source,
        output: text(output),
        error: message.map(text),
    };
    let file = File { about: "A random program that Lockstep got wrong, made small.", cases: [case] };
    let wrong = |error: String| format!("cannot write below {}: {error}", directory.display());
    std::fs::create_dir_all(directory).map_err(|error| wrong(error.to_string()))?;
    let path = directory.join(format!("{name}.yaml"));
    let text = serde_yaml::to_string(&file).map_err(|error| wrong(error.to_string()))?;
    std::fs::write(&path, text).map_err(|error| wrong(error.to_string()))?;
    Ok(path)
}

/// The line that runs a program again.
pub fn again(seed: u64, index: u64) -> String {
    format!("lockstep fuzz lua --seed {seed} --first {index} --count 1")
}
