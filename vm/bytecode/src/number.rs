//! How numbers are spelled in assembly and printed by programs. One spelling serves both, so that what a program prints can
//! be pasted into a program.

/// Reads an integer: decimal or `0x` hexadecimal, `_` between digits, optional sign.
pub fn parse_integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (digits, 10),
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.starts_with('_') || plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(&plain, radix).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Reads a float and returns its bits: decimal, `0x1.8p-3`, `inf`, `-inf`, `nan`, or `nan.0x7ff8000000000001` for a NaN of
/// exactly those bits.
pub fn parse_f64(text: &str) -> Option<u64> {
    if let Some(bits) = text.strip_prefix("nan.0x") {
        let bits = u64::from_str_radix(bits, 16).ok()?;
        return f64::from_bits(bits).is_nan().then_some(bits);
    }
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (1 << 63, rest),
        None => (0, text.strip_prefix('+').unwrap_or(text)),
    };
    let bits = match magnitude {
        "inf" => f64::INFINITY.to_bits(),
        "nan" => f64::NAN.to_bits(),
        _ if magnitude.starts_with("0x") || magnitude.starts_with("0X") => parse_hex_float(&magnitude[2..])?.to_bits(),
        _ if magnitude.starts_with(|c: char| c.is_ascii_digit()) => {
            let plain: String = magnitude.chars().filter(|c| *c != '_').collect();
            plain.parse::<f64>().ok()?.to_bits()
        }
        _ => return None,
    };
    Some(bits | sign)
}

/// The value of `hex[.hex][p[±]dec]`, rounded once, to nearest even.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?.clamp(-100_000, 100_000)),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // The value is `mantissa` × 2^`scale`, plus something below the last bit if `sticky`.
    let (mut mantissa, mut scale, mut sticky) = (0u64, exponent, false);
    for (i, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        let is_fraction = i >= whole.len();
        if mantissa >> 58 == 0 {
            mantissa = mantissa << 4 | digit;
            scale = scale.saturating_sub(if is_fraction { 4 } else { 0 });
        } else {
            sticky |= digit != 0;
            scale = scale.saturating_add(if is_fraction { 0 } else { 4 });
        }
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    // Normalise to 63 bits (top bit at 62), folding the sticky bit in below.
    let shift = mantissa.leading_zeros() as i32 - 1;
    let mantissa = mantissa << shift | u64::from(sticky);
    let scale = scale.saturating_sub(shift);
    // Cut to the precision the exponent allows, so that one rounding is the only one.
    let top = scale.saturating_add(62);
    if top > 1023 {
        return Some(f64::INFINITY);
    }
    let drop = if top >= -1022 { 10 } else { 10 + (-1022 - top) };
    if drop > 63 {
        return Some(0.0);
    }
    let kept = mantissa >> drop;
    let rest = mantissa & ((1 << drop) - 1);
    let half = 1u64 << (drop - 1);
    let rounded = kept + u64::from(rest > half || rest == half && kept & 1 == 1);
    // A carry out of the mantissa is the next exponent: the bits of a double are ordered like its magnitude.
    let biased = if top >= -1022 { (top + 1023) as u64 } else { 0 };
    Some(f64::from_bits(if biased == 0 { rounded } else { ((biased - 1) << 52) + rounded }))
}

/// The shortest decimal spelling that reads back as the same float; `inf`, `-inf`, `nan`.
pub fn format_f64(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:?}") }
}

/// As [`format_f64`], but a NaN's bits are kept.
pub fn format_f64_bits(bits: u64) -> String {
    let value = f64::from_bits(bits);
    if value.is_nan() && bits != f64::NAN.to_bits() { format!("nan.0x{bits:016x}") } else { format_f64(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(parse_integer("-0x8000_0000_0000_0000"), Some(i128::from(i64::MIN)));
        assert_eq!(parse_integer("+1_000"), Some(1000));
        for bad in ["", "-", "0x", "12a", "_1", "0x_", "1.0"] {
            assert_eq!(parse_integer(bad), None, "{bad}");
        }
    }

    #[test]
    fn floats() {
        let read = |text: &str| parse_f64(text).map(f64::from_bits);
        for (text, value) in [
            ("1.5", 1.5),
            ("-0.0", -0.0),
            ("1e300", 1e300),
            ("0x1.8p3", 12.0),
            ("-0x1p-1074", -5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1.fffffffffffff7ffffp0", 1.999_999_999_999_999_8),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
            ("0xffffffffffffffffffff", 1_208_925_819_614_629_174_706_175.0),
            ("inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(read(text).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
        assert_eq!(parse_f64("nan.0xfff0000000000001"), Some(0xfff0_0000_0000_0001));
        for bad in ["", "x", "0x", "0x.p1", "1.0.0", "nan.0x0", "nan.0x", "infinity", "0x1p"] {
            assert_eq!(parse_f64(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for bits in [0, 1, 1 << 63, f64::MAX.to_bits(), 0.1f64.to_bits(), f64::NAN.to_bits(), 0x7ff0_0000_0000_0001] {
            assert_eq!(parse_f64(&format_f64_bits(bits)), Some(bits));
        }
    }
}
