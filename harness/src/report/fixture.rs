//! Results that never happened, for tests: what other commands would have written, with made-up names and times.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::model::{Change, Comparison, Environment, Faults, History, HistoryLine, PlantedFault, Report};
use super::{Sources, gather};
use crate::bench::BenchResults;
use crate::bench::analysis::Analysis;
use crate::compare::{Outcome, history};
use crate::stats::{Bootstrap, Interval};

/// Enough for tests.
const FEW: Bootstrap = Bootstrap { confidence: 0.95, resamples: 400, seed: 1 };

/// A file that is gone afterwards.
pub struct File(pub PathBuf);

impl File {
    /// A file with that text.
    pub fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lockstep-report-{}-{name}.json", std::process::id()));
        fs::write(&path, text).expect("a file of its own");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A backend of the fixture.
#[derive(Clone, Copy)]
pub struct Who {
    /// Backend and level.
    pub name: &'static str,
    /// Whether the level is its default.
    pub default: bool,
    /// Seconds of a call in which the interpreter needs ten.
    pub seconds: f64,
    /// Seconds of compilation of a unit.
    pub compile: f64,
}

/// A backend at its default level.
pub const fn who(name: &'static str, seconds: f64, compile: f64) -> Who {
    Who { name, default: true, seconds, compile }
}

/// Two backends with so many seconds each, of a call and of compilation.
pub fn two(red: (f64, f64), blue: (f64, f64)) -> [Who; 2] {
    [who("red/speed", red.0, red.1), who("blue/speed", blue.0, blue.1)]
}

fn trial(case: &str, name: Option<&str>, configuration: Option<&str>, status: &str) -> Value {
    let mut trial = json!({
        "name": format!("{case}/{}/{}", name.unwrap_or("interpreter"), configuration.unwrap_or("single")), "case": case,
        "configuration": configuration, "status": status, "kind": null,
        "what": if status == "failed" { Some("result 1 is not 2") } else { None }, "seconds": 0.1, "stats": null, "program": null,
    });
    if let Some((backend, level)) = name.and_then(|name| name.split_once('/')) {
        trial["backend"] = json!(backend);
        trial["level"] = json!(level);
    }
    trial
}

/// Four trials of a case, one of them with this status.
pub fn parity(status: &str) -> Value {
    json!({
        "lockstep_parity": 1,
        "summary": {"passed": 0, "failed": 0, "died": 0, "refused": 0},
        "trials": [
            trial("case", None, None, "passed"),
            trial("case", Some("red/speed"), Some("eager"), status),
            trial("case", Some("red/speed"), Some("osr"), "passed"),
            trial("case", Some("blue/speed"), Some("eager"), "passed"),
        ],
    })
}

/// Coverage of a program on two backends, one of which may be below its gate.
pub fn coverage(failure: Option<&str>) -> Value {
    let all = two((0.0, 0.0), (0.0, 0.0));
    coverage_of(&["wheel"], &all, &|name, _| if name.starts_with("blue") { failure.map(str::to_owned) } else { None })
}

fn coverage_of(programs: &[&str], all: &[Who], failure: &dyn Fn(&str, &str) -> Option<String>) -> Value {
    let row = |program: &str, who: &Who| {
        let (backend, level) = who.name.split_once('/').expect("a backend and a level");
        json!({
            "case": format!("bench/{program}"), "backend": backend, "level": level, "failure": failure(who.name, program),
            "coverage": {
                "inline": 9_000_000, "helper": 500_000, "interpreted": 500_000, "total": 10_000_000,
                "by_instruction": {"add.i64": [6_000_000, 0, 200_000], "new.i64": [3_000_000, 500_000, 300_000]},
                "units": 1, "refusals": {}, "exits": {"finished": 3},
            },
        })
    };
    let rows: Vec<Value> = programs.iter().flat_map(|p| all.iter().map(move |who| row(p, who))).collect();
    json!({
        "lockstep_coverage": 1,
        "quick": true,
        "instructions": {"red/speed": {"compiled": 10, "of": 10, "missing": {}}},
        "programs": rows,
    })
}

/// Benchmarks in which two backends run two kernels.
pub fn bench(red: (f64, f64), blue: (f64, f64), verdict: &str) -> Value {
    bench_of(&["wheel", "lever"], &two(red, blue), verdict)
}

/// Benchmarks of backends on kernels, with a gate of this verdict.
pub fn bench_of(kernels: &[&str], all: &[Who], verdict: &str) -> Value {
    let noise = [1.0, 1.02, 0.98, 1.01, 0.99, 1.005];
    let series = |name: &str, seconds: f64, compile: f64| {
        let sample = |(round, noise): (usize, &f64)| {
            // Each has a noise of its own: one process in six is a little slow.
            let slow = if (round + name.len()).is_multiple_of(6) { 1.01 } else { 1.0 };
            json!({
                "round": round, "calls": [seconds * noise * slow], "first": 0.0, "units": 1, "exits": 0, "checksum": "7", "code_bytes": 640,
                "compile": [{"name": "emit", "backend": true, "seconds": compile * noise}],
            })
        };
        let samples: Vec<Value> = noise.iter().enumerate().map(sample).collect();
        json!({"implementation": name, "samples": samples, "void": null})
    };
    let workload = |(n, kernel): (usize, &&str)| {
        // Kernels differ, and not in the same way for all.
        let differ = kernels.len() > 2;
        let shape = |m: usize| if differ { 1.0 + 0.25 * ((n * 7 + m * 5) % 4) as f64 } else { 1.0 };
        let native = all.iter().enumerate().map(|(m, who)| series(who.name, who.seconds * shape(m), who.compile));
        let peers = [series("interpreter", 10.0 * shape(0), 0.0), series("gcc", 0.9, 0.0)];
        json!({
            "case": format!("bench/{kernel}"), "kernel": kernel, "size": "full", "args": ["1"], "checksum": "7",
            "series": peers.into_iter().chain(native).collect::<Vec<_>>(),
        })
    };
    let compile = |who: &Who| {
        let sample = |(round, noise): (usize, &f64)| {
            json!({
                "round": round, "units": 40, "median": who.compile * noise, "code_bytes": 4000 + who.name.len() * 900,
                "phases": [{"name": "verify", "backend": false, "seconds": 0.004}, {"name": "emit", "backend": true, "seconds": who.compile}],
            })
        };
        let samples: Vec<Value> = noise.iter().enumerate().map(sample).collect();
        json!({"implementation": who.name, "samples": samples, "void": null})
    };
    let participant = |name: &str, default: bool, absent: Option<&str>| json!({"implementation": name, "version": "1.0", "about": "made up", "default": default, "absent": absent});
    let others = [("interpreter", None), ("gcc", None), ("lua5.4", Some("it is not installed"))];
    let others = others.map(|(name, absent)| participant(name, false, absent));
    let natives = all.iter().map(|who| participant(who.name, who.default, None));
    json!({
        "lockstep_bench": 2,
        "machine": {"cpu": "Abacus <5>", "cpus": 2, "system": "linux 6", "memory": 8_589_934_592u64, "governor": null, "virtualised": true, "load": 0.5},
        "conditions": {"quick": false, "filtered": false, "rounds": 6, "seed": 1, "seconds": 60.0, "load_at_end": 0.6},
        "participants": others.into_iter().chain(natives).collect::<Vec<_>>(),
        "workloads": kernels.iter().enumerate().map(workload).collect::<Vec<_>>(),
        "compile": all.iter().map(compile).collect::<Vec<_>>(),
        "gates": [{
            "gate": "native_ratio", "kernel": kernels[0], "of": "red/speed", "over": "gcc", "bound": {"at_most": 1.3},
            "measured": {"estimate": 1.5, "low": 1.4, "high": 1.6, "samples": 6}, "verdict": verdict, "why": null,
        }],
    })
}

/// The report on these results.
pub fn report(name: &str, parity: Option<Value>, coverage: Option<Value>, bench: Option<Value>) -> Report {
    let file = |kind: &str, value: Option<Value>| value.map(|v| File::new(&format!("{name}-{kind}"), &v.to_string()));
    let files = [file("parity", parity), file("coverage", coverage), file("bench", bench.map(analysed))];
    let path = |n: usize| files[n].as_ref().map(|f| f.0.clone());
    let sources = Sources { parity: path(0), coverage: path(1), bench: path(2), bootstrap: FEW, ..Sources::default() };
    gather(&sources, Environment::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Results with what follows from the samples.
fn analysed(mut value: Value) -> Value {
    let results: BenchResults = serde_json::from_value(value.clone()).expect("results of benchmarks");
    value["analysis"] = serde_json::to_value(Analysis::of(&results, &FEW)).expect("data");
    value
}

/// A report with everything in it, as large as a real one.
pub fn large(name: &str) -> Report {
    let kernels = [
        "wheel", "lever", "screw", "pulley", "wedge", "crank", "cam", "gear", "chain", "spring", "piston", "valve",
        "flywheel", "governor",
    ];
    let all = [
        Who { default: false, ..who("red/none", 1.9, 2e-4) },
        who("red/speed", 1.5, 4e-4),
        Who { default: false, ..who("blue/none", 1.8, 3e-5) },
        who("blue/speed", 1.6, 9e-5),
        Who { default: false, ..who("green/none", 1.7, 2e-3) },
        who("green/speed", 1.1, 4e-3),
    ];
    let mut trials = Vec::new();
    for n in 0..60 {
        let case = format!("bytecode/machine/{}-{n}", kernels[n % kernels.len()]);
        trials.push(trial(&case, None, None, "passed"));
        for who in &all {
            for configuration in ["eager", "osr", "tiered", "exits"] {
                trials.push(trial(&case, Some(who.name), Some(configuration), "passed"));
            }
        }
    }
    let parity =
        json!({"lockstep_parity": 1, "summary": {"passed": 0, "failed": 0, "died": 0, "refused": 0}, "trials": trials});
    let defaults: Vec<Who> = all.iter().copied().filter(|who| who.default).collect();
    let coverage = coverage_of(&kernels, &defaults, &|_, _| None);
    let mut bench = bench_of(&kernels, &all, "pass");
    bench["warmup"] = kernels.iter().map(|kernel| warmup(kernel, &all)).collect();
    let report = report(name, Some(parity), Some(coverage), Some(bench));
    Report { faults: Some(faults()), comparison: Some(comparison()), history: Some(history()), ..report }
}

/// Short calls of which the first compile.
fn warmup(kernel: &str, all: &[Who]) -> Value {
    let series = |who: &Who| {
        let sample = |round: usize| {
            let calls: Vec<f64> = (0..60)
                .map(|n| {
                    let noise = 1.0 + 0.01 * ((n * 7 + round * 3) % 5) as f64;
                    let early = if n == 0 {
                        who.compile
                    } else if n < 6 {
                        2e-4
                    } else {
                        0.0
                    };
                    early + 1e-4 * who.seconds * noise
                })
                .collect();
            json!({"round": round, "calls": calls, "checksum": "7"})
        };
        json!({"implementation": who.name, "samples": (0..3).map(sample).collect::<Vec<_>>(), "void": null})
    };
    let interpreter = who("interpreter", 10.0, 0.0);
    json!({
        "case": format!("bench/{kernel}"), "kernel": kernel, "size": "warm", "args": ["1"], "checksum": "7",
        "series": all.iter().chain([&interpreter]).map(series).collect::<Vec<_>>(),
    })
}

/// Two faults that are seen, one of them rare, and a blind one that is not.
pub fn faults() -> Faults {
    let fault = |name: &str, intended: &str, seen: &[&str]| PlantedFault {
        name: name.to_owned(),
        layer: "code generation".to_owned(),
        about: format!("{name} is wrong"),
        intended: intended.to_owned(),
        seen_by: seen.iter().map(|gate| (*gate).to_owned()).collect(),
        ..PlantedFault::default()
    };
    Faults {
        gates: ["kit", "fuzz", "parity"].map(str::to_owned).into(),
        planted: vec![
            fault("wrong-shift", "kit", &["kit", "fuzz"]),
            PlantedFault { rare: true, ..fault("lost-spill", "fuzz", &["fuzz"]) },
            PlantedFault { blind: true, ..fault("odd-constant", "parity", &[]) },
        ],
        not_planted: Vec::new(),
        false_alarms: Vec::new(),
    }
}

/// A comparison in which nothing is worse.
pub fn comparison() -> Comparison {
    let change = |on: &str, verdict, ratio: f64| Change {
        measure: "time".to_owned(),
        on: on.to_owned(),
        subject: "red/speed".to_owned(),
        ratio: Some(ratio),
        interval: Some(Interval { estimate: ratio, low: ratio * 0.99, high: ratio * 1.01, samples: 6 }),
        verdict,
        note: None,
    };
    let changes = vec![change("wheel quick", Outcome::Better, 0.9), change("lever quick", Outcome::Same, 1.0)];
    Comparison { with: "the baseline".to_owned(), flags: Vec::new(), changes }
}

/// Four runs, of which the third changed something.
fn history() -> History {
    let line = |subject: &str, values: [f64; 4]| HistoryLine { subject: subject.to_owned(), values: values.into() };
    History {
        runs: ["2026-01-01 a", "2026-01-02 b", "2026-01-03 c", "2026-01-04 d"].map(str::to_owned).into(),
        lines: vec![line("red/speed", [1.0, 1.01, 0.9, 0.91]), line("blue/speed", [1.0, 0.99, 1.0, 1.02])],
        changes: vec![history::Change {
            series: "time wheel quick red/speed".to_owned(),
            date: "2026-01-03".to_owned(),
            commit: "c".to_owned(),
            before: 1.0,
            after: 0.9,
            exact: false,
        }],
    }
}
