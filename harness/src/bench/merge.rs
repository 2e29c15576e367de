//! Shards of a run, put together: the samples of each kernel are those of the shard that ran it. It does not join runs of the same kernels, which met different machines.

use super::noise;
use super::results::{BenchResults, Finding, FindingKind};

/// Puts all shards of a plan together.
///
/// # Errors
/// A shard is missing or there twice, or they are of different builds or plans.
pub fn merge(mut parts: Vec<BenchResults>) -> Result<BenchResults, String> {
    let first = parts.first().ok_or("nothing to merge")?;
    let of = first.conditions.shard.ok_or("the first is no shard of a run: it is all of it")?.of;
    for part in &parts {
        let shard = part.conditions.shard.ok_or("one is no shard of a run: it is all of it")?;
        if part.build != first.build {
            return Err(format!("shard {shard} was measured by another build"));
        }
        if part.plan != first.plan || shard.of != of {
            return Err(format!("shard {shard} is of another plan"));
        }
    }
    let index = |part: &BenchResults| part.conditions.shard.map_or(0, |shard| shard.index);
    parts.sort_by_key(index);
    let found: Vec<usize> = parts.iter().map(index).collect();
    if let Some(twice) = found.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("shard {}/{of} is there twice", twice[0]));
    }
    if let Some(missing) = (1..=of).find(|i| !found.contains(i)) {
        return Err(format!("shard {missing}/{of} is missing"));
    }
    let mut parts = parts.into_iter();
    let mut whole = parts.next().expect("there is a first");
    let key = |results: &BenchResults| (results.machine.cpu.clone(), results.machine.system.clone());
    let mut workloads = vec![std::mem::take(&mut whole.workloads)];
    let mut warmup = vec![std::mem::take(&mut whole.warmup)];
    for part in parts {
        if key(&part) != key(&whole) {
            whole.findings.push(Finding {
                kind: FindingKind::Machines,
                kernel: None,
                implementation: None,
                what: format!(
                    "shard {} ran on {}, {}; the first on {}, {}: ratios hold within their kernels, times cannot be compared between them",
                    index(&part), part.machine.cpu, part.machine.system, whole.machine.cpu, whole.machine.system
                ),
                fails: false,
            });
        }
        whole.conditions.seconds += part.conditions.seconds;
        whole.conditions.resumed += part.conditions.resumed;
        workloads.push(part.workloads);
        warmup.push(part.warmup);
        whole.compile.extend(part.compile);
        whole.exact.extend(part.exact);
        whole.findings.extend(part.findings);
    }
    (whole.workloads, whole.warmup) = (deal_back(workloads), deal_back(warmup));
    whole.conditions.shard = None;
    noise::mark(&mut whole);
    whole.judge();
    Ok(whole)
}

/// Kernels were dealt to shards in turn: in the same turn they come back.
fn deal_back<T>(hands: Vec<Vec<T>>) -> Vec<T> {
    let mut hands: Vec<_> = hands.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(hands.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::Shard;
    use crate::bench::testing;

    /// The made-up run, in shards.
    fn shards(of: usize) -> Vec<BenchResults> {
        let part = |index: usize| {
            let shard = Shard { index, of };
            let mut part = testing::results();
            part.conditions.shard = Some(shard);
            let mut n = 0;
            part.workloads.retain(|_| {
                n += 1;
                shard.holds(n - 1)
            });
            if !shard.holds(testing::KERNELS.len()) {
                part.compile.clear();
            }
            part
        };
        (1..=of).map(part).collect()
    }

    #[test]
    fn shards_put_together_are_the_whole_run() {
        let mut parts = shards(2);
        parts.reverse();
        let merged = merge(parts).expect("they fit");
        let whole = testing::results();
        assert_eq!((&merged.workloads, &merged.compile), (&whole.workloads, &whole.compile));
        assert_eq!((merged.conditions.shard, merged.conditions.seconds), (None, 120.0));
    }

    #[test]
    fn shards_that_do_not_fit_are_refused() {
        let error = |parts: Vec<BenchResults>| merge(parts).expect_err("refused");
        assert!(error(shards(3)[..2].to_vec()).contains("3/3 is missing"));
        assert!(error([shards(2), shards(2)].concat()).contains("twice"));
        assert!(error(vec![testing::results()]).contains("all of it"));
        let mut parts = shards(2);
        parts[1].build.executable = "other".to_owned();
        assert!(error(parts).contains("another build"));
        let mut parts = shards(2);
        parts[1].plan = "other".to_owned();
        assert!(error(parts).contains("another plan"));
        let mut parts = shards(2);
        parts[1].machine.cpu = "other".to_owned();
        let merged = merge(parts).expect("said, not refused");
        assert!(merged.findings.iter().any(|f| f.kind == FindingKind::Machines && !f.fails));
    }
}
