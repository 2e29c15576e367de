//! Raw equality and order of Lua 5.4 (manual §3.4.4), metamethods apart. Integers and floats compare by their exact values.

use lockstep_layout::{Slot, Tag};

use crate::conversion::{float_to_integer, floor_to_integer};
use crate::string::StringRef;

/// Raw equality: `rawequal`, and `==` but for metamethods.
///
/// # Safety
/// The slots are valid, and what they refer to is live.
#[inline(always)]
pub unsafe fn raw_equal(a: Slot, b: Slot) -> bool {
    if a.tag == b.tag {
        return match Tag(a.tag) {
            Tag::NIL => true,
            Tag::F64 => f64::from_bits(a.payload) == f64::from_bits(b.payload),
            Tag::STRING if a.payload != b.payload => {
                // SAFETY: valid slots with this tag refer to live strings.
                unsafe { StringRef::from_payload(a.payload).same(StringRef::from_payload(b.payload)) }
            }
            _ => a.payload == b.payload,
        };
    }
    match (a.as_i64(), b.as_f64(), a.as_f64(), b.as_i64()) {
        (Some(integer), Some(float), ..) | (_, _, Some(float), Some(integer)) => {
            float_to_integer(float) == Some(integer)
        }
        _ => false,
    }
}

/// `a < b` of numbers or of strings; `None` for other operands, which only metamethods can order.
///
/// # Safety
/// The slots are valid, and what they refer to is live.
#[inline]
pub unsafe fn raw_less(a: Slot, b: Slot) -> Option<bool> {
    Some(match (Tag(a.tag), Tag(b.tag)) {
        (Tag::I64, Tag::I64) => (a.payload as i64) < b.payload as i64,
        (Tag::F64, Tag::F64) => f64::from_bits(a.payload) < f64::from_bits(b.payload),
        (Tag::I64, Tag::F64) => integer_less_float(a.payload as i64, f64::from_bits(b.payload)),
        (Tag::F64, Tag::I64) => float_less_integer(f64::from_bits(a.payload), b.payload as i64),
        // SAFETY: valid slots with this tag refer to live strings.
        (Tag::STRING, Tag::STRING) => unsafe {
            StringRef::from_payload(a.payload).order(StringRef::from_payload(b.payload)).is_lt()
        },
        _ => return None,
    })
}

/// `a <= b` of numbers or of strings; `None` for other operands.
///
/// # Safety
/// As for [`raw_less`].
#[inline]
pub unsafe fn raw_less_equal(a: Slot, b: Slot) -> Option<bool> {
    Some(match (Tag(a.tag), Tag(b.tag)) {
        (Tag::I64, Tag::I64) => a.payload as i64 <= b.payload as i64,
        (Tag::F64, Tag::F64) => f64::from_bits(a.payload) <= f64::from_bits(b.payload),
        (Tag::I64, Tag::F64) => integer_less_equal_float(a.payload as i64, f64::from_bits(b.payload)),
        (Tag::F64, Tag::I64) => float_less_equal_integer(f64::from_bits(a.payload), b.payload as i64),
        // SAFETY: valid slots with this tag refer to live strings.
        (Tag::STRING, Tag::STRING) => unsafe {
            StringRef::from_payload(a.payload).order(StringRef::from_payload(b.payload)).is_le()
        },
        _ => return None,
    })
}

/// `i < f`, that is `i < ceil(f)`.
fn integer_less_float(i: i64, f: f64) -> bool {
    if crate::planted!("rounded-comparison") {
        return (i as f64) < f;
    }
    match float_to_integer(f.ceil()) {
        Some(ceiling) => i < ceiling,
        // Beyond all integers, or NaN.
        None => f > 0.0,
    }
}

/// `i <= f`, that is `i <= floor(f)`.
fn integer_less_equal_float(i: i64, f: f64) -> bool {
    match floor_to_integer(f) {
        Some(floor) => i <= floor,
        None => f > 0.0,
    }
}

