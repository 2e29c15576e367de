//! THE operation table: one row per operation, from which come the enum, the verifier's rules, the text form, docs/ir.md,
//! the conformance kit's cross products and the random function generator.
//!
//! Values are bit patterns of their type's width. All integer arithmetic wraps; signedness lies in the operation. Truth
//! values are `i8`: comparisons give 0 or 1, and any non-zero `i8` is true where one is tested.

use crate::macros::operation_table;
use crate::types::{FuncRef, HelperRef, Region, SigRef, Type};

/// Where in the pipeline an operation may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Only before lowering: backends never see it.
    Value,
    /// Before and after lowering: every backend lowers it.
    Machine,
}

impl Stage {
    /// Its name in text and in docs.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Value => "value",
            Stage::Machine => "machine",
        }
    }
}

/// The type an operand or a result must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypePattern {
    /// The controlling type of the instruction (the one written after the dot).
    Controlling,
    /// This type.
    Exactly(Type),
    /// Any integer narrower than the controlling type.
    NarrowerInt,
    /// Any integer wider than the controlling type.
    WiderInt,
}

/// Operands or results of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// As many as there are patterns.
    Fixed(&'static [TypePattern]),
    /// Given by a signature: the callee's, the helper's, the function's own.
    BySignature,
}

/// What an instruction carries besides its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImmKind {
    /// Nothing.
    None,
    /// An integer of the controlling type.
    Int,
    /// A 64-bit float.
    Float,
    /// Alias region and signed byte offset.
    Mem,
    /// A function of the unit.
    Func,
    /// A helper of the unit.
    Helper,
    /// A signature of the unit.
    Sig,
    /// A frame slot's index.
    Slot,
    /// A bytecode function's index.
    Callee,
    /// One target block with arguments.
    Jump,
    /// Two target blocks with arguments: taken, not taken.
    Branch,
    /// A default target and any number of cases.
    Switch,
}

/// What an operation does besides computing its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: may be moved, merged, duplicated and dropped.
    Pure,
    /// Reads machine state that is the same within one activation, and nothing else.
    ReadsMachine,
    /// Reads memory of its alias region.
    Load,
    /// Writes memory of its alias region.
    Store,
    /// Reads memory that others may write at any time; never moved or merged.
    AtomicLoad,
    /// Runs other code, which may read and write all memory.
    Call,
    /// May leave the function with a frame state; reads nothing but its operands (value stage).
    Exit,
    /// Bumps a counter that nothing else reads (value stage); never dropped or moved across an exit or a call.
    Count,
    /// Ends a block.
    Terminator,
}

/// A row of the operation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpInfo {
    /// The operation.
    pub op: Op,
    /// Mnemonic in the text form, without the type suffix.
    pub name: &'static str,
    /// Where it may stand.
    pub stage: Stage,
    /// The controlling types it exists for; empty if it has none.
    pub types: &'static [Type],
    /// Operand types.
    pub args: Operands,
    /// Result types.
    pub results: Operands,
    /// What it carries besides operands.
    pub imm: ImmKind,
    /// What it does besides computing results.
    pub effect: Effect,
    /// Semantics.
    pub doc: &'static str,
}

/// The immediate of an instruction; its variant is the one its operation's [`ImmKind`] asks for. Branch targets are kept
/// apart, in [`crate::InstData::targets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Imm {
    /// None, or branch targets only.
    None,
    /// Bits of an integer constant, zero-extended from the controlling type.
    Int(u64),
    /// Bits of a 64-bit float.
    Float(u64),
    /// Address of an access: operand + offset, in an alias region.
    Mem {
        /// The alias region accessed.
        region: Region,
        /// Bytes added to the base operand.
        offset: i32,
    },
    /// A direct callee.
    Func(FuncRef),
    /// A helper.
    Helper(HelperRef),
    /// A signature.
    Sig(SigRef),
    /// A frame slot.
    Slot(u32),
    /// A bytecode function (value stage).
    Callee(u32),
}

