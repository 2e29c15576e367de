//! Functions that stress what code generators get wrong: pressure, moves at block edges, loops, calls, switches, folding.

mod common;

use std::fmt::Write;

use common::{check, compile, configurations};
use lockstep_backend_api::{Backend, Code};
use lockstep_dynasm::DynAsm;
use lockstep_ir::{Type, Unit};

/// Words of memory that cases run on.
const WORDS: usize = 32;

fn parse(text: &str) -> Unit {
    lockstep_ir::text::parse("test.ir", text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Runs a unit given as text on several memories and arguments.
fn run(text: &str) {
    run_kinds(text, &[]);
}

fn run_kinds(text: &str, kinds: &[(usize, Type)]) {
    let unit = parse(text);
    let codes = compile(&DynAsm::new(), &unit);
    for seed in 0..6u64 {
        let memory: Vec<u64> = (0..WORDS as u64)
            .map(|n| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(seed as u32 * 9) >> (seed * 7))
            .collect();
        for argument in [0, 1, 2, 7, 100, 255, 256, u64::MAX, 1 << 40] {
            check(&unit, &codes, &memory, argument, kinds);
        }
    }
}

fn module(functions: &str) -> String {
    format!(
        "lockstep_ir 1 machine\nunit \"test\"\nregion 1 \"other\"\n\
         helper 0 \"mix\" 0 (i64, i64) -> (i64)\n\
         helper 1 \"mix8\" 1 (i64, i64, i64, i64, i64, i64, i64, i64) -> (i64)\n\
         helper 2 \"blend\" 2 (i64, f64, i64, f64) -> (f64)\n\
         helper 3 \"narrow\" 3 (i8 sext, i8 zext, i16 sext, i16 zext, i32 sext) -> (i64)\n\
         sig 0 (i64, i64) -> (i64)\n{functions}"
    )
}

fn entry(body: &str) -> String {
    module(&format!(
        "function %0 \"entry\" (i64, i64, i64) -> (i32) {{\nblock0(v0: i64, v1: i64, v2: i64):\n{body}\n}}\n"
    ))
}

#[test]
fn many_live_values() {
    for (count, with_call) in [(12, false), (24, false), (24, true), (300, true), (2000, false)] {
        let mut body = String::new();
        for n in 0..count {
            let (at, k) = (n % 24 * 8, n * 7 + 1);
            let _ = writeln!(body, "v{} = load.i64 region0 v0 + {at}\nv{} = iconst.i64 {k}", 10 + 3 * n, 11 + 3 * n);
            let _ = writeln!(body, "v{} = imul.i64 v{}, v{}", 12 + 3 * n, 10 + 3 * n, 11 + 3 * n);
        }
        if with_call {
            body += "v3 = call_helper helper0 v2(v0, v1)\n";
        } else {
            body += "v3 = iconst.i64 5\n";
        }
        let mut sum = 3;
        for n in 0..count {
            let next = 100_000 + n;
            let op = ["iadd", "bxor", "isub"][n % 3];
            let _ = writeln!(body, "v{next} = {op}.i64 v{sum}, v{}", 12 + 3 * (count - 1 - n));
            sum = next;
        }
        let _ = writeln!(body, "v4 = isub.i64 v{sum}, v0\nstore.i64 region0 v4, v0 + 8\nv5 = iconst.i32 0\nreturn v5");
        // The address itself takes part in the call, so its effect is taken out by comparing within one buffer only.
        run(&entry(&body));
    }
}

#[test]
fn many_live_floats() {
    let mut body = String::new();
    for n in 0..40 {
        let _ = writeln!(
            body,
            "v{} = load.i64 region0 v0 + {}\nv{} = sint_to_f64.i64 v{}",
            10 + 2 * n,
            n % 24 * 8,
            11 + 2 * n,
            10 + 2 * n
        );
    }
    body += "v3 = call_helper helper2 v2(v1, v11, v10, v13)\n";
    let mut sum = 3;
    for n in 0..40 {
        let op = ["fadd", "fmul", "fsub", "fdiv"][n % 4];
        let _ = writeln!(body, "v{} = {op} v{sum}, v{}", 1000 + n, 11 + 2 * (39 - n));
        sum = 1000 + n;
    }
    let _ = writeln!(body, "store.f64 region0 v{sum}, v0 + 8\nv5 = iconst.i32 0\nreturn v5");
    run_kinds(&entry(&body), &[(1, Type::F64)]);
}

#[test]
fn rotations_at_back_edges() {
    run_kinds(
        &entry(
            "v3 = iconst.i64 0
             v4 = iconst.i64 255
             v5 = band.i64 v1, v4
             v6 = load.i64 region0 v0 + 0
             v7 = load.i64 region0 v0 + 8
             v8 = load.i64 region0 v0 + 16
             v9 = sint_to_f64.i64 v6
             v10 = sint_to_f64.i64 v7
             jump block1(v3, v6, v7, v8, v9, v10)
             block1(v11: i64, v12: i64, v13: i64, v14: i64, v15: f64, v16: f64):
             v17 = iconst.i64 1
             v18 = iadd.i64 v11, v17
             v19 = icmp_slt.i64 v18, v5
             brif v19, block1(v18, v13, v14, v12, v16, v15), block2
             block2:
             store.i64 region0 v12, v0 + 0
             store.i64 region0 v13, v0 + 8
             store.i64 region0 v14, v0 + 16
             store.f64 region0 v15, v0 + 24
             store.f64 region0 v16, v0 + 32
             v20 = trunc.i32 v11
             return v20",
        ),
        &[(3, Type::F64), (4, Type::F64)],
    );
}

#[test]
fn critical_edges() {
    run(&entry(
        "v3 = load.i64 region0 v0 + 0
         v4 = iconst.i64 1
         v5 = band.i64 v1, v4
         v6 = icmp_eq.i64 v5, v4
         brif v6, block1(v3, v1), block1(v1, v3)
         block1(v7: i64, v8: i64):
         v9 = isub.i64 v7, v8
         v10 = icmp_ult.i64 v7, v8
         brif v10, block4(v9), block2
         block2:
         v11 = ineg.i64 v9
         v12 = icmp_ugt.i64 v11, v3
         brif v12, block4(v11), block3
         block3:
         jump block4(v4)
         block4(v13: i64):
         store.i64 region0 v13, v0 + 0
         brif v6, block5, block5
         block5:
         v14 = trunc.i32 v13
         return v14",
    ));
}

/// The blocks' order is not one in which definitions precede uses; one block is unreachable, one cold before a hot one that it dominates.
#[test]
fn strange_orders() {
    run(&entry(
        "jump block3
         block1(v3: i64):
         v4 = iadd.i64 v3, v5
         store.i64 region0 v4, v0 + 0
         v6 = trunc.i32 v4
         return v6
         block2:
         v7 = imul.i64 v5, v5
         jump block1(v7)
         block3 cold:
         v5 = load.i64 region0 v0 + 8
         v8 = icmp_slt.i64 v5, v1
         brif v8, block2, block5
         block4:
         jump block4
         block5:
         jump block6
         block6:
         jump block1(v1)",
    ));
}

#[test]
fn loops() {
    // A primality-like nest with an exit in the middle, and a loop tested at its head.
    run(&entry(
        "v3 = iconst.i64 63
         v4 = band.i64 v1, v3
         v5 = iconst.i64 0
         v6 = iconst.i64 1
         jump block1(v5, v5)
         block1(v7: i64, v8: i64):
         v9 = icmp_slt.i64 v7, v4
         brif v9, block2(v5, v8), block6
         block2(v10: i64, v11: i64):
         v12 = iconst.i64 7
         v13 = urem.i64 v10, v12
         v14 = icmp_eq.i64 v13, v7
         brif v14, block5(v11), block3
         block3:
         v15 = iadd.i64 v10, v6
         v16 = imul.i64 v11, v12
         v17 = bxor.i64 v16, v15
         v18 = icmp_slt.i64 v15, v7
         brif v18, block2(v15, v17), block4
         block4:
         jump block5(v17)
         block5(v19: i64):
         v20 = iadd.i64 v7, v6
         jump block1(v20, v19)
         block6:
         v30 = iconst.i64 23
         v31 = band.i64 v4, v30
         v32 = iconst.i64 3
         v33 = shl.i64 v31, v32
         v34 = iadd.i64 v0, v33
         store.i64 region0 v8, v34 + 8
         v21 = trunc.i32 v8
         return v21",
    ));
}

#[test]
fn calls_with_everything() {
    let ints: Vec<String> = (0..10).map(|n| format!("v{n}: i64")).collect();
    let floats: Vec<String> = (10..22).map(|n| format!("v{n}: f64")).collect();
    let mut body = String::new();
    let (mut sum, mut total) = (0, 10);
    for n in 1..10 {
        let _ =
            writeln!(body, "v{} = iadd.i64 v{sum}, v{n}\nv{} = imul.i64 v{}, v{n}", 30 + 2 * n, 31 + 2 * n, 30 + 2 * n);
        sum = 31 + 2 * n;
    }
    for n in 11..22 {
        let _ = writeln!(body, "v{} = fsub v{total}, v{n}", 60 + n);
        total = 60 + n;
    }
    let callee = format!(
        "function %1 \"many\" ({}, {}) -> (i64, f64) {{\nblock0({}, {}):\n{body}return v{sum}, v{total}\n}}\n",
        ["i64"; 10].join(", "),
        ["f64"; 12].join(", "),
        ints.join(", "),
        floats.join(", "),
    );
    let mut main = String::new();
    for n in 0..12 {
        let _ =
            writeln!(main, "v{} = load.i64 region0 v0 + {}\nv{} = sint_to_f64.i64 v{}", 10 + n, n * 8, 30 + n, 10 + n);
    }
    let ints: Vec<String> = (0..10).map(|n| format!("v{}", 19 - n)).collect();
    let floats: Vec<String> = (0..12).map(|n| format!("v{}", 30 + n)).collect();
    let _ = writeln!(main, "v50, v51 = call %1({}, {})", ints.join(", "), floats.join(", "));
    let _ = writeln!(main, "v52 = call_helper helper1 v2(v50, v11, v11, v1, v14, v15, v16, v17)");
    let _ = writeln!(main, "v53 = load.i64 region0 v2 + 0\nv54 = call_indirect sig0 v53(v52, v50)");
    let _ = writeln!(main, "v55 = call_helper helper2 v2(v54, v51, v50, v31)");
    let _ = writeln!(main, "v56 = trunc.i8 v10\nv57 = trunc.i16 v11\nv58 = trunc.i32 v12\nv70 = iconst.i8 -3");
    let _ = writeln!(main, "v59 = call_helper helper3 v2(v56, v56, v57, v57, v58)");
    let _ = writeln!(
        main,
        "v71 = call_helper helper3 v2(v70, v70, v57, v57, v58)\nv60 = bxor.i64 v59, v10\nv72 = bxor.i64 v60, v71"
    );
    let _ = writeln!(
        main,
        "store.i64 region0 v52, v0 + 0\nstore.i64 region0 v54, v0 + 8\nstore.f64 region0 v55, v0 + 16\nstore.i64 region0 v72, v0 + 24"
    );
    let main = format!(
        "function %0 \"entry\" (i64, i64, i64) -> (i32) {{\nblock0(v0: i64, v1: i64, v2: i64):\n{main}v61 = iconst.i32 0\nreturn v61\n}}\n"
    );
    run_kinds(&module(&format!("{main}{callee}")), &[(2, Type::F64)]);
}

#[test]
fn recursion_and_stack_pointers() {
    run(&module(
        "function %0 \"entry\" (i64, i64, i64) -> (i32) {
         block0(v0: i64, v1: i64, v2: i64):
         v3 = iconst.i64 15
         v4 = band.i64 v1, v3
         v5 = trunc.i32 v4
         v9 = stack_pointer
         v6, v7 = call %1(v5, v9)
         store.i8 region0 v7, v0 + 3
         v8 = sext.i64 v6
         store.i64 region0 v8, v0 + 8
         return v6
         }
         function %1 \"fib\" (i32, i64) -> (i32, i8) {
         block0(v0: i32, v1: i64):
         v20 = stack_pointer
         v21 = icmp_ult.i64 v20, v1
         v2 = iconst.i32 2
         v3 = icmp_slt.i32 v0, v2
         brif v3, block1, block2
         block1:
         return v0, v21
         block2:
         v4 = iconst.i32 1
         v5 = isub.i32 v0, v4
         v6, v7 = call %1(v5, v20)
         v8 = isub.i32 v0, v2
         v9, v10 = call %1(v8, v20)
         v11 = iadd.i32 v6, v9
         v12 = band.i8 v7, v10
         v13 = band.i8 v12, v21
         return v11, v13
         }",
    ));
}

