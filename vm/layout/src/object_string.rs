//! Byte strings: any bytes, any length, never changed. Short ones exist once, so that their addresses decide equality.

use core::mem::{offset_of, size_of};

use crate::ObjectHeader;

/// A string; its bytes follow the header, and a zero byte that does not count follows them.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StringHeader {
    /// The common header; `aux` is the hash if the flags say that it is there.
    pub object: ObjectHeader,
    /// Number of bytes.
    pub len: u64,
    /// What follows the fields is bytes; this one starts them.
    pub bytes: [u8; 8],
}

/// Bits of a string's [`ObjectHeader::flags`].
pub struct StringFlags;

impl StringFlags {
    /// The string is interned: no other string of the heap has the same bytes.
    pub const INTERNED: u8 = 1;
    /// `aux` is the hash. Always so for interned strings.
    pub const HASHED: u8 = 2;
}

/// Strings of at most this many bytes are interned, and no longer ones.
pub const INTERNED_MAX: usize = 40;
/// Offset of a string's length (a 64-bit word).
pub const STRING_LEN: u32 = offset_of!(StringHeader, len) as u32;
/// Offset of a string's first byte.
pub const STRING_BYTES: u32 = offset_of!(StringHeader, bytes) as u32;

/// Size in bytes of the allocation of a string of `len` bytes.
pub const fn string_size(len: u64) -> u64 {
    let used = STRING_BYTES as u64 + len + 1;
    if used < size_of::<StringHeader>() as u64 { size_of::<StringHeader>() as u64 } else { used }
}

const _: () = assert!(STRING_LEN == 16 && STRING_BYTES == 24 && size_of::<StringHeader>() == 32);
