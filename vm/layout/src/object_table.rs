//! Tables: an array part for the keys 1…n, specialised by what it holds, and a hash part for all other keys.
//!
//! **Array part.** Elements of keys 1…`array_len` lie in one buffer. Its [`ElementKind`] says how: as 8-byte payloads
//! of integers or of floats, as bytes, or as slots. What these invariants promise, fast paths may rely on:
//! - if `array_len` is not 0, the element of key `array_len` is not nil, and neither part holds the key `array_len` + 1:
//!   `array_len` is a border, and the table's length;
//! - the hash part holds no key from 1 to `array_len`;
//! - integer and float elements are never nil; boolean ones are nil as [`BOOL_NIL`].
//!
//! **Hash part.** A power of two of nodes, chained within the part. A key keeps its node, also when its value becomes nil,
//! until a key is added. So a cache can remember the node of a key: the key is at `cached & node_mask` if the node there
//! says so.

use core::mem::{offset_of, size_of};

use crate::{ObjectHeader, Slot};

/// A table.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableHeader {
    /// The common header; its flags are [`TableFlags`].
    pub object: ObjectHeader,
    /// Address of the element of key 1. While the capacity is 0: the number of elements to make room for at first.
    pub array: u64,
    /// The elements present: keys 1…`array_len`.
    pub array_len: u32,
    /// The elements that the buffer has room for.
    pub array_capacity: u32,
    /// Address of node 0. Without a hash part, that of a node that is always empty.
    pub nodes: u64,
    /// Number of nodes less one.
    pub node_mask: u32,
    /// No node at or above this index is unused; 0 without a hash part.
    pub node_free: u32,
    /// Address of the metatable, or 0.
    pub metatable: u64,
    /// Bit `m` says that this table, used as a metatable, lacks metamethod number `m`. A bit may be missing, never wrong.
    pub absent: u32,
    /// The [`ElementKind`] of the array part.
    pub element_kind: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// How the array part stores its elements. The numbers of specialised kinds are those of the values' tags.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ElementKind {
    /// [`Slot`]s, which may be nil below the last.
    Mixed = 0,
    /// Bytes: 0, 1 or [`BOOL_NIL`].
    Bool = 1,
    /// 64-bit integers.
    I64 = 2,
    /// Doubles.
    F64 = 3,
}

impl ElementKind {
    /// Bytes of an element.
    pub const fn size(self) -> u32 {
        match self {
            ElementKind::Mixed => 16,
            ElementKind::Bool => 1,
            ElementKind::I64 | ElementKind::F64 => 8,
        }
    }

    /// The kind with this number.
    pub const fn from_byte(byte: u8) -> Option<ElementKind> {
        match byte {
            0 => Some(ElementKind::Mixed),
            1 => Some(ElementKind::Bool),
            2 => Some(ElementKind::I64),
            3 => Some(ElementKind::F64),
            _ => None,
        }
    }
}

/// The byte of a boolean element that is nil.
pub const BOOL_NIL: u8 = 2;

/// Bits of a table's [`ObjectHeader::flags`].
pub struct TableFlags;

impl TableFlags {
    /// The hash part may hold integer keys. An append then looks whether the next key waits there.
    pub const HASHED_INTEGERS: u8 = 1;
}

/// One node of a hash part.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// The value; nil in a node that is unused or whose entry was removed.
    pub value: Slot,
    /// The key's payload.
    pub key: u64,
    /// The key's tag, or [`NODE_UNUSED`], or [`NODE_DEAD`].
    pub key_tag: u32,
    /// Distance in nodes to the next node of the chain; 0 at its end.
    pub next: i32,
}

/// [`Node::key_tag`] of a node that never had a key since the last rehash.
pub const NODE_UNUSED: u32 = 0;
/// [`Node::key_tag`] of a node whose key was an object that may be freed; its value is nil. Only a traversal that stands
/// at that object finds it.
pub const NODE_DEAD: u32 = 255;
/// Size of a node in bytes.
pub const NODE_SIZE: u32 = size_of::<Node>() as u32;

/// Offsets of [`TableHeader`] fields.
pub mod table_offset {
    use super::{TableHeader, offset_of};
    /// Offset of [`TableHeader::array`].
    pub const ARRAY: u32 = offset_of!(TableHeader, array) as u32;
    /// Offset of [`TableHeader::array_len`].
    pub const ARRAY_LEN: u32 = offset_of!(TableHeader, array_len) as u32;
    /// Offset of [`TableHeader::array_capacity`].
    pub const ARRAY_CAPACITY: u32 = offset_of!(TableHeader, array_capacity) as u32;
    /// Offset of [`TableHeader::nodes`].
    pub const NODES: u32 = offset_of!(TableHeader, nodes) as u32;
    /// Offset of [`TableHeader::node_mask`].
    pub const NODE_MASK: u32 = offset_of!(TableHeader, node_mask) as u32;
    /// Offset of [`TableHeader::metatable`].
    pub const METATABLE: u32 = offset_of!(TableHeader, metatable) as u32;
    /// Offset of [`TableHeader::absent`].
    pub const ABSENT: u32 = offset_of!(TableHeader, absent) as u32;
    /// Offset of [`TableHeader::element_kind`].
    pub const ELEMENT_KIND: u32 = offset_of!(TableHeader, element_kind) as u32;
}

/// Offsets of [`Node`] fields.
pub mod node_offset {
    use super::{Node, offset_of};
    /// Offset of [`Node::value`].
    pub const VALUE: u32 = offset_of!(Node, value) as u32;
    /// Offset of [`Node::key`].
    pub const KEY: u32 = offset_of!(Node, key) as u32;
    /// Offset of [`Node::key_tag`].
    pub const KEY_TAG: u32 = offset_of!(Node, key_tag) as u32;
}

const _: () = {
    assert!(size_of::<TableHeader>() == 64 && NODE_SIZE == 32);
    assert!(table_offset::ARRAY == 16 && table_offset::NODES == 32 && table_offset::METATABLE == 48);
    assert!(node_offset::VALUE == 0 && node_offset::KEY == 16 && node_offset::KEY_TAG == 24);
    assert!(ElementKind::Bool as u64 == crate::Tag::BOOL.0);
    assert!(ElementKind::I64 as u64 == crate::Tag::I64.0 && ElementKind::F64 as u64 == crate::Tag::F64.0);
};
