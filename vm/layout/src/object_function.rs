//! Objects that run or are captured by what runs: closures, upvalues, functions of the host, coroutines.

use core::mem::{offset_of, size_of};

use crate::{ObjectHeader, Slot};

/// A closure; addresses of its upvalues follow immediately, 8 bytes each.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClosureHeader {
    /// The common header.
    pub object: ObjectHeader,
    /// Index of the function in the VM.
    pub function: u32,
    /// Number of upvalues.
    pub upvalues: u32,
    /// Zero.
    pub reserved: u64,
}

/// A variable that outlives, or may outlive, the frame it was made in.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpvalueHeader {
    /// The common header.
    pub object: ObjectHeader,
    /// Address of the variable's slot: in a frame while the upvalue is open, of `closed` afterwards.
    pub slot: u64,
    /// Address of the next upvalue of the same stack's list of open ones (the next lower slot), or 0.
    pub next_open: u64,
    /// The variable once the upvalue is closed.
    pub closed: Slot,
}

/// A function of the host; its captured values follow immediately, one slot each.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForeignHeader {
    /// The common header.
    pub object: ObjectHeader,
    /// Which function: an index or an address, as the VM sees fit.
    pub function: u64,
    /// Number of captured values.
    pub captures: u32,
    /// Zero.
    pub reserved: u32,
}

/// A coroutine. The heap knows that it has a stack somewhere; whose it is and how it looks is the VM's affair.
#[repr(C, align(16))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoroutineHeader {
    /// The common header.
    pub object: ObjectHeader,
    /// Address of the VM's record of the coroutine, or 0 when it has none (any more).
    pub state: u64,
    /// Bytes of that record and its stack, as counted towards the memory limit.
    pub bytes: u64,
}

/// Offset of the address of a closure's first upvalue.
pub const CLOSURE_UPVALUES: u32 = size_of::<ClosureHeader>() as u32;
/// Offset of a closure's function index (a 32-bit word).
pub const CLOSURE_FUNCTION: u32 = offset_of!(ClosureHeader, function) as u32;
/// Offset of the address of an upvalue's slot.
pub const UPVALUE_SLOT: u32 = offset_of!(UpvalueHeader, slot) as u32;
/// Offset of a foreign function's first captured value.
pub const FOREIGN_CAPTURES: u32 = size_of::<ForeignHeader>() as u32;

const _: () = {
    assert!(CLOSURE_FUNCTION == 16 && CLOSURE_UPVALUES == 32 && UPVALUE_SLOT == 16 && FOREIGN_CAPTURES == 32);
    assert!(size_of::<UpvalueHeader>() == 48 && size_of::<CoroutineHeader>() == 32);
};
