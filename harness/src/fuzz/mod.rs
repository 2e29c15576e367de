//! Random functions: made ([`generate`]), judged on every column ([`check()`]), shrunk where they diverge ([`shrink`]).
//!
//! A worker checks a batch of functions at a time and says before each compilation which it is, so that a crash is one divergence
//! of one function; [`campaign`] runs the batches.

pub mod campaign;
pub mod coverage;
mod defined;
pub mod drive;
pub mod generate;
pub mod program;
pub mod rng;
pub mod shrink;

use std::collections::BTreeMap;

use lockstep_backend_api::{Backend, Evaluator, Options};
use lockstep_ir::Unit;
use serde::{Deserialize, Serialize};

use self::coverage::Coverage;
use self::generate::Generator;
use self::program::{Input, Program, REACHED_END, runs};
use crate::backends::{Backends, Column};
use crate::case::{CaseStats, Expected, Run};
use crate::check::{self, FailureKind, Verdict};

/// Steps after which a random function is given up. They are made to end; nested loops of calls may take long.
pub const STEPS: u64 = 100_000;

/// The functions of a batch: those of `seed` from `first` on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The seed of the whole run.
    pub seed: u64,
    /// Index of the first function.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Where they run.
    pub columns: Vec<Column>,
}

/// What a batch gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BatchReport {
    /// Functions made.
    pub functions: u64,
    /// Operations per function.
    pub sizes: Vec<u32>,
    /// Runs of the reference.
    pub runs: u64,
    /// Of those: that reached the function's end with all its writes.
    pub reached_end: u64,
    /// Functions that the reference gave up.
    pub given_up: u64,
    /// What was generated.
    pub coverage: Coverage,
    /// What it cost, by column.
    pub cost: BTreeMap<String, CaseStats>,
    /// What went wrong.
    pub divergences: Vec<Divergence>,
}

/// A function on which a column went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Its index.
    pub index: u64,
    /// Where.
    pub column: Column,
    /// A stable name for the kind of failure.
    pub kind: String,
    /// What, for people.
    pub what: String,
}

impl BatchReport {
    /// Adds another report.
    pub fn merge(&mut self, other: BatchReport) {
        self.functions += other.functions;
        self.sizes.extend(other.sizes);
        self.runs += other.runs;
        self.reached_end += other.reached_end;
        self.given_up += other.given_up;
        self.coverage.merge(&other.coverage);
        self.divergences.extend(other.divergences);
        for (column, stats) in other.cost {
            self.cost.entry(column).or_default().add(&stats);
        }
    }
}

/// What a kind of failure is called.
pub fn kind_name(kind: FailureKind) -> String {
    let name = serde_json::to_value(kind).ok().and_then(|k| k.as_str().map(str::to_owned));
    name.unwrap_or_else(|| format!("{kind:?}"))
}

/// The runs of a program with what the reference says must come out; `None` if it gives up on one, or if something that is
/// compared is not defined.
pub fn expect(unit: &Unit, inputs: &[Input], reference: &dyn Evaluator) -> Option<Vec<Run>> {
    let other = defined::with_other_nans(unit);
    let mut list = runs(unit, inputs);
    for run in &mut list {
        let outcome = check::evaluate(unit, run, reference, STEPS).ok()?;
        let again = check::evaluate(&other, run, reference, 4 * STEPS).ok()?;
        let words = outcome.memory.iter().zip(&again.memory).enumerate();
        if outcome.returned != again.returned || words.into_iter().any(|(n, (&a, &b))| !run.rules.get(n).same(a, b)) {
            return None;
        }
        run.expected = Expected::All(outcome);
    }
    Some(list)
}

/// THE check, of the fuzzer, its shrinker and the property tests: a verified unit does on a column what the reference does.
pub fn check(unit: &Unit, list: &[Run], backend: &dyn Backend, options: Options, stats: &mut CaseStats) -> Verdict {
    if let Err(e) = lockstep_ir::verify::verify(unit) {
        return Verdict::failed(FailureKind::InvalidUnit, e.to_string());
    }
    check::unit(unit, list, backend, options, stats)
}

