//! The other side: one worker process, and how it may die.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

use super::child::Message;
use super::left::Mark;
use super::task::{Answer, Task};
use super::usage;

/// What a worker may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space in bytes.
    pub memory: u64,
    /// Stack in bytes.
    pub stack: usize,
    /// Bytes it may print.
    pub output: u64,
    /// How long it may go without a sign of life: an answer, or progress.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 4 << 30, stack: 64 << 20, output: 64 << 20, silence: Duration::from_secs(60) }
    }
}

/// A task whose worker did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// How it ended.
    pub how: How,
    /// What it was doing, by its own account.
    pub at: Option<String>,
    /// The last that it printed.
    pub output: String,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By this signal.
    Signal(i32),
    /// It exited by itself in the middle of the task.
    Exited(i32),
    /// It was ended after so long without a sign of life, although it slept or had at least half of that time on a processor.
    Silent(Duration),
    /// It panicked.
    Panicked(String),
    /// It answered, but had printed to standard output: code that is embedded must not.
    Noise(u64),
    /// It answered, but left these processes running.
    Left(String),
    /// It could not be started or spoken to.
    Channel(String),
}

/// The signals that end programs, by number on Linux.
const SIGNALS: [(i32, &str); 12] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (15, "SIGTERM"),
    (25, "SIGXFSZ"),
];

impl How {
    /// A stable name for counting.
    pub const fn name(&self) -> &'static str {
        match self {
            How::Signal(_) => "signal",
            How::Exited(_) => "exited",
            How::Silent(_) => "timeout",
            How::Panicked(_) => "panic",
            How::Noise(_) => "noise",
            How::Left(_) => "left_processes",
            How::Channel(_) => "channel",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Signal(number) => match SIGNALS.iter().find(|s| s.0 == *number) {
                Some((_, name)) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {number}"),
            },
            How::Exited(code) => write!(f, "the process exited with status {code} in the middle of the case"),
            How::Silent(limit) => write!(f, "no sign of life for {} s, killed", limit.as_secs_f64()),
            How::Panicked(message) => write!(f, "panicked: {message}"),
            How::Noise(bytes) => write!(f, "printed {bytes} bytes to standard output"),
            How::Left(names) => write!(f, "left running: {names}"),
            How::Channel(error) => write!(f, "worker process: {error}"),
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.how)?;
        if let Some(at) = &self.at {
            write!(f, "\n  while {at}")?;
        }
        if !self.output.is_empty() {
            write!(f, "\n  it printed:")?;
            for line in self.output.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

/// A running worker.
pub struct Worker {
    child: Child,
    channel: BufReader<UnixStream>,
    stdout: Capture,
    stderr: Capture,
    silence: Duration,
    mark: Mark,
}

/// A file in memory that the worker prints to.
struct Capture {
    file: File,
    /// Bytes there before the task at hand.
    seen: u64,
}

/// How much of what a worker printed is shown.
const SHOWN_BYTES: u64 = 2000;

impl Capture {
    fn new(name: &str) -> io::Result<Self> {
        Ok(Self { file: File::from(memfd_create(name, MemfdFlags::CLOEXEC)?), seen: 0 })
    }

    fn stdio(&self) -> io::Result<Stdio> {
        self.file.try_clone().map(Stdio::from)
    }

    /// Bytes printed since the last call.
    fn news(&mut self) -> u64 {
        let len = self.file.metadata().map_or(self.seen, |m| m.len());
        len - std::mem::replace(&mut self.seen, len).min(len)
    }

    /// The end of the last `bytes` bytes printed.
    fn tail(&self, bytes: u64) -> String {
        let from = self.seen.saturating_sub(bytes.min(SHOWN_BYTES));
        let mut buffer = vec![0; (self.seen - from) as usize];
        let read = self.file.read_at(&mut buffer, from).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..read]).trim_end().to_owned()
    }
}

