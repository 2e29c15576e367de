//! Edge values: those at which operations change their behaviour, and their neighbours.

use lockstep_ir::Type;

/// All edge values of a type, distinct, in a fixed order.
pub fn edges(ty: Type) -> Vec<u64> {
    let mut values = match ty {
        Type::F64 => doubles(),
        Type::F32 => singles(),
        _ => integers(ty),
    };
    let mut seen = std::collections::HashSet::new();
    values.retain(|v| seen.insert(*v));
    values
}

/// The few edge values of a type that matter most, for products that would be too large.
pub fn few(ty: Type) -> Vec<u64> {
    let bits = ty.bits();
    match ty {
        Type::F64 => {
            [0.0, -0.0, 1.0, -1.5, 2147483648.0, 9007199254740993.0, -9223372036854775808.0, f64::MAX, f64::INFINITY]
                .map(f64::to_bits)
                .into_iter()
                .chain([1, 0x7ff8_0000_0000_0000, 0xfff0_0000_0000_0001])
                .collect()
        }
        Type::F32 => vec![0, 0x8000_0000, 0x3f80_0000, 0x7f7f_ffff, 1, 0x7f80_0000, 0x7fc0_0000, 0xff80_0001],
        _ => [
            0,
            1,
            2,
            7,
            u64::from(bits) - 1,
            u64::from(bits),
            10,
            u64::MAX,
            1 << (bits - 1),
            (1 << (bits - 1)) - 1,
            0x5a5a_a5a5_c3c3_3c3c,
            3,
        ]
        .map(|v| v & ty.mask())
        .to_vec(),
    }
}

fn integers(ty: Type) -> Vec<u64> {
    let bits = u64::from(ty.bits());
    let mut out: Vec<u64> = vec![0, 1, 2, 3, 5, 10, 100];
    // Shift amounts around the width and its multiples.
    out.extend([bits - 1, bits, bits + 1, 2 * bits - 1, 2 * bits, 2 * bits + 1]);
    for power in [7, 8, 15, 16, 31, 32, 53, 63].into_iter().filter(|&p| p < bits) {
        let at = 1u64 << power;
        out.extend([
            at - 1,
            at,
            at + 1,
            at.wrapping_neg(),
            at.wrapping_neg().wrapping_add(1),
            at.wrapping_neg().wrapping_sub(1),
        ]);
    }
    // Halfway between two floats, and a bit on either side.
    out.extend([0x8000_0000_0000_0400, 0x8000_0000_0000_0401, 0x8000_0000_0000_0bff, 0x0040_0000_0000_0002]);
    out.extend([
        0x5555_5555_5555_5555,
        0xaaaa_aaaa_aaaa_aaaa,
        0x0123_4567_89ab_cdef,
        0xfedc_ba98_7654_3210,
        0x8040_2010_0804_0201,
    ]);
    let negated: Vec<u64> = out.iter().take(13).map(|v| v.wrapping_neg()).collect();
    out.extend(negated);
    out.push(u64::MAX);
    out.iter().map(|v| v & ty.mask()).collect()
}

fn doubles() -> Vec<u64> {
    let mut positive: Vec<f64> = vec![0.0, 1.0, 0.5, 1.5, 2.5, 3.5, 0.1, 3.0, 10.0, 0.49999999999999994, 1e300, 1e-300];
    positive.extend([f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::EPSILON, std::f64::consts::PI]);
    // Subnormals: the least, the greatest, one between.
    positive.extend([1, 0x000f_ffff_ffff_ffff, 0x0000_0000_dead_beef].map(f64::from_bits));
    // Where conversions to integers, or exactness, end.
    for power in [7, 15, 24, 31, 32, 52, 53, 63, 64] {
        let at = 2f64.powi(power);
        positive.extend([at, at.next_down(), at.next_up(), at - 1.0, at - 0.5, at + 0.5]);
    }
    // Where conversion to f32 overflows, becomes subnormal, becomes zero; each with its ties.
    let single = |bits: u32| f64::from(f32::from_bits(bits));
    let overflow = f64::from_bits(0x47ef_ffff_f000_0000);
    let vanish = 2f64.powi(-150);
    positive.extend([
        single(0x7f7f_ffff),
        overflow,
        overflow.next_down(),
        single(0x0080_0000),
        single(0x007f_ffff),
        single(1),
    ]);
    positive.extend([vanish, vanish.next_up(), 16777217.0, 16777219.0]);
    let mut out: Vec<u64> = positive.iter().flat_map(|x| [x.to_bits(), (-x).to_bits()]).collect();
    // Quiet and signalling NaNs of both signs, with payloads.
    out.extend([0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0000, 0x7ff8_dead_beef_0001, 0x7fff_ffff_ffff_ffff]);
    out.extend([0x7ff0_0000_0000_0001, 0xfff0_0000_0000_0001, 0x7ff4_0000_0000_0000, 0xfff7_ffff_ffff_ffff]);
    out
}

fn singles() -> Vec<u64> {
    let positive = [
        0u32,
        1,
        2,
        0x007f_ffff,
        0x0080_0000,
        0x0080_0001,
        0x3f80_0000,
        0x3f80_0001,
        0x3f7f_ffff,
        0x3fc0_0000,
        0x4b80_0000,
        0x4f00_0000,
        0x5f00_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7fc0_0000,
        0x7f80_0001,
        0x7fff_ffff,
        0x7fc0_1234,
    ];
    positive.iter().flat_map(|&bits| [u64::from(bits), u64::from(bits | 1 << 31)]).collect()
}

/// The product of lists, first list slowest; if it would be larger than `limit`, that many of its tuples, spread evenly
/// but irregularly, so that every value of every list still meets many others.
pub fn product(lists: &[Vec<u64>], limit: usize) -> Vec<Vec<u64>> {
    let total: usize = lists.iter().map(Vec::len).product();
    let tuple = |mut n: usize| {
        let mut values: Vec<u64> = lists
            .iter()
            .rev()
            .map(|list| {
                let value = list[n % list.len()];
                n /= list.len();
                value
            })
            .collect();
        values.reverse();
        values
    };
    if total <= limit {
        return (0..total).map(tuple).collect();
    }
    // The golden ratio's multiples fill the range evenly without following the lists' lengths.
    let step = (total as f64 * 0.618_033_988_749_895) as usize | 1;
    let step = (step..).find(|s| gcd(*s, total) == 1).expect("some step is coprime");
    (0..limit).map(|n| tuple((n as u128 * step as u128 % total as u128) as usize)).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_fit_their_types_and_hold_the_limits() {
        for ty in Type::ALL {
            for list in [edges(ty), few(ty)] {
                assert!(list.len() > 6 && list.iter().all(|v| v & !ty.mask() == 0), "{ty}");
            }
        }
        for limit in [i64::MIN as u64, i64::MAX as u64, u64::MAX, 64, 63, 65] {
            assert!(edges(Type::I64).contains(&limit));
        }
        assert!(edges(Type::F64).contains(&9223372036854774784f64.to_bits()));
    }

    #[test]
    fn products_are_whole_or_spread() {
        let lists = [vec![1, 2, 3], vec![10, 20]];
        assert_eq!(product(&lists, 6).len(), 6);
        assert_eq!(product(&lists, 6)[1], [1, 20]);
        let spread = product(&[(0..100).collect(), (0..100).collect()], 500);
        let firsts: std::collections::HashSet<u64> = spread.iter().map(|t| t[0]).collect();
        assert_eq!((spread.len(), firsts.len()), (500, 100));
    }
}
