//! Mistakes in the bytes that a backend made: register restored from the wrong place, branch to the wrong instruction, spill that never reaches
//! memory. The code is decoded, one instruction is changed in place, and nothing moves. x86-64 only: other code is left as it is.

use iced_x86::{Code as Form, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use lockstep_backend_api::{Arch, Artifact, Code};
use lockstep_ir::Unit;

use super::{Fault, Layer, Plant};

const fn fault(id: &'static str, gate: &'static str, about: &'static str, change: fn(&Unit, &mut Artifact)) -> Fault {
    Fault { id, layer: Layer::CodeGeneration, about, gate, plant: Plant::Artifact(change) }
}

/// The faults of this kind.
pub(super) const FAULTS: &[Fault] = &[
    fault(
        "clobbered-register",
        "kit",
        "two callee-saved registers are restored in the wrong order, so that each comes back as the other",
        clobbered_register,
    ),
    fault(
        "branch-off-by-one",
        "kit",
        "the last conditional branch of a unit reaches one instruction too far",
        branch_off_by_one,
    ),
    fault("lost-spill", "fuzz-ir", "the last value spilt to the stack, and read again, is never written", lost_spill),
    fault(
        "inverted-branch",
        "kit",
        "a branch on signed overflow or sign is taken when it must not be",
        inverted_branch,
    ),
    fault("narrow-immediate", "kit", "an 8-bit immediate of 127 is encoded as 126", narrow_immediate),
];

/// The instructions of an artifact, up to the first byte that is none: constants may lie behind the code.
fn decode(artifact: &Artifact) -> Vec<Instruction> {
    let Code::Native { arch: Arch::X86_64, bytes, .. } = &artifact.code else { return Vec::new() };
    let decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
    decoder.into_iter().take_while(|i| !i.is_invalid()).collect()
}

fn bytes(artifact: &mut Artifact) -> &mut [u8] {
    match &mut artifact.code {
        Code::Native { bytes, .. } => bytes,
        Code::Evaluated => &mut [],
    }
}

/// The bytes of one instruction.
fn bytes_of<'a>(artifact: &'a mut Artifact, inst: &Instruction) -> &'a mut [u8] {
    let at = inst.ip() as usize;
    &mut bytes(artifact)[at..at + inst.len()]
}

fn clobbered_register(_: &Unit, artifact: &mut Artifact) {
    let code = decode(artifact);
    // Two pops of the same length, one after the other: their bytes change places.
    let is_pop = |i: &Instruction| i.mnemonic() == Mnemonic::Pop && i.op0_register() != Register::RBP;
    let pairs: Vec<(usize, usize, usize)> = code
        .windows(2)
        .filter(|w| is_pop(&w[0]) && is_pop(&w[1]) && w[0].len() == w[1].len())
        .map(|w| (w[0].ip() as usize, w[1].ip() as usize, w[0].len()))
        .collect();
    if let Some(&(first, second, len)) = pairs.first() {
        let bytes = bytes(artifact);
        for n in 0..len {
            bytes.swap(first + n, second + n);
        }
    }
}

fn branch_off_by_one(_: &Unit, artifact: &mut Artifact) {
    let code = decode(artifact);
    // 0f 8x and four bytes of distance.
    let branch = code.iter().rev().find(|i| i.op_kind(0) == OpKind::NearBranch64 && i.len() == 6);
    let Some(branch) = branch else { return };
    let Some(target) = code.iter().find(|i| i.ip() == branch.near_branch_target()) else { return };
    let field = &mut bytes_of(artifact, branch)[2..];
    let distance = i32::from_le_bytes([field[0], field[1], field[2], field[3]]) + target.len() as i32;
    field.copy_from_slice(&distance.to_le_bytes());
}

/// The slot of the machine stack that an instruction moves a 64-bit register to or from.
fn spill_slot(inst: &Instruction, memory: u32) -> Option<(Register, u64)> {
    let moves = matches!(inst.code(), Form::Mov_rm64_r64 | Form::Mov_r64_rm64);
    let slot = (inst.memory_base(), inst.memory_displacement64());
    let plain = inst.op_kind(memory) == OpKind::Memory
        && inst.op_kind(1 - memory) == OpKind::Register
        && inst.memory_index() == Register::None
        && matches!(slot.0, Register::RSP | Register::RBP);
    (moves && plain).then_some(slot)
}

fn lost_spill(_: &Unit, artifact: &mut Artifact) {
    let code = decode(artifact);
    let is_read = |slot| code.iter().any(|i| spill_slot(i, 1) == Some(slot));
    let spill = code.iter().rev().find(|i| spill_slot(i, 0).is_some_and(is_read));
    if let Some(spill) = spill {
        bytes_of(artifact, spill).fill(0x90);
    }
}

fn inverted_branch(_: &Unit, artifact: &mut Artifact) {
    let code = decode(artifact);
    let on = |i: &&Instruction| matches!(i.mnemonic(), Mnemonic::Jo | Mnemonic::Jno | Mnemonic::Js | Mnemonic::Jns);
    for branch in code.iter().filter(on) {
        // The lowest bit of the condition negates it.
        let field = bytes_of(artifact, branch);
        let opcode = if field.len() == 6 { &mut field[1] } else { &mut field[0] };
        *opcode ^= 1;
    }
}

fn narrow_immediate(_: &Unit, artifact: &mut Artifact) {
    let code = decode(artifact);
    let has = |i: &&Instruction| {
        (0..i.op_count()).any(|n| {
            matches!(i.op_kind(n), OpKind::Immediate8 | OpKind::Immediate8to32 | OpKind::Immediate8to64)
                && i.immediate(n) == 127
        })
    };
    for inst in code.iter().filter(has) {
        // The immediate is the last byte.
        if let Some(last) = bytes_of(artifact, inst).last_mut().filter(|b| **b == 127) {
            *last = 126;
        }
    }
}
