//! What can be seen of a program's run: result or error, output, and the heap that it hands over.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lockstep_backend_api::{Backend, Level, Options, Target};
use lockstep_bytecode::{FuncId, Pc};
use lockstep_engine::{Cache, Cause, Config, Executions, Mode, Pipeline, Session, Stats, Stress, UnitKey};
use lockstep_runtime::{Error, Limits, Position, Statistics, Traceback, Value};

use super::case::{Call, Expectation, ExpectedError, Place, Program, ProgramRun};
use super::literal::literal;
use crate::fault::{self, Seams};

/// When and how native code is used in a run: the configurations of docs/corpus.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Configuration {
    /// Every function is compiled before its first call.
    Eager,
    /// Native code is entered at every loop header.
    Osr,
    /// The default thresholds.
    Tiered,
    /// Eager, and an exit is forced at the K-th back edge or call, for every K.
    Exits,
    /// Functions are compiled at their second call, and each compilation invalidates every other unit.
    Churn,
    /// Eager, of the program as the bytecode optimiser leaves it; also with the collector under stress.
    Optimised,
    /// Eager, with the collector under stress.
    Stressed,
}

impl Configuration {
    /// All of them.
    pub const ALL: [Configuration; 7] = [
        Configuration::Eager,
        Configuration::Osr,
        Configuration::Tiered,
        Configuration::Exits,
        Configuration::Churn,
        Configuration::Optimised,
        Configuration::Stressed,
    ];

    /// Those that differ in how native code is made and left, and in nothing else: what a bisection tells apart.
    pub fn of_native_code() -> impl Iterator<Item = Configuration> {
        Self::ALL.into_iter().filter(|c| !matches!(c, Configuration::Optimised | Configuration::Stressed))
    }

    /// Its name in trials.
    pub const fn name(self) -> &'static str {
        match self {
            Configuration::Eager => "eager",
            Configuration::Osr => "osr",
            Configuration::Tiered => "tiered",
            Configuration::Exits => "exits",
            Configuration::Churn => "churn",
            Configuration::Optimised => "optimised",
            Configuration::Stressed => "stressed",
        }
    }

    fn mode(self) -> Mode {
        match self {
            Configuration::Eager | Configuration::Exits | Configuration::Optimised | Configuration::Stressed => {
                Mode::Eager
            }
            Configuration::Osr => Mode::EveryLoop,
            Configuration::Tiered => Mode::Tiered(lockstep_engine::DEFAULT_THRESHOLDS),
            Configuration::Churn => Mode::Tiered(lockstep_runtime::Thresholds { calls: 2, loops: 3 }),
        }
    }
}

/// Everything about a run but the program.
#[derive(Clone)]
pub struct Setup {
    /// Backend, level and configuration; `None` is the interpreter alone.
    pub native: Option<(Arc<dyn Backend>, Level, Configuration)>,
    /// The backend whose session it is, if not the one that makes the code: what a session takes from its backend's id comes from this one.
    pub session_of: Option<String>,
    /// Compiler options; `countdown` and `coverage` are set as needed.
    pub compiler: lockstep_compiler::Options,
    /// Whether the backend checks itself.
    pub verify: bool,
    /// Compile so that exits can be forced at back edges and calls.
    pub countdown: bool,
    /// Count executed instructions.
    pub coverage: bool,
    /// The units that may be made; all, if not said.
    pub only: Option<Arc<BTreeSet<UnitKey>>>,
    /// Where code is kept from run to run; of one program, and of setups that differ in nothing that code depends on.
    pub cache: Option<Arc<Cache>>,
    /// When the interpreter collects without need.
    pub stress: Stress,
}

impl Setup {
    /// The interpreter alone.
    pub fn interpreter() -> Self {
        Self {
            native: None,
            session_of: None,
            compiler: lockstep_compiler::Options::default(),
            verify: false,
            countdown: false,
            coverage: false,
            only: None,
            cache: None,
            stress: Stress::None,
        }
    }

    /// A backend in a configuration.
    pub fn native(backend: Arc<dyn Backend>, level: Level, configuration: Configuration) -> Self {
        Self { native: Some((backend, level, configuration)), ..Self::interpreter() }
    }

    /// Where a fault planted in the backend reaches beyond it.
    pub fn seams(&self) -> Seams {
        let id = self.session_of.as_deref().or(self.native.as_ref().map(|(backend, ..)| backend.id()));
        id.map_or_else(Seams::default, fault::seams)
    }

