//! Closures, upvalues, functions of the host, and the shells of coroutines.

use std::ffi::c_void;

use lockstep_layout::{
    CLOSURE_UPVALUES, ClosureHeader, CoroutineHeader, FOREIGN_CAPTURES, ForeignHeader, ObjectKind, Slot, Tag,
    UpvalueHeader,
};

use crate::heap::{Heap, OutOfMemory, reference};

reference! {
    /// A reference to a closure.
    ClosureRef, ClosureHeader, Tag::CLOSURE
}

reference! {
    /// A reference to a function of the host.
    ForeignRef, ForeignHeader, Tag::FOREIGN
}

reference! {
    /// A reference to a coroutine.
    CoroutineRef, CoroutineHeader, Tag::COROUTINE
}

reference! {
    /// A reference to an upvalue. No slot of a program holds one; only on the list of values that runtime code keeps it stands as
    /// one, with the tag of no value.
    UpvalueRef, UpvalueHeader, UPVALUE_TAG
}

/// The tag under which runtime code keeps upvalues alive.
pub(crate) const UPVALUE_TAG: Tag = Tag(64);

impl Heap {
    /// A closure of function number `function` with so many upvalues, which [`ClosureRef::set_upvalue`] is to set. Until then a
    /// collection does not mind them.
    pub fn new_closure(&mut self, function: u32, upvalues: u32) -> Result<ClosureRef, OutOfMemory> {
        let bytes = size_of::<ClosureHeader>() as u64 + 8 * u64::from(upvalues);
        let object = self.allocate(ObjectKind::Closure, Tag::CLOSURE, bytes)?;
        let closure = object.as_ptr().cast::<ClosureHeader>();
        // SAFETY: the allocation has room for the record and the upvalues' addresses.
        unsafe {
            (*closure).function = function;
            (*closure).upvalues = upvalues;
            (*closure).reserved = 0;
            closure.byte_add(CLOSURE_UPVALUES as usize).cast::<u64>().write_bytes(0, upvalues as usize);
            Ok(ClosureRef::from_payload(closure as u64))
        }
    }

    /// An open upvalue for a variable that lives in a frame.
    ///
    /// `next_open` is the next one of the same stack's list, or 0; it is kept meanwhile, so that it is still on the list afterwards. The caller
    /// puts the new one on the list.
    pub fn new_open_upvalue(&mut self, slot: *mut Slot, next_open: u64) -> Result<UpvalueRef, OutOfMemory> {
        let kept = self.kept();
        self.keep(Slot { payload: next_open, tag: UPVALUE_TAG.0 });
        let upvalue = self.new_upvalue();
        self.release_to(kept);
        let upvalue = upvalue?;
        // SAFETY: the upvalue was just made.
        unsafe {
            (*upvalue.as_ptr()).slot = slot as u64;
            (*upvalue.as_ptr()).next_open = next_open;
        }
        Ok(upvalue)
    }

    /// An upvalue that owns its variable from the start.
    pub fn new_closed_upvalue(&mut self, value: Slot) -> Result<UpvalueRef, OutOfMemory> {
        let kept = self.kept();
        self.keep(value);
        let upvalue = self.new_upvalue();
        self.release_to(kept);
        let upvalue = upvalue?;
        // SAFETY: the upvalue was just made.
        unsafe { (*upvalue.as_ptr()).closed = value };
        Ok(upvalue)
    }

    fn new_upvalue(&mut self) -> Result<UpvalueRef, OutOfMemory> {
        let object = self.allocate(ObjectKind::Upvalue, UPVALUE_TAG, size_of::<UpvalueHeader>() as u64)?;
        let upvalue = object.as_ptr().cast::<UpvalueHeader>();
        // SAFETY: the allocation has room for the record.
        unsafe {
            (*upvalue).slot = &raw mut (*upvalue).closed as u64;
            (*upvalue).next_open = 0;
            (*upvalue).closed = Slot::NIL;
            Ok(UpvalueRef::from_payload(upvalue as u64))
        }
    }

    /// A function of the host with its captured values. `function` says which, in whatever way the VM likes.
    pub fn new_foreign(&mut self, function: u64, captures: &[Slot]) -> Result<ForeignRef, OutOfMemory> {
        let kept = self.kept();
        self.temporaries.extend_from_slice(captures);
        let bytes = size_of::<ForeignHeader>() as u64 + size_of_val(captures) as u64;
        let object = self.allocate(ObjectKind::Foreign, Tag::FOREIGN, bytes);
        self.release_to(kept);
        let foreign = object?.as_ptr().cast::<ForeignHeader>();
        // SAFETY: the allocation has room for the record and the captured values.
        unsafe {
            (*foreign).function = function;
            (*foreign).captures = captures.len() as u32;
            (*foreign).reserved = 0;
            let first = foreign.byte_add(FOREIGN_CAPTURES as usize).cast::<Slot>();
            first.copy_from_nonoverlapping(captures.as_ptr(), captures.len());
            Ok(ForeignRef::from_payload(foreign as u64))
        }
    }

