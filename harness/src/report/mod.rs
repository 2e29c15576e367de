//! Reports: what parity, coverage, benchmarks, planted faults and comparisons found, for people and for programs.
//!
//! - [`mod@gather`]: results of other commands in, one [`Report`] out.
//! - [`model`]: that report as data, which is `results.json`, with its [`schema`]; [`choice`]: which backend it speaks for.
//! - [`answers`]: is it right, which backend should I use, did anything get worse. Generated, so that they cannot be out of date.
//! - [`sections`]: the [`document`]'s sections with their tables and [`charts`]; [`markdown`] and [`page`] only write them down.
//! - In brief: [`terminal`], [`summary`] (for a pull request), [`github`] (annotations); [`findings`], one by one, as [`junit`].
//!
//! Nothing is measured or judged here, and no backend is named: columns, rows and colours follow the order of the data.

pub mod answers;
pub mod charts;
pub mod choice;
pub mod document;
pub mod environment;
pub mod findings;
pub(crate) mod format;
pub mod gather;
pub mod github;
pub mod junit;
pub mod markdown;
pub mod model;
pub mod page;
pub mod schema;
pub mod sections;
pub mod summary;
pub mod terminal;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use gather::{SourceError, Sources, gather};
pub use model::Report;
