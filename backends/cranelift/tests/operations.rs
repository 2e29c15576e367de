//! Every operation at every type against the evaluator, on edge values: operands from memory, and constants.
//!
//! A first line of defence that needs nothing but this crate. The conformance kit of the harness goes further.
#![forbid(unsafe_code)]

use lockstep_backend_api::{Arch, Backend, Features, Level, Options, Target};
use lockstep_cranelift::Cranelift;
use lockstep_engine::kit::{call_evaluated, call_native};
use lockstep_engine::loader::CodeBlock;
use lockstep_eval::Eval;
use lockstep_ir::eval::same;
use lockstep_ir::{
    Builder, FuncRef, Function, Imm, InstData, Op, OpInstance, Region, Signature, Stage, Type, Unit, Value,
};

/// Words of memory: operands from 0, results from 8.
const WORDS: usize = 16;
const RESULTS: usize = 8;

fn edges(ty: Type) -> Vec<u64> {
    match ty {
        Type::F64 => {
            let two_to = |e: i32| 2f64.powi(e);
            let mut values = vec![
                0.0,
                0.5,
                1.0,
                1.5,
                2.5,
                0.499_999_999_999_999_94,
                2_147_483_647.0,
                2_147_483_648.0,
                4_294_967_295.0,
                4_294_967_296.0,
                2_147_483_647.5,
                two_to(31),
                two_to(53),
                two_to(63),
                two_to(64),
                two_to(63) - 1024.0,
                two_to(64) - 2048.0,
                5e-324,
                f64::MIN_POSITIVE,
                f64::MAX,
                f64::INFINITY,
                f64::NAN,
                1e300,
                3.4e38,
                1e-40,
            ];
            values.extend(values.clone().iter().map(|x| -x));
            let mut bits: Vec<u64> = values.into_iter().map(f64::to_bits).collect();
            bits.push(0x7ff0_0000_0000_0001);
            bits
        }
        Type::F32 => {
            [0u32, 0x8000_0000, 1, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f80_0001]
                .map(u64::from)
                .to_vec()
        }
        _ => {
            let top = 1u64 << (ty.bits() - 1);
            let mut bits =
                vec![0, 1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 100, 0x55, 0x0123_4567_89ab_cdef];
            bits.extend([top - 1, top, top + 1, top >> 1, u64::MAX, u64::MAX - 1, u64::MAX - 2, u64::MAX - 9]);
            bits.iter_mut().for_each(|b| *b &= ty.mask());
            bits.sort_unstable();
            bits.dedup();
            bits
        }
    }
}

/// Where an operand comes from.
#[derive(Clone, Copy)]
enum Source {
    Memory,
    Constant(u64),
}

fn operand(b: &mut Builder, ty: Type, base: Value, at: usize, source: Source) -> Value {
    match source {
        Source::Memory => b.load(ty, Region(0), base, 8 * at as i32),
        Source::Constant(bits) if ty == Type::F64 => b.fconst(f64::from_bits(bits)),
        Source::Constant(bits) if ty == Type::F32 => {
            let bits = b.iconst(Type::I32, bits as i64);
            b.one(Op::BitsToF32, Type::F32, &[bits])
        }
        Source::Constant(bits) => b.iconst(ty, bits as i64),
    }
}

/// A unit that computes the operation and stores its results, then branches on the last of them.
fn unit_of(instance: &OpInstance, imm: Imm, sources: &[Source]) -> Unit {
    let mut unit = Unit::new(instance.to_string(), Stage::Machine);
    let mut func = Function::new("entry", Signature::entry());
    let mut b = Builder::new(&mut func);
    let base = b.param(Function::ENTRY, 0);
    let args: Vec<Value> = instance
        .args
        .iter()
        .zip(sources)
        .enumerate()
        .map(|(n, (&ty, &source))| operand(&mut b, ty, base, n, source))
        .collect();
    let data = InstData { imm, ..InstData::new(instance.op, instance.ty, &args) };
    let results = b.push(data, &instance.results).to_vec();
    for (n, &result) in results.iter().enumerate() {
        b.store(Region(0), result, base, 8 * (RESULTS + n) as i32);
    }
    let answer = b.iconst(Type::I32, 1);
    match results.last() {
        Some(&last) if instance.results.last() == Some(&Type::I8) => {
            let (then, otherwise) = (b.block(&[]), b.block(&[]));
            b.brif(last, (then, &[]), (otherwise, &[]));
            b.switch_to(otherwise);
            let zero = b.iconst(Type::I32, 0);
            b.ret(&[zero]);
            b.switch_to(then);
        }
        _ => {}
    }
    b.ret(&[answer]);
    unit.add(func);
    unit
}