/// What a worker says before it compiles a function.
pub fn progress_text(index: u64, column: usize) -> String {
    format!("checking function {index} on column {column}")
}

/// The function and the column that [`progress_text`] speaks of.
pub fn progress_of(text: &str) -> Option<(u64, usize)> {
    let (index, column) = text.strip_prefix("checking function ")?.split_once(" on column ")?;
    Some((index.parse().ok()?, column.parse().ok()?))
}

impl Batch {
    /// Checks the batch's functions.
    ///
    /// # Errors
    /// An unknown backend.
    pub fn run(&self, backends: &mut Backends, progress: &mut dyn FnMut(&str)) -> Result<BatchReport, String> {
        let generator = Generator::default();
        let mut report = BatchReport::default();
        for column in &self.columns {
            backends.resolve(&column.backend).map_err(|e| e.to_string())?;
        }
        for index in self.first..self.first + self.count {
            let Program { unit, inputs } = generator.program(self.seed, index);
            report.functions += 1;
            report.sizes.push(unit.functions.iter().map(|f| f.inst_count() as u32).sum());
            report.coverage.add(&unit);
            let Some(list) = expect(&unit, &inputs, backends.reference()) else {
                report.given_up += 1;
                continue;
            };
            report.runs += list.len() as u64;
            let reached = |run: &&Run| matches!(&run.expected, Expected::All(o) if o.returned == REACHED_END);
            report.reached_end += list.iter().filter(reached).count() as u64;
            for (number, column) in self.columns.iter().enumerate() {
                progress(&progress_text(index, number));
                let backend = backends.resolve(&column.backend).map_err(|e| e.to_string())?;
                // Backends' own checks cost more than compilation: now and then.
                let options = Options { level: column.level, verify: index % 16 == 0 };
                let stats = report.cost.entry(column.to_string()).or_default();
                if let Verdict::Failed { kind, what } = check(&unit, &list, backend, options, stats) {
                    let (column, kind) = (column.clone(), kind_name(kind));
                    report.divergences.push(Divergence { index, column, kind, what });
                }
            }
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// About a second of the fuzzer, in this process, on all backends of the build.
    #[test]
    fn random_functions_do_the_same_everywhere() {
        let mut backends = Backends::new();
        let columns = backends.columns(&[], &[]).expect("the build's backends");
        let start = Instant::now();
        let mut report = BatchReport::default();
        for first in (0..).step_by(5) {
            let batch = Batch { seed: 1, first, count: 5, columns: columns.clone() };
            report.merge(batch.run(&mut backends, &mut |_| {}).expect("known backends"));
            if start.elapsed() > Duration::from_secs(1) {
                break;
            }
        }
        assert_eq!(report.divergences, []);
    }

    #[test]
    fn a_seed_means_the_same_function_for_ever() {
        let print = |seed, index| lockstep_ir::text::print(&Generator::default().program(seed, index).unit);
        assert_eq!(print(7, 3), print(7, 3));
        assert_ne!(print(7, 3), print(7, 4));
        assert_ne!(print(7, 3), print(8, 3));
    }

    #[test]
    fn functions_are_valid_long_and_mostly_reach_their_end() {
        let batch = Batch { seed: 2, first: 0, count: 300, columns: Vec::new() };
        let generator = Generator::default();
        for index in 0..batch.count {
            let unit = generator.program(batch.seed, index).unit;
            lockstep_ir::verify::verify(&unit).unwrap_or_else(|e| panic!("function {index}: {e}"));
            let text = lockstep_ir::text::print(&unit);
            let again = lockstep_ir::text::parse("generated", &text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again, unit, "the text form of function {index} does not round-trip");
        }
        let mut report = batch.run(&mut Backends::new(), &mut |_| {}).expect("no backend needed");
        report.sizes.sort_unstable();
        assert!(report.sizes[report.sizes.len() / 2] >= 40);
        assert!(report.given_up * 50 <= report.functions, "{} given up", report.given_up);
        assert!(report.reached_end * 10 >= 6 * 8 * report.functions, "{} of {} runs", report.reached_end, report.runs);
    }
}
