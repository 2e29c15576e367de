//! The tree of a chunk, with every name resolved: to a local variable, an upvalue, a constant, or a field of `_ENV`.
//!
//! Expressions lie in one list and refer to each other by number, so that a chain of any length is built, walked along its left side and freed without
//! recursion. Everything else nests no deeper than the parser allows.

use std::rc::Rc;

use lockstep_bytecode::{AnyOp, UpvalueId};

/// The bytes of a name or string.
pub type Text = Rc<[u8]>;

macro_rules! index {
    ($($(#[doc = $doc:literal])* $Name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(pub u32);

        impl $Name {
            /// The index as a `usize`.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index! {
    /// An expression of a chunk.
    ExprId;
    /// A function of a chunk; the main one is the first.
    FunctionId;
    /// A local variable of a function, in order of declaration; parameters come first.
    LocalId;
    /// A `goto` of a function.
    GotoId;
}

/// A label of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LabelId(pub u32);

/// A parsed chunk.
#[derive(Debug)]
pub struct Chunk {
    /// How messages call it.
    pub name: Vec<u8>,
    /// The expressions, each with the line that errors in it name.
    pub exprs: Vec<(Expr, u32)>,
    /// The functions.
    pub functions: Vec<Function>,
}

/// A function.
#[derive(Debug, Default)]
pub struct Function {
    /// The name it was declared with; empty if none.
    pub name: Vec<u8>,
    /// The line of `function`; 0 for the main function.
    pub line: u32,
    /// The line of its `end`.
    pub end_line: u32,
    /// How many parameters it has.
    pub params: u8,
    /// Whether it ends in `...`.
    pub is_vararg: bool,
    /// Its local variables.
    pub locals: Vec<Local>,
    /// Its upvalues.
    pub upvalues: Vec<Upvalue>,
    /// Where each `goto` leads.
    pub gotos: Vec<LabelId>,
    /// The statements.
    pub body: Block,
}

/// What a local variable was declared to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Attrib {
    /// An ordinary variable.
    Regular,
    /// It cannot be assigned to.
    Const,
    /// Nor this one, which is closed at its end.
    Close,
    /// A constant known here: it needs no register, and is never referred to.
    Literal(Literal),
}

/// A local variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: Text,
    /// What it was declared to be.
    pub attrib: Attrib,
    /// Whether an inner function refers to it.
    pub captured: bool,
}

/// An upvalue of a function.
#[derive(Clone, Debug)]
pub struct Upvalue {
    /// Its name.
    pub name: Text,
    /// What it is in the enclosing function.
    pub from: Outer,
    /// Whether it cannot be assigned to.
    pub is_const: bool,
}

/// A variable of the enclosing function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// A local variable.
    Local(LocalId),
    /// An upvalue.
    Upvalue(UpvalueId),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A string.
    String(Text),
}

/// A comparison. Greater-than is less-than with the operands exchanged, once both are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `~=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
}

/// An operator of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-`.
    Negate,
    /// `~`.
    BitNot,
    /// `not`.
    Not,
    /// `#`.
    Length,
}

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A constant.
    Literal(Literal),
    /// `...`.
    Vararg,
    /// A function.
    Function(FunctionId),
    /// A local variable.
    Local(LocalId),
    /// An upvalue.
    Upvalue(UpvalueId),
    /// `object[key]`, and `object.key`, and a global variable.
    Index {
        /// What is indexed.
        object: ExprId,
        /// By what.
        key: ExprId,
    },
    /// A call.
    Call {
        /// What is called.
        callee: ExprId,
        /// With what.
        args: Vec<ExprId>,
    },
    /// `object:name(args)`.
    Method {
        /// The object.
        object: ExprId,
        /// The method's name.
        name: Text,
        /// The other arguments.
        args: Vec<ExprId>,
    },
    /// Arithmetic or a bitwise operation.
    Arithmetic(AnyOp, ExprId, ExprId),
    /// A comparison.
    Compare(Comparison, ExprId, ExprId),
    /// An operator of one operand.
    Unary(Unary, ExprId),
    /// Operands joined by `and`.
    And(Vec<ExprId>),
    /// Operands joined by `or`.
    Or(Vec<ExprId>),
    /// Operands joined by `..`.
    Concat(Vec<ExprId>),
    /// An expression in parentheses that could have several values, and now has one.
    Single(ExprId),
    /// A table.
    Table(Vec<Item>),
}

/// An item of a table constructor.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// The next element.
    Element(ExprId),
    /// `[key] = value`, `name = value`.
    Field(ExprId, ExprId),
}

/// Statements that share a scope.
#[derive(Debug, Default)]
pub struct Block {
    /// The statements, each with its line.
    pub stats: Vec<(Stat, u32)>,
    /// The line of the token that ends the block.
    pub end_line: u32,
}

/// A statement.
#[derive(Debug)]
pub enum Stat {
    /// A call whose results are dropped.
    Call(ExprId),
    /// `local`. One of the variables may be to be closed.
    Local {
        /// The variables; one whose attribute is a literal is the last, and so is its value.
        locals: Vec<LocalId>,
        /// The values.
        values: Vec<ExprId>,
    },
    /// `local function`.
    LocalFunction(LocalId, ExprId),
    /// An assignment; targets are variables and indexed expressions.
    Assign(Vec<ExprId>, Vec<ExprId>),
    /// `do`.
    Do(Block),
    /// `while`.
    While(ExprId, Block),
    /// `repeat`; the condition is in the block's scope.
    Repeat(Block, ExprId),
    /// `if`, with its `elseif`s, and `else`.
    If(Vec<(ExprId, Block)>, Option<Block>),
    /// A numeric `for`: variable, first value, limit, step.
    NumericFor(LocalId, [ExprId; 2], Option<ExprId>, Block),
    /// A generic `for`.
    GenericFor(Vec<LocalId>, Vec<ExprId>, Block),
    /// `return`.
    Return(Vec<ExprId>),
    /// `break`.
    Break,
    /// `goto`.
    Goto(GotoId),
    /// A label.
    Label(LabelId),
}

impl Chunk {
    /// The expression with this number.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()].0
    }

    /// The line that errors in an expression name.
    pub fn line(&self, id: ExprId) -> u32 {
        self.exprs[id.index()].1
    }

    /// Whether an expression can have any number of values.
    pub fn is_open(&self, id: ExprId) -> bool {
        matches!(self.expr(id), Expr::Vararg | Expr::Call { .. } | Expr::Method { .. })
    }
}
