//! How numbers are written for people.

use crate::bench::results::Conditions;
use crate::stats::Interval;

/// A number with about three digits that mean something.
pub fn number(value: f64) -> String {
    // The sum of nothing is -0, which is no number for people.
    let value = value + 0.0;
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A ratio: `12.3×`.
pub fn ratio(value: f64) -> String {
    format!("{}×", number(value))
}

/// A ratio with its interval: `12.3× (11.9–12.8)`.
pub fn ratio_interval(interval: &Interval) -> String {
    format!("{} ({}–{})", ratio(interval.estimate), number(interval.low), number(interval.high))
}

/// A time, in the unit that suits it.
pub fn seconds(value: f64) -> String {
    let (factor, unit) = match value {
        v if v >= 1.0 => (1.0, "s"),
        v if v >= 1e-3 => (1e3, "ms"),
        v if v >= 1e-6 || v == 0.0 => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    format!("{} {unit}", number(value * factor))
}

/// A time with its interval.
pub fn seconds_interval(interval: &Interval) -> String {
    format!("{} ({}–{})", seconds(interval.estimate), seconds(interval.low), seconds(interval.high))
}

/// Memory, in bytes.
pub fn mebibytes(bytes: f64) -> String {
    format!("{} MiB", number(bytes / f64::from(1 << 20)))
}

/// A count, in groups of three digits.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun in the right number.
pub fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// How many rounds a run of benchmarks had.
pub fn rounds(conditions: &Conditions) -> String {
    let rounds = counted(conditions.rounds as u64, "round");
    let more = conditions.settle.filter(|most| *most > conditions.rounds);
    more.map_or(rounds.clone(), |most| format!("{rounds}, {most} where a gate did not pass at first"))
}

/// A share in percent; only what is whole is called 100 %.
pub fn percent(value: f64) -> String {
    if value < 100.0 && value > 99.99 { "> 99.99 %".to_owned() } else { format!("{value:.2} %") }
}

/// Words as a list: `a, b and c`.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        assert_eq!(seconds(0.000_123_4), "123 µs");
        assert_eq!(seconds(2.5), "2.50 s");
        assert_eq!(number([].iter().sum::<f64>()), "0.00");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "trial"), "1 trial");
        assert_eq!(counted(0, "trial"), "0 trials");
        assert_eq!(percent(99.999_9), "> 99.99 %");
        assert_eq!(percent(100.0), "100.00 %");
        assert_eq!(list(&["a".to_owned(), "b".to_owned(), "c".to_owned()]), "a, b and c");
    }
}
