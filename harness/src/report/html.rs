//! A report as one HTML file that needs nothing else: style, pictures and words are inside, and nothing is fetched.

use std::fmt::Write as _;

use super::charts::Chart;
use super::document::{Cell, Section, Table, sections};
use super::model::Report;
use super::sentences::{Answer, State, answers};

const STYLE: &str = include_str!("style.css");

/// With more columns than this, intervals stand below their values.
const WIDE: usize = 6;

/// The whole file.
pub fn write(report: &Report) -> String {
    let sections = sections(report);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>Lockstep report</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n"
    );
    let machine = &report.environment.machine;
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<header>\n<h1>Lockstep report</h1>\n<p>{} · {} · Lockstep {}</p>\n</header>\n<main>",
        escape(&machine.cpu),
        escape(&machine.system),
        escape(&report.environment.lockstep)
    );
    out += "<section class=\"answers\" aria-label=\"Summary\">\n";
    for answer in answers(report) {
        write_answer(&mut out, &answer);
    }
    out += "</section>\n<nav aria-label=\"Sections\"><ul>\n";
    for section in &sections {
        let _ = writeln!(out, "<li><a href=\"#{}\">{}</a></li>", section.id, escape(section.title));
    }
    out += "</ul></nav>\n";
    for section in &sections {
        write_section(&mut out, section);
    }
    out += "</main>\n<footer><p>Made by <code>lockstep report</code>. The same as data is in <code>results.json</code>.</p></footer>\n";
    out += "</body>\n</html>\n";
    out
}

fn write_answer(out: &mut String, answer: &Answer) {
    let (class, sign) = (class(answer.state), sign(answer.state));
    let _ = writeln!(
        out,
        "<article class=\"answer {class}\">\n<h2>{}</h2>\n<p class=\"short\">{sign}{}</p>",
        escape(answer.question),
        escape(&answer.short)
    );
    for sentence in &answer.sentences {
        let _ = writeln!(out, "<p>{}</p>", escape(sentence));
    }
    *out += "</article>\n";
}

fn write_section(out: &mut String, section: &Section) {
    let id = section.id;
    let _ = writeln!(out, "<section id=\"{id}\" aria-labelledby=\"{id}-title\">");
    let _ = writeln!(out, "<h2 id=\"{id}-title\">{}</h2>", escape(section.title));
    for missing in &section.missing {
        let _ = writeln!(out, "<p class=\"missing\"><strong>Missing:</strong> {}</p>", escape(missing));
    }
    for text in &section.text {
        let _ = writeln!(out, "<p class=\"words\">{}</p>", escape(text));
    }
    if let Some(chart) = &section.chart {
        write_chart(out, id, chart);
    }
    for table in &section.tables {
        write_table(out, table);
    }
    *out += "</section>\n";
}

fn write_chart(out: &mut String, id: &str, chart: &Chart) {
    let _ = write!(out, "<figure>\n<figcaption>{}", escape(chart.title));
    *out += "<ul class=\"legend\">";
    for key in &chart.legend {
        let _ = write!(out, "<li><i style=\"background:var({})\"></i>{}</li>", key.colour, escape(&key.name));
    }
    *out += "</ul></figcaption>\n";
    let opening = format!("<svg role=\"img\" aria-labelledby=\"{id}-chart {id}-chart-words\" ");
    let svg = chart.svg.replacen("<svg ", &opening, 1);
    let words = format!(
        "<title id=\"{id}-chart\">{}</title><desc id=\"{id}-chart-words\">{}</desc>",
        escape(chart.title),
        escape(&chart.description)
    );
    match svg.split_once('>') {
        Some((head, rest)) => {
            let _ = writeln!(out, "{head}>{words}{rest}</figure>");
        }
        None => *out += "</figure>\n",
    }
}

fn write_table(out: &mut String, table: &Table) {
    // Wide tables scroll by themselves: with the keyboard, too.
    let caption = escape(&table.caption);
    let _ = writeln!(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">");
    let wide = if table.head.len() > WIDE { " class=\"wide\"" } else { "" };
    let _ = writeln!(out, "<table{wide}>\n<caption>{caption}</caption>\n<thead><tr>");
    let numeric = |column: usize| table.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.number));
    for (n, head) in table.head.iter().enumerate() {
        let class = if numeric(n) { " class=\"number\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escape(head));
    }
    *out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        *out += "<tr>";
        for (n, cell) in row.iter().enumerate() {
            write_cell(out, cell, n == 0);
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table></div>\n";
}

fn write_cell(out: &mut String, cell: &Cell, first: bool) {
    let mut classes = vec![class(cell.state)];
    if cell.number {
        classes.push("number");
    }
    classes.retain(|c| !c.is_empty());
    let class = if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
    let text = format!("{}{}", sign(cell.state), escape(&cell.text));
    // A ratio's interval is read second.
    let text = match text.split_once(" (") {
        Some((value, rest)) if cell.number => format!("{value} <small>({rest}</small>"),
        _ => text,
    };
    if first {
        let _ = write!(out, "<th scope=\"row\"{class}>{text}</th>");
    } else {
        let _ = write!(out, "<td{class}>{text}</td>");
    }
}

const fn class(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Bad => "bad",
        State::Unknown => "unknown",
        State::Plain => "",
    }
}

/// A sign, for those who do not see colours.
const fn sign(state: State) -> &'static str {
    match state {
        State::Good => "<span aria-hidden=\"true\">✓ </span>",
        State::Bad => "<span aria-hidden=\"true\">✗ </span>",
        State::Unknown => "<span aria-hidden=\"true\">? </span>",
        State::Plain => "",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
