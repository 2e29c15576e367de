//! The gates see: each turns the exit status non-zero for a violation made for it. `lockstep faults` does all planted faults;
//! this is the part of it that every test run affords.

use std::process::{Command, Output};

fn lockstep(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_lockstep")).args(args).output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn a_planted_fault_is_caught_by_its_gate_and_the_sound_build_passes() {
    let (status, text) = lockstep(&["faults", "--backend", "eval", "panic"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("1 of 1 caught") && text.contains("1 of 1 gates pass without a fault"), "{text}");
}

#[test]
fn a_fault_in_a_backend_fails_the_kit_and_the_fuzzer() {
    let (status, text) = lockstep(&[
        "parity",
        "--exact",
        "--backend",
        "fault:nan-compare:eval",
        "ir/edge/fcmp_le.f64/fault:nan-compare:eval/none",
    ]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("words of memory differ"), "{text}");
    let save = concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz");
    let (status, text) = lockstep(&[
        "fuzz",
        "ir",
        "--backend",
        "fault:nan-compare:eval",
        "--count",
        "500",
        "--stop-after",
        "1",
        "--shrink",
        "1",
        "--save",
        save,
    ]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("shrunk from") && text.contains("run it again: lockstep fuzz ir --seed 1 --first "),
        "{text}"
    );
}

#[test]
fn a_shrunk_divergence_is_a_case_that_fails_with_the_fault_and_passes_without() {
    let root = std::path::PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/shrunk"));
    let _ = std::fs::remove_dir_all(&root);
    let save = root.join("ir");
    let save = save.to_str().expect("a path of this project");
    lockstep(&[
        "fuzz",
        "ir",
        "--backend",
        "fault:dropped-store:eval",
        "--count",
        "100",
        "--stop-after",
        "1",
        "--shrink",
        "1",
        "--save",
        save,
    ]);
    let corpus = root.to_str().expect("a path of this project");
    let parity = |backend: &str| lockstep(&["parity", "--corpus", corpus, "--backend", backend, "ir/fuzz_"]);
    let (status, text) = parity("fault:dropped-store:eval");
    assert_eq!(status, Some(1), "{text}");
    let (status, text) = parity("eval");
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn the_judge_says_what_it_lacks() {
    let directory = concat!(env!("CARGO_TARGET_TMPDIR"), "/judge");
    let (status, text) = lockstep(&["judge", "--cc", "no-such-compiler", "--directory", directory]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("no-such-compiler") && text.contains("apt-get install gcc"), "{text}");
}

#[test]
fn mistakes_in_the_corpus_are_shown_in_their_place() {
    let root = std::path::PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/mistakes"));
    std::fs::create_dir_all(root.join("ir")).expect("a directory");
    let complaint = |yaml: &str| {
        std::fs::write(root.join("ir/bad.yaml"), yaml).expect("a file");
        let (status, text) =
            lockstep(&["parity", "--corpus", root.to_str().expect("a path"), "--backend", "eval", "ir/bad/"]);
        assert_ne!(status, Some(0), "{text}");
        text
    };
    let case = "about: A\ncases:\n  - name: one\n    about: B\n    unit: |\n      lockstep_ir 1 machine\n      unit \"u\"\n      function %0 \"entry\" (i64, i64, i64) -> (i32) {\n      block0(v0: i64, v1: i64, v2: i64):\n          v3 = iconst.i32 0\n          return v3\n      }\n";
    let text = complaint(&case.replace("    about: B", "    abut: B"));
    assert!(text.contains("bad.yaml:4:5: error:") && text.contains("unknown field `abut`"), "{text}");
    let text = complaint(&case.replace("iconst.i32 0", "icnst.i32 0"));
    assert!(text.contains("bad.yaml:10:16: error: no operation `icnst`"), "{text}");
    let text = complaint(&case.replace("return v3", "return v1"));
    assert!(text.contains("bad.yaml:3:5: error:") && text.contains("v1 is i64 where i32 is expected"), "{text}");
    let text = complaint(&case.replace("\"entry\" (i64, i64, i64)", "\"entry\" (i64, i64)").replace(", v2: i64", ""));
    assert!(text.contains("has the signature (i64, i64) -> (i32)"), "{text}");
    let text = complaint(&format!("{case}  - name: one\n    about: C\n    unit: x\n"));
    assert!(text.contains("two cases are called `one`"), "{text}");
}
