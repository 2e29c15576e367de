//! Typed arrays: making them, and copying them in from the host and out to it.

use std::mem::size_of;

use lockstep_layout::{ARRAY_ELEMENTS, ArrayHeader, ObjectKind, Tag, array_element_size};

use super::{Heap, OutOfMemory};
use crate::value::Value;

/// A reference to a typed array of some heap. It is an address; whoever dereferences it answers for the heap's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArrayRef(*mut ArrayHeader);

impl ArrayRef {
    /// The payload word of a slot that holds this array.
    pub fn payload(self) -> u64 {
        self.0 as u64
    }
}

macro_rules! array_copies {
    ($($variant:ident $stored:ty, $tag:ident, $from:expr, $to:expr;)*) => {
        /// Allocates a copy of a host array.
        ///
        /// Returns `Ok(None)` if `value` is a scalar.
        pub fn store(&mut self, value: &Value) -> Result<Option<ArrayRef>, OutOfMemory> {
            match value {
                $(Value::$variant(items) => {
                    let array = self.new_array(Tag::$tag, items.len() as u64)?;
                    // SAFETY: `new_array` made room for exactly `items.len()` elements of this tag's size, aligned to 16.
                    let elements = unsafe { array.0.byte_add(ARRAY_ELEMENTS as usize) };
                    for (index, &item) in items.iter().enumerate() {
                        // SAFETY: `index` is below the length that was allocated, see above.
                        unsafe { elements.cast::<$stored>().add(index).write($to(item)) };
                    }
                    Ok(Some(array))
                })*
                _ => Ok(None),
            }
        }

        /// Copies an array out of the heap.
        ///
        /// # Safety
        /// `payload` is the address of a live array of some VM's heap, and nothing else writes its elements meanwhile.
        pub unsafe fn load(payload: u64) -> Value {
            let header = payload as *const ArrayHeader;
            // SAFETY: the caller says that this is a live array.
            let (tag, len) = unsafe { (Tag(u64::from((*header).object.tag)), (*header).len as usize) };
            // SAFETY: elements follow the header within the same allocation.
            let elements = unsafe { header.byte_add(ARRAY_ELEMENTS as usize) };
            match tag {
                $(Tag::$tag => Value::$variant(
                    // SAFETY: `index` is below the array's length, and its tag says how large elements are.
                    (0..len).map(|index| $from(unsafe { elements.cast::<$stored>().add(index).read() })).collect()
                ),)*
                other => panic!("a heap array carries the tag {other:?}"),
            }
        }
    };
}

impl Heap {
    /// Allocates a zeroed typed array.
    ///
    /// # Panics
    /// If `tag` is no array tag.
    pub fn new_array(&mut self, tag: Tag, len: u64) -> Result<ArrayRef, OutOfMemory> {
        let element = u64::from(array_element_size(tag));
        assert!(element != 0, "{tag:?} is no array tag");
        let header = size_of::<ArrayHeader>() as u64;
        let bytes = len.checked_mul(element).and_then(|bytes| bytes.checked_add(header)).ok_or(OutOfMemory)?;
        let object = self.allocate_zeroed(ObjectKind::Array, tag, bytes)?;
        let array = object.as_ptr().cast::<ArrayHeader>();
        // SAFETY: the allocation is large enough for the header.
        unsafe {
            (*array).len = len;
            (*array).bytes = bytes;
        }
        Ok(ArrayRef(array))
    }

    array_copies! {
        ArrBool u8, ARR_BOOL, |byte: u8| byte != 0, u8::from;
        ArrI32 i32, ARR_I32, i32::from, i32::from;
        ArrI64 i64, ARR_I64, i64::from, i64::from;
        ArrU32 u32, ARR_U32, u32::from, u32::from;
        ArrU64 u64, ARR_U64, u64::from, u64::from;
        ArrF64 f64, ARR_F64, f64::from, f64::from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_round_trip() {
        let mut heap = Heap::new(1 << 20);
        for value in [
            Value::ArrBool(vec![true, false, true]),
            Value::ArrI32(vec![i32::MIN, -1, 7]),
            Value::ArrI64(vec![]),
            Value::ArrU32(vec![u32::MAX]),
            Value::ArrU64(vec![u64::MAX, 0]),
            Value::ArrF64(vec![-0.0, f64::NAN, f64::INFINITY]),
        ] {
            let array = heap.store(&value).unwrap().unwrap();
            // SAFETY: the array was just allocated and the heap is alive.
            assert_eq!(unsafe { Heap::load(array.payload()) }, value);
        }
        assert_eq!(heap.store(&Value::I64(1)), Ok(None));
    }

    #[test]
    fn the_limit_counts_headers_and_survives_overflow() {
        let mut heap = Heap::new(100);
        assert_eq!(heap.new_array(Tag::ARR_I64, 9), Err(OutOfMemory));
        assert!(heap.new_array(Tag::ARR_I64, 8).is_ok());
        assert_eq!((heap.used(), heap.available()), (96, 4));
        assert_eq!(heap.new_array(Tag::ARR_BOOL, 0), Err(OutOfMemory));
        let mut heap = Heap::new(u64::MAX);
        for len in [u64::MAX, u64::MAX / 8, i64::MAX as u64] {
            assert_eq!(heap.new_array(Tag::ARR_F64, len), Err(OutOfMemory));
        }
    }
}
