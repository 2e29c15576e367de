//! Whatever a backend does to its process costs one case, told by its name and the line that runs it again.

use std::process::Command;
use std::time::Duration;

use lockstep::backends::Column;
use lockstep::fault::{self, Behaviour};
use lockstep::worker::{Answer, How, Limits, Pool, Task};
use lockstep_backend_api::Level;

fn task(backend: String) -> Task {
    let column = Column { backend, level: Level::None };
    Task::IrCase { case: "ir/edge/brif".into(), column, corpus: "no-corpus".into() }
}

#[test]
fn each_misbehaviour_costs_one_case() {
    let limits = Limits { silence: Duration::from_secs(2), ..Limits::default() };
    let pool = Pool::of(env!("CARGO_BIN_EXE_lockstep").into(), limits);
    for behaviour in Behaviour::ALL {
        let answer = pool.run(&task(fault::id(behaviour.name(), "eval")));
        let how = answer.as_ref().map_err(|death| &death.how);
        let expected = match behaviour {
            Behaviour::Abort | Behaviour::StackOverflow | Behaviour::Memory => how.is_err_and(|h| *h == How::Signal(6)),
            Behaviour::Segfault => how.is_err_and(|h| *h == How::Signal(11)),
            Behaviour::IllegalInstruction => how.is_err_and(|h| *h == How::Signal(4)),
            Behaviour::ExitZero => how.is_err_and(|h| *h == How::Exited(0)),
            Behaviour::Hang => how.is_err_and(|h| matches!(h, How::Silent(_))),
            Behaviour::Noise => how.is_err_and(|h| matches!(h, How::Noise(n) if *n > 0)),
            Behaviour::Panic => how.is_err_and(|h| *h == How::Panicked("planted".into())),
            Behaviour::Unsteady | Behaviour::Refuses => {
                how.is_ok_and(|answer| matches!(answer, Answer::Case(report) if report.verdict.is_failure()))
            }
        };
        assert!(expected, "{}: {answer:?}", behaviour.name());
        // The pool goes on as if nothing had happened.
        let next = pool.run(&task("eval".into()));
        assert!(matches!(&next, Ok(Answer::Case(report)) if !report.verdict.is_failure()), "{next:?}");
    }
}

#[test]
fn a_failure_names_the_case_the_signal_and_the_line_that_runs_it_again() {
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["parity", "--exact", "--backend", "fault:segfault:eval", "ir/edge/brif/fault:segfault:eval/none"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("killed by SIGSEGV"), "{text}");
    let again =
        "run it again: lockstep parity --exact --backend fault:segfault:eval ir/edge/brif/fault:segfault:eval/none";
    assert!(text.contains(again), "{text}");
    assert!(
        text.trim_end().lines().last().is_some_and(|l| l.starts_with("parity: FAILED: 0 passed, 1 failed (1 died)"))
    );
}

#[test]
fn filters_behave_as_in_other_test_programs() {
    let list = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["parity", "--list"])
            .args(args)
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let base = ["--backend", "eval"];
    assert!(list(&[&base[..], &["ir/edge/iadd"]].concat()).len() == 4);
    assert_eq!(
        list(&[&base[..], &["--exact", "ir/edge/iadd.i8/eval/none"]].concat()),
        ["ir/edge/iadd.i8/eval/none: test"]
    );
    assert_eq!(list(&[&base[..], &["ir/edge/iadd", "--skip", "i64", "--skip", "i8"]].concat()).len(), 2);
    assert_eq!(list(&[&base[..], &["--exact", "ir/edge/iadd"]].concat()).len(), 0);
}
