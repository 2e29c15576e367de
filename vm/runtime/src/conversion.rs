//! Conversions between integers, floats and strings, as Lua 5.4 defines them (manual §3.4.3 and §3.1).
//!
//! Spelling of floats follows `%.14g`. A NaN is spelled `nan` whatever its sign, as arithmetic leaves signs of NaNs open; a heap can ask for the sign.

use lockstep_bytecode::number::parse_f64;
use lockstep_layout::{Slot, Tag};

use crate::string::StringRef;

/// The integer with a float's value.
#[inline(always)]
pub fn float_to_integer(value: f64) -> Option<i64> {
    // Casts saturate, and 2^63 itself is no integer: what casts back to the same value and is not at the edge is one.
    let integer = value as i64;
    (integer as f64 == value && integer != i64::MAX).then_some(integer)
}

/// The largest integer that is not above a float, for `//` and comparisons.
pub(crate) fn floor_to_integer(value: f64) -> Option<i64> {
    float_to_integer(value.floor())
}

/// Bytes that are space around numerals.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// The number that a string spells, as an integer or a float; nil if it spells none.
pub fn parse_number(text: &[u8]) -> Slot {
    let Some(start) = text.iter().position(|&byte| !is_space(byte)) else { return Slot::NIL };
    let end = text.iter().rposition(|&byte| !is_space(byte)).map_or(start, |last| last + 1);
    let text = &text[start..end];
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    match digits {
        // Hexadecimal integers wrap around.
        [b'0', b'x' | b'X', hex @ ..] => match hex_integer(hex) {
            Some(magnitude) => Slot::i64(if negative { magnitude.wrapping_neg() } else { magnitude } as i64),
            None => {
                hex_float(hex).map_or(Slot::NIL, |magnitude| Slot::f64(if negative { -magnitude } else { magnitude }))
            }
        },
        // Decimal ones that do not fit are floats.
        _ => match decimal_integer(digits, negative) {
            Some(value) => Slot::i64(value),
            None => decimal_float(digits).map_or(Slot::NIL, |value| Slot::f64(if negative { -value } else { value })),
        },
    }
}

fn hex_integer(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(value.wrapping_mul(16).wrapping_add(u64::from(digit)))
    })
}

fn decimal_integer(digits: &[u8], negative: bool) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0i64, |value, &byte| {
        let digit = i64::from(char::from(byte).to_digit(10)?);
        let value = value.checked_mul(10)?;
        if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    })
}

fn decimal_float(digits: &[u8]) -> Option<f64> {
    let plain = |&byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    // What `FromStr` takes beyond this are a sign in front, infinities and NaNs.
    if !digits.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') || !digits.iter().all(plain) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

fn hex_float(digits: &[u8]) -> Option<f64> {
    let plain = |&byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b'p' | b'P' | b'+' | b'-');
    if !digits.iter().all(plain) {
        return None;
    }
    let (mantissa, exponent) = match digits.iter().position(|byte| matches!(byte, b'p' | b'P')) {
        Some(at) => (&digits[..at], saturating_exponent(&digits[at + 1..])?),
        None => (digits, 0),
    };
    let mantissa = str::from_utf8(mantissa).ok()?;
    parse_f64(&format!("0x{mantissa}p{exponent}")).map(f64::from_bits)
}

/// A signed decimal exponent; one that is far beyond any float is cut off.
fn saturating_exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0i32, |value, &byte| {
        let digit = char::from(byte).to_digit(10)? as i32;
        Some((value * 10 + digit).min(1_000_000))
    })?;
    Some(if negative { -magnitude } else { magnitude })
}

/// A value as a number: numbers as they are, strings by what they spell; nil if it is none.
///
/// # Safety
/// The slot is valid, and what it refers to is live.
#[inline]
pub unsafe fn to_number(value: Slot) -> Slot {
    match Tag(value.tag) {
        Tag::I64 | Tag::F64 => value,
        Tag::STRING => {
            // SAFETY: a valid slot with this tag refers to a live string.
            let number = parse_number(unsafe { StringRef::from_payload(value.payload).bytes() });
            match number.as_i64() {
                Some(integer) if crate::planted!("coerced-to-float") => Slot::f64(integer as f64),
                _ => number,
            }
        }
        _ => Slot::NIL,
    }
}

