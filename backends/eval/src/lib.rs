//! The IR evaluator behind the Backend trait: the smallest example, and the third opinion.
