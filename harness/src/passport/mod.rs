//! A certificate of what was run, on what, with which results: made by one run, verified by another.
//!
//! - [`model`]: what it says; [`issue`]: from results of other commands to a passport; [`digest`]: how a changed figure is noticed.
//! - [`verify`]: a passport against new results, figure by figure; [`html`]: for people; [`build`]: what was built, and from what.
//!
//! The digest is integrity, not a signature: it shows that a file is as it was written, not who wrote it. Whoever can change a figure on purpose can
//! compute a new digest. What makes a passport worth something is that anyone can run it again.

pub mod build;
pub mod digest;
pub mod html;
pub mod issue;
pub mod model;
pub mod verify;

pub use issue::Sources;
pub use model::Passport;
