//! A report in brief, for the terminal: the three answers and the board, at most [`WIDTH`] columns wide. Colours are for the caller's stream to keep or to strip.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::answers::{State, answers};
use super::document::{Cell, Table};
use super::model::Report;
use super::sections::board;

/// Columns.
pub const WIDTH: usize = 100;

/// How far sentences are set in.
const INDENT: &str = "  ";

/// The summary.
pub fn write(report: &Report) -> String {
    let mut out = String::new();
    let (bold, faint) = (Style::new().bold(), Style::new().dimmed());
    // Writing to a string does not fail.
    for answer in answers(report) {
        let style = style(answer.state).bold();
        let _ = writeln!(out, "{bold}{}{bold:#} {style}{}{style:#}", answer.question, answer.short);
        for part in &answer.parts {
            let said = wrap(&format!("{}, {}", part.is, part.note), WIDTH - 15).join("\n               ");
            let _ = writeln!(out, "{INDENT}{faint}{:<12}{faint:#} {said}", part.what);
        }
        for line in answer.sentences.iter().flat_map(|s| wrap(s, WIDTH - INDENT.len())) {
            let _ = writeln!(out, "{INDENT}{line}");
        }
    }
    if let Some(board) = board(report) {
        out.push('\n');
        write_table(&mut out, &board);
    }
    out
}

fn style(state: State) -> Style {
    let colour = match state {
        State::Good => AnsiColor::Green,
        State::Bad => AnsiColor::Red,
        State::Unknown => AnsiColor::Yellow,
        State::Plain => return Style::new(),
    };
    Style::new().fg_color(Some(colour.into()))
}

/// A table, without the intervals, which the other reports have: without columns from the right that do not fit.
fn write_table(out: &mut String, table: &Table) {
    let value = |cell: &Cell| cell.text.split(" (").next().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(value).collect()).collect();
    let mut widths = Vec::new();
    for (column, head) in table.head.iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain([head]);
        widths.push(cells.map(|cell| cell.chars().count()).max().unwrap_or_default());
        if widths.iter().sum::<usize>() + 2 * widths.len() + INDENT.len() > WIDTH {
            widths.pop();
            break;
        }
    }
    let faint = Style::new().dimmed();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(n, (cell, width))| if n == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        padded.collect::<Vec<_>>().join("  ")
    };
    let _ = writeln!(out, "{INDENT}{faint}{}{faint:#}", line(&table.head));
    for (row, cells) in rows.iter().zip(&table.rows) {
        let style = cells.iter().find(|c| c.state == State::Bad).map_or_else(Style::new, |c| style(c.state));
        let _ = writeln!(out, "{INDENT}{style}{}{style:#}", line(row));
    }
}

/// Lines of at most so many columns, broken between words; a word that is longer is broken where it must.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        for (n, piece) in word.chars().collect::<Vec<_>>().chunks(width).enumerate() {
            let line = lines.last_mut().expect("there is a line");
            if length > 0 && (n > 0 || length + 1 + piece.len() > width) {
                lines.push(piece.iter().collect());
                length = piece.len();
                continue;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a 123456789 b", 4), ["a", "1234", "5678", "9 b"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
