//! From bytes to tokens, with PUC Lua's messages. It knows no grammar.

use std::rc::Rc;

use lockstep_runtime::parse_number;

use super::error::{SyntaxError, short_name};
use super::token::{Sign, Token, Word};

/// The lexer of one source.
#[derive(Debug)]
pub struct Lexer<'s> {
    source: &'s [u8],
    at: usize,
    /// Where the token that was read last begins.
    start: usize,
    /// The current line, from 1.
    pub line: u32,
    chunk: Vec<u8>,
}

/// The result of reading something.
pub type Lexed<T> = Result<T, Box<SyntaxError>>;

/// The greatest value of a `\u{…}` escape, plus one.
const UTF8_LIMIT: u32 = 0x8000_0000;

impl<'s> Lexer<'s> {
    /// A lexer of `source`, which messages call by the short form of `name`.
    pub fn new(source: &'s [u8], name: &[u8]) -> Lexer<'s> {
        Lexer { source, at: 0, start: 0, line: 1, chunk: short_name(name) }
    }

    /// How messages call the chunk.
    pub fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The bytes of the token that was read last: where it begins, and where reading has come to.
    pub fn span(&self) -> (usize, usize) {
        (self.start, self.at)
    }

    /// The source between two positions.
    pub fn text(&self, (start, end): (usize, usize)) -> &'s [u8] {
        &self.source[start..end.min(self.source.len())]
    }

    /// An error at the current line. `near` is what the message quotes, as it is.
    pub fn error(&self, message: &str, near: Option<&[u8]>) -> Box<SyntaxError> {
        let mut text = self.chunk.clone();
        text.extend_from_slice(format!(":{}: {message}", self.line).as_bytes());
        if let Some(near) = near {
            text.extend_from_slice(b" near ");
            text.extend_from_slice(near);
        }
        Box::new(SyntaxError { message: text, at_end: near == Some(b"<eof>") })
    }

    /// An error near the text that was read since `self.start`.
    fn near_text(&self, message: &str) -> Box<SyntaxError> {
        self.error(message, Some(&[b"'", self.text(self.span()), b"'"].concat()))
    }

    /// Skips one line break of either form.
    fn line_break(&mut self) {
        match (self.bump(), self.peek()) {
            (Some(b'\n'), Some(b'\r')) | (Some(b'\r'), Some(b'\n')) => self.at += 1,
            _ => {}
        }
        self.line += 1;
    }

