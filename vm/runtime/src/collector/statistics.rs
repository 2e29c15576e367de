//! What the collector tells about itself.

use std::time::Duration;

use lockstep_layout::ObjectKind;

use crate::heap::Heap;

/// Why a collection happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The heap has grown as far as its pace allows.
    Pace,
    /// An allocation would have exceeded the memory limit.
    Limit,
    /// Stress: one before each allocation.
    Stress,
    /// The VM asked for it at a safepoint.
    Safepoint,
    /// The program or the host asked for it.
    Explicit,
}

impl Cause {
    /// Every cause, in order of its number.
    pub const ALL: [Cause; 5] = [Cause::Pace, Cause::Limit, Cause::Stress, Cause::Safepoint, Cause::Explicit];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Pace => "pace",
            Cause::Limit => "limit",
            Cause::Stress => "stress",
            Cause::Safepoint => "safepoint",
            Cause::Explicit => "explicit",
        }
    }
}

/// Objects and bytes of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindUsage {
    /// The kind.
    pub kind: ObjectKind,
    /// Objects on the heap.
    pub objects: u64,
    /// Their bytes, buffers included.
    pub bytes: u64,
}

/// A heap's statistics at one moment.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Objects and buffers allocated (or asked for) since the heap was made.
    pub allocations: u64,
    /// Of those, made while the heap had roots: each could have collected, and under stress has.
    pub exposed: u64,
    /// Collections by cause, in order of [`Cause::ALL`].
    pub collections: [u64; Cause::ALL.len()],
    /// What is on the heap, by kind, in order of [`ObjectKind::ALL`].
    pub kinds: [KindUsage; ObjectKind::ALL.len()],
    /// Stores that were announced by a barrier's cold half.
    pub announcements: u64,
    /// Objects queued for finalization so far.
    pub finalizers: u64,
    /// How long the program stood still.
    pub pauses: Pauses,
}

impl Statistics {
    /// Collections for one cause.
    pub fn collections_by(&self, cause: Cause) -> u64 {
        self.collections[cause as usize]
    }

    /// All collections.
    pub fn total_collections(&self) -> u64 {
        self.collections.iter().sum()
    }
}

/// Sixteen buckets per power of two of nanoseconds: percentiles are at most a sixteenth too high.
const SUBBUCKETS: usize = 16;
const BUCKETS: usize = 64 * SUBBUCKETS;

/// The distribution of pauses.
#[derive(Clone)]
pub struct Pauses {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    max: Duration,
    total: Duration,
}

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses { buckets: Box::new([0; BUCKETS]), count: 0, max: Duration::ZERO, total: Duration::ZERO }
    }
}

impl std::fmt::Debug for Pauses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pauses")
            .field("count", &self.count)
            .field("p50", &self.percentile(0.50))
            .field("p99", &self.percentile(0.99))
            .field("max", &self.max)
            .finish()
    }
}

impl Pauses {
    fn record(&mut self, pause: Duration) {
        let nanoseconds = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.buckets[bucket_of(nanoseconds)] += 1;
        self.count += 1;
        self.max = self.max.max(pause);
        self.total += pause;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// All together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The smallest duration (to a sixteenth) that a share `q` of the pauses does not exceed; zero if there was none.
    pub fn percentile(&self, q: f64) -> Duration {
        let rank = (self.count as f64 * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper_end(index)).min(self.max);
            }
        }
        Duration::ZERO
    }
}

/// The bucket of a duration of at least one nanosecond.
fn bucket_of(nanoseconds: u64) -> usize {
    let power = nanoseconds.ilog2();
    let fraction = (u128::from(nanoseconds) * SUBBUCKETS as u128) >> power;
    power as usize * SUBBUCKETS + fraction as usize - SUBBUCKETS
}

/// The largest duration in a bucket.
fn upper_end(bucket: usize) -> u64 {
    let (power, fraction) = (bucket / SUBBUCKETS, bucket % SUBBUCKETS);
    let end = ((SUBBUCKETS + fraction + 1) as u128) << power;
    u64::try_from((end - 1) / SUBBUCKETS as u128).unwrap_or(u64::MAX)
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Record {
    collections: [u64; Cause::ALL.len()],
    pub finalizers: u64,
    pub announcements: u64,
    pauses: Pauses,
}

impl Record {
    pub(super) fn collections(&self) -> u64 {
        self.collections.iter().sum()
    }

    pub(super) fn finish(&mut self, cause: Cause, pause: Duration) {
        self.collections[cause as usize] += 1;
        self.pauses.record(pause);
    }
}

impl Heap {
    /// The statistics as they are now.
    pub fn statistics(&self) -> Statistics {
        let record = &self.collector.statistics;
        Statistics {
            allocations: self.usage.allocations,
            exposed: self.exposed(),
            collections: record.collections,
            kinds: ObjectKind::ALL.map(|kind| KindUsage {
                kind,
                objects: self.usage.objects[kind as usize - 1],
                bytes: self.usage.bytes[kind as usize - 1],
            }),
            announcements: record.announcements,
            finalizers: record.finalizers,
            pauses: record.pauses.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_they_say() {
        for nanoseconds in (0..64).flat_map(|power| [1u64 << power, (1 << power) | 1, u64::MAX >> power]) {
            let bucket = bucket_of(nanoseconds);
            assert!(upper_end(bucket) >= nanoseconds, "{nanoseconds}");
            assert!(bucket == 0 || upper_end(bucket - 1) < nanoseconds, "{nanoseconds}");
            assert!((upper_end(bucket) as f64) < nanoseconds as f64 * 1.0626 + 1.0, "{nanoseconds}");
        }
    }

    #[test]
    fn percentiles_are_near() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.percentile(0.99), Duration::ZERO);
        for microseconds in 1..=1000 {
            pauses.record(Duration::from_micros(microseconds));
        }
        let near = |q: f64, microseconds: f64| {
            let found = pauses.percentile(q).as_nanos() as f64 / 1000.0;
            assert!(found >= microseconds && found <= microseconds * 1.07, "{q}: {found}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        assert_eq!(pauses.percentile(1.0), Duration::from_micros(1000));
        assert_eq!((pauses.count(), pauses.max()), (1000, Duration::from_micros(1000)));
        assert_eq!(pauses.total(), Duration::from_micros(500_500));
    }
}
