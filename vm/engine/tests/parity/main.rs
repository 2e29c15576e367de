//! The compiler against the interpreter: the same programs, interpreted and as evaluated IR, must end in the same way, with
//! the same output, and execute the same instructions the same number of times. Every cell of the instruction grid, whole
//! programs, and random ones; with entries at functions and at every loop, with exits forced, with passes on, off, and cut
//! short; before and after lowering. It stands here because it takes an engine to run both.

use std::sync::Arc;

use lockstep_backend_api::{Arch, Level, Options as BackendOptions, Target};
use lockstep_bytecode::generate::{Choices, ENTRY_PARAMS, generate, inputs, shrink};
use lockstep_bytecode::{ConvertMode, ErrorKind, FuncId, Kind, Sem, Verified, assemble, disassemble, grid};
use lockstep_compiler::{Options, PassConfig, PassId};
use lockstep_engine::{Config, Executions, Mode, Pipeline, Session};
use lockstep_eval::Eval;
use lockstep_ir::Stage;
use lockstep_runtime::{Error, Limits, Value};

/// What a program did.
#[derive(Debug)]
struct Outcome {
    result: Result<Option<Value>, (ErrorKind, FuncId, u32)>,
    output: String,
    /// Executions of each instruction of each function, however they were executed; empty if not counted.
    executions: Vec<Vec<u64>>,
    /// How many of them were native.
    native: u64,
}

fn limits() -> Limits {
    Limits { depth: 60, memory: 1 << 20, budget: Some(5_000) }
}

/// A function of a module, and what to call it with.
struct Program {
    module: Arc<Verified>,
    entry: FuncId,
    args: Vec<Value>,
}

impl Program {
    fn outcome(&self, config: Config, forced_exit: Option<u64>) -> Outcome {
        let coverage = config.coverage;
        let mut session = Session::new(self.module.clone(), config);
        session.force_exit(forced_exit);
        let result = session.run(self.entry, &self.args);
        let result = result.map_err(|Error { kind, position, .. }| (kind, position.func, position.pc.0));
        let output = String::from_utf8(session.take_output()).expect("output is text");
        let stats = session.stats();
        assert!(stats.refusals.is_empty(), "{:?}", stats.refusals);
        let all = if coverage { session.executions() } else { Vec::new() };
        let native = all.iter().flatten().map(|e| e.inline + e.helper).sum();
        let total = |f: &Vec<Executions>| f.iter().map(|e| e.inline + e.helper + e.interpreted).collect();
        Outcome { result, output, executions: all.iter().map(total).collect(), native }
    }

    fn interpreted(&self) -> Outcome {
        self.outcome(Config { native: None, limits: limits(), coverage: true }, None)
    }

    fn native(&self, mode: Mode, compiler: Options, forced_exit: Option<u64>, churn: bool) -> Outcome {
        let coverage = compiler.coverage;
        let options = BackendOptions { level: Level::None, verify: true };
        let (backend, target) = (Arc::new(Eval), Target::baseline(Arch::X86_64));
        let pipeline = Pipeline { backend, target, options, compiler, churn, only: None, cache: None, tamper: None };
        self.outcome(Config { native: Some((pipeline, mode)), limits: limits(), coverage }, forced_exit)
    }

    /// Runs in one of a handful of configurations, and says how the outcome differs.
    fn compare(&self, expected: &Outcome, choices: &mut Choices, configuration: u32) -> Result<(), String> {
        let pass = *choices.of(PassId::ALL);
        let limit = u64::from(choices.below(12));
        let exit = Some(1 + u64::from(choices.below(12)));
        let all = PassConfig::default();
        let (mode, passes, coverage, exit, churn) = match configuration {
            0 => (Mode::Eager, all, true, None, false),
            1 => (Mode::Eager, PassConfig::none(), true, None, false),
            2 => (Mode::EveryLoop, all, true, exit, false),
            3 => (Mode::EveryLoop, all.with_fuel(pass, Some(limit)), true, None, true),
            4 => (Mode::Eager, PassConfig::only(&[pass]), true, exit, true),
            // Code without counters is other code.
            5 => (Mode::Eager, all, false, exit, false),
            6 => (Mode::Eager, PassConfig::none(), false, exit, true),
            _ => (Mode::EveryLoop, all, false, exit, false),
        };
        let stage = if configuration < 6 { Stage::Machine } else { Stage::Value };
        let compiler = Options { countdown: true, coverage, stage, passes: passes.clone(), ..Options::default() };
        let got = self.native(mode, compiler, exit, churn);
        let same = got.result == expected.result
            && got.output == expected.output
            && (!coverage || got.executions == expected.executions);
        if !same {
            return Err(format!("{mode:?}, {passes:?}, exit at {exit:?}: {got:?} instead of {expected:?}"));
        }
        let executed: u64 = expected.executions.iter().flatten().sum();
        if configuration < 2 && expected.result.is_ok() && got.native != executed {
            return Err(format!("only {} of {executed} instructions were executed natively", got.native));
        }
        Ok(())
    }
}

