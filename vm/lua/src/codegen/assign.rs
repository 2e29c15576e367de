//! Assignments and declarations.

use lockstep_bytecode::{Instr, Kind, Reg, UpvalueId};

use super::access::{Key, Want};
use super::{FunctionCode, Made};
use crate::syntax::ast::{Attrib, Expr, ExprId, Literal, LocalId};

/// A target of an assignment, as far as it has to be evaluated first.
enum Target {
    Local(Reg),
    Upvalue(UpvalueId),
    Field(Reg, Key, u32),
}

impl FunctionCode<'_> {
    /// Values of expressions in the next `count` registers: cut off, or filled up with nil. Those with a place in `typed` go there instead.
    pub(super) fn values(&mut self, exprs: &[ExprId], count: usize, typed: &[Option<Reg>], line: u32) -> Made<usize> {
        let first = self.free;
        for (index, expr) in exprs.iter().enumerate() {
            if let Some(&Some(dst)) = typed.get(index) {
                self.typed_to(*expr, dst)?;
                continue;
            }
            let missing = count.saturating_sub(index);
            match missing {
                0 => {
                    // One too many: it is evaluated, and dropped.
                    let before = self.free;
                    self.push(*expr)?;
                    self.release(before);
                }
                _ if index + 1 < exprs.len()
                    || missing == 1
                    || !self.chunk.is_open(*expr)
                    || (lockstep_runtime::planted!("lost-values") && missing == 2) =>
                {
                    self.push(*expr)?;
                }
                _ => {
                    let Some(several) = u8::try_from(missing).ok().filter(|n| *n <= lockstep_bytecode::Count::MOST)
                    else {
                        return Err(super::error(self.chunk, line, "function or expression needs too many registers"));
                    };
                    match self.chunk.expr(*expr) {
                        Expr::Vararg => {
                            let values = self.reserve(missing)?;
                            self.emit(
                                self.chunk.line(*expr),
                                Instr::VarargAny { values, count: super::exactly(several) },
                            );
                        }
                        _ => self.suffixed(*expr, Want::Several(several))?,
                    }
                }
            }
        }
        let elsewhere = typed.iter().flatten().count();
        while self.free < first + count - elsewhere {
            let dst = self.reserve(1)?;
            self.emit(line, Instr::NilAny { dst });
        }
        Ok(first)
    }

    /// `local`.
    pub(super) fn local(&mut self, locals: &[LocalId], values: &[ExprId], line: u32) -> Made {
        let is_literal = |id: &LocalId| matches!(self.ast.locals[id.index()].attrib, Attrib::Literal(_));
        let constants = usize::from(locals.last().is_some_and(is_literal));
        let (count, exprs) = (locals.len() - constants, &values[..values.len() - constants]);
        let typed = locals[..count].iter().map(|local| self.typed_local(*local)).collect::<Made<Vec<_>>>()?;
        let first = self.values(exprs, count, &typed, line)?;
        self.bind(locals, first, &typed);
        for local in locals {
            if self.ast.locals[local.index()].attrib == Attrib::Close {
                let a = self.register_of(*local);
                self.emit(line, Instr::ToBeClosedAny { a });
                self.blocks.last_mut().expect("a block is open").in_closing = true;
            }
        }
        Ok(())
    }

    /// `local function`.
    pub(super) fn local_function(&mut self, local: LocalId, function: ExprId, line: u32) -> Made {
        let first = self.reserve(1)?;
        if self.ast.locals[local.index()].captured {
            // It may capture itself, and has a value from the start.
            self.literal(&Literal::Nil, first, line)?;
        }
        self.bind(&[local], first.index(), &[]);
        self.to(function, first)
    }

    /// An assignment.
    pub(super) fn assign(&mut self, targets: &[ExprId], values: &[ExprId], line: u32) -> Made {
        if let ([target], [value]) = (targets, values) {
            return self.assign_one(*target, *value);
        }
        let assigned: Vec<Reg> = targets
            .iter()
            .filter_map(|target| match self.chunk.expr(*target) {
                Expr::Local(local) => Some(self.register_of(*local)),
                _ => None,
            })
            .collect();
        let mut prepared = Vec::new();
        for target in targets {
            prepared.push(match self.chunk.expr(*target) {
                Expr::Local(local) => Target::Local(self.register_of(*local)),
                Expr::Upvalue(upvalue) => Target::Upvalue(*upvalue),
                Expr::Index { object, key } => {
                    let object = self.unassigned(*object, &assigned)?;
                    let key = match self.name_of(*key) {
                        Some(_) => Key::Name(*key),
                        None => Key::Register(self.unassigned(*key, &assigned)?),
                    };
                    Target::Field(object, key, self.chunk.line(*target))
                }
                _ => unreachable!("the parser has checked targets"),
            });
        }
        let kind = |target: &Target| match target {
            Target::Local(reg) => self.typed.kind(*reg),
            Target::Upvalue(_) | Target::Field(..) => None,
        };
        let kinds: Vec<Option<Kind>> = prepared.iter().map(kind).collect();
        let typed = kinds.iter().map(|kind| kind.map(|kind| self.take_typed(kind)).transpose());
        let typed = typed.collect::<Made<Vec<_>>>()?;
        let first = self.values(values, targets.len(), &typed, line)?;
        let mut behind = first + typed.iter().filter(|typed| typed.is_none()).count();
        for (index, target) in prepared.into_iter().enumerate().rev() {
            if let (Target::Local(dst), Some(a)) = (&target, typed[index]) {
                self.typed_move(*dst, a, line);
                self.typed.drop(a);
                continue;
            }
            behind -= 1;
            let value = Reg(behind as u8);
            match target {
                Target::Local(dst) => self.emit(line, Instr::MoveAny { dst, a: value }),
                Target::Upvalue(upvalue) => self.emit(line, Instr::UpvalueSetAny { upvalue, a: value }),
                Target::Field(object, key, line) => self.set(object, key, value, line)?,
            }
        }
        Ok(())
    }

    /// A register with the value of an expression that none of the assignments changes.
    fn unassigned(&mut self, id: ExprId, assigned: &[Reg]) -> Made<Reg> {
        match self.chunk.expr(id) {
            Expr::Local(local)
                if assigned.contains(&self.register_of(*local)) && !lockstep_runtime::planted!("early-assignment") =>
            {
                self.push(id)
            }
            _ => self.operand(id, None),
        }
    }

    fn assign_one(&mut self, target: ExprId, value: ExprId) -> Made {
        let line = self.chunk.line(target);
        match self.chunk.expr(target) {
            Expr::Local(local) => {
                let dst = self.register_of(*local);
                if self.typed.kind(dst).is_some() {
                    return self.typed_to(value, dst);
                }
                if self.writes_last(value) {
                    return self.to(value, dst);
                }
                let a = self.push(value)?;
                self.emit(line, Instr::MoveAny { dst, a });
            }
            Expr::Upvalue(upvalue) => {
                let a = self.operand(value, None)?;
                self.emit(line, Instr::UpvalueSetAny { upvalue: *upvalue, a });
            }
            Expr::Index { object, key } => {
                let object = self.operand(*object, None)?;
                self.set_field(object, *key, value, line)?;
            }
            _ => unreachable!("the parser has checked targets"),
        }
        Ok(())
    }
}
