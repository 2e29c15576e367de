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
index! {
    /// A string constant of a function.
    StrId(u16), "s"
}
index! {
    /// An upvalue of a closure.
    UpvalueId(u8), "u"
}
index! {
    /// A closure template of a function: which function, and what it captures.
    TemplateId(u16), "p"
}
index! {
    /// A place of a function that keeps what was seen there: an inline cache or a call's target.
    SiteId(u16), "v"
}

/// A branch target in three bytes: code has fewer than 2²⁴ instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Near([u8; 3]);

impl Near {
    /// The short form of a target; `None` if it does not fit.
    pub const fn new(pc: Pc) -> Option<Near> {
        let [a, b, c, 0] = pc.0.to_le_bytes() else { return None };
        Some(Near([a, b, c]))
    }

    /// The target.
    #[inline(always)]
    pub const fn pc(self) -> Pc {
        let [a, b, c] = self.0;
        Pc(u32::from_le_bytes([a, b, c, 0]))
    }

    /// The target as an index.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.pc().index()
    }
}

/// A number of values: exact, or so many and all of the open list.
///
/// The *open list* is what the instruction before has left: the results of a call with an open number of them, or a vararg function's
/// arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Count(u8);

impl Count {
    /// The greatest number.
    pub const MOST: u8 = 127;

    /// Exactly `n`; `None` beyond [`Count::MOST`].
    pub const fn exactly(n: u8) -> Option<Count> {
        if n <= Self::MOST { Some(Count(n)) } else { None }
    }

    /// `n`, and the open list behind them; `None` beyond [`Count::MOST`].
    pub const fn open(n: u8) -> Option<Count> {
        if n <= Self::MOST { Some(Count(n | 0x80)) } else { None }
    }

    /// How many there are without the open list.
    #[inline(always)]
    pub const fn fixed(self) -> usize {
        (self.0 & Self::MOST) as usize
    }

    /// Whether the open list belongs to them.
    #[inline(always)]
    pub const fn is_open(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(crate) const fn raw(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_raw(raw: u8) -> Count {
        Count(raw)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_open(), self.fixed()) {
            (false, n) => write!(f, "{n}"),
            (true, 0) => f.write_str("open"),
            (true, n) => write!(f, "open {n}"),
        }
    }
}

/// Which operands an instruction has seen: a set, kept in the interpreter's own copy of the instruction. In modules it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen(pub u8);

impl Seen {
    /// Only integers.
    pub const INT: Seen = Seen(1);
    /// Only floats.
    pub const FLOAT: Seen = Seen(2);
    /// Integers and floats together.
    pub const MIXED: Seen = Seen(4);
    /// A string among the operands, no metamethod.
    pub const STRING: Seen = Seen(8);
    /// A table's array part.
    pub const ARRAY: Seen = Seen(16);
    /// Anything else without a metamethod.
    pub const OTHER: Seen = Seen(32);
    /// A metamethod was called.
    pub const METAMETHOD: Seen = Seen(64);

    /// Names of what was seen.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (Self::INT, "int"),
            (Self::FLOAT, "float"),
            (Self::MIXED, "mixed"),
            (Self::STRING, "string"),
            (Self::ARRAY, "array"),
            (Self::OTHER, "other"),
            (Self::METAMETHOD, "metamethod"),
        ];
        all.into_iter().filter(|(seen, _)| self.0 & seen.0 != 0).map(|(_, name)| name).collect()
    }
}
