//! The records that generated code reaches through its `ctx` argument: limits, tables, and one entry per function.

use core::ffi::c_void;
use core::mem::{align_of, offset_of, size_of};
use core::sync::atomic::AtomicU32;

/// What a running VM shares with generated code. Its address is the first argument of every entry and helper.
#[repr(C)]
#[derive(Debug)]
pub struct Ctx {
    /// Nonzero asks running code to leave at its next back edge. Generated code loads it relaxed; any thread may set it.
    pub poll: AtomicU32,
    /// A call that would make a frame deeper than this is a `stack_overflow`.
    pub depth_limit: u32,
    /// Back edges and calls still allowed. An event tests it *before* its effect: at zero, native code exits at the pc of
    /// the branch or call without a store, and the interpreter decides what it means; otherwise it stores one less.
    /// Only code compiled with the countdown option touches it.
    pub countdown: i64,
    /// First address behind the current stack segment. A callee's frame that would reach beyond it makes native code
    /// exit at the call's pc; the interpreter chains a new segment.
    pub segment_end: u64,
    /// Lowest machine stack address at which native code may start. An entry that finds the stack pointer below it
    /// stores its arguments and exits with pc 0.
    pub stack_limit: u64,
    /// The table of functions, indexed by function number.
    pub functions: *mut FunctionEntry,
    /// The table of helper addresses, indexed by [`crate::HelperId`].
    pub helpers: *const usize,
    /// An exit that materialised frames of inlined calls stores the innermost frame's address here; 0 means that the
    /// exiting activation's own frame is the innermost. Whoever answers the exit clears it.
    pub exit_frame: u64,
    /// The VM that owns this context, for helpers.
    pub vm: *mut c_void,
}

/// One function as callers see it. Entry words change when code is linked or unlinked; callers load them at every call.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct FunctionEntry {
    /// Address of the universal entry; the interpreter's trampoline while there is no native code.
    pub entry: u64,
    /// Address of the typed entry, or 0 while there is none.
    pub typed_entry: u64,
    /// The third argument of both entries: the unit's data block.
    pub data: u64,
    /// Calls left before the function counts as hot; counted down by the interpreter.
    pub calls: u32,
    /// Number of slots of a frame of this function.
    pub frame_slots: u16,
    /// Number of parameters, which occupy slots 0….
    pub params: u8,
    /// [`FunctionTraits`].
    pub traits: u8,
    /// Address of the function's first instruction, for the interpreter alone.
    pub code: u64,
    /// Address of a pattern for fresh frames, for the interpreter alone: one slot per register with its tag, and the payload
    /// [`FRESH_PARAM`] for parameters and 0 for others; behind them a slot with the payload [`FRESH_END`].
    pub fresh: u64,
    /// Address of the function's countdowns to a hot loop (one `u32` per pc), or 0; for the interpreter alone.
    pub loops: u64,
    /// Address of the runtime's record of the function.
    pub info: u64,
}

/// Bits of [`FunctionEntry::traits`].
pub struct FunctionTraits;

impl FunctionTraits {
    /// It is called with any number of values, through closures.
    pub const GENERIC: u8 = 1;
    /// It can ask for the arguments behind its parameters.
    pub const VARARG: u8 = 2;
    /// It has registers of fixed kinds besides its parameters.
    pub const FIXED: u8 = 4;

    /// The traits of a function.
    pub const fn of(generic: bool, vararg: bool, fixed: bool) -> u8 {
        ((generic as u8) * Self::GENERIC) | ((vararg as u8) * Self::VARARG) | ((fixed as u8) * Self::FIXED)
    }
}

/// Payload of a parameter in the pattern at [`FunctionEntry::fresh`].
pub const FRESH_PARAM: u64 = 1;
/// Payload behind the last register in the pattern at [`FunctionEntry::fresh`].
pub const FRESH_END: u64 = 2;

/// Offsets of [`Ctx`] fields.
pub mod ctx_offset {
    use super::{Ctx, offset_of};
    /// Offset of [`Ctx::poll`].
    pub const POLL: u32 = offset_of!(Ctx, poll) as u32;
    /// Offset of [`Ctx::depth_limit`].
    pub const DEPTH_LIMIT: u32 = offset_of!(Ctx, depth_limit) as u32;
    /// Offset of [`Ctx::countdown`].
    pub const COUNTDOWN: u32 = offset_of!(Ctx, countdown) as u32;
    /// Offset of [`Ctx::segment_end`].
    pub const SEGMENT_END: u32 = offset_of!(Ctx, segment_end) as u32;
    /// Offset of [`Ctx::stack_limit`].
    pub const STACK_LIMIT: u32 = offset_of!(Ctx, stack_limit) as u32;
    /// Offset of [`Ctx::functions`].
    pub const FUNCTIONS: u32 = offset_of!(Ctx, functions) as u32;
    /// Offset of [`Ctx::helpers`].
    pub const HELPERS: u32 = offset_of!(Ctx, helpers) as u32;
    /// Offset of [`Ctx::exit_frame`].
    pub const EXIT_FRAME: u32 = offset_of!(Ctx, exit_frame) as u32;
    /// Offset of [`Ctx::vm`].
    pub const VM: u32 = offset_of!(Ctx, vm) as u32;
}

/// Offsets of [`FunctionEntry`] fields, and the record's size.
pub mod function_offset {
    use super::{FunctionEntry, offset_of, size_of};
    /// Size of one record in the table of functions.
    pub const SIZE: u32 = size_of::<FunctionEntry>() as u32;
    /// Offset of [`FunctionEntry::entry`].
    pub const ENTRY: u32 = offset_of!(FunctionEntry, entry) as u32;
    /// Offset of [`FunctionEntry::typed_entry`].
    pub const TYPED_ENTRY: u32 = offset_of!(FunctionEntry, typed_entry) as u32;
    /// Offset of [`FunctionEntry::data`].
    pub const DATA: u32 = offset_of!(FunctionEntry, data) as u32;
    /// Offset of [`FunctionEntry::calls`].
    pub const CALLS: u32 = offset_of!(FunctionEntry, calls) as u32;
}

const _: () = {
    assert!(size_of::<AtomicU32>() == 4 && align_of::<Ctx>() == 8);
    assert!(ctx_offset::POLL == 0 && ctx_offset::DEPTH_LIMIT == 4 && ctx_offset::COUNTDOWN == 8);
    assert!(ctx_offset::SEGMENT_END == 16 && ctx_offset::STACK_LIMIT == 24 && ctx_offset::FUNCTIONS == 32);
    assert!(ctx_offset::HELPERS == 40 && ctx_offset::EXIT_FRAME == 48 && ctx_offset::VM == 56);
    assert!(function_offset::SIZE == 64, "callers index the table by a shift");
    assert!(function_offset::ENTRY == 0 && function_offset::TYPED_ENTRY == 8 && function_offset::DATA == 16);
};
