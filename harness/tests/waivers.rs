//! Waivers through the command: a known failure, a flaky trial and a declared lack are three things, and each fails when it no longer holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs `parity` with these waivers; gives the status, the output and the trials.
fn parity(name: &str, waivers: &str, args: &[&str]) -> (Option<i32>, String, Vec<Value>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("waivers");
    std::fs::create_dir_all(&directory).expect("a directory");
    let (file, results) = (directory.join(format!("{name}.yaml")), directory.join(format!("{name}.json")));
    std::fs::write(&file, format!("about: A test.\n{waivers}")).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .arg("parity")
        .args([Path::new("--waivers"), &file, Path::new("--results"), &results])
        .args(args)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let trials = std::fs::read_to_string(&results).ok().map(|text| {
        let _ = std::fs::remove_file(&results);
        let results: Value = serde_json::from_str(&text).expect("JSON");
        results["trials"].as_array().expect("trials").clone()
    });
    (output.status.code(), text, trials.unwrap_or_default())
}

const BROKEN: &str = "fault:nan-compare:eval";

fn waiver(case: &str, backend: &str, expires: &str) -> String {
    format!("waivers:\n  - {{case: {case}, backend: '{backend}', reason: operands, owner: ada, expires: {expires}}}\n")
}

#[test]
fn a_known_failure_fails_nothing_and_is_recorded_as_such() {
    let (status, text, trials) = parity(
        "known",
        &waiver("ir/edge/fcmp_le.f64", BROKEN, "2999-12-31"),
        &["--backend", BROKEN, "ir/edge/fcmp_le.f64"],
    );
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("parity: ok: 0 passed, 0 failed (0 died), 0 refused as declared, 1 waived, 0 flaky"),
        "{text}"
    );
    assert_eq!((trials.len(), &trials[0]["status"]), (1, &Value::from("waived")));
    let what = trials[0]["what"].as_str().expect("what failed");
    assert!(what.contains("operands (ada, until 2999-12-31)") && what.contains("words of memory differ"), "{what}");
}

#[test]
fn a_waiver_is_about_nothing_else() {
    let waivers = waiver("ir/edge/fcmp_lt.f64", BROKEN, "2999-12-31");
    let (status, text, trials) = parity("other", &waivers, &["--backend", BROKEN, "ir/edge/fcmp_le.f64"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("0 passed, 1 failed (0 died), 0 refused as declared; "), "{text}");
    assert_eq!(trials[0]["status"], "failed");
}

#[test]
fn a_waiver_fails_when_the_trial_passes() {
    let (status, text, trials) = parity(
        "passes",
        &waiver("ir/edge/fcmp_le.f64", "eval", "2999-12-31"),
        &["--backend", "eval", "ir/edge/fcmp_le.f64"],
    );
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("it passes, but is waived: remove the waiver"), "{text}");
    assert_eq!(trials[0]["kind"], "unexpected_pass");
}

#[test]
fn a_waiver_fails_when_it_has_expired() {
    let (status, text, trials) = parity(
        "expired",
        &waiver("ir/edge/fcmp_le.f64", BROKEN, "2020-02-29"),
        &["--backend", BROKEN, "ir/edge/fcmp_le.f64"],
    );
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("its waiver has expired: operands (ada, until 2020-02-29)"), "{text}");
    assert_eq!(trials[0]["kind"], "waiver_expired");
}

#[test]
fn a_waiver_for_no_case_is_a_mistake_in_its_line() {
    let (status, text, _) = parity("none", &waiver("ir/edge/fcmp", "eval", "2999-12-31"), &["--backend", "eval"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("none.yaml:3:") && text.contains("no case is called `ir/edge/fcmp`"), "{text}");
}

/// A server that fails at every other start, and the arguments that try it.
fn flaky(name: &str, mode: &str) -> Option<(String, PathBuf)> {
    if !Command::new("python3").arg("--version").output().is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED: `python3` is not there");
        return None;
    }
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.state"));
    let _ = std::fs::remove_file(&state);
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/rogue.py");
    Some((format!("exec:python3 {server} {mode} {}", state.display()), state))
}

fn entry(backend: &str, runs: u32) -> String {
    format!(
        "flaky:\n  - {{case: ir/three/here, backend: '{backend}', reason: a race, owner: ada, expires: 2999-12-31, runs: {runs}}}\n"
    )
}

const CORPUS: [&str; 3] = ["--corpus", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/isolation"), "ir/three/"];

#[test]
fn a_flaky_trial_is_seen_both_ways() {
    let Some((backend, _)) = flaky("by-turns", "by-turns") else { return };
    let args = [&["--backend", &backend][..], &CORPUS].concat();
    let (status, text, trials) = parity("flaky", &entry(&backend, 6), &args);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("parity: ok: 2 passed, 0 failed (0 died), 0 refused as declared, 0 waived, 1 flaky"),
        "{text}"
    );
    assert!(trials.iter().any(|trial| trial["status"] == "flaky"), "{text}");
}

#[test]
fn what_is_said_to_be_flaky_and_is_not_fails() {
    for (name, mode, how) in
        [("steady", "behaves", "passed each time of 3"), ("broken", "abort", "failed each time of 3")]
    {
        let Some((backend, _)) = flaky(name, mode) else { return };
        let args = [&["--backend", &backend][..], &CORPUS].concat();
        let (status, text, trials) = parity(name, &entry(&backend, 3), &args);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(&format!("it is said to be flaky, and {how}: a race (ada")), "{text}");
        assert!(trials.iter().any(|trial| trial["kind"] == "not_flaky"), "{text}");
    }
}
