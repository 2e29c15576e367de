//! Functions of the shapes that code generators get wrong, against the evaluator; and what artifacts promise.

use lockstep_backend_api::{Backend, Code, CompileError, Level, Options, Target};
use lockstep_engine::kit;
use lockstep_ir::{FuncRef, SourceLoc, Type, Unit, text};
use lockstep_llvm::Llvm;

use crate::common::{check_against_evaluator, compile, configurations, load};

fn parse(body: &str) -> Unit {
    text::parse("test.ir", body).unwrap_or_else(|e| panic!("{e}\n{body}"))
}

fn memories(words: usize) -> Vec<Vec<u64>> {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut all = vec![vec![0; words], (0..words as u64).collect(), vec![u64::MAX; words]];
    all.extend((0..4).map(|_| (0..words).map(|_| next()).collect()));
    all
}

fn check(body: &str) {
    check_against_evaluator(&parse(body), &memories(16), 5);
}

/// A function with results of two types, called directly: each result must come from its own register.
#[test]
fn two_results_of_every_mix() {
    for a in Type::ALL {
        for b in Type::ALL {
            check(&format!(
                "lockstep_ir 1 machine
                unit \"{a} {b}\"
                function %0 \"callee\" (i64, i64) -> ({a}, {b}) {{
                block0(v0: i64, v1: i64):
                    v2 = load.{a} region0 v0 + 0
                    v3 = load.{b} region0 v1 + 16
                    return v2, v3
                }}
                function %1 \"entry\" (i64, i64, i64) -> (i32) {{
                block0(v0: i64, v1: i64, v2: i64):
                    v3, v4 = call %0(v0, v0)
                    store.{b} region0 v4, v0 + 32
                    store.{a} region0 v3, v0 + 40
                    v5 = iconst.i32 7
                    return v5
                }}"
            ));
        }
    }
}

/// The registers themselves: a callee called as what Rust's convention for structures of two words says.
#[test]
fn results_lie_in_the_registers_of_the_convention() {
    #[repr(C)]
    struct Ints(u64, u64);
    #[repr(C)]
    struct Floats(f64, f64);
    #[repr(C)]
    struct Mixed(u64, f64);
    #[repr(C)]
    struct Swapped(f64, u64);
    let unit = parse(
        "lockstep_ir 1 machine
        unit \"registers\"
        function %0 \"ints\" (i64) -> (i32, i64) {
        block0(v0: i64):
            v1 = trunc.i32 v0
            v2 = iconst.i64 0x1122334455667788
            return v1, v2
        }
        function %1 \"floats\" (i64) -> (f64, f64) {
        block0(v0: i64):
            v1 = sint_to_f64.i64 v0
            v2 = fneg v1
            return v1, v2
        }
        function %2 \"mixed\" (i64) -> (i32, f64) {
        block0(v0: i64):
            v1 = trunc.i32 v0
            v2 = sint_to_f64.i64 v0
            return v1, v2
        }
        function %3 \"swapped\" (i64) -> (f64, i8) {
        block0(v0: i64):
            v1 = trunc.i8 v0
            v2 = sint_to_f64.i64 v0
            return v2, v1
        }
        function %4 \"bytes\" (i64) -> (i8, i16) {
        block0(v0: i64):
            v1 = trunc.i8 v0
            v2 = iconst.i16 -2
            return v1, v2
        }",
    );
    for configuration in configurations() {
        let code = load(&unit, configuration);
        let address = |n| code.address(FuncRef(n));
        // SAFETY: structures of two words are returned as the IR returns two results of their classes; the code outlives the calls.
        unsafe {
            let ints: extern "C" fn(u64) -> Ints = std::mem::transmute(address(0));
            let result = ints(0xdead_beef_0000_0005);
            assert_eq!((result.0 as u32, result.1), (5, 0x1122_3344_5566_7788));
            let floats: extern "C" fn(u64) -> Floats = std::mem::transmute(address(1));
            let result = floats(3);
            assert_eq!((result.0, result.1), (3.0, -3.0));
            let mixed: extern "C" fn(u64) -> Mixed = std::mem::transmute(address(2));
            let result = mixed(9);
            assert_eq!((result.0 as u32, result.1), (9, 9.0));
            let swapped: extern "C" fn(u64) -> Swapped = std::mem::transmute(address(3));
            let result = swapped(0x1ff);
            assert_eq!((result.0, result.1 as u8), (511.0, 0xff));
            let bytes: extern "C" fn(u64) -> Ints = std::mem::transmute(address(4));
            let result = bytes(0x180);
            assert_eq!((result.0 as u8, result.1 as u16), (0x80, 0xfffe));
        }
    }
}

