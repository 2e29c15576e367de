//! Userdata: something of the host's that programs hold, with a metatable and one value of the program's.

use core::mem::size_of;

use crate::{ObjectHeader, Slot};

/// A userdata.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserdataHeader {
    /// The common header.
    pub object: ObjectHeader,
    /// Address of the metatable, or 0.
    pub metatable: u64,
    /// The host's data: a pointer of C's, or the address of the runtime's box.
    pub data: u64,
    /// Drops the runtime's box: a function pointer, or 0 for a pointer of C's.
    pub release: u64,
    /// Bytes behind `data` that count towards the memory limit.
    pub bytes: u64,
    /// A value of the program's.
    pub user: Slot,
}

const _: () = assert!(size_of::<UserdataHeader>() == 64);
