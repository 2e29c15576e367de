//! Lua source: changed token by token and line by line, run with the library's part that touches nothing outside.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use lockstep_bytecode::Verified;
use lockstep_lua::standalone::new_state;
use lockstep_lua::{Standard, compile};
use lockstep_runtime::{HostResult, Limits, Local};

use crate::random::Random;
use crate::stats::Fate;

/// What a program may use.
const LIMITS: Limits = Limits { depth: 200, memory: 16 << 20, budget: Some(2_000) };

/// What is taken away before a program runs: whatever reaches files, processes and the environment.
const FORBIDDEN: [&str; 6] = ["io", "os", "package", "require", "dofile", "loadfile"];

/// What makes the library refuse what takes long.
static REFUSALS: LazyLock<Arc<Verified>> =
    LazyLock::new(|| Arc::new(compile(include_bytes!("limits.lua"), b"@limits.lua").expect("it is a chunk")));

/// Compiles and runs a program.
pub fn run(source: &[u8]) -> Fate {
    let Ok(module) = compile(source, b"@fuzz.lua") else { return Fate::Refused };
    let standard = Standard::new(Box::new(std::io::empty()), Box::new(std::io::sink()), Box::new(std::io::sink()));
    let mut vm = new_state(LIMITS, Rc::new(standard)).expect("there is memory for the library");
    let ended = vm.enter(move |scope| -> HostResult<bool> {
        let globals = scope.imported("_G");
        let refusals = scope.load(REFUSALS.clone(), &[globals])?;
        scope.call_protected(refusals.local(), &[])?.map_err(|_| "the limits cannot be set")?;
        for name in FORBIDDEN {
            scope.set(globals, name, Local::NIL)?;
        }
        let function = scope.load(Arc::new(module), &[globals])?;
        Ok(scope.call_protected(function.local(), &[])?.is_ok())
    });
    match ended {
        Ok(true) => Fate::Ended,
        _ => Fate::Stopped,
    }
}

/// What kind of token it is: those of a kind can take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Space,
    Name,
    Keyword,
    Number,
    Text,
    Operator,
    Other,
}

const KEYWORDS: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "//", "%", "^", "&", "|", "~", "<<", ">>", "..", "==", "~=", "<", "<=", ">", ">=", " and ",
    " or ",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "0.5",
    "1e308",
    "0x7fffffffffffffff",
    "math.mininteger",
    "9007199254740993",
    "2^53",
    "(0/0)",
    "1e-320",
    "255",
    "1000",
];

const TEXTS: &[&str] = &[
    "\"\"",
    "'a'",
    "\"10\"",
    "\"0x1p4\"",
    "\"%d\"",
    "\"(.-)%s\"",
    "\"\\u{7fffffff}\"",
    "[[x]]",
    "\"%b()\"",
    "\"<i4\"",
    "\"\\255\\0\"",
    "\"__index\"",
    "\"__gc\"",
    "\"k\"",
];

const NAMES: &[&str] = &[
    "print",
    "pcall",
    "error",
    "setmetatable",
    "getmetatable",
    "coroutine.wrap",
    "coroutine.yield",
    "string.format",
    "string.rep",
    "string.gsub",
    "string.pack",
    "string.unpack",
    "table.concat",
    "table.sort",
    "table.unpack",
    "table.move",
    "load",
    "select",
    "next",
    "pairs",
    "ipairs",
    "tostring",
    "tonumber",
    "rawset",
    "utf8.char",
    "math.tointeger",
    "collectgarbage",
    "xpcall",
    "coroutine.close",
    "debug.traceback",
    "_ENV",
    "string.dump",
];

const LINES: &[&str] = &[
    "local x <close> = setmetatable({}, {__close = function() end})",
    "goto continue",
    "::continue::",
    "do return end",
    "local t = setmetatable({}, {__index = function(t, k) return k end})",
    "for i = 1, 3 do print(i) end",
    "while true do break end",
    "repeat local z = 1 until z",
    "local f = function(...) return ... end",
    "local a <const> = 5",
    "collectgarbage()",
    "coroutine.wrap(function() coroutine.yield(1) end)()",
    "print(pcall(error, {}))",
    "for k, v in pairs({1, 2, x = 3}) do print(k, v) end",
    "if x then return 1 else return 2 end",
];

/// Splits a source into tokens with their kinds; every byte is in one.
fn tokens(source: &[u8]) -> Vec<(Kind, &[u8])> {
    let mut list = Vec::new();
    let mut rest = source;
    while let Some(&first) = rest.first() {
        let while_ = |test: &dyn Fn(u8) -> bool| rest.iter().position(|b| !test(*b)).unwrap_or(rest.len());
        let (kind, len) = match first {
            b'-' if rest.starts_with(b"--") => {
                (Kind::Space, rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()))
            }
            b' ' | b'\t' | b'\r' | b'\n' => (Kind::Space, while_(&|b| b.is_ascii_whitespace())),
            b'0'..=b'9' => (Kind::Number, while_(&|b| b.is_ascii_alphanumeric() || b == b'.')),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let len = while_(&|b| b.is_ascii_alphanumeric() || b == b'_');
                let is_keyword = KEYWORDS.iter().any(|word| word.as_bytes() == &rest[..len]);
                (if is_keyword { Kind::Keyword } else { Kind::Name }, len)
            }
            b'"' | b'\'' => {
                let mut escaped = false;
                let end = rest[1..].iter().position(|b| {
                    let ends = *b == first && !escaped;
                    escaped = *b == b'\\' && !escaped;
                    ends
                });
                (Kind::Text, end.map_or(rest.len(), |end| end + 2))
            }
            _ => {
                let operator = OPERATORS.iter().filter(|op| rest.starts_with(op.as_bytes())).map(|op| op.len()).max();
                (if operator.is_some() { Kind::Operator } else { Kind::Other }, operator.unwrap_or(1))
            }
        };
        let (token, after) = rest.split_at(len.max(1));
        list.push((kind, token));
        rest = after;
    }
    list
}

