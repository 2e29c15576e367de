//! The one judge of IR: compiles a unit, runs it, and compares memory and result with what is expected. Parity, the
//! fuzzer, its shrinker and the property tests all come here.

use lockstep_backend_api::{Arch, Artifact, Backend, Code, CompileError, Evaluator, Fault, Level, Options, Target};
use lockstep_engine::kit::{call_evaluated, call_native};
use lockstep_engine::loader::CodeBlock;
use lockstep_ir::Unit;
use serde::{Deserialize, Serialize};

use crate::case::{Case, CaseStats, Expected, Outcome, Run, STEP_LIMIT};

/// Right or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was as expected.
    #[default]
    Passed,
    /// The backend had declared that it lacks an operation of the unit, and refused it.
    Refused {
        /// The refusal.
        why: String,
    },
    /// Something was not.
    Failed {
        /// Which kind of failure, for counting.
        kind: FailureKind,
        /// What, for people.
        what: String,
    },
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The unit breaks the verifier's rules: the case is wrong.
    InvalidUnit,
    /// The backend refused what it must compile.
    CompileError,
    /// The backend compiled what it had declared not to support.
    UnexpectedSupport,
    /// Two compilations of the same input differ.
    NotDeterministic,
    /// The artifact cannot be loaded.
    NotLoadable,
    /// The result differs.
    Returned,
    /// Memory differs.
    Memory,
    /// Code wrote outside its memory.
    OutOfBounds,
    /// An evaluation could not go on.
    Fault,
}

impl Verdict {
    /// A failure.
    pub fn failed(kind: FailureKind, what: impl Into<String>) -> Self {
        Verdict::Failed { kind, what: what.into() }
    }

    /// Whether it is a failure.
    pub fn is_failure(&self) -> bool {
        matches!(self, Verdict::Failed { .. })
    }
}

/// Words before and after a run's memory that must not change.
const FENCE: usize = 64;

/// What the words of a fence hold.
const FENCE_WORD: u64 = 0xfe9c_e5a1_57ab_1e00;

/// Runs a whole case on a backend: for this machine, twice, since the same input must give the same bytes; and for a machine of the
/// same architecture without extensions.
pub fn case(
    case: &Case,
    backend: &dyn Backend,
    level: Level,
    stats: &mut CaseStats,
    progress: &mut dyn FnMut(&str),
) -> Verdict {
    if let Err(e) = lockstep_ir::verify::verify(&case.unit) {
        return Verdict::failed(FailureKind::InvalidUnit, e.to_string());
    }
    let lacking = lacks(&case.unit, backend);
    let options = Options { level, verify: true };
    let mut first: Option<Artifact> = None;
    for (name, target) in targets() {
        progress(&format!("compiling for {name}"));
        let artifact = match (compile(&case.unit, backend, &target, options, stats), &lacking) {
            (Ok(artifact), None) => artifact,
            (Err(CompileError::Unsupported { op, detail }), Some(_)) => {
                return Verdict::Refused { why: format!("{}: {detail}", op.info().name) };
            }
            (Ok(_), Some(op)) => {
                let what = format!("it declares `{op}` unsupported, but compiled it");
                return Verdict::failed(FailureKind::UnexpectedSupport, what);
            }
            (Err(e), _) => return Verdict::failed(FailureKind::CompileError, e.to_string()),
        };
        match &first {
            None => {
                progress("compiling a second time");
                match compile(&case.unit, backend, &target, options, stats) {
                    Ok(again) if again.same_code(&artifact) => {}
                    Ok(_) => {
                        return Verdict::failed(
                            FailureKind::NotDeterministic,
                            "the second compilation gave other code",
                        );
                    }
                    Err(e) => {
                        return Verdict::failed(FailureKind::NotDeterministic, format!("second compilation: {e}"));
                    }
                }
            }
            // No extension was used: the runs would be the same.
            Some(first) if first.same_code(&artifact) => continue,
            Some(_) => {}
        }
        let verdict = runs(&case.unit, &case.runs, backend, &artifact, stats, &mut |label| {
            progress(&format!("running `{label}`, compiled for {name}"));
        });
        if let Verdict::Failed { kind, what } = verdict {
            return Verdict::Failed { kind, what: format!("compiled for {name}: {what}") };
        }
        first.get_or_insert(artifact);
    }
    Verdict::Passed
}

/// This machine, and one without extensions.
fn targets() -> Vec<(&'static str, Target)> {
    let host = Target::host();
    let baseline = Target::baseline(Arch::host().unwrap_or(Arch::X86_64));
    let mut targets = Vec::from_iter(host.map(|host| ("this machine", host)));
    if host != Some(baseline) {
        targets.push(("a machine without extensions", baseline));
    }
    targets
}

/// Compiles a unit once, for this machine, and makes all runs: what the fuzzer does with each function.
pub fn unit(unit: &Unit, list: &[Run], backend: &dyn Backend, options: Options, stats: &mut CaseStats) -> Verdict {
    let (_, target) = targets().remove(0);
    match compile(unit, backend, &target, options, stats) {
        Ok(artifact) => runs(unit, list, backend, &artifact, stats, &mut |_| {}),
        Err(CompileError::Unsupported { op, detail }) if lacks(unit, backend).is_some() => {
            Verdict::Refused { why: format!("{}: {detail}", op.info().name) }
        }
        Err(e) => Verdict::failed(FailureKind::CompileError, e.to_string()),
    }
}

