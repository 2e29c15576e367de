//! Finds stores without a barrier. Only under stress.
//!
//! Idea: after each collection, note what every object refers to, and arm its barrier. A store that is announced disarms it. At the
//! next collection, an object that is still armed may refer to nothing that it did not refer to before. Lost references are no
//! concern: what a barrier must tell a collector is new ones.

use std::collections::HashMap;

use lockstep_layout::{
    ClosureHeader, ElementKind, Mark, ObjectHeader, ObjectKind, Slot, TableHeader, UpvalueHeader, UserdataHeader,
};

use crate::closure::{ClosureRef, ForeignRef, UpvalueRef};
use crate::heap::{Heap, kind_of};
use crate::table::{TableRef, key_of};

/// What objects referred to after the last collection.
#[derive(Debug, Default)]
pub(super) struct BarrierCheck(HashMap<*const ObjectHeader, Box<[u64]>>);

impl Heap {
    /// Compares the references of armed objects with what was noted.
    ///
    /// # Safety
    /// Marking is done, and nothing is freed yet.
    ///
    /// # Panics
    /// If an armed object has a new reference.
    pub(super) unsafe fn check_barriers(&self) {
        let mut object = self.first;
        while !object.is_null() {
            // SAFETY: the list holds the heap's objects; those that are reached are live.
            unsafe {
                let mark = (*object).mark;
                if mark & Mark::WHITE == 0
                    && mark & Mark::BARRIER != 0
                    && let Some(before) = self.collector.check.0.get(&object.cast_const())
                {
                    let new = references(object).into_iter().find(|reference| before.binary_search(reference).is_err());
                    if let Some(new) = new {
                        panic!(
                            "a missing barrier: a {} has got a reference to a {} without a call of `barrier`",
                            kind_of(object).name(),
                            kind_of(new as *const ObjectHeader).name()
                        );
                    }
                }
                object = (*object).next as *mut ObjectHeader;
            }
        }
    }

    /// Notes the references of all objects, and arms them.
    ///
    /// # Safety
    /// All objects on the list are live.
    pub(super) unsafe fn expect_barriers(&mut self) {
        self.collector.check.0.clear();
        let mut object = self.first;
        while !object.is_null() {
            // SAFETY: the caller says so.
            unsafe {
                if has_barrier(object) {
                    let mut noted = references(object);
                    noted.sort_unstable();
                    noted.dedup();
                    self.collector.check.0.insert(object, noted.into_boxed_slice());
                    (*object).mark |= Mark::BARRIER;
                }
                object = (*object).next as *mut ObjectHeader;
            }
        }
    }
}

/// Whether stores into an object are announced: stacks are not, and strings and typed arrays hold no references.
///
/// # Safety
/// The object is live.
unsafe fn has_barrier(object: *const ObjectHeader) -> bool {
    // SAFETY: the caller says so.
    !matches!(unsafe { kind_of(object) }, ObjectKind::String | ObjectKind::Array | ObjectKind::Coroutine)
}

/// The addresses of all objects that an object refers to, weakly or strongly, in any order.
///
/// # Safety
/// The object is live.
pub(crate) unsafe fn references(object: *mut ObjectHeader) -> Vec<u64> {
    let mut found = Vec::new();
    let mut add = |value: Slot| {
        if value.is_object() {
            found.push(value.payload);
        }
    };
    // SAFETY: the kind says which record this is.
    unsafe {
        match kind_of(object) {
            ObjectKind::String | ObjectKind::Array | ObjectKind::Coroutine => {}
            ObjectKind::Table => {
                let header = &*object.cast::<TableHeader>();
                if header.element_kind == ElementKind::Mixed as u8 {
                    let elements = header.array as *const Slot;
                    (0..header.array_len as usize).for_each(|index| add(*elements.add(index)));
                }
                for node in TableRef::from_payload(object as u64).entries() {
                    add(key_of(node));
                    add((*node).value);
                }
                if header.metatable != 0 {
                    found.push(header.metatable);
                }
            }
            ObjectKind::Closure => {
                let closure = ClosureRef::from_payload(object as u64);
                for index in 0..(*object.cast::<ClosureHeader>()).upvalues {
                    if *closure.upvalue_at(index) != 0 {
                        found.push(*closure.upvalue_at(index));
                    }
                }
            }
            ObjectKind::Upvalue => {
                if !UpvalueRef::from_payload(object as u64).is_open() {
                    add((*object.cast::<UpvalueHeader>()).closed);
                }
            }
            ObjectKind::Foreign => {
                ForeignRef::from_payload(object as u64).captures().iter().for_each(|&value| add(value));
            }
            ObjectKind::Userdata => {
                let userdata = &*object.cast::<UserdataHeader>();
                add(userdata.user);
                if userdata.metatable != 0 {
                    found.push(userdata.metatable);
                }
            }
        }
    }
    found
}
