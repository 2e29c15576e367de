//! The example of a backend outside Rust, examples/exec-gcc, against the reference: every operation at every type.
//!
//! The whole kit runs on it with `lockstep parity --backend "exec:python3 examples/exec-gcc/exec_gcc.py"`; since each compilation
//! starts a gcc, this test makes one unit of all pure operations, and takes the kit's own cases for the rest.

use std::process::Command;

use lockstep::backends::Backends;
use lockstep::case::{Case, CaseStats, Compare, Expected, Explain, Rules, Run};
use lockstep::check::{self, Verdict};
use lockstep::kit;
use lockstep::kit::values::{edges, few};
use lockstep_backend_api::exec::ExecBackend;
use lockstep_backend_api::{Level, Options};
use lockstep_ir::{Builder, Function, InstData, Op, OpInstance, Region, Signature, Stage, Type, Unit, Value};

/// Words of memory: operands from 0, results from `RESULTS`.
const WORDS: usize = 8;
const RESULTS: usize = 4;

/// The backend, unless this machine lacks what it needs.
fn backend() -> Option<ExecBackend> {
    for program in ["gcc", "python3"] {
        if !Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success()) {
            eprintln!("SKIPPED: `{program}` is not there");
            return None;
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/exec-gcc/exec_gcc.py");
    Some(ExecBackend::start(&format!("python3 {script}")).unwrap_or_else(|e| panic!("{e}")))
}

/// A function that loads operands, computes and stores results.
fn function_of(instance: &OpInstance) -> Function {
    let mut func = Function::new(instance.to_string(), Signature::entry());
    let mut b = Builder::new(&mut func);
    let base = b.param(Function::ENTRY, 0);
    let operand = |(n, &ty)| b.load(ty, Region::ANY, base, 8 * n as i32);
    let args: Vec<Value> = instance.args.iter().enumerate().map(operand).collect();
    let results = b.push(InstData::new(instance.op, instance.ty, &args), &instance.results).to_vec();
    for (n, &result) in results.iter().enumerate() {
        b.store(Region::ANY, result, base, 8 * (RESULTS + n) as i32);
    }
    let zero = b.iconst(Type::I32, 0);
    b.ret(&[zero]);
    func
}

/// Runs over the product of edge values: all of them for one or two operands, unless two doubles would make too many.
fn runs_of(instance: &OpInstance, func: lockstep_ir::FuncRef) -> Vec<Run> {
    let values = |ty| if instance.args.len() < 2 { edges(ty) } else { few(ty) };
    let products = instance.args.iter().fold(vec![Vec::new()], |rows: Vec<Vec<u64>>, &ty| {
        rows.iter().flat_map(|row| values(ty).into_iter().map(|v| row.iter().copied().chain([v]).collect())).collect()
    });
    let mut rules = Rules::default();
    for (n, ty) in instance.results.iter().enumerate() {
        match ty {
            Type::F64 => rules.set(RESULTS + n, Compare::F64),
            Type::F32 => rules.set(RESULTS + n, Compare::F32),
            _ => {}
        }
    }
    let run = |mut memory: Vec<u64>| {
        let label = format!("{instance} of {memory:x?}");
        memory.resize(WORDS, 0);
        let expected = Expected::Stated { returned: None, memory: Vec::new() };
        Run { label, func, memory, argument: 0, expected, rules: rules.clone(), explain: Explain::default() }
    };
    products.into_iter().map(run).collect()
}

fn pure_operations() -> Case {
    let mut case = Case {
        name: "all pure operations".to_owned(),
        about: String::new(),
        unit: Unit::new("operations", Stage::Machine),
        runs: Vec::new(),
    };
    let pure = Op::machine().filter(|op| op.is_pure() && !matches!(op, Op::Iconst | Op::Fconst));
    for instance in pure.flat_map(Op::instances) {
        let func = case.unit.add(function_of(&instance));
        case.runs.extend(runs_of(&instance, func));
    }
    case
}

/// Constants, memory, calls, control flow: the kit's cases.
fn other_operations() -> impl Iterator<Item = Case> {
    let is_other = |name: &String| {
        let op = name.rsplit('/').next().and_then(|last| last.split('.').next()).and_then(Op::from_name);
        op.is_some_and(|op| !op.is_pure() || matches!(op, Op::Iconst | Op::Fconst))
    };
    kit::names().into_iter().filter(is_other).map(|name| kit::build(&name).expect("the kit builds what it names"))
}

fn agrees_on_every_operation(level: Level) {
    let Some(backend) = backend() else { return };
    let backends = Backends::new();
    for mut case in [pure_operations()].into_iter().chain(other_operations()) {
        backends.complete(&mut case).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let mut stats = CaseStats::default();
        let verdict = check::unit(&case.unit, &case.runs, &backend, Options::at(level), &mut stats);
        assert_eq!(verdict, Verdict::Passed, "{} at {level}", case.name);
    }
}

#[test]
fn it_agrees_with_the_reference_on_every_operation() {
    agrees_on_every_operation(Level::None);
}

#[test]
fn so_it_does_with_gcc_optimising() {
    agrees_on_every_operation(Level::Speed);
}
