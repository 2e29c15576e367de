//! Reports: what parity, coverage and benchmarks found, for people and for programs.
//!
//! - [`mod@gather`]: results of other commands in, one [`Report`] out.
//! - [`model`]: that report as data, which is `results.json`.
//! - [`sentences`]: the three answers: is it right, which backend, is anything failing. Generated, so that they cannot be out of date.
//! - [`document`]: the sections with their tables and [`charts`]; [`markdown`] and [`html`] only write them down.
//!
//! Nothing is measured or judged here, and no backend is named: columns, rows and colours follow the order of the data.

pub mod charts;
pub mod document;
pub mod environment;
mod format;
pub mod gather;
pub mod html;
pub mod markdown;
pub mod model;
pub mod sentences;

#[cfg(test)]
mod tests;

pub use gather::{SourceError, Sources, gather};
pub use model::Report;
