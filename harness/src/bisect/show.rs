//! A verdict for people: what is wrong and where, both frames side by side, the reduced program, the lines to run. Colours are the caller's choice.

use std::fmt::Write;

use super::verdict::{Layer, Manner, Parting, Place, Verdict, View};

/// How text is marked; nothing, or the terminal's colours.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// With colours or without.
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Widest column of a frame.
const WIDTH: usize = 34;

/// The verdict as text, within 100 columns where the program allows.
pub fn text(verdict: &Verdict, style: Style) -> String {
    let mut out = String::new();
    write(&mut out, verdict, style).expect("writing to a string");
    out
}

fn write(out: &mut String, verdict: &Verdict, style: Style) -> std::fmt::Result {
    let way = verdict.way.as_ref();
    let configuration = way.map_or(String::new(), |w| format!("/{}", w.configuration.name()));
    writeln!(
        out,
        "{}",
        style.strong(&format!("{} run {} on {}{configuration}", verdict.case, verdict.run, verdict.column))
    )?;
    let when = match verdict.difference.exit {
        Some(k) => format!(" with an exit forced at back edge or call {k}"),
        None if verdict.difference.compiling => " while it was compiled".to_owned(),
        None => String::new(),
    };
    writeln!(
        out,
        "  {}{when}: {}",
        verdict.difference.class.name(),
        style.bad(&verdict.difference.what.replace('\n', "\n    "))
    )?;
    writeln!(out)?;
    writeln!(out, "{}", style.strong("Layer"))?;
    for rung in &verdict.rungs {
        let (mark, found) = match &rung.differs {
            None => (style.good("agrees "), String::new()),
            Some(what) => (style.bad("differs"), style.dim(&format!("  {}", cut(what, 60)))),
        };
        writeln!(out, "  {mark}  {}{found}", rung.what)?;
    }
    writeln!(out, "  => {}: {}", style.strong(verdict.layer.name()), verdict.layer.about())?;
    if let Layer::Optimiser { change } = &verdict.layer {
        writeln!(out)?;
        writeln!(out, "{}", style.strong("Change"))?;
        writeln!(out, "  {} ({} stage), change {}", style.strong(&change.pass), change.stage, change.number)?;
        for line in &change.diff {
            let line = match line.as_bytes().first() {
                Some(b'-') => style.bad(line),
                Some(b'+') => style.good(line),
                _ => style.dim(line),
            };
            writeln!(out, "    {line}")?;
        }
    }
    if !verdict.units.is_empty() {
        let unit = |(name, header): &(String, Option<u32>)| match header {
            None => format!("`{name}`"),
            Some(pc) => format!("`{name}`, loop at pc {pc}"),
        };
        let units: Vec<String> = verdict.units.iter().map(unit).collect();
        writeln!(out)?;
        writeln!(out, "{}  {}", style.strong("Compiled units that suffice:"), units.join("; "))?;
    }
    if let Some(parting) = &verdict.parting {
        writeln!(out)?;
        writeln!(out, "{}", style.strong("First differing instruction"))?;
        write_parting(out, parting, style)?;
    }
    if let Some(reduced) = &verdict.reduced {
        writeln!(out)?;
        writeln!(out, "{}", style.strong(&format!("Reduced from {} instructions to {}", reduced.from, reduced.to)))?;
        for line in reduced.program.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out, "  {}: {}", reduced.call, style.bad(&cut(&reduced.difference.what, 160)))?;
        if let Some(parting) = &reduced.parting {
            write_parting(out, parting, style)?;
        }
        if !reduced.confirmed {
            writeln!(out, "  {}", style.bad("the case, read back, does not fail in the same way"))?;
        }
    }
    writeln!(out)?;
    if let Some(path) = &verdict.written {
        writeln!(out, "keep it:      {path}")?;
    }
    writeln!(out, "run it again: {}", verdict.line)?;
    Ok(())
}

fn place(place: &Place) -> String {
    let line = if place.line > 0 { format!(", line {}", place.line) } else { String::new() };
    format!("`{}` pc {}{line}: {}", place.function, place.pc, place.text)
}

fn write_parting(out: &mut String, parting: &Parting, style: Style) -> std::fmt::Result {
    let Some(at) = &parting.place else { return writeln!(out, "  not told") };
    let event = match parting.step {
        true => format!(
            "instruction {} of the run",
            parting.event.saturating_sub(u64::from(parting.manner == Manner::Executed))
        ),
        false => format!("back edge or call {} of the run", parting.event),
    };
    writeln!(out, "  {}  {}", style.strong(&place(at)), style.dim(&format!("({event})")))?;
    let manner = match parting.manner {
        Manner::Executed => "executed wrongly; the frames after it:",
        Manner::WrittenBack => "left before it, with a frame that was written back wrongly:",
        Manner::Entered => "entered at it, with something wrong taken from the frame:",
        Manner::Since => "the frames at the event; they still agreed at the one before, which was here:",
    };
    writeln!(out, "  {manner}")?;
    let (left, right) = (parting.interpreter.as_ref(), parting.other.as_ref());
    let head = |view: Option<&View>, none: &str| {
        view.map_or_else(|| none.to_owned(), |v| format!("`{}` pc {}, depth {}", v.at.function, v.at.pc, v.depth))
    };
    let died = parting.died.as_deref().unwrap_or("did not get there");
    let mut rows = vec![(String::new(), head(left, "has ended"), head(right, died))];
    let mut names: Vec<&String> = Vec::new();
    for view in [left, right].into_iter().flatten() {
        for (name, _) in &view.registers {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let value = |view: Option<&View>, name: &str| {
        let held = view.and_then(|v| v.registers.iter().find(|r| r.0 == name));
        held.map_or_else(|| "-".to_owned(), |r| cut(&r.1, WIDTH))
    };
    rows.extend(names.iter().map(|name| ((*name).clone(), value(left, name), value(right, name))));
    if let (Some(l), Some(r)) = (left, right)
        && l.output != r.output
    {
        rows.push(("output".to_owned(), format!("{} bytes", l.output), format!("{} bytes", r.output)));
    }
    let width = |n: usize| rows.iter().map(|r| [&r.0, &r.1, &r.2][n].chars().count()).max().unwrap_or(0);
    let (name_width, left_width) = (width(0), width(1).max("interpreter".len()));
    writeln!(out, "    {:name_width$}  {:left_width$}  compiled", "", "interpreter")?;
    for (name, l, r) in &rows {
        let differs = l != r;
        let line = format!("  {} {name:name_width$}  {l:left_width$}  {r}", if differs { ">" } else { " " });
        writeln!(out, "{}", if differs { style.bad(line.trim_end()) } else { line.trim_end().to_owned() })?;
    }
    Ok(())
}

fn cut(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= most {
        line.to_owned()
    } else {
        format!("{}…", line.chars().take(most - 1).collect::<String>())
    }
}
