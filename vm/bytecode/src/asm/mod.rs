//! From assembly text to verified modules, with diagnostics that say what was expected.
//!
//! ```text
//! .source "fib.lua"                    ; optional: the file that errors name
//! func fib(n: i64) -> i64 {            ; parameters are the first registers; names are optional
//!     reg a: i64, b: i64               ; more registers: r1, r2, …
//!     jgei.i64 n, 2, recurse
//!     ret n
//! recurse:
//!     .line 7                          ; instructions from here on come from line 7
//!     subi.i64 a, n, 1
//!     call a, fib(a)                   ; arguments stand in consecutive registers
//!     subi.i64 b, n, 2
//!     call b, fib(b)
//!     add.i64 a, a, b
//!     ret a
//! }
//! ```
//!
//! A number in place of the last register selects the immediate form (`add.i64 a, a, 1` is `addi.i64 a, a, 1`), and a
//! constant that does not fit the small form goes to the pool (`const.i64 a, 0x123456789`, `const.f64 x, 0.5`).

mod hints;
mod operands;

use crate::builder::{FunctionBuilder, Label};
use crate::verify::{Verified, is_register_name};
use crate::{FuncId, Function, Kind, Module, Op, Reg};
use lockstep_text::{Cursor, Diagnostic, Token, TokenKind};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// Assembles and verifies `text`, which comes from `file`.
///
/// # Errors
/// The first mistake: of spelling, of names, or one the verifier finds.
pub fn assemble(file: &str, text: &str) -> Result<Verified> {
    let functions = function_names(file, text)?;
    let mut assembler = Assembler {
        cursor: Cursor::new(file, text, true)?,
        functions,
        module: Module { source: file.to_owned(), ..Module::default() },
        places: Vec::new(),
        calls: Vec::new(),
    };
    assembler.module()?;
    assembler.check_calls()?;
    let Assembler { cursor, module, places, .. } = assembler;
    Verified::new(module).map_err(|error| {
        let place = &places[error.func.index()];
        let token = error.at.as_ref().and_then(|(pc, _)| place.code.get(pc.index())).unwrap_or(&place.name);
        cursor.error_at(*token, error.message)
    })
}

/// The functions' names in order, so that calls can refer to functions that come later.
fn function_names(file: &str, text: &str) -> Result<HashMap<String, FuncId>> {
    let mut cursor = Cursor::new(file, text, true)?;
    let mut names = HashMap::new();
    let (mut line_start, mut count) = (true, 0);
    while cursor.peek().kind != TokenKind::End {
        let token = cursor.advance()?;
        if line_start && token.kind == TokenKind::Word && token.text == "func" {
            let at = cursor.peek();
            let name = function_name(&mut cursor)?;
            if names.insert(name, FuncId(count)).is_some() {
                return Err(cursor.error_at(at, format!("function {} is defined twice", at.describe())));
            }
            count += 1;
        }
        line_start = token.kind == TokenKind::Newline;
    }
    Ok(names)
}

fn function_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let what = "the name of a function";
    if cursor.peek().kind == TokenKind::String {
        return cursor.expect_string(what);
    }
    Ok(cursor.expect_kind(TokenKind::Word, what)?.text.to_owned())
}

/// Where things stand in the text, for errors the verifier finds.
struct Places<'s> {
    name: Token<'s>,
    code: Vec<Token<'s>>,
}

/// A call, to be checked once every signature is known.
struct Call<'s> {
    callee: FuncId,
    arguments: usize,
    at: Token<'s>,
}

struct Assembler<'s> {
    cursor: Cursor<'s>,
    functions: HashMap<String, FuncId>,
    module: Module,
    places: Vec<Places<'s>>,
    calls: Vec<Call<'s>>,
}

/// The function being assembled.
struct Body<'s> {
    builder: FunctionBuilder,
    registers: HashMap<&'s str, Reg>,
    register_count: usize,
    /// Labels, where each was first mentioned, and whether it was bound.
    labels: HashMap<&'s str, (Label, Token<'s>, bool)>,
    /// Labels in the order of their first mention.
    mentions: Vec<&'s str>,
    line: Option<u32>,
    code: Vec<Token<'s>>,
}

impl<'s> Assembler<'s> {
    fn module(&mut self) -> Result<()> {
        let mut has_source = false;
        loop {
            let token = self.cursor.peek();
            match (token.kind, token.text) {
                (TokenKind::End, _) => return Ok(()),
                (TokenKind::Newline, _) => {
                    self.cursor.advance()?;
                }
                (TokenKind::Word, ".source") if !has_source => {
                    has_source = true;
                    self.cursor.advance()?;
                    self.module.source = self.cursor.expect_string("the name of a source file in quotes")?;
                    self.end_of_line()?;
                }
                (TokenKind::Word, ".source") => {
                    return Err(self.cursor.error_at(token, "the source file is named twice"));
                }
                (TokenKind::Word, "func") => self.function()?,
                _ => return Err(self.cursor.unexpected("`func` or `.source`")),
            }
        }
    }

