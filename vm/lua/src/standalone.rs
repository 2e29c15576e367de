//! The program `lua` as a function: statements and libraries of the command line, a script, messages and exit codes.

use std::io::Write;
use std::rc::Rc;

use lockstep_bytecode::optimise::PassConfig;
use lockstep_interp::new_vm;
use lockstep_runtime::{HostResult, Limits, Local, Locals, Scope, Stress as HeapStress, Vm, raw};

use crate::library::{self, Standard};
use crate::prompt::{self, Terminal};

/// What comes before the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `-e`: runs a string.
    Execute(String),
    /// `-l`: requires a library into a global variable of its name.
    Require(String),
}

/// How the VM runs programs.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// What a program may use.
    pub limits: Limits,
    /// The passes of the bytecode optimiser that chunks go through; none if they stay as they are.
    pub optimiser: Option<PassConfig>,
    /// When the collector runs besides when it must.
    pub stress: Stress,
}

/// When the collector runs besides when it must, to find what is not rooted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stress {
    /// Never.
    #[default]
    None,
    /// Before each allocation.
    Allocations,
    /// At each back edge and call.
    Safepoints,
}

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// What comes before the script.
    pub steps: Vec<Step>,
    /// The script: a file, or `-` for standard input.
    pub script: Option<String>,
    /// The arguments of the script.
    pub args: Vec<String>,
    /// What stood before the script: `arg[-1]` is the last of it.
    pub before: Vec<String>,
}

/// The most functions that chunks of one program can have together.
const FUNCTIONS: usize = 1 << 20;

/// The name in front of messages.
const PROGRAM: &str = "lua";

/// A VM with the standard library.
///
/// # Errors
/// The memory limit is too low for the library.
pub fn new_state(limits: Limits, standard: Rc<Standard>) -> Result<Vm, String> {
    let mut vm = new_vm(library::prelude(), limits);
    vm.make_room(FUNCTIONS);
    library::open(&mut vm, standard).map_err(|error| format!("the library cannot be opened: {error:?}"))?;
    Ok(vm)
}

/// A VM with the standard library that runs programs as `conditions` say.
fn new_state_under(conditions: Conditions, standard: Rc<Standard>) -> Result<Vm, String> {
    let mut vm = new_state(conditions.limits, standard)?;
    vm.optimise_loaded(conditions.optimiser);
    let allocations = conditions.stress == Stress::Allocations;
    vm.heap_mut().set_stress(HeapStress { allocations, barriers: conditions.stress != Stress::None });
    vm.stress_safepoints(conditions.stress == Stress::Safepoints);
    Ok(vm)
}

/// How a chunk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Returned,
    /// It is no chunk, or it raised this: a string's bytes, or what stands for other values in messages.
    Raised(Vec<u8>),
    /// It was ended by what no program can catch: its budget.
    Stopped(String),
}

/// Runs a chunk in this process, on a VM of its own: what it prints goes to `output`, standard input is empty. `name` is as for [`compile`](crate::compile).
///
/// # Errors
/// The memory limit is too low for the library.
pub fn evaluate(
    source: Vec<u8>,
    name: &'static str,
    conditions: Conditions,
    output: Box<dyn Write>,
) -> Result<Outcome, String> {
    let standard = Rc::new(Standard::new(Box::new(std::io::empty()), output, Box::new(std::io::sink())));
    let mut vm = new_state_under(conditions, standard.clone())?;
    let outcome = vm.enter(move |scope| {
        let globals = scope.imported("_G");
        let function = match library::chunk(scope, &source, name.as_bytes(), b"t", globals) {
            Ok(Ok(function)) => function,
            Ok(Err(message)) => return Outcome::Raised(message),
            Err(error) => return Outcome::Stopped(scope.raised(error).to_string()),
        };
        match scope.call_protected(function, &[]) {
            Ok(Ok(_)) => Outcome::Returned,
            Ok(Err(value)) => Outcome::Raised(match value.as_str() {
                Some(text) => text.bytes().to_vec(),
                None => format!("(error object is a {} value)", value.type_name()).into_bytes(),
            }),
            Err(error) => Outcome::Stopped(scope.raised(error).to_string()),
        }
    });
    standard.flush();
    Ok(outcome)
}

/// Runs it, and answers the exit code: 1 if anything was wrong, which standard error then tells.
pub fn run(invocation: Invocation, conditions: Conditions) -> u8 {
    run_with(invocation, conditions, Rc::new(Standard::of_process()), None)
}

/// The same with these streams. If nothing was wrong, it goes on at a prompt where there is a terminal.
pub fn run_with(
    invocation: Invocation,
    conditions: Conditions,
    standard: Rc<Standard>,
    terminal: Option<Box<dyn Terminal>>,
) -> u8 {
    let mut vm = match new_state_under(conditions, standard.clone()) {
        Ok(vm) => vm,
        Err(message) => {
            eprintln!("{PROGRAM}: {message}");
            return 1;
        }
    };
    let handler = vm.add_host_function("traceback", raw(handle));
    let prompt_standard = standard.clone();
    let outcome = vm.enter(move |scope| {
        let handler = scope.function(handler, &[])?.local();
        let failure = program(scope, &invocation, handler)?;
        if let (None, Some(mut terminal)) = (&failure, terminal) {
            let globals = scope.imported("_G");
            prompt::run(scope, &prompt_standard, &mut *terminal, globals, handler)?;
        }
        Ok(failure)
    });
    lockstep_interp::close(&mut vm);
    let warned = standard.clone();
    vm.enter(move |scope| library::show_warnings(scope, &warned));
    standard.flush();
    let failure = match outcome {
        Ok(None) => None,
        Ok(Some(message)) => Some(message),
        Err(error) => Some(vm.enter(move |scope| scope.raised(error).message.into_bytes())),
    };
    let Some(message) = failure else { return 0 };
    let line = [PROGRAM.as_bytes(), b": ", &message, b"\n"].concat();
    // There is nowhere else to say it.
    drop(std::io::stderr().write_all(&line));
    1
}

