//! The heap: every object of a VM on one allocation list, under one memory limit.
//!
//! This file allocates and counts. What objects are is said by the layout crate, what can be done with them by the files of
//! their families, and when they go by the collector. A reference (`StringRef`, `TableRef`, …) is an address and keeps
//! nothing alive: see docs/runtime.md for who must root what and when.

mod array;
mod memory;
mod object;

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use lockstep_layout::{
    ArrayHeader, ClosureHeader, CoroutineHeader, ElementKind, ForeignHeader, Mark, NODE_SIZE, OBJECT_ALIGN,
    ObjectHeader, ObjectKind, Slot, StringHeader, TableHeader, Tag, UpvalueHeader, UserdataHeader, string_size,
};

pub use array::ArrayRef;
pub(crate) use object::reference;

use crate::collector::{Cause, Collector};
use crate::conversion::NumberText;
use crate::metamethod::{Metamethod, Metatables};
use crate::string::StringRef;

/// How many heaps the process has made.
static HEAPS: AtomicU64 = AtomicU64::new(0);

/// Owner of every heap object of a VM.
#[derive(Debug)]
pub struct Heap {
    /// The allocation list, youngest first.
    pub(crate) first: *mut ObjectHeader,
    pub(crate) usage: Usage,
    /// The white of new objects.
    pub(crate) white: u8,
    /// Which heap of the process this is, so that handles of one are not taken for another's.
    pub(crate) id: u64,
    pub(crate) interned: HashTable<StringRef>,
    names: Box<[StringRef]>,
    pub(crate) metatables: Metatables,
    /// What runtime code keeps across allocations.
    pub(crate) temporaries: Vec<Slot>,
    keyed: u32,
    /// Whether NaNs are spelled with their signs, which arithmetic leaves open.
    pub(crate) signed_nan: bool,
    pub(crate) collector: Collector,
    pub(crate) memory: memory::Memory,
}

/// What is allocated, and how much may be.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    /// Bytes of objects and their buffers.
    pub used: u64,
    /// Bytes that the host holds for the program elsewhere.
    pub external: u64,
    /// What both may be together.
    pub limit: u64,
    /// As long as `used` stays below, an allocation needs no second look.
    pub unchecked: u64,
    /// Objects by kind.
    pub objects: [u64; ObjectKind::ALL.len()],
    /// Bytes by kind, buffers included.
    pub bytes: [u64; ObjectKind::ALL.len()],
    /// Objects and buffers allocated since the heap was made.
    pub allocations: u64,
}

/// An allocation would exceed the memory limit, or the host has no more memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

impl Heap {
    /// The largest allocation: Rust's own limit for one object.
    pub(crate) const LARGEST: u64 = isize::MAX as u64 - 64;

    /// An empty heap that may hold `limit` bytes of objects, headers included. What the heap allocates for itself does not
    /// count.
    pub fn new(limit: u64) -> Heap {
        let usage = Usage {
            used: 0,
            external: 0,
            limit: u64::MAX,
            unchecked: Heap::LARGEST,
            objects: [0; ObjectKind::ALL.len()],
            bytes: [0; ObjectKind::ALL.len()],
            allocations: 0,
        };
        let mut heap = Heap {
            first: std::ptr::null_mut(),
            usage: usage.clone(),
            white: Mark::WHITE_0,
            id: HEAPS.fetch_add(1, Ordering::Relaxed),
            interned: HashTable::new(),
            names: Box::default(),
            metatables: Metatables::default(),
            temporaries: Vec::new(),
            keyed: 0,
            signed_nan: false,
            collector: Collector::default(),
            memory: memory::Memory::default(),
        };
        heap.names = Metamethod::ALL.iter().map(|event| heap.fixed_string(event.name())).collect();
        heap.usage = Usage { limit, ..usage };
        heap.plan();
        heap
    }

    /// A string that lives as long as the heap: it is not on the allocation list.
    fn fixed_string(&mut self, text: &str) -> StringRef {
        let string = self.new_string(text.as_bytes()).expect("the host has memory for a name");
        debug_assert_eq!(self.first, string.header(), "names differ, so that each is a new string");
        // SAFETY: the string was just made, and stands first on the list.
        unsafe {
            (*string.header()).mark = Mark::FIXED;
            self.first = (*string.header()).next as *mut ObjectHeader;
        }
        string
    }

    /// The interned name of a metamethod.
    #[inline(always)]
    pub fn name(&self, event: Metamethod) -> StringRef {
        self.names[event as usize]
    }

