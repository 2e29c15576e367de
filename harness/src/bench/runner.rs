//! Runs a plan. What a process is, is the [`Runner`]'s business; here it is a function from a job to a measurement, or to a reason.

use std::io;
use std::num::NonZero;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::exact::{self, Instructions};
use super::implementation::Implementation;
use super::journal::{Entry, Journal, Outcome};
use super::kernel::{Kernel, Size};
use super::machine::{self, Machine};
use super::plan::{Job, Plan, Work};
use super::results::{
    BenchResults, Calibration, CompileSample, CompileSeries, Conditions, Finding, FindingKind, Participant, Sample,
    Series, VERSION, Workload,
};
use super::{build, noise};

/// Runs jobs, each in a process of its own.
pub trait Runner {
    /// Runs one.
    ///
    /// # Errors
    /// Why there is no measurement: the series is void from then on, and not tried again.
    fn run(&mut self, plan: &Plan, job: &Job) -> Result<Measured, String>;

    /// Runs several that are not disturbed by what else runs ([`Work::Count`]): side by side, where it can. The answers are in their order.
    fn run_together(&mut self, plan: &Plan, jobs: &[&Job]) -> Vec<Result<Measured, String>> {
        jobs.iter().map(|job| self.run(plan, job)).collect()
    }

    /// Why an implementation has no timing on a kernel at all: its parity has not passed in this build.
    fn barred(&mut self, kernel: &Kernel, implementation: &Implementation) -> Option<String>;

    /// Seconds of the calibration loop, now.
    fn calibrate(&mut self) -> f64;
}

/// What a process measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// A run of a kernel.
    Run(Sample),
    /// A compilation of the corpus.
    Compile(CompileSample),
    /// Instructions of a call.
    Count(u64),
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'j> {
    /// Processes done.
    pub done: usize,
    /// Processes in all.
    pub all: usize,
    /// The kernel at hand; none while the corpus is compiled.
    pub kernel: Option<&'j Kernel>,
    /// Who runs it.
    pub implementation: &'j Implementation,
}

/// Names kernels, by index.
pub type Unsettled<'s> = &'s dyn Fn(&BenchResults) -> Vec<usize>;

/// A run, besides its plan.
#[derive(Default)]
pub struct Setting<'s> {
    /// Who takes part, and who cannot.
    pub participants: Vec<Participant>,
    /// Whether only a part was asked for.
    pub filtered: bool,
    /// Who takes part twice.
    pub again: Option<Implementation>,
    /// Where each process is noted down, and what was done before.
    pub journal: Option<&'s mut Journal>,
    /// Says of results which kernels of the plan, by index, have a gate that did not pass; asked once, if the plan would settle them.
    pub unsettled: Option<Unsettled<'s>>,
}

/// Measures everything that is planned.
///
/// # Errors
/// The journal cannot be written.
pub fn measure(
    plan: &Plan,
    setting: Setting<'_>,
    runner: &mut dyn Runner,
    watch: &mut dyn FnMut(Progress<'_>),
) -> io::Result<BenchResults> {
    let Setting { participants, filtered, again, journal, unsettled } = setting;
    let mut results = BenchResults {
        lockstep_bench: VERSION,
        build: build::this(),
        plan: plan.fingerprint(),
        machine: Machine::here(),
        conditions: Conditions {
            quick: plan.quick,
            filtered,
            rounds: plan.rounds,
            settle: plan.settle,
            seed: plan.seed,
            shard: plan.shard,
            again,
            resumed: journal.as_ref().map_or(0, |j| j.count()),
            ..Conditions::default()
        },
        participants,
        workloads: plan.chosen().into_iter().map(|k| workload(&plan.kernels[k], plan.size())).collect(),
        ..BenchResults::default()
    };
    let warm = plan.chosen().into_iter().map(|k| &plan.kernels[k]).filter(|k| k.args.contains_key(&Size::Warm));
    results.warmup = warm.map(|kernel| workload(kernel, Size::Warm)).collect();
    let jobs = plan.jobs();
    let mut measuring = Measuring { plan, results, counts: Vec::new(), journal, runner, watch };
    measuring.run_all(&jobs, 0)?;
    if let Some(unsettled) = unsettled.filter(|_| plan.settle.is_some()) {
        let mut first = measuring.results.clone();
        finish(&mut first, plan, &measuring.counts);
        measuring.run_all(&plan.settling(&unsettled(&first)), jobs.len())?;
    }
    let Measuring { mut results, counts, .. } = measuring;
    finish(&mut results, plan, &counts);
    Ok(results)
}

/// A run on its way.
struct Measuring<'m> {
    plan: &'m Plan,
    results: BenchResults,
    counts: Vec<Instructions>,
    journal: Option<&'m mut Journal>,
    runner: &'m mut dyn Runner,
    watch: &'m mut dyn FnMut(Progress<'_>),
}

