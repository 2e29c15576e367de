//! Values of variables with a kind of their own: typed instructions, and the registers they need.
//!
//! Registers of fixed kinds lie behind the parameters and below all others, as groups (arguments, results, loops) take `any` registers that follow each other. How many there are is
//! known when the function's code is complete; so it is generated twice, first with room for [`MAX_TYPED`]. The first time also tells which floats the function's loops need: no instruction
//! takes one as it is, so that they are put into registers where the function begins.
//!
//! Typed code is made where a value goes to a typed register, and for comparisons of two of them. Everything else reads typed registers as they are, by generic instructions: the
//! interpreter executes many pairs of those in one go, and a value that no typed register takes would have to be moved.

use lockstep_bytecode::{AnyOp, Instr, Kind, Label, Reg};

use super::expr::arithmetic;
use super::{FunctionCode, Made};
use crate::syntax::ast::{Comparison, Expr, ExprId, Literal, LocalId, Unary};

/// The most registers of fixed kinds. A function that wants more has none.
const MAX_TYPED: usize = 48;

/// The most registers for constants.
const MAX_CONSTANTS: usize = 16;

/// The room that a function has for registers of fixed kinds.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// How many there are.
    pub registers: usize,
    /// The floats in the first of them.
    pub constants: Vec<u64>,
}

impl Room {
    /// As much as a function can have.
    pub fn most() -> Room {
        Room { registers: MAX_TYPED, constants: Vec::new() }
    }
}

/// The registers of fixed kinds.
#[derive(Debug, Default)]
pub(super) struct TypedRegisters {
    /// Where they begin.
    first: usize,
    /// The kind of each, and whether it is in use.
    registers: Vec<(Kind, bool)>,
    /// The floats that are in registers from the beginning to the end.
    constants: Vec<(u64, Reg)>,
}

impl TypedRegisters {
    /// None yet, from register `first` on.
    pub fn from(first: usize) -> TypedRegisters {
        TypedRegisters { first, registers: Vec::new(), constants: Vec::new() }
    }

    /// The kinds of all there are.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.registers.iter().map(|register| register.0)
    }

    /// The room it takes.
    pub fn room(&self) -> Room {
        let constants = self.constants.iter().map(|constant| constant.0).collect();
        Room { registers: self.registers.len(), constants }
    }

    /// The kind of a register, if it is one of them.
    pub fn kind(&self, reg: Reg) -> Option<Kind> {
        let index = reg.index().checked_sub(self.first)?;
        self.registers.get(index).map(|register| register.0)
    }

    /// A register that is not in use.
    pub fn take(&mut self, kind: Kind) -> Option<Reg> {
        let free = self.registers.iter().position(|register| *register == (kind, false));
        match free {
            Some(index) => {
                self.registers[index].1 = true;
                Some(Reg((self.first + index) as u8))
            }
            None => self.add(kind),
        }
    }

    /// A register that has not been in use before.
    fn add(&mut self, kind: Kind) -> Option<Reg> {
        let index = self.registers.len();
        self.registers.push((kind, true));
        (index < MAX_TYPED).then(|| Reg((self.first + index) as u8))
    }

    /// The register that holds a float all the time: one of its own, so that the others need no more room if it is taken first.
    fn constant(&mut self, bits: u64) -> Option<Reg> {
        if let Some((_, reg)) = self.constants.iter().find(|constant| constant.0 == bits) {
            return Some(*reg);
        }
        if self.constants.len() == MAX_CONSTANTS {
            return None;
        }
        let reg = self.add(Kind::F64)?;
        self.constants.push((bits, reg));
        Some(reg)
    }

    /// The register is in use no longer.
    pub fn drop(&mut self, reg: Reg) {
        self.registers[reg.index() - self.first].1 = false;
    }
}

/// A number as an operand of typed code.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
    /// A register, and whether it is a temporary.
    Register(Reg, Kind, bool),
}

impl Number {
    fn kind(self) -> Kind {
        match self {
            Number::Integer(_) => Kind::I64,
            Number::Float(_) => Kind::F64,
            Number::Register(_, kind, _) => kind,
        }
    }
}

