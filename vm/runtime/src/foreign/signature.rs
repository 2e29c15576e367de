//! C signatures as programs write them: `(f64, i32) -> f64`.

use std::fmt;

use libffi::middle::{Cif, Type};

/// A type of C's, as far as programs can hand over or get its values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CType {
    /// No result.
    Void,
    /// `bool`.
    Bool,
    /// `int32_t`.
    I32,
    /// `int64_t`.
    I64,
    /// `uint32_t`.
    U32,
    /// `uint64_t`.
    U64,
    /// `float`.
    F32,
    /// `double`.
    F64,
    /// Any pointer; nil is the null pointer.
    Pointer,
    /// `const char *` up to a zero byte; nil is the null pointer.
    String,
    /// The address of a string's bytes, of which there are as many as the program says elsewhere; arguments alone.
    Bytes,
    /// The address of a function; arguments alone.
    Function(Box<Signature>),
}

/// What a function takes and answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Signature {
    pub parameters: Vec<CType>,
    pub result: CType,
}

/// How deep functions may stand in the parameters of functions.
const NESTING: usize = 4;

const NAMED: [(&str, CType); 11] = [
    ("void", CType::Void),
    ("bool", CType::Bool),
    ("i32", CType::I32),
    ("i64", CType::I64),
    ("u32", CType::U32),
    ("u64", CType::U64),
    ("f32", CType::F32),
    ("f64", CType::F64),
    ("pointer", CType::Pointer),
    ("string", CType::String),
    ("bytes", CType::Bytes),
];

impl fmt::Display for CType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMED.iter().find(|(_, ty)| ty == self);
        f.write_str(named.map_or("function", |(name, _)| name))
    }
}

impl CType {
    fn ffi(&self) -> Type {
        match self {
            CType::Void => Type::void(),
            CType::Bool => Type::u8(),
            CType::I32 => Type::i32(),
            CType::I64 => Type::i64(),
            CType::U32 => Type::u32(),
            CType::U64 => Type::u64(),
            CType::F32 => Type::f32(),
            CType::F64 => Type::f64(),
            CType::Pointer | CType::String | CType::Bytes | CType::Function(_) => Type::pointer(),
        }
    }
}

impl Signature {
    /// The signature that a text spells: types in parentheses, separated by commas, and behind `->` the result's. A parameter that is a function is written as its signature.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Signature, String> {
        let mut rest = text;
        let signature = parse_signature(&mut rest, 0)?;
        match rest.trim_start() {
            "" => Ok(signature),
            rest => Err(format!("'{rest}' behind the signature")),
        }
    }

    /// How libffi calls it.
    pub fn cif(&self) -> Cif {
        Cif::new(self.parameters.iter().map(CType::ffi), self.result.ffi())
    }
}

fn skip(rest: &mut &str, token: &str) -> bool {
    match rest.trim_start().strip_prefix(token) {
        Some(behind) => {
            *rest = behind;
            true
        }
        None => false,
    }
}

fn expect(rest: &mut &str, token: &str) -> Result<(), String> {
    if skip(rest, token) {
        return Ok(());
    }
    let found = rest.trim_start();
    Err(if found.is_empty() {
        format!("'{token}' expected at the end")
    } else {
        format!("'{token}' expected at '{found}'")
    })
}

fn parse_signature(rest: &mut &str, depth: usize) -> Result<Signature, String> {
    if depth == NESTING {
        return Err("functions of functions are nested too deep".to_owned());
    }
    expect(rest, "(")?;
    let mut parameters = Vec::new();
    while !skip(rest, ")") {
        if !parameters.is_empty() {
            expect(rest, ",")?;
        }
        if rest.trim_start().starts_with('(') {
            parameters.push(CType::Function(Box::new(parse_signature(rest, depth + 1)?)));
            continue;
        }
        let ty = parse_name(rest)?;
        // What a function of the program's is handed has an end that it can see.
        if ty == CType::Void || depth > 0 && ty == CType::Bytes {
            return Err(format!("'{ty}' is no type of a parameter here"));
        }
        parameters.push(ty);
    }
    expect(rest, "->")?;
    let result = parse_name(rest)?;
    // A string that a function of the program's answered would have to outlive it.
    if result == CType::Bytes || depth > 0 && result == CType::String {
        return Err(format!("'{result}' is no type of a result here"));
    }
    if depth > 0 && parameters.iter().any(|ty| matches!(ty, CType::Function(_))) {
        return Err("functions of C's cannot be handed to the program".to_owned());
    }
    Ok(Signature { parameters, result })
}

fn parse_name(rest: &mut &str) -> Result<CType, String> {
    let text = rest.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    *rest = behind;
    let found = NAMED.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, ty)| ty).ok_or_else(|| format!("'{name}' is no type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read() {
        let signature = Signature::parse(" ( i32,f64 , string)->void ").unwrap();
        assert_eq!(signature.parameters, [CType::I32, CType::F64, CType::String]);
        assert_eq!(signature.result, CType::Void);
        assert_eq!(Signature::parse("() -> pointer").unwrap().parameters, []);
        let signature = Signature::parse("(pointer, u64, (pointer, pointer) -> i32) -> void").unwrap();
        let CType::Function(comparison) = &signature.parameters[2] else { panic!("{signature:?}") };
        assert_eq!(comparison.result, CType::I32);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            ("", "'(' expected at the end"),
            ("(i32", "',' expected at the end"),
            ("(i32 i32) -> void", "',' expected at 'i32) -> void'"),
            ("(i32)", "'->' expected at the end"),
            ("(int) -> void", "'int' is no type"),
            ("() -> ", "'' is no type"),
            ("(void) -> i32", "'void' is no type of a parameter here"),
            ("() -> bytes", "'bytes' is no type of a result here"),
            ("() -> i32 x", "'x' behind the signature"),
            ("((bytes) -> void) -> void", "'bytes' is no type of a parameter here"),
            ("(() -> string) -> void", "'string' is no type of a result here"),
            ("((() -> void) -> void) -> void", "functions of C's cannot be handed to the program"),
            ("((((((", "functions of functions are nested too deep"),
        ] {
            assert_eq!(Signature::parse(text).unwrap_err(), problem, "{text}");
        }
    }
}