    /// A coroutine without a state. What the state costs is to be told by [`Heap::charge_coroutine`].
    pub fn new_coroutine(&mut self) -> Result<CoroutineRef, OutOfMemory> {
        let object = self.allocate(ObjectKind::Coroutine, Tag::COROUTINE, size_of::<CoroutineHeader>() as u64)?;
        let coroutine = object.as_ptr().cast::<CoroutineHeader>();
        // SAFETY: the allocation has room for the record.
        unsafe {
            (*coroutine).state = 0;
            (*coroutine).bytes = 0;
            let coroutine = CoroutineRef::from_payload(coroutine as u64);
            self.note_coroutine(coroutine);
            Ok(coroutine)
        }
    }

    /// Says that a coroutine's state now has `bytes` bytes, which count towards the memory limit.
    ///
    /// # Safety
    /// The coroutine is live and of this heap.
    pub unsafe fn charge_coroutine(&mut self, coroutine: CoroutineRef, bytes: u64) -> Result<(), OutOfMemory> {
        // SAFETY: the caller says so; it is kept over the collection that charging may cause.
        unsafe {
            let charged = (*coroutine.as_ptr()).bytes;
            if bytes > charged {
                let kept = self.kept();
                self.keep(coroutine.slot());
                let done = self.charge(ObjectKind::Coroutine, bytes - charged);
                self.release_to(kept);
                done?;
            } else {
                self.unreserve(ObjectKind::Coroutine, charged - bytes);
            }
            (*coroutine.as_ptr()).bytes = bytes;
        }
        Ok(())
    }

    /// Says that a coroutine's state has no more than `bytes` bytes.
    ///
    /// # Safety
    /// As for [`Heap::charge_coroutine`].
    pub unsafe fn discharge_coroutine(&mut self, coroutine: CoroutineRef, bytes: u64) {
        // SAFETY: the caller says so.
        unsafe {
            let charged = (*coroutine.as_ptr()).bytes;
            if bytes < charged {
                self.unreserve(ObjectKind::Coroutine, charged - bytes);
                (*coroutine.as_ptr()).bytes = bytes;
            }
        }
    }
}

impl ClosureRef {
    /// Index of the function.
    ///
    /// # Safety
    /// The closure is live.
    #[inline(always)]
    pub unsafe fn function(self) -> u32 {
        // SAFETY: the closure is live.
        unsafe { (*self.as_ptr()).function }
    }

    /// Number of upvalues.
    ///
    /// # Safety
    /// The closure is live.
    #[inline(always)]
    pub unsafe fn upvalue_count(self) -> u32 {
        // SAFETY: the closure is live.
        unsafe { (*self.as_ptr()).upvalues }
    }

    /// An upvalue.
    ///
    /// # Safety
    /// The closure is live, it has an upvalue of this index, and that was set.
    #[inline(always)]
    pub unsafe fn upvalue(self, index: u32) -> UpvalueRef {
        // SAFETY: the caller says so.
        unsafe { UpvalueRef::from_payload(*self.upvalue_at(index)) }
    }

    /// Sets an upvalue.
    ///
    /// # Safety
    /// The closure and the upvalue are live and of this heap, and the closure has an upvalue of this index.
    #[inline(always)]
    pub unsafe fn set_upvalue(self, heap: &mut Heap, index: u32, upvalue: UpvalueRef) {
        // SAFETY: the caller says so.
        unsafe {
            *self.upvalue_at(index) = upvalue.payload();
            heap.barrier(self.header());
        }
    }

    /// Where an upvalue's address stands.
    ///
    /// # Safety
    /// The closure is live, and has an upvalue of this index.
    #[inline(always)]
    pub(crate) unsafe fn upvalue_at(self, index: u32) -> *mut u64 {
        // SAFETY: the addresses follow the record.
        unsafe {
            debug_assert!(index < (*self.as_ptr()).upvalues);
            self.as_ptr().byte_add(CLOSURE_UPVALUES as usize).cast::<u64>().add(index as usize)
        }
    }
}

impl UpvalueRef {
    /// The variable's value.
    ///
    /// # Safety
    /// The upvalue is live; while it is open, so is the frame.
    #[inline(always)]
    pub unsafe fn get(self) -> Slot {
        // SAFETY: the caller says so.
        unsafe { *((*self.as_ptr()).slot as *const Slot) }
    }

    /// Sets the variable.
    ///
    /// # Safety
    /// As for [`UpvalueRef::get`]; the upvalue is of this heap, the value valid, and what it refers to live.
    #[inline(always)]
    pub unsafe fn set(self, heap: &mut Heap, value: Slot) {
        // SAFETY: the caller says so.
        unsafe {
            *((*self.as_ptr()).slot as *mut Slot) = value;
            heap.barrier_for(self.header(), value);
        }
    }

    /// Whether the variable still lives in a frame.
    ///
    /// # Safety
    /// The upvalue is live.
    #[inline(always)]
    pub unsafe fn is_open(self) -> bool {
        // SAFETY: the upvalue is live.
        unsafe { (*self.as_ptr()).slot != &raw const (*self.as_ptr()).closed as u64 }
    }

