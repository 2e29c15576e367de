//! `debug`: who has called whom, functions and their variables, metatables. Hooks are not supported.

use std::collections::BTreeSet;

use lockstep_bytecode::{FuncId, Pc, Reg};
use lockstep_runtime::{HostResult, Local, Scope, Table};

use super::{Code, Standard, optional_bytes};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("gethook", |call| call.answer(Local::NIL)),
    ("getinfo", getinfo),
    ("getlocal", getlocal),
    ("getmetatable", getmetatable),
    ("getregistry", |call| {
        let loaded = call.imported("_LOADED");
        call.answer(loaded)
    }),
    ("getupvalue", getupvalue),
    ("getuservalue", |call| call.answer(Local::NIL)),
    ("setcstacklimit", |call| call.answer(C_CALLS)),
    ("sethook", sethook),
    ("setlocal", setlocal),
    ("setmetatable", setmetatable),
    ("setupvalue", setupvalue),
    ("setuservalue", |call| {
        if call.value(0).as_userdata().is_none() {
            return Err(call.wrong_type(0, "userdata"));
        }
        call.answer(Local::NIL)
    }),
    ("traceback", traceback),
    ("upvalueid", upvalueid),
    ("upvaluejoin", upvaluejoin),
];

/// The limit of calls from C that Lua has.
const C_CALLS: i64 = 200;

/// The most levels that a traceback shows in full, and those of its two parts if there are more. Of those left out it counts one less, as PUC Lua does.
const MOST_LEVELS: usize = 22;
const FIRST_LEVELS: usize = 10;
const LAST_LEVELS: usize = 11;

/// The coroutine that is the first argument, and the number of the argument behind it.
fn thread_arg<'s>(call: &Scope<'s>) -> (Option<Local<'s>>, usize) {
    let first = call.value(0);
    if first.type_name() == "thread" { (Some(first), 1) } else { (None, 0) }
}

fn getmetatable(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(0)?;
    let metatable = call.metatable(value);
    call.answer(metatable)
}

fn setmetatable(call: &mut Scope<'_>) -> HostResult {
    let (value, metatable) = (call.value(0), call.value(1).as_table());
    if metatable.is_none() && (!call.value(1).is_nil() || call.count() < 2) {
        return Err(call.wrong_type(1, "nil or table"));
    }
    match (value.as_table(), value.as_userdata()) {
        (Some(table), _) => call.set_metatable(table, metatable),
        (_, Some(userdata)) => call.set_userdata_metatable(userdata, metatable),
        _ => call.set_type_metatable(value, metatable),
    }
    call.answer(value)
}

/// Refuses hooks; to have none is what there is.
fn sethook(call: &mut Scope<'_>) -> HostResult {
    let (_, first) = thread_arg(call);
    if call.value(first).is_nil() { Ok(()) } else { Err("hooks are not supported".into()) }
}

// ---- tracebacks ---------------------------------------------------------------------------------------------------------

/// What a function was defined as.
struct Definition {
    source: String,
    is_main: bool,
    first_line: i64,
    last_line: i64,
    params: i64,
    is_vararg: bool,
    lines: BTreeSet<u32>,
}

impl Definition {
    /// The definition of a function of a chunk; `None` of a library's.
    fn of(call: &Scope<'_>, func: FuncId) -> Option<Definition> {
        let modules = call.modules();
        if modules.is_library(func) {
            return None;
        }
        let (module, local) = modules.find(func);
        let function = modules.original(func, Pc(0), Reg(0)).0;
        let lines: BTreeSet<u32> = function.lines.runs().iter().map(|run| run.1).collect();
        // `f3_12_name`: see the code generator.
        let line = function.name.split('_').nth(1).and_then(|line| line.parse().ok());
        let is_main = local.0 == 0 && line.is_none();
        Some(Definition {
            source: module.source.clone(),
            is_main,
            first_line: if is_main { 0 } else { line.unwrap_or(-1) },
            last_line: if is_main { 0 } else { function.lines.runs().last().map_or(-1, |run| i64::from(run.1)) },
            params: function.param_count.into(),
            is_vararg: function.is_vararg,
            lines,
        })
    }
}

/// Who has called whom in the running thread or a coroutine, from a level on.
pub fn stack(scope: &Scope<'_>, coroutine: Option<Local<'_>>, level: usize) -> String {
    let mut text = "stack traceback:".to_owned();
    let count = scope.activations(coroutine).count().saturating_sub(level);
    let (shown, left) = if count > MOST_LEVELS { (FIRST_LEVELS, count - LAST_LEVELS) } else { (count, count) };
    for (index, activation) in scope.activations(coroutine).skip(level).enumerate() {
        if index == shown && left > shown {
            text += &format!("\n\t...\t(skipping {} levels)", left - shown - 1);
        }
        if (shown..left).contains(&index) {
            continue;
        }
        let definition = activation.position().and_then(|position| Definition::of(scope, position.func));
        let place = match (&definition, activation.position()) {
            (Some(definition), Some(position)) if position.line == 0 => format!("{}: in ", definition.source),
            (Some(definition), Some(position)) => format!("{}:{}: in ", definition.source, position.line),
            _ => "[C]: in ".to_owned(),
        };
        let what = match (activation.library_name(), activation.name(), definition) {
            (Some(name), ..) => format!("function '{name}'"),
            (None, Some(named), _) => named.to_string(),
            (None, None, Some(definition)) if definition.is_main => "main chunk".to_owned(),
            (None, None, Some(definition)) => format!("function <{}:{}>", definition.source, definition.first_line),
            (None, None, None) => "?".to_owned(),
        };
        text += &format!("\n\t{place}{what}");
        if activation.is_tail_call() {
            text += "\n\t(...tail calls...)";
        }
    }
    text
}

