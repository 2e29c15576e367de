//! The grid of cases a conforming corpus must have: instruction × operand × edge value, instruction × error, and the ways
//! control can go. It is enumerated from the table; a row without cells, or a cell without a program, fails this crate's tests.
//!
//! Each cell names itself (`add.i64/a/min`, `div.i64/error/divide_by_zero`, `jlt.i64/path/taken`, `call/kind/f64`) and builds a
//! small program that exercises it: a function `cell` that takes register operands as parameters, applies the instruction and
//! returns or prints what came out. What should come out is not this module's business: it is no second interpreter.

use crate::edges::{Edge, edges, immediate_edges, length_edges};
use crate::grid_dynamic::dynamic_grid;
use crate::{BinOp, Cc, ErrorKind, Kind, Op, OperandInfo, OperandKind, Role, Sem, UnOp, constant_text};
use std::collections::HashSet;
use std::fmt::{self, Write};

/// What a cell is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The operand with this index has this value.
    Edge(usize, Edge),
    /// The instruction raises this error.
    Error(ErrorKind),
    /// Control goes this way.
    Path(Path),
    /// A value of this kind is passed or returned.
    Kind(Kind),
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// To the target.
    Taken,
    /// To the next instruction.
    NotTaken,
    /// To the default of a jump table.
    Default,
}

impl Path {
    const fn name(self) -> &'static str {
        match self {
            Path::Taken => "taken",
            Path::NotTaken => "not_taken",
            Path::Default => "default",
        }
    }
}

/// One required case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The instruction.
    pub op: Op,
    /// What about it.
    pub aspect: Aspect,
}

/// A program that exercises a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellProgram {
    /// Assembly text; its function `cell` is to be called.
    pub source: String,
    /// The kinds of the parameters of `cell`.
    pub params: Vec<Kind>,
    /// The kind of its result.
    pub result: Option<Kind>,
    /// The arguments that make it the cell's case, as payloads.
    pub args: Vec<u64>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op;
        match self.aspect {
            Aspect::Edge(operand, edge) => write!(f, "{op}/{}/{}", op.info().operands[operand].name, edge.name),
            Aspect::Error(kind) => write!(f, "{op}/error/{}", kind.name()),
            Aspect::Path(path) => write!(f, "{op}/path/{}", path.name()),
            Aspect::Kind(kind) => write!(f, "{op}/kind/{kind}"),
        }
    }
}

/// Every cell of the typed half, in the order of the table.
pub fn grid() -> Vec<Cell> {
    Op::typed().flat_map(cells).collect()
}

/// The names of all required cells, of both halves, in the order of the table.
pub fn required_cells() -> Vec<String> {
    grid().iter().map(Cell::to_string).chain(dynamic_grid()).collect()
}

/// The required cells that are not among the names `covered`.
pub fn missing_cells(covered: &HashSet<String>) -> Vec<String> {
    required_cells().into_iter().filter(|cell| !covered.contains(cell)).collect()
}

/// The cells of one instruction.
pub fn cells(op: Op) -> Vec<Cell> {
    let info = op.info();
    let mut aspects = Vec::new();
    for (i, operand) in info.operands.iter().enumerate() {
        aspects.extend(operand_edges(op, operand).iter().map(|edge| Aspect::Edge(i, *edge)));
    }
    match info.sem {
        Sem::Call | Sem::CallVoid | Sem::TailCall | Sem::Ret => {
            aspects.extend(Kind::FIXED.into_iter().map(Aspect::Kind));
        }
        Sem::Branch(_) | Sem::BranchImm(_) | Sem::BranchBool(_) | Sem::Loop(_) => {
            aspects.extend([Aspect::Path(Path::Taken), Aspect::Path(Path::NotTaken)]);
        }
        Sem::Switch => aspects.extend([Aspect::Path(Path::Taken), Aspect::Path(Path::Default)]),
        Sem::Jump | Sem::RetVoid => aspects.push(Aspect::Path(Path::Taken)),
        _ => {}
    }
    aspects.extend(info.errors.iter().copied().map(Aspect::Error));
    aspects.into_iter().map(|aspect| Cell { op, aspect }).collect()
}

