//! Heap objects: the header that every object starts with, and typed arrays.
//!
//! Objects never move. A typed array keeps its elements inline, so an array's address plus a constant is its first
//! element for as long as the array lives.

use core::mem::{align_of, offset_of, size_of};

use crate::Tag;

/// What kind of object a header belongs to.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectKind {
    /// A typed array, see [`ArrayHeader`].
    Array = 1,
}

/// The first 16 bytes of every heap object.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectHeader {
    /// The [`ObjectKind`] as a byte.
    pub kind: u8,
    /// Mark bits of the collector.
    pub mark: u8,
    /// The value tag that references to this object carry.
    pub tag: u8,
    /// Zero; free for flags.
    pub reserved: u8,
    /// Zero; free for a hash.
    pub aux: u32,
    /// Address of the next object in the heap's allocation list, or 0.
    pub next: u64,
}

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

/// Alignment of every heap object.
pub const OBJECT_ALIGN: usize = align_of::<ObjectHeader>();
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

const _: () = {
    assert!(size_of::<ObjectHeader>() == 16);
    assert!(ARRAY_LEN == 16 && ARRAY_ELEMENTS == 32 && OBJECT_ALIGN == 16);
};
