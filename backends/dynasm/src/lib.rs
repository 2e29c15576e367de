//! The DynASM backend: regalloc2 and dynasm-rs.
