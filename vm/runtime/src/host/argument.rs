//! Arguments of host functions as values of Rust, checked in the words of Lua's `luaL_check…`.

use super::{Function, HostResult, Local, Scope, Str, Table, Userdata};
use crate::conversion::{float_to_integer, to_number};

/// A type that arguments can be asked for as.
pub trait FromArgument<'s>: Sized {
    /// The argument, counted from 0.
    ///
    /// # Errors
    /// It is missing or something else.
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<Self>;
}

/// Any value; nil if there is none.
impl<'s> FromArgument<'s> for Local<'s> {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<Local<'s>> {
        Ok(call.value(index))
    }
}

/// `None` for nil and where there is no argument.
impl<'s, T: FromArgument<'s>> FromArgument<'s> for Option<T> {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<Option<T>> {
        if call.value(index).is_nil() { Ok(None) } else { T::from_argument(call, index).map(Some) }
    }
}

/// The truth of any value.
impl<'s> FromArgument<'s> for bool {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<bool> {
        Ok(call.value(index).truth())
    }
}

/// Integers, floats with an integer's value, and strings that spell either.
impl<'s> FromArgument<'s> for i64 {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<i64> {
        let value = call.value(index);
        if let Some(value) = value.as_int() {
            return Ok(value);
        }
        // SAFETY: locals are valid and live.
        let number = unsafe { to_number(value.slot()) };
        match number.as_i64().or_else(|| number.as_f64().and_then(float_to_integer)) {
            Some(value) => Ok(value),
            None if number.is_nil() => Err(call.wrong_type(index, "number")),
            None => Err(call.bad_argument(index, "number has no integer representation")),
        }
    }
}

/// Numbers, and strings that spell one.
impl<'s> FromArgument<'s> for f64 {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<f64> {
        // SAFETY: locals are valid and live.
        let number = unsafe { to_number(call.value(index).slot()) };
        if number.is_nil() {
            return Err(call.wrong_type(index, "number"));
        }
        Ok(crate::arithmetic::number_as_float(number))
    }
}

/// Strings, and numbers as they are spelled.
impl<'s> FromArgument<'s> for Str<'s> {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<Str<'s>> {
        let value = call.value(index);
        match value.as_str() {
            Some(string) => Ok(string),
            None => call.spell_number(value)?.ok_or_else(|| call.wrong_type(index, "string")),
        }
    }
}

/// Bytes of strings, and of numbers as they are spelled.
impl<'s> FromArgument<'s> for &'s [u8] {
    #[inline]
    fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<&'s [u8]> {
        Str::from_argument(call, index).map(Str::bytes)
    }
}

macro_rules! of_type {
    ($($Name:ident $as:ident $expected:literal;)*) => { $(
        impl<'s> FromArgument<'s> for $Name<'s> {
            #[inline]
            fn from_argument(call: &mut Scope<'s>, index: usize) -> HostResult<$Name<'s>> {
                call.value(index).$as().ok_or_else(|| call.wrong_type(index, $expected))
            }
        }
    )* };
}

of_type! {
    Table as_table "table";
    Function as_function "function";
    Userdata as_userdata "userdata";
}
