//! Jobs as processes: a fresh worker for each, peers as they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rayon::prelude::*;

use super::implementation::Implementation;
use super::kernel::{Kernel, Script, Size};
use super::measure::Calls;
use super::plan::{Job, Plan, Work};
use super::results::Sample;
use super::runner::{Measured, Runner};
use super::{calibration, instructions, peer};
use crate::lua;
use crate::program::Configuration;
use crate::worker::{Answer, Limits, Pool, Task, Worker};

/// How long a process may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs jobs in processes.
pub struct Processes {
    corpus: PathBuf,
    /// Where the twins are.
    peers: PathBuf,
    /// Where compiled twins go.
    build: PathBuf,
    /// Measured calls of a process with native code.
    calls: usize,
    /// Calls of a process that warms up.
    series: usize,
    /// For parity trials, which need no fresh process each.
    pool: Pool,
    twins: BTreeMap<(String, String), Result<Vec<PathBuf>, String>>,
    parity: BTreeMap<(String, String), Option<String>>,
}

impl Processes {
    /// Runs kernels of `corpus` and twins from `peers`, compiled into `build`. A process with native code measures so many `calls`, one that warms up a
    /// `series` of so many.
    pub fn new(corpus: PathBuf, peers: PathBuf, build: PathBuf, calls: usize, series: usize) -> Self {
        let limits = Limits { silence: PATIENCE, ..Limits::default() };
        Self {
            corpus,
            peers,
            build,
            calls,
            series,
            pool: Pool::new(limits),
            twins: BTreeMap::new(),
            parity: BTreeMap::new(),
        }
    }

    /// A worker of its own for one task.
    fn alone(&self, task: &Task) -> Result<Answer, String> {
        let limits = Limits { silence: PATIENCE, ..Limits::default() };
        let mut worker = Worker::start(None, &limits).map_err(|e| e.to_string())?;
        match worker.run(task) {
            Ok(Answer::Refused { why }) => Err(why),
            Ok(answer) => Ok(answer),
            Err(death) => Err(death.to_string()),
        }
    }

    /// The task of calling a kernel.
    fn bench(&self, kernel: &Kernel, size: Size, who: &Implementation, calls: Calls) -> Task {
        Task::Bench {
            case: kernel.case.clone(),
            args: kernel.args.get(&size).cloned().unwrap_or_default(),
            column: who.column().cloned(),
            calls,
            corpus: self.corpus.clone(),
        }
    }

    /// Runs a Lua program whole: the twin that runs programs takes its time and gathers what it prints.
    fn script(&self, script: &Script, who: &Implementation, args: &[String]) -> Result<Sample, String> {
        let mut command = match who.peer() {
            Some(id) => {
                let peer = peer::find(id).ok_or_else(|| format!("no peer `{id}`"))?;
                peer.prepare(&self.peers, peer::LUA_PROGRAM, &self.build)?
            }
            None => {
                let this = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
                vec![this, "run".into(), self.peers.join(peer::LUA_PROGRAM).with_extension("lua")]
            }
        };
        command.push(self.corpus.join(&script.file));
        let reading = peer::run(&command, args, PATIENCE)?;
        Ok(Sample { calls: vec![reading.seconds], checksum: reading.checksum, ..Sample::default() })
    }

    /// Counts the instructions of a kernel; what that takes is in the folder of this name.
    fn count(&self, kernel: &Kernel, who: &Implementation, folder: &str) -> Result<Measured, String> {
        let task = self.bench(kernel, Size::Warm, who.runs(), Calls::Counted);
        instructions::count(&task, &self.build.join(folder)).map(Measured::Count)
    }

    /// Why a Lua program does not do what its case states.
    fn script_parity(&self, kernel: &Kernel) -> Option<String> {
        let found = lua::case::cases(&self.corpus).map_err(|e| e.to_string()).and_then(|cases| {
            let found = cases.into_iter().find(|(name, ..)| *name == kernel.case);
            found.ok_or_else(|| format!("no case {}", kernel.case))
        });
        let met = found.and_then(|(_, case, source)| lua::trial::as_written(&case, &source));
        met.err().map(|why| format!("parity of {}: {why}", kernel.case))
    }

