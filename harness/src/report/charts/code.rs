//! Bytes of machine code over the corpus, by implementation: bars. The figures are exact and have no interval.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, Ink, Page, backends, colour, legend, svg};
use crate::report::format::count;
use crate::report::model::Bench;

const ROW: i32 = 24;

/// The chart; none without a figure.
pub fn code(bench: &Bench) -> Option<Chart> {
    let most = bench.analysis.compile.iter().map(|c| c.code_bytes).max().filter(|most| *most > 0)?;
    let said = bench.analysis.compile.iter().map(|c| format!("{} {}", c.implementation, count(c.code_bytes)));
    let description = format!("Bytes: {}.", said.collect::<Vec<_>>().join(", "));
    Some(Chart {
        id: "chart-code".to_owned(),
        title: "Bytes of machine code over the corpus".to_owned(),
        note: Some("Shorter is smaller. Exact counts. Full bars are default levels."),
        description,
        legend: legend(&backends(bench)),
        wide: draw(bench, most, Page::Wide),
        narrow: draw(bench, most, Page::Narrow),
    })
}

fn draw(bench: &Bench, most: u64, page: Page) -> String {
    let (left, right) = (page.pick(190, 128), page.width() - page.pick(90, 64));
    let backends = backends(bench);
    svg(page, bench.analysis.compile.len() as i32 * ROW + 6, |canvas: &Canvas| {
        for (n, figure) in bench.analysis.compile.iter().enumerate() {
            let y = n as i32 * ROW + ROW / 2;
            let end = left + (f64::from(right - left) * figure.code_bytes as f64 / most as f64).round() as i32;
            let who = &figure.implementation;
            canvas.text(&who.to_string(), (left - 10, y), HPos::Right, Ink::Text, bench.is_default(who));
            canvas.bar((left, y - 7), (end, y + 7), colour(&backends, who), bench.is_default(who));
            canvas.text(&count(figure.code_bytes), (end + 8, y), HPos::Left, Ink::Faint, false);
        }
    })
}
