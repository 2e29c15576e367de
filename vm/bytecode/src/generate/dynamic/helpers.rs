//! Functions that many programs have alike: an iterator over a coroutine, one that counts, and a finalizer.

use super::tables::METHODS;
use super::{Choices, Class, Form, Shape};
use crate::{Count, FuncId, Function, FunctionBuilder, Instr, Kind, Op, Reg, Role, Value};

/// Which of them a program has.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Helpers {
    /// Resumes the coroutine of its upvalue, and returns what it yields; raises what it raises.
    pub wrapped: Option<FuncId>,
    /// Counts to its first argument.
    pub counting: Option<FuncId>,
    /// Makes a metatable whose metamethods are all its argument.
    pub methods: Option<FuncId>,
    /// Adds one to its upvalue.
    pub finalizer: Option<FuncId>,
}

pub(super) fn add(
    choices: &mut Choices,
    shapes: &mut Vec<Shape>,
    functions: &mut Vec<Function>,
    sees_collector: bool,
) -> Helpers {
    let mut helpers = Helpers::default();
    let mut put = |function: Function, params: Vec<Class>, upvalues: Vec<Class>| {
        let form = Form::Generic { params, is_vararg: false, upvalues, recursive: false };
        shapes.push(Shape { name: function.name.clone(), form });
        functions.push(function);
        Some(FuncId(functions.len() as u32 - 1))
    };
    if choices.one_in(3) {
        helpers.wrapped = put(wrapped(), vec![Class::Wild], vec![Class::Routine]);
    }
    if choices.one_in(3) {
        helpers.counting = put(counting(), vec![Class::Int, Class::Int], Vec::new());
    }
    if choices.below(8) != 0 {
        helpers.methods = put(methods(), vec![Class::Wild], Vec::new());
    }
    if sees_collector {
        helpers.finalizer = put(finalizer(), vec![Class::Wild], vec![Class::Int]);
    }
    helpers
}

/// A function in the making, of registers that are all `any`.
struct Plain(FunctionBuilder);

impl Plain {
    fn new(name: &str, params: usize, registers: usize, upvalue: Option<&str>) -> Plain {
        let mut builder = FunctionBuilder::new(name, None);
        builder.set_generic(false);
        for index in 0..registers {
            let made = if index < params { builder.param(Kind::Any, None) } else { builder.register(Kind::Any, None) };
            assert!(made.is_some(), "there are few registers");
        }
        upvalue.map(|name| builder.upvalue(name));
        Plain(builder)
    }

    fn emit(&mut self, op: Op, given: &[Value]) {
        emit(&mut self.0, op, given);
    }
}

/// Adds an instruction of these operands; those that assembly does not show are filled in.
pub(super) fn emit(builder: &mut FunctionBuilder, op: Op, given: &[Value]) -> Instr {
    let mut given = given.iter();
    let operands: Vec<Value> = (op.info().operands.iter())
        .map(|operand| match operand.role {
            Role::Seen => Value::Seen,
            Role::Site => Value::Site(builder.site().expect("functions are short")),
            _ => *given.next().unwrap_or_else(|| panic!("{op} has more operands")),
        })
        .collect();
    let instr = Instr::build(op, &operands).unwrap_or_else(|| panic!("{op} cannot be built of {operands:?}"));
    builder.emit(instr);
    instr
}

/// Exactly `n` values.
pub(super) fn exactly(n: usize) -> Value {
    Value::Count(Count::exactly(n as u8).expect("a group is short"))
}

/// `n` values and the open list behind them.
pub(super) fn open(n: usize) -> Value {
    Value::Count(Count::open(n as u8).expect("a group is short"))
}

const fn reg(number: u8) -> Value {
    Value::Reg(Reg(number))
}

fn wrapped() -> Function {
    let mut f = Plain::new("wrapped", 1, 3, Some("co"));
    let good = f.0.label();
    f.emit(Op::MoveAny, &[reg(2), reg(0)]);
    f.emit(Op::UpvalueGetAny, &[reg(1), Value::Upvalue(crate::UpvalueId(0))]);
    f.emit(Op::ResumeAny, &[reg(1), exactly(1), exactly(2)]);
    f.emit(Op::JumpTrueAny, &[reg(1), Value::Label(good.target())]);
    f.emit(Op::ThrowAny, &[reg(2)]);
    f.0.bind(good);
    f.emit(Op::RetAny, &[reg(2), exactly(1)]);
    f.0.finish().expect("the label is bound")
}

fn counting() -> Function {
    let mut f = Plain::new("counting", 2, 3, None);
    let done = f.0.label();
    f.emit(Op::JumpNotLtAny, &[reg(1), reg(0), Value::Label(done.target())]);
    f.emit(Op::AddImmAny, &[reg(1), reg(1), Value::Imm(1)]);
    f.emit(Op::MoveAny, &[reg(2), reg(1)]);
    f.emit(Op::RetAny, &[reg(1), exactly(2)]);
    f.0.bind(done);
    f.emit(Op::RetAny, &[reg(0), exactly(0)]);
    f.0.finish().expect("the label is bound")
}

fn methods() -> Function {
    let mut f = Plain::new("methods", 1, 2, None);
    f.emit(Op::TableAny, &[reg(1), Value::Imm(0), Value::Imm(32)]);
    for name in &METHODS[..METHODS.len() - 1] {
        let name = Value::Str(f.0.string(name).expect("there are few names"));
        f.emit(Op::SetNameAny, &[reg(1), reg(0), name]);
    }
    f.emit(Op::RetAny, &[reg(1), exactly(1)]);
    f.0.finish().expect("there are no labels")
}

fn finalizer() -> Function {
    let mut f = Plain::new("finalizer", 1, 2, Some("count"));
    f.emit(Op::UpvalueGetAny, &[reg(1), Value::Upvalue(crate::UpvalueId(0))]);
    f.emit(Op::AddImmAny, &[reg(1), reg(1), Value::Imm(1)]);
    f.emit(Op::UpvalueSetAny, &[Value::Upvalue(crate::UpvalueId(0)), reg(1)]);
    f.emit(Op::RetAny, &[reg(0), exactly(0)]);
    f.0.finish().expect("there are no labels")
}
