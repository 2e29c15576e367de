//! Output that nobody reads any more, as in `lockstep parity --list | head`: the command ends there and says nothing, as others do that a closed pipe kills.
//!
//! The signal itself stays ignored, as Rust has it: a worker that died must be an error of one write, not the end of everybody.

use std::error::Error;
use std::io;
use std::panic;
use std::process;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The status of a process that SIGPIPE has killed, as shells tell it: whoever asks for a verdict must not take this for one.
pub(super) const STATUS: u8 = 128 + 13;

/// From now on printing ends the process, quietly, where it would panic because nobody reads.
pub(super) fn end_quietly() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        if text.is_some_and(|text| text.contains("Broken pipe")) && is_unread() {
            process::exit(STATUS.into());
        }
        tell(info);
    }));
}

/// Whether a command failed for no other reason than that nobody reads what it prints.
pub(super) fn is_why(error: &(dyn Error + 'static)) -> bool {
    let broken = error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
    broken && is_unread()
}

/// Whether standard output or standard error is a pipe whose other end is closed: other pipes break, too, such as those of workers.
fn is_unread() -> bool {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let mut ends = [PollFd::new(&stdout, PollFlags::OUT), PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut ends, Some(&now)).is_ok() && ends.iter().any(|end| end.revents().contains(PollFlags::ERR))
}
