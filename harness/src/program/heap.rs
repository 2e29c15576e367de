//! What a run tells about its heap, in words and as JSON: collections, pauses, objects by kind, and how promptly it came to safepoints.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lockstep_bytecode::Module;
use lockstep_runtime::{Cause, Pauses, Safepoints, Statistics, Waits};
use serde::Serialize;

/// The report on one run. Durations are in nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct HeapReport {
    /// Objects and buffers allocated.
    pub allocations: u64,
    /// Collections by cause.
    pub collections: BTreeMap<&'static str, u64>,
    /// How long the program stood still.
    pub pauses: PauseReport,
    /// What is on the heap at the end, by kind.
    pub kinds: BTreeMap<&'static str, KindReport>,
    /// Objects queued for finalization.
    pub finalizers: u64,
    /// How long interrupts and finalizers waited for a back edge or a call.
    pub safepoints: SafepointReport,
}

/// The distribution of pauses; percentiles are at most a sixteenth too high.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PauseReport {
    /// How many there were.
    pub count: u64,
    /// Half of them are not longer.
    pub p50: u64,
    /// 99 % of them are not longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// All together.
    pub total: u64,
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KindReport {
    /// How many.
    pub objects: u64,
    /// Their bytes, buffers included.
    pub bytes: u64,
}

/// Waits for safepoints.
#[derive(Clone, Debug, Serialize)]
pub struct SafepointReport {
    /// All of them.
    pub all: WaitReport,
    /// By the function in which they ended.
    pub functions: BTreeMap<String, WaitReport>,
    /// During functions of the host; parts of the others.
    pub host_functions: BTreeMap<String, WaitReport>,
}

/// Waits in one place.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WaitReport {
    /// How many there were.
    pub count: u64,
    /// How many were longer than a millisecond.
    pub missed: u64,
    /// The longest.
    pub longest: u64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<&Pauses> for PauseReport {
    fn from(pauses: &Pauses) -> PauseReport {
        PauseReport {
            count: pauses.count(),
            p50: nanoseconds(pauses.percentile(0.50)),
            p99: nanoseconds(pauses.percentile(0.99)),
            max: nanoseconds(pauses.max()),
            total: nanoseconds(pauses.total()),
        }
    }
}

impl From<Waits> for WaitReport {
    fn from(waits: Waits) -> WaitReport {
        WaitReport { count: waits.count, missed: waits.missed, longest: nanoseconds(waits.longest) }
    }
}

impl HeapReport {
    /// The report on a run of a program of this module.
    pub fn new(statistics: &Statistics, safepoints: &Safepoints, module: &Module) -> HeapReport {
        let collections = Cause::ALL.iter().zip(statistics.collections).filter(|(_, count)| *count != 0);
        let kinds = statistics.kinds.iter().filter(|usage| usage.objects != 0);
        let name = |func| module.function(func).name.clone();
        HeapReport {
            allocations: statistics.allocations,
            collections: collections.map(|(cause, count)| (cause.name(), count)).collect(),
            pauses: PauseReport::from(&statistics.pauses),
            kinds: kinds
                .map(|usage| (usage.kind.name(), KindReport { objects: usage.objects, bytes: usage.bytes }))
                .collect(),
            finalizers: statistics.finalizers,
            safepoints: SafepointReport {
                all: safepoints.total().into(),
                functions: safepoints.functions().map(|(func, waits)| (name(func), waits.into())).collect(),
                host_functions: safepoints.hosts().map(|(name, waits)| (name.to_owned(), waits.into())).collect(),
            },
        }
    }
}

/// Nanoseconds as milliseconds.
struct Ms(u64);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.0 as f64 / 1e6)
    }
}

impl fmt::Display for WaitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits, {} of more than 1 ms, the longest {}", self.count, self.missed, Ms(self.longest))
    }
}

impl fmt::Display for HeapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { allocations, collections, pauses, kinds, finalizers, safepoints } = self;
        writeln!(f, "allocations: {allocations}; finalizers queued: {finalizers}")?;
        for (cause, count) in collections {
            writeln!(f, "collections: {count} ({cause})")?;
        }
        if pauses.count != 0 {
            let PauseReport { p50, p99, max, total, .. } = pauses;
            writeln!(f, "pauses: p50 {}, p99 {}, max {}, together {}", Ms(*p50), Ms(*p99), Ms(*max), Ms(*total))?;
        }
        for (kind, KindReport { objects, bytes }) in kinds {
            writeln!(f, "on the heap: {objects} of kind {kind}, {bytes} bytes")?;
        }
        let SafepointReport { all, functions, host_functions } = safepoints;
        if all.count != 0 {
            writeln!(f, "safepoints: {all}")?;
        }
        for (name, waits) in functions {
            writeln!(f, "safepoints of `{name}`: {waits}")?;
        }
        for (name, waits) in host_functions {
            writeln!(f, "held up by host function `{name}`: {waits}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lockstep_engine::{Config, Session};
    use lockstep_runtime::Limits;

    use super::*;

    #[test]
    fn a_run_with_collections_and_a_finalizer_is_told_in_words_and_as_json() {
        let text = r#"
            func main() {
                reg s: any, t: any, m: any, f: any
                import.any s, "setmetatable"
                table.any m, 0, 1
                closure.any f, gone()
                set_name.any m, f, "__gc"
                table.any t, 0, 0
                call.any s, 2, 0
                nil.any t
                nil.any m
                import.any s, "collect"
                call.any s, 0, 0
                closure.any f, nothing()
                call.any f, 0, 0
                ret_void
            }
            func gone(...) -> ... {
                reg any
                ret.any r0, 0
            }
            func nothing(...) -> ... {
                reg any
                ret.any r0, 0
            }
        "#;
        let module = Arc::new(lockstep_bytecode::assemble("t.lks", text).unwrap_or_else(|error| panic!("{error}")));
        let config = Config { native: None, limits: Limits::default(), coverage: false };
        let mut session = Session::new(module.clone(), config);
        let main = module.find("main").unwrap();
        session.run(main, &[]).unwrap_or_else(|error| panic!("{error}"));
        let report = HeapReport::new(&session.collector(), session.safepoints(), &module);
        assert_eq!(report.collections.get("explicit"), Some(&1));
        assert_eq!((report.pauses.count, report.finalizers), (1, 1));
        assert_eq!((report.safepoints.all.count, report.safepoints.functions["main"].count), (1, 1));
        assert_eq!(report.safepoints.host_functions["collect"].count, 1, "the finalizer waits while it runs");
        let words = report.to_string();
        for part in ["collections: 1 (explicit)", "pauses: p50 ", "safepoints of `main`: 1 waits", "on the heap: "] {
            assert!(words.contains(part), "{part} is missing:\n{words}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["pauses"]["max"], report.pauses.max);
        assert!(json["kinds"]["table"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    }
}
