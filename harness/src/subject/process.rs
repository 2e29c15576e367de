//! One process of a subject, kept apart from everything else: a process group of its own, limits of time, memory and output.
//!
//! What it leaves behind when it ends is ended too: its group, and all that carries its mark in the environment, in whatever group or session. A process
//! that sheds both on purpose escapes; containers are the answer to hostile programs, this is one to broken ones.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::manifest::Limits;
use crate::cli::shell_word;
use crate::worker::How;
use crate::worker::left::Mark;

/// Sets the limits in the process that becomes the subject: before its first instruction, and inherited by whatever it starts.
/// `$1` is KiB of address space or `unlimited`; files may grow to 131072 blocks (64 MiB where the shell counts 512 bytes each).
const LIMITED: &str = r#"ulimit -c 0; ulimit -f 131072; ulimit -v "$1" || exit 126; shift; exec "$@""#;

/// A command, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub words: Vec<String>,
    /// Variables added to this program's own.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// What it reads from standard input.
    pub input: Vec<u8>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal, or it was ended after too long, or it could not be started.
    Died(How),
}

/// A process that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How.
    pub ended: Ended,
    /// What it printed to standard output.
    pub stdout: Vec<u8>,
    /// What it printed to standard error.
    pub stderr: Vec<u8>,
    /// Wall time from start to end.
    pub seconds: f64,
}

impl Invocation {
    /// The line that does the same in a shell.
    pub fn line(&self) -> String {
        let env = self.env.iter().map(|(name, value)| format!("{name}={} ", shell_word(value)));
        let words: Vec<String> = self.words.iter().map(|word| shell_word(word)).collect();
        format!(
            "cd {} && {}{}",
            shell_word(&self.directory.display().to_string()),
            env.collect::<String>(),
            words.join(" ")
        )
    }

    /// The program as a file that can be run, or why there is none.
    ///
    /// # Errors
    /// It is neither a file at its path nor found in `PATH`.
    pub fn program(&self) -> Result<PathBuf, String> {
        let name = self.words.first().ok_or("no command")?;
        let found = if name.contains('/') {
            Some(self.directory.join(name)).filter(|path| path.is_file())
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file())
        };
        found.ok_or_else(|| format!("`{name}` is not found"))
    }

    /// Runs it to its end.
    pub fn run(&self, limits: &Limits) -> Finished {
        self.try_run(limits).unwrap_or_else(|error| Finished {
            ended: Ended::Died(How::Channel(error.to_string())),
            stdout: Vec::new(),
            stderr: Vec::new(),
            seconds: 0.0,
        })
    }

    fn stdin(&self) -> io::Result<Stdio> {
        if self.input.is_empty() {
            return Ok(Stdio::null());
        }
        let file = memory_file("stdin")?;
        file.write_all_at(&self.input, 0)?;
        Ok(file.into())
    }

    fn try_run(&self, limits: &Limits) -> io::Result<Finished> {
        let (stdout, stderr) = (memory_file("stdout")?, memory_file("stderr")?);
        let memory = if limits.memory == 0 { "unlimited".to_owned() } else { (limits.memory << 10).to_string() };
        let started = Instant::now();
        let mark = Mark::fresh();
        let mut command = Command::new("/bin/sh");
        mark.put_on(&mut command);
        let mut child = command
            .args(["-c", LIMITED, "sh", &memory])
            .args(&self.words)
            .envs(&self.env)
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(self.stdin()?)
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()?;
        let limit = Duration::from_secs_f64(limits.seconds);
        let in_time = wait(&child, started, limit);
        let seconds = started.elapsed().as_secs_f64();
        // The group's leader is not waited for yet, so its number still names this group.
        if let Some(group) = Pid::from_raw(child.id() as i32) {
            // No such group: nothing is left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let status = child.wait()?;
        mark.end_all();
        let ended = match (in_time?, status.code(), status.signal()) {
            (false, ..) => Ended::Died(How::Silent(limit)),
            (true, Some(code), _) => Ended::Exited(code),
            (true, None, Some(signal)) => Ended::Died(How::Signal(signal)),
            (true, None, None) => Ended::Died(How::Channel(status.to_string())),
        };
        Ok(Finished { ended, stdout: content(&stdout)?, stderr: content(&stderr)?, seconds })
    }
}

/// Waits for the end of a process without taking its status. Whether it ended in time.
fn wait(child: &Child, started: Instant, limit: Duration) -> io::Result<bool> {
    let pid = Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("a process without a number"))?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let Some(left) = limit.checked_sub(started.elapsed()) else { return Ok(false) };
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut handles = [PollFd::new(&handle, PollFlags::IN)];
        match poll(&mut handles, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}

fn content(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.metadata()?.len() as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// A directory of its own for the files of one process, removed when it is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> io::Result<Self> {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lockstep-subject-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The absolute form of a directory, for processes that run elsewhere.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limits: Limits) -> Finished {
        let words = ["/bin/sh", "-c", script].map(str::to_owned).into();
        Invocation { words, env: BTreeMap::new(), directory: std::env::temp_dir(), input: Vec::new() }.run(&limits)
    }

    #[test]
    fn each_end_is_told_from_the_others() {
        let done = shell("echo out; echo err >&2; exit 3", Limits::default());
        assert_eq!((done.ended, &*done.stdout, &*done.stderr), (Ended::Exited(3), &b"out\n"[..], &b"err\n"[..]));
        assert_eq!(shell("kill -SEGV $$", Limits::default()).ended, Ended::Died(How::Signal(11)));
        let slow = shell("echo begun; sleep 60", Limits { seconds: 0.2, ..Limits::default() });
        assert_eq!(slow.ended, Ended::Died(How::Silent(Duration::from_millis(200))));
        assert!(slow.stdout == b"begun\n" && slow.seconds < 20.0);
    }

    #[test]
    fn limits_hold() {
        let endless = shell("head -c 300000000 /dev/zero", Limits::default());
        assert!(endless.stdout.len() <= 128 << 20);
        assert_ne!(endless.ended, Ended::Exited(0));
        let large = shell(
            "head -c 3000000000 /dev/zero | tail -c 2999999999 > /dev/null",
            Limits { memory: 64, ..Limits::default() },
        );
        assert_ne!(large.ended, Ended::Exited(0), "{}", String::from_utf8_lossy(&large.stderr));
    }

    #[test]
    fn what_is_left_behind_is_ended() {
        let scratch = Scratch::new().expect("a directory");
        let mark = scratch.file("mark");
        for start in ["", "setsid "] {
            let script = format!("{start}sh -c 'sleep 1; echo late > {}' & exit 0", mark.display());
            shell(&script, Limits::default());
            std::thread::sleep(Duration::from_millis(1300));
            assert!(!mark.exists(), "a grandchild lived on: {script}");
        }
    }
}
