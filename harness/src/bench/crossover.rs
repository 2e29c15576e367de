//! From when on compiling pays, and from when on one backend is better than another.
//!
//! A program that would run for a long time in the interpreter takes `c + w·r` with a backend: `c` seconds of compilation, set-up included, and `r` seconds for each unit of
//! work. Two implementations take the same time where `c₁ + w·r₁ = c₂ + w·r₂`; with either the program then takes `c₁ + (c₂ − c₁) / (1 − r₂/r₁)` seconds, whatever the
//! unit of work is. The interpreter is the case `c₁ = 0`.

use serde::{Deserialize, Serialize};

use super::analysis::Rounds;
use super::implementation::Implementation;
use super::results::{BenchResults, Sample};
use crate::stats::{Bootstrap, Interval, typical};

/// From when on one backend is better than another: the one that starts sooner against the one that runs faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Crossover {
    /// The kernel; none for the geometric mean over all.
    pub kernel: Option<String>,
    /// Compiles in less time.
    pub short: Implementation,
    /// The other.
    pub long: Implementation,
    /// What the samples say.
    pub verdict: Preference,
    /// Seconds that the program takes with either when both take the same, compilation and set-up included; only with [`Preference::Crossover`].
    pub seconds: Option<Interval>,
}

/// Which of two backends to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The one that compiles faster for short runs, the other for long runs.
    Crossover,
    /// Always the one that compiles faster: it runs faster too.
    Short,
    /// The interval does not say.
    CannotTell,
}

/// What two implementations cost in a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Compilation by the first, in seconds; 0 for the interpreter.
    pub compile: f64,
    /// Compilation by the second.
    pub other_compile: f64,
    /// A call of the second over a call of the first.
    pub ratio: f64,
}

impl Costs {
    /// Of two samples of a round.
    fn of(first: &Sample, second: &Sample) -> Option<Self> {
        let ratio = second.seconds()? / first.seconds()?;
        Some(Self { compile: first.compile_seconds(), other_compile: second.compile_seconds(), ratio })
    }

