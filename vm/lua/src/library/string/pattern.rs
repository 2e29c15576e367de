//! Lua's patterns, on bytes.

use std::fmt;

use smallvec::SmallVec;

/// The most captures of a pattern.
const MAX_CAPTURES: usize = 32;

/// How deep a match may nest.
const MAX_DEPTH: usize = 200;

/// What a pattern captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The subject between two positions.
    Text(usize, usize),
    /// A position, from 0.
    Position(usize),
    /// It was begun and not ended, which is wrong only if somebody asks for it.
    Unfinished,
}

/// What is wrong with an unfinished capture.
pub const UNFINISHED: &str = "unfinished capture";

/// A match: from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// What is wrong with a pattern. It is small: matching hands it back from every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A match nests too deep.
    TooComplex,
    /// More captures than there may be.
    TooManyCaptures,
    /// `%f` without a set.
    MissingSet,
    /// `)` where no capture is open.
    InvalidCapture,
    /// `%b` without its two characters.
    MissingArguments,
    /// `%` and a digit whose capture is not there.
    InvalidIndex(u8),
    /// `%` and nothing behind it.
    LonelyPercent,
    /// A set is not closed.
    MissingBracket,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::TooComplex => "pattern too complex",
            Malformed::TooManyCaptures => "too many captures",
            Malformed::MissingSet => "missing '[' after '%f' in pattern",
            Malformed::InvalidCapture => "invalid pattern capture",
            Malformed::MissingArguments => "malformed pattern (missing arguments to '%b')",
            Malformed::InvalidIndex(index) => return write!(f, "invalid capture index %{index}"),
            Malformed::LonelyPercent => "malformed pattern (ends with '%')",
            Malformed::MissingBracket => "malformed pattern (missing ']')",
        })
    }
}

#[derive(Clone, Copy)]
enum Length {
    Open,
    Position,
    Closed(usize),
}

/// A pattern and the subject it is matched with. What the last match captured stays here, where it was noted: a match handed on with its captures was
/// copied several times, and took a third of `find`.
pub struct Matcher<'a> {
    /// The bytes that are searched.
    pub subject: &'a [u8],
    pattern: &'a [u8],
    captures: SmallVec<[(usize, Length); 4]>,
    depth: usize,
}

/// Whether a pattern begins with `^`, and what is behind that.
pub fn split_anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    }
}

