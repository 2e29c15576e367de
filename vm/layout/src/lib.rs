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
mod object_array;
mod object_function;
mod object_string;
mod object_table;
mod object_userdata;
mod slot;
mod status;
mod tag;

pub use context::{Ctx, FRESH_END, FRESH_PARAM, FunctionEntry, FunctionTraits, ctx_offset, function_offset};
pub use frame::{
    FRAME_HEADER_SIZE, Frame, FrameFlags, SLOT_SIZE, Slot, callee_offset, frame_offset, frame_size, payload_offset,
    tag_offset,
};
pub use helper::{Effects, HelperId, Outcome, Scalar};
pub use object::{Mark, OBJECT_ALIGN, ObjectHeader, ObjectKind, object_offset};
pub use object_array::{ARRAY_ELEMENTS, ARRAY_LEN, ArrayHeader, array_element_size};
pub use object_function::{
    CLOSURE_FUNCTION, CLOSURE_UPVALUES, ClosureHeader, CoroutineHeader, FOREIGN_CAPTURES, ForeignHeader, UPVALUE_SLOT,
    UpvalueHeader,
};
pub use object_string::{INTERNED_MAX, STRING_BYTES, STRING_LEN, StringFlags, StringHeader, string_size};
pub use object_table::{
    BOOL_NIL, ElementKind, NODE_DEAD, NODE_SIZE, NODE_UNUSED, Node, TableFlags, TableHeader, node_offset, table_offset,
};
pub use object_userdata::UserdataHeader;
pub use status::Status;
pub use tag::Tag;
