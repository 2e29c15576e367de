//! What a process measures: calls of a kernel, or compilations of the corpus. Runs in a worker.
//!
//! Time is processor time of the thread, as the peers print it (Lua offers nothing else): it leaves out what other processes of the machine take. Phases
//! of compilation are wall time, as backends report them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lockstep_backend_api::{Backend, Level, Options, Target};
use lockstep_bytecode::{FuncId, Verified};
use lockstep_compiler::{Refusal, Request};
use lockstep_engine::{Session, Stats};
use lockstep_runtime::{Error, Value};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::build::fingerprint;
use super::results::{CompileSample, Phase, SETUP, Sample};
use crate::corpus;
use crate::program::observe::{Configuration, Setup};
use crate::program::{Program, literal};
use crate::stats::median;

/// How often each unit of the corpus is compiled; the median counts.
const COMPILATIONS: usize = 5;

/// Processor time of this thread in seconds.
pub fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A short series ends after so many seconds of calls, …
const SERIES_SECONDS: f64 = 1.0;

/// … but not before so many calls.
const SERIES_LEAST: usize = 30;

/// What is asked of a process that calls a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Once to warm up, then so many times. The interpreter has nothing to warm up: its first call is the one measured.
    Peak(usize),
    /// So many short calls, each of which is measured; fewer if they take long.
    Series(usize),
    /// Until everything is compiled, then once more in [`counted`], for valgrind.
    Counted,
}

/// Calls before the counted one: everything hot is compiled by then.
const CALLS_BEFORE_COUNTED: usize = 100;

/// Calls a kernel.
///
/// # Errors
/// The program ends with an error, functions were refused, or native code was asked for and none ran.
pub fn calls(
    program: &Program,
    args: Vec<Value>,
    native: Option<(Arc<dyn Backend>, Level)>,
    calls: Calls,
) -> Result<Sample, String> {
    let setup = match &native {
        None => Setup::interpreter(),
        Some((backend, level)) => Setup::native(backend.clone(), *level, Configuration::Tiered),
    };
    let mut session = setup.session(program, program.case.limits.resolve())?;
    let mut sample = Sample::default();
    let call = |session: &mut Session, sample: &mut Sample, run: Call| -> Result<(), String> {
        // Under valgrind time means nothing, and its clock may not be asked.
        let clock = || if calls == Calls::Counted { 0.0 } else { now() };
        let start = clock();
        let outcome = run(session, program.entry, &args);
        sample.calls.push(clock() - start);
        let checksum = outcome.map_err(|e| e.to_string())?.map_or_else(String::new, |value| value.to_string());
        if sample.calls.len() > 1 && checksum != sample.checksum {
            return Err(format!("one call gives {checksum}, another {}", sample.checksum));
        }
        sample.checksum = checksum;
        Ok(())
    };
    match calls {
        Calls::Peak(_) if native.is_none() => call(&mut session, &mut sample, Session::run)?,
        Calls::Peak(count) => {
            for _ in 0..=count {
                call(&mut session, &mut sample, Session::run)?;
            }
            sample.warm = 1;
        }
        Calls::Series(count) => {
            let mut total = 0.0;
            while sample.calls.len() < count && (sample.calls.len() < SERIES_LEAST || total < SERIES_SECONDS) {
                call(&mut session, &mut sample, Session::run)?;
                total += sample.calls.last().copied().unwrap_or_default();
            }
        }
        Calls::Counted => {
            for _ in 0..CALLS_BEFORE_COUNTED {
                call(&mut session, &mut sample, Session::run)?;
            }
            call(&mut session, &mut sample, counted)?;
        }
    }
    sample.peak_memory = peak_memory();
    if native.is_none() {
        return Ok(sample);
    }
    let stats: Stats = session.stats();
    if let Some(refused) = stats.refusals.first() {
        return Err(format!("a function was not compiled: {}", refused.detail));
    }
    // A series shows what happens: nothing, if the calls are few and short.
    if stats.units.is_empty() && !matches!(calls, Calls::Series(_)) {
        return Err("nothing was compiled: the kernel is too short for its thresholds".to_owned());
    }
    sample.units = stats.units.len() as u64;
    sample.code_bytes = stats.code_bytes() as u64;
    sample.exits = stats.exits.values().sum();
    let mut phases = Phases::default();
    for unit in &stats.units {
        for &(name, time) in &unit.phases[..unit.own_phases] {
            phases.add(name, false, time.as_secs_f64());
        }
        for &(name, time) in &unit.phases[unit.own_phases..] {
            phases.add(name, name != "load", time.as_secs_f64());
        }
    }
    sample.compile = phases.0;
    Ok(sample)
}

