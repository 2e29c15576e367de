//! How much a process has had of the machine: what tells one that hangs from one that is kept waiting.

use std::fs;
use std::time::Duration;

/// A look at a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Usage {
    /// Processor time of all its threads so far.
    pub used: Duration,
    /// Whether one of its threads runs, or waits for a processor.
    pub wants_to_run: bool,
}

/// The usage of a process; none of anything if it cannot be told.
pub(super) fn of(pid: u32) -> Usage {
    let read = |path: String| fs::read_to_string(path).ok().and_then(|stat| fields(&stat));
    let Some((_, ticks)) = read(format!("/proc/{pid}/stat")) else { return Usage::default() };
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut states = threads.filter_map(|thread| read(format!("{}/stat", thread.path().display())));
    let per_second = rustix::param::clock_ticks_per_second();
    Usage {
        used: Duration::from_secs_f64(ticks as f64 / per_second as f64),
        wants_to_run: states.any(|(state, _)| state == 'R'),
    }
}

/// State and processor time in ticks, of a line of `/proc/PID/stat` (proc_pid_stat(5), fields 3, 14 and 15).
fn fields(stat: &str) -> Option<(char, u64)> {
    // The name, in parentheses, may hold anything.
    let rest = stat.get(stat.rfind(')')? + 1..)?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<u64>().ok();
    Some((fields.first()?.chars().next()?, ticks(11)? + ticks(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::thread::sleep;

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let line = "7 (a) R (b) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 100 0 0";
        assert_eq!(fields(line), Some(('S', 42)));
        assert_eq!(fields("7 (a"), None);
    }

    #[test]
    fn one_that_computes_wants_to_run_and_one_that_sleeps_does_not() {
        let shell =
            |script: &str| Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().expect("a shell");
        let (mut busy, mut idle) = (shell("while :; do :; done"), shell("exec sleep 60"));
        let mut seen = Usage::default();
        for _ in 0..1000 {
            seen = of(busy.id());
            if seen.used >= Duration::from_millis(30) {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        let asleep = of(idle.id());
        for child in [&mut busy, &mut idle] {
            child.kill().and_then(|()| child.wait()).expect("it ends");
        }
        assert!(seen.wants_to_run && seen.used >= Duration::from_millis(30), "{seen:?}");
        assert!(!asleep.wants_to_run, "{asleep:?}");
        assert_eq!(of(0), Usage::default(), "no such process");
    }
}
