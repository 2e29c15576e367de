//! Random bytecode programs: what the interpreter does, every backend must do, in every configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lockstep_bytecode::generate::{
    Choices, DYNAMIC_PARAMS, ENTRY_PARAMS, dynamic_inputs, generate, generate_dynamic, inputs, shrink,
};
use lockstep_bytecode::{
    ConvertMode, ErrorKind, FuncId, Instr, Kind, Module, Op, Sem, Verified, disassemble, optimise,
};
use lockstep_engine::{Cache, Stress};
use lockstep_layout::Tag;
use lockstep_runtime::Value;
use serde::{Deserialize, Serialize};

use super::case::{Call, CaseLimits, Expectation, Program, ProgramCase};
use super::observe::{Configuration, Observation, Setup, observe, run};
use crate::backends::{Backends, Column};

/// Inputs of each program of the typed half.
const INPUTS: usize = 8;
/// Inputs of each program of the dynamic half, which depends less on them.
const DYNAMIC_INPUTS: usize = 2;
/// Events at which an exit is forced in each run.
const EXITS: [u64; 5] = [1, 2, 3, 7, 20];
/// Trials of the shrinker.
const SHRINK_ATTEMPTS: usize = 300;
/// What programs may use. They end by themselves.
const LIMITS: CaseLimits = CaseLimits { depth: Some(150), budget: None, memory: Some(4 << 20) };
/// What dynamic programs may use. A few end at the budget; memory is more than they fill within it.
const DYNAMIC_LIMITS: CaseLimits = CaseLimits { depth: Some(120), budget: Some(4_000), memory: Some(256 << 20) };

/// Which programs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Functions of fixed kinds, on every backend.
    Typed,
    /// Tagged values and the collected heap, with typed functions among them.
    Dynamic,
}

/// A batch of programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramBatch {
    /// The seed of the whole run.
    pub seed: u64,
    /// Index of the first program.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Where they run.
    pub columns: Vec<Column>,
    /// Which programs.
    pub half: Half,
    /// Whether what diverges is made shorter.
    pub shrink: bool,
}

/// What a batch gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProgramBatchReport {
    /// Programs made.
    pub programs: u64,
    /// Runs on the interpreter: each program with each input.
    pub runs: u64,
    /// Of those, how many reached their end without an error.
    pub reached_end: u64,
    /// Instructions of each program.
    pub lengths: Vec<u32>,
    /// Errors that ended runs, by kind.
    pub errors: BTreeMap<String, u64>,
    /// Mnemonics generated.
    pub instructions: BTreeSet<String>,
    /// What differed.
    pub divergences: Vec<ProgramDivergence>,
    /// Batches whose process died or hung, with what is known.
    pub deaths: Vec<String>,
}

/// A program on which a backend and the interpreter differ.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramDivergence {
    /// Its index in the run.
    pub index: u64,
    /// Where: backend, level and configuration, or how the interpreter ran it.
    pub way: String,
    /// How.
    pub what: String,
    /// The shrunk program as a case for the corpus; the interpreter supplies what it states.
    pub case: ProgramCase,
}

impl ProgramBatchReport {
    /// Adds another batch's.
    pub fn add(&mut self, other: Self) {
        self.programs += other.programs;
        self.runs += other.runs;
        self.reached_end += other.reached_end;
        self.lengths.extend(other.lengths);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.instructions.extend(other.instructions);
        self.divergences.extend(other.divergences);
        self.deaths.extend(other.deaths);
    }
}

