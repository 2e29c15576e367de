//! Planted violations: samples are doctored before any gate sees them, as if an implementation were slow. A gate that lets such a run
//! pass would let a real one pass.

use std::str::FromStr;

use super::exact;
use super::implementation::Implementation;
use super::results::BenchResults;

/// A violation: `time:NAME=FACTOR`, `compile:NAME=FACTOR`, `checksum:NAME`, or `exact:NAME`.
#[derive(Clone, Debug, PartialEq)]
pub enum Plant {
    /// Every call takes so many times its time.
    Time(Implementation, f64),
    /// Compiling the corpus takes so many times its time.
    Compile(Implementation, f64),
    /// Another result is computed.
    Checksum(Implementation),
    /// One process makes a byte of code more than the others.
    Exact(Implementation),
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}` is none of time:NAME=FACTOR, compile:NAME=FACTOR, checksum:NAME, exact:NAME");
        let (what, rest) = text.split_once(':').ok_or_else(expected)?;
        if what == "checksum" {
            return rest.parse().map(Plant::Checksum);
        }
        if what == "exact" {
            return rest.parse().map(Plant::Exact);
        }
        let (name, factor) = rest.rsplit_once('=').ok_or_else(expected)?;
        let factor = factor.parse::<f64>().ok().filter(|f| *f > 0.0 && f.is_finite()).ok_or_else(expected)?;
        match what {
            "time" => Ok(Plant::Time(name.parse()?, factor)),
            "compile" => Ok(Plant::Compile(name.parse()?, factor)),
            _ => Err(expected()),
        }
    }
}

impl Plant {
    /// Doctors a run.
    pub fn apply(&self, results: &mut BenchResults) {
        let who = match self {
            Plant::Time(who, _) | Plant::Compile(who, _) | Plant::Checksum(who) | Plant::Exact(who) => who,
        };
        if let Plant::Exact(_) = self {
            let mut series =
                results.workloads.iter_mut().flat_map(|w| &mut w.series).filter(|s| s.implementation == *who);
            if let Some(sample) = series.find_map(|s| s.samples.last_mut()) {
                sample.code_bytes += 1;
            }
            let counts = exact::counts(&results.exact);
            results.exact = exact::collect(results, &counts);
            results.judge();
            return;
        }
        if let Plant::Compile(_, factor) = self {
            let all = results.compile.iter_mut().filter(|s| s.implementation == *who).flat_map(|s| &mut s.samples);
            all.for_each(|sample| {
                sample.median *= factor;
                sample.processor *= factor;
            });
            return;
        }
        for workload in &mut results.workloads {
            let series = workload.series.iter_mut().filter(|s| s.implementation == *who);
            for sample in series.flat_map(|s| &mut s.samples) {
                match self {
                    Plant::Time(_, factor) => sample.calls.iter_mut().for_each(|call| *call *= factor),
                    _ => sample.checksum.push('0'),
                }
            }
            workload.check();
        }
    }
}
