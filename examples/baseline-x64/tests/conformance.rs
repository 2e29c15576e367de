//! What this backend promises: every integer case of the IR kit and corpus, in under 600 lines of code.
#![forbid(unsafe_code)]

use std::process::Command;

use lockstep::case::Case;
use serde_json::Value;

/// The id of the backend, which is the package's name.
const ID: &str = env!("CARGO_PKG_NAME");

/// The trials of the IR cases, as `parity --results` writes them, and whether the command was content.
fn parity() -> (bool, Vec<Value>) {
    let results = concat!(env!("CARGO_TARGET_TMPDIR"), "/parity.json");
    let done = Command::new(env!("CARGO_BIN_EXE_baseline-x64"))
        .args(["parity", "ir/", "--backend", ID, "--quiet", "--results", results])
        .output()
        .expect("the command runs");
    print!("{}", String::from_utf8_lossy(&done.stdout));
    let text = std::fs::read_to_string(results).expect("results");
    let results: Value = serde_json::from_str(&text).expect("JSON");
    (done.status.success(), results["trials"].as_array().expect("trials").clone())
}

/// Whether a case has a floating-point value anywhere.
fn has_floats(name: &str) -> bool {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus");
    let case = Case::find(name, corpus.as_ref()).unwrap_or_else(|e| panic!("{name}: {e}"));
    case.unit.functions.iter().flat_map(|f| &f.values).any(|v| !v.ty.is_int())
}

#[test]
fn every_integer_case_passes_and_the_rest_is_refused_as_declared() {
    assert_eq!(lockstep_backend_api::API_VERSION, 1, "written against version 1: see backends/api/CHANGELOG.md");
    let (ok, trials) = parity();
    assert!(ok, "a case failed");
    let status = |status: &str| -> Vec<&str> {
        trials.iter().filter(|t| t["status"] == status).map(|t| t["case"].as_str().expect("a name")).collect()
    };
    let (passed, refused) = (status("passed"), status("refused"));
    assert_eq!(passed.len() + refused.len(), trials.len());
    let integer = passed.iter().filter(|name| !has_floats(name)).count();
    assert!(integer >= 150, "only {integer} integer cases ran");
    let lacking: Vec<_> = refused.iter().filter(|name| !has_floats(name)).collect();
    assert!(lacking.is_empty(), "integer cases refused: {lacking:?}");
    println!("{integer} integer cases and {} others passed, {} refused", passed.len() - integer, refused.len());
}

/// Whole programs: what it lowers agrees with the interpreter in every configuration, what it lacks is refused as declared.
#[test]
fn programs_agree_or_are_refused_as_declared() {
    let done = Command::new(env!("CARGO_BIN_EXE_baseline-x64"))
        .args([
            "parity",
            "bench/kernels/fib/",
            "bench/kernels/sieve/",
            "bench/kernels/mandelbrot/",
            "--backend",
            ID,
            "--quiet",
        ])
        .output()
        .expect("the command runs");
    let output = String::from_utf8_lossy(&done.stdout);
    // Seven configurations of each; mandelbrot computes with floats.
    assert!(output.contains("parity: ok: 14 passed, 0 failed (0 died), 7 refused as declared"), "{output}");
}

#[test]
fn it_has_under_600_lines() {
    let sources = [include_str!("../src/main.rs"), include_str!("../src/lib.rs"), include_str!("../src/ops.rs")];
    let lines = sources.iter().chain([&include_str!("../src/asm.rs")]).flat_map(|text| text.lines()).map(str::trim);
    // Blank lines and comments do not count.
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    println!("{code} lines of code");
    assert!(code < 600, "{code} lines of code");
}
