//! Delta debugging over a set: the smallest subset that still shows what is looked for.
//!
//! The algorithm is `ddmin` (Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, 2002). Its answer is 1-minimal: with any single
//! element left out, the test fails. It need not be the smallest of all.

/// Reduces `items`, for which `shows` holds, to a subset for which it holds and of which no element can be left out. `shows` is asked about O(n²)
/// subsets at worst, O(log n) where one element is to blame.
pub fn minimal<T: Clone>(items: &[T], shows: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut current = items.to_vec();
    let mut parts = 2;
    while current.len() >= 2 {
        let chunks: Vec<Vec<T>> = split(&current, parts);
        let mut next = None;
        for chunk in &chunks {
            if shows(chunk) {
                next = Some((chunk.clone(), 2));
                break;
            }
        }
        if next.is_none() && parts > 2 {
            for left_out in 0..chunks.len() {
                let rest: Vec<T> =
                    chunks.iter().enumerate().filter(|(n, _)| *n != left_out).flat_map(|(_, c)| c.clone()).collect();
                if shows(&rest) {
                    next = Some((rest, parts - 1));
                    break;
                }
            }
        }
        match next {
            Some((smaller, granularity)) => (current, parts) = (smaller, granularity.max(2)),
            None if parts < current.len() => parts = (2 * parts).min(current.len()),
            None => break,
        }
    }
    current
}

/// Cuts into `parts` pieces of nearly equal length.
fn split<T: Clone>(items: &[T], parts: usize) -> Vec<Vec<T>> {
    let at = |n: usize| n * items.len() / parts;
    (0..parts).map(|n| items[at(n)..at(n + 1)].to_vec()).filter(|part| !part.is_empty()).collect()
}

/// The least number in `1..=most` for which `shows` holds, if it holds for `most` and, once it holds, goes on to.
pub fn least(most: u64, shows: &mut dyn FnMut(u64) -> bool) -> u64 {
    let (mut low, mut high) = (1, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if shows(middle) { high = middle } else { low = middle + 1 }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_guilty_are_found_and_nobody_else(count in 1..40usize, guilty in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
            let guilty: std::collections::BTreeSet<usize> = guilty.iter().map(|g| g.index(count)).collect();
            let items: Vec<usize> = (0..count).collect();
            let mut asked = 0;
            let found = minimal(&items, &mut |subset: &[usize]| {
                asked += 1;
                guilty.iter().all(|g| subset.contains(g))
            });
            prop_assert_eq!(found, guilty.into_iter().collect::<Vec<_>>());
            prop_assert!(asked <= 4 * count * count + 20);
        }

        #[test]
        fn the_least_number_is_found(most in 1..1_000_000u64, at in any::<prop::sample::Index>()) {
            let answer = 1 + at.index(most as usize) as u64;
            prop_assert_eq!(least(most, &mut |n| n >= answer), answer);
        }
    }

    #[test]
    fn one_of_two_alternatives_is_enough() {
        let found = minimal(&[1, 2, 3, 4, 5, 6, 7, 8], &mut |subset| subset.contains(&2) || subset.contains(&7));
        assert_eq!(found.len(), 1);
    }
}
