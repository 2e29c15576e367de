//! The numeric tags of values. Names and meaning of kinds belong to the instruction set; a test in the runtime asserts
//! that both number them alike.

/// The tag word of a slot: which kind of value its payload holds.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tag(pub u64);

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Tag {
            $($(#[$doc])* pub const $name: Tag = Tag($value);)*

            /// Every tag with its name, in ascending order.
            pub const ALL: &'static [(Tag, &'static str)] = &[$((Tag::$name, stringify!($name))),*];
        }
    };
}

tags! {
    /// No value; the payload is ignored.
    NIL = 0;
    /// A truth value; the payload is 0 or 1.
    BOOL = 1;
    /// A signed 64-bit integer.
    I64 = 2;
    /// A double; the payload is its bit pattern.
    F64 = 3;
    /// A string object.
    STRING = 4;
    /// A table object.
    TABLE = 5;
    /// A closure object.
    CLOSURE = 6;
    /// A foreign function.
    FOREIGN = 7;
    /// A coroutine object.
    COROUTINE = 8;
    /// A userdata object.
    USERDATA = 9;
    /// A signed 32-bit integer; the upper payload half is zero, also for negative values.
    I32 = 16;
    /// An unsigned 32-bit integer; the upper payload half is zero.
    U32 = 17;
    /// An unsigned 64-bit integer.
    U64 = 18;
    /// An array of `i32`.
    ARR_I32 = 19;
    /// An array of `i64`.
    ARR_I64 = 20;
    /// An array of `u32`.
    ARR_U32 = 21;
    /// An array of `u64`.
    ARR_U64 = 22;
    /// An array of `f64`.
    ARR_F64 = 23;
    /// An array of `bool`, one byte each.
    ARR_BOOL = 24;
}

impl Tag {
    /// Whether the payload is the address of a heap object (or zero, before the first assignment).
    pub const fn is_reference(self) -> bool {
        (self.0 >= Tag::STRING.0 && self.0 <= Tag::USERDATA.0) || self.is_array()
    }

    /// Whether this is the tag of a typed array.
    pub const fn is_array(self) -> bool {
        self.0 >= Tag::ARR_I32.0 && self.0 <= Tag::ARR_BOOL.0
    }
}
