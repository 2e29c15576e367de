//! Handles: values that the host keeps from one run to the next.

use std::rc::Rc;

use lockstep_layout::Slot;

use crate::heap::Heap;

/// Where a handle's value stands.
pub(crate) type Cell = std::cell::Cell<Slot>;

/// A value that stays alive as long as the host holds a clone of the handle, and the heap lives.
#[derive(Clone, Debug)]
pub struct Handle {
    cell: Rc<Cell>,
    /// Which heap's.
    heap: u64,
}

impl Handle {
    /// The value. What it refers to is live while the heap is.
    pub fn get(&self) -> Slot {
        self.cell.get()
    }

    /// Whether it is a handle of this heap.
    pub fn is_of(&self, heap: &Heap) -> bool {
        self.heap == heap.id
    }

    /// Makes the handle, and all its clones, hold another value.
    ///
    /// # Safety
    /// The value is a valid one of the heap that made the handle, and what it refers to is live.
    pub unsafe fn set(&self, value: Slot) {
        self.cell.set(value);
    }
}

impl Heap {
    /// A handle to a value.
    ///
    /// # Safety
    /// The value is valid, and what it refers to is live and of this heap.
    pub unsafe fn handle(&mut self, value: Slot) -> Handle {
        // Errors hand on values so, one after another: the handle made last is often not held any more.
        if let Some(last) = self.collector.handles.last().filter(|last| Rc::strong_count(last) == 1) {
            last.set(value);
            return Handle { cell: last.clone(), heap: self.id };
        }
        let cell = Rc::new(Cell::new(value));
        self.collector.handles.push(cell.clone());
        Handle { cell, heap: self.id }
    }
}
