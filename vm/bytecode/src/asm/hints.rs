//! What an author probably meant: near misses among names.

use crate::Op;

/// The name most like `word`, if one is like it at all: the first in their order, if several are. Of the shorter of the two something must be left.
pub fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let length = word.chars().count();
    let most = (length / 3).clamp(1, 3);
    let near = |name: &&str| {
        let other = name.chars().count();
        length.abs_diff(other) <= most && distance(word, name) <= most.min(length.min(other).saturating_sub(1))
    };
    names.filter(near).min_by_key(|name| (distance(word, name), *name))
}

/// A hint for a mnemonic that does not exist.
pub fn mnemonic(word: &str) -> Option<String> {
    let (stem, suffix) = word.split_once('.').unwrap_or((word, ""));
    let swapped = match stem {
        "gt" | "ge" | "jgt" | "jge" => Some(stem.replace('g', "l")),
        _ => None,
    };
    if let Some(swapped) = swapped {
        let op = Op::from_mnemonic(&format!("{swapped}.{suffix}"))?;
        return Some(format!("write `{op}` with its operands swapped"));
    }
    let kinds: Vec<_> =
        Op::ALL.iter().filter(|op| op.info().stem == stem).map(|op| format!("`{}`", op.mnemonic())).collect();
    if !kinds.is_empty() {
        return Some(format!("there are {}", kinds.join(", ")));
    }
    nearest(word, Op::ALL.iter().map(|op| op.mnemonic())).map(|name| format!("did you mean `{name}`?"))
}

/// Edits that make one word the other: insertions, deletions, substitutions, swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn of_names_equally_near_the_first_is_meant() {
        let names = ["count", "court", "cost", "mount"];
        for turn in 0..names.len() {
            let turned = names.iter().copied().cycle().skip(turn).take(names.len());
            assert_eq!(nearest("coutt", turned), Some("count"));
        }
    }

    #[test]
    fn a_name_that_shares_nothing_is_not_near() {
        assert_eq!(nearest("i", ["n", "s", "t0"].into_iter()), None);
        assert_eq!(nearest("i", ["i0"].into_iter()), None);
        assert_eq!(nearest("i1", ["il"].into_iter()), Some("il"));
    }
}
