//! The three answers a reader wants first, generated from the data: [`right`], [`which`], [`worse`], one file each.
//!
//! What cannot be told is said to be so; nothing here judges: verdicts come from the data.

mod right;
mod which;
mod worse;

use super::model::Report;

/// How good an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Cannot be told.
    Unknown,
    /// Neither good nor bad.
    Plain,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: &'static str,
    /// In a word or two.
    pub short: String,
    /// How good.
    pub state: State,
    /// What it consists of, where it has parts.
    pub parts: Vec<Part>,
    /// In sentences, the most important first.
    pub sentences: Vec<String>,
    /// The section that says more, and what its link is called.
    pub more: (&'static str, &'static str),
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is about.
    pub what: &'static str,
    /// What is said of it.
    pub is: String,
    /// Why.
    pub note: String,
}

/// The three answers.
pub fn answers(report: &Report) -> [Answer; 3] {
    [right::answer(report), which::answer(report), worse::answer(report)]
}

impl Answer {
    /// All of it on one line.
    pub fn line(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|p| format!("{}: {}, {}.", p.what, p.is, p.note)).collect();
        [vec![format!("{}.", self.short)], parts, self.sentences.clone()].concat().join(" ")
    }
}