fn targets() -> Vec<Target> {
    let host = Target::host().expect("these tests run native code");
    let mut all = vec![Target { arch: Arch::X86_64, features: Features::default() }];
    if !all.contains(&host) {
        all.push(host);
    }
    all
}

/// Runs one unit on all targets and levels over all inputs.
fn check(backend: &Cranelift, unit: &Unit, inputs: &[Vec<u64>], results: &[Type]) {
    for target in targets() {
        for level in [Level::None, Level::Speed] {
            let options = Options { level, verify: true };
            let artifact = backend.compile(unit, &target, &options).unwrap_or_else(|e| panic!("{}: {e}", unit.name));
            let code = CodeBlock::load(&artifact, unit.functions.len()).expect("loadable");
            for input in inputs {
                let mut native = vec![0; WORDS];
                native[..input.len()].copy_from_slice(input);
                let mut evaluated = native.clone();
                let answer = call_native(&code, FuncRef(0), &mut native, 0);
                let expected =
                    call_evaluated(&Eval, unit, FuncRef(0), &mut evaluated, 0, 100_000).expect("the unit is sound");
                let agree = answer == expected
                    && (0..WORDS).all(|n| {
                        let ty = n.checked_sub(RESULTS).and_then(|n| results.get(n)).unwrap_or(&Type::I64);
                        same(*ty, native[n], evaluated[n])
                    });
                assert!(
                    agree,
                    "{} at {level} for {:?}: of {input:x?} made {answer} {native:x?}, not {expected} {evaluated:x?}",
                    unit.name, target.features,
                );
            }
        }
    }
}

/// Every tuple of edge values, thinned for three operands.
fn products(types: &[Type]) -> Vec<Vec<u64>> {
    types.iter().fold(vec![Vec::new()], |rows, &ty| {
        let values = edges(ty);
        let step = if types.len() > 2 && ty != Type::I8 { 5 } else { 1 };
        rows.iter()
            .flat_map(|row| values.iter().step_by(step).map(move |&v| row.iter().copied().chain([v]).collect()))
            .collect()
    })
}

fn pure_instances() -> impl Iterator<Item = OpInstance> {
    Op::machine().filter(|op| op.is_pure() && !matches!(op, Op::Iconst | Op::Fconst)).flat_map(Op::instances)
}

#[test]
fn pure_operations_on_memory() {
    let backend = Cranelift::new();
    for instance in pure_instances() {
        let unit = unit_of(&instance, Imm::None, &vec![Source::Memory; instance.args.len()]);
        check(&backend, &unit, &products(&instance.args), &instance.results);
    }
}

#[test]
fn pure_operations_with_a_constant_operand() {
    let backend = Cranelift::new();
    for instance in pure_instances() {
        for position in 0..instance.args.len() {
            for &bits in edges(instance.args[position]).iter().step_by(3) {
                let mut sources = vec![Source::Memory; instance.args.len()];
                sources[position] = Source::Constant(bits);
                let mut inputs = products(&instance.args);
                inputs.retain(|row| row[position] == bits);
                check(&backend, &unit_of(&instance, Imm::None, &sources), &inputs, &instance.results);
            }
        }
    }
}

#[test]
fn constants() {
    let backend = Cranelift::new();
    for instance in Op::Iconst.instances().into_iter().chain(Op::Fconst.instances()) {
        for bits in edges(instance.ty) {
            let imm = if instance.ty == Type::F64 { Imm::Float(bits) } else { Imm::Int(bits) };
            check(&backend, &unit_of(&instance, imm, &[]), &[Vec::new()], &instance.results);
        }
    }
}

/// Runs the functions of a text, the first of which is the entry, on some words of memory.
fn check_text(functions: &str, inputs: &[Vec<u64>]) {
    let text = format!("lockstep_ir 1 machine\nunit \"test\"\n{functions}");
    let unit = lockstep_ir::text::parse("test.ir", &text).unwrap_or_else(|e| panic!("{e}"));
    lockstep_ir::verify::verify(&unit).unwrap_or_else(|e| panic!("{e}"));
    check(&Cranelift::new(), &unit, inputs, &[]);
}