/// Twenty parameters of all types, in registers and on the stack, with every extension.
#[test]
fn many_arguments() {
    let types = [Type::I8, Type::F64, Type::I16, Type::F32, Type::I32, Type::I64];
    for extension in ["", " sext", " zext"] {
        let params: Vec<Type> = (0..26).map(|n| types[n % types.len()]).collect();
        let signature: Vec<String> =
            params.iter().map(|t| if t.is_int() { format!("{t}{extension}") } else { t.to_string() }).collect();
        let declared: Vec<String> = params.iter().enumerate().map(|(n, t)| format!("v{n}: {t}")).collect();
        let stores: String =
            (0..params.len()).map(|n| format!("store.{} region0 v{n}, v26 + {}\n", params[n], 8 * n)).collect();
        let loads: String = (0..params.len())
            .map(|n| format!("v{} = load.{} region0 v0 + {}\n", 100 + n, params[n], 8 * n + 3))
            .collect();
        let args: Vec<String> = (0..params.len()).map(|n| format!("v{}", 100 + n)).collect();
        let (signature, args) = (signature.join(", "), args.join(", "));
        let unit = parse(&format!(
            "lockstep_ir 1 machine
            unit \"arguments{extension}\"
            sig 0 ({signature}, i64) -> (i16)
            function %0 \"callee\" ({signature}, i64) -> (i16) {{
            block0({}, v26: i64):
                {stores}
                return v2
            }}
            function %1 \"entry\" (i64, i64, i64) -> (i32) {{
            block0(v0: i64, v1: i64, v2: i64):
                {loads}
                v3 = iconst.i64 256
                v4 = iadd.i64 v0, v3
                v5 = call %0({args}, v4)
                store.i16 region0 v5, v0 + 480
                v6 = iconst.i32 7
                return v6
            }}",
            declared.join(", ")
        ));
        check_against_evaluator(&unit, &memories(64), 0);
    }
}

#[test]
fn helpers_and_narrow_arguments() {
    check(
        "lockstep_ir 1 machine
        unit \"helpers\"
        sig 0 (i64, i64) -> (i64)
        helper 0 \"mix8\" 1 (i64, i64, i64, i64, i64, i64, i64, i64) -> (i64)
        helper 1 \"blend\" 2 (i64, f64, i64, f64) -> (f64)
        helper 2 \"narrow\" 3 (i8 sext, i8 zext, i16 sext, i16 zext, i32) -> (i64)
        function %0 \"entry\" (i64, i64, i64) -> (i32) {
        block0(v0: i64, v1: i64, v2: i64):
            v3 = load.i64 region0 v0 + 0
            v4 = load.i64 region0 v0 + 8
            v5 = load.i64 region0 v2 + 0
            v6 = call_indirect sig0 v5(v3, v4)
            store.i64 region0 v6, v0 + 16
            v7 = call_helper helper0 v2(v3, v4, v6, v3, v4, v6, v1, v3)
            store.i64 region0 v7, v0 + 24
            v8 = sint_to_f64.i64 v7
            v9 = sint_to_f64.i64 v3
            v10 = call_helper helper1 v2(v3, v8, v4, v9)
            store.f64 region0 v10, v0 + 32
            v11 = trunc.i8 v3
            v12 = trunc.i16 v4
            v13 = trunc.i32 v7
            v14 = call_helper helper2 v2(v11, v11, v12, v12, v13)
            store.i64 region0 v14, v0 + 40
            v15 = iadd.i64 v6, v14
            store.i64 region0 v15, v0 + 48
            v16 = iconst.i32 7
            return v16
        }",
    );
}

