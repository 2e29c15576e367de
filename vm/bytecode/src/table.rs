//! THE instruction table: one row per instruction and kind, from which everything else about instructions is derived.
//!
//! A row reads
//!
//! ```text
//! /// What it does.
//! "mnemonic" {Name ".suffix" (K J), …} (operand: role(kind), …) [Meaning] [EFFECTS] [errors] Inline|Helper;
//! ```
//!
//! and stands for one instruction per name in its braces. `K` and `J` in operand kinds mean that name's first and
//! second kind. Roles: `def`, `use` and `inout` (both) are registers; `args` is the first of consecutive argument registers;
//! `imm32`, `immu32`, `imm16`, `immu16`, `imm8`, `immu8` and `flag` are immediate values; `label` (or `near`, the same in
//! three bytes), `pool`, `str`, `func`, `table`, `upvalue` and `template` refer to an instruction, a constant, a string, a
//! function, a jump table, an upvalue and a closure template. `callee`, `list`, `chain`, `numeric`, `iterator` and `pair` are
//! groups of registers, whose length `reads` and `writes` give; `seen` and `site` keep what the interpreter sees. See
//! [`Role`](crate::Role). The meaning is a [`Sem`](crate::Sem); effects and errors are those
//! of [`OpInfo`](crate::OpInfo); `Helper` says that native code may do the work through a run-time helper and still counts
//! as native.
//!
//! The rows of dynamic values go on in `table_dynamic.rs`: it is one table in two files.
//!
//! [`for_each_instruction!`](crate::for_each_instruction) hands the rows, flattened, to a macro of the caller's.

