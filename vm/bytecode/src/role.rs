//! What operands are to their instructions: roles and kinds, and how the words of the table name them.

use crate::Kind;

/// What an operand is to its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A register that is written.
    Def,
    /// A register that is read.
    Use,
    /// A register that is read and written (possibly not written, as in a loop's last step).
    InOut,
    /// The first of the consecutive registers that hold a call's arguments; how many the callee says.
    Args,
    /// The first of consecutive registers: the value called, and as many arguments as the [`Role::Reads`] count says; as many results as the
    /// [`Role::Writes`] count says come to the same place.
    Callee,
    /// The first of as many registers as the counts say: read, written, or first read and then written.
    List,
    /// The first of consecutive registers that are read; the result comes to the first, the others keep nothing.
    Chain,
    /// The first of four registers: a numeric loop's counter, limit and step, and the variable.
    Numeric,
    /// The first of four registers: an iterator, its state, its control variable and its closing value; behind them are the loop's variables.
    Iterator,
    /// The first of two registers that are written.
    Pair,
    /// How many registers a group reads.
    Reads,
    /// How many registers a group writes.
    Writes,
    /// A signed 16-bit immediate.
    Imm16,
    /// An unsigned 16-bit immediate.
    ImmU16,
    /// What has been seen: kept by the interpreter, not written in assembly.
    Seen,
    /// A place that keeps what was seen there: numbered in order, not written in assembly.
    Site,
    /// A string constant.
    Str,
    /// An upvalue of the running closure.
    Upvalue,
    /// A closure template.
    Template,
    /// A signed 32-bit immediate.
    Imm32,
    /// An unsigned 32-bit immediate.
    ImmU32,
    /// A signed 8-bit immediate.
    Imm8,
    /// An unsigned 8-bit immediate.
    ImmU8,
    /// `true` or `false`.
    Flag,
    /// The target of a branch.
    Label,
    /// A constant of the pool.
    Pool,
    /// A function.
    Func,
    /// A jump table.
    Table,
}

impl Role {
    /// Whether operands of this role are registers.
    pub const fn is_register(self) -> bool {
        matches!(self, Role::Def | Role::Use | Role::InOut | Role::Args) || self.is_group()
    }

    /// Whether operands of this role name the first of a group of `any` registers.
    pub const fn is_group(self) -> bool {
        matches!(self, Role::Callee | Role::List | Role::Chain | Role::Numeric | Role::Iterator | Role::Pair)
    }

    /// Whether operands of this role are left out in assembly.
    pub const fn is_hidden(self) -> bool {
        matches!(self, Role::Seen | Role::Site)
    }

    /// The least and greatest value of an immediate role.
    pub const fn immediate_range(self) -> Option<(i64, i64)> {
        match self {
            Role::Imm32 => Some((i32::MIN as i64, i32::MAX as i64)),
            Role::ImmU32 => Some((0, u32::MAX as i64)),
            Role::Imm16 => Some((i16::MIN as i64, i16::MAX as i64)),
            Role::ImmU16 => Some((0, u16::MAX as i64)),
            Role::Imm8 => Some((i8::MIN as i64, i8::MAX as i64)),
            Role::ImmU8 => Some((0, u8::MAX as i64)),
            Role::Flag => Some((0, 1)),
            _ => None,
        }
    }
}

/// Which kind a register operand must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperandKind {
    /// No register, or checked by other means (arguments).
    None,
    /// This kind.
    Fixed(Kind),
    /// Any kind that a generic instruction can read: `any`, `i64`, `f64` or `bool`.
    Generic,
    /// The result kind of the function called.
    CalleeResult,
    /// The result kind of the function the instruction stands in.
    OwnResult,
}

/// One operand of an instruction, as the table declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperandInfo {
    /// Its name, which is also the field's name in [`Instr`](crate::Instr).
    pub name: &'static str,
    /// Its role.
    pub role: Role,
    /// The kind a register must have.
    pub kind: OperandKind,
}

macro_rules! field_type {
    (def) => {
        Reg
    };
    (use) => {
        Reg
    };
    (inout) => {
        Reg
    };
    (args) => {
        Reg
    };
    (callee) => {
        Reg
    };
    (list) => {
        Reg
    };
    (chain) => {
        Reg
    };
    (numeric) => {
        Reg
    };
    (iterator) => {
        Reg
    };
    (pair) => {
        Reg
    };
    (reads) => {
        Count
    };
    (writes) => {
        Count
    };
    (imm16) => {
        i16
    };
    (immu16) => {
        u16
    };
    (seen) => {
        Seen
    };
    (site) => {
        SiteId
    };
    (str) => {
        StrId
    };
    (upvalue) => {
        UpvalueId
    };
    (template) => {
        TemplateId
    };
    (near) => {
        Near
    };
    (imm32) => {
        i32
    };
    (immu32) => {
        u32
    };
    (imm8) => {
        i8
    };
    (immu8) => {
        u8
    };
    (flag) => {
        bool
    };
    (label) => {
        Pc
    };
    (pool) => {
        ConstId
    };
    (func) => {
        FuncId
    };
    (table) => {
        TableId
    };
}

macro_rules! role {
    (def) => {
        Role::Def
    };
    (use) => {
        Role::Use
    };
    (inout) => {
        Role::InOut
    };
    (args) => {
        Role::Args
    };
    (callee) => {
        Role::Callee
    };
    (list) => {
        Role::List
    };
    (chain) => {
        Role::Chain
    };
    (numeric) => {
        Role::Numeric
    };
    (iterator) => {
        Role::Iterator
    };
    (pair) => {
        Role::Pair
    };
    (reads) => {
        Role::Reads
    };
    (writes) => {
        Role::Writes
    };
    (imm16) => {
        Role::Imm16
    };
    (immu16) => {
        Role::ImmU16
    };
    (seen) => {
        Role::Seen
    };
    (site) => {
        Role::Site
    };
    (str) => {
        Role::Str
    };
    (upvalue) => {
        Role::Upvalue
    };
    (template) => {
        Role::Template
    };
    (near) => {
        Role::Label
    };
    (imm32) => {
        Role::Imm32
    };
    (immu32) => {
        Role::ImmU32
    };
    (imm8) => {
        Role::Imm8
    };
    (immu8) => {
        Role::ImmU8
    };
    (flag) => {
        Role::Flag
    };
    (label) => {
        Role::Label
    };
    (pool) => {
        Role::Pool
    };
    (func) => {
        Role::Func
    };
    (table) => {
        Role::Table
    };
}

macro_rules! operand_kind {
    (() $kinds:tt) => {
        OperandKind::None
    };
    ((K) ($K:ident $($J:ident)?)) => {
        OperandKind::Fixed(Kind::$K)
    };
    ((J) ($K:ident $J:ident)) => {
        OperandKind::Fixed(Kind::$J)
    };
    ((Generic) $kinds:tt) => {
        OperandKind::Generic
    };
    ((CalleeResult) $kinds:tt) => {
        OperandKind::CalleeResult
    };
    ((OwnResult) $kinds:tt) => {
        OperandKind::OwnResult
    };
    (($Kind:ident) $kinds:tt) => {
        OperandKind::Fixed(Kind::$Kind)
    };
}
pub(crate) use {field_type, operand_kind, role};
