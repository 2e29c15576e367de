//! The array part of tables: loads and stores of elements, growth, and the way from specialised to mixed elements.

use lockstep_layout::{BOOL_NIL, ElementKind, Mark, NODE_DEAD, Slot, TableFlags, Tag};

use super::TableRef;
use crate::heap::{Heap, OutOfMemory, array_bytes};

/// The smallest capacity of an array part that is not empty.
const SMALLEST: u32 = 4;
/// The largest: lengths are counted in 32 bits.
const LARGEST: u32 = u32::MAX - 1;

/// The kind of elements that suits a value best.
fn kind_for(value: Slot) -> ElementKind {
    match Tag(value.tag) {
        Tag::BOOL => ElementKind::Bool,
        Tag::I64 => ElementKind::I64,
        Tag::F64 => ElementKind::F64,
        _ => ElementKind::Mixed,
    }
}

impl TableRef {
    /// The element of key `index` + 1.
    ///
    /// # Safety
    /// The table is live, and the index below its length.
    #[inline(always)]
    pub(super) unsafe fn element(self, index: usize) -> Slot {
        // SAFETY: the buffer holds `array_len` elements of the table's kind.
        unsafe {
            let table = self.as_ptr();
            let (array, kind) = ((*table).array, (*table).element_kind);
            if kind >= ElementKind::I64 as u8 {
                // The numbers of these kinds are the values' tags.
                Slot { payload: *(array as *const u64).add(index), tag: u64::from(kind) }
            } else if kind == ElementKind::Mixed as u8 {
                *(array as *const Slot).add(index)
            } else {
                let byte = *(array as *const u8).add(index);
                if byte == BOOL_NIL { Slot::NIL } else { Slot { payload: u64::from(byte), tag: Tag::BOOL.0 } }
            }
        }
    }

    /// Overwrites an element that is not nil with a value that is not, if the kind of elements allows. Answers whether it did.
    ///
    /// # Safety
    /// The table is live and one of this heap, the index below its length, the value valid.
    #[inline(always)]
    pub(super) unsafe fn store_element(self, heap: &mut Heap, index: usize, value: Slot) -> bool {
        // SAFETY: the buffer holds `array_len` elements of the table's kind.
        unsafe {
            let table = self.as_ptr();
            let (array, kind) = ((*table).array, (*table).element_kind);
            if kind >= ElementKind::I64 as u8 {
                if value.tag != u64::from(kind) {
                    return false;
                }
                *(array as *mut u64).add(index) = value.payload;
                true
            } else if kind == ElementKind::Mixed as u8 {
                let element = (array as *mut Slot).add(index);
                if (*element).is_nil() || value.is_nil() {
                    return false;
                }
                *element = value;
                heap.barrier_for(self.header(), value);
                true
            } else {
                let element = (array as *mut u8).add(index);
                if *element == BOOL_NIL || !value.is(Tag::BOOL) {
                    return false;
                }
                *element = value.payload as u8;
                true
            }
        }
    }

    /// Overwrites an element that is not nil with a value that is not, if the kind of elements allows and the object's barrier does not ask to hear
    /// of it. Answers whether it did.
    ///
    /// # Safety
    /// The table is live, the index below its length, and `value` points to a valid one.
    #[inline(always)]
    pub(super) unsafe fn replace_element(self, index: usize, value: *const Slot) -> bool {
        // SAFETY: the buffer holds `array_len` elements of the table's kind.
        unsafe {
            let table = self.as_ptr();
            let (array, kind) = ((*table).array, u64::from((*table).element_kind));
            let tag = (*value).tag;
            if kind >= ElementKind::I64 as u64 {
                if tag == kind {
                    *(array as *mut u64).add(index) = (*value).payload;
                }
                return tag == kind;
            }
            if kind == ElementKind::Mixed as u64 {
                let element = (array as *mut Slot).add(index);
                if tag == Tag::NIL.0 || (*self.header()).mark & Mark::BARRIER != 0 || (*element).is_nil() {
                    return false;
                }
                (*element).payload = (*value).payload;
                (*element).tag = tag;
                return true;
            }
            let element = (array as *mut u8).add(index);
            if tag != Tag::BOOL.0 || *element == BOOL_NIL {
                return false;
            }
            *element = (*value).payload as u8;
            true
        }
    }

    /// Appends a value behind the last element, if there is room, the kind of elements allows, and no key can wait in the
    /// hash part. Answers whether it did.
    ///
    /// # Safety
    /// The table is live and one of this heap, the value valid.
    #[inline(always)]
    pub(super) unsafe fn append_in_place(self, heap: &mut Heap, value: Slot) -> bool {
        // SAFETY: the index is below the capacity of the buffer, whose elements are of the table's kind.
        unsafe {
            let table = self.as_ptr();
            let (array, kind) = ((*table).array, (*table).element_kind);
            let index = (*table).array_len;
            if index >= (*table).array_capacity || (*self.header()).flags & TableFlags::HASHED_INTEGERS != 0 {
                return false;
            }
            if kind >= ElementKind::I64 as u8 {
                if value.tag != u64::from(kind) {
                    return false;
                }
                *(array as *mut u64).add(index as usize) = value.payload;
            } else if kind == ElementKind::Mixed as u8 {
                if value.is_nil() {
                    return false;
                }
                *(array as *mut Slot).add(index as usize) = value;
                heap.barrier_for(self.header(), value);
            } else {
                if !value.is(Tag::BOOL) {
                    return false;
                }
                *(array as *mut u8).add(index as usize) = value.payload as u8;
            }
            (*table).array_len = index + 1;
            true
        }
    }

