//! A fault planted at each layer is localised there: the layer, the function, the pass and its change, the instruction; and what is written
//! fails in the same way. The bisection is given seals, which tell nothing.

use std::path::PathBuf;
use std::time::Duration;

use lockstep::backends::{Backends, Column};
use lockstep::bisect::lab::Lab;
use lockstep::bisect::verdict::{Layer, Manner, Verdict};
use lockstep::bisect::{Found, Request, case, localise};
use lockstep::fault;
use lockstep::program::Program;
use lockstep::worker::{Limits, Pool};
use lockstep_backend_api::Execution;

const PATIENCE: Duration = Duration::from_millis(1000);

fn lab() -> Lab {
    let pool = |seconds| {
        let limits = Limits { silence: Duration::from_secs(seconds), ..Limits::default() };
        Pool::of(PathBuf::from(env!("CARGO_BIN_EXE_lockstep")), limits)
    };
    Lab::of(pool(4), pool(60))
}

fn column(backends: &Backends, execution: Execution) -> Column {
    let mut fitting = backends.iter().filter(|b| b.capabilities().execution == execution);
    let backend = fitting.next().expect("the default build has native backends and the evaluator");
    Column { backend: backend.id().to_owned(), level: backend.capabilities().default_level }
}

/// A case with one run.
fn program(text: &str, run: &str) -> Program {
    let indented: String = text.lines().map(|line| format!("      {line}\n")).collect();
    let yaml = format!(
        "about: Test.\ncases:\n  - name: test\n    about: Test.\n    program: |\n{indented}    runs:\n      - {run}\n"
    );
    case::read(&yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"))
}

fn request(backend: &str, reduce: bool) -> Request {
    let backends = Backends::new();
    let native = column(&backends, Execution::Native);
    let id = if backend.is_empty() { native.backend } else { fault::id(&fault::seal(backend), &native.backend) };
    Request {
        case: "test/test".to_owned(),
        run: None,
        column: Column { backend: id, level: native.level },
        configuration: None,
        reference: column(&backends, Execution::Evaluated),
        reduce_for: if reduce { Duration::from_secs(60) } else { Duration::ZERO },
        patience: PATIENCE,
    }
}

fn verdict(fault: &str, text: &str, run: &str) -> Verdict {
    let found = localise(&lab(), &program(text, run), &request(fault, true), &mut |_| {});
    match found.unwrap_or_else(|e| panic!("{fault}: {e}")) {
        Found::Verdict(verdict) => *verdict,
        Found::Nothing => panic!("{fault} does not show"),
    }
}

/// What every reduction must come to.
fn is_small_and_fails(verdict: &Verdict, most: usize) {
    let reduced = verdict.reduced.as_ref().expect("a reduced program");
    assert!(reduced.to <= most, "{} instructions are left:\n{}", reduced.to, reduced.program);
    assert!(reduced.confirmed, "{}", reduced.yaml);
    assert_eq!(reduced.difference.class, verdict.difference.class);
}

const BRANCHES: &str = "
func main(a: i64, b: i64) -> i64 {
    reg c: i64
    call c, less(a, b)
    addi.i64 c, c, 40
    ret c
}

func less(a: i64, b: i64) -> i64 {
    reg r: i64
    xor.i64 r, a, b
    jlt.i64 a, b, yes
    const.i64 r, 1
    ret r
yes:
    const.i64 r, 2
    ret r
}
";

#[test]
fn native_code() {
    let verdict = verdict("fused-compare", BRANCHES, "{args: [-5, 7], result: 42}");
    assert_eq!(verdict.layer, Layer::Native);
    assert_eq!(verdict.function.as_deref(), Some("less"));
    let parting = verdict.parting.as_ref().expect("frames differ");
    assert!(parting.step && parting.manner == Manner::Executed, "{parting:?}");
    assert!(parting.place.as_ref().is_some_and(|p| p.text.starts_with("jlt.i64")), "{parting:?}");
    is_small_and_fails(&verdict, 5);
}

#[test]
fn one_change_of_a_pass() {
    let text = "
func main(x: i64, y: i64) -> i64 {
    reg a: i64, b: i64
    and.i64 a, x, y
    shli.i64 b, x, 40
    add.i64 b, b, a
    ret b
}
";
    let verdict = verdict("wrong-fold", text, "{args: [12, 10], result: 13194139533320}");
    let Layer::Optimiser { change } = &verdict.layer else { panic!("{:?}: {:?}", verdict.layer, verdict.rungs) };
    assert_eq!(change.pass, "constant-folding");
    assert!(change.diff.iter().any(|line| line.starts_with('-') && line.contains("shl")), "{change:?}");
    assert!(change.diff.iter().any(|line| line.starts_with('+') && line.contains("iconst")), "{change:?}");
    is_small_and_fails(&verdict, 2);
}

#[test]
fn lowering_and_what_is_not_compiled() {
    let text = "
func main(x: i64, y: i64) -> i64 {
    reg a: i64
    div.i64 a, x, y
    ret a
}
";
    let run = "{args: [1, 0], error: {kind: divide_by_zero, function: main, pc: 0, line: 4}}";
    let verdict_of_lowering = verdict("no-zero-check", text, run);
    assert_eq!(verdict_of_lowering.layer, Layer::Lowering, "{:?}", verdict_of_lowering.rungs);
    is_small_and_fails(&verdict_of_lowering, 3);

    let text = "
func main(x: f64) -> i32 {
    reg a: i32
    exact.f64_to_i32 a, x
    ret a
}
";
    let run = "{args: [0.5], error: {kind: conversion, function: main, pc: 0, line: 4}}";
    let verdict_of_session = verdict("wrong-error-kind", text, run);
    assert_eq!(verdict_of_session.layer, Layer::Session, "{:?}", verdict_of_session.rungs);
}

#[test]
fn an_entry_at_a_loop() {
    let text = "
func main(n: i64, a: i64) -> i64 {
    reg i: i64, sum: i64
    const.i64 i, 0
    const.i64 sum, 100
again:
    add.i64 sum, sum, a
    loop_lt.i64 i, n, again
    ret sum
}
";
    let verdict = verdict("stale-loop-slot", text, "{args: [5, 7], result: 135}");
    assert_eq!(verdict.layer, Layer::Osr, "{:?} {:?}", verdict.rungs, verdict.parting);
    assert_eq!(verdict.units.len(), 1);
    assert!(verdict.units[0].1.is_some());
    is_small_and_fails(&verdict, 5);
}

#[test]
fn crashes_and_hangs_are_reduced_like_wrong_results() {
    let crash = verdict("segfault", BRANCHES, "{args: [-5, 7], result: 42}");
    assert_eq!(crash.layer, Layer::Native);
    assert_eq!(crash.difference.class, lockstep::bisect::probe::Class::Crash);
    is_small_and_fails(&crash, 2);
    let refused = verdict("refuses", BRANCHES, "{args: [-5, 7], result: 42}");
    assert_eq!(refused.difference.class, lockstep::bisect::probe::Class::Refused);
    is_small_and_fails(&refused, 2);
}

#[test]
fn what_is_right_and_what_the_interpreter_gets_wrong() {
    let sound = program(BRANCHES, "{args: [-5, 7], result: 42}");
    assert!(matches!(localise(&lab(), &sound, &request("", false), &mut |_| {}), Ok(Found::Nothing)));
    let misstated = program(BRANCHES, "{args: [-5, 7], result: 43}");
    match localise(&lab(), &misstated, &request("", false), &mut |_| {}) {
        Ok(Found::Verdict(verdict)) => {
            assert_eq!(verdict.layer, Layer::Interpreter);
            // Everybody else agrees with the interpreter: the case is to be doubted.
            assert!(verdict.rungs.iter().all(|rung| rung.differs.is_none()), "{:?}", verdict.rungs);
        }
        other => panic!("{other:?}"),
    }
}
