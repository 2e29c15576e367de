//! Parsing units: recursive descent over [`lockstep_text::Cursor`], every mistake a diagnostic in its place.

use std::collections::HashMap;

use lockstep_text::{Cursor, Diagnostic, Token, TokenKind};
use smallvec::SmallVec;

use crate::op::{Imm, ImmKind, Op, Operands, Stage};
use crate::types::{Block, FrameStateId, FuncRef, HelperRef, Inst, Region, SigRef, SourceLoc, Type, Value};
use crate::unit::{
    BlockCall, Extension, FrameState, FrameValue, Function, Helper, InstData, Param, Signature, SourcePos, Unit,
    ValueDef,
};

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// Parses the text of a unit; `file` names it in diagnostics. The result is not verified.
///
/// # Errors
/// The first mistake: an unknown word, a name not defined or defined twice, a number that does not fit, another version.
pub fn parse(file: &str, source: &str) -> Result<Unit> {
    let mut parser = Parser {
        cursor: Cursor::new(file, source, false)?,
        unit: Unit::new("", Stage::Machine),
        direct_calls: Vec::new(),
    };
    parser.parse_unit()?;
    Ok(parser.unit)
}

struct Parser<'s> {
    cursor: Cursor<'s>,
    unit: Unit,
    /// Direct calls, whose result types are known once all functions are: function, instruction, place.
    direct_calls: Vec<(usize, Inst, Token<'s>)>,
}

