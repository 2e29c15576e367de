//! CLIF: functions with run commands. Each is read, verified, compiled for x86-64, and its commands are run by the interpreter.

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::{Context, isa, settings, verify_function};
use cranelift_interpreter::environment::FunctionStore;
use cranelift_interpreter::interpreter::{Interpreter, InterpreterState};
use cranelift_interpreter::step::ControlFlow;
use cranelift_reader::{ParseOptions, parse_run_command, parse_test};

use crate::Tally;

/// Begins the message of what could not be run at all.
const LACKING: &str = "not interpreted: ";

/// Runs a file.
pub fn run(text: &str) -> Result<Tally, String> {
    let file = parse_test(text, ParseOptions::default()).map_err(|e| e.to_string())?;
    let flags = settings::Flags::new(settings::builder());
    let isa = isa::lookup_by_name("x86_64").map_err(|e| e.to_string())?.finish(flags).map_err(|e| e.to_string())?;
    let mut store = FunctionStore::default();
    for (function, _) in &file.functions {
        store.add(function.name.to_string(), function);
    }
    let mut tally = Tally::default();
    for (function, details) in &file.functions {
        verify_function(function, &*isa).map_err(|e| e.to_string())?;
        let mut context = Context::for_function(function.clone());
        context.compile(&*isa, &mut ControlPlane::default()).map_err(|e| format!("{}: {:?}", function.name, e.inner))?;
        for comment in &details.comments {
            let command = parse_run_command(comment.text, &function.signature).map_err(|e| e.to_string())?;
            let Some(command) = command else { continue };
            let state = InterpreterState::default().with_function_store(store.clone());
            let mut interpreter = Interpreter::new(state);
            let done = command.run(|name, args| match interpreter.call_by_name(&format!("%{name}"), args) {
                Ok(ControlFlow::Return(values)) => Ok(values.to_vec()),
                Ok(other) => Err(format!("it ended by {other:?}")),
                Err(e) => Err(format!("{LACKING}{e}")),
            });
            match done {
                Err(e) if e.contains(LACKING) => tally.lacking += 1,
                done => {
                    tally.made += 1;
                    tally.wrong += usize::from(done.is_err());
                }
            }
        }
    }
    Ok(tally)
}

#[test]
fn a_changed_expectation_fails() {
    let file = |sum: u32| {
        format!(
            "test interpret\ntest run\ntarget x86_64\n\nfunction %f(i32, i32) -> i32 {{\nblock0(v0: i32, v1: i32):\n    v2 = iadd v0, v1\n    return v2\n}}\n\
             ; run: %f(2, 3) == {sum}\n"
        )
    };
    assert_eq!(run(&file(5)), Ok(Tally { made: 1, ..Tally::default() }));
    assert_eq!(run(&file(6)), Ok(Tally { made: 1, wrong: 1, lacking: 0 }));
}
