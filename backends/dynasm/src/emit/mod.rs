//! Printing allocated machine instructions as bytes, through dynasm-rs.
//!
//! Blocks are laid out in order with the cold ones at the end, so that likely paths fall through; a block that only jumps on is jumped over. Rare
//! sides of single instructions (division by zero, conversions out of range) stand behind all blocks of their function, and the constants and jump tables of
//! the unit behind all functions.
#![allow(clippy::useless_conversion, reason = "`dynasm!` converts every register expression")]

mod cold;
mod control;
mod float;
mod forms;
mod int;

use dynasmrt::x64::X64Relocation;
use dynasmrt::{AssemblyOffset, DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler};
use lockstep_backend_api::{CompileError, SourceSpan};
use lockstep_ir::SourceLoc;
use regalloc2::{Allocation, Edit, Inst, Output, ProgPoint, RegClass};

use crate::abi;
use crate::constants::Constants;
use crate::mach::{Code, Mach};
use cold::ColdPath;
use forms::{Allocs, StackLayout, x64};

/// Frames above this size are refused: offsets would not fit an addressing mode.
const MAX_FRAME: usize = 1 << 30;

/// Prints the functions of a unit.
pub(crate) struct Emitter<'a> {
    asm: &'a mut VecAssembler<X64Relocation>,
    rodata: DynamicLabel,
    functions: Vec<DynamicLabel>,
    offsets: Vec<u32>,
    source_map: Option<Vec<SourceSpan>>,
    tables: Vec<JumpTable>,
    /// Of the current function, by machine block.
    labels: Vec<DynamicLabel>,
    cold: Vec<ColdPath>,
    frame: Frame,
    /// Where jumps to a machine block really lead.
    thread: Vec<u32>,
    /// Where a machine block's edits start.
    edits: Vec<u32>,
    order: Vec<u32>,
    /// The machine block that comes next in the code.
    next: u32,
    /// An instruction came in a form that has no encoding.
    broken: bool,
}

/// A jump table to be written behind the code: offsets from the table.
struct JumpTable {
    label: DynamicLabel,
    targets: Vec<DynamicLabel>,
}

/// The machine stack frame: from rsp upwards stack arguments of callees, spill slots, saved registers, the return address.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// What is subtracted from rsp.
    size: i32,
    /// Offset of spill slot 0.
    slots: i32,
    /// By encoding: registers saved.
    saved: u32,
    layout: StackLayout,
}

/// The bytes of a unit.
pub(crate) struct Emitted {
    pub(crate) bytes: Vec<u8>,
    pub(crate) functions: Vec<u32>,
    pub(crate) source_map: Vec<SourceSpan>,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(asm: &'a mut VecAssembler<X64Relocation>, functions: usize, sources: bool) -> Self {
        let rodata = asm.new_dynamic_label();
        let functions = (0..functions).map(|_| asm.new_dynamic_label()).collect();
        Self {
            asm,
            rodata,
            functions,
            offsets: Vec::new(),
            source_map: sources.then(Vec::new),
            tables: Vec::new(),
            labels: Vec::new(),
            cold: Vec::new(),
            frame: Frame::default(),
            thread: Vec::new(),
            edits: Vec::new(),
            order: Vec::new(),
            next: 0,
            broken: false,
        }
    }

    /// Appends the next function of the unit.
    pub(crate) fn function(&mut self, code: &Code, out: &Output) -> Result<(), CompileError> {
        self.asm.align(16, 0xcc);
        self.offsets.push(self.asm.offset().0 as u32);
        let label = self.functions[self.offsets.len() - 1];
        self.asm.dynamic_label(label);
        self.mark(SourceLoc::NONE);
        self.labels.clear();
        for _ in 0..code.blocks.len() {
            let label = self.asm.new_dynamic_label();
            self.labels.push(label);
        }
        self.frame = frame(code, out)?;
        self.lay_out(code, out);
        self.prologue();
        for n in 0..self.order.len() {
            self.next = self.order.get(n + 1).copied().unwrap_or(u32::MAX);
            self.block(code, out, self.order[n] as usize)?;
        }
        self.cold_paths();
        Ok(())
    }

