//! Uplift by kernel, each backend at its default level: marks with intervals, the geometric mean first.

use super::{Canvas, Chart, GridLines, Ink, Page, Scale, backends, colour, legend, svg};
use crate::bench::Implementation;
use crate::report::format::{ratio, ratio_interval};
use crate::report::model::Bench;
use plotters::style::text_anchor::HPos;

/// Pixels between the marks of a kernel.
const STEP: i32 = 11;
const GAP: i32 = 12;

/// The chart; none without a figure.
pub fn uplift(bench: &Bench) -> Option<Chart> {
    let names = bench.headline();
    bench.analysis.uplift.first()?;
    let kernels: Vec<Option<&str>> = [None].into_iter().chain(bench.kernels.iter().map(|k| Some(k.as_str()))).collect();
    let said =
        names.iter().filter_map(|name| Some(format!("{name} {}", ratio_interval(&bench.uplift_of(name, None)?))));
    let description =
        format!("Geometric means: {}. The table below has all values.", said.collect::<Vec<_>>().join(", "));
    Some(Chart {
        id: "chart-uplift",
        title: "Uplift over the interpreter, by kernel, with 95 % intervals",
        note: Some("Logarithmic; further right is faster. The vertical line at 1× is the interpreter. Default levels."),
        description,
        legend: legend(&backends(bench)),
        wide: draw(bench, &names, &kernels, Page::Wide)?,
        narrow: draw(bench, &names, &kernels, Page::Narrow)?,
    })
}

fn draw(bench: &Bench, names: &[&Implementation], kernels: &[Option<&str>], page: Page) -> Option<String> {
    let (left, right) = (page.pick(150, 96), page.width() - page.pick(70, 14));
    let ends = names.iter().flat_map(|name| kernels.iter().filter_map(|k| bench.uplift_of(name, *k)));
    let ends = ends.flat_map(|ratio| [ratio.low, ratio.high]).chain([1.0]);
    let scale = Scale::of(ends, left, right)?;
    let backends = backends(bench);
    let group = names.len() as i32 * STEP + GAP;
    let bottom = kernels.len() as i32 * group;
    Some(svg(page, bottom + 26, |canvas: &Canvas| {
        canvas.across(&scale, 0, bottom, &GridLines { write: |tick| format!("{tick}×"), emphasis: Some(1.0) });
        for (g, kernel) in kernels.iter().enumerate() {
            let top = g as i32 * group;
            canvas.line(&[(0, top), (page.width(), top)], Ink::Grid, 1);
            let title = kernel.unwrap_or(page.pick_text("geometric mean", "mean"));
            canvas.text(title, (2, top + group / 2), HPos::Left, Ink::Text, kernel.is_none());
            let mut best: Option<(i32, String)> = None;
            for (n, name) in names.iter().enumerate() {
                let y = top + GAP / 2 + STEP / 2 + n as i32 * STEP;
                let Some(figure) = bench.uplift_of(name, *kernel) else { continue };
                let ink = colour(&backends, name);
                let end = scale.place(figure.high);
                canvas.line(&[(scale.place(figure.low), y), (end, y)], ink, 3);
                canvas.dot((scale.place(figure.estimate), y), ink, true);
                if best.as_ref().is_none_or(|(far, _)| end > *far) {
                    best = Some((end, ratio(figure.estimate)));
                }
            }
            // One number for each kernel: the highest.
            if let (Some((end, text)), Page::Wide) = (best, page) {
                canvas.text(&text, (end + 12, top + group / 2), HPos::Left, Ink::Faint, false);
            }
        }
    }))
}
