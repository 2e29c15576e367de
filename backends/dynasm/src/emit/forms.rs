//! Operands as registers and addresses, and the macros that spell an instruction once for every form of them.

use regalloc2::Allocation;

use crate::mach::{Amode, Base, Src};

/// An address with its registers, in the forms that differ in encoding.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addr {
    Base8(u8, i8),
    Base32(u8, i32),
    /// Base, index, shift, displacement.
    Index8(u8, u8, u8, i8),
    Index32(u8, u8, u8, i32),
    /// Offset in the constants.
    Const(i32),
    /// Offset from rsp.
    Stack(i32),
}

/// A source operand with its registers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rhs {
    Reg(u8),
    Mem(Addr),
    Imm(i32),
}

/// Where stack arguments lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StackLayout {
    /// Offset of this function's own from rsp.
    pub(super) incoming: i32,
}

/// Reads an instruction's allocations in operand order.
pub(super) struct Allocs<'a> {
    allocs: std::slice::Iter<'a, Allocation>,
    layout: StackLayout,
    /// An operand was missing or not in a register.
    pub(super) broken: bool,
}

impl<'a> Allocs<'a> {
    pub(super) fn new(allocs: &'a [Allocation], layout: StackLayout) -> Self {
        Self { allocs: allocs.iter(), layout, broken: false }
    }

    /// The next operand's register, by its encoding. Every operand is constrained to a register.
    pub(super) fn reg(&mut self) -> u8 {
        match self.allocs.next().and_then(|a| a.as_reg()) {
            Some(reg) => reg.hw_enc() as u8,
            None => {
                self.broken = true;
                0
            }
        }
    }

    pub(super) fn addr(&mut self, am: Amode) -> Addr {
        match am.base {
            Base::Const => Addr::Const(am.disp),
            Base::Incoming => Addr::Stack(self.layout.incoming + am.disp),
            Base::Outgoing => Addr::Stack(am.disp),
            Base::Reg => {
                let base = self.reg();
                let short = i8::try_from(am.disp);
                match (am.index, short) {
                    (false, Ok(disp)) => Addr::Base8(base, disp),
                    (false, Err(_)) => Addr::Base32(base, am.disp),
                    (true, Ok(disp)) => Addr::Index8(base, self.reg(), am.shift, disp),
                    (true, Err(_)) => Addr::Index32(base, self.reg(), am.shift, am.disp),
                }
            }
        }
    }

    pub(super) fn rhs(&mut self, src: Src) -> Rhs {
        match src {
            Src::Reg => Rhs::Reg(self.reg()),
            Src::Mem(am) => Rhs::Mem(self.addr(am)),
            Src::Imm(imm) => Rhs::Imm(imm),
        }
    }
}

/// `dynasm!` for this architecture.
macro_rules! x64 {
    ($e:ident ; $($t:tt)*) => {
        dynasmrt::dynasm!($e.asm ; .arch x64 ; $($t)*)
    };
}

/// An instruction with a memory operand: the tokens before the address, those after it, and how many bytes of immediate follow.
macro_rules! mem {
    ($e:ident, $addr:expr, [$($pre:tt)*]) => {
        mem!($e, $addr, 0, [$($pre)*] [])
    };
    ($e:ident, $addr:expr, $tail:expr, [$($pre:tt)*] [$($post:tt)*]) => {
        match $addr {
            Addr::Base8(b, disp) => x64!($e ; $($pre)* [BYTE Rq(b) + disp] $($post)*),
            Addr::Base32(b, disp) => x64!($e ; $($pre)* [DWORD Rq(b) + disp] $($post)*),
            Addr::Index8(b, i, shift, disp) => {
                x64!($e ; $($pre)* [BYTE Rq(b) + Rq(i) + disp] $($post)*);
                $e.set_scale(b, i, shift, 1 + $tail);
            }
            Addr::Index32(b, i, shift, disp) => {
                x64!($e ; $($pre)* [DWORD Rq(b) + Rq(i) + disp] $($post)*);
                $e.set_scale(b, i, shift, 4 + $tail);
            }
            Addr::Const(at) => x64!($e ; $($pre)* [=>($e.rodata) + at as isize] $($post)*),
            Addr::Stack(disp) => x64!($e ; $($pre)* [rsp + disp] $($post)*),
        }
    };
}

/// One arm per condition code: the mnemonics of a family in the order of their encodings.
macro_rules! by_code {
    ($e:ident, $cc:expr, [$($op:ident)*], $($operands:tt)*) => {
        by_code!(@ $e, $cc, [O No B Ae E Ne Be A S Ns P Np L Ge Le G] [$($op)*], [$($operands)*])
    };
    (@ $e:ident, $cc:expr, [$($code:ident)*] [$($op:ident)*], $operands:tt) => {
        match $cc { $(Cc::$code => by_code!(# $e, $op, $operands),)* }
    };
    (# $e:ident, $op:ident, [$($operands:tt)*]) => {
        x64!($e ; $op $($operands)*)
    };
}

pub(super) use {by_code, mem, x64};
