//! The encoder: bytes of x86-64 instructions, labels, and the jumps to them. It knows nothing of the IR.
//!
//! Every displacement is 32 bits and every instruction has a REX prefix: nothing here is short, and little can be wrong.

/// A general-purpose register by its number in encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg(pub u8);

pub const RAX: Reg = Reg(0);
pub const RCX: Reg = Reg(1);
pub const RDX: Reg = Reg(2);
pub const RSP: Reg = Reg(4);
pub const RBP: Reg = Reg(5);
pub const RSI: Reg = Reg(6);
pub const RDI: Reg = Reg(7);
pub const R8: Reg = Reg(8);
pub const R9: Reg = Reg(9);
pub const R11: Reg = Reg(11);

/// The second operand of most instructions.
#[derive(Clone, Copy, Debug)]
pub enum Rm {
    /// A register.
    Reg(Reg),
    /// Memory at a register plus a displacement.
    Mem(Reg, i32),
}

/// A condition, by its number in encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    Overflow = 0,
    Below = 2,
    AboveEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowEqual = 6,
    Above = 7,
    Less = 12,
    GreaterEqual = 13,
    LessEqual = 14,
    Greater = 15,
}

/// A place in the code, known or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Code under construction.
#[derive(Default)]
pub struct Asm {
    bytes: Vec<u8>,
    labels: Vec<Option<usize>>,
    /// Where a 32-bit distance to a label is to be filled in.
    jumps: Vec<(usize, Label)>,
}

impl Asm {
    /// A label without a place.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Gives a label its place: here.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.bytes.len());
    }

    /// The offset of a label that was bound.
    pub fn offset(&self, label: Label) -> u32 {
        self.labels[label.0].expect("the label was bound") as u32
    }

    /// The bytes, with all distances filled in. Every label that is jumped to must be bound.
    pub fn finish(mut self) -> Vec<u8> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let distance = i64::from(self.offset(label)) - (at as i64 + 4);
            self.bytes[at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
        }
        self.bytes
    }

    /// An instruction: legacy prefixes, REX (`wide` is its W: 64-bit operands), opcode, and ModRM with what follows it.
    pub fn inst(&mut self, prefixes: &[u8], wide: bool, opcode: &[u8], reg: u8, rm: Rm) {
        let (Rm::Reg(base) | Rm::Mem(base, _)) = rm;
        self.bytes.extend(prefixes);
        self.bytes.push(0x40 | u8::from(wide) << 3 | (reg >> 3) << 2 | base.0 >> 3);
        self.bytes.extend(opcode);
        match rm {
            Rm::Reg(r) => self.bytes.push(0xc0 | (reg & 7) << 3 | r.0 & 7),
            Rm::Mem(base, displacement) => {
                self.bytes.push(0x80 | (reg & 7) << 3 | base.0 & 7);
                if base.0 & 7 == RSP.0 {
                    self.bytes.push(0x24);
                }
                self.bytes.extend(displacement.to_le_bytes());
            }
        }
    }

    /// An instruction at an operand width of 8, 16, 32 or 64 bits whose opcode for bytes is one below that for the others.
    pub fn sized(&mut self, bits: u32, opcode: u8, reg: u8, rm: Rm) {
        let prefixes: &[u8] = if bits == 16 { &[0x66] } else { &[] };
        self.inst(prefixes, bits == 64, &[if bits == 8 { opcode - 1 } else { opcode }], reg, rm);
    }

    /// An instruction on 64 bits.
    pub fn wide(&mut self, opcode: &[u8], reg: Reg, rm: Rm) {
        self.inst(&[], true, opcode, reg.0, rm);
    }

    /// A byte after an instruction: its immediate.
    pub fn byte(&mut self, immediate: u8) {
        self.bytes.push(immediate);
    }

    /// `reg = constant`.
    pub fn constant(&mut self, reg: Reg, bits: u64) {
        self.bytes.extend([0x48 | reg.0 >> 3, 0xb8 | reg.0 & 7]);
        self.bytes.extend(bits.to_le_bytes());
    }

    /// `to = from`.
    pub fn copy(&mut self, to: Reg, from: Reg) {
        self.wide(&[0x8b], to, Rm::Reg(from));
    }

    /// `rsp += bytes`.
    pub fn move_stack(&mut self, bytes: i32) {
        self.inst(&[], true, &[0x81], 0, Rm::Reg(RSP));
        self.bytes.extend(bytes.to_le_bytes());
    }

    /// Sets the flags by `reg & reg`.
    pub fn test(&mut self, reg: Reg) {
        self.wide(&[0x85], reg, Rm::Reg(reg));
    }

    /// `reg = condition`, as 0 or 1.
    pub fn set(&mut self, cond: Cond, reg: Reg) {
        self.inst(&[], false, &[0x0f, 0x90 | cond as u8], 0, Rm::Reg(reg));
        self.inst(&[], false, &[0x0f, 0xb6], reg.0, Rm::Reg(reg));
    }

    /// `to = from` if the condition holds.
    pub fn copy_if(&mut self, cond: Cond, to: Reg, from: Reg) {
        self.wide(&[0x0f, 0x40 | cond as u8], to, Rm::Reg(from));
    }

    /// Jumps, always.
    pub fn jump(&mut self, to: Label) {
        self.distance(&[0xe9], to);
    }

    /// Jumps if the condition holds.
    pub fn jump_if(&mut self, cond: Cond, to: Label) {
        self.distance(&[0x0f, 0x80 | cond as u8], to);
    }

    /// Calls a function of the same code.
    pub fn call(&mut self, to: Label) {
        self.distance(&[0xe8], to);
    }

    /// Gives the caller's frame back and returns.
    pub fn leave_and_return(&mut self) {
        self.bytes.extend([0xc9, 0xc3]);
    }

    fn distance(&mut self, opcode: &[u8], to: Label) {
        self.bytes.extend(opcode);
        self.jumps.push((self.bytes.len(), to));
        self.bytes.extend([0; 4]);
    }
}
