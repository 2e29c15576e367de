//! From an object file to a blob: sections laid end to end, relocations between them resolved, nothing left over.
//!
//! Only what is addressed relative to the code can be resolved: the blob is loaded anywhere. A symbol the object does not define is a
//! [`CompileError::ResidualSymbol`], any other kind of relocation a defect.

use lockstep_backend_api::{CompileError, SourceSpan};
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SectionFlags, elf};

/// The linked code.
pub struct Blob {
    /// Code, then constants.
    pub bytes: Vec<u8>,
    /// What the largest section asks for.
    pub align: u32,
    /// Offset of each function.
    pub functions: Vec<u32>,
    /// From the line table.
    pub source_map: Vec<SourceSpan>,
}

/// The symbol of the n-th function.
pub fn symbol(n: usize) -> String {
    format!("lockstep.{n}")
}

/// What fills gaps between sections: `int3`.
const FILL: u8 = 0xcc;

fn internal(message: impl std::fmt::Display) -> CompileError {
    CompileError::Internal(format!("object file: {message}"))
}

/// Links an object with the functions of a unit.
pub fn link(object: &[u8], function_count: usize) -> Result<Blob, CompileError> {
    let file = object::File::parse(object).map_err(internal)?;
    let layout = Layout::new(&file)?;
    let mut bytes = vec![FILL; layout.size];
    for &(index, offset) in &layout.placed {
        let section = file.section_by_index(index).map_err(internal)?;
        let data = section.data().map_err(internal)?;
        bytes[offset..offset + data.len()].copy_from_slice(data);
    }
    for &(index, offset) in &layout.placed {
        let section = file.section_by_index(index).map_err(internal)?;
        for (at, relocation) in section.relocations() {
            let at = offset + at as usize;
            let target = layout.target(&file, &relocation)?;
            let RelocationFlags::Elf { r_type } = relocation.flags() else { return Err(internal("not ELF")) };
            let value = target + relocation.addend() - at as i64;
            let place = |n: usize| at..at + n;
            match r_type {
                elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => {
                    let value = i32::try_from(value).map_err(internal)?;
                    bytes
                        .get_mut(place(4))
                        .ok_or_else(|| internal("relocation"))?
                        .copy_from_slice(&value.to_le_bytes());
                }
                elf::R_X86_64_PC64 => {
                    bytes
                        .get_mut(place(8))
                        .ok_or_else(|| internal("relocation"))?
                        .copy_from_slice(&value.to_le_bytes());
                }
                _ => return Err(internal(format!("relocation of type {r_type:?} in position-independent code"))),
            }
        }
    }
    let source_map = crate::lines::source_map(&file, &layout)?;
    Ok(Blob { bytes, align: layout.align, functions: layout.functions(&file, function_count)?, source_map })
}

/// Where each section of the blob lies.
pub struct Layout {
    /// Sections with their offsets, executable ones first.
    placed: Vec<(object::SectionIndex, usize)>,
    size: usize,
    align: u32,
}

impl Layout {
    fn new(file: &object::File<'_>) -> Result<Self, CompileError> {
        let mut layout = Self { placed: Vec::new(), size: 0, align: 16 };
        for executable in [true, false] {
            for section in file.sections() {
                let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return Err(internal("not ELF")) };
                let has = |flag| sh_flags.contains(flag);
                if !has(elf::SHF_ALLOC) || has(elf::SHF_EXECINSTR) != executable || section.size() == 0 {
                    continue;
                }
                if section.kind() == object::SectionKind::UninitializedData {
                    return Err(internal("variables, of which a unit has none"));
                }
                // Nothing unwinds through generated code.
                if section.name() == Ok(".eh_frame") {
                    continue;
                }
                let align = section.align().max(1);
                layout.align = layout.align.max(u32::try_from(align).map_err(internal)?);
                let offset = layout.size.next_multiple_of(align as usize);
                layout.placed.push((section.index(), offset));
                layout.size = offset + section.size() as usize;
            }
        }
        if layout.align > 4096 {
            return Err(internal(format!("a section aligned to {}", layout.align)));
        }
        Ok(layout)
    }

    /// Where a section lies, if it is part of the blob.
    pub fn offset(&self, index: object::SectionIndex) -> Option<usize> {
        self.placed.iter().find(|s| s.0 == index).map(|s| s.1)
    }

    /// Offset into the blob of what a relocation refers to, without the addend.
    pub fn target(&self, file: &object::File<'_>, relocation: &object::Relocation) -> Result<i64, CompileError> {
        let offset = match relocation.target() {
            RelocationTarget::Symbol(index) => {
                let symbol = file.symbol_by_index(index).map_err(internal)?;
                let section = symbol.section_index().and_then(|s| self.offset(s));
                let Some(section) = section else {
                    let name = symbol.name().unwrap_or("?");
                    return Err(CompileError::ResidualSymbol(name.to_owned()));
                };
                section as u64 + symbol.address()
            }
            RelocationTarget::Section(index) => {
                self.offset(index).ok_or_else(|| internal("relocation to a section left out"))? as u64
            }
            _ => return Err(internal("relocation without a target")),
        };
        i64::try_from(offset).map_err(internal)
    }

    fn functions(&self, file: &object::File<'_>, count: usize) -> Result<Vec<u32>, CompileError> {
        let mut offsets = vec![None; count];
        for found in file.symbols() {
            let number = found.name().ok().and_then(|name| name.strip_prefix("lockstep.")?.parse::<usize>().ok());
            let Some(slot) = number.and_then(|n| offsets.get_mut(n)) else { continue };
            let section = found.section_index().and_then(|s| self.offset(s));
            *slot = section.and_then(|s| u32::try_from(s as u64 + found.address()).ok());
        }
        let missing = |n: usize| internal(format!("function `{}` is missing", symbol(n)));
        offsets.into_iter().enumerate().map(|(n, offset)| offset.ok_or_else(|| missing(n))).collect()
    }
}
