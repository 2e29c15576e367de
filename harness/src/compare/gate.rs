//! The regression gate: is this build worse than the baseline? Made to be run after every change, so it must hardly ever cry wolf, on machines
//! that are noisy in ways no test within one run can see.
//!
//! The noise has two layers. Processes of one run differ: the permutation test of the family answers for these. Whole runs differ, too: the same executable
//! is some per cent slower for minutes, because of what else the host does. Processes of one run know nothing of that, so no test on them can allow for it
//! (Kalibera and Jones, *Rigorous benchmarking in reasonable time*, ISMM 2013: what varies must be repeated at the level at which it varies). Hence two stages for series that vary:
//! 1. **Suspicion**: the series is slower by more than the threshold than each single run of the baseline, not than their mean. That is no verdict.
//! 2. **Confirmation**: suspicious series are measured anew, in [`CONFIRMATIONS`] times as many fresh processes. An alarm is what is again beyond every run of the baseline, and
//!    no accident: the one-sided test of the family of all suspicious series (module [`super::permutation`]) rejects at the level. The processes that
//!    aroused the suspicion are not used again, so that the test owes them nothing.
//!
//! A third guard: if the calibration loop of the run shows that the machine itself was faster or slower than in the baseline, times are not judged at all.
//!
//! What must not vary (bytes of code, exits) raises an alarm at once if it is worse, and so does what no longer delivers a result.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::permutation::{Design, Member, Permutations, Tail};
use super::run::Run;
use super::series::{Better, Data, Key};

/// How many times the processes of a run a confirmation has.
pub const CONFIRMATIONS: usize = 2;

/// The measure of series of compilation.
const COMPILATION: &str = "compile";

/// How the gate decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Probability that the confirmation of suspicions without ground finds any confirmed, as far as its processes can tell.
    pub level: f64,
    /// Relative slow-downs up to this do not matter: of calls, which the place of code alone moves by some per cent …
    pub threshold: f64,
    /// … and of compilation, a mean over the corpus, which it does not.
    pub compilation: f64,
    /// A slow-down that the gate promises to find: where the noise does not allow that, it says so.
    pub promise: f64,
    /// Exchanges of the permutation test.
    pub permutations: usize,
    /// Where random numbers start.
    pub seed: u64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { level: 0.01, threshold: 0.05, compilation: 0.025, promise: 0.15, permutations: 2000, seed: 0x10c5_7e90 }
    }
}

/// What a run measured, as the gate reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Logarithms of the processes, in the order of their rounds, of quantities of which less is better.
    pub noisy: BTreeMap<Key, Vec<f64>>,
    /// Exact quantities of which less is better: the most that any process saw.
    pub exact: BTreeMap<Key, f64>,
    /// What delivered nothing, and why.
    pub void: BTreeMap<Key, String>,
    /// Seconds of the calibration loop, if it ran.
    pub calibration: Option<f64>,
}

impl Readings {
    /// Of a run.
    pub fn of(run: &Run) -> Self {
        let mut readings = Self { calibration: run.calibration, ..Self::default() };
        for series in run.series.iter().filter(|s| s.better == Better::Lower) {
            let key = series.key.clone();
            match &series.data {
                Data::Noisy(_) => {
                    let logs: Vec<f64> = series.processes().into_values().map(f64::ln).collect();
                    if logs.len() >= 2 {
                        readings.noisy.insert(key, logs);
                    }
                }
                Data::Exact(values) => {
                    readings.exact.extend(values.last().map(|most| (key, *most)));
                }
                Data::Void(why) => {
                    readings.void.insert(key, why.clone());
                }
            }
        }
        readings
    }

    /// Only some of the series that vary.
    pub fn only(&self, keys: &BTreeSet<Key>) -> Self {
        let noisy = self.noisy.iter().filter(|(key, _)| keys.contains(key));
        Self { noisy: noisy.map(|(key, logs)| (key.clone(), logs.clone())).collect(), ..Self::default() }
    }
}

/// Something worse, or perhaps so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Which series.
    #[serde(flatten)]
    pub key: Key,
    /// How many times its value in the baseline; of what varies, in that run of the baseline that comes nearest. None for what delivers nothing.
    pub ratio: Option<f64>,
    /// The family's probability, of what was confirmed.
    pub p: Option<f64>,
    /// What it is, for people.
    pub what: String,
}

