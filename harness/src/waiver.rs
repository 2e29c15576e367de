//! Waivers: trials that are known to fail, and trials that are known to be flaky. Both still run, have a reason, an owner and a date, and fail when
//! they no longer hold. They are data, `waivers.yaml` of a corpus or a file named on the command line.
//!
//! Three things are kept apart. *Unsupported* is what a backend declares of itself; such a trial is refused and is nobody's fault. *Expected to fail*
//! ([`Waivers::waivers`]) is a defect that someone knows of and has a date for. *Flaky* ([`Waivers::flaky`]) is a trial that
//! must be seen to pass and to fail within a stated number of runs.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};

use crate::corpus::{self, CorpusError};
use crate::results::{Status, TrialResult};

/// `waivers.yaml`.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[schemars(title = "corpus/waivers.yaml")]
#[serde(deny_unknown_fields)]
pub struct Waivers {
    /// What these are.
    pub about: String,
    /// Trials that are expected to fail. One that passes, or whose date has passed, fails.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// Trials that pass at some times and fail at others. Each has `runs`.
    #[serde(default)]
    pub flaky: Vec<Waiver>,
}

/// Which trials, why, who looks after it, and until when.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The case's whole name. A part between slashes may be `*`, which stands for any one part; nothing matches by being contained.
    pub case: String,
    /// The backend's id.
    pub backend: String,
    /// The level; all of them if not stated.
    pub level: Option<String>,
    /// The configuration, of program cases; all of them if not stated.
    pub configuration: Option<String>,
    /// Why the trial does not pass.
    pub reason: String,
    /// Who looks after it.
    pub owner: String,
    /// The last day on which it holds, such as 2027-01-31, in UTC.
    pub expires: Date,
    /// Only of flaky trials: within so many runs it must be seen both to pass and to fail.
    pub runs: Option<u32>,
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// A day written as `YYYY-MM-DD`; `None` if there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str, width: usize| {
            (part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())
                .flatten()
        };
        let mut parts = text.split('-');
        let (year, month, day) =
            (digits(parts.next()?, 4)?, digits(parts.next()?, 2)? as u8, digits(parts.next()?, 2)? as u8);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (parts.next().is_none() && (1..=days).contains(&day)).then_some(Self { year: year.into(), month, day })
    }

    /// Today, in UTC.
    pub fn today() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::of_day((seconds / 86_400) as i64)
    }

    /// The day that so many days after 1970-01-01 is: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    fn of_day(days: i64) -> Self {
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
        let year = (year_of_era + era * 400) as i32 + i32::from(month <= 2);
        Self { year, month, day }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no day; write YYYY-MM-DD")))
    }
}

/// What is said about a trial.
#[derive(Clone, Copy, Debug)]
pub enum Expectation<'w> {
    /// It is expected to fail.
    Fails(&'w Waiver),
    /// It is flaky, within so many runs.
    Flaky(&'w Waiver, u32),
}

impl Waivers {
    /// Reads `waivers.yaml` of a corpus, none if it has none, or another file.
    ///
    /// # Errors
    /// It cannot be read, or has a mistake: a case that does not exist among `cases`, a flaky trial without `runs`, a trial named twice.
    pub fn load(corpus: &Path, file: Option<&Path>, cases: &[String]) -> Result<Self, CorpusError> {
        let path = file.map_or_else(|| corpus.join("waivers.yaml"), Path::to_owned);
        if file.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let text = corpus::read(&path)?;
        let shown = path.display().to_string();
        let waivers: Self = corpus::parse(&shown, &text)?;
        waivers.check(cases).map_err(|(needle, message)| corpus::mistake_at(&shown, &text, &needle, message))?;
        Ok(waivers)
    }

    /// What is wrong with them, with the text at which it shows.
    fn check(&self, cases: &[String]) -> Result<(), (String, String)> {
        let all = || self.waivers.iter().chain(&self.flaky);
        for (n, waiver) in all().enumerate() {
            if !cases.iter().any(|case| waiver.matches_case(case)) {
                return Err((waiver.case.clone(), format!("no case is called `{}`", waiver.case)));
            }
            if waiver.reason.trim().is_empty() || waiver.owner.trim().is_empty() {
                return Err((waiver.case.clone(), "a waiver says why, and who looks after it".to_owned()));
            }
            let place = |w: &Waiver| (w.case.clone(), w.backend.clone(), w.level.clone(), w.configuration.clone());
            if all().take(n).any(|other| place(other) == place(waiver)) {
                return Err((waiver.case.clone(), format!("`{}` is named twice for {}", waiver.case, waiver.backend)));
            }
        }
        if let Some(waiver) = self.flaky.iter().find(|w| w.runs.is_none_or(|runs| runs < 2)) {
            return Err((waiver.case.clone(), "a flaky trial states `runs`, at least 2".to_owned()));
        }
        if let Some(waiver) = self.waivers.iter().find(|w| w.runs.is_some()) {
            let message = "`runs` is for flaky trials: is this one flaky, or expected to fail?";
            return Err((waiver.case.clone(), message.to_owned()));
        }
        Ok(())
    }

    /// What is said about a trial.
    pub fn expectation(&self, trial: &TrialResult) -> Option<Expectation<'_>> {
        let flaky = self.flaky.iter().find(|w| w.is_about(trial));
        let flaky = flaky.and_then(|waiver| Some(Expectation::Flaky(waiver, waiver.runs?)));
        flaky.or_else(|| self.waivers.iter().find(|w| w.is_about(trial)).map(Expectation::Fails))
    }
}

