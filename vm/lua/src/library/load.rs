//! `load`, `loadfile`, `dofile`, `require` and `package`.

use std::sync::Arc;

use lockstep_runtime::{HostError, HostId, HostResult, Local, Scope, Str, Table, Vm, raw};

use super::{io, optional_bytes};
use crate::compile;

/// What a chunk in binary form begins with.
const BINARY: u8 = 0x1b;

/// Where `require` looks, if the environment does not say.
const PATH: &str = "/usr/local/share/lua/5.4/?.lua;/usr/local/share/lua/5.4/?/init.lua;/usr/local/lib/lua/5.4/?.lua;\
                    /usr/local/lib/lua/5.4/?/init.lua;./?.lua;./?/init.lua";

/// The functions, registered.
pub struct Functions {
    globals: Vec<(&'static str, HostId)>,
    searchpath: HostId,
}

/// Registers the functions.
pub fn register(vm: &mut Vm) -> Functions {
    let names: [(&str, super::Code); 4] =
        [("load", load), ("loadfile", loadfile), ("dofile", dofile), ("require", require)];
    let globals = names.into_iter().map(|(name, code)| (name, vm.add_host_function(name, raw(code)))).collect();
    Functions { globals, searchpath: vm.add_host_function("searchpath", raw(searchpath)) }
}

/// Puts them into the table of global variables, and makes `package`.
pub fn open(scope: &mut Scope<'_>, globals: Table<'_>, loaded: Table<'_>, functions: &Functions) -> HostResult {
    scope.set_functions(globals, functions.globals.iter().copied())?;
    let package = scope.table(0, 8)?;
    let preload = scope.table(0, 0)?;
    scope.set_functions(package, [("searchpath", functions.searchpath)])?;
    let path = ["LUA_PATH_5_4", "LUA_PATH"].into_iter().find_map(|name| std::env::var(name).ok());
    let path = path.map_or(PATH.to_owned(), |path| path.replace(";;", &format!(";{PATH};")));
    scope.raw_set(package, "path", path.trim_matches(';'))?;
    scope.raw_set(package, "cpath", "")?;
    scope.raw_set(package, "config", "/\n;\n?\n!\n-\n")?;
    scope.raw_set(package, "loaded", loaded)?;
    scope.raw_set(package, "preload", preload)?;
    scope.define("package", package)?;
    scope.raw_set(globals, "package", package)?;
    scope.raw_set(loaded, "package", package)
}

/// A chunk as a function, or the message that says what is wrong with it.
pub fn chunk<'s>(
    scope: &mut Scope<'s>,
    source: &[u8],
    name: &[u8],
    mode: &[u8],
    env: Local<'_>,
) -> HostResult<Result<Local<'s>, Vec<u8>>> {
    let (is_binary, kind) = if source.first() == Some(&BINARY) { (true, "binary") } else { (false, "text") };
    if !mode.contains(if is_binary { &b'b' } else { &b't' }) {
        let mode = String::from_utf8_lossy(mode);
        return Ok(Err(format!("attempt to load a {kind} chunk (mode is '{mode}')").into_bytes()));
    }
    if is_binary {
        return Ok(Err(b"binary chunks are not supported".to_vec()));
    }
    match compile(source, name) {
        Ok(module) => scope.load(Arc::new(module), &[env]).map(|function| Ok(function.local())),
        Err(error) => Ok(Err(error.message)),
    }
}

fn answer_chunk(call: &mut Scope<'_>, made: Result<Local<'_>, Vec<u8>>) -> HostResult {
    match made {
        Ok(function) => call.answer(function),
        Err(message) => call.answer((Local::NIL, message)),
    }
}

fn globals<'s>(call: &mut Scope<'s>) -> Local<'s> {
    call.imported("_G")
}

fn load(call: &mut Scope<'_>) -> HostResult {
    let first = call.value(0);
    let mode = optional_bytes(call, 2, b"bt")?;
    let env = if call.count() >= 4 { call.value(3) } else { globals(call) };
    if let Some(text) = first.as_str() {
        let name = call.arg::<Option<Str<'_>>>(1)?.map_or(text.bytes(), Str::bytes);
        let made = chunk(call, text.bytes(), name, mode, env)?;
        return answer_chunk(call, made);
    }
    if first.as_function().is_none() {
        return Err(call.wrong_type(0, "function"));
    }
    let name = optional_bytes(call, 1, b"=(load)")?;
    let mut source = Vec::new();
    loop {
        let more = call.scope(|scope| {
            let piece = scope.call_protected(first, &[])?;
            let piece = match piece {
                Ok(values) => values.first().copied().unwrap_or(Local::NIL),
                Err(error) => return Ok(Err(scope.own(error))),
            };
            match piece.as_str() {
                Some(text) if !text.bytes().is_empty() => {
                    source.extend_from_slice(text.bytes());
                    Ok(Ok(true))
                }
                Some(_) => Ok(Ok(false)),
                None if piece.is_nil() => Ok(Ok(false)),
                None => Err(HostError::Message("reader function must return a string".to_owned())),
            }
        });
        match more {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => break,
            Ok(Err(error)) => return call.answer((Local::NIL, &error)),
            Err(HostError::Message(message)) => return call.answer((Local::NIL, message)),
            Err(error) => return Err(error),
        }
    }
    let made = chunk(call, &source, name, mode, env)?;
    answer_chunk(call, made)
}

