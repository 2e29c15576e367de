//! What must hold of every module, every text and all bytes: shared by the property tests, the fuzzers and the harness.

use crate::{Cfg, Liveness, Module, Verified, assemble, decode, disassemble, encode};

/// Checks a verified module: its binary form and its text lead back to it, and its analyses agree with the verifier.
///
/// With `canonical`, the text must lead back to the very same module; otherwise (pools and jump tables may be numbered in any
/// way) to one with the same text.
///
/// # Errors
/// What does not hold.
pub fn check(module: &Verified, canonical: bool) -> Result<(), String> {
    let bytes = encode(module);
    let decoded = decode(&bytes).map_err(|error| format!("the encoded module is refused: {error}"))?;
    if *decoded != (Module { origin: None, ..Module::clone(module) }) {
        return Err(format!("decoding gives another module:\n{}\n{}", disassemble(module), disassemble(&decoded)));
    }
    let text = disassemble(module);
    let assembled =
        assemble("disassembled", &text).map_err(|error| format!("the printed module is refused: {error}"))?;
    if canonical && assembled != *module || disassemble(&assembled) != text {
        return Err(format!("assembling gives another module:\n{text}\n{}", disassemble(&assembled)));
    }
    for function in &module.functions {
        let cfg = Cfg::new(function);
        let live = Liveness::new(module, function, &cfg);
        // The verifier says that registers are assigned before they are read: so only parameters are live at the entry.
        if let Some(reg) = live.before(Default::default()).iter().find(|reg| reg.0 >= function.param_count) {
            return Err(format!("{reg} of `{}` is live at the entry, yet the verifier is content", function.name));
        }
        let mut next = 0;
        for (i, block) in cfg.blocks().iter().enumerate() {
            if block.start.0 != next || block.pcs().any(|pc| cfg.block_of(pc).index() != i) {
                return Err(format!("the blocks of `{}` do not partition its code", function.name));
            }
            next = block.end.0;
        }
        if cfg.loop_headers().iter().any(|header| cfg.block(cfg.block_of(*header)).start != *header) {
            return Err(format!("a loop header of `{}` starts no block", function.name));
        }
    }
    Ok(())
}

/// Checks any bytes: they are refused with an offset inside or at the end of them, or are the one encoding of a good module.
///
/// # Errors
/// What does not hold.
pub fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    match decode(bytes) {
        Err(error) if error.offset <= bytes.len() => Ok(()),
        Err(error) => Err(format!("the error is beyond the end: {error}")),
        Ok(module) if encode(&module) != bytes => Err("a module with two encodings".to_owned()),
        Ok(module) => check(&module, false),
    }
}

/// Checks any text: it is refused with a place inside it, or is a good module.
///
/// # Errors
/// What does not hold.
pub fn check_text(text: &str) -> Result<(), String> {
    match assemble("text", text) {
        Err(error) if error.location.line as usize <= text.lines().count() + 1 => Ok(()),
        Err(error) => Err(format!("the error is beyond the end: {error}")),
        Ok(module) => check(&module, true),
    }
}
