//! Sweeping: freeing what marking has not reached, and what becomes of freed memory.

use std::alloc::{Layout, dealloc};
use std::collections::VecDeque;

use lockstep_layout::{Mark, OBJECT_ALIGN, ObjectHeader};

use crate::heap::Heap;

/// What freed memory is filled with. No object kind has this number.
const POISON: u8 = 0xdb;

/// Bytes of freed memory that are kept under stress.
const KEPT: usize = 32 << 20;

/// Where freed memory goes. In debug builds and under stress it is poisoned, so that whoever uses it finds nonsense; under stress it is also kept for
/// a while, so that the nonsense stays.
#[derive(Debug, Default)]
pub(crate) struct Graveyard {
    keeping: bool,
    kept: VecDeque<(*mut u8, Layout)>,
    bytes: usize,
}

impl Graveyard {
    /// Whether freed memory is overwritten.
    #[inline]
    pub(crate) fn poisons(&self) -> bool {
        cfg!(debug_assertions) || self.keeping
    }

    /// Switches keeping on or off.
    pub(super) fn keep(&mut self, keeping: bool) {
        self.keeping = keeping;
        if !keeping {
            self.shrink_to(0);
        }
    }

    /// Frees memory.
    ///
    /// # Safety
    /// `memory` was allocated with this layout, and nobody uses it afterwards.
    #[inline]
    pub(crate) unsafe fn free(&mut self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the memory up.
        unsafe {
            if self.poisons() {
                memory.write_bytes(POISON, layout.size());
            }
            if !self.keeping {
                dealloc(memory, layout);
                return;
            }
        }
        self.kept.push_back((memory, layout));
        self.bytes += layout.size();
        self.shrink_to(KEPT);
    }

    fn shrink_to(&mut self, most: usize) {
        while self.bytes > most {
            let (memory, layout) = self.kept.pop_front().expect("what is counted is there");
            self.bytes -= layout.size();
            // SAFETY: `free` took the memory over with this layout, and it leaves the list here.
            unsafe { dealloc(memory, layout) };
        }
    }
}

impl Drop for Graveyard {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// The layout of an object or buffer.
///
/// # Safety
/// Something of this size was allocated.
#[inline]
pub(crate) unsafe fn layout(bytes: usize) -> Layout {
    // SAFETY: what was allocated has a valid size.
    unsafe { Layout::from_size_align_unchecked(bytes, OBJECT_ALIGN) }
}

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
