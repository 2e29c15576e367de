//! Errors of the source text, worded as PUC Lua words them.

use std::fmt;

/// What is wrong with a chunk's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The whole message: chunk name, line, what is wrong, and near which token. Any bytes, as it quotes the source.
    pub message: Vec<u8>,
    /// Whether it was found at the end of the source, so that more source might mend it.
    pub at_end: bool,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.message))
    }
}

impl std::error::Error for SyntaxError {}

/// The longest short form of a chunk's name, with the zero that C puts behind it.
const SHORT: usize = 60;

/// How messages call a chunk: what follows `=` or `@`, or the first line of the source in `[string "…"]`.
pub fn short_name(name: &[u8]) -> Vec<u8> {
    match name {
        [b'=', rest @ ..] => rest[..rest.len().min(SHORT - 1)].to_vec(),
        [b'@', rest @ ..] if rest.len() < SHORT => rest.to_vec(),
        [b'@', rest @ ..] => [b"...", &rest[rest.len() - (SHORT - 1 - 3)..]].concat(),
        source => {
            let room = SHORT - r#"[string "..."]"#.len() - 1;
            let line = source.split(|&byte| byte == b'\n').next().unwrap_or_default();
            match line.len() < source.len() || line.len() > room {
                true => [b"[string \"", &line[..line.len().min(room)], b"...\"]"].concat(),
                false => [b"[string \"", line, b"\"]"].concat(),
            }
        }
    }
}
