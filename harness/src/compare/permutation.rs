//! Permutation tests of a whole family of series at once.
//!
//! *Idea*: if nothing changed, it does not matter which side a process is counted on. So the sides are exchanged at random, for all series
//! alike (a process of round 3 of one series and one of round 3 of another met the same machine), and each time the largest statistic of all
//! series is noted. A difference counts if chance alone hardly ever makes *any* series of the family differ so much: the error rate holds for the
//! family as a whole, whatever its series have in common. That is the step-down max-T procedure of Westfall and Young (*Resampling-Based Multiple
//! Testing*, 1993, algorithm 4.1; Romano and Wolf, *Econometrica* 73, 2005, for why stepping down is sound). Against Holm's correction it wins where
//! processes are few: with eight a side the smallest p-value there can be is 1/12870, which Holm multiplies by the number of series, and max-T does not.
//!
//! Exchangeable are: in one run, the two processes of a round (paired: signs of the differences are flipped); between runs, all processes of a series
//! (independent: labels are shuffled). The test is exact for any statistic; the statistic only decides what it sees well. Here: Welch's, the difference of
//! mean logarithms over its standard error, of values drawn in to the outer fences of their quartiles (Tukey, *Exploratory Data Analysis*, 1977). The fences
//! are those of all processes of both sides together (of pairs: of the sizes of their differences), which no exchange alters, so that the test stays exact
//! while a process that took twice its time neither makes a difference nor hides one. Trimming within each side would be robust, too, but with six processes
//! it cannot tell an exchanged process from a disturbed one, and no small probability would be left. To the variance a constant is added, so that a
//! series whose few processes happen to agree to the fourth digit does not set the scale for all (as in SAM: Tusher, Tibshirani, Chu, *PNAS* 98, 2001).

use std::collections::BTreeMap;

use fastrand::Rng;

/// Logarithms of the processes of two sides, by round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Of the first side.
    pub a: BTreeMap<usize, f64>,
    /// Of the second.
    pub b: BTreeMap<usize, f64>,
}

/// What may be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// The processes of a round.
    Paired,
    /// All processes of a series.
    Independent,
}

/// Which differences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// The second side lies above the first.
    Above,
    /// The second side lies below the first.
    Below,
    /// Either.
    Both,
}

/// A test of a family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutations {
    /// What may be exchanged.
    pub design: Design,
    /// How many exchanges are tried, if there are more than so many; else each of them is.
    pub most: usize,
    /// Where the random numbers start.
    pub seed: u64,
    /// Standard error that is added to every other's, in logarithmic units.
    pub least_error: f64,
}

/// How series of the same shape are exchanged: each entry says whether the n-th process (of `a`, then of `b`; or the n-th pair) changes sides.
struct Exchanges {
    /// The identity first.
    all: Vec<Vec<bool>>,
    /// Whether every exchange there is is among them.
    complete: bool,
}

impl Permutations {
    /// For each member the probability, were nothing different, that any member of the family differs as much. A member without enough
    /// processes has 1.
    pub fn adjusted(&self, family: &[Member], tail: Tail) -> Vec<f64> {
        let shapes: Vec<Shape> = family.iter().map(|m| Shape::of(m, self.design)).collect();
        // Of members of the same shape the same processes change sides.
        let mut exchanges: BTreeMap<Shape, Exchanges> = BTreeMap::new();
        for shape in &shapes {
            let seed = self.seed ^ (exchanges.len() as u64) << 32;
            exchanges.entry(*shape).or_insert_with(|| shape.exchanges(self.most, seed));
        }
        let lengths = exchanges.values().map(|e| e.all.len());
        // Shapes with few exchanges are gone through again and again.
        let count = lengths.max().unwrap_or(1);
        let complete = exchanges.len() <= 1 && exchanges.values().all(|e| e.complete);
        let statistics: Vec<Vec<f64>> = family
            .iter()
            .zip(&shapes)
            .map(|(member, shape)| {
                let all = &exchanges[shape].all;
                let prepared = Prepared::of(member, self);
                let once: Vec<f64> = all.iter().map(|exchange| tail.fold(prepared.statistic(exchange))).collect();
                let mut rng = Rng::with_seed(self.seed);
                (0..count).map(|n| if n < once.len() { once[n] } else { once[rng.usize(..once.len())] }).collect()
            })
            .collect();
        step_down(&statistics, complete)
    }

