//! What this machine has, what it lacks and how to get it, and how noisy it is: `lockstep doctor` shows it, and nothing here judges a backend.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use lockstep_backend_api::{Arch, Backend, CompileError, Options, Target};
use serde::Serialize;

use crate::backends::Backends;
use crate::bench::calibration;
use crate::bench::machine::Machine;
use crate::stats::median;

/// Everything found out.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// Version of this format.
    pub lockstep_doctor: u32,
    /// The machine.
    pub machine: Machine,
    /// What was looked for.
    pub findings: Vec<Finding>,
    /// How steady the machine is.
    pub noise: Noise,
}

/// One thing that was looked for.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Its version, or what was seen.
    pub seen: String,
    /// What it is for, or why it matters.
    pub matters: String,
    /// What to do, if anything.
    pub remedy: Option<String>,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// Something is less than it could be: figures will be wider, or a peer is absent.
    Lacking,
    /// Nothing works without it.
    Broken,
}

/// How much the same piece of work varies when nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// How often the work was timed.
    pub samples: usize,
    /// Median seconds of the work.
    pub median: f64,
    /// The 95th percentile over the median.
    pub high: f64,
    /// The slowest over the median.
    pub worst: f64,
    /// Share of samples more than 10 % above the median.
    pub disturbed: f64,
}

/// A program outside that some command uses.
struct Program {
    name: &'static str,
    version: &'static str,
    package: &'static str,
    matters: &'static str,
}

const PROGRAMS: [Program; 8] = [
    Program {
        name: "gcc",
        version: "--version",
        package: "gcc",
        matters: "C twins of kernels, the judge of IR operations, examples/exec-gcc",
    },
    Program {
        name: "make",
        version: "--version",
        package: "make",
        matters: "with a C compiler: building Lockstep, whose calls of foreign functions go through libffi",
    },
    Program {
        name: "python3",
        version: "--version",
        package: "python3",
        matters: "the judge of bytecode, examples/exec-gcc",
    },
    Program {
        name: "lua5.4",
        version: "-v",
        package: "lua5.4",
        matters: "the peer that the interpreter is held against",
    },
    Program { name: "luajit", version: "-v", package: "luajit", matters: "a peer in benchmarks" },
    Program { name: "go", version: "version", package: "golang-go", matters: "a peer in benchmarks" },
    Program {
        name: "valgrind",
        version: "--version",
        package: "valgrind",
        matters: "counts of instructions, which do not depend on the machine's mood",
    },
    Program { name: "git", version: "--version", package: "git", matters: "reports name the commit they are about" },
];

impl Diagnosis {
    /// Looks at everything; takes about two seconds, most of them for the noise.
    pub fn make(corpus: &Path) -> Self {
        let machine = Machine::here();
        let mut findings = backends();
        findings.push(corpus_found(corpus));
        findings.extend(PROGRAMS.iter().map(program));
        findings.extend(conditions(&machine));
        let noise = Noise::measure();
        findings.push(noise.finding());
        Self { lockstep_doctor: 1, machine, findings, noise }
    }

    /// Whether nothing is broken.
    pub fn healthy(&self) -> bool {
        self.findings.iter().all(|f| f.state != State::Broken)
    }
}

fn finding(name: &str, state: State, seen: impl Into<String>, matters: &str, remedy: Option<String>) -> Finding {
    Finding { name: name.to_owned(), state, seen: seen.into(), matters: matters.to_owned(), remedy }
}

/// What a backend must be able to compile for anything else to work.
const LEAST_UNIT: &str = "lockstep_ir 1 machine\nunit \"least\"\nfunction %0 \"entry\" () -> (i32) {\nblock0():\n    v0 = iconst.i32 0\n    return v0\n}\n";

fn backends() -> Vec<Finding> {
    let matters = "a backend of this build";
    let unit = lockstep_ir::text::parse("least", LEAST_UNIT).expect("it is a unit");
    let target = Target::host().unwrap_or(Target::baseline(Arch::X86_64));
    let look = |backend: &dyn Backend| {
        let options = Options { level: backend.capabilities().default_level, verify: true };
        match backend.compile(&unit, &target, &options) {
            Ok(_) => finding(backend.id(), State::Good, backend.version(), matters, None),
            Err(CompileError::UnsupportedTarget(_)) => {
                finding(backend.id(), State::Lacking, "not for this machine", matters, None)
            }
            Err(e) => finding(backend.id(), State::Broken, e.to_string(), matters, None),
        }
    };
    let mut all: Vec<Finding> = Backends::new().iter().map(look).collect();
    let absent = lockstep_registry::absent();
    all.extend(
        absent.iter().map(|b| finding(b.id, State::Lacking, "not in this build", "a backend", Some(b.how.to_owned()))),
    );
    all
}

fn corpus_found(corpus: &Path) -> Finding {
    let matters = "the cases";
    match crate::corpus::program::names(corpus) {
        Ok(names) if names.is_empty() => finding(
            "corpus",
            State::Lacking,
            format!("no cases in {}", corpus.display()),
            matters,
            Some("run from the root of the project, or name yours with --corpus DIR".to_owned()),
        ),
        Ok(names) => {
            finding("corpus", State::Good, format!("{} programs in {}", names.len(), corpus.display()), matters, None)
        }
        Err(error) => {
            finding("corpus", State::Broken, error.to_string(), matters, Some("correct that file".to_owned()))
        }
    }
}

fn program(program: &Program) -> Finding {
    let output = Command::new(program.name).arg(program.version).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            let text = [output.stdout, output.stderr].concat();
            let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
            finding(program.name, State::Good, line, program.matters, None)
        }
        _ => finding(program.name, State::Lacking, "not found", program.matters, Some(how_to_install(program.package))),
    }
}

