//! What the backend promises beyond right results, which the conformance kit of the harness checks: the same bytes for the same
//! input, a source map, phases, refusals.
#![forbid(unsafe_code)]

use lockstep_backend_api::{Arch, Backend, Level, Options, Target};
use lockstep_cranelift::Cranelift;
use lockstep_ir::{Stage, Unit};

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
