//! The first cases of the IR kit on this backend. Raise `CASES` as you go; docs/write-a-backend.md says in which order.
#![forbid(unsafe_code)]

use std::process::Command;

/// How many of the kit's cases, in the order of `lockstep parity --list ir/`, must pass.
const CASES: usize = 10;

#[test]
fn the_first_cases_pass() {
    assert_eq!(lockstep_backend_api::API_VERSION, 1, "written against version 1: see backends/api/CHANGELOG.md");
    let trials = lockstep::kit::names().into_iter().take(CASES).map(|case| format!("{case}/{{name}}/none"));
    let done = Command::new(env!("CARGO_BIN_EXE_{{name}}"))
        .args(["parity", "--exact", "--backend", "{{name}}"])
        .args(trials)
        .output()
        .expect("the command runs");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(output.contains(&format!("parity: ok: {CASES} passed, 0 failed (0 died), 0 refused")), "{output}");
}
