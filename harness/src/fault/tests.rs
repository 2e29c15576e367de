//! The registry as a whole: well-formed rows, changes that leave valid IR, and changes that change something.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use lockstep_backend_api::{Options, Target};
use lockstep_bytecode::generate::{Choices, generate};
use lockstep_bytecode::{FuncId, Verified};
use lockstep_compiler::{Compiled, Request};
use lockstep_ir::{Function, Unit, verify};

use super::*;
use crate::backends::Backends;
use crate::corpus;
use crate::fuzz::generate::Generator;
use crate::kit;

/// Machine-stage units: random ones, and the kit's.
fn units() -> Vec<Unit> {
    let generator = Generator::default();
    let random = (0..200).map(|n| generator.program(5, n).unit);
    // Cases of one operation each are thousands; one in three shows the shapes.
    let cases = kit::names().into_iter().step_by(3).filter_map(|name| kit::build(&name)).map(|case| case.unit);
    let special =
        ["ir/edge/isub.i64", "ir/edge/switch.i32", "ir/edge/call_helper", "ir/edge/sext.i64.i16", "ir/edge/fmin.f64"];
    let special = special.into_iter().map(|name| kit::build(name).unwrap_or_else(|| panic!("no case `{name}`")).unit);
    random.chain(cases).chain(special).collect()
}

/// A random program.
fn random(n: u64) -> Arc<Verified> {
    Arc::new(generate(&mut Choices::seeded(n)).module)
}

/// Programs of the corpus that show what happens to memory; random programs seldom see it.
fn visible() -> Vec<Arc<Verified>> {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"));
    let names = corpus::program::names(corpus).expect("the corpus is sound");
    let names = names.iter().filter(|name| name.starts_with("bytecode/visible/"));
    names.map(|name| corpus::program::find(name, corpus).expect("it is sound").expect("it is listed").module).collect()
}

