//! Tables. What lies where, and which invariants hold, stands at the head of the layout crate's `object_table`.
//!
//! This file has the operations that programs ask for, each with its fast path first: they are meant to be inlined into the
//! interpreter's arms. All of them are *raw*: metamethods are the VM's affair.

mod array_part;
mod hash_part;
mod iterate;
mod rehash;

use std::ptr::NonNull;

use lockstep_layout::{ElementKind, NODE_UNUSED, Node, ObjectKind, Slot, TableHeader, Tag};

use crate::conversion::float_to_integer;
use crate::heap::{Heap, OutOfMemory, reference};
use crate::metamethod::Metamethod;
use crate::string::StringRef;

pub use iterate::Entry;
pub(crate) use rehash::key_of;

reference! {
    /// A reference to a table.
    TableRef, TableHeader, Tag::TABLE
}

/// The node of tables without a hash part. Nobody writes it.
static NO_NODE: Node = Node { value: Slot::NIL, key: 0, key_tag: NODE_UNUSED, next: 0 };

/// Whether a table has a hash part.
pub(crate) fn has_nodes(table: &TableHeader) -> bool {
    table.nodes != &raw const NO_NODE as u64
}

/// Why a key cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError {
    /// Nil as a key of a new entry.
    NilKey,
    /// NaN as a key of a new entry.
    NanKey,
    /// A traversal was asked to go on from a key that the table does not have.
    NoSuchKey,
    /// There is no memory for a new entry.
    OutOfMemory,
}

impl From<OutOfMemory> for TableError {
    fn from(OutOfMemory: OutOfMemory) -> TableError {
        TableError::OutOfMemory
    }
}

impl TableError {
    /// The message that the language has for it; for [`TableError::OutOfMemory`] the VM has one of its own.
    pub const fn message(self) -> &'static str {
        match self {
            TableError::NilKey => "table index is nil",
            TableError::NanKey => "table index is NaN",
            TableError::NoSuchKey => "invalid key to 'next'",
            TableError::OutOfMemory => "not enough memory",
        }
    }
}

/// A float key with an integer's value is that integer.
#[inline(always)]
fn normalise(key: Slot) -> Slot {
    match key.as_f64().and_then(float_to_integer) {
        Some(integer) if !crate::planted!("float-key") => Slot::i64(integer),
        _ => key,
    }
}

impl Heap {
    /// An empty table with room for the keys 1…`array` and for `hash` other keys.
    pub fn new_table(&mut self, array: u32, hash: u32) -> Result<TableRef, OutOfMemory> {
        let object = self.allocate(ObjectKind::Table, Tag::TABLE, size_of::<TableHeader>() as u64)?;
        let table: NonNull<TableHeader> = object.cast();
        // SAFETY: the object was just allocated, with room for the record; its common header is written.
        let table = unsafe {
            table.write(TableHeader {
                object: object.read(),
                array: 0,
                array_len: 0,
                array_capacity: 0,
                nodes: &raw const NO_NODE as u64,
                node_mask: 0,
                node_free: 0,
                metatable: 0,
                absent: 0,
                element_kind: ElementKind::Mixed as u8,
                reserved: [0; 3],
            });
            TableRef::from_payload(table.as_ptr() as u64)
        };
        if array | hash != 0 {
            let kept = self.kept();
            self.keep(table.slot());
            // SAFETY: the table is live, as it is kept.
            let made = unsafe { table.prepare(self, array, hash) };
            self.release_to(kept);
            made?;
        }
        Ok(table)
    }
}

impl TableRef {
    // ---- integer keys ---------------------------------------------------------------------------------------------------

    /// The value of an integer key, or nil.
    ///
    /// # Safety
    /// The table is live.
    #[inline(always)]
    pub unsafe fn get_int(self, key: i64) -> Slot {
        let index = (key as u64).wrapping_sub(1);
        // SAFETY: the table is live, and the index below its length.
        unsafe {
            if index < u64::from((*self.as_ptr()).array_len) {
                return self.element(index as usize);
            }
            self.get_int_hashed(key)
        }
    }

