//! A report as one HTML file that needs nothing else: style, script, pictures and words are inside, and nothing is fetched.
//!
//! The page is whole without its script: `page.js` only adds sorting, filtering, the theme button, and opening what a link leads to.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::answers::{Answer, State, answers};
use super::charts::{self, Chart};
use super::document::{Cell, Part, Section, Table};
use super::format::rounds;
use super::model::Report;
use super::sections::{board, noise, sections};

#[cfg(test)]
mod browser;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// With more columns than this, intervals stand below their values.
const WIDE: usize = 6;

/// Tables with more rows than this can be filtered.
const FILTERED: usize = 12;

/// What the page may load: nothing but itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The whole file.
pub fn write(report: &Report) -> String {
    let sections = sections(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                link rel="icon" href="data:,";
                title { "Lockstep report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#main" { "Skip to the results" }
                (top(report, &sections))
                main id="main" tabindex="-1" {
                    (overview(report))
                    @for section in &sections { (write_section(section)) }
                }
                footer {
                    p { "Made by " code { "lockstep report" } " " (report.environment.lockstep) ". The same as data is in " code { "results.json" } ", as text in " code { "RESULTS.md" } "." }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn top(report: &Report, sections: &[Section]) -> Markup {
    let machine = &report.environment.machine;
    let mut facts = vec![machine.cpu.clone(), machine.system.clone()];
    if let Some(bench) = &report.bench {
        let sizes = if bench.conditions.quick { "small" } else { "full" };
        facts.push(format!("{sizes} sizes, {}", rounds(&bench.conditions)));
    }
    facts.retain(|fact| !fact.is_empty());
    html! {
        header {
            div class="title" {
                h1 { "Lockstep report" }
                p { (facts.join(" · ")) }
            }
            nav aria-label="Sections" {
                ul { @for section in sections { li { a href={ "#" (section.id) } { (section.short) } } } }
            }
        }
    }
}

fn overview(report: &Report) -> Markup {
    let chart = report.bench.as_ref().and_then(charts::choice);
    html! {
        section class="answers" id="summary" aria-label="Summary" {
            @for answer in answers(report) { (write_answer(&answer)) }
        }
        @if let Some(board) = board(report) {
            section class="board" id="board" aria-labelledby="board-title" {
                div class="sides" {
                    div { h2 id="board-title" { "Side by side, at default levels" } (write_table(&board)) (board_words(report)) }
                    @if let Some(chart) = &chart { (write_chart(chart)) }
                }
            }
        }
    }
}

/// What the columns of the board mean.
fn board_words(report: &Report) -> Markup {
    html! {
        p class="words" {
            b { "uplift" } ": times the interpreter's speed, geometric mean over the kernels (95 % interval). "
            b { "compile" } ": from bytecode to loaded code, set-up included, for a typical kernel. "
            b { "code bytes" } ": over the corpus. "
            b { "native" } ": the least share of a benchmark's instructions that ran as native code."
            @if let Some(noise) = noise(report) { " " b { "noise" } ": " (noise) }
        }
    }
}

fn write_answer(answer: &Answer) -> Markup {
    html! {
        article class={ "answer " (class(answer.state)) } {
            h2 { (answer.question) }
            p class="short" { (sign(answer.state)) (answer.short) }
            @if !answer.parts.is_empty() {
                dl {
                    @for part in &answer.parts {
                        div { dt { (part.what) } dd { (first_words(&part.is)) } dd class="why" { (part.note) } }
                    }
                }
            }
            @for sentence in &answer.sentences { p { (sentence) } }
            p class="more" { a href={ "#" (answer.more.0) } { (answer.more.1) } }
        }
    }
}

/// A value, and its interval behind it, smaller.
fn first_words(text: &str) -> Markup {
    match text.split_once(" (") {
        Some((value, rest)) => html! { (value) " " small { "(" (rest) } },
        None => html! { (text) },
    }
}

fn write_section(section: &Section) -> Markup {
    let title = format!("{}-title", section.id);
    html! {
        section id=(section.id) aria-labelledby=(title) tabindex="-1" {
            h2 id=(title) { (section.title) }
            @for missing in &section.missing { p class="missing" { strong { "Missing: " } (missing) } }
            @for text in &section.text { p class="words" { (text) } }
            @for chart in &section.charts { (write_chart(chart)) }
            @for table in &section.tables { (write_table(table)) }
            @for part in &section.parts { (write_part(part)) }
        }
    }
}

fn write_part(part: &Part) -> Markup {
    html! {
        details class="part" id=(part.id) {
            summary {
                h3 { (part.title) }
                @for (what, cell) in &part.facts {
                    span class={ "fact " (class(cell.state)) } { (what) ": " b { (sign(cell.state)) (linked(cell)) } }
                }
            }
            @for text in &part.text { p class="words" { (text) } }
            @for chart in &part.charts { (write_chart(chart)) }
            @for table in &part.tables { (write_table(table)) }
        }
    }
}

fn write_chart(chart: &Chart) -> Markup {
    html! {
        figure id=(chart.id) {
            figcaption {
                (chart.title)
                @if let Some(note) = chart.note { " " span class="note" { (note) } }
                ul class="legend" {
                    @for key in &chart.legend {
                        li { i style={ "background:var(" (key.colour) ")" } {} (key.name) }
                    }
                }
            }
            div class="picture wide-page" { (picture(chart, "wide", &chart.wide)) }
            div class="picture narrow-page" { (picture(chart, "narrow", &chart.narrow)) }
        }
    }
}

/// A picture with its words inside.
fn picture(chart: &Chart, which: &str, svg: &str) -> Markup {
    let (title, words) = (format!("{}-{which}-title", chart.id), format!("{}-{which}-words", chart.id));
    let opening =
        html! { (PreEscaped("<svg role=\"img\" aria-labelledby=\"")) (title) " " (words) (PreEscaped("\" ")) };
    let inside = html! { title id=(title) { (chart.title) } desc id=(words) { (chart.description) } };
    let svg = svg.replacen("<svg ", &opening.into_string(), 1);
    let end = svg.find('>').map_or(svg.len(), |end| end + 1);
    html! { (PreEscaped(&svg[..end])) (inside) (PreEscaped(&svg[end..])) }
}

fn write_table(table: &Table) -> Markup {
    let numeric = |column: usize| table.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.number));
    html! {
        // Wide tables scroll by themselves: with the keyboard, too.
        div class="scroll" tabindex="0" role="region" aria-label=(table.caption) data-filter[table.rows.len() > FILTERED] {
            table class=[(table.head.len() > WIDE).then_some("wide")] {
                caption { (table.caption) }
                thead {
                    tr { @for (n, head) in table.head.iter().enumerate() { th scope="col" class=[numeric(n).then_some("number")] { (head) } } }
                }
                tbody {
                    @for row in &table.rows {
                        tr { @for (n, cell) in row.iter().enumerate() { (write_cell(cell, n == 0)) } }
                    }
                }
            }
        }
    }
}

fn write_cell(cell: &Cell, first: bool) -> Markup {
    let mut classes = vec![class(cell.state)];
    classes.extend(cell.number.then_some("number"));
    classes.extend(cell.heat.map(|_| "heat"));
    classes.retain(|c| !c.is_empty());
    let classes = (!classes.is_empty()).then(|| classes.join(" "));
    let heat = cell.heat.map(|heat| format!("--heat:{:.1}%", 100.0 * heat));
    let value = cell.value.map(|v| v.to_string());
    let inside = html! { (sign(cell.state)) (linked(cell)) };
    if first {
        html! { th scope="row" class=[classes] style=[heat] data-value=[value] { (inside) } }
    } else {
        html! { td class=[classes] style=[heat] data-value=[value] { (inside) } }
    }
}

fn linked(cell: &Cell) -> Markup {
    let text = if cell.number {
        first_words(&cell.text)
    } else {
        html! { (cell.text) }
    };
    match &cell.link {
        Some(anchor) => html! { a href={ "#" (anchor) } { (text) } },
        None => text,
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
fn sign(state: State) -> Markup {
    let sign = match state {
        State::Good => "✓ ",
        State::Bad => "✗ ",
        State::Unknown => "? ",
        State::Plain => return html! {},
    };
    html! { span aria-hidden="true" { (sign) } }
}