/// The edge values of an operand's position; none where the operand has no value of its own.
pub fn operand_edges(op: Op, operand: &OperandInfo) -> &'static [Edge] {
    match (operand.role, operand.kind) {
        (Role::Use, OperandKind::Fixed(Kind::I64)) if matches!(operand.name, "length" | "index") => length_edges(),
        (Role::Use | Role::InOut, OperandKind::Fixed(kind)) => edges(kind),
        (Role::Pool, _) => op.info().kind.map_or(&[], edges),
        (role, _) => immediate_edges(role),
    }
}

impl Cell {
    /// The program and arguments for this cell.
    pub fn program(&self) -> CellProgram {
        match (self.op.info().sem, self.aspect) {
            (Sem::Call | Sem::CallVoid, Aspect::Error(_)) => self.endless_recursion(),
            (Sem::Call | Sem::CallVoid | Sem::TailCall | Sem::Ret | Sem::RetVoid, aspect) => {
                let kind = if let Aspect::Kind(kind) = aspect { kind } else { Kind::I64 };
                self.transfer(kind)
            }
            _ => self.operation(),
        }
    }

    /// The value of each operand, as bits; arrays as lengths.
    fn values(&self) -> Vec<u64> {
        let info = self.op.info();
        let mut values: Vec<u64> = info.operands.iter().map(usual_value).collect();
        let second = info.operands.len().min(2) - 1;
        match self.aspect {
            Aspect::Edge(operand, edge) => values[operand] = edge.bits,
            Aspect::Error(error) => error_values(info.sem, info.kind, error, &mut values),
            Aspect::Path(path) => {
                let taken = path == Path::Taken;
                let kind = info.kind.unwrap_or(Kind::Bool);
                let number = |n: u64| match kind {
                    Kind::F64 => (n as f64).to_bits(),
                    Kind::Bool => n & 1,
                    _ => n,
                };
                match info.sem {
                    Sem::BranchBool(when) => values[0] = u64::from(when == taken),
                    Sem::Switch => values[0] = if taken { 1 } else { 3 },
                    Sem::Branch(cc) | Sem::BranchImm(cc) | Sem::Loop(cc) => {
                        let (a, b) = relation(cc, taken);
                        let is_imm = matches!(info.sem, Sem::BranchImm(_));
                        values[0] = number(a);
                        values[second] = if is_imm { b } else { number(b) };
                    }
                    _ => {}
                }
            }
            Aspect::Kind(_) => {}
        }
        values
    }

    fn operation(&self) -> CellProgram {
        let info = self.op.info();
        let values = self.values();
        let mut program = Draft::default();
        let mut operands = Vec::new();
        let mut defined = None;
        for (operand, value) in info.operands.iter().zip(values) {
            let name = operand.name;
            match (operand.role, operand.kind) {
                (Role::Def, OperandKind::Fixed(kind)) => {
                    program.local(name, kind);
                    defined = Some((name, kind));
                    operands.push(name.to_owned());
                }
                (Role::Use | Role::InOut, OperandKind::Fixed(kind)) => {
                    match kind.element() {
                        Some(element) => program.array(name, element, value),
                        None => program.param(name, kind, value),
                    }
                    operands.push(name.to_owned());
                }
                (Role::Label, _) => operands.push("yes".to_owned()),
                (Role::Table, _) => operands.push("[zero, one, two], other".to_owned()),
                (Role::Pool, _) => operands.push(constant_text(info.kind.unwrap_or(Kind::U64), value)),
                (Role::Flag, _) => operands.push((value != 0).to_string()),
                _ => operands.push((value as i64).to_string()),
            }
        }
        program.line(format!("{} {}", self.op, operands.join(", ")));
        match (info.sem, defined) {
            (Sem::Switch, _) => {
                program.outcomes(&[("", -2), ("zero", 10), ("one", 11), ("two", 12), ("other", -1)], &[])
            }
            (Sem::Jump, _) => program.outcomes(&[("", 0), ("yes", 1)], &[]),
            (Sem::Branch(_) | Sem::BranchImm(_) | Sem::BranchBool(_), _) => {
                program.outcomes(&[("", 0), ("yes", 1)], &[]);
            }
            (Sem::Loop(_), _) => {
                // The counter is an outcome too.
                let print = format!("print.{} i", info.kind.unwrap_or(Kind::I64));
                program.outcomes(&[("", 0), ("yes", 1)], &[print]);
            }
            (Sem::ArraySet, _) => {
                let element = info.kind.unwrap_or(Kind::I64);
                program.local("got", element);
                program.line(format!("array_get.{element} got, array, index"));
                program.ret("got", element);
            }
            (_, Some((name, kind))) => match kind.element() {
                Some(element) => {
                    program.local("count", Kind::I64);
                    program.line(format!("array_len.{element} count, {name}"));
                    program.ret("count", Kind::I64);
                }
                None => program.ret(name, kind),
            },
            _ => program.line("ret_void".to_owned()),
        }
        program.finish("")
    }

