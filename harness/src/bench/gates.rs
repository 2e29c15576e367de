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
//!   - name: another
//!     about: Why.
//!     compile: {of: BACKEND/LEVEL, over: BACKEND/LEVEL}   # ratio of the backend's median time over the corpus
//!     at_most: 0.5
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::analysis::{compile_pairs, groups};
use super::implementation::Implementation;
use super::kernel::Kernel;
use super::peer::NATIVE_YARDSTICK;
use super::results::{BenchResults, Participant};
use crate::corpus::{self, CorpusError};
use crate::stats::{Bootstrap, Bound, Interval, Verdict};

/// In a kernel's gates, every backend that makes native code.
const EVERY_NATIVE: &str = "native";

/// `corpus/gates.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusGates {
    /// What they have in common; for readers of the file.
    #[serde(rename = "about")]
    _about: String,
    /// The gates.
    pub gates: Vec<CorpusGate>,
}

/// A gate over all kernels. Exactly one quantity and one bound are stated.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusGate {
    /// Its name.
    pub name: String,
    /// Why it stands.
    pub about: String,
    /// Ratio of times of kernels.
    pub time: Option<Pair>,
    /// Ratio of times of compilation.
    pub compile: Option<Pair>,
    /// Upper bound.
    pub at_most: Option<f64>,
    /// Lower bound.
    pub at_least: Option<f64>,
}

/// Whose time over whose.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Whose time is divided …
    pub of: Implementation,
    /// … by whose.
    pub over: Implementation,
}

/// A gate, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate's name.
    pub gate: String,
    /// The kernel, if it is a kernel's.
    pub kernel: Option<String>,
    /// Who is judged.
    pub of: Implementation,
    /// Against whom.
    pub over: Implementation,
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
    for kernel in kernels {
        judge.uplift(kernel, &mut verdicts);
        judge.native_ratio(kernel, &mut verdicts);
    }
    for gate in &corpus.gates {
        judge.corpus_gate(gate, &mut verdicts);
    }
    verdicts
}

struct Judge<'r> {
    results: &'r BenchResults,
    bootstrap: &'r Bootstrap,
}

impl Judge<'_> {
    /// The backends that a key of a kernel's gates stands for, each at its default level; or, where there is none of that name, why not.
    fn subjects(&self, gates: &BTreeMap<String, f64>) -> Vec<(Result<Implementation, String>, f64)> {
        let defaults: Vec<&Participant> = self.results.participants.iter().filter(|p| p.default).collect();
        let id = |p: &Participant| p.implementation.column().map(|c| c.backend.clone()).unwrap_or_default();
        let mut subjects: Vec<(Result<Implementation, String>, f64)> = Vec::new();
        for (key, &bound) in gates.iter().filter(|(key, _)| *key != EVERY_NATIVE) {
            match defaults.iter().find(|p| id(p) == *key) {
                Some(participant) => subjects.push((Ok(participant.implementation.clone()), bound)),
                None => subjects.push((Err(key.clone()), bound)),
            }
        }
        // A backend's own bound goes before that of all.
        if let Some(&bound) = gates.get(EVERY_NATIVE) {
            let rest = defaults.iter().filter(|p| !gates.contains_key(&id(p)));
            subjects.extend(rest.map(|p| (Ok(p.implementation.clone()), bound)));
        }
        subjects
    }

    fn uplift(&self, kernel: &Kernel, verdicts: &mut Vec<GateResult>) {
        for (subject, bound) in self.subjects(&kernel.gates.uplift) {
            let of = Implementation::Interpreter;
            let Ok(over) = subject else { continue };
            self.time("uplift", Some(kernel), &of, &over, Bound::AtLeast(bound), verdicts);
        }
    }

    fn native_ratio(&self, kernel: &Kernel, verdicts: &mut Vec<GateResult>) {
        for (subject, bound) in self.subjects(&kernel.gates.native_ratio) {
            let over = Implementation::Peer(NATIVE_YARDSTICK.to_owned());
            let Ok(of) = subject else { continue };
            self.time("native_ratio", Some(kernel), &of, &over, Bound::AtMost(bound), verdicts);
        }
    }

    fn corpus_gate(&self, gate: &CorpusGate, verdicts: &mut Vec<GateResult>) {
        let (Some((Pair { of, over }, compile)), Some(bound)) = (gate.quantity(), gate.bound()) else { return };
        if !compile {
            self.time(&gate.name, None, of, over, bound, verdicts);
            return;
        }
        let pairs = compile_pairs(self.results, of, over);
        let void = |who: &Implementation| {
            let series = self.results.compile.iter().find(|s| s.implementation == *who)?;
            series.void.as_ref().map(|why| format!("{who}: {why}"))
        };
        self.conclude(&gate.name, None, (of, over), bound, self.bootstrap.ratio(&pairs), &void, verdicts);
    }

    fn time(
        &self,
        gate: &str,
        kernel: Option<&Kernel>,
        of: &Implementation,
        over: &Implementation,
        bound: Bound,
        verdicts: &mut Vec<GateResult>,
    ) {
        let concerns = |name: &str| kernel.is_none_or(|k| k.name == name);
        let workloads = || self.results.workloads.iter().filter(|w| concerns(&w.kernel));
        // A series that does not count must not drop out of a mean unnoticed.
        let void = |who: &Implementation| {
            workloads().find_map(|w| {
                let series = w.series.iter().find(|s| s.implementation == *who)?;
                series.void.as_ref().map(|why| format!("{who} on {}: {why}", w.kernel))
            })
        };
        let groups: Vec<_> =
            groups(self.results, of, over).into_iter().filter(|g| concerns(&g.0)).map(|g| g.2).collect();
        self.conclude(gate, kernel, (of, over), bound, self.bootstrap.geometric_mean(&groups), &void, verdicts);
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a row, each of another type")]
    fn conclude(
        &self,
        gate: &str,
        kernel: Option<&Kernel>,
        (of, over): (&Implementation, &Implementation),
        bound: Bound,
        measured: Option<Interval>,
        void: &dyn Fn(&Implementation) -> Option<String>,
        verdicts: &mut Vec<GateResult>,
    ) {
        let absent = |who: &Implementation| match self.results.participants.iter().find(|p| p.implementation == *who) {
            None => Some(format!("{who} did not take part")),
            Some(participant) => participant.absent.as_ref().map(|why| format!("{who}: {why}")),
        };
        let both = |why: &dyn Fn(&Implementation) -> Option<String>| why(of).or_else(|| why(over));
        let (verdict, why) = match (both(&absent), both(void), &measured) {
            // Whoever asked for a part knows what is missing.
            (Some(_), _, _) if self.results.conditions.filtered => return,
            (Some(why), _, _) => (Verdict::Inconclusive, Some(why)),
            // It was there and did not deliver.
            (None, Some(why), _) => (Verdict::Fail, Some(why)),
            (None, None, Some(measured)) => (bound.judge(measured), None),
            (None, None, None) if self.results.conditions.filtered => return,
            (None, None, None) => (Verdict::Inconclusive, Some("no round in which both ran".to_owned())),
        };
        verdicts.push(GateResult {
            gate: gate.to_owned(),
            kernel: kernel.map(|k| k.name.clone()),
            of: of.clone(),
            over: over.clone(),
            bound,
            measured: measured.filter(|_| why.is_none()),
            verdict,
            why,
        });
    }
}
