//! The gates: the checks that CI runs, as command lines. None knows which fault is planted, or that one is: the backend keeps its id (see
//! [`PLANT`](super::PLANT)), and the line is the same for all of them and without any.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A check, and how it tells that something is wrong.
#[derive(Debug)]
pub struct Gate {
    /// Its name, in registry and matrix.
    pub id: &'static str,
    /// What it checks.
    pub about: &'static str,
    /// The command; `BACKEND` stands for the backend's id, `COMPARED` for `--backend` with it and with each that a gate of the corpus holds it
    /// against, `RESULTS` for the file it writes.
    pub command: &'static str,
    /// How its finding is told from those of other gates.
    finds: Finding,
    /// Whether PUC Lua judges, which only a build with the feature `oracle` holds.
    pub needs_oracle: bool,
    /// Whether it measures time, or takes a minute where it finds nothing: in a matrix, too, it meets the faults that it is meant to catch, and no others.
    pub slow: bool,
}

impl Gate {
    /// Whether this build has its command: that against PUC Lua takes the feature `oracle`.
    pub fn is_possible(&self) -> bool {
        cfg!(feature = "oracle") || !self.needs_oracle
    }
}

/// What counts as a finding of a gate.
#[derive(Clone, Copy, Debug)]
enum Finding {
    /// A verdict: the command ends with status 1. Where trials are listed, the first that failed is enough.
    Status,
    /// A trial whose worker died.
    Death,
    /// A trial that failed with this kind.
    Kind(&'static str),
    /// A gate of this name in the results of `bench` whose verdict is fail.
    Bench(&'static str),
}

/// Arguments of the quick benchmark that two gates read.
const BENCH: &str = "bench xorshift --quick --no-peers COMPARED --results RESULTS";

/// Every gate, in the order of the matrix's columns.
pub const GATES: &[Gate] = &[
    Gate {
        id: "kit",
        about: "IR cases at their edge values, against the evaluator and what is stated",
        command: "parity ir/ --backend BACKEND --level default --timeout 5 --jobs 1",
        finds: Finding::Status,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "fuzz-ir",
        about: "random IR functions, against the evaluator",
        command: "fuzz ir --count 3000 --backend BACKEND --level default --stop-after 1 --shrink 0 --timeout 8 --jobs 1",
        finds: Finding::Status,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "programs",
        about: "bytecode cases, the instruction grid and the benchmarks, in every configuration, against the interpreter and what is stated",
        command: "parity bytecode/ bench/ --backend BACKEND --level default --timeout 10 --jobs 1",
        finds: Finding::Status,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "fuzz-bytecode",
        about: "random programs, in every configuration, against the interpreter",
        command: "fuzz bytecode --count 400 --backend BACKEND --level default --stop-after 1 --no-shrink --timeout 6 --jobs 1",
        finds: Finding::Status,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "fuzz-dynamic",
        about: "random dynamic programs, optimised and not, under stress of the collector and not, against the plain interpreter",
        command: "fuzz bytecode --dynamic --seed 5 --count 500 --backend BACKEND --level default --stop-after 1 --no-shrink --jobs 1",
        finds: Finding::Status,
        needs_oracle: false,
        slow: true,
    },
    Gate {
        id: "fuzz-lua",
        about: "random Lua programs, optimised and not, under stress of the collector and not, against PUC Lua",
        command: "fuzz lua --seed 1 --count 800 --stop-after 1 --shrink 0 --jobs 1",
        finds: Finding::Status,
        needs_oracle: true,
        slow: true,
    },
    Gate {
        id: "coverage",
        about: "counts that sum to the interpreter's, on three kernels; shares of native and inline; every instruction compiles",
        command: "coverage xorshift fib matmul --quick --backend BACKEND --level default",
        finds: Finding::Status,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "determinism",
        about: "the same unit gives the same bytes",
        command: "parity ir/edge/iadd ir/edge/brif ir/edge/call --backend BACKEND --level default --timeout 2 --jobs 1 --results RESULTS",
        finds: Finding::Kind("not_deterministic"),
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "isolation",
        about: "a death, a hang, noise or a huge allocation is one failed trial, told as what it is",
        command: "parity ir/edge/brif --backend BACKEND --level default --timeout 2 --jobs 1 --results RESULTS",
        finds: Finding::Death,
        needs_oracle: false,
        slow: false,
    },
    Gate {
        id: "uplift",
        about: "the interpreter's time over the backend's, lower end of the interval",
        command: BENCH,
        finds: Finding::Bench("uplift"),
        needs_oracle: false,
        slow: true,
    },
    Gate {
        id: "compile-time",
        about: "the backend's compile time over another's, upper end of the interval",
        command: BENCH,
        finds: Finding::Bench("compile_time"),
        needs_oracle: false,
        slow: true,
    },
];

/// The gate with that id.
pub fn find(id: &str) -> Option<&'static Gate> {
    GATES.iter().find(|gate| gate.id == id)
}

/// What a gate said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it found something wrong.
    pub verdict: Verdict,
    /// Its first finding in one line, or why it could not be run.
    pub what: Option<String>,
    /// Wall time in seconds; that of one run for gates that share a command.
    pub seconds: f64,
}

