//! What random programs leave out, and what of their messages is not compared, because Lockstep is known to differ from PUC Lua there: ONE list, which shrinks as differences are mended. What
//! Lua itself leaves open (the order of `pairs`, borders of tables with holes, addresses, time) is not in the grammar to begin with.

use std::sync::LazyLock;

use regex_lite::Regex;

/// Text of rows that are left out, and what differs.
pub const AVOIDED: &[(&str, &str)] =
    &[("collectgarbage(\"step\")", "whether a step finishes a cycle is the collector's own affair")];

/// What is not compared of messages: a pattern, what takes its place on both sides, and what differs. Output is compared escaped, so that quotes follow a backslash.
pub const UNCOMPARED: &[(&str, &str, &str)] = &[
];

/// Whether expressions stay on one line: releases of PUC Lua differ in the line of a call or an index whose operands are on several.
pub const ON_ONE_LINE: bool = true;

/// What stands for a constant zero behind this text: PUC Lua subtracts a constant by adding its negation, so that `-0.0 - 0` is `0.0` there.
pub fn instead_of_zero(before: &str) -> Option<&'static str> {
    before.ends_with("- ").then_some("1")
}

/// Whether a row of the grammar is left out.
pub fn is_avoided(row: &str) -> bool {
    AVOIDED.iter().any(|(text, _)| row.contains(text))
}

/// Output without what is not compared.
pub fn without_uncompared(text: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        UNCOMPARED.iter().map(|(pattern, with, _)| (Regex::new(pattern).expect("it is one"), *with)).collect()
    });
    RULES.iter().fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}
