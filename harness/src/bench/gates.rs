//! Gates: what a run of benchmarks must show. They are data in the corpus: those of a kernel stand with the kernel, those over all kernels in
//! `corpus/gates.yaml`; here they are only judged.
//!
//! ```yaml
//! about: What must hold over all kernels.
//! gates:
//!   - name: letters_and_underscores
//!     about: Why.
//!     time: {of: interpreter, over: lua5.4}          # geometric mean over the kernels of the ratio of times
//!     at_most: 0.8
//!   - name: one_more
//!     about: Why.
//!     time: {of: interpreter, over: lua5.4}
//!     kernels: bench/generic                         # those of this file (or, with `*` at the end, of files), instead of all that backends run
//!     each: false                                    # whether it holds for each kernel by itself, and not for the mean
//!     at_most: 0.8
//!   - name: another
//!     about: Why.
//!     compile: {of: BACKEND/LEVEL, over: BACKEND/LEVEL}   # ratio of the backend's median time over the corpus
//!     at_most: 0.5
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{compile_pairs, groups};
use super::implementation::Implementation;
use super::kernel::Kernel;
use super::peer::NATIVE_YARDSTICK;
use super::results::BenchResults;
use crate::corpus::{self, CorpusError};
use crate::stats::{Bootstrap, Bound, Interval, Verdict};

/// The gate on a backend's uplift: the interpreter's time over the backend's.
const UPLIFT: &str = "uplift";

/// In a kernel's gates, every backend that makes native code.
const EVERY_NATIVE: &str = "native";

/// `corpus/gates.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "corpus/gates.yaml")]
pub struct CorpusGates {
    /// What they have in common; for readers of the file.
    #[serde(rename = "about")]
    _about: String,
    /// The gates.
    pub gates: Vec<CorpusGate>,
}

/// A gate over all kernels. Exactly one quantity and one bound are stated.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorpusGate {
    /// Its name.
    pub name: String,
    /// Why it stands.
    pub about: String,
    /// Ratio of times of kernels.
    pub time: Option<Pair>,
    /// The file whose kernels it is about, such as `bench/generic`, or with `*` at the end the files; all kernels that backends run, if not said.
    pub kernels: Option<String>,
    /// Whether it holds for each kernel by itself, and not for the mean.
    #[serde(default)]
    pub each: bool,
    /// Ratio of times of compilation.
    pub compile: Option<Pair>,
    /// Upper bound.
    pub at_most: Option<f64>,
    /// Lower bound.
    pub at_least: Option<f64>,
}

/// Whose time over whose.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Whose time is divided …
    #[schemars(with = "String")]
    pub of: Implementation,
    /// … by whose.
    #[schemars(with = "String")]
    pub over: Implementation,
}

/// A gate, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GateResult {
    /// The gate's name.
    pub gate: String,
    /// The kernel, if it is a kernel's.
    pub kernel: Option<String>,
    /// Who is judged: whose quantity is divided …
    pub of: String,
    /// … by whose.
    pub over: String,
    /// What must hold.
    pub bound: Bound,
    /// What was measured.
    pub measured: Option<Interval>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why there is no measurement.
    pub why: Option<String>,
}

impl CorpusGates {
    /// Reads `gates.yaml` of a corpus; no gates if there is no such file.
    ///
    /// # Errors
    /// The file has a mistake.
    pub fn load(corpus: &Path) -> Result<Self, CorpusError> {
        let path = corpus.join("gates.yaml");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = corpus::read(&path)?;
        let shown = path.display().to_string();
        let gates: Self = corpus::parse(&shown, &text)?;
        for gate in &gates.gates {
            if gate.quantity().is_none() || gate.bound().is_none() {
                let message = "a gate has one of `time` and `compile`, and one of `at_most` and `at_least`";
                return Err(corpus::mistake_at(&shown, &text, &format!("name: {}", gate.name), message).into());
            }
        }
        Ok(gates)
    }
}