/// Switches that become jump tables, lookup tables and searches; with edges to one block with different and with equal arguments.
#[test]
fn switches() {
    for (ty, cases) in [
        (Type::I64, (0..40).collect::<Vec<i64>>()),
        (Type::I32, (0..40).map(|n| n - 20).collect()),
        (Type::I64, vec![i64::MIN, -1_000_000_007, -1, 0, 7, 1 << 40, i64::MAX]),
        (Type::I32, vec![i64::from(i32::MIN), 3, 1000, 1_000_000, i64::from(i32::MAX)]),
        (Type::I64, vec![]),
    ] {
        let blocks: String = (0..cases.len())
            .map(|n| format!("block{}:\n v{v} = iconst.i64 {}\n jump block1(v{v})\n", n + 3, n * n + 11, v = 100 + n))
            .collect();
        let own: Vec<String> = cases.iter().enumerate().map(|(n, c)| format!("{c}: block{}", n + 3)).collect();
        let shared: Vec<String> =
            cases.iter().enumerate().map(|(n, c)| format!("{c}: block1(v{})", [4, 5, 4][n % 3])).collect();
        for targets in [own, shared] {
            let used = if targets.first().is_some_and(|t| t.contains("block3")) { blocks.as_str() } else { "" };
            let unit = parse(&format!(
                "lockstep_ir 1 machine
                unit \"switch\"
                function %0 \"pick\" ({ty}) -> (i64) {{
                block0(v0: {ty}):
                    v4 = iconst.i64 1001
                    v5 = iconst.i64 1002
                    switch.{ty} v0, block2 [{}]
                block1(v2: i64):
                    return v2
                block2:
                    v3 = iconst.i64 -1
                    jump block1(v3)
                {used}
                }}
                function %1 \"entry\" (i64, i64, i64) -> (i32) {{
                block0(v0: i64, v1: i64, v2: i64):
                    v3 = load.{ty} region0 v0 + 0
                    v4 = call %0(v3)
                    store.i64 region0 v4, v0 + 8
                    v5 = iconst.i32 7
                    return v5
                }}",
                targets.join(", ")
            ));
            let probes = cases.iter().flat_map(|&c| [c, c.wrapping_add(1), c.wrapping_sub(1)]).chain([0, 99]);
            let memories: Vec<Vec<u64>> = probes.map(|c| vec![c as u64, 0]).collect();
            check_against_evaluator(&unit, &memories, 0);
        }
    }
}

/// Loops that fill, copy and compare memory, count bits, take lengths: what recognisers of library idioms turn into calls.
#[test]
fn loops_do_not_become_library_calls() {
    let each = |name: &str, body: &str| {
        format!(
            "lockstep_ir 1 machine
            unit \"{name}\"
            region 1 \"from\"
            region 2 \"to\"
            function %0 \"entry\" (i64, i64, i64) -> (i32) {{
            block0(v0: i64, v1: i64, v2: i64):
                v3 = iconst.i64 0
                v4 = load.i64 region0 v0 + 0
                v19 = iconst.i64 7
                v5 = band.i64 v4, v19
                v20 = iconst.i64 17
                v21 = iadd.i64 v5, v20
                jump block1(v3)
            block1(v6: i64):
                v7 = iadd.i64 v0, v6
                v9 = iconst.i64 1
                v10 = iadd.i64 v6, v9
                v11 = iconst.i8 0
                {body}
                v12 = icmp_ult.i64 v10, v21
                brif v12, block1(v10), block2
            block2:
                v13 = iconst.i32 7
                return v13
            }}"
        )
    };
    for unit in [
        each("memset", "store.i8 region2 v11, v7 + 64"),
        each("memcpy", "v30 = load.i8 region1 v7 + 8\n store.i8 region2 v30, v7 + 64"),
        each(
            "memset16",
            "v30 = shl.i64 v6, v9\n v31 = iadd.i64 v0, v30\n v32 = iconst.i16 0x0101\n store.i16 region2 v32, v31 + 64",
        ),
        each(
            "strlen",
            "v30 = load.i8 region1 v7 + 8\n v31 = icmp_eq.i8 v30, v11\n v32 = zext.i64 v31\n store.i64 region2 v32, v0 + 120",
        ),
    ] {
        check_against_evaluator(&parse(&unit), &memories(16), 0);
    }
    // Straight-line stores of one value, which could be merged into one call.
    let stores: String = (0..60).map(|n| format!("store.i64 region0 v3, v0 + {}\n", 8 * n)).collect();
    let straight = format!(
        "lockstep_ir 1 machine
        unit \"stores\"
        function %0 \"entry\" (i64, i64, i64) -> (i32) {{
        block0(v0: i64, v1: i64, v2: i64):
            v3 = iconst.i64 0
            {stores}
            v13 = iconst.i32 7
            return v13
        }}"
    );
    check_against_evaluator(&parse(&straight), &memories(60), 0);
}

