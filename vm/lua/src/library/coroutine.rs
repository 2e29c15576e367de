//! Coroutines: functions of the prelude, which switch, and functions that look.

use lockstep_runtime::{HostError, HostResult, Local, Scope, Table};

use super::{Code, program_function, table_field};

pub const FUNCTIONS: &[(&str, Code)] = &[("isyieldable", isyieldable), ("status", status)];

pub fn open(scope: &mut Scope<'_>, globals: Table<'_>) -> HostResult {
    let table = table_field(scope, globals, "coroutine")?;
    for (name, function) in [
        ("create", "coroutine_create"),
        ("resume", "coroutine_resume"),
        ("yield", "coroutine_yield"),
        ("close", "coroutine_close"),
    ] {
        let function = program_function(scope, function, &[])?;
        scope.raw_set(table, name, function)?;
    }
    // The main program has no coroutine of its own: one that is never resumed stands for it.
    let (create, idle) = (program_function(scope, "coroutine_create", &[])?, program_function(scope, "idle", &[])?);
    let main = scope.call_one(create, &[idle])?;
    scope.stand_for_main(main);
    let running = program_function(scope, "coroutine_running", &[main])?;
    scope.raw_set(table, "running", running)?;
    let failed = program_function(scope, "coroutine_wrapped_failed", &[])?;
    let wrap = program_function(scope, "coroutine_wrap", &[failed])?;
    scope.raw_set(table, "wrap", wrap)
}

fn isyieldable(call: &mut Scope<'_>) -> HostResult {
    let coroutine = (call.count() > 0).then(|| call.value(0));
    if coroutine.is_some_and(|value| value.type_name() != "thread") {
        return Err(call.wrong_type(0, "thread"));
    }
    let answer = call.is_yieldable(coroutine);
    call.answer(answer)
}

fn status(call: &mut Scope<'_>) -> HostResult {
    let coroutine = call.value(0);
    match call.coroutine_status(coroutine) {
        Some(status) => call.answer(status),
        None => Err(call.wrong_type(0, "thread")),
    }
}

/// An error has ended the coroutine that a wrapped function resumes: it goes on in the caller of that function.
pub fn failed(call: &mut Scope<'_>) -> HostResult {
    let value: Local<'_> = call.value(0);
    if let Some(text) = value.as_str()
        && let Some(location) = call.location(1)
    {
        let message = [location.as_bytes(), b" ", text.bytes()].concat();
        return Err(call.error(message));
    }
    Err(call.error(value))
}

/// Whether `pcall` was given anything to call.
pub fn check_given(call: &mut Scope<'_>) -> HostResult {
    match call.given_to_caller() {
        0 => Err(HostError::ArgumentOfCaller { index: 0, problem: "value expected".to_owned() }),
        _ => Ok(()),
    }
}

/// Whether the message handler of `xpcall` is a function.
pub fn check_handler(call: &mut Scope<'_>) -> HostResult {
    let handler = call.value(0);
    if handler.as_function().is_some() {
        return Ok(());
    }
    let got = if call.given_to_caller() < 2 { "no value".to_owned() } else { call.type_of(handler) };
    Err(HostError::ArgumentOfCaller { index: 1, problem: format!("function expected, got {got}") })
}
