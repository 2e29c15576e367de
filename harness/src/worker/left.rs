//! Processes that code under test started and left behind: found, told, ended. Linux only, through `/proc`.
//!
//! Two views. A worker looks at what has become its child after a task ([`adopted`]): it is the reaper of its descendants, so that a
//! grandchild whose parent is gone shows up here. Whoever started a worker looks for everything that carries the worker's [`Mark`]
//! in its environment, once the worker is gone; a session or process group of its own does not hide a process.

use std::fmt;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A process that is there and should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its id.
    pub id: u32,
    /// Its command's name.
    pub name: String,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.id)
    }
}

impl Left {
    /// The process of that id, unless it has ended.
    fn running(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // `id (name) state …`, where the name may hold anything.
        let (head, rest) = stat.rsplit_once(')')?;
        let ended = rest.trim_start().starts_with(['Z', 'X']);
        (!ended).then(|| Self { id, name: head.split_once('(').map_or("", |h| h.1).to_owned() })
    }

    /// Ends it. That it may be gone already is no matter.
    pub fn end(&self) {
        if let Some(pid) = i32::try_from(self.id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// What marks a worker and all that descends from it.
#[derive(Debug)]
pub struct Mark(String);

/// The variable of the environment that holds it.
const VARIABLE: &str = "LOCKSTEP_MARK";

impl Mark {
    /// A mark that no other process has.
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Marks what a command starts.
    pub fn put_on(&self, command: &mut Command) {
        command.env(VARIABLE, &self.0);
    }

    /// Who carries it.
    fn carriers(&self) -> Vec<Left> {
        let entry = format!("{VARIABLE}={}", self.0);
        let carries = |id: &u32| {
            fs::read(format!("/proc/{id}/environ"))
                .is_ok_and(|text| text.split(|&b| b == 0).any(|variable| variable == entry.as_bytes()))
        };
        let ids =
            fs::read_dir("/proc").into_iter().flatten().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(carries).filter_map(Left::running).collect()
    }

    /// Ends all that carry it, those they start meanwhile included.
    pub fn end_all(&self) {
        // Each round leaves those that were started during it; what breeds faster than that is given up.
        for _ in 0..100 {
            let carriers = self.carriers();
            if carriers.is_empty() {
                return;
            }
            carriers.iter().for_each(Left::end);
        }
    }
}

/// Makes this process the one that orphaned descendants become children of.
///
/// # Errors
/// The system has no such thing.
pub fn adopt_orphans() -> std::io::Result<()> {
    // Any process id but none means yes.
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// The children of this process that are running, but for those that it runs on purpose.
pub fn adopted(on_purpose: &[u32]) -> Vec<Left> {
    // One system call where there are none, which is nearly always.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::All, options), Err(Errno::CHILD)) {
        return Vec::new();
    }
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let ids: Vec<u32> =
        lists.flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<_>>()).collect();
    ids.into_iter().filter(|id| !on_purpose.contains(id)).filter_map(Left::running).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_a_mark_is_found_and_ended_and_nothing_else() {
        let (ours, others) = (Mark::fresh(), Mark::fresh());
        let start = |mark: &Mark| {
            let mut command = Command::new("sleep");
            mark.put_on(&mut command);
            command.arg("100").spawn().expect("`sleep` is there")
        };
        let (mut mine, mut other) = (start(&ours), start(&others));
        // The environment is the new program's once it runs.
        while ours.carriers().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(ours.carriers(), [Left { id: mine.id(), name: "sleep".to_owned() }]);
        assert!(adopted(&[]).iter().any(|left| left.id == mine.id()));
        assert!(!adopted(&[mine.id()]).iter().any(|left| left.id == mine.id()));
        ours.end_all();
        assert!(mine.wait().expect("it ended").code().is_none());
        assert!(ours.carriers().is_empty());
        assert!(other.try_wait().expect("its state").is_none(), "it was not ours to end");
        others.end_all();
        other.wait().expect("it ended");
    }
}
