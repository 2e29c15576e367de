//! Units that are sent: as text, because what some of them are about is their text.

use std::fmt::Write as _;

use lockstep_ir::{Builder, Function, Op, Signature, Stage, Type, Unit};

/// A unit of functions that return constants: the least that every server can do.
pub fn constants(values: &[i64]) -> String {
    let mut unit = Unit::new("constants", Stage::Machine);
    for (n, &value) in values.iter().enumerate() {
        let mut func = Function::new(format!("entry{n}"), Signature::entry());
        let mut b = Builder::new(&mut func);
        let result = b.iconst(Type::I32, value);
        b.ret(&[result]);
        unit.add(func);
    }
    lockstep_ir::text::print(&unit)
}

/// A unit of one function with so many constants, of which it returns the last.
pub fn huge(count: usize) -> String {
    let mut text =
        String::from("lockstep_ir 1 machine\nunit \"huge\"\n\nfunction %0 \"entry\" (i64, i64, i64) -> (i32) {\n");
    text += "block0(v0: i64, v1: i64, v2: i64):\n";
    for n in 0..count {
        let _ = writeln!(text, "    v{} = iconst.i32 {n}", n + 3);
    }
    let _ = writeln!(text, "    return v{}\n}}", count + 2);
    text
}

/// A unit in which the operation stands, if the kit has one that is about it.
pub fn with(op: Op) -> Option<String> {
    let name =
        crate::kit::instances().find(|(_, found, _)| *found == op).map(|(name, ..)| format!("ir/edge/{name}"))?;
    crate::kit::build(&name).map(|case| lockstep_ir::text::print(&case.unit))
}

/// Text that is no unit, and why.
pub const MALFORMED: [(&str, &str); 5] = [
    ("empty text", ""),
    ("a poem", "shall I compare thee\nto a summer's day\n"),
    ("another version", "lockstep_ir 99 machine\nunit \"u\"\n"),
    (
        "an unknown operation",
        "lockstep_ir 1 machine\nunit \"u\"\n\nfunction %0 \"entry\" (i64, i64, i64) -> (i32) {\nblock0(v0: i64, v1: i64, v2: i64):\n    \
         v3 = frobnicate.i32 v0\n    return v3\n}\n",
    ),
    ("text cut off", "lockstep_ir 1 machine\nunit \"u\"\n\nfunction %0 \"entry\" (i64, i64"),
];
