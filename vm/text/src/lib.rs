//! What the text formats (bytecode assembly, IR text) share: a [`Diagnostic`] that says where input is wrong and what
//! was expected, a [`Lexer`] and a token [`Cursor`].
//!
//! It knows no grammar: keywords, mnemonics and operand forms belong to the parsers that use it.
#![forbid(unsafe_code)]

mod diagnostic;
mod lexer;

pub use diagnostic::{Diagnostic, Location};
pub use lexer::{Cursor, Lexer, Token, TokenKind};
