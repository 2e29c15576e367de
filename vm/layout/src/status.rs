//! What a native entry answers: a register of its own, never part of a result's range.

/// The answer of a native entry or of a helper that runs program code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Returned; a universal entry left the result in slot 0 of the callee's frame.
    Ok,
    /// Raised; the error record is in the VM, with its traceback.
    Error,
    /// Suspended; every frame is written back.
    Yield,
    /// The frame now holds the call of another function (header `func`, pc 0, arguments in slots 0…): dispatch it again.
    TailCall,
    /// Left native code at exit site `n` of the unit. The frame holds the whole state; `n` serves counting alone.
    Exit(u32),
}

impl Status {
    /// Encoded [`Status::Ok`].
    pub const OK: i32 = 0;
    /// Encoded [`Status::Error`].
    pub const ERROR: i32 = 1;
    /// Encoded [`Status::Yield`].
    pub const YIELD: i32 = 2;
    /// Encoded [`Status::TailCall`].
    pub const TAIL_CALL: i32 = 3;
    /// Encoded exit of site 0; site `n` is `EXIT + n`.
    pub const EXIT: i32 = 16;

    /// The status as entries return it.
    pub const fn encode(self) -> i32 {
        match self {
            Status::Ok => Status::OK,
            Status::Error => Status::ERROR,
            Status::Yield => Status::YIELD,
            Status::TailCall => Status::TAIL_CALL,
            Status::Exit(site) => Status::EXIT + site as i32,
        }
    }

    /// The meaning of a returned status, if it has one.
    pub const fn decode(raw: i32) -> Option<Status> {
        match raw {
            Status::OK => Some(Status::Ok),
            Status::ERROR => Some(Status::Error),
            Status::YIELD => Some(Status::Yield),
            Status::TAIL_CALL => Some(Status::TailCall),
            _ if raw >= Status::EXIT => Some(Status::Exit((raw - Status::EXIT) as u32)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn statuses_round_trip() {
        for status in
            [Status::Ok, Status::Error, Status::Yield, Status::TailCall, Status::Exit(0), Status::Exit(70_000)]
        {
            assert_eq!(Status::decode(status.encode()), Some(status));
        }
        for raw in [-1, i32::MIN, 4, 15] {
            assert_eq!(Status::decode(raw), None);
        }
    }
}
