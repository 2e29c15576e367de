//! Raw memory of objects and buffers: small pieces from blocks of the heap's own, large ones from the host, and what becomes of what is
//! freed.
//!
//! Small pieces come in classes of 16 bytes. A freed piece waits on its class's list; what a list lacks is cut off the current block, and
//! blocks go back to the host only with the heap. That costs a program that frees much and then wants other sizes, and makes the life of an
//! object cheaper by a third (docs/runtime.md).

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::collections::VecDeque;
use std::ptr;

use lockstep_layout::OBJECT_ALIGN;

/// The largest small piece.
const SMALL: usize = 512;
/// Classes of small pieces; class `c` has pieces of `16 * c` bytes.
const CLASSES: usize = SMALL / OBJECT_ALIGN + 1;
/// The first block, and the largest: each is twice as large as the one before.
const FIRST_BLOCK: usize = 4 << 10;
const LARGEST_BLOCK: usize = 256 << 10;

/// What freed memory is filled with. No object kind has this number.
const POISON: u8 = 0xdb;
/// Bytes of freed memory that are kept under stress.
const KEPT: usize = 32 << 20;

/// A freed small piece. The link lies behind the byte that says what kind of object was there, so that the poison stays.
#[repr(C)]
struct Free {
    poison: u64,
    next: *mut Free,
}

/// The memory of one heap.
#[derive(Debug)]
pub(crate) struct Memory {
    free: [*mut Free; CLASSES],
    /// What is left of the current block.
    rest: *mut u8,
    rest_bytes: usize,
    blocks: Vec<(*mut u8, Layout)>,
    keeping: bool,
    kept: VecDeque<(*mut u8, usize)>,
    kept_bytes: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            free: [ptr::null_mut(); CLASSES],
            rest: ptr::null_mut(),
            rest_bytes: 0,
            blocks: Vec::new(),
            keeping: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
        }
    }
}

/// The layout of a large piece.
///
/// # Safety
/// The size is neither zero nor above the largest that Rust allows.
unsafe fn layout(bytes: usize) -> Layout {
    // SAFETY: the caller says so, and the alignment is a power of two.
    unsafe { Layout::from_size_align_unchecked(bytes, OBJECT_ALIGN) }
}

impl Memory {
    /// Memory for an object or buffer, aligned for either; null if the host has none.
    ///
    /// # Safety
    /// The size is neither zero nor above the largest that Rust allows.
    #[inline]
    pub unsafe fn allocate(&mut self, bytes: usize) -> *mut u8 {
        // SAFETY: the caller says so; pieces on the lists are free, and of their class's size.
        unsafe {
            if bytes > SMALL {
                return alloc(layout(bytes));
            }
            let class = bytes.div_ceil(OBJECT_ALIGN);
            let piece = self.free[class];
            if piece.is_null() {
                return self.cut(class * OBJECT_ALIGN);
            }
            self.free[class] = (*piece).next;
            piece.cast()
        }
    }

    /// As [`Memory::allocate`], filled with zeroes. Large pieces are not touched for it.
    ///
    /// # Safety
    /// As for [`Memory::allocate`].
    pub unsafe fn allocate_zeroed(&mut self, bytes: usize) -> *mut u8 {
        // SAFETY: the caller says so.
        unsafe {
            if bytes > SMALL {
                return alloc_zeroed(layout(bytes));
            }
            let piece = self.allocate(bytes);
            if !piece.is_null() {
                piece.write_bytes(0, bytes);
            }
            piece
        }
    }

    /// Makes a piece larger, keeping what it holds; null, and nothing has happened, if the host has no memory.
    ///
    /// # Safety
    /// The piece was allocated here with `old` bytes, and its old address is not used afterwards. `new` is larger, and not above the largest size.
    pub unsafe fn grow(&mut self, piece: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: the caller says so.
        unsafe {
            // Where freed memory is poisoned, the old address must not go on to look alive.
            if old > SMALL && !self.poisons() {
                return realloc(piece, layout(old), new);
            }
            let grown = self.allocate(new);
            if !grown.is_null() {
                grown.copy_from_nonoverlapping(piece, old);
                self.free(piece, old);
            }
            grown
        }
    }

    /// Frees a piece. In debug builds and under stress it is poisoned, so that whoever uses it finds nonsense; under stress it is also kept
    /// for a while, so that the nonsense stays.
    ///
    /// # Safety
    /// The piece was allocated here with so many bytes, and nobody uses it afterwards.
    #[inline]
    pub unsafe fn free(&mut self, piece: *mut u8, bytes: usize) {
        // SAFETY: the caller gives the piece up.
        unsafe {
            if self.poisons() {
                piece.write_bytes(POISON, bytes);
            }
            if !self.keeping {
                return self.reuse(piece, bytes);
            }
        }
        self.kept.push_back((piece, bytes));
        self.kept_bytes += bytes;
        self.let_go(KEPT);
    }

    /// Switches keeping of freed memory on or off.
    pub fn keep(&mut self, keeping: bool) {
        self.keeping = keeping;
        if !keeping {
            self.let_go(0);
        }
    }