    /// A session for the program.
    ///
    /// # Errors
    /// This machine is no target.
    pub fn session(&self, program: &Program, limits: Limits) -> Result<Session, String> {
        let seams = self.seams();
        let native = match &self.native {
            None => None,
            Some(_) if seams.interprets() => None,
            Some((backend, level, configuration)) => {
                let target = Target::host().ok_or("no backend can make code for this machine")?;
                let compiler = lockstep_compiler::Options {
                    countdown: limits.budget.is_some() || self.countdown,
                    coverage: self.coverage,
                    extra: seams.extra_pass().or_else(|| self.compiler.extra.clone()),
                    ..self.compiler.clone()
                };
                let pipeline = Pipeline {
                    backend: backend.clone(),
                    target,
                    options: Options { level: *level, verify: self.verify },
                    compiler,
                    churn: *configuration == Configuration::Churn,
                    only: self.only.clone(),
                    cache: self.cache.clone(),
                    tamper: seams.tamper(),
                };
                Some((pipeline, configuration.mode()))
            }
        };
        let config = Config { native, limits, coverage: self.coverage };
        let mut session = Session::new(program.module.clone(), config);
        session.stress(self.stress);
        Ok(session)
    }
}

/// What was seen of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The result or the error.
    pub outcome: Result<Option<Value>, Error>,
    /// What was written.
    pub output: Vec<u8>,
    /// What a generic function has returned, or a program has raised, and the heap reachable from it; empty for other runs.
    pub heap: String,
}

/// An observation and what lies behind it.
pub struct Observed {
    /// What parity compares.
    pub seen: Observation,
    /// What the engine did.
    pub stats: Stats,
    /// Executions by function and instruction, if they were counted.
    pub executions: Vec<Vec<Executions>>,
    /// Interpreted executions by function, instruction and cause, if they were counted and native code was asked for.
    pub causes: Vec<(FuncId, Pc, Cause, u64)>,
    /// What the collector did.
    pub collector: Statistics,
}

/// Runs one call in a session of its own.
///
/// # Errors
/// No session could be made.
pub fn observe(program: &Program, call: &Call, setup: &Setup) -> Result<Observed, String> {
    let mut session = setup.session(program, program.case.limits.resolve())?;
    let seen = run(&mut session, call, setup.seams());
    let executions = if setup.coverage { session.executions() } else { Vec::new() };
    let causes = if setup.coverage { session.causes() } else { Vec::new() };
    Ok(Observed { seen, stats: session.stats(), executions, causes, collector: session.collector() })
}

/// Runs one call in a session, and ends the program; what a planted fault changes of its report is changed.
pub fn run(session: &mut Session, call: &Call, seams: Seams) -> Observation {
    let outcome = seams.within(|| {
        let outcome = session.run(call.entry, &call.args);
        session.close();
        outcome
    });
    let mut seen = Observation { outcome, output: session.take_output(), heap: session.take_reached() };
    seams.seen(&mut seen);
    seen
}

impl Observation {
    /// What an error looks like in a case.
    pub fn error(program: &Program, error: &Error) -> ExpectedError {
        let place = |position: &Position| Place {
            function: program.module.function(position.func).name.clone(),
            pc: position.pc.0,
            line: position.line,
        };
        let Place { function, pc, line } = place(&error.position);
        let Traceback { innermost, omitted, outermost } = &error.traceback;
        ExpectedError {
            kind: error.kind.name().to_owned(),
            message: Some(error.message().to_owned()),
            function,
            pc,
            line,
            // What is not kept whole cannot be stated.
            traceback: (*omitted == 0).then(|| innermost.iter().chain(outermost).map(place).collect()),
        }
    }

    /// The run of a case that states what was seen of a call.
    pub fn stated(&self, program: &Program, call: &Call) -> ProgramRun {
        let mut run = ProgramRun {
            args: call.args.iter().map(literal).collect(),
            entry: None,
            result: None,
            error: None,
            cells: Vec::new(),
            output: String::from_utf8_lossy(&self.output).into_owned(),
            heap: (!self.heap.is_empty()).then(|| self.heap.clone()),
        };
        match &self.outcome {
            Ok(value) => run.result = value.as_ref().map(literal),
            Err(error) => run.error = Some(Self::error(program, error)),
        }
        run
    }

    /// Whether it is what the case states; otherwise how it differs.
    ///
    /// # Errors
    /// The difference.
    pub fn meets(&self, program: &Program, expected: &Expectation, stated: &ProgramRun) -> Result<(), String> {
        let output = &stated.output;
        let outcome_fits = match (&self.outcome, expected) {
            (Ok(value), Expectation::Result(expected)) => value == expected,
            (Err(error), Expectation::Error(expected)) => {
                let mut found = Self::error(program, error);
                if expected.message.is_none() {
                    found.message = None;
                }
                let traceback = found.traceback.take();
                let stated = ExpectedError { traceback: None, ..expected.clone() };
                if found == stated && expected.traceback.is_some() && traceback != expected.traceback {
                    return Err(format!(
                        "{found} comes with the traceback {}, the case states {}",
                        show_traceback(traceback.as_deref()),
                        show_traceback(expected.traceback.as_deref())
                    ));
                }
                found == stated
            }
            _ => false,
        };
        if !outcome_fits {
            return Err(format!("gives {}, the case states {}", self.show(program), show_expected(expected)));
        }
        if self.output != output.as_bytes() {
            let (found, stated) = first_difference(&self.output, output.as_bytes());
            return Err(format!("writes {found:?}, the case states {stated:?}"));
        }
        match &stated.heap {
            Some(heap) if heap.trim_end() != self.heap.trim_end() => {
                Err(format!("leaves the heap\n{}\nthe case states\n{heap}", self.heap))
            }
            _ => Ok(()),
        }
    }

