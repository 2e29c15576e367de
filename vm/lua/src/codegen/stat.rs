//! Statements.

use lockstep_bytecode::{Count, Instr, Reg};

use super::access::Want;
use super::{FunctionCode, Made, exactly};
use crate::syntax::ast::{Block, Expr, ExprId, GotoId, Literal, LocalId, Stat};

impl FunctionCode<'_> {
    /// The statements of a block that is open.
    pub(super) fn statements(&mut self, block: &Block) -> Made {
        for (stat, line) in &block.stats {
            self.statement(stat, *line)?;
            self.free = self.active;
        }
        Ok(())
    }

    /// A block with a scope of its own.
    fn block(&mut self, block: &Block, exit: Option<lockstep_bytecode::Label>) -> Made {
        self.open_block(block, exit);
        self.statements(block)?;
        self.close_block(block.end_line, !ends_in_return(block));
        Ok(())
    }

    fn statement(&mut self, stat: &Stat, line: u32) -> Made {
        match stat {
            Stat::Call(call) => self.suffixed(*call, Want::Several(0)),
            Stat::Local { locals, values } => self.local(locals, values, line),
            Stat::LocalFunction(local, function) => self.local_function(*local, *function, line),
            Stat::Assign(targets, values) => self.assign(targets, values, line),
            Stat::Do(block) => self.block(block, None),
            Stat::While(condition, body) => {
                let (head, exit) = (self.builder.label(), self.builder.label());
                self.builder.bind(head);
                self.jump_if(*condition, false, exit)?;
                self.block(body, Some(exit))?;
                self.jump(body.end_line, head);
                self.builder.bind(exit);
                Ok(())
            }
            Stat::Repeat(body, condition) => self.repeat(body, *condition),
            Stat::If(clauses, otherwise) => self.choice(clauses, otherwise.as_ref()),
            Stat::NumericFor(variable, range, step, body) => self.numeric_for(*variable, *range, *step, body, line),
            Stat::GenericFor(variables, values, body) => self.generic_for(variables, values, body, line),
            Stat::Return(values) => self.ret(values, line),
            Stat::Break => {
                let block = self.blocks.iter().rev().find(|block| block.exit.is_some());
                let block = block.expect("the parser has checked that there is a loop");
                let (first, exit) = (block.first, block.exit.expect("it was just seen"));
                self.close_from(line, first);
                self.jump(line, exit);
                Ok(())
            }
            Stat::Goto(goto) => {
                self.go_to(*goto, line);
                Ok(())
            }
            Stat::Label(id) => {
                let active = self.active;
                let code = self.labels.get_mut(id).expect("labels are known when their block is opened");
                code.top = Some(active);
                let label = code.label;
                self.builder.bind(label);
                Ok(())
            }
        }
    }

    fn go_to(&mut self, goto: GotoId, line: u32) {
        let code = &self.labels[&self.ast.gotos[goto.index()]];
        let label = code.label;
        // A label still to come is in the scope of what its block has declared so far, or of less.
        let top = code.top.unwrap_or_else(|| self.blocks.get(code.block + 1).map_or(self.active, |inner| inner.first));
        if !lockstep_runtime::planted!("goto-leaves-open") {
            self.close_from(line, top);
        }
        self.jump(line, label);
    }

    fn repeat(&mut self, body: &Block, condition: ExprId) -> Made {
        let (head, exit) = (self.builder.label(), self.builder.label());
        self.builder.bind(head);
        self.open_block(body, Some(exit));
        let first = self.free;
        self.statements(body)?;
        let line = self.chunk.line(condition);
        if self.closing.last().is_some_and(|register| *register >= first) {
            let done = self.builder.label();
            self.jump_if(condition, true, done)?;
            if !lockstep_runtime::planted!("shared-iteration") {
                self.close_from(line, first);
            }
            self.jump(line, head);
            self.builder.bind(done);
            self.close_block(line, true);
        } else {
            self.jump_if(condition, false, head)?;
            self.close_block(line, false);
        }
        self.builder.bind(exit);
        Ok(())
    }

    fn choice(&mut self, clauses: &[(ExprId, Block)], otherwise: Option<&Block>) -> Made {
        let end = self.builder.label();
        for (index, (condition, block)) in clauses.iter().enumerate() {
            let next = self.builder.label();
            self.jump_if(*condition, false, next)?;
            self.block(block, None)?;
            if (index + 1 < clauses.len() || otherwise.is_some()) && !ends_in_return(block) {
                self.jump(block.end_line, end);
            }
            self.builder.bind(next);
        }
        if let Some(block) = otherwise {
            self.block(block, None)?;
        }
        self.builder.bind(end);
        Ok(())
    }

    fn numeric_for(
        &mut self,
        variable: LocalId,
        range: [ExprId; 2],
        step: Option<ExprId>,
        body: &Block,
        line: u32,
    ) -> Made {
        let kind = self.kinds.local(variable);
        if let (Some(kind), Some(pace), false) = (kind, self.pace(step), self.kinds.is_assigned(variable)) {
            return self.typed_for((variable, kind), range, pace, body, line);
        }
        let base = self.push(range[0])?;
        self.push(range[1])?;
        let step_reg = self.reserve(1)?;
        match step {
            Some(step) => self.to(step, step_reg)?,
            None => self.literal(&Literal::Integer(1), step_reg, line)?,
        }
        self.active = self.free;
        let (head, skip, exit) = (self.builder.label(), self.builder.label(), self.builder.label());
        self.emit(line, Instr::ForPrepAny { base, target: skip.target() });
        self.builder.bind(head);
        self.open_block(body, Some(exit));
        let first = self.reserve(1)?;
        let typed = self.typed_local(variable)?;
        if let Some(dst) = typed {
            self.unbox(dst, first, line);
        }
        self.bind(&[variable], first.index(), &[typed]);
        (self.free, self.active) = (first.index() + 1, first.index() + 1);
        self.statements(body)?;
        self.close_block(line, !ends_in_return(body));
        self.emit(line, Instr::ForLoopAny { base, target: head.target() });
        self.builder.bind(skip);
        self.builder.bind(exit);
        self.active = base.index();
        Ok(())
    }

    fn generic_for(&mut self, variables: &[LocalId], values: &[ExprId], body: &Block, line: u32) -> Made {
        // The iterator, its state, its control variable and its closing value.
        let first = self.values(values, 4, &[], line)?;
        let (base, closing) = (Reg(first as u8), Reg(first as u8 + 3));
        let (head, next, exit) = (self.builder.label(), self.builder.label(), self.builder.label());
        self.emit(line, Instr::ToBeClosedAny { a: closing });
        self.jump(line, next);
        self.builder.bind(head);
        self.active = self.free;
        self.open_block(body, Some(exit));
        self.blocks.last_mut().expect("it was just opened").in_closing = true;
        self.closing.push(closing.index());
        let variable = self.reserve(variables.len())?;
        self.bind(variables, variable.index(), &[]);
        let Some(count) = u8::try_from(variables.len()).ok().and_then(Count::exactly) else {
            return Err(super::error(self.chunk, line, "function or expression needs too many registers"));
        };
        self.statements(body)?;
        self.close_block(line, !ends_in_return(body));
        self.builder.bind(next);
        self.emit(line, Instr::ForInAny { base, vars: count, target: head.target() });
        self.builder.bind(exit);
        self.emit(line, Instr::CloseAny { from: closing.0 });
        self.closing.pop();
        self.active = base.index();
        Ok(())
    }

    fn ret(&mut self, values: &[ExprId], line: u32) -> Made {
        let in_closing = self.blocks.last().is_some_and(|block| block.in_closing);
        if let [value] = values {
            match self.chunk.expr(*value) {
                Expr::Call { .. } | Expr::Method { .. } if !in_closing => return self.suffixed(*value, Want::Return),
                Expr::Local(local) if self.kinds.local(*local).is_none() => {
                    let values = self.register_of(*local);
                    self.emit(line, Instr::RetAny { values, count: exactly(1) });
                    return Ok(());
                }
                _ => {}
            }
        }
        let first = self.free;
        let count = self.arguments(values, 0)?;
        let values = if count.fixed() == 0 { Reg(0) } else { Reg(first as u8) };
        self.emit(line, Instr::RetAny { values, count });
        Ok(())
    }
}

/// Whether the end of a block is never reached.
pub(super) fn ends_in_return(block: &Block) -> bool {
    matches!(block.stats.last(), Some((Stat::Return(_) | Stat::Break | Stat::Goto(_), _)))
}
