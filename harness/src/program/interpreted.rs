//! A program case on the interpreter: as written and as the bytecode optimiser leaves it, each with the collector at rest and under both kinds of stress.

use std::sync::Arc;

use lockstep_bytecode::ErrorKind;
use lockstep_bytecode::optimise::{self, PassConfig};
use lockstep_engine::{Session, Stress};
use lockstep_runtime::{Cause, Statistics};

use super::case::{Call, Program};
use super::observe::{Observation, Setup, run};
use super::trial::TrialStats;
use crate::fault::Seams;

/// The collector is not put under stress in runs with more back edges and calls than this: each would collect.
pub const STRESSED_UP_TO: u64 = 200_000;

/// How the collector is put under stress.
pub const STRESSES: [Stress; 2] = [Stress::Allocations, Stress::Safepoints];

/// Why a run is not put under stress of the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unstressed {
    /// The case says that what it does depends on when something is collected.
    SeesCollector,
    /// It has more than [`STRESSED_UP_TO`] back edges and calls.
    Long,
}

impl Unstressed {
    /// Why a run with so many back edges and calls is not, if it is not.
    pub fn of(program: &Program, events: u64) -> Option<Self> {
        match program.case.sees_collector {
            true => Some(Self::SeesCollector),
            false => (events > STRESSED_UP_TO).then_some(Self::Long),
        }
    }
}

/// The program as the bytecode optimiser leaves it.
pub fn optimised(program: &Program, passes: &PassConfig) -> Program {
    let module = Arc::new(optimise::run(&program.module, passes).module);
    Program { module, entry: program.entry, case: program.case.clone() }
}

/// Checks that the interpreter gives what the case states, whatever the bytecode optimiser and the collector do.
///
/// # Errors
/// What differs.
pub fn check(program: &Program, passes: &PassConfig) -> Result<TrialStats, String> {
    let mut stats = TrialStats::default();
    let optimised = optimised(program, passes);
    for (n, (call, stated)) in program.calls()?.iter().zip(&program.case.runs).enumerate() {
        let mut reference = None;
        for (form, name) in [(program, "as written"), (&optimised, "optimised")] {
            let what = |stress: Stress| format!("run {n}, {name}, with a collection at {stress}");
            let plain = Seen::of(form, call, Stress::None, false)?;
            let meets = plain.observation.meets(form, &call.expected, stated);
            meets.map_err(|e| format!("{}: {e}", what(Stress::None)))?;
            let counted = Seen::of(form, call, Stress::None, true)?;
            stats.runs += 2;
            let (first, events) = reference.get_or_insert_with(|| (plain.observation.clone(), counted.events));
            for seen in [&plain, &counted] {
                seen.observation.agrees(form, first).map_err(|e| format!("{}: {e}", what(Stress::None)))?;
            }
            if counted.events != *events {
                let what = what(Stress::None);
                return Err(format!("{what}: {} back edges and calls, as written {events}", counted.events));
            }
            if Unstressed::of(program, *events).is_some() {
                stats.unstressed += STRESSES.len() as u64;
                continue;
            }
            for stress in STRESSES {
                let seen = Seen::of(form, call, stress, true)?;
                let agrees = seen.observation.agrees(form, first).and_then(|()| seen.collections(stress));
                agrees.map_err(|e| format!("{}: {e}", what(stress)))?;
                stats.runs += 1;
                stats.collections += seen.statistics.total_collections();
            }
        }
    }
    Ok(stats)
}

/// A run on the interpreter and what the collector did meanwhile.
struct Seen {
    observation: Observation,
    /// Back edges and calls, if they were counted.
    events: u64,
    statistics: Statistics,
}

impl Seen {
    fn of(program: &Program, call: &Call, stress: Stress, counts: bool) -> Result<Seen, String> {
        let setup = Setup { stress, ..Setup::interpreter() };
        let mut session: Session = setup.session(program, program.case.limits.resolve())?;
        // An exit that never comes: only then are events counted.
        session.force_exit(counts.then_some(u64::MAX));
        let observation = run(&mut session, call, Seams::default());
        Ok(Seen { observation, events: session.events(), statistics: session.collector() })
    }

    fn collections(&self, stress: Stress) -> Result<(), String> {
        let ran_out = matches!(&self.observation.outcome, Err(error) if error.kind == ErrorKind::BudgetExhausted);
        collected(stress, &self.statistics, self.events, ran_out)
    }
}

