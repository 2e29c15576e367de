//! Machine instructions over virtual registers: what instruction selection makes and what is printed as bytes after register allocation.
//!
//! An instruction is a [`Mach`] (what it does) and a list of register operands, kept apart in [`Code`] because the register allocator reads
//! only those. Each variant documents its operands in order. **Flags** live only from an instruction that sets them to the one right after it:
//! allocator moves, the only thing that can come between, leave flags alone.

use lockstep_ir::SourceLoc;
use regalloc2::{Operand, VReg};

/// Width of an integer operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    B,
    W,
    D,
    Q,
}

impl Size {
    pub(crate) fn of(bytes: u32) -> Self {
        match bytes {
            1 => Size::B,
            2 => Size::W,
            4 => Size::D,
            _ => Size::Q,
        }
    }

    pub(crate) const fn bytes(self) -> u32 {
        1 << self as u32
    }

    /// The width of a register operation for a value of this size: bits above a narrow value are unspecified.
    pub(crate) fn wide(self) -> Self {
        self.max(Size::D)
    }
}

/// What an address starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// A register operand.
    Reg,
    /// The constants behind the code.
    Const,
    /// Stack arguments of this function.
    Incoming,
    /// Stack arguments of a callee.
    Outgoing,
}

/// An address: operands are the base register if it has one, then the index register if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amode {
    pub(crate) base: Base,
    pub(crate) index: bool,
    /// The index is shifted left by so many bits.
    pub(crate) shift: u8,
    pub(crate) disp: i32,
}

impl Amode {
    pub(crate) const fn fixed(base: Base, disp: i32) -> Self {
        Self { base, index: false, shift: 0, disp }
    }

    pub(crate) fn regs(self) -> usize {
        usize::from(self.base == Base::Reg) + usize::from(self.index)
    }
}

/// A source operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Src {
    /// One register operand.
    Reg,
    /// The operands of the address.
    Mem(Amode),
    /// No operands; sign-extended to the operation's width.
    Imm(i32),
}

/// A source operand with its registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) src: Src,
    pub(crate) regs: [VReg; 2],
}

/// A place in memory with its registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) am: Amode,
    pub(crate) regs: [VReg; 2],
}

impl Place {
    pub(crate) fn source(self) -> Source {
        Source { src: Src::Mem(self.am), regs: self.regs }
    }
}

impl Source {
    pub(crate) fn reg(reg: VReg) -> Self {
        Self { src: Src::Reg, regs: [reg, VReg::invalid()] }
    }

    pub(crate) fn imm(imm: i32) -> Self {
        Self { src: Src::Imm(imm), regs: [VReg::invalid(); 2] }
    }

    pub(crate) fn registers(&self) -> &[VReg] {
        let count = match self.src {
            Src::Reg => 1,
            Src::Mem(am) => am.regs(),
            Src::Imm(_) => 0,
        };
        &self.regs[..count]
    }
}

/// Condition codes, by their encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cc {
    O,
    No,
    B,
    Ae,
    E,
    Ne,
    Be,
    A,
    S,
    Ns,
    P,
    Np,
    L,
    Ge,
    Le,
    G,
}

impl Cc {
    pub(crate) fn invert(self) -> Self {
        use Cc::*;
        match self {
            O => No,
            No => O,
            B => Ae,
            Ae => B,
            E => Ne,
            Ne => E,
            Be => A,
            A => Be,
            S => Ns,
            Ns => S,
            P => Np,
            Np => P,
            L => Ge,
            Ge => L,
            Le => G,
            G => Le,
        }
    }
}

/// A condition on the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cond {
    One(Cc),
    /// Equal and ordered: what `ucomisd` says of equal numbers.
    EqualOrdered,
    /// Different or unordered.
    DifferentUnordered,
}

