//! A small random generator, seeded by libFuzzer with every change it asks for.

/// SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u32) -> Self {
        Random(u64::from(seed).wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * limit as u128) >> 64) as usize
    }

    /// One of a list.
    pub fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// A range of at least one of `len` things, short ones more often.
    pub fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.below(len);
        let most = (len - from).min(1 << self.below(5));
        from..from + 1 + self.below(most)
    }
}
