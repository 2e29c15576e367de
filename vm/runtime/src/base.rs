//! The host functions that every VM has: what cases and front ends need to look at values.
//!
//! They are Lua's, of the same names; `collect` runs a full collection, and `memory` answers the bytes in use.

use lockstep_layout::{Slot, Tag};

use crate::collector::Cause;
use crate::comparison::raw_equal;
use crate::dynamic::Dynamic;
use crate::heap::Heap;
use crate::host::{HostCall, HostError, HostFunction, type_name};
use crate::metamethod::Metamethod;
use crate::string::StringRef;
use crate::table::{TableError, TableRef};

type Answer = Result<(), HostError>;
type Code = fn(&mut HostCall<'_>) -> Answer;

/// Registers all of them.
pub(crate) fn register(heap: &mut Heap, dynamic: &mut Dynamic) {
    let functions: [(&str, Code); 13] = [
        ("print", print),
        ("tostring", tostring),
        ("type", type_of),
        ("next", next),
        ("rawget", rawget),
        ("rawset", rawset),
        ("rawequal", rawequal),
        ("rawlen", rawlen),
        ("getmetatable", getmetatable),
        ("setmetatable", setmetatable),
        ("collect", collect),
        ("memory", memory),
        ("apply", apply),
    ];
    for (name, code) in functions {
        let number = dynamic.hosts.len() as u64;
        dynamic.hosts.push(HostFunction { name: name.into(), code: std::rc::Rc::new(code) });
        let function = heap.new_foreign(number, &[]).expect("the host has memory for its own functions");
        dynamic.imports.insert(name.as_bytes().to_vec(), function.slot());
    }
}

/// What a value is called: its spelling, or what its metamethod `__tostring` says.
fn text(call: &mut HostCall<'_>, value: Slot) -> Result<StringRef, HostError> {
    // SAFETY: arguments are kept alive, and results are.
    unsafe {
        let method = call.vm().heap().metamethod(value, Metamethod::ToString);
        if !method.is_nil() {
            let count = call.call(method, &[value])?;
            let heap = call.vm().heap();
            let result = if count == 0 { Slot::NIL } else { heap.kept_value(heap.kept() - count) };
            return StringRef::from_slot(result)
                .ok_or_else(|| HostError::Message("'__tostring' must return a string".to_owned()));
        }
        let string = match call.vm().heap_mut().spelling(value)? {
            Some(string) => string,
            None => {
                let name = call.vm().heap().metamethod(value, Metamethod::Name);
                let bytes = match StringRef::from_slot(name) {
                    Some(name) => name.bytes().to_vec(),
                    None => type_name(value).as_bytes().to_vec(),
                };
                call.vm().heap_mut().new_string(&bytes)?
            }
        };
        call.push(string.slot());
        Ok(string)
    }
}

fn print(call: &mut HostCall<'_>) -> Answer {
    let mut line = Vec::new();
    let from = call.results_from();
    for index in 0..call.count() {
        let string = text(call, call.arg(index))?;
        if index != 0 {
            line.push(b'\t');
        }
        // SAFETY: the string is among the results, which are kept alive.
        line.extend_from_slice(unsafe { string.bytes() });
        call.vm().heap_mut().release_to(from);
    }
    call.vm().write_line(&line)?;
    Ok(())
}

fn tostring(call: &mut HostCall<'_>) -> Answer {
    let from = call.results_from();
    let string = text(call, call.arg(0))?;
    call.vm().heap_mut().release_to(from);
    call.push(string.slot());
    Ok(())
}

fn type_of(call: &mut HostCall<'_>) -> Answer {
    let name = type_name(call.arg(0));
    call.push_text(name.as_bytes())
}

fn next(call: &mut HostCall<'_>) -> Answer {
    let table = call.table(0)?;
    // SAFETY: arguments are kept alive.
    match unsafe { table.next(call.arg(1)) } {
        Ok(Some((key, value))) => {
            call.push(key);
            call.push(value);
        }
        Ok(None) => call.push(Slot::NIL),
        Err(error) => return Err(table_error(error)),
    }
    Ok(())
}

fn table_error(error: TableError) -> HostError {
    match error {
        TableError::OutOfMemory => HostError::OutOfMemory,
        error => HostError::Message(error.message().to_owned()),
    }
}

fn rawget(call: &mut HostCall<'_>) -> Answer {
    let table = call.table(0)?;
    // SAFETY: arguments are kept alive.
    let value = unsafe { table.get(call.arg(1)) };
    call.push(value);
    Ok(())
}

fn rawset(call: &mut HostCall<'_>) -> Answer {
    let (table, key, value) = (call.table(0)?, call.arg(1), call.arg(2));
    // SAFETY: arguments are kept alive.
    unsafe { table.set(call.vm().heap_mut(), key, value) }.map_err(table_error)?;
    call.push(table.slot());
    Ok(())
}

fn rawequal(call: &mut HostCall<'_>) -> Answer {
    // SAFETY: arguments are kept alive.
    let equal = unsafe { raw_equal(call.arg(0), call.arg(1)) };
    call.push(Slot::bool(equal));
    Ok(())
}

fn rawlen(call: &mut HostCall<'_>) -> Answer {
    let value = call.arg(0);
    // SAFETY: arguments are kept alive.
    let len = unsafe {
        match (TableRef::from_slot(value), StringRef::from_slot(value)) {
            (Some(table), _) => table.len(),
            (_, Some(string)) => string.len() as i64,
            _ => return Err(HostError::Message("table or string expected".to_owned())),
        }
    };
    call.push(Slot::i64(len));
    Ok(())
}

fn getmetatable(call: &mut HostCall<'_>) -> Answer {
    let value = call.arg(0);
    // SAFETY: arguments are kept alive, and their metatables with them.
    let metatable = unsafe { call.vm().heap().metatable(value) };
    let Some(metatable) = metatable else {
        call.push(Slot::NIL);
        return Ok(());
    };
    // SAFETY: as above.
    let shown = unsafe { call.vm().heap().metamethod_in(metatable, Metamethod::Metatable) };
    call.push(if shown.is_nil() { metatable.slot() } else { shown });
    Ok(())
}

fn setmetatable(call: &mut HostCall<'_>) -> Answer {
    let table = call.table(0)?;
    let metatable = call.arg(1);
    // SAFETY: arguments are kept alive.
    unsafe {
        let metatable = match TableRef::from_slot(metatable) {
            Some(metatable) => Some(metatable),
            None if metatable.is_nil() && call.count() > 1 => None,
            None => return Err(call.bad_argument(1, "nil or table")),
        };
        if !call.vm().heap().metamethod(table.slot(), Metamethod::Metatable).is_nil() {
            return Err(HostError::Message("cannot change a protected metatable".to_owned()));
        }
        table.set_metatable(call.vm().heap_mut(), metatable);
    }
    call.push(table.slot());
    Ok(())
}

fn collect(call: &mut HostCall<'_>) -> Answer {
    call.vm().heap_mut().collect(Cause::Explicit);
    Ok(())
}

fn memory(call: &mut HostCall<'_>) -> Answer {
    let used = call.vm().heap().used();
    call.push(Slot::i64(used as i64));
    Ok(())
}

/// Calls its first argument with the others: a call of the program below a function of the host.
fn apply(call: &mut HostCall<'_>) -> Answer {
    let args: Vec<Slot> = (1..call.count()).map(|index| call.arg(index)).collect();
    let function = call.arg(0);
    if function.is(Tag::NIL) {
        return Err(call.bad_argument(0, "function"));
    }
    call.call(function, &args).map(drop)
}