    /// Of all rounds of each kernel, paired.
    fn rounds(rounds: &[Rounds<'_>]) -> Vec<Vec<Self>> {
        let costs = |r: &Rounds<'_>| r.pairs.iter().filter_map(|(a, b)| Self::of(a, b)).collect();
        rounds.iter().map(costs).collect()
    }
}

/// Seconds of either at the crossing; infinite where the second never catches up, 0 where it is ahead from the start, not a number where the first starts later and
/// runs faster.
fn crossing(compile: f64, other: f64, ratio: f64) -> f64 {
    match (compile <= other, ratio < 1.0) {
        (true, true) => compile + (other - compile) / (1.0 - ratio),
        (true, false) => f64::INFINITY,
        (false, true) => 0.0,
        (false, false) => f64::NAN,
    }
}

/// The crossing of typical costs, with its interval, over kernels.
fn estimate(groups: &[Vec<Costs>], bootstrap: &Bootstrap) -> Option<Interval> {
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    bootstrap.quantity(&sizes, |chosen| {
        let mean = |of: fn(&Costs) -> f64| {
            let typical = |(group, chosen): (&Vec<Costs>, &Vec<usize>)| {
                let values: Vec<f64> = chosen.iter().map(|&n| of(&group[n])).collect();
                // The interpreter compiles nothing.
                if values.contains(&0.0) { 0.0 } else { typical(values) }.ln()
            };
            (groups.iter().zip(chosen).map(typical).sum::<f64>() / groups.len() as f64).exp()
        };
        crossing(mean(|c| c.compile), mean(|c| c.other_compile), mean(|c| c.ratio))
    })
}

/// Seconds of interpretation after which compiling has paid for itself, from samples of the interpreter and of a backend on a kernel.
pub fn break_even(rounds: &Rounds<'_>, bootstrap: &Bootstrap) -> Option<Interval> {
    let costs = Costs::rounds(std::slice::from_ref(rounds));
    estimate(&costs, bootstrap).filter(|seconds| seconds.high.is_finite())
}

/// The crossovers of two backends, by kernel, then over all kernels.
pub fn crossovers(
    results: &BenchResults,
    one: &Implementation,
    other: &Implementation,
    bootstrap: &Bootstrap,
) -> Vec<Crossover> {
    let compile = |kernel: Option<&str>, who: &Implementation| {
        let workloads = results.workloads.iter().filter(|w| kernel.is_none_or(|k| k == w.kernel));
        typical(workloads.flat_map(|w| w.samples(who)).map(Sample::compile_seconds))
    };
    let crossover = |kernel: Option<&str>| {
        let (short, long) = if compile(kernel, one) <= compile(kernel, other) { (one, other) } else { (other, one) };
        let rounds: Vec<Rounds<'_>> = results
            .workloads
            .iter()
            .filter(|w| kernel.is_none_or(|k| k == w.kernel))
            .map(|w| Rounds::of(w, short, long))
            .filter(|r| !r.pairs.is_empty())
            .collect();
        if rounds.is_empty() {
            return None;
        }
        let seconds = estimate(&Costs::rounds(&rounds), bootstrap);
        let verdict = match &seconds {
            Some(seconds) if seconds.low == f64::INFINITY => Preference::Short,
            Some(seconds) if seconds.high.is_finite() && seconds.samples > 1 => Preference::Crossover,
            _ => Preference::CannotTell,
        };
        Some(Crossover {
            kernel: kernel.map(str::to_owned),
            short: short.clone(),
            long: long.clone(),
            verdict,
            seconds: seconds.filter(|_| verdict == Preference::Crossover),
        })
    };
    results.kernels().into_iter().map(Some).chain([None]).filter_map(crossover).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{Phase, Series, Workload};
    use crate::bench::testing;

    fn workload(kernel: &str, costs: &[(&str, f64, f64)]) -> Workload {
        let noise = [1.0, 1.02, 0.98, 1.01, 0.99, 1.005];
        let sample = |(round, noise): (usize, &f64), compile: f64, seconds: f64| Sample {
            round,
            calls: vec![seconds * noise],
            compile: vec![Phase { name: "emit".to_owned(), backend: true, seconds: compile * noise }],
            ..Sample::default()
        };
        let series = |(n, &(who, compile, seconds)): (usize, &(&str, f64, f64))| {
            let mut noise = noise;
            noise.rotate_left(n);
            Series {
                implementation: who.parse().expect("a name"),
                samples: noise.iter().enumerate().map(|n| sample(n, compile, seconds)).collect(),
                void: None,
            }
        };
        let template = testing::results().workloads.remove(0);
        Workload { kernel: kernel.to_owned(), series: costs.iter().enumerate().map(series).collect(), ..template }
    }

    fn between(quick: (f64, f64), slow: (f64, f64)) -> Crossover {
        let costs = [("quick/none", quick.0, quick.1), ("slow/best", slow.0, slow.1)];
        let results = BenchResults { workloads: vec![workload("a", &costs)], ..BenchResults::default() };
        let who = |name: &str| name.parse::<Implementation>().expect("a name");
        let found = crossovers(&results, &who("slow/best"), &who("quick/none"), &Bootstrap::default());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].seconds.map(|s| s.estimate), found[1].seconds.map(|s| s.estimate));
        found[0].clone()
    }

    #[test]
    fn compiling_pays_when_what_it_saves_exceeds_what_it_costs() {
        // Ten times faster: of each interpreted second nine tenths are saved.
        let costs = workload("a", &[("interpreter", 0.0, 1.0), ("a/none", 0.009, 0.1), ("b/none", 0.009, 1.0)]);
        let after = |name: &str| {
            let rounds = Rounds::of(&costs, &Implementation::Interpreter, &name.parse().expect("a name"));
            break_even(&rounds, &Bootstrap::default())
        };
        let seconds = after("a/none").expect("it pays");
        assert!((seconds.estimate - 0.01).abs() < 1e-4, "{seconds:?}");
        assert!(seconds.low < 0.01 && 0.01 < seconds.high);
        assert_eq!(after("b/none"), None);
    }

    #[test]
    fn two_backends_cross_where_both_take_the_same() {
        // 1 ms and 2 s for each unit against 101 ms and 1 s: after a tenth of a unit.
        let found = between((0.001, 2.0), (0.101, 1.0));
        let seconds = found.seconds.expect("a crossing");
        assert_eq!((found.verdict, found.short.to_string().as_str()), (Preference::Crossover, "quick/none"));
        assert!((seconds.estimate - 0.201).abs() < 1e-3 && seconds.low < 0.201 && 0.201 < seconds.high, "{seconds:?}");
        // Whose names they are does not matter.
        assert_eq!(between((0.101, 1.0), (0.001, 2.0)).short.to_string(), "slow/best");
    }

    #[test]
    fn who_is_faster_in_both_is_always_better_and_a_tie_tells_nothing() {
        assert_eq!(between((0.001, 1.0), (0.101, 2.0)).verdict, Preference::Short);
        assert_eq!(between((0.001, 1.0), (0.101, 1.0)).verdict, Preference::CannotTell);
    }
}
