//! One lexer for all of Lockstep's text formats: words, numbers, strings and punctuation; `;` starts a comment.
//!
//! A *word* is a letter or `_`, `%`, `@` or `.` followed by letters, digits, `_`, `.`, `%`, `@`: so `iadd.i64`, `r12`, `%0`,
//! `.line` and `@loop` are each one token. Numbers keep their spelling, because only the parser knows the kind they are
//! to be read as. Newlines are tokens, because assembly is line-oriented.

use crate::{Diagnostic, Location};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name, mnemonic, register, label or directive.
    Word,
    /// A number as spelled: optional sign, decimal or `0x` digits, fraction, exponent, `0x1.8p3` hex floats, `inf`, `nan…`
    /// only with a sign or as a word.
    Number,
    /// A string in double quotes; the token's text is the quoted spelling.
    String,
    /// One punctuation character, or `->`.
    Punct,
    /// End of a line.
    Newline,
    /// End of the text.
    End,
}

/// A token: kind, spelling and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'s> {
    /// What it is.
    pub kind: TokenKind,
    /// How it is spelled.
    pub text: &'s str,
    /// Where it starts.
    pub location: Location,
}

impl Token<'_> {
    /// How a diagnostic names the token.
    pub fn describe(&self) -> String {
        match self.kind {
            TokenKind::Newline => "end of line".to_owned(),
            TokenKind::End => "end of file".to_owned(),
            _ => format!("`{}`", self.text),
        }
    }

    fn width(&self) -> u32 {
        if self.kind == TokenKind::Newline { 1 } else { self.text.chars().count() as u32 }
    }
}

/// Splits a text into tokens.
pub struct Lexer<'s> {
    file: &'s str,
    source: &'s str,
    at: usize,
    location: Location,
}

impl<'s> Lexer<'s> {
    /// A lexer over `source`, whose diagnostics name `file`.
    pub fn new(file: &'s str, source: &'s str) -> Self {
        Self { file, source, at: 0, location: Location { line: 1, column: 1 } }
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.location = Location { line: self.location.line + 1, column: 1 };
        } else {
            self.location.column += 1;
        }
        Some(c)
    }

    fn bump_while(&mut self, accept: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
    }

    /// The next token.
    ///
    /// # Errors
    /// A character that starts no token, or a string without its end.
    pub fn next_token(&mut self) -> Result<Token<'s>, Box<Diagnostic>> {
        loop {
            match self.peek() {
                Some(';') => self.bump_while(|c| c != '\n'),
                Some(c) if c != '\n' && c.is_whitespace() => {
                    self.bump();
                }
                _ => break,
            }
        }
        let (start, location) = (self.at, self.location);
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%' | '@');
        let kind = match self.bump() {
            None => TokenKind::End,
            Some('\n') => TokenKind::Newline,
            Some('"') => {
                loop {
                    match self.bump() {
                        Some('"') => break,
                        Some('\\') => {
                            self.bump();
                        }
                        Some('\n') | None => {
                            return Err(Diagnostic::new(self.file, self.source, location, 1, "this string has no end")
                                .expected("a closing `\"` on the same line"));
                        }
                        Some(_) => {}
                    }
                }
                TokenKind::String
            }
            Some('-') if self.peek() == Some('>') => {
                self.bump();
                TokenKind::Punct
            }
            Some(c)
                if c.is_ascii_digit()
                    || (matches!(c, '+' | '-') && self.peek().is_some_and(|n| n.is_ascii_alphanumeric())) =>
            {
                let mut last = c;
                while let Some(n) = self.peek() {
                    let hex = self.source[start..self.at].contains("0x");
                    let exponent_sign =
                        matches!(n, '+' | '-') && matches!((last, hex), ('e' | 'E', false) | ('p' | 'P', true));
                    if !(n.is_ascii_alphanumeric() || matches!(n, '.' | '_') || exponent_sign) {
                        break;
                    }
                    last = n;
                    self.bump();
                }
                TokenKind::Number
            }
            Some(c) if is_word(c) => {
                self.bump_while(is_word);
                TokenKind::Word
            }
            Some(c) if c.is_ascii_punctuation() => TokenKind::Punct,
            Some(c) => {
                return Err(Diagnostic::new(
                    self.file,
                    self.source,
                    location,
                    1,
                    format!("`{}` starts nothing here", c.escape_debug()),
                ));
            }
        };
        Ok(Token { kind, text: &self.source[start..self.at], location })
    }
}

/// A parser's view of the tokens: one of lookahead, and `expect` functions whose failures are diagnostics.
pub struct Cursor<'s> {
    file: &'s str,
    source: &'s str,
    lexer: Lexer<'s>,
    next: Token<'s>,
    lines_matter: bool,
}

impl<'s> Cursor<'s> {
    /// A cursor at the first token. With `lines_matter` newlines are tokens; otherwise they are skipped.
    ///
    /// # Errors
    /// As [`Lexer::next_token`].
    pub fn new(file: &'s str, source: &'s str, lines_matter: bool) -> Result<Self, Box<Diagnostic>> {
        let lexer = Lexer::new(file, source);
        let next = Token { kind: TokenKind::End, text: "", location: Location { line: 1, column: 1 } };
        let mut cursor = Self { file, source, lexer, next, lines_matter };
        cursor.advance()?;
        Ok(cursor)
    }

