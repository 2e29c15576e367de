//! `debug`, as far as programs use it: tracebacks, places, metatables.

use lockstep_runtime::{HostResult, Local, Position, Scope, Str};

use super::{Code, optional};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("gethook", |_| Ok(())),
    ("getinfo", getinfo),
    ("getmetatable", getmetatable),
    ("getregistry", |call| {
        let loaded = call.imported("_LOADED");
        call.answer(loaded)
    }),
    ("sethook", |_| Err("hooks are not supported".into())),
    ("setmetatable", setmetatable),
    ("traceback", traceback),
];

fn getmetatable(call: &mut Scope<'_>) -> HostResult {
    let value = call.value(0);
    let metatable = call.metatable(value);
    call.answer(metatable)
}

fn setmetatable(call: &mut Scope<'_>) -> HostResult {
    let (value, metatable) = (call.value(0), call.value(1).as_table());
    if metatable.is_none() && !call.value(1).is_nil() {
        return Err(call.wrong_type(1, "nil or table"));
    }
    match (value.as_table(), value.as_userdata()) {
        (Some(table), _) => call.set_metatable(table, metatable),
        (_, Some(userdata)) => call.set_userdata_metatable(userdata, metatable),
        _ => call.set_type_metatable(value, metatable),
    }
    call.answer(value)
}

/// One line of a traceback.
fn place(scope: &Scope<'_>, position: Position) -> String {
    let (module, func) = scope.modules().find(position.func);
    let name = &module.function(func).name;
    if position.line == 0 {
        return format!("[C]: in function '{name}'");
    }
    let source = &module.source;
    let what = match name.split_once('_') {
        None => "main chunk".to_owned(),
        Some((_, "")) => {
            format!("function <{source}:{}>", module.function(func).lines.runs().first().map_or(0, |run| run.1))
        }
        Some((_, name)) => format!("function '{name}'"),
    };
    format!("{source}:{}: in {what}", position.line)
}

/// Who has called whom, from a level on: 1 is the caller of the host's function that asks.
pub fn stack(scope: &Scope<'_>, level: usize) -> String {
    let traceback = scope.traceback();
    let mut text = "stack traceback:".to_owned();
    for position in traceback.innermost.iter().skip(level.saturating_sub(1)) {
        text += &format!("\n\t{}", place(scope, *position));
    }
    if traceback.omitted != 0 {
        text += &format!("\n\t...\t(skipping {} levels)", traceback.omitted);
    }
    for position in &traceback.outermost {
        text += &format!("\n\t{}", place(scope, *position));
    }
    text + "\n\t[C]: in ?"
}

fn traceback(call: &mut Scope<'_>) -> HostResult {
    let first = usize::from(call.value(0).type_name() == "thread");
    let message = call.value(first);
    if message.as_str().is_none() && !message.is_nil() {
        return call.answer(message);
    }
    let level: i64 = optional(call, first + 1, 1)?;
    let stack = if first == 1 { "stack traceback:".to_owned() } else { stack(call, level.max(1) as usize) };
    match call.arg::<Option<Str<'_>>>(first)? {
        Some(message) => call.answer([message.bytes(), b"\n", stack.as_bytes()].concat()),
        None => call.answer(stack),
    }
}

fn getinfo(call: &mut Scope<'_>) -> HostResult {
    let first = usize::from(call.value(0).type_name() == "thread");
    let table = call.table(0, 8)?;
    let function = call.value(first);
    if function.as_function().is_some() {
        call.raw_set(table, "func", function)?;
        call.raw_set(table, "what", "Lua")?;
        call.raw_set(table, "source", "=?")?;
        call.raw_set(table, "short_src", "?")?;
        call.raw_set(table, "currentline", -1i64)?;
        return call.answer(table);
    }
    let level: i64 = call.arg(first)?;
    let position = match level {
        0 => None,
        _ => {
            let index = usize::try_from(level - 1).map_err(|_| call.bad_argument(first, "level out of range"))?;
            match call.traceback().innermost.get(index) {
                Some(position) => Some(*position),
                None => return call.answer(Local::NIL),
            }
        }
    };
    let (source, line, what) = match position.filter(|position| position.line != 0) {
        Some(position) => {
            let (module, func) = call.modules().find(position.func);
            let what = if func.0 == 0 { "main" } else { "Lua" };
            (module.source.clone(), i64::from(position.line), what)
        }
        None => ("[C]".to_owned(), -1, "C"),
    };
    call.raw_set(table, "currentline", line)?;
    call.raw_set(table, "short_src", source.as_str())?;
    call.raw_set(table, "source", format!("{}{source}", if what == "C" { "=" } else { "@" }))?;
    call.raw_set(table, "what", what)?;
    call.raw_set(table, "namewhat", "")?;
    call.answer(table)
}