    /// Sets an integer key where the fast paths have declined.
    ///
    /// # Safety
    /// As for [`TableRef::set_int`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn set_int_slow(self, heap: &mut Heap, key: i64, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so. What is kept survives the collections that allocations may cause.
        unsafe {
            let table = self.as_ptr();
            let index = (key as u64).wrapping_sub(1);
            let len = u64::from((*table).array_len);
            if index > len || (index == len && (value.is_nil() || len == u64::from(LARGEST))) {
                return self.set_hashed(heap, Slot::i64(key), value);
            }
            let kept = heap.kept();
            heap.keep(self.slot());
            heap.keep(value);
            let done = if index < len { self.replace(heap, index as u32, value) } else { self.append(heap, value) };
            heap.release_to(kept);
            done
        }
    }

    /// Writes any value over any element.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap; the index is below its length; the value is valid and kept.
    unsafe fn replace(self, heap: &mut Heap, index: u32, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            if value.is_nil() && index + 1 == (*table).array_len {
                (*table).array_len = index;
                self.trim();
                return Ok(());
            }
            let bool_fits = value.is_nil() || value.is(Tag::BOOL);
            if (*table).element_kind == ElementKind::Bool as u8 && bool_fits {
                let byte = if value.is_nil() { BOOL_NIL } else { value.payload as u8 };
                *((*table).array as *mut u8).add(index as usize) = byte;
                return Ok(());
            }
            self.make_mixed(heap)?;
            *((*table).array as *mut Slot).add(index as usize) = value;
            heap.barrier_for(self.header(), value);
            Ok(())
        }
    }

    /// Appends a value that is not nil, and whatever waits in the hash part for its turn. All or nothing.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap; the value is valid and kept.
    unsafe fn append(self, heap: &mut Heap, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so. What can fail comes first; then there is room, in the right kind, for all that comes.
        unsafe {
            let table = self.as_ptr();
            let len = (*table).array_len;
            if len == 0 {
                self.choose_kind(heap, kind_for(value));
            }
            let (waiting, kinds_fit) = self.waiting(len + 1);
            if (*table).element_kind != kind_for(value) as u8 || !kinds_fit {
                self.make_mixed(heap)?;
            }
            let key = i64::from(len) + 1;
            if (*table).array_capacity - len <= waiting {
                // A queue leaves its front empty: then the array part is worth less than it takes.
                if waiting == 0 && self.narrow_array(heap, key)? {
                    return self.set_int(heap, key, value);
                }
                self.grow_array(heap, self.next_capacity().max(len + 1 + waiting))?;
            }
            if (*table).array_len != len {
                // A collection has cleared weak elements at the end: the key is another way off now.
                return self.set_int(heap, key, value);
            }
            // A node that the key had once would mislead a traversal that stands at the key.
            if (*self.header()).flags & TableFlags::HASHED_INTEGERS != 0
                && let Some(node) = self.find(Slot::i64(key))
            {
                (*node.as_ptr()).key_tag = NODE_DEAD;
            }
            self.push(heap, value);
            for _ in 0..waiting {
                self.adopt(heap);
            }
            Ok(())
        }
    }

    /// How many keys without a gap the hash part has behind `key`, and whether their values fit the kind of elements.
    ///
    /// # Safety
    /// The table is live.
    pub(super) unsafe fn waiting(self, key: u32) -> (u32, bool) {
        // SAFETY: the caller says so.
        unsafe {
            let kind = (*self.as_ptr()).element_kind;
            let (mut count, mut fits) = (0, true);
            while (*self.header()).flags & TableFlags::HASHED_INTEGERS != 0 && key + count < LARGEST {
                let Some(node) = self.find(Slot::i64(i64::from(key + count) + 1)) else { break };
                let value = (*node.as_ptr()).value;
                if value.is_nil() {
                    break;
                }
                fits &= kind == ElementKind::Mixed as u8 || kind == kind_for(value) as u8;
                count += 1;
            }
            (count, fits)
        }
    }

    /// Writes the element behind the last.
    ///
    /// # Safety
    /// The table is live and one of this heap; there is room, and the value fits the kind of elements and is not nil.
    unsafe fn push(self, heap: &mut Heap, value: Slot) {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            let (array, index) = ((*table).array, (*table).array_len as usize);
            match (*table).element_kind {
                0 => *(array as *mut Slot).add(index) = value,
                1 => *(array as *mut u8).add(index) = value.payload as u8,
                _ => *(array as *mut u64).add(index) = value.payload,
            }
            (*table).array_len += 1;
            heap.barrier_for(self.header(), value);
        }
    }

    /// Moves the entry of the key behind the last element from the hash part, if a collection has not cleared it.
    ///
    /// # Safety
    /// The table is live, and one of this heap; there is room, and the value fits the kind of elements.
    unsafe fn adopt(self, heap: &mut Heap) {
        // SAFETY: the caller says so.
        unsafe {
            let Some(node) = self.find(Slot::i64(i64::from((*self.as_ptr()).array_len) + 1)) else { return };
            let value = (*node.as_ptr()).value;
            if !value.is_nil() {
                (*node.as_ptr()).value = Slot::NIL;
                // A traversal that stands at this key stands in the array part from now on.
                (*node.as_ptr()).key_tag = NODE_DEAD;
                self.push(heap, value);
            }
        }
    }

    /// Lowers the length over elements that are nil.
    ///
    /// # Safety
    /// The table is live.
    pub(crate) unsafe fn trim(self) {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            while (*table).array_len != 0 && self.element((*table).array_len as usize - 1).is_nil() {
                (*table).array_len -= 1;
            }
        }
    }

    /// The capacity that follows the present one: at first what the table was made for, then twice as much each time.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn next_capacity(self) -> u32 {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            let wanted = match (*table).array_capacity {
                0 => (*table).array as u32,
                capacity => capacity.saturating_mul(2),
            };
            wanted.clamp(SMALLEST, LARGEST)
        }
    }

    /// Gives an array part without elements a kind; its buffer is kept if the elements are as large.
    ///
    /// # Safety
    /// The table is live and one of this heap, and its array part empty.
    pub(super) unsafe fn choose_kind(self, heap: &mut Heap, kind: ElementKind) {
        // SAFETY: the caller says so; nothing is in the buffer.
        unsafe {
            let table = self.as_ptr();
            let old = ElementKind::from_byte((*table).element_kind).expect("a kind");
            let capacity = (*table).array_capacity;
            if kind.size() != old.size() && capacity != 0 {
                heap.free_buffer((*table).array as *mut u8, array_bytes(&*table));
                (*table).array = u64::from(capacity);
                (*table).array_capacity = 0;
            }
            (*table).element_kind = kind as u8;
        }
    }

    /// Makes room for `capacity` elements, which is more than there is.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    pub(super) unsafe fn grow_array(self, heap: &mut Heap, capacity: u32) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so; the buffer has the size that the record says.
        unsafe {
            let table = self.as_ptr();
            let old = array_bytes(&*table);
            let kind = ElementKind::from_byte((*table).element_kind).expect("a kind");
            let new = u64::from(capacity) * u64::from(kind.size());
            let grown = heap.grow_buffer((*table).array as *mut u8, old, new)?;
            (*table).array = grown as u64;
            (*table).array_capacity = capacity;
            Ok(())
        }
    }

    /// Makes the buffer as small as the elements allow; it stays as it is if there is no memory for a smaller one.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    pub(super) unsafe fn shrink_array(self, heap: &mut Heap) {
        // SAFETY: the caller says so; the smaller buffer has room for the elements.
        unsafe {
            let table = self.as_ptr();
            let kind = ElementKind::from_byte((*table).element_kind).expect("a kind");
            let capacity = (*table).array_len;
            let bytes = u64::from(capacity) * u64::from(kind.size());
            let Ok(buffer) = heap.allocate_buffer(bytes) else { return };
            // A collection may have shortened the array part meanwhile.
            let used = (*table).array_len as usize * kind.size() as usize;
            buffer.copy_from_nonoverlapping((*table).array as *const u8, used);
            heap.free_buffer((*table).array as *mut u8, array_bytes(&*table));
            (*table).array = if capacity == 0 { 0 } else { buffer as u64 };
            (*table).array_capacity = capacity;
        }
    }

    /// Makes the elements slots, if they are not.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    pub(super) unsafe fn make_mixed(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so; the new buffer has room for as many slots as there were elements.
        unsafe {
            let table = self.as_ptr();
            if (*table).element_kind == ElementKind::Mixed as u8 {
                return Ok(());
            }
            let capacity = (*table).array_capacity;
            if capacity == 0 {
                (*table).element_kind = ElementKind::Mixed as u8;
                return Ok(());
            }
            let buffer = heap.allocate_buffer(u64::from(capacity) * u64::from(ElementKind::Mixed.size()))?;
            for index in 0..(*table).array_len as usize {
                let element = self.element(index);
                let is_wrong = crate::planted!("wrong-transition") && element.is(lockstep_layout::Tag::F64);
                let element = if is_wrong { Slot::i64(element.payload as i64) } else { element };
                buffer.cast::<Slot>().add(index).write(element);
            }
            heap.free_buffer((*table).array as *mut u8, array_bytes(&*table));
            (*table).array = buffer as u64;
            (*table).element_kind = ElementKind::Mixed as u8;
            Ok(())
        }
    }
}
