//! Runs a plan. What a process is, is the [`Runner`]'s business; here it is a function from a job to a measurement, or to a reason.

use std::time::Instant;

use super::implementation::Implementation;
use super::kernel::Kernel;
use super::machine::{self, Machine};
use super::plan::{Job, Plan, Work};
use super::results::{
    BenchResults, CompileSample, CompileSeries, Conditions, Participant, Sample, Series, VERSION, Workload,
};

/// Runs jobs, each in a process of its own.
pub trait Runner {
    /// Runs one.
    ///
    /// # Errors
    /// Why there is no measurement: the series is void from then on, and not tried again.
    fn run(&mut self, plan: &Plan, job: &Job) -> Result<Measured, String>;

    /// Why an implementation has no timing on a kernel at all: its parity has not passed in this build.
    fn barred(&mut self, kernel: &Kernel, implementation: &Implementation) -> Option<String>;
}

/// What a process measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// A run of a kernel.
    Run(Sample),
    /// A compilation of the corpus.
    Compile(CompileSample),
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

/// Measures everything that is planned.
pub fn measure(
    plan: &Plan,
    participants: Vec<Participant>,
    filtered: bool,
    runner: &mut dyn Runner,
    watch: &mut dyn FnMut(Progress<'_>),
) -> BenchResults {
    let machine = Machine::here();
    let started = Instant::now();
    let jobs = plan.jobs();
    let indices = plan.workloads();
    let mut workloads: Vec<Workload> = indices
        .iter()
        .map(|&(index, size)| {
            let kernel = &plan.kernels[index];
            Workload {
                case: kernel.case.clone(),
                kernel: kernel.name.clone(),
                size,
                args: kernel.args.get(&size).cloned().unwrap_or_default(),
                checksum: None,
                series: Vec::new(),
            }
        })
        .collect();
    let mut compile: Vec<CompileSeries> = Vec::new();

    for (done, job) in jobs.iter().enumerate() {
        let who = &job.implementation;
        match job.work {
            Work::Run(index, size) => {
                let kernel = &plan.kernels[index];
                watch(Progress { done, all: jobs.len(), kernel: Some(kernel), implementation: who });
                let at = indices.iter().position(|&w| w == (index, size)).expect("jobs come from the workloads");
                let all = &mut workloads[at].series;
                let series = match all.iter().position(|s| s.implementation == *who) {
                    Some(at) => &mut all[at],
                    None => {
                        let void = runner.barred(kernel, who);
                        all.push(Series { implementation: who.clone(), samples: Vec::new(), void });
                        all.last_mut().expect("just pushed")
                    }
                };
                if series.void.is_none() {
                    match runner.run(plan, job) {
                        Ok(Measured::Run(sample)) => series.samples.push(Sample { round: job.round, ..sample }),
                        Ok(Measured::Compile(_)) => series.void = Some("another measurement than was asked for".into()),
                        Err(why) => series.void = Some(why),
                    }
                }
            }
            Work::Compile => {
                watch(Progress { done, all: jobs.len(), kernel: None, implementation: who });
                let series = match compile.iter().position(|s| s.implementation == *who) {
                    Some(at) => &mut compile[at],
                    None => {
                        compile.push(CompileSeries { implementation: who.clone(), samples: Vec::new(), void: None });
                        compile.last_mut().expect("just pushed")
                    }
                };
                if series.void.is_none() {
                    match runner.run(plan, job) {
                        Ok(Measured::Compile(sample)) => {
                            series.samples.push(CompileSample { round: job.round, ..sample });
                        }
                        Ok(Measured::Run(_)) => series.void = Some("another measurement than was asked for".into()),
                        Err(why) => series.void = Some(why),
                    }
                }
            }
        }
    }

    // In the order of the plan, whatever order the first round had.
    let rank = |i: &Implementation| plan.implementations.iter().position(|p| p == i);
    for workload in &mut workloads {
        workload.series.sort_by_key(|s| rank(&s.implementation));
        workload.check();
    }
    compile.sort_by_key(|s| rank(&s.implementation));
    BenchResults {
        lockstep_bench: VERSION,
        machine,
        conditions: Conditions {
            quick: plan.quick,
            filtered,
            rounds: plan.rounds,
            seed: plan.seed,
            seconds: started.elapsed().as_secs_f64(),
            load_at_end: machine::load(),
            ..Conditions::default()
        },
        participants,
        workloads,
        compile,
        ..BenchResults::default()
    }
}
