//! From a divergence of a subject to what is behind it: the smallest set of compiled functions that shows it, then the first change of the
//! optimiser that does. Each step runs only if the subject has what it needs, and says so where it has not.

use serde::{Deserialize, Serialize};

use super::command::{Configuration, Extras, Program};
use super::observe::Observation;
use super::process::Ended;
use super::reduce;
use super::trial::Trials;

/// Version of the format of results. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// More changes than any optimiser makes in one run: where the search for the first wrong one ends.
const MOST_FUEL: u64 = 1 << 40;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// [`VERSION`].
    pub lockstep_subject_bisect: u32,
    /// Whose.
    pub subject: String,
    /// Its own account of its version.
    pub version: String,
    /// The program.
    pub program: String,
    /// The configuration that diverges.
    pub configuration: String,
    /// How the whole configuration diverges: a stable name, and for people.
    pub divergence: Divergence,
    /// The functions.
    pub functions: Step<Functions>,
    /// The change.
    pub change: Step<Change>,
    /// How the reduced run diverges; not always as the whole configuration does.
    pub reduced: Divergence,
    /// The line that shows it, for a shell.
    pub line: String,
    /// The line that shows what the reference does.
    pub reference_line: String,
    /// Processes it took.
    pub runs: u64,
}

/// A difference from the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// In what.
    pub kind: String,
    /// For people.
    pub what: String,
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<T> {
    /// It was found.
    Found(T),
    /// The subject, or the divergence, does not allow it.
    NotPossible(String),
}

/// Which functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Functions {
    /// All that the configuration compiles, in its order.
    pub compiled: Vec<String>,
    /// Those that suffice and of which none can be left out.
    pub minimal: Vec<String>,
}

/// Which change of the optimiser, while [`Functions::minimal`] are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// With so many changes it diverges; with one less it agrees.
    pub first_wrong: u64,
}

/// Where a bisection is, for people who wait.
pub type Watch<'w> = &'w mut dyn FnMut(&str, u64);

struct Search<'t, 'w> {
    trials: &'t Trials,
    program: usize,
    configuration: &'t Configuration,
    runs: u64,
    watch: Watch<'w>,
}

/// Looks for what is behind a divergence.
///
/// # Errors
/// There is no divergence, it does not show a second time, or the reference does not end by itself.
pub fn bisect(
    trials: &Trials,
    version: String,
    program: usize,
    configuration: &Configuration,
    watch: Watch<'_>,
) -> Result<Found, String> {
    let mut search = Search { trials, program, configuration, runs: 1, watch };
    let subject = &trials.subject;
    let entry = search.program();
    if let Ended::Died(how) = &trials.reference(program).ended {
        return Err(format!("the reference does not end by itself: {how}"));
    }
    let plain = Extras::default();
    let divergence = search.divergence(&plain).ok_or_else(|| {
        format!("{} does what the reference does; there is nothing to look for", trials.name(entry, configuration))
    })?;
    if search.divergence(&plain).is_none() {
        return Err(format!("it diverges now and then only ({}), so that no step could be trusted", divergence.what));
    }
    let (functions, mut extras) = search.functions()?;
    let change = search.change(&mut extras);
    let reduced = search.divergence(&extras).ok_or("the reduced run agrees at last; the divergence comes and goes")?;
    let line = subject.invocation(configuration, entry, &entry.args, &extras).line();
    let reference_line = subject.invocation(subject.reference(), entry, &entry.args, &plain).line();
    Ok(Found {
        lockstep_subject_bisect: VERSION,
        subject: subject.manifest.subject.clone(),
        version,
        program: entry.name.clone(),
        configuration: configuration.name.clone(),
        divergence,
        functions,
        change,
        reduced,
        line,
        reference_line,
        runs: search.runs,
    })
}

impl<'t> Search<'t, '_> {
    fn program(&self) -> &'t Program {
        &self.trials.subject.programs[self.program]
    }

    /// How a run differs from the reference, if it does.
    fn divergence(&mut self, extras: &Extras) -> Option<Divergence> {
        self.runs += 1;
        let seen: Observation = self.trials.observe(self.configuration, self.program(), extras);
        let difference = seen.agrees(self.trials.reference(self.program)).err()?;
        Some(Divergence { kind: difference.kind.to_owned(), what: difference.what })
    }

    fn diverges(&mut self, step: &str, extras: &Extras) -> bool {
        let diverges = self.divergence(extras).is_some();
        (self.watch)(step, self.runs);
        diverges
    }

    /// The functions behind it, and the run that compiles only these.
    fn functions(&mut self) -> Result<(Step<Functions>, Extras), String> {
        let manifest = &self.trials.subject.manifest;
        let plain = Extras::default();
        if manifest.compiled.is_none() {
            let why = "the subject does not say how to list what it compiles".to_owned();
            return Ok((Step::NotPossible(why), plain));
        }
        self.runs += 1;
        let compiled = self.trials.subject.listed(self.configuration, self.program())?;
        let not_possible = |why: &str| {
            let list = if compiled.is_empty() { "nothing".to_owned() } else { compiled.join(", ") };
            Ok((Step::NotPossible(format!("{why}; it compiled {list}")), plain.clone()))
        };
        if manifest.allow.is_none() {
            return not_possible("the subject has no list of what may be compiled");
        }
        let allowing = |functions: &[String]| Extras { allow: Some(functions.to_vec()), ..Extras::default() };
        if self.diverges("nothing compiled", &allowing(&[])) {
            return not_possible("it diverges with nothing compiled, too: no compiled function is to blame");
        }
        if !self.diverges("all of the list", &allowing(&compiled)) {
            return not_possible("it does not diverge when the functions of its own list are allowed one by one");
        }
        let minimal = reduce::minimal(&compiled, &mut |subset| self.diverges("functions", &allowing(subset)));
        let extras = allowing(&minimal);
        Ok((Step::Found(Functions { compiled, minimal }), extras))
    }

    /// The first wrong change, and the run that makes no more.
    fn change(&mut self, extras: &mut Extras) -> Step<Change> {
        if self.trials.subject.manifest.fuel.is_none() {
            return Step::NotPossible("the subject has no limit on the changes of its optimiser".to_owned());
        }
        let with = |fuel: u64, extras: &Extras| Extras { fuel: Some(fuel), ..extras.clone() };
        if self.diverges("no change", &with(0, extras)) {
            let why = "it diverges without any change of the optimiser: what is wrong comes before or after it";
            return Step::NotPossible(why.to_owned());
        }
        let mut most = 1;
        while !self.diverges("changes", &with(most, extras)) {
            if most >= MOST_FUEL {
                return Step::NotPossible("it agrees with any limit on changes, and diverges without one".to_owned());
            }
            most *= 16;
        }
        let first_wrong = reduce::least(most, &mut |fuel| self.diverges("changes", &with(fuel, extras)));
        extras.fuel = Some(first_wrong);
        Step::Found(Change { first_wrong })
    }
}
