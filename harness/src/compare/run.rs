//! A run as it is compared, kept in baselines and histories, and resampled by the study: environment and series, without what a report tells besides.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::environment::{Environment, Fingerprint};
use super::series::{Better, Data, Key, Series};
use crate::bench::noise::undisturbed;
use crate::bench::results::{BenchResults, Exact, Measure, Sample, Workload};
use crate::bench::{Implementation, Size};
use crate::program::coverage::{Coverage, CoverageResults};
use crate::program::lowering::InstructionTable;

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// What series of whole-corpus compilation are about.
pub const CORPUS: &str = "corpus";

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`VERSION`].
    pub lockstep_run: u32,
    /// When it began, as RFC 3339; empty where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// Of which commit; empty where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// Fingerprint of the executable that measured; empty where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub executable: String,
    /// Seconds of the calibration loop, the median of the run: how fast the machine was, whatever it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<f64>,
    /// On what; none of data from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// What was measured.
    pub series: Vec<Series>,
}

impl Run {
    /// A run of which nothing is known but its series.
    pub fn bare(series: Vec<Series>) -> Self {
        Self {
            lockstep_run: VERSION,
            date: String::new(),
            commit: String::new(),
            executable: String::new(),
            calibration: None,
            environment: None,
            series,
        }
    }

    /// What a run of benchmarks measured.
    pub fn of(results: &BenchResults) -> Self {
        let mut series: Vec<Series> = results.workloads.iter().flat_map(of_workload).collect();
        series.extend(of_compilation(results));
        series.extend(results.exact.iter().map(exact));
        let versions = results.present().map(|p| (p.implementation.to_string(), p.version.clone()));
        let workloads = results.workloads.iter().map(|w| (on(w), w.args.join(" ")));
        let programs = results.compile.iter().flat_map(|s| &s.samples).map(|s| &s.programs).find(|p| !p.is_empty());
        let environment = Environment {
            machine: Fingerprint::of(&results.machine),
            profile: results.build.profile.clone(),
            governor: results.machine.governor.clone(),
            versions: versions.collect(),
            workloads: workloads.chain(programs.map(|print| (CORPUS.to_owned(), print.clone()))).collect(),
        };
        Self {
            executable: results.build.executable.clone(),
            calibration: results.conditions.calibration,
            environment: Some(environment),
            ..Self::bare(series)
        }
    }

    /// What a run of `lockstep coverage` counted: shares of each program's instructions, of which nothing varies, and the instructions that compile at all.
    pub fn of_coverage(results: &CoverageResults) -> Self {
        let size = if results.quick { Size::Quick } else { Size::Full };
        let mut series = Vec::new();
        for row in &results.programs {
            let mut add = |measure: &str, better, data: fn(&Coverage) -> f64| {
                let key = Key::new(measure, format!("{} {size}", row.case), row.column.to_string());
                series.push(match &row.coverage {
                    Some(coverage) => Series::exact(key, better, [data(coverage)]),
                    None => Series { key, better, data: Data::Void(row.failure.clone().unwrap_or_default()) },
                });
            };
            add("native_percent", Better::Higher, Coverage::native_percent);
            add("inline_percent", Better::Higher, Coverage::inline_percent);
            add("executed", Better::Neither, |c| c.total as f64);
        }
        let compiled = |(of, table): (&String, &InstructionTable)| {
            Series::exact(
                Key::new("compiled_instructions", CORPUS, of.as_str()),
                Better::Higher,
                [table.compiled as f64],
            )
        };
        series.extend(results.instructions.iter().map(compiled));
        Self::bare(series)
    }

    /// The series of one implementation, without its name: what can be compared with another's.
    pub fn only(&self, implementation: &str) -> Vec<Series> {
        let own = self.series.iter().filter(|s| s.key.of == implementation);
        own.map(|s| Series { key: Key { of: String::new(), ..s.key.clone() }, ..s.clone() }).collect()
    }

