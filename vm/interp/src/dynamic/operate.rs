//! Operations on values that are not two integers or two floats: coercions, mixed numbers, strings, metamethods, and their errors.

use lockstep_bytecode::{AnyOp, AnyUnOp, ErrorKind, Reg, Seen, Test};
use lockstep_layout::{FrameFlags, Slot, Tag};
use lockstep_runtime::{
    ArithError, ArithOp, Metamethod, TableRef, arith, raw_equal, raw_less, raw_less_equal, to_number, type_name,
};

use super::numbers::operation;
use super::{Go, Here, Outcome, Verdict, no_memory, see, see_at};
use crate::slots::{read, slot_at};

impl Here<'_> {
    /// A binary operation.
    ///
    /// # Safety
    /// The registers are those of a running activation at such an instruction; nobody else uses the VM.
    #[cold]
    #[inline(never)]
    pub unsafe fn operate(&mut self, op: AnyOp) -> Outcome {
        // SAFETY: the caller says so: the operands are three registers.
        unsafe { self.arithmetic(operation(op), read(self.operand(1)), read(self.operand(2)), 3) }
    }

    /// A binary operation with an immediate operand.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    #[inline(never)]
    pub unsafe fn operate_imm(&mut self, op: AnyOp) -> Outcome {
        // SAFETY: the caller says so: the operands are two registers and a number.
        unsafe { self.arithmetic(operation(op), read(self.operand(1)), self.immediate(), 4) }
    }

    /// A unary operation.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    #[inline(never)]
    pub unsafe fn unary(&mut self, op: AnyUnOp) -> Outcome {
        // SAFETY: the caller says so: the operands are two registers. As Lua does, the second stands for both.
        unsafe {
            let a = *self.operand(1);
            match op {
                AnyUnOp::Neg => self.arithmetic(ArithOp::Unm, a, a, 2),
                AnyUnOp::Bnot => self.arithmetic(ArithOp::BNot, a, a, 2),
                AnyUnOp::Len => self.len(a),
                AnyUnOp::Not => unreachable!("`not` needs no slow path"),
            }
        }
    }

    /// An operation of an instruction that keeps what was seen at `place`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn arithmetic(&mut self, op: ArithOp, a: Slot, b: Slot, place: usize) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let result = if self.strings_have_methods(op, a, b) { Err(ArithError::Operand) } else { arith(op, a, b) };
            match result {
                Ok(value) => {
                    see_at(self.s.ip, place, self.seen(a, b));
                    self.operand(0).write(value);
                    Ok(Go::Next)
                }
                Err(error @ (ArithError::DivideByZero | ArithError::ModuloByZero)) => {
                    let message = error.message().unwrap_or_default();
                    match a.is(Tag::STRING) || b.is(Tag::STRING) {
                        // Lua's strings do arithmetic in metamethods of the library, whose errors have no position.
                        true => Err(self.throw_text(message)),
                        false => self.fail(ErrorKind::DivideByZero, message.to_owned()),
                    }
                }
                Err(error) => match self.binary_metamethod(op.metamethod(), a, b, 0)? {
                    Some(outcome) => Ok(outcome),
                    None => self.no_operand(op, error, a, b),
                },
            }
        }
    }

    /// Whether an operand is a string, and what strings do in this operation is for their metatable to say.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn strings_have_methods(&mut self, op: ArithOp, a: Slot, b: Slot) -> bool {
        // SAFETY: the caller says so.
        unsafe {
            let string = [a, b].into_iter().find(|operand| operand.is(Tag::STRING));
            !op.is_bitwise() && string.is_some_and(|string| self.heap().metatable(string).is_some())
        }
    }

    /// Which kinds of numbers two operands are.
    fn seen(&self, a: Slot, b: Slot) -> Seen {
        match (Tag(a.tag), Tag(b.tag)) {
            (Tag::I64, Tag::I64) => Seen::INT,
            (Tag::F64, Tag::F64) => Seen::FLOAT,
            (Tag::STRING, _) | (_, Tag::STRING) => Seen::STRING,
            _ if a.is_number() && b.is_number() => Seen::MIXED,
            _ => Seen::OTHER,
        }
    }

    /// Calls the metamethod of the first operand that has it; `None` if neither has.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn binary_metamethod(
        &mut self,
        event: Metamethod,
        a: Slot,
        b: Slot,
        flags: u32,
    ) -> Result<Option<Go>, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let heap = self.heap();
            let mut method = heap.metamethod(a, event);
            if method.is_nil() {
                method = heap.metamethod(b, event);
            }
            if method.is_nil() {
                return Ok(None);
            }
            see(self.s.ip, Seen::METAMETHOD);
            self.store_pc();
            self.stage_values(&[a, b]);
            self.call_value(method, flags).map(Some)
        }
    }

    /// No metamethod helps: blames the operand that is at fault, the first if both are, as Lua does.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    unsafe fn no_operand(&mut self, op: ArithOp, error: ArithError, a: Slot, b: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            if error == ArithError::NoInteger {
                let culprit = if to_number(a).as_f64().is_some_and(|x| lockstep_runtime::float_to_integer(x).is_none())
                {
                    "a"
                } else {
                    "b"
                };
                let name = self.named(culprit).map_or(String::new(), |reg| self.describe(reg));
                return self.fail(ErrorKind::Conversion, format!("number{name} has no integer representation"));
            }
            let strings = a.is(Tag::STRING) || b.is(Tag::STRING);
            if strings && !op.is_bitwise() && !self.strings_have_methods(op, a, b) {
                // The metamethods of Lua's strings word it so.
                let event = op.metamethod().name().trim_start_matches("__");
                let message = format!("attempt to {event} a '{}' with a '{}'", type_name(a), type_name(b));
                return self.fail(ErrorKind::TypeError, message);
            }
            let (culprit, operand) = if a.is_number() { (b, "b") } else { (a, "a") };
            let name = self.named(operand).or_else(|| self.named("a")).map_or(String::new(), |reg| self.describe(reg));
            let what = if op.is_bitwise() { "perform bitwise operation on" } else { "perform arithmetic on" };
            let message = format!("attempt to {what} a {} value{name}", self.type_of(culprit));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// A checked move found a value of another kind.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    #[inline(never)]
    pub unsafe fn not_of_kind(&mut self, wanted: Tag, found: Slot, reg: Reg) -> ErrorKind {
        // SAFETY: the caller says so.
        unsafe {
            let wanted = match wanted {
                Tag::I64 => "integer",
                Tag::F64 => "float",
                _ => "boolean",
            };
            let found = match Tag(found.tag) {
                Tag::I64 => "integer".to_owned(),
                Tag::F64 => "float".to_owned(),
                _ => self.type_of(found),
            };
            let message = format!("{wanted} expected, got {found}{}", self.describe(reg));
            self.vm().set_message(message);
            ErrorKind::TypeError
        }
    }

    /// The register of the operand called `name`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn named(&self, name: &str) -> Option<Reg> {
        // SAFETY: the caller says so.
        let instr = unsafe { self.instr() };
        instr.declared().find(|(operand, _)| operand.name == name).and_then(|(_, value)| value.reg())
    }

    /// `#a`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn len(&mut self, a: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            let method = self.heap().metamethod(a, Metamethod::Len);
            if !method.is_nil() {
                see(self.s.ip, Seen::METAMETHOD);
                self.store_pc();
                self.stage_values(&[a, a]);
                return self.call_value(method, 0);
            }
            if let Some(table) = TableRef::from_slot(a) {
                see(self.s.ip, Seen::ARRAY);
                self.operand(0).write(Slot::i64(table.len()));
                return Ok(Go::Next);
            }
            let name = self.named("a").map_or(String::new(), |reg| self.describe(reg));
            let message = format!("attempt to get length of a {} value{name}", self.type_of(a));
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// A comparison of two registers, the first being operand number `first`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[inline(never)]
    pub unsafe fn compare(&mut self, test: Test, first: usize) -> Result<Verdict, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe { self.relate(test, read(self.operand(first)), read(self.operand(first + 1)), first + 2) }
    }

    /// A comparison of a register and an immediate operand.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    #[inline(never)]
    pub unsafe fn compare_imm(&mut self, test: Test) -> Result<Verdict, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe { self.relate(test, read(self.operand(0)), self.immediate(), 2) }
    }

    /// A comparison of an instruction that keeps what was seen at `place`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    unsafe fn relate(&mut self, test: Test, a: Slot, b: Slot, place: usize) -> Result<Verdict, ErrorKind> {
        let is_negation = super::calls::is_negation(test);
        let (a, b) = match test {
            Test::Gt | Test::NotGt | Test::Ge | Test::NotGe => (b, a),
            _ => (a, b),
        };
        // SAFETY: the caller says so.
        unsafe {
            let (event, holds) = match test {
                Test::Eq | Test::Ne => {
                    let same = raw_equal(a, b);
                    let objects = a.tag == b.tag && (a.is(Tag::TABLE) || a.is(Tag::USERDATA));
                    (Metamethod::Eq, if same || !objects { Some(same) } else { None })
                }
                Test::Lt | Test::NotLt | Test::Gt | Test::NotGt => (Metamethod::Lt, raw_less(a, b)),
                Test::Le | Test::NotLe | Test::Ge | Test::NotGe => (Metamethod::Le, raw_less_equal(a, b)),
            };
            if let Some(holds) = holds {
                see_at(self.s.ip, place, self.seen(a, b));
                return Ok(Verdict::Holds(holds != is_negation));
            }
            match self.binary_metamethod(event, a, b, 0)? {
                Some(go) => Ok(Verdict::Go(go)),
                None if event == Metamethod::Eq => Ok(Verdict::Holds(is_negation)),
                None => self.not_comparable(a, b),
            }
        }
    }

    /// # Safety
    /// As for [`Here::operate`].
    #[cold]
    unsafe fn not_comparable(&mut self, a: Slot, b: Slot) -> Result<Verdict, ErrorKind> {
        // SAFETY: the caller says so.
        unsafe {
            let (a, b) = (self.type_of(a), self.type_of(b));
            let message = match a == b {
                true => format!("attempt to compare two {a} values"),
                false => format!("attempt to compare {a} with {b}"),
            };
            self.fail(ErrorKind::TypeError, message)
        }
    }

    /// `concat` of the first `count` values of the group: from the right, as many strings and numbers at once as there are.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[inline(never)]
    pub unsafe fn concat(&mut self, values: Reg, mut count: usize) -> Outcome {
        // SAFETY: the caller says so; the group has so many registers.
        unsafe {
            self.store_pc();
            let slots = slot_at(self.s.frame, values);
            let is_piece = |value: Slot| value.is(Tag::STRING) || value.is_number();
            while count > 1 {
                let run = (0..count).rev().take_while(|&i| is_piece(*slots.add(i))).count();
                if run >= 2 {
                    let first = count - run;
                    let pieces = std::slice::from_raw_parts(slots.add(first), run);
                    let string = self.heap().concat(pieces).map_err(no_memory)?;
                    let Some(string) = string else { unreachable!("strings and numbers can be put together") };
                    slots.add(first).write(string.slot());
                    count = first + 1;
                    continue;
                }
                let (a, b) = (*slots.add(count - 2), *slots.add(count - 1));
                let flags = ((count - 2) as u32) << FrameFlags::AUX_SHIFT;
                return match self.binary_metamethod(Metamethod::Concat, a, b, flags)? {
                    Some(go) => Ok(go),
                    None => {
                        let at = if is_piece(a) { count - 1 } else { count - 2 };
                        let culprit = *slots.add(at);
                        let name = self.describe(Reg(values.0 + at as u8));
                        let message = format!("attempt to concatenate a {} value{name}", self.type_of(culprit));
                        self.fail(ErrorKind::TypeError, message)
                    }
                };
            }
            Ok(Go::Next)
        }
    }

    /// `print`.
    ///
    /// # Safety
    /// As for [`Here::operate`].
    #[inline(never)]
    pub unsafe fn print(&mut self, value: Slot) -> Outcome {
        // SAFETY: the caller says so.
        unsafe {
            self.store_pc();
            let spelling = self.heap().spelling(value).map_err(no_memory)?;
            let text = match spelling {
                Some(string) => string.bytes(),
                None => type_name(value).as_bytes(),
            };
            // Writing may collect.
            let kept = self.heap().kept();
            spelling.into_iter().for_each(|string| self.heap().keep(string.slot()));
            let written = self.vm().write_line(text);
            self.heap().release_to(kept);
            written.map_err(no_memory)?;
            Ok(Go::Next)
        }
    }
}
