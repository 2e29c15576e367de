//! Tables: constructors, accesses of every kind, metatables and the objects that have them, method calls.

use super::Class;
use super::function::Writer;
use super::helpers::exactly;
use crate::{Op, Reg, Value};

/// Names of fields.
const NAMES: [&[u8]; 6] = [b"a", b"name", b"field", b"x", b"10", b""];

/// Names of metamethods that functions stand for; the last two are called by the host and at the end of variables.
pub(super) const METHODS: [&[u8]; 24] = [
    b"__add",
    b"__index",
    b"__newindex",
    b"__call",
    b"__eq",
    b"__lt",
    b"__le",
    b"__len",
    b"__concat",
    b"__sub",
    b"__mul",
    b"__div",
    b"__mod",
    b"__pow",
    b"__unm",
    b"__idiv",
    b"__band",
    b"__bor",
    b"__bxor",
    b"__shl",
    b"__shr",
    b"__bnot",
    b"__close",
    b"__tostring",
];

impl Writer<'_> {
    fn name(&mut self) -> Value {
        let name = *self.choices.of(&NAMES);
        self.text(name)
    }

    /// A table, empty or with elements of one kind or of several.
    pub fn table(&mut self, dst: Reg) {
        let (elements, fields) = (self.choices.below(5), self.choices.below(4));
        self.emit(Op::TableAny, &[Value::Reg(dst), Value::Imm(i64::from(elements)), Value::Imm(i64::from(fields))]);
        if self.choices.one_in(3) {
            self.append(dst);
        }
        if self.choices.one_in(3) {
            let (value, name) = (self.operand(Class::Wild), self.name());
            self.emit(Op::SetNameAny, &[Value::Reg(dst), Value::Reg(value), name]);
        }
    }

    /// Appends to a table: values of one class, so that its array part is of their kind, or of any.
    fn append(&mut self, table: Reg) {
        let class = *self.choices.of(&[Class::Int, Class::Float, Class::Flag, Class::Wild]);
        let count = 1 + self.choices.below(5) as usize;
        let values: Vec<Reg> = (0..count).map(|_| self.operand(class)).collect();
        let window = self.window();
        for (i, value) in values.into_iter().enumerate() {
            self.copy(Reg(window.0 + i as u8), value);
        }
        let start = *self.choices.of(&[1, 1, 1, 2, 5]);
        self.emit(Op::AppendAny, &[Value::Reg(table), Value::Reg(window), exactly(count), Value::Imm(start)]);
    }

    /// A key: mostly a small integer or a string.
    fn key(&mut self) -> Reg {
        match self.choices.below(8) {
            0..=2 => {
                let reg = self.output(Class::Int);
                let key = i64::from(self.choices.below(9));
                self.int(reg, key);
                reg
            }
            3 | 4 => self.operand(Class::Text),
            5 => self.operand(Class::Number),
            6 => self.operand(Class::Flag),
            _ => {
                let class = *self.choices.of(&[Class::Table, Class::Function, Class::Routine, Class::Object]);
                self.operand(class)
            }
        }
    }

    pub fn table_access(&mut self) {
        let is_object = self.choices.one_in(4);
        let class = if is_object { Class::Object } else { Class::Table };
        let table = self.input(class);
        let object = Value::Reg(table);
        match self.choices.below(10) {
            0 | 1 => {
                let (name, dst) = (self.name(), self.output(Class::Wild));
                self.emit(Op::GetNameAny, &[Value::Reg(dst), object, name]);
            }
            2 | 3 => {
                let (value, name) = (self.operand(Class::Wild), self.name());
                self.emit(Op::SetNameAny, &[object, Value::Reg(value), name]);
            }
            4 | 5 => {
                let (key, dst) = (self.key(), self.output(Class::Wild));
                self.emit(Op::GetAny, &[Value::Reg(dst), object, Value::Reg(key)]);
            }
            6 | 7 => {
                let (value, key) = (self.operand(Class::Wild), self.key());
                self.emit(Op::SetAny, &[object, Value::Reg(key), Value::Reg(value)]);
            }
            8 if !is_object => self.append(table),
            _ => {
                // Behind the last element.
                let (value, end) = (self.operand(Class::Wild), self.output(Class::Wild));
                self.emit(Op::LenAny, &[Value::Reg(end), object]);
                self.emit(Op::AddImmAny, &[Value::Reg(end), Value::Reg(end), Value::Imm(1)]);
                self.emit(Op::SetAny, &[object, Value::Reg(end), Value::Reg(value)]);
            }
        }
    }

    /// Sets a metamethod: to a function that takes anything, or `__index` and `__newindex` to a table.
    fn set_method(&mut self, metatable: Reg, name: &[u8]) {
        let takes_table = matches!(name, b"__index" | b"__newindex") && self.choices.one_in(2);
        let value = if takes_table { self.input(Class::Table) } else { self.input(Class::Function) };
        let name = self.text(name);
        self.emit(Op::SetNameAny, &[Value::Reg(metatable), Value::Reg(value), name]);
    }

    /// An object: a table whose metatable has some metamethods, the given ones among them.
    pub fn object(&mut self, dst: Reg, with: &[&[u8]]) {
        let metatable = match self.choices.one_in(4) && with.is_empty() {
            // One that other objects may have, too.
            true => self.input(Class::Table),
            false => {
                let fresh = self.own_registers(1);
                match self.helpers.methods {
                    // One that has all of them.
                    Some(methods) if self.choices.below(4) != 3 => {
                        let function = self.input(Class::Function);
                        let window = self.window();
                        self.helper(window, methods, None);
                        self.arguments(window, &[function]);
                        self.emit(Op::CallAny, &[Value::Reg(window), exactly(1), exactly(1)]);
                        self.copy(fresh, window);
                    }
                    _ => self.emit(Op::TableAny, &[Value::Reg(fresh), Value::Imm(0), Value::Imm(4)]),
                }
                fresh
            }
        };
        for name in with {
            self.set_method(metatable, name);
        }
        for _ in 0..self.choices.below(5) {
            let name = *self.choices.of(&METHODS);
            self.set_method(metatable, name);
        }
        self.table(dst);
        self.set_metatable(dst, metatable);
    }

    pub fn set_metatable(&mut self, table: Reg, metatable: Reg) {
        let window = self.window();
        self.import(window, "setmetatable");
        self.arguments(window, &[table, metatable]);
        self.emit(Op::CallAny, &[Value::Reg(window), exactly(2), exactly(0)]);
    }

    /// Gives an object another metatable, or its metatable another metamethod, or takes one away.
    pub fn change_metatable(&mut self) {
        let object = self.input(Class::Object);
        if self.choices.one_in(3) {
            let metatable = self.input(Class::Table);
            return self.set_metatable(object, metatable);
        }
        let window = self.window();
        self.import(window, "getmetatable");
        self.arguments(window, &[object]);
        self.emit(Op::CallAny, &[Value::Reg(window), exactly(1), exactly(1)]);
        let metatable = self.own_registers(1);
        self.copy(metatable, window);
        let skip = self.builder.label();
        self.emit(Op::JumpNilAny, &[Value::Reg(metatable), Value::Label(skip.target())]);
        let before = self.assigned;
        if self.choices.one_in(3) {
            let name = *self.choices.of(&METHODS);
            let nil = self.output(Class::Wild);
            self.emit(Op::NilAny, &[Value::Reg(nil)]);
            let name = self.text(name);
            self.emit(Op::SetNameAny, &[Value::Reg(metatable), Value::Reg(nil), name]);
        } else {
            let name = *self.choices.of(&METHODS);
            self.set_method(metatable, name);
        }
        self.builder.bind(skip);
        self.assigned = before;
    }

    /// Calls a method, which was put there before most of the time.
    pub fn method_call(&mut self) {
        let class = *self.choices.of(&[Class::Table, Class::Object]);
        let (object, name) = (self.input(class), self.name());
        if !self.choices.one_in(4) {
            let function = self.input(Class::Function);
            self.emit(Op::SetNameAny, &[Value::Reg(object), Value::Reg(function), name]);
        }
        let arg = self.operand(Class::Wild);
        let window = self.window();
        self.emit(Op::MethodAny, &[Value::Reg(window), Value::Reg(object), name]);
        self.copy(Reg(window.0 + 2), arg);
        let op = if !self.is_entry && self.choices.one_in(3) { Op::CallAny } else { Op::PcallAny };
        self.emit(op, &[Value::Reg(window), exactly(2), exactly(2)]);
        self.keep(window, 2);
    }
}
