//! Numerals in other bases.

/// The integer that a text spells in a base from 2 to 36: white space around it, a sign, digits and letters. It wraps around.
pub fn integer_in_base(text: &[u8], base: u32) -> Option<i64> {
    let text = text.trim_ascii();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0i64, |value, byte| {
        let digit = char::from(*byte).to_digit(36).filter(|digit| *digit < base)?;
        Some(value.wrapping_mul(i64::from(base)).wrapping_add(i64::from(digit)))
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::integer_in_base;

    #[test]
    fn bases() {
        for (text, base, value) in [
            ("7fffffffffffffff", 16, Some(i64::MAX)),
            (" -ZZ ", 36, Some(-1295)),
            ("102", 2, None),
            ("", 10, None),
            ("-", 10, None),
            ("1 0", 10, None),
            ("ffffffffffffffff", 16, Some(-1)),
        ] {
            assert_eq!(integer_in_base(text.as_bytes(), base), value, "{text}");
        }
    }
}
