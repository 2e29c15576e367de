//! The values at which operations go wrong, by kind: the grid's rows and the generators' favourites.

use crate::{Kind, Role};

/// A value with a stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its name, unique among the kind's.
    pub name: &'static str,
    /// Its bits as a slot's payload; of an array its length.
    pub bits: u64,
}

const fn edge(name: &'static str, bits: u64) -> Edge {
    Edge { name, bits }
}

const I32: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("minus_one", 0xffff_ffff),
    edge("two", 2),
    edge("minus_seven", 0xffff_fff9),
    edge("min", 0x8000_0000),
    edge("min_plus_one", 0x8000_0001),
    edge("max", 0x7fff_ffff),
    edge("max_minus_one", 0x7fff_fffe),
    edge("width_minus_one", 31),
    edge("width", 32),
    edge("width_plus_one", 33),
    edge("pow16", 0x1_0000),
    edge("pow16_minus_one", 0xffff),
];

const U32: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("two", 2),
    edge("seven", 7),
    edge("max", 0xffff_ffff),
    edge("max_minus_one", 0xffff_fffe),
    edge("width_minus_one", 31),
    edge("width", 32),
    edge("width_plus_one", 33),
    edge("pow31", 0x8000_0000),
    edge("pow31_minus_one", 0x7fff_ffff),
    edge("pow31_plus_one", 0x8000_0001),
    edge("pow16", 0x1_0000),
];

const I64: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("minus_one", u64::MAX),
    edge("two", 2),
    edge("minus_seven", -7i64 as u64),
    edge("min", 1 << 63),
    edge("min_plus_one", (1 << 63) + 1),
    edge("max", (1 << 63) - 1),
    edge("max_minus_one", (1 << 63) - 2),
    edge("width_minus_one", 63),
    edge("width", 64),
    edge("width_plus_one", 65),
    edge("pow31", 1 << 31),
    edge("minus_pow31_minus_one", (-(1i64 << 31) - 1) as u64),
    edge("pow32", 1 << 32),
    edge("pow32_minus_one", (1 << 32) - 1),
    edge("pow53_plus_one", (1 << 53) + 1),
];

const U64: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("two", 2),
    edge("seven", 7),
    edge("max", u64::MAX),
    edge("max_minus_one", u64::MAX - 1),
    edge("width_minus_one", 63),
    edge("width", 64),
    edge("width_plus_one", 65),
    edge("pow31", 1 << 31),
    edge("pow32", 1 << 32),
    edge("pow32_minus_one", (1 << 32) - 1),
    edge("pow53_plus_one", (1 << 53) + 1),
    edge("pow63", 1 << 63),
    edge("pow63_minus_one", (1 << 63) - 1),
    edge("pow63_plus_1025", (1 << 63) + 1025),
];

const F64: &[Edge] = &[
    edge("zero", 0),
    edge("minus_zero", 1 << 63),
    edge("one", 1f64.to_bits()),
    edge("minus_one", (-1f64).to_bits()),
    edge("half", 0.5f64.to_bits()),
    edge("minus_half", (-0.5f64).to_bits()),
    edge("three_halves", 1.5f64.to_bits()),
    edge("five_halves", 2.5f64.to_bits()),
    edge("tenth", 0.1f64.to_bits()),
    edge("below_half", 0.499_999_999_999_999_94f64.to_bits()),
    edge("denormal", 1),
    edge("minus_denormal", 1 << 63 | 1),
    edge("min_normal", f64::MIN_POSITIVE.to_bits()),
    edge("max", f64::MAX.to_bits()),
    edge("minus_max", f64::MIN.to_bits()),
    edge("inf", f64::INFINITY.to_bits()),
    edge("minus_inf", f64::NEG_INFINITY.to_bits()),
    edge("nan", f64::NAN.to_bits()),
    edge("pow31_minus_one", 2_147_483_647f64.to_bits()),
    edge("pow31", 2_147_483_648f64.to_bits()),
    edge("below_pow31", 2_147_483_647.5f64.to_bits()),
    edge("minus_pow31", (-2_147_483_648f64).to_bits()),
    edge("below_minus_pow31", (-2_147_483_648.5f64).to_bits()),
    edge("minus_pow31_minus_one", (-2_147_483_649f64).to_bits()),
    edge("pow32", 4_294_967_296f64.to_bits()),
    edge("below_pow32", 4_294_967_295.5f64.to_bits()),
    edge("pow51_plus_half", 2_251_799_813_685_248.5f64.to_bits()),
    edge("pow53", 9_007_199_254_740_992f64.to_bits()),
    edge("pow63", 9_223_372_036_854_775_808f64.to_bits()),
    edge("below_pow63", 9_223_372_036_854_774_784f64.to_bits()),
    edge("minus_pow63", (-9_223_372_036_854_775_808f64).to_bits()),
    edge("below_minus_pow63", (-9_223_372_036_854_777_856f64).to_bits()),
    edge("pow64", 18_446_744_073_709_551_616f64.to_bits()),
    edge("below_pow64", 18_446_744_073_709_549_568f64.to_bits()),
];

