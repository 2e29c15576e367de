//! The one registry of runtime helpers: every function that generated code may call, with its signature and effects.
//!
//! The compiler checks each call it emits against these rows, and the runtime fills the table of addresses in the same
//! order. A helper never unwinds into generated code.

/// A scalar in a helper's signature. Addresses are `I64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scalar {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer or an address.
    I64,
    /// A double.
    F64,
}

/// What a helper may do besides computing its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effects {
    /// Reads program memory (frames, arrays).
    pub reads: bool,
    /// Writes program memory or output.
    pub writes: bool,
    /// Allocates heap objects.
    pub allocates: bool,
}

impl Effects {
    /// A function of its arguments alone: may be moved, merged and dropped.
    pub const PURE: Effects = Effects { reads: false, writes: false, allocates: false };
    /// Allocates, and touches nothing that existed before.
    pub const ALLOCATES: Effects = Effects { reads: false, writes: false, allocates: true };
    /// Writes output only.
    pub const WRITES: Effects = Effects { reads: false, writes: true, allocates: false };
    /// Runs program code: anything.
    pub const ANY: Effects = Effects { reads: true, writes: true, allocates: true };

    /// Whether calls may be moved, merged and dropped.
    pub const fn is_pure(self) -> bool {
        !self.reads && !self.writes && !self.allocates
    }
}

/// How a helper's result says that it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It cannot fail.
    Infallible,
    /// The result is a [`crate::Status`]; anything but `Ok` goes up to the caller. `Exit` and `TailCall` never occur.
    Status,
    /// Zero means failure without any effect: exit at the instruction's pc, so that the interpreter raises.
    ZeroExits,
}

macro_rules! helpers {
    ($($(#[$doc:meta])* $name:ident $text:literal ($($param:ident),*) -> $result:ident, $effects:ident, $safepoint:literal, $outcome:ident;)*) => {
        /// A runtime helper; the discriminant is its index in the table at [`crate::Ctx::helpers`].
        #[repr(u32)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum HelperId {
            $($(#[$doc])* $name,)*
        }

        impl HelperId {
            /// Every helper, in table order.
            pub const ALL: &'static [HelperId] = &[$(HelperId::$name),*];

            /// The name in IR text and reports.
            pub const fn name(self) -> &'static str {
                match self { $(HelperId::$name => $text,)* }
            }

            /// Types of the parameters; a helper that needs the context has it as its first parameter.
            pub const fn params(self) -> &'static [Scalar] {
                match self { $(HelperId::$name => &[$(Scalar::$param),*],)* }
            }

            /// Type of the result.
            pub const fn result(self) -> Scalar {
                match self { $(HelperId::$name => Scalar::$result,)* }
            }

            /// What the helper may do.
            pub const fn effects(self) -> Effects {
                match self { $(HelperId::$name => Effects::$effects,)* }
            }

            /// Whether a collection may happen inside: live references must be in their slots, the pc stored.
            pub const fn is_safepoint(self) -> bool {
                match self { $(HelperId::$name => $safepoint,)* }
            }

            /// How failure shows.
            pub const fn outcome(self) -> Outcome {
                match self { $(HelperId::$name => Outcome::$outcome,)* }
            }

            /// The helper of this name.
            pub fn by_name(name: &str) -> Option<HelperId> {
                HelperId::ALL.iter().copied().find(|helper| helper.name() == name)
            }
        }
    };
}

helpers! {
    /// `finish(ctx, frame, status) -> status`: the call of `frame` exited with `status`: interprets from the frame's stored pc (or from `ctx.exit_frame`) until that frame
    /// has returned; its result is then in its slot 0.
    Finish "finish" (I64, I64, I32) -> I32, ANY, true, Status;
    /// `interpret_call(ctx, frame) -> status`: runs the function of a prepared frame (header written, arguments in slots
    /// 0…) from its start, natively or not; its result is then in slot 0. For callees without a typed entry.
    InterpretCall "interpret_call" (I64, I64) -> I32, ANY, true, Status;
    /// `array_new(ctx, tag, len) -> array`: a zeroed typed array with this array tag, or 0 where the interpreter raises
    /// (negative length, memory limit).
    ArrayNew "array_new" (I64, I64, I64) -> I64, ALLOCATES, true, ZeroExits;
    /// `print(ctx, tag, payload) -> ok`: appends the value and a newline to the VM's output; 0 where the interpreter
    /// raises (memory limit).
    Print "print" (I64, I64, I64) -> I32, WRITES, false, ZeroExits;
    /// `f64_rem_t(a, b)`: the remainder of truncating division, as C's `fmod`.
    F64RemT "f64_rem_t" (F64, F64) -> F64, PURE, false, Infallible;
    /// `f64_rem_f(a, b)`: the remainder of flooring division; it has the divisor's sign.
    F64RemF "f64_rem_f" (F64, F64) -> F64, PURE, false, Infallible;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (index, &helper) in HelperId::ALL.iter().enumerate() {
            assert_eq!(helper as usize, index);
            assert_eq!(HelperId::by_name(helper.name()), Some(helper));
        }
        assert_eq!(HelperId::by_name("nothing"), None);
    }

    #[test]
    fn what_runs_program_code_is_a_safepoint_and_answers_a_status() {
        for &helper in HelperId::ALL {
            assert_eq!(helper.outcome() == Outcome::Status, helper.effects() == Effects::ANY, "{}", helper.name());
            assert!(!helper.effects().allocates || helper.is_safepoint(), "{}", helper.name());
        }
    }
}
