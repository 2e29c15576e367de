//! Where a generator's decisions come from: a seed, or a list that can be cut and made simpler.

/// A source of decisions. Each is recorded, so that what a seed made can be made again from the list, or from a smaller one.
#[derive(Clone, Debug)]
pub struct Choices {
    list: Vec<u32>,
    at: usize,
    /// State of the generator that continues the list; without one the list is followed by zeros.
    state: Option<u64>,
}

impl Choices {
    /// Decisions from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { list: Vec::new(), at: 0, state: Some(seed) }
    }

    /// Decisions from a list, then zeros: generators take 0 for the simplest alternative.
    pub fn replay(list: &[u32]) -> Self {
        Self { list: list.to_vec(), at: 0, state: None }
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if self.at == self.list.len() {
            let Some(state) = &mut self.state else { return 0 };
            // SplitMix64.
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            self.list.push(((z ^ z >> 31) >> 16) as u32 % bound);
        }
        self.at += 1;
        self.list[self.at - 1] % bound
    }

    /// True once in `n` times on average; 0 says no.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == n - 1
    }

    /// An element of a list that is not empty; 0 says the first.
    pub fn of<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len() as u32) as usize]
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        u64::from(self.below(u32::MAX)) << 32 | u64::from(self.below(u32::MAX))
    }

    /// The decisions taken so far.
    pub fn taken(&self) -> &[u32] {
        &self.list[..self.at]
    }
}

/// The simplest list like `list` for which `fails` still holds, as far as `attempts` trials lead: pieces are cut out, long
/// ones first, then numbers are made smaller.
pub fn shrink(list: &[u32], attempts: usize, mut fails: impl FnMut(&[u32]) -> bool) -> Vec<u32> {
    let mut best = list.to_vec();
    let mut left = attempts;
    let mut improved = true;
    while improved && left > 0 {
        improved = false;
        let mut size = best.len().next_power_of_two() / 2;
        while size > 0 {
            // From the back: what comes later depends on less.
            let mut end = best.len();
            while end > 0 && left > 0 {
                let start = end.saturating_sub(size);
                let mut shorter = best[..start].to_vec();
                shorter.extend(&best[end.min(best.len())..]);
                left -= 1;
                if fails(&shorter) {
                    best = shorter;
                    improved = true;
                }
                end = start.min(best.len());
            }
            // Short pieces of every length: a function or a statement is cut out whole or not at all.
            size = if size > 12 { size / 2 } else { size - 1 };
        }
        for i in 0..best.len() {
            for smaller in [0, best[i] / 2, best[i].saturating_sub(1)] {
                if smaller < best[i] && left > 0 {
                    let kept = std::mem::replace(&mut best[i], smaller);
                    left -= 1;
                    if fails(&best) {
                        improved = true;
                        break;
                    }
                    best[i] = kept;
                }
            }
        }
    }
    best
}
