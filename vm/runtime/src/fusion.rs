//! Fusions: pairs of neighbouring instructions of which the second takes what the first gives, for an interpreter to execute in one go.
//!
//! They exist in a VM's own copy of the code alone, while nothing but the plain loop runs: the first instruction's number is replaced by the fusion's, and its
//! last byte holds the register of the second's other operand. The second stays as it is, so that a branch may lead there and the first may be executed alone.
//! No module, no listing and no count knows of fusions. Which pairs there are is a matter of speed; docs/interpreter.md has the figures.

use std::mem::MaybeUninit;

use lockstep_bytecode::{Instr, Op, Reg};

/// How the second instruction of a fusion takes the first one's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// As either operand, as they can change places.
    Either,
    /// As its first operand.
    First,
    /// As its second operand.
    Second,
}

/// Hands all fusions to a callback macro, context first: `NAME FIRST(MEANING) SECOND(MEANING) TAKES`.
///
/// A first instruction is arithmetic or `get`, and has its last byte to spare; a second one is arithmetic, `get` or a branch on a comparison.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_fusion {
    ($callback:ident $($context:tt)*) => {
        $callback! { [$($context)*]
            {MulAdd MulAny(Arith(Mul)) AddAny(Arith(Add)) Either}
            {MulSub MulAny(Arith(Mul)) SubAny(Arith(Sub)) First}
            {MulSubFrom MulAny(Arith(Mul)) SubAny(Arith(Sub)) Second}
            {MulMul MulAny(Arith(Mul)) MulAny(Arith(Mul)) Either}
            {MulDivBy MulAny(Arith(Mul)) DivAny(Arith(Div)) Second}
            {MulAddImm MulAny(Arith(Mul)) AddImmAny(ArithImm(Add)) First}
            {MulShrImm MulAny(Arith(Mul)) ShrImmAny(ArithImm(Shr)) First}
            {MulImmAdd MulImmAny(ArithImm(Mul)) AddAny(Arith(Add)) Either}
            {MulImmAddImm MulImmAny(ArithImm(Mul)) AddImmAny(ArithImm(Add)) First}
            {AddAdd AddAny(Arith(Add)) AddAny(Arith(Add)) Either}
            {AddMul AddAny(Arith(Add)) MulAny(Arith(Mul)) Either}
            {AddBand AddAny(Arith(Add)) BandAny(Arith(Band)) Either}
            {AddAddImm AddAny(Arith(Add)) AddImmAny(ArithImm(Add)) First}
            {SubAdd SubAny(Arith(Sub)) AddAny(Arith(Add)) Either}
            {SubMul SubAny(Arith(Sub)) MulAny(Arith(Mul)) Either}
            {BxorAdd BxorAny(Arith(Bxor)) AddAny(Arith(Add)) Either}
            {BandShrImm BandAny(Arith(Band)) ShrImmAny(ArithImm(Shr)) First}
            {ShlImmBxor ShlImmAny(ArithImm(Shl)) BxorAny(Arith(Bxor)) Either}
            {ShrImmBxor ShrImmAny(ArithImm(Shr)) BxorAny(Arith(Bxor)) Either}
            {ShrImmBand ShrImmAny(ArithImm(Shr)) BandAny(Arith(Band)) Either}
            {ShrImmBorImm ShrImmAny(ArithImm(Shr)) BorImmAny(ArithImm(Bor)) First}
            {ShrImmAdd ShrImmAny(ArithImm(Shr)) AddAny(Arith(Add)) Either}
            {ShrImmMul ShrImmAny(ArithImm(Shr)) MulAny(Arith(Mul)) Either}
            {AddGet AddAny(Arith(Add)) GetAny(Get) Second}
            {AddImmGet AddImmAny(ArithImm(Add)) GetAny(Get) Second}
            {SubImmGet SubImmAny(ArithImm(Sub)) GetAny(Get) Second}
            {GetAdd GetAny(Get) AddAny(Arith(Add)) Either}
            {GetSub GetAny(Get) SubAny(Arith(Sub)) First}
            {GetSubFrom GetAny(Get) SubAny(Arith(Sub)) Second}
            {GetMul GetAny(Get) MulAny(Arith(Mul)) Either}
            {GetAddImm GetAny(Get) AddImmAny(ArithImm(Add)) First}
            {GetSubImm GetAny(Get) SubImmAny(ArithImm(Sub)) First}
            {SubJumpNeImm SubAny(Arith(Sub)) JumpNeImmAny(AnyBranchImm(Ne)) First}
            {SubJumpEqImm SubAny(Arith(Sub)) JumpEqImmAny(AnyBranchImm(Eq)) First}
            {BandImmJumpNeImm BandImmAny(ArithImm(Band)) JumpNeImmAny(AnyBranchImm(Ne)) First}
            {BandImmJumpEqImm BandImmAny(ArithImm(Band)) JumpEqImmAny(AnyBranchImm(Eq)) First}
            {AddImmJumpLtImm AddImmAny(ArithImm(Add)) JumpLtImmAny(AnyBranchImm(Lt)) First}
            {AddImmJumpNeImm AddImmAny(ArithImm(Add)) JumpNeImmAny(AnyBranchImm(Ne)) First}
            {AddImmJumpLt AddImmAny(ArithImm(Add)) JumpLtAny(AnyBranch(Lt)) First}
            {AddImmJumpLe AddImmAny(ArithImm(Add)) JumpLeAny(AnyBranch(Le)) First}
            {SubImmJumpLt SubImmAny(ArithImm(Sub)) JumpLtAny(AnyBranch(Lt)) Second}
            {SubImmJumpGtImm SubImmAny(ArithImm(Sub)) JumpGtImmAny(AnyBranchImm(Gt)) First}
        }
    };
}

