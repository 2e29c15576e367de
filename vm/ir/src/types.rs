//! Value types and the indices of everything in a unit.

use std::fmt;

/// The type of an SSA value. `v128` is reserved: the text form refuses it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// 8-bit integer; also the type of truth values (comparisons give 0 or 1, any non-zero value is true).
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer; also the type of addresses.
    I64,
    /// IEEE 754 binary32: loaded, stored, passed and converted, never computed with.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl Type {
    /// All types, narrow to wide, integers first.
    pub const ALL: [Type; 6] = [Type::I8, Type::I16, Type::I32, Type::I64, Type::F32, Type::F64];

    /// Width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Type::I8 => 8,
            Type::I16 => 16,
            Type::I32 | Type::F32 => 32,
            Type::I64 | Type::F64 => 64,
        }
    }

    /// Size in memory in bytes.
    pub const fn bytes(self) -> u32 {
        self.bits() / 8
    }

    /// Whether it is an integer type.
    pub const fn is_int(self) -> bool {
        matches!(self, Type::I8 | Type::I16 | Type::I32 | Type::I64)
    }

    /// All ones in the width of the type: the bits a value of it may have set.
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// Its name in text.
    pub const fn name(self) -> &'static str {
        match self {
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|t| t.name() == name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into the vector it belongs to.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

index! {
    /// An SSA value of a function.
    Value "v";
    /// A block of a function.
    Block "block";
    /// An instruction of a function.
    Inst "inst";
    /// A function of a unit.
    FuncRef "%";
    /// A helper declared by a unit.
    HelperRef "helper";
    /// A signature declared by a unit, for indirect calls.
    SigRef "sig";
    /// A frame state of a function (value stage).
    FrameStateId "fs";
    /// An alias region. Accesses to two different regions never touch the same byte, except that `region0` may alias all.
    Region "region";
    /// A row of the unit's source table; [`SourceLoc::NONE`] means unknown.
    SourceLoc "@";
}

impl Region {
    /// The region that may alias every other.
    pub const ANY: Region = Region(0);

    /// Whether accesses to the two regions may touch the same byte.
    pub const fn may_alias(self, other: Region) -> bool {
        self.0 == 0 || other.0 == 0 || self.0 == other.0
    }
}

impl SourceLoc {
    /// No known source position.
    pub const NONE: SourceLoc = SourceLoc(u32::MAX);
}