/// How a session calls a function.
type Call = fn(&mut Session, FuncId, &[Value]) -> Result<Option<Value>, Error>;

/// A call whose instructions valgrind counts: it knows it by its name.
#[inline(never)]
pub fn counted(session: &mut Session, func: FuncId, args: &[Value]) -> Result<Option<Value>, Error> {
    session.run(func, args)
}

/// The most memory that this process ever held, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Sums by phase, in the order in which phases came.
#[derive(Default)]
struct Phases(Vec<Phase>);

impl Phases {
    fn add(&mut self, name: &str, backend: bool, seconds: f64) {
        match self.0.iter_mut().find(|p| p.name == name && p.backend == backend) {
            Some(phase) => phase.seconds += seconds,
            None => self.0.push(Phase { name: name.to_owned(), backend, seconds }),
        }
    }
}

/// Compiles every function of every program of the corpus.
///
/// Functions with an instruction that is not compiled yet are left out, and counted.
///
/// # Errors
/// A program has a mistake, or a function is refused for another reason.
pub fn compile(corpus: &Path, backend: &dyn Backend, level: Level) -> Result<CompileSample, String> {
    let target = Target::host().ok_or("no backend can make code for this machine")?;
    let mut modules: BTreeMap<String, Arc<Verified>> = BTreeMap::new();
    for name in corpus::program::names(corpus).map_err(|e| e.to_string())? {
        // The grid's programs are thousands of the same few shapes: they would drown the others.
        if name.starts_with("bytecode/grid") {
            continue;
        }
        let program = corpus::program::find(&name, corpus).map_err(|e| e.to_string())?.ok_or("a case vanished")?;
        modules.insert(name, program.module);
    }
    let encoded: Vec<u8> = modules.values().flat_map(|module| lockstep_bytecode::encode(module)).collect();
    let mut sample = CompileSample { programs: fingerprint(&encoded), ..CompileSample::default() };
    let (mut medians, mut processor, mut phases) = (Vec::new(), Vec::new(), Phases::default());
    let options = lockstep_compiler::Options::default();
    for (name, module) in &modules {
        for func in (0..module.functions.len() as u32).map(FuncId) {
            let request = Request { module, func, options: &options };
            let compiled = match lockstep_compiler::compile(&request) {
                Ok(compiled) => compiled,
                Err(Refusal::NotYetCompiled { .. } | Refusal::MaySuspend { .. }) => {
                    sample.not_yet_compiled += 1;
                    continue;
                }
                Err(e) => return Err(format!("{name}: {e}")),
            };
            for (phase, time) in &compiled.phases {
                phases.add(phase, false, time.as_secs_f64());
            }
            let (mut times, mut spent) = (Vec::new(), Vec::new());
            for nth in 0..COMPILATIONS {
                let start = now();
                let artifact = backend
                    .compile(&compiled.unit, &target, &Options::at(level))
                    .map_err(|e| format!("{name}: {e}"))?;
                let own = now() - start;
                let setup: f64 = artifact.phases.iter().filter(|p| p.name == SETUP).map(|p| p.time.as_secs_f64()).sum();
                spent.push((own - setup).max(0.0));
                times.push(artifact.phases.iter().filter(|p| p.name != SETUP).map(|p| p.time.as_secs_f64()).sum());
                if nth + 1 == COMPILATIONS {
                    sample.code_bytes += artifact.code_bytes() as u64;
                    for phase in &artifact.phases {
                        phases.add(phase.name, true, phase.time.as_secs_f64());
                    }
                }
            }
            medians.push(median(&times).unwrap_or(0.0));
            processor.push(median(&spent).unwrap_or(0.0));
            sample.units += 1;
        }
    }
    sample.processor = median(&processor).unwrap_or(0.0);
    sample.median = median(&medians).ok_or("the corpus has no program")?;
    sample.phases = phases.0;
    sample.peak_memory = peak_memory();
    Ok(sample)
}

/// Arguments of a kernel, as spelled in a plan.
///
/// # Errors
/// They are no values of the entry's kinds.
pub fn arguments(program: &Program, spelled: &[String]) -> Result<Vec<Value>, String> {
    let literals: Result<Vec<literal::Literal>, _> = spelled.iter().map(|text| serde_yaml::from_str(text)).collect();
    program.args(&literals.map_err(|e| e.to_string())?)
}
