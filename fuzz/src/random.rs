//! Random choices, seeded by libFuzzer with every change it asks for.

/// A stream of random choices.
pub struct Random(fastrand::Rng);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u32) -> Self {
        Random(fastrand::Rng::with_seed(seed.into()))
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.usize(..limit)
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
