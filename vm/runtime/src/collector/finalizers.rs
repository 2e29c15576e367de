//! Finalizers: which objects have one, and in which order they are run. Running them is the VM's affair.

use lockstep_layout::{Mark, ObjectHeader, Slot};

use super::Marker;
use crate::heap::Heap;

impl Heap {
    /// An object has got a metatable with `__gc`: it will be finalized when it becomes unreachable. Once is enough.
    ///
    /// # Safety
    /// The object is a live table or userdata of this heap.
    pub(crate) unsafe fn register_finalizer(&mut self, object: *mut ObjectHeader) {
        // SAFETY: the object is live.
        unsafe {
            if (*object).mark & Mark::FINALIZER == 0 {
                (*object).mark |= Mark::FINALIZER;
                self.collector.finalizable.push(object);
            }
        }
    }

    /// Queues the unreachable objects with finalizers, youngest registration first, and marks them: they live once more.
    ///
    /// # Safety
    /// Everything reachable is marked, and nothing is freed yet.
    pub(super) unsafe fn queue_finalizers(&mut self, marker: &mut Marker) {
        let first = self.collector.pending.len();
        let pending = &mut self.collector.pending;
        // SAFETY: objects on the list are not freed before they leave it.
        let kept = |&object: &*mut ObjectHeader| unsafe { (*object).mark & Mark::WHITE == 0 };
        for &object in self.collector.finalizable.iter().rev().filter(|&object| !kept(object)) {
            pending.push_back(object);
        }
        self.collector.finalizable.retain(kept);
        self.collector.statistics.finalizers += (pending.len() - first) as u64;
        for &object in pending.iter().skip(first) {
            // SAFETY: the object is not freed, and now it will not be.
            unsafe { marker.mark_address(object as u64) };
        }
    }

    /// How many objects wait for their finalizers to be run.
    pub fn pending_finalizers(&self) -> usize {
        self.collector.pending.len()
    }

    /// The object whose finalizer is to be run next. From now on nothing but the caller keeps it alive, and it has a finalizer again only when it is
    /// given a metatable again.
    pub fn next_finalizer(&mut self) -> Option<Slot> {
        let object = self.collector.pending.pop_front()?;
        // SAFETY: what waits is live, and its tag is that of references to it.
        unsafe {
            (*object).mark &= !Mark::FINALIZER;
            Some(Slot { payload: object as u64, tag: u64::from((*object).tag) })
        }
    }

    /// Queues all objects with finalizers, reachable or not: the program is over.
    pub fn finalize_all(&mut self) {
        let all = std::mem::take(&mut self.collector.finalizable);
        self.collector.statistics.finalizers += all.len() as u64;
        self.collector.pending.extend(all.into_iter().rev());
    }
}
