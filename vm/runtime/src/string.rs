//! Byte strings of the heap. Short ones are interned, so that equal short strings are one object.

use std::cmp::Ordering;
use std::hash::Hasher;

use hashbrown::hash_table::Entry;
use lockstep_layout::{INTERNED_MAX, ObjectKind, STRING_BYTES, StringFlags, StringHeader, Tag, string_size};
use rustc_hash::FxHasher;

use crate::heap::{Heap, OutOfMemory, reference};

reference! {
    /// A reference to a string.
    StringRef, StringHeader, Tag::STRING
}

/// The hash of a string's bytes.
fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

/// A string's hash spread over the 64 bits that the table of interned strings wants.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl StringRef {
    /// The string's bytes.
    ///
    /// # Safety
    /// The string is live, and stays so as long as the slice is used.
    #[inline]
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        let header = self.as_ptr();
        // SAFETY: the string is live, its bytes follow its header, and nothing writes them once it is made.
        unsafe { std::slice::from_raw_parts(header.cast::<u8>().add(STRING_BYTES as usize), (*header).len as usize) }
    }

    /// Number of bytes.
    ///
    /// # Safety
    /// The string is live.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty, reason = "the length of the language, not of a container")]
    pub unsafe fn len(self) -> u64 {
        // SAFETY: the string is live.
        unsafe { (*self.as_ptr()).len }
    }

    /// Whether the string is interned, so that its address decides equality.
    ///
    /// # Safety
    /// The string is live.
    #[inline(always)]
    pub unsafe fn is_interned(self) -> bool {
        // SAFETY: the string is live.
        unsafe { (*self.header()).flags & StringFlags::INTERNED != 0 }
    }

    /// The hash of the bytes; that of a long string is computed when it is first asked for.
    ///
    /// # Safety
    /// The string is live.
    #[inline(always)]
    pub unsafe fn hash(self) -> u32 {
        // SAFETY: the string is live.
        unsafe {
            if (*self.header()).flags & StringFlags::HASHED == 0 {
                return self.compute_hash();
            }
            (*self.header()).aux
        }
    }

    /// # Safety
    /// The string is live.
    #[cold]
    #[inline(never)]
    unsafe fn compute_hash(self) -> u32 {
        // SAFETY: the string is live; nobody holds a reference to its header.
        unsafe {
            (*self.header()).aux = hash_bytes(self.bytes());
            (*self.header()).flags |= StringFlags::HASHED;
            (*self.header()).aux
        }
    }

    /// Whether two strings have the same bytes.
    ///
    /// # Safety
    /// Both strings are live.
    #[inline(always)]
    pub unsafe fn same(self, other: StringRef) -> bool {
        // SAFETY: both are live.
        self == other || unsafe { !self.is_interned() && !other.is_interned() && self.same_bytes(other) }
    }

    /// # Safety
    /// Both strings are live.
    #[inline(never)]
    unsafe fn same_bytes(self, other: StringRef) -> bool {
        // SAFETY: both are live.
        unsafe { self.bytes() == other.bytes() }
    }

    /// The order of two strings: bytewise, as in C's own locale.
    ///
    /// # Safety
    /// Both strings are live.
    pub unsafe fn order(self, other: StringRef) -> Ordering {
        // SAFETY: both are live.
        unsafe { self.bytes().cmp(other.bytes()) }
    }
}

impl Heap {
    /// A string with these bytes: a new one, or the interned one if it exists.
    pub fn new_string(&mut self, bytes: &[u8]) -> Result<StringRef, OutOfMemory> {
        if bytes.len() <= INTERNED_MAX {
            return self.intern(bytes);
        }
        let len = bytes.len();
        self.new_string_with(len, |buffer| buffer.copy_from_slice(bytes))
    }

