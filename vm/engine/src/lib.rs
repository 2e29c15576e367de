//! Joins interpreter and native code: tiers, code loading, exits, OSR, invalidation.
