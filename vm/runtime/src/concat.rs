//! Raw concatenation (manual §3.4.6) and `tostring` of what has one spelling.

use lockstep_layout::{INTERNED_MAX, Slot, Tag};

use crate::conversion::NumberText;
use crate::heap::{Heap, OutOfMemory};
use crate::string::StringRef;

/// One operand's bytes.
enum Piece {
    String(StringRef),
    Number(NumberText),
}

impl Piece {
    /// The operand, a NaN with its sign if that is asked for; `None` if it is neither string nor number.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is live.
    unsafe fn of(value: Slot, signed_nan: bool) -> Option<Piece> {
        // SAFETY: the caller says so.
        unsafe { StringRef::from_slot(value) }
            .map(Piece::String)
            .or_else(|| NumberText::of(value, signed_nan).map(Piece::Number))
    }

    /// # Safety
    /// The string is live as long as the slice is used.
    unsafe fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: the caller says so.
            Piece::String(string) => unsafe { string.bytes() },
            Piece::Number(text) => text.bytes(),
        }
    }
}

/// Up to so many bytes are put together on the stack first.
const SHORT: usize = 128;

/// Puts the bytes of the values one after another; how many there are. `None` if they are too many, or a value is neither string nor number.
///
/// # Safety
/// As for [`Heap::concat`].
unsafe fn gather(values: &[Slot], signed_nan: bool, text: &mut [u8; SHORT]) -> Option<usize> {
    let mut len = 0;
    for &value in values {
        // SAFETY: the caller says so.
        unsafe {
            let piece = Piece::of(value, signed_nan)?;
            let bytes = piece.bytes();
            text.get_mut(len..len + bytes.len())?.copy_from_slice(bytes);
            len += bytes.len();
        }
    }
    Some(len)
}

/// Whether a value is a string of this length.
///
/// # Safety
/// As for [`Heap::concat`].
unsafe fn is_of_length(value: Slot, len: usize) -> bool {
    // SAFETY: the caller says so.
    unsafe { StringRef::from_slot(value).is_some_and(|string| string.len() == len as u64) }
}

impl Heap {
    /// The concatenation of strings and numbers, in one allocation and one copy; `None` if a value is neither.
    ///
    /// The values need not be rooted for this.
    ///
    /// # Safety
    /// The slots are valid, and what they refer to is live.
    pub unsafe fn concat(&mut self, values: &[Slot]) -> Result<Option<StringRef>, OutOfMemory> {
        // SAFETY: the caller says so; what is kept stays live over the allocation.
        unsafe {
            let mut text = [0; SHORT];
            let signed_nan = self.signed_nan;
            if let Some(len) = gather(values, signed_nan, &mut text) {
                // What is interned exists already if one operand is all there is.
                if len <= INTERNED_MAX || !values.iter().any(|value| is_of_length(*value, len)) {
                    return self.new_string(&text[..len]).map(Some);
                }
            }
            let mut total = 0usize;
            for &value in values {
                let Some(piece) = Piece::of(value, signed_nan) else { return Ok(None) };
                total = total.checked_add(piece.bytes().len()).ok_or(OutOfMemory)?;
            }
            // One operand that is all there is needs no copy.
            for &value in values {
                if let Some(string) = StringRef::from_slot(value)
                    && string.len() == total as u64
                {
                    return Ok(Some(string));
                }
            }
            let kept = self.kept();
            self.temporaries.extend_from_slice(values);
            let string = self.new_string_with(total, |buffer| {
                let mut at = 0;
                for &value in values {
                    let piece = Piece::of(value, signed_nan).expect("it was one before");
                    let bytes = piece.bytes();
                    buffer[at..at + bytes.len()].copy_from_slice(bytes);
                    at += bytes.len();
                }
            });
            self.release_to(kept);
            string.map(Some)
        }
    }

    /// The spelling of nil, truth values, numbers and strings; `None` for other values, whose spelling names an address.
    ///
    /// # Safety
    /// As for [`Heap::concat`].
    pub unsafe fn spelling(&mut self, value: Slot) -> Result<Option<StringRef>, OutOfMemory> {
        let text: &[u8] = match Tag(value.tag) {
            Tag::NIL => b"nil",
            Tag::BOOL if value.payload != 0 => b"true",
            Tag::BOOL => b"false",
            // SAFETY: the caller says so.
            _ => return unsafe { self.concat(&[value]) },
        };
        self.new_string(text).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_numbers_concatenate() {
        let mut heap = Heap::new(1 << 30);
        let mut string = |text: &[u8]| heap.new_string(text).unwrap().slot();
        let (a, empty, long) = (string(b"a\0b"), string(b""), string(&[b'-'; 50]));
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let joined = heap.concat(&[a, Slot::i64(-7), Slot::f64(2.0), a]).unwrap().unwrap();
            assert_eq!(joined.bytes(), b"a\0b-72.0a\0b");
            assert!(joined.is_interned());
            assert_eq!(heap.concat(&[]).unwrap().unwrap().slot(), empty);
            assert_eq!(heap.concat(&[empty, long]).unwrap().unwrap().slot(), long, "no copy is made");
            let joined = heap.concat(&[long, Slot::i64(1), long]).unwrap().unwrap();
            assert_eq!((joined.len(), joined.bytes()[50]), (101, b'1'));
            assert_eq!(heap.concat(&[a, Slot::NIL]), Ok(None));
            assert_eq!(heap.concat(&[Slot::TRUE]), Ok(None));
        }
    }

    #[test]
    fn simple_values_have_a_spelling() {
        let mut heap = Heap::new(1 << 20);
        let table = heap.new_table(0, 0).unwrap().slot();
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            for (value, text) in [
                (Slot::NIL, "nil"),
                (Slot::TRUE, "true"),
                (Slot::FALSE, "false"),
                (Slot::i64(3), "3"),
                (Slot::f64(3.0), "3.0"),
            ] {
                assert_eq!(heap.spelling(value).unwrap().unwrap().bytes(), text.as_bytes());
            }
            assert_eq!(heap.spelling(table), Ok(None));
        }
    }

    #[test]
    fn two_hundred_megabytes_are_one_allocation() {
        let mut heap = Heap::new(450 << 20);
        let half = heap.new_string_with(100 << 20, |_| ()).unwrap().slot();
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let whole = heap.concat(&[half, half]).unwrap().unwrap();
            assert_eq!(whole.len(), 200 << 20);
            assert!(heap.used() < 301 << 20);
            assert_eq!(heap.concat(&[whole.slot(), half]), Err(OutOfMemory));
        }
    }
}
