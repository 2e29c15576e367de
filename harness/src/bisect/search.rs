//! The search for the layer: from what fails towards what does not, one experiment at a time.
//!
//! The ladder, each rung with one part more than the one below: nothing compiled; value-stage IR without passes, evaluated; machine-stage IR
//! without passes, evaluated; with passes, evaluated; native code. The fault lies in what the lowest failing rung adds. Then the units that
//! suffice, then the one change of a pass, by bisection over its fuel.

use lockstep_bytecode::{Function, Module};
use lockstep_compiler::PassId;

use super::diff;
use super::lab::{Difference, Lab};
use super::probe::{Subject, Way};
use super::verdict::{Change, Layer, Rung};
use crate::backends::Column;
use crate::program::Configuration;
use crate::subject::reduce::minimal;

/// Most exits that are forced one by one; longer runs are left at ever sparser events.
const EXITS: usize = 120;

/// The first way in which a backend fails, and how.
///
/// # Errors
/// It cannot be tried.
pub fn reproduce(
    lab: &Lab,
    subject: &Subject,
    column: &Column,
    only: Option<Configuration>,
) -> Result<Option<(Way, Difference)>, String> {
    // Plain ones first: what shows without an exit or a loop entry is looked for without.
    let order =
        [Configuration::Eager, Configuration::Exits, Configuration::Osr, Configuration::Churn, Configuration::Tiered];
    for configuration in order.into_iter().filter(|c| only.is_none_or(|only| only == *c)) {
        let mut way = Way::new(column, configuration);
        if configuration == Configuration::Exits {
            way.exits = exits(lab.events(subject, false)?);
            if way.exits.is_empty() {
                continue;
            }
        }
        if let Some(difference) = lab.compare(subject, &way)?.difference() {
            way.exits = difference.exit.into_iter().collect();
            return Ok(Some((way, difference)));
        }
    }
    Ok(None)
}

/// Events at which exits are forced: all of a short run.
fn exits(events: u64) -> Vec<u64> {
    let (mut list, mut k) = (Vec::new(), 1);
    while k <= events && list.len() < EXITS {
        list.push(k);
        k = if events <= EXITS as u64 { k + 1 } else { k + 1 + k / 10 };
    }
    list
}

/// Where the fault lies, with the experiments that say so.
pub struct Ladder<'l> {
    /// Where experiments are made.
    pub lab: &'l Lab,
    /// The evaluator.
    pub reference: Column,
    /// What was tried.
    pub rungs: Vec<Rung>,
}