    /// The next token.
    ///
    /// # Errors
    /// The source has none there.
    pub fn token(&mut self) -> Lexed<Token> {
        loop {
            self.start = self.at;
            let Some(byte) = self.peek() else { return Ok(Token::End) };
            match byte {
                b'\n' | b'\r' => self.line_break(),
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'-' => {
                    self.at += 1;
                    if !self.take(b'-') {
                        return Ok(Token::Char(b'-'));
                    }
                    self.comment()?;
                }
                b'[' => match self.long_bracket() {
                    Some(level) => return Ok(Token::String(self.long_string(level, "string")?)),
                    None if self.at == self.start + 1 => return Ok(Token::Char(b'[')),
                    None => return Err(self.near_text("invalid long string delimiter")),
                },
                b'"' | b'\'' => return self.string(byte),
                b'0'..=b'9' => return self.number(),
                b'.' => {
                    self.at += 1;
                    if self.take(b'.') {
                        return Ok(Token::Sign(if self.take(b'.') { Sign::Dots } else { Sign::Concat }));
                    }
                    return match self.peek() {
                        Some(b'0'..=b'9') => self.number(),
                        _ => Ok(Token::Char(b'.')),
                    };
                }
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                    while self.peek().is_some_and(is_name) {
                        self.at += 1;
                    }
                    let text = self.text(self.span());
                    return Ok(Word::find(text).map_or_else(|| Token::Name(text.into()), Token::Word));
                }
                _ => {
                    self.at += 1;
                    let pair = self.peek().and_then(|second| Sign::find(&[byte, second]));
                    self.at += usize::from(pair.is_some());
                    return Ok(pair.map_or(Token::Char(byte), Token::Sign));
                }
            }
        }
    }

    /// A comment, behind its `--`.
    fn comment(&mut self) -> Lexed<()> {
        if self.peek() == Some(b'[') {
            self.start = self.at;
            if let Some(level) = self.long_bracket() {
                return self.long_string(level, "comment").map(drop);
            }
        }
        while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
            self.at += 1;
        }
        Ok(())
    }

    /// Reads `[`, `=`s and `[`; answers how many `=` there were. Otherwise the `=`s are consumed if there were any.
    fn long_bracket(&mut self) -> Option<usize> {
        self.at += 1;
        let first = self.at;
        while self.take(b'=') {}
        let level = self.at - first;
        self.take(b'[').then_some(level)
    }

    /// A long string or comment behind its opening bracket.
    fn long_string(&mut self, level: usize, what: &str) -> Lexed<Rc<[u8]>> {
        let line = self.line;
        let mut bytes = Vec::new();
        if self.peek().is_some_and(|byte| byte == b'\n' || byte == b'\r') {
            self.line_break();
        }
        loop {
            match self.peek() {
                None => {
                    let message = format!("unfinished long {what} (starting at line {line})");
                    return Err(self.error(&message, Some(b"<eof>")));
                }
                Some(b'\n' | b'\r') => {
                    self.line_break();
                    bytes.push(b'\n');
                }
                Some(b']') => {
                    let first = self.at;
                    self.at += 1;
                    while self.take(b'=') {}
                    if self.at - first - 1 == level && self.take(b']') {
                        return Ok(bytes.into());
                    }
                    bytes.extend_from_slice(&self.source[first..self.at]);
                }
                Some(byte) => {
                    self.at += 1;
                    bytes.push(byte);
                }
            }
        }
    }

    fn number(&mut self) -> Lexed<Token> {
        // What looks like a numeral is read to its end, and judged afterwards.
        let hex = self.peek() == Some(b'0') && matches!(self.source.get(self.at + 1), Some(b'x' | b'X'));
        if hex {
            self.at += 2;
        }
        while let Some(byte) = self.peek() {
            let lower = byte.to_ascii_lowercase();
            if lower == if hex { b'p' } else { b'e' } {
                self.at += 1;
                if matches!(self.peek(), Some(b'+' | b'-')) {
                    self.at += 1;
                }
            } else if byte.is_ascii_hexdigit() || byte == b'.' {
                self.at += 1;
            } else {
                break;
            }
        }
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        let value = parse_number(self.text(self.span()));
        match (value.as_i64(), value.as_f64()) {
            (Some(value), _) => Ok(Token::Integer(value)),
            (_, Some(value)) => Ok(Token::Float(value)),
            _ => Err(self.near_text("malformed number")),
        }
    }

    fn string(&mut self, quote: u8) -> Lexed<Token> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let first = self.at;
            match self.peek() {
                None => return Err(self.error("unfinished string", Some(b"<eof>"))),
                Some(b'\n' | b'\r') => return Err(self.in_string("unfinished string", &bytes, first)),
                Some(b'\\') => {
                    self.at += 1;
                    if let Err(message) = self.escape(&mut bytes) {
                        self.at += usize::from(self.peek().is_some());
                        return Err(self.in_string(message, &bytes, first));
                    }
                }
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(Token::String(bytes.into()));
                    }
                    bytes.push(byte);
                }
            }
        }
    }

    /// An error in a string: quotes what it holds so far, and the source from the escape that is wrong to the character that makes it so.
    fn in_string(&self, message: &str, bytes: &[u8], from: usize) -> Box<SyntaxError> {
        let quote = &self.source[self.start..self.start + 1];
        self.error(message, Some(&[b"'", quote, bytes, &self.source[from..self.at], b"'"].concat()))
    }

    /// What follows a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
        // At the end the string is unfinished, which the caller says.
        let Some(byte) = self.peek() else { return Ok(()) };
        let simple = match byte {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' | b'"' | b'\'' => byte,
            b'\n' | b'\r' => {
                self.line_break();
                bytes.push(b'\n');
                return Ok(());
            }
            b'x' => {
                self.at += 1;
                let high = self.hex_digit()?;
                let low = self.hex_digit()?;
                bytes.push((high << 4 | low) as u8);
                return Ok(());
            }
            b'u' => return self.utf8_escape(bytes),
            b'z' => {
                self.at += 1;
                while let Some(space) = self.peek().filter(|byte| byte.is_ascii_whitespace() || *byte == 0x0b) {
                    if space == b'\n' || space == b'\r' { self.line_break() } else { self.at += 1 }
                }
                return Ok(());
            }
            b'0'..=b'9' => {
                let mut value = 0u32;
                for _ in 0..3 {
                    let Some(digit) = self.peek().filter(u8::is_ascii_digit) else { break };
                    self.at += 1;
                    value = value * 10 + u32::from(digit - b'0');
                }
                let Ok(byte) = u8::try_from(value) else { return Err("decimal escape too large") };
                bytes.push(byte);
                return Ok(());
            }
            _ => return Err("invalid escape sequence"),
        };
        self.at += 1;
        bytes.push(simple);
        Ok(())
    }

    fn hex_digit(&mut self) -> Result<u32, &'static str> {
        match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
            Some(digit) => {
                self.at += 1;
                Ok(digit)
            }
            None => Err("hexadecimal digit expected"),
        }
    }

    fn utf8_escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
        self.at += 1;
        if !self.take(b'{') {
            return Err("missing '{'");
        }
        let mut value = self.hex_digit()?;
        while let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
            if value >= UTF8_LIMIT >> 4 {
                return Err("UTF-8 value too large");
            }
            self.at += 1;
            value = value << 4 | digit;
        }
        if !self.take(b'}') {
            return Err("missing '}'");
        }
        push_utf8(value, bytes);
        Ok(())
    }
}

/// Appends a code point below 2³¹ in the original form of UTF-8, of up to six bytes.
pub fn push_utf8(value: u32, bytes: &mut Vec<u8>) {
    if value < 0x80 {
        bytes.push(value as u8);
        return;
    }
    let (mut tail, mut rest, mut first_max) = (Vec::new(), value, 0x3fu32);
    while rest > first_max {
        tail.push(0x80 | (rest & 0x3f) as u8);
        rest >>= 6;
        first_max >>= 1;
    }
    bytes.push((!first_max << 1) as u8 | rest as u8);
    bytes.extend(tail.iter().rev());
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
