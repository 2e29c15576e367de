//! A report in brief, as Markdown: for a pull request and for a job's summary page. `RESULTS.md` is the long form.

use std::fmt::Write as _;

use super::answers::{State, answers};
use super::findings::findings;
use super::format::{count, counted};
use super::markdown::{escape, write_table};
use super::model::Report;
use super::sections::board;

/// So many findings are listed; the rest are counted.
const LISTED: usize = 20;

/// The whole file.
pub fn write(report: &Report) -> String {
    let mut out = String::from("## Lockstep\n\n| question | answer |\n| --- | --- |\n");
    let answers = answers(report);
    // Writing to a string does not fail.
    for answer in &answers {
        let parts: Vec<String> = answer.parts.iter().map(|p| format!("{}: **{}**", p.what, escape(&p.is))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!("<br>{}", parts.join("; ")) };
        let _ = writeln!(out, "| {} | {} **{}**{parts} |", answer.question, sign(answer.state), escape(&answer.short));
    }
    for answer in &answers {
        let _ = writeln!(out, "\n**{}** {}", answer.question, escape(&answer.line()));
    }
    if let Some(board) = board(report) {
        write_table(&mut out, &board);
    }
    let all = findings(report);
    for (state, title) in [(State::Bad, "failed"), (State::Unknown, "cannot be told")] {
        let found: Vec<_> = all.iter().filter(|f| f.state == state).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n<details><summary>{}</summary>\n", counted_as(found.len(), title));
        for finding in found.iter().take(LISTED) {
            let why = finding.why.as_ref().map_or_else(String::new, |why| format!(": {}", escape(why)));
            let again = finding.again.as_ref().map_or_else(String::new, |again| format!(" (`{again}`)"));
            let _ = writeln!(out, "- {} {}{why}{again}", finding.suite, escape(&finding.name));
        }
        if found.len() > LISTED {
            let _ = writeln!(out, "- and {} more", count((found.len() - LISTED) as u64));
        }
        out += "\n</details>\n";
    }
    out
}

fn counted_as(n: usize, what: &str) -> String {
    format!("{} {what}", counted(n as u64, "check"))
}

const fn sign(state: State) -> &'static str {
    match state {
        State::Good => "✅",
        State::Bad => "❌",
        State::Unknown => "❔",
        State::Plain => "➡️",
    }
}