impl FunctionCode<'_> {
    /// A typed register.
    pub(super) fn take_typed(&mut self, kind: Kind) -> Made<Reg> {
        self.typed.take(kind).ok_or_else(|| {
            super::error(self.chunk, self.builder_line(), "function or expression needs too many registers")
        })
    }

    /// Puts the floats that loops need into registers.
    pub(super) fn make_constants(&mut self, constants: &[u64]) -> Made {
        let line = self.ast.body.stats.first().map_or(1, |stat| stat.1);
        for bits in constants {
            let dst = self.typed.constant(*bits).expect("there was room before");
            let value = self.builder.constant(*bits);
            self.emit(line, Instr::PoolF64 { dst, value });
        }
        Ok(())
    }

    /// The register that holds a float while the function runs, if it is worth one here.
    fn constant_register(&mut self, value: f64) -> Option<Reg> {
        let is_in_loop = self.blocks.iter().any(|block| block.exit.is_some());
        if is_in_loop { self.typed.constant(value.to_bits()) } else { None }
    }

    /// The typed register of a new variable, if it is to have one.
    pub(super) fn typed_local(&mut self, local: LocalId) -> Made<Option<Reg>> {
        self.kinds.local(local).map(|kind| self.take_typed(kind)).transpose()
    }

    /// The value of an expression of certain kind comes to a typed register of that kind. Nothing else is written but temporaries, and `dst` by the last instruction.
    pub(super) fn typed_to(&mut self, id: ExprId, dst: Reg) -> Made {
        let line = self.chunk.line(id);
        match self.number(id, Some(dst))? {
            Number::Register(reg, ..) if reg == dst => {}
            Number::Register(a, ..) => self.typed_move(dst, a, line),
            Number::Integer(value) => self.typed_integer(dst, value, line),
            Number::Float(value) => self.typed_float(dst, value, line),
        }
        Ok(())
    }

    /// Copies a typed register.
    pub(super) fn typed_move(&mut self, dst: Reg, a: Reg, line: u32) {
        let is_integer = self.typed.kind(dst) == Some(Kind::I64);
        self.emit(line, if is_integer { Instr::MoveI64 { dst, a } } else { Instr::MoveF64 { dst, a } });
    }

    /// Moves a value that is of the register's kind to a typed register.
    pub(super) fn unbox(&mut self, dst: Reg, a: Reg, line: u32) {
        let is_integer = self.typed.kind(dst) == Some(Kind::I64);
        self.emit(line, if is_integer { Instr::UnboxI64 { dst, a } } else { Instr::UnboxF64 { dst, a } });
    }

    pub(super) fn typed_integer(&mut self, dst: Reg, value: i64, line: u32) {
        let instr = match i32::try_from(value) {
            Ok(value) => Instr::ConstI64 { dst, value },
            Err(_) => Instr::PoolI64 { dst, value: self.builder.constant(value as u64) },
        };
        self.emit(line, instr);
    }

    fn typed_float(&mut self, dst: Reg, value: f64, line: u32) {
        let value = self.builder.constant(value.to_bits());
        self.emit(line, Instr::PoolF64 { dst, value });
    }

    /// The value of an expression of certain kind; that of an operation in `dst`, if that is given.
    fn number(&mut self, id: ExprId, dst: Option<Reg>) -> Made<Number> {
        let mut spine = Vec::new();
        let mut leftmost = id;
        while let Expr::Arithmetic(_, left, _) = *self.chunk.expr(leftmost) {
            spine.push(leftmost);
            leftmost = left;
        }
        let mut left = match self.chunk.expr(leftmost) {
            Expr::Literal(Literal::Integer(value)) => Number::Integer(*value),
            Expr::Literal(Literal::Float(value)) => Number::Float(*value),
            Expr::Local(local) => {
                let reg = self.register_of(*local);
                let kind = self.typed.kind(reg).expect("a variable of certain kind has a typed register");
                Number::Register(reg, kind, false)
            }
            Expr::Unary(op, operand) => {
                let operand = self.number(*operand, None)?;
                let line = self.chunk.line(leftmost);
                self.typed_unary(*op, operand, dst.filter(|_| spine.is_empty()), line)?
            }
            _ => unreachable!("no kind of this expression is certain"),
        };
        while let Some(id) = spine.pop() {
            let Expr::Arithmetic(op, _, right) = *self.chunk.expr(id) else {
                unreachable!("the spine holds arithmetic")
            };
            let right = self.number(right, None)?;
            let line = self.chunk.line(id);
            left = self.typed_arithmetic(op, left, right, dst.filter(|_| spine.is_empty()), line)?;
        }
        Ok(left)
    }

    /// A number in a register of a kind: itself, or converted as Lua does.
    fn in_register(&mut self, number: Number, kind: Kind, line: u32) -> Made<Number> {
        let float = match number {
            Number::Register(_, own, _) if own == kind => return Ok(number),
            Number::Integer(value) if kind == Kind::F64 => Some(value as f64),
            Number::Float(value) => Some(value),
            _ => None,
        };
        if let Some(reg) = float.and_then(|value| self.constant_register(value)) {
            return Ok(Number::Register(reg, kind, false));
        }
        let dst = self.take_typed(kind)?;
        match number {
            Number::Integer(value) if kind == Kind::F64 => self.typed_float(dst, value as f64, line),
            Number::Integer(value) => self.typed_integer(dst, value, line),
            Number::Float(value) => self.typed_float(dst, value, line),
            Number::Register(a, ..) => self.emit(line, Instr::FloatI64ToF64 { dst, a }),
        }
        self.forget(number);
        Ok(Number::Register(dst, kind, true))
    }

    /// The number is needed no longer.
    fn forget(&mut self, number: Number) {
        if let Number::Register(reg, _, true) = number {
            self.typed.drop(reg);
        }
    }

    /// Where the result of an operation on numbers goes, which are needed no longer then: `dst`, or a temporary, which can be an operand's.
    fn result(&mut self, dst: Option<Reg>, kind: Kind, operands: &[Number]) -> Made<(Reg, Number)> {
        operands.iter().for_each(|number| self.forget(*number));
        let (reg, is_temporary) = match dst {
            Some(dst) => (dst, false),
            None => (self.take_typed(kind)?, true),
        };
        Ok((reg, Number::Register(reg, kind, is_temporary)))
    }

    fn typed_unary(&mut self, op: Unary, operand: Number, dst: Option<Reg>, line: u32) -> Made<Number> {
        let kind = operand.kind();
        let operand = self.in_register(operand, kind, line)?;
        let Number::Register(a, ..) = operand else { unreachable!("it was just put there") };
        let (dst, result) = self.result(dst, kind, &[operand])?;
        let instr = match (op, kind) {
            (Unary::Negate, Kind::I64) => Instr::NegI64 { dst, a },
            (Unary::Negate, _) => Instr::NegF64 { dst, a },
            _ => Instr::NotI64 { dst, a },
        };
        self.emit(line, instr);
        Ok(result)
    }

    fn typed_arithmetic(
        &mut self,
        op: AnyOp,
        left: Number,
        right: Number,
        dst: Option<Reg>,
        line: u32,
    ) -> Made<Number> {
        let (mut left, right) = match (op, left, right) {
            // The constant is the instruction's second operand.
            (AnyOp::Add | AnyOp::Mul | AnyOp::Band | AnyOp::Bor | AnyOp::Bxor, Number::Integer(_), _) => (right, left),
            _ => (left, right),
        };
        let is_integer = left.kind() == Kind::I64 && right.kind() == Kind::I64;
        let kind = if is_integer && !matches!(op, AnyOp::Div | AnyOp::Pow) { Kind::I64 } else { Kind::F64 };
        if let (Kind::I64, Number::Integer(value)) = (kind, right) {
            left = self.in_register(left, Kind::I64, line)?;
            let Number::Register(a, ..) = left else { unreachable!("it was just put there") };
            // Any register will do to see whether there is such an instruction.
            if integer_imm(op, a, a, value).is_some() {
                let (dst, result) = self.result(dst, kind, &[left])?;
                self.emit(line, integer_imm(op, dst, a, value).expect("there is one"));
                return Ok(result);
            }
        }
        self.typed_registers(op, kind, [left, right], dst, line)
    }

    fn typed_registers(
        &mut self,
        op: AnyOp,
        kind: Kind,
        operands: [Number; 2],
        dst: Option<Reg>,
        line: u32,
    ) -> Made<Number> {
        let safe_divisor = matches!(operands[1], Number::Integer(value) if value != 0 && value != -1);
        let is_typed = match (op, kind) {
            (AnyOp::Idiv | AnyOp::Mod, Kind::I64) => safe_divisor,
            (AnyOp::Pow | AnyOp::Shl | AnyOp::Shr, _) => false,
            _ => true,
        };
        // What has no typed form reads its operands as they are.
        let wanted = |number: Number| if is_typed { kind } else { number.kind() };
        let left = self.in_register(operands[0], wanted(operands[0]), line)?;
        let right = self.in_register(operands[1], wanted(operands[1]), line)?;
        let (Number::Register(a, ..), Number::Register(b, ..)) = (left, right) else {
            unreachable!("they were just put there")
        };
        if is_typed {
            let (dst, result) = self.result(dst, kind, &[left, right])?;
            self.emit(line, typed(op, kind, dst, a, b));
            if (op, kind) == (AnyOp::Idiv, Kind::F64) {
                self.emit(line, Instr::FloorF64 { dst, a: dst });
            }
            return Ok(result);
        }
        let value = self.reserve(1)?;
        self.emit(line, arithmetic(op, value, a, b));
        let (dst, result) = self.result(dst, kind, &[left, right])?;
        self.unbox(dst, value, line);
        self.release(value.index());
        Ok(result)
    }

    /// A jump that compares typed registers of one kind, or one with a small integer; nothing if the operands are others.
    pub(super) fn typed_compare(
        &mut self,
        op: Comparison,
        [left, right]: [ExprId; 2],
        when: bool,
        target: Label,
        line: u32,
    ) -> bool {
        let target = target.target();
        let Some((a, kind)) = self.typed_operand(left) else { return false };
        let instr = match (self.chunk.expr(right), kind) {
            (Expr::Literal(Literal::Integer(value)), Kind::I64) => match i8::try_from(*value) {
                Ok(imm) => match if when { op } else { opposite(op) } {
                    Comparison::Equal => Instr::JumpEqImmI64 { a, imm, target },
                    Comparison::NotEqual => Instr::JumpNeImmI64 { a, imm, target },
                    Comparison::Less => Instr::JumpLtImmI64 { a, imm, target },
                    Comparison::LessEqual => Instr::JumpLeImmI64 { a, imm, target },
                    Comparison::Greater => Instr::JumpGtImmI64 { a, imm, target },
                    Comparison::GreaterEqual => Instr::JumpGeImmI64 { a, imm, target },
                },
                Err(_) => return false,
            },
            _ => match self.typed_operand(right) {
                Some((b, Kind::I64)) if kind == Kind::I64 => match if when { op } else { opposite(op) } {
                    Comparison::Equal => Instr::JumpEqI64 { a, b, target },
                    Comparison::NotEqual => Instr::JumpNeI64 { a, b, target },
                    Comparison::Less => Instr::JumpLtI64 { a, b, target },
                    Comparison::LessEqual => Instr::JumpLeI64 { a, b, target },
                    Comparison::Greater => Instr::JumpLtI64 { a: b, b: a, target },
                    Comparison::GreaterEqual => Instr::JumpLeI64 { a: b, b: a, target },
                },
                Some((b, Kind::F64)) if kind == Kind::F64 => {
                    let (a, b) = match op {
                        Comparison::Greater | Comparison::GreaterEqual => (b, a),
                        _ => (a, b),
                    };
                    // With a NaN, nothing is the opposite of less-than.
                    match (op, when) {
                        (Comparison::Equal, true) | (Comparison::NotEqual, false) => Instr::JumpEqF64 { a, b, target },
                        (Comparison::Equal, false) | (Comparison::NotEqual, true) => Instr::JumpNeF64 { a, b, target },
                        (Comparison::Less | Comparison::Greater, true) => Instr::JumpLtF64 { a, b, target },
                        (Comparison::Less | Comparison::Greater, false) => Instr::JumpNotLtF64 { a, b, target },
                        (_, true) => Instr::JumpLeF64 { a, b, target },
                        (_, false) => Instr::JumpNotLeF64 { a, b, target },
                    }
                }
                _ => return false,
            },
        };
        self.emit(line, instr);
        true
    }

    /// The typed register of an expression that is a variable with one.
    fn typed_operand(&self, id: ExprId) -> Option<(Reg, Kind)> {
        let Expr::Local(local) = self.chunk.expr(id) else { return None };
        let reg = self.register_of(*local);
        Some((reg, self.typed.kind(reg)?))
    }
}