const BOOL: &[Edge] = &[edge("false", 0), edge("true", 1)];

const ARRAY: &[Edge] = &[edge("empty", 0), edge("one", 1), edge("many", 5)];

/// Lengths and indices: small ones, and ones that no array has. Anything between might really be allocated.
const LENGTH: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("last", 4),
    edge("many", 5),
    edge("minus_one", u64::MAX),
    edge("min", 1 << 63),
    edge("max", (1 << 63) - 1),
    edge("pow61", 1 << 61),
    edge("pow60_plus_one", (1 << 60) + 1),
];

const IMM32: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("minus_one", u64::MAX),
    edge("seven", 7),
    edge("min", i32::MIN as i64 as u64),
    edge("max", i32::MAX as u64),
];

const IMM_U32: &[Edge] =
    &[edge("zero", 0), edge("one", 1), edge("seven", 7), edge("pow31", 1 << 31), edge("max", u32::MAX as u64)];

const IMM16: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("minus_one", u64::MAX),
    edge("seven", 7),
    edge("min", i16::MIN as i64 as u64),
    edge("max", i16::MAX as u64),
];

const IMM_U16: &[Edge] = &[edge("zero", 0), edge("one", 1), edge("max", u16::MAX as u64)];

const IMM8: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("minus_one", u64::MAX),
    edge("min", i8::MIN as i64 as u64),
    edge("max", i8::MAX as u64),
];

const IMM_U8: &[Edge] = &[
    edge("zero", 0),
    edge("one", 1),
    edge("width32_minus_one", 31),
    edge("width32", 32),
    edge("width32_plus_one", 33),
    edge("width64_minus_one", 63),
    edge("width64", 64),
    edge("width64_plus_one", 65),
    edge("max", 255),
];

/// The edge values of a kind; of an array kind lengths.
pub fn edges(kind: Kind) -> &'static [Edge] {
    match kind {
        Kind::I32 => I32,
        Kind::U32 => U32,
        Kind::I64 => I64,
        Kind::U64 => U64,
        Kind::F64 => F64,
        Kind::Bool => BOOL,
        kind if kind.element().is_some() => ARRAY,
        _ => &[],
    }
}

/// The edge values of lengths and indices.
pub fn length_edges() -> &'static [Edge] {
    LENGTH
}

/// The edge values of an immediate role, as sign-extended bits.
pub fn immediate_edges(role: Role) -> &'static [Edge] {
    match role {
        Role::Imm32 => IMM32,
        Role::ImmU32 => IMM_U32,
        Role::Imm16 => IMM16,
        Role::ImmU16 => IMM_U16,
        Role::Imm8 => IMM8,
        Role::ImmU8 => IMM_U8,
        Role::Flag => BOOL,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn edges_are_normal_unique_and_in_range() {
        for kind in Kind::FIXED {
            let names: HashSet<_> = edges(kind).iter().map(|edge| edge.name).collect();
            let values: HashSet<_> = edges(kind).iter().map(|edge| edge.bits).collect();
            assert!(names.len() == edges(kind).len() && values.len() == names.len(), "{kind}");
            assert!(edges(kind).iter().all(|edge| kind.normalise(edge.bits) == edge.bits), "{kind}");
        }
        for role in [Role::Imm32, Role::ImmU32, Role::Imm16, Role::ImmU16, Role::Imm8, Role::ImmU8, Role::Flag] {
            let (least, greatest) = role.immediate_range().expect("immediate");
            for edge in immediate_edges(role) {
                assert!((least..=greatest).contains(&(edge.bits as i64)), "{role:?} {}", edge.name);
            }
        }
    }
}
