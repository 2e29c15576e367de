//! Tokens of Lua, and how messages spell them.

use std::rc::Rc;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// The end of the source.
    End,
    /// A name that is no reserved word.
    Name(Rc<[u8]>),
    /// A string, its escapes resolved.
    String(Rc<[u8]>),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A reserved word.
    Word(Word),
    /// An operator or delimiter of more than one character.
    Sign(Sign),
    /// Any other character by itself.
    Char(u8),
}

macro_rules! spelled {
    ($(#[doc = $doc:literal])* $Name:ident { $($Variant:ident = $text:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is its spelling")]
        pub enum $Name { $($Variant),* }

        impl $Name {
            /// How it is written.
            pub const fn text(self) -> &'static str {
                match self { $($Name::$Variant => $text),* }
            }

            /// The one with this spelling.
            pub fn find(text: &[u8]) -> Option<$Name> {
                [$($Name::$Variant),*].into_iter().find(|known| known.text().as_bytes() == text)
            }
        }
    };
}

spelled! {
    /// The reserved words.
    Word {
        And = "and", Break = "break", Do = "do", Else = "else", Elseif = "elseif", End = "end", False = "false", For = "for",
        Function = "function", Goto = "goto", If = "if", In = "in", Local = "local", Nil = "nil", Not = "not", Or = "or",
        Repeat = "repeat", Return = "return", Then = "then", True = "true", Until = "until", While = "while",
    }
}

spelled! {
    /// The signs of more than one character.
    Sign {
        FloorDivide = "//", Concat = "..", Dots = "...", Equal = "==", GreaterEqual = ">=", LessEqual = "<=", NotEqual = "~=",
        ShiftLeft = "<<", ShiftRight = ">>", Label = "::",
    }
}

impl Token {
    /// How messages call a token that is expected, with quotes where Lua has them.
    pub fn describe(&self) -> String {
        match self {
            Token::End => "<eof>".to_owned(),
            Token::Name(_) => "<name>".to_owned(),
            Token::String(_) => "<string>".to_owned(),
            Token::Integer(_) => "<integer>".to_owned(),
            Token::Float(_) => "<number>".to_owned(),
            Token::Word(word) => format!("'{}'", word.text()),
            Token::Sign(sign) => format!("'{}'", sign.text()),
            Token::Char(byte) if byte.is_ascii_graphic() || *byte == b' ' => format!("'{}'", *byte as char),
            Token::Char(byte) => format!("'<\\{byte}>'"),
        }
    }
}
