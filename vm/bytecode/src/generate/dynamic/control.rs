//! Conditionals, loops, and scopes whose variables end.

use super::Class;
use super::function::{Holds, Writer};
use super::helpers::exactly;
use crate::{Capture, FuncId, Op, Reg, Template, Value};

impl Writer<'_> {
    pub fn conditional(&mut self, depth: u32) -> bool {
        let (otherwise, end) = (self.builder.label(), self.builder.label());
        self.branch(otherwise);
        let before = self.assigned;
        let first_ends = self.block(depth + 1);
        let has_else = self.choices.one_in(2);
        if has_else && !first_ends {
            self.jump(end);
        }
        let after_first = self.assigned;
        self.builder.bind(otherwise);
        self.assigned = before;
        let second_ends = has_else && self.block(depth + 1);
        self.builder.bind(end);
        self.assigned = match (first_ends, second_ends) {
            (true, _) => self.assigned,
            (false, true) => after_first,
            (false, false) => self.assigned.intersection(after_first),
        };
        first_ends && second_ends
    }

    fn may_loop(&self) -> bool {
        self.loop_depth < 1 + u32::from(self.is_entry)
    }

    /// Ends the variables from a register on at the end of a loop's body, so that each round has its own.
    fn close_from(&mut self, first: Reg) {
        if self.choices.below(3) != 0 {
            self.emit(Op::CloseAny, &[Value::Imm(i64::from(first.0))]);
        }
    }

    /// `for_prep base, out; body; for_loop base, body; out:`.
    pub fn numeric_loop(&mut self, depth: u32) -> bool {
        if !self.may_loop() {
            self.operation();
            return false;
        }
        let base = self.own_registers(3);
        let variable = self.register(Holds::Any(Class::Number));
        self.reserved.insert(variable);
        let step = Reg(base.0 + 2);
        let rounds = i64::from(self.choices.below(5));
        let (from, to, by): (i64, i64, i64) = match self.choices.below(5) {
            0 | 1 => (1, rounds, 1),
            2 => (rounds, 1, -1),
            3 => (10, 10 + 3 * rounds, 3),
            // The last round is the last integer there is.
            _ => (i64::MAX - rounds, i64::MAX, 1),
        };
        for (i, number) in [from, to, by].into_iter().enumerate() {
            let id = self.builder.constant(number as u64);
            self.emit(Op::PoolIntAny, &[Value::Reg(Reg(base.0 + i as u8)), Value::Pool(id)]);
        }
        match self.choices.below(10) {
            8 => {
                let half = self.builder.constant((by as f64 * 0.75).to_bits());
                self.emit(Op::PoolFloatAny, &[Value::Reg(step), Value::Pool(half)]);
            }
            9 => {
                // Any limit, and as many rounds as the budget of the loop has.
                let limit = self.operand(Class::Wild);
                self.copy(Reg(base.0 + 1), limit);
            }
            _ => {}
        }
        let (body, out) = (self.builder.label(), self.builder.label());
        let fuse = self.fuse();
        self.emit(Op::ForPrepAny, &[Value::Reg(base), Value::Label(out.target())]);
        let before = self.assigned;
        self.builder.bind(body);
        self.blow(fuse, 6, out);
        self.loop_depth += 1;
        let ends = self.block(depth + 1);
        self.loop_depth -= 1;
        if !ends {
            self.close_from(variable);
            self.emit(Op::ForLoopAny, &[Value::Reg(base), Value::Label(body.target())]);
        }
        self.builder.bind(out);
        self.assigned = before;
        // It is nil where there was no round.
        self.assigned.remove(variable);
        false
    }

    /// A register that counts the rounds of a loop which might not end.
    fn fuse(&mut self) -> Reg {
        let fuse = self.register(Holds::Any(Class::Int));
        self.reserved.insert(fuse);
        self.int(fuse, 0);
        fuse
    }

    fn blow(&mut self, fuse: Reg, rounds: i64, out: crate::Label) {
        self.emit(Op::AddImmAny, &[Value::Reg(fuse), Value::Reg(fuse), Value::Imm(1)]);
        self.emit(Op::JumpGtImmAny, &[Value::Reg(fuse), Value::Imm(rounds), Value::Label(out.target())]);
    }

    /// `jump test; body: …; test: for_in base, n, body; out:`, over a table, by a function that counts, through a coroutine, or by any function.
    pub fn iterator_loop(&mut self, depth: u32) -> bool {
        if !self.may_loop() {
            self.operation();
            return false;
        }
        let form = self.choices.below(5);
        let state = match form {
            0 | 1 => self.operand(Class::Table),
            2 => self.operand(Class::Object),
            3 => self.operand(Class::Int),
            _ => self.operand(Class::Wild),
        };
        let function = self.output(Class::Function);
        match (form, self.helpers.counting, self.helpers.wrapped) {
            (3, Some(counting), _) => self.helper(function, counting, None),
            (4, _, Some(wrapped)) => {
                let routine = self.input_routine();
                self.helper(function, wrapped, Some(routine));
            }
            (0..=2, ..) => self.import(function, "next"),
            _ => self.some_function(function),
        }
        let closing = self.choices.one_in(4).then(|| {
            let closer = self.output(Class::Object);
            self.object(closer, &[b"__close"]);
            closer
        });
        let fuse = self.fuse();
        let base = self.own_registers(4);
        let count = 1 + self.choices.below(2) as usize;
        let first = self.register(Holds::Any(Class::Wild));
        for _ in 1..count {
            self.register(Holds::Any(Class::Wild));
        }
        for i in 0..count {
            self.reserved.insert(Reg(first.0 + i as u8));
        }
        self.copy(base, function);
        self.copy(Reg(base.0 + 1), state);
        match form {
            3 => self.int(Reg(base.0 + 2), 0),
            _ => self.emit(Op::NilAny, &[Value::Reg(Reg(base.0 + 2))]),
        }
        let last = Reg(base.0 + 3);
        match closing {
            Some(closer) => {
                self.copy(last, closer);
                self.emit(Op::ToBeClosedAny, &[Value::Reg(last)]);
            }
            None => self.emit(Op::NilAny, &[Value::Reg(last)]),
        }
        let (body, test, out) = (self.builder.label(), self.builder.label(), self.builder.label());
        let before = self.assigned;
        self.jump(test);
        self.builder.bind(body);
        (0..count).for_each(|i| self.assigned.insert(Reg(first.0 + i as u8)));
        self.blow(fuse, 8, out);
        self.loop_depth += 1;
        let ends = self.block(depth + 1);
        self.loop_depth -= 1;
        if !ends {
            self.close_from(first);
        }
        self.builder.bind(test);
        self.assigned = before;
        self.emit(Op::ForInAny, &[Value::Reg(base), exactly(count), Value::Label(body.target())]);
        self.builder.bind(out);
        self.assigned = before;
        if closing.is_some() {
            self.emit(Op::CloseAny, &[Value::Imm(i64::from(last.0))]);
        }
        false
    }

    fn input_routine(&mut self) -> Reg {
        let routine = self.output(Class::Routine);
        self.fill(routine, Class::Routine);
        routine
    }

    /// A closure of a helper over a register.
    pub fn helper(&mut self, dst: Reg, helper: FuncId, capture: Option<Reg>) {
        let captures = capture.map(Capture::Register).into_iter().collect();
        let template = self.builder.template(Template { func: helper, captures }).expect("there are few templates");
        self.emit(Op::ClosureAny, &[Value::Reg(dst), Value::Template(template)]);
    }

    /// `head: body; counter += 1; head if counter < rounds`.
    pub fn counted_loop(&mut self, depth: u32) -> bool {
        if !self.may_loop() {
            self.operation();
            return false;
        }
        let counter = self.fuse();
        let rounds = i64::from(1 + self.choices.below(5));
        let head = self.builder.label();
        self.builder.bind(head);
        let first = Reg(self.holds.len() as u8);
        self.loop_depth += 1;
        let ends = self.block(depth + 1);
        self.loop_depth -= 1;
        if ends {
            return true;
        }
        if usize::from(first.0) < self.holds.len() {
            self.close_from(first);
        }
        self.emit(Op::AddImmAny, &[Value::Reg(counter), Value::Reg(counter), Value::Imm(1)]);
        self.emit(Op::JumpLtImmAny, &[Value::Reg(counter), Value::Imm(rounds), Value::Label(head.target())]);
        false
    }

    /// A block with a variable that is closed behind it, however it is left.
    pub fn scope(&mut self, depth: u32) -> bool {
        let closer = self.output(Class::Object);
        self.object(closer, &[b"__close"]);
        let variable = self.own_registers(1);
        if self.choices.one_in(20) {
            let value = self.operand(Class::Wild);
            self.copy(variable, value);
        } else {
            self.copy(variable, closer);
        }
        self.emit(Op::ToBeClosedAny, &[Value::Reg(variable)]);
        if self.block(depth + 1) {
            return true;
        }
        self.emit(Op::CloseAny, &[Value::Imm(i64::from(variable.0))]);
        false
    }

    /// Weak tables and finalizers, looked at behind full collections: how many entries are left, how many finalizers have run.
    pub fn collector_scene(&mut self) {
        if !self.has_room(60) {
            return self.operation();
        }
        match self.choices.below(2) {
            0 => self.weak_scene(),
            _ => self.finalizer_scene(),
        }
    }

    fn call_host(&mut self, name: &str, args: &[Reg]) {
        let window = self.window();
        self.import(window, name);
        self.arguments(window, args);
        self.emit(Op::CallAny, &[Value::Reg(window), exactly(args.len()), exactly(0)]);
    }

    /// A loop of eight rounds; each is an event, at which finalizers run.
    fn eight_times(&mut self, body: impl FnOnce(&mut Self)) {
        let rounds = self.fuse();
        let head = self.builder.label();
        self.builder.bind(head);
        body(self);
        self.emit(Op::AddImmAny, &[Value::Reg(rounds), Value::Reg(rounds), Value::Imm(1)]);
        self.emit(Op::JumpLtImmAny, &[Value::Reg(rounds), Value::Imm(8), Value::Label(head.target())]);
    }

    fn weak_scene(&mut self) {
        let (weak, meta, key, count) =
            (self.own_registers(1), self.own_registers(1), self.own_registers(1), self.own_registers(1));
        let new_table = |this: &mut Self, reg| {
            this.emit(Op::TableAny, &[Value::Reg(reg), Value::Imm(0), Value::Imm(0)]);
        };
        new_table(self, weak);
        new_table(self, meta);
        let mode = *self.choices.of(&[&b"k"[..], b"v", b"kv"]);
        let (mode, name) = (self.text(mode), self.text(b"__mode"));
        self.emit(Op::StringAny, &[Value::Reg(key), mode]);
        self.emit(Op::SetNameAny, &[Value::Reg(meta), Value::Reg(key), name]);
        self.set_metatable(weak, meta);
        for _ in 0..1 + self.choices.below(6) {
            // The key, the value, both or neither are held by something else.
            let (held_key, held_value) = (self.choices.one_in(2), self.choices.one_in(2));
            let class = *self.choices.of(&[Class::Table, Class::Object, Class::Function, Class::Text, Class::Int]);
            if held_key {
                let held = self.input(class);
                self.copy(key, held);
            } else {
                new_table(self, key);
            }
            let value = self.own_registers(1);
            match self.choices.below(4) {
                // A value that leads back to its key, or on to another one.
                0 => {
                    new_table(self, value);
                    let name = self.text(b"back");
                    self.emit(Op::SetNameAny, &[Value::Reg(value), Value::Reg(key), name]);
                }
                1 => self.copy(value, key),
                _ if held_value => {
                    let held = self.input(Class::Table);
                    self.copy(value, held);
                }
                _ => new_table(self, value),
            }
            self.emit(Op::SetAny, &[Value::Reg(weak), Value::Reg(key), Value::Reg(value)]);
            self.emit(Op::NilAny, &[Value::Reg(value)]);
        }
        self.emit(Op::NilAny, &[Value::Reg(key)]);
        // An entry that goes may have held the last reference to another one's key, which then goes a collection later. How many
        // of them there have been is open, so all that can follow each other come first.
        self.eight_times(|this| this.call_host("collect", &[]));
        // Their order may depend on when others were removed; their number does not.
        self.int(count, 0);
        let base = self.own_registers(5);
        self.import(base, "next");
        self.copy(Reg(base.0 + 1), weak);
        self.emit(Op::NilAny, &[Value::Reg(Reg(base.0 + 2))]);
        self.emit(Op::NilAny, &[Value::Reg(Reg(base.0 + 3))]);
        let (body, test) = (self.builder.label(), self.builder.label());
        let before = self.assigned;
        self.jump(test);
        self.builder.bind(body);
        self.emit(Op::AddImmAny, &[Value::Reg(count), Value::Reg(count), Value::Imm(1)]);
        self.builder.bind(test);
        self.emit(Op::ForInAny, &[Value::Reg(base), exactly(1), Value::Label(body.target())]);
        self.assigned = before;
        self.emit(Op::PrintAny, &[Value::Reg(count)]);
    }

    fn finalizer_scene(&mut self) {
        let Some(finalizer) = self.helpers.finalizer else { return self.operation() };
        let (count, meta, object, function) =
            (self.own_registers(1), self.own_registers(1), self.own_registers(1), self.own_registers(1));
        self.int(count, 0);
        self.helper(function, finalizer, Some(count));
        let new_table = |this: &mut Self, reg| {
            this.emit(Op::TableAny, &[Value::Reg(reg), Value::Imm(0), Value::Imm(0)]);
        };
        new_table(self, meta);
        let name = self.text(b"__gc");
        self.emit(Op::SetNameAny, &[Value::Reg(meta), Value::Reg(function), name]);
        for _ in 0..1 + self.choices.below(4) {
            new_table(self, object);
            self.set_metatable(object, meta);
            // In a loop it would count in the next round, or before that one's count begins.
            if self.loop_depth == 0 && self.choices.one_in(3) {
                // Held by a table, and so not finalized yet, if that one is held.
                let (table, name) = (self.input(Class::Table), self.text(b"held"));
                self.emit(Op::SetNameAny, &[Value::Reg(table), Value::Reg(object), name]);
            }
        }
        self.emit(Op::NilAny, &[Value::Reg(object)]);
        // What calls have left in their window is not read any more.
        self.call_host("collect", &[]);
        self.eight_times(|_| ());
        self.emit(Op::PrintAny, &[Value::Reg(count)]);
        let shown = self.output(Class::Int);
        self.copy(shown, count);
        // When what is held goes is open: nobody counts it.
        self.emit(Op::NilAny, &[Value::Reg(function)]);
        let name = self.text(b"__gc");
        self.emit(Op::SetNameAny, &[Value::Reg(meta), Value::Reg(function), name]);
    }
}
