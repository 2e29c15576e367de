//! Judges whether a module means anything: afterwards no consumer needs to check an index, a kind or an unassigned register.
//!
//! Checked: names, register declarations, line tables; for each instruction the operands against the table, calls and tail
//! calls against the callee's signature, targets; that no path falls off the end; and that every register is assigned on
//! every path before it is read (a forward data flow over blocks).

use crate::assigned::Assigned;
use crate::disasm::instr_text;
use crate::{
    Capture, Cfg, FuncId, Function, Group, Instr, JumpTable, Kind, Module, OperandKind, Pc, Reg, Role, Sem, Template,
    Value,
};
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;

/// The most instructions a function can have.
pub const MAX_CODE: usize = 1 << 24;

/// The longest name of a field: accesses by name are made for interned strings.
pub const LONGEST_NAME: usize = 40;

/// What is wrong with a module, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Name of the source file.
    pub source: String,
    /// The function.
    pub func: FuncId,
    /// The function's name.
    pub function: String,
    /// The instruction and its text; `None` if the complaint is about the function as a whole.
    pub at: Option<(Pc, String)>,
    /// Source line; 0 if unknown.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if self.line != 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": function `{}`", self.function)?;
        if let Some((pc, text)) = &self.at {
            write!(f, ", {pc} `{text}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for VerifyError {}

/// A module that passed [`verify`]. It cannot be changed, only taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(Module);

impl Verified {
    /// Verifies `module`.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn new(module: Module) -> Result<Self, Box<VerifyError>> {
        verify(&module).map(|()| Self(module))
    }

    /// The module, free to be changed.
    pub fn into_inner(self) -> Module {
        self.0
    }
}

impl Deref for Verified {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.0
    }
}

/// Checks `module`.
///
/// # Errors
/// The first thing found wrong.
pub fn verify(module: &Module) -> Result<(), Box<VerifyError>> {
    let checkers = || {
        let functions = module.functions.iter().enumerate();
        functions.map(|(i, function)| Checker { module, func: FuncId(i as u32), function })
    };
    // Declarations of all functions first: calls are judged by those of their callees.
    let mut names = HashSet::new();
    for checker in checkers() {
        let name = &checker.function.name;
        checker.check(!name.is_empty(), None, || "a function needs a name".to_owned())?;
        checker.check(names.insert(name), None, || "another function has the same name".to_owned())?;
        checker.declarations()?;
    }
    for checker in checkers() {
        checker.sequence()?;
        for pc in (0..checker.function.code.len() as u32).map(Pc) {
            checker.instruction(pc)?;
        }
        checker.definite_assignment()?;
    }
    Ok(())
}

/// Whether `name` can name a register: letters, digits, `_` and `.`, not beginning with a digit or a dot, neither a kind nor
/// of the form `r12`.
pub fn is_register_name(name: &str) -> bool {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let numbered = name.strip_prefix('r').is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    let is_kind = name == Kind::Any.name() || Kind::ALL.iter().any(|kind| kind.name() == name);
    plain && !numbered && !is_kind
}

struct Checker<'m> {
    module: &'m Module,
    func: FuncId,
    function: &'m Function,
}

type Outcome = Result<(), Box<VerifyError>>;

