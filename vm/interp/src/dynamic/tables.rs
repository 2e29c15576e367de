//! Reading and writing fields, with the metamethods `__index` and `__newindex`.

use lockstep_bytecode::{Count, ErrorKind, Instr, Reg, Seen};
use lockstep_layout::{Slot, Tag};
use lockstep_runtime::{Metamethod, StringRef, TableRef};

use super::{Go, Here, Outcome, is_function, no_memory, see, see_at};
use crate::slots::read;

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
            let (object, key) = (read(self.operand(1)), read(self.operand(2)));
            if let Some(table) = TableRef::from_slot(object) {
                let value = match StringRef::from_slot(key) {
                    Some(name) => table.get_str(name),
                    None => table.get(key),
                };
                if !value.is_nil() || table.lacks(Metamethod::Index) {
                    see_at(self.s.ip, 3, if key.is(Tag::I64) { Seen::ARRAY } else { Seen::OTHER });
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
            let (object, key, value) = (read(self.operand(0)), read(self.operand(1)), read(self.operand(2)));
            if let Some(table) = TableRef::from_slot(object)
                && key.is(Tag::I64)
                && table.store_int(self.heap(), key.payload as i64, value)
            {
                return Ok(Go::Next);
            }
            self.set_index(object, key, value)
        }
    }

    /// Reads a name that an object has not itself to `to`, where [`Here::search`] finds it; answers whether it does. The value is written word by word: answered as an
    /// `Option`, it would pass through memory, and be copied from there by a wide load.
    ///
    /// # Safety
    /// As for [`Here::search`]; `to` is a slot of the frame.
    #[inline(never)]
    pub unsafe fn inherited(&mut self, object: Slot, name: StringRef, to: *mut Slot) -> bool {
        // SAFETY: the caller says so.
        unsafe {
            let value = self.search(object, name);
            if let Some(value) = value {
                to.write(value);
            }
            value.is_some()
        }
    }

    /// The value of a name that an object has not itself, where tables lead to it: its metatable's `__index` is a table, and so on. `None` leaves anything
    /// else, and errors, to [`Here::index`].
    ///
    /// # Safety
    /// As for [`Here::index`]; the name is an interned string.
    #[inline(always)]
    unsafe fn search(&mut self, mut object: Slot, name: StringRef) -> Option<Slot> {
        // SAFETY: the caller says so.
        unsafe {
            let heap = self.heap();
            for link in 0..CHAIN {
                if link == 1 && lockstep_runtime::planted!("index-chain") {
                    return Some(Slot::NIL);
                }
                let Some(metatable) = heap.metatable(object) else {
                    return object.is(Tag::TABLE).then_some(Slot::NIL);
                };
                let next = heap.metamethod_in(metatable, Metamethod::Index);
                let Some(table) = TableRef::from_slot(next) else {
                    return (next.is_nil() && object.is(Tag::TABLE)).then_some(Slot::NIL);
                };
                let value = table.get_str(name);
                if !value.is_nil() {
                    return Some(value);
                }
                object = next;
            }
            None
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
                            Some(metatable)
                                if value.is_nil() && !(link == 1 && lockstep_runtime::planted!("index-chain")) =>
                            {
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
            // The instruction's registers and the open list are rooted.
            let mut key = i64::from(start);
            for index in 0..count.fixed() {
                let value = read(self.slot(values).add(index));
                table.set_int(self.heap(), key, value).map_err(no_memory)?;
                key += 1;
            }
            if count.is_open() {
                for index in 0..self.vm().dynamic.open.len() {
                    let value = self.vm().dynamic.open[index];
                    table.set_int(self.heap(), key, value).map_err(no_memory)?;
                    key += 1;
                }
                self.vm().dynamic.open.clear();
            }
            Ok(Go::Next)
        }
    }
}
