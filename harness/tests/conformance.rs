//! The conformance check of the exec protocol: the examples keep every rule, and each rule is seen to be broken by a server made for it.

use std::process::Command;

use lockstep::conformance::RULES;
use serde_json::Value;

fn there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success());
    if !there {
        eprintln!("SKIPPED: `{program}` is not there");
    }
    there
}

fn example(path: &str) -> String {
    format!("python3 {}/../examples/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The command, with its exit status and output. A process of its own each time: it ends whatever a server leaves behind.
fn conformance(options: &[&str], server: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .arg("exec-conformance")
        .args(options)
        .args(server.split(' '))
        .output()
        .expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The servers that break a rule, by the way in which they do, and the first rule that each breaks.
const BROKEN: [(&str, &str); 25] = [
    ("never-answers", "describe"),
    ("chatty", "describe"),
    ("no-id", "describe"),
    ("no-default-level", "describe"),
    ("describes-by-turns", "describe-again"),
    ("stays", "end-of-input"),
    ("ends-badly", "end-of-input"),
    ("says-goodbye", "end-of-input"),
    ("chatty-after", "end-of-input"),
    ("leaves-a-child", "end-of-input"),
    ("strict-fields", "unknown-fields"),
    ("one-offset", "every-function"),
    ("too-few-offsets", "every-function"),
    ("random-code", "deterministic"),
    ("answers-backwards", "in-order"),
    ("any-version", "unknown-version"),
    ("dies-on-nonsense", "not-json"),
    ("all-internal", "not-a-request"),
    ("odd-kind", "unknown-request"),
    ("wrong-arch", "other-target"),
    ("strict-features", "unknown-feature"),
    ("any-level", "unknown-level"),
    ("compiles-poems", "malformed-unit"),
    ("silent-skip", "unsupported-operation"),
    ("names-nothing", "unsupported-operation"),
];

#[test]
fn the_smallest_server_keeps_every_rule() {
    if !there("python3") {
        return;
    }
    let (status, text) = conformance(&[], &example("exec-tiny/tiny.py"));
    assert_eq!(status, Some(0), "{text}");
    let last = format!("exec-conformance: ok: {} rules kept, 0 broken, 0 not applicable", RULES.len());
    assert_eq!(text.trim_end().lines().last(), Some(last.as_str()), "{text}");
}

#[test]
fn the_gcc_example_keeps_every_rule() {
    if !there("python3") || !there("gcc") {
        return;
    }
    let (status, text) = conformance(&["--json", "--timeout", "100"], &example("exec-gcc/exec_gcc.py"));
    assert_eq!(status, Some(0), "{text}");
    let checked: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(checked.len(), RULES.len());
    for rule in checked {
        // It lacks no operation.
        let verdict = if rule["rule"] == "unsupported-operation" { "not_applicable" } else { "kept" };
        assert_eq!(rule["verdict"], verdict, "{rule}");
    }
}

#[test]
fn each_broken_server_is_caught_by_the_rule_it_breaks() {
    if !there("python3") {
        return;
    }
    let assert_caught = |mode: &str, name: &str| {
        let server = format!("python3 {}/tests/servers/broken.py {mode}", env!("CARGO_MANIFEST_DIR"));
        let (status, text) = conformance(&["--timeout", "5", "--end", "2", "--rule", name], &server);
        assert_eq!(status, Some(1), "{mode} keeps `{name}`: {text}");
        let again = format!("exec-conformance --rule {name} {server}");
        assert!(text.contains("BROKEN: ") && text.contains(&again), "{text}");
        assert!(text.ends_with("exec-conformance: FAILED: 0 rules kept, 1 broken, 0 not applicable\n"), "{text}");
    };
    // Much of it is waiting; too many at once would keep each other waiting for too long.
    for some in BROKEN.chunks(4) {
        std::thread::scope(|scope| {
            for (mode, name) in some {
                scope.spawn(|| assert_caught(mode, name));
            }
        });
    }
}

#[test]
fn what_is_no_program_and_what_is_no_rule_are_told() {
    let (status, text) = conformance(&["--rule", "describe"], "no-such-program-anywhere");
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("cannot start"), "{text}");
    assert_eq!(conformance(&["--rule", "nonsense"], "true").0, Some(2));
}
