//! Values of expressions, into registers.

use lockstep_bytecode::{AnyOp, Count, Instr, LONGEST_NAME, Reg};

use super::access::Want;
use super::{FunctionCode, Made, exactly, unseen};
use crate::syntax::ast::{Comparison, Expr, ExprId, Item, Literal, Unary};

/// How many elements a table constructor gathers before it appends them.
const BATCH: usize = 50;

/// The most operands of one `concat`.
const CONCAT_MOST: usize = 100;

/// The last element that `append` can begin with.
const APPEND_MOST: usize = u16::MAX as usize;

impl FunctionCode<'_> {
    /// The value of an expression comes to `dst`. Registers above stay as they are; `dst` itself may be written before the expression is done with reading variables: so it is a
    /// temporary, or [`FunctionCode::writes_last`] holds.
    pub(super) fn to(&mut self, id: ExprId, dst: Reg) -> Made {
        let line = self.chunk.line(id);
        let before = self.free;
        match self.chunk.expr(id) {
            Expr::Literal(literal) => self.literal(literal, dst, line)?,
            Expr::Vararg => self.emit(line, Instr::VarargAny { values: dst, count: exactly(1) }),
            Expr::Function(function) => self.closure(dst, *function, line)?,
            Expr::Local(local) => {
                let a = self.register_of(*local);
                if a != dst {
                    self.emit(line, Instr::MoveAny { dst, a });
                }
            }
            Expr::Upvalue(upvalue) => self.emit(line, Instr::UpvalueGetAny { dst, upvalue: *upvalue }),
            Expr::Index { .. } | Expr::Call { .. } | Expr::Method { .. } => {
                self.suffixed(id, Want::One(dst))?;
            }
            Expr::Arithmetic(..) | Expr::Compare(..) => self.operations(id, dst)?,
            Expr::Unary(op, operand) => {
                let a = self.operand(*operand, Some(dst))?;
                let instr = match op {
                    Unary::Negate => Instr::NegAny { dst, a, seen: unseen() },
                    Unary::BitNot => Instr::BnotAny { dst, a, seen: unseen() },
                    Unary::Length => Instr::LenAny { dst, a, seen: unseen() },
                    Unary::Not => Instr::NotAny { dst, a },
                };
                self.emit(line, instr);
            }
            Expr::And(operands) => self.chain(operands, dst, false)?,
            Expr::Or(operands) => self.chain(operands, dst, true)?,
            Expr::Concat(operands) => self.concat(operands, dst, line)?,
            Expr::Single(inner) => self.to(*inner, dst)?,
            Expr::Table(items) => self.table(items, dst, line)?,
        }
        self.release(before);
        Ok(())
    }

    /// The value of an expression in a new register.
    pub(super) fn push(&mut self, id: ExprId) -> Made<Reg> {
        let reg = self.reserve(1)?;
        self.to(id, reg)?;
        Ok(reg)
    }

    /// A register that holds the value of an expression: a variable's own, or `hint` if that is a temporary, or a new one.
    pub(super) fn operand(&mut self, id: ExprId, hint: Option<Reg>) -> Made<Reg> {
        match (self.chunk.expr(id), hint) {
            (Expr::Local(local), _) => Ok(self.register_of(*local)),
            (_, Some(reg)) if self.is_temporary(reg) => {
                self.to(id, reg)?;
                Ok(reg)
            }
            _ => self.push(id),
        }
    }

    /// Whether code of the expression writes its destination in its last instruction only, and nothing can raise behind that.
    pub(super) fn writes_last(&self, id: ExprId) -> bool {
        match self.chunk.expr(id) {
            Expr::And(_) | Expr::Or(_) | Expr::Table(_) => false,
            Expr::Single(inner) => self.writes_last(*inner),
            _ => true,
        }
    }

    pub(super) fn literal(&mut self, literal: &Literal, dst: Reg, line: u32) -> Made {
        let instr = match literal {
            Literal::Nil => Instr::NilAny { dst },
            Literal::Bool(value) => Instr::BoolAny { dst, value: *value },
            Literal::Integer(value) => match i32::try_from(*value) {
                Ok(value) => Instr::IntAny { dst, value },
                Err(_) => Instr::PoolIntAny { dst, value: self.builder.constant(*value as u64) },
            },
            Literal::Float(value) => Instr::PoolFloatAny { dst, value: self.builder.constant(value.to_bits()) },
            Literal::String(bytes) => Instr::StringAny { dst, value: self.string(bytes)? },
        };
        self.emit(line, instr);
        Ok(())
    }

    /// A chain of binary operators, from its left end on.
    fn operations(&mut self, id: ExprId, dst: Reg) -> Made {
        let mut spine = Vec::new();
        let mut leftmost = id;
        while let Expr::Arithmetic(_, left, _) | Expr::Compare(_, left, _) = *self.chunk.expr(leftmost) {
            spine.push(leftmost);
            leftmost = left;
        }
        let hint = self.is_temporary(dst).then_some(dst);
        let mut left = self.operand(leftmost, hint)?;
        // Where values in between go: not to a variable, whose old value the rest may read.
        let mut between = hint;
        while let Some(id) = spine.pop() {
            let line = self.chunk.line(id);
            let result = match (spine.is_empty(), between) {
                (true, _) => dst,
                (false, Some(reg)) => reg,
                (false, None) => {
                    let reg = if self.is_top(left) { left } else { self.reserve(1)? };
                    between = Some(reg);
                    reg
                }
            };
            let before = self.free;
            match *self.chunk.expr(id) {
                Expr::Arithmetic(op, _, right) => match self.small_integer(right) {
                    Some(imm) => self.emit(line, arithmetic_imm(op, result, left, imm)),
                    None => {
                        let right = self.operand(right, None)?;
                        self.emit(line, arithmetic(op, result, left, right));
                    }
                },
                Expr::Compare(op, _, right) => {
                    let right = self.operand(right, None)?;
                    self.emit(line, comparison(op, result, left, right));
                    if op == Comparison::NotEqual {
                        self.emit(line, Instr::NotAny { dst: result, a: result });
                    }
                }
                _ => unreachable!("the spine holds operations"),
            }
            self.release(before);
            left = result;
        }
        Ok(())
    }

    /// The value of an integer that fits an instruction.
    fn small_integer(&self, id: ExprId) -> Option<i16> {
        match self.chunk.expr(id) {
            Expr::Literal(Literal::Integer(value)) => i16::try_from(*value).ok(),
            _ => None,
        }
    }

    fn concat(&mut self, operands: &[ExprId], dst: Reg, line: u32) -> Made {
        let first = if self.is_top(dst) { dst.index() } else { self.free };
        for (index, operand) in operands.iter().enumerate() {
            if first + index == dst.index() {
                self.to(*operand, dst)?;
            } else {
                self.push(*operand)?;
            }
        }
        let mut count = operands.len();
        while count > 1 {
            let part = count.min(CONCAT_MOST);
            let values = Reg((first + count - part) as u8);
            self.emit(line, Instr::ConcatAny { values, count: exactly(part as u8) });
            count -= part - 1;
        }
        if first != dst.index() {
            self.emit(line, Instr::MoveAny { dst, a: Reg(first as u8) });
        }
        Ok(())
    }

    fn table(&mut self, items: &[Item], dst: Reg, line: u32) -> Made {
        let elements = items.iter().filter(|item| matches!(item, Item::Element(_))).count();
        let fields = items.len() - elements;
        let small = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        self.emit(line, Instr::TableAny { dst, elements: small(elements), fields: small(fields) });
        let base = self.free;
        let (mut done, mut waiting) = (0usize, 0usize);
        for (index, item) in items.iter().enumerate() {
            match *item {
                Item::Field(key, value) => {
                    let before = self.free;
                    let line = self.chunk.line(key);
                    self.set_field(dst, key, value, line)?;
                    self.release(before);
                }
                Item::Element(value) if index + 1 == items.len() && self.chunk.is_open(value) => {
                    self.open(value)?;
                    if done >= APPEND_MOST {
                        return Err(self.too_large());
                    }
                    let count = Count::open(waiting as u8).expect("a batch is small");
                    let values = if waiting == 0 { Reg(0) } else { Reg(base as u8) };
                    let start = (done + 1) as u16;
                    self.emit(line, Instr::AppendAny { table: dst, values, count, start });
                    waiting = 0;
                    self.release(base);
                }
                Item::Element(value) if done >= APPEND_MOST - BATCH => {
                    // Too far for `append`.
                    let before = self.free;
                    let key = self.reserve(1)?;
                    self.literal(&Literal::Integer((done + 1) as i64), key, line)?;
                    let value = self.operand(value, None)?;
                    self.emit(line, Instr::SetAny { object: dst, key, value, seen: unseen() });
                    self.release(before);
                    done += 1;
                }
                Item::Element(value) => {
                    self.push(value)?;
                    waiting += 1;
                    if waiting == BATCH {
                        self.append(dst, base, done, waiting, line);
                        (done, waiting) = (done + waiting, 0);
                    }
                }
            }
        }
        if waiting != 0 {
            self.append(dst, base, done, waiting, line);
        }
        Ok(())
    }

    fn append(&mut self, table: Reg, base: usize, done: usize, count: usize, line: u32) {
        let (count, start) = (exactly(count as u8), (done + 1) as u16);
        self.emit(line, Instr::AppendAny { table, values: Reg(base as u8), count, start });
        self.release(base);
    }

    /// The name that a constant key is, if accesses by name take it.
    pub(super) fn name_of(&self, key: ExprId) -> Option<&[u8]> {
        match self.chunk.expr(key) {
            Expr::Literal(Literal::String(bytes)) if bytes.len() <= LONGEST_NAME => Some(bytes),
            _ => None,
        }
    }
}