    /// A value of `kind` goes through a call and a return.
    fn transfer(&self, kind: Kind) -> CellProgram {
        let mut program = Draft::default();
        let suffix = kind.element().unwrap_or(kind);
        match kind.element() {
            Some(element) => program.array("x", element, 5),
            None => program.param("x", kind, usual(kind)),
        }
        let id = format!("func id(x: {kind}) -> {kind} {{\n    ret x\n}}\n");
        // An array's outcome is its length.
        let (show, shown) = match kind.element() {
            Some(element) => (format!("    array_len.{element} n, x\n    print.i64 n\n"), "    reg n: i64\n"),
            None => (format!("    print.{suffix} x\n"), ""),
        };
        let show = format!("func show(x: {kind}) {{\n{shown}{show}    ret_void\n}}\n");
        match self.op.info().sem {
            Sem::CallVoid => {
                program.line("call_void show(x)".to_owned());
                program.line("ret_void".to_owned());
                program.finish(&show)
            }
            Sem::RetVoid => {
                program.line("ret_void".to_owned());
                program.finish("")
            }
            Sem::TailCall => match kind.element() {
                Some(_) => {
                    // The tail call passes an array on and its callee answers with the length.
                    program.result = Some(Kind::I64);
                    program.line("tail_call count(x)".to_owned());
                    let count = format!(
                        "func count(x: {kind}) -> i64 {{\n    reg n: i64\n    array_len.{suffix} n, x\n    ret n\n}}\n"
                    );
                    program.finish(&count)
                }
                None => {
                    program.result = Some(kind);
                    program.line("tail_call id(x)".to_owned());
                    program.finish(&id)
                }
            },
            _ => {
                program.local("y", kind);
                program.line("call y, id(x)".to_owned());
                match kind.element() {
                    Some(element) => {
                        program.local("n", Kind::I64);
                        program.line(format!("array_len.{element} n, y"));
                        program.ret("n", Kind::I64);
                    }
                    None => program.ret("y", kind),
                }
                program.finish(&id)
            }
        }
    }

    fn endless_recursion(&self) -> CellProgram {
        let mut program = Draft::default();
        program.param("x", Kind::I64, 1);
        if self.op == Op::Call {
            program.line("call x, cell(x)".to_owned());
            program.ret("x", Kind::I64);
        } else {
            program.line("call_void cell(x)".to_owned());
            program.line("ret_void".to_owned());
        }
        program.finish("")
    }
}

/// A value with nothing special about it.
fn usual(kind: Kind) -> u64 {
    match kind {
        Kind::F64 => 1.25f64.to_bits(),
        Kind::Bool => 1,
        kind if kind.element().is_some() => 5,
        _ => 3,
    }
}