impl Cond {
    pub(crate) fn invert(self) -> Self {
        match self {
            Cond::One(cc) => Cond::One(cc.invert()),
            Cond::EqualOrdered => Cond::DifferentUnordered,
            Cond::DifferentUnordered => Cond::EqualOrdered,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AluOp {
    Add,
    Sub,
    And,
    Or,
    Xor,
    /// Register or memory source only, not at byte width.
    Imul,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Neg,
    Not,
    /// At 32 and 64 bits.
    Bswap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShiftOp {
    Shl,
    Shr,
    Sar,
    Rol,
    Ror,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BitsOp {
    /// Undefined for 0, and says so in ZF.
    Bsr,
    /// Undefined for 0, and says so in ZF.
    Bsf,
    Lzcnt,
    Tzcnt,
    Popcnt,
}

/// Two-operand operations on vector registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SseOp {
    Add,
    Sub,
    Mul,
    Div,
    /// Whole registers; a memory source is 16 aligned bytes.
    And,
    Or,
    Xor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SseUnary {
    Sqrt,
    /// `roundsd` with this mode.
    Round(u8),
    /// `cvtss2sd`.
    Widen,
    /// `cvtsd2ss`.
    Narrow,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    /// A function of the unit.
    Direct(u32),
    /// A register operand.
    Reg,
    /// The address at this place.
    Mem(Amode),
}

/// What a machine instruction does. `use`, `def` name its operands in order; `def=0` shares the register of operand 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mach {
    /// Arguments in registers: fixed defs.
    Args,
    /// Fixed uses.
    Ret,
    /// def.
    MovImm(u64),
    /// use, def. At 32 bits it clears the upper half.
    Mov(Size),
    /// source (register or memory), def. Loads, too: an unsigned extension from the memory's own width.
    Ext { signed: bool, from: Size, to: Size, src: Src },
    /// address, def.
    Lea(Size, Amode),
    /// use, source, def=0; sets flags.
    Alu { op: AluOp, size: Size, src: Src },
    /// source (register or memory), def.
    ImulImm { size: Size, src: Src, imm: i32 },
    /// use, def=0.
    Unary(UnaryOp, Size),
    /// use, def=0; sets ZF if the amount is not 0.
    ShiftImm(ShiftOp, Size, u8),
    /// use, amount in cl, def=0.
    ShiftCl(ShiftOp, Size),
    /// `shlx` and its kin: use, amount, def.
    ShiftX(ShiftOp, Size),
    /// use, def.
    Bits(BitsOp, Size),
    /// rax, source (register or memory), def rax, def rdx: the full 64-bit product; OF if it does not fit.
    MulWide { signed: bool, src: Src },
    /// rax, def rdx: sign of rax.
    SignOf(Size),
    /// rax, rdx, divisor, def rax, def rdx. With `zero`, x/0 = 0 and x rem 0 = x; with `minus`, MIN/-1 = MIN, rem 0.
    Div { signed: bool, size: Size, zero: bool, minus: bool },
    /// use, source; sets flags.
    Cmp(Size, Src),
    /// use, source (register or immediate); sets flags.
    Test(Size, Src),
    /// address; sets flags.
    CmpMem(Size, Amode, i32),
    /// def; for a condition of two codes another def, a temporary.
    Set(Cond),
    /// use (kept if the condition is false), use, def=0.
    Cmov(Size, Cond),
    /// The same on vector registers.
    FloatSelect(Cond),
    /// address, use.
    Store(Size, Amode),
    /// address.
    StoreImm(Size, Amode, i32),
    /// def: +0.0.
    FloatZero,
    /// address, def.
    FloatLoad { double: bool, am: Amode },
    /// address, use.
    FloatStore { double: bool, am: Amode },
    /// use, source (register or memory), def=0.
    Sse(SseOp, Src),
    /// source (register or memory), def.
    SseUnary(SseUnary, Src),
    /// use, source (register or memory); sets flags.
    Ucomi(Src),
    /// use, use, def=0.
    MinMax { max: bool },
    /// use (integer), def (float): bits.
    ToXmm(Size),
    /// use (float), def (integer): bits.
    FromXmm(Size),
    /// use, def: signed integer to float.
    IntToFloat(Size),
    /// use (late), def, temporary integer: an unsigned 64-bit integer to float.
    UintToFloat,
    /// use (late), def: saturating. Unsigned ones have a temporary: integer at 32 bits, float at 64.
    FloatToInt { signed: bool, size: Size },
    /// use (late), def value, def truth, temporary integer, temporary float.
    FloatToIntExact { signed: bool, size: Size },
    /// def.
    StackPointer,
    /// target, fixed uses, fixed defs. `results` has bit 0 for rax, 1 for rdx, 2 for xmm0, 3 for xmm1 where it is a result.
    Call { callee: Callee, results: u8 },
    /// To a machine block, with that block's arguments.
    Jmp(u32),
    /// Taken, not taken: machine blocks.
    Jcc { cond: Cond, then: u32, otherwise: u32 },
    /// use, two temporaries: a row of [`Code::switches`].
    Switch(u32),
}

/// A machine instruction with the place of its operands in [`Code::operands`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachInst {
    pub(crate) mach: Mach,
    pub(crate) start: u32,
    pub(crate) count: u16,
    pub(crate) loc: SourceLoc,
}

/// A multi-way branch.
#[derive(Clone, Debug)]
pub(crate) struct SwitchTable {
    pub(crate) size: Size,
    /// Cases in ascending order, unsigned, with their machine blocks.
    pub(crate) cases: Vec<(u64, u32)>,
    pub(crate) default: u32,
}

/// A range of indices into one of the vectors of [`Code`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A machine block: a block of the IR, or a split critical edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachBlock {
    pub(crate) insts: Span,
    pub(crate) succs: Span,
    pub(crate) preds: Span,
    pub(crate) params: Span,
    /// Arguments of the jump at its end.
    pub(crate) args: Span,
    pub(crate) cold: bool,
    pub(crate) origin: Origin,
}

/// What a machine block was made from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// A block of the IR.
    Block(u32),
    /// The n-th target of a block's terminator.
    Edge(u32, u32),
}

/// A function as machine code over virtual registers. All of it is reused from function to function.
#[derive(Default)]
pub(crate) struct Code {
    pub(crate) insts: Vec<MachInst>,
    pub(crate) operands: Vec<Operand>,
    pub(crate) blocks: Vec<MachBlock>,
    pub(crate) succs: Vec<regalloc2::Block>,
    pub(crate) preds: Vec<regalloc2::Block>,
    pub(crate) params: Vec<VReg>,
    pub(crate) args: Vec<VReg>,
    pub(crate) switches: Vec<SwitchTable>,
    pub(crate) vregs: usize,
    /// By root value: asked for in a register.
    pub(crate) used: Vec<bool>,
    /// Bytes for stack arguments of callees.
    pub(crate) outgoing: u32,
    pub(crate) has_calls: bool,
}

impl Code {
    pub(crate) fn clear(&mut self) {
        self.insts.clear();
        self.operands.clear();
        self.blocks.clear();
        self.succs.clear();
        self.preds.clear();
        self.params.clear();
        self.args.clear();
        self.switches.clear();
        self.vregs = 0;
        self.used.clear();
        self.outgoing = 0;
        self.has_calls = false;
    }
}
