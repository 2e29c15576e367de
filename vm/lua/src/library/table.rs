//! `table`.

use lockstep_runtime::{HostError, HostResult, Local, Metamethod, Scope, float_to_integer};

use super::{Code, optional, optional_bytes};

pub const FUNCTIONS: &[(&str, Code)] = &[
    ("concat", concat),
    ("insert", insert),
    ("move", move_elements),
    ("pack", pack),
    ("remove", remove),
    ("sort", sort),
    ("unpack", unpack),
];

/// A value that acts as a table: one, or one whose metatable has what it takes to do `what` with it.
fn table<'s>(call: &mut Scope<'s>, index: usize, what: &[Metamethod]) -> HostResult<Local<'s>> {
    let value = call.value(index);
    if value.as_table().is_none()
        && (call.metatable(value).is_none() || what.iter().any(|event| call.metamethod(value, *event).is_nil()))
    {
        return Err(call.wrong_type(index, "table"));
    }
    Ok(value)
}

/// What it takes to read elements, to write them, and to do both, up to the length.
const READ: &[Metamethod] = &[Metamethod::Index];
const WRITE: &[Metamethod] = &[Metamethod::NewIndex];
const READ_ALL: &[Metamethod] = &[Metamethod::Index, Metamethod::Len];
const CHANGE_ALL: &[Metamethod] = &[Metamethod::Index, Metamethod::NewIndex, Metamethod::Len];

fn length(call: &mut Scope<'_>, value: Local<'_>) -> HostResult<i64> {
    let length = call.len(value)?;
    let number = call.to_number(length);
    let integer = number.and_then(|number| number.as_int().or_else(|| number.as_float().and_then(float_to_integer)));
    integer.ok_or_else(|| "object length is not an integer".into())
}

fn get<'s>(call: &mut Scope<'s>, value: Local<'_>, index: i64) -> HostResult<Local<'s>> {
    if let Some(table) = value.as_table() {
        let element = call.raw_get_int(table, index);
        if !element.is_nil() || call.metatable(value).is_none() {
            return Ok(element);
        }
    }
    call.get(value, index)
}

fn set(call: &mut Scope<'_>, value: Local<'_>, index: i64, element: Local<'_>) -> HostResult {
    match value.as_table().filter(|_| call.metatable(value).is_none()) {
        Some(table) => call.raw_set_int(table, index, element),
        None => call.set(value, index, element),
    }
}

fn concat(call: &mut Scope<'_>) -> HostResult {
    let table = table(call, 0, READ_ALL)?;
    let end = length(call, table)?;
    let separator = optional_bytes(call, 1, b"")?;
    let (first, last): (i64, i64) = (optional(call, 2, 1)?, optional(call, 3, end)?);
    let mut bytes = Vec::new();
    let mut index = first;
    while index <= last {
        call.scope(|scope| {
            let value = get(scope, table, index)?;
            match (value.as_str(), scope.spell_number(value)?) {
                (Some(text), _) | (None, Some(text)) => bytes.extend_from_slice(text.bytes()),
                _ => {
                    let message =
                        format!("invalid value ({}) at index {index} in table for 'concat'", value.type_name());
                    return Err(HostError::Message(message));
                }
            }
            Ok(())
        })?;
        if index != last {
            bytes.extend_from_slice(separator);
        }
        let Some(next) = index.checked_add(1) else { break };
        index = next;
    }
    call.answer(bytes)
}

fn insert(call: &mut Scope<'_>) -> HostResult {
    let table = table(call, 0, CHANGE_ALL)?;
    let end = length(call, table)?.wrapping_add(1);
    match call.count() {
        2 => {
            let value = call.value(1);
            set(call, table, end, value)
        }
        3 => {
            let position: i64 = call.arg(1)?;
            if (position as u64).wrapping_sub(1) >= end as u64 {
                return Err(call.bad_argument(1, "position out of bounds"));
            }
            for index in (position + 1..=end).rev() {
                call.scope(|scope| {
                    let value = get(scope, table, index - 1)?;
                    set(scope, table, index, value)
                })?;
            }
            let value = call.value(2);
            set(call, table, position, value)
        }
        _ => Err("wrong number of arguments to 'insert'".into()),
    }
}

fn remove(call: &mut Scope<'_>) -> HostResult {
    let table = table(call, 0, CHANGE_ALL)?;
    let size = length(call, table)?;
    let position: i64 = optional(call, 1, size)?;
    if position != size && (position as u64).wrapping_sub(1) > size as u64 {
        return Err(call.bad_argument(1, "position out of bounds"));
    }
    let removed = get(call, table, position)?;
    for index in position..size {
        call.scope(|scope| {
            let value = get(scope, table, index + 1)?;
            set(scope, table, index, value)
        })?;
    }
    let last = size.max(position);
    set(call, table, last, Local::NIL)?;
    call.answer(removed)
}

