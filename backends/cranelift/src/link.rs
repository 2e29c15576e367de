//! From compiled functions to one self-contained blob.
//!
//! Functions follow each other in the unit's order, each with its constants behind its code, as Cranelift leaves them. The only references
//! between them are direct calls, resolved here; any other reference is refused.

use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::{ExternalName, Function, SourceLoc as ClifLoc};
use cranelift_codegen::{Final, FinalizedRelocTarget, MachBufferFinalized};
use lockstep_backend_api::{CompileError, SourceSpan};
use lockstep_ir::SourceLoc;

/// At least this alignment for every function.
const FUNCTION_ALIGN: u32 = 16;

/// Between functions: `int3`, so that running off an end faults.
const PADDING: u8 = 0xcc;

/// The largest blob whose distances fit into relative calls.
const MAX_BYTES: usize = i32::MAX as usize;

/// A blob in the making.
#[derive(Default)]
pub struct Linker {
    bytes: Vec<u8>,
    align: u32,
    functions: Vec<u32>,
    calls: Vec<Call>,
    source_map: Vec<SourceSpan>,
}

/// A 32-bit distance to fill in: from the field's own address to `callee + addend`.
struct Call {
    field: u32,
    callee: u32,
    addend: i64,
}

impl Linker {
    /// Appends the next function of the unit.
    pub fn append(&mut self, func: &Function, code: &MachBufferFinalized<Final>) -> Result<(), CompileError> {
        let align = code.alignment.max(FUNCTION_ALIGN);
        self.align = self.align.max(align);
        let start = self.bytes.len().next_multiple_of(align as usize);
        if start + code.data().len() > MAX_BYTES {
            return Err(CompileError::TooLarge(format!("more than {MAX_BYTES} bytes of code")));
        }
        self.bytes.resize(start, PADDING);
        self.bytes.extend_from_slice(code.data());
        let start = start as u32;
        self.functions.push(start);
        for reloc in code.relocs() {
            let callee = match (&reloc.target, reloc.kind) {
                (
                    FinalizedRelocTarget::ExternalName(ExternalName::User(name)),
                    Reloc::X86CallPCRel4 | Reloc::X86PCRel4,
                ) => func.params.user_named_funcs()[*name].index,
                (target, _) => return Err(CompileError::ResidualSymbol(target.display(Some(&func.params)))),
            };
            self.calls.push(Call { field: start + reloc.offset, callee, addend: reloc.addend });
        }
        self.map_source(start, SourceLoc::NONE);
        for span in code.get_srclocs_sorted() {
            self.map_source(start + span.start, location(span.loc));
            self.map_source(start + span.end, SourceLoc::NONE);
        }
        Ok(())
    }

    /// From `offset` on, code comes from `loc`. A span that the next one starts on top of vanishes, and so does a change
    /// that is none.
    fn map_source(&mut self, offset: u32, loc: SourceLoc) {
        if self.source_map.last().is_some_and(|last| last.offset == offset) {
            self.source_map.pop();
        }
        let before = self.source_map.last().map_or(SourceLoc::NONE, |last| last.loc);
        if before != loc {
            self.source_map.push(SourceSpan { offset, loc });
        }
    }

    /// Fills in the calls.
    pub fn resolve(&mut self) -> Result<(), CompileError> {
        for call in &self.calls {
            let to = i64::from(self.functions[call.callee as usize]) + call.addend;
            let distance = i32::try_from(to - i64::from(call.field))
                .map_err(|_| CompileError::TooLarge("a call reaches too far".to_owned()))?;
            let field = call.field as usize;
            self.bytes[field..field + 4].copy_from_slice(&distance.to_le_bytes());
        }
        Ok(())
    }

    /// Bytes, alignment, offset of each function, source map.
    pub fn finish(self) -> (Vec<u8>, u32, Vec<u32>, Vec<SourceSpan>) {
        (self.bytes, self.align.max(FUNCTION_ALIGN), self.functions, self.source_map)
    }
}

fn location(loc: ClifLoc) -> SourceLoc {
    if loc.is_default() { SourceLoc::NONE } else { SourceLoc(loc.bits()) }
}
