//! Which local variables of a function hold integers only, or floats only.
//!
//! *Idea.* Every value that a variable can get stands in the function: at its declaration, in a loop's head, in assignments. A variable begins without any kind, and
//! gets those of its values, until nothing changes; one that has got both kinds, or a value whose kind is not certain, is of no kind.
//! The order of statements does not matter, so neither do jumps.
//!
//! *Sound*, because nothing else writes such a variable: inner functions assign to variables they capture, callers give parameters, iterators give the variables of their loops,
//! and `debug.setlocal` sets any, so that captured variables, parameters and variables of iterators have no kind, and chunks that name that function have none at all.
//! A value's kind is certain if it is that of a numeral, of a variable with a kind, or of arithmetic on those, which neither converts strings nor finds metamethods. Each step is right
//! if the steps before are: by induction over the run, a variable holds its kind whenever it is read.

use lockstep_bytecode::{AnyOp, Kind};

use crate::syntax::ast::{Attrib, Block, Chunk, Expr, ExprId, Function, Literal, LocalId, Stat, Unary};

/// What is known of the values of a variable or expression, from nothing at all upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// There was none yet.
    Nothing,
    /// All are of this kind.
    Certain(Kind),
    /// They can be of any kind.
    Anything,
}

impl Known {
    fn join(self, other: Known) -> Known {
        match (self, other) {
            (Known::Nothing, known) | (known, Known::Nothing) => known,
            (one, two) if one == two => one,
            _ => Known::Anything,
        }
    }

    /// The kind of a variable of a loop with this first value and step, or of a sum: integer if both are, or else float.
    fn sum(self, other: Known) -> Known {
        match (self, other) {
            (Known::Anything, _) | (_, Known::Anything) => Known::Anything,
            (Known::Nothing, _) | (_, Known::Nothing) => Known::Nothing,
            (Known::Certain(Kind::I64), Known::Certain(Kind::I64)) => Known::Certain(Kind::I64),
            _ => Known::Certain(Kind::F64),
        }
    }

    /// The kind of a bitwise operation. A float may have no integer representation, which is an error, so that the result would be certain; but no instruction takes it.
    fn bits(self, other: Known) -> Known {
        match self.sum(other) {
            Known::Certain(Kind::F64) => Known::Anything,
            known => known,
        }
    }

    /// The kind of what is always a float.
    fn quotient(self, other: Known) -> Known {
        match self.sum(other) {
            Known::Certain(_) => Known::Certain(Kind::F64),
            known => known,
        }
    }
}

/// What a variable gets.
#[derive(Clone, Copy)]
enum Value {
    /// The value of an expression.
    Of(ExprId),
    /// The steps of a loop from a first value on.
    Steps(ExprId, Option<ExprId>),
}

/// The kinds of a function's local variables.
#[derive(Debug, Default)]
pub struct Kinds {
    known: Vec<Known>,
    /// Which variables are assigned to after they are declared.
    assigned: Vec<bool>,
}

impl Kinds {
    /// No variable has a kind.
    pub fn none() -> Kinds {
        Kinds::default()
    }

    /// Finds the kinds of a function's local variables. Frames with registers of fixed kinds take longer to enter, and so do loops whose limit can be anything: so there are none but in
    /// the main function, which is entered once, if it has a loop, and in functions with loops inside of loops.
    pub fn of(chunk: &Chunk, function: &Function) -> Kinds {
        let known = function.locals.iter().enumerate().map(|(index, local)| {
            let is_param = index < usize::from(function.params);
            match is_param || local.captured || matches!(local.attrib, Attrib::Close | Attrib::Literal(_)) {
                true => Known::Anything,
                false => Known::Nothing,
            }
        });
        let kinds = Kinds { known: known.collect(), assigned: vec![false; function.locals.len()] };
        let mut collector = Collector { chunk, kinds, values: Vec::new(), depth: 0, deepest: 0 };
        collector.block(&function.body);
        let Collector { mut kinds, values, deepest, .. } = collector;
        let is_main = function.line == 0;
        if deepest < if is_main { 1 } else { 2 } {
            return Kinds::none();
        }
        while kinds.step(chunk, &values) {}
        kinds
    }

    /// The kind of a variable, if it is certain.
    pub fn local(&self, local: LocalId) -> Option<Kind> {
        match self.known.get(local.index()) {
            Some(Known::Certain(kind)) => Some(*kind),
            _ => None,
        }
    }

    /// Whether any variable has a kind.
    pub fn any(&self) -> bool {
        self.known.iter().any(|known| matches!(known, Known::Certain(_)))
    }

    /// Whether the variable is assigned to after it is declared.
    pub fn is_assigned(&self, local: LocalId) -> bool {
        self.assigned.get(local.index()) == Some(&true)
    }

