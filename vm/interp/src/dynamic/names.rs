//! What values are called in messages: ` (local 'x')`, ` (field 'y')`; the runtime knows the names.

use lockstep_bytecode::{FuncId, Reg};
use lockstep_layout::Slot;
use lockstep_runtime::{Named, type_name};

use super::Here;

impl Here<'_> {
    /// What a register of the frame is called at the current instruction.
    ///
    /// # Safety
    /// The registers are those of a running activation, and nobody else uses the VM.
    pub unsafe fn name_of(&self, reg: Reg) -> Option<Named> {
        // SAFETY: the frame is live; the module lives as long as the VM.
        unsafe { self.vm().modules().name_of(FuncId((*self.s.frame).func), self.s.pc(), reg) }
    }

    /// The same, as messages have it; nothing if the register has no name.
    ///
    /// # Safety
    /// As for [`Here::name_of`].
    pub unsafe fn describe(&self, reg: Reg) -> String {
        // SAFETY: the caller says so.
        unsafe { self.name_of(reg) }.map_or(String::new(), |named| format!(" ({named})"))
    }

    /// What a value's type is called: its metatable's `__name`, or that of its type.
    ///
    /// # Safety
    /// As for [`Here::name_of`].
    pub unsafe fn type_of(&self, value: Slot) -> String {
        // SAFETY: the caller says so; a metatable's name is live with it.
        unsafe {
            let heap = self.heap();
            let named = heap.metamethod(value, lockstep_runtime::Metamethod::Name);
            match lockstep_runtime::StringRef::from_slot(named) {
                Some(text) => String::from_utf8_lossy(text.bytes()).into_owned(),
                None => type_name(value).to_owned(),
            }
        }
    }
}