/// The source in a file without a first line that begins with `#`; from standard input if there is no name.
///
/// # Errors
/// What to say if it cannot be read.
pub fn read_file(name: Option<&str>) -> Result<Vec<u8>, String> {
    let read = match name {
        Some(name) => std::fs::read(name),
        None => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
        }
    };
    let source = read.map_err(|error| match error.kind() {
        std::io::ErrorKind::IsADirectory => format!("cannot read {}", io::message(&error, name)),
        _ => format!("cannot open {}", io::message(&error, name)),
    })?;
    let source = source.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(source);
    if source.first() != Some(&b'#') {
        return Ok(source);
    }
    let line = source.iter().position(|byte| *byte == b'\n').unwrap_or(source.len());
    Ok(source[line..].to_vec())
}

/// The chunk in a file.
fn file_chunk<'s>(
    call: &mut Scope<'s>,
    name: Option<&str>,
    mode: &[u8],
    env: Local<'_>,
) -> HostResult<Result<Local<'s>, Vec<u8>>> {
    let shown = name.map_or("=stdin".to_owned(), |name| format!("@{name}"));
    match read_file(name) {
        Ok(source) => chunk(call, &source, shown.as_bytes(), mode, env),
        Err(message) => Ok(Err(message.into_bytes())),
    }
}

fn name_arg(call: &mut Scope<'_>, index: usize) -> HostResult<Option<String>> {
    Ok(call.arg::<Option<Str<'_>>>(index)?.map(|name| String::from_utf8_lossy(name.bytes()).into_owned()))
}

fn loadfile(call: &mut Scope<'_>) -> HostResult {
    let name = name_arg(call, 0)?;
    let mode = optional_bytes(call, 1, b"bt")?;
    let env = if call.count() >= 3 { call.value(2) } else { globals(call) };
    let made = file_chunk(call, name.as_deref(), mode, env)?;
    answer_chunk(call, made)
}

fn dofile(call: &mut Scope<'_>) -> HostResult {
    let name = name_arg(call, 0)?;
    let env = globals(call);
    match file_chunk(call, name.as_deref(), b"bt", env)? {
        Ok(function) => {
            let results = call.call(function, &[])?;
            call.push_all(&results);
            Ok(())
        }
        Err(message) => Err(call.error(message)),
    }
}

/// The first file of a path's templates that can be read, or those that were tried.
fn search(name: &str, path: &str, separator: &str, replacement: &str) -> Result<String, String> {
    let name = if separator.is_empty() { name.to_owned() } else { name.replace(separator, replacement) };
    let mut tried = String::new();
    for template in path.split(';').filter(|template| !template.is_empty()) {
        let file = template.replace('?', &name);
        if std::fs::File::open(&file).is_ok() {
            return Ok(file);
        }
        tried += &format!("\n\tno file '{file}'");
    }
    Err(tried)
}

fn searchpath(call: &mut Scope<'_>) -> HostResult {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (name, path) = (text(call.arg(0)?), text(call.arg(1)?));
    let (separator, replacement) = (text(optional_bytes(call, 2, b".")?), text(optional_bytes(call, 3, b"/")?));
    match search(&name, &path, &separator, &replacement) {
        Ok(file) => call.answer(file),
        Err(tried) => call.answer((Local::NIL, tried.trim_start_matches("\n\t"))),
    }
}

fn require(call: &mut Scope<'_>) -> HostResult {
    let name: Str<'_> = call.arg(0)?;
    let shown = String::from_utf8_lossy(name.bytes()).into_owned();
    let Some(package) = call.imported("package").as_table() else { return Err("'package' is no table".into()) };
    let Some(loaded) = call.imported("_LOADED").as_table() else { return Err("'package.loaded' is no table".into()) };
    let known = call.raw_get(loaded, name)?;
    if known.truth() {
        return call.answer(known);
    }
    let preload = call.raw_get(package, "preload")?;
    let loader = call.get(preload, name)?;
    let (loader, extra) = if loader.is_nil() {
        let path = call.raw_get(package, "path")?;
        let Some(path) = path.as_str() else { return Err("'package.path' must be a string".into()) };
        let path = String::from_utf8_lossy(path.bytes()).into_owned();
        let file = search(&shown, &path, ".", "/").map_err(|tried| {
            HostError::Message(format!("module '{shown}' not found:\n\tno field package.preload['{shown}']{tried}"))
        })?;
        let env = globals(call);
        match file_chunk(call, Some(&file), b"bt", env)? {
            Ok(function) => (function, call.string(file.as_bytes())?.local()),
            Err(message) => {
                let what = String::from_utf8_lossy(&message).into_owned();
                let text = format!("error loading module '{shown}' from file '{file}':\n\t{what}");
                return Err(HostError::Message(text));
            }
        }
    } else {
        (loader, call.string(b":preload:")?.local())
    };
    let result = call.call_one(loader, &[name.local(), extra])?;
    if !result.is_nil() {
        call.raw_set(loaded, name, result)?;
    }
    let mut value = call.raw_get(loaded, name)?;
    if value.is_nil() {
        value = Local::bool(true);
        call.raw_set(loaded, name, value)?;
    }
    call.answer((value, extra))
}
