//! Expressions.

use lockstep_bytecode::AnyOp;

use super::scope::{GLOBALS, Resolved};
use super::{Lexed, Parser, fold};
use crate::syntax::ast::{Attrib, Comparison, Expr, ExprId, FunctionId, Item, Literal, Text, Unary};
use crate::syntax::token::{Sign, Token, Word};

/// A binary operator.
#[derive(Clone, Copy)]
enum Binary {
    Arithmetic(AnyOp),
    Compare(Comparison),
    Concat,
    And,
    Or,
}

/// How tightly operators of one operand bind.
const UNARY_PRIORITY: u8 = 12;

impl Binary {
    fn of(token: &Token) -> Option<Binary> {
        Some(match token {
            Token::Char(b'+') => Binary::Arithmetic(AnyOp::Add),
            Token::Char(b'-') => Binary::Arithmetic(AnyOp::Sub),
            Token::Char(b'*') => Binary::Arithmetic(AnyOp::Mul),
            Token::Char(b'%') => Binary::Arithmetic(AnyOp::Mod),
            Token::Char(b'^') => Binary::Arithmetic(AnyOp::Pow),
            Token::Char(b'/') => Binary::Arithmetic(AnyOp::Div),
            Token::Sign(Sign::FloorDivide) => Binary::Arithmetic(AnyOp::Idiv),
            Token::Char(b'&') => Binary::Arithmetic(AnyOp::Band),
            Token::Char(b'|') => Binary::Arithmetic(AnyOp::Bor),
            Token::Char(b'~') => Binary::Arithmetic(AnyOp::Bxor),
            Token::Sign(Sign::ShiftLeft) => Binary::Arithmetic(AnyOp::Shl),
            Token::Sign(Sign::ShiftRight) => Binary::Arithmetic(AnyOp::Shr),
            Token::Sign(Sign::Concat) => Binary::Concat,
            Token::Sign(Sign::Equal) => Binary::Compare(Comparison::Equal),
            Token::Sign(Sign::NotEqual) => Binary::Compare(Comparison::NotEqual),
            Token::Char(b'<') => Binary::Compare(Comparison::Less),
            Token::Sign(Sign::LessEqual) => Binary::Compare(Comparison::LessEqual),
            Token::Char(b'>') => Binary::Compare(Comparison::Greater),
            Token::Sign(Sign::GreaterEqual) => Binary::Compare(Comparison::GreaterEqual),
            Token::Word(Word::And) => Binary::And,
            Token::Word(Word::Or) => Binary::Or,
            _ => return None,
        })
    }

    /// How tightly it binds to the left and to the right.
    const fn priority(self) -> (u8, u8) {
        match self {
            Binary::Arithmetic(op) => match op {
                AnyOp::Pow => (14, 13),
                AnyOp::Mul | AnyOp::Div | AnyOp::Mod | AnyOp::Idiv => (11, 11),
                AnyOp::Add | AnyOp::Sub => (10, 10),
                AnyOp::Shl | AnyOp::Shr => (7, 7),
                AnyOp::Band => (6, 6),
                AnyOp::Bxor => (5, 5),
                AnyOp::Bor => (4, 4),
            },
            Binary::Concat => (9, 8),
            Binary::Compare(_) => (3, 3),
            Binary::And => (2, 2),
            Binary::Or => (1, 1),
        }
    }
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Lexed<ExprId> {
        self.operation(0)
    }

    pub(super) fn exprs(&mut self) -> Lexed<Vec<ExprId>> {
        let mut exprs = vec![self.expr()?];
        while self.take_char(b',')? {
            exprs.push(self.expr()?);
        }
        Ok(exprs)
    }

    /// An expression of operators that bind more tightly than `limit`.
    fn operation(&mut self, limit: u8) -> Lexed<ExprId> {
        self.enter()?;
        let unary = match self.token {
            Token::Char(b'-') => Some(Unary::Negate),
            Token::Char(b'~') => Some(Unary::BitNot),
            Token::Char(b'#') => Some(Unary::Length),
            Token::Word(Word::Not) => Some(Unary::Not),
            _ => None,
        };
        let mut left = match unary {
            Some(op) => {
                let line = self.line;
                self.next()?;
                let operand = self.operation(UNARY_PRIORITY)?;
                self.unary(op, operand, line)
            }
            None => self.simple()?,
        };
        while let Some(op) = Binary::of(&self.token) {
            let (binds_left, binds_right) = op.priority();
            if binds_left <= limit {
                break;
            }
            let line = self.line;
            self.next()?;
            let right = self.operation(binds_right)?;
            left = self.binary(op, left, right, line);
        }
        self.leave();
        Ok(left)
    }

