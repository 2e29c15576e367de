//! Each pass on IR text: what goes in, what comes out, and that it stops when its fuel is used up.

use lockstep_bytecode::generate::{Choices, generate};
use lockstep_bytecode::{FuncId, Module, assemble};
use lockstep_compiler::passes::{Fuel, run};
use lockstep_compiler::{Options, OsrEntries, PassConfig, PassId, Request, compile, passes, regions};
use lockstep_ir::{Unit, text, verify};
use lockstep_layout::HelperId;

/// Regions and helpers as compiled units have them.
fn header() -> String {
    let mut header = String::from("lockstep_ir 1 value\nunit \"test\"\n");
    for (n, region) in (1..).zip(regions::REGIONS) {
        header += &format!("region {n} \"{}\"\n", region.name);
    }
    let helpers = [
        (HelperId::F64RemT, "(f64, f64) -> (f64)"),
        (HelperId::Print, "(i64, i64, i64) -> (i32)"),
        (HelperId::Finish, "(i64, i64) -> (i32)"),
    ];
    for (n, (helper, signature)) in helpers.into_iter().enumerate() {
        header += &format!("helper {n} \"{}\" {} {signature}\n", helper.name(), helper as u32);
    }
    header
}

fn parse(function: &str) -> Unit {
    let unit = text::parse("test.ir", &(header() + function)).unwrap_or_else(|error| panic!("{error}"));
    verify::verify(&unit).unwrap_or_else(|error| panic!("{error}"));
    unit
}

/// The only function's text, without indentation.
fn body(unit: &Unit) -> String {
    let text = text::function_to_string(unit, 0);
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

/// Runs a pass and checks what comes out, up to numbering; and that each change is one that fuel can stop.
fn check(pass: PassId, changes: u64, before: &str, after: &str) {
    for limit in 0..=changes {
        let mut unit = parse(before);
        let mut fuel = Fuel::new(Some(limit));
        run(pass, &mut unit, &mut fuel);
        verify::verify(&unit).unwrap_or_else(|error| panic!("with {limit} changes: {error}\n{}", body(&unit)));
        assert_eq!(fuel.used(), limit);
    }
    let mut unit = parse(before);
    let mut fuel = Fuel::new(None);
    run(pass, &mut unit, &mut fuel);
    text::renumber(&mut unit);
    let mut expected = parse(after);
    text::renumber(&mut expected);
    assert_eq!(body(&unit), body(&expected));
    assert_eq!(fuel.used(), changes);
}

#[test]
fn folding_evaluates_and_simplifies() {
    check(
        PassId::ConstantFolding,
        7,
        "function %0 \"f\" (i64, i64) -> (i64) {
        block0(v0: i64, v1: i64):
            v2 = iconst.i64 6
            v3 = iconst.i64 7
            v4 = imul.i64 v2, v3
            v5 = iadd.i64 v4, v0
            v6 = isub.i64 v5, v2
            v7 = iconst.i64 8
            v8 = imul.i64 v6, v7
            v9 = udiv.i64 v8, v7
            v10 = isub.i64 v1, v1
            v11 = bor.i64 v9, v10
            return v11
        }",
        "function %0 \"f\" (i64, i64) -> (i64) {
        block0(v0: i64, v1: i64):
            v2 = iconst.i64 6
            v3 = iconst.i64 7
            v4 = iconst.i64 42
            v5 = iadd.i64 v0, v4
            v6 = iconst.i64 -6
            v7 = iadd.i64 v5, v6
            v8 = iconst.i64 8
            v9 = iconst.i64 3
            v10 = shl.i64 v7, v9
            v11 = iconst.i64 3
            v12 = lshr.i64 v10, v11
            v13 = iconst.i64 0
            return v12
        }",
    );
}

