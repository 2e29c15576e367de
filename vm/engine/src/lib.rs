//! Joins interpreter and native code: loading, tiers, exits, OSR, invalidation.

pub mod kit;
pub mod loader;
