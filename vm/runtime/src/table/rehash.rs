//! Making room in tables: the size of both parts follows from the keys there are.

use lockstep_layout::{ElementKind, NODE_DEAD, NODE_SIZE, NODE_UNUSED, Node, Slot, TableFlags};

use super::{TableRef, has_nodes};
use crate::heap::{Heap, OutOfMemory, node_bytes};

/// The most nodes of a hash part: distances between nodes must fit 31 bits.
const MOST_NODES: u64 = 1 << 30;

/// Up to this many entries the hash part is as small as can be; above, an eighth is spare, so that adding and removing by
/// turns does not rehash each time.
const TIGHT: u64 = 8;

/// How many positive integer keys there are in each range from 2^(i-1) (exclusive) to 2^i.
struct Census([u64; 33]);

impl Census {
    fn count(&mut self, key: i64) {
        if (1..=1 << 32).contains(&key) {
            self.0[(64 - (key as u64 - 1).leading_zeros()) as usize] += 1;
        }
    }

    /// Counts the keys 1…`len`.
    fn count_first(&mut self, len: u32) {
        let (mut above, len) = (0, u64::from(len));
        for (power, count) in self.0.iter_mut().enumerate() {
            let upto = len.min(1 << power);
            *count += upto - above;
            above = upto;
        }
    }

    /// The largest power of two `n` such that more than half of the keys 1…`n` exist.
    fn best_size(&self) -> u64 {
        let (mut best, mut keys) = (0, 0);
        for (power, count) in self.0.iter().enumerate() {
            keys += count;
            if keys > (1 << power) / 2 {
                best = 1 << power;
            }
        }
        best
    }
}

/// The number of nodes for so many entries and some more to come.
fn nodes_for(entries: u64) -> Result<u64, OutOfMemory> {
    enough_nodes(if entries <= TIGHT { entries } else { entries + entries / 8 })
}

/// The number of nodes for so many entries.
fn enough_nodes(wanted: u64) -> Result<u64, OutOfMemory> {
    let nodes = if wanted == 0 { 0 } else { wanted.next_power_of_two() };
    if nodes <= MOST_NODES { Ok(nodes) } else { Err(OutOfMemory) }
}

