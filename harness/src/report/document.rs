//! What a report consists of: sections with words, pictures and tables, and parts to drill down to. What they say is in [`super::sections`]; how it
//! is written in [`super::markdown`] and [`super::page`].

use super::answers::State;
use super::charts::Chart;
use crate::stats::Interval;

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is called where there is little room.
    pub short: &'static str,
    /// What the figures mean, how they were found, what they cannot say.
    pub text: Vec<String>,
    /// What is missing, if something is.
    pub missing: Vec<String>,
    /// Pictures.
    pub charts: Vec<Chart>,
    /// Tables.
    pub tables: Vec<Table>,
    /// What can be opened: a backend, a kernel, a failure.
    pub parts: Vec<Part>,
}

/// A part of a section, closed at first.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its anchor.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The figures that matter most: what, and what it is.
    pub facts: Vec<(&'static str, Cell)>,
    /// Words.
    pub text: Vec<String>,
    /// Pictures.
    pub charts: Vec<Chart>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Titles of columns.
    pub head: Vec<String>,
    /// Rows, each as wide as the head; the first cell names the row.
    pub rows: Vec<Vec<Cell>>,
    /// Whether it is too long for a file that is read from beginning to end.
    pub long: bool,
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// Whether it is a number, to be aligned as one.
    pub number: bool,
    /// What it is sorted by; without, its text.
    pub value: Option<f64>,
    /// How good it is.
    pub state: State,
    /// The anchor of what says more.
    pub link: Option<String>,
    /// Its place in a heat map: 0 to 1.
    pub heat: Option<f64>,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: false, value: None, state: State::Plain, link: None, heat: None }
    }

    /// A number, as people read it, and as it is sorted.
    pub fn number(text: impl Into<String>, value: f64) -> Self {
        Self { number: true, value: Some(value), ..Self::text(text) }
    }

    /// No number.
    pub fn none() -> Self {
        Self { number: true, ..Self::text("–") }
    }

    /// A number that may be missing.
    pub fn maybe<T>(value: Option<T>, write: impl Fn(T) -> Self) -> Self {
        value.map_or_else(Self::none, write)
    }

    /// A count.
    pub fn count(value: u64) -> Self {
        Self::number(super::format::count(value), value as f64)
    }

    /// A measured quantity with its interval.
    pub fn measured(interval: Option<Interval>, write: impl Fn(&Interval) -> String) -> Self {
        Self::maybe(interval, |i| Self::number(write(&i), i.estimate))
    }

    /// The same, so good.
    pub fn state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The same, leading to an anchor.
    pub fn link(self, anchor: impl Into<String>) -> Self {
        Self { link: Some(anchor.into()), ..self }
    }

    /// The same, in a heat map.
    pub fn heat(self, heat: f64) -> Self {
        Self { heat: Some(heat), ..self }
    }
}

impl Table {
    /// A table.
    pub fn new(caption: impl Into<String>, head: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let head = head.iter().map(|&h| h.to_owned()).collect();
        Self { caption: caption.into(), head, rows, long: false }
    }

    /// The same, for the page alone.
    pub fn long(self) -> Self {
        Self { long: true, ..self }
    }
}

impl Section {
    /// A section without figures.
    pub fn new(id: &'static str, title: &'static str, short: &'static str, text: &[&str]) -> Self {
        let text = text.iter().map(|&t| t.to_owned()).collect();
        Self { id, title, short, text, missing: Vec::new(), charts: Vec::new(), tables: Vec::new(), parts: Vec::new() }
    }

    /// The same, with what is missing.
    pub fn missing(mut self, why: &str) -> Self {
        self.missing.push(why.to_owned());
        self
    }
}

impl Part {
    /// A part without figures.
    pub fn new(id: String, title: impl Into<String>) -> Self {
        Self { id, title: title.into(), facts: Vec::new(), text: Vec::new(), charts: Vec::new(), tables: Vec::new() }
    }
}

/// An anchor for a name.
pub fn anchor(kind: &str, name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' });
    format!("{kind}-{}", plain.collect::<String>())
}
