//! Functions as values, and calls of them: direct and blind ones, protected ones, with open lists, in place of the caller.

use super::function::{WINDOW, Writer};
use super::helpers::{exactly, open};
use super::{Class, Form};
use crate::{Capture, FuncId, Op, Reg, Template, UpvalueId, Value};

/// A call prepared in a window: how many arguments stand behind the function.
#[derive(Clone, Copy)]
struct Prepared {
    window: Reg,
    args: usize,
}

impl Writer<'_> {
    /// A closure of a function made before, or this one: each upvalue is a variable of its class, or an upvalue of this function.
    fn closure(&mut self, dst: Reg, func: usize) {
        let shapes = self.shapes;
        let Form::Generic { upvalues, .. } = &shapes[func].form else {
            unreachable!("closures are of generic functions")
        };
        let mut captures = Vec::new();
        for class in upvalues {
            let own: Vec<usize> = (0..self.upvalues().len()).filter(|i| self.upvalues()[*i] == *class).collect();
            captures.push(match own.is_empty() || self.choices.below(3) != 0 {
                true => Capture::Register(self.variable(*class)),
                false => Capture::Upvalue(UpvalueId(*self.choices.of(&own) as u8)),
            });
        }
        let template = self.builder.template(Template { func: FuncId(func as u32), captures });
        self.emit(Op::ClosureAny, &[Value::Reg(dst), Value::Template(template.expect("there are few templates"))]);
    }

    /// A register of exactly this class that holds a value.
    fn variable(&mut self, class: Class) -> Reg {
        let from = self.input(class);
        if self.holds[from.index()] == super::function::Holds::Any(class) && !self.reserved.contains(from) {
            return from;
        }
        let reg = self.output(class);
        self.copy(reg, from);
        reg
    }

    /// The functions made before that are content with any arguments.
    fn functions_of_anything(&self) -> Vec<usize> {
        let of_anything = |index: &usize| match &self.shapes[*index].form {
            Form::Generic { params, recursive, .. } => !recursive && params.iter().all(|class| *class == Class::Wild),
            Form::Typed(_) => false,
        };
        let helpers = [self.helpers.methods, self.helpers.wrapped].map(|id| id.map(FuncId::index));
        self.generic_functions().into_iter().filter(of_anything).filter(|f| !helpers.contains(&Some(*f))).collect()
    }

    /// Some function: a closure of one made before, or one of the host.
    pub fn some_function(&mut self, dst: Reg) {
        let functions = self.functions_of_anything();
        if functions.is_empty() || self.choices.one_in(12) {
            let name = *self.choices.of(&["type", "tostring", "rawequal", "print", "next", "rawlen"]);
            return self.import(dst, name);
        }
        let func = *self.choices.of(&functions);
        self.closure(dst, func);
    }

    /// Whether calls may stand here: few of them are in loops, so that work stays bounded.
    fn may_call(&self) -> bool {
        self.loop_depth <= u32::from(self.is_entry)
    }

    /// Puts a function with arguments into a window other than `not`, and says whether they suit it.
    fn prepare(&mut self, not: Option<Reg>) -> (Prepared, bool) {
        self.busy = not;
        let prepared = self.prepare_any();
        self.busy = None;
        prepared
    }

    fn prepare_any(&mut self) -> (Prepared, bool) {
        let functions = self.generic_functions();
        let direct = !functions.is_empty() && self.choices.below(4) != 3;
        if direct {
            let func = *self.choices.of(&functions);
            return (self.prepare_direct(func), true);
        }
        let class = *self.choices.of(&[Class::Function, Class::Function, Class::Object, Class::Wild]);
        let callee = self.input(class);
        let args: Vec<Reg> = (0..self.choices.below(3)).map(|_| self.operand(Class::Wild)).collect();
        let window = self.window();
        self.copy(window, callee);
        self.arguments(window, &args);
        (Prepared { window, args: args.len() }, false)
    }

    fn prepare_direct(&mut self, func: usize) -> Prepared {
        let shapes = self.shapes;
        let Form::Generic { params, recursive, is_vararg, .. } = &shapes[func].form else {
            unreachable!("it is a generic function")
        };
        let mut args = Vec::new();
        for (i, class) in params.iter().enumerate() {
            if i == 0 && *recursive {
                let counter = self.output(Class::Int);
                let rounds = i64::from(self.choices.below(4));
                self.int(counter, rounds);
                args.push(counter);
            } else {
                args.push(self.operand(*class));
            }
        }
        // Too few of them, or too many, once in a while.
        if self.choices.one_in(10) {
            args.pop();
        }
        let more = if *is_vararg { self.choices.below(3) } else { u32::from(self.choices.one_in(10)) };
        for _ in 0..more {
            if args.len() + 1 < WINDOW {
                args.push(self.operand(Class::Wild));
            }
        }
        let function = self.output(Class::Function);
        self.closure(function, func);
        let window = self.window();
        self.copy(window, function);
        self.arguments(window, &args);
        Prepared { window, args: args.len() }
    }

    pub fn call(&mut self) {
        if !self.may_call() {
            return self.operation();
        }
        let (prepared, suits) = self.prepare(None);
        // Blind calls are protected, most of them.
        let form = match (suits, self.is_entry) {
            (true, false) => self.choices.below(4),
            // Nobody catches what is raised where the program begins.
            (true, true) => *self.choices.of(&[2, 2, 3, 4, 2, 0]),
            (false, _) => 2 + self.choices.below(2),
        };
        let results = self.choices.below(4) as usize;
        let (base, args) = (Value::Reg(prepared.window), exactly(prepared.args));
        match form {
            0 | 1 => self.emit(Op::CallAny, &[base, args, exactly(results)]),
            3 => {
                let handler = self.input_apart(Class::Function);
                self.emit(Op::XpcallAny, &[base, args, exactly(results), Value::Reg(handler)]);
            }
            _ => self.emit(Op::PcallAny, &[base, args, exactly(results)]),
        }
        self.keep(prepared.window, results);
    }

    /// A function that is at hand: nothing is emitted between a prepared window and its call that could use the window.
    fn input_apart(&mut self, class: Class) -> Reg {
        let at_hand = |this: &Self| {
            let all = this.holds.iter().enumerate();
            let fits = all.filter(|(i, holds)| {
                **holds == super::function::Holds::Any(class) && this.assigned.contains(Reg(*i as u8))
            });
            fits.map(|(i, _)| Reg(i as u8)).collect::<Vec<_>>()
        };
        let found = at_hand(self);
        if found.is_empty() {
            let reg = self.output(class);
            self.import(reg, "tostring");
            return reg;
        }
        *self.choices.of(&found)
    }

    /// An instruction that leaves an open list: a call of any kind, or the arguments behind the parameters.
    fn leave_open(&mut self, prepared: Option<Prepared>) {
        let Some(Prepared { window, args }) = prepared else {
            return self.emit(Op::VarargAny, &[Value::Reg(Reg(0)), open(0)]);
        };
        let op = *self.choices.of(&[Op::CallAny, Op::PcallAny]);
        self.emit(op, &[Value::Reg(window), exactly(args), open(0)]);
    }

    /// A call that is handed what another instruction leaves open; an append, or a return that is.
    pub fn open_call(&mut self) {
        if !self.may_call() {
            return self.operation();
        }
        let sink = self.input(Class::Table);
        let outer = match self.choices.below(4) {
            3 => None,
            _ => Some(self.prepare(None).0),
        };
        let of_own = self.is_vararg() && self.choices.one_in(2);
        let inner = if of_own { None } else { Some(self.prepare(outer.map(|outer| outer.window)).0) };
        let Some(Prepared { window, args }) = outer else {
            self.leave_open(inner);
            return self.emit(Op::AppendAny, &[Value::Reg(sink), Value::Reg(Reg(0)), open(0), Value::Imm(1)]);
        };
        let handler = self.input_apart(Class::Function);
        self.leave_open(inner);
        let (base, args) = (Value::Reg(window), open(args));
        let results = self.choices.below(4) as usize;
        match self.choices.below(5) {
            0 | 1 => self.emit(Op::PcallAny, &[base, args, exactly(results)]),
            2 => self.emit(Op::CallAny, &[base, args, exactly(results)]),
            3 => self.emit(Op::XpcallAny, &[base, args, exactly(results), Value::Reg(handler)]),
            _ => {
                self.emit(Op::PcallAny, &[base, args, open(0)]);
                return self.emit(Op::AppendAny, &[Value::Reg(sink), Value::Reg(Reg(0)), open(0), Value::Imm(1)]);
            }
        }
        self.keep(window, results);
    }

    /// Calls the function itself with a smaller counter, as long as there is one.
    pub fn recursion(&mut self) {
        let shapes = self.shapes;
        let Form::Generic { params, upvalues, .. } = &shapes[self.index()].form else { return };
        let done = self.builder.label();
        self.emit(Op::JumpLeImmAny, &[Value::Reg(Reg(0)), Value::Imm(0), Value::Label(done.target())]);
        let before = self.assigned;
        let rest: Vec<Reg> = params[1..].iter().map(|class| self.operand(*class)).collect();
        let captures = (0..upvalues.len()).map(|i| Capture::Upvalue(UpvalueId(i as u8))).collect();
        let template = self.builder.template(Template { func: FuncId(self.index() as u32), captures });
        let window = self.window();
        let template = template.expect("there are few templates");
        self.emit(Op::ClosureAny, &[Value::Reg(window), Value::Template(template)]);
        let counter = Reg(window.0 + 1);
        self.emit(Op::SubImmAny, &[Value::Reg(counter), Value::Reg(Reg(0)), Value::Imm(1)]);
        for (i, reg) in rest.iter().enumerate() {
            self.copy(Reg(window.0 + 2 + i as u8), *reg);
        }
        let (base, args) = (Value::Reg(window), exactly(params.len()));
        match self.choices.below(3) {
            0 => self.emit(Op::TailCallAny, &[base, args]),
            1 => self.emit(Op::CallAny, &[base, args, exactly(1)]),
            _ => self.emit(Op::PcallAny, &[base, args, exactly(2)]),
        }
        self.builder.bind(done);
        self.assigned = before;
    }

    /// Leaves the function in its middle: a return, an error, a call in its place.
    pub fn end_early(&mut self) {
        match self.choices.below(6) {
            0 | 1 => {
                let value = self.operand(Class::Wild);
                self.emit(Op::ThrowAny, &[Value::Reg(value)]);
            }
            2 if self.is_generic() && self.may_call() => {
                let (Prepared { window, args }, _) = self.prepare(None);
                self.emit(Op::TailCallAny, &[Value::Reg(window), exactly(args)]);
            }
            3 if self.is_generic() && self.may_call() => {
                let inner = if self.is_vararg() { None } else { Some(self.prepare(None).0) };
                self.leave_open(inner);
                self.emit(Op::RetAny, &[Value::Reg(Reg(0)), open(0)]);
            }
            4 if self.is_generic() && self.may_call() => {
                let outer = self.prepare(None).0;
                let inner = if self.is_vararg() { None } else { Some(self.prepare(Some(outer.window)).0) };
                self.leave_open(inner);
                self.emit(Op::TailCallAny, &[Value::Reg(outer.window), open(outer.args)]);
            }
            _ => self.ret(),
        }
    }
}
