//! The instruction set (one table), modules, assembler, disassembler, verifier, encoding.
//!
//! Everything about instructions is derived from the table in `table.rs`: the [`Instr`] enum (eight bytes), [`Op`] and its
//! [`OpInfo`], and through them assembler, verifier, liveness, encoding and the reference in docs/bytecode.md.
#![forbid(unsafe_code)]

mod asm;
mod assigned;
mod builder;
mod cfg;
pub mod check;
mod codec;
mod disasm;
mod docs;
mod edges;
mod error;
mod family;
pub mod generate;
mod grid;
mod grid_dynamic;
mod group;
mod ids;
mod kind;
mod liveness;
mod module;
pub mod number;
mod op;
mod operand;
pub mod optimise;
mod origin;
pub mod passes;
mod role;
mod sem;
pub mod semantics;
mod table;
mod table_dynamic;
mod verify;

pub use asm::assemble;
pub use builder::{FunctionBuilder, Label};
pub use cfg::{Block, BlockId, Cfg};
pub use codec::{DecodeError, VERSION, decode, encode, seal, table_fingerprint};
pub use disasm::{constant_text, disassemble, instr_text, register_name};
pub use docs::reference;
pub use edges::{Edge, edges, immediate_edges, length_edges};
pub use error::ErrorKind;
pub use family::Family;
pub use grid::{Aspect, Cell, CellProgram, Path, cells, grid, missing_cells, operand_edges, required_cells};
pub use grid_dynamic::{dynamic_cells, dynamic_grid};
pub use group::Group;
pub use ids::{ConstId, Count, FuncId, Near, Pc, Reg, Seen, SiteId, StrId, TableId, TemplateId, UpvalueId};
pub use kind::Kind;
pub use liveness::{Liveness, RegSet};
pub use module::{Capture, Function, JumpTable, LineTable, LocalName, Module, Register, Template};
pub use op::{Effects, Instr, Op, OpInfo};
pub use operand::{MOST_OPERANDS, Operands, Value};
pub use origin::Origin;
pub use role::{OperandInfo, OperandKind, Role};
pub use sem::{AnyOp, AnyUnOp, BinOp, Cc, ConvertMode, NumberKind, Sem, Test, UnOp};
pub use verify::{LONGEST_NAME, MAX_CODE, Verified, VerifyError, is_register_name, verify};
