//! Which nodes of the syntax a chunk has: for whoever makes programs and wants to know that nothing is left out. It counts what the tree holds; what the parser resolves on the way (names,
//! parentheses around one value) is not in it.

use std::collections::BTreeMap;

use lockstep_bytecode::AnyOp;

use super::SyntaxError;
use super::ast::{Attrib, Block, Chunk, Comparison, Expr, Item, Literal, Outer, Stat, Unary};
use super::parser::parse;

/// How often each node occurs, by its name.
pub type Census = BTreeMap<&'static str, u64>;

/// Every name that [`census`] can answer.
pub const NODES: [&str; 64] = [
    "nil",
    "boolean",
    "integer",
    "float",
    "string",
    "vararg expression",
    "function",
    "vararg function",
    "local variable",
    "upvalue",
    "upvalue of an upvalue",
    "index",
    "call",
    "method call",
    "+",
    "-",
    "*",
    "/",
    "%",
    "//",
    "^",
    "&",
    "|",
    "~",
    "<<",
    ">>",
    "==",
    "~=",
    "<",
    "<=",
    ">",
    ">=",
    "unary -",
    "unary ~",
    "not",
    "#",
    "and",
    "or",
    "..",
    "parentheses around many values",
    "table constructor",
    "element",
    "open last element",
    "field",
    "call statement",
    "local",
    "local <const>",
    "local <close>",
    "constant known to the parser",
    "local function",
    "assignment",
    "multiple assignment",
    "do",
    "while",
    "repeat",
    "if",
    "elseif",
    "else",
    "numeric for",
    "numeric for with step",
    "generic for",
    "return",
    "break",
    "goto and label",
];

/// Counts the nodes of a chunk.
///
/// # Errors
/// The source is no chunk.
pub fn census(source: &[u8], name: &[u8]) -> Result<Census, Box<SyntaxError>> {
    let chunk = parse(source, name)?;
    let mut counter = Counter { chunk: &chunk, census: Census::new() };
    for (expr, _) in &chunk.exprs {
        counter.expr(expr);
    }
    for function in &chunk.functions {
        counter.add(if function.is_vararg { "vararg function" } else { "function" });
        for local in &function.locals {
            match local.attrib {
                Attrib::Regular => {}
                Attrib::Const => counter.add("local <const>"),
                Attrib::Close => counter.add("local <close>"),
                Attrib::Literal(_) => counter.add("constant known to the parser"),
            }
        }
        let outer = function.upvalues.iter().filter(|upvalue| matches!(upvalue.from, Outer::Upvalue(_)));
        outer.for_each(|_| counter.add("upvalue of an upvalue"));
        counter.block(&function.body);
    }
    Ok(counter.census)
}

struct Counter<'c> {
    chunk: &'c Chunk,
    census: Census,
}

impl Counter<'_> {
    fn add(&mut self, name: &'static str) {
        *self.census.entry(name).or_default() += 1;
    }

    fn expr(&mut self, expr: &Expr) {
        let name = match expr {
            Expr::Literal(literal) => match literal {
                Literal::Nil => "nil",
                Literal::Bool(_) => "boolean",
                Literal::Integer(_) => "integer",
                Literal::Float(_) => "float",
                Literal::String(_) => "string",
            },
            Expr::Vararg => "vararg expression",
            // Counted with the functions.
            Expr::Function(_) => return,
            Expr::Local(_) => "local variable",
            Expr::Upvalue(_) => "upvalue",
            Expr::Index { .. } => "index",
            Expr::Call { .. } => "call",
            Expr::Method { .. } => "method call",
            Expr::Arithmetic(op, ..) => match op {
                AnyOp::Add => "+",
                AnyOp::Sub => "-",
                AnyOp::Mul => "*",
                AnyOp::Div => "/",
                AnyOp::Mod => "%",
                AnyOp::Idiv => "//",
                AnyOp::Pow => "^",
                AnyOp::Band => "&",
                AnyOp::Bor => "|",
                AnyOp::Bxor => "~",
                AnyOp::Shl => "<<",
                AnyOp::Shr => ">>",
            },
            Expr::Compare(comparison, ..) => match comparison {
                Comparison::Equal => "==",
                Comparison::NotEqual => "~=",
                Comparison::Less => "<",
                Comparison::LessEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterEqual => ">=",
            },
            Expr::Unary(unary, _) => match unary {
                Unary::Negate => "unary -",
                Unary::BitNot => "unary ~",
                Unary::Not => "not",
                Unary::Length => "#",
            },
            Expr::And(_) => "and",
            Expr::Or(_) => "or",
            Expr::Concat(_) => "..",
            Expr::Single(_) => "parentheses around many values",
            Expr::Table(items) => {
                for item in items {
                    self.add(match item {
                        Item::Element(_) => "element",
                        Item::Field(..) => "field",
                    });
                }
                if let Some(Item::Element(last)) = items.last()
                    && self.chunk.is_open(*last)
                {
                    self.add("open last element");
                }
                "table constructor"
            }
        };
        self.add(name);
    }

    fn block(&mut self, block: &Block) {
        for (stat, _) in &block.stats {
            self.stat(stat);
        }
    }

    fn stat(&mut self, stat: &Stat) {
        match stat {
            Stat::Call(_) => self.add("call statement"),
            Stat::Local { .. } => self.add("local"),
            Stat::LocalFunction(..) => self.add("local function"),
            Stat::Assign(targets, _) => self.add(if targets.len() > 1 { "multiple assignment" } else { "assignment" }),
            Stat::Do(block) => {
                self.add("do");
                self.block(block);
            }
            Stat::While(_, block) => {
                self.add("while");
                self.block(block);
            }
            Stat::Repeat(block, _) => {
                self.add("repeat");
                self.block(block);
            }
            Stat::If(arms, otherwise) => {
                self.add("if");
                for (number, (_, block)) in arms.iter().enumerate() {
                    if number > 0 {
                        self.add("elseif");
                    }
                    self.block(block);
                }
                if let Some(block) = otherwise {
                    self.add("else");
                    self.block(block);
                }
            }
            Stat::NumericFor(_, _, step, block) => {
                self.add(if step.is_some() { "numeric for with step" } else { "numeric for" });
                self.block(block);
            }
            Stat::GenericFor(_, _, block) => {
                self.add("generic for");
                self.block(block);
            }
            Stat::Return(_) => self.add("return"),
            Stat::Break => self.add("break"),
            Stat::Goto(_) => self.add("goto and label"),
            Stat::Label(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_with_every_node_has_every_name() {
        let source = br#"
            local k <const> = 1
            local a <const>, b <const>, c <close>, d = 1, print, nil, ...
            local t = { 1, x = nil, true, 1.5, "s", f = function(...) return ... end, (b(d)), b() }
            local function g() return function() return t, d end end
            d = d + 1 - d * 3 / d % 5 // d ^ 7 & d | d ~ d << d >> 12
            d, t.x = -d, ~d
            if d == 1 and d ~= 2 or d < 3 then g() elseif d <= 4 then t:f() else b(#t, not d, d .. t) end
            while d > 5 do break end
            repeat do goto l end until d >= 6
            ::l::
            for i = 1, 2 do end
            for i = 1, 2, 3 do end
            for k in b do end
        "#;
        let census = census(source, b"=t").unwrap_or_else(|error| panic!("{}", error.message.escape_ascii()));
        let missing: Vec<_> = NODES.iter().filter(|name| !census.contains_key(**name)).collect();
        let unknown: Vec<_> = census.keys().filter(|name| !NODES.contains(name)).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, not listed {unknown:?}");
    }
}
