//! `string`: the functions, over patterns, conversions and packing on bytes.

mod arithmetic;
mod format;
mod pack;
mod pattern;

use lockstep_runtime::{HostError, HostId, HostResult, Local, Scope, Str, Table, bytes};
use smallvec::SmallVec;

use super::{Code, optional, optional_bytes, table_field};
use format::Spec;
use pack::{Format, Item, Problem, push_integer, read_integer};
use pattern::{Capture, Malformed, Match, Matcher, UNFINISHED, split_anchor};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("byte", byte),
    ("char", char),
    ("dump", super::load::dump),
    ("find", |call| find(call, true)),
    ("format", format_values),
    ("gsub", gsub),
    ("len", len),
    ("lower", lower),
    ("match", |call| find(call, false)),
    ("pack", pack_values),
    ("packsize", packsize),
    ("rep", rep),
    ("reverse", reverse),
    ("sub", sub),
    ("unpack", unpack),
    ("upper", upper),
];

/// The longest string that functions make.
const MAX_LENGTH: usize = i32::MAX as usize;

/// Gives strings their metatable.
pub fn open(scope: &mut Scope<'_>, globals: Table<'_>) -> HostResult {
    let table = table_field(scope, globals, "string")?;
    let metatable = scope.table(0, 16)?;
    scope.raw_set(metatable, "__index", table)?;
    arithmetic::open(scope, metatable)?;
    let sample = scope.string(b"")?;
    scope.set_type_metatable(sample.local(), Some(metatable));
    Ok(())
}

fn byte(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let first: i64 = optional(call, 1, 1)?;
    let last = optional(call, 2, first)?;
    for byte in bytes::part(text, first, last) {
        call.push(i64::from(*byte))?;
    }
    Ok(())
}

fn char(call: &mut Scope<'_>) -> HostResult {
    let mut bytes = Vec::with_capacity(call.count());
    for index in 0..call.count() {
        let value: i64 = call.arg(index)?;
        bytes.push(u8::try_from(value).map_err(|_| call.bad_argument(index, "value out of range"))?);
    }
    call.answer(bytes)
}

fn len(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    call.answer(text.len() as i64)
}

fn lower(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let string = call.string_with(text.len(), |buffer| {
        buffer.copy_from_slice(text);
        buffer.make_ascii_lowercase();
    })?;
    call.answer(string)
}

fn upper(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let string = call.string_with(text.len(), |buffer| {
        buffer.copy_from_slice(text);
        buffer.make_ascii_uppercase();
    })?;
    call.answer(string)
}

fn reverse(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let string = call.string_with(text.len(), |buffer| {
        buffer.copy_from_slice(text);
        buffer.reverse();
    })?;
    call.answer(string)
}

fn sub(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let part = bytes::part(text, call.arg(1)?, optional(call, 2, -1)?);
    call.answer(part)
}

fn rep(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let count: i64 = call.arg(1)?;
    let separator = optional_bytes(call, 2, b"")?;
    let Ok(count) = usize::try_from(count) else { return call.answer("") };
    if count == 0 {
        return call.answer("");
    }
    let size = (text.len() + separator.len()).checked_mul(count).filter(|size| *size <= MAX_LENGTH);
    let Some(size) = size else { return Err("resulting string too large".into()) };
    let size = size - separator.len();
    let part = [text, separator].concat();
    let string = call.string_with(size, |buffer| {
        buffer.chunks_mut(part.len().max(1)).for_each(|chunk| chunk.copy_from_slice(&part[..chunk.len()]));
    })?;
    call.answer(string)
}

// ---- patterns -----------------------------------------------------------------------------------------------------------

fn malformed(problem: Malformed) -> HostError {
    HostError::Message(problem.to_string())
}

/// Adds what was captured to the results, or the whole match if nothing was.
fn push_captures(call: &mut Scope<'_>, matcher: &Matcher<'_>, found: Match) -> HostResult {
    if matcher.capture_count() == 0 {
        return call.push(&matcher.subject[found.start..found.end]);
    }
    matcher.captures().try_for_each(|capture| match capture {
        Capture::Text(from, to) => call.push(&matcher.subject[from..to]),
        Capture::Position(at) => call.push(at as i64 + 1),
        Capture::Unfinished => Err(UNFINISHED.into()),
    })
}

