//! Charts, drawn by plotters as SVG.
//!
//! Places are computed here, in pixels; plotters writes rectangles, lines, circles and text. Colours are written as placeholders and replaced
//! by variables of the style sheet, so that the same picture serves light, dark and print.

use plotters::coord::Shift;
use plotters::element::PointCollection;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::format::{percent, ratio, ratio_interval, seconds, seconds_interval};
use super::model::{Bench, CoverageTable};
use crate::bench::Implementation;
use crate::stats::Interval;

/// A picture with its words.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What it shows.
    pub title: &'static str,
    /// What to see in it, for those who do not see it.
    pub description: String,
    /// What its colours and marks mean.
    pub legend: Vec<Key>,
    /// The picture: an `svg` element.
    pub svg: String,
}

/// A colour with its meaning.
#[derive(Clone, Debug)]
pub struct Key {
    /// The style sheet's variable.
    pub colour: String,
    /// What it stands for.
    pub name: String,
}

/// A colour of the style sheet.
#[derive(Clone, Copy)]
enum Ink {
    Text,
    Faint,
    Grid,
    Surface,
    Inline,
    Helper,
    Interpreted,
    /// Of a backend, by its place in the data.
    Series(usize),
}

/// How many colours of series there are; then they start again.
const SERIES: usize = 8;

impl Ink {
    const FIXED: [(Ink, &'static str); 7] = [
        (Ink::Text, "--text"),
        (Ink::Faint, "--faint"),
        (Ink::Grid, "--grid"),
        (Ink::Surface, "--surface"),
        (Ink::Inline, "--inline"),
        (Ink::Helper, "--helper"),
        (Ink::Interpreted, "--interpreted"),
    ];

    /// The placeholder: no other colour is drawn.
    fn placeholder(self) -> RGBColor {
        match self {
            Ink::Text => RGBColor(1, 2, 0),
            Ink::Faint => RGBColor(1, 2, 1),
            Ink::Grid => RGBColor(1, 2, 2),
            Ink::Surface => RGBColor(1, 2, 3),
            Ink::Inline => RGBColor(1, 2, 4),
            Ink::Helper => RGBColor(1, 2, 5),
            Ink::Interpreted => RGBColor(1, 2, 6),
            Ink::Series(n) => RGBColor(1, 1, (n % SERIES) as u8),
        }
    }

    fn all() -> impl Iterator<Item = (RGBColor, String)> {
        let fixed = Self::FIXED.iter().map(|(ink, variable)| (ink.placeholder(), (*variable).to_owned()));
        fixed.chain((0..SERIES).map(|n| (Ink::Series(n).placeholder(), series_variable(n))))
    }
}

fn series_variable(n: usize) -> String {
    format!("--series-{}", n % SERIES + 1)
}

const WIDTH: i32 = 960;
/// Where rows of charts with rows begin and end.
const LEFT: i32 = 260;
const RIGHT: i32 = WIDTH - 80;
const ROW: i32 = 17;
const GROUP_GAP: i32 = 14;

type Point = (i32, i32);

struct Canvas<'s>(DrawingArea<SVGBackend<'s>, Shift>);

impl Canvas<'_> {
    fn line(&self, points: &[Point], ink: Ink, width: u32) {
        let style = ShapeStyle { color: ink.placeholder().to_rgba(), filled: false, stroke_width: width };
        self.draw(&PathElement::new(points.to_vec(), style));
    }

    fn bar(&self, from: Point, to: Point, ink: Ink) {
        self.draw(&Rectangle::new([from, to], ink.placeholder().filled()));
    }

    /// A mark: full, or hollow.
    fn dot(&self, at: Point, ink: Ink, full: bool) {
        self.draw(&Circle::new(at, 5, if full { ink } else { Ink::Surface }.placeholder().filled()));
        self.draw(&Circle::new(at, 5, ink.placeholder().stroke_width(2)));
    }

    fn text(&self, text: &str, at: Point, anchor: HPos, ink: Ink, bold: bool) {
        let font = FontDesc::from(("sans-serif", 13));
        let font = if bold { font.style(FontStyle::Bold) } else { font };
        let colour = ink.placeholder();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(anchor, VPos::Center));
        self.draw(&Text::new(text.to_owned(), at, style));
    }

    fn draw<'e, E>(&self, element: &'e E)
    where
        &'e E: PointCollection<'e, Point>,
        E: for<'b> plotters::element::Drawable<SVGBackend<'b>>,
    {
        // Pixels of a string: there is nothing that could fail.
        let _ = self.0.draw(element);
    }
}

