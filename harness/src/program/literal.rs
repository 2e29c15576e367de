//! Values as YAML spells them: numbers, truth values, lists for arrays, and text for what YAML numbers cannot say.

use lockstep_bytecode::Kind;
use lockstep_runtime::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value in a case file.
///
/// Integers are decimal; floats are decimal, `.inf`, `-.inf` or `.nan`; text holds hexadecimal integers (`"0xff"`) and the bits of floats (`"bits:0x7ff8000000000001"`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number, true, false, text or a list of these")]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits with its sign.
    Int(i64),
    /// An integer above that.
    Uint(u64),
    /// A float.
    Float(f64),
    /// What numbers cannot say.
    Text(String),
    /// An array.
    List(Vec<Literal>),
}

impl std::fmt::Display for Literal {
    /// As a command line spells it; reads back as YAML.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Literal::Bool(b) => write!(f, "{b}"),
            Literal::Int(x) => write!(f, "{x}"),
            Literal::Uint(x) => write!(f, "{x}"),
            Literal::Float(x) => write!(f, "{x:?}"),
            Literal::Text(text) => write!(f, "{text:?}"),
            Literal::List(items) => {
                write!(f, "[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
        }
    }
}

/// The value of `kind` that a literal stands for.
///
/// # Errors
/// It stands for none; the text says what was expected.
pub fn value(literal: &Literal, kind: Kind) -> Result<Value, String> {
    macro_rules! array {
        ($Array:ident, $Scalar:ident, $kind:ident) => {
            match literal {
                Literal::List(items) => {
                    let items: Result<Vec<_>, String> = items
                        .iter()
                        .map(|item| match value(item, Kind::$kind)? {
                            Value::$Scalar(x) => Ok(x),
                            other => Err(format!("{other} is no {}", Kind::$kind)),
                        })
                        .collect();
                    Value::$Array(items?)
                }
                _ => return Err(unfit(literal, kind)),
            }
        };
    }
    let int = || integer(literal).ok_or_else(|| unfit(literal, kind));
    let out_of_range = |_| unfit(literal, kind);
    Ok(match kind {
        Kind::Bool => match literal {
            Literal::Bool(b) => Value::Bool(*b),
            _ => return Err(unfit(literal, kind)),
        },
        Kind::I32 => Value::I32(int()?.try_into().map_err(out_of_range)?),
        Kind::I64 => Value::I64(int()?.try_into().map_err(out_of_range)?),
        Kind::U32 => Value::U32(int()?.try_into().map_err(out_of_range)?),
        Kind::U64 => Value::U64(int()?.try_into().map_err(out_of_range)?),
        Kind::F64 => Value::F64(float(literal).ok_or_else(|| unfit(literal, kind))?),
        Kind::ArrBool => array!(ArrBool, Bool, Bool),
        Kind::ArrI32 => array!(ArrI32, I32, I32),
        Kind::ArrI64 => array!(ArrI64, I64, I64),
        Kind::ArrU32 => array!(ArrU32, U32, U32),
        Kind::ArrU64 => array!(ArrU64, U64, U64),
        Kind::ArrF64 => array!(ArrF64, F64, F64),
        // As YAML spells it; no text, so that what is meant is plain.
        Kind::Any => match literal {
            Literal::Bool(b) => Value::Bool(*b),
            Literal::Int(x) => Value::I64(*x),
            Literal::Float(x) => Value::F64(*x),
            _ => return Err(unfit(literal, kind)),
        },
        _ => return Err(format!("values of kind {kind} cannot be written in a case")),
    })
}

