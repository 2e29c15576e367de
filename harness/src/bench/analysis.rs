//! What follows from the samples: ratios with intervals, within workloads and over all kernels.

use serde::{Deserialize, Serialize};

use super::implementation::Implementation;
use super::kernel::Size;
use super::peer::{INTERPRETER_YARDSTICK, NATIVE_YARDSTICK};
use super::results::{BenchResults, CompileSeries, Phase, Workload};
use crate::stats::{Bootstrap, Interval};

/// A ratio of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The kernel; none for the geometric mean over all.
    pub kernel: Option<String>,
    /// The size.
    pub size: Size,
    /// Whose time is divided …
    pub of: Implementation,
    /// … by whose.
    pub over: Implementation,
    /// The ratio.
    pub ratio: Interval,
}

/// An implementation on a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The kernel.
    pub kernel: String,
    /// The size.
    pub size: Size,
    /// Who.
    pub implementation: Implementation,
    /// Seconds of a call.
    pub seconds: Interval,
    /// Seconds from bytecode to loaded code, all units.
    pub compile: Option<Interval>,
    /// Seconds of the first call, without compilation.
    pub first: Option<Interval>,
    /// Bytes of machine code.
    pub code_bytes: u64,
    /// Seconds of interpretation after which compiling has paid for itself; none where it never does.
    pub break_even: Option<f64>,
}

/// Compilation of the corpus by a backend at a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileFigure {
    /// Who.
    pub implementation: Implementation,
    /// The median over units of the backend's time, in seconds.
    pub median: Interval,
    /// The sum over units by phase, in seconds; the median over processes.
    pub phases: Vec<Phase>,
    /// Units.
    pub units: u64,
    /// Bytes of machine code of all units.
    pub code_bytes: u64,
}

/// All figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Times.
    pub timings: Vec<Timing>,
    /// The interpreter's time over a backend's, by kernel, then the geometric means.
    pub uplift: Vec<Figure>,
    /// A backend's time over the C twin's.
    pub native_ratio: Vec<Figure>,
    /// The interpreter's time over PUC Lua's.
    pub interpreter_ratio: Vec<Figure>,
    /// Compilation.
    pub compile: Vec<CompileFigure>,
}

impl Analysis {
    /// Everything that follows from a run.
    pub fn of(results: &BenchResults, bootstrap: &Bootstrap) -> Self {
        let natives: Vec<&Implementation> =
            results.present().map(|p| &p.implementation).filter(|i| i.column().is_some()).collect();
        let interpreter = Implementation::Interpreter;
        let c_twin = Implementation::Peer(NATIVE_YARDSTICK.to_owned());
        let lua_twin = Implementation::Peer(INTERPRETER_YARDSTICK.to_owned());
        let ratios = |of: &Implementation, over: &Implementation| figures(results, of, over, bootstrap);
        Self {
            timings: results.workloads.iter().flat_map(|w| timings(w, bootstrap)).collect(),
            uplift: natives.iter().flat_map(|native| ratios(&interpreter, native)).collect(),
            native_ratio: natives.iter().flat_map(|native| ratios(native, &c_twin)).collect(),
            interpreter_ratio: ratios(&interpreter, &lua_twin),
            compile: results.compile.iter().filter_map(|series| compile(series, bootstrap)).collect(),
        }
    }

    /// The uplift of an implementation on a kernel; over all kernels without one.
    pub fn uplift_of(&self, implementation: &Implementation, kernel: Option<&str>) -> Option<&Figure> {
        self.uplift.iter().find(|f| f.over == *implementation && f.kernel.as_deref() == kernel)
    }

    /// The timing of an implementation on a kernel at the size at which the interpreter ran.
    pub fn timing_of(&self, implementation: &Implementation, kernel: &str, size: Size) -> Option<&Timing> {
        self.timings.iter().find(|t| t.implementation == *implementation && t.kernel == kernel && t.size == size)
    }
}

/// Times of two implementations in the rounds in which both ran.
pub fn pairs(workload: &Workload, of: &Implementation, over: &Implementation) -> Vec<(f64, f64)> {
    let others = workload.samples(over);
    let pair = |sample: &super::results::Sample| {
        let other = others.iter().find(|o| o.round == sample.round)?;
        Some((sample.seconds()?, other.seconds()?))
    };
    workload.samples(of).iter().filter_map(pair).collect()
}

