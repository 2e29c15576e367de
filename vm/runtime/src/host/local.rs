//! Values in the hands of the host, kept alive by a scope.

use std::fmt;
use std::marker::PhantomData;

use lockstep_layout::{Slot, Tag};

use super::type_name;
use crate::comparison::raw_equal;
use crate::string::StringRef;
use crate::table::TableRef;
use crate::userdata::UserdataRef;

/// A value that stays alive as long as the scope `'s` that keeps it: a call of a host function, or a part of one.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Local<'s> {
    slot: Slot,
    scope: PhantomData<&'s ()>,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum View<'s> {
    /// Nil.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(Str<'s>),
    /// A table.
    Table(Table<'s>),
    /// A closure or a function of the host.
    Function(Function<'s>),
    /// A coroutine.
    Coroutine(Local<'s>),
    /// A userdata.
    Userdata(Userdata<'s>),
}

impl<'s> Local<'s> {
    /// Nil.
    pub const NIL: Local<'static> = Local { slot: Slot::NIL, scope: PhantomData };

    /// # Safety
    /// The slot is valid, and what it refers to stays live for `'s`.
    #[inline]
    pub(crate) const unsafe fn new(slot: Slot) -> Local<'s> {
        Local { slot, scope: PhantomData }
    }

    /// A truth value.
    pub const fn bool(value: bool) -> Local<'s> {
        Local { slot: Slot::bool(value), scope: PhantomData }
    }

    /// An integer.
    pub const fn int(value: i64) -> Local<'s> {
        Local { slot: Slot::i64(value), scope: PhantomData }
    }

    /// A float.
    pub const fn float(value: f64) -> Local<'s> {
        Local { slot: Slot::f64(value), scope: PhantomData }
    }

    #[inline]
    pub(crate) const fn slot(self) -> Slot {
        self.slot
    }

    pub(crate) fn slots<'a>(values: &'a [Local<'_>]) -> &'a [Slot] {
        // SAFETY: a local is a slot, says its representation.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    }

    /// What it is.
    #[inline]
    pub fn view(self) -> View<'s> {
        match Tag(self.slot.tag) {
            Tag::NIL => View::Nil,
            Tag::BOOL => View::Bool(self.slot.payload != 0),
            Tag::I64 => View::Int(self.slot.payload as i64),
            Tag::F64 => View::Float(f64::from_bits(self.slot.payload)),
            Tag::STRING => View::Str(Str(self)),
            Tag::TABLE => View::Table(Table(self)),
            Tag::CLOSURE | Tag::FOREIGN => View::Function(Function(self)),
            Tag::COROUTINE => View::Coroutine(self),
            Tag::USERDATA => View::Userdata(Userdata(self)),
            tag => unreachable!("programs hold no value with {tag:?}"),
        }
    }

    /// The name of its type: `nil`, `boolean`, `number`, …
    pub fn type_name(self) -> &'static str {
        type_name(self.slot)
    }

    /// Whether it is nil.
    #[inline]
    pub const fn is_nil(self) -> bool {
        self.slot.is_nil()
    }

    /// Whether a condition takes it for true: all but nil and `false`.
    #[inline]
    pub const fn truth(self) -> bool {
        !self.slot.is_falsy()
    }

    /// The integer, if it is one.
    #[inline]
    pub const fn as_int(self) -> Option<i64> {
        self.slot.as_i64()
    }

    /// The float, if it is one.
    #[inline]
    pub const fn as_float(self) -> Option<f64> {
        self.slot.as_f64()
    }

    /// The string, if it is one.
    #[inline]
    pub fn as_str(self) -> Option<Str<'s>> {
        self.slot.is(Tag::STRING).then_some(Str(self))
    }

    /// The table, if it is one.
    #[inline]
    pub fn as_table(self) -> Option<Table<'s>> {
        self.slot.is(Tag::TABLE).then_some(Table(self))
    }

    /// The function, if it is one.
    #[inline]
    pub fn as_function(self) -> Option<Function<'s>> {
        (self.slot.is(Tag::CLOSURE) || self.slot.is(Tag::FOREIGN)).then_some(Function(self))
    }

    /// The userdata, if it is one.
    #[inline]
    pub fn as_userdata(self) -> Option<Userdata<'s>> {
        self.slot.is(Tag::USERDATA).then_some(Userdata(self))
    }

    /// Whether two values are the same without asking metamethods: numbers by value, strings by content, objects by identity.
    pub fn raw_equals(self, other: Local<'_>) -> bool {
        // SAFETY: locals are valid and live.
        unsafe { raw_equal(self.slot, other.slot) }
    }

    /// The address of an object, for spelling it; 0 of other values.
    pub fn address(self) -> u64 {
        if self.slot.is_object() { self.slot.payload } else { 0 }
    }
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.view() {
            View::Nil => f.write_str("nil"),
            View::Bool(value) => write!(f, "{value}"),
            View::Int(value) => write!(f, "{value}"),
            View::Float(value) => write!(f, "{value:?}"),
            View::Str(value) => write!(f, "\"{}\"", value.bytes().escape_ascii()),
            _ => write!(f, "{}: {:#x}", self.type_name(), self.address()),
        }
    }
}

macro_rules! typed_locals {
    ($($(#[$doc:meta])* $Name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name<'s>(Local<'s>);

        impl<'s> $Name<'s> {
            /// As a value of any type.
            pub const fn local(self) -> Local<'s> {
                self.0
            }
        }

        impl<'s> From<$Name<'s>> for Local<'s> {
            fn from(value: $Name<'s>) -> Local<'s> {
                value.0
            }
        }
    )* };
}

typed_locals! {
    /// A string.
    Str;
    /// A table.
    Table;
    /// A closure or a function of the host.
    Function;
    /// A userdata.
    Userdata;
}

impl<'s> Str<'s> {
    /// Its bytes.
    #[inline]
    pub fn bytes(self) -> &'s [u8] {
        // SAFETY: the string is live for `'s`; strings neither move nor change.
        unsafe { StringRef::from_payload(self.0.slot.payload).bytes() }
    }
}

impl Table<'_> {
    #[inline]
    pub(crate) fn reference(self) -> TableRef {
        // SAFETY: the value is a table, and live.
        unsafe { TableRef::from_payload(self.0.slot.payload) }
    }

    /// The length without asking metamethods: a border.
    #[inline]
    pub fn raw_len(self) -> i64 {
        // SAFETY: the table is live.
        unsafe { self.reference().len() }
    }
}

impl Userdata<'_> {
    #[inline]
    pub(crate) fn reference(self) -> UserdataRef {
        // SAFETY: the value is a userdata, and live.
        unsafe { UserdataRef::from_payload(self.0.slot.payload) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locals_say_what_they_are() {
        assert_eq!((Local::int(3).as_int(), Local::int(3).as_float()), (Some(3), None));
        assert!(Local::NIL.is_nil() && !Local::NIL.truth() && Local::int(0).truth());
        assert!(Local::int(1).raw_equals(Local::float(1.0)) && !Local::int(1).raw_equals(Local::NIL));
        assert!(matches!(Local::bool(true).view(), View::Bool(true)));
        assert_eq!(format!("{:?} {:?}", Local::float(0.5), Local::NIL), "0.5 nil");
        assert_eq!((Local::bool(true).type_name(), Local::int(1).address()), ("boolean", 0));
    }
}
