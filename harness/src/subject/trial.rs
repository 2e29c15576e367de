//! Parity of a subject: a program in a configuration against the same program in the reference.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::command::{Configuration, Extras, Program, Subject};
use super::evidence::Evidence;
use super::observe::{Difference, Observation};
use super::process::{Ended, Invocation};
use crate::results::Status;

/// The trials of one subject: references are run once each and kept.
pub struct Trials {
    /// Whose.
    pub subject: Subject,
    references: Vec<OnceLock<Observation>>,
}

/// Which trial of a subject it was, and what is known about native execution: part of the results of `parity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjected {
    /// The subject.
    pub subject: String,
    /// The program.
    pub program: String,
    /// The configuration.
    pub configuration: String,
    /// What is known about native execution.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// What a trial found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is wrong, if anything is.
    pub failure: Option<Wrong>,
    /// What is known about native execution.
    pub evidence: Evidence,
    /// The command.
    pub invocation: Invocation,
}

/// Why a trial failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// How it is counted.
    pub status: Status,
    /// The kind: a stable name.
    pub kind: String,
    /// For people.
    pub what: String,
}

impl Wrong {
    fn new(kind: &str, what: impl Into<String>) -> Self {
        Self { status: Status::Failed, kind: kind.to_owned(), what: what.into() }
    }

    fn of(difference: Difference, run: &Observation) -> Self {
        let status = if matches!(run.ended, Ended::Died(_)) { Status::Died } else { Status::Failed };
        Self { status, kind: difference.kind.to_owned(), what: difference.what }
    }
}

impl Trials {
    /// For a subject. Nothing is run yet.
    pub fn new(subject: Subject) -> Self {
        let references = subject.programs.iter().map(|_| OnceLock::new()).collect();
        Self { subject, references }
    }

    /// A trial's name: `SUBJECT/PROGRAM/CONFIGURATION`.
    pub fn name(&self, program: &Program, configuration: &Configuration) -> String {
        format!("{}/{}/{}", self.subject.manifest.subject, program.name, configuration.name)
    }

    /// What the reference does with a program.
    pub fn reference(&self, program: usize) -> &Observation {
        self.references[program].get_or_init(|| {
            let reference = self.subject.reference();
            self.observe(reference, &self.subject.programs[program], &Extras::default())
        })
    }

    /// Runs a program once.
    pub fn observe(&self, configuration: &Configuration, program: &Program, extras: &Extras) -> Observation {
        let invocation = self.subject.invocation(configuration, program, &program.args, extras);
        Observation::of(&self.subject.manifest, &invocation.run(&self.subject.manifest.limits))
    }

    /// Runs a trial.
    pub fn run(&self, program: usize, configuration: &Configuration) -> Outcome {
        let subject = &self.subject;
        let entry = &subject.programs[program];
        let invocation = subject.invocation(configuration, entry, &entry.args, &Extras::default());
        let mut evidence = if configuration.reference { Evidence::REFERENCE } else { Evidence::of(None, None) };
        let failure = if configuration.reference {
            self.check_reference(program)
        } else {
            self.compare(program, configuration, &mut evidence)
        };
        Outcome { failure: failure.err(), evidence, invocation }
    }

    /// The reference must end by itself, do what the file expects, and do it again.
    fn check_reference(&self, program: usize) -> Result<(), Wrong> {
        let entry = &self.subject.programs[program];
        let first = self.reference(program);
        if let Ended::Died(how) = &first.ended {
            return Err(Wrong { status: Status::Died, kind: how.name().to_owned(), what: how.to_string() });
        }
        if let Some(expect) = &entry.expect {
            let stdout = expect.stdout.split_inclusive('\n').map(str::to_owned).collect();
            let expected = Observation { ended: Ended::Exited(expect.status), stdout, stderr: first.stderr.clone() };
            first.agrees(&expected).map_err(|difference| {
                Wrong::new(
                    "expectation",
                    difference
                        .what
                        .replace("the reference has", "the file expects")
                        .replace("the reference exits", "the file expects that it exits"),
                )
            })?;
        }
        let again = self.observe(self.subject.reference(), entry, &Extras::default());
        again.agrees(first).map_err(|difference| {
            Wrong::new("unsteady", format!("a second run of the reference differs: {}", difference.what))
        })
    }

    fn compare(&self, program: usize, configuration: &Configuration, evidence: &mut Evidence) -> Result<(), Wrong> {
        let subject = &self.subject;
        let entry = &subject.programs[program];
        let reference = self.reference(program);
        if let Ended::Died(how) = &reference.ended {
            return Err(Wrong::new("no_reference", format!("the reference did not end by itself: {how}")));
        }
        let seen = self.observe(configuration, entry, &Extras::default());
        seen.agrees(reference).map_err(|difference| Wrong::of(difference, &seen))?;
        let inspected = subject.inspect(configuration, entry);
        let Some((run, found)) = inspected.map_err(|why| Wrong::new("evidence", why))? else { return Ok(()) };
        *evidence = found;
        // Where the log goes to standard output, what is printed is not the program's alone.
        if subject.compares_inspected() {
            let seen = Observation::of(&subject.manifest, &run);
            seen.agrees(reference).map_err(|mut difference| {
                difference.what += " (with the log or the counters switched on)";
                Wrong::of(difference, &seen)
            })?;
        }
        let least = subject.manifest.counters.as_ref().and_then(|c| c.least_native);
        match (least, evidence.counters) {
            (Some(least), Some(counters)) if counters.native_percent() < least || counters.native == 0 => {
                Err(Wrong::new(
                    "not_native",
                    format!("{:.2} % ran natively, at least {least} % must", counters.native_percent()),
                ))
            }
            _ => Ok(()),
        }
    }
}
