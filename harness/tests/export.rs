//! The exports: C is proven right by gcc, and seen to fail on an expectation that was changed. Scripts and CLIF are run by `examples/run-exports`,
//! which is a workspace of its own for what it depends on; here it is seen that they hold what their list says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Exports into a directory of its own; gives it and the list.
fn export(language: &str, to: &str, filters: &[&str]) -> (PathBuf, Value) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(to);
    let _ = std::fs::remove_dir_all(&out);
    let done = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["export", "--as", language, "--out"])
        .arg(&out)
        .args(filters)
        .output()
        .expect("it runs");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let index = std::fs::read_to_string(out.join("index.json")).expect("the list");
    (out, serde_json::from_str(&index).expect("JSON"))
}

fn rows<'i>(index: &'i Value, name: &str) -> &'i Vec<Value> {
    index[name].as_array().expect("a list")
}

fn checks(index: &Value) -> u64 {
    rows(index, "cases").iter().map(|case| case["checks"].as_u64().expect("a number")).sum()
}

/// Every IR case is in the list, exported or with a reason.
fn assert_complete(index: &Value, at_least: usize) {
    let names = lockstep::case::Case::names(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus").as_ref()).expect("names");
    let (cases, skipped) = (rows(index, "cases"), rows(index, "skipped"));
    let mut listed: Vec<&str> = cases.iter().chain(skipped).map(|row| row["case"].as_str().expect("a name")).collect();
    listed.sort_unstable();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(listed, all);
    assert!(cases.len() >= at_least, "only {} cases are exported", cases.len());
    let reasons = ["no_counterpart", "traps", "memory", "host"];
    assert!(skipped.iter().all(|row| reasons.contains(&row["reason"].as_str().expect("a reason"))));
}

const GCC: [&str; 8] = [
    "-std=gnu11",
    "-O1",
    "-fwrapv",
    "-ffp-contract=off",
    "-frounding-math",
    "-fsignaling-nans",
    "-Wall",
    "-Wno-unused",
];

/// Compiles a file and runs it: whether it was content, and what it said.
fn run_c(file: &Path) -> Option<(bool, String)> {
    if Command::new("gcc").arg("--version").output().is_err() {
        eprintln!("SKIPPED: `gcc` is not there");
        return None;
    }
    let binary = file.with_extension("out");
    let compiled = Command::new("gcc").args(GCC).arg("-o").args([&binary, file]).arg("-lm").output().expect("gcc runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let done = Command::new(&binary).output().expect("it runs");
    Some((done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned()))
}

#[test]
fn c_is_right_by_gcc() {
    let (out, index) = export("c", "export-c", &[]);
    assert_complete(&index, 310);
    let Some((ok, said)) = run_c(&out.join("all.c")) else { return };
    assert!(ok, "{said}");
    assert_eq!(said, format!("{} cases, {} checks, 0 wrong\n", rows(&index, "cases").len(), checks(&index)));
}

#[test]
fn a_changed_expectation_fails_in_c() {
    let (out, _) = export("c", "export-c-planted", &["ir/edge/isub.i32", "ir/loops/"]);
    let plant = |file: &str, from: &str, to: &str| {
        let path = out.join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).expect("a file");
        run_c(&path)
    };
    // The first tuple, 0 - 0.
    let Some((ok, said)) = plant("ir_edge_isub_i32.c", "  {0x0u, 0x0u, 0x0u},", "  {0x0u, 0x0u, 0x1u},") else {
        return;
    };
    assert!(!ok && said.contains("isub.i32, 0: expected 0x1, found 0"), "{said}");
    let file = std::fs::read_dir(&out)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .find(|name| name.starts_with("ir_loops_") && name.ends_with(".c"))
        .expect("a case with loops");
    let Some((ok, said)) = plant(&file, "if (r != ", "if (1 + r != ") else { return };
    assert!(!ok && said.contains("run 0, result"), "{said}");
}

/// Files are not empty, and as many checks stand in them as the list says; what runs them is `examples/run-exports`.
fn assert_stated(language: &str, mark: &str, at_least: usize) {
    let (out, index) = export(language, &format!("export-{language}"), &[]);
    assert_complete(&index, at_least);
    for case in rows(&index, "cases") {
        let text = std::fs::read_to_string(out.join(case["file"].as_str().expect("a file"))).expect("a file");
        let stated = text.lines().filter(|line| line.starts_with(mark)).count() as u64;
        assert_eq!(Some(stated), case["checks"].as_u64(), "{case}");
    }
}

#[test]
fn wast_states_what_its_list_says() {
    assert_stated("wast", "(assert_return ", 280);
}

#[test]
fn clif_states_what_its_list_says() {
    assert_stated("clif", "; run: ", 220);
}
