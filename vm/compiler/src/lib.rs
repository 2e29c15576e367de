//! Bytecode to IR: SSA construction, passes, lowering.