fn find(call: &mut Scope<'_>, positions: bool) -> HostResult {
    let (subject, pattern): (&[u8], &[u8]) = (call.arg(0)?, call.arg(1)?);
    let init = bytes::start(optional(call, 2, 1)?, subject.len());
    if init > subject.len() {
        return call.answer(Local::NIL);
    }
    let is_special = |byte: &u8| b"^$*+?.([%-".contains(byte);
    if positions && (call.value(3).truth() || !pattern.iter().any(is_special)) {
        return match bytes::find(subject, pattern, init) {
            Some(at) => call.answer((at as i64 + 1, (at + pattern.len()) as i64)),
            None => call.answer(Local::NIL),
        };
    }
    let (anchored, pattern) = split_anchor(pattern);
    let mut matcher = Matcher::new(subject, pattern);
    match matcher.find(init, anchored).map_err(malformed)? {
        None => call.answer(Local::NIL),
        Some(found) if positions => {
            call.push(found.start as i64 + 1)?;
            call.push(found.end as i64)?;
            if matcher.capture_count() == 0 { Ok(()) } else { push_captures(call, &matcher, found) }
        }
        Some(found) => push_captures(call, &matcher, found),
    }
}

/// `gmatch`; the iterator is made of function `next`.
pub(super) fn gmatch(call: &mut Scope<'_>, next: HostId) -> HostResult {
    let (subject, pattern): (Str<'_>, Str<'_>) = (call.arg(0)?, call.arg(1)?);
    let init = bytes::start(optional(call, 2, 1)?, subject.bytes().len()).min(subject.bytes().len() + 1);
    let captures = [subject.local(), pattern.local(), Local::int(init as i64), Local::int(-1)];
    let next = call.function(next, &captures)?;
    call.answer(next)
}

/// The iterator of `gmatch`: subject, pattern, where to go on and where the last match ended are captured.
pub(super) fn gmatch_next(call: &mut Scope<'_>) -> HostResult {
    let (subject, pattern) = (call.capture(0), call.capture(1));
    let (Some(subject), Some(pattern)) = (subject.as_str(), pattern.as_str()) else { return Err("no iterator".into()) };
    let (subject, pattern) = (subject.bytes(), pattern.bytes());
    let (mut at, last) = (call.capture(2).as_int().unwrap_or(0) as usize, call.capture(3).as_int().unwrap_or(-1));
    let mut matcher = Matcher::new(subject, pattern);
    while at <= subject.len() {
        if let Some(end) = matcher.match_at(at).map_err(malformed)?
            && end as i64 != last
        {
            call.set_capture(2, end as i64)?;
            call.set_capture(3, end as i64)?;
            return push_captures(call, &matcher, Match { start: at, end });
        }
        at += 1;
    }
    call.set_capture(2, at as i64)?;
    call.answer(Local::NIL)
}

fn gsub(call: &mut Scope<'_>) -> HostResult {
    let (subject, pattern): (&[u8], &[u8]) = (call.arg(0)?, call.arg(1)?);
    let replacement = call.value(2);
    let most: i64 = optional(call, 3, i64::MAX)?;
    let is_text = replacement.as_str().is_some() || replacement.as_int().is_some() || replacement.as_float().is_some();
    if !is_text && replacement.as_table().is_none() && replacement.as_function().is_none() {
        return Err(call.wrong_type(2, "string/function/table"));
    }
    let text: &[u8] = if is_text { call.arg(2)? } else { b"" };
    let (anchored, pattern) = split_anchor(pattern);
    let mut matcher = Matcher::new(subject, pattern);
    let mut out = Vec::new();
    let (mut at, mut count, mut last) = (0, 0, None);
    while count < most {
        let end = matcher.match_at(at).map_err(malformed)?;
        match end.filter(|end| Some(*end) != last) {
            Some(end) => {
                count += 1;
                let whole = &subject[at..end];
                if is_text {
                    expand(&mut out, text, &matcher, whole)?;
                } else {
                    call.scope(|scope| substitute(scope, &mut out, replacement, &matcher, whole))?;
                }
                (at, last) = (end, Some(end));
            }
            None if at < subject.len() => {
                out.push(subject[at]);
                at += 1;
            }
            None => break,
        }
        if anchored || at > subject.len() {
            break;
        }
    }
    out.extend_from_slice(subject.get(at..).unwrap_or_default());
    call.answer((out, count))
}

