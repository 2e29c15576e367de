//! Typed arrays: a length that never changes, and elements of one fixed kind inline.
//!
//! An array's address plus a constant is its first element for as long as the array lives.

use core::mem::{offset_of, size_of};

use crate::{ObjectHeader, Tag};

/// A typed array; the elements follow immediately, without padding between them.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArrayHeader {
    /// The common header; its tag says which kind of array this is.
    pub object: ObjectHeader,
    /// Number of elements, never above `i64::MAX`.
    pub len: u64,
    /// Size of the whole allocation in bytes.
    pub bytes: u64,
}

/// Offset of an array's length (a 64-bit word).
pub const ARRAY_LEN: u32 = offset_of!(ArrayHeader, len) as u32;
/// Offset of an array's first element.
pub const ARRAY_ELEMENTS: u32 = size_of::<ArrayHeader>() as u32;

/// Size in bytes of one element of an array with this tag; 0 if it is not an array tag.
pub const fn array_element_size(tag: Tag) -> u32 {
    match tag {
        Tag::ARR_I32 | Tag::ARR_U32 => 4,
        Tag::ARR_I64 | Tag::ARR_U64 | Tag::ARR_F64 => 8,
        Tag::ARR_BOOL => 1,
        _ => 0,
    }
}

const _: () = assert!(ARRAY_LEN == 16 && ARRAY_ELEMENTS == 32);
