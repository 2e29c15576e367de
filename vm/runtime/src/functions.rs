//! The table of functions that callers and generated code index, and what the interpreter keeps per function.

use std::mem::{MaybeUninit, align_of, size_of};
use std::ptr;

use lockstep_bytecode::{Function, Instr, JumpTable, Pc, Seen};
use lockstep_layout::{FRESH_END, FRESH_PARAM, FunctionEntry, Slot};

/// Where a function's interpreted code lies: its constants directly in front of its instructions.
///
/// Constant `i` is the word at `code - 8 * (i + 1)`, so that one pointer reaches both.
#[derive(Debug)]
struct Code {
    words: Box<[MaybeUninit<u64>]>,
    constants: usize,
}

const _: () = assert!(size_of::<Instr>() == 8 && align_of::<Instr>() <= 8);

impl Code {
    fn new(function: &Function) -> Code {
        let constants = function.pool.len();
        let mut words = Box::new_uninit_slice(constants + function.code.len());
        for (index, &constant) in function.pool.iter().enumerate() {
            words[constants - 1 - index].write(constant);
        }
        for (index, &instr) in function.code.iter().enumerate() {
            // SAFETY: an instruction is as large as a word and no more strictly aligned.
            unsafe { words[constants + index].as_mut_ptr().cast::<Instr>().write(instr) };
        }
        Code { words, constants }
    }

    /// The address of the first instruction. The interpreter writes there what instructions have seen.
    fn first(&mut self) -> u64 {
        // SAFETY: `constants` is at most the length of the allocation.
        unsafe { self.words.as_mut_ptr().add(self.constants) as u64 }
    }
}

/// What the interpreter needs of a function beyond its [`FunctionEntry`], which holds this record's address.
#[derive(Debug)]
pub struct FunctionInfo {
    /// The jump tables.
    pub tables: Box<[JumpTable]>,
    /// See [`FunctionEntry::fresh`].
    fresh: Box<[Slot]>,
    code: Code,
    loops: Box<[u32]>,
    counts: Box<[u64]>,
}

impl FunctionInfo {
    fn new(function: &Function) -> FunctionInfo {
        let fresh = function.registers.iter().enumerate().map(|(index, register)| {
            let payload = if index < usize::from(function.param_count) { FRESH_PARAM } else { 0 };
            Slot { payload, tag: register.kind.tag() }
        });
        FunctionInfo {
            fresh: fresh.chain([Slot { payload: FRESH_END, tag: 0 }]).collect(),
            tables: function.tables.clone().into_boxed_slice(),
            code: Code::new(function),
            loops: Box::default(),
            counts: Box::default(),
        }
    }

    /// Address of the execution counts, one per instruction; null unless counting is on.
    pub fn counts_address(&mut self) -> *mut u64 {
        if self.counts.is_empty() { ptr::null_mut() } else { self.counts.as_mut_ptr() }
    }
}

/// The functions of a VM. Entries never move.
#[derive(Debug)]
pub struct Functions {
    entries: *mut FunctionEntry,
    infos: Vec<*mut FunctionInfo>,
}

impl Functions {
    /// Builds the table; every universal entry is `trampoline`.
    pub fn new<'a>(functions: impl Iterator<Item = &'a Function>, trampoline: u64) -> Functions {
        let mut infos = Vec::new();
        let mut entries = Vec::new();
        for function in functions {
            let mut info = FunctionInfo::new(function);
            let (code, fresh) = (info.code.first(), info.fresh.as_ptr() as u64);
            let info = Box::into_raw(Box::new(info));
            infos.push(info);
            entries.push(FunctionEntry {
                entry: trampoline,
                typed_entry: 0,
                data: 0,
                calls: 0,
                frame_slots: function.frame_slots() as u16,
                params: u16::from(function.param_count),
                code,
                fresh,
                loops: 0,
                info: info as u64,
            });
        }
        let entries = Box::into_raw(entries.into_boxed_slice()).cast();
        Functions { entries, infos }
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Address of the first entry.
    pub fn entries(&self) -> *mut FunctionEntry {
        self.entries
    }

    /// The entry of a function.
    pub fn entry(&mut self, index: usize) -> &mut FunctionEntry {
        assert!(index < self.infos.len(), "there is no function {index}");
        // SAFETY: the index is in bounds of the table, which `self` owns; interpreter and generated code, which hold its
        // address too, do not run while the returned borrow of the VM lives.
        unsafe { &mut *self.entries.add(index) }
    }

    fn info(&mut self, index: usize) -> &mut FunctionInfo {
        // SAFETY: the records are owned by `self`, alive, and not borrowed by anybody else meanwhile (as for `entry`).
        unsafe { &mut *self.infos[index] }
    }

    /// Sets every function's countdown of calls, and gives every function countdowns of back edges, one per instruction.
    pub fn arm(&mut self, calls: u32, loops: u32) {
        for index in 0..self.len() {
            let info = self.info(index);
            let len = info.code.words.len() - info.code.constants;
            info.loops = vec![loops; len].into_boxed_slice();
            let address = info.loops.as_mut_ptr() as u64;
            let entry = self.entry(index);
            entry.loops = address;
            entry.calls = calls;
        }
    }

    /// Starts counting executions from zero, or stops it.
    pub fn count(&mut self, on: bool) {
        for index in 0..self.len() {
            let info = self.info(index);
            let len = info.code.words.len() - info.code.constants;
            info.counts = if on { vec![0; len].into_boxed_slice() } else { Box::default() };
        }
    }

    /// What the instruction at `pc` of a function has seen; nothing, if it does not keep that.
    pub fn seen(&self, index: usize, pc: Pc) -> Seen {
        // SAFETY: the record is owned by `self`, and no program runs while the VM is borrowed.
        let code = unsafe { &(*self.infos[index]).code };
        assert!(pc.index() < code.words.len() - code.constants, "there is no instruction {pc}");
        // SAFETY: behind the constants each word was initialised with an instruction.
        let mut instr = unsafe { code.words.as_ptr().add(code.constants + pc.index()).cast::<Instr>().read() };
        instr.seen().map_or(Seen::default(), |seen| *seen)
    }

    /// The executions of each instruction of a function; empty unless counting is on.
    pub fn counts(&self, index: usize) -> &[u64] {
        // SAFETY: as in `info`, with a shared borrow.
        unsafe { &(*self.infos[index]).counts }
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        let entries = ptr::slice_from_raw_parts_mut(self.entries, self.infos.len());
        // SAFETY: both were made by `Box::into_raw` in `new` with this length, and are freed once.
        unsafe {
            drop(Box::from_raw(entries));
            for &info in &self.infos {
                drop(Box::from_raw(info));
            }
        }
    }
}
