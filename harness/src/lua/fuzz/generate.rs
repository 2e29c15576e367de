//! Fills the rows of the grammar: from a seed and an index to a program.

use super::avoid;
use super::constants::{CHOICES, PATTERNS, SHORT};
use super::grammar::{LEAVES, METAMETHODS, RETURNS, STATEMENTS, Ty, YIELDS};
use super::tree::{Kind, Node, Part};
use crate::fuzz::rng::Rng;

/// What every program begins with, a statement per element.
const PRELUDE: &str = include_str!("prelude.lua");

/// Nodes after which only what is simplest is made.
const SIZE: usize = 420;
/// How deep expressions and blocks nest.
const DEPTH: u32 = 5;
/// Once in so many times an expression is of another kind than is asked for.
const BLINDLY: usize = 40;

/// The program of an index.
pub fn program(seed: u64, index: u64) -> Node {
    let mut generator = Generator {
        rng: Rng::of(seed, index),
        variables: Vec::new(),
        pending: Vec::new(),
        scopes: Vec::new(),
        functions: vec![false],
        labels: 0,
        left: SIZE,
    };
    generator.program()
}

/// A local variable.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    /// What it holds; anything if unknown.
    ty: Option<Ty>,
    is_const: bool,
}

struct Generator {
    rng: Rng,
    /// Those that are seen, inner ones last.
    variables: Vec<Variable>,
    /// Those that are written and not seen yet.
    pending: Vec<Variable>,
    /// How many were seen where each scope began.
    scopes: Vec<usize>,
    /// The functions around, and whether each has `...`.
    functions: Vec<bool>,
    labels: u32,
    left: usize,
}

/// What a row has named so far.
#[derive(Default)]
struct Names {
    variable: String,
    label: String,
}

impl Generator {
    fn program(&mut self) -> Node {
        let mut parts = vec![Part::Text("-- Found by random programs.\n".into())];
        parts.extend(prelude().map(|text| Part::Node(Node::leaf(Kind::Stat, text))));
        for table in ["M1", "M2"] {
            for (event, bodies) in METAMETHODS {
                // `<=` without `__le` is a matter of how PUC Lua was built; what has no text has an address.
                if !matches!(*event, "__tostring" | "__le") && self.rng.one_in(3) {
                    continue;
                }
                let body = *self.rng.pick(bodies);
                let row = format!("{table}.{event} = function(a, b, c) $( tick() {body} end $)\n");
                self.left = self.left.max(20);
                parts.push(Part::Node(self.row(Kind::Stat, &row, 2)));
            }
        }
        let acts = self.rng.range(3, 6);
        for act in 0..acts {
            self.left = SIZE / acts;
            let row =
                if act + 1 == acts && self.rng.one_in(4) { "$< $A $>" } else { "$<act(function() $( $A end $))\n$>" };
            parts.push(Part::Node(self.row(Kind::Stat, row, DEPTH)));
        }
        Node::new(Kind::Block, parts)
    }