/// Passes every instruction, as a flat list of rows, to the macro `callback`.
///
/// Called as `for_each_instruction!(callback)` or `for_each_instruction!(callback, context tokens…)`; the callback receives
/// `[context tokens…]` and then, for each instruction,
///
/// ```text
/// { name: AddI64, mnemonic: ("add" ".i64"), doc: " Addition, wrapping around.", family: Arithmetic, kinds: (I64),
///   operands: (dst: def(K), a: use(K), b: use(K)), sem: [Binary(Add)], effects: [PURE], errors: [], helper: Inline }
/// ```
///
/// An interpreter makes its `match` from it: one arm per row, `Instr::$name { $($operand),* } => …`, whose body is chosen by
/// a second macro on the tokens of `sem` and `kinds`, so that a row without meaning is a compile error.
#[macro_export]
macro_rules! for_each_instruction {
    ($callback:ident $(, $($context:tt)*)?) => {
        $crate::dynamic_instructions! { $callback [$($($context)*)?]
            family Constants {
                /// A small constant.
                "const"
                    {ConstI32 ".i32" (I32), ConstI64 ".i64" (I64)}
                    (dst: def(K), value: imm32) [Const] [PURE] [] Inline;
                /// A small constant.
                "const"
                    {ConstU32 ".u32" (U32), ConstU64 ".u64" (U64)}
                    (dst: def(K), value: immu32) [Const] [PURE] [] Inline;
                /// A truth value.
                "const"
                    {ConstBool ".bool" (Bool)}
                    (dst: def(K), value: flag) [Const] [PURE] [] Inline;
                /// A constant from the function's constant pool.
                "pool"
                    {PoolI64 ".i64" (I64), PoolU64 ".u64" (U64), PoolF64 ".f64" (F64)}
                    (dst: def(K), value: pool) [Pool] [PURE] [] Inline;
            }
            family Moves {
                /// Copies a register.
                "move"
                    {MoveI32 ".i32" (I32), MoveI64 ".i64" (I64), MoveU32 ".u32" (U32), MoveU64 ".u64" (U64),
                     MoveF64 ".f64" (F64), MoveBool ".bool" (Bool), MoveArrI32 ".array_i32" (ArrI32),
                     MoveArrI64 ".array_i64" (ArrI64), MoveArrU32 ".array_u32" (ArrU32),
                     MoveArrU64 ".array_u64" (ArrU64), MoveArrF64 ".array_f64" (ArrF64),
                     MoveArrBool ".array_bool" (ArrBool)}
                    (dst: def(K), a: use(K)) [Move] [PURE] [] Inline;
                /// `a` if `cond` is true, otherwise `b`.
                "select"
                    {SelectI32 ".i32" (I32), SelectI64 ".i64" (I64), SelectU32 ".u32" (U32),
                     SelectU64 ".u64" (U64), SelectF64 ".f64" (F64), SelectBool ".bool" (Bool),
                     SelectArrI32 ".array_i32" (ArrI32), SelectArrI64 ".array_i64" (ArrI64),
                     SelectArrU32 ".array_u32" (ArrU32), SelectArrU64 ".array_u64" (ArrU64),
                     SelectArrF64 ".array_f64" (ArrF64), SelectArrBool ".array_bool" (ArrBool)}
                    (dst: def(K), cond: use(Bool), a: use(K), b: use(K)) [Select] [PURE] [] Inline;
            }
            family Arithmetic {
                /// Addition, wrapping around.
                "add"
                    {AddI32 ".i32" (I32), AddI64 ".i64" (I64), AddU32 ".u32" (U32), AddU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Add)] [PURE] [] Inline;
                /// Subtraction, wrapping around.
                "sub"
                    {SubI32 ".i32" (I32), SubI64 ".i64" (I64), SubU32 ".u32" (U32), SubU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Sub)] [PURE] [] Inline;
                /// Multiplication, wrapping around.
                "mul"
                    {MulI32 ".i32" (I32), MulI64 ".i64" (I64), MulU32 ".u32" (U32), MulU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Mul)] [PURE] [] Inline;
                /// Addition of a constant, wrapping around.
                "addi"
                    {AddImmI32 ".i32" (I32), AddImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(Add)] [PURE] [] Inline;
                /// Addition of a constant, wrapping around.
                "addi"
                    {AddImmU32 ".u32" (U32), AddImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(Add)] [PURE] [] Inline;
                /// Subtraction of a constant, wrapping around.
                "subi"
                    {SubImmI32 ".i32" (I32), SubImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(Sub)] [PURE] [] Inline;
                /// Subtraction of a constant, wrapping around.
                "subi"
                    {SubImmU32 ".u32" (U32), SubImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(Sub)] [PURE] [] Inline;
                /// Multiplication by a constant, wrapping around.
                "muli"
                    {MulImmI32 ".i32" (I32), MulImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(Mul)] [PURE] [] Inline;
                /// Multiplication by a constant, wrapping around.
                "muli"
                    {MulImmU32 ".u32" (U32), MulImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(Mul)] [PURE] [] Inline;
                /// Addition; a result that does not fit is an error.
                "add_checked"
                    {AddCheckedI32 ".i32" (I32), AddCheckedI64 ".i64" (I64), AddCheckedU32 ".u32" (U32),
                     AddCheckedU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(AddChecked)] [PURE] [IntegerOverflow] Inline;
                /// Subtraction; a result that does not fit is an error.
                "sub_checked"
                    {SubCheckedI32 ".i32" (I32), SubCheckedI64 ".i64" (I64), SubCheckedU32 ".u32" (U32),
                     SubCheckedU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(SubChecked)] [PURE] [IntegerOverflow] Inline;
                /// Multiplication; a result that does not fit is an error.
                "mul_checked"
                    {MulCheckedI32 ".i32" (I32), MulCheckedI64 ".i64" (I64), MulCheckedU32 ".u32" (U32),
                     MulCheckedU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(MulChecked)] [PURE] [IntegerOverflow] Inline;
                /// Negation, wrapping around.
                "neg"
                    {NegI32 ".i32" (I32), NegI64 ".i64" (I64), NegU32 ".u32" (U32), NegU64 ".u64" (U64)}
                    (dst: def(K), a: use(K)) [Unary(Neg)] [PURE] [] Inline;
                /// Negation; that of the least value is an error.
                "neg_checked"
                    {NegCheckedI32 ".i32" (I32), NegCheckedI64 ".i64" (I64)}
                    (dst: def(K), a: use(K)) [Unary(NegChecked)] [PURE] [IntegerOverflow] Inline;
                /// Absolute value, wrapping around: that of the least value is itself.
                "abs"
                    {AbsI32 ".i32" (I32), AbsI64 ".i64" (I64)}
                    (dst: def(K), a: use(K)) [Unary(Abs)] [PURE] [] Inline;
                /// Absolute value; that of the least value is an error.
                "abs_checked"
                    {AbsCheckedI32 ".i32" (I32), AbsCheckedI64 ".i64" (I64)}
                    (dst: def(K), a: use(K)) [Unary(AbsChecked)] [PURE] [IntegerOverflow] Inline;
                /// The lesser of two integers.
                "min"
                    {MinI32 ".i32" (I32), MinI64 ".i64" (I64), MinU32 ".u32" (U32), MinU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Min)] [PURE] [] Inline;
                /// The greater of two integers.
                "max"
                    {MaxI32 ".i32" (I32), MaxI64 ".i64" (I64), MaxU32 ".u32" (U32), MaxU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Max)] [PURE] [] Inline;
            }
            family Division {
                /// Quotient, rounded towards zero.
                "div"
                    {DivI32 ".i32" (I32), DivI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Div)] [PURE] [DivideByZero, IntegerOverflow] Inline;
                /// Quotient, rounded towards zero.
                "div"
                    {DivU32 ".u32" (U32), DivU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Div)] [PURE] [DivideByZero] Inline;
                /// Remainder of `div`, with the sign of `a`; the least value by −1 gives 0.
                "rem"
                    {RemI32 ".i32" (I32), RemI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Rem)] [PURE] [DivideByZero] Inline;
                /// Remainder of `div`.
                "rem"
                    {RemU32 ".u32" (U32), RemU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Rem)] [PURE] [DivideByZero] Inline;
                /// Quotient, rounded towards negative infinity.
                "div_floor"
                    {DivFloorI32 ".i32" (I32), DivFloorI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(DivFloor)] [PURE] [DivideByZero, IntegerOverflow] Inline;
                /// Remainder of `div_floor`, with the sign of `b`; the least value by −1 gives 0.
                "rem_floor"
                    {RemFloorI32 ".i32" (I32), RemFloorI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(RemFloor)] [PURE] [DivideByZero] Inline;
            }
            family Bitwise {
                /// Bitwise and.
                "and"
                    {AndI32 ".i32" (I32), AndI64 ".i64" (I64), AndU32 ".u32" (U32), AndU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(And)] [PURE] [] Inline;
                /// Bitwise or.
                "or"
                    {OrI32 ".i32" (I32), OrI64 ".i64" (I64), OrU32 ".u32" (U32), OrU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Or)] [PURE] [] Inline;
                /// Bitwise exclusive or.
                "xor"
                    {XorI32 ".i32" (I32), XorI64 ".i64" (I64), XorU32 ".u32" (U32), XorU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Xor)] [PURE] [] Inline;
                /// Bitwise and with a constant, sign-extended to the kind's width.
                "andi"
                    {AndImmI32 ".i32" (I32), AndImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(And)] [PURE] [] Inline;
                /// Bitwise and with a constant, zero-extended to the kind's width.
                "andi"
                    {AndImmU32 ".u32" (U32), AndImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(And)] [PURE] [] Inline;
                /// Bitwise or with a constant, sign-extended to the kind's width.
                "ori"
                    {OrImmI32 ".i32" (I32), OrImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(Or)] [PURE] [] Inline;
                /// Bitwise or with a constant, zero-extended to the kind's width.
                "ori"
                    {OrImmU32 ".u32" (U32), OrImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(Or)] [PURE] [] Inline;
                /// Bitwise exclusive or with a constant, sign-extended to the kind's width.
                "xori"
                    {XorImmI32 ".i32" (I32), XorImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: imm32) [BinaryImm(Xor)] [PURE] [] Inline;
                /// Bitwise exclusive or with a constant, zero-extended to the kind's width.
                "xori"
                    {XorImmU32 ".u32" (U32), XorImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu32) [BinaryImm(Xor)] [PURE] [] Inline;
                /// Bitwise complement.
                "not"
                    {NotI32 ".i32" (I32), NotI64 ".i64" (I64), NotU32 ".u32" (U32), NotU64 ".u64" (U64)}
                    (dst: def(K), a: use(K)) [Unary(Not)] [PURE] [] Inline;
            }
            family Shifts {
                /// Shift left; by `b` modulo the width.
                "shl"
                    {ShlI32 ".i32" (I32), ShlI64 ".i64" (I64), ShlU32 ".u32" (U32), ShlU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Shl)] [PURE] [] Inline;
                /// Shift right: arithmetic for signed kinds, logical for unsigned ones; by `b` modulo the width.
                "shr"
                    {ShrI32 ".i32" (I32), ShrI64 ".i64" (I64), ShrU32 ".u32" (U32), ShrU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Shr)] [PURE] [] Inline;
                /// Shift right, filling with zeros; by `b` modulo the width.
                "shr_logical"
                    {ShrLogicalI32 ".i32" (I32), ShrLogicalI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(ShrLogical)] [PURE] [] Inline;
                /// Rotation to the left; by `b` modulo the width.
                "rotl"
                    {RotlI32 ".i32" (I32), RotlI64 ".i64" (I64), RotlU32 ".u32" (U32), RotlU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Rotl)] [PURE] [] Inline;
                /// Rotation to the right; by `b` modulo the width.
                "rotr"
                    {RotrI32 ".i32" (I32), RotrI64 ".i64" (I64), RotrU32 ".u32" (U32), RotrU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Rotr)] [PURE] [] Inline;
                /// Shift left; by a constant modulo the width.
                "shli"
                    {ShlImmI32 ".i32" (I32), ShlImmI64 ".i64" (I64), ShlImmU32 ".u32" (U32), ShlImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu8) [BinaryImm(Shl)] [PURE] [] Inline;
                /// Shift right: arithmetic for signed kinds, logical for unsigned ones; by a constant modulo the width.
                "shri"
                    {ShrImmI32 ".i32" (I32), ShrImmI64 ".i64" (I64), ShrImmU32 ".u32" (U32), ShrImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu8) [BinaryImm(Shr)] [PURE] [] Inline;
                /// Shift right, filling with zeros; by a constant modulo the width.
                "shri_logical"
                    {ShrLogicalImmI32 ".i32" (I32), ShrLogicalImmI64 ".i64" (I64)}
                    (dst: def(K), a: use(K), imm: immu8) [BinaryImm(ShrLogical)] [PURE] [] Inline;
                /// Rotation to the left; by a constant modulo the width.
                "rotli"
                    {RotlImmI32 ".i32" (I32), RotlImmI64 ".i64" (I64), RotlImmU32 ".u32" (U32),
                     RotlImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu8) [BinaryImm(Rotl)] [PURE] [] Inline;
                /// Rotation to the right; by a constant modulo the width.
                "rotri"
                    {RotrImmI32 ".i32" (I32), RotrImmI64 ".i64" (I64), RotrImmU32 ".u32" (U32),
                     RotrImmU64 ".u64" (U64)}
                    (dst: def(K), a: use(K), imm: immu8) [BinaryImm(Rotr)] [PURE] [] Inline;
            }
            family Float {
                /// Addition, rounded to nearest even.
                "add"
                    {AddF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Add)] [PURE] [] Inline;
                /// Subtraction, rounded to nearest even.
                "sub"
                    {SubF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Sub)] [PURE] [] Inline;
                /// Multiplication, rounded to nearest even.
                "mul"
                    {MulF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Mul)] [PURE] [] Inline;
                /// Division, rounded to nearest even.
                "div"
                    {DivF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Div)] [PURE] [] Inline;
                /// Remainder of the division rounded towards zero (C's `fmod`): exact, with the sign of `a`.
                "rem"
                    {RemF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Rem)] [PURE] [] Helper;
                /// Remainder with the sign of `b`: `rem`, plus `b` if that is not zero and differs in sign from `b`.
                "rem_floor"
                    {RemFloorF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(RemFloor)] [PURE] [] Helper;
                /// The lesser; NaN if either is NaN; −0 is less than +0.
                "min"
                    {MinF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Min)] [PURE] [] Inline;
                /// The greater; NaN if either is NaN; −0 is less than +0.
                "max"
                    {MaxF64 ".f64" (F64)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Max)] [PURE] [] Inline;
                /// Flips the sign bit.
                "neg"
                    {NegF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Neg)] [PURE] [] Inline;
                /// Clears the sign bit.
                "abs"
                    {AbsF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Abs)] [PURE] [] Inline;
                /// Square root.
                "sqrt"
                    {SqrtF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Sqrt)] [PURE] [] Inline;
                /// Rounds towards negative infinity.
                "floor"
                    {FloorF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Floor)] [PURE] [] Inline;
                /// Rounds towards positive infinity.
                "ceil"
                    {CeilF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Ceil)] [PURE] [] Inline;
                /// Rounds towards zero.
                "trunc"
                    {TruncF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Trunc)] [PURE] [] Inline;
                /// Rounds to the nearest integer, ties to even.
                "nearest"
                    {NearestF64 ".f64" (F64)}
                    (dst: def(K), a: use(K)) [Unary(Nearest)] [PURE] [] Inline;
            }
            family Boolean {
                /// Both of two truth values.
                "and"
                    {AndBool ".bool" (Bool)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(And)] [PURE] [] Inline;
                /// Either or both of two truth values.
                "or"
                    {OrBool ".bool" (Bool)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Or)] [PURE] [] Inline;
                /// Exactly one of two truth values.
                "xor"
                    {XorBool ".bool" (Bool)}
                    (dst: def(K), a: use(K), b: use(K)) [Binary(Xor)] [PURE] [] Inline;
                /// The opposite truth value.
                "not"
                    {NotBool ".bool" (Bool)}
                    (dst: def(K), a: use(K)) [Unary(Not)] [PURE] [] Inline;
            }
            family Comparison {
                /// Whether `a` equals `b`; NaN equals nothing.
                "eq"
                    {EqI32 ".i32" (I32), EqI64 ".i64" (I64), EqU32 ".u32" (U32), EqU64 ".u64" (U64),
                     EqF64 ".f64" (F64), EqBool ".bool" (Bool)}
                    (dst: def(Bool), a: use(K), b: use(K)) [Compare(Eq)] [PURE] [] Inline;
                /// Whether `a` differs from `b`; NaN differs from everything.
                "ne"
                    {NeI32 ".i32" (I32), NeI64 ".i64" (I64), NeU32 ".u32" (U32), NeU64 ".u64" (U64),
                     NeF64 ".f64" (F64), NeBool ".bool" (Bool)}
                    (dst: def(Bool), a: use(K), b: use(K)) [Compare(Ne)] [PURE] [] Inline;
                /// Whether `a` is less than `b`; never with a NaN.
                "lt"
                    {LtI32 ".i32" (I32), LtI64 ".i64" (I64), LtU32 ".u32" (U32), LtU64 ".u64" (U64),
                     LtF64 ".f64" (F64)}
                    (dst: def(Bool), a: use(K), b: use(K)) [Compare(Lt)] [PURE] [] Inline;
                /// Whether `a` is less than or equal to `b`; never with a NaN.
                "le"
                    {LeI32 ".i32" (I32), LeI64 ".i64" (I64), LeU32 ".u32" (U32), LeU64 ".u64" (U64),
                     LeF64 ".f64" (F64)}
                    (dst: def(Bool), a: use(K), b: use(K)) [Compare(Le)] [PURE] [] Inline;
            }
            family Conversion {
                /// The value modulo two to the width of the target; widening keeps the value of a kind the target can hold.
                "wrap"
                    {WrapI32ToI64 ".i32_to_i64" (I64 I32), WrapI32ToU32 ".i32_to_u32" (U32 I32),
                     WrapI32ToU64 ".i32_to_u64" (U64 I32), WrapI64ToI32 ".i64_to_i32" (I32 I64),
                     WrapI64ToU32 ".i64_to_u32" (U32 I64), WrapI64ToU64 ".i64_to_u64" (U64 I64),
                     WrapU32ToI32 ".u32_to_i32" (I32 U32), WrapU32ToI64 ".u32_to_i64" (I64 U32),
                     WrapU32ToU64 ".u32_to_u64" (U64 U32), WrapU64ToI32 ".u64_to_i32" (I32 U64),
                     WrapU64ToI64 ".u64_to_i64" (I64 U64), WrapU64ToU32 ".u64_to_u32" (U32 U64)}
                    (dst: def(K), a: use(J)) [Convert(Wrap)] [PURE] [] Inline;
                /// The nearest float, ties to even.
                "float"
                    {FloatI32ToF64 ".i32_to_f64" (F64 I32), FloatI64ToF64 ".i64_to_f64" (F64 I64),
                     FloatU32ToF64 ".u32_to_f64" (F64 U32), FloatU64ToF64 ".u64_to_f64" (F64 U64)}
                    (dst: def(K), a: use(J)) [Convert(Float)] [PURE] [] Inline;
                /// The integer equal to the float; any other float is an error.
                "exact"
                    {ExactF64ToI32 ".f64_to_i32" (I32 F64), ExactF64ToI64 ".f64_to_i64" (I64 F64),
                     ExactF64ToU32 ".f64_to_u32" (U32 F64), ExactF64ToU64 ".f64_to_u64" (U64 F64)}
                    (dst: def(K), a: use(J)) [Convert(Exact)] [PURE] [Conversion] Inline;
                /// The float rounded towards zero; NaN or a result out of range is an error.
                "truncate"
                    {TruncateF64ToI32 ".f64_to_i32" (I32 F64), TruncateF64ToI64 ".f64_to_i64" (I64 F64),
                     TruncateF64ToU32 ".f64_to_u32" (U32 F64), TruncateF64ToU64 ".f64_to_u64" (U64 F64)}
                    (dst: def(K), a: use(J)) [Convert(Truncate)] [PURE] [Conversion] Inline;
                /// The float rounded towards zero and held to the target's range; NaN gives 0.
                "saturate"
                    {SaturateF64ToI32 ".f64_to_i32" (I32 F64), SaturateF64ToI64 ".f64_to_i64" (I64 F64),
                     SaturateF64ToU32 ".f64_to_u32" (U32 F64), SaturateF64ToU64 ".f64_to_u64" (U64 F64)}
                    (dst: def(K), a: use(J)) [Convert(Saturate)] [PURE] [] Inline;
                /// The same 64 bits as the other kind.
                "bits"
                    {BitsI64ToF64 ".i64_to_f64" (F64 I64), BitsU64ToF64 ".u64_to_f64" (F64 U64),
                     BitsF64ToI64 ".f64_to_i64" (I64 F64), BitsF64ToU64 ".f64_to_u64" (U64 F64)}
                    (dst: def(K), a: use(J)) [Convert(Bits)] [PURE] [] Inline;
            }
            family Control {
                /// Continues at `target`.
                "jump"
                    {Jump "" ()}
                    (target: label) [Jump] [TERMINATES] [] Inline;
                /// Continues at `target` if `a` is true.
                "jtrue"
                    {JumpTrue "" ()}
                    (a: use(Bool), target: label) [BranchBool(true)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is false.
                "jfalse"
                    {JumpFalse "" ()}
                    (a: use(Bool), target: label) [BranchBool(false)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` equals `b`.
                "jeq"
                    {JumpEqI32 ".i32" (I32), JumpEqI64 ".i64" (I64), JumpEqU32 ".u32" (U32),
                     JumpEqU64 ".u64" (U64), JumpEqF64 ".f64" (F64), JumpEqBool ".bool" (Bool)}
                    (a: use(K), b: use(K), target: label) [Branch(Eq)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` differs from `b`.
                "jne"
                    {JumpNeI32 ".i32" (I32), JumpNeI64 ".i64" (I64), JumpNeU32 ".u32" (U32),
                     JumpNeU64 ".u64" (U64), JumpNeF64 ".f64" (F64), JumpNeBool ".bool" (Bool)}
                    (a: use(K), b: use(K), target: label) [Branch(Ne)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than `b`.
                "jlt"
                    {JumpLtI32 ".i32" (I32), JumpLtI64 ".i64" (I64), JumpLtU32 ".u32" (U32),
                     JumpLtU64 ".u64" (U64), JumpLtF64 ".f64" (F64)}
                    (a: use(K), b: use(K), target: label) [Branch(Lt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than or equal to `b`.
                "jle"
                    {JumpLeI32 ".i32" (I32), JumpLeI64 ".i64" (I64), JumpLeU32 ".u32" (U32),
                     JumpLeU64 ".u64" (U64), JumpLeF64 ".f64" (F64)}
                    (a: use(K), b: use(K), target: label) [Branch(Le)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is not less than `b`, as with a NaN.
                "jnlt"
                    {JumpNotLtF64 ".f64" (F64)}
                    (a: use(K), b: use(K), target: label) [Branch(NotLt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is not less than or equal to `b`, as with a NaN.
                "jnle"
                    {JumpNotLeF64 ".f64" (F64)}
                    (a: use(K), b: use(K), target: label) [Branch(NotLe)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` equals the constant.
                "jeqi"
                    {JumpEqImmI32 ".i32" (I32), JumpEqImmI64 ".i64" (I64), JumpEqImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Eq)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` equals the constant.
                "jeqi"
                    {JumpEqImmU32 ".u32" (U32), JumpEqImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Eq)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` differs from the constant.
                "jnei"
                    {JumpNeImmI32 ".i32" (I32), JumpNeImmI64 ".i64" (I64), JumpNeImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Ne)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` differs from the constant.
                "jnei"
                    {JumpNeImmU32 ".u32" (U32), JumpNeImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Ne)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than the constant.
                "jlti"
                    {JumpLtImmI32 ".i32" (I32), JumpLtImmI64 ".i64" (I64), JumpLtImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Lt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than the constant.
                "jlti"
                    {JumpLtImmU32 ".u32" (U32), JumpLtImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Lt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than or equal to the constant.
                "jlei"
                    {JumpLeImmI32 ".i32" (I32), JumpLeImmI64 ".i64" (I64), JumpLeImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Le)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is less than or equal to the constant.
                "jlei"
                    {JumpLeImmU32 ".u32" (U32), JumpLeImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Le)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is greater than the constant.
                "jgti"
                    {JumpGtImmI32 ".i32" (I32), JumpGtImmI64 ".i64" (I64), JumpGtImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Gt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is greater than the constant.
                "jgti"
                    {JumpGtImmU32 ".u32" (U32), JumpGtImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Gt)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is greater than or equal to the constant.
                "jgei"
                    {JumpGeImmI32 ".i32" (I32), JumpGeImmI64 ".i64" (I64), JumpGeImmF64 ".f64" (F64)}
                    (a: use(K), imm: imm8, target: label) [BranchImm(Ge)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is greater than or equal to the constant.
                "jgei"
                    {JumpGeImmU32 ".u32" (U32), JumpGeImmU64 ".u64" (U64)}
                    (a: use(K), imm: immu8, target: label) [BranchImm(Ge)] [BRANCHES] [] Inline;
                /// Continues at entry `a` of the jump table, or at its default if there is no such entry.
                "switch"
                    {SwitchI32 ".i32" (I32), SwitchI64 ".i64" (I64), SwitchU32 ".u32" (U32), SwitchU64 ".u64" (U64)}
                    (a: use(K), table: table) [Switch] [TERMINATES] [] Inline;
            }
            family Loops {
                /// Adds 1 to `i`, wrapping around, then continues at `target` if `i` is less than `limit`.
                "loop_lt"
                    {LoopLtI32 ".i32" (I32), LoopLtI64 ".i64" (I64), LoopLtU32 ".u32" (U32), LoopLtU64 ".u64" (U64)}
                    (i: inout(K), limit: use(K), target: label) [Loop(Lt)] [BRANCHES] [] Inline;
                /// If `i` is less than `limit`, adds 1 to it and continues at `target`: the bound is the last value.
                "loop_le"
                    {LoopLeI32 ".i32" (I32), LoopLeI64 ".i64" (I64), LoopLeU32 ".u32" (U32), LoopLeU64 ".u64" (U64)}
                    (i: inout(K), limit: use(K), target: label) [Loop(Le)] [BRANCHES] [] Inline;
                /// Subtracts 1 from `i`, wrapping around, then continues at `target` if `i` is greater than `limit`.
                "loop_gt"
                    {LoopGtI32 ".i32" (I32), LoopGtI64 ".i64" (I64), LoopGtU32 ".u32" (U32), LoopGtU64 ".u64" (U64)}
                    (i: inout(K), limit: use(K), target: label) [Loop(Gt)] [BRANCHES] [] Inline;
                /// If `i` is greater than `limit`, subtracts 1 from it and continues at `target`: the bound is the last value.
                "loop_ge"
                    {LoopGeI32 ".i32" (I32), LoopGeI64 ".i64" (I64), LoopGeU32 ".u32" (U32), LoopGeU64 ".u64" (U64)}
                    (i: inout(K), limit: use(K), target: label) [Loop(Ge)] [BRANCHES] [] Inline;
            }
            family Calls {
                /// Calls `func` with the registers from `args` on; `dst` takes its result.
                "call"
                    {Call "" ()}
                    (dst: def(CalleeResult), args: args, func: func) [Call] [CALLS] [StackOverflow] Inline;
                /// Calls `func`, which has no result, with the registers from `args` on.
                "call_void"
                    {CallVoid "" ()}
                    (args: args, func: func) [CallVoid] [CALLS] [StackOverflow] Inline;
                /// Replaces this activation by a call of `func`, whose result kind is this function's own; the depth does not grow.
                "tail_call"
                    {TailCall "" ()}
                    (args: args, func: func) [TailCall] [CALLS | TERMINATES] [] Inline;
                /// Returns `value`.
                "ret"
                    {Ret "" ()}
                    (value: use(OwnResult)) [Ret] [TERMINATES] [] Inline;
                /// Returns from a function without result.
                "ret_void"
                    {RetVoid "" ()}
                    () [RetVoid] [TERMINATES] [] Inline;
            }
            family Arrays {
                /// A new array of `length` zeros.
                "array_new"
                    {ArrayNewI32 ".i32" (I32 ArrI32), ArrayNewI64 ".i64" (I64 ArrI64),
                     ArrayNewU32 ".u32" (U32 ArrU32), ArrayNewU64 ".u64" (U64 ArrU64),
                     ArrayNewF64 ".f64" (F64 ArrF64), ArrayNewBool ".bool" (Bool ArrBool)}
                    (dst: def(J), length: use(I64)) [ArrayNew] [ALLOCATES] [NegativeLength, MemoryLimit] Helper;
                /// The number of elements.
                "array_len"
                    {ArrayLenI32 ".i32" (I32 ArrI32), ArrayLenI64 ".i64" (I64 ArrI64),
                     ArrayLenU32 ".u32" (U32 ArrU32), ArrayLenU64 ".u64" (U64 ArrU64),
                     ArrayLenF64 ".f64" (F64 ArrF64), ArrayLenBool ".bool" (Bool ArrBool)}
                    (dst: def(I64), array: use(J)) [ArrayLen] [PURE] [] Inline;
                /// The element at `index`, counted from 0.
                "array_get"
                    {ArrayGetI32 ".i32" (I32 ArrI32), ArrayGetI64 ".i64" (I64 ArrI64),
                     ArrayGetU32 ".u32" (U32 ArrU32), ArrayGetU64 ".u64" (U64 ArrU64),
                     ArrayGetF64 ".f64" (F64 ArrF64), ArrayGetBool ".bool" (Bool ArrBool)}
                    (dst: def(K), array: use(J), index: use(I64)) [ArrayGet] [READS] [IndexOutOfBounds] Inline;
                /// Sets the element at `index`, counted from 0.
                "array_set"
                    {ArraySetI32 ".i32" (I32 ArrI32), ArraySetI64 ".i64" (I64 ArrI64),
                     ArraySetU32 ".u32" (U32 ArrU32), ArraySetU64 ".u64" (U64 ArrU64),
                     ArraySetF64 ".f64" (F64 ArrF64), ArraySetBool ".bool" (Bool ArrBool)}
                    (array: use(J), index: use(I64), value: use(K)) [ArraySet] [WRITES] [IndexOutOfBounds] Inline;
            }
            family Output {
                /// Writes the value and a line feed to the output: decimal, `true` or `false`, floats as assembly spells them.
                "print"
                    {PrintI32 ".i32" (I32), PrintI64 ".i64" (I64), PrintU32 ".u32" (U32), PrintU64 ".u64" (U64),
                     PrintF64 ".f64" (F64), PrintBool ".bool" (Bool)}
                    (value: use(K)) [Print] [WRITES] [] Helper;
            }
        }
    };
}
