//! Where a value of a YAML file stands. The YAML parser itself is asked, so that no way of writing YAML is unknown: a walk down the file that fails at the value, and the place of the
//! failure is the value's.

use std::fmt;

use lockstep_text::{Diagnostic, Location};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A step from a value to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the value of this key.
    Key(&'static str),
    /// To the item of this index.
    Item(usize),
}

/// Where the value at the end of a path starts; none if there is none.
pub fn place(yaml: &str, path: &[Step]) -> Option<Location> {
    let failure = serde_yaml::Deserializer::from_str(yaml).deserialize_any(Walk(path)).err()?;
    let at = failure.location()?;
    Some(Location { line: at.line() as u32, column: at.column() as u32 })
}

/// A diagnostic about the value at the end of a path; at the top of the file if there is none.
pub fn mistake_in(file: &str, yaml: &str, path: &[Step], message: impl Into<String>) -> Box<Diagnostic> {
    let location = place(yaml, path).unwrap_or(Location { line: 1, column: 1 });
    Diagnostic::new(file, yaml, location, width(rest(yaml, location)), message)
}

/// Moves a diagnostic about a text to the place of that text in a YAML file: the value at the end of a path. What cannot be told line by line, as in text between quotes with
/// line breaks in it, is told where the text starts.
pub fn relocate(inner: Box<Diagnostic>, file: &str, yaml: &str, path: &[Step], text: &str) -> Box<Diagnostic> {
    let Some(start) = place(yaml, path) else { return inner };
    let header = rest(yaml, start);
    // An anchor or a tag may stand before the text.
    let style = header.split_whitespace().find(|word| !word.starts_with(['&', '!'])).unwrap_or_default();
    let own =
        if style.starts_with('|') { in_block(&inner, yaml, start, text) } else { in_line(&inner, start, header, text) };
    let (location, width, message) = match own {
        Some(location) => (location, inner.width, inner.message),
        None => {
            let Location { line, column } = inner.location;
            let message = format!("{} (in line {line} of this text, column {column})", inner.message);
            (start, width(header), message)
        }
    };
    let source_line = yaml.lines().nth(location.line.saturating_sub(1) as usize).unwrap_or_default().to_owned();
    Box::new(Diagnostic { file: file.to_owned(), location, width, message, source_line, ..*inner })
}

/// The place in a block scalar (`|`): its lines are those of the text, indented.
fn in_block(inner: &Diagnostic, yaml: &str, start: Location, text: &str) -> Option<Location> {
    let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count() as u32;
    let shift = |line: u32| {
        let (own, shown) = (
            text.lines().nth(line.saturating_sub(1) as usize)?,
            yaml.lines().nth((start.line + line).saturating_sub(1) as usize)?,
        );
        Some(indent(shown).saturating_sub(indent(own)))
    };
    let Location { line, column } = inner.location;
    match shift(line) {
        Some(shift) => Some(Location { line: start.line + line, column: column + shift }),
        // The end of the text is that of its last line: the line below belongs to something else.
        None => {
            let last = text.lines().count() as u32;
            let length = text.lines().last()?.chars().count() as u32;
            Some(Location { line: start.line + last, column: length + shift(last)? + 1 })
        }
    }
}

/// The place in a scalar on one line, if it stands there as it is meant: without escapes.
fn in_line(inner: &Diagnostic, start: Location, header: &str, text: &str) -> Option<Location> {
    let text = text.trim_end_matches('\n');
    let bare = header.trim_start_matches(['"', '\'']);
    let quotes = header.chars().count() - bare.chars().count();
    if text.is_empty() || text.contains('\n') || !bare.starts_with(text) || inner.location.line > 1 {
        return None;
    }
    Some(Location { line: start.line, column: start.column + quotes as u32 + inner.location.column.saturating_sub(1) })
}

/// What stands on a line from a place on.
fn rest(yaml: &str, at: Location) -> &str {
    let line = yaml.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
    let from = line.char_indices().nth(at.column.saturating_sub(1) as usize).map_or(line.len(), |(byte, _)| byte);
    &line[from..]
}