/// What is known of the function being parsed.
struct Scope<'s> {
    func: Function,
    /// Values by number in the text.
    values: HashMap<u32, Value>,
    blocks: HashMap<u32, (Block, Option<Token<'s>>)>,
    /// Uses and the place of each, to be resolved at the end: the text's number stands in for the value until then.
    uses: HashMap<u32, Token<'s>>,
    state_uses: Vec<(FrameStateId, Token<'s>)>,
}

impl<'s> Parser<'s> {
    fn parse_unit(&mut self) -> Result<()> {
        self.cursor.expect("lockstep_ir")?;
        let token = self.cursor.peek();
        let version: u64 = self.number("the version of the text form")?;
        if version != u64::from(super::VERSION) {
            return Err(self.cursor.error_at(
                token,
                format!("text form of version {version}; this reader knows version {}", super::VERSION),
            ));
        }
        self.unit.stage = if self.cursor.accept("value")? {
            Stage::Value
        } else {
            self.cursor.expect("machine")?;
            Stage::Machine
        };
        self.cursor.expect("unit")?;
        self.unit.name = self.cursor.expect_string("the unit's name in quotes")?;
        loop {
            let token = self.cursor.peek();
            match token.text {
                "region" => {
                    self.in_order("region", self.unit.regions.len())?;
                    let name = self.cursor.expect_string("the region's name in quotes")?;
                    self.unit.regions.push(name);
                }
                "sig" => {
                    self.in_order("sig", self.unit.signatures.len())?;
                    let signature = self.signature()?;
                    self.unit.signatures.push(signature);
                }
                "helper" => {
                    self.in_order("helper", self.unit.helpers.len())?;
                    let name = self.cursor.expect_string("the helper's name in quotes")?;
                    let index = self.number("the helper's index")?;
                    let signature = self.signature()?;
                    self.unit.helpers.push(Helper { name, index, signature });
                }
                "source" => {
                    self.in_order("source", self.unit.sources.len())?;
                    self.cursor.expect("func")?;
                    let func = self.number("a bytecode function's index")?;
                    self.cursor.expect("pc")?;
                    let pc = self.number("an instruction's index")?;
                    let inlined_at = if self.cursor.accept("inlined")? {
                        SourceLoc(self.number("a source's number")?)
                    } else {
                        SourceLoc::NONE
                    };
                    self.unit.sources.push(SourcePos { func, pc, inlined_at });
                }
                "function" => self.function()?,
                _ if token.kind == TokenKind::End => break,
                _ => return Err(self.cursor.unexpected("`region`, `sig`, `helper`, `source`, `function` or the end")),
            }
        }
        for (func, inst, token) in std::mem::take(&mut self.direct_calls) {
            let Some(signature) = self.unit.call_signature(&self.unit.functions[func].insts[inst.index()]) else {
                return Err(self.cursor.error_at(token, format!("function {} is not defined", token.text)));
            };
            let types = signature.results.clone();
            let func = &mut self.unit.functions[func];
            for (value, ty) in func.insts[inst.index()].results.clone().into_iter().zip(types) {
                func.values[value.index()].ty = ty;
            }
        }
        Ok(())
    }

    /// `keyword N`, where N counts up from 0 within its kind.
    fn in_order(&mut self, keyword: &str, expected: usize) -> Result<()> {
        self.cursor.expect(keyword)?;
        let token = self.cursor.peek();
        let n: u32 = self.number(&format!("the {keyword}'s number"))?;
        if n as usize == expected {
            Ok(())
        } else {
            Err(self.cursor.error_at(token, format!("{keyword} {n} is out of order")).expected(format!("{expected}")))
        }
    }

    fn number<T: TryFrom<i128>>(&mut self, what: &str) -> Result<T> {
        let token = self.cursor.expect_kind(TokenKind::Number, what)?;
        let value =
            parse_int(token.text).ok_or_else(|| self.cursor.error_at(token, "not an integer").expected(what))?;
        T::try_from(value).map_err(|_| self.cursor.error_at(token, "the number is out of range").expected(what))
    }

    /// A word made of a prefix and a number: `v7`, `block2`, `%0`.
    fn indexed(&mut self, prefix: &str, what: &str) -> Result<(u32, Token<'s>)> {
        let token = self.cursor.peek();
        let index = token.text.strip_prefix(prefix).and_then(|n| n.parse().ok());
        match index {
            Some(index) if token.kind == TokenKind::Word && index < u32::MAX => {
                self.cursor.advance()?;
                Ok((index, token))
            }
            _ => Err(self.cursor.unexpected(what)),
        }
    }

    fn ty(&mut self) -> Result<Type> {
        let token = self.cursor.peek();
        match Type::from_name(token.text) {
            Some(ty) => {
                self.cursor.advance()?;
                Ok(ty)
            }
            None => Err(self.type_error(token, token.text)),
        }
    }

    fn type_error(&self, token: Token<'s>, name: &str) -> Box<Diagnostic> {
        let message = if name == "v128" { "the type v128 is reserved".to_owned() } else { format!("no type `{name}`") };
        self.cursor.error_at(token, message).expected("one of i8 i16 i32 i64 f32 f64")
    }

    /// Items between brackets with commas.
    fn list<T>(&mut self, open: &str, close: &str, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.cursor.expect(open)?;
        let mut items = Vec::new();
        if self.cursor.accept(close)? {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.cursor.accept(close)? {
                return Ok(items);
            }
            if !self.cursor.accept(",")? {
                return Err(self.cursor.unexpected(format!("`,` or `{close}`")));
            }
        }
    }

    fn signature(&mut self) -> Result<Signature> {
        let params = self.list("(", ")", |p| {
            let ty = p.ty()?;
            let extension = if p.cursor.accept("sext")? {
                Extension::Sign
            } else if p.cursor.accept("zext")? {
                Extension::Zero
            } else {
                Extension::None
            };
            Ok(Param { ty, extension })
        })?;
        self.cursor.expect("->")?;
        let results = self.list("(", ")", Self::ty)?;
        Ok(Signature { params, results })
    }

    fn function(&mut self) -> Result<()> {
        self.cursor.expect("function")?;
        let (index, token) = self.indexed("%", "the function's number, such as `%0`")?;
        if index as usize != self.unit.functions.len() {
            let expected = format!("%{}", self.unit.functions.len());
            return Err(self.cursor.error_at(token, "functions are numbered in order").expected(expected));
        }
        let name = self.cursor.expect_string("the function's name in quotes")?;
        let signature = self.signature()?;
        self.cursor.expect("{")?;
        let mut scope = Scope {
            func: Function::new(name, signature),
            values: HashMap::new(),
            blocks: HashMap::new(),
            uses: HashMap::new(),
            state_uses: Vec::new(),
        };
        while self.cursor.peek().text.starts_with("fs") {
            self.frame_state(&mut scope)?;
        }
        let mut current: Option<Block> = None;
        while !self.cursor.accept("}")? {
            if self.cursor.peek().text.starts_with("block") {
                current = Some(self.block_header(&mut scope)?);
            } else if let Some(block) = current {
                self.instruction(&mut scope, block)?;
            } else {
                return Err(self.cursor.unexpected("`block0`, the function's entry"));
            }
        }
        let func = self.resolve(scope)?;
        self.unit.functions.push(func);
        Ok(())
    }

    /// Replaces numbers of the text by what they name.
    fn resolve(&self, mut scope: Scope<'s>) -> Result<Function> {
        for (number, token) in &scope.uses {
            if !scope.values.contains_key(number) {
                return Err(self.cursor.error_at(*token, format!("v{number} is not defined in this function")));
            }
        }
        for (number, (_, used_at)) in &scope.blocks {
            if let Some(token) = used_at {
                return Err(self.cursor.error_at(*token, format!("block{number} is not defined in this function")));
            }
        }
        for (id, token) in &scope.state_uses {
            if id.index() >= scope.func.frame_states.len() {
                return Err(self.cursor.error_at(*token, format!("{id} is not defined in this function")));
            }
        }
        let values = &scope.values;
        let resolve = |v: &mut Value| *v = values[&v.0];
        for inst in &mut scope.func.insts {
            inst.args.iter_mut().for_each(resolve);
            inst.targets.iter_mut().flat_map(|t| &mut t.args).for_each(resolve);
        }
        scope.func.frame_states.iter_mut().flat_map(|fs| &mut fs.slots).for_each(|s| resolve(&mut s.value));
        Ok(scope.func)
    }

    fn frame_state(&mut self, scope: &mut Scope<'s>) -> Result<()> {
        let (n, token) = self.indexed("fs", "a frame state, such as `fs0`")?;
        if n as usize != scope.func.frame_states.len() {
            let expected = format!("fs{}", scope.func.frame_states.len());
            return Err(self.cursor.error_at(token, "frame states are numbered in order").expected(expected));
        }
        self.cursor.expect("=")?;
        self.cursor.expect("func")?;
        let func = self.number("a bytecode function's index")?;
        self.cursor.expect("pc")?;
        let pc = self.number("an instruction's index")?;
        self.cursor.expect("reason")?;
        let reason = self.number("a reason's index")?;
        let slots = self.list("[", "]", |p| {
            let slot = p.number("a slot's index")?;
            p.cursor.expect(":")?;
            let value = p.value_use(scope)?;
            p.cursor.expect("tag")?;
            Ok(FrameValue { slot, value, tag: p.number("a tag")? })
        })?;
        let caller = if self.cursor.accept("caller")? { Some(self.state_use(scope)?) } else { None };
        scope.func.frame_states.push(FrameState { func, pc, reason, slots, caller });
        Ok(())
    }

    fn state_use(&mut self, scope: &mut Scope<'s>) -> Result<FrameStateId> {
        let (n, token) = self.indexed("fs", "a frame state, such as `fs0`")?;
        scope.state_uses.push((FrameStateId(n), token));
        Ok(FrameStateId(n))
    }

    fn value_use(&mut self, scope: &mut Scope<'s>) -> Result<Value> {
        let (n, token) = self.indexed("v", "a value, such as `v0`")?;
        scope.uses.entry(n).or_insert(token);
        Ok(Value(n))
    }

    fn define(&self, scope: &mut Scope<'s>, (n, token): (u32, Token<'s>), value: Value) -> Result<()> {
        match scope.values.insert(n, value) {
            None => Ok(()),
            Some(_) => Err(self.cursor.error_at(token, format!("v{n} is defined twice"))),
        }
    }

    fn block_header(&mut self, scope: &mut Scope<'s>) -> Result<Block> {
        let (n, token) = self.indexed("block", "a block, such as `block1`")?;
        let next = scope.func.blocks.len() as u32;
        if n != next {
            let message = if n < next {
                format!("block{n} is defined twice or out of order")
            } else {
                format!("block{n} is out of order")
            };
            return Err(self.cursor.error_at(token, message).expected(format!("block{next}")));
        }
        let block = scope.func.make_block();
        scope.blocks.insert(n, (block, None));
        if self.cursor.peek().text == "(" {
            let params = self.list("(", ")", |p| {
                let name = p.indexed("v", "a parameter, such as `v0: i64`")?;
                p.cursor.expect(":")?;
                Ok((name, p.ty()?))
            })?;
            for (name, ty) in params {
                let value = scope.func.add_param(block, ty);
                self.define(scope, name, value)?;
            }
        }
        scope.func.blocks[block.index()].cold = self.cursor.accept("cold")?;
        self.cursor.expect(":")?;
        Ok(block)
    }

    fn block_call(&mut self, scope: &mut Scope<'s>) -> Result<BlockCall> {
        let (n, token) = self.indexed("block", "a block, such as `block1`")?;
        scope.blocks.entry(n).or_insert((Block(n), Some(token)));
        let args =
            if self.cursor.peek().text == "(" { self.list("(", ")", |p| p.value_use(scope))? } else { Vec::new() };
        Ok(BlockCall { block: Block(n), args })
    }

    fn operation(&mut self) -> Result<(Op, Type)> {
        let token = self.cursor.expect_kind(TokenKind::Word, "an operation")?;
        let (name, suffix) = match token.text.split_once('.') {
            Some((name, suffix)) => (name, Some(suffix)),
            None => (token.text, None),
        };
        let Some(op) = Op::from_name(name) else {
            let near =
                Op::ALL.iter().map(|o| o.info().name).filter(|o| o.starts_with(&name[..name.len().min(3)])).take(6);
            let near: Vec<&str> = near.collect();
            let error = self.cursor.error_at(token, format!("no operation `{name}`"));
            return Err(if near.is_empty() { error } else { error.hint(format!("there are {}", near.join(", "))) });
        };
        let types = op.info().types;
        let ty = match (suffix, types) {
            (None, []) => Type::I64,
            (None, [only]) => *only,
            (Some(suffix), [_, ..]) => Type::from_name(suffix).ok_or_else(|| self.type_error(token, suffix))?,
            (Some(_), []) => return Err(self.cursor.error_at(token, format!("`{name}` takes no type"))),
            (None, _) => {
                return Err(self
                    .cursor
                    .error_at(token, format!("`{name}` needs a type, such as `{name}.{}`", types[0])));
            }
        };
        if types.is_empty() || types.contains(&ty) {
            Ok((op, ty))
        } else {
            Err(self.cursor.error_at(token, format!("`{name}` does not exist for {ty}")))
        }
    }

    fn instruction(&mut self, scope: &mut Scope<'s>, block: Block) -> Result<()> {
        let start = self.cursor.peek();
        let mut names = Vec::new();
        if start.text.starts_with('v') && start.text[1..].starts_with(|c: char| c.is_ascii_digit()) {
            loop {
                names.push(self.indexed("v", "a result, such as `v1`")?);
                if !self.cursor.accept(",")? {
                    break;
                }
            }
            self.cursor.expect("=")?;
        }
        let (op, ty) = self.operation()?;
        let mut data = InstData::new(op, ty, &[]);
        let callee = self.cursor.peek();
        let explicit = self.operands(scope, &mut data)?;
        if self.cursor.peek().text.starts_with("fs") {
            data.frame_state = Some(self.state_use(scope)?);
        }
        let types: Vec<Type> = match op.info().results {
            Operands::Fixed(patterns) => patterns.iter().filter_map(|p| p.fixed(ty)).collect(),
            Operands::BySignature if op == Op::CallFunction => {
                let mut types = Vec::new();
                if self.cursor.accept("->")? {
                    types.push(self.ty()?);
                    while self.cursor.accept(",")? {
                        types.push(self.ty()?);
                    }
                }
                types
            }
            // A direct callee may come later: its result types are filled in at the end.
            Operands::BySignature if op == Op::Call => vec![Type::I64; names.len()],
            Operands::BySignature => explicit.unwrap_or_default(),
        };
        if types.len() != names.len() {
            let message = format!("`{}` has {} results, {} are named", op.info().name, types.len(), names.len());
            return Err(self.cursor.error_at(start, message));
        }
        if self.cursor.peek().text.starts_with('@') {
            data.loc = SourceLoc(self.indexed("@", "a source, such as `@0`")?.0);
        }
        let inst = scope.func.make_inst(data, &types);
        if op == Op::Call {
            self.direct_calls.push((self.unit.functions.len(), inst, callee));
        }
        for (n, name) in names.into_iter().enumerate() {
            let value = scope.func.insts[inst.index()].results[n];
            debug_assert_eq!(scope.func.values[value.index()].def, ValueDef::Result(inst, n as u32));
            self.define(scope, name, value)?;
        }
        scope.func.blocks[block.index()].insts.push(inst);
        Ok(())
    }

    /// Immediate, operands and targets; for calls by a declared signature, also the result types.
    fn operands(&mut self, scope: &mut Scope<'s>, data: &mut InstData) -> Result<Option<Vec<Type>>> {
        match data.op.info().imm {
            ImmKind::Int => data.imm = Imm::Int(self.int_constant(data.ty)?),
            ImmKind::Float => data.imm = Imm::Float(self.float_constant()?),
            ImmKind::Slot => data.imm = Imm::Slot(self.number("an index")?),
            ImmKind::Mem => {
                let (region, token) = self.indexed("region", "an alias region, such as `region0`")?;
                if region as usize >= self.unit.regions.len() {
                    return Err(self.cursor.error_at(token, format!("region{region} is not declared")));
                }
                self.values(scope, data)?;
                // The lexer reads `-16` as a number and `- 16` as punctuation and a number: both are fine here.
                let negative = self.cursor.accept("-")?;
                if !negative && self.cursor.peek().kind == TokenKind::Punct {
                    self.cursor.expect("+")?;
                }
                let token = self.cursor.peek();
                let offset: i128 = self.number("a byte offset")?;
                let offset = i32::try_from(if negative { -offset } else { offset })
                    .map_err(|_| self.cursor.error_at(token, "the offset does not fit 32 bits"))?;
                data.imm = Imm::Mem { region: Region(region), offset };
                return Ok(None);
            }
            ImmKind::Func => {
                data.imm = Imm::Func(FuncRef(self.indexed("%", "a function, such as `%0`")?.0));
                data.args = self.list("(", ")", |p| p.value_use(scope))?.into();
                return Ok(None);
            }
            ImmKind::Callee => {
                data.imm = Imm::Callee(self.indexed("func", "a bytecode function, such as `func0`")?.0);
                data.args = self.list("(", ")", |p| p.value_use(scope))?.into();
                return Ok(None);
            }
            ImmKind::Sig | ImmKind::Helper => return self.signature_call(scope, data).map(Some),
            ImmKind::None | ImmKind::Jump | ImmKind::Branch | ImmKind::Switch => {}
        }
        let fixed = match data.op.info().args {
            Operands::Fixed(patterns) => !patterns.is_empty(),
            Operands::BySignature => true,
        };
        if fixed && self.cursor.peek().text.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok()) {
            self.values(scope, data)?;
        }
        match data.op.info().imm {
            ImmKind::Jump => data.targets.push(self.block_call(scope)?),
            ImmKind::Branch => {
                self.cursor.expect(",")?;
                data.targets.push(self.block_call(scope)?);
                self.cursor.expect(",")?;
                data.targets.push(self.block_call(scope)?);
            }
            ImmKind::Switch => {
                self.cursor.expect(",")?;
                data.targets.push(self.block_call(scope)?);
                let ty = data.ty;
                for (case, target) in self.list("[", "]", |p| {
                    let case = p.int_constant(ty)?;
                    p.cursor.expect(":")?;
                    Ok((case, p.block_call(scope)?))
                })? {
                    data.cases.push(case);
                    data.targets.push(target);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Values with commas between; stops before a comma that a block follows.
    fn values(&mut self, scope: &mut Scope<'s>, data: &mut InstData) -> Result<()> {
        let count = match data.op.info().args {
            Operands::Fixed(patterns) => patterns.len(),
            Operands::BySignature => usize::MAX,
        };
        let mut values: SmallVec<[Value; 3]> = SmallVec::new();
        loop {
            values.push(self.value_use(scope)?);
            if values.len() == count || count == usize::MAX && self.cursor.peek().text != "," {
                break;
            }
            self.cursor.expect(",")?;
        }
        data.args = values;
        Ok(())
    }

    fn signature_call(&mut self, scope: &mut Scope<'s>, data: &mut InstData) -> Result<Vec<Type>> {
        let (imm, token) = if data.op.info().imm == ImmKind::Sig {
            let (n, token) = self.indexed("sig", "a signature, such as `sig0`")?;
            (Imm::Sig(SigRef(n)), token)
        } else {
            let (n, token) = self.indexed("helper", "a helper, such as `helper0`")?;
            (Imm::Helper(HelperRef(n)), token)
        };
        data.imm = imm;
        if data.op != Op::RuntimeCall {
            data.args.push(self.value_use(scope)?);
        }
        data.args.extend(self.list("(", ")", |p| p.value_use(scope))?);
        match self.unit.call_signature(data) {
            Some(signature) => Ok(signature.results.clone()),
            None => Err(self.cursor.error_at(token, format!("{} is not declared", token.text))),
        }
    }

    /// An integer that fits the type, signed or unsigned.
    fn int_constant(&mut self, ty: Type) -> Result<u64> {
        let token = self.cursor.peek();
        let value: i128 = self.number("an integer")?;
        let low = -(1i128 << (ty.bits() - 1));
        if value < low || value > i128::from(ty.mask()) {
            return Err(self.cursor.error_at(token, format!("{value} does not fit {ty}")));
        }
        Ok(value as u64 & ty.mask())
    }

    fn float_constant(&mut self) -> Result<u64> {
        let token = self.cursor.peek();
        let expected = "a float such as `1.5`, `-0.0`, `inf` or `nan:0x7ff8000000000000`";
        if token.text == "nan" {
            self.cursor.advance()?;
            self.cursor.expect(":")?;
            let place = self.cursor.peek();
            let bits: u64 = self.number("the bits of a NaN")?;
            if !f64::from_bits(bits).is_nan() {
                return Err(self.cursor.error_at(place, "these are not the bits of a NaN"));
            }
            return Ok(bits);
        }
        if !matches!(token.kind, TokenKind::Number | TokenKind::Word) {
            return Err(self.cursor.unexpected(expected));
        }
        match token.text.parse::<f64>() {
            Ok(value) if !value.is_nan() => {
                self.cursor.advance()?;
                Ok(value.to_bits())
            }
            _ => Err(self.cursor.unexpected(expected)),
        }
    }
}

/// A decimal or `0x` integer with an optional sign and `_` between digits.
fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.replace('_', "");
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16),
        None if digits.starts_with(['+', '-']) => return None,
        None => digits.parse(),
    }
    .ok()?;
    Some(if negative { -magnitude } else { magnitude })
}
