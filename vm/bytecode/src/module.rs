//! Modules and functions: what the assembler makes, the verifier checks and everyone else reads.

use std::sync::Arc;

use crate::{FuncId, Instr, Kind, Origin, Pc, Reg, Role, UpvalueId};

/// A program: functions that call each other by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Name of the source file, for error positions.
    pub source: String,
    /// The functions; [`FuncId`] counts them.
    pub functions: Vec<Function>,
    /// What it was before optimisation, for positions and names in messages; none if it is as its author wrote it. It is not encoded: a module that
    /// is read stands for itself.
    pub origin: Option<Arc<Origin>>,
}

impl Module {
    /// The function with this index. Panics if there is none: a verified module refers to no such function.
    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.index()]
    }

    /// The function called `name`.
    pub fn find(&self, name: &str) -> Option<FuncId> {
        self.functions.iter().position(|function| function.name == name).map(|i| FuncId(i as u32))
    }
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name, unique in the module.
    pub name: String,
    /// How many of the first registers are parameters.
    pub param_count: u8,
    /// The kind of the result, if there is one.
    pub result: Option<Kind>,
    /// The registers, parameters first; at most 256.
    pub registers: Vec<Register>,
    /// The instructions.
    pub code: Vec<Instr>,
    /// The constant pool: 64-bit integers and the bits of floats.
    pub pool: Vec<u64>,
    /// The string constants: any bytes.
    pub strings: Vec<Vec<u8>>,
    /// Whether it takes and returns any number of values, and is called through closures. All its parameters are `any`, and there is no `result`.
    pub is_generic: bool,
    /// Whether it can ask for the arguments behind its parameters. Only generic functions can.
    pub is_vararg: bool,
    /// The upvalues of its closures: names for people, which may be empty.
    pub upvalues: Vec<String>,
    /// The closures that it makes.
    pub templates: Vec<Template>,
    /// The jump tables.
    pub tables: Vec<JumpTable>,
    /// From instruction to source line.
    pub lines: LineTable,
    /// Names of variables whose registers others use before or after them. A register with a name of its own needs none.
    pub locals: Vec<LocalName>,
}

/// What a register is called in a part of the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalName {
    /// The variable's name, as messages spell it.
    pub name: String,
    /// Its register.
    pub register: Reg,
    /// The first instruction that may find the variable there.
    pub start: Pc,
    /// The instruction behind the last.
    pub end: Pc,
}

/// A register: its kind and, for people, a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The kind it is fixed to.
    pub kind: Kind,
    /// Its name in the assembly.
    pub name: Option<String>,
}

/// How a closure is made: of which function, and what it captures, one variable per upvalue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The function, a generic one.
    pub func: FuncId,
    /// What its upvalues are.
    pub captures: Vec<Capture>,
}

impl Template {
    /// The registers that are captured.
    pub fn captured(&self) -> impl Iterator<Item = Reg> + '_ {
        self.captures.iter().filter_map(|capture| if let Capture::Register(reg) = capture { Some(*reg) } else { None })
    }
}

/// What an upvalue of a new closure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// A variable of the running frame, which both then share.
    Register(Reg),
    /// An upvalue of the running closure.
    Upvalue(UpvalueId),
}

/// The targets of a `switch`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JumpTable {
    /// Where value `i` continues.
    pub targets: Vec<Pc>,
    /// Where every other value continues.
    pub default: Pc,
}

impl JumpTable {
    /// All targets, the default last.
    pub fn all(&self) -> impl Iterator<Item = Pc> + '_ {
        self.targets.iter().copied().chain([self.default])
    }
}

impl Function {
    /// How many places that keep what was seen the code has: they are numbered in its order.
    pub fn site_count(&self) -> usize {
        self.code.iter().filter(|instr| instr.info().operands.iter().any(|operand| operand.role == Role::Site)).count()
    }

    /// Kinds of the parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = Kind> + '_ {
        self.registers[..usize::from(self.param_count)].iter().map(|register| register.kind)
    }

    /// Slots of a frame: one per register, and at least one, where the result is left.
    pub fn frame_slots(&self) -> u32 {
        self.registers.len().max(1) as u32
    }

    /// The name of the variable that a register holds before the instruction at `pc`.
    pub fn variable(&self, reg: Reg, pc: Pc) -> Option<&str> {
        let own = self.registers.get(reg.index()).and_then(|register| register.name.as_deref());
        let in_scope = |local: &&LocalName| local.register == reg && local.start <= pc && pc < local.end;
        own.or_else(|| self.locals.iter().find(in_scope).map(|local| local.name.as_str()))
    }

    /// The kind of a register. Panics if there is no such register: a verified function refers to none.
    pub fn kind(&self, reg: Reg) -> Kind {
        self.registers[reg.index()].kind
    }

    /// The instruction at `pc`. Panics past the end.
    pub fn instr(&self, pc: Pc) -> Instr {
        self.code[pc.index()]
    }

    /// Calls `visit` with every instruction that can follow the one at `pc`.
    pub fn for_each_successor(&self, pc: Pc, mut visit: impl FnMut(Pc)) {
        let instr = self.instr(pc);
        if instr.info().falls_through() {
            visit(Pc(pc.0 + 1));
        }
        for value in instr.operands().iter() {
            match value {
                crate::Value::Label(target) => visit(*target),
                crate::Value::Table(table) => {
                    self.tables.get(table.index()).into_iter().flat_map(JumpTable::all).for_each(&mut visit);
                }
                _ => {}
            }
        }
    }

    /// Whether a taken branch from `from` to `to` is a back edge: what budgets and polls count.
    #[inline(always)]
    pub const fn is_back_edge(from: Pc, to: Pc) -> bool {
        to.0 <= from.0
    }

    /// Targets of back edges, in order and without repetition: the points of entry for on-stack replacement.
    pub fn loop_headers(&self) -> Vec<Pc> {
        let mut headers = Vec::new();
        for pc in (0..self.code.len() as u32).map(Pc) {
            self.for_each_successor(pc, |to| {
                if Self::is_back_edge(pc, to) {
                    headers.push(to);
                }
            });
        }
        headers.sort_unstable();
        headers.dedup();
        headers
    }
}

/// Source lines of instructions: runs of instructions on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineTable {
    runs: Vec<(Pc, u32)>,
}

impl LineTable {
    /// Says that instructions from `pc` on come from `line` (0: unknown). Calls must come in order of `pc`.
    pub fn push(&mut self, pc: Pc, line: u32) {
        if self.runs.last().is_some_and(|last| last.0 == pc) {
            self.runs.pop();
        }
        if self.runs.last().map_or(0, |last| last.1) != line {
            self.runs.push((pc, line));
        }
    }

    /// The table with these runs, whose order is the verifier's to check.
    pub(crate) fn from_runs(runs: Vec<(Pc, u32)>) -> Self {
        Self { runs }
    }

    /// The line of the instruction at `pc`; 0 if none is known.
    pub fn line(&self, pc: Pc) -> u32 {
        let after = self.runs.partition_point(|run| run.0 <= pc);
        after.checked_sub(1).map_or(0, |i| self.runs[i].1)
    }

    /// The runs: first instruction and line.
    pub fn runs(&self) -> &[(Pc, u32)] {
        &self.runs
    }
}