    /// Fills a row.
    fn row(&mut self, kind: Kind, row: &str, depth: u32) -> Node {
        self.left = self.left.saturating_sub(1);
        let mut names = Names::default();
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = row;
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some((name, choices)) = choice(rest) {
                text.push_str(self.rng.pick::<&str>(choices));
                rest = &rest[name.len()..];
                continue;
            }
            let hole = rest.as_bytes()[0];
            rest = &rest[1..];
            match hole {
                b'<' => self.scopes.push(self.variables.len()),
                b'>' => {
                    let from = self.scopes.pop().expect("rows end the scopes that they begin");
                    self.variables.truncate(from);
                }
                b'(' => self.functions.push(text.trim_end().ends_with("...)")),
                b')' => drop(self.functions.pop()),
                b'!' => self.variables.append(&mut self.pending),
                b'{' => {
                    let (what, after) = rest.split_once('}').expect("holes end");
                    rest = after;
                    if what != "last" {
                        names.variable = self.declare(what);
                    }
                    text.push_str(&names.variable);
                }
                b'v' => {
                    let ty = rest.strip_prefix(':').and_then(|ty| Ty::of_letter(*ty.as_bytes().first()?));
                    rest = if ty.is_some() { &rest[2..] } else { rest };
                    text.push_str(&self.assignable(ty));
                }
                b'G' => {
                    self.labels += 1;
                    names.label = format!("l{}", self.labels);
                    text.push_str(&names.label);
                }
                b'l' => text.push_str(&names.label),
                b'k' => text += &number(self.rng.range(0, 12) as i64 - 3),
                b'p' => text += &number(self.rng.range(1, 6) as i64),
                b'z' => text += &number(self.rng.range(0, 3) as i64),
                b'q' => text.push_str(self.rng.pick::<&str>(SHORT)),
                b'P' => text.push_str(self.rng.pick::<&str>(PATTERNS)),
                _ => {
                    let mut node = self.hole(hole, depth, rest);
                    if let Some(other) = avoid::instead_of_zero(&text).filter(|_| node.text() == "0") {
                        node = Node::leaf(Kind::Expr, other);
                    }
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text).into()));
                    }
                    parts.push(Part::Node(node));
                }
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        let mut node = Node::new(kind, parts);
        if kind == Kind::Expr && avoid::ON_ONE_LINE {
            node.join_lines();
        }
        // What begins with a parenthesis would be the arguments of the statement before.
        if kind == Kind::Stat && node.text().starts_with('(') {
            return Node::new(kind, vec![Part::Text(";".into()), Part::Node(Node { kind: Kind::Stat, ..node })]);
        }
        node
    }

    /// What fills a hole; `after` is the text behind it.
    fn hole(&mut self, hole: u8, depth: u32, after: &str) -> Node {
        let below = depth.saturating_sub(1);
        match hole {
            b'A' => {
                let count = self.rng.range(4, 9);
                self.block(count, below, "")
            }
            b'B' | b'R' => {
                let most = if depth <= 1 || self.left == 0 { 1 } else { 3 };
                let count = self.rng.below(most + 1);
                let end = if hole == b'R' { *self.rng.pick(RETURNS) } else { "" };
                self.block(count, below, end)
            }
            b'L' => {
                let row = *self.rng.pick(LEAVES);
                self.row(Kind::Stat, row, below)
            }
            b'Y' => {
                let row = *self.rng.pick(YIELDS);
                self.row(Kind::Stat, row, below)
            }
            b'x' => self.list(below),
            _ => {
                let node = match hole {
                    b'n' => {
                        let ty = *self.rng.pick(&[Ty::Int, Ty::Float]);
                        self.expr(ty, depth)
                    }
                    b'N' if self.rng.one_in(2) => Node::leaf(
                        Kind::Expr,
                        *self.rng.pick(&["\"10\"", "\"0x10\"", "\"-2\"", "\" 7 \"", "\"1.5\"", "\"1e2\""]),
                    ),
                    b'N' => {
                        let ty = *self.rng.pick(&[Ty::Int, Ty::Float]);
                        self.expr(ty, depth)
                    }
                    b'd' => {
                        let node = self.expr(Ty::Float, depth);
                        Node::new(Kind::Expr, vec![Part::Text("F(".into()), Part::Node(node), Part::Text(")".into())])
                    }
                    b'w' => {
                        let ty = *self.rng.pick(&[Ty::Int, Ty::Str, Ty::Bool]);
                        self.expr(ty, depth)
                    }
                    b'e' => self.anything(depth),
                    letter => {
                        let ty = Ty::of_letter(letter).unwrap_or_else(|| panic!("no hole `${}`", char::from(letter)));
                        self.expr(ty, depth)
                    }
                };
                // A call, an index: of a name or of something in parentheses.
                let is_prefix = after.starts_with(['(', '[', '.', ':']) && !after.starts_with("..");
                let is_name = |text: &str| {
                    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                        && !text.starts_with(|c: char| c.is_ascii_digit())
                };
                let text = node.text();
                if is_prefix && (!is_name(&text) || matches!(text.as_str(), "nil" | "true" | "false")) {
                    return Node::new(
                        Kind::Expr,
                        vec![Part::Text("(".into()), Part::Node(node), Part::Text(")".into())],
                    );
                }
                node
            }
        }
    }

    fn block(&mut self, count: usize, depth: u32, end: &str) -> Node {
        let mut parts = Vec::new();
        for _ in 0..count {
            let row = self.pick_row(STATEMENTS, depth);
            parts.push(Part::Node(self.row(Kind::Stat, row, depth)));
        }
        if !end.is_empty() {
            parts.push(Part::Node(self.row(Kind::Stat, end, depth)));
        }
        Node::new(Kind::Block, parts)
    }

    /// Expressions with commas between them.
    fn list(&mut self, depth: u32) -> Node {
        let mut parts = vec![Part::Node(self.anything(depth))];
        for _ in 0..self.rng.below(3) {
            parts.push(Part::Text(", ".into()));
            parts.push(Part::Node(self.anything(depth)));
        }
        if self.rng.one_in(3) {
            let open: &[&str] = &["$u($x)", "table.unpack($a)", "$s:byte(1, -1)", "f1($x)", "f2($e, $e)", "..."];
            let row = *self.rng.pick(open);
            let row = if row != "..." || self.functions.last() == Some(&true) { row } else { "f1($e)" };
            parts.push(Part::Text(", ".into()));
            parts.push(Part::Node(self.row(Kind::Expr, row, depth.saturating_sub(1))));
        }
        Node::new(Kind::Expr, parts)
    }

    fn anything(&mut self, depth: u32) -> Node {
        if self.rng.one_in(5)
            && let Some(name) = self.visible(|_| true)
        {
            return Node::leaf(Kind::Expr, name);
        }
        if self.rng.one_in(8) {
            return Node::leaf(Kind::Expr, "nil");
        }
        let ty = *self.rng.pick(&Ty::ALL);
        self.expr(ty, depth)
    }

    /// An expression of a kind, most of the time.
    fn expr(&mut self, ty: Ty, depth: u32) -> Node {
        let ty = if self.rng.one_in(BLINDLY) { *self.rng.pick(&Ty::ALL) } else { ty };
        if self.rng.one_in(3)
            && let Some(name) = self.visible(|variable| variable.ty == Some(ty))
        {
            return Node::leaf(Kind::Expr, name);
        }
        if depth == 0 || self.left == 0 || self.rng.one_in(4) {
            let mut node = Node::leaf(Kind::Expr, *self.rng.pick(ty.constants()));
            if avoid::ON_ONE_LINE {
                node.join_lines();
            }
            return node;
        }
        let row = self.pick_row(ty.rows(), depth);
        let node = self.row(Kind::Expr, row, depth - 1);
        match ty {
            // The borders of a table with holes are anyone's choice.
            Ty::List if row.starts_with(['{', 't']) => {
                Node::new(Kind::Expr, vec![Part::Text("seq(".into()), Part::Node(node), Part::Text(")".into())])
            }
            _ => node,
        }
    }

    fn pick_row(&mut self, rows: &'static [&'static str], depth: u32) -> &'static str {
        loop {
            let row = *self.rng.pick(rows);
            // Where there is no more room, short rows come to an end soonest.
            let is_short = row.bytes().filter(|b| *b == b'$').count() <= 3;
            if (is_short || (depth > 0 && self.left > 0)) && !avoid::is_avoided(row) {
                return row;
            }
        }
    }

    /// The name of a variable that is seen and not hidden by another.
    fn visible(&mut self, wanted: impl Fn(&Variable) -> bool) -> Option<String> {
        let seen = |at: &usize| {
            let variable = &self.variables[*at];
            wanted(variable) && !self.variables[at + 1..].iter().any(|later| later.name == variable.name)
        };
        let all: Vec<usize> = (0..self.variables.len()).filter(seen).collect();
        if all.is_empty() {
            return None;
        }
        let at = *self.rng.pick(&all);
        Some(self.variables[at].name.clone())
    }

    /// A name that can stand on the left of an assignment; that of a global variable if there is none.
    fn assignable(&mut self, ty: Option<Ty>) -> String {
        let found = self.visible(|variable| !variable.is_const && variable.ty == ty);
        found.unwrap_or_else(|| if ty == Some(Ty::Int) { "g1".to_owned() } else { "g5".to_owned() })
    }

    /// A new variable; names are few, so that some hide others.
    fn declare(&mut self, what: &str) -> String {
        let ty = Ty::of_letter(what.as_bytes()[0]);
        let name = format!("{}{}", self.rng.pick(&["a", "b", "c", "x", "y"]), self.rng.below(8));
        self.pending.push(Variable { name: name.clone(), ty, is_const: what.ends_with("const") });
        name
    }
}

