//! The record of a program's error: what, where, and who called.

use std::fmt;

use lockstep_bytecode::{ErrorKind, FuncId, Pc};

/// A place in a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    /// The function.
    pub func: FuncId,
    /// The instruction in it.
    pub pc: Pc,
    /// The instruction's source line; 0 if none is known.
    pub line: u32,
}

/// Who called whom when an error was raised, innermost first, taken before any frame was left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Traceback {
    /// The innermost activations, first the one that raised; at most [`Traceback::KEPT`].
    pub innermost: Vec<Position>,
    /// How many activations between the two lists are left out.
    pub omitted: u32,
    /// The outermost activations of a deep stack, last the first one called; at most [`Traceback::KEPT`].
    pub outermost: Vec<Position>,
}

impl Traceback {
    /// How many activations are kept at either end.
    pub const KEPT: usize = 64;

    /// Collects positions, given innermost first.
    pub fn collect(mut positions: impl Iterator<Item = Position>) -> Traceback {
        let innermost: Vec<Position> = positions.by_ref().take(Self::KEPT).collect();
        let mut outermost = std::collections::VecDeque::with_capacity(Self::KEPT);
        let mut omitted = 0;
        for position in positions {
            if outermost.len() == Self::KEPT {
                outermost.pop_front();
                omitted += 1;
            }
            outermost.push_back(position);
        }
        Traceback { innermost, omitted, outermost: outermost.into() }
    }

    /// Number of activations there were.
    pub fn depth(&self) -> usize {
        self.innermost.len() + self.omitted as usize + self.outermost.len()
    }
}

/// An error that a program raised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What went wrong; its name and message are the same in every engine.
    pub kind: ErrorKind,
    /// What exactly, where that is more than the kind's own message.
    pub message: Option<String>,
    /// Where.
    pub position: Position,
    /// How it came there; its first entry is `position`.
    pub traceback: Traceback,
}

impl Error {
    /// The message for people.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(self.kind.message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { func, pc, line } = self.position;
        write!(f, "{} (in {func} at {pc}, line {line})", self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(pc: u32) -> Position {
        Position { func: FuncId(0), pc: Pc(pc), line: pc + 1 }
    }

    #[test]
    fn deep_tracebacks_keep_both_ends() {
        let traceback = Traceback::collect((0..1000).map(position));
        assert_eq!(traceback.depth(), 1000);
        assert_eq!(traceback.omitted, 1000 - 128);
        assert_eq!(traceback.innermost[0], position(0));
        assert_eq!((traceback.outermost[0], traceback.outermost[63]), (position(936), position(999)));
        let short = Traceback::collect((0..3).map(position));
        assert_eq!((short.innermost.len(), short.omitted, short.outermost.len()), (3, 0, 0));
    }
}