impl Waiver {
    fn matches_case(&self, case: &str) -> bool {
        let (mut pattern, mut name) = (self.case.split('/'), case.split('/'));
        loop {
            match (pattern.next(), name.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if pattern == "*" || pattern == part => {}
                _ => return false,
            }
        }
    }

    fn is_about(&self, trial: &TrialResult) -> bool {
        let Some(column) = &trial.column else { return false };
        let stated = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == found);
        self.matches_case(&trial.case)
            && self.backend == column.backend
            && stated(&self.level, Some(column.level.name()))
            && stated(&self.configuration, trial.configuration.map(|c| c.name()))
    }

    /// For messages.
    fn terms(&self) -> String {
        format!("{} ({}, until {})", self.reason, self.owner, self.expires)
    }

    /// Turns a failure into a waived one, and what no longer holds into a failure.
    pub fn judge(&self, result: &mut TrialResult, today: Date) {
        let terms = self.terms();
        let found = result.what.take().unwrap_or_default();
        match result.status {
            _ if today > self.expires => {
                result.fail(
                    Status::Failed,
                    Some("waiver_expired".to_owned()),
                    format!("its waiver has expired: {terms}\n{found}"),
                );
            }
            Status::Failed | Status::Died => {
                (result.status, result.what) = (Status::Waived, Some(format!("waived: {terms}\n{found}")));
            }
            _ => {
                let how = if result.status == Status::Refused { "is refused, as declared" } else { "passes" };
                let what = format!("it {how}, but is waived: remove the waiver: {terms}");
                result.fail(Status::Failed, Some("unexpected_pass".to_owned()), what);
            }
        }
    }

    /// Judges a flaky trial by how often it passed and failed.
    pub fn judge_flaky(&self, result: &mut TrialResult, passed: u32, failed: u32, today: Date) {
        let terms = self.terms();
        let found = result.what.take().unwrap_or_default();
        if today > self.expires {
            let what = format!("what was said of it, that it is flaky, has expired: {terms}\n{found}");
            result.fail(Status::Failed, Some("waiver_expired".to_owned()), what);
        } else if passed > 0 && failed > 0 {
            result.status = Status::Flaky;
            result.what =
                Some(format!("flaky: passed {passed} and failed {failed} of {} runs: {terms}", passed + failed));
        } else {
            let how = if failed == 0 { "passed each time" } else { "failed each time" };
            let what = format!("it is said to be flaky, and {how} of {}: {terms}\n{found}", passed + failed);
            result.fail(Status::Failed, Some("not_flaky".to_owned()), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use lockstep_backend_api::Level;

    use super::*;
    use crate::backends::Column;

    fn waivers(yaml: &str) -> Result<Waivers, String> {
        let cases = ["ir/edge/iadd.i8".to_owned(), "ir/edge/iadd.i16".to_owned(), "bench/kernels/fib".to_owned()];
        let waivers: Waivers = corpus::parse("waivers.yaml", yaml).map_err(|e| e.to_string())?;
        waivers.check(&cases).map_err(|(_, message)| message)?;
        Ok(waivers)
    }

    fn one(case: &str, more: &str) -> String {
        format!(
            "about: Known defects.\nwaivers:\n  - {{case: \"{case}\", backend: mine, reason: a defect, owner: ada, expires: 2027-01-31{more}}}\n"
        )
    }

    fn trial(case: &str, backend: &str, status: Status) -> TrialResult {
        let column = Column { backend: backend.to_owned(), level: Level::Speed };
        let mut result = TrialResult::new(format!("{case}/{column}"), case.to_owned(), Some(column));
        if status != Status::Passed {
            result.fail(status, Some("memory".to_owned()), "word 3 differs".to_owned());
        }
        result
    }

    fn day(text: &str) -> Date {
        Date::parse(text).expect("a day")
    }

    #[test]
    fn days_are_read_and_counted() {
        for (days, text) in [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_819, "2027-01-01")] {
            assert_eq!(Date::of_day(days).to_string(), text);
            assert_eq!(Date::parse(text), Some(Date::of_day(days)));
        }
        assert!(day("2027-01-31") < day("2027-02-01") && Date::today() > day("2026-01-01"));
        for bad in ["2027-02-29", "2027-13-01", "2027-1-1", "27-01-01", "2027-01-01-01", "tomorrow", "2027-00-10"] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_match_whole_or_part_by_part_and_never_by_being_contained() {
        let about = |case: &str, name: &str, backend: &str| {
            let waivers = waivers(&one(case, "")).expect("waivers");
            waivers.expectation(&trial(name, backend, Status::Failed)).is_some()
        };
        assert!(about("ir/edge/iadd.i8", "ir/edge/iadd.i8", "mine"));
        assert!(about("ir/edge/*", "ir/edge/iadd.i16", "mine"));
        for (case, name, backend) in [
            ("ir/edge/iadd.i8", "ir/edge/iadd.i8x", "mine"),
            ("ir/edge/iadd.i8", "ir/edge/iadd.i16", "mine"),
            ("ir/edge/iadd.i8", "ir/edge/iadd.i8", "mine2"),
            ("ir/edge/*", "ir/edge/iadd.i8/more", "mine"),
            ("*/*/*", "ir/edge", "mine"),
        ] {
            assert!(!about(case, name, backend), "{case} {name} {backend}");
        }
        let level = waivers(&one("ir/edge/iadd.i8", ", level: none")).expect("waivers");
        assert!(level.expectation(&trial("ir/edge/iadd.i8", "mine", Status::Failed)).is_none());
    }

    #[test]
    fn a_waiver_holds_for_a_failure_and_fails_for_a_pass_a_refusal_and_after_its_date() {
        let waivers = waivers(&one("ir/edge/iadd.i8", "")).expect("waivers");
        let judged = |status, today: &str| {
            let mut result = trial("ir/edge/iadd.i8", "mine", status);
            match waivers.expectation(&result) {
                Some(Expectation::Fails(waiver)) => waiver.judge(&mut result, day(today)),
                other => panic!("{other:?}"),
            }
            (result.status, result.kind.unwrap_or_default(), result.what.unwrap_or_default())
        };
        for status in [Status::Failed, Status::Died] {
            let (after, kind, what) = judged(status, "2027-01-31");
            assert_eq!((after, kind.as_str()), (Status::Waived, "memory"));
            assert!(what.contains("a defect (ada, until 2027-01-31)") && what.contains("word 3 differs"), "{what}");
        }
        assert_eq!(judged(Status::Passed, "2027-01-31").1, "unexpected_pass");
        assert_eq!(judged(Status::Refused, "2027-01-31").0, Status::Failed);
        for status in [Status::Failed, Status::Passed] {
            let (after, kind, _) = judged(status, "2027-02-01");
            assert_eq!((after, kind.as_str()), (Status::Failed, "waiver_expired"));
        }
    }

    #[test]
    fn a_flaky_trial_is_seen_both_ways_or_fails() {
        let yaml = one("ir/edge/iadd.i8", ", runs: 5").replace("waivers:", "flaky:");
        let waivers = waivers(&yaml).expect("waivers");
        let judged = |passed, failed, today: &str| {
            let mut result = trial("ir/edge/iadd.i8", "mine", Status::Failed);
            match waivers.expectation(&result) {
                Some(Expectation::Flaky(waiver, 5)) => waiver.judge_flaky(&mut result, passed, failed, day(today)),
                other => panic!("{other:?}"),
            }
            (result.status, result.kind.unwrap_or_default())
        };
        assert_eq!(judged(1, 2, "2027-01-01").0, Status::Flaky);
        assert_eq!(judged(5, 0, "2027-01-01"), (Status::Failed, "not_flaky".to_owned()));
        assert_eq!(judged(0, 5, "2027-01-01"), (Status::Failed, "not_flaky".to_owned()));
        assert_eq!(judged(1, 2, "2027-02-01"), (Status::Failed, "waiver_expired".to_owned()));
    }

    #[test]
    fn mistakes_are_told() {
        let complaint = |yaml: &str| waivers(yaml).expect_err("a mistake");
        assert!(complaint(&one("ir/edge/iadd", "")).contains("no case is called `ir/edge/iadd`"));
        assert!(complaint(&one("ir/edge/iadd.i8", ", runs: 3")).contains("`runs` is for flaky trials"));
        assert!(complaint(&one("ir/edge/iadd.i8", "").replace("waivers:", "flaky:")).contains("states `runs`"));
        assert!(complaint(&one("ir/edge/iadd.i8", "").replace("2027-01-31", "soon")).contains("`soon` is no day"));
        assert!(complaint(&one("ir/edge/iadd.i8", "").replace(", owner: ada", "")).contains("missing field `owner`"));
        assert!(
            complaint(&one("ir/edge/iadd.i8", "").replace("owner: ada", "owner: ''")).contains("who looks after it")
        );
        let entry = one("ir/edge/iadd.i8", "");
        let twice = format!("{entry}{}\n", entry.lines().last().expect("the entry"));
        assert!(complaint(&twice).contains("named twice"));
    }
}
