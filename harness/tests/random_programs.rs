//! Random bytecode programs, as many as a second affords: the same judge as `lockstep fuzz bytecode`, in every test run.

use lockstep::backends::Backends;
use lockstep::fault;
use lockstep::program::fuzz::{Half, ProgramBatch, ProgramBatchReport};

/// Checks some programs, from index `first` on, on every native backend at its default level.
fn check(half: Half, first: u64, count: u64, planted: Option<&str>) -> ProgramBatchReport {
    check_of(20_261_121, half, first, count, planted)
}

/// The same, of the programs of some seed.
fn check_of(seed: u64, half: Half, first: u64, count: u64, planted: Option<&str>) -> ProgramBatchReport {
    let mut backends = Backends::new();
    let mut columns = backends.columns(&[], &["default".to_owned()]).expect("every backend has a default level");
    columns.retain(|column| backends.resolve(&column.backend).is_ok_and(|b| b.evaluator().is_none()));
    assert!(!columns.is_empty(), "this build has no native backend");
    if let Some(name) = planted {
        columns.iter_mut().for_each(|column| column.backend = fault::id(name, &column.backend));
    }
    let batch = ProgramBatch { seed, first, count, columns, half, shrink: planted.is_none() };
    batch.run(&mut backends, &mut |_| {}).expect("backends and fault are known")
}

#[test]
fn native_code_does_what_the_interpreter_does() {
    let report = check(Half::Typed, 0, 8, None);
    assert_eq!(report.programs, 8);
    assert!(report.reached_end > 0, "some run reaches its end");
    let found: Vec<&str> = report.divergences.iter().map(|d| d.what.as_str()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_planted_fault_is_a_divergence() {
    assert!(!check(Half::Typed, 7, 1, Some("lost-result")).divergences.is_empty());
}

#[test]
fn dynamic_programs_do_the_same_under_stress_and_optimised() {
    let report = check(Half::Dynamic, 0, 8, None);
    assert_eq!((report.programs, report.runs), (8, 16));
    let found: Vec<&str> = report.divergences.iter().map(|d| d.what.as_str()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_wrong_optimiser_is_a_divergence() {
    let batch = |planted| check_of(1, Half::Dynamic, 23, 1, planted).divergences;
    assert!(!batch(Some("ordered-branch")).is_empty(), "this program shows it");
    assert!(batch(None).is_empty(), "and has no fault of its own");
}
