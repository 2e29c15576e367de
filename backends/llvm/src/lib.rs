//! The LLVM backend, through inkwell.
