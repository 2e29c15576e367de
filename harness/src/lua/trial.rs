//! A Lua case on a side: does it do what the case states?

use super::case::LuaCase;
use super::side::{Placed, Program, Seen, Side, Way};
use crate::subject::manifest::Limits;
use crate::subject::process::Ended;

/// What a case may use.
const LIMITS: Limits = Limits { seconds: 60.0, memory: 4096 };

/// Checks that our own VM does what the case states in every way and, where it is built in, that PUC Lua does; answers how many runs that were.
///
/// # Errors
/// What differs, and in which way.
pub fn run(case: &LuaCase, source: &str) -> Result<u64, String> {
    let runs = ours(case, source)?;
    if cfg!(feature = "oracle") {
        oracle(case, source).map_err(|what| format!("PUC Lua: {what}"))?;
        return Ok(runs + 1);
    }
    Ok(runs)
}

/// Checks that our own VM does what the case states, as users run it.
///
/// # Errors
/// What differs.
pub fn as_written(case: &LuaCase, source: &str) -> Result<(), String> {
    meets(case, source, Side::Ours(Way::default()))
}

fn ours(case: &LuaCase, source: &str) -> Result<u64, String> {
    let mut runs = 0;
    for way in Way::ALL {
        if way.stress.is_some() && case.unstressed.is_some() {
            continue;
        }
        meets(case, source, Side::Ours(way)).map_err(|what| format!("{way}: {what}"))?;
        runs += 1;
    }
    Ok(runs)
}

/// Checks that PUC Lua does what the case states or, where the case says that it differs, that it does not.
fn oracle(case: &LuaCase, source: &str) -> Result<(), String> {
    let met = meets(case, source, Side::Oracle);
    match (&case.differs, met) {
        (None, met) => met,
        (Some(_), Err(_)) => Ok(()),
        (Some(_), Ok(())) => Err("it is said to differ, and does not".to_owned()),
    }
}

fn meets(case: &LuaCase, source: &str, side: Side) -> Result<(), String> {
    let placed = Placed::new(source)?;
    let program = Program { directory: placed.directory(), file: Placed::FILE, args: &case.args, input: &case.input };
    let stated = Seen {
        output: case.output.clone().into_bytes(),
        message: case.error.clone().unwrap_or_default(),
        ended: Ended::Exited(case.status()),
    };
    side.run(&program, &LIMITS)?.differs(&stated).map_or(Ok(()), Err)
}