fn usual_value(operand: &OperandInfo) -> u64 {
    match (operand.role, operand.kind) {
        (Role::Flag, _) => 1,
        (_, OperandKind::Fixed(kind)) => {
            // The two sides of a selection or comparison differ, so that mixing them up shows.
            let second = matches!(operand.name, "b" | "limit");
            match kind {
                _ if !second => usual(kind),
                Kind::F64 => 2.5f64.to_bits(),
                Kind::Bool => 0,
                kind if kind.element().is_some() => 2,
                _ => 5,
            }
        }
        _ => 3,
    }
}

/// Two numbers that relate as `cc` says, or do not.
fn relation(cc: Cc, holds: bool) -> (u64, u64) {
    match (cc, holds) {
        (Cc::Eq, true) | (Cc::Ne, false) => (1, 1),
        (Cc::Eq, false) | (Cc::Ne, true) => (1, 2),
        // Far enough apart for a loop that steps before it compares.
        (Cc::Lt | Cc::Le, true) | (Cc::Gt | Cc::Ge | Cc::NotLt | Cc::NotLe, false) => (1, 5),
        (Cc::Lt | Cc::Le, false) | (Cc::Gt | Cc::Ge | Cc::NotLt | Cc::NotLe, true) => (5, 1),
    }
}

/// Sets operands so that the instruction raises `error`.
fn error_values(sem: Sem, kind: Option<Kind>, error: ErrorKind, values: &mut [u64]) {
    let kind = kind.unwrap_or(Kind::I64);
    let ones = kind.normalise(u64::MAX);
    let (min, max) = match kind {
        Kind::I32 => (1 << 31, (1 << 31) - 1),
        Kind::I64 => (1 << 63, (1 << 63) - 1),
        kind => (0, kind.normalise(u64::MAX)),
    };
    let mut set = |new: &[(usize, u64)]| new.iter().for_each(|(i, value)| values[*i] = *value);
    match (error, sem) {
        (ErrorKind::DivideByZero, _) => set(&[(2, 0)]),
        (ErrorKind::IntegerOverflow, Sem::Binary(BinOp::AddChecked)) => set(&[(1, max), (2, 1)]),
        (ErrorKind::IntegerOverflow, Sem::Binary(BinOp::SubChecked)) => set(&[(1, min), (2, 1)]),
        (ErrorKind::IntegerOverflow, Sem::Binary(BinOp::MulChecked)) => set(&[(1, max), (2, 2)]),
        (ErrorKind::IntegerOverflow, Sem::Binary(_)) => set(&[(1, min), (2, ones)]),
        (ErrorKind::IntegerOverflow, Sem::Unary(UnOp::NegChecked | UnOp::AbsChecked)) => set(&[(1, min)]),
        (ErrorKind::Conversion, _) => set(&[(1, f64::NAN.to_bits())]),
        (ErrorKind::IndexOutOfBounds, Sem::ArrayGet) => set(&[(2, 5)]),
        (ErrorKind::IndexOutOfBounds, _) => set(&[(1, 5)]),
        (ErrorKind::NegativeLength, _) => set(&[(1, u64::MAX)]),
        (ErrorKind::MemoryLimit, _) => set(&[(1, (1 << 63) - 1)]),
        _ => {}
    }
}

/// The function `cell` as it is written.
#[derive(Default)]
struct Draft {
    params: Vec<(String, Kind)>,
    args: Vec<u64>,
    locals: Vec<(String, Kind)>,
    result: Option<Kind>,
    body: String,
}

impl Draft {
    fn param(&mut self, name: &str, kind: Kind, value: u64) {
        self.params.push((name.to_owned(), kind));
        self.args.push(value);
    }

    fn local(&mut self, name: &str, kind: Kind) {
        if self.locals.iter().all(|(other, _)| other != name) {
            self.locals.push((name.to_owned(), kind));
        }
    }

    fn line(&mut self, text: String) {
        let _ = writeln!(self.body, "    {text}");
    }

