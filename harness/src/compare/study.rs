//! The study of the regression gate: how often does it cry wolf, and what does it find? Complete runs of one build are recorded; then comparisons that never happened are
//! made from their processes, with and without a planted change, and judged by the very gate.
//!
//! A simulated comparison takes three runs for a baseline, another as the current run and the two that followed it in time for its confirmation: so it has the
//! differences between runs that the machine really had, and a confirmation follows its suspicion as closely as it would. Within each run rounds are drawn with
//! replacement, the same for all series: what series of a round have in common stays. A change is planted in the current run and its confirmation.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use fastrand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::baseline::RUNS;
use super::gate::{Alarm, CONFIRMATIONS, Gate, Readings};
use super::run::Run;
use super::series::Key;

/// The file of recorded runs, one a line.
pub const RECORDING: &str = "runs.jsonl";

/// Fewest recorded runs that can be studied: a baseline, a current run, its confirmation, and some choice.
pub const LEAST: usize = RUNS + 1 + CONFIRMATIONS + 1;

/// The planted slow-down of a backend on a kernel.
const SLOW_DOWN: f64 = 1.15;

/// The planted slow-down of compilation.
const SLOW_COMPILATION: f64 = 1.10;

/// What the study found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// Recorded runs.
    pub runs: usize,
    /// Processes of each series in a run.
    pub rounds: usize,
    /// Series that vary.
    pub series: usize,
    /// The gate.
    pub gate: Gate,
    /// Runs whose times were not judged, since the machine was of another speed; they count as found nothing.
    pub untold: Rate,
    /// Runs in which anything was suspicious, without any change: how often something is measured anew.
    pub suspicions: Rate,
    /// Runs with an alarm, without any change.
    pub false_alarms: Rate,
    /// Slow-downs of one backend on one kernel that were found.
    pub slow_downs: Rate,
    /// Slow-downs of compilation that were found.
    pub compilation: Rate,
    /// A byte more code: found.
    pub code: Rate,
    /// Slow-downs found by the number of processes of each series in a run.
    pub power: Vec<(usize, Rate)>,
    /// What the gate says of the recorded runs as they are, each against the first ones as its baseline.
    pub real: Vec<Real>,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// So often …
    pub hits: usize,
    /// … of so many times.
    pub trials: usize,
    /// Wilson's 95 % interval of the rate: its lower end …
    pub low: f64,
    /// … and its upper end.
    pub high: f64,
}

/// A recorded run, judged as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Real {
    /// When it was made.
    pub date: String,
    /// Series that were suspicious.
    pub suspicious: Vec<Alarm>,
    /// Those that raised an alarm.
    pub alarms: Vec<Alarm>,
}