impl Gate {
    /// Whether the machine itself was as fast as in the baseline, by the calibration loop, which is the same work whatever is measured. If it was not, times say nothing about
    /// the build: they cannot be told, and only what is exact is judged. None if it was, or if that is not known.
    pub fn another_speed(&self, baseline: &[Readings], current: &Readings) -> Option<String> {
        let now = current.calibration?;
        let before: Vec<f64> = baseline.iter().filter_map(|run| run.calibration).collect();
        let (low, high) = before.iter().fold((f64::MAX, 0.0f64), |(low, high), &b| (low.min(b), high.max(b)));
        let most = 1.0 + self.threshold;
        (!before.is_empty() && (now > high * most || now < low / most)).then(|| {
            format!(
                "the machine is not as fast as it was: the calibration loop took {:.1} µs, in the baseline {:.1} to {:.1}",
                now * 1e6,
                low * 1e6,
                high * 1e6
            )
        })
    }

    /// The series that vary and are suspicious.
    pub fn suspects(&self, baseline: &[Readings], current: &Readings) -> Vec<Alarm> {
        self.beyond(baseline, current, Tail::Above)
    }

    /// The series that vary and are better by the same measure: reason for a new baseline, and no verdict either.
    pub fn gains(&self, baseline: &[Readings], current: &Readings) -> Vec<Alarm> {
        self.beyond(baseline, current, Tail::Below)
    }

    /// What remains of suspicions when suspicious series, and no others, have been measured anew.
    pub fn confirmed(&self, baseline: &[Readings], anew: &Readings) -> Vec<Alarm> {
        let (keys, family) = family(baseline, anew);
        let again = self.suspects(baseline, anew);
        if again.is_empty() {
            return again;
        }
        let probabilities: BTreeMap<&Key, f64> =
            keys.into_iter().zip(self.test().adjusted(&family, Tail::Above)).collect();
        let judged = again.into_iter().map(|alarm| Alarm { p: Some(probabilities[&alarm.key]), ..alarm });
        judged.filter(|alarm| alarm.p.is_some_and(|p| p <= self.level)).collect()
    }

    fn beyond(&self, baseline: &[Readings], current: &Readings, tail: Tail) -> Vec<Alarm> {
        let margin = |key: &Key| if key.measure == COMPILATION { self.compilation } else { self.threshold }.ln_1p();
        let sign = if tail == Tail::Below { -1.0 } else { 1.0 };
        let known = current.noisy.keys().filter(|key| baseline.iter().any(|run| run.noisy.contains_key(key)));
        let all = known.map(|key| (key, nearest(key, baseline, current, tail)));
        all.filter(|(key, log)| log * sign > margin(key))
            .map(|(key, log)| Alarm {
                key: key.clone(),
                ratio: Some(log.exp()),
                p: None,
                what: format!("{:+.1} % against the nearest run of the baseline", 100.0 * log.exp_m1()),
            })
            .collect()
    }

    /// What needs no statistics: exact quantities that are worse, results that are no longer there.
    pub fn certain(&self, baseline: &[Readings], current: &Readings) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (key, why) in &current.void {
            if baseline.iter().any(|b| !b.void.contains_key(key)) {
                let what = format!("delivers no result any more: {why}");
                alarms.push(Alarm { key: key.clone(), ratio: None, p: None, what });
            }
        }
        for (key, &value) in &current.exact {
            // What a baseline saw vary is excused up to the most that it saw.
            let Some(before) = baseline.iter().filter_map(|b| b.exact.get(key).copied()).reduce(f64::max) else {
                continue;
            };
            if value > before {
                let what = format!("{before} before, {value} now");
                alarms.push(Alarm { key: key.clone(), ratio: Some(value / before), p: None, what });
            }
        }
        alarms
    }

    /// The series in which a slow-down of the promised size could go unnoticed: it cannot be excluded that there is one.
    pub fn blind(&self, baseline: &[Readings], current: &Readings) -> Vec<Key> {
        let (keys, mut family) = family(baseline, current);
        let shift = self.promise.ln_1p();
        family.iter_mut().flat_map(|member| member.b.values_mut()).for_each(|log| *log -= shift);
        let probabilities = self.test().adjusted(&family, Tail::Below);
        keys.into_iter().zip(probabilities).filter(|(_, p)| *p > 0.05).map(|(key, _)| key.clone()).collect()
    }

    /// What the baseline has and the run has not.
    pub fn missing(&self, baseline: &[Readings], current: &Readings) -> BTreeSet<Key> {
        let known = |r: &Readings| r.noisy.keys().chain(r.exact.keys()).cloned().collect::<BTreeSet<Key>>();
        let before: BTreeSet<Key> = baseline.iter().flat_map(known).collect();
        let now: BTreeSet<Key> = known(current).into_iter().chain(current.void.keys().cloned()).collect();
        before.difference(&now).cloned().collect()
    }

    fn test(&self) -> Permutations {
        let least_error = self.threshold.ln_1p() / 8.0;
        Permutations { design: Design::Independent, most: self.permutations, seed: self.seed, least_error }
    }
}

