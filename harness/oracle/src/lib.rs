//! PUC Lua 5.4 in this process: the judge of the Lua front end, which shares no code with it.
//!
//! A program is run as `lua FILE ARGS…` runs it: with the whole standard library, `arg`, messages on standard error and an exit status. It is not a way to embed Lua: whoever wants to
//! compare starts a process for each program, as for any other implementation ([`run`] may end the process, as `os.exit` does). The sources of Lua are those that `mlua` vendors.

mod evaluate;

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

pub use evaluate::{Outcome, Seen, evaluate};
use mlua::{Lua, LuaOptions, StdLib, Value};

/// Starts a program as the stand-alone interpreter does (Lua 5.4 reference manual, section 7); answers the exit status.
const LAUNCHER: &[u8] = include_bytes!("launcher.lua");

/// Runs the program in `file` with `args`; `-` is standard input. Answers the exit status: 0, or 1 after an error, which was written to standard error.
///
/// A program that calls `os.exit` ends this process.
///
/// # Errors
/// Lua could not be started: there is no memory.
pub fn run(file: &OsStr, args: &[impl AsRef<OsStr>]) -> Result<u8, String> {
    // SAFETY: `debug` and C modules can break Lua's own state. This process runs one program and nothing else, and no value of Lua is used after the launcher has returned.
    let lua = unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::new()) };
    warnings(&lua);
    let start = || -> mlua::Result<u8> {
        let table = lua.create_table()?;
        table.raw_set(0, lua.create_string(file.as_bytes())?)?;
        for (index, arg) in args.iter().enumerate() {
            table.raw_set(index + 1, lua.create_string(arg.as_ref().as_bytes())?)?;
        }
        match lua.load(LAUNCHER).set_name("=lua").call(table)? {
            Value::Integer(status) => Ok(u8::try_from(status).unwrap_or(1)),
            _ => Ok(1),
        }
    };
    start().map_err(|e| e.to_string())
}

/// Warnings as the stand-alone interpreter writes them: off until the message `@on`, a message in one piece or several.
fn warnings(lua: &Lua) {
    let shown = Cell::new(false);
    let begun = Cell::new(false);
    lua.set_warning_function(move |_, piece, continues| {
        if !begun.get() && !continues && piece.starts_with('@') {
            match piece {
                "@on" => shown.set(true),
                "@off" => shown.set(false),
                _ => {}
            }
            return Ok(());
        }
        if shown.get() {
            let (before, after) = (if begun.get() { "" } else { "Lua warning: " }, if continues { "" } else { "\n" });
            eprint!("{before}{piece}{after}");
        }
        begun.set(continues);
        Ok(())
    });
}

/// The release that is built in, such as `Lua 5.4.8`.
pub fn version() -> String {
    let lua = Lua::new();
    lua.globals().get("_VERSION").unwrap_or_default()
}
