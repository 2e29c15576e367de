//! What a compilation is asked for and what it answers: plain data on both sides.
//!
//! A [`Request`] is an immutable snapshot, so that it can be served on another thread; a [`Compiled`] holds no address and
//! no reference, so that it can be cached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lockstep_bytecode::{FuncId, Kind, Module, Op, Pc};
use lockstep_ir::{FuncRef, Stage, Unit};

use crate::passes::{Fuel, PassConfig, PassId};

/// What to compile, and how.
#[derive(Clone, Copy, Debug)]
pub struct Request<'m> {
    /// The module, which the bytecode verifier has passed.
    pub module: &'m Module,
    /// The function of it to compile.
    pub func: FuncId,
    /// How.
    pub options: &'m Options,
}

/// How to compile.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which loop headers get an entry of their own.
    pub osr: OsrEntries,
    /// Whether back edges and calls take one from `ctx.countdown`.
    pub countdown: bool,
    /// Whether the code counts the instructions it executes.
    pub coverage: bool,
    /// Whether *every instruction* takes one from `ctx.countdown`, so that the code can be left before any of them; `countdown` must be off.
    pub step: bool,
    /// Where to stop: after lowering, as every backend wants it, or before, for evaluation alone.
    pub stage: Stage,
    /// Which passes run, and how far.
    pub passes: PassConfig,
    /// A pass from outside.
    pub extra: Option<ExtraPass>,
    /// Functions of more instructions are refused.
    pub max_instructions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            osr: OsrEntries::All,
            countdown: false,
            coverage: false,
            step: false,
            stage: Stage::Machine,
            passes: PassConfig::default(),
            extra: None,
            max_instructions: 20_000,
        }
    }
}

/// A pass from outside, run as the last step of one of ours, wherever that runs: to try one, or to see what a wrong one does.
///
/// It takes from the same [`Fuel`] before each change, so that dumps, counts and bisection know it as part of that pass. What it
/// leaves is verified as any pass's is.
#[derive(Clone)]
pub struct ExtraPass {
    /// The pass that it belongs to; where that is off, it does not run.
    pub within: PassId,
    /// What it does.
    pub run: Arc<RunPass>,
}

/// What a pass from outside does to a unit.
pub type RunPass = dyn Fn(&mut Unit, &mut Fuel) + Send + Sync;

impl fmt::Debug for ExtraPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtraPass({})", self.within.name())
    }
}

/// Which loop headers get an entry for on-stack replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OsrEntries {
    /// None.
    None,
    /// Every target of a back edge.
    All,
    /// Those among the targets of back edges.
    Only(Vec<Pc>),
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The code, in the machine stage, for any backend; or in the value stage, if that was asked for.
    pub unit: Unit,
    /// The entry `(ctx, frame, data) -> status`: arguments in the frame's slots, result in slot 0. In the value stage the body, which has the
    /// typed entry's signature.
    pub universal: FuncRef,
    /// The entry `(ctx, frame, data, arguments…) -> (status[, result])`.
    pub typed: Option<FuncRef>,
    /// Entries with the universal signature that continue at a loop header from the frame's slots.
    pub osr: Vec<(Pc, FuncRef)>,
    /// What the words of the unit's data block hold at first, in order.
    pub data: Vec<DataWord>,
    /// Exit sites: `Exit(n)` comes from the n-th.
    pub exits: Vec<ExitSite>,
    /// Wall time of each phase, in the order in which they ran; disjoint.
    pub phases: Vec<(&'static str, Duration)>,
    /// How many changes each pass made, in the order of the pipeline; a pass that runs in both stages is listed twice.
    pub changes: Vec<(PassId, u64)>,
    /// The text of the unit after construction and after each pass, if [`PassConfig::dump`] asks for it.
    pub dumps: Vec<Dump>,
}

/// The text of a unit at some point of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// After what: `ssa` (construction), `to-machine` (lowering), `renumber` (the end), or a pass's name.
    pub after: &'static str,
    /// The unit.
    pub text: String,
}

