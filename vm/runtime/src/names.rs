//! What values are called in a program: `local 'x'`, `field 'y'`, `global 'z'`, `upvalue 'u'`, `method 'm'`, `constant 'c'`; and what functions are called, by the instruction
//! that calls them.
//!
//! A register with a name is a local variable. Any other is named by the instruction that wrote it last, if that was executed for
//! sure. Names are those of the program as it was written, whatever the optimiser has made of it.

use std::fmt;

use lockstep_bytecode::{AnyOp, AnyUnOp, FuncId, Function, Instr, Pc, Reg, Sem, Test, Value};

use crate::metamethod::Metamethod;
use crate::modules::Modules;

/// The name of the table of global variables, as Lua has it.
const GLOBALS: &str = "_ENV";

/// The integers that Lua's instructions hold as keys.
const SMALL_KEYS: std::ops::RangeInclusive<i64> = 0..=255;

/// A name, and what bears it. Its text is what messages have in parentheses: `field 'x'`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// `local`, `field`, `global`, `upvalue`, `method`, `constant`, `metamethod`, `for iterator`.
    pub what: &'static str,
    /// The name.
    pub name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.what, self.name)
    }
}

impl Modules {
    /// What a register is called at an instruction.
    pub fn name_of(&self, func: FuncId, pc: Pc, reg: Reg) -> Option<Named> {
        let (function, pc, reg) = self.original(func, pc, reg);
        name(function, pc, reg)
    }

    /// What a variable is called that an instruction makes one to be closed: a local variable, or the state of a loop.
    pub fn name_of_closing(&self, func: FuncId, pc: Pc, reg: Reg) -> Option<String> {
        let (function, pc, reg) = self.original(func, pc, reg);
        let is_of_loop = || {
            let next = Pc(pc.0 + 1);
            next.index() < function.code.len() && enters_loop(function, function.instr(next))
        };
        let name = function.variable(reg, pc).map(str::to_owned);
        name.or_else(|| is_of_loop().then(|| "(for state)".to_owned()))
    }

    /// What the function is called that the instruction calls: as the program names it, or the metamethod.
    pub fn name_of_callee(&self, func: FuncId, pc: Pc) -> Option<Named> {
        let metamethod = |event: Metamethod| {
            let name = event.name().trim_start_matches("__").to_owned();
            Some(Named { what: "metamethod", name })
        };
        let instr = self.function(func).instr(pc);
        match (instr, instr.info().sem) {
            (Instr::CallAny { base, .. } | Instr::TailCallAny { base, .. }, _) => self.name_of(func, pc, base),
            (Instr::ForInAny { .. }, _) => Some(Named { what: "for iterator", name: "for iterator".to_owned() }),
            (Instr::GetAny { .. } | Instr::GetNameAny { .. } | Instr::MethodAny { .. }, _) => {
                metamethod(Metamethod::Index)
            }
            (Instr::SetAny { .. } | Instr::SetNameAny { .. }, _) => metamethod(Metamethod::NewIndex),
            (Instr::CloseAny { .. } | Instr::RetAny { .. }, _) => metamethod(Metamethod::Close),
            (Instr::ConcatAny { .. }, _) => metamethod(Metamethod::Concat),
            (_, Sem::Arith(op) | Sem::ArithImm(op)) => metamethod(event(op)),
            (_, Sem::AnyUnary(AnyUnOp::Neg)) => metamethod(Metamethod::Unm),
            (_, Sem::AnyUnary(AnyUnOp::Bnot)) => metamethod(Metamethod::BNot),
            (_, Sem::AnyUnary(AnyUnOp::Len)) => metamethod(Metamethod::Len),
            (_, Sem::AnyCompare(test) | Sem::AnyBranch(test) | Sem::AnyBranchImm(test)) => metamethod(match test {
                Test::Eq | Test::Ne => Metamethod::Eq,
                Test::Lt | Test::NotLt | Test::Gt | Test::NotGt => Metamethod::Lt,
                Test::Le | Test::NotLe | Test::Ge | Test::NotGe => Metamethod::Le,
            }),
            _ => None,
        }
    }
}