impl ProgramBatch {
    /// Makes and checks the programs of the batch.
    ///
    /// # Errors
    /// An unknown backend.
    pub fn run(&self, backends: &mut Backends, progress: &mut dyn FnMut(&str)) -> Result<ProgramBatchReport, String> {
        let mut report = ProgramBatchReport::default();
        for index in self.first..self.first + self.count {
            progress(&format!("program {index} of seed {}", self.seed));
            let mut choices = Choices::seeded(seed_of(self.seed, index));
            let (program, calls) = make(self.half, &mut choices);
            let code = program.module.functions.iter().flat_map(|f| &f.code);
            report.programs += 1;
            report.lengths.push(code.clone().count() as u32);
            report.instructions.extend(code.map(|i| i.info().mnemonic.to_owned()));
            let expected = calls.iter().map(|c| observe(&program, c, &Setup::interpreter()).map(|o| o.seen));
            let expected: Vec<Observation> = expected.collect::<Result<_, _>>()?;
            report.runs += expected.len() as u64;
            for seen in &expected {
                match &seen.outcome {
                    Ok(_) => report.reached_end += 1,
                    Err(error) => *report.errors.entry(error.kind.name().to_owned()).or_default() += 1,
                }
            }
            for column in &self.columns {
                let setup = setup_for(backends, column)?;
                if check(&program, &calls, &expected, &setup).is_err() {
                    report.divergences.push(shrunk(self.half, index, choices.taken(), self.shrink, &setup)?);
                }
            }
        }
        Ok(report)
    }
}

/// How many inputs the programs of a batch have, and on how many of them a column differs from the interpreter in any configuration.
///
/// # Errors
/// An unknown backend.
pub fn count_wrong(
    seed: u64,
    indices: std::ops::Range<u64>,
    column: &Column,
    backends: &mut Backends,
) -> Result<(u64, u64), String> {
    let setup = setup_for(backends, column)?;
    let (mut inputs, mut wrong) = (0, 0);
    for index in indices {
        let (program, calls) = make(Half::Typed, &mut Choices::seeded(seed_of(seed, index)));
        for call in calls {
            let expected = observe(&program, &call, &Setup::interpreter())?.seen;
            inputs += 1;
            wrong += u64::from(check(&program, &[call], &[expected], &setup).is_err());
        }
    }
    Ok((inputs, wrong))
}

fn seed_of(seed: u64, index: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index.wrapping_mul(0xd134_2543_de82_ef95)
}

fn setup_for(backends: &mut Backends, column: &Column) -> Result<Setup, String> {
    let backend = backends.share(&column.backend).map_err(|e| e.to_string())?;
    Ok(Setup::native(backend, column.level, Configuration::Eager))
}

/// The program and the calls that decisions lead to.
fn make(half: Half, choices: &mut Choices) -> (Program, Vec<Call>) {
    match half {
        Half::Typed => {
            let generated = generate(choices);
            let module = without_nan_bits(generated.module);
            let call = |bits| call(generated.entry, &ENTRY_PARAMS, bits);
            let calls = inputs(choices, INPUTS).into_iter().map(call).collect();
            (program(module, generated.entry, LIMITS, false), calls)
        }
        Half::Dynamic => {
            let generated = generate_dynamic(choices);
            let module = without_nan_bits(generated.module);
            let call = |bits| call(generated.entry, &DYNAMIC_PARAMS, bits);
            let calls = dynamic_inputs(choices, DYNAMIC_INPUTS).into_iter().map(call).collect();
            (program(module, generated.entry, DYNAMIC_LIMITS, generated.sees_collector), calls)
        }
    }
}

fn program(module: Verified, entry: FuncId, limits: CaseLimits, sees_collector: bool) -> Program {
    let case = ProgramCase {
        name: "found".to_owned(),
        about: "Found by random programs.".to_owned(),
        program: Some(disassemble(&module)),
        file: None,
        entry: module.function(entry).name.clone(),
        runs: Vec::new(),
        limits,
        sees_collector,
        cells: Vec::new(),
        twin: None,
        bench: None,
    };
    Program { module: Arc::new(module), entry, case }
}

fn call(entry: FuncId, params: &[Kind], bits: [u64; 3]) -> Call {
    let value = |(kind, bits): (&Kind, u64)| Value::from_scalar(Tag(kind.tag()), bits).expect("entries take scalars");
    Call { entry, args: params.iter().zip(bits).map(value).collect(), expected: Expectation::Result(None) }
}

