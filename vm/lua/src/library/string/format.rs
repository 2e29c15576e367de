//! Conversions of `string.format`: what C's `printf` makes of one value.

/// So many modifiers are too long.
const LONGEST: usize = 21;

/// A conversion: flags, width, precision and letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    minus: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    /// Whether flags, width and precision are anything else than these in this order.
    malformed: bool,
    /// The letter.
    pub letter: u8,
}

impl Spec {
    /// Reads what follows a `%`; how many bytes that are. `None` if it is too long. The letter of what is incomplete is 0.
    pub fn parse(text: &[u8]) -> Option<(Spec, usize)> {
        let mut spec = Spec::default();
        let mut at = 0;
        while let Some(flag) = text.get(at) {
            match flag {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                b'0' => spec.zero = true,
                _ => break,
            }
            at += 1;
        }
        let digits = |at: &mut usize| {
            let first = *at;
            while *at < first + 2 && text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            text[first..*at].iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0'))
        };
        spec.width = digits(&mut at);
        if text.get(at) == Some(&b'.') {
            at += 1;
            spec.precision = Some(digits(&mut at));
        }
        let modifiers = text.iter().take_while(|byte| b"-+ #0123456789.".contains(byte)).count();
        spec.letter = text.get(modifiers).copied().unwrap_or(0);
        spec.malformed = at != modifiers;
        (modifiers < LONGEST).then_some((spec, modifiers + 1))
    }

    /// `%.Ng`.
    pub fn of_float(precision: usize) -> Spec {
        Spec { precision: Some(precision), letter: b'g', ..Spec::default() }
    }

    /// Whether the spec has neither flags nor width nor precision.
    pub fn is_plain(&self) -> bool {
        *self == Spec { letter: self.letter, ..Spec::default() }
    }

    /// Whether the modifiers are well formed, the flags given among those named, and there is no precision where that is not taken.
    pub fn takes(&self, flags: &str, precision: bool) -> bool {
        let given = [(self.minus, '-'), (self.plus, '+'), (self.space, ' '), (self.alternate, '#'), (self.zero, '0')];
        !self.malformed
            && given.iter().all(|(set, flag)| !set || flags.contains(*flag))
            && (precision || self.precision.is_none())
    }

    /// The text at its width.
    fn pad(&self, sign: &str, digits: &[u8], with_zeroes: bool) -> Vec<u8> {
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        let mut out = Vec::new();
        if !self.minus && !with_zeroes {
            out.resize(missing, b' ');
        }
        out.extend_from_slice(sign.as_bytes());
        if !self.minus && with_zeroes {
            out.resize(out.len() + missing, b'0');
        }
        out.extend_from_slice(digits);
        if self.minus {
            out.resize(out.len() + missing, b' ');
        }
        out
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        }
    }

    /// `%s`.
    pub fn text(&self, bytes: &[u8]) -> Vec<u8> {
        let cut = self.precision.map_or(bytes.len(), |most| most.min(bytes.len()));
        self.pad("", &bytes[..cut], false)
    }

    /// `%c`.
    pub fn character(&self, byte: u8) -> Vec<u8> {
        self.pad("", &[byte], false)
    }

    /// `%d`, `%i`, `%u`, `%x`, `%X`, `%o`.
    pub fn integer(&self, value: i64) -> Vec<u8> {
        let (sign, mut digits) = match self.letter {
            b'x' => (if self.alternate && value != 0 { "0x" } else { "" }, format!("{:x}", value as u64)),
            b'X' => (if self.alternate && value != 0 { "0X" } else { "" }, format!("{:X}", value as u64)),
            b'o' => (if self.alternate { "0" } else { "" }, format!("{:o}", value as u64)),
            b'u' => ("", (value as u64).to_string()),
            _ => (self.sign(value < 0), value.unsigned_abs().to_string()),
        };
        if let Some(least) = self.precision {
            if least == 0 && value == 0 {
                digits.clear();
            }
            digits.insert_str(0, &"0".repeat(least.saturating_sub(digits.len())));
        }
        self.pad(sign, digits.as_bytes(), self.zero && self.precision.is_none())
    }

    /// `%e`, `%f`, `%g`, `%a` and their upper-case forms.
    pub fn float(&self, value: f64) -> Vec<u8> {
        let sign = self.sign(value.is_sign_negative());
        let magnitude = value.abs();
        let (mut prefix, mut text) = (sign.to_owned(), String::new());
        if value.is_nan() || value.is_infinite() {
            text += if value.is_nan() { "nan" } else { "inf" };
        } else {
            match self.letter.to_ascii_lowercase() {
                b'e' => text += &exponential(magnitude, self.precision.unwrap_or(6), self.alternate),
                b'f' => text += &fixed(magnitude, self.precision.unwrap_or(6), self.alternate),
                b'g' => text += &general(magnitude, self.precision.unwrap_or(6), self.alternate),
                _ => {
                    prefix += "0x";
                    text += &hexadecimal(magnitude, self.precision, self.alternate);
                }
            }
        }
        if self.letter.is_ascii_uppercase() {
            text.make_ascii_uppercase();
            prefix.make_ascii_uppercase();
        }
        self.pad(&prefix, text.as_bytes(), self.zero && value.is_finite())
    }
}

fn fixed(value: f64, precision: usize, point: bool) -> String {
    let text = format!("{value:.precision$}");
    if point && precision == 0 { text + "." } else { text }
}