    /// The smallest probability that [`Permutations::adjusted`] can give a family of this size of sample.
    pub fn smallest(&self, member: &Member, tail: Tail) -> f64 {
        let exchanges = Shape::of(member, self.design).count().min(self.most as f64);
        let both = if tail == Tail::Both { 2.0 } else { 1.0 };
        (both / exchanges).min(1.0)
    }
}

impl Tail {
    fn fold(self, statistic: f64) -> f64 {
        match self {
            Tail::Above => statistic,
            Tail::Below => -statistic,
            Tail::Both => statistic.abs(),
        }
    }
}

/// Adjusted probabilities from statistics by member and exchange, the identity first.
fn step_down(statistics: &[Vec<f64>], complete: bool) -> Vec<f64> {
    let mut order: Vec<usize> = (0..statistics.len()).collect();
    order.sort_by(|&i, &j| statistics[i][0].total_cmp(&statistics[j][0]));
    let count = statistics.first().map_or(0, Vec::len);
    let mut largest = vec![f64::NEG_INFINITY; count];
    let mut adjusted = vec![1.0; statistics.len()];
    // From the least conspicuous member up: each is held against the largest of itself and all below it.
    for &member in &order {
        for (so_far, &statistic) in largest.iter_mut().zip(&statistics[member]) {
            *so_far = so_far.max(statistic);
        }
        let own = statistics[member][0];
        // Exchanges that amount to the identity must not fall below it by rounding.
        let reached = largest.iter().filter(|&&s| s >= own - 1e-9 * own.abs()).count();
        adjusted[member] =
            if complete { reached as f64 / count as f64 } else { (reached + 1) as f64 / (count + 1) as f64 };
    }
    // No member is more credible than one more conspicuous.
    let mut least = 0.0f64;
    for &member in order.iter().rev() {
        least = least.max(adjusted[member]);
        adjusted[member] = least;
    }
    adjusted
}

/// How many processes there are to exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Paired(usize),
    Independent(usize, usize),
}

impl Shape {
    fn of(member: &Member, design: Design) -> Self {
        match design {
            Design::Paired => Shape::Paired(member.a.keys().filter(|round| member.b.contains_key(round)).count()),
            Design::Independent => Shape::Independent(member.a.len(), member.b.len()),
        }
    }

    /// How many ways there are.
    fn count(self) -> f64 {
        match self {
            Shape::Paired(n) => 2f64.powi(n as i32),
            Shape::Independent(a, b) => (1..=b).map(|k| (a + k) as f64 / k as f64).product::<f64>().round(),
        }
    }

    fn exchanges(self, most: usize, seed: u64) -> Exchanges {
        let complete = self.count() <= most as f64;
        let all = if complete { self.every() } else { self.some(most, seed) };
        Exchanges { all, complete }
    }

    fn identity(self) -> Vec<bool> {
        match self {
            Shape::Paired(n) => vec![false; n],
            Shape::Independent(a, b) => (0..a + b).map(|n| n >= a).collect(),
        }
    }

    /// Every way, the identity first.
    fn every(self) -> Vec<Vec<bool>> {
        let identity = self.identity();
        let n = identity.len();
        let seconds = identity.iter().filter(|&&second| second).count();
        let paired = matches!(self, Shape::Paired(_));
        let ways = (0..1u64 << n).filter(|bits| paired || bits.count_ones() as usize == seconds);
        let ways = ways.map(|bits| (0..n).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>());
        std::iter::once(identity.clone()).chain(ways.filter(|way| *way != identity)).collect()
    }