#[test]
fn two_results_of_each_class() {
    run_kinds(
        &module(
            "function %0 \"entry\" (i64, i64, i64) -> (i32) {
             block0(v0: i64, v1: i64, v2: i64):
             v3 = load.f64 region0 v0 + 0
             v4, v5 = call %1(v3, v1)
             v6, v7 = call %2(v1, v1)
             store.f64 region0 v4, v0 + 0
             store.f64 region0 v5, v0 + 8
             store.i64 region0 v6, v0 + 16
             store.i32 region0 v7, v0 + 24
             v8, v9 = call %2(v6, v6)
             store.i64 region0 v8, v0 + 32
             return v7
             }
             function %1 \"floats\" (f64, i64) -> (f64, f64) {
             block0(v0: f64, v1: i64):
             v2 = sint_to_f64.i64 v1
             return v2, v0
             }
             function %2 \"ints\" (i64, i64) -> (i64, i32) {
             block0(v0: i64, v1: i64):
             v2 = trunc.i32 v1
             return v0, v2
             }",
        ),
        &[(0, Type::F64), (1, Type::F64)],
    );
}

#[test]
fn switches() {
    let tables: [(&str, Vec<i128>); 7] = [
        ("i64", (0..8).collect()),
        ("i64", (-3..6).collect()),
        ("i64", vec![0, 1, 2, 7, 100, 255, 256, 1 << 40, (1 << 40) + 1, -1, i128::from(i64::MIN)]),
        ("i64", ((1i128 << 40) - 3..(1 << 40) + 5).collect()),
        ("i32", (-2..30).collect()),
        ("i32", vec![0, 7, 1 << 20, -1, 100, 255, 256]),
        ("i64", vec![7]),
    ];
    for (ty, cases) in tables {
        let targets: Vec<String> = cases
            .iter()
            .enumerate()
            .map(|(n, case)| match n % 4 {
                0 => format!("{case}: block1(v{})", if ty == "i64" { 1 } else { 4 }),
                1 => format!("{case}: block2"),
                2 => format!("{case}: block1(v5)"),
                _ => format!("{case}: block3"),
            })
            .collect();
        let narrow = if ty == "i64" { "v3 = iadd.i64 v1, v2\nv6 = isub.i64 v3, v2" } else { "v6 = trunc.i32 v1" };
        run(&entry(&format!(
            "{narrow}
             v4 = load.i64 region0 v0 + 0
             v5 = load.i64 region0 v0 + 8
             switch.{ty} v6, block2 [{}]
             block1(v7: i64):
             store.i64 region0 v7, v0 + 16
             jump block4
             block2:
             store.i64 region0 v5, v0 + 24
             jump block4
             block3:
             store.i64 region0 v4, v0 + 32
             jump block4
             block4:
             v8 = iconst.i32 1
             return v8",
            targets.join(", ")
        )));
    }
}

