//! `string.pack`: values as bytes, by a format.

/// One option of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A signed integer of so many bytes.
    Signed(usize),
    /// An unsigned integer of so many bytes.
    Unsigned(usize),
    /// A float of four bytes.
    Single,
    /// A float of eight bytes.
    Double,
    /// A string of a fixed length.
    Fixed(usize),
    /// A string behind its length, which takes so many bytes.
    Counted(usize),
    /// A string that ends in a zero.
    Zeroed,
    /// A byte of padding.
    Padding,
    /// Alignment alone.
    Align,
    /// Nothing.
    Nothing,
}

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An option: an error with this message.
    Option(String),
    /// An alignment: this is wrong with the format as an argument.
    Alignment(&'static str),
}

impl From<&str> for Problem {
    fn from(message: &str) -> Problem {
        Problem::Option(message.to_owned())
    }
}

/// A format that is being read.
#[derive(Debug)]
pub struct Format<'f> {
    text: &'f [u8],
    at: usize,
    /// Whether the least significant byte comes first.
    pub little: bool,
    most_aligned: usize,
}

/// The largest integer that can be packed.
const MAX_INTEGER: usize = 16;

/// A number in a format takes no further digit beyond this.
const LARGEST: usize = (i32::MAX as usize - 9) / 10;

/// What `!` alone means: the alignment of C's `max_align_t` in PUC Lua.
const NATIVE_ALIGNMENT: usize = 8;

impl<'f> Format<'f> {
    /// A format's reader.
    pub fn new(text: &'f [u8]) -> Format<'f> {
        Format { text, at: 0, little: true, most_aligned: 1 }
    }

    /// The number that comes next. A digit that would make it too large is left, as PUC Lua does.
    fn digits(&mut self) -> Option<usize> {
        let mut value = None;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit())
            && value.unwrap_or(0) <= LARGEST
        {
            self.at += 1;
            value = Some(value.unwrap_or(0) * 10 + usize::from(digit - b'0'));
        }
        value
    }

    fn size(&mut self, default: usize) -> Result<usize, Problem> {
        let size = self.digits().unwrap_or(default);
        match (1..=MAX_INTEGER).contains(&size) {
            true => Ok(size),
            false => Err(Problem::Option(format!("integral size ({size}) out of limits [1,{MAX_INTEGER}]"))),
        }
    }

    fn item(&mut self) -> Result<Option<Item>, Problem> {
        let Some(&letter) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        Ok(Some(match letter {
            b'b' => Item::Signed(1),
            b'B' => Item::Unsigned(1),
            b'h' => Item::Signed(2),
            b'H' => Item::Unsigned(2),
            b'i' => Item::Signed(self.size(4)?),
            b'I' => Item::Unsigned(self.size(4)?),
            b'l' | b'j' => Item::Signed(8),
            b'L' | b'J' | b'T' => Item::Unsigned(8),
            b'f' => Item::Single,
            b'd' | b'n' => Item::Double,
            b's' => Item::Counted(self.size(8)?),
            b'c' => Item::Fixed(self.digits().ok_or("missing size for format option 'c'")?),
            b'z' => Item::Zeroed,
            b'x' => Item::Padding,
            b'X' => Item::Align,
            b' ' => Item::Nothing,
            b'<' | b'=' => {
                self.little = true;
                Item::Nothing
            }
            b'>' => {
                self.little = false;
                Item::Nothing
            }
            b'!' => {
                self.most_aligned = self.size(NATIVE_ALIGNMENT)?;
                Item::Nothing
            }
            other => return Err(Problem::Option(format!("invalid format option '{}'", other as char))),
        }))
    }

