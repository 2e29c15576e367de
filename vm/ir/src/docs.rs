//! docs/ir.md, generated from the operation table.

use std::fmt::Write;

use crate::op::{Effect, Op, Operands, Stage};

/// The text of docs/ir.md.
pub fn generate() -> String {
    let mut out = String::from(include_str!("ir_intro.md"));
    for stage in [Stage::Machine, Stage::Value] {
        let count = Op::ALL.iter().filter(|o| o.info().stage == stage).count();
        writeln!(out, "\n## Operations of the {} stage ({count})\n", stage.name()).expect("writing to a string");
        out.push_str(
            "| operation | T | operands | results | effect | meaning |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for info in Op::ALL.iter().map(|o| o.info()).filter(|i| i.stage == stage) {
            let types: Vec<&str> = info.types.iter().map(|t| t.name()).collect();
            writeln!(
                out,
                "| `{}` | {} | {} | {} | {} | {} |",
                info.name,
                types.join(" "),
                operands(info.args),
                operands(info.results),
                effect(info.effect),
                info.doc
            )
            .expect("writing to a string");
        }
    }
    out
}

fn operands(operands: Operands) -> String {
    match operands {
        Operands::BySignature => "by signature".to_owned(),
        Operands::Fixed(patterns) => patterns.iter().map(|p| p.describe()).collect::<Vec<_>>().join(", "),
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "pure",
        Effect::ReadsMachine => "reads machine",
        Effect::Load => "load",
        Effect::Store => "store",
        Effect::AtomicLoad => "atomic load",
        Effect::Call => "call",
        Effect::Exit => "exit",
        Effect::Count => "count",
        Effect::Terminator => "terminator",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ir.md");
        let fresh = super::generate();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &fresh).expect("docs/ir.md can be written");
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == fresh, "docs/ir.md is stale: run `BLESS=1 cargo test -p lockstep-ir docs` and commit it");
    }
}