fn traceback(call: &mut Scope<'_>) -> HostResult {
    let (coroutine, first) = thread_arg(call);
    let value = call.value(first);
    let message = match value.as_str() {
        Some(text) => Some(text.bytes().to_vec()),
        None => call.spell_number(value)?.map(|text| text.bytes().to_vec()),
    };
    if message.is_none() && !value.is_nil() {
        return call.answer(value);
    }
    let level: i64 = super::optional(call, first + 1, i64::from(coroutine.is_none()))?;
    let stack = stack(call, coroutine, usize::try_from(level).unwrap_or(usize::MAX));
    match message {
        Some(message) => call.answer([&message[..], b"\n", stack.as_bytes()].concat()),
        None => call.answer(stack),
    }
}

// ---- functions ----------------------------------------------------------------------------------------------------------

fn getinfo(call: &mut Scope<'_>) -> HostResult {
    let (coroutine, first) = thread_arg(call);
    let options = optional_bytes(call, first + 1, b"flnSrtu")?;
    if options.iter().any(|option| !b"SlnrutLf".contains(option)) {
        return Err(call.bad_argument(first + 1, "invalid option"));
    }
    let asked = call.value(first);
    let level = match asked.as_function() {
        Some(_) => None,
        None => {
            let number: i64 = call.arg(first)?;
            match usize::try_from(number).ok().and_then(|number| call.level(coroutine, number)) {
                Some(level) => Some(level),
                None => return call.answer(Local::NIL),
            }
        }
    };
    let function = level.as_ref().map_or(asked, |level| level.function);
    let definition = call.code_of(function).and_then(|func| Definition::of(call, func));
    let table = call.table(0, 16)?;
    for option in options {
        match (option, &definition) {
            (b'S', None) => {
                set_texts(call, table, &[("source", "=[C]"), ("short_src", "[C]"), ("what", "C")])?;
                call.raw_set(table, "linedefined", -1i64)?;
                call.raw_set(table, "lastlinedefined", -1i64)?;
            }
            (b'S', Some(definition)) => {
                let what = if definition.is_main { "main" } else { "Lua" };
                let source = full_source(call, function)?;
                call.raw_set(table, "source", source)?;
                set_texts(call, table, &[("short_src", &definition.source), ("what", what)])?;
                call.raw_set(table, "linedefined", definition.first_line)?;
                call.raw_set(table, "lastlinedefined", definition.last_line)?;
            }
            (b'l', _) => {
                let position = level.as_ref().and_then(|level| level.position);
                let position = position.filter(|position| definition.is_some() && position.line != 0);
                call.raw_set(table, "currentline", position.map_or(-1, |position| i64::from(position.line)))?;
            }
            (b'u', definition) => {
                let count = call.upvalue_count(function).unwrap_or(0) as i64;
                let (params, is_vararg) =
                    definition.as_ref().map_or((0, true), |definition| (definition.params, definition.is_vararg));
                call.raw_set(table, "nups", if definition.is_some() { count } else { 0 })?;
                call.raw_set(table, "nparams", params)?;
                call.raw_set(table, "isvararg", is_vararg)?;
            }
            (b'n', _) => {
                let name = level.as_ref().and_then(|level| level.name.clone());
                let (what, name) = name.map_or(("", None), |named| (named.what, Some(named.name)));
                call.raw_set(table, "namewhat", what)?;
                if let Some(name) = name {
                    call.raw_set(table, "name", name)?;
                }
            }
            (b't', _) => {
                call.raw_set(table, "istailcall", level.as_ref().is_some_and(|level| level.is_tail_call))?;
            }
            (b'r', _) => {
                call.raw_set(table, "ftransfer", 0i64)?;
                call.raw_set(table, "ntransfer", 0i64)?;
            }
            (b'L', Some(definition)) => {
                let lines = call.table(0, definition.lines.len() as u32)?;
                for line in &definition.lines {
                    call.raw_set(lines, i64::from(*line), true)?;
                }
                call.raw_set(table, "activelines", lines)?;
            }
            (b'f', _) => call.raw_set(table, "func", function)?,
            _ => {}
        }
    }
    call.answer(table)
}

fn set_texts(call: &mut Scope<'_>, table: Table<'_>, fields: &[(&str, &str)]) -> HostResult {
    fields.iter().try_for_each(|(name, text)| call.raw_set(table, *name, *text))
}