operation_table! {
    // Constants.
    Iconst "iconst" Machine [I8 I16 I32 I64] () -> (T) Int Pure "The integer constant.";
    Fconst "fconst" Machine [F64] () -> (T) Float Pure "The 64-bit float constant, bit for bit.";

    // Integer arithmetic.
    Iadd "iadd" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Sum, wrapping.";
    Isub "isub" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Difference, wrapping.";
    Imul "imul" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Product, wrapping.";
    Ineg "ineg" Machine [I8 I16 I32 I64] (T) -> (T) None Pure "0 - x, wrapping (MIN stays MIN).";
    Sdiv "sdiv" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Signed quotient towards zero; x / 0 = 0, MIN / -1 = MIN.";
    Udiv "udiv" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Unsigned quotient; x / 0 = 0.";
    Srem "srem" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Signed remainder with the sign of the dividend; x rem 0 = x, MIN rem -1 = 0.";
    Urem "urem" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Unsigned remainder; x rem 0 = x.";
    Smulhi "smulhi" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "High half of the double-width signed product.";
    Umulhi "umulhi" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "High half of the double-width unsigned product.";
    SaddOverflow "sadd_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping sum, and 1 if the signed sum does not fit.";
    UaddOverflow "uadd_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping sum, and 1 if the unsigned sum does not fit.";
    SsubOverflow "ssub_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping difference, and 1 if the signed difference does not fit.";
    UsubOverflow "usub_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping difference, and 1 if the unsigned difference is negative.";
    SmulOverflow "smul_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping product, and 1 if the signed product does not fit.";
    UmulOverflow "umul_overflow" Machine [I8 I16 I32 I64] (T T) -> (T I8) None Pure "Wrapping product, and 1 if the unsigned product does not fit.";

    // Bits.
    Band "band" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Bitwise and.";
    Bor "bor" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Bitwise or.";
    Bxor "bxor" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Bitwise exclusive or.";
    Bnot "bnot" Machine [I8 I16 I32 I64] (T) -> (T) None Pure "Bitwise complement.";
    Shl "shl" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Left shift by the second operand modulo the width.";
    Lshr "lshr" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Logical right shift by the second operand modulo the width.";
    Ashr "ashr" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Arithmetic right shift by the second operand modulo the width.";
    Rotl "rotl" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Left rotation by the second operand modulo the width.";
    Rotr "rotr" Machine [I8 I16 I32 I64] (T T) -> (T) None Pure "Right rotation by the second operand modulo the width.";
    Clz "clz" Machine [I8 I16 I32 I64] (T) -> (T) None Pure "Number of leading zero bits; the width for 0.";
    Ctz "ctz" Machine [I8 I16 I32 I64] (T) -> (T) None Pure "Number of trailing zero bits; the width for 0.";
    Popcnt "popcnt" Machine [I8 I16 I32 I64] (T) -> (T) None Pure "Number of one bits.";
    Bswap "bswap" Machine [I16 I32 I64] (T) -> (T) None Pure "Bytes in reverse order.";

    // Selection and comparison.
    Select "select" Machine [I8 I16 I32 I64 F32 F64] (I8 T T) -> (T) None Pure "The second operand if the first is not zero, otherwise the third; both are evaluated.";
    IcmpEq "icmp_eq" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if equal, otherwise 0.";
    IcmpNe "icmp_ne" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if different, otherwise 0.";
    IcmpSlt "icmp_slt" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if less, signed.";
    IcmpSle "icmp_sle" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if less or equal, signed.";
    IcmpSgt "icmp_sgt" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if greater, signed.";
    IcmpSge "icmp_sge" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if greater or equal, signed.";
    IcmpUlt "icmp_ult" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if less, unsigned.";
    IcmpUle "icmp_ule" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if less or equal, unsigned.";
    IcmpUgt "icmp_ugt" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if greater, unsigned.";
    IcmpUge "icmp_uge" Machine [I8 I16 I32 I64] (T T) -> (I8) None Pure "1 if greater or equal, unsigned.";
    FcmpEq "fcmp_eq" Machine [F64] (T T) -> (I8) None Pure "1 if equal (-0 equals 0); 0 if either is a NaN.";
    FcmpNe "fcmp_ne" Machine [F64] (T T) -> (I8) None Pure "1 if different or either is a NaN.";
    FcmpLt "fcmp_lt" Machine [F64] (T T) -> (I8) None Pure "1 if less; 0 if either is a NaN.";
    FcmpLe "fcmp_le" Machine [F64] (T T) -> (I8) None Pure "1 if less or equal; 0 if either is a NaN.";
    FcmpGt "fcmp_gt" Machine [F64] (T T) -> (I8) None Pure "1 if greater; 0 if either is a NaN.";
    FcmpGe "fcmp_ge" Machine [F64] (T T) -> (I8) None Pure "1 if greater or equal; 0 if either is a NaN.";
    FcmpOrd "fcmp_ord" Machine [F64] (T T) -> (I8) None Pure "1 if neither is a NaN.";
    FcmpUno "fcmp_uno" Machine [F64] (T T) -> (I8) None Pure "1 if either is a NaN.";

    // Floats: IEEE 754 binary64, round to nearest even, no contraction. NaN payloads and signs of arithmetic results are unspecified.
    Fadd "fadd" Machine [F64] (T T) -> (T) None Pure "Sum.";
    Fsub "fsub" Machine [F64] (T T) -> (T) None Pure "Difference.";
    Fmul "fmul" Machine [F64] (T T) -> (T) None Pure "Product.";
    Fdiv "fdiv" Machine [F64] (T T) -> (T) None Pure "Quotient.";
    Fmin "fmin" Machine [F64] (T T) -> (T) None Pure "The smaller; -0 is below 0; a NaN if either is a NaN.";
    Fmax "fmax" Machine [F64] (T T) -> (T) None Pure "The larger; 0 is above -0; a NaN if either is a NaN.";
    Fneg "fneg" Machine [F64] (T) -> (T) None Pure "Sign bit flipped, every other bit kept, NaNs included.";
    Fabs "fabs" Machine [F64] (T) -> (T) None Pure "Sign bit cleared, every other bit kept, NaNs included.";
    Fcopysign "fcopysign" Machine [F64] (T T) -> (T) None Pure "The first operand with the sign bit of the second, bit for bit.";
    Fsqrt "fsqrt" Machine [F64] (T) -> (T) None Pure "Square root, correctly rounded; a NaN below zero; -0 stays -0.";
    Fceil "fceil" Machine [F64] (T) -> (T) None Pure "Rounded towards positive infinity; keeps the sign of zero.";
    Ffloor "ffloor" Machine [F64] (T) -> (T) None Pure "Rounded towards negative infinity; keeps the sign of zero.";
    Ftrunc "ftrunc" Machine [F64] (T) -> (T) None Pure "Rounded towards zero; keeps the sign of zero.";
    Fnearest "fnearest" Machine [F64] (T) -> (T) None Pure "Rounded to the nearest integer, ties to even; keeps the sign of zero.";

    // Conversions. The controlling type is the result's, unless the row says otherwise.
    Sext "sext" Machine [I16 I32 I64] (Narrower) -> (T) None Pure "Sign extension of a narrower integer.";
    Zext "zext" Machine [I16 I32 I64] (Narrower) -> (T) None Pure "Zero extension of a narrower integer.";
    Trunc "trunc" Machine [I8 I16 I32] (Wider) -> (T) None Pure "The low bits of a wider integer.";
    SintToF64 "sint_to_f64" Machine [I32 I64] (T) -> (F64) None Pure "Signed integer (of the controlling type) to float, rounded to nearest even.";
    UintToF64 "uint_to_f64" Machine [I32 I64] (T) -> (F64) None Pure "Unsigned integer (of the controlling type) to float, rounded to nearest even.";
    F64ToSintSat "f64_to_sint_sat" Machine [I32 I64] (F64) -> (T) None Pure "Towards zero to a signed integer; out of range gives the nearest limit, a NaN 0.";
    F64ToUintSat "f64_to_uint_sat" Machine [I32 I64] (F64) -> (T) None Pure "Towards zero to an unsigned integer; out of range gives the nearest limit, a NaN 0.";
    F64ToSintExact "f64_to_sint_exact" Machine [I32 I64] (F64) -> (T I8) None Pure "The float as a signed integer and 1 if it is integral and in range (-0 gives 0); otherwise 0 and 0.";
    F64ToUintExact "f64_to_uint_exact" Machine [I32 I64] (F64) -> (T I8) None Pure "The float as an unsigned integer and 1 if it is integral and in range (-0 gives 0); otherwise 0 and 0.";
    F32ToF64 "f32_to_f64" Machine [F64] (F32) -> (T) None Pure "The same number; a NaN gives a NaN.";
    F64ToF32 "f64_to_f32" Machine [F32] (F64) -> (T) None Pure "Rounded to nearest even; a NaN gives a NaN.";
    BitsToF64 "bits_to_f64" Machine [F64] (I64) -> (T) None Pure "The float with these bits.";
    F64ToBits "f64_to_bits" Machine [I64] (F64) -> (T) None Pure "The bits of the float.";
    BitsToF32 "bits_to_f32" Machine [F32] (I32) -> (T) None Pure "The 32-bit float with these bits.";
    F32ToBits "f32_to_bits" Machine [I32] (F32) -> (T) None Pure "The bits of the 32-bit float.";

    // Memory: little-endian, any alignment. The address is the base operand plus the offset, wrapping.
    Load "load" Machine [I8 I16 I32 I64 F32 F64] (I64) -> (T) Mem Load "Loads a value of the controlling type.";
    Store "store" Machine [I8 I16 I32 I64 F32 F64] (T I64) -> () Mem Store "Stores the first operand at the address given by the second.";
    AtomicLoad "atomic_load" Machine [I8 I16 I32 I64] (I64) -> (T) Mem AtomicLoad "Relaxed atomic load; the address must be aligned to the width.";
    StackPointer "stack_pointer" Machine [I64] () -> (T) None ReadsMachine "An address within the current machine stack frame or at its end: lower in callees than in their callers.";

    // Calls. All functions and callees follow the System V calling convention; the first two integer results are in rax, rdx, the first two float results in xmm0, xmm1.
    Call "call" Machine [] (variadic) -> (variadic) Func Call "Calls a function of the unit.";
    CallIndirect "call_indirect" Machine [] (variadic) -> (variadic) Sig Call "Calls the address in the first operand with the rest as arguments.";
    CallHelper "call_helper" Machine [] (variadic) -> (variadic) Helper Call "Calls the address found in the helper table, whose address is the first operand, at 8 x the helper's index.";

    // Control flow.
    Jump "jump" Machine [] () -> () Jump Terminator "Goes to the block.";
    Brif "brif" Machine [] (I8) -> () Branch Terminator "Goes to the first block if the operand is not zero, otherwise to the second.";
    Switch "switch" Machine [I32 I64] (T) -> () Switch Terminator "Goes to the block of the case equal to the operand, otherwise to the default.";
    Return "return" Machine [] (variadic) -> () None Terminator "Returns the operands.";

    // Value stage: what bytecode becomes before lowering. `fsN` is a frame state: what the frame's slots and pc hold if the operation leaves the function.
    SlotLoad "slot_load" Value [I8 I32 I64 F64] () -> (T) Slot Load "Payload of the frame's slot, in the entry block only.";
    ExitIf "exit_if" Value [] (I8) -> () None Exit "Leaves with the frame state if the operand is not zero.";
    Exit "exit" Value [] () -> () None Terminator "Leaves with the frame state.";
    Poll "poll" Value [] () -> () None Exit "Leaves with the frame state if the VM asks for attention.";
    Countdown "countdown" Value [] () -> () None Exit "Takes one from the VM's countdown and leaves with the frame state when none is left.";
    CallFunction "call_function" Value [] (variadic) -> (variadic) Callee Call "Calls a bytecode function; the frame state is that of the call's own pc, to leave with before the call if it cannot be made natively.";
    CheckValid "check_valid" Value [] () -> () None Exit "Leaves with the frame state if the unit was invalidated.";
    CountInline "count_inline" Value [] () -> () Slot Count "Counts one bytecode instruction, by its index in the coverage table, as executed inline.";
    CountHelper "count_helper" Value [] () -> () Slot Count "Counts one bytecode instruction as executed through a helper.";
    ReturnValue "return_value" Value [] (variadic) -> () None Terminator "Returns Ok from the bytecode function with its result, if it has one.";
    RuntimeCall "runtime_call" Value [] (variadic) -> (variadic) Helper Call "Calls a runtime helper; the helper table is implied.";
}

