//! What is run, in which order.
//!
//! A round runs every implementation once on every workload, a process each. Within a round the kernels come in random order, and so
//! do the implementations of a workload, side by side in time: what a ratio compares met the same machine, and no one always
//! runs first.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::kernel::{Kernel, Size};

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The kernels.
    pub kernels: Vec<Kernel>,
    /// The implementations.
    pub implementations: Vec<Implementation>,
    /// Those that compile the corpus.
    pub compilers: Vec<Implementation>,
    /// Processes for each implementation and workload.
    pub rounds: usize,
    /// Whether it is a quick look.
    pub quick: bool,
    /// Where the random order starts.
    pub seed: u64,
}

/// A part of a plan: `1/4` is the first of four. Kernels are dealt to shards in turn, so that whatever is compared with each other is in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    /// Which, from 1.
    pub index: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Whether the n-th part of the plan, from 0, belongs to it.
    pub fn holds(self, n: usize) -> bool {
        n % self.of == self.index - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err(format!("`{text}` is no shard; expected I/N, from 1/N to N/N")),
        }
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// One process.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The round.
    pub round: usize,
    /// Who.
    pub implementation: Implementation,
    /// What.
    pub work: Work,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Runs a kernel, by index, at a size.
    Run(usize, Size),
    /// Compiles the corpus.
    Compile,
}

impl Plan {
    /// All processes, in order.
    pub fn jobs(&self) -> Vec<Job> {
        let mut rng = Rng::with_seed(self.seed);
        let mut jobs = Vec::new();
        for round in 0..self.rounds {
            let mut workloads: Vec<(usize, Size)> = self.workloads();
            rng.shuffle(&mut workloads);
            for (kernel, size) in workloads {
                let twins = self.kernels[kernel].peer.is_some();
                let mut who: Vec<&Implementation> =
                    self.implementations.iter().filter(|i| twins || i.peer().is_none()).collect();
                rng.shuffle(&mut who);
                let job = |i: &Implementation| Job { round, implementation: i.clone(), work: Work::Run(kernel, size) };
                jobs.extend(who.into_iter().map(job));
            }
            let mut compilers = self.compilers.clone();
            rng.shuffle(&mut compilers);
            jobs.extend(compilers.into_iter().map(|implementation| Job { round, implementation, work: Work::Compile }));
        }
        jobs
    }

    /// Kernels with the size at which they run.
    pub fn workloads(&self) -> Vec<(usize, Size)> {
        let size = if self.quick { Size::Quick } else { Size::Full };
        (0..self.kernels.len()).map(|kernel| (kernel, size)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::bench::kernel::KernelGates;
    use crate::bench::peer::PEERS;

    fn plan() -> Plan {
        let kernel = |name: &str, peer: bool| Kernel {
            case: format!("bench/all/{name}"),
            name: name.to_owned(),
            args: BTreeMap::from([(Size::Quick, vec!["1".to_owned()]), (Size::Full, vec!["2".to_owned()])]),
            peer: peer.then(|| name.to_owned()),
            gates: KernelGates::default(),
        };
        let names = ["interpreter", "a/none", "a/speed"].into_iter().chain(PEERS.map(|p| p.id));
        Plan {
            kernels: vec![kernel("one", true), kernel("two", false)],
            implementations: names.map(|n| n.parse().expect("a name")).collect(),
            compilers: vec!["a/none".parse().expect("a name")],
            rounds: 3,
            quick: false,
            seed: 1,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_order_and_another_another() {
        assert_eq!(plan().jobs(), plan().jobs());
        assert_ne!(plan().jobs(), Plan { seed: 2, ..plan() }.jobs());
    }

    #[test]
    fn every_round_runs_everyone_once_side_by_side() {
        let jobs = plan().jobs();
        for round in 0..3 {
            let runs: Vec<&Job> = jobs.iter().filter(|j| j.round == round && j.work != Work::Compile).collect();
            let distinct: BTreeSet<String> = runs.iter().map(|j| format!("{j:?}")).collect();
            assert_eq!(distinct.len(), runs.len());
            // The jobs of a workload follow each other.
            let blocks = 1 + runs.windows(2).filter(|w| w[0].work != w[1].work).count();
            assert_eq!(blocks, plan().workloads().len());
        }
        assert_eq!(jobs.iter().filter(|j| j.work == Work::Compile).count(), 3);
    }

    #[test]
    fn kernels_without_twins_have_no_peers() {
        let jobs = plan().jobs();
        let runs = |name: &str, kernel: usize| {
            jobs.iter().any(|j| j.implementation.to_string() == name && j.work == Work::Run(kernel, Size::Full))
        };
        assert!(runs("gcc", 0) && runs("lua5.4", 0) && runs("a/none", 0));
        assert!(!runs("gcc", 1) && runs("a/none", 1) && runs("interpreter", 1));
        let quick = Plan { quick: true, ..plan() };
        assert!(quick.workloads().iter().all(|w| w.1 == Size::Quick));
    }
}
