//! VM stacks: chains of segments in which frames lie. A frame never moves while it runs and never spans segments.
//!
//! The first segment of the main stack is large and committed lazily by the host, so that ordinary programs never chain.

use std::alloc::{Layout, alloc_zeroed, dealloc};

use lockstep_layout::frame_size;

use crate::heap::OutOfMemory;

/// No frame is larger: registers are numbered by a byte.
pub const MAX_FRAME_SIZE: usize = frame_size(256) as usize;

/// Alignment of segments, and so of frames.
const ALIGN: usize = 16;

/// One stack: a chain of segments, the last of which is current.
#[derive(Debug)]
pub struct Stack {
    segments: Vec<Segment>,
    /// The segment left last, kept so that a loop that calls across a segment's end does not allocate each time.
    spare: Option<Segment>,
    chained_size: usize,
}

#[derive(Debug)]
struct Segment {
    base: *mut u8,
    size: usize,
}

impl Segment {
    /// A segment of zeroes.
    fn zeroed(size: usize) -> Result<Segment, OutOfMemory> {
        let layout = Layout::from_size_align(size, ALIGN).map_err(|_| OutOfMemory)?;
        // SAFETY: the layout is not empty: callers ask for at least a frame.
        let base = unsafe { alloc_zeroed(layout) };
        if base.is_null() { Err(OutOfMemory) } else { Ok(Segment { base, size }) }
    }

    fn end(&self) -> u64 {
        self.base as u64 + self.size as u64
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: `base` was allocated by `new` with this size and alignment.
        unsafe { dealloc(self.base, Layout::from_size_align_unchecked(self.size, ALIGN)) }
    }
}

impl Stack {
    /// A stack whose first segment has `first` bytes and each further one `chained` bytes; either holds at least one frame, the first a slot more.
    pub fn new(first: usize, chained: usize) -> Result<Stack, OutOfMemory> {
        let first = Segment::zeroed(first.max(MAX_FRAME_SIZE + size_of::<lockstep_layout::Slot>()))?;
        Ok(Stack { segments: vec![first], spare: None, chained_size: chained.max(MAX_FRAME_SIZE) })
    }

    /// A small stack, for a coroutine: its first segment has room for `first` bytes, and further ones are larger and larger.
    pub fn small(first: usize) -> Result<Stack, OutOfMemory> {
        let first = Segment::zeroed(first.max(Self::SMALL))?;
        Ok(Stack { segments: vec![first], spare: None, chained_size: 0 })
    }

    /// Bytes of the first segment of a small stack.
    pub const SMALL: usize = 1008;

    /// Bytes of all segments.
    pub fn bytes(&self) -> usize {
        self.segments.iter().chain(&self.spare).map(|segment| segment.size).sum()
    }

    /// Address of the first frame.
    pub fn base(&self) -> u64 {
        self.segments[0].base as u64
    }

    /// First address behind the current segment.
    pub fn end(&self) -> u64 {
        self.segments.last().expect("a stack has a segment").end()
    }

    /// Number of segments in the chain.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// By how many bytes [`Stack::push`] with the same argument makes the stack larger.
    pub fn growth(&self, least: usize) -> usize {
        let is_there = self.spare.as_ref().is_some_and(|spare| spare.size >= least);
        if is_there { 0 } else { self.next_size(least) }
    }

    /// The size of a new segment of at least `least` bytes.
    fn next_size(&self, least: usize) -> usize {
        let usual = match self.chained_size {
            0 => (self.bytes() * 2).clamp(MAX_FRAME_SIZE, 1 << 20),
            size => size,
        };
        usual.max(least)
    }

    /// Chains a segment of at least `least` bytes, which becomes the current one, and returns the address of its first frame.
    pub fn push(&mut self, least: usize) -> Result<u64, OutOfMemory> {
        let segment = match self.spare.take_if(|spare| spare.size >= least) {
            Some(segment) => segment,
            None => Segment::zeroed(self.next_size(least))?,
        };
        let base = segment.base as u64;
        self.segments.push(segment);
        Ok(base)
    }

    /// Leaves the current segment, which must be a chained one.
    pub fn pop(&mut self) {
        assert!(self.segments.len() > 1, "the first segment of a stack is never left");
        self.spare = self.segments.pop();
    }

    /// Leaves all chained segments.
    pub fn reset(&mut self) {
        self.segments.truncate(1);
        self.spare = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_chain_and_are_reused() {
        let mut stack = Stack::new(1024, 8192).unwrap();
        let least = MAX_FRAME_SIZE + size_of::<lockstep_layout::Slot>();
        assert_eq!(stack.end() - stack.base(), least as u64, "one frame always fits");
        let end = stack.end();
        let first = stack.push(100).unwrap();
        assert_eq!(first % 16, 0);
        assert_eq!(stack.end(), first + 8192);
        stack.pop();
        assert_eq!(stack.end(), end);
        assert_eq!(stack.push(100), Ok(first), "the segment left last is kept");
        stack.push(100).unwrap();
        assert_eq!(stack.segments(), 3);
        stack.reset();
        assert_eq!((stack.segments(), stack.end()), (1, end));
    }
}
