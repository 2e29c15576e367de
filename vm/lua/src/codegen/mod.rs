//! From the tree to bytecode: one generic function per function of the chunk.
//!
//! Registers are handed out like a stack: variables in scope lie below, temporaries above them. These are `any`. Variables of which [`kinds`] says that they hold integers only, or
//! floats only, have registers of that kind below the stack ([`typed`]).

mod access;
mod assign;
mod condition;
mod expr;
mod kinds;
mod loops;
mod stat;
#[cfg(test)]
mod tests;
mod typed;

use std::collections::HashMap;

use lockstep_bytecode::{
    Capture, Count, FuncId, Function, FunctionBuilder, Instr, Kind, Label, LocalName, Module, Near, Pc, Reg, Seen,
    SiteId, StrId, Template, TemplateId,
};

use crate::syntax::SyntaxError;
use crate::syntax::ast::{self, Attrib, Chunk, Expr, FunctionId, LabelId, Literal, LocalId, Outer};
use kinds::Kinds;
use typed::{Room, TypedRegisters};

/// The most registers of a function.
const MAX_REGISTERS: usize = 250;

/// What generating code results in; the error is a limit that was exceeded.
type Made<T = ()> = Result<T, Box<SyntaxError>>;

/// The module of a chunk: its functions in order, the main one first. Their names are for people.
///
/// # Errors
/// A function is too large.
pub fn generate(chunk: &Chunk) -> Result<Module, Box<SyntaxError>> {
    let source = String::from_utf8_lossy(&chunk.name).into_owned();
    let inspects = inspects(chunk);
    let functions = (0..chunk.functions.len() as u32).map(|index| {
        let id = FunctionId(index);
        let ast = &chunk.functions[id.index()];
        let kinds = if inspects { Kinds::none() } else { Kinds::of(chunk, ast) };
        if kinds.any()
            && let Ok((_, room)) = function(chunk, id, &kinds, Room::most())
            && let Ok((function, _)) = function(chunk, id, &kinds, room)
        {
            return Ok(function);
        }
        // Kinds never make a function too large that would not be without.
        function(chunk, id, &Kinds::none(), Room::default()).map(|(function, _)| function)
    });
    Ok(Module { source, functions: functions.collect::<Made<_>>()?, origin: None })
}

/// Whether a chunk names functions that look at variables, which then must be where they can be found, and can be anything.
fn inspects(chunk: &Chunk) -> bool {
    let names: [&[u8]; 2] = [b"getlocal", b"setlocal"];
    chunk.exprs.iter().any(|(expr, _)| match expr {
        Expr::Literal(Literal::String(text)) => names.contains(&&**text),
        Expr::Method { name, .. } => names.contains(&&**name),
        _ => false,
    })
}

/// The name of a function in its module: unique, with the line where it begins, and made of letters that assembly takes.
fn module_name(function: &ast::Function, id: FunctionId) -> String {
    if id.0 == 0 {
        return "main".to_owned();
    }
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { *byte as char } else { '_' };
    let name: String = function.name.iter().map(plain).collect();
    format!("f{}_{}_{name}", id.0, function.line)
}

/// The code of a function with this room for typed registers, and the room it takes.
fn function(chunk: &Chunk, id: FunctionId, kinds: &Kinds, room: Room) -> Made<(Function, Room)> {
    let ast = &chunk.functions[id.index()];
    let mut code = FunctionCode {
        chunk,
        ast,
        kinds,
        typed: TypedRegisters::from(ast.params.into()),
        builder: FunctionBuilder::new(&module_name(ast, id), None),
        free: 0,
        declared: 0,
        active: 0,
        typed_locals: Vec::new(),
        registers: vec![None; ast.locals.len()],
        named: Vec::new(),
        names: Vec::new(),
        blocks: Vec::new(),
        closing: Vec::new(),
        labels: HashMap::new(),
    };
    code.builder.set_generic(ast.is_vararg);
    for upvalue in &ast.upvalues {
        code.builder.upvalue(&String::from_utf8_lossy(&upvalue.name)).expect("the parser counts upvalues");
    }
    code.body(room)?;
    code.finish()
}

/// A block whose code is being generated.
struct BlockCode {
    /// The register behind those of the enclosing blocks.
    first: usize,
    /// The names that were in scope before.
    named: usize,
    /// How many variables with typed registers were in scope before.
    typed: usize,
    /// Where `break` leads, if the block is a loop's.
    exit: Option<Label>,
    /// Whether something outside of the block, but in the function, waits to be closed.
    in_closing: bool,
}

/// Where a label is.
struct LabelCode {
    label: Label,
    /// The block, by depth.
    block: usize,
    /// The register behind those of the variables in scope there; `None` while the label is still to come.
    top: Option<usize>,
}