    /// The element of an integer key, if the array part has one that is not nil.
    ///
    /// # Safety
    /// The table is live.
    #[inline(always)]
    pub unsafe fn present(self, key: i64) -> Option<Slot> {
        let index = (key as u64).wrapping_sub(1);
        // SAFETY: the table is live, and the index below its length.
        unsafe {
            if index < u64::from((*self.as_ptr()).array_len) {
                return Some(self.element(index as usize)).filter(|value| !value.is_nil());
            }
            None
        }
    }

    /// Writes a value over the element of an integer key, if there is one that is not nil and nothing else is to be done: the value is of the kind
    /// of elements and not nil, and the collector need not hear of it. Answers whether it did.
    ///
    /// # Safety
    /// The table is live, and `value` points to a valid one.
    #[inline(always)]
    pub unsafe fn replace_present(self, key: i64, value: *const Slot) -> bool {
        let index = (key as u64).wrapping_sub(1);
        // SAFETY: the table is live, and the index below its length.
        unsafe { index < u64::from((*self.as_ptr()).array_len) && self.replace_element(index as usize, value) }
    }

    /// Writes the value of an integer key where that is a store into the array part: over a value that is not nil, or behind
    /// the last element of a table without `__newindex`. Neither can concern a metamethod. Answers whether it did; if not,
    /// nothing has happened, and [`TableRef::set_int`] is the general way.
    ///
    /// # Safety
    /// The table is live and one of this heap; the value is valid.
    #[inline(always)]
    pub unsafe fn store_int(self, heap: &mut Heap, key: i64, value: Slot) -> bool {
        let index = (key as u64).wrapping_sub(1);
        // SAFETY: the table is live; stores go below its length, or at its length below its capacity.
        unsafe {
            let table = self.as_ptr();
            if index < u64::from((*table).array_len) {
                self.store_element(heap, index as usize, value)
            } else {
                index == u64::from((*table).array_len)
                    && self.lacks(Metamethod::NewIndex)
                    && self.append_in_place(heap, value)
            }
        }
    }