#[test]
fn overflow_and_branches() {
    for op in ["sadd", "uadd", "ssub", "usub", "smul", "umul"] {
        for ty in ["i8", "i16", "i32", "i64"] {
            // The sum is used before the branch, after it on either side, or passed along it.
            for (between, pass) in [("", "v6"), ("v9 = ineg.T v6\nstore.T region0 v9, v0 + 24", "v6"), ("", "v5")] {
                let text = format!(
                    "v4 = load.T region0 v0 + 0
                     v5 = load.T region0 v0 + 8
                     v6, v7 = {op}_overflow.T v4, v5
                     {between}
                     brif v7, block1({pass}), block2
                     block1(v8: T):
                     store.T region0 v8, v0 + 16
                     store.T region0 v6, v0 + 32
                     v10 = iconst.i32 1
                     return v10
                     block2:
                     store.T region0 v6, v0 + 16
                     v11 = iconst.i32 0
                     return v11"
                );
                run(&entry(&text.replace(".T", &format!(".{ty}")).replace(": T", &format!(": {ty}"))));
            }
        }
    }
}

#[test]
fn loads_are_not_moved_over_stores() {
    run(&entry(
        "v3 = load.i64 region0 v0 + 0
         v4 = load.i64 region0 v0 + 8
         store.i64 region0 v1, v0 + 0
         v5 = iadd.i64 v4, v3
         store.i64 region0 v5, v0 + 8
         v6 = load.i64 region0 v0 + 0
         v7 = call_helper helper0 v2(v6, v5)
         v8 = load.i32 region0 v0 + 4
         v9 = load.i32 region0 v0 + 12
         v10 = bxor.i32 v8, v9
         v11 = load.i64 region0 v0 + 16
         v12 = trunc.i8 v11
         v13 = load.i8 region0 v0 + 17
         v14 = icmp_ult.i8 v12, v13
         v15 = load.i16 region0 v0 + 20
         v16 = iconst.i16 -5
         v17 = icmp_sgt.i16 v15, v16
         store.i64 region0 v7, v0 + 24
         store.i32 region0 v10, v0 + 32
         brif v14, block1, block2
         block1:
         v18 = select.i32 v17, v10, v8
         return v18
         block2:
         v19 = zext.i64 v10
         v20 = iadd.i64 v19, v7
         store.i64 region0 v20, v0 + 40
         return v9",
    ));
}

