//! Parts and places of byte strings, by indices that count from 1, and from the end if they are negative: those of `string.byte`, `string.sub`, `string.find` (manual, 6.4) and of
//! the instructions `byte`, `slice` and `find`.

/// How many bytes lie before a start index. It may be more than there are.
pub fn start(index: i64, len: usize) -> usize {
    match index {
        1.. => index as usize - 1,
        0 => 0,
        _ => len.saturating_sub(index.unsigned_abs() as usize),
    }
}

/// How many bytes lie up to an end index, that one included.
pub fn end(index: i64, len: usize) -> usize {
    match index {
        0.. => (index as usize).min(len),
        _ => (len + 1).saturating_sub(index.unsigned_abs() as usize),
    }
}

/// The bytes from one index to another, cut to the string.
pub fn part(bytes: &[u8], first: i64, last: i64) -> &[u8] {
    bytes.get(start(first, bytes.len())..end(last, bytes.len())).unwrap_or_default()
}

/// Where a string stands in another, from 0 on, at `from` or behind it. The empty string stands everywhere, behind the last byte too.
pub fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let Some((&first, others)) = wanted.split_first() else { return Some(from) };
    let mut at = 0;
    loop {
        at += rest[at..].iter().position(|&byte| byte == first)?;
        match rest[at + 1..].get(..others.len()) {
            Some(found) if found == others => return Some(from + at),
            Some(_) => at += 1,
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_to_the_string() {
        for (first, last, expected) in [
            (1, -1, "hello"),
            (2, 3, "el"),
            (-3, -2, "ll"),
            (-100, 100, "hello"),
            (0, 1, "h"),
            (0, 0, ""),
            (-100, -100, ""),
            (4, 2, ""),
            (6, 9, ""),
            (1, 0, ""),
            (1, -100, ""),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MIN, i64::MIN, ""),
            (i64::MAX, i64::MAX, ""),
        ] {
            assert_eq!(part(b"hello", first, last), expected.as_bytes(), "{first} {last}");
        }
        assert_eq!(part(b"", 1, -1), b"");
    }

    #[test]
    fn places_are_those_that_a_slow_search_finds() {
        let text = b"abababcab";
        for wanted in
            [&b""[..], b"a", b"ab", b"abc", b"babc", b"abcab", b"cab", b"cabx", b"x", b"abababcab", b"abababcabx"]
        {
            for from in 0..=text.len() + 1 {
                let slow = (from..=text.len()).find(|&at| text[at..].starts_with(wanted));
                assert_eq!(find(text, wanted, from), slow, "{wanted:?} from {from}");
            }
        }
    }
}