    fn unary(&mut self, op: Unary, operand: ExprId, line: u32) -> ExprId {
        let folded = match self.expr_at(operand) {
            Expr::Literal(literal) => fold::unary(op, literal),
            _ => None,
        };
        match folded {
            Some(literal) => self.add(Expr::Literal(literal), line),
            None => self.add(Expr::Unary(op, operand), line),
        }
    }

    fn binary(&mut self, op: Binary, left: ExprId, right: ExprId, line: u32) -> ExprId {
        // Chains become one node: those of `and` and `or` on the left, those of `..` on the right.
        match op {
            Binary::Arithmetic(op) => {
                let folded = match (self.expr_at(left), self.expr_at(right)) {
                    (Expr::Literal(left), Expr::Literal(right)) => fold::binary(op, left, right),
                    _ => None,
                };
                self.add(folded.map_or(Expr::Arithmetic(op, left, right), Expr::Literal), line)
            }
            Binary::Compare(op) => self.add(Expr::Compare(op, left, right), line),
            Binary::Concat => {
                let mut operands = vec![left];
                match &self.exprs[right.index()].0 {
                    Expr::Concat(others) => operands.extend_from_slice(others),
                    _ => operands.push(right),
                }
                self.add(Expr::Concat(operands), line)
            }
            Binary::And => match &mut self.exprs[left.index()].0 {
                Expr::And(operands) => {
                    operands.push(right);
                    left
                }
                _ => self.add(Expr::And(vec![left, right]), line),
            },
            Binary::Or => match &mut self.exprs[left.index()].0 {
                Expr::Or(operands) => {
                    operands.push(right);
                    left
                }
                _ => self.add(Expr::Or(vec![left, right]), line),
            },
        }
    }

    fn simple(&mut self) -> Lexed<ExprId> {
        let literal = match &self.token {
            Token::Integer(value) => Literal::Integer(*value),
            Token::Float(value) => Literal::Float(*value),
            Token::String(bytes) => Literal::String(bytes.clone()),
            Token::Word(Word::Nil) => Literal::Nil,
            Token::Word(Word::True) => Literal::Bool(true),
            Token::Word(Word::False) => Literal::Bool(false),
            Token::Sign(Sign::Dots) => {
                let function = self.state().function;
                if !self.functions[function.index()].is_vararg {
                    return Err(self.error("cannot use '...' outside a vararg function"));
                }
                self.next()?;
                return Ok(self.add(Expr::Vararg, self.last_line));
            }
            Token::Char(b'{') => return self.table(),
            Token::Word(Word::Function) => {
                let line = self.line;
                self.next()?;
                return self.function(b"", false, line);
            }
            _ => return self.suffixed(),
        };
        self.next()?;
        Ok(self.add(Expr::Literal(literal), self.last_line))
    }

    /// What the name is, as an expression.
    pub(super) fn variable(&mut self, name: &Text) -> Lexed<ExprId> {
        let line = self.last_line;
        let expr = match self.resolve(name)? {
            Resolved::Local(id) => Expr::Local(id),
            Resolved::Upvalue(id) => Expr::Upvalue(id),
            Resolved::Literal(literal) => Expr::Literal(literal),
            Resolved::Global => {
                let globals: Text = GLOBALS.into();
                let object = self.variable(&globals)?;
                let key = self.add(Expr::Literal(Literal::String(name.clone())), line);
                Expr::Index { object, key }
            }
        };
        Ok(self.add(expr, line))
    }