/// An operation at fixed types: what the conformance kit and the random generator enumerate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpInstance {
    /// The operation.
    pub op: Op,
    /// Its controlling type.
    pub ty: Type,
    /// Operand types.
    pub args: Vec<Type>,
    /// Result types.
    pub results: Vec<Type>,
}

impl std::fmt::Display for OpInstance {
    /// `name.type`, and `.type` again for the operand where the controlling type does not fix it: `sext.i64.i8`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.op.info().name, self.ty)?;
        let Operands::Fixed(patterns) = self.op.info().args else { return Ok(()) };
        match patterns.first() {
            Some(TypePattern::NarrowerInt | TypePattern::WiderInt) => write!(f, ".{}", self.args[0]),
            _ => Ok(()),
        }
    }
}

impl Op {
    /// The operation with that mnemonic.
    pub fn from_name(name: &str) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| op.info().name == name)
    }

    /// Operations of the machine stage: what a backend lowers.
    pub fn machine() -> impl Iterator<Item = Op> {
        Op::ALL.iter().copied().filter(|op| op.info().stage == Stage::Machine)
    }

    /// Whether it ends a block.
    pub fn is_terminator(self) -> bool {
        self.info().effect == Effect::Terminator
    }

    /// Whether it computes its results from its operands and immediate, and does nothing else.
    pub fn is_pure(self) -> bool {
        self.info().effect == Effect::Pure
    }

    /// Whether the first two operands may be swapped without changing the result bits (NaN payloads aside).
    pub fn is_commutative(self) -> bool {
        use Op::*;
        matches!(
            self,
            Iadd | Imul
                | Smulhi
                | Umulhi
                | SaddOverflow
                | UaddOverflow
                | SmulOverflow
                | UmulOverflow
                | Band
                | Bor
                | Bxor
                | IcmpEq
                | IcmpNe
                | FcmpEq
                | FcmpNe
                | FcmpOrd
                | FcmpUno
                | Fadd
                | Fmul
                | Fmin
                | Fmax
        )
    }

    /// Every combination of types at which an operation with fixed operands exists; none for calls and `return`.
    pub fn instances(self) -> Vec<OpInstance> {
        let info = self.info();
        let (Operands::Fixed(args), Operands::Fixed(results)) = (info.args, info.results) else { return Vec::new() };
        let types: &[Type] = if info.types.is_empty() { &[Type::I64] } else { info.types };
        let mut out = Vec::new();
        for &ty in types {
            let loose: Vec<Option<Type>> = match args.first() {
                Some(pattern @ (TypePattern::NarrowerInt | TypePattern::WiderInt)) => {
                    Type::ALL.into_iter().filter(|&t| pattern.accepts(ty, t)).map(Some).collect()
                }
                _ => vec![None],
            };
            for free in loose {
                let resolve = |p: &TypePattern| p.fixed(ty).or(free).expect("a loose pattern has a type");
                out.push(OpInstance {
                    op: self,
                    ty,
                    args: args.iter().map(resolve).collect(),
                    results: results.iter().map(resolve).collect(),
                });
            }
        }
        out
    }
}

