//! SSA IR: types, units, builder, text form, verifier, evaluation of each operation.
