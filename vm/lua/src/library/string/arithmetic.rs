//! Arithmetic of strings: metamethods, which take strings for the numbers that they spell (manual §3.4.3).

use lockstep_runtime::{ArithError, ArithOp, HostError, HostResult, Local, Scope, Table, raw};

/// Puts a method for each operation into the metatable of strings.
pub fn open(scope: &mut Scope<'_>, metatable: Table<'_>) -> HostResult {
    for op in ArithOp::ALL.into_iter().filter(|op| !op.is_bitwise()) {
        let event = op.metamethod().name();
        let method = scope.add_function(event.trim_start_matches("__"), raw(move |call| operate(call, op)));
        scope.set_functions(metatable, [(event, method)])?;
    }
    Ok(())
}

fn operate(call: &mut Scope<'_>, op: ArithOp) -> HostResult {
    let (a, b) = (call.value(0), call.value(1));
    match call.arith(op, a, b) {
        Ok(value) => call.push(value),
        // The other operand may know what to do; of strings this is what they know.
        Err(ArithError::Operand) => match call.metamethod(b, op.metamethod()) {
            method if method.is_nil() || b.as_str().is_some() => Err(no_operand(op, a, b)),
            method => {
                let result = call.call_one(method, &[a, b])?;
                call.push(result)
            }
        },
        Err(error) => Err(HostError::Plain(error.message().unwrap_or_default().to_owned())),
    }
}

fn no_operand(op: ArithOp, a: Local<'_>, b: Local<'_>) -> HostError {
    let event = op.metamethod().name().trim_start_matches("__");
    HostError::Message(format!("attempt to {event} a '{}' with a '{}'", a.type_name(), b.type_name()))
}