#[test]
fn folding_decides_branches_and_exits() {
    check(
        PassId::ConstantFolding,
        5,
        "function %0 \"f\" (i64) -> (i64) {
        fs0 = func 0 pc 3 reason 0 [0: v0 tag 2]
        block0(v0: i64):
            v1 = iconst.i64 0
            v2 = icmp_eq.i64 v1, v1
            exit_if v1x fs0
            brif v2, block1, block2
        block1:
            v3 = iconst.i8 1
            exit_if v3 fs0
            v4 = iadd.i64 v0, v0
            jump block3(v4)
        block2:
            jump block3(v1)
        block3(v5: i64):
            return v5
        }"
        .replace("exit_if v1x fs0", "v6 = icmp_ult.i64 v0, v1\nexit_if v6 fs0")
        .as_str(),
        "function %0 \"f\" (i64) -> (i64) {
        fs0 = func 0 pc 3 reason 0 [0: v0 tag 2]
        block0(v0: i64):
            v1 = iconst.i64 0
            v2 = iconst.i8 1
            v6 = iconst.i8 0
            jump block1
        block1:
            v3 = iconst.i8 1
            exit fs0
        }",
    );
}

#[test]
fn folding_turns_tests_of_truth_values_around() {
    check(
        PassId::ConstantFolding,
        3,
        "function %0 \"f\" (i64, f64, f64) -> () {
        block0(v0: i64, v1: f64, v2: f64):
            v3 = fcmp_lt v1, v2
            v4 = iconst.i8 1
            v5 = bxor.i8 v3, v4
            brif v5, block1, block2
        block1:
            v6 = icmp_slt.i64 v0, v0
            v7 = iconst.i64 5
            v8 = icmp_sgt.i64 v7, v0
            v9 = iconst.i8 0
            v10 = icmp_eq.i8 v8, v9
            brif v10, block2, block1
        block2:
            return
        }"
        .replace("v6 = icmp_slt.i64 v0, v0\n", "")
        .as_str(),
        "function %0 \"f\" (i64, f64, f64) -> () {
        block0(v0: i64, v1: f64, v2: f64):
            v3 = fcmp_lt v1, v2
            v4 = iconst.i8 1
            v5 = bxor.i8 v3, v4
            brif v3, block2, block1
        block1:
            v7 = iconst.i64 5
            v8 = icmp_slt.i64 v0, v7
            v9 = iconst.i8 0
            v10 = icmp_sge.i64 v0, v7
            brif v10, block2, block1
        block2:
            return
        }",
    );
}

#[test]
fn folding_leaves_nans_and_signed_zeros_alone() {
    let function = "function %0 \"f\" (f64) -> (f64, f64) {
        block0(v0: f64):
            v1 = fconst 0.0
            v2 = fdiv v1, v1
            v3 = fadd v0, v1
            v4 = fsub v2, v3
            v5 = fconst 3.0
            v6 = fdiv v0, v5
            return v4, v6
        }";
    check(PassId::ConstantFolding, 0, function, function);
}

#[test]
fn copies_go_jumps_are_skipped_and_blocks_merge() {
    check(
        PassId::CopyPropagation,
        5,
        "function %0 \"f\" (i64, i8) -> (i64) {
        block0(v0: i64, v1: i8):
            jump block1(v0, v0)
        block1(v2: i64, v3: i64):
            v4 = iadd.i64 v2, v3
            brif v1, block2, block3(v4)
        block2:
            jump block1(v2, v4)
        block3(v5: i64):
            jump block4(v5)
        block4(v6: i64):
            return v6
        }",
        "function %0 \"f\" (i64, i8) -> (i64) {
        block0(v0: i64, v1: i8):
            jump block1(v0)
        block1(v3: i64):
            v4 = iadd.i64 v0, v3
            brif v1, block1(v4), block2
        block2:
            return v4
        }",
    );
}

#[test]
fn numbering_finds_what_dominates() {
    check(
        PassId::ValueNumbering,
        3,
        "function %0 \"f\" (i64, i64, f64) -> (f64) {
        fs0 = func 0 pc 1 reason 3 [0: v0 tag 20]
        block0(v0: i64, v1: i64, v2: f64):
            v3 = iadd.i64 v0, v1
            v4 = icmp_uge.i64 v3, v0
            exit_if v4 fs0
            brif v4, block1, block2
        block1:
            v5 = iadd.i64 v1, v0
            v6 = icmp_uge.i64 v5, v0
            exit_if v6 fs0
            jump block2
        block2:
            v7 = isub.i64 v0, v1
            v8 = runtime_call helper0(v2, v2)
            jump block3
        block3:
            v9 = icmp_ult.i64 v7, v7
            return v8
        }",
        "function %0 \"f\" (i64, i64, f64) -> (f64) {
        fs0 = func 0 pc 1 reason 3 [0: v0 tag 20]
        block0(v0: i64, v1: i64, v2: f64):
            v3 = iadd.i64 v0, v1
            v4 = icmp_uge.i64 v3, v0
            exit_if v4 fs0
            brif v4, block1, block2
        block1:
            jump block2
        block2:
            v7 = isub.i64 v0, v1
            v8 = runtime_call helper0(v2, v2)
            jump block3
        block3:
            v9 = icmp_ult.i64 v7, v7
            return v8
        }",
    );
}