    /// A string of `len` bytes that `fill` writes, without a copy if the string is long. `fill` is given zeroes.
    pub fn new_string_with(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<StringRef, OutOfMemory> {
        if len <= INTERNED_MAX {
            let mut buffer = [0; INTERNED_MAX];
            fill(&mut buffer[..len]);
            return self.intern(&buffer[..len]);
        }
        let string = self.allocate_string(len, true)?;
        // SAFETY: the string has room for `len` bytes, which are initialised, and nobody else knows it yet.
        unsafe {
            let bytes = string.as_ptr().cast::<u8>().add(STRING_BYTES as usize);
            fill(std::slice::from_raw_parts_mut(bytes, len));
        }
        Ok(string)
    }

    /// A string without contents: zeroes, or uninitialised but for the byte behind the last.
    fn allocate_string(&mut self, len: usize, zeroed: bool) -> Result<StringRef, OutOfMemory> {
        let bytes = string_size(len as u64);
        let object = match zeroed {
            true => self.allocate_zeroed(ObjectKind::String, Tag::STRING, bytes)?,
            false => self.allocate(ObjectKind::String, Tag::STRING, bytes)?,
        };
        let string = object.as_ptr().cast::<StringHeader>();
        // SAFETY: the allocation has room for the header, `len` bytes and one more.
        unsafe {
            (*string).len = len as u64;
            string.cast::<u8>().add(STRING_BYTES as usize + len).write(0);
            Ok(StringRef::from_payload(string as u64))
        }
    }

    /// A string is about to be freed.
    ///
    /// # Safety
    /// The string is live, as all interned ones are.
    pub(crate) unsafe fn forget_string(&mut self, string: StringRef) {
        // SAFETY: the caller says so.
        unsafe {
            if string.is_interned()
                && let Ok(entry) = self.interned.find_entry(spread((*string.header()).aux), |other| *other == string)
            {
                entry.remove();
            }
        }
    }

    fn intern(&mut self, bytes: &[u8]) -> Result<StringRef, OutOfMemory> {
        let hash = hash_bytes(bytes);
        // SAFETY: the table holds live strings alone, all of them hashed.
        let found = self
            .interned
            .find(spread(hash), |string| unsafe { (*string.header()).aux == hash && string.bytes() == bytes });
        if let Some(&string) = found {
            return Ok(string);
        }
        // The allocation may collect, and so change the table of interned strings: a place in it is looked for afterwards.
        let string = self.allocate_string(bytes.len(), false)?;
        // SAFETY: the string has room for the bytes, and nobody else knows it yet.
        unsafe {
            let at = string.as_ptr().cast::<u8>().add(STRING_BYTES as usize);
            at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            (*string.header()).aux = hash;
            (*string.header()).flags = StringFlags::INTERNED | StringFlags::HASHED;
        }
        // SAFETY: as above.
        let rehash = |string: &StringRef| unsafe { spread((*string.header()).aux) };
        match self.interned.entry(spread(hash), |_| false, rehash) {
            Entry::Vacant(entry) => entry.insert(string),
            Entry::Occupied(_) => unreachable!("nothing equals it"),
        };
        Ok(string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_strings_are_one_object_and_long_ones_are_not() {
        let mut heap = Heap::new(1 << 20);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            for len in [0, 1, 7, 8, 39, 40, 41, 1000] {
                let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
                let (a, b) = (heap.new_string(&bytes).unwrap(), heap.new_string(&bytes).unwrap());
                assert_eq!(a == b, len <= 40, "{len}");
                assert!(a.same(b));
                assert_eq!(a.hash(), b.hash());
                assert_eq!((a.bytes(), a.len()), (&bytes[..], len as u64));
                assert_eq!(*a.as_ptr().cast::<u8>().add(STRING_BYTES as usize + len as usize), 0);
                let c = heap.new_string_with(len as usize, |buffer| buffer.copy_from_slice(&bytes)).unwrap();
                assert_eq!(a == c, len <= 40);
                assert!(a.same(c));
            }
        }
    }

    #[test]
    fn order_is_bytewise() {
        let mut heap = Heap::new(1 << 20);
        let mut order = |a: &[u8], b: &[u8]| {
            let (a, b) = (heap.new_string(a).unwrap(), heap.new_string(b).unwrap());
            // SAFETY: the heap lives, and nothing is collected.
            unsafe { a.order(b) }
        };
        assert_eq!(order(b"a", b"b"), Ordering::Less);
        assert_eq!(order(b"a\0b", b"a\0a"), Ordering::Greater);
        assert_eq!(order(b"\xff", b"z"), Ordering::Greater);
        assert_eq!(order(b"", b""), Ordering::Equal);
        assert_eq!(order(b"ab", b"abc"), Ordering::Less);
    }

    #[test]
    fn strings_count_what_they_allocate() {
        let mut heap = Heap::new(1000);
        let string = heap.new_string(&[b'x'; 100]).unwrap();
        assert_eq!(heap.used(), string_size(100));
        // SAFETY: the heap lives.
        assert!(unsafe { !string.is_interned() });
        assert_eq!(heap.new_string(&[b'y'; 1000]), Err(OutOfMemory));
        assert_eq!(heap.new_string_with(usize::MAX >> 1, |_| ()), Err(OutOfMemory));
    }
}