/// The comparison that holds of integers when this one does not.
fn opposite(op: Comparison) -> Comparison {
    match op {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterEqual,
        Comparison::LessEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessEqual,
        Comparison::GreaterEqual => Comparison::Less,
    }
}

/// An operation on an integer and a constant, if there is an instruction for it that does what Lua does.
fn integer_imm(op: AnyOp, dst: Reg, a: Reg, value: i64) -> Option<Instr> {
    let imm = i32::try_from(value).ok()?;
    // Lua shifts by more than the width, and by negative numbers to the other side.
    let shift = u8::try_from(value).ok().filter(|amount| *amount < 64);
    Some(match op {
        AnyOp::Add => Instr::AddImmI64 { dst, a, imm },
        AnyOp::Sub => Instr::SubImmI64 { dst, a, imm },
        AnyOp::Mul => Instr::MulImmI64 { dst, a, imm },
        AnyOp::Band => Instr::AndImmI64 { dst, a, imm },
        AnyOp::Bor => Instr::OrImmI64 { dst, a, imm },
        AnyOp::Bxor => Instr::XorImmI64 { dst, a, imm },
        AnyOp::Shl => Instr::ShlImmI64 { dst, a, imm: shift? },
        AnyOp::Shr => Instr::ShrLogicalImmI64 { dst, a, imm: shift? },
        // Both round down, so that powers of two are shifts and masks of negative numbers, too.
        AnyOp::Idiv if value > 0 && value & (value - 1) == 0 => {
            Instr::ShrImmI64 { dst, a, imm: value.trailing_zeros() as u8 }
        }
        AnyOp::Mod if value > 0 && value & (value - 1) == 0 => Instr::AndImmI64 { dst, a, imm: imm - 1 },
        AnyOp::Div | AnyOp::Mod | AnyOp::Idiv | AnyOp::Pow => return None,
    })
}

