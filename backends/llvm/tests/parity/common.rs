//! Edge values, and running units at every level with and without the host's extensions.

use lockstep_backend_api::{Arch, Artifact, Backend, Level, Options, Target};
use lockstep_engine::kit;
use lockstep_engine::loader::CodeBlock;
use lockstep_ir::{FuncRef, Type, Unit, text, verify};
use lockstep_llvm::Llvm;

/// Values at which operations on a type go wrong.
pub fn edges(ty: Type) -> Vec<u64> {
    let mut values: Vec<u64> = match ty {
        Type::F64 => [
            0.0,
            1.0,
            0.5,
            1.5,
            2.5,
            3.7,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::MAX,
            f64::INFINITY,
            2147483647.0,
            2147483648.0,
            2147483648.5,
            4294967295.0,
            4294967296.0,
            9007199254740993.0,
            9223372036854774784.0,
            9223372036854775808.0,
            18446744073709549568.0,
            18446744073709551616.0,
            1e300,
            f64::from_bits(0x7ff8_0000_0000_0001),
            f64::from_bits(0x7ff0_0000_0000_0001),
        ]
        .iter()
        .flat_map(|x: &f64| [x.to_bits(), x.to_bits() ^ 1 << 63])
        .collect(),
        Type::F32 => [0.0f32, 1.0, 0.1, f32::MAX, f32::INFINITY, f32::from_bits(1), f32::from_bits(0x7fc0_0001)]
            .iter()
            .chain([f32::from_bits(0x7f80_0001)].iter())
            .flat_map(|x: &f32| [u64::from(x.to_bits()), u64::from(x.to_bits() ^ 1 << 31)])
            .collect(),
        _ => {
            let bits = u64::from(ty.bits());
            let mut values = vec![0, 1, 2, 3, 5, 7, bits - 1, bits, bits + 1, 2 * bits, 100];
            values.extend([bits / 2, bits - 2, 7, 8, 15, 16, 31, 32, 33, 63].iter().map(|n| 1u64 << (n % 64)));
            values.extend(values.clone().iter().map(|v| v.wrapping_neg()));
            values.extend([0x5555_5555_5555_5555, 0x0123_4567_89ab_cdef, u64::MAX >> 1, i64::MIN as u64]);
            values.extend([ty.mask() >> 1, (ty.mask() >> 1) + 1, ty.mask()]);
            values.into_iter().map(|v| v & ty.mask()).collect()
        }
    };
    values.sort_unstable();
    values.dedup();
    values
}

/// Every level with the host's extensions, and the default one without any.
pub fn configurations() -> Vec<(Target, Level)> {
    let host = Target::host().expect("tests run on x86-64-v2 or later");
    let mut all: Vec<_> = Level::ALL.into_iter().map(|level| (host, level)).collect();
    all.push((Target::baseline(Arch::X86_64), Level::Speed));
    all.push((Target::baseline(Arch::X86_64), Level::None));
    all
}

/// Compiles a unit with all checks on.
pub fn compile(unit: &Unit, (target, level): (Target, Level)) -> Artifact {
    verify::verify(unit).unwrap_or_else(|e| panic!("{e}\n{}", text::print(unit)));
    let options = Options { level, verify: true };
    Llvm::new()
        .compile(unit, &target, &options)
        .unwrap_or_else(|e| panic!("{} at {level}: {e}\n{}", unit.name, text::print(unit)))
}

/// Compiles and loads a unit.
pub fn load(unit: &Unit, configuration: (Target, Level)) -> CodeBlock {
    CodeBlock::load(&compile(unit, configuration), unit.functions.len()).expect("an artifact loads")
}

/// Runs the last function of a unit natively in every configuration, and compares memory and result with the evaluator's.
pub fn check_against_evaluator(unit: &Unit, memories: &[Vec<u64>], argument: u64) {
    let entry = FuncRef(unit.functions.len() as u32 - 1);
    for configuration in configurations() {
        let code = load(unit, configuration);
        for memory in memories {
            // The same memory for both, so that addresses are equal.
            let mut work = memory.clone();
            let expected = kit::call_evaluated(&lockstep_eval::Eval, unit, entry, &mut work, argument, 10_000_000)
                .unwrap_or_else(|e| panic!("{}: {e}", unit.name));
            let expected = (expected, work.clone());
            work.copy_from_slice(memory);
            let result = kit::call_native(&code, entry, &mut work, argument);
            assert_eq!((result, work), expected, "{} at {configuration:?}\n{}", unit.name, text::print(unit));
        }
    }
}
