//! Comparison: is the second better, worse, the same, or can that not be told?
//!
//! - [`series`]: what is compared; [`run`]: a whole run of it; [`environment`]: on what, and whether that can be compared.
//! - [`source`]: files as runs; [`raw`]: measurements of any tool.
//! - [`permutation`]: a test of a whole family of series at once; [`decide`]: from series to verdicts.
//! - [`comparison`]: two sides, judged; [`show`]: as text.
//! - [`history`]: results over time.
//! - [`study`]: how often the gate cries wolf, and what it finds.
//! - [`suite`]: what a complete run measures; [`baseline`]: such runs, by machine; [`gate`]: whether a build is worse than them; [`check`]: that as results.
//!
//! Two rules hold throughout. **The process is the unit**: iterations of a process give one number. **The error rate is the family's**: the chance
//! that a comparison of what does not differ finds anything at all, however many series it has.

pub mod baseline;
pub mod check;
pub mod comparison;
pub mod decide;
pub mod environment;
pub mod gate;
pub mod history;
pub mod permutation;
pub mod raw;
pub mod run;
pub mod series;
pub mod show;
pub mod source;
pub mod study;
pub mod suite;

pub use comparison::Comparison;
pub use decide::{Outcome, Rule};
pub use run::Run;
