//! Bytes, parts and places of strings. Indices count from 1, and from the end if they are negative, as Lua's `string.byte`, `string.sub` and `string.find` have it; numbers
//! do not stand for strings here.

use lockstep_bytecode::{ErrorKind, Reg};
use lockstep_layout::Slot;
use lockstep_runtime::{StringRef, to_integer, to_number};

use super::{Go, Here, Outcome, no_memory};

/// An index as a place from 0 on, of what may lie in front of the string or behind it: 0 and what is further in front than the string is long are -1.
fn place(index: i64, len: usize) -> i64 {
    match index {
        1.. => index - 1,
        0 => -1,
        _ => index.saturating_add(len as i64).max(-1),
    }
}

/// The bytes from one index to another, cut to the string.
fn part(bytes: &[u8], first: i64, last: i64) -> &[u8] {
    let first = place(first, bytes.len()).max(0);
    let end = place(last, bytes.len()).saturating_add(1).min(bytes.len() as i64);
    if first < end { &bytes[first as usize..end as usize] } else { &[] }
}

/// Where a string stands in another, from 0 on, at `from` or behind it. The empty string stands everywhere, behind the last byte too.
fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let Some((&first, others)) = wanted.split_first() else { return Some(from) };
    let mut at = 0;
    loop {
        at += rest[at..].iter().position(|&byte| byte == first)?;
        match rest[at + 1..].get(..others.len()) {
            Some(found) if found == others => return Some(from + at),
            Some(_) => at += 1,
            None => return None,
        }
    }
}

impl Here<'_> {
    /// The bytes of the string in a register. They are live as long as the register holds it.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    unsafe fn string_in<'a>(&self, reg: Reg) -> Result<&'a [u8], ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let value = *self.slot(reg);
            match StringRef::from_slot(value) {
                Some(string) => Ok(string.bytes()),
                None => self.unexpected("string", value, reg),
            }
        }
    }

    /// The integer in a register.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    unsafe fn index_in(&self, reg: Reg) -> Result<i64, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let value = *self.slot(reg);
            match to_integer(value) {
                Some(index) => Ok(index),
                None if to_number(value).is_nil() => self.unexpected("number", value, reg),
                None => Err(ErrorKind::Conversion),
            }
        }
    }

    /// # Safety
    /// As for [`Here::string_in`].
    #[cold]
    unsafe fn unexpected<T>(&self, wanted: &str, value: Slot, reg: Reg) -> Result<T, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let message = format!("{wanted} expected, got {}{}", self.type_of(value), self.describe(reg));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// `byte`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_byte(&mut self, dst: Reg, a: Reg, at: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let bytes = self.string_in(a)?;
            let at = usize::try_from(place(self.index_in(at)?, bytes.len())).ok();
            let byte = at.and_then(|at| bytes.get(at));
            self.slot(dst).write(byte.map_or(Slot::NIL, |&byte| Slot::i64(byte.into())));
            Ok(Go::Next)
        }
    }

    /// `slice`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_slice(&mut self, dst: Reg, a: Reg, first: Reg, last: Reg) -> Outcome {
        // SAFETY: the caller says so. The string is in a register that is live at this instruction.
        unsafe {
            self.store_pc();
            let bytes = self.string_in(a)?;
            let part = part(bytes, self.index_in(first)?, self.index_in(last)?);
            let string = match part.len() == bytes.len() {
                true => *self.slot(a),
                false => self.heap().new_string(part).map_err(no_memory)?.slot(),
            };
            self.slot(dst).write(string);
            Ok(Go::Next)
        }
    }

    /// `find`.
    ///
    /// # Safety
    /// As for [`Here::string_in`].
    #[inline(never)]
    pub unsafe fn string_find(&mut self, dst: Reg, a: Reg, b: Reg, first: Reg) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let (bytes, wanted) = (self.string_in(a)?, self.string_in(b)?);
            let from = place(self.index_in(first)?, bytes.len()).max(0);
            let found = usize::try_from(from).ok().and_then(|from| find(bytes, wanted, from));
            self.slot(dst).write(found.map_or(Slot::NIL, |at| Slot::i64(at as i64 + 1)));
            Ok(Go::Next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_to_the_string() {
        for (first, last, expected) in [
            (1, -1, "hello"),
            (2, 3, "el"),
            (-3, -2, "ll"),
            (-100, 100, "hello"),
            (0, 1, "h"),
            (4, 2, ""),
            (6, 9, ""),
            (1, 0, ""),
            (1, -100, ""),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MAX, i64::MAX, ""),
        ] {
            assert_eq!(part(b"hello", first, last), expected.as_bytes(), "{first} {last}");
        }
        assert_eq!(part(b"", 1, -1), b"");
    }

    #[test]
    fn places_are_those_that_a_slow_search_finds() {
        let text = b"abababcab";
        for wanted in
            [&b""[..], b"a", b"ab", b"abc", b"babc", b"abcab", b"cab", b"cabx", b"x", b"abababcab", b"abababcabx"]
        {
            for from in 0..=text.len() + 1 {
                let slow = (from..=text.len()).find(|&at| text[at..].starts_with(wanted));
                assert_eq!(find(text, wanted, from), slow, "{wanted:?} from {from}");
            }
        }
    }
}
