//! What a run gains, compilation included, against how long it takes: a curve for each candidate, and where the choice changes.
//!
//! In a run of `t` seconds, of which `compile` go to compilation, a backend does the work that takes the interpreter `(t − compile) · uplift` seconds: it is
//! `(1 − compile / t) · uplift` times as fast as the interpreter.

use plotters::style::text_anchor::HPos;

use super::{Canvas, Chart, Ink, Page, Point, Scale, axis_seconds, backends, colour, legend, svg};
use crate::report::choice::{Candidate, Choice};
use crate::report::format::{ratio, seconds, seconds_interval};
use crate::report::model::Bench;

const HEIGHT: i32 = 244;
const BOTTOM: i32 = HEIGHT - 46;
const TOP: i32 = 26;

/// The chart; none without a choice.
pub fn choice(bench: &Bench) -> Option<Chart> {
    let choice = bench.choice.as_ref()?;
    let said = choice.candidates.iter().map(|c| {
        format!(
            "{} compiles in {} and then runs at {}",
            c.implementation,
            seconds(c.compile.estimate),
            ratio(c.uplift.estimate)
        )
    });
    let crossing = choice.crossover.map_or_else(
        || "No crossover is marked.".to_owned(),
        |c| format!("{} overtakes {} at {}.", choice.long.best, choice.short.best, seconds_interval(&c)),
    );
    Some(Chart {
        id: "chart-choice".to_owned(),
        title: "Speed of a whole run, compilation included, by how long it takes".to_owned(),
        note: Some("Times the interpreter's speed; the band is the crossover's 95 % interval."),
        description: format!("{}. {crossing}", said.collect::<Vec<_>>().join("; ")),
        legend: legend(&backends(bench)),
        wide: draw(bench, choice, Page::Half)?,
        narrow: draw(bench, choice, Page::Narrow)?,
    })
}

fn gain(candidate: &Candidate, time: f64) -> f64 {
    ((1.0 - candidate.compile.estimate / time) * candidate.uplift.estimate).max(0.0)
}

fn draw(bench: &Bench, choice: &Choice, page: Page) -> Option<String> {
    let (left, right) = (page.pick(44, 36), page.width() - 18);
    let compile = || choice.candidates.iter().map(|c| c.compile.estimate);
    let longest = compile().fold(0.0, f64::max) * 40.0;
    let longest = choice.crossover.map_or(longest, |c| longest.max(c.high * 4.0));
    let across = Scale::of(compile().chain([longest]), left, right)?;
    let most = choice.candidates.iter().map(|c| c.uplift.estimate).fold(1.0, f64::max) * 1.12;
    let up = |value: f64| BOTTOM - (value / most * f64::from(BOTTOM - TOP)).round() as i32;
    let backends = backends(bench);
    Some(svg(page, HEIGHT, |canvas: &Canvas| {
        if let Some(crossover) = &choice.crossover {
            let (from, to) = (across.place(crossover.low), across.place(crossover.high));
            canvas.bar((from.max(left), TOP), (to.clamp(from + 2, right), BOTTOM), Ink::Band, true);
            let at = across.place(crossover.estimate);
            canvas.line(&[(at, TOP), (at, BOTTOM)], Ink::Faint, 1);
        }
        for tick in across.ticks() {
            let x = across.place(tick);
            canvas.line(&[(x, BOTTOM), (x, BOTTOM + 4)], Ink::Faint, 1);
            canvas.text(&axis_seconds(tick), (x, BOTTOM + 15), HPos::Center, Ink::Faint, false);
        }
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].into_iter().find(|s| most / s <= 6.0).unwrap_or(200.0);
        for n in 0..=(most / step) as i32 {
            let value = f64::from(n) * step;
            canvas.line(&[(left, up(value)), (right, up(value))], Ink::Grid, 1);
            canvas.text(&format!("{value}×"), (left - 6, up(value)), HPos::Right, Ink::Faint, false);
        }
        canvas.line(&[(left, up(1.0)), (right, up(1.0))], Ink::Faint, 1);
        canvas.text("the interpreter", (right, up(1.0) - 9), HPos::Right, Ink::Faint, false);
        for candidate in &choice.candidates {
            let from = across.place(candidate.compile.estimate).max(left);
            let curve: Vec<Point> =
                (from..=right).step_by(2).map(|x| (x, up(gain(candidate, across.value(x))))).collect();
            canvas.line(&curve, colour(&backends, &candidate.implementation), 3);
        }
        if let Some(crossover) = &choice.crossover {
            let at = across.place(crossover.estimate);
            let text = seconds(crossover.estimate);
            canvas.text(&text, (at, TOP - 12), HPos::Center, Ink::Text, true);
            canvas.text(&format!("← {}", choice.short.best), (at - 42, TOP - 12), HPos::Right, Ink::Text, false);
            canvas.text(&format!("{} →", choice.long.best), (at + 42, TOP - 12), HPos::Left, Ink::Text, false);
        }
        canvas.text("time of the whole run →", (right, BOTTOM + 36), HPos::Right, Ink::Faint, false);
    }))
}
