//! Weak tables: ephemerons, and clearing entries whose objects go.
//!
//! Strings count as values here: they are never removed, and kept alive by the entries they stand in.

use lockstep_layout::{ElementKind, NODE_DEAD, Slot};

use super::{Marker, is_string};
use crate::table::{TableRef, key_of};

/// The weak tables that marking has reached.
#[derive(Default)]
pub(super) struct Weak {
    /// Tables with weak values alone.
    pub values: Vec<TableRef>,
    /// Tables with weak keys alone.
    pub ephemerons: Vec<TableRef>,
    /// Tables with both.
    pub all: Vec<TableRef>,
}

/// How many tables with weak values are done.
#[derive(Clone, Copy)]
pub(super) struct Cleared {
    values: usize,
    all: usize,
}

impl Marker {
    /// The start for [`Marker::clear_values`].
    pub(super) fn no_weak(&self) -> Cleared {
        Cleared { values: 0, all: 0 }
    }

    /// Marks values of ephemerons whose keys are reached, and what follows from them, until nothing more is.
    ///
    /// # Safety
    /// What is marked is live.
    pub(super) unsafe fn converge(&mut self) {
        loop {
            let mut marked = false;
            // Marking may find more weak tables, which are behind the end.
            let mut index = 0;
            while index < self.weak.ephemerons.len() {
                let table = self.weak.ephemerons[index];
                // SAFETY: the table is marked, hence live.
                marked |= unsafe { self.trace_ephemerons(table) };
                index += 1;
            }
            // SAFETY: as above.
            unsafe { self.propagate() };
            if !marked {
                return;
            }
        }
    }

    /// Removes entries with values that are not reached from tables with weak values, those before `from` excepted. Answers the number
    /// of tables there are.
    ///
    /// # Safety
    /// What is marked is live, and nothing is freed yet.
    pub(super) unsafe fn clear_values(&mut self, from: Cleared) -> Cleared {
        let done = Cleared { values: self.weak.values.len(), all: self.weak.all.len() };
        for index in from.values..done.values {
            // SAFETY: the table is marked, hence live.
            unsafe { self.clear_values_of(self.weak.values[index]) };
        }
        for index in from.all..done.all {
            // SAFETY: as above.
            unsafe { self.clear_values_of(self.weak.all[index]) };
        }
        done
    }

    /// # Safety
    /// As for `clear_values`; the table is live.
    unsafe fn clear_values_of(&mut self, table: TableRef) {
        // SAFETY: the caller says so.
        unsafe {
            let header = table.as_ptr();
            if (*header).element_kind == ElementKind::Mixed as u8 {
                let elements = (*header).array as *mut Slot;
                for index in 0..(*header).array_len as usize {
                    if self.is_cleared(*elements.add(index)) {
                        *elements.add(index) = Slot::NIL;
                    }
                }
                table.trim();
            }
            for node in table.nodes() {
                if self.is_cleared((*node).value) {
                    (*node).value = Slot::NIL;
                    if key_of(node).is_object() {
                        (*node).key_tag = NODE_DEAD;
                    }
                }
            }
        }
    }

    /// Removes entries with keys that are not reached from tables with weak keys.
    ///
    /// # Safety
    /// As for `clear_values`.
    pub(super) unsafe fn clear_keys(&mut self) {
        for list in [self.weak.ephemerons.len(), self.weak.all.len()].into_iter().enumerate() {
            let (which, len) = list;
            for index in 0..len {
                let table = if which == 0 { self.weak.ephemerons[index] } else { self.weak.all[index] };
                // SAFETY: the table is marked, hence live; keys of entries are not freed yet.
                unsafe {
                    for node in table.nodes() {
                        let cleared = self.is_cleared(key_of(node)) && !crate::planted!("weak-key");
                        if !(*node).value.is_nil() && cleared {
                            (*node).value = Slot::NIL;
                            (*node).key_tag = NODE_DEAD;
                        }
                    }
                }
            }
        }
    }

    /// Whether an entry with this key or value goes. A string stays, and is marked for it.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is not freed.
    unsafe fn is_cleared(&mut self, value: Slot) -> bool {
        // SAFETY: the caller says so.
        unsafe {
            if is_string(value.tag) {
                self.mark(value);
                return false;
            }
            Marker::is_white(value)
        }
    }
}
