//! The basic functions that are no matter of loading or output.

use lockstep_runtime::{HostResult, Local, Metamethod, Scope, Str, Table};

use super::{Code, number, optional};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("assert", assert),
    ("collectgarbage", collectgarbage),
    ("error", error),
    ("getmetatable", getmetatable),
    ("ipairs", ipairs),
    ("pairs", pairs),
    ("rawequal", rawequal),
    ("rawget", rawget),
    ("rawlen", rawlen),
    ("rawset", rawset),
    ("select", select),
    ("setmetatable", setmetatable),
    ("tonumber", tonumber),
    ("tostring", tostring),
    ("type", type_of),
];

fn assert(call: &mut Scope<'_>) -> HostResult {
    if call.present(0)?.truth() {
        let values = call.values(0);
        call.push_all(&values);
        return Ok(());
    }
    if call.count() < 2 {
        return Err(call.error("assertion failed!"));
    }
    let value = call.value(1);
    Err(call.error(value))
}

fn collectgarbage(call: &mut Scope<'_>) -> HostResult {
    let option = call.arg::<Option<Str<'_>>>(0)?.map_or(&b"collect"[..], Str::bytes);
    match option {
        b"collect" => {
            call.collect();
            call.answer(0i64)
        }
        b"count" => {
            let used = call.memory();
            call.answer(used as f64 / 1024.0)
        }
        b"step" => {
            call.collect();
            call.answer(true)
        }
        b"isrunning" => call.answer(true),
        b"stop" | b"restart" | b"setpause" | b"setstepmul" => call.answer(0i64),
        b"incremental" | b"generational" => call.answer("incremental"),
        other => {
            let problem = format!("invalid option '{}'", String::from_utf8_lossy(other));
            Err(call.bad_argument(0, problem))
        }
    }
}

fn error(call: &mut Scope<'_>) -> HostResult {
    let level: i64 = optional(call, 1, 1)?;
    let value = call.value(0);
    if let Some(text) = value.as_str()
        && level > 0
        && let Some(location) = call.location(level as usize)
    {
        let message = [location.as_bytes(), b" ", text.bytes()].concat();
        return Err(call.error(message));
    }
    Err(call.error(value))
}

fn getmetatable(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let Some(metatable) = call.metatable(value) else { return call.answer(Local::NIL) };
    let shown = call.metamethod(value, Metamethod::Metatable);
    if shown.is_nil() { call.answer(metatable) } else { call.answer(shown) }
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
    call.answer(table)
}

fn ipairs(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let next = call.imported("ipairs_next");
    call.answer((next, value, 0i64))
}

fn pairs(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let method = call.metamethod(value, Metamethod::Pairs);
    if !method.is_nil() {
        let results = call.call(method, &[value])?;
        let result = |index: usize| results.get(index).copied().unwrap_or(Local::NIL);
        return call.answer((result(0), result(1), result(2)));
    }
    let next = call.imported("next");
    let table: Table<'_> = call.arg(0)?;
    call.answer((next, table, Local::NIL))
}

fn rawequal(call: &mut Scope<'_>) -> HostResult {
    let (a, b) = (call.present(0)?, call.present(1)?);
    call.answer(a.raw_equals(b))
}

fn rawget(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    let key = call.present(1)?;
    let value = call.raw_get(table, key)?;
    call.answer(value)
}

fn rawset(call: &mut Scope<'_>) -> HostResult {
    let table: Table<'_> = call.arg(0)?;
    let (key, value) = (call.present(1)?, call.present(2)?);
    call.raw_set(table, key, value)?;
    call.answer(table)
}

fn rawlen(call: &mut Scope<'_>) -> HostResult {
    match (call.value(0).as_table(), call.value(0).as_str()) {
        (Some(table), _) => call.answer(table.raw_len()),
        (_, Some(string)) => call.answer(string.bytes().len() as i64),
        _ => Err(call.bad_argument(0, "table or string expected")),
    }
}

fn select(call: &mut Scope<'_>) -> HostResult {
    let count = call.count() as i64 - 1;
    if call.value(0).as_str().is_some_and(|text| text.bytes().first() == Some(&b'#')) {
        return call.answer(count);
    }
    let index: i64 = call.arg(0)?;
    let from = if index < 0 { count + index } else { index - 1 };
    if from < 0 {
        return Err(call.bad_argument(0, "index out of range"));
    }
    let values = call.values(usize::try_from(from).unwrap_or(usize::MAX).saturating_add(1));
    call.push_all(&values);
    Ok(())
}

fn tonumber(call: &mut Scope<'_>) -> HostResult {
    if call.value(1).is_nil() {
        let value = call.present(0)?;
        let number = call.to_number(value);
        return call.answer(number);
    }
    let base: i64 = call.arg(1)?;
    let Some(text) = call.value(0).as_str() else { return Err(call.wrong_type(0, "string")) };
    if !(2..=36).contains(&base) {
        return Err(call.bad_argument(1, "base out of range"));
    }
    call.answer(number::integer_in_base(text.bytes(), base as u32))
}

fn tostring(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let text = call.text(value)?;
    call.answer(text)
}

fn type_of(call: &mut Scope<'_>) -> HostResult {
    let name = call.present(0)?.type_name();
    call.answer(name)
}