    /// Random ways, the identity first.
    fn some(self, most: usize, seed: u64) -> Vec<Vec<bool>> {
        let mut rng = Rng::with_seed(seed);
        let identity = self.identity();
        let mut all = vec![identity.clone()];
        while all.len() < most.max(1) {
            let mut way = identity.clone();
            match self {
                Shape::Paired(_) => way.fill_with(|| rng.bool()),
                Shape::Independent(..) => rng.shuffle(&mut way),
            }
            all.push(way);
        }
        all
    }
}

/// A member as the statistic reads it.
struct Prepared {
    /// Differences of pairs, or all values, those of `a` first; drawn in to their fences.
    values: Vec<f64>,
    paired: bool,
    least_variance: f64,
}

impl Prepared {
    fn of(member: &Member, test: &Permutations) -> Self {
        let paired = test.design == Design::Paired;
        let mut values: Vec<f64> = match test.design {
            Design::Paired => member.a.iter().filter_map(|(round, a)| Some(member.b.get(round)? - a)).collect(),
            Design::Independent => member.a.values().chain(member.b.values()).copied().collect(),
        };
        let sizes: Vec<f64> = values.iter().map(|v| if paired { v.abs() } else { *v }).collect();
        if let Some((low, high)) = fences(sizes) {
            let draw = |v: f64| if paired { v.clamp(-high, high) } else { v.clamp(low, high) };
            values.iter_mut().for_each(|v| *v = draw(*v));
        }
        Self { values, paired, least_variance: test.least_error * test.least_error }
    }

    /// How far the second side lies above the first, in standard errors; 0 if that cannot be known.
    fn statistic(&self, exchange: &[bool]) -> f64 {
        let (mut first, mut second) = (Moments::default(), Moments::default());
        for (&value, &changes) in self.values.iter().zip(exchange) {
            match (self.paired, changes) {
                (true, true) => second.add(-value),
                (true, false) | (false, true) => second.add(value),
                (false, false) => first.add(value),
            }
        }
        if second.count < 2.0 || !self.paired && first.count < 2.0 {
            return 0.0;
        }
        let variance = second.variance_of_mean() + first.variance_of_mean() + self.least_variance;
        if variance > 0.0 { (second.mean - first.mean) / variance.sqrt() } else { 0.0 }
    }
}

/// One and a half interquartile ranges outside the quartiles. `None` of nothing.
fn fences(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * last as f64;
        let (below, part) = (place as usize, place.fract());
        values[below] + part * (values[(below + 1).min(last)] - values[below])
    };
    let (lower, upper) = (at(0.25), at(0.75));
    let reach = 1.5 * (upper - lower);
    Some((lower - reach, upper + reach))
}

