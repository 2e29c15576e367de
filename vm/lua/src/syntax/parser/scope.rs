//! Scopes: which variable a name is, and where a `goto` leads.

use lockstep_bytecode::UpvalueId;

use super::{Lexed, Parser};
use crate::syntax::ast::{Attrib, FunctionId, GotoId, LabelId, Literal, Local, LocalId, Outer, Text, Upvalue};

/// The most local variables of a function that are in scope at once.
const MAX_LOCALS: usize = 200;

/// The most upvalues of a function.
const MAX_UPVALUES: usize = 255;

/// The name of the table of global variables.
pub const GLOBALS: &[u8] = b"_ENV";

/// A function that is being parsed.
pub struct FunctionState {
    pub function: FunctionId,
    pub locals: Vec<Local>,
    pub upvalues: Vec<Upvalue>,
    /// Where each `goto` leads; those that wait for a label have a placeholder.
    pub gotos: Vec<LabelId>,
    /// The variables in scope.
    active: Vec<LocalId>,
    blocks: Vec<Scope>,
    /// The labels in scope.
    labels: Vec<LabelInScope>,
    label_count: u32,
    waiting: Vec<Waiting>,
}

/// A block that is being parsed.
struct Scope {
    active: usize,
    labels: usize,
    waiting: usize,
    is_loop: bool,
}

struct LabelInScope {
    id: LabelId,
    name: Text,
    line: u32,
}

/// A `goto` (or, without a name, a `break`) whose label has not come yet.
struct Waiting {
    id: Option<GotoId>,
    name: Text,
    line: u32,
    /// How many variables are in scope: at the `goto`, or of its blocks that are still open.
    active: usize,
}

/// What a name is.
pub enum Resolved {
    Local(LocalId),
    Upvalue(UpvalueId),
    Literal(Literal),
    Global,
}

impl FunctionState {
    pub fn new(function: FunctionId) -> FunctionState {
        FunctionState {
            function,
            locals: Vec::new(),
            upvalues: Vec::new(),
            gotos: Vec::new(),
            active: Vec::new(),
            blocks: vec![Scope { active: 0, labels: 0, waiting: 0, is_loop: false }],
            labels: Vec::new(),
            label_count: 0,
            waiting: Vec::new(),
        }
    }

    fn find_local(&self, name: &[u8]) -> Option<LocalId> {
        self.active.iter().rev().copied().find(|id| *self.locals[id.index()].name == *name)
    }
}

