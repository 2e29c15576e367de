//! The Cranelift backend.
