//! What is run, in which order.
//!
//! A round runs every implementation once on every workload, a process each. Within a round the kernels come in random order, and so
//! do the implementations of a workload, side by side in time: what a ratio compares met the same machine, and no one always
//! runs first. Warming up is a workload of its own, and so is compiling the corpus.

use std::fmt;
use std::str::FromStr;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::kernel::{Kernel, Size};
use super::peer::{INTERPRETER_YARDSTICK, LUA_BESIDE};

/// What is to be measured.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The kernels.
    pub kernels: Vec<Kernel>,
    /// The implementations.
    pub implementations: Vec<Implementation>,
    /// Those that compile the corpus.
    pub compilers: Vec<Implementation>,
    /// Those whose warming up is recorded.
    pub warmers: Vec<Implementation>,
    /// Those whose instructions are counted; nobody's, unless it is asked for.
    pub counted: Vec<Implementation>,
    /// Processes for each implementation and workload.
    pub rounds: usize,
    /// Rounds in all of the kernels with a gate that does not pass in the planned ones; none if they get no more.
    pub settle: Option<usize>,
    /// Whether it is a quick look.
    pub quick: bool,
    /// Where the random order starts.
    pub seed: u64,
    /// The part that is run here; none for all of it.
    pub shard: Option<Shard>,
    /// Fingerprint of what is run: of the corpus.
    pub corpus: String,
}

/// A part of a plan: `1/4` is the first of four. Kernels are dealt to shards in turn, so that whatever is compared with each other is in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(with = "String")]
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
    /// Counts the instructions of a kernel, by index, at [`Size::Warm`].
    Count(usize),
}

/// Instructions are counted in so many processes: they must agree.
const COUNTS: usize = 2;

impl Job {
    /// The kernel it runs, by index; none where it compiles the corpus.
    pub fn kernel(&self) -> Option<usize> {
        match self.work {
            Work::Run(kernel, _) | Work::Count(kernel) => Some(kernel),
            Work::Compile => None,
        }
    }
}

