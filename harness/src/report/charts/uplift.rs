//! Uplift by kernel, each backend at its default level: marks with intervals, the geometric mean first.

use super::peak::{Dots, draw};
use super::{Chart, Page, backends, legend};
use crate::report::format::{ratio, ratio_interval};
use crate::report::model::Bench;

/// The chart; none without a figure.
pub fn uplift(bench: &Bench) -> Option<Chart> {
    let names = bench.headline();
    bench.analysis.uplift.first()?;
    let kernels: Vec<Option<&str>> = [None].into_iter().chain(bench.kernels.iter().map(|k| Some(k.as_str()))).collect();
    let said =
        names.iter().filter_map(|name| Some(format!("{name} {}", ratio_interval(&bench.uplift_of(name, None)?))));
    let description =
        format!("Geometric means: {}. The table below has all values.", said.collect::<Vec<_>>().join(", "));
    let dots = Dots {
        rows: &kernels,
        figure: &|name, kernel| bench.uplift_of(name, kernel),
        tick: |tick| format!("{tick}×"),
        value: ratio,
        emphasis: Some(1.0),
    };
    Some(Chart {
        id: "chart-uplift".to_owned(),
        title: "Uplift over the interpreter, by kernel, with 95 % intervals".to_owned(),
        note: Some("Logarithmic; further right is faster. The vertical line at 1× is the interpreter. Default levels."),
        description,
        legend: legend(&backends(bench)),
        wide: draw(bench, &dots, Page::Wide)?,
        narrow: draw(bench, &dots, Page::Narrow)?,
    })
}