/// The choice whose name a hole begins with, the longest.
fn choice(text: &str) -> Option<(&'static str, &'static [&'static str])> {
    const FUNCTIONS: (&str, &[&str]) = ("fn", &["1", "2", "3"]);
    const CALLED: (&str, &[&str]) = ("fm", &["1", "2", "3"]);
    let all = CHOICES.iter().chain([&FUNCTIONS, &CALLED]);
    all.copied().filter(|(name, _)| text.starts_with(name)).max_by_key(|(name, _)| name.len())
}

fn number(value: i64) -> String {
    if value < 0 { format!("({value})") } else { value.to_string() }
}

/// The statements of the prelude: each begins at the left edge.
fn prelude() -> impl Iterator<Item = &'static str> {
    let mut rest = PRELUDE;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            if end > 0 && !line.starts_with(' ') && !line.starts_with("end") {
                break;
            }
            end += line.len();
        }
        let (first, after) = rest.split_at(end);
        rest = after;
        Some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_program_for_ever() {
        assert_eq!(program(7, 3).text(), program(7, 3).text());
        assert_ne!(program(7, 3).text(), program(7, 4).text());
        assert_ne!(program(7, 3).text(), program(8, 3).text());
    }

    #[test]
    fn nearly_all_programs_are_chunks_of_some_length() {
        let (mut wrong, mut lines) = (Vec::new(), 0);
        for index in 0..300 {
            let text = program(3, index).text();
            lines += text.lines().count();
            if let Err(error) = lockstep_lua::compile(text.as_bytes(), b"@case.lua") {
                wrong.push(format!("{index}: {}", String::from_utf8_lossy(&error.message)));
            }
        }
        assert!(wrong.len() <= 6, "{} of 300 are no chunks: {wrong:#?}", wrong.len());
        assert!(lines > 300 * 70, "{lines} lines");
    }
}
