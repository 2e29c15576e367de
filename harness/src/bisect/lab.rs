//! Where experiments are made: probes go to workers, deaths come back as differences, and everything is counted.

use std::cell::Cell;
use std::time::Duration;

use super::probe::{Class, EVALUATION, Frame, Question, Reply, Subject, Way, exit_of};
use crate::program::Program;
use crate::worker::{Answer, Death, How, Limits, Pool, Task};

/// A laboratory: a pool of workers and a count of what it was asked.
pub struct Lab {
    pool: Pool,
    /// For what takes longer than native code: evaluations, and the interpreter asked step by step.
    patient: Pool,
    probes: Cell<u64>,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same as the interpreter; or the interpreter does not end, which says nothing.
    Same {
        /// Whether the interpreter came to an end.
        ends: bool,
    },
    /// Something else.
    Differs(Difference),
}

/// A difference from the interpreter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// In which respect.
    pub class: Class,
    /// How, for people.
    pub what: String,
    /// The event at which an exit was forced, if one was.
    pub exit: Option<u64>,
    /// Whether it happened while code was being made, before any ran.
    pub compiling: bool,
}

impl Outcome {
    /// The difference, if it is one.
    pub fn difference(self) -> Option<Difference> {
        match self {
            Outcome::Differs(difference) => Some(difference),
            Outcome::Same { .. } => None,
        }
    }
}

/// Both frames at an event. `None` where a run did not get there; an error where it died on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    /// The interpreter's.
    pub interpreter: Option<Frame>,
    /// The other's.
    pub other: Result<Option<Frame>, String>,
}

impl Frames {
    /// Whether both got there and hold the same.
    pub fn agree(&self) -> bool {
        matches!(&self.other, Ok(other) if *other == self.interpreter)
    }
}

impl Lab {
    /// With workers that are this program. A worker that gives no sign of life for `silence` hangs.
    pub fn new(silence: Duration) -> Self {
        let pool = |silence| Pool::new(Limits { silence, ..Limits::default() });
        Self::of(pool(silence), pool(silence * EVALUATION))
    }

    /// With the workers of two pools: one for native code, one that waits longer.
    pub fn of(pool: Pool, patient: Pool) -> Self {
        Self { pool, patient, probes: Cell::new(0) }
    }

    /// Probes made so far.
    pub fn probes(&self) -> u64 {
        self.probes.get()
    }

    fn ask(&self, subject: &Subject, question: Question) -> Result<Result<Reply, Box<Death>>, String> {
        self.probes.set(self.probes.get() + 1);
        let native = match &question {
            Question::Compare(way) | Question::Frames(way) => !way.evaluated,
            _ => false,
        };
        let pool = if native { &self.pool } else { &self.patient };
        match pool.run(&Task::Probe { subject: subject.clone(), question }) {
            Ok(Answer::Probe(reply)) => Ok(Ok(reply)),
            Ok(Answer::Refused { why }) => Err(why),
            Ok(other) => Err(format!("a worker gave another answer than was asked for: {other:?}")),
            Err(death) => Ok(Err(death)),
        }
    }

