//! Reading and writing fields, with the metamethods `__index` and `__newindex`.

use lockstep_bytecode::{Count, ErrorKind, Instr, Reg, Seen};
use lockstep_layout::{Slot, Tag};
use lockstep_runtime::{Metamethod, TableRef};

use super::{Go, Here, Outcome, is_function, no_memory, see};

/// How often `__index` and `__newindex` may lead on to another value.
const CHAIN: usize = 2000;

impl Here<'_> {
    /// `get`, of anything but a present element.
    ///
    /// # Safety
    /// As for [`Here::index`].
    #[inline(never)]
    pub unsafe fn get(&mut self) -> Outcome {
        // SAFETY: the caller says so: the operands are three registers.
        unsafe {
            let (object, key) = (*self.operand(1), *self.operand(2));
            if let Some(table) = TableRef::from_slot(object) {
                let value = table.get(key);
                if !value.is_nil() || table.metatable().is_none() {
                    see(self.s.ip, if key.is(Tag::I64) { Seen::ARRAY } else { Seen::OTHER });
                    self.operand(0).write(value);
                    return Ok(Go::Next);
                }
            }
            self.index(object, key)
        }
    }

    /// `set`, of anything but a present element.
    ///
    /// # Safety
    /// As for [`Here::index`], at an instruction that writes a field.
    #[inline(never)]
    pub unsafe fn set(&mut self) -> Outcome {
        // SAFETY: the caller says so: the operands are three registers.
        unsafe {
            let (object, key, value) = (*self.operand(0), *self.operand(1), *self.operand(2));
            if let Some(table) = TableRef::from_slot(object)
                && key.is(Tag::I64)
                && table.store_int(self.heap(), key.payload as i64, value)
            {
                return Ok(Go::Next);
            }
            self.set_index(object, key, value)
        }
    }

    /// Reads a key of a value. The result comes where the instruction wants it.
    ///
    /// # Safety
    /// The registers are those of a running activation at an instruction that reads a field; nobody else uses the VM.
    #[inline(never)]
    pub unsafe fn index(&mut self, mut object: Slot, key: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            for link in 0..CHAIN {
                let method = match TableRef::from_slot(object) {
                    Some(table) => {
                        let value = table.get(key);
                        let method = match table.metatable() {
                            Some(metatable) if value.is_nil() => {
                                self.heap().metamethod_in(metatable, Metamethod::Index)
                            }
                            _ => Slot::NIL,
                        };
                        if method.is_nil() {
                            self.stage_values(&[value]);
                            return self.deliver(0);
                        }
                        method
                    }
                    None => {
                        let method = self.heap().metamethod(object, Metamethod::Index);
                        if method.is_nil() {
                            return self.not_indexable(object, link == 0);
                        }
                        method
                    }
                };
                if is_function(method) {
                    see(self.s.ip, Seen::METAMETHOD);
                    self.stage_values(&[object, key]);
                    return self.call_value(method, 0);
                }
                object = method;
            }
            self.fail(ErrorKind::TypeError, "'__index' chain too long; possible loop".to_owned())
        }
    }

    /// Writes a key of a value.
    ///
    /// # Safety
    /// As for [`Here::index`], at an instruction that writes a field.
    #[inline(never)]
    pub unsafe fn set_index(&mut self, mut object: Slot, key: Slot, value: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            for link in 0..CHAIN {
                let method = match TableRef::from_slot(object) {
                    Some(table) => {
                        let method = match table.metatable() {
                            Some(metatable) => self.heap().metamethod_in(metatable, Metamethod::NewIndex),
                            None => Slot::NIL,
                        };
                        if method.is_nil() || !table.get(key).is_nil() {
                            return match table.set(self.heap(), key, value) {
                                Ok(()) => Ok(Go::Next),
                                Err(error) => self.table_error(error),
                            };
                        }
                        method
                    }
                    None => {
                        let method = self.heap().metamethod(object, Metamethod::NewIndex);
                        if method.is_nil() {
                            return self.not_indexable(object, link == 0);
                        }
                        method
                    }
                };
                if is_function(method) {
                    see(self.s.ip, Seen::METAMETHOD);
                    self.stage_values(&[object, key, value]);
                    return self.call_value(method, 0);
                }
                object = method;
            }
            self.fail(ErrorKind::TypeError, "'__newindex' chain too long; possible loop".to_owned())
        }
    }

    /// # Safety
    /// As for [`Here::index`].
    #[cold]
    unsafe fn not_indexable(&mut self, object: Slot, is_named: bool) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let reg = match self.instr() {
                Instr::GetNameAny { object, .. }
                | Instr::SetNameAny { object, .. }
                | Instr::GetAny { object, .. }
                | Instr::SetAny { object, .. }
                | Instr::MethodAny { object, .. } => Some(object),
                _ => None,
            };
            // What metamethods have led to has no name.
            let name = reg.filter(|_| is_named).map_or(String::new(), |reg| self.describe(reg));
            let message = format!("attempt to index a {} value{name}", self.type_of(object));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// `table`.
    ///
    /// # Safety
    /// As for [`Here::index`].
    #[inline(never)]
    pub unsafe fn new_table(&mut self, dst: Reg, elements: u16, fields: u16) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let table = self.heap().new_table(u32::from(elements), u32::from(fields)).map_err(no_memory)?;
            self.slot(dst).write(table.slot());
            Ok(Go::Next)
        }
    }

    /// `append`.
    ///
    /// # Safety
    /// As for [`Here::index`].
    #[inline(never)]
    pub unsafe fn append(&mut self, table: Reg, values: Reg, count: Count, start: u16) -> Outcome {
        // SAFETY: the caller says so. What is staged is rooted while the table grows.
        unsafe {
            self.store_pc();
            let Some(table) = TableRef::from_slot(*self.slot(table)) else {
                let message = format!("elements of a {} value", self.type_of(*self.slot(table)));
                return self.fail(ErrorKind::TypeError, message);
            };
            self.stage(values, 0, count);
            for index in 0..self.vm().dynamic.staged.len() {
                let value = self.vm().dynamic.staged[index];
                table.set_int(self.heap(), i64::from(start) + index as i64, value).map_err(no_memory)?;
            }
            self.vm().dynamic.staged.clear();
            Ok(Go::Next)
        }
    }
}
