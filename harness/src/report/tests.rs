//! Reports of made-up results: what they say must follow from the data, whatever the names are.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::model::{Environment, Report};
use super::sentences::{State, answers};
use super::{SourceError, Sources, gather, html, markdown};
use crate::bench::analysis::Analysis;
use crate::bench::{BenchResults, Implementation};
use crate::stats::Bootstrap;

/// A file that is gone afterwards.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
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

fn trial(column: Option<(&str, &str)>, configuration: Option<&str>, status: &str) -> Value {
    let name = format!("case/{column:?}/{configuration:?}");
    let mut trial = json!({
        "name": name, "case": "case", "configuration": configuration, "status": status, "kind": null,
        "what": if status == "failed" { Some("result 1 is not 2") } else { None }, "seconds": 0.1, "stats": null, "program": null,
    });
    if let Some((backend, level)) = column {
        trial["backend"] = json!(backend);
        trial["level"] = json!(level);
    }
    trial
}

fn parity(status: &str) -> Value {
    json!({
        "lockstep_parity": 1,
        "summary": {"passed": 0, "failed": 0, "died": 0, "refused": 0},
        "trials": [
            trial(None, None, "passed"),
            trial(Some(("red", "speed")), Some("eager"), status),
            trial(Some(("red", "speed")), Some("osr"), "passed"),
            trial(Some(("blue", "speed")), Some("eager"), "passed"),
        ],
    })
}

fn coverage(failure: Option<&str>) -> Value {
    let row = |backend: &str, failure: Option<&str>| {
        json!({
            "case": "bench/wheel", "backend": backend, "level": "speed", "failure": failure,
            "coverage": {
                "inline": 9_000_000, "helper": 500_000, "interpreted": 500_000, "total": 10_000_000,
                "by_instruction": {}, "units": 1, "refusals": {}, "exits": {"finished": 3},
            },
        })
    };
    json!({
        "lockstep_coverage": 1,
        "quick": true,
        "instructions": {"red/speed": {"compiled": 10, "of": 10, "missing": {}}},
        "programs": [row("red", None), row("blue", failure)],
    })
}

/// Benchmarks in which `red` and `blue` run a kernel in so many seconds, where the interpreter needs ten, and compile a unit in so many.
fn bench(red: (f64, f64), blue: (f64, f64), verdict: &str) -> Value {
    let noise = [1.0, 1.02, 0.98, 1.01, 0.99, 1.005];
    let series = |name: &str, seconds: f64| {
        let sample = |(round, noise): (usize, &f64)| {
            json!({
                "round": round, "calls": [seconds * noise], "first": 0.0, "units": 1, "exits": 0, "checksum": "7", "code_bytes": 640,
                "compile": [{"name": "emit", "backend": true, "seconds": 0.001}],
            })
        };
        let samples: Vec<Value> = noise.iter().enumerate().map(sample).collect();
        json!({"implementation": name, "samples": samples, "void": null})
    };
    let workload = |kernel: &str| {
        json!({
            "case": format!("bench/{kernel}"), "kernel": kernel, "size": "full", "args": ["1"], "checksum": "7",
            "series": [series("interpreter", 10.0), series("red/speed", red.0), series("blue/speed", blue.0), series("gcc", 0.9)],
        })
    };
    let compile = |name: &str, seconds: f64| {
        let sample = |(round, noise): (usize, &f64)| {
            json!({
                "round": round, "units": 40, "median": seconds * noise, "code_bytes": 4000,
                "phases": [{"name": "verify", "backend": false, "seconds": 0.004}, {"name": "emit", "backend": true, "seconds": seconds}],
            })
        };
        let samples: Vec<Value> = noise.iter().enumerate().map(sample).collect();
        json!({"implementation": name, "samples": samples, "void": null})
    };
    let participant = |name: &str, default: bool, absent: Option<&str>| json!({"implementation": name, "version": "1.0", "about": "made up", "default": default, "absent": absent});
    json!({
        "lockstep_bench": 2,
        "machine": {"cpu": "Abacus <5>", "cpus": 2, "system": "linux 6", "memory": 8_589_934_592u64, "governor": null, "virtualised": true, "load": 0.5},
        "conditions": {"quick": false, "filtered": false, "rounds": 6, "seed": 1, "seconds": 60.0, "load_at_end": 0.6},
        "participants": [
            participant("interpreter", false, None), participant("red/speed", true, None), participant("blue/speed", true, None),
            participant("gcc", false, None), participant("lua5.4", false, Some("it is not installed")),
        ],
        "workloads": [workload("wheel"), workload("lever")],
        "compile": [compile("red/speed", red.1), compile("blue/speed", blue.1)],
        "gates": [{
            "gate": "native_ratio", "kernel": "wheel", "of": "red/speed", "over": "gcc", "bound": {"at_most": 1.3},
            "measured": {"estimate": 1.5, "low": 1.4, "high": 1.6, "samples": 6}, "verdict": verdict, "why": null,
        }],
    })
}