fn exponential(value: f64, precision: usize, point: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let point = if point && precision == 0 { "." } else { "" };
    format!("{mantissa}{point}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

fn general(value: f64, precision: usize, keep: bool) -> String {
    let precision = precision.max(1);
    let scientific = format!("{value:.*e}", precision - 1);
    let exponent: i32 = scientific.split_once('e').expect("it has an exponent").1.parse().expect("an integer");
    let is_scientific = exponent < -4 || exponent >= precision as i32;
    let text = match is_scientific {
        true => exponential(value, precision - 1, keep),
        false => fixed(value, (precision as i32 - 1 - exponent).max(0) as usize, keep),
    };
    if keep {
        return text;
    }
    let (digits, rest) = text.split_at(text.find('e').unwrap_or(text.len()));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits}{rest}")
}

/// The digits of `%a`, behind `0x`.
fn hexadecimal(value: f64, precision: Option<usize>, point: bool) -> String {
    let bits = value.to_bits();
    let (mut exponent, mut mantissa) = ((bits >> 52) as i64 - 1023, bits & ((1 << 52) - 1));
    let mut lead = 1;
    if exponent == -1023 {
        (lead, exponent) = if mantissa == 0 { (0, 0) } else { (0, -1022) };
    }
    let mut digits = 13;
    if let Some(precision) = precision.filter(|precision| *precision < 13) {
        // Rounded to nearest, ties to even.
        let drop = 4 * (13 - precision) as u32;
        let whole = lead << 52 | mantissa;
        let (kept, rest, half) = (whole >> drop, whole & ((1 << drop) - 1), 1u64 << (drop - 1));
        let kept = kept + u64::from(rest > half || rest == half && kept & 1 == 1);
        lead = kept >> (52 - drop);
        mantissa = kept & ((1u64 << (52 - drop)) - 1);
        digits = precision;
    }
    let mut text = if digits == 0 { String::new() } else { format!("{mantissa:0digits$x}") };
    match precision {
        None => text.truncate(text.trim_end_matches('0').len()),
        Some(precision) => text.push_str(&"0".repeat(precision.saturating_sub(13))),
    }
    let dot = if text.is_empty() && !point { "" } else { "." };
    format!("{lead:x}{dot}{text}p{exponent:+}")
}

/// A string as a literal that the lexer reads back, for `%q`.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend([b'\\', *byte]),
            0..=31 | 127 => {
                let wide = bytes.get(index + 1).is_some_and(u8::is_ascii_digit);
                out.extend(if wide { format!("\\{byte:03}") } else { format!("\\{byte}") }.bytes());
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// A float as a numeral that keeps its value, for `%q`.
pub fn quoted_float(value: f64) -> String {
    if value == f64::INFINITY {
        "1e9999".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-1e9999".to_owned()
    } else if value.is_nan() {
        "(0/0)".to_owned()
    } else {
        format!("{}0x{}", if value.is_sign_negative() { "-" } else { "" }, hexadecimal(value.abs(), None, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        Spec::parse(text.as_bytes()).expect(text).0
    }

    #[test]
    fn floats_are_spelled_as_c_does() {
        // Right-hand sides as `lua5.4 -e 'print(string.format(…))'` writes them.
        for (format, value, text) in [
            ("5.1f", 3.12345, "  3.1"),
            ("-8.3f", 2.5, "2.500   "),
            ("+d", 0.0, ""),
            ("g", 100000.0, "100000"),
            ("g", 1000000.0, "1e+06"),
            ("g", 0.0001, "0.0001"),
            ("g", 0.00001, "1e-05"),
            (".3g", 1234.0, "1.23e+03"),
            ("#.3g", 1.0, "1.00"),
            ("e", 12345.678, "1.234568e+04"),
            (".0f", 0.5, "0"),
            (".0f", 1.5, "2"),
            ("010.2f", -3.24159, "-000003.24"),
            ("a", 1.0, "0x1p+0"),
            ("a", 0.5, "0x1p-1"),
            ("a", 3.15, "0x1.9333333333333p+1"),
            (".2a", 3.15, "0x1.93p+1"),
            ("A", 10.0, "0X1.4P+3"),
            (".14g", 0.1, "0.1"),
            (".17g", 0.1, "0.10000000000000001"),
            ("5.1f", f64::INFINITY, "  inf"),
            ("05.1f", f64::NEG_INFINITY, " -inf"),
        ] {
            if format != "+d" {
                assert_eq!(String::from_utf8(spec(format).float(value)).unwrap(), text, "%{format}");
            }
        }
    }

    #[test]
    fn integers_and_strings() {
        for (format, value, text) in [
            ("d", 42, "42"),
            ("5d", -42, "  -42"),
            ("05d", -42, "-0042"),
            ("+d", 42, "+42"),
            (" d", 42, " 42"),
            (".5d", 42, "00042"),
            ("x", -1, "ffffffffffffffff"),
            ("#x", 255, "0xff"),
            ("#X", 255, "0XFF"),
            ("o", 8, "10"),
            ("-5d|", 3, "3    "),
            (".0d", 0, ""),
        ] {
            assert_eq!(String::from_utf8(spec(format).integer(value)).unwrap(), text, "%{format}");
        }
        assert_eq!(spec("-5.2s").text(b"abc"), b"ab   ");
        assert_eq!(quoted(b"a\n\"\\\x001\0b"), b"\"a\\\n\\\"\\\\\\0001\\0b\"");
    }
}
