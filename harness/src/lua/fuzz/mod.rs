//! Random Lua programs: made ([`generate`] from [`grammar`]), judged by PUC Lua ([`check()`]), shrunk where they diverge ([`tree`]), run in batches on workers ([`campaign`]).
//!
//! Only in builds with the feature `oracle`: without a judge there is nothing to compare with.

pub mod avoid;
pub mod campaign;
pub mod constants;
pub mod generate;
pub mod grammar;
pub mod judge;
pub mod reach;
pub mod tree;

use serde::{Deserialize, Serialize};

pub use self::judge::{Verdict, check};
use self::reach::Reached;

/// The programs of a batch: those of `seed` from `first` on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LuaBatch {
    /// The seed of the whole run.
    pub seed: u64,
    /// Index of the first program.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// What a batch gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LuaBatchReport {
    /// Programs made.
    pub programs: u64,
    /// Of those: that are chunks.
    pub chunks: u64,
    /// Runs on Lockstep.
    pub runs: u64,
    /// Bytes that PUC Lua wrote.
    pub output: u64,
    /// Programs that do not always do the same on PUC Lua, or do not end in time there.
    pub given_up: u64,
    /// Lines of each program.
    pub lines: Vec<u32>,
    /// What of Lua was reached.
    pub reached: Reached,
    /// What went wrong.
    pub divergences: Vec<LuaDivergence>,
}

/// A program on which Lockstep and PUC Lua differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LuaDivergence {
    /// Its index.
    pub index: u64,
    /// How Lockstep ran it, and what differs.
    pub what: String,
}

impl LuaBatchReport {
    /// Adds another report.
    pub fn merge(&mut self, other: LuaBatchReport) {
        self.programs += other.programs;
        self.chunks += other.chunks;
        self.runs += other.runs;
        self.output += other.output;
        self.given_up += other.given_up;
        self.lines.extend(other.lines);
        self.reached.merge(&other.reached);
        self.divergences.extend(other.divergences);
    }
}

/// What a worker says before it runs a program.
pub fn progress_text(index: u64) -> String {
    format!("running program {index}")
}

/// The program that [`progress_text`] speaks of.
pub fn progress_of(text: &str) -> Option<u64> {
    text.strip_prefix("running program ")?.parse().ok()
}

impl LuaBatch {
    /// Makes and checks the batch's programs.
    ///
    /// # Errors
    /// PUC Lua cannot be started.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<LuaBatchReport, String> {
        let mut report = LuaBatchReport::default();
        for index in self.first..self.first + self.count {
            progress(&progress_text(index));
            let source = generate::program(self.seed, index).text();
            report.programs += 1;
            report.lines.push(source.lines().count() as u32);
            // What calls what is looked at in some of the programs: the look takes longer than the run.
            let called = report.reached.add(&source, index % reach::PERIOD == 0)?;
            report.chunks += u64::from(called);
            match check(&source)? {
                Verdict::Agrees { runs, output } => {
                    report.runs += runs;
                    report.output += output;
                }
                Verdict::GivenUp => report.given_up += 1,
                Verdict::Differs { what } => report.divergences.push(LuaDivergence { index, what }),
            }
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_the_digits_of_an_address_is_given_up() {
        let program = "local digits = tostring(print):gsub('%D', '') print(digits)";
        assert_eq!(judge::check(program), Ok(Verdict::GivenUp));
    }

    /// A few seconds of the fuzzer, in this process.
    #[test]
    fn random_programs_do_what_puc_lua_does() {
        let report = LuaBatch { seed: 1, first: 0, count: 16 }.run(&mut |_| {}).expect("PUC Lua starts");
        assert_eq!(report.divergences, []);
        assert!(report.given_up <= 2 && report.chunks >= 15 && report.output > 1000, "{report:?}");
    }

    #[test]
    fn nothing_of_lua_is_left_out() {
        let mut reached = Reached::default();
        for index in 0..500 {
            reached.add(&generate::program(2, index).text(), true).expect("PUC Lua starts");
        }
        let missing: Vec<&str> = reached.rows().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
        assert!(missing.is_empty(), "never reached: {missing:?}");
    }

    #[test]
    fn what_differs_is_told_with_its_way() {
        // A program of which Lockstep cannot know the answer.
        let verdict = check("print(_VERSION, rawequal(print, print))").expect("PUC Lua starts");
        assert_eq!(verdict, Verdict::Agrees { runs: 4, output: 13 });
        // Not the same twice on PUC Lua itself.
        let verdict = check("print(#tostring({}) > 0, (tostring(print):gsub('0x', '')))").expect("PUC Lua starts");
        assert!(matches!(verdict, Verdict::GivenUp | Verdict::Differs { .. }), "{verdict:?}");
        // No end.
        assert_eq!(check("while true do end"), Ok(Verdict::GivenUp));
    }

    #[test]
    fn what_a_worker_says_can_be_read() {
        assert_eq!(progress_of(&progress_text(17)), Some(17));
        assert_eq!(progress_of("something else"), None);
    }
}