impl Measuring<'_> {
    /// Runs jobs, of which the first has that number in the journal.
    fn run_all(&mut self, jobs: &[Job], first: usize) -> io::Result<()> {
        let mut at = 0;
        while at < jobs.len() {
            let together = together(&jobs[at..]);
            self.run_some(&jobs[at..at + together], first + at, first + jobs.len())?;
            at += together;
        }
        Ok(())
    }

    /// Runs jobs side by side, of which the first has that number among `all`.
    fn run_some(&mut self, jobs: &[Job], first: usize, all: usize) -> io::Result<()> {
        let Self { plan, results, counts, journal, runner, watch } = self;
        let mut open = Vec::new();
        for (number, job) in (first..).zip(jobs) {
            let kernel = job.kernel().map(|k| &plan.kernels[k]);
            watch(Progress { done: number, all, kernel, implementation: &job.implementation });
            if is_void(results, plan, job, *runner) {
                continue;
            }
            match journal.as_ref().and_then(|j| j.done(number)).cloned() {
                Some(entry) => {
                    results.conditions.seconds += entry.seconds;
                    record(results, plan, job, entry.outcome, counts);
                }
                None => open.push((number, job)),
            }
        }
        let start = Instant::now();
        let outcomes = match open[..] {
            [(_, job)] => vec![run(plan, job, *runner)],
            _ => {
                let jobs: Vec<&Job> = open.iter().map(|(_, job)| *job).collect();
                runner
                    .run_together(plan, &jobs)
                    .into_iter()
                    .map(|m| m.map_or_else(Outcome::Failed, Outcome::Measured))
                    .collect()
            }
        };
        let seconds = start.elapsed().as_secs_f64() / open.len().max(1) as f64;
        for ((number, job), outcome) in open.into_iter().zip(outcomes) {
            let entry = Entry { job: number, seconds, outcome };
            if let Some(journal) = journal {
                journal.append(&entry)?;
            }
            results.conditions.seconds += seconds;
            record(results, plan, job, entry.outcome, counts);
        }
        Ok(())
    }
}

/// How many of the next jobs run side by side: what else runs disturbs timings, but not counts.
fn together(jobs: &[Job]) -> usize {
    let counts = jobs.iter().take_while(|job| matches!(job.work, Work::Count(_))).count();
    counts.min(std::thread::available_parallelism().map_or(1, NonZero::get)).max(1)
}

fn workload(kernel: &Kernel, size: Size) -> Workload {
    Workload {
        case: kernel.case.clone(),
        kernel: kernel.name.clone(),
        size,
        args: kernel.args.get(&size).cloned().unwrap_or_default(),
        interpreted: kernel.interpreted.clone(),
        checksum: None,
        series: Vec::new(),
    }
}

