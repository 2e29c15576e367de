//! Bytes, parts and places of strings. Indices count from 1, and from the end if they are negative, as Lua's `string.byte`, `string.sub` and `string.find` have it; numbers
//! do not stand for strings here.

use lockstep_bytecode::{ErrorKind, Reg};
use lockstep_layout::Slot;
use lockstep_runtime::{StringRef, bytes, to_integer, to_number};

use super::{Go, Here, Outcome, no_memory};

impl Here<'_> {
    /// The bytes of the string in a register. They are live as long as the register holds it.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    unsafe fn string_in<'a>(&self, reg: Reg) -> Result<&'a [u8], ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let value = *self.slot(reg);
            match StringRef::from_slot(value) {
                Some(string) => Ok(string.bytes()),
                None => self.unexpected("string", value, reg),
            }
        }
    }

    /// The integer in a register.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    unsafe fn index_in(&self, reg: Reg) -> Result<i64, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let value = *self.slot(reg);
            match to_integer(value) {
                Some(index) => Ok(index),
                None if to_number(value).is_nil() => self.unexpected("number", value, reg),
                None => Err(ErrorKind::Conversion),
            }
        }
    }

    /// # Safety
    /// As for [`Here::string_in`].
    #[cold]
    unsafe fn unexpected<T>(&self, wanted: &str, value: Slot, reg: Reg) -> Result<T, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let message = format!("{wanted} expected, got {}{}", self.type_of(value), self.describe(reg));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// `byte`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_byte(&mut self, dst: Reg, a: Reg, at: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let (text, at) = (self.string_in(a)?, self.index_in(at)?);
            let byte = bytes::part(text, at, at).first();
            self.slot(dst).write(byte.map_or(Slot::NIL, |&byte| Slot::i64(byte.into())));
            Ok(Go::Next)
        }
    }

    /// `slice`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_slice(&mut self, dst: Reg, a: Reg, first: Reg, last: Reg) -> Outcome {
        // SAFETY: the caller says so. The string is in a register that is live at this instruction.
        unsafe {
            self.store_pc();
            let text = self.string_in(a)?;
            let part = bytes::part(text, self.index_in(first)?, self.index_in(last)?);
            let string = match part.len() == text.len() {
                true => *self.slot(a),
                false => self.heap().new_string(part).map_err(no_memory)?.slot(),
            };
            self.slot(dst).write(string);
            Ok(Go::Next)
        }
    }

    /// `find`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_find(&mut self, dst: Reg, a: Reg, b: Reg, first: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let (text, wanted) = (self.string_in(a)?, self.string_in(b)?);
            let found = bytes::find(text, wanted, bytes::start(self.index_in(first)?, text.len()));
            self.slot(dst).write(found.map_or(Slot::NIL, |at| Slot::i64(at as i64 + 1)));
            Ok(Go::Next)
        }
    }
}