/// The series that vary and that both sides have: all processes of the baseline against the current ones.
fn family<'c>(baseline: &[Readings], current: &'c Readings) -> (Vec<&'c Key>, Vec<Member>) {
    let number = |logs: Vec<f64>| logs.into_iter().enumerate().collect();
    let member = |(key, logs): (&'c Key, &Vec<f64>)| {
        let before: Vec<f64> = baseline.iter().filter_map(|run| run.noisy.get(key)).flatten().copied().collect();
        (!before.is_empty()).then(|| (key, Member { a: number(before), b: number(logs.clone()) }))
    };
    current.noisy.iter().filter_map(member).unzip()
}

/// The logarithm of the ratio to that run of the baseline that is nearest in the direction of the tail.
fn nearest(key: &Key, baseline: &[Readings], current: &Readings, tail: Tail) -> f64 {
    let now = location(&current.noisy[key]);
    let all = baseline.iter().filter_map(|run| run.noisy.get(key)).map(|logs| now - location(logs));
    if tail == Tail::Below { all.fold(f64::NEG_INFINITY, f64::max) } else { all.fold(f64::INFINITY, f64::min) }
}

/// The location of a run: the mean of the faster half of its processes, the one in the middle included. What disturbs a process makes it slower, so that of six two may be disturbed; and it varies
/// less than the median does: over the recorded runs of docs/studies/regression by 0.23 % against 0.27 %, the mean of 45 series.
fn location(logs: &[f64]) -> f64 {
    let mut logs = logs.to_vec();
    logs.sort_by(f64::total_cmp);
    let half = &logs[..=logs.len() / 2];
    half.iter().sum::<f64>() / half.len() as f64
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const SERIES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

    fn gate() -> Gate {
        Gate { permutations: 500, ..Gate::default() }
    }

    fn key(on: &str) -> Key {
        Key::new("time", on, "x/speed")
    }

    /// A run of so many processes: their noise, the noise of the whole run, and some that take twice their time, one in so many.
    fn run(count: usize, processes: f64, whole: f64, disturbed: u8, rng: &mut Rng) -> Readings {
        let mut normal = || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        let noisy = SERIES.map(|on| {
            let level = whole * normal();
            (key(on), (0..count).map(|_| level + processes * normal()).collect::<Vec<f64>>())
        });
        let mut readings = Readings { noisy: noisy.into(), ..Readings::default() };
        for log in readings.noisy.values_mut().flatten() {
            *log += if disturbed > 0 && rng.u8(..disturbed) == 0 { 2f64.ln() } else { 0.0 };
        }
        readings.exact.insert(Key::new("code_bytes", "a", "x/speed"), 700.0);
        readings
    }

    fn keys(alarms: Vec<Alarm>) -> BTreeSet<Key> {
        alarms.into_iter().map(|a| a.key).collect()
    }

    /// What raises an alarm.
    fn alarms(baseline: &[Readings], first: &Readings, again: &Readings) -> BTreeSet<Key> {
        let suspects = keys(gate().suspects(baseline, first));
        keys(gate().confirmed(baseline, &again.only(&suspects)))
    }

    /// False alarms, and slow-downs found, of so many runs of each kind.
    fn rates(runs: usize, slow_down: f64, simulate: impl Fn(usize, &mut Rng) -> Readings) -> (usize, usize) {
        let mut rng = Rng::with_seed(5);
        let (mut false_alarms, mut found) = (0, 0);
        for _ in 0..runs {
            let baseline: Vec<Readings> = (0..3).map(|_| simulate(6, &mut rng)).collect();
            let (mut first, mut again) = (simulate(6, &mut rng), simulate(6 * CONFIRMATIONS, &mut rng));
            false_alarms += usize::from(!alarms(&baseline, &first, &again).is_empty());
            for slow in [&mut first, &mut again] {
                slow.noisy.get_mut(&key("d")).expect("there").iter_mut().for_each(|log| *log += slow_down.ln());
            }
            found += usize::from(alarms(&baseline, &first, &again).contains(&key("d")));
        }
        (false_alarms, found)
    }

    #[test]
    fn noise_raises_no_alarm_and_slow_downs_do() {
        const RUNS: usize = 100;
        // Whole runs differ by 2 %, processes by 2 %.
        let (false_alarms, found) = rates(RUNS, 1.15, |n, rng| run(n, 0.02, 0.02, 0, rng));
        assert!(false_alarms <= 1 && found >= 95, "quiet: {false_alarms} false alarms, {found} found");
        // One process in ten takes twice its time.
        let (false_alarms, found) = rates(RUNS, 1.15, |n, rng| run(n, 0.01, 0.01, 10, rng));
        assert!(false_alarms <= 1 && found >= 80, "disturbed: {false_alarms} false alarms, {found} found");
    }

    #[test]
    fn a_run_within_the_spread_of_the_baseline_is_not_suspicious() {
        let mut rng = Rng::with_seed(6);
        let quiet: Vec<Readings> = (0..3).map(|_| run(6, 0.001, 0.0, 0, &mut rng)).collect();
        let mut slow = quiet[0].clone();
        slow.noisy.values_mut().flatten().for_each(|log| *log += 0.08);
        assert_eq!(gate().suspects(&quiet, &slow).len(), SERIES.len());
        // Once the baseline has seen such a run, too, there is nothing to suspect.
        let seen = [quiet[1].clone(), quiet[2].clone(), slow.clone()];
        assert_eq!(gate().suspects(&seen, &slow), []);
        // Turned round it is a gain.
        assert_eq!(gate().gains(&[slow.clone(), slow], &quiet[0]).len(), SERIES.len());
    }

    #[test]
    fn a_slower_machine_is_no_slower_build() {
        let calibrated = |seconds: f64| Readings { calibration: Some(seconds), ..Readings::default() };
        let baseline = [calibrated(400e-6), calibrated(410e-6)];
        assert_eq!(gate().another_speed(&baseline, &calibrated(425e-6)), None);
        assert_eq!(gate().another_speed(&baseline, &calibrated(385e-6)), None);
        let why = gate().another_speed(&baseline, &calibrated(500e-6)).expect("it is slower");
        assert!(why.contains("took 500.0 µs, in the baseline 400.0 to 410.0"), "{why}");
        assert!(gate().another_speed(&baseline, &calibrated(300e-6)).is_some());
        assert_eq!(gate().another_speed(&baseline, &Readings::default()), None);
    }

    #[test]
    fn a_byte_of_code_and_a_lost_result_are_certain() {
        let mut rng = Rng::with_seed(7);
        let before = [run(6, 0.01, 0.0, 0, &mut rng)];
        let mut now = before[0].clone();
        assert_eq!(gate().certain(&before, &now), []);
        *now.exact.values_mut().next().expect("there") += 1.0;
        now.noisy.remove(&key("c"));
        now.void.insert(key("c"), "wrong checksum".to_owned());
        let found = gate().certain(&before, &now);
        assert_eq!(found.len(), 2);
        assert!(found[0].what.contains("wrong checksum") && found[1].what.contains("700 before, 701 now"), "{found:?}");
        *now.exact.values_mut().next().expect("there") -= 2.0;
        assert_eq!(gate().certain(&before, &now).len(), 1);
        // What is not measured at all is said.
        now.noisy.remove(&key("d"));
        assert_eq!(gate().missing(&before, &now), [key("d")].into());
    }

    #[test]
    fn series_too_noisy_for_the_promise_are_named() {
        let mut rng = Rng::with_seed(8);
        let quiet: Vec<Readings> = (0..4).map(|_| run(6, 0.005, 0.0, 0, &mut rng)).collect();
        assert_eq!(gate().blind(&quiet[..3], &quiet[3]), Vec::<Key>::new());
        let mut wild = quiet[3].clone();
        let logs = wild.noisy.get_mut(&key("b")).expect("there");
        logs.iter_mut().enumerate().for_each(|(n, log)| *log = if n % 2 == 0 { 0.0 } else { 0.7 });
        assert_eq!(gate().blind(&quiet[..3], &wild), [key("b")]);
    }
}
