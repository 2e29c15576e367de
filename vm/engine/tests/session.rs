//! Sessions from outside: when code is made, left, invalidated and freed. The evaluator stands in for a backend; what backends make is the harness's to judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_backend_api::{Arch, Level, Options, Target};
use lockstep_bytecode::{ErrorKind, FuncId};
use lockstep_engine::{Cause, Config, Mode, Pipeline, Session};
use lockstep_eval::Eval;
use lockstep_runtime::{Limits, Thresholds, Value};

const PROGRAM: &str = "
func main(n: i64) -> i64 {
    reg i: i64, sum: i64, x: i64
    const.i64 i, 0
    const.i64 sum, 0
again:
    call x, square(i)
    add_checked.i64 sum, sum, x
    loop_lt.i64 i, n, again
    ret sum
}

func square(x: i64) -> i64 {
    reg y: i64
    mul_checked.i64 y, x, x
    ret y
}
";

fn session(mode: Mode, churn: bool, compiler: lockstep_compiler::Options) -> Session {
    let module = lockstep_bytecode::assemble("test", PROGRAM).unwrap_or_else(|e| panic!("{e}"));
    let pipeline = Pipeline {
        backend: Arc::new(Eval),
        target: Target::baseline(Arch::X86_64),
        options: Options { level: Level::None, verify: true },
        compiler: compiler.clone(),
        churn,
        only: None,
        cache: None,
        tamper: None,
    };
    Session::new(
        Arc::new(module),
        Config { native: Some((pipeline, mode)), limits: Limits::default(), coverage: compiler.coverage },
    )
}

/// Interpreted executions by cause, which must sum to what the interpreter counted.
fn causes(session: &Session) -> BTreeMap<Cause, u64> {
    let interpreted: u64 = session.executions().iter().flatten().map(|e| e.interpreted).sum();
    let mut sums = BTreeMap::new();
    for (_, _, cause, count) in session.causes() {
        *sums.entry(cause).or_default() += count;
    }
    assert_eq!(sums.values().sum::<u64>(), interpreted);
    sums
}

fn run(session: &mut Session, n: i64) -> Option<Value> {
    session.run(FuncId(0), &[Value::I64(n)]).expect("no error")
}

/// 0² + … + (n-1)²
const TEN: i64 = 285;

#[test]
fn eager_code_is_there_before_the_first_call() {
    let mut session = session(Mode::Eager, false, lockstep_compiler::Options::default());
    assert_eq!(session.stats().units.len(), 2);
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
    assert_eq!(session.stats().exits.values().sum::<u64>(), 0);
}

#[test]
fn hot_functions_and_loops_are_compiled_when_they_are_hot() {
    let mode = Mode::Tiered(Thresholds { calls: 5, loops: 8 });
    let mut session = session(mode, false, lockstep_compiler::Options::default());
    assert_eq!(run(&mut session, 4), Some(Value::I64(14)));
    assert!(session.stats().units.is_empty());
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
    let units = session.stats().units;
    assert_eq!(units.iter().map(|u| (u.func, u.osr)).collect::<Vec<_>>(), [(FuncId(1), false), (FuncId(0), true)]);
}

#[test]
fn invalidated_code_is_unlinked_and_freed() {
    let mut session = session(Mode::Eager, false, lockstep_compiler::Options::default());
    session.invalidate_all();
    let stats = session.stats();
    assert_eq!((stats.invalidated, stats.freed), (2, 2));
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)), "the interpreter goes on");
}

#[test]
fn running_activations_leave_invalidated_code() {
    let mut session =
        session(Mode::Tiered(Thresholds { calls: 3, loops: 2 }), true, lockstep_compiler::Options::default());
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
    let stats = session.stats();
    assert!(stats.invalidated > 0 && stats.invalidated == stats.freed, "{stats:?}");
    assert!(stats.exits.contains_key("invalidated"), "{:?}", stats.exits);
}

#[test]
fn forced_exits_come_where_they_are_asked_for_and_are_counted() {
    let mut session = session(Mode::Eager, false, lockstep_compiler::Options { countdown: true, ..Default::default() });
    for k in 1..=19 {
        session.force_exit(Some(k));
        assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
        assert_eq!(session.stats().exits.get("countdown"), Some(&k), "one exit each: ten calls and nine back edges");
    }
    session.force_exit(Some(20));
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
    assert_eq!(session.stats().exits.get("countdown"), Some(&19), "there is no twentieth event");
}

#[test]
fn errors_are_exits_with_a_reason() {
    let mut session = session(Mode::Eager, false, lockstep_compiler::Options::default());
    let error = session.run(FuncId(1), &[Value::I64(i64::MAX)]).expect_err("it overflows");
    assert_eq!((error.kind, error.position.func, error.position.line), (ErrorKind::IntegerOverflow, FuncId(1), 15));
    assert_eq!(session.stats().exits.get("integer_overflow"), Some(&1));
}