/// How many characters of what starts here belong together, to be underlined.
fn width(rest: &str) -> u32 {
    let close = |closing: char| rest.chars().skip(1).position(|c| c == closing).map(|at| at + 2);
    let width = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => close(quote),
        Some('[') => close(']'),
        Some('{') => close('}'),
        _ => {
            let end = rest.find([',', ']', '}', '#']).unwrap_or(rest.len());
            Some(rest[..end].trim_end().chars().count())
        }
    };
    width.unwrap_or(1).max(1) as u32
}

/// What is left of the path. It fails at its end, and the parser tells where that is.
struct Walk<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the path leads through")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), path)) = self.0.split_first() else { return Err(A::Error::custom("here")) };
        while let Some(key) = map.next_key::<String>()? {
            if key == *wanted {
                return map.next_value_seed(Walk(path));
            }
            map.next_value::<IgnoredAny>()?;
        }
        // Something is missing: that is a matter of the whole mapping.
        Err(A::Error::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((Step::Item(wanted), path)) = self.0.split_first() else { return Err(A::Error::custom("here")) };
        for _ in 0..*wanted {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Err(A::Error::custom("here"));
            }
        }
        items.next_element_seed(Walk(path))?;
        Err(A::Error::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "about: x
cases:
  - name: one
    program: |
      first
        second
    runs:
      - args: [1, 'two', [3, 4]]
      - {args: [5], result: 6}
  - name: two
    runs: []
    program: \"first second\"
  - name: three
    program: &p !!str |-
      first
";

    fn at(path: &[Step]) -> Option<(u32, u32)> {
        place(YAML, path).map(|at| (at.line, at.column))
    }

    #[test]
    fn values_have_their_places() {
        use Step::{Item, Key};
        let case = |n| [Key("cases"), Item(n)];
        assert_eq!(at(&case(0)), Some((3, 5)));
        assert_eq!(at(&[&case(0)[..], &[Key("runs"), Item(0), Key("args"), Item(1)]].concat()), Some((8, 19)));
        assert_eq!(at(&[&case(0)[..], &[Key("runs"), Item(1), Key("args"), Item(0)]].concat()), Some((9, 17)));
        assert_eq!(at(&[&case(1)[..], &[Key("program")]].concat()), Some((12, 14)));
        assert_eq!(at(&[&case(2)[..], &[Key("program")]].concat()), Some((14, 14)));
        // What is missing is told of what it is missing in.
        assert_eq!(at(&[&case(1)[..], &[Key("entry")]].concat()), Some((10, 5)));
    }

    fn moved(case: usize, text: &str, line: u32, column: u32) -> Diagnostic {
        let inner = Diagnostic::new("inner", text, Location { line, column }, 2, "no such thing");
        *relocate(inner, "cases.yaml", YAML, &[Step::Key("cases"), Step::Item(case), Step::Key("program")], text)
    }

    #[test]
    fn texts_are_told_where_they_stand() {
        let place = |d: &Diagnostic| (d.location.line, d.location.column, d.width);
        let block = moved(0, "first\n  second\n", 2, 3);
        assert_eq!((place(&block), block.source_line.as_str()), ((6, 9, 2), "        second"));
        // The end of the text, not what follows.
        assert_eq!(place(&moved(0, "first\n  second\n", 3, 1)), (6, 15, 2));
        let quoted = moved(1, "first second", 1, 7);
        assert_eq!((place(&quoted), quoted.message.as_str()), ((12, 21, 2), "no such thing"));
        assert_eq!(place(&moved(2, "first", 1, 1)), (15, 7, 2));
        // As if it had escapes in it.
        let escaped = moved(1, "first\tsecond", 1, 7);
        assert_eq!(place(&escaped), (12, 14, 14));
        assert_eq!(escaped.message, "no such thing (in line 1 of this text, column 7)");
    }
}
