//! `warn`, and the warnings of finalizers.

use std::cell::Cell;

use lockstep_runtime::{HostResult, Scope};

use super::Standard;

/// Whether warnings are shown.
#[derive(Debug, Default)]
pub struct Warnings {
    on: Cell<bool>,
}

/// `warn`: pieces of one message; a single piece that begins with `@` is for this function itself.
pub fn warn(call: &mut Scope<'_>, standard: &Standard) -> HostResult {
    let mut message = Vec::new();
    for index in 0..call.count().max(1) {
        message.extend_from_slice(call.arg::<&[u8]>(index)?);
    }
    let warnings = standard.warnings();
    match (call.count(), &message[..]) {
        (1, b"@on") => warnings.on.set(true),
        (1, b"@off") => warnings.on.set(false),
        (1, [b'@', ..]) => {}
        _ => standard.warn(&message),
    }
    Ok(())
}

/// Shows what errors in finalizers have said.
pub fn show(call: &mut Scope<'_>, standard: &Standard) {
    for text in call.take_warnings() {
        standard.warn(format!("error in __gc ({text})").as_bytes());
    }
}

impl Warnings {
    /// The line that shows a message; none if warnings are off.
    pub fn line(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.on.get().then(|| [b"Lua warning: ", message, b"\n"].concat())
    }
}
