//! What of Lua 5.4 the cases must show: sections 2 and 3 of its reference manual, its metamethods, and the functions and values of its standard library (section 6).

use super::case::LuaCase;

/// Sections that say what a program does: number and title.
pub const SECTIONS: [(&str, &str); 35] = [
    ("2.1", "values and types"),
    ("2.2", "environments and the global environment"),
    ("2.3", "error handling"),
    ("2.4", "metatables and metamethods"),
    ("2.5", "garbage collection"),
    ("2.5.3", "garbage-collection metamethods"),
    ("2.5.4", "weak tables"),
    ("2.6", "coroutines"),
    ("3.1", "lexical conventions"),
    ("3.2", "variables"),
    ("3.3.1", "blocks"),
    ("3.3.2", "chunks"),
    ("3.3.3", "assignment"),
    ("3.3.4", "control structures"),
    ("3.3.5", "for statement"),
    ("3.3.6", "function calls as statements"),
    ("3.3.7", "local declarations"),
    ("3.3.8", "to-be-closed variables"),
    ("3.4", "expressions"),
    ("3.4.1", "arithmetic operators"),
    ("3.4.2", "bitwise operators"),
    ("3.4.3", "coercions and conversions"),
    ("3.4.4", "relational operators"),
    ("3.4.5", "logical operators"),
    ("3.4.6", "concatenation"),
    ("3.4.7", "the length operator"),
    ("3.4.8", "precedence"),
    ("3.4.9", "table constructors"),
    ("3.4.10", "function calls"),
    ("3.4.11", "function definitions"),
    ("3.4.12", "lists of expressions, multiple results, and adjustment"),
    ("3.5", "visibility rules"),
    ("7", "the stand-alone program"),
    ("syntax", "messages of the parser"),
    ("messages", "messages at run time, with names of variables"),
];

/// Metamethods and fields of metatables.
pub const METAMETHODS: [&str; 28] = [
    "__add",
    "__sub",
    "__mul",
    "__div",
    "__mod",
    "__pow",
    "__unm",
    "__idiv",
    "__band",
    "__bor",
    "__bxor",
    "__bnot",
    "__shl",
    "__shr",
    "__concat",
    "__len",
    "__eq",
    "__lt",
    "__le",
    "__index",
    "__newindex",
    "__call",
    "__close",
    "__gc",
    "__mode",
    "__name",
    "__tostring",
    "__metatable",
];

/// Functions and values of the standard library, with `__pairs`, which only one of them reads.
pub const LIBRARY: &[&str] = &[
    "__pairs",
    "_G",
    "_VERSION",
    "assert",
    "collectgarbage",
    "dofile",
    "error",
    "getmetatable",
    "ipairs",
    "load",
    "loadfile",
    "next",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "require",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "warn",
    "xpcall",
    "coroutine.close",
    "coroutine.create",
    "coroutine.isyieldable",
    "coroutine.resume",
    "coroutine.running",
    "coroutine.status",
    "coroutine.wrap",
    "coroutine.yield",
    "debug.gethook",
    "debug.getinfo",
    "debug.getlocal",
    "debug.getmetatable",
    "debug.getupvalue",
    "debug.sethook",
    "debug.setlocal",
    "debug.setmetatable",
    "debug.setupvalue",
    "debug.traceback",
    "debug.upvalueid",
    "debug.upvaluejoin",
    "io.close",
    "io.input",
    "io.lines",
    "io.open",
    "io.output",
    "io.read",
    "io.stderr",
    "io.stdout",
    "io.tmpfile",
    "io.type",
    "io.write",
    "file:close",
    "file:flush",
    "file:lines",
    "file:read",
    "file:seek",
    "file:setvbuf",
    "file:write",
    "math.abs",
    "math.acos",
    "math.asin",
    "math.atan",
    "math.ceil",
    "math.cos",
    "math.deg",
    "math.exp",
    "math.floor",
    "math.fmod",
    "math.huge",
    "math.log",
    "math.max",
    "math.maxinteger",
    "math.min",
    "math.mininteger",
    "math.modf",
    "math.pi",
    "math.rad",
    "math.random",
    "math.randomseed",
    "math.sin",
    "math.sqrt",
    "math.tan",
    "math.tointeger",
    "math.type",
    "math.ult",
    "os.clock",
    "os.date",
    "os.difftime",
    "os.execute",
    "os.exit",
    "os.getenv",
    "os.remove",
    "os.rename",
    "os.time",
    "os.tmpname",
    "package.config",
    "package.loaded",
    "package.path",
    "package.preload",
    "package.searchers",
    "package.searchpath",
    "string.byte",
    "string.char",
    "string.dump",
    "string.find",
    "string.format",
    "string.gmatch",
    "string.gsub",
    "string.len",
    "string.lower",
    "string.match",
    "string.pack",
    "string.packsize",
    "string.rep",
    "string.reverse",
    "string.sub",
    "string.unpack",
    "string.upper",
    "table.concat",
    "table.insert",
    "table.move",
    "table.pack",
    "table.remove",
    "table.sort",
    "table.unpack",
    "utf8.char",
    "utf8.charpattern",
    "utf8.codepoint",
    "utf8.codes",
    "utf8.len",
    "utf8.offset",
];

