//! Operands as values, to and from the fields of instructions.

use crate::{ConstId, Count, FuncId, Near, Pc, Reg, Seen, SiteId, StrId, TableId, TemplateId, UpvalueId};
use std::ops::Deref;

/// An operand's value in any instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A register.
    Reg(Reg),
    /// An immediate value; of a flag 0 or 1.
    Imm(i64),
    /// A branch target.
    Label(Pc),
    /// A constant of the pool.
    Pool(ConstId),
    /// A function.
    Func(FuncId),
    /// A jump table.
    Table(TableId),
    /// A number of values.
    Count(Count),
    /// What was seen; never told.
    Seen,
    /// A place that keeps what was seen.
    Site(SiteId),
    /// A string constant.
    Str(StrId),
    /// An upvalue.
    Upvalue(UpvalueId),
    /// A closure template.
    Template(TemplateId),
}

impl Value {
    /// The register, if the operand is one.
    pub const fn reg(self) -> Option<Reg> {
        if let Value::Reg(reg) = self { Some(reg) } else { None }
    }

    /// The immediate value, if the operand is one.
    pub const fn imm(self) -> Option<i64> {
        if let Value::Imm(imm) = self { Some(imm) } else { None }
    }

    /// The branch target, if the operand is one.
    pub const fn label(self) -> Option<Pc> {
        if let Value::Label(pc) = self { Some(pc) } else { None }
    }

    /// The function, if the operand is one.
    pub const fn func(self) -> Option<FuncId> {
        if let Value::Func(func) = self { Some(func) } else { None }
    }
}

/// A field of an instruction: to and from [`Value`].
pub(crate) trait Field: Copy {
    fn value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
    /// The field itself, if it keeps what was seen.
    fn seen(&mut self) -> Option<&mut Seen> {
        None
    }
}

macro_rules! fields {
    ($($Type:ty: $Variant:ident),* ; $($Int:ty),*) => {
        $(impl Field for $Type {
            fn value(self) -> Value { Value::$Variant(self) }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::$Variant(v) = value { Some(v) } else { None }
            }
        })*
        $(impl Field for $Int {
            fn value(self) -> Value { Value::Imm(i64::from(self)) }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::Imm(v) = value { <$Int>::try_from(v).ok() } else { None }
            }
        })*
    };
}

fields! {
    Reg: Reg, Pc: Label, ConstId: Pool, FuncId: Func, TableId: Table, Count: Count, SiteId: Site, StrId: Str, UpvalueId: Upvalue,
    TemplateId: Template; i32, u32, i16, u16, i8, u8
}

impl Field for Near {
    fn value(self) -> Value {
        Value::Label(self.pc())
    }

    fn from_value(value: Value) -> Option<Self> {
        if let Value::Label(pc) = value { Near::new(pc) } else { None }
    }
}

impl Field for Seen {
    fn value(self) -> Value {
        Value::Seen
    }

    fn from_value(value: Value) -> Option<Self> {
        (value == Value::Seen).then_some(Seen::default())
    }

    fn seen(&mut self) -> Option<&mut Seen> {
        Some(self)
    }
}

impl Field for bool {
    fn value(self) -> Value {
        Value::Imm(i64::from(self))
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Imm(0) => Some(false),
            Value::Imm(1) => Some(true),
            _ => None,
        }
    }
}

/// The most operands an instruction has.
pub const MOST_OPERANDS: usize = 5;

/// The operands of one instruction.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    pub(crate) values: [Value; MOST_OPERANDS],
    pub(crate) count: u8,
}

impl Operands {
    pub(crate) fn new(values: &[Value]) -> Self {
        let mut all = [Value::Imm(0); MOST_OPERANDS];
        all[..values.len()].copy_from_slice(values);
        Self { values: all, count: values.len() as u8 }
    }
}

impl Deref for Operands {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.values[..usize::from(self.count)]
    }
}