fn report(name: &str, parity: Option<Value>, coverage: Option<Value>, bench: Option<Value>) -> Report {
    let file = |kind: &str, value: Option<Value>| value.map(|v| File::new(&format!("{name}-{kind}"), &v.to_string()));
    let files = [file("parity", parity), file("coverage", coverage), file("bench", bench.map(analysed))];
    let path = |n: usize| files[n].as_ref().map(|f| f.0.clone());
    let sources = Sources { parity: path(0), coverage: path(1), bench: path(2) };
    gather(&sources, Environment::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Results with what follows from the samples.
fn analysed(mut value: Value) -> Value {
    let results: BenchResults = serde_json::from_value(value.clone()).expect("results of benchmarks");
    value["analysis"] = serde_json::to_value(Analysis::of(&results, &Bootstrap::default())).expect("data");
    value
}

fn who(name: &str) -> Implementation {
    name.parse().expect("a name")
}

fn whole(name: &str, red: (f64, f64), blue: (f64, f64)) -> Report {
    report(name, Some(parity("passed")), Some(coverage(None)), Some(bench(red, blue, "pass")))
}

#[test]
fn what_is_good_is_called_good() {
    let report = whole("good", (1.0, 2e-5), (2.0, 4e-4));
    let [right, which, failing] = answers(&report);
    assert_eq!((right.short.as_str(), right.state), ("Yes", State::Good));
    assert_eq!((which.short.as_str(), which.state), ("red/speed", State::Plain));
    assert_eq!((failing.short.as_str(), failing.state), ("No", State::Good));
    assert!(which.sentences[0].contains("10.0×"), "{which:?}");
}

#[test]
fn sentences_swap_when_the_data_swap() {
    let (slow, fast) = ((4.0, 4e-4), (1.0, 2e-5));
    let say = |name, red, blue| answers(&whole(name, red, blue))[1].clone();
    let (one, other) = (say("swap-a", slow, fast), say("swap-b", fast, slow));
    assert_eq!((one.short.as_str(), other.short.as_str()), ("blue/speed", "red/speed"));
    let swapped = one.sentences.join(" ").replace("blue", "red");
    assert_eq!(swapped, other.sentences.join(" "));
    // Fastest code and quickest compilation need not be the same.
    let mixed = say("swap-c", (1.0, 4e-4), (4.0, 2e-5));
    assert_eq!(mixed.short, "red/speed");
    assert!(mixed.sentences[1].starts_with("blue/speed compiles quickest"), "{mixed:?}");
}

#[test]
fn what_is_tied_cannot_be_told() {
    let mut value = bench((1.0, 2e-5), (1.005, 2e-5), "pass");
    // A noise of its own: the two are as far apart as their rounds are from each other.
    for workload in value["workloads"].as_array_mut().expect("workloads") {
        let samples = workload["series"][2]["samples"].as_array_mut().expect("samples");
        for (sample, noise) in samples.iter_mut().zip([0.99, 1.01, 1.02, 0.98, 1.0, 1.015]) {
            sample["calls"] = json!([1.005 * noise]);
        }
    }
    let report = report("tied", Some(parity("passed")), None, Some(value));
    let which = &answers(&report)[1];
    assert_eq!((which.short.as_str(), which.state), ("Cannot be told", State::Unknown));
    assert!(which.sentences.iter().all(|s| s.contains("cannot be told")), "{which:?}");
}

#[test]
fn what_is_missing_is_shown_as_missing() {
    let nothing = report("nothing", None, None, None);
    for answer in answers(&nothing) {
        assert_eq!(answer.state, State::Unknown, "{answer:?}");
    }
    for text in [html::write(&nothing), markdown::write(&nothing)] {
        for missing in ["Parity was not run.", "Coverage was not run.", "Benchmarks were not run."] {
            assert!(text.contains(missing), "{missing}");
        }
        assert!(!text.contains("<svg"));
    }
    let absent = whole("absent", (1.0, 2e-5), (2.0, 4e-4));
    assert!(html::write(&absent).contains("lua5.4 did not take part: it is not installed"));
}

#[test]
fn what_fails_is_seen() {
    let values = (Some(parity("failed")), Some(coverage(Some("inline 1 % is below 90 %"))));
    let report = report("fails", values.0, values.1, Some(bench((1.0, 2e-5), (2.0, 4e-4), "fail")));
    let [right, _, failing] = answers(&report);
    assert_eq!((right.short.as_str(), right.state), ("No", State::Bad));
    assert!(right.sentences[0].contains("1 failed, on red/speed"), "{right:?}");
    assert_eq!((failing.short.as_str(), failing.state), ("Yes", State::Bad));
    let said = failing.sentences.join(" ");
    for part in ["1 parity trial failed", "wheel on blue/speed", "native ratio of wheel (red/speed over gcc)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let page = html::write(&report);
    assert!(page.contains("class=\"bad\"><span aria-hidden=\"true\">✗ </span>fail</td>"));
    assert!(page.contains("result 1 is not 2") && page.contains("inline 1 % is below 90 %"));
    assert!(markdown::write(&report).contains("| **fail** |"));
}

#[test]
fn a_gate_without_a_verdict_is_not_kept() {
    let values = (Some(parity("passed")), Some(coverage(None)));
    let report = report("open", values.0, values.1, Some(bench((1.0, 2e-5), (2.0, 4e-4), "inconclusive")));
    let failing = &answers(&report)[2];
    assert_eq!((failing.short.as_str(), failing.state), ("Not all is known", State::Unknown));
    assert!(failing.sentences[0].starts_with("1 gate cannot be told"), "{failing:?}");
}

#[test]
fn the_page_needs_nothing_else() {
    let page = html::write(&whole("page", (1.0, 2e-5), (2.0, 4e-4)));
    let own = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!own.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg ").count(), 3);
    assert_eq!(page.matches("role=\"img\"").count(), 3);
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    // All colours of pictures follow the style sheet.
    assert!(page.contains("var(--series-1)") && page.contains("var(--series-2)"));
    assert!(!page.contains("\"#01"), "a placeholder is left");
    // Names come from outside and are text, never markup.
    assert!(page.contains("Abacus &lt;5&gt;") && !page.contains("Abacus <5>"));
}

#[test]
fn figures_are_ratios_of_the_samples() {
    let report = whole("figures", (1.0, 2e-5), (2.0, 4e-4));
    let bench = report.bench.as_ref().expect("it was given");
    let near = |interval: Option<crate::stats::Interval>, value: f64| {
        let interval = interval.expect("it was measured");
        assert!((interval.estimate / value - 1.0).abs() < 1e-9, "{interval:?} is not {value}");
    };
    near(bench.uplift_of(&who("blue/speed"), Some("lever")), 5.0);
    near(bench.uplift_of(&who("red/speed"), None), 10.0);
    near(bench.peer_ratio(&who("red/speed"), &who("gcc"), None), 1.0 / 0.9);
    let sums = report.parity.as_ref().expect("it was given").sums;
    assert_eq!((sums.passed, sums.failed), (4, 0));
    // The data can be read again.
    let text = serde_json::to_string(&report).expect("data");
    let again: Report = serde_json::from_str(&text).expect("the same data");
    assert_eq!(again.parity, report.parity);
    assert_eq!(again.coverage, report.coverage);
}

#[test]
fn samples_that_do_not_count_make_no_figure() {
    let mut value = bench((1.0, 2e-5), (2.0, 4e-4), "pass");
    value["workloads"][0]["series"][1]["void"] = json!("checksum 8 is not 7");
    let report = report("void", None, None, Some(value));
    let bench = report.bench.as_ref().expect("it was given");
    assert_eq!(bench.uplift_of(&who("red/speed"), Some("wheel")), None);
    assert_eq!(bench.uplift_of(&who("red/speed"), None), None, "a mean over fewer kernels is not comparable");
    assert!(html::write(&report).contains("checksum 8 is not 7"));
}

#[test]
fn files_that_are_something_else_are_named() {
    let error = |file: &str, text: Option<&str>| {
        let file = text.map(|text| File::new(file, text));
        let path = file.as_ref().map_or_else(|| PathBuf::from("no/such/file.json"), |f| f.0.clone());
        let sources = Sources { coverage: Some(path), ..Sources::default() };
        gather(&sources, Environment::default()).expect_err("it cannot be read")
    };
    let gone = error("gone", None);
    assert!(matches!(gone, SourceError::Read { .. }));
    assert!(gone.to_string().contains("no/such/file.json") && gone.to_string().contains("lockstep coverage"), "{gone}");
    assert!(matches!(error("text", Some("hello")), SourceError::Malformed { .. }));
    assert!(error("other", Some(r#"{"lockstep_parity": 1}"#)).to_string().contains("has no `lockstep_coverage`"));
    let version = error("version", Some(r#"{"lockstep_coverage": 99}"#));
    assert!(matches!(version, SourceError::Version { .. }) && version.to_string().contains("99"), "{version}");
    assert!(error("part", Some(r#"{"lockstep_coverage": 1}"#)).to_string().contains("missing field"));
}
