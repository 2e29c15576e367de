//! Statements and blocks.

use super::{Lexed, Parser};
use crate::syntax::ast::{Attrib, Block, Expr, ExprId, Literal, LocalId, Stat, Text};
use crate::syntax::token::{Sign, Token, Word};

impl Parser<'_> {
    /// Whether the token at hand ends a block.
    fn ends_block(&self, with_until: bool) -> bool {
        match &self.token {
            Token::End | Token::Word(Word::Else | Word::Elseif | Word::End) => true,
            Token::Word(Word::Until) => with_until,
            _ => false,
        }
    }

    /// Statements up to the end of a block, in a scope that is open.
    pub(super) fn block(&mut self) -> Lexed<Block> {
        let mut block = Block::default();
        while !self.ends_block(true) {
            let is_return = self.is_word(Word::Return);
            self.statement(&mut block)?;
            if is_return {
                break;
            }
        }
        block.end_line = self.line;
        Ok(block)
    }

    /// A block with a scope of its own.
    fn scoped_block(&mut self, is_loop: bool) -> Lexed<Block> {
        self.enter_block(is_loop);
        let block = self.block()?;
        self.leave_block();
        Ok(block)
    }

    fn statement(&mut self, block: &mut Block) -> Lexed<()> {
        self.enter()?;
        let line = self.line;
        let stat = match &self.token {
            Token::Char(b';') => {
                self.next()?;
                None
            }
            Token::Sign(Sign::Label) => {
                self.label(block)?;
                None
            }
            Token::Word(word) => match word {
                Word::If => Some(self.if_statement(line)?),
                Word::While => {
                    self.next()?;
                    let condition = self.expr()?;
                    self.expect(&Token::Word(Word::Do))?;
                    let body = self.scoped_block(true)?;
                    self.close(&Token::Word(Word::End), &Token::Word(Word::While), line)?;
                    Some(Stat::While(condition, body))
                }
                Word::Do => {
                    self.next()?;
                    let body = self.scoped_block(false)?;
                    self.close(&Token::Word(Word::End), &Token::Word(Word::Do), line)?;
                    Some(Stat::Do(body))
                }
                Word::For => Some(self.for_statement(line)?),
                Word::Repeat => Some(self.repeat_statement(line)?),
                Word::Function => Some(self.function_statement(line)?),
                Word::Local => {
                    self.next()?;
                    Some(if self.take(&Token::Word(Word::Function))? { self.local_function()? } else { self.local()? })
                }
                Word::Return => Some(self.return_statement()?),
                Word::Break => {
                    self.next()?;
                    self.add_break(line);
                    Some(Stat::Break)
                }
                Word::Goto => {
                    self.next()?;
                    let name = self.name()?;
                    Some(Stat::Goto(self.add_goto(name, line)))
                }
                _ => Some(self.expression_statement()?),
            },
            _ => Some(self.expression_statement()?),
        };
        self.leave();
        block.stats.extend(stat.map(|stat| (stat, line)));
        Ok(())
    }

    fn label(&mut self, block: &mut Block) -> Lexed<()> {
        self.next()?;
        let (name, line) = (self.name()?, self.line);
        self.expect(&Token::Sign(Sign::Label))?;
        let mut behind = Block::default();
        while self.is_char(b';') || self.token == Token::Sign(Sign::Label) {
            self.statement(&mut behind)?;
        }
        let is_last = self.ends_block(false);
        let label = self.add_label(name, line, is_last)?;
        block.stats.push((Stat::Label(label), line));
        block.stats.append(&mut behind.stats);
        Ok(())
    }

    fn if_statement(&mut self, line: u32) -> Lexed<Stat> {
        let (mut clauses, mut otherwise) = (Vec::new(), None);
        loop {
            self.next()?;
            let condition = self.expr()?;
            self.expect(&Token::Word(Word::Then))?;
            clauses.push((condition, self.scoped_block(false)?));
            if !self.is_word(Word::Elseif) {
                break;
            }
        }
        if self.take(&Token::Word(Word::Else))? {
            otherwise = Some(self.scoped_block(false)?);
        }
        self.close(&Token::Word(Word::End), &Token::Word(Word::If), line)?;
        Ok(Stat::If(clauses, otherwise))
    }

    fn repeat_statement(&mut self, line: u32) -> Lexed<Stat> {
        self.next()?;
        self.enter_block(true);
        self.enter_block(false);
        let body = self.block()?;
        self.close(&Token::Word(Word::Until), &Token::Word(Word::Repeat), line)?;
        let condition = self.expr()?;
        self.leave_block();
        self.leave_block();
        Ok(Stat::Repeat(body, condition))
    }

    fn for_statement(&mut self, line: u32) -> Lexed<Stat> {
        self.next()?;
        let first = self.name()?;
        // The loop's own variables, which have no names, count towards the limit: three, or four of a generic loop.
        let (numeric, generic) = (3, 4);
        self.enter_block(true);
        let stat = match &self.token {
            Token::Char(b'=') => {
                self.next()?;
                let from = self.expr()?;
                self.expect_char(b',')?;
                let to = self.expr()?;
                let step = if self.take_char(b',')? { Some(self.expr()?) } else { None };
                self.expect(&Token::Word(Word::Do))?;
                self.enter_block(false);
                let variable = self.declare(first, Attrib::Regular, numeric)?;
                self.activate(&[variable]);
                let body = self.block()?;
                self.leave_block();
                Stat::NumericFor(variable, [from, to], step, body)
            }
            Token::Char(b',') | Token::Word(Word::In) => {
                let mut names = vec![first];
                while self.take_char(b',')? {
                    names.push(self.name()?);
                }
                self.expect(&Token::Word(Word::In))?;
                let values = self.exprs()?;
                self.expect(&Token::Word(Word::Do))?;
                self.enter_block(false);
                let mut variables = Vec::new();
                for name in names {
                    variables.push(self.declare(name, Attrib::Regular, generic + variables.len())?);
                }
                self.activate(&variables);
                let body = self.block()?;
                self.leave_block();
                Stat::GenericFor(variables, values, body)
            }
            _ => return Err(self.error("'=' or 'in' expected")),
        };
        self.close(&Token::Word(Word::End), &Token::Word(Word::For), line)?;
        self.leave_block();
        Ok(stat)
    }

    fn function_statement(&mut self, line: u32) -> Lexed<Stat> {
        self.next()?;
        let name = self.name()?;
        let mut full = name.to_vec();
        let mut target = self.assignable(&name)?;
        while self.take_char(b'.')? {
            target = self.field(target)?;
            self.extend_name(&mut full, b'.', target);
        }
        let is_method = self.take_char(b':')?;
        if is_method {
            target = self.field(target)?;
            self.extend_name(&mut full, b':', target);
        }
        let function = self.function(&full, is_method, line)?;
        Ok(Stat::Assign(vec![target], vec![function]))
    }

    fn extend_name(&self, full: &mut Vec<u8>, sign: u8, target: ExprId) {
        if let Expr::Index { key, .. } = self.expr_at(target)
            && let Expr::Literal(Literal::String(name)) = self.expr_at(*key)
        {
            full.push(sign);
            full.extend_from_slice(name);
        }
    }

    /// A variable that `function` assigns to, if no field of it.
    fn assignable(&mut self, name: &Text) -> Lexed<ExprId> {
        let target = self.variable(name)?;
        if !self.is_char(b'.') && !self.is_char(b':') {
            self.check_assignable(target, Some(name))?;
        }
        Ok(target)
    }

    fn local_function(&mut self) -> Lexed<Stat> {
        let name = self.name()?;
        let local = self.declare(name.clone(), Attrib::Regular, 0)?;
        self.activate(&[local]);
        let line = self.line;
        let function = self.function(&name, false, line)?;
        Ok(Stat::LocalFunction(local, function))
    }

    fn local(&mut self) -> Lexed<Stat> {
        let mut locals: Vec<LocalId> = Vec::new();
        let mut has_close = false;
        loop {
            let name = self.name()?;
            let attrib = self.attrib()?;
            if attrib == Attrib::Close && std::mem::replace(&mut has_close, true) {
                return Err(self.bare_error("multiple to-be-closed variables in local list"));
            }
            locals.push(self.declare(name, attrib, locals.len())?);
            if !self.take_char(b',')? {
                break;
            }
        }
        let values = if self.take_char(b'=')? { self.exprs()? } else { Vec::new() };
        if values.len() == locals.len()
            && let (Some(local), Some(value)) = (locals.last(), values.last())
            && let Expr::Literal(literal) = self.expr_at(*value)
        {
            let literal = literal.clone();
            let attrib = &mut self.state().locals[local.index()].attrib;
            if *attrib == Attrib::Const {
                *attrib = Attrib::Literal(literal);
            }
        }
        self.activate(&locals);
        Ok(Stat::Local { locals, values })
    }

    fn attrib(&mut self) -> Lexed<Attrib> {
        if !self.take_char(b'<')? {
            return Ok(Attrib::Regular);
        }
        let name = self.name()?;
        self.expect_char(b'>')?;
        match &*name {
            b"const" => Ok(Attrib::Const),
            b"close" => Ok(Attrib::Close),
            other => {
                let message = format!("unknown attribute '{}'", String::from_utf8_lossy(other));
                Err(self.bare_error(&message))
            }
        }
    }

    fn return_statement(&mut self) -> Lexed<Stat> {
        self.next()?;
        let values = if self.ends_block(true) || self.is_char(b';') { Vec::new() } else { self.exprs()? };
        self.take_char(b';')?;
        Ok(Stat::Return(values))
    }

    fn expression_statement(&mut self) -> Lexed<Stat> {
        let (first, name) = self.target()?;
        if !self.is_char(b'=') && !self.is_char(b',') {
            return match self.expr_at(first) {
                Expr::Call { .. } | Expr::Method { .. } => Ok(Stat::Call(first)),
                _ => Err(self.error("syntax error")),
            };
        }
        self.check_target(first, name.as_ref())?;
        let mut targets = vec![first];
        while self.take_char(b',')? {
            let (target, name) = self.target()?;
            // Each target would be a level of recursion in PUC Lua.
            self.enter()?;
            self.check_target(target, name.as_ref())?;
            targets.push(target);
        }
        self.level -= targets.len() - 1;
        self.expect_char(b'=')?;
        let values = self.exprs()?;
        Ok(Stat::Assign(targets, values))
    }

    /// A suffixed expression; and the name, if that is all it is.
    fn target(&mut self) -> Lexed<(ExprId, Option<Text>)> {
        let name = if let Token::Name(name) = &self.token { Some(name.clone()) } else { None };
        let before = self.exprs.len();
        let expr = self.suffixed()?;
        // A constant or variable without a suffix is the one expression made, or a global variable's three.
        let is_plain = matches!(self.expr_at(expr), Expr::Literal(_) | Expr::Local(_) | Expr::Upvalue(_));
        Ok((expr, name.filter(|_| is_plain && expr.index() == before)))
    }

    /// A target of an assignment must be a variable or indexed, and no constant.
    fn check_target(&mut self, target: ExprId, name: Option<&Text>) -> Lexed<()> {
        match self.expr_at(target) {
            Expr::Index { .. } => Ok(()),
            Expr::Local(_) | Expr::Upvalue(_) | Expr::Literal(_) if name.is_some() => {
                self.check_assignable(target, name)
            }
            _ => Err(self.error("syntax error")),
        }
    }

    fn check_assignable(&mut self, target: ExprId, name: Option<&Text>) -> Lexed<()> {
        let is_const = match *self.expr_at(target) {
            Expr::Local(id) => self.state().locals[id.index()].attrib != Attrib::Regular,
            Expr::Upvalue(id) => self.state().upvalues[usize::from(id.0)].is_const,
            Expr::Literal(_) => true,
            _ => false,
        };
        match name.filter(|_| is_const) {
            Some(name) => {
                let message = format!("attempt to assign to const variable '{}'", String::from_utf8_lossy(name));
                Err(self.bare_error(&message))
            }
            None => Ok(()),
        }
    }
}