/// Whether the collector ran as often as the stress says: at each allocation, or at each safepoint, which a back edge or call is. Where a finalizer runs in front of a call, the
/// call is a safepoint once more; the call that exhausts a budget is one that is not counted.
///
/// # Errors
/// How often it ran, and how often it should have.
pub fn collected(stress: Stress, statistics: &Statistics, events: u64, ran_out: bool) -> Result<(), String> {
    let (least, most, found, what) = match stress {
        Stress::None => return Ok(()),
        Stress::Allocations => {
            (statistics.exposed, statistics.exposed, statistics.collections_by(Cause::Stress), "allocations")
        }
        Stress::Safepoints => {
            let most = events + statistics.finalizers + u64::from(ran_out);
            (events, most, statistics.collections_by(Cause::Safepoint), "safepoints")
        }
    };
    match (least..=most).contains(&found) {
        true => Ok(()),
        false if least == most => Err(format!("{found} collections at {least} {what}")),
        false => Err(format!("{found} collections at {least} to {most} {what}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::program::ProgramCase;

    /// Four calls, nine back edges, and ten tables of which each is dropped.
    const PROGRAM: &str = "
func main() -> i64 {
    reg i: i64, n: i64, t: any, f: any
    const.i64 i, 0
    const.i64 n, 10
again:
    table.any t, 0, 0
    loop_lt.i64 i, n, again
    call_void none()
    call_void none()
    call_void none()
    call_void none()
    ret i
}
func none() {
    ret_void
}
";

    fn program() -> Program {
        let module = lockstep_bytecode::assemble("test", PROGRAM).expect("assembles");
        let case: ProgramCase =
            serde_yaml::from_str("{name: test, about: a test, runs: [{result: 10}]}").expect("a case");
        Program::new(module, case).expect("it has a main function")
    }

    fn seen(stress: Stress) -> Seen {
        let program = program();
        Seen::of(&program, &program.calls().expect("a call")[0], stress, true).expect("runs")
    }

    #[test]
    fn stress_collects_as_often_as_it_says() {
        let allocations = seen(Stress::Allocations);
        assert_eq!(allocations.statistics.exposed, 10);
        assert_eq!(allocations.collections(Stress::Allocations), Ok(()));
        let safepoints = seen(Stress::Safepoints);
        assert_eq!(safepoints.events, 13);
        assert_eq!(safepoints.collections(Stress::Safepoints), Ok(()));
        let stats = check(&program(), &PassConfig::default()).expect("it passes");
        assert_eq!((stats.runs, stats.collections, stats.unstressed), (8, 2 * (10 + 13), 0));
    }

    #[test]
    fn a_collector_that_does_not_run_is_found() {
        let none = seen(Stress::None);
        let error = none.collections(Stress::Allocations).expect_err("nothing was collected");
        assert_eq!(error, "0 collections at 10 allocations");
        let error = none.collections(Stress::Safepoints).expect_err("nothing was collected");
        assert_eq!(error, "0 collections at 13 safepoints");
        // One too few is found, too.
        let mut safepoints = seen(Stress::Safepoints);
        safepoints.events += 1;
        assert_eq!(safepoints.collections(Stress::Safepoints), Err("13 collections at 14 safepoints".to_owned()));
    }

    #[test]
    fn an_optimiser_that_changes_what_is_seen_is_found() {
        let mut program = program();
        program.case.runs[0].result = Some(serde_yaml::from_str("11").expect("a literal"));
        let error = check(&program, &PassConfig::default()).expect_err("10 is not 11");
        assert!(error.starts_with("run 0, as written"), "{error}");
    }

    #[test]
    fn docs_list_the_cases_that_are_not_put_under_stress() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut left_out = BTreeMap::new();
        for (name, program) in crate::corpus::program::programs(&root.join("corpus")).expect("the corpus") {
            for call in program.calls().expect("calls") {
                let seen = Seen::of(&program, &call, Stress::None, true).expect("it runs");
                left_out.extend(Unstressed::of(&program, seen.events).map(|why| (name.clone(), why)));
            }
        }
        let docs = std::fs::read_to_string(root.join("docs/corpus.md")).expect("docs");
        let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let listed: BTreeMap<String, Unstressed> = rows
            .filter(|(case, _)| case.matches('/').count() >= 2)
            .map(|(case, why)| {
                let is_long = why.contains(" back edges and calls");
                (case.to_owned(), if is_long { Unstressed::Long } else { Unstressed::SeesCollector })
            })
            .collect();
        assert_eq!(listed, left_out, "docs/corpus.md lists others");
    }
}
