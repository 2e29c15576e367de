//! Traversal of tables: the array part in order, then the hash part node by node.
//!
//! A position stays valid while entries are changed or removed, and no key is added.

use lockstep_layout::{NODE_DEAD, Slot};

use super::rehash::key_of;
use super::{TableError, TableRef, has_nodes, normalise};

/// One entry of a traversal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where the traversal goes on.
    pub position: u64,
    /// The key.
    pub key: Slot,
    /// The value, which is not nil.
    pub value: Slot,
}

impl TableRef {
    /// The first entry at or behind a position; a traversal starts at position 0.
    ///
    /// # Safety
    /// The table is live.
    pub unsafe fn entry_from(self, position: u64) -> Option<Entry> {
        // SAFETY: the table is live; indices are compared with the parts' sizes before use.
        unsafe {
            let table = self.as_ptr();
            let mut position = position;
            while position < u64::from((*table).array_len) {
                let value = self.element(position as usize);
                position += 1;
                if !value.is_nil() {
                    return Some(Entry { position, key: Slot::i64(position as i64), value });
                }
            }
            // Positions of the array part end at its capacity, so that a length that shrinks moves nothing.
            let capacity = u64::from((*table).array_capacity);
            let count = if has_nodes(&*table) { u64::from((*table).node_mask) + 1 } else { 0 };
            let mut index = position.saturating_sub(capacity);
            while index < count {
                let node = self.node(index as usize);
                index += 1;
                if !(*node).value.is_nil() {
                    return Some(Entry { position: capacity + index, key: key_of(node), value: (*node).value });
                }
            }
            None
        }
    }

    /// The position behind a key's entry, or that of the start for nil.
    ///
    /// # Safety
    /// The table is live; the key is valid, and what it refers to is live.
    pub unsafe fn position_behind(self, key: Slot) -> Result<u64, TableError> {
        if key.is_nil() {
            return Ok(0);
        }
        let key = normalise(key);
        // SAFETY: the caller says so.
        unsafe {
            let capacity = u64::from((*self.as_ptr()).array_capacity);
            let index = key.as_i64().map_or(u64::MAX, |integer| (integer as u64).wrapping_sub(1));
            if index < u64::from((*self.as_ptr()).array_len) {
                return Ok(index + 1);
            }
            match self.find(key).map(|node| node.as_ptr().cast_const()).or_else(|| self.find_dead(key)) {
                Some(node) => Ok(capacity + node.offset_from_unsigned(self.node(0)) as u64 + 1),
                // The element was removed on the way, and the length has shrunk below it.
                None if index < capacity => Ok(index + 1),
                None => Err(TableError::NoSuchKey),
            }
        }
    }

    /// The entry that follows a key's in the traversal; the first for nil.
    ///
    /// # Safety
    /// As for [`TableRef::position_behind`].
    pub unsafe fn next(self, key: Slot) -> Result<Option<(Slot, Slot)>, TableError> {
        // SAFETY: the caller says so.
        unsafe {
            let entry = self.entry_from(self.position_behind(key)?);
            Ok(entry.map(|entry| (entry.key, entry.value)))
        }
    }

    /// The node whose entry was removed before its key, an object, was found unreachable but for the traversal.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn find_dead(self, key: Slot) -> Option<*const lockstep_layout::Node> {
        // SAFETY: the indices are those of the table's nodes.
        unsafe {
            let count = if has_nodes(&*self.as_ptr()) { (*self.as_ptr()).node_mask as usize + 1 } else { 0 };
            let mut nodes = (0..count).map(|index| self.node(index).cast_const());
            nodes.find(|&node| (*node).key_tag == NODE_DEAD && (*node).key == key.payload && key.is_object())
        }
    }
}
