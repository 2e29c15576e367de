//! Whole VMs from outside: a toy that is wrong on purpose, seen by `parity` as any VM is seen.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const BROKEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/subjects/broken/subject.yaml");

fn lockstep(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockstep")).args(args).output().expect("it runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A file of its own for a test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("lockstep-subjects-{}-{name}", std::process::id())))
    }

    fn json(&self) -> Value {
        let text = std::fs::read_to_string(&self.0).expect("it was written");
        serde_json::from_str(&text).expect("JSON")
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn parity_sees_what_is_wrong_and_only_that() {
    let file = Scratch::new("parity.json");
    let output = lockstep(&["parity", "--subject", BROKEN, "--results", file.path()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let results = file.json();
    let failed: Vec<(&str, &str)> = results["trials"]
        .as_array()
        .expect("trials")
        .iter()
        .filter(|t| t["status"] != "passed")
        .map(|t| (t["name"].as_str().expect("a name"), t["kind"].as_str().expect("a kind")))
        .collect();
    let expected = [
        ("broken/good/jit+crash", "signal"),
        ("broken/pair/jit", "stdout"),
        ("broken/pair/jit+crash", "signal"),
        ("broken/spin/jit+crash", "timeout"),
        ("broken/square/jit", "stdout"),
        ("broken/square/jit+crash", "signal"),
    ];
    assert_eq!(failed, expected);
    let good = results["trials"].as_array().expect("trials").iter().find(|t| t["name"] == "broken/good/jit");
    let good = &good.expect("the trial")["subject"];
    assert_eq!((&good["native"], &good["counters"]["native"]), (&"proven".into(), &40.into()));
    assert_eq!(good["compiled"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_failure_names_the_command_and_the_lines_that_go_on_from_it() {
    let output = lockstep(&["parity", "--subject", BROKEN, "--exact", "broken/square/jit"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        r#"standard output, line 3: "square 10\n", the reference has "square 9\n""#,
        "VM_JIT=1 ./vm.sh programs/square.prog",
        &format!("run it again: lockstep parity --subject {BROKEN} --exact broken/square/jit"),
        &format!("lockstep bisect --subject {BROKEN} square --configuration jit"),
        "broken vm 1.0: 0 passed, 1 failed",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// The toy's description, changed and put beside it under another name.
fn changed(name: &str, changes: &[(&str, &str)]) -> Scratch {
    let mut yaml = std::fs::read_to_string(BROKEN).expect("the file");
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replacen(from, to, 1);
    }
    // Paths are relative to the file.
    let file = Path::new(BROKEN).with_file_name(format!("{name}-{}.yaml", std::process::id()));
    std::fs::write(&file, yaml).expect("a file for the test");
    Scratch(file)
}

#[test]
fn without_counters_native_execution_is_unproven() {
    let counters = "counters: {env: {VM_COUNTERS: \"{counters}\"}, least_native: 90}\n";
    let file = changed("uncounted", &[(counters, "")]);
    let output = lockstep(&["parity", "--subject", file.path(), "--exact", "broken/good/jit"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("jit: native execution unproven in 1 trials"), "{}", text(&output));
}

#[test]
fn an_interpreter_in_disguise_is_found_by_the_counters() {
    let file = changed("disguised", &[("env: {VM_JIT: \"1\"}", "env: {VM_JIT: \"0\"}")]);
    let output = lockstep(&["parity", "--subject", file.path(), "--exact", "broken/good/jit"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("0.00 % ran natively, at least 90 % must"), "{}", text(&output));
}

#[test]
fn a_reference_must_meet_what_is_expected_and_be_steady() {
    let file = changed("expecting", &[("double 8", "double 9")]);
    let output = lockstep(&["parity", "--subject", file.path(), "--exact", "broken/good/interpreter"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains(r#"line 1: "double 8\n", the file expects "double 9\n""#), "{}", text(&output));

    let clock = Path::new(BROKEN).with_file_name(format!("programs/clock-{}.prog", std::process::id()));
    std::fs::write(&clock, "clock 1\n").expect("a program");
    let entry = format!("programs:\n  - {{file: {}, name: clock}}", clock.display());
    let (clock, file) = (Scratch(clock), changed("unsteady", &[("programs:", &entry)]));
    let output = lockstep(&["parity", "--subject", file.path(), "--exact", "broken/clock/interpreter"]);
    drop(clock);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("a second run of the reference differs"), "{}", text(&output));
}

#[test]
fn bisect_names_the_function_and_the_change() {
    let file = Scratch::new("square.json");
    let output =
        lockstep(&["bisect", "--subject", BROKEN, "square", "--configuration", "jit", "--results", file.path()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let found = file.json();
    assert_eq!(found["functions"]["found"]["compiled"], serde_json::json!(["double", "triple", "square", "negate"]));
    assert_eq!(found["functions"]["found"]["minimal"], serde_json::json!(["square"]));
    assert_eq!(found["change"]["found"]["first_wrong"], 3);
    let line = found["line"].as_str().expect("a line");
    assert!(line.ends_with("&& VM_FUEL=3 VM_JIT=1 VM_ONLY=square ./vm.sh programs/square.prog"), "{line}");
    // The line does what it says.
    let shown = Command::new("sh").args(["-c", line]).output().expect("it runs");
    assert!(text(&shown).contains("square 10\n"), "{}", text(&shown));
}

#[test]
fn bisect_finds_two_that_are_wrong_together_and_reduces_deaths_alike() {
    let minimal = |program: &str, configuration: &str, kind: &str| {
        let file = Scratch::new(&format!("{program}.json"));
        let output = lockstep(&[
            "bisect",
            "--subject",
            BROKEN,
            program,
            "--configuration",
            configuration,
            "--results",
            file.path(),
        ]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let found = file.json();
        assert_eq!(found["divergence"]["kind"], kind);
        // Nothing that the optimiser does is to blame.
        assert!(found["change"]["not_possible"].is_string(), "{found}");
        found["functions"]["found"]["minimal"].clone()
    };
    assert_eq!(minimal("pair", "jit", "stdout"), serde_json::json!(["double", "pair"]));
    assert_eq!(minimal("good", "jit+crash", "signal"), serde_json::json!(["negate"]));
}

#[test]
fn bisect_says_what_the_subject_does_not_offer() {
    let file = changed(
        "unlisted",
        &[("allow: {env: {VM_ONLY: \"{allow}\"}}\n", ""), ("fuel: {env: {VM_FUEL: \"{fuel}\"}}\n", "")],
    );
    let output = lockstep(&["bisect", "--subject", file.path(), "square", "--configuration", "jit"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no list of what may be compiled; it compiled double, triple, square, negate"), "{text}");
    assert!(text.contains("the subject has no limit on the changes of its optimiser"), "{text}");

    let agreeing = lockstep(&["bisect", "--subject", BROKEN, "good", "--configuration", "jit"]);
    assert_eq!(agreeing.status.code(), Some(2));
}

#[test]
fn what_cannot_be_done_is_no_verdict() {
    let absent = changed("absent", &[("[./vm.sh, \"{program}\"]", "[no-such-vm, \"{program}\"]")]);
    let output = lockstep(&["parity", "--subject", absent.path()]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("broken is absent: `no-such-vm` is not found"), "{}", text(&output));

    let mistaken = changed("mistaken", &[("stress:", "stres:")]);
    let output = lockstep(&["parity", "--subject", mistaken.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains(".yaml:10:1: error: unknown field `stres`"), "{}", text(&output));
}

#[test]
fn a_passport_is_verified_by_a_second_run_and_notices_a_changed_figure() {
    let out = Scratch::new("passport");
    let shown = |output: &Output| text(output);
    let issued = lockstep(&["passport", "--run", "--only", "parity", "--subject", BROKEN, "--out", out.path()]);
    assert!(issued.status.success(), "{}", shown(&issued));
    assert!(shown(&issued).contains("Parity: 6 trials passed, 6 failed (4 without an answer)"), "{}", shown(&issued));
    assert!(shown(&issued).contains("not run: bench: no results were given"), "{}", shown(&issued));
    let file = out.0.join("passport.json");
    let json = std::fs::read_to_string(&file).expect("it was written");
    let page = std::fs::read_to_string(out.0.join("passport.html")).expect("it was written");
    let name = file.to_str().expect("a plain path");

    let verified = lockstep(&["passport", "verify", name]);
    assert!(verified.status.success(), "{}", shown(&verified));
    assert!(shown(&verified).contains("passport: verified: "), "{}", shown(&verified));

    // New results that differ: the compiler is switched off, so that nothing is wrong any more.
    let repaired = changed("repaired", &[("env: {VM_JIT: \"1\"}", "env: {VM_JIT: \"0\"}"), (", least_native: 90", "")]);
    let results = Scratch::new("repaired.json");
    assert!(
        lockstep(&["parity", "--quiet", "--subject", repaired.path(), "--results", results.path()]).status.success()
    );
    let other = lockstep(&["passport", "verify", name, "--parity", results.path()]);
    assert_eq!(other.status.code(), Some(1), "{}", shown(&other));
    assert!(shown(&other).contains("trial broken/square/jit: DIFFERS: failed, now did not fail"), "{}", shown(&other));

    let figure = "\"passed\": 6";
    assert!(json.contains(figure) && page.contains("Passport of broken"));
    std::fs::write(&file, json.replacen(figure, "\"passed\": 9", 1)).expect("it can be written");
    let tampered = lockstep(&["passport", "verify", "--integrity", name]);
    std::fs::remove_dir_all(&out.0).expect("it is there");
    assert_eq!(tampered.status.code(), Some(1), "{}", shown(&tampered));
    assert!(shown(&tampered).contains("was changed after it was issued"), "{}", shown(&tampered));
}

#[test]
fn bench_times_what_agrees_and_voids_what_does_not() {
    let file = Scratch::new("bench.json");
    let output = lockstep(&[
        "bench",
        "--subject",
        BROKEN,
        "--quick",
        "--rounds",
        "2",
        "--again",
        "none",
        "--results",
        file.path(),
    ]);
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for part in [
        "uplift over reference:broken/interpreter",
        "void: square quick subject:broken/jit: parity of broken/square/jit: standard output, line 3",
        "native execution proven on 1 programs",
        "bench: FAILED: 0 gates passed, 3 failures",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let results = file.json();
    let uplift = results["analysis"]["uplift"].as_array().expect("figures");
    let good = uplift.iter().find(|f| f["kernel"] == "good").expect("it agrees");
    // The times are the toy's own: 0.0041 s interpreted, 0.001 s compiled.
    let ratio = good["ratio"]["estimate"].as_f64().expect("a number");
    assert!((ratio - 4.1).abs() < 1e-6, "{ratio}");
    assert!(uplift.iter().all(|f| f["kernel"] != "square"));
    assert_eq!(results["subject"]["evidence"]["subject:broken/jit"]["good"]["native"], "proven");

    let names = ["reference:broken/interpreter", "subject:broken/jit"];
    let compared = lockstep(&["compare", "--in", file.path(), names[0], names[1]]);
    assert_eq!(compared.status.code(), Some(1), "{}", text(&compared));
    assert!(text(&compared).contains("void on the second side: parity of broken/square/jit"), "{}", text(&compared));
}
