//! The index newtypes: registers, instructions, functions, constants, jump tables.

use std::fmt;

macro_rules! index {
    ($(#[doc = $doc:literal])* $Name:ident($int:ty), $prefix:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $Name(pub $int);

        impl $Name {
            /// The index as a `usize`.
            #[inline(always)]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

index! {
    /// A register of a function; the parameters come first.
    Reg(u8), "r"
}
index! {
    /// The position of an instruction in a function's code; as an operand, the target of a branch.
    Pc(u32), "@"
}
index! {
    /// A function of a module.
    FuncId(u32), "f"
}
index! {
    /// A constant of a function's pool.
    ConstId(u32), "c"
}
index! {
    /// A jump table of a function.
    TableId(u32), "t"
}
