//! What differs between two texts of a unit: the lines that one change takes away and adds, with their function.

use similar::{ChangeTag, TextDiff};

/// Most lines shown; a change of a pass that touches more is told by its number.
const MOST: usize = 40;

/// Lines that go, with `-`, and that come, with `+`, under the function they stand in.
pub fn lines(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let (mut found, mut function, mut shown) = (Vec::new(), None, None);
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end();
        if line.starts_with("function ") {
            function = Some(line.to_owned());
        }
        let sign = match change.tag() {
            ChangeTag::Equal => continue,
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        if shown != function {
            found.extend(function.iter().map(|f| format!("  {f}")));
            shown.clone_from(&function);
        }
        found.push(format!("{sign} {}", line.trim_start()));
    }
    if found.len() > MOST {
        let more = found.len() - MOST;
        found.truncate(MOST);
        found.push(format!("  … and {more} more"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_under_their_function() {
        let before = "function %a() {\n  x\n}\nfunction %b() {\n  y\n  z\n}\n";
        let after = "function %a() {\n  x\n}\nfunction %b() {\n  w\n  z\n}\n";
        assert_eq!(lines(before, after), ["  function %b() {", "- y", "+ w"]);
        assert!(lines(before, before).is_empty());
    }
}
