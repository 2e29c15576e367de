//! Reading and writing registers: payload words as Rust values.

use lockstep_bytecode::Reg;
use lockstep_layout::{Frame, SLOT_SIZE, Slot, payload_offset};

/// The payload of a register.
///
/// # Safety
/// `frame` is a frame with a slot for `reg`.
#[inline(always)]
pub unsafe fn payload(frame: *mut Frame, reg: Reg) -> *mut u64 {
    // SAFETY: the caller says that the slot is part of the frame.
    unsafe { frame.byte_add(payload_offset(0) as usize + SLOT_SIZE as usize * reg.index()).cast() }
}

/// The slot of a register.
///
/// # Safety
/// `frame` is a frame with a slot for `reg`.
#[inline(always)]
pub unsafe fn slot_at(frame: *mut Frame, reg: Reg) -> *mut Slot {
    // SAFETY: the caller says that the slot is part of the frame.
    unsafe { payload(frame, reg).cast() }
}

/// Reads a slot word by word. One wide load of what two stores have just written would wait until both have left the store buffer.
///
/// # Safety
/// `slot` is readable.
#[inline(always)]
pub unsafe fn read(slot: *const Slot) -> Slot {
    // SAFETY: the caller says so. Volatile, so that the two loads stay two.
    unsafe {
        Slot { payload: (&raw const (*slot).payload).read_volatile(), tag: (&raw const (*slot).tag).read_volatile() }
    }
}

/// Copies as many slots as are wanted; those that are not given are nil.
///
/// # Safety
/// So many slots can be read and written; where they overlap, the values lie behind the place they go to.
#[inline(never)]
pub unsafe fn copy_slots(from: *const Slot, given: usize, to: *mut Slot, wanted: usize) {
    // SAFETY: the caller says so.
    unsafe {
        for index in 0..wanted {
            to.add(index).write(if index < given { read(from.add(index)) } else { Slot::NIL });
        }
    }
}

/// A value that a payload word can hold.
pub trait Payload: Copy {
    /// Reads the value from a payload word.
    ///
    /// # Safety
    /// `word` is a readable payload word that holds a value of this kind.
    unsafe fn load(word: *const u64) -> Self;

    /// Writes the whole payload word.
    ///
    /// # Safety
    /// `word` is a writable payload word.
    unsafe fn store(self, word: *mut u64);
}

macro_rules! payloads {
    ($($T:ty: $word:ident => $load:expr, $value:ident => $store:expr;)*) => { $(
        impl Payload for $T {
            #[inline(always)]
            unsafe fn load(word: *const u64) -> Self {
                // SAFETY: the caller says that the word is readable.
                let $word = unsafe { word.read() };
                $load
            }
            #[inline(always)]
            unsafe fn store(self, word: *mut u64) {
                let $value = self;
                // SAFETY: the caller says that the word is writable.
                unsafe { word.write($store) }
            }
        }
    )* };
}

payloads! {
    i32: word => word as i32, value => u64::from(value as u32);
    u32: word => word as u32, value => u64::from(value);
    i64: word => word as i64, value => value as u64;
    u64: word => word, value => value;
    f64: word => f64::from_bits(word), value => value.to_bits();
    bool: word => word != 0, value => u64::from(value);
}
