//! LLVM's library, loaded when the backend is made. It has 185,000 relocations, which take 15 ms of every process that is linked with it (Debian's LLVM 22.1), and most
//! processes of Lockstep never compile: `lockstep run` of a Lua program starts in a fifth of the time without. So the library is not linked; `build.rs`
//! makes a jump for each function of its C interface, and here the table that they jump through is filled.

use std::error::Error as _;
use std::ffi::{OsStr, c_void};
use std::path::Path;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

include!(concat!(env!("OUT_DIR"), "/functions.rs"));

unsafe extern "C" {
    #[link_name = "lockstep_llvm_functions"]
    static mut FUNCTIONS: [*const c_void; COUNT];
}

/// Loads the library, once.
///
/// # Errors
/// It is not where it was when this was built, nor where the system looks, or it lacks a function that it had.
pub fn load() -> Result<(), String> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    LOADED.get_or_init(|| open().map_err(|e| describe(&e))).clone()
}

fn describe(error: &libloading::Error) -> String {
    let why = error.source().map_or(error.to_string(), ToString::to_string);
    format!("LLVM cannot be loaded: {why}; the command was built with {LIBRARY}")
}

fn open() -> Result<(), libloading::Error> {
    let place = Path::new(LIBRARY);
    // SAFETY: LLVM's initialisers are what would run at the start of the process if it were linked.
    let named = |name: &OsStr| unsafe { Library::open(Some(name), RTLD_LAZY | RTLD_LOCAL) };
    let library = named(place.as_os_str()).or_else(|e| place.file_name().map_or(Err(e), named))?;
    let mut addresses = [std::ptr::null(); COUNT];
    for (address, name) in addresses.iter_mut().zip(NAMES) {
        // SAFETY: the symbol is only asked for its address.
        *address = unsafe { library.get::<*const c_void>(name.to_bytes_with_nul())?.into_raw() }.cast_const();
    }
    // SAFETY: the table has as many entries as there are names, and nothing is called through it before `load` has returned.
    unsafe { FUNCTIONS = addresses };
    // For good: there is no telling when the last call has returned.
    std::mem::forget(library);
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn lockstep_llvm_is_not_loaded() -> ! {
    unreachable!("a function of LLVM is called before the library is loaded")
}
