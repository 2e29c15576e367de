//! Conditions: jumps that depend on the truth of an expression, and values of `and` and `or`.

use lockstep_bytecode::{Instr, Label, Reg};

use super::{FunctionCode, Made, near, unseen};
use crate::syntax::ast::{Comparison, Expr, ExprId, Literal, Unary};

impl FunctionCode<'_> {
    /// Jumps to `target` if the truth of the expression is `when`; falls through otherwise.
    pub(super) fn jump_if(&mut self, id: ExprId, when: bool, target: Label) -> Made {
        let line = self.chunk.line(id);
        let before = self.free;
        match self.chunk.expr(id) {
            Expr::Literal(literal) => {
                if !matches!(literal, Literal::Nil | Literal::Bool(false)) == when {
                    self.jump(line, target);
                }
            }
            Expr::Unary(Unary::Not, operand) => self.jump_if(*operand, !when, target)?,
            Expr::Single(inner) => self.jump_if(*inner, when, target)?,
            Expr::And(operands) => self.jump_if_chain(operands, false, when, target)?,
            Expr::Or(operands) => self.jump_if_chain(operands, true, when, target)?,
            Expr::Compare(op, left, right) => self.jump_if_compare(*op, *left, *right, when, target, line)?,
            _ => {
                let a = self.operand(id, None)?;
                self.jump_on(a, when, target, line);
            }
        }
        self.release(before);
        Ok(())
    }

    fn jump_on(&mut self, a: Reg, when: bool, target: Label, line: u32) {
        let target = target.target();
        self.emit(line, if when { Instr::JumpTrueAny { a, target } } else { Instr::JumpFalseAny { a, target } });
    }

    /// `and` (`decides` false) or `or`: an operand whose truth is `decides` decides.
    fn jump_if_chain(&mut self, operands: &[ExprId], decides: bool, when: bool, target: Label) -> Made {
        let (last, others) = operands.split_last().expect("a chain has operands");
        if when == decides {
            return operands.iter().try_for_each(|operand| self.jump_if(*operand, when, target));
        }
        let end = self.builder.label();
        others.iter().try_for_each(|operand| self.jump_if(*operand, decides, end))?;
        self.jump_if(*last, when, target)?;
        self.builder.bind(end);
        Ok(())
    }

    fn jump_if_compare(
        &mut self,
        op: Comparison,
        left: ExprId,
        right: ExprId,
        when: bool,
        target: Label,
        line: u32,
    ) -> Made {
        if self.typed_compare(op, [left, right], when, target, line) {
            return Ok(());
        }
        let a = self.operand(left, None)?;
        let (seen, to) = (unseen(), near(target));
        let equality = match op {
            Comparison::Equal => Some(when),
            Comparison::NotEqual => Some(!when),
            _ => None,
        };
        let constant = match self.chunk.expr(right) {
            Expr::Literal(literal) => Some(literal),
            _ => None,
        };
        if let (Some(equal), Some(Literal::Nil)) = (equality, constant) {
            let target = target.target();
            // The instruction takes `any` registers alone.
            let a = if self.typed.kind(a).is_some() { self.push(left)? } else { a };
            self.emit(line, if equal { Instr::JumpNilAny { a, target } } else { Instr::JumpNotNilAny { a, target } });
            return Ok(());
        }
        if let Some(Literal::Integer(value)) = constant
            && let Ok(imm) = i8::try_from(*value)
        {
            let instr = match (op, when) {
                (Comparison::Equal, true) | (Comparison::NotEqual, false) => {
                    Instr::JumpEqImmAny { a, imm, seen, target: to }
                }
                (Comparison::Equal, false) | (Comparison::NotEqual, true) => {
                    Instr::JumpNeImmAny { a, imm, seen, target: to }
                }
                (Comparison::Less, true) => Instr::JumpLtImmAny { a, imm, seen, target: to },
                (Comparison::Less, false) => Instr::JumpNotLtImmAny { a, imm, seen, target: to },
                (Comparison::LessEqual, true) => Instr::JumpLeImmAny { a, imm, seen, target: to },
                (Comparison::LessEqual, false) => Instr::JumpNotLeImmAny { a, imm, seen, target: to },
                (Comparison::Greater, true) => Instr::JumpGtImmAny { a, imm, seen, target: to },
                (Comparison::Greater, false) => Instr::JumpNotGtImmAny { a, imm, seen, target: to },
                (Comparison::GreaterEqual, true) => Instr::JumpGeImmAny { a, imm, seen, target: to },
                (Comparison::GreaterEqual, false) => Instr::JumpNotGeImmAny { a, imm, seen, target: to },
            };
            self.emit(line, instr);
            return Ok(());
        }
        let b = self.operand(right, None)?;
        let (a, b) = match op {
            Comparison::Greater | Comparison::GreaterEqual => (b, a),
            _ => (a, b),
        };
        let instr = match (op, when) {
            (Comparison::Equal, true) | (Comparison::NotEqual, false) => Instr::JumpEqAny { a, b, seen, target: to },
            (Comparison::Equal, false) | (Comparison::NotEqual, true) => Instr::JumpNeAny { a, b, seen, target: to },
            (Comparison::Less | Comparison::Greater, true) => Instr::JumpLtAny { a, b, seen, target: to },
            (Comparison::Less | Comparison::Greater, false) => Instr::JumpNotLtAny { a, b, seen, target: to },
            (_, true) => Instr::JumpLeAny { a, b, seen, target: to },
            (_, false) => Instr::JumpNotLeAny { a, b, seen, target: to },
        };
        self.emit(line, instr);
        Ok(())
    }

    /// The value of `and` (`decides` false) or `or` in `dst`, a temporary.
    pub(super) fn chain(&mut self, operands: &[ExprId], dst: Reg, decides: bool) -> Made {
        let (last, others) = operands.split_last().expect("a chain has operands");
        let end = self.builder.label();
        for operand in others {
            self.value_if(*operand, dst, decides, end)?;
        }
        self.to(*last, dst)?;
        self.builder.bind(end);
        Ok(())
    }

    /// If the truth of the expression is `when`, its value comes to `dst`, and code goes on at `end`; otherwise it falls through, and `dst` may hold anything.
    fn value_if(&mut self, id: ExprId, dst: Reg, when: bool, end: Label) -> Made {
        match self.chunk.expr(id) {
            // Operands that decide the inner chain the other way skip the rest of it.
            Expr::And(operands) if when => self.value_if_chain(operands, dst, when, end),
            Expr::Or(operands) if !when => self.value_if_chain(operands, dst, when, end),
            Expr::Literal(literal) if matches!(literal, Literal::Nil | Literal::Bool(false)) == when => Ok(()),
            _ => {
                self.to(id, dst)?;
                self.jump_on(dst, when, end, self.chunk.line(id));
                Ok(())
            }
        }
    }

    fn value_if_chain(&mut self, operands: &[ExprId], dst: Reg, when: bool, end: Label) -> Made {
        let (last, others) = operands.split_last().expect("a chain has operands");
        let next = self.builder.label();
        others.iter().try_for_each(|operand| self.jump_if(*operand, !when, next))?;
        self.value_if(*last, dst, when, end)?;
        self.builder.bind(next);
        Ok(())
    }
}