/// All subjects.
pub fn subjects() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|s| s.0).chain(METAMETHODS).chain(LIBRARY.iter().copied())
}

/// Whether there is such a subject.
pub fn knows(subject: &str) -> bool {
    subjects().any(|s| s == subject)
}

/// docs/lua-cases.md: which cases show what.
pub fn table(cases: &[(String, LuaCase, String)]) -> String {
    let mut text = String::from(
        "# What the Lua cases show\n\nGenerated from corpus/lua by `lockstep oracle --cases`. Sections are those of the Lua 5.4 reference manual.\n\n| subject | cases | |\n|---|---|---|\n",
    );
    for subject in subjects() {
        let title = SECTIONS.iter().find(|s| s.0 == subject).map_or(String::new(), |s| format!(" {}", s.1));
        let names: Vec<&str> = showing(cases, subject).collect();
        let shown = names.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        let more = if names.len() > 4 { ", …" } else { "" };
        text += &format!("| {subject}{title} | {} | {shown}{more} |\n", names.len());
    }
    text + &format!("\n{} cases.\n", cases.len())
}

fn showing<'c>(cases: &'c [(String, LuaCase, String)], subject: &str) -> impl Iterator<Item = &'c str> {
    cases
        .iter()
        .filter(move |(_, case, _)| case.shows.iter().any(|s| s == subject))
        .map(|(name, ..)| name.trim_start_matches("lua/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lua::case::cases;
    use std::path::Path;

    fn corpus() -> Vec<(String, LuaCase, String)> {
        cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")).expect("the corpus is well formed")
    }

    #[test]
    fn every_subject_has_two_cases() {
        let cases = corpus();
        let short: Vec<&str> = subjects().filter(|subject| showing(&cases, subject).count() < 2).collect();
        assert!(short.is_empty(), "fewer than two cases of corpus/lua show {short:?}");
        assert!(cases.len() >= 500, "corpus/lua has no more than {} cases", cases.len());
    }

    #[test]
    fn the_differences_are_those_of_the_documentation() {
        let text = include_str!("../../../docs/lua.md");
        let (_, section) = text.split_once("\n## What differs\n").expect("docs/lua.md says what differs");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
        let listed: Vec<String> = rows
            .map(|row| {
                let name = row.rsplit('`').nth(1).unwrap_or_else(|| panic!("no case in: {row}"));
                format!("lua/{name}")
            })
            .collect();
        let tagged: Vec<String> =
            corpus().into_iter().filter(|(_, case, _)| case.differs.is_some()).map(|(name, ..)| name).collect();
        assert_eq!(listed, tagged, "the rows of docs/lua.md, in order, and the cases with `differs`");
    }

    #[test]
    fn the_table_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lua-cases.md");
        let fresh = table(&corpus());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &fresh).expect("docs/lua-cases.md can be written");
        }
        let now = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(now == fresh, "docs/lua-cases.md is stale: BLESS=1 cargo test -p lockstep --lib lua::manual");
    }
}
