//! The grid of required cases, continued: instructions on dynamic values × the kinds of their operands, edges, counts, states and errors.
//!
//! A cell is a name alone (`add.any/nil,table`, `call.any/args/open`, `mod.any/error/divide_by_zero`). The programs that fill the cells, and what must
//! come out of them, are made outside of the VM, by `harness/judge/dynamic`; its lists of kinds and edges have the names of those here. Metamethods are
//! kinds of operands: `meta1` and `meta2` are tables with different ones, so that pairs show which operand's is called, and `metadata` is a userdata
//! with a third set; `table` and `userdata` have none.

use crate::edges::{Edge, edges, immediate_edges};
use crate::{AnyUnOp, Kind, NumberKind, Op, OperandInfo, OperandKind, Role, Sem};

/// The kinds of values that an `any` register holds, as the grid tells them apart.
const KINDS: [&str; 15] = [
    "nil",
    "false",
    "true",
    "i64",
    "f64",
    "numeral",
    "string",
    "table",
    "meta1",
    "meta2",
    "closure",
    "foreign",
    "coroutine",
    "userdata",
    "metadata",
];

/// The kinds of fixed registers that generic instructions read.
const FIXED: [&str; 3] = ["fixed_i64", "fixed_f64", "fixed_bool"];

/// Numbers, and strings that spell some, at which generic arithmetic and comparisons change what they do.
const NUMBERS: [&str; 28] = [
    "zero",
    "one",
    "minus_one",
    "two",
    "minus_seven",
    "min",
    "max",
    "width_minus_one",
    "width",
    "pow53_plus_one",
    "f_zero",
    "f_minus_zero",
    "f_half",
    "f_minus_five_halves",
    "f_three",
    "f_pow53",
    "f_pow63",
    "f_minus_pow63",
    "f_max",
    "f_inf",
    "f_minus_inf",
    "f_nan",
    "s_ten",
    "s_hexadecimal",
    "s_float",
    "s_spaces",
    "s_hexadecimal_float",
    "s_pow63",
];

/// The cells of every instruction on dynamic values, in the order of the table.
pub fn dynamic_grid() -> Vec<String> {
    Op::dynamic().flat_map(dynamic_cells).collect()
}

/// The cells of one instruction on dynamic values.
pub fn dynamic_cells(op: Op) -> Vec<String> {
    let info = op.info();
    let mut cells = Vec::new();
    let generic: Vec<&OperandInfo> = info
        .operands
        .iter()
        .filter(|o| o.role == Role::Use && matches!(o.kind, OperandKind::Generic | OperandKind::Fixed(Kind::Any)))
        .collect();
    let is_called = info.operands.iter().any(|o| o.role == Role::Callee);
    let fixed = |operand: &OperandInfo| if operand.kind == OperandKind::Generic { FIXED.as_slice() } else { &[] };
    match generic[..] {
        [] => {}
        // Beside what is called: a message handler.
        [a] if is_called => cells.extend(KINDS.map(|kind| format!("{}/{kind}", a.name))),
        [a] => {
            cells.extend(KINDS.map(str::to_owned));
            cells.extend(fixed(a).iter().map(|kind| (*kind).to_owned()));
        }
        [a, b, ..] => {
            for kind in KINDS {
                cells.extend(KINDS.map(|second| format!("{kind},{second}")));
                cells.extend(fixed(a).iter().map(|fixed| format!("{fixed},{kind}")));
                cells.extend(fixed(b).iter().map(|fixed| format!("second_{fixed},{kind}")));
            }
            if let Some(third) = generic.get(2) {
                cells.extend(fixed(third).iter().map(|fixed| format!("{}/{fixed}", third.name)));
            }
        }
    }
    for operand in info.operands {
        cells.extend(of_operand(info.sem, operand));
    }
    cells.extend(of_meaning(info.sem));
    cells.extend(info.errors.iter().map(|error| format!("error/{}", error.name())));
    cells.into_iter().map(|cell| format!("{op}/{cell}")).collect()
}

/// What an operand that is no plain register demands.
fn of_operand(sem: Sem, operand: &OperandInfo) -> Vec<String> {
    let name = operand.name;
    let each = |values: &[&str]| values.iter().map(|value| format!("{name}/{value}")).collect();
    let of_edges = |edges: &[Edge]| edges.iter().map(|edge| format!("{name}/{}", edge.name)).collect();
    match (operand.role, sem) {
        (Role::Callee | Role::Iterator, _) => KINDS.map(str::to_owned).to_vec(),
        (Role::Numeric, Sem::ForPrep) => ["start", "limit", "step", "float_limit"]
            .iter()
            .flat_map(|what| KINDS.map(|k| format!("{what}/{k}")))
            .collect(),
        // A chain has no open list; a loop's variables are always counted.
        (Role::Reads, Sem::Concat) => {
            let mut cells: Vec<String> =
                ["one", "three"].iter().flat_map(|n| KINDS.map(|k| format!("{name}/{n},{k}"))).collect();
            cells.extend(KINDS.iter().flat_map(|a| KINDS.map(|b| format!("{name}/four,{a},{b}"))));
            cells.extend(KINDS.iter().flat_map(|a| KINDS.map(|b| format!("{a},{b}"))));
            cells
        }
        (Role::Writes, Sem::ForIn) => each(&["one", "two", "three"]),
        (Role::Reads | Role::Writes, _) => each(&["zero", "one", "three", "open"]),
        (Role::Pool, Sem::Number(NumberKind::Float)) => of_edges(edges(Kind::F64)),
        (Role::Pool, _) => of_edges(edges(Kind::I64)),
        (Role::Str, Sem::Text) => each(&["empty", "short", "long", "bytes"]),
        (Role::Str, Sem::Import) => each(&["present", "absent"]),
        (role, Sem::Close) if role.immediate_range().is_some() => Vec::new(),
        (role, _) => of_edges(immediate_edges(role)),
    }
}