    /// The next option, and how many bytes of padding come before it if `position` bytes are behind.
    ///
    /// # Errors
    /// The format is wrong.
    pub fn next(&mut self, position: usize) -> Result<Option<(Item, usize)>, Problem> {
        let Some(item) = self.item()? else { return Ok(None) };
        let mut align = item.fixed_size().unwrap_or(0);
        if item == Item::Align {
            let next = self.item()?;
            align = next
                .and_then(|next| if matches!(next, Item::Fixed(_)) { None } else { next.fixed_size() })
                .unwrap_or(0);
            if align == 0 {
                return Err(Problem::Alignment("invalid next option for option 'X'"));
            }
        }
        if let Item::Counted(size) = item {
            align = size;
        }
        let align = align.min(self.most_aligned);
        if align <= 1 || matches!(item, Item::Fixed(_) | Item::Padding | Item::Zeroed | Item::Nothing) {
            return Ok(Some((item, 0)));
        }
        if !align.is_power_of_two() {
            return Err(Problem::Alignment("format asks for alignment not power of 2"));
        }
        Ok(Some((item, position.wrapping_neg() & (align - 1))))
    }
}

impl Item {
    /// The bytes it takes, if that is known.
    pub fn fixed_size(self) -> Option<usize> {
        match self {
            Item::Signed(size) | Item::Unsigned(size) | Item::Fixed(size) => Some(size),
            Item::Single => Some(4),
            Item::Double => Some(8),
            Item::Padding => Some(1),
            Item::Align | Item::Nothing => Some(0),
            Item::Counted(_) | Item::Zeroed => None,
        }
    }
}

/// Appends the low `size` bytes of an integer, its sign extended.
pub fn push_integer(out: &mut Vec<u8>, value: i64, size: usize, little: bool) {
    let fill = if value < 0 { 0xff } else { 0 };
    let bytes = (0..size).map(|index| if index < 8 { (value >> (8 * index)) as u8 } else { fill });
    if little {
        out.extend(bytes);
    } else {
        out.extend(bytes.rev());
    }
}

/// Reads an integer from all of `bytes`; `None` if it does not fit 64 bits.
pub fn read_integer(bytes: &[u8], little: bool, signed: bool) -> Option<i64> {
    let size = bytes.len();
    let byte = |index: usize| bytes[if little { index } else { size - 1 - index }];
    let mut value = 0u64;
    for index in (0..size.min(8)).rev() {
        value = value << 8 | u64::from(byte(index));
    }
    if size < 8 {
        let shift = 64 - 8 * size as u32;
        return Some(if signed { ((value << shift) as i64) >> shift } else { value as i64 });
    }
    let fill = if signed && (value as i64) < 0 { 0xff } else { 0 };
    (8..size).all(|index| byte(index) == fill).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size() {
        for size in 1..=16 {
            for little in [true, false] {
                for value in [0, 1, -1, 127, -128] {
                    let mut bytes = Vec::new();
                    push_integer(&mut bytes, value, size, little);
                    assert_eq!((bytes.len(), read_integer(&bytes, little, true)), (size, Some(value)));
                }
            }
        }
        assert_eq!(read_integer(&[0xff; 9], true, true), Some(-1));
        assert_eq!(read_integer(&[0xff; 9], true, false), None);
    }

    #[test]
    fn padding_aligns() {
        let mut format = Format::new(b"!4 b i8 Xi4");
        assert_eq!(format.next(0), Ok(Some((Item::Nothing, 0))));
        assert_eq!(format.next(0), Ok(Some((Item::Nothing, 0))));
        assert_eq!(format.next(0), Ok(Some((Item::Signed(1), 0))));
        assert_eq!(format.next(1), Ok(Some((Item::Nothing, 0))));
        assert_eq!(format.next(1), Ok(Some((Item::Signed(8), 3))));
        assert_eq!(format.next(12), Ok(Some((Item::Nothing, 0))));
        assert_eq!(format.next(13), Ok(Some((Item::Align, 3))));
        assert!(Format::new(b"i17").next(0).is_err() && Format::new(b"c").next(0).is_err());
    }
}