/// A program may make NaNs its own: a select keeps bits, whatever it chooses between.
#[test]
fn selects_keep_the_nan_they_are_given() {
    let operations = ["fsqrt.f64 v3", "fadd.f64 v3, v3", "fmin.f64 v3, v3", "fceil.f64 v3", "fneg.f64 v3"];
    for operation in operations {
        let unit = parse(&format!(
            "lockstep_ir 1 machine
            unit \"{operation}\"
            function %0 \"entry\" (i64, i64, i64) -> (i32) {{
            block0(v0: i64, v1: i64, v2: i64):
                v3 = load.f64 region0 v0 + 0
                v4 = {operation}
                v5 = fcmp_uno v4, v4
                v6 = fconst nan:0x7ff8000000000123
                v7 = select.f64 v5, v6, v4
                store.f64 region0 v7, v0 + 8
                v8 = fconst 0.0
                v9 = fcmp_lt v3, v8
                v10 = fcmp_uno v3, v3
                v11 = bor.i8 v9, v10
                v12 = select.f64 v11, v6, v4
                store.f64 region0 v12, v0 + 16
                v13 = iconst.i32 7
                return v13
            }}"
        ));
        let values = [-1.0, 2.0, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(0xffff_ffff_ffff_fffa)];
        let memories: Vec<Vec<u64>> = values.iter().map(|x: &f64| vec![x.to_bits(), 0, 0]).collect();
        check_against_evaluator(&unit, &memories, 0);
    }
}

/// Phis that swap, rotate and feed each other; both edges of a branch to one block.
#[test]
fn parallel_moves() {
    check(
        "lockstep_ir 1 machine
        unit \"moves\"
        function %0 \"entry\" (i64, i64, i64) -> (i32) {
        block0(v0: i64, v1: i64, v2: i64):
            v3 = load.i64 region0 v0 + 0
            v4 = load.i64 region0 v0 + 8
            v5 = load.f64 region0 v0 + 16
            v6 = load.f64 region0 v0 + 24
            v7 = iconst.i64 9
            jump block1(v3, v4, v7, v5, v6)
        block1(v10: i64, v11: i64, v12: i64, v13: f64, v14: f64):
            v15 = iconst.i64 1
            v16 = isub.i64 v12, v15
            v17 = band.i64 v16, v15
            v18 = trunc.i8 v17
            brif v18, block2(v11, v10, v14, v13), block2(v10, v11, v13, v14)
        block2(v20: i64, v21: i64, v22: f64, v23: f64):
            v24 = iadd.i64 v20, v16
            v25 = trunc.i8 v16
            brif v25, block1(v21, v24, v16, v23, v22), block3
        block3:
            store.i64 region0 v20, v0 + 32
            store.i64 region0 v21, v0 + 40
            store.f64 region0 v22, v0 + 48
            store.f64 region0 v23, v0 + 56
            v26 = iconst.i32 7
            return v26
        }",
    );
}

/// More values alive than registers, across a call.
#[test]
fn spills() {
    let loads: String = (0..60)
        .map(|n| match n % 3 {
            0 => format!("v{} = load.f64 region0 v0 + {}\n", 100 + n, n * 2 % 120),
            1 => format!("v{} = load.i64 region0 v0 + {}\n", 100 + n, n * 2 % 120),
            _ => format!("v{} = load.i16 region0 v0 + {}\n", 100 + n, n * 2 % 120),
        })
        .collect();
    let stores: String = (0..60)
        .map(|n| format!("store.{} region0 v{}, v0 + {}\n", ["f64", "i64", "i16"][n % 3], 100 + n, 128 + 8 * n))
        .collect();
    let unit = parse(&format!(
        "lockstep_ir 1 machine
        unit \"spills\"
        helper 0 \"mix\" 0 (i64, i64) -> (i64)
        function %0 \"entry\" (i64, i64, i64) -> (i32) {{
        block0(v0: i64, v1: i64, v2: i64):
            {loads}
            v3 = call_helper helper0 v2(v101, v104)
            {stores}
            store.i64 region0 v3, v0 + 0
            v4 = iconst.i32 7
            return v4
        }}"
    ));
    check_against_evaluator(&unit, &memories(80), 0);
}

