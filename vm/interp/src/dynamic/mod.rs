//! What instructions on dynamic values do off the fast path of their arms. docs/dynamic.md tells the whole of it.
//!
//! A function here is called with the registers at its instruction. It answers how the loop goes on ([`Go`]) or with the kind of an error,
//! whose message or value it has left in the VM. Metamethods, iterators and handlers never run on the machine's stack: a frame is pushed for them, the
//! caller's pc stays at its instruction, and when the frame returns, [`Here::deliver`] finishes that instruction.

pub mod calls;
pub mod closures;
pub mod coroutines;
pub mod errors;
pub mod loops;
mod names;
pub mod numbers;
pub mod operate;
pub mod strings;
pub mod tables;

use lockstep_bytecode::{ErrorKind, Instr, Pc, Reg, Seen};
use lockstep_layout::{Ctx, Frame, Slot, Tag};
use lockstep_runtime::{Heap, OutOfMemory, StringRef, TableError, Vm, instr_at};

use crate::activation::{Registers, vm};

/// How the dispatch loop goes on.
pub enum Go {
    /// With the next instruction.
    Next,
    /// With the registers as they now are.
    Continue,
    /// It returns this status.
    Leave(i32),
}

/// How an instruction goes on, or why it raises.
pub type Outcome = Result<Go, ErrorKind>;

/// What a comparison finds.
pub enum Verdict {
    /// The test holds, or not.
    Holds(bool),
    /// A metamethod decides: the loop goes on.
    Go(Go),
}

/// Where the loop is: the context, its registers, and the home of its activation.
pub struct Here<'r> {
    /// The context.
    pub ctx: *mut Ctx,
    /// The loop's registers.
    pub s: &'r mut Registers,
    /// The home of the loop's activation.
    pub home: *mut Frame,
}

impl Here<'_> {
    /// The VM.
    ///
    /// # Safety
    /// Nobody else uses the VM as long as the reference lives.
    pub unsafe fn vm<'v>(&self) -> &'v mut Vm {
        // SAFETY: the caller says so.
        unsafe { vm(self.ctx) }
    }

    /// The heap.
    ///
    /// # Safety
    /// As for [`Here::vm`].
    pub unsafe fn heap<'v>(&self) -> &'v mut Heap {
        // SAFETY: the caller says so.
        unsafe { vm(self.ctx).heap_mut() }
    }

    /// Stores the pc in the frame: before anything that may collect, raise, call or look at frames.
    ///
    /// # Safety
    /// The registers are those of a running activation.
    pub unsafe fn store_pc(&self) {
        // SAFETY: the frame is live.
        unsafe {
            (*self.s.frame).pc = self.s.pc().0;
            self.vm().dynamic.frame = self.s.frame;
        }
    }

    /// The instruction.
    ///
    /// # Safety
    /// The registers are those of a running activation.
    pub unsafe fn instr(&self) -> Instr {
        // SAFETY: `ip` points into the function's code.
        unsafe { instr_at(self.s.ip) }
    }

    /// The slot of the instruction's operand number `index`, which is a register, as all before it are.
    ///
    /// Slow paths look their operands up again, so that the fast ones need not keep them.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction.
    pub unsafe fn operand(&self, index: usize) -> *mut Slot {
        // SAFETY: an instruction is `repr(u16)`: behind its number come the operands in order, registers as bytes.
        unsafe { self.slot(Reg(*self.s.ip.cast::<u8>().add(size_of::<u16>() + index))) }
    }

    /// The immediate operand behind registers.
    ///
    /// # Safety
    /// As for [`Here::operand`].
    pub unsafe fn immediate(&self) -> Slot {
        // SAFETY: the caller says so.
        let instr = unsafe { self.instr() };
        let imm = instr.declared().find_map(|(_, value)| value.imm());
        Slot::i64(imm.expect("the instruction has an immediate operand"))
    }

    /// The slot of a register of the frame.
    ///
    /// # Safety
    /// The frame has such a register.
    pub unsafe fn slot(&self, reg: Reg) -> *mut Slot {
        // SAFETY: the caller says so.
        unsafe { crate::slots::slot_at(self.s.frame, reg) }
    }

    /// Raises with a message of its own.
    ///
    /// # Safety
    /// As for [`Here::vm`].
    pub unsafe fn fail<T>(&self, kind: ErrorKind, message: String) -> Result<T, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe { self.vm().set_message(message) };
        Err(kind)
    }

    /// Raises for an error of a table.
    ///
    /// # Safety
    /// As for [`Here::vm`].
    pub unsafe fn table_error<T>(&self, error: TableError) -> Result<T, ErrorKind> {
        match error {
            TableError::OutOfMemory => Err(ErrorKind::MemoryLimit),
            // SAFETY: the caller says so.
            error => unsafe { self.fail(ErrorKind::TypeError, error.message().to_owned()) },
        }
    }
}

/// There is no memory: the kind of that error.
pub fn no_memory(OutOfMemory: OutOfMemory) -> ErrorKind {
    ErrorKind::MemoryLimit
}

/// The target of a branch on a comparison: its last three bytes.
///
/// # Safety
/// `ip` points to an instruction whose last operand is a [`Near`](lockstep_bytecode::Near).
#[inline(always)]
pub unsafe fn near(ip: *const Instr) -> Pc {
    // SAFETY: an instruction has eight bytes.
    Pc((unsafe { ip.cast::<u64>().read_unaligned() } >> 40) as u32)
}

/// The word with this number in front of a function's code.
///
/// # Safety
/// The function has such a word; see the runtime's functions.
#[inline(always)]
pub unsafe fn word(code: *const Instr, number: u16) -> *mut u64 {
    // SAFETY: the caller says so.
    unsafe { code.cast_mut().cast::<u64>().sub(1 + usize::from(number)) }
}

/// The string constant in a word.
///
/// # Safety
/// The word holds one.
#[inline(always)]
pub unsafe fn string_word(code: *const Instr, number: u16) -> StringRef {
    // SAFETY: the caller says so; constants live as long as the VM.
    unsafe { StringRef::from_payload(word(code, number).read()) }
}

/// Notes in the instruction that such operands were seen.
///
/// # Safety
/// `ip` points into a VM's own copy of a function's code.
#[cold]
#[inline(never)]
pub unsafe fn see(ip: *const Instr, what: Seen) {
    // SAFETY: the copy is the VM's own and writable, and nobody else reads it while the program runs; what was seen has the same place in it as here.
    unsafe {
        let mut instr = instr_at(ip);
        let start = (&raw const instr).cast::<Seen>();
        if let Some(seen) = instr.seen() {
            let place = (&raw const *seen).offset_from_unsigned(start);
            (*ip.cast_mut().cast::<Seen>().add(place)).0 |= what.0;
        }
    }
}

/// Notes that such operands were seen, at the place of an instruction that slow paths come to often: the operand number `place`, behind so many of a byte each.
///
/// # Safety
/// As for [`see`]; the instruction keeps what was seen there.
#[inline(always)]
pub unsafe fn see_at(ip: *const Instr, place: usize, what: Seen) {
    // SAFETY: as for `see`.
    unsafe {
        let seen = ip.cast_mut().cast::<u8>().add(size_of::<u16>() + place);
        if *seen & what.0 == 0 {
            *seen |= what.0;
        }
    }
}

/// Whether a value is called without looking for a metamethod.
pub fn is_function(value: Slot) -> bool {
    value.is(Tag::CLOSURE) || value.is(Tag::FOREIGN)
}
