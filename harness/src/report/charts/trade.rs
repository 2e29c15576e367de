//! Compile time against peak speed: a point with two intervals for each backend and level.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, Ink, Page, Point, Scale, axis_seconds, backends, colour, free_place, legend, svg};
use crate::bench::Implementation;
use crate::report::format::{ratio_interval, seconds_interval};
use crate::report::model::Bench;
use crate::stats::Interval;

const HEIGHT: i32 = 360;
const BOTTOM: i32 = HEIGHT - 48;

/// An implementation, its time of compilation, its uplift.
type Mark<'b> = (&'b Implementation, Interval, Interval);

/// The chart; none without a backend that has both.
pub fn trade(bench: &Bench) -> Option<Chart> {
    let marks: Vec<Mark> = bench
        .natives()
        .map(|p| &p.implementation)
        .filter_map(|name| Some((name, bench.compile_of(name)?.median, bench.uplift_of(name, None)?)))
        .collect();
    let said = marks.iter().map(|(name, compile, uplift)| {
        format!("{name}: {} for the median unit, {}", seconds_interval(compile), ratio_interval(uplift))
    });
    let description = format!("{}.", said.collect::<Vec<_>>().join("; "));
    Some(Chart {
        id: "chart-trade".to_owned(),
        title: "Compile time against uplift, with 95 % intervals".to_owned(),
        note: Some("Both logarithmic. Better is up and to the left. Full marks are default levels."),
        description,
        legend: legend(&backends(bench)),
        wide: draw(bench, &marks, Page::Wide)?,
        narrow: draw(bench, &marks, Page::Narrow)?,
    })
}

fn draw(bench: &Bench, marks: &[Mark], page: Page) -> Option<String> {
    let (left, right) = (page.pick(60, 40), page.width());
    let backends = backends(bench);
    let room = page.pick(120, 100);
    let across = Scale::of(marks.iter().flat_map(|m| [m.1.low, m.1.high]), left + 10, right - room)?;
    let up = Scale::of(marks.iter().flat_map(|m| [m.2.low, m.2.high]), BOTTOM, 30)?;
    Some(svg(page, HEIGHT, |canvas: &Canvas| {
        for tick in across.ticks() {
            let x = across.place(tick);
            canvas.line(&[(x, 18), (x, BOTTOM)], Ink::Grid, 1);
            canvas.text(&axis_seconds(tick), (x, BOTTOM + 14), HPos::Center, Ink::Faint, false);
        }
        for tick in up.ticks() {
            let y = up.place(tick);
            canvas.line(&[(left, y), (right, y)], Ink::Grid, 1);
            canvas.text(&format!("{tick}×"), (left - 8, y), HPos::Right, Ink::Faint, false);
        }
        canvas.line(&[(left, BOTTOM), (right, BOTTOM)], Ink::Faint, 1);
        canvas.text("← quicker to compile: the median unit", (left, BOTTOM + 36), HPos::Left, Ink::Faint, false);
        canvas.text("↑ faster code: uplift", (0, 8), HPos::Left, Ink::Faint, false);
        let mut taken: Vec<Point> =
            marks.iter().map(|m| (across.place(m.1.estimate), up.place(m.2.estimate))).collect();
        for (name, compile, uplift) in marks {
            let ink = colour(&backends, name);
            let (x, y) = (across.place(compile.estimate), up.place(uplift.estimate));
            canvas.line(&[(across.place(compile.low), y), (across.place(compile.high), y)], ink, 2);
            canvas.line(&[(x, up.place(uplift.low)), (x, up.place(uplift.high))], ink, 2);
            canvas.dot((x, y), ink, bench.is_default(name));
            let at = free_place(&taken, (x + 10, y - 11));
            taken.push(at);
            canvas.text(&name.to_string(), at, HPos::Left, Ink::Text, false);
        }
    }))
}
