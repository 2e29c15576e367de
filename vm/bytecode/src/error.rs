//! The errors a running program can raise. Names are stable: corpus, reports and hosts refer to them.

use std::fmt;

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])* $Name:ident $name:literal $message:literal;)*) => {
        /// Why a program stopped with an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorKind {
            $($(#[doc = $doc])* $Name,)*
        }

        impl ErrorKind {
            /// Every kind of error.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$Name),*];

            /// The stable name, as corpus cases write it.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorKind::$Name => $name,)* }
            }

            /// The message for people.
            pub const fn message(self) -> &'static str {
                match self { $(ErrorKind::$Name => $message,)* }
            }
        }
    };
}

error_kinds! {
    /// The divisor of an integer division or remainder was zero.
    DivideByZero "divide_by_zero" "attempt to divide by zero";
    /// The result of a checked operation, or of MIN / −1, does not fit.
    IntegerOverflow "integer_overflow" "integer overflow";
    /// A float has no counterpart in the integer kind.
    Conversion "conversion" "number has no integer representation";
    /// An array index is negative or not below the length.
    IndexOutOfBounds "index_out_of_bounds" "array index out of bounds";
    /// An array was asked for with a negative length.
    NegativeLength "negative_length" "array length is negative";
    /// Calls are nested deeper than the limit allows.
    StackOverflow "stack_overflow" "stack overflow";
    /// The run budget of back edges and calls is used up.
    BudgetExhausted "budget_exhausted" "run budget exhausted";
    /// The heap would grow beyond its limit.
    MemoryLimit "memory_limit" "memory limit exceeded";
    /// An operand has a kind that the operation is not defined for. The message says which.
    TypeError "type_error" "operand of a wrong kind";
    /// The program raised a value.
    Raised "raised" "a value was raised";
    /// A function of the host raised an error.
    HostError "host_error" "error in a function of the host";
    /// A message handler raised an error.
    HandlerError "handler_error" "error in error handling";
    /// The host asked the program to stop.
    Interrupted "interrupted" "interrupted";
}

impl ErrorKind {
    /// The kind with this stable name.
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether no program can catch it: the run is over.
    pub const fn is_final(self) -> bool {
        matches!(self, ErrorKind::BudgetExhausted | ErrorKind::Interrupted)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
