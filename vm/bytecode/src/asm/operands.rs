//! Operands of an instruction, read as the table declares them.

use super::{Assembler, Body, Call, Result, function_name, hints};
use crate::{
    BinOp, Capture, Count, FuncId, Instr, Kind, Op, OpInfo, Reg, Role, Sem, StrId, Template, UpvalueId, Value, number,
};
use lockstep_text::TokenKind;

/// The instruction a mnemonic stands for; `const.f64` is always a constant of the pool, and `const.any` depends on its operand.
pub fn mnemonic(text: &str) -> Option<Op> {
    Op::from_mnemonic(text).or(match text {
        "const.f64" => Some(Op::PoolF64),
        "const.any" => Some(Op::NilAny),
        _ => None,
    })
}

/// The form of `info` that takes a number as operand `index`, where that is a register.
fn immediate_form(info: &OpInfo, index: usize) -> Option<Op> {
    let sem = match info.sem {
        Sem::Binary(op) => Sem::BinaryImm(op),
        Sem::Branch(cc) => Sem::BranchImm(cc),
        Sem::Arith(op) => Sem::ArithImm(op),
        Sem::AnyBranch(test) => Sem::AnyBranchImm(test),
        _ => return None,
    };
    let op = Op::find(sem, info.kind, info.from)?;
    op.info().operands.get(index).filter(|operand| !operand.role.is_register()).map(|_| op)
}

impl<'s> Assembler<'s> {
    /// `const.any dst, VALUE`: nil, a truth value, a number or a string.
    pub(super) fn any_constant(&mut self, body: &mut Body<'s>) -> Result<Instr> {
        let dst = self.register(body, Op::NilAny, "dst")?;
        if !self.cursor.accept(",")? {
            return Err(self.cursor.unexpected("`,` and a value"));
        }
        let token = self.cursor.peek();
        let integer = number::parse_integer(token.text).and_then(|value| i64::try_from(value).ok());
        Ok(match (token.kind, token.text) {
            (TokenKind::String, _) => Instr::StringAny { dst, value: self.string(body)? },
            (TokenKind::Word, "nil") => {
                self.cursor.advance()?;
                Instr::NilAny { dst }
            }
            (TokenKind::Word, "true" | "false") => {
                self.cursor.advance()?;
                Instr::BoolAny { dst, value: token.text == "true" }
            }
            (TokenKind::Number, _) if integer.is_some() => {
                self.cursor.advance()?;
                let value = integer.unwrap_or_default();
                match i32::try_from(value) {
                    Ok(value) => Instr::IntAny { dst, value },
                    Err(_) => Instr::PoolIntAny { dst, value: body.builder.constant(value as u64) },
                }
            }
            (TokenKind::Number | TokenKind::Word, text) if number::parse_f64(text).is_some() => {
                self.cursor.advance()?;
                let bits = number::parse_f64(text).unwrap_or_default();
                Instr::PoolFloatAny { dst, value: body.builder.constant(bits) }
            }
            _ => return Err(self.cursor.unexpected("nil, true, false, a number or a string in quotes")),
        })
    }

    /// A string constant in quotes.
    fn string(&mut self, body: &mut Body<'s>) -> Result<StrId> {
        let token = self.cursor.peek();
        let bytes = self.cursor.expect_bytes("a string in quotes")?;
        let id = body.builder.string(&bytes);
        id.ok_or_else(|| self.cursor.error_at(token, "a function has at most 65,536 string constants"))
    }

    /// An upvalue of the function: its number, or its name in quotes.
    fn upvalue(&mut self, body: &Body<'s>) -> Result<UpvalueId> {
        let token = self.cursor.peek();
        let found = match token.kind {
            TokenKind::String => body.builder.find_upvalue(&self.cursor.expect_string("an upvalue")?),
            _ => {
                self.cursor.expect_kind(TokenKind::Number, "an upvalue: its number, or its name in quotes")?;
                number::parse_integer(token.text).and_then(|n| u8::try_from(n).ok()).map(UpvalueId)
            }
        };
        found.ok_or_else(|| {
            let message = format!("there is no upvalue {}", token.describe());
            self.cursor.error_at(token, message).hint("declare it with `.upvalue \"name\"`")
        })
    }

    /// `function(register or upvalue N, …)`.
    fn template(&mut self, body: &mut Body<'s>) -> Result<Value> {
        let at = self.cursor.peek();
        let func = self.callee()?;
        let mut captures = Vec::new();
        self.cursor.expect("(")?;
        if !self.cursor.accept(")")? {
            loop {
                captures.push(match self.cursor.accept("upvalue")? {
                    true => Capture::Upvalue(self.upvalue(body)?),
                    false => Capture::Register(self.register(body, Op::ClosureAny, "capture")?),
                });
                if self.cursor.accept(")")? {
                    break;
                }
                if !self.cursor.accept(",")? {
                    return Err(self.cursor.unexpected("`,` or `)`"));
                }
            }
        }
        let template = body.builder.template(Template { func, captures });
        let id = template.ok_or_else(|| self.cursor.error_at(at, "a function has at most 65,536 closure templates"))?;
        Ok(Value::Template(id))
    }