/// What the compiler makes of the functions of programs, with an extra pass or without.
fn compiled(coverage: bool, seams: Seams, programs: &[Arc<Verified>]) -> Vec<Compiled> {
    let options =
        lockstep_compiler::Options { coverage, extra: seams.extra_pass(), ..lockstep_compiler::Options::default() };
    programs
        .iter()
        .flat_map(|module| {
            let functions = (0..module.functions.len() as u32).map(FuncId);
            let one = |func| lockstep_compiler::compile(&Request { module, func, options: &options });
            functions.map(|func| one(func).expect("the compiler takes all there is")).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn rows_are_well_formed() {
    let mut ids = BTreeSet::new();
    for fault in all() {
        assert!(fault.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", fault.id);
        assert!(ids.insert(fault.id), "two faults are called `{}`", fault.id);
        assert!(gates::find(fault.gate).is_some(), "{}: no gate `{}`", fault.id, fault.gate);
        assert!(!fault.about.ends_with('.') && !fault.about.contains('|'), "{}: a clause, for a table", fault.id);
        assert_eq!(find(&seal(fault.id)).map(|f| f.id), Ok(fault.id));
    }
    for gate in gates::GATES {
        assert!(known().any(|f| f.gate == gate.id), "no fault shows that `{}` sees", gate.id);
    }
    for layer in Layer::ALL {
        assert!(known().any(|f| f.layer == layer), "no fault of the layer {}", layer.name());
    }
    assert!(known().count() >= 25);
}

#[test]
fn changes_of_functions_and_units_are_valid_and_change_something() {
    let units = units();
    for fault in all() {
        let change: Box<dyn Fn(&mut Unit)> = match fault.plant {
            Plant::Function(change) => Box::new(move |unit| unit.functions.iter_mut().for_each(change)),
            Plant::Unit(change) => Box::new(change),
            _ => continue,
        };
        let mut changed = 0;
        for unit in &units {
            let mut wrong = unit.clone();
            change(&mut wrong);
            verify::verify(&wrong)
                .unwrap_or_else(|e| panic!("{}: {e}\n{}", fault.id, lockstep_ir::text::print(&wrong)));
            changed += usize::from(wrong != *unit);
        }
        // Loops without a poll are no business of this one.
        assert!(changed > 0 || fault.layer == Layer::Speed, "{} changes nothing", fault.id);
    }
}

#[test]
fn changes_of_passes_and_answers_are_valid_and_change_something() {
    // As many programs as it takes: some change little that is common.
    let mut stretches = vec![visible()];
    assert!(!stretches[0].is_empty(), "the corpus has no bytecode/visible");
    stretches.extend((0..20).map(|n| (60 * n..60 * (n + 1)).map(random).collect()));
    let mut sound: Vec<[Vec<Compiled>; 2]> = Vec::new();
    for fault in all() {
        if !matches!(fault.plant, Plant::Pass(..) | Plant::Compiled(_)) {
            continue;
        }
        let seams = seams(&id(fault.id, "any"));
        let mut changed = 0;
        for (n, stretch) in stretches.iter().enumerate() {
            if changed > 0 {
                break;
            }
            if sound.len() == n {
                sound.push([false, true].map(|coverage| compiled(coverage, Seams::default(), stretch)));
            }
            for (coverage, sound) in [false, true].into_iter().zip(&sound[n]) {
                // The compiler verifies what passes leave; builds of tests always do.
                for (mut wrong, sound) in compiled(coverage, seams, stretch).into_iter().zip(sound) {
                    if let Some(tamper) = seams.tamper() {
                        tamper(&mut wrong);
                    }
                    verify::verify(&wrong.unit).unwrap_or_else(|e| panic!("{}: {e}", fault.id));
                    changed += usize::from(wrong.unit != sound.unit || wrong.osr != sound.osr);
                }
            }
        }
        assert!(changed > 0, "{} changes nothing", fault.id);
    }
}

#[test]
fn changes_of_artifacts_keep_what_loaders_rely_on_and_change_something() {
    let mut backends = Backends::new();
    let ids: Vec<String> = backends.iter().filter(|b| b.evaluator().is_none()).map(|b| b.id().to_owned()).collect();
    let target = Target::host().expect("this machine is a target");
    let units: Vec<Unit> = (0..600).map(|n| Generator::default().program(5, n).unit).collect();
    for fault in all() {
        let Plant::Artifact(change) = fault.plant else { continue };
        let mut changed = 0;
        for id in &ids {
            let backend: Arc<dyn Backend> = backends.share(id).expect("it is in the list");
            let options = Options::at(backend.capabilities().default_level);
            // As many as it takes: some change little that is common.
            for (n, unit) in units.iter().enumerate() {
                if n >= 40 && changed > 0 {
                    break;
                }
                let sound = backend.compile(unit, &target, &options).expect("it compiles");
                let mut wrong = sound.clone();
                change(unit, &mut wrong);
                wrong.check(unit.functions.len()).unwrap_or_else(|e| panic!("{}: {e}", fault.id));
                changed += usize::from(!wrong.same_code(&sound));
            }
        }
        assert!(changed > 0 || ids.is_empty(), "{} changes nothing", fault.id);
    }
}

#[test]
fn a_pass_without_fuel_makes_no_mistake() {
    let Some(fault) = known().find(|f| matches!(f.plant, Plant::Pass(..))) else { panic!("no fault of a pass") };
    let Plant::Pass(_, change) = fault.plant else { unreachable!("found as one") };
    let mut unit = compiled(false, Seams::default(), &[random(0)]).remove(0).unit;
    let before: Vec<Function> = unit.functions.clone();
    change(&mut unit, &mut Fuel::new(Some(0)));
    assert_eq!(unit.functions, before);
}

#[test]
fn ids_split_and_unknown_names_list_the_known() {
    assert_eq!(parse_id("fault:a:b:c"), Some(("a", "b:c")));
    assert_eq!(parse_id("a"), None);
    assert!(find("no-such").unwrap_err().to_string().contains("shift-mask"));
}
