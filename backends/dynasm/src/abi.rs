//! The System V calling convention for x86-64: where arguments and results are, which registers a call keeps.

use lockstep_ir::Type;
use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};

pub(crate) const RAX: u8 = 0;
pub(crate) const RCX: u8 = 1;
pub(crate) const RDX: u8 = 2;

/// Integer argument registers, in order: rdi, rsi, rdx, rcx, r8, r9.
const INT_ARGS: [u8; 6] = [7, 6, 2, 1, 8, 9];
/// How many float arguments are in registers: xmm0 to xmm7.
const FLOAT_ARGS: u8 = 8;
/// rax, rcx, rdx, rsi, rdi, r8 to r11.
const CALLER_SAVED: [u8; 9] = [0, 1, 2, 6, 7, 8, 9, 10, 11];
/// rbx, rbp, r12 to r15: what a function gives back as it found it.
pub(crate) const CALLEE_SAVED: [u8; 6] = [3, 5, 12, 13, 14, 15];

pub(crate) const fn int(hw: u8) -> PReg {
    PReg::new(hw as usize, RegClass::Int)
}

pub(crate) const fn float(hw: u8) -> PReg {
    PReg::new(hw as usize, RegClass::Float)
}

pub(crate) fn class(ty: Type) -> RegClass {
    if ty.is_int() { RegClass::Int } else { RegClass::Float }
}

/// Where an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Reg(PReg),
    /// Bytes from the start of the stack arguments.
    Stack(i32),
}

/// Hands out the places of arguments, in order.
#[derive(Default)]
pub(crate) struct ArgPlaces {
    ints: usize,
    floats: u8,
    stack: i32,
}

impl ArgPlaces {
    pub(crate) fn next(&mut self, ty: Type) -> Place {
        if ty.is_int() {
            if let Some(&hw) = INT_ARGS.get(self.ints) {
                self.ints += 1;
                return Place::Reg(int(hw));
            }
        } else if self.floats < FLOAT_ARGS {
            self.floats += 1;
            return Place::Reg(float(self.floats - 1));
        }
        self.stack += 8;
        Place::Stack(self.stack - 8)
    }

    /// Bytes of stack arguments handed out.
    pub(crate) fn stack_bytes(&self) -> u32 {
        self.stack as u32
    }
}

/// Registers of results: integers in rax, rdx; floats in xmm0, xmm1; and the bit that [`crate::mach::Mach::Call`] knows each by.
pub(crate) fn result_places(types: &[Type]) -> impl Iterator<Item = (PReg, u8)> + '_ {
    let (mut ints, mut floats) = (0u8, 0u8);
    types.iter().map(move |ty| {
        if ty.is_int() {
            ints += 1;
            if ints == 1 { (int(RAX), 1) } else { (int(RDX), 2) }
        } else {
            floats += 1;
            (float(floats - 1), 2 << floats)
        }
    })
}

/// What a call destroys, the results in `mask` apart.
pub(crate) fn clobbers(mask: u8) -> PRegSet {
    let mut set = CALLER_SAVED_SET;
    for (bit, reg) in [(1, int(RAX)), (2, int(RDX)), (4, float(0)), (8, float(1))] {
        if mask & bit != 0 {
            set.remove(reg);
        }
    }
    set
}

const CALLER_SAVED_SET: PRegSet = {
    let mut set = PRegSet::empty();
    let mut n = 0;
    while n < CALLER_SAVED.len() {
        set.add(int(CALLER_SAVED[n]));
        n += 1;
    }
    let mut n = 0;
    while n < 16 {
        set.add(float(n));
        n += 1;
    }
    set
};

/// Registers the allocator may use: all but rsp. Those a function need not save come first.
pub(crate) fn machine_env() -> MachineEnv {
    let set = |regs: &mut dyn Iterator<Item = PReg>| regs.collect::<PRegSet>();
    MachineEnv {
        preferred_regs_by_class: [
            set(&mut CALLER_SAVED.into_iter().map(int)),
            set(&mut (0..16).map(float)),
            PRegSet::empty(),
        ],
        non_preferred_regs_by_class: [set(&mut CALLEE_SAVED.into_iter().map(int)), PRegSet::empty(), PRegSet::empty()],
        scratch_by_class: [None; 3],
        fixed_stack_slots: Vec::new(),
    }
}