/// Runs a job between two calibrations.
fn run(plan: &Plan, job: &Job, runner: &mut dyn Runner) -> Outcome {
    let before = runner.calibrate();
    let measured = runner.run(plan, job);
    let calibration = Some(Calibration { before, after: runner.calibrate() });
    match measured {
        Ok(Measured::Run(sample)) => {
            Outcome::Measured(Measured::Run(Sample { round: job.round, calibration, ..sample }))
        }
        Ok(Measured::Compile(sample)) => {
            Outcome::Measured(Measured::Compile(CompileSample { round: job.round, calibration, ..sample }))
        }
        Ok(count @ Measured::Count(_)) => Outcome::Measured(count),
        Err(why) => Outcome::Failed(why),
    }
}

/// The series that a job of a kernel at a size belongs to.
fn series<'r>(results: &'r mut BenchResults, plan: &Plan, kernel: usize, size: Size) -> &'r mut Vec<Series> {
    let all = if size == Size::Warm { &mut results.warmup } else { &mut results.workloads };
    let name = &plan.kernels[kernel].name;
    &mut all.iter_mut().find(|w| w.kernel == *name).expect("every kernel of the plan has a workload").series
}

/// Whether a job need not run, because its series does not count. Makes the series if it is the first of it.
fn is_void(results: &mut BenchResults, plan: &Plan, job: &Job, runner: &mut dyn Runner) -> bool {
    let who = &job.implementation;
    match job.work {
        Work::Run(kernel, size) => {
            let all = series(results, plan, kernel, size);
            if let Some(series) = all.iter().find(|s| s.implementation == *who) {
                return series.void.is_some();
            }
            let void = runner.barred(&plan.kernels[kernel], who);
            all.push(Series { implementation: who.clone(), samples: Vec::new(), void: void.clone() });
            void.is_some()
        }
        Work::Compile => {
            if let Some(series) = results.compile.iter().find(|s| s.implementation == *who) {
                return series.void.is_some();
            }
            results.compile.push(CompileSeries { implementation: who.clone(), samples: Vec::new(), void: None });
            false
        }
        Work::Count(kernel) => runner.barred(&plan.kernels[kernel], who).is_some(),
    }
}

/// Puts what came of a job where it belongs.
fn record(results: &mut BenchResults, plan: &Plan, job: &Job, outcome: Outcome, counts: &mut Vec<Instructions>) {
    let who = &job.implementation;
    let other = || "another measurement than was asked for".to_owned();
    match job.work {
        Work::Run(kernel, size) => {
            let all = series(results, plan, kernel, size);
            let series = all.iter_mut().find(|s| s.implementation == *who).expect("made before");
            match outcome {
                Outcome::Measured(Measured::Run(sample)) => series.samples.push(sample),
                Outcome::Measured(_) => series.void = Some(other()),
                Outcome::Failed(why) => series.void = Some(why),
            }
        }
        Work::Compile => {
            let series = results.compile.iter_mut().find(|s| s.implementation == *who).expect("made before");
            match outcome {
                Outcome::Measured(Measured::Compile(sample)) => series.samples.push(sample),
                Outcome::Measured(_) => series.void = Some(other()),
                Outcome::Failed(why) => series.void = Some(why),
            }
        }
        Work::Count(kernel) => {
            let kernel = plan.kernels[kernel].name.clone();
            let what = match outcome {
                Outcome::Measured(Measured::Count(count)) => {
                    return counts.push(Instructions { kernel, implementation: who.clone(), count });
                }
                Outcome::Measured(_) => other(),
                Outcome::Failed(why) => why,
            };
            results.findings.push(Finding {
                kind: FindingKind::NotMeasured,
                kernel: Some(kernel),
                implementation: Some(who.clone()),
                what: format!("instructions: {}", what.lines().next().unwrap_or_default()),
                fails: false,
            });
        }
    }
}

