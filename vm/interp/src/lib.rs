//! The reference interpreter: the oracle of every parity check.
