//! What all runs of random programs share: batches of indices, handed to threads until there are no more, time is up, or one says stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which indices, and how they are worked through.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Stop after this long, whatever the count.
    pub time: Option<Duration>,
    /// Batches at a time.
    pub jobs: usize,
}

/// What a batch says of those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// They are wanted.
    GoOn,
    /// They are not.
    Stop,
}

/// Hands out batches of at most `size` indices: their first, and how many.
///
/// # Errors
/// The first that a batch answers; batches that run go on to their end.
pub fn run(drive: &Drive, size: u64, batch: &(dyn Fn(u64, u64) -> Result<Next, String> + Sync)) -> Result<(), String> {
    let start = Instant::now();
    let next = AtomicU64::new(drive.first);
    let end = drive.first + drive.count;
    let stop = AtomicBool::new(false);
    let error = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..drive.jobs.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let first = next.fetch_add(size, Ordering::Relaxed);
                    if first >= end || drive.time.is_some_and(|limit| start.elapsed() >= limit) {
                        break;
                    }
                    match batch(first, size.min(end - first)) {
                        Ok(Next::GoOn) => {}
                        Ok(Next::Stop) => stop.store(true, Ordering::Relaxed),
                        Err(why) => {
                            error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(drive: &Drive, stop_at: u64) -> (Vec<u64>, Result<(), String>) {
        let seen = Mutex::new(Vec::new());
        let result = run(drive, 10, &|first, count| {
            seen.lock().expect("nobody panics").extend(first..first + count);
            match first {
                90 => Err("no".to_owned()),
                first if first >= stop_at => Ok(Next::Stop),
                _ => Ok(Next::GoOn),
            }
        });
        let mut seen = seen.into_inner().expect("nobody panics");
        seen.sort_unstable();
        (seen, result)
    }

    #[test]
    fn every_index_comes_once_and_stops_and_errors_are_heard() {
        let drive = Drive { first: 5, count: 33, time: None, jobs: 3 };
        assert_eq!(indices(&drive, u64::MAX), ((5..38).collect(), Ok(())));
        let alone = Drive { first: 0, count: 1000, jobs: 1, ..drive };
        assert_eq!(indices(&alone, 20), ((0..30).collect(), Ok(())));
        assert_eq!(indices(&alone, u64::MAX), ((0..100).collect(), Err("no".to_owned())));
        assert_eq!(indices(&Drive { time: Some(Duration::ZERO), ..alone }, u64::MAX), (Vec::new(), Ok(())));
    }
}
