//! repr(C) records, offsets, tags, helper signatures and effects.
//!
//! This crate is what the interpreter, the runtime, the compiler and generated code agree on: where a value lies, what a
//! status means, which helpers exist. It holds data and constant functions only. It allocates nothing, calls nothing and
//! knows no instruction. Every offset that generated code uses is a named constant taken with `offset_of!`, and the
//! asserts next to each record make a change of layout a compile error here rather than a wrong load elsewhere.
#![forbid(unsafe_code)]

mod context;
mod frame;
mod helper;
mod object;
mod status;
mod tag;

pub use context::{Ctx, FRESH_END, FRESH_PARAM, FunctionEntry, ctx_offset, function_offset};
pub use frame::{
    FRAME_HEADER_SIZE, Frame, FrameFlags, SLOT_SIZE, Slot, callee_offset, frame_offset, frame_size, payload_offset,
    tag_offset,
};
pub use helper::{Effects, HelperId, Outcome, Scalar};
pub use object::{ARRAY_ELEMENTS, ARRAY_LEN, ArrayHeader, OBJECT_ALIGN, ObjectHeader, ObjectKind, array_element_size};
pub use status::Status;
pub use tag::Tag;