/// What an 8-byte word of a unit's data block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataWord {
    /// Nonzero while the unit is valid; activations that find it zero after a call leave. Always the first word.
    Valid,
    /// These bits.
    Constant(u64),
    /// The address of the function's `layout::FunctionEntry`.
    FunctionEntry(FuncId),
    /// A counter, zero at first: executions of the compiled function's instruction as inline code.
    CounterInline(Pc),
    /// A counter, zero at first: executions of the compiled function's instruction through a helper.
    CounterHelper(Pc),
}

/// A place where the code may leave for the interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExitSite {
    /// The function whose frame is written back.
    pub func: FuncId,
    /// The instruction with which the interpreter goes on.
    pub pc: Pc,
    /// Why.
    pub reason: ExitReason,
}

macro_rules! exit_reasons {
    ($($(#[doc = $doc:literal])* $Name:ident $name:literal;)*) => {
        /// Why native code leaves for the interpreter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ExitReason {
            $($(#[doc = $doc])* $Name,)*
        }

        impl ExitReason {
            /// Every reason.
            pub const ALL: &'static [ExitReason] = &[$(ExitReason::$Name),*];

            /// The stable name, as reports write it.
            pub const fn name(self) -> &'static str {
                match self { $(ExitReason::$Name => $name,)* }
            }
        }
    };
}

exit_reasons! {
    /// The divisor of an integer division is zero: the interpreter raises.
    DivideByZero "divide_by_zero";
    /// A checked operation or a division overflows: the interpreter raises.
    IntegerOverflow "integer_overflow";
    /// A float has no counterpart in the integer kind: the interpreter raises.
    Conversion "conversion";
    /// An index is out of bounds: the interpreter raises.
    IndexOutOfBounds "index_out_of_bounds";
    /// An array's length is negative: the interpreter raises.
    NegativeLength "negative_length";
    /// An array could not be allocated: the interpreter tries again, and raises.
    Allocation "allocation";
    /// A value could not be printed: the interpreter tries again, and raises.
    Print "print";
    /// A call would be too deep: the interpreter raises.
    DepthLimit "depth_limit";
    /// The callee's frame does not fit the stack segment: the interpreter chains another.
    SegmentFull "segment_full";
    /// The machine stack is nearly used up: the interpreter, which needs none per call, goes on.
    StackLimit "stack_limit";
    /// The VM asked for attention.
    Poll "poll";
    /// The countdown has reached zero: a forced exit, or the end of the run's budget.
    Countdown "countdown";
    /// The unit was invalidated during a call.
    Invalidated "invalidated";
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a function is not compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// An instruction of the dynamic half, which is not compiled yet.
    #[error("`{op}` at {pc} is not compiled yet")]
    NotYetCompiled {
        /// Where it is.
        pc: Pc,
        /// Which it is.
        op: Op,
    },
    /// A function that it calls, itself or through others, can be suspended, with whatever waits for it: by a coroutine that yields. Native frames cannot be.
    #[error("{callee}, which it calls, can be suspended at {pc}")]
    MaySuspend {
        /// The function that can be suspended.
        callee: FuncId,
        /// At which of its instructions.
        pc: Pc,
    },
    /// A register of a kind that the compiler does not know yet.
    #[error("registers of kind {kind} are not compiled yet")]
    RegisterKind {
        /// The kind.
        kind: Kind,
    },
    /// More instructions than [`Options::max_instructions`].
    #[error("{instructions} instructions are more than the limit of {limit}")]
    TooLarge {
        /// How many there are.
        instructions: usize,
        /// The limit.
        limit: usize,
    },
}

impl Refusal {
    /// The stable name of the variant, as reports write it.
    pub const fn name(&self) -> &'static str {
        match self {
            Refusal::NotYetCompiled { .. } => "not_yet_compiled",
            Refusal::MaySuspend { .. } => "may_suspend",
            Refusal::RegisterKind { .. } => "register_kind",
            Refusal::TooLarge { .. } => "too_large",
        }
    }
}
