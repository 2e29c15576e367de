//! Lua 5.4 on the VM: source to bytecode, and the standard library.
#![forbid(unsafe_code)]

mod codegen;
mod library;
mod prompt;
pub mod standalone;
mod syntax;

pub use library::{Standard, file_module};
use lockstep_bytecode::{Module, Verified};
pub use prompt::Terminal;
pub use syntax::{SyntaxError, census};

/// Compiles a chunk. Its main function is the first of the module; it takes any number of arguments, and has the table of global variables as its one upvalue.
/// `name` is as for Lua's `load`: `@file`, `=text`, or the source itself.
///
/// # Errors
/// The source is no chunk, or a function of it is too large.
///
/// # Panics
/// If the code generated does not verify, which is a bug here.
pub fn compile(source: &[u8], name: &[u8]) -> Result<Verified, Box<SyntaxError>> {
    let module: Module = codegen::generate(&syntax::parse(source, name)?)?;
    Ok(Verified::new(module).unwrap_or_else(|error| panic!("the code generated for a chunk is wrong: {error}")))
}