#[test]
fn numbering_knows_which_loads_are_the_same() {
    // Region 7 (array headers) never changes; region 8 (elements) changes with a store to it and not with one to region 9.
    check(
        PassId::ValueNumbering,
        4,
        "function %0 \"f\" (i64, i64, i32) -> (i32) {
        block0(v0: i64, v1: i64, v2: i32):
            v3 = load.i64 region7 v0 + 16
            v4 = load.i32 region8 v0 + 32
            store.i64 region9 v1, v1 + 32
            v5 = load.i32 region8 v0 + 32
            store.i32 region8 v2, v1 + 32
            v6 = load.i32 region8 v0 + 32
            v7 = load.i32 region8 v1 + 32
            v8 = iconst.i64 1
            v9 = runtime_call helper1(v0, v8, v1)
            v10 = load.i32 region8 v0 + 32
            v11 = call_function func0() fs0
            v12 = load.i32 region8 v0 + 32
            v13 = load.i64 region7 v0 + 16
            v14 = iadd.i64 v3, v13
            v15 = iadd.i32 v4, v5
            v16 = iadd.i32 v6, v7
            v17 = iadd.i32 v10, v12
            return v17
        }"
        .replace("\"f\" (i64, i64, i32) -> (i32) {", "\"f\" (i64, i64, i32) -> (i32) {\nfs0 = func 0 pc 1 reason 0 []")
        .replace("v11 = call_function func0() fs0", "call_function func0() fs0")
        .as_str(),
        "function %0 \"f\" (i64, i64, i32) -> (i32) {
        fs0 = func 0 pc 1 reason 0 []
        block0(v0: i64, v1: i64, v2: i32):
            v3 = load.i64 region7 v0 + 16
            v4 = load.i32 region8 v0 + 32
            store.i64 region9 v1, v1 + 32
            store.i32 region8 v2, v1 + 32
            v6 = load.i32 region8 v0 + 32
            v8 = iconst.i64 1
            v9 = runtime_call helper1(v0, v8, v1)
            call_function func0() fs0
            v12 = load.i32 region8 v0 + 32
            v14 = iadd.i64 v3, v3
            v15 = iadd.i32 v4, v4
            v16 = iadd.i32 v6, v2
            v17 = iadd.i32 v6, v12
            return v17
        }",
    );
}

#[test]
fn numbering_keeps_versions_through_loops_that_do_not_write() {
    let function = |store: &str, second: &str, used: &str| {
        format!(
            "function %0 \"f\" (i64, i8) -> (i64) {{
            block0(v0: i64, v1: i8):
                v2 = load.i64 region9 v0 + 32
                jump block1
            block1:
                {second}
                {store}
                brif v1, block1, block2
            block2:
                v4 = iadd.i64 v2, {used}
                return v4
            }}"
        )
    };
    let load = "v3 = load.i64 region9 v0 + 32";
    let quiet = "store.i64 region10 v0, v0 + 32";
    check(PassId::ValueNumbering, 1, &function(quiet, load, "v3"), &function(quiet, "", "v2"));
    let writing = function("store.i64 region9 v0, v0 + 40", load, "v3");
    check(PassId::ValueNumbering, 0, &writing, &writing);
}

