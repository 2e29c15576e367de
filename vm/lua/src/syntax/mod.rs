//! From source text to a tree with resolved names.

pub mod ast;
pub mod census;
mod error;
mod lexer;
mod parser;
mod token;

pub use error::{SyntaxError, short_name};
pub use lexer::push_utf8;
pub use parser::parse;