/// A command that installs a package on a machine like this one.
fn how_to_install(package: &str) -> String {
    let managers = [
        ("apt-get", "sudo apt-get install"),
        ("dnf", "sudo dnf install"),
        ("zypper", "sudo zypper install"),
        ("pacman", "sudo pacman -S"),
        ("brew", "brew install"),
    ];
    let found = managers.iter().find(|(program, _)| on_path(program).is_some());
    found.map_or_else(|| format!("install {package}"), |(_, command)| format!("{command} {package}"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// The state of the machine, as far as figures depend on it.
fn conditions(machine: &Machine) -> Vec<Finding> {
    let mut all = Vec::new();
    let cpus = machine.cpus;
    all.push(if cpus >= 2 {
        finding(
            "processors",
            State::Good,
            format!("{cpus} × {}", machine.cpu),
            "one measures while another does the rest",
            None,
        )
    } else {
        let remedy = Some("use a machine with two processors or more for figures that are published".to_owned());
        finding(
            "processors",
            State::Lacking,
            format!("{cpus} × {}", machine.cpu),
            "whatever else runs takes time from what is measured",
            remedy,
        )
    });
    let gib = machine.memory as f64 / (1u64 << 30) as f64;
    let matters = "each process under test may take 4 GiB";
    all.push(if gib >= 6.0 {
        finding("memory", State::Good, format!("{gib:.1} GiB"), matters, None)
    } else {
        finding("memory", State::Lacking, format!("{gib:.1} GiB"), matters, Some("run with `--jobs 1`".to_owned()))
    });
    if let Some(governor) = &machine.governor {
        let matters = "a clock that follows the load makes the first samples slow";
        all.push(if governor == "performance" {
            finding("clock governor", State::Good, governor, matters, None)
        } else {
            finding(
                "clock governor",
                State::Lacking,
                governor,
                matters,
                Some("sudo cpupower frequency-set -g performance".to_owned()),
            )
        });
    }
    if let Some(load) = machine.load {
        let matters = "other programs take time from what is measured";
        all.push(if load < 0.5 * cpus as f64 {
            finding("load", State::Good, format!("{load:.2}"), matters, None)
        } else {
            finding(
                "load",
                State::Lacking,
                format!("{load:.2} on {cpus} processors"),
                matters,
                Some("end what else is running before you measure".to_owned()),
            )
        });
    }
    if machine.virtualised == Some(true) {
        let remedy = Some("trust ratios and their intervals, not seconds; more rounds help".to_owned());
        all.push(finding(
            "virtual machine",
            State::Lacking,
            "yes",
            "its neighbours take time that no clock here shows",
            remedy,
        ));
    }
    all
}

/// Steps of the timed work: some milliseconds, long against a clock's step and short against a scheduler's slice.
const STEPS: u64 = 2_000_000;
/// How often it is timed.
const SAMPLES: usize = 400;

impl Noise {
    /// Times the same work again and again.
    pub fn measure() -> Self {
        let work = || {
            let started = Instant::now();
            calibration::work(STEPS);
            started.elapsed().as_secs_f64()
        };
        // The first ones wake the clock up.
        for _ in 0..10 {
            work();
        }
        Self::of((0..SAMPLES).map(|_| work()).collect())
    }

    /// What samples of the same work say; there is at least one.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let median = median(&samples).expect("samples");
        let at = |share: f64| samples[((samples.len() - 1) as f64 * share).round() as usize];
        let disturbed = samples.iter().filter(|s| **s > 1.1 * median).count() as f64 / samples.len() as f64;
        Self { samples: samples.len(), median, high: at(0.95) / median, worst: at(1.0) / median, disturbed }
    }

    /// What it means.
    fn finding(&self) -> Finding {
        let seen = format!(
            "95 % of {} equal pieces of work within {:.1} % of the median, the worst {:.2}×; {:.1} % more than a tenth slower",
            self.samples,
            100.0 * (self.high - 1.0),
            self.worst,
            100.0 * self.disturbed
        );
        let matters = "differences smaller than this need many processes to be told";
        if self.high <= 1.05 {
            return finding("noise", State::Good, seen, matters, None);
        }
        let remedy = "end what else is running; then `lockstep bench --rounds 15`, and trust the intervals".to_owned();
        finding("noise", State::Lacking, seen, matters, Some(remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_machine_is_good_and_an_unsteady_one_is_told_what_to_do() {
        let steady = Noise::of((0..100).map(|n| 1.0 + f64::from(n) * 1e-4).collect());
        assert_eq!(steady.finding().state, State::Good);
        assert_eq!(steady.disturbed, 0.0);
        let flips = Noise::of((0..100).map(|n| if n % 4 == 0 { 2.0 } else { 1.0 }).collect());
        assert_eq!((flips.disturbed, flips.high), (0.25, 2.0));
        let finding = flips.finding();
        assert_eq!(finding.state, State::Lacking);
        assert!(finding.remedy.is_some_and(|r| r.contains("--rounds")));
    }

    #[test]
    fn what_is_missing_comes_with_the_way_to_get_it() {
        let absent =
            Program { name: "no-such-program-anywhere", version: "-v", package: "some-package", matters: "nothing" };
        let found = program(&absent);
        assert_eq!(found.state, State::Lacking);
        assert!(found.remedy.is_some_and(|r| r.contains("some-package")));
        // Without it Lockstep itself cannot be built.
        assert!(PROGRAMS.iter().any(|program| program.name == "make"));
        let nowhere = corpus_found(Path::new("/nonexistent"));
        assert_eq!(nowhere.state, State::Lacking);
        assert!(nowhere.remedy.is_some_and(|r| r.contains("--corpus")));
    }
}
