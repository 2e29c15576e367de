//! One random function: statements until the decisions say enough.

use super::{Choices, Signature, value};
use crate::{
    BinOp, Cc, ConstId, ConvertMode, FuncId, Function, FunctionBuilder, Instr, Kind, Label, Op, OperandKind, Reg,
    RegSet, Role, Sem, UnOp, Value, edges, immediate_edges,
};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Instructions that stand alone as a statement.
static OPERATIONS: LazyLock<Vec<Op>> = LazyLock::new(|| {
    let alone = |op: &Op| {
        let info = op.info();
        info.falls_through() && info.label().is_none() && !matches!(info.sem, Sem::Call | Sem::CallVoid)
    };
    Op::typed().filter(alone).collect()
});

/// Conditional branches.
static BRANCHES: LazyLock<Vec<Op>> = LazyLock::new(|| {
    let branch = |op: &Op| matches!(op.info().sem, Sem::Branch(_) | Sem::BranchImm(_) | Sem::BranchBool(_));
    Op::typed().filter(branch).collect()
});

/// Registers a function uses at most, leaving room for what a statement needs on the way.
const MOST_REGISTERS: usize = 200;

/// An operation that could raise an error is left to chance once in so many times.
const UNGUARDED: u32 = 12;

const INTEGERS: [Kind; 4] = [Kind::I64, Kind::I32, Kind::U32, Kind::U64];

pub(super) struct FunctionGenerator<'c> {
    choices: &'c mut Choices,
    signatures: &'c [Signature],
    index: usize,
    builder: FunctionBuilder,
    kinds: Vec<Kind>,
    /// Registers that hold a value on every path to here.
    assigned: RegSet,
    /// Registers that only the statement that owns them writes.
    reserved: RegSet,
    scratch: HashMap<(Kind, u8), Reg>,
    /// Statements that may still be made.
    left: u32,
    loop_depth: u32,
    line: u32,
}

impl<'c> FunctionGenerator<'c> {
    /// A generator of the last function of `signatures`; those before it can be called.
    pub(super) fn new(choices: &'c mut Choices, signatures: &'c [Signature]) -> Self {
        let index = signatures.len() - 1;
        let signature = &signatures[index];
        let mut this = Self {
            choices,
            signatures,
            index,
            builder: FunctionBuilder::new(&signature.name, signature.result),
            kinds: Vec::new(),
            assigned: RegSet::default(),
            reserved: RegSet::default(),
            scratch: HashMap::new(),
            left: if signature.is_entry { 40 } else { 15 },
            loop_depth: 0,
            line: 0,
        };
        for kind in &signature.params {
            let reg = this.builder.param(*kind, None).unwrap_or_default();
            this.kinds.push(*kind);
            this.assigned.insert(reg);
        }
        if signature.recursive {
            this.reserved.insert(Reg(0));
        }
        this
    }

    pub(super) fn function(mut self) -> Function {
        if !self.block(0) {
            if self.own().recursive {
                self.recursion();
            }
            if self.own().is_entry {
                self.fold();
            }
            self.ret(false);
        }
        self.builder.finish().unwrap_or_else(|label| panic!("the generator left {label:?} unbound"))
    }

