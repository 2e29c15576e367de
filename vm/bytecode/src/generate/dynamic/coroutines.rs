//! Coroutines: made, resumed with and without values, yielded from wherever a program is, looked at, closed.

use super::Class;
use super::function::Writer;
use super::helpers::exactly;
use crate::{Op, Reg, Value};

impl Writer<'_> {
    /// Yields, if a coroutine runs.
    pub fn yield_here(&mut self) {
        let running = self.own_registers(1);
        let skip = self.builder.label();
        self.emit(Op::RunningAny, &[Value::Reg(running)]);
        self.emit(Op::JumpNilAny, &[Value::Reg(running), Value::Label(skip.target())]);
        let before = self.assigned;
        let values: Vec<Reg> = (0..self.choices.below(3)).map(|_| self.operand(Class::Wild)).collect();
        let results = self.choices.below(3) as usize;
        // A group of no registers is given as the first.
        let window = if values.is_empty() && results == 0 { Reg(0) } else { self.window() };
        for (i, value) in values.iter().enumerate() {
            self.copy(Reg(window.0 + i as u8), *value);
        }
        self.emit(Op::YieldAny, &[Value::Reg(window), exactly(values.len()), exactly(results)]);
        self.keep(window, results);
        self.builder.bind(skip);
        self.assigned = before;
    }

    /// Makes or takes a coroutine, and resumes it a few times.
    pub fn coroutine(&mut self) {
        if self.loop_depth > u32::from(self.is_entry) {
            return self.operation();
        }
        let routine = self.input(Class::Routine);
        for _ in 0..1 + self.choices.below(3) {
            self.resume(routine);
        }
        match self.choices.below(4) {
            0 => {
                let status = self.output(Class::Text);
                self.emit(Op::StatusAny, &[Value::Reg(status), Value::Reg(routine)]);
                self.emit(Op::PrintAny, &[Value::Reg(status)]);
            }
            1 => {
                let window = self.window();
                self.copy(window, routine);
                let results = self.choices.below(3) as usize;
                self.emit(Op::CloseCoroutineAny, &[Value::Reg(window), exactly(0), exactly(results)]);
                self.keep(window, results);
            }
            2 => {
                let running = self.output(Class::Wild);
                self.emit(Op::RunningAny, &[Value::Reg(running)]);
            }
            _ => {}
        }
    }

    fn resume(&mut self, routine: Reg) {
        let args: Vec<Reg> = (0..self.choices.below(3)).map(|_| self.operand(Class::Wild)).collect();
        let window = self.window();
        self.copy(window, routine);
        self.arguments(window, &args);
        let results = self.choices.below(4) as usize;
        if self.choices.one_in(4) {
            // What it says does not depend on where anything lies.
            let handler = self.output(Class::Function);
            self.import(handler, "type");
            let (base, args) = (Value::Reg(window), exactly(args.len()));
            self.emit(Op::ResumeOrAny, &[base, args, exactly(results), Value::Reg(handler)]);
            return self.keep(window, results);
        }
        self.emit(Op::ResumeAny, &[Value::Reg(window), exactly(args.len()), exactly(results)]);
        if results > 0 && self.choices.one_in(2) {
            let flag = self.output(Class::Flag);
            self.copy(flag, window);
        }
        self.keep(window, results);
    }
}