    /// Sets the value of an integer key; nil removes it.
    ///
    /// # Safety
    /// The table is live and one of this heap; the value is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn set_int(self, heap: &mut Heap, key: i64, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe {
            let index = (key as u64).wrapping_sub(1);
            let len = u64::from((*self.as_ptr()).array_len);
            if index < len && self.store_element(heap, index as usize, value) {
                return Ok(());
            }
            if index == len && self.append_in_place(heap, value) {
                return Ok(());
            }
            self.set_int_slow(heap, key, value)
        }
    }

    // ---- string keys ----------------------------------------------------------------------------------------------------

    /// The value of a string key, or nil.
    ///
    /// # Safety
    /// The table and the string are live.
    #[inline]
    pub unsafe fn get_str(self, key: StringRef) -> Slot {
        // SAFETY: both are live.
        unsafe {
            let node = if key.is_interned() { self.find_interned(key) } else { self.find(key.slot()) };
            node.map_or(Slot::NIL, |node| (*node.as_ptr()).value)
        }
    }

    /// The value of an interned string's key, or nil.
    ///
    /// # Safety
    /// The table and the string are live, and the string is interned.
    #[inline(always)]
    pub unsafe fn get_interned(self, key: StringRef) -> Slot {
        // SAFETY: the caller says so.
        unsafe { self.find_interned(key).map_or(Slot::NIL, |node| (*node.as_ptr()).value) }
    }

    /// The value of an interned string's key, or nil, by way of a cache that remembers the key's node.
    ///
    /// `cache` belongs to one place of a program that always asks for this key; it starts as the key's hash.
    ///
    /// # Safety
    /// The table and the string are live, and the string is interned.
    #[inline(always)]
    pub unsafe fn get_str_cached(self, key: StringRef, cache: &mut u32) -> Slot {
        // SAFETY: both are live; a table has a node at each index up to its mask.
        unsafe {
            let node = self.node((*cache & (*self.as_ptr()).node_mask) as usize);
            if (*node).key == key.payload() && (*node).key_tag == Tag::STRING.0 as u32 {
                return (*node).value;
            }
            self.find_interned_cached(key, cache).map_or(Slot::NIL, |node| (*node.as_ptr()).value)
        }
    }

    /// Writes the value of an interned string's key, if the key is present: then no metamethod can be concerned. Answers
    /// whether it did; if not, nothing has happened. For `cache` see [`TableRef::get_str_cached`].
    ///
    /// # Safety
    /// The table and the string are live, the table is one of this heap, the string is interned, and the value is valid.
    #[inline(always)]
    pub unsafe fn store_str_cached(self, heap: &mut Heap, key: StringRef, value: Slot, cache: &mut u32) -> bool {
        // SAFETY: as for `get_str_cached`. The node is the key's own, so that writing its value is all there is to do.
        unsafe {
            let mut node = self.node((*cache & (*self.as_ptr()).node_mask) as usize);
            if (*node).key != key.payload() || (*node).key_tag != Tag::STRING.0 as u32 {
                match self.find_interned_cached(key, cache) {
                    Some(found) => node = found.as_ptr(),
                    None => return false,
                }
            }
            if (*node).value.is_nil() {
                return false;
            }
            (*node).value = value;
            heap.barrier_for(self.header(), value);
            true
        }
    }

    /// Sets the value of a string key; nil removes it.
    ///
    /// # Safety
    /// The table and the string are live and of this heap; the value is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn set_str(self, heap: &mut Heap, key: StringRef, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe { self.set_hashed(heap, key.slot(), value) }
    }

    // ---- any key --------------------------------------------------------------------------------------------------------

    /// The value of a key, or nil.
    ///
    /// # Safety
    /// The table is live; the key is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn get(self, key: Slot) -> Slot {
        // SAFETY: the caller says so.
        unsafe {
            match Tag(key.tag) {
                Tag::I64 => self.get_int(key.payload as i64),
                Tag::STRING => self.get_str(StringRef::from_payload(key.payload)),
                Tag::NIL => Slot::NIL,
                _ => match normalise(key) {
                    Slot { payload, tag } if tag == Tag::I64.0 => self.get_int(payload as i64),
                    key => self.find(key).map_or(Slot::NIL, |node| (*node.as_ptr()).value),
                },
            }
        }
    }

    /// Sets the value of a key; nil removes it.
    ///
    /// The table, the key and the value need not be rooted for this.
    ///
    /// # Safety
    /// The table is live and one of this heap; key and value are valid, and what they refer to is live.
    #[inline]
    pub unsafe fn set(self, heap: &mut Heap, key: Slot, value: Slot) -> Result<(), TableError> {
        // SAFETY: the caller says so.
        unsafe {
            let key = normalise(key);
            match Tag(key.tag) {
                Tag::I64 => self.set_int(heap, key.payload as i64, value)?,
                Tag::NIL => return Err(TableError::NilKey),
                Tag::F64 if f64::from_bits(key.payload).is_nan() => return Err(TableError::NanKey),
                _ => self.set_hashed(heap, key, value)?,
            }
            Ok(())
        }
    }

    /// The table's length: an `n` such that key `n` is present (or `n` is 0) and key `n` + 1 is not.
    ///
    /// # Safety
    /// The table is live.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty, reason = "the length of the language, not of a container")]
    pub unsafe fn len(self) -> i64 {
        // SAFETY: the table is live.
        unsafe { i64::from((*self.as_ptr()).array_len) }
    }

    // ---- metatables -----------------------------------------------------------------------------------------------------

    /// The table's metatable.
    ///
    /// # Safety
    /// The table is live.
    #[inline(always)]
    pub unsafe fn metatable(self) -> Option<TableRef> {
        // SAFETY: the table is live, and so is its metatable, then.
        unsafe {
            let metatable = (*self.as_ptr()).metatable;
            (metatable != 0).then(|| TableRef::from_payload(metatable))
        }
    }

    /// Sets or removes the table's metatable. One that has `__gc` by now makes the table be finalized.
    ///
    /// # Safety
    /// Both tables are live and of this heap.
    pub unsafe fn set_metatable(self, heap: &mut Heap, metatable: Option<TableRef>) {
        // SAFETY: both are live.
        unsafe {
            (*self.as_ptr()).metatable = metatable.map_or(0, TableRef::payload);
            heap.metatable_was_set(self.header(), metatable);
        }
    }
}

#[cfg(test)]
mod tests;