/// A function whose code is being generated.
struct FunctionCode<'c> {
    chunk: &'c Chunk,
    ast: &'c ast::Function,
    kinds: &'c Kinds,
    typed: TypedRegisters,
    /// The typed registers of variables in scope.
    typed_locals: Vec<Reg>,
    builder: FunctionBuilder,
    /// The next register that is free.
    free: usize,
    /// How many registers are declared.
    declared: usize,
    /// The register behind those of variables in scope.
    active: usize,
    /// The register of each variable.
    registers: Vec<Option<Reg>>,
    /// The variables in scope that have a name, with the instruction from which on they have it.
    named: Vec<(LocalId, Pc)>,
    names: Vec<LocalName>,
    blocks: Vec<BlockCode>,
    /// The registers of variables in scope that are captured or to be closed, ascending.
    closing: Vec<usize>,
    labels: HashMap<LabelId, LabelCode>,
}

impl FunctionCode<'_> {
    fn body(&mut self, room: Room) -> Made {
        for _ in 0..self.ast.params {
            self.builder.param(Kind::Any, None).expect("parameters come first");
            self.declared += 1;
        }
        for _ in 0..room.registers {
            // Of which kinds they are is known at the end.
            self.builder.register(Kind::Any, None).expect("no more than were counted");
            self.declared += 1;
        }
        self.free = self.declared;
        // An instruction without operands names the first register.
        self.reserve(usize::from(self.declared == 0))?;
        let stack = usize::from(self.ast.params) + room.registers;
        let ast = self.ast;
        self.open_block(&ast.body, None);
        self.blocks.last_mut().expect("it was just opened").first = 0;
        self.active = 0;
        let params: Vec<LocalId> = (0..u32::from(ast.params)).map(LocalId).collect();
        self.bind(&params, 0, &[]);
        (self.free, self.active) = (stack, stack);
        self.make_constants(&room.constants)?;
        self.statements(&ast.body)?;
        let line = if ast.line == 0 { ast.body.end_line } else { ast.end_line };
        self.end_names(0);
        self.emit(line, Instr::RetAny { values: Reg(0), count: exactly(0) });
        Ok(())
    }

    fn finish(mut self) -> Made<(Function, Room)> {
        let line = self.ast.line.max(1);
        let names = std::mem::take(&mut self.names);
        let mut function = self.builder.finish().expect("every label is bound");
        function.locals = names;
        let first = usize::from(self.ast.params);
        function.registers[first..]
            .iter_mut()
            .zip(self.typed.kinds())
            .for_each(|(register, kind)| register.kind = kind);
        let words = function.pool.len() + function.strings.len() + function.site_count();
        if words >= 1 << 16 || function.templates.len() >= 1 << 16 {
            return Err(error(self.chunk, line, "function has too many constants and accesses"));
        }
        Ok((function, self.typed.room()))
    }

    // ---- instructions ---------------------------------------------------------------------------------------------------

    fn emit(&mut self, line: u32, instr: Instr) {
        self.builder.line(line);
        self.builder.emit(instr);
    }

    fn jump(&mut self, line: u32, label: Label) {
        self.emit(line, Instr::Jump { target: label.target() });
    }

    fn string(&mut self, bytes: &[u8]) -> Made<StrId> {
        self.builder.string(bytes).ok_or_else(|| self.too_large())
    }

    fn site(&mut self) -> Made<SiteId> {
        self.builder.site().ok_or_else(|| self.too_large())
    }

    fn too_large(&self) -> Box<SyntaxError> {
        error(self.chunk, self.ast.line.max(1), "function has too many constants and accesses")
    }

    /// Makes a closure of a function of the chunk.
    fn closure(&mut self, dst: Reg, id: FunctionId, line: u32) -> Made {
        let captures = self.chunk.functions[id.index()].upvalues.iter();
        let captures: Vec<Capture> = captures
            .map(|upvalue| match upvalue.from {
                Outer::Local(local) => Capture::Register(self.register_of(local)),
                Outer::Upvalue(upvalue) => Capture::Upvalue(upvalue),
            })
            .collect();
        let template: TemplateId =
            self.builder.template(Template { func: FuncId(id.0), captures }).ok_or_else(|| self.too_large())?;
        self.emit(line, Instr::ClosureAny { dst, template });
        Ok(())
    }

    // ---- registers ------------------------------------------------------------------------------------------------------

    /// The next `count` registers, which are free; the first.
    fn reserve(&mut self, count: usize) -> Made<Reg> {
        let first = self.free;
        self.free += count;
        if self.free > MAX_REGISTERS {
            let line = self.builder_line();
            return Err(error(self.chunk, line, "function or expression needs too many registers"));
        }
        while self.declared < self.free {
            self.builder.register(Kind::Any, None).expect("no more than were counted");
            self.declared += 1;
        }
        Ok(Reg(first as u8))
    }

    fn builder_line(&self) -> u32 {
        self.ast.line.max(1)
    }

    /// Frees the registers from number `first` on.
    fn release(&mut self, first: usize) {
        self.free = first;
    }

    /// Whether a register is a temporary.
    fn is_temporary(&self, reg: Reg) -> bool {
        reg.index() >= self.active
    }

    /// Whether a register is the temporary reserved last.
    fn is_top(&self, reg: Reg) -> bool {
        self.is_temporary(reg) && reg.index() + 1 == self.free
    }

    /// The register of a variable in scope.
    fn register_of(&self, local: LocalId) -> Reg {
        self.registers[local.index()].expect("a variable in scope has a register")
    }

    // ---- variables and blocks -------------------------------------------------------------------------------------------

    /// Brings variables into scope: their registers are those `typed`, as far as they have such, and those from `first` on, already reserved.
    fn bind(&mut self, locals: &[LocalId], first: usize, typed: &[Option<Reg>]) {
        let mut register = first;
        for (index, &local) in locals.iter().enumerate() {
            let declared = &self.ast.locals[local.index()];
            if matches!(declared.attrib, Attrib::Literal(_)) {
                continue;
            }
            if let Some(&Some(typed)) = typed.get(index) {
                self.registers[local.index()] = Some(typed);
                self.named.push((local, self.builder.here()));
                self.typed_locals.push(typed);
                continue;
            }
            self.registers[local.index()] = Some(Reg(register as u8));
            self.named.push((local, self.builder.here()));
            if declared.captured || declared.attrib == Attrib::Close {
                self.closing.push(register);
            }
            register += 1;
        }
        self.active = register;
        self.free = self.free.max(register);
    }

    /// The names of variables beyond the first `count` end here.
    fn end_names(&mut self, count: usize) {
        let end = self.builder.here();
        for (local, start) in self.named.drain(count..) {
            let name = String::from_utf8_lossy(&self.ast.locals[local.index()].name).into_owned();
            let register = self.registers[local.index()].expect("it was bound");
            self.names.push(LocalName { name, register, start, end });
        }
    }

    /// Opens a block: its variables get the registers that are free now.
    fn open_block(&mut self, block: &ast::Block, exit: Option<Label>) {
        let in_closing = self.blocks.last().is_some_and(|outer| outer.in_closing);
        let (named, typed) = (self.named.len(), self.typed_locals.len());
        self.blocks.push(BlockCode { first: self.free, named, typed, exit, in_closing });
        self.active = self.free;
        for (stat, _) in &block.stats {
            if let ast::Stat::Label(id) = stat {
                let label = self.builder.label();
                self.labels.insert(*id, LabelCode { label, block: self.blocks.len() - 1, top: None });
            }
        }
    }

    /// Closes the block whose last instruction was emitted. `falls` if its end is reached.
    fn close_block(&mut self, line: u32, falls: bool) {
        let block = self.blocks.pop().expect("a block is open");
        if falls {
            self.close_from(line, block.first);
        }
        self.end_names(block.named);
        self.typed_locals.drain(block.typed..).for_each(|register| self.typed.drop(register));
        self.closing.retain(|register| *register < block.first);
        (self.free, self.active) = (block.first, block.first);
    }

    /// Ends the variables in registers from `first` on that somebody has captured, or that are to be closed.
    fn close_from(&mut self, line: u32, first: usize) {
        if self.closing.last().is_some_and(|register| *register >= first) {
            let lowest = self.closing.iter().copied().find(|register| *register >= first).expect("the last is one");
            self.emit(line, Instr::CloseAny { from: lowest as u8 });
        }
    }
}

/// An error at a line of the chunk.
fn error(chunk: &Chunk, line: u32, message: &str) -> Box<SyntaxError> {
    let mut text = chunk.name.clone();
    text.extend_from_slice(format!(":{line}: {message}").as_bytes());
    Box::new(SyntaxError { message: text, at_end: false })
}

/// Exactly so many values; more than instructions can count are the most they can, which callers rule out.
const fn exactly(count: u8) -> Count {
    match Count::exactly(count) {
        Some(count) => count,
        None => panic!("more values than an instruction counts"),
    }
}

/// The short form of a label.
fn near(label: Label) -> Near {
    Near::new(label.target()).expect("fewer labels than positions")
}

/// Nothing was seen yet.
const fn unseen() -> Seen {
    Seen(0)
}