    /// The kind of an expression's value, if it is certain.
    pub fn expr(&self, chunk: &Chunk, id: ExprId) -> Option<Kind> {
        match self.known(chunk, id) {
            Known::Certain(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether any variable has become of more kinds.
    fn step(&mut self, chunk: &Chunk, values: &[(LocalId, Value)]) -> bool {
        let mut changed = false;
        for &(local, value) in values {
            let before = self.known[local.index()];
            if before == Known::Anything {
                continue;
            }
            let value = match value {
                Value::Of(id) => self.known(chunk, id),
                Value::Steps(first, None) => self.known(chunk, first),
                Value::Steps(first, Some(step)) => self.known(chunk, first).sum(self.known(chunk, step)),
            };
            let after = before.join(value);
            self.known[local.index()] = after;
            changed |= after != before;
        }
        changed
    }

    fn known(&self, chunk: &Chunk, id: ExprId) -> Known {
        // Down the left side of a chain without recursion, as it can be of any length.
        let mut spine = Vec::new();
        let mut leftmost = id;
        while let Expr::Arithmetic(op, left, right) = *chunk.expr(leftmost) {
            spine.push((op, right));
            leftmost = left;
        }
        let mut left = match chunk.expr(leftmost) {
            Expr::Literal(Literal::Integer(_)) => Known::Certain(Kind::I64),
            Expr::Literal(Literal::Float(_)) => Known::Certain(Kind::F64),
            Expr::Local(local) => self.known.get(local.index()).copied().unwrap_or(Known::Anything),
            Expr::Unary(Unary::Negate, operand) => self.known(chunk, *operand),
            Expr::Unary(Unary::BitNot, operand) => self.known(chunk, *operand).bits(Known::Certain(Kind::I64)),
            _ => Known::Anything,
        };
        while left != Known::Anything
            && let Some((op, right)) = spine.pop()
        {
            let right = self.known(chunk, right);
            left = match op {
                AnyOp::Add | AnyOp::Sub | AnyOp::Mul | AnyOp::Idiv | AnyOp::Mod => left.sum(right),
                AnyOp::Div | AnyOp::Pow => left.quotient(right),
                AnyOp::Band | AnyOp::Bor | AnyOp::Bxor | AnyOp::Shl | AnyOp::Shr => left.bits(right),
            };
        }
        left
    }
}

/// Gathers what the variables of a function get.
struct Collector<'c> {
    chunk: &'c Chunk,
    kinds: Kinds,
    values: Vec<(LocalId, Value)>,
    /// In how many loops the statement is.
    depth: usize,
    /// The most loops that any is in.
    deepest: usize,
}

impl Collector<'_> {
    /// The variable can be anything.
    fn anything(&mut self, local: LocalId) {
        self.kinds.known[local.index()] = Known::Anything;
    }

    fn block(&mut self, block: &Block) {
        block.stats.iter().for_each(|(stat, _)| self.stat(stat));
    }

    fn looped(&mut self, body: &Block) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        self.block(body);
        self.depth -= 1;
    }

    fn stat(&mut self, stat: &Stat) {
        match stat {
            Stat::Local { locals, values } => self.give(locals.iter().copied().map(Some), values),
            Stat::LocalFunction(local, _) => self.anything(*local),
            Stat::Assign(targets, values) => {
                let chunk = self.chunk;
                let locals: Vec<Option<LocalId>> = targets
                    .iter()
                    .map(|target| match chunk.expr(*target) {
                        Expr::Local(local) => Some(*local),
                        _ => None,
                    })
                    .collect();
                locals.iter().flatten().for_each(|local| self.kinds.assigned[local.index()] = true);
                self.give(locals.into_iter(), values);
            }
            Stat::Do(body) => self.block(body),
            Stat::While(_, body) | Stat::Repeat(body, _) => self.looped(body),
            Stat::If(clauses, otherwise) => {
                clauses.iter().for_each(|(_, block)| self.block(block));
                otherwise.iter().for_each(|block| self.block(block));
            }
            Stat::NumericFor(variable, [first, _], step, body) => {
                // Other steps are for the generic instruction to take, and what it leaves would have to be moved in each round.
                match step.map(|step| self.chunk.expr(step)) {
                    None | Some(Expr::Literal(Literal::Integer(_) | Literal::Float(_))) => {
                        self.values.push((*variable, Value::Steps(*first, *step)));
                    }
                    Some(_) => self.anything(*variable),
                }
                self.looped(body);
            }
            Stat::GenericFor(variables, _, body) => {
                variables.iter().for_each(|variable| self.anything(*variable));
                self.looped(body);
            }
            Stat::Call(_) | Stat::Return(_) | Stat::Break | Stat::Goto(_) | Stat::Label(_) => {}
        }
    }

    /// Values for variables, one each; those without a value of their own get nil, or what the last call gives.
    fn give(&mut self, locals: impl Iterator<Item = Option<LocalId>>, values: &[ExprId]) {
        for (index, local) in locals.enumerate() {
            match (local, values.get(index)) {
                (Some(local), Some(value)) => self.values.push((local, Value::Of(*value))),
                (Some(local), None) => self.anything(local),
                (None, _) => {}
            }
        }
    }
}
