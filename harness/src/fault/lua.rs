//! Faults of Lua: mistakes of its parser, its code generator, its library, and of the runtime where that knows what Lua means. But for one, which is planted in what Lockstep reads, only
//! builds with the feature `plant` hold them.

use super::{Fault, Layer, Plant};

const fn fault(id: &'static str, about: &'static str) -> Fault {
    Fault { id, layer: Layer::Lua, about, gate: "fuzz-lua", plant: Plant::Machine(id) }
}

/// The faults of Lua.
pub(super) const FAULTS: &[Fault] = &[
    fault("truncating-division", "`//` of integers rounds towards zero"),
    fault("float-remainder", "`%` of floats has the sign of the dividend"),
    fault("wrapping-shift", "`<<` by 64 and more takes the amount modulo 64"),
    fault("loop-limit", "the float limit of a loop over integers is rounded away from its start"),
    fault("loop-end", "a loop up to the largest integer ends one round early"),
    fault("float-key", "float keys with an integer's value are keys of their own"),
    fault("rounded-comparison", "an integer is rounded to a float before `<` compares the two"),
    fault("bare-float", "floats with an integer's value are spelled without `.0`"),
    fault(
        "goto-leaves-open",
        "`goto` out of a block leaves its variables to be closed open, and captured variables shared",
    ),
    fault("shared-iteration", "closures of a `repeat` loop share the variables of all its rounds"),
    fault(
        "early-assignment",
        "a multiple assignment changes a variable that stands as table or key on its own left side",
    ),
    fault("lost-values", "the second of two values that a call or `...` is to give is nil"),
    fault("select-offset", "`select` with a negative number below -1 begins one value too late"),
    fault("index-chain", "a chain of `__index` ends at its second table"),
    fault("lost-anchor", "`^` anchors the pattern of `find` and `match` to nothing"),
    Fault {
        id: "misread-operator",
        layer: Layer::Lua,
        about: "the lexer takes `<=` for `<`",
        gate: "fuzz-lua",
        plant: Plant::Source(misread_operator),
    },
];

fn misread_operator(source: &str) -> String {
    source.replace("<=", "< ")
}