/// The module with casts of floats to their bits replaced by saturating conversions: the bits of a NaN that arithmetic makes are nobody's promise.
/// The grid covers the casts.
fn without_nan_bits(module: Verified) -> Verified {
    let mut module: Module = module.into_inner();
    for instr in module.functions.iter_mut().flat_map(|f| &mut f.code) {
        let info = instr.info();
        if info.sem == Sem::Convert(ConvertMode::Bits) && info.from == Some(Kind::F64) {
            let op =
                Op::find(Sem::Convert(ConvertMode::Saturate), info.kind, info.from).expect("every integer kind has it");
            let operands: Vec<_> = instr.operands().iter().copied().collect();
            *instr = Instr::build(op, &operands).expect("the same operands");
        }
    }
    Verified::new(module).expect("kinds have not changed")
}

/// How a program is run to be compared with the interpreter's plain run of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// With native code.
    Native(Configuration),
    /// Interpreted, with needless collections.
    Stressed(Stress),
    /// Interpreted after optimisation, with needless collections or without.
    Optimised(Stress),
}

/// Runs every call in every way that there is for the program, and compares; the one judge of random programs.
///
/// Programs of the typed half run on the backend in four configurations. Those of the dynamic half are interpreted with a collection at every allocation,
/// and at every safepoint; optimised, with and without collections; and with their typed functions compiled, if they have any.
///
/// # Errors
/// The first way that differs, and how.
pub fn check(
    program: &Program,
    calls: &[Call],
    expected: &[Observation],
    setup: &Setup,
) -> Result<(), (String, String)> {
    let is_dynamic = program.module.function(program.entry).is_generic;
    let ways: &[Way] = match is_dynamic {
        false => {
            &[Configuration::Eager, Configuration::Osr, Configuration::Churn, Configuration::Exits].map(Way::Native)
        }
        true => &[
            Way::Stressed(Stress::Allocations),
            Way::Stressed(Stress::Safepoints),
            Way::Optimised(Stress::None),
            Way::Optimised(Stress::Allocations),
            Way::Native(Configuration::Eager),
        ],
    };
    // A fault that is planted in the backend reaches all that is compared.
    let session_of = setup.native.as_ref().map(|(backend, ..)| backend.id().to_owned());
    for way in ways {
        let plain = Setup { session_of: session_of.clone(), ..Setup::interpreter() };
        let (name, outcome) = match way {
            Way::Stressed(stress) => {
                let setup = Setup { stress: *stress, ..plain };
                (format!("interpreter, a collection at {stress}"), interpreted(program, calls, expected, &setup))
            }
            Way::Optimised(stress) => {
                // How long a register is live is the optimiser's to say.
                if program.case.sees_collector {
                    continue;
                }
                let setup = Setup { stress: *stress, ..plain };
                let module = optimise::run(&program.module, &optimise::PassConfig::default()).module;
                let module = setup.seams().optimised(module);
                let optimised = Program { module: Arc::new(module), case: program.case.clone(), entry: program.entry };
                let name = format!("interpreter, optimised, a collection at {stress}");
                (name, interpreted(&optimised, calls, expected, &setup))
            }
            Way::Native(configuration) => {
                let Some((backend, level, _)) = &setup.native else { continue };
                let name = format!("{}/{}/{}", backend.id(), level.name(), configuration.name());
                (name, natively(program, calls, expected, setup, *configuration))
            }
        };
        outcome.map_err(|what| (name, what))?;
    }
    Ok(())
}

/// Compares interpreted runs.
fn interpreted(program: &Program, calls: &[Call], expected: &[Observation], setup: &Setup) -> Result<(), String> {
    for (call, expected) in calls.iter().zip(expected) {
        // Finalizers are calls, so that the budget ends elsewhere.
        let at_budget = matches!(&expected.outcome, Err(error) if error.kind == ErrorKind::BudgetExhausted);
        if !(at_budget && program.case.sees_collector) {
            observe(program, call, setup)?.seen.agrees(program, expected)?;
        }
    }
    Ok(())
}