impl<'a> Matcher<'a> {
    /// A pattern for a subject; a `^` at its beginning means nothing.
    pub fn new(subject: &'a [u8], pattern: &'a [u8]) -> Matcher<'a> {
        Matcher { subject, pattern, captures: SmallVec::new(), depth: 0 }
    }

    /// Finds the pattern from `init` on, or just there.
    ///
    /// # Errors
    /// The pattern is malformed or too complex.
    pub fn find(&mut self, init: usize, anchored: bool) -> Result<Option<Match>, Malformed> {
        let mut start = init;
        loop {
            if let Some(end) = self.match_at(start)? {
                return Ok(Some(Match { start, end }));
            }
            start += 1;
            if anchored && !lockstep_runtime::planted!("lost-anchor") || start > self.subject.len() {
                return Ok(None);
            }
        }
    }

    /// Matches the pattern at one position; where the match ends.
    ///
    /// # Errors
    /// As for [`Matcher::find`].
    pub fn match_at(&mut self, start: usize) -> Result<Option<usize>, Malformed> {
        self.captures.clear();
        self.depth = 0;
        self.matches(start, 0)
    }

    /// How many captures the last match has.
    pub fn capture_count(&self) -> usize {
        self.captures.len()
    }

    /// A capture of the last match, counted from 0.
    pub fn capture(&self, index: usize) -> Option<Capture> {
        self.captures.get(index).map(|&(from, length)| match length {
            Length::Closed(len) => Capture::Text(from, from + len),
            Length::Position => Capture::Position(from),
            Length::Open => Capture::Unfinished,
        })
    }

    /// The captures of the last match.
    pub fn captures(&self) -> impl Iterator<Item = Capture> {
        (0..self.capture_count()).filter_map(|index| self.capture(index))
    }

    /// Matches the pattern from `p` on at `s`; where the match ends.
    fn matches(&mut self, s: usize, p: usize) -> Result<Option<usize>, Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Malformed::TooComplex);
        }
        let result = self.matches_here(s, p);
        self.depth -= 1;
        result
    }

    fn matches_here(&mut self, mut s: usize, mut p: usize) -> Result<Option<usize>, Malformed> {
        loop {
            match self.pattern.get(p) {
                None => return Ok(Some(s)),
                Some(b'(') => {
                    return match self.pattern.get(p + 1) {
                        Some(b')') => self.open_capture(s, p + 2, Length::Position),
                        _ => self.open_capture(s, p + 1, Length::Open),
                    };
                }
                Some(b')') => return self.close_capture(s, p + 1),
                Some(b'$') if p + 1 == self.pattern.len() => return Ok((s == self.subject.len()).then_some(s)),
                Some(b'%') => match self.pattern.get(p + 1) {
                    Some(b'b') => match self.balanced(s, p + 2)? {
                        Some(end) => {
                            (s, p) = (end, p + 4);
                            continue;
                        }
                        None => return Ok(None),
                    },
                    Some(b'f') => {
                        p += 2;
                        if self.pattern.get(p) != Some(&b'[') {
                            return Err(Malformed::MissingSet);
                        }
                        let end = self.class_end(p)?;
                        let before = if s == 0 { 0 } else { self.subject[s - 1] };
                        let here = self.subject.get(s).copied().unwrap_or(0);
                        if self.in_set(before, p, end - 1) || !self.in_set(here, p, end - 1) {
                            return Ok(None);
                        }
                        p = end;
                        continue;
                    }
                    Some(digit @ b'0'..=b'9') => match self.back_reference(s, *digit)? {
                        Some(end) => {
                            (s, p) = (end, p + 2);
                            continue;
                        }
                        None => return Ok(None),
                    },
                    _ => {}
                },
                _ => {}
            }
            let end = self.class_end(p)?;
            match self.pattern.get(end) {
                Some(b'?') => {
                    if self.single(s, p, end)
                        && let Some(found) = self.matches(s + 1, end + 1)?
                    {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'+') => return if self.single(s, p, end) { self.most(s + 1, p, end) } else { Ok(None) },
                Some(b'*') => return self.most(s, p, end),
                Some(b'-') => return self.least(s, p, end),
                _ => {
                    if !self.single(s, p, end) {
                        return Ok(None);
                    }
                    (s, p) = (s + 1, end);
                }
            }
        }
    }

    fn most(&mut self, s: usize, p: usize, end: usize) -> Result<Option<usize>, Malformed> {
        let mut count = 0;
        while self.single(s + count, p, end) {
            count += 1;
        }
        loop {
            if let Some(found) = self.matches(s + count, end + 1)? {
                return Ok(Some(found));
            }
            let Some(fewer) = count.checked_sub(1) else { return Ok(None) };
            count = fewer;
        }
    }

    fn least(&mut self, mut s: usize, p: usize, end: usize) -> Result<Option<usize>, Malformed> {
        loop {
            if let Some(found) = self.matches(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn open_capture(&mut self, s: usize, p: usize, length: Length) -> Result<Option<usize>, Malformed> {
        if self.captures.len() >= MAX_CAPTURES {
            return Err(Malformed::TooManyCaptures);
        }
        self.captures.push((s, length));
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close_capture(&mut self, s: usize, p: usize) -> Result<Option<usize>, Malformed> {
        let open = self.captures.iter().rposition(|(_, length)| matches!(length, Length::Open));
        let Some(open) = open else { return Err(Malformed::InvalidCapture) };
        self.captures[open].1 = Length::Closed(s - self.captures[open].0);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures[open].1 = Length::Open;
        }
        Ok(found)
    }

    fn balanced(&self, s: usize, p: usize) -> Result<Option<usize>, Malformed> {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(Malformed::MissingArguments);
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for (index, &byte) in self.subject.iter().enumerate().skip(s + 1) {
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(index + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    fn back_reference(&self, s: usize, digit: u8) -> Result<Option<usize>, Malformed> {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        match self.captures.get(index) {
            Some((from, Length::Closed(len))) => {
                let text = &self.subject[*from..from + len];
                Ok(self.subject[s..].starts_with(text).then_some(s + len))
            }
            _ => Err(Malformed::InvalidIndex(digit - b'0')),
        }
    }

    /// Where the class that begins at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, Malformed> {
        match self.pattern[p] {
            b'%' => match p + 1 < self.pattern.len() {
                true => Ok(p + 2),
                false => Err(Malformed::LonelyPercent),
            },
            b'[' => {
                let mut end = p + 1;
                if self.pattern.get(end) == Some(&b'^') {
                    end += 1;
                }
                loop {
                    // The first character is one of the set even if it is a bracket.
                    let Some(byte) = self.pattern.get(end) else {
                        return Err(Malformed::MissingBracket);
                    };
                    end += if *byte == b'%' { 2 } else { 1 };
                    if self.pattern.get(end) == Some(&b']') {
                        return Ok(end + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Whether the byte at `s` is of the class from `p` to `end`.
    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            b'%' => in_class(byte, self.pattern[p + 1]),
            b'[' => self.in_set(byte, p, end - 1),
            literal => literal == byte,
        }
    }

    /// Whether a byte is in the set from the bracket at `p` to that at `end`.
    fn in_set(&self, byte: u8, p: usize, end: usize) -> bool {
        let mut at = p + 1;
        let inverted = self.pattern.get(at) == Some(&b'^');
        at += usize::from(inverted);
        while at < end {
            let here = self.pattern[at];
            if here == b'%' {
                if in_class(byte, self.pattern[at + 1]) {
                    return !inverted;
                }
                at += 2;
            } else if self.pattern[at + 1] == b'-' && at + 2 < end {
                if (here..=self.pattern[at + 2]).contains(&byte) {
                    return !inverted;
                }
                at += 3;
            } else {
                if here == byte {
                    return !inverted;
                }
                at += 1;
            }
        }
        inverted
    }
}

/// Whether a byte is of a class `%class`; an upper-case letter is the complement, what is no letter stands for itself.
fn in_class(byte: u8, class: u8) -> bool {
    let found = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    found != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(subject: &'a [u8], pattern: &'a [u8]) -> Result<Option<(Match, Vec<Capture>)>, Malformed> {
        let (anchored, pattern) = split_anchor(pattern);
        let mut matcher = Matcher::new(subject, pattern);
        Ok(matcher.find(0, anchored)?.map(|found| (found, matcher.captures().collect())))
    }

    fn found(subject: &str, pattern: &str) -> Option<(usize, usize)> {
        find(subject.as_bytes(), pattern.as_bytes()).expect(pattern).map(|(found, _)| (found.start, found.end))
    }

    #[test]
    fn patterns_match_as_in_lua() {
        for (subject, pattern, expected) in [
            ("hello world", "o w", Some((4, 7))),
            ("hello", "l+", Some((2, 4))),
            ("hello", "^l", None),
            ("hello", "l-o", Some((2, 5))),
            ("", "", Some((0, 0))),
            ("abc", "$", Some((3, 3))),
            ("a.b", "%.", Some((1, 2))),
            ("f(a(b)c)d", "%b()", Some((1, 8))),
            ("THE (quick) fox", "%f[%a]%a+%f[%A]", Some((0, 3))),
            ("x = 10", "[^%s=x]+", Some((4, 6))),
            ("]-", "[]%-]+", Some((0, 2))),
            ("abcabc", "(abc)%1", Some((0, 6))),
            ("aXb", "%u", Some((1, 2))),
            ("a-z", "[a-]+", Some((0, 2))),
            ("0x1F", "%x+$", Some((2, 4))),
        ] {
            assert_eq!(found(subject, pattern), expected, "{pattern} in {subject}");
        }
        let captures = find(b"key = value", b"(%w+)%s*=%s*()(%w+)").unwrap().unwrap().1;
        assert_eq!(captures[..], [Capture::Text(0, 3), Capture::Position(6), Capture::Text(6, 11)]);
    }

    #[test]
    fn what_is_wrong_with_patterns() {
        for (pattern, problem) in [
            ("[a", "malformed pattern (missing ']')"),
            ("%", "malformed pattern (ends with '%')"),
            ("a)", "invalid pattern capture"),
            ("%1", "invalid capture index %1"),
            ("%f", "missing '[' after '%f' in pattern"),
            ("%b", "malformed pattern (missing arguments to '%b')"),
        ] {
            let error = find(b"aaa", pattern.as_bytes()).expect_err(pattern);
            assert_eq!(error.to_string(), problem, "{pattern}");
        }
        assert_eq!(find(b"aaa", b"(a").unwrap().unwrap().1, [Capture::Unfinished]);
        assert_eq!(find(b"a", "(".repeat(40).as_bytes()), Err(Malformed::TooManyCaptures));
        assert_eq!(find(&[b'a'; 1000], "a?".repeat(1000).as_bytes()), Err(Malformed::TooComplex));
    }
}
