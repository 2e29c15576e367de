//! Marks with intervals, kernel by kernel, each backend at its default level; and of these the time until an implementation is at its peak.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, GridLines, Ink, Page, Scale, axis_seconds, backends, colour, legend, svg};
use crate::bench::Implementation;
use crate::report::format::seconds;
use crate::report::model::Bench;
use crate::stats::Interval;

/// Pixels between the marks of a kernel.
const STEP: i32 = 11;
const GAP: i32 = 12;

/// What is drawn.
pub(super) struct Dots<'d> {
    /// Kernels, and none for all of them.
    pub(super) rows: &'d [Option<&'d str>],
    /// The figure of an implementation on a kernel.
    pub(super) figure: &'d dyn Fn(&Implementation, Option<&str>) -> Option<Interval>,
    /// How values stand at the axis.
    pub(super) tick: fn(f64) -> String,
    /// How the highest value of a row is written.
    pub(super) value: fn(f64) -> String,
    /// A value whose line is stronger; the scale reaches it.
    pub(super) emphasis: Option<f64>,
}

/// Draws; none without a figure.
pub(super) fn draw(bench: &Bench, dots: &Dots, page: Page) -> Option<String> {
    let names = bench.headline();
    let (left, right) = (page.pick(150, 96), page.width() - page.pick(80, 14));
    let figures = names.iter().flat_map(|name| dots.rows.iter().filter_map(|row| (dots.figure)(name, *row)));
    let scale = Scale::of(figures.flat_map(|f| [f.low, f.high]).chain(dots.emphasis), left, right)?;
    let backends = backends(bench);
    let group = names.len() as i32 * STEP + GAP;
    let bottom = dots.rows.len() as i32 * group;
    Some(svg(page, bottom + 26, |canvas: &Canvas| {
        canvas.across(&scale, 0, bottom, &GridLines { write: dots.tick, emphasis: dots.emphasis });
        for (g, row) in dots.rows.iter().enumerate() {
            let top = g as i32 * group;
            canvas.line(&[(0, top), (page.width(), top)], Ink::Grid, 1);
            let title = row.unwrap_or(page.pick_text("geometric mean", "mean"));
            canvas.text(title, (2, top + group / 2), HPos::Left, Ink::Text, row.is_none());
            let mut furthest: Option<(i32, String)> = None;
            for (n, name) in names.iter().enumerate() {
                let y = top + GAP / 2 + STEP / 2 + n as i32 * STEP;
                let Some(figure) = (dots.figure)(name, *row) else { continue };
                let ink = colour(&backends, name);
                let end = scale.place(figure.high);
                canvas.line(&[(scale.place(figure.low), y), (end, y)], ink, 3);
                canvas.dot((scale.place(figure.estimate), y), ink, true);
                if furthest.as_ref().is_none_or(|(far, _)| end > *far) {
                    furthest = Some((end, (dots.value)(figure.estimate)));
                }
            }
            // One number for each row: the highest.
            if let (Some((end, text)), Page::Wide) = (furthest, page) {
                canvas.text(&text, (end + 12, top + group / 2), HPos::Left, Ink::Faint, false);
            }
        }
    }))
}

/// The time until the peak is reached; none if nothing was seen to warm up.
pub fn peak(bench: &Bench) -> Option<Chart> {
    let kernels: Vec<Option<&str>> = bench.kernels.iter().map(|k| Some(k.as_str())).collect();
    let dots = Dots {
        rows: &kernels,
        figure: &|name, kernel| bench.warmup_of(name, kernel?)?.time_to_peak.filter(|t| t.low > 0.0),
        tick: axis_seconds,
        value: seconds,
        emphasis: None,
    };
    Some(Chart {
        id: "chart-peak".to_owned(),
        title: "Time until peak speed is reached, compilation included, with 95 % intervals".to_owned(),
        note: Some(
            "Logarithmic; further left is sooner. Default levels. Who is at the peak from the first call on, or never settles, has no mark.",
        ),
        description: "The table below has all values.".to_owned(),
        legend: legend(&backends(bench)),
        wide: draw(bench, &dots, Page::Wide)?,
        narrow: draw(bench, &dots, Page::Narrow)?,
    })
}