    /// Without what is about the corpus, if another run compiled other programs.
    pub fn comparable_with(&self, other: &Self) -> Cow<'_, Self> {
        match (&self.environment, &other.environment) {
            (Some(own), Some(others)) if !own.same_programs(others) => {
                let mut run = self.clone();
                run.series.retain(|series| series.key.on != CORPUS);
                Cow::Owned(run)
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Leaves six digits of what varies: noise has fewer, and files are read by people.
    pub fn round(&mut self) {
        for series in &mut self.series {
            if let Data::Noisy(processes) = &mut series.data {
                for value in processes.values_mut().flatten() {
                    *value = format!("{value:.5e}").parse().expect("it is a number");
                }
            }
        }
    }

    /// Makes an implementation slower, as a planted violation: everything of it that varies takes so many times its value.
    pub fn scale(&mut self, implementation: &str, factor: f64) {
        for series in self.series.iter_mut().filter(|s| s.key.of == implementation) {
            if let Data::Noisy(processes) = &mut series.data {
                processes.values_mut().flatten().for_each(|value| *value *= factor);
            }
        }
    }

    /// Whose series there are.
    pub fn implementations(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.series.iter().map(|s| s.key.of.as_str()).filter(|of| !of.is_empty()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a series of a workload is about.
fn on(workload: &Workload) -> String {
    format!("{} {}", workload.kernel, workload.size)
}

fn of_workload(workload: &Workload) -> Vec<Series> {
    let mut all = Vec::new();
    for series in &workload.series {
        let key = |measure: &str| Key::new(measure, on(workload), series.implementation.to_string());
        if let Some(why) = &series.void {
            all.push(Series { key: key("time"), better: Better::Lower, data: Data::Void(why.clone()) });
            continue;
        }
        let noisy = |measure: &str, values: fn(&Sample) -> Vec<f64>| {
            let (samples, _) = undisturbed(series.samples.iter().collect(), |s| s.disturbed);
            Series::noisy(key(measure), Better::Lower, samples.iter().map(|s| (s.round, values(s))).collect())
        };
        all.push(noisy("time", |s| s.calls.get(s.warm..).unwrap_or_default().to_vec()));
        if series.implementation.column().is_some() {
            all.push(noisy("compile", |s| vec![s.compile_seconds()]));
        }
    }
    all
}

fn of_compilation(results: &BenchResults) -> Vec<Series> {
    let mut all = Vec::new();
    for series in &results.compile {
        let key = |measure: &str| Key::new(measure, CORPUS, series.implementation.to_string());
        if let Some(why) = &series.void {
            all.push(Series { key: key("compile"), better: Better::Lower, data: Data::Void(why.clone()) });
            continue;
        }
        let (samples, _) = undisturbed(series.samples.iter().collect(), |s| s.disturbed);
        let times: BTreeMap<usize, Vec<f64>> =
            samples.iter().map(|s| (s.round, vec![if s.processor > 0.0 { s.processor } else { s.median }])).collect();
        all.push(Series::noisy(key("compile"), Better::Lower, times));
    }
    all
}

fn exact(exact: &Exact) -> Series {
    let on = match (&exact.kernel, exact.size) {
        (Some(kernel), Some(size)) => format!("{kernel} {size}"),
        (Some(kernel), None) => kernel.clone(),
        (None, _) => CORPUS.to_owned(),
    };
    let better = if exact.measure == Measure::Units { Better::Neither } else { Better::Lower };
    let values = [exact.value].into_iter().chain(exact.others.iter().copied()).map(|value| value as f64);
    Series::exact(Key::new(exact.measure.name(), on, exact.implementation.to_string()), better, values)
}

/// The name of an implementation, checked.
///
/// # Errors
/// It has none of this name; the message lists those it has.
pub fn implementation<'n>(run: &Run, name: &'n str) -> Result<&'n str, String> {
    let all = run.implementations();
    if all.contains(&name) {
        return Ok(name);
    }
    let known = name.parse::<Implementation>().is_ok();
    let why = if known { "took no part in it" } else { "is no implementation" };
    Err(format!("`{name}` {why}; there are {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::Column;
    use crate::bench::{exact as deterministic, testing};
    use crate::compare::decide::Outcome;
    use crate::compare::{Comparison, Rule};
    use crate::program::coverage::{self, CoverageRow};

    fn counted(inline: u64, interpreted: u64) -> Run {
        let coverage = Coverage { inline, interpreted, total: inline + interpreted, ..Coverage::default() };
        let column = Column { backend: "one".to_owned(), level: lockstep_backend_api::Level::Speed };
        let row = CoverageRow { case: "bench/fib".to_owned(), column, coverage: Some(coverage), failure: None };
        Run::of_coverage(&CoverageResults {
            lockstep_coverage: coverage::VERSION,
            build: crate::bench::results::Build::default(),
            quick: true,
            instructions: BTreeMap::new(),
            programs: vec![row],
        })
    }

    #[test]
    fn what_is_about_the_corpus_is_compared_of_the_same_programs_only() {
        let run = |programs: &str, bytes| {
            let mut results = testing::results();
            for sample in results.compile.iter_mut().flat_map(|series| &mut series.samples) {
                sample.programs = programs.to_owned();
                sample.code_bytes = bytes;
            }
            results.exact = deterministic::collect(&results, &[]);
            Run::of(&results)
        };
        let worse = |a: &Run, b: &Run| {
            let found = Comparison::of_runs(("a", a), ("b", b), Rule::default(), false).expect("comparable");
            (found.count(Outcome::Worse), found.differences.len())
        };
        let three = testing::results().compile.len();
        assert_eq!(worse(&run("one", 700), &run("one", 701)), (three, 0));
        assert_eq!(worse(&run("one", 700), &run("other", 701)), (0, 1));
        assert_eq!(worse(&run("", 700), &run("one", 701)), (three, 0), "what is not known is not held against it");
    }

    #[test]
    fn coverage_is_compared_exactly() {
        let outcomes = |a: &Run, b: &Run| {
            let comparison = Comparison::of_runs(("a", a), ("b", b), Rule::default(), false).expect("comparable");
            let found = comparison.findings.iter().map(|f| (f.key.measure.clone(), f.outcome));
            (found.collect::<BTreeMap<_, _>>(), comparison.status(false))
        };
        let (before, after) = (counted(1000, 0), counted(999, 1));
        let (worse, status) = outcomes(&before, &after);
        assert_eq!((worse["native_percent"], worse["executed"], status), (Outcome::Worse, Outcome::Same, 1));
        let (better, status) = outcomes(&after, &before);
        assert_eq!((better["native_percent"], status), (Outcome::Better, 0));
        assert_eq!(outcomes(&after, &after).1, 0);
    }
}
