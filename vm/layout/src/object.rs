//! Heap objects: the header that every object starts with, the kinds of objects, and the collector's bits.
//!
//! Objects never move. What an object holds beyond its header stands in a file per family: `object_array`,
//! `object_string`, `object_table`, `object_function`, `object_userdata`.

use core::mem::{align_of, offset_of, size_of};

/// What kind of object a header belongs to.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ObjectKind {
    /// A typed array, see [`crate::ArrayHeader`].
    Array = 1,
    /// A byte string, see [`crate::StringHeader`].
    String = 2,
    /// A table, see [`crate::TableHeader`].
    Table = 3,
    /// A closure of a function of the module, see [`crate::ClosureHeader`].
    Closure = 4,
    /// A variable that closures share, see [`crate::UpvalueHeader`]. No value refers to it.
    Upvalue = 5,
    /// A function of the host, see [`crate::ForeignHeader`].
    Foreign = 6,
    /// A coroutine, see [`crate::CoroutineHeader`].
    Coroutine = 7,
    /// Data of the host, see [`crate::UserdataHeader`].
    Userdata = 8,
}

impl ObjectKind {
    /// Every kind, in order of its number; kind `k` stands at index `k as usize - 1`.
    pub const ALL: [ObjectKind; 8] = [
        ObjectKind::Array,
        ObjectKind::String,
        ObjectKind::Table,
        ObjectKind::Closure,
        ObjectKind::Upvalue,
        ObjectKind::Foreign,
        ObjectKind::Coroutine,
        ObjectKind::Userdata,
    ];

    /// The kind with this number.
    pub const fn from_byte(byte: u8) -> Option<ObjectKind> {
        if byte >= 1 && byte as usize <= Self::ALL.len() { Some(Self::ALL[byte as usize - 1]) } else { None }
    }

    /// The name in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            ObjectKind::Array => "array",
            ObjectKind::String => "string",
            ObjectKind::Table => "table",
            ObjectKind::Closure => "closure",
            ObjectKind::Upvalue => "upvalue",
            ObjectKind::Foreign => "foreign",
            ObjectKind::Coroutine => "coroutine",
            ObjectKind::Userdata => "userdata",
        }
    }
}

/// The first 16 bytes of every heap object.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectHeader {
    /// The [`ObjectKind`] as a byte.
    pub kind: u8,
    /// The collector's bits, see [`Mark`].
    pub mark: u8,
    /// The value tag that references to this object carry.
    pub tag: u8,
    /// Flags of the kind: [`crate::StringFlags`], [`crate::TableFlags`]; zero for other kinds.
    pub flags: u8,
    /// The hash of a string; for any other object the number by which tables order it as a key, or 0 as long as it never
    /// was one.
    pub aux: u32,
    /// Address of the next object in the heap's allocation list, or 0.
    pub next: u64,
}

/// Bits of [`ObjectHeader::mark`].
///
/// An object is white (one of the two colours, of which one is current), grey (no colour) or black. Two whites let a sweep tell
/// objects that were made after marking from those that marking did not reach.
pub struct Mark;

impl Mark {
    /// White of even cycles.
    pub const WHITE_0: u8 = 1;
    /// White of odd cycles.
    pub const WHITE_1: u8 = 2;
    /// Either white.
    pub const WHITE: u8 = Self::WHITE_0 | Self::WHITE_1;
    /// Reached, and its references are marked.
    pub const BLACK: u8 = 4;
    /// Has a finalizer that is yet to be queued.
    pub const FINALIZER: u8 = 8;
    /// Is never freed: it belongs to the heap itself.
    pub const FIXED: u8 = 16;
    /// A reference that is stored into this object must be announced: the barrier's test. Whoever announces clears it.
    pub const BARRIER: u8 = 32;
    /// Where a generational collector keeps an object's age. Zero today.
    pub const AGE: u8 = 64 | 128;
}

/// Alignment of every heap object.
pub const OBJECT_ALIGN: usize = align_of::<ObjectHeader>();

/// Offsets of [`ObjectHeader`] fields.
pub mod object_offset {
    use super::{ObjectHeader, offset_of};
    /// Offset of [`ObjectHeader::kind`].
    pub const KIND: u32 = offset_of!(ObjectHeader, kind) as u32;
    /// Offset of [`ObjectHeader::mark`].
    pub const MARK: u32 = offset_of!(ObjectHeader, mark) as u32;
    /// Offset of [`ObjectHeader::flags`].
    pub const FLAGS: u32 = offset_of!(ObjectHeader, flags) as u32;
}

const _: () = {
    assert!(size_of::<ObjectHeader>() == 16 && OBJECT_ALIGN == 16);
    assert!(object_offset::KIND == 0 && object_offset::MARK == 1 && object_offset::FLAGS == 3);
    assert!(Mark::WHITE | Mark::BLACK | Mark::FINALIZER | Mark::FIXED | Mark::BARRIER | Mark::AGE == 0xff);
};

#[cfg(test)]
mod tests {
    use super::ObjectKind;

    #[test]
    fn kinds_are_numbered_in_order() {
        for (index, kind) in ObjectKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index + 1);
            assert_eq!(ObjectKind::from_byte(kind as u8), Some(kind));
        }
        assert_eq!(ObjectKind::from_byte(0), None);
        assert_eq!(ObjectKind::from_byte(9), None);
    }
}