#[test]
fn far_branches() {
    let mut body =
        String::from("v3 = load.i64 region0 v0 + 0\nv4 = icmp_ult.i64 v3, v1\nbrif v4, block1, block2\nblock1:\n");
    let mut last = 3;
    for n in 0..6000 {
        let next = 100 + n;
        let at = n % 20 * 8;
        let _ = writeln!(body, "v{next} = iadd.i64 v{last}, v1\nstore.i64 region0 v{next}, v0 + {at}");
        last = next;
    }
    body += "jump block2\nblock2:\nv5 = iconst.i32 3\nreturn v5";
    run(&entry(&body));
}

#[test]
fn one_class_of_float_constants_and_selections() {
    run_kinds(
        &entry(
            "v3 = load.f64 region0 v0 + 0
             v4 = fconst 0.0
             v5 = fconst -0.0
             v6 = fconst 3.25
             v7 = fadd v3, v6
             v8 = fsub v6, v7
             v9 = fcmp_lt v8, v6
             v10 = select.f64 v9, v4, v5
             v11 = fcmp_eq v7, v6
             v12 = select.f64 v11, v8, v10
             v13 = select.i64 v11, v0, v1
             store.f64 region0 v12, v0 + 0
             store.f64 region0 v10, v0 + 8
             v14 = fmin v10, v5
             store.f64 region0 v14, v0 + 16
             v15 = fmax v3, v3
             store.f64 region0 v15, v0 + 24
             v16 = isub.i64 v13, v0
             v17 = trunc.i32 v16
             v18 = icmp_eq.i64 v13, v0
             v19 = zext.i32 v18
             return v19",
        ),
        &[(0, Type::F64), (1, Type::F64), (2, Type::F64), (3, Type::F64)],
    );
}

