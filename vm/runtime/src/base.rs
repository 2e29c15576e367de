//! The host functions that every VM has: what cases and front ends need to look at values.
//!
//! They are Lua's, of the same names; `sqrt` is its `math.sqrt`, `collect` runs a full collection, `memory` answers the bytes in use, `apply` calls its first
//! argument, and `userdata` makes a userdata with the metatable given. Objects are spelled by their type alone, so that
//! output is the same in every run.

use crate::dynamic::Dynamic;
use crate::heap::Heap;
use crate::host::{HostCode, HostFunction, HostResult, IntoValue, Local, Scope, Str, Table, raw, typed};
use crate::metamethod::Metamethod;

/// Registers all of them.
pub(crate) fn register(heap: &mut Heap, dynamic: &mut Dynamic) {
    let functions: [(&str, HostCode); 15] = [
        ("print", raw(print)),
        ("tostring", raw(tostring)),
        ("type", typed(|value: Local<'_>| value.type_name())),
        ("next", raw(next)),
        ("rawget", raw(rawget)),
        ("rawset", raw(rawset)),
        ("rawequal", typed(|a: Local<'_>, b: Local<'_>| a.raw_equals(b))),
        ("rawlen", typed(rawlen)),
        ("getmetatable", raw(getmetatable)),
        ("setmetatable", raw(setmetatable)),
        ("collect", raw(collect)),
        ("memory", raw(memory)),
        ("apply", raw(apply)),
        ("sqrt", typed(f64::sqrt)),
        ("userdata", raw(userdata)),
    ];
    for (name, code) in functions {
        let number = dynamic.hosts.len() as u64;
        if name == "next" {
            dynamic.next = number;
        }
        dynamic.hosts.push(std::rc::Rc::new(HostFunction { name: name.into(), code }));
        let function = heap.new_foreign(number, &[]).expect("the host has memory for its own functions");
        dynamic.imports.insert(name.as_bytes().to_vec(), function.slot());
    }
}

/// What a value is called: what its metamethod `__tostring` says, its spelling, or its type.
fn text<'s>(scope: &mut Scope<'s>, value: Local<'_>) -> HostResult<Str<'s>> {
    scope.text_or(value, |scope| scope.type_of(value))
}

fn print(call: &mut Scope<'_>) -> HostResult {
    let mut line = Vec::new();
    for index in 0..call.count() {
        if index != 0 {
            line.push(b'\t');
        }
        let value = call.value(index);
        call.scope(|scope| text(scope, value).map(|text| line.extend_from_slice(text.bytes())))?;
    }
    line.push(b'\n');
    call.write(&line)
}

fn tostring(call: &mut Scope<'_>) -> HostResult {
    let text = text(call, call.value(0))?;
    call.push(text)
}

fn next(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    match call.next(table, call.value(1))? {
        Some(entry) => call.answer(entry),
        None => call.answer(Local::NIL),
    }
}

fn rawget(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    let value = call.raw_get(table, call.value(1))?;
    call.push(value)
}

fn rawset(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    call.raw_set(table, call.value(1), call.value(2))?;
    call.push(table)
}

fn rawlen(value: Local<'_>) -> Result<i64, &'static str> {
    match (value.as_table(), value.as_str()) {
        (Some(table), _) => Ok(table.raw_len()),
        (_, Some(string)) => Ok(string.bytes().len() as i64),
        _ => Err("table or string expected"),
    }
}

fn getmetatable(call: &mut Scope<'_>) -> HostResult {
    let value = call.value(0);
    let shown = call.metamethod(value, Metamethod::Metatable);
    let metatable = if shown.is_nil() { call.metatable(value).into_value(call)? } else { shown };
    call.push(metatable)
}

fn setmetatable(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    let metatable = call.value(1).as_table();
    if metatable.is_none() && (!call.value(1).is_nil() || call.count() < 2) {
        return Err(call.wrong_type(1, "nil or table"));
    }
    if !call.metamethod(table.local(), Metamethod::Metatable).is_nil() {
        return Err("cannot change a protected metatable".into());
    }
    call.set_metatable(table, metatable);
    call.push(table)
}

fn collect(call: &mut Scope<'_>) -> HostResult {
    call.collect();
    Ok(())
}

fn memory(call: &mut Scope<'_>) -> HostResult {
    let used = call.memory() as i64;
    call.push(used)
}

/// A userdata of no content, with its argument as metatable if that is a table.
fn userdata(call: &mut Scope<'_>) -> HostResult {
    let userdata = call.userdata((), 0)?;
    call.set_userdata_metatable(userdata, call.value(0).as_table());
    call.push(userdata.local())
}

/// Calls its first argument with the others: a call of the program below a function of the host.
fn apply(call: &mut Scope<'_>) -> HostResult {
    let function = call.value(0);
    if function.is_nil() {
        return Err(call.wrong_type(0, "function"));
    }
    let args = call.values(1);
    let results = call.call(function, &args)?;
    call.push_all(&results);
    Ok(())
}
