//! How implementations warm up: the series of short calls of each process, judged by their change points ([`crate::stats::changepoint`]).
//!
//! A process is classified by itself; an implementation has a class on a kernel if its processes agree, where flat and warming up agree with each other (Barrett and others' *good
//! inconsistent*): both reach a steady state that is their best.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::results::Workload;
use crate::stats::{Bootstrap, Class, Interval, Warmup, median};

/// How an implementation warms up on a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WarmupFigure {
    /// The kernel.
    pub kernel: String,
    /// Who.
    pub implementation: Implementation,
    /// What all processes agree on; none if some warm up and others do not settle, or slow down.
    pub class: Option<Class>,
    /// Processes by class.
    pub classes: BTreeMap<Class, usize>,
    /// Seconds of calls before the steady state is reached, compilation included; the median over processes that reach it.
    pub time_to_peak: Option<Interval>,
    /// Seconds of a call in the steady state.
    pub steady: Option<Interval>,
    /// Calls before the steady state: the median over processes.
    pub calls_to_peak: Option<f64>,
    /// Seconds of each call, from the first: medians over processes. The curve of a chart; those of single processes are the samples.
    pub curve: Vec<f64>,
}

/// Judges every implementation on a kernel at [`super::Size::Warm`].
pub fn figures(workload: &Workload, bootstrap: &Bootstrap) -> Vec<WarmupFigure> {
    let figure = |who: &Implementation| {
        let samples = workload.samples(who);
        let judged: Vec<(&[f64], Warmup)> =
            samples.iter().filter_map(|s| Some((s.calls.as_slice(), Warmup::of(&s.calls)?))).collect();
        let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
        judged.iter().for_each(|(_, w)| *classes.entry(w.class).or_default() += 1);
        let class = match classes.keys().copied().collect::<Vec<_>>().as_slice() {
            [class] => Some(*class),
            [Class::Flat, Class::Warmup] => Some(Class::Warmup),
            _ => None,
        };
        let calls: Vec<usize> = judged.iter().filter_map(|(_, w)| w.calls_to_peak()).collect();
        // A process at its peak from the first call on has spent nothing on the way.
        let times: Vec<f64> =
            judged.iter().filter_map(|(calls, w)| Some(calls[..w.calls_to_peak()?].iter().sum())).collect();
        let steady: Vec<f64> = judged.iter().filter_map(|(_, w)| Some(w.steady()?.level)).collect();
        let longest = judged.iter().map(|(calls, _)| calls.len()).max()?;
        let at = |n: usize| median(&judged.iter().filter_map(|(calls, _)| calls.get(n).copied()).collect::<Vec<_>>());
        Some(WarmupFigure {
            kernel: workload.kernel.clone(),
            implementation: who.clone(),
            class,
            classes,
            time_to_peak: bootstrap.quantity(&[times.len()], |chosen| {
                median(&chosen[0].iter().map(|&n| times[n]).collect::<Vec<_>>()).unwrap_or(f64::NAN)
            }),
            steady: bootstrap.location(&steady),
            calls_to_peak: median(&calls.iter().map(|&n| n as f64).collect::<Vec<_>>()),
            curve: (0..longest).filter_map(at).collect(),
        })
    };
    workload.series.iter().filter(|s| !s.implementation.is_again()).filter_map(|s| figure(&s.implementation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{Sample, Series};
    use crate::bench::testing;

    fn figure(series: &[Vec<f64>]) -> WarmupFigure {
        let template = testing::results().workloads.remove(0);
        let sample = |(round, calls): (usize, &Vec<f64>)| Sample { round, calls: calls.clone(), ..Sample::default() };
        let samples = series.iter().enumerate().map(sample).collect();
        let series = Series { implementation: "a/none".parse().expect("a name"), samples, void: None };
        figures(&Workload { series: vec![series], ..template }, &Bootstrap::default()).remove(0)
    }

    fn levels(levels: &[(usize, f64)]) -> Vec<f64> {
        levels.iter().flat_map(|&(n, level)| vec![level; n]).collect()
    }

    #[test]
    fn time_to_peak_is_what_the_calls_before_it_take() {
        let one = levels(&[(1, 10.0), (9, 3.0), (90, 1.0)]);
        let figure = figure(&[one.clone(), one.clone(), one]);
        assert_eq!(figure.class, Some(Class::Warmup));
        assert_eq!(figure.calls_to_peak, Some(10.0));
        assert_eq!(figure.time_to_peak.map(|t| t.estimate), Some(37.0));
        assert!((figure.steady.expect("steady").estimate - 1.0).abs() < 1e-9);
        assert_eq!((figure.curve.len(), figure.curve[0], figure.curve[99]), (100, 10.0, 1.0));
    }

    #[test]
    fn processes_that_disagree_have_no_class() {
        let warm = || levels(&[(1, 10.0), (99, 1.0)]);
        assert_eq!(figure(&[warm(), levels(&[(100, 1.0)])]).class, Some(Class::Warmup));
        let mixed = figure(&[warm(), levels(&[(50, 1.0), (50, 2.0)])]);
        assert_eq!((mixed.class, mixed.classes.len()), (None, 2));
        let never = figure(&[levels(&[(90, 1.0), (10, 2.0)])]);
        assert_eq!((never.class, never.steady, never.time_to_peak), (Some(Class::NoSteadyState), None, None));
    }
}
