//! A comparison as text for a terminal of 100 columns.

use std::fmt::Write as _;

use super::comparison::{ALL, Comparison};
use super::decide::{Finding, Outcome};

/// The text. Series that are the same are only counted, unless `all` is set.
pub fn text(comparison: &Comparison, all: bool) -> String {
    let Comparison { a, b, rule, .. } = comparison;
    let mut text = String::new();
    let how = if comparison.paired { "side by side, in rounds" } else { "in runs of their own" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{b} against {a}, measured {how}");
    for difference in &comparison.differences {
        let mark = if difference.forbids { "INCOMPARABLE" } else { "note" };
        let _ = writeln!(text, "{mark}: {}", difference.what);
    }
    let shown: Vec<&Finding> =
        comparison.findings.iter().filter(|f| all || f.outcome != Outcome::Same || f.key.on == ALL).collect();
    if !shown.is_empty() {
        let names = shown.iter().map(|f| f.key.to_string().chars().count()).max().unwrap_or(0);
        let _ = writeln!(
            text,
            "{:<15}{:<names$}{:>10}{:>10}{:>8} {:<16}{:>6}",
            "", "", "first", "second", "ratio", "95 % interval", "p"
        );
        for finding in shown {
            row(finding, names, &mut text);
        }
    }
    let family = comparison.findings.iter().filter(|f| f.p.is_some()).count();
    let count = |outcome| comparison.count(outcome);
    let _ = writeln!(
        text,
        "compare: {} worse, {} better, {} the same, {} changed, {} cannot be told",
        count(Outcome::Worse),
        count(Outcome::Better),
        count(Outcome::Same),
        count(Outcome::Changed),
        count(Outcome::Unclear)
    );
    let _ = writeln!(
        text,
        "         differences up to {} % do not matter; of {family} series that vary, {} % chance of any false one",
        round(rule.threshold * 100.0),
        round(rule.level * 100.0)
    );
    text
}

/// `names` is the width of the longest name.
fn row(finding: &Finding, names: usize, text: &mut String) {
    let value = |v: Option<f64>| v.map_or_else(String::new, |v| quantity(&finding.key.measure, v));
    let name = finding.key.to_string();
    let outcome = finding.outcome.name();
    let ratio = finding.ratio.map_or_else(
        || match (finding.exact, finding.a, finding.b) {
            (true, Some(a), Some(b)) => format!("{:>8} {:<16}{:>6}", "", format!("exact: {:+}", b - a), ""),
            _ => format!("{:>31}", ""),
        },
        |r| {
            let p = finding.p.map_or_else(String::new, |p| format!("{p:.4}"));
            format!("{:>8.3} {:<16}{p:>6}", r.estimate, format!("[{:.3}, {:.3}]", r.low, r.high))
        },
    );
    let _ = writeln!(text, "{outcome:<15}{name:<names$}{:>10}{:>10}{ratio}", value(finding.a), value(finding.b));
    if let Some(note) = &finding.note {
        let _ = writeln!(text, "{:<15}  {note}", "");
    }
}

/// A number with its unit, as far as the measure has one.
pub fn quantity(measure: &str, value: f64) -> String {
    match measure {
        "time" | "compile" => {
            let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
            let (scale, unit) = units.into_iter().find(|u| value >= u.0).unwrap_or((1e-9, "ns"));
            format!("{} {unit}", significant(value / scale))
        }
        _ if value.fract() == 0.0 && value.abs() < 1e12 => format!("{value}"),
        _ => format!("{value:.4e}"),
    }
}

/// Four significant digits of a number below 1000.
fn significant(value: f64) -> String {
    let digits = if value >= 100.0 {
        1
    } else if value >= 10.0 {
        2
    } else {
        3
    };
    format!("{value:.digits$}")
}

/// Without digits that say nothing.
fn round(value: f64) -> String {
    format!("{:.2}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
}