/// Backend times of two implementations in the rounds in which both compiled the corpus.
pub fn compile_pairs(results: &BenchResults, of: &Implementation, over: &Implementation) -> Vec<(f64, f64)> {
    let samples = |who: &Implementation| {
        let series = results.compile.iter().find(|s| s.implementation == *who && s.void.is_none());
        series.map_or(&[][..], |s| &s.samples)
    };
    let others = samples(over);
    let pair = |s: &super::results::CompileSample| {
        Some((s.median, others.iter().find(|o| o.round == s.round && o.units == s.units)?.median))
    };
    samples(of).iter().filter_map(pair).collect()
}

/// A kernel, the size, and the pairs of times.
pub type Group = (String, Size, Vec<(f64, f64)>);

/// The pairs of each kernel, at the largest size at which both ran.
pub fn groups(results: &BenchResults, of: &Implementation, over: &Implementation) -> Vec<Group> {
    let largest = |kernel: &str| {
        let all = results.workloads.iter().filter(|w| w.kernel == kernel);
        all.map(|w| (w.size, pairs(w, of, over))).filter(|(_, pairs)| !pairs.is_empty()).max_by_key(|(size, _)| *size)
    };
    let kernels = results.kernels().into_iter();
    kernels.filter_map(|kernel| largest(kernel).map(|(size, pairs)| (kernel.to_owned(), size, pairs))).collect()
}

fn figures(results: &BenchResults, of: &Implementation, over: &Implementation, bootstrap: &Bootstrap) -> Vec<Figure> {
    let groups = groups(results, of, over);
    let figure = |kernel: Option<String>, size: Size, ratio: Interval| Figure {
        kernel,
        size,
        of: of.clone(),
        over: over.clone(),
        ratio,
    };
    let mut figures: Vec<Figure> = groups
        .iter()
        .filter_map(|(kernel, size, pairs)| Some(figure(Some(kernel.clone()), *size, bootstrap.ratio(pairs)?)))
        .collect();
    let all: Vec<&[(f64, f64)]> = groups.iter().map(|g| g.2.as_slice()).collect();
    if let (Some(size), Some(mean)) = (groups.iter().map(|g| g.1).max(), bootstrap.geometric_mean(&all)) {
        figures.push(figure(None, size, mean));
    }
    figures
}

fn timings(workload: &Workload, bootstrap: &Bootstrap) -> Vec<Timing> {
    let seconds = |who: &Implementation| {
        let samples: Vec<f64> = workload.samples(who).iter().filter_map(|s| s.seconds()).collect();
        bootstrap.location(&samples)
    };
    let interpreter = seconds(&Implementation::Interpreter);
    workload
        .series
        .iter()
        .filter_map(|series| {
            let who = &series.implementation;
            let samples = workload.samples(who);
            let seconds = seconds(who)?;
            let native = who.column().is_some();
            let location = |values: Vec<f64>| native.then(|| bootstrap.location(&values)).flatten();
            let compile = location(samples.iter().map(|s| s.compile.iter().map(|p| p.seconds).sum()).collect());
            Some(Timing {
                kernel: workload.kernel.clone(),
                size: workload.size,
                implementation: who.clone(),
                seconds,
                compile,
                first: location(samples.iter().map(|s| s.first).collect()),
                code_bytes: samples.iter().map(|s| s.code_bytes).max().unwrap_or(0),
                break_even: compile.zip(interpreter).and_then(|(compile, interpreter)| {
                    break_even(compile.estimate, seconds.estimate, interpreter.estimate)
                }),
            })
        })
        .collect()
}

/// How long the interpreter runs until native code, compilation included, has caught up.
fn break_even(compile: f64, native: f64, interpreter: f64) -> Option<f64> {
    (native < interpreter).then(|| compile / (1.0 - native / interpreter))
}

fn compile(series: &CompileSeries, bootstrap: &Bootstrap) -> Option<CompileFigure> {
    let samples = series.void.is_none().then_some(&series.samples)?;
    let first = samples.first()?;
    let phase = |phase: &Phase| {
        let all = samples.iter().filter_map(|s| s.phases.iter().find(|p| p.name == phase.name)).map(|p| p.seconds);
        Phase { seconds: crate::stats::median(&all.collect::<Vec<_>>()).unwrap_or(0.0), ..phase.clone() }
    };
    Some(CompileFigure {
        implementation: series.implementation.clone(),
        median: bootstrap.location(&samples.iter().map(|s| s.median).collect::<Vec<_>>())?,
        phases: first.phases.iter().map(phase).collect(),
        units: first.units,
        code_bytes: first.code_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiling_pays_when_what_it_saves_exceeds_what_it_costs() {
        // Ten times faster: of each interpreted second nine tenths are saved.
        let seconds = break_even(0.009, 0.1, 1.0).expect("it pays");
        assert!((seconds - 0.01).abs() < 1e-12);
        assert_eq!(break_even(0.009, 1.0, 1.0), None);
    }
}
