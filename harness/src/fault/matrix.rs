//! The run: faults against gates, as processes, and the matrix that comes of it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::gates::{self, Answer, Contest, GATES, Gate};
use super::results::{Cell, FaultRow, FaultsResults, GateRow, Score, VERSION};
use super::{Fault, blind, rates, seal};
use crate::backends::Column;
use crate::bench::build;

/// What to run.
pub struct Plan<'p> {
    /// The command `lockstep`, of the build whose gates are tried.
    pub program: PathBuf,
    /// Where faults are planted.
    pub column: Column,
    /// Backends that gates of the corpus hold it against.
    pub rivals: Vec<String>,
    /// Which faults.
    pub faults: Vec<&'static Fault>,
    /// Faults that this build cannot hold.
    pub not_planted: Vec<&'static str>,
    /// Which gates.
    pub gates: Vec<&'static Gate>,
    /// Every fault against every gate that is not slow, and not each against the gate meant for it alone.
    pub matrix: bool,
    /// Commands at a time. What is planted in times is a multiple of what commands do to each other.
    pub jobs: usize,
    /// A directory for what commands write.
    pub scratch: &'p Path,
}

/// One command to run: the gates that read it, and the fault it runs with.
struct Job {
    fault: Option<&'static Fault>,
    gates: Vec<&'static Gate>,
}

impl Plan<'_> {
    /// The commands: each gate's without a fault first, then fault by fault.
    fn jobs(&self) -> Vec<Job> {
        let wanted = |fault: Option<&Fault>, gate: &Gate| match fault {
            Some(fault) => self.matrix && !gate.slow || fault.gate == gate.id,
            None => self.matrix || self.faults.iter().any(|f| f.gate == gate.id),
        };
        let mut jobs: Vec<Job> = Vec::new();
        for fault in [None].into_iter().chain(self.faults.iter().copied().map(Some)) {
            let from = jobs.len();
            for gate in self.gates.iter().copied().filter(|gate| wanted(fault, gate)) {
                match jobs[from..].iter_mut().find(|job| job.gates[0].command == gate.command) {
                    Some(job) => job.gates.push(gate),
                    None => jobs.push(Job { fault, gates: vec![gate] }),
                }
            }
        }
        jobs
    }

    /// Runs all of it. `tell` hears of each cell as it comes, with how many commands are done and how many there are.
    pub fn run(&self, tell: &(dyn Fn(&Cell, usize, usize) + Sync)) -> FaultsResults {
        let start = Instant::now();
        let jobs = self.jobs();
        let contest = Contest { backend: self.column.backend.clone(), rivals: self.rivals.clone() };
        let cells = Mutex::new(Vec::new());
        let done = AtomicUsize::new(0);
        let conduct = |job: &Job, slot: usize| {
            let file = self.scratch.join(format!("gate-{slot}.json"));
            let seal = job.fault.map(|fault| seal(fault.id));
            let answers = gates::run(&job.gates, &self.program, &contest, seal.as_deref(), &file);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            for (gate, answer) in job.gates.iter().zip(answers) {
                let cell = cell(job.fault, gate, answer);
                tell(&cell, done, jobs.len());
                cells.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(cell);
            }
        };
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for slot in 0..self.jobs.max(1) {
                let (next, jobs, conduct) = (&next, &jobs, &conduct);
                scope.spawn(move || {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        conduct(job, slot);
                    }
                });
            }
        });
        let mut cells = cells.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let faults: Vec<FaultRow> = self.faults.iter().map(|fault| row(fault)).collect();
        let place = |cell: &Cell| {
            let fault = cell.fault.as_ref().map(|id| faults.iter().position(|f| f.id == *id));
            (fault, GATES.iter().position(|g| g.id == cell.gate))
        };
        cells.sort_by_key(place);
        FaultsResults {
            lockstep_faults: VERSION,
            build: build::this(),
            column: self.column.clone(),
            matrix: self.matrix,
            gates: self.gates.iter().map(|gate| gate_row(gate)).collect(),
            score: Score::of(&faults, &cells),
            faults,
            not_planted: self.not_planted.iter().map(|id| (*id).to_owned()).collect(),
            cells,
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

fn cell(fault: Option<&Fault>, gate: &Gate, answer: Answer) -> Cell {
    let Answer { verdict, what, seconds } = answer;
    Cell { fault: fault.map(|f| f.id.to_owned()), gate: gate.id.to_owned(), verdict, what, seconds }
}

fn gate_row(gate: &Gate) -> GateRow {
    GateRow { id: gate.id.to_owned(), about: gate.about.to_owned(), command: format!("lockstep {}", gate.command) }
}

fn row(fault: &Fault) -> FaultRow {
    FaultRow {
        id: fault.id.to_owned(),
        layer: fault.layer,
        about: fault.about.to_owned(),
        gate: fault.gate.to_owned(),
        blind: blind().any(|f| f.id == fault.id),
        rate: rates::recorded().rates.get(fault.id).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault;
    use lockstep_backend_api::Level;

    /// Runs two faults against commands of the system that always pass, or always fail.
    fn run(program: &str, matrix: bool) -> FaultsResults {
        let scratch = std::env::temp_dir();
        Plan {
            rivals: Vec::new(),
            program: PathBuf::from(program),
            column: Column { backend: "some".to_owned(), level: Level::Speed },
            faults: fault::known().filter(|f| ["shift-mask", "lost-slot"].contains(&f.id)).collect(),
            not_planted: vec!["missing-root"],
            gates: ["kit", "programs"].into_iter().filter_map(gates::find).collect(),
            matrix,
            jobs: 2,
            scratch: &scratch,
        }
        .run(&|_, _, _| {})
    }

    #[test]
    fn gates_that_always_pass_and_gates_that_always_fail_are_found_out() {
        let pass = run("true", false);
        assert_eq!((pass.score.known.met, pass.score.known.of, pass.score.clean.met), (0, 2, 2));
        assert!(!pass.score.is_met());
        assert_eq!(pass.not_planted, ["missing-root"]);
        let fail = run("false", false);
        assert_eq!((fail.score.known.met, fail.score.clean.met, fail.score.clean.of), (2, 0, 2));
        assert!(!fail.score.is_met());
        let absent = run("/no/such/program", false);
        assert_eq!(absent.cells.iter().filter(|c| c.verdict == gates::Verdict::Error).count(), 4);
    }

    #[test]
    fn a_matrix_has_every_cell_and_a_plain_run_those_that_are_meant() {
        let cells = |results: &FaultsResults| -> Vec<(Option<String>, String)> {
            results.cells.iter().map(|c| (c.fault.clone(), c.gate.clone())).collect()
        };
        let row = |fault: Option<&str>, gate: &str| (fault.map(str::to_owned), gate.to_owned());
        let clean = [row(None, "kit"), row(None, "programs")];
        let meant = [row(Some("shift-mask"), "kit"), row(Some("lost-slot"), "programs")];
        assert_eq!(cells(&run("true", false)), [&clean[..], &meant].concat());
        assert_eq!(cells(&run("true", true)).len(), 6);
    }
}
