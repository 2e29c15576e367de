//! Values, heap, stacks and errors of a running VM.
