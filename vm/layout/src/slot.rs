//! Slots as values: making them, and asking what they hold. A slot keeps nothing alive.

use crate::{Slot, Tag};

impl Slot {
    /// No value.
    pub const NIL: Slot = Slot { payload: 0, tag: Tag::NIL.0 };
    /// The truth value `true`.
    pub const TRUE: Slot = Slot { payload: 1, tag: Tag::BOOL.0 };
    /// The truth value `false`.
    pub const FALSE: Slot = Slot { payload: 0, tag: Tag::BOOL.0 };

    /// A truth value.
    #[inline(always)]
    pub const fn bool(value: bool) -> Slot {
        Slot { payload: value as u64, tag: Tag::BOOL.0 }
    }

    /// An integer.
    #[inline(always)]
    pub const fn i64(value: i64) -> Slot {
        Slot { payload: value as u64, tag: Tag::I64.0 }
    }

    /// A float.
    #[inline(always)]
    pub const fn f64(value: f64) -> Slot {
        Slot { payload: value.to_bits(), tag: Tag::F64.0 }
    }

    /// Whether this is nil, whatever the payload.
    #[inline(always)]
    pub const fn is_nil(self) -> bool {
        self.tag == Tag::NIL.0
    }

    /// Whether a condition takes this for false: nil and `false`.
    #[inline(always)]
    pub const fn is_falsy(self) -> bool {
        self.tag == Tag::NIL.0 || (self.tag == Tag::BOOL.0 && self.payload == 0)
    }

    /// Whether this has the tag.
    #[inline(always)]
    pub const fn is(self, tag: Tag) -> bool {
        self.tag == tag.0
    }

    /// The integer, if it is one.
    #[inline(always)]
    pub const fn as_i64(self) -> Option<i64> {
        if self.tag == Tag::I64.0 { Some(self.payload as i64) } else { None }
    }

    /// The float, if it is one.
    #[inline(always)]
    pub const fn as_f64(self) -> Option<f64> {
        if self.tag == Tag::F64.0 { Some(f64::from_bits(self.payload)) } else { None }
    }

    /// Whether this is an integer or a float.
    #[inline(always)]
    pub const fn is_number(self) -> bool {
        self.tag == Tag::I64.0 || self.tag == Tag::F64.0
    }

    /// Whether this refers to a heap object. A reference register before its first assignment does not.
    #[inline(always)]
    pub const fn is_object(self) -> bool {
        Tag(self.tag).is_reference() && self.payload != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_say_what_they_hold() {
        assert_eq!((Slot::i64(-1).as_i64(), Slot::i64(-1).as_f64()), (Some(-1), None));
        assert_eq!((Slot::f64(1.5).as_f64(), Slot::f64(1.5).as_i64()), (Some(1.5), None));
        assert!(Slot::NIL.is_falsy() && Slot::FALSE.is_falsy() && Slot { payload: 7, tag: 0 }.is_falsy());
        assert!(!Slot::TRUE.is_falsy() && !Slot::i64(0).is_falsy() && !Slot::f64(0.0).is_falsy());
        assert!(!Slot { payload: 0, tag: Tag::ARR_I64.0 }.is_object());
        assert!(Slot { payload: 16, tag: Tag::TABLE.0 }.is_object() && !Slot::i64(16).is_object());
    }
}
