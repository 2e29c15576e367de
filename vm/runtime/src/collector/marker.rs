//! Marking: from the roots along all strong references, with a stack of its own instead of recursion.
//!
//! Invariant: a black object refers to no white one but through weak references. An object is pushed when it loses its white, so
//! that each is traced once.

use lockstep_layout::{
    ClosureHeader, CoroutineHeader, ElementKind, ForeignHeader, Mark, NODE_DEAD, Node, ObjectHeader, ObjectKind, Slot,
    UpvalueHeader, UserdataHeader,
};

use super::CoroutineHooks;
use super::weak::Weak;
use crate::closure::{ClosureRef, ForeignRef};
use crate::heap::kind_of;
use crate::string::StringRef;
use crate::table::{TableRef, key_of};

/// The state of one collection's marking; what [`super::Roots::trace`] is given.
pub struct Marker {
    grey: Vec<*mut ObjectHeader>,
    pub(super) weak: Weak,
    mode: StringRef,
    coroutine_hooks: Option<CoroutineHooks>,
}

impl std::fmt::Debug for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marker").field("grey", &self.grey.len()).finish_non_exhaustive()
    }
}

impl Marker {
    pub(super) fn new(
        grey: Vec<*mut ObjectHeader>,
        mode: StringRef,
        coroutine_hooks: Option<CoroutineHooks>,
    ) -> Marker {
        Marker { grey, weak: Weak::default(), mode, coroutine_hooks }
    }

    pub(super) fn into_buffer(self) -> Vec<*mut ObjectHeader> {
        debug_assert!(self.grey.is_empty());
        self.grey
    }