    /// Sets the memory limit to so many bytes above what is in use.
    pub fn limit_from_here(&mut self, bytes: u64) {
        self.usage.limit = self.usage.used.saturating_add(bytes);
        self.plan();
    }

    /// Bytes in use, headers and buffers included.
    pub fn used(&self) -> u64 {
        self.usage.used
    }

    /// The spelling of an integer or a float, as this heap spells NaNs; `None` for anything else.
    pub fn number_text(&self, value: Slot) -> Option<NumberText> {
        NumberText::of(value, self.signed_nan)
    }

    /// Bytes that may still be allocated.
    pub fn available(&self) -> u64 {
        self.usage.limit.saturating_sub(self.usage.used).saturating_sub(self.usage.external)
    }

    /// Counts memory that the host takes for the program outside the heap (output, stacks) towards the limit. It may collect to
    /// make room.
    pub fn charge_external(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        if bytes > self.available() {
            self.collect(Cause::Limit);
        }
        if bytes > self.available() {
            return Err(OutOfMemory);
        }
        self.usage.external += bytes;
        self.plan();
        Ok(())
    }

    /// Takes back what [`Heap::charge_external`] has counted.
    pub fn discharge_external(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.usage.external, "no more comes back than was taken");
        self.usage.external = self.usage.external.saturating_sub(bytes);
        self.plan();
    }

    // ---- roots of runtime code ------------------------------------------------------------------------------------------

    /// Keeps a value alive until [`Heap::release_to`] goes back behind it.
    #[inline]
    pub fn keep(&mut self, value: Slot) {
        self.temporaries.push(value);
    }

    /// A value that is kept, counted from the first.
    #[inline]
    pub fn kept_value(&self, index: usize) -> Slot {
        self.temporaries[index]
    }

    /// The values that are kept from number `first` on.
    pub fn kept_from(&self, first: usize) -> &[Slot] {
        &self.temporaries[first..]
    }

    /// How many values are kept now; for [`Heap::release_to`].
    #[inline]
    pub fn kept(&self) -> usize {
        self.temporaries.len()
    }

    /// Keeps no longer what was kept since there were `count` values.
    #[inline]
    pub fn release_to(&mut self, count: usize) {
        debug_assert!(count <= self.temporaries.len(), "values are released in reverse order");
        self.temporaries.truncate(count);
    }

    // ---- allocation -----------------------------------------------------------------------------------------------------

    /// Accounts for an allocation that is about to be made. This is where a collection may happen.
    #[inline]
    fn reserve(&mut self, kind: ObjectKind, bytes: u64) -> Result<(), OutOfMemory> {
        self.usage.allocations += 1;
        if self.usage.used.saturating_add(bytes) > self.usage.unchecked {
            self.make_room(bytes)?;
        }
        self.usage.used += bytes;
        self.usage.bytes[kind as usize - 1] += bytes;
        Ok(())
    }

    /// Counts memory that the host has allocated for an object of this kind towards the limit.
    pub(crate) fn charge(&mut self, kind: ObjectKind, bytes: u64) -> Result<(), OutOfMemory> {
        self.reserve(kind, bytes)
    }

    /// Takes back an account.
    #[inline]
    pub(crate) fn unreserve(&mut self, kind: ObjectKind, bytes: u64) {
        self.usage.used -= bytes;
        self.usage.bytes[kind as usize - 1] -= bytes;
    }

    /// Allocates an object of `bytes` bytes, writes its common header, and puts it on the list. All else is uninitialised.
    ///
    /// The caller initialises the object before anything else is allocated.
    #[inline]
    pub(crate) fn allocate(
        &mut self,
        kind: ObjectKind,
        tag: Tag,
        bytes: u64,
    ) -> Result<NonNull<ObjectHeader>, OutOfMemory> {
        self.allocate_by(memory::Memory::allocate, kind, tag, bytes)
    }

    /// As [`Heap::allocate`], with zeroes behind the common header. Large ones are not touched for it.
    pub(crate) fn allocate_zeroed(
        &mut self,
        kind: ObjectKind,
        tag: Tag,
        bytes: u64,
    ) -> Result<NonNull<ObjectHeader>, OutOfMemory> {
        self.allocate_by(memory::Memory::allocate_zeroed, kind, tag, bytes)
    }

    #[inline(always)]
    fn allocate_by(
        &mut self,
        allocator: unsafe fn(&mut memory::Memory, usize) -> *mut u8,
        kind: ObjectKind,
        tag: Tag,
        bytes: u64,
    ) -> Result<NonNull<ObjectHeader>, OutOfMemory> {
        debug_assert!(bytes >= size_of::<ObjectHeader>() as u64);
        self.reserve(kind, bytes)?;
        // SAFETY: the size is not zero and below the largest.
        let object = unsafe { allocator(&mut self.memory, bytes as usize) };
        let Some(object) = NonNull::new(object.cast::<ObjectHeader>()) else {
            self.unreserve(kind, bytes);
            return Err(OutOfMemory);
        };
        let header = ObjectHeader {
            kind: kind as u8,
            mark: self.white,
            tag: tag.0 as u8,
            flags: 0,
            aux: 0,
            next: self.first as u64,
        };
        // SAFETY: the allocation is aligned and large enough for the header.
        unsafe { object.write(header) };
        self.first = object.as_ptr();
        self.usage.objects[kind as usize - 1] += 1;
        Ok(object)
    }

    /// Allocates a buffer of a table, uninitialised. No bytes give no buffer, and an address that is never used.
    pub(crate) fn allocate_buffer(&mut self, bytes: u64) -> Result<*mut u8, OutOfMemory> {
        if bytes == 0 {
            return Ok(std::ptr::without_provenance_mut(OBJECT_ALIGN));
        }
        self.reserve(ObjectKind::Table, bytes)?;
        // SAFETY: the size is not zero and below the largest.
        let buffer = unsafe { self.memory.allocate(bytes as usize) };
        if buffer.is_null() {
            self.unreserve(ObjectKind::Table, bytes);
            return Err(OutOfMemory);
        }
        Ok(buffer)
    }

    /// Makes a table's buffer larger, keeping what it holds.
    ///
    /// # Safety
    /// `buffer` was allocated here with `old` bytes, and nobody uses its old address afterwards. `new` is larger.
    pub(crate) unsafe fn grow_buffer(&mut self, buffer: *mut u8, old: u64, new: u64) -> Result<*mut u8, OutOfMemory> {
        if old == 0 {
            return self.allocate_buffer(new);
        }
        debug_assert!(new > old);
        if new > Heap::LARGEST {
            return Err(OutOfMemory);
        }
        self.reserve(ObjectKind::Table, new - old)?;
        // SAFETY: the buffer has this layout, says the caller; the new size is below the largest.
        let grown = unsafe { self.memory.grow(buffer, old as usize, new as usize) };
        if grown.is_null() {
            self.unreserve(ObjectKind::Table, new - old);
            return Err(OutOfMemory);
        }
        Ok(grown)
    }

    /// Frees a table's buffer.
    ///
    /// # Safety
    /// `buffer` was allocated here with `bytes` bytes, and nobody uses it afterwards.
    pub(crate) unsafe fn free_buffer(&mut self, buffer: *mut u8, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.unreserve(ObjectKind::Table, bytes);
        // SAFETY: the caller says so.
        unsafe { self.memory.free(buffer, bytes as usize) }
    }

    /// Frees an object and what it owns. It must be off the list.
    ///
    /// # Safety
    /// The object is one of this heap, and nobody uses it afterwards.
    pub(crate) unsafe fn free_object(&mut self, object: *mut ObjectHeader) {
        // SAFETY: the object is live until the end of this function; its kind says which record it is.
        unsafe {
            let kind = kind_of(object);
            let bytes = object_bytes(object);
            match kind {
                ObjectKind::Table => {
                    let table = *object.cast::<TableHeader>();
                    self.free_buffer(table.array as *mut u8, array_bytes(&table));
                    self.free_buffer(table.nodes as *mut u8, node_bytes(&table));
                }
                ObjectKind::String => self.forget_string(StringRef::from_payload(object as u64)),
                ObjectKind::Userdata => crate::userdata::release(&mut *object.cast::<UserdataHeader>()),
                _ => {}
            }
            self.unreserve(kind, bytes);
            self.usage.objects[kind as usize - 1] -= 1;
            self.memory.free(object.cast(), allocation_bytes(object));
        }
    }

    /// A number for an object that becomes a key for the first time. Tables are thus ordered by what programs do, never by
    /// addresses.
    pub(crate) fn key_number(&mut self) -> u32 {
        self.keyed = self.keyed.wrapping_add(1).max(1);
        self.keyed
    }

    // ---- barrier --------------------------------------------------------------------------------------------------------

    /// The write barrier: to be called whenever a reference has been stored into a heap object.
    ///
    /// # Safety
    /// `object` is a live object of this heap.
    #[inline(always)]
    pub unsafe fn barrier(&mut self, object: *mut ObjectHeader) {
        // SAFETY: the caller says that the object is live.
        unsafe {
            debug_assert!(ObjectKind::from_byte((*object).kind).is_some(), "a store into what is no live object");
            if (*object).mark & Mark::BARRIER != 0 {
                self.announce(object);
            }
        }
    }

    /// The barrier for a value that may be a reference or not.
    ///
    /// # Safety
    /// As for [`Heap::barrier`].
    #[inline(always)]
    pub unsafe fn barrier_for(&mut self, object: *mut ObjectHeader, value: Slot) {
        // SAFETY: the caller says that the object is live.
        unsafe {
            // The bit is rarely set, and what it costs to look is less than to tell whether the value is a reference.
            debug_assert!(ObjectKind::from_byte((*object).kind).is_some(), "a store into what is no live object");
            if (*object).mark & Mark::BARRIER != 0 && value.is_object() {
                self.announce(object);
            }
        }
    }

    /// The barrier's cold half.
    ///
    /// # Safety
    /// As for [`Heap::barrier`].
    #[cold]
    #[inline(never)]
    pub unsafe fn announce(&mut self, object: *mut ObjectHeader) {
        // SAFETY: the caller says that the object is live.
        unsafe { (*object).mark &= !Mark::BARRIER };
        self.collector.statistics.announcements += 1;
    }
}