/// Draws, and replaces placeholders of colours by variables.
fn svg(height: i32, paint: impl FnOnce(&Canvas)) -> String {
    let mut svg = String::new();
    {
        let canvas = Canvas(SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area());
        paint(&canvas);
    }
    for (RGBColor(r, g, b), variable) in Ink::all() {
        svg = svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var({variable})\""));
    }
    // Its size is the page's business.
    svg.replacen(&format!("width=\"{WIDTH}\" height=\"{height}\" "), "", 1)
}

/// A logarithmic scale from values to pixels.
struct Scale {
    low: f64,
    high: f64,
    from: i32,
    to: i32,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, from: i32, to: i32) -> Option<Self> {
        let values: Vec<f64> = values.filter(|v| v.is_finite() && *v > 0.0).collect();
        let low = values.iter().copied().min_by(f64::total_cmp)?;
        let high = values.iter().copied().max_by(f64::total_cmp)?;
        // Room on both sides, also where there is but one value.
        Some(Self { low: low / 1.15, high: high * 1.25, from, to })
    }

    fn place(&self, value: f64) -> i32 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + (share * f64::from(self.to - self.from)).round() as i32
    }

    /// Round values within: 1, 2, 5 and their tenfolds, fewer where they would be too dense, more where there would be hardly any.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let steps: &[f64] = match decades {
            d if d > 3.0 => &[1.0],
            d if d > 0.8 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let all = exponents.flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e)));
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }
}

/// Backends in the order of the data.
fn backends(bench: &Bench) -> Vec<&str> {
    let mut backends = Vec::new();
    for column in bench.natives().filter_map(|p| p.implementation.column()) {
        if !backends.contains(&column.backend.as_str()) {
            backends.push(&column.backend);
        }
    }
    backends
}

fn colour(backends: &[&str], implementation: &Implementation) -> Ink {
    let same = |backend: &&str| implementation.column().is_some_and(|c| c.backend == *backend);
    Ink::Series(backends.iter().position(same).unwrap_or_default())
}

fn legend(backends: &[&str]) -> Vec<Key> {
    let key = |(n, backend): (usize, &&str)| Key { colour: series_variable(n), name: (*backend).to_owned() };
    backends.iter().enumerate().map(key).collect()
}

