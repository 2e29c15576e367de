//! The hash part of tables: finding nodes, and adding keys.
//!
//! Nodes are chained within the part, starting at the node that a key's hash names (its *main* node). A key that finds its
//! main node taken by a key that belongs elsewhere moves that one away (Brent's variation, as in Lua 5.0's implementation:
//! Ierusalimschy, de Figueiredo, Celes, "The Implementation of Lua 5.0", 2005), so that chains stay short even in a full part.

use std::ptr::NonNull;

use lockstep_layout::{NODE_UNUSED, Node, ObjectHeader, Slot, TableFlags, Tag};

use super::{TableRef, has_nodes};
use crate::heap::{Heap, OutOfMemory};
use crate::string::StringRef;

/// Mixes a word into a hash whose low bits depend on all of it.
fn mix(word: u64) -> u32 {
    let mixed = (word ^ word >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// The main node of an integer key: a remainder by an odd number, so that both consecutive keys and multiples of a power of two
/// spread, and consecutive ones lie side by side.
#[inline]
fn main_of_integer(key: u64, mask: u32) -> usize {
    let divisor = mask | 1;
    // A division of 32 bits takes less time.
    match u32::try_from(key) {
        Ok(key) => (key % divisor) as usize,
        Err(_) => (key % u64::from(divisor)) as usize,
    }
}

/// Index of the main node of a normalised key in a part with this mask; `None` for an object that has never been a key of any
/// table.
///
/// # Safety
/// The key is valid, and what it refers to is live.
#[inline]
unsafe fn main_index(key: Slot, mask: u32) -> Option<usize> {
    let hash = match Tag(key.tag) {
        // SAFETY: the caller says so.
        Tag::STRING => unsafe { StringRef::from_payload(key.payload).hash() },
        Tag::I64 => return Some(main_of_integer(key.payload, mask)),
        _ if key.is_object() => {
            // SAFETY: the caller says so.
            let number = unsafe { (*(key.payload as *const ObjectHeader)).aux };
            if number == 0 {
                return None;
            }
            number
        }
        _ => mix(key.payload),
    };
    Some((hash & mask) as usize)
}

/// Whether a node has this normalised key.
///
/// # Safety
/// The node is one of a live table; the key is valid, and what it refers to is live.
#[inline]
unsafe fn has_key(node: *const Node, key: Slot) -> bool {
    // SAFETY: keys of nodes that say they have a string refer to live strings.
    unsafe {
        if u64::from((*node).key_tag) != key.tag {
            return false;
        }
        (*node).key == key.payload
            || (key.is(Tag::STRING) && StringRef::from_payload((*node).key).same(StringRef::from_payload(key.payload)))
    }
}

impl TableRef {
    /// The node at an index.
    ///
    /// # Safety
    /// The table is live, and the index at most its mask.
    #[inline(always)]
    pub(super) unsafe fn node(self, index: usize) -> *mut Node {
        // SAFETY: the table has a node there, if only the one that all tables without nodes share.
        unsafe { ((*self.as_ptr()).nodes as *mut Node).add(index) }
    }

    /// Follows a chain to the node for which `found` holds.
    ///
    /// # Safety
    /// The table is live, and `main` at most its mask.
    #[inline(always)]
    unsafe fn search(self, main: usize, found: impl Fn(*const Node) -> bool) -> Option<NonNull<Node>> {
        // SAFETY: chains lead from node to node of the table.
        unsafe {
            let mut node = self.node(main);
            loop {
                if found(node) {
                    return Some(NonNull::new_unchecked(node));
                }
                let next = (*node).next;
                if next == 0 {
                    return None;
                }
                node = node.offset(next as isize);
            }
        }
    }

    /// The node that has this normalised key, be its value nil or not.
    ///
    /// # Safety
    /// The table is live; the key is valid, and what it refers to is live.
    pub(super) unsafe fn find(self, key: Slot) -> Option<NonNull<Node>> {
        // SAFETY: the caller says so.
        unsafe { self.search(main_index(key, (*self.as_ptr()).node_mask)?, |node| has_key(node, key)) }
    }

    /// The node that has this key, an interned string.
    ///
    /// # Safety
    /// The table and the string are live.
    #[inline(always)]
    pub(super) unsafe fn find_interned(self, key: StringRef) -> Option<NonNull<Node>> {
        // SAFETY: both are live; an interned string has its hash.
        unsafe {
            let main = (*key.header()).aux & (*self.as_ptr()).node_mask;
            self.search(main as usize, |node| (*node).key == key.payload() && (*node).key_tag == Tag::STRING.0 as u32)
        }
    }

    /// As [`TableRef::find_interned`], and makes the cache remember the node.
    ///
    /// # Safety
    /// As for [`TableRef::find_interned`].
    #[inline(always)]
    pub(super) unsafe fn find_interned_cached(self, key: StringRef, cache: &mut u32) -> Option<NonNull<Node>> {
        // SAFETY: the caller says so; the node is one of the table's.
        unsafe {
            let node = self.find_interned(key)?;
            let index = node.as_ptr().offset_from_unsigned(self.node(0)) as u32;
            // Above the mask the hash stays: in tables of other sizes the key is likely where its hash says.
            let mask = (*self.as_ptr()).node_mask;
            *cache = ((*key.header()).aux & !mask) | index;
            Some(node)
        }
    }

    /// The value of an integer key beyond the array part, or nil.
    ///
    /// # Safety
    /// The table is live.
    #[inline(never)]
    pub(super) unsafe fn get_int_hashed(self, key: i64) -> Slot {
        // SAFETY: the table is live.
        unsafe {
            if (*self.header()).flags & TableFlags::HASHED_INTEGERS == 0 {
                return Slot::NIL;
            }
            let key = Slot::i64(key);
            let found = self.search(main_of_integer(key.payload, (*self.as_ptr()).node_mask), |node| {
                (*node).key == key.payload && u64::from((*node).key_tag) == key.tag
            });
            found.map_or(Slot::NIL, |node| (*node.as_ptr()).value)
        }
    }

    /// Sets a normalised key that does not belong to the array part.
    ///
    /// # Safety
    /// The table is live and one of this heap; key and value are valid, the key neither nil nor NaN, and what they refer to
    /// is live.
    pub(super) unsafe fn set_hashed(self, heap: &mut Heap, key: Slot, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe {
            match self.find(key) {
                Some(node) => {
                    if (*node.as_ptr()).value.is_nil() && !crate::planted!("absence-kept") {
                        (*self.as_ptr()).absent = 0;
                    }
                    (*node.as_ptr()).value = value;
                    if !crate::planted!("missing-barrier") {
                        heap.barrier_for(self.header(), value);
                    }
                    Ok(())
                }
                None if value.is_nil() => Ok(()),
                None => {
                    if main_index(key, 0).is_none() {
                        (*(key.payload as *mut ObjectHeader)).aux = heap.key_number();
                    }
                    if !self.insert(key, value) {
                        return self.add_slow(heap, key, value);
                    }
                    heap.barrier_for(self.header(), key);
                    heap.barrier_for(self.header(), value);
                    Ok(())
                }
            }
        }
    }

    /// Adds an entry for a key that has no node, in a table that has no unused node.
    ///
    /// # Safety
    /// As for [`TableRef::set_hashed`], and the key has a hash.
    #[cold]
    #[inline(never)]
    unsafe fn add_slow(self, heap: &mut Heap, key: Slot, value: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so; what is kept survives the collections that a rehash may cause.
        unsafe {
            let kept = heap.kept();
            for slot in [self.slot(), key, value] {
                heap.keep(slot);
            }
            let done = self.rehash(heap, key);
            heap.release_to(kept);
            done?;
            // The key may belong to the array part now.
            if let Some(integer) = key.as_i64()
                && (integer as u64).wrapping_sub(1) <= u64::from((*self.as_ptr()).array_len)
            {
                return self.set_int(heap, integer, value);
            }
            let inserted = self.insert(key, value);
            assert!(inserted, "a rehash makes room");
            heap.barrier_for(self.header(), key);
            heap.barrier_for(self.header(), value);
            Ok(())
        }
    }

    /// Adds an entry for a key that has no node, if an unused node can be found. Answers whether it did.
    ///
    /// # Safety
    /// The table is live; key and value are valid, the key has a hash, and what they refer to is live.
    pub(super) unsafe fn insert(self, key: Slot, value: Slot) -> bool {
        // SAFETY: the caller says so. All nodes that are touched are the table's own: `free` and `main` by index, the others
        // along chains. `NO_NODE` is not written, as there is no unused node then.
        unsafe {
            let table = self.as_ptr();
            if !has_nodes(&*table) {
                return false;
            }
            let main = self.node(main_index(key, (*table).node_mask).expect("a key has a main node"));
            let node = if (*main).value.is_nil() {
                // Unused, or left by an entry that was removed; in the latter case it stays in its chain.
                main
            } else {
                let Some(free) = self.take_unused() else { return false };
                let (free, main_of_other) = (free.as_ptr(), self.main_of(main));
                if main_of_other == main {
                    (*free).next = match (*main).next {
                        0 => 0,
                        next => (main.offset(next as isize)).offset_from(free) as i32,
                    };
                    (*main).next = free.offset_from(main) as i32;
                    free
                } else {
                    let mut previous = main_of_other;
                    while previous.offset((*previous).next as isize) != main {
                        previous = previous.offset((*previous).next as isize);
                    }
                    (*previous).next = free.offset_from(previous) as i32;
                    *free = *main;
                    if (*main).next != 0 {
                        (*free).next += main.offset_from(free) as i32;
                        (*main).next = 0;
                    }
                    main
                }
            };
            (*node).key = key.payload;
            (*node).key_tag = key.tag as u32;
            (*node).value = value;
            if !crate::planted!("absence-kept") {
                (*table).absent = 0;
            }
            if key.is(Tag::I64) {
                (*self.header()).flags |= TableFlags::HASHED_INTEGERS;
            }
            true
        }
    }

    /// The main node of the key of a node whose value is not nil.
    ///
    /// # Safety
    /// The table is live, and the node one of it.
    unsafe fn main_of(self, node: *const Node) -> *mut Node {
        // SAFETY: a node with a value has a key that is live.
        unsafe {
            let key = Slot { payload: (*node).key, tag: u64::from((*node).key_tag) };
            self.node(main_index(key, (*self.as_ptr()).node_mask).expect("a key has a main node"))
        }
    }

    /// A node that never had a key since the last rehash.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn take_unused(self) -> Option<NonNull<Node>> {
        // SAFETY: the indices are below `node_free`, which is at most the number of nodes.
        unsafe {
            let table = self.as_ptr();
            while (*table).node_free > 0 {
                (*table).node_free -= 1;
                let node = self.node((*table).node_free as usize);
                if (*node).key_tag == NODE_UNUSED {
                    return NonNull::new(node);
                }
            }
            None
        }
    }
}