/// What an instruction's meaning demands beyond its operands.
fn of_meaning(sem: Sem) -> Vec<String> {
    let each = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let with_kinds = |what: &[&str]| what.iter().flat_map(|what| KINDS.map(|kind| format!("{what},{kind}"))).collect();
    match sem {
        // Each number against every other, and with each constant.
        Sem::Arith(_) | Sem::AnyCompare(_) | Sem::AnyBranch(_) => NUMBERS.map(|n| format!("edge/{n}")).to_vec(),
        Sem::AnyUnary(AnyUnOp::Neg | AnyUnOp::Bnot | AnyUnOp::Len | AnyUnOp::Not)
        | Sem::Concat
        | Sem::PrintAny
        | Sem::Get
        | Sem::Set => {
            let mut cells = vec!["edges".to_owned()];
            match sem {
                Sem::Get => cells.extend(["integers", "floats", "truths"].map(|of| format!("elements/{of}"))),
                Sem::Set => cells.extend(
                    ["integers", "floats", "truths", "mixed"]
                        .iter()
                        .flat_map(|of| KINDS.map(|kind| format!("value/{of},{kind}"))),
                ),
                _ => {}
            }
            cells
        }
        Sem::StringByte => each(&["edges"]),
        // Both ends.
        Sem::StringSlice => NUMBERS.map(|n| format!("edge/{n}")).to_vec(),
        // What is looked for: nothing, a byte, a part, the whole, more, what is not there.
        Sem::StringFind => (0..6).map(|n| format!("wanted/{n}")).collect(),
        Sem::Nil => each(&["value"]),
        Sem::SetName => each(&["nil_removes"]),
        Sem::Append => KINDS.map(|kind| format!("values/{kind}")).to_vec(),
        Sem::Closure => {
            let mut cells =
                vec!["captures/none".to_owned(), "captures/shared".to_owned(), "captures/identity".to_owned()];
            cells.extend(["variable", "upvalue"].iter().flat_map(|w| KINDS.map(|k| format!("captures/{w},{k}"))));
            cells
        }
        Sem::UpvalueGet => KINDS.iter().flat_map(|kind| [(*kind).to_owned(), format!("closed,{kind}")]).collect(),
        Sem::Close => {
            let mut cells = vec!["nothing".to_owned(), "captured".to_owned()];
            cells.extend(KINDS.map(|kind| format!("kept,{kind}")));
            cells
        }
        Sem::CallAny => with_kinds(&["chain"]),
        Sem::ProtectedCall => with_kinds(&["caught"]),
        Sem::Vararg => each(&["given/none", "given/fewer"]),
        Sem::ForPrep => {
            each(&["edge/start", "edge/limit", "edge/limit_down", "edge/float_limit", "edge/step", "edge/step_down"])
        }
        Sem::ForLoop => each(&[
            "integer_up",
            "integer_down",
            "once",
            "none",
            "last_integers",
            "first_integers",
            "overflowing_step",
            "largest_step",
            "smallest_step",
            "float_up",
            "float_down",
            "float_stuck",
            "float_rounding",
        ]),
        Sem::Resume | Sem::ResumeOr | Sem::CoroutineStatus | Sem::CoroutineClose => {
            ["new", "suspended", "running", "normal", "dead", "failed"].map(|state| format!("state/{state}")).to_vec()
        }
        Sem::Yield => each(&["outside"]),
        Sem::CoroutineRunning => each(&["outside", "inside"]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_instruction_has_cells_and_names_are_unique() {
        let mut names = HashSet::new();
        for op in Op::dynamic() {
            let cells = dynamic_cells(op);
            assert!(!cells.is_empty(), "{op} has no cell");
            for cell in cells {
                assert!(!cell.contains(':'), "{cell}: a line of output shows it as `CELL: outcome`");
                assert!(names.insert(cell.clone()), "{cell} twice");
            }
        }
        for name in [
            "add.any/nil,meta2",
            "add.any/second_fixed_i64,string",
            "modi.any/error/divide_by_zero",
            "shl.any/edge/width",
            "unbox.f64/i64",
            "xpcall.any/handler/nil",
            "call.any/results/open",
            "set.any/value/fixed_bool",
        ] {
            assert!(names.contains(name), "{name}");
        }
    }
}