/// Uplift by kernel and implementation, with intervals; none without a figure.
pub fn uplift(bench: &Bench) -> Option<Chart> {
    let names: Vec<&Implementation> = bench.natives().map(|p| &p.implementation).collect();
    let backends = backends(bench);
    let ends = bench.analysis.uplift.iter().flat_map(|f| [f.ratio.low, f.ratio.high]);
    bench.analysis.uplift.first()?;
    let scale = Scale::of(ends.chain([1.0]), LEFT, RIGHT)?;
    let kernels: Vec<Option<&str>> = [None].into_iter().chain(bench.kernels.iter().map(|k| Some(k.as_str()))).collect();
    let group = names.len() as i32 * ROW + GROUP_GAP;
    let bottom = kernels.len() as i32 * group;
    let picture = svg(bottom + 28, |canvas| {
        for tick in scale.ticks() {
            let x = scale.place(tick);
            canvas.line(&[(x, 0), (x, bottom)], Ink::Grid, 1);
            canvas.text(&format!("{tick}×"), (x, bottom + 14), HPos::Center, Ink::Faint, false);
        }
        let one = scale.place(1.0);
        canvas.line(&[(one, 0), (one, bottom)], Ink::Faint, 1);
        for (g, kernel) in kernels.iter().enumerate() {
            let top = g as i32 * group;
            canvas.line(&[(0, top), (WIDTH, top)], Ink::Grid, 1);
            let title = kernel.unwrap_or("geometric mean");
            canvas.text(title, (4, top + GROUP_GAP), HPos::Left, Ink::Text, true);
            for (n, name) in names.iter().enumerate() {
                let y = top + GROUP_GAP + n as i32 * ROW;
                canvas.text(&name.to_string(), (LEFT - 12, y), HPos::Right, Ink::Faint, false);
                let Some(figure) = bench.uplift_of(name, *kernel) else {
                    canvas.text("not measured", (LEFT + 6, y), HPos::Left, Ink::Faint, false);
                    continue;
                };
                let ink = colour(&backends, name);
                let end = scale.place(figure.high);
                canvas.line(&[(scale.place(figure.low), y), (end, y)], ink, 3);
                canvas.dot((scale.place(figure.estimate), y), ink, bench.is_default(name));
                canvas.text(&ratio(figure.estimate), (end + 10, y), HPos::Left, Ink::Text, false);
            }
        }
    });
    let said =
        names.iter().filter_map(|name| Some(format!("{name} {}", ratio_interval(&bench.uplift_of(name, None)?))));
    let description =
        format!("Geometric means: {}. The table below has all values.", said.collect::<Vec<_>>().join(", "));
    let title = "Uplift over the interpreter, with 95 % intervals (logarithmic; full marks are default levels)";
    Some(Chart { title, description, legend: legend(&backends), svg: picture })
}

/// Compile time against peak speed; none without a backend that has both.
pub fn trade(bench: &Bench) -> Option<Chart> {
    const HEIGHT: i32 = 400;
    const BOTTOM: i32 = HEIGHT - 52;
    let points: Vec<(&Implementation, Interval, Interval)> = bench
        .natives()
        .map(|p| &p.implementation)
        .filter_map(|name| Some((name, bench.compile_of(name)?.median, bench.uplift_of(name, None)?)))
        .collect();
    let backends = backends(bench);
    let across = Scale::of(points.iter().flat_map(|p| [p.1.low, p.1.high]), 70, WIDTH - 110)?;
    let up = Scale::of(points.iter().flat_map(|p| [p.2.low, p.2.high]), BOTTOM, 24)?;
    let picture = svg(HEIGHT, |canvas| {
        for tick in across.ticks() {
            let x = across.place(tick);
            canvas.line(&[(x, 10), (x, BOTTOM)], Ink::Grid, 1);
            canvas.text(&axis_seconds(tick), (x, BOTTOM + 14), HPos::Center, Ink::Faint, false);
        }
        for tick in up.ticks() {
            let y = up.place(tick);
            canvas.line(&[(70, y), (WIDTH, y)], Ink::Grid, 1);
            canvas.text(&format!("{tick}×"), (60, y), HPos::Right, Ink::Faint, false);
        }
        canvas.line(&[(70, BOTTOM), (WIDTH, BOTTOM)], Ink::Faint, 1);
        canvas.text("← quicker to compile: median unit", (70, BOTTOM + 38), HPos::Left, Ink::Faint, false);
        canvas.text("↑ faster code: uplift", (4, 8), HPos::Left, Ink::Faint, false);
        let mut taken: Vec<Point> =
            points.iter().map(|p| (across.place(p.1.estimate), up.place(p.2.estimate))).collect();
        for (name, compile, uplift) in &points {
            let ink = colour(&backends, name);
            let (x, y) = (across.place(compile.estimate), up.place(uplift.estimate));
            canvas.line(&[(across.place(compile.low), y), (across.place(compile.high), y)], ink, 2);
            canvas.line(&[(x, up.place(uplift.low)), (x, up.place(uplift.high))], ink, 2);
            canvas.dot((x, y), ink, bench.is_default(name));
            let at = free_place(&taken, (x + 10, y - 11));
            taken.push(at);
            canvas.text(&name.to_string(), at, HPos::Left, Ink::Text, false);
        }
    });
    let said = points.iter().map(|(name, compile, uplift)| {
        format!("{name}: {} for the median unit, {}", seconds_interval(compile), ratio_interval(uplift))
    });
    let description = format!("{}.", said.collect::<Vec<_>>().join("; "));
    let title = "Compile time against uplift, geometric mean over the kernels (both logarithmic; full marks are default levels)";
    Some(Chart { title, description, legend: legend(&backends), svg: picture })
}