/// A replacement string with its `%` resolved, for a match and its captures.
fn expand(out: &mut Vec<u8>, text: &[u8], matcher: &Matcher<'_>, whole: &[u8]) -> HostResult {
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'%') => out.push(b'%'),
            Some(b'0') => out.extend_from_slice(whole),
            Some(digit @ b'1'..=b'9') => match matcher.capture(usize::from(digit - b'1')) {
                Some(Capture::Text(from, to)) => out.extend_from_slice(&matcher.subject[from..to]),
                Some(Capture::Position(at)) => out.extend_from_slice((at + 1).to_string().as_bytes()),
                Some(Capture::Unfinished) => return Err(UNFINISHED.into()),
                None if *digit == b'1' && matcher.capture_count() == 0 => out.extend_from_slice(whole),
                None => return Err(format!("invalid capture index %{}", digit - b'0').into()),
            },
            _ => return Err("invalid use of '%' in replacement string".into()),
        }
    }
    Ok(())
}

/// What a table or function has for a match.
fn substitute(
    scope: &mut Scope<'_>,
    out: &mut Vec<u8>,
    replacement: Local<'_>,
    matcher: &Matcher<'_>,
    whole: &[u8],
) -> HostResult {
    let mut args: SmallVec<[Local<'_>; 2]> = SmallVec::new();
    for capture in matcher.captures() {
        args.push(match capture {
            Capture::Text(from, to) => scope.string(&matcher.subject[from..to])?.local(),
            Capture::Position(at) => Local::int(at as i64 + 1),
            Capture::Unfinished => return Err(UNFINISHED.into()),
        });
    }
    if args.is_empty() {
        args.push(scope.string(whole)?.local());
    }
    let value = match replacement.as_table() {
        Some(table) => scope.get(table, args[0])?,
        None => scope.call_one(replacement, &args)?,
    };
    if !value.truth() {
        out.extend_from_slice(whole);
        return Ok(());
    }
    let text = match value.as_str() {
        None => scope.spell_number(value)?,
        text => text,
    };
    match text {
        Some(text) => out.extend_from_slice(text.bytes()),
        None => return Err(format!("invalid replacement value (a {})", value.type_name()).into()),
    }
    Ok(())
}

// ---- format -------------------------------------------------------------------------------------------------------------

fn format_values(call: &mut Scope<'_>) -> HostResult {
    let format: &[u8] = call.arg(0)?;
    let mut out = Vec::with_capacity(format.len());
    let (mut at, mut index) = (0, 0);
    while at < format.len() {
        let next = format[at..].iter().position(|byte| *byte == b'%').map_or(format.len(), |offset| at + offset);
        out.extend_from_slice(&format[at..next]);
        if next == format.len() {
            break;
        }
        at = next + 1;
        if format.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        index += 1;
        if index >= call.count() {
            return Err(call.bad_argument(index, "no value"));
        }
        let (spec, len) = Spec::parse(&format[at..]).ok_or("invalid format (too long)")?;
        let shown = || String::from_utf8_lossy(&format[at..(at + len).min(format.len())]).into_owned();
        let good = match spec.letter {
            b'c' | b'p' => spec.takes("-", false),
            b'd' | b'i' => spec.takes("-+0 ", true),
            b'u' => spec.takes("-0", true),
            b'a' | b'A' | b'e' | b'E' | b'f' | b'g' | b'G' => spec.takes("-+ #0", true),
            b'o' | b'x' | b'X' => spec.takes("-#0", true),
            b's' => spec.takes("-", true),
            b'q' => true,
            _ => return Err(format!("invalid conversion '%{}' to 'format'", shown()).into()),
        };
        if !good {
            return Err(format!("invalid conversion specification: '%{}'", shown()).into());
        }
        let piece = convert(call, &spec, index)?;
        out.extend_from_slice(&piece);
        at += len;
    }
    call.answer(out)
}

/// A float as C's `%.14g` spells it.
pub(super) fn shortest(value: f64) -> Vec<u8> {
    Spec::of_float(14).float(value)
}

fn convert(call: &mut Scope<'_>, spec: &Spec, index: usize) -> HostResult<Vec<u8>> {
    Ok(match spec.letter {
        b'c' => spec.character(call.arg::<i64>(index)? as u8),
        b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => spec.integer(call.arg(index)?),
        b's' => {
            let value = call.present(index)?;
            let text = call.text(value)?.bytes();
            if !spec.is_plain() && text.contains(&0) {
                return Err(call.bad_argument(index, "string contains zeros"));
            }
            spec.text(text)
        }
        b'p' => {
            let value = call.present(index)?;
            let address = value.address();
            spec.text(if address == 0 { "(null)".to_owned() } else { format!("{address:#x}") }.as_bytes())
        }
        b'q' => {
            if !spec.is_plain() {
                return Err("specifier '%q' cannot have modifiers".into());
            }
            let value = call.value(index);
            match (value.as_str(), value.as_int(), value.as_float()) {
                (Some(text), ..) => format::quoted(text.bytes()),
                (_, Some(i64::MIN), _) => b"0x8000000000000000".to_vec(),
                (_, Some(value), _) => value.to_string().into_bytes(),
                (_, _, Some(value)) => format::quoted_float(value).into_bytes(),
                _ if value.is_nil() || value.type_name() == "boolean" => call.text(value)?.bytes().to_vec(),
                _ => return Err(call.bad_argument(index, "value has no literal form")),
            }
        }
        _ => spec.float(call.arg(index)?),
    })
}

// ---- pack ---------------------------------------------------------------------------------------------------------------

fn wrong_format(call: &Scope<'_>, problem: Problem) -> HostError {
    match problem {
        Problem::Option(message) => HostError::Message(message),
        Problem::Alignment(problem) => call.bad_argument(0, problem),
    }
}

fn pack_values(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let mut format = Format::new(text);
    let (mut out, mut index) = (Vec::new(), 0);
    while let Some((item, padding)) = format.next(out.len()).map_err(|problem| wrong_format(call, problem))? {
        out.resize(out.len() + padding, 0);
        if !matches!(item, Item::Padding | Item::Align | Item::Nothing) {
            index += 1;
            if index >= call.count() {
                let expected = match item {
                    Item::Fixed(_) | Item::Counted(_) | Item::Zeroed => "string",
                    _ => "number",
                };
                return Err(call.bad_argument(index, format!("{expected} expected, got nil")));
            }
        }
        match item {
            Item::Signed(size) => {
                let value: i64 = call.arg(index)?;
                if size < 8 && !(-(1i64 << (8 * size - 1))..1i64 << (8 * size - 1)).contains(&value) {
                    return Err(call.bad_argument(index, "integer overflow"));
                }
                push_integer(&mut out, value, size, format.little);
            }
            Item::Unsigned(size) => {
                let value: i64 = call.arg(index)?;
                if size < 8 && (value as u64) >= 1u64 << (8 * size) {
                    return Err(call.bad_argument(index, "unsigned overflow"));
                }
                push_integer(&mut out, value, size, format.little);
            }
            Item::Single => {
                let value = call.arg::<f64>(index)? as f32;
                out.extend(if format.little { value.to_le_bytes() } else { value.to_be_bytes() });
            }
            Item::Double => {
                let value: f64 = call.arg(index)?;
                out.extend(if format.little { value.to_le_bytes() } else { value.to_be_bytes() });
            }
            Item::Fixed(size) => {
                let bytes: &[u8] = call.arg(index)?;
                if bytes.len() > size {
                    return Err(call.bad_argument(index, "string longer than given size"));
                }
                out.extend_from_slice(bytes);
                out.resize(out.len() + size - bytes.len(), 0);
            }
            Item::Counted(size) => {
                let bytes: &[u8] = call.arg(index)?;
                if size < 8 && bytes.len() >= 1 << (8 * size) {
                    return Err(call.bad_argument(index, "string length does not fit in given size"));
                }
                push_integer(&mut out, bytes.len() as i64, size, format.little);
                out.extend_from_slice(bytes);
            }
            Item::Zeroed => {
                let bytes: &[u8] = call.arg(index)?;
                if bytes.contains(&0) {
                    return Err(call.bad_argument(index, "string contains zeros"));
                }
                out.extend_from_slice(bytes);
                out.push(0);
            }
            Item::Padding => out.push(0),
            Item::Align | Item::Nothing => {}
        }
    }
    call.answer(out)
}

fn packsize(call: &mut Scope<'_>) -> HostResult {
    let text: &[u8] = call.arg(0)?;
    let mut format = Format::new(text);
    let mut size = 0usize;
    while let Some((item, padding)) = format.next(size).map_err(|problem| wrong_format(call, problem))? {
        let Some(own) = item.fixed_size() else { return Err(call.bad_argument(0, "variable-length format")) };
        size += padding + own;
        if size > i32::MAX as usize {
            return Err(call.bad_argument(0, "format result too large"));
        }
    }
    call.answer(size as i64)
}

fn unpack(call: &mut Scope<'_>) -> HostResult {
    let (text, data): (&[u8], &[u8]) = (call.arg(0)?, call.arg(1)?);
    let mut at = bytes::start(optional(call, 2, 1)?, data.len());
    if at > data.len() {
        return Err(call.bad_argument(2, "initial position out of string"));
    }
    let mut format = Format::new(text);
    while let Some((item, padding)) = format.next(at).map_err(|problem| wrong_format(call, problem))? {
        let short = |call: &Scope<'_>| call.bad_argument(1, "data string too short");
        let size = match item {
            Item::Counted(size) => size,
            _ => item.fixed_size().unwrap_or(0),
        };
        if data.len() - at < padding || data.len() - at - padding < size {
            return Err(short(call));
        }
        at += padding;
        let bytes = &data[at..at + size];
        at += size;
        match item {
            Item::Signed(_) | Item::Unsigned(_) => {
                let signed = matches!(item, Item::Signed(_));
                let value = read_integer(bytes, format.little, signed);
                let value = value
                    .ok_or_else(|| HostError::Message(format!("{size}-byte integer does not fit into Lua Integer")))?;
                call.push(value)?;
            }
            Item::Single => {
                let bytes: [u8; 4] = bytes.try_into().expect("its size was taken");
                let value = if format.little { f32::from_le_bytes(bytes) } else { f32::from_be_bytes(bytes) };
                call.push(f64::from(value))?;
            }
            Item::Double => {
                let bytes: [u8; 8] = bytes.try_into().expect("its size was taken");
                call.push(if format.little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })?;
            }
            Item::Fixed(_) => call.push(bytes)?,
            Item::Counted(_) => {
                let len = read_integer(bytes, format.little, false).and_then(|len| usize::try_from(len).ok());
                let text = len.and_then(|len| data[at..].get(..len)).ok_or_else(|| short(call))?;
                call.push(text)?;
                at += text.len();
            }
            Item::Zeroed => {
                let Some(len) = data[at..].iter().position(|byte| *byte == 0) else {
                    return Err(call.bad_argument(1, "unfinished string for format 'z'"));
                };
                call.push(&data[at..at + len])?;
                at += len + 1;
            }
            Item::Padding | Item::Align | Item::Nothing => {}
        }
    }
    call.push(at as i64 + 1)
}
