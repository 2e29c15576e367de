//! Loads and stores: every offset that encodings treat differently, every alignment, base plus scaled index, neighbours
//! that must not change.

use lockstep_ir::{Builder, Imm, InstData, Op, OpInstance, Region, Stage, Type, Unit, Value};

use super::table::{Form, SENTINEL, Table, input};
use crate::case::{Compare, Run};

/// Offsets around the limits of encodings.
const OFFSETS: [i32; 16] = [0, 1, 7, 8, -1, -8, 127, 128, -128, -129, 255, 256, 32767, -32769, i32::MAX - 7, i32::MIN];

/// How the base of an access is made.
#[derive(Clone, Copy)]
enum Base {
    /// A register plus a constant.
    Constant,
    /// A register plus a loaded displacement.
    Loaded,
    /// A register plus a loaded index times 1, 2, 4, 8.
    Scaled(u32),
}

const BASES: [Base; 6] =
    [Base::Constant, Base::Loaded, Base::Scaled(0), Base::Scaled(1), Base::Scaled(2), Base::Scaled(3)];

/// An access: where it goes within its words, how its address is made.
struct Access {
    /// Bytes from the start of its two words.
    shift: i32,
    offset: i32,
    base: Base,
}

/// Accesses of a type, aligned only or at every alignment.
fn accesses(ty: Type, aligned: bool) -> Vec<Access> {
    let mut out = Vec::new();
    for (n, offset) in OFFSETS.into_iter().enumerate() {
        for (k, base) in BASES.into_iter().enumerate() {
            let shift = if aligned { (n + k) as i32 % 2 * 8 } else { (n * 3 + k) as i32 % 9 };
            debug_assert!(shift + ty.bytes() as i32 <= 16);
            out.push(Access { shift, offset, base });
        }
    }
    out
}

/// Words of a tuple before the data: 0, and 24 for indices.
const HEAD: usize = 2;

/// The address of `at + shift`, less the offset that the access adds.
fn address(b: &mut Builder<'_>, access: &Access, from: Value, at: Value) -> Value {
    let delta = i64::from(access.shift) - i64::from(access.offset);
    match access.base {
        Base::Constant => {
            let delta = b.iconst(Type::I64, delta);
            b.one(Op::Iadd, Type::I64, &[at, delta])
        }
        Base::Loaded => {
            let (zero, delta) = (input(b, Type::I64, from, 0), b.iconst(Type::I64, delta));
            let delta = b.one(Op::Iadd, Type::I64, &[zero, delta]);
            b.one(Op::Iadd, Type::I64, &[delta, at])
        }
        Base::Scaled(scale) => {
            let index = input(b, Type::I64, from, 1);
            let amount = b.iconst(Type::I64, i64::from(scale));
            let scaled = b.one(Op::Shl, Type::I64, &[index, amount]);
            let delta = b.iconst(Type::I64, delta - (INDEX << scale));
            let base = b.one(Op::Iadd, Type::I64, &[at, delta]);
            b.one(Op::Iadd, Type::I64, &[base, scaled])
        }
    }
}

const INDEX: i64 = 24;

fn pattern(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 0x8080
}

/// The bytes of two words from `shift` on, as a value of the type.
fn extract(words: [u64; 2], shift: i32, ty: Type) -> u64 {
    let both = u128::from(words[0]) | u128::from(words[1]) << 64;
    (both >> (8 * shift)) as u64 & ty.mask()
}

/// A case for `load` or `atomic_load` at a type.
pub fn loads(inst: &OpInstance) -> (Unit, Vec<Run>) {
    let ty = inst.ty;
    let accesses = accesses(ty, inst.op == Op::AtomicLoad);
    let mut unit = Unit::new(inst.to_string(), Stage::Machine);
    let mut table = Table::default();
    for n in 0..8 {
        let data = [pattern(2 * n), pattern(2 * n + 1)];
        table.tuple([0, INDEX as u64, data[0], data[1]]);
        for (k, access) in accesses.iter().enumerate() {
            let bits = extract(data, access.shift, ty);
            let args = [access.shift as u64, access.offset as u64];
            table.expect(Form::turn(ty, k).word(ty, bits), Compare::Bits, &args, "load at (shift, offset)");
        }
    }
    let run = table.into_run(&mut unit, "loads", |b, from, out| {
        let head = b.iconst(Type::I64, 8 * HEAD as i64);
        let at = b.one(Op::Iadd, Type::I64, &[from, head]);
        for (k, access) in accesses.iter().enumerate() {
            let base = address(b, access, from, at);
            let imm = Imm::Mem { region: Region::ANY, offset: access.offset };
            let value = b.push(InstData { imm, ..InstData::new(inst.op, ty, &[base]) }, &[ty])[0];
            Form::turn(ty, k).write(b, value, out, k);
        }
    });
    (unit, vec![run])
}

/// A case for `store` at a type. Each store has two words of its own.
pub fn stores(inst: &OpInstance) -> (Unit, Vec<Run>) {
    let ty = inst.ty;
    let accesses = accesses(ty, false);
    let mut unit = Unit::new(inst.to_string(), Stage::Machine);
    let mut runs = Vec::new();
    // A loaded value, and constants that are stored as immediates where they fit.
    let constants: [Option<u64>; 5] = [None, Some(0), Some(u64::MAX), Some(0x7fff_ffff), Some(0x8000_0000_1234_5678)];
    for (number, constant) in constants.into_iter().enumerate() {
        let mut table = Table::default();
        for n in 0..8 {
            let value = constant.unwrap_or(pattern(n)) & ty.mask();
            table.tuple([0, INDEX as u64, pattern(n)]);
            for access in &accesses {
                let mask = u128::from(ty.mask()) << (8 * access.shift);
                let sentinel = u128::from(SENTINEL) | u128::from(SENTINEL) << 64;
                let both = sentinel & !mask | u128::from(value) << (8 * access.shift);
                let args = [access.shift as u64, access.offset as u64];
                table.expect(both as u64, Compare::Bits, &args, "first word of a store at (shift, offset)");
                table.expect((both >> 64) as u64, Compare::Bits, &args, "second word of a store at (shift, offset)");
            }
        }
        let run = table.into_run(&mut unit, &format!("stores{number}"), |b, from, out| {
            let value = match constant {
                None => input(b, ty, from, HEAD),
                Some(bits) => super::edge::constant_value(b, ty, bits & ty.mask()),
            };
            for (k, access) in accesses.iter().enumerate() {
                let step = b.iconst(Type::I64, 16 * k as i64);
                let at = b.one(Op::Iadd, Type::I64, &[out, step]);
                let base = address(b, access, from, at);
                b.store(Region::ANY, value, base, access.offset);
            }
        });
        runs.push(run);
    }
    (unit, runs)
}