/// Compares runs with native code.
fn natively(
    program: &Program,
    calls: &[Call],
    expected: &[Observation],
    setup: &Setup,
    configuration: Configuration,
) -> Result<(), String> {
    let Some((backend, level, _)) = &setup.native else { return Ok(()) };
    let is_dynamic = |func: FuncId| {
        let function = program.module.function(func);
        let has_any = function.registers.iter().any(|register| register.kind == Kind::Any);
        has_any || function.code.iter().any(|instr| instr.info().family.is_dynamic())
    };
    let functions = (0..program.module.functions.len() as u32).map(FuncId);
    if functions.clone().all(is_dynamic) {
        return Ok(());
    }
    let setup = Setup {
        native: Some((backend.clone(), *level, configuration)),
        cache: Some(Arc::new(Cache::default())),
        countdown: configuration == Configuration::Exits,
        ..setup.clone()
    };
    for (call, expected) in calls.iter().zip(expected) {
        let mut session = setup.session(program, program.case.limits.resolve())?;
        // The dynamic half is not compiled.
        if let Some(refused) = session.stats().refusals.iter().find(|refused| !is_dynamic(refused.func)) {
            return Err(format!("a function was not compiled: {}", refused.detail));
        }
        let exits: &[Option<u64>] = &EXITS.map(Some);
        for &exit in if setup.countdown { exits } else { &[None] } {
            session.force_exit(exit);
            run(&mut session, call, setup.seams()).agrees(program, expected)?;
        }
    }
    Ok(())
}

fn shrunk(half: Half, index: u64, list: &[u32], shorten: bool, setup: &Setup) -> Result<ProgramDivergence, String> {
    let trial = |list: &[u32]| {
        let (program, calls) = make(half, &mut Choices::replay(list));
        let expected: Option<Vec<Observation>> =
            calls.iter().map(|c| observe(&program, c, &Setup::interpreter()).ok().map(|o| o.seen)).collect();
        let expected = expected?;
        let difference = check(&program, &calls, &expected, setup).err()?;
        Some((program, calls, expected, difference))
    };
    let best = if shorten { shrink(list, SHRINK_ATTEMPTS, |list| trial(list).is_some()) } else { list.to_vec() };
    let (program, calls, expected, (way, what)) =
        trial(&best).ok_or("a divergence does not repeat: the program is not deterministic")?;
    let mut case = stated(&program, &calls, &expected);
    case.name = format!("program_{index}");
    case.about = format!("Found by random programs ({way}): {what}");
    Ok(ProgramDivergence { index, way, what, case })
}

/// A random program with its inputs, as a case that states what the interpreter gives.
///
/// # Errors
/// The interpreter cannot run it.
pub fn case(seed: u64, index: u64) -> Result<Program, String> {
    let (program, calls) = make(Half::Typed, &mut Choices::seeded(seed_of(seed, index)));
    let expected = calls.iter().map(|c| observe(&program, c, &Setup::interpreter()).map(|o| o.seen));
    let expected: Vec<Observation> = expected.collect::<Result<_, _>>()?;
    let case = ProgramCase { name: format!("program_{index}"), ..stated(&program, &calls, &expected) };
    Ok(Program { case, ..program })
}

/// How many instructions a random program has.
pub fn length(seed: u64, index: u64) -> usize {
    let (program, _) = make(Half::Typed, &mut Choices::seeded(seed_of(seed, index)));
    program.module.functions.iter().map(|f| f.code.len()).sum()
}

/// The case of a program with what its calls gave.
fn stated(program: &Program, calls: &[Call], expected: &[Observation]) -> ProgramCase {
    let mut case = program.case.clone();
    case.runs.extend(calls.iter().zip(expected).map(|(call, seen)| seen.stated(program, call)));
    case
}