/// The literal for a value: reads back to the same value.
pub fn literal(value: &Value) -> Literal {
    macro_rules! list {
        ($items:expr, $Scalar:ident) => {
            Literal::List($items.iter().map(|&x| literal(&Value::$Scalar(x))).collect())
        };
    }
    match value {
        Value::Nil => Literal::Text("nil".to_owned()),
        Value::Bool(b) => Literal::Bool(*b),
        Value::I32(x) => Literal::Int(i64::from(*x)),
        Value::I64(x) => Literal::Int(*x),
        Value::U32(x) => Literal::Int(i64::from(*x)),
        Value::U64(x) => i64::try_from(*x).map_or(Literal::Uint(*x), Literal::Int),
        Value::F64(x) => Literal::Float(*x),
        Value::ArrBool(items) => list!(items, Bool),
        Value::ArrI32(items) => list!(items, I32),
        Value::ArrI64(items) => list!(items, I64),
        Value::ArrU32(items) => list!(items, U32),
        Value::ArrU64(items) => list!(items, U64),
        Value::ArrF64(items) => list!(items, F64),
    }
}

fn unfit(literal: &Literal, kind: Kind) -> String {
    format!("{literal} is no {kind}; expected {}", spelled(kind))
}

/// How values of a kind are written.
fn spelled(kind: Kind) -> String {
    let between = |least: i128, most: i128| format!("an integer from {least} to {most}");
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::I32 => between(i32::MIN.into(), i32::MAX.into()),
        Kind::I64 => between(i64::MIN.into(), i64::MAX.into()),
        Kind::U32 => between(0, u32::MAX.into()),
        Kind::U64 => between(0, u64::MAX.into()),
        Kind::F64 => "a float such as 1.5 or .inf, or an integer that is one exactly".to_owned(),
        Kind::Any => "true, false, an integer of 64 bits or a float".to_owned(),
        _ => match kind.element() {
            Some(element) => format!("a list of {element} values, such as []"),
            None => "what cannot be written here".to_owned(),
        },
    }
}

fn integer(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Int(x) => Some(i128::from(*x)),
        Literal::Uint(x) => Some(i128::from(*x)),
        Literal::Text(text) => i128::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
        _ => None,
    }
}

fn float(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Float(x) => Some(*x),
        // Only integers that are floats exactly.
        Literal::Int(x) => Some(*x as f64).filter(|f| *f as i128 == i128::from(*x)),
        Literal::Uint(x) => Some(*x as f64).filter(|f| *f as i128 == i128::from(*x)),
        Literal::Text(text) => u64::from_str_radix(text.strip_prefix("bits:0x")?, 16).ok().map(f64::from_bits),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_read_as_the_kind_asked_for() {
        assert_eq!(value(&Literal::Int(-1), Kind::I32), Ok(Value::I32(-1)));
        assert_eq!(value(&Literal::Text("0xff".into()), Kind::U64), Ok(Value::U64(255)));
        assert_eq!(value(&Literal::Int(2), Kind::F64), Ok(Value::F64(2.0)));
        assert!(value(&Literal::Int(-1), Kind::U32).is_err());
        assert!(value(&Literal::Int((1 << 53) + 1), Kind::F64).is_err());
        assert!(value(&Literal::Float(1.5), Kind::I64).is_err());
    }

    #[test]
    fn values_survive_yaml() {
        let values = [
            (Value::U64(u64::MAX), Kind::U64),
            (Value::I64(i64::MIN), Kind::I64),
            (Value::F64(-0.0), Kind::F64),
            (Value::F64(f64::INFINITY), Kind::F64),
            (Value::F64(f64::NAN), Kind::F64),
            (Value::F64(5e-324), Kind::F64),
            (Value::F64(3.0), Kind::F64),
            (Value::ArrF64(vec![1.5, f64::NEG_INFINITY]), Kind::ArrF64),
            (Value::ArrBool(vec![true, false]), Kind::ArrBool),
        ];
        for (expected, kind) in values {
            let yaml = serde_yaml::to_string(&literal(&expected)).expect("literals are YAML");
            let read: Literal = serde_yaml::from_str(&yaml).expect("and read back");
            assert_eq!(value(&read, kind).as_ref(), Ok(&expected), "{yaml}");
        }
    }
}