    /// Compares a way of running the subject with the interpreter.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn compare(&self, subject: &Subject, way: &Way) -> Result<Outcome, String> {
        Ok(match self.ask(subject, Question::Compare(way.clone()))? {
            Ok(Reply::Same { ends }) => Outcome::Same { ends },
            Ok(Reply::Differs { class, what, exit }) => {
                let compiling = class == Class::Refused;
                Outcome::Differs(Difference { class, what, exit, compiling })
            }
            Ok(other) => return Err(format!("a comparison was answered by {other:?}")),
            Err(death) => {
                let class = match death.how {
                    How::Silent(_) => Class::Hang,
                    How::Noise(_) => Class::Noise,
                    _ => Class::Crash,
                };
                let at = death.at.as_deref().unwrap_or_default();
                let what = death.to_string();
                Outcome::Differs(Difference { class, what, exit: exit_of(at), compiling: at == "compiling" })
            }
        })
    }

    /// Whether the interpreter gives what a run of a case states; otherwise how it differs. It runs in a worker, too: it may be what is wrong.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn interpreter(&self, subject: &Subject, program: &Program, run: usize) -> Result<Result<(), String>, String> {
        // As YAML: JSON has no NaN.
        let stated = serde_yaml::to_string(&program.case.runs[run]).map_err(|e| e.to_string())?;
        match self.ask(subject, Question::Stated { run: stated })? {
            Ok(Reply::Same { .. }) => Ok(Ok(())),
            Ok(Reply::Differs { what, .. }) => Ok(Err(what)),
            Ok(other) => Err(format!("a run was answered by {other:?}")),
            Err(death) => Ok(Err(death.to_string())),
        }
    }

    /// Whether a way differs from the interpreter in any respect.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn differs(&self, subject: &Subject, way: &Way) -> Result<bool, String> {
        self.compare(subject, way).map(|outcome| outcome.difference().is_some())
    }

    /// The frames at the way's only exit.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn frames(&self, subject: &Subject, way: &Way) -> Result<Frames, String> {
        Ok(match self.ask(subject, Question::Frames(way.clone()))? {
            Ok(Reply::Frames { interpreter, other }) => Frames { interpreter, other: Ok(other) },
            Ok(other) => return Err(format!("frames were answered by {other:?}")),
            Err(death) => {
                // The interpreter's alone, by compiling nothing.
                let alone = Way { only: Some(Vec::new()), session_of: way.column.backend.clone(), ..way.clone() };
                let interpreter = match self.ask(subject, Question::Frames(alone))? {
                    Ok(Reply::Frames { interpreter, .. }) => interpreter,
                    _ => None,
                };
                Frames { interpreter, other: Err(death.how.to_string()) }
            }
        })
    }

    /// Events of the interpreter's run: back edges and calls, or instructions.
    ///
    /// # Errors
    /// It cannot be tried, or the interpreter does not end.
    pub fn events(&self, subject: &Subject, step: bool) -> Result<u64, String> {
        match self.ask(subject, Question::Events { step })? {
            Ok(Reply::Events(events)) => Ok(events),
            Ok(other) => Err(format!("events were answered by {other:?}")),
            Err(death) => Err(format!("the interpreter does not end: {death}")),
        }
    }

    /// What the passes do to a unit: changes in order, and the unit after each step.
    ///
    /// # Errors
    /// It cannot be compiled.
    pub fn passes(&self, subject: &Subject, way: &Way, unit: (u32, Option<u32>)) -> Result<Passes, String> {
        match self.ask(subject, Question::Passes { way: way.clone(), unit })? {
            Ok(Reply::Passes { changes, dumps }) => Ok(Passes { changes, dumps }),
            Ok(other) => Err(format!("passes were answered by {other:?}")),
            Err(death) => Err(format!("the compiler does not end: {death}")),
        }
    }

    /// Whether a loop was gone round before a step of the interpreter, in the same activation.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn went_round(&self, subject: &Subject, (func, header): (u32, u32), step: u64) -> Result<bool, String> {
        match self.ask(subject, Question::WentRound { func, header, step })? {
            Ok(Reply::Yes(yes)) => Ok(yes),
            Ok(other) => Err(format!("a loop was answered by {other:?}")),
            Err(_) => Ok(true),
        }
    }

    /// The arguments of the last call of a function before a step of the interpreter.
    ///
    /// # Errors
    /// It cannot be tried.
    pub fn call_before(&self, subject: &Subject, func: u32, step: u64) -> Result<Option<Vec<super::Datum>>, String> {
        match self.ask(subject, Question::CallBefore { func, step })? {
            Ok(Reply::Call(args)) => Ok(args),
            Ok(other) => Err(format!("a call was answered by {other:?}")),
            Err(_) => Ok(None),
        }
    }
}

/// What the passes of a compilation did.
#[derive(Clone, Debug)]
pub struct Passes {
    /// Pass and number of changes, in the order of the pipeline; a pass that runs in both stages stands twice.
    pub changes: Vec<(String, u64)>,
    /// After what, and the unit's text.
    pub dumps: Vec<(String, String)>,
}