macro_rules! by_operation {
    ($op:expr, $($Op:ident => $instr:expr),* $(,)?) => { match $op { $(AnyOp::$Op => $instr),* } };
}

/// An operation on values of any kinds.
pub(super) fn arithmetic(op: AnyOp, dst: Reg, a: Reg, b: Reg) -> Instr {
    let seen = unseen();
    by_operation! { op,
        Add => Instr::AddAny { dst, a, b, seen }, Sub => Instr::SubAny { dst, a, b, seen }, Mul => Instr::MulAny { dst, a, b, seen },
        Div => Instr::DivAny { dst, a, b, seen }, Mod => Instr::ModAny { dst, a, b, seen }, Idiv => Instr::IdivAny { dst, a, b, seen },
        Pow => Instr::PowAny { dst, a, b, seen }, Band => Instr::BandAny { dst, a, b, seen }, Bor => Instr::BorAny { dst, a, b, seen },
        Bxor => Instr::BxorAny { dst, a, b, seen }, Shl => Instr::ShlAny { dst, a, b, seen }, Shr => Instr::ShrAny { dst, a, b, seen },
    }
}

fn arithmetic_imm(op: AnyOp, dst: Reg, a: Reg, imm: i16) -> Instr {
    let seen = unseen();
    by_operation! { op,
        Add => Instr::AddImmAny { dst, a, imm, seen }, Sub => Instr::SubImmAny { dst, a, imm, seen },
        Mul => Instr::MulImmAny { dst, a, imm, seen }, Div => Instr::DivImmAny { dst, a, imm, seen },
        Mod => Instr::ModImmAny { dst, a, imm, seen }, Idiv => Instr::IdivImmAny { dst, a, imm, seen },
        Pow => Instr::PowImmAny { dst, a, imm, seen }, Band => Instr::BandImmAny { dst, a, imm, seen },
        Bor => Instr::BorImmAny { dst, a, imm, seen }, Bxor => Instr::BxorImmAny { dst, a, imm, seen },
        Shl => Instr::ShlImmAny { dst, a, imm, seen }, Shr => Instr::ShrImmAny { dst, a, imm, seen },
    }
}

fn comparison(op: Comparison, dst: Reg, a: Reg, b: Reg) -> Instr {
    let seen = unseen();
    match op {
        Comparison::Equal | Comparison::NotEqual => Instr::EqAny { dst, a, b, seen },
        Comparison::Less => Instr::LtAny { dst, a, b, seen },
        Comparison::LessEqual => Instr::LeAny { dst, a, b, seen },
        Comparison::Greater => Instr::LtAny { dst, a: b, b: a, seen },
        Comparison::GreaterEqual => Instr::LeAny { dst, a: b, b: a, seen },
    }
}
