//! Constants in memory: one pool per unit, behind its code, addressed relative to rip.

use std::collections::HashMap;

/// Eight-byte words, the first at a multiple of 16 bytes.
#[derive(Default)]
pub(crate) struct Constants {
    words: Vec<u64>,
    known: HashMap<(u64, bool), i32>,
}

impl Constants {
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.known.clear();
    }

    /// Byte offset of a word.
    pub(crate) fn word(&mut self, bits: u64) -> i32 {
        let words = &mut self.words;
        *self.known.entry((bits, false)).or_insert_with(|| {
            words.push(bits);
            (words.len() as i32 - 1) * 8
        })
    }

    /// Byte offset of sixteen aligned bytes that hold a word and zeros.
    pub(crate) fn wide(&mut self, bits: u64) -> i32 {
        let words = &mut self.words;
        *self.known.entry((bits, true)).or_insert_with(|| {
            if words.len() % 2 == 1 {
                words.push(0);
            }
            words.extend([bits, 0]);
            (words.len() as i32 - 2) * 8
        })
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}