const CONFIGURATIONS: u32 = 8;

fn value(kind: Kind, bits: u64) -> Value {
    let zeros = bits.min(1 << 10) as usize;
    match kind {
        Kind::ArrI32 => Value::ArrI32(vec![0; zeros]),
        Kind::ArrI64 => Value::ArrI64(vec![0; zeros]),
        Kind::ArrU32 => Value::ArrU32(vec![0; zeros]),
        Kind::ArrU64 => Value::ArrU64(vec![0; zeros]),
        Kind::ArrF64 => Value::ArrF64(vec![0.0; zeros]),
        Kind::ArrBool => Value::ArrBool(vec![false; zeros]),
        _ => Value::from_scalar(lockstep_layout::Tag(kind.tag()), bits).expect("a scalar kind"),
    }
}

#[test]
fn every_cell_of_the_grid() {
    let mut choices = Choices::seeded(1);
    for (n, cell) in grid().into_iter().enumerate() {
        let program = cell.program();
        let module = assemble("cell.lks", &program.source).unwrap_or_else(|error| panic!("{cell}: {error}"));
        let entry = module.find("cell").expect("the program has a function `cell`");
        let args = program.params.iter().zip(&program.args).map(|(&kind, &bits)| value(kind, bits)).collect();
        let program = Program { module: Arc::new(module), entry, args };
        let expected = program.interpreted();
        for configuration in [0, n as u32 % CONFIGURATIONS] {
            if let Err(difference) = program.compare(&expected, &mut choices, configuration) {
                panic!("{cell}: {difference}");
            }
        }
    }
}

/// Whether a program can look at the bits of a NaN, which are nobody's promise.
fn sees_nan_bits(module: &Verified) -> bool {
    let instrs = module.functions.iter().flat_map(|f| &f.code);
    instrs.map(|i| i.info()).any(|i| i.sem == Sem::Convert(ConvertMode::Bits) && i.from == Some(Kind::F64))
}

/// Generates a program from decisions, and says how an outcome differs.
fn check(choices: &mut Choices, seed: u64) -> Result<(), String> {
    let generated = generate(choices);
    if sees_nan_bits(&generated.module) {
        return Ok(());
    }
    let bits = inputs(choices, 1)[0];
    let args = ENTRY_PARAMS.iter().zip(bits).map(|(&kind, bits)| value(kind, bits)).collect();
    let program = Program { module: Arc::new(generated.module), entry: generated.entry, args };
    let expected = program.interpreted();
    let mut choices = Choices::seeded(seed);
    for configuration in 0..CONFIGURATIONS {
        program
            .compare(&expected, &mut choices, configuration)
            .map_err(|difference| format!("{}\nwith {:?}: {difference}", disassemble(&program.module), program.args))?;
    }
    Ok(())
}

/// `LOCKSTEP_SEED` and `LOCKSTEP_PROGRAMS` say from which seed and how many.
#[test]
fn random_programs() {
    let number = |name, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let start = number("LOCKSTEP_SEED", 0);
    for seed in start..start + number("LOCKSTEP_PROGRAMS", 60) {
        let mut choices = Choices::seeded(seed);
        if check(&mut choices, seed).is_err() {
            let fails = |list: &[u32]| check(&mut Choices::replay(list), seed).is_err();
            let smallest = shrink(choices.taken(), 2000, fails);
            let difference = check(&mut Choices::replay(&smallest), seed).expect_err("it failed before");
            panic!("seed {seed}: {difference}");
        }
    }
}