    /// Whether it equals what the reference gave; otherwise how it differs. Tracebacks are compared whole.
    ///
    /// # Errors
    /// The difference.
    pub fn agrees(&self, program: &Program, reference: &Observation) -> Result<(), String> {
        if self.outcome != reference.outcome {
            let (found, wanted) = (self.show(program), reference.show(program));
            if found == wanted {
                return Err(format!("{found} has another traceback than the interpreter's"));
            }
            return Err(format!("gives {found}, the interpreter {wanted}"));
        }
        if self.output != reference.output {
            let (found, wanted) = first_difference(&self.output, &reference.output);
            return Err(format!("writes {found:?}, the interpreter {wanted:?}"));
        }
        if self.heap != reference.heap {
            let mut lines = self.heap.lines().zip(reference.heap.lines());
            let (found, wanted) = lines.find(|(a, b)| a != b).unwrap_or(("more or fewer objects", ""));
            return Err(format!("leaves another heap: {}, the interpreter {}", cut(found), cut(wanted)));
        }
        Ok(())
    }

    /// The outcome for people.
    pub fn show(&self, program: &Program) -> String {
        match &self.outcome {
            Ok(None) => "no result".to_owned(),
            Ok(Some(value)) => cut(&value.to_string()),
            Err(error) => Self::error(program, error).to_string(),
        }
    }
}

fn show_expected(expected: &Expectation) -> String {
    match expected {
        Expectation::Result(None) => "no result".to_owned(),
        Expectation::Result(Some(value)) => cut(&value.to_string()),
        Expectation::Error(error) => error.to_string(),
    }
}

fn show_traceback(places: Option<&[Place]>) -> String {
    let Some(places) = places else { return "of more than 128 activations".to_owned() };
    let show = |Place { function, pc, line }: &Place| format!("`{function}` at pc {pc}, line {line}");
    places.iter().map(show).collect::<Vec<_>>().join("; ")
}

/// Two texts that differ, for people: whole if they are short, otherwise from the line on in which they differ first, and not too much of it.
fn first_difference(found: &[u8], wanted: &[u8]) -> (String, String) {
    const SHORT: usize = 400;
    let mut from = 0;
    if found.len().max(wanted.len()) > SHORT {
        let same = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        from = found[..same].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    }
    let show = |bytes: &[u8]| {
        let (before, after) = (if from > 0 { "…" } else { "" }, if bytes.len() > from + SHORT { "…" } else { "" });
        let part = String::from_utf8_lossy(&bytes[from..bytes.len().min(from + SHORT)]);
        format!("{before}{part}{after}")
    };
    (show(found), show(wanted))
}

fn cut(text: &str) -> String {
    if text.len() <= 200 { text.to_owned() } else { format!("{}…", text.chars().take(200).collect::<String>()) }
}

impl fmt::Display for ExpectedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {} in `{}` at pc {}, line {}", self.kind, self.function, self.pc, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ProgramCase;

    /// What a program gives that returns a table with this element, twice.
    fn table_with(element: i64) -> (Program, Observation) {
        let text = format!(
            "func main() -> ... {{\n reg a: any, b: any\n table.any a, 0, 0\n const.any b, {element}\n append.any a, b, 1, 1\n move.any b, a\n ret.any a, 2\n}}"
        );
        let yaml = "{name: table, about: A table., runs: []}";
        let case: ProgramCase = serde_yaml::from_str(yaml).expect("it is a case");
        let module = lockstep_bytecode::assemble("heap.lks", &text).expect("it is a program");
        let program = Program::new(module, case).expect("it has an entry");
        let call = Call { entry: program.entry, args: Vec::new(), expected: Expectation::Result(None) };
        let seen = observe(&program, &call, &Setup::interpreter()).expect("it runs").seen;
        (program, seen)
    }

    #[test]
    fn a_difference_in_the_heap_alone_is_a_difference() {
        let ((program, one), (_, two)) = (table_with(1), table_with(2));
        assert_eq!(one.heap, "#1, #1\n#1 table {1: 1}\n");
        assert_eq!((&one.outcome, &one.output), (&two.outcome, &two.output), "nothing else differs");
        assert_eq!(one.agrees(&program, &table_with(1).1), Ok(()));
        let what = two.agrees(&program, &one).expect_err("the tables differ");
        assert_eq!(what, "leaves another heap: #1 table {1: 2}, the interpreter #1 table {1: 1}");
        let stated = ProgramRun {
            heap: Some(one.heap.clone()),
            ..one
                .stated(&program, &Call { entry: program.entry, args: Vec::new(), expected: Expectation::Result(None) })
        };
        assert_eq!(one.meets(&program, &Expectation::Result(None), &stated), Ok(()));
        assert!(two.meets(&program, &Expectation::Result(None), &stated).is_err());
    }
}
