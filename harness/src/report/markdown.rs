//! A report as Markdown: `RESULTS.md`.

use std::fmt::Write as _;

use super::answers::{State, answers};
use super::document::{Cell, Part, Section, Table};
use super::model::Report;
use super::sections::{board, sections};

/// The whole file.
pub fn write(report: &Report) -> String {
    let mut out = String::from(
        "# Results\n\nMade by `lockstep report`. The same with charts: `report.html`; as data: `results.json`.\n",
    );
    // Writing to a string does not fail.
    for answer in answers(report) {
        let _ = writeln!(out, "\n**{}** {}", answer.question, escape(&answer.line()));
    }
    if let Some(board) = board(report) {
        write_table(&mut out, &board);
    }
    let (here, elsewhere): (Vec<Section>, Vec<Section>) = sections(report).into_iter().partition(has_figures);
    for section in here {
        let _ = writeln!(out, "\n## {}", section.title);
        for missing in &section.missing {
            let _ = writeln!(out, "\n**Missing:** {}", escape(missing));
        }
        for text in &section.text {
            let _ = writeln!(out, "\n{}", escape(text));
        }
        for table in section.tables.iter().filter(|t| !t.long) {
            write_table(&mut out, table);
        }
        for table in section.tables.iter().filter(|t| t.long) {
            let _ = writeln!(out, "\nIn `report.html` alone: {}.", escape(&table.caption));
        }
        // What is only to be opened on the page is too much here; what failed is not.
        for part in section.parts.iter().filter(|p| p.tables.is_empty() && p.charts.is_empty()) {
            write_part(&mut out, part);
        }
    }
    if !elsewhere.is_empty() {
        out += "\n## In `report.html` alone\n\n";
    }
    for section in elsewhere {
        let _ = writeln!(out, "- **{}**. {}", section.title, escape(&section.text.join(" ")));
    }
    out
}

/// Whether this file has more of a section than its words, if there is more of it at all.
fn has_figures(section: &Section) -> bool {
    let has_table = section.tables.iter().any(|t| !t.long);
    // Parts that are to be opened are figures of the page.
    let is_opened = |part: &Part| !part.tables.is_empty() || !part.charts.is_empty();
    !section.missing.is_empty() || has_table || section.tables.is_empty() && !section.parts.iter().any(is_opened)
}

fn write_part(out: &mut String, part: &Part) {
    let _ = writeln!(out, "\n- **{}**", escape(&part.title));
    for text in &part.text {
        let _ = writeln!(out, "  {}", escape(text));
    }
}

pub(super) fn write_table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n### {}\n", escape(&table.caption));
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    *out += &line(table.head.iter().map(|h| escape(h)).collect());
    let numeric = |column: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.number)
    };
    *out += &line((0..table.head.len()).map(|n| if numeric(n) { "--:" } else { "---" }.to_owned()).collect());
    for row in &table.rows {
        *out += &line(row.iter().map(cell).collect());
    }
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    if cell.state == State::Bad { format!("**{text}**") } else { text }
}

/// Text that Markdown takes for nothing else, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim_end().chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '<' | '>' | '`' | '[' | ']' | '\\' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}
