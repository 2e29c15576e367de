//! CLIF: functions with run commands. Each is read, verified, compiled for x86-64, and its commands are run by the interpreter.

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::TrapCode;
use cranelift_codegen::{Context, isa, settings, verify_function};
use cranelift_interpreter::environment::FunctionStore;
use cranelift_interpreter::interpreter::{Interpreter, InterpreterState};
use cranelift_interpreter::step::{ControlFlow, CraneliftTrap};
use cranelift_reader::{ParseOptions, RunCommand, parse_run_command, parse_test};

use crate::Tally;

/// Commands that `cranelift-interpreter` fails by a fault of its own, as of 0.135.8: for the least value by -1, `srem` in `src/value.rs` traps with
/// an integer overflow, as `sdiv` must. By its definition (`cranelift-codegen-meta`, `shared/instructions.rs`) `srem` traps if the divisor is
/// zero and in no other case; the x86-64 lowering gives 0 (`CheckedSRemSeq` in `isa/x64/inst.isle`, which is there for that), and so must
/// WebAssembly's `rem_s`, which becomes `srem`.
///
/// Each must fail in just this way; one that comes out as stated is wrong here.
const SREM_TRAPS: &[&str] = &[
    "%srem_i8(-128, -1) == 0",
    "%srem_i16(-32768, -1) == 0",
    "%srem_i32(-2147483648, -1) == 0",
    "%srem_i64(-9223372036854775808, -1) == 0",
];

/// How they end.
const TRAP: CraneliftTrap = CraneliftTrap::User(TrapCode::INTEGER_OVERFLOW);

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
        context
            .compile(&*isa, &mut ControlPlane::default())
            .map_err(|e| format!("{}: {:?}", function.name, e.inner))?;
        for comment in &details.comments {
            let command = parse_run_command(comment.text, &function.signature).map_err(|e| e.to_string())?;
            let Some(command) = command else { continue };
            // Cranelift's own `test run` calls the function that the command follows, whatever name it gives.
            match &command {
                RunCommand::Run(call, ..) if format!("%{}", call.func) == function.name.to_string() => {}
                _ => return Err(format!("`{command}` stands after {}", function.name)),
            }
            let state = InterpreterState::default().with_function_store(store.clone());
            let mut interpreter = Interpreter::new(state);
            let done = command.run(|name, args| match interpreter.call_by_name(&format!("%{name}"), args) {
                Ok(ControlFlow::Return(values)) => Ok(values.to_vec()),
                Ok(ControlFlow::Trap(trap)) => Err(trap.to_string()),
                Ok(other) => Err(format!("it ended by {other:?}")),
                Err(error) => Err(error.to_string()),
            });
            tally.made += 1;
            let known = SREM_TRAPS.iter().any(|known| comment.text.ends_with(known));
            match done {
                Ok(()) if known => tally.wrong.push(format!("{command}: the known fault is gone")),
                Ok(()) => {}
                Err(error) if known && error == TRAP.to_string() => {
                    tally.faults.push(format!("fault of cranelift-interpreter: {command}: {error}"));
                }
                Err(error) => tally.wrong.push(format!("{command}: {error}")),
            }
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, op: &str, ty: &str, command: &str) -> Result<Tally, String> {
        run(&format!(
            "test interpret\ntest run\ntarget x86_64\n\nfunction %{name}({ty}, {ty}) -> {ty} {{\nblock0(v0: {ty}, v1: {ty}):\n    v2 = {op} v0, v1\n    \
             return v2\n}}\n; run: {command}\n"
        ))
    }

    /// Checks made, wrong, and wrong by a known fault.
    fn counts(tally: Result<Tally, String>) -> (usize, usize, usize) {
        let tally = tally.expect("it is run");
        (tally.made, tally.wrong.len(), tally.faults.len())
    }

    #[test]
    fn a_changed_expectation_fails() {
        assert_eq!(counts(file("f", "iadd", "i32", "%f(2, 3) == 5")), (1, 0, 0));
        assert_eq!(counts(file("f", "iadd", "i32", "%f(2, 3) == 6")), (1, 1, 0));
    }

    #[test]
    fn only_the_known_fault_is_excused() {
        assert_eq!(counts(file("srem_i8", "srem", "i8", "%srem_i8(-128, -1) == 0")), (1, 0, 1));
        // Another expectation; another trap; no trap where one is known.
        assert_eq!(counts(file("srem_i8", "srem", "i8", "%srem_i8(-128, -1) == 1")), (1, 1, 0));
        assert_eq!(counts(file("srem_i8", "srem", "i8", "%srem_i8(-128, 0) == 0")), (1, 1, 0));
        assert_eq!(counts(file("srem_i8", "ishl", "i8", "%srem_i8(-128, -1) == 0")), (1, 1, 0));
    }

    #[test]
    fn a_command_stands_after_its_function() {
        assert!(file("f", "iadd", "i32", "%g(2, 3) == 5").is_err());
    }
}