#[test]
fn motion_takes_invariants_out_of_nests() {
    check(
        PassId::LoopInvariantMotion,
        7,
        "function %0 \"f\" (i64, i64, i8) -> (i64) {
        block0(v0: i64, v1: i64, v2: i8):
            jump block1(v1)
        block1(v3: i64):
            jump block2(v3)
        block2(v4: i64):
            v5 = load.i64 region7 v0 + 16
            v6 = iconst.i64 3
            v7 = shl.i64 v5, v6
            v8 = iadd.i64 v7, v3
            v9 = iadd.i64 v8, v4
            v10 = load.i64 region9 v0 + 32
            brif v2, block2(v9), block3
        block3:
            brif v2, block1(v10), block4
        block4:
            return v9
        }",
        "function %0 \"f\" (i64, i64, i8) -> (i64) {
        block0(v0: i64, v1: i64, v2: i8):
            v5 = load.i64 region7 v0 + 16
            v6 = iconst.i64 3
            v7 = shl.i64 v5, v6
            v10 = load.i64 region9 v0 + 32
            jump block1(v1)
        block1(v3: i64):
            v12 = iconst.i64 3
            v8 = iadd.i64 v7, v3
            jump block2(v3)
        block2(v4: i64):
            v11 = iconst.i64 3
            v9 = iadd.i64 v8, v4
            brif v2, block2(v9), block3
        block3:
            brif v2, block1(v10), block4
        block4:
            return v9
        }",
    );
}

#[test]
fn motion_does_not_read_what_is_checked_or_written_in_the_loop() {
    let function = "function %0 \"f\" (i64, i64, i8) -> (i64) {
        fs0 = func 0 pc 1 reason 3 []
        block0(v0: i64, v1: i64, v2: i8):
            jump block1
        block1:
            v3 = load.i64 region10 v0 + 32
            exit_if v2 fs0
            v4 = load.i64 region9 v0 + 32
            store.i64 region10 v1, v1 + 32
            v5 = iadd.i64 v3, v4
            brif v2, block1, block2
        block2:
            return v5
        }";
    check(PassId::LoopInvariantMotion, 0, function, function);
}

#[test]
fn motion_makes_a_block_in_front_where_there_is_none() {
    check(
        PassId::LoopInvariantMotion,
        1,
        "function %0 \"f\" (i64, i8) -> (i64) {
        block0(v0: i64, v1: i8):
            brif v1, block1(v0), block2(v0)
        block1(v2: i64):
            v3 = iadd.i64 v0, v0
            v4 = iadd.i64 v2, v3
            brif v1, block1(v4), block2(v4)
        block2(v5: i64):
            return v5
        }",
        "function %0 \"f\" (i64, i8) -> (i64) {
        block0(v0: i64, v1: i8):
            brif v1, block1(v0), block3(v0)
        block1(v6: i64):
            v3 = iadd.i64 v0, v0
            jump block2(v6)
        block2(v2: i64):
            v4 = iadd.i64 v2, v3
            brif v1, block2(v4), block3(v4)
        block3(v5: i64):
            return v5
        }",
    );
}

#[test]
fn dead_code_goes_in_circles_too() {
    check(
        PassId::DeadCode,
        4,
        "function %0 \"f\" (i64, i8) -> (i64) {
        fs0 = func 0 pc 0 reason 0 [0: v9 tag 2]
        fs1 = func 0 pc 1 reason 0 [0: v0 tag 2]
        block0(v0: i64, v1: i8):
            v2 = iadd.i64 v0, v0
            v3 = load.i64 region9 v2 + 32
            jump block1(v0, v0)
        block1(v4: i64, v5: i64):
            v6 = iconst.i64 1
            v7 = iadd.i64 v4, v6
            v8 = iadd.i64 v5, v6
            exit_if v1 fs1
            store.i64 region9 v8, v0 + 32
            brif v1, block1(v7, v8), block2
        block2:
            v9 = iadd.i64 v5, v0
            return v0
        block3:
            jump block3
        }"
        .replace("fs0 = func 0 pc 0 reason 0 [0: v9 tag 2]\n", "fs0 = func 0 pc 0 reason 0 []\n")
        .replace("v9 = iadd.i64 v5, v0\n", "")
        .as_str(),
        "function %0 \"f\" (i64, i8) -> (i64) {
        fs0 = func 0 pc 1 reason 0 [0: v0 tag 2]
        block0(v0: i64, v1: i8):
            jump block1(v0)
        block1(v5: i64):
            v6 = iconst.i64 1
            v8 = iadd.i64 v5, v6
            exit_if v1 fs0
            store.i64 region9 v8, v0 + 32
            brif v1, block1(v8), block2
        block2:
            return v0
        }",
    );
}

fn changes(module: &Module, func: FuncId, options: &Options, pass: PassId) -> u64 {
    let compiled = compile(&Request { module, func, options }).expect("it is compiled");
    compiled.changes.iter().filter(|(id, _)| *id == pass).map(|(_, count)| count).sum()
}

