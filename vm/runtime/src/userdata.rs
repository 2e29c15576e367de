//! Userdata: values of the host that programs hold.

use std::any::Any;
use std::ffi::c_void;

use lockstep_layout::{ObjectKind, Slot, Tag, UserdataHeader};

use crate::heap::{Heap, OutOfMemory, reference};
use crate::table::TableRef;

reference! {
    /// A reference to a userdata.
    UserdataRef, UserdataHeader, Tag::USERDATA
}

/// What frees the data of a userdata.
pub type Release = unsafe extern "C" fn(*mut c_void);

/// Frees a box of Rust's.
unsafe extern "C" fn release_box(data: *mut c_void) {
    // SAFETY: this is the address of a box that `new_userdata` gave up, and it is released once.
    drop(unsafe { Box::from_raw(data.cast::<Box<dyn Any>>()) });
}

/// Frees the data of a userdata that goes.
pub(crate) fn release(userdata: &mut UserdataHeader) {
    let (data, release) = (userdata.data as *mut c_void, std::mem::take(&mut userdata.release));
    if release != 0 {
        // SAFETY: what is no zero is the function that the userdata was made with, and is called once on its data.
        unsafe {
            let release: Release = std::mem::transmute::<*const (), Release>(release as *const ());
            release(data);
        }
    }
}

impl Heap {
    /// A userdata that owns a value of Rust's. `bytes` is what that has allocated beyond itself, for the memory limit.
    pub fn new_userdata(&mut self, value: Box<dyn Any>, bytes: u64) -> Result<UserdataRef, OutOfMemory> {
        let bytes = bytes + size_of_val(&*value) as u64;
        let userdata = self.allocate_userdata(bytes)?;
        let data = Box::into_raw(Box::new(value));
        // SAFETY: the userdata was just made.
        unsafe {
            (*userdata.as_ptr()).data = data as u64;
            (*userdata.as_ptr()).release = release_box as Release as usize as u64;
        }
        Ok(userdata)
    }

    /// A userdata that holds a pointer of C's, with the function that frees it, if any.
    ///
    /// # Safety
    /// `release` may be called once with `data`, on this thread, as soon as the userdata is unreachable.
    pub unsafe fn new_pointer(
        &mut self,
        data: *mut c_void,
        release: Option<Release>,
    ) -> Result<UserdataRef, OutOfMemory> {
        let userdata = self.allocate_userdata(0)?;
        // SAFETY: the userdata was just made.
        unsafe {
            (*userdata.as_ptr()).data = data as u64;
            (*userdata.as_ptr()).release = release.map_or(0, |release| release as usize as u64);
        }
        Ok(userdata)
    }

    fn allocate_userdata(&mut self, bytes: u64) -> Result<UserdataRef, OutOfMemory> {
        let object = self.allocate(ObjectKind::Userdata, Tag::USERDATA, size_of::<UserdataHeader>() as u64)?;
        let userdata = object.as_ptr().cast::<UserdataHeader>();
        // SAFETY: the allocation has room for the record.
        let userdata = unsafe {
            let object = (*userdata).object;
            userdata.write(UserdataHeader { object, metatable: 0, data: 0, release: 0, bytes: 0, user: Slot::NIL });
            UserdataRef::from_payload(userdata as u64)
        };
        let kept = self.kept();
        self.keep(userdata.slot());
        let charged = self.charge(ObjectKind::Userdata, bytes);
        self.release_to(kept);
        charged?;
        // SAFETY: the userdata was kept.
        unsafe { (*userdata.as_ptr()).bytes = bytes };
        Ok(userdata)
    }
}

impl UserdataRef {
    /// The value of Rust's, if it is one of this type.
    ///
    /// # Safety
    /// The userdata is live as long as the result is used.
    pub unsafe fn value<'a, T: 'static>(self) -> Option<&'a T> {
        // SAFETY: data with this release function is the address of a box; the caller answers for its use.
        unsafe {
            let userdata = self.as_ptr();
            if (*userdata).release != release_box as Release as usize as u64 {
                return None;
            }
            (*((*userdata).data as *const Box<dyn Any>)).downcast_ref()
        }
    }

    /// The pointer of C's, if it is one.
    ///
    /// # Safety
    /// The userdata is live.
    pub unsafe fn pointer(self) -> Option<*mut c_void> {
        // SAFETY: the userdata is live.
        unsafe {
            let boxed = (*self.as_ptr()).release == release_box as Release as usize as u64;
            (!boxed).then_some((*self.as_ptr()).data as *mut c_void)
        }
    }

    /// The value of the program's.
    ///
    /// # Safety
    /// The userdata is live.
    pub unsafe fn user(self) -> Slot {
        // SAFETY: the userdata is live.
        unsafe { (*self.as_ptr()).user }
    }

    /// Sets the value of the program's.
    ///
    /// # Safety
    /// The userdata is live and of this heap; the value is valid, and what it refers to is live.
    pub unsafe fn set_user(self, heap: &mut Heap, value: Slot) {
        // SAFETY: the caller says so.
        unsafe {
            (*self.as_ptr()).user = value;
            heap.barrier_for(self.header(), value);
        }
    }

    /// Sets or removes the metatable. One that has `__gc` by now makes the userdata be finalized.
    ///
    /// # Safety
    /// Both are live and of this heap.
    pub unsafe fn set_metatable(self, heap: &mut Heap, metatable: Option<TableRef>) {
        // SAFETY: the caller says so.
        unsafe {
            (*self.as_ptr()).metatable = metatable.map_or(0, TableRef::payload);
            heap.metatable_was_set(self.header(), metatable);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn userdata_own_their_values() {
        let dropped = Rc::new(Cell::new(0));
        struct Counts(Rc<Cell<u32>>);
        impl Drop for Counts {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let mut heap = Heap::new(1 << 20);
        let userdata = heap.new_userdata(Box::new(Counts(dropped.clone())), 100).unwrap();
        assert_eq!(heap.used(), 64 + 100 + 8);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            assert!(userdata.value::<String>().is_none());
            assert_eq!(userdata.value::<Counts>().unwrap().0.get(), 0);
            assert_eq!(userdata.pointer(), None);
            assert!(userdata.user().is_nil());
            userdata.set_user(&mut heap, Slot::i64(4));
            assert_eq!(userdata.user(), Slot::i64(4));
        }
        drop(heap);
        assert_eq!(dropped.get(), 1);
    }

    #[test]
    fn pointers_of_c_are_released_if_they_ask_for_it() {
        unsafe extern "C" fn bump(data: *mut c_void) {
            // SAFETY: the test passes the address of a number that outlives the heap.
            unsafe { *data.cast::<u32>() += 1 };
        }
        let mut number = 0u32;
        let mut heap = Heap::new(1 << 20);
        // SAFETY: the number outlives the heap, and nothing else uses it meanwhile.
        unsafe {
            let data = (&raw mut number).cast();
            let userdata = heap.new_pointer(data, Some(bump)).unwrap();
            assert_eq!((userdata.pointer(), userdata.value::<u32>()), (Some(data), None));
            heap.new_pointer(data, None).unwrap();
        }
        drop(heap);
        assert_eq!(number, 1);
    }
}
