//! The invariants of docs/ARCHITECTURE.md that a compiler does not check, as rules over the workspace's metadata and source text.
//!
//! Each rule is a function from what it looks at to a list of violations. It runs on the workspace, where it must find none, and on
//! a doctored input, where it must find what was planted: a rule that cannot fail says nothing.
#![forbid(unsafe_code)]

mod edges;
mod sources;
mod workspace;

/// Fails with all violations at once.
fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Fails unless a rule found what was planted, and named it.
fn assert_found(violations: &[String], named: &str) {
    assert!(violations.iter().any(|v| v.contains(named)), "`{named}` was planted and not found; found: {violations:?}");
}
