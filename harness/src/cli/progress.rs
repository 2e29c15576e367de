//! How far a long command is: a bar where standard error is a terminal, elsewhere (a log of CI) a line now and then.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// Without a terminal, so much time is between two lines.
const BETWEEN: Duration = Duration::from_secs(30);

/// The progress of work that consists of steps.
pub(super) struct Progress {
    bar: ProgressBar,
    /// What the steps are, in the plural.
    steps: &'static str,
    /// When the last line was written; none on a terminal.
    last: Option<Mutex<Instant>>,
}

impl Progress {
    /// Of work of `length` steps; 0 if that is not known yet.
    pub(super) fn new(length: usize, steps: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            let bar = ProgressBar::hidden();
            bar.set_length(length as u64);
            return Self { bar, steps, last: Some(Mutex::new(Instant::now())) };
        }
        let template = format!("{{bar:30}} {{pos}}/{{len}} {steps}, about {{left}} left  {{msg}}");
        let style = ProgressStyle::with_template(&template).expect("the template is valid");
        let style = style.with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // The only error is the writer's own.
            let _ = write!(out, "{}", left(state.elapsed(), state.pos(), state.len().unwrap_or(0)));
        });
        Self { bar: ProgressBar::new(length as u64).with_style(style), steps, last: None }
    }

    /// States how many steps there are.
    pub(super) fn set_length(&self, length: usize) {
        self.bar.set_length(length as u64);
    }

    /// States that so many steps are done, and what comes now.
    pub(super) fn at(&self, done: usize, now: String) {
        self.bar.set_position(done as u64);
        let Some(last) = &self.last else { return self.bar.set_message(now) };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= BETWEEN {
            *last = Instant::now();
            let (all, steps) = (self.bar.length().unwrap_or(0), self.steps);
            let left = left(self.bar.elapsed(), done as u64, all);
            eprintln!("{done} of {all} {steps}, about {left} left: {now}");
        }
    }

    /// There are so many steps after all.
    pub(super) fn of(&self, steps: usize) {
        self.bar.set_length(steps as u64);
    }

    /// Ends it; nothing is left to see.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The time that is left, by the mean of all steps: they are too unequal for the latest ones to foretell the others.
fn left(elapsed: Duration, done: u64, all: u64) -> HumanDuration {
    HumanDuration(elapsed.mul_f64(all.saturating_sub(done) as f64 / done.max(1) as f64))
}
