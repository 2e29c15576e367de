//! Charts, drawn by plotters as SVG: one file per chart; here what they share.
//!
//! Places are computed here, in pixels; plotters writes rectangles, lines, circles and text. Colours are written as placeholders and replaced
//! by variables of the style sheet, so that the same picture serves light, dark and print. Each chart is drawn twice, for wide and for narrow pages,
//! so that its text has the size of other text on both. Whatever a chart shows stands in a table as well.

mod choice;
mod code;
mod history;
mod peak;
mod trade;
mod uplift;
mod warmup;

pub use choice::choice;
pub use code::code;
pub use history::history;
pub use peak::peak;
pub use trade::trade;
pub use uplift::uplift;
pub use warmup::warmup;

use plotters::coord::Shift;
use plotters::element::PointCollection;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::format::seconds;
use super::model::Bench;
use crate::bench::Implementation;

/// A picture with its words.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its anchor.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// How to read it, if that needs words.
    pub note: Option<&'static str>,
    /// What to see in it, for those who do not see it.
    pub description: String,
    /// What its colours and marks mean.
    pub legend: Vec<Key>,
    /// The picture for wide pages: an `svg` element.
    pub wide: String,
    /// The picture for narrow pages.
    pub narrow: String,
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
    Band,
    /// Of a backend, by its place in the data.
    Series(usize),
}

/// How many colours of series there are; then they start again.
const SERIES: usize = 8;

impl Ink {
    const FIXED: [(Ink, &'static str); 5] = [
        (Ink::Text, "--text"),
        (Ink::Faint, "--faint"),
        (Ink::Grid, "--grid"),
        (Ink::Surface, "--surface"),
        (Ink::Band, "--band"),
    ];

    /// The placeholder: no other colour is drawn.
    fn placeholder(self) -> RGBColor {
        match self {
            Ink::Text => RGBColor(1, 2, 0),
            Ink::Faint => RGBColor(1, 2, 1),
            Ink::Grid => RGBColor(1, 2, 2),
            Ink::Surface => RGBColor(1, 2, 3),
            Ink::Band => RGBColor(1, 2, 4),
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

/// How wide a page a picture is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Wide,
    /// Half of a wide page.
    Half,
    Narrow,
}

impl Page {
    /// Pixels.
    const fn width(self) -> i32 {
        match self {
            Page::Wide => 960,
            Page::Half => 560,
            Page::Narrow => 360,
        }
    }

    /// One of two words.
    const fn pick_text(self, wide: &'static str, narrow: &'static str) -> &'static str {
        match self {
            Page::Wide | Page::Half => wide,
            Page::Narrow => narrow,
        }
    }

    /// One of two values.
    const fn pick(self, wide: i32, narrow: i32) -> i32 {
        match self {
            Page::Wide | Page::Half => wide,
            Page::Narrow => narrow,
        }
    }
}

type Point = (i32, i32);

struct Canvas<'s>(DrawingArea<SVGBackend<'s>, Shift>);

impl Canvas<'_> {
    fn line(&self, points: &[Point], ink: Ink, width: u32) {
        let style = ShapeStyle { color: ink.placeholder().to_rgba(), filled: false, stroke_width: width };
        self.draw(&PathElement::new(points.to_vec(), style));
    }

    /// A bar: full, or hollow.
    fn bar(&self, from: Point, to: Point, ink: Ink, full: bool) {
        let style = if full { ink.placeholder().filled() } else { ink.placeholder().stroke_width(2) };
        self.draw(&Rectangle::new([from, to], style));
    }

    /// Vertical lines at the ticks of a scale, with what they are below.
    fn across(&self, scale: &Scale, top: i32, bottom: i32, lines: &GridLines) {
        for tick in scale.ticks() {
            let x = scale.place(tick);
            self.line(&[(x, top), (x, bottom)], Ink::Grid, 1);
            self.text(&(lines.write)(tick), (x, bottom + 14), HPos::Center, Ink::Faint, false);
        }
        if let Some(value) = lines.emphasis {
            let x = scale.place(value);
            self.line(&[(x, top), (x, bottom)], Ink::Faint, 1);
        }
    }

    /// A mark: full, or hollow.
    fn dot(&self, at: Point, ink: Ink, full: bool) {
        self.draw(&Circle::new(at, 5, if full { ink } else { Ink::Surface }.placeholder().filled()));
        self.draw(&Circle::new(at, 5, ink.placeholder().stroke_width(2)));
    }

    fn text(&self, text: &str, at: Point, anchor: HPos, ink: Ink, bold: bool) {
        let font = FontDesc::from(("sans-serif", 15));
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
fn svg(page: Page, height: i32, paint: impl FnOnce(&Canvas)) -> String {
    let width = page.width();
    let mut svg = String::new();
    {
        let canvas = Canvas(SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area());
        paint(&canvas);
    }
    for (RGBColor(r, g, b), variable) in Ink::all() {
        svg = svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var({variable})\""));
    }
    // Its size is the page's business.
    svg.replacen(&format!("width=\"{width}\" height=\"{height}\" "), "", 1)
}

/// What grid lines are.
struct GridLines {
    /// What stands below a line.
    write: fn(f64) -> String,
    /// A value whose line is stronger.
    emphasis: Option<f64>,
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

    /// The value at a place.
    fn value(&self, at: i32) -> f64 {
        let share = f64::from(at - self.from) / f64::from(self.to - self.from);
        self.low * (self.high / self.low).powf(share)
    }

    /// Round values within: 1, 2, 5 and their tenfolds, fewer where they would be too dense, more where there would be hardly any.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let per_decade = f64::from((self.to - self.from).abs()) / decades;
        let steps: &[f64] = match per_decade {
            p if p < 160.0 => &[1.0],
            p if p < 700.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let exponents = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let all = exponents.flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e)));
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }
}

/// Backends in the order of the data.
pub(super) fn backends(bench: &Bench) -> Vec<&str> {
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