/// The message handler of everything that runs: a message gets a traceback, other values their text.
fn handle(call: &mut Scope<'_>) -> HostResult {
    let value = call.value(0);
    let text = match value.as_str() {
        Some(text) => text.bytes().to_vec(),
        None => {
            let method = call.metamethod(value, lockstep_runtime::Metamethod::ToString);
            if !method.is_nil() {
                let text = call.text(value)?;
                return call.answer(text);
            }
            match call.spell_number(value)? {
                Some(text) => text.bytes().to_vec(),
                None => format!("(error object is a {} value)", value.type_name()).into_bytes(),
            }
        }
    };
    let stack = library::stack(call, None, 1);
    call.answer([&text[..], b"\n", stack.as_bytes()].concat())
}

/// Runs all parts; the message of the one that failed.
fn program(scope: &mut Scope<'_>, invocation: &Invocation, handler: Local<'_>) -> HostResult<Option<Vec<u8>>> {
    let globals = scope.imported("_G");
    let table = scope.table(invocation.args.len() as u32, 2)?;
    for (index, word) in invocation.before.iter().rev().enumerate() {
        let word = scope.string(word.as_bytes())?;
        scope.raw_set_int(table, -1 - index as i64, word.local())?;
    }
    let name = scope.string(invocation.script.as_deref().unwrap_or(PROGRAM).as_bytes())?;
    scope.raw_set_int(table, 0, name.local())?;
    for (index, arg) in invocation.args.iter().enumerate() {
        let arg = scope.string(arg.as_bytes())?;
        scope.raw_set_int(table, index as i64 + 1, arg.local())?;
    }
    scope.set(globals, "arg", table)?;
    for step in &invocation.steps {
        let failed = match step {
            Step::Execute(source) => {
                let chunk = library::chunk(scope, source.as_bytes(), b"=(command line)", b"bt", globals)?;
                call_chunk(scope, chunk, &[], handler)?
            }
            Step::Require(name) => {
                let (global, module) = name.split_once('=').unwrap_or((name, name));
                let (require, module) = (scope.get(globals, "require")?, scope.string(module.as_bytes())?);
                match protected(scope, require, &[module.local()], handler)? {
                    Ok(values) => {
                        scope.set(globals, global, values.first().copied().unwrap_or(Local::NIL))?;
                        None
                    }
                    Err(message) => Some(message),
                }
            }
        };
        if failed.is_some() {
            return Ok(failed);
        }
    }
    let Some(script) = &invocation.script else { return Ok(None) };
    let (file, shown) = match script.as_str() {
        "-" => (None, "=stdin".to_owned()),
        file => (Some(file), format!("@{file}")),
    };
    let source = match library::read_file(file) {
        Ok(source) => source,
        Err(message) => return Ok(Some(message.into_bytes())),
    };
    let chunk = library::chunk(scope, &source, shown.as_bytes(), b"bt", globals)?;
    let args: Vec<Local<'_>> =
        invocation.args.iter().map(|arg| Ok(scope.string(arg.as_bytes())?.local())).collect::<HostResult<_>>()?;
    call_chunk(scope, chunk, &args, handler)
}

fn call_chunk(
    scope: &mut Scope<'_>,
    chunk: Result<Local<'_>, Vec<u8>>,
    args: &[Local<'_>],
    handler: Local<'_>,
) -> HostResult<Option<Vec<u8>>> {
    match chunk {
        Ok(function) => Ok(protected(scope, function, args, handler)?.err()),
        Err(message) => Ok(Some(message)),
    }
}

/// Calls with the handler: the results, or the message.
///
/// # Errors
/// There is no memory, or the run was interrupted.
pub fn protected<'s>(
    scope: &mut Scope<'s>,
    function: Local<'_>,
    args: &[Local<'_>],
    handler: Local<'_>,
) -> HostResult<Result<Locals<'s>, Vec<u8>>> {
    let xpcall = library::program_function(scope, "xpcall", &[])?;
    let all: Vec<Local<'_>> = [function, handler].into_iter().chain(args.iter().copied()).collect();
    let mut results = scope.call(xpcall, &all)?;
    let value = results.get(1).copied().unwrap_or(Local::NIL);
    if results.first().is_some_and(|ok| ok.truth()) {
        results.remove(0);
        return Ok(Ok(results));
    }
    Ok(Err(match value.as_str() {
        Some(text) => text.bytes().to_vec(),
        None => format!("(error object is a {} value)", value.type_name()).into_bytes(),
    }))
}