/// A place for a label near the wanted one that covers no other.
fn free_place(taken: &[Point], wanted: Point) -> Point {
    let covers = |at: Point| taken.iter().any(|t| (t.0 - at.0).abs() < 110 && (t.1 - at.1).abs() < 10);
    let shifts = (0..12).flat_map(|n| [n * 6, -n * 6]);
    shifts.map(|shift| (wanted.0, wanted.1 + shift)).find(|&at| !covers(at)).unwrap_or(wanted)
}

/// A round time on an axis.
fn axis_seconds(value: f64) -> String {
    let text = seconds(value);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}")
}

/// Shares of executed instructions; none if nothing was counted.
pub fn coverage(coverage: &CoverageTable) -> Option<Chart> {
    let counted: Vec<_> = coverage.programs.iter().filter_map(|p| Some((p, p.shares()?))).collect();
    counted.first()?;
    let mut programs: Vec<&str> = Vec::new();
    for (row, _) in &counted {
        if !programs.contains(&row.program.as_str()) {
            programs.push(&row.program);
        }
    }
    let rows = counted.len() as i32;
    let bottom = rows * ROW + programs.len() as i32 * GROUP_GAP;
    let inks = [(Ink::Inline, "inline"), (Ink::Helper, "through a helper"), (Ink::Interpreted, "interpreted")];
    let picture = svg(bottom + 28, |canvas| {
        let place = |share: f64| LEFT + (f64::from(RIGHT - LEFT) * share / 100.0).round() as i32;
        for tick in (0..=100).step_by(25) {
            let x = place(f64::from(tick));
            canvas.line(&[(x, 0), (x, bottom)], Ink::Grid, 1);
            canvas.text(&format!("{tick} %"), (x, bottom + 14), HPos::Center, Ink::Faint, false);
        }
        let mut top = 0;
        for program in &programs {
            canvas.line(&[(0, top), (WIDTH, top)], Ink::Grid, 1);
            canvas.text(program, (4, top + GROUP_GAP), HPos::Left, Ink::Text, true);
            let mut y = top + GROUP_GAP;
            for (row, shares) in counted.iter().filter(|(row, _)| row.program == *program) {
                canvas.text(&row.implementation, (LEFT - 12, y), HPos::Right, Ink::Faint, false);
                let mut from = 0.0;
                for ((ink, _), share) in inks.iter().zip(shares) {
                    if *share > 0.0 {
                        canvas.bar((place(from), y - 5), (place(from + share), y + 5), *ink);
                    }
                    from += share;
                }
                canvas.text(&percent(shares[0] + shares[1]), (RIGHT + 10, y), HPos::Left, Ink::Text, false);
                y += ROW;
            }
            top = y;
        }
    });
    let natives = counted.iter().map(|(_, [inline, helper, _])| inline + helper);
    let least = natives.min_by(f64::total_cmp).unwrap_or_default();
    let description = format!("The least native share is {}. The table below has all values.", percent(least));
    let legend = inks.iter().zip(["--inline", "--helper", "--interpreted"]);
    let legend = legend.map(|((_, name), variable)| Key { colour: variable.to_owned(), name: (*name).to_owned() });
    let title = "Executed instructions: inline, through a helper, interpreted; at the right the native share";
    Some(Chart { title, description, legend: legend.collect(), svg: picture })
}
