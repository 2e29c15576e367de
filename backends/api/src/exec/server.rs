//! A server process, spoken to in lines. It knows nothing of what the lines mean.
//!
//! Lines are written and read on threads of their own, so that a process that neither reads nor answers can be given up.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer lines are cut off, and then are no answers: docs/exec-protocol.md states the limit.
const MAX_LINE: u64 = 1 << 26;

/// Unread lines kept; a server that prints more waits.
const UNREAD: usize = 4;

/// The servers of this process that are running, by process id.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Process ids of the servers that this process runs. Whoever looks for processes that were left behind leaves these out.
pub fn running() -> Vec<u32> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A running server.
pub struct Server {
    child: Child,
    /// None once its input is closed.
    lines: Option<mpsc::Sender<String>>,
    answers: mpsc::Receiver<io::Result<String>>,
}

/// Why there is no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// None came within this time.
    Timeout(Duration),
    /// It ended, or closed its output; how.
    Ended(String),
    /// What it prints cannot be read.
    Unreadable(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Timeout(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
            Silence::Ended(how) => f.write_str(how),
            Silence::Unreadable(error) => write!(f, "cannot read from it: {error}"),
        }
    }
}

impl Server {
    /// Starts a command, given in words.
    ///
    /// # Errors
    /// No words, or no such program.
    pub fn start(command: &[String]) -> Result<Self, String> {
        let (program, args) = command.split_first().ok_or("`exec:` names no command")?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start `{program}`: {e}"))?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(child.id());
        let stdin = child.stdin.take().expect("piped");
        let stdout = child.stdout.take().expect("piped");
        let (lines, to_write) = mpsc::channel();
        std::thread::spawn(move || write_lines(stdin, &to_write));
        let (send, answers) = mpsc::sync_channel(UNREAD);
        std::thread::spawn(move || read_lines(stdout, &send));
        Ok(Self { child, lines: Some(lines), answers })
    }

    /// Sends text as it is. What it cannot take because it has ended is lost, which the lack of an answer tells.
    pub fn send(&self, text: String) {
        if let Some(lines) = &self.lines {
            // The writer goes only when the process has.
            let _ = lines.send(text);
        }
    }

    /// The next line it prints, without its end.
    ///
    /// # Errors
    /// See [`Silence`].
    pub fn answer(&mut self, timeout: Duration) -> Result<String, Silence> {
        match self.answers.recv_timeout(timeout) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(e)) => Err(Silence::Unreadable(e.to_string())),
            Err(RecvTimeoutError::Timeout) => Err(Silence::Timeout(timeout)),
            Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended(self.ending())),
        }
    }

    /// A line that is there already, though nothing was asked.
    pub fn unasked(&mut self) -> Option<String> {
        self.answers.try_recv().ok().and_then(Result::ok)
    }

    /// Closes its input, after what was sent.
    pub fn close_input(&mut self) {
        self.lines = None;
    }

    /// How it ended, if it does so in time.
    pub fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + timeout;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }

    /// How it ended, whose output did. The two happen at nearly the same time, in either order.
    fn ending(&mut self) -> String {
        match self.wait(Duration::from_millis(250)) {
            Some(status) => format!("it ended with {status} before answering"),
            None => "it closed its output before answering".to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; either way nothing is left to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|&id| id != self.child.id());
    }
}

fn write_lines(mut stdin: ChildStdin, lines: &mpsc::Receiver<String>) {
    for line in lines {
        // Whoever cannot be written to has ended, which the lack of an answer tells better.
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            break;
        }
    }
}

fn read_lines(stdout: ChildStdout, send: &mpsc::SyncSender<io::Result<String>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let line = match read {
            Ok(0) => return,
            Ok(_) => String::from_utf8(line).map_err(io::Error::other).map(|line| line.trim_end().to_owned()),
            Err(e) => Err(e),
        };
        let failed = line.is_err();
        if send.send(line).is_err() || failed {
            return;
        }
    }
}