    fn end_of_line(&mut self) -> Result<()> {
        if self.cursor.peek().kind == TokenKind::End {
            return Ok(());
        }
        self.cursor.expect_kind(TokenKind::Newline, "the end of the line").map(drop)
    }

    fn function(&mut self) -> Result<()> {
        self.cursor.advance()?;
        let at = self.cursor.peek();
        let name = function_name(&mut self.cursor)?;
        let mut body = Body {
            builder: FunctionBuilder::new(&name, None),
            registers: HashMap::new(),
            register_count: 0,
            labels: HashMap::new(),
            mentions: Vec::new(),
            line: None,
            code: Vec::new(),
        };
        self.cursor.expect("(")?;
        let mut is_vararg = false;
        if !self.cursor.accept(")")? {
            loop {
                if self.cursor.accept("...")? {
                    is_vararg = true;
                    self.cursor.expect(")")?;
                    break;
                }
                self.declaration(&mut body, true)?;
                if self.cursor.accept(")")? {
                    break;
                }
                if !self.cursor.accept(",")? {
                    return Err(self.cursor.unexpected("`,` or `)`"));
                }
            }
        }
        if self.cursor.accept("->")? {
            if self.cursor.accept("...")? {
                body.builder.set_generic(is_vararg);
            } else {
                body.builder.set_result(Some(self.kind()?));
            }
        }
        if is_vararg && !body.builder.is_generic() {
            return Err(self.cursor.error_at(at, "a function with `...` among its parameters returns `-> ...`"));
        }
        if self.cursor.peek().text != "{" {
            return Err(self.cursor.unexpected("`{` or `-> KIND {`"));
        }
        self.cursor.advance()?;
        self.end_of_line()?;
        while !self.cursor.accept("}")? {
            self.statement(&mut body)?;
        }
        self.end_of_line()?;
        let function = self.finish(body, at)?;
        self.module.functions.push(function);
        Ok(())
    }

    /// `name: kind` or `kind`.
    fn declaration(&mut self, body: &mut Body<'s>, is_param: bool) -> Result<()> {
        let at = self.cursor.peek();
        let mut name = None;
        let is_kind = at.text == Kind::Any.name() || Kind::ALL.iter().any(|kind| kind.name() == at.text);
        if at.kind == TokenKind::Word && !is_kind {
            if !is_register_name(at.text) {
                return Err(self.cursor.error_at(at, format!("`{}` cannot name a register", at.text)).hint(
                    "names have letters, digits, `_` and `.`; `r` with a number always means the register so numbered",
                ));
            }
            self.cursor.advance()?;
            if self.cursor.peek().text != ":" {
                let nearest = hints::nearest(at.text, Kind::FIXED.iter().map(|kind| kind.name()));
                let error = self.cursor.unexpected("`:` and the register's kind");
                return Err(match nearest {
                    Some(kind) => error.hint(format!("is `{}` meant to be the kind `{kind}`?", at.text)),
                    None => error,
                });
            }
            self.cursor.advance()?;
            name = Some(at.text);
        }
        let kind = self.kind()?;
        let reg = if is_param { body.builder.param(kind, name) } else { body.builder.register(kind, name) };
        let Some(reg) = reg else {
            let most = if is_param { "255 parameters" } else { "256 registers" };
            return Err(self.cursor.error_at(at, format!("a function has at most {most}")));
        };
        body.register_count += 1;
        if let Some(name) = name
            && body.registers.insert(name, reg).is_some()
        {
            return Err(self.cursor.error_at(at, format!("there is a register `{name}` already")));
        }
        Ok(())
    }

    fn kind(&mut self) -> Result<Kind> {
        let at = self.cursor.peek();
        let is_array = self.cursor.accept("[")?;
        let word = self.cursor.peek();
        if !is_array && self.cursor.accept(Kind::Any.name())? {
            return Ok(Kind::Any);
        }
        let kind = Kind::FIXED.into_iter().find(|kind| kind.element().is_none() && kind.name() == word.text);
        let Some(kind) = kind.and_then(|kind| if is_array { kind.array() } else { Some(kind) }) else {
            let error =
                self.cursor.unexpected("a kind: i32, i64, u32, u64, f64, bool, one of these in brackets, or any");
            return Err(match hints::nearest(word.text, Kind::FIXED.iter().map(|kind| kind.name())) {
                Some(kind) => error.hint(format!("did you mean `{kind}`?")),
                None if Kind::ALL.iter().any(|kind| kind.name() == at.text) => error
                    .hint("registers cannot be fixed to a dynamic kind; `any` registers hold values of all of them"),
                None => error,
            });
        };
        self.cursor.advance()?;
        if is_array {
            self.cursor.expect("]")?;
        }
        Ok(kind)
    }