    fn poisons(&self) -> bool {
        cfg!(debug_assertions) || self.keeping
    }

    fn let_go(&mut self, most: usize) {
        while self.kept_bytes > most {
            let (piece, bytes) = self.kept.pop_front().expect("what is counted is there");
            self.kept_bytes -= bytes;
            // SAFETY: `free` took the piece over with this size, and it leaves the list here.
            unsafe { self.reuse(piece, bytes) };
        }
    }

    /// # Safety
    /// The piece was allocated here with so many bytes, and nobody uses it any more.
    #[inline]
    unsafe fn reuse(&mut self, piece: *mut u8, bytes: usize) {
        // SAFETY: the caller says so; a small piece has room for a link, as its size is rounded up to 16 bytes.
        unsafe {
            if bytes > SMALL {
                dealloc(piece, layout(bytes));
                return;
            }
            let class = bytes.div_ceil(OBJECT_ALIGN);
            let piece = piece.cast::<Free>();
            debug_assert_eq!((*piece).poison as u8, POISON);
            (*piece).next = self.free[class];
            self.free[class] = piece;
        }
    }

    /// A small piece off the current block.
    ///
    /// # Safety
    /// The size is that of a class.
    #[cold]
    #[inline(never)]
    unsafe fn cut(&mut self, bytes: usize) -> *mut u8 {
        if self.rest_bytes < bytes {
            // What is left of the old block is lost: less than a small piece.
            let size = (FIRST_BLOCK << self.blocks.len().min(16)).min(LARGEST_BLOCK);
            // SAFETY: the size is neither zero nor large.
            let (block, layout) = unsafe { (alloc(layout(size)), layout(size)) };
            if block.is_null() {
                return block;
            }
            self.blocks.push((block, layout));
            (self.rest, self.rest_bytes) = (block, size);
        }
        let piece = self.rest;
        // SAFETY: so much is left of the block.
        self.rest = unsafe { piece.add(bytes) };
        self.rest_bytes -= bytes;
        piece
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.let_go(0);
        for &(block, layout) in &self.blocks {
            // SAFETY: the block was allocated with this layout, and with the heap all that lay in it goes.
            unsafe { dealloc(block, layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_overlap_and_come_back() {
        let mut memory = Memory::default();
        let mut pieces: Vec<(*mut u8, usize, u8)> = Vec::new();
        // SAFETY: each piece is written within its size, and freed once with it.
        unsafe {
            for round in 0..3 {
                for bytes in (1..700).chain([10_000, 4 << 20]) {
                    let fill = (bytes % 200) as u8 + round;
                    let piece = memory.allocate(bytes);
                    assert_eq!(piece as usize % OBJECT_ALIGN, 0);
                    piece.write_bytes(fill, bytes);
                    pieces.push((piece, bytes, fill));
                }
                for (index, &(piece, bytes, fill)) in pieces.iter().enumerate() {
                    assert!((0..bytes).all(|at| *piece.add(at) == fill), "{bytes}");
                    if index % 2 == 0 {
                        memory.free(piece, bytes);
                    }
                }
                let mut index = 0;
                pieces.retain(|_| (index += 1, index % 2 == 0).1);
            }
            let blocks = memory.blocks.len();
            for (piece, bytes, _) in pieces.drain(..) {
                memory.free(piece, bytes);
            }
            for bytes in 1..500 {
                memory.allocate(bytes);
            }
            assert_eq!(memory.blocks.len(), blocks, "freed pieces are used again");
        }
    }

    #[test]
    fn growing_keeps_contents_and_zeroed_is_zero() {
        let mut memory = Memory::default();
        // SAFETY: sizes are those the pieces were allocated with.
        unsafe {
            let mut piece = memory.allocate(16);
            piece.write_bytes(7, 16);
            let mut size = 16;
            for new in [32, 48, 512, 513, 2048, 1 << 20] {
                piece = memory.grow(piece, size, new);
                size = new;
                assert!((0..16).all(|at| *piece.add(at) == 7));
            }
            memory.free(piece, size);
            for bytes in [16, 100, 512, 600] {
                let piece = memory.allocate(bytes);
                piece.write_bytes(1, bytes);
                memory.free(piece, bytes);
                let piece = memory.allocate_zeroed(bytes);
                assert!((0..bytes).all(|at| *piece.add(at) == 0));
                memory.free(piece, bytes);
            }
        }
    }

    #[test]
    fn what_is_kept_stays_poisoned() {
        let mut memory = Memory::default();
        memory.keep(true);
        // SAFETY: kept pieces are not reused before they are let go, so that reading them is reading owned memory.
        unsafe {
            let piece = memory.allocate(64);
            memory.free(piece, 64);
            for _ in 0..1000 {
                let other = memory.allocate(64);
                assert_ne!(other, piece);
                memory.free(other, 64);
            }
            assert!((0..64).all(|at| *piece.add(at) == POISON));
            let large = memory.allocate(KEPT + 1);
            memory.free(large, KEPT + 1);
            assert_eq!(memory.kept_bytes, 0, "more than is kept pushes all out");
        }
    }
}
