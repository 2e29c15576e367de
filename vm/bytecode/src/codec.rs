//! The binary form of modules: compact, versioned, and safe to read from anywhere.
//!
//! ```text
//! "LKSB"  version (varint)  fingerprint of the table (4 bytes)  checksum of the body (8 bytes)  body
//! ```
//!
//! Numbers in the body are LEB128 varints, signed ones in zigzag form, branch targets relative to their instruction, bits of
//! the constant pool eight bytes little-endian. There is one encoding of each module, and what is decoded is verified: a
//! decoder that returns a module returns one that every consumer may trust.

use crate::operand::MOST_OPERANDS;
use crate::{
    Capture, ConstId, Count, FuncId, Function, Instr, JumpTable, Kind, LineTable, LocalName, Module, Pc, Reg, Register,
    Role, SiteId, StrId, TableId, Template, TemplateId, UpvalueId, Verified,
};
use crate::{Op, Value};
use std::fmt;
use std::sync::LazyLock;

/// The version of the format that [`encode`] writes and [`decode`] reads.
pub const VERSION: u64 = 3;

const MAGIC: &[u8; 4] = b"LKSB";

/// Why bytes are not a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Offset of the offending byte.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for DecodeError {}

/// A number that changes when the table's instructions, their order or their operands change.
pub fn table_fingerprint() -> u32 {
    static FINGERPRINT: LazyLock<u32> = LazyLock::new(|| {
        let mut text = String::new();
        for op in Op::ALL {
            let operands = op.info().operands.iter().map(|operand| format!("{:?} {:?}", operand.role, operand.kind));
            text.push_str(&format!("{op} {:?};", operands.collect::<Vec<_>>()));
        }
        let hash = checksum(text.as_bytes());
        (hash ^ hash >> 32) as u32
    });
    *FINGERPRINT
}

/// FNV-1a: against accidents, not against intent (the verifier is).
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Puts the checksum of the body into bytes that were changed, so that the change reaches the decoder proper; for those who test it.
pub fn seal(bytes: &mut [u8]) {
    // The version is below 128 and takes one byte.
    let at = MAGIC.len() + 1 + 4;
    if let Some(body) = bytes.get(at + 8..) {
        let sum = checksum(body);
        bytes[at..at + 8].copy_from_slice(&sum.to_le_bytes());
    }
}

/// The binary form of `module`.
pub fn encode(module: &Module) -> Vec<u8> {
    let mut body = Writer(Vec::new());
    body.text(&module.source);
    body.list(&module.functions, Writer::function);
    let mut out = Writer(MAGIC.to_vec());
    out.number(VERSION);
    out.0.extend(table_fingerprint().to_le_bytes());
    out.0.extend(checksum(&body.0).to_le_bytes());
    out.0.extend(body.0);
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    fn function(&mut self, function: &Function) {
        self.text(&function.name);
        self.0.push(function.param_count);
        self.0.push(function.result.map_or(NO_KIND, |kind| kind as u8));
        self.list(&function.registers, |out, register| {
            out.0.push(register.kind as u8);
            out.text(register.name.as_deref().unwrap_or(""));
        });
        self.list(&function.pool, |out, bits| out.0.extend(bits.to_le_bytes()));
        self.list(&function.strings, |out, bytes| {
            out.number(bytes.len() as u64);
            out.0.extend(bytes);
        });
        self.0.push(u8::from(function.is_generic) | u8::from(function.is_vararg) << 1);
        self.list(&function.upvalues, |out, name| out.text(name));
        self.list(&function.templates, |out, template| {
            out.number(u64::from(template.func.0));
            out.list(&template.captures, |out, capture| {
                let (what, index) = match capture {
                    Capture::Register(Reg(n)) => (0, *n),
                    Capture::Upvalue(UpvalueId(n)) => (1, *n),
                };
                out.0.extend([what, index]);
            });
        });
        self.list(&function.tables, |out, table| {
            out.list(&table.targets, |out, target| out.number(u64::from(target.0)));
            out.number(u64::from(table.default.0));
        });
        let mut last = (Pc(0), 0);
        self.list(function.lines.runs(), |out, run| {
            out.signed(i64::from(run.0.0) - i64::from(last.0.0));
            out.signed(i64::from(run.1) - i64::from(last.1));
            last = *run;
        });
        self.list(&function.locals, |out, local| {
            out.text(&local.name);
            out.0.push(local.register.0);
            out.number(u64::from(local.start.0));
            out.number(u64::from(local.end.0));
        });
        self.number(function.code.len() as u64);
        for (pc, instr) in function.code.iter().enumerate() {
            self.number(instr.op() as u64);
            for value in instr.operands().iter() {
                match value {
                    Value::Reg(Reg(n)) => self.0.push(*n),
                    Value::Imm(imm) => self.signed(*imm),
                    Value::Label(target) => self.signed(i64::from(target.0) - pc as i64),
                    Value::Pool(ConstId(n)) | Value::Func(FuncId(n)) | Value::Table(TableId(n)) => {
                        self.number(u64::from(*n));
                    }
                    Value::Str(StrId(n)) | Value::Template(TemplateId(n)) => self.number(u64::from(*n)),
                    Value::Count(count) => self.0.push(count.raw()),
                    Value::Upvalue(UpvalueId(n)) => self.0.push(*n),
                    // There is one way to number places, and nothing was seen yet.
                    Value::Site(_) | Value::Seen => {}
                }
            }
        }
    }
}