impl Rate {
    /// Of so many trials.
    pub fn of(hits: usize, trials: usize) -> Self {
        // Wilson, J. Am. Stat. Assoc. 22, 1927: it stays sensible at 0 and at 1.
        const Z: f64 = 1.959_964;
        let n = trials.max(1) as f64;
        let share = hits as f64 / n;
        let centre = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        Self {
            hits,
            trials,
            low: if hits == 0 { 0.0 } else { (centre - spread) / whole },
            high: if hits >= trials { 1.0 } else { (centre + spread) / whole },
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { hits, trials, low, high } = self;
        let share = 100.0 * *hits as f64 / (*trials).max(1) as f64;
        write!(f, "{share:6.2} %  [{:.2}, {:.2}]  {hits} of {trials}", 100.0 * low, 100.0 * high)
    }
}

/// Reads recorded runs. A last line that was cut off is left out.
///
/// # Errors
/// The file cannot be read, or a line before the last is no run.
pub fn load(dir: &Path) -> Result<Vec<Run>, String> {
    let path = dir.join(RECORDING);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let shown = path.display();
    let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let mut runs = Vec::new();
    for (nth, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
        let run = serde_json::from_str(line);
        runs.push(run.map_err(|e| format!("{shown}:{}:{}: error: {e}", nth + 1, e.column()))?);
    }
    Ok(runs)
}

/// Adds a run to the recorded ones.
///
/// # Errors
/// It belongs to another machine or build than those, or the file cannot be written.
pub fn append(dir: &Path, recorded: &mut Vec<Run>, run: Run) -> Result<(), String> {
    if let Some(why) = recorded.first().and_then(|first| stranger(first, &run)) {
        return Err(format!("{} was recorded under other conditions: {why}", dir.join(RECORDING).display()));
    }
    recorded.push(run);
    let path = dir.join(RECORDING);
    let failed = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    std::fs::create_dir_all(dir).map_err(failed)?;
    // Written whole under another name: a run that is cut off would spoil the next one's line.
    let lines: Result<Vec<String>, _> = recorded.iter().map(serde_json::to_string).collect();
    let text = lines.map_err(|e| e.to_string())?.join("\n") + "\n";
    let part = path.with_extension("part");
    let mut file = std::fs::File::create(&part).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(part, &path).map_err(failed)
}

/// Why a run does not belong to others, if it does not.
fn stranger(first: &Run, run: &Run) -> Option<String> {
    if first.executable != run.executable {
        return Some(format!("executable `{}` against `{}`", first.executable, run.executable));
    }
    let (a, b) = (first.environment.as_ref()?, run.environment.as_ref()?);
    a.differences(b).into_iter().next().map(|difference| difference.what)
}

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plant {
    Nothing,
    /// A series that varies takes so many times its time.
    Slower(usize, f64),
    /// An exact quantity grows by one.
    OneMore(usize),
}

/// Recorded runs, as the gate reads them.
struct Pool<'g> {
    gate: &'g Gate,
    runs: Vec<Readings>,
    noisy: Vec<Key>,
    exact: Vec<Key>,
}

/// What became of a simulated comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    untold: bool,
    suspicious: bool,
    alarm: bool,
    found: bool,
}

impl Study {
    /// Studies recorded runs by so many simulated comparisons of each kind.
    ///
    /// # Errors
    /// There are too few runs.
    pub fn of(recorded: &[Run], gate: Gate, simulations: usize) -> Result<Self, String> {
        if recorded.len() < LEAST {
            return Err(format!("{} runs are recorded; at least {LEAST} are needed", recorded.len()));
        }
        let runs: Vec<Readings> = recorded.iter().map(Readings::of).collect();
        let noisy: Vec<Key> = runs[0].noisy.keys().cloned().collect();
        let exact: Vec<Key> = runs[0].exact.keys().filter(|key| key.measure == "code_bytes").cloned().collect();
        let rounds = runs[0].noisy.values().map(Vec::len).max().unwrap_or(0);
        let pool = Pool { gate: &gate, runs, noisy, exact };
        let of = |measure: &str| -> Vec<usize> {
            (0..pool.noisy.len()).filter(|&n| pool.noisy[n].measure == measure).collect()
        };
        let (times, compilations) = (of("time"), of("compile"));
        let slower = |which: &[usize], factor: f64, rounds: usize, trials: usize| {
            let trials = if which.is_empty() { 0 } else { trials };
            let found = pool.rate(trials, rounds, |nth| Plant::Slower(which[nth % which.len()], factor));
            Rate::of(found.iter().filter(|o| o.found).count(), trials)
        };
        let quiet = pool.rate(simulations, rounds, |_| Plant::Nothing);
        let count = |of: fn(&Outcome) -> bool| Rate::of(quiet.iter().filter(|o| of(o)).count(), simulations);
        let bytes = pool.exact.len();
        let code = pool.rate(bytes, rounds, Plant::OneMore);
        Ok(Self {
            runs: recorded.len(),
            rounds,
            series: pool.noisy.len(),
            gate,
            untold: count(|o| o.untold),
            suspicions: count(|o| o.suspicious),
            false_alarms: count(|o| o.alarm),
            slow_downs: slower(&times, SLOW_DOWN, rounds, simulations),
            compilation: slower(&compilations, SLOW_COMPILATION, rounds, simulations),
            code: Rate::of(code.iter().filter(|o| o.found).count(), bytes),
            power: (2..rounds).map(|n| (n, slower(&times, SLOW_DOWN, n, simulations.div_ceil(4)))).collect(),
            real: pool.real(recorded),
        })
    }
}