/// Mean and squares of a side (Welford's way, which does not cancel).
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    /// 0 of fewer than two.
    fn variance_of_mean(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { self.squares / (self.count * (self.count - 1.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(design: Design) -> Permutations {
        Permutations { design, most: 2000, seed: 1, least_error: 0.005 }
    }

    fn member(a: &[f64], b: &[f64]) -> Member {
        let side = |values: &[f64]| values.iter().copied().enumerate().collect();
        Member { a: side(a), b: side(b) }
    }

    /// Approximately normal.
    fn normal(rng: &mut Rng) -> f64 {
        (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
    }

    #[test]
    fn few_processes_give_the_probabilities_of_counting() {
        // All of b above all of a: of the 20 ways to choose 3 of 6, one is as extreme above, two are either way.
        let apart = member(&[0.0, 0.01, 0.02], &[1.0, 1.01, 1.02]);
        let independent = test(Design::Independent);
        assert_eq!(independent.adjusted(std::slice::from_ref(&apart), Tail::Above), [1.0 / 20.0]);
        assert_eq!(independent.adjusted(std::slice::from_ref(&apart), Tail::Both), [2.0 / 20.0]);
        assert_eq!(independent.adjusted(std::slice::from_ref(&apart), Tail::Below), [1.0]);
        assert_eq!(independent.smallest(&apart, Tail::Both), 2.0 / 20.0);
        // Of the 8 ways to choose signs, one is as extreme above.
        let paired = test(Design::Paired);
        assert_eq!(paired.adjusted(std::slice::from_ref(&apart), Tail::Above), [1.0 / 8.0]);
        assert_eq!(paired.smallest(&apart, Tail::Above), 1.0 / 8.0);
    }

    #[test]
    fn one_difference_among_many_series_costs_nothing_where_holm_could_not_find_it() {
        let mut rng = Rng::with_seed(3);
        let noise = |rng: &mut Rng| (0..6).map(|_| 0.01 * normal(rng)).collect::<Vec<_>>();
        let mut family: Vec<Member> = (0..40).map(|_| member(&noise(&mut rng), &noise(&mut rng))).collect();
        family[17].b.values_mut().for_each(|v| *v += 0.14);
        let p = test(Design::Independent).adjusted(&family, Tail::Above);
        // The least there can be is 1/924; Holm would make 40/924 of it.
        assert!(p[17] <= 3.0 / 924.0, "{}", p[17]);
        assert!(p.iter().enumerate().all(|(n, p)| n == 17 || *p > 0.01));
    }

    #[test]
    fn a_disturbed_process_neither_makes_nor_hides_a_difference() {
        let quiet = [0.0, 0.01, 0.005, 0.002, 0.008, 0.003, 0.006, 0.004];
        let mut disturbed = quiet.map(|v| v + 0.15);
        disturbed[2] += 0.7;
        let p = test(Design::Independent).adjusted(&[member(&quiet, &disturbed)], Tail::Above);
        assert!(p[0] < 0.005, "{p:?}");
        let mut alone = quiet;
        alone[2] += 0.7;
        let p = test(Design::Independent).adjusted(&[member(&quiet, &alone)], Tail::Above);
        assert!(p[0] > 0.2, "{p:?}");
    }

    /// The share of simulated comparisons of what does not differ in which any of 20 series has a probability of at most 5 %. Series of a round share
    /// a part of their noise, and one process in eight takes twice its time.
    fn false_alarms(design: Design, processes: usize) -> f64 {
        const RUNS: usize = 300;
        let mut rng = Rng::with_seed(11);
        let mut alarms = 0;
        for seed in 0..RUNS {
            let mut round = || {
                let shared = 0.02 * normal(&mut rng);
                (0..20)
                    .map(|_| shared + 0.02 * normal(&mut rng) + if rng.u8(..8) == 0 { 0.7 } else { 0.0 })
                    .collect::<Vec<f64>>()
            };
            let sides: [Vec<Vec<f64>>; 2] = [(), ()].map(|()| (0..processes).map(|_| round()).collect());
            let column = |side: usize, n: usize| sides[side].iter().map(|round| round[n]).collect::<Vec<_>>();
            let family: Vec<Member> = (0..20).map(|n| member(&column(0, n), &column(1, n))).collect();
            let test = Permutations { design, most: 400, seed: seed as u64, least_error: 0.005 };
            alarms += usize::from(test.adjusted(&family, Tail::Both).iter().any(|p| *p <= 0.05));
        }
        100.0 * alarms as f64 / RUNS as f64
    }

    #[test]
    fn the_error_rate_is_the_familys() {
        // 5 % are wanted; 300 simulated comparisons tell that to about ± 2.5.
        for (design, processes) in [(Design::Independent, 6), (Design::Paired, 8)] {
            let rate = false_alarms(design, processes);
            assert!((0.5..8.5).contains(&rate), "{design:?}: {rate} %");
        }
    }

    #[test]
    fn series_of_different_sizes_stand_in_one_family() {
        let small = member(&[0.0, 0.01, 0.02], &[0.01, 0.0, 0.02]);
        let large = member(&[0.0, 0.01, 0.02, 0.01, 0.0, 0.01, 0.02], &[0.5, 0.51, 0.52, 0.5, 0.51, 0.5, 0.52]);
        let p = test(Design::Independent).adjusted(&[small, large, Member::default()], Tail::Above);
        assert!(p[0] > 0.3 && p[1] < 0.01 && p[2] == 1.0, "{p:?}");
    }
}