impl TypePattern {
    /// The one type it stands for under controlling type `ty`, if it is one.
    pub const fn fixed(self, ty: Type) -> Option<Type> {
        match self {
            TypePattern::Controlling => Some(ty),
            TypePattern::Exactly(t) => Some(t),
            TypePattern::NarrowerInt | TypePattern::WiderInt => None,
        }
    }

    /// Whether an operand of type `actual` fits under controlling type `ty`.
    pub fn accepts(self, ty: Type, actual: Type) -> bool {
        match self {
            TypePattern::NarrowerInt => actual.is_int() && actual.bits() < ty.bits(),
            TypePattern::WiderInt => actual.is_int() && actual.bits() > ty.bits(),
            _ => self.fixed(ty) == Some(actual),
        }
    }

    /// How docs write it.
    pub const fn describe(self) -> &'static str {
        match self {
            TypePattern::Controlling => "T",
            TypePattern::Exactly(t) => t.name(),
            TypePattern::NarrowerInt => "narrower int",
            TypePattern::WiderInt => "wider int",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_order_and_names_unique() {
        let mut names = std::collections::HashSet::new();
        for &op in Op::ALL {
            assert_eq!(op.info().op, op);
            assert!(names.insert(op.info().name), "{} twice", op.info().name);
            assert_eq!(Op::from_name(op.info().name), Some(op));
        }
    }

    #[test]
    fn extension_instances_enumerate_both_types() {
        let names: Vec<String> = Op::Sext.instances().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            ["sext.i16.i8", "sext.i32.i8", "sext.i32.i16", "sext.i64.i8", "sext.i64.i16", "sext.i64.i32"]
        );
    }
}
