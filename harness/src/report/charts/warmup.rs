//! How a kernel warms up: seconds of each call from the first on, a curve for each backend at its default level and for the interpreter.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, Ink, Key, Page, Point, Scale, axis_seconds, backends, colour, legend, svg};
use crate::bench::Implementation;
use crate::report::document::anchor;
use crate::report::model::Bench;

const HEIGHT: i32 = 220;
const BOTTOM: i32 = HEIGHT - 40;
const TOP: i32 = 10;

/// The chart; none unless the kernel was seen to warm up.
pub fn warmup(bench: &Bench, kernel: &str) -> Option<Chart> {
    let mut curves: Vec<(Option<&Implementation>, &[f64])> = Vec::new();
    let of = |who: &Implementation| Some(bench.warmup_of(who, kernel)?.curve.as_slice());
    curves.extend(of(&Implementation::Interpreter).map(|curve| (None, curve)));
    curves.extend(bench.headline().into_iter().filter_map(|who| Some((Some(who), of(who)?))));
    let calls = curves.iter().map(|(_, curve)| curve.len()).max().filter(|calls| *calls > 1)?;
    let mut keys = legend(&backends(bench));
    keys.push(Key { colour: "--faint".to_owned(), name: "the interpreter".to_owned() });
    Some(Chart {
        id: anchor("warmup", kernel),
        title: format!("How {kernel} warms up: time of each call, from the first on"),
        note: Some("Both logarithmic; medians over processes. The first calls pay for compilation."),
        description: format!(
            "{calls} calls. Time to peak and steady state stand in the table of the section on warming up."
        ),
        legend: keys,
        wide: draw(bench, &curves, calls, Page::Wide)?,
        narrow: draw(bench, &curves, calls, Page::Narrow)?,
    })
}

fn draw(bench: &Bench, curves: &[(Option<&Implementation>, &[f64])], calls: usize, page: Page) -> Option<String> {
    let (left, right) = (page.pick(70, 52), page.width() - 8);
    let across = Scale { low: 1.0, high: calls as f64, from: left, to: right };
    let up = Scale::of(curves.iter().flat_map(|(_, curve)| curve.iter().copied()), BOTTOM, TOP)?;
    let backends = backends(bench);
    Some(svg(page, HEIGHT, |canvas: &Canvas| {
        for tick in up.ticks() {
            canvas.line(&[(left, up.place(tick)), (right, up.place(tick))], Ink::Grid, 1);
            canvas.text(&axis_seconds(tick), (left - 8, up.place(tick)), HPos::Right, Ink::Faint, false);
        }
        for tick in across.ticks() {
            canvas.text(&format!("{tick}"), (across.place(tick), BOTTOM + 14), HPos::Center, Ink::Faint, false);
        }
        canvas.line(&[(left, BOTTOM), (right, BOTTOM)], Ink::Faint, 1);
        canvas.text("call →", (right, BOTTOM + 30), HPos::Right, Ink::Faint, false);
        for (who, curve) in curves {
            let mut points: Vec<Point> = Vec::new();
            for (n, seconds) in curve.iter().enumerate().filter(|(_, seconds)| **seconds > 0.0) {
                let x = across.place((n + 1) as f64);
                // A point for each column of pixels is enough.
                if points.last().is_none_or(|last| last.0 < x) {
                    points.push((x, up.place(*seconds)));
                }
            }
            canvas.line(&points, who.map_or(Ink::Faint, |who| colour(&backends, who)), 2);
        }
    }))
}