/// A value as an integer: integers, floats with an integer's value, and strings that spell one of either.
///
/// # Safety
/// As for [`to_number`].
#[inline]
pub unsafe fn to_integer(value: Slot) -> Option<i64> {
    // SAFETY: the caller says so.
    let number = if value.is(Tag::STRING) { unsafe { to_number(value) } } else { value };
    number.as_i64().or_else(|| number.as_f64().and_then(float_to_integer))
}

/// The spelling of one number, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct NumberText {
    bytes: [u8; NumberText::CAPACITY],
    len: u8,
}

impl NumberText {
    /// The longest integer has 20 characters, the longest float (`-1.2345678901234e-308`) has 21.
    const CAPACITY: usize = 32;

    /// The spelling of an integer or a float; `None` for anything else. With `signed_nan`, NaNs with the sign bit are `-nan`.
    pub(crate) fn of(value: Slot, signed_nan: bool) -> Option<NumberText> {
        match Tag(value.tag) {
            Tag::I64 => Some(integer_text(value.payload as i64)),
            Tag::F64 => Some(float_text(f64::from_bits(value.payload), signed_nan)),
            _ => None,
        }
    }

    /// The characters.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn print(arguments: std::fmt::Arguments<'_>) -> NumberText {
        let mut text = NumberText { bytes: [0; NumberText::CAPACITY], len: 0 };
        std::fmt::Write::write_fmt(&mut text, arguments).expect("a number's spelling fits");
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = usize::from(self.len) + bytes.len();
        self.bytes[usize::from(self.len)..end].copy_from_slice(bytes);
        self.len = end as u8;
    }
}

impl std::fmt::Write for NumberText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if usize::from(self.len) + text.len() > NumberText::CAPACITY {
            return Err(std::fmt::Error);
        }
        self.push(text.as_bytes());
        Ok(())
    }
}

/// An integer in decimal.
fn integer_text(value: i64) -> NumberText {
    let mut text = NumberText { bytes: [0; NumberText::CAPACITY], len: 0 };
    let (mut digits, mut first, mut rest) = ([0u8; 20], 20, value.unsigned_abs());
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b"-");
    }
    text.push(&digits[first..]);
    text
}

/// Significant digits of floats.
const DIGITS: usize = 14;

