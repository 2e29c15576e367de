//! How many times faster than the interpreter.

use super::{NO_BENCH, by_kernel, natives};
use crate::report::charts;
use crate::report::document::Section;
use crate::report::model::Bench;

pub(super) fn section(bench: Option<&Bench>) -> Section {
    let mut section = Section::new(
        "uplift",
        "Uplift over the interpreter",
        "Uplift",
        &[
            "How many times faster native code runs than this project's interpreter, with 95 % intervals. A ratio pairs two processes of the same \
             round; processes, not iterations, are resampled. ● marks a backend's default level, which gates refer to.",
            "Uplift depends on the interpreter as much as on the backend, and is no measure of how good the code is: for that, see the peers. The \
             geometric mean speaks of these kernels only.",
        ],
    );
    let Some(bench) = bench else { return section.missing(NO_BENCH) };
    section.charts.extend(charts::uplift(bench));
    let caption = "Uplift by kernel and implementation: ratio (95 % interval)".to_owned();
    section.tables.push(by_kernel(bench, caption, &natives(bench), |who, kernel| bench.uplift_of(who, kernel)));
    section
}