    /// A name or a parenthesised expression, and what follows it: fields, indices, calls.
    pub(super) fn suffixed(&mut self) -> Lexed<ExprId> {
        let line = self.line;
        let mut expr = match &self.token {
            Token::Name(_) => {
                let name = self.name()?;
                self.variable(&name)?
            }
            Token::Char(b'(') => {
                self.next()?;
                let inner = self.expr()?;
                self.close(&Token::Char(b')'), &Token::Char(b'('), line)?;
                match self.expr_at(inner) {
                    Expr::Vararg
                    | Expr::Call { .. }
                    | Expr::Method { .. }
                    | Expr::Local(_)
                    | Expr::Upvalue(_)
                    | Expr::Index { .. }
                    | Expr::And(_)
                    | Expr::Or(_)
                    | Expr::Concat(_) => self.add(Expr::Single(inner), line),
                    _ => inner,
                }
            }
            _ => return Err(self.error("unexpected symbol")),
        };
        loop {
            match &self.token {
                Token::Char(b'.') => {
                    self.next()?;
                    expr = self.field(expr)?;
                }
                Token::Char(b'[') => {
                    self.next()?;
                    let key = self.expr()?;
                    self.expect_char(b']')?;
                    expr = self.add(Expr::Index { object: expr, key }, self.last_line);
                }
                Token::Char(b':') => {
                    self.next()?;
                    let name = self.name()?;
                    let args = self.args()?;
                    expr = self.add(Expr::Method { object: expr, name, args }, line);
                }
                Token::Char(b'(' | b'{') | Token::String(_) => {
                    let args = self.args()?;
                    expr = self.add(Expr::Call { callee: expr, args }, line);
                }
                _ => return Ok(expr),
            }
        }
    }

    /// The field of `object` whose name is at hand.
    pub(super) fn field(&mut self, object: ExprId) -> Lexed<ExprId> {
        let name = self.name()?;
        let line = self.last_line;
        let key = self.add(Expr::Literal(Literal::String(name)), line);
        Ok(self.add(Expr::Index { object, key }, line))
    }

    fn args(&mut self) -> Lexed<Vec<ExprId>> {
        let line = self.line;
        match &self.token {
            Token::Char(b'(') => {
                self.next()?;
                if self.take_char(b')')? {
                    return Ok(Vec::new());
                }
                let args = self.exprs()?;
                self.close(&Token::Char(b')'), &Token::Char(b'('), line)?;
                Ok(args)
            }
            Token::Char(b'{') => Ok(vec![self.table()?]),
            Token::String(bytes) => {
                let literal = Literal::String(bytes.clone());
                self.next()?;
                Ok(vec![self.add(Expr::Literal(literal), self.last_line)])
            }
            _ => Err(self.error("function arguments expected")),
        }
    }

    fn table(&mut self) -> Lexed<ExprId> {
        let line = self.line;
        self.expect_char(b'{')?;
        let mut items = Vec::new();
        while !self.is_char(b'}') {
            let is_named = matches!(self.token, Token::Name(_)) && *self.peek()? == Token::Char(b'=');
            if is_named {
                let name = self.name()?;
                let key = self.add(Expr::Literal(Literal::String(name)), self.last_line);
                self.next()?;
                items.push(Item::Field(key, self.expr()?));
            } else if self.take_char(b'[')? {
                let key = self.expr()?;
                self.expect_char(b']')?;
                self.expect_char(b'=')?;
                items.push(Item::Field(key, self.expr()?));
            } else {
                items.push(Item::Element(self.expr()?));
            }
            if !self.take_char(b',')? && !self.take_char(b';')? {
                break;
            }
        }
        self.close(&Token::Char(b'}'), &Token::Char(b'{'), line)?;
        Ok(self.add(Expr::Table(items), line))
    }

    /// A function behind `function` and its name: parameters and body.
    pub(super) fn function(&mut self, name: &[u8], is_method: bool, line: u32) -> Lexed<ExprId> {
        let id: FunctionId = self.open_function(name, line);
        let mut params = Vec::new();
        if is_method {
            params.push(self.declare(b"self"[..].into(), Attrib::Regular, 0)?);
        }
        self.expect_char(b'(')?;
        if !self.is_char(b')') {
            loop {
                match &self.token {
                    Token::Name(_) => {
                        let name = self.name()?;
                        params.push(self.declare(name, Attrib::Regular, params.len())?);
                    }
                    Token::Sign(Sign::Dots) => {
                        self.next()?;
                        self.functions[id.index()].is_vararg = true;
                        break;
                    }
                    _ => return Err(self.error("<name> or '...' expected")),
                }
                if !self.take_char(b',')? {
                    break;
                }
            }
        }
        self.functions[id.index()].params = params.len() as u8;
        self.activate(&params);
        self.expect_char(b')')?;
        let body = self.block()?;
        self.functions[id.index()].end_line = self.line;
        self.close(&Token::Word(Word::End), &Token::Word(Word::Function), line)?;
        self.close_function(body)?;
        Ok(self.add(Expr::Function(id), line))
    }
}