/// The name that the chunk of a function was loaded under.
fn full_source<'s>(call: &mut Scope<'s>, function: Local<'_>) -> HostResult<Local<'s>> {
    let Some(func) = call.code_of(function) else { return Ok(Local::NIL) };
    let first = func.0 - call.modules().find(func).1.0;
    let names = super::load::sources(call)?;
    call.raw_get(names, i64::from(first))
}

/// The level that an argument says; it must be there.
fn level_arg(call: &mut Scope<'_>, coroutine: Option<Local<'_>>, index: usize) -> HostResult<usize> {
    let number: i64 = call.arg(index)?;
    let level = usize::try_from(number).ok().filter(|level| call.activations(coroutine).nth(*level).is_some());
    level.ok_or_else(|| call.bad_argument(index, "level out of range"))
}

fn getlocal(call: &mut Scope<'_>) -> HostResult {
    let (coroutine, first) = thread_arg(call);
    let number: i64 = call.arg(first + 1)?;
    let asked = call.value(first);
    if asked.as_function().is_some() {
        let number = usize::try_from(number).unwrap_or(0);
        let name = call.code_of(asked).and_then(|func| call.parameter_name(func, number));
        return call.answer(name);
    }
    let level = level_arg(call, coroutine, first)?;
    match call.variable(coroutine, level, number) {
        Some((name, value)) => call.answer((name, value)),
        None => call.answer(Local::NIL),
    }
}

fn setlocal(call: &mut Scope<'_>) -> HostResult {
    let (coroutine, first) = thread_arg(call);
    let level = level_arg(call, coroutine, first)?;
    let number: i64 = call.arg(first + 1)?;
    let value = call.present(first + 2)?;
    let name = call.set_variable(coroutine, level, number, value);
    call.answer(name)
}

// ---- upvalues -----------------------------------------------------------------------------------------------------------

/// The upvalue's number from 0, if it can be one.
fn upvalue_arg(call: &mut Scope<'_>, function: usize, number: usize) -> HostResult<Option<usize>> {
    let index: i64 = call.arg(number)?;
    if call.value(function).as_function().is_none() {
        return Err(call.wrong_type(function, "function"));
    }
    Ok(usize::try_from(index).ok().and_then(|index| index.checked_sub(1)))
}

fn getupvalue(call: &mut Scope<'_>) -> HostResult {
    let index = upvalue_arg(call, 0, 1)?;
    let function = call.value(0);
    match index.and_then(|index| call.upvalue(function, index)) {
        Some((name, value)) => call.answer((name, value)),
        None => Ok(()),
    }
}

fn setupvalue(call: &mut Scope<'_>) -> HostResult {
    let value = call.present(2)?;
    let index = upvalue_arg(call, 0, 1)?;
    let function = call.value(0);
    match index.and_then(|index| call.set_upvalue(function, index, value)) {
        Some(name) => call.answer(name),
        None => Ok(()),
    }
}

fn upvalueid(call: &mut Scope<'_>) -> HostResult {
    let index = upvalue_arg(call, 0, 1)?;
    let function = call.value(0);
    let Some(id) = index.and_then(|index| call.upvalue_id(function, index)) else { return call.answer(Local::NIL) };
    // One userdata per variable, so that they compare.
    let ids = match call.imported("_UPVALUE_IDS").as_table() {
        Some(ids) => ids,
        None => {
            let ids = call.table(0, 4)?;
            call.define("_UPVALUE_IDS", ids)?;
            ids
        }
    };
    let known = call.raw_get(ids, id as i64)?;
    if !known.is_nil() {
        return call.answer(known);
    }
    let made = call.userdata((), 0)?;
    call.raw_set(ids, id as i64, made)?;
    call.answer(made)
}

fn upvaluejoin(call: &mut Scope<'_>) -> HostResult {
    let mut ends = Vec::new();
    for (function, number) in [(0, 1), (2, 3)] {
        let index = upvalue_arg(call, function, number)?;
        let value = call.value(function);
        match index.filter(|index| call.upvalue_id(value, *index).is_some()) {
            Some(index) => ends.push((value, index)),
            None => return Err(call.bad_argument(number, "invalid upvalue index")),
        }
    }
    call.join_upvalues(ends[0].0, ends[0].1, ends[1].0, ends[1].1);
    Ok(())
}

/// `debug.debug`: runs lines of the standard input until it ends or one says `cont`.
pub fn debug(call: &mut Scope<'_>, standard: &Standard) -> HostResult {
    loop {
        standard.say(b"lua_debug> ");
        let Some(line) = standard.read_line() else { return Ok(()) };
        if line.trim_ascii_end() == b"cont" {
            return Ok(());
        }
        let env = call.imported("_G");
        let failure = match super::chunk(call, &line, b"=(debug command)", b"bt", env)? {
            Ok(function) => match call.call_protected(function, &[])? {
                Ok(_) => None,
                Err(value) => Some(call.text(value)?.bytes().to_vec()),
            },
            Err(message) => Some(message),
        };
        if let Some(message) = failure {
            standard.say(&[&message[..], b"\n"].concat());
        }
    }
}