/// The metamethod of an operation.
fn event(op: AnyOp) -> Metamethod {
    match op {
        AnyOp::Add => Metamethod::Add,
        AnyOp::Sub => Metamethod::Sub,
        AnyOp::Mul => Metamethod::Mul,
        AnyOp::Div => Metamethod::Div,
        AnyOp::Mod => Metamethod::Mod,
        AnyOp::Idiv => Metamethod::IDiv,
        AnyOp::Pow => Metamethod::Pow,
        AnyOp::Band => Metamethod::BAnd,
        AnyOp::Bor => Metamethod::BOr,
        AnyOp::Bxor => Metamethod::BXor,
        AnyOp::Shl => Metamethod::Shl,
        AnyOp::Shr => Metamethod::Shr,
    }
}

fn name(function: &Function, pc: Pc, reg: Reg) -> Option<Named> {
    let named = |what: &'static str, name: String| Some(Named { what, name });
    if let Some(name) = function.variable(reg, pc) {
        return named("local", name.to_owned());
    }
    let (at, instr) = writer(function, pc, reg)?;
    let operands = instr.operands();
    let text = |value: &Value| match value {
        Value::Str(id) => string(function, usize::from(id.0)),
        _ => None,
    };
    match instr {
        Instr::MoveAny { a, .. } if a < reg => name(function, at, a),
        Instr::GetNameAny { object, .. } => {
            let is_variable = |named: &Named| matches!(named.what, "local" | "upvalue");
            let globals = name(function, at, object).is_some_and(|named| is_variable(&named) && named.name == GLOBALS);
            let what = if globals { "global" } else { "field" };
            operands.iter().find_map(text).and_then(|field| named(what, field))
        }
        Instr::GetAny { key, .. } => named("field", key_name(function, at, key)),
        Instr::MethodAny { base, .. } if base == reg => {
            operands.iter().find_map(text).and_then(|field| named("method", field))
        }
        Instr::UpvalueGetAny { upvalue, .. } => {
            let name = function.upvalues.get(usize::from(upvalue.0)).filter(|name| !name.is_empty());
            name.and_then(|name| named("upvalue", name.clone()))
        }
        Instr::StringAny { .. } => operands.iter().find_map(text).and_then(|text| named("constant", text)),
        _ => None,
    }
}

/// A string as a name: PUC Lua's end at a zero byte.
fn string(function: &Function, index: usize) -> Option<String> {
    let bytes = function.strings.get(index)?.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// The instruction before `pc` that wrote a register last, if it is sure to have been executed: it does not lie behind a jump that leads beyond it. Code is read from its beginning, as
/// PUC Lua reads it: what is written again where branches meet has no name, however one came there.
fn writer(function: &Function, pc: Pc, reg: Reg) -> Option<(Pc, Instr)> {
    let mut found = None;
    // Code before this is conditional.
    let mut joins = Pc(0);
    for at in (0..pc.0).map(Pc) {
        let instr = function.instr(at);
        if !enters_loop(function, instr) {
            let leads_on = |target: Pc| target.0 > at.0 + 1 && target <= pc;
            function.for_each_successor(at, |target| joins = if leads_on(target) { joins.max(target) } else { joins });
        }
        let mut writes = match instr {
            // What a call leaves above its function is no one's.
            Instr::CallAny { base, .. } => reg >= base,
            _ => false,
        };
        instr.for_each_def(|def| writes |= def == reg);
        if writes {
            found = (at >= joins).then_some((at, instr));
        }
    }
    found
}

/// Whether an instruction leads to the end of a loop, or to its first round: its body counts as executed.
fn enters_loop(function: &Function, instr: Instr) -> bool {
    match instr {
        Instr::ForPrepAny { .. } => true,
        Instr::Jump { target } => matches!(function.instr(target), Instr::ForInAny { .. }),
        _ => false,
    }
}

/// What a field is called by its key: constants by their text, and small integers as Lua has them.
fn key_name(function: &Function, pc: Pc, key: Reg) -> String {
    let known = match writer(function, pc, key).filter(|_| function.variable(key, pc).is_none()) {
        Some((_, Instr::StringAny { value, .. })) => string(function, usize::from(value.0)),
        Some((_, instr @ Instr::IntAny { .. })) => {
            let value = instr.declared().find_map(|(_, value)| value.imm());
            value.filter(|value| SMALL_KEYS.contains(value)).map(|_| "integer index".to_owned())
        }
        _ => None,
    };
    known.unwrap_or_else(|| "?".to_owned())
}
