//! Each blind fault has its effect on an input made for it. Whether a gate sees it is not asked here.

use std::sync::Arc;

use lockstep_backend_api::{Arch, Artifact, Backend, Code, Execution, Options, Target};
use lockstep_bytecode::FuncId;
use lockstep_engine::loader::CodeBlock;
use lockstep_engine::{Config, Executions, Mode, Pipeline, Session, kit};
use lockstep_ir::{FuncRef, Unit};
use lockstep_runtime::{Limits, Value};

use super::super::{Plant, find, id, plant, seams};
use crate::backends::Backends;

/// The backend that evaluates.
fn evaluator() -> Arc<dyn Backend> {
    let mut backends = Backends::new();
    let id = backends.iter().find(|b| b.evaluator().is_some()).map(|b| b.id().to_owned()).expect("one evaluates");
    backends.share(&id).expect("it is in the list")
}

/// A unit of one function `(memory, argument, table) -> i32`.
fn unit(body: &str) -> Unit {
    let text = format!(
        "lockstep_ir 1 machine\nunit \"t\"\nfunction %0 \"f\" (i64, i64, i64) -> (i32) {{\nblock0(v0: i64, v1: i64, v2: i64):\n{body}\n}}\n"
    );
    lockstep_ir::text::parse("t", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// What the evaluator answers without a fault and with it.
fn answers(fault: &str, body: &str, argument: u64) -> [i32; 2] {
    let unit = unit(body);
    let answer = |backend: &dyn Backend| {
        let evaluator = backend.evaluator().expect("it evaluates");
        kit::call_evaluated(evaluator, &unit, FuncRef(0), &mut [0; 4], argument, 1000).expect("it ends")
    };
    let wrong = plant(fault, evaluator()).expect("a fault");
    [answer(&*evaluator()), answer(&*wrong)]
}

#[test]
fn a_carry_of_the_low_product_is_lost() {
    let body = "v3 = iconst.i64 3\nv4, v5 = umul_overflow.i64 v1, v3\nv6 = zext.i32 v5\nreturn v6";
    assert_eq!(answers("lost-product-carry", body, 0x5555_5555_5555_5556), [1, 0]);
    assert_eq!(answers("lost-product-carry", body, 0x5555_5555_5555_5555), [0, 0]);
    assert_eq!(answers("lost-product-carry", body, u64::MAX), [1, 1]);
}

#[test]
fn a_scaled_index_keeps_what_is_shifted_out() {
    let body = "v3 = trunc.i32 v1\nv4 = iconst.i32 2\nv5 = shl.i32 v3, v4\nv6 = zext.i64 v5\nv7 = iconst.i64 32\n\
                v8 = lshr.i64 v6, v7\nv9 = trunc.i32 v8\nreturn v9";
    assert_eq!(answers("folded-extension", body, 0xc000_0000), [0, 3]);
    assert_eq!(answers("folded-extension", body, 0x3fff_ffff), [0, 0]);
}

#[test]
fn a_nan_selects_as_if_it_were_equal() {
    let body = "v3 = bits_to_f64 v1\nv4 = fcmp_eq v3, v3\nv5 = iconst.i32 1\nv6 = iconst.i32 2\n\
                v7 = select.i32 v4, v5, v6\nreturn v7";
    assert_eq!(answers("unordered-equal", body, f64::NAN.to_bits()), [2, 1]);
    assert_eq!(answers("unordered-equal", body, 1.0f64.to_bits()), [1, 1]);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_difference_that_overflows_has_the_wrong_sign() {
    let unit = unit(
        "v3 = load.i64 region0 v0 + 0\nv4 = isub.i64 v1, v3\nv5 = iconst.i64 0\nv6 = icmp_slt.i64 v4, v5\n\
         brif v6, block1, block2\nblock1:\nv7 = iconst.i32 1\nreturn v7\nblock2:\nv8 = trunc.i32 v4\nreturn v8",
    );
    let mut backends = Backends::new();
    let ids: Vec<String> = backends.iter().map(|b| b.id().to_owned()).collect();
    let target = Target::host().expect("this machine is a target");
    let mut seen = Vec::new();
    for id in ids {
        let sound = backends.share(&id).expect("it is in the list");
        if sound.capabilities().execution != Execution::Native {
            continue;
        }
        let wrong = plant("elided-test", sound.clone()).expect("a fault");
        seen.push([sound, wrong].map(|backend| {
            let options = Options::at(backend.capabilities().default_level);
            let artifact = backend.compile(&unit, &target, &options).expect("it compiles");
            let code = CodeBlock::load(&artifact, 1).expect("it loads");
            kit::call_native(&code, FuncRef(0), &mut [1, 0], i64::MIN as u64)
        }));
    }
    // The difference is MAX: not negative.
    assert!(seen.iter().all(|answers| answers[0] == -1), "{seen:?}");
    assert!(seen.is_empty() || seen.contains(&[-1, 1]), "{seen:?}");
}

#[test]
fn the_last_byte_of_a_chunk_is_lost() {
    let Plant::Artifact(change) = find("chunk-edge").expect("a fault").plant else { panic!("not one of artifacts") };
    let lost = |len: usize| -> Vec<usize> {
        let code = Code::Native { arch: Arch::X86_64, bytes: vec![0x90; len], align: 16 };
        let mut artifact = Artifact { code, functions: vec![0], phases: Vec::new(), source_map: Vec::new() };
        change(&unit("v3 = iconst.i32 0\nreturn v3"), &mut artifact);
        let Code::Native { bytes, .. } = artifact.code else { panic!("it was native") };
        (0..len).filter(|&n| bytes[n] == 0).collect()
    };
    assert!(lost(2048).is_empty());
    assert_eq!(lost(2049), [2047]);
    assert_eq!(lost(5000), [2047, 4095]);
}

/// A session in the evaluator, with a fault or without.
fn session(fault: Option<&str>, program: &str, mode: Mode, compiler: lockstep_compiler::Options) -> Session {
    let seams = seams(&fault.map_or("any".to_owned(), |name| id(name, "any")));
    let coverage = compiler.coverage;
    let pipeline = Pipeline {
        backend: evaluator(),
        target: Target::baseline(Arch::X86_64),
        options: Options::at(evaluator().capabilities().default_level),
        compiler: lockstep_compiler::Options { extra: seams.extra_pass(), ..compiler },
        churn: false,
        only: None,
        cache: None,
        tamper: seams.tamper(),
    };
    let module = lockstep_bytecode::assemble("t", program).unwrap_or_else(|e| panic!("{e}"));
    Session::new(Arc::new(module), Config { native: Some((pipeline, mode)), limits: Limits::default(), coverage })
}

/// What a program answers without a fault and with it; with a forced exit at its `exit`-th event.
fn results(fault: &str, program: &str, mode: Mode, exit: Option<u64>, args: &[Value]) -> [Option<Value>; 2] {
    [None, Some(fault)].map(|fault| {
        let options = lockstep_compiler::Options { countdown: exit.is_some(), ..Default::default() };
        let mut session = session(fault, program, mode, options);
        session.force_exit(exit);
        session.run(FuncId(0), args).expect("no error")
    })
}

#[test]
fn a_check_whose_result_nobody_reads_is_dropped() {
    let program = "func main(x: i64) -> i64 {\nreg y: i64\nadd_checked.i64 y, x, x\nret x\n}\n";
    let raises = |fault, x| {
        let mut session = session(fault, program, Mode::Eager, lockstep_compiler::Options::default());
        session.run(FuncId(0), &[Value::I64(x)]).is_err()
    };
    assert_eq!([None, Some("dropped-check")].map(|fault| raises(fault, i64::MAX)), [true, false]);
    assert_eq!([None, Some("dropped-check")].map(|fault| raises(fault, 7)), [false, false]);
}

#[test]
fn a_sum_that_wraps_is_compared_as_if_it_did_not() {
    let program = "func main(x: i64) -> i64 {\naddi.i64 x, x, 1\njlti.i64 x, 0, less\nconst.i64 x, 0\nret x\n\
                   less:\nconst.i64 x, 1\nret x\n}\n";
    let of = |x| results("moved-constant", program, Mode::Eager, None, &[Value::I64(x)]);
    assert_eq!(of(i64::MAX), [1, 0].map(|n| Some(Value::I64(n))));
    assert_eq!(of(5), [0, 0].map(|n| Some(Value::I64(n))));
}

#[test]
fn an_exit_loses_the_sign_of_zero() {
    let program = "func main(x: f64, n: i64) -> f64 {\nreg y: f64, i: i64\nneg.f64 y, x\nconst.i64 i, 0\n\
                   again:\nloop_lt.i64 i, n, again\nret y\n}\n";
    let args = [Value::F64(0.0), Value::I64(9)];
    let signs = |exit| {
        results("exit-minus-zero", program, Mode::Eager, exit, &args).map(|result| match result {
            Some(Value::F64(y)) => y.is_sign_negative(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(signs(None), [true, true]);
    assert_eq!(signs(Some(3)), [true, false]);
}

#[test]
fn a_loop_entry_does_not_load_what_is_read_behind_the_loop() {
    let program =
        "func main(x: f64, n: i64) -> f64 {\nreg i: i64\nconst.i64 i, 0\nagain:\nloop_lt.i64 i, n, again\nret x\n}\n";
    let args = [Value::F64(2.5), Value::I64(9)];
    let of = |mode| results("read-behind-loop", program, mode, None, &args);
    assert_eq!(of(Mode::EveryLoop), [2.5, 0.0].map(|x| Some(Value::F64(x))));
    assert_eq!(of(Mode::Eager), [2.5, 2.5].map(|x| Some(Value::F64(x))));
}

#[test]
fn a_recursive_call_is_not_counted_inside_itself() {
    let program = "func down(n: i64) -> i64 {\nreg m: i64\njlei.i64 n, 0, end\nsubi.i64 m, n, 1\ncall m, down(m)\nend:\nret n\n}\n";
    let inline = [None, Some("counter-over-call")].map(|fault| {
        let options = lockstep_compiler::Options { coverage: true, ..Default::default() };
        let mut session = session(fault, program, Mode::Eager, options);
        session.run(FuncId(0), &[Value::I64(5)]).expect("no error");
        session.executions()[0].iter().map(|Executions { inline, .. }| *inline).collect::<Vec<_>>()
    });
    assert_eq!(inline, [vec![6, 5, 5, 6], vec![6, 5, 1, 6]]);
}
