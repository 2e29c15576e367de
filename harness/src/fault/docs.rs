//! The registry as the table of docs/faults.md.

use std::fmt::Write;

use super::gates::GATES;
use super::{blind, known, rates};

/// What stands before the generated part of the page.
const BEGIN: &str =
    "<!-- Generated from harness/src/fault; refresh with `BLESS=1 cargo test -p lockstep --lib fault::docs`. -->\n";

/// What stands behind it.
const END: &str = "<!-- End of what is generated. -->\n";

/// The tables of faults and gates.
pub fn tables() -> String {
    let mut text =
        String::from("\n| fault | layer | the mistake | shows on | gate |\n| --- | --- | --- | --- | --- |\n");
    let recorded = rates::recorded();
    for fault in known().chain(blind()) {
        let share = recorded.rates.get(fault.id).map_or_else(|| "–".to_owned(), |rate| percent(rate.share()));
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {share} | `{}` |",
            fault.id,
            fault.layer.name(),
            fault.about,
            fault.gate
        );
    }
    let rare = recorded.rates.values().filter(|rate| rate.is_rare()).count();
    let _ = writeln!(
        text,
        "\n{} faults, {} of them blind; {rare} show on less than {} % of inputs.\n",
        known().chain(blind()).count(),
        blind().count(),
        100.0 * rates::RARE
    );
    text += "| gate | checks | command |\n| --- | --- | --- |\n";
    for gate in GATES {
        let _ = writeln!(text, "| `{}` | {} | `lockstep {}` |", gate.id, gate.about, gate.command);
    }
    text.push('\n');
    text
}

/// A share as a percentage of two digits.
fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 0.995 => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}

/// A page with its generated part renewed; none if it has no such part.
pub fn renewed(page: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}{END}{after}", tables()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_the_registry() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
        let page = std::fs::read_to_string(path).expect("the page is there");
        let fresh = renewed(&page).expect("the page has a generated part");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &fresh).expect("it can be written");
        }
        let now = std::fs::read_to_string(path).expect("the page is there");
        assert!(now == fresh, "docs/faults.md is stale: BLESS=1 cargo test -p lockstep --lib fault::docs");
    }

    #[test]
    fn a_stale_page_is_renewed_and_nothing_else_of_it_changes() {
        let page = format!("before\n{BEGIN}what was there\n{END}after\n");
        let fresh = renewed(&page).expect("it has the marks");
        assert!(fresh.starts_with("before\n") && fresh.ends_with("after\n") && !fresh.contains("what was there"));
        assert_eq!(renewed(&fresh).as_deref(), Some(fresh.as_str()));
        assert_eq!(renewed("no marks"), None);
    }
}
