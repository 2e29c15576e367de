//! The instruction set (one table), modules, assembler, disassembler, verifier, encoding.
//!
//! Everything about instructions is derived from the table in `table.rs`: the [`Instr`] enum (eight bytes), [`Op`] and its
//! [`OpInfo`], and through them assembler, verifier, liveness, encoding and the reference in docs/bytecode.md.
#![forbid(unsafe_code)]

mod error;
mod ids;
mod kind;
mod module;
mod op;
mod sem;
mod table;

pub use error::ErrorKind;
pub use ids::{ConstId, FuncId, Pc, Reg, TableId};
pub use kind::Kind;
pub use module::{Function, JumpTable, LineTable, Module, Register};
pub use op::{Effects, Family, Instr, Op, OpInfo, OperandInfo, OperandKind, Operands, Role, Value};
pub use sem::{BinOp, Cc, ConvertMode, Sem, UnOp};