/// An operation on registers of one kind.
fn typed(op: AnyOp, kind: Kind, dst: Reg, a: Reg, b: Reg) -> Instr {
    match (op, kind) {
        (AnyOp::Add, Kind::I64) => Instr::AddI64 { dst, a, b },
        (AnyOp::Sub, Kind::I64) => Instr::SubI64 { dst, a, b },
        (AnyOp::Mul, Kind::I64) => Instr::MulI64 { dst, a, b },
        (AnyOp::Idiv, Kind::I64) => Instr::DivFloorI64 { dst, a, b },
        (AnyOp::Mod, Kind::I64) => Instr::RemFloorI64 { dst, a, b },
        (AnyOp::Band, _) => Instr::AndI64 { dst, a, b },
        (AnyOp::Bor, _) => Instr::OrI64 { dst, a, b },
        (AnyOp::Bxor, _) => Instr::XorI64 { dst, a, b },
        (AnyOp::Add, _) => Instr::AddF64 { dst, a, b },
        (AnyOp::Sub, _) => Instr::SubF64 { dst, a, b },
        (AnyOp::Mul, _) => Instr::MulF64 { dst, a, b },
        (AnyOp::Div | AnyOp::Idiv, _) => Instr::DivF64 { dst, a, b },
        (AnyOp::Mod, _) => Instr::RemFloorF64 { dst, a, b },
        (AnyOp::Pow | AnyOp::Shl | AnyOp::Shr, _) => unreachable!("{op:?} has no typed form"),
    }
}
