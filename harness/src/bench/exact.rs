//! Exact values: what is deterministic must be the same in every process of a run, and is compared without intervals. Disagreement is a finding, and fails the run.

use super::implementation::Implementation;
use super::kernel::Size;
use super::results::{BenchResults, Exact, Finding, FindingKind, Measure};

/// A value of a process, and what it is a value of.
type Value = (Option<String>, Option<Size>, Implementation, Measure, u64);

/// Collects the exact values of a run: those of its samples, and the counts of instructions that were made besides. An implementation that takes part again must agree with itself.
pub fn collect(results: &BenchResults, instructions: &[Instructions]) -> Vec<Exact> {
    let mut all: Vec<Exact> = Vec::new();
    for (kernel, size, implementation, measure, value) in of_samples(results).chain(of_counts(instructions)) {
        let same = |e: &&mut Exact| {
            e.kernel == kernel && e.size == size && e.implementation == implementation && e.measure == measure
        };
        match all.iter_mut().find(same) {
            None => all.push(Exact { kernel, size, implementation, measure, value, others: Vec::new() }),
            Some(exact) if exact.value != value && !exact.others.contains(&value) => exact.others.push(value),
            Some(_) => {}
        }
    }
    all
}

/// Instructions of a call of a kernel at [`Size::Warm`], counted in one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Instructions {
    /// The kernel.
    pub kernel: String,
    /// Who.
    pub implementation: Implementation,
    /// How many.
    pub count: u64,
}

/// The counts of instructions among exact values: each once, however many processes found it.
pub fn counts(exact: &[Exact]) -> Vec<Instructions> {
    let all = exact.iter().filter(|e| e.measure == Measure::Instructions);
    let values = all.flat_map(|e| std::iter::once(&e.value).chain(&e.others).map(move |&count| (e, count)));
    let count = |(e, count): (&Exact, u64)| Instructions {
        kernel: e.kernel.clone().unwrap_or_default(),
        implementation: e.implementation.clone(),
        count,
    };
    values.map(count).collect()
}

fn of_counts(instructions: &[Instructions]) -> impl Iterator<Item = Value> {
    instructions.iter().map(|i| {
        let who = i.implementation.runs().clone();
        (Some(i.kernel.clone()), Some(Size::Warm), who, Measure::Instructions, i.count)
    })
}

fn of_samples(results: &BenchResults) -> impl Iterator<Item = Value> {
    let workloads = results.workloads.iter().flat_map(|w| w.series.iter().map(move |s| (w, s)));
    let native = workloads.filter(|(_, s)| s.implementation.runs().column().is_some() && s.void.is_none());
    let runs = native.flat_map(|(w, series)| {
        series.samples.iter().flat_map(move |s| {
            let measures = [(Measure::CodeBytes, s.code_bytes), (Measure::Units, s.units), (Measure::Exits, s.exits)];
            let who = series.implementation.runs().clone();
            measures.map(|(measure, value)| (Some(w.kernel.clone()), Some(w.size), who.clone(), measure, value))
        })
    });
    let corpus = results.compile.iter().filter(|s| s.void.is_none()).flat_map(|series| {
        series.samples.iter().flat_map(move |s| {
            let who = series.implementation.runs().clone();
            [(Measure::CodeBytes, s.code_bytes), (Measure::Units, s.units)]
                .map(|(measure, value)| (None, None, who.clone(), measure, value))
        })
    });
    runs.chain(corpus)
}

/// A finding for each value on which processes disagree.
pub fn disagreements(exact: &[Exact]) -> impl Iterator<Item = Finding> {
    exact.iter().filter(|e| !e.others.is_empty()).map(|e| Finding {
        kind: FindingKind::NotDeterministic,
        kernel: e.kernel.clone(),
        implementation: Some(e.implementation.clone()),
        what: format!("{} is {} in one process and {:?} in others", e.measure.name(), e.value, e.others),
        fails: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing;

    #[test]
    fn what_agrees_is_one_value_and_what_does_not_is_a_finding() {
        let mut results = testing::results();
        let exact = collect(&results, &[]);
        // Three measures of three kernels and two of the corpus, of three backends.
        assert_eq!(exact.len(), 3 * (3 * 3 + 2));
        assert!(exact.iter().all(|e| e.others.is_empty()) && disagreements(&exact).next().is_none());

        let series = results.workloads[1].series.iter_mut().find(|s| s.implementation.to_string() == "fast/none");
        series.expect("there").samples[4].code_bytes += 1;
        let exact = collect(&results, &[]);
        let found: Vec<Finding> = disagreements(&exact).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].fails && found[0].what.contains("300") && found[0].what.contains("301"), "{found:?}");
        assert_eq!(found[0].kernel.as_deref(), Some(testing::KERNELS[1]));
    }

    #[test]
    fn counts_of_instructions_are_compared_too() {
        let count = |count| Instructions {
            kernel: "fib".to_owned(),
            implementation: "fast/none".parse().expect("a name"),
            count,
        };
        let of = |counts: &[Instructions]| collect(&BenchResults::default(), counts);
        assert_eq!(disagreements(&of(&[count(5), count(5)])).count(), 0);
        assert_eq!(disagreements(&of(&[count(5), count(6)])).count(), 1);
        assert_eq!(counts(&of(&[count(5), count(6), count(5)])), [count(5), count(6)]);
    }
}
