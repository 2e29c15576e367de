//! `load`, `loadfile`, `dofile`, `string.dump`, `require` and `package`.

use std::sync::Arc;

use lockstep_bytecode::{FuncId, LineTable, Module, Template, Verified, decode, encode};
use lockstep_runtime::{HostError, HostId, HostResult, Local, Scope, Str, Table, Vm, raw};

use super::{io, optional_bytes};
use crate::compile;
use crate::syntax::short_name;

/// Where `require` looks for C modules, to say that they are not supported.
const C_PATH: &str = "/usr/local/lib/lua/5.4/?.so;/usr/local/lib/lua/5.4/loadall.so;./?.so";

/// What a chunk in binary form begins with; a module as `vm/bytecode` encodes it follows.
const BINARY: &[u8] = b"\x1bLockstep";

/// What is wrong so close to the end of a binary chunk, in bytes, is that it ends.
const MARGIN: usize = 16;

/// Where `require` looks, if the environment does not say.
const PATH: &str = "/usr/local/share/lua/5.4/?.lua;/usr/local/share/lua/5.4/?/init.lua;/usr/local/lib/lua/5.4/?.lua;\
                    /usr/local/lib/lua/5.4/?/init.lua;./?.lua;./?/init.lua";

/// The functions, registered.
pub struct Functions {
    globals: Vec<(&'static str, HostId)>,
    package: Vec<(&'static str, HostId)>,
    searchers: Vec<HostId>,
}

/// Registers the functions.
pub fn register(vm: &mut Vm) -> Functions {
    let mut add = |names: &[(&'static str, super::Code)]| {
        names.iter().map(|(name, code)| (*name, vm.add_host_function(name, raw(*code)))).collect::<Vec<_>>()
    };
    let globals = add(&[("load", load), ("loadfile", loadfile), ("dofile", dofile), ("require", require)]);
    let package = add(&[("searchpath", searchpath), ("loadlib", loadlib)]);
    let searchers: [(&str, super::Code); 4] = [
        ("searcher_preload", search_preload),
        ("searcher_Lua", search_lua),
        ("searcher_C", |call| search_c(call, false)),
        ("searcher_Croot", |call| search_c(call, true)),
    ];
    Functions { globals, package, searchers: add(&searchers).into_iter().map(|(_, id)| id).collect() }
}

/// A path from the environment, or the default.
fn path_of(names: [&str; 2], default: &str) -> String {
    let path = names.into_iter().find_map(|name| std::env::var(name).ok());
    path.map_or(default.to_owned(), |path| path.replace(";;", &format!(";{default};")).trim_matches(';').to_owned())
}

/// Puts them into the table of global variables, and makes `package`.
pub fn open(scope: &mut Scope<'_>, globals: Table<'_>, loaded: Table<'_>, functions: &Functions) -> HostResult {
    scope.set_functions(globals, functions.globals.iter().copied())?;
    let package = scope.table(0, 8)?;
    let preload = scope.table(0, 0)?;
    let searchers = scope.table(4, 0)?;
    scope.set_functions(package, functions.package.iter().copied())?;
    for (index, id) in functions.searchers.iter().enumerate() {
        let searcher = scope.function(*id, &[])?;
        scope.raw_set_int(searchers, index as i64 + 1, searcher.local())?;
    }
    scope.raw_set(package, "path", path_of(["LUA_PATH_5_4", "LUA_PATH"], PATH))?;
    scope.raw_set(package, "cpath", path_of(["LUA_CPATH_5_4", "LUA_CPATH"], C_PATH))?;
    scope.raw_set(package, "config", "/\n;\n?\n!\n-\n")?;
    scope.raw_set(package, "loaded", loaded)?;
    scope.raw_set(package, "preload", preload)?;
    scope.raw_set(package, "searchers", searchers)?;
    scope.define("package", package)?;
    scope.define("_PRELOAD", preload)?;
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
    let (is_binary, kind) = if source.first() == BINARY.first() { (true, "binary") } else { (false, "text") };
    if !mode.contains(if is_binary { &b'b' } else { &b't' }) {
        let mode = String::from_utf8_lossy(mode);
        return Ok(Err(format!("attempt to load a {kind} chunk (mode is '{mode}')").into_bytes()));
    }
    let function = match module(source, name) {
        // What looks at variables finds them where they were declared.
        Ok(module) if inspects(&module) => scope.load_as_written(Arc::new(module), &[env])?,
        Ok(module) => scope.load(Arc::new(module), &[env])?,
        Err(message) => return Ok(Err(message)),
    };
    if let Some(func) = scope.code_of(function.local()) {
        let names = sources(scope)?;
        scope.raw_set(names, i64::from(func.0), name)?;
    }
    Ok(Ok(function.local()))
}

/// A chunk's module, of source or binary, or the message that says what is wrong with it.
fn module(source: &[u8], name: &[u8]) -> Result<Verified, Vec<u8>> {
    if source.first() != BINARY.first() {
        return compile(source, name).map_err(|error| error.message);
    }
    undump(source).map_err(|problem| {
        let shown = if name.first() == BINARY.first() { b"binary string".to_vec() } else { short_name(name) };
        [&shown, b": bad binary format (".as_slice(), problem.as_bytes(), b")"].concat()
    })
}

/// The module of the chunk in a file, as it is loaded before anything is optimised.
///
/// # Errors
/// The file cannot be read, or is no chunk: the message is Lua's.
pub fn file_module(name: &str) -> Result<Verified, String> {
    let source = read_file(Some(name))?;
    module(&source, format!("@{name}").as_bytes()).map_err(|message| String::from_utf8_lossy(&message).into_owned())
}

/// The names that chunks were loaded under, by the numbers of their first functions.
pub fn sources<'s>(scope: &mut Scope<'s>) -> HostResult<Table<'s>> {
    if let Some(names) = scope.imported("_SOURCES").as_table() {
        return Ok(names);
    }
    let names = scope.table(0, 4)?;
    scope.define("_SOURCES", names)?;
    Ok(names)
}

/// Whether a chunk names functions that look at variables of others.
fn inspects(module: &Module) -> bool {
    let names: [&[u8]; 2] = [b"getlocal", b"setlocal"];
    module.functions.iter().any(|function| function.strings.iter().any(|text| names.contains(&text.as_slice())))
}

/// The module of a binary chunk, which is not trusted.
fn undump(source: &[u8]) -> Result<Verified, String> {
    let Some(encoded) = source.strip_prefix(BINARY) else { return Err("not a binary chunk".to_owned()) };
    let module = decode(encoded).map_err(|error| match error.offset + MARGIN >= encoded.len() {
        true => "truncated chunk".to_owned(),
        false => error.to_string(),
    })?;
    match module.functions.first().is_some_and(|function| function.is_generic) {
        true => Ok(module),
        false => Err("no chunk".to_owned()),
    }
}

/// `string.dump`: the function and those that it makes closures of as a binary chunk. Stripped, it has neither names of variables nor of its source.
pub fn dump(call: &mut Scope<'_>) -> HostResult {
    let function = call.value(0);
    if function.as_function().is_none() {
        return Err(call.wrong_type(0, "function"));
    }
    let strip = call.value(1).truth();
    let Some(func) = call.code_of(function).filter(|func| !call.modules().is_library(*func)) else {
        return Err("unable to dump given function".into());
    };
    let (module, func) = call.modules().find(func);
    let module: &Module = module.origin.as_ref().map_or(module, |origin| &origin.module);
    let bytes = [BINARY, &encode(&part(module, func, strip))].concat();
    call.answer(bytes)
}

/// The part of a module that a function needs, with that function first.
fn part(module: &Module, first: FuncId, strip: bool) -> Module {
    let mut order = vec![first];
    let mut next = 0;
    while let Some(&func) = order.get(next) {
        next += 1;
        for template in &module.function(func).templates {
            if !order.contains(&template.func) {
                order.push(template.func);
            }
        }
    }
    let number = |func: FuncId| FuncId(order.iter().position(|known| *known == func).expect("it was listed") as u32);
    let functions = order.iter().map(|func| {
        let mut function = module.function(*func).clone();
        let renumber = |template: &Template| Template { func: number(template.func), ..template.clone() };
        function.templates = function.templates.iter().map(renumber).collect();
        if strip {
            function.locals.clear();
            function.upvalues.iter_mut().for_each(String::clear);
            function.lines = LineTable::default();
        }
        function
    });
    let source = if strip { "?".to_owned() } else { module.source.clone() };
    Module { source, functions: functions.collect(), origin: None }
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
    let text = match first.as_str() {
        Some(text) => Some(text),
        None => call.spell_number(first)?,
    };
    if let Some(text) = text {
        let name = call.arg::<Option<Str<'_>>>(1)?.map_or(text.bytes(), Str::bytes);
        let made = chunk(call, text.bytes(), name, mode, env)?;
        return answer_chunk(call, made);
    }
    let name = optional_bytes(call, 1, b"=(load)")?;
    if first.as_function().is_none() {
        return Err(call.wrong_type(0, "function"));
    }
    let mut source = Vec::new();
    loop {
        // A function of the host can answer without end, and is no event at which anybody looks.
        call.poll()?;
        if source.len() as u64 > call.available() {
            return Err(HostError::OutOfMemory);
        }
        let more = call.scope(|scope| {
            let piece = scope.call_protected(first, &[])?;
            let piece = match piece {
                Ok(values) => values.first().copied().unwrap_or(Local::NIL),
                Err(error) => return Ok(Err(scope.own(error))),
            };
            let text = match piece.as_str() {
                Some(text) => Some(text),
                None => scope.spell_number(piece)?,
            };
            match text {
                Some(text) => {
                    source.extend_from_slice(text.bytes());
                    Ok(Ok(!text.bytes().is_empty()))
                }
                None if piece.is_nil() => Ok(Ok(false)),
                None => Err(HostError::Message("reader function must return a string".to_owned())),
            }
        });
        match more {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => break,
            Ok(Err(error)) => return call.answer((Local::NIL, &error)),
            Err(HostError::Message(message)) => {
                let place = call.location(1).map_or(String::new(), |place| place + " ");
                return call.answer((Local::NIL, place + &message));
            }
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
    let mut tried = Vec::new();
    for template in path.split(';') {
        let file = template.replace('?', &name);
        if std::fs::File::open(&file).is_ok() {
            return Ok(file);
        }
        tried.push(format!("no file '{file}'"));
    }
    Err(tried.join("\n\t"))
}

fn searchpath(call: &mut Scope<'_>) -> HostResult {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (name, path) = (text(call.arg(0)?), text(call.arg(1)?));
    let (separator, replacement) = (text(optional_bytes(call, 2, b".")?), text(optional_bytes(call, 3, b"/")?));
    match search(&name, &path, &separator, &replacement) {
        Ok(file) => call.answer(file),
        Err(tried) => call.answer((Local::NIL, tried)),
    }
}

fn loadlib(call: &mut Scope<'_>) -> HostResult {
    call.arg::<&[u8]>(0)?;
    call.arg::<&[u8]>(1)?;
    call.answer((Local::NIL, "C modules are not supported", "absent"))
}

/// The name that a searcher looks for.
fn searched(call: &mut Scope<'_>) -> HostResult<String> {
    Ok(String::from_utf8_lossy(call.arg(0)?).into_owned())
}

/// A field of `package` that is a path.
fn package_path(call: &mut Scope<'_>, field: &str) -> HostResult<String> {
    let Some(package) = call.imported("package").as_table() else { return Err("'package' is no table".into()) };
    let path = call.get(package, field)?;
    match path.as_str() {
        Some(path) => Ok(String::from_utf8_lossy(path.bytes()).into_owned()),
        None => Err(format!("'package.{field}' must be a string").into()),
    }
}

fn search_preload(call: &mut Scope<'_>) -> HostResult {
    let name = searched(call)?;
    let preload = call.imported("_PRELOAD");
    let loader = call.get(preload, name.as_str())?;
    match loader.is_nil() {
        true => call.answer(format!("no field package.preload['{name}']")),
        false => call.answer((loader, ":preload:")),
    }
}

fn search_lua(call: &mut Scope<'_>) -> HostResult {
    let name = searched(call)?;
    let path = package_path(call, "path")?;
    let file = match search(&name, &path, ".", "/") {
        Ok(file) => file,
        Err(tried) => return call.answer(tried),
    };
    let env = globals(call);
    match file_chunk(call, Some(&file), b"bt", env)? {
        Ok(function) => call.answer((function, file)),
        Err(message) => {
            let what = String::from_utf8_lossy(&message).into_owned();
            Err(format!("error loading module '{name}' from file '{file}':\n\t{what}").into())
        }
    }
}

/// Looks for a C module, or for one with a submodule's code in it. What is found cannot be loaded.
fn search_c(call: &mut Scope<'_>, root: bool) -> HostResult {
    let name = searched(call)?;
    let sought = match name.split_once('.') {
        Some((first, _)) if root => first,
        None if root => return Ok(()),
        _ => &name,
    };
    let path = package_path(call, "cpath")?;
    match search(sought, &path, ".", "/") {
        Ok(file) => {
            let what = format!("error loading module '{name}' from file '{file}':\n\tC modules are not supported");
            Err(what.into())
        }
        Err(tried) => call.answer(tried),
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
    let Some(searchers) = call.raw_get(package, "searchers")?.as_table() else {
        return Err("'package.searchers' must be a table".into());
    };
    let mut tried = String::new();
    for index in 1.. {
        let searcher = call.raw_get_int(searchers, index);
        if searcher.is_nil() {
            break;
        }
        let found = call.call(searcher, &[name.local()])?;
        let loader = found.first().copied().unwrap_or(Local::NIL);
        if loader.as_function().is_none() {
            if let Some(text) = loader.as_str() {
                tried += &format!("\n\t{}", String::from_utf8_lossy(text.bytes()));
            }
            continue;
        }
        let extra = found.get(1).copied().unwrap_or(Local::NIL);
        let result = call.call_one(loader, &[name.local(), extra])?;
        if !result.is_nil() {
            call.raw_set(loaded, name, result)?;
        }
        let mut value = call.raw_get(loaded, name)?;
        if value.is_nil() {
            value = Local::bool(true);
            call.raw_set(loaded, name, value)?;
        }
        return call.answer((value, extra));
    }
    Err(format!("module '{shown}' not found:{tried}").into())
}