/// Recursion keeps frames apart, and the stack pointer falls from caller to callee, at every level.
#[test]
fn stack_pointers_fall() {
    let unit = parse(
        "lockstep_ir 1 machine
        unit \"stack\"
        function %0 \"down\" (i64, i64) -> (i64) {
        block0(v0: i64, v1: i64):
            v2 = stack_pointer.i64
            store.i64 region0 v2, v0 + 0
            v3 = icmp_eq.i64 v1, v0
            v4 = iconst.i64 1
            v5 = isub.i64 v1, v4
            v6 = iconst.i64 8
            v7 = iadd.i64 v0, v6
            v8 = iconst.i64 0
            v9 = icmp_eq.i64 v1, v8
            brif v9, block1, block2
        block1:
            return v2
        block2:
            v10 = call %0(v7, v5)
            return v10
        }
        function %1 \"entry\" (i64, i64, i64) -> (i32) {
        block0(v0: i64, v1: i64, v2: i64):
            v3 = stack_pointer.i64
            store.i64 region0 v3, v0 + 0
            v4 = iconst.i64 8
            v5 = iadd.i64 v0, v4
            v6 = call %0(v5, v1)
            v7 = iconst.i32 7
            return v7
        }",
    );
    for configuration in configurations() {
        let code = load(&unit, configuration);
        let mut memory = [0u64; 16];
        kit::call_native(&code, FuncRef(1), &mut memory, 10);
        assert!(memory[..12].windows(2).all(|w| w[0] > w[1]), "{configuration:?}: {memory:x?}");
    }
}

/// A branch to code far away, and constants that need a pool.
#[test]
fn far_branches_and_constants() {
    let body: String = (0..4000)
        .map(|n| {
            format!(
                "v{0} = fconst {1}.25\n v{2} = fadd v{3}, v{0}\n",
                1000 + 2 * n,
                n,
                1001 + 2 * n,
                if n == 0 { 3 } else { 999 + 2 * n }
            )
        })
        .collect();
    let unit = parse(&format!(
        "lockstep_ir 1 machine
        unit \"far\"
        function %0 \"entry\" (i64, i64, i64) -> (i32) {{
        block0(v0: i64, v1: i64, v2: i64):
            v3 = load.f64 region0 v0 + 0
            v4 = trunc.i8 v1
            brif v4, block1, block2
        block1:
            {body}
            store.f64 region0 v8999, v0 + 8
            jump block2
        block2:
            v5 = iconst.i32 7
            return v5
        }}"
    ));
    // Memory that holds no NaN, whose payload would be anyone's.
    check_against_evaluator(&unit, &memories(2)[..2], 1);
    check_against_evaluator(&unit, &memories(2)[..2], 0);
}

/// Wrapping addresses, accesses at odd addresses, atomic loads.
#[test]
fn memory() {
    check(
        "lockstep_ir 1 machine
        unit \"memory\"
        region 1 \"a\"
        function %0 \"entry\" (i64, i64, i64) -> (i32) {
        block0(v0: i64, v1: i64, v2: i64):
            v3 = iconst.i64 0x7fffffff
            v4 = iadd.i64 v0, v3
            v5 = load.i32 region0 v4 + -2147483646
            store.i32 region0 v5, v0 + 17
            v6 = load.i64 region1 v0 + 3
            store.i64 region0 v6, v0 + 29
            v7 = atomic_load.i32 region0 v0 + 4
            v8 = atomic_load.i64 region0 v0 + 8
            v9 = atomic_load.i16 region0 v0 + 6
            v10 = atomic_load.i8 region0 v0 + 7
            store.i32 region0 v7, v0 + 64
            store.i64 region0 v8, v0 + 72
            store.i16 region0 v9, v0 + 80
            store.i8 region0 v10, v0 + 83
            v11 = ineg.i64 v0
            v12 = isub.i64 v3, v11
            v13 = isub.i64 v12, v3
            v14 = load.f32 region0 v13 + 1
            v15 = load.f64 region0 v13 + 5
            store.f32 region0 v14, v13 + 91
            store.f64 region0 v15, v13 + 97
            v16 = iconst.i32 7
            return v16
        }",
    );
}

