//! Families of instructions: the sections of the reference.

/// A family of instructions: the sections of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Constants.
    Constants,
    /// Copies and selections.
    Moves,
    /// Integer arithmetic.
    Arithmetic,
    /// Integer division and remainder.
    Division,
    /// Bitwise operations.
    Bitwise,
    /// Shifts and rotations.
    Shifts,
    /// Floating-point arithmetic.
    Float,
    /// Operations on truth values.
    Boolean,
    /// Comparisons to a truth value.
    Comparison,
    /// Conversions between kinds.
    Conversion,
    /// Branches.
    Control,
    /// Counted loops.
    Loops,
    /// Calls and returns.
    Calls,
    /// Typed arrays.
    Arrays,
    /// Output.
    Output,
    /// Constants and copies of dynamic values.
    AnyMoves,
    /// Arithmetic and bitwise operations on dynamic values.
    AnyArithmetic,
    /// Comparisons of dynamic values.
    AnyComparison,
    /// Branches on dynamic values.
    AnyControl,
    /// Strings.
    AnyStrings,
    /// Tables.
    AnyTables,
    /// Closures and calls of values.
    AnyCalls,
    /// Loops over numbers and iterators.
    AnyLoops,
    /// Errors as values.
    AnyErrors,
    /// Coroutines.
    AnyCoroutines,
}

impl Family {
    /// Every family, in the order of the table.
    pub const ALL: [Family; 25] = [
        Family::Constants,
        Family::Moves,
        Family::Arithmetic,
        Family::Division,
        Family::Bitwise,
        Family::Shifts,
        Family::Float,
        Family::Boolean,
        Family::Comparison,
        Family::Conversion,
        Family::Control,
        Family::Loops,
        Family::Calls,
        Family::Arrays,
        Family::Output,
        Family::AnyMoves,
        Family::AnyArithmetic,
        Family::AnyComparison,
        Family::AnyControl,
        Family::AnyStrings,
        Family::AnyTables,
        Family::AnyCalls,
        Family::AnyLoops,
        Family::AnyErrors,
        Family::AnyCoroutines,
    ];

    /// Whether the family's instructions work on dynamic values.
    pub const fn is_dynamic(self) -> bool {
        self as u8 > Family::Output as u8
    }

    /// The family's title in the reference.
    pub const fn title(self) -> &'static str {
        match self {
            Family::Constants => "Constants",
            Family::Moves => "Moves and selection",
            Family::Arithmetic => "Integer arithmetic",
            Family::Division => "Integer division",
            Family::Bitwise => "Bitwise operations",
            Family::Shifts => "Shifts and rotations",
            Family::Float => "Floating point",
            Family::Boolean => "Truth values",
            Family::Comparison => "Comparisons",
            Family::Conversion => "Conversions",
            Family::Control => "Branches",
            Family::Loops => "Counted loops",
            Family::Calls => "Calls and returns",
            Family::Arrays => "Typed arrays",
            Family::Output => "Output",
            Family::AnyMoves => "Dynamic values",
            Family::AnyArithmetic => "Arithmetic of dynamic values",
            Family::AnyComparison => "Comparisons of dynamic values",
            Family::AnyControl => "Branches on dynamic values",
            Family::AnyStrings => "Strings",
            Family::AnyTables => "Tables",
            Family::AnyCalls => "Closures and calls of values",
            Family::AnyLoops => "Loops over numbers and iterators",
            Family::AnyErrors => "Errors as values",
            Family::AnyCoroutines => "Coroutines",
        }
    }
}