/// The kind of a live object.
///
/// # Safety
/// `object` is live.
pub(crate) unsafe fn kind_of(object: *const ObjectHeader) -> ObjectKind {
    // SAFETY: the caller says that the object is live.
    let byte = unsafe { (*object).kind };
    ObjectKind::from_byte(byte)
        .unwrap_or_else(|| panic!("the object at {object:p} was freed or overwritten (kind {byte})"))
}

/// Bytes of a table's array part.
pub(crate) fn array_bytes(table: &TableHeader) -> u64 {
    let kind = ElementKind::from_byte(table.element_kind).expect("a table stores elements of some kind");
    u64::from(table.array_capacity) * u64::from(kind.size())
}

/// Bytes of a table's hash part.
pub(crate) fn node_bytes(table: &TableHeader) -> u64 {
    if crate::table::has_nodes(table) { (u64::from(table.node_mask) + 1) * u64::from(NODE_SIZE) } else { 0 }
}

/// Bytes that an object counts, without the buffers of a table.
///
/// # Safety
/// `object` is live.
pub(crate) unsafe fn object_bytes(object: *const ObjectHeader) -> u64 {
    // SAFETY: the kind says which record this is.
    unsafe {
        let extra = match kind_of(object) {
            ObjectKind::Userdata => (*object.cast::<UserdataHeader>()).bytes,
            ObjectKind::Coroutine => (*object.cast::<CoroutineHeader>()).bytes,
            _ => 0,
        };
        allocation_bytes(object) as u64 + extra
    }
}

