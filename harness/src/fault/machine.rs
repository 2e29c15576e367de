//! Faults of the dynamic half: mistakes of the collector, the runtime, the interpreter and the bytecode optimiser.
//!
//! The runtime and the interpreter hold them in builds with the feature `plant` alone. They are planted in the runs that are compared, not in the one that is the
//! measure, as a fault of a backend is.

use lockstep_bytecode::{Instr, Module, Op};

use super::{Fault, Layer, Plant};

const fn fault(id: &'static str, layer: Layer, about: &'static str) -> Fault {
    Fault { id, layer, about, gate: "fuzz-dynamic", plant: Plant::Machine(id) }
}

/// The faults of the dynamic half.
pub(super) const FAULTS: &[Fault] = &[
    fault("missing-root", Layer::Collector, "variables to be closed are no roots"),
    fault(
        "stale-operands",
        Layer::Collector,
        "operands of an instruction that waits for a metamethod are taken for dead",
    ),
    fault("unrooted-closure", Layer::Collector, "a closure is not kept while its upvalues are made"),
    fault(
        "stale-pc",
        Layer::Collector,
        "the pc is not stored at a safepoint, so that another instruction's live registers are marked",
    ),
    fault("missing-barrier", Layer::Collector, "a store to an existing key of the hash part has no barrier"),
    fault("weak-key", Layer::Collector, "entries of weak tables stay although their keys go"),
    fault("stale-tag", Layer::Interpreter, "fixed registers of a generic function keep the tags of the frame before"),
    fault("lost-upvalue", Layer::Interpreter, "captured variables get no place of their own when they end"),
    fault(
        "leaked-handler",
        Layer::Interpreter,
        "the message handler around a protected call runs for the errors that it catches",
    ),
    // Random programs seldom look at what is lost; the corpus does.
    Fault {
        gate: "programs",
        ..fault("lost-vararg", Layer::Interpreter, "the last of two and more arguments behind the parameters is lost")
    },
    fault("left-open", Layer::Interpreter, "variables to be closed are forgotten when an error leaves their frame"),
    fault("coerced-to-float", Layer::Interpreter, "strings that spell integers count as floats"),
    fault("absence-kept", Layer::Interpreter, "a metamethod that was absent once is never looked for again"),
    fault("wrong-transition", Layer::Interpreter, "floats of an array part that becomes mixed are taken for integers"),
    Fault {
        id: "ordered-branch",
        layer: Layer::Optimiser,
        about: "a branch on not less is turned into one on less or equal with the operands exchanged, as if all numbers were ordered",
        gate: "fuzz-dynamic",
        plant: Plant::Bytecode(ordered_branch),
    },
];

/// Not-less with two registers becomes less-or-equal of the two exchanged: wrong for NaN, and for the metamethods that are asked.
fn ordered_branch(module: &mut Module) {
    for instr in module.functions.iter_mut().flat_map(|function| &mut function.code) {
        if let Instr::JumpNotLtAny { a, b, seen, target } = *instr {
            *instr = Instr::JumpLeAny { a: b, b: a, seen, target };
            debug_assert_eq!(instr.op(), Op::JumpLeAny);
        }
    }
}