/// Changes a source.
pub fn mutate(source: &[u8], random: &mut Random) -> Vec<u8> {
    let mut source = source.to_vec();
    for _ in 0..1 + random.below(3) {
        source = match random.below(4) {
            0 => change_lines(&source, random),
            _ => change_token(&source, random),
        };
    }
    source
}

fn change_token(source: &[u8], random: &mut Random) -> Vec<u8> {
    let list = tokens(source);
    let wanted = *random.pick(&[
        Kind::Name,
        Kind::Name,
        Kind::Number,
        Kind::Number,
        Kind::Text,
        Kind::Operator,
        Kind::Operator,
        Kind::Keyword,
        Kind::Other,
    ]);
    let places: Vec<usize> = (0..list.len()).filter(|&at| list[at].0 == wanted).collect();
    if places.is_empty() {
        return change_lines(source, random);
    }
    let at = *random.pick(&places);
    let known: &[&str] = match wanted {
        Kind::Name => NAMES,
        Kind::Number => NUMBERS,
        Kind::Text => TEXTS,
        Kind::Operator => OPERATORS,
        _ => &[],
    };
    let new: Vec<u8> = match random.below(8) {
        // A field is no expression.
        0 | 1 if !known.is_empty() && !(at > 0 && matches!(list[at - 1].1, b"." | b":")) => {
            random.pick(known).as_bytes().to_vec()
        }
        2 if matches!(wanted, Kind::Name | Kind::Number) => {
            [b"(", list[at].1, b" or ", list[*random.pick(&places)].1, b")"].concat()
        }
        3 if wanted == Kind::Keyword => random.pick(KEYWORDS).as_bytes().to_vec(),
        // Numbers and texts stand where the other may.
        4 if wanted == Kind::Number => random.pick(TEXTS).as_bytes().to_vec(),
        4 if wanted == Kind::Text => random.pick(NUMBERS).as_bytes().to_vec(),
        _ => list[*random.pick(&places)].1.to_vec(),
    };
    let mut out = Vec::with_capacity(source.len() + new.len());
    list[..at].iter().for_each(|(_, token)| out.extend_from_slice(token));
    out.extend_from_slice(&new);
    list[at + 1..].iter().for_each(|(_, token)| out.extend_from_slice(token));
    out
}

fn change_lines(source: &[u8], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = source.split(|b| *b == b'\n').collect();
    let range = random.range(lines.len());
    match random.below(5) {
        0 => drop(lines.drain(range)),
        1 => {
            let copy: Vec<&[u8]> = lines[range].to_vec();
            let at = random.below(lines.len() + 1);
            lines.splice(at..at, copy);
        }
        2 => {
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(a, b);
        }
        _ => lines.insert(range.start, random.pick(LINES).as_bytes()),
    }
    lines.join(&b'\n')
}

/// Lines of one source among those of another.
pub fn cross(a: &[u8], b: &[u8], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = a.split(|byte| *byte == b'\n').collect();
    let others: Vec<&[u8]> = b.split(|byte| *byte == b'\n').collect();
    let at = random.below(lines.len() + 1);
    let whole = random.below(2) == 0;
    let range = if whole { 0..others.len() } else { random.range(others.len()) };
    // A whole program keeps its local variables, and its end, to itself.
    let (before, after): (&[&[u8]], &[&[u8]]) = if whole { (&[b"do"], &[b"end"]) } else { (&[], &[]) };
    let piece: Vec<&[u8]> = before.iter().chain(&others[range]).chain(after).copied().collect();
    lines.splice(at..at, piece);
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_every_byte() {
        let source = b"local x = 'a\\'b' .. 0x1F -- end\nif x <= 3 then f(\"\") end \xff";
        let list = tokens(source);
        assert_eq!(list.iter().flat_map(|(_, token)| token.iter().copied()).collect::<Vec<u8>>(), source);
        assert!(list.contains(&(Kind::Text, b"'a\\'b'")) && list.contains(&(Kind::Operator, b"<=")));
    }

    #[test]
    fn many_changed_programs_are_programs() {
        let source = b"local t = {1, 2, x = 'a'}\nfor i = 1, #t do\n  print(t[i] + i * 2)\nend\nlocal function f(a, b)\n  return a .. b\nend\nprint(f('x', 1))\n";
        let mut random = Random::new(1);
        let accepted = (0..1000).filter(|_| run(&mutate(source, &mut random)) != Fate::Refused).count();
        assert!(accepted > 200, "{accepted} of 1000");
    }

    #[test]
    fn what_takes_long_is_refused() {
        for source in [
            "string.find(('a'):rep(100), 'a')",
            "(''):find('.-.-.-.-b')",
            "table.move({}, math.mininteger, math.maxinteger, 2)",
            "assert(load(function() return 1 end))",
            "table.insert(setmetatable({}, {__len = function() return 1 << 40 end}), 1, 1)",
        ] {
            assert_eq!(run(source.as_bytes()), Fate::Stopped, "{source}");
        }
        assert_eq!(
            run(b"assert(('abc'):find('b') == 2 and table.remove({1}) == 1 and table.move({1}, 1, 1, 2)[2] == 1)"),
            Fate::Ended
        );
    }

    #[test]
    fn nothing_outside_is_reached() {
        assert_eq!(run(b"assert(not (io or os or package or require or dofile or loadfile))"), Fate::Ended);
    }
}