/// The first operation of a unit that a backend says it lacks.
fn lacks(unit: &Unit, backend: &dyn Backend) -> Option<&'static str> {
    let unsupported = backend.capabilities().unsupported;
    let mut insts =
        unit.functions.iter().flat_map(|f| f.blocks.iter().flat_map(|b| &b.insts).map(|i| &f.insts[i.index()]));
    insts.find(|inst| unsupported.contains(&inst.op)).map(|inst| inst.op.info().name)
}

fn compile(
    unit: &Unit,
    backend: &dyn Backend,
    target: &Target,
    options: Options,
    stats: &mut CaseStats,
) -> Result<Artifact, CompileError> {
    let start = std::time::Instant::now();
    let artifact = backend.compile(unit, target, &options);
    stats.compiles += 1;
    stats.compile_seconds += start.elapsed().as_secs_f64();
    stats.code_bytes += artifact.as_ref().map_or(0, |a| a.code_bytes() as u64);
    artifact
}

/// Makes all runs with one artifact.
fn runs(
    unit: &Unit,
    list: &[Run],
    backend: &dyn Backend,
    artifact: &Artifact,
    stats: &mut CaseStats,
    progress: &mut dyn FnMut(&str),
) -> Verdict {
    if let Err(e) = artifact.check(unit.functions.len()) {
        return Verdict::failed(FailureKind::NotLoadable, format!("malformed artifact: {e}"));
    }
    let loaded = match (&artifact.code, backend.evaluator()) {
        (Code::Evaluated, None) => {
            return Verdict::failed(FailureKind::NotLoadable, "an evaluated artifact, and no evaluator");
        }
        (Code::Evaluated, Some(_)) => None,
        (Code::Native { .. }, _) => match CodeBlock::load(artifact, unit.functions.len()) {
            Ok(code) => Some(code),
            Err(e) => return Verdict::failed(FailureKind::NotLoadable, e.to_string()),
        },
    };
    for run in list {
        progress(&run.label);
        stats.runs += 1;
        let outcome = match (&loaded, backend.evaluator()) {
            (Some(code), _) => native(code, run),
            (None, Some(evaluator)) => {
                evaluate(unit, run, evaluator, STEP_LIMIT).map_err(|f| (FailureKind::Fault, f.to_string()))
            }
            (None, None) => unreachable!("checked above"),
        };
        let verdict = match outcome {
            Ok(outcome) => compare(run, &outcome, stats),
            Err((kind, what)) => Verdict::failed(kind, what),
        };
        if let Verdict::Failed { kind, what } = verdict {
            return Verdict::Failed { kind, what: format!("run `{}`: {what}", run.label) };
        }
    }
    Verdict::Passed
}

fn native(code: &CodeBlock, run: &Run) -> Result<Outcome, (FailureKind, String)> {
    let len = run.memory.len();
    let mut fenced = vec![FENCE_WORD; len + 2 * FENCE];
    fenced[FENCE..FENCE + len].copy_from_slice(&run.memory);
    let returned = call_native(code, run.func, &mut fenced[FENCE..FENCE + len], run.argument);
    let intact = |words: &[u64]| words.iter().all(|&w| w == FENCE_WORD);
    if !intact(&fenced[..FENCE]) || !intact(&fenced[FENCE + len..]) {
        return Err((FailureKind::OutOfBounds, "the code wrote outside its memory".to_owned()));
    }
    fenced.truncate(FENCE + len);
    fenced.drain(..FENCE);
    Ok(Outcome { returned, memory: fenced })
}

/// Evaluates a run within a number of steps.
///
/// # Errors
/// The first fault.
pub fn evaluate(unit: &Unit, run: &Run, evaluator: &dyn Evaluator, steps: u64) -> Result<Outcome, Fault> {
    let mut memory = run.memory.clone();
    let returned = call_evaluated(evaluator, unit, run.func, &mut memory, run.argument, steps)?;
    Ok(Outcome { returned, memory })
}

/// How many differences a message shows.
const SHOWN: usize = 4;

fn compare(run: &Run, outcome: &Outcome, stats: &mut CaseStats) -> Verdict {
    let Expected::All(expected) = &run.expected else {
        return Verdict::failed(FailureKind::InvalidUnit, "nothing is known of what must come out");
    };
    stats.words += outcome.memory.len() as u64;
    let pairs = expected.memory.iter().zip(&outcome.memory).enumerate();
    let different: Vec<_> = pairs.filter(|(n, (a, b))| a != b && !run.rules.get(*n).same(**a, **b)).collect();
    if different.is_empty() {
        return if expected.returned == outcome.returned {
            Verdict::Passed
        } else {
            let what = format!("it returned {} where {} is expected", outcome.returned, expected.returned);
            Verdict::failed(FailureKind::Returned, what)
        };
    }
    let mut what = format!("{} of {} words of memory differ", different.len(), outcome.memory.len());
    for (word, (expected, found)) in different.iter().take(SHOWN) {
        what += &format!("\n  word {word}: expected {expected:#018x}, found {found:#018x}");
        let meaning = run.explain.word(*word);
        if !meaning.is_empty() {
            what += &format!(" ({meaning})");
        }
    }
    if different.len() > SHOWN {
        what += "\n  …";
    }
    Verdict::failed(FailureKind::Memory, what)
}
