//! What instructions mean, as data: consumers match on a meaning and a kind instead of on hundreds of names.

/// The meaning of an instruction, up to its kinds (see [`OpInfo`](crate::OpInfo)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sem {
    /// `dst` = the immediate value.
    Const,
    /// `dst` = a constant of the pool.
    Pool,
    /// `dst` = `a`.
    Move,
    /// `dst` = `cond` ? `a` : `b`.
    Select,
    /// `dst` = `a` op `b`.
    Binary(BinOp),
    /// `dst` = `a` op immediate.
    BinaryImm(BinOp),
    /// `dst` = op `a`.
    Unary(UnOp),
    /// `dst` = whether `a` and `b` relate so.
    Compare(Cc),
    /// `dst` = `a`, of the second kind, as the first kind.
    Convert(ConvertMode),
    /// Unconditional branch.
    Jump,
    /// Branch on a boolean register being the given value.
    BranchBool(bool),
    /// Branch on two registers.
    Branch(Cc),
    /// Branch on a register and an immediate value.
    BranchImm(Cc),
    /// Branch through a jump table.
    Switch,
    /// Step a counter and branch; `Lt` and `Gt` step first, `Le` and `Ge` compare first.
    Loop(Cc),
    /// Call with a result.
    Call,
    /// Call without a result.
    CallVoid,
    /// Call in place of this activation.
    TailCall,
    /// Return with a result.
    Ret,
    /// Return without a result.
    RetVoid,
    /// Make an array.
    ArrayNew,
    /// Length of an array.
    ArrayLen,
    /// Read an element.
    ArrayGet,
    /// Write an element.
    ArraySet,
    /// Write a value to the output.
    Print,
    /// `dst` = nil.
    Nil,
    /// `dst` = a truth value.
    Truth,
    /// `dst` = a small integer.
    Integer,
    /// `dst` = an integer or float of the pool.
    Number(NumberKind),
    /// `dst` = `a`, with its tag.
    Box,
    /// `dst`, of a fixed kind, = `a`, if it has that kind.
    Unbox,
    /// `dst` = `a` op `b`, with Lua's rules and metamethods.
    Arith(AnyOp),
    /// `dst` = `a` op immediate, the same way.
    ArithImm(AnyOp),
    /// `dst` = op `a`, the same way.
    AnyUnary(AnyUnOp),
    /// `dst` = whether `a` and `b` relate so, with metamethods.
    AnyCompare(Test),
    /// Branch on two generic operands.
    AnyBranch(Test),
    /// Branch on a generic operand and an immediate value.
    AnyBranchImm(Test),
    /// Branch on a value's being neither nil nor false, or being one of them.
    BranchTruth(bool),
    /// Branch on a value's being nil, or not.
    BranchNil(bool),
    /// `dst` = a string constant.
    Text,
    /// Put strings together.
    Concat,
    /// Write a dynamic value to the output.
    PrintAny,
    /// Make a table.
    TableNew,
    /// Read the field of a name.
    GetName,
    /// Write the field of a name.
    SetName,
    /// Read the value of a key.
    Get,
    /// Write the value of a key.
    Set,
    /// Read the field of a name, and keep the object as the first argument of a call.
    Method,
    /// Write consecutive elements of a table.
    Append,
    /// A byte of a string.
    StringByte,
    /// A part of a string.
    StringSlice,
    /// Where a string stands in another.
    StringFind,
    /// Make a closure.
    Closure,
    /// Read an upvalue.
    UpvalueGet,
    /// Write an upvalue.
    UpvalueSet,
    /// End the variables from a register on: close what is to be closed, and the upvalues that captured them.
    Close,
    /// Mark a variable as to be closed.
    ToBeClosed,
    /// Call a value.
    CallAny,
    /// Call a value in place of this activation.
    TailCallAny,
    /// Return any number of values.
    RetAny,
    /// The arguments behind the parameters.
    Vararg,
    /// Begin a numeric loop.
    ForPrep,
    /// Step a numeric loop.
    ForLoop,
    /// Ask an iterator for the next values.
    ForIn,
    /// Raise a value.
    Throw,
    /// Call a value and catch its errors.
    ProtectedCall,
    /// The same, with a message handler.
    HandledCall,
    /// Make a coroutine.
    CoroutineCreate,
    /// Go on with a coroutine.
    Resume,
    /// Go on with a coroutine; if it fails, call a function about it.
    ResumeOr,
    /// Suspend the running coroutine.
    Yield,
    /// What a coroutine is doing.
    CoroutineStatus,
    /// End a coroutine.
    CoroutineClose,
    /// The running coroutine.
    CoroutineRunning,
    /// The host's value of a name.
    Import,
}