    /// Moves the variable out of its frame. The caller takes the upvalue off its stack's list.
    ///
    /// # Safety
    /// The upvalue is live, open, and of this heap; so is its frame, with a valid value.
    pub unsafe fn close(self, heap: &mut Heap) {
        // SAFETY: the caller says so.
        unsafe {
            let upvalue = self.as_ptr();
            let value = self.get();
            (*upvalue).closed = value;
            (*upvalue).slot = &raw mut (*upvalue).closed as u64;
            (*upvalue).next_open = 0;
            heap.barrier_for(self.header(), value);
        }
    }
}

impl ForeignRef {
    /// Which function.
    ///
    /// # Safety
    /// The function object is live.
    #[inline(always)]
    pub unsafe fn function(self) -> u64 {
        // SAFETY: the object is live.
        unsafe { (*self.as_ptr()).function }
    }

    /// The captured values.
    ///
    /// # Safety
    /// The function object is live as long as the slice is used, and none of the values is set meanwhile.
    #[inline(always)]
    pub unsafe fn captures<'a>(self) -> &'a [Slot] {
        // SAFETY: the values follow the record.
        unsafe {
            let first = self.as_ptr().byte_add(FOREIGN_CAPTURES as usize).cast::<Slot>();
            std::slice::from_raw_parts(first, (*self.as_ptr()).captures as usize)
        }
    }

    /// Sets a captured value.
    ///
    /// # Safety
    /// The function object is live and of this heap; the value is valid, and what it refers to is live.
    ///
    /// # Panics
    /// If there is no captured value of this index.
    pub unsafe fn set_capture(self, heap: &mut Heap, index: u32, value: Slot) {
        // SAFETY: the caller says so.
        unsafe {
            assert!(index < (*self.as_ptr()).captures, "there is no captured value {index}");
            *self.as_ptr().byte_add(FOREIGN_CAPTURES as usize).cast::<Slot>().add(index as usize) = value;
            heap.barrier_for(self.header(), value);
        }
    }
}

impl CoroutineRef {
    /// The VM's record.
    ///
    /// # Safety
    /// The coroutine is live.
    #[inline(always)]
    pub unsafe fn state(self) -> *mut c_void {
        // SAFETY: the coroutine is live.
        unsafe { (*self.as_ptr()).state as *mut c_void }
    }

    /// Sets the VM's record; null says that there is none any more.
    ///
    /// # Safety
    /// The coroutine is live.
    pub unsafe fn set_state(self, state: *mut c_void) {
        // SAFETY: the coroutine is live.
        unsafe { (*self.as_ptr()).state = state as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_share_variables_before_and_after_the_frame() {
        let mut heap = Heap::new(1 << 20);
        let mut variable = Slot::i64(1);
        // SAFETY: the heap and the variable live, and nothing is collected.
        unsafe {
            let upvalue = heap.new_open_upvalue(&raw mut variable, 0).unwrap();
            let (a, b) = (heap.new_closure(3, 1).unwrap(), heap.new_closure(4, 1).unwrap());
            a.set_upvalue(&mut heap, 0, upvalue);
            b.set_upvalue(&mut heap, 0, upvalue);
            assert_eq!((a.function(), b.function(), a.upvalue_count()), (3, 4, 1));
            a.upvalue(0).set(&mut heap, Slot::i64(2));
            assert_eq!((&raw const variable).read(), Slot::i64(2), "an open upvalue is the frame's own slot");
            assert!(upvalue.is_open());
            upvalue.close(&mut heap);
            assert!(!upvalue.is_open());
            (&raw mut variable).write(Slot::NIL);
            assert_eq!(b.upvalue(0).get(), Slot::i64(2));
            b.upvalue(0).set(&mut heap, Slot::TRUE);
            assert_eq!(a.upvalue(0).get(), Slot::TRUE);
        }
    }

    #[test]
    fn functions_of_the_host_capture_values() {
        let mut heap = Heap::new(1 << 20);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let foreign = heap.new_foreign(77, &[Slot::i64(1), Slot::TRUE]).unwrap();
            assert_eq!((foreign.function(), foreign.captures()), (77, &[Slot::i64(1), Slot::TRUE][..]));
            foreign.set_capture(&mut heap, 1, Slot::NIL);
            assert!(foreign.captures()[1].is_nil());
        }
    }

    #[test]
    fn coroutines_are_charged_for_their_stacks() {
        let mut heap = Heap::new(1000);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let coroutine = heap.new_coroutine().unwrap();
            assert!(coroutine.state().is_null());
            assert_eq!(heap.charge_coroutine(coroutine, 900), Ok(()));
            assert_eq!(heap.used(), 932);
            assert_eq!(heap.charge_coroutine(coroutine, 1900), Err(OutOfMemory));
            assert_eq!(heap.charge_coroutine(coroutine, 100), Ok(()));
            assert_eq!(heap.used(), 132);
        }
    }
}
