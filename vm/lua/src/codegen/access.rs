//! Fields, indices and calls: chains of suffixes, from the innermost outwards.

use lockstep_bytecode::{Count, Instr, Reg};

use super::{FunctionCode, Made, exactly, unseen};
use crate::syntax::ast::{Expr, ExprId};

/// What a chain of suffixes is wanted for.
#[derive(Clone, Copy)]
pub enum Want {
    /// One value in this register.
    One(Reg),
    /// So many results of the call at its end, in the next registers, which are then reserved.
    Several(u8),
    /// All results of the call at its end, as the open list.
    Open,
    /// All results of the call at its end are the function's.
    Return,
}

impl FunctionCode<'_> {
    /// The values of an open expression, as the open list.
    pub(super) fn open(&mut self, id: ExprId) -> Made {
        match self.chunk.expr(id) {
            Expr::Vararg => {
                let count = Count::open(0).expect("nothing but the open list");
                self.emit(self.chunk.line(id), Instr::VarargAny { values: Reg(0), count });
                Ok(())
            }
            _ => self.suffixed(id, Want::Open),
        }
    }

    /// A chain of suffixes.
    pub(super) fn suffixed(&mut self, id: ExprId, want: Want) -> Made {
        let mut chain = vec![id];
        let root = loop {
            let inner = match self.chunk.expr(chain[chain.len() - 1]) {
                Expr::Index { object, .. } | Expr::Method { object, .. } => *object,
                Expr::Call { callee, .. } => *callee,
                _ => break chain.pop().expect("the loop ends at a root"),
            };
            chain.push(inner);
        };
        // Values in between go to one temporary on top of all others; calls are made there.
        let before = self.free;
        let top = match want {
            Want::One(dst) if self.is_top(dst) => dst,
            _ => self.reserve(1)?,
        };
        let first_is_call = matches!(self.chunk.expr(*chain.last().expect("there is a suffix")), Expr::Call { .. });
        let mut value = match self.chunk.expr(root) {
            Expr::Local(local) if !first_is_call => self.register_of(*local),
            _ => {
                self.to(root, top)?;
                top
            }
        };
        while let Some(id) = chain.pop() {
            let line = self.chunk.line(id);
            let is_last = chain.is_empty();
            match self.chunk.expr(id) {
                Expr::Index { key, .. } => {
                    let dst = match want {
                        Want::One(dst) if is_last => dst,
                        _ => top,
                    };
                    self.get(dst, value, *key, line)?;
                    value = dst;
                }
                Expr::Call { args, .. } => {
                    self.call(top, 0, args, if is_last { Some(want) } else { None }, line)?;
                    value = top;
                }
                Expr::Method { name, args, .. } => {
                    self.method(top, value, name, line)?;
                    self.call(top, 1, args, if is_last { Some(want) } else { None }, line)?;
                    value = top;
                }
                _ => unreachable!("the chain holds suffixes"),
            }
            self.release(top.index() + 1);
        }
        match want {
            Want::One(dst) => {
                if value != dst {
                    self.emit(self.chunk.line(id), Instr::MoveAny { dst, a: value });
                }
                self.release(before);
            }
            Want::Several(count) => {
                self.release(before);
                self.reserve(usize::from(count))?;
            }
            Want::Open | Want::Return => self.release(before),
        }
        Ok(())
    }

    /// Reads a field.
    fn get(&mut self, dst: Reg, object: Reg, key: ExprId, line: u32) -> Made {
        match self.name_of(key).map(<[u8]>::to_vec) {
            Some(name) => {
                let (name, site) = (self.string(&name)?, self.site()?);
                self.emit(line, Instr::GetNameAny { dst, object, name, site });
            }
            None => {
                let key = self.operand(key, None)?;
                self.emit(line, Instr::GetAny { dst, object, key, seen: unseen() });
            }
        }
        Ok(())
    }

    /// Sets a field to a value in a register.
    pub(super) fn set(&mut self, object: Reg, key: Key, value: Reg, line: u32) -> Made {
        match key {
            Key::Name(key) => {
                let name = self.name_of(key).expect("it was seen to be a name").to_vec();
                let (name, site) = (self.string(&name)?, self.site()?);
                self.emit(line, Instr::SetNameAny { object, value, name, site });
            }
            Key::Register(key) => self.emit(line, Instr::SetAny { object, key, value, seen: unseen() }),
        }
        Ok(())
    }

    /// The key of an access, evaluated if it is no name.
    pub(super) fn key(&mut self, key: ExprId) -> Made<Key> {
        match self.name_of(key) {
            Some(_) => Ok(Key::Name(key)),
            None => self.operand(key, None).map(Key::Register),
        }
    }

    /// Sets a field to the value of an expression.
    pub(super) fn set_field(&mut self, object: Reg, key: ExprId, value: ExprId, line: u32) -> Made {
        let key = self.key(key)?;
        let value = self.operand(value, None)?;
        self.set(object, key, value, line)
    }

    /// The method and its object come to `base` and behind it.
    fn method(&mut self, base: Reg, object: Reg, name: &[u8], line: u32) -> Made {
        if name.len() <= lockstep_bytecode::LONGEST_NAME {
            self.reserve(1)?;
            let (name, site) = (self.string(name)?, self.site()?);
            self.emit(line, Instr::MethodAny { base, object, name, site });
            return Ok(());
        }
        let receiver = self.reserve(1)?;
        self.emit(line, Instr::MoveAny { dst: receiver, a: object });
        let key = self.reserve(1)?;
        let value = self.string(name)?;
        self.emit(line, Instr::StringAny { dst: key, value });
        self.emit(line, Instr::GetAny { dst: base, object: receiver, key, seen: unseen() });
        self.release(key.index());
        Ok(())
    }

    /// Calls what is at `base`; `given` arguments are behind it already. Without a wish, one result comes to `base`.
    fn call(&mut self, base: Reg, given: usize, args: &[ExprId], want: Option<Want>, line: u32) -> Made {
        let args = self.arguments(args, given)?;
        if let Some(Want::Return) = want {
            self.emit(line, Instr::TailCallAny { base, args });
            return Ok(());
        }
        let results = match want {
            Some(Want::Several(count)) => exactly(count),
            Some(Want::Open) => Count::open(0).expect("nothing but the open list"),
            _ => exactly(1),
        };
        let last = base.index() + results.fixed();
        if last > self.free {
            let before = self.free;
            self.reserve(last - before)?;
        }
        let site = self.site()?;
        self.emit(line, Instr::CallAny { base, args, results, site });
        Ok(())
    }

    /// Arguments into the next registers; how many there are, with those `given`.
    pub(super) fn arguments(&mut self, args: &[ExprId], given: usize) -> Made<Count> {
        let mut is_open = false;
        for (index, arg) in args.iter().enumerate() {
            if index + 1 == args.len() && self.chunk.is_open(*arg) {
                self.open(*arg)?;
                is_open = true;
            } else {
                self.push(*arg)?;
            }
        }
        let fixed = u8::try_from(given + args.len() - usize::from(is_open)).unwrap_or(u8::MAX);
        let count = if is_open { Count::open(fixed) } else { Count::exactly(fixed) };
        count.ok_or_else(|| {
            super::error(self.chunk, self.builder_line(), "function or expression needs too many registers")
        })
    }
}

/// The key of an access.
#[derive(Clone, Copy)]
pub enum Key {
    /// A constant name.
    Name(ExprId),
    /// A value.
    Register(Reg),
}