/// Whether a gate found something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It found nothing.
    Passed,
    /// It found something.
    Caught,
    /// It did not come to its end within the time it is given. Something is wrong, but the gate did not say so.
    TimedOut,
    /// It could not do its work: a mistake of whoever runs it.
    Error,
}

/// How long a gate may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Backends by id: the one that faults are planted in, and those it is compared with.
#[derive(Clone, Debug)]
pub struct Contest {
    /// Where faults are planted.
    pub backend: String,
    /// What gates of the corpus hold it against.
    pub rivals: Vec<String>,
}

/// Runs a command and asks each of `gates`, whose command it is. `program` is `lockstep`; `plant` is the sealed fault, if any; `results` is where the
/// command may write.
pub fn run(gates: &[&Gate], program: &Path, contest: &Contest, plant: Option<&str>, results: &Path) -> Vec<Answer> {
    let start = Instant::now();
    // What an earlier run left must not stand in for this one's.
    let _ = std::fs::remove_file(results);
    let ended = execute(gates, program, contest, plant, results);
    let seconds = start.elapsed().as_secs_f64();
    let written = std::fs::read(results).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let _ = std::fs::remove_file(results);
    let answer = |gate: &&Gate| {
        let (verdict, what) = match &ended {
            Err(why) => (Verdict::Error, Some(why.clone())),
            Ok(ended) => gate.finds.judge(ended, written.as_ref()),
        };
        Answer { verdict, what, seconds }
    };
    gates.iter().map(answer).collect()
}

/// How a command ended.
struct Ended {
    /// Its exit status; none if it was ended from outside.
    status: Option<i32>,
    /// The first line that tells of a failure.
    failure: Option<String>,
    /// The last line.
    last: String,
    timed_out: bool,
}

fn execute(
    gates: &[&Gate],
    program: &Path,
    contest: &Contest,
    plant: Option<&str>,
    results: &Path,
) -> Result<Ended, String> {
    let gate = gates.first().ok_or("no gate")?;
    let backend = &contest.backend;
    let words = gate.command.split(' ').flat_map(|word| match word {
        "BACKEND" => vec![backend.clone()],
        "COMPARED" => std::iter::once(backend)
            .chain(&contest.rivals)
            .flat_map(|id| ["--backend".to_owned(), id.clone()])
            .collect(),
        "RESULTS" => vec![results.display().to_string()],
        word => vec![word.to_owned()],
    });
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    command.env("RAYON_NUM_THREADS", "1").env_remove(super::PLANT);
    if let Some(seal) = plant {
        command.env(super::PLANT, super::id(seal, backend));
    }
    let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
    let group = Pid::from_child(&child);
    let stdout = child.stdout.take().ok_or("no output")?;
    let (send, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let stops_early = gates.iter().all(|gate| matches!(gate.finds, Finding::Status));
    let mut ended = Ended { status: None, failure: None, last: String::new(), timed_out: false };
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                // As the test runner writes it, trial by trial, and as the other commands do in what they list.
                if ended.failure.is_none()
                    && (line.contains("FAILED") || line.starts_with("divergence: ") || line.contains("diverge"))
                {
                    ended.failure = Some(line.trim().to_owned());
                    if stops_early && line.starts_with("test ") && line.ends_with("FAILED") {
                        break;
                    }
                }
                if !line.trim().is_empty() {
                    ended.last = line;
                }
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                ended.timed_out = true;
                break;
            }
        }
    }
    // Whatever it started goes with it; nothing is left if it has ended by itself.
    let early = ended.timed_out || ended.failure.is_some() && stops_early;
    if early && child.try_wait().ok().flatten().is_none() {
        let _ = kill_process_group(group, Signal::KILL);
    }
    ended.status = child.wait().map_err(|e| e.to_string())?.code();
    drop(lines);
    let _ = reader.join();
    Ok(ended)
}

