//! One random function of the dynamic half: its registers, and statements until the decisions say enough.

use super::helpers::{self, Helpers, exactly};
use super::{Choices, Class, Form, Shape, TYPED, value};
use crate::generate::Signature;
use crate::{
    ConvertMode, FuncId, Function, FunctionBuilder, Instr, Kind, Label, Op, Reg, RegSet, Sem, UpvalueId, Value,
};

/// Registers a function uses at most, leaving room for what a statement needs on the way.
const MOST_REGISTERS: usize = 180;

/// An operand is taken blindly once in so many times; where the program begins, less often, as nobody catches what comes of it there.
const BLIND: u32 = 40;
const BLIND_IN_ENTRY: u32 = 200;

/// Strings that programs have: numerals and others, short and long ones.
const TEXTS: [&[u8]; 12] = [
    b"a",
    b"",
    b"10",
    b"name",
    b"0x10",
    b"1e2",
    b" -7 ",
    b"field",
    b"\xff\x00",
    b"9223372036854775808",
    b"forty bytes are what an interned string h",
    b"a string that is too long to be interned, and so one that is compared by its bytes",
];

/// What a register is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// An `any` register of a class.
    Any(Class),
    /// A fixed register.
    Fixed(Kind),
    /// An `any` register of a statement's own.
    Own,
}

pub(super) struct Writer<'c> {
    pub choices: &'c mut Choices,
    pub shapes: &'c [Shape],
    pub helpers: Helpers,
    pub builder: FunctionBuilder,
    pub holds: Vec<Holds>,
    /// Registers that hold a value on every path to here.
    pub assigned: RegSet,
    /// Registers that only the statement that owns them writes.
    pub reserved: RegSet,
    /// Groups of registers for calls: the first of each, all of [`WINDOW`] registers.
    windows: Vec<Reg>,
    /// A group that is in use.
    pub busy: Option<Reg>,
    /// How many values are being made for each other.
    filling: u32,
    /// Whether an operand of the statement was taken blindly, so that its result is of no class.
    pub is_blind: bool,
    /// Statements that may still be made.
    left: u32,
    pub loop_depth: u32,
    line: u32,
    pub is_entry: bool,
    pub sees_collector: bool,
}

/// Registers of a group for calls.
pub(super) const WINDOW: usize = 6;

impl<'c> Writer<'c> {
    /// A writer of the last function of `shapes`; those before it can be called.
    pub fn new(choices: &'c mut Choices, shapes: &'c [Shape], helpers: Helpers) -> Self {
        let shape = &shapes[shapes.len() - 1];
        let result = if let Form::Typed(signature) = &shape.form { signature.result } else { None };
        let mut this = Self {
            choices,
            shapes,
            helpers,
            builder: FunctionBuilder::new(&shape.name, result),
            holds: Vec::new(),
            assigned: RegSet::default(),
            reserved: RegSet::default(),
            windows: Vec::new(),
            busy: None,
            filling: 0,
            is_blind: false,
            left: 12,
            loop_depth: 0,
            line: 0,
            is_entry: false,
            sees_collector: false,
        };
        let params: Vec<Holds> = match &shape.form {
            Form::Typed(signature) => signature.params.iter().map(|kind| Holds::Fixed(*kind)).collect(),
            Form::Generic { params, is_vararg, upvalues, .. } => {
                this.builder.set_generic(*is_vararg);
                for index in 0..upvalues.len() {
                    this.builder.upvalue(&format!("u{index}"));
                }
                params.iter().map(|class| Holds::Any(*class)).collect()
            }
        };
        for holds in params {
            let kind = if let Holds::Fixed(kind) = holds { kind } else { Kind::Any };
            let reg = this.builder.param(kind, None).expect("there are few parameters");
            this.holds.push(holds);
            this.assigned.insert(reg);
        }
        if this.is_recursive() {
            this.reserved.insert(Reg(0));
        }
        this
    }

    /// The function is where the program begins.
    pub fn into_entry(mut self, sees_collector: bool) -> Self {
        (self.is_entry, self.sees_collector, self.left) = (true, sees_collector, 40);
        self
    }

    pub fn function(mut self) -> Function {
        if !self.block(0) {
            if self.is_recursive() {
                self.recursion();
            }
            self.line += 1;
            if self.is_entry { self.hand_over() } else { self.ret() }
        }
        self.builder.finish().unwrap_or_else(|label| panic!("the generator left {label:?} unbound"))
    }

    // What is known of this function and of others.

