//! Values on their way to a worker: JSON has neither infinities nor NaNs, so values travel as bits.

use lockstep_bytecode::Kind;
use lockstep_layout::Tag;
use lockstep_runtime::Value;
use serde::{Deserialize, Serialize};

/// A value: its kind's tag, and the bits of the scalar or of each element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datum {
    tag: u64,
    words: Vec<u64>,
}

macro_rules! arrays {
    ($value:expr, $($Array:ident $to:expr;)*) => {
        match $value {
            $(Value::$Array(items) => items.iter().map($to).collect(),)*
            scalar => vec![scalar.scalar_payload().unwrap_or_default()],
        }
    };
}

impl Datum {
    /// A value's bits.
    pub fn new(value: &Value) -> Self {
        let words = arrays! { value,
            ArrBool |&x| u64::from(x);
            ArrI32 |&x| u64::from(x as u32);
            ArrI64 |&x| x as u64;
            ArrU32 |&x| u64::from(x);
            ArrU64 |&x| x;
            ArrF64 |&x| x.to_bits();
        };
        Self { tag: value.tag().0, words }
    }

    /// The zero of a kind; of arrays the empty one.
    pub fn zero(kind: Kind) -> Self {
        Self { tag: kind.tag(), words: if kind.element().is_some() { Vec::new() } else { vec![0] } }
    }

    /// The value; `None` if these are no value's bits.
    pub fn value(&self) -> Option<Value> {
        let words = || self.words.iter().copied();
        Some(match Kind::from_tag(self.tag)? {
            Kind::ArrBool => Value::ArrBool(words().map(|w| w != 0).collect()),
            Kind::ArrI32 => Value::ArrI32(words().map(|w| w as i32).collect()),
            Kind::ArrI64 => Value::ArrI64(words().map(|w| w as i64).collect()),
            Kind::ArrU32 => Value::ArrU32(words().map(|w| w as u32).collect()),
            Kind::ArrU64 => Value::ArrU64(words().collect()),
            Kind::ArrF64 => Value::ArrF64(words().map(f64::from_bits).collect()),
            _ => Value::from_scalar(Tag(self.tag), *self.words.first()?)?,
        })
    }

    /// How many bits it takes to say it.
    pub fn weight(&self) -> u64 {
        self.words.iter().map(|w| u64::from(64 - w.leading_zeros())).sum::<u64>()
            + (self.words.len() as u64).saturating_sub(1)
    }

    /// Simpler values of the same kind, simplest first.
    pub fn simpler(&self) -> Vec<Datum> {
        let with = |words: Vec<u64>| Self { tag: self.tag, words };
        let one = if Kind::from_tag(self.tag) == Some(Kind::F64) { 1f64.to_bits() } else { 1 };
        let list: Vec<Datum> = match (Kind::from_tag(self.tag).and_then(Kind::element), &self.words[..]) {
            (Some(_), words) => {
                let len = words.len();
                let shorter = [0, 1, len / 2, len.saturating_sub(1)].into_iter().filter(|&n| n < len);
                shorter.map(|n| with(words[..n].to_vec())).chain([with(vec![0; len])]).collect()
            }
            (None, &[bits]) => {
                [0, one, bits >> 1, bits & 0xff].into_iter().filter(|&b| b < bits).map(|b| with(vec![b])).collect()
            }
            (None, _) => Vec::new(),
        };
        list.into_iter().filter(|d| d != self).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way() {
        let values = [
            Value::Bool(true),
            Value::I32(-1),
            Value::U64(u64::MAX),
            Value::F64(f64::NEG_INFINITY),
            Value::ArrI32(vec![-5, 7]),
            Value::ArrF64(vec![f64::NAN, -0.0]),
            Value::ArrBool(vec![]),
        ];
        for value in values {
            let text = serde_json::to_string(&Datum::new(&value)).expect("plain data");
            let back: Datum = serde_json::from_str(&text).expect("its own text");
            assert_eq!(back.value(), Some(value));
        }
    }

    #[test]
    fn simpler_values_come_to_an_end() {
        for value in [Value::I64(i64::MIN), Value::F64(1e300), Value::ArrU32(vec![9; 9])] {
            let mut datum = Datum::new(&value);
            let mut steps = 0;
            while let Some(next) = datum.simpler().pop() {
                datum = next;
                steps += 1;
                assert!(steps < 200, "{value}");
            }
        }
    }
}
