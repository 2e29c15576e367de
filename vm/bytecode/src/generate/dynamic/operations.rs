//! Statements that stand alone: arithmetic, comparisons, strings, moves, functions of the host.

use std::sync::LazyLock;

use super::Class;
use super::function::{WINDOW, Writer};
use super::helpers::exactly;
use crate::{AnyOp, AnyUnOp, Op, Reg, Role, Sem, Value};

/// Instructions with operands of their own, on numbers, strings and tables.
static OPERATIONS: LazyLock<Vec<Op>> = LazyLock::new(|| {
    let alone = |op: &Op| {
        matches!(
            op.info().sem,
            Sem::Arith(_)
                | Sem::ArithImm(_)
                | Sem::AnyUnary(_)
                | Sem::AnyCompare(_)
                | Sem::StringByte
                | Sem::StringSlice
                | Sem::StringFind
        )
    };
    Op::dynamic().filter(alone).collect()
});

/// An operand with a metamethod, or one of two that compare by it, once in so many times.
const METAMETHOD: u32 = 8;

fn is_bitwise(op: AnyOp) -> bool {
    matches!(op, AnyOp::Band | AnyOp::Bor | AnyOp::Bxor | AnyOp::Shl | AnyOp::Shr)
}

impl Writer<'_> {
    pub fn operation(&mut self) {
        let op = *self.choices.of(&OPERATIONS);
        match op.info().sem {
            Sem::Arith(any) => self.binary(op, any),
            Sem::ArithImm(any) => self.with_constant(op, any),
            Sem::AnyUnary(any) => self.unary(op, any),
            Sem::StringByte | Sem::StringSlice | Sem::StringFind => self.string(op),
            _ => self.comparison(op),
        }
    }

    /// The class of numbers that an operation is fed: integers where others do not do.
    fn numbers(&mut self, op: AnyOp) -> Class {
        match is_bitwise(op) {
            true => Class::Int,
            false => *self.choices.of(&[Class::Int, Class::Number, Class::Float]),
        }
    }

    /// A register with a result: of the class, or, where a metamethod or a coercion may come in, any.
    fn result(&mut self, class: Class, is_plain: bool) -> Reg {
        self.output(if is_plain && !self.is_blind { class } else { Class::Wild })
    }

    fn result_class(op: AnyOp, a: Class, b: Class) -> Class {
        match op {
            AnyOp::Div | AnyOp::Pow => Class::Float,
            _ if a == b => a,
            _ if a == Class::Float || b == Class::Float => Class::Float,
            _ => Class::Number,
        }
    }

    /// An operand for arithmetic: a number, an object, or a numeral.
    fn number(&mut self, class: Class, op: AnyOp) -> (Reg, bool) {
        if self.choices.one_in(METAMETHOD) {
            return (self.operand(Class::Object), false);
        }
        if !is_bitwise(op) && self.choices.one_in(12) {
            let reg = self.output(Class::Text);
            let text = *self.choices.of(&[&b"10"[..], b"0x10", b" -7 ", b"1e2", b"9223372036854775808"]);
            let text = self.text(text);
            self.emit(Op::StringAny, &[Value::Reg(reg), text]);
            return (reg, false);
        }
        (self.operand(class), true)
    }

    fn binary(&mut self, op: Op, any: AnyOp) {
        let (ca, mut cb) = (self.numbers(any), self.numbers(any));
        let (a, mut plain) = self.number(ca, any);
        // Of zero divisors only a share is left to chance.
        let b = if matches!(any, AnyOp::Mod | AnyOp::Idiv) && !self.choices.one_in(10) {
            cb = Class::Int;
            let reg = self.output(Class::Int);
            let divisor = i64::from(self.choices.below(9)) - 10;
            self.int(reg, divisor);
            reg
        } else {
            let (b, is_plain) = self.number(cb, any);
            plain &= is_plain;
            b
        };
        let dst = self.result(Self::result_class(any, ca, cb), plain);
        self.emit(op, &[Value::Reg(dst), Value::Reg(a), Value::Reg(b)]);
    }

    fn with_constant(&mut self, op: Op, any: AnyOp) {
        let class = self.numbers(any);
        let (a, plain) = self.number(class, any);
        let mut imm = i64::from(self.choices.below(20)) - 4;
        if self.choices.one_in(8) {
            imm = *self.choices.of(&[-32768, 32767, 63, 64, -1]);
        }
        if imm == 0 && matches!(any, AnyOp::Mod | AnyOp::Idiv) && !self.choices.one_in(4) {
            imm = 3;
        }
        let dst = self.result(Self::result_class(any, class, Class::Int), plain);
        self.emit(op, &[Value::Reg(dst), Value::Reg(a), Value::Imm(imm)]);
    }

    fn unary(&mut self, op: Op, any: AnyUnOp) {
        let is_object = any != AnyUnOp::Not && self.choices.one_in(METAMETHOD);
        let class = match any {
            _ if is_object => Class::Object,
            AnyUnOp::Not => Class::Wild,
            AnyUnOp::Neg => *self.choices.of(&[Class::Int, Class::Float]),
            AnyUnOp::Bnot => Class::Int,
            AnyUnOp::Len => *self.choices.of(&[Class::Table, Class::Text]),
        };
        let a = self.operand(class);
        let of = match any {
            AnyUnOp::Not => Class::Flag,
            AnyUnOp::Len => Class::Int,
            _ => class,
        };
        let dst = self.result(of, !is_object);
        self.emit(op, &[Value::Reg(dst), Value::Reg(a)]);
    }

    /// A byte, a part or the place of a string. What there is no string or byte of is nil; an index may be a float.
    fn string(&mut self, op: Op) {
        let a = self.operand(Class::Text);
        let index = |writer: &mut Self| {
            let class = if writer.choices.one_in(12) { Class::Number } else { Class::Int };
            if class == Class::Number || writer.choices.one_in(3) {
                return writer.operand(class);
            }
            let reg = writer.output(Class::Int);
            let at = i64::from(writer.choices.below(12)) - 4;
            writer.int(reg, at);
            reg
        };
        let mut operands = vec![Value::Reg(a)];
        let class = match op.info().sem {
            Sem::StringSlice => {
                operands.extend([Value::Reg(index(self)), Value::Reg(index(self))]);
                Class::Text
            }
            Sem::StringFind => {
                let wanted = self.operand(Class::Text);
                operands.extend([Value::Reg(wanted), Value::Reg(index(self))]);
                Class::Wild
            }
            _ => {
                operands.push(Value::Reg(index(self)));
                Class::Wild
            }
        };
        let dst = self.output(class);
        operands.insert(0, Value::Reg(dst));
        self.emit(op, &operands);
    }

    /// The classes of two operands that can be compared.
    pub fn comparable(&mut self, is_equality: bool) -> (Class, Class) {
        match self.choices.below(8) {
            0..=3 => (Class::Number, Class::Number),
            4 => (Class::Text, Class::Text),
            5 => (Class::Object, Class::Object),
            6 if !is_equality => (Class::Object, Class::Number),
            _ if is_equality => (Class::Wild, Class::Wild),
            _ => (Class::Int, Class::Float),
        }
    }

    fn comparison(&mut self, op: Op) {
        let (ca, cb) = self.comparable(op == Op::EqAny);
        let (a, b, dst) = (self.operand(ca), self.operand(cb), self.output(Class::Flag));
        self.emit(op, &[Value::Reg(dst), Value::Reg(a), Value::Reg(b)]);
    }

    /// A copy between registers of a class, or into one of any.
    pub fn move_value(&mut self) {
        let class = *self.choices.of(&Class::ALL);
        let from = self.input(class);
        let to = if self.choices.one_in(2) { class } else { Class::Wild };
        let dst = self.output(to);
        self.copy(dst, from);
    }

    /// A concatenation of one value of the program with constants and numbers, so that strings grow by pieces; and of two, where nothing is repeated.
    pub fn concat(&mut self) {
        let count = 2 + self.choices.below(3) as usize;
        let at = self.choices.below(count as u32) as usize;
        let free = self.is_entry && self.loop_depth == 0;
        let class = *self.choices.of(&[Class::Text, Class::Text, Class::Text, Class::Object]);
        let mut values = vec![(at, self.operand(class))];
        if free && self.choices.one_in(3) {
            let other = (at + 1) % count;
            let class = *self.choices.of(&[Class::Text, Class::Object]);
            values.push((other, self.operand(class)));
        }
        let is_plain = class == Class::Text && values.len() == 1;
        let window = self.window();
        for i in 0..count {
            let reg = Reg(window.0 + i as u8);
            match values.iter().find(|(place, _)| *place == i) {
                Some((_, value)) => self.copy(reg, *value),
                None => {
                    let class = *self.choices.of(&[Class::Text, Class::Int, Class::Float]);
                    self.fill(reg, class);
                }
            }
        }
        self.emit(Op::ConcatAny, &[Value::Reg(window), exactly(count)]);
        let dst = self.result(Class::Text, is_plain);
        self.copy(dst, window);
    }

    /// A function of the host, with arguments that suit it most of the time.
    pub fn host_call(&mut self) {
        use Class::{Flag, Int, Object, Table, Text, Wild};
        let (name, classes, result): (&str, &[Class], Class) = match self.choices.below(16) {
            0 => ("type", &[Wild], Text),
            1 => ("tostring", &[Wild], Wild),
            2 => ("rawlen", &[Table], Int),
            3 => ("rawlen", &[Object], Int),
            4 => ("rawget", &[Object, Text], Wild),
            5 => ("rawset", &[Object, Text, Wild], Wild),
            6 => ("rawequal", &[Wild, Wild], Flag),
            7 => ("getmetatable", &[Object], Wild),
            8 => ("getmetatable", &[Text], Wild),
            9 => ("next", &[Table], Wild),
            10 => ("print", &[Wild, Wild], Wild),
            11 => ("apply", &[Class::Function, Wild], Wild),
            12 => ("collect", &[], Wild),
            13 => ("rawget", &[Table, Int], Wild),
            14 => ("rawset", &[Table, Int, Wild], Wild),
            _ => ("rawequal", &[Text, Text], Flag),
        };
        let args: Vec<Reg> = classes.iter().map(|class| self.operand(*class)).collect();
        let window = self.window();
        self.import(window, name);
        self.arguments(window, &args);
        // What calls back raises what it is called with, and metamethods need not return strings.
        let calls_back = matches!(name, "apply" | "print" | "tostring");
        let (op, skip) = if calls_back { (Op::PcallAny, 1) } else { (Op::CallAny, 0) };
        let results = 1 + skip;
        self.emit(op, &[Value::Reg(window), exactly(args.len()), exactly(results)]);
        if skip == 1 {
            return self.keep(window, results);
        }
        // A metamethod answers for some, and a blind operand for all.
        let dst = self.result(result, classes.iter().all(|class| *class != Object));
        self.copy(dst, window);
    }

    /// Moves arguments behind the first register of a window.
    pub fn arguments(&mut self, window: Reg, args: &[Reg]) {
        assert!(args.len() < WINDOW, "a window has room for five arguments");
        for (i, arg) in args.iter().enumerate() {
            self.copy(Reg(window.0 + 1 + i as u8), *arg);
        }
    }

    /// A conditional branch to the label: on truth, on nil, by a comparison.
    pub fn branch(&mut self, label: crate::Label) {
        static BRANCHES: LazyLock<Vec<Op>> = LazyLock::new(|| {
            let branch = |op: &Op| {
                matches!(
                    op.info().sem,
                    Sem::BranchTruth(_) | Sem::BranchNil(_) | Sem::AnyBranch(_) | Sem::AnyBranchImm(_)
                )
            };
            Op::dynamic().filter(branch).collect()
        });
        let op = *self.choices.of(&BRANCHES);
        let info = op.info();
        let (ca, cb) = match info.sem {
            Sem::BranchTruth(_) | Sem::BranchNil(_) => (Class::Wild, Class::Wild),
            Sem::AnyBranch(test) => self.comparable(matches!(test, crate::Test::Eq | crate::Test::Ne)),
            _ => (*self.choices.of(&[Class::Number, Class::Int, Class::Float, Class::Object]), Class::Wild),
        };
        let mut values = Vec::new();
        for operand in info.operands {
            match operand.role {
                Role::Use => {
                    let class = if values.is_empty() { ca } else { cb };
                    let reg =
                        if matches!(info.sem, Sem::BranchNil(_)) { self.input(class) } else { self.operand(class) };
                    values.push(Value::Reg(reg));
                }
                Role::Label => values.push(Value::Label(label.target())),
                Role::Imm8 => {
                    let number = i64::from(self.choices.below(16)) - 4;
                    values.push(Value::Imm(number));
                }
                _ => {}
            }
        }
        self.emit(op, &values);
    }
}