/// A float as `%.14g` spells it, with `.0` behind what looks like an integer.
fn float_text(value: f64, signed_nan: bool) -> NumberText {
    if value.is_nan() {
        let sign = if signed_nan && value.is_sign_negative() { "-" } else { "" };
        return NumberText::print(format_args!("{sign}nan"));
    }
    if value.is_infinite() {
        return NumberText::print(format_args!("{}", if value > 0.0 { "inf" } else { "-inf" }));
    }
    // One digit, a point, thirteen more, and the exponent: rounded correctly, once.
    let scientific = NumberText::print(format_args!("{:.*e}", DIGITS - 1, value.abs()));
    let text = str::from_utf8(scientific.bytes()).expect("digits are ASCII");
    let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let mut digits = [0u8; DIGITS];
    for (digit, byte) in digits.iter_mut().zip(mantissa.bytes().filter(u8::is_ascii_digit)) {
        *digit = byte;
    }
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    let digits = &digits[..kept];
    let mut text = NumberText { bytes: [0; NumberText::CAPACITY], len: 0 };
    if value.is_sign_negative() {
        text.push(b"-");
    }
    if exponent < -4 || exponent >= DIGITS as i32 {
        text.push(&digits[..1]);
        if kept > 1 {
            text.push(b".");
            text.push(&digits[1..]);
        }
        let (sign, magnitude) = (if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
        text.push(NumberText::print(format_args!("e{sign}{magnitude:02}")).bytes());
        return text;
    }
    if exponent < 0 {
        text.push(b"0.");
        for _ in 0..-exponent - 1 {
            text.push(b"0");
        }
        text.push(digits);
        return text;
    }
    let whole = exponent as usize + 1;
    text.push(&digits[..whole.min(kept)]);
    for _ in kept..whole {
        text.push(b"0");
    }
    if kept <= whole && crate::planted!("bare-float") {
        return text;
    }
    text.push(b".");
    text.push(if kept > whole { &digits[whole..] } else { b"0" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(value: Slot) -> String {
        String::from_utf8(NumberText::of(value, false).unwrap().bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_spelled_as_lua_does() {
        // Right-hand sides as `lua5.4 -e 'print(…)'` writes them.
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.33333333333333"),
            (2.0 / 3.0, "0.66666666666667"),
            (1e14, "1e+14"),
            (1e13, "10000000000000.0"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (99_999_999_999_999.9, "1e+14"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (-1.5e-300, "-1.5e-300"),
            (f64::MAX, "1.7976931348623e+308"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MIN_POSITIVE, "2.2250738585072e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (4.14159265358979, "4.1415926535898"),
            (9007199254740993.0, "9.007199254741e+15"),
        ] {
            assert_eq!(spelled(Slot::f64(value)), text);
        }
        for (value, text) in [(f64::NAN.copysign(1.0), "nan"), (f64::NAN.copysign(-1.0), "-nan"), (-1.0, "-1.0")] {
            let signed = NumberText::of(Slot::f64(value), true).unwrap();
            assert_eq!(signed.bytes(), text.as_bytes());
        }
        for value in [i64::MIN, -10, -1, 0, 9, 10, 1_000_000, i64::MAX] {
            assert_eq!(spelled(Slot::i64(value)), value.to_string());
        }
        assert!(NumberText::of(Slot::TRUE, false).is_none());
    }

    #[test]
    fn strings_spell_integers_and_floats() {
        let int = Slot::i64;
        let float = Slot::f64;
        for (text, number) in [
            ("10", int(10)),
            ("  -7\t\n", int(-7)),
            ("+5", int(5)),
            ("0x10", int(16)),
            ("-0xA", int(-10)),
            ("0xffffffffffffffff", int(-1)),
            ("0x1ffffffffffffffff", int(-1)),
            ("-0x8000000000000000", int(i64::MIN)),
            ("9223372036854775807", int(i64::MAX)),
            ("9223372036854775808", float(9223372036854775808.0)),
            ("-9223372036854775808", int(i64::MIN)),
            ("1.5", float(1.5)),
            (".5", float(0.5)),
            ("5.", float(5.0)),
            ("1e2", float(100.0)),
            ("1E+2", float(100.0)),
            ("1e-2", float(0.01)),
            ("-0.0", float(-0.0)),
            ("1e400", float(f64::INFINITY)),
            ("0x.8", float(0.5)),
            ("0x1p4", float(16.0)),
            ("0xA.8p1", float(21.0)),
            ("0x1p-99999999999", float(0.0)),
            ("0x1p+99999999999", float(f64::INFINITY)),
            ("0x1.", float(1.0)),
        ] {
            assert_eq!(parse_number(text.as_bytes()), number, "{text}");
        }
        for text in [
            "", " ", "-", "+", "x", "0x", "0xg", "1e", "1e+", "e5", ".", "1..2", "inf", "nan", "infinity", "1_000",
            "--1", "1 2", "0x1p", "0x.p1", "1e5.0", "- 1", "0b1", "1f", "\u{663}",
        ] {
            assert_eq!(parse_number(text.as_bytes()), Slot::NIL, "{text}");
        }
        assert_eq!(parse_number(b"1\0"), Slot::NIL);
    }

    #[test]
    fn floats_become_integers_only_exactly() {
        assert_eq!(float_to_integer(3.0), Some(3));
        assert_eq!(float_to_integer(-0.0), Some(0));
        assert_eq!(float_to_integer(3.5), None);
        assert_eq!(float_to_integer(-9223372036854775808.0), Some(i64::MIN));
        assert_eq!(float_to_integer(9223372036854775808.0), None);
        assert_eq!(float_to_integer(9223372036854774784.0), Some(9223372036854774784));
        assert_eq!(float_to_integer(f64::NAN), None);
        assert_eq!(float_to_integer(f64::INFINITY), None);
        assert_eq!(floor_to_integer(-1.5), Some(-2));
    }
}
