//! The basic functions that are no matter of loading or output.

use std::cell::Cell;

use lockstep_runtime::{HostError, HostResult, IntoValue, Local, Metamethod, Scope, Str, Table};

use super::{Code, Standard, number, optional};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("assert", assert),
    ("error", error),
    ("getmetatable", getmetatable),
    ("ipairs", ipairs),
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
        return Err(raised_at(call, "assertion failed!", 1));
    }
    let value = call.value(1);
    Err(raised_at(call, value, 1))
}

/// The error that raises a value; of a string, with the position of a level in front.
fn raised_at(call: &mut Scope<'_>, value: impl IntoValue, level: usize) -> HostError {
    let value = match value.into_value(call) {
        Ok(value) => value,
        Err(error) => return error,
    };
    match value.as_str().and_then(|text| Some((text, call.location(level)?))) {
        Some((text, location)) => call.error([location.as_bytes(), b" ", text.bytes()].concat()),
        None => call.error(value),
    }
}

/// What programs have set of the collector. All but whether it runs has no effect here.
#[derive(Debug)]
pub struct Collector {
    is_stopped: Cell<bool>,
    mode: Cell<&'static str>,
    pause: Cell<i64>,
    step_multiplier: Cell<i64>,
}

impl Default for Collector {
    fn default() -> Collector {
        Collector {
            is_stopped: Cell::new(false),
            mode: Cell::new("generational"),
            pause: Cell::new(200),
            step_multiplier: Cell::new(100),
        }
    }
}

/// `collectgarbage`.
pub fn collectgarbage(call: &mut Scope<'_>, settings: &Collector, standard: &Standard) -> HostResult {
    let option = call.arg::<Option<Str<'_>>>(0)?.map_or(&b"collect"[..], Str::bytes);
    let stop = |call: &mut Scope<'_>, stopped: bool| {
        settings.is_stopped.set(stopped);
        call.stop_collector(stopped);
    };
    let collect = |call: &mut Scope<'_>| {
        call.collect();
        call.finalize_pending();
        super::warn::show(call, standard);
    };
    match option {
        b"collect" => {
            collect(call);
            call.answer(0i64)
        }
        b"count" => {
            let used = call.memory();
            call.answer(used as f64 / 1024.0)
        }
        b"step" => {
            collect(call);
            call.answer(true)
        }
        b"isrunning" => call.answer(!settings.is_stopped.get()),
        b"stop" | b"restart" => {
            stop(call, option == b"stop");
            call.answer(0i64)
        }
        b"setpause" => {
            let value = optional(call, 1, 0)?;
            call.answer(settings.pause.replace(value))
        }
        b"setstepmul" => {
            let value = optional(call, 1, 0)?;
            call.answer(settings.step_multiplier.replace(value))
        }
        b"incremental" => call.answer(settings.mode.replace("incremental")),
        b"generational" => call.answer(settings.mode.replace("generational")),
        other => {
            let problem = format!("invalid option '{}'", String::from_utf8_lossy(other));
            Err(call.bad_argument(0, problem))
        }
    }
}

fn error(call: &mut Scope<'_>) -> HostResult {
    let level: i64 = optional(call, 1, 1)?;
    let value = call.value(0);
    Err(raised_at(call, value, usize::try_from(level).unwrap_or(0)))
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

/// The metamethod `__pairs` of what `pairs`, which calls this, was given; nil if it has none.
pub fn pairs_method(call: &mut Scope<'_>) -> HostResult {
    if call.given_to_caller() == 0 {
        let problem = "value expected".to_owned();
        return Err(HostError::ArgumentOfCaller { index: 0, problem });
    }
    let value = call.value(0);
    let method = call.metamethod(value, Metamethod::Pairs);
    call.answer(method)
}

/// The key after the one that the iterator of `ipairs` is given.
pub fn ipairs_key(call: &mut Scope<'_>) -> HostResult {
    match call.arg::<i64>(0) {
        Ok(key) => call.answer(key.wrapping_add(1)),
        Err(HostError::Argument { problem, .. }) => {
            let problem = if call.given_to_caller() < 2 { "number expected, got no value".to_owned() } else { problem };
            Err(HostError::ArgumentOfCaller { index: 1, problem })
        }
        Err(error) => Err(error),
    }
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
        _ => Err(call.wrong_type(0, "table or string")),
    }
}

fn select(call: &mut Scope<'_>) -> HostResult {
    let count = call.count() as i64 - 1;
    if call.value(0).as_str().is_some_and(|text| text.bytes().first() == Some(&b'#')) {
        return call.answer(count);
    }
    let index: i64 = call.arg(0)?;
    let too_far = i64::from(index < -1 && lockstep_runtime::planted!("select-offset"));
    let from = if index < 0 { count + index + too_far } else { index - 1 };
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