/// In place of a kind's tag: there is no kind.
const NO_KIND: u8 = 0xff;

/// Reads and verifies a module.
///
/// # Errors
/// Anything that [`encode`] of a verified module would not have written.
pub fn decode(bytes: &[u8]) -> Result<Verified, DecodeError> {
    let mut input = Reader { bytes, at: 0 };
    if bytes.get(..4) != Some(MAGIC) {
        return Err(input.error("this is no bytecode module: it does not begin with `LKSB`"));
    }
    input.at = 4;
    let version = input.number()?;
    if version != VERSION {
        return Err(DecodeError { offset: 4, message: format!("format version {version}, expected {VERSION}") });
    }
    let at = input.at;
    if u32::from_le_bytes(input.array()?) != table_fingerprint() {
        return Err(DecodeError {
            offset: at,
            message: "made for another instruction table: assemble it again".into(),
        });
    }
    let at = input.at;
    if u64::from_le_bytes(input.array()?) != checksum(&bytes[input.at..]) {
        return Err(DecodeError { offset: at, message: "the checksum does not match the body".into() });
    }
    let mut places = Vec::new();
    let source = input.text()?;
    let functions = input.list(|input| {
        let mut place = Place { start: input.at, code: Vec::new() };
        let function = input.function(&mut place)?;
        places.push(place);
        Ok(function)
    })?;
    if input.at != bytes.len() {
        return Err(input.error("there is something after the module's end"));
    }
    Verified::new(Module { source, functions, origin: None }).map_err(|error| {
        let place = &places[error.func.index()];
        let code = error.at.as_ref().and_then(|(pc, _)| place.code.get(pc.index()));
        DecodeError { offset: code.copied().unwrap_or(place.start), message: error.to_string() }
    })
}

/// Where a function and its instructions stand in the bytes.
struct Place {
    start: usize,
    code: Vec<usize>,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

type Read<T> = Result<T, DecodeError>;

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> DecodeError {
        DecodeError { offset: self.at, message: message.into() }
    }

