//! The parser: recursive descent, one token ahead (two in table constructors), names resolved as they are met.
//!
//! Why by hand: PUC Lua's messages name the token at hand and the construct it should close, and its rules for scopes, labels and constants are checked in the
//! course of parsing.

mod expr;
mod fold;
mod scope;
mod stat;
#[cfg(test)]
mod tests;

use super::ast::{Block, Chunk, Expr, ExprId, FunctionId, Text};
use super::error::SyntaxError;
use super::lexer::{Lexed, Lexer};
use super::token::{Token, Word};
use scope::FunctionState;

/// How deep statements and expressions may nest: what PUC Lua's limit of 200 C calls leaves to a chunk.
const LEVELS: usize = 197;

/// Parses a chunk. `name` begins with `@` or `=`, or is the source itself, as for Lua's `load`.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(source: &[u8], name: &[u8]) -> Result<Chunk, Box<SyntaxError>> {
    let mut lexer = Lexer::new(source, name);
    let token = lexer.token()?;
    let (span, line) = (lexer.span(), lexer.line);
    let mut parser = Parser {
        lexer,
        token,
        span,
        line,
        last_line: 1,
        ahead: None,
        level: 0,
        exprs: Vec::new(),
        functions: Vec::new(),
        states: Vec::new(),
    };
    parser.main()?;
    let name = parser.lexer.chunk().to_vec();
    Ok(Chunk { name, exprs: parser.exprs, functions: parser.functions })
}

/// Where a token stands, and the line that reading it has come to.
type Place = ((usize, usize), u32);

struct Parser<'s> {
    lexer: Lexer<'s>,
    /// The token at hand.
    token: Token,
    span: (usize, usize),
    /// The line of the token at hand: its last, if it has several.
    line: u32,
    /// The line of the token before it.
    last_line: u32,
    /// The token behind it, if it was looked at.
    ahead: Option<(Token, Place)>,
    level: usize,
    exprs: Vec<(Expr, u32)>,
    functions: Vec<super::ast::Function>,
    /// The functions that are open, innermost last.
    states: Vec<FunctionState>,
}

impl Parser<'_> {
    // ---- tokens ---------------------------------------------------------------------------------------------------------

    /// Goes on to the next token, and answers the one that was at hand.
    fn next(&mut self) -> Lexed<Token> {
        self.last_line = self.line;
        let (token, (span, line)) = match self.ahead.take() {
            Some(ahead) => ahead,
            None => {
                let token = self.lexer.token()?;
                (token, (self.lexer.span(), self.lexer.line))
            }
        };
        (self.span, self.line) = (span, line);
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// The token behind the one at hand.
    fn peek(&mut self) -> Lexed<&Token> {
        if self.ahead.is_none() {
            let token = self.lexer.token()?;
            self.ahead = Some((token, (self.lexer.span(), self.lexer.line)));
        }
        Ok(&self.ahead.as_ref().expect("it was just read").0)
    }

    fn is_word(&self, word: Word) -> bool {
        self.token == Token::Word(word)
    }

    fn is_char(&self, byte: u8) -> bool {
        self.token == Token::Char(byte)
    }

    /// Goes on if this token is at hand.
    fn take(&mut self, token: &Token) -> Lexed<bool> {
        let found = self.token == *token;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn take_char(&mut self, byte: u8) -> Lexed<bool> {
        self.take(&Token::Char(byte))
    }

    /// Demands this token, and goes on.
    fn expect(&mut self, token: &Token) -> Lexed<()> {
        if self.take(token)? { Ok(()) } else { Err(self.error(&format!("{} expected", token.describe()))) }
    }

    fn expect_char(&mut self, byte: u8) -> Lexed<()> {
        self.expect(&Token::Char(byte))
    }

    /// Demands `token`, which closes what `opening` has opened at `line`.
    fn close(&mut self, token: &Token, opening: &Token, line: u32) -> Lexed<()> {
        if self.take(token)? {
            return Ok(());
        }
        let what = token.describe();
        Err(match line == self.line {
            true => self.error(&format!("{what} expected")),
            false => self.error(&format!("{what} expected (to close {} at line {line})", opening.describe())),
        })
    }

    fn name(&mut self) -> Lexed<Text> {
        match &self.token {
            Token::Name(name) => {
                let name = name.clone();
                self.next()?;
                Ok(name)
            }
            _ => Err(self.error("<name> expected")),
        }
    }

    // ---- errors ---------------------------------------------------------------------------------------------------------

    /// An error near the token at hand.
    fn error(&mut self, message: &str) -> Box<SyntaxError> {
        let quoted = match &self.token {
            Token::Name(_) | Token::Integer(_) | Token::Float(_) => [b"'", self.lexer.text(self.span), b"'"].concat(),
            Token::String(bytes) => match self.lexer.text(self.span) {
                [quote @ (b'"' | b'\''), ..] => [b"'", &[*quote][..], bytes, &[*quote], b"'"].concat(),
                long => [b"'", long, b"'"].concat(),
            },
            token => token.describe().into_bytes(),
        };
        self.lexer.line = self.line;
        self.lexer.error(message, Some(&quoted))
    }

    /// An error that is no matter of the token at hand.
    fn bare_error(&mut self, message: &str) -> Box<SyntaxError> {
        self.lexer.line = self.line;
        self.lexer.error(message, None)
    }

    /// A limit is exceeded.
    fn limit(&mut self, what: &str, limit: usize) -> Box<SyntaxError> {
        let function = self.state().function;
        let line = self.functions[function.index()].line;
        let place = if line == 0 { "main function".to_owned() } else { format!("function at line {line}") };
        self.error(&format!("too many {what} (limit is {limit}) in {place}"))
    }

    /// Goes one level deeper; [`Parser::leave`] is called when that is done.
    fn enter(&mut self) -> Lexed<()> {
        self.level += 1;
        match self.level > LEVELS {
            true => Err(Box::new(SyntaxError { message: b"C stack overflow".to_vec(), at_end: false })),
            false => Ok(()),
        }
    }

    fn leave(&mut self) {
        self.level -= 1;
    }

    // ---- tree -----------------------------------------------------------------------------------------------------------

    fn add(&mut self, expr: Expr, line: u32) -> ExprId {
        self.exprs.push((expr, line));
        ExprId(self.exprs.len() as u32 - 1)
    }

    fn expr_at(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()].0
    }

    fn main(&mut self) -> Lexed<()> {
        let id = self.open_function(b"", 0);
        self.functions[id.index()].is_vararg = true;
        self.declare_globals();
        let body = self.block()?;
        if self.token != Token::End {
            return Err(self.error("<eof> expected"));
        }
        self.close_function(body)
    }

    /// Begins a function.
    fn open_function(&mut self, name: &[u8], line: u32) -> FunctionId {
        let id = FunctionId(self.functions.len() as u32);
        self.functions.push(super::ast::Function { name: name.to_vec(), line, ..Default::default() });
        self.states.push(FunctionState::new(id));
        id
    }

    /// Ends the innermost function, whose end was read.
    fn close_function(&mut self, body: Block) -> Lexed<()> {
        self.finish_gotos()?;
        let state = self.states.pop().expect("a function is open");
        let function = &mut self.functions[state.function.index()];
        function.locals = state.locals;
        function.upvalues = state.upvalues;
        function.gotos = state.gotos;
        function.body = body;
        Ok(())
    }

    /// The innermost function.
    fn state(&mut self) -> &mut FunctionState {
        self.states.last_mut().expect("a function is open")
    }
}
