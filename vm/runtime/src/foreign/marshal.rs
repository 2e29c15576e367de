//! Values of programs as words of C, checked, and back.

use std::ffi::{CStr, CString, c_char, c_void};

use super::signature::CType;
use crate::conversion::float_to_integer;
use crate::host::{HostError, HostResult, Local, Scope};

/// A word to hand over. libffi reads as much of its beginning as the type has bytes; only little-endian machines are supported.
pub(super) enum Word {
    /// The bits themselves.
    Bits(u64),
    /// The address of a copy.
    Copy(CString),
}

const _: () = assert!(cfg!(target_endian = "little"), "words are read from their low bytes");

impl Word {
    pub fn bits(&self) -> u64 {
        match self {
            Word::Bits(bits) => *bits,
            Word::Copy(text) => text.as_ptr() as u64,
        }
    }
}

/// An integer within the bounds of a type.
fn integer(scope: &Scope<'_>, value: Local<'_>, ty: &CType, least: i64, most: i64) -> Result<i64, String> {
    let integer = match (value.as_int(), value.as_float()) {
        (Some(integer), _) => integer,
        (_, Some(float)) => float_to_integer(float).ok_or("number has no integer representation")?,
        _ => return Err(wrong(scope, value, "number")),
    };
    if !(least..=most).contains(&integer) {
        return Err(format!("{integer} is out of range of {ty}"));
    }
    Ok(integer)
}

fn wrong(scope: &Scope<'_>, value: Local<'_>, expected: &str) -> String {
    format!("{expected} expected, got {}", scope.type_of(value))
}

fn float(scope: &Scope<'_>, value: Local<'_>) -> Result<f64, String> {
    value.as_int().map(|value| value as f64).or(value.as_float()).ok_or_else(|| wrong(scope, value, "number"))
}

/// The word for a value. Functions have none of their own.
///
/// # Errors
/// The value is of another type, or out of range.
pub(super) fn pack(scope: &Scope<'_>, value: Local<'_>, ty: &CType) -> Result<Word, String> {
    let bits = match ty {
        CType::Void => 0,
        CType::Bool => match value.view() {
            crate::host::View::Bool(value) => u64::from(value),
            _ => return Err(wrong(scope, value, "boolean")),
        },
        CType::I32 => integer(scope, value, ty, i32::MIN.into(), i32::MAX.into())? as u64,
        CType::I64 => integer(scope, value, ty, i64::MIN, i64::MAX)? as u64,
        CType::U32 => integer(scope, value, ty, 0, u32::MAX.into())? as u64,
        CType::U64 => integer(scope, value, ty, 0, i64::MAX)? as u64,
        CType::F32 => u64::from((float(scope, value)? as f32).to_bits()),
        CType::F64 => float(scope, value)?.to_bits(),
        CType::Pointer | CType::String | CType::Bytes if value.is_nil() => 0,
        CType::Pointer => match value.as_userdata().and_then(|userdata| userdata.pointer()) {
            Some(pointer) => pointer as u64,
            None => return Err(wrong(scope, value, "pointer")),
        },
        CType::String => {
            let text = value.as_str().ok_or_else(|| wrong(scope, value, "string"))?;
            return CString::new(text.bytes()).map(Word::Copy).map_err(|_| "string contains a zero byte".to_owned());
        }
        CType::Bytes => value.as_str().ok_or_else(|| wrong(scope, value, "string"))?.bytes().as_ptr() as u64,
        CType::Function(_) if value.is_nil() || value.as_function().is_some() => 0,
        CType::Function(_) => return Err(wrong(scope, value, "function")),
    };
    Ok(Word::Bits(bits))
}

/// The value that a word of C's is.
///
/// # Errors
/// An unsigned number is beyond the program's integers, or there is no memory.
///
/// # Safety
/// The word is of the type; a string ends with a zero byte.
pub(super) unsafe fn unpack<'s>(scope: &mut Scope<'s>, bits: u64, ty: &CType) -> HostResult<Local<'s>> {
    Ok(match ty {
        CType::Void | CType::Bytes | CType::Function(_) => Local::NIL,
        CType::Bool => Local::bool(bits as u8 != 0),
        CType::I32 => Local::int((bits as i32).into()),
        CType::I64 => Local::int(bits as i64),
        CType::U32 => Local::int((bits as u32).into()),
        CType::U64 => match i64::try_from(bits) {
            Ok(value) => Local::int(value),
            Err(_) => return Err(HostError::Message(format!("result {bits} has no integer representation"))),
        },
        CType::F32 => Local::float(f32::from_bits(bits as u32).into()),
        CType::F64 => Local::float(f64::from_bits(bits)),
        CType::Pointer | CType::String if bits == 0 => Local::NIL,
        CType::Pointer => scope.pointer(bits as *mut c_void)?.local(),
        // SAFETY: the caller says so.
        CType::String => scope.string(unsafe { CStr::from_ptr(bits as *const c_char) }.to_bytes())?.local(),
    })
}
