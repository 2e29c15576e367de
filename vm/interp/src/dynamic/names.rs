//! What values are called in messages: ` (local 'x')`, ` (field 'y')`; the runtime knows the names.

use lockstep_bytecode::{FuncId, Reg};
use lockstep_layout::Slot;
use lockstep_runtime::{Named, type_name};

use super::Here;

impl Here<'_> {
    /// What a register of the frame is called at the current instruction, as messages have it; nothing if it has no name, as all registers of a library.
    ///
    /// # Safety
    /// The registers are those of a running activation, and nobody else uses the VM.
    pub unsafe fn describe(&self, reg: Reg) -> String {
        // SAFETY: the frame is live; the module lives as long as the VM.
        let named = unsafe {
            let func = FuncId((*self.s.frame).func);
            let modules = self.vm().modules();
            if modules.is_library(func) { None } else { modules.name_of(func, self.s.pc(), reg) }
        };
        in_parentheses(named)
    }

    /// What the function is called that the current instruction calls. It has no name if the caller is not the program: a library, or a function of the host that runs on top of the frame.
    ///
    /// # Safety
    /// As for [`Here::describe`]; the frame may be none.
    pub unsafe fn name_of_callee(&self) -> Option<Named> {
        // SAFETY: the caller says so.
        unsafe {
            if self.s.frame.is_null() || self.is_in_library() || self.is_in_host() {
                return None;
            }
            self.vm().modules().name_of_callee(FuncId((*self.s.frame).func), self.s.pc())
        }
    }

    /// Whether a function of the host runs that the frame has called.
    ///
    /// # Safety
    /// As for [`Here::describe`].
    pub unsafe fn is_in_host(&self) -> bool {
        // SAFETY: the caller says so.
        unsafe { self.vm() }.dynamic.host_stack.last().is_some_and(|host| host.frame == self.s.frame)
    }

    /// What a value's type is called: its metatable's `__name`, or that of its type.
    ///
    /// # Safety
    /// As for [`Here::describe`].
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

/// A name as it stands in messages.
pub fn in_parentheses(named: Option<Named>) -> String {
    named.map_or(String::new(), |named| format!(" ({named})"))
}
