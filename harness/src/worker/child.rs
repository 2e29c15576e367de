//! The worker's side: takes tasks one by one until the socket closes.

use std::any::Any;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::client::Limits;
use super::left;
use super::task::{Answer, Context, Task};
use crate::backends::Backends;

/// A line from a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// What is about to happen.
    Progress(String),
    /// The task panicked. The worker is not used again.
    Panicked(String),
    /// The task is done, but processes that it started go on. The worker is not used again.
    Left(String),
    /// The task's answer.
    Done(Box<Answer>),
}

/// Serves tasks until the other side closes the socket on standard input.
///
/// # Errors
/// Standard input is no socket (someone ran the command by hand), or a limit could not be set.
pub fn serve(limits: &Limits) -> io::Result<()> {
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    channel.peer_addr().map_err(|e| {
        io::Error::new(e.kind(), "`lockstep worker` is started by other commands, with a socket as its standard input")
    })?;
    // From here on nothing can reach the channel by a well-known descriptor.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let fixed = |bytes: u64| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    left::adopt_orphans()?;
    setrlimit(Resource::As, fixed(limits.memory))?;
    setrlimit(Resource::Fsize, fixed(limits.output))?;
    setrlimit(Resource::Core, fixed(0))?;
    // A stack of known size, so that an overflow takes the same time everywhere and is reported by name.
    std::thread::Builder::new()
        .name("task".into())
        .stack_size(limits.stack)
        .spawn(move || work(&channel))?
        .join()
        .map_err(|_| io::Error::other("the worker itself panicked"))?
}

fn work(channel: &UnixStream) -> io::Result<()> {
    // A crash in generated code says where it came from.
    lockstep_engine::crash::install();
    let mut lines = BufReader::new(channel).lines();
    let send = |message: &Message| -> io::Result<()> {
        let mut line = serde_json::to_string(message).map_err(io::Error::other)?;
        line.push('\n');
        (&*channel).write_all(line.as_bytes())
    };
    // Progress that cannot be sent means that nobody listens: the next answer will fail and end the worker.
    let mut progress = |at: &str| drop(send(&Message::Progress(at.to_owned())));
    let mut context = Context { backends: Backends::new(), progress: &mut progress };
    while let Some(line) = lines.next().transpose()? {
        let task: Task = serde_json::from_str(&line).map_err(io::Error::other)?;
        let done = catch_unwind(AssertUnwindSafe(|| task.run(&mut context)));
        // Whatever the task printed is the task's.
        io::stdout().flush()?;
        // Servers that backends talk to stay; whatever else was started must be gone.
        let left = left::adopted(&lockstep_backend_api::exec::running());
        if !left.is_empty() {
            left.iter().for_each(left::Left::end);
            let names: Vec<String> = left.iter().map(ToString::to_string).collect();
            send(&Message::Left(names.join(", ")))?;
            continue;
        }
        match done {
            Ok(answer) => send(&Message::Done(Box::new(answer)))?,
            Err(panic) => send(&Message::Panicked(panic_message(&*panic)))?,
        }
    }
    Ok(())
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
