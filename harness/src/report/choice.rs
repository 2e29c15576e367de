//! Which backend to use: for short runs, for long runs, and where one overtakes the other.
//!
//! Work that takes the interpreter `w` seconds takes a backend `compile + w / uplift` seconds. Both figures are those of a typical kernel: geometric means over
//! the kernels, at each backend's default level. So the backend that compiles quickest is the choice for runs short enough, the one whose code is fastest for
//! runs long enough, and two lines cross at most once. Where they cross is [`crate::bench::crossover`]'s business; words are [`super::answers`]', pictures
//! [`super::charts`]'.

use serde::{Deserialize, Serialize};

use crate::bench::analysis::{Analysis, Rounds};
use crate::bench::crossover::{Crossover, crossovers};
use crate::bench::results::{BenchResults, Sample};
use crate::bench::{Implementation, Size};
use crate::stats::{Bootstrap, Bound, Interval, Verdict};

/// Which backend to use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Choice {
    /// How many kernels it rests on.
    pub kernels: usize,
    /// Who could be chosen, in the order of the data.
    pub candidates: Vec<Candidate>,
    /// For short runs: who compiles quickest.
    pub short: Pick,
    /// For long runs: whose code is fastest.
    pub long: Pick,
    /// Seconds of a run, compilation included, that the one for short runs and the one for long runs need alike; none if they are the same or if it cannot be told.
    pub crossover: Option<Interval>,
    /// Who, by the estimates, is better than both in between, in the order of the length of runs.
    pub between: Vec<Stretch>,
}

/// A backend at its default level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Candidate {
    /// Who.
    pub implementation: Implementation,
    /// Seconds from bytecode to loaded code, set-up included, for a typical kernel.
    pub compile: Interval,
    /// How many times faster than the interpreter, for a typical kernel.
    pub uplift: Interval,
    /// Seconds in the interpreter from which on compiling pays; none if it never does, or if that cannot be told.
    pub pays_from: Option<Interval>,
}

/// The best of the candidates in one respect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pick {
    /// The best by its estimate.
    pub best: Implementation,
    /// The others, nearest first, each with its time over that of the best.
    pub rivals: Vec<Rival>,
}

/// Another candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rival {
    /// Who.
    pub implementation: Implementation,
    /// Its time over that of the best.
    pub ratio: Interval,
    /// Whether the best is better beyond doubt: the whole interval is above 1.
    pub told: bool,
}

/// The lengths of runs for which a backend is the best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stretch {
    /// Who.
    pub implementation: Implementation,
    /// Where it overtakes the one before it: seconds of a run.
    pub from: Interval,
    /// Where the one after it overtakes it: seconds of a run.
    pub to: Interval,
}

impl Pick {
    /// The rivals that cannot be told from the best.
    pub fn tied(&self) -> impl Iterator<Item = &Rival> {
        self.rivals.iter().filter(|r| !r.told)
    }

    /// Whether the best is better than all others beyond doubt.
    pub fn told(&self) -> bool {
        self.tied().next().is_none()
    }
}