impl CorpusGate {
    fn quantity(&self) -> Option<(&Pair, bool)> {
        match (&self.time, &self.compile) {
            (Some(pair), None) => Some((pair, false)),
            (None, Some(pair)) => Some((pair, true)),
            _ => None,
        }
    }

    fn bound(&self) -> Option<Bound> {
        match (self.at_most, self.at_least) {
            (Some(most), None) => Some(Bound::AtMost(most)),
            (None, Some(least)) => Some(Bound::AtLeast(least)),
            _ => None,
        }
    }
}

/// Judges a run by the gates of its kernels and of the corpus.
pub fn judge(
    results: &BenchResults,
    kernels: &[Kernel],
    corpus: &CorpusGates,
    bootstrap: &Bootstrap,
) -> Vec<GateResult> {
    let judge = Judge { results, bootstrap };
    let mut verdicts = Vec::new();
    // The kernels of other shards have their gates there.
    for kernel in kernels.iter().filter(|k| results.workloads.iter().any(|w| w.kernel == k.name)) {
        judge.kernel_gates(kernel, &mut verdicts);
    }
    verdicts.extend(corpus.gates.iter().flat_map(|gate| judge.corpus_gate(gate)));
    verdicts
}

/// The kernels, by name, on which gates rest that a run has not passed yet: a kernel's own, or all those of a mean.
pub fn unsettled(
    results: &BenchResults,
    kernels: &[Kernel],
    corpus: &CorpusGates,
    bootstrap: &Bootstrap,
) -> BTreeSet<String> {
    let open = judge(results, kernels, corpus, bootstrap).into_iter().filter(|g| g.verdict != Verdict::Pass);
    let rests_on = |gate: GateResult| match gate.kernel {
        Some(kernel) => vec![kernel],
        None => {
            let means = corpus.gates.iter().filter(|g| g.name == gate.gate && g.time.is_some());
            means.flat_map(|g| of_file(results, g.kernels.as_deref())).map(str::to_owned).collect()
        }
    };
    open.flat_map(rests_on).collect()
}

/// The kernels that a corpus gate is about.
fn of_file<'r>(results: &'r BenchResults, file: Option<&str>) -> Vec<&'r str> {
    file.map_or_else(|| results.kernels(), |file| results.kernels_of(file))
}

struct Judge<'r> {
    results: &'r BenchResults,
    bootstrap: &'r Bootstrap,
}

/// A gate on its way to a verdict.
#[derive(Clone, Copy)]
struct Question<'q> {
    gate: &'q str,
    kernel: Option<&'q str>,
    file: Option<&'q str>,
    of: &'q Implementation,
    over: &'q Implementation,
    bound: Bound,
}

