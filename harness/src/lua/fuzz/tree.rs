//! A random program as a tree of text: what is written, and which parts of it can be left out or replaced. It knows nothing of Lua beside what may stand for an expression.

use std::borrow::Cow;

/// What a node may be replaced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Statements, one per child; any of them can go.
    Block,
    /// One statement.
    Stat,
    /// An expression: another one can take its place.
    Expr,
}

/// A part of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stays as long as the node does.
    Text(Cow<'static, str>),
    /// A node.
    Node(Node),
}

/// A piece of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// Expressions that are simpler than any other, simplest first.
const SIMPLEST: [&str; 5] = ["nil", "1", "1.5", "\"a\"", "{}"];

impl Node {
    /// A node of one text.
    pub fn leaf(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, parts: vec![Part::Text(text.into())] }
    }

    /// A node of these parts.
    pub fn new(kind: Kind, parts: Vec<Part>) -> Self {
        Self { kind, parts }
    }

    /// The program.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Node(node) => node.write(out),
            }
        }
    }

    /// Puts everything on one line; line ends that a backslash makes part of a string become escapes.
    pub fn join_lines(&mut self) {
        for part in &mut self.parts {
            match part {
                Part::Text(text) if text.contains('\n') => {
                    *text = text.replace("\\\n", "\\n").replace('\n', " ").into();
                }
                Part::Text(_) => {}
                Part::Node(node) => node.join_lines(),
            }
        }
    }

    fn children(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.parts.iter().filter_map(|part| match part {
            Part::Node(node) => Some(node),
            Part::Text(_) => None,
        })
    }

    fn at(&self, path: &[usize]) -> Option<&Node> {
        match path.split_first() {
            None => Some(self),
            Some((&index, rest)) => match self.parts.get(index)? {
                Part::Node(node) => node.at(rest),
                Part::Text(_) => None,
            },
        }
    }

    fn at_mut(&mut self, path: &[usize]) -> Option<&mut Node> {
        match path.split_first() {
            None => Some(self),
            Some((&index, rest)) => match self.parts.get_mut(index)? {
                Part::Node(node) => node.at_mut(rest),
                Part::Text(_) => None,
            },
        }
    }

    /// The paths of all nodes below, those further up first.
    fn paths(&self) -> Vec<Vec<usize>> {
        let mut level = vec![Vec::new()];
        let mut all = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for path in &level {
                let node = self.at(path).expect("paths are of nodes");
                for (index, part) in node.parts.iter().enumerate() {
                    if matches!(part, Part::Node(_)) {
                        next.push(path.iter().copied().chain([index]).collect());
                    }
                }
            }
            all.append(&mut level);
            level = next;
        }
        all
    }

    fn replaced(&self, path: &[usize], with: Node) -> Node {
        let mut new = self.clone();
        *new.at_mut(path).expect("the path is of a node") = with;
        new
    }

    /// The nodes of a kind below this one that are not below another of them.
    fn nearest<'n>(&'n self, kind: Kind, found: &mut Vec<&'n Node>) {
        for child in self.children() {
            if child.kind == kind { found.push(child) } else { child.nearest(kind, found) }
        }
    }
}

/// Makes a program smaller as long as `fails` says that it still does what it should not, with at most `attempts` questions. Statements go, in runs and one by one; statements give way to
/// the blocks and statements in them, expressions to expressions in them and to constants.
pub fn shrink(program: Node, attempts: usize, mut fails: impl FnMut(&Node) -> bool) -> Node {
    let mut best = program;
    let mut left = attempts;
    let mut ask = |node: &Node| {
        if left == 0 {
            return None;
        }
        left -= 1;
        Some(fails(node))
    };
    loop {
        let before = best.text();
        for pass in [fewer_statements, smaller_nodes] {
            if pass(&mut best, &mut ask).is_none() {
                return best;
            }
        }
        if best.text() == before {
            return best;
        }
    }
}

/// Asks whether a candidate fails; `None` once there are no more questions.
type Ask<'a> = &'a mut dyn FnMut(&Node) -> Option<bool>;

/// Leaves out runs of statements, long ones first.
fn fewer_statements(best: &mut Node, ask: Ask<'_>) -> Option<()> {
    for path in best.paths() {
        let Some(node) = best.at(&path).filter(|node| node.kind == Kind::Block) else { continue };
        let mut len = node.parts.len();
        while len > 0 {
            let mut from = 0;
            while let Some(node) = best.at(&path)
                && from < node.parts.len()
            {
                let mut fewer = node.clone();
                fewer.parts.drain(from..(from + len).min(node.parts.len()));
                let candidate = best.replaced(&path, fewer);
                if ask(&candidate)? {
                    *best = candidate;
                } else {
                    from += len;
                }
            }
            len /= 2;
        }
    }
    Some(())
}

/// Replaces nodes by what is in them, expressions by constants as well.
fn smaller_nodes(best: &mut Node, ask: Ask<'_>) -> Option<()> {
    for path in best.paths() {
        // Gone since, with a node above it.
        while let Some(node) = best.at(&path) {
            let mut candidates = Vec::new();
            let mut inner = Vec::new();
            match node.kind {
                Kind::Block => {}
                Kind::Stat => {
                    node.nearest(Kind::Block, &mut inner);
                    node.nearest(Kind::Stat, &mut inner);
                }
                Kind::Expr => {
                    let constants = SIMPLEST.iter().take_while(|text| node.text() != **text);
                    candidates.extend(constants.map(|text| Node::leaf(Kind::Expr, *text)));
                    node.nearest(Kind::Expr, &mut inner);
                }
            }
            candidates.extend(inner.into_iter().cloned());
            let mut smaller = None;
            for candidate in candidates {
                let candidate = best.replaced(&path, candidate);
                if ask(&candidate)? {
                    smaller = Some(candidate);
                    break;
                }
            }
            match smaller {
                Some(candidate) => *best = candidate,
                None => break,
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(text: &'static str, inner: Vec<Node>) -> Part {
        let mut parts = vec![Part::Text(text.into())];
        parts.extend(inner.into_iter().map(Part::Node));
        Part::Node(Node::new(Kind::Stat, parts))
    }

    #[test]
    fn what_does_not_matter_goes() {
        let sum = Node::new(
            Kind::Expr,
            vec![
                Part::Node(Node::leaf(Kind::Expr, "f(7)")),
                Part::Text(" + ".into()),
                Part::Node(Node::leaf(Kind::Expr, "bad")),
            ],
        );
        let inner = Node::new(Kind::Block, vec![stat("b;", vec![]), stat("return ", vec![sum]), stat("c;", vec![])]);
        let program = Node::new(Kind::Block, vec![stat("a;", vec![]), stat("do ", vec![inner]), stat("d;", vec![])]);
        let shrunk = shrink(program, 1000, |node| node.text().contains("bad"));
        assert_eq!(shrunk.text(), "return bad");
        let twice = shrink(shrunk.clone(), 1000, |node| node.text().contains("bad"));
        assert_eq!(twice, shrunk);
    }

    #[test]
    fn it_stops_when_there_are_no_more_questions() {
        let program = Node::new(Kind::Block, vec![stat("a;", vec![]), stat("bad", vec![])]);
        let mut asked = 0;
        shrink(program, 1, |_| {
            asked += 1;
            false
        });
        assert_eq!(asked, 1);
    }
}