/// The kinds of numbers in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// An integer.
    Int,
    /// A float.
    Float,
}

/// A generic binary operation, with a metamethod of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyOp {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// Multiplication.
    Mul,
    /// Float division.
    Div,
    /// Remainder of floor division.
    Mod,
    /// Floor division.
    Idiv,
    /// Exponentiation.
    Pow,
    /// Bitwise and.
    Band,
    /// Bitwise or.
    Bor,
    /// Bitwise exclusive or.
    Bxor,
    /// Shift left, logical.
    Shl,
    /// Shift right, logical.
    Shr,
}

/// A generic unary operation, with a metamethod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyUnOp {
    /// Negation.
    Neg,
    /// Bitwise complement.
    Bnot,
    /// Length.
    Len,
    /// Logical negation; it has no metamethod.
    Not,
}

/// A binary operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinOp {
    /// Addition, wrapping for integers.
    Add,
    /// Subtraction, wrapping for integers.
    Sub,
    /// Multiplication, wrapping for integers.
    Mul,
    /// Addition, overflow is an error.
    AddChecked,
    /// Subtraction, overflow is an error.
    SubChecked,
    /// Multiplication, overflow is an error.
    MulChecked,
    /// Division: towards zero for integers.
    Div,
    /// Remainder with the sign of the dividend.
    Rem,
    /// Division towards negative infinity.
    DivFloor,
    /// Remainder with the sign of the divisor.
    RemFloor,
    /// And.
    And,
    /// Or.
    Or,
    /// Exclusive or.
    Xor,
    /// Shift left, modulo the width.
    Shl,
    /// Shift right, modulo the width: arithmetic for signed kinds.
    Shr,
    /// Logical shift right of a signed kind, modulo the width.
    ShrLogical,
    /// Rotate left.
    Rotl,
    /// Rotate right.
    Rotr,
    /// The lesser.
    Min,
    /// The greater.
    Max,
}

/// A unary operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnOp {
    /// Negation, wrapping for integers.
    Neg,
    /// Negation, overflow is an error.
    NegChecked,
    /// Absolute value, wrapping for integers.
    Abs,
    /// Absolute value, overflow is an error.
    AbsChecked,
    /// Complement.
    Not,
    /// Square root.
    Sqrt,
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceil,
    /// Towards zero.
    Trunc,
    /// To the nearest, ties to even.
    Nearest,
}

/// How two values relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cc {
    /// Equal.
    Eq,
    /// Not equal (true for NaN).
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Not less: `Ge`, but true for NaN.
    NotLt,
    /// Not less or equal: `Gt`, but true for NaN.
    NotLe,
}

/// How a conversion treats values the target lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvertMode {
    /// Integer to integer, modulo two to the width.
    Wrap,
    /// Integer to float, to nearest even.
    Float,
    /// Float to integer; inexact is an error.
    Exact,
    /// Float to integer towards zero; out of range is an error.
    Truncate,
    /// Float to integer towards zero, held to the range; NaN is 0.
    Saturate,
    /// The same bits.
    Bits,
}

/// How two dynamic values relate. The negations are not the inverse relations: with NaN or metamethods both can be false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Not less.
    NotLt,
    /// Less or equal.
    Le,
    /// Not less or equal.
    NotLe,
    /// Greater: less with the operands swapped.
    Gt,
    /// Not greater.
    NotGt,
    /// Greater or equal: less or equal with the operands swapped.
    Ge,
    /// Not greater or equal.
    NotGe,
}
