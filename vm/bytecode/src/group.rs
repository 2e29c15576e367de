//! Groups of consecutive registers, which instructions on dynamic values read and write.

use crate::{Count, Reg, Role};

/// Consecutive registers of kind `any` that an instruction reads and writes, by what it says of their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// What the group is.
    pub role: Role,
    /// The first register.
    pub first: Reg,
    pub(crate) reads: Count,
    pub(crate) writes: Count,
}

impl Group {
    /// How many registers it spans.
    pub fn len(self) -> usize {
        let (reads, writes) = (self.reads.fixed(), self.writes.fixed());
        match self.role {
            Role::Callee => (1 + reads).max(writes),
            Role::Numeric => 4,
            Role::Iterator => 4 + writes,
            Role::Pair => 2,
            _ => reads.max(writes),
        }
    }

    /// Whether it spans no register.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The registers it reads. Those past the last possible one are the verifier's to report.
    pub fn reads(self) -> impl Iterator<Item = Reg> {
        let count = match self.role {
            Role::Callee => 1 + self.reads.fixed(),
            Role::Numeric => 3,
            Role::Iterator => 4,
            Role::Pair => 0,
            _ => self.reads.fixed(),
        };
        self.registers(0, count)
    }

    /// The registers it writes.
    pub fn writes(self) -> impl Iterator<Item = Reg> {
        let (skip, count) = match self.role {
            Role::Chain => (0, 1),
            Role::Numeric => (0, 4),
            Role::Iterator => (4, self.writes.fixed()),
            Role::Pair => (0, 2),
            _ => (0, self.writes.fixed()),
        };
        self.registers(skip, count)
    }

    /// The registers whose values are lost without being written.
    pub fn loses(self) -> impl Iterator<Item = Reg> {
        let count = if self.role == Role::Chain { self.reads.fixed().saturating_sub(1) } else { 0 };
        self.registers(1, count)
    }

    fn registers(self, skip: usize, count: usize) -> impl Iterator<Item = Reg> {
        (skip..skip + count).filter_map(move |i| u8::try_from(self.first.index() + i).ok()).map(Reg)
    }
}