    pub fn index(&self) -> usize {
        self.shapes.len() - 1
    }

    pub fn own(&self) -> &'c Form {
        &self.shapes[self.index()].form
    }

    pub fn is_generic(&self) -> bool {
        matches!(self.own(), Form::Generic { .. })
    }

    pub fn is_recursive(&self) -> bool {
        matches!(self.own(), Form::Generic { recursive: true, .. })
    }

    pub fn is_vararg(&self) -> bool {
        matches!(self.own(), Form::Generic { is_vararg: true, .. })
    }

    /// The classes of this function's upvalues.
    pub fn upvalues(&self) -> &'c [Class] {
        if let Form::Generic { upvalues, .. } = self.own() { upvalues } else { &[] }
    }

    /// The generic functions made before, with their parameters.
    pub fn generic_functions(&self) -> Vec<usize> {
        (0..self.index()).filter(|i| matches!(self.shapes[*i].form, Form::Generic { .. })).collect()
    }

    /// The typed functions made before.
    pub fn typed_functions(&self) -> Vec<(usize, &'c Signature)> {
        let shapes = self.shapes;
        let typed = |(i, shape): (usize, &'c Shape)| match &shape.form {
            Form::Typed(signature) => Some((i, signature)),
            Form::Generic { .. } => None,
        };
        shapes[..self.index()].iter().enumerate().filter_map(typed).collect()
    }

    // Registers.

    pub fn has_room(&self, count: usize) -> bool {
        self.holds.len() + count <= MOST_REGISTERS
    }

    pub fn register(&mut self, holds: Holds) -> Reg {
        let kind = if let Holds::Fixed(kind) = holds { kind } else { Kind::Any };
        self.holds.push(holds);
        self.builder.register(kind, None).unwrap_or_else(|| panic!("more than 256 registers"))
    }

    /// So many consecutive registers of a statement's own.
    pub fn own_registers(&mut self, count: usize) -> Reg {
        let first = self.register(Holds::Own);
        for _ in 1..count {
            self.register(Holds::Own);
        }
        first
    }

    /// A group for a call.
    pub fn window(&mut self) -> Reg {
        let mut free: Vec<Reg> = self.windows.iter().copied().filter(|window| Some(*window) != self.busy).collect();
        if free.is_empty() || free.len() < 3 && self.has_room(WINDOW) && self.choices.one_in(4) {
            let window = self.own_registers(WINDOW);
            self.windows.push(window);
            free = vec![window];
        }
        *self.choices.of(&free)
    }

    fn candidates(&self, accept: impl Fn(Reg, Holds) -> bool) -> Vec<Reg> {
        let all = self.holds.iter().enumerate().map(|(i, holds)| (Reg(i as u8), *holds));
        all.filter(|(reg, holds)| accept(*reg, *holds)).map(|(reg, _)| reg).collect()
    }

    /// An `any` register that holds a value of the class.
    pub fn input(&mut self, class: Class) -> Reg {
        let fits = |holds| matches!(holds, Holds::Any(own) if class.takes(own));
        let candidates = self.candidates(|reg, holds| fits(holds) && self.assigned.contains(reg));
        if candidates.is_empty() || self.choices.one_in(7) {
            let reg = self.output(class);
            self.fill(reg, class);
            return reg;
        }
        *self.choices.of(&candidates)
    }

    /// An operand of a generic instruction: of the class, in a fixed register now and then, anything once in a while.
    pub fn operand(&mut self, class: Class) -> Reg {
        if self.choices.one_in(if self.is_entry { BLIND_IN_ENTRY } else { BLIND }) {
            self.is_blind = true;
            return self.input(Class::Wild);
        }
        let fits = |holds| matches!(holds, Holds::Fixed(kind) if class.takes_fixed(kind));
        let fixed = self.candidates(|reg, holds| fits(holds) && self.assigned.contains(reg));
        if !fixed.is_empty() && self.choices.one_in(5) {
            return *self.choices.of(&fixed);
        }
        self.input(class)
    }

    /// A register of exactly this class that may be written.
    pub fn output(&mut self, class: Class) -> Reg {
        self.writable(Holds::Any(class))
    }

    fn writable(&mut self, holds: Holds) -> Reg {
        let mut candidates = self.candidates(|reg, own| own == holds && !self.reserved.contains(reg));
        if candidates.is_empty() || candidates.len() < 4 && self.has_room(1) && self.choices.one_in(3) {
            candidates = vec![self.register(holds)];
        }
        *self.choices.of(&candidates)
    }

    /// A fixed register that holds a value.
    pub fn fixed_input(&mut self, kind: Kind) -> Reg {
        let candidates = self.candidates(|reg, holds| holds == Holds::Fixed(kind) && self.assigned.contains(reg));
        if candidates.is_empty() || self.choices.one_in(6) {
            let reg = self.fixed_output(kind);
            self.fill_fixed(reg, kind);
            return reg;
        }
        *self.choices.of(&candidates)
    }

    /// A fixed register that may be written.
    pub fn fixed_output(&mut self, kind: Kind) -> Reg {
        self.writable(Holds::Fixed(kind))
    }

    // Instructions.

    pub fn emit(&mut self, op: Op, operands: &[Value]) {
        self.builder.line(self.line);
        let instr: Instr = helpers::emit(&mut self.builder, op, operands);
        if let Some(group) = instr.group() {
            group.loses().for_each(|reg| self.assigned.remove(reg));
        }
        instr.for_each_def(|reg| self.assigned.insert(reg));
    }

    pub fn copy(&mut self, dst: Reg, from: Reg) {
        self.emit(Op::MoveAny, &[Value::Reg(dst), Value::Reg(from)]);
    }

    pub fn jump(&mut self, label: Label) {
        self.emit(Op::Jump, &[Value::Label(label.target())]);
    }

    pub fn int(&mut self, reg: Reg, number: i64) {
        self.emit(Op::IntAny, &[Value::Reg(reg), Value::Imm(number)]);
    }

    pub fn text(&mut self, bytes: &[u8]) -> Value {
        Value::Str(self.builder.string(bytes).expect("there are few strings"))
    }

    pub fn import(&mut self, reg: Reg, name: &str) {
        let name = self.text(name.as_bytes());
        self.emit(Op::ImportAny, &[Value::Reg(reg), name]);
    }

    /// Sets an `any` register to some value of the class.
    pub fn fill(&mut self, reg: Reg, class: Class) {
        self.filling += 1;
        match class {
            // A function needs variables, which may need functions.
            Class::Function if self.filling > 3 => self.import(reg, "type"),
            Class::Object if self.filling > 3 => {
                self.emit(Op::TableAny, &[Value::Reg(reg), Value::Imm(0), Value::Imm(0)]);
            }
            _ => self.fill_anyhow(reg, class),
        }
        self.filling -= 1;
    }

    fn fill_anyhow(&mut self, reg: Reg, class: Class) {
        let dst = Value::Reg(reg);
        match class {
            Class::Wild => match self.choices.below(8) {
                0 | 1 => self.emit(Op::NilAny, &[dst]),
                n => {
                    let simple = [Class::Int, Class::Float, Class::Text, Class::Flag, Class::Table, Class::Function];
                    self.fill(reg, simple[n as usize - 2]);
                }
            },
            Class::Int => match self.choices.below(3) {
                0 | 1 => {
                    let number = i64::from(self.choices.below(12)) - 1;
                    self.int(reg, number);
                }
                _ => {
                    let bits = value(self.choices, Kind::I64);
                    let id = self.builder.constant(bits);
                    self.emit(Op::PoolIntAny, &[dst, Value::Pool(id)]);
                }
            },
            Class::Float => {
                let bits = value(self.choices, Kind::F64);
                let id = self.builder.constant(bits);
                self.emit(Op::PoolFloatAny, &[dst, Value::Pool(id)]);
            }
            Class::Number => {
                let class = *self.choices.of(&[Class::Int, Class::Float]);
                self.fill(reg, class);
            }
            Class::Text => {
                let text = *self.choices.of(&TEXTS);
                let text = self.text(text);
                self.emit(Op::StringAny, &[dst, text]);
            }
            Class::Flag => {
                let flag = self.choices.below(2);
                self.emit(Op::BoolAny, &[dst, Value::Imm(i64::from(flag))]);
            }
            Class::Table => self.table(reg),
            Class::Object => self.object(reg, &[]),
            Class::Function => self.some_function(reg),
            Class::Routine => {
                let function = self.input(Class::Function);
                self.emit(Op::CoroutineAny, &[dst, Value::Reg(function)]);
            }
        }
    }

    fn fill_fixed(&mut self, reg: Reg, kind: Kind) {
        if let Some(element) = kind.element() {
            let length = self.register(Holds::Fixed(Kind::I64));
            self.reserved.insert(length);
            self.emit(Op::ConstI64, &[Value::Reg(length), Value::Imm(8)]);
            let op = Op::find(Sem::ArrayNew, Some(element), Some(kind)).expect("every array kind has it");
            return self.emit(op, &[Value::Reg(reg), Value::Reg(length)]);
        }
        let bits = value(self.choices, kind);
        match kind {
            Kind::Bool => self.emit(Op::ConstBool, &[Value::Reg(reg), Value::Imm((bits & 1) as i64)]),
            kind => {
                let id = self.builder.constant(bits);
                let op = Op::find(Sem::Pool, Some(kind), None).expect("numbers have it");
                self.emit(op, &[Value::Reg(reg), Value::Pool(id)]);
            }
        }
    }

    // Statements. Those that return a bool say whether control never continues after them.

    pub fn block(&mut self, depth: u32) -> bool {
        let more = if depth == 0 { 40 } else { 5 };
        while self.left > 0 && self.choices.below(more) != 0 {
            self.left -= 1;
            self.line += 1;
            if self.statement(depth) {
                return true;
            }
        }
        false
    }

    fn statement(&mut self, depth: u32) -> bool {
        // Deep inside there are only operations.
        let kinds = if depth >= 3 { 17 } else { 32 };
        if !self.has_room(30) {
            self.operation();
            return false;
        }
        self.is_blind = false;
        match self.choices.below(kinds) {
            0..=4 => self.operation(),
            5..=7 => self.table_access(),
            8 => {
                let class = *self.choices.of(&Class::ALL);
                let reg = self.output(class);
                self.fill(reg, class);
            }
            9 => self.host_call(),
            10 => self.upvalue(),
            11 => {
                let reg = self.operand(Class::Wild);
                self.emit(Op::PrintAny, &[Value::Reg(reg)]);
            }
            12 => self.typed_operation(),
            13 => self.move_value(),
            14 => self.concat(),
            15 => self.change_metatable(),
            16 => self.yield_here(),
            17..=20 => self.call(),
            21 => self.open_call(),
            22 | 23 => return self.conditional(depth),
            24 => return self.numeric_loop(depth),
            25 => return self.iterator_loop(depth),
            26 => return self.counted_loop(depth),
            27 => return self.scope(depth),
            28 => self.coroutine(),
            29 => self.method_call(),
            30 if self.is_entry && self.sees_collector => self.collector_scene(),
            31 if depth > 0 && self.choices.one_in(2) => {
                self.end_early();
                return true;
            }
            _ => self.call(),
        }
        false
    }

    /// Moves results of a window to registers where they can be used.
    pub fn keep(&mut self, window: Reg, count: usize) {
        for i in 0..count {
            if self.choices.below(3) != 0 {
                let dst = self.output(Class::Wild);
                self.copy(dst, Reg(window.0 + i as u8));
            }
        }
    }

    /// Returns some values, or the one that a typed function has.
    pub fn ret(&mut self) {
        if let Form::Typed(signature) = self.own() {
            match signature.result {
                Some(kind) => {
                    let reg = self.fixed_input(kind);
                    self.emit(Op::Ret, &[Value::Reg(reg)]);
                }
                None => self.emit(Op::RetVoid, &[]),
            }
            return;
        }
        let count = self.choices.below(4) as usize;
        if count == 0 {
            return self.emit(Op::RetAny, &[Value::Reg(Reg(0)), exactly(0)]);
        }
        let values: Vec<Reg> = (0..count).map(|_| self.operand(Class::Wild)).collect();
        let window = self.window();
        for (i, value) in values.into_iter().enumerate() {
            self.copy(Reg(window.0 + i as u8), value);
        }
        self.emit(Op::RetAny, &[Value::Reg(window), exactly(count)]);
    }

    /// Returns what the registers hold, so that what was computed shows.
    fn hand_over(&mut self) {
        let all: Vec<Reg> = self.candidates(|reg, holds| {
            let shows = match holds {
                Holds::Any(_) => true,
                Holds::Fixed(kind) => kind.is_generic_operand(),
                Holds::Own => false,
            };
            shows && self.assigned.contains(reg)
        });
        let count = all.len().min(40);
        if count == 0 {
            return self.emit(Op::RetAny, &[Value::Reg(Reg(0)), exactly(0)]);
        }
        let first = self.own_registers(count);
        // The last registers are the ones that were made last.
        for (i, reg) in all[all.len() - count..].iter().enumerate() {
            self.copy(Reg(first.0 + i as u8), *reg);
        }
        self.emit(Op::RetAny, &[Value::Reg(first), exactly(count)]);
    }

    /// A step of the typed half, between the fixed registers and with generic operands.
    fn typed_operation(&mut self) {
        match self.choices.below(6) {
            0 => {
                let (a, b, dst) =
                    (self.fixed_input(Kind::I64), self.fixed_input(Kind::I64), self.fixed_output(Kind::I64));
                self.emit(Op::AddI64, &[Value::Reg(dst), Value::Reg(a), Value::Reg(b)]);
            }
            1 => {
                let (a, b, dst) =
                    (self.fixed_input(Kind::F64), self.fixed_input(Kind::F64), self.fixed_output(Kind::F64));
                self.emit(Op::MulF64, &[Value::Reg(dst), Value::Reg(a), Value::Reg(b)]);
            }
            2 => {
                let a = self.fixed_input(Kind::I64);
                let dst = self.fixed_output(Kind::F64);
                let op = Op::find(Sem::Convert(ConvertMode::Float), Some(Kind::F64), Some(Kind::I64));
                self.emit(op.expect("integers convert to floats"), &[Value::Reg(dst), Value::Reg(a)]);
            }
            3 => {
                let (op, kind, class) = *self.choices.of(&[
                    (Op::UnboxI64, Kind::I64, Class::Int),
                    (Op::UnboxF64, Kind::F64, Class::Float),
                    (Op::UnboxBool, Kind::Bool, Class::Flag),
                ]);
                let class = if self.choices.one_in(20) { Class::Wild } else { class };
                let (a, dst) = (self.input(class), self.fixed_output(kind));
                self.emit(op, &[Value::Reg(dst), Value::Reg(a)]);
            }
            4 => self.element(),
            _ => self.typed_call(),
        }
    }

    /// Reads or writes an element of a typed array; all arrays made here have eight.
    fn element(&mut self) {
        let kind = *self.choices.of(&TYPED[3..]);
        let element = kind.element().expect("it is an array");
        // Parameters can have any length.
        let array = self.fixed_output(kind);
        self.fill_fixed(array, kind);
        let index = self.register(Holds::Fixed(Kind::I64));
        self.reserved.insert(index);
        let at = self.choices.below(8);
        self.emit(Op::ConstI64, &[Value::Reg(index), Value::Imm(i64::from(at))]);
        let from = self.fixed_input(element);
        let find = |sem| Op::find(sem, Some(element), Some(kind)).expect("every array kind has it");
        self.emit(find(Sem::ArraySet), &[Value::Reg(array), Value::Reg(index), Value::Reg(from)]);
        let dst = self.fixed_output(element);
        self.emit(find(Sem::ArrayGet), &[Value::Reg(dst), Value::Reg(array), Value::Reg(index)]);
    }

    /// Reads or writes an upvalue.
    fn upvalue(&mut self) {
        let upvalues = self.upvalues();
        if upvalues.is_empty() {
            return self.operation();
        }
        let index = self.choices.below(upvalues.len() as u32) as usize;
        let (id, class) = (Value::Upvalue(UpvalueId(index as u8)), upvalues[index]);
        if self.choices.one_in(2) {
            let from = self.input(class);
            self.emit(Op::UpvalueSetAny, &[id, Value::Reg(from)]);
        } else {
            let dst = self.output(class);
            self.emit(Op::UpvalueGetAny, &[Value::Reg(dst), id]);
        }
    }

    /// Calls a typed function made before: its parameters are put in place, its result taken.
    pub fn typed_call(&mut self) {
        let typed = self.typed_functions();
        if typed.is_empty() || self.loop_depth > 1 || !self.has_room(20) {
            return self.operation();
        }
        let (callee, signature) = *self.choices.of(&typed);
        let inputs: Vec<Reg> = signature.params.iter().map(|kind| self.fixed_input(*kind)).collect();
        let window: Vec<Reg> = signature.params.iter().map(|kind| self.register(Holds::Fixed(*kind))).collect();
        for ((reg, from), kind) in window.iter().zip(inputs).zip(&signature.params) {
            let op = Op::find(Sem::Move, Some(*kind), None).expect("every kind has it");
            self.emit(op, &[Value::Reg(*reg), Value::Reg(from)]);
        }
        let (first, func) =
            (Value::Reg(window.first().copied().unwrap_or_default()), Value::Func(FuncId(callee as u32)));
        match signature.result {
            Some(kind) => {
                let dst = self.fixed_output(kind);
                self.emit(Op::Call, &[Value::Reg(dst), first, func]);
            }
            None => self.emit(Op::CallVoid, &[first, func]),
        }
    }
}
