//! The source map, by way of LLVM's debug information: the line number of an instruction is the row of its source in the unit's table,
//! counted from 1, and the line table of the object file says which line each byte of code comes from.
//!
//! Units without a source table carry no debug information: it costs time (see NOTES.md).

use gimli::{DebugLine, DebugLineOffset, LittleEndian};
use inkwell::context::Context;
use inkwell::debug_info::{
    AsDIScope, DICompileUnit, DIFlags, DIFlagsConstants, DILocation, DIScope, DISubprogram, DISubroutineType,
    DWARFEmissionKind, DWARFSourceLanguage, DebugInfoBuilder,
};
use inkwell::module::{FlagBehavior, Module};
use inkwell::values::FunctionValue;
use lockstep_backend_api::{CompileError, SourceSpan};
use lockstep_ir::{SourceLoc, Unit};
use object::{Object, ObjectSection, RelocationFlags, elf};

use crate::link::Layout;

/// Version of the debug metadata LLVM reads.
const METADATA_VERSION: u64 = 3;

/// Version of the line table written. The later one only adds references to other sections.
const DWARF_VERSION: u64 = 4;

/// Makes the debug information of a unit.
pub struct DebugInfo<'ctx> {
    context: &'ctx Context,
    builder: DebugInfoBuilder<'ctx>,
    unit: DICompileUnit<'ctx>,
    function_type: DISubroutineType<'ctx>,
}

impl<'ctx> DebugInfo<'ctx> {
    /// For a unit that has sources.
    pub fn new(context: &'ctx Context, module: &Module<'ctx>, unit: &Unit) -> Option<Self> {
        if unit.sources.is_empty() {
            return None;
        }
        for (name, version) in [("Debug Info Version", METADATA_VERSION), ("Dwarf Version", DWARF_VERSION)] {
            let version = context.i32_type().const_int(version, false);
            module.add_basic_value_flag(name, FlagBehavior::Warning, version);
        }
        let (builder, unit) = module.create_debug_info_builder(
            false,
            DWARFSourceLanguage::C,
            "unit",
            "",
            "",
            false,
            "",
            0,
            "",
            DWARFEmissionKind::LineTablesOnly,
            0,
            false,
            false,
            "",
            "",
        );
        let function_type = builder.create_subroutine_type(unit.get_file(), None, &[], DIFlags::ZERO);
        Some(Self { context, builder, unit, function_type })
    }

    /// Gives a function its scope.
    pub fn subprogram(&self, function: FunctionValue<'ctx>, number: usize) -> DISubprogram<'ctx> {
        let subprogram = self.builder.create_function(
            self.unit.as_debug_info_scope(),
            &number.to_string(),
            None,
            self.unit.get_file(),
            0,
            self.function_type,
            false,
            true,
            0,
            DIFlags::ZERO,
            false,
        );
        function.set_subprogram(subprogram);
        subprogram
    }

    /// A location in a function; line 0 for an unknown one.
    pub fn location(&self, scope: DIScope<'ctx>, loc: SourceLoc) -> DILocation<'ctx> {
        self.builder.create_debug_location(self.context, loc.0.wrapping_add(1), 0, scope, None)
    }

    /// Completes it.
    pub fn finish(&self) {
        self.builder.finalize();
    }
}

/// Reads the line table, if there is one.
pub fn source_map(file: &object::File<'_>, layout: &Layout) -> Result<Vec<SourceSpan>, CompileError> {
    let failed = |e: gimli::Error| CompileError::Internal(format!("line table: {e}"));
    let Some(section) = file.section_by_name(".debug_line") else { return Ok(Vec::new()) };
    let data = section.data().map_err(|e| CompileError::Internal(format!("line table: {e}")))?;
    let mut data = data.to_vec();
    for (at, relocation) in section.relocations() {
        // What is not an address names a string.
        if !matches!(relocation.flags(), RelocationFlags::Elf { r_type: elf::R_X86_64_64 }) {
            continue;
        }
        let target = layout.target(file, &relocation)? + relocation.addend();
        let place = data.get_mut(at as usize..at as usize + 8);
        place.ok_or_else(|| failed(gimli::Error::OffsetOutOfBounds(at)))?.copy_from_slice(&target.to_le_bytes());
    }
    let lines = DebugLine::new(&data, LittleEndian);
    let program = lines.program(DebugLineOffset(0), 8, None, None).map_err(failed)?;
    let mut rows = program.rows();
    let mut spans: Vec<SourceSpan> = Vec::new();
    while let Some((_, row)) = rows.next_row().map_err(failed)? {
        let line = if row.end_sequence() { None } else { row.line() };
        let loc = line.map_or(SourceLoc::NONE, |line| SourceLoc(line.get() as u32 - 1));
        spans.push(SourceSpan { offset: row.address() as u32, loc });
    }
    // Sequences come in any order; of two rows at one offset the later one counts.
    spans.sort_by_key(|span| span.offset);
    spans.reverse();
    spans.dedup_by_key(|span| span.offset);
    spans.reverse();
    spans.dedup_by_key(|span| span.loc);
    Ok(spans)
}
