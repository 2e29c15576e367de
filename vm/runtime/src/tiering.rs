//! What the interpreter asks of an engine: it counts, somebody else compiles.

use lockstep_bytecode::{FuncId, Pc};

use crate::Vm;

/// A native entry: the address of code with the universal signature, and its third argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NativeEntry {
    /// Address of the code.
    pub entry: u64,
    /// Address of the unit's data block.
    pub data: u64,
}

/// Calls and back edges after which functions and loops count as hot. Zero means never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// Calls of a function.
    pub calls: u32,
    /// Back edges to one loop header.
    pub loops: u32,
}

impl Thresholds {
    /// Nothing ever counts as hot.
    pub const NEVER: Thresholds = Thresholds { calls: 0, loops: 0 };
}

/// The interpreter's side of an engine. Methods must not run program code.
pub trait Tiering {
    /// A function was called often enough. The implementation may link entries (see [`Vm::link`]); the interpreter looks
    /// at the function's entry word next, and asks again after as many calls.
    fn hot_function(&mut self, vm: &mut Vm, func: FuncId);

    /// A back edge to `header` was taken often enough: an entry that continues there from the frame's slots, if there is
    /// one. The interpreter asks again after as many back edges.
    fn hot_loop(&mut self, vm: &mut Vm, func: FuncId, header: Pc) -> Option<NativeEntry>;

    /// Native code left at an exit site of the unit behind `entry`; if native code had called it, `entry` is what the function is linked to now.
    fn left_native(&mut self, vm: &mut Vm, entry: NativeEntry, site: u32);
}
