//! One complaint about one place in a text.

use std::fmt;

/// A place in a source text. Lines and columns count from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// An error in an input text: where it is, what is wrong, what was expected and, where one is known, a hint.
///
/// `Display` renders `file:line:column: error: message`, the offending line and a caret below the place. Errors are
/// boxed where they are returned, so that the happy path stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Name of the file or of the in-line text.
    pub file: String,
    /// Where the offending text starts.
    pub location: Location,
    /// How many characters it covers (at least 1 is underlined).
    pub width: u32,
    /// What is wrong.
    pub message: String,
    /// What would have been accepted there.
    pub expected: Option<String>,
    /// What the author probably meant.
    pub hint: Option<String>,
    /// The offending line of the source.
    pub source_line: String,
}

impl Diagnostic {
    /// A diagnostic at `location` of `source`, underlining `width` characters.
    pub fn new(file: &str, source: &str, location: Location, width: u32, message: impl Into<String>) -> Box<Self> {
        let source_line = source.lines().nth(location.line.saturating_sub(1) as usize).unwrap_or("").to_owned();
        Box::new(Self {
            file: file.to_owned(),
            location,
            width,
            message: message.into(),
            expected: None,
            hint: None,
            source_line,
        })
    }

    /// Adds what would have been accepted.
    pub fn expected(mut self: Box<Self>, expected: impl Into<String>) -> Box<Self> {
        self.expected = Some(expected.into());
        self
    }

    /// Adds what the author probably meant.
    pub fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { line, column } = self.location;
        write!(f, "{}:{line}:{column}: error: {}", self.file, self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        let gutter = line.to_string();
        let blank = " ".repeat(gutter.len());
        let shown: String = self.source_line.chars().take(200).collect();
        write!(f, "\n {blank} |\n {gutter} | {shown}\n {blank} | ")?;
        for c in self.source_line.chars().take(column.saturating_sub(1) as usize) {
            write!(f, "{}", if c == '\t' { '\t' } else { ' ' })?;
        }
        write!(f, "{}", "^".repeat(self.width.clamp(1, 120) as usize))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n {blank} = hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_points_at_the_place() {
        let d = Diagnostic::new("a.lks", "one\n\tbad here\n", Location { line: 2, column: 6 }, 4, "no such thing")
            .expected("a register")
            .hint("registers are written r0, r1, …");
        let text = d.to_string();
        assert!(text.starts_with("a.lks:2:6: error: no such thing; expected a register\n"), "{text}");
        assert!(text.contains("\n 2 | \tbad here\n   | \t    ^^^^\n"), "{text}");
        assert!(text.ends_with("= hint: registers are written r0, r1, …"), "{text}");
    }
}