/// `f < i`, that is `floor(f) < i`.
fn float_less_integer(f: f64, i: i64) -> bool {
    match floor_to_integer(f) {
        Some(floor) => floor < i,
        None => f < 0.0,
    }
}

/// `f <= i`, that is `ceil(f) <= i`.
fn float_less_equal_integer(f: f64, i: i64) -> bool {
    match float_to_integer(f.ceil()) {
        Some(ceiling) => ceiling <= i,
        None => f < 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Heap;

    #[test]
    fn integers_and_floats_compare_exactly() {
        let two_63 = 9223372036854775808.0f64;
        let big = (1i64 << 53) + 1;
        // a, b, a == b, a < b, a <= b
        let cases = [
            (Slot::i64(1), Slot::f64(1.0), true, false, true),
            (Slot::i64(1), Slot::f64(1.5), false, true, true),
            (Slot::i64(2), Slot::f64(1.5), false, false, false),
            (Slot::i64(i64::MAX), Slot::f64(two_63), false, true, true),
            (Slot::f64(two_63), Slot::i64(i64::MAX), false, false, false),
            (Slot::i64(i64::MIN), Slot::f64(-two_63), true, false, true),
            (Slot::f64(-two_63), Slot::i64(i64::MIN), true, false, true),
            (Slot::i64(big), Slot::f64((1i64 << 53) as f64), false, false, false),
            (Slot::f64((1i64 << 53) as f64), Slot::i64(big), false, true, true),
            (Slot::f64(-1.5), Slot::i64(-1), false, true, true),
            (Slot::i64(-2), Slot::f64(-1.5), false, true, true),
            (Slot::f64(f64::INFINITY), Slot::i64(i64::MAX), false, false, false),
            (Slot::i64(i64::MAX), Slot::f64(f64::INFINITY), false, true, true),
            (Slot::f64(f64::NEG_INFINITY), Slot::i64(i64::MIN), false, true, true),
            (Slot::i64(0), Slot::f64(f64::NAN), false, false, false),
            (Slot::f64(f64::NAN), Slot::i64(0), false, false, false),
            (Slot::f64(f64::NAN), Slot::f64(f64::NAN), false, false, false),
            (Slot::f64(-0.0), Slot::f64(0.0), true, false, true),
            (Slot::f64(-0.0), Slot::i64(0), true, false, true),
        ];
        for (a, b, equal, less, less_equal) in cases {
            // SAFETY: numbers refer to nothing.
            unsafe {
                assert_eq!(raw_equal(a, b), equal, "{a:?} == {b:?}");
                assert_eq!(raw_equal(b, a), equal, "{b:?} == {a:?}");
                assert_eq!(raw_less(a, b), Some(less), "{a:?} < {b:?}");
                assert_eq!(raw_less_equal(a, b), Some(less_equal), "{a:?} <= {b:?}");
            }
        }
    }

    #[test]
    fn kinds_do_not_mix() {
        let mut heap = Heap::new(1 << 20);
        let one = heap.new_string(b"1").unwrap().slot();
        let long = |heap: &mut Heap| heap.new_string(&[b'x'; 100]).unwrap().slot();
        let (a, b) = (long(&mut heap), long(&mut heap));
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            assert!(!raw_equal(one, Slot::i64(1)));
            assert_eq!(raw_less(one, Slot::i64(2)), None);
            assert_eq!(raw_less_equal(Slot::NIL, Slot::NIL), None);
            assert!(raw_equal(Slot::NIL, Slot { payload: 9, tag: 0 }), "the payload of nil says nothing");
            assert!(!raw_equal(Slot::FALSE, Slot::NIL) && !raw_equal(Slot::TRUE, Slot::i64(1)));
            assert!(a != b && raw_equal(a, b), "long strings are equal by their bytes");
            assert_eq!((raw_less(one, a), raw_less_equal(a, b)), (Some(true), Some(true)));
        }
    }
}
