//! Metamethods of Lua 5.4: their names, and where the metatable of a value is.

use lockstep_layout::{ObjectHeader, Slot, TableHeader, Tag, UserdataHeader};

use crate::heap::Heap;
use crate::table::TableRef;

macro_rules! metamethods {
    ($($(#[$doc:meta])* $Name:ident $text:literal;)*) => {
        /// A metamethod; its number is its bit in [`TableHeader::absent`].
        #[repr(u8)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Metamethod {
            $($(#[$doc])* $Name,)*
        }

        impl Metamethod {
            /// Every metamethod, in order of its number.
            pub const ALL: &'static [Metamethod] = &[$(Metamethod::$Name),*];

            /// The key in metatables.
            pub const fn name(self) -> &'static str {
                match self { $(Metamethod::$Name => $text,)* }
            }
        }
    };
}

metamethods! {
    /// Reading an absent key.
    Index "__index";
    /// Writing an absent key.
    NewIndex "__newindex";
    /// Calling what is no function.
    Call "__call";
    /// `a == b` of two tables or two userdata.
    Eq "__eq";
    /// `a < b`.
    Lt "__lt";
    /// `a <= b`.
    Le "__le";
    /// `#a`.
    Len "__len";
    /// `a .. b`.
    Concat "__concat";
    /// `a + b`.
    Add "__add";
    /// `a - b`.
    Sub "__sub";
    /// `a * b`.
    Mul "__mul";
    /// `a / b`.
    Div "__div";
    /// `a % b`.
    Mod "__mod";
    /// `a ^ b`.
    Pow "__pow";
    /// `-a`.
    Unm "__unm";
    /// `a // b`.
    IDiv "__idiv";
    /// `a & b`.
    BAnd "__band";
    /// `a | b`.
    BOr "__bor";
    /// `a ~ b`.
    BXor "__bxor";
    /// `a << b`.
    Shl "__shl";
    /// `a >> b`.
    Shr "__shr";
    /// `~a`.
    BNot "__bnot";
    /// The collector has found the object unreachable.
    Gc "__gc";
    /// A to-be-closed variable goes out of scope.
    Close "__close";
    /// Which references of a table are weak.
    Mode "__mode";
    /// What `tostring` calls.
    ToString "__tostring";
    /// The name of a type in messages.
    Name "__name";
    /// What `pairs` calls.
    Pairs "__pairs";
    /// What `getmetatable` answers, and why `setmetatable` refuses.
    Metatable "__metatable";
}

const _: () = assert!(Metamethod::ALL.len() <= u32::BITS as usize, "each has a bit in a table's word");

/// The metatables that all values of a kind share; tables and userdata have their own.
#[derive(Debug, Default)]
pub struct Metatables([Option<TableRef>; Tag::USERDATA.0 as usize + 1]);

impl Metatables {
    /// All that are set.
    pub fn iter(&self) -> impl Iterator<Item = TableRef> + '_ {
        self.0.iter().flatten().copied()
    }
}

impl TableRef {
    /// Whether the table has no metatable, or one that is known to lack a metamethod.
    ///
    /// # Safety
    /// The table is live.
    #[inline(always)]
    pub unsafe fn lacks(self, event: Metamethod) -> bool {
        // SAFETY: the table is live, and its metatable with it.
        unsafe {
            let metatable = (*self.as_ptr()).metatable as *const TableHeader;
            metatable.is_null() || (*metatable).absent & (1 << event as u32) != 0
        }
    }
}

impl Heap {
    /// Sets the metatable that all values with a tag share.
    ///
    /// # Panics
    /// If values with this tag have their own, or none.
    pub fn set_kind_metatable(&mut self, tag: Tag, metatable: Option<TableRef>) {
        assert!(tag != Tag::TABLE && tag.0 < Tag::USERDATA.0, "{tag:?} has no shared metatable");
        self.metatables.0[tag.0 as usize] = metatable;
    }

    /// The metatable of a value.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn metatable(&self, value: Slot) -> Option<TableRef> {
        // SAFETY: a valid slot of these tags holds the address of such a live object; its metatable is live with it.
        unsafe {
            let metatable = match Tag(value.tag) {
                Tag::TABLE => (*(value.payload as *const TableHeader)).metatable,
                Tag::USERDATA => (*(value.payload as *const UserdataHeader)).metatable,
                _ => return self.metatables.0.get(value.tag as usize).copied().flatten(),
            };
            (metatable != 0).then(|| TableRef::from_payload(metatable))
        }
    }

    /// The metamethod of a value, or nil.
    ///
    /// # Safety
    /// The slot is valid, and what it refers to is live.
    #[inline]
    pub unsafe fn metamethod(&self, value: Slot, event: Metamethod) -> Slot {
        // SAFETY: the caller says so.
        unsafe { self.metatable(value).map_or(Slot::NIL, |metatable| self.metamethod_in(metatable, event)) }
    }

    /// An object has got this metatable: the barrier, and what `__gc` asks for.
    ///
    /// # Safety
    /// Both are live and of this heap.
    pub(crate) unsafe fn metatable_was_set(&mut self, object: *mut ObjectHeader, metatable: Option<TableRef>) {
        let Some(metatable) = metatable else { return };
        // SAFETY: the caller says so.
        unsafe {
            self.barrier(object);
            if !self.metamethod_in(metatable, Metamethod::Gc).is_nil() {
                self.register_finalizer(object);
            }
        }
    }

    /// The metamethod that a metatable has, or nil.
    ///
    /// # Safety
    /// The table is live.
    #[inline]
    pub unsafe fn metamethod_in(&self, metatable: TableRef, event: Metamethod) -> Slot {
        let bit = 1 << event as u32;
        // SAFETY: the table is live.
        unsafe {
            if (*metatable.as_ptr()).absent & bit != 0 {
                return Slot::NIL;
            }
            let method = metatable.get_str(self.name(event));
            if method.is_nil() {
                (*metatable.as_ptr()).absent |= bit;
            }
            method
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_remembered_until_a_key_appears() {
        let mut heap = Heap::new(1 << 20);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let meta = heap.new_table(0, 0).unwrap();
            let table = heap.new_table(0, 0).unwrap();
            assert_eq!(heap.metamethod(table.slot(), Metamethod::Index), Slot::NIL, "there is no metatable");
            table.set_metatable(&mut heap, Some(meta));
            assert_eq!(heap.metamethod(table.slot(), Metamethod::Index), Slot::NIL);
            assert_ne!((*meta.as_ptr()).absent & 1 << Metamethod::Index as u32, 0);
            let index = heap.name(Metamethod::Index);
            meta.set_str(&mut heap, index, Slot::i64(7)).unwrap();
            assert_eq!(heap.metamethod(table.slot(), Metamethod::Index), Slot::i64(7));
            // Removed, looked for, and back in the very node it had.
            meta.set_str(&mut heap, index, Slot::NIL).unwrap();
            assert_eq!(heap.metamethod(table.slot(), Metamethod::Index), Slot::NIL);
            meta.set(&mut heap, index.slot(), Slot::TRUE).unwrap();
            assert_eq!(heap.metamethod(table.slot(), Metamethod::Index), Slot::TRUE);
        }
    }

    #[test]
    fn kinds_share_metatables() {
        let mut heap = Heap::new(1 << 20);
        // SAFETY: the heap lives, and nothing is collected.
        unsafe {
            let meta = heap.new_table(0, 0).unwrap();
            heap.set_kind_metatable(Tag::STRING, Some(meta));
            let string = heap.new_string(b"x").unwrap();
            assert_eq!(heap.metatable(string.slot()), Some(meta));
            assert_eq!(heap.metatable(Slot::i64(1)), None);
            assert_eq!(heap.metatable(Slot { payload: 0, tag: Tag::ARR_I64.0 }), None);
        }
    }

    #[test]
    fn names_are_interned_and_free() {
        let mut heap = Heap::new(1 << 20);
        assert_eq!(heap.used(), 0, "what belongs to the heap does not count");
        for &event in Metamethod::ALL {
            assert_eq!(heap.new_string(event.name().as_bytes()).unwrap(), heap.name(event));
        }
        assert_eq!(heap.used(), 0);
    }
}