#[test]
fn refusals_are_counted_and_not_tried_again() {
    let tiny = lockstep_compiler::Options { max_instructions: 3, ..Default::default() };
    let mut session = session(Mode::Tiered(Thresholds { calls: 1, loops: 1 }), false, tiny);
    assert_eq!(run(&mut session, 10), Some(Value::I64(TEN)));
    let refusals = session.stats().refusals;
    assert_eq!(refusals.iter().map(|r| (r.func, r.reason.as_str())).collect::<Vec<_>>(), [(FuncId(0), "too_large")]);
}

#[test]
fn every_interpreted_execution_has_a_cause() {
    let counting = || lockstep_compiler::Options { coverage: true, ..lockstep_compiler::Options::default() };
    let by = |session: &Session, cause: Cause| causes(session).get(&cause).copied().unwrap_or(0);

    // Nothing is hot.
    let mut cold = session(Mode::Tiered(Thresholds { calls: 1000, loops: 1000 }), false, counting());
    run(&mut cold, 10);
    assert_eq!(causes(&cold).into_keys().collect::<Vec<_>>(), [Cause::Cold]);

    // Everything is compiled before it runs.
    let mut eager = session(Mode::Eager, false, counting());
    run(&mut eager, 10);
    assert_eq!(causes(&eager), BTreeMap::new());

    // The callee gets hot after five calls; the loop after eight: until then they are cold.
    let mut tiered = session(Mode::Tiered(Thresholds { calls: 5, loops: 8 }), false, counting());
    run(&mut tiered, 10);
    assert_eq!(causes(&tiered).into_keys().collect::<Vec<_>>(), [Cause::Cold]);
    // Four calls of two instructions, two instructions before the loop, and eight times its three.
    assert_eq!(by(&tiered, Cause::Cold), 4 * 2 + 2 + 8 * 3);

    // The loop's activation began before its function was compiled for calls, and its loop never gets hot.
    let mut begun = session(Mode::Tiered(Thresholds { calls: 1, loops: 1000 }), false, counting());
    run(&mut begun, 10);
    assert_eq!(causes(&begun), BTreeMap::new(), "compiled at the first call");

    // An overflow leaves native code; the interpreter raises.
    let mut left = session(Mode::Eager, false, counting());
    assert!(left.run(FuncId(1), &[Value::I64(i64::MAX)]).is_err());
    assert_eq!(causes(&left), BTreeMap::from([(Cause::AfterExit("integer_overflow"), 1)]));

    // Refused: too large.
    let small = lockstep_compiler::Options { max_instructions: 3, ..counting() };
    let mut refused = session(Mode::Eager, false, small);
    run(&mut refused, 10);
    assert_eq!(causes(&refused).into_keys().collect::<Vec<_>>(), [Cause::Refused("too_large".to_owned())]);

    // Invalidated.
    let mut gone = session(Mode::Eager, false, counting());
    gone.invalidate_all();
    run(&mut gone, 10);
    assert_eq!(causes(&gone).into_keys().collect::<Vec<_>>(), [Cause::Invalidated]);
}

#[test]
fn an_activation_that_began_before_its_function_was_compiled_is_said_so() {
    // main calls itself: the inner call makes it hot, the outer goes on in the interpreter.
    let text = "
func main(n: i64) -> i64 {
    reg m: i64, x: i64
    jgei.i64 n, 1, recurse
    ret n
recurse:
    sub.i64 m, n, 1
    call x, main(m)
    add.i64 x, x, 1
    ret x
}
";
    let module = lockstep_bytecode::assemble("test", text).unwrap_or_else(|e| panic!("{e}"));
    let pipeline = Pipeline {
        backend: Arc::new(Eval),
        target: Target::baseline(Arch::X86_64),
        options: Options { level: Level::None, verify: true },
        compiler: lockstep_compiler::Options { coverage: true, ..lockstep_compiler::Options::default() },
        churn: false,
        only: None,
        cache: None,
        tamper: None,
    };
    let mode = Mode::Tiered(Thresholds { calls: 2, loops: 1000 });
    let config = Config { native: Some((pipeline, mode)), limits: Limits::default(), coverage: true };
    let mut session = Session::new(Arc::new(module), config);
    assert_eq!(run(&mut session, 3), Some(Value::I64(3)));
    // Three instructions before the call that made it hot, two after it.
    assert_eq!(causes(&session), BTreeMap::from([(Cause::Cold, 3), (Cause::NotEntered, 2)]));
}
