//! The bytecode optimiser: programs do the same with each pass alone, with all, and with any number of changes.
//!
//! The same is: result or error with kind, message, position and traceback, all of the program as it was written; output; how many back edges and calls were taken;
//! and how much was allocated.

use std::sync::Arc;

use lockstep_bytecode::generate::{Choices, ENTRY_PARAMS, generate, inputs};
use lockstep_bytecode::optimise::{self, PassConfig, PassId};
use lockstep_bytecode::passes::PassSet;
use lockstep_bytecode::{FuncId, Kind, Verified, assemble, check, disassemble, grid};
use lockstep_interp::{new_vm, run};
use lockstep_runtime::{Error, Limits, Value};

/// What can be seen of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<Option<Value>, Error>,
    output: String,
    events: u64,
    allocations: u64,
}

fn see(module: &Verified, entry: FuncId, args: &[Value]) -> Seen {
    let limits = Limits { depth: 60, memory: 1 << 20, budget: Some(5_000) };
    let mut vm = new_vm(Arc::new(module.clone()), limits);
    let outcome = run(&mut vm, entry, args);
    let output = String::from_utf8(vm.take_output()).expect("output is text");
    // What the constants of the module took is not the run's.
    Seen { outcome, output, events: vm.events(), allocations: vm.heap().statistics().allocations }
}

/// Each pass alone, all, and all with little fuel.
fn configurations(fuel: u64) -> Vec<(String, PassConfig)> {
    let alone = PassId::ALL.iter().map(|pass| (pass.name().to_owned(), PassConfig::only(&[*pass])));
    let short = PassId::ALL
        .iter()
        .map(|pass| (format!("{} with {fuel}", pass.name()), PassConfig::default().with_fuel(*pass, Some(fuel))));
    let all = [
        ("all".to_owned(), PassConfig::default()),
        (format!("{fuel} in all"), PassConfig::default().with_total(Some(fuel))),
    ];
    alone.chain(short).chain(all).collect()
}

/// Compares a program before and after each configuration; answers how many changes all passes together made.
fn compare(module: &Verified, entry: FuncId, arguments: &[Vec<Value>], fuel: u64) -> u64 {
    let before: Vec<Seen> = arguments.iter().map(|args| see(module, entry, args)).collect();
    let mut changes = 0;
    for (name, config) in configurations(fuel) {
        let optimised = optimise::run(module, &config);
        check::check(&optimised.module, false).unwrap_or_else(|what| panic!("{name}: {what}"));
        if name == "all" {
            changes = optimised.changes.iter().map(|(_, changes)| changes).sum();
        }
        for (args, before) in arguments.iter().zip(&before) {
            let after = see(&optimised.module, entry, args);
            assert!(
                after == *before,
                "{name}, {args:?}: {after:?} instead of {before:?}\n{}\n{}",
                disassemble(module),
                disassemble(&optimised.module)
            );
        }
    }
    changes
}

fn value(kind: Kind, bits: u64) -> Value {
    Value::from_scalar(lockstep_layout::Tag(kind.tag()), bits).expect("a scalar kind")
}

#[test]
fn random_programs_do_the_same() {
    let (mut changes, mut changed) = (0, 0);
    let count = std::env::var("LOCKSTEP_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    let first: u64 = std::env::var("LOCKSTEP_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for seed in first..first + count {
        let mut choices = Choices::seeded(seed);
        let generated = generate(&mut choices);
        let arguments: Vec<Vec<Value>> = inputs(&mut choices, 3)
            .into_iter()
            .map(|list| ENTRY_PARAMS.into_iter().zip(list).map(|(kind, bits)| value(kind, bits)).collect())
            .collect();
        let made = compare(&generated.module, generated.entry, &arguments, u64::from(choices.below(20)));
        changes += made;
        changed += u64::from(made > 0);
    }
    assert!(changed * 10 > count * 9, "only {changed} of {count} programs were changed at all");
    assert!(changes > count * 5, "{changes} changes in {count} programs");
}

#[test]
fn cells_of_the_grid_do_the_same() {
    for (number, cell) in grid().iter().enumerate().step_by(53) {
        let program = cell.program();
        let module = assemble("cell", &program.source).expect("assembles");
        let entry = module.find("cell").expect("the program has a function `cell`");
        if program.params.iter().all(|kind| kind.element().is_none()) {
            let args = program.params.iter().zip(&program.args).map(|(kind, bits)| value(*kind, *bits)).collect();
            compare(&module, entry, &[args], number as u64 % 7);
        }
    }
}