    /// The token that comes next, not consumed.
    pub fn peek(&self) -> Token<'s> {
        self.next
    }

    /// Consumes and returns the next token.
    ///
    /// # Errors
    /// As [`Lexer::next_token`], about the token after it.
    pub fn advance(&mut self) -> Result<Token<'s>, Box<Diagnostic>> {
        let current = self.next;
        loop {
            self.next = self.lexer.next_token()?;
            if self.lines_matter || self.next.kind != TokenKind::Newline {
                return Ok(current);
            }
        }
    }

    /// A diagnostic at `token`.
    pub fn error_at(&self, token: Token<'s>, message: impl Into<String>) -> Box<Diagnostic> {
        Diagnostic::new(self.file, self.source, token.location, token.width(), message)
    }

    /// A diagnostic that the next token is not what was `expected`.
    pub fn unexpected(&self, expected: impl Into<String>) -> Box<Diagnostic> {
        self.error_at(self.next, format!("found {}", self.next.describe())).expected(expected)
    }

    /// Whether the next token is `text` as punctuation or word; consumes it if so.
    ///
    /// # Errors
    /// As [`Lexer::next_token`].
    pub fn accept(&mut self, text: &str) -> Result<bool, Box<Diagnostic>> {
        let hit = matches!(self.next.kind, TokenKind::Punct | TokenKind::Word) && self.next.text == text;
        if hit {
            self.advance()?;
        }
        Ok(hit)
    }

    /// Consumes punctuation or a word spelled `text`.
    ///
    /// # Errors
    /// The next token is something else.
    pub fn expect(&mut self, text: &str) -> Result<Token<'s>, Box<Diagnostic>> {
        let token = self.next;
        if self.accept(text)? { Ok(token) } else { Err(self.unexpected(format!("`{text}`"))) }
    }

    /// Consumes a token of `kind`, which a diagnostic calls `what`.
    ///
    /// # Errors
    /// The next token is of another kind.
    pub fn expect_kind(&mut self, kind: TokenKind, what: &str) -> Result<Token<'s>, Box<Diagnostic>> {
        if self.next.kind == kind { self.advance() } else { Err(self.unexpected(what)) }
    }

    /// Takes a string and returns its contents, without quotes and escapes; `\xNN` is the character of that number.
    pub fn expect_string(&mut self, what: &str) -> Result<String, Box<Diagnostic>> {
        let mut out = String::new();
        self.expect_escaped(what, |part| match part {
            Escaped::Char(c) => out.push(c),
            Escaped::Byte(byte) => out.push(char::from(byte)),
        })?;
        Ok(out)
    }

    /// Takes a string and returns its contents as bytes, without quotes and escapes; `\xNN` is that byte.
    pub fn expect_bytes(&mut self, what: &str) -> Result<Vec<u8>, Box<Diagnostic>> {
        let mut out = Vec::new();
        self.expect_escaped(what, |part| match part {
            Escaped::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Escaped::Byte(byte) => out.push(byte),
        })?;
        Ok(out)
    }

    fn expect_escaped(&mut self, what: &str, mut visit: impl FnMut(Escaped)) -> Result<(), Box<Diagnostic>> {
        let token = self.expect_kind(TokenKind::String, what)?;
        let mut chars = token.text[1..token.text.len() - 1].chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                visit(Escaped::Char(c));
                continue;
            }
            visit(match chars.next() {
                Some('n') => Escaped::Char('\n'),
                Some('t') => Escaped::Char('\t'),
                Some(c @ ('"' | '\\')) => Escaped::Char(c),
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    let code = u8::from_str_radix(&digits, 16);
                    Escaped::Byte(code.map_err(|_| self.error_at(token, "`\\x` takes two hexadecimal digits"))?)
                }
                _ => {
                    return Err(self
                        .error_at(token, "unknown escape in string")
                        .expected("one of \\n \\t \\\" \\\\ \\xNN"));
                }
            });
        }
        Ok(())
    }
}

/// A part of a string: a character, or a byte that was given by number.
enum Escaped {
    Char(char),
    Byte(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(TokenKind, &str)> {
        let mut lexer = Lexer::new("t", source);
        let mut out = Vec::new();
        loop {
            let token = lexer.next_token().expect("lexes");
            if token.kind == TokenKind::End {
                return out;
            }
            out.push((token.kind, token.text));
        }
    }

    #[test]
    fn words_numbers_and_punctuation() {
        use TokenKind::*;
        assert_eq!(
            kinds("v1 = iadd.i64 v0, -5 ; note\n-> 0x1.8p-3 1e+5 0: -inf"),
            [
                (Word, "v1"),
                (Punct, "="),
                (Word, "iadd.i64"),
                (Word, "v0"),
                (Punct, ","),
                (Number, "-5"),
                (Newline, "\n"),
                (Punct, "->"),
                (Number, "0x1.8p-3"),
                (Number, "1e+5"),
                (Number, "0"),
                (Punct, ":"),
                (Number, "-inf"),
            ]
        );
    }

    #[test]
    fn places_are_counted_in_characters() {
        let mut cursor = Cursor::new("t", "ab \"é\" x\n  y", true).expect("lexes");
        cursor.advance().expect("ab");
        assert_eq!(cursor.expect_string("text").expect("string"), "é");
        assert_eq!(cursor.advance().expect("x").location, Location { line: 1, column: 8 });
        cursor.advance().expect("newline");
        assert_eq!(cursor.peek().location, Location { line: 2, column: 3 });
        assert!(cursor.expect("z").unwrap_err().to_string().contains("found `y`; expected `z`"));
    }
}