    /// A local array of `length` elements that all differ as far as their kind allows.
    fn array(&mut self, name: &str, element: Kind, length: u64) {
        let array = element.array().unwrap_or(element);
        self.local(name, array);
        self.local("at", Kind::I64);
        self.local("element", element);
        self.line(format!("const.i64 at, {length}"));
        self.line(format!("array_new.{element} {name}, at"));
        for i in 0..length {
            let value = match element {
                Kind::F64 => (i as f64 + 0.5).to_bits(),
                Kind::Bool => i & 1,
                _ => i * 11 + 1,
            };
            self.line(format!("const.i64 at, {i}"));
            self.line(format!("const.{element} element, {}", constant_text(element, value)));
            self.line(format!("array_set.{element} {name}, at, element"));
        }
    }

    fn ret(&mut self, name: &str, kind: Kind) {
        self.result = Some(kind);
        self.line(format!("ret {name}"));
    }

    /// For each label (none: what follows at once) the same epilogue and its own result.
    fn outcomes(&mut self, outcomes: &[(&str, i64)], epilogue: &[String]) {
        self.local("outcome", Kind::I64);
        for (label, value) in outcomes {
            if !label.is_empty() {
                let _ = writeln!(self.body, "{label}:");
            }
            epilogue.iter().for_each(|line| self.line(line.clone()));
            self.line(format!("const.i64 outcome, {value}"));
            self.ret("outcome", Kind::I64);
        }
    }

    fn finish(self, others: &str) -> CellProgram {
        let declare = |list: &[(String, Kind)]| {
            list.iter().map(|(name, kind)| format!("{name}: {kind}")).collect::<Vec<_>>().join(", ")
        };
        let result = self.result.map(|kind| format!(" -> {kind}")).unwrap_or_default();
        let mut source = format!("func cell({}){result} {{\n", declare(&self.params));
        if !self.locals.is_empty() {
            let _ = writeln!(source, "    reg {}", declare(&self.locals));
        }
        let _ = write!(source, "{}}}\n{others}", self.body);
        let params = self.params.into_iter().map(|(_, kind)| kind).collect();
        CellProgram { source, params, result: self.result, args: self.args }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble;

    #[test]
    fn every_instruction_has_cells_and_names_are_unique() {
        let mut names = HashSet::new();
        for op in &Op::typed().collect::<Vec<_>>() {
            let cells = cells(*op);
            assert!(!cells.is_empty(), "{op} has no cell");
            for error in op.info().errors {
                assert!(cells.contains(&Cell { op: *op, aspect: Aspect::Error(*error) }), "{op} lacks {error}");
            }
            for cell in cells {
                assert!(names.insert(cell.to_string()), "{cell} twice");
            }
        }
        for name in ["add.i64/a/min", "div.i64/error/divide_by_zero", "jlt.i64/path/taken", "call/kind/[f64]"] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn a_missing_cell_is_found() {
        let mut names: HashSet<_> = required_cells().into_iter().collect();
        assert!(missing_cells(&names).is_empty());
        for dropped in ["rem.u32/error/divide_by_zero", "rem.u32/b/zero", "concat.any/string,meta1"] {
            assert!(names.remove(dropped), "{dropped}");
            assert_eq!(missing_cells(&names), [dropped]);
            names.insert(dropped.to_owned());
        }
    }

    #[test]
    fn every_cell_has_a_program_that_uses_its_instruction() {
        for cell in grid() {
            let program = cell.program();
            let module =
                assemble("cell", &program.source).unwrap_or_else(|e| panic!("{cell}: {e}\n{}", program.source));
            let function = module.function(module.find("cell").expect("has a function `cell`"));
            assert!(function.params().eq(program.params.iter().copied()), "{cell}\n{}", program.source);
            assert_eq!(function.result, program.result, "{cell}\n{}", program.source);
            assert_eq!(program.args.len(), program.params.len(), "{cell}");
            let used = module.functions.iter().flat_map(|f| &f.code).any(|instr| instr.op() == cell.op);
            assert!(used, "{cell} does not run its instruction:\n{}", program.source);
        }
    }
}