impl Worker {
    /// Starts a worker: `program worker …`, or this program if none is given.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(program: Option<&PathBuf>, limits: &Limits) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(limits.silence))?;
        let (stdout, stderr) = (Capture::new("stdout")?, Capture::new("stderr")?);
        let program = match program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let mark = Mark::fresh();
        let mut command = Command::new(program);
        mark.put_on(&mut command);
        let child = command
            .arg("worker")
            .arg(format!("--memory={}", limits.memory))
            .arg(format!("--stack={}", limits.stack))
            .arg(format!("--output={}", limits.output))
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(stdout.stdio()?)
            .stderr(stderr.stdio()?)
            .spawn()?;
        Ok(Self { child, channel: BufReader::new(ours), stdout, stderr, silence: limits.silence, mark })
    }

    /// Lets a worker end by itself, for those that have something to do at their end.
    ///
    /// # Errors
    /// It does not end.
    pub fn finish(mut self) -> Result<(), How> {
        let closed = self.channel.get_mut().shutdown(std::net::Shutdown::Both);
        closed.map_err(|e| How::Channel(e.to_string()))?;
        let patience = std::time::Instant::now() + self.silence;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(Self::how(status)),
                Ok(None) if std::time::Instant::now() > patience => return Err(How::Silent(self.silence)),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(e) => return Err(How::Channel(e.to_string())),
            }
        }
    }

    /// Has a task done. After a [`Death`] the worker is of no more use.
    ///
    /// # Errors
    /// How the worker died instead of answering.
    pub fn run(&mut self, task: &Task) -> Result<Answer, Box<Death>> {
        self.run_watched(task, &mut |_| {})
    }

    /// As [`Worker::run`], and reports progress as it comes.
    ///
    /// # Errors
    /// How the worker died instead of answering.
    pub fn run_watched(&mut self, task: &Task, watch: &mut dyn FnMut(&str)) -> Result<Answer, Box<Death>> {
        self.stdout.news();
        self.stderr.news();
        let mut at = None;
        match self.converse(task, &mut |text| {
            watch(text);
            at = Some(text.to_owned());
        }) {
            Ok(answer) => match self.stdout.news() {
                0 => Ok(answer),
                bytes => Err(Box::new(Death { how: How::Noise(bytes), at: None, output: self.stdout.tail(bytes) })),
            },
            Err(how) => {
                let (out, err) = (self.stdout.news(), self.stderr.news());
                let texts = [self.stdout.tail(out), self.stderr.tail(err)];
                let output = texts.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
                Err(Box::new(Death { how, at, output }))
            }
        }
    }

    fn converse(&mut self, task: &Task, progress: &mut dyn FnMut(&str)) -> Result<Answer, How> {
        let mut line = serde_json::to_string(task).expect("tasks are JSON");
        line.push('\n');
        if self.channel.get_mut().write_all(line.as_bytes()).is_err() {
            return Err(self.ending());
        }
        line.clear();
        let mut used = usage::of(self.child.id()).used;
        loop {
            match self.channel.read_line(&mut line) {
                Ok(0) => return Err(self.ending()),
                Ok(_) => match serde_json::from_str::<Message>(&line) {
                    Ok(Message::Progress(at)) => {
                        progress(&at);
                        line.clear();
                        used = usage::of(self.child.id()).used;
                    }
                    Ok(Message::Panicked(message)) => return Err(How::Panicked(message)),
                    Ok(Message::Left(names)) => return Err(How::Left(names)),
                    Ok(Message::Done(answer)) => return Ok(*answer),
                    Err(e) => return Err(How::Channel(format!("it sent what is no message: {e}"))),
                },
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    // One that wants to run and hardly could is not to blame: the machine has others to serve. It gets as long again.
                    let now = usage::of(self.child.id());
                    if !now.wants_to_run || now.used.saturating_sub(used) >= self.silence / 2 {
                        return Err(How::Silent(self.silence));
                    }
                }
                // A process that dies with unread input resets the connection.
                Err(_) => return Err(self.ending()),
            }
        }
    }

    /// How a worker ended that closed its channel. One that closed it and lives on is ended.
    fn ending(&mut self) -> How {
        for _ in 0..200 {
            match self.child.try_wait() {
                Ok(Some(status)) => return Self::how(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(e) => return How::Channel(e.to_string()),
            }
        }
        How::Channel("it closed its channel and went on".to_owned())
    }

    fn how(status: ExitStatus) -> How {
        match (status.signal(), status.code()) {
            (Some(signal), _) => How::Signal(signal),
            (None, Some(code)) => How::Exited(code),
            (None, None) => How::Channel(status.to_string()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already; either way nothing is left to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.mark.end_all();
    }
}