fn move_elements(call: &mut Scope<'_>) -> HostResult {
    let (from, end, to): (i64, i64, i64) = (call.arg(1)?, call.arg(2)?, call.arg(3)?);
    let from_table = table(call, 0, READ)?;
    let to_index = if call.value(4).is_nil() { 0 } else { 4 };
    let to_table = table(call, to_index, WRITE)?;
    if end >= from {
        if from <= 0 && end >= i64::MAX + from {
            return Err(call.bad_argument(2, "too many elements to move"));
        }
        let count = end - from + 1;
        if to > i64::MAX - count + 1 {
            return Err(call.bad_argument(3, "destination wrap around"));
        }
        let ascending = to > end || to <= from || (to_index != 0 && !call.equals(from_table, to_table)?);
        for step in 0..count {
            let offset = if ascending { step } else { count - 1 - step };
            call.scope(|scope| {
                let value = get(scope, from_table, from + offset)?;
                set(scope, to_table, to + offset, value)
            })?;
        }
    }
    call.answer(to_table)
}

fn pack(call: &mut Scope<'_>) -> HostResult {
    let count = call.count();
    let table = call.table(count as u32, 1)?;
    for index in 0..count {
        let value = call.value(index);
        call.raw_set_int(table, index as i64 + 1, value)?;
    }
    call.raw_set(table, "n", count as i64)?;
    call.answer(table)
}

/// The most values that `unpack` answers.
const UNPACK_MOST: u64 = 1_000_000;

fn unpack(call: &mut Scope<'_>) -> HostResult {
    let value = call.value(0);
    let first: i64 = optional(call, 1, 1)?;
    let last = match call.arg::<Option<i64>>(2)? {
        Some(last) => last,
        None => length(call, value)?,
    };
    if first > last {
        return Ok(());
    }
    if (last as u64).wrapping_sub(first as u64) >= UNPACK_MOST {
        return Err("too many results to unpack".into());
    }
    for index in first..=last {
        let element = get(call, value, index)?;
        call.push(element)?;
    }
    Ok(())
}

fn sort(call: &mut Scope<'_>) -> HostResult {
    let table = table(call, 0, CHANGE_ALL)?;
    let size = length(call, table)?;
    if size < 2 {
        return Ok(());
    }
    if size >= i64::from(i32::MAX) {
        return Err(call.bad_argument(0, "array too big"));
    }
    let comparator = call.value(1);
    if !comparator.is_nil() && comparator.as_function().is_none() {
        return Err(call.wrong_type(1, "function"));
    }
    let mut values: Vec<Local<'_>> = Vec::with_capacity(size as usize);
    for index in 1..=size {
        values.push(get(call, table, index)?);
    }
    let mut less = |call: &mut Scope<'_>, a: Local<'_>, b: Local<'_>| {
        call.scope(|scope| match comparator.is_nil() {
            true => scope.less(a, b),
            false => Ok(scope.call_one(comparator, &[a, b])?.truth()),
        })
    };
    let outcome = quicksort(call, &mut values, &mut less);
    // After an error a plain table is as far as it was sorted; one with metamethods stays as it was, since they are the program's, whose error waits.
    let plain = table.as_table().filter(|_| call.metatable(table).is_none());
    for (index, value) in (1..).zip(&values) {
        match plain {
            Some(table) => call.raw_set_int(table, index, *value)?,
            None if outcome.is_ok() => set(call, table, index, *value)?,
            None => {}
        }
    }
    outcome
}

/// Whether one element comes before another.
type Less<'f> = &'f mut dyn FnMut(&mut Scope<'_>, Local<'_>, Local<'_>) -> HostResult<bool>;

/// Sorts in the order of comparisons that PUC Lua has, so that elements that compare equal come to stand alike: quicksort with the median of first, middle and last
/// element as its pivot (Sedgewick). The smaller part is sorted by recursion, so that the depth is logarithmic.
fn quicksort<'s>(call: &mut Scope<'_>, values: &mut [Local<'s>], less: Less<'_>) -> HostResult {
    let mut rest = values;
    while rest.len() > 1 {
        let (last, middle) = (rest.len() - 1, (rest.len() - 1) / 2);
        if less(call, rest[last], rest[0])? {
            rest.swap(0, last);
        }
        if last == 1 {
            return Ok(());
        }
        if less(call, rest[middle], rest[0])? {
            rest.swap(middle, 0);
        } else if less(call, rest[last], rest[middle])? {
            rest.swap(middle, last);
        }
        if last == 2 {
            return Ok(());
        }
        let pivot = rest[middle];
        rest.swap(middle, last - 1);
        let at = partition(call, rest, pivot, less)?;
        let (left, right) = rest.split_at_mut(at);
        let right = &mut right[1..];
        if left.len() < right.len() {
            quicksort(call, left, less)?;
            rest = right;
        } else {
            quicksort(call, right, less)?;
            rest = left;
        }
    }
    Ok(())
}

/// Puts what comes before the pivot, which is the last element but one, in front of it; where it comes to stand.
fn partition(call: &mut Scope<'_>, values: &mut [Local<'_>], pivot: Local<'_>, less: Less<'_>) -> HostResult<usize> {
    let end = values.len() - 2;
    let (mut low, mut high) = (0, end);
    loop {
        low += 1;
        while less(call, values[low], pivot)? {
            if low == end {
                return Err(INVALID_ORDER.into());
            }
            low += 1;
        }
        high -= 1;
        while less(call, pivot, values[high])? {
            if high < low {
                return Err(INVALID_ORDER.into());
            }
            high -= 1;
        }
        if high < low {
            values.swap(end, low);
            return Ok(low);
        }
        values.swap(low, high);
    }
}

/// What a comparison that contradicts itself is told.
const INVALID_ORDER: &str = "invalid order function for sorting";
