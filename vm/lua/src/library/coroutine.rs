//! Coroutines: the functions of the prelude as a table.

use lockstep_runtime::{HostResult, Local, Scope, Table};

use super::{program_function, table_field};

pub fn open(scope: &mut Scope<'_>, globals: Table<'_>) -> HostResult {
    let table = table_field(scope, globals, "coroutine")?;
    for (name, function) in [
        ("create", "coroutine_create"),
        ("resume", "coroutine_resume"),
        ("yield", "coroutine_yield"),
        ("status", "coroutine_status"),
        ("close", "coroutine_close"),
    ] {
        let function = program_function(scope, function, &[])?;
        scope.raw_set(table, name, function)?;
    }
    // The main program has no coroutine of its own: one that is never resumed stands for it.
    let (create, idle) = (program_function(scope, "coroutine_create", &[])?, program_function(scope, "idle", &[])?);
    let main = scope.call_one(create, &[idle])?;
    let running = program_function(scope, "coroutine_running", &[main])?;
    scope.raw_set(table, "running", running)?;
    let yieldable = program_function(scope, "coroutine_isyieldable", &[])?;
    scope.raw_set(table, "isyieldable", yieldable)?;
    let finish = program_function(scope, "coroutine_finish", &[])?;
    let wrap = program_function(scope, "coroutine_wrap", &[finish])?;
    scope.raw_set(table, "wrap", wrap)
}

/// An error has ended the coroutine that a wrapped function resumes: it goes on in the caller.
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