#[test]
fn every_pass_has_something_to_do_and_stops_when_told() {
    let module = assemble(
        "work.lks",
        "func work(a: [i64], n: i64) -> i64 {
            reg i: i64, sum: i64, x: i64, two: i64, never: bool
            const.i64 sum, 0
            const.i64 two, 2
            const.i64 i, 0
            const.bool never, false
            jtrue never, done
        next:
            array_get.i64 x, a, i
            add.i64 sum, sum, x
            array_get.i64 x, a, i
            mul.i64 x, x, two
            add.i64 sum, sum, x
            loop_lt.i64 i, n, next
        done:
            ret sum
        }",
    )
    .unwrap_or_else(|error| panic!("{error}"));
    for info in passes() {
        let all = changes(&module, FuncId(0), &Options::default(), info.id);
        assert!(all > 0, "{} found nothing to do", info.name);
        assert_eq!(PassId::from_name(info.name), Some(info.id));
        for limit in 0..=all {
            let passes = PassConfig::default().with_fuel(info.id, Some(limit));
            let options = Options { passes, ..Options::default() };
            assert_eq!(changes(&module, FuncId(0), &options, info.id), limit, "{} of {}", info.name, all);
        }
    }
    // All together stop in the order of the pipeline: what one more change allows begins with what was there before.
    let made = |total| {
        let options = Options { passes: PassConfig::default().with_total(total), ..Options::default() };
        let compiled =
            compile(&Request { module: &module, func: FuncId(0), options: &options }).expect("it is compiled");
        compiled.changes
    };
    let all = made(None);
    let sum = |changes: &[(PassId, u64)]| changes.iter().map(|(_, count)| count).sum::<u64>();
    for limit in 0..=sum(&all) {
        let some = made(Some(limit));
        assert_eq!(sum(&some), limit);
        let cut = some.iter().zip(&all).position(|(some, all)| some != all).unwrap_or(all.len());
        assert!(some[..cut] == all[..cut] && sum(some.get(cut + 1..).unwrap_or_default()) == 0, "{limit}: {some:?}");
    }
    assert_eq!(made(Some(u64::MAX)), all);
}

#[test]
fn random_modules_compile_whatever_is_switched_off() {
    for seed in 0..10 {
        let mut choices = Choices::seeded(seed);
        let generated = generate(&mut choices);
        for func in (0..generated.module.functions.len() as u32).map(FuncId) {
            for &pass in PassId::ALL {
                let limit = u64::from(choices.below(20));
                for passes in [PassConfig::only(&[pass]), PassConfig::default().with_fuel(pass, Some(limit))] {
                    // Debug builds verify after each step: a broken unit panics.
                    let mut passes = passes;
                    passes.verify = true;
                    let options = Options { coverage: seed % 2 == 0, passes, ..Options::default() };
                    let request = Request { module: &generated.module, func, options: &options };
                    let compiled = compile(&request).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}"));
                    let printed = text::print(&compiled.unit);
                    let parsed = text::parse("unit.ir", &printed).unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(parsed, compiled.unit, "seed {seed}: the text of a unit is all of it");
                }
            }
        }
    }
}

#[test]
fn dumps_show_every_step() {
    let module =
        assemble("f.lks", "func f(n: i64) -> i64 {\nadd.i64 n, n, 1\nret n\n}").unwrap_or_else(|e| panic!("{e}"));
    let mut passes = PassConfig::default().without(PassId::ValueNumbering);
    passes.dump = true;
    let options = Options { osr: OsrEntries::None, passes, ..Options::default() };
    let compiled = compile(&Request { module: &module, func: FuncId(0), options: &options }).expect("it is compiled");
    let steps: Vec<&str> = compiled.dumps.iter().map(|dump| dump.after).collect();
    let passes = ["constant-folding", "copy-propagation", "loop-invariant-motion", "dead-code"];
    assert_eq!(steps[..6], ["ssa", passes[0], passes[1], passes[2], passes[3], "to-machine"]);
    assert_eq!(steps.last(), Some(&"renumber"));
    assert!(compiled.dumps[0].text.contains("return_value"));
    assert!(compiled.dumps.last().is_some_and(|dump| dump.text == text::print(&compiled.unit)));
}