    /// A number of values: `3`, `open` or `open 3`.
    fn count(&mut self) -> Result<Value> {
        let is_open = self.cursor.accept("open")?;
        let token = self.cursor.peek();
        let mut number = Some(0);
        if !is_open || token.kind == TokenKind::Number {
            self.cursor.expect_kind(TokenKind::Number, "a number of values, or `open`")?;
            number = number::parse_integer(token.text).and_then(|n| u8::try_from(n).ok());
        }
        let count = number.and_then(|n| if is_open { Count::open(n) } else { Count::exactly(n) });
        let count = count.ok_or_else(|| {
            let most = Count::MOST;
            self.cursor.error_at(token, format!("`{}` is out of range", token.text)).expected(format!("at most {most}"))
        })?;
        Ok(Value::Count(count))
    }

    pub(super) fn operands(&mut self, body: &mut Body<'s>, mut op: Op) -> Result<Instr> {
        let mut values = Vec::with_capacity(4);
        let mut is_first = true;
        while let Some(operand) = op.info().operands.get(values.len()) {
            match operand.role {
                Role::Seen => {
                    values.push(Value::Seen);
                    continue;
                }
                Role::Site => {
                    let site = body.builder.site();
                    values.push(Value::Site(
                        site.ok_or_else(|| self.cursor.unexpected("no more calls and accesses by name"))?,
                    ));
                    continue;
                }
                _ => {}
            }
            if !std::mem::take(&mut is_first) && !self.cursor.accept(",")? {
                return Err(self.cursor.unexpected(format!("`,` and operand `{}` of `{op}`", operand.name)));
            }
            if operand.role.is_register() && self.cursor.peek().kind == TokenKind::Number {
                op = immediate_form(op.info(), values.len()).unwrap_or(op);
            }
            let operand = op.info().operands[values.len()];
            let role = operand.role;
            match role {
                Role::Reads | Role::Writes => values.push(self.count()?),
                Role::Str => values.push(Value::Str(self.string(body)?)),
                Role::Args => {
                    let (first, callee) = self.call(body)?;
                    values.extend([Value::Reg(first), callee]);
                }
                Role::Imm32 | Role::ImmU32 | Role::Imm16 | Role::ImmU16 | Role::Imm8 | Role::ImmU8 => {
                    match self.immediate(op, role)? {
                        Some(value) => values.push(Value::Imm(value)),
                        None => {
                            op = Op::find(Sem::Pool, op.info().kind, None).unwrap_or(op);
                            values.push(self.constant(body, op)?);
                        }
                    }
                }
                Role::Flag => {
                    let value = self.cursor.peek().text == "true";
                    if !value && self.cursor.peek().text != "false" {
                        return Err(self.cursor.unexpected("`true` or `false`"));
                    }
                    self.cursor.advance()?;
                    values.push(Value::Imm(i64::from(value)));
                }
                Role::Pool => values.push(self.constant(body, op)?),
                Role::Label => values.push(Value::Label(self.label_reference(body)?.target())),
                Role::Table => values.push(self.jump_table(body)?),
                Role::Func => break, // read with the arguments
                Role::Upvalue => values.push(Value::Upvalue(self.upvalue(body)?)),
                Role::Template => values.push(self.template(body)?),
                Role::Seen | Role::Site => break, // not written
                _ => values.push(Value::Reg(self.register(body, op, operand.name)?)),
            }
        }
        // Counts, types and ranges were checked one by one.
        Instr::build(op, &values)
            .ok_or_else(|| self.cursor.unexpected(format!("operands as docs/bytecode.md lists them for `{op}`")))
    }

    fn register(&mut self, body: &Body<'s>, op: Op, operand: &str) -> Result<Reg> {
        let token = self.cursor.peek();
        if token.kind != TokenKind::Word {
            return Err(self.cursor.unexpected(format!("a register, operand `{operand}` of `{op}`")));
        }
        let numbered = token.text.strip_prefix('r').and_then(|n| n.parse::<u32>().ok());
        let reg = match numbered {
            Some(n) if (n as usize) < body.register_count => Some(Reg(n as u8)),
            Some(_) => {
                let count = body.register_count;
                return Err(self
                    .cursor
                    .error_at(token, format!("there is no register `{}`", token.text))
                    .hint(format!("{count} registers are declared so far; declare more with `reg KIND`")));
            }
            None => body.registers.get(token.text).copied(),
        };
        let Some(reg) = reg else {
            let error = self.cursor.error_at(token, format!("there is no register `{}`", token.text));
            return Err(match hints::nearest(token.text, body.registers.keys().copied()) {
                Some(name) => error.hint(format!("did you mean `{name}`?")),
                None => error.hint(format!("declare it with `reg {}: KIND`", token.text)),
            });
        };
        self.cursor.advance()?;
        Ok(reg)
    }

