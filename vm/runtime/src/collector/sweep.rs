//! Sweeping: freeing what marking has not reached.

use lockstep_layout::{Mark, ObjectHeader};

use crate::heap::Heap;

impl Heap {
    /// Frees every object of the current white, and makes all others of the other white, which becomes the current one.
    ///
    /// # Safety
    /// Marking is done; nothing that is not reached will be used any more.
    pub(super) unsafe fn sweep(&mut self) {
        let (dead, alive) = (self.white, self.white ^ Mark::WHITE);
        let mut first = self.first;
        let mut link: *mut u64 = (&raw mut first).cast();
        // SAFETY: the list holds the heap's objects; `link` is the field of one that stays, or `first`.
        unsafe {
            while *link != 0 {
                let object = *link as *mut ObjectHeader;
                if (*object).mark & dead != 0 {
                    *link = (*object).next;
                    self.free_object(object);
                } else {
                    (*object).mark = ((*object).mark & !Mark::BLACK) | alive;
                    link = &raw mut (*object).next;
                }
            }
        }
        self.first = first;
        self.white = alive;
    }
}
