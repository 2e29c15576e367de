//! Leaving before any instruction: what native code has written back there is what the interpreter holds there. The evaluator stands in for
//! a backend, in both stages; and what a pipeline does not list is not compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockstep_backend_api::{Arch, Level, Options as BackendOptions, Target};
use lockstep_bytecode::generate::{Choices, ENTRY_PARAMS, generate, inputs};
use lockstep_bytecode::{FuncId, Verified, disassemble};
use lockstep_compiler::{Options, PassConfig};
use lockstep_engine::{Config, Mode, Pipeline, Session, Snapshot};
use lockstep_eval::Eval;
use lockstep_ir::Stage;
use lockstep_layout::Tag;
use lockstep_runtime::{Limits, Value};

const LIMITS: Limits = Limits { depth: 60, memory: 1 << 20, budget: None };

fn pipeline(compiler: Options) -> Pipeline {
    Pipeline {
        backend: Arc::new(Eval),
        target: Target::baseline(Arch::X86_64),
        options: BackendOptions { level: Level::None, verify: true },
        compiler,
        churn: false,
        only: None,
        cache: None,
        tamper: None,
    }
}

fn session(module: &Arc<Verified>, native: Option<(Pipeline, Mode)>) -> Session {
    let mut session = Session::new(module.clone(), Config { native, limits: LIMITS, coverage: false });
    session.set_steps(true);
    session.watch(true);
    session
}

fn at(session: &mut Session, entry: FuncId, args: &[Value], k: u64) -> Option<Snapshot> {
    session.force_exit(Some(k));
    // How the run ends is parity's business.
    drop(session.run(entry, args));
    session.take_output();
    session.take_snapshot()
}

#[test]
fn every_step_of_random_programs() {
    let mut compared = 0;
    for seed in 0..12 {
        let mut choices = Choices::seeded(seed);
        let generated = generate(&mut choices);
        let bits = inputs(&mut choices, 1)[0];
        let value = |(kind, bits): (&lockstep_bytecode::Kind, u64)| Value::from_scalar(Tag(kind.tag()), bits);
        let args: Vec<Value> = ENTRY_PARAMS.iter().zip(bits).filter_map(value).collect();
        let (module, entry) = (Arc::new(generated.module), generated.entry);
        let mut reference = session(&module, None);
        assert_eq!(at(&mut reference, entry, &args, u64::MAX), None);
        let steps = reference.events();
        let none = PassConfig::none();
        let ways = [
            (Mode::Eager, Options { step: true, ..Options::default() }),
            (Mode::EveryLoop, Options { step: true, ..Options::default() }),
            (Mode::Eager, Options { step: true, stage: Stage::Value, ..Options::default() }),
            (Mode::EveryLoop, Options { step: true, stage: Stage::Value, passes: none, ..Options::default() }),
        ];
        for (mode, options) in ways {
            let mut native = session(&module, Some((pipeline(options.clone()), mode)));
            for k in (1..steps + 2).step_by(1 + steps as usize / 40) {
                let wanted = at(&mut reference, entry, &args, k);
                let found = at(&mut native, entry, &args, k);
                assert_eq!(wanted.is_some(), k <= steps);
                compared += u64::from(wanted.is_some());
                assert_eq!(found, wanted, "step {k}, {mode:?}, {options:?} of seed {seed}:\n{}", disassemble(&module));
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn what_is_not_listed_is_not_compiled() {
    let text = "
func main(n: i64) -> i64 {
    reg x: i64
    call x, double(n)
    ret x
}

func double(x: i64) -> i64 {
    add.i64 x, x, x
    ret x
}
";
    let module = Arc::new(lockstep_bytecode::assemble("test", text).unwrap_or_else(|e| panic!("{e}")));
    let only = Some(Arc::new(BTreeSet::from([(FuncId(1), None)])));
    let pipeline = Pipeline { only, ..pipeline(Options::default()) };
    let config = Config { native: Some((pipeline, Mode::Eager)), limits: LIMITS, coverage: false };
    let mut session = Session::new(module, config);
    assert_eq!(session.run(FuncId(0), &[Value::I64(21)]), Ok(Some(Value::I64(42))));
    let stats = session.stats();
    assert_eq!(stats.units.iter().map(|u| u.func).collect::<Vec<_>>(), [FuncId(1)]);
    assert_eq!(stats.left_out.into_iter().collect::<Vec<_>>(), [(FuncId(0), None)]);
    assert!(stats.refusals.is_empty());
}