    /// A number in the range of `role`, or `None` (and nothing read) if it does not fit but the pool has a form for it.
    fn immediate(&mut self, op: Op, role: Role) -> Result<Option<i64>> {
        let (least, greatest) = role.immediate_range().unwrap_or((i64::MIN, i64::MAX));
        let token = self.cursor.peek();
        if token.kind != TokenKind::Number {
            return Err(self.cursor.unexpected(format!("a number from {least} to {greatest}")));
        }
        let value = number::parse_integer(token.text);
        if let Some(value) = value.and_then(|value| i64::try_from(value).ok())
            && (least..=greatest).contains(&value)
        {
            self.cursor.advance()?;
            return Ok(Some(value));
        }
        let info = op.info();
        if info.sem == Sem::Const && Op::find(Sem::Pool, info.kind, None).is_some() {
            return Ok(None);
        }
        let error = match value {
            Some(_) => self.cursor.error_at(token, format!("`{}` is out of range", token.text)),
            None => self.cursor.error_at(token, format!("`{}` is not an integer", token.text)),
        };
        let error = error.expected(format!("a number from {least} to {greatest}"));
        Err(match info.sem {
            Sem::BinaryImm(BinOp::Add | BinOp::Sub) if info.kind.is_some_and(|kind| !kind.is_signed()) => {
                error.hint("unsigned kinds take unsigned constants; use `subi` to subtract and `addi` to add")
            }
            Sem::BinaryImm(_) | Sem::BranchImm(_) | Sem::ArithImm(_) | Sem::AnyBranchImm(_) => {
                error.hint("put it in a register with `const`")
            }
            _ => error,
        })
    }

    /// A constant of the pool, of the kind `op` loads.
    fn constant(&mut self, body: &mut Body<'s>, op: Op) -> Result<Value> {
        let token = self.cursor.peek();
        let kind = op.info().pool_kind().unwrap_or(Kind::U64);
        let is_value = matches!(token.kind, TokenKind::Number | TokenKind::Word);
        let bits = match kind {
            Kind::F64 => number::parse_f64(token.text),
            Kind::I64 => number::parse_integer(token.text).and_then(|v| i64::try_from(v).ok()).map(|v| v as u64),
            _ => number::parse_integer(token.text).and_then(|v| u64::try_from(v).ok()),
        };
        let Some(bits) = bits.filter(|_| is_value) else {
            let what = match kind {
                Kind::F64 => "a float: decimal, hexadecimal (0x1.8p3), `inf`, `-inf` or `nan`".to_owned(),
                kind => format!("an integer of kind {kind}"),
            };
            return Err(self.cursor.unexpected(what));
        };
        self.cursor.advance()?;
        Ok(Value::Pool(body.builder.constant(bits)))
    }

    fn label_reference(&mut self, body: &mut Body<'s>) -> Result<crate::builder::Label> {
        let token = self.cursor.expect_kind(TokenKind::Word, "a label")?;
        Ok(body.mention(token))
    }

    /// `[label, …], default`.
    fn jump_table(&mut self, body: &mut Body<'s>) -> Result<Value> {
        self.cursor.expect("[")?;
        let mut targets = Vec::new();
        if !self.cursor.accept("]")? {
            loop {
                targets.push(self.label_reference(body)?);
                if self.cursor.accept("]")? {
                    break;
                }
                if !self.cursor.accept(",")? {
                    return Err(self.cursor.unexpected("`,` or `]`"));
                }
            }
        }
        if !self.cursor.accept(",")? {
            return Err(self.cursor.unexpected("`,` and the label for every other value"));
        }
        let default = self.label_reference(body)?;
        Ok(Value::Table(body.builder.table(&targets, default)))
    }

    /// The name of a function of the module.
    fn callee(&mut self) -> Result<FuncId> {
        let at = self.cursor.peek();
        let name = function_name(&mut self.cursor)?;
        let found = self.functions.get(&name).copied();
        found.ok_or_else(|| {
            let error = self.cursor.error_at(at, format!("there is no function {}", at.describe()));
            match hints::nearest(&name, self.functions.keys().map(String::as_str)) {
                Some(name) => error.hint(format!("did you mean `{name}`?")),
                None => error,
            }
        })
    }

    /// `function(register, …)`.
    fn call(&mut self, body: &Body<'s>) -> Result<(Reg, Value)> {
        let at = self.cursor.peek();
        let callee = self.callee()?;
        self.cursor.expect("(")?;
        let mut arguments: Vec<Reg> = Vec::new();
        if !self.cursor.accept(")")? {
            loop {
                let token = self.cursor.peek();
                let reg = self.register(body, Op::Call, "args")?;
                if arguments.last().is_some_and(|last| last.index() + 1 != reg.index()) {
                    let name = token.text;
                    return Err(self
                        .cursor
                        .error_at(token, format!("`{name}` does not stand after the argument before it"))
                        .expected("arguments in consecutive registers"));
                }
                arguments.push(reg);
                if self.cursor.accept(")")? {
                    break;
                }
                if !self.cursor.accept(",")? {
                    return Err(self.cursor.unexpected("`,` or `)`"));
                }
            }
        }
        self.calls.push(Call { callee, arguments: arguments.len(), at });
        Ok((arguments.first().copied().unwrap_or_default(), Value::Func(callee)))
    }
}