    fn byte(&mut self) -> Read<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.error("the bytes end here"))?;
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let slice = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *slice.ok_or_else(|| self.error(format!("the bytes end before these {N} are complete")))?;
        self.at += N;
        Ok(array)
    }

    fn number(&mut self) -> Read<u64> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || shift > 0 && byte == 0 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError { offset: start, message: "a number that is too long".into() })
    }

    fn number32(&mut self, what: &str) -> Read<u32> {
        let start = self.at;
        let value = self.number()?;
        u32::try_from(value).map_err(|_| DecodeError { offset: start, message: format!("{value} is no {what}") })
    }

    fn number16(&mut self, what: &str) -> Read<u16> {
        let start = self.at;
        let value = self.number()?;
        u16::try_from(value).map_err(|_| DecodeError { offset: start, message: format!("{value} is no {what}") })
    }

    fn signed(&mut self) -> Read<i64> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length; nothing is shorter than a byte, so a length beyond the bytes left is wrong before memory is asked for.
    fn length(&mut self) -> Read<usize> {
        let start = self.at;
        let length = self.number()?;
        let left = self.bytes.len() - self.at;
        usize::try_from(length).ok().filter(|length| *length <= left).ok_or_else(|| DecodeError {
            offset: start,
            message: format!("a length of {length}, but {left} bytes are left"),
        })
    }

    fn bytes(&mut self) -> Read<Vec<u8>> {
        let length = self.length()?;
        let bytes = self.bytes[self.at..self.at + length].to_vec();
        self.at += length;
        Ok(bytes)
    }

    fn text(&mut self) -> Read<String> {
        let length = self.length()?;
        let bytes = &self.bytes[self.at..self.at + length];
        let text = std::str::from_utf8(bytes).map_err(|error| DecodeError {
            offset: self.at + error.valid_up_to(),
            message: "text that is not UTF-8".into(),
        })?;
        self.at += length;
        Ok(text.to_owned())
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        (0..self.length()?).map(|_| read(self)).collect()
    }

    fn kind(&mut self) -> Read<Option<Kind>> {
        let start = self.at;
        let tag = self.byte()?;
        let kind = if tag == Kind::Any as u8 { Some(Kind::Any) } else { Kind::from_tag(u64::from(tag)) };
        if kind.is_none() && tag != NO_KIND {
            return Err(DecodeError { offset: start, message: format!("{tag} is no kind") });
        }
        Ok(kind)
    }

    fn function(&mut self, place: &mut Place) -> Read<Function> {
        let name = self.text()?;
        let param_count = self.byte()?;
        let result = self.kind()?;
        let registers = self.list(|input| {
            let at = input.at;
            let kind = input.kind()?;
            let kind = kind.ok_or(DecodeError { offset: at, message: "a register needs a kind".into() })?;
            let name = input.text()?;
            Ok(Register { kind, name: (!name.is_empty()).then_some(name) })
        })?;
        let pool = self.list(|input| input.array().map(u64::from_le_bytes))?;
        let strings = self.list(Self::bytes)?;
        let start = self.at;
        let flags = self.byte()?;
        if flags > 3 {
            return Err(DecodeError { offset: start, message: format!("{flags} says nothing about a function") });
        }
        let (is_generic, is_vararg) = (flags & 1 != 0, flags & 2 != 0);
        let upvalues = self.list(Self::text)?;
        let templates = self.list(|input| {
            let func = FuncId(input.number32("function")?);
            let captures = input.list(|input| {
                let at = input.at;
                Ok(match (input.byte()?, input.byte()?) {
                    (0, n) => Capture::Register(Reg(n)),
                    (1, n) => Capture::Upvalue(UpvalueId(n)),
                    (n, _) => return Err(DecodeError { offset: at, message: format!("{n} is no kind of capture") }),
                })
            })?;
            Ok(Template { func, captures })
        })?;
        let tables = self.list(|input| {
            let targets = input.list(|input| input.number32("position").map(Pc))?;
            Ok(JumpTable { targets, default: Pc(input.number32("position")?) })
        })?;
        let mut last = (0, 0);
        let runs = self.list(|input| {
            let at = input.at;
            let steps = (input.signed()?, input.signed()?);
            let absolute = |last: u32, step: i64| {
                let value = i64::from(last).checked_add(step).and_then(|value| u32::try_from(value).ok());
                value.ok_or(DecodeError { offset: at, message: "a line or position out of range".into() })
            };
            last = (absolute(last.0, steps.0)?, absolute(last.1, steps.1)?);
            Ok((Pc(last.0), last.1))
        })?;
        let locals = self.list(|input| {
            let (name, register) = (input.text()?, Reg(input.byte()?));
            Ok(LocalName {
                name,
                register,
                start: Pc(input.number32("position")?),
                end: Pc(input.number32("position")?),
            })
        })?;
        let (mut pc, mut sites) = (0, 0);
        let code = self.list(|input| {
            place.code.push(input.at);
            let instr = input.instruction(pc, &mut sites)?;
            pc += 1;
            Ok(instr)
        })?;
        let lines = LineTable::from_runs(runs);
        Ok(Function {
            name,
            param_count,
            result,
            registers,
            code,
            pool,
            strings,
            is_generic,
            is_vararg,
            upvalues,
            templates,
            tables,
            lines,
            locals,
        })
    }

    fn instruction(&mut self, pc: u32, sites: &mut u16) -> Read<Instr> {
        let start = self.at;
        let number = self.number()?;
        let op = u16::try_from(number).ok().and_then(Op::from_number);
        let Some(op) = op else {
            return Err(DecodeError { offset: start, message: format!("{number} is no instruction") });
        };
        let mut values = [Value::Imm(0); MOST_OPERANDS];
        let operands = op.info().operands;
        for (value, operand) in values.iter_mut().zip(operands) {
            let at = self.at;
            *value = match operand.role {
                role if role.is_register() => Value::Reg(Reg(self.byte()?)),
                role if role.immediate_range().is_some() => Value::Imm(self.signed()?),
                Role::Reads | Role::Writes => Value::Count(Count::from_raw(self.byte()?)),
                Role::Seen => Value::Seen,
                Role::Site => {
                    let site = SiteId(*sites);
                    let next = sites.checked_add(1);
                    *sites =
                        next.ok_or(DecodeError { offset: at, message: "too many places to keep what is seen".into() })?;
                    Value::Site(site)
                }
                Role::Str => Value::Str(StrId(self.number16("string constant")?)),
                Role::Upvalue => Value::Upvalue(UpvalueId(self.byte()?)),
                Role::Template => Value::Template(TemplateId(self.number16("closure template")?)),
                Role::Label => {
                    let target = i64::from(pc).checked_add(self.signed()?).and_then(|pc| u32::try_from(pc).ok());
                    let outside = || DecodeError { offset: at, message: "a branch target out of range".into() };
                    Value::Label(Pc(target.ok_or_else(outside)?))
                }
                Role::Pool => Value::Pool(ConstId(self.number32("constant")?)),
                Role::Func => Value::Func(FuncId(self.number32("function")?)),
                Role::Table => Value::Table(TableId(self.number32("jump table")?)),
                role => unreachable!("{role:?} is a register or an immediate"),
            };
        }
        Instr::build(op, &values[..operands.len()])
            .ok_or(DecodeError { offset: start, message: format!("an operand of `{op}` is out of range") })
    }
}
