//! Results over time: a line for each implementation, its time over that of the first kept run; marks where something changed for good.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, Ink, Key, Page, Point, Scale, series_variable, svg};
use crate::report::format::{counted, ratio};
use crate::report::model::History;

const HEIGHT: i32 = 240;
const BOTTOM: i32 = HEIGHT - 34;
const TOP: i32 = 12;

/// The chart; none of fewer than two runs.
pub fn history(history: &History) -> Option<Chart> {
    if history.runs.len() < 2 || history.lines.is_empty() {
        return None;
    }
    let keys = history.lines.iter().enumerate();
    let last = history.lines.iter().filter_map(|l| Some(format!("{} {}", l.subject, ratio(*l.values.last()?))));
    Some(Chart {
        id: "chart-history".to_owned(),
        title: "Time over that of the first kept run".to_owned(),
        note: Some("Lower is faster. Vertical lines: something changed for good."),
        description: format!(
            "{} of this machine; in the last one: {}.",
            counted(history.runs.len() as u64, "run"),
            last.collect::<Vec<_>>().join(", ")
        ),
        legend: keys.map(|(n, l)| Key { colour: series_variable(n), name: l.subject.clone() }).collect(),
        wide: draw(history, Page::Wide)?,
        narrow: draw(history, Page::Narrow)?,
    })
}

fn draw(history: &History, page: Page) -> Option<String> {
    let (left, right) = (page.pick(70, 52), page.width() - 12);
    let up = Scale::of(history.lines.iter().flat_map(|l| l.values.iter().copied()), BOTTOM, TOP)?;
    let last = history.runs.len() - 1;
    let place = |run: usize| left + (right - left) * run as i32 / last as i32;
    Some(svg(page, HEIGHT, |canvas: &Canvas| {
        for change in &history.changes {
            let at = |run: &String| run.starts_with(change.date.as_str());
            if let Some(run) = history.runs.iter().position(at) {
                canvas.line(&[(place(run), TOP), (place(run), BOTTOM)], Ink::Band, 3);
            }
        }
        for tick in up.ticks() {
            canvas.line(&[(left, up.place(tick)), (right, up.place(tick))], Ink::Grid, 1);
            canvas.text(&ratio(tick), (left - 8, up.place(tick)), HPos::Right, Ink::Faint, false);
        }
        for (run, anchor) in [(0, HPos::Left), (last, HPos::Right)] {
            let date = history.runs[run].get(..10).unwrap_or(&history.runs[run]);
            canvas.text(date, (place(run), BOTTOM + 16), anchor, Ink::Faint, false);
        }
        for (n, line) in history.lines.iter().enumerate() {
            let points: Vec<Point> =
                line.values.iter().enumerate().map(|(run, value)| (place(run), up.place(*value))).collect();
            canvas.line(&points, Ink::Series(n), 2);
            for point in points {
                canvas.dot(point, Ink::Series(n), true);
            }
        }
    }))
}