    /// Appends the constants and finishes.
    pub(crate) fn finish(mut self, consts: &Constants) -> Result<Emitted, CompileError> {
        self.mark(SourceLoc::NONE);
        self.asm.align(16, 0xcc);
        let rodata = self.rodata;
        self.asm.dynamic_label(rodata);
        for &word in consts.words() {
            self.asm.push_u64(word);
        }
        let internal = |e: dynasmrt::DynasmError| CompileError::Internal(e.to_string());
        for table in std::mem::take(&mut self.tables) {
            let start = self.asm.offset().0 as i64;
            self.asm.dynamic_label(table.label);
            for target in table.targets {
                let to = self.asm.labels().resolve_dynamic(target).map_err(internal)?.0 as i64;
                let distance = i32::try_from(to - start).map_err(|_| CompileError::TooLarge("the unit".into()))?;
                self.asm.push_i32(distance);
            }
        }
        if self.asm.offset().0 > MAX_FRAME {
            return Err(CompileError::TooLarge("more than 1 GiB of code".into()));
        }
        let bytes = self.asm.take().map_err(internal)?;
        Ok(Emitted { bytes, functions: self.offsets, source_map: self.source_map.unwrap_or_default() })
    }

    fn mark(&mut self, loc: SourceLoc) {
        if let Some(map) = &mut self.source_map
            && map.last().map_or(loc != SourceLoc::NONE, |last| last.loc != loc)
        {
            map.push(SourceSpan { offset: self.asm.offset().0 as u32, loc });
        }
    }

    /// Finds the code order, and what is empty.
    fn lay_out(&mut self, code: &Code, out: &Output) {
        self.edits.clear();
        let mut at = 0;
        for block in &code.blocks {
            self.edits.push(at as u32);
            while out.edits.get(at).is_some_and(|e| e.0.inst().index() < block.insts.end as usize) {
                at += 1;
            }
        }
        self.edits.push(at as u32);
        self.thread.clear();
        self.thread.extend(0..code.blocks.len() as u32);
        let empty = |n: usize, edits: &[u32]| match code.insts[code.blocks[n].insts.start as usize].mach {
            Mach::Jmp(to) if n != 0 && edits[n] == edits[n + 1] => Some(to),
            _ => None,
        };
        for n in (0..code.blocks.len()).rev() {
            if let Some(to) = empty(n, &self.edits) {
                // Later blocks are resolved already. Among earlier ones only those that are not empty themselves are followed, so that
                // no cycle of empty blocks loses all its members.
                if to as usize > n {
                    self.thread[n] = self.thread[to as usize];
                } else if empty(to as usize, &self.edits).is_none() {
                    self.thread[n] = to;
                }
            }
        }
        self.order.clear();
        for cold in [false, true] {
            let blocks = code.blocks.iter().enumerate();
            let thread = &self.thread;
            let emitted = blocks.filter(|(n, b)| b.cold == cold && thread[*n] == *n as u32).map(|(n, _)| n as u32);
            self.order.extend(emitted);
        }
        // A cold entry still comes first.
        if let Some(entry) = self.order.iter().position(|&n| n == 0) {
            self.order[..=entry].rotate_right(1);
        }
    }

    fn prologue(&mut self) {
        for reg in abi::CALLEE_SAVED {
            if self.frame.saved & 1 << reg != 0 {
                x64!(self ; push Rq(reg));
            }
        }
        match self.frame.size {
            0 => {}
            size @ 1..=127 => x64!(self ; sub rsp, BYTE size as i8),
            size => x64!(self ; sub rsp, DWORD size),
        }
    }

    pub(super) fn epilogue(&mut self) {
        match self.frame.size {
            0 => {}
            size @ 1..=127 => x64!(self ; add rsp, BYTE size as i8),
            size => x64!(self ; add rsp, DWORD size),
        }
        for reg in abi::CALLEE_SAVED.into_iter().rev() {
            if self.frame.saved & 1 << reg != 0 {
                x64!(self ; pop Rq(reg));
            }
        }
        x64!(self ; ret);
    }

    fn block(&mut self, code: &Code, out: &Output, n: usize) -> Result<(), CompileError> {
        let label = self.labels[n];
        self.asm.dynamic_label(label);
        let mut edits = out.edits[self.edits[n] as usize..self.edits[n + 1] as usize].iter().peekable();
        for index in code.blocks[n].insts.range() {
            let at = Inst::new(index);
            let inst = &code.insts[index];
            self.mark(inst.loc);
            while let Some((_, edit)) = edits.next_if(|e| e.0 <= ProgPoint::before(at)) {
                self.edit(edit)?;
            }
            let mut allocs = Allocs::new(out.inst_allocs(at), self.frame.layout);
            self.inst(code, &inst.mach, &mut allocs);
            if self.broken || allocs.broken {
                return Err(CompileError::Internal(format!("no encoding for {:?}", inst.mach)));
            }
            while let Some((_, edit)) = edits.next_if(|e| e.0 <= ProgPoint::after(at)) {
                self.edit(edit)?;
            }
        }
        Ok(())
    }

