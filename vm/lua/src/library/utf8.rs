//! `utf8`.

use lockstep_runtime::{HostError, HostResult, Local, Scope, Table};

use super::{Code, optional, table_field};
use crate::syntax::push_utf8;

pub const FUNCTIONS: &[(&str, Code)] =
    &[("char", char), ("codepoint", codepoint), ("codes", codes), ("len", len), ("offset", offset)];

pub fn open(scope: &mut Scope<'_>, globals: Table<'_>) -> HostResult {
    let table = table_field(scope, globals, "utf8")?;
    scope.raw_set(table, "charpattern", &b"[\0-\x7f\xc2-\xfd][\x80-\xbf]*"[..])
}

/// The code point at the start of `text`, and its length. `strict` takes no surrogates and nothing beyond 10FFFF.
fn decode(text: &[u8], strict: bool) -> Option<(u32, usize)> {
    const LEAST: [u32; 5] = [0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000];
    let first = *text.first()?;
    if first < 0x80 {
        return Some((first.into(), 1));
    }
    let more = (first.leading_ones() as usize).checked_sub(1).filter(|more| (1..=5).contains(more))?;
    let mut value = u32::from(first) & (0x3f >> more);
    for index in 1..=more {
        let byte = *text.get(index)?;
        if byte & 0xc0 != 0x80 {
            return None;
        }
        value = value << 6 | u32::from(byte & 0x3f);
    }
    let good = value >= LEAST[more - 1] && !(strict && (value > 0x10_ffff || (0xd800..0xe000).contains(&value)));
    good.then_some((value, more + 1))
}

fn is_continuation(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// A position from 1, or from the end; 0 if it lies before the start.
fn position(position: i64, len: usize) -> i64 {
    match position {
        0.. => position,
        _ => (len as i64 + position + 1).max(0),
    }
}

fn char(call: &mut Scope<'_>) -> HostResult {
    let mut bytes = Vec::new();
    for index in 0..call.count() {
        let value: i64 = call.arg(index)?;
        let code = u32::try_from(value).ok().filter(|code| *code < 0x8000_0000);
        push_utf8(code.ok_or_else(|| call.bad_argument(index, "value out of range"))?, &mut bytes);
    }
    call.answer(bytes)
}

fn codepoint(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let first: i64 = position(optional(call, 1, 1)?, text.len());
    let last = position(optional(call, 2, first)?, text.len());
    let lax = call.value(3).truth();
    if first < 1 {
        return Err(call.bad_argument(1, "out of bounds"));
    }
    if last > text.len() as i64 {
        return Err(call.bad_argument(2, "out of bounds"));
    }
    let mut at = first as usize - 1;
    while (at as i64) < last {
        let Some((code, len)) = decode(&text[at..], !lax) else { return Err("invalid UTF-8 code".into()) };
        call.push(i64::from(code))?;
        at += len;
    }
    Ok(())
}

fn len(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let first = position(optional(call, 1, 1)?, text.len());
    let last = position(optional(call, 2, -1)?, text.len());
    let lax = call.value(3).truth();
    if first < 1 || first - 1 > text.len() as i64 {
        return Err(call.bad_argument(1, "initial position out of bounds"));
    }
    if last > text.len() as i64 {
        return Err(call.bad_argument(2, "final position out of bounds"));
    }
    let (mut at, mut count) = (first - 1, 0i64);
    while at < last {
        let Some((_, len)) = decode(&text[at as usize..], !lax) else { return call.answer((Local::NIL, at + 1)) };
        at += len as i64;
        count += 1;
    }
    call.answer(count)
}

fn offset(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let mut n: i64 = call.arg(1)?;
    let default = if n >= 0 { 1 } else { text.len() as i64 + 1 };
    let start = position(optional(call, 2, default)?, text.len()) - 1;
    if start < 0 || start > text.len() as i64 {
        return Err(call.bad_argument(2, "position out of bounds"));
    }
    let mut at = start as usize;
    if n == 0 {
        while at > 0 && is_continuation(text, at) {
            at -= 1;
        }
        return call.answer(at as i64 + 1);
    }
    if is_continuation(text, at) {
        return Err("initial position is a continuation byte".into());
    }
    while n < 0 && at > 0 {
        at -= 1;
        while at > 0 && is_continuation(text, at) {
            at -= 1;
        }
        n += 1;
    }
    if n > 0 {
        n -= 1;
        while n > 0 && at < text.len() {
            at += 1;
            while is_continuation(text, at) {
                at += 1;
            }
            n -= 1;
        }
    }
    if n == 0 { call.answer(at as i64 + 1) } else { call.answer(Local::NIL) }
}

/// The iterator of `codes`: text and whether it is lax are captured.
pub(super) fn next_code(call: &mut Scope<'_>, lax: bool) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let mut at = call.arg::<i64>(1)? as usize;
    while is_continuation(text, at) {
        at += 1;
    }
    if at >= text.len() {
        return Ok(());
    }
    match decode(&text[at..], !lax) {
        Some((code, len)) if !is_continuation(text, at + len) => call.answer((at as i64 + 1, i64::from(code))),
        _ => Err(HostError::Message("invalid UTF-8 code".to_owned())),
    }
}

fn codes(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    if is_continuation(text, 0) {
        return Err(call.bad_argument(0, "invalid UTF-8 code"));
    }
    let next = call.imported(if call.value(1).truth() { "utf8_next_lax" } else { "utf8_next" });
    let text = call.value(0);
    call.answer((next, text, 0i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_are_read_back() {
        for code in [0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x1_0000, 0x10_ffff, 0x20_0000, 0x7fff_ffff] {
            let mut bytes = Vec::new();
            push_utf8(code, &mut bytes);
            assert_eq!(decode(&bytes, false), Some((code, bytes.len())));
            assert_eq!(decode(&bytes, true).is_some(), code <= 0x10_ffff);
        }
        for bad in [&b"\x80"[..], b"\xc0\x80", b"\xe0\x80\x80", b"\xff", b"\xc3", b"\xed\xa0\x80"] {
            assert_eq!(decode(bad, true), None, "{bad:?}");
        }
    }
}