impl Ladder<'_> {
    /// The same way with the evaluator instead of the backend.
    pub fn evaluated(&self, way: &Way) -> Way {
        Way { column: self.reference.clone(), evaluated: true, ..way.clone() }
    }

    fn rung(&mut self, subject: &Subject, what: &str, way: &Way) -> Result<bool, String> {
        let difference = self.lab.compare(subject, way)?.difference();
        let failed = difference.is_some();
        let differs = difference.map(|d| d.what.lines().next().unwrap_or_default().to_owned());
        self.rungs.push(Rung { what: what.to_owned(), differs });
        Ok(failed)
    }

    /// The layer of a failure. Of the optimiser only that it is the one: the change is searched for later.
    ///
    /// # Errors
    /// An experiment cannot be made.
    pub fn layer(&mut self, subject: &Subject, way: &Way) -> Result<Layer, String> {
        let nothing = Way { only: Some(Vec::new()), ..way.clone() };
        if self.rung(subject, "nothing compiled", &nothing)? {
            return Ok(Layer::Session);
        }
        let machine = self.evaluated(way);
        if !self.rung(subject, "machine-stage IR with all passes, evaluated", &machine)? {
            return Ok(Layer::Native);
        }
        let bare = machine.without_passes();
        if !self.rung(subject, "machine-stage IR without passes, evaluated", &bare)? {
            let change = Change { pass: String::new(), stage: String::new(), number: 0, diff: Vec::new() };
            return Ok(Layer::Optimiser { change });
        }
        let value = Way { value_stage: true, ..bare };
        let built_wrongly = self.rung(subject, "value-stage IR without passes, evaluated", &value)?;
        Ok(if built_wrongly { Layer::Construction } else { Layer::Lowering })
    }

    /// The units without which it does not show: function, and loop header for a unit made for a loop.
    ///
    /// # Errors
    /// An experiment cannot be made.
    pub fn units(&self, subject: &Subject, module: &Module, way: &Way) -> Result<Vec<(u32, Option<u32>)>, String> {
        let headers = |f: &Function| f.loop_headers().into_iter().map(|pc| Some(pc.0)).collect::<Vec<_>>();
        let all: Vec<(u32, Option<u32>)> = (0..)
            .zip(&module.functions)
            .flat_map(|(func, function)| {
                let units = match way.configuration {
                    Configuration::Osr => headers(function),
                    Configuration::Tiered | Configuration::Churn => [vec![None], headers(function)].concat(),
                    _ => vec![None],
                };
                units.into_iter().map(move |header| (func, header))
            })
            .collect();
        let mut error = None;
        let mut shows = |units: &[(u32, Option<u32>)]| {
            let way = Way { only: Some(units.to_vec()), ..way.clone() };
            self.lab.differs(subject, &way).unwrap_or_else(|e| {
                error = Some(e);
                false
            })
        };
        let found = minimal(&all, &mut shows);
        error.map_or(Ok(found), Err)
    }

    /// The first change of a pass that makes the unit wrong. `way` is restricted to units, of which `unit` is suspected.
    ///
    /// # Errors
    /// An experiment cannot be made, or the limits on changes do not bear on the failure.
    pub fn change(&self, subject: &Subject, way: &Way, unit: (u32, Option<u32>)) -> Result<Change, String> {
        let way = self.evaluated(way);
        let whole = self.lab.passes(subject, &way, unit)?;
        let runs: Vec<(PassId, u64)> =
            whole.changes.iter().filter_map(|(name, n)| Some((PassId::from_name(name)?, *n))).collect();
        // All passes up to a run, and of that run so many changes.
        let up_to = |run: usize, changes: u64| {
            let mut fuel = vec![Some(0); PassId::ALL.len()];
            let done = runs[..run].iter().copied().chain(runs.get(run).map(|r| (r.0, changes)));
            for (pass, n) in done {
                fuel[pass as usize] = fuel[pass as usize].map(|f: u64| f + n);
            }
            Way { fuel, ..way.clone() }
        };
        let differs = |run: usize, changes: u64| self.lab.differs(subject, &up_to(run, changes));
        let (mut low, mut high) = (0, runs.len());
        if !differs(high, 0)? {
            return Err("with every pass limited to the changes that it makes, it does not show".to_owned());
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if differs(middle, 0)? { high = middle } else { low = middle }
        }
        let (run, (pass, changes)) = (low, runs[low]);
        let (mut low, mut high) = (0, changes);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if differs(run, middle)? { high = middle } else { low = middle }
        }
        let before = self.lab.passes(subject, &up_to(run, high - 1), unit)?;
        let after = self.lab.passes(subject, &up_to(run, high), unit)?;
        let second = runs[..run].iter().any(|r| r.0 == pass);
        // The unit as it is after the pass in this stage: without fuel it has not run, and the step before counts.
        let text = |passes: &super::lab::Passes| {
            let lowered = passes.dumps.iter().position(|d| d.0 == "to-machine").unwrap_or(passes.dumps.len());
            let stage = if second { &passes.dumps[lowered..] } else { &passes.dumps[..lowered] };
            let own = stage.iter().rev().find(|d| d.0 == pass.name());
            own.or(stage.last()).map(|d| d.1.clone()).unwrap_or_default()
        };
        let earlier: u64 = runs[..run].iter().filter(|r| r.0 == pass).map(|r| r.1).sum();
        Ok(Change {
            pass: pass.name().to_owned(),
            stage: if second { "machine" } else { "value" }.to_owned(),
            number: earlier + high,
            diff: diff::lines(&text(&before), &text(&after)),
        })
    }

    /// The way that tells a failure of a layer from others: it must agree where the other fails.
    pub fn sound(&self, layer: &Layer, way: &Way) -> Option<Way> {
        match layer {
            Layer::Interpreter | Layer::Session | Layer::Construction => None,
            Layer::Native => Some(self.evaluated(way)),
            Layer::Optimiser { change } => {
                let pass = PassId::from_name(&change.pass)?;
                let mut fuel = way.fuel.clone();
                fuel[pass as usize] = Some(0);
                Some(Way { fuel, ..self.evaluated(way) })
            }
            Layer::Lowering | Layer::Osr => Some(Way { value_stage: true, ..self.evaluated(way).without_passes() }),
        }
    }
}