macro_rules! table {
    ([] $({$Name:ident $First:ident($($f:tt)*) $Second:ident($($s:tt)*) $Takes:ident})*) => {
        /// The fusions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        enum Fusion { $($Name),* }

        const FUSIONS: &[(Op, Op, Takes)] = &[$((Op::$First, Op::$Second, Takes::$Takes)),*];

        /// Numbers that stand for fusions in a VM's code, behind those of the instructions.
        #[allow(non_upper_case_globals, reason = "they are called as the fusions are")]
        pub mod fused {
            $(
                #[doc = concat!("`", stringify!($First), "`, and `", stringify!($Second), "` with its result.")]
                pub const $Name: u16 = super::FIRST_NUMBER + super::Fusion::$Name as u16;
            )*
        }
    };
}

for_each_fusion!(table);

/// The number of the first fusion.
const FIRST_NUMBER: u16 = Op::ALL.len() as u16;

/// The byte of the first instruction that holds the register of the second's other operand.
pub const OTHER: usize = size_of::<Instr>() - 1;

/// The fusion of two neighbours, if there is one: its number, and the register of the second's other operand (or register 0).
fn fusion(first: Instr, second: Instr) -> Option<(u16, Reg)> {
    let result = first.def()?;
    // `get` is `dst, object, key`, arithmetic `dst, a, b`, a branch `a, b`; `b` may be a number.
    let (operands, results) = (second.operands(), usize::from(second.def().is_some()));
    let one = operands.get(results)?.reg()?;
    let two = operands.get(results + 1).and_then(|value| value.reg());
    let fits = |takes: Takes| match takes {
        Takes::Either if one == result => two,
        Takes::Either | Takes::Second if two == Some(result) => Some(one),
        Takes::First if one == result => Some(two.unwrap_or(Reg(0))),
        _ => None,
    };
    let mut pairs = FUSIONS.iter().enumerate().filter(|(_, pair)| (pair.0, pair.1) == (first.op(), second.op()));
    pairs.find_map(|(index, pair)| Some((FIRST_NUMBER + index as u16, fits(pair.2)?)))
}