    fn own(&self) -> &'c Signature {
        &self.signatures[self.index]
    }

    // Registers.

    fn register(&mut self, kind: Kind) -> Reg {
        self.kinds.push(kind);
        self.builder.register(kind, None).unwrap_or_else(|| panic!("more than 256 registers"))
    }

    fn has_room(&self, count: usize) -> bool {
        self.kinds.len() + count <= MOST_REGISTERS
    }

    fn of_kind(&self, kind: Kind, accept: impl Fn(Reg) -> bool) -> Vec<Reg> {
        let all = self.kinds.iter().enumerate().filter(|(_, own)| **own == kind).map(|(i, _)| Reg(i as u8));
        all.filter(|reg| accept(*reg)).collect()
    }

    /// A register of `kind` that holds a value.
    fn input(&mut self, kind: Kind) -> Reg {
        let candidates = self.of_kind(kind, |reg| self.assigned.contains(reg));
        if candidates.is_empty() || self.choices.one_in(6) {
            let reg = self.output(kind);
            self.constant(reg, kind);
            return reg;
        }
        *self.choices.of(&candidates)
    }

    /// A register of `kind` that may be written.
    fn output(&mut self, kind: Kind) -> Reg {
        let mut candidates = self.of_kind(kind, |reg| !self.reserved.contains(reg));
        if candidates.is_empty() || candidates.len() < 5 && self.has_room(1) && self.choices.one_in(3) {
            candidates = vec![self.register(kind)];
        }
        *self.choices.of(&candidates)
    }

    /// A register for a step on the way, which nothing else writes.
    fn scratch(&mut self, kind: Kind, number: u8) -> Reg {
        if let Some(reg) = self.scratch.get(&(kind, number)) {
            return *reg;
        }
        let reg = self.register(kind);
        self.reserved.insert(reg);
        self.scratch.insert((kind, number), reg);
        reg
    }

    // Instructions.

    fn emit(&mut self, op: Op, operands: &[Value]) {
        let instr = Instr::build(op, operands).unwrap_or_else(|| panic!("{op} cannot be built of {operands:?}"));
        if let Some(def) = instr.def() {
            self.assigned.insert(def);
        }
        self.builder.line(self.line);
        self.builder.emit(instr);
    }

    fn find(sem: Sem, kind: Kind) -> Op {
        Op::find(sem, Some(kind), None).unwrap_or_else(|| panic!("the table has no {sem:?} of {kind}"))
    }

    fn jump(&mut self, label: Label) {
        self.emit(Op::Jump, &[Value::Label(label.target())]);
    }

    /// `dst` = `a` op a small constant.
    fn with_imm(&mut self, op: BinOp, kind: Kind, dst: Reg, a: Reg, imm: i64) {
        self.emit(Self::find(Sem::BinaryImm(op), kind), &[Value::Reg(dst), Value::Reg(a), Value::Imm(imm)]);
    }

    /// Sets `reg` to some value of its kind.
    fn constant(&mut self, reg: Reg, kind: Kind) {
        match kind.element() {
            Some(element) => {
                let length = self.scratch(Kind::I64, 0);
                let count = i64::from(self.choices.below(8));
                self.emit(Op::ConstI64, &[Value::Reg(length), Value::Imm(count)]);
                let op = Op::find(Sem::ArrayNew, Some(element), Some(kind)).unwrap_or(Op::ArrayNewI64);
                self.emit(op, &[Value::Reg(reg), Value::Reg(length)]);
            }
            None => {
                let bits = value(self.choices, kind);
                self.set(reg, kind, bits);
            }
        }
    }

    /// Sets `reg` to `bits`, in the small form if there is one.
    fn set(&mut self, reg: Reg, kind: Kind, bits: u64) {
        let number = match kind {
            Kind::I32 => i64::from(bits as i32),
            _ => bits as i64,
        };
        let small = Op::find(Sem::Const, Some(kind), None);
        match small.and_then(|op| Instr::build(op, &[Value::Reg(reg), Value::Imm(number)]).map(|_| op)) {
            Some(op) => self.emit(op, &[Value::Reg(reg), Value::Imm(number)]),
            None => {
                let id: ConstId = self.builder.constant(bits);
                self.emit(Self::find(Sem::Pool, kind), &[Value::Reg(reg), Value::Pool(id)]);
            }
        }
    }

    // Statements. Those that return a bool say whether control never continues after them.

    fn block(&mut self, depth: u32) -> bool {
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
        let kinds = if depth >= 3 { 8 } else { 16 };
        match self.choices.below(kinds) {
            8 | 9 => self.conditional(depth),
            10 => self.switch(depth),
            11 | 12 => self.repeat(depth),
            13 | 14 => {
                self.call();
                false
            }
            15 if depth > 0 && self.choices.one_in(2) => {
                self.ret(true);
                true
            }
            _ => {
                self.operation();
                false
            }
        }
    }

    fn operation(&mut self) {
        let op = *self.choices.of(&OPERATIONS);
        let info = op.info();
        let kind = info.kind.unwrap_or(Kind::I64);
        let guarded = !self.choices.one_in(UNGUARDED);
        if guarded && matches!(info.sem, Sem::ArrayGet | Sem::ArraySet) {
            return self.element(op);
        }
        let mut values = Vec::new();
        for (i, operand) in info.operands.iter().enumerate() {
            values.push(match (operand.role, operand.kind) {
                (Role::Use, OperandKind::Fixed(wanted)) => {
                    let safe = if guarded { self.safe_input(info.sem, kind, i, wanted) } else { None };
                    Value::Reg(match safe {
                        Some(reg) => reg,
                        None => self.input(wanted),
                    })
                }
                (Role::Def, OperandKind::Fixed(wanted)) => Value::Reg(self.output(wanted)),
                (Role::Pool, _) => {
                    let bits = value(self.choices, kind);
                    Value::Pool(self.builder.constant(bits))
                }
                (role, _) => Value::Imm(self.immediate(role)),
            });
        }
        self.emit(op, &values);
    }

    fn immediate(&mut self, role: Role) -> i64 {
        if let Some((least, greatest)) = role.immediate_range()
            && self.choices.one_in(2)
        {
            let span = u32::try_from(greatest - least).unwrap_or(u32::MAX);
            return least + i64::from(self.choices.below(span.max(1)));
        }
        self.choices.of(immediate_edges(role)).bits as i64
    }

    /// An operand with which an operation raises no error; `None` if any will do.
    fn safe_input(&mut self, sem: Sem, kind: Kind, operand: usize, wanted: Kind) -> Option<Reg> {
        let scratch = |this: &mut Self| this.scratch(wanted, operand as u8);
        match sem {
            Sem::Binary(BinOp::Div | BinOp::Rem | BinOp::DivFloor | BinOp::RemFloor)
                if kind.is_integer() && operand == 2 =>
            {
                let (reg, a) = (scratch(self), self.input(wanted));
                self.with_imm(BinOp::And, kind, reg, a, 255);
                self.with_imm(BinOp::Or, kind, reg, reg, 1);
                Some(reg)
            }
            Sem::Binary(BinOp::AddChecked | BinOp::SubChecked | BinOp::MulChecked)
            | Sem::Unary(UnOp::NegChecked | UnOp::AbsChecked) => {
                let (reg, a) = (scratch(self), self.input(wanted));
                self.with_imm(BinOp::And, kind, reg, a, 255);
                if operand == 1 {
                    // So that unsigned subtraction stays above zero.
                    self.with_imm(BinOp::Add, kind, reg, reg, 256);
                }
                Some(reg)
            }
            Sem::Convert(mode @ (ConvertMode::Exact | ConvertMode::Truncate)) => {
                let reg = scratch(self);
                let fits = |bits: u64| {
                    let (x, limit) =
                        (f64::from_bits(bits), 2f64.powi(kind.bits() as i32 - i32::from(kind.is_signed())));
                    let least = if kind.is_signed() { -limit } else { 0.0 };
                    x.trunc() >= least && x.trunc() < limit && (mode == ConvertMode::Truncate || x.trunc() == x)
                };
                let fitting: Vec<_> = edges(Kind::F64).iter().filter(|edge| fits(edge.bits)).collect();
                let bits = self.choices.of(&fitting).bits;
                self.set(reg, Kind::F64, bits);
                Some(reg)
            }
            Sem::ArrayNew => {
                let reg = scratch(self);
                let length = u64::from(self.choices.below(9));
                self.set(reg, Kind::I64, length);
                Some(reg)
            }
            _ => None,
        }
    }

    /// Reads or writes an element that is there: `index` is taken modulo the length, and an empty array is left alone.
    fn element(&mut self, op: Op) {
        let info = op.info();
        let (element, array) = (info.kind.unwrap_or(Kind::I64), info.from.unwrap_or(Kind::ArrI64));
        let (length, index) = (self.scratch(Kind::I64, 0), self.scratch(Kind::I64, 1));
        let from = self.input(array);
        let number = self.input(Kind::I64);
        let written = if info.sem == Sem::ArraySet { Some(self.input(element)) } else { None };
        let len = Op::find(Sem::ArrayLen, Some(element), Some(array)).unwrap_or(Op::ArrayLenI64);
        self.emit(len, &[Value::Reg(length), Value::Reg(from)]);
        let before = self.assigned;
        let skip = self.builder.label();
        self.emit(Op::JumpLeImmI64, &[Value::Reg(length), Value::Imm(0), Value::Label(skip.target())]);
        self.emit(Op::RemFloorI64, &[Value::Reg(index), Value::Reg(number), Value::Reg(length)]);
        match written {
            Some(value) => self.emit(op, &[Value::Reg(from), Value::Reg(index), Value::Reg(value)]),
            None => {
                let dst = self.output(element);
                self.emit(op, &[Value::Reg(dst), Value::Reg(from), Value::Reg(index)]);
            }
        }
        self.builder.bind(skip);
        self.assigned = before;
    }

    fn branch(&mut self, label: Label) {
        let op = *self.choices.of(&BRANCHES);
        let mut values = Vec::new();
        for operand in op.info().operands {
            values.push(match (operand.role, operand.kind) {
                (Role::Use, OperandKind::Fixed(kind)) => Value::Reg(self.input(kind)),
                (Role::Label, _) => Value::Label(label.target()),
                (role, _) => Value::Imm(self.immediate(role)),
            });
        }
        self.emit(op, &values);
    }

    fn conditional(&mut self, depth: u32) -> bool {
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

    fn switch(&mut self, depth: u32) -> bool {
        let kind = *self.choices.of(&INTEGERS);
        let mut selector = self.input(kind);
        if !self.choices.one_in(3) {
            let masked = self.scratch(kind, 2);
            self.with_imm(BinOp::And, kind, masked, selector, 3);
            selector = masked;
        }
        let arms: Vec<Label> = (0..1 + self.choices.below(3)).map(|_| self.builder.label()).collect();
        let end = self.builder.label();
        // Several values may lead to one arm, and the default to any.
        let entries: Vec<Label> = (0..self.choices.below(5)).map(|_| *self.choices.of(&arms)).collect();
        let table = self.builder.table(&entries, arms[0]);
        self.emit(Self::find(Sem::Switch, kind), &[Value::Reg(selector), Value::Table(table)]);
        let before = self.assigned;
        let mut after: Option<RegSet> = None;
        for (i, arm) in arms.iter().enumerate() {
            self.builder.bind(*arm);
            self.assigned = before;
            // An arm no value leads to is never reached, but code all the same.
            let ends = self.block(depth + 1);
            if !ends {
                after = Some(after.map_or(self.assigned, |after| after.intersection(self.assigned)));
                if i + 1 < arms.len() {
                    self.jump(end);
                }
            }
        }
        self.builder.bind(end);
        self.assigned = after.unwrap_or(before);
        after.is_none()
    }

    fn repeat(&mut self, depth: u32) -> bool {
        let most = if self.own().is_entry { 2 } else { 1 };
        if self.loop_depth >= most || !self.has_room(2) {
            self.operation();
            return false;
        }
        let kind = *self.choices.of(&INTEGERS);
        let (counter, limit) = (self.register(kind), self.register(kind));
        self.reserved.insert(counter);
        self.reserved.insert(limit);
        self.loop_depth += 1;
        let rounds = u64::from(1 + self.choices.below(6));
        let ends = match self.choices.below(6) {
            form @ 0..4 => {
                let cc = [Cc::Lt, Cc::Le, Cc::Gt, Cc::Ge][form as usize];
                let upwards = matches!(cc, Cc::Lt | Cc::Le);
                let (from, to) = if upwards { (0, rounds) } else { (rounds, 0) };
                self.set(counter, kind, from);
                self.set(limit, kind, to);
                self.counted(depth, Self::find(Sem::Loop(cc), kind), counter, limit)
            }
            4 => {
                self.set(counter, kind, 0);
                self.set(limit, kind, rounds);
                self.checked_first(depth, kind, counter, limit);
                false
            }
            _ => {
                self.set(counter, kind, rounds);
                self.checked_last(depth, kind, counter)
            }
        };
        self.loop_depth -= 1;
        ends
    }

    /// `head: body; loop counter, limit, head`.
    fn counted(&mut self, depth: u32, op: Op, counter: Reg, limit: Reg) -> bool {
        let head = self.builder.label();
        self.builder.bind(head);
        if self.block(depth + 1) {
            return true;
        }
        self.emit(op, &[Value::Reg(counter), Value::Reg(limit), Value::Label(head.target())]);
        false
    }

    /// `head: leave if limit <= counter; body; counter += 1; jump head`.
    fn checked_first(&mut self, depth: u32, kind: Kind, counter: Reg, limit: Reg) {
        let (head, exit) = (self.builder.label(), self.builder.label());
        self.builder.bind(head);
        let leave = [Value::Reg(limit), Value::Reg(counter), Value::Label(exit.target())];
        self.emit(Self::find(Sem::Branch(Cc::Le), kind), &leave);
        let before = self.assigned;
        if !self.block(depth + 1) {
            self.with_imm(BinOp::Add, kind, counter, counter, 1);
            self.jump(head);
        }
        self.builder.bind(exit);
        self.assigned = before;
    }

    /// `head: body; counter -= 1; leave if counter is 0; maybe go to head`.
    fn checked_last(&mut self, depth: u32, kind: Kind, counter: Reg) -> bool {
        let (head, exit) = (self.builder.label(), self.builder.label());
        self.builder.bind(head);
        if self.block(depth + 1) {
            self.builder.bind(exit);
            return true;
        }
        self.with_imm(BinOp::Sub, kind, counter, counter, 1);
        let leave = [Value::Reg(counter), Value::Imm(0), Value::Label(exit.target())];
        self.emit(Self::find(Sem::BranchImm(Cc::Eq), kind), &leave);
        let before = self.assigned;
        self.branch(head);
        self.builder.bind(exit);
        self.assigned = before;
        false
    }

    /// Moves arguments for `callee` into consecutive new registers.
    fn arguments(&mut self, callee: usize) -> Reg {
        let signatures = self.signatures;
        let params = &signatures[callee].params;
        let window: Vec<Reg> = params.iter().map(|kind| self.register(*kind)).collect();
        for (reg, kind) in window.iter().zip(params).rev() {
            // The counter of a recursion comes last, so that nothing overwrites it.
            if *reg == window[0] && signatures[callee].recursive {
                match callee == self.index {
                    true => self.with_imm(BinOp::Sub, Kind::I64, *reg, Reg(0), 1),
                    false => {
                        let rounds = u64::from(self.choices.below(5));
                        self.set(*reg, Kind::I64, rounds);
                    }
                }
            } else {
                let from = self.input(*kind);
                self.emit(Self::find(Sem::Move, *kind), &[Value::Reg(*reg), Value::Reg(from)]);
            }
        }
        window.first().copied().unwrap_or_default()
    }

    fn invoke(&mut self, callee: usize) {
        let first = self.arguments(callee);
        let func = Value::Func(FuncId(callee as u32));
        match self.signatures[callee].result {
            Some(kind) => {
                let dst = self.output(kind);
                self.emit(Op::Call, &[Value::Reg(dst), Value::Reg(first), func]);
            }
            None => self.emit(Op::CallVoid, &[Value::Reg(first), func]),
        }
    }

    /// A call of a function made before; from loops only in the entry and only one deep, so that work stays bounded.
    fn call(&mut self) {
        let count = self.index as u32;
        let most = u32::from(self.own().is_entry);
        if count == 0 || self.loop_depth > most || !self.has_room(8) {
            return self.operation();
        }
        let callee = self.choices.below(count);
        self.invoke(callee as usize);
    }

    /// Calls the function itself with a smaller counter, as long as there is one.
    fn recursion(&mut self) {
        if !self.has_room(8) {
            return;
        }
        self.line += 1;
        let done = self.builder.label();
        self.emit(Op::JumpLeImmI64, &[Value::Reg(Reg(0)), Value::Imm(0), Value::Label(done.target())]);
        let before = self.assigned;
        if self.choices.one_in(2) {
            let first = self.arguments(self.index);
            self.emit(Op::TailCall, &[Value::Reg(first), Value::Func(FuncId(self.index as u32))]);
        } else {
            self.invoke(self.index);
        }
        self.builder.bind(done);
        self.assigned = before;
    }

    /// Makes the outcome depend on what was computed: some registers are printed, integers are folded into one.
    fn fold(&mut self) {
        self.line += 1;
        for _ in 0..self.choices.below(5) {
            let scalars: Vec<_> =
                self.assigned.iter().filter(|reg| self.kinds[reg.index()].element().is_none()).collect();
            if !scalars.is_empty() {
                let reg = *self.choices.of(&scalars);
                self.emit(Self::find(Sem::Print, self.kinds[reg.index()]), &[Value::Reg(reg)]);
            }
        }
        let sum = self.scratch(Kind::I64, 3);
        let integers = self.of_kind(Kind::I64, |reg| self.assigned.contains(reg));
        self.set(sum, Kind::I64, 1);
        for reg in integers.into_iter().filter(|reg| *reg != sum) {
            self.with_imm(BinOp::Mul, Kind::I64, sum, sum, 31);
            self.emit(Op::XorI64, &[Value::Reg(sum), Value::Reg(sum), Value::Reg(reg)]);
        }
    }

    /// Leaves the function: by a return or by a tail call of a function made before. In the middle (`early`) of the entry
    /// the result is any integer, at its end the folded one.
    fn ret(&mut self, early: bool) {
        let own = self.own().result;
        let callees: Vec<usize> = (0..self.index).filter(|callee| self.signatures[*callee].result == own).collect();
        if !callees.is_empty() && self.loop_depth == 0 && self.has_room(8) && self.choices.one_in(4) {
            let callee = *self.choices.of(&callees);
            let first = self.arguments(callee);
            return self.emit(Op::TailCall, &[Value::Reg(first), Value::Func(FuncId(callee as u32))]);
        }
        match own {
            Some(kind) => {
                let folded = self.scratch.get(&(Kind::I64, 3)).copied();
                let reg = match folded {
                    Some(reg) if !early && self.own().is_entry => reg,
                    _ => self.input(kind),
                };
                self.emit(Op::Ret, &[Value::Reg(reg)]);
            }
            None => self.emit(Op::RetVoid, &[]),
        }
    }
}
