//! Lockstep's SSA IR: what the compiler makes, the passes transform and every backend turns into bytes.
//!
//! A [`Unit`] holds one or more [`Function`]s in SSA form with block parameters; the functions of a unit may call each
//! other directly. Operations are rows of ONE table ([`op`]), in two stages:
//!
//! - *value stage*: what the compiler builds from bytecode: frame slots, guards with frame states, polls, calls by
//!   bytecode function. Backends never see it.
//! - *machine stage*: integers, floats, loads, stores, calls, branches. Everything speculative has become plain control
//!   flow here. This is the stable interchange format; every backend lowers all of it.
//!
//! **Every operation is total**: no input makes one trap or be undefined (memory accesses excepted, whose address the
//! unit's maker answers for). The semantics of each stand in its row and, executable, in [`eval`].
//!
//! The text form ([`text`]) round-trips and is versioned. [`verify`] checks what the types of this crate cannot.
//! Nothing here knows bytecode, backends or the VM's layout.
#![forbid(unsafe_code)]

pub mod builder;
pub mod cfg;
pub mod docs;
pub mod eval;
mod macros;
pub mod op;
pub mod text;
pub mod types;
pub mod unit;
pub mod verify;

pub use builder::Builder;
pub use op::{Effect, Imm, ImmKind, Op, OpInfo, OpInstance, Operands, Stage, TypePattern};
pub use types::{Block, FrameStateId, FuncRef, HelperRef, Inst, Region, SigRef, SourceLoc, Type, Value};
pub use unit::{
    BlockCall, BlockData, Extension, FrameState, FrameValue, Function, Helper, InstData, Param, Signature, SourcePos,
    Unit, ValueData, ValueDef,
};