/// An endless loop is not undefined, and nothing behind it is reached.
#[test]
fn loops_may_be_endless() {
    let unit = parse(
        "lockstep_ir 1 machine
        unit \"endless\"
        function %0 \"spin\" (i64) -> (i64) {
        block0(v0: i64):
            jump block1
        block1:
            jump block1
        }
        function %1 \"entry\" (i64, i64, i64) -> (i32) {
        block0(v0: i64, v1: i64, v2: i64):
            v3 = iconst.i64 0
            v4 = icmp_eq.i64 v1, v3
            v5 = iconst.i32 7
            brif v4, block1, block2
        block1:
            return v5
        block2:
            v6 = call %0(v1)
            v7 = trunc.i32 v6
            return v7
        }",
    );
    check_against_evaluator(&unit, &memories(1), 0);
}

const LOOP: &str = "lockstep_ir 1 machine
    unit \"sources\"
    source 0 func 0 pc 0
    source 1 func 0 pc 1
    source 2 func 1 pc 0 inlined 1
    function %0 \"entry\" (i64, i64, i64) -> (i32) {
    block0(v0: i64, v1: i64, v2: i64):
        v3 = iconst.i64 0
        v9 = load.i64 region0 v0 + 0 @0
        jump block1(v3)
    block1(v4: i64):
        v5 = iconst.i64 1
        v6 = iadd.i64 v4, v5
        v10 = imul.i64 v9, v6 @2
        store.i64 region0 v10, v0 + 8 @1
        v7 = icmp_ult.i64 v6, v1
        brif v7, block1(v6), block2
    block2:
        v8 = iconst.i32 7
        return v8
    }";

#[test]
fn source_maps_cover_their_code() {
    let unit = parse(LOOP);
    for configuration in configurations() {
        let artifact = compile(&unit, configuration);
        let locs: Vec<SourceLoc> = artifact.source_map.iter().map(|s| s.loc).collect();
        // Optimised code may merge instructions and lose where they came from, but not a store.
        let expected = if configuration.1 == Level::None { 0..3 } else { 1..2 };
        for loc in expected {
            assert!(locs.contains(&SourceLoc(loc)), "{configuration:?}: {:?}", artifact.source_map);
        }
        assert!(locs.iter().all(|l| *l == SourceLoc::NONE || l.0 < 3));
        assert!(artifact.source_map.windows(2).all(|w| w[0].offset < w[1].offset));
        assert_eq!(artifact.check(1), Ok(()));
    }
    check_against_evaluator(&unit, &memories(2), 3);
}

/// Same input, same bytes: whatever was compiled before, and on whichever thread.
#[test]
fn artifacts_are_deterministic() {
    let unit = parse(LOOP);
    for configuration in configurations() {
        let first = compile(&unit, configuration);
        let mut other = unit.clone();
        other.name = "another".to_owned();
        compile(&other, configurations()[1]);
        assert!(first.same_code(&compile(&unit, configuration)));
        let elsewhere = std::thread::scope(|s| s.spawn(|| compile(&unit, configuration)).join().expect("no panic"));
        assert!(first.same_code(&elsewhere));
    }
}

#[test]
fn refusals_are_values() {
    let host = Target::host().expect("an x86-64");
    let mut unit = parse(LOOP);
    let arm = Target::baseline(lockstep_backend_api::Arch::Aarch64);
    let result = Llvm::new().compile(&unit, &arm, &Options::at(Level::Speed));
    assert_eq!(result.err(), Some(CompileError::UnsupportedTarget(arm.arch)));
    unit.functions[0].insts[0].ty = Type::I8;
    let result = Llvm::new().compile(&unit, &host, &Options { level: Level::Speed, verify: true });
    assert!(matches!(result, Err(CompileError::InvalidUnit(_))), "{result:?}");
}

#[test]
fn code_is_native_and_has_phases() {
    let artifact = compile(&parse(LOOP), configurations()[1]);
    assert!(matches!(artifact.code, Code::Native { .. }));
    let names: Vec<&str> = artifact.phases.iter().map(|p| p.name).collect();
    assert_eq!(names, ["setup", "build", "verify", "optimise", "verify", "codegen", "link"]);
}