#[test]
fn memory_at_any_alignment_and_in_regions() {
    let widths: String = [("i8", 1, 0), ("i16", 9, 1), ("i32", 19, 2), ("i64", 29, 3), ("f32", 39, 4), ("f64", 49, 5)]
        .map(|(ty, at, n)| {
            format!("    v1{n} = load.{ty} region1 v0 + {at}\n    store.{ty} region2 v1{n}, v0 + {}\n", 64 + 2 + 9 * n)
        })
        .concat();
    let entry = "function %0 \"entry\" (i64, i64, i64) -> (i32) {\nblock0(v0: i64, v1: i64, v2: i64):\n";
    check_text(
        &format!(
            "region 1 \"in\"\nregion 2 \"out\"\n{entry}{widths}    v3 = atomic_load.i8 region1 v0 + 3\n    v4 = atomic_load.i16 region1 v0 + 6
    v5 = atomic_load.i32 region1 v0 + 12\n    v6 = atomic_load.i64 region1 v0 + 16\n    v7 = zext.i64 v3\n    v8 = zext.i64 v4\n    v9 = zext.i64 v5
    v20 = imul.i64 v7, v8\n    v21 = imul.i64 v9, v6\n    v22 = iadd.i64 v20, v21\n    store.i64 region2 v22, v0 + 120\n    v23 = trunc.i32 v22\n    return v23\n}}\n"
        ),
        &[(1..8).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()],
    );
    // A store through region0 must be seen by the load after it, whatever region that is in.
    check_text(
        &format!(
            "region 1 \"in\"\n{entry}    v3 = load.i64 region1 v0 + 0\n    v4 = iadd.i64 v3, v1\n    v9 = bnot.i64 v4\n    store.i64 region0 v9, v0 + 0\n    v5 = load.i64 region1 v0 + 0
    v6 = isub.i64 v5, v3\n    v7 = trunc.i32 v6\n    return v7\n}}\n"
        ),
        &[vec![5], vec![u64::MAX]],
    );
}

#[test]
fn control_flow() {
    check_text(
        r#"
function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = load.i64 region0 v0 + 0
    v4 = iconst.i64 1
    v5 = iconst.i64 0
    jump block1(v3, v4, v5)
block1(v6: i64, v7: i64, v8: i64):
    v9 = icmp_eq.i64 v6, v5
    brif v9, block2, block3
block2:
    jump block6
block3:
    v10 = isub.i64 v6, v4
    v11 = iconst.i64 7
    v12 = urem.i64 v6, v11
    switch.i64 v12, block1(v10, v8, v7) [0: block4(v10), 1: block4(v6), 2: block1(v10, v7, v8), 5: block5, 6: block5]
block4(v13: i64) cold:
    v14 = iadd.i64 v7, v13
    jump block1(v10, v14, v8)
block5:
    v15 = iadd.i64 v8, v7
    jump block1(v10, v7, v15)
block6:
    store.i64 region0 v7, v0 + 64
    store.i64 region0 v8, v0 + 72
    v16 = trunc.i32 v7
    switch.i32 v16, block7 [-1: block8, 1: block8, 2147483647: block8]
block7:
    return v16
block8:
    v17 = ineg.i32 v16
    return v17
}
"#,
        &(0..60).map(|n| vec![n]).collect::<Vec<_>>(),
    );
}

