//! Running units on this backend and on the evaluator, and comparing what they leave in memory.

use lockstep_backend_api::{Arch, Backend, Level, Options, Target};
use lockstep_dynasm::DynAsm;
use lockstep_engine::kit;
use lockstep_engine::loader::CodeBlock;
use lockstep_eval::Eval;
use lockstep_ir::{FuncRef, Type, Unit};

/// Levels and targets that every unit is compiled for: with all the host's extensions and with none.
pub fn configurations() -> Vec<(Target, Options)> {
    let host = Target::host().expect("an x86-64 host");
    let mut out = Vec::new();
    for target in [host, Target::baseline(Arch::X86_64)] {
        for level in [Level::None, Level::Speed] {
            out.push((target, Options { level, verify: true }));
        }
    }
    out
}

/// Compiles and loads a unit in each configuration.
pub fn compile(backend: &DynAsm, unit: &Unit) -> Vec<CodeBlock> {
    configurations()
        .into_iter()
        .map(|(target, options)| {
            let artifact = backend.compile(unit, &target, &options).unwrap_or_else(|e| {
                panic!("{e} in\n{}", lockstep_ir::text::print(unit));
            });
            CodeBlock::load(&artifact, unit.functions.len()).expect("loads")
        })
        .collect()
}

/// Runs the unit's first function on the evaluator and on each code block, from the same memory, and compares memory and result. `kinds` says
/// which words are floats, whose NaNs are one class.
pub fn check(unit: &Unit, codes: &[CodeBlock], memory: &[u64], argument: u64, kinds: &[(usize, Type)]) {
    let entry = FuncRef(0);
    let mut expected = memory.to_vec();
    // The same buffer for all runs, because its address is an argument.
    let mut buffer = memory.to_vec();
    let result = kit::call_evaluated(&Eval, unit, entry, &mut buffer, argument, 10_000_000).expect("evaluates");
    expected.copy_from_slice(&buffer);
    for (n, code) in codes.iter().enumerate() {
        buffer.copy_from_slice(memory);
        let got = kit::call_native(code, entry, &mut buffer, argument);
        let same = expected.iter().zip(&buffer).enumerate().all(|(at, (&a, &b))| {
            let ty = kinds.iter().find(|k| k.0 == at).map_or(Type::I64, |k| k.1);
            lockstep_ir::eval::same(ty, a, b)
        });
        assert!(
            same && got == result,
            "configuration {n}: expected {result} {expected:x?}, got {got} {buffer:x?} from {memory:x?} in\n{}",
            lockstep_ir::text::print(unit)
        );
    }
}
