//! Values as a host sees them: owned, comparable, printable. Inside the VM a value is a slot; see the layout crate.

use std::fmt;

use lockstep_bytecode::number::format_f64;
use lockstep_layout::Tag;

macro_rules! values {
    ($($(#[$doc:meta])* $scalar:ident $array:ident $ty:ty, $scalar_tag:ident $array_tag:ident;)*) => {
        /// A value passed to a program or returned by it. Equality is bit for bit, with NaN as one class.
        #[derive(Clone, Debug)]
        pub enum Value {
            /// No value.
            Nil,
            $($(#[$doc])* $scalar($ty),)*
            $(#[doc = concat!("A typed array, copied out of the heap: elements are `", stringify!($ty), "`.")] $array(Vec<$ty>),)*
        }

        impl Value {
            /// The tag this value carries in a slot.
            pub fn tag(&self) -> Tag {
                match self {
                    Value::Nil => Tag::NIL,
                    $(Value::$scalar(_) => Tag::$scalar_tag,)*
                    $(Value::$array(_) => Tag::$array_tag,)*
                }
            }
        }

        impl PartialEq for Value {
            fn eq(&self, other: &Value) -> bool {
                match (self, other) {
                    (Value::Nil, Value::Nil) => true,
                    $((Value::$scalar(a), Value::$scalar(b)) => a.same(b),)*
                    $((Value::$array(a), Value::$array(b)) => {
                        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
                    })*
                    _ => false,
                }
            }
        }

        impl fmt::Display for Value {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Value::Nil => f.write_str("nil"),
                    $(Value::$scalar(value) => f.write_str(&value.spelling()),)*
                    $(Value::$array(values) => {
                        let items: Vec<String> = values.iter().map(Scalar::spelling).collect();
                        write!(f, "[{}]", items.join(", "))
                    })*
                }
            }
        }
    };
}

values! {
    /// A truth value.
    Bool ArrBool bool, BOOL ARR_BOOL;
    /// A signed 32-bit integer.
    I32 ArrI32 i32, I32 ARR_I32;
    /// A signed 64-bit integer.
    I64 ArrI64 i64, I64 ARR_I64;
    /// An unsigned 32-bit integer.
    U32 ArrU32 u32, U32 ARR_U32;
    /// An unsigned 64-bit integer.
    U64 ArrU64 u64, U64 ARR_U64;
    /// A double.
    F64 ArrF64 f64, F64 ARR_F64;
}

impl Eq for Value {}

/// What the host-side types of scalars share.
trait Scalar {
    /// Sameness as parity sees it: equal bits, or both NaN.
    fn same(&self, other: &Self) -> bool;
    /// As assembly spells it.
    fn spelling(&self) -> String;
}

macro_rules! plain_scalars {
    ($($ty:ty)*) => { $(
        impl Scalar for $ty {
            fn same(&self, other: &Self) -> bool {
                self == other
            }

            fn spelling(&self) -> String {
                self.to_string()
            }
        }
    )* };
}
plain_scalars!(bool i32 i64 u32 u64);

impl Scalar for f64 {
    fn same(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits() || (self.is_nan() && other.is_nan())
    }

    fn spelling(&self) -> String {
        format_f64(*self)
    }
}

impl Value {
    /// The payload word of a scalar; `None` for arrays, which live in the heap.
    pub fn scalar_payload(&self) -> Option<u64> {
        Some(match *self {
            Value::Nil => 0,
            Value::Bool(value) => u64::from(value),
            Value::I32(value) => u64::from(value as u32),
            Value::I64(value) => value as u64,
            Value::U32(value) => u64::from(value),
            Value::U64(value) => value,
            Value::F64(value) => value.to_bits(),
            _ => return None,
        })
    }

    /// The scalar with this tag and payload; `None` for tags of heap objects.
    pub fn from_scalar(tag: Tag, payload: u64) -> Option<Value> {
        Some(match tag {
            Tag::NIL => Value::Nil,
            Tag::BOOL => Value::Bool(payload != 0),
            Tag::I32 => Value::I32(payload as i32),
            Tag::I64 => Value::I64(payload as i64),
            Tag::U32 => Value::U32(payload as u32),
            Tag::U64 => Value::U64(payload),
            Tag::F64 => Value::F64(f64::from_bits(payload)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_bitwise_with_one_nan() {
        assert_ne!(Value::F64(0.0), Value::F64(-0.0));
        assert_eq!(Value::F64(f64::NAN), Value::F64(f64::from_bits(0xfff8_0000_0000_0001)));
        assert_eq!(Value::ArrF64(vec![1.0, f64::NAN]), Value::ArrF64(vec![1.0, -f64::NAN]));
        assert_ne!(Value::ArrF64(vec![0.0]), Value::ArrF64(vec![-0.0]));
        assert_ne!(Value::I32(1), Value::U32(1));
        assert_ne!(Value::ArrI64(vec![1]), Value::ArrI64(vec![1, 1]));
    }

    #[test]
    fn scalars_round_trip_through_payloads() {
        for value in [Value::Nil, Value::Bool(true), Value::I32(-1), Value::I64(-1), Value::U32(7), Value::F64(-0.0)] {
            assert_eq!(Value::from_scalar(value.tag(), value.scalar_payload().unwrap()), Some(value));
        }
        assert_eq!(Value::I32(-1).scalar_payload(), Some(0xffff_ffff), "the upper half is zero");
        assert_eq!(Value::ArrBool(vec![]).scalar_payload(), None);
        assert_eq!(Value::from_scalar(Tag::ARR_BOOL, 0), None);
    }

    #[test]
    fn values_print_in_decimal() {
        let shown: Vec<String> =
            [Value::F64(1.0), Value::F64(f64::NAN), Value::I32(-5), Value::Bool(false), Value::ArrU32(vec![1, 2])]
                .iter()
                .map(Value::to_string)
                .collect();
        assert_eq!(shown, ["1.0", "nan", "-5", "false", "[1, 2]"]);
    }
}