impl Choice {
    /// The choice among the backends at their default levels; none unless there is one that was measured on every kernel.
    pub fn of(results: &BenchResults, analysis: &Analysis, bootstrap: &Bootstrap) -> Option<Self> {
        let kernels = results.kernels();
        let on_all = |who: &&Implementation| kernels.iter().all(|k| analysis.uplift_of(who, Some(k)).is_some());
        let who: Vec<&Implementation> =
            results.present().filter(|p| p.default).map(|p| &p.implementation).filter(on_all).collect();
        let candidates = who.iter().filter_map(|who| {
            Some(Candidate {
                implementation: (*who).clone(),
                compile: mean(results, who, who, bootstrap, |s, _| (s.compile_seconds(), 1.0))?,
                uplift: analysis.uplift_of(who, None)?.ratio,
                pays_from: over_all(&crossovers(results, &Implementation::Interpreter, who, bootstrap)),
            })
        });
        let candidates: Vec<Candidate> = candidates.collect();
        let quickest = candidates.iter().min_by(|a, b| a.compile.estimate.total_cmp(&b.compile.estimate))?;
        let fastest = candidates.iter().max_by(|a, b| a.uplift.estimate.total_cmp(&b.uplift.estimate))?;
        let pick = |best: &Candidate, time: Time| {
            let rivals = candidates.iter().map(|c| &c.implementation).filter(|who| **who != best.implementation);
            let mut rivals: Vec<Rival> =
                rivals.filter_map(|who| rival(results, who, &best.implementation, bootstrap, time)).collect();
            rivals.sort_by(|a, b| a.ratio.estimate.total_cmp(&b.ratio.estimate));
            Pick { best: best.implementation.clone(), rivals }
        };
        let short = pick(quickest, |a, b| (a.compile_seconds(), b.compile_seconds()));
        let long = pick(fastest, |a, b| (a.seconds().unwrap_or(f64::NAN), b.seconds().unwrap_or(f64::NAN)));
        let cross = |one: &Implementation, other: &Implementation| {
            let pair: Vec<Crossover> = analysis
                .crossovers
                .iter()
                .filter(|c| [&c.short, &c.long] == [one, other] || [&c.short, &c.long] == [other, one])
                .cloned()
                .collect();
            over_all(&pair)
        };
        let told = short.told() && long.told() && short.best != long.best;
        let crossover = if told { cross(&short.best, &long.best) } else { None };
        let best = envelope(&candidates, quickest, fastest);
        let stretch = |around: &[&Candidate]| {
            let [before, now, after] = around.iter().map(|c| &c.implementation).collect::<Vec<_>>()[..] else {
                return None;
            };
            Some(Stretch { implementation: now.clone(), from: cross(before, now)?, to: cross(now, after)? })
        };
        let between = if crossover.is_some() { best.windows(3).filter_map(stretch).collect() } else { Vec::new() };
        Some(Self { kernels: kernels.len(), short, long, crossover, between, candidates })
    }

    /// A candidate's figures.
    pub fn candidate(&self, who: &Implementation) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.implementation == *who)
    }
}

/// The time of two samples of a round.
type Time = fn(&Sample, &Sample) -> (f64, f64);

fn rival(
    results: &BenchResults,
    who: &Implementation,
    best: &Implementation,
    bootstrap: &Bootstrap,
    time: Time,
) -> Option<Rival> {
    let ratio = mean(results, who, best, bootstrap, time)?;
    // Better means: not only not worse.
    let told = Bound::AtLeast(1.0).judge(&ratio) == Verdict::Pass && ratio.low > 1.0;
    Some(Rival { implementation: who.clone(), ratio, told })
}

/// The geometric mean over the kernels of a ratio, each at the largest size that both ran; none unless both ran all of them.
fn mean(
    results: &BenchResults,
    one: &Implementation,
    other: &Implementation,
    bootstrap: &Bootstrap,
    ratio: Time,
) -> Option<Interval> {
    let pairs = |kernel: &&str| {
        let sizes = [Size::Full, Size::Quick].into_iter().filter_map(|size| results.workload(kernel, size));
        let rounds = sizes.map(|workload| Rounds::of(workload, one, other)).find(|r| !r.pairs.is_empty())?;
        Some(rounds.pairs.iter().map(|(a, b)| ratio(a, b)).collect::<Vec<_>>())
    };
    bootstrap.geometric_mean(&results.kernels().iter().map(pairs).collect::<Option<Vec<_>>>()?)
}

/// Of crossovers of a pair the one over all kernels.
fn over_all(crossovers: &[Crossover]) -> Option<Interval> {
    crossovers.iter().find(|c| c.kernel.is_none())?.seconds
}

/// The candidates that are best for some length of run, from the one for the shortest to the one for the longest.
fn envelope<'c>(candidates: &'c [Candidate], quickest: &'c Candidate, fastest: &'c Candidate) -> Vec<&'c Candidate> {
    let mut best = vec![quickest];
    while let Some(now) = best.last().filter(|now| now.implementation != fastest.implementation) {
        // The work from which on the other is ahead.
        let overtakes = |other: &&Candidate| {
            let saved = 1.0 / now.uplift.estimate - 1.0 / other.uplift.estimate;
            (other.compile.estimate - now.compile.estimate) / saved
        };
        let faster = candidates.iter().filter(|c| c.uplift.estimate > now.uplift.estimate);
        let Some(next) = faster.min_by(|a, b| overtakes(a).total_cmp(&overtakes(b))) else { break };
        best.push(next);
    }
    best
}