    /// A move of the allocator's. It must leave the flags alone.
    fn edit(&mut self, edit: &Edit) -> Result<(), CompileError> {
        let Edit::Move { from, to } = *edit;
        if from == to {
            return Ok(());
        }
        let slots = self.frame.slots;
        let slot = |a: Allocation| a.as_stack().map(|s| slots + 8 * s.index() as i32);
        match (from.as_reg(), to.as_reg(), slot(from).or(slot(to))) {
            (Some(from), Some(to), _) => {
                let (source, target) = (from.hw_enc() as u8, to.hw_enc() as u8);
                if from.class() == RegClass::Int {
                    x64!(self ; mov Rq(target), Rq(source));
                } else {
                    x64!(self ; movaps Rx(target), Rx(source));
                }
            }
            (Some(from), None, Some(at)) => {
                let source = from.hw_enc() as u8;
                if from.class() == RegClass::Int {
                    x64!(self ; mov [rsp + at], Rq(source));
                } else {
                    x64!(self ; movsd [rsp + at], Rx(source));
                }
            }
            (None, Some(to), Some(at)) => {
                let target = to.hw_enc() as u8;
                if to.class() == RegClass::Int {
                    x64!(self ; mov Rq(target), [rsp + at]);
                } else {
                    x64!(self ; movsd Rx(target), [rsp + at]);
                }
            }
            _ => return Err(CompileError::Internal("a move between spill slots, or from nowhere".into())),
        }
        Ok(())
    }

    /// Writes the scale into the SIB byte of the instruction just printed, `behind` bytes before its end. dynasm-rs knows no scale that is chosen
    /// at run time; everything else of the byte follows from the registers.
    pub(super) fn set_scale(&mut self, base: u8, index: u8, shift: u8, behind: usize) {
        if shift != 0 {
            let at = self.asm.offset().0 - behind - 1;
            let sib = shift << 6 | (index & 7) << 3 | base & 7;
            let mut patch = self.asm.alter();
            patch.goto(AssemblyOffset(at));
            patch.push(sib);
        }
    }

    fn inst(&mut self, code: &Code, mach: &Mach, ops: &mut Allocs<'_>) {
        use Mach::*;
        match *mach {
            Args => {}
            Ret | Call { .. } | Jmp(_) | Jcc { .. } | Switch(_) | StackPointer => self.control(code, mach, ops),
            FloatZero
            | FloatLoad { .. }
            | FloatStore { .. }
            | FloatSelect(_)
            | Sse(..)
            | SseUnary(..)
            | Ucomi(_)
            | MinMax { .. }
            | ToXmm(_)
            | FromXmm(_)
            | IntToFloat(_)
            | UintToFloat
            | FloatToInt { .. }
            | FloatToIntExact { .. } => self.float(mach, ops),
            _ => self.int(mach, ops),
        }
    }
}

/// Lays out the frame of an allocated function.
fn frame(code: &Code, out: &Output) -> Result<Frame, CompileError> {
    let moved = out.edits.iter().map(|(_, Edit::Move { to, .. })| to);
    let mut touched = 0u64;
    for alloc in out.allocs.iter().chain(moved) {
        if let Some(reg) = alloc.as_reg().filter(|r| r.class() == RegClass::Int) {
            touched |= 1 << reg.hw_enc();
        }
    }
    let saved: u32 = abi::CALLEE_SAVED.iter().map(|&reg| 1 << reg).sum::<u32>() & touched as u32;
    let slots = code.outgoing as usize;
    let mut size = slots + 8 * out.num_spillslots;
    if size > MAX_FRAME {
        return Err(CompileError::TooLarge(format!("a stack frame of {size} bytes")));
    }
    let above = 8 + 8 * saved.count_ones() as usize;
    if code.has_calls && !(size + above).is_multiple_of(16) {
        size += 8;
    }
    let layout = StackLayout { incoming: (size + above) as i32 };
    Ok(Frame { size: size as i32, slots: slots as i32, saved, layout })
}