impl TableRef {
    /// Makes room in an empty table for the keys 1…`array` and `hash` others.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    pub(super) unsafe fn prepare(self, heap: &mut Heap, array: u32, hash: u32) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe {
            // The buffer is made when the first element says how large elements are.
            (*self.as_ptr()).array = u64::from(array);
            let nodes = enough_nodes(hash.into())?;
            if nodes != 0 { self.replace_nodes(heap, nodes) } else { Ok(()) }
        }
    }

    /// Chooses the sizes of both parts for the entries there are and one with the normalised key `extra`, and moves entries
    /// accordingly. Afterwards there is an unused node, unless the key is next in the array part.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap; so is the key.
    pub(super) unsafe fn rehash(self, heap: &mut Heap, extra: Slot) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so.
        unsafe {
            let mut entries = 1 + self.entries().count() as u64;
            // Only an integer key can make the array part worth being larger.
            if let Some(extra) = extra.as_i64() {
                let mut census = Census([0; 33]);
                census.count(extra);
                for node in self.entries() {
                    if let Some(key) = key_of(node).as_i64() {
                        census.count(key);
                    }
                }
                self.count_elements(&mut census);
                let size = census.best_size().min(u64::from(u32::MAX - 1));
                if size > u64::from((*self.as_ptr()).array_len) {
                    entries -= self.widen_array(heap, size as u32)?;
                }
            }
            self.replace_nodes(heap, nodes_for(entries)?)
        }
    }

    /// Counts the keys of the array part.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn count_elements(self, census: &mut Census) {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            if (*table).element_kind >= ElementKind::I64 as u8 {
                census.count_first((*table).array_len);
                return;
            }
            for index in 0..(*table).array_len {
                if !self.element(index as usize).is_nil() {
                    census.count(i64::from(index) + 1);
                }
            }
        }
    }

    /// Moves the entries with keys up to `size`, and those that follow without a gap, from the hash part to the array part; answers
    /// how many these are.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    unsafe fn widen_array(self, heap: &mut Heap, size: u32) -> Result<u64, OutOfMemory> {
        let key_upto = |node: *mut Node, last: u32| {
            // SAFETY: the node is one of the live table.
            let key = unsafe { key_of(node) }.as_i64().filter(|key| (1..=i64::from(last)).contains(key));
            key.map(|key| key as u32)
        };
        // SAFETY: the caller says so. What can fail comes first.
        unsafe {
            let table = self.as_ptr();
            let Some(last) = self.entries().filter_map(|node| key_upto(node, size)).max() else { return Ok(0) };
            let last = last + self.waiting(last).0;
            // Between its elements the array part now has keys that are absent, which only two kinds can express.
            let bools = self
                .entries()
                .all(|node| key_upto(node, last).is_none() || (*node).value.is(lockstep_layout::Tag::BOOL));
            if bools && (*table).array_len == 0 {
                self.choose_kind(heap, ElementKind::Bool);
            } else if !(bools && (*table).element_kind == ElementKind::Bool as u8) {
                self.make_mixed(heap)?;
            }
            if last > (*table).array_capacity {
                self.grow_array(heap, size.max(last))?;
            }
            for index in (*table).array_len..last {
                self.write_hole(index);
            }
            (*table).array_len = last;
            let mut moved = 0;
            for node in self.entries() {
                if let Some(key) = key_upto(node, last) {
                    self.fill_hole(key - 1, (*node).value);
                    (*node).value = Slot::NIL;
                    (*node).key_tag = NODE_DEAD;
                    moved += 1;
                }
            }
            // A collection on the way may have cleared weak entries.
            self.trim();
            Ok(moved)
        }
    }

    /// If less than half of a full array part is in use, moves what is out of proportion to the hash part. Answers whether it did. `extra` is
    /// the integer key that is about to be added.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap.
    pub(super) unsafe fn narrow_array(self, heap: &mut Heap, extra: i64) -> Result<bool, OutOfMemory> {
        // SAFETY: the caller says so. What can fail comes first, and leaves the table as it was.
        unsafe {
            let table = self.as_ptr();
            let (kind, len) = ((*table).element_kind, (*table).array_len);
            if kind >= ElementKind::I64 as u8 {
                return Ok(false);
            }
            let mut census = Census([0; 33]);
            self.count_elements(&mut census);
            let used: u64 = census.0.iter().sum();
            if used >= u64::from(len / 2) {
                return Ok(false);
            }
            census.count(extra);
            let mut entries = 1;
            for node in self.entries() {
                entries += 1;
                if let Some(key) = key_of(node).as_i64() {
                    census.count(key);
                }
            }
            // What follows without a gap stays with what is kept: the key behind the last element must be absent.
            let mut size = census.best_size().min(u64::from(len)) as u32;
            while size < len && !self.element(size as usize).is_nil() {
                size += 1;
            }
            if size == len {
                return Ok(false);
            }
            let moving = (size..len).filter(|&index| !self.element(index as usize).is_nil()).count() as u64;
            self.replace_nodes(heap, nodes_for(entries + moving)?)?;
            let len = (*table).array_len;
            for index in size.min(len)..len {
                let value = self.element(index as usize);
                if !value.is_nil() {
                    let inserted = self.insert(Slot::i64(i64::from(index) + 1), value);
                    assert!(inserted, "there is a node for each element that moves");
                }
            }
            (*table).array_len = size.min(len);
            self.trim();
            self.shrink_array(heap);
            Ok(true)
        }
    }

    /// Gives the table a hash part of `count` nodes, none or a power of two, with the entries there are.
    ///
    /// # Safety
    /// The table is live, kept, and one of this heap; there are no more entries than nodes.
    unsafe fn replace_nodes(self, heap: &mut Heap, count: u64) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so. The old nodes are read and freed after the new ones have been put in place.
        unsafe {
            let table = self.as_ptr();
            let buffer = heap.allocate_buffer(count * u64::from(NODE_SIZE))?.cast::<Node>();
            let unused = Node { value: Slot::NIL, key: 0, key_tag: NODE_UNUSED, next: 0 };
            for index in 0..count as usize {
                buffer.add(index).write(unused);
            }
            let old = *table;
            (*self.header()).flags &= !TableFlags::HASHED_INTEGERS;
            if count == 0 {
                (*table).nodes = &raw const super::NO_NODE as u64;
                (*table).node_mask = 0;
            } else {
                (*table).nodes = buffer as u64;
                (*table).node_mask = (count - 1) as u32;
            }
            (*table).node_free = count as u32;
            // The same keys are absent as before.
            let absent = (*table).absent;
            // Backwards, so that entries mostly keep their order.
            for node in entries_of(&old).rev() {
                let inserted = self.insert(key_of(node), (*node).value);
                assert!(inserted, "there are as many nodes as entries");
            }
            (*table).absent = absent;
            heap.free_buffer(old.nodes as *mut u8, node_bytes(&old));
            Ok(())
        }
    }

    /// The nodes with entries.
    ///
    /// # Safety
    /// The table is live, and its hash part is not replaced meanwhile.
    pub(crate) unsafe fn entries(self) -> impl DoubleEndedIterator<Item = *mut Node> {
        // SAFETY: the caller says so.
        unsafe { entries_of(&*self.as_ptr()) }
    }

    /// All nodes.
    ///
    /// # Safety
    /// As for [`TableRef::entries`].
    pub(crate) unsafe fn nodes(self) -> impl DoubleEndedIterator<Item = *mut Node> {
        // SAFETY: the caller says so.
        unsafe { nodes_of(&*self.as_ptr()) }
    }

    /// # Safety
    /// The table is live, its elements are slots or booleans, and there is room for one at `index`.
    unsafe fn write_hole(self, index: u32) {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            if (*table).element_kind == ElementKind::Mixed as u8 {
                *((*table).array as *mut Slot).add(index as usize) = Slot::NIL;
            } else {
                *((*table).array as *mut u8).add(index as usize) = lockstep_layout::BOOL_NIL;
            }
        }
    }

    /// # Safety
    /// As for `write_hole`, and the value fits the kind of elements.
    unsafe fn fill_hole(self, index: u32, value: Slot) {
        // SAFETY: the caller says so.
        unsafe {
            let table = self.as_ptr();
            if (*table).element_kind == ElementKind::Mixed as u8 {
                *((*table).array as *mut Slot).add(index as usize) = value;
            } else {
                *((*table).array as *mut u8).add(index as usize) = value.payload as u8;
            }
        }
    }
}

/// The key of a node.
///
/// # Safety
/// The node is one of a live table.
pub(crate) unsafe fn key_of(node: *const Node) -> Slot {
    // SAFETY: the caller says so.
    unsafe { Slot { payload: (*node).key, tag: u64::from((*node).key_tag) } }
}

/// The nodes of a table's record.
///
/// # Safety
/// The record's nodes exist as long as the iterator is used.
unsafe fn nodes_of(table: &lockstep_layout::TableHeader) -> impl DoubleEndedIterator<Item = *mut Node> {
    let first = table.nodes as *mut Node;
    let count = if has_nodes(table) { table.node_mask as usize + 1 } else { 0 };
    // SAFETY: the indices are those of the record's nodes.
    (0..count).map(move |index| unsafe { first.add(index) })
}

/// The nodes with entries of a table's record.
///
/// # Safety
/// As for [`nodes_of`].
unsafe fn entries_of(table: &lockstep_layout::TableHeader) -> impl DoubleEndedIterator<Item = *mut Node> {
    // SAFETY: the caller says so.
    unsafe { nodes_of(table).filter(|&node| !(*node).value.is_nil()) }
}
