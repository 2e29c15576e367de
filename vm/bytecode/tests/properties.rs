//! Properties of all modules, all bytes and all texts. Long runs are the fuzzers'; this is the one-second version.

use lockstep_bytecode::check::{check, check_bytes, check_text};
use lockstep_bytecode::generate::{Choices, generate, shrink};
use lockstep_bytecode::{Kind, Op, assemble, decode, disassemble, encode, grid, seal};
use proptest::prelude::*;
use std::collections::HashSet;

/// A generated module, from decisions that proptest can shrink or from a seed.
fn module_of(seed: u64) -> lockstep_bytecode::Verified {
    generate(&mut Choices::seeded(seed)).module
}

#[test]
fn sealed_bytes_are_read() {
    let mut bytes = encode(&module_of(1));
    let good = bytes.clone();
    bytes[9] ^= 1;
    assert!(decode(&bytes).is_err());
    seal(&mut bytes);
    assert_eq!(bytes, good);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_modules_are_good(seed: u64) {
        check(&module_of(seed), true).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_decisions_make_a_module(list in prop::collection::vec(any::<u32>(), 0..200)) {
        check(&generate(&mut Choices::replay(&list)).module, true).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_bytes_are_refused_or_good(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_bytes(&bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn changed_bytes_are_refused_or_good(
        seed in 0u64..64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: Option<prop::sample::Index>,
    ) {
        let mut bytes = encode(&module_of(seed));
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        check_bytes(&bytes).map_err(TestCaseError::fail)?;
        seal(&mut bytes);
        check_bytes(&bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_text_is_refused_or_good(text in "(func|reg|[a-z0-9.@%_]{1,8}|[-0-9.xpe]{1,6}|[ \\n:,;(){}\\[\\]\"\\\\é]){0,60}") {
        check_text(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn changed_text_is_refused_or_good(
        seed in 0u64..64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[a-z0-9,:.({\\n -]{0,3}", 0usize..6), 1..4),
    ) {
        let mut text = disassemble(&module_of(seed));
        for (at, new, width) in changes {
            let at = at.index(text.len());
            let end = (at + width).min(text.len());
            text.replace_range(at..end, &new);
        }
        check_text(&text).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn cells_are_good() {
    for cell in grid().iter().step_by(7) {
        let module = assemble("cell", &cell.program().source).expect("assembles");
        check(&module, true).unwrap_or_else(|what| panic!("{cell}: {what}"));
    }
}

#[test]
fn the_generator_makes_every_instruction_and_kind() {
    let mut seen = HashSet::new();
    let mut kinds = HashSet::new();
    let mut sizes = Vec::new();
    for seed in 0..1500 {
        let module = module_of(seed);
        sizes.push(module.functions.iter().map(|function| function.code.len()).sum::<usize>());
        for function in &module.functions {
            seen.extend(function.code.iter().map(|instr| instr.op()));
            kinds.extend(function.registers.iter().map(|register| register.kind));
        }
    }
    let missing: Vec<_> = Op::typed().filter(|op| !seen.contains(op)).collect();
    assert!(missing.is_empty(), "never generated: {missing:?}");
    assert_eq!(kinds.len(), Kind::FIXED.len());
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] >= 40, "the median program has {} instructions", sizes[sizes.len() / 2]);
}

#[test]
fn a_failing_program_shrinks() {
    let has_division = |list: &[u32]| {
        let module = generate(&mut Choices::replay(list)).module;
        module.functions.iter().flat_map(|function| &function.code).any(|instr| instr.op() == Op::DivU32)
    };
    let mut choices = (0..).map(Choices::seeded).map(|mut choices| {
        generate(&mut choices);
        choices
    });
    let choices = choices.find(|choices| has_division(choices.taken())).expect("some program divides");
    let small = shrink(choices.taken(), 4000, has_division);
    let module = generate(&mut Choices::replay(&small)).module;
    let size: usize = module.functions.iter().map(|function| function.code.len()).sum();
    assert!(has_division(&small) && size <= 20, "{size} instructions are left:\n{}", disassemble(&module));
}