impl Checker<'_> {
    fn error(&self, pc: Option<Pc>, message: impl Into<String>) -> Box<VerifyError> {
        Box::new(VerifyError {
            source: self.module.source.clone(),
            func: self.func,
            function: self.function.name.clone(),
            at: pc.map(|pc| (pc, instr_text(self.module, self.function, pc))),
            line: self.function.lines.line(pc.unwrap_or_default()),
            message: message.into(),
        })
    }

    fn check(&self, holds: bool, pc: Option<Pc>, message: impl FnOnce() -> String) -> Outcome {
        if holds { Ok(()) } else { Err(self.error(pc, message())) }
    }

    fn declarations(&self) -> Outcome {
        let function = self.function;
        let count = function.registers.len();
        self.check(count <= 256, None, || format!("{count} registers; at most 256 are possible"))?;
        let params = usize::from(function.param_count);
        self.check(params <= count, None, || format!("{params} parameters but {count} registers"))?;
        let mut names = HashSet::new();
        for (i, register) in function.registers.iter().enumerate() {
            let kind = register.kind;
            let is_generic_param = i < params && function.is_generic;
            let is_good = if i < params { is_generic_param == (kind == Kind::Any) } else { true };
            self.check(is_good && (kind.is_fixed() || kind == Kind::Any), None, || match is_generic_param {
                true => format!("parameter r{i} is of kind {kind}, but those of a generic function are any"),
                false => format!("register r{i} cannot be fixed to the dynamic kind {kind}"),
            })?;
            if let Some(name) = &register.name {
                self.check(is_register_name(name), None, || format!("{name:?} cannot name register r{i}"))?;
                self.check(names.insert(name), None, || format!("two registers are called `{name}`"))?;
            }
        }
        self.check(!function.is_generic || function.result.is_none(), None, || {
            "a generic function has no result of one kind".to_owned()
        })?;
        self.check(function.is_generic || !function.is_vararg && function.upvalues.is_empty(), None, || {
            "only generic functions have upvalues or a variable number of arguments".to_owned()
        })?;
        self.check(function.upvalues.len() <= 255, None, || "more than 255 upvalues".to_owned())?;
        if let Some(kind) = function.result {
            self.check(kind.is_fixed(), None, || format!("the result cannot have the dynamic kind {kind}"))?;
        }
        let (strings, pool, sites) = (function.strings.len(), function.pool.len(), function.site_count());
        let words = strings + pool + sites;
        self.check(strings + sites == 0 || words < 1 << 16, None, || {
            format!("{words} constants and places to keep what is seen; at most 65535 are possible")
        })?;
        let len = function.code.len();
        self.check(len <= MAX_CODE, None, || format!("{len} instructions; at most {MAX_CODE} are possible"))?;
        let Some(last) = function.code.last() else {
            return Err(self.error(None, "the function has no instructions"));
        };
        self.check(!last.info().falls_through(), Some(Pc(len as u32 - 1)), || {
            "the function can run past its last instruction".to_owned()
        })?;
        for (i, table) in function.tables.iter().enumerate() {
            for target in table.all() {
                self.check(target.index() < len, None, || {
                    format!("jump table t{i} leads to {target}, outside the code")
                })?;
            }
        }
        for local in &function.locals {
            let is_good = local.register.index() < count && local.start <= local.end && local.end.index() <= len;
            self.check(is_good, None, || {
                format!("the variable `{}` is in no register or code of the function", local.name)
            })?;
        }
        let (mut before, mut line) = (None, 0);
        for run in function.lines.runs() {
            let in_order = before.is_none_or(|pc| pc < run.0) && run.0.index() < len && run.1 != line;
            self.check(in_order, None, || "the line table is not in order".to_owned())?;
            (before, line) = (Some(run.0), run.1);
        }
        Ok(())
    }

    fn instruction(&self, pc: Pc) -> Outcome {
        let function = self.function;
        let instr = function.instr(pc);
        let at = Some(pc);
        if let Some(group) = instr.group() {
            self.group(pc, group)?;
        }
        let callee = match instr.callee() {
            Some(id) => match self.module.functions.get(id.index()) {
                Some(callee) => Some(callee),
                None => return Err(self.error(at, format!("there is no function {id}"))),
            },
            None => None,
        };
        for (operand, value) in instr.declared() {
            let name = operand.name;
            match value {
                Value::Reg(reg) if operand.role == Role::Args => {
                    if let Some(callee) = callee {
                        self.arguments(pc, reg, callee)?;
                    }
                }
                // It is given as r0, which the function may not have.
                Value::Reg(_) if operand.role.is_group() && instr.group().is_some_and(Group::is_empty) => {}
                Value::Reg(reg) => {
                    let Some(register) = function.registers.get(reg.index()) else {
                        return Err(self.error(at, format!("`{name}` is {reg}, which is not declared")));
                    };
                    let (wanted, whose) = match operand.kind {
                        OperandKind::None => continue,
                        OperandKind::Generic => {
                            self.check(register.kind.is_generic_operand(), at, || {
                                format!("`{name}` is of kind {}, which generic instructions do not read", register.kind)
                            })?;
                            continue;
                        }
                        OperandKind::Fixed(kind) => (Some(kind), "the instruction"),
                        OperandKind::CalleeResult => (callee.and_then(|callee| callee.result), "the result"),
                        OperandKind::OwnResult => (function.result, "the function's result"),
                    };
                    let Some(wanted) = wanted else {
                        return Err(self.error(
                            at,
                            match operand.kind {
                                OperandKind::OwnResult => "the function has no result to return; use `ret_void`",
                                _ => "the function called has no result; use `call_void`",
                            },
                        ));
                    };
                    self.check(register.kind == wanted, at, || {
                        format!("`{name}` is of kind {}, but {whose} is of kind {wanted}", register.kind)
                    })?;
                }
                Value::Label(target) => {
                    self.check(target.index() < function.code.len(), at, || {
                        format!("target {target} is outside the code of {} instructions", function.code.len())
                    })?;
                    // A loop that is skipped is no event, so that going back by it would take up no budget.
                    self.check(instr.info().sem != Sem::ForPrep || target > pc, at, || {
                        format!("a loop is skipped forward, but target {target} is not ahead")
                    })?;
                }
                Value::Pool(id) => self.check(id.index() < function.pool.len(), at, || {
                    format!("there is no constant {id} in the pool of {}", function.pool.len())
                })?,
                Value::Table(id) => {
                    self.check(id.index() < function.tables.len(), at, || format!("there is no jump table {id}"))?;
                }
                Value::Str(id) => {
                    let Some(bytes) = function.strings.get(usize::from(id.0)) else {
                        return Err(self.error(at, format!("there is no string constant {id}")));
                    };
                    let is_name = name == "name" && instr.info().sem != Sem::Import;
                    self.check(!is_name || bytes.len() <= LONGEST_NAME, at, || {
                        format!("a name has at most {LONGEST_NAME} bytes; use `get.any` or `set.any` with a string")
                    })?;
                }
                Value::Upvalue(id) => self.check(usize::from(id.0) < function.upvalues.len(), at, || {
                    format!("there is no upvalue {}", id.0)
                })?,
                Value::Template(id) => match function.templates.get(usize::from(id.0)) {
                    Some(template) => self.template(pc, template)?,
                    None => return Err(self.error(at, format!("there is no closure template {id}"))),
                },
                Value::Count(count) if operand.role == Role::Writes => {
                    self.check(!count.is_open() || count.fixed() == 0, at, || {
                        "results are a number of registers or an open list, not both".to_owned()
                    })?;
                }
                Value::Func(_) | Value::Imm(_) | Value::Count(_) | Value::Seen | Value::Site(_) => {}
            }
        }
        self.results(pc, instr, callee)
    }

    /// Places that keep what is seen are numbered in the order of the code. An open list goes from one instruction to the very next, and nobody
    /// else comes there.
    fn sequence(&self) -> Outcome {
        let function = self.function;
        let (mut sites, mut leaves) = (0, false);
        let mut takers = Vec::new();
        for (pc, instr) in function.code.iter().enumerate() {
            let at = Some(Pc(pc as u32));
            for value in instr.operands().iter() {
                if let Value::Site(id) = value {
                    self.check(usize::from(id.0) == sites, at, || {
                        format!("the place to keep what is seen is {id}, but it is number {sites} of the code")
                    })?;
                    sites += 1;
                }
            }
            self.check(leaves == instr.takes_open(), at, || {
                match leaves {
                    true => "the instruction before leaves an open list, which this one does not take",
                    false => "it takes an open list, which the instruction before does not leave",
                }
                .to_owned()
            })?;
            if leaves {
                takers.push(Pc(pc as u32));
            }
            leaves = instr.leaves_open();
        }
        let branches = function.code.iter().filter_map(|instr| instr.target());
        let mut targets = branches.chain(function.tables.iter().flat_map(JumpTable::all));
        match targets.find(|target| takers.binary_search(target).is_ok()) {
            Some(pc) => Err(self.error(Some(pc), "it takes an open list, and is the target of a branch")),
            None => Ok(()),
        }
    }

    fn group(&self, pc: Pc, group: Group) -> Outcome {
        let at = Some(pc);
        let (first, count, registers) = (group.first.index(), group.len(), &self.function.registers);
        if count == 0 {
            return self.check(first == 0, at, || "a group of no registers is given as r0".to_owned());
        }
        self.check(first + count <= registers.len(), at, || {
            format!("it takes {count} registers from {} on, but only {} are declared", group.first, registers.len())
        })?;
        for (i, register) in registers[first..first + count].iter().enumerate() {
            self.check(register.kind == Kind::Any, at, || {
                format!("{} of its group of registers is of kind {}, not any", Reg((first + i) as u8), register.kind)
            })?;
        }
        Ok(())
    }

    fn template(&self, pc: Pc, template: &Template) -> Outcome {
        let at = Some(pc);
        let Some(target) = self.module.functions.get(template.func.index()) else {
            return Err(self.error(at, format!("there is no function {}", template.func)));
        };
        self.check(target.is_generic, at, || {
            format!("`{}` is no generic function: closures are of those", target.name)
        })?;
        let (wanted, given) = (target.upvalues.len(), template.captures.len());
        self.check(wanted == given, at, || {
            format!("`{}` has {wanted} upvalues, but {given} variables are captured", target.name)
        })?;
        for capture in &template.captures {
            match capture {
                Capture::Upvalue(id) => self.check(usize::from(id.0) < self.function.upvalues.len(), at, || {
                    format!("there is no upvalue {}", id.0)
                })?,
                Capture::Register(reg) => {
                    let kind = self.function.registers.get(reg.index()).map(|register| register.kind);
                    self.check(kind == Some(Kind::Any), at, || {
                        format!("{reg} cannot be captured: it is no `any` register")
                    })?;
                }
            }
        }
        Ok(())
    }

    fn arguments(&self, pc: Pc, first: Reg, callee: &Function) -> Outcome {
        let at = Some(pc);
        let registers = &self.function.registers;
        let params = callee.params();
        if params.len() == 0 {
            return self.check(first == Reg(0), at, || "a call without arguments gives them as r0".to_owned());
        }
        self.check(first.index() + params.len() <= registers.len(), at, || {
            format!(
                "`{}` takes {} arguments, but only {} registers stand from {first} on",
                callee.name,
                callee.param_count,
                registers.len().saturating_sub(first.index())
            )
        })?;
        for (i, wanted) in params.enumerate() {
            let kind = registers[first.index() + i].kind;
            self.check(kind == wanted, at, || {
                format!(
                    "argument {} of `{}` is of kind {kind}, but its parameter is of kind {wanted}",
                    i + 1,
                    callee.name
                )
            })?;
        }
        Ok(())
    }

    fn results(&self, pc: Pc, instr: Instr, callee: Option<&Function>) -> Outcome {
        let own = self.function.result;
        let theirs = callee.and_then(|callee| callee.result);
        let show = |kind: Option<Kind>| kind.map_or("no result".to_owned(), |kind| format!("a result of kind {kind}"));
        let is_generic = self.function.is_generic;
        let at = Some(pc);
        self.check(!callee.is_some_and(|callee| callee.is_generic), at, || {
            "the function called is generic: call a closure of it".to_owned()
        })?;
        match instr.info().sem {
            Sem::Ret | Sem::RetVoid | Sem::TailCall => {
                self.check(!is_generic, at, || "a generic function ends in `ret.any` or `tail_call.any`".to_owned())?;
            }
            Sem::RetAny | Sem::TailCallAny => {
                self.check(is_generic, at, || "only generic functions end like this".to_owned())?;
            }
            Sem::Vararg => self.check(self.function.is_vararg, at, || {
                "the function does not take a variable number of arguments".to_owned()
            })?,
            _ => {}
        }
        match instr.info().sem {
            Sem::CallVoid => self
                .check(theirs.is_none(), Some(pc), || format!("the function called has {}; use `call`", show(theirs))),
            Sem::TailCall => self.check(own == theirs, Some(pc), || {
                format!("the function has {}, but the one it ends in has {}", show(own), show(theirs))
            }),
            Sem::RetVoid => {
                self.check(own.is_none(), Some(pc), || format!("the function has {}; use `ret`", show(own)))
            }
            _ => Ok(()),
        }
    }

    fn definite_assignment(&self) -> Outcome {
        let function = self.function;
        let cfg = Cfg::new(function);
        let params = |callee: FuncId| usize::from(self.module.function(callee).param_count);
        let assigned = Assigned::new(function, &cfg);
        for id in cfg.reverse_postorder() {
            for pc in cfg.block(*id).pcs() {
                let instr = function.instr(pc);
                let mut unassigned = None;
                instr.for_each_use(function, params, |reg| {
                    if !assigned.before(pc).contains(reg) {
                        unassigned = unassigned.or(Some(reg));
                    }
                });
                if let Some(reg) = unassigned {
                    let name = crate::disasm::register_name(function, reg);
                    return Err(
                        self.error(Some(pc), format!("`{name}` is read, but not assigned on every path to here"))
                    );
                }
            }
        }
        Ok(())
    }
}
