//! What a register or value can hold. The discriminants are the tags that stand in frame slots.

use std::fmt;

/// The kind of a value; its discriminant is the tag of a frame slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The absence of a value (dynamic).
    Nil = 0,
    /// `true` or `false`; the payload is 1 or 0.
    Bool = 1,
    /// A signed 64-bit integer.
    I64 = 2,
    /// An IEEE 754 double.
    F64 = 3,
    /// A string (dynamic).
    String = 4,
    /// A table (dynamic).
    Table = 5,
    /// A closure (dynamic).
    Closure = 6,
    /// A foreign function (dynamic).
    Foreign = 7,
    /// A coroutine (dynamic).
    Coroutine = 8,
    /// Userdata (dynamic).
    Userdata = 9,
    /// A signed 32-bit integer; the payload's upper half is zero.
    I32 = 16,
    /// An unsigned 32-bit integer; the payload's upper half is zero.
    U32 = 17,
    /// An unsigned 64-bit integer.
    U64 = 18,
    /// An array of `i32`.
    ArrI32 = 19,
    /// An array of `i64`.
    ArrI64 = 20,
    /// An array of `u32`.
    ArrU32 = 21,
    /// An array of `u64`.
    ArrU64 = 22,
    /// An array of `f64`.
    ArrF64 = 23,
    /// An array of `bool`.
    ArrBool = 24,
    /// Any of the dynamic kinds: what a register is declared as that holds tagged values. It is no value's kind.
    Any = 64,
}

impl Kind {
    /// Every kind, in order of its tag.
    pub const ALL: [Kind; 19] = [
        Kind::Nil,
        Kind::Bool,
        Kind::I64,
        Kind::F64,
        Kind::String,
        Kind::Table,
        Kind::Closure,
        Kind::Foreign,
        Kind::Coroutine,
        Kind::Userdata,
        Kind::I32,
        Kind::U32,
        Kind::U64,
        Kind::ArrI32,
        Kind::ArrI64,
        Kind::ArrU32,
        Kind::ArrU64,
        Kind::ArrF64,
        Kind::ArrBool,
    ];

    /// The kinds a register can be fixed to: those that instructions of the typed half work on.
    pub const FIXED: [Kind; 12] = [
        Kind::I32,
        Kind::I64,
        Kind::U32,
        Kind::U64,
        Kind::F64,
        Kind::Bool,
        Kind::ArrI32,
        Kind::ArrI64,
        Kind::ArrU32,
        Kind::ArrU64,
        Kind::ArrF64,
        Kind::ArrBool,
    ];

    /// The kinds that values of an `any` register have.
    pub const DYNAMIC: [Kind; 10] = *Kind::ALL.first_chunk().expect("they come first");

    /// The tag of a slot of this kind; of a fresh `any` register that of nil.
    pub const fn tag(self) -> u64 {
        if matches!(self, Kind::Any) { 0 } else { self as u64 }
    }

    /// The kind with this tag.
    pub fn from_tag(tag: u64) -> Option<Kind> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }

    /// The kind's name in assembly.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Nil => "nil",
            Kind::Bool => "bool",
            Kind::I64 => "i64",
            Kind::F64 => "f64",
            Kind::String => "string",
            Kind::Table => "table",
            Kind::Closure => "closure",
            Kind::Foreign => "foreign",
            Kind::Coroutine => "coroutine",
            Kind::Userdata => "userdata",
            Kind::I32 => "i32",
            Kind::U32 => "u32",
            Kind::U64 => "u64",
            Kind::ArrI32 => "[i32]",
            Kind::ArrI64 => "[i64]",
            Kind::ArrU32 => "[u32]",
            Kind::ArrU64 => "[u64]",
            Kind::ArrF64 => "[f64]",
            Kind::ArrBool => "[bool]",
            Kind::Any => "any",
        }
    }

    /// Whether a register can be fixed to this kind.
    pub fn is_fixed(self) -> bool {
        Self::FIXED.contains(&self)
    }

    /// Whether a generic instruction can read registers of this kind: `any`, and the fixed kinds whose values have a dynamic kind.
    pub const fn is_generic_operand(self) -> bool {
        matches!(self, Kind::Any | Kind::I64 | Kind::F64 | Kind::Bool)
    }

    /// The element kind of an array kind.
    pub const fn element(self) -> Option<Kind> {
        match self {
            Kind::ArrI32 => Some(Kind::I32),
            Kind::ArrI64 => Some(Kind::I64),
            Kind::ArrU32 => Some(Kind::U32),
            Kind::ArrU64 => Some(Kind::U64),
            Kind::ArrF64 => Some(Kind::F64),
            Kind::ArrBool => Some(Kind::Bool),
            _ => None,
        }
    }

    /// The array kind whose elements are of this kind.
    pub const fn array(self) -> Option<Kind> {
        match self {
            Kind::I32 => Some(Kind::ArrI32),
            Kind::I64 => Some(Kind::ArrI64),
            Kind::U32 => Some(Kind::ArrU32),
            Kind::U64 => Some(Kind::ArrU64),
            Kind::F64 => Some(Kind::ArrF64),
            Kind::Bool => Some(Kind::ArrBool),
            _ => None,
        }
    }

    /// Whether this is one of the four integer kinds.
    pub const fn is_integer(self) -> bool {
        matches!(self, Kind::I32 | Kind::I64 | Kind::U32 | Kind::U64)
    }

    /// Whether this is a signed integer kind.
    pub const fn is_signed(self) -> bool {
        matches!(self, Kind::I32 | Kind::I64)
    }

    /// Width of an integer kind in bits, 64 for `f64`, 1 for `bool`, 0 for anything else.
    pub const fn bits(self) -> u32 {
        match self {
            Kind::I32 | Kind::U32 => 32,
            Kind::I64 | Kind::U64 | Kind::F64 => 64,
            Kind::Bool => 1,
            _ => 0,
        }
    }

    /// The payload of `bits` as a slot of this kind must hold it: 32-bit kinds have zero above, booleans are 0 or 1.
    pub const fn normalise(self, bits: u64) -> u64 {
        match self {
            Kind::I32 | Kind::U32 => bits as u32 as u64,
            Kind::Bool => (bits != 0) as u64,
            _ => bits,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