#[test]
fn same_input_same_bytes_and_a_source_map() {
    let text = "lockstep_ir 1 machine\nunit \"t\"\nsource 0 func 1 pc 2\nsource 1 func 1 pc 3\n\
                function %0 \"f\" (i64, i64, i64) -> (i32) {\nblock0(v0: i64, v1: i64, v2: i64):\n\
                v3 = sdiv.i64 v1, v2 @0\nstore.i64 region0 v3, v0 + 0 @1\nv4 = iconst.i32 0\nreturn v4\n}\n";
    let unit = parse(text);
    let (one, other) = (DynAsm::new(), DynAsm::new());
    for (target, options) in configurations() {
        let first = one.compile(&unit, &target, &options).expect("compiles");
        one.compile(
            &parse(&entry("v3 = fconst 1.5\nstore.f64 region0 v3, v0 + 0\nv4 = iconst.i32 1\nreturn v4")),
            &target,
            &options,
        )
        .expect("compiles");
        assert!(first.same_code(&one.compile(&unit, &target, &options).expect("compiles")));
        assert!(first.same_code(&other.compile(&unit, &target, &options).expect("compiles")));
        let locs: Vec<u32> = first.source_map.iter().map(|s| s.loc.0).collect();
        assert!(locs.starts_with(&[0, 1]), "{locs:?}");
        assert!(matches!(&first.code, Code::Native { bytes, .. } if bytes.len() > 16));
    }
}
