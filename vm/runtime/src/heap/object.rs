//! References to heap objects: copyable addresses with a type.

/// Defines a reference type for objects of one kind whose references carry one tag.
macro_rules! reference {
    ($(#[$doc:meta])* $Name:ident, $Header:ty, $tag:expr) => {
        $(#[$doc])*
        ///
        /// It is an address and keeps nothing alive; whoever dereferences it answers for the object's life.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(transparent)]
        pub struct $Name(std::ptr::NonNull<$Header>);

        impl $Name {
            /// The object behind a payload word.
            ///
            /// # Safety
            /// `payload` is the address of a live object of this kind.
            #[inline(always)]
            pub unsafe fn from_payload(payload: u64) -> $Name {
                // SAFETY: the caller says that this is an object's address, which is not null.
                $Name(unsafe { std::ptr::NonNull::new_unchecked(payload as *mut $Header) })
            }

            /// The object that a slot refers to, if it is of this kind.
            ///
            /// # Safety
            /// The slot is valid, and what it refers to is live.
            #[inline(always)]
            pub unsafe fn from_slot(slot: lockstep_layout::Slot) -> Option<$Name> {
                // SAFETY: a valid slot with this tag holds the address of such an object.
                slot.is($tag).then(|| unsafe { $Name::from_payload(slot.payload) })
            }

            /// The payload word of a slot that refers to this object.
            #[inline(always)]
            pub fn payload(self) -> u64 {
                self.0.as_ptr() as u64
            }

            /// A slot that refers to this object.
            #[inline(always)]
            pub fn slot(self) -> lockstep_layout::Slot {
                lockstep_layout::Slot { payload: self.payload(), tag: $tag.0 }
            }

            /// The object's record.
            #[inline(always)]
            pub fn as_ptr(self) -> *mut $Header {
                self.0.as_ptr()
            }

            /// The object's common header.
            #[inline(always)]
            pub fn header(self) -> *mut lockstep_layout::ObjectHeader {
                self.0.as_ptr().cast()
            }
        }
    };
}
pub(crate) use reference;
