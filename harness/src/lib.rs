//! Lockstep: conformance and benchmark harness for JIT backends.
