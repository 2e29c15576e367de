//! Tests of the collector.

mod cases;
mod model;

use std::collections::BTreeSet;

use lockstep_layout::{ObjectHeader, Slot};

use super::*;

/// Roots that are a list of values.
#[derive(Default)]
struct List {
    values: Vec<Slot>,
    /// First upvalue of a list of open ones.
    open: u64,
    finished: u32,
    waiting: usize,
}

impl Roots for List {
    fn trace(&mut self, marker: &mut Marker) {
        for &value in &self.values {
            // SAFETY: tests put live values there.
            unsafe { marker.mark(value) };
        }
    }

    fn prune(&mut self) {
        // SAFETY: tests put live upvalues there.
        self.open = unsafe { crate::UpvalueRef::prune_open(self.open) };
    }

    fn finished(&mut self, finalizers: usize) {
        self.finished += 1;
        self.waiting = finalizers;
    }
}

/// A heap and its roots. The roots are used by address, as a VM would.
struct Bed {
    heap: Heap,
    list: *mut List,
}

impl Bed {
    fn new(limit: u64) -> Bed {
        let mut heap = Heap::new(limit);
        let list = Box::into_raw(Box::<List>::default());
        // SAFETY: the list lives as long as the heap, and tests root what they hold.
        unsafe { heap.set_roots(Some(list)) };
        // Tests say themselves when to collect.
        heap.set_pacing(Pacing { least: u64::MAX, ..Pacing::default() });
        Bed { heap, list }
    }

    #[expect(
        clippy::mut_from_ref,
        reason = "the list is outside the heap, and nobody else holds a reference meanwhile"
    )]
    fn list(&self) -> &mut List {
        // SAFETY: the list lives until `drop`; collections use it only while no test does.
        unsafe { &mut *self.list }
    }

    fn root(&self, value: Slot) {
        self.list().values.push(value);
    }

    fn collect(&mut self) {
        self.heap.collect(Cause::Explicit);
    }

    /// The addresses of all objects on the heap.
    fn objects(&self) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let mut object = self.heap.first;
        while !object.is_null() {
            assert!(found.insert(object as u64));
            // SAFETY: the list holds live objects.
            object = unsafe { (*object).next } as *mut ObjectHeader;
        }
        assert_eq!(found.len() as u64, self.heap.usage.objects.iter().sum::<u64>());
        found
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // SAFETY: the heap no longer uses the list, which was a box's.
        unsafe {
            self.heap.set_roots(None);
            drop(Box::from_raw(self.list));
        }
    }
}