impl Parser<'_> {
    // ---- variables ------------------------------------------------------------------------------------------------------

    /// Gives the main function its one upvalue.
    pub(super) fn declare_globals(&mut self) {
        let from = Outer::Upvalue(UpvalueId(0));
        self.state().upvalues.push(Upvalue { name: GLOBALS.into(), from, is_const: false });
    }

    /// Declares a variable. It comes into scope with [`Parser::activate`]; `pending` others are declared and wait.
    pub(super) fn declare(&mut self, name: Text, attrib: Attrib, pending: usize) -> Lexed<LocalId> {
        if self.state().active.len() + pending >= MAX_LOCALS {
            return Err(self.limit("local variables", MAX_LOCALS));
        }
        let state = self.state();
        state.locals.push(Local { name, attrib, captured: false });
        Ok(LocalId(state.locals.len() as u32 - 1))
    }

    /// Brings variables into scope.
    pub(super) fn activate(&mut self, locals: &[LocalId]) {
        self.state().active.extend_from_slice(locals);
    }

    /// What a name is where the parser stands.
    pub(super) fn resolve(&mut self, name: &Text) -> Lexed<Resolved> {
        let innermost = self.states.len() - 1;
        self.resolve_in(innermost, name)
    }

    fn resolve_in(&mut self, level: usize, name: &Text) -> Lexed<Resolved> {
        let state = &self.states[level];
        if let Some(id) = state.find_local(name) {
            return Ok(match &state.locals[id.index()].attrib {
                Attrib::Literal(literal) => Resolved::Literal(literal.clone()),
                _ => Resolved::Local(id),
            });
        }
        if let Some(index) = state.upvalues.iter().position(|upvalue| upvalue.name == *name) {
            return Ok(Resolved::Upvalue(UpvalueId(index as u8)));
        }
        let Some(outer) = level.checked_sub(1) else { return Ok(Resolved::Global) };
        let (from, is_const) = match self.resolve_in(outer, name)? {
            Resolved::Local(id) => {
                let local = &mut self.states[outer].locals[id.index()];
                local.captured = true;
                (Outer::Local(id), local.attrib != Attrib::Regular)
            }
            Resolved::Upvalue(id) => (Outer::Upvalue(id), self.states[outer].upvalues[usize::from(id.0)].is_const),
            known => return Ok(known),
        };
        if self.states[level].upvalues.len() >= MAX_UPVALUES {
            return Err(self.limit("upvalues", MAX_UPVALUES));
        }
        let upvalues = &mut self.states[level].upvalues;
        upvalues.push(Upvalue { name: name.clone(), from, is_const });
        Ok(Resolved::Upvalue(UpvalueId(upvalues.len() as u8 - 1)))
    }

    // ---- blocks ---------------------------------------------------------------------------------------------------------

    pub(super) fn enter_block(&mut self, is_loop: bool) {
        let state = self.state();
        let scope =
            Scope { active: state.active.len(), labels: state.labels.len(), waiting: state.waiting.len(), is_loop };
        state.blocks.push(scope);
    }

    pub(super) fn leave_block(&mut self) {
        let state = self.state();
        let scope = state.blocks.pop().expect("a block is open");
        state.active.truncate(scope.active);
        state.labels.truncate(scope.labels);
        if scope.is_loop {
            let mut index = 0;
            state.waiting.retain(|waiting| {
                index += 1;
                index <= scope.waiting || waiting.id.is_some()
            });
        }
        for waiting in &mut state.waiting[scope.waiting..] {
            waiting.active = waiting.active.min(scope.active);
        }
    }

    // ---- labels ---------------------------------------------------------------------------------------------------------

    /// A `goto`.
    pub(super) fn add_goto(&mut self, name: Text, line: u32) -> GotoId {
        let state = self.state();
        let id = GotoId(state.gotos.len() as u32);
        let label = state.labels.iter().find(|label| label.name == name).map(|label| label.id);
        state.gotos.push(label.unwrap_or(LabelId(u32::MAX)));
        if label.is_none() {
            let active = state.active.len();
            state.waiting.push(Waiting { id: Some(id), name, line, active });
        }
        id
    }

    /// A `break`.
    pub(super) fn add_break(&mut self, line: u32) {
        let state = self.state();
        let active = state.active.len();
        state.waiting.push(Waiting { id: None, name: b"break"[..].into(), line, active });
    }

    /// A label. `is_last` if no statement follows in its block: then it stands outside the scope of the block's variables.
    pub(super) fn add_label(&mut self, name: Text, line: u32, is_last: bool) -> Lexed<LabelId> {
        if let Some(label) = self.state().labels.iter().find(|label| label.name == name) {
            let message = format!("label '{}' already defined on line {}", String::from_utf8_lossy(&name), label.line);
            return Err(self.bare_error(&message));
        }
        let state = self.state();
        let id = LabelId(state.label_count);
        state.label_count += 1;
        let scope = state.blocks.last().expect("a block is open");
        let active = if is_last { scope.active } else { state.active.len() };
        let first = scope.waiting;
        let (matching, others): (Vec<_>, Vec<_>) =
            state.waiting.drain(first..).partition(|waiting| waiting.id.is_some() && waiting.name == name);
        state.waiting.extend(others);
        for Waiting { id: goto, name, line, active: before } in matching {
            if before < active {
                let local = &state.locals[state.active[before].index()];
                let (name, local) = (String::from_utf8_lossy(&name), String::from_utf8_lossy(&local.name));
                let message = format!("<goto {name}> at line {line} jumps into the scope of local '{local}'");
                return Err(self.bare_error(&message));
            }
            if let Some(goto) = goto {
                state.gotos[goto.index()] = id;
            }
        }
        state.labels.push(LabelInScope { id, name, line });
        Ok(id)
    }

    /// The function ends: nothing may wait for a label any more.
    pub(super) fn finish_gotos(&mut self) -> Lexed<()> {
        let Some(Waiting { id, name, line, .. }) = self.state().waiting.first() else { return Ok(()) };
        let message = match id {
            None => format!("break outside loop at line {line}"),
            Some(_) => format!("no visible label '{}' for <goto> at line {line}", String::from_utf8_lossy(name)),
        };
        Err(self.bare_error(&message))
    }
}
