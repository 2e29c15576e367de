//! How rare faults are: on how many of many random inputs a planted fault shows, counted by running them all.
//!
//! An input is one of the eight of a random function (run once, for the faults of backends and loader), or of a random program (run in every
//! configuration of the fuzzer, for all others). What was counted last is kept beside this file; `lockstep faults --rates` counts anew.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lockstep_backend_api::Options;
use serde::{Deserialize, Serialize};

use super::{Fault, Plant};
use crate::backends::{Backends, Column};
use crate::case::CaseStats;
use crate::fuzz::generate::Generator;
use crate::fuzz::program::Program;
use crate::fuzz::{check, expect};
use crate::program::fuzz::count_wrong;
use crate::worker::{Answer, How, Pool, Task};

/// Version of the format. It grows with each change that an old reader would misread.
pub const VERSION: u32 = 1;

/// How many known faults must be rare: those that strike everywhere are found by anyone.
pub const RARE_AT_LEAST: usize = 10;

/// A fault that shows on a smaller share of inputs than this is rare.
pub const RARE: f64 = 0.01;

/// Which inputs are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Those of random IR functions.
    Functions,
    /// Those of random bytecode programs.
    Programs,
}

/// A count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Of which inputs.
    pub population: Population,
    /// How many inputs were run.
    pub inputs: u64,
    /// On how many of them the fault showed.
    pub wrong: u64,
}

impl Rate {
    /// The share of inputs on which the fault showed.
    pub fn share(&self) -> f64 {
        self.wrong as f64 / self.inputs.max(1) as f64
    }

    /// Whether it shows, and seldom.
    pub fn is_rare(&self) -> bool {
        self.wrong > 0 && self.share() < RARE
    }
}

/// The counts of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// [`VERSION`].
    pub lockstep_fault_rates: u32,
    /// Where the faults were planted.
    #[serde(flatten)]
    pub column: Column,
    /// The seed of functions and programs.
    pub seed: u64,
    /// By fault.
    pub rates: BTreeMap<String, Rate>,
}

/// What was counted last.
///
/// # Panics
/// The file is broken; a test reads it.
pub fn recorded() -> &'static Recorded {
    static RECORDED: LazyLock<Recorded> = LazyLock::new(|| {
        serde_json::from_str(include_str!("rates.json")).expect("rates.json is what `lockstep faults --rates` wrote")
    });
    &RECORDED
}

/// Random functions or programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inputs {
    /// Which.
    pub population: Population,
    /// Their seed.
    pub seed: u64,
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Inputs {
    /// Counts the inputs on which a column goes wrong. Inputs that the reference gives up are none.
    ///
    /// # Errors
    /// An unknown backend.
    pub fn count(&self, column: &Column, backends: &mut Backends) -> Result<Rate, String> {
        let mut rate = Rate { population: self.population, inputs: 0, wrong: 0 };
        let indices = self.first..self.first + self.count;
        if self.population == Population::Programs {
            (rate.inputs, rate.wrong) = count_wrong(self.seed, indices, column, backends)?;
            return Ok(rate);
        }
        let generator = Generator::default();
        for index in indices {
            let Program { unit, inputs } = generator.program(self.seed, index);
            let Some(list) = expect(&unit, &inputs, backends.reference()) else { continue };
            let backend = backends.resolve(&column.backend).map_err(|e| e.to_string())?;
            for run in list {
                let verdict = check(&unit, &[run], backend, Options::at(column.level), &mut CaseStats::default());
                rate.inputs += 1;
                rate.wrong += u64::from(verdict.is_failure());
            }
        }
        Ok(rate)
    }
}

/// Functions or programs of a task: a worker that dies costs so many counts again.
const BATCH: u64 = 20;

/// The inputs that concern a fault: none where inputs have nothing to do with it.
pub fn population(fault: &Fault) -> Option<Population> {
    match fault.plant {
        Plant::Function(_) | Plant::Unit(_) | Plant::Artifact(_) => match fault.layer {
            super::Layer::Speed => None,
            _ => Some(Population::Functions),
        },
        Plant::Compiled(_) | Plant::Pass(..) | Plant::Run(_) => Some(Population::Programs),
        _ => None,
    }
    .filter(|_| !matches!(fault.layer, super::Layer::Coverage))
}

/// Counts the inputs of `count` functions or programs on which a fault shows. A worker's death is an input that goes wrong: those of one function
/// or program die together.
///
/// # Errors
/// A worker refused.
pub fn measure(fault: &Fault, inner: &Column, seed: u64, count: u64, pool: &Pool) -> Result<Option<Rate>, String> {
    let Some(population) = population(fault) else { return Ok(None) };
    let column = Column { backend: super::id(fault.id, &inner.backend), level: inner.level };
    let mut sum = Rate { population, inputs: 0, wrong: 0 };
    let mut work: Vec<(u64, u64)> =
        (0..count).step_by(BATCH as usize).map(|first| (first, BATCH.min(count - first))).collect();
    while let Some((first, count)) = work.pop() {
        let inputs = Inputs { population, seed, first, count };
        match pool.run(&Task::Rate { inputs, column: column.clone() }) {
            Ok(Answer::Rate(rate)) => {
                sum.inputs += rate.inputs;
                sum.wrong += rate.wrong;
            }
            Ok(Answer::Refused { why }) => return Err(why),
            Ok(_) => return Err("the worker answered another task".to_owned()),
            // The fault has no part in this.
            Err(death) if matches!(death.how, How::Channel(_)) => return Err(death.to_string()),
            Err(_) if count > 1 => work.extend((first..first + count).map(|index| (index, 1))),
            Err(_) => {
                sum.inputs += INPUTS;
                sum.wrong += INPUTS;
            }
        }
    }
    Ok(Some(sum))
}

/// Inputs of each function and program.
const INPUTS: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_fault_shows_and_seldom() {
        let rate = |inputs, wrong| Rate { population: Population::Programs, inputs, wrong };
        assert!(rate(1000, 9).is_rare());
        assert!(!rate(1000, 10).is_rare());
        assert!(!rate(1000, 0).is_rare(), "what was never seen is not known to be there");
    }

    #[test]
    fn what_is_recorded_is_of_faults_that_depend_on_inputs() {
        for (id, rate) in &recorded().rates {
            let fault = super::super::find(id)
                .unwrap_or_else(|e| panic!("{e}: refresh with `lockstep faults --rates --bless`"));
            assert_eq!(population(fault), Some(rate.population), "{id}");
            assert!(rate.wrong <= rate.inputs && rate.inputs > 0, "{id}");
        }
    }
}
