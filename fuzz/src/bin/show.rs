//! Writes an encoded module as text: `show FILE`, for what the fuzzer of modules has found.

use libfuzzer_sys as _;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("show FILE")?;
    let module = lockstep_bytecode::decode(&std::fs::read(path)?)?;
    print!("{}", lockstep_bytecode::disassemble(&module));
    Ok(())
}
