//! The reference, docs/bytecode.md, made from the table.

use crate::{ErrorKind, Family, Kind, Op, OpInfo, OperandKind, Role, Sem};
use std::fmt::Write;

/// The text of docs/bytecode.md.
pub fn reference() -> String {
    let mut out = include_str!("reference.md").to_owned();
    let _ = writeln!(out, "\n## Instructions\n\nThere are {}.", Op::ALL.len());
    for family in Family::ALL {
        let _ = writeln!(out, "\n### {}\n", family.title());
        out.push_str("| instruction | kinds | what it does | effects | errors |\n|---|---|---|---|---|\n");
        let mut rows: Vec<&OpInfo> = Vec::new();
        for info in Op::ALL.iter().map(|op| op.info()).filter(|info| info.family == family) {
            if rows.first().is_some_and(|first| !same_row(first, info)) {
                row(&rows, &mut out);
                rows.clear();
            }
            rows.push(info);
        }
        row(&rows, &mut out);
    }
    out.push_str("\n## Errors\n\n| name | message |\n|---|---|\n");
    for kind in ErrorKind::ALL {
        let _ = writeln!(out, "| `{}` | {} |", kind.name(), kind.message());
    }
    out
}

/// Whether two instructions of the table stand in one line of the reference.
fn same_row(a: &OpInfo, b: &OpInfo) -> bool {
    (a.stem, a.doc, a.sem, a.errors) == (b.stem, b.doc, b.sem, b.errors) && operands(a) == operands(b)
}

fn row(rows: &[&OpInfo], out: &mut String) {
    let Some(first) = rows.first() else { return };
    let suffixes: Vec<_> = rows.iter().map(|info| info.mnemonic[info.stem.len()..].trim_start_matches('.')).collect();
    let suffix = if suffixes == [""] { "" } else { ".K" };
    let mut effects = first.effects.names();
    if first.helper {
        effects.push("may use a helper");
    }
    let errors: Vec<_> = first.errors.iter().map(|kind| format!("`{}`", kind.name())).collect();
    let _ = writeln!(
        out,
        "| `{}{suffix} {}` | {} | {} | {} | {} |",
        first.stem,
        operands(first).join(", "),
        suffixes.join(" "),
        first.doc.trim(),
        effects.join(", "),
        errors.join(", "),
    );
}

fn operands(info: &OpInfo) -> Vec<String> {
    let mut all = Vec::new();
    for operand in info.operands {
        let name = operand.name;
        all.push(match (operand.role, operand.kind) {
            (Role::Args, _) => "func(args…)".to_owned(),
            (Role::Func, _) => continue, // shown with the arguments
            (Role::Table, _) => "[label, …], default".to_owned(),
            (Role::Label, _) => name.to_owned(),
            (Role::Imm32, _) => format!("{name}: i32 number"),
            (Role::ImmU32, _) => format!("{name}: u32 number"),
            (Role::Imm8, _) => format!("{name}: i8 number"),
            (Role::ImmU8, _) => format!("{name}: u8 number"),
            (Role::Imm16, _) => format!("{name}: i16 number"),
            (Role::ImmU16, _) => format!("{name}: u16 number"),
            (Role::Flag, _) => format!("{name}: true or false"),
            (Role::Seen | Role::Site, _) => continue, // not written
            (Role::Reads | Role::Writes, _) => format!("{name}: count"),
            (Role::Str, _) => format!("{name}: string"),
            (Role::Upvalue, _) => format!("{name}: upvalue"),
            (Role::Template, _) => "function(capture…)".to_owned(),
            (role, _) if role.is_group() => format!("{name}…"),
            (_, OperandKind::Generic) => format!("{name}: value"),
            (Role::Pool, _) => format!("{name}: constant"),
            (_, OperandKind::CalleeResult) => format!("{name}: result"),
            (_, OperandKind::OwnResult) => format!("{name}: own result"),
            (Role::Def, _) if matches!(info.sem, Sem::Compare(_)) => format!("{name}: bool"),
            (_, _) if name == "cond" => format!("{name}: bool"),
            (_, OperandKind::Fixed(kind)) if info.from.is_none() && info.kind == Some(kind) => name.to_owned(),
            (_, OperandKind::Fixed(kind)) => format!("{name}: {}", shown(info, name, kind)),
            (_, OperandKind::None) => name.to_owned(),
        });
    }
    all
}

/// A kind relative to the row: `K`, `[K]`, or, where it is not the row's, its name.
fn shown(info: &OpInfo, name: &str, kind: Kind) -> &'static str {
    let conversion = info.from.is_some_and(|from| from.element().is_none());
    match kind {
        _ if conversion && info.kind == Some(kind) => "target",
        _ if conversion && info.from == Some(kind) => "source",
        _ if info.from == Some(kind) => "[K]",
        // An index is an i64 whatever the element kind is.
        _ if matches!(name, "length" | "index") || info.sem == Sem::ArrayLen => "i64",
        _ if info.kind == Some(kind) => "K",
        _ => kind.name(),
    }
}
