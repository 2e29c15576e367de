//! What random programs leave out because Lockstep is known to differ from PUC Lua there: ONE list, which shrinks as differences are mended. What
//! Lua itself leaves open (the order of `pairs`, borders of tables with holes, addresses, time) is not in the grammar to begin with.

/// Text of rows that are left out, and what differs.
pub const AVOIDED: &[(&str, &str)] =
    &[("collectgarbage(\"step\")", "whether a step finishes a cycle is the collector's own affair")];

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
