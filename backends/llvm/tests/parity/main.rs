//! LLVM's code against the evaluator: single operations over edge values, and functions of the shapes that code generators get wrong.

mod common;
mod functions;
mod operations;
