//! THE instruction table, continued: the rows of the dynamic half. How rows read, and who hands them to whom, stands in `table.rs`.

/// Adds the rows of dynamic values to those before, and hands all of them on; see [`for_each_instruction!`].
#[doc(hidden)]
#[macro_export]
macro_rules! dynamic_instructions {
    ($callback:ident $context:tt $($typed:tt)*) => {
        $crate::flatten_instructions! { $callback $context $($typed)*
            family AnyMoves {
                /// Nil.
                "nil"
                    {NilAny ".any" (Any)}
                    (dst: def(Any)) [Nil] [PURE] [] Inline;
                /// A truth value.
                "bool"
                    {BoolAny ".any" (Any)}
                    (dst: def(Any), value: flag) [Truth] [PURE] [] Inline;
                /// A small integer.
                "int"
                    {IntAny ".any" (Any)}
                    (dst: def(Any), value: imm32) [Integer] [PURE] [] Inline;
                /// An integer from the function's constant pool.
                "pool_int"
                    {PoolIntAny ".any" (Any)}
                    (dst: def(Any), value: pool) [Number(Int)] [PURE] [] Inline;
                /// A float from the function's constant pool.
                "pool_float"
                    {PoolFloatAny ".any" (Any)}
                    (dst: def(Any), value: pool) [Number(Float)] [PURE] [] Inline;
                /// Copies a value with its kind: also out of a fixed register.
                "move"
                    {MoveAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic)) [Box] [PURE] [] Inline;
                /// A string constant.
                "string"
                    {StringAny ".any" (Any)}
                    (dst: def(Any), value: str) [Text] [PURE] [] Inline;
                /// The host's value of this name; nil if it has none.
                "import"
                    {ImportAny ".any" (Any)}
                    (dst: def(Any), name: str) [Import] [READS] [] Helper;
                /// Moves a value of this very kind to a fixed register; any other is an error.
                "unbox"
                    {UnboxI64 ".i64" (I64), UnboxF64 ".f64" (F64), UnboxBool ".bool" (Bool)}
                    (dst: def(K), a: use(Any)) [Unbox] [PURE] [TypeError] Inline;
                /// Whether `a` is nil or false.
                "not"
                    {NotAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic)) [AnyUnary(Not)] [PURE] [] Inline;
            }
            family AnyArithmetic {
                /// Addition: of integers wrapping around, of others as floats. Strings that are numerals count as numbers; other operands have metamethod `__add`.
                "add"
                    {AddAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Add)] [CALLS] [TypeError] Helper;
                /// Subtraction: of integers wrapping around, of others as floats. Strings that are numerals count as numbers; other operands have metamethod `__sub`.
                "sub"
                    {SubAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Sub)] [CALLS] [TypeError] Helper;
                /// Multiplication: of integers wrapping around, of others as floats. Strings that are numerals count as numbers; other operands have metamethod `__mul`.
                "mul"
                    {MulAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Mul)] [CALLS] [TypeError] Helper;
                /// Division of floats; integers are converted first. Strings that are numerals count as numbers; other operands have metamethod `__div`.
                "div"
                    {DivAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Div)] [CALLS] [TypeError] Helper;
                /// Remainder of `idiv`, with the sign of `b`. Strings that are numerals count as numbers; other operands have metamethod `__mod`.
                "mod"
                    {ModAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Mod)] [CALLS] [TypeError, DivideByZero] Helper;
                /// Quotient, rounded towards negative infinity. Strings that are numerals count as numbers; other operands have metamethod `__idiv`.
                "idiv"
                    {IdivAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Idiv)] [CALLS] [TypeError, DivideByZero] Helper;
                /// Exponentiation of floats; integers are converted first. Strings that are numerals count as numbers; other operands have metamethod `__pow`.
                "pow"
                    {PowAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Pow)] [CALLS] [TypeError] Helper;
                /// Bitwise and of integers, or of floats equal to integers. Other operands have metamethod `__band`.
                "band"
                    {BandAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Band)] [CALLS] [TypeError, Conversion] Helper;
                /// Bitwise or of integers, or of floats equal to integers. Other operands have metamethod `__bor`.
                "bor"
                    {BorAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Bor)] [CALLS] [TypeError, Conversion] Helper;
                /// Bitwise exclusive or of integers, or of floats equal to integers. Other operands have metamethod `__bxor`.
                "bxor"
                    {BxorAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Bxor)] [CALLS] [TypeError, Conversion] Helper;
                /// Logical shift left; by a negative number to the right, by 64 or more 0. Other operands have metamethod `__shl`.
                "shl"
                    {ShlAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Shl)] [CALLS] [TypeError, Conversion] Helper;
                /// Logical shift right; by a negative number to the left, by 64 or more 0. Other operands have metamethod `__shr`.
                "shr"
                    {ShrAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [Arith(Shr)] [CALLS] [TypeError, Conversion] Helper;
                /// `add` with a constant.
                "addi"
                    {AddImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Add)] [CALLS] [TypeError] Helper;
                /// `sub` with a constant.
                "subi"
                    {SubImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Sub)] [CALLS] [TypeError] Helper;
                /// `mul` with a constant.
                "muli"
                    {MulImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Mul)] [CALLS] [TypeError] Helper;
                /// `div` with a constant.
                "divi"
                    {DivImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Div)] [CALLS] [TypeError] Helper;
                /// `mod` with a constant.
                "modi"
                    {ModImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Mod)] [CALLS] [TypeError, DivideByZero] Helper;
                /// `idiv` with a constant.
                "idivi"
                    {IdivImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Idiv)] [CALLS] [TypeError, DivideByZero] Helper;
                /// `pow` with a constant.
                "powi"
                    {PowImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Pow)] [CALLS] [TypeError] Helper;
                /// `band` with a constant.
                "bandi"
                    {BandImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Band)] [CALLS] [TypeError, Conversion] Helper;
                /// `bor` with a constant.
                "bori"
                    {BorImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Bor)] [CALLS] [TypeError, Conversion] Helper;
                /// `bxor` with a constant.
                "bxori"
                    {BxorImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Bxor)] [CALLS] [TypeError, Conversion] Helper;
                /// `shl` with a constant.
                "shli"
                    {ShlImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Shl)] [CALLS] [TypeError, Conversion] Helper;
                /// `shr` with a constant.
                "shri"
                    {ShrImmAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), imm: imm16, seen: seen) [ArithImm(Shr)] [CALLS] [TypeError, Conversion] Helper;
                /// Negation; metamethod `__unm`.
                "neg"
                    {NegAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), seen: seen) [AnyUnary(Neg)] [CALLS] [TypeError] Helper;
                /// Bitwise complement; metamethod `__bnot`.
                "bnot"
                    {BnotAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), seen: seen) [AnyUnary(Bnot)] [CALLS] [TypeError, Conversion] Helper;
            }
            family AnyComparison {
                /// Whether `a` equals `b`: numbers by value, strings by content, objects by identity or metamethod `__eq`.
                "eq"
                    {EqAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [AnyCompare(Eq)] [CALLS] [] Helper;
                /// Whether `a` is less than `b`: numbers, strings, or by metamethod `__lt`.
                "lt"
                    {LtAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [AnyCompare(Lt)] [CALLS] [TypeError] Helper;
                /// Whether `a` is less than or equal to `b`: numbers, strings, or by metamethod `__le`.
                "le"
                    {LeAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), seen: seen) [AnyCompare(Le)] [CALLS] [TypeError] Helper;
            }
            family AnyControl {
                /// Continues at `target` if `a` is neither nil nor false.
                "jtrue"
                    {JumpTrueAny ".any" (Any)}
                    (a: use(Generic), target: label) [BranchTruth(true)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is nil or false.
                "jfalse"
                    {JumpFalseAny ".any" (Any)}
                    (a: use(Generic), target: label) [BranchTruth(false)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is nil.
                "jnil"
                    {JumpNilAny ".any" (Any)}
                    (a: use(Any), target: label) [BranchNil(true)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` is not nil.
                "jnotnil"
                    {JumpNotNilAny ".any" (Any)}
                    (a: use(Any), target: label) [BranchNil(false)] [BRANCHES] [] Inline;
                /// Continues at `target` if `a` equals `b`; metamethods as the comparison's.
                "jeq"
                    {JumpEqAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(Eq)] [CALLS | BRANCHES] [] Helper;
                /// Continues at `target` if `a` does not equal `b`; metamethods as the comparison's.
                "jne"
                    {JumpNeAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(Ne)] [CALLS | BRANCHES] [] Helper;
                /// Continues at `target` if `a` is less than `b`; metamethods as the comparison's.
                "jlt"
                    {JumpLtAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(Lt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not less than `b`; metamethods as the comparison's.
                "jnlt"
                    {JumpNotLtAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(NotLt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is less than or equal to `b`; metamethods as the comparison's.
                "jle"
                    {JumpLeAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(Le)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not less than or equal to `b`; metamethods as the comparison's.
                "jnle"
                    {JumpNotLeAny ".any" (Any)}
                    (a: use(Generic), b: use(Generic), seen: seen, target: near) [AnyBranch(NotLe)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` equals the constant.
                "jeqi"
                    {JumpEqImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Eq)] [CALLS | BRANCHES] [] Helper;
                /// Continues at `target` if `a` does not equal the constant.
                "jnei"
                    {JumpNeImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Ne)] [CALLS | BRANCHES] [] Helper;
                /// Continues at `target` if `a` is less than the constant.
                "jlti"
                    {JumpLtImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Lt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not less than the constant.
                "jnlti"
                    {JumpNotLtImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(NotLt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is less than or equal to the constant.
                "jlei"
                    {JumpLeImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Le)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not less than or equal to the constant.
                "jnlei"
                    {JumpNotLeImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(NotLe)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is greater than the constant.
                "jgti"
                    {JumpGtImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Gt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not greater than the constant.
                "jngti"
                    {JumpNotGtImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(NotGt)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is greater than or equal to the constant.
                "jgei"
                    {JumpGeImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(Ge)] [CALLS | BRANCHES] [TypeError] Helper;
                /// Continues at `target` if `a` is not greater than or equal to the constant.
                "jngei"
                    {JumpNotGeImmAny ".any" (Any)}
                    (a: use(Generic), imm: imm8, seen: seen, target: near) [AnyBranchImm(NotGe)] [CALLS | BRANCHES] [TypeError] Helper;
            }
            family AnyStrings {
                /// The strings and numbers of `values`, one after another; the result comes to the first, the others are lost. Metamethod `__concat`.
                "concat"
                    {ConcatAny ".any" (Any)}
                    (values: chain, count: reads) [Concat] [READS | ALLOCATES | CALLS] [TypeError, MemoryLimit] Helper;
                /// The length of a string or table; metamethod `__len`.
                "len"
                    {LenAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), seen: seen) [AnyUnary(Len)] [READS | CALLS] [TypeError] Helper;
                /// The byte of the string `a` at index `at`, from 1 on; negative indices count from the end. Nil where there is none.
                "byte"
                    {ByteAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), at: use(Generic)) [StringByte] [PURE] [TypeError, Conversion] Helper;
                /// The bytes of the string `a` from index `first` to index `last`, both as for `byte` and cut to the string.
                "slice"
                    {SliceAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), first: use(Generic), last: use(Generic)) [StringSlice] [READS | ALLOCATES]
                    [TypeError, Conversion, MemoryLimit] Helper;
                /// The index from which on the string `b` stands in the string `a`, at `first` or behind it; nil if it does not.
                "find"
                    {FindAny ".any" (Any)}
                    (dst: def(Any), a: use(Generic), b: use(Generic), first: use(Generic)) [StringFind] [PURE]
                    [TypeError, Conversion] Helper;
                /// Writes the value and a line feed to the output, as Lua's `tostring` spells it, without metamethods; of objects their type alone.
                "print"
                    {PrintAny ".any" (Any)}
                    (value: use(Generic)) [PrintAny] [WRITES] [MemoryLimit] Helper;
            }
            family AnyTables {
                /// An empty table with room for so many elements and so many other fields.
                "table"
                    {TableAny ".any" (Any)}
                    (dst: def(Any), elements: immu16, fields: immu16) [TableNew] [ALLOCATES] [MemoryLimit] Helper;
                /// The field `name` of `object`; metamethod `__index`.
                "get_name"
                    {GetNameAny ".any" (Any)}
                    (dst: def(Any), object: use(Generic), name: str, site: site) [GetName] [READS | CALLS] [TypeError] Helper;
                /// Sets the field `name` of `object` to `value`; metamethod `__newindex`.
                "set_name"
                    {SetNameAny ".any" (Any)}
                    (object: use(Generic), value: use(Generic), name: str, site: site) [SetName] [WRITES | CALLS]
                    [TypeError, MemoryLimit] Helper;
                /// The value of `key` in `object`; metamethod `__index`.
                "get"
                    {GetAny ".any" (Any)}
                    (dst: def(Any), object: use(Generic), key: use(Generic), seen: seen) [Get] [READS | CALLS] [TypeError] Helper;
                /// Sets the value of `key` in `object`; metamethod `__newindex`.
                "set"
                    {SetAny ".any" (Any)}
                    (object: use(Generic), key: use(Generic), value: use(Generic), seen: seen) [Set] [WRITES | CALLS]
                    [TypeError, MemoryLimit] Helper;
                /// The field `name` of `object`, and behind it `object` itself: a function to call and its first argument.
                "method"
                    {MethodAny ".any" (Any)}
                    (base: pair, object: use(Generic), name: str, site: site) [Method] [READS | CALLS] [TypeError] Helper;
                /// Sets the elements from `start` on to the values from `values` on; no metamethods.
                "append"
                    {AppendAny ".any" (Any)}
                    (table: use(Any), values: list, count: reads, start: immu16) [Append] [WRITES] [TypeError, MemoryLimit] Helper;
            }
            family AnyCalls {
                /// A closure of the function, with variables of this frame and upvalues of this closure.
                "closure"
                    {ClosureAny ".any" (Any)}
                    (dst: def(Any), template: template) [Closure] [ALLOCATES] [MemoryLimit] Helper;
                /// Reads an upvalue.
                "upvalue_get"
                    {UpvalueGetAny ".any" (Any)}
                    (dst: def(Any), upvalue: upvalue) [UpvalueGet] [READS] [] Inline;
                /// Writes an upvalue.
                "upvalue_set"
                    {UpvalueSetAny ".any" (Any)}
                    (upvalue: upvalue, a: use(Generic)) [UpvalueSet] [WRITES] [] Inline;
                /// Ends the variables in the registers from number `from` on: calls the metamethod `__close` of those to be closed, last first, and gives those captured a place of their own.
                "close"
                    {CloseAny ".any" (Any)}
                    (from: immu8) [Close] [WRITES | CALLS] [Raised] Helper;
                /// Marks the variable as to be closed, unless it is nil or false; it must have a metamethod `__close`.
                "to_be_closed"
                    {ToBeClosedAny ".any" (Any)}
                    (a: use(Any)) [ToBeClosed] [WRITES] [TypeError] Helper;
                /// Calls the first value of `base` with `args` of those behind it; the results come to `base`. Metamethod `__call`.
                "call"
                    {CallAny ".any" (Any)}
                    (base: callee, args: reads, results: writes, site: site) [CallAny] [CALLS]
                    [TypeError, StackOverflow, MemoryLimit] Helper;
                /// Replaces this activation by such a call; the depth does not grow.
                "tail_call"
                    {TailCallAny ".any" (Any)}
                    (base: callee, args: reads) [TailCallAny] [CALLS | TERMINATES] [TypeError, MemoryLimit] Helper;
                /// Returns `count` values.
                "ret"
                    {RetAny ".any" (Any)}
                    (values: list, count: reads) [RetAny] [TERMINATES] [] Inline;
                /// The arguments behind the parameters; nil where there are no more.
                "vararg"
                    {VarargAny ".any" (Any)}
                    (values: list, count: writes) [Vararg] [READS] [] Helper;
            }
            family AnyLoops {
                /// Begins a loop from the first of `base` to the second in steps of the third: the variable, the fourth, is set, or the loop skipped to `target`, which lies ahead. Of integers, the second counts the rounds that are left.
                "for_prep"
                    {ForPrepAny ".any" (Any)}
                    (base: numeric, target: label) [ForPrep] [BRANCHES] [TypeError] Helper;
                /// Steps a loop that `for_prep` has begun, and continues at `target` if there is another round. Where none has, the bits in the registers are taken for the numbers that it would have left.
                "for_loop"
                    {ForLoopAny ".any" (Any)}
                    (base: numeric, target: label) [ForLoop] [BRANCHES] [] Inline;
                /// Calls the first of `base` with the second and the third; if the first result is not nil, it is the new third, and the loop continues at `target`.
                "for_in"
                    {ForInAny ".any" (Any)}
                    (base: iterator, vars: writes, target: label) [ForIn] [CALLS | BRANCHES] [TypeError, StackOverflow, MemoryLimit] Helper;
            }
            family AnyErrors {
                /// Raises a value.
                "throw"
                    {ThrowAny ".any" (Any)}
                    (a: use(Generic)) [Throw] [TERMINATES] [Raised] Helper;
                /// Calls as `call` does, and catches what is raised: the results are `true` and the call's, or `false` and the value raised.
                "pcall"
                    {PcallAny ".any" (Any)}
                    (base: callee, args: reads, results: writes) [ProtectedCall] [CALLS] [] Helper;
                /// The same; what is raised goes through the function `handler`, which is called where the error is.
                "xpcall"
                    {XpcallAny ".any" (Any)}
                    (base: callee, args: reads, results: writes, handler: use(Any)) [HandledCall] [CALLS] [] Helper;
            }
            family AnyCoroutines {
                /// A coroutine that will run the function.
                "coroutine"
                    {CoroutineAny ".any" (Any)}
                    (dst: def(Any), a: use(Any)) [CoroutineCreate] [ALLOCATES] [TypeError, MemoryLimit] Helper;
                /// Goes on with the coroutine at `base`, handing it values; the results are `true` and what it yields or returns, or `false` and the value raised.
                "resume"
                    {ResumeAny ".any" (Any)}
                    (base: callee, args: reads, results: writes) [Resume] [CALLS] [TypeError] Helper;
                /// Goes on with the coroutine at `base`, handing it values; the results are what it yields or returns. If it fails, they are those of `handler`, which is called with the coroutine and the value raised.
                "resume_or"
                    {ResumeOrAny ".any" (Any)}
                    (base: callee, args: reads, results: writes, handler: use(Any)) [ResumeOr] [CALLS] [TypeError] Helper;
                /// Suspends the running coroutine, handing out values; the results are those that it is resumed with.
                "yield"
                    {YieldAny ".any" (Any)}
                    (values: list, args: reads, results: writes) [Yield] [CALLS] [TypeError] Helper;
                /// `suspended`, `running`, `normal` or `dead`.
                "status"
                    {StatusAny ".any" (Any)}
                    (dst: def(Any), a: use(Any)) [CoroutineStatus] [READS] [TypeError] Helper;
                /// Ends the coroutine at `base`, which must be suspended or dead, and closes its variables: the results are `true`, or `false` and an error.
                "close_coroutine"
                    {CloseCoroutineAny ".any" (Any)}
                    (base: callee, args: reads, results: writes) [CoroutineClose] [CALLS] [TypeError] Helper;
                /// The running coroutine; nil outside.
                "running"
                    {RunningAny ".any" (Any)}
                    (dst: def(Any)) [CoroutineRunning] [READS] [] Inline;
            }
        }
    };
}

/// Turns the table's families of rows into a flat list for a callback; see [`for_each_instruction!`].
#[doc(hidden)]
#[macro_export]
macro_rules! flatten_instructions {
    ($callback:ident $context:tt $(family $family:ident {$(
        #[doc = $doc:literal]
        $mnemonic:literal {$($name:ident $suffix:literal $kinds:tt),*} $operands:tt $sem:tt $effects:tt $errors:tt $helper:ident;
    )*})*) => {
        $callback! { $context $($($(
            { name: $name, mnemonic: ($mnemonic $suffix), doc: $doc, family: $family, kinds: $kinds,
              operands: $operands, sem: $sem, effects: $effects, errors: $errors, helper: $helper }
        )*)*)* }
    };
}