/// What is known only at the end.
fn finish(results: &mut BenchResults, plan: &Plan, counts: &[Instructions]) {
    // In the order of the plan, whatever order the first round had.
    let rank = |i: &Implementation| plan.implementations.iter().position(|p| p == i);
    for workload in results.workloads.iter_mut().chain(&mut results.warmup) {
        workload.series.sort_by_key(|s| rank(&s.implementation));
        workload.check();
    }
    results.compile.sort_by_key(|s| rank(&s.implementation));
    results.conditions.load_at_end = machine::load();
    noise::mark(results);
    results.exact = exact::collect(results, counts);
    results.exact.sort_by_key(|e| (e.kernel.clone(), rank(&e.implementation), e.measure));
    results.judge();
}

impl BenchResults {
    /// What the run says about itself, from its samples as they are now. Findings about what could not be measured stay.
    pub fn judge(&mut self) {
        self.findings.retain(|f| matches!(f.kind, FindingKind::NotMeasured | FindingKind::Machines));
        self.findings.extend(exact::disagreements(&self.exact));
        let noisy = noise::findings(self);
        self.findings.extend(noisy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::journal::Header;
    use crate::bench::kernel::KernelGates;
    use crate::bench::plan::Shard;

    /// Answers without measuring, and fails after so many jobs.
    struct Fake {
        jobs: usize,
        fail_from: usize,
        checksum: &'static str,
    }

    impl Runner for Fake {
        fn run(&mut self, _plan: &Plan, job: &Job) -> Result<Measured, String> {
            self.jobs += 1;
            if self.jobs > self.fail_from {
                return Err("interrupted".to_owned());
            }
            let checksum = self.checksum.to_owned();
            Ok(match job.work {
                Work::Run(..) => Measured::Run(Sample { calls: vec![0.5], checksum, units: 1, ..Sample::default() }),
                Work::Compile => {
                    Measured::Compile(CompileSample { median: 1e-5, units: 3, ..CompileSample::default() })
                }
                Work::Count(_) => Measured::Count(1000 + job.round as u64),
            })
        }

        fn barred(&mut self, _: &Kernel, implementation: &Implementation) -> Option<String> {
            (implementation.to_string() == "bad/none").then(|| "its parity has not passed".to_owned())
        }

        fn calibrate(&mut self) -> f64 {
            0.001
        }
    }

    fn fake() -> Fake {
        Fake { jobs: 0, fail_from: usize::MAX, checksum: "7" }
    }

    fn plan() -> Plan {
        let kernel = |name: &str| Kernel {
            case: format!("bench/{name}"),
            name: name.to_owned(),
            args: [Size::Warm, Size::Quick, Size::Full].map(|size| (size, vec!["1".to_owned()])).into(),
            peer: None,
            script: None,
            interpreted: None,
            gates: KernelGates::default(),
        };
        let who = |names: &[&str]| names.iter().map(|n| n.parse().expect("a name")).collect();
        Plan {
            kernels: ["one", "two", "three"].map(kernel).into(),
            implementations: who(&["interpreter", "a/none", "bad/none", "again:a/none"]),
            compilers: who(&["a/none", "again:a/none"]),
            warmers: who(&["a/none"]),
            counted: Vec::new(),
            rounds: 3,
            settle: None,
            quick: true,
            seed: 4,
            shard: None,
            corpus: String::new(),
        }
    }

    fn setting<'s>(journal: Option<&'s mut Journal>) -> Setting<'s> {
        let again = Some("a/none".parse().expect("a name"));
        Setting { participants: Vec::new(), filtered: false, again, journal, unsettled: None }
    }

    #[test]
    fn everything_planned_is_measured_and_who_is_barred_is_not() {
        let mut runner = fake();
        let results = measure(&plan(), setting(None), &mut runner, &mut |_| {}).expect("no journal");
        // Three kernels: three who run them in each of three rounds, and one who warms up, once; and two compilers.
        assert_eq!(runner.jobs, 3 * (3 * 3 + 2) + 3);
        for workload in &results.workloads {
            let names: Vec<String> = workload.series.iter().map(|s| s.implementation.to_string()).collect();
            assert_eq!(names, ["interpreter", "a/none", "bad/none", "again:a/none"]);
            assert!(workload.series[2].void.as_ref().is_some_and(|why| why.contains("parity")));
            let rounds: Vec<usize> = workload.series[1].samples.iter().map(|s| s.round).collect();
            assert_eq!(rounds, [0, 1, 2]);
        }
        assert_eq!(results.warmup.len(), 3);
        assert!(results.warmup.iter().all(|w| w.size == Size::Warm && w.series.len() == 1));
        assert_eq!(results.conditions.calibration, Some(0.001));
        assert!(results.findings.is_empty(), "{:?}", results.findings);
    }