impl Judge<'_> {
    fn kernel_gates(&self, kernel: &Kernel, verdicts: &mut Vec<GateResult>) {
        let interpreter = Implementation::Interpreter;
        let twin = Implementation::Peer(NATIVE_YARDSTICK.to_owned());
        let name = Some(kernel.name.as_str());
        let gates = &kernel.gates;
        for (native, bound) in self.subjects(UPLIFT, kernel, &gates.uplift, Bound::AtLeast, verdicts) {
            let question = Question { gate: UPLIFT, kernel: name, file: None, of: &interpreter, over: &native, bound };
            verdicts.extend(self.time(&question));
        }
        for (native, bound) in self.subjects("native_ratio", kernel, &gates.native_ratio, Bound::AtMost, verdicts) {
            let question = Question { gate: "native_ratio", kernel: name, file: None, of: &native, over: &twin, bound };
            verdicts.extend(self.time(&question));
        }
    }

    /// The implementations that the keys of a kernel's gates stand for, each a backend at its default level. A key that stands for none is said so.
    fn subjects(
        &self,
        gate: &str,
        kernel: &Kernel,
        gates: &BTreeMap<String, f64>,
        bound: fn(f64) -> Bound,
        verdicts: &mut Vec<GateResult>,
    ) -> Vec<(Implementation, Bound)> {
        let uplift = gate == UPLIFT;
        let defaults: BTreeMap<&str, &Implementation> = self
            .results
            .participants
            .iter()
            .filter(|p| p.default)
            .filter_map(|p| Some((p.implementation.column()?.backend.as_str(), &p.implementation)))
            .collect();
        // A backend's own bound goes before that of all.
        let every = gates.get(EVERY_NATIVE).into_iter().flat_map(|&limit| {
            defaults
                .iter()
                .filter(|(id, _)| !gates.contains_key(**id))
                .map(move |(_, who)| ((*who).clone(), bound(limit)))
        });
        let mut subjects: Vec<(Implementation, Bound)> = every.collect();
        for (key, &limit) in gates.iter().filter(|(key, _)| *key != EVERY_NATIVE) {
            match defaults.get(key.as_str()) {
                Some(&who) => subjects.push((who.clone(), bound(limit))),
                None if self.results.conditions.is_partial() => {}
                None => verdicts.push(GateResult {
                    gate: gate.to_owned(),
                    kernel: Some(kernel.name.clone()),
                    of: if uplift { Implementation::Interpreter.to_string() } else { key.clone() },
                    over: if uplift { key.clone() } else { NATIVE_YARDSTICK.to_owned() },
                    bound: bound(limit),
                    measured: None,
                    verdict: Verdict::Inconclusive,
                    why: Some(format!("no backend `{key}` took part")),
                }),
            }
        }
        subjects
    }

    fn corpus_gate(&self, gate: &CorpusGate) -> Vec<GateResult> {
        let (Some((Pair { of, over }, compile)), Some(bound)) = (gate.quantity(), gate.bound()) else {
            return Vec::new();
        };
        let file = gate.kernels.as_deref();
        let question = Question { gate: &gate.name, kernel: None, file, of, over, bound };
        if gate.each {
            let each = of_file(self.results, file)
                .into_iter()
                .filter_map(|kernel| self.time(&Question { kernel: Some(kernel), ..question }));
            return each.collect();
        }
        if !compile {
            return self.time(&question).into_iter().collect();
        }
        let void = |who: &Implementation| {
            let series = self.results.compile.iter().find(|s| s.implementation == *who)?;
            series.void.as_ref().map(|why| format!("{who}: {why}"))
        };
        self.conclude(&question, self.bootstrap.ratio(&compile_pairs(self.results, of, over)), &void)
            .into_iter()
            .collect()
    }

    fn time(&self, question: &Question<'_>) -> Option<GateResult> {
        let kernels = of_file(self.results, question.file);
        let concerns = |kernel: &str| question.kernel.is_none_or(|k| k == kernel) && kernels.contains(&kernel);
        // A series that does not count must not drop out of a mean unnoticed.
        let void = |who: &Implementation| {
            self.results.workloads.iter().filter(|w| concerns(&w.kernel)).find_map(|w| {
                let series = w.series.iter().find(|s| s.implementation == *who)?;
                series.void.as_ref().map(|why| format!("{who} on {}: {why}", w.kernel))
            })
        };
        let groups = groups(self.results, &kernels, question.of, question.over).into_iter();
        let pairs: Vec<_> = groups.filter(|g| concerns(&g.kernel)).map(|g| g.pairs).collect();
        self.conclude(question, self.bootstrap.geometric_mean(&pairs), &void)
    }

    /// The verdict; none where only a part was asked for and the gate is about another part.
    fn conclude(
        &self,
        question: &Question<'_>,
        measured: Option<Interval>,
        void: &dyn Fn(&Implementation) -> Option<String>,
    ) -> Option<GateResult> {
        let &Question { gate, kernel, of, over, bound, .. } = question;
        let absent = |who: &Implementation| match self.results.participants.iter().find(|p| p.implementation == *who) {
            None => Some(format!("{who} did not take part")),
            Some(participant) => participant.absent.as_ref().map(|why| format!("{who}: {why}")),
        };
        let missing = absent(of).or_else(|| absent(over));
        let broken = void(of).or_else(|| void(over));
        let (verdict, why) = match (missing, broken, &measured) {
            (Some(why), ..) => (Verdict::Inconclusive, Some(why)),
            // It was there and did not deliver.
            (None, Some(why), _) => (Verdict::Fail, Some(why)),
            (None, None, Some(measured)) => (bound.judge(measured), None),
            (None, None, None) => (Verdict::Inconclusive, Some("no round in which both ran".to_owned())),
        };
        if self.results.conditions.is_partial() && verdict == Verdict::Inconclusive && why.is_some() {
            return None;
        }
        Some(GateResult {
            gate: gate.to_owned(),
            kernel: kernel.map(str::to_owned),
            of: of.to_string(),
            over: over.to_string(),
            bound,
            measured: measured.filter(|_| why.is_none()),
            verdict,
            why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::kernel::{KernelGates, Size};
    use crate::bench::plant::Plant;
    use crate::bench::results::Workload;
    use crate::bench::testing;

    fn kernels() -> Vec<Kernel> {
        let gates = KernelGates {
            uplift: [("native".to_owned(), 3.0)].into(),
            native_ratio: [("fast".to_owned(), 1.6), ("slow".to_owned(), 2.5)].into(),
        };
        testing::KERNELS
            .map(|name| Kernel {
                case: format!("bench/all/{name}"),
                name: name.to_owned(),
                args: [(Size::Full, vec!["1".to_owned()])].into(),
                peer: Some(name.to_owned()),
                script: None,
                interpreted: None,
                gates: gates.clone(),
            })
            .into()
    }

    fn corpus_gates() -> CorpusGates {
        let gates = "about: All.\ngates:\n\
            - {name: no_straw_man, about: Why., time: {of: interpreter, over: lua5.4}, at_most: 0.8}\n\
            - {name: generic, about: Why., time: {of: interpreter, over: lua5.4}, kernels: bench/generic, at_most: 0.8}\n\
            - {name: each, about: Why., time: {of: interpreter, over: lua5.4}, kernels: bench/gen*, each: true, at_most: 0.9}\n\
            - {name: compiles_fast, about: Why., compile: {of: slow/none, over: fast/none}, at_most: 0.5}\n";
        crate::corpus::parse("gates.yaml", gates).expect("gates")
    }

    /// A run in which a kernel more takes part that no backend runs.
    fn results() -> BenchResults {
        let mut results = testing::results();
        let mut generic = results.workloads[0].clone();
        (generic.case, generic.kernel) = ("bench/generic/fib.any".to_owned(), "fib.any".to_owned());
        generic.interpreted = Some("not compiled".to_owned());
        generic.series.retain(|s| ["interpreter", "lua5.4"].contains(&s.implementation.to_string().as_str()));
        results.workloads.push(generic);
        results
    }

    #[test]
    fn a_gate_on_the_kernels_of_a_file_looks_at_no_others() {
        let mut results = results();
        let slow = |w: &mut Workload| {
            let all = w.series.iter_mut().filter(|s| s.implementation == Implementation::Interpreter);
            all.flat_map(|s| &mut s.samples).flat_map(|s| &mut s.calls).for_each(|seconds| *seconds *= 2.0);
        };
        results.workloads.iter_mut().filter(|w| w.interpreted.is_some()).for_each(slow);
        assert_eq!(failed(&results), ["generic interpreter lua5.4", "each interpreter lua5.4"]);
    }

    fn verdicts(results: &BenchResults) -> Vec<GateResult> {
        judge(results, &kernels(), &corpus_gates(), &Bootstrap { resamples: 200, ..Bootstrap::default() })
    }

    fn failed(results: &BenchResults) -> Vec<String> {
        let failed = verdicts(results).into_iter().filter(|v| v.verdict == Verdict::Fail);
        failed.map(|v| format!("{} {} {}", v.gate, v.of, v.over)).collect()
    }

    #[test]
    fn a_sound_run_passes_every_gate() {
        let verdicts = verdicts(&results());
        assert_eq!(verdicts.len(), testing::KERNELS.len() * 4 + 4);
        assert!(verdicts.iter().all(|v| v.verdict == Verdict::Pass), "{verdicts:#?}");
    }

    #[test]
    fn what_an_open_mean_rests_on_is_measured_on() {
        let mut results = results();
        let unsettled = |results: &BenchResults| super::unsettled(results, &[], &corpus_gates(), &Bootstrap::default());
        assert!(unsettled(&results).is_empty());
        "time:interpreter=2".parse::<Plant>().expect("a plant").apply(&mut results);
        let all: BTreeSet<String> = testing::KERNELS.into_iter().chain(["fib.any"]).map(str::to_owned).collect();
        assert_eq!(unsettled(&results), all);
    }

    #[test]
    fn every_gate_catches_its_planted_violation() {
        let planted = [
            ("time:fast/speed=20", "uplift interpreter fast/speed"),
            ("time:fast/speed=2", "native_ratio fast/speed gcc"),
            ("time:slow/none=2", "native_ratio slow/none gcc"),
            ("time:interpreter=2", "no_straw_man interpreter lua5.4"),
            ("time:interpreter=2", "generic interpreter lua5.4"),
            ("time:interpreter=2", "each interpreter lua5.4"),
            ("compile:slow/none=4", "compiles_fast slow/none fast/none"),
            ("checksum:fast/speed", "uplift interpreter fast/speed"),
        ];
        for (plant, gate) in planted {
            let mut results = results();
            plant.parse::<Plant>().expect("a plant").apply(&mut results);
            let failed = failed(&results);
            assert!(failed.iter().any(|f| f == gate), "{plant}: {failed:?}");
        }
    }

    #[test]
    fn a_process_that_differs_in_what_is_deterministic_fails_the_run() {
        let mut results = testing::results();
        results.judge();
        assert!(results.findings.is_empty());
        "exact:fast/speed".parse::<Plant>().expect("a plant").apply(&mut results);
        let found: Vec<_> = results.findings.iter().filter(|f| f.fails).map(|f| f.kind.name()).collect();
        assert_eq!(found, ["not_deterministic"]);
    }

    #[test]
    fn a_shard_is_judged_by_the_gates_of_its_kernels_alone() {
        let mut results = testing::results();
        results.conditions.shard = Some("1/2".parse().expect("a shard"));
        results.workloads.remove(1);
        results.compile.clear();
        let verdicts = verdicts(&results);
        assert!(verdicts.iter().all(|v| v.verdict == Verdict::Pass), "{verdicts:#?}");
        assert!(verdicts.iter().all(|v| v.kernel.as_deref() != Some(testing::KERNELS[1])));
    }

    #[test]
    fn who_is_absent_is_said_and_decides_nothing() {
        let mut results = testing::results();
        let lua = results.participants.iter_mut().find(|p| p.implementation.to_string() == "lua5.4").expect("there");
        lua.absent = Some("not installed".to_owned());
        let verdict = verdicts(&results).into_iter().find(|v| v.gate == "no_straw_man").expect("judged");
        assert_eq!(verdict.verdict, Verdict::Inconclusive);
        assert!(verdict.why.expect("a reason").contains("not installed"));

        // A gate for a backend that is not in the build is not passed over in silence.
        results.participants.retain(|p| !p.implementation.to_string().starts_with("slow/"));
        let verdicts = verdicts(&results);
        let lost = verdicts.iter().find(|v| v.gate == "native_ratio" && v.of == "slow").expect("said");
        assert_eq!(lost.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_gate_states_one_quantity_and_one_bound() {
        let two = CorpusGate {
            name: "two".to_owned(),
            about: String::new(),
            time: None,
            kernels: None,
            each: false,
            compile: None,
            at_most: Some(1.0),
            at_least: Some(1.0),
        };
        assert!(two.bound().is_none() && two.quantity().is_none());
    }
}
