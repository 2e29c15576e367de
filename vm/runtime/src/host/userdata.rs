//! Userdata that own values of Rust.

use std::cell::{Ref, RefCell, RefMut};
use std::ffi::c_void;

use super::{HostResult, Scope, Table, Userdata};
use crate::table::TableRef;

impl<'s> Scope<'s> {
    /// A userdata that owns a value of Rust, which is dropped with it. `bytes` is what the value has allocated beyond itself, for the memory limit.
    ///
    /// # Errors
    /// There is no memory.
    pub fn userdata<T: 'static>(&mut self, value: T, bytes: u64) -> HostResult<Userdata<'s>> {
        let userdata = self.vm_mut().heap_mut().new_userdata(Box::new(RefCell::new(value)), bytes)?;
        // SAFETY: it was just made.
        Ok(unsafe { self.root(userdata.slot()) }.as_userdata().expect("it is a userdata"))
    }

    /// A userdata that holds a pointer of C's, which it does not own.
    ///
    /// # Errors
    /// There is no memory.
    pub(crate) fn pointer(&mut self, data: *mut c_void) -> HostResult<Userdata<'s>> {
        // SAFETY: without a function that frees it, nobody touches what the pointer refers to.
        let userdata = unsafe { self.vm_mut().heap_mut().new_pointer(data, None)? };
        // SAFETY: it was just made.
        Ok(unsafe { self.root(userdata.slot()) }.as_userdata().expect("it is a userdata"))
    }

    /// Sets or removes the metatable of a userdata. One that has `__gc` by now makes it be finalized.
    pub fn set_userdata_metatable(&mut self, userdata: Userdata<'_>, metatable: Option<Table<'_>>) {
        let metatable: Option<TableRef> = metatable.map(Table::reference);
        // SAFETY: locals are live.
        unsafe { userdata.reference().set_metatable(self.vm_mut().heap_mut(), metatable) };
    }
}

impl<'s> Userdata<'s> {
    fn cell<T: 'static>(self) -> Option<&'s RefCell<T>> {
        // SAFETY: the userdata is live for `'s`, and safe code reaches its value through this cell alone.
        unsafe { self.reference().value::<RefCell<T>>() }
    }

    /// The pointer of C's that it holds, if it holds one.
    pub fn pointer(self) -> Option<*mut c_void> {
        // SAFETY: the userdata is live.
        unsafe { self.reference().pointer() }
    }

    /// The value that it owns, if it is one of this type.
    ///
    /// # Panics
    /// If it is borrowed for writing.
    pub fn borrow<T: 'static>(self) -> Option<Ref<'s, T>> {
        self.cell().map(RefCell::borrow)
    }

    /// The same, to be written.
    ///
    /// # Panics
    /// If it is borrowed.
    pub fn borrow_mut<T: 'static>(self) -> Option<RefMut<'s, T>> {
        self.cell().map(RefCell::borrow_mut)
    }
}

impl<'s> Scope<'s> {
    /// An argument that must be a userdata that owns such a value; `expected` is what messages call it.
    ///
    /// # Errors
    /// It is none.
    ///
    /// # Panics
    /// If the value is borrowed for writing.
    pub fn arg_ref<T: 'static>(&mut self, index: usize, expected: &str) -> HostResult<Ref<'s, T>> {
        let value = self.value(index).as_userdata().and_then(Userdata::borrow);
        value.ok_or_else(|| self.wrong_type(index, expected))
    }

    /// The same, to be written.
    ///
    /// # Errors
    /// It is none.
    ///
    /// # Panics
    /// If the value is borrowed.
    pub fn arg_mut<T: 'static>(&mut self, index: usize, expected: &str) -> HostResult<RefMut<'s, T>> {
        let value = self.value(index).as_userdata().and_then(Userdata::borrow_mut);
        value.ok_or_else(|| self.wrong_type(index, expected))
    }
}
