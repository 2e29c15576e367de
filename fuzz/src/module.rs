//! Encoded modules: decoded, changed instruction by instruction, encoded again; or changed byte by byte under a checksum that fits. Run function by function.

use std::sync::Arc;

use lockstep_bytecode::generate::{Choices, generate, generate_dynamic};
use lockstep_bytecode::{
    FuncId, Function, Instr, Kind, Module, Op, Pc, Reg, Value as Operand, Verified, decode, encode,
};
use lockstep_runtime::{Limits, Value};

use crate::random::Random;
use crate::stats::Fate;

/// What a run of a function may use.
const LIMITS: Limits = Limits { depth: 100, memory: 16 << 20, budget: Some(1_000) };

/// Functions of a module that are run.
const MOST_RUN: usize = 6;

/// A value of a kind, if it is a scalar.
fn scalar(kind: Kind, number: i64) -> Option<Value> {
    Some(match kind {
        Kind::Nil | Kind::Any => Value::Nil,
        Kind::Bool => Value::Bool(number & 1 == 1),
        Kind::I64 => Value::I64(number),
        Kind::F64 => Value::F64(number as f64 * 1.5),
        Kind::I32 => Value::I32(number as i32),
        Kind::U32 => Value::U32(number as u32),
        Kind::U64 => Value::U64(number as u64),
        _ => return None,
    })
}

/// Decodes a module and runs its functions, the last first.
pub fn run(bytes: &[u8]) -> Fate {
    let Ok(module) = decode(bytes) else { return Fate::Refused };
    let module = Arc::new(module);
    let mut fate = Fate::Ended;
    for index in (0..module.functions.len()).rev().take(MOST_RUN) {
        let func = FuncId(index as u32);
        if !module.function(func).upvalues.is_empty() {
            continue;
        }
        let args: Option<Vec<Value>> =
            module.function(func).params().map(|kind| scalar(kind, 3 + index as i64)).collect();
        let Some(args) = args else { continue };
        let mut vm = lockstep_interp::new_vm(module.clone(), LIMITS);
        if lockstep_interp::run(&mut vm, func, &args).is_err() {
            fate = Fate::Stopped;
        }
    }
    fate
}

/// Changes a module, if the bytes are one; if not, or now and then, makes a new one.
pub fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let module = match decode(bytes) {
        Ok(module) if random.below(64) != 0 => module,
        _ => generated(random),
    };
    let before = module.into_inner();
    // Most single changes are refused: a few are tried, and the last is taken as it is.
    for _ in 0..12 {
        let mut module = before.clone();
        for _ in 0..1 + random.below(3) {
            change(&mut module, random);
        }
        if let Ok(module) = Verified::new(module) {
            return encode(&module);
        }
    }
    let mut module = before;
    change(&mut module, random);
    encode(&module)
}

/// A random program.
fn generated(random: &mut Random) -> Verified {
    let mut choices = Choices::seeded(random.below(usize::MAX) as u64);
    if random.below(2) == 0 { generate(&mut choices).module } else { generate_dynamic(&mut choices).module }
}

fn change(module: &mut Module, random: &mut Random) {
    let count = module.functions.len();
    if count == 0 {
        return;
    }
    let at = random.below(count);
    let other = random.below(count);
    let foreign: Vec<Instr> = module.functions[other].code.clone();
    let function = &mut module.functions[at];
    if function.code.is_empty() {
        return;
    }
    let pc = random.below(function.code.len());
    match random.below(10) {
        // Operands of an instruction.
        0..=4 => function.code[pc] = with_other_operand(function, pc, count, random),
        // An instruction takes another's place, of this function or of another.
        5 => function.code[pc] = *random.pick(&foreign),
        6 => {
            let other = random.below(function.code.len());
            function.code.swap(pc, other);
        }
        // A constant.
        7 if !function.pool.is_empty() => {
            let constant = random.below(function.pool.len());
            function.pool[constant] = edge(random);
        }
        8 if !function.strings.is_empty() => {
            let string = random.below(function.strings.len());
            function.strings[string] = b"__index\0\xff".iter().copied().cycle().take(random.below(50)).collect();
        }
        _ => {
            // Another operation with the same operands.
            let operands: Vec<Operand> = function.code[pc].operands().iter().copied().collect();
            for _ in 0..40 {
                if let Some(instr) = Instr::build(*random.pick(Op::ALL), &operands) {
                    function.code[pc] = instr;
                    break;
                }
            }
        }
    }
}

fn edge(random: &mut Random) -> u64 {
    *random.pick(&[
        0,
        1,
        2,
        3,
        u64::MAX,
        i64::MAX as u64,
        1 << 63,
        0x3ff8_0000_0000_0000,
        0x7ff8_0000_0000_0000,
        0x43e0_0000_0000_0000,
        64,
        255,
    ])
}

fn with_other_operand(function: &Function, pc: usize, functions: usize, random: &mut Random) -> Instr {
    let instr = function.code[pc];
    let mut operands: Vec<Operand> = instr.operands().iter().copied().collect();
    if operands.is_empty() {
        return instr;
    }
    let at = random.below(operands.len());
    operands[at] = match operands[at] {
        Operand::Reg(reg) => {
            // A register of the same kind.
            let kind = function.registers.get(reg.index()).map(|register| register.kind);
            let same: Vec<usize> =
                (0..function.registers.len()).filter(|&other| Some(function.registers[other].kind) == kind).collect();
            if same.is_empty() { Operand::Reg(reg) } else { Operand::Reg(Reg(*random.pick(&same) as u8)) }
        }
        Operand::Imm(value) => Operand::Imm(match random.below(4) {
            0 => value.wrapping_add(1),
            1 => value.wrapping_neg(),
            2 => *random.pick(&[0, 1, -1, 2, 255, 32767, -32768, i64::from(i32::MAX), i64::from(i32::MIN)]),
            _ => value.wrapping_sub(1),
        }),
        Operand::Label(_) => Operand::Label(Pc(random.below(function.code.len()) as u32)),
        Operand::Func(_) => Operand::Func(FuncId(random.below(functions) as u32)),
        same => same,
    };
    Instr::build(instr.op(), &operands).unwrap_or(instr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changed_modules_are_modules() {
        let mut random = Random::new(1);
        let mut bytes = encode(&generate_dynamic(&mut Choices::seeded(1)).module);
        let mut accepted = 0;
        for _ in 0..300 {
            let changed = mutate(&bytes, &mut random);
            if run(&changed) != Fate::Refused {
                accepted += 1;
                bytes = changed;
            }
        }
        assert!(accepted > 100, "{accepted} of 300");
    }
}