    /// Marks what a slot refers to, if it refers to anything.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn mark(&mut self, value: Slot) {
        if value.is_object() {
            // SAFETY: the caller says so.
            unsafe { self.mark_address(value.payload) }
        }
    }

    /// Marks the object at an address, unless that is 0.
    ///
    /// # Safety
    /// The address is 0 or that of a live object.
    #[inline]
    pub unsafe fn mark_address(&mut self, address: u64) {
        let object = address as *mut ObjectHeader;
        if object.is_null() {
            return;
        }
        // SAFETY: the caller says so.
        unsafe {
            if (*object).mark & Mark::WHITE == 0 {
                return;
            }
            (*object).mark &= !Mark::WHITE;
            match kind_of(object) {
                ObjectKind::String | ObjectKind::Array => (*object).mark |= Mark::BLACK,
                _ => self.grey.push(object),
            }
        }
    }

    /// Traces grey objects until there are none.
    ///
    /// # Safety
    /// What was marked is live.
    pub(super) unsafe fn propagate(&mut self) {
        while let Some(object) = self.grey.pop() {
            // SAFETY: what is grey is live; what a live object refers to strongly is live.
            unsafe {
                (*object).mark |= Mark::BLACK;
                self.trace(object);
            }
        }
    }

    /// Whether an object is unreached so far.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is not freed.
    #[inline]
    pub(super) unsafe fn is_white(value: Slot) -> bool {
        // SAFETY: the caller says so.
        value.is_object() && unsafe { (*(value.payload as *const ObjectHeader)).mark & Mark::WHITE != 0 }
    }

    /// # Safety
    /// The object is live.
    unsafe fn trace(&mut self, object: *mut ObjectHeader) {
        // SAFETY: the kind says which record this is; its references are live.
        unsafe {
            match kind_of(object) {
                ObjectKind::String | ObjectKind::Array => {}
                ObjectKind::Table => self.trace_table(TableRef::from_payload(object as u64)),
                ObjectKind::Closure => {
                    let closure = ClosureRef::from_payload(object as u64);
                    for index in 0..(*object.cast::<ClosureHeader>()).upvalues {
                        self.mark_address(*closure.upvalue_at(index));
                    }
                }
                // An open upvalue's slot lies in a frame, which is live, or is about to be released with its values in place.
                ObjectKind::Upvalue => self.mark(*((*object.cast::<UpvalueHeader>()).slot as *const Slot)),
                ObjectKind::Foreign => {
                    debug_assert_eq!((*object.cast::<ForeignHeader>()).reserved, 0);
                    for &value in ForeignRef::from_payload(object as u64).captures() {
                        self.mark(value);
                    }
                }
                ObjectKind::Coroutine => {
                    let state = (*object.cast::<CoroutineHeader>()).state as *mut std::ffi::c_void;
                    if let Some(hooks) = self.coroutine_hooks
                        && !state.is_null()
                    {
                        (hooks.trace)(state, self);
                    }
                }
                ObjectKind::Userdata => {
                    let userdata = object.cast::<UserdataHeader>();
                    self.mark_address((*userdata).metatable);
                    self.mark((*userdata).user);
                }
            }
        }
    }

    /// # Safety
    /// The table is live.
    unsafe fn trace_table(&mut self, table: TableRef) {
        // SAFETY: the caller says so.
        unsafe {
            self.mark_address((*table.as_ptr()).metatable);
            let (weak_keys, weak_values) = self.mode(table);
            match (weak_keys, weak_values) {
                (false, false) => {
                    self.mark_elements(table);
                    for node in table.nodes() {
                        if bury_key(node) {
                            continue;
                        }
                        self.mark(key_of(node));
                        self.mark((*node).value);
                    }
                }
                (false, true) => {
                    for node in table.nodes() {
                        if !bury_key(node) {
                            self.mark(key_of(node));
                        }
                    }
                    self.weak.values.push(table);
                }
                (true, false) => {
                    self.mark_elements(table);
                    self.trace_ephemerons(table);
                    self.weak.ephemerons.push(table);
                }
                (true, true) => {
                    for node in table.nodes() {
                        bury_key(node);
                    }
                    self.weak.all.push(table);
                }
            }
        }
    }

    /// Which references of a table are weak: its keys, its values.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn mode(&self, table: TableRef) -> (bool, bool) {
        // SAFETY: the caller says so.
        unsafe {
            let Some(metatable) = table.metatable() else { return (false, false) };
            match StringRef::from_slot(metatable.get_str(self.mode)) {
                Some(mode) => (mode.bytes().contains(&b'k'), mode.bytes().contains(&b'v')),
                None => (false, false),
            }
        }
    }

    /// Marks what the array part refers to.
    ///
    /// # Safety
    /// The table is live.
    unsafe fn mark_elements(&mut self, table: TableRef) {
        // SAFETY: the buffer holds `array_len` slots if the elements are slots.
        unsafe {
            let header = &*table.as_ptr();
            if header.element_kind == ElementKind::Mixed as u8 {
                let elements = header.array as *const Slot;
                for index in 0..header.array_len as usize {
                    self.mark(*elements.add(index));
                }
            }
        }
    }

    /// Marks the values whose keys are reached. Answers whether anything was marked.
    ///
    /// # Safety
    /// The table is live.
    pub(super) unsafe fn trace_ephemerons(&mut self, table: TableRef) -> bool {
        let mut marked = false;
        // SAFETY: the caller says so; keys and values of entries are not freed.
        unsafe {
            for node in table.nodes() {
                if bury_key(node) {
                    continue;
                }
                let (key, value) = (key_of(node), (*node).value);
                if super::is_string(key.tag) {
                    self.mark(key);
                }
                if !Marker::is_white(key) && Marker::is_white(value) {
                    self.mark(value);
                    marked = true;
                }
            }
        }
        marked
    }
}

/// If a node has no value, forgets its key as far as it is an object, which may then go. Answers whether there is no value.
///
/// # Safety
/// The node is one of a live table.
unsafe fn bury_key(node: *mut Node) -> bool {
    // SAFETY: the caller says so.
    unsafe {
        let empty = (*node).value.is_nil();
        if empty && key_of(node).is_object() {
            (*node).key_tag = NODE_DEAD;
        }
        empty
    }
}
