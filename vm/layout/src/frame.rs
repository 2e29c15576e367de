//! Frames and slots: the only register file there is, shared by the interpreter and generated code.
//!
//! A frame is a header of 32 bytes followed by the function's slots of 16 bytes. Frames of one segment are contiguous:
//! the frame of a direct call starts right behind the caller's last slot.

use core::mem::{align_of, offset_of, size_of};

/// One register: a payload word and a tag word. Aligned to words, so that a slot passes from function to function in two machine registers;
/// where slots lie, in frames and in the heap's objects, they are aligned to their size.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slot {
    /// The value's bits.
    pub payload: u64,
    /// The value's [`crate::Tag`].
    pub tag: u64,
}

/// The header of a frame; its slots follow immediately.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Index of the function in the VM.
    pub func: u32,
    /// Suspended in a call: the pc of that call. After an exit: the pc of the next instruction to execute.
    pub pc: u32,
    /// Address of the caller's frame, or 0 at the bottom of a stack.
    pub caller: u64,
    /// Number of frames on the stack up to and including this one; the first has depth 1.
    pub depth: u32,
    /// [`FrameFlags`]; zero in every frame that generated code makes.
    pub flags: u32,
    /// The closure being run, or 0 for a static function.
    pub callee: u64,
}

/// Bits of [`Frame::flags`]. Only the interpreter sets and reads them.
pub struct FrameFlags;

impl FrameFlags {
    /// When this frame returns, the interpreter activation that runs it returns to its host or native caller.
    pub const BOUNDARY: u32 = 1;
    /// This frame is the first of a chained segment, which is released when the frame returns.
    pub const SEGMENT: u32 = 2;
    /// Open upvalues may refer to slots of this frame.
    pub const CAPTURED: u32 = 4;
    /// Variables of this frame are to be closed.
    pub const CLOSING: u32 = 8;
    /// Arguments behind the parameters lie below the header: their number in the payload of the slot just below it, the number of all arguments in its tag, and they themselves, in order, below that.
    pub const VARARG: u32 = 16;
    /// This frame is the first of a coroutine.
    pub const BASE: u32 = 32;
    /// This frame runs a message handler; its result is what is raised.
    pub const HANDLER: u32 = 64;
    /// This frame closes a variable of frames that are being left.
    pub const UNWIND: u32 = 128;
    /// This frame runs a finalizer: the caller, interrupted before an instruction, goes on with that instruction.
    pub const FINALIZER: u32 = 256;
    /// A function of the host catches what this frame, which it has called, or those above raise.
    pub const PROTECTED: u32 = 512;
    /// This frame has taken the place of one that called it last: who called that one is known, but not by which name.
    pub const TAIL: u32 = 1024;
    /// Where eight bits begin that the pending instruction of the caller keeps here.
    pub const AUX_SHIFT: u32 = 16;
}

/// Size of a slot in bytes.
pub const SLOT_SIZE: u32 = size_of::<Slot>() as u32;
/// Size of a frame's header in bytes; slot 0 starts here.
pub const FRAME_HEADER_SIZE: u32 = size_of::<Frame>() as u32;

/// Offset of the payload of slot `index` from the start of its frame.
pub const fn payload_offset(index: u32) -> u32 {
    FRAME_HEADER_SIZE + index * SLOT_SIZE + offset_of!(Slot, payload) as u32
}

/// Offset of the tag of slot `index` from the start of its frame.
pub const fn tag_offset(index: u32) -> u32 {
    FRAME_HEADER_SIZE + index * SLOT_SIZE + offset_of!(Slot, tag) as u32
}

/// Size in bytes of a frame of `slots` slots.
pub const fn frame_size(slots: u32) -> u32 {
    FRAME_HEADER_SIZE + slots * SLOT_SIZE
}

/// Offset from a caller's frame of `slots` slots to the frame of the function it calls.
pub const fn callee_offset(slots: u32) -> u32 {
    frame_size(slots)
}

/// Offsets of the header's fields.
pub mod frame_offset {
    use super::{Frame, offset_of};
    /// Offset of [`Frame::func`]; one 8-byte store writes it together with a pc.
    pub const FUNC: u32 = offset_of!(Frame, func) as u32;
    /// Offset of [`Frame::pc`].
    pub const PC: u32 = offset_of!(Frame, pc) as u32;
    /// Offset of [`Frame::caller`].
    pub const CALLER: u32 = offset_of!(Frame, caller) as u32;
    /// Offset of [`Frame::depth`]; one 8-byte store writes it together with zero flags.
    pub const DEPTH: u32 = offset_of!(Frame, depth) as u32;
    /// Offset of [`Frame::flags`].
    pub const FLAGS: u32 = offset_of!(Frame, flags) as u32;
    /// Offset of [`Frame::callee`].
    pub const CALLEE: u32 = offset_of!(Frame, callee) as u32;
}

const _: () = {
    assert!(size_of::<Slot>() == 16 && align_of::<Slot>() == 8);
    assert!(size_of::<Frame>() == 32 && align_of::<Frame>() == 16);
    assert!(frame_offset::FUNC == 0 && frame_offset::PC == 4 && frame_offset::CALLER == 8);
    assert!(frame_offset::DEPTH == 16 && frame_offset::FLAGS == 20 && frame_offset::CALLEE == 24);
    assert!(payload_offset(0) == 32 && tag_offset(0) == 40 && payload_offset(3) == 80);
};