impl Pool<'_> {
    /// Simulates so many comparisons.
    fn rate(&self, trials: usize, rounds: usize, plant: impl Fn(usize) -> Plant + Sync) -> Vec<Outcome> {
        (0..trials).into_par_iter().map(|nth| self.simulate(rounds, plant(nth), nth as u64)).collect()
    }

    fn simulate(&self, rounds: usize, plant: Plant, seed: u64) -> Outcome {
        let mut rng = Rng::with_seed(self.gate.seed ^ (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = self.runs.len();
        let at = rng.usize(..count);
        // In a circle, so that every run is as often the current one.
        let current = |nth: usize| (at + nth) % count;
        let mut others: Vec<usize> = (0..count).filter(|n| (0..=CONFIRMATIONS).all(|nth| current(nth) != *n)).collect();
        rng.shuffle(&mut others);
        let mut draw = |run: usize| draw(&self.runs[run], rounds, &mut rng);
        let baseline: Vec<Readings> = others[..RUNS].iter().map(|&run| draw(run)).collect();
        let mut first = draw(current(0));
        let mut again = draw(current(1));
        for nth in 2..=CONFIRMATIONS {
            join(&mut again, draw(current(nth)));
        }
        self.plant(plant, &mut first);
        self.plant(plant, &mut again);
        let (suspicious, alarms) = self.judge(&baseline, &first, &again);
        let planted = match plant {
            Plant::Nothing => None,
            Plant::Slower(nth, _) => Some(&self.noisy[nth]),
            Plant::OneMore(nth) => Some(&self.exact[nth]),
        };
        Outcome {
            untold: self.gate.another_speed(&baseline, &first).is_some(),
            suspicious: !suspicious.is_empty(),
            alarm: !alarms.is_empty(),
            found: alarms.iter().any(|alarm| Some(&alarm.key) == planted),
        }
    }

    fn plant(&self, plant: Plant, readings: &mut Readings) {
        match plant {
            Plant::Nothing => {}
            Plant::Slower(nth, factor) => {
                readings.noisy.get_mut(&self.noisy[nth]).into_iter().flatten().for_each(|log| *log += factor.ln());
            }
            Plant::OneMore(nth) => {
                readings.exact.get_mut(&self.exact[nth]).into_iter().for_each(|value| *value += 1.0);
            }
        }
    }

    /// What is suspicious, and what raises an alarm.
    fn judge(&self, baseline: &[Readings], first: &Readings, again: &Readings) -> (Vec<Alarm>, Vec<Alarm>) {
        let told = self.gate.another_speed(baseline, first).is_none();
        let suspicious = if told { self.gate.suspects(baseline, first) } else { Vec::new() };
        let keys: BTreeSet<Key> = suspicious.iter().map(|alarm| alarm.key.clone()).collect();
        let mut alarms = self.gate.certain(baseline, first);
        alarms.extend(self.gate.confirmed(baseline, &again.only(&keys)));
        (suspicious, alarms)
    }

    fn real(&self, recorded: &[Run]) -> Vec<Real> {
        let (baseline, later) = self.runs.split_at(RUNS);
        let windows = later.windows(1 + CONFIRMATIONS).zip(&recorded[RUNS..]);
        windows
            .map(|(runs, run)| {
                let mut again = runs[1].clone();
                runs[2..].iter().for_each(|more| join(&mut again, more.clone()));
                let (suspicious, alarms) = self.judge(baseline, &runs[0], &again);
                Real { date: run.date.clone(), suspicious, alarms }
            })
            .collect()
    }
}

/// Rounds of a run, drawn with replacement.
fn draw(run: &Readings, rounds: usize, rng: &mut Rng) -> Readings {
    let most = run.noisy.values().map(Vec::len).max().unwrap_or(1);
    let chosen: Vec<usize> = (0..rounds).map(|_| rng.usize(..most)).collect();
    let mut drawn = run.clone();
    for logs in drawn.noisy.values_mut() {
        *logs = chosen.iter().map(|&round| logs[round % logs.len()]).collect();
    }
    drawn
}

/// Adds the processes of another run.
fn join(readings: &mut Readings, more: Readings) {
    for (key, logs) in more.noisy {
        readings.noisy.entry(key).or_default().extend(logs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::series::{Better, Series};

    /// Recorded runs with this noise within runs and between them.
    fn recorded(runs: usize, within: f64, between: f64) -> Vec<Run> {
        let mut rng = Rng::with_seed(9);
        let mut normal = move || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        (0..runs)
            .map(|_| {
                let mut series = Vec::new();
                for (measure, on, of) in [
                    ("time", "fib quick", "x/speed"),
                    ("time", "lcg quick", "x/speed"),
                    ("time", "fib quick", "y/speed"),
                    ("compile", "corpus", "x/speed"),
                ] {
                    let level = between * normal();
                    let values = (0..6).map(|round| (round, vec![(level + within * normal()).exp()])).collect();
                    series.push(Series::noisy(Key::new(measure, on, of), Better::Lower, values));
                    series.push(Series::exact(Key::new("code_bytes", on, of), Better::Lower, [700.0]));
                }
                let mut run = Run::bare(series);
                run.round();
                run
            })
            .collect()
    }

    #[test]
    fn a_quiet_machine_gives_no_alarms_and_hides_nothing() {
        let study =
            Study::of(&recorded(12, 0.01, 0.01), Gate { permutations: 500, ..Gate::default() }, 60).expect("enough");
        assert_eq!((study.runs, study.rounds, study.series), (12, 6, 4));
        assert_eq!((study.false_alarms.hits, study.false_alarms.trials), (0, 60));
        assert!(study.slow_downs.hits >= 58 && study.compilation.hits >= 50, "{study:?}");
        assert_eq!((study.code.hits, study.code.trials), (4, 4));
        assert_eq!(study.real.len(), 12 - RUNS - CONFIRMATIONS);
        assert!(study.real.iter().all(|real| real.alarms.is_empty()));
        let fewest = study.power.first().expect("a row").1;
        assert!(fewest.hits <= study.slow_downs.hits);
    }

    #[test]
    fn a_machine_too_noisy_for_the_gate_is_shown_as_such() {
        let study =
            Study::of(&recorded(12, 0.3, 0.1), Gate { permutations: 500, ..Gate::default() }, 60).expect("enough");
        assert!(study.slow_downs.hits < 30 && study.suspicions.hits > 10, "{study:?}");
    }

    #[test]
    fn too_few_runs_are_no_study() {
        assert!(Study::of(&recorded(5, 0.01, 0.0), Gate::default(), 10).expect_err("5 runs").contains("at least 7"));
    }

    #[test]
    fn wilsons_interval_is_his() {
        let close = |a: f64, b: f64| (a - b).abs() < 5e-5;
        let none = Rate::of(0, 300);
        assert!(none.low == 0.0 && close(none.high, 0.012_64), "{none:?}");
        let half = Rate::of(5, 10);
        assert!(close(half.low, 0.236_59) && close(half.high, 0.763_41), "{half:?}");
        assert_eq!(Rate::of(3, 3).high, 1.0);
    }

    #[test]
    fn recording_goes_on_where_it_was_interrupted() {
        let dir = std::env::temp_dir().join(format!("lockstep-study-{}", std::process::id()));
        let all = recorded(3, 0.01, 0.0);
        let mut known = load(&dir).expect("nothing yet");
        append(&dir, &mut known, all[0].clone()).expect("written");
        append(&dir, &mut known, all[1].clone()).expect("written");
        // Killed in the middle of a line.
        let path = dir.join(RECORDING);
        let text = std::fs::read_to_string(&path).expect("there") + "{\"lockstep_run\": 1, \"ser";
        std::fs::write(&path, text).expect("written");
        let mut known = load(&dir).expect("two whole lines");
        assert_eq!(known, all[..2]);
        append(&dir, &mut known, all[2].clone()).expect("written");
        assert_eq!(load(&dir).expect("three lines"), all);
        let other = Run { executable: "another".to_owned(), ..all[0].clone() };
        assert!(append(&dir, &mut known, other).expect_err("another build").contains("other conditions"));
        std::fs::write(&path, "{}\n").expect("written");
        assert!(load(&dir).expect_err("no run").contains("runs.jsonl:1:"));
        std::fs::remove_dir_all(&dir).expect("it was there");
    }
}
