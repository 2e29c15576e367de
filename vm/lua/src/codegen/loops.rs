//! Numeric loops whose variable has a register of its kind: the step is known, and nothing else writes the variable.
//!
//! `for_prep.any` says what first value and limit mean, unless both are integers and the step is 1 or -1. What it leaves is moved to typed registers; of a loop over integers that
//! is how many rounds there are, which never overflows.

use lockstep_bytecode::{Instr, Kind, Label, Reg};

use super::{FunctionCode, Made};
use crate::syntax::ast::{Block, Expr, ExprId, Literal, LocalId};

/// A step that is known.
#[derive(Clone, Copy)]
pub enum Pace {
    /// An integer.
    Integer(i32),
    /// A float.
    Float(f64),
}

/// How a loop goes on.
#[derive(Clone, Copy)]
enum Step {
    /// By one more or less, up to the last value.
    ByOne(Reg),
    /// By an integer, as many times as the first register says; the second holds -1.
    Rounds(Reg, Reg),
    /// By the float in the first register, to the limit in the second.
    Float(Reg, Reg),
}

impl FunctionCode<'_> {
    /// The step of a loop, if it is known and no error.
    pub(super) fn pace(&self, step: Option<ExprId>) -> Option<Pace> {
        match step.map(|step| self.chunk.expr(step)) {
            None => Some(Pace::Integer(1)),
            Some(Expr::Literal(Literal::Integer(step))) if *step != 0 => i32::try_from(*step).ok().map(Pace::Integer),
            Some(Expr::Literal(Literal::Float(step))) if *step != 0.0 => Some(Pace::Float(*step)),
            _ => None,
        }
    }

    pub(super) fn typed_for(
        &mut self,
        (variable, kind): (LocalId, Kind),
        range: [ExprId; 2],
        pace: Pace,
        body: &Block,
        line: u32,
    ) -> Made {
        let before = self.free;
        let i = self.take_typed(kind)?;
        let (head, skip, exit) = (self.builder.label(), self.builder.label(), self.builder.label());
        let by_one = matches!(pace, Pace::Integer(1 | -1));
        let step = if kind == Kind::I64 && by_one && self.kinds.expr(self.chunk, range[1]) == Some(Kind::I64) {
            self.integer_loop(i, range, pace, skip, line)?
        } else {
            self.prepared_loop(i, range, pace, skip, line)?
        };
        self.release(before);
        self.builder.bind(head);
        self.open_block(body, Some(exit));
        self.bind(&[variable], before, &[Some(i)]);
        self.statements(body)?;
        self.close_block(line, !super::stat::ends_in_return(body));
        let target = head.target();
        match (step, pace) {
            (Step::ByOne(limit), Pace::Integer(1)) => self.emit(line, Instr::LoopLeI64 { i, limit, target }),
            (Step::ByOne(limit), _) => self.emit(line, Instr::LoopGeI64 { i, limit, target }),
            (Step::Rounds(rounds, limit), Pace::Integer(imm)) => {
                self.emit(line, Instr::AddImmI64 { dst: i, a: i, imm });
                self.emit(line, Instr::LoopGtI64 { i: rounds, limit, target });
            }
            (Step::Rounds(..), Pace::Float(_)) => unreachable!("a loop over integers has an integer as its step"),
            (Step::Float(by, limit), _) => {
                self.emit(line, Instr::AddF64 { dst: i, a: i, b: by });
                let is_up = match pace {
                    Pace::Integer(step) => step > 0,
                    Pace::Float(step) => step > 0.0,
                };
                let (a, b) = if is_up { (i, limit) } else { (limit, i) };
                self.emit(line, Instr::JumpLeF64 { a, b, target });
            }
        }
        self.builder.bind(skip);
        self.builder.bind(exit);
        match step {
            Step::ByOne(limit) => self.typed.drop(limit),
            Step::Rounds(one, two) | Step::Float(one, two) => {
                [one, two].into_iter().for_each(|reg| self.typed.drop(reg))
            }
        }
        Ok(())
    }

    /// Begins a loop between integers in steps of 1 or -1.
    fn integer_loop(&mut self, i: Reg, range: [ExprId; 2], pace: Pace, skip: Label, line: u32) -> Made<Step> {
        self.typed_to(range[0], i)?;
        let last = self.take_typed(Kind::I64)?;
        self.typed_to(range[1], last)?;
        let (a, b) = if matches!(pace, Pace::Integer(1)) { (last, i) } else { (i, last) };
        self.emit(line, Instr::JumpLtI64 { a, b, target: skip.target() });
        Ok(Step::ByOne(last))
    }

    /// Begins a loop by `for_prep.any`.
    fn prepared_loop(&mut self, i: Reg, range: [ExprId; 2], pace: Pace, skip: Label, line: u32) -> Made<Step> {
        let base = self.push(range[0])?;
        let limit = self.push(range[1])?;
        let step = self.reserve(1)?;
        let literal = match pace {
            Pace::Integer(step) => Literal::Integer(step.into()),
            Pace::Float(step) => Literal::Float(step),
        };
        self.literal(&literal, step, line)?;
        let first = self.reserve(1)?;
        self.emit(line, Instr::ForPrepAny { base, target: skip.target() });
        self.unbox(i, first, line);
        let kind = self.typed.kind(i).expect("it is typed");
        let rest = self.take_typed(kind)?;
        self.unbox(rest, limit, line);
        Ok(match (kind, pace) {
            (Kind::F64, _) => {
                let by = self.take_typed(Kind::F64)?;
                self.unbox(by, step, line);
                Step::Float(by, rest)
            }
            (_, Pace::Integer(1)) => {
                self.emit(line, Instr::AddI64 { dst: rest, a: i, b: rest });
                Step::ByOne(rest)
            }
            (_, Pace::Integer(-1)) => {
                self.emit(line, Instr::SubI64 { dst: rest, a: i, b: rest });
                Step::ByOne(rest)
            }
            _ => {
                let none = self.take_typed(Kind::I64)?;
                self.typed_integer(none, -1, line);
                Step::Rounds(rest, none)
            }
        })
    }
}