impl Plan {
    /// The processes of the shard, or of all, in order.
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs = self.all_jobs();
        if let Some(shard) = self.shard {
            jobs.retain(|job| shard.holds(job.kernel().unwrap_or(self.kernels.len())));
        }
        jobs
    }

    /// All processes, in order, whatever the shard.
    fn all_jobs(&self) -> Vec<Job> {
        let mut rng = Rng::with_seed(self.seed);
        let mut jobs = Vec::new();
        for round in 0..self.rounds {
            let mut works: Vec<Work> = (0..self.kernels.len()).map(|k| Work::Run(k, self.size())).collect();
            // A quick look sees each warm up once.
            if round == 0 || !self.quick {
                works.extend(self.warming().map(|kernel| Work::Run(kernel, Size::Warm)));
            }
            rng.shuffle(&mut works);
            works.push(Work::Compile);
            for work in works {
                self.block(round, work, &mut rng, &mut jobs);
            }
        }
        for round in 0..COUNTS {
            for kernel in self.warming() {
                self.block(round, Work::Count(kernel), &mut rng, &mut jobs);
            }
        }
        jobs
    }

    /// More rounds of these kernels, up to [`Self::settle`]: they follow [`Self::jobs`].
    pub fn settling(&self, kernels: &[usize]) -> Vec<Job> {
        // Another order than that of the first rounds.
        let mut rng = Rng::with_seed(!self.seed);
        let mut jobs = Vec::new();
        for round in self.rounds..self.settle.unwrap_or(self.rounds) {
            let mut kernels = kernels.to_vec();
            rng.shuffle(&mut kernels);
            for kernel in kernels {
                self.block(round, Work::Run(kernel, self.size()), &mut rng, &mut jobs);
            }
        }
        jobs
    }

    /// Everyone who does a piece of work, in random order.
    fn block(&self, round: usize, work: Work, rng: &mut Rng, jobs: &mut Vec<Job>) {
        let all = match work {
            Work::Run(_, Size::Warm) => &self.warmers,
            Work::Run(..) => &self.implementations,
            Work::Compile => &self.compilers,
            Work::Count(_) => &self.counted,
        };
        let twins = |i: &&Implementation| match work {
            Work::Run(kernel, _) => match &self.kernels[kernel] {
                Kernel { script: Some(script), .. } => {
                    i.is_reference()
                        || i.peer() == Some(INTERPRETER_YARDSTICK)
                        || script.luajit && i.peer() == Some(LUA_BESIDE)
                }
                Kernel { interpreted: Some(_), peer, .. } => {
                    i.is_reference() || peer.is_some() && i.peer() == Some(INTERPRETER_YARDSTICK)
                }
                kernel => match i.runs().peer() {
                    Some(peer) => kernel.peer.is_some() && peer != LUA_BESIDE,
                    None => true,
                },
            },
            _ => true,
        };
        let mut who: Vec<&Implementation> = all.iter().filter(twins).collect();
        rng.shuffle(&mut who);
        jobs.extend(who.into_iter().map(|i| Job { round, implementation: i.clone(), work }));
    }

    /// The size at which speed is judged.
    pub fn size(&self) -> Size {
        if self.quick { Size::Quick } else { Size::Full }
    }

    /// Kernels that have a small size to warm up at.
    fn warming(&self) -> impl Iterator<Item = usize> {
        (0..self.kernels.len()).filter(|&kernel| self.kernels[kernel].args.contains_key(&Size::Warm))
    }

    /// The kernels of the shard, or all of them, by index.
    pub fn chosen(&self) -> Vec<usize> {
        let holds = |kernel: &usize| self.shard.is_none_or(|shard| shard.holds(*kernel));
        (0..self.kernels.len()).filter(holds).collect()
    }

    /// What tells this plan from others; that of a shard is that of the whole.
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{} {} {} {:?}\n", self.corpus, self.quick, self.rounds, self.settle);
        for job in self.all_jobs() {
            let args = job.kernel().map(|k| (&self.kernels[k].case, &self.kernels[k].args));
            text += &format!("{} {} {:?} {args:?}\n", job.round, job.implementation, job.work);
        }
        super::build::fingerprint(text.as_bytes())
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Job { round, implementation, work } = self;
        match work {
            Work::Run(kernel, size) => write!(f, "round {round}: kernel {kernel} at {size} on {implementation}"),
            Work::Compile => write!(f, "round {round}: the corpus on {implementation}"),
            Work::Count(kernel) => write!(f, "count {round}: kernel {kernel} on {implementation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::bench::kernel::{KernelGates, Script};
    use crate::bench::peer::PEERS;

    fn plan() -> Plan {
        let args = |size, n: u8| (size, vec![n.to_string()]);
        let kernel = |name: &str, peer: bool| Kernel {
            case: format!("bench/all/{name}"),
            name: name.to_owned(),
            args: BTreeMap::from([args(Size::Warm, 0), args(Size::Quick, 1), args(Size::Full, 2)]),
            peer: peer.then(|| name.to_owned()),
            script: None,
            interpreted: None,
            gates: KernelGates::default(),
        };
        let names = ["interpreter", "a/none", "a/speed", "again:a/none"].into_iter().chain(PEERS.map(|p| p.id));
        let who = |name: &str| name.parse().expect("a name");
        Plan {
            kernels: vec![kernel("one", true), kernel("two", false), kernel("three", true)],
            implementations: names.map(who).collect(),
            compilers: vec![who("a/none")],
            warmers: vec![who("interpreter"), who("a/none")],
            counted: Vec::new(),
            rounds: 3,
            settle: None,
            quick: false,
            seed: 1,
            shard: None,
            corpus: "c".to_owned(),
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
            assert_eq!(blocks, 2 * plan().kernels.len());
        }
        assert_eq!(jobs.iter().filter(|j| j.work == Work::Compile).count(), 3);
        assert_eq!(jobs.iter().filter(|j| j.work == Work::Run(0, Size::Warm)).count(), 6);
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
        assert!(quick.jobs().iter().all(|j| !matches!(j.work, Work::Run(_, Size::Full))));
        assert!(quick.jobs().iter().all(|j| j.round == 0 || !matches!(j.work, Work::Run(_, Size::Warm))));
    }

    #[test]
    fn what_is_only_interpreted_meets_its_yardstick_alone() {
        let mut plan = plan();
        plan.kernels[0].interpreted = Some("not compiled yet".to_owned());
        plan.kernels[0].args.remove(&Size::Warm);
        let who = |kernel| {
            let runs = plan.jobs().into_iter().filter(move |j| j.kernel() == Some(kernel));
            runs.map(|j| j.implementation.to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(who(0).into_iter().collect::<Vec<_>>(), ["interpreter", "lua5.4"]);
        assert!(who(2).contains("a/none"));
    }

    #[test]
    fn a_lua_program_meets_the_peers_that_have_its_language() {
        let mut plan = plan();
        for (kernel, luajit) in [(0, true), (1, false)] {
            plan.kernels[kernel].interpreted = Some("not compiled yet".to_owned());
            plan.kernels[kernel].script = Some(Script { file: "lua/bench/one.lua".into(), luajit });
            plan.kernels[kernel].args.remove(&Size::Warm);
        }
        let who = |kernel| {
            let runs = plan.jobs().into_iter().filter(move |j| j.kernel() == Some(kernel));
            runs.map(|j| j.implementation.to_string()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(who(0), ["interpreter", "lua5.4", "luajit-joff"]);
        assert_eq!(who(1), ["interpreter", "lua5.4"]);
        assert!(who(2).contains(&"luajit".to_owned()) && !who(2).contains(&"luajit-joff".to_owned()));
    }

    #[test]
    fn shards_are_the_whole_plan_once_and_keep_together_what_is_compared() {
        let shard = |index| Plan { shard: Some(Shard { index, of: 2 }), ..plan() };
        let mut parts: Vec<String> = [1, 2].iter().flat_map(|&i| shard(i).jobs()).map(|j| format!("{j:?}")).collect();
        let mut whole: Vec<String> = plan().jobs().iter().map(|j| format!("{j:?}")).collect();
        parts.sort();
        whole.sort();
        assert_eq!(parts, whole);
        assert_eq!((shard(1).chosen(), shard(2).chosen()), (vec![0, 2], vec![1]));
        assert_eq!(shard(1).fingerprint(), plan().fingerprint());
        for (text, good) in [("1/4", true), ("4/4", true), ("0/4", false), ("5/4", false), ("1", false), ("a/b", false)]
        {
            assert_eq!(text.parse::<Shard>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn another_plan_has_another_fingerprint() {
        let others = [
            Plan { rounds: 4, ..plan() },
            Plan { settle: Some(4), ..plan() },
            Plan { quick: true, ..plan() },
            Plan { seed: 2, ..plan() },
            Plan { corpus: "d".to_owned(), ..plan() },
            Plan { counted: plan().compilers, ..plan() },
            Plan { kernels: plan().kernels[..2].to_vec(), ..plan() },
        ];
        let prints: BTreeSet<String> = others.iter().chain([&plan()]).map(Plan::fingerprint).collect();
        assert_eq!(prints.len(), 8);
    }
}