/// Bytes of an object's own allocation.
///
/// # Safety
/// `object` is live.
pub(crate) unsafe fn allocation_bytes(object: *const ObjectHeader) -> usize {
    // SAFETY: the kind says which record this is.
    unsafe {
        match kind_of(object) {
            ObjectKind::Array => (*object.cast::<ArrayHeader>()).bytes as usize,
            ObjectKind::String => string_size((*object.cast::<StringHeader>()).len) as usize,
            ObjectKind::Table => size_of::<TableHeader>(),
            ObjectKind::Closure => {
                size_of::<ClosureHeader>() + (*object.cast::<ClosureHeader>()).upvalues as usize * size_of::<u64>()
            }
            ObjectKind::Upvalue => size_of::<UpvalueHeader>(),
            ObjectKind::Foreign => {
                size_of::<ForeignHeader>() + (*object.cast::<ForeignHeader>()).captures as usize * size_of::<Slot>()
            }
            ObjectKind::Coroutine => size_of::<CoroutineHeader>(),
            ObjectKind::Userdata => size_of::<UserdataHeader>(),
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.release_coroutines();
        self.interned.clear();
        let mut object = std::mem::replace(&mut self.first, std::ptr::null_mut());
        while !object.is_null() {
            // SAFETY: the list holds exactly the live objects of this heap; the successor is read before the object goes.
            unsafe {
                let next = (*object).next as *mut ObjectHeader;
                self.free_object(object);
                object = next;
            }
        }
        for name in std::mem::take(&mut self.names) {
            // SAFETY: the heap has made each of these strings, and nobody uses them any more.
            unsafe {
                let bytes = allocation_bytes(name.header());
                self.memory.free(name.header().cast(), bytes);
            }
        }
    }
}