    #[test]
    fn only_what_is_unsettled_is_run_on() {
        let plan = Plan { settle: Some(5), ..plan() };
        let mut runner = fake();
        let second = |first: &BenchResults| {
            assert!(first.workloads.iter().all(|w| w.series[0].samples.len() == 3));
            vec![1]
        };
        let setting = Setting { unsettled: Some(&second), ..setting(None) };
        let results = measure(&plan, setting, &mut runner, &mut |_| {}).expect("no journal");
        assert_eq!(runner.jobs, 3 * (3 * 3 + 2) + 3 + 2 * 3);
        for (workload, rounds) in results.workloads.iter().zip([3, 5, 3]) {
            let found: Vec<usize> = workload.series[1].samples.iter().map(|s| s.round).collect();
            assert_eq!(found, (0..rounds).collect::<Vec<_>>());
        }
    }

    #[test]
    fn counts_that_differ_from_process_to_process_are_a_finding() {
        let plan = Plan { counted: plan().warmers, ..plan() };
        let results = measure(&plan, setting(None), &mut fake(), &mut |_| {}).expect("no journal");
        let found: Vec<&Finding> =
            results.findings.iter().filter(|f| f.kind == FindingKind::NotDeterministic && f.fails).collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].what.contains("instructions is 1000") && found[0].what.contains("1001"), "{found:?}");
    }

    #[test]
    fn an_interrupted_run_goes_on_where_it_was() {
        let path = std::env::temp_dir().join(format!("lockstep-runner-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let header = Header::new(build::this(), plan().fingerprint(), None);
        let mut journal = Journal::open(&path, &header).expect("a new one");
        let whole = measure(&plan(), setting(Some(&mut journal)), &mut fake(), &mut |_| {}).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        // As if it had been ended after ten jobs.
        let begun: Vec<&str> = text.lines().take(11).collect();
        std::fs::write(&path, begun.join("\n") + "\n{\"job\"").expect("writable");
        let mut journal = Journal::open(&path, &header).expect("continued");
        let mut runner = fake();
        let mut rest = measure(&plan(), setting(Some(&mut journal)), &mut runner, &mut |_| {}).expect("written");
        assert_eq!((runner.jobs, rest.conditions.resumed), (26, 10));
        rest.conditions = whole.conditions.clone();
        rest.machine = whole.machine.clone();
        assert_eq!(rest, whole);
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn a_process_that_fails_voids_its_series() {
        let mut runner = Fake { fail_from: 30, ..fake() };
        let results = measure(&plan(), setting(None), &mut runner, &mut |_| {}).expect("no journal");
        let void =
            results.workloads.iter().flat_map(|w| &w.series).filter(|s| s.void.as_deref() == Some("interrupted"));
        assert!(void.count() > 0);
    }

    #[test]
    fn a_shard_measures_its_kernels_alone() {
        let shard = |index| Plan { shard: Some(Shard { index, of: 2 }), ..plan() };
        let results = measure(&shard(1), setting(None), &mut fake(), &mut |_| {}).expect("no journal");
        assert_eq!((results.kernels(), results.compile.len()), (vec!["one", "three"], 0));
        let results = measure(&shard(2), setting(None), &mut fake(), &mut |_| {}).expect("no journal");
        assert_eq!((results.kernels(), results.compile.len()), (vec!["two"], 2));
    }
}