#[test]
fn calls() {
    check_text(
        r#"
sig 0 (i64, i64) -> (i64)
helper 0 "mix" 0 (i64, i64) -> (i64)
helper 1 "mix8" 1 (i64, i64, i64, i64, i64, i64, i64, i64) -> (i64)
helper 2 "blend" 2 (i64, f64, i64, f64) -> (f64)
helper 3 "narrow" 3 (i8 sext, i8 zext, i16 sext, i16 zext, i32 sext) -> (i64)

function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = load.i64 region0 v0 + 0
    v4 = load.i64 region0 v0 + 8
    v5 = load.i64 region0 v2 + 0
    v6 = call_indirect sig0 v5(v3, v4)
    v7 = call_helper helper0 v2(v4, v6)
    v8 = call_helper helper1 v2(v3, v4, v6, v7, v7, v6, v4, v3)
    v9 = fconst 1.5
    v10 = sint_to_f64.i64 v8
    v11 = call_helper helper2 v2(v3, v9, v8, v10)
    store.f64 region0 v11, v0 + 64
    v12 = trunc.i8 v8
    v13 = trunc.i16 v8
    v14 = trunc.i32 v8
    v15 = call_helper helper3 v2(v12, v12, v13, v13, v14)
    store.i64 region0 v15, v0 + 72
    v16 = call %2(v3, v6)
    store.i64 region0 v16, v0 + 80
    v17, v18 = call %1(v12, v9, v13, v10, v14, v3, v4, v6, v7, v8, v12, v11, v11, v11, v11, v11, v11, v11, v14)
    store.i64 region0 v17, v0 + 88
    store.f64 region0 v18, v0 + 96
    v19, v20 = call %3(v14, v9)
    store.i32 region0 v19, v0 + 104
    store.i8 region0 v20, v0 + 112
    return v14
}
function %1 "many" (i8 sext, f64, i16 zext, f64, i32 sext, i64, i64, i64, i64, i64, i8, f64, f64, f64, f64, f64, f64, f64, i32) -> (i64, f64) {
block0(v0: i8, v1: f64, v2: i16, v3: f64, v4: i32, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64, v10: i8, v11: f64, v12: f64, v13: f64, v14: f64, v15: f64, v16: f64, v17: f64, v18: i32):
    v20 = sext.i64 v0
    v21 = zext.i64 v2
    v22 = sext.i64 v4
    v23 = zext.i64 v10
    v24 = sext.i64 v18
    v30 = imul.i64 v20, v5
    v31 = imul.i64 v21, v6
    v32 = imul.i64 v22, v7
    v33 = imul.i64 v23, v8
    v34 = imul.i64 v24, v9
    v35 = bxor.i64 v30, v31
    v36 = isub.i64 v32, v33
    v37 = iadd.i64 v34, v35
    v38 = bxor.i64 v36, v37
    v40 = fadd v1, v3
    v41 = fdiv v11, v12
    v42 = fmul v13, v14
    v43 = fsub v15, v16
    v44 = fmax v40, v41
    v45 = fmin v42, v43
    v46 = fadd v44, v45
    v47 = fmul v46, v17
    return v38, v47
}
function %2 "recursive" (i64, i64) -> (i64) {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 63
    v3 = band.i64 v0, v2
    v4 = iconst.i64 0
    v5 = icmp_eq.i64 v3, v4
    brif v5, block1, block2
block1:
    return v1
block2:
    v6 = iconst.i64 1
    v7 = isub.i64 v3, v6
    v8 = rotl.i64 v1, v3
    v9 = call %2(v7, v8)
    v10 = bxor.i64 v9, v1
    return v10
}
function %3 "two integers" (i32, f64) -> (i32, i8) {
block0(v0: i32, v1: f64):
    v2 = f64_to_sint_sat.i32 v1
    v3, v4 = sadd_overflow.i32 v0, v2
    return v3, v4
}
"#,
        &[vec![1, 2], vec![u64::MAX, 77], vec![0x0123_4567_89ab_cdef, 1 << 63]],
    );
}

#[test]
fn the_stack_pointer_falls_with_depth() {
    check_text(
        r#"
function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = stack_pointer
    v4 = call %1(v3)
    return v4
}
function %1 "deeper" (i64) -> (i32) {
block0(v0: i64):
    v1 = stack_pointer
    v2 = icmp_ult.i64 v1, v0
    v3 = zext.i32 v2
    return v3
}
"#,
        &[vec![]],
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_and_a_source_map() {
    let text = r#"lockstep_ir 1 machine
unit "test"
source 0 func 0 pc 3
source 1 func 0 pc 4
function %0 "entry" (i64, i64, i64) -> (i32) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = load.i32 region0 v0 + 0 @0
    v4 = imul.i32 v3, v3 @1
    return v4
}
"#;
    let unit = lockstep_ir::text::parse("test.ir", text).unwrap_or_else(|e| panic!("{e}"));
    let target = Target::host().expect("these tests run native code");
    let backend = Cranelift::new();
    let compile = |backend: &Cranelift| backend.compile(&unit, &target, &Options::at(Level::Speed)).expect("compiles");
    let first = compile(&backend);
    assert!(first.same_code(&compile(&backend)) && first.same_code(&compile(&Cranelift::new())));
    let locations: Vec<u32> = first.source_map.iter().map(|span| span.loc.0).collect();
    assert!(locations.contains(&0) && locations.contains(&1), "{:?}", first.source_map);
    let phases: Vec<&str> = first.phases.iter().map(|p| p.name).collect();
    assert_eq!(phases, ["setup", "build", "analyse", "optimise", "lower", "regalloc", "emit", "link"]);
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let unit = Unit::new("empty", Stage::Machine);
    let target = Target::baseline(Arch::X86_64);
    let refusal = |unit: &Unit, target: &Target, level| {
        let result = Cranelift::new().compile(unit, target, &Options::at(level));
        result.expect_err("a refusal").name()
    };
    assert_eq!(refusal(&unit, &target, Level::Best), "unsupported_level");
    assert_eq!(refusal(&unit, &Target::baseline(Arch::Riscv64), Level::None), "unsupported_target");
    assert_eq!(refusal(&Unit::new("early", Stage::Value), &target, Level::None), "invalid_unit");
}
