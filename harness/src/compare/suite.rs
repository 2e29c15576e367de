//! The regression suite: what a complete run measures. Every kernel at its small size on every native backend's default level (or on those chosen), and the corpus compiled by each; interleaved
//! processes, as in any benchmark. No interpreter and no programs from outside: they are not what changes, and take most of the time.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use lockstep_backend_api::Execution;

use super::gate::CONFIRMATIONS;
use super::run::{CORPUS, Run};
use super::series::Key;
use crate::backends::{Backends, Column};
use crate::bench::plan::Plan;
use crate::bench::process::Processes;
use crate::bench::results::Participant;
use crate::bench::runner::{self, Progress, Setting};
use crate::bench::{Implementation, Kernel};

/// Processes of each series in a run, unless said otherwise.
pub const ROUNDS: usize = 6;

/// Measured calls of a process, after one that warms up.
const CALLS: usize = 3;

/// The measures that the gate reads; the others of a run are not kept.
const MEASURES: [(&str, bool); 5] =
    [("time", true), ("code_bytes", true), ("exits", true), ("units", true), ("compile", false)];

/// The suite on this build.
pub struct Suite {
    kernels: Vec<Kernel>,
    participants: Vec<Participant>,
    processes: Processes,
    rounds: usize,
}

impl Suite {
    /// The suite on a corpus, with so many rounds: those of its benchmarks whose name contains one of `filters`, or all, and every native backend at its default level.
    ///
    /// # Errors
    /// The corpus has a mistake, or no such benchmark; there is no such backend, or it makes no native code.
    pub fn new(corpus: &Path, filters: &[String], backends: &[String], rounds: usize) -> Result<Self, String> {
        let default = ["default".to_owned()];
        let columns = Backends::new().columns(backends, &default).map_err(|e| e.to_string())?;
        Self::of(corpus, filters, &columns, rounds)
    }

    /// As [`Suite::new`], of these columns.
    ///
    /// # Errors
    /// As [`Suite::new`].
    pub fn of(corpus: &Path, filters: &[String], columns: &[Column], rounds: usize) -> Result<Self, String> {
        let cases = crate::corpus::program::cases(corpus).map_err(|e| e.to_string())?;
        let chosen = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
        let kernels = cases.iter().filter(|c| chosen(&c.0)).filter_map(|(name, case)| Kernel::of(name, case));
        // It is backends that are compared.
        let kernels: Vec<Kernel> = kernels.filter(|kernel| kernel.interpreted.is_none()).collect();
        let mut backends = Backends::new();
        let mut participants = Vec::new();
        for column in columns {
            let backend = backends.resolve(&column.backend).map_err(|e| e.to_string())?;
            let capabilities = backend.capabilities();
            if capabilities.execution == Execution::Native {
                participants.push(Participant {
                    version: backend.version(),
                    about: backend.summary(),
                    default: column.level == capabilities.default_level,
                    absent: None,
                    implementation: Implementation::Native(column.clone()),
                });
            }
        }
        if kernels.is_empty() || participants.is_empty() {
            return Err("there is nothing to measure: no such benchmark, or no native backend".to_owned());
        }
        // No twins are built or run, and nothing warms up.
        let processes = Processes::new(corpus.to_owned(), Default::default(), Default::default(), CALLS, 0);
        Ok(Self { kernels, participants, processes, rounds })
    }

    /// A complete run.
    ///
    /// # Errors
    /// It could not be made.
    pub fn run(&mut self, seed: u64, watch: &mut dyn FnMut(Progress<'_>)) -> Result<Run, String> {
        let who = self.implementations();
        let plan = self.plan(self.kernels.clone(), who.clone(), who, self.rounds, seed);
        self.measure(&plan, watch)
    }

    /// Suspicious series again, in more fresh processes; other series may come along.
    ///
    /// # Errors
    /// It could not be made.
    pub fn again(
        &mut self,
        suspects: &BTreeSet<Key>,
        seed: u64,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Run, String> {
        let (compiled, called): (Vec<&Key>, Vec<&Key>) = suspects.iter().partition(|key| key.on == CORPUS);
        let among = |keys: &[&Key]| {
            let mut who = self.implementations();
            who.retain(|i| keys.iter().any(|key| key.of == i.to_string()));
            who
        };
        let (implementations, compilers) = (among(&called), among(&compiled));
        let mut kernels = self.kernels.clone();
        kernels.retain(|kernel| called.iter().any(|key| key.on.split(' ').next() == Some(kernel.name.as_str())));
        let plan = self.plan(kernels, implementations, compilers, self.rounds * CONFIRMATIONS, seed);
        self.measure(&plan, watch)
    }

    /// Processes of a complete run.
    pub fn jobs(&self) -> usize {
        let who = self.implementations();
        self.plan(self.kernels.clone(), who.clone(), who, self.rounds, 0).jobs().len()
    }

    fn implementations(&self) -> Vec<Implementation> {
        self.participants.iter().map(|p| p.implementation.clone()).collect()
    }

    fn plan(
        &self,
        kernels: Vec<Kernel>,
        implementations: Vec<Implementation>,
        compilers: Vec<Implementation>,
        rounds: usize,
        seed: u64,
    ) -> Plan {
        Plan { kernels, implementations, compilers, rounds, quick: true, seed, ..Plan::default() }
    }

    fn measure(&mut self, plan: &Plan, watch: &mut dyn FnMut(Progress<'_>)) -> Result<Run, String> {
        let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let setting = Setting { participants: self.participants.clone(), filtered: true, ..Setting::default() };
        let results = runner::measure(plan, setting, &mut self.processes, watch).map_err(|e| e.to_string())?;
        let mut run = Run { date, commit: commit(), ..Run::of(&results) };
        run.series.retain(|series| {
            let of_kernel = series.key.on != CORPUS;
            MEASURES.iter().any(|&(name, kernels)| series.key.measure == name && (kernels || !of_kernel))
        });
        run.round();
        Ok(run)
    }
}

/// The commit of the source, with a plus if files differ from it; empty outside a repository.
pub fn commit() -> String {
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").args(args).stdin(std::process::Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else { return String::new() };
    let clean = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| changes.is_empty());
    if clean { commit } else { commit + "+" }
}
