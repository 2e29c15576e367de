//! Finds stores without a barrier. Only under stress.
//!
//! Idea: after each collection, note what every object refers to, and arm its barrier. A store that is announced disarms it. At the
//! next collection, an object that is still armed may refer to nothing that it did not refer to before. Lost references are no
//! concern: what a barrier must tell a collector is new ones.

use lockstep_layout::{
    ClosureHeader, ElementKind, Mark, ObjectHeader, ObjectKind, Slot, TableHeader, UpvalueHeader, UserdataHeader,
};

use crate::closure::{ClosureRef, ForeignRef, UpvalueRef};
use crate::heap::{Heap, kind_of};
use crate::table::{TableRef, key_of};

/// What objects referred to after the last collection, in the order of the heap's list. That order stays: new objects come in front, the dead are taken out. So both are
/// walked side by side (a hash table by address took nine tenths of the time of a program under stress).
#[derive(Debug, Default)]
pub(super) struct BarrierCheck {
    /// Each object, and where its references end in `references`; they begin where those of the one before end.
    objects: Vec<(*const ObjectHeader, usize)>,
    references: Vec<u64>,
}

impl Heap {
    /// Compares the references of armed objects with what was noted.
    ///
    /// # Safety
    /// Marking is done, and nothing is freed yet.
    ///
    /// # Panics
    /// If an armed object has a new reference.
    pub(super) unsafe fn check_barriers(&self) {
        let BarrierCheck { objects, references } = &self.collector.check;
        let mut noted = objects.iter();
        let mut start = 0;
        let mut object = self.first;
        while !object.is_null() {
            // SAFETY: the list holds the heap's objects; those that are reached are live.
            unsafe {
                if let Some(&(known, end)) = noted.as_slice().first()
                    && known == object.cast_const()
                {
                    noted.next();
                    let mark = (*object).mark;
                    if mark & Mark::WHITE == 0 && mark & Mark::BARRIER != 0 {
                        check(object, &references[start..end]);
                    }
                    start = end;
                }
                object = (*object).next as *mut ObjectHeader;
            }
        }
        assert!(noted.as_slice().is_empty(), "objects that were noted are not on the heap's list, or in another order");
    }

    /// Notes the references of all objects, and arms them.
    ///
    /// # Safety
    /// All objects on the list are live.
    pub(super) unsafe fn expect_barriers(&mut self) {
        let BarrierCheck { objects, references } = &mut self.collector.check;
        objects.clear();
        references.clear();
        let mut object = self.first;
        while !object.is_null() {
            // SAFETY: the caller says so.
            unsafe {
                if has_barrier(object) {
                    each_reference(object, |reference| references.push(reference));
                    objects.push((object, references.len()));
                    (*object).mark |= Mark::BARRIER;
                }
                object = (*object).next as *mut ObjectHeader;
            }
        }
    }
}

/// Panics if an object refers to what it did not refer to before.
///
/// # Safety
/// The object is live.
unsafe fn check(object: *mut ObjectHeader, before: &[u64]) {
    // Mostly nothing has changed.
    let (mut at, mut is_same) = (0, true);
    // SAFETY: the caller says so; the addresses that are found are those of live objects.
    unsafe {
        each_reference(object, |reference| {
            is_same &= before.get(at) == Some(&reference);
            at += 1;
        });
        if is_same {
            return;
        }
        let mut before = before.to_vec();
        before.sort_unstable();
        each_reference(object, |reference| {
            if before.binary_search(&reference).is_err() {
                panic!(
                    "a missing barrier: a {} has got a reference to a {} without a call of `barrier`",
                    kind_of(object).name(),
                    kind_of(reference as *const ObjectHeader).name()
                );
            }
        });
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

/// Tells the addresses of all objects that an object refers to, weakly or strongly; in the same order if nothing was stored meanwhile.
///
/// # Safety
/// The object is live.
unsafe fn each_reference(object: *mut ObjectHeader, mut found: impl FnMut(u64)) {
    let mut add = |value: Slot| {
        if value.is_object() {
            found(value.payload);
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
                    found(header.metatable);
                }
            }
            ObjectKind::Closure => {
                let closure = ClosureRef::from_payload(object as u64);
                for index in 0..(*object.cast::<ClosureHeader>()).upvalues {
                    if *closure.upvalue_at(index) != 0 {
                        found(*closure.upvalue_at(index));
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
                    found(userdata.metatable);
                }
            }
        }
    }
}
