//! Machine code for people: disassembly with function names and the bytecode each stretch comes from.

use std::io::{self, Write};

use iced_x86::{Decoder, DecoderOptions, Formatter, NasmFormatter};
use lockstep_backend_api::Artifact;
use lockstep_ir::{SourceLoc, Unit};

/// Writes a listing of x86-64 code. Constants that lie behind the code are shown as instructions too: nothing marks where they begin.
///
/// # Errors
/// As writing fails.
pub fn write(out: &mut dyn Write, bytes: &[u8], unit: &Unit, artifact: &Artifact) -> io::Result<()> {
    let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
    let mut formatter = NasmFormatter::new();
    let mut text = String::new();
    let mut spans = artifact.source_map.iter().peekable();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let offset = instruction.ip() as u32;
        for (function, _) in unit.functions.iter().zip(&artifact.functions).filter(|f| *f.1 == offset) {
            writeln!(out, "{}:", function.name)?;
        }
        while let Some(span) = spans.next_if(|s| s.offset <= offset) {
            if span.loc != SourceLoc::NONE
                && let Some(source) = unit.sources.get(span.loc.index())
            {
                writeln!(out, "    ; function {} pc {}", source.func, source.pc)?;
            }
        }
        text.clear();
        formatter.format(&instruction, &mut text);
        let raw = &bytes[offset as usize..offset as usize + instruction.len()];
        let raw: String = raw.iter().map(|b| format!("{b:02x}")).collect();
        writeln!(out, "  {offset:6x}  {raw:<24} {text}")?;
    }
    Ok(())
}