    fn twin(&mut self, id: &str, kernel: &Kernel, args: &[String]) -> Result<Sample, String> {
        let peer = peer::find(id).ok_or_else(|| format!("no peer `{id}`"))?;
        let twin = kernel.peer.clone().ok_or("it has no twins")?;
        let key = (id.to_owned(), twin.clone());
        let command = self.twins.entry(key).or_insert_with(|| peer.prepare(&self.peers, &twin, &self.build)).clone()?;
        let reading = peer::run(&command, args, PATIENCE)?;
        Ok(Sample { calls: vec![reading.seconds], checksum: reading.checksum, ..Sample::default() })
    }
}

impl Runner for Processes {
    fn run(&mut self, plan: &Plan, job: &Job) -> Result<Measured, String> {
        match (job.work, &job.implementation) {
            (Work::Run(index, size), who) => {
                let who = who.runs();
                let kernel = &plan.kernels[index];
                if let Some(script) = &kernel.script {
                    let args = kernel.args.get(&size).cloned().unwrap_or_default();
                    return self.script(script, who, &args).map(Measured::Run);
                }
                if let Some(id) = who.peer() {
                    let args = kernel.args.get(&size).cloned().unwrap_or_default();
                    return self.twin(id, kernel, &args).map(Measured::Run);
                }
                let calls = if size == Size::Warm { Calls::Series(self.series) } else { Calls::Peak(self.calls) };
                match self.alone(&self.bench(kernel, size, who, calls))? {
                    Answer::Bench(sample) => Ok(Measured::Run(sample)),
                    _ => Err("the worker answered another task".to_owned()),
                }
            }
            (Work::Count(index), who) => self.count(&plan.kernels[index], who, "count-0"),
            (Work::Compile, who) => {
                let column = who.runs().column().cloned().ok_or_else(|| format!("{who} compiles nothing"))?;
                match self.alone(&Task::CompileCorpus { column, corpus: self.corpus.clone() })? {
                    Answer::CompileCorpus(sample) => Ok(Measured::Compile(sample)),
                    _ => Err("the worker answered another task".to_owned()),
                }
            }
        }
    }

    fn run_together(&mut self, plan: &Plan, jobs: &[&Job]) -> Vec<Result<Measured, String>> {
        let tasks = jobs.par_iter().enumerate().map(|(n, job)| match job.work {
            Work::Count(index) => self.count(&plan.kernels[index], &job.implementation, &format!("count-{n}")),
            _ => Err("what is timed runs alone".to_owned()),
        });
        tasks.collect()
    }

    fn barred(&mut self, kernel: &Kernel, implementation: &Implementation) -> Option<String> {
        let implementation = implementation.runs();
        if implementation.peer().is_some() {
            return None;
        }
        let configurations: &[Option<Configuration>] = match implementation.column() {
            None => &[None],
            Some(_) => &[Some(Configuration::Eager), Some(Configuration::Osr), Some(Configuration::Tiered)],
        };
        let key = (kernel.case.clone(), implementation.to_string());
        if let Some(known) = self.parity.get(&key) {
            return known.clone();
        }
        if kernel.script.is_some() {
            let failure = self.script_parity(kernel);
            self.parity.insert(key, failure.clone());
            return failure;
        }
        let failure = configurations.iter().find_map(|configuration| {
            let native = implementation.column().cloned().zip(*configuration);
            let (case, corpus) = (kernel.case.clone(), self.corpus.clone());
            let task = Task::ProgramCase { case, native, without: Vec::new(), corpus };
            let name = task.name();
            match self.pool.run(&task) {
                Ok(Answer::Program(report)) => report.failure.map(|why| format!("parity of {name}: {why}")),
                Ok(Answer::Refused { why }) => Some(format!("parity of {name}: {why}")),
                Ok(_) => Some(format!("parity of {name}: the worker answered another task")),
                Err(death) => Some(format!("parity of {name}: {death}")),
            }
        });
        self.parity.insert(key, failure.clone());
        failure
    }

    fn calibrate(&mut self) -> f64 {
        calibration::seconds()
    }
}