impl Finding {
    fn judge(self, ended: &Ended, results: Option<&Value>) -> (Verdict, Option<String>) {
        if ended.timed_out {
            return (Verdict::TimedOut, Some(format!("not done after {} s", PATIENCE.as_secs())));
        }
        match (self, ended.status) {
            (_, Some(2)) => (Verdict::Error, Some(ended.last.clone())),
            (_, Some(0)) => (Verdict::Passed, None),
            (Finding::Status, Some(1)) => (Verdict::Caught, ended.failure.clone().or_else(|| Some(ended.last.clone()))),
            // It was ended at its first failure.
            (Finding::Status, None) if ended.failure.is_some() => (Verdict::Caught, ended.failure.clone()),
            (_, Some(1)) => match results {
                None => (Verdict::Error, Some("no results were written".to_owned())),
                Some(results) => match self.search(results) {
                    Some(what) => (Verdict::Caught, Some(what)),
                    None => (Verdict::Passed, None),
                },
            },
            (_, status) => (Verdict::Error, Some(format!("it ended with status {status:?}: {}", ended.last))),
        }
    }

    /// The first entry of the results that is a finding.
    fn search(self, results: &Value) -> Option<String> {
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
        let trial = |wanted: &dyn Fn(&Value) -> bool| {
            let found = results["trials"].as_array()?.iter().find(|t| wanted(t))?;
            Some(format!("{}: {}", text(found, "case"), first_line(text(found, "what"))))
        };
        match self {
            Finding::Status => None,
            Finding::Death => trial(&|t| t["status"] == "died"),
            Finding::Kind(kind) => trial(&|t| t["kind"] == kind),
            Finding::Bench(name) => {
                let gate = results["gates"].as_array()?.iter().find(|g| g["gate"] == name && g["verdict"] == "fail")?;
                Some(format!("{} over {}: {}", text(gate, "of"), text(gate, "over"), gate["measured"]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32) -> Ended {
        Ended { status: Some(status), failure: None, last: "last".to_owned(), timed_out: false }
    }

    #[test]
    fn a_status_is_a_verdict_and_nothing_else_is() {
        let judge = |status| Finding::Status.judge(&ended(status), None).0;
        assert_eq!([0, 1, 2, 101].map(judge), [Verdict::Passed, Verdict::Caught, Verdict::Error, Verdict::Error]);
        let hung = Ended { timed_out: true, ..ended(1) };
        assert_eq!(Finding::Status.judge(&hung, None).0, Verdict::TimedOut);
    }

    #[test]
    fn a_gate_claims_only_its_own_findings() {
        let died =
            serde_json::json!({"trials": [{"case": "a", "status": "died", "what": "killed\nmore", "kind": "signal"}]});
        let wrong = serde_json::json!({"trials": [{"case": "a", "status": "failed", "what": "w", "kind": "memory"}]});
        let judge = |finding: Finding, results: &Value| finding.judge(&ended(1), Some(results));
        assert_eq!(judge(Finding::Death, &died), (Verdict::Caught, Some("a: killed".to_owned())));
        assert_eq!(judge(Finding::Death, &wrong).0, Verdict::Passed);
        assert_eq!(judge(Finding::Kind("not_deterministic"), &wrong).0, Verdict::Passed);
        assert_eq!(judge(Finding::Kind("memory"), &wrong).0, Verdict::Caught);
        let gates = serde_json::json!({"gates": [{"gate": "uplift", "of": "a", "over": "b", "verdict": "fail"}]});
        assert_eq!(judge(Finding::Bench("uplift"), &gates).0, Verdict::Caught);
        assert_eq!(judge(Finding::Bench("compile_time"), &gates).0, Verdict::Passed);
        assert_eq!(Finding::Death.judge(&ended(1), None).0, Verdict::Error);
    }
}
