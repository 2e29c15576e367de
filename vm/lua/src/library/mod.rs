//! The standard library: a file per library, and functions on bytes that know nothing of the VM beside them.
//!
//! What catches errors or switches coroutines is program code (`prelude.lks`), which yields pass through; all else are functions of the host.

mod basic;
mod coroutine;
mod debug;
mod io;
mod load;
mod math;
mod number;
mod os;
mod string;
mod table;
mod utf8;
mod warn;

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use lockstep_bytecode::{LineTable, Verified, assemble};
use lockstep_runtime::{HostError, HostResult, Local, Scope, Str, Table, Vm, raw};

pub use debug::stack;
pub use io::Standard;
pub use load::{chunk, file_module, read_file};
pub use warn::show as show_warnings;

/// Code of a function of a library.
type Code = fn(&mut Scope<'_>) -> HostResult;

/// The module with the library's functions that are program code.
pub fn prelude() -> Arc<Verified> {
    static PRELUDE: LazyLock<Arc<Verified>> = LazyLock::new(|| {
        let module = assemble("=[C]", include_str!("prelude.lks")).expect("the prelude is part of this crate");
        let mut module = module.into_inner();
        // They have no lines: errors in them are their callers', as for functions of the host.
        module.functions.iter_mut().for_each(|function| function.lines = LineTable::default());
        Arc::new(Verified::new(module).expect("lines mean nothing to the verifier"))
    });
    PRELUDE.clone()
}

/// Puts all libraries into a new table of global variables, which is also the program's import `_G`.
pub fn open(vm: &mut Vm, standard: Rc<Standard>) -> HostResult {
    let libraries: [(&str, &[(&str, Code)]); 8] = [
        ("_G", basic::FUNCTIONS),
        ("string", string::FUNCTIONS),
        ("table", table::FUNCTIONS),
        ("math", math::FUNCTIONS),
        ("utf8", utf8::FUNCTIONS),
        ("os", os::FUNCTIONS),
        ("debug", debug::FUNCTIONS),
        ("coroutine", coroutine::FUNCTIONS),
    ];
    let libraries: Vec<_> = libraries
        .into_iter()
        .map(|(name, functions)| {
            let ids: Vec<_> =
                functions.iter().map(|(name, code)| (*name, vm.add_host_function(name, raw(*code)))).collect();
            (name, ids)
        })
        .collect();
    let exit_standard = standard.clone();
    let exit = vm.add_host_function("exit", raw(move |call| os::exit(call, &exit_standard)));
    let (warn_standard, collect_standard, debug_standard) = (standard.clone(), standard.clone(), standard.clone());
    let debug_debug = vm.add_host_function("debug", raw(move |call| debug::debug(call, &debug_standard)));
    let warn = vm.add_host_function("warn", raw(move |call| warn::warn(call, &warn_standard)));
    let settings = basic::Collector::default();
    let collect = raw(move |call: &mut Scope<'_>| basic::collectgarbage(call, &settings, &collect_standard));
    let collectgarbage = vm.add_host_function("collectgarbage", collect);
    let io_functions = io::register(vm, &standard);
    let load_functions = load::register(vm);
    vm.register("coroutine_failed", raw(coroutine::failed))?;
    vm.register("pairs_method", raw(basic::pairs_method))?;
    vm.register("ipairs_key", raw(basic::ipairs_key))?;
    vm.register("check_given", raw(coroutine::check_given))?;
    vm.register("check_handler", raw(coroutine::check_handler))?;
    vm.register("utf8_next", raw(|call| utf8::next_code(call, false)))?;
    vm.register("utf8_next_lax", raw(|call| utf8::next_code(call, true)))?;
    let gmatch_next = vm.add_host_function("gmatch_next", raw(string::gmatch_next));
    let gmatch = vm.add_host_function("gmatch", raw(move |call| string::gmatch(call, gmatch_next)));
    vm.enter(move |scope| {
        scope.spell_signs_of_nan();
        let globals = scope.table(0, 64)?;
        let loaded = scope.table(0, 16)?;
        scope.define("_G", globals)?;
        scope.define("_LOADED", loaded)?;
        scope.raw_set(globals, "_VERSION", "Lua 5.4")?;
        for (name, ids) in libraries {
            let table = if name == "_G" { globals } else { scope.table(0, ids.len() as u32)? };
            scope.set_functions(table, ids)?;
            scope.raw_set(globals, name, table)?;
            scope.raw_set(loaded, name, table)?;
        }
        let os = table_field(scope, globals, "os")?;
        scope.set_functions(os, [("exit", exit)])?;
        scope.set_functions(globals, [("warn", warn), ("collectgarbage", collectgarbage)])?;
        let debug = table_field(scope, globals, "debug")?;
        scope.set_functions(debug, [("debug", debug_debug)])?;
        let next = scope.imported("next");
        scope.raw_set(globals, "next", next)?;
        let string = table_field(scope, globals, "string")?;
        scope.set_functions(string, [("gmatch", gmatch)])?;
        let io = io::open(scope, &io_functions)?;
        scope.raw_set(globals, "io", io)?;
        scope.raw_set(loaded, "io", io)?;
        scope.set_functions(globals, io_functions.globals)?;
        load::open(scope, globals, loaded, &load_functions)?;
        for (global, name) in [("pcall", "pcall"), ("xpcall", "xpcall"), ("pairs", "pairs")] {
            let function = program_function(scope, name, &[])?;
            scope.raw_set(globals, global, function)?;
        }
        let next = program_function(scope, "ipairs_next", &[])?;
        scope.define("ipairs_next", next)?;
        scope.set_counting(next);
        math::open(scope, globals)?;
        string::open(scope, globals)?;
        utf8::open(scope, globals)?;
        coroutine::open(scope, globals)
    })
}

/// A function of the prelude.
pub fn program_function<'s>(scope: &mut Scope<'s>, name: &str, upvalues: &[Local<'_>]) -> HostResult<Local<'s>> {
    let function = scope.closure(name, upvalues)?;
    Ok(function.ok_or_else(|| HostError::Message(format!("the prelude has no {name}")))?.local())
}

/// The table that is a field of another.
fn table_field<'s>(scope: &mut Scope<'s>, table: Table<'_>, name: &str) -> HostResult<Table<'s>> {
    let value = scope.raw_get(table, name)?;
    value.as_table().ok_or_else(|| HostError::Message(format!("{name} is no table")))
}

/// The optional argument with this number.
fn optional<'s, T: lockstep_runtime::FromArgument<'s>>(
    call: &mut Scope<'s>,
    index: usize,
    default: T,
) -> HostResult<T> {
    Ok(call.arg::<Option<T>>(index)?.unwrap_or(default))
}

/// An optional string, or `default`.
fn optional_bytes<'s>(call: &mut Scope<'s>, index: usize, default: &'static [u8]) -> HostResult<&'s [u8]> {
    Ok(call.arg::<Option<Str<'s>>>(index)?.map_or(default, Str::bytes))
}
