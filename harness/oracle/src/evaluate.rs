//! A chunk in this process, over and over: for random programs, of which a process each would be too dear. Nothing but text goes in and comes out.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::rc::Rc;

use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};

/// What runs before the program: output goes to a file without a name, which is read at the end.
const CAPTURE: &str = include_str!("capture.lua");

/// How a chunk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Returned,
    /// It is no chunk, or it raised this: a string's bytes, or what stands for other values in messages.
    Raised(Vec<u8>),
    /// It was stopped: it took too long.
    Stopped,
}

/// What is seen of a run.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it wrote with `print` and `io.write`.
    pub output: Vec<u8>,
    /// How it ended.
    pub outcome: Outcome,
    /// Calls of functions of the standard library and of metamethods, by name (`string.rep`, `__add`), where they were to be counted.
    pub called: BTreeMap<String, u64>,
}

/// Instructions of the VM between two looks at the clock of a run.
const PERIOD: u32 = 100_000;

/// Runs a chunk in a new state. It may take `periods` times 100,000 instructions. `name` is as for Lua's `load`.
///
/// # Errors
/// Lua could not be started: there is no memory, or no place for a temporary file.
pub fn evaluate(source: &[u8], name: &str, periods: u32, counts_calls: bool) -> Result<Seen, String> {
    // SAFETY: `debug` can break Lua's own state only by means that random programs do not use (`debug.setmetatable` of Lua's own objects, C modules); the state is gone when this function returns.
    let lua = unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::new()) };
    run(&lua, source, name, periods, counts_calls).map_err(|error| error.to_string())
}

fn run(lua: &Lua, source: &[u8], name: &str, periods: u32, counts_calls: bool) -> mlua::Result<Seen> {
    let captured: Function = lua.load(CAPTURE).set_name("=capture").call(())?;
    let library = if counts_calls { library(lua)? } else { HashMap::new() };
    let called: Rc<RefCell<BTreeMap<String, u64>>> = Rc::default();
    let (counts, left) = (called.clone(), std::cell::Cell::new(periods));
    let every = HookTriggers::new().every_nth_instruction(PERIOD);
    let triggers = if counts_calls { every.on_calls() } else { every };
    let stopped = Rc::new(std::cell::Cell::new(false));
    let was_stopped = stopped.clone();
    lua.set_global_hook(triggers, move |_, debug| {
        if debug.event() == mlua::debug::DebugEvent::Count {
            left.set(left.get().saturating_sub(1));
            if left.get() == 0 {
                stopped.set(true);
                left.set(1);
                return Err(mlua::Error::runtime("stopped"));
            }
            return Ok(VmState::Continue);
        }
        let names = debug.names();
        if names.name_what == Some("metamethod") {
            let event = names.name.as_deref().unwrap_or_default().to_owned();
            *counts.borrow_mut().entry(format!("__{event}")).or_default() += 1;
        }
        if let Some(name) = library.get(&debug.function().to_pointer()) {
            *counts.borrow_mut().entry(name.clone()).or_default() += 1;
        }
        Ok(VmState::Continue)
    })?;
    let load: Function = lua.globals().get("load")?;
    let pcall: Function = lua.globals().get("pcall")?;
    let text = lua.create_string(source)?;
    let raised = |value: Value| match value {
        Value::String(text) => Outcome::Raised(text.as_bytes().to_vec()),
        other => Outcome::Raised(format!("(error object is a {} value)", type_name(&other)).into_bytes()),
    };
    let outcome = match load.call::<(Value, Value)>((text, name, "t"))? {
        (Value::Function(chunk), _) => match pcall.call::<(bool, Value)>(chunk)? {
            (true, _) => Outcome::Returned,
            (false, value) => raised(value),
        },
        (_, message) => raised(message),
    };
    lua.remove_global_hook();
    let outcome = if was_stopped.get() { Outcome::Stopped } else { outcome };
    let output: mlua::LuaString = captured.call(())?;
    let called = called.borrow().clone();
    Ok(Seen { output: output.as_bytes().to_vec(), outcome, called })
}

fn type_name(value: &Value) -> &'static str {
    match value.type_name() {
        "integer" => "number",
        "lightuserdata" | "error" => "userdata",
        other => other,
    }
}

/// The functions of the standard library, by address: `print`, `string.rep`, `file:read`.
fn library(lua: &Lua) -> mlua::Result<HashMap<*const c_void, String>> {
    let mut names = HashMap::new();
    for pair in lua.globals().pairs::<String, Value>() {
        let (global, value) = pair?;
        match value {
            Value::Function(function) => drop(names.insert(function.to_pointer(), global)),
            Value::Table(table) if global != "_G" => {
                for pair in table.pairs::<String, Value>().flatten() {
                    if let (name, Value::Function(function)) = pair {
                        names.insert(function.to_pointer(), format!("{global}.{name}"));
                    }
                }
            }
            _ => {}
        }
    }
    let methods: Table = lua.load("return getmetatable(io.stdout).__index").eval()?;
    for pair in methods.pairs::<String, Value>().flatten() {
        if let (name, Value::Function(function)) = pair {
            names.insert(function.to_pointer(), format!("file:{name}"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_outcome_and_calls_are_seen() {
        let source =
            b"print(1, 'a') io.write('b', 2) print(setmetatable({}, {__add = function() return 3 end}) + 1) error({})";
        let seen = evaluate(source, "=t", 100, true).expect("Lua starts");
        assert_eq!(seen.output.escape_ascii().to_string(), r"1\ta\nb23\n");
        assert_eq!(seen.outcome, Outcome::Raised(b"(error object is a table value)".to_vec()));
        assert_eq!((seen.called.get("__add"), seen.called.get("setmetatable")), (Some(&1), Some(&1)));
    }

    #[test]
    fn what_does_not_end_is_stopped() {
        let seen = evaluate(b"while true do end", "=t", 3, false).expect("Lua starts");
        assert_eq!(seen.outcome, Outcome::Stopped);
    }

    #[test]
    fn what_is_no_chunk_says_so() {
        let seen = evaluate(b"x =", "=t", 3, false).expect("Lua starts");
        assert_eq!(seen.outcome, Outcome::Raised(b"t:1: unexpected symbol near <eof>".to_vec()));
    }
}