/// The instruction at a place of a VM's code, fused or not.
///
/// # Safety
/// `at` is in a VM's own copy of a function's code.
#[inline]
pub unsafe fn instr_at(at: *const Instr) -> Instr {
    // SAFETY: the caller says so. A fusion's bytes with the number of its first instruction are that instruction.
    unsafe {
        let Some(index) = at.cast::<u16>().read().checked_sub(FIRST_NUMBER) else { return at.read() };
        let mut instr = MaybeUninit::<Instr>::uninit();
        instr.as_mut_ptr().cast::<MaybeUninit<u64>>().write_unaligned(at.cast::<MaybeUninit<u64>>().read_unaligned());
        instr.as_mut_ptr().cast::<u16>().write(FUSIONS[usize::from(index)].0 as u16);
        instr.assume_init()
    }
}

/// Fuses what can be fused in a function's code, or takes all of it apart.
///
/// # Safety
/// `code` is a VM's own copy of a function's code, of `len` instructions, and nobody executes it meanwhile but between instructions.
pub unsafe fn fuse(code: *mut Instr, len: usize, on: bool) {
    for index in 0..len {
        // SAFETY: the index is below the length; the next one is where it is used. A first instruction of a fusion leaves its last byte unused.
        unsafe {
            let at = code.add(index);
            let first = instr_at(at);
            let number = at.cast::<u16>();
            if !on {
                number.write(first.op() as u16);
            } else if index + 1 < len
                && let Some((fused, other)) = fusion(first, instr_at(at.add(1)))
            {
                number.write(fused);
                at.cast::<u8>().add(OTHER).write(other.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_bytecode::{Pc, Role, Value};

    /// An instruction with the given registers, of which the first is its result if it has one; numbers are 1.
    fn instr(op: Op, registers: [u8; 3]) -> Instr {
        let has_result = op.info().operands[0].role == Role::Def;
        let mut registers = registers.into_iter().skip(usize::from(!has_result));
        let value = |role: Role| match role {
            Role::Def | Role::Use => Value::Reg(Reg(registers.next().expect("at most three registers"))),
            Role::Seen => Value::Seen,
            Role::Label => Value::Label(Pc(1)),
            _ => Value::Imm(1),
        };
        let values: Vec<Value> = op.info().operands.iter().map(|operand| operand.role).map(value).collect();
        Instr::build(op, &values).expect("the operands are the table's")
    }

    #[test]
    fn a_fused_instruction_is_still_what_it_was() {
        for &(first, second, takes) in FUSIONS {
            let places: &[[u8; 3]] = match takes {
                Takes::Either => &[[4, 1, 3], [4, 3, 1], [4, 1, 1]],
                Takes::First => &[[4, 1, 3]],
                Takes::Second => &[[4, 3, 1]],
            };
            for &place in places {
                let pair = [instr(first, [1, 2, 3]), instr(second, place)];
                let mut code = pair;
                let at = code.as_mut_ptr();
                // SAFETY: this is a copy of the code, and nobody executes it. A fused instruction is read through `instr_at` alone.
                unsafe {
                    fuse(at, 2, true);
                    assert!(at.cast::<u16>().read() >= FIRST_NUMBER, "{first} and {second} are a pair");
                    let other = if place[1] == 1 { place[2] } else { place[1] };
                    let none = second.info().operand("imm").is_some();
                    assert_eq!(at.cast::<u8>().add(OTHER).read(), if none { 0 } else { other }, "{first} and {second}");
                    assert_eq!([instr_at(at), instr_at(at.add(1))], pair);
                    fuse(at, 2, false);
                }
                assert_eq!(code, pair);
            }
        }
    }

    #[test]
    fn neighbours_that_hand_nothing_on_are_left_alone() {
        for &(first, second, _) in FUSIONS {
            let mut code = [instr(first, [1, 2, 3]), instr(second, [4, 2, 3])];
            // SAFETY: as above.
            unsafe {
                fuse(code.as_mut_ptr(), 2, true);
                assert_eq!(code.as_ptr().cast::<u16>().read(), first as u16, "{first} and {second}");
            }
        }
    }
}
