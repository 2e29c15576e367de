//! Joins interpreter and native code: loading, tiers, exits, OSR, invalidation.

mod foreign;
pub mod kit;
pub mod loader;