    fn statement(&mut self, body: &mut Body<'s>) -> Result<()> {
        let token = self.cursor.peek();
        match token.kind {
            TokenKind::Newline => {
                self.cursor.advance()?;
                return Ok(());
            }
            TokenKind::Word => self.cursor.advance()?,
            _ => return Err(self.cursor.unexpected("an instruction, a label, a directive or `}`")),
        };
        if self.cursor.accept(":")? {
            return self.label(body, token);
        }
        match token.text {
            "reg" => loop {
                self.declaration(body, false)?;
                if !self.cursor.accept(",")? {
                    break;
                }
            },
            ".line" => {
                let number = self.cursor.expect_kind(TokenKind::Number, "a line number")?;
                let line = crate::number::parse_integer(number.text).and_then(|line| u32::try_from(line).ok());
                let Some(line) = line else {
                    return Err(self.cursor.error_at(number, format!("`{}` is not a line number", number.text)));
                };
                body.line = Some(line);
            }
            ".upvalue" => loop {
                let at = self.cursor.peek();
                let name = self.cursor.expect_string("the name of an upvalue in quotes")?;
                if body.builder.upvalue(&name).is_none() {
                    return Err(self.cursor.error_at(at, "a function has at most 255 upvalues"));
                }
                if !self.cursor.accept(",")? {
                    break;
                }
            },
            text if text.starts_with('.') => {
                return Err(self
                    .cursor
                    .error_at(token, format!("there is no directive `{text}`"))
                    .expected("`.line` or `.upvalue`"));
            }
            text => {
                let Some(op) = operands::mnemonic(text) else {
                    let error = self.cursor.error_at(token, format!("there is no instruction `{text}`"));
                    return Err(match hints::mnemonic(text) {
                        Some(hint) => error.hint(hint),
                        None => error,
                    });
                };
                self.instruction(body, token, op)?;
            }
        }
        self.end_of_line()
    }

    fn label(&mut self, body: &mut Body<'s>, token: Token<'s>) -> Result<()> {
        let label = body.mention(token);
        let bound = body.labels.get_mut(token.text).map(|entry| std::mem::replace(&mut entry.2, true));
        if bound == Some(true) {
            return Err(self.cursor.error_at(token, format!("label `{}` stands in this function twice", token.text)));
        }
        body.builder.bind(label);
        Ok(())
    }

    fn instruction(&mut self, body: &mut Body<'s>, token: Token<'s>, op: Op) -> Result<()> {
        let instr = if token.text == "const.any" { self.any_constant(body)? } else { self.operands(body, op)? };
        body.builder.line(body.line.unwrap_or(token.location.line));
        body.builder.emit(instr);
        body.code.push(token);
        Ok(())
    }

    fn finish(&mut self, body: Body<'s>, name: Token<'s>) -> Result<Function> {
        let unbound = body.mentions.iter().map(|mention| &body.labels[mention]).find(|entry| !entry.2);
        if let Some((_, token, _)) = unbound {
            let error = self.cursor.error_at(*token, format!("label `{}` stands nowhere in this function", token.text));
            let bound = body.mentions.iter().copied().filter(|mention| body.labels[mention].2);
            return Err(match hints::nearest(token.text, bound) {
                Some(label) => error.hint(format!("did you mean `{label}`?")),
                None => error,
            });
        }
        self.places.push(Places { name, code: body.code });
        body.builder.finish().map_err(|_| self.cursor.error_at(name, "a label of this function is not bound"))
    }

    fn check_calls(&self) -> Result<()> {
        for call in &self.calls {
            let callee = self.module.function(call.callee);
            let params = callee.params().len();
            if call.arguments != params {
                let s = if params == 1 { "" } else { "s" };
                let message = format!("`{}` takes {params} argument{s}, but {} are given", callee.name, call.arguments);
                return Err(self.cursor.error_at(call.at, message));
            }
        }
        Ok(())
    }
}

impl<'s> Body<'s> {
    /// The label called as `token` says.
    fn mention(&mut self, token: Token<'s>) -> Label {
        if let Some((label, ..)) = self.labels.get(token.text) {
            return *label;
        }
        let label = self.builder.label();
        self.labels.insert(token.text, (label, token, false));
        self.mentions.push(token.text);
        label
    }
}
