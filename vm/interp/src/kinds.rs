//! The kinds of the instruction table as Rust types, so that a row's kind names the types its body works on.

pub use lockstep_bytecode::semantics::types::*;

/// A kind that arrays can hold.
pub trait Element: Copy {
    /// How an element lies in an array.
    type Stored: Copy;
    /// The value of a stored element.
    fn from_stored(stored: Self::Stored) -> Self;
    /// The element to store.
    fn to_stored(self) -> Self::Stored;
}

macro_rules! elements {
    ($($T:ty: $Stored:ty, $stored:ident => $from:expr, $value:ident => $to:expr;)*) => { $(
        impl Element for $T {
            type Stored = $Stored;
            #[inline(always)]
            fn from_stored($stored: $Stored) -> Self { $from }
            #[inline(always)]
            fn to_stored(self) -> $Stored { let $value = self; $to }
        }
    )* };
}

elements! {
    i32: i32, stored => stored, value => value;
    i64: i64, stored => stored, value => value;
    u32: u32, stored => stored, value => value;
    u64: u64, stored => stored, value => value;
    f64: f64, stored => stored, value => value;
    bool: u8, stored => stored != 0, value => u8::from(value);
}

/// An immediate operand as a value of a kind: sign-extended if it is signed.
macro_rules! immediate {
    (Bool, $value:expr) => {
        $value
    };
    ($K:ident, $value:expr) => {
        $value as kinds::$K
    };
}
pub(crate) use immediate;

/// The tag of a kind.
macro_rules! tag {
    (I32) => {
        Tag::I32
    };
    (I64) => {
        Tag::I64
    };
    (U32) => {
        Tag::U32
    };
    (U64) => {
        Tag::U64
    };
    (F64) => {
        Tag::F64
    };
    (Bool) => {
        Tag::BOOL
    };
    (ArrI32) => {
        Tag::ARR_I32
    };
    (ArrI64) => {
        Tag::ARR_I64
    };
    (ArrU32) => {
        Tag::ARR_U32
    };
    (ArrU64) => {
        Tag::ARR_U64
    };
    (ArrF64) => {
        Tag::ARR_F64
    };
    (ArrBool) => {
        Tag::ARR_BOOL
    };
}
pub(crate) use tag;

/// One step of a counted loop: the counter's new value, if it changes, and whether the loop goes on.
macro_rules! step {
    (Lt, $i:ident, $limit:ident) => {{
        let next = $i.wrapping_add(1);
        (Some(next), next < $limit)
    }};
    (Gt, $i:ident, $limit:ident) => {{
        let next = $i.wrapping_sub(1);
        (Some(next), next > $limit)
    }};
    (Le, $i:ident, $limit:ident) => {
        if $i < $limit { (Some($i.wrapping_add(1)), true) } else { (None, false) }
    };
    (Ge, $i:ident, $limit:ident) => {
        if $i > $limit { (Some($i.wrapping_sub(1)), true) } else { (None, false) }
    };
}
pub(crate) use step;
